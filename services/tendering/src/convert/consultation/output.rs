//! Answers.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use kit::id::PartyId;
use proto::{common::v1 as common, tendering::v1 as pb};

use crate::{
    domain::{
        agreement::{PurchasingRole, TierBasis},
        consultation::{
            Consultation, Finding, Opened, OpenedTender,
            content::{Offer, Price, Tier},
            dossier::{
                BasketLine, ComparisonBasis, Criterion, CriterionKind, Dossier, Lot, PriceFormula, Procedure, TieRule,
                TierComparison,
            },
            score::{Points, Ranked},
            state::State,
        },
        law::Law,
    },
    store::{consultation::LotResult, tender::Received},
};

/// For whom an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// The consultation's group.
    Group,
    /// Anybody else: what was published, without the group's own estimates.
    Public,
}

fn moment(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn optional(time: Option<DateTime<Utc>>) -> String {
    time.map(moment).unwrap_or_default()
}

/// A consultation at a moment that falls on `today`.
pub(crate) fn consultation_to_proto(
    consultation: &Consultation,
    audience: Audience,
    law: &Law,
    now: DateTime<Utc>,
    today: NaiveDate,
) -> pb::Consultation {
    let dossier = &consultation.dossier;
    // Thresholds are those of the day on which the consultation is or was sent.
    let day = consultation.published_at.map_or(today, |published| published.date_naive());
    let (proposed, findings) = dossier.proposed(law, day);
    let role = match dossier.role {
        PurchasingRole::Wholesaler => pb::PurchasingRole::Wholesaler,
        PurchasingRole::Intermediary => pb::PurchasingRole::Intermediary,
    };
    pb::Consultation {
        id: consultation.id.to_string(),
        group_id: consultation.group.to_string(),
        number: consultation.number.clone(),
        state: state_to_proto(consultation.state(now, today)).into(),
        version: consultation.version,
        title: dossier.title.clone(),
        awarding_party_id: dossier.awarding_party.to_string(),
        role: role.into(),
        procedure: procedure_to_proto(dossier.procedure.unwrap_or(proposed)).into(),
        proposed_procedure: procedure_to_proto(proposed).into(),
        procedure_reasons: match audience {
            Audience::Group => findings.into_iter().map(finding_to_proto).collect(),
            Audience::Public => Vec::new(),
        },
        electronic: dossier.electronic,
        zone: dossier.zone.clone(),
        deadline: optional(dossier.deadline),
        opener_key: dossier.opener_key.clone(),
        lots: dossier.lots.iter().map(|lot| lot_to_proto(lot, audience)).collect(),
        criteria: dossier.criteria.iter().map(criterion_to_proto).collect(),
        price_formula: formula_to_proto(dossier).into(),
        points_places: i32::try_from(dossier.points_places).unwrap_or_default(),
        tie_rule: tie_rule_to_proto(dossier).into(),
        comparison_basis: basis_to_proto(dossier).into(),
        beneficiary_ids: dossier.beneficiaries.iter().map(ToString::to_string).collect(),
        duration_months: i32::try_from(dossier.duration_months).unwrap_or_default(),
        published_at: optional(consultation.published_at),
        opened_at: optional(consultation.opened_at),
        awarded_at: optional(consultation.awarded_at),
        signable_on: consultation.signable_on.map(|day| day.to_string()).unwrap_or_default(),
        agreement_id: match audience {
            Audience::Group => consultation.agreement.map(|id| id.to_string()).unwrap_or_default(),
            Audience::Public => String::new(),
        },
        // Which snapshot it was drawn up from is the group's own business.
        census: dossier
            .census
            .as_ref()
            .filter(|_| audience == Audience::Group)
            .map(|census| pb::CensusSource { snapshot_id: census.snapshot.to_string(), sha256: census.sha256.clone() }),
        tier_comparison: match dossier.tier_comparison {
            TierComparison::FirstTier => pb::TierComparison::FirstTier,
            TierComparison::BasketQuantity => pb::TierComparison::BasketQuantity,
        }
        .into(),
        tier_basis: match dossier.tier_basis {
            TierBasis::PooledOrder => pb::TierBasis::PooledOrder,
            TierBasis::OrderForm => pb::TierBasis::OrderForm,
            TierBasis::DeliveryPoint => pb::TierBasis::DeliveryPoint,
        }
        .into(),
    }
}

const fn state_to_proto(state: State) -> pb::ConsultationState {
    match state {
        State::Draft => pb::ConsultationState::Draft,
        State::Published => pb::ConsultationState::Published,
        State::Closed => pb::ConsultationState::Closed,
        State::Opened => pb::ConsultationState::Opened,
        State::Evaluated => pb::ConsultationState::Evaluated,
        State::Standstill => pb::ConsultationState::Standstill,
        State::Awarded => pb::ConsultationState::Awarded,
        State::Signed => pb::ConsultationState::Signed,
        State::Cancelled => pb::ConsultationState::Cancelled,
    }
}

const fn procedure_to_proto(procedure: Procedure) -> pb::Procedure {
    match procedure {
        Procedure::Open => pb::Procedure::Open,
        Procedure::Adapted => pb::Procedure::Adapted,
    }
}

const fn formula_to_proto(dossier: &Dossier) -> pb::PriceFormula {
    match dossier.formula {
        None => pb::PriceFormula::Unspecified,
        Some(PriceFormula::PminOverP) => pb::PriceFormula::PminOverP,
        Some(PriceFormula::Linear) => pb::PriceFormula::Linear,
        Some(PriceFormula::Flattened) => pb::PriceFormula::Flattened,
        Some(PriceFormula::MinMax) => pb::PriceFormula::MinMax,
        Some(PriceFormula::UnitPriceSum) => pb::PriceFormula::UnitPriceSum,
    }
}

const fn tie_rule_to_proto(dossier: &Dossier) -> pb::TieRule {
    match dossier.tie_rule {
        None => pb::TieRule::Unspecified,
        Some(TieRule::LowestPrice) => pb::TieRule::LowestPrice,
        Some(TieRule::BestEnvironment) => pb::TieRule::BestEnvironment,
    }
}

const fn basis_to_proto(dossier: &Dossier) -> pb::ComparisonBasis {
    match dossier.basis {
        None => pb::ComparisonBasis::Unspecified,
        Some(ComparisonBasis::WithoutVat) => pb::ComparisonBasis::WithoutVat,
    }
}

fn lot_to_proto(lot: &Lot, audience: Audience) -> pb::ConsultationLot {
    let line = |line: &BasketLine| pb::BasketLine {
        article_id: line.article.to_string(),
        quantity: line.quantity,
        packaging_codes: line.packagings.clone(),
    };
    pb::ConsultationLot {
        number: lot.number,
        title: lot.title.clone(),
        estimated_cents: match audience {
            Audience::Group => lot.estimated_cents,
            Audience::Public => 0,
        },
        maximum_cents: lot.maximum_cents,
        basket: lot.basket.iter().map(line).collect(),
    }
}

fn criterion_to_proto(criterion: &Criterion) -> pb::Criterion {
    let kind = match criterion.kind {
        CriterionKind::Price => pb::CriterionKind::Price,
        CriterionKind::Quality => pb::CriterionKind::Quality,
        CriterionKind::Environmental => pb::CriterionKind::Environmental,
        CriterionKind::SupplySecurity => pb::CriterionKind::SupplySecurity,
    };
    pb::Criterion {
        key: criterion.key.clone(),
        title: criterion.title.clone(),
        kind: kind.into(),
        weight: i32::try_from(criterion.weight).unwrap_or_default(),
    }
}

pub(crate) fn finding_to_proto(finding: Finding) -> common::Reason {
    common::Reason {
        rule: finding.rule.key().to_owned(),
        source: finding.source,
        text: finding.text,
        facts: finding.facts.into_iter().collect(),
    }
}

/// The proof of a tender's receipt.
pub(crate) fn receipt_to_proto(sealed: &crate::store::tender::Sealed) -> pb::TenderReceipt {
    let state = if sealed.late { pb::TenderState::Late } else { pb::TenderState::Sealed };
    pb::TenderReceipt {
        tender_id: sealed.id.to_string(),
        consultation_id: sealed.consultation_id.to_string(),
        group_id: sealed.group_id.to_string(),
        sha256: hex::encode(&sealed.sha256),
        size_bytes: sealed.size_bytes,
        received_at: moment(sealed.received_at),
        event_id: sealed.event_id.to_string(),
        state: state.into(),
    }
}

/// A tender as the session may see it, with what opening found in it.
pub(crate) fn tender_to_proto(
    received: &Received,
    found: Option<(&OpenedTender, &Dossier)>,
    own: Option<PartyId>,
) -> pb::Tender {
    let sealed = &received.sealed;
    let (state, faults, offers) = match found.map(|(opened, dossier)| (&opened.found, dossier)) {
        _ if sealed.late => (pb::TenderState::Late, Vec::new(), Vec::new()),
        Some((Opened::Complete(content), dossier)) => (
            pb::TenderState::Opened,
            Vec::new(),
            content.offers.iter().map(|offer| offer_to_proto(offer, dossier)).collect(),
        ),
        Some((Opened::Irregular(faults), _)) => (pb::TenderState::Irregular, faults.clone(), Vec::new()),
        Some((Opened::Unreadable(fault), _)) => (pb::TenderState::Unreadable, vec![fault.clone()], Vec::new()),
        // In its own session a bidder is not told what became of each: it has receipts only.
        None if received.opened && own.is_none() => (pb::TenderState::Replaced, Vec::new(), Vec::new()),
        None => (pb::TenderState::Sealed, Vec::new(), Vec::new()),
    };
    pb::Tender {
        receipt: Some(receipt_to_proto(sealed)),
        state: state.into(),
        party_id: received.party_id.or(own).map(|party| party.to_string()).unwrap_or_default(),
        faults,
        offers,
    }
}

fn offer_to_proto(offer: &Offer, dossier: &Dossier) -> pb::LotOffer {
    let lot = dossier.lot(offer.lot);
    let price = |price: &Price| {
        let quantity = lot.and_then(|lot| lot.basket.iter().find(|line| line.article == price.article));
        let quantity = quantity.map(|line| line.quantity).unwrap_or_default();
        pb::OfferedPrice {
            article_id: price.article.to_string(),
            unit_price: price.compared(dossier.tier_comparison, quantity).to_string(),
            packaging_code: price.packaging.clone(),
            order_multiple_packs: price.order_multiple_packs,
            tiers: price.tiers.iter().map(tier_to_proto).collect(),
        }
    };
    pb::LotOffer {
        lot_number: offer.lot,
        price_cents: offer.price_cents,
        prices: offer.prices.iter().map(price).collect(),
        answers: offer.answers.clone().into_iter().collect(),
    }
}

/// A tier as tendered.
pub(crate) fn tier_to_proto(tier: &Tier) -> pb::OfferedTier {
    pb::OfferedTier { min_units: tier.min_units, unit_price: tier.unit_price.to_string() }
}

/// A lot as evaluated and awarded.
pub(crate) fn ranking_to_proto(result: &LotResult) -> pb::LotResult {
    pb::LotResult {
        lot_number: result.lot,
        ranking: result.ranking.iter().map(ranked_to_proto).collect(),
        awarded_to: result.awarded.map(|(_, party)| party.to_string()).unwrap_or_default(),
    }
}

fn ranked_to_proto(ranked: &Ranked) -> pb::RankedOffer {
    let points = |points: &Points| pb::Points {
        criterion_key: points.criterion.clone(),
        weight: i32::try_from(points.weight).unwrap_or_default(),
        mark: points.mark.map(|mark| mark.to_string()).unwrap_or_default(),
        comment: points.comment.clone(),
        points: points.points.to_string(),
    };
    pb::RankedOffer {
        rank: ranked.rank,
        tender_id: ranked.tender.to_string(),
        party_id: ranked.party.to_string(),
        price_cents: ranked.price_cents,
        points: ranked.points.iter().map(points).collect(),
        total: ranked.total.to_string(),
        tie: ranked.tie,
    }
}
