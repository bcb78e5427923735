//! What the season does not have: each group decides something with minutes, somebody holds an office, contributions are invoiced.

use e2e::{Stack, small_season};
use serde_json::{Value, json};
use tools::demo::{api::Api, data::Data, setup::People};

/// Makes both groups govern and finance themselves, once.
pub async fn prepare(stack: &Stack) {
    let api = Api::new(stack.var("CENTRALE_URL")).unwrap();
    let data = Data::read(&small_season()).unwrap();
    for (key, officer) in People::read(&data).officers {
        api.know(&officer, Stack::PASSWORD);
        let me = api.get(&officer, "/v1/me").await.unwrap();
        let group = me["grants"].as_array().unwrap().iter().find_map(|grant| grant["group_id"].as_str()).unwrap();
        govern(&api, &officer, &format!("/v1/groups/{group}"), &key).await;
    }
}

async fn govern(api: &Api, officer: &str, base: &str, key: &str) {
    let members = api.list(officer, &format!("{base}/members"), "members").await.unwrap();
    let ids: Vec<&str> = members.iter().map(|member| member["party_id"].as_str().unwrap()).collect();
    let post = async |path: &str, body: Value| {
        api.post(officer, &format!("{base}/{path}"), &format!("{key}/{path}"), &body).await.unwrap()
    };
    let rule = json!({ "subject": "POLICY", "valid_from": "2026-01-01", "counting": "WEIGHTS", "quorum_basis": "NONE",
        "majority_basis": "CAST", "majority": { "share": "1/2", "strictly": true }, "source": "Charte FICTIVE" });
    post("decision-rules", json!({ "rules": [rule] })).await;
    let rights: Vec<Value> =
        ids.iter().map(|id| json!({ "party_id": id, "votes": 1, "valid_from": "2026-01-01" })).collect();
    post("voting-rights", json!({ "rights": rights })).await;
    let votes: Vec<Value> = ids.iter().map(|id| json!({ "party_id": id, "choice": "FOR" })).collect();
    let motion = json!({ "subject": "POLICY", "title": "Essai", "decided_on": "2026-11-02", "votes": votes });
    let decision = post("decisions", motion).await;
    let path = format!("{base}/decisions/{}/minutes", decision["id"].as_str().unwrap());
    let pdf = format!("%PDF-1.7 {key}").into_bytes();
    api.post_file(officer, &path, &format!("{key}/minutes"), "application/pdf", pdf).await.unwrap();
    let office = json!({ "office": "PRESIDENT", "valid_from": "2026-01-01", "seats": 1, "source": "Charte FICTIVE" });
    post("offices", json!({ "offices": [office] })).await;
    post(
        "mandates",
        json!({ "office": "PRESIDENT", "party_id": ids[0], "holder_name": "Alix Exemple", "starts_on": "2026-10-01" }),
    )
    .await;
    let seat = json!({ "commission": "Coordination", "party_id": ids[0], "quality": "DIRECTOR", "holder_name": "Alix Exemple", "valid_from": "2026-01-01" });
    post("commission-seats", json!({ "seats": [seat] })).await;
    let fee = json!({ "key": "socle", "label": "Socle", "valid_from": "2026-01-01", "basis": "FLAT", "amount_cents": 120_000, "source": "AG FICTIVE" });
    post("contribution-rules", json!({ "rules": [fee] })).await;
    let step = json!({ "key": "ars", "label": "Subvention", "funder": "ARS FICTIVE", "valid_from": "2026-01-01", "yearly_cents": 12_000, "source": "CPOM FICTIF" });
    post("grants", json!({ "steps": [step] })).await;
    post("contribution-invoices", json!({ "from_month": "2026-10", "to_month": "2026-10" })).await;
    let cost = json!({ "month": "2026-10", "label": "Plateforme", "amount_cents": 5_000, "shared_by": "EQUAL", "source": "Essai" });
    post("logistics-costs", json!({ "costs": [cost] })).await;
    let saving = |id: &str| json!({ "party_id": id, "month": "2026-10", "kind": "AVOIDED_EXAM", "label": "Essai", "quantity": 1, "unit_cents": 100, "evidence": "Essai" });
    for (number, id) in ids.iter().enumerate() {
        let path = format!("{base}/declared-savings");
        api.post(officer, &path, &format!("{key}/saving/{number}"), &saving(id)).await.unwrap();
    }
}
