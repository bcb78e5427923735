//! Signing keys of the embedded issuer.

use chrono::{DateTime, TimeDelta, Utc};
use kit::Failure;
use sqlx::PgConnection;

/// A key pair as stored. Its `Debug` hides the private half.
#[derive(Clone, sqlx::FromRow)]
pub struct StoredKey {
    /// Key id.
    pub kid: String,
    /// Private half, PKCS#8.
    pub private_pem: String,
    /// Public half, base64url.
    pub public_x: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it begins to sign.
    pub signs_from: DateTime<Utc>,
    /// When it is no longer published.
    pub expires_at: DateTime<Utc>,
}

impl std::fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredKey({})", self.kid)
    }
}

/// What there is to sign with.
#[derive(Debug)]
pub struct Keys {
    /// Those that are not expired, newest first.
    pub valid: Vec<StoredKey>,
    /// The last generation ever made; 0 before the first.
    pub last_generation: i32,
    /// Technical time.
    pub now: DateTime<Utc>,
}

/// The keys.
///
/// # Errors
/// When the database is away.
pub async fn list(conn: &mut PgConnection) -> Result<Keys, Failure> {
    let (last_generation, now): (i32, DateTime<Utc>) =
        sqlx::query_as("SELECT coalesce(max(generation), 0), clock_timestamp() FROM issuer_key")
            .fetch_one(&mut *conn)
            .await?;
    let valid = sqlx::query_as(
        "SELECT kid, private_pem, public_x, created_at, signs_from, expires_at FROM issuer_key WHERE expires_at > $1 ORDER BY generation DESC",
    )
    .bind(now)
    .fetch_all(conn)
    .await?;
    Ok(Keys { valid, last_generation, now })
}

/// A new key pair.
#[derive(Debug, Clone, Copy)]
pub struct NewKey<'a> {
    /// Key id.
    pub kid: &'a str,
    /// Private half, PKCS#8.
    pub private_pem: &'a str,
    /// Public half, base64url.
    pub public_x: &'a str,
    /// After how long it begins to sign.
    pub signs_after: TimeDelta,
    /// After how long it expires.
    pub expires_after: TimeDelta,
}

/// Adds a key as the given generation, unless somebody else did.
///
/// # Errors
/// When the database is away.
pub async fn insert(conn: &mut PgConnection, generation: i32, key: NewKey<'_>) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO issuer_key (generation, kid, private_pem, public_x, signs_from, expires_at)
         VALUES ($1, $2, $3, $4, clock_timestamp() + $5, clock_timestamp() + $6) ON CONFLICT (generation) DO NOTHING",
    )
    .bind(generation)
    .bind(key.kid)
    .bind(key.private_pem)
    .bind(key.public_x)
    .bind(key.signs_after)
    .bind(key.expires_after)
    .execute(conn)
    .await?;
    Ok(())
}
