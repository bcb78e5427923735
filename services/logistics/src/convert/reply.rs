//! Domain → replies.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use proto::{common::v1 as common, logistics::v1 as pb};

use crate::{
    domain::{
        self, Route,
        break_bulk::BreakBulk,
        delivery::{Delivery, DeliveryLine, DeliveryState},
        routes::Verdict,
        sharing::Cause,
        shipment::{Shipment, ShipmentLine, ShipmentState},
    },
    store::{
        allocations::Allocation,
        expected::{ExpectedSum, ItemKey},
    },
};

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn day(day: Option<NaiveDate>) -> String {
    day.map(|day| day.to_string()).unwrap_or_default()
}

fn route(route: Route) -> i32 {
    match route {
        Route::Platform => pb::Route::Platform.into(),
        Route::Direct => pb::Route::Direct.into(),
    }
}

/// The verdict on a route.
#[must_use]
pub fn verdict_to_proto(verdict: Verdict) -> i32 {
    match verdict {
        Verdict::Platform => pb::Route::Platform.into(),
        Verdict::Direct => pb::Route::Direct.into(),
        Verdict::Refused => pb::Route::Refused.into(),
    }
}

/// A reason.
#[must_use]
pub fn reason_to_proto(reason: domain::Reason) -> common::Reason {
    common::Reason {
        rule: reason.rule.to_owned(),
        source: reason.source.to_owned(),
        text: reason.text,
        facts: reason.facts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
    }
}

/// A packaging that a platform opens.
#[must_use]
pub fn break_bulk_to_proto(entry: &BreakBulk) -> pb::BreakBulk {
    pb::BreakBulk {
        platform_site_id: entry.platform_site_id.to_string(),
        article_id: entry.article_id.to_string(),
        packaging_code: entry.packaging_code.clone(),
    }
}

/// The key of what is expected, as text.
#[must_use]
pub fn item_key_text(key: &ItemKey) -> String {
    format!("{},{},{}", key.0, key.1, key.2)
}

/// What is expected of an article at a destination.
#[must_use]
pub fn expected_to_proto(sum: &ExpectedSum) -> pb::Expected {
    pb::Expected {
        group_id: sum.group_id.to_string(),
        pooled_order_id: sum.pooled_order_id.to_string(),
        order_number: sum.order_number.clone(),
        pooled_line_id: sum.pooled_line_id.to_string(),
        supplier_id: sum.supplier_id.to_string(),
        destination_site_id: sum.destination_site_id.to_string(),
        route: route(sum.route),
        article_id: sum.article_id.to_string(),
        packaging_code: sum.packaging_code.clone(),
        pack_units: sum.pack_units,
        units_accepted: sum.accepted,
        units_shipped: sum.shipped,
        units_cancelled: sum.cancelled,
        units_open: sum.open,
    }
}

/// A shipment with its lines.
#[must_use]
pub fn shipment_to_proto(shipment: &Shipment, lines: &[ShipmentLine]) -> pb::Shipment {
    let state = match shipment.state {
        ShipmentState::Announced => pb::ShipmentState::Announced,
        ShipmentState::Received => pb::ShipmentState::Received,
    };
    pb::Shipment {
        id: shipment.id.to_string(),
        group_id: shipment.group_id.to_string(),
        pooled_order_id: shipment.pooled_order_id.to_string(),
        supplier_id: shipment.supplier_id.to_string(),
        destination_site_id: shipment.destination_site_id.to_string(),
        route: route(shipment.route),
        despatch_number: shipment.despatch_number.clone(),
        state: state.into(),
        lines: lines.iter().map(shipment_line_to_proto).collect(),
        announced_at: time(shipment.announced_at),
        announced_by: shipment.announced_by.clone(),
    }
}

fn shipment_line_to_proto(line: &ShipmentLine) -> pb::ShipmentLine {
    pb::ShipmentLine {
        id: line.id.to_string(),
        pooled_line_id: line.pooled_line_id.to_string(),
        units: line.units,
        batch: line.batch.clone(),
        expires_on: day(line.expires_on),
        units_received: line.received,
        units_damaged: line.damaged,
        article_id: line.article_id.to_string(),
    }
}

/// A sharing-out, with the rule's text as it was stored.
#[must_use]
pub fn allocation_to_proto(allocation: Allocation) -> pb::Allocation {
    let sharing = allocation.sharing;
    let cause = match sharing.cause {
        Cause::Receipt => pb::AllocationCause::Receipt,
        Cause::Cancellation => pb::AllocationCause::Cancellation,
    };
    let reason = domain::Reason { text: allocation.rule_text, ..sharing.reason() };
    pb::Allocation {
        id: allocation.id.to_string(),
        cause: cause.into(),
        pooled_line_id: sharing.pooled_line_id.to_string(),
        units: sharing.units,
        step_units: sharing.step,
        rule: Some(reason_to_proto(reason)),
        shares: sharing
            .shares
            .iter()
            .map(|share| pb::AllocationShare {
                order_line_id: share.order_line_id.to_string(),
                party_id: share.party_id.to_string(),
                site_id: share.site_id.to_string(),
                weight_units: share.weight,
                units: share.units,
            })
            .collect(),
    }
}

/// A delivery; in lists without lines.
#[must_use]
pub fn delivery_to_proto(delivery: &Delivery, lines: &[DeliveryLine]) -> pb::Delivery {
    let state = match delivery.state {
        DeliveryState::Prepared => pb::DeliveryState::Prepared,
        DeliveryState::Dispatched => pb::DeliveryState::Dispatched,
        DeliveryState::Delivered(_) => pb::DeliveryState::Delivered,
        DeliveryState::Certified(_) => pb::DeliveryState::Certified,
    };
    pb::Delivery {
        id: delivery.id.to_string(),
        group_id: delivery.group_id.to_string(),
        number: delivery.number.clone(),
        party_id: delivery.party_id.to_string(),
        site_id: delivery.site_id.to_string(),
        route: route(delivery.route),
        state: state.into(),
        proof: delivery.state.proof().map(|proof| pb::Proof {
            signed_by: proof.signed_by.clone(),
            handed_over_at: time(proof.handed_over_at),
            reserves: proof.reserves.clone(),
        }),
        lines: lines.iter().map(delivery_line_to_proto).collect(),
        units: delivery.units,
        version: delivery.version,
        pooled_order_id: delivery.pooled_order_id.to_string(),
    }
}

fn delivery_line_to_proto(line: &DeliveryLine) -> pb::DeliveryLine {
    pb::DeliveryLine {
        id: line.id.to_string(),
        order_line_id: line.order_line_id.to_string(),
        article_id: line.article_id.to_string(),
        units: line.units,
        batch: line.batch.clone(),
        expires_on: day(line.expires_on),
        units_accepted: line.accepted,
        units_refused: line.refused,
    }
}
