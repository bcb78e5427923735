//! Consultations: drawn up from the census as it was frozen, tenders kept as they were received, what was awarded is what is
//! bought under.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use kit::id::{AgreementId, ArticleId, ConsultationId, LotId, PartyId, TenderId};
use prost::Message as _;
use proto::tendering::v1 as tendering;
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Findings;

/// Checks that are one query each: what, how many things it looks at, one text per fault.
const QUERIES: [(&str, &str, &str); 4] = [
    (
        "consolidations : empreinte = besoins figés",
        "SELECT count(*) FROM demand.snapshot",
        "SELECT format('consolidation %s : ses besoins ne sont plus ceux qui ont été figés', s.id)
         FROM demand.snapshot s JOIN LATERAL (
           SELECT sha256(string_agg(uuid_send(n.id) || uuid_send(n.party_id) || uuid_send(n.site_id) || uuid_send(n.article_id)
                    || int8send(n.units) || convert_to(coalesce(n.commitment, ''), 'UTF8'), ''::bytea ORDER BY n.id)) AS hash
           FROM demand.need n WHERE n.group_id = s.group_id AND n.round_id = s.round_id AND NOT n.withdrawn) n ON true
         WHERE n.hash IS DISTINCT FROM s.sha256
           AND NOT EXISTS (SELECT FROM demand.snapshot l WHERE l.group_id = s.group_id AND l.round_id = s.round_id AND l.version > s.version)",
    ),
    (
        "consultations : empreinte du recensement = consolidation",
        "SELECT count(*) FROM tendering.consultation WHERE dossier ? 'census'",
        "SELECT format('consultation %s : empreinte %s, à la demande %s', c.number, c.dossier #>> '{census,sha256}',
                coalesce(encode(s.sha256, 'hex'), 'aucune'))
         FROM tendering.consultation c LEFT JOIN demand.snapshot s
           ON s.group_id = c.group_id AND 'snp_' || replace(s.id::text, '-', '') = c.dossier #>> '{census,snapshot}'
         WHERE c.dossier ? 'census' AND encode(s.sha256, 'hex') IS DISTINCT FROM c.dossier #>> '{census,sha256}'",
    ),
    (
        "offres : empreinte du récépissé = fichier gardé",
        "SELECT count(*) FROM tendering.tender",
        "SELECT format('offre %s : le fichier gardé n''est plus celui qui a été reçu', t.id)
         FROM tendering.tender t LEFT JOIN LATERAL (
           SELECT sha256(string_agg(c.bytes, ''::bytea ORDER BY c.ordinal)) AS hash, sum(length(c.bytes)) AS size
           FROM tendering.tender_chunk c WHERE c.group_id = t.group_id AND c.tender_id = t.id) c ON true
         WHERE c.hash IS DISTINCT FROM t.sha256 OR c.size IS DISTINCT FROM t.size_bytes",
    ),
    (
        "accords-cadres : lots = lots attribués",
        "SELECT count(*) FROM tendering.lot_result r JOIN tendering.consultation c ON c.group_id = r.group_id AND c.id = r.consultation_id
         WHERE c.state = 'SIGNED'",
        "WITH awarded AS (
           SELECT c.group_id, c.agreement_id, c.number, r.lot_number, r.awarded_party_id AS holder,
             (d.lot ->> 'maximum_cents')::bigint AS maximum
           FROM tendering.consultation c
           JOIN tendering.lot_result r ON r.group_id = c.group_id AND r.consultation_id = c.id AND r.awarded_party_id IS NOT NULL
           LEFT JOIN LATERAL jsonb_array_elements(c.dossier -> 'lots') AS d (lot) ON (d.lot ->> 'number')::integer = r.lot_number
           WHERE c.state = 'SIGNED'),
         held AS (
           SELECT l.group_id, l.agreement_id, c.number, l.number AS lot_number, l.holder_id AS holder, g.maximum_cents AS maximum
           FROM tendering.consultation c
           JOIN tendering.lot l ON l.group_id = c.group_id AND l.agreement_id = c.agreement_id
           LEFT JOIN tendering.ceiling g ON g.group_id = l.group_id AND g.lot_id = l.id
           WHERE c.state = 'SIGNED')
         SELECT format('consultation %s, lot %s : attribué à %s pour %s c, à l''accord-cadre %s pour %s c',
           coalesce(a.number, h.number), coalesce(a.lot_number, h.lot_number), a.holder, a.maximum, h.holder, h.maximum)
         FROM awarded a FULL JOIN held h
           ON h.group_id = a.group_id AND h.agreement_id = a.agreement_id AND h.lot_number = a.lot_number
         WHERE (a.holder, a.maximum) IS DISTINCT FROM (h.holder, h.maximum)",
    ),
];

