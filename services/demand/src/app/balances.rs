//! Balances: ordered = delivered + cancelled + outstanding, for each member, article and delivery point.

use kit::{
    Caller, Failure, Scope,
    id::{self, PartyId},
};
use proto::{
    common::v1::Page,
    demand::v1::{ListBalancesRequest, ListBalancesResponse},
};

use super::{App, plans::contradict, references::limited_to};
use crate::{
    convert::{
        self, Fields,
        orders::{balance_key, balance_key_to_proto, balance_to_proto},
    },
    store::books,
};

impl App {
    /// What became of what was ordered: of a group (those limited to a member see its own), or of a party across its groups. A
    /// supplier has none: balances are the members'.
    ///
    /// # Errors
    /// `INVALID_INPUT`.
    pub async fn list_balances(
        &self,
        caller: &Caller,
        request: ListBalancesRequest,
    ) -> Result<ListBalancesResponse, Failure> {
        let limit = own_books(caller)?;
        let mut fields = Fields::default();
        let asked: Option<PartyId> = fields.optional_id("party_id", &request.party_id);
        fields.finish()?;
        let page = request.page.unwrap_or_default();
        let after = balance_key(&page.after)?;
        let size = Page { size: page.size, after: String::new() };
        let wanted = convert::page::<id::Party>(caller, Some(&size))?;
        if contradict(limit, asked) {
            return Ok(ListBalancesResponse::default());
        }
        let mut tx = self.db.begin(caller).await?;
        let found = books::balances(tx.conn(), limit.or(asked), after, wanted.size).await?;
        tx.rollback().await?;
        let full = usize::try_from(wanted.size).is_ok_and(|size| found.len() >= size);
        let last = found.last().filter(|_| full);
        let next_after = last.map(|last| balance_key_to_proto((last.party_id, last.article_id, last.site_id)));
        let balances = found.iter().map(balance_to_proto).collect();
        Ok(ListBalancesResponse { balances, next_after: next_after.unwrap_or_default() })
    }
}

/// Whose books a caller may read: all of the group's, or one member's. In a party's session the party's own, although a
/// supplier's policies let through its customers' lines too.
///
/// # Errors
/// As [`limited_to`].
pub(super) fn own_books(caller: &Caller) -> Result<Option<PartyId>, Failure> {
    match caller.scope {
        Scope::Party(party) => Ok(Some(party)),
        Scope::Group(_) | Scope::Deployment => limited_to(caller),
    }
}
