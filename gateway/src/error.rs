//! What the gateway itself refuses, before any service is asked. Services' refusals pass through unchanged.

use kit::error::{DomainError, ErrorKind, FieldFault};

/// A refusal of the gateway.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// No such address.
    #[error("no such route: {0}")]
    RouteNotFound(String),
    /// The address exists, but not for this method.
    #[error("method {method} not allowed, only {allowed}")]
    MethodNotAllowed {
        /// What was used.
        method: String,
        /// What would do, comma-separated.
        allowed: String,
    },
    /// No bearer token.
    #[error("no bearer token")]
    TokenMissing,
    /// A token that is not accepted.
    #[error("token refused: {0}")]
    TokenRefused(String),
    /// A good token of somebody who is not registered.
    #[error("nobody is registered as {subject} of {issuer}")]
    PersonNotRegistered {
        /// Issuer of the token.
        issuer: String,
        /// Subject of the token.
        subject: String,
    },
    /// The person may act for several parties and did not say for which.
    #[error("several parties to act for: {0}")]
    ActsForAmbiguous(String),
    /// The header names a party for which the person may not act here.
    #[error("may not act for {0} here")]
    ActsForNotAllowed(String),
    /// A change without an `Idempotency-Key`.
    #[error("no Idempotency-Key")]
    IdempotencyKeyMissing,
    /// An `Idempotency-Key` that is empty, too long or not text.
    #[error("Idempotency-Key must be 1 to 200 characters")]
    IdempotencyKeyMalformed,
    /// A change that must say which version it is based on.
    #[error("no If-Match")]
    IfMatchMissing,
    /// An `If-Match` that is not an entity tag of ours.
    #[error("If-Match is not an entity tag of ours: {0}")]
    IfMatchMalformed(String),
    /// A page token that was not given for this list and person.
    #[error("page token refused: {0}")]
    PageTokenInvalid(&'static str),
    /// A query parameter that is unknown or malformed.
    #[error("query: {0}")]
    QueryMalformed(String),
    /// A body that is not JSON.
    #[error("body is not JSON: {0}")]
    BodyMalformed(String),
    /// A JSON body that does not fit the contract.
    #[error("body: {field}: {detail}")]
    BodyInvalid {
        /// Path in the body.
        field: String,
        /// What is wrong.
        detail: String,
    },
    /// A body in another format.
    #[error("content type must be {0}")]
    MediaTypeNotSupported(&'static str),
    /// A body over the limit.
    #[error("body over {limit_bytes} bytes")]
    BodyTooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// A body that broke off.
    #[error("body broke off")]
    BodyIncomplete,
    /// The request took too long.
    #[error("not done after {seconds} s")]
    RequestTimedOut {
        /// The limit.
        seconds: u64,
    },
    /// Too many logins.
    #[error("too many logins")]
    TooManyLogins,
    /// Too many reads of what is public.
    #[error("too many requests")]
    TooManyRequests,
    /// Services that are not ready.
    #[error("not ready: {0}")]
    ServicesNotReady(String),
}

impl DomainError for GatewayError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::RouteNotFound(_) | Self::MethodNotAllowed { .. } => ErrorKind::NotFound,
            Self::TokenMissing | Self::TokenRefused(_) => ErrorKind::Unauthenticated,
            Self::PersonNotRegistered { .. } | Self::ActsForNotAllowed(_) => ErrorKind::Denied,
            Self::ActsForAmbiguous(_)
            | Self::IdempotencyKeyMissing
            | Self::IdempotencyKeyMalformed
            | Self::IfMatchMissing
            | Self::IfMatchMalformed(_)
            | Self::PageTokenInvalid(_)
            | Self::QueryMalformed(_)
            | Self::BodyMalformed(_)
            | Self::BodyInvalid { .. }
            | Self::MediaTypeNotSupported(_)
            | Self::BodyTooLarge { .. }
            | Self::BodyIncomplete => ErrorKind::Invalid,
            Self::RequestTimedOut { .. } => ErrorKind::TimedOut,
            Self::TooManyLogins | Self::TooManyRequests => ErrorKind::Busy,
            Self::ServicesNotReady(_) => ErrorKind::Unavailable,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::RouteNotFound(_) => "ROUTE_NOT_FOUND",
            Self::MethodNotAllowed { .. } => "METHOD_NOT_ALLOWED",
            Self::TokenMissing => "TOKEN_MISSING",
            Self::TokenRefused(_) => "TOKEN_REFUSED",
            Self::PersonNotRegistered { .. } => "PERSON_NOT_REGISTERED",
            Self::ActsForAmbiguous(_) => "ACTS_FOR_AMBIGUOUS",
            Self::ActsForNotAllowed(_) => "ACTS_FOR_NOT_ALLOWED",
            Self::IdempotencyKeyMissing => "IDEMPOTENCY_KEY_MISSING",
            Self::IdempotencyKeyMalformed => "IDEMPOTENCY_KEY_MALFORMED",
            Self::IfMatchMissing => "IF_MATCH_MISSING",
            Self::IfMatchMalformed(_) => "IF_MATCH_MALFORMED",
            Self::PageTokenInvalid(_) => "PAGE_TOKEN_INVALID",
            Self::QueryMalformed(_) => "QUERY_MALFORMED",
            Self::BodyMalformed(_) => "BODY_MALFORMED",
            Self::BodyInvalid { .. } => "BODY_INVALID",
            Self::MediaTypeNotSupported(_) => "MEDIA_TYPE_NOT_SUPPORTED",
            Self::BodyTooLarge { .. } => "BODY_TOO_LARGE",
            Self::BodyIncomplete => "BODY_INCOMPLETE",
            Self::RequestTimedOut { .. } => "REQUEST_TIMED_OUT",
            Self::TooManyLogins => "TOO_MANY_LOGINS",
            Self::TooManyRequests => "TOO_MANY_REQUESTS",
            Self::ServicesNotReady(_) => "SERVICES_NOT_READY",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::RouteNotFound(path) => vec![("path", path.clone())],
            Self::MethodNotAllowed { method, allowed } => {
                vec![("method", method.clone()), ("allowed", allowed.clone())]
            }
            Self::PersonNotRegistered { issuer, subject } => {
                vec![("issuer", issuer.clone()), ("subject", subject.clone())]
            }
            Self::ActsForAmbiguous(parties) => vec![("parties", parties.clone())],
            Self::ActsForNotAllowed(party) => vec![("party", party.clone())],
            Self::MediaTypeNotSupported(wanted) => vec![("wanted", (*wanted).to_owned())],
            Self::BodyTooLarge { limit_bytes } => vec![("limit_bytes", limit_bytes.to_string())],
            Self::RequestTimedOut { seconds } => vec![("seconds", seconds.to_string())],
            Self::ServicesNotReady(services) => vec![("services", services.clone())],
            Self::IfMatchMalformed(value) => vec![("value", value.clone())],
            // Why a token is refused stays in the log: it would help whoever forges one.
            Self::TokenMissing
            | Self::TokenRefused(_)
            | Self::IdempotencyKeyMissing
            | Self::IdempotencyKeyMalformed
            | Self::IfMatchMissing
            | Self::PageTokenInvalid(_)
            | Self::QueryMalformed(_)
            | Self::BodyMalformed(_)
            | Self::BodyInvalid { .. }
            | Self::BodyIncomplete
            | Self::TooManyLogins
            | Self::TooManyRequests => Vec::new(),
        }
    }

    fn fields(&self) -> Vec<FieldFault> {
        match self {
            Self::BodyInvalid { field, detail } => vec![FieldFault::new(field.clone(), detail.clone())],
            Self::BodyMalformed(detail) => vec![FieldFault::new("", detail.clone())],
            Self::QueryMalformed(detail) => vec![FieldFault::new("query", detail.clone())],
            Self::RouteNotFound(_)
            | Self::MethodNotAllowed { .. }
            | Self::TokenMissing
            | Self::TokenRefused(_)
            | Self::PersonNotRegistered { .. }
            | Self::ActsForAmbiguous(_)
            | Self::ActsForNotAllowed(_)
            | Self::IdempotencyKeyMissing
            | Self::IdempotencyKeyMalformed
            | Self::IfMatchMissing
            | Self::IfMatchMalformed(_)
            | Self::PageTokenInvalid(_)
            | Self::MediaTypeNotSupported(_)
            | Self::BodyTooLarge { .. }
            | Self::BodyIncomplete
            | Self::RequestTimedOut { .. }
            | Self::TooManyLogins
            | Self::TooManyRequests
            | Self::ServicesNotReady(_) => Vec::new(),
        }
    }
}
