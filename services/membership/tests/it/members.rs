//! Members and their sites.

use kit::{Caller, Role, Scope, id::GroupId};
use proto::{
    common::v1::Page,
    membership::v1::{
        AddMembersRequest, BuyerStatus, GroupForm, ListMembersRequest, ListSitesRequest, Member, MemberKind, Party,
        PartyKind,
    },
};

use crate::support::{World, as_party, gateway, hospital, in_group, member, other, reason, refusal, request_id, site};

fn add(members: Vec<Member>) -> AddMembersRequest {
    AddMembersRequest { request_id: request_id(), members }
}

async fn on(world: &World, caller: &Caller, day: &str) -> Vec<String> {
    let request = ListMembersRequest { on: day.into(), ..ListMembersRequest::default() };
    world.app.list_members(caller, request).await.unwrap().members.into_iter().map(|member| member.name).collect()
}

#[tokio::test]
async fn members_are_those_of_the_day_with_the_facts_of_their_party() {
    let world = World::new().await;
    let known = Party { siret: "73282932000074".into(), buyer_status: BuyerStatus::Unknown.into(), ..hospital("a") };
    let ids = world.parties(vec![known, hospital("b")]).await;
    let group = world.group("g", GroupForm::Ght, &ids[0], "").await;
    let officer = in_group(&group, Some(&ids[0]), Role::PurchasingOfficer);
    let associate = Member { kind: MemberKind::Associate.into(), ..member("key:b", "2026-03-01", "2026-03-31") };
    let reply = world.app.add_members(&officer, add(vec![member("key:a", "2026-01-01", ""), associate])).await.unwrap();
    let expected = Member {
        party_id: ids[0].clone(),
        kind: MemberKind::Full.into(),
        valid_from: "2026-01-01".into(),
        valid_to: String::new(),
        name: "Hôpital a".into(),
        siret: "73282932000074".into(),
        buyer_status: BuyerStatus::Unknown.into(),
        member_since: "2026-01-01".into(),
        ..Member::default()
    };
    assert_eq!(reply.members[0], expected);
    assert_eq!(on(&world, &officer, "2025-12-31").await, Vec::<String>::new());
    assert_eq!(on(&world, &officer, "2026-02-28").await, ["Hôpital a"]);
    assert_eq!(on(&world, &officer, "2026-03-01").await, ["Hôpital a", "Hôpital b"]);
    assert_eq!(on(&world, &officer, "2026-03-31").await, ["Hôpital a", "Hôpital b"]);
    assert_eq!(on(&world, &officer, "2026-04-01").await, ["Hôpital a"]);
    let request =
        ListMembersRequest { party_ids: vec![ids[1].clone(), ids[0].clone()], ..ListMembersRequest::default() };
    let today = world.app.list_members(&officer, request).await.unwrap().members;
    assert_eq!(today, [expected], "today, b has left");
}

#[tokio::test]
async fn the_same_first_day_updates_and_another_period_must_not_overlap() {
    let world = World::new().await;
    let (group, ids) = world.group_of("g", &["a", "b"]).await;
    let officer = in_group(&group, Some(&ids[0]), Role::PurchasingOfficer);
    assert_eq!(
        reason(world.app.add_members(&officer, add(vec![member(&ids[1], "2026-06-01", "")])).await),
        "MEMBERSHIP_OVERLAPS"
    );
    let updated = Member { kind: MemberKind::Partner.into(), ..member(&ids[1], "2026-01-01", "2026-05-31") };
    // Ending the present membership makes room for the next one in the same call, in any order.
    world.app.add_members(&officer, add(vec![member(&ids[1], "2026-06-01", ""), updated])).await.unwrap();
    assert_eq!(world.count("SELECT count(*) FROM member").await, 3);
    let request = ListMembersRequest { on: "2026-05-31".into(), party_ids: vec![ids[1].clone()], page: None };
    let members = world.app.list_members(&officer, request).await.unwrap().members;
    assert_eq!(members[0].kind(), MemberKind::Partner);
    assert_eq!(members[0].valid_to, "2026-05-31");
}

