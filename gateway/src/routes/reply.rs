//! Answering an order by the signed link in its e-mail, without an account: pages for people, not for programs.
//!
//! A link opens a session of its supplier for one order: it reads as that supplier and answers as that supplier, marked
//! EMAIL_LINK. Whatever is wrong with a link, the answer is the same page.

use std::net::SocketAddr;

use axum::{
    extract::{ConnectInfo, Path, Query, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse as _, Redirect, Response},
};
use kit::{
    Failure,
    identity::{Caller, Role, Scope},
};
use proto::demand::v1::{AnswerOrderRequest, LineAnswer, PooledOrderState};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use crate::{
    App,
    body::whole,
    order_file::{
        self, Format,
        gather::{self, Source},
        sheet::Sheet,
    },
    reply::{form::Filled, page, token::Link},
    upstream::{call, demand},
};

/// Largest form: every line of a large order with reasons.
const FORM_LIMIT: usize = 4 << 20;

pub(super) fn routes() -> OpenApiRouter<App> {
    // Not in the OpenAPI document: a page is no interface.
    OpenApiRouter::default().route("/r/{token}", axum::routing::get(show).post(answer))
}

/// Why there is no page of an order.
enum Away {
    NoSuchLink,
    TooMany,
    Unavailable,
}

impl From<Failure> for Away {
    fn from(failure: Failure) -> Self {
        if failure.reason() == "NOT_FOUND" {
            return Self::NoSuchLink;
        }
        tracing::warn!(error = %failure, "no page for a reply link");
        Self::Unavailable
    }
}

impl Away {
    fn response(&self) -> Response {
        match self {
            Self::NoSuchLink => (StatusCode::NOT_FOUND, Html(page::no_such_link())).into_response(),
            Self::TooMany => (StatusCode::TOO_MANY_REQUESTS, Html(page::too_many())).into_response(),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, Html(page::unavailable())).into_response(),
        }
    }
}

/// Puts on every page that it is for one reader only.
fn finished(result: Result<Response, Away>) -> Response {
    let mut response = result.unwrap_or_else(|away| away.response());
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow"));
    response
}

/// What is wanted of a link.
#[derive(Deserialize)]
struct Wanted {
    /// The order as a file instead of a page.
    file: Option<Format>,
}

async fn show(
    State(app): State<App>,
    Path(token): Path<String>,
    wanted: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
    request: Request,
) -> Response {
    let file = wanted.ok().and_then(|wanted| wanted.0.file);
    finished(shown(&app, &token, file, &address_of(&request)).await)
}

async fn shown(app: &App, token: &str, file: Option<Format>, address: &str) -> Result<Response, Away> {
    let link = opened(app, token, address).await?;
    let source = order_of(app, link).await?;
    if let Some(format) = file {
        let file = order_file::written(app, source, &[format]).await?.remove(0);
        let name = format!("attachment; filename=\"{}\"", file.name);
        let headers = [(header::CONTENT_TYPE, format.media_type().to_owned()), (header::CONTENT_DISPOSITION, name)];
        return Ok((headers, file.content).into_response());
    }
    let sheet = Sheet::of(&source)?;
    let filled = Filled::untouched(&sheet.articles);
    Ok(Html(page::order(&source.order, &sheet, &filled)).into_response())
}

async fn answer(State(app): State<App>, Path(token): Path<String>, request: Request) -> Response {
    finished(answered(&app, &token, request).await)
}

async fn answered(app: &App, token: &str, request: Request) -> Result<Response, Away> {
    let link = opened(app, token, &address_of(&request)).await?;
    let body = whole(request.into_body(), FORM_LIMIT).await.map_err(|_| Away::Unavailable)?;
    let source = order_of(app, link).await?;
    let sheet = Sheet::of(&source)?;
    let mut filled = Filled::read(&body, &sheet.articles);
    let here = || Redirect::to(&format!("/r/{token}")).into_response();
    if source.order.state() != PooledOrderState::Placed {
        // Answered meanwhile, perhaps by the first of two clicks: what was answered is shown.
        return Ok(here());
    }
    let Some(lines) = filled.answers(&sheet.articles) else {
        let page = page::order(&source.order, &sheet, &filled);
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page)).into_response());
    };
    let sent = AnswerOrderRequest {
        request_id: request_id(link, &lines).to_string(),
        pooled_order_id: link.order.to_string(),
        lines,
        means: "EMAIL_LINK".to_owned(),
        expected_version: 0,
    };
    let caller = session(link, Scope::Group(link.group));
    let outcome = call(&app.peers.demand, &caller, sent, |channel, request| async move {
        demand(channel).answer_order(request).await
    })
    .await;
    match outcome {
        Ok(_) => Ok(here()),
        Err(failure) if failure.reason() == "ORDER_NOT_PLACED" => Ok(here()),
        Err(failure) => Err(failure.into()),
    }
}

/// The same answer to the same order is one command, however often it is clicked.
fn request_id(link: Link, lines: &[LineAnswer]) -> Uuid {
    let mut digest = Sha256::new();
    digest.update(link.order.uuid().as_bytes());
    for line in lines {
        for part in [&line.pooled_line_id, &line.accepted_units.to_string(), &line.promised_on, &line.reason] {
            digest.update(part.as_bytes());
            digest.update([0]);
        }
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.finalize()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// The link of a token. Counted before it is read, so that guessing is slow.
async fn opened(app: &App, token: &str, address: &str) -> Result<Link, Away> {
    if !app.limiter.allows_link(address).await {
        return Err(Away::TooMany);
    }
    app.link_key.open(token).ok_or(Away::NoSuchLink)
}

fn address_of(request: &Request) -> String {
    request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_string()).unwrap_or_default()
}

fn session(link: Link, scope: Scope) -> Caller {
    Caller {
        subject: format!("link:{}", link.supplier),
        scope,
        acts_for: Some(link.supplier),
        roles: vec![Role::Supplier],
    }
}

/// The order, read as its supplier: what the supplier does not see is not there.
async fn order_of(app: &App, link: Link) -> Result<Source, Away> {
    let caller = session(link, Scope::Party(link.supplier));
    let source = gather::gather(app, &caller, &link.order.to_string()).await?;
    let same = source.order.group_id == link.group.to_string() && source.order.supplier_id == link.supplier.to_string();
    if same { Ok(source) } else { Err(Away::NoSuchLink) }
}
