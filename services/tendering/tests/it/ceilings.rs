//! Reserving, confirming, giving back: alone, repeated, and many at once.

use std::sync::Arc;

use kit::id::{PartyId, PooledOrderId};
use proto::tendering::v1 as pb;
use tokio::task::JoinSet;

use crate::support::{World, faulty_fields, reason, request_id, reserve_request, service};

fn figures(lot: &pb::Lot) -> (i64, i64, i64) {
    (lot.reserved_cents, lot.consumed_cents, lot.remaining_cents)
}

#[tokio::test]
async fn fifty_race_for_the_last_of_a_ceiling_and_exactly_as_many_win_as_fit() {
    let world = Arc::new(World::new().await);
    let buyer = PartyId::new();
    // 7 × 1,300 = 9,100 of the 10,000 left; an eighth does not fit.
    let agreement = world.enter("race", &[(PartyId::new(), 110_000, 100_000)], &[buyer]).await;
    let lot = agreement.lots[0].id.clone();
    let mut race = JoinSet::new();
    for _ in 0..50 {
        let (world, lot) = (world.clone(), lot.clone());
        race.spawn(async move { world.reserve(&lot, &[(buyer, 1_300)]).await });
    }
    let mut left = Vec::new();
    for outcome in race.join_all().await {
        match outcome {
            Ok(response) => left.push(response.remaining_cents),
            Err(failure) => {
                assert_eq!(failure.reason(), "CEILING_EXCEEDED");
                let figures = failure.metadata();
                let expected = [
                    ("lot", lot.as_str()),
                    ("maximum_cents", "110000"),
                    ("opening_cents", "100000"),
                    ("consumed_cents", "0"),
                    ("reserved_cents", "9100"),
                    ("remaining_cents", "900"),
                    ("requested_cents", "1300"),
                ];
                for (key, value) in expected {
                    assert_eq!(figures[key], value, "{key}");
                }
            }
        }
    }
    left.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(left, [8_700, 7_400, 6_100, 4_800, 3_500, 2_200, 900], "each winner saw its own place");
    assert_eq!(figures(&world.lot(&agreement.id).await), (9_100, 0, 900));
    let stored: (i64, i64) = sqlx::query_as("SELECT count(*), sum(amount_cents)::bigint FROM reservation")
        .fetch_one(&mut world.test.superuser().await)
        .await
        .unwrap();
    assert_eq!(stored, (7, 9_100));
    assert_eq!(world.events("tendering.ceiling_reserved.v1").await, 7);
    assert_eq!(world.reserve(&lot, &[(buyer, 900)]).await.unwrap().remaining_cents, 0, "the last cent can be had");
}

