//! Taking what logistics reports into the books: units that never come, and deliveries that members certified.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use kit::{
    Failure,
    db::Tx,
    events::Effect,
    id::{GroupId, OrderLineId, PooledOrderId},
};
use prost::Message as _;
use proto::{
    demand::v1::UnitsDelivered,
    events::v1::Event,
    logistics::v1::{DeliveryCertified, LineUnits, UnitsCancelled},
};

use super::{
    App,
    cancellations::{self, Cause},
};
use crate::{
    domain::{order::Books, packs},
    store::{
        books::{self, LineBooks},
        figures,
        orders::{self, Order},
    },
};

/// The effect of logistics' events on the books of order lines. An event that would book more than was ordered fails, parks,
/// and waits for people: nothing of it is booked.
pub struct Booking;

impl Booking {
    /// Books into the database of whoever reads the log.
    #[must_use]
    pub fn new(_app: App) -> Self {
        Self
    }
}

#[tonic::async_trait]
impl Effect for Booking {
    fn kinds(&self) -> &'static [&'static str] {
        &["logistics.units_cancelled.v1", "logistics.delivery_certified.v1"]
    }

    async fn apply(&self, tx: &mut Tx, event: &Event) -> Result<(), Failure> {
        let group = GroupId::from_uuid(event.group_id.parse().map_err(Failure::internal)?);
        match event.kind.as_str() {
            "logistics.units_cancelled.v1" => {
                let cancelled = UnitsCancelled::decode(event.payload.clone()).map_err(Failure::internal)?;
                book_cancelled(tx, group, &cancelled, &event.actor).await
            }
            "logistics.delivery_certified.v1" => {
                let certified = DeliveryCertified::decode(event.payload.clone()).map_err(Failure::internal)?;
                let at = DateTime::from_timestamp_micros(event.recorded_at_us)
                    .ok_or_else(|| Failure::internal("an event without a time"))?;
                book_delivered(tx, group, &certified, at).await
            }
            _ => Ok(()),
        }
    }
}

async fn book_cancelled(tx: &mut Tx, group: GroupId, event: &UnitsCancelled, actor: &str) -> Result<(), Failure> {
    let (order, lines, units) = named_lines(tx, group, &event.pooled_order_id, &event.lines).await?;
    let cancelled: Vec<(&LineBooks, i64)> = lines.iter().zip(units).collect();
    if let Some(event) = cancellations::book(tx, group, &order, &cancelled, Cause::Shipment, actor).await? {
        tx.append(order.row.id.uuid(), "demand.units_cancelled.v1", &event).await?;
    }
    Ok(())
}

/// On the legal day on which logistics recorded the certificate.
async fn book_delivered(
    tx: &mut Tx,
    group: GroupId,
    event: &DeliveryCertified,
    certified_at: DateTime<Utc>,
) -> Result<(), Failure> {
    let (order, lines, units) = named_lines(tx, group, &event.pooled_order_id, &event.accepted).await?;
    let total = packs::sum(&units).map_err(Failure::internal)?;
    if total == 0 {
        return Ok(());
    }
    let mut after: Vec<(OrderLineId, Books)> = Vec::with_capacity(lines.len());
    let mut come: Vec<(OrderLineId, i64)> = Vec::with_capacity(lines.len());
    for (line, units) in lines.iter().zip(units) {
        after.push((line.id, line.books().deliver(&line.id, units)?));
        come.push((line.id, units));
    }
    books::save_lines(tx.conn(), group, &after).await?;
    let day = tx.day_of(certified_at).await?;
    figures::add_delivered(tx.conn(), group, day, &come).await?;
    let event = UnitsDelivered { pooled_order_id: order.row.id.to_string(), units: total };
    tx.append(order.row.id.uuid(), "demand.units_delivered.v1", &event).await
}

/// Locks the order and reads the lines that an event names, with the units of each; a line named twice counts once with the sum.
async fn named_lines(
    tx: &mut Tx,
    group: GroupId,
    order: &str,
    named: &[LineUnits],
) -> Result<(Order, Vec<LineBooks>, Vec<i64>), Failure> {
    let id: PooledOrderId = order.parse().map_err(Failure::internal)?;
    let mut units: HashMap<OrderLineId, i64> = HashMap::with_capacity(named.len());
    for line in named {
        if line.units < 0 {
            return Err(Failure::internal(format!("{} units of {}", line.units, line.order_line_id)));
        }
        let id: OrderLineId = line.order_line_id.parse().map_err(Failure::internal)?;
        let sum = units.entry(id).or_default();
        *sum = sum.checked_add(line.units).ok_or_else(|| Failure::internal("units exceed 64 bits"))?;
    }
    let order = orders::lock(tx.conn(), group, id).await?.ok_or_else(|| Failure::not_found("pooled order", id))?;
    let ids: Vec<OrderLineId> = units.keys().copied().collect();
    let lines = books::lines(tx.conn(), group, id, Some(&ids)).await?;
    if lines.len() != ids.len() {
        return Err(Failure::internal(format!("{id} has {} of the {} lines named", lines.len(), ids.len())));
    }
    let units = lines.iter().map(|line| units.get(&line.id).copied().unwrap_or_default()).collect();
    Ok((order, lines, units))
}
