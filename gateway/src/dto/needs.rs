//! Rounds, needs and their snapshots.

use proto::demand::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    convert::{all, some},
    shared::LineKind,
};

/// State of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RoundState {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// Takes needs until it is closed or its closing time has passed.
    Open,
    /// Takes no more needs.
    Closed,
    /// Its orders have been placed.
    Ordered,
}

impl From<i32> for RoundState {
    fn from(value: i32) -> Self {
        match pb::RoundState::try_from(value) {
            Ok(pb::RoundState::Open) => Self::Open,
            Ok(pb::RoundState::Closed) => Self::Closed,
            Ok(pb::RoundState::Ordered) => Self::Ordered,
            Ok(pb::RoundState::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<RoundState> for i32 {
    fn from(value: RoundState) -> Self {
        let value = match value {
            RoundState::Unspecified => pb::RoundState::Unspecified,
            RoundState::Open => pb::RoundState::Open,
            RoundState::Closed => pb::RoundState::Closed,
            RoundState::Ordered => pb::RoundState::Ordered,
        };
        value.into()
    }
}

/// What the needs of a round are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RoundKind {
    /// Not known to this version of the gateway.
    #[serde(skip_deserializing)]
    Unspecified,
    /// An order round (campagne de commande): ordered under its agreements.
    Order,
    /// A census (recensement): estimates for years, from which a consultation is drawn up; never planned nor ordered.
    Census,
    /// Made for one urgent order; its title says why it could not wait.
    #[serde(skip_deserializing)]
    Urgent,
}

impl From<i32> for RoundKind {
    fn from(value: i32) -> Self {
        match pb::RoundKind::try_from(value) {
            Ok(pb::RoundKind::Order) => Self::Order,
            Ok(pb::RoundKind::Census) => Self::Census,
            Ok(pb::RoundKind::Urgent) => Self::Urgent,
            Ok(pb::RoundKind::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<RoundKind> for i32 {
    fn from(value: RoundKind) -> Self {
        let value = match value {
            RoundKind::Unspecified => pb::RoundKind::Unspecified,
            RoundKind::Order => pb::RoundKind::Order,
            RoundKind::Census => pb::RoundKind::Census,
            RoundKind::Urgent => pb::RoundKind::Urgent,
        };
        value.into()
    }
}

/// How firmly a need of a census is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Commitment {
    /// An estimate.
    Indicative,
    /// At least so much will be ordered, if the offer suits.
    Minimum,
    /// So much will be ordered.
    Firm,
}

impl Commitment {
    fn of(value: i32) -> Option<Self> {
        match pb::Commitment::try_from(value) {
            Ok(pb::Commitment::Indicative) => Some(Self::Indicative),
            Ok(pb::Commitment::Minimum) => Some(Self::Minimum),
            Ok(pb::Commitment::Firm) => Some(Self::Firm),
            Ok(pb::Commitment::Unspecified) | Err(_) => None,
        }
    }
}

impl From<Commitment> for i32 {
    fn from(value: Commitment) -> Self {
        let value = match value {
            Commitment::Indicative => pb::Commitment::Indicative,
            Commitment::Minimum => pb::Commitment::Minimum,
            Commitment::Firm => pb::Commitment::Firm,
        };
        value.into()
    }
}

/// A round: an order round (campagne de commande) or a census (recensement).
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Round {
    /// `rnd_…`.
    #[schema(example = "rnd_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// Title.
    pub title: String,
    /// RFC 3339, UTC.
    #[schema(example = "2026-03-02T08:00:00Z", format = DateTime)]
    pub opens_at: String,
    /// RFC 3339, UTC; a need at this instant is in time.
    #[schema(example = "2026-03-02T08:00:00Z", format = DateTime)]
    pub closes_at: String,
    /// `sit_…` of the logistics platform; absent means direct delivery everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "sit_0198c2f07a3b7c11a2d34e5f60718293")]
    pub platform_site_id: Option<String>,
    /// `agr_…` in the order in which they are tried.
    pub agreement_ids: Vec<String>,
    /// State.
    pub state: RoundState,
    /// Active needs.
    pub need_count: i64,
    /// Members that have answered.
    pub member_count: i64,
    /// Changes at each change; for ETag.
    pub version: i64,
    /// `grp_…`.
    #[schema(example = "grp_0198c2f07a3b7c11a2d34e5f60718293")]
    pub group_id: String,
    /// What its needs are for.
    pub kind: RoundKind,
    /// Months that the needs of a census are stated for; absent in any other round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_months: Option<i32>,
}

impl From<pb::Round> for Round {
    fn from(value: pb::Round) -> Self {
        Self {
            id: value.id,
            title: value.title,
            opens_at: value.opens_at,
            closes_at: value.closes_at,
            platform_site_id: some(value.platform_site_id),
            agreement_ids: value.agreement_ids,
            state: value.state.into(),
            need_count: value.need_count,
            member_count: value.member_count,
            version: value.version,
            group_id: value.group_id,
            kind: value.kind.into(),
            period_months: (value.period_months != 0).then_some(value.period_months),
        }
    }
}

/// A round: an order round (campagne de commande) or a census (recensement).
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoundInput {
    /// Title.
    pub title: String,
    /// RFC 3339, UTC.
    #[schema(example = "2026-03-02T08:00:00Z", format = DateTime)]
    pub opens_at: String,
    /// RFC 3339, UTC; a need at this instant is in time.
    #[schema(example = "2026-03-02T08:00:00Z", format = DateTime)]
    pub closes_at: String,
    /// `sit_…` of the logistics platform; absent means direct delivery everywhere.
    #[schema(example = "sit_0198c2f07a3b7c11a2d34e5f60718293")]
    pub platform_site_id: Option<String>,
    /// `agr_…` in the order in which they are tried; none in a census.
    #[serde(default)]
    pub agreement_ids: Vec<String>,
    /// What its needs are for; `ORDER` unless given.
    pub kind: Option<RoundKind>,
    /// Months that the needs of a census are stated for, 1 to 60.
    #[schema(example = 12)]
    pub period_months: Option<i32>,
}

impl From<RoundInput> for pb::Round {
    fn from(value: RoundInput) -> Self {
        Self {
            title: value.title,
            opens_at: value.opens_at,
            closes_at: value.closes_at,
            platform_site_id: value.platform_site_id.unwrap_or_default(),
            agreement_ids: value.agreement_ids,
            kind: value.kind.map(Into::into).unwrap_or_default(),
            period_months: value.period_months.unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// What a member needs, as it typed it.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NeedInput {
    /// `sit_…` or another site reference of membership; must be a site of the member.
    #[schema(example = "sit_0198c2f07a3b7c11a2d34e5f60718293")]
    pub site: String,
    /// Any article reference of catalogue.
    #[schema(example = "3400930000001")]
    pub article: String,
    /// Packaging typed, e.g. `BOX`; absent when the article reference names one.
    #[schema(example = "BOX")]
    pub packaging_code: Option<String>,
    /// How many of that packaging, 1 to 100,000,000.
    #[schema(example = 4)]
    pub quantity: i64,
    /// The member's own reference of the line, unique in the round for the member; absent and one is made.
    #[schema(example = "PUI-0042")]
    pub reference: Option<String>,
    /// ISO date; may be absent.
    #[schema(example = "2026-03-02", format = Date)]
    pub needed_by: Option<String>,
    /// How firmly it is meant, in a census only; `INDICATIVE` there unless given.
    pub commitment: Option<Commitment>,
}

impl From<NeedInput> for pb::NeedInput {
    fn from(value: NeedInput) -> Self {
        Self {
            site: value.site,
            article: value.article,
            packaging_code: value.packaging_code.unwrap_or_default(),
            quantity: value.quantity,
            reference: value.reference.unwrap_or_default(),
            needed_by: value.needed_by.unwrap_or_default(),
            commitment: value.commitment.map(Into::into).unwrap_or_default(),
        }
    }
}

/// A need with its conversion.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Need {
    /// `ned_…`.
    #[schema(example = "ned_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// `rnd_…`.
    #[schema(example = "rnd_0198c2f07a3b7c11a2d34e5f60718293")]
    pub round_id: String,
    /// `grp_…`.
    #[schema(example = "grp_0198c2f07a3b7c11a2d34e5f60718293")]
    pub group_id: String,
    /// `pty_…` of the member.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// `sit_…` of the delivery point.
    #[schema(example = "sit_0198c2f07a3b7c11a2d34e5f60718293")]
    pub site_id: String,
    /// `art_…`.
    #[schema(example = "art_0198c2f07a3b7c11a2d34e5f60718293")]
    pub article_id: String,
    /// Packaging typed.
    #[schema(example = "BOX")]
    pub packaging_code: String,
    /// How many of it.
    #[schema(example = 4)]
    pub quantity: i64,
    /// Base units that makes.
    #[schema(example = 1200)]
    pub units: i64,
    /// The conversion in words, e.g. `4 cartons × 10 boîtes × 30 comprimés = 1 200 comprimés`.
    #[schema(example = "4 cartons × 10 boîtes × 30 comprimés = 1 200 comprimés")]
    pub conversion: String,
    /// The member's reference.
    #[schema(example = "PUI-0042")]
    pub reference: String,
    /// ISO date; may be absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-02", format = Date)]
    pub needed_by: Option<String>,
    /// Whether it was withdrawn.
    pub withdrawn: bool,
    /// Changes at each change; for ETag.
    pub version: i64,
    /// Goods or service.
    pub kind: LineKind,
    /// How firmly it is meant; absent outside a census.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commitment: Option<Commitment>,
}

impl From<pb::Need> for Need {
    fn from(value: pb::Need) -> Self {
        Self {
            id: value.id,
            round_id: value.round_id,
            group_id: value.group_id,
            party_id: value.party_id,
            site_id: value.site_id,
            article_id: value.article_id,
            packaging_code: value.packaging_code,
            quantity: value.quantity,
            units: value.units,
            conversion: value.conversion,
            reference: value.reference,
            needed_by: some(value.needed_by),
            withdrawn: value.withdrawn,
            version: value.version,
            kind: value.kind.into(),
            commitment: Commitment::of(value.commitment),
        }
    }
}

/// What a member paid before.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReferencePrice {
    /// `pty_…` of the member.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// `art_…`.
    #[schema(example = "art_0198c2f07a3b7c11a2d34e5f60718293")]
    pub article_id: String,
    /// EUR without VAT per base unit, at most 6 places.
    #[schema(example = "0.0842")]
    pub unit_price: String,
    /// ISO date of the price.
    #[schema(example = "2026-03-02", format = Date)]
    pub dated_on: String,
    /// What shows it.
    pub evidence: String,
}

impl From<ReferencePrice> for pb::ReferencePrice {
    fn from(value: ReferencePrice) -> Self {
        Self {
            party_id: value.party_id,
            article_id: value.article_id,
            unit_price: value.unit_price,
            dated_on: value.dated_on,
            evidence: value.evidence,
        }
    }
}

/// A frozen set of needs.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Snapshot {
    /// `snp_…`.
    #[schema(example = "snp_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// `rnd_…`.
    #[schema(example = "rnd_0198c2f07a3b7c11a2d34e5f60718293")]
    pub round_id: String,
    /// 1, 2, … in the round.
    pub version: i32,
    /// SHA-256 over the needs in order of id, hex.
    pub sha256: String,
    /// Needs.
    pub need_count: i64,
    /// Base units, summed over articles.
    #[schema(example = 1200)]
    pub units: i64,
    /// Articles.
    pub article_count: i64,
    /// Members.
    pub member_count: i64,
    /// RFC 3339.
    #[schema(example = "2026-03-02T08:00:00Z", format = DateTime)]
    pub taken_at: String,
}

impl From<pb::Snapshot> for Snapshot {
    fn from(value: pb::Snapshot) -> Self {
        Self {
            id: value.id,
            round_id: value.round_id,
            version: value.version,
            sha256: value.sha256,
            need_count: value.need_count,
            units: value.units,
            article_count: value.article_count,
            member_count: value.member_count,
            taken_at: value.taken_at,
        }
    }
}

/// One article of a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SnapshotLine {
    /// `art_…`.
    #[schema(example = "art_0198c2f07a3b7c11a2d34e5f60718293")]
    pub article_id: String,
    /// Base units.
    #[schema(example = 1200)]
    pub units: i64,
    /// Needs.
    pub need_count: i64,
    /// Members.
    pub member_count: i64,
    /// In which packagings they were typed, and how many of each.
    pub typed: Vec<PackagingCount>,
}

impl From<pb::SnapshotLine> for SnapshotLine {
    fn from(value: pb::SnapshotLine) -> Self {
        Self {
            article_id: value.article_id,
            units: value.units,
            need_count: value.need_count,
            member_count: value.member_count,
            typed: all(value.typed),
        }
    }
}

/// How much was typed in one packaging.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PackagingCount {
    /// Packaging.
    #[schema(example = "BOX")]
    pub packaging_code: String,
    /// How many of it.
    #[schema(example = 4)]
    pub quantity: i64,
    /// Base units that makes.
    #[schema(example = 1200)]
    pub units: i64,
}

impl From<pb::PackagingCount> for PackagingCount {
    fn from(value: pb::PackagingCount) -> Self {
        Self { packaging_code: value.packaging_code, quantity: value.quantity, units: value.units }
    }
}

/// Rounds, by id.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoundPage {
    /// This page's rows.
    pub rounds: Vec<Round>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Needs, by id.
#[derive(Debug, Serialize, ToSchema)]
pub struct NeedPage {
    /// This page's rows.
    pub needs: Vec<Need>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Articles of a snapshot, by id.
#[derive(Debug, Serialize, ToSchema)]
pub struct SnapshotLinePage {
    /// This page's rows.
    pub lines: Vec<SnapshotLine>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
