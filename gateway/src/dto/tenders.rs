//! Tenders: received, opened, ranked.

use std::collections::BTreeMap;

use proto::tendering::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::convert::{all, some};

/// What became of a tender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TenderState {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// Received in time, sealed.
    Sealed,
    /// Received after the deadline: kept sealed, never opened (CCP R2151-5).
    Late,
    /// Replaced by a later one of the same bidder, never opened (CCP R2151-6).
    Replaced,
    /// Opened, complete.
    Opened,
    /// Opened, but its content is faulty.
    Irregular,
    /// Could not be opened: altered, or not encrypted to the consultation's key.
    Unreadable,
}

impl From<i32> for TenderState {
    fn from(value: i32) -> Self {
        match pb::TenderState::try_from(value) {
            Ok(pb::TenderState::Sealed) => Self::Sealed,
            Ok(pb::TenderState::Late) => Self::Late,
            Ok(pb::TenderState::Replaced) => Self::Replaced,
            Ok(pb::TenderState::Opened) => Self::Opened,
            Ok(pb::TenderState::Irregular) => Self::Irregular,
            Ok(pb::TenderState::Unreadable) => Self::Unreadable,
            Ok(pb::TenderState::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

/// Proof that a file was received.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TenderReceipt {
    /// `tnd_…`.
    pub tender_id: String,
    /// `cns_…`.
    pub consultation_id: String,
    /// `grp_…`.
    pub group_id: String,
    /// SHA-256 of the file as received, hexadecimal.
    pub sha256: String,
    /// Its size in bytes.
    pub size_bytes: i64,
    /// Business time of complete receipt, RFC 3339 with microseconds.
    #[schema(format = DateTime)]
    pub received_at: String,
    /// UUID of the event that holds hash and time in the group's chained log.
    pub event_id: String,
    /// SEALED or LATE.
    pub state: TenderState,
}

impl From<pb::TenderReceipt> for TenderReceipt {
    fn from(value: pb::TenderReceipt) -> Self {
        Self {
            tender_id: value.tender_id,
            consultation_id: value.consultation_id,
            group_id: value.group_id,
            sha256: value.sha256,
            size_bytes: value.size_bytes,
            received_at: value.received_at,
            event_id: value.event_id,
            state: value.state.into(),
        }
    }
}

/// A price from a quantity on.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct OfferedTier {
    /// Base units from which it holds; 0 in the first.
    pub min_units: i64,
    /// EUR per base unit without VAT, at most 6 places.
    pub unit_price: String,
}

impl From<pb::OfferedTier> for OfferedTier {
    fn from(value: pb::OfferedTier) -> Self {
        Self { min_units: value.min_units, unit_price: value.unit_price }
    }
}

/// A price as tendered.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct OfferedPrice {
    /// `art_…`.
    pub article_id: String,
    /// The one compared, of the tier that the documents name: EUR per base unit without VAT, at most 6 places.
    pub unit_price: String,
    /// Packaging that is sold.
    pub packaging_code: String,
    /// It is sold by multiples of so many packs.
    pub order_multiple_packs: i64,
    /// Rising in quantity, never in price.
    pub tiers: Vec<OfferedTier>,
}

impl From<pb::OfferedPrice> for OfferedPrice {
    fn from(value: pb::OfferedPrice) -> Self {
        Self {
            article_id: value.article_id,
            unit_price: value.unit_price,
            packaging_code: value.packaging_code,
            order_multiple_packs: value.order_multiple_packs,
            tiers: all(value.tiers),
        }
    }
}

/// What a tender offers for a lot.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LotOffer {
    /// Number of the lot.
    pub lot_number: i32,
    /// Price of the basket without VAT, cents EUR.
    pub price_cents: i64,
    /// Prices as tendered.
    pub prices: Vec<OfferedPrice>,
    /// Answers by key of criterion.
    pub answers: BTreeMap<String, String>,
}

impl From<pb::LotOffer> for LotOffer {
    fn from(value: pb::LotOffer) -> Self {
        Self {
            lot_number: value.lot_number,
            price_cents: value.price_cents,
            prices: all(value.prices),
            answers: value.answers.into_iter().collect(),
        }
    }
}

/// What is known of a tender.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Tender {
    /// The receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<TenderReceipt>,
    /// What became of it.
    pub state: TenderState,
    /// `pty_…` of the bidder; for the group only after opening.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub party_id: Option<String>,
    /// What is wrong with its content, in French.
    pub faults: Vec<String>,
    /// What it offers, after opening, for the group.
    pub offers: Vec<LotOffer>,
}

