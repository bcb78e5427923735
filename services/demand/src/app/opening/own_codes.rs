//! A member's own codes in the article column of its needs.

use std::collections::HashMap;

use kit::{
    Caller, Failure,
    id::{ArticleId, PartyId},
};

use crate::{app::App, store::opening::find_codes};

/// What a member may write before an own code that looks like something else.
const PREFIX: &str = "code:";

/// A member's own codes among some references.
#[derive(Default)]
pub(crate) struct OwnCodes {
    articles: HashMap<String, ArticleId>,
    /// By the code without zeros in front of it.
    near: HashMap<String, String>,
}

impl OwnCodes {
    /// What the catalogue is asked for a reference: the article of an own code, or the reference itself.
    pub(crate) fn reference(&self, text: &str) -> String {
        match self.articles.get(text.strip_prefix(PREFIX).unwrap_or(text)) {
            Some(article) => article.to_string(),
            None => text.to_owned(),
        }
    }

    /// The own code that a reference would be with zeros in front of it, when it is none itself.
    pub(crate) fn near(&self, text: &str) -> Option<&str> {
        let code = text.strip_prefix(PREFIX).unwrap_or(text);
        let near = self.near.get(code.trim_start_matches('0'))?;
        (!self.articles.contains_key(code) && near != code).then_some(near)
    }
}

impl App {
    /// Members' own codes that their references are, or nearly are.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn own_codes<'a>(
        &self,
        caller: &Caller,
        references: impl Iterator<Item = (PartyId, &'a [String])>,
    ) -> Result<HashMap<PartyId, OwnCodes>, Failure> {
        let mut own: HashMap<PartyId, OwnCodes> = HashMap::new();
        let asked: Vec<(PartyId, &str)> = references
            .flat_map(|(party, texts)| texts.iter().map(move |text| (party, text.strip_prefix(PREFIX).unwrap_or(text))))
            .collect();
        if asked.is_empty() {
            return Ok(own);
        }
        let mut tx = self.db.begin(caller).await?;
        for found in find_codes(tx.conn(), caller.group()?, &asked).await? {
            let own = own.entry(found.party_id).or_default();
            own.near.insert(found.code.trim_start_matches('0').to_owned(), found.code.clone());
            own.articles.insert(found.code, found.article_id);
        }
        tx.rollback().await?;
        Ok(own)
    }
}
