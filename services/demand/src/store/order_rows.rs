//! Making pooled orders from an approved plan: one per lot and supplier, an order form per buyer inside, a line per delivery
//! point. Shares are read and lines written for a hundred plan lines at a time, so that memory stays bounded.

use kit::{
    Failure,
    id::{
        AgreementId, GroupId, LotId, OrderFormId, OrderLineId, PartyId, PlanId, PlanLineId, PooledOrderId, RoundId,
        SiteId,
    },
};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::plans::Plan;
use crate::domain::buyers::Buyer;

/// Plan lines whose shares are read at once: up to 90,000 delivery points in a group of 900 sites.
pub const LINES_AT_ONCE: usize = 100;
/// Rows in one statement.
const CHUNK: usize = 5_000;

/// A lot of the plan: what becomes one pooled order.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LotTotal {
    /// Agreement.
    pub agreement_id: AgreementId,
    /// Lot.
    pub lot_id: LotId,
    /// Its holder.
    pub supplier_id: PartyId,
    /// Role 1: the awarding party buys.
    pub wholesale: bool,
    /// Cents EUR.
    pub amount_cents: i64,
    /// Base units.
    pub units: i64,
    /// Plan lines, by position.
    pub lines: Vec<PlanLineId>,
}

/// Lots of a plan, in the order of their lines.
pub async fn lots(conn: &mut PgConnection, group: GroupId, plan: PlanId) -> Result<Vec<LotTotal>, Failure> {
    Ok(sqlx::query_as(
        "SELECT agreement_id, lot_id, supplier_id, wholesale, sum(amount_cents)::bigint AS amount_cents,
           sum(units_ordered)::bigint AS units, array_agg(id ORDER BY position) AS lines
         FROM plan_line WHERE group_id = $1 AND plan_id = $2
         GROUP BY agreement_id, lot_id, supplier_id, wholesale ORDER BY min(position)",
    )
    .bind(group)
    .bind(plan)
    .fetch_all(conn)
    .await?)
}

/// What one member takes of one lot at one VAT rate.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct MemberTotal {
    /// Lot.
    pub lot_id: LotId,
    /// Member.
    pub party_id: PartyId,
    /// VAT in percent.
    pub vat_rate: Decimal,
    /// Cents EUR.
    pub amount_cents: i64,
}

/// What each member takes of each lot, by lot, member and rate.
pub async fn member_totals(conn: &mut PgConnection, group: GroupId, plan: PlanId) -> Result<Vec<MemberTotal>, Failure> {
    Ok(sqlx::query_as(
        "SELECT l.lot_id, s.party_id, l.vat_rate, sum(s.amount_cents)::bigint AS amount_cents
         FROM plan_share s JOIN plan_line l ON l.group_id = s.group_id AND l.id = s.plan_line_id
         WHERE s.group_id = $1 AND s.plan_id = $2
         GROUP BY l.lot_id, s.party_id, l.vat_rate ORDER BY l.lot_id, s.party_id, l.vat_rate",
    )
    .bind(group)
    .bind(plan)
    .fetch_all(conn)
    .await?)
}

/// A pooled order to be made.
#[derive(Debug, Clone)]
pub struct NewOrder {
    /// Its id.
    pub id: PooledOrderId,
    /// Legal number.
    pub number: String,
    /// Round.
    pub round_id: RoundId,
    /// Order forms in it.
    pub form_count: i64,
    /// Its lot.
    pub lot: LotTotal,
}

/// Writes a pooled order, PLACING, with its lines.
pub async fn insert_order(
    conn: &mut PgConnection,
    group: GroupId,
    plan: &Plan,
    order: &NewOrder,
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO pooled_order (group_id, id, number, plan_id, round_id, agreement_id, lot_id, supplier_id, platform_site_id,
           state, amount_cents, units_ordered, form_count)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'PLACING', $10, $11, $12)",
    )
    .bind(group)
    .bind(order.id)
    .bind(&order.number)
    .bind(plan.id)
    .bind(plan.round_id)
    .bind(order.lot.agreement_id)
    .bind(order.lot.lot_id)
    .bind(order.lot.supplier_id)
    .bind(plan.platform_site_id)
    .bind(order.lot.amount_cents)
    .bind(order.lot.units)
    .bind(order.form_count)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO pooled_line (group_id, id, pooled_order_id, supplier_id, article_id, packaging_code, pack_units, packs,
           units_ordered, unit_price, amount_cents, vat_rate)
         SELECT group_id, id, $3, supplier_id, article_id, packaging_code, pack_units, packs, units_ordered, unit_price,
           amount_cents, vat_rate
         FROM plan_line WHERE group_id = $1 AND id = ANY ($2)",
    )
    .bind(group)
    .bind(&order.lot.lines)
    .bind(order.id)
    .execute(conn)
    .await?;
    Ok(())
}

/// An order form to be made.
#[derive(Debug, Clone)]
pub struct NewForm {
    /// Its id.
    pub id: OrderFormId,
    /// Its pooled order.
    pub order: PooledOrderId,
    /// Supplier.
    pub supplier: PartyId,
    /// Legal number.
    pub number: String,
    /// Who orders, receives and pays.
    pub buyer: Buyer,
    /// The payer's commitment number.
    pub commitment: Option<String>,
    /// Cents EUR without VAT.
    pub amount_cents: i64,
    /// VAT, cents EUR, per rate on the total.
    pub vat_cents: i64,
}

