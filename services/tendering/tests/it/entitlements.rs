//! Who may buy, through the database.

use kit::{
    Role, Scope,
    id::{LotId, PartyId},
};
use proto::tendering::v1 as pb;
use tendering::convert::AskedEntitlement;

use crate::support::{World, person, reason, service};

fn asked(questions: &[(PartyId, LotId)]) -> Vec<AskedEntitlement> {
    questions.iter().map(|(party, lot)| AskedEntitlement::any(*party, *lot)).collect()
}

#[tokio::test]
async fn answers_come_in_the_order_asked_with_rule_and_source() {
    let world = World::new().await;
    let (named, unnamed, outsider) = (PartyId::new(), PartyId::new(), PartyId::new());
    let agreement = world.enter("k1", &[(PartyId::new(), 5_000, 0)], &[named, outsider]).await;
    let mut past = world.agreement("k2", &[(PartyId::new(), 5_000, 0)], &[]);
    past.ends_on = world.day(-1).to_string();
    let past = world.enter_in(world.group, past).await.unwrap();
    let lot: LotId = agreement.lots[0].id.parse().unwrap();
    let over: LotId = past.lots[0].id.parse().unwrap();
    let questions = [(unnamed, lot), (named, lot), (named, over), (outsider, lot), (named, lot)];
    let facts = world.facts(&[named, unnamed]);
    let answer = world.app.check_entitlements_knowing(&service(world.group), &asked(&questions), &facts).await.unwrap();
    let rules: Vec<(bool, String, String)> = answer
        .entitlements
        .iter()
        .map(|entitlement| {
            let reason = entitlement.reason.as_ref().unwrap();
            (entitlement.allowed, reason.rule.clone(), reason.source.clone())
        })
        .collect();
    let expected = [
        (false, "BENEFICIARY_NOT_NAMED", "CCP R2162-6 ; CJUE C-216/17"),
        (true, "ENTITLED", "CCP R2162-6"),
        (false, "AGREEMENT_NOT_IN_FORCE", "CCP R2162-5"),
        (false, "NOT_A_MEMBER", "CSP R6132-16"),
        (true, "ENTITLED", "CCP R2162-6"),
    ];
    assert_eq!(rules, expected.map(|(allowed, rule, source)| (allowed, rule.to_owned(), source.to_owned())));
    let as_sent = |party: PartyId, lot: LotId| pb::EntitlementQuestion {
        party_id: party.to_string(),
        lot_id: lot.to_string(),
        ..Default::default()
    };
    let echoed: Vec<_> = answer.entitlements.into_iter().map(|entitlement| entitlement.question.unwrap()).collect();
    assert_eq!(echoed, questions.map(|(party, lot)| as_sent(party, lot)));
    let stranger = [(named, LotId::new())];
    assert_eq!(
        reason(world.app.check_entitlements_knowing(&service(world.group), &asked(&stranger), &facts).await),
        "NOT_FOUND"
    );
}

#[tokio::test]
async fn twenty_thousand_questions_are_answered_at_once() {
    let world = World::new().await;
    let parties: Vec<PartyId> = (0..1_000).map(|_| PartyId::new()).collect();
    let holder = PartyId::new();
    let agreement = world.enter("k1", &[(holder, 5_000, 0); 20], &parties[..500]).await;
    let lots: Vec<LotId> = agreement.lots.iter().map(|lot| lot.id.parse().unwrap()).collect();
    let questions: Vec<(PartyId, LotId)> =
        parties.iter().flat_map(|party| lots.iter().map(|lot| (*party, *lot))).collect();
    assert_eq!(questions.len(), 20_000);
    let facts = world.facts(&parties);
    let started = std::time::Instant::now();
    let answer = world.app.check_entitlements_knowing(&service(world.group), &asked(&questions), &facts).await.unwrap();
    assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", started.elapsed());
    assert_eq!(answer.entitlements.iter().filter(|entitlement| entitlement.allowed).count(), 10_000);
}

