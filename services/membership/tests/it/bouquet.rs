//! Services, practitioners and subscriptions.

use kit::Role;
use proto::membership::v1::{
    AddPractitionersRequest, Attachment, ListMembersRequest, ListPractitionersRequest, ListServicesRequest,
    ListSubscriptionsRequest, PlaceKind, Practitioner, PriceUnit, RegisterServicesRequest, Service, SubscribeRequest,
    TerminateRequest,
};

use crate::support::{World, in_group, other, reason, refusal, request_id};

pub fn service(key: &str, provider: &str) -> Service {
    Service {
        key: key.into(),
        name: format!("Service {key}"),
        provider_id: provider.into(),
        price_unit: PriceUnit::Month.into(),
        price_cents: 4_900,
        term_months: 12,
        notice_months: 3,
        offered_from: "2024-01-01".into(),
        ..Service::default()
    }
}

pub fn practitioner(rpps: &str, party: &str, kind: PlaceKind) -> Practitioner {
    Practitioner {
        rpps: rpps.into(),
        name: format!("Dr {rpps}"),
        joined_on: "2024-02-01".into(),
        attachments: vec![Attachment { party_id: party.into(), kind: kind.into(), ..Attachment::default() }],
        ..Practitioner::default()
    }
}

/// A GIE of practice `a` and practice `b`, hospital `h` outside it, a firm `f`, and a radiologist at each of a, b, h.
pub struct Gie {
    pub world: World,
    pub group: String,
    /// a, b, h.
    pub parties: Vec<String>,
    /// At a, b, h.
    pub practitioners: Vec<String>,
}

impl Gie {
    pub async fn new() -> Self {
        let world = World::new().await;
        let (group, mut parties) = world.group_of("serenice", &["a", "b"]).await;
        parties.extend(world.parties(vec![crate::support::hospital("h")]).await);
        world.parties(vec![other("f", proto::membership::v1::PartyKind::Firm)]).await;
        let gie = Self { world, group, parties, practitioners: Vec::new() };
        gie.services(vec![service("rh", "key:f")]).await;
        let practitioners = vec![
            practitioner("10000000001", "key:a", PlaceKind::Practice),
            practitioner("10000000002", "key:b", PlaceKind::Practice),
            practitioner("10000000003", "key:h", PlaceKind::Hospital),
        ];
        let practitioners = gie.add(practitioners).await.into_iter().map(|one| one.id).collect();
        Self { practitioners, ..gie }
    }

    pub fn officer(&self) -> kit::Caller {
        in_group(&self.group, Some(&self.parties[0]), Role::PurchasingOfficer)
    }

    pub fn requester(&self, party: usize) -> kit::Caller {
        in_group(&self.group, Some(&self.parties[party]), Role::MemberRequester)
    }

    pub async fn services(&self, services: Vec<Service>) -> Vec<Service> {
        let request = RegisterServicesRequest { request_id: request_id(), services };
        self.world.app.register_services(&self.officer(), request).await.unwrap().services
    }

    pub async fn add(&self, practitioners: Vec<Practitioner>) -> Vec<Practitioner> {
        let request = AddPractitionersRequest { request_id: request_id(), practitioners };
        self.world.app.add_practitioners(&self.officer(), request).await.unwrap().practitioners
    }
}

fn subscribe(practitioner: &str, starts_on: &str) -> SubscribeRequest {
    SubscribeRequest {
        request_id: request_id(),
        practitioner_id: practitioner.into(),
        service_id: "key:rh".into(),
        starts_on: starts_on.into(),
    }
}

