//! Needs files through all layers: workbooks in, corrected workbooks back, replacements, prepared workbooks.

use std::{
    io::Cursor,
    sync::{Arc, Mutex},
};

use axum::{
    body::{Body, to_bytes},
    http::{Response, header},
};
use calamine::{Data, Reader as _, Xlsx};
use kit::{id::RoundId, identity::Caller};
use proto::{
    catalogue::v1 as goods,
    demand::v1::{self as pb, import_needs_request::Part},
};
use rust_xlsxwriter::Workbook;
use serde_json::json;
use tower::ServiceExt as _;

use super::{
    http::{World, import, json_of},
    stub::Stub,
};

const DEMAND: &str = "centrale.demand.v1.DemandService";
const WORKBOOK: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

fn workbook(rows: &[[&str; 3]]) -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for (row, cells) in (0..).zip([["Site", "Code article", "Quantité"]].iter().chain(rows)) {
        for (column, cell) in (0..).zip(cells) {
            sheet.write_string(row, column, *cell).unwrap();
        }
    }
    workbook.save_to_buffer().unwrap()
}

async fn bytes_of(response: Response<Body>) -> Vec<u8> {
    to_bytes(response.into_body(), 50_000_000).await.unwrap().to_vec()
}

#[tokio::test]
async fn a_workbook_is_taken_and_a_refused_one_comes_back_with_its_faults() {
    let world = World::new().await;
    let world = world.with(|stub| stub.client_stream(&format!("{DEMAND}/ImportNeeds"), import)).await;
    let router = world.gateway();
    let path = world.path(&format!("rounds/{}/needs/file", RoundId::new()));
    let send = async |query: &str, kind: &str, accept: &str, file: Vec<u8>| {
        let request = world.request("POST", &format!("{path}{query}"));
        let request = request.header(header::CONTENT_TYPE, kind).header(header::ACCEPT, accept);
        router.clone().oneshot(request.body(Body::from(file)).unwrap()).await.unwrap()
    };
    let good = workbook(&[["760780239", "key:a", "2"], ["760780239", "key:b", ""]]);
    let answer = json_of(send("", WORKBOOK, "application/json", good).await).await;
    assert_eq!((&answer["added"], &answer["skipped"]), (&json!(1), &json!(1)));

    let bad = workbook(&[["760780239", "key:a", "2"], ["760780239", "unknown", "1"], ["760780239", "key:a", "12,5"]]);
    let told = json_of(send("", WORKBOOK, "application/json", bad.clone()).await).await;
    assert_eq!(told["errors"][0]["column"], "Quantité", "as the file names it");
    let csv = "Site;Code article;Quantité\n760780239;key:a;2\n760780239;unknown;1\n760780239;key:a;12,5\n";
    for (query, kind, accept, file) in [
        ("?errors=workbook", WORKBOOK, "*/*", bad.clone()),
        ("", WORKBOOK, WORKBOOK, bad),
        ("?errors=workbook", "text/csv", "*/*", csv.into()),
    ] {
        let answer = send(query, kind, accept, file).await;
        assert_eq!((answer.status().as_u16(), answer.headers()["centrale-error-count"].as_bytes()), (422, &b"2"[..]));
        assert_eq!(answer.headers()[header::CONTENT_TYPE], WORKBOOK);
        let mut returned: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes_of(answer).await)).unwrap();
        let all = returned.worksheet_range("Besoins").unwrap();
        let says = |row| match all.get((row, 3)) {
            Some(Data::String(text)) => text.clone(),
            _ => String::new(),
        };
        assert!(says(1).is_empty() && says(2).contains("inconnu") && says(3).contains("entier"), "{}", says(3));
        assert_eq!(returned.worksheet_range("Lignes en erreur").unwrap().height(), 3);
    }
}

