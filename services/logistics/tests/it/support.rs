//! A group with two members, a supplier, a platform, and one answered order.

use kit::{
    client::Peer,
    error::Failure,
    events::Effect as _,
    id::{ArticleId, GroupId, OrderLineId, PartyId, PersonId, PlanLineId, PooledOrderId, SiteId},
    identity::{Caller, Role, Scope},
    testing::{TestDb, TestKeys},
};
use logistics::{
    MIGRATIONS,
    app::App,
    domain::break_bulk::BreakBulk,
    events::Orders,
    store::reference::{Site, insert_break_bulk, save_sites},
};
use prost::Message;
use proto::{
    demand::v1::{AcceptedLine, OrderAnswered},
    events::v1::Event,
    logistics::v1::{
        AnnounceShipmentRequest, AnnounceShipmentResponse, CertifiedLine, CertifyDeliveryRequest,
        CertifyDeliveryResponse, DispatchDeliveryRequest, Expected, ListExpectedRequest, Proof, ProveDeliveryRequest,
        ReceiveShipmentRequest, ReceiveShipmentResponse, ReceivedLine, ShipmentLine, StillToCome,
    },
};
use uuid::Uuid;

#[derive(Debug, Clone, Copy)]
pub struct Member {
    pub party: PartyId,
    pub site: SiteId,
}

impl Member {
    fn new() -> Self {
        Self { party: PartyId::new(), site: SiteId::new() }
    }
}

/// An order of 60 + 40 units in packs of 10 by the platform, and of 20 units in packs of 5 direct to the first member.
#[derive(Debug)]
pub struct World {
    pub test: TestDb,
    pub app: App,
    pub group: GroupId,
    pub supplier: PartyId,
    pub operator: PartyId,
    pub platform: SiteId,
    pub a: Member,
    pub b: Member,
    pub article: ArticleId,
    pub order: PooledOrderId,
    pub by_platform: PlanLineId,
    pub direct: PlanLineId,
    pub line_a: OrderLineId,
    pub line_b: OrderLineId,
    pub line_direct: OrderLineId,
}

pub fn request_id() -> String {
    Uuid::now_v7().to_string()
}

pub fn event(group: GroupId, position: i64, kind: &str, aggregate: Uuid, payload: &impl Message) -> Event {
    Event {
        position,
        event_id: Uuid::now_v7().to_string(),
        group_id: group.uuid().to_string(),
        aggregate_id: aggregate.to_string(),
        kind: kind.to_owned(),
        payload: payload.encode_to_vec().into(),
        ..Event::default()
    }
}

impl World {
    pub async fn new() -> Self {
        let world = Self::without_order().await;
        world.save_platform().await;
        world.apply(&world.answered()).await.expect("order answered");
        world
    }

    pub async fn without_order() -> Self {
        let test = TestDb::new("logistics", &MIGRATIONS).await;
        let keys = TestKeys::new();
        let nobody = |audience| Peer::new(audience, "http://127.0.0.1:1", keys.signer("logistics")).expect("peer");
        let app = App::new(test.db.clone(), keys.verifier("logistics"), nobody("membership"), nobody("catalogue"));
        // Ids rise, so that ties and sites come in this order.
        Self {
            test,
            app,
            group: GroupId::new(),
            supplier: PartyId::new(),
            operator: PartyId::new(),
            platform: SiteId::new(),
            a: Member::new(),
            b: Member::new(),
            article: ArticleId::new(),
            order: PooledOrderId::new(),
            by_platform: PlanLineId::new(),
            direct: PlanLineId::new(),
            line_a: OrderLineId::new(),
            line_b: OrderLineId::new(),
            line_direct: OrderLineId::new(),
        }
    }

    pub async fn save_platform(&self) {
        let site = Site {
            id: self.platform,
            party_id: self.operator,
            authorisations: vec!["PUI".into(), "COLD_CHAIN".into()],
        };
        let mut tx = self.test.db.begin(&Caller::service("logistics", Scope::Deployment)).await.expect("begin");
        save_sites(tx.conn(), &[site], &[]).await.expect("site");
        tx.commit().await.expect("commit");
    }

