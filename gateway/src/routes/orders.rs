//! Pooled orders, order forms and what became of them.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
};
use proto::demand::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Id;
use crate::{
    App,
    body::Body,
    dto::{
        all,
        orders::{
            BalancePage, LineAnswer, MemberSavings, OrderFormPage, OrderLinePage, PooledOrder, PooledOrderLine,
            PooledOrderPage,
        },
    },
    etag::{IfMatchMaybe, changed, tagged},
    idempotency::RequestId,
    order_file::{self, Format},
    pages::{PageParams, Paging, Params},
    problem::Problem,
    session::Session,
    upstream::{call, demand, promised},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_pooled_orders))
        .routes(routes!(get_pooled_order))
        .routes(routes!(download_pooled_order))
        .routes(routes!(answer_pooled_order))
        .routes(routes!(list_order_forms))
        .routes(routes!(list_order_lines))
        .routes(routes!(list_balances))
        .routes(routes!(get_savings))
}

/// Which pooled orders.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PooledOrderFilter {
    /// Only of this plan, `pln_…`.
    pub plan_id: Option<String>,
}

/// Pooled orders of the group.
#[utoipa::path(get, path = "/v1/groups/{group_id}/pooled-orders", tag = "orders", params(PooledOrderFilter, PageParams), responses((status = 200, body = PooledOrderPage)))]
async fn list_pooled_orders(
    State(app): State<App>,
    session: Session,
    paging: Paging<PooledOrderFilter>,
) -> Result<Json<PooledOrderPage>, Problem> {
    pooled_orders(&app, &session, &paging).await
}

/// Pooled orders that a session sees.
pub(super) async fn pooled_orders(
    app: &App,
    session: &Session,
    paging: &Paging<PooledOrderFilter>,
) -> Result<Json<PooledOrderPage>, Problem> {
    let request = pb::ListPooledOrdersRequest {
        plan_id: paging.filter.plan_id.clone().unwrap_or_default(),
        page: paging.page(),
        opening_only: false,
    };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        demand(channel).list_pooled_orders(request).await
    })
    .await?;
    Ok(Json(PooledOrderPage { orders: all(answer.orders), next_page_token: paging.next(&answer.next_after)? }))
}

/// A pooled order with its lines.
#[derive(Serialize, ToSchema)]
pub struct PooledOrderWithLines {
    /// The order.
    pub order: PooledOrder,
    /// Its lines.
    pub lines: Vec<PooledOrderLine>,
}

/// One pooled order with its lines.
#[utoipa::path(get, path = "/v1/groups/{group_id}/pooled-orders/{pooled_order_id}", tag = "orders", responses((status = 200, body = PooledOrderWithLines)))]
async fn get_pooled_order(
    State(app): State<App>,
    session: Session,
    Id(pooled_order_id): Id,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    pooled_order(&app, &session, pooled_order_id, &headers).await
}

/// A pooled order that a session sees.
pub(super) async fn pooled_order(
    app: &App,
    session: &Session,
    pooled_order_id: String,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let request = pb::GetPooledOrderRequest { pooled_order_id };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        demand(channel).get_pooled_order(request).await
    })
    .await?;
    let order = PooledOrder::from(promised(answer.order, "order")?);
    Ok(tagged(headers, order.version, PooledOrderWithLines { order, lines: all(answer.lines) }))
}

/// In which form.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FileParams {
    /// `csv` unless given.
    #[serde(default)]
    #[param(inline)]
    pub format: Format,
}

/// The order as a file for its supplier, with its order forms and delivery points.
///
/// CSV: one line per article and delivery point, UTF-8 with byte order mark, `;` between cells, decimal comma. Workbook and PDF: the
/// envelope, one order form per buyer with its delivery points, VAT per rate. A PDF holds at most 10,000 order lines.
#[utoipa::path(
    get,
    path = "/v1/groups/{group_id}/pooled-orders/{pooled_order_id}/file",
    tag = "orders",
    params(FileParams),
    responses((status = 200, description = "The file.", content(
        (String = "text/csv"), (Vec<u8> = "application/pdf"),
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))))
)]
async fn download_pooled_order(
    State(app): State<App>,
    session: Session,
    Id(pooled_order_id): Id,
    Params(FileParams { format }): Params<FileParams>,
) -> Result<Response, Problem> {
    order_as_file(&app, &session, &pooled_order_id, format).await
}

/// The file of an order that a session sees.
pub(super) async fn order_as_file(
    app: &App,
    session: &Session,
    pooled_order_id: &str,
    format: Format,
) -> Result<Response, Problem> {
    let file = order_file::make(app, &session.caller, pooled_order_id, format).await?;
    let headers = [
        (header::CONTENT_TYPE, format.media_type().to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", file.name)),
    ];
    Ok((headers, file.content).into_response())
}

/// The supplier's answer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderAnswer {
    /// Every line once; none at all accepts everything.
    #[serde(default)]
    pub lines: Vec<LineAnswer>,
    /// `PORTAL` for the supplier itself; `PHONE`, `EMAIL` or `FILE` when an officer enters what it said.
    #[schema(example = "PORTAL")]
    pub means: String,
}

