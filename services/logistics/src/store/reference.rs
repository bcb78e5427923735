//! Deployment-wide rows: the projection of membership's sites, and the packagings that platforms open.

use std::collections::HashMap;

use kit::id::{ArticleId, PartyId, SiteId};
use sqlx::PgConnection;

use crate::domain::{
    break_bulk::{BreakBulk, LIMIT},
    routes::Holdings,
};

/// A site as membership has it.
#[derive(Debug, Clone)]
pub struct Site {
    /// Its id.
    pub id: SiteId,
    /// Its party; a platform's operator.
    pub party_id: PartyId,
    /// What it holds.
    pub authorisations: Vec<String>,
}

/// Notes that sites were registered or changed, as of a position of membership's log.
pub async fn note_sites(conn: &mut PgConnection, ids: &[SiteId], position: i64) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO site_to_fetch (site_id, position) SELECT DISTINCT id, $2 FROM unnest($1::uuid[]) AS n (id)
         ON CONFLICT (site_id) DO UPDATE SET position = greatest(site_to_fetch.position, excluded.position)",
    )
    .bind(ids)
    .bind(position)
    .execute(conn)
    .await?;
    Ok(())
}

/// Sites to fetch, with the position as of which.
pub async fn sites_to_fetch(conn: &mut PgConnection, limit: i64) -> Result<Vec<(SiteId, i64)>, sqlx::Error> {
    sqlx::query_as("SELECT site_id, position FROM site_to_fetch ORDER BY site_id LIMIT $1")
        .bind(limit)
        .fetch_all(conn)
        .await
}

/// Locks those of `asked` that nobody has fetched since and that have not changed again: only these may be written.
pub async fn lock_sites_to_fetch(conn: &mut PgConnection, asked: &[(SiteId, i64)]) -> Result<Vec<SiteId>, sqlx::Error> {
    let (ids, positions): (Vec<SiteId>, Vec<i64>) = asked.iter().copied().unzip();
    sqlx::query_scalar(
        "SELECT f.site_id FROM site_to_fetch f JOIN unnest($1::uuid[], $2::bigint[]) AS a (id, position)
           ON f.site_id = a.id AND f.position = a.position
         ORDER BY f.site_id FOR UPDATE OF f",
    )
    .bind(ids)
    .bind(positions)
    .fetch_all(conn)
    .await
}

/// Writes fetched sites and takes `done` off the list.
pub async fn save_sites(conn: &mut PgConnection, sites: &[Site], done: &[SiteId]) -> Result<(), sqlx::Error> {
    for site in sites {
        sqlx::query(
            "INSERT INTO site (site_id, party_id, authorisations) VALUES ($1, $2, $3)
             ON CONFLICT (site_id) DO UPDATE SET party_id = $2, authorisations = $3",
        )
        .bind(site.id)
        .bind(site.party_id)
        .bind(&site.authorisations)
        .execute(&mut *conn)
        .await?;
    }
    sqlx::query("DELETE FROM site_to_fetch WHERE site_id = ANY($1)").bind(done).execute(conn).await?;
    Ok(())
}

/// What known sites hold. Sites that are about to be fetched again are left out: their copy is old.
pub async fn find_holdings(conn: &mut PgConnection, ids: &[SiteId]) -> Result<HashMap<SiteId, Holdings>, sqlx::Error> {
    let rows: Vec<(SiteId, Vec<String>)> = sqlx::query_as(
        "SELECT s.site_id, s.authorisations FROM site s
         WHERE s.site_id = ANY($1) AND NOT EXISTS (SELECT FROM site_to_fetch f WHERE f.site_id = s.site_id)",
    )
    .bind(ids)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|(id, codes)| (id, Holdings::new(codes))).collect())
}

/// The party of a known site.
pub async fn find_site_party(conn: &mut PgConnection, id: SiteId) -> Result<Option<PartyId>, sqlx::Error> {
    sqlx::query_scalar("SELECT party_id FROM site WHERE site_id = $1").bind(id).fetch_optional(conn).await
}

/// Adds packagings that the operator's platforms open; those already there stay.
pub async fn insert_break_bulk(
    conn: &mut PgConnection,
    operator: PartyId,
    entries: &[BreakBulk],
) -> Result<(), sqlx::Error> {
    let sites: Vec<SiteId> = entries.iter().map(|entry| entry.platform_site_id).collect();
    let articles: Vec<ArticleId> = entries.iter().map(|entry| entry.article_id).collect();
    let codes: Vec<&str> = entries.iter().map(|entry| entry.packaging_code.as_str()).collect();
    sqlx::query(
        "INSERT INTO break_bulk (platform_site_id, article_id, packaging_code, operator_party_id)
         SELECT s, a, c, $4 FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS n (s, a, c) ON CONFLICT DO NOTHING",
    )
    .bind(sites)
    .bind(articles)
    .bind(codes)
    .bind(operator)
    .execute(conn)
    .await?;
    Ok(())
}

/// Serialises declarations of one platform, so that its limit holds.
pub async fn lock_platform(conn: &mut PgConnection, site: SiteId) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('logistics.break_bulk.' || $1::text, 0))")
        .bind(site)
        .execute(conn)
        .await?;
    Ok(())
}

/// How many packagings a platform opens.
pub async fn count_break_bulk(conn: &mut PgConnection, site: SiteId) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT count(*) FROM break_bulk WHERE platform_site_id = $1").bind(site).fetch_one(conn).await
}

/// Everything that a platform opens, by article.
pub async fn list_break_bulk(conn: &mut PgConnection, site: SiteId) -> Result<Vec<BreakBulk>, sqlx::Error> {
    let rows: Vec<(ArticleId, String)> = sqlx::query_as(
        "SELECT article_id, packaging_code FROM break_bulk WHERE platform_site_id = $1 ORDER BY article_id, packaging_code LIMIT $2",
    )
    .bind(site)
    .bind(LIMIT)
    .fetch_all(conn)
    .await?;
    let entry = |(article_id, packaging_code)| BreakBulk { platform_site_id: site, article_id, packaging_code };
    Ok(rows.into_iter().map(entry).collect())
}