    pub async fn open_packs(&self) {
        let entry =
            BreakBulk { platform_site_id: self.platform, article_id: self.article, packaging_code: "BOX".into() };
        let mut tx = self.test.db.begin(&Caller::service("logistics", Scope::Deployment)).await.expect("begin");
        insert_break_bulk(tx.conn(), self.operator, &[entry]).await.expect("break bulk");
        tx.commit().await.expect("commit");
    }

    pub fn answered(&self) -> Event {
        let line = |id: OrderLineId, pooled: PlanLineId, member: Member, route: &str, pack_units, units| AcceptedLine {
            order_line_id: id.to_string(),
            pooled_line_id: pooled.to_string(),
            party_id: member.party.to_string(),
            site_id: member.site.to_string(),
            route: route.into(),
            article_id: self.article.to_string(),
            packaging_code: "BOX".into(),
            pack_units,
            units,
        };
        let answer = OrderAnswered {
            pooled_order_id: self.order.to_string(),
            supplier_id: self.supplier.to_string(),
            platform_site_id: self.platform.to_string(),
            number: "CG-2026-0001".into(),
            lines: vec![
                line(self.line_a, self.by_platform, self.a, "PLATFORM", 10, 60),
                line(self.line_b, self.by_platform, self.b, "PLATFORM", 10, 40),
                line(self.line_direct, self.direct, self.a, "DIRECT", 5, 20),
                line(OrderLineId::new(), self.by_platform, Member::new(), "PLATFORM", 10, 0),
            ],
        };
        event(self.group, 1, "demand.order_answered.v1", self.order.uuid(), &answer)
    }

    pub async fn apply(&self, event: &Event) -> Result<(), Failure> {
        let mut tx = self.test.db.begin_worker().await?;
        tx.enter(GroupId::from_uuid(event.group_id.parse().expect("uuid"))).await?;
        Orders.apply(&mut tx, event).await?;
        tx.commit().await
    }

    pub fn person(&self, roles: &[Role], acts_for: PartyId) -> Caller {
        Caller {
            subject: PersonId::new().to_string(),
            scope: Scope::Group(self.group),
            acts_for: Some(acts_for),
            roles: roles.to_vec(),
        }
    }

    pub fn officer(&self) -> Caller {
        self.person(&[Role::PurchasingOfficer], self.a.party)
    }

    pub fn supplier(&self) -> Caller {
        self.person(&[Role::Supplier], self.supplier)
    }

    pub fn operator(&self) -> Caller {
        self.person(&[Role::PlatformOperator], self.operator)
    }

    pub fn receiver(&self, member: Member) -> Caller {
        self.person(&[Role::MemberReceiver], member.party)
    }

    /// A session of a party across its groups.
    pub fn party_session(&self, role: Role, party: PartyId) -> Caller {
        Caller { scope: Scope::Party(party), ..self.person(&[role], party) }
    }

    pub fn announcement(
        &self,
        to: SiteId,
        lines: &[(PlanLineId, i64, &str, &str)],
        later: &[(PlanLineId, i64)],
    ) -> AnnounceShipmentRequest {
        AnnounceShipmentRequest {
            request_id: request_id(),
            pooled_order_id: self.order.to_string(),
            destination_site_id: to.to_string(),
            despatch_number: request_id(),
            lines: lines
                .iter()
                .map(|(id, units, batch, expires_on)| ShipmentLine {
                    pooled_line_id: id.to_string(),
                    units: *units,
                    batch: (*batch).to_owned(),
                    expires_on: (*expires_on).to_owned(),
                    ..ShipmentLine::default()
                })
                .collect(),
            still_to_come: later
                .iter()
                .map(|(id, outstanding_units)| StillToCome {
                    pooled_line_id: id.to_string(),
                    outstanding_units: *outstanding_units,
                })
                .collect(),
        }
    }

