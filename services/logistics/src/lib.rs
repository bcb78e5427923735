//! Logistics: from the supplier's shipment to the site's certified receipt.
//!
//! Read in this order:
//!
//! - [`domain`]: what is true. The four figures of an order line, the sharing-out, routes, the life of a delivery.
//! - [`app`]: what happens, one function per RPC: check, lock the order, decide, write, append the event.
//! - [`store`]: what is kept, SQL only.
//! - [`events`]: what other services' logs do here. Demand's answered orders become what is expected; membership's sites become
//!   a local projection, so that no effect calls over the network.
//! - [`convert`]: protobuf ↔ domain, with every fault of a request at once. [`grpc`]: who calls → app → reply.
//!
//! Its own events: `logistics.units_cancelled.v1` and `logistics.delivery_certified.v1`, which demand books; and
//! `break_bulk_set`, `shipment_announced`, `shipment_received`, `delivery_prepared`, `delivery_dispatched`, `delivery_proven`.

pub mod app;
pub mod convert;
pub mod domain;
pub mod events;
mod grpc;
pub mod store;

use kit::{
    client::Peer,
    config::Env,
    events::Reader,
    service::{Foundation, Parts},
};
use proto::logistics::v1::logistics_service_server::LogisticsServiceServer;

use crate::app::App;

/// The service's own tables.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// Largest request, in bytes: a shipment of 5,000 lines with 5,000 articles still to come is below 2 MiB.
const LARGEST_REQUEST: usize = 4 << 20;

/// Makes the service's parts: its routes, two readers, and the keeper of the sites' projection.
///
/// # Errors
/// When a peer's URL is malformed.
pub fn build(foundation: &Foundation, env: &mut Env) -> Result<Parts, String> {
    let membership = peer(foundation, env, "membership", "CENTRALE_MEMBERSHIP_URL")?;
    let catalogue = peer(foundation, env, "catalogue", "CENTRALE_CATALOGUE_URL")?;
    let demand = peer(foundation, env, "demand", "CENTRALE_DEMAND_URL")?;
    let db = foundation.db.clone();
    let app = App::new(db.clone(), foundation.verifier.clone(), membership.clone(), catalogue);
    let mut parts = Parts::default();
    parts.routes.add_service(LogisticsServiceServer::new(app).max_decoding_message_size(LARGEST_REQUEST));
    let doorbell = foundation.doorbell.clone();
    let orders = Reader { db: db.clone(), source: demand, doorbell: doorbell.clone(), effect: events::Orders };
    parts.spawn(move |stop| orders.run(stop));
    let sites = Reader { db: db.clone(), source: membership.clone(), doorbell, effect: events::Sites };
    parts.spawn(move |stop| sites.run(stop));
    let keeper = events::SiteKeeper { db, membership };
    parts.spawn(move |stop| keeper.run(stop));
    Ok(parts)
}

fn peer(foundation: &Foundation, env: &mut Env, audience: &'static str, variable: &str) -> Result<Peer, String> {
    let url = env.required(variable);
    foundation.peer(audience, &url).map_err(|error| format!("{variable}: {error}"))
}
