//! Who holds which level of a group's quality label, for everybody: as data and as a page. Nobody logs in; calls are counted by address.

use std::net::SocketAddr;

use axum::{
    Json,
    extract::{ConnectInfo, Query, Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse as _, Response},
};
use proto::{common::v1::Page, membership::v1 as pb};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    App,
    dto::{all, label::PublicLabel},
    error::GatewayError,
    label_page,
    pages::PageParams,
    people::gateway,
    problem::Problem,
    routes::Id,
    upstream::{call, label},
};

/// Rows on a page of data unless asked for otherwise, and on a page for people.
const PAGE_SIZE: i32 = 200;
/// What page tokens of everybody are bound to.
const EVERYBODY: &str = "everybody";
/// How long what is public may be kept by anybody, in seconds.
const KEPT: &str = "public, max-age=300";

pub(super) fn routes() -> OpenApiRouter<App> {
    // The page is not in the OpenAPI document: a page is no interface.
    OpenApiRouter::default().routes(routes!(public_label)).route("/label/{key}", axum::routing::get(shown_page))
}

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    page_size: Option<i32>,
    page_token: Option<String>,
}

/// Who holds which level of a group's quality label: highest level first, then by name.
#[utoipa::path(get, path = "/v1/public/groups/{key}/label", tag = "label", params(PageParams), responses((status = 200, body = PublicLabel)))]
async fn public_label(State(app): State<App>, Id(key): Id, request: Request) -> Result<Response, Problem> {
    let (asked, address) = (asked(&request)?, address_of(&request));
    counted(&app, &address).await?;
    let label = read(&app, &key, asked).await?;
    let mut response = Json(label).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(KEPT));
    Ok(response)
}

/// The same as a page, without scripts.
async fn shown_page(State(app): State<App>, Id(key): Id, request: Request) -> Response {
    let (asked, address) = (asked(&request), address_of(&request));
    let shown = async {
        counted(&app, &address).await?;
        read(&app, &key, asked?).await
    };
    let mut response = match shown.await {
        Ok(label) => Html(label_page::label(&key, &label)).into_response(),
        Err(problem) if problem.status() == StatusCode::NOT_FOUND => {
            (StatusCode::NOT_FOUND, Html(label_page::none())).into_response()
        }
        Err(problem) => (problem.status(), Html(label_page::away())).into_response(),
    };
    let kept = if response.status().is_success() { KEPT } else { "no-store" };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    response
}

fn asked(request: &Request) -> Result<Asked, Problem> {
    let malformed = |text: String| Problem::from(GatewayError::QueryMalformed(text));
    let Query(asked) = Query::<Asked>::try_from_uri(request.uri()).map_err(|error| malformed(error.body_text()))?;
    if !(1..=500).contains(&asked.page_size.unwrap_or(PAGE_SIZE)) {
        return Err(malformed("page_size : 1 à 500".to_owned()));
    }
    Ok(asked)
}

fn address_of(request: &Request) -> String {
    request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_string()).unwrap_or_default()
}

async fn counted(app: &App, address: &str) -> Result<(), Problem> {
    if app.limiter.allows_public(address).await { Ok(()) } else { Err(GatewayError::TooManyRequests.into()) }
}

async fn read(app: &App, key: &str, asked: Asked) -> Result<PublicLabel, Problem> {
    let list = format!("label of {key}");
    let after = match asked.page_token.as_deref() {
        None | Some("") => String::new(),
        Some(token) => app.page_key.open(token, &list, EVERYBODY)?,
    };
    let page = Some(Page { size: asked.page_size.unwrap_or(PAGE_SIZE), after });
    let request = pb::GetPublicLabelRequest { group_key: key.to_owned(), page };
    let answer = call(&app.peers.membership, &gateway(), request, |channel, request| async move {
        label(channel).get_public_label(request).await
    })
    .await?;
    let next = answer.next_after;
    let next_page_token = if next.is_empty() { None } else { Some(app.page_key.seal(&next, &list, EVERYBODY)?) };
    Ok(PublicLabel {
        group_name: answer.group_name,
        counts: all(answer.counts),
        holders: all(answer.holders),
        next_page_token,
    })
}
