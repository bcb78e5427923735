//! A demand service on a database of its own, with peers that are never reached, and short ways to do things in it.

use demand::{
    MIGRATIONS,
    app::App,
    domain::{
        conversion::{Level, Packaging, packagings},
        need::{Batch, LineKind, NewNeed},
        round::{RoundKind, RoundTerms},
    },
};
use kit::{
    Caller, Failure, Role, Scope,
    client::Peer,
    id::{AgreementId, ArticleId, GroupId, PartyId, PersonId, RoundId, SiteId},
    testing::{TestDb, TestKeys},
};
use proto::demand::v1::{
    AddNeedsRequest, AddNeedsResponse, CloseRoundRequest, CloseRoundResponse, ConsolidateRoundRequest,
    ConsolidateRoundResponse, CreateRoundRequest, ListNeedsRequest, Need,
};
use uuid::Uuid;

/// The service and its database.
pub struct Stage {
    pub app: App,
    pub test: TestDb,
}

impl Stage {
    pub async fn new() -> Self {
        let test = TestDb::new("demand", &MIGRATIONS).await;
        let keys = TestKeys::new();
        let peers = ["membership", "catalogue", "tendering", "logistics"]
            .map(|audience| Peer::new(audience, "http://127.0.0.1:1", keys.signer("demand")).unwrap());
        Self { app: App::new(test.db.clone(), keys.verifier("demand"), peers), test }
    }

    /// An open round, from an hour ago until in an hour.
    pub async fn round(&self, officer: &Caller) -> RoundId {
        self.round_between(officer, -60, 60).await
    }

    /// An open round with its times in minutes from now.
    pub async fn round_between(&self, officer: &Caller, opens: i64, closes: i64) -> RoundId {
        let now = kit::clock::technical_now();
        let terms = RoundTerms {
            kind: RoundKind::Order,
            title: "Campagne de janvier".into(),
            opens_at: now + chrono::TimeDelta::minutes(opens),
            closes_at: now + chrono::TimeDelta::minutes(closes),
            platform_site_id: None,
            agreement_ids: vec![AgreementId::new()],
        };
        let request = CreateRoundRequest { request_id: request_id(), round: None };
        let reply = self.app.create_checked_round(officer, &request, terms).await.unwrap();
        reply.round.unwrap().id.parse().unwrap()
    }

    pub async fn add(
        &self,
        caller: &Caller,
        round_id: RoundId,
        party_id: PartyId,
        needs: Vec<NewNeed>,
    ) -> Result<AddNeedsResponse, Failure> {
        let request = AddNeedsRequest { request_id: request_id(), ..AddNeedsRequest::default() };
        self.app.add_resolved(caller, &request, Batch { round_id, party_id, needs }).await
    }

    pub async fn close(&self, officer: &Caller, round: RoundId) -> Result<CloseRoundResponse, Failure> {
        let request = CloseRoundRequest { request_id: request_id(), round_id: round.to_string(), expected_version: 0 };
        self.app.close_round(officer, request).await
    }

    pub async fn consolidate(&self, officer: &Caller, round: RoundId) -> Result<ConsolidateRoundResponse, Failure> {
        let request = ConsolidateRoundRequest { request_id: request_id(), round_id: round.to_string() };
        self.app.consolidate_round(officer, request).await
    }

    pub async fn list(&self, caller: &Caller) -> Vec<Need> {
        self.app.list_needs(caller, ListNeedsRequest::default()).await.unwrap().needs
    }

    /// Events of a kind, over all groups.
    pub async fn events(&self, kind: &str) -> i64 {
        let mut superuser = self.test.superuser().await;
        sqlx::query_scalar("SELECT count(*) FROM event WHERE kind = $1")
            .bind(kind)
            .fetch_one(&mut superuser)
            .await
            .unwrap()
    }
}

pub fn request_id() -> String {
    Uuid::now_v7().to_string()
}

pub fn person(scope: Scope, role: Role, acts_for: Option<PartyId>) -> Caller {
    Caller { subject: PersonId::new().to_string(), scope, acts_for, roles: vec![role] }
}

pub fn officer(group: GroupId) -> Caller {
    person(Scope::Group(group), Role::PurchasingOfficer, None)
}

pub fn requester(group: GroupId, member: PartyId) -> Caller {
    person(Scope::Group(group), Role::MemberRequester, Some(member))
}

/// Unit, box of 30 and carton of 10 boxes.
pub fn tablets() -> Vec<Packaging> {
    let level = |code: &str, label: &str, contains: Option<(&str, i64)>| Level {
        code: code.into(),
        label: label.into(),
        contains: contains.map(|(code, count)| (code.to_owned(), count)),
    };
    let levels = [
        level("UNIT", "comprimé", None),
        level("BOX", "boîte", Some(("UNIT", 30))),
        level("CARTON", "carton", Some(("BOX", 10))),
    ];
    packagings(&levels, "comprimé").unwrap()
}

/// So many boxes of an article.
pub fn boxes(article_id: ArticleId, quantity: i64, reference: &str) -> NewNeed {
    typed(article_id, 1, quantity, reference)
}

/// A quantity in one of the packagings of [`tablets`].
pub fn typed(article_id: ArticleId, level: usize, quantity: i64, reference: &str) -> NewNeed {
    let packaging = tablets()[level].clone();
    NewNeed {
        row: 1,
        site_id: SiteId::new(),
        article_id,
        kind: LineKind::Goods,
        quantity,
        units: packaging.units(quantity).unwrap(),
        packaging,
        reference: reference.to_owned(),
        needed_by: None,
        commitment: None,
    }
}
