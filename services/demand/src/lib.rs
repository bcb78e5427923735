//! The demand service: order rounds, the needs that members state in them, pooled plans and pooled orders.
//!
//! - [`domain`]: what is true. Conversions through packagings, when a round takes needs; packs, tiers, shares.
//! - [`app`]: what happens, one function per RPC; [`app::placing`] and [`app::logistics_events`] go on by themselves.
//! - `store`: what is kept. One table of needs, made for a million rows a round.
//! - `convert`: protobuf to domain and back.
//! - `grpc`: how it is asked.

pub mod app;
mod convert;
pub mod domain;
mod grpc;
mod store;

use std::time::Duration;

use kit::{config::Env, events::Reader, fail_at::FailAt, service::Foundation};
use proto::demand::v1::{
    demand_service_server::DemandServiceServer, figures_service_server::FiguresServiceServer,
    member_change_service_server::MemberChangeServiceServer, opening_service_server::OpeningServiceServer,
};

use crate::app::App;

/// The schema of the service.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// Largest message taken: 1,000 rows of a file with long texts stay below it.
const MESSAGE_LIMIT: usize = 4 << 20;

/// Makes the service's parts from its configuration.
///
/// # Errors
/// When the URL of another service is malformed.
pub fn build(foundation: &Foundation, env: &mut Env) -> Result<kit::service::Parts, String> {
    let mut peer = |audience, variable| {
        let url = env.required(variable);
        foundation.peer(audience, &url).map_err(|error| format!("{variable}: {error}"))
    };
    let peers = [
        peer("membership", "CENTRALE_MEMBERSHIP_URL")?,
        peer("catalogue", "CENTRALE_CATALOGUE_URL")?,
        peer("tendering", "CENTRALE_TENDERING_URL")?,
        peer("logistics", "CENTRALE_LOGISTICS_URL")?,
    ];
    let app = App::new(foundation.db.clone(), foundation.verifier.clone(), peers);
    let mut parts = kit::service::Parts::default();
    parts.routes.add_service(DemandServiceServer::new(app.clone()).max_decoding_message_size(MESSAGE_LIMIT));
    parts.routes.add_service(MemberChangeServiceServer::new(app.clone()).max_decoding_message_size(MESSAGE_LIMIT));
    parts.routes.add_service(OpeningServiceServer::new(app.clone()).max_decoding_message_size(MESSAGE_LIMIT));
    parts.routes.add_service(FiguresServiceServer::new(app.clone()));
    // Longer than any call of a step may take; a test that kills the process has no time to wait for it.
    let lease = Duration::from_secs(env.parsed("CENTRALE_PROCESS_LEASE_S", 30));
    let placing = app::placing::Placing { lease, fail_at: FailAt::read("demand", env) };
    let placer = app.clone();
    parts.spawn(move |stop| app::placing::run(placer, placing, stop));
    let changing = app.clone();
    parts.spawn(move |stop| app::member_changes::run(changing, stop));
    let reader = Reader {
        db: foundation.db.clone(),
        source: app.logistics.clone(),
        doorbell: foundation.doorbell.clone(),
        effect: app::logistics_events::Booking::new(app),
    };
    parts.spawn(move |stop| reader.run(stop));
    Ok(parts)
}
