//! Frozen sets of needs. The needs of a closed round no longer change, so a snapshot's lines are read from them.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use kit::{
    Failure,
    db::corrupt,
    id::{ArticleId, GroupId, NeedId, PartyId, RoundId, SiteId, SnapshotId},
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::need::{Commitment, SetDigest};

/// A frozen set of needs.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Snapshot {
    /// Its id.
    pub id: SnapshotId,
    /// Its round.
    pub round_id: RoundId,
    /// 1, 2, … in the round.
    pub version: i32,
    /// Hash of the set.
    pub sha256: Vec<u8>,
    /// Needs.
    pub need_count: i64,
    /// Base units.
    pub units: i64,
    /// Articles.
    pub article_count: i64,
    /// Members.
    pub member_count: i64,
    /// When it was taken.
    pub taken_at: DateTime<Utc>,
}

/// What a round's active needs come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// Hash of the set.
    pub sha256: [u8; 32],
    /// Needs.
    pub need_count: i64,
    /// Base units.
    pub units: i64,
    /// Articles.
    pub article_count: usize,
    /// Members.
    pub member_count: usize,
}

/// Hashes and counts the active needs of a locked round, one by one: a million of them never stand in memory.
pub async fn measure(conn: &mut PgConnection, group: GroupId, round: RoundId) -> Result<Measured, Failure> {
    let mut rows = sqlx::query_as::<_, (NeedId, PartyId, SiteId, ArticleId, i64, Option<String>)>(
        "SELECT id, party_id, site_id, article_id, units, commitment FROM need
         WHERE group_id = $1 AND round_id = $2 AND NOT withdrawn ORDER BY id",
    )
    .bind(group)
    .bind(round)
    .fetch(conn);
    let mut digest = SetDigest::new();
    let (mut need_count, mut units) = (0, 0_i64);
    let (mut articles, mut members) = (HashSet::new(), HashSet::new());
    while let Some((id, party, site, article, need_units, commitment)) = rows.try_next().await? {
        let commitment = match commitment {
            None => None,
            Some(name) => Some(Commitment::from_name(&name).ok_or_else(|| corrupt("need", "commitment", id))?),
        };
        digest.frozen((id, party, site, article), need_units, commitment);
        need_count += 1;
        units = units.checked_add(need_units).ok_or_else(|| Failure::internal("units of a round exceed 64 bits"))?;
        articles.insert(article);
        members.insert(party);
    }
    Ok(Measured {
        sha256: digest.finish(),
        need_count,
        units,
        article_count: articles.len(),
        member_count: members.len(),
    })
}

/// The round's latest snapshot.
pub async fn find_latest(conn: &mut PgConnection, group: GroupId, round: RoundId) -> Result<Option<Snapshot>, Failure> {
    Ok(sqlx::query_as(
        "SELECT id, round_id, version, sha256, need_count, units, article_count, member_count, taken_at FROM snapshot
         WHERE group_id = $1 AND round_id = $2 ORDER BY version DESC LIMIT 1",
    )
    .bind(group)
    .bind(round)
    .fetch_optional(conn)
    .await?)
}

/// A snapshot.
pub async fn find(conn: &mut PgConnection, group: GroupId, id: SnapshotId) -> Result<Option<Snapshot>, Failure> {
    Ok(sqlx::query_as(
        "SELECT id, round_id, version, sha256, need_count, units, article_count, member_count, taken_at FROM snapshot
         WHERE group_id = $1 AND id = $2",
    )
    .bind(group)
    .bind(id)
    .fetch_optional(conn)
    .await?)
}

/// Writes a new snapshot.
pub async fn insert(conn: &mut PgConnection, group: GroupId, snapshot: &Snapshot) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO snapshot (group_id, id, round_id, version, sha256, need_count, units, article_count, member_count,
           taken_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(group)
    .bind(snapshot.id)
    .bind(snapshot.round_id)
    .bind(snapshot.version)
    .bind(&snapshot.sha256)
    .bind(snapshot.need_count)
    .bind(snapshot.units)
    .bind(snapshot.article_count)
    .bind(snapshot.member_count)
    .bind(snapshot.taken_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// An article of a snapshot: id, base units, needs, members.
pub type Line = (ArticleId, i64, i64, i64);
/// How much of an article was typed in one packaging: article, packaging, how many, base units.
pub type Typed = (ArticleId, String, i64, i64);

/// Lines of a round's snapshot by article, with the packagings typed.
pub async fn lines(
    conn: &mut PgConnection,
    group: GroupId,
    round: RoundId,
    after: Uuid,
    limit: i64,
) -> Result<(Vec<Line>, Vec<Typed>), Failure> {
    let lines: Vec<Line> = sqlx::query_as(
        "SELECT article_id, sum(units)::bigint, count(*), count(DISTINCT party_id) FROM need
         WHERE group_id = $1 AND round_id = $2 AND NOT withdrawn AND article_id > $3
         GROUP BY article_id ORDER BY article_id LIMIT $4",
    )
    .bind(group)
    .bind(round)
    .bind(after)
    .bind(limit)
    .fetch_all(&mut *conn)
    .await?;
    let articles: Vec<ArticleId> = lines.iter().map(|line| line.0).collect();
    let typed = sqlx::query_as(
        "SELECT article_id, packaging_code, sum(quantity)::bigint, sum(units)::bigint FROM need
         WHERE group_id = $1 AND round_id = $2 AND NOT withdrawn AND article_id = ANY ($3)
         GROUP BY article_id, packaging_code ORDER BY article_id, packaging_code",
    )
    .bind(group)
    .bind(round)
    .bind(articles)
    .fetch_all(conn)
    .await?;
    Ok((lines, typed))
}
