//! What other services answer about a plan, and plans to protobuf.

use std::collections::HashMap;

use kit::{
    Failure,
    id::{AgreementId, ArticleId, LotId, PartyId, SiteId},
    money::parse_unit_price,
};
use proto::{
    catalogue::v1::{Article as WireArticle, Price},
    common::v1 as common,
    demand::v1 as wire,
    logistics::v1 as logistics,
    membership::v1 as membership,
    tendering::v1 as tendering,
};
use rust_decimal::Decimal;

use crate::{
    domain::{
        buyers::{Actor, BuyerStatus, FormRules},
        need::LineKind,
        packs::PackRule,
        plan_state::PlanState,
        reason::Reason,
        terms::{Agreement, ArticleTerms, Entitlement, Offer, RouteAnswer},
        tiers::{Basis, Tier},
    },
    store::plans::{Exclusion, Line, Plan, Share},
};

/// Another service's answer that does not hold together.
fn wrong(what: impl std::fmt::Display) -> Failure {
    Failure::internal(format!("answer of another service: {what}"))
}

/// Who orders, receives and pays in a group.
///
/// # Errors
/// Internal when membership's answer is not whole.
pub fn form_rules(group: Option<membership::Group>) -> Result<FormRules, Failure> {
    let group = group.ok_or_else(|| wrong("no group"))?;
    let rules = group.rules.ok_or_else(|| wrong("a group without rules"))?;
    let actor = |text: &str| Actor::parse(text).ok_or_else(|| wrong(format!("unknown actor {text:?}")));
    Ok(FormRules {
        orders: actor(&rules.orders)?,
        receives: actor(&rules.receives)?,
        pays: actor(&rules.pays)?,
        awarding: group.awarding_party_id.parse().map_err(wrong)?,
    })
}

/// An agreement with the numbers of its lots.
///
/// # Errors
/// Internal when tendering's answer is not whole.
pub fn agreement(agreement: Option<tendering::Agreement>) -> Result<(Agreement, Vec<(LotId, i32)>), Failure> {
    let agreement = agreement.ok_or_else(|| wrong("no agreement"))?;
    let basis = match agreement.tier_basis() {
        tendering::TierBasis::PooledOrder => Basis::PooledOrder,
        tendering::TierBasis::OrderForm => Basis::OrderForm,
        tendering::TierBasis::DeliveryPoint => Basis::DeliveryPoint,
        tendering::TierBasis::Unspecified => return Err(wrong("an agreement without tier basis")),
    };
    let wholesale = match agreement.role() {
        tendering::PurchasingRole::Wholesaler => true,
        tendering::PurchasingRole::Intermediary => false,
        tendering::PurchasingRole::Unspecified => return Err(wrong("an agreement without role")),
    };
    let mut lots = Vec::with_capacity(agreement.lots.len());
    for lot in &agreement.lots {
        lots.push((lot.id.parse().map_err(wrong)?, lot.number));
    }
    let id: AgreementId = agreement.id.parse().map_err(wrong)?;
    Ok((Agreement { id, number: agreement.number, basis, wholesale }, lots))
}

/// A price in force.
///
/// # Errors
/// Internal when catalogue's answer does not fit tendering's.
pub fn offer(price: Price, agreements: &[Agreement], lots: &HashMap<LotId, i32>) -> Result<Offer, Failure> {
    let agreement_id: AgreementId = price.agreement_id.parse().map_err(wrong)?;
    let agreement = agreements.iter().position(|agreement| agreement.id == agreement_id);
    let lot: LotId = price.lot_id.parse().map_err(wrong)?;
    let mut tiers = Vec::with_capacity(price.tiers.len());
    for tier in &price.tiers {
        tiers.push(Tier { min_units: tier.min_units, unit_price: parse_unit_price(&tier.unit_price).map_err(wrong)? });
    }
    Ok(Offer {
        agreement: agreement.ok_or_else(|| wrong("a price of an agreement not asked for"))?,
        lot,
        lot_number: *lots.get(&lot).ok_or_else(|| wrong(format!("a price under unknown lot {lot}")))?,
        supplier: price.supplier_id.parse().map_err(wrong)?,
        article: price.article_id.parse().map_err(wrong)?,
        packaging_code: price.packaging_code,
        rule: PackRule { pack_units: price.pack_units, order_multiple: price.order_multiple_packs },
        tiers,
        vat_rate: price.vat_rate.parse::<Decimal>().map_err(wrong)?,
    })
}

/// What a plan uses of an article; its requirement is given an index later.
///
/// # Errors
/// Internal when catalogue's answer is not whole.
pub fn article(article: &WireArticle) -> Result<(ArticleId, ArticleTerms), Failure> {
    let kind = match article.kind() {
        common::LineKind::Goods => LineKind::Goods,
        common::LineKind::Service => LineKind::Service,
        common::LineKind::Unspecified => return Err(wrong("an article that is neither goods nor service")),
    };
    let terms = ArticleTerms {
        label: article.label.clone(),
        unit_label: article.base_unit_label.clone(),
        packaging_labels: article.packagings.iter().map(|level| (level.code.clone(), level.label.clone())).collect(),
        kind,
        requirement: None,
    };
    Ok((article.id.parse().map_err(wrong)?, terms))
}

