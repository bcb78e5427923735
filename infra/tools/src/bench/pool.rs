//! Consolidating and planning a round, beside plain SQL that writes the same plan lines and shares from the same needs.

use std::time::{Duration, Instant};

use anyhow::ensure;
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::json;

use super::{
    RUNS,
    import::uuid_of,
    report::Ratio,
    scratch::Scratch,
    world::{Group, World, csv, lines, officer, text},
};

/// Files sent at once when a round is filled.
const AT_ONCE: usize = 4;

/// Lines per establishment, whole packs and tiers: what a purchasing officer would write without us. Parts of a cent go to the
/// largest remainders, so that shares add up.
const LINES: &str = "
INSERT INTO plan_line (group_id, id, plan_id, position, article_id, kind, agreement_id, lot_id, supplier_id, wholesale,
  packaging_code, pack_units, units_needed, packs, units_ordered, tier_min_units, unit_price, amount_cents, vat_rate, member_count, reasons)
SELECT l.group_id, l.id, l.plan_id, l.position, n.article_id, l.kind, l.agreement_id, l.lot_id, l.supplier_id, l.wholesale,
  l.packaging_code, o.pack_units, n.needed, n.packs, n.packs * o.pack_units, t.min_units, t.unit_price,
  round(t.unit_price * n.packs * o.pack_units * 100)::bigint, l.vat_rate, n.members, l.reasons
FROM (SELECT article_id, sum(n.units)::bigint AS needed, sum((n.units + o.pack_units - 1) / o.pack_units)::bigint AS packs,
        count(DISTINCT party_id) AS members
      FROM demand.need n JOIN offer o USING (article_id) WHERE group_id = $1 AND round_id = $2 AND NOT withdrawn GROUP BY article_id) n
JOIN offer o USING (article_id)
JOIN demand.plan_line l ON l.group_id = $1 AND l.plan_id = $3 AND l.article_id = n.article_id
CROSS JOIN LATERAL (SELECT min_units, unit_price FROM tier WHERE tier.article_id = n.article_id
  AND min_units <= n.packs * o.pack_units ORDER BY min_units DESC LIMIT 1) t";
const SHARES: &str = "
INSERT INTO plan_share (group_id, plan_id, need_id, plan_line_id, party_id, site_id, route, break_bulk, units_needed, units, amount_cents)
SELECT group_id, $3, id, line, party_id, site_id, 'DIRECT', false, needed, units,
  whole + CASE WHEN place <= amount_cents - sum(whole) OVER (PARTITION BY line) THEN 1 ELSE 0 END
FROM (
  SELECT n.group_id, n.id, l.id AS line, n.party_id, n.site_id, n.units AS needed, g.got AS units, l.amount_cents,
    l.amount_cents * g.got / l.units_ordered AS whole,
    row_number() OVER (PARTITION BY l.id ORDER BY l.amount_cents * g.got % l.units_ordered DESC, n.id) AS place
  FROM demand.need n JOIN plan_line l ON l.group_id = n.group_id AND l.plan_id = $3 AND l.article_id = n.article_id
  CROSS JOIN LATERAL (SELECT (n.units + l.pack_units - 1) / l.pack_units * l.pack_units AS got) g
  WHERE n.group_id = $1 AND n.round_id = $2 AND NOT n.withdrawn) s";

/// A closed round.
#[derive(Debug, Clone)]
pub struct Filled {
    /// `rnd_…`
    pub round: String,
    /// Its needs.
    pub needs: usize,
}

/// Fills a round: a file for each establishment; then closes it.
///
/// # Errors
/// When something is refused.
pub async fn fill(world: &World, group: &Group, key: &str, title: &str, needs: usize) -> anyhow::Result<Filled> {
    let round = world.round(group, key, title).await?;
    let all = lines(group.members, group.articles, needs, 5);
    let files = all.chunk_by(|a, b| a.party == b.party).map(|lines| {
        let path =
            format!("/v1/groups/{}/rounds/{round}/needs/file?party_id={}", group.id, world.parties[lines[0].party]);
        let login = officer(key);
        async move {
            let answer = world.api.try_post_csv(&login, &path, csv(lines)).await??;
            ensure!(answer["added"] == lines.len(), "{answer}");
            Ok(())
        }
    });
    futures::stream::iter(files).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    let path = format!("/v1/groups/{}/rounds/{round}/close", group.id);
    world.api.post(&officer(key), &path, &format!("close/{round}"), &json!({})).await?;
    Ok(Filled { round, needs })
}

