//! What members spend, order and save by month.

use chrono::Utc;
use demand::app::logistics_events::Booking;
use kit::{
    Caller, Role, Scope,
    events::Effect as _,
    id::{DeliveryId, PartyId},
};
use prost::Message as _;
use proto::{
    demand::v1::{GetSavingsRequest, ListMonthFiguresRequest, MemberMonth},
    events::v1::Event,
    logistics::v1::{DeliveryCertified, LineUnits},
};
use uuid::Uuid;

use crate::{
    scene::Scene,
    support::{person, requester},
};

async fn figures(scene: &Scene, caller: &Caller, from: &str, to: &str) -> Vec<MemberMonth> {
    let request = ListMonthFiguresRequest { from_month: from.into(), to_month: to.into() };
    scene.stage.app.list_month_figures(caller, request).await.unwrap().months
}

async fn certify(scene: &Scene, order: &str, accepted: Vec<LineUnits>, at: &str) {
    let payload = DeliveryCertified {
        delivery_id: DeliveryId::new().to_string(),
        pooled_order_id: order.to_owned(),
        accepted,
        ..DeliveryCertified::default()
    };
    let at: chrono::DateTime<Utc> = at.parse().unwrap();
    let event = Event {
        group_id: scene.group.uuid().to_string(),
        kind: "logistics.delivery_certified.v1".into(),
        payload: payload.encode_to_vec().into(),
        recorded_at_us: at.timestamp_micros(),
        event_id: Uuid::now_v7().to_string(),
        ..Event::default()
    };
    let mut tx = scene.stage.test.db.begin_worker().await.unwrap();
    tx.enter(scene.group).await.unwrap();
    Booking::new(scene.stage.app.clone()).apply(&mut tx, &event).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn months_sum_to_what_a_line_saves_whenever_its_parts_came() {
    let scene = Scene::new().await;
    let orders = scene.placed().await;
    let mut superuser = scene.stage.test.superuser().await;
    sqlx::query("UPDATE order_line SET reference_price = 0.123457").execute(&mut superuser).await.unwrap();
    sqlx::query("UPDATE pooled_order SET placed_at = '2026-01-31T23:30:00Z'").execute(&mut superuser).await.unwrap();
    let lines = scene.lines(&scene.officer, &orders[0]).await;
    let of = |party: PartyId| lines.iter().find(|line| line.party_id == party.to_string()).unwrap();
    let line = of(scene.members[1]);
    let part = |units| vec![LineUnits { order_line_id: line.id.clone(), units }];
    certify(&scene, &orders[0], part(7), "2026-02-28T22:59:00Z").await;
    certify(&scene, &orders[0], part(5), "2026-02-28T22:59:30Z").await;
    certify(&scene, &orders[0], part(11), "2026-02-28T23:00:00Z").await;
    certify(&scene, &orders[0], part(101), "2026-05-03T08:00:00Z").await;
    let all = figures(&scene, &scene.officer, "2026-01", "2026-12").await;
    let own: Vec<&MemberMonth> = all.iter().filter(|row| row.party_id == scene.members[1].to_string()).collect();
    let months: Vec<&str> = own.iter().map(|row| row.month.as_str()).collect();
    assert_eq!(months, ["2026-02", "2026-03", "2026-05"], "months begin at midnight in Paris");
    assert_eq!((own[0].spend_cents, own[0].orders, own[1].spend_cents), (line.amount_cents, 1, 0));
    let savings = scene.stage.app.get_savings(&scene.officer, GetSavingsRequest::default()).await.unwrap();
    for member in &savings.members {
        let rows = all.iter().filter(|row| row.party_id == member.party_id);
        let (committed, realised) =
            rows.fold((0, 0), |sum, row| (sum.0 + row.committed_saving_cents, sum.1 + row.realised_saving_cents));
        assert_eq!((committed, realised), (member.savings_cents, member.received_savings_cents));
    }
    assert!(own.iter().all(|row| row.realised_saving_cents != 0), "{own:?}");
    assert_eq!(figures(&scene, &scene.officer, "2026-03", "2026-04").await.len(), 1);
    let narrowed = figures(&scene, &requester(scene.group, scene.members[0]), "2026-01", "2026-12").await;
    assert!(!narrowed.is_empty() && narrowed.iter().all(|row| row.party_id == scene.members[0].to_string()));
    let gateway = Caller::service("gateway", Scope::Group(scene.group));
    assert_eq!(figures(&scene, &gateway, "2026-01", "2026-12").await, all);
    let request = ListMonthFiguresRequest { from_month: "2026-13".into(), to_month: "2026-1".into() };
    let refused = scene.stage.app.list_month_figures(&scene.officer, request).await.unwrap_err();
    assert_eq!(refused.reason(), "INVALID_INPUT");
    let platform = person(Scope::Group(scene.group), Role::PlatformOperator, None);
    let request = ListMonthFiguresRequest { from_month: "2026-01".into(), to_month: "2026-12".into() };
    assert_eq!(scene.stage.app.list_month_figures(&platform, request).await.unwrap_err().reason(), "ROLE_NOT_ALLOWED");
}
