//! The gateway: Centrale's only HTTP face, REST over JSON under `/v1`, in front of five gRPC services.
//!
//! Nothing here is durable and no rule of procurement is decided here. A request passes, from the outside in:
//!
//! 1. `layers.rs`: a root span that continues the caller's trace, `Trace-Id`, security headers, problem documents with
//!    path and trace, panics caught, a time limit;
//! 2. `session.rs`: the bearer token is checked (`oidc.rs`), the person's grants are fetched (`people.rs`), the access table
//!    (`access.rs`) says who may pass and as what;
//! 3. `routes/`: one file per noun. A handler reads its input (`body.rs`, `pages.rs`, `etag.rs`, `idempotency.rs`), makes
//!    one message and calls one service (`upstream.rs`), and shows the answer in JSON types of our own (`dto/`);
//! 4. a refusal of any kind becomes a problem document (`problem.rs`) in French (`texts.rs`, `texts/fr.json`).
//!
//! A needs file, CSV or workbook, goes its own way: onto disk (`import.rs`), read row by row (`sheet.rs`, `needs_file.rs`), streamed to
//! demand. The workbook that a member fills in is prepared in `needs_template.rs`; what a supplier gets of an order is made in
//! `order_file.rs`.
//! `members_file.rs` reads a file of members; `poster.rs` writes a charter to hang up; `label_page.rs` shows everybody who holds a label.
//! Placed orders go out by e-mail from `mail.rs`; `reply.rs` is the page behind the link in them.
//! `openapi.rs` completes the OpenAPI document that utoipa generates from the handlers.

pub mod access;
mod articles;
mod auth;
mod body;
mod config;
mod contribution_file;
mod dto;
mod error;
mod etag;
mod idempotency;
mod import;
mod label_page;
mod layers;
mod limiter;
mod mail;
mod members_file;
mod needs_file;
mod needs_template;
mod oidc;
mod openapi;
mod opening_file;
mod opening_import;
mod order_file;
mod pages;
mod people;
mod poster;
mod problem;
mod reply;
mod routes;
mod session;
mod sheet;
#[cfg(test)]
mod tests;
mod texts;
mod upstream;

use std::{net::SocketAddr, ops::Deref, path::PathBuf, sync::Arc};

use axum::{Router, middleware, routing::get, serve::ListenerExt as _};
pub use config::Config;
pub use mail::Post;
pub use pages::PageKey;
pub use reply::token::LinkKey;
use serde_json::Value;
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;
pub use upstream::Peers;

/// What every handler shares.
#[derive(Clone)]
pub(crate) struct App(Arc<Parts>);

/// The parts of [`App`].
pub(crate) struct Parts {
    peers: Peers,
    issuers: oidc::Issuers,
    people: people::People,
    articles: articles::Articles,
    page_key: PageKey,
    limiter: limiter::Limiter,
    public_url: String,
    issuer: String,
    audience: String,
    spool_dir: PathBuf,
    /// One workbook at a time: what its strings take of memory is bounded for one.
    workbooks: Arc<Semaphore>,
    link_key: LinkKey,
    /// None: placed orders wait.
    post: Option<mail::Post>,
}

impl Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Serves until `stop`, then lets running requests end.
///
/// # Errors
/// When the certificates that further issuers need cannot be read, or the listener fails.
pub async fn run(config: Config, listener: TcpListener, stop: CancellationToken) -> Result<(), std::io::Error> {
    let (router, _, app) = router(config)?;
    let sender = tokio::spawn(mail::run(app, stop.clone()));
    tracing::info!(service = "gateway", address = %listener.local_addr()?, "serving");
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    // Answers are written at once, not after a client's delayed acknowledgement.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
    });
    axum::serve(listener, service).with_graceful_shutdown(async move { stop.cancelled().await }).await?;
    // A mail that is being sent is recorded first.
    if let Err(error) = sender.await {
        tracing::error!(%error, "the sender of orders ended badly");
    }
    tracing::info!(service = "gateway", "stopped");
    Ok(())
}

/// All routes with all layers, and the OpenAPI document.
fn router(config: Config) -> Result<(Router, Value, App), std::io::Error> {
    let issuers = oidc::Issuers::new(&config.audience, &config.issuer, &config.further_issuers)?;
    let app = App(Arc::new(Parts {
        peers: config.peers,
        issuers,
        people: people::People::default(),
        articles: articles::Articles::default(),
        page_key: config.page_key,
        limiter: limiter::Limiter::new(config.redis),
        public_url: config.public_url,
        issuer: config.issuer,
        audience: config.audience,
        spool_dir: config.spool_dir,
        workbooks: Arc::new(Semaphore::new(1)),
        link_key: config.link_key,
        post: config.post,
    }));
    let (routes, generated) = routes::all().split_for_parts();
    let document = openapi::document(&generated, &app.public_url);
    let served = Arc::new(document.clone());
    let router = routes
        .route("/", get(routes::home_page))
        .route("/openapi.json", get(move || std::future::ready(openapi::answer(&served))))
        .merge(openapi::page())
        .fallback(layers::no_route)
        .layer(middleware::from_fn_with_state(app.clone(), session::guard));
    Ok((layers::around(router).with_state(app.clone()), document, app))
}
