//! Order rounds: opened, closed, consolidated; and what members paid before.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use proto::demand::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Id;
use crate::{
    App,
    body::Body,
    dto::{
        all,
        needs::{ReferencePrice, Round, RoundInput, RoundPage, Snapshot},
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
        .routes(routes!(list_rounds, create_round))
        .routes(routes!(get_round))
        .routes(routes!(close_round))
        .routes(routes!(consolidate_round))
        .routes(routes!(set_reference_prices))
}

/// Opens an order round.
#[utoipa::path(post, path = "/v1/groups/{group_id}/rounds", tag = "rounds", request_body = RoundInput, responses((status = 201, body = Round)))]
async fn create_round(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<RoundInput>,
) -> Result<(StatusCode, Json<Round>), Problem> {
    let request = pb::CreateRoundRequest { request_id, round: Some(body.into()) };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        demand(channel).create_round(request).await
    })
    .await?;
    Ok((StatusCode::CREATED, Json(promised(answer.round, "round")?.into())))
}

/// Rounds of the group.
#[utoipa::path(get, path = "/v1/groups/{group_id}/rounds", tag = "rounds", params(PageParams), responses((status = 200, body = RoundPage)))]
async fn list_rounds(State(app): State<App>, session: Session, paging: Paging) -> Result<Json<RoundPage>, Problem> {
    let request = pb::ListRoundsRequest { page: paging.page() };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        demand(channel).list_rounds(request).await
    })
    .await?;
    Ok(Json(RoundPage { rounds: all(answer.rounds), next_page_token: paging.next(&answer.next_after)? }))
}

/// One round with its counts.
#[utoipa::path(get, path = "/v1/groups/{group_id}/rounds/{round_id}", tag = "rounds", responses((status = 200, body = Round)))]
async fn get_round(
    State(app): State<App>,
    session: Session,
    Id(round_id): Id,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let answer =
        call(&app.peers.demand, &session.caller, pb::GetRoundRequest { round_id }, |channel, request| async move {
            demand(channel).get_round(request).await
        })
        .await?;
    let round = Round::from(promised(answer.round, "round")?);
    Ok(tagged(&headers, round.version, round))
}

/// Closes a round; it takes no more needs.
#[utoipa::path(post, path = "/v1/groups/{group_id}/rounds/{round_id}/close", tag = "rounds", responses((status = 200, body = Round)))]
async fn close_round(
    State(app): State<App>,
    session: Session,
    Id(round_id): Id,
    RequestId(request_id): RequestId,
    IfMatchMaybe(expected_version): IfMatchMaybe,
) -> Result<Response, Problem> {
    let request = pb::CloseRoundRequest { request_id, round_id, expected_version };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        demand(channel).close_round(request).await
    })
    .await?;
    let round = Round::from(promised(answer.round, "round")?);
    Ok(changed(round.version, round))
}

/// Freezes the needs of a closed round into a numbered, hashed snapshot.
#[utoipa::path(post, path = "/v1/groups/{group_id}/rounds/{round_id}/consolidate", tag = "rounds", responses((status = 200, body = Snapshot)))]
async fn consolidate_round(
    State(app): State<App>,
    session: Session,
    Id(round_id): Id,
    RequestId(request_id): RequestId,
) -> Result<Json<Snapshot>, Problem> {
    let request = pb::ConsolidateRoundRequest { request_id, round_id };
    let answer = call_within(LONG, &app.peers.demand, &session.caller, request, |channel, request| async move {
        demand(channel).consolidate_round(request).await
    })
    .await?;
    Ok(Json(promised(answer.snapshot, "snapshot")?.into()))
}

/// Reference prices to enter.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetReferencePrices {
    /// 1 to 5,000; a later one for the same member and article replaces.
    pub prices: Vec<ReferencePrice>,
}

/// How many were entered.
#[derive(Serialize, ToSchema)]
pub struct ReferencePriceCount {
    /// Prices entered.
    pub count: i64,
}

/// Enters what members paid before, the baseline of savings.
#[utoipa::path(post, path = "/v1/groups/{group_id}/reference-prices", tag = "rounds", request_body = SetReferencePrices, responses((status = 200, body = ReferencePriceCount)))]
async fn set_reference_prices(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<SetReferencePrices>,
) -> Result<Json<ReferencePriceCount>, Problem> {
    let request = pb::SetReferencePricesRequest { request_id, prices: all(body.prices) };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        demand(channel).set_reference_prices(request).await
    })
    .await?;
    Ok(Json(ReferencePriceCount { count: answer.count }))
}