/// The route for one requirement, by its index in the question, and one site.
///
/// # Errors
/// Internal when logistics' answer is not whole.
pub fn route(route: logistics::SiteRoute) -> Result<(usize, SiteId, RouteAnswer), Failure> {
    let answer = match route.route() {
        logistics::Route::Platform => RouteAnswer::Platform,
        logistics::Route::Direct => RouteAnswer::Direct,
        logistics::Route::Refused => RouteAnswer::Refused(reason(route.reason.clone())),
        logistics::Route::Unspecified => return Err(wrong("no route")),
    };
    Ok((usize::try_from(route.requirement).map_err(wrong)?, route.site_id.parse().map_err(wrong)?, answer))
}

/// Whether a member may buy from a lot.
#[must_use]
pub fn entitlement(entitlement: tendering::Entitlement) -> Entitlement {
    Entitlement { allowed: entitlement.allowed, reason: reason(entitlement.reason) }
}

/// A party's buyer status. Unstated counts as unknown.
#[must_use]
pub const fn buyer_status(status: membership::BuyerStatus) -> BuyerStatus {
    match status {
        membership::BuyerStatus::PublicLaw => BuyerStatus::PublicLaw,
        membership::BuyerStatus::PrivateContractingAuthority => BuyerStatus::PrivateContractingAuthority,
        membership::BuyerStatus::AssertedNot => BuyerStatus::AssertedNot,
        membership::BuyerStatus::Unknown | membership::BuyerStatus::Unspecified => BuyerStatus::Unknown,
    }
}

/// A reason as another service gave it.
#[must_use]
pub fn reason(reason: Option<common::Reason>) -> Reason {
    let reason = reason.unwrap_or_default();
    Reason { rule: reason.rule, source: reason.source, text: reason.text, facts: reason.facts.into_iter().collect() }
}

/// A reason.
#[must_use]
pub fn reason_to_proto(reason: Reason) -> common::Reason {
    common::Reason {
        rule: reason.rule,
        source: reason.source,
        text: reason.text,
        facts: reason.facts.into_iter().collect(),
    }
}

/// Stored reasons.
///
/// # Errors
/// Internal when they cannot be read.
pub fn reasons_to_proto(json: &str) -> Result<Vec<common::Reason>, Failure> {
    let reasons: Vec<Reason> = serde_json::from_str(json).map_err(Failure::internal)?;
    Ok(reasons.into_iter().map(reason_to_proto).collect())
}

/// The id's text, empty for none.
fn or_empty<I: ToString>(id: Option<I>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}

/// A plan.
#[must_use]
pub fn plan_to_proto(plan: &Plan, missing: &[PartyId]) -> wire::Plan {
    let state = match plan.state {
        PlanState::Proposed => wire::PlanState::Proposed,
        PlanState::Approved => wire::PlanState::Approved,
        PlanState::Placed => wire::PlanState::Placed,
    };
    wire::Plan {
        id: plan.id.to_string(),
        round_id: plan.round_id.to_string(),
        snapshot_id: plan.snapshot_id.to_string(),
        state: state.into(),
        line_count: plan.line_count,
        share_count: plan.share_count,
        exclusion_count: plan.exclusion_count,
        units_needed: plan.units_needed,
        units_ordered: plan.units_ordered,
        amount_cents: plan.amount_cents,
        missing_commitments: missing.iter().map(ToString::to_string).collect(),
        sha256: hex::encode(&plan.sha256),
        version: plan.version,
    }
}

/// A plan line.
///
/// # Errors
/// Internal when its reasons cannot be read.
pub fn line_to_proto(line: Line) -> Result<wire::PlanLine, Failure> {
    Ok(wire::PlanLine {
        id: line.id.to_string(),
        article_id: line.article_id.to_string(),
        agreement_id: line.agreement_id.to_string(),
        lot_id: line.lot_id.to_string(),
        supplier_id: line.supplier_id.to_string(),
        packaging_code: line.packaging_code,
        pack_units: line.pack_units,
        units_needed: line.units_needed,
        packs: line.packs,
        units_ordered: line.units_ordered,
        tier_min_units: line.tier_min_units,
        unit_price: line.unit_price.normalize().to_string(),
        amount_cents: line.amount_cents,
        tier_party_id: or_empty(line.tier_party_id),
        tier_site_id: or_empty(line.tier_site_id),
        reasons: reasons_to_proto(&line.reasons)?,
        member_count: line.member_count,
    })
}

/// A stored route.
#[must_use]
pub fn route_to_proto(route: &str) -> wire::Route {
    if route == "PLATFORM" { wire::Route::Platform } else { wire::Route::Direct }
}

/// A plan share.
#[must_use]
pub fn share_to_proto(share: &Share) -> wire::PlanShare {
    wire::PlanShare {
        need_id: share.need_id.to_string(),
        plan_line_id: share.plan_line_id.to_string(),
        party_id: share.party_id.to_string(),
        site_id: share.site_id.to_string(),
        route: route_to_proto(&share.route).into(),
        units_needed: share.units_needed,
        units: share.units,
        amount_cents: share.amount_cents,
    }
}

/// A need left out.
///
/// # Errors
/// Internal when its reason cannot be read.
pub fn exclusion_to_proto(exclusion: &Exclusion) -> Result<wire::PlanExclusion, Failure> {
    let reason: Reason = serde_json::from_str(&exclusion.reason).map_err(Failure::internal)?;
    Ok(wire::PlanExclusion {
        need_id: exclusion.need_id.to_string(),
        party_id: exclusion.party_id.to_string(),
        article_id: exclusion.article_id.to_string(),
        site_id: exclusion.site_id.to_string(),
        units: exclusion.units,
        reason: Some(reason_to_proto(reason)),
    })
}
