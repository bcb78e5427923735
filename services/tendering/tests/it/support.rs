//! A database, a group, people, agreements.

use std::{collections::HashMap, sync::Arc};

use chrono::{Days, NaiveDate};
use kit::{
    Caller, Failure, Role, Scope,
    client::Peer,
    group_commit::Asked,
    id::{GroupId, PartyId, PersonId, PooledOrderId},
    signature::Signatures,
    testing::{TestDb, TestKeys},
};
use proto::tendering::v1 as pb;
use tendering::{
    MIGRATIONS,
    app::{App, Facts},
    convert,
    domain::{
        entitlement::{BuyerStatus, GroupFacts, GroupForm, MemberFacts, MemberKind},
        law::Law,
    },
};
use uuid::Uuid;

pub struct World {
    pub test: TestDb,
    pub app: App,
    pub today: NaiveDate,
    pub law: Law,
    pub group: GroupId,
    /// The group's awarding party.
    pub support: PartyId,
}

pub fn request_id() -> String {
    Uuid::now_v7().to_string()
}

pub fn service(group: GroupId) -> Caller {
    Caller::service("demand", Scope::Group(group))
}

pub fn person(scope: Scope, acts_for: PartyId, role: Role) -> Caller {
    Caller { subject: PersonId::new().to_string(), scope, acts_for: Some(acts_for), roles: vec![role] }
}

/// A lot of an agreement to be entered: holder, maximum, opening.
pub type LotSpec = (PartyId, i64, i64);

impl World {
    pub async fn new() -> Self {
        let test = TestDb::new("tendering", &MIGRATIONS).await;
        let keys = TestKeys::new();
        let nobody = |audience| Peer::new(audience, "http://127.0.0.1:1", keys.signer("tendering")).unwrap();
        let app = App::new(test.db.clone(), keys.verifier("tendering"), nobody("membership"), nobody("catalogue"));
        let group = GroupId::new();
        let (today, law) = app.today(&service(group)).await.unwrap();
        Self { test, app, today, law, group, support: PartyId::new() }
    }

    pub fn officer(&self) -> Caller {
        person(Scope::Group(self.group), self.support, Role::PurchasingOfficer)
    }

    pub fn day(&self, offset: i64) -> NaiveDate {
        let days = Days::new(offset.unsigned_abs());
        if offset < 0 { self.today - days } else { self.today + days }
    }

    /// In force from 100 days ago to 100 days ahead; everybody named all the time.
    pub fn agreement(&self, key: &str, lots: &[LotSpec], beneficiaries: &[PartyId]) -> pb::Agreement {
        let lot = |(index, (holder, maximum_cents, opening)): (usize, &LotSpec)| pb::Lot {
            number: i32::try_from(index + 1).unwrap(),
            title: format!("Lot {}", index + 1),
            holder_id: holder.to_string(),
            maximum_cents: *maximum_cents,
            opening_consumed_cents: *opening,
            ..Default::default()
        };
        let named = |party: &PartyId| pb::Beneficiary {
            party_id: party.to_string(),
            valid_from: self.day(-100).to_string(),
            ..Default::default()
        };
        pb::Agreement {
            key: key.to_owned(),
            number: format!("AC-{key}"),
            title: "Gants d'examen".to_owned(),
            role: pb::PurchasingRole::Intermediary.into(),
            tier_basis: pb::TierBasis::PooledOrder.into(),
            starts_on: self.day(-100).to_string(),
            ends_on: self.day(100).to_string(),
            awarding_party_id: self.support.to_string(),
            source: "tableau de suivi".to_owned(),
            lots: lots.iter().enumerate().map(lot).collect(),
            beneficiaries: beneficiaries.iter().map(named).collect(),
            ..Default::default()
        }
    }

    pub async fn enter_in(&self, group: GroupId, agreement: pb::Agreement) -> Result<pb::Agreement, Failure> {
        let officer = person(Scope::Group(group), self.support, Role::PurchasingOfficer);
        let request = pb::EnterAgreementRequest { request_id: request_id(), agreement: Some(agreement) };
        let draft = convert::draft_from_proto(&request)?;
        Ok(self.app.enter_agreement_knowing(&officer, &request, draft).await?.agreement.unwrap())
    }

    pub async fn enter(&self, key: &str, lots: &[LotSpec], beneficiaries: &[PartyId]) -> pb::Agreement {
        self.enter_in(self.group, self.agreement(key, lots, beneficiaries)).await.unwrap()
    }

