use kit::{
    Caller, Role, Scope,
    id::{DelegationId, GroupId, PartyId},
    signature::{Holder, Signature, Signatures},
};
use proto::demand::v1::{
    ApprovePlanRequest, GetPlanRequest, ListPlanExclusionsRequest, ListPlanLinesRequest, ListPlanSharesRequest,
    PlaceOrdersRequest, PlanRoundRequest, PlanShare, PlanState,
};

use crate::{
    scene::Scene,
    support::{officer, person, request_id, requester},
};

async fn shares(scene: &Scene, caller: &Caller, plan: &str) -> Vec<PlanShare> {
    let request = ListPlanSharesRequest { plan_id: plan.to_owned(), ..ListPlanSharesRequest::default() };
    scene.stage.app.list_plan_shares(caller, request).await.unwrap().shares
}

#[tokio::test]
async fn a_plan_is_kept_with_its_lines_shares_and_reasons() {
    let scene = Scene::new().await;
    let plan = scene.plan().await;
    assert_eq!((plan.line_count, plan.share_count, plan.exclusion_count), (2, 3, 0));
    assert_eq!((plan.units_needed, plan.units_ordered), (31 + 1_200 + 60, 60 + 1_200 + 60));
    assert_eq!(plan.amount_cents, 1_260 * 8 + 60 * 10);
    assert_eq!(plan.missing_commitments, [scene.members[0].to_string()]);
    let request = ListPlanLinesRequest { plan_id: plan.id.clone(), page: None };
    let lines = scene.stage.app.list_plan_lines(&scene.officer, request).await.unwrap().lines;
    assert_eq!((lines[0].packs, lines[0].units_ordered, lines[0].unit_price.as_str()), (42, 1_260, "0.08"));
    assert!(lines[0].reasons.iter().any(|reason| reason.rule == "TIER" && reason.facts["first_tier_cents"] == "12600"));
    let all = shares(&scene, &scene.officer, &plan.id).await;
    assert_eq!(all.iter().map(|share| share.units).sum::<i64>(), plan.units_ordered);
    assert_eq!(all.iter().map(|share| share.amount_cents).sum::<i64>(), plan.amount_cents);
    assert_eq!(scene.stage.events("demand.plan_proposed.v1").await, 1);
}

#[tokio::test]
async fn twenty_times_the_same_request_at_once_make_one_plan() {
    let scene = Scene::new().await;
    let id = request_id();
    let tries = (0..20).map(|_| scene.propose_as(&id, scene.terms()));
    let replies = futures::future::join_all(tries).await;
    let first = replies[0].as_ref().unwrap();
    assert!(replies.iter().all(|reply| reply.as_ref().unwrap() == first));
    assert_eq!(scene.stage.events("demand.plan_proposed.v1").await, 1);
}

#[tokio::test]
async fn the_same_needs_and_terms_give_the_same_hash() {
    let mut scene = Scene::new().await;
    let first = scene.plan().await;
    scene.needs.reverse();
    let second = scene.plan().await;
    assert_ne!(first.id, second.id);
    assert_eq!(first.sha256, second.sha256);
}

#[tokio::test]
async fn a_plan_is_refused_for_an_open_round_and_for_needs_that_are_not_those_frozen() {
    let scene = Scene::new().await;
    let plan = async || {
        let request = PlanRoundRequest { request_id: request_id(), snapshot_id: scene.snapshot.to_string() };
        scene.stage.app.plan_round(&scene.officer, request).await.unwrap_err()
    };
    assert!(plan().await.is_transient(), "all is well but the other services, which are away");
    let mut superuser = scene.stage.test.superuser().await;
    sqlx::query("UPDATE need SET withdrawn = true WHERE reference = 'b'").execute(&mut superuser).await.unwrap();
    assert_eq!(plan().await.reason(), "SNAPSHOT_NOT_WHOLE");
    sqlx::query("UPDATE round SET state = 'OPEN'").execute(&mut superuser).await.unwrap();
    assert_eq!(plan().await.reason(), "ROUND_WRONG_STATE");
}

