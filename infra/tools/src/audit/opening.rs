//! What was entered as existing on the first day, against the log and against what it is part of.

use std::collections::BTreeMap;

use kit::id::{LotId, PartyId, PooledOrderId};
use prost::Message as _;
use proto::{demand::v1 as demand, tendering::v1 as tendering};
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Findings, books::events};

/// Checks that are one query each: what, how many things it looks at, one text per fault.
const QUERIES: [(&str, &str, &str); 3] = [(
    "ouverture : consommations des membres = déjà consommé du lot",
    "SELECT count(*) FROM tendering.lot_consumption",
    "SELECT format('lot %s : %s c déjà consommés, %s c chez les membres', c.lot_id, c.opening_cents, sum(m.amount_cents))
     FROM tendering.lot_consumption m JOIN tendering.ceiling c ON c.group_id = m.group_id AND c.lot_id = m.lot_id
     GROUP BY c.group_id, c.lot_id, c.opening_cents HAVING sum(m.amount_cents) <> c.opening_cents",
), (
    "ouverture : commandes en cours comprises dans le déjà consommé du lot, sans réservation",
    "SELECT count(*) FROM demand.pooled_order WHERE opening_party_id IS NOT NULL",
    "SELECT format('lot %s : %s c de commandes en cours pour %s c déjà consommés', c.lot_id, sum(p.amount_cents), c.opening_cents)
     FROM demand.pooled_order p JOIN tendering.ceiling c ON c.group_id = p.group_id AND c.lot_id = p.lot_id
     WHERE p.opening_party_id IS NOT NULL GROUP BY c.group_id, c.lot_id, c.opening_cents HAVING sum(p.amount_cents) > c.opening_cents
     UNION ALL
     SELECT format('commande %s : réservée une seconde fois', p.number)
     FROM demand.pooled_order p JOIN tendering.reservation r ON r.group_id = p.group_id AND r.order_id = p.id
     WHERE p.opening_party_id IS NOT NULL",
), (
    "ouverture : commandes en cours d'un membre comprises dans sa consommation du lot",
    "SELECT count(*) FROM demand.pooled_order WHERE opening_party_id IS NOT NULL",
    "SELECT format('lot %s, membre %s : %s c de commandes en cours pour %s c consommés', p.lot_id, p.opening_party_id,
            sum(p.amount_cents), coalesce(m.amount_cents, 0))
     FROM demand.pooled_order p LEFT JOIN tendering.lot_consumption m
       ON m.group_id = p.group_id AND m.lot_id = p.lot_id AND m.party_id = p.opening_party_id
     WHERE p.opening_party_id IS NOT NULL
       AND EXISTS (SELECT FROM tendering.lot_consumption k WHERE k.group_id = p.group_id AND k.lot_id = p.lot_id)
     GROUP BY p.group_id, p.lot_id, p.opening_party_id, m.amount_cents HAVING sum(p.amount_cents) > coalesce(m.amount_cents, 0)",
)];

/// Checks the opening figures.
///
/// # Errors
/// When the database is away or an event cannot be read.
pub async fn check(connection: &mut PgConnection, findings: &mut Findings) -> anyhow::Result<()> {
    for (what, count, faults) in QUERIES {
        findings.query(connection, what, count, faults).await?;
    }
    lots_as_logged(connection, findings).await?;
    codes_as_logged(connection, findings).await?;
    consumption_as_logged(connection, findings).await?;
    orders_as_logged(connection, findings).await
}

/// What had come of an order before is in no delivery: only the log has it.
async fn orders_as_logged(connection: &mut PgConnection, findings: &mut Findings) -> anyhow::Result<()> {
    let entered: Vec<demand::OpeningOrderEntered> =
        events(connection, findings, "SELECT payload FROM demand.event WHERE kind = 'demand.opening_order_entered.v1'")
            .await?;
    let mut logged: BTreeMap<String, (String, String, i64)> = entered
        .into_iter()
        .map(|event| (event.pooled_order_id, (event.lot_id, event.party_id, event.units_delivered)))
        .collect();
    let orders: Vec<(Uuid, String, Uuid, Uuid, i64)> = sqlx::query_as(
        "SELECT p.id, p.number, p.lot_id, p.opening_party_id,
                (SELECT coalesce(sum(units_opening), 0)::bigint FROM demand.order_line o WHERE o.group_id = p.group_id AND o.pooled_order_id = p.id)
         FROM demand.pooled_order p WHERE p.opening_party_id IS NOT NULL",
    )
    .fetch_all(connection)
    .await?;
    findings.checked("ouverture : commandes en cours = journal", i64::try_from(orders.len())?);
    for (id, number, lot, party, units) in orders {
        let told = logged.remove(&PooledOrderId::from_uuid(id).to_string());
        let stands = (LotId::from_uuid(lot).to_string(), PartyId::from_uuid(party).to_string(), units);
        if told.as_ref() != Some(&stands) {
            findings.wrong(format!("commande en cours {number} : {stands:?} ; au journal {told:?}"));
        }
    }
    for id in logged.into_keys() {
        findings.wrong(format!("commande en cours {id} : au journal, absente des livres"));
    }
    Ok(())
}

/// What a chunk of rows comes to: count, base units, cents, SHA-256.
type Figures = (i64, i64, i64, Vec<u8>);

