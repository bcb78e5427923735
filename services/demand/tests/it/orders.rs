use std::time::Duration;

use demand::{
    app::placing_steps::{self as steps, Job},
    domain::{process::Step, reason::Reason},
};
use kit::{
    Caller, Role, Scope,
    db::Db,
    id::{GroupId, PartyId, ReservationId},
};
use proto::demand::v1::{
    GetPooledOrderRequest, ListOrderFormsRequest, ListPooledOrdersRequest, OrderForm, PlanState, PooledOrder,
    PooledOrderState, RoundState,
};
use uuid::Uuid;

use crate::{
    scene::Scene,
    support::{officer, person, requester},
};

const LEASE: std::time::Duration = std::time::Duration::from_secs(30);

async fn claim(db: &Db) -> Option<Job> {
    steps::claim(db, Uuid::now_v7(), LEASE).await.unwrap()
}

/// Does what tendering's consent to everything leads to, until no process is due.
pub async fn carry_through(db: &Db) {
    while let Some(job) = claim(db).await {
        let stored = match job.step {
            Step::Reserve => steps::reserved(db, &job, ReservationId::new(), vec![allowed()]).await,
            Step::Confirm => steps::confirmed(db, &job).await,
            Step::Announce => steps::announced(db, &job).await,
            Step::Undo => steps::undone(db, &job).await,
            Step::Release => steps::released(db, &job).await,
        };
        assert!(stored.unwrap());
    }
}

/// Does what tendering's refusal of the next order leads to; whether one was due.
pub async fn refuse_next(db: &Db) -> bool {
    let Some(job) = claim(db).await else { return false };
    assert!(steps::refused(db, &job, &too_much()).await.unwrap());
    true
}

fn allowed() -> Reason {
    Reason::new("BENEFICIARY_NAMED", "CCP R2162-6", "Membre nommé.".into(), &[])
}

fn too_much() -> Reason {
    Reason::new("CEILING_EXCEEDED", "CCP R2162-4", "Il reste 1,00 €.".into(), &[("remaining_cents", "100".into())])
}

async fn order(scene: &Scene, caller: &Caller, id: &str) -> Option<PooledOrder> {
    let request = GetPooledOrderRequest { pooled_order_id: id.to_owned() };
    scene.stage.app.get_pooled_order(caller, request).await.ok().and_then(|reply| reply.order)
}

async fn state(scene: &Scene, id: &str) -> PooledOrderState {
    order(scene, &scene.officer, id).await.unwrap().state()
}

async fn forms(scene: &Scene, caller: &Caller) -> Vec<OrderForm> {
    scene.stage.app.list_order_forms(caller, ListOrderFormsRequest::default()).await.unwrap().forms
}

async fn listed(scene: &Scene, caller: &Caller) -> usize {
    scene.stage.app.list_pooled_orders(caller, ListPooledOrdersRequest::default()).await.unwrap().orders.len()
}

async fn round_state(scene: &Scene) -> RoundState {
    let request = proto::demand::v1::GetRoundRequest { round_id: scene.round.to_string() };
    scene.stage.app.get_round(&scene.officer, request).await.unwrap().round.unwrap().state()
}

#[tokio::test]
async fn an_approved_plan_becomes_one_order_per_lot_with_a_form_per_buyer() {
    let scene = Scene::new().await;
    let (plan, [first, second]) = scene.placing().await;
    let pooled = order(&scene, &scene.officer, &first).await.unwrap();
    assert_eq!((pooled.state(), pooled.form_count, pooled.amount_cents), (PooledOrderState::Placing, 2, 1_260 * 8));
    assert!(pooled.number.starts_with("CG-"), "{}", pooled.number);
    let forms = forms(&scene, &scene.officer).await;
    assert_eq!(forms.len(), 3);
    let of_second: Vec<&OrderForm> = forms.iter().filter(|form| form.pooled_order_id == second).collect();
    assert_eq!((of_second[0].amount_cents, of_second[0].vat_cents), (600, 13), "2.1 % of 6.00 € is 12.6 cents");
    assert_eq!(of_second[0].commitment_number, "ENG-42");
    assert_eq!(of_second[0].payer_id, scene.members[0].to_string());
    let numbers: std::collections::BTreeSet<&str> = forms.iter().map(|form| form.number.as_str()).collect();
    assert_eq!(numbers.len(), 3, "every form has its own number");
    let of_first: i64 = forms.iter().filter(|form| form.pooled_order_id == first).map(|form| form.amount_cents).sum();
    assert_eq!(of_first, pooled.amount_cents, "forms sum to the pooled order");
    let lines = scene.lines(&scene.officer, &first).await;
    assert_eq!(lines.iter().map(|line| line.amount_cents).sum::<i64>(), pooled.amount_cents);
    assert_eq!(lines.iter().map(|line| line.units_outstanding).sum::<i64>(), 1_260);
    let again = scene.place(&plan.to_string()).await.unwrap_err();
    assert_eq!(again.reason(), "PLAN_WRONG_STATE");
}

