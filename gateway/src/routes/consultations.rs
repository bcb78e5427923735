//! Consultations: written, published, opened, ranked, awarded, signed. Tenders on their way are in `tenders.rs`.

use axum::{Json, extract::State, http::StatusCode};
use proto::{demand::v1 as demand_pb, tendering::v1 as pb};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Id;
use crate::{
    App,
    body::Body,
    dto::{
        all,
        consultation_input::{ConsultationDraft, ConsultationInput},
        consultations::{Consultation, ConsultationPage},
        shared::Reason,
        tendering::Agreement,
        tenders::{AwardedPrice, LotResult, Mark},
    },
    etag::IfMatchMaybe,
    idempotency::RequestId,
    pages::{PageParams, Paging, Params},
    problem::Problem,
    session::Session,
    upstream::{call, consultations, demand, promised},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(draft_consultation))
        .routes(routes!(list_published_consultations))
        .routes(routes!(get_published_consultation))
        .routes(routes!(list_consultations, create_consultation))
        .routes(routes!(get_consultation, revise_consultation))
        .routes(routes!(check_publication))
        .routes(routes!(publish_consultation))
        .routes(routes!(cancel_consultation))
        .routes(routes!(open_tenders))
        .routes(routes!(score_tenders))
        .routes(routes!(award_lots))
        .routes(routes!(sign_agreement))
}

/// For which agreement a consultation is drawn up.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DraftParams {
    /// Duration of the agreement, months, 1 to 480 (CCP L2125-1 allows 48).
    pub duration_months: i32,
    /// What the maximum of each lot is above its estimate, percent, 0 to 300.
    pub margin_percent: i32,
}

/// Draws up a consultation from the snapshot of a census; nothing is changed.
///
/// One lot for each CPV class; quantities and estimates for the agreement's duration from what members stated and paid before;
/// the members of the census as buyers. `consultation` can be posted as it is and completed.
#[utoipa::path(get, path = "/v1/groups/{group_id}/snapshots/{snapshot_id}/consultation-draft", tag = "tendering", params(DraftParams), responses((status = 200, body = ConsultationDraft)))]
async fn draft_consultation(
    State(app): State<App>,
    session: Session,
    Id(snapshot_id): Id,
    Params(DraftParams { duration_months, margin_percent }): Params<DraftParams>,
) -> Result<Json<ConsultationDraft>, Problem> {
    let request = demand_pb::DraftConsultationRequest { snapshot_id, duration_months, margin_percent };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        demand(channel).draft_consultation(request).await
    })
    .await?;
    Ok(Json(answer.into()))
}

/// Starts a consultation as a draft, which may lack what publication needs.
#[utoipa::path(post, path = "/v1/groups/{group_id}/consultations", tag = "tendering", request_body = ConsultationInput, responses((status = 201, body = Consultation)))]
async fn create_consultation(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<ConsultationInput>,
) -> Result<(StatusCode, Json<Consultation>), Problem> {
    let request = pb::CreateConsultationRequest { request_id, consultation: Some(body.into()) };
    let answer = call(&app.peers.tendering, &session.caller, request, |channel, request| async move {
        consultations(channel).create_consultation(request).await
    })
    .await?;
    Ok((StatusCode::CREATED, Json(promised(answer.consultation, "consultation")?.into())))
}

/// Replaces the content of a draft.
#[utoipa::path(post, path = "/v1/groups/{group_id}/consultations/{consultation_id}", tag = "tendering", request_body = ConsultationInput, responses((status = 200, body = Consultation)))]
async fn revise_consultation(
    State(app): State<App>,
    session: Session,
    Id(consultation_id): Id,
    RequestId(request_id): RequestId,
    IfMatchMaybe(expected_version): IfMatchMaybe,
    Body(body): Body<ConsultationInput>,
) -> Result<Json<Consultation>, Problem> {
    let consultation = Some(body.into());
    let request = pb::ReviseConsultationRequest { request_id, consultation_id, expected_version, consultation };
    let answer = call(&app.peers.tendering, &session.caller, request, |channel, request| async move {
        consultations(channel).revise_consultation(request).await
    })
    .await?;
    Ok(Json(promised(answer.consultation, "consultation")?.into()))
}

