//! The membership service: who is who. Parties, sites, groups with their legal form, members, people and what they may do, how a
//! group governs and finances itself, and the embedded issuer of access tokens.
//!
//! - [`domain`]: the rules, numbered, without I/O
//! - [`app`]: what happens on each call
//! - [`store`]: what is kept, in SQL
//! - [`convert`]: proto ↔ domain, collecting every fault
//! - [`grpc`]: who calls → app → reply
//! - [`issuer`], [`password`]: tokens and slow hashes
//! - [`upkeep`]: the first administrator, old failures
//!
//! It asks no other service.

pub mod app;
pub mod convert;
pub mod domain;
pub mod grpc;
pub mod issuer;
pub mod password;
pub mod store;
pub mod upkeep;

use kit::{
    config::Env,
    service::{Foundation, Parts},
};
use proto::membership::v1::{
    bouquet_service_server::BouquetServiceServer, contribution_service_server::ContributionServiceServer,
    governance_service_server::GovernanceServiceServer, label_service_server::LabelServiceServer,
    membership_service_server::MembershipServiceServer, rights_service_server::RightsServiceServer,
};

use crate::{app::App, password::Passwords, upkeep::FirstAdministrator};

/// What the schema looks like.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// Largest request in bytes: 1,000 sites with every field filled.
const LARGEST_REQUEST: usize = 4 << 20;
/// Largest request of governance: minutes of 10 MiB.
const LARGEST_MINUTES: usize = 11 << 20;
/// Largest request about contributions: three years of figures of 1,000 members.
const LARGEST_FIGURES: usize = 16 << 20;
/// Largest members file in bytes: 5,000 rows with long names and addresses.
const LARGEST_FILE: usize = 16 << 20;

/// Makes the service. Reads `CENTRALE_ISSUER` (the URL of the embedded issuer) and the optional
/// `CENTRALE_BOOTSTRAP_ADMIN_LOGIN` and `CENTRALE_BOOTSTRAP_ADMIN_PASSWORD`.
///
/// # Errors
/// Never; faults of the environment are collected in `env`.
pub fn build(foundation: &Foundation, env: &mut Env) -> Result<Parts, String> {
    let issuer_url = env.required("CENTRALE_ISSUER");
    let first = FirstAdministrator::read(env);
    let db = foundation.db.clone();
    let app = App::new(db.clone(), foundation.verifier.clone(), &issuer_url);
    let mut parts = Parts::default();
    parts.routes.add_service(MembershipServiceServer::new(app.clone()).max_decoding_message_size(LARGEST_REQUEST));
    parts.routes.add_service(GovernanceServiceServer::new(app.clone()).max_decoding_message_size(LARGEST_MINUTES));
    parts.routes.add_service(ContributionServiceServer::new(app.clone()).max_decoding_message_size(LARGEST_FIGURES));
    parts.routes.add_service(BouquetServiceServer::new(app.clone()).max_decoding_message_size(LARGEST_FILE));
    parts.routes.add_service(LabelServiceServer::new(app.clone()).max_decoding_message_size(LARGEST_REQUEST));
    parts.routes.add_service(RightsServiceServer::new(app).max_decoding_message_size(LARGEST_REQUEST));
    if let Some(first) = first {
        let db = db.clone();
        parts.spawn(move |stop| upkeep::create_administrator(db, Passwords::new(), first, stop));
    }
    parts.spawn(move |stop| upkeep::sweep_failures(db, stop));
    Ok(parts)
}
