//! One group never sees another's rows; a party sees what concerns it, across groups; Postgres refuses what the code must not do.

use kit::{
    Caller, Role, Scope,
    id::{GroupId, PartyId, PooledOrderId},
};
use proto::tendering::v1 as pb;
use tendering::convert::AskedEntitlement;

use crate::support::{World, person, reason, request_id, reserve_request, service};

async fn list(world: &World, caller: &Caller) -> Vec<(String, Vec<i32>)> {
    let answer = world.app.list_agreements(caller, pb::ListAgreementsRequest::default()).await.unwrap();
    let lots = |agreement: &pb::Agreement| agreement.lots.iter().map(|lot| lot.number).collect();
    answer.agreements.iter().map(|agreement| (agreement.id.clone(), lots(agreement))).collect()
}

async fn get(world: &World, caller: &Caller, id: &str) -> Result<pb::Agreement, kit::Failure> {
    let request = pb::GetAgreementRequest { agreement_id: id.to_owned() };
    Ok(world.app.get_agreement(caller, request).await?.agreement.unwrap())
}

#[tokio::test]
async fn another_group_sees_and_moves_nothing() {
    let world = World::new().await;
    let buyer = PartyId::new();
    let agreement = world.enter("k1", &[(PartyId::new(), 5_000, 0)], &[buyer]).await;
    let lot = agreement.lots[0].id.as_str();
    let held = world.reserve(lot, &[(buyer, 100)]).await.unwrap().reservation.unwrap();
    let other = service(GroupId::new());
    assert!(list(&world, &other).await.is_empty());
    assert_eq!(reason(get(&world, &other, &agreement.id).await), "NOT_FOUND");
    let reserve = reserve_request(lot, PooledOrderId::new(), &[(buyer, 1)]);
    assert_eq!(reason(world.reserve_as(&other, &reserve).await), "NOT_FOUND");
    let reservation_id = held.id.clone();
    let confirm = pb::ConfirmReservationRequest { request_id: request_id(), reservation_id };
    assert_eq!(reason(world.app.confirm_reservation(&other, confirm).await), "NOT_FOUND");
    let release = pb::ReleaseReservationRequest { request_id: request_id(), reservation_id: held.id, amount_cents: 1 };
    assert_eq!(reason(world.app.release_reservation(&other, release).await), "NOT_FOUND");
    let lot_id = lot.parse().unwrap();
    let check = world
        .app
        .check_entitlements_knowing(&other, &[AskedEntitlement::any(buyer, lot_id)], &world.facts(&[buyer]))
        .await;
    assert_eq!(reason(check), "NOT_FOUND");
    assert_eq!(world.lot(&agreement.id).await.reserved_cents, 100);
}

#[tokio::test]
async fn a_supplier_sees_the_lots_it_holds_in_every_group_and_no_rivals() {
    let world = World::new().await;
    let (holder, rival, buyer, other_group) = (PartyId::new(), PartyId::new(), PartyId::new(), GroupId::new());
    let shared = world.enter("k1", &[(holder, 5_000, 0), (rival, 5_000, 0)], &[buyer]).await;
    let rivals = world.enter("k2", &[(rival, 5_000, 0)], &[buyer]).await;
    let elsewhere = world.agreement("k3", &[(rival, 5_000, 0), (holder, 5_000, 0)], &[]);
    let elsewhere = world.enter_in(other_group, elsewhere).await.unwrap();
    let supplier = person(Scope::Party(holder), holder, Role::Supplier);
    assert_eq!(list(&world, &supplier).await, [(shared.id.clone(), vec![1]), (elsewhere.id.clone(), vec![2])]);
    let answer = world.app.list_agreements(&supplier, pb::ListAgreementsRequest::default()).await.unwrap();
    assert_eq!(answer.group_ids, [world.group.to_string(), other_group.to_string()]);
    let seen = get(&world, &supplier, &shared.id).await.unwrap();
    assert_eq!((seen.lots.len(), seen.lots[0].holder_id.clone()), (1, holder.to_string()));
    assert_eq!(seen.beneficiaries.len(), 1, "a holder knows who may order");
    assert_eq!(reason(get(&world, &supplier, &rivals.id).await), "NOT_FOUND");
    let stranger = PartyId::new();
    assert!(list(&world, &person(Scope::Party(stranger), stranger, Role::Supplier)).await.is_empty());
    let in_group = person(Scope::Group(world.group), holder, Role::Supplier);
    assert_eq!(reason(get(&world, &in_group, &shared.id).await), "ROLE_NOT_ALLOWED");
    let operator = person(Scope::Party(holder), holder, Role::PlatformOperator);
    assert_eq!(reason(get(&world, &operator, &shared.id).await), "ROLE_NOT_ALLOWED");
}

