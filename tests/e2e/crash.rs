//! Kill anything at any moment: the job ends with the same figures and the audit is clean.

use std::time::Duration;

use e2e::{PROCESSES, Stack, expected_figures, small_season};

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
    let stack = Stack::start("kill", &[]).await;
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
    let stack = Stack::start("stores", &[]).await;
    let disturbing = async {
        loop {
            tokio::time::sleep(Duration::from_millis(700)).await;
            let _ = stack.redis("FLUSHALL").await;
            tokio::time::sleep(Duration::from_millis(700)).await;
            stack.kill("redis").await;
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            stack.kill("postgres").await;
        }
    };
    season_with(&stack, disturbing).await;
}

/// Ends the process that places orders at one point, once, and lets another start take over.
async fn die_at(point: &str) {
    let name = point.replace(':', "-").to_lowercase();
    let marker = e2e::root().join(".run").join(format!("died-{}-{name}", std::process::id()));
    let _ = std::fs::remove_file(&marker);
    let stack = Stack::start(&name, &[("CENTRALE_FAIL_AT", point), ("CENTRALE_FAIL_ONCE", marker.to_str().unwrap())]).await;
    season_with(&stack, std::future::pending()).await;
    assert!(marker.exists(), "{point} was never reached");
    std::fs::remove_file(&marker).unwrap();
}

#[tokio::test]
async fn placing_survives_a_crash_before_reserving() {
    die_at("demand:RESERVE:before").await;
}

#[tokio::test]
async fn placing_survives_a_crash_after_reserving_before_it_is_noted() {
    die_at("demand:RESERVE:after").await;
}

#[tokio::test]
async fn placing_survives_a_crash_before_confirming() {
    die_at("demand:CONFIRM:before").await;
}

#[tokio::test]
async fn placing_survives_a_crash_after_confirming_before_it_is_noted() {
    die_at("demand:CONFIRM:after").await;
}

#[tokio::test]
async fn placing_survives_a_crash_before_announcing() {
    die_at("demand:ANNOUNCE:before").await;
}

#[tokio::test]
async fn giving_back_survives_a_crash_after_releasing_before_it_is_noted() {
    die_at("demand:RELEASE:after").await;
}
