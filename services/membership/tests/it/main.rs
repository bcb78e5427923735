//! Membership on a real Postgres, as the service's own role.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod bouquet;
mod clock;
mod groups;
mod isolation;
mod label;
mod login;
mod members;
mod members_load;
mod people;
mod registry;
mod support;
