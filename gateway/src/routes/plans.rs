//! Pooled plans: computed from a snapshot, explained, approved, placed.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
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
        needs::SnapshotLinePage,
        orders::PooledOrder,
        plans::{Plan, PlanExclusionPage, PlanLinePage, PlanSharePage},
    },
    etag::{IfMatchMaybe, changed, tagged},
    idempotency::RequestId,
    pages::{PageParams, Paging},
    problem::Problem,
    session::Session,
    upstream::{LONG, call, call_within, demand, promised},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_snapshot_lines))
        .routes(routes!(plan_round))
        .routes(routes!(get_plan))
        .routes(routes!(list_plan_lines))
        .routes(routes!(list_plan_shares))
        .routes(routes!(list_plan_exclusions))
        .routes(routes!(approve_plan))
        .routes(routes!(record_commitment))
        .routes(routes!(place_orders))
}

/// Needs of a snapshot per article, with how many members and in which packagings they were typed.
#[utoipa::path(get, path = "/v1/groups/{group_id}/snapshots/{snapshot_id}/lines", tag = "plans", params(PageParams), responses((status = 200, body = SnapshotLinePage)))]
async fn list_snapshot_lines(
    State(app): State<App>,
    session: Session,
    Id(snapshot_id): Id,
    paging: Paging,
) -> Result<Json<SnapshotLinePage>, Problem> {
    let request = pb::ListSnapshotLinesRequest { snapshot_id, page: paging.page() };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        demand(channel).list_snapshot_lines(request).await
    })
    .await?;
    Ok(Json(SnapshotLinePage { lines: all(answer.lines), next_page_token: paging.next(&answer.next_after)? }))
}

/// Computes the pooled plan of a snapshot: lots, packs, tiers and shares, each explained.
#[utoipa::path(post, path = "/v1/groups/{group_id}/snapshots/{snapshot_id}/plan", tag = "plans", responses((status = 201, body = Plan)))]
async fn plan_round(
    State(app): State<App>,
    session: Session,
    Id(snapshot_id): Id,
    RequestId(request_id): RequestId,
) -> Result<(StatusCode, Json<Plan>), Problem> {
    let request = pb::PlanRoundRequest { request_id, snapshot_id };
    let answer = call_within(LONG, &app.peers.demand, &session.caller, request, |channel, request| async move {
        demand(channel).plan_round(request).await
    })
    .await?;
    Ok((StatusCode::CREATED, Json(promised(answer.plan, "plan")?.into())))
}

/// One plan with its totals.
#[utoipa::path(get, path = "/v1/groups/{group_id}/plans/{plan_id}", tag = "plans", responses((status = 200, body = Plan)))]
async fn get_plan(
    State(app): State<App>,
    session: Session,
    Id(plan_id): Id,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let answer =
        call(&app.peers.demand, &session.caller, pb::GetPlanRequest { plan_id }, |channel, request| async move {
            demand(channel).get_plan(request).await
        })
        .await?;
    let plan = Plan::from(promised(answer.plan, "plan")?);
    Ok(tagged(&headers, plan.version, plan))
}

/// Lines of a plan with their explanation.
#[utoipa::path(get, path = "/v1/groups/{group_id}/plans/{plan_id}/lines", tag = "plans", params(PageParams), responses((status = 200, body = PlanLinePage)))]
async fn list_plan_lines(
    State(app): State<App>,
    session: Session,
    Id(plan_id): Id,
    paging: Paging,
) -> Result<Json<PlanLinePage>, Problem> {
    let request = pb::ListPlanLinesRequest { plan_id, page: paging.page() };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        demand(channel).list_plan_lines(request).await
    })
    .await?;
    Ok(Json(PlanLinePage { lines: all(answer.lines), next_page_token: paging.next(&answer.next_after)? }))
}

/// Which shares.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ShareFilter {
    /// Only of this member, `pty_…`.
    pub party_id: Option<String>,
    /// Only of this line, `pll_…`.
    pub plan_line_id: Option<String>,
}

