//! The books of a group, for its auditor: the event log of every service, with the chain that shows a change.

use axum::{Json, extract::State};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, SecondsFormat};
use proto::events::v1::{self as pb, ListEventsRequest};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Id;
use crate::{
    App,
    pages::Params,
    problem::Problem,
    session::Session,
    upstream::{call, event_log},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list_events))
}

/// From where on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventParams {
    /// Last position already read; 0 for the beginning.
    #[serde(default)]
    #[param(minimum = 0, default = 0)]
    pub after: i64,
    /// Events wanted, 1 to 500; 100 unless given.
    #[serde(default)]
    #[param(minimum = 1, maximum = 500, default = 100)]
    pub limit: i32,
}

/// A run of events.
#[derive(Serialize, ToSchema)]
pub struct Events {
    /// In order of position.
    pub events: Vec<Event>,
    /// Position of the last one: give it back as `after`. Absent when there are no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_after: Option<i64>,
}

/// One committed fact.
#[derive(Serialize, ToSchema)]
pub struct Event {
    /// Position in the service's log. Those of one group are not consecutive: the log counts all groups.
    #[schema(example = 4711)]
    pub position: i64,
    /// UUID of the event.
    pub event_id: String,
    /// UUID of the group.
    pub group_id: String,
    /// UUID of the thing that changed.
    pub aggregate_id: String,
    /// What happened.
    #[schema(example = "demand.order_placed.v1")]
    pub kind: String,
    /// The protobuf message named by `kind`, base64.
    #[schema(format = Byte)]
    pub payload: String,
    /// Business time of the transaction, microseconds since 1970 UTC; part of what the chain covers.
    pub recorded_at_us: i64,
    /// The same as RFC 3339.
    #[schema(format = DateTime)]
    pub recorded_at: String,
    /// W3C traceparent of the request that caused it; empty if none.
    pub trace_parent: String,
    /// Who caused it: `prs_…` or `service:…`.
    pub actor: String,
    /// SHA-256 over the group's previous link, the header and the payload, hexadecimal.
    pub chain: String,
}

impl From<pb::Event> for Event {
    fn from(event: pb::Event) -> Self {
        let recorded_at = DateTime::from_timestamp_micros(event.recorded_at_us)
            .map(|time| time.to_rfc3339_opts(SecondsFormat::Micros, true))
            .unwrap_or_default();
        Self {
            position: event.position,
            event_id: event.event_id,
            group_id: event.group_id,
            aggregate_id: event.aggregate_id,
            kind: event.kind,
            payload: STANDARD.encode(&event.payload),
            recorded_at_us: event.recorded_at_us,
            recorded_at,
            trace_parent: event.trace_parent,
            actor: event.actor,
            chain: hex::encode(&event.chain),
        }
    }
}

/// Events of the group in one service's log: `membership`, `catalogue`, `tendering`, `demand` or `logistics`.
#[utoipa::path(get, path = "/v1/groups/{group_id}/audit/{service}/events", tag = "audit", params(EventParams), responses((status = 200, body = Events)))]
async fn list_events(
    State(app): State<App>,
    session: Session,
    Id(service): Id,
    Params(EventParams { after, limit }): Params<EventParams>,
) -> Result<Json<Events>, Problem> {
    let peer = app.peers.named(&service).ok_or_else(|| kit::Failure::not_found("service", &service))?;
    let request = ListEventsRequest { after, limit, wait_ms: 0 };
    let answer = call(peer, &session.caller, request, |channel, request| async move {
        event_log(channel).list_events(request).await
    })
    .await?;
    let next_after = answer.events.last().map(|event| event.position);
    Ok(Json(Events { events: answer.events.into_iter().map(Event::from).collect(), next_after }))
}
