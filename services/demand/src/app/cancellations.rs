//! Booking units that never come: on the order lines, the pooled lines and the order, with a process that gives the cents back
//! to the ceiling. One way for a supplier's answer and for what logistics reports.

use std::collections::BTreeMap;

use kit::{
    Failure,
    db::Tx,
    id::{GroupId, OrderLineId, PlanLineId},
    telemetry,
};
use proto::demand::v1::UnitsCancelled;
use uuid::Uuid;

use crate::{
    domain::{order::Books, packs, process::Step},
    store::{
        books::{self, LineBooks},
        orders::Order,
        processes::{self, NewProcess},
    },
};

/// Why units never come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The supplier refused them.
    Answer,
    /// Logistics reported that they will not arrive.
    Shipment,
}

impl Cause {
    const fn name(self) -> &'static str {
        match self {
            Self::Answer => "ANSWER",
            Self::Shipment => "SHIPMENT",
        }
    }
}

/// Books `cancelled` units of lines of a locked pooled order; returns the event to append last, none when nothing is cancelled.
pub(super) async fn book(
    tx: &mut Tx,
    group: GroupId,
    order: &Order,
    cancelled: &[(&LineBooks, i64)],
    cause: Cause,
    approved_by: &str,
) -> Result<Option<UnitsCancelled>, Failure> {
    let mut after: Vec<(OrderLineId, Books)> = Vec::with_capacity(cancelled.len());
    let mut per_pooled: BTreeMap<PlanLineId, i64> = BTreeMap::new();
    let mut cents = 0_i64;
    for &(line, units) in cancelled {
        if units == 0 {
            continue;
        }
        let books = line.books().cancel(&line.id, units)?;
        cents += books.cancelled_cents - line.books().cancelled_cents;
        *per_pooled.entry(line.pooled_line_id).or_default() += units;
        after.push((line.id, books));
    }
    let per_pooled: Vec<(PlanLineId, i64)> = per_pooled.into_iter().collect();
    let units = packs::sum(&per_pooled.iter().map(|line| line.1).collect::<Vec<_>>()).map_err(Failure::internal)?;
    if units == 0 {
        return Ok(None);
    }
    books::save_lines(tx.conn(), group, &after).await?;
    books::add_cancelled(tx.conn(), group, order.row.id, &per_pooled, cents).await?;
    // An order placed before Centrale reserved nothing: what never comes of it stays in the lot's opening consumption, a declared
    // figure that nobody lowers.
    if cents > 0 && order.row.opening_party_id.is_none() {
        let process = NewProcess {
            id: Uuid::now_v7(),
            order: order.row.id,
            step: Step::Release,
            amount_cents: Some(cents),
            approved_by: approved_by.to_owned(),
        };
        processes::insert(tx.conn(), group, &telemetry::current_trace_parent(), &process).await?;
    }
    let pooled_order_id = order.row.id.to_string();
    Ok(Some(UnitsCancelled { pooled_order_id, units, amount_cents: cents, cause: cause.name().to_owned() }))
}
