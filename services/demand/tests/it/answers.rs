use demand::app::logistics_events::Booking;
use kit::{
    Caller, Failure, Role, Scope,
    events::Effect as _,
    id::{GroupId, PartyId},
};
use prost::Message as _;
use proto::{
    demand::v1::{
        AnswerOrderRequest, AnswerOrderResponse, Balance, GetSavingsRequest, LineAnswer, ListBalancesRequest,
        OrderAnswered, PooledOrderState,
    },
    events::v1::Event,
    logistics::v1::{DeliveryCertified, LineUnits, UnitsCancelled},
};

use crate::{
    orders::carry_through,
    scene::Scene,
    support::{officer, person, request_id, requester},
};

fn answer(order: &str, means: &str, lines: Vec<LineAnswer>) -> AnswerOrderRequest {
    AnswerOrderRequest {
        request_id: request_id(),
        pooled_order_id: order.to_owned(),
        lines,
        means: means.to_owned(),
        expected_version: 0,
    }
}

async fn accept(scene: &Scene, order: &str) -> AnswerOrderResponse {
    scene.stage.app.answer_order(&scene.officer, answer(order, "EMAIL", vec![])).await.unwrap()
}

/// A line of an answer by the id of the first line of the order.
async fn line_answer(scene: &Scene, order: &str, accepted_units: i64) -> LineAnswer {
    let pooled_line_id = scene.lines(&scene.officer, order).await[0].pooled_line_id.clone();
    LineAnswer { pooled_line_id, accepted_units, promised_on: "2026-12-18".into(), reason: String::new() }
}

async fn book(scene: &Scene, kind: &str, payload: Vec<u8>) -> Result<(), Failure> {
    let event = Event {
        group_id: scene.group.uuid().to_string(),
        kind: kind.to_owned(),
        payload: payload.into(),
        actor: "prs_x".into(),
        ..Event::default()
    };
    let mut tx = scene.stage.test.db.begin_worker().await.unwrap();
    tx.enter(scene.group).await.unwrap();
    Booking::new(scene.stage.app.clone()).apply(&mut tx, &event).await?;
    tx.commit().await
}

async fn cancel(scene: &Scene, order: &str, line: &str, units: i64) -> Result<(), Failure> {
    let lines = vec![LineUnits { order_line_id: line.to_owned(), units }];
    let event = UnitsCancelled { pooled_order_id: order.to_owned(), lines, cause: "Rupture".into() };
    book(scene, "logistics.units_cancelled.v1", event.encode_to_vec()).await
}

async fn deliver(scene: &Scene, order: &str, line: &str, units: i64) -> Result<(), Failure> {
    let event = DeliveryCertified {
        delivery_id: "dlv_x".into(),
        pooled_order_id: order.to_owned(),
        accepted: vec![LineUnits { order_line_id: line.to_owned(), units }],
        units_refused: 0,
    };
    book(scene, "logistics.delivery_certified.v1", event.encode_to_vec()).await
}

async fn releases(scene: &Scene) -> Vec<i64> {
    let mut superuser = scene.stage.test.superuser().await;
    let sql = "SELECT amount_cents FROM process WHERE kind = 'RELEASE' ORDER BY created_at";
    sqlx::query_scalar(sql).fetch_all(&mut superuser).await.unwrap()
}

async fn balances(scene: &Scene, caller: &Caller) -> Vec<Balance> {
    scene.stage.app.list_balances(caller, ListBalancesRequest::default()).await.unwrap().balances
}

