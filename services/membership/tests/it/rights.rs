//! Delegations of signature, dated statuses and identities, and what happens to members.

use kit::{Caller, Role};
use proto::membership::v1::{self as pb, Act, BuyerStatus, GroupForm, ListMembersRequest, MemberChangeKind};

use crate::support::{World, administrator, hospital, in_group, member, other, reason, refusal, request_id};

fn to_party(party: &str, acts: &[Act], limit: Option<i64>, from: &str, to: &str) -> pb::Delegation {
    pb::Delegation {
        to_party_id: party.into(),
        acts: acts.iter().map(|act| (*act).into()).collect(),
        amount_max_cents: limit,
        valid_from: from.into(),
        valid_to: to.into(),
        evidence: "Décision 2026-12 du directeur".into(),
        ..pb::Delegation::default()
    }
}

fn record(delegation: pb::Delegation) -> pb::RecordDelegationRequest {
    pb::RecordDelegationRequest { request_id: request_id(), delegation: Some(delegation) }
}

async fn recorded(world: &World, caller: &Caller, delegation: pb::Delegation) -> pb::Delegation {
    world.app.record_delegation(caller, record(delegation)).await.unwrap().delegation.unwrap()
}

async fn listed(world: &World, caller: &Caller, on: &str, in_force_only: bool) -> Vec<pb::Delegation> {
    let request = pb::ListDelegationsRequest { on: on.into(), in_force_only, ..pb::ListDelegationsRequest::default() };
    let answer = world.app.list_delegations(caller, request).await.unwrap();
    assert_eq!(answer.source, "CSP L6143-7 et D6143-33 à D6143-35");
    answer.delegations
}

/// Last day for which nobody is too late.
const FAR: &str = "2099-12-31";

#[tokio::test]
async fn a_delegation_is_given_by_the_acting_party_listed_and_revoked_once() {
    let world = World::new().await;
    let (group, ids) = world.group_of("g", &["a", "b", "c"]).await;
    let officer = in_group(&group, Some(&ids[0]), Role::PurchasingOfficer);
    let given = recorded(&world, &officer, to_party("key:b", &[Act::Order], Some(500), "2026-01-01", FAR)).await;
    assert_eq!((&given.delegator_party_id, &given.to_party_id), (&ids[0], &ids[1]));
    assert!(given.in_force && given.effective_max_cents == Some(500));
    for (party, seen) in [(&ids[0], 1), (&ids[1], 1), (&ids[2], 0)] {
        let requester = in_group(&group, Some(party), Role::MemberRequester);
        assert_eq!(
            listed(&world, &requester, "", false).await.len(),
            seen,
            "gave it, holds it, has nothing to do with it"
        );
    }
    assert!(listed(&world, &officer, "2025-12-31", true).await.is_empty(), "not yet");
    let revoke = |from: &str| pb::RevokeDelegationRequest {
        request_id: request_id(),
        delegation_id: given.id.clone(),
        from: from.into(),
        reason: "Départ".into(),
    };
    let holder = in_group(&group, Some(&ids[1]), Role::PurchasingOfficer);
    assert_eq!(reason(world.app.revoke_delegation(&holder, revoke("")).await), "DELEGATION_OF_ANOTHER");
    assert_eq!(refusal(world.app.revoke_delegation(&officer, revoke("2026-01-01")).await).1, ["from"]);
    let request = revoke("");
    let ended = world.app.revoke_delegation(&officer, request.clone()).await.unwrap();
    assert!(!ended.delegation.as_ref().unwrap().in_force, "from today on");
    assert_eq!(
        world.app.revoke_delegation(&officer, request).await.unwrap(),
        ended,
        "the same request, the same answer"
    );
    assert_eq!(reason(world.app.revoke_delegation(&officer, revoke("")).await), "DELEGATION_REVOKED");
    assert!(listed(&world, &officer, "2026-02-01", true).await.len() == 1, "what was signed under it stays");
    assert_eq!(world.count("SELECT count(*) FROM event WHERE kind = 'membership.delegation_revoked.v1'").await, 1);
}

#[tokio::test]
async fn recording_twenty_times_at_once_gives_one_delegation() {
    let world = World::new().await;
    let (group, ids) = world.group_of("g", &["a", "b"]).await;
    let officer = in_group(&group, Some(&ids[0]), Role::PurchasingOfficer);
    let request = record(to_party(&ids[1], &[Act::Award], None, "2026-01-01", ""));
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (app, officer, request) = (world.replica(), officer.clone(), request.clone());
            tokio::spawn(async move { app.record_delegation(&officer, request).await.unwrap().delegation.unwrap().id })
        })
        .collect();
    let mut ids = std::collections::BTreeSet::new();
    for call in calls {
        ids.insert(call.await.unwrap());
    }
    assert_eq!((ids.len(), world.count("SELECT count(*) FROM delegation").await), (1, 1));
}

