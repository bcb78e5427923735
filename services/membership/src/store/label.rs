//! Label schemes, audits and who holds which level. Schemes and audits are never changed: the service's role cannot.

use std::collections::HashMap;

use chrono::NaiveDate;
use kit::{
    Failure,
    db::{corrupt, one_row},
    id::{GroupId, LabelAuditId, PartyId, PractitionerId},
};
use sqlx::PgConnection;

use super::named;
use crate::domain::{Axis, Criterion, Finding, LabelLevel, Outcome, Page, Scheme, Verdict};

#[derive(sqlx::FromRow)]
struct SchemeRow {
    version: i32,
    valid_from: NaiveDate,
    first_audit_months: i32,
    audit_months: i32,
    retry_months: i32,
    partly_percent: i32,
}

/// Versions with criteria and levels, newest first.
///
/// # Errors
/// When the database is away.
pub async fn schemes(conn: &mut PgConnection, group: GroupId, limit: i64) -> Result<Vec<Scheme>, Failure> {
    let rows: Vec<SchemeRow> = sqlx::query_as(
        "SELECT version, valid_from, first_audit_months, audit_months, retry_months, partly_percent FROM label_scheme
         WHERE group_id = $1 ORDER BY version DESC LIMIT $2",
    )
    .bind(group)
    .bind(limit)
    .fetch_all(&mut *conn)
    .await?;
    let criteria: Vec<(i32, String, String, String, i32)> = sqlx::query_as(
        "SELECT version, key, title, axis, points FROM label_criterion WHERE group_id = $1 ORDER BY version, place",
    )
    .bind(group)
    .fetch_all(&mut *conn)
    .await?;
    let levels: Vec<(i32, i32, String, i32, i32)> = sqlx::query_as(
        "SELECT version, level, name, territory_percent, team_percent FROM label_level WHERE group_id = $1 ORDER BY version, level",
    )
    .bind(group)
    .fetch_all(&mut *conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let bad = |column: &str| corrupt("label_scheme", column, row.version);
            let months = |months: i32, column: &str| u32::try_from(months).map_err(|_| bad(column));
            let criteria =
                criteria.iter().filter(|(version, ..)| *version == row.version).map(|(_, key, title, axis, points)| {
                    let axis = named(&Axis::ALL, Axis::name, axis).ok_or_else(|| bad("axis"))?;
                    Ok(Criterion { key: key.clone(), title: title.clone(), axis, points: *points })
                });
            let levels = levels.iter().filter(|(version, ..)| *version == row.version);
            Ok(Scheme {
                version: row.version,
                valid_from: row.valid_from,
                first_audit_months: months(row.first_audit_months, "first_audit_months")?,
                audit_months: months(row.audit_months, "audit_months")?,
                retry_months: months(row.retry_months, "retry_months")?,
                partly_percent: row.partly_percent,
                criteria: criteria.collect::<Result<_, Failure>>()?,
                levels: levels
                    .map(|(_, level, name, territory_percent, team_percent)| LabelLevel {
                        level: *level,
                        name: name.clone(),
                        territory_percent: *territory_percent,
                        team_percent: *team_percent,
                    })
                    .collect(),
            })
        })
        .collect()
}

