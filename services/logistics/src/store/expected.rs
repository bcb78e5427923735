//! Orders, articles and lines that are expected.

use std::collections::HashMap;

use kit::{
    error::Failure,
    id::{ArticleId, GroupId, OrderLineId, PartyId, PlanLineId, PooledOrderId, SiteId},
};
use sqlx::{FromRow, PgConnection, Row as _, postgres::PgRow};

use super::coded;
use crate::domain::{
    Route,
    expected::{Destination, ExpectedLine, Item},
};

/// An order as logistics expects it.
#[derive(Debug, Clone)]
pub struct ExpectedOrder {
    /// Its id.
    pub id: PooledOrderId,
    /// For people.
    pub number: String,
    /// Supplier.
    pub supplier_id: PartyId,
    /// Operator of its platform, when something passes one.
    pub operator_party_id: Option<PartyId>,
}

/// An accepted line, as demand says it.
#[derive(Debug, Clone)]
pub struct NewLine {
    /// Line of the pooled order.
    pub pooled_line_id: PlanLineId,
    /// Where it goes first.
    pub destination: Destination,
    /// Article.
    pub article_id: ArticleId,
    /// Pack.
    pub packaging_code: String,
    /// Base units in a pack.
    pub pack_units: i64,
    /// The line itself.
    pub line: ExpectedLine,
}

/// Registers an order, or the next part of its lines, and leaves its row locked. The same lines twice add nothing.
///
/// # Errors
/// When a line is already there with other figures, which would be a fault of demand's.
pub async fn expect(
    conn: &mut PgConnection,
    group: GroupId,
    order: &ExpectedOrder,
    lines: &[NewLine],
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO expected_order (group_id, pooled_order_id, order_number, supplier_id, operator_party_id) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (group_id, pooled_order_id)
         DO UPDATE SET operator_party_id = coalesce(expected_order.operator_party_id, excluded.operator_party_id)",
    )
    .bind(group)
    .bind(order.id)
    .bind(&order.number)
    .bind(order.supplier_id)
    .bind(order.operator_party_id)
    .execute(&mut *conn)
    .await?;
    insert_items(conn, group, order, lines).await?;
    insert_lines(conn, group, order, lines).await?;
    let ids: Vec<OrderLineId> = lines.iter().map(|new| new.line.id).collect();
    let units: Vec<i64> = lines.iter().map(|new| new.line.accepted).collect();
    let differing: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM expected_line l JOIN unnest($1::uuid[], $2::bigint[]) AS n (id, units) ON l.order_line_id = n.id
         WHERE l.units_accepted <> n.units OR l.pooled_order_id <> $3",
    )
    .bind(ids)
    .bind(units)
    .bind(order.id)
    .fetch_one(conn)
    .await?;
    if differing > 0 {
        return Err(Failure::internal(format!(
            "{differing} lines of {} were already expected with other figures",
            order.id
        )));
    }
    Ok(())
}

async fn insert_items(
    conn: &mut PgConnection,
    group: GroupId,
    order: &ExpectedOrder,
    lines: &[NewLine],
) -> Result<(), sqlx::Error> {
    let pooled: Vec<PlanLineId> = lines.iter().map(|new| new.pooled_line_id).collect();
    let sites: Vec<SiteId> = lines.iter().map(|new| new.destination.site_id).collect();
    let routes: Vec<&str> = lines.iter().map(|new| new.destination.route.code()).collect();
    let operators: Vec<Option<PartyId>> = lines.iter().map(|new| new.destination.operator_party_id).collect();
    let articles: Vec<ArticleId> = lines.iter().map(|new| new.article_id).collect();
    let codes: Vec<&str> = lines.iter().map(|new| new.packaging_code.as_str()).collect();
    let packs: Vec<i64> = lines.iter().map(|new| new.pack_units).collect();
    sqlx::query(
        "INSERT INTO expected_item (group_id, pooled_order_id, pooled_line_id, destination_site_id, route, supplier_id, operator_party_id,
           article_id, packaging_code, pack_units)
         SELECT DISTINCT $1::uuid, $2::uuid, n.pooled, n.site, n.route, $3::uuid, n.operator, n.article, n.code, n.pack
         FROM unnest($4::uuid[], $5::uuid[], $6::text[], $7::uuid[], $8::uuid[], $9::text[], $10::bigint[])
           AS n (pooled, site, route, operator, article, code, pack)
         ON CONFLICT DO NOTHING",
    )
    .bind(group)
    .bind(order.id)
    .bind(order.supplier_id)
    .bind(pooled)
    .bind(sites)
    .bind(routes)
    .bind(operators)
    .bind(articles)
    .bind(codes)
    .bind(packs)
    .execute(conn)
    .await?;
    Ok(())
}