/// Makes the checks.
///
/// # Errors
/// When the database is away.
pub async fn check(connection: &mut PgConnection, findings: &mut Findings) -> anyhow::Result<()> {
    for (what, count, faults) in QUERIES {
        findings.query(connection, what, count, faults).await?;
    }
    receipts_as_logged(connection, findings).await?;
    prices_as_awarded(connection, findings).await
}

/// A file replaced with its hash still differs from the hash and the time that the log holds since its receipt.
async fn receipts_as_logged(connection: &mut PgConnection, findings: &mut Findings) -> anyhow::Result<()> {
    type Row = (Uuid, Uuid, Vec<u8>, DateTime<Utc>, bool, Option<Vec<u8>>);
    let tenders: Vec<Row> = sqlx::query_as(
        "SELECT t.id, t.consultation_id, t.sha256, t.received_at, t.late, e.payload FROM tendering.tender t
         LEFT JOIN tendering.event e
           ON e.group_id = t.group_id AND e.event_id = t.event_id AND e.kind = 'tendering.tender_received.v1'",
    )
    .fetch_all(&mut *connection)
    .await?;
    findings.checked("offres : récépissé = journal", i64::try_from(tenders.len())?);
    for (id, consultation, sha256, received_at, late, payload) in tenders {
        let tender_id = TenderId::from_uuid(id).to_string();
        let kept = tendering::TenderReceived {
            tender_id: tender_id.clone(),
            consultation_id: ConsultationId::from_uuid(consultation).to_string(),
            sha256: hex::encode(sha256),
            received_at: received_at.to_rfc3339_opts(SecondsFormat::Micros, true),
            late,
        };
        let logged = payload.and_then(|payload| tendering::TenderReceived::decode(payload.as_slice()).ok());
        match logged {
            Some(logged) if logged == kept => {}
            Some(logged) => findings.wrong(format!(
                "offre {tender_id} : empreinte {} reçue le {}, au journal {} le {}",
                kept.sha256, kept.received_at, logged.sha256, logged.received_at
            )),
            None => findings.wrong(format!("offre {tender_id} : gardée sans événement au journal")),
        }
    }
    Ok(())
}

/// A price as awarded or as the catalogue has it, so that both can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Price {
    packaging: String,
    multiple: i64,
    tiers: Vec<(i64, Decimal)>,
    supplier: String,
    agreement: String,
    valid: (NaiveDate, NaiveDate),
}

/// What the log told the catalogue, what the winner's tender says, and what the catalogue has.
async fn prices_as_awarded(connection: &mut PgConnection, findings: &mut Findings) -> anyhow::Result<()> {
    let payloads: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT payload FROM tendering.event WHERE kind = 'tendering.prices_awarded.v1'")
            .fetch_all(&mut *connection)
            .await?;
    let stored = stored_prices(connection).await?;
    let offered = offered_prices(connection).await?;
    let mut awarded = 0;
    for payload in payloads {
        let event = tendering::PricesAwarded::decode(payload.as_slice())?;
        for sent in &event.prices {
            awarded += 1;
            let told = format!("lot {}, article {}", sent.lot_id, sent.article_id);
            let price = logged_price(&event.agreement_id, sent)?;
            let key = (sent.lot_id.clone(), sent.article_id.clone());
            if stored.get(&key) != Some(&vec![price.clone()]) {
                findings.wrong(format!("prix attribués, {told} : {price:?}, au catalogue {:?}", stored.get(&key)));
            }
            let of_tender = Some((price.packaging, price.multiple, price.tiers));
            if offered.get(&key) != of_tender.as_ref() {
                findings.wrong(format!("prix attribués, {told} : {of_tender:?}, dans l'offre {:?}", offered.get(&key)));
            }
        }
    }
    if offered.len() != awarded {
        findings.wrong(format!("prix attribués : {} dans les offres retenues, {awarded} au journal", offered.len()));
    }
    findings.checked("prix attribués : offre = journal = catalogue, une fois", i64::try_from(awarded)?);
    Ok(())
}

