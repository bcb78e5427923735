//! What a problem means: the address in its `type`.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Id;
use crate::{App, error::GatewayError, problem::Problem, texts::FRENCH};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(explain))
}

/// What a problem means, in French.
#[derive(Debug, Serialize, ToSchema)]
pub struct Explanation {
    /// Stable name for programs.
    #[schema(example = "VERSION_CHANGED")]
    pub code: String,
    /// Short.
    pub title: String,
    /// What is told when it happens; `{…}` stands for a figure.
    pub detail: String,
    /// What to do about it.
    pub remedy: String,
}

/// Explains a problem by the code in its `type`.
#[utoipa::path(get, path = "/problems/{code}", tag = "problems", responses((status = 200, body = Explanation)))]
async fn explain(Id(code): Id) -> Result<Json<Explanation>, Problem> {
    let reason = code.to_uppercase().replace('-', "_");
    let Some(text) = FRENCH.problems.get(&reason) else {
        return Err(GatewayError::RouteNotFound(format!("/problems/{code}")).into());
    };
    Ok(Json(Explanation {
        code: reason,
        title: text.title.clone(),
        detail: text.detail.clone(),
        remedy: text.remedy.clone(),
    }))
}
