//! Deliveries and their lines.

use chrono::{DateTime, NaiveDate, Utc};
use kit::{
    db::one_row,
    error::Failure,
    id::{ArticleId, DeliveryId, DeliveryLineId, OrderLineId, PartyId, ShipmentLineId},
};
use sqlx::{FromRow, PgConnection, Row as _, postgres::PgRow};

use super::coded;
use crate::domain::delivery::{Delivery, DeliveryLine, DeliveryState, Proof};

impl<'r> FromRow<'r, PgRow> for Delivery {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        let code: String = row.try_get("state")?;
        let signed: (Option<String>, Option<DateTime<Utc>>, Option<String>) =
            (row.try_get("signed_by")?, row.try_get("handed_over_at")?, row.try_get("reserves")?);
        let proof = match signed {
            (Some(signed_by), Some(handed_over_at), Some(reserves)) => {
                Some(Proof { signed_by, handed_over_at, reserves })
            }
            _ => None,
        };
        let state = DeliveryState::from_stored(&code, proof)
            .map_err(|error| sqlx::Error::ColumnDecode { index: "state".to_owned(), source: Box::new(error) })?;
        Ok(Self {
            id: row.try_get("delivery_id")?,
            group_id: row.try_get("group_id")?,
            number: row.try_get("number")?,
            pooled_order_id: row.try_get("pooled_order_id")?,
            shipment_id: row.try_get("shipment_id")?,
            party_id: row.try_get("party_id")?,
            site_id: row.try_get("site_id")?,
            route: coded(row, "route")?,
            operator_party_id: row.try_get("operator_party_id")?,
            direct_supplier_id: row.try_get("direct_supplier_id")?,
            state,
            units: row.try_get("units")?,
            version: row.try_get("version")?,
        })
    }
}

impl<'r> FromRow<'r, PgRow> for DeliveryLine {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("delivery_line_id")?,
            order_line_id: row.try_get("order_line_id")?,
            article_id: row.try_get("article_id")?,
            units: row.try_get("units")?,
            batch: row.try_get("batch")?,
            expires_on: row.try_get("expires_on")?,
            accepted: row.try_get("units_accepted")?,
            refused: row.try_get("units_refused")?,
        })
    }
}

/// Stores a new delivery, PREPARED or (direct) DISPATCHED, with its lines and the shipment line that each came in.
///
/// # Errors
/// When the database is away.
pub async fn insert_delivery(
    conn: &mut PgConnection,
    delivery: &Delivery,
    at: DateTime<Utc>,
    lines: &[(DeliveryLine, ShipmentLineId)],
) -> Result<(), Failure> {
    let dispatched_at = (delivery.state != DeliveryState::Prepared).then_some(at);
    sqlx::query(
        "INSERT INTO delivery (group_id, delivery_id, number, pooled_order_id, shipment_id, party_id, site_id, route, operator_party_id,
           direct_supplier_id, state, units, version, prepared_at, dispatched_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
    )
    .bind(delivery.group_id)
    .bind(delivery.id)
    .bind(&delivery.number)
    .bind(delivery.pooled_order_id)
    .bind(delivery.shipment_id)
    .bind(delivery.party_id)
    .bind(delivery.site_id)
    .bind(delivery.route.code())
    .bind(delivery.operator_party_id)
    .bind(delivery.direct_supplier_id)
    .bind(delivery.state.code())
    .bind(delivery.units)
    .bind(delivery.version)
    .bind(at)
    .bind(dispatched_at)
    .execute(&mut *conn)
    .await?;
    insert_lines(conn, delivery, lines).await?;
    Ok(())
}

async fn insert_lines(
    conn: &mut PgConnection,
    delivery: &Delivery,
    lines: &[(DeliveryLine, ShipmentLineId)],
) -> Result<(), sqlx::Error> {
    let ids: Vec<DeliveryLineId> = lines.iter().map(|(line, _)| line.id).collect();
    let order_lines: Vec<OrderLineId> = lines.iter().map(|(line, _)| line.order_line_id).collect();
    let shipment_lines: Vec<ShipmentLineId> = lines.iter().map(|(_, from)| *from).collect();
    let articles: Vec<ArticleId> = lines.iter().map(|(line, _)| line.article_id).collect();
    let units: Vec<i64> = lines.iter().map(|(line, _)| line.units).collect();
    let batches: Vec<&str> = lines.iter().map(|(line, _)| line.batch.as_str()).collect();
    let expires: Vec<Option<NaiveDate>> = lines.iter().map(|(line, _)| line.expires_on).collect();
    sqlx::query(
        "INSERT INTO delivery_line (group_id, delivery_id, party_id, operator_party_id, direct_supplier_id, delivery_line_id, order_line_id,
           shipment_line_id, article_id, units, batch, expires_on)
         SELECT $1, $2, $3, $4, $5, n.*
         FROM unnest($6::uuid[], $7::uuid[], $8::uuid[], $9::uuid[], $10::bigint[], $11::text[], $12::date[]) AS n",
    )
    .bind(delivery.group_id)
    .bind(delivery.id)
    .bind(delivery.party_id)
    .bind(delivery.operator_party_id)
    .bind(delivery.direct_supplier_id)
    .bind(ids)
    .bind(order_lines)
    .bind(shipment_lines)
    .bind(articles)
    .bind(units)
    .bind(batches)
    .bind(expires)
    .execute(conn)
    .await?;
    Ok(())
}