/// Records the supplier's answer, line by line; what it does not accept is cancelled.
#[utoipa::path(post, path = "/v1/groups/{group_id}/pooled-orders/{pooled_order_id}/answer", tag = "orders", request_body = OrderAnswer, responses((status = 200, body = PooledOrder)))]
async fn answer_pooled_order(
    State(app): State<App>,
    session: Session,
    Id(pooled_order_id): Id,
    RequestId(request_id): RequestId,
    IfMatchMaybe(expected_version): IfMatchMaybe,
    Body(OrderAnswer { lines, means }): Body<OrderAnswer>,
) -> Result<Response, Problem> {
    let request = pb::AnswerOrderRequest { request_id, pooled_order_id, lines: all(lines), means, expected_version };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        demand(channel).answer_order(request).await
    })
    .await?;
    let order = PooledOrder::from(promised(answer.order, "order")?);
    Ok(changed(order.version, order))
}

/// Of which order.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OrderFilter {
    /// Only of this pooled order, `por_…`.
    pub pooled_order_id: Option<String>,
}

/// Order forms of the group; requesters and receivers see their member's.
#[utoipa::path(get, path = "/v1/groups/{group_id}/order-forms", tag = "orders", params(OrderFilter, PageParams), responses((status = 200, body = OrderFormPage)))]
async fn list_order_forms(
    State(app): State<App>,
    session: Session,
    paging: Paging<OrderFilter>,
) -> Result<Json<OrderFormPage>, Problem> {
    order_forms(&app, &session, &paging).await
}

/// Order forms that a session sees.
pub(super) async fn order_forms(
    app: &App,
    session: &Session,
    paging: &Paging<OrderFilter>,
) -> Result<Json<OrderFormPage>, Problem> {
    let pooled_order_id = paging.filter.pooled_order_id.clone().unwrap_or_default();
    let request = pb::ListOrderFormsRequest { pooled_order_id, page: paging.page() };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        demand(channel).list_order_forms(request).await
    })
    .await?;
    Ok(Json(OrderFormPage { forms: all(answer.forms), next_page_token: paging.next(&answer.next_after)? }))
}

/// Which order lines.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OrderLineFilter {
    /// Only of this pooled order, `por_…`.
    pub pooled_order_id: Option<String>,
    /// Only of this member, `pty_…`.
    pub party_id: Option<String>,
}

/// Order lines with what became of them; requesters and receivers see their member's.
#[utoipa::path(get, path = "/v1/groups/{group_id}/order-lines", tag = "orders", params(OrderLineFilter, PageParams), responses((status = 200, body = OrderLinePage)))]
async fn list_order_lines(
    State(app): State<App>,
    session: Session,
    paging: Paging<OrderLineFilter>,
) -> Result<Json<OrderLinePage>, Problem> {
    order_lines(&app, &session, &paging).await
}

/// Order lines that a session sees.
pub(super) async fn order_lines(
    app: &App,
    session: &Session,
    paging: &Paging<OrderLineFilter>,
) -> Result<Json<OrderLinePage>, Problem> {
    let request = pb::ListOrderLinesRequest {
        pooled_order_id: paging.filter.pooled_order_id.clone().unwrap_or_default(),
        party_id: paging.filter.party_id.clone().unwrap_or_default(),
        page: paging.page(),
    };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        demand(channel).list_order_lines(request).await
    })
    .await?;
    Ok(Json(OrderLinePage { lines: all(answer.lines), next_page_token: paging.next(&answer.next_after)? }))
}

/// Of which member.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BalanceFilter {
    /// Only of this member, `pty_…`.
    pub party_id: Option<String>,
}

/// Ordered, delivered, cancelled and outstanding per member, article and delivery point.
#[utoipa::path(get, path = "/v1/groups/{group_id}/balances", tag = "orders", params(BalanceFilter, PageParams), responses((status = 200, body = BalancePage)))]
async fn list_balances(
    State(app): State<App>,
    session: Session,
    paging: Paging<BalanceFilter>,
) -> Result<Json<BalancePage>, Problem> {
    let request =
        pb::ListBalancesRequest { party_id: paging.filter.party_id.clone().unwrap_or_default(), page: paging.page() };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        demand(channel).list_balances(request).await
    })
    .await?;
    Ok(Json(BalancePage { balances: all(answer.balances), next_page_token: paging.next(&answer.next_after)? }))
}

/// Of which round.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SavingsParams {
    /// Only of this round, `rnd_…`.
    pub round_id: Option<String>,
}

/// Savings of a group (gains achat), without VAT.
#[derive(Serialize, ToSchema)]
pub struct Savings {
    /// Per member, by id; those that lose too.
    pub members: Vec<MemberSavings>,
    /// Their sum, cents EUR.
    #[schema(example = 1840025)]
    pub savings_cents: i64,
}

/// Savings per member against what it paid before.
#[utoipa::path(get, path = "/v1/groups/{group_id}/savings", tag = "orders", params(SavingsParams), responses((status = 200, body = Savings)))]
async fn get_savings(
    State(app): State<App>,
    session: Session,
    Params(SavingsParams { round_id }): Params<SavingsParams>,
) -> Result<Json<Savings>, Problem> {
    let request = pb::GetSavingsRequest { round_id: round_id.unwrap_or_default() };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        demand(channel).get_savings(request).await
    })
    .await?;
    Ok(Json(Savings { members: all(answer.members), savings_cents: answer.savings_cents }))
}
