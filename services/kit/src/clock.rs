//! Technical time (tokens, leases, metrics). Business time comes from Postgres: [`crate::db::Tx::now`].

use chrono::{DateTime, Utc};

/// Real time.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
pub fn technical_now() -> DateTime<Utc> {
    Utc::now()
}
