//! What can be bought, at which price.

use proto::catalogue::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    convert::{all, some},
    shared::LineKind,
};

/// A scheme of product identifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum IdentifierScheme {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// 8, 12, 13 or 14 digits with check digit; kept as 14.
    Gtin,
    /// 13 digits starting with 3400 but not 34008.
    Cip13,
    /// 13 digits starting with 34008.
    Ucd13,
}

impl From<i32> for IdentifierScheme {
    fn from(value: i32) -> Self {
        match pb::IdentifierScheme::try_from(value) {
            Ok(pb::IdentifierScheme::Gtin) => Self::Gtin,
            Ok(pb::IdentifierScheme::Cip13) => Self::Cip13,
            Ok(pb::IdentifierScheme::Ucd13) => Self::Ucd13,
            Ok(pb::IdentifierScheme::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<IdentifierScheme> for i32 {
    fn from(value: IdentifierScheme) -> Self {
        let value = match value {
            IdentifierScheme::Unspecified => pb::IdentifierScheme::Unspecified,
            IdentifierScheme::Gtin => pb::IdentifierScheme::Gtin,
            IdentifierScheme::Cip13 => pb::IdentifierScheme::Cip13,
            IdentifierScheme::Ucd13 => pb::IdentifierScheme::Ucd13,
        };
        value.into()
    }
}

/// An identifier of an article or of one of its packagings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Identifier {
    /// Scheme.
    pub scheme: IdentifierScheme,
    /// Digits.
    pub value: String,
}

impl From<pb::Identifier> for Identifier {
    fn from(value: pb::Identifier) -> Self {
        Self { scheme: value.scheme.into(), value: value.value }
    }
}

impl From<Identifier> for pb::Identifier {
    fn from(value: Identifier) -> Self {
        Self { scheme: value.scheme.into(), value: value.value }
    }
}

/// One level of an article's packaging.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Packaging {
    /// UNIT (the base unit), BOX, CARTON, PALLET or another short code, unique in the article.
    #[schema(example = "BOX")]
    pub code: String,
    /// What people call it, e.g. `boîte de 30 comprimés`.
    #[schema(example = "boîte de 30 comprimés")]
    pub label: String,
    /// Code of the level it holds; absent for the base.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains_code: Option<String>,
    /// How many of that level it holds, 1 to 1,000,000; 0 for the base.
    pub contains_count: i64,
    /// Base units in one; computed.
    pub base_units: i64,
    /// Whether a supplier takes orders of it.
    pub orderable: bool,
    /// Identifiers of this level.
    pub identifiers: Vec<Identifier>,
}

impl From<pb::Packaging> for Packaging {
    fn from(value: pb::Packaging) -> Self {
        Self {
            code: value.code,
            label: value.label,
            contains_code: some(value.contains_code),
            contains_count: value.contains_count,
            base_units: value.base_units,
            orderable: value.orderable,
            identifiers: all(value.identifiers),
        }
    }
}

/// One level of an article's packaging.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PackagingInput {
    /// UNIT (the base unit), BOX, CARTON, PALLET or another short code, unique in the article.
    #[schema(example = "BOX")]
    pub code: String,
    /// What people call it, e.g. `boîte de 30 comprimés`.
    #[schema(example = "boîte de 30 comprimés")]
    pub label: String,
    /// Code of the level it holds; absent for the base.
    pub contains_code: Option<String>,
    /// How many of that level it holds, 1 to 1,000,000; 0 for the base.
    #[serde(default)]
    pub contains_count: i64,
    /// Whether a supplier takes orders of it.
    #[serde(default)]
    pub orderable: bool,
    /// Identifiers of this level.
    #[serde(default)]
    pub identifiers: Vec<Identifier>,
}

impl From<PackagingInput> for pb::Packaging {
    fn from(value: PackagingInput) -> Self {
        Self {
            code: value.code,
            label: value.label,
            contains_code: value.contains_code.unwrap_or_default(),
            contains_count: value.contains_count,
            orderable: value.orderable,
            identifiers: all(value.identifiers),
            ..Self::default()
        }
    }
}

/// A product or service that can be bought. Deployment-wide.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Article {
    /// `art_…`.
    #[schema(example = "art_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// Natural key, unique.
    pub key: String,
    /// Label, French.
    pub label: String,
    /// Goods or service.
    pub kind: LineKind,
    /// UN/ECE Recommendation 20 code of the base unit (`C62`, `MLT`, …).
    #[schema(example = "C62")]
    pub base_unit: String,
    /// French singular of the base unit, e.g. `comprimé`.
    #[schema(example = "comprimé")]
    pub base_unit_label: String,
    /// CPV code; may be absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpv: Option<String>,
    /// ATC code; may be absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub atc: Option<String>,
    /// AMBIENT, COLD_2_8, FROZEN or FLAMMABLE.
    #[schema(example = "AMBIENT")]
    pub storage_class: String,
    /// Authorisation that a receiving site must hold: absent, PUI or STERILE_DEVICES (CSP L5126-1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required_authorisation: Option<String>,
    /// Whether it is a medicine.
    pub medicine: bool,
    /// Whether it is a sterile device.
    pub sterile_device: bool,
    /// Percent as a decimal, e.g. `2.1`.
    #[schema(example = "2.1")]
    pub vat_rate: String,
    /// The packaging graph; exactly one base level.
    pub packagings: Vec<Packaging>,
    /// Changes at each update; for ETag.
    pub version: i64,
}

