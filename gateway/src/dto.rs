//! What the HTTP interface speaks: JSON types of its own, so that a change of a gRPC contract is noticed here and not by
//! clients. Names are those of the contracts; an empty text of a contract is an absent field in JSON, an enum value loses
//! its prefix (`ROUND_STATE_OPEN` is `OPEN`), amounts are whole cents, prices are decimals as text.
//!
//! A type named `…Input` is what a client sends where that differs from what it gets. Unknown fields are refused, so that
//! a misspelt optional field is not silently lost.

mod convert;

pub mod bouquet;
pub mod catalogue;
pub mod consultation_input;
pub mod consultations;
pub mod contributions;
pub mod decisions;
pub mod deliveries;
pub mod dispatches;
pub mod financing;
pub mod groups;
pub mod label;
pub mod mandates;
pub mod member_changes;
pub mod membership;
pub mod needs;
pub mod opening;
pub mod orders;
pub mod plans;
pub mod rights;
pub mod shared;
pub mod shipments;
pub mod tendering;
pub mod tenders;

pub use convert::all;
