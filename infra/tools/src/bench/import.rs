//! A file of needs through the gateway, beside a plain COPY of the same rows.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use futures::StreamExt as _;
use sqlx::AssertSqlSafe;

use super::{
    RUNS,
    report::Ratio,
    scratch::Scratch,
    world::{Group, Line, World, csv, lines, officer},
};

/// Bytes sent to the server at once.
const PIECE: usize = 1 << 20;

/// Needs of one member, whole articles' lists again and again.
fn file(world: &World, rows: usize) -> Vec<u8> {
    let of_one: Vec<Line> = lines(1, world.size.articles, rows, 3);
    csv(&of_one)
}

/// Imports a file into a new round; how long its sender waited for the answer.
async fn ours(
    world: &World,
    group: &Group,
    key: &str,
    title: &str,
    file: &[u8],
    rows: usize,
) -> anyhow::Result<(String, Duration)> {
    let round = world.round(group, key, title).await?;
    let path = format!("/v1/groups/{}/rounds/{round}/needs/file?party_id={}", group.id, world.parties[0]);
    let started = Instant::now();
    let answer = world.api.try_post_csv(&officer(key), &path, file.to_vec()).await??;
    let took = started.elapsed();
    ensure!(answer["added"] == rows, "{answer}");
    Ok((round, took))
}

/// Writes what a round holds to a file on disk, in the order of its ids.
async fn export(scratch: &Scratch, round: uuid::Uuid, to: &Path) -> anyhow::Result<()> {
    let mut conn = scratch.connect().await?;
    let sql = format!("COPY (SELECT * FROM demand.need WHERE round_id = '{round}' ORDER BY id) TO STDOUT (FORMAT csv)");
    let mut file = std::io::BufWriter::new(std::fs::File::create(to)?);
    let mut rows = conn.copy_out_raw(&sql).await?;
    while let Some(piece) = rows.next().await {
        file.write_all(&piece?)?;
    }
    Ok(file.flush()?)
}

/// COPY of that file.
async fn baseline(scratch: &Scratch, from: &Path) -> anyhow::Result<Duration> {
    use std::io::Read as _;
    let mut conn = scratch.connect().await?;
    let started = Instant::now();
    let mut file = std::fs::File::open(from)?;
    let mut copy = conn.copy_in_raw("COPY need FROM STDIN (FORMAT csv)").await?;
    let mut piece = vec![0; PIECE];
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            break;
        }
        copy.send(&piece[..read]).await?;
    }
    copy.finish().await?;
    Ok(started.elapsed())
}

/// The id behind `rnd_…`.
///
/// # Errors
/// When it is none.
pub fn uuid_of(id: &str) -> anyhow::Result<uuid::Uuid> {
    let (_, digits) = id.split_once('_').context("an id has a prefix")?;
    Ok(digits.parse()?)
}

/// Measures with `rows` needs in a file.
///
/// # Errors
/// When something is refused, or the baseline wrote other rows.
pub async fn measure(
    world: &World,
    scratch: &Scratch,
    group: &Group,
    key: &str,
    rows: usize,
    dir: &Path,
) -> anyhow::Result<Ratio> {
    let file = file(world, rows);
    let on_disk: PathBuf = dir.join("bench-needs.csv");
    let mut ratio = Ratio {
        key: "import_ratio",
        unit: "needs of a CSV",
        amount: rows as u64,
        aim: 0.6,
        ours: Vec::new(),
        baseline: Vec::new(),
        checked: String::new(),
    };
    for run in 0..RUNS {
        scratch.settle().await?;
        let (round, took) = ours(world, group, key, &format!("import {rows} {run}"), &file, rows).await?;
        ratio.ours.push(took);
        let round = uuid_of(&round)?;
        scratch.copy_rounds().await?;
        export(scratch, round, &on_disk).await?;
        scratch.settle().await?;
        ratio.baseline.push(baseline(scratch, &on_disk).await?);
        ratio.checked = scratch.compare("need", &format!("round_id = '{round}'")).await?;
    }
    std::fs::remove_file(&on_disk)?;
    analyze(scratch).await?;
    Ok(ratio)
}

/// What autovacuum would do in its own time.
async fn analyze(scratch: &Scratch) -> anyhow::Result<()> {
    let mut conn = scratch.connect().await?;
    for table in ["demand.need", "bench.need"] {
        sqlx::raw_sql(AssertSqlSafe(format!("ANALYZE {table}"))).execute(&mut conn).await?;
    }
    Ok(())
}