#[tokio::test]
async fn an_answer_without_lines_accepts_everything_and_tells_logistics() {
    let scene = Scene::new().await;
    let [first, _] = scene.placed().await;
    let reply = accept(&scene, &first).await.order.unwrap();
    assert_eq!(
        (reply.state(), reply.answer_means.as_str(), reply.cancelled_cents),
        (PooledOrderState::Answered, "EMAIL", 0)
    );
    assert_eq!(reply.answered_by, scene.officer.subject);
    let mut superuser = scene.stage.test.superuser().await;
    let payload: Vec<u8> = sqlx::query_scalar("SELECT payload FROM event WHERE kind = 'demand.order_answered.v1'")
        .fetch_one(&mut superuser)
        .await
        .unwrap();
    let event = OrderAnswered::decode(payload.as_slice()).unwrap();
    assert_eq!(event.lines.iter().map(|line| line.units).sum::<i64>(), 1_260);
    assert!(event.lines.iter().all(|line| line.route == "PLATFORM" && line.pack_units == 30));
    assert_eq!(event.number, reply.number);
    assert!(releases(&scene).await.is_empty());
    let again = scene.stage.app.answer_order(&scene.officer, answer(&first, "EMAIL", vec![])).await.unwrap_err();
    assert_eq!(again.reason(), "ORDER_NOT_PLACED");
}

#[tokio::test]
async fn refused_packs_are_shared_cancelled_and_given_back_once() {
    let scene = Scene::new().await;
    let [first, _] = scene.placed().await;
    let supplier = scene.supplier(0, Scope::Group(scene.group));
    let request = answer(&first, "PORTAL", vec![line_answer(&scene, &first, 1_050).await]);
    let tries = (0..20).map(|_| scene.stage.app.answer_order(&supplier, request.clone()));
    let replies = futures::future::join_all(tries).await;
    let reply = replies[0].as_ref().unwrap();
    assert!(replies.iter().all(|other| other.as_ref().unwrap() == reply));
    let order = reply.order.as_ref().unwrap();
    assert_eq!((order.answer_means.as_str(), order.cancelled_cents), ("PORTAL", 210 * 8));
    let lines = scene.lines(&scene.officer, &first).await;
    let mut cancelled: Vec<(i64, i64)> = lines.iter().map(|line| (line.units_ordered, line.units_cancelled)).collect();
    cancelled.sort_unstable();
    assert_eq!(cancelled, [(60, 0), (1_200, 210)], "7 packs: 0.33 and 6.67, so 0 and 7");
    assert_eq!(lines.iter().map(|line| line.cancelled_cents).sum::<i64>(), order.cancelled_cents);
    assert_eq!(releases(&scene).await, [210 * 8]);
    for kind in ["demand.order_answered.v1", "demand.units_cancelled.v1"] {
        assert_eq!(scene.stage.events(kind).await, 1);
    }
    carry_through(&scene.stage.test.db).await;
}

#[tokio::test]
async fn an_order_refused_altogether_is_answered_and_given_back_whole() {
    let scene = Scene::new().await;
    let [first, _] = scene.placed().await;
    let request = answer(&first, "PHONE", vec![line_answer(&scene, &first, 0).await]);
    let order = scene.stage.app.answer_order(&scene.officer, request).await.unwrap().order.unwrap();
    assert_eq!((order.state(), order.cancelled_cents), (PooledOrderState::Answered, order.amount_cents));
    assert_eq!(scene.stage.events("demand.order_answered.v1").await, 1, "logistics hears that nothing comes");
}

#[tokio::test]
async fn a_faulty_answer_names_every_fault_and_changes_nothing() {
    let scene = Scene::new().await;
    let [first, second] = scene.placed().await;
    let cut = LineAnswer { accepted_units: 31, promised_on: "demain".into(), ..line_answer(&scene, &first, 0).await };
    let foreign = line_answer(&scene, &second, 0).await;
    let request = answer(&first, "EMAIL", vec![cut.clone(), cut, foreign]);
    let Failure::Domain(error) = scene.stage.app.answer_order(&scene.officer, request).await.unwrap_err() else {
        panic!("a domain error")
    };
    let fields: Vec<String> = error.fields().into_iter().map(|fault| fault.field).collect();
    assert_eq!(
        fields,
        [
            "lines[0].accepted_units",
            "lines[0].promised_on",
            "lines[1].accepted_units",
            "lines[1].promised_on",
            "lines[1].pooled_line_id",
            "lines[2].pooled_line_id",
        ]
    );
    accept(&scene, &first).await;
}