fn logged_price(agreement: &str, sent: &tendering::AwardedPrice) -> anyhow::Result<Price> {
    let tiers = sent.tiers.iter().map(|tier| Ok((tier.min_units, tier.unit_price.parse::<Decimal>()?.normalize())));
    Ok(Price {
        packaging: sent.packaging_code.clone(),
        multiple: sent.order_multiple_packs,
        tiers: tiers.collect::<anyhow::Result<_>>()?,
        supplier: sent.supplier_id.clone(),
        agreement: agreement.to_owned(),
        valid: (sent.valid_from.parse()?, sent.valid_to.parse()?),
    })
}

/// Prices of the catalogue under agreements that consultations made, by lot and article.
async fn stored_prices(connection: &mut PgConnection) -> anyhow::Result<BTreeMap<(String, String), Vec<Price>>> {
    type Row = (Uuid, Uuid, Uuid, Uuid, String, i64, Vec<i64>, Vec<Decimal>, NaiveDate, NaiveDate);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT p.agreement_id, p.lot_id, p.supplier_id, p.article_id, p.packaging_code, p.order_multiple_packs,
                p.tier_min_units, p.tier_unit_prices, p.valid_from, p.valid_to
         FROM catalogue.price p JOIN tendering.consultation c ON c.group_id = p.group_id AND c.agreement_id = p.agreement_id",
    )
    .fetch_all(connection)
    .await?;
    let mut prices: BTreeMap<(String, String), Vec<Price>> = BTreeMap::new();
    for (agreement, lot, supplier, article, packaging, multiple, units, unit_prices, from, to) in rows {
        let key = (LotId::from_uuid(lot).to_string(), ArticleId::from_uuid(article).to_string());
        prices.entry(key).or_default().push(Price {
            packaging,
            multiple,
            tiers: units.into_iter().zip(unit_prices.iter().map(Decimal::normalize)).collect(),
            supplier: PartyId::from_uuid(supplier).to_string(),
            agreement: AgreementId::from_uuid(agreement).to_string(),
            valid: (from, to),
        });
    }
    Ok(prices)
}

/// Packaging, multiple and tiers of a winner's tender.
type Offered = (String, i64, Vec<(i64, Decimal)>);

/// What the tenders that won say, for lots of signed agreements.
async fn offered_prices(connection: &mut PgConnection) -> anyhow::Result<BTreeMap<(String, String), Offered>> {
    let rows: Vec<(Uuid, i32, Value)> = sqlx::query_as(
        "SELECT l.id, r.lot_number, o.content FROM tendering.lot_result r
         JOIN tendering.consultation c ON c.group_id = r.group_id AND c.id = r.consultation_id AND c.state = 'SIGNED'
         JOIN tendering.opened_tender o ON o.group_id = r.group_id AND o.tender_id = r.awarded_tender_id
         JOIN tendering.lot l ON l.group_id = c.group_id AND l.agreement_id = c.agreement_id AND l.number = r.lot_number",
    )
    .fetch_all(connection)
    .await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let whole = |value: &Value| value.as_i64().unwrap_or_default();
    let mut offered = BTreeMap::new();
    for (lot, number, content) in rows {
        let offers = content["offers"].as_array().into_iter().flatten();
        for price in
            offers.filter(|offer| offer["lot"] == number).flat_map(|offer| offer["prices"].as_array()).flatten()
        {
            let tiers = price["tiers"].as_array().into_iter().flatten();
            let tiers = tiers
                .map(|tier| Ok((whole(&tier["min_units"]), text(&tier["unit_price"]).parse::<Decimal>()?.normalize())));
            let key = (LotId::from_uuid(lot).to_string(), text(&price["article"]));
            let tiers = tiers.collect::<anyhow::Result<_>>()?;
            offered.insert(key, (text(&price["packaging"]), whole(&price["order_multiple_packs"]), tiers));
        }
    }
    Ok(offered)
}
