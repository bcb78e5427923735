//! What the scripts of `infra/` need: the demo's driver, the audit, the bench and a mail catcher.

pub mod audit;
pub mod bench;
pub mod catcher;
pub mod demo;
