//! Figures against figures: inside a service, between services, and against the log.

use std::collections::BTreeMap;

use prost::Message;
use proto::{demand::v1 as demand, logistics::v1 as logistics, tendering::v1 as tendering};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Findings;

/// Checks that are one query each: what, how many things it looks at, one text per fault.
const QUERIES: [(&str, &str, &str); 20] = [
    (
        "plans : parts = lignes, à l'unité et au centime",
        "SELECT count(*) FROM demand.plan_line",
        "SELECT format('ligne %s : %s unités pour %s, %s c pour %s c', l.id, sum(s.units), l.units_ordered, sum(s.amount_cents), l.amount_cents)
         FROM demand.plan_line l LEFT JOIN demand.plan_share s ON s.group_id = l.group_id AND s.plan_line_id = l.id
         GROUP BY l.group_id, l.id
         HAVING sum(s.units) IS DISTINCT FROM l.units_ordered OR sum(s.amount_cents) IS DISTINCT FROM l.amount_cents
             OR sum(s.units_needed) IS DISTINCT FROM l.units_needed",
    ),
    (
        "plans : montant = prix × quantité, arrondi au centime",
        "SELECT count(*) FROM demand.plan_line",
        "SELECT format('ligne %s : %s c au lieu de %s c', id, amount_cents, round(unit_price * units_ordered * 100))
         FROM demand.plan_line WHERE amount_cents <> round(unit_price * units_ordered * 100)",
    ),
    (
        "plans : totaux = lignes",
        "SELECT count(*) FROM demand.plan",
        "SELECT format('plan %s : %s unités, %s c', p.id, p.units_ordered, p.amount_cents)
         FROM demand.plan p LEFT JOIN demand.plan_line l ON l.group_id = p.group_id AND l.plan_id = p.id
         GROUP BY p.group_id, p.id
         HAVING coalesce(sum(l.units_ordered), 0) <> p.units_ordered OR coalesce(sum(l.amount_cents), 0) <> p.amount_cents",
    ),
    (
        "plans : chaque besoin a une part ou une raison, jamais deux",
        "SELECT count(*) FROM demand.plan_share",
        "SELECT format('besoin %s du plan %s', need_id, plan_id) FROM
           (SELECT group_id, plan_id, need_id FROM demand.plan_share UNION ALL SELECT group_id, plan_id, need_id FROM demand.plan_exclusion) x
         GROUP BY group_id, plan_id, need_id HAVING count(*) > 1
         UNION ALL
         SELECT format('plan %s : %s besoins pour %s', p.id, p.share_count + p.exclusion_count, s.need_count)
         FROM demand.plan p JOIN demand.snapshot s ON s.group_id = p.group_id AND s.id = p.snapshot_id
         WHERE p.share_count + p.exclusion_count <> s.need_count
            OR p.share_count <> (SELECT count(*) FROM demand.plan_share c WHERE c.group_id = p.group_id AND c.plan_id = p.id)
            OR p.exclusion_count <> (SELECT count(*) FROM demand.plan_exclusion c WHERE c.group_id = p.group_id AND c.plan_id = p.id)",
    ),
    (
        "plans : parts = besoins figés",
        "SELECT count(*) FROM demand.plan_share",
        "SELECT format('besoin %s : %s unités au plan, %s au besoin', n.id, s.units_needed, n.units)
         FROM demand.plan_share s JOIN demand.need n ON n.group_id = s.group_id AND n.id = s.need_id
         WHERE s.units_needed <> n.units OR n.withdrawn OR s.party_id <> n.party_id OR s.site_id <> n.site_id",
    ),
    (
        "commandes : lignes des membres = lignes groupées",
        "SELECT count(*) FROM demand.pooled_line",
        "SELECT format('ligne groupée %s : %s unités pour %s, %s c pour %s c', p.id, sum(o.units_ordered), p.units_ordered, sum(o.amount_cents), p.amount_cents)
         FROM demand.pooled_line p LEFT JOIN demand.order_line o ON o.group_id = p.group_id AND o.pooled_line_id = p.id
         GROUP BY p.group_id, p.id
         HAVING sum(o.units_ordered) IS DISTINCT FROM p.units_ordered OR sum(o.amount_cents) IS DISTINCT FROM p.amount_cents",
    ),
    (
        "commandes : lignes = parts du plan",
        "SELECT count(*) FROM demand.order_line",
        "SELECT format('ligne %s : %s unités, %s c ; parts : %s unités, %s c', o.id, o.units_ordered, o.amount_cents, s.units, s.cents)
         FROM demand.order_line o JOIN LATERAL (
           SELECT sum(units) AS units, sum(amount_cents) AS cents FROM demand.plan_share s
           WHERE s.group_id = o.group_id AND s.plan_line_id = o.pooled_line_id AND s.party_id = o.party_id AND s.site_id = o.site_id) s ON true
         WHERE o.round_id IS NOT NULL AND (s.units IS DISTINCT FROM o.units_ordered OR s.cents IS DISTINCT FROM o.amount_cents)",
    ),
    (
        "bons de commande : total = lignes",
        "SELECT count(*) FROM demand.order_form",
        "SELECT format('bon %s : %s c pour %s c', f.number, f.amount_cents, sum(o.amount_cents))
         FROM demand.order_form f LEFT JOIN demand.order_line o ON o.group_id = f.group_id AND o.order_form_id = f.id
         GROUP BY f.group_id, f.id HAVING sum(o.amount_cents) IS DISTINCT FROM f.amount_cents",
    ),
    (
        "commandes groupées : total = bons de commande",
        "SELECT count(*) FROM demand.pooled_order",
        "SELECT format('commande %s : %s unités, %s c dont %s c annulés ; ses bons et lignes : %s unités, %s c dont %s c annulés', p.number,
                p.units_ordered, p.amount_cents, p.cancelled_cents, o.units, f.cents, o.cancelled)
         FROM demand.pooled_order p
         JOIN LATERAL (SELECT sum(amount_cents) AS cents, count(*) AS forms FROM demand.order_form f
                       WHERE f.group_id = p.group_id AND f.pooled_order_id = p.id) f ON true
         JOIN LATERAL (SELECT sum(units_ordered) AS units, sum(cancelled_cents) AS cancelled FROM demand.order_line o
                       WHERE o.group_id = p.group_id AND o.pooled_order_id = p.id) o ON true
         WHERE f.cents IS DISTINCT FROM p.amount_cents OR f.forms <> p.form_count OR o.units IS DISTINCT FROM p.units_ordered
            OR o.cancelled IS DISTINCT FROM p.cancelled_cents",
    ),
    (
        "demande et logistique : chaque ligne, mêmes unités",
        "SELECT count(*) FROM logistics.expected_line",
        "SELECT format('ligne %s : livré %s à la demande, %s à la logistique ; annulé %s dont %s à la logistique', o.id, o.units_delivered,
                coalesce(e.units_delivered, 0), o.units_cancelled, coalesce(e.units_cancelled, 0))
         FROM demand.order_line o JOIN demand.pooled_order p ON p.group_id = o.group_id AND p.id = o.pooled_order_id
         LEFT JOIN logistics.expected_line e ON e.group_id = o.group_id AND e.order_line_id = o.id
         WHERE p.state = 'ANSWERED' AND (o.units_delivered - o.units_opening <> coalesce(e.units_delivered, 0)
            OR o.units_ordered - o.units_opening - o.units_cancelled <> coalesce(e.units_accepted, 0) - coalesce(e.units_cancelled, 0))",
    ),
    (
        "logistique : réparti = livré ou en cours, par ligne",
        "SELECT count(*) FROM logistics.expected_line",
        "SELECT format('ligne %s : réparti %s, en livraison %s', e.order_line_id, e.units_allocated, d.units)
         FROM logistics.expected_line e LEFT JOIN LATERAL (
           SELECT coalesce(sum(CASE WHEN v.state = 'CERTIFIED' THEN l.units_accepted ELSE l.units END), 0) AS units,
                  coalesce(sum(l.units_accepted), 0) AS accepted
           FROM logistics.delivery_line l JOIN logistics.delivery v ON v.group_id = l.group_id AND v.delivery_id = l.delivery_id
           WHERE l.group_id = e.group_id AND l.order_line_id = e.order_line_id) d ON true
         WHERE e.units_allocated <> d.units OR e.units_delivered <> d.accepted",
    ),
    (
        "bons de commande : TVA par taux sur le total",
        "SELECT count(*) FROM demand.order_form",
        "SELECT format('bon %s : TVA %s c au lieu de %s c', f.number, f.vat_cents, v.vat)
         FROM demand.order_form f JOIN LATERAL (
           SELECT sum(vat) AS vat FROM (
             SELECT round(p.vat_rate * sum(o.amount_cents) / 100) AS vat
             FROM demand.order_line o JOIN demand.pooled_line p ON p.group_id = o.group_id AND p.id = o.pooled_line_id
             WHERE o.group_id = f.group_id AND o.order_form_id = f.id GROUP BY p.vat_rate) r) v ON true
         WHERE v.vat IS DISTINCT FROM f.vat_cents",
    ),
    (
        "bons de commande : numéro d'engagement = celui donné au plan",
        "SELECT count(*) FROM demand.order_form",
        "SELECT format('bon %s : engagement %s, au plan %s', f.number, f.commitment_number, b.commitment_number)
         FROM demand.order_form f JOIN demand.pooled_order p ON p.group_id = f.group_id AND p.id = f.pooled_order_id
         LEFT JOIN demand.plan_buyer b ON b.group_id = f.group_id AND b.plan_id = p.plan_id AND b.party_id = f.payer_id
         WHERE f.commitment_number IS DISTINCT FROM b.commitment_number OR (b.commitment_required AND f.commitment_number IS NULL)",
    ),
    (
        "commandes : annulé des lignes groupées = annulé des membres",
        "SELECT count(*) FROM demand.pooled_line",
        "SELECT format('ligne groupée %s : %s unités annulées, %s chez les membres', p.id, p.units_cancelled, sum(o.units_cancelled))
         FROM demand.pooled_line p JOIN demand.order_line o ON o.group_id = p.group_id AND o.pooled_line_id = p.id
         GROUP BY p.group_id, p.id HAVING sum(o.units_cancelled) <> p.units_cancelled",
    ),
    (
        "répartitions : parts = quantité partagée",
        "SELECT count(*) FROM logistics.allocation",
        "SELECT format('répartition %s : %s unités, parts %s', a.allocation_id, a.units, sum(s.units))
         FROM logistics.allocation a LEFT JOIN logistics.allocation_share s ON s.group_id = a.group_id AND s.allocation_id = a.allocation_id
         GROUP BY a.group_id, a.allocation_id HAVING sum(s.units) IS DISTINCT FROM a.units OR count(s.order_line_id) <> a.share_count",
    ),
    (
        "réceptions : total = lignes d'expédition",
        "SELECT count(*) FROM logistics.receipt",
        "SELECT format('réception %s : %s bonnes, %s abîmées, %s manquantes ; aux lignes %s, %s, %s', r.receipt_id, r.units_received, r.units_damaged,
                r.units_missing, l.received, l.damaged, l.units - l.received - l.damaged)
         FROM logistics.receipt r JOIN LATERAL (
           SELECT sum(units) AS units, sum(units_received) AS received, sum(units_damaged) AS damaged FROM logistics.shipment_line l
           WHERE l.group_id = r.group_id AND l.shipment_id = r.shipment_id) l ON true
         WHERE (r.units_received, r.units_damaged, r.units_missing) IS DISTINCT FROM (l.received, l.damaged, l.units - l.received - l.damaged)",
    ),
    (
        "livraisons : total = lignes",
        "SELECT count(*) FROM logistics.delivery",
        "SELECT format('livraison %s : %s unités, lignes %s', d.number, d.units, sum(l.units))
         FROM logistics.delivery d LEFT JOIN logistics.delivery_line l ON l.group_id = d.group_id AND l.delivery_id = d.delivery_id
         GROUP BY d.group_id, d.delivery_id HAVING sum(l.units) IS DISTINCT FROM d.units",
    ),
    (
        "plafonds : parts des bénéficiaires = réservation",
        "SELECT count(*) FROM tendering.reservation",
        "SELECT format('réservation %s : %s c, parts %s c', r.id, r.initial_cents, sum(s.amount_cents))
         FROM tendering.reservation r LEFT JOIN tendering.reservation_share s ON s.group_id = r.group_id AND s.reservation_id = r.id
         GROUP BY r.group_id, r.id HAVING sum(s.amount_cents) IS DISTINCT FROM r.initial_cents",
    ),
    (
        "plafonds : consommé et réservé = réservations, jamais au-delà",
        "SELECT count(*) FROM tendering.ceiling",
        "SELECT format('lot %s : consommé %s c, réservé %s c, maximum %s c', c.lot_id, c.consumed_cents, c.reserved_cents, c.maximum_cents)
         FROM tendering.ceiling c LEFT JOIN LATERAL (
           SELECT coalesce(sum(amount_cents) FILTER (WHERE state = 'RESERVED'), 0) AS reserved,
                  coalesce(sum(amount_cents) FILTER (WHERE state = 'CONFIRMED'), 0) AS consumed
           FROM tendering.reservation r WHERE r.group_id = c.group_id AND r.lot_id = c.lot_id) r ON true
         WHERE r.reserved <> c.reserved_cents OR r.consumed <> c.consumed_cents
            OR c.opening_cents + c.consumed_cents + c.reserved_cents > c.maximum_cents",
    ),
    (
        "plafonds : réservation = commande − annulé",
        "SELECT count(*) FROM demand.pooled_order WHERE state IN ('PLACED', 'ANSWERED')",
        "SELECT format('commande %s : réservé %s c pour %s c − %s c', p.number, r.amount_cents, p.amount_cents, p.cancelled_cents)
         FROM demand.pooled_order p LEFT JOIN tendering.reservation r ON r.group_id = p.group_id AND r.id = p.reservation_id
         WHERE p.state IN ('PLACED', 'ANSWERED') AND p.amount_cents > 0 AND p.opening_party_id IS NULL
           AND (r.order_id IS DISTINCT FROM p.id OR r.amount_cents IS DISTINCT FROM p.amount_cents - p.cancelled_cents)
         UNION ALL
         SELECT format('commande %s refusée mais %s c réservés', p.number, r.amount_cents)
         FROM demand.pooled_order p JOIN tendering.reservation r ON r.group_id = p.group_id AND r.order_id = p.id
         WHERE p.state = 'REFUSED' AND r.state <> 'RELEASED'",
    ),
];

