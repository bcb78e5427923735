//! Articles and prices.

use axum::{Json, extract::State, http::HeaderMap, response::Response};
use proto::catalogue::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Id;
use crate::{
    App, articles,
    body::Body,
    dto::{
        all,
        catalogue::{Article, ArticleInput, ArticlePage, Price, PriceInput, PricePage},
    },
    etag::tagged_json,
    idempotency::RequestId,
    pages::{PageParams, Paging},
    problem::Problem,
    session::Session,
    upstream::{call, catalogue},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(register_articles))
        .routes(routes!(list_articles))
        .routes(routes!(get_article))
        .routes(routes!(list_prices, set_prices))
}

/// Articles to register.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterArticles {
    /// 1 to 1,000; one whose `key` is known is updated.
    pub articles: Vec<ArticleInput>,
}

/// Articles.
#[derive(Serialize, ToSchema)]
pub struct Articles {
    /// In the order sent.
    pub articles: Vec<Article>,
}

/// Creates or updates articles by their key.
#[utoipa::path(post, path = "/v1/articles/register", tag = "catalogue", request_body = RegisterArticles, responses((status = 200, body = Articles)))]
async fn register_articles(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<RegisterArticles>,
) -> Result<Json<Articles>, Problem> {
    let request = pb::RegisterArticlesRequest { request_id, articles: all(body.articles) };
    let answer = call(&app.peers.catalogue, &session.caller, request, |channel, request| async move {
        catalogue(channel).register_articles(request).await
    })
    .await?;
    Ok(Json(Articles { articles: all(answer.articles) }))
}

/// Which articles.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ArticleFilter {
    /// Words of the label, or the start of an identifier.
    #[param(example = "paracetamol")]
    pub q: Option<String>,
}

/// Articles by words of their label or the start of an identifier.
#[utoipa::path(get, path = "/v1/articles", tag = "catalogue", params(ArticleFilter, PageParams), responses((status = 200, body = ArticlePage)))]
async fn list_articles(
    State(app): State<App>,
    session: Session,
    paging: Paging<ArticleFilter>,
) -> Result<Json<ArticlePage>, Problem> {
    let request = pb::ListArticlesRequest { query: paging.filter.q.clone().unwrap_or_default(), page: paging.page() };
    let answer = call(&app.peers.catalogue, &session.caller, request, |channel, request| async move {
        catalogue(channel).list_articles(request).await
    })
    .await?;
    Ok(Json(ArticlePage { articles: all(answer.articles), next_page_token: paging.next(&answer.next_after)? }))
}

/// One article by `art_…`, `key:…`, `gtin:…`, `cip13:…` or a bare code of 13 or 14 digits.
#[utoipa::path(get, path = "/v1/articles/{ref}", tag = "catalogue", responses((status = 200, body = Article)))]
async fn get_article(
    State(app): State<App>,
    session: Session,
    Id(r#ref): Id,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let article = articles::read(&app, &session.caller, r#ref).await?;
    Ok(tagged_json(&headers, article.version, article.body.clone()))
}

/// Prices to set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPrices {
    /// 1 to 1,000.
    pub prices: Vec<PriceInput>,
}

/// Prices.
#[derive(Serialize, ToSchema)]
pub struct Prices {
    /// In the order sent.
    pub prices: Vec<Price>,
}

/// Sets prices of articles under a lot of an agreement; two that could both apply are refused.
#[utoipa::path(post, path = "/v1/groups/{group_id}/prices", tag = "catalogue", request_body = SetPrices, responses((status = 200, body = Prices)))]
async fn set_prices(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<SetPrices>,
) -> Result<Json<Prices>, Problem> {
    let request = pb::SetPricesRequest { request_id, prices: all(body.prices) };
    let answer = call(&app.peers.catalogue, &session.caller, request, |channel, request| async move {
        catalogue(channel).set_prices(request).await
    })
    .await?;
    Ok(Json(Prices { prices: all(answer.prices) }))
}

/// Which prices.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PriceFilter {
    /// In force on this day, ISO date; today unless given.
    #[param(format = Date)]
    pub on: Option<String>,
    /// Only of this agreement, `agr_…`.
    pub agreement_id: Option<String>,
    /// Only of this article, `art_…`.
    pub article_id: Option<String>,
}

/// Prices of the group in force on a day.
#[utoipa::path(get, path = "/v1/groups/{group_id}/prices", tag = "catalogue", params(PriceFilter, PageParams), responses((status = 200, body = PricePage)))]
async fn list_prices(
    State(app): State<App>,
    session: Session,
    paging: Paging<PriceFilter>,
) -> Result<Json<PricePage>, Problem> {
    let request = pb::ListPricesRequest {
        on: paging.filter.on.clone().unwrap_or_default(),
        agreement_ids: paging.filter.agreement_id.clone().into_iter().collect(),
        article_ids: paging.filter.article_id.clone().into_iter().collect(),
        page: paging.page(),
    };
    let answer = call(&app.peers.catalogue, &session.caller, request, |channel, request| async move {
        catalogue(channel).list_prices(request).await
    })
    .await?;
    Ok(Json(PricePage { prices: all(answer.prices), next_page_token: paging.next(&answer.next_after)? }))
}
