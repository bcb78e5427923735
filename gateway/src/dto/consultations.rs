//! Consultations as they are shown. What officers write is in `consultation_input.rs`, tenders in `tenders.rs`.

use proto::tendering::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    convert::{all, some},
    shared::Reason,
    tendering::{PurchasingRole, TierBasis},
};

/// Where a consultation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ConsultationState {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// Being written.
    Draft,
    /// Open to tenders until its deadline.
    Published,
    /// The deadline has passed; everything is sealed.
    Closed,
    /// Tenders have been opened.
    Opened,
    /// Tenders are ranked.
    Evaluated,
    /// Awarded and notified; the agreement may not be signed yet.
    Standstill,
    /// Awarded; the agreement may be signed.
    Awarded,
    /// The agreement is signed.
    Signed,
    /// Ended without award.
    Cancelled,
}

impl From<i32> for ConsultationState {
    fn from(value: i32) -> Self {
        match pb::ConsultationState::try_from(value) {
            Ok(pb::ConsultationState::Draft) => Self::Draft,
            Ok(pb::ConsultationState::Published) => Self::Published,
            Ok(pb::ConsultationState::Closed) => Self::Closed,
            Ok(pb::ConsultationState::Opened) => Self::Opened,
            Ok(pb::ConsultationState::Evaluated) => Self::Evaluated,
            Ok(pb::ConsultationState::Standstill) => Self::Standstill,
            Ok(pb::ConsultationState::Awarded) => Self::Awarded,
            Ok(pb::ConsultationState::Signed) => Self::Signed,
            Ok(pb::ConsultationState::Cancelled) => Self::Cancelled,
            Ok(pb::ConsultationState::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

/// How competition is organised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Procedure {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// Open procedure (appel d'offres ouvert).
    Open,
    /// Adapted procedure (procédure adaptée, MAPA).
    Adapted,
}

impl From<i32> for Procedure {
    fn from(value: i32) -> Self {
        match pb::Procedure::try_from(value) {
            Ok(pb::Procedure::Open) => Self::Open,
            Ok(pb::Procedure::Adapted) => Self::Adapted,
            Ok(pb::Procedure::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<Procedure> for i32 {
    fn from(value: Procedure) -> Self {
        let value = match value {
            Procedure::Unspecified => pb::Procedure::Unspecified,
            Procedure::Open => pb::Procedure::Open,
            Procedure::Adapted => pb::Procedure::Adapted,
        };
        value.into()
    }
}

/// What a criterion is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CriterionKind {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// Price of the lot's basket; exactly one.
    Price,
    /// Technical quality.
    Quality,
    /// Environmental characteristics; at least one (CCP R2152-7).
    Environmental,
    /// Security of supply.
    SupplySecurity,
}

impl From<i32> for CriterionKind {
    fn from(value: i32) -> Self {
        match pb::CriterionKind::try_from(value) {
            Ok(pb::CriterionKind::Price) => Self::Price,
            Ok(pb::CriterionKind::Quality) => Self::Quality,
            Ok(pb::CriterionKind::Environmental) => Self::Environmental,
            Ok(pb::CriterionKind::SupplySecurity) => Self::SupplySecurity,
            Ok(pb::CriterionKind::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<CriterionKind> for i32 {
    fn from(value: CriterionKind) -> Self {
        let value = match value {
            CriterionKind::Unspecified => pb::CriterionKind::Unspecified,
            CriterionKind::Price => pb::CriterionKind::Price,
            CriterionKind::Quality => pb::CriterionKind::Quality,
            CriterionKind::Environmental => pb::CriterionKind::Environmental,
            CriterionKind::SupplySecurity => pb::CriterionKind::SupplySecurity,
        };
        value.into()
    }
}

/// How a price becomes points. Only the first two may be published; the others are known to have been judged illegal and are
/// refused with the case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PriceFormula {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// weight × lowest price ÷ price.
    PminOverP,
    /// weight × (1 − (price − lowest) ÷ lowest), 0 from twice the lowest price on.
    Linear,
    /// 10 ÷ 3 × (7 − price ÷ mean): flattens gaps. Refused.
    Flattened,
    /// All points to the lowest, none to the highest price. Refused.
    MinMax,
    /// Compares the sum of unit prices instead of a basket. Refused.
    UnitPriceSum,
}

impl From<i32> for PriceFormula {
    fn from(value: i32) -> Self {
        match pb::PriceFormula::try_from(value) {
            Ok(pb::PriceFormula::PminOverP) => Self::PminOverP,
            Ok(pb::PriceFormula::Linear) => Self::Linear,
            Ok(pb::PriceFormula::Flattened) => Self::Flattened,
            Ok(pb::PriceFormula::MinMax) => Self::MinMax,
            Ok(pb::PriceFormula::UnitPriceSum) => Self::UnitPriceSum,
            Ok(pb::PriceFormula::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<PriceFormula> for i32 {
    fn from(value: PriceFormula) -> Self {
        let value = match value {
            PriceFormula::Unspecified => pb::PriceFormula::Unspecified,
            PriceFormula::PminOverP => pb::PriceFormula::PminOverP,
            PriceFormula::Linear => pb::PriceFormula::Linear,
            PriceFormula::Flattened => pb::PriceFormula::Flattened,
            PriceFormula::MinMax => pb::PriceFormula::MinMax,
            PriceFormula::UnitPriceSum => pb::PriceFormula::UnitPriceSum,
        };
        value.into()
    }
}

/// Which tender goes first when points are equal. What is still equal then goes to the tender received first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TieRule {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// The lower price.
    LowestPrice,
    /// More points on the environmental criteria.
    BestEnvironment,
}

impl From<i32> for TieRule {
    fn from(value: i32) -> Self {
        match pb::TieRule::try_from(value) {
            Ok(pb::TieRule::LowestPrice) => Self::LowestPrice,
            Ok(pb::TieRule::BestEnvironment) => Self::BestEnvironment,
            Ok(pb::TieRule::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<TieRule> for i32 {
    fn from(value: TieRule) -> Self {
        let value = match value {
            TieRule::Unspecified => pb::TieRule::Unspecified,
            TieRule::LowestPrice => pb::TieRule::LowestPrice,
            TieRule::BestEnvironment => pb::TieRule::BestEnvironment,
        };
        value.into()
    }
}

/// On which amounts tenders are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ComparisonBasis {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// Without VAT (HT).
    WithoutVat,
}

impl From<i32> for ComparisonBasis {
    fn from(value: i32) -> Self {
        match pb::ComparisonBasis::try_from(value) {
            Ok(pb::ComparisonBasis::WithoutVat) => Self::WithoutVat,
            Ok(pb::ComparisonBasis::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<ComparisonBasis> for i32 {
    fn from(value: ComparisonBasis) -> Self {
        let value = match value {
            ComparisonBasis::Unspecified => pb::ComparisonBasis::Unspecified,
            ComparisonBasis::WithoutVat => pb::ComparisonBasis::WithoutVat,
        };
        value.into()
    }
}

/// At which tier of an offered price a basket is priced for comparison. Tiers hold for orders placed under the agreement; nobody
/// promises the quantity of the basket, so that it earns a tier only where the documents say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TierComparison {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// The price from the first unit on.
    FirstTier,
    /// The tier that the basket's quantity of the article reaches.
    BasketQuantity,
}

impl From<i32> for TierComparison {
    fn from(value: i32) -> Self {
        match pb::TierComparison::try_from(value) {
            Ok(pb::TierComparison::FirstTier) => Self::FirstTier,
            Ok(pb::TierComparison::BasketQuantity) => Self::BasketQuantity,
            Ok(pb::TierComparison::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<TierComparison> for i32 {
    fn from(value: TierComparison) -> Self {
        let value = match value {
            TierComparison::Unspecified => pb::TierComparison::Unspecified,
            TierComparison::FirstTier => pb::TierComparison::FirstTier,
            TierComparison::BasketQuantity => pb::TierComparison::BasketQuantity,
        };
        value.into()
    }
}

/// The census from which a consultation was drawn up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CensusSource {
    /// `snp_…`.
    pub snapshot_id: String,
    /// Hash of the snapshot, 64 hexadecimal digits.
    pub sha256: String,
}

impl From<pb::CensusSource> for CensusSource {
    fn from(value: pb::CensusSource) -> Self {
        Self { snapshot_id: value.snapshot_id, sha256: value.sha256 }
    }
}

impl From<CensusSource> for pb::CensusSource {
    fn from(value: CensusSource) -> Self {
        Self { snapshot_id: value.snapshot_id, sha256: value.sha256 }
    }
}

/// One article of a lot's basket (détail quantitatif estimatif).
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct BasketLine {
    /// `art_…`; once per lot.
    pub article_id: String,
    /// Estimated quantity in base units, 1 or more.
    pub quantity: i64,
    /// Packagings in which it may be offered.
    pub packaging_codes: Vec<String>,
}

impl From<pb::BasketLine> for BasketLine {
    fn from(value: pb::BasketLine) -> Self {
        Self { article_id: value.article_id, quantity: value.quantity, packaging_codes: value.packaging_codes }
    }
}

/// A lot of a consultation.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ConsultationLot {
    /// Number, from 1.
    pub number: i32,
    /// Title.
    pub title: String,
    /// Estimated value over the whole duration without VAT, cents EUR; shown to the group only.
    pub estimated_cents: i64,
    /// Maximum over the whole duration without VAT, cents EUR (CCP R2162-4); 0 while not decided.
    pub maximum_cents: i64,
    /// 1 to 5,000 articles to be priced.
    pub basket: Vec<BasketLine>,
}

impl From<pb::ConsultationLot> for ConsultationLot {
    fn from(value: pb::ConsultationLot) -> Self {
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
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Criterion {
    /// Key in the consultation, capitals, digits and `_`, e.g. `ENV`.
    pub key: String,
    /// Title.
    pub title: String,
    /// What it is about.
    pub kind: CriterionKind,
    /// Points, 1 to 100; all weights together 100 at publication.
    pub weight: i32,
}

impl From<pb::Criterion> for Criterion {
    fn from(value: pb::Criterion) -> Self {
        Self { key: value.key, title: value.title, kind: value.kind.into(), weight: value.weight }
    }
}

/// A consultation.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Consultation {
    /// `cns_…`.
    pub id: String,
    /// `grp_…`.
    pub group_id: String,
    /// Legal number, e.g. `CONS-2026-0001`.
    pub number: String,
    /// State now.
    pub state: ConsultationState,
    /// Version, from 1.
    pub version: i64,
    /// Title.
    pub title: String,
    /// `pty_…` of the party that awards.
    pub awarding_party_id: String,
    /// Role 1 or 2.
    pub role: PurchasingRole,
    /// Procedure; unspecified on input takes the proposed one.
    pub procedure: Procedure,
    /// The procedure that the value calls for.
    pub proposed_procedure: Procedure,
    /// Why.
    pub procedure_reasons: Vec<Reason>,
    /// Whether documents, tenders and notifications are electronic: decides on delays.
    pub electronic: bool,
    /// Zone of legal days: `Europe/Paris`.
    pub zone: String,
    /// Last moment to be in time, RFC 3339; empty while not decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub deadline: Option<String>,
    /// Public key of the opener, `age1…`; empty while not decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opener_key: Option<String>,
    /// 1 to 500 lots.
    pub lots: Vec<ConsultationLot>,
    /// At most 20.
    pub criteria: Vec<Criterion>,
    /// How prices become points.
    pub price_formula: PriceFormula,
    /// Decimal places to which points are rounded, half up: 0 to 6.
    pub points_places: i32,
    /// Ties.
    pub tie_rule: TieRule,
    /// Basis of comparison.
    pub comparison_basis: ComparisonBasis,
    /// `pty_…` of the buyers named, at most 1,000 (CCP R2162-6).
    pub beneficiary_ids: Vec<String>,
    /// Duration of the agreement, months (CCP L2125-1); 0 while not decided.
    pub duration_months: i32,
    /// When published, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub published_at: Option<String>,
    /// When opened, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub opened_at: Option<String>,
    /// When awarded and notified, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub awarded_at: Option<String>,
    /// First day on which the agreement may be signed, ISO date.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Date)]
    pub signable_on: Option<String>,
    /// `agr_…` once signed; for its group only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement_id: Option<String>,
    /// The census from which it was drawn up; for its group only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub census: Option<CensusSource>,
    /// At which tier baskets are compared.
    pub tier_comparison: TierComparison,
    /// On which quantity the agreement reads tiers.
    pub tier_basis: TierBasis,
}

impl From<pb::Consultation> for Consultation {
    fn from(value: pb::Consultation) -> Self {
        Self {
            id: value.id,
            group_id: value.group_id,
            number: value.number,
            state: value.state.into(),
            version: value.version,
            title: value.title,
            awarding_party_id: value.awarding_party_id,
            role: value.role.into(),
            procedure: value.procedure.into(),
            proposed_procedure: value.proposed_procedure.into(),
            procedure_reasons: all(value.procedure_reasons),
            electronic: value.electronic,
            zone: value.zone,
            deadline: some(value.deadline),
            opener_key: some(value.opener_key),
            lots: all(value.lots),
            criteria: all(value.criteria),
            price_formula: value.price_formula.into(),
            points_places: value.points_places,
            tie_rule: value.tie_rule.into(),
            comparison_basis: value.comparison_basis.into(),
            beneficiary_ids: value.beneficiary_ids,
            duration_months: value.duration_months,
            published_at: some(value.published_at),
            opened_at: some(value.opened_at),
            awarded_at: some(value.awarded_at),
            signable_on: some(value.signable_on),
            agreement_id: some(value.agreement_id),
            census: value.census.map(Into::into),
            tier_comparison: value.tier_comparison.into(),
            tier_basis: value.tier_basis.into(),
        }
    }
}

/// Consultations, by id; baskets are left out.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConsultationPage {
    /// This page's rows.
    pub consultations: Vec<Consultation>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
