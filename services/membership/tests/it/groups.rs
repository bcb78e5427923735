//! Groups and the rules of their forms.

use kit::{Caller, Role};
use proto::{
    common::v1::Page,
    membership::v1::{
        CreateGroupRequest, FormRules, GetGroupRequest, Grant, Group, GroupForm, ListGroupsRequest, PartyKind, Person,
        RegisterPeopleRequest, Role as PersonRole,
    },
};

use crate::support::{
    World, administrator, as_party, gateway, hospital, in_group, member, other, reason, refusal, request_id, site,
};

fn group(key: &str, form: GroupForm, awarding: &str) -> CreateGroupRequest {
    let group = Group {
        key: key.into(),
        name: format!("Groupe {key}"),
        form: form.into(),
        awarding_party_id: awarding.into(),
        ..Group::default()
    };
    CreateGroupRequest { request_id: request_id(), group: Some(group) }
}

async fn names(world: &World, caller: &Caller) -> Vec<String> {
    let reply = world.app.list_groups(caller, ListGroupsRequest { page: None }).await.unwrap();
    reply.groups.into_iter().map(|group| group.name).collect()
}

#[tokio::test]
async fn every_form_has_rules_with_a_source() {
    let world = World::new().await;
    world.parties(vec![hospital("a")]).await;
    for (form, legal_person, awards) in [
        (GroupForm::Ght, false, "SUPPORT"),
        (GroupForm::GcsMoyens, true, "GROUP"),
        (GroupForm::GipCentrale, true, "GROUP"),
        (GroupForm::Gie, true, "GROUP"),
        (GroupForm::GroupementCommandes, false, "COORDINATOR"),
        (GroupForm::Charter, false, "EACH_MEMBER"),
        (GroupForm::Alliance, false, "EACH_MEMBER"),
    ] {
        let created = world
            .app
            .create_group(&administrator(), group(form.as_str_name(), form, "key:a"))
            .await
            .unwrap()
            .group
            .unwrap();
        let rules = created.rules.clone().unwrap();
        assert!(!rules.source.is_empty(), "{form:?}");
        let expected = FormRules {
            legal_person,
            awards: awards.into(),
            orders: "MEMBER".into(),
            receives: "MEMBER".into(),
            pays: "MEMBER".into(),
            ordering_needs_delegation: false,
            source: rules.source.clone(),
        };
        assert_eq!(rules, expected, "{form:?}");
        let read = world
            .app
            .get_group(&in_group(&created.id, None, Role::Auditor), GetGroupRequest {})
            .await
            .unwrap()
            .group
            .unwrap();
        assert_eq!(read, created);
    }
}

#[tokio::test]
async fn the_rules_are_those_of_the_day() {
    let world = World::new().await;
    let (group, _) = world.group_of("g", &["a"]).await;
    world.tamper("UPDATE group_form_rule SET valid_to = '2020-12-31' WHERE form = 'GHT'").await;
    let caller = in_group(&group, None, Role::Auditor);
    let read = world.app.get_group(&caller, GetGroupRequest {}).await.unwrap().group.unwrap();
    assert_eq!(read.rules, None, "no rule is in force");
    world
        .tamper(
            "INSERT INTO group_form_rule (form, valid_from, legal_person, awards, orders, receives, pays, ordering_needs_delegation, source)
             VALUES ('GHT', '2021-01-01', true, 'GROUP', 'GROUP', 'GROUP', 'GROUP', true, 'loi fictive')",
        )
        .await;
    let rules = world.app.get_group(&caller, GetGroupRequest {}).await.unwrap().group.unwrap().rules.unwrap();
    assert_eq!(
        (rules.orders.as_str(), rules.ordering_needs_delegation, rules.source.as_str()),
        ("GROUP", true, "loi fictive")
    );
}

#[tokio::test]
async fn a_group_has_one_key_an_establishment_that_awards_and_a_platforms_site() {
    let world = World::new().await;
    let ids = world.parties(vec![hospital("a"), other("f", PartyKind::Firm), other("p", PartyKind::Platform)]).await;
    let sites = world.sites(vec![site("p-1", "p"), site("a-1", "a")]).await;
    let mut request = group("g", GroupForm::Ght, "key:a");
    request.group.as_mut().unwrap().platform_site_id = "key:p-1".into();
    let created = world.app.create_group(&administrator(), request).await.unwrap().group.unwrap();
    assert_eq!((&created.awarding_party_id, &created.platform_site_id), (&ids[0], &sites[0]));
    assert_eq!(
        reason(world.app.create_group(&administrator(), group("g", GroupForm::Gie, "key:a")).await),
        "GROUP_KEY_TAKEN"
    );

    let mut request = group("h", GroupForm::Ght, "key:f");
    request.group.as_mut().unwrap().platform_site_id = "key:a-1".into();
    let (_, fields) = refusal(world.app.create_group(&administrator(), request).await);
    assert_eq!(fields, ["group.awarding_party_id", "group.platform_site_id"]);
    let mut request = group("h", GroupForm::Unspecified, "key:nobody");
    request.group.as_mut().unwrap().name = " ".into();
    let (_, fields) = refusal(world.app.create_group(&administrator(), request).await);
    assert_eq!(fields, ["group.name", "group.form"]);
    assert_eq!(world.count("SELECT count(*) FROM buying_group").await, 1);
}