#[tokio::test]
async fn the_same_reserve_twenty_times_at_once_has_one_effect_and_twenty_equal_answers() {
    let world = Arc::new(World::new().await);
    let (buyer, other) = (PartyId::new(), PartyId::new());
    let agreement = world.enter("repeat", &[(PartyId::new(), 10_000, 0)], &[buyer, other]).await;
    let request = reserve_request(&agreement.lots[0].id, PooledOrderId::new(), &[(buyer, 600), (other, 400)]);
    let mut calls = JoinSet::new();
    for _ in 0..20 {
        let (world, request) = (world.clone(), request.clone());
        calls.spawn(async move { world.reserve_as(&service(world.group), &request).await.unwrap() });
    }
    let answers = calls.join_all().await;
    assert_eq!(answers.len(), 20);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(figures(&world.lot(&agreement.id).await), (1_000, 0, 9_000));
    assert_eq!(world.events("tendering.ceiling_reserved.v1").await, 1);
    let other_body = pb::ReserveRequest { shares: request.shares[..1].to_vec(), ..request };
    assert_eq!(reason(world.reserve_as(&service(world.group), &other_body).await), "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn confirming_and_giving_back_twenty_times_at_once_count_once() {
    let world = Arc::new(World::new().await);
    let buyer = PartyId::new();
    let agreement = world.enter("repeat", &[(PartyId::new(), 10_000, 0)], &[buyer]).await;
    let held = world.reserve(&agreement.lots[0].id, &[(buyer, 1_000)]).await.unwrap().reservation.unwrap();
    let confirm = pb::ConfirmReservationRequest { request_id: request_id(), reservation_id: held.id.clone() };
    let release =
        pb::ReleaseReservationRequest { request_id: request_id(), reservation_id: held.id.clone(), amount_cents: 300 };
    let mut confirms = JoinSet::new();
    for _ in 0..20 {
        let (world, request) = (world.clone(), confirm.clone());
        confirms.spawn(async move { world.app.confirm_reservation(&service(world.group), request).await.unwrap() });
    }
    let confirmed = confirms.join_all().await;
    assert!(confirmed.iter().all(|answer| *answer == confirmed[0]));
    assert_eq!(figures(&world.lot(&agreement.id).await), (0, 1_000, 9_000));
    let mut releases = JoinSet::new();
    for _ in 0..20 {
        let (world, request) = (world.clone(), release.clone());
        releases.spawn(async move { world.app.release_reservation(&service(world.group), request).await.unwrap() });
    }
    let released = releases.join_all().await;
    assert!(released.iter().all(|answer| *answer == released[0]));
    assert_eq!(figures(&world.lot(&agreement.id).await), (0, 700, 9_300));
    assert_eq!(world.events("tendering.reservation_confirmed.v1").await, 1);
    assert_eq!(world.events("tendering.reservation_released.v1").await, 1);
}

#[tokio::test]
async fn a_reservation_is_confirmed_given_back_in_part_and_at_last_released() {
    let world = World::new().await;
    let (buyer, idle) = (PartyId::new(), PartyId::new());
    let agreement = world.enter("life", &[(PartyId::new(), 10_000, 2_000)], &[buyer]).await;
    let lot = agreement.lots[0].id.as_str();
    let answer = world.reserve(lot, &[(idle, 0), (buyer, 5_000)]).await.unwrap();
    let held = answer.reservation.unwrap();
    assert_eq!(
        (answer.remaining_cents, held.amount_cents, held.state()),
        (3_000, 5_000, pb::ReservationState::Reserved)
    );
    assert_eq!(held.reasons.len(), 1, "a share of nothing needs no entitlement");
    assert_eq!((held.reasons[0].rule.as_str(), held.reasons[0].source.as_str()), ("ENTITLED", "CCP R2162-6"));

    let less = world.release(&held.id, 1_000).await.unwrap();
    assert_eq!((less.amount_cents, less.state()), (4_000, pb::ReservationState::Reserved));
    assert_eq!(less.reasons, held.reasons, "the rules stay stored with it");
    let confirmed = world.confirm(&held.id).await.unwrap();
    assert_eq!((confirmed.amount_cents, confirmed.state()), (4_000, pb::ReservationState::Confirmed));
    assert_eq!(figures(&world.lot(&agreement.id).await), (0, 4_000, 4_000));
    assert_eq!(world.confirm(&held.id).await.unwrap(), confirmed, "confirming again changes nothing");
    assert_eq!(world.events("tendering.reservation_confirmed.v1").await, 1);

    let refusal = world.release(&held.id, 4_001).await.unwrap_err();
    assert_eq!(refusal.reason(), "RELEASE_EXCEEDS_HELD");
    assert_eq!(
        (refusal.metadata()["held_cents"].as_str(), refusal.metadata()["requested_cents"].as_str()),
        ("4000", "4001")
    );
    assert_eq!(world.release(&held.id, 1_500).await.unwrap().state(), pb::ReservationState::Confirmed);
    let none = world.release(&held.id, 2_500).await.unwrap();
    assert_eq!((none.amount_cents, none.state()), (0, pb::ReservationState::Released));
    assert_eq!(figures(&world.lot(&agreement.id).await), (0, 0, 8_000));
    assert_eq!(reason(world.release(&held.id, 1).await), "RELEASE_EXCEEDS_HELD");
    assert_eq!(reason(world.confirm(&held.id).await), "RESERVATION_RELEASED");
}

#[tokio::test]
async fn an_order_holds_one_reservation_at_a_time() {
    let world = World::new().await;
    let buyer = PartyId::new();
    let holder = PartyId::new();
    let agreement = world.enter("once", &[(holder, 10_000, 0), (holder, 10_000, 0)], &[buyer]).await;
    let order = PooledOrderId::new();
    let caller = service(world.group);
    let first =
        world.reserve_as(&caller, &reserve_request(&agreement.lots[0].id, order, &[(buyer, 10)])).await.unwrap();
    for lot in &agreement.lots {
        let again = reserve_request(&lot.id, order, &[(buyer, 10)]);
        let refusal = world.reserve_as(&caller, &again).await.unwrap_err();
        assert_eq!(
            (refusal.reason(), &refusal.metadata()["order"]),
            ("ORDER_ALREADY_RESERVED".to_owned(), &order.to_string())
        );
    }
    assert_eq!(figures(&world.lot(&agreement.id).await), (10, 0, 9_990), "a refusal leaves nothing behind");
    world.release(&first.reservation.unwrap().id, 10).await.unwrap();
    world.reserve_as(&caller, &reserve_request(&agreement.lots[1].id, order, &[(buyer, 10)])).await.unwrap();
}

#[tokio::test]
async fn faulty_reservations_are_refused_with_every_field() {
    let world = World::new().await;
    let buyer = PartyId::new();
    let agreement = world.enter("faults", &[(PartyId::new(), 10_000, 0)], &[buyer]).await;
    let lot = agreement.lots[0].id.clone();
    assert_eq!(faulty_fields(world.reserve(&lot, &[(buyer, 5), (buyer, 5)]).await), ["shares[1].party_id"]);
    assert_eq!(faulty_fields(world.reserve("lot_1", &[(buyer, 0)]).await), ["lot_id", "shares"]);
    assert_eq!(faulty_fields(world.reserve(&lot, &[(buyer, -1)]).await), ["shares[0].amount_cents"]);
    assert_eq!(faulty_fields(world.release("rsv_1", 0).await), ["reservation_id", "amount_cents"]);
    assert_eq!(reason(world.reserve(&kit::id::LotId::new().to_string(), &[(buyer, 1)]).await), "NOT_FOUND");
    assert_eq!(reason(world.confirm(&kit::id::ReservationId::new().to_string()).await), "NOT_FOUND");
    let person = world.officer();
    let request = reserve_request(&lot, PooledOrderId::new(), &[(buyer, 1)]);
    assert_eq!(reason(world.app.reserve(&person, request).await), "ROLE_NOT_ALLOWED");
}

#[tokio::test]
async fn facts_of_yesterday_reserve_nothing() {
    let world = World::new().await;
    let buyer = PartyId::new();
    let agreement = world.enter("midnight", &[(PartyId::new(), 10_000, 0)], &[buyer]).await;
    let request = reserve_request(&agreement.lots[0].id, PooledOrderId::new(), &[(buyer, 1)]);
    let wanted = tendering::convert::wanted_from_proto(&request).unwrap();
    let mut facts = world.facts(&[buyer]);
    facts.on = world.day(-1);
    let refusal = world.app.reserve_knowing(&service(world.group), &request, &wanted, &facts).await.unwrap_err();
    assert!(refusal.is_transient(), "{refusal}");
    assert_eq!(figures(&world.lot(&agreement.id).await), (0, 0, 10_000));
}

#[tokio::test]
async fn a_long_mixed_run_keeps_counters_equal_to_live_reservations() {
    let world = World::new().await;
    let buyer = PartyId::new();
    let agreement = world.enter("mixed", &[(PartyId::new(), 5_000, 700)], &[buyer]).await;
    let lot = agreement.lots[0].id.clone();
    let mut held: Vec<String> = Vec::new();
    let mut dice = 12_345_u64;
    let mut roll = |sides: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % sides
    };
    let mut refused = 0;
    for _ in 0..150 {
        let amount = i64::try_from(roll(900)).unwrap() + 1;
        let outcome = match (roll(3), held.is_empty()) {
            (0, _) | (_, true) => match world.reserve(&lot, &[(buyer, amount)]).await {
                Ok(answer) => {
                    held.push(answer.reservation.unwrap().id);
                    Ok(())
                }
                Err(failure) => Err(failure),
            },
            (1, _) => {
                let which = usize::try_from(roll(held.len() as u64)).unwrap();
                world.confirm(&held[which]).await.map(drop)
            }
            (_, _) => {
                let which = usize::try_from(roll(held.len() as u64)).unwrap();
                world.release(&held[which], amount).await.map(drop)
            }
        };
        if let Err(failure) = outcome {
            let known = ["CEILING_EXCEEDED", "RESERVATION_RELEASED", "RELEASE_EXCEEDS_HELD"];
            assert!(known.contains(&failure.reason().as_str()), "{failure}");
            refused += 1;
        }
        let (reserved, consumed): (i64, i64) = sqlx::query_as(
            "SELECT coalesce(sum(amount_cents) FILTER (WHERE state = 'RESERVED'), 0)::bigint,
                    coalesce(sum(amount_cents) FILTER (WHERE state = 'CONFIRMED'), 0)::bigint FROM reservation",
        )
        .fetch_one(&mut world.test.superuser().await)
        .await
        .unwrap();
        assert_eq!(figures(&world.lot(&agreement.id).await), (reserved, consumed, 5_000 - 700 - reserved - consumed));
        assert!(700 + reserved + consumed <= 5_000);
    }
    assert!(refused > 10 && held.len() > 10, "the run met both: {refused} refused, {} held", held.len());
}

