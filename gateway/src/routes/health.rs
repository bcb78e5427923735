//! Whether the gateway runs, and whether everything behind it does.

use std::time::Duration;

use axum::{Json, extract::State};
use serde::Serialize;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{App, error::GatewayError, problem::Problem};

/// Longest that a service may take to say that it is ready.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(live)).routes(routes!(ready))
}

/// What works.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `live` or `ready`.
    #[schema(example = "ready")]
    pub status: &'static str,
    /// The services that answered, for `ready`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<&'static str>,
}

/// Whether the gateway's process runs.
#[utoipa::path(get, path = "/health/live", tag = "health", responses((status = 200, body = Health)))]
async fn live() -> Json<Health> {
    Json(Health { status: "live", services: Vec::new() })
}

/// Whether all five services are ready; otherwise 503 with those that are not.
#[utoipa::path(get, path = "/health/ready", tag = "health", responses((status = 200, body = Health)))]
async fn ready(State(app): State<App>) -> Result<Json<Health>, Problem> {
    let answers = futures::future::join_all(app.peers.all().map(|peer| async move {
        let mut client = HealthClient::new(peer.channel());
        let check = client.check(HealthCheckRequest { service: String::new() });
        let serving = match tokio::time::timeout(PATIENCE, check).await {
            Ok(Ok(answer)) => answer.into_inner().status() == ServingStatus::Serving,
            Ok(Err(_)) | Err(_) => false,
        };
        (peer.audience(), serving)
    }))
    .await;
    let not_serving: Vec<_> = answers.iter().filter(|(_, serving)| !serving).map(|(name, _)| *name).collect();
    if !not_serving.is_empty() {
        return Err(GatewayError::ServicesNotReady(not_serving.join(", ")).into());
    }
    Ok(Json(Health { status: "ready", services: answers.into_iter().map(|(name, _)| name).collect() }))
}
