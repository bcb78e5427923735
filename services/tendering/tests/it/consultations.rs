//! From a published consultation to the agreement, and what nobody may learn before opening.

use chrono::{DateTime, Duration, Utc};
use kit::{
    Caller, Failure, Role, Scope,
    id::{ArticleId, DelegationId, GroupId, PartyId, PersonId},
    signature::{Holder, Signature, Signatures},
};
use proto::tendering::v1 as pb;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sqlx::AssertSqlSafe;
use tendering::convert::consultation as convert;

use crate::support::{World, person, reason, request_id};

/// A price that stands nowhere else.
const SECRET_PRICE: &str = "7391.284613";

struct Scene {
    world: World,
    opener: age::x25519::Identity,
    article: ArticleId,
}

impl Scene {
    async fn new() -> Self {
        Self { world: World::new().await, opener: age::x25519::Identity::generate(), article: ArticleId::new() }
    }

    /// Stops business time of this test's database at a moment: the clock is a function that a superuser may replace.
    async fn stop_clock(&self, at: DateTime<Utc>) {
        let sql = format!(
            "CREATE OR REPLACE FUNCTION public.business_now() RETURNS timestamptz LANGUAGE sql VOLATILE
             RETURN timestamptz '{}'",
            at.format("%Y-%m-%d %H:%M:%S%.6f+00")
        );
        sqlx::query(AssertSqlSafe(sql)).execute(&mut self.world.test.superuser().await).await.unwrap();
    }

    fn content(&self) -> pb::Consultation {
        let criterion = |key: &str, kind: pb::CriterionKind, weight| pb::Criterion {
            key: key.into(),
            title: key.into(),
            kind: kind.into(),
            weight,
        };
        pb::Consultation {
            title: "Gants d'examen".into(),
            awarding_party_id: self.world.support.to_string(),
            role: pb::PurchasingRole::Intermediary.into(),
            procedure: pb::Procedure::Open.into(),
            electronic: true,
            zone: "Europe/Paris".into(),
            deadline: DEADLINE.into(),
            opener_key: self.opener.to_public().to_string(),
            lots: vec![pb::ConsultationLot {
                number: 1,
                title: "Nitrile".into(),
                estimated_cents: 22_000_000,
                maximum_cents: 30_000_000,
                basket: vec![pb::BasketLine {
                    article_id: self.article.to_string(),
                    quantity: 10,
                    packaging_codes: vec!["BOX".into()],
                }],
            }],
            criteria: vec![
                criterion("PRIX", pb::CriterionKind::Price, 60),
                criterion("QUAL", pb::CriterionKind::Quality, 30),
                criterion("ENV", pb::CriterionKind::Environmental, 10),
            ],
            price_formula: pb::PriceFormula::PminOverP.into(),
            points_places: 2,
            tie_rule: pb::TieRule::LowestPrice.into(),
            comparison_basis: pb::ComparisonBasis::WithoutVat.into(),
            beneficiary_ids: vec![PartyId::new().to_string()],
            duration_months: 48,
            ..Default::default()
        }
    }

    async fn create(&self, content: pb::Consultation) -> Result<pb::Consultation, Failure> {
        let request = pb::CreateConsultationRequest { request_id: request_id(), consultation: Some(content) };
        let dossier = convert::dossier_from_proto(request.consultation.as_ref())?;
        let facts = self.world.facts(&[]);
        let officer = self.world.officer();
        Ok(self.world.app.create_consultation_knowing(&officer, &request, dossier, &facts).await?.consultation.unwrap())
    }

    async fn publish(&self, id: &str) -> Result<pb::Consultation, Failure> {
        let request = pb::PublishConsultationRequest {
            request_id: request_id(),
            consultation_id: id.to_owned(),
            expected_version: 0,
        };
        let (officer, facts) = (self.world.officer(), self.world.facts(&[]));
        Ok(self.world.app.publish_consultation_knowing(&officer, &request, &facts).await?.consultation.unwrap())
    }

    /// A published consultation; the clock stands on the day of publication.
    async fn published(&self) -> String {
        self.stop_clock(PUBLISHED.parse().unwrap()).await;
        let id = self.create(self.content()).await.unwrap().id;
        self.publish(&id).await.unwrap();
        id
    }

