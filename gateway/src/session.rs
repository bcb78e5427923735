//! From a person's grants to the session of one request: what it is about, for whom the person acts, with which roles.
//! The middleware here stands before every route.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State},
    http::{HeaderMap, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use kit::{
    Failure,
    error::CommonError,
    id::{GroupId, PartyId},
    identity::{Caller, Role, Scope},
};

use crate::{
    App,
    access::{self, Gate},
    auth,
    error::GatewayError,
    people::{Grant, Person},
    problem::Problem,
};

/// Header that says for which party a person with several acts.
pub const ACTS_FOR: &str = "centrale-acts-for";

/// A checked session, for handlers.
#[derive(Debug, Clone)]
pub struct Session {
    /// Signed for the services.
    pub caller: Caller,
    /// Who it is.
    pub person: Arc<Person>,
}

impl Session {
    /// The session of a request that has passed the gate.
    ///
    /// # Errors
    /// `TOKEN_MISSING` on a public route.
    pub fn of(parts: &Parts) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| GatewayError::TokenMissing.into())
    }

    /// What page tokens are bound to.
    #[must_use]
    pub fn page_subject(&self) -> String {
        format!("{}|{}", self.caller.subject, self.caller.acts_for.map(|party| party.to_string()).unwrap_or_default())
    }

    /// The party that a request is about: as named, or the one acted for.
    ///
    /// # Errors
    /// `WRONG_SESSION` when none is named and none acted for.
    pub fn party_or(&self, named: Option<String>) -> Result<String, Failure> {
        match named {
            Some(party) if !party.is_empty() => Ok(party),
            Some(_) | None => self.caller.party().map(|party| party.to_string()),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(parts)
    }
}

