//! What reaches the sites.

use proto::logistics::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    convert::{all, some},
    shipments::Route,
};

/// State of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeliveryState {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// On the dock.
    Prepared,
    /// On the road.
    Dispatched,
    /// Handed over, with proof.
    Delivered,
    /// Receipt certified by the member.
    Certified,
}

impl From<i32> for DeliveryState {
    fn from(value: i32) -> Self {
        match pb::DeliveryState::try_from(value) {
            Ok(pb::DeliveryState::Prepared) => Self::Prepared,
            Ok(pb::DeliveryState::Dispatched) => Self::Dispatched,
            Ok(pb::DeliveryState::Delivered) => Self::Delivered,
            Ok(pb::DeliveryState::Certified) => Self::Certified,
            Ok(pb::DeliveryState::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<DeliveryState> for i32 {
    fn from(value: DeliveryState) -> Self {
        let value = match value {
            DeliveryState::Unspecified => pb::DeliveryState::Unspecified,
            DeliveryState::Prepared => pb::DeliveryState::Prepared,
            DeliveryState::Dispatched => pb::DeliveryState::Dispatched,
            DeliveryState::Delivered => pb::DeliveryState::Delivered,
            DeliveryState::Certified => pb::DeliveryState::Certified,
        };
        value.into()
    }
}

/// Who handed over what to whom, when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Name of who signed. Personal data: never in an event.
    pub signed_by: String,
    /// RFC 3339, as told by the carrier.
    #[schema(example = "2026-03-02T08:00:00Z", format = DateTime)]
    pub handed_over_at: String,
    /// Reserves noted; may be absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserves: Option<String>,
}

impl From<pb::Proof> for Proof {
    fn from(value: pb::Proof) -> Self {
        Self { signed_by: value.signed_by, handed_over_at: value.handed_over_at, reserves: some(value.reserves) }
    }
}

impl From<Proof> for pb::Proof {
    fn from(value: Proof) -> Self {
        Self {
            signed_by: value.signed_by,
            handed_over_at: value.handed_over_at,
            reserves: value.reserves.unwrap_or_default(),
        }
    }
}

/// One article and batch in a delivery.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DeliveryLine {
    /// `dll_…`.
    #[schema(example = "dll_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// `orl_…`.
    #[schema(example = "orl_0198c2f07a3b7c11a2d34e5f60718293")]
    pub order_line_id: String,
    /// `art_…`.
    #[schema(example = "art_0198c2f07a3b7c11a2d34e5f60718293")]
    pub article_id: String,
    /// Base units.
    #[schema(example = 1200)]
    pub units: i64,
    /// Batch.
    #[schema(example = "L2604A")]
    pub batch: String,
    /// ISO date; may be absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-02", format = Date)]
    pub expires_on: Option<String>,
    /// Base units accepted by the member; set by certification.
    pub units_accepted: i64,
    /// Base units refused by the member; set by certification.
    pub units_refused: i64,
}

impl From<pb::DeliveryLine> for DeliveryLine {
    fn from(value: pb::DeliveryLine) -> Self {
        Self {
            id: value.id,
            order_line_id: value.order_line_id,
            article_id: value.article_id,
            units: value.units,
            batch: value.batch,
            expires_on: some(value.expires_on),
            units_accepted: value.units_accepted,
            units_refused: value.units_refused,
        }
    }
}

/// A delivery to one site.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Delivery {
    /// `dlv_…`.
    #[schema(example = "dlv_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// `grp_…`.
    #[schema(example = "grp_0198c2f07a3b7c11a2d34e5f60718293")]
    pub group_id: String,
    /// Number for people, e.g. `BL-2026-0001`.
    #[schema(example = "BL-2026-0001")]
    pub number: String,
    /// `pty_…` of the member.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// `sit_…`.
    #[schema(example = "sit_0198c2f07a3b7c11a2d34e5f60718293")]
    pub site_id: String,
    /// By the platform or direct.
    pub route: Route,
    /// State.
    pub state: DeliveryState,
    /// Proof, once delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// Lines; in lists left empty.
    pub lines: Vec<DeliveryLine>,
    /// Base units in all.
    #[schema(example = 1200)]
    pub units: i64,
    /// Changes at each change; for ETag.
    pub version: i64,
    /// `por_…`.
    #[schema(example = "por_0198c2f07a3b7c11a2d34e5f60718293")]
    pub pooled_order_id: String,
}

impl From<pb::Delivery> for Delivery {
    fn from(value: pb::Delivery) -> Self {
        Self {
            id: value.id,
            group_id: value.group_id,
            number: value.number,
            party_id: value.party_id,
            site_id: value.site_id,
            route: value.route.into(),
            state: value.state.into(),
            proof: value.proof.map(Into::into),
            lines: all(value.lines),
            units: value.units,
            version: value.version,
            pooled_order_id: value.pooled_order_id,
        }
    }
}

/// What the member accepted of one delivery line.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CertifiedLine {
    /// `dll_…`.
    #[schema(example = "dll_0198c2f07a3b7c11a2d34e5f60718293")]
    pub delivery_line_id: String,
    /// Base units accepted; the rest is refused and stays to be delivered.
    pub units_accepted: i64,
}

impl From<CertifiedLine> for pb::CertifiedLine {
    fn from(value: CertifiedLine) -> Self {
        Self { delivery_line_id: value.delivery_line_id, units_accepted: value.units_accepted }
    }
}

/// Deliveries, by id; lines are left out.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryPage {
    /// This page's rows.
    pub deliveries: Vec<Delivery>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
