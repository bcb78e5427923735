//! People, their accounts and what they may do.

use std::collections::HashMap;

use kit::{
    Caller, Failure, FieldFault,
    command::{Claim, Command, parse_request_id},
    config::Secret,
    id::{GroupId, PartyId, PersonId},
};
use prost::Message as _;
use proto::membership::v1::{
    PeopleRegistered, RegisterPeopleRequest, RegisterPeopleResponse, ResolvePersonRequest, ResolvePersonResponse,
};
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;

use super::{App, login::login_sha256, registry::refuse, require_gateway, require_registrar};
use crate::{
    convert::{GrantInput, GroupRef, PersonInput, grant_to_proto, people_from_proto, person_to_proto},
    domain::{Grant, Party, PartyRef, Person, check_grant_parties, find_same_duty},
    store,
};

impl App {
    /// Creates or updates people with their accounts and grants, by login.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`; `INVALID_INPUT` with the faults of all rows.
    pub async fn register_people(
        &self,
        caller: &Caller,
        request: RegisterPeopleRequest,
    ) -> Result<RegisterPeopleResponse, Failure> {
        require_registrar(caller)?;
        let request_id = parse_request_id(&request.request_id)?;
        let inputs = people_from_proto(&request.people)?;
        let digest = self.request_digest(request_id, request).await?;
        // Hashed before the transaction, which must be short; a repeated request pays for it in vain.
        let hashes = self.hash_passwords(&inputs).await?;
        let method = "centrale.membership.v1.MembershipService/RegisterPeople";
        let mut command = match self.db.command_hashed(caller, method, request_id, &digest).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        store::person::lock_registry(command.conn()).await?;
        let grants = resolve_grants(command.conn(), &inputs).await?;
        let people = with_ids(command.conn(), inputs).await?;
        save(&mut command, &people, &grants, hashes).await?;
        let event = PeopleRegistered { person_ids: people.iter().map(|person| person.id.to_string()).collect() };
        command.append(request_id, "membership.people_registered.v1", &event).await?;
        let people = people.iter().zip(&grants).map(|(person, grants)| person_to_proto(person, grants)).collect();
        command.finish(RegisterPeopleResponse { people }).await
    }

    /// What a person may do, by what its issuer calls it.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `NOT_FOUND`.
    pub async fn resolve_person(
        &self,
        caller: &Caller,
        request: ResolvePersonRequest,
    ) -> Result<ResolvePersonResponse, Failure> {
        require_gateway(caller)?;
        let mut tx = self.db.begin(caller).await?;
        let person = if request.issuer == self.issuer.url() {
            match request.subject.parse::<PersonId>() {
                Ok(id) => store::person::find(tx.conn(), id).await?,
                Err(_) => None,
            }
        } else {
            store::person::find_by_identity(tx.conn(), &request.issuer, &request.subject).await?
        };
        let person = person.ok_or_else(|| Failure::not_found("person", &request.subject))?;
        let grants = store::person::list_grants(tx.conn(), person.id).await?;
        tx.rollback().await?;
        let grants = grants.iter().map(grant_to_proto).collect();
        Ok(ResolvePersonResponse { person_id: person.id.to_string(), name: person.name, grants })
    }

    /// What tells this request from another one with its id. A plain digest of the body would let who reads it guess passwords
    /// fast, so they go through a slow one.
    async fn request_digest(
        &self,
        request_id: uuid::Uuid,
        mut request: RegisterPeopleRequest,
    ) -> Result<Vec<u8>, Failure> {
        let mut passwords = String::new();
        for person in &mut request.people {
            let password = std::mem::take(&mut person.password);
            // The length goes in so that no two lists read the same.
            passwords.push_str(&format!("{}:{password}", password.len()));
        }
        let slow = self.passwords.turn().await?.digest(Secret::from(passwords), *request_id.as_bytes()).await?;
        let mut digest = Sha256::new();
        digest.update(request.encode_to_vec());
        digest.update(slow);
        Ok(digest.finalize().to_vec())
    }

    /// Hashes of the passwords given, by place.
    async fn hash_passwords(&self, inputs: &[PersonInput]) -> Result<HashMap<usize, String>, Failure> {
        let given = inputs.iter().enumerate().filter_map(|(index, input)| Some((index, input.password.clone()?)));
        let (places, passwords): (Vec<usize>, Vec<Secret>) = given.unzip();
        let hashes = self.passwords.hash_all(passwords).await?;
        Ok(places.into_iter().zip(hashes).collect())
    }
}

