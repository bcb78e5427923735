//! How a group decides: voting rights, decision rules, decisions and their minutes.

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use proto::membership::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Id;
use crate::{
    App,
    body::{Body, expect_media_type, whole},
    dto::{
        all,
        decisions::{
            Decision, DecisionInput, DecisionPage, DecisionRule, DecisionRuleInput, VotingRight, VotingRightInput,
            VotingRightPage,
        },
    },
    idempotency::RequestId,
    pages::{PageParams, Paging, Params},
    problem::Problem,
    session::Session,
    upstream::{call, governance, promised},
};

/// Largest minutes.
const MINUTES_LIMIT: usize = 10 * 1024 * 1024;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_voting_rights, set_voting_rights))
        .routes(routes!(list_decision_rules, set_decision_rules))
        .routes(routes!(list_decisions, record_decision))
        .routes(routes!(get_decision))
        .routes(routes!(get_minutes, attach_minutes))
}

/// On which day.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OnDay {
    /// What holds on this day, ISO date; today unless given.
    #[param(format = Date)]
    pub on: Option<String>,
}

/// Who votes with how many votes, by college, on a day.
#[utoipa::path(get, path = "/v1/groups/{group_id}/voting-rights", tag = "governance", params(OnDay, PageParams), responses((status = 200, body = VotingRightPage)))]
async fn list_voting_rights(
    State(app): State<App>,
    session: Session,
    paging: Paging<OnDay>,
) -> Result<Json<VotingRightPage>, Problem> {
    let on = paging.filter.on.clone().unwrap_or_default();
    let request = pb::ListVotingRightsRequest { on, page: paging.page() };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        governance(channel).list_voting_rights(request).await
    })
    .await?;
    Ok(Json(VotingRightPage { rights: all(answer.rights), next_page_token: paging.next(&answer.next_after)? }))
}

/// Voting rights to set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetVotingRights {
    /// 1 to 1,000; one with the same member and first day is replaced.
    pub rights: Vec<VotingRightInput>,
}

/// Voting rights.
#[derive(Serialize, ToSchema)]
pub struct VotingRights {
    /// In the order sent.
    pub rights: Vec<VotingRight>,
}

/// Sets members' colleges and votes, from a day on. A member without votes does not vote.
#[utoipa::path(post, path = "/v1/groups/{group_id}/voting-rights", tag = "governance", request_body = SetVotingRights, responses((status = 200, body = VotingRights)))]
async fn set_voting_rights(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<SetVotingRights>,
) -> Result<Json<VotingRights>, Problem> {
    let request = pb::SetVotingRightsRequest { request_id, rights: all(body.rights) };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        governance(channel).set_voting_rights(request).await
    })
    .await?;
    Ok(Json(VotingRights { rights: all(answer.rights) }))
}

/// Decision rules.
#[derive(Serialize, ToSchema)]
pub struct DecisionRules {
    /// Of a list by subject, of a change in the order sent.
    pub rules: Vec<DecisionRule>,
}

/// By which quorum and majority the assembly decides on a day, at most one rule by subject.
#[utoipa::path(get, path = "/v1/groups/{group_id}/decision-rules", tag = "governance", params(OnDay), responses((status = 200, body = DecisionRules)))]
async fn list_decision_rules(
    State(app): State<App>,
    session: Session,
    Params(OnDay { on }): Params<OnDay>,
) -> Result<Json<DecisionRules>, Problem> {
    let request = pb::ListDecisionRulesRequest { on: on.unwrap_or_default() };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        governance(channel).list_decision_rules(request).await
    })
    .await?;
    Ok(Json(DecisionRules { rules: all(answer.rules) }))
}

/// Decision rules to set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetDecisionRules {
    /// 1 to 100; one with the same subject and first day is replaced.
    pub rules: Vec<DecisionRuleInput>,
}

