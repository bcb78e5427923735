//! Orders placed before Centrale: written as pooled orders of one member, answered, with what had come already.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use kit::{
    Failure,
    id::{ArticleId, GroupId, LotId, OrderFormId, OrderLineId, PartyId, PlanLineId, PooledOrderId, SiteId},
};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use crate::domain::opening_orders::{NewOrder, OrderKey};

/// Cents of the opening orders that are there, by lot and member.
pub async fn amounts(
    conn: &mut PgConnection,
    group: GroupId,
    lots: &[LotId],
) -> Result<HashMap<(LotId, PartyId), i64>, Failure> {
    let rows: Vec<(LotId, PartyId, i64)> = sqlx::query_as(
        "SELECT lot_id, opening_party_id, sum(amount_cents)::bigint FROM pooled_order
         WHERE group_id = $1 AND lot_id = ANY($2) AND opening_party_id IS NOT NULL GROUP BY lot_id, opening_party_id",
    )
    .bind(group)
    .bind(lots)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|(lot, party, cents)| ((lot, party), cents)).collect())
}

/// What stands of a line, to be held against one told again.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Line {
    /// Where.
    pub site_id: SiteId,
    /// Of what.
    pub article_id: ArticleId,
    /// Pack.
    pub packaging_code: String,
    /// Base units ordered.
    pub units_ordered: i64,
    /// Base units that had come.
    pub units_opening: i64,
    /// EUR without VAT per base unit.
    pub unit_price: Decimal,
}

/// The lines of an opening order that is there, with the day on which it was placed, by article and site.
pub async fn find(
    conn: &mut PgConnection,
    group: GroupId,
    (party, number, lot): &OrderKey,
) -> Result<Option<(NaiveDate, Vec<Line>)>, Failure> {
    let order: Option<(PooledOrderId, NaiveDate)> = sqlx::query_as(
        "SELECT id, opening_ordered_on FROM pooled_order
         WHERE group_id = $1 AND opening_party_id = $2 AND number = $3 AND lot_id = $4",
    )
    .bind(group)
    .bind(party)
    .bind(number)
    .bind(lot)
    .fetch_optional(&mut *conn)
    .await?;
    let Some((order, ordered_on)) = order else { return Ok(None) };
    let lines = sqlx::query_as(
        "SELECT site_id, article_id, packaging_code, units_ordered, units_opening, unit_price FROM order_line
         WHERE group_id = $1 AND pooled_order_id = $2 ORDER BY article_id, site_id",
    )
    .bind(group)
    .bind(order)
    .fetch_all(conn)
    .await?;
    Ok(Some((ordered_on, lines)))
}

/// The ids given to an order and its lines.
#[derive(Debug)]
pub struct Ids {
    /// The order.
    pub order: PooledOrderId,
    /// Its form.
    pub form: OrderFormId,
    /// Pooled line and order line of each line.
    pub lines: Vec<(PlanLineId, OrderLineId)>,
}

/// Writes an order with its form and lines, answered by who entered it.
pub async fn insert(
    conn: &mut PgConnection,
    group: GroupId,
    (party, number, _): &OrderKey,
    order: &NewOrder,
    ids: &Ids,
    vat_cents: i64,
    (entered_by, now): (&str, DateTime<Utc>),
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO pooled_order (group_id, id, number, agreement_id, lot_id, supplier_id, state, amount_cents, units_ordered,
           form_count, placed_at, answered_at, answer_means, answered_by, opening_party_id, opening_source, opening_as_of,
           opening_ordered_on)
         VALUES ($1, $2, $3, $4, $5, $6, 'ANSWERED', $7, $8, 1, $9, $9, 'FILE', $10, $11, $12, $13, $14)",
    )
    .bind(group)
    .bind(ids.order)
    .bind(number)
    .bind(order.lot.agreement)
    .bind(order.lot.id)
    .bind(order.lot.holder)
    .bind(order.amount_cents())
    .bind(order.ordered())
    .bind(now)
    .bind(entered_by)
    .bind(party)
    .bind(&order.source)
    .bind(order.as_of)
    .bind(order.ordered_on)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO order_form (group_id, id, pooled_order_id, number, orderer_id, receiver_id, payer_id, supplier_id, amount_cents,
           vat_cents, state, opening)
         VALUES ($1, $2, $3, $4, $5, $5, $5, $6, $7, $8, 'ANSWERED', true)",
    )
    .bind(group)
    .bind(ids.form)
    .bind(ids.order)
    .bind(number)
    .bind(party)
    .bind(order.lot.holder)
    .bind(order.amount_cents())
    .bind(vat_cents)
    .execute(&mut *conn)
    .await?;
    insert_lines(conn, group, *party, order, ids).await
}

