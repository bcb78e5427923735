//! What contributions and the view of self-financing are computed from: members with their votes, logistics costs, declared savings.

use std::collections::HashMap;

use chrono::NaiveDate;
use kit::{
    Failure,
    db::{OnConstraint as _, corrupt},
    id::{DeclaredSavingId, GroupId, PartyId},
};
use sqlx::PgConnection;

use super::named;
use crate::domain::{
    MemberKind, Page, Period,
    balance::LogisticsCost,
    contribution::{Belonging, SharedBy},
    governance_error::GovernanceError,
    month::Month,
};

#[derive(sqlx::FromRow)]
struct MembershipRow {
    party_id: PartyId,
    name: String,
    kind: String,
    valid_from: NaiveDate,
    valid_to: Option<NaiveDate>,
}

/// Members of a group on any day of some months with their votes, by name.
///
/// # Errors
/// When the database is away.
pub async fn members(
    conn: &mut PgConnection,
    group: GroupId,
    from: Month,
    to: Month,
) -> Result<Vec<Belonging>, Failure> {
    let rows: Vec<MembershipRow> = sqlx::query_as(
        "SELECT m.party_id, p.name, m.kind, m.valid_from, m.valid_to FROM member m JOIN party p USING (party_id)
         WHERE m.group_id = $1 AND m.valid_from <= $3 AND (m.valid_to IS NULL OR m.valid_to >= $2)
         ORDER BY p.name, m.party_id, m.valid_from",
    )
    .bind(group)
    .bind(from.first_day())
    .bind(to.last_day())
    .fetch_all(&mut *conn)
    .await?;
    let rights: Vec<(PartyId, i64, NaiveDate, Option<NaiveDate>)> = sqlx::query_as(
        "SELECT party_id, votes, valid_from, valid_to FROM voting_right
         WHERE group_id = $1 AND valid_from <= $3 AND (valid_to IS NULL OR valid_to >= $2)",
    )
    .bind(group)
    .bind(from.first_day())
    .bind(to.last_day())
    .fetch_all(conn)
    .await?;
    let mut votes: HashMap<PartyId, Vec<(Period, i64)>> = HashMap::new();
    for (party, count, from, to) in rights {
        let period = Period::new(from, to).ok_or_else(|| corrupt("voting_right", "valid_to", party))?;
        votes.entry(party).or_default().push((period, count));
    }
    let mut members: Vec<Belonging> = Vec::new();
    for row in rows {
        let bad = |column: &str| corrupt("member", column, row.party_id);
        let kind = named(&MemberKind::ALL, MemberKind::name, &row.kind).ok_or_else(|| bad("kind"))?;
        let period = Period::new(row.valid_from, row.valid_to).ok_or_else(|| bad("valid_to"))?;
        match members.last_mut().filter(|last| last.party == row.party_id) {
            Some(member) => member.memberships.push((period, kind)),
            None => members.push(Belonging {
                party: row.party_id,
                name: row.name,
                memberships: vec![(period, kind)],
                votes: votes.remove(&row.party_id).unwrap_or_default(),
            }),
        }
    }
    Ok(members)
}

