//! The kit's promises on real Postgres, as a service's own roles. The schema is one service's with nothing but the foundation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod commands;
mod isolation;
mod log;
mod server;
mod trace;

use std::sync::LazyLock;

use kit::{
    Caller, Role, Scope,
    id::{GroupId, PartyId, PersonId},
    testing::TestDb,
};
use sqlx::migrate::Migrator;

static NO_MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| Migrator::with_migrations(Vec::new()));

/// A database with the foundation only.
async fn foundation() -> TestDb {
    TestDb::new("demand", &NO_MIGRATIONS).await
}

/// A purchasing officer of a group.
fn officer(group: GroupId) -> Caller {
    Caller {
        subject: PersonId::new().to_string(),
        scope: Scope::Group(group),
        acts_for: Some(PartyId::new()),
        roles: vec![Role::PurchasingOfficer],
    }
}
