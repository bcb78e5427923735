//! Who may do what, through the public API: a hospital in a GHT and in a GCS, delegations with amounts, a late member, a merger.

use e2e::Stack;
use serde_json::{Value, json};
use tools::demo::{
    api::{Api, Refusal},
    setup::ADMIN,
};
use uuid::Uuid;

/// A loaded stack with the ids by key.
struct World {
    api: Api,
    parties: Value,
    ght: String,
    gcs: String,
    article: String,
    /// Agreements A (published in February) and B of the GCS, with the id of their only lot.
    a: (String, String),
    b: (String, String),
}

impl World {
    fn party(&self, key: &str) -> &str {
        self.parties[key].as_str().unwrap()
    }

    async fn post(&self, login: &str, path: &str, body: &Value) -> Result<Value, Refusal> {
        self.api.try_post(login, path, &Uuid::now_v7().to_string(), body).await.unwrap()
    }

    /// The answer to whether a party may buy from a lot of the GCS.
    async fn ask(&self, party: &str, lot: &str, more: &str) -> Value {
        let party = self.party(party);
        let path = format!("{}/entitlements?party_id={party}&lot_id={lot}{more}", self.gcs);
        self.api.get("acheteur.gcs", &path).await.unwrap()
    }

    /// An urgent order of so many boxes of 10 at 1.00 € each.
    async fn urgent(
        &self,
        login: &str,
        group: &str,
        agreement: &str,
        party: &str,
        boxes: i64,
    ) -> Result<Value, Refusal> {
        let body = json!({ "agreement_ids": [agreement], "party_id": self.party(party), "reason": "Essai",
            "commitment_number": "ENG-1", "lines": [{ "site": format!("key:{party}-1"), "article": self.article, "packaging_code": "BOX",
                "quantity": boxes }] });
        self.post(login, &format!("{group}/urgent-orders"), &body).await
    }
}

fn code(refusal: &Refusal) -> &str {
    refusal.problem["code"].as_str().unwrap()
}

const PARTIES: [(&str, &str); 8] = [
    ("chu", "PUBLIC_LAW"),
    ("ch", "PUBLIC_LAW"),
    ("libre", "PUBLIC_LAW"),
    ("tardif", "PUBLIC_LAW"),
    ("grand", "PUBLIC_LAW"),
    ("corps", "PUBLIC_LAW"),
    ("clinique", "UNKNOWN"),
    ("firme", ""),
];

/// Login, group, party.
const OFFICERS: [(&str, &str, &str); 4] = [
    ("directeur.chu", "ght", "chu"),
    ("adjoint.chu", "ght", "chu"),
    ("acheteur.ch", "ght", "ch"),
    ("acheteur.gcs", "gcs", "corps"),
];

