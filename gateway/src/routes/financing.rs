//! Whether the group pays for itself: logistics costs, declared savings, and the view of both against purchase savings.

use axum::{Json, extract::State, http::StatusCode};
use proto::membership::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::contributions::{Months, month_figures};
use crate::{
    App,
    body::Body,
    dto::{
        all,
        financing::{
            DeclaredSaving, DeclaredSavingInput, DeclaredSavingPage, LogisticsCost, LogisticsCostInput, MemberBalance,
            MonthBalance,
        },
        shared::Reason,
    },
    idempotency::RequestId,
    pages::{PageParams, Paging, Params},
    problem::Problem,
    session::Session,
    upstream::{call, contributions, promised},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_logistics_costs, set_logistics_costs))
        .routes(routes!(list_declared_savings, declare_saving))
        .routes(routes!(get_self_financing))
}

/// From which month to which.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CostMonths {
    /// First month, `2026-01`; from the beginning unless given.
    pub from_month: Option<String>,
    /// Last month, `2026-03`; to the end unless given.
    pub to_month: Option<String>,
}

/// Logistics costs.
#[derive(Serialize, ToSchema)]
pub struct LogisticsCosts {
    /// Of a list by month and label, 5,000 at most; of a change in the order sent.
    pub costs: Vec<LogisticsCost>,
}

/// What logistics cost by month, with its source.
#[utoipa::path(get, path = "/v1/groups/{group_id}/logistics-costs", tag = "contributions", params(CostMonths), responses((status = 200, body = LogisticsCosts)))]
async fn list_logistics_costs(
    State(app): State<App>,
    session: Session,
    Params(CostMonths { from_month, to_month }): Params<CostMonths>,
) -> Result<Json<LogisticsCosts>, Problem> {
    let request = pb::ListLogisticsCostsRequest {
        from_month: from_month.unwrap_or_default(),
        to_month: to_month.unwrap_or_default(),
    };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        contributions(channel).list_logistics_costs(request).await
    })
    .await?;
    Ok(Json(LogisticsCosts { costs: all(answer.costs) }))
}

/// Logistics costs to enter.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetLogisticsCosts {
    /// 1 to 500; one with the same month and label is replaced.
    pub costs: Vec<LogisticsCostInput>,
}

/// Enters what logistics cost by month, and how it is shared among members.
#[utoipa::path(post, path = "/v1/groups/{group_id}/logistics-costs", tag = "contributions", request_body = SetLogisticsCosts, responses((status = 200, body = LogisticsCosts)))]
async fn set_logistics_costs(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<SetLogisticsCosts>,
) -> Result<Json<LogisticsCosts>, Problem> {
    let request = pb::SetLogisticsCostsRequest { request_id, costs: all(body.costs) };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        contributions(channel).set_logistics_costs(request).await
    })
    .await?;
    Ok(Json(LogisticsCosts { costs: all(answer.costs) }))
}

/// Declared savings with their evidence.
#[utoipa::path(get, path = "/v1/groups/{group_id}/declared-savings", tag = "contributions", params(PageParams), responses((status = 200, body = DeclaredSavingPage)))]
async fn list_declared_savings(
    State(app): State<App>,
    session: Session,
    paging: Paging,
) -> Result<Json<DeclaredSavingPage>, Problem> {
    let request = pb::ListDeclaredSavingsRequest { page: paging.page() };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        contributions(channel).list_declared_savings(request).await
    })
    .await?;
    Ok(Json(DeclaredSavingPage { savings: all(answer.savings), next_page_token: paging.next(&answer.next_after)? }))
}

/// Declares a saving that no order shows (an avoided duplicate exam), with its evidence. It is never added to purchase savings.
#[utoipa::path(post, path = "/v1/groups/{group_id}/declared-savings", tag = "contributions", request_body = DeclaredSavingInput, responses((status = 201, body = DeclaredSaving)))]
async fn declare_saving(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<DeclaredSavingInput>,
) -> Result<(StatusCode, Json<DeclaredSaving>), Problem> {
    let request = pb::DeclareSavingRequest { request_id, saving: Some(body.into()) };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        contributions(channel).declare_saving(request).await
    })
    .await?;
    Ok((StatusCode::CREATED, Json(promised(answer.saving, "saving")?.into())))
}

/// Whether the group pays for itself.
#[derive(Serialize, ToSchema)]
pub struct SelfFinancing {
    /// By name; for who acts for one member, that one.
    pub members: Vec<MemberBalance>,
    /// The group's months; none for who sees one member.
    pub months: Vec<MonthBalance>,
    /// The group's sum; absent for who sees one member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<MonthBalance>,
    /// First month from which on the cumulated balance, without grants, is never negative again; absent when not within the view, or for
    /// who sees one member.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-07")]
    pub pays_for_itself_from: Option<String>,
    /// What the figures are and are not: realised, provisional, declared.
    pub notes: Vec<Reason>,
}

/// Realised saving − fees − logistics, by member and month and for the group, and from which month the group pays for itself. Months of at
/// most three years; figures without VAT.
#[utoipa::path(get, path = "/v1/groups/{group_id}/self-financing", tag = "contributions", params(Months), responses((status = 200, body = SelfFinancing)))]
async fn get_self_financing(
    State(app): State<App>,
    session: Session,
    Params(months): Params<Months>,
) -> Result<Json<SelfFinancing>, Problem> {
    let (from_month, to_month) = months.settled(&app, &session.caller).await?;
    let figures = month_figures(&app, &session.caller, &from_month, &to_month).await?;
    let request = pb::ComputeSelfFinancingRequest { from_month, to_month, figures };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        contributions(channel).compute_self_financing(request).await
    })
    .await?;
    Ok(Json(SelfFinancing {
        members: all(answer.members),
        months: all(answer.months),
        total: answer.total.map(Into::into),
        pays_for_itself_from: Some(answer.pays_for_itself_from).filter(|month| !month.is_empty()),
        notes: all(answer.notes),
    }))
}
