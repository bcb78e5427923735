//! Parties and sites.

use kit::Role;
use proto::membership::v1::{
    BatchGetPartiesRequest, BatchGetSitesRequest, BuyerStatus, Party, PartyKind, RegisterPartiesRequest,
    RegisterSitesRequest, Site,
};

use crate::support::{World, administrator, as_party, hospital, in_group, other, reason, refusal, request_id, site};

fn parties(parties: Vec<Party>) -> RegisterPartiesRequest {
    RegisterPartiesRequest { request_id: request_id(), parties }
}

#[tokio::test]
async fn a_party_keeps_its_id_when_its_key_is_registered_again() {
    let world = World::new().await;
    let first = world.parties(vec![hospital("a"), hospital("b")]).await;
    let renamed = Party { name: "CH renommé".into(), siret: "73282932000074".into(), ..hospital("b") };
    let reply = world
        .app
        .register_parties(&administrator(), parties(vec![other("c", PartyKind::Firm), renamed]))
        .await
        .unwrap();
    assert_eq!(reply.parties[0].key, "c");
    assert_eq!(reply.parties[1].id, first[1]);
    let refs = vec!["key:b".to_owned(), first[0].clone()];
    let found = world.app.batch_get_parties(&administrator(), BatchGetPartiesRequest { refs }).await.unwrap().found;
    assert_eq!(found[0].party.as_ref().unwrap().name, "CH renommé");
    assert_eq!(found[0].party.as_ref().unwrap().siret, "73282932000074");
    assert_eq!(found[1].party.as_ref().unwrap().name, "Hôpital a");
    assert_eq!(world.count("SELECT count(*) FROM party").await, 3);
}

#[tokio::test]
async fn every_fault_of_every_row_is_told_at_once() {
    let world = World::new().await;
    let bad = vec![
        Party { siret: "73282932000075".into(), gln: "2990000000018".into(), ..hospital("a") },
        Party { kind: 0, finess: "29000432".into(), ..hospital("B c") },
        Party { buyer_status: 0, ..hospital("d") },
        Party { buyer_status: BuyerStatus::AssertedNot.into(), ..hospital("e") },
        Party { buyer_status: BuyerStatus::Unknown.into(), ..other("f", PartyKind::Firm) },
        Party { name: String::new(), buyer_status_on: "2026-1-1".into(), ..hospital("a") },
    ];
    let (reason, mut fields) = refusal(world.app.register_parties(&administrator(), parties(bad)).await);
    fields.sort();
    assert_eq!(reason, "INVALID_INPUT");
    assert_eq!(
        fields,
        [
            "parties[0].gln",
            "parties[0].siret",
            "parties[1].finess",
            "parties[1].key",
            "parties[1].kind",
            "parties[2].buyer_status",
            "parties[3].buyer_status_evidence",
            "parties[3].buyer_status_on",
            "parties[4].buyer_status",
            "parties[5].buyer_status_on",
            "parties[5].key",
            "parties[5].name",
        ]
    );
    let (_, fields) = refusal(world.app.register_parties(&administrator(), parties(Vec::new())).await);
    assert_eq!(fields, ["parties"]);
    let (_, fields) = refusal(world.app.register_parties(&administrator(), parties(vec![hospital("a"); 1_001])).await);
    assert_eq!(fields, ["parties"]);
    assert_eq!(world.count("SELECT count(*) FROM party").await, 0);
}

#[tokio::test]
async fn a_key_keeps_its_kind_and_a_number_its_party() {
    let world = World::new().await;
    world.parties(vec![Party { siret: "73282932000074".into(), finess: "290004324".into(), ..hospital("a") }]).await;
    let (_, fields) =
        refusal(world.app.register_parties(&administrator(), parties(vec![other("a", PartyKind::Firm)])).await);
    assert_eq!(fields, ["parties[0].kind"]);
    let thief = Party { siret: "73282932000074".into(), finess: "290004324".into(), ..hospital("b") };
    let (_, fields) = refusal(world.app.register_parties(&administrator(), parties(vec![hospital("c"), thief])).await);
    assert_eq!(fields, ["parties[1].siret", "parties[1].finess"]);
    assert_eq!(world.count("SELECT count(*) FROM party").await, 1);
}

