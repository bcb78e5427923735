//! Answers.

use proto::{common::v1 as common, tendering::v1 as pb};

use super::{AskedEntitlement, consumption_to_proto};
use crate::domain::{
    agreement::{Agreement, Lot, Naming, PurchasingRole, TierBasis},
    ceiling::{Reservation, ReservationState},
    entitlement::{
        Entitlement, Reason,
        alternative::{Alternative, AlternativeKind},
    },
};

pub(crate) fn agreement_to_proto(agreement: &Agreement) -> pb::Agreement {
    let terms = &agreement.terms;
    let role = match terms.role {
        PurchasingRole::Wholesaler => pb::PurchasingRole::Wholesaler,
        PurchasingRole::Intermediary => pb::PurchasingRole::Intermediary,
    };
    let tier_basis = match terms.tier_basis {
        TierBasis::PooledOrder => pb::TierBasis::PooledOrder,
        TierBasis::OrderForm => pb::TierBasis::OrderForm,
        TierBasis::DeliveryPoint => pb::TierBasis::DeliveryPoint,
    };
    pb::Agreement {
        id: agreement.id.to_string(),
        key: terms.key.clone(),
        number: terms.number.clone(),
        title: terms.title.clone(),
        role: role.into(),
        tier_basis: tier_basis.into(),
        starts_on: terms.starts_on.to_string(),
        ends_on: terms.ends_on.to_string(),
        awarding_party_id: terms.awarding_party.to_string(),
        source: terms.source.clone(),
        lots: agreement.lots.iter().map(lot_to_proto).collect(),
        beneficiaries: agreement.beneficiaries.iter().map(naming_to_proto).collect(),
        published_on: terms.published_on.map(|day| day.to_string()).unwrap_or_default(),
    }
}

fn lot_to_proto(lot: &Lot) -> pb::Lot {
    pb::Lot {
        id: lot.id.to_string(),
        number: lot.number,
        title: lot.title.clone(),
        holder_id: lot.holder.to_string(),
        maximum_cents: lot.ceiling.maximum_cents,
        minimum_cents: lot.minimum_cents,
        opening_consumed_cents: lot.ceiling.opening_cents,
        consumed_cents: lot.ceiling.consumed_cents,
        reserved_cents: lot.ceiling.reserved_cents,
        remaining_cents: lot.ceiling.remaining(),
        opening_by_member: lot.consumption.iter().map(consumption_to_proto).collect(),
    }
}

fn naming_to_proto(naming: &Naming) -> pb::Beneficiary {
    pb::Beneficiary {
        party_id: naming.party.to_string(),
        valid_from: naming.valid_from.to_string(),
        valid_to: naming.valid_to.map(|day| day.to_string()).unwrap_or_default(),
        evidence: String::new(),
    }
}

pub(crate) fn entitlement_to_proto(asked: &AskedEntitlement, entitlement: Entitlement) -> pb::Entitlement {
    pb::Entitlement {
        question: Some(pb::EntitlementQuestion {
            party_id: asked.party.to_string(),
            lot_id: asked.lot.to_string(),
            article_id: asked.article.map(|article| article.to_string()).unwrap_or_default(),
            amount_cents: asked.amount_cents,
        }),
        allowed: entitlement.allowed,
        reason: Some(reason_to_proto(entitlement.reason)),
        alternative: None,
    }
}

pub(crate) fn alternative_to_proto(alternative: Alternative) -> pb::Alternative {
    let kind = match alternative.kind {
        AlternativeKind::OtherLot => pb::AlternativeKind::OtherLot,
        AlternativeKind::Wait => pb::AlternativeKind::Wait,
        AlternativeKind::GetDelegation => pb::AlternativeKind::GetDelegation,
        AlternativeKind::BeNamed => pb::AlternativeKind::BeNamed,
        AlternativeKind::Join => pb::AlternativeKind::Join,
        AlternativeKind::NewProcedure => pb::AlternativeKind::NewProcedure,
    };
    pb::Alternative {
        kind: kind.into(),
        lot_id: alternative.lot.map(|lot| lot.to_string()).unwrap_or_default(),
        agreement_id: alternative.agreement.map(|agreement| agreement.to_string()).unwrap_or_default(),
        from: alternative.from.map(|day| day.to_string()).unwrap_or_default(),
        text: alternative.text,
    }
}

fn reason_to_proto(reason: Reason) -> common::Reason {
    common::Reason {
        rule: reason.rule.name().to_owned(),
        source: reason.source,
        text: reason.text,
        facts: reason.facts.into_iter().collect(),
    }
}

pub(crate) fn reservation_to_proto(reservation: &Reservation, reasons: Vec<Reason>) -> pb::Reservation {
    let state = match reservation.state {
        ReservationState::Reserved => pb::ReservationState::Reserved,
        ReservationState::Confirmed => pb::ReservationState::Confirmed,
        ReservationState::Released => pb::ReservationState::Released,
    };
    pb::Reservation {
        id: reservation.id.to_string(),
        lot_id: reservation.lot_id.to_string(),
        order_id: reservation.order_id.to_string(),
        amount_cents: reservation.amount_cents,
        state: state.into(),
        reasons: reasons.into_iter().map(reason_to_proto).collect(),
    }
}
