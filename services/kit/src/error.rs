//! One error model from domain to gRPC to RFC 9457. A domain error says what it means; only [`Failure::into_status`]
//! picks a gRPC code, and only the gateway's `problem.rs` picks an HTTP status.

use std::{collections::HashMap, fmt};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// Longest value of a cell repeated in an answer, in characters.
const VALUE_SHOWN: usize = 100;

/// What an error means for the caller. A closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The input is wrong: mend it.
    Invalid,
    /// Not there, or not yours where its existence is secret.
    NotFound,
    /// Already there.
    AlreadyExists,
    /// Not in this state, or not at this time.
    NotNow,
    /// The caller's copy is old: read again.
    Stale,
    /// Not allowed.
    Denied,
    /// Not known who calls.
    Unauthenticated,
    /// Too much at once: back off.
    Busy,
    /// Try again with the same request id.
    Unavailable,
    /// Took too long; try again with the same request id.
    TimedOut,
    /// A bug or a corrupt row.
    Internal,
}

impl ErrorKind {
    /// The gRPC code.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::Invalid => Code::InvalidArgument,
            Self::NotFound => Code::NotFound,
            Self::AlreadyExists => Code::AlreadyExists,
            Self::NotNow => Code::FailedPrecondition,
            Self::Stale => Code::Aborted,
            Self::Denied => Code::PermissionDenied,
            Self::Unauthenticated => Code::Unauthenticated,
            Self::Busy => Code::ResourceExhausted,
            Self::Unavailable => Code::Unavailable,
            Self::TimedOut => Code::DeadlineExceeded,
            Self::Internal => Code::Internal,
        }
    }
}

/// A fault in one field of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFault {
    /// Path, e.g. `needs[3].quantity`.
    pub field: String,
    /// What is wrong and how to mend it.
    pub detail: String,
}

impl FieldFault {
    /// A fault at a path.
    pub fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), detail: detail.into() }
    }
}

/// A fault in a row of a batch or a file, in French.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFault {
    /// Row, from 1.
    pub row: i64,
    /// Technical name of the column, or field of the JSON object.
    pub column: &'static str,
    /// What stood there.
    pub value: String,
    /// What is wrong.
    pub problem: String,
    /// How to mend it.
    pub remedy: String,
}

impl From<RowFault> for proto::common::v1::RowError {
    fn from(fault: RowFault) -> Self {
        let RowFault { row, column, value, problem, remedy } = fault;
        Self { row, column: column.to_owned(), value: value.chars().take(VALUE_SHOWN).collect(), problem, remedy }
    }
}

/// What a service's own error type tells about itself. `Display` is English for logs; people read the gateway's text for
/// [`DomainError::reason`], filled from [`DomainError::metadata`].
pub trait DomainError: std::error::Error + Send + Sync + 'static {
    /// What it means.
    fn kind(&self) -> ErrorKind;
    /// Stable name, e.g. `CEILING_EXCEEDED`.
    fn reason(&self) -> &'static str;
    /// Every variable of the text.
    fn metadata(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
    /// Every faulty field of the input.
    fn fields(&self) -> Vec<FieldFault> {
        Vec::new()
    }
}

