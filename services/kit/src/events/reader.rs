//! Reads another service's log; effects happen exactly once.

use std::{sync::Arc, time::Duration};

use prost::Message as _;
use proto::events::v1::{Event, ListEventsRequest, event_log_service_client::EventLogServiceClient};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use uuid::Uuid;

use super::POLL;
use crate::{
    client::Peer,
    db::{Db, Tx},
    doorbell::Doorbell,
    error::Failure,
    id::GroupId,
    identity::{Caller, Scope},
    telemetry,
};

/// Events applied in one transaction at most.
const APPLY_BATCH: i32 = 100;

/// The effect of another service's events on this one. Called in the transaction that moves the cursor, so it happens
/// exactly once; it must not call anything over the network.
#[tonic::async_trait]
pub trait Effect: Send + Sync + 'static {
    /// Kinds of events that have an effect here. All others are passed over without a statement: most of a busy log is none of a
    /// reader's business.
    fn kinds(&self) -> &'static [&'static str];

    /// Applies one event of these kinds. The transaction is already in the event's group.
    async fn apply(&self, tx: &mut Tx, event: &Event) -> Result<(), Failure>;
}

/// Reads another service's log and applies its events.
pub struct Reader<E> {
    /// Our database.
    pub db: Db,
    /// The service read.
    pub source: Peer,
    /// Wakes it.
    pub doorbell: Doorbell,
    /// What events do here.
    pub effect: E,
}

impl<E: Effect> Reader<E> {
    fn name(&self) -> String {
        format!("{}<{}", self.db.schema(), self.source.audience())
    }

