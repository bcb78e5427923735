//! The worker that carries processes on: it claims one step, calls tendering, and stores what came of it
//! ([`super::placing_steps`]). Every replica runs several; any of them may die at any moment, and another goes on from what is
//! stored. A call is repeated with the same request id until its answer is stored, so its effect happens once.
//!
//! Crash tests make the process die at `demand:STEP:POINT` ([`kit::fail_at`]), STEP a name of [`Step`], POINT `before` (nothing done
//! yet), `called` (tendering has answered, nothing is stored) or `after` (the step is stored).

use std::{collections::BTreeMap, time::Duration};

use kit::{Failure, fail_at::FailAt, id::ReservationId, identity::Scope, telemetry};
use proto::tendering::v1::{
    ConfirmReservationRequest, ReleaseReservationRequest, ReservationShare, ReserveRequest,
    tendering_service_client::TenderingServiceClient,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tracing::Instrument as _;
use uuid::Uuid;

use super::{
    App,
    placing_steps::{self as steps, Job},
};
use crate::{
    convert::plans::reason as reason_from_proto,
    domain::{
        process::{Step, request_id},
        reason::{Reason, of_refusal},
    },
    store::{books, orders},
};

/// Steps that one process carries out at once.
const WORKERS: usize = 4;
/// How long a worker sleeps when nothing is due.
const POLL: Duration = Duration::from_millis(200);
/// How long a worker sleeps when the database is away.
const DATABASE_AWAY: Duration = Duration::from_secs(1);
/// Deadline of a call, well within the lease.
const CALL_DEADLINE: Duration = Duration::from_secs(10);

/// How processes are carried on.
#[derive(Debug, Clone)]
pub struct Placing {
    /// How long a step stays with the worker that claimed it, before another may take it over.
    pub lease: Duration,
    /// Where a test wants the process to die.
    pub fail_at: FailAt,
}

/// Carries processes on until stopped.
pub async fn run(app: App, placing: Placing, stop: CancellationToken) {
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS {
        workers.spawn(work(app.clone(), placing.clone(), stop.clone()));
    }
    while workers.join_next().await.is_some() {}
}

async fn work(app: App, placing: Placing, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let wait = match app.carry_on(&placing).await {
            Ok(true) => continue,
            Ok(false) => POLL,
            Err(error) => {
                tracing::warn!(%error, "process not carried on, trying again");
                DATABASE_AWAY
            }
        };
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// What a call came to.
enum Outcome {
    Reserved(ReservationId, Vec<Reason>),
    Done,
}

impl App {
    /// Carries out one step of one process; whether any was due.
    async fn carry_on(&self, placing: &Placing) -> Result<bool, Failure> {
        let Some(job) = steps::claim(&self.db, Uuid::now_v7(), placing.lease).await? else { return Ok(false) };
        let span =
            tracing::info_span!("process.step", process.id = %job.id, step = job.step.name(), order.id = %job.order);
        telemetry::continue_trace(&span, &job.trace_parent);
        self.carry_out(&job, &placing.fail_at).instrument(span).await?;
        Ok(true)
    }

    async fn carry_out(&self, job: &Job, fail_at: &FailAt) -> Result<(), Failure> {
        fail_at.reached(job.step.name(), "before");
        let outcome = self.call(job).await;
        fail_at.reached(job.step.name(), "called");
        let stored = match outcome {
            Ok(outcome) => self.store(job, outcome).await,
            Err(failure) if is_refusal(&failure) => self.store_refusal(job, &failure).await,
            Err(failure) => Err(failure),
        };
        let kept = match stored {
            Ok(kept) => kept,
            Err(failure) => {
                if !failure.is_transient() {
                    tracing::error!(error = %failure, step = job.step.name(), "step failed unexpectedly, trying again");
                }
                // Should the step have been stored after all, this finds the lease gone.
                steps::postponed(&self.db, job, &failure.to_string()).await?
            }
        };
        if !kept {
            tracing::warn!(step = job.step.name(), "lease lost: another replica carries on");
        }
        fail_at.reached(job.step.name(), "after");
        Ok(())
    }

    async fn store(&self, job: &Job, outcome: Outcome) -> Result<bool, Failure> {
        match (job.step, outcome) {
            (Step::Reserve, Outcome::Reserved(reservation, reasons)) => {
                steps::reserved(&self.db, job, reservation, reasons).await
            }
            (Step::Confirm, Outcome::Done) => steps::confirmed(&self.db, job).await,
            (Step::Announce, Outcome::Done) => steps::announced(&self.db, job).await,
            (Step::Undo, Outcome::Done) => steps::undone(&self.db, job).await,
            (Step::Release, Outcome::Done) => steps::released(&self.db, job).await,
            (Step::Reserve, Outcome::Done)
            | (Step::Confirm | Step::Announce | Step::Undo | Step::Release, Outcome::Reserved(..)) => {
                Err(Failure::internal(format!("{} came to what is not its own", job.step.name())))
            }
        }
    }

    async fn store_refusal(&self, job: &Job, failure: &Failure) -> Result<bool, Failure> {
        let facts: BTreeMap<String, String> = failure.metadata().into_iter().collect();
        let reason = of_refusal(&failure.reason(), facts);
        match job.step {
            Step::Reserve => steps::refused(&self.db, job, &reason).await,
            Step::Confirm => steps::turned_back(&self.db, job, &reason).await,
            // Already given back: there is nothing left to undo.
            Step::Undo => steps::undone(&self.db, job).await,
            Step::Release | Step::Announce => {
                tracing::error!(error = %failure, step = job.step.name(), "process failed for good");
                steps::failed(&self.db, job, &failure.to_string()).await
            }
        }
    }

    /// Calls tendering, outside any transaction, as demand itself: the person who approved is in the process's row.
    async fn call(&self, job: &Job) -> Result<Outcome, Failure> {
        match job.step {
            Step::Announce => Ok(Outcome::Done),
            Step::Reserve => self.reserve(job).await,
            Step::Confirm => self.confirm(job).await,
            Step::Undo => self.release(job, None).await,
            Step::Release => self.release(job, job.amount_cents).await,
        }
    }

    async fn reserve(&self, job: &Job) -> Result<Outcome, Failure> {
        let (order, shares) = self.order_of(job).await?;
        let share = |(party, cents): (kit::id::PartyId, i64)| ReservationShare {
            party_id: party.to_string(),
            amount_cents: cents,
        };
        let request = ReserveRequest {
            request_id: request_id(job.id, job.step).to_string(),
            lot_id: order.row.lot_id.to_string(),
            order_id: order.row.id.to_string(),
            shares: shares.into_iter().map(share).collect(),
        };
        let own = Self::own(Scope::Group(job.group));
        let reply = TenderingServiceClient::new(self.tendering.channel())
            .reserve(self.tendering.request_within(&own, request, CALL_DEADLINE)?)
            .await?;
        let reservation =
            reply.into_inner().reservation.ok_or_else(|| Failure::internal("tendering reserved nothing"))?;
        let id = reservation.id.parse().map_err(Failure::internal)?;
        Ok(Outcome::Reserved(
            id,
            reservation.reasons.into_iter().map(|reason| reason_from_proto(Some(reason))).collect(),
        ))
    }

    async fn confirm(&self, job: &Job) -> Result<Outcome, Failure> {
        let (order, _) = self.order_of(job).await?;
        let request = ConfirmReservationRequest {
            request_id: request_id(job.id, job.step).to_string(),
            reservation_id: reservation_of(&order)?,
        };
        let own = Self::own(Scope::Group(job.group));
        TenderingServiceClient::new(self.tendering.channel())
            .confirm_reservation(self.tendering.request_within(&own, request, CALL_DEADLINE)?)
            .await?;
        Ok(Outcome::Done)
    }

    /// Gives back some cents, or all that the order had reserved.
    async fn release(&self, job: &Job, cents: Option<i64>) -> Result<Outcome, Failure> {
        let (order, _) = self.order_of(job).await?;
        let request = ReleaseReservationRequest {
            request_id: request_id(job.id, job.step).to_string(),
            reservation_id: reservation_of(&order)?,
            amount_cents: cents.unwrap_or(order.row.amount_cents),
        };
        let own = Self::own(Scope::Group(job.group));
        TenderingServiceClient::new(self.tendering.channel())
            .release_reservation(self.tendering.request_within(&own, request, CALL_DEADLINE)?)
            .await?;
        Ok(Outcome::Done)
    }

    /// The order of a process, with what each member takes of it.
    async fn order_of(&self, job: &Job) -> Result<(orders::Order, Vec<(kit::id::PartyId, i64)>), Failure> {
        let mut tx = self.db.begin_worker().await?;
        tx.enter(job.group).await?;
        let order = orders::find(tx.conn(), job.order).await?;
        let order = order.ok_or_else(|| Failure::internal(format!("process {} has no order", job.id)))?;
        let shares = match job.step {
            Step::Reserve => books::amounts_by_member(tx.conn(), job.group, job.order).await?,
            Step::Confirm | Step::Announce | Step::Undo | Step::Release => Vec::new(),
        };
        tx.rollback().await?;
        Ok((order, shares))
    }
}

fn reservation_of(order: &orders::Order) -> Result<String, Failure> {
    let id =
        order.row.reservation_id.ok_or_else(|| Failure::internal(format!("{} has no reservation", order.row.id)))?;
    Ok(id.to_string())
}

/// Whether tendering has decided against it for good. Everything else is tried again: a bug or a wrong configuration on the way
/// must not refuse an order.
fn is_refusal(failure: &Failure) -> bool {
    match failure {
        Failure::Remote(status) => {
            matches!(status.code(), Code::FailedPrecondition | Code::NotFound) || failure.reason() == "NOT_ENTITLED"
        }
        Failure::Domain(_) | Failure::Database(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use kit::error::CommonError;
    use tonic::Status;

    use super::*;

    #[test]
    fn only_tenderings_decisions_refuse_an_order() {
        let remote = |code: Code| Failure::from(Status::new(code, "x"));
        for (code, refused) in [
            (Code::FailedPrecondition, true),
            (Code::NotFound, true),
            (Code::Unavailable, false),
            (Code::DeadlineExceeded, false),
            (Code::Internal, false),
            (Code::PermissionDenied, false),
            (Code::Unauthenticated, false),
        ] {
            assert_eq!(is_refusal(&remote(code)), refused, "{code:?}");
        }
        assert!(!is_refusal(&Failure::from(CommonError::Unavailable("x".into()))));
    }
}
