//! Consultations as officers write them, and the draft that a census gives.

use proto::{demand::v1 as demand, tendering::v1 as pb};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    consultations::{CensusSource, ComparisonBasis, CriterionKind, PriceFormula, Procedure, TieRule, TierComparison},
    convert::{all, some},
    needs::Snapshot,
    tendering::{PurchasingRole, TierBasis},
};

/// One article of a lot's basket (détail quantitatif estimatif).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BasketLineInput {
    /// `art_…`; once per lot.
    pub article_id: String,
    /// Estimated quantity in base units, 1 or more.
    pub quantity: i64,
    /// Packagings in which it may be offered, at most 20; none takes those in which the catalogue says it is sold.
    #[serde(default)]
    pub packaging_codes: Vec<String>,
}

impl From<BasketLineInput> for pb::BasketLine {
    fn from(value: BasketLineInput) -> Self {
        Self { article_id: value.article_id, quantity: value.quantity, packaging_codes: value.packaging_codes }
    }
}

/// A lot of a consultation.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsultationLotInput {
    /// Number, from 1.
    pub number: i32,
    /// Title.
    pub title: String,
    /// Estimated value over the whole duration without VAT, cents EUR; shown to the group only.
    #[serde(default)]
    pub estimated_cents: i64,
    /// Maximum over the whole duration without VAT, cents EUR (CCP R2162-4); 0 while not decided.
    #[serde(default)]
    pub maximum_cents: i64,
    /// 1 to 5,000 articles to be priced.
    #[serde(default)]
    pub basket: Vec<BasketLineInput>,
}

impl From<ConsultationLotInput> for pb::ConsultationLot {
    fn from(value: ConsultationLotInput) -> Self {
        Self {
            number: value.number,
            title: value.title,
            estimated_cents: value.estimated_cents,
            maximum_cents: value.maximum_cents,
            basket: all(value.basket),
        }
    }
}

/// A weighted criterion.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CriterionInput {
    /// Key in the consultation, capitals, digits and `_`, e.g. `ENV`.
    pub key: String,
    /// Title.
    pub title: String,
    /// What it is about.
    pub kind: CriterionKind,
    /// Points, 1 to 100; all weights together 100 at publication.
    pub weight: i32,
}

impl From<CriterionInput> for pb::Criterion {
    fn from(value: CriterionInput) -> Self {
        Self { key: value.key, title: value.title, kind: value.kind.into(), weight: value.weight }
    }
}

/// A consultation.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsultationInput {
    /// Title.
    pub title: String,
    /// `pty_…` of the party that awards.
    pub awarding_party_id: String,
    /// Role 1 or 2.
    pub role: PurchasingRole,
    /// Procedure; unspecified on input takes the proposed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub procedure: Option<Procedure>,
    /// Whether documents, tenders and notifications are electronic: decides on delays.
    pub electronic: bool,
    /// Zone of legal days: `Europe/Paris`.
    pub zone: String,
    /// Last moment to be in time, RFC 3339; empty while not decided.
    #[schema(format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    /// Public key of the opener, `age1…`; empty while not decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opener_key: Option<String>,
    /// 1 to 500 lots.
    #[serde(default)]
    pub lots: Vec<ConsultationLotInput>,
    /// At most 20.
    #[serde(default)]
    pub criteria: Vec<CriterionInput>,
    /// How prices become points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_formula: Option<PriceFormula>,
    /// Decimal places to which points are rounded, half up: 0 to 6.
    #[serde(default)]
    pub points_places: i32,
    /// Ties.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tie_rule: Option<TieRule>,
    /// Basis of comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison_basis: Option<ComparisonBasis>,
    /// `pty_…` of the buyers named, at most 1,000 (CCP R2162-6).
    #[serde(default)]
    pub beneficiary_ids: Vec<String>,
    /// Duration of the agreement, months (CCP L2125-1); 0 while not decided.
    #[serde(default)]
    pub duration_months: i32,
    /// The census from which it is drawn up, as the draft of a consultation names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub census: Option<CensusSource>,
    /// At which tier baskets are compared: `FIRST_TIER` unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier_comparison: Option<TierComparison>,
    /// On which quantity the agreement reads tiers: `POOLED_ORDER` unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier_basis: Option<TierBasis>,
}