impl From<pb::Article> for Article {
    fn from(value: pb::Article) -> Self {
        Self {
            id: value.id,
            key: value.key,
            label: value.label,
            kind: value.kind.into(),
            base_unit: value.base_unit,
            base_unit_label: value.base_unit_label,
            cpv: some(value.cpv),
            atc: some(value.atc),
            storage_class: value.storage_class,
            required_authorisation: some(value.required_authorisation),
            medicine: value.medicine,
            sterile_device: value.sterile_device,
            vat_rate: value.vat_rate,
            packagings: all(value.packagings),
            version: value.version,
        }
    }
}

/// A product or service that can be bought. Deployment-wide.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ArticleInput {
    /// Natural key, unique.
    pub key: String,
    /// Label, French.
    pub label: String,
    /// Goods or service.
    pub kind: LineKind,
    /// UN/ECE Recommendation 20 code of the base unit (`C62`, `MLT`, …).
    #[schema(example = "C62")]
    pub base_unit: String,
    /// French singular of the base unit, e.g. `comprimé`.
    #[schema(example = "comprimé")]
    pub base_unit_label: String,
    /// CPV code; may be absent.
    pub cpv: Option<String>,
    /// ATC code; may be absent.
    pub atc: Option<String>,
    /// AMBIENT, COLD_2_8, FROZEN or FLAMMABLE.
    #[schema(example = "AMBIENT")]
    pub storage_class: String,
    /// Authorisation that a receiving site must hold: absent, PUI or STERILE_DEVICES (CSP L5126-1).
    pub required_authorisation: Option<String>,
    /// Whether it is a medicine.
    #[serde(default)]
    pub medicine: bool,
    /// Whether it is a sterile device.
    #[serde(default)]
    pub sterile_device: bool,
    /// Percent as a decimal, e.g. `2.1`.
    #[schema(example = "2.1")]
    pub vat_rate: String,
    /// The packaging graph; exactly one base level.
    #[serde(default)]
    pub packagings: Vec<PackagingInput>,
}

impl From<ArticleInput> for pb::Article {
    fn from(value: ArticleInput) -> Self {
        Self {
            key: value.key,
            label: value.label,
            kind: value.kind.into(),
            base_unit: value.base_unit,
            base_unit_label: value.base_unit_label,
            cpv: value.cpv.unwrap_or_default(),
            atc: value.atc.unwrap_or_default(),
            storage_class: value.storage_class,
            required_authorisation: value.required_authorisation.unwrap_or_default(),
            medicine: value.medicine,
            sterile_device: value.sterile_device,
            vat_rate: value.vat_rate,
            packagings: all(value.packagings),
            ..Self::default()
        }
    }
}