/// Lets a request through to its handler, or not. Paths that no route matches go on to the fallback.
pub async fn guard(
    State(app): State<App>,
    path: Option<MatchedPath>,
    params: RawPathParams,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(path) = path else { return next.run(request).await };
    let method = request.method().as_str();
    let Some(gate) = access::gate(method, path.as_str()) else {
        let refused =
            GatewayError::MethodNotAllowed { method: method.to_owned(), allowed: access::methods(path.as_str()) };
        return Problem::from(refused).into_response();
    };
    if gate == Gate::Public {
        return next.run(request).await;
    }
    let param = |name: &str| params.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned());
    let target = Target { group: param("group_id"), party: param("party_id") };
    match open(&app, gate, &target, request.headers()).await {
        Ok(session) => {
            request.extensions_mut().insert(session);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// What the path names.
struct Target {
    group: Option<String>,
    party: Option<String>,
}

async fn open(app: &App, gate: Gate, target: &Target, headers: &HeaderMap) -> Result<Session, Problem> {
    let token = auth::bearer(headers)?;
    let (issuer, subject) = app.issuers.check(app, token).await?;
    let person = app.people.resolve(app, &issuer, &subject).await?;
    let chosen = chosen(headers)?;
    let caller = caller(gate, &person, target, chosen)?;
    Ok(Session { caller, person })
}

fn chosen(headers: &HeaderMap) -> Result<Option<PartyId>, Problem> {
    let Some(value) = headers.get(ACTS_FOR) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let party = text.parse().map_err(|_| GatewayError::ActsForNotAllowed(text.chars().take(60).collect()))?;
    Ok(Some(party))
}

/// The caller that a gate makes of a person.
fn caller(gate: Gate, person: &Person, target: &Target, chosen: Option<PartyId>) -> Result<Caller, Failure> {
    let subject = person.id.to_string();
    match gate {
        Gate::Public | Gate::Person => {
            let acts_for = chosen.or_else(|| only_party(&person.grants.iter().collect::<Vec<_>>()));
            if let Some(party) = acts_for
                && !person.grants.iter().any(|grant| grant.party == Some(party))
            {
                return Err(GatewayError::ActsForNotAllowed(party.to_string()).into());
            }
            let roles = roles(person.grants.iter().filter(|grant| grant.group.is_none()));
            Ok(Caller { subject, scope: Scope::Deployment, acts_for, roles })
        }
        Gate::Deployment(allowed) => {
            let letting_in: Vec<_> =
                person.grants.iter().filter(|grant| grant.group.is_none() && allowed.contains(&grant.role)).collect();
            let acts_for = acting(&letting_in, allowed, chosen)?;
            Ok(Caller { subject, scope: Scope::Deployment, acts_for, roles: roles(for_party(letting_in, acts_for)) })
        }
        Gate::Group { members, visitors } => {
            let named = target.group.clone().unwrap_or_default();
            let secret = || Failure::not_found("group", &named);
            let group: GroupId = named.parse().map_err(|_| secret())?;
            let inside: Vec<_> = person.grants.iter().filter(|grant| grant.group == Some(group)).collect();
            let visiting: Vec<_> =
                person.grants.iter().filter(|grant| grant.group.is_none() && visitors.contains(&grant.role)).collect();
            if inside.is_empty() && visiting.is_empty() {
                return Err(secret());
            }
            let letting_in: Vec<_> = inside
                .iter()
                .copied()
                .filter(|grant| members.contains(&grant.role))
                .chain(visiting.iter().copied())
                .collect();
            let acts_for = acting(&letting_in, &[members, visitors].concat(), chosen)?;
            let roles = roles(for_party(inside.into_iter().chain(visiting).collect(), acts_for));
            Ok(Caller { subject, scope: Scope::Group(group), acts_for, roles })
        }
        Gate::Party => {
            let named = target.party.clone().unwrap_or_default();
            let secret = || Failure::not_found("party", &named);
            let party: PartyId = named.parse().map_err(|_| secret())?;
            let grants: Vec<_> = person.grants.iter().filter(|grant| grant.party == Some(party)).collect();
            if grants.is_empty() {
                return Err(secret());
            }
            Ok(Caller { subject, scope: Scope::Party(party), acts_for: Some(party), roles: roles(grants) })
        }
    }
}

/// For whom the person acts: as chosen, or the only party that lets it in here.
fn acting(letting_in: &[&Grant], needed: &[Role], chosen: Option<PartyId>) -> Result<Option<PartyId>, Failure> {
    if letting_in.is_empty() {
        let needed = needed.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ");
        return Err(CommonError::RoleNotAllowed { needed }.into());
    }
    if let Some(party) = chosen {
        if letting_in.iter().any(|grant| grant.party == Some(party)) {
            return Ok(Some(party));
        }
        return Err(GatewayError::ActsForNotAllowed(party.to_string()).into());
    }
    let parties = distinct_parties(letting_in);
    match parties.as_slice() {
        [] => Ok(None),
        [party] => Ok(Some(*party)),
        several => {
            let several = several.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            Err(GatewayError::ActsForAmbiguous(several).into())
        }
    }
}

fn distinct_parties(grants: &[&Grant]) -> Vec<PartyId> {
    let mut parties: Vec<_> = grants.iter().filter_map(|grant| grant.party).collect();
    parties.sort_unstable();
    parties.dedup();
    parties
}

fn only_party(grants: &[&Grant]) -> Option<PartyId> {
    match distinct_parties(grants).as_slice() {
        [party] => Some(*party),
        _ => None,
    }
}

/// The grants that hold while acting for a party: its own, and those bound to none.
fn for_party(grants: Vec<&Grant>, party: Option<PartyId>) -> Vec<&Grant> {
    grants.into_iter().filter(|grant| grant.party.is_none() || grant.party == party).collect()
}

fn roles<'a>(grants: impl IntoIterator<Item = &'a Grant>) -> Vec<Role> {
    let mut roles: Vec<_> = grants.into_iter().map(|grant| grant.role).collect();
    roles.sort_unstable();
    roles.dedup();
    roles
}

#[cfg(test)]
mod tests {
    use kit::id::PersonId;

    use super::*;

    fn person(grants: Vec<Grant>) -> Person {
        Person { id: PersonId::new(), name: "Camille Test".into(), grants }
    }

    fn in_group(group: GroupId) -> Target {
        Target { group: Some(group.to_string()), party: None }
    }

    const READ: Gate = Gate::Group { members: &[Role::PurchasingOfficer, Role::MemberRequester], visitors: &[] };
    const ANSWER: Gate = Gate::Group { members: &[Role::PurchasingOfficer], visitors: &[Role::Supplier] };

    fn reason(result: Result<Caller, Failure>) -> String {
        result.unwrap_err().reason()
    }

    #[test]
    fn a_member_acts_in_its_group_with_the_roles_it_has_there() {
        let (here, there, party) = (GroupId::new(), GroupId::new(), PartyId::new());
        let person = person(vec![
            Grant { role: Role::MemberRequester, group: Some(here), party: Some(party) },
            Grant { role: Role::PurchasingOfficer, group: Some(there), party: Some(party) },
        ]);
        let caller = caller(READ, &person, &in_group(here), None).unwrap();
        assert_eq!((caller.scope, caller.acts_for), (Scope::Group(here), Some(party)));
        assert_eq!(caller.roles, [Role::MemberRequester], "no role of another group");
    }

    #[test]
    fn a_foreign_group_does_not_exist_and_a_missing_role_is_said() {
        let (here, party) = (GroupId::new(), PartyId::new());
        let person = person(vec![Grant { role: Role::MemberReceiver, group: Some(here), party: Some(party) }]);
        assert_eq!(reason(caller(READ, &person, &in_group(GroupId::new()), None)), "NOT_FOUND");
        assert_eq!(
            reason(caller(READ, &person, &Target { group: Some("grp_x".into()), party: None }, None)),
            "NOT_FOUND"
        );
        assert_eq!(reason(caller(READ, &person, &in_group(here), None)), "ROLE_NOT_ALLOWED");
    }

    #[test]
    fn a_supplier_enters_a_group_only_where_the_gate_says() {
        let (group, firm) = (GroupId::new(), PartyId::new());
        let person = person(vec![Grant { role: Role::Supplier, group: None, party: Some(firm) }]);
        let inside = caller(ANSWER, &person, &in_group(group), None).unwrap();
        assert_eq!((inside.acts_for, inside.roles.as_slice()), (Some(firm), [Role::Supplier].as_slice()));
        assert_eq!(reason(caller(READ, &person, &in_group(group), None)), "NOT_FOUND");
    }

    #[test]
    fn with_several_parties_the_header_chooses_and_only_among_ones_own() {
        let (group, one, other) = (GroupId::new(), PartyId::new(), PartyId::new());
        let person = person(vec![
            Grant { role: Role::MemberRequester, group: Some(group), party: Some(one) },
            Grant { role: Role::MemberRequester, group: Some(group), party: Some(other) },
            Grant { role: Role::PurchasingOfficer, group: Some(group), party: Some(other) },
        ]);
        assert_eq!(reason(caller(READ, &person, &in_group(group), None)), "ACTS_FOR_AMBIGUOUS");
        let chosen = caller(READ, &person, &in_group(group), Some(one)).unwrap();
        assert_eq!((chosen.acts_for, chosen.roles.as_slice()), (Some(one), [Role::MemberRequester].as_slice()));
        assert_eq!(reason(caller(READ, &person, &in_group(group), Some(PartyId::new()))), "ACTS_FOR_NOT_ALLOWED");
        // Only one of the parties lets in here: nothing to choose.
        assert_eq!(caller(ANSWER, &person, &in_group(group), None).unwrap().acts_for, Some(other));
    }

    #[test]
    fn a_party_session_is_for_whoever_has_a_grant_for_the_party() {
        let (mine, group) = (PartyId::new(), GroupId::new());
        let person = person(vec![Grant { role: Role::MemberReceiver, group: Some(group), party: Some(mine) }]);
        let about = |party: PartyId| Target { group: None, party: Some(party.to_string()) };
        assert_eq!(caller(Gate::Party, &person, &about(mine), None).unwrap().scope, Scope::Party(mine));
        assert_eq!(reason(caller(Gate::Party, &person, &about(PartyId::new()), None)), "NOT_FOUND");
    }

    #[test]
    fn a_deployment_session_has_no_role_of_a_group() {
        let (group, party) = (GroupId::new(), PartyId::new());
        let person = person(vec![Grant { role: Role::PurchasingOfficer, group: Some(group), party: Some(party) }]);
        let nothing = Target { group: None, party: None };
        assert!(caller(Gate::Person, &person, &nothing, None).unwrap().roles.is_empty());
        assert_eq!(
            reason(caller(Gate::Deployment(&[Role::Administrator]), &person, &nothing, None)),
            "ROLE_NOT_ALLOWED"
        );
    }
}
