//! People. Passwords are wrapped at once, so that no log can show them.

use kit::{
    Failure,
    config::Secret,
    id::{GroupId, PersonId},
};
use proto::membership::v1 as pb;

use super::{Fields, check_repeats, site::party_reference};
use crate::domain::{Grant, GrantRole, Key, PartyRef, Person};

/// People registered in one call at most: each password costs a slow hash.
const MOST_PEOPLE: usize = 200;
/// Grants of one person at most.
const MOST_GRANTS: usize = 500;
/// Shortest password, in characters.
pub(crate) const SHORTEST_PASSWORD: usize = 12;
/// Longest password, in characters.
pub(super) const LONGEST_PASSWORD: usize = 200;

/// Names a group on input.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum GroupRef {
    /// `grp_…`
    Id(GroupId),
    /// `key:…`
    Key(Key),
}

/// A grant whose group and party are still references.
#[derive(Debug)]
pub struct GrantInput {
    /// What.
    pub role: GrantRole,
    /// Where.
    pub group: Option<GroupRef>,
    /// For whom.
    pub party: Option<PartyRef>,
}

/// A person to register.
#[derive(Debug)]
pub struct PersonInput {
    /// The person.
    pub person: Person,
    /// Its new password; none keeps the present one.
    pub password: Option<Secret>,
    /// Everything it may do.
    pub grants: Vec<GrantInput>,
}

/// Reads the people of a request; each gets a new id, for the case that its login is new.
///
/// # Errors
/// `INVALID_INPUT` with the faults of all rows.
pub fn people_from_proto(people: &[pb::Person]) -> Result<Vec<PersonInput>, Failure> {
    let mut fields = Fields::new();
    let mut read = Some(Vec::new());
    if fields.count("people", people.len(), MOST_PEOPLE) {
        for (index, person) in people.iter().enumerate() {
            let person = person_from_proto(&mut fields, &format!("people[{index}]"), person);
            read = read.zip(person).map(|(mut read, person)| {
                read.push(person);
                read
            });
        }
        check_repeats(&mut fields, "people", "login", people.iter().map(|person| Some(person.login.to_lowercase())));
    }
    fields.finish(read)
}

fn person_from_proto(fields: &mut Fields, path: &str, person: &pb::Person) -> Option<PersonInput> {
    let at = |field: &str| format!("{path}.{field}");
    if !person.id.is_empty() {
        fields.fault(&at("id"), "must be empty: people are known by their login");
    }
    let login = fields.parsed(&at("login"), &person.login, parse_login);
    let name = fields.text(&at("name"), &person.name, 1, 200);
    let email = fields.parsed_if_any(&at("email"), &person.email, parse_email).unwrap_or_default();
    let password = fields.parsed_if_any(&at("password"), &person.password, parse_password);
    let mut grants = Vec::new();
    if person.grants.len() > MOST_GRANTS {
        fields.fault(&at("grants"), &format!("must have {MOST_GRANTS} entries at most"));
    } else {
        for (index, grant) in person.grants.iter().enumerate() {
            grants.extend(grant_from_proto(fields, &at(&format!("grants[{index}]")), grant));
        }
    }
    Some(PersonInput { person: Person { id: PersonId::new(), login: login?, name, email }, password, grants })
}

fn grant_from_proto(fields: &mut Fields, path: &str, grant: &pb::Grant) -> Option<GrantInput> {
    let Some(role) = role_from_proto(grant.role()) else {
        fields.fault(&format!("{path}.role"), "must be a role");
        return None;
    };
    let reach = role.reach();
    let (group_field, party_field) = (format!("{path}.group_id"), format!("{path}.party_id"));
    let group = if reach.group {
        let group = group_reference(&grant.group_id);
        if group.is_none() {
            fields.fault(&group_field, &format!("{} needs a group: its id (grp_…) or key:… with its key", role.name()));
        }
        group
    } else {
        if !grant.group_id.is_empty() {
            fields.fault(&group_field, &format!("must be empty: {} reaches across groups", role.name()));
        }
        None
    };
    let party = match (reach.party, grant.party_id.as_str()) {
        (None, "") => None,
        (None, _) => {
            fields.fault(&party_field, &format!("must be empty: {} acts for no party", role.name()));
            None
        }
        (Some(_), "") if reach.party_optional => None,
        (Some(_), text) => party_reference(fields, &party_field, text),
    };
    Some(GrantInput { role, group, party })
}

fn group_reference(text: &str) -> Option<GroupRef> {
    match text.strip_prefix("key:") {
        Some(key) => Key::parse(key).ok().map(GroupRef::Key),
        None => text.parse().ok().map(GroupRef::Id),
    }
}

/// Logins are compared in lower case.
pub(crate) fn parse_login(text: &str) -> Result<String, &'static str> {
    let fits = (3..=100).contains(&text.chars().count()) && text.chars().all(|c| !c.is_whitespace() && !c.is_control());
    let login = text.to_lowercase();
    if fits && (3..=100).contains(&login.chars().count()) {
        Ok(login)
    } else {
        Err("must be 3 to 100 characters without spaces")
    }
}