    pub fn facts(&self, members: &[PartyId]) -> Facts {
        let member = |party: &PartyId| {
            let name = format!("CH {}", party.uuid().simple());
            let facts = MemberFacts {
                name,
                kind: MemberKind::Full,
                buyer_status: BuyerStatus::PublicLaw,
                since: Some(self.day(-1_000)),
                ght: None,
                predecessors: Vec::new(),
            };
            (*party, facts)
        };
        let group = GroupFacts {
            form: GroupForm::Ght,
            awarding_party: Some(self.support),
            rules_source: "CSP R6132-16".to_owned(),
        };
        let members: HashMap<PartyId, MemberFacts> = members.iter().map(member).collect();
        Facts { on: self.today, law: self.law.clone(), group, members, award_rights: Signatures::default() }
    }

    /// Reserves with every party of the shares as a member.
    pub async fn reserve(&self, lot: &str, shares: &[(PartyId, i64)]) -> Result<pb::ReserveResponse, Failure> {
        self.reserve_as(&service(self.group), &reserve_request(lot, PooledOrderId::new(), shares)).await
    }

    pub async fn reserve_as(
        &self,
        caller: &Caller,
        request: &pb::ReserveRequest,
    ) -> Result<pb::ReserveResponse, Failure> {
        let wanted = convert::wanted_from_proto(request)?;
        let facts = self.facts(&wanted.parties());
        self.app.reserve_knowing(caller, request, &wanted, &facts).await
    }

    /// Reserves on one lot in one transaction, with some parties as members.
    pub async fn reserve_together(
        &self,
        requests: &[pb::ReserveRequest],
        members: &[PartyId],
    ) -> Vec<Result<pb::ReserveResponse, Failure>> {
        let caller = service(self.group);
        let asked: Vec<Arc<Asked<_>>> = requests
            .iter()
            .map(|request| {
                let wanted = convert::wanted_from_proto(request).unwrap();
                Arc::new(Asked::new(&caller, &request.request_id, request, wanted).unwrap())
            })
            .collect();
        let lot = asked[0].what.lot;
        self.app.reserve_together(self.group, lot, &asked, &self.facts(members)).await.unwrap()
    }

    pub async fn confirm(&self, reservation: &str) -> Result<pb::Reservation, Failure> {
        let request =
            pb::ConfirmReservationRequest { request_id: request_id(), reservation_id: reservation.to_owned() };
        Ok(self.app.confirm_reservation(&service(self.group), request).await?.reservation.unwrap())
    }

    pub async fn release(&self, reservation: &str, amount_cents: i64) -> Result<pb::Reservation, Failure> {
        let (request_id, reservation_id) = (request_id(), reservation.to_owned());
        let request = pb::ReleaseReservationRequest { request_id, reservation_id, amount_cents };
        Ok(self.app.release_reservation(&service(self.group), request).await?.reservation.unwrap())
    }

    /// The first lot of an agreement as the group sees it now.
    pub async fn lot(&self, agreement: &str) -> pb::Lot {
        let request = pb::GetAgreementRequest { agreement_id: agreement.to_owned() };
        self.app.get_agreement(&service(self.group), request).await.unwrap().agreement.unwrap().lots.remove(0)
    }

    /// Events of a kind in the log.
    pub async fn events(&self, kind: &str) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM event WHERE kind = $1")
            .bind(kind)
            .fetch_one(&mut self.test.superuser().await)
            .await
            .unwrap()
    }
}

pub fn reserve_request(lot: &str, order: PooledOrderId, shares: &[(PartyId, i64)]) -> pb::ReserveRequest {
    let share = |(party, amount_cents): &(PartyId, i64)| pb::ReservationShare {
        party_id: party.to_string(),
        amount_cents: *amount_cents,
    };
    pb::ReserveRequest {
        request_id: request_id(),
        lot_id: lot.to_owned(),
        order_id: order.to_string(),
        shares: shares.iter().map(share).collect(),
    }
}

/// The reason of a refusal.
pub fn reason<T: std::fmt::Debug>(outcome: Result<T, Failure>) -> String {
    outcome.unwrap_err().reason()
}

/// The faulty fields of a refusal.
pub fn faulty_fields<T: std::fmt::Debug>(outcome: Result<T, Failure>) -> Vec<String> {
    match outcome.unwrap_err() {
        Failure::Domain(error) => error.fields().into_iter().map(|fault| fault.field).collect(),
        other => panic!("{other}"),
    }
}