#[tokio::test]
async fn every_step_stored_twice_happens_once_and_the_last_order_ends_the_round() {
    let scene = Scene::new().await;
    let db = &scene.stage.test.db;
    let (plan, [first, second]) = scene.placing().await;
    let reservation = ReservationId::new();
    for _ in 0..2 {
        let job = claim(db).await.unwrap();
        assert_eq!(job.step, Step::Reserve);
        assert!(steps::reserved(db, &job, reservation, vec![allowed(), allowed()]).await.unwrap());
        assert!(!steps::reserved(db, &job, ReservationId::new(), vec![]).await.unwrap(), "the step is over");
    }
    for _ in 0..2 {
        let job = claim(db).await.unwrap();
        assert_eq!(job.step, Step::Confirm);
        assert!(steps::confirmed(db, &job).await.unwrap());
        assert!(!steps::confirmed(db, &job).await.unwrap());
    }
    for placed in 1..=2 {
        assert_eq!(round_state(&scene).await, RoundState::Closed);
        let job = claim(db).await.unwrap();
        assert_eq!(job.step, Step::Announce);
        assert!(steps::announced(db, &job).await.unwrap());
        assert!(!steps::announced(db, &job).await.unwrap());
        assert_eq!(scene.stage.events("demand.order_placed.v1").await, placed);
    }
    assert!(claim(db).await.is_none());
    for id in [&first, &second] {
        let order = order(&scene, &scene.officer, id).await.unwrap();
        assert_eq!(order.state(), PooledOrderState::Placed);
        assert!(!order.placed_at.is_empty());
        assert_eq!(order.reasons[0].rule, "BENEFICIARY_NAMED");
    }
    assert_eq!(round_state(&scene).await, RoundState::Ordered);
    let plan = proto::demand::v1::GetPlanRequest { plan_id: plan.to_string() };
    let plan = scene.stage.app.get_plan(&scene.officer, plan).await.unwrap().plan.unwrap();
    assert_eq!(plan.state(), PlanState::Placed);
    assert_eq!(scene.stage.events("demand.round_ordered.v1").await, 1);
}

#[tokio::test]
async fn a_step_is_claimed_by_one_replica_and_by_another_when_its_lease_has_passed() {
    let scene = Scene::new().await;
    scene.placing().await;
    let (db, replica) = (scene.stage.test.db.clone(), scene.stage.test.replica());
    let lost = claim(&db).await.unwrap();
    let other = claim(&replica).await.unwrap();
    assert_ne!(lost.id, other.id, "the lease holds");
    assert!(claim(&replica).await.is_none(), "both are being done");
    let mut superuser = scene.stage.test.superuser().await;
    sqlx::query("UPDATE process SET lease_until = clock_timestamp() - interval '1 second' WHERE id = $1")
        .bind(lost.id)
        .execute(&mut superuser)
        .await
        .unwrap();
    let stolen = claim(&replica).await.unwrap();
    assert_eq!(stolen.id, lost.id);
    let (mine, theirs) = (ReservationId::new(), ReservationId::new());
    assert!(!steps::reserved(&db, &lost, mine, vec![]).await.unwrap(), "who lost the lease stores nothing");
    assert!(!steps::postponed(&db, &lost, "late").await.unwrap());
    assert!(steps::reserved(&replica, &stolen, theirs, vec![]).await.unwrap());
    let kept: Uuid = sqlx::query_scalar("SELECT reservation_id FROM pooled_order WHERE id = $1")
        .bind(stolen.order)
        .fetch_one(&mut superuser)
        .await
        .unwrap();
    assert_eq!(kept, theirs.uuid());
}