/// Which consultations.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ConsultationFilter {
    /// Only those that take tenders now.
    #[serde(default)]
    pub open_only: bool,
}

/// Consultations of the group.
#[utoipa::path(get, path = "/v1/groups/{group_id}/consultations", tag = "tendering", params(ConsultationFilter, PageParams), responses((status = 200, body = ConsultationPage)))]
async fn list_consultations(
    State(app): State<App>,
    session: Session,
    paging: Paging<ConsultationFilter>,
) -> Result<Json<ConsultationPage>, Problem> {
    listed(&app, &session, &paging).await
}

/// Published consultations of all groups: public documents (CCP R2132-2).
#[utoipa::path(get, path = "/v1/consultations", tag = "tendering", params(ConsultationFilter, PageParams), responses((status = 200, body = ConsultationPage)))]
async fn list_published_consultations(
    State(app): State<App>,
    session: Session,
    paging: Paging<ConsultationFilter>,
) -> Result<Json<ConsultationPage>, Problem> {
    listed(&app, &session, &paging).await
}

async fn listed(
    app: &App,
    session: &Session,
    paging: &Paging<ConsultationFilter>,
) -> Result<Json<ConsultationPage>, Problem> {
    let request = pb::ListConsultationsRequest { open_only: paging.filter.open_only, page: paging.page() };
    let answer = call(&app.peers.tendering, &session.caller, request, |channel, request| async move {
        consultations(channel).list_consultations(request).await
    })
    .await?;
    let next_page_token = paging.next(&answer.next_after)?;
    Ok(Json(ConsultationPage { consultations: all(answer.consultations), next_page_token }))
}

/// A consultation with its evaluation.
#[derive(Serialize, ToSchema)]
pub struct EvaluatedConsultation {
    /// The consultation.
    pub consultation: Consultation,
    /// Its lots as evaluated and awarded; for its group only.
    pub results: Vec<LotResult>,
}

/// One consultation of the group with its evaluation.
#[utoipa::path(get, path = "/v1/groups/{group_id}/consultations/{consultation_id}", tag = "tendering", responses((status = 200, body = EvaluatedConsultation)))]
async fn get_consultation(
    State(app): State<App>,
    session: Session,
    Id(consultation_id): Id,
) -> Result<Json<EvaluatedConsultation>, Problem> {
    got(&app, &session, consultation_id).await
}

/// One published consultation.
#[utoipa::path(get, path = "/v1/consultations/{consultation_id}", tag = "tendering", responses((status = 200, body = EvaluatedConsultation)))]
async fn get_published_consultation(
    State(app): State<App>,
    session: Session,
    Id(consultation_id): Id,
) -> Result<Json<EvaluatedConsultation>, Problem> {
    got(&app, &session, consultation_id).await
}

async fn got(app: &App, session: &Session, consultation_id: String) -> Result<Json<EvaluatedConsultation>, Problem> {
    let request = pb::GetConsultationRequest { consultation_id };
    let answer = call(&app.peers.tendering, &session.caller, request, |channel, request| async move {
        consultations(channel).get_consultation(request).await
    })
    .await?;
    let consultation = promised(answer.consultation, "consultation")?.into();
    Ok(Json(EvaluatedConsultation { consultation, results: all(answer.results) }))
}

/// What publication today still lacks.
#[derive(Serialize, ToSchema)]
pub struct PublicationCheck {
    /// Each with its rule and source; empty when it may be published now.
    pub missing: Vec<Reason>,
    /// First day that the deadline may have if published today; absent where the delay is free.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Date)]
    pub earliest_deadline_on: Option<String>,
}