    fn tender(&self, unit_price: &str) -> Vec<u8> {
        let document = json!({"lots": [{"lot": 1,
            "prices": [{"article_id": self.article, "packaging_code": "BOX", "order_multiple_packs": 2,
                "tiers": [{"min_units": 0, "unit_price": unit_price}, {"min_units": 500, "unit_price": "0.01"}]}],
            "answers": {"QUAL": "EN 455", "ENV": "Carton recyclé"}}]});
        age::encrypt(&self.opener.to_public(), document.to_string().as_bytes()).unwrap()
    }

    fn supplier(&self, firm: PartyId) -> Caller {
        person(Scope::Group(self.world.group), firm, Role::Supplier)
    }

    async fn send(&self, id: &str, firm: PartyId, bytes: &[u8]) -> Result<pb::TenderReceipt, Failure> {
        let header = pb::TenderHeader {
            request_id: request_id(),
            consultation_id: id.to_owned(),
            sha256: hex::encode(Sha256::digest(bytes)),
            size_bytes: i64::try_from(bytes.len()).unwrap(),
        };
        let upload = convert::upload_from_proto(&header)?;
        let answer = self.world.app.receive_tender(&self.supplier(firm), &upload, bytes).await?;
        Ok(answer.receipt.unwrap())
    }

    async fn open(&self, id: &str) -> Result<pb::OpenTendersResponse, Failure> {
        self.open_with(id, &self.opener).await
    }

    async fn open_with(&self, id: &str, key: &age::x25519::Identity) -> Result<pb::OpenTendersResponse, Failure> {
        use age::secrecy::ExposeSecret as _;
        let request = pb::OpenTendersRequest {
            request_id: request_id(),
            consultation_id: id.to_owned(),
            identity: key.to_string().expose_secret().to_owned(),
        };
        self.world.app.open_tenders_knowing(&self.world.officer(), request, &self.world.facts(&[])).await
    }

    async fn tenders(&self, caller: &Caller, id: &str) -> pb::ListTendersResponse {
        let request = pb::ListTendersRequest { consultation_id: id.to_owned(), page: None };
        self.world.app.list_tenders(caller, request).await.unwrap()
    }

    /// Every row of every table of the service as text.
    async fn dump(&self) -> String {
        let mut superuser = self.world.test.superuser().await;
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT relname::text FROM pg_class WHERE relnamespace = 'tendering'::regnamespace AND relkind = 'r'",
        )
        .fetch_all(&mut superuser)
        .await
        .unwrap();
        assert!(tables.len() > 15, "{tables:?}");
        let mut dump = String::new();
        for table in tables {
            // Bytes as escaped text, so that words in them can be found.
            let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("SELECT t::text FROM {table} t")))
                .fetch_all(&mut superuser)
                .await
                .unwrap();
            for row in rows {
                dump.push_str(&row);
                dump.push('\n');
            }
        }
        dump
    }
}

const PUBLISHED: &str = "2026-11-21T09:00:00Z";
const DEADLINE: &str = "2026-12-21T12:00:00+01:00";

fn deadline() -> DateTime<Utc> {
    DEADLINE.parse().unwrap()
}

fn hexadecimal(text: &str) -> String {
    hex::encode(text.as_bytes())
}

#[tokio::test]
async fn in_time_is_to_the_microsecond_and_a_late_tender_stays_sealed_for_good() {
    let scene = Scene::new().await;
    let id = scene.published().await;
    let (punctual, late) = (PartyId::new(), PartyId::new());
    scene.stop_clock(deadline()).await;
    let receipt = scene.send(&id, punctual, &scene.tender("0.10")).await.unwrap();
    assert_eq!(
        (receipt.state(), receipt.received_at.as_str()),
        (pb::TenderState::Sealed, "2026-12-21T11:00:00.000000Z")
    );
    assert_eq!(reason(scene.open(&id).await), "OPENING_TOO_EARLY", "nothing is opened while one may still be in time");
    scene.stop_clock(deadline() + Duration::microseconds(1)).await;
    let receipt = scene.send(&id, late, &scene.tender("0.05")).await.unwrap();
    assert_eq!(receipt.state(), pb::TenderState::Late);
    let opened = scene.open(&id).await.unwrap();
    assert_eq!((opened.opened_count, opened.irregular_count, opened.unreadable_count), (1, 0, 0));
    let listed = scene.tenders(&scene.world.officer(), &id).await;
    let states: Vec<_> = listed.tenders.iter().map(pb::Tender::state).collect();
    assert_eq!(states, [pb::TenderState::Opened, pb::TenderState::Late]);
    assert!(listed.tenders[1].offers.is_empty());
    let mut app = scene.world.test.app().await;
    sqlx::query("SELECT set_config('app.group_id', $1, false)")
        .bind(scene.world.group.uuid().to_string())
        .execute(&mut app)
        .await
        .unwrap();
    let readable: i64 =
        sqlx::query_scalar("SELECT count(*) FROM tendering.tender_chunk").fetch_one(&mut app).await.unwrap();
    assert_eq!(readable, 1, "the late file cannot even be read");
}

