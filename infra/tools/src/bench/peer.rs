//! The case that an open peer was measured with: 50 establishments with 200 lines each, 2,000 articles with three price breaks,
//! 40 suppliers. From the first line entered to pooled orders with packs, breaks, links and delivery points, each placed; and a
//! page of 100 lines.

use std::time::{Duration, Instant};

use anyhow::ensure;
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use super::{
    RUNS,
    report::{Aim, Figure, seconds},
    scratch::Scratch,
    world::{Group, LOTS, World, lines, officer, text},
};

/// Establishments of the case.
pub const ESTABLISHMENTS: usize = 50;
/// Articles of the case.
pub const ARTICLES: usize = 2_000;
/// Lines of each establishment.
const LINES: usize = 200;
/// Calls sent at once, as by several people.
const AT_ONCE: usize = 4;
/// Readings of a page.
const PAGES: usize = 100;

/// The key of its group.
pub const KEY: &str = "peer";

/// Runs the case; the figures.
///
/// # Errors
/// When something is refused.
pub async fn measure(world: &World, scratch: &Scratch, group: &Group) -> anyhow::Result<Vec<Figure>> {
    let mut runs = Vec::new();
    let mut plan = String::new();
    for run in 0..RUNS {
        scratch.settle().await?;
        let (took, made) = season(world, group, run).await?;
        runs.push(took);
        plan = made;
    }
    let count = (ESTABLISHMENTS * LINES) as f64;
    scratch.settle().await?;
    let page = page(world, group, &plan).await?;
    Ok(vec![
        Figure {
            key: "peer_case_lines_per_s",
            value: count / seconds(&runs),
            aim: Aim::AtLeast(11_800.0),
            how: format!("{count} lines, {LOTS} orders placed, median {:.2} s; peer 118/s", seconds(&runs)),
        },
        Figure {
            key: "page_ms",
            value: page.as_secs_f64() * 1_000.0,
            aim: Aim::AtMost(7.0),
            how: format!("median of {PAGES} pages of 100 lines, the slower of plan lines and needs; peer 76 ms"),
        },
    ])
}

async fn season(world: &World, group: &Group, run: usize) -> anyhow::Result<(Duration, String)> {
    let (api, login, base) = (&world.api, officer(KEY), format!("/v1/groups/{}", group.id));
    let round = world.round(group, KEY, &format!("peer {run}")).await?;
    let all = lines(ESTABLISHMENTS, ARTICLES, ESTABLISHMENTS * LINES, 17);
    let bodies: Vec<(String, Value)> = all
        .chunk_by(|a, b| a.party == b.party)
        .map(|lines| {
            let needs = lines.iter().enumerate().map(|(n, line)| line.json(&format!("P{n:04}"))).collect();
            (world.parties[lines[0].party].clone(), Value::Array(needs))
        })
        .collect();
    let started = Instant::now();
    let calls = bodies.iter().map(|(party, body)| {
        let (path, login) = (format!("{base}/rounds/{round}/needs/batch?party_id={party}"), login.clone());
        async move { api.post(&login, &path, &format!("batch/{run}/{party}"), body).await }
    });
    futures::stream::iter(calls).buffer_unordered(AT_ONCE).try_for_each(|_| async { Ok(()) }).await?;
    let post =
        async |path: String| api.post(&login, &format!("{base}/{path}"), &format!("{run}/{path}"), &json!({})).await;
    post(format!("rounds/{round}/close")).await?;
    let snapshot = text(&post(format!("rounds/{round}/consolidate")).await?, "id")?;
    let plan = post(format!("snapshots/{snapshot}/plan")).await?;
    ensure!(plan["share_count"] == all.len(), "{plan}");
    let plan = text(&plan, "id")?;
    post(format!("plans/{plan}/approve")).await?;
    post(format!("plans/{plan}/place")).await?;
    loop {
        let orders = api.get(&login, &format!("{base}/pooled-orders?plan_id={plan}&page_size=100")).await?;
        let states: Vec<&Value> =
            orders["orders"].as_array().into_iter().flatten().map(|order| &order["state"]).collect();
        if states.iter().all(|state| *state == "PLACED") && states.len() == LOTS {
            return Ok((started.elapsed(), plan));
        }
        ensure!(!states.iter().any(|state| *state == "REFUSED"), "an order was refused: {orders}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The median time of a page of 100 plan lines or needs, whichever is slower.
async fn page(world: &World, group: &Group, plan: &str) -> anyhow::Result<Duration> {
    let base = format!("/v1/groups/{}", group.id);
    let mut slower = Duration::ZERO;
    for (path, field) in [(format!("{base}/plans/{plan}/lines"), "lines"), (format!("{base}/needs"), "needs")] {
        let mut took = Vec::with_capacity(PAGES);
        for _ in 0..PAGES {
            let started = Instant::now();
            let page = world.api.get(&officer(KEY), &format!("{path}?page_size=100")).await?;
            took.push(started.elapsed());
            ensure!(page[field].as_array().is_some_and(|rows| rows.len() == 100), "{path}: not 100 rows");
        }
        slower = slower.max(Duration::from_secs_f64(seconds(&took)));
    }
    Ok(slower)
}