#[tokio::test]
async fn a_subscription_keeps_what_was_agreed_and_ends_with_term_or_notice() {
    let gie = Gie::new().await;
    let app = &gie.world.app;
    let subscribed = app.subscribe(&gie.officer(), subscribe(&gie.practitioners[0], "2025-01-01")).await.unwrap();
    let subscription = subscribed.subscription.unwrap();
    assert_eq!((subscription.price_cents, subscription.term_ends_on.as_str()), (4_900, "2025-12-31"));
    assert_eq!((subscription.service_key.as_str(), subscription.practitioner_name.as_str()), ("rh", "Dr 10000000001"));
    let again = app.subscribe(&gie.officer(), subscribe("rpps:10000000001", "2026-01-01")).await;
    assert_eq!(reason(again), "SUBSCRIPTION_OVERLAPS");
    // The price goes up for those who come later.
    gie.services(vec![Service { price_cents: 5_900, ..service("rh", "key:f") }]).await;
    let later = app.subscribe(&gie.officer(), subscribe(&gie.practitioners[1], "2025-06-01")).await.unwrap();
    assert_eq!(later.subscription.unwrap().price_cents, 5_900);
    let list = ListSubscriptionsRequest { practitioner_id: gie.practitioners[0].clone(), ..Default::default() };
    assert_eq!(app.list_subscriptions(&gie.officer(), list.clone()).await.unwrap().subscriptions[0].price_cents, 4_900);

    let notice = |given_on: &str, dry_run| TerminateRequest {
        request_id: request_id(),
        subscription_id: subscription.id.clone(),
        given_on: given_on.into(),
        dry_run,
    };
    let shown = app.terminate(&gie.officer(), notice("2025-02-01", true)).await.unwrap();
    let why = shown.reason.unwrap();
    assert_eq!((shown.subscription.unwrap().ends_on.as_str(), why.rule.as_str()), ("2025-12-31", "TERM_ENDS_LATER"));
    assert!(why.text.contains("31/12/2025") && why.facts["notice_months"] == "3", "{why:?}");
    assert_eq!(app.list_subscriptions(&gie.officer(), list.clone()).await.unwrap().subscriptions[0].ends_on, "", "dry");
    let ended = app.terminate(&gie.officer(), notice("2025-11-15", false)).await.unwrap();
    assert_eq!(ended.subscription.unwrap().ends_on, "2026-02-15");
    assert_eq!(reason(app.terminate(&gie.officer(), notice("2025-11-16", false)).await), "NOTICE_GIVEN_ALREADY");
    // It can be taken again from the day after.
    app.subscribe(&gie.officer(), subscribe(&gie.practitioners[0], "2026-02-16")).await.unwrap();
    let on = ListSubscriptionsRequest { on: "2025-07-01".into(), ..Default::default() };
    assert_eq!(app.list_subscriptions(&gie.officer(), on).await.unwrap().subscriptions.len(), 2);
    let services = app.list_services(&gie.officer(), ListServicesRequest::default()).await.unwrap().services;
    assert_eq!((services.len(), services[0].provider_name.as_str()), (1, "Société f"));
}

#[tokio::test]
async fn who_acts_for_a_practice_subscribes_for_its_own_and_sees_no_other() {
    let gie = Gie::new().await;
    let app = &gie.world.app;
    app.subscribe(&gie.requester(0), subscribe(&gie.practitioners[0], "2025-01-01")).await.unwrap();
    let foreign = app.subscribe(&gie.requester(0), subscribe(&gie.practitioners[1], "2025-01-01")).await;
    assert_eq!(reason(foreign), "NOT_FOUND");
    let foreign = app.subscribe(&gie.officer(), subscribe(&gie.practitioners[1], "2025-01-01")).await.unwrap();
    let foreign = foreign.subscription.unwrap().id;
    let notice = |dry_run| TerminateRequest {
        request_id: request_id(),
        subscription_id: foreign.clone(),
        given_on: String::new(),
        dry_run,
    };
    assert_eq!(reason(app.terminate(&gie.requester(0), notice(true)).await), "NOT_FOUND");
    app.terminate(&gie.requester(1), notice(true)).await.unwrap();
    for (party, count) in [(0, 1), (1, 1), (2, 0)] {
        let seen = app.list_subscriptions(&gie.requester(party), ListSubscriptionsRequest::default()).await.unwrap();
        assert_eq!(seen.subscriptions.len(), count, "subscriptions for party {party}");
        let seen = app.list_practitioners(&gie.requester(party), ListPractitionersRequest::default()).await.unwrap();
        assert_eq!(seen.practitioners.len(), 1, "practitioners of party {party}");
        assert_eq!(seen.practitioners[0].id, gie.practitioners[party]);
        let asked = ListPractitionersRequest { party_id: gie.parties[(party + 1) % 3].clone(), ..Default::default() };
        assert_eq!(app.list_practitioners(&gie.requester(party), asked).await.unwrap().practitioners.len(), 0);
    }
    for role in [Role::MemberReceiver, Role::Auditor, Role::Supplier, Role::PlatformOperator, Role::Administrator] {
        let caller = in_group(&gie.group, Some(&gie.parties[0]), role);
        let refused = app.subscribe(&caller, subscribe(&gie.practitioners[0], "2027-01-01")).await;
        assert_eq!(reason(refused), "ROLE_NOT_ALLOWED", "{role:?}");
    }
}