/// Enters logistics costs; one with the same month and label is replaced.
///
/// # Errors
/// When the database is away.
pub async fn set_costs(conn: &mut PgConnection, group: GroupId, costs: &[LogisticsCost]) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO logistics_cost AS c (group_id, month, label, amount_cents, shared_by, source)
         SELECT $1, * FROM unnest($2::date[], $3::text[], $4::bigint[], $5::text[], $6::text[])
         ON CONFLICT (group_id, month, label) DO UPDATE
           SET amount_cents = excluded.amount_cents, shared_by = excluded.shared_by, source = excluded.source",
    )
    .bind(group)
    .bind(costs.iter().map(|cost| cost.month.first_day()).collect::<Vec<_>>())
    .bind(costs.iter().map(|cost| cost.label.as_str()).collect::<Vec<_>>())
    .bind(costs.iter().map(|cost| cost.amount_cents).collect::<Vec<_>>())
    .bind(costs.iter().map(|cost| cost.shared_by.name()).collect::<Vec<_>>())
    .bind(costs.iter().map(|cost| cost.source.as_str()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Logistics costs between two months, by month and label; at most `limit`.
///
/// # Errors
/// When the database is away.
pub async fn costs(
    conn: &mut PgConnection,
    group: GroupId,
    (from, to): (Option<Month>, Option<Month>),
    limit: i64,
) -> Result<Vec<LogisticsCost>, Failure> {
    let rows: Vec<(NaiveDate, String, i64, String, String)> = sqlx::query_as(
        "SELECT month, label, amount_cents, shared_by, source FROM logistics_cost
         WHERE group_id = $1 AND ($2::date IS NULL OR month >= $2) AND ($3::date IS NULL OR month <= $3)
         ORDER BY month, label LIMIT $4",
    )
    .bind(group)
    .bind(from.map(Month::first_day))
    .bind(to.map(Month::first_day))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|(month, label, amount_cents, shared_by, source)| {
            let shared_by = named(&SharedBy::ALL, SharedBy::name, &shared_by)
                .ok_or_else(|| corrupt("logistics_cost", "shared_by", &label))?;
            Ok(LogisticsCost { month: Month::of(month), label, amount_cents, shared_by, source })
        })
        .collect()
}

/// A declared saving. The words of `kind` are the contract's.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Saving {
    /// Id.
    pub saving_id: DeclaredSavingId,
    /// Who saved.
    pub party_id: PartyId,
    /// First day of its month.
    pub month: NaiveDate,
    /// AVOIDED_EXAM or OTHER.
    pub kind: String,
    /// What was avoided.
    pub label: String,
    /// How many.
    pub quantity: i64,
    /// Cents for one.
    pub unit_cents: i64,
    /// Cents.
    pub amount_cents: i64,
    /// What shows it.
    pub evidence: String,
    /// When it was declared.
    pub declared_on: NaiveDate,
}

/// Inserts a declared saving.
///
/// # Errors
/// `SAVING_DECLARED`.
pub async fn insert_saving(conn: &mut PgConnection, group: GroupId, saving: &Saving) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO declared_saving (group_id, saving_id, party_id, month, kind, label, quantity, unit_cents, amount_cents, evidence, declared_on)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(group)
    .bind(saving.saving_id)
    .bind(saving.party_id)
    .bind(saving.month)
    .bind(&saving.kind)
    .bind(&saving.label)
    .bind(saving.quantity)
    .bind(saving.unit_cents)
    .bind(saving.amount_cents)
    .bind(&saving.evidence)
    .bind(saving.declared_on)
    .execute(conn)
    .await
    .on_constraint("declared_saving_once", || GovernanceError::SavingDeclared {
        label: saving.label.clone(),
        month: Month::of(saving.month).to_string(),
    })?;
    Ok(())
}

/// A page of declared savings, by id; of one member or all.
///
/// # Errors
/// When the database is away.
pub async fn savings(
    conn: &mut PgConnection,
    group: GroupId,
    only: Option<PartyId>,
    page: Page<DeclaredSavingId>,
) -> Result<Vec<Saving>, Failure> {
    Ok(sqlx::query_as(
        "SELECT saving_id, party_id, month, kind, label, quantity, unit_cents, amount_cents, evidence, declared_on FROM declared_saving
         WHERE group_id = $1 AND ($2::uuid IS NULL OR party_id = $2) AND ($3::uuid IS NULL OR saving_id > $3)
         ORDER BY saving_id LIMIT $4",
    )
    .bind(group)
    .bind(only)
    .bind(page.after)
    .bind(page.rows_to_read())
    .fetch_all(conn)
    .await?)
}

/// Declared cents by member and month, between two months.
///
/// # Errors
/// When the database is away.
pub async fn declared(
    conn: &mut PgConnection,
    group: GroupId,
    from: Month,
    to: Month,
) -> Result<HashMap<(PartyId, Month), i64>, Failure> {
    let rows: Vec<(PartyId, NaiveDate, i64)> = sqlx::query_as(
        "SELECT party_id, month, sum(amount_cents)::bigint FROM declared_saving
         WHERE group_id = $1 AND month BETWEEN $2 AND $3 GROUP BY party_id, month",
    )
    .bind(group)
    .bind(from.first_day())
    .bind(to.first_day())
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|(party, month, cents)| ((party, Month::of(month)), cents)).collect())
}
