//! What the scripts of `infra/` need: the demo's driver, the audit, and a mail catcher.

pub mod audit;
pub mod catcher;
pub mod demo;
