//! What the scripts of `infra/` need: the demo's driver, the audit and the bench.

pub mod audit;
pub mod bench;
pub mod demo;