#[tokio::test]
async fn needs_left_out_are_listed_with_the_rule() {
    let scene = Scene::new().await;
    let mut terms = scene.terms();
    for entitlement in terms.entitlements.values_mut() {
        entitlement.allowed = false;
        entitlement.reason.rule = "BENEFICIARY_NOT_NAMED".into();
    }
    let plan = scene.propose(terms).await.unwrap().plan.unwrap();
    let list = async |caller: &Caller| {
        let request = ListPlanExclusionsRequest { plan_id: plan.id.clone(), page: None };
        scene.stage.app.list_plan_exclusions(caller, request).await.unwrap().exclusions
    };
    let all = list(&scene.officer).await;
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|exclusion| exclusion.reason.as_ref().unwrap().rule == "BENEFICIARY_NOT_NAMED"));
    assert_eq!(list(&requester(scene.group, scene.members[1])).await.len(), 1, "a requester sees its member's");
    let refused = scene.approve(&plan.id).await.unwrap_err();
    assert_eq!(refused.reason(), "PLAN_EMPTY");
}

#[tokio::test]
async fn one_plan_of_a_round_is_approved_and_only_once() {
    let scene = Scene::new().await;
    let (first, second) = (scene.plan().await, scene.plan().await);
    let stale = ApprovePlanRequest { request_id: request_id(), plan_id: first.id.clone(), expected_version: 7 };
    let rights = Signatures::default();
    let stale = scene.stage.app.approve_plan_knowing(&scene.officer, &stale, &rights).await.unwrap_err();
    assert_eq!(stale.reason(), "VERSION_CHANGED");
    let approved = scene.approve(&first.id).await.unwrap().plan.unwrap();
    assert_eq!((approved.state(), approved.version), (PlanState::Approved, 2));
    assert_eq!(scene.approve(&first.id).await.unwrap_err().reason(), "PLAN_WRONG_STATE");
    assert_eq!(scene.approve(&second.id).await.unwrap_err().reason(), "ANOTHER_PLAN_APPROVED");
    let by_member = ApprovePlanRequest { request_id: request_id(), plan_id: second.id, expected_version: 0 };
    let by_member = scene.stage.app.approve_plan(&requester(scene.group, scene.members[0]), by_member).await;
    assert_eq!(by_member.unwrap_err().reason(), "ROLE_NOT_ALLOWED");
}

#[tokio::test]
async fn a_plan_is_approved_and_placed_within_what_the_officer_may_sign() {
    let scene = Scene::new().await;
    let plan = scene.plan().await;
    let party = PartyId::new();
    let officer = Caller { acts_for: Some(party), ..scene.officer.clone() };
    let holder = Holder::Person(officer.person().unwrap());
    let rights = |limit_cents| {
        let given = vec![Signature { delegation: DelegationId::new(), holder, limit_cents: Some(limit_cents) }];
        Signatures { given, source: "CSP D6143-33".into() }
    };
    let approve = || ApprovePlanRequest { request_id: request_id(), plan_id: plan.id.clone(), expected_version: 0 };
    let app = &scene.stage.app;
    let above = app.approve_plan_knowing(&officer, &approve(), &rights(plan.amount_cents - 1)).await.unwrap_err();
    let figures = above.metadata();
    assert_eq!((above.reason().as_str(), figures["source"].as_str()), ("ABOVE_DELEGATION", "CSP D6143-33"));
    assert_eq!(figures["amount_cents"], plan.amount_cents.to_string());
    assert_eq!(figures["limit_cents"], (plan.amount_cents - 1).to_string());
    let other = Caller { subject: kit::id::PersonId::new().to_string(), ..officer.clone() };
    let none = app.approve_plan_knowing(&other, &approve(), &rights(i64::MAX)).await.unwrap_err();
    assert_eq!(none.reason(), "NO_DELEGATION");
    assert_eq!(scene.stage.events("demand.plan_approved.v1").await, 0, "refusals leave nothing");
    app.approve_plan_knowing(&officer, &approve(), &rights(plan.amount_cents)).await.unwrap();
    scene.commit(&scene.officer, &plan.id, scene.members[0]).await.unwrap();
    let place = || PlaceOrdersRequest { request_id: request_id(), plan_id: plan.id.clone() };
    let above = app.place_orders_knowing(&officer, &place(), &rights(plan.amount_cents - 1)).await.unwrap_err();
    assert_eq!(above.reason(), "ABOVE_DELEGATION");
    app.place_orders_knowing(&officer, &place(), &rights(plan.amount_cents)).await.unwrap();
}

