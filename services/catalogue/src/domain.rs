//! The rules of the catalogue, without I/O.
//!
//! - C1 A product code has a right check digit. CIP13 and UCD13 are GTINs once a `0` is put before them, so codes are
//!   compared as 14 digits ([`identifier`]).
//! - C2 A code names one level of one article, and stays at its level ([`packaging`], [`article`]).
//! - C3 An article has exactly one base level; every other level holds a whole number of one other level and reaches the
//!   base, so a quantity converts in exactly one way, with integers ([`packaging`]).
//! - C4 A conversion that was once published never changes: levels are added, not changed or removed ([`packaging`]).
//! - C5 An article's version rises only when something in it changed ([`article`]).
//! - C6 Price tiers start at 0, rise strictly in quantity and never in price ([`price`]).
//! - C7 A price stands under a lot of an agreement, with the lot's holder, within the agreement's period ([`price`]).
//! - C8 Two prices of one article under one lot never both apply on a day; the same period again replaces ([`price`]).

pub mod article;
pub mod error;
pub mod identifier;
pub mod packaging;
pub mod price;
pub mod reference;

pub use error::CatalogueError;
