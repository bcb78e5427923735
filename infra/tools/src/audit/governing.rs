//! What groups decided and invoiced, against the votes, the lines and the log; when units came, against the books of order lines.

use std::collections::HashMap;

use kit::id::DecisionId;
use proto::membership::v1 as membership;
use sqlx::PgConnection;

use super::{Findings, books::events};

/// Checks that are one query each: what, how many things it looks at, one text per fault.
const QUERIES: [(&str, &str, &str); 4] = [
    (
        "gouvernance : procès-verbaux tels que reçus",
        "SELECT count(*) FROM membership.document",
        "SELECT format('document %s : contenu modifié', encode(d.sha256, 'hex')) FROM membership.document d
         WHERE sha256(coalesce((SELECT string_agg(c.bytes, ''::bytea ORDER BY c.ordinal) FROM membership.document_chunk c
                                WHERE c.group_id = d.group_id AND c.sha256 = d.sha256), ''::bytea)) <> d.sha256",
    ),
    (
        "contributions : lignes = facture",
        "SELECT count(*) FROM membership.contribution_invoice",
        "SELECT format('facture %s : %s c, lignes %s c', i.number, i.total_cents, coalesce(sum(l.amount_cents), 0))
         FROM membership.contribution_invoice i LEFT JOIN membership.contribution_invoice_line l USING (group_id, invoice_id)
         GROUP BY i.group_id, i.invoice_id HAVING coalesce(sum(l.amount_cents), 0) <> i.total_cents",
    ),
    (
        "contributions : numéros de facture sans trou",
        "SELECT count(*) FROM membership.number_counter WHERE kind = 'COT'",
        "SELECT format('année %s : %s numéros donnés, %s factures', n.year, n.last, count(i.invoice_id)) FROM membership.number_counter n
         LEFT JOIN membership.contribution_invoice i ON i.group_id = n.group_id AND i.number LIKE 'COT-' || n.year || '-%'
         WHERE n.kind = 'COT' GROUP BY n.group_id, n.year, n.last HAVING count(i.invoice_id) <> n.last",
    ),
    (
        "livraisons : unités par jour = unités livrées de la ligne",
        "SELECT count(*) FROM demand.line_delivery",
        "SELECT format('ligne %s : %s unités livrées, %s par jour', l.id, l.units_delivered - l.units_opening, coalesce(sum(d.units), 0))
         FROM demand.order_line l LEFT JOIN demand.line_delivery d ON d.group_id = l.group_id AND d.order_line_id = l.id
         GROUP BY l.group_id, l.id HAVING coalesce(sum(d.units), 0) <> l.units_delivered - l.units_opening",
    ),
];

/// Checks how groups govern and finance themselves.
///
/// # Errors
/// When the database is away or an event cannot be read.
pub async fn check(connection: &mut PgConnection, findings: &mut Findings) -> anyhow::Result<()> {
    for (what, count, faults) in QUERIES {
        findings.query(connection, what, count, faults).await?;
    }
    decisions_as_logged(connection, findings).await?;
    invoices_as_logged(connection, findings).await
}

/// Result and votes of each decision are those of its event.
async fn decisions_as_logged(connection: &mut PgConnection, findings: &mut Findings) -> anyhow::Result<()> {
    let kept: Vec<(DecisionId, String, i64, i64, i64)> = sqlx::query_as(
        "SELECT d.decision_id, d.state, coalesce(sum(v.votes) FILTER (WHERE v.choice = 'FOR'), 0)::bigint,
           coalesce(sum(v.votes) FILTER (WHERE v.choice = 'AGAINST'), 0)::bigint,
           coalesce(sum(v.votes) FILTER (WHERE v.choice = 'ABSTAIN'), 0)::bigint
         FROM membership.decision d LEFT JOIN membership.decision_vote v USING (group_id, decision_id)
         GROUP BY d.group_id, d.decision_id",
    )
    .fetch_all(&mut *connection)
    .await?;
    let sql = "SELECT payload FROM membership.event WHERE kind = 'membership.decision_recorded.v1'";
    let recorded: Vec<membership::DecisionRecorded> = events(connection, findings, sql).await?;
    let mut logged: HashMap<String, _> = recorded
        .into_iter()
        .map(|event| (event.decision_id, (event.state, event.r#for, event.against, event.abstain)))
        .collect();
    findings.checked("gouvernance : décisions = journal", i64::try_from(kept.len())?);
    for (id, state, votes_for, against, abstain) in kept {
        let there = (state, votes_for, against, abstain);
        match logged.remove(&id.to_string()) {
            Some(told) if told == there => {}
            Some(told) => findings.wrong(format!("gouvernance : décision {id} : {there:?} au lieu de {told:?}")),
            None => findings.wrong(format!("gouvernance : décision {id} absente du journal")),
        }
    }
    for id in logged.keys() {
        findings.wrong(format!("gouvernance : décision {id} supprimée"));
    }
    Ok(())
}

/// What was invoiced is what the log says.
async fn invoices_as_logged(connection: &mut PgConnection, findings: &mut Findings) -> anyhow::Result<()> {
    let (count, cents): (i64, i64) =
        sqlx::query_as("SELECT count(*), coalesce(sum(total_cents), 0)::bigint FROM membership.contribution_invoice")
            .fetch_one(&mut *connection)
            .await?;
    let sql = "SELECT payload FROM membership.event WHERE kind = 'membership.contributions_invoiced.v1'";
    let issued: Vec<membership::ContributionsInvoiced> = events(connection, findings, sql).await?;
    let logged_count = issued.iter().map(|event| event.invoice_ids.len()).sum::<usize>();
    let logged_cents: i64 = issued.iter().map(|event| event.total_cents).sum();
    findings.checked("contributions : factures = journal", count);
    if (count, cents) != (i64::try_from(logged_count)?, logged_cents) {
        findings.wrong(format!(
            "contributions : {count} factures de {cents} c, {logged_count} de {logged_cents} c au journal"
        ));
    }
    Ok(())
}
