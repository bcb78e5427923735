//! Memberships. The policies keep a session in its group.

use chrono::NaiveDate;
use kit::{
    Failure,
    db::corrupt,
    id::{GroupId, PartyId},
};
use sqlx::PgConnection;

use super::{named, party::buyer_status};
use crate::domain::{Member, MemberFacts, MemberKind, Page, Period, Siret};

#[derive(sqlx::FromRow)]
struct Row {
    party_id: PartyId,
    valid_from: NaiveDate,
    valid_to: Option<NaiveDate>,
    kind: String,
    name: String,
    siret: Option<String>,
    buyer_status: Option<String>,
    since: NaiveDate,
}

impl TryFrom<Row> for MemberFacts {
    type Error = Failure;

    fn try_from(row: Row) -> Result<Self, Failure> {
        let bad = |column: &str| corrupt("member", column, row.party_id);
        let member = Member {
            party_id: row.party_id,
            kind: named(&MemberKind::ALL, MemberKind::name, &row.kind).ok_or_else(|| bad("kind"))?,
            period: Period::new(row.valid_from, row.valid_to).ok_or_else(|| bad("valid_to"))?,
        };
        Ok(Self {
            member,
            siret: row.siret.as_deref().map(Siret::parse).transpose().map_err(|_| bad("siret"))?,
            buyer_status: row
                .buyer_status
                .as_deref()
                .map(|status| buyer_status(status).ok_or_else(|| bad("buyer_status")))
                .transpose()?,
            name: row.name,
            since: row.since,
        })
    }
}

/// Every membership, past ones too, that some parties have in a group. Lock the group first.
///
/// # Errors
/// When the database is away.
pub async fn list_of_parties(
    conn: &mut PgConnection,
    group: GroupId,
    parties: &[PartyId],
) -> Result<Vec<Member>, Failure> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT m.party_id, m.valid_from, m.valid_to, m.kind, p.name, p.siret, p.buyer_status, m.valid_from AS since
         FROM member m JOIN party p USING (party_id) WHERE m.group_id = $1 AND m.party_id = ANY ($2) ORDER BY m.valid_from",
    )
    .bind(group)
    .bind(parties)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| MemberFacts::try_from(row).map(|facts| facts.member)).collect()
}

/// Takes memberships away, so that [`insert_all`] can put their successors in without meeting them.
///
/// # Errors
/// When the database is away.
pub async fn delete_all(conn: &mut PgConnection, group: GroupId, members: &[Member]) -> Result<(), Failure> {
    sqlx::query(
        "DELETE FROM member WHERE group_id = $1
           AND (party_id, valid_from) IN (SELECT * FROM unnest($2::uuid[], $3::date[]))",
    )
    .bind(group)
    .bind(members.iter().map(|member| member.party_id).collect::<Vec<_>>())
    .bind(members.iter().map(|member| member.period.from()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Inserts memberships.
///
/// # Errors
/// When the database is away.
pub async fn insert_all(conn: &mut PgConnection, group: GroupId, members: &[Member]) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO member (group_id, party_id, valid_from, valid_to, kind)
         SELECT $1, * FROM unnest($2::uuid[], $3::date[], $4::date[], $5::text[])",
    )
    .bind(group)
    .bind(members.iter().map(|member| member.party_id).collect::<Vec<_>>())
    .bind(members.iter().map(|member| member.period.from()).collect::<Vec<_>>())
    .bind(members.iter().map(|member| member.period.to()).collect::<Vec<_>>())
    .bind(members.iter().map(|member| member.kind.name()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Which members of a group are listed.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// On which day.
    pub on: NaiveDate,
    /// Only these; none: all.
    pub parties: Option<&'a [PartyId]>,
    /// The one member that the caller may see; none: all.
    pub only: Option<PartyId>,
    /// After which one; none: from the beginning.
    pub after: Option<PartyId>,
    /// How many at most.
    pub limit: i64,
}

impl<'a> Wanted<'a> {
    /// A page of all.
    #[must_use]
    pub const fn page(on: NaiveDate, only: Option<PartyId>, page: Page<PartyId>) -> Self {
        Self { on, parties: None, only, after: page.after, limit: page.rows_to_read() }
    }

    /// These parties, all of them.
    #[must_use]
    pub const fn these(on: NaiveDate, only: Option<PartyId>, parties: &'a [PartyId]) -> Self {
        Self { on, parties: Some(parties), only, after: None, limit: i64::MAX }
    }
}

/// Members of a group on a day, by party id, with what their parties were that day.
///
/// # Errors
/// When the database is away.
pub async fn list(conn: &mut PgConnection, group: GroupId, wanted: Wanted<'_>) -> Result<Vec<MemberFacts>, Failure> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT m.party_id, m.valid_from, m.valid_to, m.kind, coalesce(i.name, p.name) AS name, coalesce(i.siret, p.siret) AS siret,
           coalesce(s.status, p.buyer_status) AS buyer_status,
           -- The latest first day, up to this membership's, that does not follow the last day of another one.
           (SELECT max(f.valid_from) FROM member f
            WHERE f.group_id = m.group_id AND f.party_id = m.party_id AND f.valid_from <= m.valid_from
              AND NOT EXISTS (SELECT FROM member b
                WHERE b.group_id = f.group_id AND b.party_id = f.party_id AND b.valid_to = f.valid_from - 1)) AS since
         FROM member m JOIN party p USING (party_id)
         LEFT JOIN LATERAL (SELECT c.status FROM buyer_status_change c WHERE c.party_id = m.party_id AND c.valid_from <= $2
           ORDER BY c.valid_from DESC LIMIT 1) s ON true
         LEFT JOIN LATERAL (SELECT c.siret, c.name FROM identity_change c WHERE c.party_id = m.party_id AND c.valid_from <= $2
           ORDER BY c.valid_from DESC LIMIT 1) i ON true
         WHERE m.group_id = $1 AND m.valid_from <= $2 AND (m.valid_to IS NULL OR m.valid_to >= $2)
           AND ($3::uuid[] IS NULL OR m.party_id = ANY ($3))
           AND ($4::uuid IS NULL OR m.party_id = $4)
           AND ($5::uuid IS NULL OR m.party_id > $5)
         ORDER BY m.party_id LIMIT $6",
    )
    .bind(group)
    .bind(wanted.on)
    .bind(wanted.parties)
    .bind(wanted.only)
    .bind(wanted.after)
    .bind(wanted.limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(MemberFacts::try_from).collect()
}
