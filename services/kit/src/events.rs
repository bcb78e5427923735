//! One log, four uses (design decision 2): the stamper that gives committed events gapless positions and the hash chain,
//! the gRPC service that serves them, and readers whose effects happen exactly once.
//!
//! Positions are given by one stamper at a time (an advisory lock), after commit, in `event_stamp`; a cursor on a sequence
//! or a transaction id would lose rows that commit late. The chain is computed here too, so that no writer waits for
//! another. Events wake the stamper inside the process and Redis wakes readers; Postgres' own NOTIFY is not used because
//! it takes a lock over all commits of the cluster.

mod chain;
mod log;
mod reader;
mod stamper;

use std::time::Duration;

pub use chain::{CHAIN_START, ExportedHeads, StoredEvent, chain_link};
pub use log::EventLog;
pub use reader::{Effect, Reader};
pub use stamper::Stamper;

/// How long the stamper, readers and waiting calls sleep when nobody wakes them.
const POLL: Duration = Duration::from_millis(200);
