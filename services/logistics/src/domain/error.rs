//! What logistics refuses, and why.

use kit::{
    error::{DomainError, ErrorKind, FieldFault},
    money::ArithmeticError,
};

/// Everything that logistics refuses in its own words.
#[derive(Debug, thiserror::Error)]
pub enum LogisticsError {
    /// A shipment is received once, from ANNOUNCED.
    #[error("shipment {id} is {state}, not ANNOUNCED")]
    ShipmentWrongState {
        /// `shp_…`.
        id: String,
        /// Its state.
        state: &'static str,
    },
    /// The delivery's state does not allow the step.
    #[error("delivery {id} is {state}, not {needed}")]
    DeliveryWrongState {
        /// `dlv_…`.
        id: String,
        /// Its state.
        state: &'static str,
        /// State from which the step is allowed.
        needed: &'static str,
    },
    /// The supplier has already used this number for a despatch (constraint `shipment_despatch_number_once`).
    #[error("despatch number {number:?} was already used by the supplier")]
    DespatchNumberTaken {
        /// The number.
        number: String,
    },
    /// Whoever orders does not certify receipt: ordering and certifying "service fait" are separate duties.
    #[error("a caller with role {role} orders, and so does not certify receipt")]
    SeparationOfDuties {
        /// The ordering role that the caller has.
        role: &'static str,
    },
    /// Packs that a platform may not open, every one with its fault.
    #[error("{} packagings may not be opened", .0.len())]
    BreakBulkRefused(Vec<FieldFault>),
    /// A platform declares at most [`super::break_bulk::LIMIT`] packagings.
    #[error("the platform would open {count} packagings, at most {limit} are allowed")]
    BreakBulkLimit {
        /// How many there would be.
        count: i64,
        /// How many there may be.
        limit: i64,
    },
    /// Nothing of the order's article is open: all is under way, delivered or cancelled.
    #[error("nothing of {pooled_line_id} is outstanding with the supplier")]
    NothingOpen {
        /// `pll_…`.
        pooled_line_id: String,
    },
    /// Figures that break an invariant: a bug or a corrupt row.
    #[error("the books do not add up: {0}")]
    Books(String),
}

impl From<ArithmeticError> for LogisticsError {
    fn from(error: ArithmeticError) -> Self {
        Self::Books(error.to_string())
    }
}

impl DomainError for LogisticsError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::ShipmentWrongState { .. } | Self::DeliveryWrongState { .. } | Self::NothingOpen { .. } => {
                ErrorKind::NotNow
            }
            Self::DespatchNumberTaken { .. } => ErrorKind::AlreadyExists,
            Self::SeparationOfDuties { .. } => ErrorKind::Denied,
            Self::BreakBulkRefused(_) | Self::BreakBulkLimit { .. } => ErrorKind::Invalid,
            Self::Books(_) => ErrorKind::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::ShipmentWrongState { .. } => "SHIPMENT_WRONG_STATE",
            Self::DeliveryWrongState { .. } => "DELIVERY_WRONG_STATE",
            Self::DespatchNumberTaken { .. } => "DESPATCH_NUMBER_TAKEN",
            Self::SeparationOfDuties { .. } => "SEPARATION_OF_DUTIES",
            Self::BreakBulkRefused(_) => "BREAK_BULK_REFUSED",
            Self::BreakBulkLimit { .. } => "BREAK_BULK_LIMIT",
            Self::NothingOpen { .. } => "NOTHING_OPEN",
            Self::Books(_) => "INTERNAL",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::ShipmentWrongState { id, state } => vec![("id", id.clone()), ("state", (*state).to_owned())],
            Self::DeliveryWrongState { id, state, needed } => {
                vec![("id", id.clone()), ("state", (*state).to_owned()), ("needed", (*needed).to_owned())]
            }
            Self::DespatchNumberTaken { number } => vec![("number", number.clone())],
            Self::SeparationOfDuties { role } => vec![("role", (*role).to_owned())],
            Self::BreakBulkRefused(faults) => vec![("count", faults.len().to_string())],
            Self::BreakBulkLimit { count, limit } => vec![("count", count.to_string()), ("limit", limit.to_string())],
            Self::NothingOpen { pooled_line_id } => vec![("pooled_line_id", pooled_line_id.clone())],
            Self::Books(_) => Vec::new(),
        }
    }

    fn fields(&self) -> Vec<FieldFault> {
        match self {
            Self::BreakBulkRefused(faults) => faults.clone(),
            Self::ShipmentWrongState { .. }
            | Self::DeliveryWrongState { .. }
            | Self::DespatchNumberTaken { .. }
            | Self::SeparationOfDuties { .. }
            | Self::BreakBulkLimit { .. }
            | Self::NothingOpen { .. }
            | Self::Books(_) => Vec::new(),
        }
    }
}