/// Inserts a version with its criteria and levels, and gives a due day to those practitioners who have none.
///
/// # Errors
/// When the database is away.
pub async fn insert_scheme(conn: &mut PgConnection, group: GroupId, scheme: &Scheme) -> Result<(), Failure> {
    let months = |months: u32| i32::try_from(months).unwrap_or(i32::MAX);
    sqlx::query(
        "INSERT INTO label_scheme (group_id, version, valid_from, first_audit_months, audit_months, retry_months, partly_percent)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(group)
    .bind(scheme.version)
    .bind(scheme.valid_from)
    .bind(months(scheme.first_audit_months))
    .bind(months(scheme.audit_months))
    .bind(months(scheme.retry_months))
    .bind(scheme.partly_percent)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO label_criterion (group_id, version, place, key, title, axis, points)
         SELECT $1, $2, place, key, title, axis, points
         FROM unnest($3::text[], $4::text[], $5::text[], $6::integer[]) WITH ORDINALITY AS new (key, title, axis, points, place)",
    )
    .bind(group)
    .bind(scheme.version)
    .bind(scheme.criteria.iter().map(|one| one.key.as_str()).collect::<Vec<_>>())
    .bind(scheme.criteria.iter().map(|one| one.title.as_str()).collect::<Vec<_>>())
    .bind(scheme.criteria.iter().map(|one| one.axis.name()).collect::<Vec<_>>())
    .bind(scheme.criteria.iter().map(|one| one.points).collect::<Vec<_>>())
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO label_level (group_id, version, level, name, territory_percent, team_percent)
         SELECT $1, $2, * FROM unnest($3::integer[], $4::text[], $5::integer[], $6::integer[])",
    )
    .bind(group)
    .bind(scheme.version)
    .bind(scheme.levels.iter().map(|one| one.level).collect::<Vec<_>>())
    .bind(scheme.levels.iter().map(|one| one.name.as_str()).collect::<Vec<_>>())
    .bind(scheme.levels.iter().map(|one| one.territory_percent).collect::<Vec<_>>())
    .bind(scheme.levels.iter().map(|one| one.team_percent).collect::<Vec<_>>())
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "UPDATE practitioner SET audit_due_on = joined_on + make_interval(months => $2)
         WHERE group_id = $1 AND audit_due_on IS NULL",
    )
    .bind(group)
    .bind(months(scheme.first_audit_months))
    .execute(conn)
    .await?;
    Ok(())
}

/// An audit held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Id.
    pub id: LabelAuditId,
    /// Whose.
    pub practitioner_id: PractitionerId,
    /// Version of the scheme.
    pub version: i32,
    /// When.
    pub held_on: NaiveDate,
    /// By whom.
    pub held_by: String,
    /// When it had fallen due.
    pub due_on: NaiveDate,
    /// When the next one falls due.
    pub next_due_on: NaiveDate,
    /// Rounded down.
    pub territory_percent: i32,
    /// Rounded down.
    pub team_percent: i32,
    /// 0 for none.
    pub level_before: i32,
    /// 0 for none.
    pub level_after: i32,
    /// What became of the level.
    pub outcome: Outcome,
    /// Since when the level after has been held without a break.
    pub level_since: NaiveDate,
    /// French.
    pub reason: String,
    /// By criterion.
    pub findings: Vec<Finding>,
}

#[derive(sqlx::FromRow)]
struct AuditRow {
    audit_id: LabelAuditId,
    practitioner_id: PractitionerId,
    version: i32,
    held_on: NaiveDate,
    held_by: String,
    due_on: NaiveDate,
    next_due_on: NaiveDate,
    territory_percent: i32,
    team_percent: i32,
    level_before: i32,
    level_after: i32,
    outcome: String,
    level_since: NaiveDate,
    reason: String,
}

/// Inserts an audit with its findings, and what the practitioner holds after it.
///
/// # Errors
/// When the database is away.
pub async fn insert_audit(conn: &mut PgConnection, group: GroupId, audit: &Audit) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO label_audit (group_id, audit_id, practitioner_id, version, held_on, held_by, due_on, next_due_on,
           territory_percent, team_percent, level_before, level_after, outcome, level_since, reason)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
    )
    .bind(group)
    .bind(audit.id)
    .bind(audit.practitioner_id)
    .bind(audit.version)
    .bind(audit.held_on)
    .bind(&audit.held_by)
    .bind(audit.due_on)
    .bind(audit.next_due_on)
    .bind(audit.territory_percent)
    .bind(audit.team_percent)
    .bind(audit.level_before)
    .bind(audit.level_after)
    .bind(audit.outcome.name())
    .bind(audit.level_since)
    .bind(&audit.reason)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO label_finding (group_id, audit_id, criterion, verdict, evidence)
         SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::text[])",
    )
    .bind(group)
    .bind(audit.id)
    .bind(audit.findings.iter().map(|one| one.criterion.as_str()).collect::<Vec<_>>())
    .bind(audit.findings.iter().map(|one| one.verdict.name()).collect::<Vec<_>>())
    .bind(audit.findings.iter().map(|one| one.evidence.as_str()).collect::<Vec<_>>())
    .execute(&mut *conn)
    .await?;
    let result = sqlx::query(
        "UPDATE practitioner SET level = $3, level_since = CASE WHEN $3 > 0 THEN $4::date END, audit_due_on = $5
         WHERE group_id = $1 AND practitioner_id = $2",
    )
    .bind(group)
    .bind(audit.practitioner_id)
    .bind(audit.level_after)
    .bind(audit.level_since)
    .bind(audit.next_due_on)
    .execute(conn)
    .await?;
    one_row(&result, "practitioner")
}

