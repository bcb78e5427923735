//! What a person may do, as membership says, remembered for 30 s at most: so long a withdrawn role may still work.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kit::{
    Failure,
    id::{GroupId, PartyId, PersonId},
    identity::{Caller, Role, Scope},
};
use proto::membership::v1::{self as pb, ResolvePersonRequest, ResolvePersonResponse};
use tokio::time::Instant;

use crate::{
    App,
    error::GatewayError,
    problem::Problem,
    upstream::{call, membership},
};

/// How long an answer is believed.
const REMEMBERED: Duration = Duration::from_secs(30);
/// Most people remembered at once.
const REMEMBERED_PEOPLE: usize = 10_000;

/// A person and everything it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Its id.
    pub id: PersonId,
    /// Its name.
    pub name: String,
    /// Its grants in force.
    pub grants: Vec<Grant>,
}

/// A role with its reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// What.
    pub role: Role,
    /// In which group; across groups if none.
    pub group: Option<GroupId>,
    /// For whom; an administrator acts for none.
    pub party: Option<PartyId>,
}

/// Issuer and subject of a token.
type Token = (String, String);

/// People resolved lately, by issuer and subject of their token.
#[derive(Debug, Default)]
pub struct People {
    seen: Mutex<HashMap<Token, Remembered>>,
}

/// Since when, and who.
type Remembered = (Instant, Arc<Person>);

/// The gateway itself, for what only it asks.
#[must_use]
pub fn gateway() -> Caller {
    Caller::service("gateway", Scope::Deployment)
}

impl People {
    /// What the person of a token may do.
    ///
    /// # Errors
    /// `PERSON_NOT_REGISTERED`, or what membership answers.
    pub async fn resolve(&self, app: &App, issuer: &str, subject: &str) -> Result<Arc<Person>, Problem> {
        let key = (issuer.to_owned(), subject.to_owned());
        if let Some(person) = self.remembered(&key, Instant::now()) {
            return Ok(person);
        }
        let request = ResolvePersonRequest { issuer: key.0.clone(), subject: key.1.clone() };
        let answer = call(&app.peers.membership, &gateway(), request, |channel, request| async move {
            membership(channel).resolve_person(request).await
        })
        .await;
        let answer = match answer {
            Err(failure) if failure_is(&failure, tonic::Code::NotFound) => {
                return Err(GatewayError::PersonNotRegistered { issuer: key.0, subject: key.1 }.into());
            }
            other => other?,
        };
        let person = Arc::new(person(answer)?);
        self.remember(key, person.clone());
        Ok(person)
    }

    fn remembered(&self, key: &Token, now: Instant) -> Option<Arc<Person>> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(key).filter(|(since, _)| now.duration_since(*since) < REMEMBERED).map(|(_, person)| person.clone())
    }

    fn remember(&self, key: Token, person: Arc<Person>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= REMEMBERED_PEOPLE {
            seen.retain(|_, (since, _)| since.elapsed() < REMEMBERED);
            if seen.len() >= REMEMBERED_PEOPLE {
                seen.clear();
            }
        }
        seen.insert(key, (Instant::now(), person));
    }
}

/// Whether a service answered with a code.
#[must_use]
pub fn failure_is(failure: &Failure, code: tonic::Code) -> bool {
    matches!(failure, Failure::Remote(status) if status.code() == code)
}

fn person(answer: ResolvePersonResponse) -> Result<Person, Failure> {
    let id = answer.person_id.parse().map_err(Failure::internal)?;
    let grants = answer.grants.into_iter().filter_map(|grant| known(&grant).transpose()).collect::<Result<_, _>>()?;
    Ok(Person { id, name: answer.name, grants })
}

/// A grant, unless its role is newer than this gateway: what is not understood allows nothing.
fn known(grant: &pb::Grant) -> Result<Option<Grant>, Failure> {
    let role = match grant.role() {
        pb::Role::Unspecified => return Ok(None),
        pb::Role::Administrator => Role::Administrator,
        pb::Role::PurchasingOfficer => Role::PurchasingOfficer,
        pb::Role::MemberRequester => Role::MemberRequester,
        pb::Role::MemberReceiver => Role::MemberReceiver,
        pb::Role::Supplier => Role::Supplier,
        pb::Role::PlatformOperator => Role::PlatformOperator,
        pb::Role::Auditor => Role::Auditor,
    };
    let group = match grant.group_id.as_str() {
        "" => None,
        text => Some(text.parse().map_err(Failure::internal)?),
    };
    let party = match grant.party_id.as_str() {
        "" => None,
        text => Some(text.parse().map_err(Failure::internal)?),
    };
    Ok(Some(Grant { role, group, party }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_that_is_not_known_allows_nothing() {
        let answer = ResolvePersonResponse {
            person_id: PersonId::new().to_string(),
            name: "Camille".into(),
            grants: vec![
                pb::Grant { role: 99, ..Default::default() },
                pb::Grant {
                    role: pb::Role::Auditor.into(),
                    group_id: GroupId::new().to_string(),
                    ..Default::default()
                },
            ],
        };
        assert_eq!(person(answer).unwrap().grants.iter().map(|grant| grant.role).collect::<Vec<_>>(), [Role::Auditor]);
    }

    #[test]
    fn a_person_is_forgotten_after_thirty_seconds() {
        let people = People::default();
        let key = ("issuer".to_owned(), "subject".to_owned());
        people.remember(key.clone(), Arc::new(Person { id: PersonId::new(), name: String::new(), grants: Vec::new() }));
        let now = Instant::now();
        assert!(people.remembered(&key, now + Duration::from_secs(29)).is_some());
        assert!(people.remembered(&key, now + Duration::from_secs(31)).is_none());
    }
}
