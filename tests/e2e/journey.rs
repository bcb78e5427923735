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
async fn the_story_follows_one_establishment_and_one_article_in_six_steps_before_the_table() {
    let output = &shared().await.season.output;
    let titles = [
        "1 / 6  L'an dernier, seul",
        "2 / 6  Cette année, ensemble",
        "3 / 6  Une commande refusée, avec sa règle",
        "4 / 6  Une livraison incomplète, partagée par la règle",
        "5 / 6  Ce qui est arrivé",
        "6 / 6  Les euros",
        "Établissements membres",
    ];
    let places: Vec<usize> = titles.iter().map(|title| output.find(title).expect(title)).collect();
    assert!(places.is_sorted(), "{output}");
    let sentence = output.lines().find(|line| line.contains("livré et certifié")).expect("what became of the order");
    let figures: Vec<i64> = sentence
        .split(['=', '+'])
        .map(|part| part.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap())
        .collect();
    assert_eq!(figures[0], figures[1..].iter().sum::<i64>(), "{sentence}");
    assert!(figures[0] > figures[1], "the story's delivery came short: {sentence}");
    assert!(output.contains("Le palier tombe grâce à"), "{output}");
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