/// Checks the books.
///
/// # Errors
/// When the database is away or an event cannot be read.
pub async fn check(connection: &mut PgConnection, findings: &mut Findings) -> anyhow::Result<()> {
    for (what, count, faults) in QUERIES {
        findings.query(connection, what, count, faults).await?;
    }
    orders_as_logged(connection, findings).await?;
    deliveries_as_logged(connection, findings).await?;
    maxima_as_entered(connection, findings).await?;
    ceilings_as_logged(connection, findings).await
}

/// Events of one kind; one that cannot be read is a finding.
pub(super) async fn events<M: Message + Default>(
    connection: &mut PgConnection,
    findings: &mut Findings,
    sql: &'static str,
) -> anyhow::Result<Vec<M>> {
    let payloads: Vec<Vec<u8>> = sqlx::query_scalar(sql).fetch_all(connection).await?;
    let mut events = Vec::with_capacity(payloads.len());
    for payload in &payloads {
        match M::decode(payload.as_slice()) {
            Ok(event) => events.push(event),
            Err(error) => findings.wrong(format!("événement illisible ({error}) parmi ceux de « {sql} »")),
        }
    }
    Ok(events)
}

/// A changed amount shows even when every total was changed with it: the log has the figure of the day.
async fn orders_as_logged(connection: &mut PgConnection, findings: &mut Findings) -> anyhow::Result<()> {
    let placed: Vec<demand::OrderPlaced> =
        events(connection, findings, "SELECT payload FROM demand.event WHERE kind = 'demand.order_placed.v1'").await?;
    let cancelled: Vec<demand::UnitsCancelled> =
        events(connection, findings, "SELECT payload FROM demand.event WHERE kind = 'demand.units_cancelled.v1'")
            .await?;
    let mut logged: BTreeMap<String, (i64, i64, i64, i64)> = BTreeMap::new();
    for event in &placed {
        let twice =
            logged.insert(event.pooled_order_id.clone(), (event.units_ordered, event.amount_cents, 0, 0)).is_some();
        if twice {
            findings.wrong(format!("commande {} : annoncée deux fois", event.pooled_order_id));
        }
    }
    let opening: Vec<demand::OpeningOrderEntered> =
        events(connection, findings, "SELECT payload FROM demand.event WHERE kind = 'demand.opening_order_entered.v1'")
            .await?;
    for event in opening {
        logged.insert(event.pooled_order_id, (event.units_ordered, event.amount_cents, 0, 0));
    }
    for event in cancelled {
        let entry = logged.entry(event.pooled_order_id).or_default();
        entry.2 += event.units;
        entry.3 += event.amount_cents;
    }
    let orders: Vec<(Uuid, String, i64, i64, i64, i64)> = sqlx::query_as(
        "SELECT p.id, p.number, p.units_ordered, p.amount_cents,
                (SELECT coalesce(sum(units_cancelled), 0)::bigint FROM demand.order_line o WHERE o.group_id = p.group_id AND o.pooled_order_id = p.id),
                p.cancelled_cents
         FROM demand.pooled_order p WHERE p.state IN ('PLACED', 'ANSWERED')",
    )
    .fetch_all(connection)
    .await?;
    findings.checked("commandes : figures = journal", i64::try_from(orders.len())?);
    for (id, number, units, cents, units_gone, cents_gone) in orders {
        let id = kit::id::PooledOrderId::from_uuid(id).to_string();
        match logged.get(&id) {
            Some(&figures) if figures == (units, cents, units_gone, cents_gone) => {}
            Some(figures) => findings.wrong(format!(
                "commande {number} : {units} unités, {cents} c, annulé {units_gone} unités, {cents_gone} c ; au journal {figures:?}"
            )),
            None => findings.wrong(format!("commande {number} : passée sans événement au journal")),
        }
    }
    Ok(())
}