impl From<ConsultationInput> for pb::Consultation {
    fn from(value: ConsultationInput) -> Self {
        Self {
            title: value.title,
            awarding_party_id: value.awarding_party_id,
            role: value.role.into(),
            procedure: value.procedure.map(Into::into).unwrap_or_default(),
            electronic: value.electronic,
            zone: value.zone,
            deadline: value.deadline.unwrap_or_default(),
            opener_key: value.opener_key.unwrap_or_default(),
            lots: all(value.lots),
            criteria: all(value.criteria),
            price_formula: value.price_formula.map(Into::into).unwrap_or_default(),
            points_places: value.points_places,
            tie_rule: value.tie_rule.map(Into::into).unwrap_or_default(),
            comparison_basis: value.comparison_basis.map(Into::into).unwrap_or_default(),
            beneficiary_ids: value.beneficiary_ids,
            duration_months: value.duration_months,
            census: value.census.map(Into::into),
            tier_comparison: value.tier_comparison.map(Into::into).unwrap_or_default(),
            tier_basis: value.tier_basis.map(Into::into).unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// The draft of a consultation, drawn up from a census.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConsultationDraft {
    /// What can be posted as a consultation; deadline, opener's key, criteria, formula and tie rule are still to be decided.
    pub consultation: ConsultationInput,
    /// The same lots with the figures that they come from.
    pub lots: Vec<DraftLot>,
    /// The snapshot that it is drawn up from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Snapshot>,
    /// Months that the census was stated for.
    pub period_months: i32,
    /// As asked.
    pub margin_percent: i32,
    /// `art_…` that no member has paid before: their estimate is 0 until a reference price is entered.
    pub articles_without_price: Vec<String>,
}

/// A drafted lot: the articles of one CPV class.
#[derive(Debug, Serialize, ToSchema)]
pub struct DraftLot {
    /// Number, from 1.
    pub number: i32,
    /// First four digits of the CPV code; absent for articles without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpv_class: Option<String>,
    /// Title.
    pub title: String,
    /// Sum of its lines, cents EUR without VAT.
    pub estimated_cents: i64,
    /// Estimate plus margin, rounded up, cents EUR without VAT.
    pub maximum_cents: i64,
    /// By label.
    pub lines: Vec<DraftLine>,
}

impl From<demand::DraftLot> for DraftLot {
    fn from(value: demand::DraftLot) -> Self {
        Self {
            number: value.number,
            cpv_class: some(value.cpv_class),
            title: value.title,
            estimated_cents: value.estimated_cents,
            maximum_cents: value.maximum_cents,
            lines: all(value.lines),
        }
    }
}

/// An article of a drafted lot.
#[derive(Debug, Serialize, ToSchema)]
pub struct DraftLine {
    /// `art_…`.
    pub article_id: String,
    /// Its label.
    pub label: String,
    /// Base units stated for the census's period.
    pub units: i64,
    /// Of these, stated as `MINIMUM`.
    pub minimum_units: i64,
    /// Of these, stated as `FIRM`.
    pub firm_units: i64,
    /// Base units over the agreement's duration: units × duration ÷ period, rounded half up, 1 at least.
    pub quantity: i64,
    /// EUR without VAT per base unit that its members paid before, in the mean weighted by what each states; absent when none
    /// did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference_price: Option<String>,
    /// quantity × reference price, cents EUR; 0 without a price.
    pub value_cents: i64,
}

impl From<demand::DraftLine> for DraftLine {
    fn from(value: demand::DraftLine) -> Self {
        Self {
            article_id: value.article_id,
            label: value.label,
            units: value.units,
            minimum_units: value.minimum_units,
            firm_units: value.firm_units,
            quantity: value.quantity,
            reference_price: some(value.reference_price),
            value_cents: value.value_cents,
        }
    }
}

impl From<demand::DraftConsultationResponse> for ConsultationDraft {
    fn from(value: demand::DraftConsultationResponse) -> Self {
        let census = value
            .snapshot
            .as_ref()
            .map(|snapshot| CensusSource { snapshot_id: snapshot.id.clone(), sha256: snapshot.sha256.clone() });
        let consultation = ConsultationInput {
            title: value.title,
            awarding_party_id: value.awarding_party_id,
            role: PurchasingRole::Intermediary,
            procedure: None,
            electronic: true,
            zone: "Europe/Paris".to_owned(),
            deadline: None,
            opener_key: None,
            lots: value.lots.iter().map(ConsultationLotInput::from).collect(),
            criteria: Vec::new(),
            price_formula: None,
            points_places: 2,
            tie_rule: None,
            comparison_basis: Some(ComparisonBasis::WithoutVat),
            beneficiary_ids: value.beneficiary_ids,
            duration_months: value.duration_months,
            census,
            tier_comparison: Some(TierComparison::FirstTier),
            tier_basis: Some(TierBasis::PooledOrder),
        };
        Self {
            consultation,
            lots: all(value.lots),
            snapshot: value.snapshot.map(Into::into),
            period_months: value.period_months,
            margin_percent: value.margin_percent,
            articles_without_price: value.articles_without_price,
        }
    }
}

impl From<&demand::DraftLot> for ConsultationLotInput {
    fn from(value: &demand::DraftLot) -> Self {
        let line = |line: &demand::DraftLine| BasketLineInput {
            article_id: line.article_id.clone(),
            quantity: line.quantity,
            packaging_codes: line.packaging_codes.clone(),
        };
        Self {
            number: value.number,
            title: value.title.chars().take(300).collect(),
            estimated_cents: value.estimated_cents,
            maximum_cents: value.maximum_cents,
            basket: value.lines.iter().map(line).collect(),
        }
    }
}
