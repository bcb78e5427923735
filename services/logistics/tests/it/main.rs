//! Logistics on real Postgres, as the service's own roles.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod effects;
mod flow;
mod isolation;
mod refusals;
mod repeat;
mod shortages;
mod support;
