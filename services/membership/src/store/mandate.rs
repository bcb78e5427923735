//! Mandates.

use chrono::NaiveDate;
use kit::{
    Failure,
    db::{corrupt, one_row},
    id::{DecisionId, GroupId, MandateId, PartyId},
};
use sqlx::{PgConnection, types::Json};

use super::named;
use crate::domain::{
    Page, Period, Reason,
    mandate::{Mandate, Office},
};

#[derive(sqlx::FromRow)]
struct Row {
    mandate_id: MandateId,
    office: String,
    party_id: PartyId,
    party_name: String,
    holder_name: String,
    starts_on: NaiveDate,
    ends_on: Option<NaiveDate>,
    ended_on: Option<NaiveDate>,
    end_reason: String,
    decision_id: Option<DecisionId>,
    completes: bool,
    reasons: Json<Vec<Reason>>,
}

impl TryFrom<Row> for Mandate {
    type Error = Failure;

    fn try_from(row: Row) -> Result<Self, Failure> {
        let bad = |column: &str| corrupt("mandate", column, row.mandate_id);
        Ok(Self {
            id: row.mandate_id,
            office: named(&Office::ALL, Office::name, &row.office).ok_or_else(|| bad("office"))?,
            party: row.party_id,
            party_name: row.party_name,
            holder: row.holder_name,
            period: Period::new(row.starts_on, row.ends_on).ok_or_else(|| bad("ends_on"))?,
            ended_on: row.ended_on,
            end_reason: row.end_reason,
            decision: row.decision_id,
            completes: row.completes,
            reasons: row.reasons.0,
        })
    }
}

const SELECT: &str = "SELECT m.mandate_id, m.office, m.party_id, p.name AS party_name, m.holder_name, m.starts_on, m.ends_on, m.ended_on,
    m.end_reason, m.decision_id, m.completes, m.reasons
  FROM mandate m JOIN party p USING (party_id) WHERE m.group_id = $1";

/// Inserts a mandate.
///
/// # Errors
/// When the database is away.
pub async fn insert(conn: &mut PgConnection, group: GroupId, mandate: &Mandate) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO mandate (group_id, mandate_id, office, party_id, holder_name, starts_on, ends_on, decision_id, completes, reasons)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(group)
    .bind(mandate.id)
    .bind(mandate.office.name())
    .bind(mandate.party)
    .bind(&mandate.holder)
    .bind(mandate.period.from())
    .bind(mandate.period.to())
    .bind(mandate.decision)
    .bind(mandate.completes)
    .bind(Json(&mandate.reasons))
    .execute(conn)
    .await?;
    Ok(())
}

/// All mandates of some offices. Lock the group first.
///
/// # Errors
/// When the database is away.
pub async fn of_offices(conn: &mut PgConnection, group: GroupId, offices: &[Office]) -> Result<Vec<Mandate>, Failure> {
    let sql = format!("{SELECT} AND m.office = ANY ($2) ORDER BY m.starts_on, m.mandate_id");
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(group)
        .bind(offices.iter().map(|office| office.name()).collect::<Vec<_>>())
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(Mandate::try_from).collect()
}

/// Mandates that run on a day, by first day.
///
/// # Errors
/// When the database is away.
pub async fn list_on(conn: &mut PgConnection, group: GroupId, on: NaiveDate) -> Result<Vec<Mandate>, Failure> {
    let sql = format!(
        "{SELECT} AND m.starts_on <= $2 AND (coalesce(m.ended_on, m.ends_on) IS NULL OR coalesce(m.ended_on, m.ends_on) >= $2)
         ORDER BY m.starts_on, m.mandate_id"
    );
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(group).bind(on).fetch_all(conn).await?;
    rows.into_iter().map(Mandate::try_from).collect()
}

/// A page of mandates, last recorded first.
///
/// # Errors
/// When the database is away.
pub async fn list(conn: &mut PgConnection, group: GroupId, page: Page<MandateId>) -> Result<Vec<Mandate>, Failure> {
    let sql = format!("{SELECT} AND ($2::uuid IS NULL OR m.mandate_id < $2) ORDER BY m.mandate_id DESC LIMIT $3");
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(group)
        .bind(page.after)
        .bind(page.rows_to_read())
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(Mandate::try_from).collect()
}

/// One mandate.
///
/// # Errors
/// When the database is away.
pub async fn find(conn: &mut PgConnection, group: GroupId, id: MandateId) -> Result<Option<Mandate>, Failure> {
    let sql = format!("{SELECT} AND m.mandate_id = $2");
    let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(group).bind(id).fetch_optional(conn).await?;
    row.map(Mandate::try_from).transpose()
}

/// Ends a mandate. Lock the group first.
///
/// # Errors
/// When the database is away.
pub async fn end(
    conn: &mut PgConnection,
    group: GroupId,
    id: MandateId,
    (on, reason): (NaiveDate, &str),
) -> Result<(), Failure> {
    let result = sqlx::query(
        "UPDATE mandate SET ended_on = $3, end_reason = $4 WHERE group_id = $1 AND mandate_id = $2 AND ended_on IS NULL",
    )
    .bind(group)
    .bind(id)
    .bind(on)
    .bind(reason)
    .execute(conn)
    .await?;
    one_row(&result, "mandate")
}
