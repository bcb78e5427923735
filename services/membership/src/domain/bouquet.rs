//! Services that a group offers to its practitioners, and subscriptions to them. Services are data: a price per month, per act or per
//! user, a term, a notice.

use chrono::{Months, NaiveDate};
use kit::id::{PartyId, PractitionerId, ServiceId, SubscriptionId};

use super::Key;

/// What a price is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriceUnit {
    /// Per month and subscription.
    Month,
    /// Per act.
    Act,
    /// Per user and month.
    UserMonth,
}

impl PriceUnit {
    /// Every unit.
    pub const ALL: [Self; 3] = [Self::Month, Self::Act, Self::UserMonth];

    /// Its name in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Month => "MONTH",
            Self::Act => "ACT",
            Self::UserMonth => "USER_MONTH",
        }
    }
}

/// What a subscription agrees on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceTerms {
    /// What the price is for.
    pub price_unit: PriceUnit,
    /// Cents EUR without VAT.
    pub price_cents: i64,
    /// Months to which a subscription binds at first.
    pub term_months: u32,
    /// Months of notice.
    pub notice_months: u32,
}

/// A service of the bouquet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Id; that of the row once stored.
    pub id: ServiceId,
    /// Natural key.
    pub key: Key,
    /// French name.
    pub name: String,
    /// The partner that provides it.
    pub provider_id: PartyId,
    /// Its name, once read.
    pub provider_name: String,
    /// What is agreed on.
    pub terms: ServiceTerms,
    /// First day on which it can be subscribed to.
    pub offered_from: NaiveDate,
    /// Last such day.
    pub offered_to: Option<NaiveDate>,
    /// Subscriptions that run on the day of reading.
    pub subscriber_count: i64,
}

impl Service {
    /// Whether it can be subscribed to on a day.
    #[must_use]
    pub fn is_offered_on(&self, day: NaiveDate) -> bool {
        self.offered_from <= day && self.offered_to.is_none_or(|last| day <= last)
    }
}

/// What a practitioner subscribed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Id.
    pub id: SubscriptionId,
    /// To what.
    pub service_id: ServiceId,
    /// Its key, once read.
    pub service_key: String,
    /// Its name, once read.
    pub service_name: String,
    /// Who.
    pub practitioner_id: PractitionerId,
    /// Its name, once read.
    pub practitioner_name: String,
    /// First day.
    pub starts_on: NaiveDate,
    /// Last day to which it was bound from the start; none without a term.
    pub term_ends_on: Option<NaiveDate>,
    /// When notice was given, and the last day that followed.
    pub ending: Option<(NaiveDate, NaiveDate)>,
    /// What the price is for, as agreed.
    pub price_unit: PriceUnit,
    /// As agreed, cents EUR without VAT.
    pub price_cents: i64,
    /// As agreed.
    pub notice_months: u32,
}

/// Which rule gives the last day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndingRule {
    /// Its term ends later than its notice.
    Term,
    /// Its notice ends later than its term, or it has none.
    Notice,
    /// It has not begun: it ends with its first day.
    NotBegun,
}

impl EndingRule {
    /// Stable key.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Term => "TERM_ENDS_LATER",
            Self::Notice => "NOTICE_ENDS_LATER",
            Self::NotBegun => "NOT_BEGUN",
        }
    }
}

/// The last day of a subscription, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Last day.
    pub on: NaiveDate,
    /// Which rule gave it.
    pub rule: EndingRule,
    /// French, with the days used.
    pub text: String,
}

/// The last day to which a subscription binds from its start: its term in months, less a day. None without a term, or past the calendar.
#[must_use]
pub fn term_end(starts_on: NaiveDate, term_months: u32) -> Option<NaiveDate> {
    if term_months == 0 {
        return None;
    }
    starts_on.checked_add_months(Months::new(term_months))?.pred_opt()
}

