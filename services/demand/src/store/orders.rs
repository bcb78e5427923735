//! Pooled orders with their lines, forms and delivery points: reading them, and their states. They are made by
//! [`super::order_rows`]; what becomes of their lines is in [`super::books`].
//!
//! Reads name no group: the policies decide, in a group's session and in a party's.

use chrono::{DateTime, NaiveDate, Utc};
use kit::{
    Failure,
    db::{corrupt, one_row},
    id::{
        AgreementId, ArticleId, GroupId, LotId, OrderFormId, OrderLineId, PartyId, PlanId, PlanLineId, PooledOrderId,
        ReservationId, RoundId, SiteId,
    },
};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::order::OrderState;

/// A pooled order.
#[derive(Debug, Clone)]
pub struct Order {
    /// Its row.
    pub row: OrderRow,
    /// Its state.
    pub state: OrderState,
}

/// The row of a pooled order.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct OrderRow {
    /// Group.
    pub group_id: GroupId,
    /// Its id.
    pub id: PooledOrderId,
    /// Legal number.
    pub number: String,
    /// Plan; none for an opening order.
    pub plan_id: Option<PlanId>,
    /// Round; none for an opening order.
    pub round_id: Option<RoundId>,
    /// Agreement.
    pub agreement_id: AgreementId,
    /// Lot.
    pub lot_id: LotId,
    /// Supplier.
    pub supplier_id: PartyId,
    /// Platform.
    pub platform_site_id: Option<SiteId>,
    state: String,
    /// Cents EUR without VAT.
    pub amount_cents: i64,
    /// Base units ordered.
    pub units_ordered: i64,
    /// Cents EUR cancelled since.
    pub cancelled_cents: i64,
    /// Order forms in it.
    pub form_count: i64,
    /// Why it was allowed or refused, JSON.
    pub reasons: String,
    /// Reservation on the lot's ceiling.
    pub reservation_id: Option<ReservationId>,
    /// When it was placed.
    pub placed_at: Option<DateTime<Utc>>,
    /// How the answer came.
    pub answer_means: Option<String>,
    /// Who entered it.
    pub answered_by: Option<String>,
    /// Changes at each change.
    pub version: i64,
    /// Of an opening order: whose it is.
    pub opening_party_id: Option<PartyId>,
    /// Of an opening order: when it was placed.
    pub opening_ordered_on: Option<NaiveDate>,
    /// Of an opening order: as of which day it was told.
    pub opening_as_of: Option<NaiveDate>,
    /// Of an opening order: where it comes from.
    pub opening_source: Option<String>,
}

impl TryFrom<OrderRow> for Order {
    type Error = Failure;

    fn try_from(row: OrderRow) -> Result<Self, Failure> {
        let state = OrderState::parse(&row.state).ok_or_else(|| corrupt("pooled_order", "state", row.id))?;
        Ok(Self { row, state })
    }
}

/// A pooled order.
pub async fn find(conn: &mut PgConnection, id: PooledOrderId) -> Result<Option<Order>, Failure> {
    let row: Option<OrderRow> = sqlx::query_as(
        "SELECT group_id, id, number, plan_id, round_id, agreement_id, lot_id, supplier_id, platform_site_id, state, amount_cents,
           units_ordered, cancelled_cents, form_count, reasons::text AS reasons, reservation_id, placed_at, answer_means,
           answered_by, version, opening_party_id, opening_ordered_on, opening_as_of, opening_source
         FROM pooled_order WHERE id = $1",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?;
    row.map(Order::try_from).transpose()
}

/// A pooled order that nobody can change until the transaction ends. Every change of it or of its lines locks it first.
pub async fn lock(conn: &mut PgConnection, group: GroupId, id: PooledOrderId) -> Result<Option<Order>, Failure> {
    sqlx::query("SELECT FROM pooled_order WHERE group_id = $1 AND id = $2 FOR UPDATE")
        .bind(group)
        .bind(id)
        .execute(&mut *conn)
        .await?;
    find(conn, id).await
}

/// Pooled orders by id, of one plan or all, or only those placed before Centrale; with `only`, those in which this member has
/// a line.
pub async fn list(
    conn: &mut PgConnection,
    (plan, opening_only): (Option<PlanId>, bool),
    only: Option<PartyId>,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Order>, Failure> {
    let rows: Vec<OrderRow> = sqlx::query_as(
        "SELECT group_id, id, number, plan_id, round_id, agreement_id, lot_id, supplier_id, platform_site_id, state, amount_cents,
           units_ordered, cancelled_cents, form_count, reasons::text AS reasons, reservation_id, placed_at, answer_means,
           answered_by, version, opening_party_id, opening_ordered_on, opening_as_of, opening_source
         FROM pooled_order o WHERE ($1::uuid IS NULL OR plan_id = $1) AND id > $2 AND (NOT $5 OR opening_party_id IS NOT NULL)
           AND ($4::uuid IS NULL OR EXISTS (
             SELECT FROM order_line l WHERE l.group_id = o.group_id AND l.pooled_order_id = o.id AND l.party_id = $4))
         ORDER BY id LIMIT $3",
    )
    .bind(plan)
    .bind(after)
    .bind(limit)
    .bind(only)
    .bind(opening_only)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Order::try_from).collect()
}

/// One article of a pooled order.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PooledLine {
    /// The plan line's id.
    pub id: PlanLineId,
    /// Article.
    pub article_id: ArticleId,
    /// Pack.
    pub packaging_code: String,
    /// Base units in a pack.
    pub pack_units: i64,
    /// Packs ordered.
    pub packs: i64,
    /// Base units ordered.
    pub units_ordered: i64,
    /// Base units cancelled.
    pub units_cancelled: i64,
    /// EUR per base unit.
    pub unit_price: Decimal,
    /// Cents EUR.
    pub amount_cents: i64,
    /// VAT in percent.
    pub vat_rate: Decimal,
    /// Day promised by the supplier.
    pub promised_on: Option<NaiveDate>,
    /// Why it accepted less, in its words.
    pub answer_reason: String,
}