pub(super) fn parse_email(text: &str) -> Result<String, &'static str> {
    // Whether it arrives, only sending tells.
    let fits = text.len() <= 254
        && text.chars().all(|c| !c.is_whitespace() && !c.is_control())
        && text
            .split_once('@')
            .is_some_and(|(who, place)| !who.is_empty() && !place.is_empty() && !place.contains('@'));
    if fits { Ok(text.to_owned()) } else { Err("must be an e-mail address") }
}

/// Length decides, not kinds of characters (ANSSI, CNIL).
pub(crate) fn parse_password(text: &str) -> Result<Secret, &'static str> {
    if (SHORTEST_PASSWORD..=LONGEST_PASSWORD).contains(&text.chars().count()) {
        Ok(Secret::from(text.to_owned()))
    } else {
        Err("must be 12 to 200 characters")
    }
}

/// A person as an administrator reads it: never with a password.
#[must_use]
pub fn person_to_proto(person: &Person, grants: &[Grant]) -> pb::Person {
    pb::Person {
        id: person.id.to_string(),
        login: person.login.clone(),
        name: person.name.clone(),
        email: person.email.clone(),
        password: String::new(),
        grants: grants.iter().map(grant_to_proto).collect(),
    }
}

/// A grant as the gateway reads it.
#[must_use]
pub fn grant_to_proto(grant: &Grant) -> pb::Grant {
    pb::Grant {
        role: role_to_proto(grant.role).into(),
        group_id: grant.group_id.map(|group| group.to_string()).unwrap_or_default(),
        party_id: grant.party_id.map(|party| party.to_string()).unwrap_or_default(),
    }
}

const fn role_from_proto(role: pb::Role) -> Option<GrantRole> {
    match role {
        pb::Role::Unspecified => None,
        pb::Role::Administrator => Some(GrantRole::Administrator),
        pb::Role::PurchasingOfficer => Some(GrantRole::PurchasingOfficer),
        pb::Role::MemberRequester => Some(GrantRole::MemberRequester),
        pb::Role::MemberReceiver => Some(GrantRole::MemberReceiver),
        pb::Role::Supplier => Some(GrantRole::Supplier),
        pb::Role::PlatformOperator => Some(GrantRole::PlatformOperator),
        pb::Role::Auditor => Some(GrantRole::Auditor),
    }
}

const fn role_to_proto(role: GrantRole) -> pb::Role {
    match role {
        GrantRole::Administrator => pb::Role::Administrator,
        GrantRole::PurchasingOfficer => pb::Role::PurchasingOfficer,
        GrantRole::MemberRequester => pb::Role::MemberRequester,
        GrantRole::MemberReceiver => pb::Role::MemberReceiver,
        GrantRole::Supplier => pb::Role::Supplier,
        GrantRole::PlatformOperator => pb::Role::PlatformOperator,
        GrantRole::Auditor => pb::Role::Auditor,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(role: pb::Role, group_id: &str, party_id: &str) -> bool {
        let mut fields = Fields::new();
        let grant = pb::Grant { role: role.into(), group_id: group_id.into(), party_id: party_id.into() };
        let read = grant_from_proto(&mut fields, "g", &grant);
        fields.finish(read).is_ok()
    }

    #[test]
    fn a_role_names_what_it_reaches_and_no_more() {
        use pb::Role as R;
        for (role, group, party, valid) in [
            (R::Administrator, "", "", true),
            (R::Administrator, "key:ght", "", false),
            (R::Administrator, "", "key:brest", false),
            (R::PurchasingOfficer, "key:ght", "key:brest", true),
            (R::PurchasingOfficer, "key:ght", "", false),
            (R::PurchasingOfficer, "", "key:brest", false),
            (R::Auditor, "key:ght", "", true),
            (R::Auditor, "", "", false),
            (R::MemberRequester, "key:ght", "key:brest", true),
            (R::MemberReceiver, "key:ght", "", false),
            (R::Supplier, "", "key:ponant", true),
            (R::Supplier, "key:ght", "key:ponant", false),
            (R::PlatformOperator, "", "", false),
            (R::Unspecified, "", "", false),
            (R::PurchasingOfficer, "key:ght", "siret:73282932000074", false),
        ] {
            assert_eq!(grant(role, group, party), valid, "{role:?} {group} {party}");
        }
    }

    #[test]
    fn logins_are_lower_case_and_emails_have_a_place() {
        assert_eq!(parse_login("Acheteur.GHT"), Ok("acheteur.ght".to_owned()));
        assert!(parse_login("ab").is_err() && parse_login("a b c").is_err());
        assert!(parse_email("a@example.org").is_ok());
        for bad in ["a", "@b", "a@", "a@b@c", "a b@c"] {
            assert!(parse_email(bad).is_err(), "{bad}");
        }
        assert!(parse_password("éééééééééééé").is_ok());
        assert!(parse_password("elevenchars").is_err());
    }
}