async fn insert_lines(
    conn: &mut PgConnection,
    group: GroupId,
    party: PartyId,
    order: &NewOrder,
    ids: &Ids,
) -> Result<(), Failure> {
    let lines = &order.lines;
    let pooled: Vec<PlanLineId> = ids.lines.iter().map(|ids| ids.0).collect();
    let packs: Vec<i64> = lines.iter().map(|line| line.pack_units).collect();
    let ordered: Vec<i64> = lines.iter().map(|line| line.ordered).collect();
    let articles: Vec<ArticleId> = lines.iter().map(|line| line.article).collect();
    let codes: Vec<&str> = lines.iter().map(|line| line.packaging.as_str()).collect();
    let prices: Vec<Decimal> = lines.iter().map(|line| line.unit_price).collect();
    let amounts: Vec<i64> = lines.iter().map(|line| line.amount_cents).collect();
    sqlx::query(
        "INSERT INTO pooled_line (group_id, pooled_order_id, supplier_id, opening, packs, id, article_id, packaging_code, pack_units,
           units_ordered, unit_price, amount_cents, vat_rate)
         SELECT $1, $2, $3, true, n.ordered / n.pack, n.*
         FROM unnest($4::uuid[], $5::uuid[], $6::text[], $7::bigint[], $8::bigint[], $9::numeric[], $10::bigint[], $11::numeric[])
           AS n (id, article, code, pack, ordered, price, amount, vat)",
    )
    .bind(group)
    .bind(ids.order)
    .bind(order.lot.holder)
    .bind(&pooled)
    .bind(&articles)
    .bind(&codes)
    .bind(&packs)
    .bind(&ordered)
    .bind(&prices)
    .bind(&amounts)
    .bind(lines.iter().map(|line| line.vat_rate).collect::<Vec<_>>())
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO order_line (group_id, order_form_id, pooled_order_id, supplier_id, party_id, route, break_bulk, placed,
           units_delivered, id, pooled_line_id, site_id, article_id, kind, packaging_code, pack_units, units_ordered, units_opening,
           unit_price, amount_cents)
         SELECT $1, $2, $3, $4, $5, 'DIRECT', false, true, n.opening, n.*
         FROM unnest($6::uuid[], $7::uuid[], $8::uuid[], $9::uuid[], $10::text[], $11::text[], $12::bigint[], $13::bigint[],
           $14::bigint[], $15::numeric[], $16::bigint[])
           AS n (id, pooled, site, article, kind, code, pack, ordered, opening, price, amount)",
    )
    .bind(group)
    .bind(ids.form)
    .bind(ids.order)
    .bind(order.lot.holder)
    .bind(party)
    .bind(ids.lines.iter().map(|ids| ids.1).collect::<Vec<_>>())
    .bind(&pooled)
    .bind(lines.iter().map(|line| line.site).collect::<Vec<_>>())
    .bind(&articles)
    .bind(lines.iter().map(|line| line.kind.name()).collect::<Vec<_>>())
    .bind(&codes)
    .bind(&packs)
    .bind(&ordered)
    .bind(lines.iter().map(|line| line.delivered).collect::<Vec<_>>())
    .bind(&prices)
    .bind(&amounts)
    .execute(conn)
    .await?;
    Ok(())
}
