//! Agreements and who may buy from them.

use axum::{Json, extract::State, http::StatusCode};
use proto::tendering::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Id;
use crate::{
    App,
    body::Body,
    dto::{
        all,
        tendering::{Agreement, AgreementInput, AgreementPage, Beneficiary, Entitlement, EntitlementQuestion},
    },
    idempotency::RequestId,
    pages::{PageParams, Paging, Params},
    problem::Problem,
    session::Session,
    upstream::{call, promised, tendering},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_agreements, enter_agreement))
        .routes(routes!(get_agreement))
        .routes(routes!(add_beneficiaries))
        .routes(routes!(check_entitlement, check_entitlements))
}

/// Enters an agreement that is already in force, as opening data with its source.
#[utoipa::path(post, path = "/v1/groups/{group_id}/agreements", tag = "tendering", request_body = AgreementInput, responses((status = 201, body = Agreement)))]
async fn enter_agreement(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<AgreementInput>,
) -> Result<(StatusCode, Json<Agreement>), Problem> {
    let request = pb::EnterAgreementRequest { request_id, agreement: Some(body.into()) };
    let answer = call(&app.peers.tendering, &session.caller, request, |channel, request| async move {
        tendering(channel).enter_agreement(request).await
    })
    .await?;
    Ok((
        StatusCode::CREATED,
        Json(Agreement::of(session.caller.group()?.to_string(), promised(answer.agreement, "agreement")?)),
    ))
}

/// Which agreements.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AgreementFilter {
    /// Only those in force on this day, ISO date.
    #[param(format = Date)]
    pub in_force_on: Option<String>,
}

/// Agreements of the group.
#[utoipa::path(get, path = "/v1/groups/{group_id}/agreements", tag = "tendering", params(AgreementFilter, PageParams), responses((status = 200, body = AgreementPage)))]
async fn list_agreements(
    State(app): State<App>,
    session: Session,
    paging: Paging<AgreementFilter>,
) -> Result<Json<AgreementPage>, Problem> {
    agreements(&app, &session, &paging).await
}

/// Agreements that a session sees.
pub(super) async fn agreements(
    app: &App,
    session: &Session,
    paging: &Paging<AgreementFilter>,
) -> Result<Json<AgreementPage>, Problem> {
    let request = pb::ListAgreementsRequest {
        in_force_on: paging.filter.in_force_on.clone().unwrap_or_default(),
        page: paging.page(),
    };
    let answer = call(&app.peers.tendering, &session.caller, request, |channel, request| async move {
        tendering(channel).list_agreements(request).await
    })
    .await?;
    let agreements =
        answer.group_ids.into_iter().zip(answer.agreements).map(|(group, agreement)| Agreement::of(group, agreement));
    Ok(Json(AgreementPage { agreements: agreements.collect(), next_page_token: paging.next(&answer.next_after)? }))
}

/// One agreement with its lots, ceilings and beneficiaries.
#[utoipa::path(get, path = "/v1/groups/{group_id}/agreements/{agreement_id}", tag = "tendering", responses((status = 200, body = Agreement)))]
async fn get_agreement(
    State(app): State<App>,
    session: Session,
    Id(agreement_id): Id,
) -> Result<Json<Agreement>, Problem> {
    let request = pb::GetAgreementRequest { agreement_id };
    let answer = call(&app.peers.tendering, &session.caller, request, |channel, request| async move {
        tendering(channel).get_agreement(request).await
    })
    .await?;
    Ok(Json(Agreement::of(session.caller.group()?.to_string(), promised(answer.agreement, "agreement")?)))
}

/// Buyers to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddBeneficiaries {
    /// 1 to 1,000 that the contract notice named.
    pub beneficiaries: Vec<Beneficiary>,
}

/// How many there are.
#[derive(Serialize, ToSchema)]
pub struct BeneficiaryCount {
    /// Buyers named now.
    pub beneficiary_count: i64,
}

/// Adds buyers that the contract notice named (CCP R2162-6).
#[utoipa::path(post, path = "/v1/groups/{group_id}/agreements/{agreement_id}/beneficiaries", tag = "tendering", request_body = AddBeneficiaries, responses((status = 200, body = BeneficiaryCount)))]
async fn add_beneficiaries(
    State(app): State<App>,
    session: Session,
    Id(agreement_id): Id,
    RequestId(request_id): RequestId,
    Body(body): Body<AddBeneficiaries>,
) -> Result<Json<BeneficiaryCount>, Problem> {
    let request = pb::AddBeneficiariesRequest { request_id, agreement_id, beneficiaries: all(body.beneficiaries) };
    let answer = call(&app.peers.tendering, &session.caller, request, |channel, request| async move {
        tendering(channel).add_beneficiaries(request).await
    })
    .await?;
    Ok(Json(BeneficiaryCount { beneficiary_count: answer.beneficiary_count }))
}

/// One question.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EntitlementParams {
    /// `pty_…` of the member.
    pub party_id: String,
    /// `lot_…`.
    pub lot_id: String,
    /// ISO date; today unless given.
    #[param(format = Date)]
    pub on: Option<String>,
    /// `art_…` that it wants to buy, for the nearest alternative.
    pub article_id: Option<String>,
    /// How much it wants to buy for, without VAT, cents EUR; any amount unless given.
    #[param(minimum = 0)]
    pub amount_cents: Option<i64>,
}

/// Whether a member may buy from a lot on a day, with the rule, its source, and after a no the nearest alternative.
#[utoipa::path(get, path = "/v1/groups/{group_id}/entitlements", tag = "tendering", params(EntitlementParams), responses((status = 200, body = Entitlement)))]
async fn check_entitlement(
    State(app): State<App>,
    session: Session,
    Params(EntitlementParams { party_id, lot_id, on, article_id, amount_cents }): Params<EntitlementParams>,
) -> Result<Json<Entitlement>, Problem> {
    let article_id = article_id.unwrap_or_default();
    let questions = vec![pb::EntitlementQuestion { party_id, lot_id, article_id, amount_cents }];
    let answer = entitlements(&app, &session, questions, on).await?;
    Ok(Json(promised(answer.into_iter().next(), "entitlement")?))
}

/// Many questions for one day.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckEntitlements {
    /// 1 to 20,000.
    pub questions: Vec<EntitlementQuestion>,
    /// ISO date; today unless given.
    #[schema(format = Date)]
    pub on: Option<String>,
}

/// The answers.
#[derive(Serialize, ToSchema)]
pub struct Entitlements {
    /// In the order asked.
    pub entitlements: Vec<Entitlement>,
}

/// Whether members may buy from lots on a day. Changes nothing.
#[utoipa::path(post, path = "/v1/groups/{group_id}/entitlements", tag = "tendering", request_body = CheckEntitlements, responses((status = 200, body = Entitlements)))]
async fn check_entitlements(
    State(app): State<App>,
    session: Session,
    Body(body): Body<CheckEntitlements>,
) -> Result<Json<Entitlements>, Problem> {
    Ok(Json(Entitlements { entitlements: entitlements(&app, &session, all(body.questions), body.on).await? }))
}

async fn entitlements(
    app: &App,
    session: &Session,
    questions: Vec<pb::EntitlementQuestion>,
    on: Option<String>,
) -> Result<Vec<Entitlement>, Problem> {
    let request = pb::CheckEntitlementsRequest { questions, on: on.unwrap_or_default() };
    let answer = call(&app.peers.tendering, &session.caller, request, |channel, request| async move {
        tendering(channel).check_entitlements(request).await
    })
    .await?;
    Ok(all(answer.entitlements))
}