async fn load(stack: &Stack) -> World {
    let api = Api::new(stack.var("CENTRALE_URL")).unwrap();
    api.know(ADMIN, stack.var("CENTRALE_BOOTSTRAP_ADMIN_PASSWORD"));
    let parties: Vec<Value> = PARTIES
        .iter()
        .map(|(key, status)| match *status {
            "" => json!({ "key": key, "kind": "FIRM", "name": format!("Société FICTIVE {key}"), "buyer_status_evidence": "" }),
            status => json!({ "key": key, "kind": "ESTABLISHMENT", "name": format!("Établissement FICTIF {key}"), "buyer_status": status,
                "buyer_status_evidence": "FICTIF" }),
        })
        .collect();
    let answer = api.post(ADMIN, "/v1/parties/register", "parties", &json!({ "parties": parties })).await.unwrap();
    let ids: serde_json::Map<String, Value> = answer["parties"]
        .as_array()
        .unwrap()
        .iter()
        .map(|party| (party["key"].as_str().unwrap().to_owned(), party["id"].clone()))
        .collect();
    let parties = Value::Object(ids);
    let sites: Vec<Value> = PARTIES[..7]
        .iter()
        .map(|(key, _)| json!({ "key": format!("{key}-1"), "party_id": format!("key:{key}"), "name": format!("Site {key}"), "address": "",
            "postcode": "", "city": "" }))
        .collect();
    api.post(ADMIN, "/v1/sites/register", "sites", &json!({ "sites": sites })).await.unwrap();
    let mut groups = Vec::new();
    for (key, form, awarding, members) in [
        ("ght", "GHT", "chu", vec![("chu", "2026-01-01"), ("ch", "2026-01-01")]),
        (
            "gcs",
            "GCS_MOYENS",
            "corps",
            vec![("ch", "2026-01-01"), ("libre", "2026-01-01"), ("clinique", "2026-01-01"), ("tardif", "2026-10-01")],
        ),
    ] {
        let body = json!({ "key": key, "name": format!("Groupe FICTIF {key}"), "form": form, "awarding_party_id": parties[awarding] });
        let group = api.post(ADMIN, "/v1/groups", &format!("group/{key}"), &body).await.unwrap();
        let path = format!("/v1/groups/{}", group["id"].as_str().unwrap());
        let members: Vec<Value> = members
            .iter()
            .map(|(party, from)| json!({ "party_id": parties[party], "kind": "FULL", "valid_from": from }))
            .collect();
        let key = format!("members/{key}");
        api.post(ADMIN, &format!("{path}/members/add"), &key, &json!({ "members": members })).await.unwrap();
        groups.push(path);
    }
    let people: Vec<Value> = OFFICERS
        .iter()
        .map(|(login, group, party)| {
            api.know(login, Stack::PASSWORD);
            json!({ "login": login, "name": "Camille FICTIF", "email": format!("{login}@example.org"), "password": Stack::PASSWORD,
                "grants": [{ "role": "PURCHASING_OFFICER", "group_id": format!("key:{group}"), "party_id": format!("key:{party}") }] })
        })
        .collect();
    api.post(ADMIN, "/v1/people/register", "people", &json!({ "people": people })).await.unwrap();
    let article = json!({ "key": "gants", "label": "Gants FICTIFS", "kind": "GOODS", "base_unit": "C62", "base_unit_label": "gant", "cpv": "",
        "atc": "", "storage_class": "AMBIENT", "required_authorisation": "", "medicine": false, "sterile_device": false, "vat_rate": "20",
        "packagings": [
            { "code": "UNIT", "label": "gant", "contains_code": "", "contains_count": 0, "orderable": false, "identifiers": [] },
            { "code": "BOX", "label": "boîte de 10", "contains_code": "UNIT", "contains_count": 10, "orderable": true, "identifiers": [] }] });
    let answer = api.post(ADMIN, "/v1/articles/register", "articles", &json!({ "articles": [article] })).await.unwrap();
    let article = answer["articles"][0]["id"].as_str().unwrap().to_owned();
    let [ght, gcs] = groups.try_into().unwrap();
    let mut world = World { api, parties, ght, gcs, article, a: Default::default(), b: Default::default() };
    world.a = agreement(&world, "acheteur.gcs", &world.gcs, "a", "corps", &["ch", "libre", "clinique"]).await;
    world.b = agreement(&world, "acheteur.gcs", &world.gcs, "b", "corps", &["tardif"]).await;
    world
}

/// An agreement with one lot of 1,000 € in which one box costs 1 €.
async fn agreement(
    world: &World,
    login: &str,
    group: &str,
    key: &str,
    awarding: &str,
    named: &[&str],
) -> (String, String) {
    let named: Vec<Value> =
        named.iter().map(|party| json!({ "party_id": world.party(party), "valid_from": "2026-03-01" })).collect();
    let body = json!({ "key": key, "number": format!("AC-{key}"), "title": "Gants", "role": "INTERMEDIARY", "tier_basis": "POOLED_ORDER",
        "starts_on": "2026-03-01", "ends_on": "2028-12-31", "published_on": "2026-02-01", "awarding_party_id": world.party(awarding),
        "source": "FICTIF", "beneficiaries": named,
        "lots": [{ "number": 1, "title": "Gants d'examen", "holder_id": world.party("firme"), "maximum_cents": 100_000, "minimum_cents": 0,
            "opening_consumed_cents": 0 }] });
    let answer = world.post(login, &format!("{group}/agreements"), &body).await.unwrap();
    let (id, lot) = (answer["id"].as_str().unwrap().to_owned(), answer["lots"][0]["id"].as_str().unwrap().to_owned());
    assert_eq!(answer["published_on"], "2026-02-01");
    let price = json!({ "prices": [{ "agreement_id": id, "lot_id": lot, "supplier_id": world.party("firme"), "article_id": world.article,
        "packaging_code": "BOX", "order_multiple_packs": 1, "tiers": [{ "min_units": 0, "unit_price": "0.1" }],
        "valid_from": "2026-03-01", "valid_to": "2028-12-31" }] });
    world.post(login, &format!("{group}/prices"), &price).await.unwrap();
    (id, lot)
}

