//! Between the contracts and the domain. Every fault of a request is found, each with the path of its field. Fields that
//! are computed (ids, versions, base units, VAT of a price) are ignored on input (AIP-203).

mod articles;
mod prices;

use chrono::NaiveDate;
use kit::{
    Caller, Failure, FieldFault, Role,
    id::{Id, Kind},
};
use proto::common::v1::Page;

pub(crate) use articles::{article_to_proto, articles_to_register, found_to_proto};
pub(crate) use prices::{AskedPrice, agreement_terms, awarded_prices, price_filter, price_to_proto, prices_to_set};

/// Faults found so far.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<FieldFault>);

impl Faults {
    /// One more.
    pub(crate) fn add(&mut self, field: impl Into<String>, detail: impl ToString) {
        self.0.push(FieldFault::new(field, detail.to_string()));
    }

    /// The value, or its error as a fault of the field.
    fn keep<T, E: ToString>(&mut self, field: impl Into<String>, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.add(field, error.to_string())).ok()
    }

    /// `what` when nothing was found; a builder that found no fault has built everything.
    pub(crate) fn finish<T>(self, what: Option<T>) -> Result<T, Failure> {
        if !self.0.is_empty() {
            return Err(Failure::invalid(self.0));
        }
        what.ok_or_else(|| Failure::internal("a conversion failed without a fault"))
    }

    /// Refuses when anything was found.
    pub(crate) fn check(self) -> Result<(), Failure> {
        self.finish(Some(()))
    }
}

/// A text of 1 to `limit` characters without control characters or blank ends.
fn text(faults: &mut Faults, field: String, value: &str, limit: usize) -> Option<String> {
    let fits = !value.is_empty()
        && value.chars().count() <= limit
        && value.trim() == value
        && !value.chars().any(char::is_control);
    let problem = || format!("must have 1 to {limit} characters, no control characters and no blank ends");
    faults.keep(field, if fits { Ok(value.to_owned()) } else { Err(problem()) })
}

fn id<K: Kind>(faults: &mut Faults, field: String, value: &str) -> Option<Id<K>> {
    faults.keep(field, value.parse())
}

fn parse_day(value: &str) -> Result<NaiveDate, &'static str> {
    // chrono also takes `2026-1-5`, which is no ISO date.
    NaiveDate::parse_from_str(value, "%Y-%m-%d")
        .ok()
        .filter(|_| value.len() == 10)
        .ok_or("must be an ISO date such as 2026-01-31")
}

/// Which page is asked.
pub(crate) struct PageOf<K> {
    /// Rows wanted.
    pub(crate) size: usize,
    /// Rows have greater ids; the nil id comes before all.
    pub(crate) after: Id<K>,
}

/// Reads a page: 50 rows unless said, 500 at most, 5,000 for a service.
pub(crate) fn page<K: Kind>(caller: &Caller, page: Option<&Page>) -> Result<PageOf<K>, Failure> {
    let limit = if caller.has(&[Role::Service]) { 5_000 } else { 500 };
    let (asked, after) = page.map_or((0, ""), |page| (page.size, page.after.as_str()));
    let mut faults = Faults::default();
    let size = match usize::try_from(asked) {
        Ok(0) => Some(50),
        Ok(size) if size <= limit => Some(size),
        Ok(_) | Err(_) => {
            faults.add("page.size", format!("must be 1 to {limit}, or 0 for 50"));
            None
        }
    };
    let after = if after.is_empty() {
        Some(Id::from_uuid(uuid::Uuid::nil()))
    } else {
        id(&mut faults, "page.after".to_owned(), after)
    };
    faults.finish(size.zip(after).map(|(size, after)| PageOf { size, after }))
}

/// Cuts the row read beyond the page and gives the key of the next page, empty at the end.
pub(crate) fn cut<T, K: Kind>(rows: &mut Vec<T>, size: usize, id: impl Fn(&T) -> Id<K>) -> String {
    if rows.len() <= size {
        return String::new();
    }
    rows.truncate(size);
    rows.last().map(|row| id(row).to_string()).unwrap_or_default()
}