/// The last day when notice is given on a day: the latest of the end of its term, the end of its notice and its first day. None past
/// the calendar.
#[must_use]
pub fn last_day(subscription: &Subscription, given_on: NaiveDate) -> Option<Ending> {
    let notice = given_on.checked_add_months(Months::new(subscription.notice_months))?;
    let term = subscription.term_ends_on;
    let (on, rule) = match term {
        Some(term) if term > notice => (term, EndingRule::Term),
        Some(_) | None if notice >= subscription.starts_on => (notice, EndingRule::Notice),
        Some(_) | None => (subscription.starts_on, EndingRule::NotBegun),
    };
    let french = |day: NaiveDate| day.format("%d/%m/%Y").to_string();
    let bound =
        term.map_or_else(|| "sans durée d'engagement".to_owned(), |term| format!("engagé jusqu'au {}", french(term)));
    let text = format!(
        "Abonnement pris le {}, {bound} ; préavis de {} mois donné le {}, qui court jusqu'au {} : il prend fin le {}.",
        french(subscription.starts_on),
        subscription.notice_months,
        french(given_on),
        french(notice),
        french(on)
    );
    Some(Ending { on, rule, text })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn subscription(starts_on: &str, term_months: u32, notice_months: u32) -> Subscription {
        Subscription {
            id: SubscriptionId::new(),
            service_id: ServiceId::new(),
            service_key: "rh".into(),
            service_name: "RH".into(),
            practitioner_id: PractitionerId::new(),
            practitioner_name: "A".into(),
            starts_on: day(starts_on),
            term_ends_on: term_end(day(starts_on), term_months),
            ending: None,
            price_unit: PriceUnit::Month,
            price_cents: 4_900,
            notice_months,
        }
    }

    #[test]
    fn it_ends_with_its_term_or_with_its_notice_whichever_is_later() {
        for (starts_on, term, notice, given_on, on, rule) in [
            ("2026-01-01", 12, 3, "2026-06-15", "2026-12-31", EndingRule::Term),
            ("2026-01-01", 12, 3, "2026-11-20", "2027-02-20", EndingRule::Notice),
            ("2026-01-01", 0, 1, "2026-01-31", "2026-02-28", EndingRule::Notice),
            ("2026-01-01", 0, 0, "2026-03-10", "2026-03-10", EndingRule::Notice),
            ("2026-09-01", 0, 1, "2026-03-10", "2026-09-01", EndingRule::NotBegun),
            ("2024-02-29", 12, 0, "2024-03-01", "2025-02-27", EndingRule::Term),
        ] {
            let ending = last_day(&subscription(starts_on, term, notice), day(given_on)).unwrap();
            assert_eq!((ending.on, ending.rule), (day(on), rule), "{starts_on} {term} {notice} {given_on}");
            assert!(ending.text.contains(&day(on).format("%d/%m/%Y").to_string()), "{}", ending.text);
        }
    }

    #[test]
    fn a_service_is_offered_from_its_first_to_its_last_day() {
        let terms = ServiceTerms { price_unit: PriceUnit::Act, price_cents: 1, term_months: 0, notice_months: 0 };
        let mut service = Service {
            id: ServiceId::new(),
            key: Key::parse("rh").unwrap(),
            name: String::new(),
            provider_id: PartyId::new(),
            provider_name: String::new(),
            terms,
            offered_from: day("2026-01-01"),
            offered_to: Some(day("2026-12-31")),
            subscriber_count: 0,
        };
        for (on, offered) in [("2025-12-31", false), ("2026-01-01", true), ("2026-12-31", true), ("2027-01-01", false)]
        {
            assert_eq!(service.is_offered_on(day(on)), offered, "{on}");
        }
        service.offered_to = None;
        assert!(service.is_offered_on(day("2040-01-01")));
    }

    proptest! {
        #[test]
        fn nobody_leaves_before_term_notice_or_start(
            starts in 0_i64..2_000, term in 0_u32..48, notice in 0_u32..12, given in 0_i64..4_000,
        ) {
            let zero = day("2020-01-01");
            let at = |days: i64| zero + chrono::Days::new(days.unsigned_abs());
            let subscription = subscription(&at(starts).to_string(), term, notice);
            let ending = last_day(&subscription, at(given)).unwrap();
            let notice_ends = at(given).checked_add_months(Months::new(notice)).unwrap();
            prop_assert!(ending.on >= subscription.starts_on && ending.on >= notice_ends);
            prop_assert!(subscription.term_ends_on.is_none_or(|term| ending.on >= term));
            // And not a day later than one of them asks.
            prop_assert!([Some(subscription.starts_on), Some(notice_ends), subscription.term_ends_on].contains(&Some(ending.on)));
        }
    }
}
