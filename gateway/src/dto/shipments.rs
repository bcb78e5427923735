//! What is expected, shipped, received and shared out.

use proto::logistics::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    convert::{all, some},
    shared::Reason,
};

/// How goods reach a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Route {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// Through the platform.
    Platform,
    /// Straight to the site.
    Direct,
    /// Not at all: the site itself lacks the authorisation.
    Refused,
}

impl From<i32> for Route {
    fn from(value: i32) -> Self {
        match pb::Route::try_from(value) {
            Ok(pb::Route::Platform) => Self::Platform,
            Ok(pb::Route::Direct) => Self::Direct,
            Ok(pb::Route::Refused) => Self::Refused,
            Ok(pb::Route::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<Route> for i32 {
    fn from(value: Route) -> Self {
        let value = match value {
            Route::Unspecified => pb::Route::Unspecified,
            Route::Platform => pb::Route::Platform,
            Route::Direct => pb::Route::Direct,
            Route::Refused => pb::Route::Refused,
        };
        value.into()
    }
}

/// A packaging that a platform opens (dégroupage).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BreakBulk {
    /// `sit_…` of the platform.
    #[schema(example = "sit_0198c2f07a3b7c11a2d34e5f60718293")]
    pub platform_site_id: String,
    /// `art_…`; on input any article reference.
    #[schema(example = "art_0198c2f07a3b7c11a2d34e5f60718293")]
    pub article_id: String,
    /// Packaging that may be opened.
    #[schema(example = "BOX")]
    pub packaging_code: String,
}

impl From<pb::BreakBulk> for BreakBulk {
    fn from(value: pb::BreakBulk) -> Self {
        Self {
            platform_site_id: value.platform_site_id,
            article_id: value.article_id,
            packaging_code: value.packaging_code,
        }
    }
}

impl From<BreakBulk> for pb::BreakBulk {
    fn from(value: BreakBulk) -> Self {
        Self {
            platform_site_id: value.platform_site_id,
            article_id: value.article_id,
            packaging_code: value.packaging_code,
        }
    }
}

/// What is expected of one article of one order at one destination.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Expected {
    /// `grp_…`.
    #[schema(example = "grp_0198c2f07a3b7c11a2d34e5f60718293")]
    pub group_id: String,
    /// `por_…`.
    #[schema(example = "por_0198c2f07a3b7c11a2d34e5f60718293")]
    pub pooled_order_id: String,
    /// Number of the order for people.
    pub order_number: String,
    /// `pll_…`.
    #[schema(example = "pll_0198c2f07a3b7c11a2d34e5f60718293")]
    pub pooled_line_id: String,
    /// `pty_…`.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub supplier_id: String,
    /// `sit_…` of the platform or of the site itself.
    #[schema(example = "sit_0198c2f07a3b7c11a2d34e5f60718293")]
    pub destination_site_id: String,
    /// By the platform or direct.
    pub route: Route,
    /// `art_…`.
    #[schema(example = "art_0198c2f07a3b7c11a2d34e5f60718293")]
    pub article_id: String,
    /// Pack.
    #[schema(example = "BOX")]
    pub packaging_code: String,
    /// Base units in a pack.
    pub pack_units: i64,
    /// Base units accepted.
    pub units_accepted: i64,
    /// Base units announced and under way or arrived.
    pub units_shipped: i64,
    /// Base units that never come.
    pub units_cancelled: i64,
    /// accepted − shipped − cancelled, plus what was lost, damaged or refused on the way.
    pub units_open: i64,
}

impl From<pb::Expected> for Expected {
    fn from(value: pb::Expected) -> Self {
        Self {
            group_id: value.group_id,
            pooled_order_id: value.pooled_order_id,
            order_number: value.order_number,
            pooled_line_id: value.pooled_line_id,
            supplier_id: value.supplier_id,
            destination_site_id: value.destination_site_id,
            route: value.route.into(),
            article_id: value.article_id,
            packaging_code: value.packaging_code,
            pack_units: value.pack_units,
            units_accepted: value.units_accepted,
            units_shipped: value.units_shipped,
            units_cancelled: value.units_cancelled,
            units_open: value.units_open,
        }
    }
}

/// One article and batch in a shipment.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ShipmentLine {
    /// `shl_…`.
    #[schema(example = "shl_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// `pll_…`.
    #[schema(example = "pll_0198c2f07a3b7c11a2d34e5f60718293")]
    pub pooled_line_id: String,
    /// Base units shipped, whole packs.
    #[schema(example = 1200)]
    pub units: i64,
    /// Batch number (GS1 AI 10); may be absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "L2604A")]
    pub batch: Option<String>,
    /// ISO date; may be absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-02", format = Date)]
    pub expires_on: Option<String>,
    /// Base units received in good order.
    pub units_received: i64,
    /// Base units received damaged.
    pub units_damaged: i64,
    /// `art_…`.
    #[schema(example = "art_0198c2f07a3b7c11a2d34e5f60718293")]
    pub article_id: String,
}

impl From<pb::ShipmentLine> for ShipmentLine {
    fn from(value: pb::ShipmentLine) -> Self {
        Self {
            id: value.id,
            pooled_line_id: value.pooled_line_id,
            units: value.units,
            batch: some(value.batch),
            expires_on: some(value.expires_on),
            units_received: value.units_received,
            units_damaged: value.units_damaged,
            article_id: value.article_id,
        }
    }
}

/// One article and batch in a shipment.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShipmentLineInput {
    /// `pll_…`.
    #[schema(example = "pll_0198c2f07a3b7c11a2d34e5f60718293")]
    pub pooled_line_id: String,
    /// Base units shipped, whole packs.
    #[schema(example = 1200)]
    pub units: i64,
    /// Batch number (GS1 AI 10); may be absent.
    #[schema(example = "L2604A")]
    pub batch: Option<String>,
    /// ISO date; may be absent.
    #[schema(example = "2026-03-02", format = Date)]
    pub expires_on: Option<String>,
}