#[tokio::test]
async fn before_opening_no_row_and_no_event_shows_a_price_or_a_bidder() {
    let scene = Scene::new().await;
    let id = scene.published().await;
    let firm = PartyId::new();
    let supplier = scene.supplier(firm);
    scene.send(&id, firm, &scene.tender(SECRET_PRICE)).await.unwrap();
    let dump = scene.dump().await;
    for trace in [SECRET_PRICE, "739128461", "EN 455"] {
        assert!(!dump.contains(trace) && !dump.contains(&hexadecimal(trace)), "{trace} is readable");
    }
    assert!(!dump.contains(&supplier.subject), "the sender's person is nowhere");
    let bidder = firm.uuid().to_string();
    let rows: Vec<&str> = dump.lines().filter(|row| row.contains(&bidder)).collect();
    assert_eq!(rows.len(), 1, "only the hidden table says whose it is: {rows:?}");
    let listed = scene.tenders(&scene.world.officer(), &id).await;
    assert_eq!((listed.received_count, listed.tenders[0].party_id.as_str()), (1, ""));
    let mut app = scene.world.test.app().await;
    sqlx::query("SELECT set_config('app.group_id', $1, false)")
        .bind(scene.world.group.uuid().to_string())
        .execute(&mut app)
        .await
        .unwrap();
    for table in ["tender_party", "tender_chunk"] {
        let sql = format!("SELECT count(*) FROM tendering.{table}");
        let seen: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut app).await.unwrap();
        assert_eq!(seen, 0, "{table} is hidden from the group's own session");
    }
    // The test can find what it looks for: after opening the price is there.
    scene.stop_clock(deadline() + Duration::seconds(1)).await;
    scene.open(&id).await.unwrap();
    let dump = scene.dump().await;
    assert!(dump.contains(SECRET_PRICE));
    let identity = {
        use age::secrecy::ExposeSecret as _;
        scene.opener.to_string().expose_secret().to_owned()
    };
    assert!(!dump.contains(&identity) && !dump.contains(&hexadecimal(&identity)), "the private key is nowhere");
}

#[tokio::test]
async fn one_altered_bit_on_the_way_or_in_the_database_is_refused_at_opening() {
    let scene = Scene::new().await;
    let id = scene.published().await;
    let mut altered = scene.tender("0.10");
    let last = altered.len() - 1;
    altered[last] ^= 1;
    scene.send(&id, PartyId::new(), &altered).await.unwrap();
    let kept = scene.send(&id, PartyId::new(), &scene.tender("0.11")).await.unwrap();
    scene.send(&id, PartyId::new(), &scene.tender("0.12")).await.unwrap();
    let tender: kit::id::TenderId = kept.tender_id.parse().unwrap();
    sqlx::query("UPDATE tender_chunk SET bytes = set_bit(bytes, 2000, 1 - get_bit(bytes, 2000)) WHERE tender_id = $1")
        .bind(tender)
        .execute(&mut scene.world.test.superuser().await)
        .await
        .unwrap();
    scene.stop_clock(deadline() + Duration::seconds(1)).await;
    let stranger = age::x25519::Identity::generate();
    assert_eq!(reason(scene.open_with(&id, &stranger).await), "WRONG_OPENING_KEY");
    let opened = scene.open(&id).await.unwrap();
    assert_eq!((opened.opened_count, opened.irregular_count, opened.unreadable_count), (1, 0, 2));
    let listed = scene.tenders(&scene.world.officer(), &id).await;
    assert!(listed.tenders[0].faults[0].contains("altéré"), "{:?}", listed.tenders[0].faults);
    assert!(listed.tenders[1].faults[0].contains("empreinte"), "{:?}", listed.tenders[1].faults);
    assert_eq!(reason(scene.open(&id).await), "CONSULTATION_NOT_NOW", "opened once");
}