async fn deliveries_as_logged(connection: &mut PgConnection, findings: &mut Findings) -> anyhow::Result<()> {
    let certified: Vec<logistics::DeliveryCertified> = events(
        connection,
        findings,
        "SELECT payload FROM logistics.event WHERE kind = 'logistics.delivery_certified.v1'",
    )
    .await?;
    let mut logged: BTreeMap<String, i64> = BTreeMap::new();
    for line in certified.into_iter().flat_map(|event| event.accepted) {
        *logged.entry(line.order_line_id).or_insert(0) += line.units;
    }
    let lines: Vec<(Uuid, i64)> = sqlx::query_as("SELECT id, units_delivered - units_opening FROM demand.order_line")
        .fetch_all(connection)
        .await?;
    findings.checked("livraisons : unités livrées = journal, une fois", i64::try_from(lines.len())?);
    for (id, delivered) in lines {
        let id = kit::id::OrderLineId::from_uuid(id).to_string();
        let told = logged.remove(&id).unwrap_or(0);
        if told != delivered {
            findings.wrong(format!("ligne {id} : {delivered} unités livrées, {told} au journal de la logistique"));
        }
    }
    for (id, units) in logged {
        findings.wrong(format!("ligne {id} : {units} unités livrées au journal, ligne inconnue de la demande"));
    }
    Ok(())
}

