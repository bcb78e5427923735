//! What stands around every route, whatever it does.

use std::{any::Any, time::Duration};

use axum::{
    Router,
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue, StatusCode, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use kit::Failure;
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer};
use tracing::Instrument as _;

use crate::{App, error::GatewayError, problem::Problem, reply::page::POLICY, upstream::LONG};

/// Longest a request may take, its retries included.
const DEADLINE: Duration = Duration::from_secs(30);
/// How the routes end that take files, or work on all the needs of a round: a million are more than half a minute's work.
const LONG_ROUTES: [&str; 10] = [
    "/needs/file",
    "/members/file",
    "/codes/file",
    "/consumption/file",
    "/lot-consumption/file",
    "/open-orders/file",
    "/tenders",
    "/consolidate",
    "/plan",
    "/place",
];
/// Header with the trace to quote.
const TRACE_ID: HeaderName = HeaderName::from_static("trace-id");
/// Nothing may be loaded by an answer that is data.
const DATA_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";
/// Pages load their own files only; the documentation page styles itself inline.
const PAGE_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'";

/// Puts the layers around the routes. The last one added is the outermost.
pub fn around(router: Router<App>) -> Router<App> {
    router
        .layer(middleware::from_fn(deadline))
        .layer(CatchPanicLayer::custom(|panic| panicked(&panic)))
        .layer(middleware::from_fn(finish))
        .layer(CompressionLayer::new())
}

/// Answers for an address that is none.
pub async fn no_route(uri: Uri) -> Problem {
    GatewayError::RouteNotFound(uri.path().chars().take(200).collect()).into()
}

async fn deadline(path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let long = path.is_some_and(|path| LONG_ROUTES.iter().any(|end| path.as_str().ends_with(end)));
    let limit = if long { LONG } else { DEADLINE };
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::from(GatewayError::RequestTimedOut { seconds: limit.as_secs() }).into_response(),
    }
}

fn panicked(panic: &Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    Problem::from(Failure::internal(format!("panic: {}", text.unwrap_or("without text")))).into_response()
}

/// Opens the root span, and finishes every answer: problem with path and trace, trace id, security headers, one log line.
async fn finish(path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let route = path.as_ref().map_or("unmatched", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let instance = request.uri().path().to_owned();
    let span = tracing::info_span!(
        "http",
        otel.kind = "server",
        otel.name = format!("{method} {route}"),
        otel.status_code = tracing::field::Empty,
        http.method = %method,
        http.route = route,
        http.status_code = tracing::field::Empty,
    );
    if let Some(parent) = request.headers().get("traceparent").and_then(|value| value.to_str().ok()) {
        kit::telemetry::continue_trace(&span, parent);
    }
    let started = tokio::time::Instant::now();
    let inside = span.clone();
    async move {
        let mut response = next.run(request).await;
        response = with_problem(response, &instance);
        put_headers(&mut response, &route);
        let status = response.status();
        inside.record("http.status_code", status.as_u16());
        if status.is_server_error() {
            inside.record("otel.status_code", "ERROR");
        }
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(%method, route, status = status.as_u16(), milliseconds, "answered");
        response
    }
    .instrument(span)
    .await
}

/// Writes a problem again, now that it is known where it happened. A refusal of the framework becomes one too.
fn with_problem(mut response: Response, instance: &str) -> Response {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        return problem.response(instance);
    }
    let is_text = response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_none_or(|kind| kind.starts_with("text/plain"));
    match response.status() {
        StatusCode::BAD_REQUEST if is_text => {
            Problem::from(GatewayError::QueryMalformed("l'adresse n'est pas lisible".into())).response(instance)
        }
        status if status.is_server_error() && is_text => {
            Problem::from(Failure::internal(format!("the framework answered {status}"))).response(instance)
        }
        _ => response,
    }
}

fn put_headers(response: &mut Response, route: &str) {
    let is_page = route == "/" || route.starts_with("/docs");
    let private = route.starts_with("/v1") && !route.starts_with("/v1/public/");
    let headers = response.headers_mut();
    if let Ok(trace) = HeaderValue::from_str(&kit::telemetry::current_trace_id())
        && !trace.is_empty()
    {
        headers.insert(TRACE_ID, trace);
    }
    let policy = if is_page { PAGE_POLICY } else { DATA_POLICY };
    // A reply link's page says itself what it may load; the link is a secret that no log and no other site gets. So does a label's.
    let policy = if route.starts_with("/r/") || route.starts_with("/label/") { POLICY.as_str() } else { policy };
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, policy),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if private {
        // A client may keep what it can ask about by its tag; nobody in between may.
        let kept = if headers.contains_key(header::ETAG) { "private, no-cache" } else { "no-store" };
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static(kept));
        headers.insert(header::VARY, HeaderValue::from_static("authorization, centrale-acts-for"));
    }
}
