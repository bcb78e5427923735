//! RFC 9457 problem details: the only place that picks an HTTP status (`style.md` 4.2, FAILED_PRECONDITION being 409:
//! it tells a web client more than 400).

use std::collections::BTreeMap;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use kit::Failure;
use proto::common::v1 as pb;
use serde::Serialize;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use utoipa::ToSchema;

use crate::{error::GatewayError, texts::FRENCH};

/// Seconds after which a busy or absent part may be asked again.
const RETRY_AFTER_S: u32 = 2;
/// Seconds after which a blocked login may be tried again.
const LOGIN_RETRY_AFTER_S: u32 = 60;
/// Most faults told in one answer.
const ERRORS_TOLD: usize = 1_000;

/// What went wrong with a request (RFC 9457).
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Address of the explanation, `/problems/` and the code in lower case with hyphens.
    #[serde(rename = "type")]
    #[schema(example = "/problems/ceiling-exceeded")]
    pub kind: String,
    /// Short, in French, the same for every occurrence.
    #[schema(example = "Plafond dépassé")]
    pub title: String,
    /// HTTP status.
    #[schema(example = 409)]
    pub status: u16,
    /// This occurrence, in French, with its figures.
    pub detail: String,
    /// Path of the request.
    #[schema(example = "/v1/groups/grp_0198c2f07a3b7c11a2d34e5f60718293/rounds")]
    pub instance: String,
    /// Stable name for programs.
    #[schema(example = "CEILING_EXCEEDED")]
    pub code: String,
    /// Every fault found in the input, at most 1,000; all are in a refused file given back as a workbook.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
    /// How many faults there are in all, for batches and files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_count: Option<i64>,
    /// Trace to quote when reporting the problem, 32 hexadecimal digits.
    pub trace_id: String,
    /// The figures used in `detail`, by name; amounts in cents EUR.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub figures: BTreeMap<String, String>,
}

/// A fault in the input: of a field, or of a cell where the input has rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Fault {
    /// Of a field of a JSON body or the query.
    Field(FieldFault),
    /// Of a cell of a batch or a file.
    Cell(CellFault),
}

/// A fault in a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldFault {
    /// Path, as in `needs[3].quantity`; empty for the whole body.
    #[schema(example = "round.closes_at")]
    pub field: String,
    /// What is wrong and how to mend it.
    pub detail: String,
}

/// A fault in a cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CellFault {
    /// Row, 1 for the first after the header, which is row 0.
    #[schema(example = 17)]
    pub row: i64,
    /// Column as in the header, or field of the JSON object; empty for the whole row.
    #[schema(example = "quantity")]
    pub column: String,
    /// What stands there, cut at 100 characters.
    #[schema(example = "12,5")]
    pub value: String,
    /// What is wrong, in French.
    pub problem: String,
    /// How to mend it, in French.
    pub remedy: String,
}

impl From<pb::RowError> for CellFault {
    fn from(error: pb::RowError) -> Self {
        let pb::RowError { row, column, value, problem, remedy } = error;
        Self { row, column, value, problem, remedy }
    }
}

/// A problem on its way to the client. The outermost layer adds where it happened ([`Problem::body`]).
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    code: String,
    figures: BTreeMap<String, String>,
    errors: Vec<Fault>,
    error_count: Option<i64>,
}

