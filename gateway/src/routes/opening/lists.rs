//! What was loaded as opening figures, by page.

use axum::{Json, extract::State};
use proto::{demand::v1 as demand, tendering::v1 as pb};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    App,
    dto::{
        all,
        opening::{ConsumptionPage, LotConsumptionPage, MemberCodePage},
        orders::PooledOrderPage,
    },
    pages::{PageParams, Paging},
    problem::Problem,
    session::Session,
    upstream::{call, demand as demand_client, opening, tendering},
};

/// Which rows.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LotFilter {
    /// Only of this lot, `lot_…`.
    pub lot_id: Option<String>,
}

/// Which rows.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MemberFilter {
    /// Only of this member, `pty_…`.
    pub party_id: Option<String>,
}

/// Members' own codes of articles; requesters and receivers see their member's.
#[utoipa::path(get, path = "/v1/groups/{group_id}/opening/codes", tag = "opening", params(MemberFilter, PageParams), responses((status = 200, body = MemberCodePage)))]
pub(super) async fn list_member_codes(
    State(app): State<App>,
    session: Session,
    paging: Paging<MemberFilter>,
) -> Result<Json<MemberCodePage>, Problem> {
    let party_id = paging.filter.party_id.clone().unwrap_or_default();
    let request = demand::ListMemberCodesRequest { party_id, page: paging.page() };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        opening(channel).list_member_codes(request).await
    })
    .await?;
    Ok(Json(MemberCodePage { rows: all(answer.rows), next_page_token: paging.next(&answer.next_after)? }))
}

/// What members consumed before, by month; requesters and receivers see their member's.
#[utoipa::path(get, path = "/v1/groups/{group_id}/opening/consumption", tag = "opening", params(MemberFilter, PageParams), responses((status = 200, body = ConsumptionPage)))]
pub(super) async fn list_consumption(
    State(app): State<App>,
    session: Session,
    paging: Paging<MemberFilter>,
) -> Result<Json<ConsumptionPage>, Problem> {
    let party_id = paging.filter.party_id.clone().unwrap_or_default();
    let request = demand::ListConsumptionRequest { party_id, page: paging.page() };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        opening(channel).list_consumption(request).await
    })
    .await?;
    Ok(Json(ConsumptionPage { rows: all(answer.rows), next_page_token: paging.next(&answer.next_after)? }))
}

/// What members had consumed of lots before they were entered here; requesters and receivers see their member's.
#[utoipa::path(get, path = "/v1/groups/{group_id}/opening/lot-consumption", tag = "opening", params(LotFilter, PageParams), responses((status = 200, body = LotConsumptionPage)))]
pub(super) async fn list_lot_consumption(
    State(app): State<App>,
    session: Session,
    paging: Paging<LotFilter>,
) -> Result<Json<LotConsumptionPage>, Problem> {
    let request =
        pb::ListLotConsumptionRequest { lot_id: paging.filter.lot_id.clone().unwrap_or_default(), page: paging.page() };
    let answer = call(&app.peers.tendering, &session.caller, request, |channel, request| async move {
        tendering(channel).list_lot_consumption(request).await
    })
    .await?;
    Ok(Json(LotConsumptionPage { rows: all(answer.rows), next_page_token: paging.next(&answer.next_after)? }))
}

/// Orders placed before Centrale; requesters and receivers see their member's.
#[utoipa::path(get, path = "/v1/groups/{group_id}/opening/open-orders", tag = "opening", params(PageParams), responses((status = 200, body = PooledOrderPage)))]
pub(super) async fn list_open_orders(
    State(app): State<App>,
    session: Session,
    paging: Paging,
) -> Result<Json<PooledOrderPage>, Problem> {
    let request = demand::ListPooledOrdersRequest { plan_id: String::new(), page: paging.page(), opening_only: true };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        demand_client(channel).list_pooled_orders(request).await
    })
    .await?;
    Ok(Json(PooledOrderPage { orders: all(answer.orders), next_page_token: paging.next(&answer.next_after)? }))
}
