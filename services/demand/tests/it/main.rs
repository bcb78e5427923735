//! Demand on a real Postgres, as its own roles. What other services answer is given; the whole is tested by the e2e suite.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod answers;
mod census;
mod dispatches;
mod figures;
mod imports;
mod member_changes;
mod needs;
mod orders;
mod plans;
mod rounds;
mod scene;
mod support;
mod together;
mod urgent;
