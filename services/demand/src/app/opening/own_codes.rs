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
    /// A member's own codes that references are, or nearly are.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn own_codes(
        &self,
        caller: &Caller,
        party: PartyId,
        references: &[String],
    ) -> Result<OwnCodes, Failure> {
        let mut own = OwnCodes { articles: HashMap::new(), near: HashMap::new() };
        if references.is_empty() {
            return Ok(own);
        }
        let asked: Vec<(PartyId, &str)> =
            references.iter().map(|text| (party, text.strip_prefix(PREFIX).unwrap_or(text))).collect();
        let mut tx = self.db.begin(caller).await?;
        for found in find_codes(tx.conn(), caller.group()?, &asked).await? {
            own.near.insert(found.code.trim_start_matches('0').to_owned(), found.code.clone());
            own.articles.insert(found.code, found.article_id);
        }
        tx.rollback().await?;
        Ok(own)
    }
}