    /// Reads and applies until stopped. Any number of replicas may run one: the cursor's row lock lets one move it.
    pub async fn run(self, stop: CancellationToken) {
        let rung = Arc::new(Notify::new());
        let listener =
            tokio::spawn(self.doorbell.clone().listen(self.source.audience().to_owned(), rung.clone(), stop.clone()));
        let mut next_retry = tokio::time::Instant::now();
        loop {
            let worked = match self.step().await {
                Ok(worked) => worked,
                Err(error) => {
                    tracing::warn!(%error, reader = self.name(), "reading failed, trying again");
                    tokio::select! {
                        () = stop.cancelled() => break,
                        () = tokio::time::sleep(Duration::from_millis(500)) => {}
                    }
                    false
                }
            };
            if tokio::time::Instant::now() >= next_retry {
                if let Err(error) = self.retry_parked().await {
                    tracing::warn!(%error, reader = self.name(), "parked events not retried");
                }
                next_retry = tokio::time::Instant::now() + Duration::from_secs(2);
            }
            if stop.is_cancelled() {
                break;
            }
            if !worked {
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = rung.notified() => {}
                    () = tokio::time::sleep(POLL) => {}
                }
            }
        }
        listener.abort();
    }

    /// Reads and applies one run of events; whether there was any.
    ///
    /// # Errors
    /// When the source or the database is away.
    pub async fn step(&self) -> Result<bool, Failure> {
        let name = self.name();
        let after: Option<i64> = {
            let mut tx = self.db.begin_worker().await?;
            let after = sqlx::query_scalar("SELECT position FROM reader_cursor WHERE reader = $1")
                .bind(&name)
                .fetch_optional(tx.conn())
                .await?;
            if after.is_none() {
                sqlx::query("INSERT INTO reader_cursor (reader) VALUES ($1) ON CONFLICT DO NOTHING")
                    .bind(&name)
                    .execute(tx.conn())
                    .await?;
            }
            tx.commit().await?;
            after
        };
        let after = after.unwrap_or(0);
        let request = ListEventsRequest { after, limit: APPLY_BATCH, wait_ms: 0 };
        let caller = Caller::service(self.db.schema(), Scope::Deployment);
        let events = EventLogServiceClient::new(self.source.channel())
            .max_decoding_message_size(64 << 20)
            .list_events(self.source.request(&caller, request)?)
            .await?
            .into_inner()
            .events;
        if events.is_empty() {
            return Ok(false);
        }
        self.apply_run(&name, after, &events).await
    }

    async fn apply_run(&self, name: &str, after: i64, events: &[Event]) -> Result<bool, Failure> {
        let mut tx = self.db.begin_worker().await?;
        let cursor: Option<i64> =
            sqlx::query_scalar("SELECT position FROM reader_cursor WHERE reader = $1 FOR UPDATE SKIP LOCKED")
                .bind(name)
                .fetch_optional(tx.conn())
                .await?;
        // Another replica is at it, or has moved on since we asked.
        if cursor != Some(after) {
            return tx.rollback().await.map(|()| false);
        }
        let mut position = after;
        let mut applied = false;
        for event in events {
            if event.position != position + 1 {
                return Err(Failure::internal(format!("log of {} has a gap after {position}", self.source.audience())));
            }
            position = event.position;
            if self.effect.kinds().contains(&event.kind.as_str()) {
                self.apply_or_park(&mut tx, name, event).await?;
                applied = true;
            }
        }
        if !applied {
            // A cursor that only passed events over may be lost in a crash: it passes them over again.
            sqlx::query("SET LOCAL synchronous_commit = off").execute(tx.conn()).await?;
        }
        sqlx::query("UPDATE reader_cursor SET position = $2 WHERE reader = $1")
            .bind(name)
            .bind(position)
            .execute(tx.conn())
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn apply_or_park(&self, tx: &mut Tx, name: &str, event: &Event) -> Result<(), Failure> {
        let aggregate: Uuid = event.aggregate_id.parse().map_err(Failure::internal)?;
        let waits: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT FROM reader_parked WHERE reader = $1 AND aggregate_id = $2)")
                .bind(name)
                .bind(aggregate)
                .fetch_one(tx.conn())
                .await?;
        let outcome = if waits {
            Err("an earlier event of its aggregate is parked".to_owned())
        } else {
            self.try_apply(tx, event).await?
        };
        if let Err(error) = outcome {
            tracing::error!(error, reader = name, position = event.position, kind = event.kind, "event parked");
            sqlx::query(
                "INSERT INTO reader_parked (reader, position, aggregate_id, event, error) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(name)
            .bind(event.position)
            .bind(aggregate)
            .bind(event.encode_to_vec())
            .bind(error)
            .execute(tx.conn())
            .await?;
        }
        Ok(())
    }

    /// Applies inside a savepoint: outer error when the database is away, inner when the effect failed.
    async fn try_apply(&self, tx: &mut Tx, event: &Event) -> Result<Result<(), String>, Failure> {
        let group: Uuid = event.group_id.parse().map_err(Failure::internal)?;
        tx.enter(GroupId::from_uuid(group)).await?;
        sqlx::query("SAVEPOINT effect").execute(tx.conn()).await?;
        let span = tracing::info_span!("event.apply", event.kind = %event.kind, event.position = event.position);
        telemetry::continue_trace(&span, &event.trace_parent);
        let applied = self.effect.apply(tx, event).instrument(span).await;
        match applied {
            Ok(()) => {
                sqlx::query("RELEASE SAVEPOINT effect").execute(tx.conn()).await?;
                Ok(Ok(()))
            }
            Err(failure) => {
                sqlx::query("ROLLBACK TO SAVEPOINT effect").execute(tx.conn()).await?;
                Ok(Err(failure.to_string()))
            }
        }
    }

    /// Tries parked events again, oldest first per aggregate.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn retry_parked(&self) -> Result<(), Failure> {
        let name = self.name();
        loop {
            let mut tx = self.db.begin_worker().await?;
            let next: Option<(i64, Vec<u8>)> = sqlx::query_as(
                "SELECT p.position, p.event FROM reader_parked p
                 WHERE p.reader = $1 AND p.retry_at <= clock_timestamp()
                   AND NOT EXISTS (SELECT FROM reader_parked e
                                   WHERE e.reader = p.reader AND e.aggregate_id = p.aggregate_id AND e.position < p.position)
                 ORDER BY p.position LIMIT 1 FOR UPDATE SKIP LOCKED",
            )
            .bind(&name)
            .fetch_optional(tx.conn())
            .await?;
            let Some((position, bytes)) = next else { return tx.rollback().await };
            let event = Event::decode(bytes.as_slice()).map_err(Failure::internal)?;
            match self.try_apply(&mut tx, &event).await? {
                Ok(()) => {
                    sqlx::query("DELETE FROM reader_parked WHERE reader = $1 AND position = $2")
                        .bind(&name)
                        .bind(position)
                        .execute(tx.conn())
                        .await?;
                }
                Err(error) => {
                    // Waits 1, 2, 4 … seconds, at most 5 minutes.
                    sqlx::query(
                        "UPDATE reader_parked SET error = $3, attempts = attempts + 1,
                           retry_at = clock_timestamp() + make_interval(secs => least(300, power(2, attempts)))
                         WHERE reader = $1 AND position = $2",
                    )
                    .bind(&name)
                    .bind(position)
                    .bind(error)
                    .execute(tx.conn())
                    .await?;
                }
            }
            tx.commit().await?;
        }
    }
}
