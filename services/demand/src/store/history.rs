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
    /// The member's own code, the first when it has several.
    pub own_code: Option<String>,
    /// Base units consumed in the last twelve months known.
    pub consumed_units: Option<i64>,
    /// First of those months.
    pub consumed_from: Option<NaiveDate>,
    /// Last of those months.
    pub consumed_to: Option<NaiveDate>,
    /// EUR without VAT per base unit paid on average in them.
    pub consumed_price: Option<Decimal>,
}

/// History of a member by article, before an instant. References that were made for lines without one are 12 hexadecimal
/// digits, a hyphen and the row (`app::stating::made_reference`).
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
           WHERE group_id = $1 AND party_id = $2 AND article_id > $4),
         coded AS (
           SELECT article_id, min(code) AS own_code FROM member_code
           WHERE group_id = $1 AND party_id = $2 AND article_id > $4 GROUP BY article_id),
         -- The same twelve months for all of the member's articles, so that what is shown can be compared.
         year AS (
           SELECT (max(month) - interval '11 months')::date AS first, max(month) AS last FROM consumption
           WHERE group_id = $1 AND party_id = $2 AND month < $3),
         consumed AS (
           SELECT c.article_id, sum(c.units)::bigint AS consumed_units, y.first AS consumed_from, y.last AS consumed_to,
             CASE WHEN sum(c.units) FILTER (WHERE c.amount_cents IS NOT NULL) > 0 THEN
               round(sum(c.amount_cents) / 100 / sum(c.units) FILTER (WHERE c.amount_cents IS NOT NULL), 6) END AS consumed_price
           FROM consumption c JOIN year y ON c.month BETWEEN y.first AND y.last
           WHERE c.group_id = $1 AND c.party_id = $2 AND c.article_id > $4 GROUP BY c.article_id, y.first, y.last)
         SELECT article_id, asked.round_id, asked.title, coalesce(asked.units, 0) AS units, asked.packaging_code,
           coalesce(asked.quantity, 0) AS quantity, asked.site_id, asked.reference, paid.unit_price, paid.dated_on, own_code,
           consumed_units, consumed_from, consumed_to, consumed_price
         FROM asked FULL JOIN paid USING (article_id) FULL JOIN coded USING (article_id) FULL JOIN consumed USING (article_id)
         ORDER BY article_id LIMIT $5",
    )
    .bind(group)
    .bind(party)
    .bind(before)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}
