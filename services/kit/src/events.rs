//! One log, four uses (design decision 2): the stamper that gives committed events gapless positions and the hash chain,
//! the gRPC service that serves them, and readers whose effects happen exactly once.
//!
//! Positions are given by one stamper at a time (an advisory lock), after commit, in `event_stamp`; a cursor on a sequence
//! or a transaction id would lose rows that commit late. The chain is computed here too, so that no writer waits for
//! another. Events wake the stamper inside the process and Redis wakes readers; Postgres' own NOTIFY is not used because
//! it takes a lock over all commits of the cluster.

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use prost::Message as _;
use proto::events::v1::{
    Event, ListEventsRequest, ListEventsResponse,
    event_log_service_client::EventLogServiceClient,
    event_log_service_server::{EventLogService, EventLogServiceServer},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::{
    client::Peer,
    clock::technical_now,
    db::{Db, Tx},
    doorbell::Doorbell,
    error::Failure,
    id::GroupId,
    identity::{Caller, Role, Scope, Signer, Verifier},
    telemetry,
};

/// How long the stamper and readers sleep when nobody wakes them.
const POLL: Duration = Duration::from_millis(200);
/// How often heads that moved are exported: what happened since the last export is covered by the chain only.
const EXPORT_EVERY: Duration = Duration::from_secs(10);
/// Events stamped in one transaction at most.
const STAMP_BATCH: i64 = 2_000;
/// Events applied in one transaction at most.
const APPLY_BATCH: i32 = 100;

/// A stored event as the stamper and the audit see it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct StoredEvent {
    /// Group.
    pub group_id: Uuid,
    /// Event.
    pub event_id: Uuid,
    /// Business time.
    pub recorded_at: DateTime<Utc>,
    /// What changed.
    pub aggregate_id: Uuid,
    /// Kind, `….v1`.
    pub kind: String,
    /// Protobuf message.
    pub payload: Vec<u8>,
    /// Trace.
    pub trace_parent: String,
    /// Who.
    pub actor: String,
}

/// The next link of a group's chain: SHA-256(previous ‖ header ‖ payload). The header is every other column in a fixed form.
#[must_use]
pub fn chain_link(previous: &[u8], event: &StoredEvent) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(previous);
    hash.update(event.group_id.as_bytes());
    hash.update(event.event_id.as_bytes());
    hash.update(event.aggregate_id.as_bytes());
    hash.update(event.recorded_at.timestamp_micros().to_be_bytes());
    for text in [&event.kind, &event.trace_parent, &event.actor] {
        // The length goes in so that no two headers read the same.
        hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(text.as_bytes());
    }
    hash.update(&event.payload);
    hash.finalize().into()
}

/// The first link's predecessor.
pub const CHAIN_START: [u8; 32] = [0; 32];

/// The heads of all chains of a service at a moment, as signed and exported: a log cut off at its end no longer meets it.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct ExportedHeads {
    /// Service.
    pub service: String,
    /// When, technical time.
    pub exported_at: DateTime<Utc>,
    /// Last position of the log.
    pub position: i64,
    /// Per group: id, position of its last event, link (hex).
    pub heads: Vec<(Uuid, i64, String)>,
}

/// Gives positions and links to committed events. Any replica may run one; the lock lets one work.
#[derive(Debug, Clone)]
pub struct Stamper {
    db: Db,
    doorbell: Doorbell,
    signer: Signer,
    heads_dir: Option<PathBuf>,
}

impl Stamper {
    /// A stamper for a service's log. `heads_dir` is where signed heads are exported, outside the database.
    #[must_use]
    pub fn new(db: Db, doorbell: Doorbell, signer: Signer, heads_dir: Option<PathBuf>) -> Self {
        Self { db, doorbell, signer, heads_dir }
    }

