use demand::app::App;
use kit::{Caller, Failure, Role, Scope, id::GroupId};
use proto::demand::v1::{
    Dispatch, DispatchOutcome, DispatchState, LeaseDispatchesRequest, LeasedDispatch, ListDispatchesRequest,
    RecordDispatchRequest, ResendOrderRequest,
};

use crate::{
    scene::Scene,
    support::{officer, person, request_id, requester},
};

async fn lease(app: &App, limit: i32) -> Vec<LeasedDispatch> {
    let gateway = Caller::service("gateway", Scope::Deployment);
    app.lease_dispatches(&gateway, LeaseDispatchesRequest { limit, lease_s: 60 }).await.unwrap().leased
}

fn outcome(leased: &LeasedDispatch, outcome: DispatchOutcome) -> RecordDispatchRequest {
    let told = |text: &str| if outcome == DispatchOutcome::Sent { text.to_owned() } else { String::new() };
    RecordDispatchRequest {
        request_id: request_id(),
        dispatch_id: leased.dispatch_id.clone(),
        sending: leased.sending,
        holder: leased.holder.clone(),
        outcome: outcome.into(),
        error: "451 plus tard".into(),
        sent_to: told("commandes@example.org"),
        message_id: told("<x@example.org>"),
    }
}

async fn record(scene: &Scene, request: RecordDispatchRequest) -> Dispatch {
    let gateway = Caller::service("gateway", Scope::Group(scene.group));
    scene.stage.app.record_dispatch(&gateway, request).await.unwrap().dispatch.unwrap()
}

async fn list(scene: &Scene, caller: &Caller) -> Result<Vec<Dispatch>, Failure> {
    Ok(scene.stage.app.list_dispatches(caller, ListDispatchesRequest::default()).await?.dispatches)
}

async fn resend(scene: &Scene, order: &str) -> Result<Dispatch, Failure> {
    let request = ResendOrderRequest { request_id: request_id(), pooled_order_id: order.to_owned() };
    Ok(scene.stage.app.resend_order(&scene.officer, request).await?.dispatch.unwrap())
}

/// What the passing of a lease and of a wait come to.
async fn time_passes(scene: &Scene) {
    let mut superuser = scene.stage.test.superuser().await;
    let sql = "UPDATE dispatch SET next_try_at = clock_timestamp(),
                 lease_until = CASE WHEN holder IS NULL THEN NULL ELSE clock_timestamp() - interval '1 second' END";
    sqlx::query(sql).execute(&mut superuser).await.unwrap();
}

#[tokio::test]
async fn a_placed_order_waits_to_be_sent_and_two_senders_never_take_the_same() {
    let scene = Scene::new().await;
    assert!(lease(&scene.stage.app, 20).await.is_empty(), "nothing is placed");
    let placed = scene.placed().await;
    let app = &scene.stage.app;
    let (one, other) = tokio::join!(lease(app, 1), lease(app, 1));
    let mut orders: Vec<String> = one.iter().chain(&other).map(|leased| leased.pooled_order_id.clone()).collect();
    orders.sort();
    let mut wanted = placed.to_vec();
    wanted.sort();
    assert_eq!(orders, wanted);
    assert_ne!(one[0].holder, other[0].holder);
    assert!(lease(app, 20).await.is_empty(), "both are being sent");
    time_passes(&scene).await;
    assert_eq!(lease(app, 20).await.len(), 2, "of senders that died");
}

#[tokio::test]
async fn a_mail_that_left_is_recorded_once_even_by_a_sender_that_lost_its_lease() {
    let scene = Scene::new().await;
    scene.placed().await;
    let first = lease(&scene.stage.app, 1).await.remove(0);
    time_passes(&scene).await;
    let second = lease(&scene.stage.app, 1).await.into_iter().find(|leased| leased.dispatch_id == first.dispatch_id);
    let sent = record(&scene, outcome(&first, DispatchOutcome::Sent)).await;
    assert_eq!((sent.state(), sent.sent_to.as_str()), (DispatchState::Sent, "commandes@example.org"));
    // The other one sent the same mail, and says so; or failed, which changes nothing any more.
    let second = second.unwrap_or(first);
    for told in [DispatchOutcome::Sent, DispatchOutcome::Failed, DispatchOutcome::Later, DispatchOutcome::NoAddress] {
        let after = record(&scene, outcome(&second, told)).await;
        assert_eq!((after.state(), after.sent_at.as_str()), (DispatchState::Sent, sent.sent_at.as_str()), "{told:?}");
    }
    assert_eq!(scene.stage.events("demand.order_sent.v1").await, 1);
    let requests = outcome(&second, DispatchOutcome::Sent);
    let again = futures::future::join_all((0..20).map(|_| record(&scene, requests.clone()))).await;
    assert!(again.iter().all(|reply| *reply == again[0]));
    assert_eq!(scene.stage.events("demand.order_sent.v1").await, 1);
}

