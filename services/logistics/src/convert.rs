//! Protobuf ↔ domain. Requests are read with every fault at once.

mod reply;
mod request;

pub use reply::*;
pub use request::*;

use kit::{
    error::{Failure, FieldFault},
    id::{Id, Kind},
};

/// Collects the faults of a request.
#[derive(Debug, Default)]
pub struct Faults(Vec<FieldFault>);

impl Faults {
    /// Notes a fault.
    pub fn add(&mut self, field: impl Into<String>, detail: impl Into<String>) {
        self.0.push(FieldFault::new(field, detail));
    }

    /// An id that must be there.
    pub fn id<K: Kind>(&mut self, field: impl Into<String>, text: &str) -> Option<Id<K>> {
        text.parse().map_err(|error: kit::id::IdError| self.add(field, error.to_string())).ok()
    }

    /// An id that may be empty.
    pub fn optional_id<K: Kind>(&mut self, field: &str, text: &str) -> Option<Id<K>> {
        if text.is_empty() { None } else { self.id(field, text) }
    }

    /// A text of `min` to `max` characters, trimmed.
    pub fn text(&mut self, field: impl Into<String>, text: &str, min: usize, max: usize) -> String {
        let text = text.trim();
        let length = text.chars().count();
        if length < min || length > max {
            self.add(field, format!("must have {min} to {max} characters, has {length}"));
        }
        text.to_owned()
    }

    /// A list of `min` to `max` entries.
    pub fn count(&mut self, field: &str, count: usize, min: usize, max: usize) {
        if count < min || count > max {
            self.add(field, format!("must have {min} to {max} entries, has {count}"));
        }
    }

    /// A quantity in base units between `min` and [`MOST_UNITS`].
    pub fn units(&mut self, field: impl Into<String>, units: i64, min: i64) {
        if units < min || units > MOST_UNITS {
            self.add(field, format!("must be between {min} and {MOST_UNITS} base units, is {units}"));
        }
    }

    /// `value`, when there was no fault at all.
    ///
    /// # Errors
    /// `INVALID_INPUT` with every fault.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Failure> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(Failure::invalid(self.0)),
        }
    }
}

/// Largest quantity in one field, so that sums stay far from the end of 64 bits.
pub const MOST_UNITS: i64 = 1_000_000_000_000;