#[tokio::test]
async fn only_its_supplier_or_an_officer_answers_an_order_each_by_its_own_means() {
    let scene = Scene::new().await;
    let (_, [first, _]) = scene.placing().await;
    let own = scene.supplier(0, Scope::Group(scene.group));
    let reason = async |caller: &Caller, means: &str| {
        let answered = scene.stage.app.answer_order(caller, answer(&first, means, vec![])).await;
        answered.map(|_| ()).map_err(|failure| failure.reason())
    };
    assert_eq!(reason(&own, "PORTAL").await, Err("NOT_FOUND".into()), "not placed yet: not there for it");
    assert_eq!(reason(&scene.officer, "FILE").await, Err("ORDER_NOT_PLACED".into()));
    carry_through(&scene.stage.test.db).await;
    let rival = scene.supplier(1, Scope::Group(scene.group));
    assert_eq!(reason(&rival, "PORTAL").await, Err("NOT_FOUND".into()));
    assert_eq!(reason(&own, "EMAIL").await, Err("WRONG_MEANS".into()));
    assert_eq!(reason(&scene.officer, "PORTAL").await, Err("WRONG_MEANS".into()));
    assert_eq!(reason(&requester(scene.group, scene.members[0]), "EMAIL").await, Err("ROLE_NOT_ALLOWED".into()));
    assert_eq!(reason(&officer(GroupId::new()), "EMAIL").await, Err("NOT_FOUND".into()));
    let in_party_session = scene.supplier(0, Scope::Party(scene.wares[0].supplier));
    assert_eq!(
        reason(&in_party_session, "PORTAL").await,
        Err("WRONG_SESSION".into()),
        "it writes in a group's session"
    );
    let stale = AnswerOrderRequest { expected_version: 99, ..answer(&first, "PORTAL", vec![]) };
    assert_eq!(scene.stage.app.answer_order(&own, stale).await.unwrap_err().reason(), "VERSION_CHANGED");
    assert_eq!(reason(&own, "PORTAL").await, Ok(()));
}

#[tokio::test]
async fn what_logistics_reports_is_booked_and_nothing_beyond_what_was_ordered() {
    let scene = Scene::new().await;
    let [first, second] = scene.placed().await;
    accept(&scene, &first).await;
    let line = scene.lines(&scene.officer, &first).await.into_iter().find(|line| line.units_ordered == 60).unwrap();
    deliver(&scene, &first, &line.id, 25).await.unwrap();
    cancel(&scene, &first, &line.id, 30).await.unwrap();
    let too_many = deliver(&scene, &first, &line.id, 6).await.unwrap_err();
    assert_eq!(too_many.reason(), "MORE_THAN_ORDERED");
    assert_eq!(cancel(&scene, &first, &line.id, 6).await.unwrap_err().reason(), "MORE_THAN_ORDERED");
    assert!(deliver(&scene, &second, &line.id, 1).await.is_err(), "a line of another order");
    assert!(deliver(&scene, &first, &line.id, -1).await.is_err());
    book(&scene, "logistics.delivery_proven.v1", vec![1, 2, 3]).await.expect("none of its business");
    let after = scene.lines(&scene.officer, &first).await.into_iter().find(|after| after.id == line.id).unwrap();
    assert_eq!((after.units_delivered, after.units_cancelled, after.units_outstanding), (25, 30, 5));
    assert_eq!(after.cancelled_cents, after.amount_cents / 2);
    assert_eq!(releases(&scene).await, [after.cancelled_cents]);
    assert_eq!(scene.stage.events("demand.units_delivered.v1").await, 1);
    assert_eq!(scene.stage.events("demand.units_cancelled.v1").await, 1);
    let mut superuser = scene.stage.test.superuser().await;
    let error = sqlx::query("UPDATE order_line SET units_delivered = units_ordered + 1").execute(&mut superuser).await;
    let error = error.unwrap_err();
    assert_eq!(error.as_database_error().unwrap().constraint(), Some("order_line_units_conserved"));
}

