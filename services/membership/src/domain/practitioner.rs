//! Practitioners of a group, and where they work. A radiologist belongs to a GIE as a person; the practice or hospital it works at is
//! another matter: it becomes a member by a membership of its own and a buyer by being named (CCP R2162-6).

use chrono::NaiveDate;
use kit::id::{PartyId, PractitionerId};

use super::{Period, Rpps};

/// Where a practitioner works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceKind {
    /// A practice (cabinet).
    Practice,
    /// A hospital, public or private.
    Hospital,
}

impl PlaceKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Practice, Self::Hospital];

    /// Its name in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Practice => "PRACTICE",
            Self::Hospital => "HOSPITAL",
        }
    }
}

/// That a practitioner works somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Where.
    pub party_id: PartyId,
    /// What kind of place it is.
    pub kind: PlaceKind,
    /// When.
    pub period: Period,
    /// Name of the party, once read.
    pub party_name: String,
}

/// That a practitioner signed a version of the charter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Which.
    pub version: i32,
    /// When.
    pub signed_on: NaiveDate,
    /// Who signed.
    pub signed_by: String,
}

/// A practitioner who belongs to a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Practitioner {
    /// Id; that of the row once stored.
    pub id: PractitionerId,
    /// Number in the shared register.
    pub rpps: Rpps,
    /// Name.
    pub name: String,
    /// Address for notices; may be empty.
    pub email: String,
    /// In the group from when to when.
    pub period: Period,
    /// Where it works.
    pub attachments: Vec<Attachment>,
    /// Its latest signature of the charter.
    pub signature: Option<Signature>,
    /// The level that it holds, with its name and since when.
    pub level: Option<(i32, String, NaiveDate)>,
    /// When its next audit falls due; none where the group has no label.
    pub audit_due_on: Option<NaiveDate>,
}

/// The first attachment that would share a day with another one at the same party, and that one.
#[must_use]
pub fn find_attachment_overlap(attachments: &[Attachment]) -> Option<(usize, usize)> {
    for (index, one) in attachments.iter().enumerate() {
        let earlier = attachments[..index].iter();
        let same =
            earlier.enumerate().find(|(_, other)| other.party_id == one.party_id && other.period.overlaps(one.period));
        if let Some((other, _)) = same {
            return Some((index, other));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_works_at_one_place_in_one_way_on_a_day_and_at_several_places_at_once() {
        let day = |n: i32| NaiveDate::from_num_days_from_ce_opt(739_000 + n).unwrap();
        let (one, other) = (PartyId::new(), PartyId::new());
        let at = |party_id, from, to: Option<i32>| Attachment {
            party_id,
            kind: PlaceKind::Practice,
            period: Period::new(day(from), to.map(day)).unwrap(),
            party_name: String::new(),
        };
        assert_eq!(find_attachment_overlap(&[at(one, 1, None), at(other, 1, None)]), None);
        assert_eq!(find_attachment_overlap(&[at(one, 1, Some(3)), at(other, 1, None), at(one, 4, None)]), None);
        assert_eq!(find_attachment_overlap(&[at(one, 1, None), at(other, 1, None), at(one, 4, None)]), Some((2, 0)));
    }
}
