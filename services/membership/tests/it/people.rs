//! People, accounts and grants.

use kit::Role;
use prost::Message as _;
use proto::membership::v1::{
    Grant, GroupForm, IssueTokenRequest, PartyKind, Person, RegisterPeopleRequest, ResolvePersonRequest,
    Role as PersonRole,
};

use crate::support::{ISSUER, World, administrator, gateway, hospital, in_group, other, reason, refusal, request_id};

fn grant(role: PersonRole, group: &str, party: &str) -> Grant {
    Grant { role: role.into(), group_id: group.into(), party_id: party.into() }
}

fn person(login: &str, password: &str, grants: Vec<Grant>) -> Person {
    Person {
        id: String::new(),
        login: login.into(),
        name: format!("Nom de {login}"),
        email: format!("{login}@example.org"),
        password: password.into(),
        grants,
    }
}

fn register(people: Vec<Person>) -> RegisterPeopleRequest {
    RegisterPeopleRequest { request_id: request_id(), people }
}

/// A world with the group `ght`, the hospitals `a` and `b`, the firm `f` and the platform `p`.
async fn world() -> World {
    let world = World::new().await;
    world
        .parties(vec![hospital("a"), hospital("b"), other("f", PartyKind::Firm), other("p", PartyKind::Platform)])
        .await;
    world.group("ght", GroupForm::Ght, "key:a", "").await;
    world
}

async fn can_log_in(world: &World, login: &str, password: &str) -> bool {
    let request = IssueTokenRequest { login: login.into(), password: password.into(), audience: "centrale".into() };
    world.app.issue_token(&gateway(), request).await.is_ok()
}

#[tokio::test]
async fn a_person_keeps_its_id_and_password_and_gets_new_grants() {
    let world = world().await;
    let officer =
        person("Acheteur.GHT", "correct horse battery", vec![grant(PersonRole::PurchasingOfficer, "key:ght", "key:a")]);
    let supplier = person("ponant", "", vec![grant(PersonRole::Supplier, "", "key:f")]);
    let first = world.app.register_people(&administrator(), register(vec![officer, supplier])).await.unwrap().people;
    assert_eq!(first[0].login, "acheteur.ght");
    assert!(first.iter().all(|person| person.password.is_empty()));
    assert!(can_log_in(&world, "ACHETEUR.ght", "correct horse battery").await);
    assert!(!can_log_in(&world, "ponant", "correct horse battery").await, "no password, no login");

    let changed = person("acheteur.ght", "", vec![grant(PersonRole::Auditor, "key:ght", "")]);
    let second = world.app.register_people(&administrator(), register(vec![changed])).await.unwrap().people;
    assert_eq!(second[0].id, first[0].id);
    assert!(can_log_in(&world, "acheteur.ght", "correct horse battery").await);
    let request = ResolvePersonRequest { issuer: ISSUER.into(), subject: first[0].id.clone() };
    let resolved = world.app.resolve_person(&gateway(), request).await.unwrap();
    assert_eq!((resolved.person_id.as_str(), resolved.name.as_str()), (first[0].id.as_str(), "Nom de acheteur.ght"));
    assert_eq!(resolved.grants, second[0].grants);
    assert_eq!(resolved.grants[0].role(), PersonRole::Auditor);

    let changed = person("acheteur.ght", "another long secret", Vec::new());
    world.app.register_people(&administrator(), register(vec![changed])).await.unwrap();
    assert!(!can_log_in(&world, "acheteur.ght", "correct horse battery").await);
    assert!(can_log_in(&world, "acheteur.ght", "another long secret").await);
}

#[tokio::test]
async fn every_fault_of_every_person_is_told_at_once() {
    let world = world().await;
    let bad = vec![
        Person { email: "nobody".into(), ..person("ab", "elevenchars", Vec::new()) },
        person(
            "abc",
            "",
            vec![grant(PersonRole::Administrator, "key:ght", "key:a"), grant(PersonRole::Unspecified, "", "")],
        ),
        person(
            "ABC",
            "",
            vec![grant(PersonRole::Supplier, "key:ght", ""), grant(PersonRole::MemberReceiver, "", "key:a")],
        ),
    ];
    let (reason, mut fields) = refusal(world.app.register_people(&administrator(), register(bad)).await);
    fields.sort();
    assert_eq!(reason, "INVALID_INPUT");
    assert_eq!(
        fields,
        [
            "people[0].email",
            "people[0].login",
            "people[0].password",
            "people[1].grants[0].group_id",
            "people[1].grants[0].party_id",
            "people[1].grants[1].role",
            "people[2].grants[0].group_id",
            "people[2].grants[0].party_id",
            "people[2].grants[1].group_id",
            "people[2].login",
        ]
    );
    let bad = vec![
        person(
            "abc",
            "",
            vec![grant(PersonRole::Auditor, "key:nowhere", ""), grant(PersonRole::Supplier, "", "key:nobody")],
        ),
        person(
            "abd",
            "",
            vec![grant(PersonRole::Supplier, "", "key:a"), grant(PersonRole::PlatformOperator, "", "key:f")],
        ),
        person(
            "abe",
            "",
            vec![
                grant(PersonRole::MemberRequester, "key:ght", "key:a"),
                grant(PersonRole::MemberReceiver, "key:ght", "key:a"),
                grant(PersonRole::MemberReceiver, "key:ght", "key:b"),
                grant(PersonRole::MemberReceiver, "key:ght", "key:b"),
            ],
        ),
    ];
    let (_, mut fields) = refusal(world.app.register_people(&administrator(), register(bad)).await);
    fields.sort();
    assert_eq!(
        fields,
        [
            "people[0].grants[0].group_id",
            "people[0].grants[1].party_id",
            "people[1].grants[0].party_id",
            "people[1].grants[1].party_id",
            "people[2].grants[1].role",
            "people[2].grants[3]",
        ]
    );
    assert_eq!(world.count("SELECT count(*) FROM person").await, 0);
}

