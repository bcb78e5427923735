//! A round of one group with two members and two lots, planned with terms given here instead of asked for.

use std::collections::HashMap;

use demand::{
    app::plans::Proposal,
    domain::{
        buyers::{Actor, FormRules},
        need::LineKind,
        packs::PackRule,
        plan::{self, PlannedNeed},
        reason::Reason,
        terms::{Agreement, ArticleTerms, Entitlement, Offer, RouteAnswer, Terms},
        tiers::{Basis, Tier},
    },
};
use kit::{
    Caller, Failure, Role, Scope,
    id::{AgreementId, ArticleId, GroupId, LotId, PartyId, PlanId, RoundId, SiteId, SnapshotId},
    signature::Signatures,
};
use proto::demand::v1::{
    ApprovePlanRequest, ApprovePlanResponse, ListOrderLinesRequest, OrderLine, PlaceOrdersRequest, PlaceOrdersResponse,
    Plan, PlanRoundRequest, PlanRoundResponse, RecordCommitmentRequest, RecordCommitmentResponse,
};
use rust_decimal::Decimal;

use crate::support::{Stage, boxes, officer, person, request_id, typed};

/// What both lots are made of.
#[derive(Debug, Clone, Copy)]
pub struct Ware {
    pub article: ArticleId,
    pub lot: LotId,
    pub supplier: PartyId,
}

/// The stage with its actors. Member 0 is bound to give a commitment number, member 1 is not.
pub struct Scene {
    pub stage: Stage,
    pub group: GroupId,
    pub officer: Caller,
    pub members: [PartyId; 2],
    pub sites: [SiteId; 2],
    pub wares: [Ware; 2],
    pub agreement: AgreementId,
    pub awarding: PartyId,
    pub round: RoundId,
    pub snapshot: SnapshotId,
    pub needs: Vec<PlannedNeed>,
}

impl Scene {
    /// A closed and consolidated round: of article 0, member 0 needs 31 tablets and member 1 needs 40 boxes of 30; of article 1,
    /// member 0 needs 2 boxes.
    pub async fn new() -> Self {
        let stage = Stage::new().await;
        Self::in_group(stage, GroupId::new(), [PartyId::new(), PartyId::new()], [PartyId::new(), PartyId::new()]).await
    }

    pub async fn in_group(stage: Stage, group: GroupId, members: [PartyId; 2], suppliers: [PartyId; 2]) -> Self {
        let officer = officer(group);
        let sites = [SiteId::new(), SiteId::new()];
        let wares = suppliers.map(|supplier| Ware { article: ArticleId::new(), lot: LotId::new(), supplier });
        let round = stage.round(&officer).await;
        let at = |site, mut need: demand::domain::need::NewNeed| {
            need.site_id = site;
            need
        };
        let first =
            vec![at(sites[0], typed(wares[0].article, 0, 31, "a")), at(sites[0], boxes(wares[1].article, 2, "b"))];
        let mut stated = stage.add(&officer, round, members[0], first).await.unwrap().needs;
        let second = vec![at(sites[1], boxes(wares[0].article, 40, "c"))];
        stated.extend(stage.add(&officer, round, members[1], second).await.unwrap().needs);
        stage.close(&officer, round).await.unwrap();
        let snapshot = stage.consolidate(&officer, round).await.unwrap().snapshot.unwrap().id.parse().unwrap();
        let planned = |need: &proto::demand::v1::Need| PlannedNeed {
            id: need.id.parse().unwrap(),
            party: need.party_id.parse().unwrap(),
            site: need.site_id.parse().unwrap(),
            article: need.article_id.parse().unwrap(),
            units: need.units,
        };
        let needs = stated.iter().map(planned).collect();
        let (agreement, awarding) = (AgreementId::new(), PartyId::new());
        Self { stage, group, officer, members, sites, wares, agreement, awarding, round, snapshot, needs }
    }

