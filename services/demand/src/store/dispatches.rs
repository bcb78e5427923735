//! Dispatches: placed orders on their way to their suppliers. Any replica of the sender may lease one.

use std::time::Duration;

use chrono::{DateTime, Utc};
use kit::{
    Failure,
    db::{corrupt, one_row},
    id::{DispatchId, GroupId, PartyId, PooledOrderId},
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::orders::Order;
use crate::domain::dispatch::DispatchState;

/// A dispatch.
#[derive(Debug, Clone)]
pub struct Dispatch {
    /// Its row.
    pub row: DispatchRow,
    /// Its state.
    pub state: DispatchState,
}

/// The row of a dispatch.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct DispatchRow {
    /// Group.
    pub group_id: GroupId,
    /// Its id.
    pub id: DispatchId,
    /// What is sent.
    pub pooled_order_id: PooledOrderId,
    /// To whom.
    pub supplier_id: PartyId,
    state: String,
    /// 1, and one more each time somebody asks to send it again.
    pub sending: i32,
    /// Failures of this sending in a row.
    pub attempts: i32,
    /// Who sends it at present.
    pub holder: Option<Uuid>,
    /// Not before.
    pub next_try_at: DateTime<Utc>,
    /// What went wrong last; empty when nothing did.
    pub last_error: String,
    /// Address that the last mail went to.
    pub sent_to: Option<String>,
    /// Its Message-ID.
    pub message_id: Option<String>,
    /// When, business time.
    pub sent_at: Option<DateTime<Utc>>,
}

impl TryFrom<DispatchRow> for Dispatch {
    type Error = Failure;

    fn try_from(row: DispatchRow) -> Result<Self, Failure> {
        let state = DispatchState::parse(&row.state).ok_or_else(|| corrupt("dispatch", "state", row.id))?;
        Ok(Self { row, state })
    }
}

const COLUMNS: &str = "d.group_id, d.id, d.pooled_order_id, d.supplier_id, d.state, d.sending, d.attempts, d.holder, d.next_try_at, d.last_error, \
     d.sent_to, d.message_id, d.sent_at";

/// Lets a placed order be sent, in the transaction that places it.
pub async fn insert(conn: &mut PgConnection, order: &Order) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO dispatch (group_id, id, pooled_order_id, supplier_id, state) VALUES ($1, $2, $3, $4, 'WAITING')",
    )
    .bind(order.row.group_id)
    .bind(DispatchId::new())
    .bind(order.row.id)
    .bind(order.row.supplier_id)
    .execute(conn)
    .await?;
    Ok(())
}

/// Leases those that have waited longest, of any group; those being leased by others are passed by.
pub async fn lease(
    conn: &mut PgConnection,
    holder: Uuid,
    lease: Duration,
    limit: i64,
) -> Result<Vec<Dispatch>, Failure> {
    let rows: Vec<DispatchRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "UPDATE dispatch d SET holder = $1, lease_until = clock_timestamp() + make_interval(secs => $2::bigint / 1000.0)
         FROM (SELECT group_id, id FROM dispatch
               WHERE state = 'WAITING' AND next_try_at <= clock_timestamp()
                 AND (lease_until IS NULL OR lease_until < clock_timestamp())
               ORDER BY next_try_at LIMIT $3 FOR UPDATE SKIP LOCKED) c
         WHERE d.group_id = c.group_id AND d.id = c.id RETURNING {COLUMNS}"
    )))
    .bind(holder)
    .bind(i64::try_from(lease.as_millis()).map_err(Failure::internal)?)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Dispatch::try_from).collect()
}

/// A dispatch of the group that nobody can change until the transaction ends.
pub async fn lock(conn: &mut PgConnection, group: GroupId, id: DispatchId) -> Result<Option<Dispatch>, Failure> {
    let row: Option<DispatchRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM dispatch d WHERE d.group_id = $1 AND d.id = $2 FOR UPDATE"
    )))
    .bind(group)
    .bind(id)
    .fetch_optional(conn)
    .await?;
    row.map(Dispatch::try_from).transpose()
}

