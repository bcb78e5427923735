//! Requests → domain.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDate, Utc};
use kit::{
    error::Failure,
    id::{DeliveryId, DeliveryLineId, PlanLineId, PooledOrderId, ShipmentId, SiteId},
    identity::{Caller, Role},
};
use proto::{
    common::v1::Page,
    logistics::v1::{
        AnnounceShipmentRequest, CancelOutstandingRequest, CertifyDeliveryRequest, DeliveryState as ProtoState,
        ListRoutesRequest, ProveDeliveryRequest, ReceiveShipmentRequest, SetBreakBulkRequest, ShipmentLine,
    },
};

use super::Faults;
use crate::{
    domain::{
        announce::{AnnouncedLine, Announcement},
        break_bulk::Asked,
        delivery::Proof,
        receive::Counted,
        routes::{Authorisation, Requirement, StorageClass},
    },
    store::expected::ItemKey,
};

/// Rows of a page: 0 means 50, people get at most 500, services 5,000.
pub fn page_size(faults: &mut Faults, caller: &Caller, page: Option<&Page>) -> usize {
    let most = if caller.has(&[Role::Service]) { 5_000 } else { 500 };
    match usize::try_from(page.map_or(0, |page| page.size)) {
        Ok(0) => 50,
        Ok(size) if size <= most => size,
        _ => {
            faults.add("page.size", format!("must be between 1 and {most}, or 0 for 50"));
            0
        }
    }
}

/// The key after which a page starts.
pub fn after(page: Option<&Page>) -> &str {
    page.map_or("", |page| page.after.as_str())
}

/// `por_…,pll_…,sit_…`, the key of what is expected.
pub fn item_key(faults: &mut Faults, text: &str) -> Option<ItemKey> {
    if text.is_empty() {
        return None;
    }
    let mut parts = text.split(',');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(order), Some(line), Some(site), None) => {
            let key = (faults.id("page.after", order), faults.id("page.after", line), faults.id("page.after", site));
            key.0.zip(key.1).zip(key.2).map(|((order, line), site)| (order, line, site))
        }
        _ => {
            faults.add("page.after", "is not the key that a page gave");
            None
        }
    }
}

/// A state to filter by.
pub fn delivery_state(faults: &mut Faults, state: i32) -> Option<&'static str> {
    match ProtoState::try_from(state) {
        Ok(ProtoState::Unspecified) => None,
        Ok(ProtoState::Prepared) => Some("PREPARED"),
        Ok(ProtoState::Dispatched) => Some("DISPATCHED"),
        Ok(ProtoState::Delivered) => Some("DELIVERED"),
        Ok(ProtoState::Certified) => Some("CERTIFIED"),
        Err(_) => {
            faults.add("state", "is not a state of a delivery");
            None
        }
    }
}

/// Packagings to open.
///
/// # Errors
/// `INVALID_INPUT` with every fault.
pub fn break_bulk(request: &SetBreakBulkRequest) -> Result<Vec<Asked>, Failure> {
    let mut faults = Faults::default();
    faults.count("entries", request.entries.len(), 1, 5_000);
    let mut asked = Vec::with_capacity(request.entries.len());
    for (at, entry) in request.entries.iter().enumerate() {
        let site = faults.id(format!("entries[{at}].platform_site_id"), &entry.platform_site_id);
        let article_ref = faults.text(format!("entries[{at}].article_id"), &entry.article_id, 1, 100);
        let packaging_code = faults.text(format!("entries[{at}].packaging_code"), &entry.packaging_code, 1, 50);
        if let Some(platform_site_id) = site {
            asked.push(Asked { platform_site_id, article_ref, packaging_code });
        }
    }
    faults.finish(Some(asked))
}

/// What routes are asked for.
#[derive(Debug)]
pub struct RoutesAsked {
    /// The platform, if any.
    pub platform: Option<SiteId>,
    /// What goods require.
    pub requirements: Vec<Requirement>,
    /// Where they go.
    pub sites: Vec<SiteId>,
}

/// Routes to find.
///
/// # Errors
/// `INVALID_INPUT` with every fault.
pub fn routes(request: &ListRoutesRequest) -> Result<RoutesAsked, Failure> {
    let mut faults = Faults::default();
    faults.count("requirements", request.requirements.len(), 0, 50);
    faults.count("site_ids", request.site_ids.len(), 0, 5_000);
    let platform = faults.optional_id("platform_site_id", &request.platform_site_id);
    let mut requirements = Vec::with_capacity(request.requirements.len());
    for (at, asked) in request.requirements.iter().enumerate() {
        let authorisation = Authorisation::from_code(&asked.authorisation);
        if authorisation.is_none() && !asked.authorisation.is_empty() {
            faults.add(format!("requirements[{at}].authorisation"), "must be empty, PUI or STERILE_DEVICES");
        }
        match StorageClass::from_code(&asked.storage_class) {
            Some(storage) => requirements.push(Requirement { authorisation, storage }),
            None => faults
                .add(format!("requirements[{at}].storage_class"), "must be AMBIENT, COLD_2_8, FROZEN or FLAMMABLE"),
        }
    }
    let sites =
        request.site_ids.iter().enumerate().filter_map(|(at, id)| faults.id(format!("site_ids[{at}]"), id)).collect();
    faults.finish(Some(RoutesAsked { platform, requirements, sites }))
}