#[tokio::test]
async fn rights_are_computed_told_with_their_article_and_kept_with_what_they_allowed() {
    let stack = Stack::start("rights", &[]).await;
    let world = load(&stack).await;
    a_party_to_a_ght_orders_elsewhere_by_its_supports_delegation(&world).await;
    who_joined_after_publication_is_refused_unless_it_was_named(&world).await;
    an_unknown_status_is_shown_as_strict_and_a_day_before_keeps_its_own(&world).await;
    an_officer_orders_within_its_delegation_and_a_replacement_within_the_one_it_stands_in_for(&world).await;
    a_members_own_attempt_to_award_is_refused_with_the_article(&world).await;
    a_member_leaves_as_it_was_shown(&world).await;
    a_merged_members_contracts_pass_to_its_successor(&world).await;
    let (clean, said) = stack.audit().await;
    assert!(clean, "{said}");
}

async fn a_party_to_a_ght_orders_elsewhere_by_its_supports_delegation(world: &World) {
    let lot = &world.a.1;
    let refused = world.ask("ch", lot, "").await;
    assert_eq!(
        (&refused["allowed"], &refused["reason"]["rule"]),
        (&json!(false), &json!("GHT_DELEGATION_MISSING")),
        "{refused}"
    );
    assert!(refused["reason"]["source"].as_str().unwrap().contains("L6132-3"), "{refused}");
    assert_eq!(refused["alternative"]["kind"], "GET_DELEGATION");
    assert!(refused["alternative"]["text"].as_str().unwrap().contains("FICTIF chu"), "{refused}");
    let early = world.urgent("acheteur.gcs", &world.gcs, &world.a.0, "ch", 2).await.unwrap_err();
    assert!(early.problem["detail"].as_str().unwrap().contains("L6132-3"), "{early}");

    let body = json!({ "to_party_id": world.party("ch"), "acts": ["ORDER"], "amount_max_cents": 500, "valid_from": "2026-01-01",
        "evidence": "Décision FICTIVE 2026-1" });
    let elsewhere = world.post("acheteur.ch", &format!("{}/delegations", world.ght), &body).await.unwrap_err();
    assert_eq!(code(&elsewhere), "INVALID_INPUT", "the party does not delegate to itself: {elsewhere}");
    let given = world.post("directeur.chu", &format!("{}/delegations", world.ght), &body).await.unwrap();
    let allowed = world.ask("ch", lot, "&amount_cents=500").await;
    assert_eq!(allowed["allowed"], true, "{allowed}");
    assert!(allowed.get("alternative").is_none());
    let above = world.ask("ch", lot, "&amount_cents=501").await;
    assert_eq!(above["reason"]["rule"], "GHT_DELEGATION_EXCEEDED");
    assert_eq!(above["reason"]["facts"]["ght_limit_cents"], "500");

    let refused = world.urgent("acheteur.gcs", &world.gcs, &world.a.0, "ch", 6).await.unwrap_err();
    assert_eq!(code(&refused), "URGENT_ORDER_REFUSED");
    assert_eq!(refused.problem["figures"]["rule"], "GHT_DELEGATION_EXCEEDED", "{refused}");
    let placed = world.urgent("acheteur.gcs", &world.gcs, &world.a.0, "ch", 5).await.unwrap();
    let path = format!("{}/pooled-orders/{}", world.gcs, placed["order"]["id"].as_str().unwrap());
    let before = world.api.get("acheteur.gcs", &path).await.unwrap()["order"]["reasons"].clone();
    assert!(before.to_string().contains("L6132-3") && before.to_string().contains("5,00"), "{before}");

    let revoke = format!("{}/delegations/{}/revoke", world.ght, given["id"].as_str().unwrap());
    let ended = world.post("directeur.chu", &revoke, &json!({ "reason": "Essai" })).await.unwrap();
    assert_eq!((&ended["in_force"], &ended["revoked_from"]), (&json!(false), &json!("2026-11-23")));
    assert_eq!(world.ask("ch", lot, "").await["reason"]["rule"], "GHT_DELEGATION_MISSING");
    let yesterday = world.ask("ch", lot, "&on=2026-11-22").await;
    assert_eq!(yesterday["allowed"], true, "as of the day: {yesterday}");
    let after = world.api.get("acheteur.gcs", &path).await.unwrap()["order"]["reasons"].clone();
    assert_eq!(after, before, "the answer stored with the order stays what it was");
}