#[tokio::test]
async fn a_hospital_of_two_groups_has_one_list() {
    let world = World::new().await;
    let (holder, hospital, neighbour, other_group) = (PartyId::new(), PartyId::new(), PartyId::new(), GroupId::new());
    let here = world.enter("k1", &[(holder, 5_000, 0), (holder, 100, 0)], &[hospital, neighbour]).await;
    world.enter("k2", &[(holder, 5_000, 0)], &[neighbour]).await;
    let there = world.agreement("k1", &[(holder, 5_000, 0)], &[hospital]);
    let there = world.enter_in(other_group, there).await.unwrap();
    let requester = person(Scope::Party(hospital), hospital, Role::MemberRequester);
    assert_eq!(list(&world, &requester).await, [(here.id.clone(), vec![1, 2]), (there.id, vec![1])]);
    let seen = get(&world, &requester, &here.id).await.unwrap();
    let named: Vec<String> = seen.beneficiaries.into_iter().map(|beneficiary| beneficiary.party_id).collect();
    assert_eq!(named, [hospital.to_string()]);
}

#[tokio::test]
async fn a_party_session_writes_nothing() {
    let world = World::new().await;
    let buyer = PartyId::new();
    let agreement = world.enter("k1", &[(PartyId::new(), 5_000, 0)], &[buyer]).await;
    let caller = Caller::service("demand", Scope::Party(buyer));
    let request = reserve_request(&agreement.lots[0].id, PooledOrderId::new(), &[(buyer, 1)]);
    assert_eq!(reason(world.reserve_as(&caller, &request).await), "WRONG_SESSION");
    let mut app = world.test.app().await;
    sqlx::query("SELECT set_config('app.party_id', $1, false)")
        .bind(buyer.uuid().to_string())
        .execute(&mut app)
        .await
        .unwrap();
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM tendering.ceiling").fetch_one(&mut app).await.unwrap();
    assert_eq!(seen, 1);
    let changed = sqlx::query("UPDATE tendering.ceiling SET consumed_cents = 1").execute(&mut app).await.unwrap();
    assert_eq!(changed.rows_affected(), 0);
}

#[tokio::test]
async fn postgres_refuses_what_the_code_must_never_do() {
    let world = World::new().await;
    let buyer = PartyId::new();
    let agreement = world.enter("k1", &[(PartyId::new(), 5_000, 1_000)], &[buyer]).await;
    world.reserve(&agreement.lots[0].id, &[(buyer, 500)]).await.unwrap();
    let mut app = world.test.app().await;
    let group = world.group.uuid().to_string();
    sqlx::query("SELECT set_config('app.group_id', $1, false), set_config('search_path', 'tendering', false)")
        .bind(&group)
        .execute(&mut app)
        .await
        .unwrap();
    let refusals = [
        ("UPDATE ceiling SET reserved_cents = 4001", "ceiling_not_passed"),
        ("UPDATE ceiling SET consumed_cents = -1", "ceiling_consumed_cents_check"),
        ("UPDATE reservation SET state = 'RELEASED'", "reservation_released_is_empty"),
        ("UPDATE reservation SET state = 'GONE'", "reservation_state_check"),
        ("UPDATE reservation SET amount_cents = 501", "reservation_check"),
        ("UPDATE reservation_share SET reason = NULL", "reservation_share_has_reason"),
        ("UPDATE agreement SET ends_on = starts_on - 1", "agreement_period"),
        ("UPDATE lot SET number = 0", "lot_number_check"),
    ];
    for (sql, constraint) in refusals {
        let error = sqlx::query(sql).execute(&mut app).await.unwrap_err();
        let violated = error.as_database_error().and_then(|error| error.constraint());
        assert_eq!(violated, Some(constraint), "{sql}: {error}");
    }
    for sql in [
        "DELETE FROM reservation",
        "DELETE FROM ceiling",
        "DELETE FROM legal_rule",
        "UPDATE legal_rule SET article = 'x'",
    ] {
        let error = sqlx::query(sql).execute(&mut app).await.unwrap_err();
        assert_eq!(error.as_database_error().unwrap().code().unwrap(), "42501", "{sql}");
    }
    let moved = sqlx::query("UPDATE lot SET group_id = gen_random_uuid()").execute(&mut app).await.unwrap_err();
    assert_eq!(moved.as_database_error().unwrap().code().unwrap(), "42501", "WITH CHECK: {moved}");
}

#[tokio::test]
async fn every_table_but_the_rules_of_law_is_under_row_level_security() {
    let world = World::new().await;
    let open: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class
         WHERE relnamespace = 'tendering'::regnamespace AND relkind IN ('r', 'p') AND NOT relrowsecurity ORDER BY relname",
    )
    .fetch_all(&mut world.test.superuser().await)
    .await
    .unwrap();
    assert_eq!(open, ["_foundation_migrations", "_migrations", "legal_rule"]);
}
