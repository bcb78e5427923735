//! What the scripts of `infra/` need: the demo's driver and the audit.

pub mod audit;
pub mod demo;
