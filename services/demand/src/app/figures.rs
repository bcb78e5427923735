//! What members spend, order and save by month.

use chrono::{Months, NaiveDate};
use kit::{Caller, Failure};
use proto::demand::v1::{ListMonthFiguresRequest, ListMonthFiguresResponse, MemberMonth};

use super::{App, balances::own_books};
use crate::{
    convert::Fields,
    domain::figures::{MonthFigures, parse_month},
    store::figures,
};

/// Months in one answer at most.
const MOST_MONTHS: u32 = 60;

impl App {
    /// Figures by member and month over orders placed here; visibility as [`App::get_savings`].
    ///
    /// # Errors
    /// `INVALID_INPUT`, `WRONG_SESSION`.
    pub async fn list_month_figures(
        &self,
        caller: &Caller,
        request: ListMonthFiguresRequest,
    ) -> Result<ListMonthFiguresResponse, Failure> {
        let only = own_books(caller)?;
        let group = caller.group()?;
        let mut fields = Fields::default();
        let (from, to) =
            (month(&mut fields, "from_month", &request.from_month), month(&mut fields, "to_month", &request.to_month));
        if let Some((from, to)) = from.zip(to) {
            let most = from.checked_add_months(Months::new(MOST_MONTHS - 1));
            fields.check(
                from <= to && Some(to) <= most,
                "to_month",
                "must not be before from_month, 60 months at most",
            );
        }
        fields.finish()?;
        let (Some(from), Some(to)) = (from, to) else {
            return Err(Failure::internal("months without fault and without value"));
        };
        let mut tx = self.db.begin(caller).await?;
        let months = figures::by_month(tx.conn(), group, only, (from, to)).await?;
        tx.rollback().await?;
        Ok(ListMonthFiguresResponse { months: months.iter().map(to_proto).collect() })
    }
}

fn month(fields: &mut Fields, field: &str, text: &str) -> Option<NaiveDate> {
    let month = parse_month(text);
    fields.check(month.is_some(), field, "must be a month of the form YYYY-MM");
    month
}

fn to_proto(figures: &MonthFigures) -> MemberMonth {
    MemberMonth {
        party_id: figures.party.to_string(),
        month: figures.month.format("%Y-%m").to_string(),
        spend_cents: figures.spend_cents,
        orders: figures.orders,
        committed_saving_cents: figures.committed_cents,
        realised_saving_cents: figures.realised_cents,
    }
}
