//! The same command many times at once, and many commands on one thing.

use kit::{
    id::ArticleId,
    identity::{Caller, Scope},
};
use logistics::{domain::break_bulk::BreakBulk, store::expected::lock_order};
use proto::logistics::v1::{BreakBulkSet, CertifyDeliveryRequest, SetBreakBulkRequest, UnitsCancelled};

use crate::support::{World, request_id};

/// Runs futures at once and gives their results.
async fn all<T: Send + 'static>(work: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    let mut set = tokio::task::JoinSet::new();
    for work in work {
        set.spawn(work);
    }
    set.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_identical_receipts_have_one_effect_and_equal_answers() {
    let world = World::new().await;
    let request = world.receipt(&world.ship(100, 0).await, Some((90, 10)));
    let operator = world.operator();
    let replies = all((0..20).map(|_| {
        let (app, operator, request) = (world.app.clone(), operator.clone(), request.clone());
        async move { app.receive_shipment(&operator, request).await.unwrap() }
    }))
    .await;
    assert!(replies.iter().all(|reply| *reply == replies[0]));
    assert_eq!(world.count("SELECT count(*) FROM receipt").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM delivery").await, 2);
    assert_eq!(world.count("SELECT count(*) FROM event WHERE kind = 'logistics.shipment_received.v1'").await, 1);
    assert_eq!(world.figures(world.line_a).await.2 + world.figures(world.line_b).await.2, 90);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_different_receipts_of_one_shipment_one_wins() {
    let world = World::new().await;
    let shipped = world.ship(100, 0).await;
    let operator = world.operator();
    let outcomes = all((0..20).map(|_| {
        let (app, operator, request) = (world.app.clone(), operator.clone(), world.receipt(&shipped, None));
        async move {
            app.receive_shipment(&operator, request)
                .await
                .map(|_| "received".to_owned())
                .unwrap_or_else(|error| error.reason())
        }
    }))
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "received").count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "SHIPMENT_WRONG_STATE").count(), 19);
    assert_eq!(world.figures(world.line_a).await, (60, 0, 60, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn shipments_racing_for_what_is_open_never_pass_it() {
    let world = World::new().await;
    let supplier = world.supplier();
    let outcomes = all((0..8).map(|_| {
        // Each ships 40 and says that what it thinks is left will come.
        let request =
            world.announcement(world.platform, &[(world.by_platform, 40, "", "")], &[(world.by_platform, 60)]);
        let (app, supplier) = (world.app.clone(), supplier.clone());
        async move { app.announce_shipment(&supplier, request).await.is_ok() }
    }))
    .await;
    assert_eq!(outcomes.iter().filter(|won| **won).count(), 1, "the others' 60 outstanding are no longer there");
    let expected = world.expected(world.by_platform).await;
    assert_eq!((expected.units_shipped, expected.units_open, expected.units_cancelled), (40, 60, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_identical_announcements_and_certifications_have_one_effect() {
    let world = World::new().await;
    let supplier = world.supplier();
    let request = world.announcement(world.a.site, &[(world.direct, 15, "", "")], &[]);
    let replies = all((0..20).map(|_| {
        let (app, supplier, request) = (world.app.clone(), supplier.clone(), request.clone());
        async move { app.announce_shipment(&supplier, request).await.unwrap() }
    }))
    .await;
    assert!(replies.iter().all(|reply| *reply == replies[0]));
    assert_eq!(world.events::<UnitsCancelled>("logistics.units_cancelled.v1").await.len(), 1);
    world.app.prove_delivery(&supplier, world.proof(&replies[0].delivery_id)).await.unwrap();

    let receiver = world.receiver(world.a);
    let request = CertifyDeliveryRequest {
        request_id: request_id(),
        delivery_id: replies[0].delivery_id.clone(),
        lines: Vec::new(),
        expected_version: 2,
    };
    let replies = all((0..20).map(|_| {
        let (app, receiver, request) = (world.app.clone(), receiver.clone(), request.clone());
        async move { app.certify_delivery(&receiver, request).await.unwrap() }
    }))
    .await;
    assert!(replies.iter().all(|reply| *reply == replies[0]));
    assert_eq!(world.figures(world.line_direct).await, (20, 5, 15, 15));
    assert_eq!(world.count("SELECT count(*) FROM event WHERE kind = 'logistics.delivery_certified.v1'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_shipments_of_one_order_received_at_once_lose_nothing() {
    let world = World::new().await;
    let mut requests = Vec::new();
    for sent in 1..=10 {
        requests.push(world.receipt(&world.ship(10, 100 - 10 * sent).await, None));
    }
    let operator = world.operator();
    let won = all(requests.into_iter().map(|request| {
        let (app, operator) = (world.app.clone(), operator.clone());
        async move { app.receive_shipment(&operator, request).await.is_ok() }
    }))
    .await;
    assert!(won.iter().all(|won| *won));
    assert_eq!(
        (world.figures(world.line_a).await, world.figures(world.line_b).await),
        ((60, 0, 60, 0), (40, 0, 40, 0))
    );
    assert_eq!(world.count("SELECT sum(units_in_transit)::bigint FROM expected_item").await, 0);
    let shared = world.count("SELECT sum(units)::bigint FROM allocation").await;
    assert_eq!((shared, world.count("SELECT sum(units)::bigint FROM delivery").await), (100, 100));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certification_waits_for_whoever_changes_its_order() {
    let world = World::new().await;
    let received = world.receive(&world.ship(100, 0).await, None).await;
    world.deliver(&received.delivery_ids[0]).await;
    let mut tx = world.test.db.begin(&world.officer()).await.unwrap();
    lock_order(tx.conn(), world.order).await.unwrap().unwrap();
    let (app, receiver) = (world.app.clone(), world.receiver(world.a));
    let request = CertifyDeliveryRequest {
        request_id: request_id(),
        delivery_id: received.delivery_ids[0].clone(),
        ..CertifyDeliveryRequest::default()
    };
    let mut certifying = tokio::spawn(async move { app.certify_delivery(&receiver, request).await.is_ok() });
    let early = tokio::time::timeout(std::time::Duration::from_millis(300), &mut certifying).await;
    assert!(early.is_err(), "certified while the order was locked");
    tx.rollback().await.unwrap();
    assert!(certifying.await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_identical_declarations_of_break_bulk_add_up_once_and_stay_within_the_limit() {
    let world = World::without_order().await;
    let operator = Caller { scope: Scope::Deployment, ..world.operator() };
    let entry = |article_id| BreakBulk { platform_site_id: world.platform, article_id, packaging_code: "BOX".into() };
    let request = || SetBreakBulkRequest { request_id: request_id(), entries: Vec::new() };
    let (same, first) = (request(), vec![entry(world.article)]);
    let replies = all((0..20).map(|_| {
        let (app, operator, party) = (world.app.clone(), operator.clone(), world.operator);
        let (same, first) = (same.clone(), first.clone());
        async move { app.declare_break_bulk(&operator, party, &same, &first).await.unwrap() }
    }))
    .await;
    assert!(replies.iter().all(|reply| *reply == replies[0] && reply.entries.len() == 1));
    let told: Vec<BreakBulkSet> = world.events("logistics.break_bulk_set.v1").await;
    assert_eq!((told.len(), told[0].count), (1, 1));

    let many: Vec<_> = (0..19_999).map(|_| entry(ArticleId::new())).collect();
    world.app.declare_break_bulk(&operator, world.operator, &request(), &many).await.unwrap();
    world.app.declare_break_bulk(&operator, world.operator, &request(), &many[..5]).await.unwrap();
    let above = world.app.declare_break_bulk(&operator, world.operator, &request(), &[entry(ArticleId::new())]).await;
    assert_eq!(crate::support::reason(above), "BREAK_BULK_LIMIT");
    assert_eq!(world.count("SELECT count(*) FROM break_bulk").await, 20_000);
}

#[tokio::test]
async fn a_request_id_with_another_body_is_refused() {
    let world = World::new().await;
    let supplier = world.supplier();
    let first = world.announcement(world.platform, &[], &[(world.by_platform, 100)]);
    world.app.announce_shipment(&supplier, first.clone()).await.unwrap();
    let other = proto::logistics::v1::AnnounceShipmentRequest { despatch_number: "other".into(), ..first };
    assert_eq!(crate::support::reason(world.app.announce_shipment(&supplier, other).await), "REQUEST_ID_REUSED");
}