impl From<ShipmentLineInput> for pb::ShipmentLine {
    fn from(value: ShipmentLineInput) -> Self {
        Self {
            pooled_line_id: value.pooled_line_id,
            units: value.units,
            batch: value.batch.unwrap_or_default(),
            expires_on: value.expires_on.unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// What is still to come of an article at the destination after a shipment (Peppol OutstandingQuantity).
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StillToCome {
    /// `pll_…`.
    #[schema(example = "pll_0198c2f07a3b7c11a2d34e5f60718293")]
    pub pooled_line_id: String,
    /// Base units that will come later.
    pub outstanding_units: i64,
}

impl From<StillToCome> for pb::StillToCome {
    fn from(value: StillToCome) -> Self {
        Self { pooled_line_id: value.pooled_line_id, outstanding_units: value.outstanding_units }
    }
}

/// State of a shipment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ShipmentState {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// Under way.
    Announced,
    /// Received at the platform, or handed over as a direct delivery.
    Received,
}

impl From<i32> for ShipmentState {
    fn from(value: i32) -> Self {
        match pb::ShipmentState::try_from(value) {
            Ok(pb::ShipmentState::Announced) => Self::Announced,
            Ok(pb::ShipmentState::Received) => Self::Received,
            Ok(pb::ShipmentState::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<ShipmentState> for i32 {
    fn from(value: ShipmentState) -> Self {
        let value = match value {
            ShipmentState::Unspecified => pb::ShipmentState::Unspecified,
            ShipmentState::Announced => pb::ShipmentState::Announced,
            ShipmentState::Received => pb::ShipmentState::Received,
        };
        value.into()
    }
}

/// A supplier's shipment to one destination.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Shipment {
    /// `shp_…`.
    #[schema(example = "shp_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// `grp_…`.
    #[schema(example = "grp_0198c2f07a3b7c11a2d34e5f60718293")]
    pub group_id: String,
    /// `por_…`.
    #[schema(example = "por_0198c2f07a3b7c11a2d34e5f60718293")]
    pub pooled_order_id: String,
    /// `pty_…`.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub supplier_id: String,
    /// `sit_…`.
    #[schema(example = "sit_0198c2f07a3b7c11a2d34e5f60718293")]
    pub destination_site_id: String,
    /// By the platform or direct.
    pub route: Route,
    /// The supplier's own number of the despatch.
    pub despatch_number: String,
    /// State.
    pub state: ShipmentState,
    /// Lines.
    pub lines: Vec<ShipmentLine>,
    /// RFC 3339.
    #[schema(example = "2026-03-02T08:00:00Z", format = DateTime)]
    pub announced_at: String,
    /// `prs_…` who entered it.
    #[schema(example = "prs_0198c2f07a3b7c11a2d34e5f60718293")]
    pub announced_by: String,
}

impl From<pb::Shipment> for Shipment {
    fn from(value: pb::Shipment) -> Self {
        Self {
            id: value.id,
            group_id: value.group_id,
            pooled_order_id: value.pooled_order_id,
            supplier_id: value.supplier_id,
            destination_site_id: value.destination_site_id,
            route: value.route.into(),
            despatch_number: value.despatch_number,
            state: value.state.into(),
            lines: all(value.lines),
            announced_at: value.announced_at,
            announced_by: value.announced_by,
        }
    }
}

/// What arrived of one shipment line.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceivedLine {
    /// `shl_…`.
    #[schema(example = "shl_0198c2f07a3b7c11a2d34e5f60718293")]
    pub shipment_line_id: String,
    /// Base units in good order.
    pub units_received: i64,
    /// Base units damaged; set aside, to be replaced.
    pub units_damaged: i64,
}

impl From<ReceivedLine> for pb::ReceivedLine {
    fn from(value: ReceivedLine) -> Self {
        Self {
            shipment_line_id: value.shipment_line_id,
            units_received: value.units_received,
            units_damaged: value.units_damaged,
        }
    }
}

/// What an allocation shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AllocationCause {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// Goods that arrived.
    Receipt,
    /// Goods that never come.
    Cancellation,
}

impl From<i32> for AllocationCause {
    fn from(value: i32) -> Self {
        match pb::AllocationCause::try_from(value) {
            Ok(pb::AllocationCause::Receipt) => Self::Receipt,
            Ok(pb::AllocationCause::Cancellation) => Self::Cancellation,
            Ok(pb::AllocationCause::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<AllocationCause> for i32 {
    fn from(value: AllocationCause) -> Self {
        let value = match value {
            AllocationCause::Unspecified => pb::AllocationCause::Unspecified,
            AllocationCause::Receipt => pb::AllocationCause::Receipt,
            AllocationCause::Cancellation => pb::AllocationCause::Cancellation,
        };
        value.into()
    }
}

/// One sharing-out, with everything needed to replay it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Allocation {
    /// `alc_…`.
    #[schema(example = "alc_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// What was shared.
    pub cause: AllocationCause,
    /// `pll_…`.
    #[schema(example = "pll_0198c2f07a3b7c11a2d34e5f60718293")]
    pub pooled_line_id: String,
    /// Base units shared.
    #[schema(example = 1200)]
    pub units: i64,
    /// Smallest portion in base units (the pack, or 1 where the platform opens packs).
    pub step_units: i64,
    /// The rule, with its source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Reason>,
    /// Who got what.
    pub shares: Vec<AllocationShare>,
}

impl From<pb::Allocation> for Allocation {
    fn from(value: pb::Allocation) -> Self {
        Self {
            id: value.id,
            cause: value.cause.into(),
            pooled_line_id: value.pooled_line_id,
            units: value.units,
            step_units: value.step_units,
            rule: value.rule.map(Into::into),
            shares: all(value.shares),
        }
    }
}

/// One part of an allocation.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AllocationShare {
    /// `orl_…`.
    #[schema(example = "orl_0198c2f07a3b7c11a2d34e5f60718293")]
    pub order_line_id: String,
    /// `pty_…`.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// `sit_…`.
    #[schema(example = "sit_0198c2f07a3b7c11a2d34e5f60718293")]
    pub site_id: String,
    /// Base units it was still waiting for.
    pub weight_units: i64,
    /// Base units it got.
    #[schema(example = 1200)]
    pub units: i64,
}

impl From<pb::AllocationShare> for AllocationShare {
    fn from(value: pb::AllocationShare) -> Self {
        Self {
            order_line_id: value.order_line_id,
            party_id: value.party_id,
            site_id: value.site_id,
            weight_units: value.weight_units,
            units: value.units,
        }
    }
}

/// What is expected, by order, line and destination.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExpectedPage {
    /// This page's rows.
    pub expected: Vec<Expected>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Shipments, by id.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShipmentPage {
    /// This page's rows.
    pub shipments: Vec<Shipment>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Allocations, by id.
#[derive(Debug, Serialize, ToSchema)]
pub struct AllocationPage {
    /// This page's rows.
    pub allocations: Vec<Allocation>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
