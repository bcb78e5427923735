//! Passwords and failed logins of the embedded issuer.

use chrono::{DateTime, Utc};
use kit::{Failure, id::PersonId};
use sqlx::PgConnection;

use crate::domain::{FAILURE_WINDOW, FAILURES_ALLOWED};

/// What is known about a login before its password is looked at.
#[derive(Debug)]
pub struct Attempt {
    /// Whose login it is, with the stored hash; none when there is no such account.
    pub account: Option<(PersonId, String)>,
    /// The last failures, newest first, as many as matter.
    pub failures: Vec<DateTime<Utc>>,
    /// Technical time.
    pub now: DateTime<Utc>,
}

/// Looks a login up.
///
/// # Errors
/// When the database is away.
pub async fn find_attempt(conn: &mut PgConnection, login: &str, login_sha256: &[u8]) -> Result<Attempt, Failure> {
    let account =
        sqlx::query_as("SELECT person_id, password_hash FROM person JOIN account USING (person_id) WHERE login = $1")
            .bind(login)
            .fetch_optional(&mut *conn)
            .await?;
    let failures = sqlx::query_scalar(
        "SELECT failed_at FROM login_failure WHERE login_sha256 = $1 ORDER BY failed_at DESC LIMIT $2",
    )
    .bind(login_sha256)
    .bind(i64::try_from(FAILURES_ALLOWED).map_err(Failure::internal)?)
    .fetch_all(&mut *conn)
    .await?;
    let now = sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(conn).await?;
    Ok(Attempt { account, failures, now })
}

/// Notes a failed login.
///
/// # Errors
/// When the database is away.
pub async fn insert_failure(conn: &mut PgConnection, login_sha256: &[u8]) -> Result<(), Failure> {
    sqlx::query("INSERT INTO login_failure (login_sha256) VALUES ($1)").bind(login_sha256).execute(conn).await?;
    Ok(())
}

/// Forgets the failures of some logins.
///
/// # Errors
/// When the database is away.
pub async fn delete_failures(conn: &mut PgConnection, logins_sha256: &[Vec<u8>]) -> Result<(), Failure> {
    sqlx::query("DELETE FROM login_failure WHERE login_sha256 = ANY ($1)").bind(logins_sha256).execute(conn).await?;
    Ok(())
}

/// Forgets the failures that no longer count; gives how many.
///
/// # Errors
/// When the database is away.
pub async fn delete_old_failures(conn: &mut PgConnection) -> Result<u64, Failure> {
    let deleted = sqlx::query("DELETE FROM login_failure WHERE failed_at < clock_timestamp() - $1")
        .bind(FAILURE_WINDOW)
        .execute(conn)
        .await?;
    Ok(deleted.rows_affected())
}

/// Sets passwords.
///
/// # Errors
/// When the database is away.
pub async fn save_passwords(conn: &mut PgConnection, people: &[PersonId], hashes: &[String]) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO account (person_id, password_hash) SELECT * FROM unnest($1::uuid[], $2::text[])
         ON CONFLICT (person_id) DO UPDATE SET password_hash = excluded.password_hash, changed_at = clock_timestamp()",
    )
    .bind(people)
    .bind(hashes)
    .execute(conn)
    .await?;
    Ok(())
}
