//! From the shipment to the certified receipt, by the platform and direct.

use kit::identity::Role;
use proto::logistics::v1::{
    AllocationCause, DeliveryCertified, DeliveryState, GetDeliveryRequest, ListAllocationsRequest,
    ListDeliveriesRequest, Route, ShipmentState,
};

use crate::support::World;

async fn delivery(world: &World, id: &str) -> proto::logistics::v1::Delivery {
    let request = GetDeliveryRequest { delivery_id: id.to_owned() };
    world.app.get_delivery(&world.officer(), request).await.unwrap().delivery.unwrap()
}

#[tokio::test]
async fn goods_by_the_platform_reach_each_site_and_are_certified() {
    let world = World::new().await;
    let request = world.announcement(
        world.platform,
        &[(world.by_platform, 70, "LATE", "2028-06-30"), (world.by_platform, 30, "EARLY", "2027-01-31")],
        &[],
    );
    let shipped = world.app.announce_shipment(&world.supplier(), request).await.unwrap();
    assert_eq!(shipped.shipment.as_ref().unwrap().state(), ShipmentState::Announced);
    assert_eq!((shipped.units_cancelled, shipped.delivery_id.as_str()), (0, ""));

    let received = world.receive(&shipped, None).await;
    assert_eq!(received.shipment.as_ref().unwrap().state(), ShipmentState::Received);
    assert_eq!(received.delivery_ids.len(), 2);
    let [first, second] =
        [delivery(&world, &received.delivery_ids[0]).await, delivery(&world, &received.delivery_ids[1]).await];
    let year = world.count("SELECT extract(year FROM public.business_now())::bigint").await;
    assert_eq!((first.site_id, first.units, first.number), (world.a.site.to_string(), 60, format!("BL-{year}-0001")));
    assert_eq!((second.site_id, second.units), (world.b.site.to_string(), 40));
    let batches: Vec<_> = first.lines.iter().map(|line| (line.batch.as_str(), line.units)).collect();
    assert_eq!(batches, [("EARLY", 30), ("LATE", 30)], "first expired, first out, in the order of the sites");

    for (member, id) in [(world.a, &received.delivery_ids[0]), (world.b, &received.delivery_ids[1])] {
        world.deliver(id).await;
        let certified = world.certify(member, id, &[]).await.unwrap().delivery.unwrap();
        assert_eq!((certified.state(), certified.version), (DeliveryState::Certified, 4));
    }
    assert_eq!(world.figures(world.line_a).await, (60, 0, 60, 60));
    assert_eq!(world.figures(world.line_b).await, (40, 0, 40, 40));
    let certified: Vec<DeliveryCertified> = world.events("logistics.delivery_certified.v1").await;
    let booked: Vec<_> = certified
        .iter()
        .flat_map(|event| &event.accepted)
        .map(|line| (line.order_line_id.clone(), line.units))
        .collect();
    assert_eq!(booked, [(world.line_a.to_string(), 60), (world.line_b.to_string(), 40)]);
    assert!(certified.iter().all(|event| event.pooled_order_id == world.order.to_string() && event.units_refused == 0));
    assert_eq!(world.expected(world.by_platform).await.units_open, 0);
}

#[tokio::test]
async fn a_direct_shipment_is_a_delivery_on_the_road_at_once() {
    let world = World::new().await;
    let request = world.announcement(world.a.site, &[(world.direct, 20, "D1", "")], &[]);
    let shipped = world.app.announce_shipment(&world.supplier(), request).await.unwrap();
    assert_eq!(shipped.shipment.as_ref().unwrap().state(), ShipmentState::Received);
    let made = delivery(&world, &shipped.delivery_id).await;
    assert_eq!((made.state(), made.route(), made.units), (DeliveryState::Dispatched, Route::Direct, 20));
    assert_eq!(world.figures(world.line_direct).await, (20, 0, 20, 0));

    let proven = world.app.prove_delivery(&world.supplier(), world.proof(&made.id)).await.unwrap().delivery.unwrap();
    assert_eq!(proven.proof.as_ref().unwrap().signed_by, "Camille Fictif");
    assert_eq!(proven.proof.unwrap().handed_over_at, "2026-01-05T08:30:00Z");
    world.certify(world.a, &made.id, &[(&made.lines[0].id, 15)]).await.unwrap();
    assert_eq!(world.figures(world.line_direct).await, (20, 0, 15, 15), "what is refused is waited for again");
    let expected = world.expected(world.direct).await;
    assert_eq!((expected.units_shipped, expected.units_open), (20, 5));
    assert_eq!(world.events::<DeliveryCertified>("logistics.delivery_certified.v1").await[0].units_refused, 5);
    let signed =
        world.count("SELECT count(*) FROM event WHERE position('Camille' IN encode(payload, 'escape')) > 0").await;
    assert_eq!(signed, 0, "who signed is in no event");
}

