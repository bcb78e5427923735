//! Shipments, their lines and receipts.

use chrono::{DateTime, NaiveDate, Utc};
use kit::{
    db::{OnConstraint as _, one_row},
    error::Failure,
    id::{ArticleId, PartyId, PlanLineId, PooledOrderId, ReceiptId, ShipmentId, ShipmentLineId},
};
use sqlx::{FromRow, PgConnection, Row as _, postgres::PgRow};

use super::coded;
use crate::domain::{
    LogisticsError,
    shipment::{Shipment, ShipmentLine, ShipmentState},
};

impl<'r> FromRow<'r, PgRow> for Shipment {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("shipment_id")?,
            group_id: row.try_get("group_id")?,
            pooled_order_id: row.try_get("pooled_order_id")?,
            supplier_id: row.try_get("supplier_id")?,
            operator_party_id: row.try_get("operator_party_id")?,
            destination_site_id: row.try_get("destination_site_id")?,
            route: coded(row, "route")?,
            despatch_number: row.try_get("despatch_number")?,
            state: coded(row, "state")?,
            announced_at: row.try_get("announced_at")?,
            announced_by: row.try_get("announced_by")?,
        })
    }
}

impl<'r> FromRow<'r, PgRow> for ShipmentLine {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("shipment_line_id")?,
            pooled_line_id: row.try_get("pooled_line_id")?,
            article_id: row.try_get("article_id")?,
            units: row.try_get("units")?,
            batch: row.try_get("batch")?,
            expires_on: row.try_get("expires_on")?,
            received: row.try_get("units_received")?,
            damaged: row.try_get("units_damaged")?,
        })
    }
}

/// Stores an announced shipment with its lines.
///
/// # Errors
/// [`LogisticsError::DespatchNumberTaken`].
pub async fn insert_shipment(
    conn: &mut PgConnection,
    shipment: &Shipment,
    lines: &[ShipmentLine],
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO shipment (group_id, shipment_id, pooled_order_id, supplier_id, operator_party_id, destination_site_id, route,
           despatch_number, state, line_count, announced_at, announced_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(shipment.group_id)
    .bind(shipment.id)
    .bind(shipment.pooled_order_id)
    .bind(shipment.supplier_id)
    .bind(shipment.operator_party_id)
    .bind(shipment.destination_site_id)
    .bind(shipment.route.code())
    .bind(&shipment.despatch_number)
    .bind(shipment.state.code())
    .bind(i32::try_from(lines.len()).map_err(Failure::internal)?)
    .bind(shipment.announced_at)
    .bind(&shipment.announced_by)
    .execute(&mut *conn)
    .await
    .on_constraint("shipment_despatch_number_once", || LogisticsError::DespatchNumberTaken { number: shipment.despatch_number.clone() })?;
    insert_lines(conn, shipment, lines).await?;
    Ok(())
}

async fn insert_lines(conn: &mut PgConnection, shipment: &Shipment, lines: &[ShipmentLine]) -> Result<(), sqlx::Error> {
    let ids: Vec<ShipmentLineId> = lines.iter().map(|line| line.id).collect();
    let pooled: Vec<PlanLineId> = lines.iter().map(|line| line.pooled_line_id).collect();
    let articles: Vec<ArticleId> = lines.iter().map(|line| line.article_id).collect();
    let units: Vec<i64> = lines.iter().map(|line| line.units).collect();
    let batches: Vec<&str> = lines.iter().map(|line| line.batch.as_str()).collect();
    let expires: Vec<Option<NaiveDate>> = lines.iter().map(|line| line.expires_on).collect();
    let received: Vec<i64> = lines.iter().map(|line| line.received).collect();
    sqlx::query(
        "INSERT INTO shipment_line (group_id, shipment_id, supplier_id, operator_party_id, shipment_line_id, pooled_line_id, article_id,
           units, batch, expires_on, units_received)
         SELECT $1, $2, $3, $4, n.* FROM unnest($5::uuid[], $6::uuid[], $7::uuid[], $8::bigint[], $9::text[], $10::date[], $11::bigint[]) AS n",
    )
    .bind(shipment.group_id)
    .bind(shipment.id)
    .bind(shipment.supplier_id)
    .bind(shipment.operator_party_id)
    .bind(ids)
    .bind(pooled)
    .bind(articles)
    .bind(units)
    .bind(batches)
    .bind(expires)
    .bind(received)
    .execute(conn)
    .await?;
    Ok(())
}

