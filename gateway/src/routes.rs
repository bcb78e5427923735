//! The routes, one file per noun. A handler reads its input, makes one message, calls one service and shows the answer;
//! rules live in the services.

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};
use utoipa_axum::router::OpenApiRouter;

use crate::{App, error::GatewayError, problem::Problem};

mod audit;
mod bouquet;
mod catalogue;
mod clock;
mod consultations;
mod contributions;
mod dispatches;
mod financing;
mod governance;
mod health;
mod home;
mod label;
mod logistics;
mod mandates;
mod me;
mod member_changes;
mod membership;
mod needs;
mod oauth;
mod opening;
mod orders;
mod parties;
mod plans;
mod problems;
mod public_label;
mod reply;
mod rights;
mod rounds;
mod tendering;
mod tenders;
mod urgent;

pub use home::page as home_page;

/// The last parameter of the path: the thing that a route is about. Those before it are the session's.
struct Id(String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        let last = params.ok().and_then(|params| params.iter().last().map(|(_, value)| value.to_owned()));
        last.map(Self).ok_or_else(|| GatewayError::RouteNotFound(parts.uri.path().to_owned()).into())
    }
}

/// All documented routes.
pub fn all() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .merge(oauth::routes())
        .merge(me::routes())
        .merge(membership::routes())
        .merge(governance::routes())
        .merge(mandates::routes())
        .merge(contributions::routes())
        .merge(financing::routes())
        .merge(rights::routes())
        .merge(member_changes::routes())
        .merge(bouquet::routes())
        .merge(label::routes())
        .merge(public_label::routes())
        .merge(catalogue::routes())
        .merge(consultations::routes())
        .merge(tenders::routes())
        .merge(tendering::routes())
        .merge(opening::routes())
        .merge(rounds::routes())
        .merge(needs::routes())
        .merge(plans::routes())
        .merge(orders::routes())
        .merge(dispatches::routes())
        .merge(urgent::routes())
        .merge(logistics::routes())
        .merge(parties::routes())
        .merge(audit::routes())
        .merge(problems::routes())
        .merge(clock::routes())
        .merge(health::routes())
        .merge(reply::routes())
}