/// What publication today still lacks, each with its rule and source.
#[utoipa::path(get, path = "/v1/groups/{group_id}/consultations/{consultation_id}/publication", tag = "tendering", responses((status = 200, body = PublicationCheck)))]
async fn check_publication(
    State(app): State<App>,
    session: Session,
    Id(consultation_id): Id,
) -> Result<Json<PublicationCheck>, Problem> {
    let request = pb::CheckPublicationRequest { consultation_id };
    let answer = call(&app.peers.tendering, &session.caller, request, |channel, request| async move {
        consultations(channel).check_publication(request).await
    })
    .await?;
    let earliest = answer.earliest_deadline_on;
    let earliest_deadline_on = (!earliest.is_empty()).then_some(earliest);
    Ok(Json(PublicationCheck { missing: all(answer.missing), earliest_deadline_on }))
}

/// Publishes, when nothing is lacking.
#[utoipa::path(post, path = "/v1/groups/{group_id}/consultations/{consultation_id}/publish", tag = "tendering", responses((status = 200, body = Consultation)))]
async fn publish_consultation(
    State(app): State<App>,
    session: Session,
    Id(consultation_id): Id,
    RequestId(request_id): RequestId,
    IfMatchMaybe(expected_version): IfMatchMaybe,
) -> Result<Json<Consultation>, Problem> {
    let request = pb::PublishConsultationRequest { request_id, consultation_id, expected_version };
    let answer = call(&app.peers.tendering, &session.caller, request, |channel, request| async move {
        consultations(channel).publish_consultation(request).await
    })
    .await?;
    Ok(Json(promised(answer.consultation, "consultation")?.into()))
}

/// Why a consultation ends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Cancellation {
    /// Told to bidders.
    pub reason: String,
}

/// Ends a consultation without award (déclaration sans suite).
#[utoipa::path(post, path = "/v1/groups/{group_id}/consultations/{consultation_id}/cancel", tag = "tendering", request_body = Cancellation, responses((status = 200, body = Consultation)))]
async fn cancel_consultation(
    State(app): State<App>,
    session: Session,
    Id(consultation_id): Id,
    RequestId(request_id): RequestId,
    Body(Cancellation { reason }): Body<Cancellation>,
) -> Result<Json<Consultation>, Problem> {
    let request = pb::CancelConsultationRequest { request_id, consultation_id, reason };
    let answer = call(&app.peers.tendering, &session.caller, request, |channel, request| async move {
        consultations(channel).cancel_consultation(request).await
    })
    .await?;
    Ok(Json(promised(answer.consultation, "consultation")?.into()))
}

/// The opener's key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// Private key, `AGE-SECRET-KEY-1…`: used in memory, neither stored nor logged.
    pub identity: String,
}

/// What was opened.
#[derive(Serialize, ToSchema)]
pub struct Opened {
    /// The consultation.
    pub consultation: Consultation,
    /// Tenders opened and complete.
    pub opened_count: i64,
    /// Tenders opened with faulty content.
    pub irregular_count: i64,
    /// Tenders that could not be opened.
    pub unreadable_count: i64,
}

/// Opens the last tender in time of each bidder, after the deadline.
#[utoipa::path(post, path = "/v1/groups/{group_id}/consultations/{consultation_id}/open", tag = "tendering", request_body = Opening, responses((status = 200, body = Opened)))]
async fn open_tenders(
    State(app): State<App>,
    session: Session,
    Id(consultation_id): Id,
    RequestId(request_id): RequestId,
    Body(Opening { identity }): Body<Opening>,
) -> Result<Json<Opened>, Problem> {
    let request = pb::OpenTendersRequest { request_id, consultation_id, identity };
    let answer = call(&app.peers.tendering, &session.caller, request, |channel, request| async move {
        consultations(channel).open_tenders(request).await
    })
    .await?;
    Ok(Json(Opened {
        consultation: promised(answer.consultation, "consultation")?.into(),
        opened_count: answer.opened_count,
        irregular_count: answer.irregular_count,
        unreadable_count: answer.unreadable_count,
    }))
}