    /// Stamps until stopped. Exports heads when it starts, every ten seconds when they moved, and when it stops.
    pub async fn run(self, stop: CancellationToken) {
        let mut exported = 0;
        let mut next_export = tokio::time::Instant::now();
        let mut next_purge = next_export;
        loop {
            match self.stamp_once().await {
                Ok(0) => {
                    tokio::select! {
                        () = stop.cancelled() => break,
                        () = self.db.appended.notified() => {}
                        () = tokio::time::sleep(POLL) => {}
                    }
                }
                Ok(_) => self.doorbell.ring(self.db.schema()).await,
                Err(error) => {
                    tracing::warn!(%error, "stamping failed, trying again");
                    tokio::select! {
                        () = stop.cancelled() => break,
                        () = tokio::time::sleep(Duration::from_secs(1)) => {}
                    }
                }
            }
            if tokio::time::Instant::now() >= next_export {
                exported = self.export_heads(exported).await;
                next_export = tokio::time::Instant::now() + EXPORT_EVERY;
            }
            if tokio::time::Instant::now() >= next_purge {
                if let Err(error) = self.purge().await {
                    tracing::warn!(%error, "old replies not forgotten");
                }
                next_purge = tokio::time::Instant::now() + Duration::from_secs(3_600);
            }
            if stop.is_cancelled() {
                break;
            }
        }
        self.export_heads(exported).await;
    }

    /// Stamps what is there now; the number of events stamped.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn stamp_once(&self) -> Result<usize, Failure> {
        let mut tx = self.db.begin_worker().await?;
        let waiting: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT FROM event_unstamped)").fetch_one(tx.conn()).await?;
        if !waiting {
            return tx.rollback().await.map(|()| 0);
        }
        let locked: bool =
            sqlx::query_scalar("SELECT pg_try_advisory_xact_lock(hashtext(current_schema || '.stamper'))")
                .fetch_one(tx.conn())
                .await?;
        if !locked {
            return tx.rollback().await.map(|()| 0);
        }
        sqlx::query("SELECT ensure_event_partitions()").execute(tx.conn()).await?;
        let events: Vec<StoredEvent> = sqlx::query_as(
            "SELECT e.group_id, e.event_id, e.recorded_at, e.aggregate_id, e.kind, e.payload, e.trace_parent, e.actor
             FROM event_unstamped u JOIN event e USING (group_id, event_id, recorded_at) ORDER BY e.seq LIMIT $1",
        )
        .bind(STAMP_BATCH)
        .fetch_all(tx.conn())
        .await?;
        stamp(tx.conn(), &events).await?;
        tx.commit().await?;
        Ok(events.len())
    }

    /// Forgets replies to commands older than 30 days: the log stays, they are only for repeats.
    async fn purge(&self) -> Result<(), Failure> {
        let mut tx = self.db.begin_worker().await?;
        sqlx::query("SELECT purge_idempotency()").execute(tx.conn()).await?;
        tx.commit().await
    }

    /// Exports the heads when they have moved past `exported`; the position exported last.
    async fn export_heads(&self, exported: i64) -> i64 {
        let Some(dir) = &self.heads_dir else { return exported };
        match self.signed_heads().await {
            Ok(Some((heads, line))) if heads.position > exported => {
                let path = dir.join(format!("{}-{}.jws", self.db.schema(), heads.exported_at.format("%Y-%m-%d")));
                let written = std::fs::create_dir_all(dir).and_then(|()| {
                    use std::io::Write as _;
                    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(&path)?;
                    writeln!(file, "{line}")?;
                    file.sync_data()
                });
                match written {
                    Ok(()) => heads.position,
                    Err(error) => {
                        tracing::error!(%error, path = %path.display(), "chain heads not exported");
                        exported
                    }
                }
            }
            Ok(_) => exported,
            Err(error) => {
                tracing::warn!(%error, "chain heads not read");
                exported
            }
        }
    }

    async fn signed_heads(&self) -> Result<Option<(ExportedHeads, String)>, Failure> {
        let mut tx = self.db.begin_worker().await?;
        let heads: Vec<(Uuid, i64, Vec<u8>)> =
            sqlx::query_as("SELECT group_id, position, chain FROM chain_head ORDER BY group_id")
                .fetch_all(tx.conn())
                .await?;
        tx.rollback().await?;
        let Some(position) = heads.iter().map(|head| head.1).max() else { return Ok(None) };
        let heads = ExportedHeads {
            service: self.db.schema().to_owned(),
            exported_at: technical_now(),
            position,
            heads: heads.into_iter().map(|(group, position, chain)| (group, position, hex::encode(chain))).collect(),
        };
        let line = self.signer.sign(&heads)?;
        Ok(Some((heads, line)))
    }
}

