//! The fast paths keep the promises: needs that share a transaction while processes die, articles read from a copy.

use std::{sync::Arc, time::Duration};

use e2e::Stack;
use serde_json::{Value, json};
use tools::{
    bench::{
        Size,
        world::{Group, World, lines, officer},
    },
    demo::{api::Api, setup::ADMIN},
};

/// Needs stated one by one, each sent twice at once.
const NEEDS: usize = 300;
const KEY: &str = "hot";

async fn world(stack: &Stack) -> (Arc<World>, Group, String) {
    // The story's day is not the bench's.
    sqlx::query("UPDATE public.demo_clock SET clock_offset = '0'").execute(&mut stack.superuser().await).await.unwrap();
    let api = Api::new(stack.var("CENTRALE_URL")).unwrap();
    api.know(ADMIN, stack.var("CENTRALE_BOOTSTRAP_ADMIN_PASSWORD"));
    let size = Size { establishments: 5, articles: 60, needs: 0, reads: 0, writes: 0, reservations: 0 };
    let world = World::enter(api, size).await.unwrap();
    let group = world.group(KEY, 5, 60).await.unwrap();
    let round = world.round(&group, KEY, "hot").await.unwrap();
    (Arc::new(world), group, round)
}

#[tokio::test]
async fn needs_that_share_transactions_survive_kills_with_one_effect_each() {
    let stack = Stack::start("hot", &[]).await;
    let (world, group, round) = world(&stack).await;
    let base = format!("/v1/groups/{}/rounds/{round}/needs", group.id);
    let all = lines(5, 60, NEEDS, 23);
    let sending = async {
        let calls = (0..NEEDS * 2).map(|n| {
            // The second time is sent beside another need, so that it often meets the first in the same moment.
            let (world, base, number) = (world.clone(), base.clone(), n / 2);
            let line = all[number];
            tokio::spawn(async move {
                let path = format!("{base}?party_id={}", world.parties[line.party]);
                let body = line.json(&format!("H{number}"));
                world.api.post(&officer(KEY), &path, &format!("hot/{number}"), &body).await.unwrap()
            })
        });
        futures::future::join_all(calls.collect::<Vec<_>>())
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect::<Vec<Value>>()
    };
    let killing = async {
        for process in ["demand", "postgres", "gateway", "demand", "membership", "demand", "postgres"].iter().cycle() {
            tokio::time::sleep(Duration::from_millis(120)).await;
            stack.kill(process).await;
            tokio::time::sleep(Duration::from_millis(900)).await;
        }
    };
    tokio::pin!(sending);
    let answers = tokio::select! {
        answers = &mut sending => answers,
        () = killing => unreachable!("it never ends"),
    };
    for (number, pair) in answers.chunks(2).enumerate() {
        assert_eq!(pair[0], pair[1], "need {number}: equal answers");
    }
    let mut superuser = stack.superuser().await;
    let stored: (i64, i64) = sqlx::query_as("SELECT count(*), count(DISTINCT reference) FROM demand.need")
        .fetch_one(&mut superuser)
        .await
        .unwrap();
    assert_eq!(stored, (300, 300), "each once");
    let events: i64 = sqlx::query_scalar("SELECT count(*) FROM demand.event WHERE kind = 'demand.needs_stated.v1'")
        .fetch_one(&mut superuser)
        .await
        .unwrap();
    assert_eq!(events, 300, "each with its event");
    // A refused one beside good ones is answered alone.
    let path = format!("{base}?party_id={}", world.parties[0]);
    let sent = (0..40).map(|n| {
        let article = if n % 4 == 0 { "key:unknown".to_owned() } else { format!("key:b{n:05}") };
        let body = json!({ "site": "key:bs0000", "article": article, "packaging_code": "UNIT", "quantity": 1, "reference": format!("A{n}") });
        let (world, path) = (world.clone(), path.clone());
        async move { world.api.try_post(&officer(KEY), &path, &format!("alone/{n}"), &body).await.unwrap() }
    });
    for (n, answer) in futures::future::join_all(sent).await.into_iter().enumerate() {
        match answer {
            Ok(need) => assert!(n % 4 != 0, "{need}"),
            Err(refusal) => assert!(n % 4 == 0 && refusal.problem["code"] == "NEEDS_INVALID", "{refusal}"),
        }
    }
    changes_show(&world).await;
    let (clean, said) = stack.audit().await;
    assert!(clean, "{said}");
}

/// An article that many have read from the gateway's copy shows each change in the next reading.
async fn changes_show(world: &World) {
    let path = format!("/v1/articles/{}", world.articles[0]);
    let login = officer(KEY);
    for change in 0..20 {
        let suffix = format!(" version {change}");
        world.relabel(0, &suffix).await.unwrap();
        let readings = futures::future::join_all((0..8).map(|_| world.api.get(&login, &path))).await;
        for article in readings {
            let article = article.unwrap();
            assert!(article["label"].as_str().unwrap().ends_with(&suffix), "stale: {article}");
        }
    }
}