impl Problem {
    /// Rows that were refused, all of them: nothing was changed.
    #[must_use]
    pub fn rows(code: &'static str, error_count: i64, errors: Vec<CellFault>) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            code: code.to_owned(),
            figures: BTreeMap::from([("error_count".to_owned(), error_count.to_string())]),
            errors: errors.into_iter().take(ERRORS_TOLD).map(Fault::Cell).collect(),
            error_count: Some(error_count),
        }
    }

    /// The document, once it is known where it happened.
    #[must_use]
    pub fn body(&self, instance: &str) -> ProblemBody {
        let text = FRENCH.of(&self.code);
        ProblemBody {
            kind: format!("/problems/{}", self.code.to_lowercase().replace('_', "-")),
            title: text.title.clone(),
            status: self.status.as_u16(),
            detail: FRENCH.fill(&text.detail, &self.figures),
            instance: instance.to_owned(),
            code: self.code.clone(),
            errors: self.errors.clone(),
            error_count: self.error_count,
            trace_id: kit::telemetry::current_trace_id(),
            figures: self.figures.clone(),
        }
    }

    /// The stable name.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The answer, for where it happened.
    #[must_use]
    pub fn response(&self, instance: &str) -> Response {
        let mut response = (self.status, Json(self.body(instance))).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static("fr"));
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = if self.code == "TOKEN_MISSING" { "Bearer" } else { "Bearer error=\"invalid_token\"" };
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if matches!(self.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            let told = self.figures.get("retry_after_s").and_then(|seconds| seconds.parse().ok());
            let usual = if self.code == "TOO_MANY_LOGINS" { LOGIN_RETRY_AFTER_S } else { RETRY_AFTER_S };
            headers.insert(header::RETRY_AFTER, HeaderValue::from(told.unwrap_or(usual)));
        }
        if let Some(allowed) = self.figures.get("allowed").and_then(|allowed| HeaderValue::from_str(allowed).ok())
            && self.status == StatusCode::METHOD_NOT_ALLOWED
        {
            headers.insert(header::ALLOW, allowed);
        }
        response
    }
}

/// The HTTP status of a refusal. The gateway's own refusals say more than a gRPC code can; any other goes by its code.
#[must_use]
pub fn status_of(code: Code, reason: &str) -> StatusCode {
    match reason {
        "METHOD_NOT_ALLOWED" => return StatusCode::METHOD_NOT_ALLOWED,
        "BODY_TOO_LARGE" => return StatusCode::PAYLOAD_TOO_LARGE,
        "MEDIA_TYPE_NOT_SUPPORTED" => return StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "IF_MATCH_MISSING" => return StatusCode::PRECONDITION_REQUIRED,
        _ => {}
    }
    match code {
        Code::InvalidArgument | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::FailedPrecondition | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded | Code::Cancelled => StatusCode::GATEWAY_TIMEOUT,
        Code::Ok | Code::Unknown | Code::Internal | Code::Unimplemented | Code::DataLoss => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

/// The reason of a status that carries none: it comes from the transport, not from a service's rules.
const fn reason_of_transport(code: Code) -> &'static str {
    match code {
        Code::Unavailable => "UNAVAILABLE",
        Code::DeadlineExceeded | Code::Cancelled => "TIMED_OUT",
        Code::ResourceExhausted => "BUSY",
        Code::Unauthenticated => "NOT_AUTHENTICATED",
        Code::PermissionDenied => "ROLE_NOT_ALLOWED",
        Code::NotFound => "NOT_FOUND",
        Code::InvalidArgument | Code::OutOfRange => "INVALID_INPUT",
        Code::Ok
        | Code::Unknown
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::Unimplemented
        | Code::Internal
        | Code::DataLoss => "INTERNAL",
    }
}

impl From<Status> for Problem {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let (reason, figures) = match details.error_info() {
            Some(info) => (info.reason.clone(), info.metadata.clone().into_iter().collect()),
            None => {
                tracing::warn!(code = ?status.code(), error = status.message(), "a service's answer has no reason");
                (reason_of_transport(status.code()).to_owned(), BTreeMap::new())
            }
        };
        let errors = details.bad_request().map_or_else(Vec::new, |bad| {
            bad.field_violations
                .iter()
                .map(|fault| Fault::Field(FieldFault { field: fault.field.clone(), detail: fault.description.clone() }))
                .collect()
        });
        Self { status: status_of(status.code(), &reason), code: reason, figures, errors, error_count: None }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        failure.into_status().into()
    }
}

