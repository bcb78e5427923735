use std::time::Duration;

use demand::{
    app::urgent::{Planned, Wanted},
    domain::{
        plan,
        reason::Reason,
        round::{RoundKind, RoundTerms},
        terms::Terms,
    },
};
use kit::{Failure, id::NeedId};
use proto::demand::v1::{PlaceUrgentOrderRequest, PlaceUrgentOrderResponse, PooledOrderState};

use crate::{
    orders::{carry_through, refuse_next},
    scene::Scene,
    support::{boxes, request_id},
};

fn request() -> PlaceUrgentOrderRequest {
    PlaceUrgentOrderRequest { request_id: request_id(), reason: "Rupture".into(), ..Default::default() }
}

/// Boxes of the wares for member 0, planned on these terms.
fn planned(scene: &Scene, terms: Terms, wares: &[usize], commitment: &str) -> Planned {
    let need = |&ware: &usize| {
        let mut need = boxes(scene.wares[ware].article, 2, &format!("U-{ware}"));
        need.site_id = scene.sites[0];
        need
    };
    let needs: Vec<_> = wares.iter().map(need).collect();
    let now = kit::clock::technical_now();
    let wanted = Wanted {
        party: scene.members[0],
        terms: RoundTerms {
            kind: RoundKind::Urgent,
            title: "Rupture".into(),
            opens_at: now - chrono::TimeDelta::microseconds(1),
            closes_at: now,
            platform_site_id: None,
            agreement_ids: vec![scene.agreement],
        },
        ids: needs.iter().map(|_| NeedId::new()).collect(),
        needs,
        commitment: commitment.into(),
    };
    let computed = plan::plan(&terms, wanted.planned()).unwrap();
    Planned { wanted, terms, computed, buyers: vec![(scene.members[0], true)] }
}

async fn place(
    scene: &Scene,
    request: &PlaceUrgentOrderRequest,
    planned: Planned,
) -> Result<PlaceUrgentOrderResponse, Failure> {
    let tendering = async {
        loop {
            carry_through(&scene.stage.test.db).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        answer = scene.stage.app.place_planned_urgent_order(&scene.officer, request, planned) => answer,
        () = tendering => unreachable!(),
    }
}

async fn orders_and_rounds(scene: &Scene) -> (i64, i64) {
    let mut superuser = scene.stage.test.superuser().await;
    sqlx::query_as("SELECT (SELECT count(*) FROM pooled_order), (SELECT count(*) FROM round)")
        .fetch_one(&mut superuser)
        .await
        .unwrap()
}

#[tokio::test]
async fn an_urgent_order_is_placed_in_one_call_with_its_form_and_leaves() {
    let scene = Scene::new().await;
    let answer = place(&scene, &request(), planned(&scene, scene.terms(), &[0], "ENG-9")).await.unwrap();
    let order = answer.order.unwrap();
    assert_eq!((order.state(), order.units_ordered, order.amount_cents), (PooledOrderState::Placed, 60, 600));
    assert_eq!(answer.forms.len(), 1);
    assert_eq!((answer.forms[0].commitment_number.as_str(), answer.forms[0].amount_cents), ("ENG-9", 600));
    assert_eq!((answer.lines.len(), answer.lines[0].packs), (1, 2));
    assert_eq!(scene.stage.events("demand.order_placed.v1").await, 1);
    let mut superuser = scene.stage.test.superuser().await;
    let waiting: i64 = sqlx::query_scalar("SELECT count(*) FROM dispatch WHERE state = 'WAITING'")
        .fetch_one(&mut superuser)
        .await
        .unwrap();
    assert_eq!(waiting, 1);
}

#[tokio::test]
async fn twenty_times_the_same_urgent_order_is_one_order() {
    let scene = Scene::new().await;
    let request = request();
    let tries = (0..20).map(|_| place(&scene, &request, planned(&scene, scene.terms(), &[0], "ENG-9")));
    let answers = futures::future::join_all(tries).await;
    let first = answers[0].as_ref().unwrap().order.as_ref().unwrap();
    for answer in &answers {
        assert_eq!(answer.as_ref().unwrap().order.as_ref().unwrap().id, first.id);
    }
    assert_eq!(orders_and_rounds(&scene).await, (1, 2), "one order, and its round beside that of the scene");
}

#[tokio::test]
async fn what_a_rule_forbids_is_refused_with_the_rule_and_leaves_nothing_behind() {
    let scene = Scene::new().await;
    let before = orders_and_rounds(&scene).await;
    let mut terms = scene.terms();
    let entitlement = terms.entitlements.get_mut(&(scene.members[0], scene.wares[0].lot)).unwrap();
    entitlement.allowed = false;
    entitlement.reason = Reason::new("BENEFICIARY_NOT_NAMED", "CCP R2162-6", "Pas nommé.".into(), &[]);
    let refused = place(&scene, &request(), planned(&scene, terms, &[0], "ENG-9")).await.unwrap_err();
    assert_eq!(refused.reason(), "URGENT_ORDER_REFUSED");
    let facts: std::collections::BTreeMap<String, String> = refused.metadata().into_iter().collect();
    assert_eq!((facts["rule"].as_str(), facts["source"].as_str()), ("BENEFICIARY_NOT_NAMED", "CCP R2162-6"));

    let two = place(&scene, &request(), planned(&scene, scene.terms(), &[0, 1], "ENG-9")).await.unwrap_err();
    assert_eq!(two.reason(), "URGENT_ORDER_MANY_LOTS", "one of two could be refused");
    let without = place(&scene, &request(), planned(&scene, scene.terms(), &[0], "")).await.unwrap_err();
    assert_eq!(without.reason(), "MISSING_COMMITMENTS");
    assert_eq!(orders_and_rounds(&scene).await, before);
}

#[tokio::test]
async fn an_urgent_order_beyond_the_ceiling_is_refused_with_its_figures_and_stays_refused() {
    let scene = Scene::new().await;
    let request = request();
    let planned = || planned(&scene, scene.terms(), &[0], "ENG-9");
    let tendering = async {
        while !refuse_next(&scene.stage.test.db).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let answer = scene.stage.app.place_planned_urgent_order(&scene.officer, &request, planned());
    let (answer, ()) = tokio::join!(answer, tendering);
    let refused = answer.unwrap_err();
    assert_eq!(refused.reason(), "URGENT_ORDER_REFUSED");
    let facts: std::collections::BTreeMap<String, String> = refused.metadata().into_iter().collect();
    assert_eq!((facts["rule"].as_str(), facts["source"].as_str()), ("CEILING_EXCEEDED", "CCP R2162-4"));
    let again = place(&scene, &request, planned()).await.unwrap_err();
    assert_eq!(again.reason(), "URGENT_ORDER_REFUSED", "the same request is not tried twice");
    assert_eq!(scene.stage.events("demand.order_refused.v1").await, 1);
}