/// Each person's grants, with ids. All faults of all rows at once.
async fn resolve_grants(conn: &mut PgConnection, inputs: &[PersonInput]) -> Result<Vec<Vec<Grant>>, Failure> {
    let all = || inputs.iter().flat_map(|input| &input.grants);
    let parties = store::party::find_by_refs(conn, all().filter_map(|grant| grant.party.as_ref())).await?;
    let (mut ids, mut keys) = (Vec::new(), Vec::new());
    for group in all().filter_map(|grant| grant.group.as_ref()) {
        match group {
            GroupRef::Id(id) => ids.push(*id),
            GroupRef::Key(key) => keys.push(key.as_str()),
        }
    }
    let groups = store::group::find_ids(conn, &ids, &keys).await?;
    let kinds = parties.values().map(|party| (party.id, party.kind)).collect();
    let mut faults = Vec::new();
    let mut resolved = Vec::with_capacity(inputs.len());
    for (index, input) in inputs.iter().enumerate() {
        let path = format!("people[{index}]");
        let mut grants = Vec::with_capacity(input.grants.len());
        for (place, grant) in input.grants.iter().enumerate() {
            let grant = resolve_grant(&mut faults, &format!("{path}.grants[{place}]"), grant, &groups, &parties);
            if grants.contains(&grant) {
                faults.push(FieldFault::new(format!("{path}.grants[{place}]"), "is given twice"));
            }
            grants.push(grant);
        }
        faults.extend(check_grant_parties(&path, &grants, &kinds));
        if let Some(receiver) = find_same_duty(&grants) {
            let place = grants.iter().position(|grant| *grant == receiver).unwrap_or_default();
            let detail = "the same person requests for this member: whoever orders does not certify receipt";
            faults.push(FieldFault::new(format!("{path}.grants[{place}].role"), detail));
        }
        resolved.push(grants);
    }
    refuse(faults)?;
    Ok(resolved)
}

fn resolve_grant(
    faults: &mut Vec<FieldFault>,
    path: &str,
    grant: &GrantInput,
    groups: &HashMap<String, GroupId>,
    parties: &HashMap<PartyRef, Party>,
) -> Grant {
    let group_id = grant.group.as_ref().and_then(|group| {
        let text = match group {
            GroupRef::Id(id) => id.to_string(),
            GroupRef::Key(key) => format!("key:{key}"),
        };
        let id = groups.get(&text).copied();
        if id.is_none() {
            faults.push(FieldFault::new(format!("{path}.group_id"), format!("{text} is no group")));
        }
        id
    });
    let party_id: Option<PartyId> = grant.party.as_ref().and_then(|party| {
        let id = parties.get(party).map(|party| party.id);
        if id.is_none() {
            faults.push(FieldFault::new(format!("{path}.party_id"), format!("{party} is no party")));
        }
        id
    });
    Grant { role: grant.role, group_id, party_id }
}

/// The people with the ids of those whose login is there.
async fn with_ids(conn: &mut PgConnection, inputs: Vec<PersonInput>) -> Result<Vec<Person>, Failure> {
    let logins: Vec<&str> = inputs.iter().map(|input| input.person.login.as_str()).collect();
    let ids = store::person::find_ids(conn, &logins).await?;
    let known = |person: Person| Person { id: ids.get(&person.login).copied().unwrap_or(person.id), ..person };
    Ok(inputs.into_iter().map(|input| known(input.person)).collect())
}

async fn save(
    command: &mut Command,
    people: &[Person],
    grants: &[Vec<Grant>],
    hashes: HashMap<usize, String>,
) -> Result<(), Failure> {
    store::person::save_all(command.conn(), people).await?;
    let ids: Vec<PersonId> = people.iter().map(|person| person.id).collect();
    let flat: Vec<(PersonId, Grant)> =
        people.iter().zip(grants).flat_map(|(person, grants)| grants.iter().map(|grant| (person.id, *grant))).collect();
    store::person::replace_grants(command.conn(), &ids, &flat).await?;
    let (mut owners, mut texts, mut logins) = (Vec::new(), Vec::new(), Vec::new());
    for (place, hash) in hashes {
        let person = people.get(place).ok_or_else(|| Failure::internal("a password without its person"))?;
        owners.push(person.id);
        texts.push(hash);
        logins.push(login_sha256(&person.login));
    }
    store::account::save_passwords(command.conn(), &owners, &texts).await?;
    // Who has a new password begins anew.
    store::account::delete_failures(command.conn(), &logins).await
}