    /// Ships units of the platform's article, the rest to come later or never.
    pub async fn ship(&self, units: i64, later: i64) -> AnnounceShipmentResponse {
        let lines = [(self.by_platform, units, "LOT1", "2028-01-31")];
        let lines = if units > 0 { &lines[..] } else { &[] };
        let request = self.announcement(self.platform, lines, &[(self.by_platform, later)]);
        self.app.announce_shipment(&self.supplier(), request).await.expect("announced")
    }

    pub fn receipt(&self, shipped: &AnnounceShipmentResponse, counted: Option<(i64, i64)>) -> ReceiveShipmentRequest {
        let shipment = shipped.shipment.as_ref().expect("shipment");
        let line = |(units_received, units_damaged)| ReceivedLine {
            shipment_line_id: shipment.lines[0].id.clone(),
            units_received,
            units_damaged,
        };
        ReceiveShipmentRequest {
            request_id: request_id(),
            shipment_id: shipment.id.clone(),
            lines: counted.into_iter().map(line).collect(),
        }
    }

    pub async fn receive(
        &self,
        shipped: &AnnounceShipmentResponse,
        counted: Option<(i64, i64)>,
    ) -> ReceiveShipmentResponse {
        self.app.receive_shipment(&self.operator(), self.receipt(shipped, counted)).await.expect("received")
    }

    pub fn proof(&self, delivery_id: &str) -> ProveDeliveryRequest {
        ProveDeliveryRequest {
            request_id: request_id(),
            delivery_id: delivery_id.to_owned(),
            proof: Some(Proof {
                signed_by: "Camille Fictif".into(),
                handed_over_at: "2026-01-05T08:30:00Z".into(),
                reserves: String::new(),
            }),
        }
    }

    /// Dispatches and proves a delivery of the platform.
    pub async fn deliver(&self, delivery_id: &str) {
        let request = DispatchDeliveryRequest { request_id: request_id(), delivery_id: delivery_id.to_owned() };
        self.app.dispatch_delivery(&self.operator(), request).await.expect("dispatched");
        self.app.prove_delivery(&self.operator(), self.proof(delivery_id)).await.expect("proven");
    }

    pub async fn certify(
        &self,
        member: Member,
        delivery_id: &str,
        lines: &[(&str, i64)],
    ) -> Result<CertifyDeliveryResponse, Failure> {
        let request = CertifyDeliveryRequest {
            request_id: request_id(),
            delivery_id: delivery_id.to_owned(),
            lines: lines
                .iter()
                .map(|(id, units)| CertifiedLine { delivery_line_id: (*id).to_owned(), units_accepted: *units })
                .collect(),
            expected_version: 0,
        };
        self.app.certify_delivery(&self.receiver(member), request).await
    }

    /// Accepted, cancelled, allocated and delivered of an order line.
    pub async fn figures(&self, line: OrderLineId) -> (i64, i64, i64, i64) {
        sqlx::query_as(
            "SELECT units_accepted, units_cancelled, units_allocated, units_delivered FROM expected_line WHERE order_line_id = $1",
        )
        .bind(line)
        .fetch_one(&mut self.test.superuser().await)
        .await
        .expect("order line")
    }

    /// What is expected of an article.
    pub async fn expected(&self, pooled: PlanLineId) -> Expected {
        let reply = self.app.list_expected(&self.officer(), ListExpectedRequest::default()).await.expect("expected");
        reply.expected.into_iter().find(|expected| expected.pooled_line_id == pooled.to_string()).expect("article")
    }

    /// Payloads of a kind of event, in order.
    pub async fn events<M: Message + Default>(&self, kind: &str) -> Vec<M> {
        let payloads: Vec<Vec<u8>> = sqlx::query_scalar("SELECT payload FROM event WHERE kind = $1 ORDER BY seq")
            .bind(kind)
            .fetch_all(&mut self.test.superuser().await)
            .await
            .expect("events");
        payloads.iter().map(|payload| M::decode(payload.as_slice()).expect("payload")).collect()
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.test.superuser().await).await.expect("count")
    }
}

/// The stable name of a refusal.
pub fn reason<T: std::fmt::Debug>(result: Result<T, Failure>) -> String {
    result.expect_err("refused").reason()
}