/// As [`lock`], by the order that it sends.
pub async fn lock_of_order(
    conn: &mut PgConnection,
    group: GroupId,
    order: PooledOrderId,
) -> Result<Option<Dispatch>, Failure> {
    let row: Option<DispatchRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM dispatch d WHERE d.group_id = $1 AND d.pooled_order_id = $2 FOR UPDATE"
    )))
    .bind(group)
    .bind(order)
    .fetch_optional(conn)
    .await?;
    row.map(Dispatch::try_from).transpose()
}

/// Dispatches of a group by id, of one order or all.
pub async fn list(
    conn: &mut PgConnection,
    group: GroupId,
    order: Option<PooledOrderId>,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Dispatch>, Failure> {
    let rows: Vec<DispatchRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM dispatch d
         WHERE d.group_id = $1 AND ($2::uuid IS NULL OR d.pooled_order_id = $2) AND d.id > $3 ORDER BY d.id LIMIT $4"
    )))
    .bind(group)
    .bind(order)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Dispatch::try_from).collect()
}

/// A mail that a server took.
#[derive(Debug, Clone, Copy)]
pub struct Mail<'a> {
    /// Its address.
    pub to: &'a str,
    /// Its Message-ID.
    pub message_id: &'a str,
}

/// WAITING → SENT.
pub async fn save_sent(
    conn: &mut PgConnection,
    dispatch: &DispatchRow,
    mail: Mail<'_>,
    at: DateTime<Utc>,
) -> Result<(), Failure> {
    let result = sqlx::query(
        "UPDATE dispatch SET state = 'SENT', sent_to = $3, message_id = $4, sent_at = $5, last_error = '', attempts = 0,
           holder = NULL, lease_until = NULL WHERE group_id = $1 AND id = $2 AND state = 'WAITING'",
    )
    .bind(dispatch.group_id)
    .bind(dispatch.id)
    .bind(mail.to)
    .bind(mail.message_id)
    .bind(at)
    .execute(conn)
    .await?;
    one_row(&result, "dispatch")
}

/// WAITING → NO_ADDRESS or FAILED.
pub async fn save_unsent(
    conn: &mut PgConnection,
    dispatch: &DispatchRow,
    state: DispatchState,
    error: &str,
) -> Result<(), Failure> {
    let result = sqlx::query(
        "UPDATE dispatch SET state = $3, last_error = $4, holder = NULL, lease_until = NULL
         WHERE group_id = $1 AND id = $2 AND state = 'WAITING'",
    )
    .bind(dispatch.group_id)
    .bind(dispatch.id)
    .bind(state.name())
    .bind(error)
    .execute(conn)
    .await?;
    one_row(&result, "dispatch")
}

/// Gives a dispatch back, to be tried again after a wait.
pub async fn postpone(
    conn: &mut PgConnection,
    dispatch: &DispatchRow,
    error: &str,
    wait: Duration,
) -> Result<(), Failure> {
    let result = sqlx::query(
        "UPDATE dispatch SET attempts = attempts + 1, last_error = $3, holder = NULL, lease_until = NULL,
           next_try_at = clock_timestamp() + make_interval(secs => $4::bigint / 1000.0)
         WHERE group_id = $1 AND id = $2 AND state = 'WAITING'",
    )
    .bind(dispatch.group_id)
    .bind(dispatch.id)
    .bind(error)
    .bind(i64::try_from(wait.as_millis()).map_err(Failure::internal)?)
    .execute(conn)
    .await?;
    one_row(&result, "dispatch")
}

/// To be sent now, as a new mail unless the last one never left.
pub async fn save_again(conn: &mut PgConnection, dispatch: &DispatchRow, sending: i32) -> Result<(), Failure> {
    let result = sqlx::query(
        "UPDATE dispatch SET state = 'WAITING', sending = $3, attempts = 0, last_error = '', holder = NULL, lease_until = NULL,
           next_try_at = clock_timestamp() WHERE group_id = $1 AND id = $2",
    )
    .bind(dispatch.group_id)
    .bind(dispatch.id)
    .bind(sending)
    .execute(conn)
    .await?;
    one_row(&result, "dispatch")
}
