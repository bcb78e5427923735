//! The main job, from need to delivery.

use e2e::expected_figures;
use serde_json::Value;

use crate::shared::shared;

#[tokio::test]
async fn a_season_of_two_groups_ends_with_its_known_figures() {
    let season = &shared().await.season;
    assert!(season.status.success(), "{}", season.output);
    assert_eq!(season.figures, expected_figures(), "{}", season.output);
}

#[tokio::test]
async fn whatever_is_ordered_comes_out_as_delivered_cancelled_or_outstanding_and_shares_equal_totals() {
    let figures = &shared().await.season.figures;
    let figure = |key: &str| figures[key].as_i64().unwrap();
    assert_eq!(
        figure("units_ordered"),
        figure("units_delivered") + figure("units_cancelled") + figure("units_outstanding")
    );
    assert!(figure("units_cancelled") > 0 && figure("units_outstanding") > 0, "the story has both: {figures}");
    assert_eq!(figure("amount_ordered_cents"), figure("sum_of_shares_cents"));
}

#[tokio::test]
async fn the_story_shows_its_refusals_with_rule_and_source() {
    let output = &shared().await.season.output;
    for said in [
        "BENEFICIARY_NOT_NAMED",
        "R2162-6",
        "dépasse ce qui reste du maximum",
        "R2162-4",
        "Besoin tardif refusé",
        "réponse saisie par l'acheteur",
    ] {
        assert!(output.contains(said), "{said} is not in\n{output}");
    }
}

#[tokio::test]
async fn the_audit_of_an_undisturbed_season_is_clean() {
    let (clean, said) = shared().await.stack.audit().await;
    assert!(clean, "{said}");
}

#[tokio::test]
async fn health_says_that_everything_is_ready_and_the_openapi_document_is_served() {
    let base = shared().await.stack.var("CENTRALE_URL").to_owned();
    let ready = reqwest::get(format!("{base}/health/ready")).await.unwrap();
    assert_eq!(ready.status(), 200);
    let document: Value =
        serde_json::from_str(&reqwest::get(format!("{base}/openapi.json")).await.unwrap().text().await.unwrap())
            .unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
}
