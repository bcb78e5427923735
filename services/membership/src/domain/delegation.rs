//! Delegations of signature: who may sign in whose name, for what, up to which amount, on which days.
//!
//! A public establishment's director signs, and delegates its signature by a published decision (CSP D6143-33 to D6143-35). Who is
//! absent may be stood in for, by a delegation that never allows more than the one it stands in for: when it is recorded it must
//! lie within, and what it allows on a day is what *both* allow, so that a revocation ends the replacement too.

use chrono::NaiveDate;
use kit::{
    FieldFault,
    id::{DelegationId, PartyId, PersonId},
};

/// What a delegation allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// Publish, open, award, notify and sign contracts.
    Award,
    /// Approve plans and place orders; given by a GHT's support to a party: order outside the GHT's own contracts.
    Order,
}

impl Act {
    /// Every act.
    pub const ALL: [Self; 2] = [Self::Award, Self::Order];

    /// Its name in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Award => "AWARD",
            Self::Order => "ORDER",
        }
    }
}

/// What is allowed, up to which amount, on which days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// Each once, in order.
    pub acts: Vec<Act>,
    /// Largest amount of one act without VAT, cents EUR; none for no limit.
    pub limit_cents: Option<i64>,
    /// First day.
    pub from: NaiveDate,
    /// Last day; none while it goes on.
    pub to: Option<NaiveDate>,
}

impl Rights {
    /// Whether an act of an amount (cents EUR) is allowed on a day.
    #[must_use]
    pub fn allow(&self, act: Act, amount_cents: i64, on: NaiveDate) -> bool {
        self.hold(on) && self.acts.contains(&act) && self.limit_cents.is_none_or(|limit| amount_cents <= limit)
    }

    /// Whether they hold on a day.
    #[must_use]
    pub fn hold(&self, on: NaiveDate) -> bool {
        self.from <= on && self.to.is_none_or(|to| on <= to)
    }

    /// What both allow; none when they share no act or no day.
    #[must_use]
    pub fn common(&self, other: &Self) -> Option<Self> {
        let acts: Vec<Act> = self.acts.iter().copied().filter(|act| other.acts.contains(act)).collect();
        let from = self.from.max(other.from);
        let to = earlier(self.to, other.to);
        let limit_cents = match (self.limit_cents, other.limit_cents) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        let empty = acts.is_empty() || to.is_some_and(|to| to < from);
        (!empty).then_some(Self { acts, limit_cents, from, to })
    }

    /// Where they reach beyond others, field by field.
    #[must_use]
    pub fn excess(&self, of: &Self) -> Vec<FieldFault> {
        let mut faults = Vec::new();
        let mut fault = |field: &str, detail: String| {
            faults.push(FieldFault::new(format!("delegation.{field}"), detail));
        };
        for act in self.acts.iter().filter(|act| !of.acts.contains(act)) {
            fault("acts", format!("{} is not allowed by the delegation that it stands in for", act.name()));
        }
        if let Some(limit) = of.limit_cents
            && self.limit_cents.is_none_or(|own| own > limit)
        {
            let detail = format!("must be at most {limit}, the limit of the delegation that it stands in for");
            fault("amount_max_cents", detail);
        }
        if self.from < of.from {
            fault("valid_from", format!("must be {} or later, as the delegation that it stands in for", of.from));
        }
        if let Some(last) = of.to
            && self.to.is_none_or(|own| own > last)
        {
            fault("valid_to", format!("must be {last} or earlier, as the delegation that it stands in for"));
        }
        faults
    }
}

fn earlier(one: Option<NaiveDate>, two: Option<NaiveDate>) -> Option<NaiveDate> {
    match (one, two) {
        (Some(one), Some(two)) => Some(one.min(two)),
        (one, two) => one.or(two),
    }
}

/// To whom it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delegate {
    /// All officers of an establishment.
    Party(PartyId),
    /// One person.
    Person(PersonId),
}

/// A delegation of signature as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegation {
    /// Id.
    pub id: DelegationId,
    /// In whose name is signed.
    pub delegator: PartyId,
    /// To whom.
    pub to: Delegate,
    /// What it allows by itself.
    pub rights: Rights,
    /// The decision that gives it.
    pub evidence: String,
    /// The delegation whose holder is absent.
    pub stands_in_for: Option<DelegationId>,
    /// First day on which it no longer holds.
    pub revoked_from: Option<NaiveDate>,
    /// Why; empty while nobody has revoked it.
    pub revoked_reason: String,
}

impl Delegation {
    /// What it allows by itself, cut short by its revocation; none when it was revoked before it began.
    #[must_use]
    pub fn own_rights(&self) -> Option<Rights> {
        let last = self.revoked_from.and_then(|day| day.pred_opt());
        let to = earlier(self.rights.to, last);
        let ended = to.is_some_and(|to| to < self.rights.from);
        (!ended).then(|| Rights { to, ..self.rights.clone() })
    }

    /// What it really allows: for a replacement, no more than the delegation that it stands in for.
    #[must_use]
    pub fn effective(&self, original: Option<&Self>) -> Option<Rights> {
        let own = self.own_rights()?;
        match (self.stands_in_for, original) {
            (None, _) => Some(own),
            (Some(_), Some(original)) => own.common(&original.own_rights()?),
            // Without the one that it stands in for it allows nothing.
            (Some(_), None) => None,
        }
    }

