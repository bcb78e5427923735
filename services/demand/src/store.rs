//! What is kept: SQL only.

pub mod books;
pub mod dispatches;
pub mod figures;
pub mod history;
pub mod lots;
pub mod member_changes;
pub mod needs;
pub mod opening;
pub mod opening_orders;
pub mod order_rows;
pub mod orders;
pub mod plan_rows;
pub mod plans;
pub mod processes;
pub mod reference_prices;
pub mod replacing;
pub mod rounds;
pub mod snapshots;
pub mod staging;
