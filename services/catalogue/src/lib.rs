//! The catalogue service: articles with their identifiers and packaging, and the prices that agreements give them.
//!
//! Read in this order: [`domain`] (what is true) → [`app`] (what happens) → `store` (what is kept) → `grpc` (how it is
//! asked); [`events`] is what another service's log does here. `convert` stands between the contracts and the domain and finds every fault of an input at once.
//!
//! Articles, identifiers and packagings are reference rows of the whole deployment, without a policy; prices belong to a
//! group, and their supplier sees them across its groups.

pub mod app;
mod convert;
pub mod domain;
pub mod events;
mod grpc;
mod store;

use kit::{
    config::Env,
    events::Reader,
    service::{Foundation, Parts},
};
use proto::catalogue::v1::catalogue_service_server::CatalogueServiceServer;

use crate::app::App;

/// The service's own migrations; they run after kit's foundation.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// Largest message in or out, bytes: 20,000 articles with usual packagings are about 20 MiB.
pub const MESSAGE_LIMIT: usize = 64 * 1024 * 1024;

/// Makes the service's parts: its routes and the reader of awarded prices. Reads `CENTRALE_TENDERING_URL`.
///
/// # Errors
/// When the URL is malformed.
pub fn build(foundation: &Foundation, env: &mut Env) -> Result<Parts, String> {
    let url = env.required("CENTRALE_TENDERING_URL");
    let tendering =
        foundation.peer("tendering", &url).map_err(|error| format!("CENTRALE_TENDERING_URL {url:?}: {error}"))?;
    let app = App::new(foundation.db.clone(), foundation.verifier.clone(), tendering.clone());
    let mut parts = Parts::default();
    parts.routes.add_service(
        CatalogueServiceServer::new(app)
            .max_decoding_message_size(MESSAGE_LIMIT)
            .max_encoding_message_size(MESSAGE_LIMIT),
    );
    let awards = Reader {
        db: foundation.db.clone(),
        source: tendering,
        doorbell: foundation.doorbell.clone(),
        effect: events::Awards,
    };
    parts.spawn(move |stop| awards.run(stop));
    Ok(parts)
}
