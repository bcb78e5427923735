//! Ids of others inside a body: good input but for one id, which is not there for who sends it.

use serde_json::{Value, json};
use tools::demo::api::Api;
use uuid::Uuid;

use super::{
    parties::api,
    world::{Thing, World, text, world},
};
use crate::shared::shared;

/// Sends as a person; gives the refusal's status and text, or what was done.
async fn refused(api: &Api, login: &str, path: &str, body: &Value) -> (u16, String) {
    match api.try_post(login, path, &Uuid::now_v7().to_string(), body).await.unwrap() {
        Err(refusal) => (refusal.status, refusal.problem.to_string()),
        Ok(done) => (200, done.to_string()),
    }
}

fn shipment(world: &World, order: &Thing) -> Value {
    json!({
        "pooled_order_id": order.id, "destination_site_id": text("sit", world.platform_site), "despatch_number": "ESSAI-1",
        "lines": [{ "pooled_line_id": text("pll", world.pooled_lines[&order.id]), "units": 1, "batch": "E-1", "expires_on": "2028-01-31" }],
    })
}

/// A thing of another group.
fn foreign<'a>(world: &'a World, parameter: &str, group: Uuid) -> &'a Thing {
    world.things[parameter].iter().find(|thing| thing.group != Some(group)).unwrap()
}

#[tokio::test]
async fn another_groups_order_lot_or_agreement_in_a_body_is_not_there() {
    let shared = shared().await;
    let world = world(&shared.stack).await;
    for (key, group) in &world.groups {
        let (officer, at) = (format!("acheteur.{key}"), format!("/v1/groups/{}", text("grp", *group)));
        let api = &api(shared, &officer);
        let order = foreign(world, "pooled_order_id", *group);
        let (status, said) = refused(api, &officer, &format!("{at}/shipments"), &shipment(world, order)).await;
        assert_eq!(status, 404, "{officer} ships another group's order: {said}");

        let (member, (_, article, packaging)) =
            world.needs_of.iter().find(|(party, _)| world.groups_of[*party].contains(group)).unwrap();
        let lot = foreign(world, "lot_id", *group);
        let questions = json!({ "questions": [{ "party_id": text("pty", *member), "lot_id": lot.id }] });
        let (status, said) = refused(api, &officer, &format!("{at}/entitlements"), &questions).await;
        assert_eq!(status, 404, "{officer} asks about another group's lot: {said}");

        let decision = foreign(world, "decision_id", *group);
        let mandate = json!({ "office": "PRESIDENT", "party_id": text("pty", *member), "holder_name": "Essai", "starts_on": "2026-11-01",
            "decision_id": decision.id });
        let (status, said) = refused(api, &officer, &format!("{at}/mandates"), &mandate).await;
        assert_eq!(status, 404, "{officer} rests a mandate on another group's decision: {said}");

        let agreement = foreign(world, "agreement_id", *group);
        let round = json!({
            "title": "Essai", "opens_at": "2026-11-20T08:00:00Z", "closes_at": "2027-11-20T08:00:00Z", "agreement_ids": [agreement.id],
        });
        let (status, said) = refused(api, &officer, &format!("{at}/rounds"), &round).await;
        assert!(
            status == 400 && said.contains("agreement_ids[0]"),
            "{officer} buys under another's agreement: {status} {said}"
        );

        let own = world.things["agreement_id"].iter().find(|thing| thing.group == Some(*group)).unwrap();
        for (of, expected) in [(agreement, 404), (own, 400)] {
            let price = json!({ "prices": [{
                "agreement_id": of.id, "lot_id": lot.id, "supplier_id": text("pty", lot.supplier.unwrap()), "article_id": text("art", *article),
                "packaging_code": packaging, "order_multiple_packs": 1, "tiers": [{ "min_units": 0, "unit_price": "0.01" }],
                "valid_from": "2027-01-01", "valid_to": "2027-12-31",
            }] });
            let (status, said) = refused(api, &officer, &format!("{at}/prices"), &price).await;
            assert_eq!(status, expected, "{officer} prices another group's lot: {said}");
            assert!(said.contains(if expected == 404 { &of.id } else { "lot_id" }), "{said}");
        }
    }
}

#[tokio::test]
async fn a_supplier_ships_nothing_of_another_suppliers_order() {
    let shared = shared().await;
    let world = world(&shared.stack).await;
    for person in world.people.iter().filter(|person| person.login.starts_with("fournisseur.")) {
        let api = &api(shared, &person.login);
        for order in world.things["pooled_order_id"].iter().filter(|order| order.supplier != person.grants[0].party) {
            // In the order's own group and in the other.
            for group in world.groups.values() {
                let path = format!("/v1/groups/{}/shipments", text("grp", *group));
                let (status, said) = refused(api, &person.login, &path, &shipment(world, order)).await;
                assert_eq!(status, 404, "{} ships {}: {said}", person.login, order.id);
            }
        }
    }
}
