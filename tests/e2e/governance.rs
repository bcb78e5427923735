//! A group governs and finances itself, through the public API, on a season's orders.

use calamine::{Data as Cell, Reader as _, Xlsx};
use e2e::{Stack, small_season};
use serde_json::{Value, json};
use tools::demo::{api::Api, clock::Clock};

const OFFICER: &str = "acheteur.gcs";
const MEMBERS: [&str; 3] = ["saint-brieuc", "ploermel", "morlaix"];

struct Group {
    stack: Stack,
    api: Api,
    base: String,
}

impl Group {
    /// The season's GCS, two months after its last order.
    async fn after_a_season() -> Self {
        let stack = Stack::start("governance", &[]).await;
        let season = stack.season(&small_season()).await;
        assert!(season.status.success(), "{}", season.output);
        let clock = Clock::new(stack.var("CENTRALE_SUPERUSER_DATABASE_URL").to_owned());
        clock.set("2027-06-10T08:00:00Z".parse().unwrap()).await.unwrap();
        let api = Api::new(stack.var("CENTRALE_URL")).unwrap();
        for login in [OFFICER, "auditeur.gcs", "demandeur.ploermel", "fournisseur.ponant"] {
            api.know(login, Stack::PASSWORD);
        }
        let me = api.get(OFFICER, "/v1/me").await.unwrap();
        let group = me["grants"][0]["group_id"].as_str().unwrap();
        let base = format!("/v1/groups/{group}");
        Self { stack, api, base }
    }

    async fn post(&self, path: &str, key: &str, body: &Value) -> Value {
        self.api.post(OFFICER, &format!("{}/{path}", self.base), key, body).await.unwrap()
    }

    async fn refused(&self, path: &str, key: &str, body: &Value) -> (u16, Value) {
        let answer = self.api.try_post(OFFICER, &format!("{}/{path}", self.base), key, body).await.unwrap();
        let refusal = answer.unwrap_err();
        (refusal.status, refusal.problem)
    }

    async fn get(&self, path: &str) -> Value {
        self.api.get(OFFICER, &format!("{}/{path}", self.base)).await.unwrap()
    }

    async fn cents(&self, sql: &str) -> i64 {
        let sql = sql.replace("$gcs", "(SELECT group_id FROM membership.buying_group WHERE key = 'gcs')");
        let mut superuser = self.stack.superuser().await;
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&mut superuser).await.unwrap()
    }

    async fn bytes(&self, path: &str) -> Vec<u8> {
        let token = self.api.token(OFFICER).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let address = self.api.link(&format!("{}/{path}", self.base));
        let answer = http.get(address).bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200, "{path}");
        answer.bytes().await.unwrap().to_vec()
    }
}

fn rule(subject: &str) -> Value {
    json!({ "subject": subject, "valid_from": "2026-01-01", "counting": "WEIGHTS", "quorum_basis": "VOTES",
        "quorum": { "share": "1/2" }, "majority_basis": "CAST", "majority": { "share": "1/2", "strictly": true }, "most_proxies": 1,
        "vote_needed": subject == "ADMISSION", "source": "Convention constitutive FICTIVE, art. 14" })
}

fn votes(choices: [&str; 3]) -> Vec<Value> {
    MEMBERS
        .iter()
        .zip(choices)
        .map(|(key, choice)| json!({ "party_id": format!("key:{key}"), "choice": choice }))
        .collect()
}

#[tokio::test]
async fn a_group_votes_elects_invoices_and_sees_whether_it_pays_for_itself() {
    let group = Group::after_a_season().await;
    decide(&group).await;
    alternate(&group).await;
    let spend = "SELECT coalesce(sum(amount_cents - cancelled_cents), 0)::bigint FROM demand.order_line
                 WHERE group_id = $gcs AND placed AND round_id IS NOT NULL";
    let spent = group.cents(spend).await;
    assert!(spent > 0);
    let invoiced = contribute(&group, spent).await;
    finance(&group, invoiced).await;
    let (clean, said) = group.stack.audit().await;
    assert!(clean, "{said}");
    for (sql, expected) in [
        ("UPDATE membership.decision_vote SET votes = votes + 1 WHERE choice = 'AGAINST'", "gouvernance : décision"),
        (
            "UPDATE membership.contribution_invoice_line SET amount_cents = amount_cents + 1",
            "contributions : lignes = facture",
        ),
        (
            "UPDATE membership.document_chunk SET bytes = bytes || '\\x00' WHERE ordinal > 1",
            "gouvernance : procès-verbaux",
        ),
    ] {
        sqlx::query(sql).execute(&mut group.stack.superuser().await).await.unwrap();
        let (clean, said) = group.stack.audit().await;
        assert!(!clean && said.contains(expected), "{sql}: {said}");
    }
}

