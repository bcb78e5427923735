//! The hash chain of a group's events.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

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