/// Errors that any service can meet.
#[derive(Debug, thiserror::Error)]
pub enum CommonError {
    /// Input that does not fit the contract.
    #[error("invalid input: {}", .0.iter().map(|f| format!("{}: {}", f.field, f.detail)).collect::<Vec<_>>().join("; "))]
    InvalidInput(Vec<FieldFault>),
    /// A thing that is not there, or not the caller's.
    #[error("{what} {id} not found")]
    NotFound {
        /// What it is, e.g. `round`.
        what: &'static str,
        /// Its id as asked.
        id: String,
    },
    /// The caller's role does not allow the call.
    #[error("role not allowed: {needed} needed")]
    RoleNotAllowed {
        /// What would do.
        needed: String,
    },
    /// No valid identity came with the call.
    #[error("not authenticated: {0}")]
    NotAuthenticated(String),
    /// The caller has seen an older version.
    #[error("{what} {id} has changed since it was read: version {seen} seen, {now} now")]
    VersionChanged {
        /// What it is.
        what: &'static str,
        /// Its id.
        id: String,
        /// Version that the caller has seen.
        seen: i64,
        /// Version now.
        now: i64,
    },
    /// The same request id with another body.
    #[error("request id {0} was used for another request")]
    RequestIdReused(String),
    /// The session names no group where one is needed, or no party.
    #[error("wrong session: {0}")]
    WrongSession(&'static str),
    /// Another command holds what this one needs, or a dependency is away.
    #[error("temporarily unavailable: {0}")]
    Unavailable(String),
    /// A bug or a corrupt row. The text stays in the log.
    #[error("internal: {0}")]
    Internal(String),
}

impl DomainError for CommonError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidInput(_) | Self::RequestIdReused(_) => ErrorKind::Invalid,
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::RoleNotAllowed { .. } | Self::WrongSession(_) => ErrorKind::Denied,
            Self::NotAuthenticated(_) => ErrorKind::Unauthenticated,
            Self::VersionChanged { .. } => ErrorKind::Stale,
            Self::Unavailable(_) => ErrorKind::Unavailable,
            Self::Internal(_) => ErrorKind::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::InvalidInput(_) => "INVALID_INPUT",
            Self::NotFound { .. } => "NOT_FOUND",
            Self::RoleNotAllowed { .. } => "ROLE_NOT_ALLOWED",
            Self::NotAuthenticated(_) => "NOT_AUTHENTICATED",
            Self::VersionChanged { .. } => "VERSION_CHANGED",
            Self::RequestIdReused(_) => "REQUEST_ID_REUSED",
            Self::WrongSession(_) => "WRONG_SESSION",
            Self::Unavailable(_) => "UNAVAILABLE",
            Self::Internal(_) => "INTERNAL",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::NotFound { what, id } => vec![("what", (*what).to_owned()), ("id", id.clone())],
            Self::RoleNotAllowed { needed } => vec![("needed", needed.clone())],
            Self::VersionChanged { what, id, seen, now } => {
                vec![
                    ("what", (*what).to_owned()),
                    ("id", id.clone()),
                    ("seen", seen.to_string()),
                    ("now", now.to_string()),
                ]
            }
            Self::RequestIdReused(id) => vec![("request_id", id.clone())],
            Self::WrongSession(needed) => vec![("needed", (*needed).to_owned())],
            Self::InvalidInput(_) | Self::NotAuthenticated(_) | Self::Unavailable(_) | Self::Internal(_) => Vec::new(),
        }
    }

    fn fields(&self) -> Vec<FieldFault> {
        match self {
            Self::InvalidInput(faults) => faults.clone(),
            Self::NotFound { .. }
            | Self::RoleNotAllowed { .. }
            | Self::NotAuthenticated(_)
            | Self::VersionChanged { .. }
            | Self::RequestIdReused(_)
            | Self::WrongSession(_)
            | Self::Unavailable(_)
            | Self::Internal(_) => Vec::new(),
        }
    }
}

/// Any error of a command: a domain error, a database error, or the answer of another service.
pub enum Failure {
    /// A meaning, ours.
    Domain(Box<dyn DomainError>),
    /// A meaning that another service gave, passed on.
    Remote(Box<Status>),
    /// The database's.
    #[cfg(feature = "db")]
    Database(sqlx::Error),
}

impl Failure {
    /// Input faults, all at once.
    #[must_use]
    pub fn invalid(faults: Vec<FieldFault>) -> Self {
        CommonError::InvalidInput(faults).into()
    }

    /// One input fault.
    pub fn invalid_field(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::invalid(vec![FieldFault::new(field, detail)])
    }

    /// Something that is not there, or not the caller's.
    pub fn not_found(what: &'static str, id: impl fmt::Display) -> Self {
        CommonError::NotFound { what, id: id.to_string() }.into()
    }

    /// A bug or a corrupt row; the text stays in the log.
    pub fn internal(text: impl fmt::Display) -> Self {
        CommonError::Internal(text.to_string()).into()
    }