    /// Boxes of 30 at 0.10 €, at 0.08 € from 1,000 tablets on; everybody may buy, all by the platform.
    pub fn terms(&self) -> Terms {
        let agreement =
            Agreement { id: self.agreement, number: "AC-2026-01".into(), basis: Basis::PooledOrder, wholesale: false };
        let tier = |min_units, cents| Tier { min_units, unit_price: Decimal::new(cents, 2) };
        let offer = |(lot_number, ware): (i32, &Ware)| Offer {
            agreement: 0,
            lot: ware.lot,
            lot_number,
            supplier: ware.supplier,
            article: ware.article,
            packaging_code: "BOX".into(),
            rule: PackRule { pack_units: 30, order_multiple: 1 },
            tiers: vec![tier(0, 10), tier(1_000, 8)],
            vat_rate: Decimal::new(21, 1),
        };
        let form =
            FormRules { orders: Actor::Member, receives: Actor::Member, pays: Actor::Member, awarding: self.awarding };
        let offers = (1..).zip(&self.wares).map(offer).collect();
        let mut terms = Terms::new(vec![agreement], offers, form).unwrap();
        for ware in &self.wares {
            let article = ArticleTerms {
                label: "Paracétamol 500 mg".into(),
                unit_label: "comprimé".into(),
                packaging_labels: HashMap::from([("BOX".to_owned(), "boîte".to_owned())]),
                kind: LineKind::Goods,
                requirement: Some(0),
            };
            terms.articles.insert(ware.article, article);
            for member in self.members {
                let reason = Reason::new("BENEFICIARY_NAMED", "CCP R2162-6", "Membre nommé.".into(), &[]);
                terms.entitlements.insert((member, ware.lot), Entitlement { allowed: true, reason });
            }
        }
        for site in self.sites {
            terms.routes.insert((0, site), RouteAnswer::Platform);
        }
        terms
    }

    pub async fn propose(&self, terms: Terms) -> Result<PlanRoundResponse, Failure> {
        self.propose_as(&request_id(), terms).await
    }

    pub async fn propose_as(&self, request_id: &str, terms: Terms) -> Result<PlanRoundResponse, Failure> {
        let computed = plan::plan(&terms, self.needs.clone()).unwrap();
        let request = PlanRoundRequest { request_id: request_id.to_owned(), snapshot_id: self.snapshot.to_string() };
        let buyers = vec![(self.members[0], true), (self.members[1], false)];
        let proposal = Proposal { snapshot_id: self.snapshot, terms, computed, buyers };
        self.stage.app.propose(&self.officer, &request, proposal).await
    }

    /// A proposed plan.
    pub async fn plan(&self) -> Plan {
        self.propose(self.terms()).await.unwrap().plan.unwrap()
    }

    pub async fn approve(&self, plan: &str) -> Result<ApprovePlanResponse, Failure> {
        let request = ApprovePlanRequest { request_id: request_id(), plan_id: plan.to_owned(), expected_version: 0 };
        self.stage.app.approve_plan_knowing(&self.officer, &request, &Signatures::default()).await
    }

    pub async fn commit(
        &self,
        caller: &Caller,
        plan: &str,
        party: PartyId,
    ) -> Result<RecordCommitmentResponse, Failure> {
        let request = RecordCommitmentRequest {
            request_id: request_id(),
            plan_id: plan.to_owned(),
            party_id: party.to_string(),
            commitment_number: "ENG-42".into(),
        };
        self.stage.app.record_commitment(caller, request).await
    }

    pub async fn place(&self, plan: &str) -> Result<PlaceOrdersResponse, Failure> {
        let request = PlaceOrdersRequest { request_id: request_id(), plan_id: plan.to_owned() };
        self.stage.app.place_orders_knowing(&self.officer, &request, &Signatures::default()).await
    }

    /// Pooled orders of an approved plan with its commitments, PLACING: of lot 0, then of lot 1.
    pub async fn placing(&self) -> (PlanId, [String; 2]) {
        let plan = self.plan().await.id;
        self.approve(&plan).await.unwrap();
        self.commit(&self.officer, &plan, self.members[0]).await.unwrap();
        let orders = self.place(&plan).await.unwrap().orders;
        let of = |ware: &Ware| orders.iter().find(|order| order.lot_id == ware.lot.to_string()).unwrap().id.clone();
        (plan.parse().unwrap(), [of(&self.wares[0]), of(&self.wares[1])])
    }

    /// Pooled orders that tendering has let through, PLACED: of lot 0, then of lot 1.
    pub async fn placed(&self) -> [String; 2] {
        let (_, orders) = self.placing().await;
        crate::orders::carry_through(&self.stage.test.db).await;
        orders
    }

    pub fn supplier(&self, lot: usize, scope: Scope) -> Caller {
        person(scope, Role::Supplier, Some(self.wares[lot].supplier))
    }

    pub async fn lines(&self, caller: &Caller, order: &str) -> Vec<OrderLine> {
        let request = ListOrderLinesRequest { pooled_order_id: order.to_owned(), ..ListOrderLinesRequest::default() };
        self.stage.app.list_order_lines(caller, request).await.unwrap().lines
    }
}