    /// What is wrong with a replacement for another delegation.
    #[must_use]
    pub fn faults_in_standing_in(&self, original: &Self) -> Vec<FieldFault> {
        let mut faults = Vec::new();
        let mut fault = |field: &str, detail: &str| faults.push(FieldFault::new(format!("delegation.{field}"), detail));
        if original.delegator != self.delegator {
            fault("stands_in_for", "was given by another party");
        }
        if original.stands_in_for.is_some() {
            fault("stands_in_for", "is a replacement itself: name the delegation of who is absent");
        }
        if original.to == self.to {
            fault("stands_in_for", "is that of the same holder");
        }
        if self.rights.to.is_none() {
            fault("valid_to", "must be given: an absence ends");
        }
        match original.own_rights() {
            Some(rights) => faults.extend(self.rights.excess(&rights)),
            None => fault("stands_in_for", "was revoked before it began"),
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(n: i64) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + chrono::Duration::days(n)
    }

    fn delegation(rights: Rights, stands_in_for: Option<DelegationId>, revoked: Option<i64>) -> Delegation {
        Delegation {
            id: DelegationId::new(),
            delegator: PartyId::new(),
            to: Delegate::Person(PersonId::new()),
            rights,
            evidence: "décision 2026-12".into(),
            stands_in_for,
            revoked_from: revoked.map(day),
            revoked_reason: String::new(),
        }
    }

    fn rights(acts: &[Act], limit_cents: Option<i64>, from: i64, to: Option<i64>) -> Rights {
        Rights { acts: acts.to_vec(), limit_cents, from: day(from), to: to.map(day) }
    }

    #[test]
    fn an_amount_at_the_limit_is_allowed_and_a_cent_more_is_not() {
        let given = rights(&[Act::Order], Some(100_000), 0, Some(10));
        assert!(given.allow(Act::Order, 100_000, day(0)) && given.allow(Act::Order, 1, day(10)));
        assert!(!given.allow(Act::Order, 100_001, day(0)));
        assert!(!given.allow(Act::Award, 1, day(0)) && !given.allow(Act::Order, 1, day(11)));
        assert!(rights(&[Act::Order], None, 0, None).allow(Act::Order, i64::MAX, day(4_000)));
    }

    #[test]
    fn a_replacement_within_is_taken_and_each_excess_is_told() {
        let original = delegation(rights(&[Act::Order], Some(100_000), 0, Some(100)), None, None);
        let stand_in =
            |given: Rights| Delegation { delegator: original.delegator, ..delegation(given, Some(original.id), None) };
        let fields = |one: &Delegation| -> Vec<String> {
            one.faults_in_standing_in(&original).into_iter().map(|fault| fault.field).collect()
        };
        assert!(fields(&stand_in(rights(&[Act::Order], Some(100_000), 0, Some(100)))).is_empty());
        let beyond = rights(&[Act::Award, Act::Order], None, -1, Some(101));
        assert_eq!(
            fields(&stand_in(beyond)),
            ["delegation.acts", "delegation.amount_max_cents", "delegation.valid_from", "delegation.valid_to"]
        );
        assert_eq!(
            fields(&stand_in(rights(&[Act::Order], Some(1), 0, None))),
            ["delegation.valid_to", "delegation.valid_to"]
        );
        let of_another = delegation(rights(&[Act::Order], Some(1), 0, Some(1)), Some(original.id), None);
        assert_eq!(fields(&of_another), ["delegation.stands_in_for"]);
    }

    #[test]
    fn revoked_before_it_begins_it_allows_nothing() {
        assert_eq!(delegation(rights(&[Act::Order], None, 5, None), None, Some(5)).own_rights(), None);
        let cut = delegation(rights(&[Act::Order], None, 5, None), None, Some(6)).own_rights().unwrap();
        assert_eq!(cut.to, Some(day(5)));
    }

    fn any_rights() -> impl Strategy<Value = Rights> {
        let acts = prop::sample::subsequence(vec![Act::Award, Act::Order], 1..=2);
        (acts, prop::option::of(1_i64..50), 0_i64..30, prop::option::of(0_i64..30))
            .prop_map(|(acts, limit, from, days)| rights(&acts, limit, from, days.map(|days| from + days)))
    }

    proptest! {
        /// Whatever a replacement says, and whenever either is revoked: it never allows what the delegation it stands in for does not.
        #[test]
        fn a_replacement_never_has_more_rights(
            original in any_rights(), given in any_rights(), original_revoked in prop::option::of(0_i64..60),
            revoked in prop::option::of(0_i64..60), award in any::<bool>(), amount in 1_i64..60, on in 0_i64..70,
        ) {
            let original = delegation(original, None, original_revoked);
            let stand_in = delegation(given, Some(original.id), revoked);
            let act = if award { Act::Award } else { Act::Order };
            let allowed = |rights: Option<Rights>| rights.is_some_and(|rights| rights.allow(act, amount, day(on)));
            if allowed(stand_in.effective(Some(&original))) {
                prop_assert!(allowed(original.effective(None)));
                prop_assert!(allowed(stand_in.own_rights()));
            }
            prop_assert!(stand_in.effective(None).is_none(), "without the original it allows nothing");
        }

        /// What is taken at recording is wholly allowed afterwards: nothing is promised that does not hold.
        #[test]
        fn a_replacement_without_excess_is_effective_as_it_was_given(original in any_rights(), given in any_rights()) {
            let original = delegation(original, None, None);
            if given.excess(&original.rights).is_empty() {
                let stand_in = delegation(given.clone(), Some(original.id), None);
                let effective = stand_in.effective(Some(&original)).unwrap();
                prop_assert_eq!((effective.acts, effective.from, effective.to), (given.acts, given.from, given.to));
                prop_assert_eq!(effective.limit_cents, given.limit_cents.or(original.rights.limit_cents));
            }
        }
    }
}