/// A shipment, unlocked.
pub async fn find_shipment(conn: &mut PgConnection, id: ShipmentId) -> Result<Option<Shipment>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM shipment WHERE shipment_id = $1").bind(id).fetch_optional(conn).await
}

/// A shipment, locked. Lock its order first.
pub async fn lock_shipment(conn: &mut PgConnection, id: ShipmentId) -> Result<Option<Shipment>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM shipment WHERE shipment_id = $1 FOR UPDATE").bind(id).fetch_optional(conn).await
}

/// Lines of shipments, with the shipment of each, by id.
pub async fn list_lines(
    conn: &mut PgConnection,
    shipments: &[ShipmentId],
) -> Result<Vec<(ShipmentId, ShipmentLine)>, sqlx::Error> {
    sqlx::query("SELECT * FROM shipment_line WHERE shipment_id = ANY($1) ORDER BY shipment_line_id")
        .bind(shipments)
        .fetch_all(conn)
        .await?
        .iter()
        .map(|row| Ok((row.try_get("shipment_id")?, ShipmentLine::from_row(row)?)))
        .collect()
}

/// A page of shipments with how many lines each has, after an id.
pub async fn list_shipments(
    conn: &mut PgConnection,
    mine: Option<PartyId>,
    order: Option<PooledOrderId>,
    after: Option<ShipmentId>,
    limit: i64,
) -> Result<Vec<(Shipment, i32)>, sqlx::Error> {
    sqlx::query(
        "SELECT * FROM shipment
         WHERE ($1::uuid IS NULL OR shipment_id > $1) AND ($2::uuid IS NULL OR pooled_order_id = $2)
           AND ($3::uuid IS NULL OR $3 IN (supplier_id, operator_party_id))
         ORDER BY shipment_id LIMIT $4",
    )
    .bind(after)
    .bind(order)
    .bind(mine)
    .bind(limit)
    .fetch_all(conn)
    .await?
    .iter()
    .map(|row| Ok((Shipment::from_row(row)?, row.try_get("line_count")?)))
    .collect()
}

/// A receipt with its sums.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// Its id.
    pub id: ReceiptId,
    /// Business time.
    pub at: DateTime<Utc>,
    /// Who entered it.
    pub by: String,
    /// Base units in good order, as recorded.
    pub received: i64,
    /// Base units damaged, as recorded.
    pub damaged: i64,
    /// Base units that did not arrive.
    pub missing: i64,
}

/// Stores a receipt: the shipment becomes RECEIVED and its lines get their figures.
///
/// # Errors
/// [`LogisticsError::ShipmentWrongState`] when it was received before; internal when a guarded write misses its row.
pub async fn insert_receipt(
    conn: &mut PgConnection,
    shipment: &Shipment,
    operator: PartyId,
    receipt: &Receipt,
    lines: &[ShipmentLine],
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO receipt (group_id, receipt_id, shipment_id, operator_party_id, received_at, received_by, units_received, units_damaged,
           units_missing) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(shipment.group_id)
    .bind(receipt.id)
    .bind(shipment.id)
    .bind(operator)
    .bind(receipt.at)
    .bind(&receipt.by)
    .bind(receipt.received)
    .bind(receipt.damaged)
    .bind(receipt.missing)
    .execute(&mut *conn)
    .await
    .on_constraint("receipt_shipment_once", || LogisticsError::ShipmentWrongState {
        id: shipment.id.to_string(),
        state: ShipmentState::Received.code(),
    })?;
    let saved = sqlx::query("UPDATE shipment SET state = $2 WHERE shipment_id = $1 AND state = 'ANNOUNCED'")
        .bind(shipment.id)
        .bind(shipment.state.code())
        .execute(&mut *conn)
        .await?;
    one_row(&saved, "shipment")?;
    let ids: Vec<ShipmentLineId> = lines.iter().map(|line| line.id).collect();
    let received: Vec<i64> = lines.iter().map(|line| line.received).collect();
    let damaged: Vec<i64> = lines.iter().map(|line| line.damaged).collect();
    sqlx::query(
        "UPDATE shipment_line l SET units_received = n.received, units_damaged = n.damaged
         FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS n (id, received, damaged) WHERE l.shipment_line_id = n.id",
    )
    .bind(ids)
    .bind(received)
    .bind(damaged)
    .execute(conn)
    .await?;
    Ok(())
}
