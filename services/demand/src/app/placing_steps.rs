//! What each step of a process does to the database, in one transaction that checks lease and step first. A step that is stored
//! twice, or after its lease was lost, changes nothing the second time.

use std::time::Duration;

use kit::{
    Failure,
    db::{Db, Tx},
    id::ReservationId,
};
use proto::demand::v1::{OrderPlaced, RoundChanged};
use uuid::Uuid;

pub use crate::store::processes::Job;
use crate::{
    domain::{
        process::{Step, backoff},
        reason::{Reason, summarised},
    },
    store::{
        dispatches,
        orders::{self, Order},
        plans, processes, rounds,
    },
};

/// Claims the next process that is due; none when all is done or being done.
///
/// # Errors
/// When the database is away.
pub async fn claim(db: &Db, holder: Uuid, lease: Duration) -> Result<Option<Job>, Failure> {
    let mut tx = db.begin_worker().await?;
    let job = processes::claim(tx.conn(), holder, lease).await?;
    tx.commit().await?;
    Ok(job)
}

/// A transaction in the job's group that holds its process and its order; none when the lease was lost.
async fn held(db: &Db, job: &Job) -> Result<Option<(Tx, Order)>, Failure> {
    let mut tx = db.begin_worker().await?;
    tx.enter(job.group).await?;
    if !processes::hold(tx.conn(), job).await? {
        tx.rollback().await?;
        return Ok(None);
    }
    let order = orders::lock(tx.conn(), job.group, job.order).await?;
    let order = order.ok_or_else(|| Failure::internal(format!("process {} has no order", job.id)))?;
    Ok(Some((tx, order)))
}

/// RESERVE succeeded. False when the lease was lost.
///
/// # Errors
/// When the database is away.
pub async fn reserved(db: &Db, job: &Job, reservation: ReservationId, reasons: Vec<Reason>) -> Result<bool, Failure> {
    let Some((mut tx, order)) = held(db, job).await? else { return Ok(false) };
    let reasons = serde_json::to_string(&summarised(reasons)).map_err(Failure::internal)?;
    orders::save_reservation(tx.conn(), &order.row, reservation, &reasons).await?;
    processes::advance(tx.conn(), job, Step::Confirm, None).await?;
    tx.commit().await?;
    Ok(true)
}

/// CONFIRM succeeded. False when the lease was lost.
///
/// # Errors
/// When the database is away.
pub async fn confirmed(db: &Db, job: &Job) -> Result<bool, Failure> {
    let Some((mut tx, _)) = held(db, job).await? else { return Ok(false) };
    processes::advance(tx.conn(), job, Step::Announce, None).await?;
    tx.commit().await?;
    Ok(true)
}

/// ANNOUNCE: the order is placed and may leave, and the round ordered when it was the plan's last. False when the lease was lost.
///
/// # Errors
/// When the database is away.
pub async fn announced(db: &Db, job: &Job) -> Result<bool, Failure> {
    let Some((mut tx, order)) = held(db, job).await? else { return Ok(false) };
    let now = tx.now().await?;
    orders::save_placed(tx.conn(), &order.row, now).await?;
    dispatches::insert(tx.conn(), &order).await?;
    processes::finish(tx.conn(), job).await?;
    settle_plan(&mut tx, &order).await?;
    tx.append(job.order.uuid(), "demand.order_placed.v1", &placed_event(&order, "")).await?;
    tx.commit().await?;
    Ok(true)
}

/// RESERVE was refused for good: so is the order. False when the lease was lost.
///
/// # Errors
/// When the database is away.
pub async fn refused(db: &Db, job: &Job, reason: &Reason) -> Result<bool, Failure> {
    let Some((mut tx, order)) = held(db, job).await? else { return Ok(false) };
    refuse(&mut tx, job, &order, reason).await?;
    tx.commit().await?;
    Ok(true)
}

/// CONFIRM was refused for good: the reservation is given back next. False when the lease was lost.
///
/// # Errors
/// When the database is away.
pub async fn turned_back(db: &Db, job: &Job, reason: &Reason) -> Result<bool, Failure> {
    let Some((mut tx, _)) = held(db, job).await? else { return Ok(false) };
    let refusal = serde_json::to_string(reason).map_err(Failure::internal)?;
    processes::advance(tx.conn(), job, Step::Undo, Some(&refusal)).await?;
    tx.commit().await?;
    Ok(true)
}