/// An admission is voted, with minutes, before the newcomer is added.
async fn decide(group: &Group) {
    let rules = ["ELECTION", "ADMISSION", "POLICY"].map(rule);
    group.post("decision-rules", "rules", &json!({ "rules": rules })).await;
    let right = |key: &str, votes: i64| json!({ "party_id": format!("key:{key}"), "college": "Établissements", "votes": votes, "valid_from": "2026-01-01" });
    let rights = json!({ "rights": [right("saint-brieuc", 5), right("ploermel", 3), right("morlaix", 2)] });
    group.post("voting-rights", "rights", &rights).await;
    let newcomer =
        json!({ "members": [{ "party_id": "key:quimper", "kind": "ASSOCIATE", "valid_from": "2027-05-01" }] });
    let (status, problem) = group.refused("members/add", "too-early", &newcomer).await;
    assert_eq!((status, &problem["code"]), (409, &json!("ADMISSION_NOT_VOTED")));
    assert!(problem["detail"].as_str().unwrap().contains("Convention constitutive FICTIVE, art. 14"), "{problem}");
    let admission = |choices| {
        json!({ "subject": "ADMISSION", "title": "Admission de Quimper", "decided_on": "2027-04-20",
        "candidate_party_id": "key:quimper", "candidate_kind": "ASSOCIATE", "effect_from": "2027-05-01", "votes": votes(choices) })
    };
    let lost = group.post("decisions", "lost", &admission(["AGAINST", "FOR", "FOR"])).await;
    assert_eq!(lost["state"], "REJECTED", "5 to 5");
    let (status, _) = group.refused("members/add", "still-too-early", &newcomer).await;
    assert_eq!(status, 409);
    let adopted = group.post("decisions", "adopted", &admission(["FOR", "AGAINST", "ABSTAIN"])).await;
    assert_eq!((&adopted["state"], &adopted["tallies"][0]["for"]), (&json!("ADOPTED"), &json!(5)));
    assert_eq!(
        adopted["reasons"][0]["text"],
        "Quorum : 10 voix présentes ou représentées sur 10, il en faut au moins 1/2 : atteint."
    );
    let minutes = [b"%PDF-1.7\n".to_vec(), vec![7; 2_500_000]].concat();
    let path = format!("decisions/{}/minutes", adopted["id"].as_str().unwrap());
    let whole = format!("{}/{path}", group.base);
    let told = group.api.post_file(OFFICER, &whole, "minutes", "application/pdf", minutes.clone()).await.unwrap();
    assert_eq!(told["minutes_sha256"].as_str().unwrap().len(), 64);
    assert!(group.bytes(&path).await == minutes, "as they came");
    let added = group.post("members/add", "voted", &newcomer).await;
    assert_eq!(added["members"][0]["kind"], "ASSOCIATE");
}

/// The presidency alternates between one hospital and the two others.
async fn alternate(group: &Group) {
    let office = json!({ "office": "PRESIDENT", "valid_from": "2026-01-01", "seats": 1, "term_months": 12, "elected": true, "alternates": true,
        "sides": [{ "name": "Saint-Brieuc", "party_ids": ["key:saint-brieuc"] }, { "name": "Les autres", "party_ids": ["key:ploermel", "key:morlaix"] }],
        "source": "Charte FICTIVE, art. 5" });
    group.post("offices", "offices", &json!({ "offices": [office] })).await;
    let mandate = async |year: i32, key: &str| {
        let election = json!({ "subject": "ELECTION", "title": "Présidence", "decided_on": format!("{}-12-10", year - 1), "office": "PRESIDENT",
            "candidate_party_id": format!("key:{key}"), "votes": votes(["FOR", "FOR", "FOR"]) });
        let elected = group.post("decisions", &format!("election-{year}-{key}"), &election).await;
        json!({ "office": "PRESIDENT", "party_id": format!("key:{key}"), "holder_name": "Dominique Exemple",
            "starts_on": format!("{year}-01-01"), "ends_on": format!("{year}-12-31"), "decision_id": elected["id"] })
    };
    let first = mandate(2027, "saint-brieuc").await;
    let next = json!({ "starts_on": "2028-01-01", "ends_on": "2028-12-31" });
    group.post("mandates", "first", &first).await;
    let mut again = first.clone();
    again["starts_on"] = next["starts_on"].clone();
    again["ends_on"] = next["ends_on"].clone();
    let (status, problem) = group.refused("mandates", "again", &again).await;
    assert_eq!(
        (status, &problem["code"], &problem["figures"]["rule"]),
        (409, &json!("MANDATE_REFUSED"), &json!("ALTERNATION"))
    );
    let held = group.get("offices?on=2027-06-01").await;
    assert_eq!(
        (&held["offices"][0]["holders"][0]["holder_name"], &held["offices"][0]["vacant"]),
        (&json!("Dominique Exemple"), &json!(0))
    );
    assert_eq!(group.get("offices?on=2026-12-31").await["offices"][0]["vacant"], 1);
}