#[tokio::test]
async fn people_are_registered_by_an_administrator_outside_any_group() {
    let world = world().await;
    let group = world.group("gie", GroupForm::Gie, "key:a", "").await;
    let request = || register(vec![person("abc", "", Vec::new())]);
    assert_eq!(
        reason(world.app.register_people(&in_group(&group, None, Role::PurchasingOfficer), request()).await),
        "ROLE_NOT_ALLOWED"
    );
    assert_eq!(
        reason(world.app.register_people(&in_group(&group, None, Role::Administrator), request()).await),
        "WRONG_SESSION"
    );
    assert_eq!(reason(world.app.register_people(&gateway(), request()).await), "ROLE_NOT_ALLOWED");
}

#[tokio::test]
async fn twenty_identical_registrations_have_one_effect_and_another_password_is_another_body() {
    let world = world().await;
    let (caller, request) = (administrator(), register(vec![person("abc", "correct horse battery", Vec::new())]));
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (app, caller, request) = (world.app.clone(), caller.clone(), request.clone());
            tokio::spawn(async move { app.register_people(&caller, request).await.unwrap() })
        })
        .collect();
    let mut replies = Vec::new();
    for call in calls {
        replies.push(call.await.unwrap());
    }
    assert!(replies.iter().all(|reply| *reply == replies[0]));
    assert_eq!(world.count("SELECT count(*) FROM event WHERE kind = 'membership.people_registered.v1'").await, 1);
    let mut other = request.clone();
    other.people[0].password = "correct horse staple!".into();
    assert_eq!(reason(world.app.register_people(&caller, other).await), "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn no_personal_data_is_in_an_event_and_no_password_anywhere() {
    let world = world().await;
    let request = register(vec![person(
        "camille.exemple",
        "correct horse battery",
        vec![grant(PersonRole::Administrator, "", "")],
    )]);
    world.app.register_people(&administrator(), request.clone()).await.unwrap();
    let mut superuser = world.test.superuser().await;
    let events: Vec<Vec<u8>> = sqlx::query_scalar("SELECT payload FROM event").fetch_all(&mut superuser).await.unwrap();
    assert_eq!(events.len(), 3);
    for payload in events {
        let text = String::from_utf8_lossy(&payload).to_lowercase();
        assert!(!text.contains("camille") && !text.contains("example.org") && !text.contains("nom de"), "{text}");
    }
    let (hash, reply): (Vec<u8>, Vec<u8>) =
        sqlx::query_as("SELECT request_hash, reply FROM idempotency WHERE method LIKE '%RegisterPeople'")
            .fetch_one(&mut superuser)
            .await
            .unwrap();
    assert!(!String::from_utf8_lossy(&reply).contains("correct horse"));
    // A fast digest of the body would let its reader guess the password fast.
    assert_ne!(hash, <sha2::Sha256 as sha2::Digest>::digest(request.encode_to_vec()).to_vec());
}

#[tokio::test]
async fn a_person_is_resolved_by_its_own_issuer_and_by_another_one_that_is_known() {
    let world = world().await;
    let people = world
        .app
        .register_people(&administrator(), register(vec![person("abc", "", Vec::new())]))
        .await
        .unwrap()
        .people;
    let resolve = async |issuer: &str, subject: &str| {
        let request = ResolvePersonRequest { issuer: issuer.into(), subject: subject.into() };
        world
            .app
            .resolve_person(&gateway(), request)
            .await
            .map(|reply| reply.person_id)
            .map_err(|failure| failure.reason())
    };
    assert_eq!(resolve(ISSUER, &people[0].id).await.as_ref(), Ok(&people[0].id));
    assert_eq!(resolve(ISSUER, "abc").await, Err("NOT_FOUND".to_owned()), "a login is no subject");
    assert_eq!(
        resolve("https://sso.example.org", &people[0].id).await,
        Err("NOT_FOUND".to_owned()),
        "another issuer's ids are not ours"
    );
    world.tamper("INSERT INTO person_identity SELECT 'https://sso.example.org', '4711', person_id FROM person").await;
    assert_eq!(resolve("https://sso.example.org", "4711").await.as_ref(), Ok(&people[0].id));
    assert_eq!(resolve(ISSUER, "4711").await, Err("NOT_FOUND".to_owned()));
}

#[tokio::test]
async fn sixty_seven_accounts_at_once_leave_the_service_answering() {
    let world = world().await;
    let people = (0..67).map(|n| person(&format!("person-{n}"), &format!("password number {n}"), Vec::new())).collect();
    let (app, request) = (world.app.clone(), register(people));
    let registering = tokio::spawn(async move { app.register_people(&administrator(), request).await });
    let mut answered = 0;
    while !registering.is_finished() {
        let request = ResolvePersonRequest { issuer: ISSUER.into(), subject: "x".into() };
        let answer =
            tokio::time::timeout(std::time::Duration::from_secs(2), world.app.resolve_person(&gateway(), request))
                .await;
        assert_eq!(reason(answer.expect("an answer in time")), "NOT_FOUND");
        answered += 1;
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert!(answered > 1);
    assert_eq!(registering.await.unwrap().unwrap().people.len(), 67);
    assert!(can_log_in(&world, "person-66", "password number 66").await);
}
