//! Centrale as its users meet it: separate processes, real Postgres and Redis, the public API.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod architecture;
mod audit;
mod consultations;
mod crash;
mod files;
mod governance;
mod hot;
mod isolation;
mod journey;
mod kinds;
mod leaves;
mod rights;
mod samples;
mod serenice;
mod shared;
mod tables;
mod trace;