/// A shipment to announce.
///
/// # Errors
/// `INVALID_INPUT` with every fault that does not need the order to be seen.
pub fn announcement(request: &AnnounceShipmentRequest) -> Result<Announcement, Failure> {
    let mut faults = Faults::default();
    let order: Option<PooledOrderId> = faults.id("pooled_order_id", &request.pooled_order_id);
    let site: Option<SiteId> = faults.id("destination_site_id", &request.destination_site_id);
    let despatch_number = faults.text("despatch_number", &request.despatch_number, 1, 50);
    faults.count("lines", request.lines.len(), 0, 5_000);
    faults.count("still_to_come", request.still_to_come.len(), 0, 5_000);
    let mut batches = HashSet::new();
    let mut lines = Vec::with_capacity(request.lines.len());
    for (at, line) in request.lines.iter().enumerate() {
        if let Some(line) = announced_line(&mut faults, at, line) {
            if !batches.insert((line.pooled_line_id, line.batch.clone())) {
                faults.add(format!("lines[{at}].batch"), "this article and batch is already in an earlier line");
            }
            lines.push(line);
        }
    }
    let mut seen = HashSet::new();
    let mut still_to_come = Vec::with_capacity(request.still_to_come.len());
    for (at, entry) in request.still_to_come.iter().enumerate() {
        let field = format!("still_to_come[{at}].pooled_line_id");
        faults.units(format!("still_to_come[{at}].outstanding_units"), entry.outstanding_units, 0);
        if let Some(id) = faults.id::<_>(field.clone(), &entry.pooled_line_id) {
            if !seen.insert(id) {
                faults.add(field, "is already in an earlier entry");
            }
            still_to_come.push((id, entry.outstanding_units));
        }
    }
    let announcement = order.zip(site).map(|(pooled_order_id, destination_site_id)| Announcement {
        pooled_order_id,
        destination_site_id,
        despatch_number,
        lines,
        still_to_come,
    });
    faults.finish(announcement)
}

fn announced_line(faults: &mut Faults, at: usize, line: &ShipmentLine) -> Option<AnnouncedLine> {
    let id = faults.id(format!("lines[{at}].pooled_line_id"), &line.pooled_line_id);
    faults.units(format!("lines[{at}].units"), line.units, 1);
    // GS1 AI 10 has at most 20 characters.
    let batch = faults.text(format!("lines[{at}].batch"), &line.batch, 0, 20);
    let expires_on = match line.expires_on.as_str() {
        "" => None,
        day => match NaiveDate::parse_from_str(day, "%Y-%m-%d") {
            Ok(day) => Some(day),
            Err(_) => {
                faults.add(format!("lines[{at}].expires_on"), "must be an ISO date such as 2027-03-31");
                None
            }
        },
    };
    id.map(|pooled_line_id| AnnouncedLine { pooled_line_id, units: line.units, batch, expires_on })
}

/// What was counted at a receipt.
///
/// # Errors
/// `INVALID_INPUT` with every fault that does not need the shipment to be seen.
pub fn receipt(request: &ReceiveShipmentRequest) -> Result<(ShipmentId, Vec<Counted>), Failure> {
    let mut faults = Faults::default();
    let shipment = faults.id("shipment_id", &request.shipment_id);
    faults.count("lines", request.lines.len(), 0, 5_000);
    let mut counted = Vec::with_capacity(request.lines.len());
    for (at, line) in request.lines.iter().enumerate() {
        faults.units(format!("lines[{at}].units_received"), line.units_received, 0);
        faults.units(format!("lines[{at}].units_damaged"), line.units_damaged, 0);
        if let Some(shipment_line_id) = faults.id(format!("lines[{at}].shipment_line_id"), &line.shipment_line_id) {
            counted.push(Counted { shipment_line_id, received: line.units_received, damaged: line.units_damaged });
        }
    }
    faults.finish(shipment.map(|shipment| (shipment, counted)))
}

