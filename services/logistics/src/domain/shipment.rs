//! A supplier's shipment to one destination.

use chrono::{DateTime, NaiveDate, Utc};
use kit::id::{ArticleId, GroupId, PartyId, PlanLineId, PooledOrderId, ShipmentId, ShipmentLineId, SiteId};

use super::{LogisticsError, Route, UnknownCode};

/// State of a shipment. ANNOUNCED → RECEIVED; one with nothing under way (direct, or empty) starts RECEIVED.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShipmentState {
    /// Under way to the platform.
    Announced,
    /// Received at the platform, or handed over as a direct delivery.
    Received,
}

impl ShipmentState {
    /// As stored.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Announced => "ANNOUNCED",
            Self::Received => "RECEIVED",
        }
    }
}

impl TryFrom<String> for ShipmentState {
    type Error = UnknownCode;

    fn try_from(code: String) -> Result<Self, UnknownCode> {
        [Self::Announced, Self::Received].into_iter().find(|state| state.code() == code).ok_or(UnknownCode(code))
    }
}

/// A shipment without its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipment {
    /// Its id.
    pub id: ShipmentId,
    /// Group.
    pub group_id: GroupId,
    /// Order.
    pub pooled_order_id: PooledOrderId,
    /// Supplier.
    pub supplier_id: PartyId,
    /// Operator of the destination platform; none when direct.
    pub operator_party_id: Option<PartyId>,
    /// The platform's site, or the delivery point.
    pub destination_site_id: SiteId,
    /// By the platform or direct.
    pub route: Route,
    /// The supplier's number.
    pub despatch_number: String,
    /// State.
    pub state: ShipmentState,
    /// Business time.
    pub announced_at: DateTime<Utc>,
    /// Who entered it.
    pub announced_by: String,
}

impl Shipment {
    /// The shipment after its receipt.
    ///
    /// # Errors
    /// [`LogisticsError::ShipmentWrongState`] unless it is ANNOUNCED.
    pub fn receive(self) -> Result<Self, LogisticsError> {
        match self.state {
            ShipmentState::Announced => Ok(Self { state: ShipmentState::Received, ..self }),
            ShipmentState::Received => {
                Err(LogisticsError::ShipmentWrongState { id: self.id.to_string(), state: self.state.code() })
            }
        }
    }
}

/// One article and batch of a shipment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShipmentLine {
    /// Its id.
    pub id: ShipmentLineId,
    /// Line of the pooled order.
    pub pooled_line_id: PlanLineId,
    /// Article.
    pub article_id: ArticleId,
    /// Base units shipped.
    pub units: i64,
    /// Batch number; may be empty.
    pub batch: String,
    /// Expiry.
    pub expires_on: Option<NaiveDate>,
    /// Base units received in good order.
    pub received: i64,
    /// Base units received damaged.
    pub damaged: i64,
}
