//! Several requests in one transaction (group commit): each is judged by itself.

use std::sync::Arc;

use demand::domain::need::Batch;
use kit::{
    Caller, Failure,
    group_commit::Asked,
    id::{ArticleId, GroupId, PartyId, RoundId},
};
use proto::demand::v1::{AddNeedsRequest, AddNeedsResponse};

use crate::support::{Stage, boxes, officer, request_id, requester};

fn asked(caller: &Caller, request_id: &str, body: &str) -> Asked<()> {
    let request =
        AddNeedsRequest { request_id: request_id.to_owned(), party_id: body.to_owned(), ..AddNeedsRequest::default() };
    Asked::new(caller, request_id, &request, ()).unwrap()
}

fn one(round_id: RoundId, party_id: PartyId, reference: &str) -> Batch {
    Batch { round_id, party_id, needs: vec![boxes(ArticleId::new(), 1, reference)] }
}

fn told(answer: &Result<AddNeedsResponse, Failure>) -> String {
    match answer {
        Ok(answer) => format!("{} added, {} faults", answer.needs.len(), answer.errors.len()),
        Err(failure) => failure.reason(),
    }
}

#[tokio::test]
async fn a_refused_request_is_answered_alone_and_the_others_are_done() {
    let stage = Stage::new().await;
    let group = GroupId::new();
    let officer = officer(group);
    let (open, closed) = (stage.round(&officer).await, stage.round(&officer).await);
    stage.close(&officer, closed).await.unwrap();
    let (party, other) = (PartyId::new(), PartyId::new());
    let requester = requester(group, other);
    let before = request_id();
    let first =
        stage.app.state_together(group, &[(&asked(&officer, &before, "x"), one(open, party, "A"))]).await.unwrap();

    let ids: Vec<String> = (0..7).map(|_| request_id()).collect();
    let commands = [
        (asked(&officer, &ids[0], "x"), one(open, party, "A")),
        (asked(&officer, &ids[1], "x"), one(open, party, "B")),
        (asked(&officer, &ids[2], "x"), one(open, party, "B")),
        (asked(&officer, &ids[3], "x"), one(closed, party, "C")),
        (asked(&officer, &ids[4], "x"), one(RoundId::new(), party, "C")),
        (asked(&requester, &ids[5], "x"), one(open, other, "B")),
        (asked(&officer, &before, "x"), one(open, party, "A")),
        (asked(&officer, &before, "another body"), one(open, party, "D")),
    ];
    // The same id twice is never in one transaction: the lanes see to it.
    let mut answers = Vec::new();
    for set in [&commands[..6], &commands[6..7], &commands[7..]] {
        let set: Vec<(&Asked<()>, Batch)> = set.iter().map(|(asked, batch)| (asked, batch.clone())).collect();
        answers.extend(stage.app.state_together(group, &set).await.unwrap());
    }
    let told: Vec<String> = answers.iter().map(told).collect();
    assert_eq!(
        told,
        [
            "0 added, 1 faults",
            "1 added, 0 faults",
            "0 added, 1 faults",
            "ROUND_CLOSED",
            "NOT_FOUND",
            "1 added, 0 faults",
            "1 added, 0 faults",
            "REQUEST_ID_REUSED"
        ]
    );
    assert_eq!(answers[6].as_ref().unwrap(), first[0].as_ref().unwrap(), "answered as before");
    assert_eq!(stage.list(&officer).await.len(), 3);
    let mut superuser = stage.test.superuser().await;
    let actors: Vec<String> =
        sqlx::query_scalar("SELECT actor FROM event WHERE kind = 'demand.needs_stated.v1' ORDER BY seq")
            .fetch_all(&mut superuser)
            .await
            .unwrap();
    let expected = [&officer.subject, &officer.subject, &requester.subject].map(Clone::clone);
    assert_eq!(actors, expected, "each in its own name");
    let written: Vec<String> =
        sqlx::query_scalar("SELECT created_by FROM need ORDER BY id").fetch_all(&mut superuser).await.unwrap();
    assert_eq!(written, actors);
    let kept: i64 =
        sqlx::query_scalar("SELECT count(*) FROM idempotency WHERE method LIKE '%/AddNeeds' AND reply IS NOT NULL")
            .fetch_one(&mut superuser)
            .await
            .unwrap();
    assert_eq!(kept, 3, "a refusal is judged again");
}

#[tokio::test]
async fn replicas_that_are_asked_the_same_at_once_have_one_effect_and_equal_answers() {
    let stage = Arc::new(Stage::new().await);
    let group = GroupId::new();
    let officer = officer(group);
    let (round, party) = (stage.round(&officer).await, PartyId::new());
    // Each replica has the same twenty commands waiting, in another order, beside some of its own.
    let shared: Arc<Vec<String>> = Arc::new((0..20).map(|_| request_id()).collect());
    let calls = (0..4).map(|replica| {
        let (stage, officer, shared) = (stage.clone(), officer.clone(), shared.clone());
        tokio::spawn(async move {
            let mut commands: Vec<(usize, Asked<()>, Batch)> =
                (0..20).map(|n| (n, asked(&officer, &shared[n], "x"), one(round, party, &format!("S{n}")))).collect();
            commands.rotate_left(replica * 5);
            let own = format!("R{replica}");
            commands.push((99, asked(&officer, &request_id(), "x"), one(round, party, &own)));
            let set: Vec<(&Asked<()>, Batch)> =
                commands.iter().map(|(_, asked, batch)| (asked, batch.clone())).collect();
            let answers = stage.app.state_together(group, &set).await.unwrap();
            let mut by_command: Vec<_> = commands
                .iter()
                .zip(answers)
                .filter(|((n, ..), _)| *n < 20)
                .map(|((n, ..), answer)| (*n, answer.unwrap()))
                .collect();
            by_command.sort_by_key(|(n, _)| *n);
            by_command
        })
    });
    let mut all = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        all.push(call.await.unwrap());
    }
    assert!(all.iter().all(|answers| *answers == all[0]), "equal answers");
    assert_eq!(stage.list(&officer).await.len(), 24);
    assert_eq!(stage.events("demand.needs_stated.v1").await, 24);
}