#[tokio::test]
async fn several_in_one_transaction_are_each_judged_where_they_stand() {
    let world = World::new().await;
    let (buyer, stranger) = (PartyId::new(), PartyId::new());
    let agreement = world.enter("together", &[(PartyId::new(), 10_000, 0)], &[buyer]).await;
    let lot = agreement.lots[0].id.clone();
    let order = PooledOrderId::new();
    let requests = [
        reserve_request(&lot, order, &[(buyer, 4_000)]),
        reserve_request(&lot, PooledOrderId::new(), &[(buyer, 7_000)]),
        reserve_request(&lot, order, &[(buyer, 1)]),
        reserve_request(&lot, PooledOrderId::new(), &[(stranger, 1)]),
        reserve_request(&lot, PooledOrderId::new(), &[(buyer, 6_000)]),
        reserve_request(&lot, PooledOrderId::new(), &[(buyer, 1)]),
    ];
    let told = |answers: &[Result<pb::ReserveResponse, kit::Failure>]| -> Vec<String> {
        let one = |answer: &Result<pb::ReserveResponse, kit::Failure>| match answer {
            Ok(answer) => format!("{} left", answer.remaining_cents),
            Err(failure) => failure.reason(),
        };
        answers.iter().map(one).collect()
    };
    let answers = world.reserve_together(&requests, &[buyer]).await;
    let expected =
        ["6000 left", "CEILING_EXCEEDED", "ORDER_ALREADY_RESERVED", "NOT_ENTITLED", "0 left", "CEILING_EXCEEDED"];
    assert_eq!(told(&answers), expected);
    assert_eq!(figures(&world.lot(&agreement.id).await), (10_000, 0, 0));
    assert_eq!(world.events("tendering.ceiling_reserved.v1").await, 2);
    // All again: what was done is answered as it was, what was refused is judged again.
    let again = world.reserve_together(&requests, &[buyer]).await;
    assert_eq!(
        (again[0].as_ref().unwrap(), again[4].as_ref().unwrap()),
        (answers[0].as_ref().unwrap(), answers[4].as_ref().unwrap())
    );
    assert_eq!(figures(&world.lot(&agreement.id).await), (10_000, 0, 0));
    assert_eq!(world.events("tendering.ceiling_reserved.v1").await, 2);
}