#[tokio::test]
async fn overlapping_periods_added_at_once_leave_one_and_the_database_agrees() {
    let world = World::new().await;
    let (group, ids) = world.group_of("g", &["a"]).await;
    let newcomer = world.parties(vec![hospital("b")]).await.remove(0);
    let officer = in_group(&group, Some(&ids[0]), Role::PurchasingOfficer);
    let calls: Vec<_> = (1..=8)
        .map(|day| {
            let (app, officer) = (world.replica(), officer.clone());
            let request = add(vec![member(&newcomer, &format!("2026-02-0{day}"), "")]);
            tokio::spawn(async move { app.add_members(&officer, request).await.map_err(|failure| failure.reason()) })
        })
        .collect();
    let (mut added, mut refused) = (0, 0);
    for call in calls {
        match call.await.unwrap() {
            Ok(_) => added += 1,
            Err(reason) if reason == "MEMBERSHIP_OVERLAPS" => refused += 1,
            Err(reason) => panic!("{reason}"),
        }
    }
    assert_eq!((added, refused), (1, 7));
    let again = sqlx::query("INSERT INTO member SELECT group_id, party_id, valid_from + 100, NULL, kind FROM member")
        .execute(&mut world.test.superuser().await)
        .await
        .unwrap_err();
    assert_eq!(again.as_database_error().unwrap().constraint(), Some("member_periods_do_not_overlap"));
}

#[tokio::test]
async fn faults_of_members_are_told_by_row() {
    let world = World::new().await;
    let (group, ids) = world.group_of("g", &["a"]).await;
    world.parties(vec![other("f", PartyKind::Firm)]).await;
    let officer = in_group(&group, Some(&ids[0]), Role::PurchasingOfficer);
    let bad = vec![
        Member { kind: 0, ..member("a", "2026-01-01", "") },
        member("key:a", "2026-02-02", "2026-02-01"),
        member("key:a", "1/1/2026", ""),
    ];
    let (_, fields) = refusal(world.app.add_members(&officer, add(bad)).await);
    assert_eq!(fields, ["members[0].party_id", "members[0].kind", "members[1].valid_to", "members[2].valid_from"]);
    let bad = vec![
        member("key:f", "2027-01-01", ""),
        member("key:nobody", "2027-01-01", ""),
        member("key:a", "2027-01-01", ""),
        member(&ids[0], "2027-01-01", ""),
    ];
    let (_, fields) = refusal(world.app.add_members(&officer, add(bad)).await);
    assert_eq!(fields, ["members[0].party_id", "members[1].party_id", "members[3].party_id"]);
}

#[tokio::test]
async fn members_are_added_by_an_administrator_or_an_officer_of_the_group() {
    let world = World::new().await;
    let (group, ids) = world.group_of("g", &["a"]).await;
    let newcomer = || add(vec![member("key:a", "2020-01-01", "2020-12-31")]);
    for role in [
        Role::MemberRequester,
        Role::MemberReceiver,
        Role::Supplier,
        Role::PlatformOperator,
        Role::Auditor,
        Role::Service,
    ] {
        assert_eq!(
            reason(world.app.add_members(&in_group(&group, Some(&ids[0]), role), newcomer()).await),
            "ROLE_NOT_ALLOWED"
        );
    }
    assert_eq!(
        reason(world.app.add_members(&as_party(&ids[0], Role::PurchasingOfficer), newcomer()).await),
        "WRONG_SESSION"
    );
    let nowhere = in_group(&GroupId::new().to_string(), None, Role::Administrator);
    assert_eq!(reason(world.app.add_members(&nowhere, newcomer()).await), "NOT_FOUND");
    world.app.add_members(&in_group(&group, None, Role::Administrator), newcomer()).await.unwrap();
}

#[tokio::test]
async fn twenty_identical_additions_have_one_effect() {
    let world = World::new().await;
    let (group, ids) = world.group_of("g", &["a", "b"]).await;
    let before = world.count("SELECT count(*) FROM event").await;
    let (officer, request) = (
        in_group(&group, Some(&ids[0]), Role::PurchasingOfficer),
        add(vec![member("key:b", "2020-01-01", "2020-12-31")]),
    );
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (app, officer, request) = (world.app.clone(), officer.clone(), request.clone());
            tokio::spawn(async move { app.add_members(&officer, request).await.unwrap() })
        })
        .collect();
    let mut replies = Vec::new();
    for call in calls {
        replies.push(call.await.unwrap());
    }
    assert!(replies.iter().all(|reply| *reply == replies[0]));
    assert_eq!(world.count("SELECT count(*) FROM event").await, before + 1);
    assert_eq!(world.count("SELECT count(*) FROM event WHERE group_id = (SELECT group_id FROM buying_group)").await, 2);
}