/// Consolidates and plans; the plan and how long it took.
///
/// # Errors
/// When something is refused.
pub async fn ours(
    world: &World,
    group: &Group,
    key: &str,
    filled: &Filled,
    run: usize,
) -> anyhow::Result<(String, Duration)> {
    let (base, login) = (format!("/v1/groups/{}", group.id), officer(key));
    let started = Instant::now();
    let name = format!("{}/{run}", filled.round);
    let snapshot = world
        .api
        .post(
            &login,
            &format!("{base}/rounds/{}/consolidate", filled.round),
            &format!("consolidate/{name}"),
            &json!({}),
        )
        .await?;
    let path = format!("{base}/snapshots/{}/plan", text(&snapshot, "id")?);
    let plan = world.api.post(&login, &path, &format!("plan/{name}"), &json!({})).await?;
    let took = started.elapsed();
    ensure!(plan["share_count"] == filled.needs && plan["exclusion_count"] == 0, "{plan}");
    Ok((text(&plan, "id")?, took))
}

/// Prices and packs as plain tables.
async fn offers(scratch: &Scratch, group: uuid::Uuid) -> anyhow::Result<()> {
    let mut conn = scratch.connect().await?;
    sqlx::raw_sql(
        "DROP TABLE IF EXISTS offer, tier;
         CREATE TABLE offer (article_id uuid PRIMARY KEY, pack_units bigint NOT NULL);
         CREATE TABLE tier (article_id uuid, min_units bigint, unit_price numeric(18,6), PRIMARY KEY (article_id, min_units))",
    )
    .execute(&mut conn)
    .await?;
    sqlx::query("INSERT INTO offer SELECT article_id, pack_units FROM catalogue.price WHERE group_id = $1")
        .bind(group)
        .execute(&mut conn)
        .await?;
    sqlx::query(
        "INSERT INTO tier SELECT article_id, t.min_units, t.unit_price FROM catalogue.price,
         unnest(tier_min_units, tier_unit_prices) AS t (min_units, unit_price) WHERE group_id = $1",
    )
    .bind(group)
    .execute(&mut conn)
    .await?;
    sqlx::raw_sql("ANALYZE offer, tier, demand.need, demand.plan_line").execute(&mut conn).await?;
    Ok(())
}

async fn baseline(
    scratch: &Scratch,
    group: uuid::Uuid,
    round: uuid::Uuid,
    plan: uuid::Uuid,
) -> anyhow::Result<Duration> {
    use sqlx::Connection as _;
    let mut conn = scratch.connect().await?;
    // Ids and reasons are read from lines that ours has just written: without their statistics the planner would choose badly.
    sqlx::raw_sql("ANALYZE demand.plan_line").execute(&mut conn).await?;
    let started = Instant::now();
    let mut tx = conn.begin().await?;
    sqlx::query("INSERT INTO plan SELECT * FROM demand.plan WHERE group_id = $1 AND id = $2")
        .bind(group)
        .bind(plan)
        .execute(&mut *tx)
        .await?;
    sqlx::query(LINES).bind(group).bind(round).bind(plan).execute(&mut *tx).await?;
    sqlx::raw_sql("ANALYZE plan_line").execute(&mut *tx).await?;
    sqlx::query(SHARES).bind(group).bind(round).bind(plan).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(started.elapsed())
}

/// Measures on a filled round.
///
/// # Errors
/// When something is refused, or the baseline wrote other rows.
pub async fn measure(
    world: &World,
    scratch: &Scratch,
    group: &Group,
    key: &str,
    filled: &Filled,
) -> anyhow::Result<(Ratio, String)> {
    let (group_id, round) = (uuid_of(&group.id)?, uuid_of(&filled.round)?);
    offers(scratch, group_id).await?;
    let mut ratio = Ratio {
        key: "pool_ratio",
        unit: "needs pooled",
        amount: filled.needs as u64,
        aim: 0.6,
        ours: Vec::new(),
        baseline: Vec::new(),
        checked: String::new(),
    };
    let mut last = String::new();
    for run in 0..RUNS {
        scratch.settle().await?;
        let (plan, took) = ours(world, group, key, filled, run).await?;
        ratio.ours.push(took);
        scratch.settle().await?;
        let id = uuid_of(&plan)?;
        ratio.baseline.push(baseline(scratch, group_id, round, id).await?);
        let lines = scratch.compare("plan_line", &format!("plan_id = '{id}'")).await?;
        ratio.checked = format!("{lines}; {}", scratch.compare("plan_share", &format!("plan_id = '{id}'")).await?);
        last = plan;
    }
    Ok((ratio, last))
}
