//! People and what they may do.

use std::collections::HashMap;

use kit::{
    FieldFault,
    id::{GroupId, PartyId, PersonId},
};

use super::PartyKind;

/// A role that a person can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GrantRole {
    /// Loads reference data and groups.
    Administrator,
    /// Purchasing officer (acheteur) of a group.
    PurchasingOfficer,
    /// States the needs of one member.
    MemberRequester,
    /// Certifies receipt for one member.
    MemberReceiver,
    /// Answers for a supplier.
    Supplier,
    /// Works for a logistics platform.
    PlatformOperator,
    /// Reads everything of a group.
    Auditor,
}

/// What a grant of a role must name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// Whether it is in one group; otherwise it reaches across groups.
    pub group: bool,
    /// The kind of party for which the person acts; none for who acts for nobody.
    pub party: Option<PartyKind>,
    /// Whether that party may be left out.
    pub party_optional: bool,
}

impl GrantRole {
    /// Every role.
    pub const ALL: [Self; 7] = [
        Self::Administrator,
        Self::PurchasingOfficer,
        Self::MemberRequester,
        Self::MemberReceiver,
        Self::Supplier,
        Self::PlatformOperator,
        Self::Auditor,
    ];

    /// Its name in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Administrator => "ADMINISTRATOR",
            Self::PurchasingOfficer => "PURCHASING_OFFICER",
            Self::MemberRequester => "MEMBER_REQUESTER",
            Self::MemberReceiver => "MEMBER_RECEIVER",
            Self::Supplier => "SUPPLIER",
            Self::PlatformOperator => "PLATFORM_OPERATOR",
            Self::Auditor => "AUDITOR",
        }
    }

    /// How far it reaches.
    #[must_use]
    pub const fn reach(self) -> Reach {
        match self {
            Self::Administrator => Reach { group: false, party: None, party_optional: false },
            Self::PurchasingOfficer | Self::MemberRequester | Self::MemberReceiver => {
                Reach { group: true, party: Some(PartyKind::Establishment), party_optional: false }
            }
            Self::Auditor => Reach { group: true, party: Some(PartyKind::Establishment), party_optional: true },
            Self::Supplier => Reach { group: false, party: Some(PartyKind::Firm), party_optional: false },
            Self::PlatformOperator => Reach { group: false, party: Some(PartyKind::Platform), party_optional: false },
        }
    }
}

/// A role with its reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Grant {
    /// What.
    pub role: GrantRole,
    /// In which group; none for roles that reach across groups.
    pub group_id: Option<GroupId>,
    /// For whom the person acts.
    pub party_id: Option<PartyId>,
}

/// A person. Personal data: never in an event, never in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// Id; that of the row once stored.
    pub id: PersonId,
    /// Lower case.
    pub login: String,
    /// Name.
    pub name: String,
    /// Address for notices; may be empty.
    pub email: String,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Person({})", self.id)
    }
}

/// The first member of a group for which the person would both request and receive: whoever orders does not certify
/// receipt (separation of duties; our own rule, design decision 6).
#[must_use]
pub fn find_same_duty(grants: &[Grant]) -> Option<Grant> {
    let requests = |receiver: &Grant| {
        grants.iter().any(|grant| {
            grant.role == GrantRole::MemberRequester
                && grant.group_id == receiver.group_id
                && grant.party_id == receiver.party_id
        })
    };
    grants.iter().find(|grant| grant.role == GrantRole::MemberReceiver && requests(grant)).copied()
}

/// Faults of one person's grants against the kinds of the parties that they name: nobody answers for a hospital as its supplier.
#[must_use]
pub fn check_grant_parties(path: &str, grants: &[Grant], kinds: &HashMap<PartyId, PartyKind>) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    for (index, grant) in grants.iter().enumerate() {
        let found = grant.party_id.and_then(|party| kinds.get(&party));
        if let (Some(wanted), Some(found)) = (grant.role.reach().party, found)
            && wanted != *found
        {
            let detail =
                format!("{} needs a party of kind {}, this one is {}", grant.role.name(), wanted.name(), found.name());
            faults.push(FieldFault::new(format!("{path}.grants[{index}].party_id"), detail));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_requests_and_receives_for_one_member_of_one_group() {
        let (group, member) = (GroupId::new(), PartyId::new());
        let grant = |role, group_id, party_id| Grant { role, group_id: Some(group_id), party_id: Some(party_id) };
        let requester = grant(GrantRole::MemberRequester, group, member);
        let receiver = grant(GrantRole::MemberReceiver, group, member);
        assert_eq!(find_same_duty(&[requester, receiver]), Some(receiver));
        assert_eq!(find_same_duty(&[requester, grant(GrantRole::MemberReceiver, group, PartyId::new())]), None);
        assert_eq!(find_same_duty(&[requester, grant(GrantRole::MemberReceiver, GroupId::new(), member)]), None);
        assert_eq!(find_same_duty(&[receiver]), None);
    }

    #[test]
    fn a_grant_names_a_party_of_the_kind_that_its_role_needs() {
        let (hospital, firm) = (PartyId::new(), PartyId::new());
        let kinds = HashMap::from([(hospital, PartyKind::Establishment), (firm, PartyKind::Firm)]);
        let supplier = |party| Grant { role: GrantRole::Supplier, group_id: None, party_id: Some(party) };
        assert_eq!(check_grant_parties("people[0]", &[supplier(firm)], &kinds), []);
        let faults = check_grant_parties("people[0]", &[supplier(firm), supplier(hospital)], &kinds);
        assert_eq!(
            faults,
            [FieldFault::new(
                "people[0].grants[1].party_id",
                "SUPPLIER needs a party of kind FIRM, this one is ESTABLISHMENT"
            )]
        );
    }

    #[test]
    fn a_person_does_not_show_in_a_log() {
        let person = Person {
            id: PersonId::new(),
            login: "camille".into(),
            name: "Camille".into(),
            email: "c@example.org".into(),
        };
        let text = format!("{person:?}").to_lowercase();
        assert!(!text.contains("camille") && !text.contains("example"), "{text}");
    }
}
