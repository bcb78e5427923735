//! What happens to a member on its last day: it leaves, or another establishment takes it over.
//!
//! After a merger the successor stands in the place of the one taken over, in its rights and duties (CSP L6141-1, R6141-11): it
//! belongs to the group as that one did, and what that one was named for passes to it.

use chrono::NaiveDate;
use kit::{FieldFault, id::PartyId};

use super::{Member, Period};

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It leaves the group.
    Leave,
    /// Another establishment takes it over.
    Merge {
        /// Which.
        successor: PartyId,
    },
}

impl ChangeKind {
    /// As in events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Leave => "LEAVE",
            Self::Merge { .. } => "MERGE",
        }
    }
}

/// A change of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What happens.
    pub kind: ChangeKind,
    /// To whom.
    pub party: PartyId,
    /// Last day of its membership.
    pub last_day: NaiveDate,
    /// The decision.
    pub evidence: String,
}

/// The memberships after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed {
    /// The member's, ended.
    pub member: Member,
    /// The successor's from the next day on, with whether it becomes a member by this.
    pub successor: Option<(Member, bool)>,
}

/// Ends a membership, and hands it on in a merger. `memberships` are all of the two parties in the group.
///
/// # Errors
/// Every fault: a day gone by, no membership on the last day, one that ends before, a successor that is the same or that joins later.
pub fn change(change: &Change, memberships: &[Member], today: NaiveDate) -> Result<Changed, Vec<FieldFault>> {
    let mut faults = Vec::new();
    let mut fault = |field: &str, detail: String| faults.push(FieldFault::new(format!("change.{field}"), detail));
    if change.last_day < today {
        fault("last_day", format!("must be {today} or later: what was done under a membership stays"));
    }
    let of = |party: PartyId| memberships.iter().filter(move |member| member.party_id == party);
    let present = of(change.party).find(|member| member.period.contains(change.last_day));
    if present.is_none() {
        fault("party_id", format!("is not a member on {}", change.last_day));
    }
    if present.is_some_and(|member| member.period.to() == Some(change.last_day)) && change.kind == ChangeKind::Leave {
        fault("last_day", "is the last day already".to_owned());
    }
    if let Some(later) = of(change.party).find(|member| member.period.from() > change.last_day) {
        fault("last_day", format!("a later membership begins on {}", later.period.from()));
    }
    let next = change.last_day.succ_opt();
    if next.is_none() {
        fault("last_day", "is too far away".to_owned());
    }
    let mut successor = None;
    if let ChangeKind::Merge { successor: party } = change.kind {
        if party == change.party {
            fault("successor_party_id", "is the member itself".to_owned());
        } else if let Some((next, present)) = next.zip(present) {
            let there = of(party).find(|member| member.period.contains(next));
            let later = of(party).find(|member| member.period.from() > next);
            match (there, later) {
                (Some(member), _) => successor = Some((*member, false)),
                (None, Some(later)) => {
                    let detail = format!("joins on {} only, not on {next}", later.period.from());
                    fault("successor_party_id", detail);
                }
                (None, None) => {
                    let period = Period::new(next, None);
                    successor = period.map(|period| (Member { party_id: party, kind: present.kind, period }, true));
                }
            }
        }
    }
    match present.zip(present.and_then(|member| Period::new(member.period.from(), Some(change.last_day)))) {
        Some((member, period)) if faults.is_empty() => Ok(Changed { member: Member { period, ..*member }, successor }),
        Some(_) | None => Err(faults),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::MemberKind;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn member(party_id: PartyId, from: &str, to: Option<&str>) -> Member {
        Member { party_id, kind: MemberKind::Associate, period: Period::new(day(from), to.map(day)).unwrap() }
    }

    fn ask(kind: ChangeKind, party: PartyId, last_day: &str) -> Change {
        Change { kind, party, last_day: day(last_day), evidence: "délibération 2026-31".into() }
    }

    fn fields(outcome: Result<Changed, Vec<FieldFault>>) -> Vec<String> {
        outcome.unwrap_err().into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn a_member_leaves_on_a_day_to_come_and_not_before_today() {
        let (party, today) = (PartyId::new(), day("2026-11-26"));
        let there = [member(party, "2026-01-01", None)];
        let changed = change(&ask(ChangeKind::Leave, party, "2026-12-31"), &there, today).unwrap();
        assert_eq!((changed.member.period.to(), changed.successor), (Some(day("2026-12-31")), None));
        assert!(change(&ask(ChangeKind::Leave, party, "2026-11-26"), &there, today).is_ok());
        assert_eq!(fields(change(&ask(ChangeKind::Leave, party, "2026-11-25"), &there, today)), ["change.last_day"]);
        assert_eq!(
            fields(change(&ask(ChangeKind::Leave, PartyId::new(), "2026-12-31"), &there, today)),
            ["change.party_id"]
        );
        let back = [member(party, "2026-01-01", Some("2027-01-31")), member(party, "2027-06-01", None)];
        assert_eq!(fields(change(&ask(ChangeKind::Leave, party, "2026-12-31"), &back, today)), ["change.last_day"]);
        assert_eq!(
            fields(change(&ask(ChangeKind::Leave, party, "2027-01-31"), &back, today)),
            ["change.last_day", "change.last_day"]
        );
    }

    #[test]
    fn in_a_merger_the_successor_belongs_as_the_one_it_takes_over_unless_it_belongs_already() {
        let (small, large, today) = (PartyId::new(), PartyId::new(), day("2026-11-26"));
        let merge = |last: &str| ask(ChangeKind::Merge { successor: large }, small, last);
        let there = [member(small, "2026-01-01", None)];
        let (joined, joins) = change(&merge("2026-12-31"), &there, today).unwrap().successor.unwrap();
        assert_eq!((joined.period.from(), joined.kind, joins), (day("2027-01-01"), MemberKind::Associate, true));
        let both = [there[0], member(large, "2020-01-01", None)];
        let (kept, joins) = change(&merge("2026-12-31"), &both, today).unwrap().successor.unwrap();
        assert_eq!((kept, joins), (both[1], false));
        let later = [there[0], member(large, "2028-01-01", None)];
        assert_eq!(fields(change(&merge("2026-12-31"), &later, today)), ["change.successor_party_id"]);
        let itself = ask(ChangeKind::Merge { successor: small }, small, "2026-12-31");
        assert_eq!(fields(change(&itself, &there, today)), ["change.successor_party_id"]);
    }
}
