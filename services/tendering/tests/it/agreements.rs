//! Entering agreements and naming beneficiaries.

use std::sync::Arc;

use kit::{
    Failure, Role, Scope,
    id::{AgreementId, PartyId},
};
use proto::tendering::v1 as pb;
use tendering::convert;
use tokio::task::JoinSet;

use crate::support::{World, faulty_fields, person, reason, request_id, service};

#[tokio::test]
async fn an_entered_agreement_reads_back_as_it_was_sent() {
    let world = World::new().await;
    let (holder, buyer) = (PartyId::new(), PartyId::new());
    let mut sent = world.agreement("k1", &[(holder, 5_000, 1_000), (holder, 700, 700)], &[buyer]);
    sent.lots.reverse();
    sent.lots[0].minimum_cents = 600;
    let entered = world.enter_in(world.group, sent.clone()).await.unwrap();
    let request = pb::GetAgreementRequest { agreement_id: entered.id.clone() };
    let read = world.app.get_agreement(&service(world.group), request).await.unwrap().agreement.unwrap();
    assert_eq!(read, entered);
    assert_eq!(
        read.lots.iter().map(|lot| (lot.number, lot.remaining_cents, lot.minimum_cents)).collect::<Vec<_>>(),
        [(1, 4_000, 0), (2, 0, 600)]
    );
    assert_eq!(read.beneficiaries, sent.beneficiaries);
    assert_eq!(
        (read.role, read.tier_basis, &read.source, &read.starts_on),
        (sent.role, sent.tier_basis, &sent.source, &sent.starts_on)
    );
    assert_eq!(world.events("tendering.agreement_entered.v1").await, 1);
}

