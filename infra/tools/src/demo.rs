//! The demo: loads a data folder and runs the main job through the public HTTP API, as the different people would.

pub mod api;
pub mod chain;
pub mod clock;
pub mod data;
pub mod opening;
pub mod report;
pub mod scenario;
pub mod season;
pub mod setup;
pub mod story;
pub mod tables;
