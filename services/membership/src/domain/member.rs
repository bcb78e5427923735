//! Memberships of a group.

use chrono::NaiveDate;
use kit::id::PartyId;

use super::{BuyerStatus, Siret};

/// How a party belongs to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MemberKind {
    /// Full member (établissement partie, membre).
    Full,
    /// Associate: rights as its convention says.
    Associate,
    /// Partner of a GHT (CSP L6132-7).
    Partner,
}

impl MemberKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Full, Self::Associate, Self::Partner];

    /// Its name in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Associate => "ASSOCIATE",
            Self::Partner => "PARTNER",
        }
    }
}

/// Days from the first to the last, both included; without a last day while it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    from: NaiveDate,
    to: Option<NaiveDate>,
}

impl Period {
    /// A period, unless it would end before it begins.
    #[must_use]
    pub fn new(from: NaiveDate, to: Option<NaiveDate>) -> Option<Self> {
        if to.is_some_and(|to| to < from) { None } else { Some(Self { from, to }) }
    }

    /// First day.
    #[must_use]
    pub const fn from(self) -> NaiveDate {
        self.from
    }

    /// Last day.
    #[must_use]
    pub const fn to(self) -> Option<NaiveDate> {
        self.to
    }

    /// Whether a day is in it.
    #[must_use]
    pub fn contains(self, day: NaiveDate) -> bool {
        self.from <= day && self.to.is_none_or(|to| day <= to)
    }

    /// Whether a day is in both.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.to.is_none_or(|to| other.from <= to) && other.to.is_none_or(|to| self.from <= to)
    }
}

/// A party's membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub party_id: PartyId,
    /// How it belongs.
    pub kind: MemberKind,
    /// When.
    pub period: Period,
}

/// A membership with the facts about its party that rules use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberFacts {
    /// The membership.
    pub member: Member,
    /// Name of the party.
    pub name: String,
    /// Number in the register of companies.
    pub siret: Option<Siret>,
    /// Whether the Code de la commande publique binds it on the day.
    pub buyer_status: Option<BuyerStatus>,
    /// Since when it has belonged without a gap, in whatever way.
    pub since: NaiveDate,
}

/// Whether a membership brings somebody in, or in another way than before: not when one of the same kind has the same first day, or
/// goes on until then.
#[must_use]
pub fn is_admission(new: &Member, present: &[Member]) -> bool {
    let goes_on = |old: &&Member| {
        let ends_before = old.period.to().and_then(|to| to.succ_opt()) == Some(new.period.from());
        old.period.from() == new.period.from() || ends_before || old.period.contains(new.period.from())
    };
    !present.iter().filter(|old| old.party_id == new.party_id && old.kind == new.kind).any(|old| goes_on(&old))
}

/// Whether an adopted admission (who, as what, from which day on) lets a membership begin. One that let an earlier membership begin,
/// which has ended since, does not let in again.
#[must_use]
pub fn is_voted(new: &Member, present: &[Member], admissions: &[(PartyId, MemberKind, NaiveDate)]) -> bool {
    let used = |from: NaiveDate| {
        present.iter().any(|old| {
            old.party_id == new.party_id
                && old.kind == new.kind
                && old.period.from() != new.period.from()
                && old.period.to().is_some_and(|to| from <= to)
        })
    };
    admissions.iter().any(|(party, kind, from)| {
        *party == new.party_id && *kind == new.kind && *from <= new.period.from() && !used(*from)
    })
}

/// The first new membership that would share a day with another one of its party, present or new, and that one. A present one
/// with the same first day is not in the way: it is replaced.
#[must_use]
pub fn find_overlap(new: &[Member], present: &[Member]) -> Option<(Member, Member)> {
    let replaced = |old: &Member| new.iter().any(|m| m.party_id == old.party_id && m.period.from == old.period.from);
    let stay: Vec<&Member> = present.iter().filter(|old| !replaced(old)).collect();
    for (index, member) in new.iter().enumerate() {
        let others = stay.iter().copied().chain(&new[..index]);
        for other in others {
            if other.party_id == member.party_id && other.period.overlaps(member.period) {
                return Some((*member, *other));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(n: i32) -> NaiveDate {
        NaiveDate::from_num_days_from_ce_opt(739_000 + n).unwrap()
    }

    fn period(from: i32, to: Option<i32>) -> Period {
        Period::new(day(from), to.map(day)).unwrap()
    }

    fn member(party_id: PartyId, period: Period) -> Member {
        Member { party_id, kind: MemberKind::Full, period }
    }

    #[test]
    fn periods_that_touch_share_a_day_and_those_that_follow_do_not() {
        assert!(period(1, Some(5)).overlaps(period(5, None)));
        assert!(!period(1, Some(5)).overlaps(period(6, None)));
        assert!(period(1, None).overlaps(period(100, Some(101))));
        assert!(Period::new(day(2), Some(day(1))).is_none());
        assert!(Period::new(day(2), Some(day(2))).is_some());
    }

    #[test]
    fn who_goes_on_in_the_same_way_is_not_admitted_again() {
        let party = PartyId::new();
        let present = [member(party, period(1, Some(9)))];
        assert!(!is_admission(&member(party, period(1, None)), &present), "the same first day");
        assert!(!is_admission(&member(party, period(10, None)), &present), "from the next day on");
        assert!(is_admission(&member(party, period(11, None)), &present), "after a day outside");
        assert!(is_admission(&member(PartyId::new(), period(10, None)), &present));
        let otherwise = Member { kind: MemberKind::Associate, ..member(party, period(10, None)) };
        assert!(is_admission(&otherwise, &present), "in another way");
    }

    #[test]
    fn an_admission_lets_in_once_in_its_way_from_its_day_on() {
        let party = PartyId::new();
        let admissions = [(party, MemberKind::Full, day(10))];
        let new = |from| member(party, period(from, None));
        assert!(is_voted(&new(10), &[], &admissions) && is_voted(&new(30), &[], &admissions));
        assert!(!is_voted(&new(9), &[], &admissions), "before its effect");
        assert!(!is_voted(&Member { kind: MemberKind::Associate, ..new(10) }, &[], &admissions));
        assert!(!is_voted(&new(30), &[member(party, period(10, Some(20)))], &admissions), "it was let in and has left");
        assert!(is_voted(&new(30), &[member(party, period(1, Some(5)))], &admissions), "it had left before the vote");
    }

    #[test]
    fn the_same_first_day_replaces_and_another_one_is_in_the_way() {
        let (one, other) = (PartyId::new(), PartyId::new());
        let present = [member(one, period(1, None))];
        assert_eq!(find_overlap(&[member(one, period(1, Some(9)))], &present), None);
        assert_eq!(find_overlap(&[member(other, period(3, None))], &present), None);
        let late = member(one, period(3, None));
        assert_eq!(find_overlap(&[late], &present), Some((late, present[0])));
        // Ending the present one makes room for its successor, in one call.
        assert_eq!(find_overlap(&[member(one, period(1, Some(2))), late], &present), None);
        assert_eq!(
            find_overlap(&[late, member(one, period(4, None))], &[]),
            Some((member(one, period(4, None)), late))
        );
    }

    proptest! {
        #[test]
        fn overlapping_means_sharing_a_day(a in 0..20, a_days in 0..20, b in 0..20, b_days in 0..20) {
            let shared = (0..40).any(|n| (a..=a + a_days).contains(&n) && (b..=b + b_days).contains(&n));
            prop_assert_eq!(period(a, Some(a + a_days)).overlaps(period(b, Some(b + b_days))), shared);
        }
    }
}
