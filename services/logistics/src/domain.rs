//! The rules of logistics, without any input or output.
//!
//! Of every order line four figures are kept, in base units:
//!
//! - **accepted**: what the supplier promised;
//! - **cancelled**: what never comes;
//! - **allocated**: what lies in deliveries, without what was refused there;
//! - **delivered**: what the member certified.
//!
//! L1. `0 ≤ delivered ≤ allocated ≤ accepted − cancelled`, always (also a CHECK of the table).
//! L2. Outstanding is `accepted − cancelled − delivered`: whatever is accepted comes out as delivered, cancelled or outstanding.
//! L3. A line *waits* for `accepted − cancelled − allocated`. Goods that arrive and goods that never come are shared among the lines
//!     of an article at a destination in proportion to that ([`sharing`]), so nobody gets more than it waits for.
//! L4. What is damaged, missing or refused is not allocated: it is open again, to be replaced by the supplier or cancelled.
//! L5. Where the platform does not open packs, nothing but whole packs is shipped and shared, and no cancellation makes
//!     goods under way fall into broken packs ([`expected`]).

pub mod announce;
pub mod batches;
pub mod break_bulk;
pub mod delivery;
pub mod error;
pub mod expected;
pub mod receive;
pub mod routes;
pub mod sharing;
pub mod shipment;

pub use error::LogisticsError;
use kit::french::grouped;

/// Why something is decided as it is, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Stable key of the rule.
    pub rule: &'static str,
    /// Article of law or text; empty for our own convention.
    pub source: &'static str,
    /// One sentence in French, with the figures.
    pub text: String,
    /// The figures and names used.
    pub facts: Vec<(&'static str, String)>,
}

/// A text of a row that names no variant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not known here")]
pub struct UnknownCode(pub String);

/// How goods reach a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Route {
    /// Through the platform.
    Platform,
    /// Straight to the site.
    Direct,
}

impl Route {
    /// As stored and in events.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Platform => "PLATFORM",
            Self::Direct => "DIRECT",
        }
    }
}

impl TryFrom<String> for Route {
    type Error = UnknownCode;

    fn try_from(code: String) -> Result<Self, UnknownCode> {
        [Self::Platform, Self::Direct].into_iter().find(|route| route.code() == code).ok_or(UnknownCode(code))
    }
}

/// `1 unité`, `2 unités`.
pub(crate) fn units_text(units: i64) -> String {
    format!("{} unité{}", grouped(units), if units.abs() < 2 { "" } else { "s" })
}
