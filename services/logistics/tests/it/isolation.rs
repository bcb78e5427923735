//! One group never sees another's rows; a party sees its own across its groups, and nobody else's.

use kit::{
    id::{GroupId, PartyId},
    identity::{Caller, Role, Scope},
};
use proto::logistics::v1::{
    GetDeliveryRequest, ListAllocationsRequest, ListDeliveriesRequest, ListExpectedRequest, ListShipmentsRequest,
};

use crate::support::{World, reason};

/// How many expected articles, shipments, allocations and deliveries a caller sees.
async fn sees(world: &World, caller: &Caller) -> [usize; 4] {
    let app = &world.app;
    [
        app.list_expected(caller, ListExpectedRequest::default()).await.unwrap().expected.len(),
        app.list_shipments(caller, ListShipmentsRequest::default()).await.unwrap().shipments.len(),
        app.list_allocations(caller, ListAllocationsRequest::default()).await.unwrap().allocations.len(),
        app.list_deliveries(caller, ListDeliveriesRequest::default()).await.unwrap().deliveries.len(),
    ]
}

/// Everything by the platform received, and the direct article shipped: three deliveries.
async fn delivered() -> (World, Vec<String>) {
    let world = World::new().await;
    let mut ids = world.receive(&world.ship(100, 0).await, None).await.delivery_ids;
    let request = world.announcement(world.a.site, &[(world.direct, 20, "", "")], &[]);
    ids.push(world.app.announce_shipment(&world.supplier(), request).await.unwrap().delivery_id);
    (world, ids)
}

#[tokio::test]
async fn another_group_sees_nothing_whatever_its_role() {
    let (world, ids) = delivered().await;
    assert_eq!(sees(&world, &world.officer()).await, [2, 2, 1, 3]);
    for role in [
        Role::PurchasingOfficer,
        Role::Auditor,
        Role::Service,
        Role::Supplier,
        Role::PlatformOperator,
        Role::MemberReceiver,
    ] {
        let acts_for = match role {
            Role::Supplier => world.supplier,
            Role::PlatformOperator => world.operator,
            _ => world.a.party,
        };
        let stranger = Caller { scope: Scope::Group(GroupId::new()), ..world.person(&[role], acts_for) };
        assert_eq!(sees(&world, &stranger).await, [0, 0, 0, 0], "{role:?}");
        let get = GetDeliveryRequest { delivery_id: ids[0].clone() };
        assert_eq!(reason(world.app.get_delivery(&stranger, get).await), "NOT_FOUND");
    }
    let administrator = world.person(&[Role::Administrator], world.a.party);
    let list = world.app.list_deliveries(&administrator, ListDeliveriesRequest::default()).await;
    assert_eq!(reason(list), "ROLE_NOT_ALLOWED");
}

#[tokio::test]
async fn a_party_session_shows_the_partys_own_rows_and_no_rivals() {
    let (world, ids) = delivered().await;
    assert_eq!(sees(&world, &world.party_session(Role::Supplier, world.supplier)).await, [2, 2, 0, 1]);
    assert_eq!(sees(&world, &world.party_session(Role::PlatformOperator, world.operator)).await, [1, 1, 1, 2]);
    assert_eq!(sees(&world, &world.party_session(Role::MemberReceiver, world.a.party)).await, [0, 0, 0, 2]);
    assert_eq!(sees(&world, &world.party_session(Role::MemberReceiver, world.b.party)).await, [0, 0, 0, 1]);
    assert_eq!(sees(&world, &world.party_session(Role::Supplier, PartyId::new())).await, [0, 0, 0, 0]);
    let get = |index: usize| GetDeliveryRequest { delivery_id: ids[index].clone() };
    let supplier = world.party_session(Role::Supplier, world.supplier);
    let own = world.app.get_delivery(&supplier, get(2)).await.unwrap().delivery.unwrap();
    assert_eq!(own.lines.len(), 1);
    assert_eq!(reason(world.app.get_delivery(&supplier, get(0)).await), "NOT_FOUND");
    let write = world.app.prove_delivery(&supplier, world.proof(&ids[2])).await;
    assert_eq!(reason(write), "WRONG_SESSION", "a party session never writes");
}

#[tokio::test]
async fn in_a_group_session_a_party_is_limited_to_its_own_rows() {
    let (world, ids) = delivered().await;
    assert_eq!(sees(&world, &world.receiver(world.a)).await, [0, 0, 1, 2]);
    assert_eq!(sees(&world, &world.receiver(world.b)).await, [0, 0, 1, 1]);
    assert_eq!(sees(&world, &world.supplier()).await, [2, 2, 0, 1]);
    assert_eq!(sees(&world, &world.operator()).await, [1, 1, 1, 2]);
    assert_eq!(sees(&world, &world.person(&[Role::Supplier], PartyId::new())).await, [0, 0, 0, 0]);
    let get = GetDeliveryRequest { delivery_id: ids[0].clone() };
    assert_eq!(reason(world.app.get_delivery(&world.receiver(world.b), get).await), "NOT_FOUND");
}

#[tokio::test]
async fn the_app_role_cannot_write_into_another_group_nor_touch_rows_without_one() {
    let world = World::new().await;
    let stranger = Caller { scope: Scope::Group(GroupId::new()), ..world.officer() };
    let mut tx = world.test.db.begin(&stranger).await.unwrap();
    let changed = sqlx::query("UPDATE expected_line SET units_cancelled = 1").execute(tx.conn()).await.unwrap();
    assert_eq!(changed.rows_affected(), 0);
    let insert = sqlx::query(
        "INSERT INTO expected_order (group_id, pooled_order_id, order_number, supplier_id) VALUES ($1, $1, 'x', $1)",
    )
    .bind(world.group)
    .execute(tx.conn())
    .await;
    assert!(insert.unwrap_err().to_string().contains("row-level security"));
    let party = world.party_session(Role::Supplier, world.supplier);
    let mut tx = world.test.db.begin(&party).await.unwrap();
    let changed = sqlx::query("UPDATE expected_line SET units_cancelled = 1").execute(tx.conn()).await.unwrap();
    assert_eq!(changed.rows_affected(), 0, "the party policy is for reading only");
}

#[tokio::test]
async fn every_table_has_a_policy_or_is_reference_data() {
    let world = World::without_order().await;
    let bare: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relnamespace = current_schema::regnamespace AND relkind IN ('r', 'p')
           AND NOT relrowsecurity AND relname NOT LIKE '\\_%' ORDER BY relname",
    )
    .fetch_all(&mut world.test.superuser().await)
    .await
    .unwrap();
    assert_eq!(bare, ["break_bulk", "site", "site_to_fetch"]);
}
