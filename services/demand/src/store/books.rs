//! What became of order lines: cancelled, delivered, outstanding, and what they save.

use kit::{
    Failure,
    db::{OnConstraint as _, one_row},
    id::{ArticleId, GroupId, OrderLineId, PartyId, PlanLineId, PooledOrderId, RoundId, SiteId},
};
use sqlx::PgConnection;

use crate::domain::{order::Books, order_error::OrderError, savings::MemberSavings};

/// Rows in one statement.
const CHUNK: usize = 5_000;

/// An order line whose books may change.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LineBooks {
    /// Order line.
    pub id: OrderLineId,
    /// Its pooled line.
    pub pooled_line_id: PlanLineId,
    /// Member.
    pub party_id: PartyId,
    /// Delivery point.
    pub site_id: SiteId,
    /// PLATFORM or DIRECT.
    pub route: String,
    /// Whether the platform opens packs for it.
    pub break_bulk: bool,
    /// Article.
    pub article_id: ArticleId,
    /// Pack.
    pub packaging_code: String,
    /// Base units in a pack.
    pub pack_units: i64,
    units_ordered: i64,
    units_cancelled: i64,
    units_delivered: i64,
    amount_cents: i64,
    cancelled_cents: i64,
}

impl LineBooks {
    /// Its books.
    #[must_use]
    pub const fn books(&self) -> Books {
        Books {
            ordered: self.units_ordered,
            cancelled: self.units_cancelled,
            delivered: self.units_delivered,
            amount_cents: self.amount_cents,
            cancelled_cents: self.cancelled_cents,
        }
    }
}

/// Lines of a locked pooled order by id; all of them, or those named.
pub async fn lines(
    conn: &mut PgConnection,
    group: GroupId,
    order: PooledOrderId,
    named: Option<&[OrderLineId]>,
) -> Result<Vec<LineBooks>, Failure> {
    Ok(sqlx::query_as(
        "SELECT id, pooled_line_id, party_id, site_id, route, break_bulk, article_id, packaging_code, pack_units, units_ordered,
           units_cancelled, units_delivered, amount_cents, cancelled_cents
         FROM order_line WHERE group_id = $1 AND pooled_order_id = $2 AND ($3::uuid[] IS NULL OR id = ANY ($3)) ORDER BY id",
    )
    .bind(group)
    .bind(order)
    .bind(named)
    .fetch_all(conn)
    .await?)
}

/// Writes the books of lines of a locked pooled order. The database has the last word on conservation.
pub async fn save_lines(
    conn: &mut PgConnection,
    group: GroupId,
    lines: &[(OrderLineId, Books)],
) -> Result<(), Failure> {
    for lines in lines.chunks(CHUNK) {
        let result = sqlx::query(
            "UPDATE order_line l SET units_cancelled = r.cancelled, units_delivered = r.delivered, cancelled_cents = r.cents
             FROM unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[]) AS r (id, cancelled, delivered, cents)
             WHERE l.group_id = $1 AND l.id = r.id",
        )
        .bind(group)
        .bind(lines.iter().map(|line| line.0).collect::<Vec<_>>())
        .bind(lines.iter().map(|line| line.1.cancelled).collect::<Vec<_>>())
        .bind(lines.iter().map(|line| line.1.delivered).collect::<Vec<_>>())
        .bind(lines.iter().map(|line| line.1.cancelled_cents).collect::<Vec<_>>())
        .execute(&mut *conn)
        .await
        .on_constraint("order_line_units_conserved", || {
            let (id, books) = lines[0];
            OrderError::MoreThanOrdered {
                line: id.to_string(),
                ordered: books.ordered,
                cancelled: books.cancelled,
                delivered: books.delivered,
            }
        })?;
        if usize::try_from(result.rows_affected()) != Ok(lines.len()) {
            return Err(Failure::internal(format!(
                "{} order lines changed instead of {}",
                result.rows_affected(),
                lines.len()
            )));
        }
    }
    Ok(())
}

/// Adds to what was cancelled of pooled lines and of their locked pooled order.
pub async fn add_cancelled(
    conn: &mut PgConnection,
    group: GroupId,
    order: PooledOrderId,
    lines: &[(PlanLineId, i64)],
    cents: i64,
) -> Result<(), Failure> {
    sqlx::query(
        "UPDATE pooled_line p SET units_cancelled = p.units_cancelled + r.units
         FROM unnest($2::uuid[], $3::bigint[]) AS r (id, units) WHERE p.group_id = $1 AND p.id = r.id",
    )
    .bind(group)
    .bind(lines.iter().map(|line| line.0).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.1).collect::<Vec<_>>())
    .execute(&mut *conn)
    .await?;
    let result = sqlx::query(
        "UPDATE pooled_order SET cancelled_cents = cancelled_cents + $3, version = version + 1 WHERE group_id = $1 AND id = $2",
    )
    .bind(group)
    .bind(order)
    .bind(cents)
    .execute(conn)
    .await?;
    one_row(&result, "pooled_order")
}