/// Writes order forms.
pub async fn insert_forms(conn: &mut PgConnection, group: GroupId, forms: &[NewForm]) -> Result<(), Failure> {
    for forms in forms.chunks(CHUNK) {
        sqlx::query(
            "INSERT INTO order_form (group_id, state, id, pooled_order_id, supplier_id, number, orderer_id, receiver_id, payer_id,
               commitment_number, amount_cents, vat_cents)
             SELECT $1, 'PLACING', r.* FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::uuid[], $7::uuid[],
               $8::uuid[], $9::text[], $10::bigint[], $11::bigint[]) AS r",
        )
        .bind(group)
        .bind(forms.iter().map(|form| form.id).collect::<Vec<_>>())
        .bind(forms.iter().map(|form| form.order).collect::<Vec<_>>())
        .bind(forms.iter().map(|form| form.supplier).collect::<Vec<_>>())
        .bind(forms.iter().map(|form| form.number.clone()).collect::<Vec<_>>())
        .bind(forms.iter().map(|form| form.buyer.orderer).collect::<Vec<_>>())
        .bind(forms.iter().map(|form| form.buyer.receiver).collect::<Vec<_>>())
        .bind(forms.iter().map(|form| form.buyer.payer).collect::<Vec<_>>())
        .bind(forms.iter().map(|form| form.commitment.clone()).collect::<Vec<_>>())
        .bind(forms.iter().map(|form| form.amount_cents).collect::<Vec<_>>())
        .bind(forms.iter().map(|form| form.vat_cents).collect::<Vec<_>>())
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// What one delivery point gets of one plan line.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PointTotal {
    /// Plan line.
    pub plan_line_id: PlanLineId,
    /// Member.
    pub party_id: PartyId,
    /// Delivery point.
    pub site_id: SiteId,
    /// PLATFORM or DIRECT.
    pub route: String,
    /// Whether the platform opens packs for it.
    pub break_bulk: bool,
    /// Base units.
    pub units: i64,
    /// Cents EUR.
    pub amount_cents: i64,
    /// What the member paid before, per base unit.
    pub reference_price: Option<Decimal>,
}

/// What each delivery point gets of some plan lines, by line, member and site.
pub async fn point_totals(
    conn: &mut PgConnection,
    group: GroupId,
    lines: &[PlanLineId],
) -> Result<Vec<PointTotal>, Failure> {
    Ok(sqlx::query_as(
        "SELECT t.plan_line_id, t.party_id, t.site_id, t.route, t.break_bulk, t.units, t.amount_cents,
           r.unit_price AS reference_price
         FROM (
           SELECT plan_line_id, party_id, site_id, route, break_bulk, sum(units)::bigint AS units,
             sum(amount_cents)::bigint AS amount_cents
           FROM plan_share WHERE group_id = $1 AND plan_line_id = ANY ($2)
           GROUP BY plan_line_id, party_id, site_id, route, break_bulk) t
         JOIN plan_line l ON l.group_id = $1 AND l.id = t.plan_line_id
         LEFT JOIN reference_price r ON r.group_id = $1 AND r.party_id = t.party_id AND r.article_id = l.article_id
         ORDER BY l.position, t.party_id, t.site_id",
    )
    .bind(group)
    .bind(lines)
    .fetch_all(conn)
    .await?)
}

/// Writes the order lines of some delivery points; `forms` stand beside the points.
pub async fn insert_order_lines(
    conn: &mut PgConnection,
    group: GroupId,
    order: &NewOrder,
    points: &[PointTotal],
    forms: &[OrderFormId],
) -> Result<(), Failure> {
    for (points, forms) in points.chunks(CHUNK).zip(forms.chunks(CHUNK)) {
        let ids: Vec<OrderLineId> = points.iter().map(|_| OrderLineId::new()).collect();
        sqlx::query(
            "INSERT INTO order_line (group_id, id, order_form_id, pooled_order_id, pooled_line_id, round_id, supplier_id, party_id,
               site_id, route, break_bulk, article_id, kind, packaging_code, pack_units, units_ordered, unit_price, amount_cents,
               reference_price)
             SELECT $1, r.id, r.form, $2, r.line, $14, $3, r.party, r.site, r.route, r.break_bulk, l.article_id, l.kind,
               l.packaging_code, l.pack_units, r.units, l.unit_price, r.amount, r.reference
             FROM unnest($4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[], $9::text[], $10::boolean[], $11::bigint[],
               $12::bigint[], $13::numeric[]) AS r (id, form, line, party, site, route, break_bulk, units, amount, reference)
             JOIN plan_line l ON l.group_id = $1 AND l.id = r.line",
        )
        .bind(group)
        .bind(order.id)
        .bind(order.lot.supplier_id)
        .bind(ids)
        .bind(forms)
        .bind(points.iter().map(|point| point.plan_line_id).collect::<Vec<_>>())
        .bind(points.iter().map(|point| point.party_id).collect::<Vec<_>>())
        .bind(points.iter().map(|point| point.site_id).collect::<Vec<_>>())
        .bind(points.iter().map(|point| point.route.clone()).collect::<Vec<_>>())
        .bind(points.iter().map(|point| point.break_bulk).collect::<Vec<_>>())
        .bind(points.iter().map(|point| point.units).collect::<Vec<_>>())
        .bind(points.iter().map(|point| point.amount_cents).collect::<Vec<_>>())
        .bind(points.iter().map(|point| point.reference_price).collect::<Vec<_>>())
        .bind(order.round_id)
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}