async fn who_joined_after_publication_is_refused_unless_it_was_named(world: &World) {
    let refused = world.ask("tardif", &world.a.1, &format!("&article_id={}", world.article)).await;
    assert_eq!(refused["reason"]["rule"], "JOINED_AFTER_PUBLICATION", "{refused}");
    let text = refused["reason"]["text"].as_str().unwrap();
    assert!(text.contains("01/10/2026") && text.contains("01/02/2026") && text.contains("R2162-6"), "{text}");
    assert_eq!(refused["alternative"]["kind"], "OTHER_LOT");
    assert_eq!(refused["alternative"]["lot_id"], world.b.1.as_str(), "the same article, where it is named");
    let unnamed = world.ask("libre", &world.b.1, "").await;
    assert_eq!(unnamed["alternative"]["lot_id"], world.a.1.as_str());

    let path = format!("{}/agreements/{}/beneficiaries", world.gcs, world.a.0);
    let mut buyer = json!({ "party_id": world.party("tardif"), "valid_from": "2026-11-23" });
    let refused = world.post("acheteur.gcs", &path, &json!({ "beneficiaries": [buyer] })).await.unwrap_err();
    assert_eq!((refused.status, code(&refused)), (403, "NOT_NAMED_IN_NOTICE"), "{refused}");
    assert_eq!(refused.problem["figures"]["member_since"], "2026-10-01");
    buyer["evidence"] = json!("RC, article 2 : bénéficiaires potentiels");
    world.post("acheteur.gcs", &path, &json!({ "beneficiaries": [buyer] })).await.unwrap();
    assert_eq!(world.ask("tardif", &world.a.1, "").await["allowed"], true);
}

async fn an_unknown_status_is_shown_as_strict_and_a_day_before_keeps_its_own(world: &World) {
    let strict = world.ask("clinique", &world.a.1, "").await;
    assert_eq!(strict["reason"]["facts"]["treated_as"], "CONTRACTING_AUTHORITY", "{strict}");
    let known = json!({ "party_id": "key:clinique", "valid_from": "2026-11-23", "status": "ASSERTED_NOT", "evidence": "Avis FICTIF" });
    let statuses = world.post(ADMIN, "/v1/buyer-statuses", &known).await.unwrap();
    assert_eq!(statuses["statuses"].as_array().unwrap().len(), 2, "{statuses}");
    let today = world.ask("clinique", &world.a.1, "").await;
    assert_eq!(today["reason"]["facts"]["buyer_status"], "ASSERTED_NOT");
    let before = world.ask("clinique", &world.a.1, "&on=2026-11-22").await;
    assert_eq!(before["reason"]["facts"]["buyer_status"], "UNKNOWN", "answers as of a day use the status of that day");
    let path = format!("{}/buyer-statuses?party_id={}", world.gcs, world.party("clinique"));
    assert_eq!(world.api.get("acheteur.gcs", &path).await.unwrap(), statuses);
}