#[tokio::test]
async fn an_attachment_to_a_hospital_makes_it_no_member() {
    let gie = Gie::new().await;
    let members = gie.world.app.list_members(&gie.officer(), ListMembersRequest::default()).await.unwrap().members;
    let ids: Vec<&String> = members.iter().map(|member| &member.party_id).collect();
    assert!(ids.contains(&&gie.parties[0]) && !ids.contains(&&gie.parties[2]), "{ids:?}");
    // Its radiologist gets services all the same.
    gie.world.app.subscribe(&gie.officer(), subscribe(&gie.practitioners[2], "2025-01-01")).await.unwrap();
}

#[tokio::test]
async fn days_outside_the_offer_or_the_membership_are_refused_with_both_days() {
    let gie = Gie::new().await;
    let app = &gie.world.app;
    gie.services(vec![Service { offered_to: "2026-01-31".into(), ..service("rh", "key:f") }]).await;
    let late = app.subscribe(&gie.officer(), subscribe(&gie.practitioners[0], "2026-02-01")).await;
    assert_eq!(reason(late), "SERVICE_NOT_OFFERED");
    let early = app.subscribe(&gie.officer(), subscribe(&gie.practitioners[0], "2024-01-31")).await;
    assert_eq!(reason(early), "PRACTITIONER_NOT_IN_GROUP");
    let unknown = SubscribeRequest { service_id: "key:nix".into(), ..subscribe(&gie.practitioners[0], "2025-01-01") };
    assert_eq!(reason(app.subscribe(&gie.officer(), unknown).await), "NOT_FOUND");
}

#[tokio::test]
async fn faults_of_services_and_practitioners_are_told_by_row() {
    let gie = Gie::new().await;
    let app = &gie.world.app;
    let bad = vec![
        Service { price_unit: 0, price_cents: -1, ..service("x", "key:f") },
        Service { notice_months: 25, offered_to: "2023-01-01".into(), ..service("y", "f") },
        service("y", "key:f"),
    ];
    let request = RegisterServicesRequest { request_id: request_id(), services: bad };
    let (_, fields) = refusal(app.register_services(&gie.officer(), request).await);
    assert_eq!(
        fields,
        [
            "services[0].price_unit",
            "services[0].price_cents",
            "services[1].provider_id",
            "services[1].notice_months",
            "services[1].offered_to",
            "services[2].key"
        ]
    );
    let request = RegisterServicesRequest { request_id: request_id(), services: vec![service("z", "key:nobody")] };
    assert_eq!(refusal(app.register_services(&gie.officer(), request).await).1, ["services[0].provider_id"]);
    let bad = vec![
        practitioner("123", "key:a", PlaceKind::Practice),
        practitioner("10000000009", "key:f", PlaceKind::Practice),
        Practitioner { joined_on: "2020-01-01".into(), ..practitioner("10000000001", "key:a", PlaceKind::Practice) },
    ];
    let request = AddPractitionersRequest { request_id: request_id(), practitioners: bad.clone() };
    assert_eq!(refusal(app.add_practitioners(&gie.officer(), request).await).1, ["practitioners[0].rpps"]);
    let request = AddPractitionersRequest { request_id: request_id(), practitioners: bad[1..].to_vec() };
    let (_, fields) = refusal(app.add_practitioners(&gie.officer(), request).await);
    assert_eq!(fields, ["practitioners[0].attachments[0].party_id", "practitioners[1].joined_on"]);
}

