//! Every service's log, from its first event to its head.

use std::collections::{BTreeMap, HashMap};

use futures::TryStreamExt as _;
use kit::{
    events::{CHAIN_START, ExportedHeads, StoredEvent, chain_link},
    identity::Verifier,
};
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::{Config, Findings};

#[derive(sqlx::FromRow)]
struct Stamped {
    position: i64,
    stamped_group: Uuid,
    stamped_event: Uuid,
    chain: Vec<u8>,
    /// Empty when the event is gone.
    kind: Option<String>,
    recorded_at: Option<chrono::DateTime<chrono::Utc>>,
    aggregate_id: Option<Uuid>,
    payload: Option<Vec<u8>>,
    trace_parent: Option<String>,
    actor: Option<String>,
}

impl Stamped {
    fn event(&self) -> Option<StoredEvent> {
        Some(StoredEvent {
            group_id: self.stamped_group,
            event_id: self.stamped_event,
            recorded_at: self.recorded_at?,
            aggregate_id: self.aggregate_id?,
            kind: self.kind.clone()?,
            payload: self.payload.clone()?,
            trace_parent: self.trace_parent.clone()?,
            actor: self.actor.clone()?,
        })
    }
}

/// Checks one service's log.
///
/// # Errors
/// When the database is away.
pub async fn check(
    connection: &mut PgConnection,
    service: &str,
    config: &Config,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let exported = exported_heads(service, config, findings)?;
    // What exported heads say must stand at their positions.
    let mut promised: BTreeMap<i64, Vec<(Uuid, String)>> = BTreeMap::new();
    for heads in &exported {
        for (group, position, link) in &heads.heads {
            promised.entry(*position).or_default().push((*group, link.clone()));
        }
    }
    let mut links: HashMap<Uuid, (i64, Vec<u8>, i64)> = HashMap::new();
    let mut last = 0;
    {
        let sql = format!(
            "SELECT s.position, s.group_id AS stamped_group, s.event_id AS stamped_event, s.chain, e.kind, e.recorded_at,
                    e.aggregate_id, e.payload, e.trace_parent, e.actor
             FROM {service}.event_stamp s LEFT JOIN {service}.event e USING (group_id, event_id, recorded_at) ORDER BY s.position"
        );
        let mut rows = sqlx::query_as::<_, Stamped>(AssertSqlSafe(sql)).fetch(&mut *connection);
        while let Some(row) = rows.try_next().await? {
            if row.position != last + 1 {
                findings.wrong(format!("journal {service} : position {} après {last}, il en manque", row.position));
            }
            last = row.position;
            let head = links.entry(row.stamped_group).or_insert_with(|| (0, CHAIN_START.to_vec(), 0));
            match row.event() {
                None => findings.wrong(format!(
                    "journal {service}, position {} : l'événement {} a disparu",
                    row.position, row.stamped_event
                )),
                Some(event) => {
                    if chain_link(&head.1, &event).as_slice() != row.chain {
                        findings.wrong(format!(
                            "journal {service}, position {} : l'événement {} ou sa chaîne a été modifié",
                            row.position, event.event_id
                        ));
                    }
                }
            }
            for (group, link) in promised.remove(&row.position).unwrap_or_default() {
                if group != row.stamped_group || link != hex::encode(&row.chain) {
                    findings.wrong(format!(
                        "journal {service}, position {} : ne correspond pas à l'empreinte exportée et signée",
                        row.position
                    ));
                }
            }
            *head = (row.position, row.chain, head.2 + 1);
        }
    }
    for position in promised.keys() {
        findings.wrong(format!(
            "journal {service} : l'empreinte exportée connaît la position {position}, le journal s'arrête à {last}"
        ));
    }
    check_heads(connection, service, &links, findings).await?;
    check_completeness(connection, service, last, findings).await?;
    findings.checked(format!("journal {service} : événements"), last);
    findings.checked(format!("journal {service} : empreintes signées"), i64::try_from(exported.len())?);
    Ok(())
}

fn exported_heads(service: &str, config: &Config, findings: &mut Findings) -> anyhow::Result<Vec<ExportedHeads>> {
    let verifier = Verifier::read("audit", &config.trusted_keys)?;
    let mut exported = Vec::new();
    let Ok(entries) = std::fs::read_dir(&config.heads_dir) else {
        findings.wrong(format!("{} : pas d'empreintes exportées", config.heads_dir.display()));
        return Ok(exported);
    };
    for entry in entries {
        let path = entry?.path();
        let ours = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with(&format!("{service}-")));
        if !ours {
            continue;
        }
        for (line, token) in std::fs::read_to_string(&path)?.lines().enumerate() {
            match verifier.open::<ExportedHeads>(token) {
                Ok((issuer, heads)) if issuer == service && heads.service == service => exported.push(heads),
                Ok((issuer, _)) => {
                    findings.wrong(format!("{}, ligne {} : signé par {issuer}", path.display(), line + 1))
                }
                Err(error) => {
                    findings.wrong(format!("{}, ligne {} : signature refusée ({error})", path.display(), line + 1))
                }
            }
        }
    }
    Ok(exported)
}

async fn check_heads(
    connection: &mut PgConnection,
    service: &str,
    links: &HashMap<Uuid, (i64, Vec<u8>, i64)>,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let sql = format!("SELECT group_id, position, chain, event_count FROM {service}.chain_head");
    let heads: Vec<(Uuid, i64, Vec<u8>, i64)> = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&mut *connection).await?;
    for (group, position, chain, count) in &heads {
        match links.get(group) {
            Some((last, link, seen)) if last == position && link == chain && seen == count => {}
            Some((last, _, seen)) => findings.wrong(format!(
                "journal {service}, groupe {group} : la tête de chaîne dit {count} événements jusqu'à la position {position}, le journal en a {seen} jusqu'à {last}"
            )),
            None => findings.wrong(format!("journal {service}, groupe {group} : la tête de chaîne dit {count} événements, le journal n'en a aucun")),
        }
    }
    for group in links.keys().filter(|group| !heads.iter().any(|head| head.0 == **group)) {
        findings.wrong(format!("journal {service}, groupe {group} : pas de tête de chaîne"));
    }
    Ok(())
}

async fn check_completeness(
    connection: &mut PgConnection,
    service: &str,
    stamped: i64,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let sql =
        format!("SELECT (SELECT count(*) FROM {service}.event), (SELECT count(*) FROM {service}.event_unstamped)");
    let (events, waiting): (i64, i64) = sqlx::query_as(AssertSqlSafe(sql)).fetch_one(&mut *connection).await?;
    if events != stamped + waiting {
        findings
            .wrong(format!("journal {service} : {events} événements pour {stamped} positions et {waiting} en attente"));
    }
    Ok(())
}