/// Sets quorum and majority by subject, and whether admissions need a vote. Decisions taken before keep the rule they were taken with.
#[utoipa::path(post, path = "/v1/groups/{group_id}/decision-rules", tag = "governance", request_body = SetDecisionRules, responses((status = 200, body = DecisionRules)))]
async fn set_decision_rules(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<SetDecisionRules>,
) -> Result<Json<DecisionRules>, Problem> {
    let request = pb::SetDecisionRulesRequest { request_id, rules: all(body.rules) };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        governance(channel).set_decision_rules(request).await
    })
    .await?;
    Ok(Json(DecisionRules { rules: all(answer.rules) }))
}

/// Which decisions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DecisionFilter {
    /// Only of this subject: ELECTION, ADMISSION, POLICY, BUDGET or OTHER.
    pub subject: Option<String>,
}

/// Decisions of the assembly with their results, last recorded first.
#[utoipa::path(get, path = "/v1/groups/{group_id}/decisions", tag = "governance", params(DecisionFilter, PageParams), responses((status = 200, body = DecisionPage)))]
async fn list_decisions(
    State(app): State<App>,
    session: Session,
    paging: Paging<DecisionFilter>,
) -> Result<Json<DecisionPage>, Problem> {
    let subject = paging.filter.subject.clone().unwrap_or_default();
    let request = pb::ListDecisionsRequest { subject, page: paging.page() };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        governance(channel).list_decisions(request).await
    })
    .await?;
    Ok(Json(DecisionPage { decisions: all(answer.decisions), next_page_token: paging.next(&answer.next_after)? }))
}

/// Records the votes of the assembly; quorum and result are computed by the rule of that day and explained. There is no on-line ballot.
#[utoipa::path(post, path = "/v1/groups/{group_id}/decisions", tag = "governance", request_body = DecisionInput, responses((status = 201, body = Decision)))]
async fn record_decision(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<DecisionInput>,
) -> Result<(StatusCode, Json<Decision>), Problem> {
    let request = pb::RecordDecisionRequest { request_id, decision: Some(body.into()) };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        governance(channel).record_decision(request).await
    })
    .await?;
    Ok((StatusCode::CREATED, Json(promised(answer.decision, "decision")?.into())))
}

/// One decision with its votes, tallies and reasons.
#[utoipa::path(get, path = "/v1/groups/{group_id}/decisions/{decision_id}", tag = "governance", responses((status = 200, body = Decision)))]
async fn get_decision(
    State(app): State<App>,
    session: Session,
    Id(decision_id): Id,
) -> Result<Json<Decision>, Problem> {
    let request = pb::GetDecisionRequest { decision_id };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        governance(channel).get_decision(request).await
    })
    .await?;
    Ok(Json(promised(answer.decision, "decision")?.into()))
}

/// The minutes of a decision, as they came.
#[utoipa::path(get, path = "/v1/groups/{group_id}/decisions/{decision_id}/minutes", tag = "governance", responses((status = 200, body = Vec<u8>, content_type = "application/pdf")))]
async fn get_minutes(State(app): State<App>, session: Session, Id(decision_id): Id) -> Result<Response, Problem> {
    let request = pb::GetMinutesRequest { decision_id };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        governance(channel).get_minutes(request).await
    })
    .await?;
    let headers = [
        (header::CONTENT_TYPE, "application/pdf".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}.pdf\"", answer.number)),
    ];
    Ok((headers, answer.content).into_response())
}

/// Attaches the minutes of a decision, once: a PDF of at most 10 MiB, kept unchanged under its SHA-256.
#[utoipa::path(post, path = "/v1/groups/{group_id}/decisions/{decision_id}/minutes", tag = "governance", request_body(content = Vec<u8>, content_type = "application/pdf"), responses((status = 200, body = Decision)))]
async fn attach_minutes(
    State(app): State<App>,
    session: Session,
    Id(decision_id): Id,
    RequestId(request_id): RequestId,
    request: Request,
) -> Result<Json<Decision>, Problem> {
    expect_media_type(request.headers(), "application/pdf")?;
    let content = whole(request.into_body(), MINUTES_LIMIT).await?;
    let request = pb::AttachMinutesRequest { request_id, decision_id, content };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        governance(channel).attach_minutes(request).await
    })
    .await?;
    Ok(Json(promised(answer.decision, "decision")?.into()))
}
