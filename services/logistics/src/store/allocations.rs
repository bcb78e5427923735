//! How receipts and cancellations were shared.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use kit::{
    error::Failure,
    id::{AllocationId, GroupId, OrderLineId, PartyId, PlanLineId, PooledOrderId, ShipmentId, SiteId},
};
use sqlx::{PgConnection, Row as _};

use super::{NESTED_LIMIT, coded, fit};
use crate::domain::{
    expected::Destination,
    sharing::{RULE, Share, Sharing},
    shipment::Shipment,
};

/// What allocations belong to.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    /// Group.
    pub group_id: GroupId,
    /// Order.
    pub pooled_order_id: PooledOrderId,
    /// The shipment that caused them; none when an officer cancelled.
    pub shipment_id: Option<ShipmentId>,
    /// Business time.
    pub at: DateTime<Utc>,
}

impl Origin {
    /// Caused by a shipment.
    #[must_use]
    pub fn of(shipment: &Shipment, at: DateTime<Utc>) -> Self {
        let Shipment { group_id, pooled_order_id, id, .. } = *shipment;
        Self { group_id, pooled_order_id, shipment_id: Some(id), at }
    }
}

/// A sharing-out to store.
#[derive(Debug, Clone, Copy)]
pub struct New<'a> {
    /// Its id.
    pub id: AllocationId,
    /// Where the goods are, or were to be.
    pub destination: Destination,
    /// Who got what.
    pub sharing: &'a Sharing,
}

impl<'a> New<'a> {
    /// With a new id.
    #[must_use]
    pub fn of(destination: Destination, sharing: &'a Sharing) -> Self {
        Self { id: AllocationId::new(), destination, sharing }
    }
}

/// Stores sharings-out with their shares.
///
/// # Errors
/// When the database is away.
pub async fn insert_allocations(conn: &mut PgConnection, origin: &Origin, new: &[New<'_>]) -> Result<(), Failure> {
    let ids: Vec<AllocationId> = new.iter().map(|new| new.id).collect();
    let causes: Vec<&str> = new.iter().map(|new| new.sharing.cause.code()).collect();
    let pooled: Vec<PlanLineId> = new.iter().map(|new| new.sharing.pooled_line_id).collect();
    let sites: Vec<SiteId> = new.iter().map(|new| new.destination.site_id).collect();
    let operators: Vec<Option<PartyId>> = new.iter().map(|new| new.destination.operator_party_id).collect();
    let units: Vec<i64> = new.iter().map(|new| new.sharing.units).collect();
    let steps: Vec<i64> = new.iter().map(|new| new.sharing.step).collect();
    let spoiled: Vec<i64> = new.iter().map(|new| new.sharing.spoiled).collect();
    let texts: Vec<String> = new.iter().map(|new| new.sharing.reason().text).collect();
    let counts: Vec<i64> = new.iter().map(|new| i64::try_from(new.sharing.shares.len()).unwrap_or(i64::MAX)).collect();
    sqlx::query(
        "INSERT INTO allocation (group_id, pooled_order_id, shipment_id, made_at, rule, allocation_id, cause, pooled_line_id,
           destination_site_id, operator_party_id, units, step_units, units_spoiled, rule_text, share_count)
         SELECT $1, $2, $3, $4, $5, n.*
         FROM unnest($6::uuid[], $7::text[], $8::uuid[], $9::uuid[], $10::uuid[], $11::bigint[], $12::bigint[], $13::bigint[],
           $14::text[], $15::bigint[]) AS n",
    )
    .bind(origin.group_id)
    .bind(origin.pooled_order_id)
    .bind(origin.shipment_id)
    .bind(origin.at)
    .bind(RULE)
    .bind(ids)
    .bind(causes)
    .bind(pooled)
    .bind(sites)
    .bind(operators)
    .bind(units)
    .bind(steps)
    .bind(spoiled)
    .bind(texts)
    .bind(counts)
    .execute(&mut *conn)
    .await?;
    insert_shares(conn, origin, new).await?;
    Ok(())
}