impl From<pb::Tender> for Tender {
    fn from(value: pb::Tender) -> Self {
        Self {
            receipt: value.receipt.map(Into::into),
            state: value.state.into(),
            party_id: some(value.party_id),
            faults: value.faults,
            offers: all(value.offers),
        }
    }
}

/// Points of an offer on a criterion.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Points {
    /// Key of the criterion.
    pub criterion_key: String,
    /// Its weight.
    pub weight: i32,
    /// The officer's mark of 10; empty for the price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// The officer's comment; for the price the calculation with its figures.
    pub comment: String,
    /// Points, rounded as announced.
    pub points: String,
}

impl From<pb::Points> for Points {
    fn from(value: pb::Points) -> Self {
        Self {
            criterion_key: value.criterion_key,
            weight: value.weight,
            mark: some(value.mark),
            comment: value.comment,
            points: value.points,
        }
    }
}

/// An offer in the ranking of a lot.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RankedOffer {
    /// Rank, from 1.
    pub rank: i32,
    /// `tnd_…`.
    pub tender_id: String,
    /// `pty_…`.
    pub party_id: String,
    /// Price of the basket without VAT, cents EUR.
    pub price_cents: i64,
    /// By criterion, in the order announced.
    pub points: Vec<Points>,
    /// Their sum.
    pub total: String,
    /// Whether its points equal another's and the tie rule gave its rank.
    pub tie: bool,
}

impl From<pb::RankedOffer> for RankedOffer {
    fn from(value: pb::RankedOffer) -> Self {
        Self {
            rank: value.rank,
            tender_id: value.tender_id,
            party_id: value.party_id,
            price_cents: value.price_cents,
            points: all(value.points),
            total: value.total,
            tie: value.tie,
        }
    }
}

/// A lot as evaluated.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LotResult {
    /// Number of the lot.
    pub lot_number: i32,
    /// Best first; empty when nobody offered (lot infructueux).
    pub ranking: Vec<RankedOffer>,
    /// `pty_…` of the holder once awarded; empty before and for a lot without offer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub awarded_to: Option<String>,
}

impl From<pb::LotResult> for LotResult {
    fn from(value: pb::LotResult) -> Self {
        Self { lot_number: value.lot_number, ranking: all(value.ranking), awarded_to: some(value.awarded_to) }
    }
}

/// A price that the signed agreement fixes.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AwardedPrice {
    /// `lot_…` of the agreement.
    pub lot_id: String,
    /// `art_…`.
    pub article_id: String,
    /// Of the first tier, EUR per base unit without VAT, at most 6 places.
    pub unit_price: String,
    /// `pty_…` of the lot's holder.
    pub supplier_id: String,
    /// Packaging that is sold.
    pub packaging_code: String,
    /// It is sold by multiples of so many packs.
    pub order_multiple_packs: i64,
    /// As tendered.
    pub tiers: Vec<OfferedTier>,
    /// First day.
    #[schema(format = Date)]
    pub valid_from: String,
    /// Last day.
    #[schema(format = Date)]
    pub valid_to: String,
}

impl From<pb::AwardedPrice> for AwardedPrice {
    fn from(value: pb::AwardedPrice) -> Self {
        Self {
            lot_id: value.lot_id,
            article_id: value.article_id,
            unit_price: value.unit_price,
            supplier_id: value.supplier_id,
            packaging_code: value.packaging_code,
            order_multiple_packs: value.order_multiple_packs,
            tiers: all(value.tiers),
            valid_from: value.valid_from,
            valid_to: value.valid_to,
        }
    }
}

/// A mark given by an officer.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// `tnd_…`.
    pub tender_id: String,
    /// Number of the lot.
    pub lot_number: i32,
    /// Key of a criterion other than price.
    pub criterion_key: String,
    /// 0 to 10, at most 2 places.
    pub mark: String,
    /// Why; must not be empty.
    pub comment: String,
}

impl From<Mark> for pb::Mark {
    fn from(value: Mark) -> Self {
        Self {
            tender_id: value.tender_id,
            lot_number: value.lot_number,
            criterion_key: value.criterion_key,
            mark: value.mark,
            comment: value.comment,
        }
    }
}

/// Tenders, by id.
#[derive(Debug, Serialize, ToSchema)]
pub struct TenderPage {
    /// How many the consultation has received, late ones included; 0 when none is named.
    pub received_count: i64,
    /// This page's rows.
    pub tenders: Vec<Tender>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
