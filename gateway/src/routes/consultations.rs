//! Consultations: written, published, answered with sealed tenders, opened, ranked, awarded, signed.

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};
use proto::tendering::v1::{self as pb, submit_tender_request::Part};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Id;
use crate::{
    App,
    body::{Body, expect_media_type, whole},
    dto::{
        all,
        consultations::{Consultation, ConsultationInput, ConsultationPage},
        shared::Reason,
        tendering::Agreement,
        tenders::{AwardedPrice, LotResult, Mark, Tender, TenderPage, TenderReceipt},
    },
    etag::IfMatchMaybe,
    idempotency::RequestId,
    pages::{PageParams, Paging},
    problem::Problem,
    session::Session,
    upstream::{call, consultations, promised},
};

/// Largest tender.
const TENDER_LIMIT: usize = 20 * 1024 * 1024;
/// Bytes in one message.
const CHUNK: usize = 512 * 1024;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_published_consultations))
        .routes(routes!(get_published_consultation))
        .routes(routes!(list_consultations, create_consultation))
        .routes(routes!(get_consultation, revise_consultation))
        .routes(routes!(check_publication))
        .routes(routes!(publish_consultation))
        .routes(routes!(cancel_consultation))
        .routes(routes!(list_tenders, submit_tender))
        .routes(routes!(list_receipts))
        .routes(routes!(open_tenders))
        .routes(routes!(score_tenders))
        .routes(routes!(award_lots))
        .routes(routes!(sign_agreement))
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

/// Receives a sealed tender, an `age` file of at most 20 MiB encrypted to the consultation's key, and answers with its receipt.
#[utoipa::path(post, path = "/v1/groups/{group_id}/consultations/{consultation_id}/tenders", tag = "tendering", request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses((status = 201, body = TenderReceipt)))]
async fn submit_tender(
    State(app): State<App>,
    session: Session,
    Id(consultation_id): Id,
    RequestId(request_id): RequestId,
    request: Request,
) -> Result<(StatusCode, Json<TenderReceipt>), Problem> {
    expect_media_type(request.headers(), "application/octet-stream")?;
    let bytes = whole(request.into_body(), TENDER_LIMIT).await?;
    let header = pb::TenderHeader {
        request_id,
        consultation_id,
        sha256: hex::encode(Sha256::digest(&bytes)),
        size_bytes: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
    };
    let answer = call(&app.peers.tendering, &session.caller, (header, bytes), |channel, request| async move {
        let request = request.map(|(header, bytes)| {
            let chunks = (0..bytes.len())
                .step_by(CHUNK)
                .map(move |from| Part::Chunk(bytes.slice(from..bytes.len().min(from + CHUNK))));
            let parts = std::iter::once(Part::Header(header)).chain(chunks);
            tokio_stream::iter(parts.map(|part| pb::SubmitTenderRequest { part: Some(part) }))
        });
        consultations(channel).submit_tender(request).await
    })
    .await?;
    Ok((StatusCode::CREATED, Json(promised(answer.receipt, "receipt")?.into())))
}

/// No filter.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReceiptFilter {
    /// Only of this consultation, `cns_…`.
    pub consultation_id: Option<String>,
}

/// Nothing to choose but the page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NoFilter {}

/// Tenders of a consultation: before opening only how many, when and their hashes.
#[utoipa::path(get, path = "/v1/groups/{group_id}/consultations/{consultation_id}/tenders", tag = "tendering", params(PageParams), responses((status = 200, body = TenderPage)))]
async fn list_tenders(
    State(app): State<App>,
    session: Session,
    Id(consultation_id): Id,
    paging: Paging<NoFilter>,
) -> Result<Json<TenderPage>, Problem> {
    let request = pb::ListTendersRequest { consultation_id, page: paging.page() };
    let answer = call(&app.peers.tendering, &session.caller, request, |channel, request| async move {
        consultations(channel).list_tenders(request).await
    })
    .await?;
    let next_page_token = paging.next(&answer.next_after)?;
    let tenders: Vec<Tender> = all(answer.tenders);
    Ok(Json(TenderPage { received_count: answer.received_count, tenders, next_page_token }))
}

/// Receipts of a supplier's own tenders, across groups.
#[utoipa::path(get, path = "/v1/parties/{party_id}/tenders", tag = "parties", params(ReceiptFilter, PageParams), responses((status = 200, body = TenderPage)))]
async fn list_receipts(
    State(app): State<App>,
    session: Session,
    paging: Paging<ReceiptFilter>,
) -> Result<Json<TenderPage>, Problem> {
    let consultation_id = paging.filter.consultation_id.clone().unwrap_or_default();
    let request = pb::ListTendersRequest { consultation_id, page: paging.page() };
    let answer = call(&app.peers.tendering, &session.caller, request, |channel, request| async move {
        consultations(channel).list_tenders(request).await
    })
    .await?;
    let next_page_token = paging.next(&answer.next_after)?;
    let tenders: Vec<Tender> = all(answer.tenders);
    Ok(Json(TenderPage { received_count: answer.received_count, tenders, next_page_token }))
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
    /// Prices to be set in the catalogue, by lot and article.
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
