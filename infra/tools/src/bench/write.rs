//! Single needs through the gateway by many at once, beside one-row INSERT transactions from as many connections.

use std::{net::SocketAddr, sync::Arc};

use chrono::NaiveDate;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    CONNECTIONS, RUNS,
    import::uuid_of,
    report::Ratio,
    scratch::Scratch,
    wire::{self, saturate, share_out},
    world::{Group, Line, World, lines, officer},
};

/// A row of `need`, all columns.
#[derive(Debug, Clone, sqlx::FromRow)]
struct Row {
    group_id: Uuid,
    id: Uuid,
    round_id: Uuid,
    party_id: Uuid,
    site_id: Uuid,
    article_id: Uuid,
    kind: String,
    packaging_code: String,
    packaging_label: String,
    packaging_content: String,
    base_label: String,
    pack_units: i64,
    quantity: i64,
    units: i64,
    reference: String,
    needed_by: Option<NaiveDate>,
    withdrawn: bool,
    version: i64,
    created_by: String,
}

/// Columns by name: later migrations may add some with defaults.
const INSERT: &str = "INSERT INTO need (group_id, id, round_id, party_id, site_id, article_id, kind, packaging_code,
  packaging_label, packaging_content, base_label, pack_units, quantity, units, reference, needed_by, withdrawn, version, created_by)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)";

async fn insert(conn: &mut PgConnection, row: &Row) -> anyhow::Result<()> {
    sqlx::query(INSERT)
        .bind(row.group_id)
        .bind(row.id)
        .bind(row.round_id)
        .bind(row.party_id)
        .bind(row.site_id)
        .bind(row.article_id)
        .bind(&row.kind)
        .bind(&row.packaging_code)
        .bind(&row.packaging_label)
        .bind(&row.packaging_content)
        .bind(&row.base_label)
        .bind(row.pack_units)
        .bind(row.quantity)
        .bind(row.units)
        .bind(&row.reference)
        .bind(row.needed_by)
        .bind(row.withdrawn)
        .bind(row.version)
        .bind(&row.created_by)
        .execute(conn)
        .await?;
    Ok(())
}

/// Measures; `gateway` is its address.
///
/// # Errors
/// When a need is refused, or the baseline wrote other rows.
pub async fn measure(
    world: &World,
    scratch: &Scratch,
    group: &Group,
    key: &str,
    gateway: SocketAddr,
) -> anyhow::Result<Ratio> {
    let amount = world.size.writes;
    let token: Arc<str> = world.api.token(&officer(key)).await?.into();
    let mut ratio = Ratio {
        key: "write_ratio",
        unit: "single needs",
        amount: amount as u64,
        aim: 0.4,
        ours: Vec::new(),
        baseline: Vec::new(),
        checked: String::new(),
    };
    for run in 0..RUNS {
        let round = world.round(group, key, &format!("write {run}")).await?;
        let id = uuid_of(&round)?;
        let mut needs = lines(group.members, group.articles, amount, 11 + run as u64);
        // People do not come establishment by establishment.
        needs.sort_by_key(|line| (line.article.wrapping_mul(7_919) % group.articles, line.party));
        let (needs, parties): (Arc<[Line]>, Arc<[String]>) = (needs.into(), world.parties.clone().into());
        let (base, token) = (format!("/v1/groups/{}/rounds/{round}/needs", group.id), token.clone());
        scratch.settle().await?;
        let took = saturate(gateway, CONNECTIONS, amount, move |index| {
            let line = needs[index];
            let path = format!("{base}?party_id={}", parties[line.party]);
            wire::post(&path, &token, &format!("w{run}-{index}"), &line.json(&format!("W{index:07}")).to_string())
        })
        .await?;
        ratio.ours.push(took);
        scratch.copy_rounds().await?;
        let rows: Vec<Row> = sqlx::query_as("SELECT * FROM demand.need WHERE round_id = $1 ORDER BY id")
            .bind(id)
            .fetch_all(&mut scratch.connect().await?)
            .await?;
        let rows: Arc<[Row]> = rows.into();
        scratch.settle().await?;
        let took = share_out(scratch.connections(CONNECTIONS).await?, rows.len(), move |mut conn, next| {
            let rows = rows.clone();
            async move {
                while let Some(index) = next.take() {
                    insert(&mut conn, &rows[index]).await?;
                }
                Ok(())
            }
        })
        .await?;
        ratio.baseline.push(took);
        ratio.checked = scratch.compare("need", &format!("round_id = '{id}'")).await?;
    }
    Ok(ratio)
}