#[tokio::test]
async fn fifty_claims_at_once_never_share_a_process() {
    let scene = Scene::new().await;
    scene.placing().await;
    let claims = futures::future::join_all((0..50).map(|_| claim(&scene.stage.test.db))).await;
    let mut ids: Vec<Uuid> = claims.into_iter().flatten().map(|job| job.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 2);
    assert!(claim(&scene.stage.test.db).await.is_none());
}

#[tokio::test]
async fn a_failed_step_waits_longer_each_time_and_never_gives_up() {
    let scene = Scene::new().await;
    scene.placing().await;
    let db = &scene.stage.test.db;
    let job = claim(db).await.unwrap();
    let other = claim(db).await.unwrap();
    assert!(steps::failed(db, &other, "out of the way").await.unwrap());
    assert!(steps::postponed(db, &job, "tendering is away").await.unwrap());
    assert!(claim(db).await.is_none(), "it waits");
    tokio::time::sleep(Duration::from_millis(250)).await;
    let again = claim(db).await.unwrap();
    assert_eq!((again.id, again.step, again.attempts), (job.id, Step::Reserve, 1));
    assert!(steps::postponed(db, &again, "still away").await.unwrap());
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert!(claim(db).await.is_none(), "now 0.4 s");
}

#[tokio::test]
async fn a_refused_reservation_refuses_the_order_with_its_figures() {
    let scene = Scene::new().await;
    let db = &scene.stage.test.db;
    let (_, orders) = scene.placing().await;
    let job = claim(db).await.unwrap();
    assert!(steps::refused(db, &job, &too_much()).await.unwrap());
    assert!(!steps::refused(db, &job, &too_much()).await.unwrap());
    carry_through(db).await;
    let refused = job.order.to_string();
    let placed = orders.iter().find(|id| **id != refused).unwrap();
    assert_eq!(state(&scene, placed).await, PooledOrderState::Placed);
    let order = order(&scene, &scene.officer, &refused).await.unwrap();
    assert_eq!(order.state(), PooledOrderState::Refused);
    assert_eq!(
        (order.reasons[0].rule.as_str(), order.reasons[0].facts["remaining_cents"].as_str()),
        ("CEILING_EXCEEDED", "100")
    );
    assert_eq!(scene.stage.events("demand.order_refused.v1").await, 1);
    assert_eq!(round_state(&scene).await, RoundState::Ordered, "every order has come to its end");
}

#[tokio::test]
async fn a_confirmation_refused_for_good_gives_the_reservation_back() {
    let scene = Scene::new().await;
    let db = &scene.stage.test.db;
    scene.placing().await;
    let reserve = claim(db).await.unwrap();
    let other = claim(db).await.unwrap();
    assert!(steps::reserved(db, &reserve, ReservationId::new(), vec![]).await.unwrap());
    let confirm = claim(db).await.unwrap();
    assert_eq!((confirm.id, confirm.step), (reserve.id, Step::Confirm));
    assert!(steps::turned_back(db, &confirm, &too_much()).await.unwrap());
    assert_eq!(state(&scene, &reserve.order.to_string()).await, PooledOrderState::Placing);
    let undo = claim(db).await.unwrap();
    assert_eq!((undo.id, undo.step), (reserve.id, Step::Undo));
    assert!(steps::undone(db, &undo).await.unwrap());
    assert!(!steps::undone(db, &undo).await.unwrap());
    let order = order(&scene, &scene.officer, &reserve.order.to_string()).await.unwrap();
    assert_eq!((order.state(), order.reasons[0].rule.as_str()), (PooledOrderState::Refused, "CEILING_EXCEEDED"));
    assert!(steps::refused(db, &other, &too_much()).await.unwrap());
}