#[tokio::test]
async fn balances_hold_for_each_member_article_and_delivery_point() {
    let scene = Scene::new().await;
    let (_, [first, _]) = scene.placing().await;
    assert!(balances(&scene, &scene.officer).await.is_empty(), "nothing is ordered before it is placed");
    carry_through(&scene.stage.test.db).await;
    accept(&scene, &first).await;
    let line = scene.lines(&scene.officer, &first).await.into_iter().find(|line| line.units_ordered == 60).unwrap();
    deliver(&scene, &first, &line.id, 25).await.unwrap();
    cancel(&scene, &first, &line.id, 30).await.unwrap();
    let all = balances(&scene, &scene.officer).await;
    assert_eq!(all.len(), 3);
    for balance in &all {
        let gone = balance.units_delivered + balance.units_cancelled;
        assert_eq!(balance.units_ordered, gone + balance.units_outstanding);
    }
    assert_eq!(all.iter().map(|balance| balance.units_outstanding).sum::<i64>(), 1_260 + 60 - 55);
    let [a, b] = scene.members;
    assert_eq!(balances(&scene, &requester(scene.group, a)).await.len(), 2);
    assert_eq!(balances(&scene, &person(Scope::Party(b), Role::MemberReceiver, Some(b))).await.len(), 1);
    assert!(balances(&scene, &scene.supplier(0, Scope::Party(scene.wares[0].supplier))).await.is_empty());
    assert!(balances(&scene, &officer(GroupId::new())).await.is_empty());
    let page = |after: String| ListBalancesRequest {
        party_id: String::new(),
        page: Some(proto::common::v1::Page { size: 2, after }),
    };
    let first_page = scene.stage.app.list_balances(&scene.officer, page(String::new())).await.unwrap();
    let second_page = scene.stage.app.list_balances(&scene.officer, page(first_page.next_after)).await.unwrap();
    assert_eq!([first_page.balances, second_page.balances].concat(), all);
}

#[tokio::test]
async fn savings_count_losers_and_leave_out_what_was_cancelled() {
    let scene = Scene::new().await;
    let mut superuser = scene.stage.test.superuser().await;
    for (member, price) in [(scene.members[0], "0.05"), (scene.members[1], "0.12")] {
        sqlx::query(
            "INSERT INTO reference_price (group_id, party_id, article_id, unit_price, dated_on, evidence)
             VALUES ($1, $2, $3, $4::numeric, '2025-01-01', 'facture')",
        )
        .bind(scene.group)
        .bind(member)
        .bind(scene.wares[0].article)
        .bind(price)
        .execute(&mut superuser)
        .await
        .unwrap();
    }
    let [first, _] = scene.placed().await;
    accept(&scene, &first).await;
    let line = scene.lines(&scene.officer, &first).await.into_iter().find(|line| line.units_ordered == 1_200).unwrap();
    deliver(&scene, &first, &line.id, 300).await.unwrap();
    cancel(&scene, &first, &line.id, 600).await.unwrap();
    let reply = scene.stage.app.get_savings(&scene.officer, GetSavingsRequest::default()).await.unwrap();
    let of = |member: PartyId| reply.members.iter().find(|savings| savings.party_id == member.to_string()).unwrap();
    let (loser, winner) = (of(scene.members[0]), of(scene.members[1]));
    assert_eq!(
        (loser.reference_cents, loser.paid_cents, loser.savings_cents),
        (300, 480, -180),
        "60 at 0.05 against 0.08"
    );
    assert_eq!((loser.lines_with_reference, loser.lines_without_reference), (1, 1));
    assert_eq!((winner.reference_cents, winner.paid_cents, winner.savings_cents), (7_200, 4_800, 2_400));
    assert_eq!(winner.received_savings_cents, 3_600 - 2_400);
    assert_eq!(reply.savings_cents, 2_400 - 180);
    let of_round = GetSavingsRequest { round_id: scene.round.to_string() };
    assert_eq!(scene.stage.app.get_savings(&scene.officer, of_round).await.unwrap(), reply);
    let own =
        scene.stage.app.get_savings(&requester(scene.group, scene.members[0]), GetSavingsRequest::default()).await;
    assert_eq!(own.unwrap().members.len(), 1);
    let supplier = scene.supplier(0, Scope::Party(scene.wares[0].supplier));
    let none = scene.stage.app.get_savings(&supplier, GetSavingsRequest::default()).await.unwrap();
    assert!(none.members.is_empty());
}