async fn stamp(connection: &mut PgConnection, events: &[StoredEvent]) -> Result<(), Failure> {
    let mut position: i64 =
        sqlx::query_scalar("SELECT coalesce(max(position), 0) FROM event_stamp").fetch_one(&mut *connection).await?;
    let mut groups: Vec<Uuid> = events.iter().map(|event| event.group_id).collect();
    groups.sort_unstable();
    groups.dedup();
    let heads: Vec<(Uuid, Vec<u8>, i64)> =
        sqlx::query_as("SELECT group_id, chain, event_count FROM chain_head WHERE group_id = ANY($1)")
            .bind(&groups)
            .fetch_all(&mut *connection)
            .await?;
    let mut heads: HashMap<Uuid, (Vec<u8>, i64, i64)> =
        heads.into_iter().map(|(group, chain, count)| (group, (chain, 0, count))).collect();
    let (mut positions, mut chains) = (Vec::with_capacity(events.len()), Vec::with_capacity(events.len()));
    for event in events {
        position += 1;
        let head = heads.entry(event.group_id).or_insert_with(|| (CHAIN_START.to_vec(), 0, 0));
        let link = chain_link(&head.0, event).to_vec();
        *head = (link.clone(), position, head.2 + 1);
        positions.push(position);
        chains.push(link);
    }
    let ids: Vec<Uuid> = events.iter().map(|event| event.event_id).collect();
    let of: Vec<Uuid> = events.iter().map(|event| event.group_id).collect();
    let at: Vec<DateTime<Utc>> = events.iter().map(|event| event.recorded_at).collect();
    sqlx::query(
        "INSERT INTO event_stamp (position, group_id, event_id, recorded_at, chain)
         SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::bytea[])",
    )
    .bind(&positions)
    .bind(&of)
    .bind(&ids)
    .bind(&at)
    .bind(&chains)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "DELETE FROM event_unstamped u USING unnest($1::uuid[], $2::uuid[]) AS d (g, e) WHERE u.group_id = d.g AND u.event_id = d.e",
    )
    .bind(&of)
    .bind(&ids)
    .execute(&mut *connection)
    .await?;
    for (group, (chain, position, count)) in heads {
        sqlx::query(
            "INSERT INTO chain_head (group_id, position, chain, event_count) VALUES ($1, $2, $3, $4)
             ON CONFLICT (group_id) DO UPDATE SET position = $2, chain = $3, event_count = $4",
        )
        .bind(group)
        .bind(position)
        .bind(chain)
        .bind(count)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

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
            "SELECT s.position, s.chain, e.group_id, e.event_id, e.recorded_at, e.aggregate_id, e.kind, e.payload, e.trace_parent, e.actor
             FROM event_stamp s JOIN event e USING (group_id, event_id, recorded_at)
             WHERE s.position > $1 ORDER BY s.position LIMIT $2",
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

/// The effect of another service's events on this one. Called in the transaction that moves the cursor, so it happens
/// exactly once; it must not call anything over the network.
#[tonic::async_trait]
pub trait Effect: Send + Sync + 'static {
    /// Applies one event. The transaction is already in the event's group. Unknown kinds are none of its business: `Ok`.
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
        for event in events {
            if event.position != position + 1 {
                return Err(Failure::internal(format!("log of {} has a gap after {position}", self.source.audience())));
            }
            position = event.position;
            self.apply_or_park(&mut tx, name, event).await?;
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