/// UNDO succeeded: the order is refused. False when the lease was lost.
///
/// # Errors
/// When the database is away.
pub async fn undone(db: &Db, job: &Job) -> Result<bool, Failure> {
    let Some((mut tx, order)) = held(db, job).await? else { return Ok(false) };
    let refusal = job.refusal.as_deref().unwrap_or("{}");
    let reason: Reason = serde_json::from_str(refusal).map_err(Failure::internal)?;
    refuse(&mut tx, job, &order, &reason).await?;
    tx.commit().await?;
    Ok(true)
}

/// RELEASE succeeded. False when the lease was lost.
///
/// # Errors
/// When the database is away.
pub async fn released(db: &Db, job: &Job) -> Result<bool, Failure> {
    let Some((mut tx, _)) = held(db, job).await? else { return Ok(false) };
    processes::finish(tx.conn(), job).await?;
    tx.commit().await?;
    Ok(true)
}

/// The step failed and is tried again after a wait. False when the lease was lost.
///
/// # Errors
/// When the database is away.
pub async fn postponed(db: &Db, job: &Job, error: &str) -> Result<bool, Failure> {
    let Some((mut tx, _)) = held(db, job).await? else { return Ok(false) };
    let attempts = u32::try_from(job.attempts).unwrap_or(u32::MAX).saturating_add(1);
    processes::postpone(tx.conn(), job, error, backoff(attempts)).await?;
    tx.commit().await?;
    Ok(true)
}

/// The step can never succeed; the audit reports the process. False when the lease was lost.
///
/// # Errors
/// When the database is away.
pub async fn failed(db: &Db, job: &Job, error: &str) -> Result<bool, Failure> {
    let Some((mut tx, _)) = held(db, job).await? else { return Ok(false) };
    processes::fail(tx.conn(), job, error).await?;
    tx.commit().await?;
    Ok(true)
}

async fn refuse(tx: &mut Tx, job: &Job, order: &Order, reason: &Reason) -> Result<(), Failure> {
    let reasons = serde_json::to_string(&[reason]).map_err(Failure::internal)?;
    orders::save_refused(tx.conn(), &order.row, &reasons).await?;
    processes::finish(tx.conn(), job).await?;
    settle_plan(tx, order).await?;
    tx.append(job.order.uuid(), "demand.order_refused.v1", &placed_event(order, &reason.rule)).await
}

/// Once the last order of the plan has left PLACING, the round is ordered. The plan's lock makes the last one see the others.
async fn settle_plan(tx: &mut Tx, order: &Order) -> Result<(), Failure> {
    let group = order.row.group_id;
    let Some((plan, round)) = order.row.plan_id.zip(order.row.round_id) else {
        return Err(Failure::internal(format!("{} is of no plan and being placed", order.row.id)));
    };
    plans::lock(tx.conn(), group, plan).await?;
    if !orders::all_settled(tx.conn(), group, plan).await? {
        return Ok(());
    }
    let round =
        rounds::lock(tx.conn(), group, round).await?.ok_or_else(|| Failure::not_found("round", round))?.order()?;
    rounds::save_state(tx.conn(), group, &round).await?;
    let event = RoundChanged { round_id: round.id.to_string(), state: round.state.name().to_owned() };
    tx.append(round.id.uuid(), "demand.round_ordered.v1", &event).await
}

fn placed_event(order: &Order, refused_by: &str) -> OrderPlaced {
    let reservation = order.row.reservation_id.filter(|_| refused_by.is_empty());
    OrderPlaced {
        pooled_order_id: order.row.id.to_string(),
        lot_id: order.row.lot_id.to_string(),
        supplier_id: order.row.supplier_id.to_string(),
        reservation_id: reservation.map(|id| id.to_string()).unwrap_or_default(),
        units_ordered: order.row.units_ordered,
        amount_cents: order.row.amount_cents,
        refused_by: refused_by.to_owned(),
    }
}
