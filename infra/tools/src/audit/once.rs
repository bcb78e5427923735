//! Nothing twice, nothing missing, nothing half done.

use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, PgConnection};

use super::{Findings, SERVICES};

/// How long a working system is given to finish what it has begun.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who reads whose log.
async fn lagging(connection: &mut PgConnection) -> anyhow::Result<Vec<String>> {
    let mut lagging = Vec::new();
    for service in SERVICES {
        let sql = format!("SELECT reader, position FROM {service}.reader_cursor");
        let cursors: Vec<(String, i64)> = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&mut *connection).await?;
        for (reader, position) in cursors {
            let Some(source) = reader.split('<').nth(1).filter(|source| SERVICES.contains(source)) else {
                lagging.push(format!("lecteur {reader} : source inconnue"));
                continue;
            };
            let sql = format!("SELECT coalesce(max(position), 0) FROM {source}.event_stamp");
            let last: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *connection).await?;
            if position != last {
                lagging.push(format!("lecteur {reader} : à la position {position}, le journal est à {last}"));
            }
        }
        let sql = format!("SELECT count(*) FROM {service}.event_unstamped");
        let waiting: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *connection).await?;
        if waiting > 0 {
            lagging.push(format!("journal {service} : {waiting} événements sans position"));
        }
    }
    let running: Vec<String> = sqlx::query_scalar(
        "SELECT format('processus %s (%s), étape %s, %s essais : %s', id, kind, step, attempts, last_error) FROM demand.process WHERE state = 'RUNNING'",
    )
    .fetch_all(&mut *connection)
    .await?;
    lagging.extend(running);
    Ok(lagging)
}

/// Waits until readers have read and processes have ended, or patience is out: what is then unfinished is a finding.
///
/// # Errors
/// When the database is away.
pub async fn wait_until_quiet(connection: &mut PgConnection) -> anyhow::Result<()> {
    let started = Instant::now();
    while !lagging(connection).await?.is_empty() && started.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// Checks that effects happened once.
///
/// # Errors
/// When the database is away.
pub async fn check(connection: &mut PgConnection, findings: &mut Findings) -> anyhow::Result<()> {
    for unfinished in lagging(connection).await? {
        findings.wrong(unfinished);
    }
    let mut replies = 0;
    for service in SERVICES {
        let sql = format!(
            "SELECT format('lecteur %s, position %s : %s', reader, position, error) FROM {service}.reader_parked ORDER BY position"
        );
        for parked in sqlx::query_scalar::<_, String>(AssertSqlSafe(sql)).fetch_all(&mut *connection).await? {
            findings.wrong(format!("événement mis de côté, {parked}"));
        }
        let sql = format!("SELECT count(*), count(*) FILTER (WHERE reply IS NULL) FROM {service}.idempotency");
        let (all, empty): (i64, i64) = sqlx::query_as(AssertSqlSafe(sql)).fetch_one(&mut *connection).await?;
        replies += all;
        if empty > 0 {
            findings.wrong(format!("{service} : {empty} commandes sans réponse gardée"));
        }
    }
    findings.checked("commandes faites une fois, réponse gardée", replies);
    findings
        .query(
            connection,
            "processus menés à leur terme",
            "SELECT count(*) FROM demand.process",
            "SELECT format('processus %s (%s) en échec à l''étape %s : %s', id, kind, step, last_error) FROM demand.process WHERE state = 'FAILED'
             UNION ALL
             SELECT format('commande %s : passage jamais terminé', number) FROM demand.pooled_order p WHERE p.state = 'PLACING'
               AND NOT EXISTS (SELECT FROM demand.process r WHERE r.group_id = p.group_id AND r.subject_id = p.id AND r.state = 'RUNNING')",
        )
        .await
}