/// Holds chunks of rows, by the event that told of each, against what the events say.
fn chunks_as_logged(findings: &mut Findings, what: &str, told: BTreeMap<Uuid, Figures>, rows: BTreeMap<Uuid, Figures>) {
    let count = rows.values().map(|figures| figures.0).sum();
    findings.checked(format!("ouverture : {what} = journal"), count);
    for (event, figures) in &rows {
        if told.get(event) != Some(figures) {
            findings.wrong(format!("{what} : le lot de lignes de l'événement {event} n'est plus celui du journal"));
        }
    }
    for event in told.keys().filter(|event| !rows.contains_key(event)) {
        findings.wrong(format!("{what} : les lignes de l'événement {event} ont disparu"));
    }
}

async fn codes_as_logged(connection: &mut PgConnection, findings: &mut Findings) -> anyhow::Result<()> {
    let mut told = BTreeMap::new();
    let logged: Vec<(Uuid, Vec<u8>)> =
        sqlx::query_as("SELECT event_id, payload FROM demand.event WHERE kind = 'demand.member_codes_loaded.v1'")
            .fetch_all(&mut *connection)
            .await?;
    for (event, payload) in logged {
        let loaded = demand::MemberCodesLoaded::decode(payload.as_slice())?;
        told.insert(event, (loaded.count, 0, 0, loaded.sha256.to_vec()));
    }
    let mut codes: Vec<(Uuid, Uuid, String, Uuid)> =
        sqlx::query_as("SELECT event_id, party_id, code, article_id FROM demand.member_code")
            .fetch_all(connection)
            .await?;
    codes.sort_unstable();
    let mut rows: BTreeMap<Uuid, (i64, Sha256)> = BTreeMap::new();
    for (event, party, code, article) in codes {
        let (count, hash) = rows.entry(event).or_default();
        *count += 1;
        hash.update(party.as_bytes());
        hash.update(article.as_bytes());
        hash.update(code.as_bytes());
        hash.update(u64::try_from(code.len())?.to_be_bytes());
    }
    let rows = rows.into_iter().map(|(event, (count, hash))| (event, (count, 0, 0, hash.finalize().to_vec())));
    chunks_as_logged(findings, "codes propres des membres", told, rows.collect());
    Ok(())
}

/// A row of consumption: event, id, member, site, article, days from 1970 to the month, units, cents.
type ConsumptionRow = (Uuid, Uuid, Uuid, Option<Uuid>, Uuid, i64, i64, Option<i64>);

async fn consumption_as_logged(connection: &mut PgConnection, findings: &mut Findings) -> anyhow::Result<()> {
    let mut told = BTreeMap::new();
    let logged: Vec<(Uuid, Vec<u8>)> =
        sqlx::query_as("SELECT event_id, payload FROM demand.event WHERE kind = 'demand.consumption_loaded.v1'")
            .fetch_all(&mut *connection)
            .await?;
    for (event, payload) in logged {
        let loaded = demand::ConsumptionLoaded::decode(payload.as_slice())?;
        told.insert(event, (loaded.count, loaded.units, loaded.amount_cents, loaded.sha256.to_vec()));
    }
    let consumed: Vec<ConsumptionRow> = sqlx::query_as(
        "SELECT event_id, id, party_id, site_id, article_id, (month - date '1970-01-01')::bigint, units, amount_cents
         FROM demand.consumption ORDER BY event_id, id",
    )
    .fetch_all(connection)
    .await?;
    let mut rows: BTreeMap<Uuid, (i64, i64, i64, Sha256)> = BTreeMap::new();
    for (event, id, party, site, article, month, units, cents) in consumed {
        let (count, all_units, all_cents, hash) = rows.entry(event).or_default();
        *count += 1;
        *all_units += units;
        *all_cents += cents.unwrap_or(0);
        for id in [id, party, site.unwrap_or_default(), article] {
            hash.update(id.as_bytes());
        }
        for figure in [month, units, cents.unwrap_or(-1)] {
            hash.update(figure.to_be_bytes());
        }
    }
    let summed = |(event, (count, units, cents, hash)): (Uuid, (i64, i64, i64, Sha256))| {
        (event, (count, units, cents, hash.finalize().to_vec()))
    };
    chunks_as_logged(findings, "consommations", told, rows.into_iter().map(summed).collect());
    Ok(())
}

/// One member's part moved to another leaves every total as it was: the log has who had consumed what.
async fn lots_as_logged(connection: &mut PgConnection, findings: &mut Findings) -> anyhow::Result<()> {
    let entered: Vec<tendering::LotConsumptionEntered> = events(
        connection,
        findings,
        "SELECT payload FROM tendering.event WHERE kind = 'tendering.lot_consumption_entered.v1'",
    )
    .await?;
    let mut logged: BTreeMap<(String, String), i64> = BTreeMap::new();
    for event in entered {
        for member in event.members {
            logged.insert((event.lot_id.clone(), member.party_id), member.amount_cents);
        }
    }
    let rows: Vec<(Uuid, Uuid, i64)> =
        sqlx::query_as("SELECT lot_id, party_id, amount_cents FROM tendering.lot_consumption")
            .fetch_all(connection)
            .await?;
    findings.checked("ouverture : consommation des lots par membre = journal", i64::try_from(rows.len())?);
    for (lot, party, cents) in rows {
        let key = (LotId::from_uuid(lot).to_string(), PartyId::from_uuid(party).to_string());
        let told = logged.remove(&key);
        if told != Some(cents) {
            findings.wrong(format!("lot {}, membre {} : {cents} c d'ouverture, {told:?} au journal", key.0, key.1));
        }
    }
    for ((lot, party), cents) in logged {
        findings.wrong(format!("lot {lot}, membre {party} : {cents} c d'ouverture au journal, absents des livres"));
    }
    Ok(())
}
