//! Placed orders on their way to their suppliers by e-mail. The gateway makes the files and sends; here is what it has to send,
//! who is sending it, and what became of it.
//!
//! A sender leases a dispatch, sends, and records. Should it die between the two, another sends the same mail again under
//! the same Message-ID when the lease has run out: at least once on the wire, recorded once.

use std::time::Duration;

use kit::{
    Caller, Failure, Role, Scope,
    command::Claim,
    error::CommonError,
    id::{self, DispatchId, PooledOrderId},
};
use proto::demand::v1::{
    DispatchOutcome, LeaseDispatchesRequest, LeaseDispatchesResponse, LeasedDispatch, ListDispatchesRequest,
    ListDispatchesResponse, OrderDispatched, RecordDispatchRequest, RecordDispatchResponse, ResendOrderRequest,
    ResendOrderResponse,
};
use uuid::Uuid;

use super::{App, orders::order_id};
use crate::{
    convert::{self, Fields, dispatches::dispatch_to_proto},
    domain::{
        dispatch::{DispatchState, backoff},
        order::OrderState,
        order_error::OrderError,
    },
    store::{
        dispatches::{self, Dispatch, Mail},
        orders,
    },
};

/// Most dispatches in one lease.
const LEASE_LIMIT: i32 = 20;
/// Longest lease in seconds.
const LEASE_SECONDS: i32 = 600;
/// Most characters kept of an error.
const ERROR_LIMIT: usize = 500;

impl App {
    /// Takes dispatches that are due, of any group, for the caller to send.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED` for anybody but the gateway itself, `WRONG_SESSION`, `INVALID_INPUT`.
    pub async fn lease_dispatches(
        &self,
        caller: &Caller,
        request: LeaseDispatchesRequest,
    ) -> Result<LeaseDispatchesResponse, Failure> {
        require_gateway(caller)?;
        if caller.scope != Scope::Deployment {
            return Err(CommonError::WrongSession("the deployment").into());
        }
        let mut fields = Fields::default();
        fields.check((1..=LEASE_LIMIT).contains(&request.limit), "limit", format!("must be 1 to {LEASE_LIMIT}"));
        let within = (1..=LEASE_SECONDS).contains(&request.lease_s);
        fields.check(within, "lease_s", format!("must be 1 to {LEASE_SECONDS}"));
        fields.finish()?;
        let holder = Uuid::now_v7();
        let lease = Duration::from_secs(u64::from(request.lease_s.unsigned_abs()));
        let mut tx = self.db.begin_worker().await?;
        let leased = dispatches::lease(tx.conn(), holder, lease, i64::from(request.limit)).await?;
        tx.commit().await?;
        let leased = leased.into_iter().map(|dispatch| LeasedDispatch {
            dispatch_id: dispatch.row.id.to_string(),
            group_id: dispatch.row.group_id.to_string(),
            pooled_order_id: dispatch.row.pooled_order_id.to_string(),
            supplier_id: dispatch.row.supplier_id.to_string(),
            sending: dispatch.row.sending,
            holder: holder.to_string(),
        });
        Ok(LeaseDispatchesResponse { leased: leased.collect() })
    }

    /// Records what became of a leased dispatch. That a mail left is recorded even when the lease was lost meanwhile; anything else
    /// only by who holds it.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED` for anybody but the gateway itself, `NOT_FOUND`, `INVALID_INPUT`.
    pub async fn record_dispatch(
        &self,
        caller: &Caller,
        request: RecordDispatchRequest,
    ) -> Result<RecordDispatchResponse, Failure> {
        require_gateway(caller)?;
        let group = caller.group()?;
        let mut fields = Fields::default();
        let id = fields.id::<id::Dispatch>("dispatch_id", &request.dispatch_id);
        let outcome = request.outcome();
        fields.check(outcome != DispatchOutcome::Unspecified, "outcome", "must be given");
        let told = outcome != DispatchOutcome::Sent || !(request.sent_to.is_empty() || request.message_id.is_empty());
        fields.check(told, "sent_to", "must be given with message_id when the mail was sent");
        fields.finish()?;
        let id = id.ok_or_else(|| Failure::internal("an id without fault and without value"))?;
        let method = "centrale.demand.v1.DemandService/RecordDispatch";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let found = dispatches::lock(command.conn(), group, id).await?;
        let Dispatch { row, state } = found.ok_or_else(|| Failure::not_found("dispatch", id))?;
        let holds = row.holder.is_some_and(|holder| holder.to_string() == request.holder);
        let current = state == DispatchState::Waiting && row.sending == request.sending;
        let error: String = request.error.chars().take(ERROR_LIMIT).collect();
        let kind = match outcome {
            DispatchOutcome::Sent if current => {
                let now = command.now().await?;
                let mail = Mail { to: &request.sent_to, message_id: &request.message_id };
                dispatches::save_sent(command.conn(), &row, mail, now).await?;
                Some("demand.order_sent.v1")
            }
            DispatchOutcome::NoAddress if current && holds => {
                dispatches::save_unsent(command.conn(), &row, DispatchState::NoAddress, "").await?;
                Some("demand.order_not_sent.v1")
            }
            DispatchOutcome::Failed if current && holds => {
                dispatches::save_unsent(command.conn(), &row, DispatchState::Failed, &error).await?;
                Some("demand.order_not_sent.v1")
            }
            DispatchOutcome::Later if current && holds => {
                let attempts = u32::try_from(row.attempts).unwrap_or(u32::MAX).saturating_add(1);
                dispatches::postpone(command.conn(), &row, &error, backoff(attempts)).await?;
                None
            }
            DispatchOutcome::Sent
            | DispatchOutcome::NoAddress
            | DispatchOutcome::Failed
            | DispatchOutcome::Later
            | DispatchOutcome::Unspecified => None,
        };
        let found = dispatches::lock(command.conn(), group, id).await?;
        let dispatch = found.ok_or_else(|| Failure::not_found("dispatch", id))?;
        if let Some(kind) = kind {
            command.append(row.pooled_order_id.uuid(), kind, &dispatched(&dispatch)).await?;
        }
        command.finish(RecordDispatchResponse { dispatch: Some(dispatch_to_proto(dispatch)) }).await
    }

