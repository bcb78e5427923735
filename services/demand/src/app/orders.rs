//! Reading pooled orders, order forms and order lines.

use kit::{
    Caller, Failure,
    id::{self, PartyId, PooledOrderId},
};
use proto::demand::v1::{
    GetPooledOrderRequest, GetPooledOrderResponse, ListOrderFormsRequest, ListOrderFormsResponse,
    ListOrderLinesRequest, ListOrderLinesResponse, ListPooledOrdersRequest, ListPooledOrdersResponse,
};

use super::{App, plans::contradict, references::limited_to};
use crate::{
    convert::{
        self, Fields,
        orders::{form_to_proto, order_line_to_proto, order_to_proto, pooled_line_to_proto},
    },
    store::orders,
};

impl App {
    /// Pooled orders of a group (those limited to a member see the ones in which it has a line); in a supplier's session its own
    /// across groups, once placed.
    ///
    /// # Errors
    /// `INVALID_INPUT`.
    pub async fn list_pooled_orders(
        &self,
        caller: &Caller,
        request: ListPooledOrdersRequest,
    ) -> Result<ListPooledOrdersResponse, Failure> {
        let only = limited_to(caller)?;
        let mut fields = Fields::default();
        let plan = fields.optional_id("plan_id", &request.plan_id);
        fields.finish()?;
        let wanted = convert::page::<id::PooledOrder>(caller, request.page.as_ref())?;
        let mut tx = self.db.begin(caller).await?;
        let found = orders::list(tx.conn(), (plan, request.opening_only), only, wanted.after, wanted.size).await?;
        tx.rollback().await?;
        let next_after = convert::next_after(wanted, found.len(), found.last().map(|order| order.row.id));
        let orders = found.into_iter().map(order_to_proto).collect::<Result<_, _>>()?;
        Ok(ListPooledOrdersResponse { orders, next_after })
    }

    /// One pooled order with its lines. They show what all members take together: those limited to a member read its own order
    /// lines instead.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn get_pooled_order(
        &self,
        caller: &Caller,
        request: GetPooledOrderRequest,
    ) -> Result<GetPooledOrderResponse, Failure> {
        let only = limited_to(caller)?;
        let id = order_id(&request.pooled_order_id)?;
        let not_found = || Failure::not_found("pooled order", id);
        let mut tx = self.db.begin(caller).await?;
        let order = orders::find(tx.conn(), id).await?.ok_or_else(not_found)?;
        if only.is_some() && orders::order_lines(tx.conn(), Some(id), only, uuid::Uuid::nil(), 1).await?.is_empty() {
            return Err(not_found());
        }
        let lines = orders::pooled_lines(tx.conn(), order.row.group_id, id).await?;
        tx.rollback().await?;
        let lines = lines.into_iter().map(pooled_line_to_proto).collect();
        Ok(GetPooledOrderResponse { order: Some(order_to_proto(order)?), lines })
    }

    /// Order forms of a group (those limited to a member see the ones it stands on), or of a party across its groups.
    ///
    /// # Errors
    /// `INVALID_INPUT`.
    pub async fn list_order_forms(
        &self,
        caller: &Caller,
        request: ListOrderFormsRequest,
    ) -> Result<ListOrderFormsResponse, Failure> {
        let only = limited_to(caller)?;
        let mut fields = Fields::default();
        let order = fields.optional_id("pooled_order_id", &request.pooled_order_id);
        fields.finish()?;
        let wanted = convert::page::<id::OrderForm>(caller, request.page.as_ref())?;
        let mut tx = self.db.begin(caller).await?;
        let found = orders::forms(tx.conn(), order, only, wanted.after, wanted.size).await?;
        tx.rollback().await?;
        let next_after = convert::next_after(wanted, found.len(), found.last().map(|form| form.id));
        let forms = found.into_iter().map(form_to_proto).collect::<Result<_, _>>()?;
        Ok(ListOrderFormsResponse { forms, next_after })
    }

    /// Order lines with what became of them; visibility as [`App::list_order_forms`].
    ///
    /// # Errors
    /// `INVALID_INPUT`.
    pub async fn list_order_lines(
        &self,
        caller: &Caller,
        request: ListOrderLinesRequest,
    ) -> Result<ListOrderLinesResponse, Failure> {
        let limit = limited_to(caller)?;
        let mut fields = Fields::default();
        let order = fields.optional_id("pooled_order_id", &request.pooled_order_id);
        let asked: Option<PartyId> = fields.optional_id("party_id", &request.party_id);
        fields.finish()?;
        let wanted = convert::page::<id::OrderLine>(caller, request.page.as_ref())?;
        if contradict(limit, asked) {
            return Ok(ListOrderLinesResponse::default());
        }
        let mut tx = self.db.begin(caller).await?;
        let found = orders::order_lines(tx.conn(), order, limit.or(asked), wanted.after, wanted.size).await?;
        tx.rollback().await?;
        let next_after = convert::next_after(wanted, found.len(), found.last().map(|line| line.id));
        Ok(ListOrderLinesResponse { lines: found.into_iter().map(order_line_to_proto).collect(), next_after })
    }
}

pub(super) fn order_id(text: &str) -> Result<PooledOrderId, Failure> {
    text.parse().map_err(|error: id::IdError| Failure::invalid_field("pooled_order_id", error.to_string()))
}
