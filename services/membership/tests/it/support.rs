//! What every test needs: a service on a database of its own, and people to call it.

use std::fmt::Debug;

use kit::{
    Caller, Failure, Role, Scope,
    id::{GroupId, PartyId, PersonId},
    testing::{TestDb, TestKeys},
};
use membership::{MIGRATIONS, app::App};
use proto::membership::v1::{
    AddMembersRequest, BuyerStatus, CreateGroupRequest, Group, GroupForm, Member, MemberKind, Party, PartyKind,
    RegisterPartiesRequest, RegisterSitesRequest, Site,
};
use uuid::Uuid;

/// The embedded issuer's URL.
pub const ISSUER: &str = "https://centrale.example.org";

pub struct World {
    pub test: TestDb,
    pub keys: TestKeys,
    pub app: App,
}

pub fn request_id() -> String {
    Uuid::now_v7().to_string()
}

pub fn administrator() -> Caller {
    Caller {
        subject: PersonId::new().to_string(),
        scope: Scope::Deployment,
        acts_for: None,
        roles: vec![Role::Administrator],
    }
}

pub fn gateway() -> Caller {
    Caller::service("gateway", Scope::Deployment)
}

pub fn in_group(group: &str, party: Option<&str>, role: Role) -> Caller {
    let acts_for = party.map(|party| party.parse::<PartyId>().unwrap());
    let scope = Scope::Group(group.parse::<GroupId>().unwrap());
    Caller { subject: PersonId::new().to_string(), scope, acts_for, roles: vec![role] }
}

pub fn as_party(party: &str, role: Role) -> Caller {
    let party: PartyId = party.parse().unwrap();
    Caller {
        subject: PersonId::new().to_string(),
        scope: Scope::Party(party),
        acts_for: Some(party),
        roles: vec![role],
    }
}

pub fn hospital(key: &str) -> Party {
    Party {
        key: key.into(),
        kind: PartyKind::Establishment.into(),
        name: format!("Hôpital {key}"),
        buyer_status: BuyerStatus::PublicLaw.into(),
        ..Party::default()
    }
}

pub fn other(key: &str, kind: PartyKind) -> Party {
    Party { key: key.into(), kind: kind.into(), name: format!("Société {key}"), ..Party::default() }
}

pub fn site(key: &str, party: &str) -> Site {
    Site { key: key.into(), party_id: format!("key:{party}"), name: format!("Site {key}"), ..Site::default() }
}

pub fn member(party: &str, from: &str, to: &str) -> Member {
    Member {
        party_id: party.into(),
        kind: MemberKind::Full.into(),
        valid_from: from.into(),
        valid_to: to.into(),
        ..Member::default()
    }
}

/// The reason and the faulty fields of a refusal.
pub fn refusal<T: Debug>(result: Result<T, Failure>) -> (String, Vec<String>) {
    use tonic_types::StatusExt as _;
    let failure = result.expect_err("a refusal");
    let reason = failure.reason();
    let fields = failure
        .into_status()
        .get_details_bad_request()
        .map(|bad| bad.field_violations.into_iter().map(|violation| violation.field).collect())
        .unwrap_or_default();
    (reason, fields)
}

pub fn reason<T: Debug>(result: Result<T, Failure>) -> String {
    refusal(result).0
}

impl World {
    pub async fn new() -> Self {
        let test = TestDb::new("membership", &MIGRATIONS).await;
        let keys = TestKeys::new();
        let app = App::new(test.db.clone(), keys.verifier("membership"), ISSUER);
        Self { test, keys, app }
    }

    /// Another process of the service on the same database.
    pub fn replica(&self) -> App {
        App::new(self.test.replica(), self.keys.verifier("membership"), ISSUER)
    }

    /// Registers parties; gives their ids.
    pub async fn parties(&self, parties: Vec<Party>) -> Vec<String> {
        let request = RegisterPartiesRequest { request_id: request_id(), parties };
        let reply = self.app.register_parties(&administrator(), request).await.unwrap();
        reply.parties.into_iter().map(|party| party.id).collect()
    }

    /// Registers sites; gives their ids.
    pub async fn sites(&self, sites: Vec<Site>) -> Vec<String> {
        let request = RegisterSitesRequest { request_id: request_id(), sites };
        let reply = self.app.register_sites(&administrator(), request).await.unwrap();
        reply.sites.into_iter().map(|site| site.id).collect()
    }

    /// Creates a group; gives its id.
    pub async fn group(&self, key: &str, form: GroupForm, awarding: &str, platform_site: &str) -> String {
        let group = Group {
            key: key.into(),
            name: format!("Groupe {key}"),
            form: form.into(),
            awarding_party_id: awarding.into(),
            platform_site_id: platform_site.into(),
            ..Group::default()
        };
        let request = CreateGroupRequest { request_id: request_id(), group: Some(group) };
        self.app.create_group(&administrator(), request).await.unwrap().group.unwrap().id
    }

    /// Adds members to a group.
    pub async fn members(&self, group: &str, members: Vec<Member>) {
        let request = AddMembersRequest { request_id: request_id(), members };
        self.app.add_members(&in_group(group, None, Role::Administrator), request).await.unwrap();
    }

    /// A group of hospitals since 2026-01-01; gives its id and theirs.
    pub async fn group_of(&self, key: &str, hospitals: &[&str]) -> (String, Vec<String>) {
        let ids = self.parties(hospitals.iter().map(|key| hospital(key)).collect()).await;
        let group = self.group(key, GroupForm::Ght, &ids[0], "").await;
        self.members(&group, ids.iter().map(|id| member(id, "2026-01-01", "")).collect()).await;
        (group, ids)
    }

    /// One number from the database, seen without policies.
    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.test.superuser().await).await.unwrap()
    }

    /// Changes the database behind the service's back.
    pub async fn tamper(&self, sql: &'static str) {
        sqlx::query(sql).execute(&mut self.test.superuser().await).await.unwrap();
    }
}
