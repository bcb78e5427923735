//! Rounds.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use kit::{
    Failure,
    db::{corrupt, one_row},
    id::{AgreementId, GroupId, RoundId, SiteId},
};
use sqlx::{PgConnection, Postgres, QueryBuilder};

use crate::domain::round::{Round, RoundKind, RoundState, RoundTerms};

const SELECT: &str = "SELECT id, title, opens_at, closes_at, platform_site_id, agreement_ids, kind, period_months, state, version FROM round WHERE group_id = ";

#[derive(sqlx::FromRow)]
struct Row {
    id: RoundId,
    title: String,
    opens_at: DateTime<Utc>,
    closes_at: DateTime<Utc>,
    platform_site_id: Option<SiteId>,
    agreement_ids: Vec<AgreementId>,
    kind: String,
    period_months: Option<i32>,
    state: String,
    version: i64,
}

impl TryFrom<Row> for Round {
    type Error = Failure;

    fn try_from(row: Row) -> Result<Self, Failure> {
        let state = RoundState::from_name(&row.state).ok_or_else(|| corrupt("round", "state", row.id))?;
        let kind =
            RoundKind::from_name(&row.kind, row.period_months).ok_or_else(|| corrupt("round", "kind", row.id))?;
        let terms = RoundTerms {
            kind,
            title: row.title,
            opens_at: row.opens_at,
            closes_at: row.closes_at,
            platform_site_id: row.platform_site_id,
            agreement_ids: row.agreement_ids,
        };
        Ok(Self { id: row.id, terms, state, version: row.version })
    }
}

/// What was stated in a round.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Active needs.
    pub needs: i64,
    /// Members that have one.
    pub members: i64,
}

/// Writes a new round.
pub async fn insert(conn: &mut PgConnection, group: GroupId, round: &Round) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO round (group_id, id, title, opens_at, closes_at, platform_site_id, agreement_ids, state, version,
           kind, period_months)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(group)
    .bind(round.id)
    .bind(&round.terms.title)
    .bind(round.terms.opens_at)
    .bind(round.terms.closes_at)
    .bind(round.terms.platform_site_id)
    .bind(&round.terms.agreement_ids)
    .bind(round.state.name())
    .bind(round.version)
    .bind(round.terms.kind.name())
    .bind(round.terms.kind.period_months())
    .execute(conn)
    .await?;
    Ok(())
}

/// A round.
pub async fn find(conn: &mut PgConnection, group: GroupId, id: RoundId) -> Result<Option<Round>, Failure> {
    read(conn, group, id, "").await
}

/// A round that nobody can close until the transaction ends.
pub async fn lock_shared(conn: &mut PgConnection, group: GroupId, id: RoundId) -> Result<Option<Round>, Failure> {
    pass(conn, "SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0))", group, id).await?;
    read(conn, group, id, " FOR SHARE").await
}

/// A round that nobody can change, nor add needs to, until the transaction ends.
pub async fn lock(conn: &mut PgConnection, group: GroupId, id: RoundId) -> Result<Option<Round>, Failure> {
    pass(conn, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", group, id).await?;
    read(conn, group, id, " FOR UPDATE").await
}

/// A turnstile before the row's lock: Postgres lets share locks of a row go past a waiting update lock, so that a crowd
/// which never stops adding would keep a round from ever closing. Advisory locks are given in the order asked for.
async fn pass(conn: &mut PgConnection, lock: &'static str, group: GroupId, id: RoundId) -> Result<(), Failure> {
    sqlx::query(lock).bind(format!("{group}/{id}")).execute(conn).await?;
    Ok(())
}

async fn read(
    conn: &mut PgConnection,
    group: GroupId,
    id: RoundId,
    lock: &'static str,
) -> Result<Option<Round>, Failure> {
    let mut query = QueryBuilder::<Postgres>::new(SELECT);
    query.push_bind(group).push(" AND id = ").push_bind(id).push(lock);
    query.build_query_as::<Row>().fetch_optional(conn).await?.map(Round::try_from).transpose()
}

/// Waits longer than usual for the round's lock: files that are being loaded hold it for up to a minute.
pub async fn wait_for_loads(conn: &mut PgConnection) -> Result<(), Failure> {
    sqlx::query("SELECT set_config('lock_timeout', '50s', true)").execute(conn).await?;
    Ok(())
}

/// Writes the state of a locked round. `round.version` is the one after the change.
pub async fn save_state(conn: &mut PgConnection, group: GroupId, round: &Round) -> Result<(), Failure> {
    let result =
        sqlx::query("UPDATE round SET state = $3, version = $4 WHERE group_id = $1 AND id = $2 AND version = $4 - 1")
            .bind(group)
            .bind(round.id)
            .bind(round.state.name())
            .bind(round.version)
            .execute(conn)
            .await?;
    one_row(&result, "round")
}

/// Rounds by id.
pub async fn list(
    conn: &mut PgConnection,
    group: GroupId,
    after: uuid::Uuid,
    limit: i64,
) -> Result<Vec<Round>, Failure> {
    let mut query = QueryBuilder::<Postgres>::new(SELECT);
    query.push_bind(group).push(" AND id > ").push_bind(after).push(" ORDER BY id LIMIT ").push_bind(limit);
    query.build_query_as::<Row>().fetch_all(conn).await?.into_iter().map(Round::try_from).collect()
}

/// What was stated in each round.
pub async fn counts(
    conn: &mut PgConnection,
    group: GroupId,
    ids: &[RoundId],
) -> Result<HashMap<RoundId, Counts>, Failure> {
    let rows: Vec<(RoundId, i64, i64)> = sqlx::query_as(
        "SELECT r.id, c.needs, c.members FROM unnest($2::uuid[]) AS r (id), LATERAL (
           SELECT coalesce(sum(m.needs), 0)::bigint AS needs, count(*) AS members FROM (
             SELECT count(*) AS needs FROM need n
             WHERE n.group_id = $1 AND n.round_id = r.id AND NOT n.withdrawn GROUP BY n.party_id) m) c",
    )
    .bind(group)
    .bind(ids)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|(id, needs, members)| (id, Counts { needs, members })).collect())
}