async fn insert_shares(conn: &mut PgConnection, origin: &Origin, new: &[New<'_>]) -> Result<(), sqlx::Error> {
    let shares: Vec<(&New<'_>, &Share)> =
        new.iter().flat_map(|new| new.sharing.shares.iter().map(move |share| (new, share))).collect();
    let ids: Vec<AllocationId> = shares.iter().map(|(new, _)| new.id).collect();
    let operators: Vec<Option<PartyId>> = shares.iter().map(|(new, _)| new.destination.operator_party_id).collect();
    let lines: Vec<OrderLineId> = shares.iter().map(|(_, share)| share.order_line_id).collect();
    let parties: Vec<PartyId> = shares.iter().map(|(_, share)| share.party_id).collect();
    let sites: Vec<SiteId> = shares.iter().map(|(_, share)| share.site_id).collect();
    let weights: Vec<i64> = shares.iter().map(|(_, share)| share.weight).collect();
    let units: Vec<i64> = shares.iter().map(|(_, share)| share.units).collect();
    sqlx::query(
        "INSERT INTO allocation_share (group_id, allocation_id, operator_party_id, order_line_id, party_id, site_id, weight_units, units)
         SELECT $1, n.* FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::bigint[], $8::bigint[]) AS n",
    )
    .bind(origin.group_id)
    .bind(ids)
    .bind(operators)
    .bind(lines)
    .bind(parties)
    .bind(sites)
    .bind(weights)
    .bind(units)
    .execute(conn)
    .await?;
    Ok(())
}

/// A stored sharing-out, with the text as it was stored.
#[derive(Debug, Clone)]
pub struct Allocation {
    /// Its id.
    pub id: AllocationId,
    /// What was shared, and how.
    pub sharing: Sharing,
    /// The rule's text, as stored.
    pub rule_text: String,
}

/// A page of allocations after an id, and whether more are left. A member sees those in which it has a share, whole: it can
/// compute them again only with everybody's weights.
///
/// # Errors
/// When the database is away.
pub async fn list_allocations(
    conn: &mut PgConnection,
    mine: Option<PartyId>,
    order: Option<PooledOrderId>,
    after: Option<AllocationId>,
    limit: usize,
) -> Result<(Vec<Allocation>, bool), Failure> {
    let rows = sqlx::query(
        "SELECT * FROM allocation a
         WHERE ($1::uuid IS NULL OR allocation_id > $1) AND ($2::uuid IS NULL OR pooled_order_id = $2)
           AND ($3::uuid IS NULL OR operator_party_id = $3 OR EXISTS (
             SELECT FROM allocation_share s WHERE s.group_id = a.group_id AND s.allocation_id = a.allocation_id AND s.party_id = $3))
         ORDER BY allocation_id LIMIT $4",
    )
    .bind(after)
    .bind(order)
    .bind(mine)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1))
    .fetch_all(&mut *conn)
    .await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let share_count: i64 = row.try_get("share_count")?;
        let sharing = Sharing {
            pooled_line_id: row.try_get("pooled_line_id")?,
            cause: coded(row, "cause")?,
            units: row.try_get("units")?,
            step: row.try_get("step_units")?,
            spoiled: row.try_get("units_spoiled")?,
            shares: Vec::new(),
        };
        found.push((
            Allocation { id: row.try_get("allocation_id")?, sharing, rule_text: row.try_get("rule_text")? },
            share_count,
        ));
    }
    let (found, more) = fit(found, limit, NESTED_LIMIT, |row| row.1);
    let mut allocations: Vec<Allocation> = found.into_iter().map(|row| row.0).collect();
    add_shares(conn, &mut allocations).await?;
    Ok((allocations, more))
}

async fn add_shares(conn: &mut PgConnection, allocations: &mut [Allocation]) -> Result<(), sqlx::Error> {
    let ids: Vec<AllocationId> = allocations.iter().map(|allocation| allocation.id).collect();
    let index: HashMap<AllocationId, usize> = ids.iter().enumerate().map(|(at, id)| (*id, at)).collect();
    let rows = sqlx::query("SELECT * FROM allocation_share WHERE allocation_id = ANY($1) ORDER BY order_line_id")
        .bind(ids)
        .fetch_all(conn)
        .await?;
    for row in &rows {
        if let Some(&at) = index.get(&row.try_get("allocation_id")?) {
            allocations[at].sharing.shares.push(Share {
                order_line_id: row.try_get("order_line_id")?,
                party_id: row.try_get("party_id")?,
                site_id: row.try_get("site_id")?,
                weight: row.try_get("weight_units")?,
                units: row.try_get("units")?,
            });
        }
    }
    Ok(())
}