/// A flat fee, 1.5 % of what was ordered, a grant that falls to zero. Gives what was invoiced.
async fn contribute(group: &Group, spent: i64) -> i64 {
    let source = "AG FICTIVE du 10/12/2025";
    let rules = json!({ "rules": [
        { "key": "depense", "label": "Part variable", "valid_from": "2026-01-01", "basis": "SPEND_PERCENT", "rate": "1.5", "source": source },
        { "key": "equipe", "label": "Équipe", "valid_from": "2026-01-01", "basis": "SHARED", "amount_cents": 1_000_000, "shared_by": "VOTES", "source": source },
    ] });
    group.post("contribution-rules", "contribution-rules", &rules).await;
    let step = |from: &str, to: &str, cents: i64| {
        json!({ "key": "ars", "label": "Subvention", "funder": "ARS FICTIVE", "valid_from": from,
        "valid_to": to, "yearly_cents": cents, "source": "CPOM FICTIF" })
    };
    let steps = [step("2026-01-01", "2026-12-31", 600_000), step("2027-01-01", "2027-12-31", 0)];
    group.post("grants", "grants", &json!({ "steps": steps })).await;
    let shown = group.get("contributions?from_month=2026-01&to_month=2026-12").await;
    let amount = |invoice: &Value, key: &str| {
        let lines = invoice["lines"].as_array().unwrap().iter().filter(|line| line["rule_key"] == key);
        lines.map(|line| line["amount_cents"].as_i64().unwrap()).sum::<i64>()
    };
    let of_all =
        |members: &Value, key: &str| members.as_array().unwrap().iter().map(|member| amount(member, key)).sum::<i64>();
    assert_eq!(of_all(&shown["members"], "equipe"), 1_000_000, "a year's budget is shared whole");
    assert_eq!(of_all(&shown["members"], "ars"), -600_000);
    let variable = of_all(&shown["members"], "depense");
    let sql = "SELECT coalesce(sum(amount_cents - cancelled_cents), 0)::bigint FROM demand.order_line l JOIN demand.pooled_order o
                 ON o.group_id = l.group_id AND o.id = l.pooled_order_id
               WHERE l.group_id = $gcs AND l.placed AND l.round_id IS NOT NULL AND o.placed_at < '2026-12-31T23:00:00Z'";
    let of_year = group
        .cents(&sql.replace("amount_cents", "l.amount_cents").replace("- cancelled_cents", "- l.cancelled_cents"))
        .await;
    assert!(of_year > 0 && of_year <= spent);
    // Each member's part is rounded by itself.
    assert!((variable * 200 - of_year * 3).abs() <= 3 * 200, "1.5 % of {of_year} is not {variable}");

    let period = json!({ "from_month": "2026-01", "to_month": "2026-12" });
    let issued = group.post("contribution-invoices", "invoices", &period).await;
    let invoices = issued["invoices"].as_array().unwrap();
    let total = |rows: &[Value]| rows.iter().map(|row| row["total_cents"].as_i64().unwrap()).sum::<i64>();
    assert_eq!(total(invoices), shown["total_cents"].as_i64().unwrap());
    for invoice in invoices {
        let sum: i64 =
            invoice["lines"].as_array().unwrap().iter().map(|line| line["amount_cents"].as_i64().unwrap()).sum();
        assert_eq!(sum, invoice["total_cents"].as_i64().unwrap());
    }
    let (status, problem) = group
        .refused("contribution-invoices", "invoices-again", &json!({ "from_month": "2026-12", "to_month": "2026-12" }))
        .await;
    assert_eq!((status, &problem["code"]), (409, &json!("PERIOD_INVOICED")));
    let (status, problem) = group
        .refused("contribution-invoices", "invoices-open", &json!({ "from_month": "2027-06", "to_month": "2027-06" }))
        .await;
    assert_eq!((status, &problem["code"]), (409, &json!("PERIOD_NOT_OVER")));

    let id = invoices[0]["id"].as_str().unwrap();
    let csv = String::from_utf8(group.bytes(&format!("contribution-invoices/{id}/file")).await).unwrap();
    assert_eq!(csv.lines().count(), 1 + invoices[0]["lines"].as_array().unwrap().len(), "{csv}");
    assert!(csv.contains(invoices[0]["number"].as_str().unwrap()), "{csv}");
    let content = group.bytes("contributions/file?from_month=2026-01&to_month=2026-12&format=xlsx").await;
    let mut workbook: Xlsx<_> = calamine::open_workbook_from_rs(std::io::Cursor::new(content)).unwrap();
    let sheet = workbook.worksheet_range("Contributions").unwrap();
    let Some(Cell::Float(sum)) = sheet.rows().next_back().map(|row| row[7].clone()) else { panic!("no sum") };
    assert_eq!(format!("{sum:.2}"), format!("{}.{:02}", total(invoices) / 100, total(invoices) % 100));

    let own = format!("{}/contribution-invoices", group.base);
    let seen = group.api.list("demandeur.ploermel", &own, "invoices").await.unwrap();
    assert_eq!(seen.len(), 1, "its own");
    let foreign = invoices.iter().find(|invoice| invoice["id"] != seen[0]["id"]).unwrap();
    let path = format!("{own}/{}", foreign["id"].as_str().unwrap());
    let refused = group.api.try_get("demandeur.ploermel", &path).await.unwrap().unwrap_err();
    assert_eq!(refused.status, 404, "another member's");
    let refused = group.api.try_get("fournisseur.ponant", &own).await.unwrap().unwrap_err();
    assert_eq!(refused.status, 404, "no business of a supplier's");
    total(invoices)
}