#[tokio::test]
async fn faults_of_a_delegation_are_told_and_nobody_gives_what_is_not_its_own() {
    let world = World::new().await;
    let (group, ids) = world.group_of("g", &["a", "b"]).await;
    let strangers = world.parties(vec![hospital("x"), other("f", proto::membership::v1::PartyKind::Firm)]).await;
    let officer = in_group(&group, Some(&ids[0]), Role::PurchasingOfficer);
    let bad = pb::Delegation { amount_max_cents: Some(0), evidence: String::new(), ..to_party("", &[], None, "", "x") };
    let (_, fields) = refusal(world.app.record_delegation(&officer, record(bad)).await);
    let expected = ["to_party_id", "acts", "amount_max_cents", "valid_from", "valid_to", "evidence"];
    assert_eq!(fields, expected.map(|field| format!("delegation.{field}")));
    for (to, field) in [(&strangers[1], "to_party_id"), (&ids[0], "to_party_id")] {
        let (_, fields) = refusal(
            world.app.record_delegation(&officer, record(to_party(to, &[Act::Order], None, "2026-01-01", ""))).await,
        );
        assert_eq!(fields, [format!("delegation.{field}")]);
    }
    let past = to_party(&ids[1], &[Act::Order], None, "2020-01-01", "2020-12-31");
    assert_eq!(refusal(world.app.record_delegation(&officer, record(past)).await).1, ["delegation.valid_to"]);
    let stranger = in_group(&group, Some(&strangers[0]), Role::PurchasingOfficer);
    let fine = to_party(&ids[1], &[Act::Order], None, "2026-01-01", "");
    let refused = refusal(world.app.record_delegation(&stranger, record(fine.clone())).await);
    assert_eq!(refused.1, ["delegation.delegator_party_id"]);
    for role in [Role::MemberRequester, Role::MemberReceiver, Role::Auditor, Role::Administrator] {
        let caller = in_group(&group, Some(&ids[0]), role);
        assert_eq!(reason(world.app.record_delegation(&caller, record(fine.clone())).await), "ROLE_NOT_ALLOWED");
    }
    assert_eq!(world.count("SELECT count(*) FROM delegation").await, 0);
}

#[tokio::test]
async fn a_replacement_lies_within_what_it_stands_in_for_and_ends_with_it() {
    let world = World::new().await;
    let (group, ids) = world.group_of("g", &["a", "b", "c"]).await;
    let officer = in_group(&group, Some(&ids[0]), Role::PurchasingOfficer);
    let given = recorded(&world, &officer, to_party(&ids[1], &[Act::Order], Some(500), "2026-01-01", FAR)).await;
    let stand_in = |delegation| pb::Delegation { stands_in_for: given.id.clone(), ..delegation };
    let beyond = stand_in(to_party(&ids[2], &[Act::Order, Act::Award], Some(501), "2025-12-31", ""));
    let (_, fields) = refusal(world.app.record_delegation(&officer, record(beyond)).await);
    let expected = ["valid_to", "acts", "amount_max_cents", "valid_from", "valid_to"];
    assert_eq!(fields, expected.map(|field| format!("delegation.{field}")));
    let within = stand_in(to_party(&ids[2], &[Act::Order], None, "2026-01-01", FAR));
    let (_, fields) = refusal(world.app.record_delegation(&officer, record(within.clone())).await);
    assert_eq!(fields, ["delegation.amount_max_cents"], "no limit is more than 500");
    let within = pb::Delegation { amount_max_cents: Some(400), ..within };
    let replacement = recorded(&world, &officer, within).await;
    assert!(replacement.in_force && replacement.effective_max_cents == Some(400));
    let revoke = pb::RevokeDelegationRequest {
        request_id: request_id(),
        delegation_id: given.id.clone(),
        from: String::new(),
        reason: "Fin de fonctions".into(),
    };
    world.app.revoke_delegation(&officer, revoke).await.unwrap();
    let all = listed(&world, &officer, "", false).await;
    assert!(all.len() == 2 && all.iter().all(|one| !one.in_force), "the replacement ended with it: {all:?}");
    assert!(listed(&world, &officer, "", true).await.is_empty());
}

