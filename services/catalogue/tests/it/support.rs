//! A catalogue over a database of its own, and a tendering service that answers what a test tells it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use catalogue::app::App;
use kit::{
    Caller, Failure, Role, Scope,
    client::Peer,
    error::CommonError,
    id::{AgreementId, GroupId, LotId, PartyId, PersonId},
    identity::Verifier,
    testing::{TestDb, TestKeys},
};
use proto::{
    catalogue::v1::*,
    common::v1::LineKind,
    tendering::v1::{tendering_service_server::*, *},
};
use tonic::{Request, Response, Status};

pub struct World {
    pub test: TestDb,
    pub app: App,
    pub tendering: Tendering,
}

pub async fn world() -> World {
    let (test, keys) = (TestDb::new("catalogue", &catalogue::MIGRATIONS).await, TestKeys::new());
    let tendering = Tendering { verifier: keys.verifier("tendering"), agreements: Arc::default() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tonic::transport::Server::builder().add_service(TenderingServiceServer::new(tendering.clone()));
    tokio::spawn(server.serve_with_incoming(tokio_stream::wrappers::TcpListenerStream::new(listener)));
    let peer = Peer::new("tendering", &url, keys.signer("catalogue")).unwrap();
    let app = App::new(test.db.clone(), keys.verifier("catalogue"), peer);
    World { test, app, tendering }
}

pub fn administrator() -> Caller {
    person(Scope::Deployment, Role::Administrator)
}

pub fn person(scope: Scope, role: Role) -> Caller {
    Caller { subject: PersonId::new().to_string(), scope, acts_for: Some(PartyId::new()), roles: vec![role] }
}

pub fn officer(group: GroupId) -> Caller {
    person(Scope::Group(group), Role::PurchasingOfficer)
}

pub fn request_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// The 13 digits of a body of 12 with the check digit that fits, found by asking.
pub fn code13(body: u64) -> String {
    (0..10)
        .map(|check| format!("{body:012}{check}"))
        .find(|code| catalogue::domain::identifier::Code::parse(code).is_ok())
        .unwrap()
}

pub fn gtin(value: &str) -> Identifier {
    Identifier { scheme: IdentifierScheme::Gtin.into(), value: value.to_owned() }
}

pub fn cip13(value: &str) -> Identifier {
    Identifier { scheme: IdentifierScheme::Cip13.into(), value: value.to_owned() }
}

/// Tablets in boxes of 30; the unit is not orderable.
pub fn tablets(key: &str, label: &str, identifiers: Vec<Identifier>) -> Article {
    Article {
        key: key.into(),
        label: label.into(),
        kind: LineKind::Goods.into(),
        base_unit: "C62".into(),
        base_unit_label: "comprimé".into(),
        atc: "N02BE01".into(),
        storage_class: "AMBIENT".into(),
        required_authorisation: "PUI".into(),
        medicine: true,
        vat_rate: "2.1".into(),
        packagings: vec![
            Packaging {
                code: "BOX".into(),
                label: "boîte de 30 comprimés".into(),
                contains_code: "UNIT".into(),
                contains_count: 30,
                orderable: true,
                identifiers,
                ..Default::default()
            },
            Packaging { code: "UNIT".into(), label: "comprimé".into(), ..Default::default() },
        ],
        ..Default::default()
    }
}

impl World {
    pub async fn register(&self, articles: Vec<Article>) -> Result<Vec<Article>, Failure> {
        let request = RegisterArticlesRequest { request_id: request_id(), articles };
        Ok(self.app.register_articles(&administrator(), request).await?.articles)
    }

    pub async fn get(&self, reference: &str) -> Result<Article, Failure> {
        let caller = person(Scope::Party(PartyId::new()), Role::MemberRequester);
        Ok(self.app.get_article(&caller, GetArticleRequest { r#ref: reference.into() }).await?.article.unwrap())
    }

    pub async fn set(&self, caller: &Caller, prices: Vec<Price>) -> Result<Vec<Price>, Failure> {
        Ok(self.app.set_prices(caller, SetPricesRequest { request_id: request_id(), prices }).await?.prices)
    }

    pub async fn events(&self, kind: &str) -> i64 {
        let mut superuser = self.test.superuser().await;
        sqlx::query_scalar("SELECT count(*) FROM event WHERE kind = $1")
            .bind(kind)
            .fetch_one(&mut superuser)
            .await
            .unwrap()
    }
}

/// A lot of an agreement of 2026.
#[derive(Clone, Copy)]
pub struct Terms {
    pub agreement: AgreementId,
    pub lot: LotId,
    pub holder: PartyId,
}

impl Terms {
    /// A price of 2026 from `from` to `to` (`MM-DD`), by the box of 30.
    pub fn price(self, article: &str, from: &str, to: &str) -> Price {
        Price {
            agreement_id: self.agreement.to_string(),
            lot_id: self.lot.to_string(),
            supplier_id: self.holder.to_string(),
            article_id: article.into(),
            packaging_code: "BOX".into(),
            order_multiple_packs: 2,
            tiers: vec![
                Tier { min_units: 0, unit_price: "0.15".into() },
                Tier { min_units: 3000, unit_price: "0.123456".into() },
            ],
            valid_from: format!("2026-{from}"),
            valid_to: format!("2026-{to}"),
            ..Default::default()
        }
    }
}

/// Answers agreements to their group, when the catalogue itself asks.
#[derive(Clone)]
pub struct Tendering {
    verifier: Verifier,
    agreements: Arc<Mutex<HashMap<(GroupId, String), Agreement>>>,
}

impl Tendering {
    /// An agreement of the whole of 2026 with one lot.
    pub fn agreement(&self, group: GroupId, holder: PartyId) -> Terms {
        let terms = Terms { agreement: AgreementId::new(), lot: LotId::new(), holder };
        let lot = Lot { id: terms.lot.to_string(), holder_id: holder.to_string(), ..Default::default() };
        let agreement = Agreement {
            id: terms.agreement.to_string(),
            starts_on: "2026-01-01".into(),
            ends_on: "2026-12-31".into(),
            lots: vec![lot],
            ..Default::default()
        };
        self.agreements.lock().unwrap().insert((group, agreement.id.clone()), agreement);
        terms
    }
}

#[tonic::async_trait]
impl TenderingService for Tendering {
    async fn get_agreement(
        &self,
        request: Request<GetAgreementRequest>,
    ) -> Result<Response<GetAgreementResponse>, Status> {
        let caller = self.verifier.caller(&request)?;
        assert_eq!(caller.subject, "service:catalogue");
        let id = request.into_inner().agreement_id;
        let agreement = self.agreements.lock().unwrap().get(&(caller.group()?, id.clone())).cloned();
        let agreement = agreement.ok_or_else(|| Failure::from(CommonError::NotFound { what: "agreement", id }))?;
        Ok(Response::new(GetAgreementResponse { agreement: Some(agreement) }))
    }

    async fn enter_agreement(
        &self,
        _: Request<EnterAgreementRequest>,
    ) -> Result<Response<EnterAgreementResponse>, Status> {
        Err(Status::unimplemented("not asked by the catalogue"))
    }

    async fn list_agreements(
        &self,
        _: Request<ListAgreementsRequest>,
    ) -> Result<Response<ListAgreementsResponse>, Status> {
        Err(Status::unimplemented("not asked by the catalogue"))
    }

    async fn add_beneficiaries(
        &self,
        _: Request<AddBeneficiariesRequest>,
    ) -> Result<Response<AddBeneficiariesResponse>, Status> {
        Err(Status::unimplemented("not asked by the catalogue"))
    }

    async fn enter_lot_consumption(
        &self,
        _: Request<EnterLotConsumptionRequest>,
    ) -> Result<Response<EnterLotConsumptionResponse>, Status> {
        Err(Status::unimplemented("not asked by the catalogue"))
    }

    async fn list_lot_consumption(
        &self,
        _: Request<ListLotConsumptionRequest>,
    ) -> Result<Response<ListLotConsumptionResponse>, Status> {
        Err(Status::unimplemented("not asked by the catalogue"))
    }

    async fn check_entitlements(
        &self,
        _: Request<CheckEntitlementsRequest>,
    ) -> Result<Response<CheckEntitlementsResponse>, Status> {
        Err(Status::unimplemented("not asked by the catalogue"))
    }

    async fn reserve(&self, _: Request<ReserveRequest>) -> Result<Response<ReserveResponse>, Status> {
        Err(Status::unimplemented("not asked by the catalogue"))
    }

    async fn confirm_reservation(
        &self,
        _: Request<ConfirmReservationRequest>,
    ) -> Result<Response<ConfirmReservationResponse>, Status> {
        Err(Status::unimplemented("not asked by the catalogue"))
    }

    async fn release_reservation(
        &self,
        _: Request<ReleaseReservationRequest>,
    ) -> Result<Response<ReleaseReservationResponse>, Status> {
        Err(Status::unimplemented("not asked by the catalogue"))
    }
}