#[tokio::test]
async fn a_supplier_sees_its_own_orders_across_groups_and_only_once_they_are_placed() {
    let scene = Scene::new().await;
    let across = |lot: usize| scene.supplier(lot, Scope::Party(scene.wares[lot].supplier));
    let (_, [first, second]) = scene.placing().await;
    assert_eq!(listed(&scene, &across(0)).await, 0, "PLACING is not yet an order");
    assert!(forms(&scene, &across(0)).await.is_empty());
    assert!(scene.lines(&across(0), &first).await.is_empty());
    let db = &scene.stage.test.db;
    let (mut jobs, mut refused) = (Vec::new(), String::new());
    while let Some(job) = claim(db).await {
        jobs.push(job);
    }
    for job in jobs {
        if job.order.to_string() == second {
            refused = job.order.to_string();
            assert!(steps::refused(db, &job, &too_much()).await.unwrap());
        } else {
            assert!(steps::reserved(db, &job, ReservationId::new(), vec![]).await.unwrap());
        }
    }
    carry_through(db).await;
    assert_eq!((listed(&scene, &across(0)).await, forms(&scene, &across(0)).await.len()), (1, 2));
    assert_eq!(scene.lines(&across(0), &first).await.len(), 2);
    assert!(order(&scene, &across(1), &first).await.is_none(), "another supplier's order is not there");
    assert!(order(&scene, &across(1), &refused).await.is_none(), "neither is its own when it was refused");
    let request = GetPooledOrderRequest { pooled_order_id: first };
    let lines = scene.stage.app.get_pooled_order(&across(0), request).await.unwrap().lines;
    assert_eq!((lines.len(), lines[0].vat_rate.as_str()), (1, "2.1"));
}

#[tokio::test]
async fn a_hospital_sees_its_own_forms_and_lines_and_another_group_nothing() {
    let scene = Scene::new().await;
    let [first, _] = scene.placed().await;
    let [a, b] = scene.members;
    assert_eq!(forms(&scene, &requester(scene.group, a)).await.len(), 2);
    assert_eq!(forms(&scene, &requester(scene.group, b)).await.len(), 1);
    let across = person(Scope::Party(b), Role::MemberRequester, Some(b));
    assert_eq!(forms(&scene, &across).await.len(), 1);
    assert_eq!(scene.lines(&across, &first).await.len(), 1);
    assert_eq!(listed(&scene, &across).await, 0, "the envelope is the supplier's and the group's");
    assert_eq!(listed(&scene, &requester(scene.group, b)).await, 1, "the one in which it has a line");
    let stranger = officer(GroupId::new());
    assert_eq!((listed(&scene, &stranger).await, forms(&scene, &stranger).await.len()), (0, 0));
    assert!(order(&scene, &stranger, &first).await.is_none());
    assert!(order(&scene, &requester(scene.group, PartyId::new()), &first).await.is_none());
}

#[tokio::test]
async fn a_supplier_and_a_hospital_of_two_groups_have_one_list_each() {
    let (hospital, supplier) = (PartyId::new(), PartyId::new());
    let mut stage = crate::support::Stage::new().await;
    for _ in 0..2 {
        let (members, suppliers) = ([hospital, PartyId::new()], [supplier, PartyId::new()]);
        let scene = Scene::in_group(stage, GroupId::new(), members, suppliers).await;
        scene.placed().await;
        stage = scene.stage;
    }
    let across = |party, role| person(Scope::Party(party), role, Some(party));
    let orders = ListPooledOrdersRequest::default();
    let inbox = stage.app.list_pooled_orders(&across(supplier, Role::Supplier), orders).await.unwrap().orders;
    let groups: std::collections::BTreeSet<&str> = inbox.iter().map(|order| order.group_id.as_str()).collect();
    assert_eq!((inbox.len(), groups.len()), (2, 2));
    let lines = proto::demand::v1::ListOrderLinesRequest::default();
    let own = stage.app.list_order_lines(&across(hospital, Role::MemberRequester), lines).await.unwrap().lines;
    assert_eq!(own.len(), 4);
    assert!(own.iter().all(|line| line.party_id == hospital.to_string()));
}
