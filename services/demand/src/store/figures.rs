//! Figures by member and month. In SQL because a season has a million lines.

use chrono::NaiveDate;
use kit::{
    Failure,
    id::{GroupId, OrderLineId, PartyId},
};
use sqlx::PgConnection;

use crate::domain::figures::MonthFigures;

/// Adds units certified on a day to what is known of lines.
pub async fn add_delivered(
    conn: &mut PgConnection,
    group: GroupId,
    day: NaiveDate,
    lines: &[(OrderLineId, i64)],
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO line_delivery AS d (group_id, order_line_id, delivered_on, units)
         SELECT $1, r.id, $2, r.units FROM unnest($3::uuid[], $4::bigint[]) AS r (id, units) WHERE r.units > 0
         ON CONFLICT (group_id, order_line_id, delivered_on) DO UPDATE SET units = d.units + excluded.units",
    )
    .bind(group)
    .bind(day)
    .bind(lines.iter().map(|line| line.0).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.1).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Row {
    party_id: PartyId,
    month: NaiveDate,
    spend_cents: i64,
    orders: i64,
    committed_cents: i64,
    realised_cents: i64,
}

/// Figures by member and month over orders placed here, from one month to another; of one member or all. Every line's figures are rounded
/// as [`super::books::savings`] rounds them; of a line delivered in several months, each month has the difference between what had come
/// until its end and before its beginning, so that the months of a line sum to the line.
pub async fn by_month(
    conn: &mut PgConnection,
    group: GroupId,
    party: Option<PartyId>,
    (from, to): (NaiveDate, NaiveDate),
) -> Result<Vec<MonthFigures>, Failure> {
    let rows: Vec<Row> = sqlx::query_as(
        "WITH line AS (
           SELECT l.*, date_trunc('month', o.placed_at AT TIME ZONE 'Europe/Paris')::date AS placed_month
           FROM order_line l JOIN pooled_order o ON o.group_id = l.group_id AND o.id = l.pooled_order_id
           WHERE l.group_id = $1 AND l.placed AND l.round_id IS NOT NULL AND ($2::uuid IS NULL OR l.party_id = $2)),
         ordered AS (
           SELECT party_id, placed_month AS month, sum(amount_cents - cancelled_cents) AS spend,
             count(DISTINCT order_form_id) AS orders,
             coalesce(sum(round(reference_price * (units_ordered - units_cancelled) * 100)), 0)
               - coalesce(sum(amount_cents - cancelled_cents) FILTER (WHERE reference_price IS NOT NULL), 0) AS committed
           FROM line WHERE placed_month BETWEEN $3 AND $4 GROUP BY 1, 2),
         come AS (
           SELECT l.party_id, date_trunc('month', d.delivered_on)::date AS month, l.reference_price, l.amount_cents, l.units_ordered, d.units,
             sum(d.units) OVER (PARTITION BY l.id ORDER BY d.delivered_on) AS until
           FROM line l JOIN line_delivery d ON d.group_id = l.group_id AND d.order_line_id = l.id
           WHERE l.reference_price IS NOT NULL),
         realised AS (
           SELECT party_id, month,
             sum(round(reference_price * until * 100) - round(reference_price * (until - units) * 100)
               - div(2 * amount_cents::numeric * until + units_ordered, 2 * units_ordered::numeric)
               + div(2 * amount_cents::numeric * (until - units) + units_ordered, 2 * units_ordered::numeric)) AS realised
           FROM come WHERE month BETWEEN $3 AND $4 GROUP BY 1, 2)
         SELECT party_id, month, coalesce(spend, 0)::bigint AS spend_cents, coalesce(orders, 0)::bigint AS orders,
           coalesce(committed, 0)::bigint AS committed_cents, coalesce(realised, 0)::bigint AS realised_cents
         FROM ordered FULL JOIN realised USING (party_id, month) ORDER BY party_id, month",
    )
    .bind(group)
    .bind(party)
    .bind(from)
    .bind(to)
    .fetch_all(conn)
    .await?;
    let figures = |row: Row| MonthFigures {
        party: row.party_id,
        month: row.month,
        spend_cents: row.spend_cents,
        orders: row.orders,
        committed_cents: row.committed_cents,
        realised_cents: row.realised_cents,
    };
    Ok(rows.into_iter().map(figures).collect())
}
