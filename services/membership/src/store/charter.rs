//! Versions of a group's charter and who signed them. Nothing here is ever changed: the service's role cannot.

use chrono::NaiveDate;
use kit::{
    Failure,
    id::{GroupId, PractitionerId},
};
use sqlx::PgConnection;

use crate::domain::Signature;

/// A version of a charter.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Charter {
    /// 1, 2, 3…
    pub version: i32,
    /// Title.
    pub title: String,
    /// Text.
    pub text: String,
    /// First day in force.
    pub valid_from: NaiveDate,
    /// SHA-256 of title and text.
    pub sha256: Vec<u8>,
    /// Signatures.
    pub signature_count: i64,
}

/// Versions, newest first: all, or one.
///
/// # Errors
/// When the database is away.
pub async fn list(
    conn: &mut PgConnection,
    group: GroupId,
    version: Option<i32>,
    limit: i64,
) -> Result<Vec<Charter>, Failure> {
    Ok(sqlx::query_as(
        "SELECT c.version, c.title, c.text, c.valid_from, c.sha256,
           (SELECT count(*) FROM charter_signature s WHERE s.group_id = c.group_id AND s.version = c.version) AS signature_count
         FROM charter c WHERE c.group_id = $1 AND ($2::integer IS NULL OR c.version = $2) ORDER BY c.version DESC LIMIT $3",
    )
    .bind(group)
    .bind(version)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// Versions with their first day, from the oldest.
///
/// # Errors
/// When the database is away.
pub async fn versions(conn: &mut PgConnection, group: GroupId) -> Result<Vec<(i32, NaiveDate)>, Failure> {
    Ok(sqlx::query_as("SELECT version, valid_from FROM charter WHERE group_id = $1 ORDER BY version")
        .bind(group)
        .fetch_all(conn)
        .await?)
}

/// Inserts a version.
///
/// # Errors
/// When the database is away.
pub async fn insert(conn: &mut PgConnection, group: GroupId, charter: &Charter) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO charter (group_id, version, title, text, valid_from, sha256) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(group)
    .bind(charter.version)
    .bind(&charter.title)
    .bind(&charter.text)
    .bind(charter.valid_from)
    .bind(&charter.sha256)
    .execute(conn)
    .await?;
    Ok(())
}

/// Inserts signatures.
///
/// # Errors
/// When the database is away.
pub async fn sign_all(
    conn: &mut PgConnection,
    group: GroupId,
    signatures: &[(PractitionerId, &Signature)],
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO charter_signature (group_id, practitioner_id, version, signed_on, signed_by)
         SELECT $1, * FROM unnest($2::uuid[], $3::integer[], $4::date[], $5::text[])",
    )
    .bind(group)
    .bind(signatures.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind(signatures.iter().map(|(_, one)| one.version).collect::<Vec<_>>())
    .bind(signatures.iter().map(|(_, one)| one.signed_on).collect::<Vec<_>>())
    .bind(signatures.iter().map(|(_, one)| one.signed_by.as_str()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// A practitioner's signatures, by version.
///
/// # Errors
/// When the database is away.
pub async fn signatures_of(
    conn: &mut PgConnection,
    group: GroupId,
    practitioner: PractitionerId,
) -> Result<Vec<Signature>, Failure> {
    let rows: Vec<(i32, NaiveDate, String)> = sqlx::query_as(
        "SELECT version, signed_on, signed_by FROM charter_signature WHERE group_id = $1 AND practitioner_id = $2 ORDER BY version",
    )
    .bind(group)
    .bind(practitioner)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|(version, signed_on, signed_by)| Signature { version, signed_on, signed_by }).collect())
}