#[tokio::test]
async fn the_last_tender_in_time_replaces_and_a_clear_or_incomplete_file_is_not_kept() {
    let scene = Scene::new().await;
    let id = scene.published().await;
    let firm = PartyId::new();
    scene.send(&id, firm, &scene.tender("0.10")).await.unwrap();
    scene.stop_clock(deadline() - Duration::hours(1)).await;
    scene.send(&id, firm, &scene.tender("0.20")).await.unwrap();
    assert_eq!(reason(scene.send(&id, firm, br#"{"lots":[]}"#).await), "TENDER_NOT_SEALED");
    scene.stop_clock(deadline() + Duration::seconds(1)).await;
    scene.send(&id, firm, &scene.tender("0.30")).await.unwrap();
    scene.open(&id).await.unwrap();
    let listed = scene.tenders(&scene.world.officer(), &id).await;
    let seen: Vec<_> =
        listed.tenders.iter().map(|one| (one.state(), one.offers.first().map(|o| o.price_cents))).collect();
    assert_eq!(
        seen,
        [(pb::TenderState::Replaced, None), (pb::TenderState::Opened, Some(200)), (pb::TenderState::Late, None)]
    );
}

#[tokio::test]
async fn a_receipt_is_answered_twice_alike_and_its_event_holds_the_hash() {
    let scene = Scene::new().await;
    let id = scene.published().await;
    let (firm, bytes) = (PartyId::new(), scene.tender("0.10"));
    let header = pb::TenderHeader {
        request_id: request_id(),
        consultation_id: id.clone(),
        sha256: hex::encode(Sha256::digest(&bytes)),
        size_bytes: i64::try_from(bytes.len()).unwrap(),
    };
    let upload = convert::upload_from_proto(&header).unwrap();
    let caller = scene.supplier(firm);
    let first = scene.world.app.receive_tender(&caller, &upload, &bytes).await.unwrap();
    assert_eq!(scene.world.app.receive_tender(&caller, &upload, &bytes).await.unwrap(), first);
    let receipt = first.receipt.unwrap();
    let event: uuid::Uuid = receipt.event_id.parse().unwrap();
    let (kind, actor, payload): (String, String, Vec<u8>) =
        sqlx::query_as("SELECT kind, actor, payload FROM event WHERE event_id = $1")
            .bind(event)
            .fetch_one(&mut scene.world.test.superuser().await)
            .await
            .unwrap();
    assert_eq!((kind.as_str(), actor.as_str()), ("tendering.tender_received.v1", "service:tendering"));
    assert!(payload.windows(64).any(|window| window == receipt.sha256.as_bytes()));
    assert_eq!(scene.world.events("tendering.tender_received.v1").await, 1);
}

#[tokio::test]
async fn a_supplier_sees_published_consultations_of_all_groups_and_its_own_receipts_only() {
    let scene = Scene::new().await;
    let id = scene.published().await;
    let draft = scene.create(scene.content()).await.unwrap().id;
    let (firm, rival) = (PartyId::new(), PartyId::new());
    scene.send(&id, firm, &scene.tender("0.10")).await.unwrap();
    scene.send(&id, rival, &scene.tender("0.20")).await.unwrap();
    let inbox = |party| person(Scope::Party(party), party, Role::Supplier);
    let mine = scene.tenders(&inbox(firm), "").await;
    assert_eq!((mine.tenders.len(), mine.tenders[0].party_id.clone()), (1, firm.to_string()));
    assert_eq!(scene.tenders(&inbox(firm), &id).await.received_count, 1, "not how many others there are");
    assert!(scene.tenders(&inbox(PartyId::new()), "").await.tenders.is_empty());
    let registered =
        Caller { subject: PersonId::new().to_string(), scope: Scope::Deployment, acts_for: None, roles: Vec::new() };
    let list = pb::ListConsultationsRequest { open_only: true, page: None };
    for caller in [inbox(rival), registered] {
        let seen = scene.world.app.list_consultations(&caller, list.clone()).await.unwrap().consultations;
        let ids: Vec<&str> = seen.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(ids, [id.as_str()], "published, and no draft");
        assert_eq!(seen[0].lots[0].estimated_cents, 0, "the estimate is the group's");
        let get = pb::GetConsultationRequest { consultation_id: draft.clone() };
        assert_eq!(reason(scene.world.app.get_consultation(&caller, get).await), "NOT_FOUND");
    }
    assert_eq!(reason(scene.send(&draft, firm, &scene.tender("0.10")).await), "NOT_FOUND");
    let elsewhere = person(Scope::Group(GroupId::new()), scene.world.support, Role::PurchasingOfficer);
    let seen = scene.world.app.list_consultations(&elsewhere, pb::ListConsultationsRequest::default()).await.unwrap();
    assert!(seen.consultations.is_empty(), "another group's session has its own only");
}

#[tokio::test]
async fn publication_is_blocked_with_everything_that_is_lacking() {
    let scene = Scene::new().await;
    scene.stop_clock(PUBLISHED.parse().unwrap()).await;
    let mut content = scene.content();
    content.criteria.pop();
    content.lots[0].maximum_cents = 0;
    content.price_formula = pb::PriceFormula::MinMax.into();
    content.deadline = "2026-12-20T12:00:00+01:00".into();
    let id = scene.create(content).await.unwrap().id;
    let check = pb::CheckPublicationRequest { consultation_id: id.clone() };
    let checked = scene.world.app.check_publication(&scene.world.officer(), check).await.unwrap();
    let missing: Vec<(&str, &str)> =
        checked.missing.iter().map(|one| (one.rule.as_str(), one.source.as_str())).collect();
    assert_eq!(
        missing,
        [
            ("OPEN_PROCEDURE_DAYS_ELECTRONIC", "CCP R2161-3"),
            ("MAXIMUM_COMPULSORY", "CCP R2162-4"),
            ("CRITERIA_WEIGHTED", "CCP R2152-11 ; R2152-12"),
            ("ENVIRONMENTAL_CRITERION", "CCP R2152-7"),
            ("FORMULA_MIN_MAX", "CE, 20/11/2020, 427761"),
        ]
    );
    assert_eq!(checked.earliest_deadline_on, "2026-12-21");
    assert_eq!(reason(scene.publish(&id).await), "PUBLICATION_BLOCKED");
}

#[tokio::test]
async fn scored_awarded_after_the_standstill_signed_and_an_agreement_is_there() {
    let scene = Scene::new().await;
    let id = scene.published().await;
    let (cheap, good) = (PartyId::new(), PartyId::new());
    scene.send(&id, cheap, &scene.tender("1.00")).await.unwrap();
    scene.send(&id, good, &scene.tender("1.50")).await.unwrap();
    scene.stop_clock(deadline() + Duration::seconds(1)).await;
    scene.open(&id).await.unwrap();
    let (app, officer) = (&scene.world.app, scene.world.officer());
    let listed = scene.tenders(&officer, &id).await;
    let mark = |tender: &pb::Tender, key: &str, mark: &str| pb::Mark {
        tender_id: tender.receipt.as_ref().unwrap().tender_id.clone(),
        lot_number: 1,
        criterion_key: key.into(),
        mark: mark.into(),
        comment: "vu en séance".into(),
    };
    let [first, second] = listed.tenders.as_slice() else { panic!("two tenders") };
    let marks = vec![
        mark(first, "QUAL", "5"),
        mark(first, "ENV", "4"),
        mark(second, "QUAL", "10"),
        mark(second, "ENV", "9.25"),
    ];
    let score =
        |marks: Vec<pb::Mark>| pb::ScoreTendersRequest { request_id: request_id(), consultation_id: id.clone(), marks };
    let facts = scene.world.facts(&[]);
    let few = app.score_tenders_knowing(&officer, &score(marks[..3].to_vec()), &facts).await;
    assert_eq!(reason(few), "INVALID_INPUT");
    let results = app.score_tenders_knowing(&officer, &score(marks), &facts).await.unwrap().results;
    let totals: Vec<_> = results[0].ranking.iter().map(|row| (row.party_id.clone(), row.total.clone())).collect();
    assert_eq!(totals, [(good.to_string(), "79.25".to_owned()), (cheap.to_string(), "79.00".to_owned())]);
    let award = pb::AwardLotsRequest { request_id: request_id(), consultation_id: id.clone() };
    award_is_refused_to_whom_it_does_not_belong(&scene, &award).await;
    let awarded = app.award_lots_knowing(&officer, &award, &facts).await.unwrap();
    assert_eq!(awarded.results[0].awarded_to, good.to_string());
    let consultation = awarded.consultation.unwrap();
    assert_eq!(
        (consultation.state(), consultation.signable_on.as_str()),
        (pb::ConsultationState::Standstill, "2027-01-01"),
        "21 December + 11 days"
    );
    let sign = || pb::SignAgreementRequest {
        request_id: request_id(),
        consultation_id: id.clone(),
        key: "gants".into(),
        number: "AC-2027-0001".into(),
        starts_on: String::new(),
    };
    let facts_on = |day: &str| tendering::app::Facts { on: day.parse().unwrap(), ..scene.world.facts(&[]) };
    // 31 December, 23:59:59 in Paris.
    scene.stop_clock("2026-12-31T22:59:59Z".parse().unwrap()).await;
    let early = app.sign_agreement_knowing(&officer, &sign(), &facts_on("2026-12-31")).await;
    assert_eq!(reason(early), "STANDSTILL_RUNNING");
    scene.stop_clock("2026-12-31T23:00:00Z".parse().unwrap()).await;
    let signed = app.sign_agreement_knowing(&officer, &sign(), &facts_on("2027-01-01")).await.unwrap();
    let agreement = signed.agreement.unwrap();
    assert_eq!((agreement.starts_on.as_str(), agreement.ends_on.as_str()), ("2027-01-01", "2030-12-31"));
    let published_on = &PUBLISHED[..10];
    let lot = &agreement.lots[0];
    assert_eq!(
        (lot.holder_id.clone(), lot.maximum_cents, agreement.beneficiaries.len()),
        (good.to_string(), 30_000_000, 1)
    );
    let tier = |min_units, unit_price: &str| pb::OfferedTier { min_units, unit_price: unit_price.into() };
    let expected = pb::AwardedPrice {
        lot_id: lot.id.clone(),
        article_id: scene.article.to_string(),
        unit_price: "1.5".into(),
        supplier_id: good.to_string(),
        packaging_code: "BOX".into(),
        order_multiple_packs: 2,
        tiers: vec![tier(0, "1.5"), tier(500, "0.01")],
        valid_from: "2027-01-01".into(),
        valid_to: "2030-12-31".into(),
    };
    assert_eq!(signed.prices, [expected]);
    let payload: Vec<u8> = sqlx::query_scalar("SELECT payload FROM event WHERE kind = 'tendering.prices_awarded.v1'")
        .fetch_one(&mut scene.world.test.superuser().await)
        .await
        .unwrap();
    let logged = <pb::PricesAwarded as prost::Message>::decode(payload.as_slice()).unwrap();
    assert_eq!((logged.agreement_id, logged.prices), (agreement.id.clone(), signed.prices), "the log carries them on");
    assert_eq!(scene.world.lot(&agreement.id).await.remaining_cents, 30_000_000);
    assert_eq!(agreement.published_on, published_on, "known from its consultation");
}

/// A member's own officer, and one whose delegation is too small: with the article, and with the figures.
async fn award_is_refused_to_whom_it_does_not_belong(scene: &Scene, award: &pb::AwardLotsRequest) {
    let (app, member) = (&scene.world.app, PartyId::new());
    let officer = person(Scope::Group(scene.world.group), member, Role::PurchasingOfficer);
    let mut facts = scene.world.facts(&[]);
    let again = || pb::AwardLotsRequest { request_id: request_id(), ..award.clone() };
    let own = app.award_lots_knowing(&officer, &again(), &facts).await.unwrap_err();
    assert_eq!(own.reason(), "NOT_THE_AWARDING_PARTY");
    assert!(own.metadata()["source"].contains("L6132-3"), "{:?}", own.metadata());
    let right = |limit_cents| Signature { delegation: DelegationId::new(), holder: Holder::Party(member), limit_cents };
    facts.award_rights = Signatures { given: vec![right(Some(29_999_999))], source: "CSP D6143-33".into() };
    let small = app.award_lots_knowing(&officer, &again(), &facts).await.unwrap_err();
    assert_eq!((small.reason().as_str(), small.metadata()["limit_cents"].as_str()), ("ABOVE_DELEGATION", "29999999"));
    assert_eq!(small.metadata()["amount_cents"], "30000000");
}
