//! Savings against what members paid before.

use kit::{Caller, Failure};
use proto::demand::v1::{GetSavingsRequest, GetSavingsResponse};

use super::{App, balances::own_books};
use crate::{
    convert::{Fields, orders::savings_to_proto},
    domain::savings::total_cents,
    store::books,
};

impl App {
    /// Savings per member over placed orders, losers included; visibility as [`App::list_balances`].
    ///
    /// # Errors
    /// `INVALID_INPUT`.
    pub async fn get_savings(
        &self,
        caller: &Caller,
        request: GetSavingsRequest,
    ) -> Result<GetSavingsResponse, Failure> {
        let only = own_books(caller)?;
        let mut fields = Fields::default();
        let round = fields.optional_id("round_id", &request.round_id);
        fields.finish()?;
        let mut tx = self.db.begin(caller).await?;
        let members = books::savings(tx.conn(), only, round).await?;
        tx.rollback().await?;
        let savings_cents = total_cents(&members);
        Ok(GetSavingsResponse { members: members.iter().map(savings_to_proto).collect(), savings_cents })
    }
}