/// A delivery, unlocked.
pub async fn find_delivery(
    conn: &mut PgConnection,
    mine: Option<PartyId>,
    id: DeliveryId,
) -> Result<Option<Delivery>, sqlx::Error> {
    sqlx::query_as(
        "SELECT * FROM delivery
         WHERE delivery_id = $1 AND ($2::uuid IS NULL OR $2 IN (party_id, operator_party_id, direct_supplier_id))",
    )
    .bind(id)
    .bind(mine)
    .fetch_optional(conn)
    .await
}

/// A delivery, locked. When order lines change too, lock the order first.
pub async fn lock_delivery(conn: &mut PgConnection, id: DeliveryId) -> Result<Option<Delivery>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM delivery WHERE delivery_id = $1 FOR UPDATE").bind(id).fetch_optional(conn).await
}

/// Lines of a delivery, by id.
pub async fn list_lines(conn: &mut PgConnection, id: DeliveryId) -> Result<Vec<DeliveryLine>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM delivery_line WHERE delivery_id = $1 ORDER BY delivery_line_id")
        .bind(id)
        .fetch_all(conn)
        .await
}

/// A page of deliveries after an id.
pub async fn list_deliveries(
    conn: &mut PgConnection,
    mine: Option<PartyId>,
    state: Option<&str>,
    after: Option<DeliveryId>,
    limit: i64,
) -> Result<Vec<Delivery>, sqlx::Error> {
    sqlx::query_as(
        "SELECT * FROM delivery
         WHERE ($1::uuid IS NULL OR delivery_id > $1) AND ($2::text IS NULL OR state = $2)
           AND ($3::uuid IS NULL OR $3 IN (party_id, operator_party_id, direct_supplier_id))
         ORDER BY delivery_id LIMIT $4",
    )
    .bind(after)
    .bind(state)
    .bind(mine)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Saves a delivery's new state; its version was raised by one.
///
/// # Errors
/// Internal when the row is not the one that was locked.
pub async fn save_state(
    conn: &mut PgConnection,
    delivery: &Delivery,
    at: DateTime<Utc>,
    by: &str,
) -> Result<(), Failure> {
    let proof = delivery.state.proof();
    let certified = matches!(delivery.state, DeliveryState::Certified(_));
    let saved = sqlx::query(
        "UPDATE delivery SET state = $2, version = $3, signed_by = $4, handed_over_at = $5, reserves = $6,
           dispatched_at = coalesce(dispatched_at, $7), certified_at = $8, certified_by = $9
         WHERE delivery_id = $1 AND version = $3 - 1",
    )
    .bind(delivery.id)
    .bind(delivery.state.code())
    .bind(delivery.version)
    .bind(proof.map(|proof| &proof.signed_by))
    .bind(proof.map(|proof| proof.handed_over_at))
    .bind(proof.map(|proof| &proof.reserves))
    .bind(at)
    .bind(certified.then_some(at))
    .bind(certified.then_some(by))
    .execute(conn)
    .await?;
    one_row(&saved, "delivery")
}

/// Saves what was accepted and refused of each line.
///
/// # Errors
/// When the database is away.
pub async fn save_certified(conn: &mut PgConnection, lines: &[DeliveryLine]) -> Result<(), Failure> {
    let ids: Vec<DeliveryLineId> = lines.iter().map(|line| line.id).collect();
    let accepted: Vec<i64> = lines.iter().map(|line| line.accepted).collect();
    let refused: Vec<i64> = lines.iter().map(|line| line.refused).collect();
    sqlx::query(
        "UPDATE delivery_line l SET units_accepted = n.accepted, units_refused = n.refused
         FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS n (id, accepted, refused) WHERE l.delivery_line_id = n.id",
    )
    .bind(ids)
    .bind(accepted)
    .bind(refused)
    .execute(conn)
    .await?;
    Ok(())
}