async fn an_officer_orders_within_its_delegation_and_a_replacement_within_the_one_it_stands_in_for(world: &World) {
    let own = agreement(world, "directeur.chu", &world.ght, "ght", "chu", &["chu", "ch"]).await;
    let free = world.urgent("adjoint.chu", &world.ght, &own.0, "chu", 9).await.unwrap();
    assert_eq!(free["order"]["amount_cents"], 900, "no delegation to anybody: by its role");
    let delegations = format!("{}/delegations", world.ght);
    let give = |to: &str, limit: Option<i64>| {
        json!({ "to_person_id": format!("login:{to}"), "acts": ["ORDER"], "amount_max_cents": limit, "valid_from": "2026-11-01",
            "valid_to": "2027-06-30", "evidence": "Décision FICTIVE 2026-2" })
    };
    let given = world.post("directeur.chu", &delegations, &give("directeur.chu", Some(800))).await.unwrap();
    let none = world.urgent("adjoint.chu", &world.ght, &own.0, "chu", 1).await.unwrap_err();
    assert_eq!((none.status, code(&none)), (403, "NO_DELEGATION"), "{none}");
    let above = world.urgent("directeur.chu", &world.ght, &own.0, "chu", 9).await.unwrap_err();
    assert_eq!((above.status, code(&above)), (403, "ABOVE_DELEGATION"), "{above}");
    let figures = &above.problem["figures"];
    assert_eq!((&figures["limit_cents"], &figures["amount_cents"]), (&json!("800"), &json!("900")));
    assert!(figures["source"].as_str().unwrap().contains("D6143-33"), "{above}");
    world.urgent("directeur.chu", &world.ght, &own.0, "chu", 8).await.unwrap();

    let mut replacement = give("adjoint.chu", Some(801));
    replacement["stands_in_for"] = given["id"].clone();
    let beyond = world.post("directeur.chu", &delegations, &replacement).await.unwrap_err();
    assert_eq!(code(&beyond), "INVALID_INPUT");
    assert!(beyond.problem["errors"].to_string().contains("amount_max_cents"), "{beyond}");
    replacement["amount_max_cents"] = json!(300);
    world.post("directeur.chu", &delegations, &replacement).await.unwrap();
    world.urgent("adjoint.chu", &world.ght, &own.0, "chu", 3).await.unwrap();
    let above = world.urgent("adjoint.chu", &world.ght, &own.0, "chu", 4).await.unwrap_err();
    assert_eq!(code(&above), "ABOVE_DELEGATION");
    // What it stands in for ends, and so does it.
    let revoke = format!("{delegations}/{}/revoke", given["id"].as_str().unwrap());
    world.post("directeur.chu", &revoke, &json!({ "reason": "Essai" })).await.unwrap();
    let page = world.api.get("directeur.chu", &format!("{delegations}?in_force_only=true&act=ORDER")).await.unwrap();
    assert_eq!(page["delegations"], json!([]), "{page}");
}

async fn a_members_own_attempt_to_award_is_refused_with_the_article(world: &World) {
    let consultation = |maximum: i64| {
        json!({ "title": "Essai", "awarding_party_id": world.party("chu"), "role": "INTERMEDIARY", "electronic": true,
            "zone": "Europe/Paris", "lots": [{ "number": 1, "title": "Essai", "maximum_cents": maximum }] })
    };
    let path = format!("{}/consultations", world.ght);
    for awarding in ["chu", "ch"] {
        let mut own = consultation(100_000);
        own["awarding_party_id"] = world.parties[awarding].clone();
        let refused = world.post("acheteur.ch", &path, &own).await.unwrap_err();
        assert_eq!((refused.status, code(&refused)), (403, "NOT_THE_AWARDING_PARTY"), "{refused}");
        assert!(refused.problem["detail"].as_str().unwrap().contains("CSP L6132-3"), "{refused}");
    }
    let body = json!({ "to_party_id": world.party("ch"), "acts": ["AWARD"], "amount_max_cents": 100_000, "valid_from": "2026-11-01",
        "evidence": "Décision FICTIVE 2026-3" });
    world.post("directeur.chu", &format!("{}/delegations", world.ght), &body).await.unwrap();
    let above = world.post("acheteur.ch", &path, &consultation(100_001)).await.unwrap_err();
    assert_eq!(code(&above), "ABOVE_DELEGATION", "{above}");
    world.post("acheteur.ch", &path, &consultation(100_000)).await.unwrap();
}

