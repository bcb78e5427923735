//! Rules that groups gave themselves.

use chrono::NaiveDate;
use kit::{
    Failure,
    db::{OnConstraint as _, corrupt},
    id::GroupId,
};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{PgConnection, types::Json};

use crate::domain::{Dated, Period, RuleKind, governance_error::GovernanceError};

/// Sets rules; one with the same key and first day is replaced. Lock the group first.
///
/// # Errors
/// `PERIODS_OVERLAP`.
pub async fn replace_all<T: Serialize + Sync>(
    conn: &mut PgConnection,
    group: GroupId,
    kind: RuleKind,
    rules: &[Dated<T>],
) -> Result<(), Failure> {
    sqlx::query(
        "DELETE FROM group_rule WHERE group_id = $1 AND kind = $2
           AND (key, valid_from) IN (SELECT * FROM unnest($3::text[], $4::date[]))",
    )
    .bind(group)
    .bind(kind.name())
    .bind(rules.iter().map(|rule| rule.key.as_str()).collect::<Vec<_>>())
    .bind(rules.iter().map(|rule| rule.period.from()).collect::<Vec<_>>())
    .execute(&mut *conn)
    .await?;
    for rule in rules {
        sqlx::query(
            "INSERT INTO group_rule (group_id, kind, key, valid_from, valid_to, body, source) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(group)
        .bind(kind.name())
        .bind(&rule.key)
        .bind(rule.period.from())
        .bind(rule.period.to())
        .bind(Json(&rule.body))
        .bind(&rule.source)
        .execute(&mut *conn)
        .await
        .on_constraint("group_rule_one_a_day", || GovernanceError::PeriodsOverlap {
            what: "rule",
            key: rule.key.clone(),
        })?;
    }
    Ok(())
}

/// How many keys a group has rules of a kind for.
///
/// # Errors
/// When the database is away.
pub async fn count(conn: &mut PgConnection, group: GroupId, kind: RuleKind) -> Result<i64, Failure> {
    Ok(sqlx::query_scalar("SELECT count(*) FROM group_rule WHERE group_id = $1 AND kind = $2")
        .bind(group)
        .bind(kind.name())
        .fetch_one(conn)
        .await?)
}

#[derive(sqlx::FromRow)]
struct Row<T> {
    key: String,
    valid_from: NaiveDate,
    valid_to: Option<NaiveDate>,
    body: Json<T>,
    source: String,
}

/// Rules of a kind that are in force on a day between two, by key and first day; without a bound: from the beginning, to the end.
///
/// # Errors
/// When the database is away.
pub async fn list<T: DeserializeOwned + Send + Unpin + 'static>(
    conn: &mut PgConnection,
    group: GroupId,
    kind: RuleKind,
    (from, to): (Option<NaiveDate>, Option<NaiveDate>),
) -> Result<Vec<Dated<T>>, Failure> {
    let rows: Vec<Row<T>> = sqlx::query_as(
        "SELECT key, valid_from, valid_to, body, source FROM group_rule
         WHERE group_id = $1 AND kind = $2 AND ($3::date IS NULL OR valid_to IS NULL OR valid_to >= $3)
           AND ($4::date IS NULL OR valid_from <= $4)
         ORDER BY key, valid_from",
    )
    .bind(group)
    .bind(kind.name())
    .bind(from)
    .bind(to)
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let period =
                Period::new(row.valid_from, row.valid_to).ok_or_else(|| corrupt("group_rule", "valid_to", &row.key))?;
            Ok(Dated { key: row.key, period, source: row.source, body: row.body.0 })
        })
        .collect()
}

/// The rule for a key on a day.
///
/// # Errors
/// When the database is away.
pub async fn find<T: DeserializeOwned + Send + Unpin + 'static>(
    conn: &mut PgConnection,
    group: GroupId,
    kind: RuleKind,
    key: &str,
    on: NaiveDate,
) -> Result<Option<Dated<T>>, Failure> {
    let rules = list(conn, group, kind, (Some(on), Some(on))).await?;
    Ok(rules.into_iter().find(|rule| rule.key == key))
}
