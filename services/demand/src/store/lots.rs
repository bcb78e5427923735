//! What a census asks for, by article.

use kit::{
    Failure,
    id::{ArticleId, GroupId, PartyId, RoundId},
};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use crate::domain::lots::Asked;

type Row = (ArticleId, i64, i64, i64, i64, Decimal);

/// What the active needs of a round ask for of each article, and what their members paid for it before.
pub async fn asked(conn: &mut PgConnection, group: GroupId, round: RoundId) -> Result<Vec<Asked>, Failure> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT n.article_id, sum(n.units)::bigint,
           coalesce(sum(n.units) FILTER (WHERE n.commitment = 'MINIMUM'), 0)::bigint,
           coalesce(sum(n.units) FILTER (WHERE n.commitment = 'FIRM'), 0)::bigint,
           coalesce(sum(n.units) FILTER (WHERE p.unit_price IS NOT NULL), 0)::bigint,
           coalesce(sum(n.units * p.unit_price), 0)
         FROM need n
         LEFT JOIN reference_price p ON p.group_id = n.group_id AND p.party_id = n.party_id AND p.article_id = n.article_id
         WHERE n.group_id = $1 AND n.round_id = $2 AND NOT n.withdrawn
         GROUP BY n.article_id ORDER BY n.article_id",
    )
    .bind(group)
    .bind(round)
    .fetch_all(conn)
    .await?;
    let asked = |(article, units, minimum_units, firm_units, priced_units, paid): Row| Asked {
        article,
        units,
        minimum_units,
        firm_units,
        priced_units,
        paid,
    };
    Ok(rows.into_iter().map(asked).collect())
}

/// Members with an active need of a round, by id.
pub async fn members(conn: &mut PgConnection, group: GroupId, round: RoundId) -> Result<Vec<PartyId>, Failure> {
    Ok(sqlx::query_scalar(
        "SELECT DISTINCT party_id FROM need WHERE group_id = $1 AND round_id = $2 AND NOT withdrawn ORDER BY party_id",
    )
    .bind(group)
    .bind(round)
    .fetch_all(conn)
    .await?)
}
