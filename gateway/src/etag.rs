//! Entity tags are versions: `"7"`. `If-None-Match` saves a body, `If-Match` refuses a change of what has changed since.

use axum::{
    Json,
    body::Bytes,
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{error::GatewayError, problem::Problem};

/// Any version.
const ANY: i64 = 0;

/// A body with its version, or 304 where the client has it already.
pub fn tagged(headers: &HeaderMap, version: i64, body: impl Serialize) -> Response {
    with_tag(headers, version, || Json(body).into_response())
}

/// As [`tagged`] for a body that is JSON already.
pub fn tagged_json(headers: &HeaderMap, version: i64, body: Bytes) -> Response {
    let kind = HeaderValue::from_static("application/json");
    with_tag(headers, version, || ([(header::CONTENT_TYPE, kind)], body).into_response())
}

fn with_tag(headers: &HeaderMap, version: i64, body: impl FnOnce() -> Response) -> Response {
    let tag = tag(version);
    let has_it = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .any(|one| one.trim() == "*" || one.trim().trim_start_matches("W/") == tag);
    let mut response = if has_it { StatusCode::NOT_MODIFIED.into_response() } else { body() };
    put(&mut response, &tag);
    response
}

/// A body after a change, with its new version.
pub fn changed(version: i64, body: impl Serialize) -> Response {
    let mut response = Json(body).into_response();
    put(&mut response, &tag(version));
    response
}

fn put(response: &mut Response, tag: &str) {
    if let Ok(value) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(header::ETAG, value);
    }
}

fn tag(version: i64) -> String {
    format!("\"{version}\"")
}

/// The version that a change is based on; `0` for any, by `If-Match: *`. Without the header: 428.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IfMatch(pub i64);

/// The version that a change is based on; `0` for any, by `If-Match: *` or without the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IfMatchMaybe(pub i64);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match version(&parts.headers)? {
            Some(version) => Ok(Self(version)),
            None => Err(GatewayError::IfMatchMissing.into()),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatchMaybe {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(version(&parts.headers)?.unwrap_or(ANY)))
    }
}

fn version(headers: &HeaderMap) -> Result<Option<i64>, GatewayError> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(Some(ANY));
    }
    let digits = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match digits.and_then(|digits| digits.parse::<i64>().ok()) {
        Some(version) if version > ANY => Ok(Some(version)),
        Some(_) | None => Err(GatewayError::IfMatchMalformed(text.chars().take(60).collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn a_client_that_has_the_version_gets_no_body() {
        for (value, status) in
            [("\"7\"", 304), ("W/\"7\"", 304), ("\"1\", \"7\"", 304), ("*", 304), ("\"8\"", 200), ("7", 200)]
        {
            let response = tagged(&with(header::IF_NONE_MATCH, value), 7, "body");
            assert_eq!(response.status().as_u16(), status, "{value}");
            assert_eq!(response.headers()[header::ETAG], "\"7\"");
        }
        assert_eq!(tagged(&HeaderMap::new(), 7, "body").status().as_u16(), 200);
    }

    #[test]
    fn if_match_reads_our_tags_only() {
        assert_eq!(version(&with(header::IF_MATCH, "\"12\"")), Ok(Some(12)));
        assert_eq!(version(&with(header::IF_MATCH, "*")), Ok(Some(0)));
        assert_eq!(version(&HeaderMap::new()), Ok(None));
        for value in ["12", "\"0\"", "\"-1\"", "W/\"12\"", "\"a\"", "\"1\", \"2\""] {
            assert!(version(&with(header::IF_MATCH, value)).is_err(), "{value}");
        }
    }
}
