//! What is expected, and what is given up.

use kit::{
    command::Claim,
    error::Failure,
    identity::{Caller, Role},
};
use proto::logistics::v1::{
    CancelOutstandingRequest, CancelOutstandingResponse, ListExpectedRequest, ListExpectedResponse,
};

use super::{App, append_cancelled};
use crate::{
    convert::{self, Faults},
    domain::LogisticsError,
    store::{
        self,
        allocations::{self, New, Origin},
        expected::{self, Which},
    },
};

impl App {
    /// A page of what is expected per order, article and destination.
    ///
    /// # Errors
    /// `INVALID_INPUT`.
    pub async fn list_expected(
        &self,
        caller: &Caller,
        request: ListExpectedRequest,
    ) -> Result<ListExpectedResponse, Failure> {
        let mine = Self::mine(caller)?;
        let mut faults = Faults::default();
        let order = faults.optional_id("pooled_order_id", &request.pooled_order_id);
        let size = convert::page_size(&mut faults, caller, request.page.as_ref());
        let after = convert::item_key(&mut faults, convert::after(request.page.as_ref()));
        faults.finish(Some(()))?;
        let mut tx = self.db.begin(caller).await?;
        let limit = i64::try_from(size).map_err(Failure::internal)? + 1;
        let rows = expected::list_expected(tx.conn(), mine, order, request.open_only, after, limit).await?;
        tx.rollback().await?;
        let (rows, more) = store::fit(rows, size, i64::MAX, |_| 1);
        let last = rows.last().filter(|_| more);
        let key = |row: &expected::ExpectedSum| (row.pooled_order_id, row.pooled_line_id, row.destination_site_id);
        Ok(ListExpectedResponse {
            expected: rows.iter().map(convert::expected_to_proto).collect(),
            next_after: last.map(|row| convert::item_key_text(&key(row))).unwrap_or_default(),
        })
    }

    /// Gives up what is open of an order's article, at all its destinations. What is under way or in a delivery stays.
    ///
    /// # Errors
    /// `NOT_FOUND`; `NOTHING_OPEN`.
    pub async fn cancel_outstanding(
        &self,
        caller: &Caller,
        request: CancelOutstandingRequest,
    ) -> Result<CancelOutstandingResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let group_id = caller.group()?;
        let (order_id, pooled_line_id, cause) = convert::cancellation(&request)?;
        let method = "centrale.logistics.v1.LogisticsService/CancelOutstanding";
        let mut command =
            match self.db.command::<CancelOutstandingResponse>(caller, method, &request.request_id, &request).await? {
                Claim::Replayed(reply) => return Ok(reply),
                Claim::Fresh(command) => command,
            };
        let order = expected::lock_order(command.conn(), order_id).await?;
        let order = order.ok_or_else(|| Failure::not_found("pooled order", order_id))?;
        let which = Which { pooled_lines: Some(vec![pooled_line_id]), ..Which::default() };
        let mut items = expected::load_items(command.conn(), order.id, &which).await?;
        if items.is_empty() {
            return Err(Failure::not_found("pooled line", pooled_line_id));
        }
        let at = command.now().await?;
        let origin = Origin { group_id, pooled_order_id: order.id, shipment_id: None, at };
        let mut sharings = Vec::new();
        for item in items.iter_mut().filter(|item| item.open() > 0) {
            let sharing = item.cancel(item.open())?;
            let broken = || LogisticsError::Books(format!("{pooled_line_id}: what is open cannot be cancelled"));
            sharings.push((item.destination, sharing.ok_or_else(broken)?));
        }
        if sharings.is_empty() {
            return Err(LogisticsError::NothingOpen { pooled_line_id: pooled_line_id.to_string() }.into());
        }
        expected::save_items(command.conn(), order.id, &items.iter().collect::<Vec<_>>()).await?;
        let allocations: Vec<_> =
            sharings.iter().map(|(destination, sharing)| New::of(*destination, sharing)).collect();
        allocations::insert_allocations(command.conn(), &origin, &allocations).await?;
        let sharings: Vec<_> = sharings.into_iter().map(|(_, sharing)| sharing).collect();
        append_cancelled(&mut command, order.id, &sharings, &cause).await?;
        let units_cancelled = sharings.iter().map(|sharing| sharing.units).sum();
        command.finish(CancelOutstandingResponse { units_cancelled }).await
    }
}
