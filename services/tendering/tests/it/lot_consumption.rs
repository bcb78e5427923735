//! What members had consumed of lots before they were entered.

use std::{collections::HashMap, sync::Arc};

use kit::{Caller, Role, Scope, id::PartyId};
use proto::tendering::v1 as pb;
use tendering::convert;
use tokio::task::JoinSet;

use crate::support::{World, person, request_id, service};

fn request(world: &World, parts: &[(PartyId, i64)]) -> pb::EnterLotConsumptionRequest {
    let row = |(row, (party, amount_cents)): (i64, &(PartyId, i64))| pb::LotConsumptionInput {
        row,
        agreement: "key:k1".to_owned(),
        lot_number: 1,
        party: party.to_string(),
        amount_cents: *amount_cents,
        as_of: world.today.to_string(),
        source: "tableau de suivi".to_owned(),
    };
    let rows = (1..).zip(parts).map(row).collect();
    pb::EnterLotConsumptionRequest { request_id: request_id(), rows, dry_run: false, errors: Vec::new() }
}

async fn enter(world: &World, request: &pb::EnterLotConsumptionRequest) -> pb::EnterLotConsumptionResponse {
    let (rows, wrong) = convert::lot_consumption_from_proto(request).unwrap();
    let parties: HashMap<String, PartyId> =
        rows.iter().map(|row| (row.party.clone(), row.party.parse().unwrap())).collect();
    let officer = Caller { subject: "prs_officer".into(), ..world.officer() };
    world.app.enter_lot_consumption_knowing(&officer, request, &rows, wrong, &parties).await.unwrap()
}

#[tokio::test]
async fn twenty_times_at_once_the_members_of_a_lot_are_entered_once_and_each_sees_its_own() {
    let world = Arc::new(World::new().await);
    let (brest, quimper) = (PartyId::new(), PartyId::new());
    let agreement = world.enter("k1", &[(PartyId::new(), 5_000, 1_000)], &[brest, quimper]).await;
    let same = request(&world, &[(brest, 700), (quimper, 300)]);
    let mut calls = JoinSet::new();
    for number in 0..20 {
        let world = world.clone();
        // Half of them under another request id: the rows are the same.
        let request = if number % 2 == 0 { same.clone() } else { request(&world, &[(quimper, 300), (brest, 700)]) };
        calls.spawn(async move { enter(&world, &request).await });
    }
    let answers = calls.join_all().await;
    assert!(answers.iter().all(|answer| answer.errors.is_empty() && answer.added + answer.unchanged == 2));
    assert_eq!(world.events("tendering.lot_consumption_entered.v1").await, 1);
    let shown = world.lot(&agreement.id).await.opening_by_member;
    assert_eq!(shown.iter().map(|member| member.amount_cents).sum::<i64>(), 1_000);
    let requester = person(Scope::Group(world.group), brest, Role::MemberRequester);
    let list = async |caller: &Caller| {
        world.app.list_lot_consumption(caller, pb::ListLotConsumptionRequest::default()).await.unwrap().rows
    };
    let own = list(&requester).await;
    assert_eq!(own.len(), 1);
    assert_eq!(own[0].consumption.as_ref().unwrap().party_id, brest.to_string());
    assert_eq!(list(&service(world.group)).await.len(), 2);
    let elsewhere = person(Scope::Group(kit::id::GroupId::new()), brest, Role::PurchasingOfficer);
    assert!(list(&elsewhere).await.is_empty());
}

#[tokio::test]
async fn another_sum_and_a_dry_run_change_nothing() {
    let world = World::new().await;
    let (brest, stranger) = (PartyId::new(), PartyId::new());
    let agreement = world.enter("k1", &[(PartyId::new(), 5_000, 1_000)], &[brest]).await;
    let short = enter(&world, &request(&world, &[(brest, 999)])).await;
    assert!(short.added == 0 && short.errors[0].problem.contains("9,99"), "{short:?}");
    let unnamed = enter(&world, &request(&world, &[(stranger, 1_000)])).await;
    assert!(unnamed.errors[0].problem.contains("R2162-6"), "{unnamed:?}");
    let dry = pb::EnterLotConsumptionRequest { dry_run: true, ..request(&world, &[(brest, 1_000)]) };
    assert_eq!(enter(&world, &dry).await.added, 1, "what would happen");
    assert!(world.lot(&agreement.id).await.opening_by_member.is_empty());
    assert_eq!(world.events("tendering.lot_consumption_entered.v1").await, 0);
}
