//! Membership on a real Postgres, as the service's own role.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod bouquet;
mod clock;
mod contributions;
mod governance;
mod groups;
mod isolation;
mod label;
mod login;
mod mandates;
mod members;
mod members_load;
mod people;
mod registry;
mod rights;
mod support;