/// A maximum raised, or an opening figure lowered, behind the system's back.
async fn maxima_as_entered(connection: &mut PgConnection, findings: &mut Findings) -> anyhow::Result<()> {
    let entered: Vec<tendering::AgreementEntered> = events(
        connection,
        findings,
        "SELECT payload FROM tendering.event WHERE kind = 'tendering.agreement_entered.v1'",
    )
    .await?;
    let entered: BTreeMap<String, (i64, i64)> = entered
        .into_iter()
        .flat_map(|event| event.lot_ids.into_iter().zip(event.ceilings))
        .map(|(lot, ceiling)| (lot, (ceiling.maximum_cents, ceiling.opening_consumed_cents)))
        .collect();
    let ceilings: Vec<(Uuid, i64, i64)> =
        sqlx::query_as("SELECT lot_id, maximum_cents, opening_cents FROM tendering.ceiling")
            .fetch_all(connection)
            .await?;
    findings.checked("plafonds : maximum et déjà consommé = saisie au journal", i64::try_from(ceilings.len())?);
    for (lot, maximum, opening) in ceilings {
        let lot = kit::id::LotId::from_uuid(lot).to_string();
        if entered.get(&lot) != Some(&(maximum, opening)) {
            findings.wrong(format!(
                "lot {lot} : maximum {maximum} c et déjà consommé {opening} c, saisis au journal {:?}",
                entered.get(&lot)
            ));
        }
    }
    Ok(())
}

