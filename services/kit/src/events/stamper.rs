//! Gives committed events their positions and links, and exports the heads.

use std::{collections::HashMap, path::PathBuf, time::Duration};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{CHAIN_START, ExportedHeads, POLL, StoredEvent, chain_link};
use crate::{clock::technical_now, db::Db, doorbell::Doorbell, error::Failure, identity::Signer};

/// How often heads that moved are exported: what happened since the last export is covered by the chain only.
const EXPORT_EVERY: Duration = Duration::from_secs(10);
/// Events stamped in one transaction at most.
const STAMP_BATCH: i64 = 2_000;
/// Least time from one stamping to the next: under load one transaction stamps what many have written. The first after a quiet
/// while does not wait.
const STAMP_EVERY: Duration = Duration::from_millis(25);

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
                Ok(_) => {
                    self.doorbell.ring(self.db.schema()).await;
                    tokio::time::sleep(STAMP_EVERY).await;
                }
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
            // Each look goes through the key, whatever the planner believes of two tables that fill and empty all the time.
            "SELECT e.* FROM event_unstamped u CROSS JOIN LATERAL (
               SELECT e.group_id, e.event_id, e.recorded_at, e.aggregate_id, e.kind, e.payload, e.trace_parent, e.actor, e.seq
               FROM event e WHERE e.group_id = u.group_id AND e.event_id = u.event_id AND e.recorded_at = u.recorded_at LIMIT 1) e
             ORDER BY e.seq LIMIT $1",
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
