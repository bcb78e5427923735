//! What time it is for closings, delays and effective dates: Postgres says, through membership.

use std::time::Duration;

use axum::{Json, extract::State};
use proto::membership::v1::GetClockRequest;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    App,
    people::gateway,
    problem::Problem,
    session::Session,
    upstream::{call, membership},
};

/// Longest that a page for people waits for the time.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(clock))
}

/// Business time.
#[derive(Debug, Serialize, ToSchema)]
pub struct Clock {
    /// RFC 3339, UTC, microseconds.
    #[schema(example = "2026-03-02T08:00:00.000000Z", format = DateTime)]
    pub now: String,
    /// Seconds added to real time; 0 outside a demonstration.
    #[schema(example = 0)]
    pub offset_s: i64,
}

/// Business time, and how far a demonstration has moved it.
#[utoipa::path(get, path = "/v1/clock", tag = "me", responses((status = 200, body = Clock)))]
async fn clock(State(app): State<App>, session: Session) -> Result<Json<Clock>, Problem> {
    let answer = call(&app.peers.membership, &session.caller, GetClockRequest {}, |channel, request| async move {
        membership(channel).get_clock(request).await
    })
    .await?;
    Ok(Json(Clock { now: answer.now, offset_s: answer.offset_s }))
}

/// As [`clock`], for a page that is shown without it rather than late.
pub(super) async fn for_pages(app: &App) -> Option<Clock> {
    let request = app.peers.membership.request_within(&gateway(), GetClockRequest {}, PATIENCE).ok()?;
    let mut client = membership(app.peers.membership.channel());
    let answer = tokio::time::timeout(PATIENCE, client.get_clock(request)).await.ok()?.ok()?.into_inner();
    Some(Clock { now: answer.now, offset_s: answer.offset_s })
}
