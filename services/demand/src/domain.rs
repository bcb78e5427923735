//! What is true in demand: plain functions and types without I/O.

pub mod buyers;
pub mod directory;
pub mod dispatch;
pub mod error;
pub mod explain;
pub mod figures;
pub mod form;
pub mod lots;
pub mod member_change;
pub mod need;
pub mod opening;
pub mod opening_orders;
pub mod order;
pub mod order_error;
pub mod packs;
pub mod plan;
pub mod plan_digest;
pub mod plan_state;
pub mod process;
pub mod reason;
pub mod round;
pub mod savings;
pub mod sharing;
pub mod terms;
pub mod tiers;

pub use kit::conversion;
