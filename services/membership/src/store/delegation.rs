//! Delegations of signature. The policies keep a session in its group.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use kit::{
    Failure,
    db::{corrupt, one_row},
    id::{DelegationId, GroupId, PartyId, PersonId},
};
use sqlx::PgConnection;

use super::named;
use crate::domain::{Act, Delegate, Delegation, GhtStanding, OrderDelegation, Page, Rights};

#[derive(sqlx::FromRow)]
struct Row {
    delegation_id: DelegationId,
    delegator_party_id: PartyId,
    to_party_id: Option<PartyId>,
    to_person_id: Option<PersonId>,
    acts: Vec<String>,
    amount_max_cents: Option<i64>,
    valid_from: NaiveDate,
    valid_to: Option<NaiveDate>,
    evidence: String,
    stands_in_for: Option<DelegationId>,
    revoked_from: Option<NaiveDate>,
    revoked_reason: String,
}

impl TryFrom<Row> for Delegation {
    type Error = Failure;

    fn try_from(row: Row) -> Result<Self, Failure> {
        let bad = |column: &str| corrupt("delegation", column, row.delegation_id);
        let to = match (row.to_party_id, row.to_person_id) {
            (Some(party), None) => Delegate::Party(party),
            (None, Some(person)) => Delegate::Person(person),
            (Some(_), Some(_)) | (None, None) => return Err(bad("to_party_id")),
        };
        let acts = row.acts.iter().map(|act| named(&Act::ALL, Act::name, act).ok_or_else(|| bad("acts")));
        let acts = acts.collect::<Result<_, _>>()?;
        Ok(Self {
            id: row.delegation_id,
            delegator: row.delegator_party_id,
            to,
            rights: Rights { acts, limit_cents: row.amount_max_cents, from: row.valid_from, to: row.valid_to },
            evidence: row.evidence,
            stands_in_for: row.stands_in_for,
            revoked_from: row.revoked_from,
            revoked_reason: row.revoked_reason,
        })
    }
}

const COLUMNS: &str =
    "delegation_id, delegator_party_id, to_party_id, to_person_id, acts, amount_max_cents, valid_from, valid_to,
  evidence, stands_in_for, revoked_from, revoked_reason";

/// Inserts a delegation.
///
/// # Errors
/// When the database is away.
pub async fn insert(
    conn: &mut PgConnection,
    group: GroupId,
    delegation: &Delegation,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let (party, person) = match delegation.to {
        Delegate::Party(party) => (Some(party), None),
        Delegate::Person(person) => (None, Some(person)),
    };
    sqlx::query(
        "INSERT INTO delegation (group_id, delegation_id, delegator_party_id, to_party_id, to_person_id, acts, amount_max_cents,
           valid_from, valid_to, evidence, stands_in_for, recorded_at, recorded_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(group)
    .bind(delegation.id)
    .bind(delegation.delegator)
    .bind(party)
    .bind(person)
    .bind(delegation.rights.acts.iter().map(|act| act.name()).collect::<Vec<_>>())
    .bind(delegation.rights.limit_cents)
    .bind(delegation.rights.from)
    .bind(delegation.rights.to)
    .bind(&delegation.evidence)
    .bind(delegation.stands_in_for)
    .bind(now)
    .bind(by)
    .execute(conn)
    .await?;
    Ok(())
}

/// A delegation of the group, locked.
///
/// # Errors
/// When the database is away.
pub async fn lock(
    conn: &mut PgConnection,
    group: GroupId,
    delegation: DelegationId,
) -> Result<Option<Delegation>, Failure> {
    let sql = format!("SELECT {COLUMNS} FROM delegation WHERE group_id = $1 AND delegation_id = $2 FOR NO KEY UPDATE");
    let row: Option<Row> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(group).bind(delegation).fetch_optional(conn).await?;
    row.map(Delegation::try_from).transpose()
}

/// Saves the revocation of a locked delegation.
///
/// # Errors
/// When the database is away.
pub async fn save_revocation(conn: &mut PgConnection, group: GroupId, revoked: &Delegation) -> Result<(), Failure> {
    let saved = sqlx::query(
        "UPDATE delegation SET revoked_from = $3, revoked_reason = $4
         WHERE group_id = $1 AND delegation_id = $2 AND revoked_from IS NULL",
    )
    .bind(group)
    .bind(revoked.id)
    .bind(revoked.revoked_from)
    .bind(&revoked.revoked_reason)
    .execute(conn)
    .await?;
    one_row(&saved, "delegation")
}

/// Delegations by id.
///
/// # Errors
/// When the database is away.
pub async fn find(
    conn: &mut PgConnection,
    group: GroupId,
    ids: &[DelegationId],
) -> Result<HashMap<DelegationId, Delegation>, Failure> {
    let sql = format!("SELECT {COLUMNS} FROM delegation WHERE group_id = $1 AND delegation_id = ANY ($2)");
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(group).bind(ids).fetch_all(conn).await?;
    rows.into_iter().map(|row| Delegation::try_from(row).map(|delegation| (delegation.id, delegation))).collect()
}

/// Which delegations are listed.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Only those given by this party.
    pub delegator: Option<PartyId>,
    /// Only those that allow this.
    pub act: Option<Act>,
    /// Only those that hold on this day, by themselves.
    pub in_force_on: Option<NaiveDate>,
    /// Only those that this party gave or holds, or that this person holds; none: all.
    pub only: Option<(PartyId, Option<PersonId>)>,
    /// Which page.
    pub page: Page<DelegationId>,
}

