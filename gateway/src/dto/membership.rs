//! Who is who.

use proto::membership::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::convert::some;

/// What a party is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PartyKind {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// Hospital, clinic, care home, practice.
    Establishment,
    /// Supplier (fournisseur).
    Firm,
    /// Operator of a logistics platform.
    Platform,
}

impl From<i32> for PartyKind {
    fn from(value: i32) -> Self {
        match pb::PartyKind::try_from(value) {
            Ok(pb::PartyKind::Establishment) => Self::Establishment,
            Ok(pb::PartyKind::Firm) => Self::Firm,
            Ok(pb::PartyKind::Platform) => Self::Platform,
            Ok(pb::PartyKind::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<PartyKind> for i32 {
    fn from(value: PartyKind) -> Self {
        let value = match value {
            PartyKind::Unspecified => pb::PartyKind::Unspecified,
            PartyKind::Establishment => pb::PartyKind::Establishment,
            PartyKind::Firm => pb::PartyKind::Firm,
            PartyKind::Platform => pb::PartyKind::Platform,
        };
        value.into()
    }
}

/// Whether a party is bound by the Code de la commande publique (CCP L1211-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BuyerStatus {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// Public-law body.
    PublicLaw,
    /// Private body that is a contracting authority (pouvoir adjudicateur).
    PrivateContractingAuthority,
    /// Declares, with evidence, that it is not a contracting authority.
    AssertedNot,
    /// Not known: treated as a contracting authority.
    Unknown,
}

impl From<i32> for BuyerStatus {
    fn from(value: i32) -> Self {
        match pb::BuyerStatus::try_from(value) {
            Ok(pb::BuyerStatus::PublicLaw) => Self::PublicLaw,
            Ok(pb::BuyerStatus::PrivateContractingAuthority) => Self::PrivateContractingAuthority,
            Ok(pb::BuyerStatus::AssertedNot) => Self::AssertedNot,
            Ok(pb::BuyerStatus::Unknown) => Self::Unknown,
            Ok(pb::BuyerStatus::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<BuyerStatus> for i32 {
    fn from(value: BuyerStatus) -> Self {
        let value = match value {
            BuyerStatus::Unspecified => pb::BuyerStatus::Unspecified,
            BuyerStatus::PublicLaw => pb::BuyerStatus::PublicLaw,
            BuyerStatus::PrivateContractingAuthority => pb::BuyerStatus::PrivateContractingAuthority,
            BuyerStatus::AssertedNot => pb::BuyerStatus::AssertedNot,
            BuyerStatus::Unknown => pb::BuyerStatus::Unknown,
        };
        value.into()
    }
}

impl BuyerStatus {
    /// The value, if there is one.
    #[must_use]
    pub fn known(value: i32) -> Option<Self> {
        (value != 0).then(|| value.into())
    }
}

/// A legal or operating entity of the deployment-wide registry.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Party {
    /// `pty_…`.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// Natural key chosen by who registers it, unique, e.g. `chu-de-rouen`.
    #[schema(example = "chu-de-rouen")]
    pub key: String,
    /// What it is.
    pub kind: PartyKind,
    /// Name as people know it.
    pub name: String,
    /// 14 digits with a valid check digit; may be absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "26760168000017")]
    pub siret: Option<String>,
    /// 9 characters; may be absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "760780239")]
    pub finess: Option<String>,
    /// 13 digits with a valid check digit; may be absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "3022610000013")]
    pub gln: Option<String>,
    /// Establishments only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buyer_status: Option<BuyerStatus>,
    /// What the status rests on.
    pub buyer_status_evidence: String,
    /// Since when, ISO date; may be absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-02", format = Date)]
    pub buyer_status_on: Option<String>,
    /// Firms only: where orders are sent by e-mail; may be absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "commandes@example.org")]
    pub contact_email: Option<String>,
}

impl From<pb::Party> for Party {
    fn from(value: pb::Party) -> Self {
        Self {
            id: value.id,
            key: value.key,
            kind: value.kind.into(),
            name: value.name,
            siret: some(value.siret),
            finess: some(value.finess),
            gln: some(value.gln),
            buyer_status: BuyerStatus::known(value.buyer_status),
            buyer_status_evidence: value.buyer_status_evidence,
            buyer_status_on: some(value.buyer_status_on),
            contact_email: some(value.contact_email),
        }
    }
}

/// A legal or operating entity of the deployment-wide registry.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartyInput {
    /// Natural key chosen by who registers it, unique, e.g. `chu-de-rouen`.
    #[schema(example = "chu-de-rouen")]
    pub key: String,
    /// What it is.
    pub kind: PartyKind,
    /// Name as people know it.
    pub name: String,
    /// 14 digits with a valid check digit; may be absent.
    #[schema(example = "26760168000017")]
    pub siret: Option<String>,
    /// 9 characters; may be absent.
    #[schema(example = "760780239")]
    pub finess: Option<String>,
    /// 13 digits with a valid check digit; may be absent.
    #[schema(example = "3022610000013")]
    pub gln: Option<String>,
    /// Establishments only.
    pub buyer_status: Option<BuyerStatus>,
    /// What the status rests on.
    pub buyer_status_evidence: String,
    /// Since when, ISO date; may be absent.
    #[schema(example = "2026-03-02", format = Date)]
    pub buyer_status_on: Option<String>,
    /// Firms only: where orders are sent by e-mail; may be absent.
    #[schema(example = "commandes@example.org")]
    pub contact_email: Option<String>,
}

impl From<PartyInput> for pb::Party {
    fn from(value: PartyInput) -> Self {
        Self {
            key: value.key,
            kind: value.kind.into(),
            name: value.name,
            siret: value.siret.unwrap_or_default(),
            finess: value.finess.unwrap_or_default(),
            gln: value.gln.unwrap_or_default(),
            buyer_status: value.buyer_status.map_or(0, i32::from),
            buyer_status_evidence: value.buyer_status_evidence,
            buyer_status_on: value.buyer_status_on.unwrap_or_default(),
            contact_email: value.contact_email.unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// A place where goods are received.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Site {
    /// `sit_…`.
    #[schema(example = "sit_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// Natural key, unique.
    pub key: String,
    /// `pty_…` of its party; on input `key:…` is accepted.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// Name.
    pub name: String,
    /// 9 characters; may be absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "760780239")]
    pub finess: Option<String>,
    /// 13 digits; may be absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "3022610000013")]
    pub gln: Option<String>,
    /// Street and number.
    pub address: String,
    /// Postcode.
    #[schema(example = "76000")]
    pub postcode: String,
    /// Town.
    #[schema(example = "Rouen")]
    pub city: String,
    /// Decimal degrees, as text; may be absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "49.4431")]
    pub latitude: Option<String>,
    /// Decimal degrees, as text; may be absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "1.0993")]
    pub longitude: Option<String>,
    /// Among PUI, STERILE_DEVICES, COLD_CHAIN.
    pub authorisations: Vec<String>,
}

impl From<pb::Site> for Site {
    fn from(value: pb::Site) -> Self {
        Self {
            id: value.id,
            key: value.key,
            party_id: value.party_id,
            name: value.name,
            finess: some(value.finess),
            gln: some(value.gln),
            address: value.address,
            postcode: value.postcode,
            city: value.city,
            latitude: some(value.latitude),
            longitude: some(value.longitude),
            authorisations: value.authorisations,
        }
    }
}

/// A place where goods are received.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteInput {
    /// Natural key, unique.
    pub key: String,
    /// `pty_…` of its party; on input `key:…` is accepted.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// Name.
    pub name: String,
    /// 9 characters; may be absent.
    #[schema(example = "760780239")]
    pub finess: Option<String>,
    /// 13 digits; may be absent.
    #[schema(example = "3022610000013")]
    pub gln: Option<String>,
    /// Street and number.
    pub address: String,
    /// Postcode.
    #[schema(example = "76000")]
    pub postcode: String,
    /// Town.
    #[schema(example = "Rouen")]
    pub city: String,
    /// Decimal degrees, as text; may be absent.
    #[schema(example = "49.4431")]
    pub latitude: Option<String>,
    /// Decimal degrees, as text; may be absent.
    #[schema(example = "1.0993")]
    pub longitude: Option<String>,
    /// Among PUI, STERILE_DEVICES, COLD_CHAIN.
    #[serde(default)]
    pub authorisations: Vec<String>,
}

impl From<SiteInput> for pb::Site {
    fn from(value: SiteInput) -> Self {
        Self {
            key: value.key,
            party_id: value.party_id,
            name: value.name,
            finess: value.finess.unwrap_or_default(),
            gln: value.gln.unwrap_or_default(),
            address: value.address,
            postcode: value.postcode,
            city: value.city,
            latitude: value.latitude.unwrap_or_default(),
            longitude: value.longitude.unwrap_or_default(),
            authorisations: value.authorisations,
            ..Self::default()
        }
    }
}

/// Sites, by id.
#[derive(Debug, Serialize, ToSchema)]
pub struct SitePage {
    /// This page's rows.
    pub sites: Vec<Site>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
