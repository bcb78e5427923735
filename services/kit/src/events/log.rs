//! Serves a service's log to readers and auditors.

use std::time::Duration;

use proto::events::v1::{
    Event, ListEventsRequest, ListEventsResponse,
    event_log_service_server::{EventLogService, EventLogServiceServer},
};
use tonic::{Request, Response, Status};

use super::{POLL, StoredEvent};
use crate::{
    db::Db,
    error::Failure,
    identity::{Caller, Role, Verifier},
};

/// Serves a service's log.
#[derive(Debug, Clone)]
pub struct EventLog {
    db: Db,
    verifier: Verifier,
}

impl EventLog {
    /// The gRPC service over a database.
    #[must_use]
    pub fn server(db: Db, verifier: Verifier) -> EventLogServiceServer<Self> {
        EventLogServiceServer::new(Self { db, verifier }).max_encoding_message_size(64 << 20)
    }

    async fn page(&self, caller: &Caller, after: i64, limit: i64) -> Result<Vec<Event>, Failure> {
        // A service reads all groups; an auditor reads its session's group under its policy.
        let mut tx =
            if caller.has(&[Role::Service]) { self.db.begin_worker().await? } else { self.db.begin(caller).await? };
        let rows: Vec<EventRow> = sqlx::query_as(
            // Each look goes through the key, whatever the planner believes of a log that grows.
            "SELECT s.position, s.chain, e.*
             FROM (SELECT * FROM event_stamp WHERE position > $1 ORDER BY position LIMIT $2) s CROSS JOIN LATERAL (
               SELECT e.group_id, e.event_id, e.recorded_at, e.aggregate_id, e.kind, e.payload, e.trace_parent, e.actor
               FROM event e WHERE e.group_id = s.group_id AND e.event_id = s.event_id AND e.recorded_at = s.recorded_at LIMIT 1) e
             ORDER BY s.position",
        )
        .bind(after)
        .bind(limit)
        .fetch_all(tx.conn())
        .await?;
        tx.rollback().await?;
        Ok(rows.into_iter().map(EventRow::into_proto).collect())
    }
}

#[derive(sqlx::FromRow)]
struct EventRow {
    position: i64,
    chain: Vec<u8>,
    #[sqlx(flatten)]
    event: StoredEvent,
}

impl EventRow {
    fn into_proto(self) -> Event {
        Event {
            position: self.position,
            event_id: self.event.event_id.to_string(),
            group_id: self.event.group_id.to_string(),
            aggregate_id: self.event.aggregate_id.to_string(),
            kind: self.event.kind,
            payload: self.event.payload.into(),
            recorded_at_us: self.event.recorded_at.timestamp_micros(),
            trace_parent: self.event.trace_parent,
            actor: self.event.actor,
            chain: self.chain.into(),
        }
    }
}

#[tonic::async_trait]
impl EventLogService for EventLog {
    async fn list_events(&self, request: Request<ListEventsRequest>) -> Result<Response<ListEventsResponse>, Status> {
        let caller = self.verifier.caller(&request)?;
        caller.require(&[Role::Service, Role::Auditor])?;
        let request = request.into_inner();
        let limit = match request.limit {
            0 => 100,
            limit => i64::from(limit.clamp(1, 500)),
        };
        let wait = Duration::from_millis(u64::try_from(request.wait_ms.clamp(0, 20_000)).unwrap_or(0));
        let until = tokio::time::Instant::now() + wait;
        loop {
            let events = self.page(&caller, request.after, limit).await?;
            if !events.is_empty() || tokio::time::Instant::now() >= until {
                return Ok(Response::new(ListEventsResponse { events }));
            }
            tokio::time::sleep(POLL).await;
        }
    }
}