/// A page of delegations by id.
///
/// # Errors
/// When the database is away.
pub async fn list(conn: &mut PgConnection, group: GroupId, wanted: Wanted) -> Result<Vec<Delegation>, Failure> {
    let sql = format!(
        "SELECT {COLUMNS} FROM delegation d
         WHERE group_id = $1 AND ($2::uuid IS NULL OR delegator_party_id = $2) AND ($3::text IS NULL OR $3 = ANY (acts))
           AND ($4::date IS NULL OR (valid_from <= $4 AND (valid_to IS NULL OR valid_to >= $4) AND (revoked_from IS NULL OR revoked_from > $4)
             AND (stands_in_for IS NULL OR EXISTS (SELECT FROM delegation o WHERE o.group_id = d.group_id
               AND o.delegation_id = d.stands_in_for AND (o.revoked_from IS NULL OR o.revoked_from > $4)))))
           AND ($5::uuid IS NULL OR $5 IN (delegator_party_id, to_party_id) OR to_person_id = $6)
           AND ($7::uuid IS NULL OR delegation_id > $7)
         ORDER BY delegation_id LIMIT $8"
    );
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(group)
        .bind(wanted.delegator)
        .bind(wanted.act.map(Act::name))
        .bind(wanted.in_force_on)
        .bind(wanted.only.map(|(party, _)| party))
        .bind(wanted.only.and_then(|(_, person)| person))
        .bind(wanted.page.after)
        .bind(wanted.page.rows_to_read())
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(Delegation::try_from).collect()
}

/// The text of law on delegating a signature on a day; empty when there was none.
///
/// # Errors
/// When the database is away.
pub async fn source_on(conn: &mut PgConnection, on: NaiveDate) -> Result<String, Failure> {
    let source: Option<String> = sqlx::query_scalar(
        "SELECT source FROM signature_rule WHERE valid_from <= $1 AND (valid_to IS NULL OR valid_to >= $1)",
    )
    .bind(on)
    .fetch_optional(conn)
    .await?;
    Ok(source.unwrap_or_default())
}

#[derive(sqlx::FromRow)]
struct StandingRow {
    party_id: PartyId,
    support_id: PartyId,
    support_name: String,
    delegated: bool,
    delegated_from: Option<NaiveDate>,
    delegated_to: Option<NaiveDate>,
    amount_max_cents: Option<i64>,
}

/// Which of some parties are parties to a GHT besides a group, and what its support allows them on a day.
///
/// # Errors
/// When the database is away.
pub async fn ght_standings(
    conn: &mut PgConnection,
    parties: &[PartyId],
    beside: GroupId,
    on: NaiveDate,
) -> Result<HashMap<PartyId, GhtStanding>, Failure> {
    let rows: Vec<StandingRow> = sqlx::query_as("SELECT * FROM ght_standing($1, $2, $3)")
        .bind(parties)
        .bind(beside)
        .bind(on)
        .fetch_all(conn)
        .await?;
    let standing = |row: StandingRow| {
        let delegation = row.delegated_from.filter(|_| row.delegated).map(|from| OrderDelegation {
            from,
            to: row.delegated_to,
            limit_cents: row.amount_max_cents,
        });
        (row.party_id, GhtStanding { support: row.support_id, support_name: row.support_name, delegation })
    };
    Ok(rows.into_iter().map(standing).collect())
}
