//! The bench: what the system does per second, as ratios against plain baselines measured in the same run on the same machine
//! and cluster. `infra/bench` starts the stack it works on.
//!
//! A baseline writes or reads the same rows, in tables of the same columns, keys and indexes, with as many connections and
//! prepared statements, and with nothing of ours around them: no rights, rules, isolation, events or idempotency. Ours and the
//! baseline take turns, and where rows are written both sets are counted and hashed at the end: a baseline that did less work would
//! fail the run.
//!
//! - [`world`]: the data, made from a seed and entered through the public API;
//! - [`import`], [`pool`], [`read`], [`write`], [`reserve`], [`peer`]: one measurement each, with its baseline;
//! - [`scratch`]: the baselines' own tables; [`wire`]: a load generator that costs little itself;
//! - [`machine`]: memory and processor time of processes; [`report`]: figures, table, JSON.

#![expect(clippy::float_arithmetic, reason = "measurements, not money")]

pub mod import;
pub mod machine;
pub mod peer;
pub mod pool;
pub mod read;
pub mod report;
pub mod reserve;
pub mod scratch;
pub mod wire;
pub mod world;
pub mod write;

/// Alternated runs of each measurement.
pub const RUNS: usize = 3;
/// Connections, or callers, where many work at once.
pub const CONNECTIONS: usize = 64;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Establishments of the large group.
    pub establishments: usize,
    /// Articles, each with a price of three tiers.
    pub articles: usize,
    /// Needs imported and pooled.
    pub needs: usize,
    /// Article readings in a run.
    pub reads: usize,
    /// Needs written one by one in a run.
    pub writes: usize,
    /// Reservations in a run.
    pub reservations: usize,
}

impl Size {
    /// The season that the system is made for.
    pub const FULL: Self = Self {
        establishments: 900,
        articles: 20_000,
        needs: 1_000_000,
        reads: 60_000,
        writes: 20_000,
        reservations: 10_000,
    };
    /// About a minute.
    pub const QUICK: Self =
        Self { establishments: 100, articles: 2_000, needs: 40_000, reads: 10_000, writes: 3_000, reservations: 2_000 };
}