#[tokio::test]
async fn twenty_identical_creations_make_one_group() {
    let world = World::new().await;
    world.parties(vec![hospital("a")]).await;
    let (caller, request) = (administrator(), group("g", GroupForm::Ght, "key:a"));
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (app, caller, request) = (world.app.clone(), caller.clone(), request.clone());
            tokio::spawn(async move { app.create_group(&caller, request).await.unwrap().group.unwrap().id })
        })
        .collect();
    let mut ids = Vec::new();
    for call in calls {
        ids.push(call.await.unwrap());
    }
    assert!(ids.iter().all(|id| *id == ids[0]));
    assert_eq!(world.count("SELECT count(*) FROM event WHERE kind = 'membership.group_created.v1'").await, 1);
}

#[tokio::test]
async fn people_list_the_groups_of_their_grants_and_of_their_party() {
    let world = World::new().await;
    let ids = world
        .parties(vec![hospital("a"), hospital("b"), other("f", PartyKind::Firm), other("p", PartyKind::Platform)])
        .await;
    let sites = world.sites(vec![site("p-1", "p")]).await;
    // `a` awards for g1 and is a member of g2; the platform serves g3.
    let g1 = world.group("g1", GroupForm::Gie, &ids[0], "").await;
    let g2 = world.group("g2", GroupForm::Ght, &ids[1], "").await;
    let g3 = world.group("g3", GroupForm::Ght, &ids[1], &sites[0]).await;
    world.members(&g2, vec![member(&ids[0], "2026-01-01", "")]).await;

    assert_eq!(names(&world, &administrator()).await, ["Groupe g1", "Groupe g2", "Groupe g3"]);
    assert_eq!(names(&world, &Caller::service("demand", kit::Scope::Deployment)).await.len(), 3);
    assert_eq!(names(&world, &as_party(&ids[0], Role::MemberRequester)).await, ["Groupe g1", "Groupe g2"]);
    // In a group's session too: only as its party does a person see the memberships of other groups.
    let elsewhere = in_group(&g1, Some(&ids[0]), Role::MemberRequester);
    assert_eq!(names(&world, &elsewhere).await, ["Groupe g1", "Groupe g2"]);
    assert_eq!(names(&world, &in_group(&g2, Some(&ids[0]), Role::MemberRequester)).await, ["Groupe g1", "Groupe g2"]);
    assert_eq!(names(&world, &as_party(&ids[3], Role::PlatformOperator)).await, ["Groupe g3"]);
    assert_eq!(names(&world, &as_party(&ids[2], Role::Supplier)).await, Vec::<String>::new());

    let auditor = Person {
        login: "auditeur".into(),
        name: "Camille Exemple".into(),
        grants: vec![Grant { role: PersonRole::Auditor.into(), group_id: g3.clone(), party_id: String::new() }],
        ..Person::default()
    };
    let request = RegisterPeopleRequest { request_id: request_id(), people: vec![auditor] };
    let person = world.app.register_people(&administrator(), request).await.unwrap().people[0].id.clone();
    let auditor = Caller { subject: person, ..in_group(&g3, None, Role::Auditor) };
    assert_eq!(names(&world, &auditor).await, ["Groupe g3"]);
}

#[tokio::test]
async fn groups_come_in_pages_by_name() {
    let world = World::new().await;
    world.parties(vec![hospital("a")]).await;
    for key in ["c", "a", "d", "b", "e"] {
        world.app.create_group(&administrator(), group(key, GroupForm::Ght, "key:a")).await.unwrap();
    }
    let (mut seen, mut after, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = Some(Page { size: 2, after });
        let reply = world.app.list_groups(&administrator(), ListGroupsRequest { page }).await.unwrap();
        seen.extend(reply.groups.into_iter().map(|group| group.key));
        (after, pages) = (reply.next_after, pages + 1);
        if after.is_empty() {
            break;
        }
    }
    assert_eq!((seen.join(""), pages), ("abcde".to_owned(), 3));
    let page = Some(Page { size: 501, after: "x".into() });
    let (_, fields) = refusal(world.app.list_groups(&administrator(), ListGroupsRequest { page }).await);
    assert_eq!(fields, ["page.size", "page.after"]);
}

#[tokio::test]
async fn a_group_is_read_in_its_own_session_only() {
    let world = World::new().await;
    let (_, ids) = world.group_of("g", &["a"]).await;
    assert_eq!(
        reason(world.app.get_group(&as_party(&ids[0], Role::Supplier), GetGroupRequest {}).await),
        "WRONG_SESSION"
    );
    assert_eq!(reason(world.app.get_group(&gateway(), GetGroupRequest {}).await), "WRONG_SESSION");
    let nowhere = in_group(&kit::id::GroupId::new().to_string(), None, Role::Auditor);
    assert_eq!(reason(world.app.get_group(&nowhere, GetGroupRequest {}).await), "NOT_FOUND");
}
