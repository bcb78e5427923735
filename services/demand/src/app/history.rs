//! What a member asked for and paid before: what its next file is prepared from.

use kit::{
    Caller, Failure, Role,
    id::{self, PartyId, RoundId},
};
use proto::demand::v1::{ArticleHistory as Wire, ListArticleHistoryRequest, ListArticleHistoryResponse};

use super::{App, references::check_may_state_for};
use crate::{
    convert::{self, Fields},
    store::{
        history::{self, ArticleHistory},
        rounds,
    },
};

impl App {
    /// What a member asked for in rounds that opened before this one, and the prices entered for it, by article.
    ///
    /// # Errors
    /// `INVALID_INPUT`, `ROLE_NOT_ALLOWED`, `NOT_FOUND` for the round.
    pub async fn list_article_history(
        &self,
        caller: &Caller,
        request: ListArticleHistoryRequest,
    ) -> Result<ListArticleHistoryResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer, Role::MemberRequester])?;
        let group = caller.group()?;
        let mut fields = Fields::default();
        let round: Option<RoundId> = fields.id("round_id", &request.round_id);
        let party: Option<PartyId> = fields.id("party_id", &request.party_id);
        fields.finish()?;
        let (Some(round), Some(party)) = (round, party) else {
            return Err(Failure::internal("ids without fault and without value"));
        };
        check_may_state_for(caller, party)?;
        let wanted = convert::page::<id::Article>(caller, request.page.as_ref())?;
        let mut tx = self.db.begin(caller).await?;
        let found = rounds::find(tx.conn(), group, round).await?.ok_or_else(|| Failure::not_found("round", round))?;
        let before = found.terms.opens_at;
        let articles = history::list(tx.conn(), (group, party), before, wanted.after, wanted.size).await?;
        tx.rollback().await?;
        let next_after = convert::next_after(wanted, articles.len(), articles.last().map(|last| last.article_id));
        Ok(ListArticleHistoryResponse { articles: articles.into_iter().map(to_proto).collect(), next_after })
    }
}

fn month(day: chrono::NaiveDate) -> String {
    day.format("%Y-%m").to_string()
}

fn to_proto(history: ArticleHistory) -> Wire {
    Wire {
        article_id: history.article_id.to_string(),
        round_id: history.round_id.map(|id| id.to_string()).unwrap_or_default(),
        round_title: history.title.unwrap_or_default(),
        units: history.units,
        packaging_code: history.packaging_code.unwrap_or_default(),
        quantity: history.quantity,
        site_id: history.site_id.map(|id| id.to_string()).unwrap_or_default(),
        reference: history.reference.unwrap_or_default(),
        reference_price: history.unit_price.map(|price| price.normalize().to_string()).unwrap_or_default(),
        reference_dated_on: history.dated_on.map(|day| day.to_string()).unwrap_or_default(),
        own_code: history.own_code.unwrap_or_default(),
        consumed_units: history.consumed_units.unwrap_or_default(),
        consumed_from: history.consumed_from.map(month).unwrap_or_default(),
        consumed_to: history.consumed_to.map(month).unwrap_or_default(),
        consumed_price: history.consumed_price.map(|price| price.normalize().to_string()).unwrap_or_default(),
    }
}
