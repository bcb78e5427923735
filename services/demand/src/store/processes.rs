//! Rows of long processes. Any replica may claim one; a lease, checked in the transaction of every step, makes its effects
//! happen once.

use std::time::Duration;

use kit::{
    Failure,
    db::{corrupt, one_row},
    id::{GroupId, PooledOrderId},
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::process::Step;

/// A process to be started.
#[derive(Debug, Clone)]
pub struct NewProcess {
    /// Its id.
    pub id: Uuid,
    /// Its pooled order.
    pub order: PooledOrderId,
    /// First step.
    pub step: Step,
    /// RELEASE: cents to give back.
    pub amount_cents: Option<i64>,
    /// Who approved what it does.
    pub approved_by: String,
}

/// A process that this replica has claimed for one step.
#[derive(Debug, Clone)]
pub struct Job {
    /// Group.
    pub group: GroupId,
    /// The process.
    pub id: Uuid,
    /// Its pooled order.
    pub order: PooledOrderId,
    /// The step to be done.
    pub step: Step,
    /// Failures of this step so far.
    pub attempts: i32,
    /// RELEASE: cents to give back.
    pub amount_cents: Option<i64>,
    /// UNDO: why the order will be refused, JSON.
    pub refusal: Option<String>,
    /// Trace of the request that caused it.
    pub trace_parent: String,
    /// The lease's holder.
    pub holder: Uuid,
}

/// Starts processes, in the transaction of what causes them.
pub async fn insert(
    conn: &mut PgConnection,
    group: GroupId,
    trace_parent: &str,
    process: &NewProcess,
) -> Result<(), Failure> {
    let kind = if process.amount_cents.is_some() { "RELEASE" } else { "PLACE_ORDER" };
    sqlx::query(
        "INSERT INTO process (group_id, id, kind, subject_id, step, amount_cents, trace_parent, approved_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(group)
    .bind(process.id)
    .bind(kind)
    .bind(process.order)
    .bind(process.step.name())
    .bind(process.amount_cents)
    .bind(trace_parent)
    .bind(&process.approved_by)
    .execute(conn)
    .await?;
    Ok(())
}

type JobRow = (GroupId, Uuid, PooledOrderId, String, i32, Option<i64>, Option<String>, String);

/// Claims the process that has waited longest, of any group; those being claimed by others are passed by.
pub async fn claim(conn: &mut PgConnection, holder: Uuid, lease: Duration) -> Result<Option<Job>, Failure> {
    let row: Option<JobRow> = sqlx::query_as(
        "UPDATE process p SET holder = $1, lease_until = clock_timestamp() + make_interval(secs => $2::bigint / 1000.0)
         FROM (SELECT group_id, id FROM process
               WHERE state = 'RUNNING' AND next_try_at <= clock_timestamp()
                 AND (lease_until IS NULL OR lease_until < clock_timestamp())
               ORDER BY next_try_at LIMIT 1 FOR UPDATE SKIP LOCKED) c
         WHERE p.group_id = c.group_id AND p.id = c.id
         RETURNING p.group_id, p.id, p.subject_id, p.step, p.attempts, p.amount_cents, p.refusal::text, p.trace_parent",
    )
    .bind(holder)
    .bind(i64::try_from(lease.as_millis()).map_err(Failure::internal)?)
    .fetch_optional(conn)
    .await?;
    let Some((group, id, order, step, attempts, amount_cents, refusal, trace_parent)) = row else { return Ok(None) };
    let step = Step::parse(&step).ok_or_else(|| corrupt("process", "step", id))?;
    Ok(Some(Job { group, id, order, step, attempts, amount_cents, refusal, trace_parent, holder }))
}

/// Locks a claimed process; whether it is still ours and still at this step.
pub async fn hold(conn: &mut PgConnection, job: &Job) -> Result<bool, Failure> {
    let held = sqlx::query(
        "SELECT FROM process WHERE group_id = $1 AND id = $2 AND step = $3 AND holder = $4 AND state = 'RUNNING' FOR UPDATE",
    )
    .bind(job.group)
    .bind(job.id)
    .bind(job.step.name())
    .bind(job.holder)
    .execute(conn)
    .await?;
    Ok(held.rows_affected() == 1)
}

/// Moves a held process to its next step, free for anybody. `refusal` goes with UNDO.
pub async fn advance(conn: &mut PgConnection, job: &Job, next: Step, refusal: Option<&str>) -> Result<(), Failure> {
    let result = sqlx::query(
        "UPDATE process SET step = $3, refusal = $4::jsonb, attempts = 0, holder = NULL, lease_until = NULL, last_error = '',
           next_try_at = clock_timestamp() WHERE group_id = $1 AND id = $2",
    )
    .bind(job.group)
    .bind(job.id)
    .bind(next.name())
    .bind(refusal)
    .execute(conn)
    .await?;
    one_row(&result, "process")
}

/// Ends a held process.
pub async fn finish(conn: &mut PgConnection, job: &Job) -> Result<(), Failure> {
    end(conn, job, "DONE", "").await
}

/// Ends a held process that can never succeed, for people to look at.
pub async fn fail(conn: &mut PgConnection, job: &Job, error: &str) -> Result<(), Failure> {
    end(conn, job, "FAILED", error).await
}

async fn end(conn: &mut PgConnection, job: &Job, state: &str, error: &str) -> Result<(), Failure> {
    let result = sqlx::query(
        "UPDATE process SET state = $3, last_error = $4, holder = NULL, lease_until = NULL WHERE group_id = $1 AND id = $2",
    )
    .bind(job.group)
    .bind(job.id)
    .bind(state)
    .bind(error)
    .execute(conn)
    .await?;
    one_row(&result, "process")
}

/// Gives a held process back to be tried again after a wait.
pub async fn postpone(conn: &mut PgConnection, job: &Job, error: &str, wait: Duration) -> Result<(), Failure> {
    let result = sqlx::query(
        "UPDATE process SET attempts = attempts + 1, last_error = $3, holder = NULL, lease_until = NULL,
           next_try_at = clock_timestamp() + make_interval(secs => $4::bigint / 1000.0) WHERE group_id = $1 AND id = $2",
    )
    .bind(job.group)
    .bind(job.id)
    .bind(error)
    .bind(i64::try_from(wait.as_millis()).map_err(Failure::internal)?)
    .execute(conn)
    .await?;
    one_row(&result, "process")
}
