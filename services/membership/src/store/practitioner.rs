//! Practitioners of a group with their attachments, signature and level. The policies keep a session in its group.

use std::collections::HashMap;

use chrono::NaiveDate;
use kit::{
    Failure,
    db::corrupt,
    id::{GroupId, PartyId, PractitionerId},
};
use sqlx::PgConnection;

use super::named;
use crate::domain::{Attachment, Page, Period, PlaceKind, Practitioner, Rpps, Signature};

#[derive(sqlx::FromRow)]
struct Row {
    practitioner_id: PractitionerId,
    rpps: String,
    name: String,
    email: String,
    joined_on: NaiveDate,
    left_on: Option<NaiveDate>,
    level: i32,
    level_name: Option<String>,
    level_since: Option<NaiveDate>,
    audit_due_on: Option<NaiveDate>,
    signed_version: Option<i32>,
    signed_on: Option<NaiveDate>,
    signed_by: Option<String>,
}

#[derive(sqlx::FromRow)]
struct AttachmentRow {
    practitioner_id: PractitionerId,
    party_id: PartyId,
    valid_from: NaiveDate,
    valid_to: Option<NaiveDate>,
    kind: String,
    party_name: String,
}

/// A practitioner with its latest signature and the name of its level, as its last audit's criteria have it.
const COLUMNS: &str = "SELECT p.practitioner_id, p.rpps, p.name, p.email, p.joined_on, p.left_on, p.level, l.name AS level_name,
    p.level_since, p.audit_due_on, s.version AS signed_version, s.signed_on, s.signed_by
  FROM practitioner p
  LEFT JOIN LATERAL (SELECT version, signed_on, signed_by FROM charter_signature c
    WHERE c.group_id = p.group_id AND c.practitioner_id = p.practitioner_id ORDER BY version DESC LIMIT 1) s ON true
  LEFT JOIN LATERAL (SELECT version FROM label_audit a
    WHERE a.group_id = p.group_id AND a.practitioner_id = p.practitioner_id ORDER BY held_on DESC LIMIT 1) a ON p.level > 0
  LEFT JOIN label_level l ON l.group_id = p.group_id AND l.version = a.version AND l.level = p.level";

impl TryFrom<Row> for Practitioner {
    type Error = Failure;

    fn try_from(row: Row) -> Result<Self, Failure> {
        let bad = |column: &str| corrupt("practitioner", column, row.practitioner_id);
        let level = match (row.level, row.level_since) {
            (0, _) => None,
            (level, Some(since)) => Some((level, row.level_name.ok_or_else(|| bad("level"))?, since)),
            (_, None) => return Err(bad("level_since")),
        };
        let signature = match (row.signed_version, row.signed_on, row.signed_by) {
            (Some(version), Some(signed_on), Some(signed_by)) => Some(Signature { version, signed_on, signed_by }),
            _ => None,
        };
        Ok(Self {
            id: row.practitioner_id,
            rpps: Rpps::parse(&row.rpps).map_err(|_| bad("rpps"))?,
            name: row.name,
            email: row.email,
            period: Period::new(row.joined_on, row.left_on).ok_or_else(|| bad("left_on"))?,
            attachments: Vec::new(),
            signature,
            level,
            audit_due_on: row.audit_due_on,
        })
    }
}

async fn attached(conn: &mut PgConnection, group: GroupId, rows: Vec<Row>) -> Result<Vec<Practitioner>, Failure> {
    let mut practitioners = rows.into_iter().map(Practitioner::try_from).collect::<Result<Vec<_>, _>>()?;
    let attachments: Vec<AttachmentRow> = sqlx::query_as(
        "SELECT a.practitioner_id, a.party_id, a.valid_from, a.valid_to, a.kind, p.name AS party_name
         FROM practitioner_attachment a JOIN party p USING (party_id)
         WHERE a.group_id = $1 AND a.practitioner_id = ANY ($2) ORDER BY a.practitioner_id, a.valid_from, a.party_id",
    )
    .bind(group)
    .bind(practitioners.iter().map(|one| one.id).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    let places: HashMap<PractitionerId, usize> =
        practitioners.iter().enumerate().map(|(place, one)| (one.id, place)).collect();
    for row in attachments {
        let bad = |column: &str| corrupt("practitioner_attachment", column, row.practitioner_id);
        let attachment = Attachment {
            party_id: row.party_id,
            kind: named(&PlaceKind::ALL, PlaceKind::name, &row.kind).ok_or_else(|| bad("kind"))?,
            period: Period::new(row.valid_from, row.valid_to).ok_or_else(|| bad("valid_to"))?,
            party_name: row.party_name,
        };
        if let Some(place) = places.get(&row.practitioner_id) {
            practitioners[*place].attachments.push(attachment);
        }
    }
    Ok(practitioners)
}

/// Which practitioners are listed.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// In the group on which day.
    pub on: NaiveDate,
    /// Only those attached to this party on that day.
    pub party: Option<PartyId>,
    /// Only this one.
    pub id: Option<PractitionerId>,
    /// The one party whose practitioners the caller may see; none: all.
    pub only: Option<PartyId>,
    /// Which page.
    pub page: Page<PractitionerId>,
}