#[tokio::test]
async fn who_acts_for_one_member_sees_that_one() {
    let world = World::new().await;
    let (group, ids) = world.group_of("g", &["a", "b", "c"]).await;
    world.sites(vec![site("a-1", "a"), site("b-1", "b")]).await;
    for role in [Role::PurchasingOfficer, Role::Auditor, Role::Service] {
        assert_eq!(on(&world, &in_group(&group, Some(&ids[1]), role), "").await.len(), 3, "{role:?}");
    }
    for role in [Role::MemberRequester, Role::MemberReceiver] {
        let caller = in_group(&group, Some(&ids[1]), role);
        assert_eq!(on(&world, &caller, "").await, ["Hôpital b"], "{role:?}");
        let request = ListMembersRequest { party_ids: ids.clone(), ..ListMembersRequest::default() };
        assert_eq!(world.app.list_members(&caller, request).await.unwrap().members.len(), 1);
        let sites = world.app.list_sites(&caller, ListSitesRequest::default()).await.unwrap().sites;
        assert_eq!(sites.into_iter().map(|site| site.key).collect::<Vec<_>>(), ["b-1"]);
    }
    assert_eq!(
        reason(world.app.list_members(&in_group(&group, None, Role::Supplier), ListMembersRequest::default()).await),
        "WRONG_SESSION"
    );
}

#[tokio::test]
async fn members_and_sites_come_in_pages() {
    let world = World::new().await;
    let (group, ids) = world.group_of("g", &["a", "b", "c", "d", "e"]).await;
    world.sites((0..5).map(|n| site(&format!("s-{n}"), ["a", "b", "c", "d", "e"][n])).collect()).await;
    let officer = in_group(&group, Some(&ids[0]), Role::PurchasingOfficer);
    let (mut members, mut after) = (Vec::new(), String::new());
    loop {
        let request = ListMembersRequest { page: Some(Page { size: 2, after }), ..ListMembersRequest::default() };
        let reply = world.app.list_members(&officer, request).await.unwrap();
        members.extend(reply.members.into_iter().map(|member| member.party_id));
        after = reply.next_after;
        if after.is_empty() {
            break;
        }
    }
    let mut sorted = ids.clone();
    sorted.sort();
    assert_eq!(members, sorted);
    let (mut sites, mut after) = (Vec::new(), String::new());
    loop {
        let request = ListSitesRequest { page: Some(Page { size: 2, after }), party_id: String::new() };
        let reply = world.app.list_sites(&officer, request).await.unwrap();
        sites.extend(reply.sites.into_iter().map(|site| site.key));
        after = reply.next_after;
        if after.is_empty() {
            break;
        }
    }
    sites.sort();
    assert_eq!(sites.join(" "), "s-0 s-1 s-2 s-3 s-4");
}

#[tokio::test]
async fn sites_are_those_of_a_party_or_of_todays_members() {
    let world = World::new().await;
    let (group, ids) = world.group_of("g", &["a", "b"]).await;
    let strangers = world.parties(vec![hospital("x"), hospital("y")]).await;
    world.sites(vec![site("a-1", "a"), site("b-1", "b"), site("x-1", "x"), site("y-1", "y")]).await;
    world.members(&group, vec![member(&strangers[0], "2020-01-01", "2020-12-31")]).await;
    let keys = async |caller: Caller, party: &str| {
        let request = ListSitesRequest { party_id: party.into(), page: None };
        let reply = world.app.list_sites(&caller, request).await.map_err(|failure| failure.reason());
        reply.map(|reply| reply.sites.into_iter().map(|site| site.key).collect::<Vec<_>>().join(" "))
    };
    let officer = in_group(&group, Some(&ids[0]), Role::PurchasingOfficer);
    assert_eq!(keys(officer.clone(), "").await.as_deref(), Ok("a-1 b-1"), "x has left, y never was there");
    assert_eq!(keys(officer, &strangers[1]).await.as_deref(), Ok("y-1"));
    assert_eq!(keys(as_party(&ids[1], Role::MemberRequester), "").await.as_deref(), Ok("b-1"));
    assert_eq!(keys(gateway(), "").await, Err("WRONG_SESSION".to_owned()));
    assert_eq!(keys(Caller::service("logistics", Scope::Deployment), &ids[0]).await.as_deref(), Ok("a-1"));
}