/// Marks for all offers at once.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Marks {
    /// One for each offer and each criterion other than price.
    pub marks: Vec<Mark>,
}

/// Stores the officers' marks, computes every figure and ranks each lot.
#[utoipa::path(post, path = "/v1/groups/{group_id}/consultations/{consultation_id}/score", tag = "tendering", request_body = Marks, responses((status = 200, body = EvaluatedConsultation)))]
async fn score_tenders(
    State(app): State<App>,
    session: Session,
    Id(consultation_id): Id,
    RequestId(request_id): RequestId,
    Body(Marks { marks }): Body<Marks>,
) -> Result<Json<EvaluatedConsultation>, Problem> {
    let request = pb::ScoreTendersRequest { request_id, consultation_id, marks: all(marks) };
    let answer = call(&app.peers.tendering, &session.caller, request, |channel, request| async move {
        consultations(channel).score_tenders(request).await
    })
    .await?;
    let consultation = promised(answer.consultation, "consultation")?.into();
    Ok(Json(EvaluatedConsultation { consultation, results: all(answer.results) }))
}

/// The award.
#[derive(Serialize, ToSchema)]
pub struct Award {
    /// The consultation.
    pub consultation: Consultation,
    /// By lot.
    pub results: Vec<LotResult>,
    /// Why there is a standstill of that length, or none.
    pub reasons: Vec<Reason>,
}

/// Awards each lot to its best ranked tender and starts the standstill where one is due.
#[utoipa::path(post, path = "/v1/groups/{group_id}/consultations/{consultation_id}/award", tag = "tendering", responses((status = 200, body = Award)))]
async fn award_lots(
    State(app): State<App>,
    session: Session,
    Id(consultation_id): Id,
    RequestId(request_id): RequestId,
) -> Result<Json<Award>, Problem> {
    let request = pb::AwardLotsRequest { request_id, consultation_id };
    let answer = call(&app.peers.tendering, &session.caller, request, |channel, request| async move {
        consultations(channel).award_lots(request).await
    })
    .await?;
    let consultation = promised(answer.consultation, "consultation")?.into();
    Ok(Json(Award { consultation, results: all(answer.results), reasons: all(answer.reasons) }))
}

/// How the agreement is called.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Natural key of the agreement in the group.
    pub key: String,
    /// Its legal number.
    pub number: String,
    /// Its first day, today or later; today unless given.
    #[schema(format = Date)]
    pub starts_on: Option<String>,
}

/// The agreement and the prices to set for it.
#[derive(Serialize, ToSchema)]
pub struct Signed {
    /// The consultation.
    pub consultation: Consultation,
    /// The agreement.
    pub agreement: Agreement,
    /// Its prices, by lot and article; the catalogue sets them by itself.
    pub prices: Vec<AwardedPrice>,
}

/// Makes the agreement of the awarded lots, after the standstill.
#[utoipa::path(post, path = "/v1/groups/{group_id}/consultations/{consultation_id}/sign", tag = "tendering", request_body = Signature, responses((status = 201, body = Signed)))]
async fn sign_agreement(
    State(app): State<App>,
    session: Session,
    Id(consultation_id): Id,
    RequestId(request_id): RequestId,
    Body(Signature { key, number, starts_on }): Body<Signature>,
) -> Result<(StatusCode, Json<Signed>), Problem> {
    let starts_on = starts_on.unwrap_or_default();
    let request = pb::SignAgreementRequest { request_id, consultation_id, key, number, starts_on };
    let answer = call(&app.peers.tendering, &session.caller, request, |channel, request| async move {
        consultations(channel).sign_agreement(request).await
    })
    .await?;
    let signed = Signed {
        consultation: promised(answer.consultation, "consultation")?.into(),
        agreement: Agreement::of(session.caller.group()?.to_string(), promised(answer.agreement, "agreement")?),
        prices: all(answer.prices),
    };
    Ok((StatusCode::CREATED, Json(signed)))
}
