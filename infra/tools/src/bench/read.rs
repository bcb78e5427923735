//! One article read through the gateway by many at once, beside an axum handler with one query in a process of its own.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::Stdio,
    sync::Arc,
};

use anyhow::{Context as _, ensure};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
    serve::ListenerExt as _,
};
use serde_json::Value;
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::{
    CONNECTIONS, RUNS,
    report::Ratio,
    wire::{self, Wire, saturate},
    world::{World, officer},
};

/// Connections of a service's pool, and so of the baseline's.
const POOL: u32 = 32;
/// Readings that show a change at once.
const CHANGES: usize = 20;

/// An article with its packagings and codes.
const ARTICLE: &str = "
SELECT json_build_object('id', a.id, 'key', a.key, 'label', a.label, 'kind', a.kind, 'base_unit', a.base_unit,
  'base_unit_label', a.base_unit_label, 'cpv', a.cpv, 'atc', a.atc, 'storage_class', a.storage_class,
  'required_authorisation', a.required_authorisation, 'medicine', a.medicine, 'sterile_device', a.sterile_device,
  'vat_rate', a.vat_rate::text, 'version', a.version,
  'packagings', (SELECT json_agg(json_build_object('code', p.code, 'label', p.label, 'contains_code', p.contains_code,
      'contains_count', p.contains_count, 'base_units', p.base_units, 'orderable', p.orderable,
      'identifiers', (SELECT coalesce(json_agg(i.code14), '[]') FROM catalogue.identifier i
        WHERE i.article_id = p.article_id AND i.packaging_code = p.code)) ORDER BY p.position)
    FROM catalogue.packaging p WHERE p.article_id = a.id))
FROM catalogue.article a WHERE a.id = $1";

/// The baseline: serves articles until its parent goes. Says on which port.
///
/// # Errors
/// When it cannot listen.
pub async fn serve_baseline(url: &str) -> anyhow::Result<()> {
    let pool = PgPoolOptions::new().max_connections(POOL).connect(url).await?;
    let router = Router::new().route("/articles/{id}", get(article)).with_state(pool);
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    #[expect(clippy::print_stdout, reason = "how the parent learns the port")]
    {
        println!("{}", listener.local_addr()?);
    }
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, router).await?;
    Ok(())
}

async fn article(State(pool): State<PgPool>, Path(id): Path<uuid::Uuid>) -> Result<Json<Value>, StatusCode> {
    let found: Option<Value> = sqlx::query_scalar(ARTICLE)
        .bind(id)
        .fetch_optional(&pool)
        .await
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    found.map(Json).ok_or(StatusCode::NOT_FOUND)
}

/// Measures; `gateway` is its address, `database_url` the baseline's way to the same database.
///
/// # Errors
/// When a reading fails, the two do not tell the same, or a change does not show at once.
pub async fn measure(world: &World, key: &str, gateway: SocketAddr, database_url: &str) -> anyhow::Result<Ratio> {
    let mut child = tokio::process::Command::new(std::env::current_exe()?)
        .args(["--serve-baseline", database_url])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut said = String::new();
    BufReader::new(child.stdout.take().context("no output")?).read_line(&mut said).await?;
    let baseline: SocketAddr = said.trim().parse()?;

    let token: Arc<str> = world.api.token(&officer(key)).await?.into();
    let articles: Arc<[String]> = world.articles.clone().into();
    let ours = {
        let (articles, token) = (articles.clone(), token.clone());
        move |index: usize| wire::get(&format!("/v1/articles/{}", of(&articles, index)), &token)
    };
    let theirs = move |index: usize| {
        let id = of(&articles, index);
        wire::get(&format!("/articles/{}", id.trim_start_matches("art_")), "")
    };
    let mut ratio = Ratio {
        key: "read_ratio",
        unit: "article readings",
        amount: world.size.reads as u64,
        aim: 0.5,
        ours: Vec::new(),
        baseline: Vec::new(),
        checked: same(gateway, baseline, &ours, &theirs).await?,
    };
    // Once before, so that neither pays for its first connections.
    saturate(gateway, CONNECTIONS, world.size.reads / 10, ours.clone()).await?;
    saturate(baseline, CONNECTIONS, world.size.reads / 10, theirs.clone()).await?;
    for _ in 0..RUNS {
        ratio.ours.push(saturate(gateway, CONNECTIONS, world.size.reads, ours.clone()).await?);
        ratio.baseline.push(saturate(baseline, CONNECTIONS, world.size.reads, theirs.clone()).await?);
    }
    ratio.checked.push_str(&changes_show(world, gateway, &token).await?);
    child.kill().await?;
    Ok(ratio)
}

/// Readers do not come in the order of ids.
fn of(articles: &[String], index: usize) -> &str {
    &articles[index.wrapping_mul(7_919) % articles.len()]
}

/// Both tell the same of some articles.
async fn same(
    gateway: SocketAddr,
    baseline: SocketAddr,
    ours: &impl Fn(usize) -> Vec<u8>,
    theirs: &impl Fn(usize) -> Vec<u8>,
) -> anyhow::Result<String> {
    let (mut one, mut other) = (Wire::connect(gateway).await?, Wire::connect(baseline).await?);
    for index in 0..50 {
        let ours: Value = serde_json::from_slice(one.send(&ours(index)).await?.1)?;
        let theirs: Value = serde_json::from_slice(other.send(&theirs(index)).await?.1)?;
        for field in ["key", "label", "kind", "base_unit", "storage_class", "version"] {
            ensure!(ours[field] == theirs[field], "{field}: ours {ours}, baseline {theirs}");
        }
        let packagings = |article: &Value| article["packagings"].as_array().map(Vec::len);
        ensure!(packagings(&ours) == packagings(&theirs), "ours {ours}, baseline {theirs}");
    }
    Ok("50 articles alike".to_owned())
}

/// Every change of an article shows in the next reading.
async fn changes_show(world: &World, gateway: SocketAddr, token: &str) -> anyhow::Result<String> {
    let mut wire = Wire::connect(gateway).await?;
    for change in 0..CHANGES {
        let suffix = format!(" version {change}");
        world.relabel(0, &suffix).await?;
        let request = wire::get(&format!("/v1/articles/{}", world.articles[0]), token);
        let article: Value = serde_json::from_slice(wire.send(&request).await?.1)?;
        ensure!(article["label"].as_str().is_some_and(|label| label.ends_with(&suffix)), "stale: {article}");
    }
    Ok(format!("; {CHANGES} changes each seen by the next reading"))
}