async fn ceilings_as_logged(connection: &mut PgConnection, findings: &mut Findings) -> anyhow::Result<()> {
    let reserved: Vec<tendering::CeilingReserved> = events(
        connection,
        findings,
        "SELECT payload FROM tendering.event WHERE kind = 'tendering.ceiling_reserved.v1'",
    )
    .await?;
    let released: Vec<tendering::ReservationReleased> = events(
        connection,
        findings,
        "SELECT payload FROM tendering.event WHERE kind = 'tendering.reservation_released.v1'",
    )
    .await?;
    let mut logged: BTreeMap<String, i64> = BTreeMap::new();
    for event in reserved {
        *logged.entry(event.reservation_id).or_insert(0) += event.amount_cents;
    }
    for event in released {
        *logged.entry(event.reservation_id).or_insert(0) -= event.amount_cents;
    }
    let reservations: Vec<(Uuid, i64)> =
        sqlx::query_as("SELECT id, amount_cents FROM tendering.reservation").fetch_all(connection).await?;
    findings.checked("plafonds : réservations = journal", i64::try_from(reservations.len())?);
    for (id, cents) in reservations {
        let id = kit::id::ReservationId::from_uuid(id).to_string();
        let told = logged.remove(&id);
        if told != Some(cents) {
            findings.wrong(format!("réservation {id} : {cents} c, {told:?} au journal"));
        }
    }
    for (id, cents) in logged {
        findings.wrong(format!("réservation {id} : {cents} c au journal, absente des livres"));
    }
    Ok(())
}
