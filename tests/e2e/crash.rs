//! Kill anything at any moment: the job ends with the same figures and the audit is clean.

use std::time::Duration;

use e2e::{PROCESSES, Stack, expected_figures, root, small_season};
use sqlx::{Connection as _, PgConnection};

/// What a killed sender was sending is soon sent by another.
const MAIL_LEASE: (&str, &str) = ("CENTRALE_MAIL_LEASE_S", "3");

/// Runs a season while `disturb` goes on, then checks figures and books.
async fn season_with<F: Future<Output = ()>>(stack: &Stack, disturb: F) {
    let season = async {
        let ended = stack.season(&small_season()).await;
        assert!(ended.status.success(), "{}\n{}", ended.output, stack.log("gateway"));
        assert_eq!(ended.figures, expected_figures(), "{}", ended.output);
    };
    tokio::pin!(disturb);
    tokio::pin!(season);
    tokio::select! {
        () = &mut season => {}
        () = &mut disturb => season.await,
    }
    let (clean, said) = stack.audit().await;
    assert!(clean, "{said}");
}

#[tokio::test]
async fn killing_every_process_in_turn_all_through_the_season_changes_no_figure() {
    let stack = Stack::start("kill", &[MAIL_LEASE]).await;
    let killing = async {
        for round in 0.. {
            for process in PROCESSES {
                tokio::time::sleep(Duration::from_millis(900 + 150 * (round % 4))).await;
                stack.kill(process).await;
            }
        }
    };
    season_with(&stack, killing).await;
}

#[tokio::test]
async fn emptying_and_stopping_redis_and_restarting_postgres_lose_nothing() {
    let stack = Stack::start("stores", &[MAIL_LEASE]).await;
    let disturbing = async {
        loop {
            tokio::time::sleep(Duration::from_millis(700)).await;
            let _ = stack.redis("FLUSHALL").await;
            tokio::time::sleep(Duration::from_millis(700)).await;
            stack.kill("redis").await;
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            stack.kill("postgres").await;
            // The next one hits a database that is up: killed again and again in its recovery, on a busy machine it never would be.
            while PgConnection::connect(stack.var("CENTRALE_SUPERUSER_DATABASE_URL")).await.is_err() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    };
    season_with(&stack, disturbing).await;
}

#[tokio::test]
async fn placing_and_giving_back_survive_a_crash_at_each_step() {
    let points: Vec<String> = ["RESERVE", "CONFIRM", "ANNOUNCE", "RELEASE"]
        .iter()
        .flat_map(|step| ["before", "called", "after"].map(|point| format!("demand:{step}:{point}")))
        .collect();
    let reached = root().join(".run").join(format!("died-{}", std::process::id()));
    std::fs::create_dir_all(&reached).unwrap();
    // The lease is short because the process that died cannot give it back.
    let given = [
        ("CENTRALE_FAIL_AT", points.join(",")),
        ("CENTRALE_FAIL_ONCE", reached.display().to_string()),
        ("CENTRALE_PROCESS_LEASE_S", "2".to_owned()),
    ];
    let given: Vec<(&str, &str)> = given.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let stack = Stack::start("steps", &given).await;
    season_with(&stack, std::future::pending()).await;
    let mut died: Vec<String> =
        std::fs::read_dir(&reached).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    std::fs::remove_dir_all(&reached).unwrap();
    died.sort();
    let mut wanted: Vec<String> = points.iter().map(|point| point.replace(':', "-")).collect();
    wanted.sort();
    assert_eq!(died, wanted, "the process must have died at every point");
}