/// Shares of a plan, one per need; requesters and receivers see their member's.
#[utoipa::path(get, path = "/v1/groups/{group_id}/plans/{plan_id}/shares", tag = "plans", params(ShareFilter, PageParams), responses((status = 200, body = PlanSharePage)))]
async fn list_plan_shares(
    State(app): State<App>,
    session: Session,
    Id(plan_id): Id,
    paging: Paging<ShareFilter>,
) -> Result<Json<PlanSharePage>, Problem> {
    let request = pb::ListPlanSharesRequest {
        plan_id,
        party_id: paging.filter.party_id.clone().unwrap_or_default(),
        plan_line_id: paging.filter.plan_line_id.clone().unwrap_or_default(),
        page: paging.page(),
    };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        demand(channel).list_plan_shares(request).await
    })
    .await?;
    Ok(Json(PlanSharePage { shares: all(answer.shares), next_page_token: paging.next(&answer.next_after)? }))
}

/// Needs that the plan leaves out, with the rule.
#[utoipa::path(get, path = "/v1/groups/{group_id}/plans/{plan_id}/exclusions", tag = "plans", params(PageParams), responses((status = 200, body = PlanExclusionPage)))]
async fn list_plan_exclusions(
    State(app): State<App>,
    session: Session,
    Id(plan_id): Id,
    paging: Paging,
) -> Result<Json<PlanExclusionPage>, Problem> {
    let request = pb::ListPlanExclusionsRequest { plan_id, page: paging.page() };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        demand(channel).list_plan_exclusions(request).await
    })
    .await?;
    Ok(Json(PlanExclusionPage {
        exclusions: all(answer.exclusions),
        next_page_token: paging.next(&answer.next_after)?,
    }))
}

/// Approves a plan; no other plan of the round may be approved.
#[utoipa::path(post, path = "/v1/groups/{group_id}/plans/{plan_id}/approve", tag = "plans", responses((status = 200, body = Plan)))]
async fn approve_plan(
    State(app): State<App>,
    session: Session,
    Id(plan_id): Id,
    RequestId(request_id): RequestId,
    IfMatchMaybe(expected_version): IfMatchMaybe,
) -> Result<Response, Problem> {
    let request = pb::ApprovePlanRequest { request_id, plan_id, expected_version };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        demand(channel).approve_plan(request).await
    })
    .await?;
    let plan = Plan::from(promised(answer.plan, "plan")?);
    Ok(changed(plan.version, plan))
}

/// A commitment number.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Commitment {
    /// `pty_…` of the buyer; the party acted for unless given.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: Option<String>,
    /// Number in the buyer's accounts (numéro d'engagement), 1 to 50 characters.
    #[schema(example = "EJ-2026-0117")]
    pub commitment_number: String,
}

/// Records a buyer's commitment number for its order forms of an approved plan.
#[utoipa::path(post, path = "/v1/groups/{group_id}/plans/{plan_id}/commitments", tag = "plans", request_body = Commitment, responses((status = 200, body = Plan)))]
async fn record_commitment(
    State(app): State<App>,
    session: Session,
    Id(plan_id): Id,
    RequestId(request_id): RequestId,
    Body(Commitment { party_id, commitment_number }): Body<Commitment>,
) -> Result<Response, Problem> {
    let request =
        pb::RecordCommitmentRequest { request_id, plan_id, party_id: session.party_or(party_id)?, commitment_number };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        demand(channel).record_commitment(request).await
    })
    .await?;
    let plan = Plan::from(promised(answer.plan, "plan")?);
    Ok(changed(plan.version, plan))
}

/// Orders being placed.
#[derive(Serialize, ToSchema)]
pub struct PlacedOrders {
    /// In state `PLACING`; read them again until they are `PLACED` or `REFUSED`.
    pub orders: Vec<PooledOrder>,
}

/// Starts placing the pooled orders of an approved plan.
///
/// A resumable process reserves on the ceilings, confirms and announces; it goes on through any crash.
#[utoipa::path(post, path = "/v1/groups/{group_id}/plans/{plan_id}/place", tag = "plans", responses((status = 202, body = PlacedOrders)))]
async fn place_orders(
    State(app): State<App>,
    session: Session,
    Id(plan_id): Id,
    RequestId(request_id): RequestId,
) -> Result<(StatusCode, Json<PlacedOrders>), Problem> {
    let request = pb::PlaceOrdersRequest { request_id, plan_id };
    let answer = call_within(LONG, &app.peers.demand, &session.caller, request, |channel, request| async move {
        demand(channel).place_orders(request).await
    })
    .await?;
    Ok((StatusCode::ACCEPTED, Json(PlacedOrders { orders: all(answer.orders) })))
}