#[tokio::test]
async fn an_officer_enters_shipment_and_proof_of_a_supplier_without_account_but_never_the_platforms() {
    let world = World::new().await;
    let request = world.announcement(world.a.site, &[(world.direct, 20, "", "")], &[]);
    let shipped = world.app.announce_shipment(&world.officer(), request).await.unwrap();
    world.app.prove_delivery(&world.officer(), world.proof(&shipped.delivery_id)).await.unwrap();
    let received = world.receive(&world.ship(100, 0).await, None).await;
    let refused = world.app.prove_delivery(&world.officer(), world.proof(&received.delivery_ids[0])).await;
    assert_eq!(crate::support::reason(refused), "ROLE_NOT_ALLOWED");
}

#[tokio::test]
async fn an_allocation_can_be_computed_again_from_what_is_stored() {
    let world = World::new().await;
    let shipped = world.ship(50, 50).await;
    world.receive(&shipped, None).await;
    let request = ListAllocationsRequest { pooled_order_id: world.order.to_string(), ..Default::default() };
    let seen = world.app.list_allocations(&world.receiver(world.b), request).await.unwrap().allocations;
    let [allocation] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((allocation.cause(), allocation.units, allocation.step_units), (AllocationCause::Receipt, 50, 10));
    let weights: Vec<i64> = allocation.shares.iter().map(|share| share.weight_units).collect();
    let units: Vec<i64> = allocation.shares.iter().map(|share| share.units).collect();
    assert_eq!(weights, [60, 40]);
    assert_eq!(logistics::domain::sharing::share_out(50, 0, allocation.step_units, &weights).unwrap(), units);
    let rule = allocation.rule.as_ref().unwrap();
    assert_eq!((rule.rule.as_str(), rule.facts["waiting_units"].as_str()), ("PRO_RATA_WAITING", "100"));
    assert!(
        rule.text.contains("50 unités") && rule.text.contains("conditionnements entiers de 10 unités"),
        "{}",
        rule.text
    );
}

#[tokio::test]
async fn lists_are_paged_by_key_and_filtered_by_state() {
    let world = World::new().await;
    let received = world.receive(&world.ship(100, 0).await, None).await;
    world.deliver(&received.delivery_ids[0]).await;
    let page = |after: &str| Some(proto::common::v1::Page { size: 1, after: after.to_owned() });
    let auditor = world.person(&[Role::Auditor], world.a.party);
    let list = |state: DeliveryState, after: String| {
        let request = ListDeliveriesRequest { state: state.into(), page: page(&after) };
        let (app, auditor) = (world.app.clone(), auditor.clone());
        async move { app.list_deliveries(&auditor, request).await.unwrap() }
    };
    let first = list(DeliveryState::Unspecified, String::new()).await;
    let second = list(DeliveryState::Unspecified, first.next_after.clone()).await;
    assert_eq!(
        [&first.deliveries[0].id, &second.deliveries[0].id],
        [&received.delivery_ids[0], &received.delivery_ids[1]]
    );
    assert_eq!((second.next_after.as_str(), second.deliveries[0].lines.len()), ("", 0));
    let delivered = list(DeliveryState::Delivered, String::new()).await;
    assert_eq!((delivered.deliveries.len(), delivered.next_after.as_str()), (1, ""));

    let expect = |after: String, open_only| {
        let request =
            proto::logistics::v1::ListExpectedRequest { pooled_order_id: String::new(), open_only, page: page(&after) };
        let (app, auditor) = (world.app.clone(), auditor.clone());
        async move { app.list_expected(&auditor, request).await.unwrap() }
    };
    let first = expect(String::new(), false).await;
    let second = expect(first.next_after.clone(), false).await;
    assert_eq!((first.expected[0].units_accepted, second.expected[0].units_accepted), (100, 20));
    assert_eq!(second.next_after, "");
    assert_eq!(expect(String::new(), true).await.expected[0].pooled_line_id, world.direct.to_string());
}
