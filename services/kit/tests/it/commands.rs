//! Design decision 4: every change is idempotent.

use kit::{Failure, command::Claim, db::Db, id::GroupId, identity::Caller};
use proto::demand::v1::{CloseRoundRequest, CloseRoundResponse, Round, RoundChanged};
use uuid::Uuid;

use crate::{foundation, officer};

async fn close(db: &Db, caller: &Caller, request_id: Uuid, round: &str) -> Result<CloseRoundResponse, Failure> {
    let request =
        CloseRoundRequest { request_id: request_id.to_string(), round_id: round.to_owned(), expected_version: 0 };
    match db.command(caller, "test/Close", &request.request_id, &request).await? {
        Claim::Replayed(reply) => Ok(reply),
        Claim::Fresh(mut command) => {
            let number = command.next_number("TST").await?;
            let event = RoundChanged { round_id: round.to_owned(), state: "CLOSED".to_owned() };
            command.append(Uuid::now_v7(), "test.closed.v1", &event).await?;
            let round = Round { id: round.to_owned(), title: number, ..Round::default() };
            command.finish(CloseRoundResponse { round: Some(round) }).await
        }
    }
}

#[tokio::test]
async fn twenty_identical_commands_at_once_have_one_effect_and_equal_answers() {
    let test = foundation().await;
    let (caller, request_id) = (officer(GroupId::new()), Uuid::now_v7());
    let calls = (0..20).map(|_| close(&test.db, &caller, request_id, "round"));
    let answers = futures::future::join_all(calls).await;
    let first = answers[0].as_ref().unwrap().clone();
    for answer in &answers {
        assert_eq!(answer.as_ref().unwrap(), &first);
    }
    let events: i64 =
        sqlx::query_scalar("SELECT count(*) FROM event").fetch_one(&mut test.superuser().await).await.unwrap();
    assert_eq!(events, 1);
}

#[tokio::test]
async fn the_same_request_id_with_another_body_is_a_clear_conflict() {
    let test = foundation().await;
    let (caller, request_id) = (officer(GroupId::new()), Uuid::now_v7());
    close(&test.db, &caller, request_id, "one").await.unwrap();
    let refused = close(&test.db, &caller, request_id, "two").await.unwrap_err();
    assert_eq!(refused.reason(), "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn another_caller_may_use_the_same_request_id() {
    let test = foundation().await;
    let (group, request_id) = (GroupId::new(), Uuid::now_v7());
    let one = close(&test.db, &officer(group), request_id, "one").await.unwrap();
    let two = close(&test.db, &officer(group), request_id, "two").await.unwrap();
    assert_ne!(one, two);
}

#[tokio::test]
async fn an_abandoned_command_leaves_no_trace_and_may_be_tried_again() {
    let test = foundation().await;
    let (caller, request_id) = (officer(GroupId::new()), Uuid::now_v7());
    let request = CloseRoundRequest { request_id: request_id.to_string(), round_id: "r".into(), expected_version: 0 };
    let Claim::Fresh(command) =
        test.db.command::<CloseRoundResponse>(&caller, "test/Close", &request.request_id, &request).await.unwrap()
    else {
        panic!("a new request id was already there");
    };
    command.abandon().await.unwrap();
    close(&test.db, &caller, request_id, "r").await.unwrap();
}

#[tokio::test]
async fn numbers_have_no_gaps_under_concurrency() {
    let test = foundation().await;
    let caller = officer(GroupId::new());
    let calls = (0..12).map(|n| {
        let (db, caller) = (test.db.clone(), caller.clone());
        async move {
            if n % 3 == 0 {
                let request =
                    CloseRoundRequest { request_id: Uuid::now_v7().to_string(), ..CloseRoundRequest::default() };
                let Claim::Fresh(mut command) = db
                    .command::<CloseRoundResponse>(&caller, "test/Close", &request.request_id, &request)
                    .await
                    .unwrap()
                else {
                    panic!("replayed")
                };
                command.next_number("TST").await.unwrap();
                command.abandon().await.unwrap();
                return None;
            }
            Some(close(&db, &caller, Uuid::now_v7(), "r").await.unwrap().round.unwrap().title)
        }
    });
    let mut numbers: Vec<String> = futures::future::join_all(calls).await.into_iter().flatten().collect();
    numbers.sort();
    let ends: Vec<&str> = numbers.iter().map(|number| number.rsplit('-').next().unwrap()).collect();
    assert_eq!(ends, ["0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008"]);
}

#[tokio::test]
async fn a_party_session_never_writes() {
    let test = foundation().await;
    let mut caller = officer(GroupId::new());
    caller.scope = kit::Scope::Party(kit::id::PartyId::new());
    let refused = close(&test.db, &caller, Uuid::now_v7(), "r").await.unwrap_err();
    assert_eq!(refused.reason(), "WRONG_SESSION");
}
