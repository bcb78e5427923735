//! The documents of a consultation (dossier de consultation): what bidders are told.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDate, Utc};
use kit::{
    FieldFault,
    id::{ArticleId, PartyId, SnapshotId},
};
use serde::{Deserialize, Serialize};

use super::Finding;
use crate::domain::{
    agreement::{LARGEST_CENTS, PurchasingRole, TierBasis},
    law::{Law, LegalRule},
    text,
};

/// Articles in a lot's basket at most.
pub const MOST_BASKET_LINES: usize = 5_000;
/// Criteria at most.
pub const MOST_CRITERIA: usize = 20;
/// The only zone of legal days so far.
pub const ZONE: &str = "Europe/Paris";

/// How competition is organised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Procedure {
    /// Open procedure (appel d'offres ouvert).
    Open,
    /// Adapted procedure (procédure adaptée, MAPA).
    Adapted,
}

impl Procedure {
    /// As stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Adapted => "ADAPTED",
        }
    }
}

/// What a criterion is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CriterionKind {
    /// Price of the basket.
    Price,
    /// Technical quality.
    Quality,
    /// Environmental characteristics.
    Environmental,
    /// Security of supply.
    SupplySecurity,
}

/// How a price becomes points. The last three are known to have been judged illegal and are never published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PriceFormula {
    /// weight × lowest ÷ price.
    PminOverP,
    /// weight × (1 − (price − lowest) ÷ lowest), at least 0.
    Linear,
    /// 10 ÷ 3 × (7 − price ÷ mean).
    Flattened,
    /// All to the lowest, none to the highest.
    MinMax,
    /// Compares the sum of unit prices.
    UnitPriceSum,
}

/// Which tender goes first when points are equal; then the one received first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TieRule {
    /// The lower price.
    LowestPrice,
    /// More points on the environmental criteria.
    BestEnvironment,
}

/// On which amounts tenders are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ComparisonBasis {
    /// Without VAT (HT).
    WithoutVat,
}

/// At which tier of an offered price a basket is priced for comparison. How tenders are compared stands in the documents
/// (CCP R2152-11); a tier that nothing announced would be compared on a quantity that nobody promises to order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TierComparison {
    /// The price from the first unit on.
    #[default]
    FirstTier,
    /// The tier that the basket's quantity of the article reaches.
    BasketQuantity,
}

/// The census from which a consultation was drawn up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census {
    /// Its snapshot.
    pub snapshot: SnapshotId,
    /// The snapshot's hash, 64 hexadecimal digits in small letters.
    pub sha256: String,
}

/// One article of a lot's basket (détail quantitatif estimatif).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BasketLine {
    /// Which.
    pub article: ArticleId,
    /// Estimated base units, 1 or more.
    pub quantity: i64,
    /// Packagings in which it may be offered.
    #[serde(default)]
    pub packagings: Vec<String>,
}

/// A lot. Amounts over the whole duration, cents EUR without VAT, 0 to [`LARGEST_CENTS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lot {
    /// Number, from 1.
    pub number: i32,
    /// Title.
    pub title: String,
    /// Estimated value.
    pub estimated_cents: i64,
    /// Maximum; 0 while not decided.
    pub maximum_cents: i64,
    /// What is to be priced.
    pub basket: Vec<BasketLine>,
}

/// A weighted criterion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Criterion {
    /// Key, e.g. `ENV`.
    pub key: String,
    /// Title.
    pub title: String,
    /// What it is about.
    pub kind: CriterionKind,
    /// Points, 1 to 100.
    pub weight: u32,
}

/// The documents. A draft may lack whatever is optional, zero or empty here; [`super::publication`] says what publication needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dossier {
    /// Title.
    pub title: String,
    /// Who awards.
    pub awarding_party: PartyId,
    /// Role 1 or 2.
    pub role: PurchasingRole,
    /// Procedure; none takes the proposed one at publication.
    pub procedure: Option<Procedure>,
    /// Whether everything is exchanged electronically.
    pub electronic: bool,
    /// Zone of legal days.
    pub zone: String,
    /// Last moment to be in time.
    pub deadline: Option<DateTime<Utc>>,
    /// The opener's public key.
    pub opener_key: String,
    /// By number.
    pub lots: Vec<Lot>,
    /// In the order announced.
    pub criteria: Vec<Criterion>,
    /// How prices become points.
    pub formula: Option<PriceFormula>,
    /// Places to which points are rounded, half up.
    pub points_places: u32,
    /// Ties.
    pub tie_rule: Option<TieRule>,
    /// Basis of comparison.
    pub basis: Option<ComparisonBasis>,
    /// Buyers named.
    pub beneficiaries: Vec<PartyId>,
    /// Duration of the agreement; 0 while not decided.
    pub duration_months: u32,
    /// At which tier baskets are compared.
    #[serde(default)]
    pub tier_comparison: TierComparison,
    /// On which quantity the agreement reads tiers.
    #[serde(default)]
    pub tier_basis: TierBasis,
    /// From which census it was drawn up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub census: Option<Census>,
}

