//! Who may sign in a party's name: by its role, or by a delegation of signature that membership keeps. Two services ask the same
//! question — tendering for awarding, demand for ordering — and must answer it alike.
//!
//! A party that has given no delegation to any person leaves signing to all its officers. One that has is bound by what it gave:
//! an officer signs within its own delegation, or within the one it holds for somebody absent. Another party's officer signs by
//! delegation only. An act at the limit is allowed, one cent more is not.

use chrono::NaiveDate;
use proto::membership::v1::{Act, Delegation, ListDelegationsRequest, rights_service_client::RightsServiceClient};

use crate::{
    client::Peer,
    error::{DomainError, ErrorKind, Failure},
    id::{DelegationId, GroupId, PartyId, PersonId},
    identity::{Caller, Scope},
};

/// Rows of one page of delegations.
const PAGE: i32 = 5_000;

/// To whom a right to sign was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// All officers of a party.
    Party(PartyId),
    /// One person.
    Person(PersonId),
}

/// A right to sign that holds on the day asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// The delegation that gives it.
    pub delegation: DelegationId,
    /// To whom.
    pub holder: Holder,
    /// Largest amount of one act without VAT, cents EUR; none for no limit.
    pub limit_cents: Option<i64>,
}

/// Every right to sign in a party's name that it has given and that holds on the day, with the text of law on delegating.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signatures {
    /// The rights.
    pub given: Vec<Signature>,
    /// Article, e.g. `CSP D6143-33`.
    pub source: String,
}

/// Why somebody may sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    /// As an officer of the party.
    ByRole,
    /// By a delegation, up to its limit.
    ByDelegation(DelegationId),
}

/// Why somebody may not sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The amount is above what was delegated.
    #[error("{amount_cents} cents are above the {limit_cents} of delegation {delegation} ({legal_source})")]
    AboveDelegation {
        /// The widest delegation held.
        delegation: String,
        /// Its limit, cents EUR.
        limit_cents: i64,
        /// The act's amount, cents EUR.
        amount_cents: i64,
        /// Article.
        legal_source: String,
    },
    /// The party has delegated its signature, and not to this officer.
    #[error("party {party} has given {given} delegations, none to this officer ({legal_source})")]
    NoDelegation {
        /// In whose name.
        party: String,
        /// How many hold today.
        given: usize,
        /// Article.
        legal_source: String,
    },
}

impl DomainError for SignatureError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::AboveDelegation { .. } | Self::NoDelegation { .. } => ErrorKind::Denied,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::AboveDelegation { .. } => "ABOVE_DELEGATION",
            Self::NoDelegation { .. } => "NO_DELEGATION",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::AboveDelegation { delegation, limit_cents, amount_cents, legal_source } => vec![
                ("delegation", delegation.clone()),
                ("limit_cents", limit_cents.to_string()),
                ("amount_cents", amount_cents.to_string()),
                ("source", legal_source.clone()),
            ],
            Self::NoDelegation { party, given, legal_source } => {
                vec![("party", party.clone()), ("given", given.to_string()), ("source", legal_source.clone())]
            }
        }
    }
}

impl Signatures {
    /// Whether a caller may sign an act of an amount (cents EUR) in a party's name. None: it has nothing to do with that party, and
    /// whose business it is, the caller of this function says.
    ///
    /// # Errors
    /// `ABOVE_DELEGATION` with the widest limit held, `NO_DELEGATION`.
    pub fn sign(&self, caller: &Caller, party: PartyId, amount_cents: i64) -> Result<Option<Signing>, SignatureError> {
        let own = caller.acts_for == Some(party);
        let held = |one: &&Signature| match one.holder {
            Holder::Party(holder) => caller.acts_for == Some(holder),
            Holder::Person(person) => caller.person() == Some(person),
        };
        // No limit is the widest.
        let widest =
            self.given.iter().filter(held).max_by_key(|one| one.limit_cents.map_or((1, 0), |limit| (0, limit)));
        let to_people = self.given.iter().filter(|one| matches!(one.holder, Holder::Person(_))).count();
        match widest {
            Some(Signature { delegation, limit_cents: Some(limit), .. }) if amount_cents > *limit => {
                Err(SignatureError::AboveDelegation {
                    delegation: delegation.to_string(),
                    limit_cents: *limit,
                    amount_cents,
                    legal_source: self.source.clone(),
                })
            }
            Some(one) => Ok(Some(Signing::ByDelegation(one.delegation))),
            None if own && to_people == 0 => Ok(Some(Signing::ByRole)),
            None if own => Err(SignatureError::NoDelegation {
                party: party.to_string(),
                given: to_people,
                legal_source: self.source.clone(),
            }),
            None => Ok(None),
        }
    }
}