#[tokio::test]
async fn replicas_that_reserve_the_same_at_once_have_one_effect_and_equal_answers() {
    let world = Arc::new(World::new().await);
    let buyer = PartyId::new();
    let agreement = world.enter("replicas", &[(PartyId::new(), 1_000_000, 0)], &[buyer]).await;
    let lot = agreement.lots[0].id.clone();
    let requests: Arc<Vec<pb::ReserveRequest>> =
        Arc::new((0..20).map(|_| reserve_request(&lot, PooledOrderId::new(), &[(buyer, 100)])).collect());
    let mut calls = JoinSet::new();
    for replica in 0..4 {
        let (world, requests) = (world.clone(), requests.clone());
        calls.spawn(async move {
            let mut turned = requests.to_vec();
            turned.rotate_left(replica * 5);
            let mut answers: Vec<pb::ReserveResponse> =
                world.reserve_together(&turned, &[buyer]).await.into_iter().map(Result::unwrap).collect();
            answers.rotate_right(replica * 5);
            answers
        });
    }
    let all = calls.join_all().await;
    assert!(all.iter().all(|answers| *answers == all[0]));
    assert_eq!(figures(&world.lot(&agreement.id).await), (2_000, 0, 998_000));
    assert_eq!(world.events("tendering.ceiling_reserved.v1").await, 20);
}