#[tokio::test]
async fn failures_are_told_and_tried_again_later_and_only_by_who_holds_the_lease() {
    let scene = Scene::new().await;
    scene.placed().await;
    let leased = lease(&scene.stage.app, 1).await.remove(0);
    let stranger =
        RecordDispatchRequest { holder: uuid::Uuid::now_v7().to_string(), ..outcome(&leased, DispatchOutcome::Failed) };
    assert_eq!(record(&scene, stranger).await.state(), DispatchState::Waiting, "not its lease");
    let later = record(&scene, outcome(&leased, DispatchOutcome::Later)).await;
    assert_eq!(
        (later.state(), later.attempts, later.last_error.as_str()),
        (DispatchState::Waiting, 1, "451 plus tard")
    );
    assert!(!later.next_try_at.is_empty());
    let due = lease(&scene.stage.app, 20).await;
    assert!(due.iter().all(|due| due.dispatch_id != leased.dispatch_id), "not before its time");
    time_passes(&scene).await;
    let again = lease(&scene.stage.app, 20).await;
    let again = again.iter().find(|again| again.dispatch_id == leased.dispatch_id).unwrap();
    assert_eq!(again.sending, 1, "the same mail");
    let failed = record(&scene, outcome(again, DispatchOutcome::Failed)).await;
    assert_eq!((failed.state(), failed.last_error.as_str()), (DispatchState::Failed, "451 plus tard"));
    assert_eq!(scene.stage.events("demand.order_not_sent.v1").await, 1);
}

#[tokio::test]
async fn an_officer_sends_again_what_left_as_a_new_mail_and_what_did_not_as_the_same() {
    let scene = Scene::new().await;
    let (_, placing) = scene.placing().await;
    assert_eq!(resend(&scene, &placing[0]).await.unwrap_err().reason(), "ORDER_NOT_PLACED");
    crate::orders::carry_through(&scene.stage.test.db).await;
    let waiting = resend(&scene, &placing[0]).await.unwrap();
    assert_eq!((waiting.state(), waiting.sending), (DispatchState::Waiting, 1), "it has not left yet");
    for leased in lease(&scene.stage.app, 20).await {
        let told =
            if leased.pooled_order_id == placing[0] { DispatchOutcome::Sent } else { DispatchOutcome::NoAddress };
        record(&scene, outcome(&leased, told)).await;
    }
    let (again, other) = (resend(&scene, &placing[0]).await.unwrap(), resend(&scene, &placing[1]).await.unwrap());
    assert_eq!((again.state(), again.sending), (DispatchState::Waiting, 2));
    assert_eq!((other.state(), other.sending), (DispatchState::Waiting, 1), "it has an address now");
    assert_eq!(lease(&scene.stage.app, 20).await.len(), 2);
    assert_eq!(scene.stage.events("demand.order_resend_asked.v1").await, 3);
}

#[tokio::test]
async fn only_the_gateway_sends_and_only_officers_and_auditors_of_the_group_look() {
    let scene = Scene::new().await;
    let placed = scene.placed().await;
    let app = &scene.stage.app;
    let request = LeaseDispatchesRequest { limit: 1, lease_s: 60 };
    for caller in [
        Caller::service("logistics", Scope::Deployment),
        officer(scene.group),
        person(Scope::Deployment, Role::Administrator, None),
    ] {
        assert_eq!(app.lease_dispatches(&caller, request).await.unwrap_err().reason(), "ROLE_NOT_ALLOWED");
    }
    let in_group = Caller::service("gateway", Scope::Group(scene.group));
    assert_eq!(app.lease_dispatches(&in_group, request).await.unwrap_err().reason(), "WRONG_SESSION");
    let leased = lease(app, 1).await.remove(0);
    let elsewhere = Caller::service("gateway", Scope::Group(GroupId::new()));
    let sent = outcome(&leased, DispatchOutcome::Sent);
    assert_eq!(app.record_dispatch(&elsewhere, sent.clone()).await.unwrap_err().reason(), "NOT_FOUND");
    assert_eq!(app.record_dispatch(&scene.officer, sent).await.unwrap_err().reason(), "ROLE_NOT_ALLOWED");

    assert_eq!(list(&scene, &scene.officer).await.unwrap().len(), 2);
    assert_eq!(list(&scene, &person(Scope::Group(scene.group), Role::Auditor, None)).await.unwrap().len(), 2);
    assert!(list(&scene, &officer(GroupId::new())).await.unwrap().is_empty());
    let member = requester(scene.group, scene.members[0]);
    assert_eq!(list(&scene, &member).await.unwrap_err().reason(), "ROLE_NOT_ALLOWED");
    let foreign = ResendOrderRequest { request_id: request_id(), pooled_order_id: placed[0].clone() };
    let refused = app.resend_order(&officer(GroupId::new()), foreign).await.unwrap_err();
    assert_eq!(refused.reason(), "NOT_FOUND");
}
