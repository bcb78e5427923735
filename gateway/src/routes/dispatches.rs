//! Placed orders on their way to their suppliers by e-mail.

use axum::{Json, extract::State};
use proto::demand::v1 as pb;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Id, orders::OrderFilter};
use crate::{
    App,
    dto::{
        all,
        dispatches::{Dispatch, DispatchPage},
    },
    idempotency::RequestId,
    pages::{PageParams, Paging},
    problem::Problem,
    session::Session,
    upstream::{call, demand, promised},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list_dispatches)).routes(routes!(resend_order))
}

/// Placed orders and what became of sending them: waiting, sent, without address, refused by a mail server.
#[utoipa::path(get, path = "/v1/groups/{group_id}/dispatches", tag = "orders", params(OrderFilter, PageParams), responses((status = 200, body = DispatchPage)))]
async fn list_dispatches(
    State(app): State<App>,
    session: Session,
    paging: Paging<OrderFilter>,
) -> Result<Json<DispatchPage>, Problem> {
    let request = pb::ListDispatchesRequest {
        pooled_order_id: paging.filter.pooled_order_id.clone().unwrap_or_default(),
        page: paging.page(),
    };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        demand(channel).list_dispatches(request).await
    })
    .await?;
    Ok(Json(DispatchPage {
        dispatches: all(answer.dispatches),
        mail_configured: app.post.is_some(),
        next_page_token: paging.next(&answer.next_after)?,
    }))
}

/// Sends a placed order to its supplier again: as a new mail when the last one left, otherwise the waiting one at once.
#[utoipa::path(post, path = "/v1/groups/{group_id}/pooled-orders/{pooled_order_id}/resend", tag = "orders", responses((status = 200, body = Dispatch)))]
async fn resend_order(
    State(app): State<App>,
    session: Session,
    Id(pooled_order_id): Id,
    RequestId(request_id): RequestId,
) -> Result<Json<Dispatch>, Problem> {
    let request = pb::ResendOrderRequest { request_id, pooled_order_id };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        demand(channel).resend_order(request).await
    })
    .await?;
    Ok(Json(promised(answer.dispatch, "dispatch")?.into()))
}