#[tokio::test]
async fn only_an_administrator_outside_any_group_registers() {
    let world = World::new().await;
    let (group, ids) = world.group_of("g", &["a"]).await;
    for (caller, expected) in [
        (in_group(&group, Some(&ids[0]), Role::PurchasingOfficer), "ROLE_NOT_ALLOWED"),
        (in_group(&group, None, Role::Auditor), "ROLE_NOT_ALLOWED"),
        (in_group(&group, None, Role::Administrator), "WRONG_SESSION"),
        (as_party(&ids[0], Role::Administrator), "WRONG_SESSION"),
    ] {
        assert_eq!(
            reason(world.app.register_parties(&caller, parties(vec![hospital("z")])).await),
            expected,
            "{caller:?}"
        );
        let request = RegisterSitesRequest { request_id: request_id(), sites: vec![site("z-1", "a")] };
        assert_eq!(reason(world.app.register_sites(&caller, request).await), expected, "{caller:?}");
    }
}

#[tokio::test]
async fn twenty_identical_registrations_have_one_effect_and_twenty_equal_answers() {
    let world = World::new().await;
    let (caller, request) = (administrator(), parties(vec![hospital("a"), other("f", PartyKind::Firm)]));
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (app, caller, request) = (world.app.clone(), caller.clone(), request.clone());
            tokio::spawn(async move { app.register_parties(&caller, request).await.unwrap() })
        })
        .collect();
    let mut replies = Vec::new();
    for call in calls {
        replies.push(call.await.unwrap());
    }
    assert!(replies.iter().all(|reply| *reply == replies[0]));
    assert_eq!(world.count("SELECT count(*) FROM event WHERE kind = 'membership.parties_registered.v1'").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM party").await, 2);
    let changed = RegisterPartiesRequest { parties: vec![hospital("b")], ..request };
    assert_eq!(reason(world.app.register_parties(&caller, changed).await), "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn different_registrations_of_one_new_key_at_once_agree_on_its_id() {
    let world = World::new().await;
    let calls: Vec<_> = (0..8)
        .map(|n| {
            let app = world.replica();
            let numbered = Party { name: format!("Hôpital {n}"), ..hospital("a") };
            tokio::spawn(async move {
                app.register_parties(&administrator(), parties(vec![numbered])).await.unwrap().parties[0].id.clone()
            })
        })
        .collect();
    let mut ids = Vec::new();
    for call in calls {
        ids.push(call.await.unwrap());
    }
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[tokio::test]
async fn sites_keep_their_party_and_come_back_as_they_were_registered() {
    let world = World::new().await;
    let ids = world.parties(vec![hospital("a"), hospital("b")]).await;
    let full = Site {
        finess: "2A0000014".into(),
        gln: "2990000000019".into(),
        address: "5 avenue Foch".into(),
        postcode: "01000".into(),
        city: "Brest".into(),
        latitude: "48.38968".into(),
        longitude: "-4.53268".into(),
        authorisations: vec!["PUI".into(), "STERILE_DEVICES".into(), "COLD_CHAIN".into()],
        ..site("a-1", "a")
    };
    let request = RegisterSitesRequest { request_id: request_id(), sites: vec![site("b-1", "b"), full.clone()] };
    let registered = world.app.register_sites(&administrator(), request).await.unwrap().sites;
    let expected = Site { id: registered[1].id.clone(), party_id: ids[0].clone(), ..full.clone() };
    assert_eq!(registered[1], expected);

    let refs = ["finess:2A0000014", "gln:2990000000019", "key:a-1", &expected.id].map(str::to_owned).to_vec();
    let found = world
        .app
        .batch_get_sites(&as_party(&ids[1], Role::Supplier), BatchGetSitesRequest { refs: refs.clone() })
        .await
        .unwrap()
        .found;
    assert_eq!(found.iter().map(|found| found.r#ref.clone()).collect::<Vec<_>>(), refs);
    assert!(found.into_iter().all(|found| found.site == Some(expected.clone())));

    let moved = RegisterSitesRequest { request_id: request_id(), sites: vec![site("a-1", "b"), site("c-1", "nobody")] };
    let (_, fields) = refusal(world.app.register_sites(&administrator(), moved).await);
    assert_eq!(fields, ["sites[1].party_id"], "unknown parties first");
    let moved = RegisterSitesRequest { request_id: request_id(), sites: vec![site("a-1", "b")] };
    assert_eq!(refusal(world.app.register_sites(&administrator(), moved).await).1, ["sites[0].party_id"]);
    let taken = Site { gln: "2990000000019".into(), ..site("b-2", "b") };
    let taken = RegisterSitesRequest { request_id: request_id(), sites: vec![taken] };
    assert_eq!(refusal(world.app.register_sites(&administrator(), taken).await).1, ["sites[0].gln"]);
}

#[tokio::test]
async fn faults_of_sites_are_told_by_row() {
    let world = World::new().await;
    world.parties(vec![hospital("a")]).await;
    let bad = vec![
        Site { latitude: "91".into(), longitude: "0".into(), ..site("a-1", "a") },
        Site { latitude: "48.1".into(), ..site("a-2", "a") },
        Site {
            postcode: "2960".into(),
            authorisations: vec!["PUI".into(), "PUI".into(), "X".into()],
            ..site("a-3", "a")
        },
        Site { party_id: "a".into(), ..site("a-1", "a") },
    ];
    let (_, mut fields) = refusal(
        world.app.register_sites(&administrator(), RegisterSitesRequest { request_id: request_id(), sites: bad }).await,
    );
    fields.sort();
    assert_eq!(
        fields,
        [
            "sites[0].latitude",
            "sites[1].longitude",
            "sites[2].authorisations[1]",
            "sites[2].authorisations[2]",
            "sites[2].postcode",
            "sites[3].key",
            "sites[3].party_id",
        ]
    );
}

#[tokio::test]
async fn references_name_parties_and_sites_apart_and_unknown_ones_are_left_out() {
    let world = World::new().await;
    let ids = world
        .parties(vec![Party { siret: "73282932000074".into(), finess: "290004324".into(), ..hospital("a") }])
        .await;
    // A hospital's principal site may bear the number under which the hospital is known.
    let sites = world.sites(vec![Site { finess: "290004324".into(), ..site("a-1", "a") }]).await;
    let refs =
        [&ids[0], "key:a", "siret:73282932000074", "finess:290004324", "key:a", "key:b", "nonsense", "", &sites[0]];
    let request = BatchGetPartiesRequest { refs: refs.map(str::to_owned).to_vec() };
    let found = world.app.batch_get_parties(&administrator(), request).await.unwrap().found;
    assert_eq!(found.iter().map(|found| found.r#ref.as_str()).collect::<Vec<_>>(), refs[..4]);
    assert!(found.iter().all(|found| found.party.as_ref().is_some_and(|party| party.id == ids[0])));
    let request = BatchGetSitesRequest { refs: vec!["finess:290004324".into(), "finess:290000000".into()] };
    let found = world.app.batch_get_sites(&administrator(), request).await.unwrap().found;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].site.as_ref().unwrap().id, sites[0]);
    let none = BatchGetPartiesRequest { refs: Vec::new() };
    assert_eq!(refusal(world.app.batch_get_parties(&administrator(), none).await).1, ["refs"]);
    let many = BatchGetSitesRequest { refs: vec!["key:a".into(); 5_001] };
    assert_eq!(refusal(world.app.batch_get_sites(&administrator(), many).await).1, ["refs"]);
}