/// Lines of a pooled order by id.
pub async fn pooled_lines(
    conn: &mut PgConnection,
    group: GroupId,
    order: PooledOrderId,
) -> Result<Vec<PooledLine>, Failure> {
    Ok(sqlx::query_as(
        "SELECT id, article_id, packaging_code, pack_units, packs, units_ordered, units_cancelled, unit_price, amount_cents,
           vat_rate, promised_on, answer_reason
         FROM pooled_line WHERE group_id = $1 AND pooled_order_id = $2 ORDER BY id",
    )
    .bind(group)
    .bind(order)
    .fetch_all(conn)
    .await?)
}

/// A buyer's order form.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Form {
    /// Group.
    pub group_id: GroupId,
    /// Its id.
    pub id: OrderFormId,
    /// Its pooled order.
    pub pooled_order_id: PooledOrderId,
    /// Legal number.
    pub number: String,
    /// Who orders.
    pub orderer_id: PartyId,
    /// Who receives.
    pub receiver_id: PartyId,
    /// Who pays.
    pub payer_id: PartyId,
    /// Supplier.
    pub supplier_id: PartyId,
    /// Commitment number.
    pub commitment_number: Option<String>,
    /// Cents EUR without VAT.
    pub amount_cents: i64,
    /// VAT, cents EUR.
    pub vat_cents: i64,
    /// State of its pooled order.
    pub state: String,
}

/// Order forms by id, of one pooled order or all; with `only`, those on which this party stands.
pub async fn forms(
    conn: &mut PgConnection,
    order: Option<PooledOrderId>,
    only: Option<PartyId>,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Form>, Failure> {
    Ok(sqlx::query_as(
        "SELECT group_id, id, pooled_order_id, number, orderer_id, receiver_id, payer_id, supplier_id, commitment_number,
           amount_cents, vat_cents, state
         FROM order_form WHERE ($1::uuid IS NULL OR pooled_order_id = $1) AND id > $2
           AND ($4::uuid IS NULL OR $4 IN (orderer_id, receiver_id, payer_id))
         ORDER BY id LIMIT $3",
    )
    .bind(order)
    .bind(after)
    .bind(limit)
    .bind(only)
    .fetch_all(conn)
    .await?)
}

/// What one delivery point gets of one article.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct OrderLine {
    /// Group.
    pub group_id: GroupId,
    /// Its id.
    pub id: OrderLineId,
    /// Form.
    pub order_form_id: OrderFormId,
    /// Pooled order.
    pub pooled_order_id: PooledOrderId,
    /// Pooled line.
    pub pooled_line_id: PlanLineId,
    /// Member.
    pub party_id: PartyId,
    /// Delivery point.
    pub site_id: SiteId,
    /// PLATFORM or DIRECT.
    pub route: String,
    /// Article.
    pub article_id: ArticleId,
    /// GOODS or SERVICE.
    pub kind: String,
    /// Pack.
    pub packaging_code: String,
    /// Base units in a pack.
    pub pack_units: i64,
    /// Base units ordered.
    pub units_ordered: i64,
    /// Base units cancelled.
    pub units_cancelled: i64,
    /// Base units delivered.
    pub units_delivered: i64,
    /// EUR per base unit.
    pub unit_price: Decimal,
    /// Cents EUR.
    pub amount_cents: i64,
    /// Cents EUR cancelled.
    pub cancelled_cents: i64,
}

