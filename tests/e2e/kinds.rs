//! The e-health GCS and the alliance, end to end and side by side in one deployment: their scenarios, and that neither sees the other's rows.

use e2e::Stack;
use serde_json::Value;
use tools::demo::api::Api;

/// What a scenario said under a heading.
fn said<'a>(figures: &'a Value, group: &str, what: &str) -> &'a str {
    let shown = figures["scenarios"][group].as_array().unwrap();
    let line = shown.iter().find(|line| line["what"] == what);
    line.unwrap_or_else(|| panic!("nothing about {what}: {shown:?}"))["said"].as_str().unwrap()
}

#[tokio::test]
async fn an_e_health_gcs_and_an_alliance_run_side_by_side() {
    let stack = Stack::start("kinds", &[]).await;
    let gcs = stack.scenario("gcs").await;
    assert!(gcs.status.success(), "{}", gcs.output);
    let alliance = stack.scenario("alliance").await;
    assert!(alliance.status.success(), "{}", alliance.output);

    let gcs = |what: &str| said(&gcs.figures, "gcs", what).to_owned();
    assert!(gcs("Adhérents de sept sortes").starts_with("113 dont 100 par fichier"));
    assert!(gcs("Membre public d'un GHT, avant").contains("L6132-3"));
    assert!(gcs("Pour ses seuls membres").contains("L6133"));
    assert!(gcs("  le groupement se paie").starts_with("à partir de 2026-11"));
    let alliance = |what: &str| said(&alliance.figures, "alliance", what).to_owned();
    assert!(alliance("Chacun choisit, achat par achat").contains("Pharmacie partagée : 6 sur 6"));
    assert!(alliance("Statut d'acheteur inconnu").ends_with("CONTRACTING_AUTHORITY"));
    assert!(alliance("  entrée").starts_with("8 membres"));

    let api = Api::new(stack.var("CENTRALE_URL")).unwrap();
    let mut seen = Vec::new();
    for login in ["acheteur.gcs", "acheteur.alliance"] {
        api.know(login, Stack::PASSWORD);
        let me = api.get(login, "/v1/me").await.unwrap();
        let group = me["grants"][0]["group_id"].as_str().unwrap().to_owned();
        let orders = api.list(login, &format!("/v1/groups/{group}/pooled-orders"), "orders").await.unwrap();
        assert!(!orders.is_empty() && orders.iter().all(|order| order["group_id"] == group.as_str()), "{login}");
        seen.push((login, group));
    }
    for (login, other) in [(seen[0].0, &seen[1].1), (seen[1].0, &seen[0].1)] {
        for path in ["pooled-orders", "members", "decisions", "contribution-invoices"] {
            let answer = api.try_get(login, &format!("/v1/groups/{other}/{path}")).await.unwrap();
            assert!(
                answer.is_err_and(|refusal| matches!(refusal.status, 403 | 404)),
                "{login} reads {path} of another group"
            );
        }
    }
    let (clean, said) = stack.audit().await;
    assert!(clean, "{said}");
}