#[tokio::test]
async fn a_replacement_is_asked_for_by_name_and_its_answer_tells_what_became_of_every_line() {
    let asked: Arc<Mutex<Vec<pb::ImportHeader>>> = Arc::default();
    let seen = asked.clone();
    let answer = move |_: Caller, mut parts: tonic::Streaming<pb::ImportNeedsRequest>| {
        let seen = seen.clone();
        async move {
            while let Some(part) = parts.message().await? {
                if let Some(Part::Header(header)) = part.part {
                    seen.lock().unwrap().push(header);
                }
            }
            Ok(pb::ImportNeedsResponse { added: 1, changed: 2, withdrawn: 3, unchanged: 4, ..Default::default() })
        }
    };
    let world = World::new().await;
    let world = world.with(|stub| stub.client_stream(&format!("{DEMAND}/ImportNeeds"), answer)).await;
    let router = world.gateway();
    let path = world.path(&format!("rounds/{}/needs/file", RoundId::new()));
    for (query, key) in
        [("", None), ("?mode=replace", None), ("?mode=replace", Some("a")), ("?mode=replace", Some("a"))]
    {
        let mut request = world.request("POST", &format!("{path}{query}")).header(header::CONTENT_TYPE, "text/csv");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Body::from("site;article;quantity\ns;a;1\n")).unwrap();
        let told = json_of(router.clone().oneshot(request).await.unwrap()).await;
        assert_eq!(
            told,
            json!({"added": 1, "changed": 2, "withdrawn": 3, "unchanged": 4, "skipped": 0, "units": 0, "replayed": false})
        );
    }
    let wrong = world.request("POST", &format!("{path}?mode=erase")).header(header::CONTENT_TYPE, "text/csv");
    let wrong = router.clone().oneshot(wrong.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(wrong.status().as_u16(), 400);
    let asked = asked.lock().unwrap();
    let modes: Vec<_> = asked.iter().map(pb::ImportHeader::mode).collect();
    assert_eq!(modes, [pb::ImportMode::Add, pb::ImportMode::Replace, pb::ImportMode::Replace, pb::ImportMode::Replace]);
    let ids: Vec<_> = asked.iter().map(|header| header.request_id.as_str()).collect();
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[2] == ids[3], "{ids:?}");
}

#[tokio::test]
async fn a_member_downloads_a_workbook_with_the_articles_of_the_round() {
    let mut world = World::new().await;
    let catalogue = Stub::new("catalogue", &world.keys)
        .unary("centrale.catalogue.v1.CatalogueService/ListPrices", |_, asked: goods::ListPricesRequest| {
            assert_eq!((asked.on.as_str(), asked.agreement_ids.len()), ("2026-03-02", 2));
            let price = |agreement: &str, unit_price: &str| goods::Price {
                agreement_id: agreement.into(),
                article_id: "art_a".into(),
                packaging_code: "UNIT".into(),
                tiers: vec![goods::Tier { min_units: 0, unit_price: unit_price.into() }],
                ..Default::default()
            };
            Ok(goods::ListPricesResponse {
                prices: vec![price("agr_2", "9"), price("agr_1", "0.5")],
                next_after: String::new(),
            })
        })
        .unary(
            "centrale.catalogue.v1.CatalogueService/BatchGetArticles",
            |_, asked: goods::BatchGetArticlesRequest| {
                let packaging =
                    goods::Packaging { code: "UNIT".into(), label: "gant".into(), base_units: 1, ..Default::default() };
                let article = goods::Article {
                    id: asked.refs[0].clone(),
                    key: "gants".into(),
                    label: "Gants".into(),
                    packagings: vec![packaging],
                    ..Default::default()
                };
                let found =
                    goods::FoundArticle { r#ref: asked.refs[0].clone(), article: Some(article), ..Default::default() };
                Ok(goods::BatchGetArticlesResponse { found: vec![found] })
            },
        );
    catalogue.start(&mut world.addresses).await;
    let member = world.member.to_string();
    let world = world
        .with(|stub| {
            stub.unary(&format!("{DEMAND}/GetRound"), |_, asked: pb::GetRoundRequest| {
                let round = pb::Round {
                    id: asked.round_id,
                    title: "Campagne 2026".into(),
                    closes_at: "2026-03-02T08:00:00Z".into(),
                    agreement_ids: vec!["agr_1".into(), "agr_2".into()],
                    ..Default::default()
                };
                Ok(pb::GetRoundResponse { round: Some(round) })
            })
            .unary(
                &format!("{DEMAND}/ListArticleHistory"),
                move |_, asked: pb::ListArticleHistoryRequest| {
                    assert_eq!(asked.party_id, member);
                    Ok(pb::ListArticleHistoryResponse::default())
                },
            )
        })
        .await;
    let path = world.path(&format!("rounds/{}/needs/template", RoundId::new()));
    let answer = world.gateway().oneshot(world.request("GET", &path).body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.headers()[header::CONTENT_TYPE].as_bytes()),
        (200, WORKBOOK.as_bytes())
    );
    let mut prepared: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes_of(answer).await)).unwrap();
    let cells = prepared.worksheet_range("Besoins").unwrap();
    assert_eq!(cells.height(), 2);
    assert_eq!(cells.get((1, 0)), Some(&Data::String("key:gants".into())));
    assert_eq!(cells.get((1, 8)), Some(&Data::Float(0.5)), "of the first agreement that has it");
    assert_eq!(cells.get((1, 9)), Some(&Data::String("060780239 — Hôpital Nord".into())), "the only site");
}