async fn status_on(world: &World, group: &str, day: &str) -> (BuyerStatus, String, String) {
    let caller = in_group(group, None, Role::Auditor);
    let request = ListMembersRequest { on: day.into(), ..ListMembersRequest::default() };
    let one = world.app.list_members(&caller, request).await.unwrap().members.remove(0);
    (one.buyer_status(), one.name, one.siret)
}

#[tokio::test]
async fn a_status_and_an_identity_hold_from_their_day_on_and_the_past_stays() {
    let world = World::new().await;
    let (group, ids) = world.group_of("g", &["a"]).await;
    let status = |status: BuyerStatus, from: &str| pb::RecordBuyerStatusRequest {
        request_id: request_id(),
        party_id: "key:a".into(),
        valid_from: from.into(),
        status: status.into(),
        evidence: "Avis juridique".into(),
    };
    let (app, admin) = (&world.app, administrator());
    app.record_buyer_status(&administrator(), status(BuyerStatus::Unknown, "2026-03-01")).await.unwrap();
    let again = app.record_buyer_status(&administrator(), status(BuyerStatus::AssertedNot, "2026-03-01")).await;
    assert_eq!(reason(again), "NOT_LATER");
    let known = app.record_buyer_status(&admin, status(BuyerStatus::PrivateContractingAuthority, "2026-06-01"));
    let statuses: Vec<_> =
        known.await.unwrap().statuses.into_iter().map(|dated| (dated.status(), dated.valid_from)).collect();
    assert_eq!(
        statuses,
        [
            (BuyerStatus::PrivateContractingAuthority, "2026-06-01".to_owned()),
            (BuyerStatus::Unknown, "2026-03-01".to_owned()),
            (BuyerStatus::PublicLaw, String::new()),
        ]
    );
    let identity = |siret: &str, name: &str| pb::RecordIdentityRequest {
        request_id: request_id(),
        party_id: ids[0].clone(),
        valid_from: "2026-06-01".into(),
        siret: siret.into(),
        name: name.into(),
        evidence: "Arrêté de l'ARS".into(),
    };
    app.record_identity(&administrator(), identity("73282932000074", "CH nouveau")).await.unwrap();
    assert_eq!(reason(app.record_identity(&administrator(), identity("73282932000074", "")).await), "NOT_LATER");
    for (day, expected) in [
        ("2026-02-28", (BuyerStatus::PublicLaw, "Hôpital a", "")),
        ("2026-03-01", (BuyerStatus::Unknown, "Hôpital a", "")),
        ("2026-05-31", (BuyerStatus::Unknown, "Hôpital a", "")),
        ("2026-06-01", (BuyerStatus::PrivateContractingAuthority, "CH nouveau", "73282932000074")),
    ] {
        let (status, name, siret) = status_on(&world, &group, day).await;
        assert_eq!((status, name.as_str(), siret.as_str()), expected, "{day}");
    }
    // By its number of now, as it is now.
    let refs = vec!["siret:73282932000074".to_owned()];
    let found = app.batch_get_parties(&administrator(), pb::BatchGetPartiesRequest { refs }).await.unwrap().found;
    let party = found[0].party.as_ref().unwrap();
    assert_eq!((party.name.as_str(), party.buyer_status()), ("CH nouveau", BuyerStatus::PrivateContractingAuthority));
    // A history is added to, not entered anew.
    let anew = proto::membership::v1::Party {
        buyer_status: BuyerStatus::AssertedNot.into(),
        buyer_status_evidence: "x".into(),
        buyer_status_on: "2026-01-01".into(),
        ..hospital("a")
    };
    let request = pb::RegisterPartiesRequest { request_id: request_id(), parties: vec![anew] };
    assert_eq!(refusal(app.register_parties(&administrator(), request).await).1, ["parties[0].buyer_status"]);
}

