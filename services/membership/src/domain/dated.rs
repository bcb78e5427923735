//! What changes about a party from a day on, with its evidence: buyer status, SIRET, name. What was before stays, so that answers
//! about a past day use what held then.

use chrono::NaiveDate;
use kit::id::PartyId;

use super::{BuyerStatus, Siret};

/// A buyer status from a day on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatedStatus {
    /// First day; none for what the party was entered with without a day.
    pub valid_from: Option<NaiveDate>,
    /// The status.
    pub status: BuyerStatus,
    /// What it rests on.
    pub evidence: String,
}

/// SIRET and name from a day on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatedIdentity {
    /// First day; none for what the party was entered with.
    pub valid_from: Option<NaiveDate>,
    /// SIRET; none only for what a party was entered with.
    pub siret: Option<Siret>,
    /// Name.
    pub name: String,
    /// What it rests on.
    pub evidence: String,
}

/// An establishment that another one took over (fusion).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Predecessor {
    /// Who was taken over.
    pub party: PartyId,
    /// First day on which the other one stands in its place.
    pub since: NaiveDate,
}

/// A GHT to which a member of another group is a party, and its support's delegation to order (CSP L6132-3 I 3°).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GhtStanding {
    /// The support establishment.
    pub support: PartyId,
    /// Its name.
    pub support_name: String,
    /// The widest delegation on the day; none for none.
    pub delegation: Option<OrderDelegation>,
}

/// A delegation to order, on a day on which it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderDelegation {
    /// First day.
    pub from: NaiveDate,
    /// Last day; none until it is revoked.
    pub to: Option<NaiveDate>,
    /// Largest amount of an order, cents EUR; none for no limit.
    pub limit_cents: Option<i64>,
}

/// Whether a first day may follow those recorded, the latest of which is given: history is added to, never rewritten.
#[must_use]
pub fn follows(valid_from: NaiveDate, latest: Option<NaiveDate>) -> bool {
    latest.is_none_or(|latest| latest < valid_from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_is_added_to_at_its_end_only() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert!(follows(day("2026-01-02"), Some(day("2026-01-01"))));
        assert!(!follows(day("2026-01-01"), Some(day("2026-01-01"))));
        assert!(follows(day("1990-01-01"), None));
    }
}