/// Practitioners of a group on a day, by id.
///
/// # Errors
/// When the database is away.
pub async fn list(conn: &mut PgConnection, group: GroupId, wanted: Wanted) -> Result<Vec<Practitioner>, Failure> {
    let sql = format!(
        "{COLUMNS} WHERE p.group_id = $1 AND p.joined_on <= $2 AND (p.left_on IS NULL OR p.left_on >= $2)
           AND ($3::uuid[] = '{{}}' OR (SELECT count(DISTINCT a.party_id) FROM practitioner_attachment a
             WHERE a.group_id = p.group_id AND a.practitioner_id = p.practitioner_id AND a.party_id = ANY ($3)
               AND a.valid_from <= $2 AND (a.valid_to IS NULL OR a.valid_to >= $2)) = cardinality($3))
           AND ($4::uuid IS NULL OR p.practitioner_id > $4) AND ($6::uuid IS NULL OR p.practitioner_id = $6)
         ORDER BY p.practitioner_id LIMIT $5"
    );
    // Of the party asked for and of the one in sight: both, when they are two.
    let mut parties: Vec<PartyId> = wanted.party.into_iter().chain(wanted.only).collect();
    parties.dedup();
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(group)
        .bind(wanted.on)
        .bind(parties)
        .bind(wanted.page.after)
        .bind(wanted.page.rows_to_read())
        .bind(wanted.id)
        .fetch_all(&mut *conn)
        .await?;
    attached(conn, group, rows).await
}

/// Practitioners whose audit falls due until a day, earliest first. `after` is the last one seen: its due day and id.
///
/// # Errors
/// When the database is away.
pub async fn list_due(
    conn: &mut PgConnection,
    group: GroupId,
    until: NaiveDate,
    after: Option<(NaiveDate, PractitionerId)>,
    limit: i64,
) -> Result<Vec<Practitioner>, Failure> {
    let sql = format!(
        "{COLUMNS} WHERE p.group_id = $1 AND p.left_on IS NULL AND p.audit_due_on <= $2
           AND ($3::date IS NULL OR (p.audit_due_on, p.practitioner_id) > ($3, $4))
         ORDER BY p.audit_due_on, p.practitioner_id LIMIT $5"
    );
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(group)
        .bind(until)
        .bind(after.map(|(day, _)| day))
        .bind(after.map(|(_, id)| id))
        .bind(limit)
        .fetch_all(&mut *conn)
        .await?;
    attached(conn, group, rows).await
}

/// Practitioners of a group by RPPS number.
///
/// # Errors
/// When the database is away.
pub async fn find_by_rpps(
    conn: &mut PgConnection,
    group: GroupId,
    numbers: &[&str],
) -> Result<Vec<Practitioner>, Failure> {
    let sql = format!("{COLUMNS} WHERE p.group_id = $1 AND p.rpps = ANY ($2) ORDER BY p.practitioner_id");
    let rows: Vec<Row> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(group).bind(numbers).fetch_all(&mut *conn).await?;
    attached(conn, group, rows).await
}

/// One practitioner, locked: changes of its subscriptions, signatures and audits wait for each other.
///
/// # Errors
/// When another change takes too long, or the database is away.
pub async fn lock(
    conn: &mut PgConnection,
    group: GroupId,
    id: Option<PractitionerId>,
    rpps: Option<&str>,
) -> Result<Option<Practitioner>, Failure> {
    let sql =
        format!("{COLUMNS} WHERE p.group_id = $1 AND (p.practitioner_id = $2 OR p.rpps = $3) FOR NO KEY UPDATE OF p");
    let rows: Vec<Row> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(group).bind(id).bind(rpps).fetch_all(&mut *conn).await?;
    Ok(attached(conn, group, rows).await?.pop())
}

/// Inserts practitioners or updates those whose id is there, without their attachments. Level and due day of one that is there stay.
///
/// # Errors
/// When the database is away.
pub async fn save_all(conn: &mut PgConnection, group: GroupId, practitioners: &[Practitioner]) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO practitioner (group_id, practitioner_id, rpps, name, email, joined_on, left_on, audit_due_on)
         SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::date[], $7::date[], $8::date[])
         ON CONFLICT (group_id, practitioner_id) DO UPDATE SET name = excluded.name, email = excluded.email,
           left_on = excluded.left_on",
    )
    .bind(group)
    .bind(practitioners.iter().map(|one| one.id).collect::<Vec<_>>())
    .bind(practitioners.iter().map(|one| one.rpps.as_str()).collect::<Vec<_>>())
    .bind(practitioners.iter().map(|one| one.name.as_str()).collect::<Vec<_>>())
    .bind(practitioners.iter().map(|one| one.email.as_str()).collect::<Vec<_>>())
    .bind(practitioners.iter().map(|one| one.period.from()).collect::<Vec<_>>())
    .bind(practitioners.iter().map(|one| one.period.to()).collect::<Vec<_>>())
    .bind(practitioners.iter().map(|one| one.audit_due_on).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes all attachments of practitioners away, so that [`attach_all`] can put theirs in.
///
/// # Errors
/// When the database is away.
pub async fn detach_all(conn: &mut PgConnection, group: GroupId, ids: &[PractitionerId]) -> Result<(), Failure> {
    sqlx::query("DELETE FROM practitioner_attachment WHERE group_id = $1 AND practitioner_id = ANY ($2)")
        .bind(group)
        .bind(ids)
        .execute(conn)
        .await?;
    Ok(())
}

/// Inserts attachments.
///
/// # Errors
/// When the database is away.
pub async fn attach_all(
    conn: &mut PgConnection,
    group: GroupId,
    attachments: &[(PractitionerId, &Attachment)],
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO practitioner_attachment (group_id, practitioner_id, party_id, valid_from, valid_to, kind)
         SELECT $1, * FROM unnest($2::uuid[], $3::uuid[], $4::date[], $5::date[], $6::text[])",
    )
    .bind(group)
    .bind(attachments.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind(attachments.iter().map(|(_, one)| one.party_id).collect::<Vec<_>>())
    .bind(attachments.iter().map(|(_, one)| one.period.from()).collect::<Vec<_>>())
    .bind(attachments.iter().map(|(_, one)| one.period.to()).collect::<Vec<_>>())
    .bind(attachments.iter().map(|(_, one)| one.kind.name()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}
