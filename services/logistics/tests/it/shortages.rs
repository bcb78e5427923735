//! Short shipments, damage, refusals and cancellations: nothing is lost on the way.

use kit::id::PlanLineId;
use proto::logistics::v1::{
    AllocationCause, CancelOutstandingRequest, ListAllocationsRequest, ShipmentReceived, ShipmentState, UnitsCancelled,
};

use crate::support::{World, reason, request_id};

fn cancel(world: &World, pooled: PlanLineId) -> CancelOutstandingRequest {
    CancelOutstandingRequest {
        request_id: request_id(),
        pooled_order_id: world.order.to_string(),
        pooled_line_id: pooled.to_string(),
        cause: "Rupture chez le fournisseur.".into(),
    }
}

#[tokio::test]
async fn what_is_still_to_come_stays_open_and_comes_later() {
    let world = World::new().await;
    let first = world.ship(70, 30).await;
    assert_eq!(first.units_cancelled, 0);
    world.receive(&first, None).await;
    assert_eq!(world.figures(world.line_a).await, (60, 0, 40, 0), "4.2 packs");
    assert_eq!(world.figures(world.line_b).await, (40, 0, 30, 0), "2.8 packs");
    let expected = world.expected(world.by_platform).await;
    assert_eq!((expected.units_shipped, expected.units_open, expected.units_cancelled), (70, 30, 0));
    let second = world.ship(30, 0).await;
    world.receive(&second, None).await;
    assert_eq!(world.figures(world.line_a).await.2 + world.figures(world.line_b).await.2, 100);
    assert_eq!(world.count("SELECT count(*) FROM event WHERE kind = 'logistics.units_cancelled.v1'").await, 0);
}

#[tokio::test]
async fn what_is_neither_shipped_nor_to_come_is_cancelled_by_the_rule_and_told_to_demand() {
    let world = World::new().await;
    let shipped = world.ship(60, 10).await;
    assert_eq!(shipped.units_cancelled, 30);
    assert_eq!(world.figures(world.line_a).await, (60, 20, 0, 0), "1.8 packs");
    assert_eq!(world.figures(world.line_b).await, (40, 10, 0, 0), "1.2 packs");
    let told: Vec<UnitsCancelled> = world.events("logistics.units_cancelled.v1").await;
    let lines: Vec<_> = told[0].lines.iter().map(|line| (line.order_line_id.clone(), line.units)).collect();
    assert_eq!(lines, [(world.line_a.to_string(), 20), (world.line_b.to_string(), 10)]);
    let expected = world.expected(world.by_platform).await;
    assert_eq!((expected.units_shipped, expected.units_cancelled, expected.units_open), (60, 30, 10));
    let request = ListAllocationsRequest::default();
    let allocations = world.app.list_allocations(&world.officer(), request).await.unwrap().allocations;
    assert_eq!((allocations.len(), allocations[0].cause()), (1, AllocationCause::Cancellation));
}

#[tokio::test]
async fn an_announcement_without_lines_cancels_or_postpones_and_leaves_nothing_under_way() {
    let world = World::new().await;
    let shipped = world.ship(0, 40).await;
    assert_eq!(shipped.units_cancelled, 60);
    assert_eq!(shipped.shipment.unwrap().state(), ShipmentState::Received);
    assert_eq!(world.expected(world.by_platform).await.units_open, 40);
    assert_eq!(world.expected(world.direct).await.units_open, 20, "another destination is another announcement");
}

#[tokio::test]
async fn damaged_and_missing_goods_are_open_again_and_a_broken_pack_counts_whole() {
    let world = World::new().await;
    let shipped = world.ship(100, 0).await;
    let received = world.receive(&shipped, Some((85, 5))).await;
    let line = &received.shipment.unwrap().lines[0];
    assert_eq!((line.units_received, line.units_damaged), (80, 10));
    let told: Vec<ShipmentReceived> = world.events("logistics.shipment_received.v1").await;
    assert_eq!((told[0].units_received, told[0].units_damaged, told[0].units_missing), (80, 10, 10));
    let expected = world.expected(world.by_platform).await;
    assert_eq!((expected.units_shipped, expected.units_open), (100, 20));
    let replaced = world.ship(20, 0).await;
    world.receive(&replaced, None).await;
    assert_eq!(world.figures(world.line_a).await, (60, 0, 60, 0));
    assert_eq!(world.figures(world.line_b).await, (40, 0, 40, 0));
}

#[tokio::test]
async fn a_platform_that_opens_packs_shares_single_units() {
    let world = World::new().await;
    world.open_packs().await;
    let shipped = world.ship(70, 25).await;
    assert_eq!(shipped.units_cancelled, 5);
    assert_eq!((world.figures(world.line_a).await.1, world.figures(world.line_b).await.1), (3, 2));
    world.receive(&shipped, Some((63, 7))).await;
    assert_eq!(world.figures(world.line_a).await, (60, 3, 38, 0), "57 of 95: 37.8 units");
    assert_eq!(world.figures(world.line_b).await, (40, 2, 25, 0), "38 of 95: 25.2 units");
    assert_eq!(world.expected(world.by_platform).await.units_open, 32);
}

#[tokio::test]
async fn refused_goods_of_a_platform_delivery_are_open_again_with_the_supplier() {
    let world = World::new().await;
    let received = world.receive(&world.ship(100, 0).await, None).await;
    let id = &received.delivery_ids[1];
    world.deliver(id).await;
    let request = proto::logistics::v1::GetDeliveryRequest { delivery_id: id.clone() };
    let lines = world.app.get_delivery(&world.receiver(world.b), request).await.unwrap().delivery.unwrap().lines;
    let certified = world.certify(world.b, id, &[(&lines[0].id, 30)]).await.unwrap().delivery.unwrap();
    assert_eq!((certified.lines[0].units_accepted, certified.lines[0].units_refused), (30, 10));
    assert_eq!(world.figures(world.line_b).await, (40, 0, 30, 30));
    assert_eq!(world.expected(world.by_platform).await.units_open, 10);
    let again = world.ship(10, 0).await;
    let received = world.receive(&again, None).await;
    assert_eq!(received.delivery_ids.len(), 1, "only who refused waits");
}

#[tokio::test]
async fn an_officer_gives_up_what_is_open_but_not_what_is_under_way() {
    let world = World::new().await;
    let shipped = world.ship(50, 50).await;
    let reply = world.app.cancel_outstanding(&world.officer(), cancel(&world, world.by_platform)).await.unwrap();
    assert_eq!(reply.units_cancelled, 50);
    world.receive(&shipped, None).await;
    for line in [world.line_a, world.line_b] {
        let (accepted, cancelled, allocated, _) = world.figures(line).await;
        assert_eq!(accepted, cancelled + allocated);
    }
    let told: Vec<UnitsCancelled> = world.events("logistics.units_cancelled.v1").await;
    assert_eq!(
        (told[0].cause.as_str(), told[0].lines.iter().map(|line| line.units).sum::<i64>()),
        ("Rupture chez le fournisseur.", 50)
    );
    let again = world.app.cancel_outstanding(&world.officer(), cancel(&world, world.by_platform)).await;
    assert_eq!(reason(again), "NOTHING_OPEN");
    let unknown = world.app.cancel_outstanding(&world.officer(), cancel(&world, PlanLineId::new())).await;
    assert_eq!(reason(unknown), "NOT_FOUND");
    let supplier = world.app.cancel_outstanding(&world.supplier(), cancel(&world, world.direct)).await;
    assert_eq!(reason(supplier), "ROLE_NOT_ALLOWED");
}