    /// Dispatches of the group.
    ///
    /// # Errors
    /// `INVALID_INPUT`.
    pub async fn list_dispatches(
        &self,
        caller: &Caller,
        request: ListDispatchesRequest,
    ) -> Result<ListDispatchesResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer, Role::Auditor, Role::Service])?;
        let group = caller.group()?;
        let mut fields = Fields::default();
        let order: Option<PooledOrderId> = fields.optional_id("pooled_order_id", &request.pooled_order_id);
        fields.finish()?;
        let wanted = convert::page::<id::Dispatch>(caller, request.page.as_ref())?;
        let mut tx = self.db.begin(caller).await?;
        let found = dispatches::list(tx.conn(), group, order, wanted.after, wanted.size).await?;
        tx.rollback().await?;
        let last: Option<DispatchId> = found.last().map(|dispatch| dispatch.row.id);
        let next_after = convert::next_after(wanted, found.len(), last);
        Ok(ListDispatchesResponse { dispatches: found.into_iter().map(dispatch_to_proto).collect(), next_after })
    }

    /// Sends an order again: as a new mail when the last one left, otherwise the waiting one at once.
    ///
    /// # Errors
    /// `NOT_FOUND`, `ORDER_NOT_PLACED`.
    pub async fn resend_order(
        &self,
        caller: &Caller,
        request: ResendOrderRequest,
    ) -> Result<ResendOrderResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let group = caller.group()?;
        let id = order_id(&request.pooled_order_id)?;
        let method = "centrale.demand.v1.DemandService/ResendOrder";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let order = orders::lock(command.conn(), group, id).await?;
        let order = order.ok_or_else(|| Failure::not_found("pooled order", id))?;
        match order.state {
            OrderState::Placed | OrderState::Answered => {}
            OrderState::Placing | OrderState::Refused => {
                let state = order.state.name().to_owned();
                return Err(OrderError::OrderNotPlaced { order: id.to_string(), state }.into());
            }
        }
        // An order that was placed before Centrale has none.
        let none = || Failure::not_found("dispatch", id);
        let dispatch = dispatches::lock_of_order(command.conn(), group, id).await?.ok_or_else(none)?;
        let sending = dispatch.row.sending + i32::from(dispatch.state == DispatchState::Sent);
        dispatches::save_again(command.conn(), &dispatch.row, sending).await?;
        let dispatch = dispatches::lock_of_order(command.conn(), group, id).await?.ok_or_else(none)?;
        command.append(id.uuid(), "demand.order_resend_asked.v1", &dispatched(&dispatch)).await?;
        command.finish(ResendOrderResponse { dispatch: Some(dispatch_to_proto(dispatch)) }).await
    }
}

/// Whoever else has a service's role must not take an order from its way.
fn require_gateway(caller: &Caller) -> Result<(), Failure> {
    caller.require(&[Role::Service])?;
    if caller.subject == "service:gateway" {
        return Ok(());
    }
    Err(CommonError::RoleNotAllowed { needed: "the gateway".to_owned() }.into())
}

fn dispatched(dispatch: &Dispatch) -> OrderDispatched {
    OrderDispatched {
        pooled_order_id: dispatch.row.pooled_order_id.to_string(),
        supplier_id: dispatch.row.supplier_id.to_string(),
        sending: dispatch.row.sending,
        state: dispatch.state.name().to_owned(),
    }
}