#[tokio::test]
async fn services_are_told_of_the_ght_beside_the_group_and_of_its_supports_delegation() {
    let world = World::new().await;
    let (ght, ids) = world.group_of("ght", &["support", "party"]).await;
    let gcs = world.group("gcs", GroupForm::GcsMoyens, &ids[0], "").await;
    world.members(&gcs, ids.iter().map(|id| member(id, "2026-01-01", "")).collect()).await;
    let standing = async |group: &str, role: Role| {
        let caller = in_group(group, Some(&ids[0]), role);
        let request = ListMembersRequest { party_ids: ids.clone(), ..ListMembersRequest::default() };
        let members = world.app.list_members(&caller, request).await.unwrap().members;
        let of = |id: &String| members.iter().find(|one| one.party_id == *id).unwrap().ght.clone();
        (of(&ids[0]), of(&ids[1]))
    };
    assert_eq!(standing(&ght, Role::Service).await, (None, None), "under its own GHT's contracts it needs none");
    let (support, party) = standing(&gcs, Role::Service).await;
    assert_eq!(support, None, "the support itself needs none");
    let party = party.unwrap();
    assert_eq!((party.support_name.as_str(), party.delegation), ("Hôpital support", None));
    let officer = in_group(&ght, Some(&ids[0]), Role::PurchasingOfficer);
    recorded(&world, &officer, to_party(&ids[1], &[Act::Order], Some(700), "2026-01-01", FAR)).await;
    recorded(&world, &officer, to_party(&ids[1], &[Act::Award], None, "2026-01-01", FAR)).await;
    let delegation = standing(&gcs, Role::Service).await.1.unwrap().delegation.unwrap();
    assert_eq!(
        (delegation.amount_max_cents, delegation.valid_to.as_str()),
        (Some(700), FAR),
        "only what allows to order"
    );
    assert_eq!(standing(&gcs, Role::Auditor).await, (None, None), "people are not told of other groups");
}

fn change(kind: MemberChangeKind, party: &str, last_day: &str, successor: &str) -> pb::MemberChange {
    pb::MemberChange {
        kind: kind.into(),
        party_id: party.into(),
        last_day: last_day.into(),
        successor_party_id: successor.into(),
        evidence: "Délibération 2026-31".into(),
    }
}

#[tokio::test]
async fn a_member_leaves_and_another_is_taken_over_in_every_group_by_the_same_one() {
    let world = World::new().await;
    let (group, ids) = world.group_of("g", &["a", "b"]).await;
    let heir = world.parties(vec![hospital("heir"), hospital("rival")]).await;
    let service = in_group(&group, None, Role::Service);
    let ask = |change: pb::MemberChange, dry_run| {
        let request = pb::ChangeMemberRequest { request_id: request_id(), change: Some(change), dry_run };
        world.app.change_member(&service, request)
    };
    let leave = change(MemberChangeKind::Leave, &ids[0], FAR, "");
    let shown = ask(leave.clone(), true).await.unwrap();
    assert_eq!(shown.member.as_ref().unwrap().valid_to, FAR);
    assert_eq!(world.count("SELECT count(*) FROM member WHERE valid_to IS NOT NULL").await, 0, "only said");
    assert_eq!(ask(leave.clone(), false).await.unwrap(), shown);
    assert_eq!(refusal(ask(leave, false).await).1, ["change.last_day"], "done already");
    assert_eq!(
        refusal(ask(change(MemberChangeKind::Leave, &ids[1], "2026-01-01", ""), true).await).1,
        ["change.last_day"]
    );

    let merge = change(MemberChangeKind::Merge, &ids[1], "2098-12-31", &heir[0]);
    let merged = ask(merge, false).await.unwrap();
    assert!(merged.successor_joins && merged.successor.unwrap().valid_from == "2099-01-01");
    let request = ListMembersRequest { on: "2099-01-01".into(), party_ids: vec![heir[0].clone()], page: None };
    let told = world.app.list_members(&service, request).await.unwrap().members.remove(0);
    assert_eq!(told.predecessors, [pb::Predecessor { party_id: ids[1].clone(), since: "2099-01-01".into() }]);
    // Elsewhere: the same merger goes on, another one does not.
    let elsewhere = world.group("other", GroupForm::Gie, &ids[0], "").await;
    world.members(&elsewhere, vec![member(&ids[1], "2026-01-01", "")]).await;
    let there = in_group(&elsewhere, None, Role::Service);
    let ask = |successor: &str, last_day: &str| {
        let change = change(MemberChangeKind::Merge, &ids[1], last_day, successor);
        let request = pb::ChangeMemberRequest { request_id: request_id(), change: Some(change), dry_run: false };
        world.app.change_member(&there, request)
    };
    assert_eq!(reason(ask(&heir[1], "2098-12-31").await), "TAKEN_OVER");
    ask(&heir[0], "2098-12-31").await.unwrap();
    assert_eq!(world.count("SELECT count(*) FROM succession").await, 1);
    let person = in_group(&group, Some(&ids[0]), Role::PurchasingOfficer);
    let request = pb::ChangeMemberRequest::default();
    assert_eq!(reason(world.app.change_member(&person, request).await), "ROLE_NOT_ALLOWED", "demand shows it first");
}
