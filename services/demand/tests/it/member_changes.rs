//! A member leaves: as it was shown, once, or not at all.

use demand::domain::member_change::Change;
use kit::{Caller, Failure, id::PartyId};
use proto::{
    demand::v1::{ChangeEffectKind, ConfirmMemberChangeRequest, ConfirmMemberChangeResponse, ListMemberChangesRequest},
    membership::v1::ChangeMemberResponse,
};

use crate::support::{Stage, boxes, officer, request_id, requester};

fn leave(party: PartyId) -> Change {
    // The stage's rounds close within the hour: after this last day.
    Change { party, last_day: "2020-01-01".parse().unwrap(), successor: None, evidence: "Délibération".into() }
}

async fn confirm(
    stage: &Stage,
    officer: &Caller,
    request: &ConfirmMemberChangeRequest,
    change: &Change,
) -> Result<ConfirmMemberChangeResponse, Failure> {
    stage.app.confirm_member_change_knowing(officer, request, change, &ChangeMemberResponse::default()).await
}

fn request(digest: &str) -> ConfirmMemberChangeRequest {
    ConfirmMemberChangeRequest { request_id: request_id(), change: None, digest: digest.to_owned() }
}

/// The digest of the situation as it is.
async fn digest(stage: &Stage, officer: &Caller, change: &Change) -> String {
    let refused = confirm(stage, officer, &request("0"), change).await.unwrap_err();
    assert_eq!(refused.reason(), "SITUATION_CHANGED");
    refused.metadata()["now"].clone()
}

#[tokio::test]
async fn a_situation_that_changed_is_a_conflict_and_leaves_nothing() {
    let stage = Stage::new().await;
    let (group, member, other) = (kit::id::GroupId::new(), PartyId::new(), PartyId::new());
    let officer = officer(group);
    let round = stage.round(&officer).await;
    let article = kit::id::ArticleId::new();
    stage.add(&officer, round, member, vec![boxes(article, 2, "a")]).await.unwrap();
    let change = leave(member);
    let shown = digest(&stage, &officer, &change).await;
    // Another member's need is not its situation.
    stage.add(&officer, round, other, vec![boxes(article, 9, "x")]).await.unwrap();
    assert_eq!(digest(&stage, &officer, &change).await, shown);
    stage.add(&officer, round, member, vec![boxes(article, 1, "b")]).await.unwrap();
    let late = confirm(&stage, &officer, &request(&shown), &change).await.unwrap_err();
    assert_eq!(late.reason(), "SITUATION_CHANGED");
    let needs = stage.list(&officer).await;
    assert!(needs.iter().all(|need| !need.withdrawn), "nothing was done");
    assert_eq!(stage.events("demand.member_change_confirmed.v1").await, 0);

    let now = digest(&stage, &officer, &change).await;
    let done = confirm(&stage, &officer, &request(&now), &change).await.unwrap().change.unwrap();
    assert_eq!((done.state.as_str(), &done.digest), ("CONFIRMED", &now));
    let effects: Vec<_> = done.effects.iter().map(|effect| (effect.kind(), effect.count, effect.units)).collect();
    assert_eq!(effects, [(ChangeEffectKind::NeedsWithdrawn, 2, 90)]);
    assert_eq!(done.effects[0].reason.as_ref().unwrap().source, "CCP L2111-1 et R2162-6");
    for need in stage.list(&officer).await {
        assert_eq!(need.withdrawn, need.party_id == member.to_string(), "{need:?}");
    }
}

#[tokio::test]
async fn twenty_times_the_same_confirmation_at_once_is_done_once() {
    let stage = Stage::new().await;
    let (group, member) = (kit::id::GroupId::new(), PartyId::new());
    let officer = officer(group);
    let round = stage.round(&officer).await;
    stage.add(&officer, round, member, vec![boxes(kit::id::ArticleId::new(), 2, "a")]).await.unwrap();
    let change = leave(member);
    let request = request(&digest(&stage, &officer, &change).await);
    let calls = (0..20).map(|_| confirm(&stage, &officer, &request, &change));
    let answers = futures::future::join_all(calls).await;
    let first = answers[0].as_ref().unwrap();
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap() == first));
    assert_eq!(stage.events("demand.member_change_confirmed.v1").await, 1);
    let listed = stage.app.list_member_changes(&officer, ListMemberChangesRequest::default()).await.unwrap();
    assert_eq!(listed.changes, [first.change.clone().unwrap()]);
    let own = stage.app.list_member_changes(&requester(group, member), ListMemberChangesRequest::default()).await;
    assert_eq!(own.unwrap_err().reason(), "ROLE_NOT_ALLOWED");
    let elsewhere = crate::support::officer(kit::id::GroupId::new());
    let listed = stage.app.list_member_changes(&elsewhere, ListMemberChangesRequest::default()).await.unwrap();
    assert!(listed.changes.is_empty(), "another group's are not there");
}
