//! Tendering on real Postgres, as the service's own role.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test helpers")]

mod agreements;
mod ceilings;
mod consultations;
mod entitlements;
mod isolation;
mod lot_consumption;
mod support;
