//! SQL, and nothing else: a connection in, domain types out. A row that means nothing in the domain is an internal error.

pub mod account;
pub mod bouquet;
pub mod charter;
pub mod dated;
pub mod decision;
pub mod delegation;
pub mod document;
pub mod finance;
pub mod form_rule;
pub mod group;
pub mod invoice;
pub mod issuer_key;
pub mod label;
pub mod mandate;
pub mod member;
pub mod party;
pub mod person;
pub mod practitioner;
pub mod rule;
pub mod seat;
pub mod site;
pub mod voting;

use sqlx::PgConnection;

/// Looks a name of the database up among a closed list.
fn named<T: Copy>(all: &[T], name: impl Fn(T) -> &'static str, text: &str) -> Option<T> {
    all.iter().copied().find(|one| name(*one) == text)
}

/// Seconds between business time and real time.
pub async fn clock_offset_s(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT round(extract(epoch FROM public.clock_offset()))::bigint").fetch_one(connection).await
}