#[tokio::test]
async fn a_reservation_is_refused_for_the_first_share_that_is_not_entitled_and_leaves_nothing() {
    let world = World::new().await;
    let (named, unnamed) = (PartyId::new(), PartyId::new());
    let agreement = world.enter("k1", &[(PartyId::new(), 5_000, 0)], &[named]).await;
    let lot = agreement.lots[0].id.as_str();
    let refusal = world.reserve(lot, &[(named, 10), (unnamed, 10)]).await.unwrap_err();
    let figures = refusal.metadata();
    assert_eq!(refusal.reason(), "NOT_ENTITLED");
    assert_eq!(
        (figures["rule"].as_str(), figures["source"].as_str()),
        ("BENEFICIARY_NOT_NAMED", "CCP R2162-6 ; CJUE C-216/17")
    );
    assert_eq!((&figures["party"], figures["lot"].as_str()), (&unnamed.to_string(), lot));
    assert!(figures["text"].starts_with("Achat refusé le "), "{}", figures["text"]);
    assert!(figures["text"].contains("AC-k1"), "{}", figures["text"]);
    assert_eq!(world.lot(&agreement.id).await.reserved_cents, 0);
    assert_eq!(world.events("tendering.ceiling_reserved.v1").await, 0);
    world.reserve(lot, &[(named, 10), (unnamed, 0)]).await.unwrap();
}

#[tokio::test]
async fn an_agreement_that_has_ended_reserves_nothing() {
    let world = World::new().await;
    let buyer = PartyId::new();
    let mut ended = world.agreement("k1", &[(PartyId::new(), 5_000, 0)], &[buyer]);
    ended.ends_on = world.day(-1).to_string();
    let ended = world.enter_in(world.group, ended).await.unwrap();
    let refusal = world.reserve(&ended.lots[0].id, &[(buyer, 10)]).await.unwrap_err();
    assert_eq!(
        (refusal.reason().as_str(), refusal.metadata()["rule"].as_str()),
        ("NOT_ENTITLED", "AGREEMENT_NOT_IN_FORCE")
    );
}

#[tokio::test]
async fn people_of_a_member_ask_for_it_only_and_others_not_at_all() {
    let world = World::new().await;
    let (own, other) = (PartyId::new(), PartyId::new());
    let agreement = world.enter("k1", &[(PartyId::new(), 5_000, 0)], &[own, other]).await;
    let ask = |party: PartyId| pb::CheckEntitlementsRequest {
        questions: vec![pb::EntitlementQuestion {
            party_id: party.to_string(),
            lot_id: agreement.lots[0].id.clone(),
            ..Default::default()
        }],
        on: String::new(),
    };
    for role in [Role::MemberRequester, Role::MemberReceiver] {
        let caller = person(Scope::Group(world.group), own, role);
        assert_eq!(reason(world.app.check_entitlements(&caller, ask(other)).await), "NOT_FOUND");
        // Its own question passes on to membership, which is away in this test.
        let away = world.app.check_entitlements(&caller, ask(own)).await.unwrap_err();
        assert!(matches!(away, kit::Failure::Remote(_)), "{away}");
        let request = pb::GetAgreementRequest { agreement_id: agreement.id.clone() };
        let seen = world.app.get_agreement(&caller, request).await.unwrap().agreement.unwrap();
        let named: Vec<String> = seen.beneficiaries.into_iter().map(|beneficiary| beneficiary.party_id).collect();
        assert_eq!(named, [own.to_string()], "the other members are not its business");
    }
    for role in [Role::Supplier, Role::PlatformOperator, Role::Administrator] {
        let caller = person(Scope::Group(world.group), own, role);
        assert_eq!(reason(world.app.check_entitlements(&caller, ask(own)).await), "ROLE_NOT_ALLOWED");
    }
}
