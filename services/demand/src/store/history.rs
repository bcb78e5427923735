//! What a member asked for in earlier rounds and paid before.

use chrono::{DateTime, NaiveDate, Utc};
use kit::{
    Failure,
    id::{ArticleId, GroupId, PartyId, RoundId, SiteId},
};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

/// Of one article: the last earlier round in which the member asked for it, and the price entered.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ArticleHistory {
    /// The article.
    pub article_id: ArticleId,
    /// The round, if it ever asked.
    pub round_id: Option<RoundId>,
    /// Its title.
    pub title: Option<String>,
    /// Base units asked for there.
    pub units: i64,
    /// The packaging, if it was one.
    pub packaging_code: Option<String>,
    /// How many of it, if it was one.
    pub quantity: i64,
    /// The site, if it was one.
    pub site_id: Option<SiteId>,
    /// The reference, if it was one line and the member gave it one.
    pub reference: Option<String>,
    /// EUR without VAT per base unit.
    pub unit_price: Option<Decimal>,
    /// When it was paid.
    pub dated_on: Option<NaiveDate>,
}

/// History of a member by article, before an instant. References that were made for lines without one are 12 hexadecimal
/// digits, a hyphen and the row (`app::needs::made_reference`).
pub async fn list(
    conn: &mut PgConnection,
    (group, party): (GroupId, PartyId),
    before: DateTime<Utc>,
    after: Uuid,
    limit: i64,
) -> Result<Vec<ArticleHistory>, Failure> {
    Ok(sqlx::query_as(
        "WITH last AS (
           SELECT DISTINCT ON (n.article_id) n.article_id, n.round_id, r.title
           FROM need n JOIN round r ON r.group_id = n.group_id AND r.id = n.round_id
           WHERE n.group_id = $1 AND n.party_id = $2 AND NOT n.withdrawn AND n.article_id > $4 AND r.opens_at < $3
             AND r.kind <> 'CENSUS'
           ORDER BY n.article_id, r.opens_at DESC, r.id DESC),
         asked AS (
           SELECT l.article_id, l.round_id, l.title, sum(n.units)::bigint AS units,
             CASE WHEN count(DISTINCT n.packaging_code) = 1 THEN min(n.packaging_code) END AS packaging_code,
             CASE WHEN count(DISTINCT n.packaging_code) = 1 THEN sum(n.quantity)::bigint ELSE 0 END AS quantity,
             CASE WHEN count(DISTINCT n.site_id) = 1 THEN min(n.site_id::text)::uuid END AS site_id,
             CASE WHEN count(*) = 1 AND min(n.reference) !~ '^[0-9a-f]{12}-[0-9]+$' THEN min(n.reference) END AS reference
           FROM last l JOIN need n ON n.group_id = $1 AND n.round_id = l.round_id AND n.party_id = $2
             AND n.article_id = l.article_id AND NOT n.withdrawn
           GROUP BY l.article_id, l.round_id, l.title),
         paid AS (
           SELECT article_id, unit_price, dated_on FROM reference_price
           WHERE group_id = $1 AND party_id = $2 AND article_id > $4)
         SELECT article_id, asked.round_id, asked.title, coalesce(asked.units, 0) AS units, asked.packaging_code,
           coalesce(asked.quantity, 0) AS quantity, asked.site_id, asked.reference, paid.unit_price, paid.dated_on
         FROM asked FULL JOIN paid USING (article_id) ORDER BY article_id LIMIT $5",
    )
    .bind(group)
    .bind(party)
    .bind(before)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}
