//! SQL of the catalogue, and nothing else.

pub(crate) mod articles;
pub(crate) mod prices;
mod rows;