/// The day of a practitioner's last audit.
///
/// # Errors
/// When the database is away.
pub async fn last_held_on(
    conn: &mut PgConnection,
    group: GroupId,
    practitioner: PractitionerId,
) -> Result<Option<NaiveDate>, Failure> {
    Ok(sqlx::query_scalar("SELECT max(held_on) FROM label_audit WHERE group_id = $1 AND practitioner_id = $2")
        .bind(group)
        .bind(practitioner)
        .fetch_one(conn)
        .await?)
}

/// A page of audits, by id. `only`: those of practitioners attached to that party on the day.
///
/// # Errors
/// When the database is away.
pub async fn list_audits(
    conn: &mut PgConnection,
    group: GroupId,
    practitioner: Option<PractitionerId>,
    only: Option<(PartyId, NaiveDate)>,
    page: Page<LabelAuditId>,
) -> Result<Vec<Audit>, Failure> {
    let rows: Vec<AuditRow> = sqlx::query_as(
        "SELECT a.audit_id, a.practitioner_id, a.version, a.held_on, a.held_by, a.due_on, a.next_due_on, a.territory_percent,
           a.team_percent, a.level_before, a.level_after, a.outcome, a.level_since, a.reason
         FROM label_audit a
         WHERE a.group_id = $1 AND ($2::uuid IS NULL OR a.practitioner_id = $2)
           AND ($3::uuid IS NULL OR EXISTS (SELECT FROM practitioner_attachment t
             WHERE t.group_id = a.group_id AND t.practitioner_id = a.practitioner_id AND t.party_id = $3
               AND t.valid_from <= $4 AND (t.valid_to IS NULL OR t.valid_to >= $4)))
           AND ($5::uuid IS NULL OR a.audit_id > $5)
         ORDER BY a.audit_id LIMIT $6",
    )
    .bind(group)
    .bind(practitioner)
    .bind(only.map(|(party, _)| party))
    .bind(only.map(|(_, day)| day))
    .bind(page.after)
    .bind(page.rows_to_read())
    .fetch_all(&mut *conn)
    .await?;
    let ids: Vec<LabelAuditId> = rows.iter().map(|row| row.audit_id).collect();
    let mut findings = findings_of(conn, group, &ids).await?;
    rows.into_iter()
        .map(|row| {
            let bad = |column: &str| corrupt("label_audit", column, row.audit_id);
            Ok(Audit {
                id: row.audit_id,
                practitioner_id: row.practitioner_id,
                version: row.version,
                held_on: row.held_on,
                due_on: row.due_on,
                next_due_on: row.next_due_on,
                territory_percent: row.territory_percent,
                team_percent: row.team_percent,
                level_before: row.level_before,
                level_after: row.level_after,
                outcome: named(&Outcome::ALL, Outcome::name, &row.outcome).ok_or_else(|| bad("outcome"))?,
                level_since: row.level_since,
                findings: findings.remove(&row.audit_id).unwrap_or_default(),
                held_by: row.held_by,
                reason: row.reason,
            })
        })
        .collect()
}