/// A price from a quantity on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// Base units from which it holds, counted on the agreement's basis; the first tier's is 0.
    pub min_units: i64,
    /// EUR without VAT per base unit, decimal of at most 6 places.
    #[schema(example = "0.0842")]
    pub unit_price: String,
}

impl From<pb::Tier> for Tier {
    fn from(value: pb::Tier) -> Self {
        Self { min_units: value.min_units, unit_price: value.unit_price }
    }
}

impl From<Tier> for pb::Tier {
    fn from(value: Tier) -> Self {
        Self { min_units: value.min_units, unit_price: value.unit_price }
    }
}

/// The price of an article under a lot of an agreement.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Price {
    /// `prc_…`.
    #[schema(example = "prc_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// `agr_…`.
    #[schema(example = "agr_0198c2f07a3b7c11a2d34e5f60718293")]
    pub agreement_id: String,
    /// `lot_…`.
    #[schema(example = "lot_0198c2f07a3b7c11a2d34e5f60718293")]
    pub lot_id: String,
    /// `pty_…` of the holder that sells at it.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub supplier_id: String,
    /// `art_…`; on input any article reference.
    #[schema(example = "art_0198c2f07a3b7c11a2d34e5f60718293")]
    pub article_id: String,
    /// Packaging in which the supplier takes orders.
    #[schema(example = "BOX")]
    pub packaging_code: String,
    /// Base units in that packaging; computed.
    pub pack_units: i64,
    /// Orders are a multiple of so many packs, 1 or more.
    pub order_multiple_packs: i64,
    /// In rising order of quantity; prices never rise.
    pub tiers: Vec<Tier>,
    /// First day, ISO date.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_from: String,
    /// Last day, ISO date.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_to: String,
    /// VAT rate of the article in percent; computed.
    #[schema(example = "2.1")]
    pub vat_rate: String,
}

impl From<pb::Price> for Price {
    fn from(value: pb::Price) -> Self {
        Self {
            id: value.id,
            agreement_id: value.agreement_id,
            lot_id: value.lot_id,
            supplier_id: value.supplier_id,
            article_id: value.article_id,
            packaging_code: value.packaging_code,
            pack_units: value.pack_units,
            order_multiple_packs: value.order_multiple_packs,
            tiers: all(value.tiers),
            valid_from: value.valid_from,
            valid_to: value.valid_to,
            vat_rate: value.vat_rate,
        }
    }
}

/// The price of an article under a lot of an agreement.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceInput {
    /// `agr_…`.
    #[schema(example = "agr_0198c2f07a3b7c11a2d34e5f60718293")]
    pub agreement_id: String,
    /// `lot_…`.
    #[schema(example = "lot_0198c2f07a3b7c11a2d34e5f60718293")]
    pub lot_id: String,
    /// `pty_…` of the holder that sells at it.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub supplier_id: String,
    /// `art_…`; on input any article reference.
    #[schema(example = "art_0198c2f07a3b7c11a2d34e5f60718293")]
    pub article_id: String,
    /// Packaging in which the supplier takes orders.
    #[schema(example = "BOX")]
    pub packaging_code: String,
    /// Orders are a multiple of so many packs, 1 or more.
    pub order_multiple_packs: i64,
    /// In rising order of quantity; prices never rise.
    #[serde(default)]
    pub tiers: Vec<Tier>,
    /// First day, ISO date.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_from: String,
    /// Last day, ISO date.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_to: String,
}

impl From<PriceInput> for pb::Price {
    fn from(value: PriceInput) -> Self {
        Self {
            agreement_id: value.agreement_id,
            lot_id: value.lot_id,
            supplier_id: value.supplier_id,
            article_id: value.article_id,
            packaging_code: value.packaging_code,
            order_multiple_packs: value.order_multiple_packs,
            tiers: all(value.tiers),
            valid_from: value.valid_from,
            valid_to: value.valid_to,
            ..Self::default()
        }
    }
}

/// Articles, by id.
#[derive(Debug, Serialize, ToSchema)]
pub struct ArticlePage {
    /// This page's rows.
    pub articles: Vec<Article>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Prices, by id.
#[derive(Debug, Serialize, ToSchema)]
pub struct PricePage {
    /// This page's rows.
    pub prices: Vec<Price>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