impl From<GatewayError> for Problem {
    fn from(error: GatewayError) -> Self {
        Failure::from(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.response("");
        // The outermost layer writes it again with the path.
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use kit::error::{CommonError, ErrorKind};

    use super::*;

    #[test]
    fn every_kind_of_error_has_its_status() {
        let expected = [
            (ErrorKind::Invalid, 400),
            (ErrorKind::NotFound, 404),
            (ErrorKind::AlreadyExists, 409),
            (ErrorKind::NotNow, 409),
            (ErrorKind::Stale, 409),
            (ErrorKind::Denied, 403),
            (ErrorKind::Unauthenticated, 401),
            (ErrorKind::Busy, 429),
            (ErrorKind::Unavailable, 503),
            (ErrorKind::TimedOut, 504),
            (ErrorKind::Internal, 500),
        ];
        for (kind, status) in expected {
            assert_eq!(status_of(kind.code(), "ANY").as_u16(), status, "{kind:?}");
        }
        assert_eq!(Problem::from(GatewayError::IfMatchMissing).status().as_u16(), 428);
        assert_eq!(Problem::from(GatewayError::BodyTooLarge { limit_bytes: 1 }).status().as_u16(), 413);
        assert_eq!(Problem::from(GatewayError::MediaTypeNotSupported("text/csv")).status().as_u16(), 415);
    }

    #[test]
    fn a_refusal_of_a_service_keeps_its_reason_figures_and_fields() {
        let error = CommonError::VersionChanged { what: "need", id: "ned_1".into(), seen: 1, now: 2 };
        let body = Problem::from(Failure::from(error)).body("/v1/x");
        assert_eq!(
            (body.status, body.code.as_str(), body.kind.as_str()),
            (409, "VERSION_CHANGED", "/problems/version-changed")
        );
        assert_eq!((body.figures["now"].as_str(), body.instance.as_str()), ("2", "/v1/x"));
        assert!(body.detail.contains("le besoin"), "{}", body.detail);

        let body = Problem::from(Failure::invalid_field("quantity", "au moins 1")).body("/");
        assert_eq!(body.errors, [Fault::Field(FieldFault { field: "quantity".into(), detail: "au moins 1".into() })]);
    }

    #[test]
    fn a_reason_without_a_text_is_still_told_in_french() {
        let status = tonic::Status::new(Code::FailedPrecondition, "english");
        let details =
            tonic_types::ErrorDetails::with_error_info("SOMETHING_NEW", "centrale", std::collections::HashMap::new());
        let status = Status::with_error_details(status.code(), status.message(), details);
        let body = Problem::from(status).body("/");
        assert_eq!(body.code, "SOMETHING_NEW");
        assert!(!body.title.is_empty() && !body.detail.contains("english"));
    }

    #[test]
    fn a_broken_connection_tells_nothing_of_the_inside() {
        let body = Problem::from(Status::unavailable("tcp connect error 127.0.0.1:7403")).body("/");
        assert_eq!((body.status, body.code.as_str()), (503, "UNAVAILABLE"));
        assert!(!serde_json::to_string(&body).unwrap().contains("127.0.0.1"));
    }

    #[test]
    fn answers_have_the_headers_that_their_status_asks_for() {
        let header = |problem: Problem, name: &str| {
            problem.response("/").headers().get(name).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(header(GatewayError::TokenMissing.into(), "www-authenticate").as_deref(), Some("Bearer"));
        assert_eq!(header(GatewayError::TooManyLogins.into(), "retry-after").as_deref(), Some("60"));
        let refused = GatewayError::MethodNotAllowed { method: "PUT".into(), allowed: "GET, POST".into() };
        assert_eq!(header(refused.clone().into(), "allow").as_deref(), Some("GET, POST"));
        assert_eq!(header(refused.into(), "content-type").as_deref(), Some("application/problem+json"));
    }
}
