//! What every process shares: typed ids, exact arithmetic, one error model, signed identity, the door to the database,
//! idempotent commands, the stamped event log and its readers, telemetry and the server around it all.
//!
//! Nothing here knows a rule of procurement. Code enters when a second service needs it.

pub mod client;
pub mod clock;
#[cfg(feature = "db")]
pub mod command;
pub mod config;
pub mod conversion;
#[cfg(feature = "db")]
pub mod db;
pub mod doorbell;
pub mod error;
#[cfg(feature = "db")]
pub mod events;
pub mod fail_at;
pub mod french;
#[cfg(feature = "db")]
pub mod group_commit;
pub mod id;
pub mod identity;
pub mod money;
pub mod server;
#[cfg(feature = "db")]
pub mod service;
pub mod signature;
pub mod telemetry;
#[cfg(feature = "db")]
#[allow(clippy::expect_used, reason = "test support")]
pub mod testing;

pub use error::{DomainError, ErrorKind, Failure, FieldFault};
pub use id::Id;
pub use identity::{Caller, Role, Scope};