/// Order lines by id, of one pooled order or all, of one member or all.
pub async fn order_lines(
    conn: &mut PgConnection,
    order: Option<PooledOrderId>,
    party: Option<PartyId>,
    after: Uuid,
    limit: i64,
) -> Result<Vec<OrderLine>, Failure> {
    Ok(sqlx::query_as(
        "SELECT group_id, id, order_form_id, pooled_order_id, pooled_line_id, party_id, site_id, route, article_id, kind,
           packaging_code, pack_units, units_ordered, units_cancelled, units_delivered, unit_price, amount_cents, cancelled_cents
         FROM order_line WHERE ($1::uuid IS NULL OR pooled_order_id = $1) AND ($2::uuid IS NULL OR party_id = $2) AND id > $3
         ORDER BY id LIMIT $4",
    )
    .bind(order)
    .bind(party)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// Whether every order of a locked plan has left PLACING.
pub async fn all_settled(conn: &mut PgConnection, group: GroupId, plan: PlanId) -> Result<bool, Failure> {
    Ok(sqlx::query_scalar(
        "SELECT NOT EXISTS (SELECT FROM pooled_order WHERE group_id = $1 AND plan_id = $2 AND state = 'PLACING')",
    )
    .bind(group)
    .bind(plan)
    .fetch_one(conn)
    .await?)
}

/// Notes the reservation of an order that is being placed, and the rules that allowed it.
pub async fn save_reservation(
    conn: &mut PgConnection,
    order: &OrderRow,
    reservation: ReservationId,
    reasons: &str,
) -> Result<(), Failure> {
    let result = sqlx::query(
        "UPDATE pooled_order SET reservation_id = $3, reasons = $4::jsonb, version = version + 1
         WHERE group_id = $1 AND id = $2 AND state = 'PLACING'",
    )
    .bind(order.group_id)
    .bind(order.id)
    .bind(reservation)
    .bind(reasons)
    .execute(conn)
    .await?;
    one_row(&result, "pooled_order")
}

/// PLACING → PLACED, for the order, its forms and its lines.
pub async fn save_placed(conn: &mut PgConnection, order: &OrderRow, at: DateTime<Utc>) -> Result<(), Failure> {
    let result = sqlx::query(
        "UPDATE pooled_order SET state = 'PLACED', placed_at = $3, version = version + 1
         WHERE group_id = $1 AND id = $2 AND state = 'PLACING'",
    )
    .bind(order.group_id)
    .bind(order.id)
    .bind(at)
    .execute(&mut *conn)
    .await?;
    one_row(&result, "pooled_order")?;
    sqlx::query("UPDATE order_line SET placed = true WHERE group_id = $1 AND pooled_order_id = $2")
        .bind(order.group_id)
        .bind(order.id)
        .execute(&mut *conn)
        .await?;
    save_form_state(conn, order, OrderState::Placed).await
}

/// PLACING → REFUSED, for the order and its forms.
pub async fn save_refused(conn: &mut PgConnection, order: &OrderRow, reasons: &str) -> Result<(), Failure> {
    let result = sqlx::query(
        "UPDATE pooled_order SET state = 'REFUSED', reasons = $3::jsonb, version = version + 1
         WHERE group_id = $1 AND id = $2 AND state = 'PLACING'",
    )
    .bind(order.group_id)
    .bind(order.id)
    .bind(reasons)
    .execute(&mut *conn)
    .await?;
    one_row(&result, "pooled_order")?;
    save_form_state(conn, order, OrderState::Refused).await
}

/// PLACED → ANSWERED, for the order and its forms.
pub async fn save_answered(
    conn: &mut PgConnection,
    order: &OrderRow,
    means: &str,
    by: &str,
    at: DateTime<Utc>,
) -> Result<(), Failure> {
    let result = sqlx::query(
        "UPDATE pooled_order SET state = 'ANSWERED', answer_means = $3, answered_by = $4, answered_at = $5, version = version + 1
         WHERE group_id = $1 AND id = $2 AND state = 'PLACED' AND version = $6",
    )
    .bind(order.group_id)
    .bind(order.id)
    .bind(means)
    .bind(by)
    .bind(at)
    .bind(order.version)
    .execute(&mut *conn)
    .await?;
    one_row(&result, "pooled_order")?;
    save_form_state(conn, order, OrderState::Answered).await
}

async fn save_form_state(conn: &mut PgConnection, order: &OrderRow, state: OrderState) -> Result<(), Failure> {
    sqlx::query("UPDATE order_form SET state = $3 WHERE group_id = $1 AND pooled_order_id = $2")
        .bind(order.group_id)
        .bind(order.id)
        .bind(state.name())
        .execute(conn)
        .await?;
    Ok(())
}

/// What a supplier said about a line besides its quantity.
#[derive(Debug, Clone)]
pub struct Said {
    /// The line.
    pub line: PlanLineId,
    /// Day promised.
    pub promised_on: Option<NaiveDate>,
    /// Why it accepts less; may be empty.
    pub reason: String,
}

/// Days promised and reasons given by the supplier, per line.
pub async fn save_said(conn: &mut PgConnection, group: GroupId, said: &[Said]) -> Result<(), Failure> {
    sqlx::query(
        "UPDATE pooled_line p SET promised_on = coalesce(r.day, p.promised_on), answer_reason = r.reason
         FROM unnest($2::uuid[], $3::date[], $4::text[]) AS r (id, day, reason) WHERE p.group_id = $1 AND p.id = r.id",
    )
    .bind(group)
    .bind(said.iter().map(|said| said.line).collect::<Vec<_>>())
    .bind(said.iter().map(|said| said.promised_on).collect::<Vec<_>>())
    .bind(said.iter().map(|said| said.reason.as_str()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}
