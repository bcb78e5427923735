//! The catalogue on a real Postgres, as its own role.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests; clippy only knows #[test] functions")]

mod articles;
mod awards;
mod constraints;
mod prices;
mod support;
