//! Orders that leave: each placed order is on its way once, each mail is recorded once, each order is answered once.

use std::collections::{BTreeMap, BTreeSet};

use proto::demand::v1 as demand;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Findings, books::events};

/// Checks that are one query each: what, how many things it looks at, one text per fault.
const QUERIES: [(&str, &str, &str); 3] = [
    (
        "envois : chaque commande passée a le sien, aucune autre",
        "SELECT count(*) FROM demand.pooled_order WHERE state IN ('PLACED', 'ANSWERED') AND opening_party_id IS NULL",
        "SELECT format('commande %s, %s : %s envois', p.number, p.state, count(d.id))
         FROM demand.pooled_order p LEFT JOIN demand.dispatch d ON d.group_id = p.group_id AND d.pooled_order_id = p.id
         GROUP BY p.group_id, p.id, p.number, p.state, p.opening_party_id
         HAVING count(d.id) <> (p.state IN ('PLACED', 'ANSWERED') AND p.opening_party_id IS NULL)::int",
    ),
    (
        "envois : au fournisseur de la commande",
        "SELECT count(*) FROM demand.dispatch",
        "SELECT format('commande %s : envoi à %s, fournisseur %s', p.number, d.supplier_id, p.supplier_id)
         FROM demand.dispatch d JOIN demand.pooled_order p ON p.group_id = d.group_id AND p.id = d.pooled_order_id
         WHERE d.supplier_id <> p.supplier_id",
    ),
    // Nothing wrong with them, but told.
    (
        "envois : en attente d'un serveur de courriel",
        "SELECT count(*) FROM demand.dispatch WHERE state = 'WAITING'",
        "SELECT '' WHERE false",
    ),
];

/// Checks what left.
///
/// # Errors
/// When the database is away or an event cannot be read.
pub async fn check(connection: &mut PgConnection, findings: &mut Findings) -> anyhow::Result<()> {
    for (what, count, faults) in QUERIES {
        findings.query(connection, what, count, faults).await?;
    }
    sent_as_logged(connection, findings).await?;
    answered_once(connection, findings).await
}

/// The log has every mail that left, once.
async fn sent_as_logged(connection: &mut PgConnection, findings: &mut Findings) -> anyhow::Result<()> {
    let sent: Vec<demand::OrderDispatched> =
        events(connection, findings, "SELECT payload FROM demand.event WHERE kind = 'demand.order_sent.v1'").await?;
    let mut logged: BTreeSet<(String, i32)> = BTreeSet::new();
    for event in sent {
        if !logged.insert((event.pooled_order_id.clone(), event.sending)) {
            findings
                .wrong(format!("commande {} : envoi {} enregistré deux fois", event.pooled_order_id, event.sending));
        }
    }
    let dispatches: Vec<(Uuid, i32)> =
        sqlx::query_as("SELECT pooled_order_id, sending FROM demand.dispatch WHERE state = 'SENT'")
            .fetch_all(connection)
            .await?;
    findings.checked("envois : partis = journal", i64::try_from(dispatches.len())?);
    for (order, sending) in dispatches {
        let order = kit::id::PooledOrderId::from_uuid(order).to_string();
        if !logged.contains(&(order.clone(), sending)) {
            findings.wrong(format!("commande {order} : envoi {sending} parti sans événement au journal"));
        }
    }
    Ok(())
}

/// An answer comes in chunks; a line that stands in two of them was answered twice.
async fn answered_once(connection: &mut PgConnection, findings: &mut Findings) -> anyhow::Result<()> {
    let answered: Vec<demand::OrderAnswered> =
        events(connection, findings, "SELECT payload FROM demand.event WHERE kind = 'demand.order_answered.v1'")
            .await?;
    let mut lines: BTreeMap<String, i64> = BTreeMap::new();
    for line in answered.into_iter().flat_map(|event| event.lines) {
        *lines.entry(line.order_line_id).or_insert(0) += 1;
    }
    findings.checked("réponses : chaque ligne une fois", i64::try_from(lines.len())?);
    for (line, times) in lines.into_iter().filter(|(_, times)| *times > 1) {
        findings.wrong(format!("ligne {line} : répondue {times} fois"));
    }
    Ok(())
}