#[tokio::test]
async fn a_commitment_is_given_by_its_buyer_or_an_officer_once_the_plan_is_approved() {
    let scene = Scene::new().await;
    let plan = scene.plan().await.id;
    let [bound, free] = scene.members;
    let early = scene.commit(&scene.officer, &plan, bound).await.unwrap_err();
    assert_eq!(early.reason(), "PLAN_WRONG_STATE");
    scene.approve(&plan).await.unwrap();
    let missing = scene.place(&plan).await.unwrap_err();
    assert_eq!(missing.reason(), "MISSING_COMMITMENTS");
    assert_eq!(missing.metadata()["parties"], bound.to_string());
    let other = scene.commit(&requester(scene.group, free), &plan, bound).await.unwrap_err();
    assert_eq!(other.reason(), "ROLE_NOT_ALLOWED");
    assert_eq!(scene.commit(&scene.officer, &plan, PartyId::new()).await.unwrap_err().reason(), "NOT_A_BUYER");
    let given = scene.commit(&requester(scene.group, bound), &plan, bound).await.unwrap().plan.unwrap();
    assert!(given.missing_commitments.is_empty());
    scene.commit(&scene.officer, &plan, free).await.unwrap();
    assert_eq!(scene.place(&plan).await.unwrap().orders.len(), 2);
    let late = scene.commit(&scene.officer, &plan, bound).await.unwrap_err();
    assert_eq!(late.reason(), "PLAN_WRONG_STATE");
}

#[tokio::test]
async fn another_group_and_another_member_see_nothing_of_a_plan() {
    let scene = Scene::new().await;
    let plan = scene.plan().await.id;
    let stranger = officer(GroupId::new());
    let request = GetPlanRequest { plan_id: plan.clone() };
    let hidden = scene.stage.app.get_plan(&stranger, request.clone()).await.unwrap_err();
    assert_eq!(hidden.reason(), "NOT_FOUND");
    let of_plan = ListPlanSharesRequest { plan_id: plan.clone(), ..ListPlanSharesRequest::default() };
    let hidden = scene.stage.app.list_plan_shares(&stranger, of_plan).await.unwrap_err();
    assert_eq!(hidden.reason(), "NOT_FOUND");
    let of_plan = ListPlanExclusionsRequest { plan_id: plan.clone(), page: None };
    let hidden = scene.stage.app.list_plan_exclusions(&stranger, of_plan).await.unwrap_err();
    assert_eq!(hidden.reason(), "NOT_FOUND");
    let [first, second] = scene.members;
    assert_eq!(shares(&scene, &requester(scene.group, first), &plan).await.len(), 2);
    assert_eq!(shares(&scene, &requester(scene.group, PartyId::new()), &plan).await.len(), 0);
    let across = person(Scope::Party(second), Role::MemberRequester, Some(second));
    assert_eq!(shares(&scene, &across, &plan).await.len(), 1, "a party sees its own in any group");
    let lines = ListPlanLinesRequest { plan_id: plan.clone(), page: None };
    let lines = scene.stage.app.list_plan_lines(&requester(scene.group, second), lines).await.unwrap().lines;
    assert_eq!(lines.len(), 1, "the lines that its member shares");
    let supplier = scene.supplier(0, Scope::Group(scene.group));
    assert_eq!(scene.stage.app.get_plan(&supplier, request).await.unwrap_err().reason(), "ROLE_NOT_ALLOWED");
}

#[tokio::test]
async fn the_database_refuses_a_share_below_its_need_and_a_cut_pack() {
    let scene = Scene::new().await;
    scene.plan().await;
    let mut superuser = scene.stage.test.superuser().await;
    for (sql, constraint) in [
        ("UPDATE plan_share SET units = units_needed - 1", "plan_share_covers_need"),
        ("UPDATE plan_line SET units_ordered = units_ordered + 1", "plan_line_whole_packs"),
        ("UPDATE plan_line SET tier_min_units = units_ordered + 1", "plan_line_tier_reached"),
    ] {
        let error = sqlx::query(sql).execute(&mut superuser).await.unwrap_err();
        assert_eq!(error.as_database_error().unwrap().constraint(), Some(constraint));
    }
}