/// Asks membership, as this service in the group, for the rights to sign in a party's name. Never while a transaction is open.
///
/// # Errors
/// When membership is away or its answer does not hold together.
pub async fn ask(
    membership: &Peer,
    service: &str,
    group: GroupId,
    party: PartyId,
    act: Act,
    on: Option<NaiveDate>,
) -> Result<Signatures, Failure> {
    let itself = Caller::service(service, Scope::Group(group));
    let mut client = RightsServiceClient::new(membership.channel());
    let mut signatures = Signatures::default();
    let mut after = String::new();
    loop {
        let request = ListDelegationsRequest {
            on: on.map(|day| day.to_string()).unwrap_or_default(),
            delegator_party_id: party.to_string(),
            act: act.into(),
            in_force_only: true,
            page: Some(proto::common::v1::Page { size: PAGE, after }),
        };
        let answer = client.list_delegations(membership.request(&itself, request)?).await?.into_inner();
        for delegation in answer.delegations.into_iter().filter(|delegation| delegation.in_force) {
            signatures.given.push(read(&delegation)?);
        }
        signatures.source = answer.source;
        after = answer.next_after;
        if after.is_empty() {
            return Ok(signatures);
        }
    }
}

fn read(delegation: &Delegation) -> Result<Signature, Failure> {
    let strange = |what: &str| Failure::internal(format!("membership answered with an impossible {what}"));
    let holder = if delegation.to_person_id.is_empty() {
        Holder::Party(delegation.to_party_id.parse().map_err(|_| strange("delegate"))?)
    } else {
        Holder::Person(delegation.to_person_id.parse().map_err(|_| strange("delegate"))?)
    };
    let id = delegation.id.parse().map_err(|_| strange("delegation"))?;
    Ok(Signature { delegation: id, holder, limit_cents: delegation.effective_max_cents })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::identity::Role;

    fn officer(person: PersonId, party: PartyId) -> Caller {
        let scope = Scope::Group(GroupId::new());
        Caller { subject: person.to_string(), scope, acts_for: Some(party), roles: vec![Role::PurchasingOfficer] }
    }

    fn right(holder: Holder, limit_cents: Option<i64>) -> Signature {
        Signature { delegation: DelegationId::new(), holder, limit_cents }
    }

    fn given(given: Vec<Signature>) -> Signatures {
        Signatures { given, source: "CSP D6143-33".into() }
    }

    #[test]
    fn who_signs_in_whose_name() {
        let (person, other) = (PersonId::new(), PersonId::new());
        let (party, stranger) = (PartyId::new(), PartyId::new());
        let caller = officer(person, party);
        let reason = |signatures: &Signatures, caller: &Caller, amount| {
            signatures.sign(caller, party, amount).map_err(|error| error.reason())
        };
        let none = given(Vec::new());
        assert_eq!(
            reason(&none, &caller, i64::MAX),
            Ok(Some(Signing::ByRole)),
            "no delegation, no register to keep to"
        );
        assert_eq!(reason(&none, &officer(other, stranger), 1), Ok(None));
        // To a party only: its own officers go on as before.
        let to_party = given(vec![right(Holder::Party(stranger), Some(500))]);
        assert_eq!(reason(&to_party, &caller, 9_999), Ok(Some(Signing::ByRole)));
        let by_party = Ok(Some(Signing::ByDelegation(to_party.given[0].delegation)));
        assert_eq!(reason(&to_party, &officer(other, stranger), 500), by_party);
        assert_eq!(reason(&to_party, &officer(other, stranger), 501), Err("ABOVE_DELEGATION"));
        // To people: those without one do not sign.
        let to_people = given(vec![right(Holder::Person(other), None)]);
        assert_eq!(reason(&to_people, &caller, 1), Err("NO_DELEGATION"));
        let by_person = Ok(Some(Signing::ByDelegation(to_people.given[0].delegation)));
        assert_eq!(reason(&to_people, &officer(other, party), i64::MAX), by_person);
    }

    proptest! {
        #[test]
        fn the_widest_delegation_held_decides(limits in prop::collection::vec(prop::option::of(1_i64..1_000), 1..6), amount in 1_i64..1_100) {
            let (person, party) = (PersonId::new(), PartyId::new());
            let held = limits.iter().map(|limit| right(Holder::Person(person), *limit)).collect();
            let allowed = limits.iter().any(|limit| limit.is_none_or(|limit| amount <= limit));
            prop_assert_eq!(given(held).sign(&officer(person, party), party, amount).is_ok(), allowed);
        }
    }
}