/// What each member takes of a pooled order in cents, by member.
pub async fn amounts_by_member(
    conn: &mut PgConnection,
    group: GroupId,
    order: PooledOrderId,
) -> Result<Vec<(PartyId, i64)>, Failure> {
    Ok(sqlx::query_as(
        "SELECT party_id, sum(amount_cents)::bigint FROM order_line WHERE group_id = $1 AND pooled_order_id = $2
         GROUP BY party_id ORDER BY party_id",
    )
    .bind(group)
    .bind(order)
    .fetch_all(conn)
    .await?)
}

/// Where a balance stands: member, article, delivery point.
pub type BalanceKey = (PartyId, ArticleId, SiteId);

/// What became of what was ordered for a member, article and delivery point.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Balance {
    /// Member.
    pub party_id: PartyId,
    /// Article.
    pub article_id: ArticleId,
    /// Delivery point.
    pub site_id: SiteId,
    /// Base units ordered.
    pub ordered: i64,
    /// Base units delivered.
    pub delivered: i64,
    /// Base units cancelled.
    pub cancelled: i64,
}

/// Balances of placed orders by member, article and delivery point; of one member or all.
pub async fn balances(
    conn: &mut PgConnection,
    party: Option<PartyId>,
    after: Option<BalanceKey>,
    limit: i64,
) -> Result<Vec<Balance>, Failure> {
    let (after_party, after_article, after_site) =
        after.map_or((None, None, None), |(party, article, site)| (Some(party), Some(article), Some(site)));
    Ok(sqlx::query_as(
        "SELECT party_id, article_id, site_id, sum(units_ordered)::bigint AS ordered, sum(units_delivered)::bigint AS delivered,
           sum(units_cancelled)::bigint AS cancelled
         FROM order_line
         WHERE placed AND ($1::uuid IS NULL OR party_id = $1)
           AND ($2::uuid IS NULL OR (party_id, article_id, site_id) > ($2, $3, $4))
         GROUP BY party_id, article_id, site_id ORDER BY party_id, article_id, site_id LIMIT $5",
    )
    .bind(party)
    .bind(after_party)
    .bind(after_article)
    .bind(after_site)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

#[derive(sqlx::FromRow)]
struct SavingsRow {
    party_id: PartyId,
    reference_cents: i64,
    paid_cents: i64,
    received_reference_cents: i64,
    received_paid_cents: i64,
    lines_with_reference: i64,
    lines_without_reference: i64,
}

/// Savings per member over orders placed here, by member; of one member or all, of one round or all. Every line's figures are rounded
/// half up to the cent, then summed; the part of an amount is computed in integers, as `kit::money::proportion` does. In SQL
/// because a season has a million lines.
pub async fn savings(
    conn: &mut PgConnection,
    party: Option<PartyId>,
    round: Option<RoundId>,
) -> Result<Vec<MemberSavings>, Failure> {
    let rows: Vec<SavingsRow> = sqlx::query_as(
        "SELECT party_id,
           coalesce(sum(round(reference_price * (units_ordered - units_cancelled) * 100)), 0)::bigint AS reference_cents,
           coalesce(sum(amount_cents - cancelled_cents) FILTER (WHERE reference_price IS NOT NULL), 0)::bigint AS paid_cents,
           coalesce(sum(round(reference_price * units_delivered * 100)), 0)::bigint AS received_reference_cents,
           coalesce(sum(div(2 * amount_cents::numeric * units_delivered + units_ordered, 2 * units_ordered::numeric))
             FILTER (WHERE reference_price IS NOT NULL), 0)::bigint AS received_paid_cents,
           count(reference_price) AS lines_with_reference,
           count(*) - count(reference_price) AS lines_without_reference
         FROM order_line
         WHERE placed AND round_id IS NOT NULL AND ($1::uuid IS NULL OR party_id = $1) AND ($2::uuid IS NULL OR round_id = $2)
         GROUP BY party_id ORDER BY party_id",
    )
    .bind(party)
    .bind(round)
    .fetch_all(conn)
    .await?;
    let member = |row: SavingsRow| MemberSavings {
        party: row.party_id,
        reference_cents: row.reference_cents,
        paid_cents: row.paid_cents,
        received_reference_cents: row.received_reference_cents,
        received_paid_cents: row.received_paid_cents,
        lines_with_reference: row.lines_with_reference,
        lines_without_reference: row.lines_without_reference,
    };
    Ok(rows.into_iter().map(member).collect())
}