async fn insert_lines(
    conn: &mut PgConnection,
    group: GroupId,
    order: &ExpectedOrder,
    lines: &[NewLine],
) -> Result<(), sqlx::Error> {
    let ids: Vec<OrderLineId> = lines.iter().map(|new| new.line.id).collect();
    let pooled: Vec<PlanLineId> = lines.iter().map(|new| new.pooled_line_id).collect();
    let destinations: Vec<SiteId> = lines.iter().map(|new| new.destination.site_id).collect();
    let operators: Vec<Option<PartyId>> = lines.iter().map(|new| new.destination.operator_party_id).collect();
    let parties: Vec<PartyId> = lines.iter().map(|new| new.line.party_id).collect();
    let sites: Vec<SiteId> = lines.iter().map(|new| new.line.site_id).collect();
    let units: Vec<i64> = lines.iter().map(|new| new.line.accepted).collect();
    sqlx::query(
        "INSERT INTO expected_line (group_id, order_line_id, pooled_order_id, pooled_line_id, destination_site_id, supplier_id,
           operator_party_id, party_id, site_id, units_accepted)
         SELECT $1, n.id, $2, n.pooled, n.destination, $3, n.operator, n.party, n.site, n.units
         FROM unnest($4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[], $9::uuid[], $10::bigint[])
           AS n (id, pooled, destination, operator, party, site, units)
         ON CONFLICT (group_id, order_line_id) DO NOTHING",
    )
    .bind(group)
    .bind(order.id)
    .bind(order.supplier_id)
    .bind(ids)
    .bind(pooled)
    .bind(destinations)
    .bind(operators)
    .bind(parties)
    .bind(sites)
    .bind(units)
    .execute(conn)
    .await?;
    Ok(())
}

/// Locks an order: everything that changes its figures does this first, so its shipments, receipts and certifications are serial.
pub async fn lock_order(conn: &mut PgConnection, id: PooledOrderId) -> Result<Option<ExpectedOrder>, sqlx::Error> {
    let row: Option<(String, PartyId, Option<PartyId>)> = sqlx::query_as(
        "SELECT order_number, supplier_id, operator_party_id FROM expected_order WHERE pooled_order_id = $1 FOR UPDATE",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|(number, supplier_id, operator_party_id)| ExpectedOrder { id, number, supplier_id, operator_party_id }))
}

/// Which items of an order.
#[derive(Debug, Clone, Default)]
pub struct Which {
    /// Only at this destination.
    pub destination: Option<SiteId>,
    /// Only these articles.
    pub pooled_lines: Option<Vec<PlanLineId>>,
}

/// Items with their lines, by pooled line and destination, lines by id. Lock the order first.
pub async fn load_items(
    conn: &mut PgConnection,
    order: PooledOrderId,
    which: &Which,
) -> Result<Vec<Item>, sqlx::Error> {
    let mut items: Vec<Item> = sqlx::query(
        "SELECT i.pooled_line_id, i.destination_site_id, i.route, i.operator_party_id, i.article_id, i.pack_units, i.units_in_transit,
           i.units_shipped, i.route = 'PLATFORM' AND EXISTS (
             SELECT FROM break_bulk b WHERE b.platform_site_id = i.destination_site_id AND b.article_id = i.article_id
               AND b.packaging_code = i.packaging_code) AS opens_packs
         FROM expected_item i
         WHERE i.pooled_order_id = $1 AND ($2::uuid IS NULL OR i.destination_site_id = $2)
           AND ($3::uuid[] IS NULL OR i.pooled_line_id = ANY($3))
         ORDER BY i.pooled_line_id, i.destination_site_id",
    )
    .bind(order)
    .bind(which.destination)
    .bind(&which.pooled_lines)
    .fetch_all(&mut *conn)
    .await?
    .iter()
    .map(item_from_row)
    .collect::<Result<_, _>>()?;
    let lines = sqlx::query(
        "SELECT pooled_line_id, destination_site_id, order_line_id, party_id, site_id, units_accepted, units_cancelled, units_allocated,
           units_delivered
         FROM expected_line
         WHERE pooled_order_id = $1 AND ($2::uuid IS NULL OR destination_site_id = $2)
           AND ($3::uuid[] IS NULL OR pooled_line_id = ANY($3))
         ORDER BY order_line_id",
    )
    .bind(order)
    .bind(which.destination)
    .bind(&which.pooled_lines)
    .fetch_all(conn)
    .await?;
    let index: HashMap<(PlanLineId, SiteId), usize> =
        items.iter().enumerate().map(|(at, item)| ((item.pooled_line_id, item.destination.site_id), at)).collect();
    for row in &lines {
        if let Some(&at) = index.get(&(row.try_get("pooled_line_id")?, row.try_get("destination_site_id")?)) {
            items[at].lines.push(line_from_row(row)?);
        }
    }
    Ok(items)
}