#[tokio::test]
async fn the_same_agreement_twenty_times_at_once_is_entered_once() {
    let world = Arc::new(World::new().await);
    let agreement = Some(world.agreement("k1", &[(PartyId::new(), 5_000, 0)], &[PartyId::new()]));
    let request = pb::EnterAgreementRequest { request_id: request_id(), agreement };
    let officer = world.officer();
    let mut calls = JoinSet::new();
    for _ in 0..20 {
        let (world, officer, request) = (world.clone(), officer.clone(), request.clone());
        calls.spawn(async move {
            let draft = convert::draft_from_proto(&request).unwrap();
            world.app.enter_agreement_knowing(&officer, &request, draft).await.unwrap()
        });
    }
    let answers = calls.join_all().await;
    assert!(answers.len() == 20 && answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(world.events("tendering.agreement_entered.v1").await, 1);
}

#[tokio::test]
async fn a_key_and_a_number_are_used_once_in_a_group_but_again_in_another() {
    let world = World::new().await;
    let holder = PartyId::new();
    let first = world.agreement("k1", &[(holder, 5_000, 0)], &[]);
    world.enter_in(world.group, first.clone()).await.unwrap();
    let same_number = pb::Agreement { key: "k2".into(), ..first.clone() };
    let same_key = pb::Agreement { number: "AC-2".into(), ..first.clone() };
    for again in [first.clone(), same_number, same_key] {
        assert_eq!(reason(world.enter_in(world.group, again).await), "AGREEMENT_EXISTS");
    }
    world.enter_in(kit::id::GroupId::new(), first).await.unwrap();
}

#[tokio::test]
async fn every_faulty_field_of_an_agreement_is_told_at_once() {
    let world = World::new().await;
    let mut bad = world.agreement("", &[(PartyId::new(), 5_000, 0)], &[PartyId::new()]);
    bad.id = AgreementId::new().to_string();
    bad.role = 0;
    bad.tier_basis = 9;
    bad.starts_on = "2026-1-1".into();
    bad.lots[0].holder_id = "pty_x".into();
    bad.lots[0].number = 0;
    bad.lots[0].maximum_cents = -1;
    bad.lots[0].consumed_cents = 1;
    bad.beneficiaries[0].valid_to = "demain".into();
    assert_eq!(
        faulty_fields(world.enter_in(world.group, bad).await),
        [
            "agreement.id",
            "agreement.key",
            "agreement.role",
            "agreement.tier_basis",
            "agreement.starts_on",
            "agreement.lots[0].consumed_cents",
            "agreement.lots[0].number",
            "agreement.lots[0].maximum_cents",
            "agreement.lots[0].holder_id",
            "agreement.beneficiaries[0].valid_to",
        ]
    );
}

#[tokio::test]
async fn only_an_officer_in_a_group_may_enter_or_add() {
    let world = World::new().await;
    for role in [Role::Auditor, Role::MemberRequester, Role::Supplier, Role::Administrator] {
        let caller = person(Scope::Group(world.group), world.support, role);
        let enter = pb::EnterAgreementRequest::default();
        assert_eq!(reason(world.app.enter_agreement(&caller, enter).await), "ROLE_NOT_ALLOWED");
        let add = pb::AddBeneficiariesRequest::default();
        assert_eq!(reason(world.app.add_beneficiaries(&caller, add).await), "ROLE_NOT_ALLOWED");
    }
    let in_party = person(Scope::Party(world.support), world.support, Role::PurchasingOfficer);
    let enter = pb::EnterAgreementRequest::default();
    assert_eq!(reason(world.app.enter_agreement(&in_party, enter).await), "WRONG_SESSION");
}

async fn add(
    world: &World,
    officer: &kit::Caller,
    agreement: &str,
    beneficiaries: Vec<pb::Beneficiary>,
    members: &[PartyId],
) -> Result<i64, Failure> {
    let agreement_id = agreement.to_owned();
    let request = pb::AddBeneficiariesRequest { request_id: request_id(), agreement_id, beneficiaries };
    let (id, namings, evidence) = convert::beneficiaries_from_proto(&request)?;
    let facts = world.facts(members);
    let named = (namings.as_slice(), evidence.as_slice());
    Ok(world.app.add_beneficiaries_knowing(officer, &request, id, named, &facts).await?.beneficiary_count)
}

#[tokio::test]
async fn beneficiaries_are_added_by_the_awarding_party_from_today_on_and_only_members() {
    let world = World::new().await;
    let (first, second, stranger) = (PartyId::new(), PartyId::new(), PartyId::new());
    let agreement = world.enter("k1", &[(PartyId::new(), 5_000, 0)], &[first]).await;
    let from = |party: PartyId, offset: i64| pb::Beneficiary {
        party_id: party.to_string(),
        valid_from: world.day(offset).to_string(),
        ..Default::default()
    };
    let officer = world.officer();
    let members = [first, second];
    let count = add(&world, &officer, &agreement.id, vec![from(second, 0)], &members).await.unwrap();
    assert_eq!(count, 2);
    assert_eq!(world.events("tendering.beneficiaries_added.v1").await, 1);
    world.reserve(&agreement.lots[0].id, &[(second, 10)]).await.unwrap();

    let again = add(&world, &officer, &agreement.id, vec![from(second, 0)], &members).await;
    assert_eq!(reason(again), "BENEFICIARY_ALREADY_NAMED");
    let bad = vec![from(second, -1), from(stranger, 1), from(second, 101)];
    let fields = faulty_fields(add(&world, &officer, &agreement.id, bad, &members).await);
    assert_eq!(fields, ["beneficiaries[0].valid_from", "beneficiaries[2].valid_from", "beneficiaries[1].party_id"]);
    let elsewhere = person(Scope::Group(world.group), second, Role::PurchasingOfficer);
    let refusal = add(&world, &elsewhere, &agreement.id, vec![from(second, 1)], &members).await.unwrap_err();
    assert_eq!(
        (refusal.reason().as_str(), refusal.metadata()["source"].as_str()),
        ("NOT_THE_AWARDING_PARTY", "CSP L6132-3 I 3° et R6132-16")
    );
    let unknown = AgreementId::new().to_string();
    assert_eq!(reason(add(&world, &officer, &unknown, vec![from(second, 1)], &members).await), "NOT_FOUND");
    assert_eq!(world.events("tendering.beneficiaries_added.v1").await, 1, "refusals leave no event");
}

#[tokio::test]
async fn adding_the_same_beneficiaries_twenty_times_at_once_names_them_once() {
    let world = Arc::new(World::new().await);
    let buyer = PartyId::new();
    let agreement = world.enter("k1", &[(PartyId::new(), 5_000, 0)], &[]).await;
    let named =
        pb::Beneficiary { party_id: buyer.to_string(), valid_from: world.today.to_string(), ..Default::default() };
    let request = pb::AddBeneficiariesRequest {
        request_id: request_id(),
        agreement_id: agreement.id,
        beneficiaries: vec![named],
    };
    let (officer, facts) = (world.officer(), world.facts(&[buyer]));
    let mut calls = JoinSet::new();
    for _ in 0..20 {
        let (world, officer, facts, request) = (world.clone(), officer.clone(), facts.clone(), request.clone());
        calls.spawn(async move {
            let (id, namings, evidence) = convert::beneficiaries_from_proto(&request).unwrap();
            world
                .app
                .add_beneficiaries_knowing(&officer, &request, id, (&namings, &evidence), &facts)
                .await
                .unwrap()
                .beneficiary_count
        });
    }
    assert_eq!(calls.join_all().await, vec![1; 20]);
    assert_eq!(world.events("tendering.beneficiaries_added.v1").await, 1);
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_and_the_day_filters() {
    let world = World::new().await;
    let holder = PartyId::new();
    let mut ids = Vec::new();
    for key in ["a", "b", "c", "d", "e"] {
        ids.push(world.enter(key, &[(holder, 5_000, 0)], &[]).await.id);
    }
    let caller = service(world.group);
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = Some(proto::common::v1::Page { size: 2, after: after.clone() });
        let request = pb::ListAgreementsRequest { in_force_on: String::new(), page };
        let answer = world.app.list_agreements(&caller, request).await.unwrap();
        assert!(answer.agreements.len() <= 2);
        assert_eq!(answer.group_ids, vec![world.group.to_string(); answer.agreements.len()]);
        assert!(
            answer.agreements.iter().all(|agreement| agreement.lots.len() == 1 && agreement.beneficiaries.is_empty())
        );
        seen.extend(answer.agreements.into_iter().map(|agreement| agreement.id));
        after = answer.next_after;
        if after.is_empty() {
            break;
        }
    }
    assert_eq!(seen, ids);
    for (offset, count) in [(-101, 0), (-100, 5), (100, 5), (101, 0)] {
        let request = pb::ListAgreementsRequest { in_force_on: world.day(offset).to_string(), page: None };
        let answer = world.app.list_agreements(&caller, request).await.unwrap();
        assert_eq!(answer.agreements.len(), count, "day {offset}");
    }
    let page = Some(proto::common::v1::Page { size: 501, after: "x".into() });
    let request = pb::ListAgreementsRequest { in_force_on: String::new(), page };
    assert_eq!(faulty_fields(world.app.list_agreements(&world.officer(), request).await), ["page.after", "page.size"]);
}