    /// Whether trying again with the same request id can help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Domain(error) => {
                matches!(
                    error.kind(),
                    ErrorKind::Unavailable | ErrorKind::TimedOut | ErrorKind::Busy | ErrorKind::Stale
                )
            }
            Self::Remote(status) => matches!(
                status.code(),
                Code::Unavailable
                    | Code::DeadlineExceeded
                    | Code::ResourceExhausted
                    | Code::Aborted
                    | Code::Cancelled
                    | Code::Unknown
            ),
            #[cfg(feature = "db")]
            Self::Database(_) => true,
        }
    }

    /// The stable name of what went wrong.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Domain(error) => error.reason().to_owned(),
            Self::Remote(status) => {
                status.get_details_error_info().map_or_else(|| "INTERNAL".to_owned(), |info| info.reason)
            }
            #[cfg(feature = "db")]
            Self::Database(_) => "INTERNAL".to_owned(),
        }
    }

    /// The variables of the text.
    #[must_use]
    pub fn metadata(&self) -> HashMap<String, String> {
        match self {
            Self::Domain(error) => error.metadata().into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            Self::Remote(status) => status.get_details_error_info().map(|info| info.metadata).unwrap_or_default(),
            #[cfg(feature = "db")]
            Self::Database(_) => HashMap::new(),
        }
    }

    /// The gRPC status, with `ErrorInfo` and field violations. Logs internal errors, once, here.
    #[must_use]
    pub fn into_status(self) -> Status {
        let error: Box<dyn DomainError> = match self {
            Self::Remote(status) => return *status,
            Self::Domain(error) => error,
            #[cfg(feature = "db")]
            Self::Database(error) => Box::new(crate::db::meaning(error)),
        };
        let kind = error.kind();
        let message = match kind {
            ErrorKind::Internal => {
                tracing::error!(reason = error.reason(), error = %error, "internal error");
                "internal error".to_owned()
            }
            ErrorKind::Invalid
            | ErrorKind::NotFound
            | ErrorKind::AlreadyExists
            | ErrorKind::NotNow
            | ErrorKind::Stale
            | ErrorKind::Denied
            | ErrorKind::Unauthenticated
            | ErrorKind::Busy
            | ErrorKind::Unavailable
            | ErrorKind::TimedOut => error.to_string(),
        };
        let metadata: HashMap<String, String> =
            error.metadata().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let mut details = ErrorDetails::with_error_info(error.reason(), "centrale", metadata);
        // Statuses travel in headers: keep them small. Batches answer with their own list of faults.
        for fault in error.fields().into_iter().take(50) {
            details.add_bad_request_violation(fault.field, fault.detail);
        }
        let message: String = message.chars().take(500).collect();
        Status::with_error_details(kind.code(), message, details)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(error) => write!(f, "{}: {error}", error.reason()),
            Self::Remote(status) => write!(f, "{}: {}", self.reason(), status.message()),
            #[cfg(feature = "db")]
            Self::Database(error) => write!(f, "database: {error}"),
        }
    }
}

impl<E: DomainError> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Domain(Box::new(error))
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Remote(Box::new(status))
    }
}

#[cfg(feature = "db")]
impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        failure.into_status()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_error_keeps_reason_metadata_and_fields_on_the_wire() {
        let status = Failure::from(CommonError::VersionChanged { what: "need", id: "ned_1".into(), seen: 1, now: 2 })
            .into_status();
        assert_eq!(status.code(), Code::Aborted);
        let failure = Failure::from(status);
        assert_eq!(failure.reason(), "VERSION_CHANGED");
        assert_eq!(failure.metadata()["now"], "2");
        assert!(failure.is_transient());

        let status = Failure::invalid_field("quantity", "must be at least 1").into_status();
        let violations = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, "quantity");
    }

    #[test]
    fn an_internal_error_does_not_tell_its_text() {
        let status = Failure::internal("secret detail").into_status();
        assert_eq!(status.message(), "internal error");
    }
}