/// Order lines by id.
pub async fn load_lines(conn: &mut PgConnection, ids: &[OrderLineId]) -> Result<Vec<ExpectedLine>, sqlx::Error> {
    sqlx::query(
        "SELECT order_line_id, party_id, site_id, units_accepted, units_cancelled, units_allocated, units_delivered
         FROM expected_line WHERE order_line_id = ANY($1) ORDER BY order_line_id",
    )
    .bind(ids)
    .fetch_all(conn)
    .await?
    .iter()
    .map(line_from_row)
    .collect()
}

fn item_from_row(row: &PgRow) -> Result<Item, sqlx::Error> {
    Ok(Item {
        pooled_line_id: row.try_get("pooled_line_id")?,
        destination: Destination {
            site_id: row.try_get("destination_site_id")?,
            route: coded(row, "route")?,
            operator_party_id: row.try_get("operator_party_id")?,
        },
        article_id: row.try_get("article_id")?,
        pack_units: row.try_get("pack_units")?,
        opens_packs: row.try_get("opens_packs")?,
        in_transit: row.try_get("units_in_transit")?,
        shipped: row.try_get("units_shipped")?,
        lines: Vec::new(),
    })
}

fn line_from_row(row: &PgRow) -> Result<ExpectedLine, sqlx::Error> {
    Ok(ExpectedLine {
        id: row.try_get("order_line_id")?,
        party_id: row.try_get("party_id")?,
        site_id: row.try_get("site_id")?,
        accepted: row.try_get("units_accepted")?,
        cancelled: row.try_get("units_cancelled")?,
        allocated: row.try_get("units_allocated")?,
        delivered: row.try_get("units_delivered")?,
    })
}

/// Writes items and lines back as decided.
///
/// # Errors
/// Internal when a row is not there: they were locked before.
pub async fn save_items(conn: &mut PgConnection, order: PooledOrderId, items: &[&Item]) -> Result<(), Failure> {
    let pooled: Vec<PlanLineId> = items.iter().map(|item| item.pooled_line_id).collect();
    let sites: Vec<SiteId> = items.iter().map(|item| item.destination.site_id).collect();
    let in_transit: Vec<i64> = items.iter().map(|item| item.in_transit).collect();
    let shipped: Vec<i64> = items.iter().map(|item| item.shipped).collect();
    let result = sqlx::query(
        "UPDATE expected_item i SET units_in_transit = n.in_transit, units_shipped = n.shipped
         FROM unnest($2::uuid[], $3::uuid[], $4::bigint[], $5::bigint[]) AS n (pooled, site, in_transit, shipped)
         WHERE i.pooled_order_id = $1 AND i.pooled_line_id = n.pooled AND i.destination_site_id = n.site",
    )
    .bind(order)
    .bind(pooled)
    .bind(sites)
    .bind(in_transit)
    .bind(shipped)
    .execute(&mut *conn)
    .await?;
    all_changed(result.rows_affected(), items.len(), "expected_item")?;
    let lines: Vec<&ExpectedLine> = items.iter().flat_map(|item| &item.lines).collect();
    save_lines(conn, &lines).await
}

/// Writes the figures of order lines that have changed.
///
/// # Errors
/// Internal when a row is not there: they were locked before.
pub async fn save_lines(conn: &mut PgConnection, lines: &[&ExpectedLine]) -> Result<(), Failure> {
    let ids: Vec<OrderLineId> = lines.iter().map(|line| line.id).collect();
    let cancelled: Vec<i64> = lines.iter().map(|line| line.cancelled).collect();
    let allocated: Vec<i64> = lines.iter().map(|line| line.allocated).collect();
    let delivered: Vec<i64> = lines.iter().map(|line| line.delivered).collect();
    let found: i64 = sqlx::query_scalar(
        "WITH n AS (SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[]) AS n (id, cancelled, allocated, delivered)),
         changed AS (
           UPDATE expected_line l SET units_cancelled = n.cancelled, units_allocated = n.allocated, units_delivered = n.delivered
           FROM n WHERE l.order_line_id = n.id
             AND (l.units_cancelled, l.units_allocated, l.units_delivered) IS DISTINCT FROM (n.cancelled, n.allocated, n.delivered))
         SELECT count(*) FROM expected_line l JOIN n ON l.order_line_id = n.id",
    )
    .bind(ids)
    .bind(cancelled)
    .bind(allocated)
    .bind(delivered)
    .fetch_one(conn)
    .await?;
    all_changed(u64::try_from(found).unwrap_or_default(), lines.len(), "expected_line")
}

