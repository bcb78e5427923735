//! Pooled plans.

use proto::demand::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    convert::{all, some},
    shared::Reason,
    shipments::Route,
};

/// State of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PlanState {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// Computed.
    Proposed,
    /// Approved.
    Approved,
    /// Its orders are placed or being placed.
    Placed,
}

impl From<i32> for PlanState {
    fn from(value: i32) -> Self {
        match pb::PlanState::try_from(value) {
            Ok(pb::PlanState::Proposed) => Self::Proposed,
            Ok(pb::PlanState::Approved) => Self::Approved,
            Ok(pb::PlanState::Placed) => Self::Placed,
            Ok(pb::PlanState::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<PlanState> for i32 {
    fn from(value: PlanState) -> Self {
        let value = match value {
            PlanState::Unspecified => pb::PlanState::Unspecified,
            PlanState::Proposed => pb::PlanState::Proposed,
            PlanState::Approved => pb::PlanState::Approved,
            PlanState::Placed => pb::PlanState::Placed,
        };
        value.into()
    }
}

/// A pooled plan.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Plan {
    /// `pln_…`.
    #[schema(example = "pln_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// `rnd_…`.
    #[schema(example = "rnd_0198c2f07a3b7c11a2d34e5f60718293")]
    pub round_id: String,
    /// `snp_…`.
    #[schema(example = "snp_0198c2f07a3b7c11a2d34e5f60718293")]
    pub snapshot_id: String,
    /// State.
    pub state: PlanState,
    /// Lines.
    pub line_count: i64,
    /// Shares, one per need.
    pub share_count: i64,
    /// Needs left out.
    pub exclusion_count: i64,
    /// Base units needed by the needs it covers.
    pub units_needed: i64,
    /// Base units it orders, whole packs.
    #[schema(example = 1200)]
    pub units_ordered: i64,
    /// Cents EUR without VAT.
    #[schema(example = 125050)]
    pub amount_cents: i64,
    /// Buyers that must still give a commitment number, `pty_…`.
    pub missing_commitments: Vec<String>,
    /// SHA-256 over lines and shares, hex.
    pub sha256: String,
    /// Changes at each change; for ETag.
    pub version: i64,
}

impl From<pb::Plan> for Plan {
    fn from(value: pb::Plan) -> Self {
        Self {
            id: value.id,
            round_id: value.round_id,
            snapshot_id: value.snapshot_id,
            state: value.state.into(),
            line_count: value.line_count,
            share_count: value.share_count,
            exclusion_count: value.exclusion_count,
            units_needed: value.units_needed,
            units_ordered: value.units_ordered,
            amount_cents: value.amount_cents,
            missing_commitments: value.missing_commitments,
            sha256: value.sha256,
            version: value.version,
        }
    }
}

/// One article at one price.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PlanLine {
    /// `pll_…`.
    #[schema(example = "pll_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// `art_…`.
    #[schema(example = "art_0198c2f07a3b7c11a2d34e5f60718293")]
    pub article_id: String,
    /// `agr_…`.
    #[schema(example = "agr_0198c2f07a3b7c11a2d34e5f60718293")]
    pub agreement_id: String,
    /// `lot_…`.
    #[schema(example = "lot_0198c2f07a3b7c11a2d34e5f60718293")]
    pub lot_id: String,
    /// `pty_…`.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub supplier_id: String,
    /// Pack that the supplier takes orders of.
    #[schema(example = "BOX")]
    pub packaging_code: String,
    /// Base units in it.
    pub pack_units: i64,
    /// Base units needed.
    pub units_needed: i64,
    /// Packs ordered.
    pub packs: i64,
    /// Base units ordered = packs × pack_units.
    #[schema(example = 1200)]
    pub units_ordered: i64,
    /// Base units from which the applied tier holds.
    pub tier_min_units: i64,
    /// EUR without VAT per base unit.
    #[schema(example = "0.0842")]
    pub unit_price: String,
    /// Price × units, rounded half up, cents EUR.
    #[schema(example = 125050)]
    pub amount_cents: i64,
    /// Buyer the tier was read for, when the basis is the order form or the delivery point; otherwise absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier_party_id: Option<String>,
    /// Delivery point the tier was read for, when that is the basis; otherwise absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier_site_id: Option<String>,
    /// Why this lot, these packs, this tier.
    pub reasons: Vec<Reason>,
    /// Members that share it.
    pub member_count: i64,
}

impl From<pb::PlanLine> for PlanLine {
    fn from(value: pb::PlanLine) -> Self {
        Self {
            id: value.id,
            article_id: value.article_id,
            agreement_id: value.agreement_id,
            lot_id: value.lot_id,
            supplier_id: value.supplier_id,
            packaging_code: value.packaging_code,
            pack_units: value.pack_units,
            units_needed: value.units_needed,
            packs: value.packs,
            units_ordered: value.units_ordered,
            tier_min_units: value.tier_min_units,
            unit_price: value.unit_price,
            amount_cents: value.amount_cents,
            tier_party_id: some(value.tier_party_id),
            tier_site_id: some(value.tier_site_id),
            reasons: all(value.reasons),
            member_count: value.member_count,
        }
    }
}

/// What one need gets.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PlanShare {
    /// `ned_…`.
    #[schema(example = "ned_0198c2f07a3b7c11a2d34e5f60718293")]
    pub need_id: String,
    /// `pll_…`.
    #[schema(example = "pll_0198c2f07a3b7c11a2d34e5f60718293")]
    pub plan_line_id: String,
    /// `pty_…`.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// `sit_…`.
    #[schema(example = "sit_0198c2f07a3b7c11a2d34e5f60718293")]
    pub site_id: String,
    /// How it gets there.
    pub route: Route,
    /// Base units needed.
    pub units_needed: i64,
    /// Base units it gets.
    #[schema(example = 1200)]
    pub units: i64,
    /// Its part of the line's amount, cents EUR.
    #[schema(example = 125050)]
    pub amount_cents: i64,
}

impl From<pb::PlanShare> for PlanShare {
    fn from(value: pb::PlanShare) -> Self {
        Self {
            need_id: value.need_id,
            plan_line_id: value.plan_line_id,
            party_id: value.party_id,
            site_id: value.site_id,
            route: value.route.into(),
            units_needed: value.units_needed,
            units: value.units,
            amount_cents: value.amount_cents,
        }
    }
}

/// A need left out.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PlanExclusion {
    /// The need.
    pub need_id: String,
    /// `pty_…`.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// `art_…`.
    #[schema(example = "art_0198c2f07a3b7c11a2d34e5f60718293")]
    pub article_id: String,
    /// `sit_…`.
    #[schema(example = "sit_0198c2f07a3b7c11a2d34e5f60718293")]
    pub site_id: String,
    /// Base units left out.
    #[schema(example = 1200)]
    pub units: i64,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

impl From<pb::PlanExclusion> for PlanExclusion {
    fn from(value: pb::PlanExclusion) -> Self {
        Self {
            need_id: value.need_id,
            party_id: value.party_id,
            article_id: value.article_id,
            site_id: value.site_id,
            units: value.units,
            reason: value.reason.map(Into::into),
        }
    }
}

/// Lines of a plan, by id.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlanLinePage {
    /// This page's rows.
    pub lines: Vec<PlanLine>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Shares of a plan, by need.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlanSharePage {
    /// This page's rows.
    pub shares: Vec<PlanShare>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Needs that a plan leaves out, by id.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlanExclusionPage {
    /// This page's rows.
    pub exclusions: Vec<PlanExclusion>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