impl Dossier {
    /// What is wrong beyond single fields: numbers, keys and articles that are there twice, sums that do not fit.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldFault> {
        let mut faults = Vec::new();
        let mut add = |field: String, detail: String| faults.push(FieldFault::new(field, detail));
        let mut numbers = HashSet::new();
        for (index, lot) in self.lots.iter().enumerate() {
            let path = |field: &str| format!("consultation.lots[{index}].{field}");
            if !numbers.insert(lot.number) {
                add(path("number"), format!("lot {} is there twice", lot.number));
            }
            if lot.maximum_cents != 0 && lot.estimated_cents > lot.maximum_cents {
                let maximum = text::euros(lot.maximum_cents);
                add(path("estimated_cents"), format!("is above the maximum of {maximum}"));
            }
            let mut articles = HashSet::new();
            for (line, basket) in lot.basket.iter().enumerate() {
                if !articles.insert(basket.article) {
                    add(path(&format!("basket[{line}].article_id")), "is there twice in the lot".to_owned());
                }
            }
        }
        let mut keys = HashSet::new();
        for (index, criterion) in self.criteria.iter().enumerate() {
            if !keys.insert(criterion.key.as_str()) {
                add(format!("consultation.criteria[{index}].key"), format!("{} is there twice", criterion.key));
            }
        }
        let mut parties = HashSet::new();
        for (index, party) in self.beneficiaries.iter().enumerate() {
            if !parties.insert(*party) {
                add(format!("consultation.beneficiary_ids[{index}]"), "is there twice".to_owned());
            }
        }
        if self.value_cents() > LARGEST_CENTS {
            add("consultation.lots".to_owned(), format!("must come to {LARGEST_CENTS} cents at most together"));
        }
        faults
    }

    /// Value of the need: over all lots the maximum, or the estimate while no maximum is decided (CCP R2121-1, R2121-8).
    #[must_use]
    pub fn value_cents(&self) -> i64 {
        self.lots.iter().map(|lot| lot.maximum_cents.max(lot.estimated_cents)).sum()
    }

    /// The procedure that the value calls for on a day, and why. Without a threshold in force: the stricter one.
    #[must_use]
    pub fn proposed(&self, law: &Law, day: NaiveDate) -> (Procedure, Vec<Finding>) {
        let value = self.value_cents();
        let threshold = law.figure(LegalRule::FormalProcedureThreshold, day);
        let procedure = match threshold {
            Some(threshold) if value < threshold => Procedure::Adapted,
            Some(_) | None => Procedure::Open,
        };
        let facts = [
            ("value_cents", value.to_string()),
            ("threshold_cents", threshold.map(|cents| cents.to_string()).unwrap_or_default()),
            ("lots", self.lots.len().to_string()),
        ];
        let of_value = format!("Valeur du besoin, tous lots réunis : {} hors taxes.", text::euros(value));
        let of_threshold = match (threshold, procedure) {
            (None, Procedure::Open | Procedure::Adapted) => {
                format!("Aucun seuil connu au {} : procédure formalisée par prudence.", text::date(day))
            }
            (Some(cents), Procedure::Open) => {
                format!("Le seuil de {} est atteint : appel d'offres ouvert.", text::euros(cents))
            }
            (Some(cents), Procedure::Adapted) => {
                format!("La valeur est inférieure au seuil de {} : procédure adaptée.", text::euros(cents))
            }
        };
        let findings = vec![
            Finding::new(law, LegalRule::NeedValue, day, of_value, &facts),
            Finding::new(law, LegalRule::FormalProcedureThreshold, day, of_threshold, &facts),
        ];
        (procedure, findings)
    }

    /// The procedure chosen, or else the proposed one.
    #[must_use]
    pub fn procedure_on(&self, law: &Law, day: NaiveDate) -> Procedure {
        self.procedure.unwrap_or_else(|| self.proposed(law, day).0)
    }

    /// A lot by its number.
    #[must_use]
    pub fn lot(&self, number: i32) -> Option<&Lot> {
        self.lots.iter().find(|lot| lot.number == number)
    }

    /// Criteria that officers mark.
    pub fn marked_criteria(&self) -> impl Iterator<Item = &Criterion> {
        self.criteria.iter().filter(|criterion| criterion.kind != CriterionKind::Price)
    }
}
