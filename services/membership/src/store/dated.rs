//! What changes about a party from a day on: buyer status, SIRET and name, who took it over.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use kit::{
    Failure,
    db::{OnConstraint as _, corrupt},
    id::PartyId,
};
use sqlx::PgConnection;

use super::party::buyer_status;
use crate::domain::{DatedIdentity, DatedStatus, MembershipError, Predecessor, Siret};

/// Records a buyer status.
///
/// # Errors
/// When the database is away.
pub async fn insert_status(
    conn: &mut PgConnection,
    party: PartyId,
    valid_from: NaiveDate,
    dated: &DatedStatus,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO buyer_status_change (party_id, valid_from, status, evidence, recorded_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(party)
    .bind(valid_from)
    .bind(dated.status.name())
    .bind(&dated.evidence)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// The statuses recorded for a party after it was entered, the latest first.
///
/// # Errors
/// When the database is away.
pub async fn list_statuses(conn: &mut PgConnection, party: PartyId) -> Result<Vec<DatedStatus>, Failure> {
    let rows: Vec<(NaiveDate, String, String)> = sqlx::query_as(
        "SELECT valid_from, status, evidence FROM buyer_status_change WHERE party_id = $1 ORDER BY valid_from DESC",
    )
    .bind(party)
    .fetch_all(conn)
    .await?;
    let dated = |(valid_from, status, evidence): (NaiveDate, String, String)| {
        let status = buyer_status(&status).ok_or_else(|| corrupt("buyer_status_change", "status", party))?;
        Ok(DatedStatus { valid_from: Some(valid_from), status, evidence })
    };
    rows.into_iter().map(dated).collect()
}

/// The status that holds on a day for those of some parties that have a recorded one.
///
/// # Errors
/// When the database is away.
pub async fn statuses_on(
    conn: &mut PgConnection,
    parties: &[PartyId],
    on: NaiveDate,
) -> Result<HashMap<PartyId, DatedStatus>, Failure> {
    let rows: Vec<(PartyId, NaiveDate, String, String)> = sqlx::query_as(
        "SELECT DISTINCT ON (party_id) party_id, valid_from, status, evidence FROM buyer_status_change
         WHERE party_id = ANY ($1) AND valid_from <= $2 ORDER BY party_id, valid_from DESC",
    )
    .bind(parties)
    .bind(on)
    .fetch_all(conn)
    .await?;
    let dated = |(party, valid_from, status, evidence): (PartyId, NaiveDate, String, String)| {
        let status = buyer_status(&status).ok_or_else(|| corrupt("buyer_status_change", "status", party))?;
        Ok((party, DatedStatus { valid_from: Some(valid_from), status, evidence }))
    };
    rows.into_iter().map(dated).collect()
}

/// Records SIRET and name.
///
/// # Errors
/// When the database is away.
pub async fn insert_identity(
    conn: &mut PgConnection,
    party: PartyId,
    valid_from: NaiveDate,
    siret: &Siret,
    dated: &DatedIdentity,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO identity_change (party_id, valid_from, siret, name, evidence, recorded_at) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(party)
    .bind(valid_from)
    .bind(siret.as_str())
    .bind(&dated.name)
    .bind(&dated.evidence)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// Who has a SIRET, now or in time.
///
/// # Errors
/// When the database is away.
pub async fn holder_of_siret(conn: &mut PgConnection, siret: &Siret) -> Result<Option<PartyId>, Failure> {
    Ok(sqlx::query_scalar(
        "SELECT party_id FROM party WHERE siret = $1 UNION SELECT party_id FROM identity_change WHERE siret = $1 LIMIT 1",
    )
    .bind(siret.as_str())
    .fetch_optional(conn)
    .await?)
}

#[derive(sqlx::FromRow)]
struct IdentityRow {
    party_id: PartyId,
    valid_from: NaiveDate,
    siret: String,
    name: String,
    evidence: String,
}

impl TryFrom<IdentityRow> for DatedIdentity {
    type Error = Failure;

    fn try_from(row: IdentityRow) -> Result<Self, Failure> {
        let siret = Siret::parse(&row.siret).map_err(|_| corrupt("identity_change", "siret", row.party_id))?;
        Ok(Self { valid_from: Some(row.valid_from), siret: Some(siret), name: row.name, evidence: row.evidence })
    }
}

/// The identities recorded for a party after it was entered, the latest first.
///
/// # Errors
/// When the database is away.
pub async fn list_identities(conn: &mut PgConnection, party: PartyId) -> Result<Vec<DatedIdentity>, Failure> {
    let rows: Vec<IdentityRow> =
        sqlx::query_as("SELECT * FROM identity_change WHERE party_id = $1 ORDER BY valid_from DESC")
            .bind(party)
            .fetch_all(conn)
            .await?;
    rows.into_iter().map(DatedIdentity::try_from).collect()
}

/// The identity that holds on a day for those of some parties that have a recorded one.
///
/// # Errors
/// When the database is away.
pub async fn identities_on(
    conn: &mut PgConnection,
    parties: &[PartyId],
    on: NaiveDate,
) -> Result<HashMap<PartyId, DatedIdentity>, Failure> {
    let rows: Vec<IdentityRow> = sqlx::query_as(
        "SELECT DISTINCT ON (party_id) * FROM identity_change WHERE party_id = ANY ($1) AND valid_from <= $2
         ORDER BY party_id, valid_from DESC",
    )
    .bind(parties)
    .bind(on)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((row.party_id, DatedIdentity::try_from(row)?))).collect()
}

/// Records who takes a party over.
///
/// # Errors
/// `TAKEN_OVER` when somebody has done so before.
pub async fn insert_succession(
    conn: &mut PgConnection,
    party: PartyId,
    successor: PartyId,
    since: NaiveDate,
    evidence: &str,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    // In another group the same merger may have been recorded before.
    sqlx::query(
        "INSERT INTO succession (party_id, successor_party_id, since, evidence, recorded_at)
         SELECT $1, $2, $3, $4, $5 WHERE NOT EXISTS (
           SELECT FROM succession WHERE party_id = $1 AND successor_party_id = $2 AND since = $3)",
    )
    .bind(party)
    .bind(successor)
    .bind(since)
    .bind(evidence)
    .bind(now)
    .execute(conn)
    .await
    .on_constraint("succession_pkey", || MembershipError::TakenOver { party: party.to_string() })?;
    Ok(())
}

/// Whether another than `successor`, or on another day, takes the party over.
///
/// # Errors
/// When the database is away.
pub async fn is_taken_over_otherwise(
    conn: &mut PgConnection,
    party: PartyId,
    successor: PartyId,
    since: NaiveDate,
) -> Result<bool, Failure> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM succession WHERE party_id = $1 AND (successor_party_id <> $2 OR since <> $3))",
    )
    .bind(party)
    .bind(successor)
    .bind(since)
    .fetch_one(conn)
    .await?)
}

/// Whom some parties have taken over by a day, directly and through others.
///
/// # Errors
/// When the database is away.
pub async fn predecessors(
    conn: &mut PgConnection,
    parties: &[PartyId],
    on: NaiveDate,
) -> Result<HashMap<PartyId, Vec<Predecessor>>, Failure> {
    let rows: Vec<(PartyId, PartyId, NaiveDate)> = sqlx::query_as(
        "WITH RECURSIVE taken AS (
           SELECT successor_party_id AS heir, party_id, since FROM succession WHERE successor_party_id = ANY ($1) AND since <= $2
           UNION
           SELECT t.heir, s.party_id, greatest(t.since, s.since) FROM taken t
             JOIN succession s ON s.successor_party_id = t.party_id AND s.since <= $2)
         SELECT heir, party_id, since FROM taken ORDER BY heir, since, party_id",
    )
    .bind(parties)
    .bind(on)
    .fetch_all(conn)
    .await?;
    let mut found: HashMap<PartyId, Vec<Predecessor>> = HashMap::new();
    for (heir, party, since) in rows {
        found.entry(heir).or_default().push(Predecessor { party, since });
    }
    Ok(found)
}