#[tokio::test]
async fn a_radiologist_who_moves_keeps_its_subscriptions() {
    let gie = Gie::new().await;
    let app = &gie.world.app;
    app.subscribe(&gie.officer(), subscribe(&gie.practitioners[0], "2025-01-01")).await.unwrap();
    let attachments = vec![
        Attachment {
            party_id: "key:a".into(),
            kind: PlaceKind::Practice.into(),
            valid_to: "2025-06-30".into(),
            ..Attachment::default()
        },
        Attachment {
            party_id: "key:b".into(),
            kind: PlaceKind::Practice.into(),
            valid_from: "2025-07-01".into(),
            ..Attachment::default()
        },
    ];
    let moved = Practitioner { attachments, ..practitioner("10000000001", "key:a", PlaceKind::Practice) };
    assert_eq!(gie.add(vec![moved]).await[0].id, gie.practitioners[0]);
    let seen = app.list_subscriptions(&gie.requester(1), ListSubscriptionsRequest::default()).await.unwrap();
    assert_eq!(seen.subscriptions.len(), 1);
    let seen = app.list_subscriptions(&gie.requester(0), ListSubscriptionsRequest::default()).await.unwrap();
    assert_eq!(seen.subscriptions.len(), 0);
    let then = ListPractitionersRequest { on: "2025-06-30".into(), ..Default::default() };
    assert_eq!(app.list_practitioners(&gie.requester(0), then).await.unwrap().practitioners.len(), 1);
}

#[tokio::test]
async fn twenty_identical_subscriptions_have_one_effect_and_twenty_different_ones_leave_one() {
    let gie = Gie::new().await;
    let before = gie.world.count("SELECT count(*) FROM event").await;
    let request = subscribe(&gie.practitioners[0], "2025-01-01");
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (app, officer, request) = (gie.world.app.clone(), gie.officer(), request.clone());
            async move {
                // The same person: an id chosen by another is another request.
                app.subscribe(&officer, request).await.map_err(|failure| failure.reason())
            }
        })
        .map(tokio::spawn)
        .collect();
    let mut taken = 0;
    for call in calls {
        match call.await.unwrap() {
            Ok(_) => taken += 1,
            Err(reason) => assert_eq!(reason, "SUBSCRIPTION_OVERLAPS"),
        }
    }
    // `officer()` is a new person each time: one of twenty wins.
    assert_eq!(taken, 1);
    assert_eq!(gie.world.count("SELECT count(*) FROM event").await, before + 1);
    let officer = gie.officer();
    let request = subscribe(&gie.practitioners[1], "2025-01-01");
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (app, officer, request) = (gie.world.app.clone(), officer.clone(), request.clone());
            tokio::spawn(async move { app.subscribe(&officer, request).await.unwrap() })
        })
        .collect();
    let mut replies = Vec::new();
    for call in calls {
        replies.push(call.await.unwrap());
    }
    assert!(replies.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(gie.world.count("SELECT count(*) FROM event").await, before + 2);
}

#[tokio::test]
async fn another_groups_services_practitioners_and_subscriptions_are_not_there() {
    let gie = Gie::new().await;
    let app = &gie.world.app;
    let subscription = app.subscribe(&gie.officer(), subscribe(&gie.practitioners[0], "2025-01-01")).await.unwrap();
    let subscription = subscription.subscription.unwrap().id;
    let (foreign, _) = gie.world.group_of("other", &["z"]).await;
    let stranger = in_group(&foreign, None, Role::PurchasingOfficer);
    assert!(app.list_services(&stranger, ListServicesRequest::default()).await.unwrap().services.is_empty());
    let listed = app.list_practitioners(&stranger, ListPractitionersRequest::default()).await.unwrap();
    assert!(listed.practitioners.is_empty());
    let listed = app.list_subscriptions(&stranger, ListSubscriptionsRequest::default()).await.unwrap();
    assert!(listed.subscriptions.is_empty());
    assert_eq!(reason(app.subscribe(&stranger, subscribe(&gie.practitioners[0], "2027-01-01")).await), "NOT_FOUND");
    let notice = TerminateRequest { request_id: request_id(), subscription_id: subscription, ..Default::default() };
    assert_eq!(reason(app.terminate(&stranger, notice).await), "NOT_FOUND");
}
