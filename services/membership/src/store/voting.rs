//! Voting rights.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use kit::{
    Failure,
    db::{OnConstraint as _, corrupt},
    id::{GroupId, PartyId},
};
use sqlx::PgConnection;

use crate::domain::{Page, Period, governance_error::GovernanceError};

/// A member's college and votes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Right {
    /// Who.
    pub party: PartyId,
    /// Its name; not needed to set it.
    pub name: String,
    /// College.
    pub college: String,
    /// Votes.
    pub votes: i64,
    /// When.
    pub period: Period,
}

/// Sets rights; one with the same member and first day is replaced. Lock the group first.
///
/// # Errors
/// `PERIODS_OVERLAP`.
pub async fn replace_all(conn: &mut PgConnection, group: GroupId, rights: &[Right]) -> Result<(), Failure> {
    let parties: Vec<PartyId> = rights.iter().map(|right| right.party).collect();
    let firsts: Vec<NaiveDate> = rights.iter().map(|right| right.period.from()).collect();
    sqlx::query(
        "DELETE FROM voting_right WHERE group_id = $1
           AND (party_id, valid_from) IN (SELECT * FROM unnest($2::uuid[], $3::date[]))",
    )
    .bind(group)
    .bind(&parties)
    .bind(&firsts)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO voting_right (group_id, party_id, valid_from, valid_to, college, votes)
         SELECT $1, * FROM unnest($2::uuid[], $3::date[], $4::date[], $5::text[], $6::bigint[])",
    )
    .bind(group)
    .bind(&parties)
    .bind(&firsts)
    .bind(rights.iter().map(|right| right.period.to()).collect::<Vec<_>>())
    .bind(rights.iter().map(|right| right.college.as_str()).collect::<Vec<_>>())
    .bind(rights.iter().map(|right| right.votes).collect::<Vec<_>>())
    .execute(conn)
    .await
    .on_constraint("voting_right_one_a_day", || GovernanceError::PeriodsOverlap {
        what: "voting right",
        key: String::new(),
    })?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Row {
    party_id: PartyId,
    name: String,
    college: String,
    votes: i64,
    valid_from: NaiveDate,
    valid_to: Option<NaiveDate>,
}

impl TryFrom<Row> for Right {
    type Error = Failure;

    fn try_from(row: Row) -> Result<Self, Failure> {
        let period = Period::new(row.valid_from, row.valid_to)
            .ok_or_else(|| corrupt("voting_right", "valid_to", row.party_id))?;
        Ok(Self { party: row.party_id, name: row.name, college: row.college, votes: row.votes, period })
    }
}

/// A page of the rights of a day, by party id.
///
/// # Errors
/// When the database is away.
pub async fn list_on(
    conn: &mut PgConnection,
    group: GroupId,
    on: NaiveDate,
    page: Page<PartyId>,
) -> Result<Vec<Right>, Failure> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT v.party_id, p.name, v.college, v.votes, v.valid_from, v.valid_to FROM voting_right v JOIN party p USING (party_id)
         WHERE v.group_id = $1 AND v.valid_from <= $2 AND (v.valid_to IS NULL OR v.valid_to >= $2)
           AND ($3::uuid IS NULL OR v.party_id > $3)
         ORDER BY v.party_id LIMIT $4",
    )
    .bind(group)
    .bind(on)
    .bind(page.after)
    .bind(page.rows_to_read())
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Right::try_from).collect()
}

/// The assembly of a day: college and votes of those that are members on it. Who has left has no votes left.
///
/// # Errors
/// When the database is away.
pub async fn assembly(
    conn: &mut PgConnection,
    group: GroupId,
    on: NaiveDate,
) -> Result<BTreeMap<PartyId, (String, i64)>, Failure> {
    let rows: Vec<(PartyId, String, i64)> = sqlx::query_as(
        "SELECT v.party_id, v.college, v.votes FROM voting_right v
         JOIN member m ON m.group_id = v.group_id AND m.party_id = v.party_id
           AND m.valid_from <= $2 AND (m.valid_to IS NULL OR m.valid_to >= $2)
         WHERE v.group_id = $1 AND v.valid_from <= $2 AND (v.valid_to IS NULL OR v.valid_to >= $2)",
    )
    .bind(group)
    .bind(on)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|(party, college, votes)| (party, (college, votes))).collect())
}