/// A proof to record.
///
/// # Errors
/// `INVALID_INPUT` with every fault but a time in the future, which needs business time.
pub fn proof(request: &ProveDeliveryRequest) -> Result<(DeliveryId, Proof), Failure> {
    let mut faults = Faults::default();
    let delivery = faults.id("delivery_id", &request.delivery_id);
    let Some(proof) = &request.proof else {
        faults.add("proof", "must be given");
        return faults.finish(None);
    };
    let signed_by = faults.text("proof.signed_by", &proof.signed_by, 1, 200);
    let reserves = faults.text("proof.reserves", &proof.reserves, 0, 2_000);
    let handed_over_at = match DateTime::parse_from_rfc3339(&proof.handed_over_at) {
        Ok(at) => Some(at.with_timezone(&Utc)),
        Err(_) => {
            faults.add("proof.handed_over_at", "must be an RFC 3339 time such as 2026-05-04T09:30:00Z");
            None
        }
    };
    let proof = handed_over_at.map(|handed_over_at| Proof { signed_by, handed_over_at, reserves });
    faults.finish(delivery.zip(proof))
}

/// A certification: delivery, and what was accepted of each line.
///
/// # Errors
/// `INVALID_INPUT` with every fault that does not need the delivery to be seen.
pub fn certification(request: &CertifyDeliveryRequest) -> Result<(DeliveryId, Vec<(DeliveryLineId, i64)>), Failure> {
    let mut faults = Faults::default();
    let delivery = faults.id("delivery_id", &request.delivery_id);
    let mut lines = Vec::with_capacity(request.lines.len());
    for (at, line) in request.lines.iter().enumerate() {
        faults.units(format!("lines[{at}].units_accepted"), line.units_accepted, 0);
        if let Some(id) = faults.id(format!("lines[{at}].delivery_line_id"), &line.delivery_line_id) {
            lines.push((id, line.units_accepted));
        }
    }
    faults.finish(delivery.map(|delivery| (delivery, lines)))
}

/// A cancellation: order, article and why.
///
/// # Errors
/// `INVALID_INPUT` with every fault.
pub fn cancellation(request: &CancelOutstandingRequest) -> Result<(PooledOrderId, PlanLineId, String), Failure> {
    let mut faults = Faults::default();
    let order = faults.id("pooled_order_id", &request.pooled_order_id);
    let line = faults.id("pooled_line_id", &request.pooled_line_id);
    let cause = faults.text("cause", &request.cause, 1, 500);
    faults.finish(order.zip(line).map(|(order, line)| (order, line, cause)))
}

/// One id, alone in its request.
///
/// # Errors
/// `INVALID_INPUT` on `field`.
pub fn one_id<K: kit::id::Kind>(field: &str, text: &str) -> Result<kit::Id<K>, Failure> {
    let mut faults = Faults::default();
    let id = faults.id(field, text);
    faults.finish(id)
}

#[cfg(test)]
mod tests {
    use proto::logistics::v1::StillToCome;

    use super::*;

    #[test]
    fn every_fault_of_an_announcement_is_told_at_once() {
        let request = AnnounceShipmentRequest {
            pooled_order_id: "x".into(),
            destination_site_id: SiteId::new().to_string(),
            lines: vec![ShipmentLine {
                units: 0,
                batch: "b".repeat(21),
                expires_on: "31/03/2027".into(),
                ..Default::default()
            }],
            still_to_come: vec![StillToCome { pooled_line_id: "y".into(), outstanding_units: -1 }],
            ..Default::default()
        };
        let Err(Failure::Domain(error)) = announcement(&request) else { panic!("accepted") };
        let fields: Vec<_> = error.fields().into_iter().map(|fault| fault.field).collect();
        assert_eq!(
            fields,
            [
                "pooled_order_id",
                "despatch_number",
                "lines[0].pooled_line_id",
                "lines[0].units",
                "lines[0].batch",
                "lines[0].expires_on",
                "still_to_come[0].outstanding_units",
                "still_to_come[0].pooled_line_id"
            ]
        );
    }

    #[test]
    fn a_proof_needs_a_name_and_a_time() {
        let request = ProveDeliveryRequest {
            delivery_id: DeliveryId::new().to_string(),
            proof: Some(Default::default()),
            ..Default::default()
        };
        let Err(Failure::Domain(error)) = proof(&request) else { panic!("accepted") };
        assert_eq!(error.fields().len(), 2);
    }

    #[test]
    fn the_key_of_what_is_expected_round_trips() {
        let key = (PooledOrderId::new(), PlanLineId::new(), SiteId::new());
        let mut faults = Faults::default();
        assert_eq!(item_key(&mut faults, &super::super::item_key_text(&key)), Some(key));
        assert_eq!(item_key(&mut faults, ""), None);
        assert!(faults.finish(Some(())).is_ok());
        let mut faults = Faults::default();
        item_key(&mut faults, "por_1,pll_2");
        assert!(faults.finish(Some(())).is_err());
    }
}