fn all_changed(changed: u64, wanted: usize, table: &str) -> Result<(), Failure> {
    if usize::try_from(changed).ok() == Some(wanted) {
        Ok(())
    } else {
        Err(Failure::internal(format!("{table}: {changed} rows instead of {wanted}")))
    }
}

/// One article of one order at one destination with its sums, for lists.
#[derive(Debug, Clone)]
pub struct ExpectedSum {
    /// Group.
    pub group_id: GroupId,
    /// Key: order.
    pub pooled_order_id: PooledOrderId,
    /// Key: line of the order.
    pub pooled_line_id: PlanLineId,
    /// Key: destination.
    pub destination_site_id: SiteId,
    /// Number of the order.
    pub order_number: String,
    /// Supplier.
    pub supplier_id: PartyId,
    /// By the platform or direct.
    pub route: Route,
    /// Article.
    pub article_id: ArticleId,
    /// Pack.
    pub packaging_code: String,
    /// Base units in a pack.
    pub pack_units: i64,
    /// Sum over its lines.
    pub accepted: i64,
    /// Announced, ever.
    pub shipped: i64,
    /// Sum over its lines.
    pub cancelled: i64,
    /// Neither cancelled, nor under way, nor in a delivery.
    pub open: i64,
}

impl<'r> FromRow<'r, PgRow> for ExpectedSum {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            group_id: row.try_get("group_id")?,
            pooled_order_id: row.try_get("pooled_order_id")?,
            pooled_line_id: row.try_get("pooled_line_id")?,
            destination_site_id: row.try_get("destination_site_id")?,
            order_number: row.try_get("order_number")?,
            supplier_id: row.try_get("supplier_id")?,
            route: coded(row, "route")?,
            article_id: row.try_get("article_id")?,
            packaging_code: row.try_get("packaging_code")?,
            pack_units: row.try_get("pack_units")?,
            accepted: row.try_get("accepted")?,
            shipped: row.try_get("units_shipped")?,
            cancelled: row.try_get("cancelled")?,
            open: row.try_get("open")?,
        })
    }
}

/// Key of an item across orders.
pub type ItemKey = (PooledOrderId, PlanLineId, SiteId);

/// A page of what is expected, after a key.
pub async fn list_expected(
    conn: &mut PgConnection,
    mine: Option<PartyId>,
    order: Option<PooledOrderId>,
    open_only: bool,
    after: Option<ItemKey>,
    limit: i64,
) -> Result<Vec<ExpectedSum>, sqlx::Error> {
    let nil = uuid::Uuid::nil();
    let (after_order, after_line, after_site) =
        after.unwrap_or((PooledOrderId::from_uuid(nil), PlanLineId::from_uuid(nil), SiteId::from_uuid(nil)));
    sqlx::query_as(
        "SELECT i.*, o.order_number, s.accepted, s.cancelled, s.waiting - i.units_in_transit AS open
         FROM expected_item i
         JOIN expected_order o USING (group_id, pooled_order_id)
         CROSS JOIN LATERAL (
           SELECT coalesce(sum(l.units_accepted), 0)::bigint AS accepted, coalesce(sum(l.units_cancelled), 0)::bigint AS cancelled,
             coalesce(sum(l.units_accepted - l.units_cancelled - l.units_allocated), 0)::bigint AS waiting
           FROM expected_line l
           WHERE l.group_id = i.group_id AND l.pooled_order_id = i.pooled_order_id AND l.pooled_line_id = i.pooled_line_id
             AND l.destination_site_id = i.destination_site_id) s
         WHERE (i.pooled_order_id, i.pooled_line_id, i.destination_site_id) > ($1, $2, $3)
           AND ($4::uuid IS NULL OR i.pooled_order_id = $4)
           AND ($5::uuid IS NULL OR $5 IN (i.supplier_id, i.operator_party_id))
           AND (NOT $6 OR s.waiting > i.units_in_transit)
         ORDER BY i.pooled_order_id, i.pooled_line_id, i.destination_site_id LIMIT $7",
    )
    .bind(after_order)
    .bind(after_line)
    .bind(after_site)
    .bind(order)
    .bind(mine)
    .bind(open_only)
    .bind(limit)
    .fetch_all(conn)
    .await
}