/// Purchase savings against fees and logistics; declared savings apart.
async fn finance(group: &Group, invoiced: i64) {
    let cost = |month: &str| json!({ "month": month, "label": "Plateforme", "amount_cents": 40_000, "shared_by": "SPEND", "source": "Comptabilité FICTIVE" });
    group.post("logistics-costs", "costs", &json!({ "costs": [cost("2026-11"), cost("2026-12")] })).await;
    let exam = json!({ "party_id": "key:ploermel", "month": "2026-12", "kind": "AVOIDED_EXAM", "label": "IRM redondantes évitées", "quantity": 20,
        "unit_cents": 15_000, "evidence": "Registre FICTIF de partage d'images, extraction du 05/01/2027" });
    let path = format!("{}/declared-savings", group.base);
    let declared = group.api.post("demandeur.ploermel", &path, "exam", &exam).await.unwrap();
    assert_eq!(declared["amount_cents"], 300_000);
    let view = group.get("self-financing?from_month=2026-01&to_month=2027-05").await;
    let savings = group.get("savings").await;
    let received: i64 = savings["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| member["received_savings_cents"].as_i64().unwrap())
        .sum();
    let total = &view["total"];
    let cents = |field: &str| total[field].as_i64().unwrap();
    assert_eq!(cents("realised_saving_cents"), received, "what was certified, whenever it came");
    assert_eq!(cents("committed_saving_cents"), savings["savings_cents"].as_i64().unwrap());
    assert_eq!((cents("logistics_cents"), cents("declared_cents"), cents("grants_cents")), (80_000, 300_000, 600_000));
    assert_eq!(
        cents("balance_cents"),
        received - cents("fees_cents") - 80_000,
        "declared savings and grants are in no balance"
    );
    let of_2026: i64 =
        view["months"].as_array().unwrap()[..12].iter().map(|month| month["fees_cents"].as_i64().unwrap()).sum();
    assert_eq!(of_2026 - 600_000, invoiced, "what the view asks for is what was invoiced");
    let members: i64 = view["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| member["total"]["balance_cents"].as_i64().unwrap())
        .sum();
    assert_eq!(members, cents("balance_cents"));
    let last = view["months"].as_array().unwrap().last().unwrap();
    assert_eq!(last["cumulated_cents"], total["balance_cents"]);
    assert_eq!(view.get("pays_for_itself_from").is_some(), cents("balance_cents") >= 0, "{view}");
    assert_eq!(view["notes"].as_array().unwrap().len(), 3);
    let path = format!("{}/self-financing?from_month=2026-01&to_month=2027-05", group.base);
    let own = group.api.get("demandeur.ploermel", &path).await.unwrap();
    assert_eq!((own["members"].as_array().unwrap().len(), own.get("total")), (1, None));
    let watched = group.api.get("auditeur.gcs", &path).await.unwrap();
    assert_eq!(watched["total"], view["total"]);
}