async fn a_member_leaves_as_it_was_shown(world: &World) {
    world.urgent("acheteur.gcs", &world.gcs, &world.a.0, "libre", 4).await.unwrap();
    let round = json!({ "title": "Décembre", "opens_at": "2026-11-20T08:00:00Z", "closes_at": "2026-12-15T16:00:00Z",
        "agreement_ids": [world.a.0] });
    let round = world.post("acheteur.gcs", &format!("{}/rounds", world.gcs), &round).await.unwrap();
    let needs =
        format!("{}/rounds/{}/needs?party_id={}", world.gcs, round["id"].as_str().unwrap(), world.party("libre"));
    let need = |reference: &str| json!({ "site": "key:libre-1", "article": world.article, "packaging_code": "BOX", "quantity": 2, "reference": reference });
    world.post("acheteur.gcs", &needs, &need("R1")).await.unwrap();
    let change = json!({ "kind": "LEAVE", "party_id": world.party("libre"), "last_day": "2026-11-30", "evidence": "Délibération FICTIVE" });
    let preview = format!("{}/member-changes/preview", world.gcs);
    let shown = world.post("acheteur.gcs", &preview, &change).await.unwrap();
    let effects: Vec<(&str, i64)> = shown["effects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|effect| (effect["kind"].as_str().unwrap(), effect["count"].as_i64().unwrap()))
        .collect();
    assert_eq!(effects, [("NEEDS_WITHDRAWN", 1), ("ORDERS_KEPT", 1), ("CEILING_COUNTED", 1)], "{shown}");
    assert_eq!(shown["effects"][1]["amount_cents"], 400);
    assert!(
        shown["effects"].as_array().unwrap().iter().all(|effect| effect["reason"]["source"].is_string()),
        "{shown}"
    );

    world.post("acheteur.gcs", &needs, &need("R2")).await.unwrap();
    let confirm = format!("{}/member-changes/confirm", world.gcs);
    let old = json!({ "change": change, "digest": shown["digest"] });
    let conflict = world.post("acheteur.gcs", &confirm, &old).await.unwrap_err();
    assert_eq!((conflict.status, code(&conflict)), (409, "SITUATION_CHANGED"), "{conflict}");
    let members = format!("{}/members?on=2026-12-01", world.gcs);
    let there = world.api.get("acheteur.gcs", &members).await.unwrap();
    assert!(there.to_string().contains(world.party("libre")), "nothing was done: {there}");

    let shown = world.post("acheteur.gcs", &preview, &change).await.unwrap();
    let now = json!({ "change": change, "digest": shown["digest"] });
    let done = world.api.post("acheteur.gcs", &confirm, "leave", &now).await.unwrap();
    assert_eq!(
        (&done["state"], &done["effects"]),
        (&json!("DONE"), &shown["effects"]),
        "what was shown is what is done"
    );
    assert_eq!(
        world.api.post("acheteur.gcs", &confirm, "leave", &now).await.unwrap(),
        done,
        "the same request, the same answer"
    );
    let listed = world.api.get("acheteur.gcs", &format!("{}/member-changes", world.gcs)).await.unwrap();
    assert_eq!(listed["changes"], json!([done]));
    let there = world.api.get("acheteur.gcs", &members).await.unwrap();
    assert!(!there.to_string().contains(world.party("libre")), "{there}");
    let needs = world
        .api
        .list("acheteur.gcs", &format!("{}/needs?party_id={}", world.gcs, world.party("libre")), "needs")
        .await
        .unwrap();
    let of_round: Vec<&Value> =
        needs.iter().filter(|need| need["round_id"] == round["id"]).map(|need| &need["withdrawn"]).collect();
    assert_eq!(of_round, [&json!(true), &json!(true)]);
    let last = world.ask("libre", &world.a.1, "&on=2026-11-30").await;
    assert_eq!(last["allowed"], true, "still on its last day: {last}");
    let after = world.ask("libre", &world.a.1, "&on=2026-12-01").await;
    assert_eq!(after["reason"]["rule"], "NOT_A_MEMBER", "{after}");
}

async fn a_merged_members_contracts_pass_to_its_successor(world: &World) {
    let change = json!({ "kind": "MERGE", "party_id": world.party("clinique"), "last_day": "2026-12-31",
        "successor_party_id": world.party("grand"), "evidence": "Arrêté FICTIF" });
    let shown = world.post("acheteur.gcs", &format!("{}/member-changes/preview", world.gcs), &change).await.unwrap();
    assert_eq!(
        (&shown["successor_joins"], &shown["successor"]["valid_from"]),
        (&json!(true), &json!("2027-01-01")),
        "{shown}"
    );
    let body = json!({ "change": change, "digest": shown["digest"] });
    world.post("acheteur.gcs", &format!("{}/member-changes/confirm", world.gcs), &body).await.unwrap();
    let heir = world.ask("grand", &world.a.1, "&on=2027-01-01").await;
    assert_eq!(
        (&heir["allowed"], &heir["reason"]["facts"]["named_as"]),
        (&json!(true), &world.parties["clinique"]),
        "{heir}"
    );
    assert_eq!(world.ask("grand", &world.a.1, "&on=2026-12-31").await["allowed"], false);
    assert_eq!(world.ask("clinique", &world.a.1, "&on=2027-01-01").await["allowed"], false);
    let identity = json!({ "party_id": "key:grand", "valid_from": "2027-01-01", "siret": "73282932000074", "evidence": "Arrêté FICTIF" });
    let identities = world.post(ADMIN, "/v1/identities", &identity).await.unwrap();
    assert_eq!(identities["identities"].as_array().unwrap().len(), 2, "{identities}");
}
