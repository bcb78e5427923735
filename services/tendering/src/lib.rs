//! The tendering service: consultations with their sealed tenders, from the draft to the award; agreements in force with their holders, beneficiaries and ceilings, and the answer to "may this
//! member buy this, under this contract, today?", computed again in the transaction that reserves.
//!
//! [`domain`] is what is true, [`app`] what happens, `store` what is kept, `convert` and `grpc` how it is asked.
//! Where a rule lives: who may buy, `domain/entitlement.rs`; ceilings and reservations, `domain/ceiling.rs`; what an
//! agreement must be, `domain/agreement.rs`; what a consultation must be, when tenders are in time and opened, how they are
//! ranked, `domain/consultation.rs`; articles of law and their dates, table `legal_rule`.

pub mod app;
pub mod convert;
pub mod domain;
mod grpc;
mod store;

use kit::{
    config::Env,
    service::{Foundation, Parts},
};
use proto::tendering::v1::{
    consultation_service_server::ConsultationServiceServer, tendering_service_server::TenderingServiceServer,
};

/// The schema.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// Largest request: 20,000 entitlement questions of about 90 bytes come to under 2 MiB.
const LARGEST_REQUEST_BYTES: usize = 4 * 1024 * 1024;

/// Makes the service's parts. Reads `CENTRALE_MEMBERSHIP_URL` and `CENTRALE_CATALOGUE_URL`.
///
/// # Errors
/// When a URL is malformed.
pub fn build(foundation: &Foundation, env: &mut Env) -> Result<Parts, String> {
    let mut peer = |audience, variable| {
        let url = env.required(variable);
        foundation.peer(audience, &url).map_err(|error| format!("{variable} {url:?}: {error}"))
    };
    let membership = peer("membership", "CENTRALE_MEMBERSHIP_URL")?;
    let catalogue = peer("catalogue", "CENTRALE_CATALOGUE_URL")?;
    let app = app::App::new(foundation.db.clone(), foundation.verifier.clone(), membership, catalogue);
    let mut parts = Parts::default();
    parts
        .routes
        .add_service(ConsultationServiceServer::new(app.clone()).max_decoding_message_size(LARGEST_REQUEST_BYTES));
    parts.routes.add_service(TenderingServiceServer::new(app).max_decoding_message_size(LARGEST_REQUEST_BYTES));
    Ok(parts)
}