async fn findings_of(
    conn: &mut PgConnection,
    group: GroupId,
    audits: &[LabelAuditId],
) -> Result<HashMap<LabelAuditId, Vec<Finding>>, Failure> {
    let rows: Vec<(LabelAuditId, String, String, String)> = sqlx::query_as(
        "SELECT f.audit_id, f.criterion, f.verdict, f.evidence
         FROM label_finding f
         JOIN label_audit a ON a.group_id = f.group_id AND a.audit_id = f.audit_id
         JOIN label_criterion c ON c.group_id = f.group_id AND c.version = a.version AND c.key = f.criterion
         WHERE f.group_id = $1 AND f.audit_id = ANY ($2) ORDER BY f.audit_id, c.place",
    )
    .bind(group)
    .bind(audits)
    .fetch_all(conn)
    .await?;
    let mut found: HashMap<LabelAuditId, Vec<Finding>> = HashMap::new();
    for (audit, criterion, verdict, evidence) in rows {
        let verdict =
            named(&Verdict::ALL, Verdict::name, &verdict).ok_or_else(|| corrupt("label_finding", "verdict", audit))?;
        found.entry(audit).or_default().push(Finding { criterion, verdict, evidence });
    }
    Ok(found)
}

/// Somebody who holds a level, as everybody may know.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Holder {
    /// Id, for the next page only.
    pub practitioner_id: PractitionerId,
    /// Name.
    pub name: String,
    /// Names of the establishments it is attached to.
    pub place: String,
    /// 1 to 3.
    pub level: i32,
    /// Name of the level.
    pub level_name: String,
    /// Since when.
    pub since: NaiveDate,
    /// Whether its next audit is overdue.
    pub audit_overdue: bool,
}

/// A page of those who hold a level on a day, highest first, then by name. `after` is the last one seen.
///
/// # Errors
/// When the database is away.
pub async fn holders(
    conn: &mut PgConnection,
    group: GroupId,
    today: NaiveDate,
    page: Page<PractitionerId>,
) -> Result<Vec<Holder>, Failure> {
    Ok(sqlx::query_as(
        "SELECT p.practitioner_id, p.name, p.level, l.name AS level_name, p.level_since AS since, p.audit_due_on < $2 AS audit_overdue,
           coalesce((SELECT string_agg(DISTINCT e.name, ', ' ORDER BY e.name)
             FROM practitioner_attachment a JOIN party e USING (party_id)
             WHERE a.group_id = p.group_id AND a.practitioner_id = p.practitioner_id
               AND a.valid_from <= $2 AND (a.valid_to IS NULL OR a.valid_to >= $2)), '') AS place
         FROM practitioner p
         JOIN LATERAL (SELECT version FROM label_audit a
           WHERE a.group_id = p.group_id AND a.practitioner_id = p.practitioner_id ORDER BY held_on DESC LIMIT 1) a ON true
         JOIN label_level l ON l.group_id = p.group_id AND l.version = a.version AND l.level = p.level
         WHERE p.group_id = $1 AND p.level > 0 AND p.joined_on <= $2 AND (p.left_on IS NULL OR p.left_on >= $2)
           AND ($3::uuid IS NULL OR (-p.level, p.name, p.practitioner_id)
             > (SELECT -b.level, b.name, b.practitioner_id FROM practitioner b WHERE b.group_id = $1 AND b.practitioner_id = $3))
         ORDER BY -p.level, p.name, p.practitioner_id LIMIT $4",
    )
    .bind(group)
    .bind(today)
    .bind(page.after)
    .bind(page.rows_to_read())
    .fetch_all(conn)
    .await?)
}

/// How many hold each level on a day, with the name that the newest scheme gives it.
///
/// # Errors
/// When the database is away.
pub async fn counts(
    conn: &mut PgConnection,
    group: GroupId,
    today: NaiveDate,
) -> Result<Vec<(i32, String, i64)>, Failure> {
    Ok(sqlx::query_as(
        "SELECT l.level, l.name, (SELECT count(*) FROM practitioner p WHERE p.group_id = l.group_id AND p.level = l.level
           AND p.joined_on <= $2 AND (p.left_on IS NULL OR p.left_on >= $2))
         FROM label_level l WHERE l.group_id = $1
           AND l.version = (SELECT max(version) FROM label_scheme s WHERE s.group_id = $1) ORDER BY l.level",
    )
    .bind(group)
    .bind(today)
    .fetch_all(conn)
    .await?)
}
