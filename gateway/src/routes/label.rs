//! A group's charter and its quality label.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use kit::Failure;
use proto::membership::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    App,
    body::Body,
    dto::{
        all,
        bouquet::Practitioner,
        label::{Charter, CharterInput, LabelAudit, LabelAuditInput, LabelScheme, LabelSchemeInput},
    },
    idempotency::RequestId,
    pages::{PageParams, Paging, Params},
    poster,
    problem::Problem,
    routes::bouquet::PractitionerPage,
    session::Session,
    upstream::{bouquet, call, label, membership, promised},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_charters, publish_charter))
        .routes(routes!(sign_charter))
        .routes(routes!(charter_poster))
        .routes(routes!(list_label_schemes, set_label_scheme))
        .routes(routes!(list_label_audits, record_label_audit))
        .routes(routes!(list_label_audits_due))
}

/// Versions of a charter.
#[derive(Serialize, ToSchema)]
pub struct Charters {
    /// Newest first, at most 100.
    pub charters: Vec<Charter>,
}

/// Versions of the group's charter, newest first.
#[utoipa::path(get, path = "/v1/groups/{group_id}/charters", tag = "label", responses((status = 200, body = Charters)))]
async fn list_charters(State(app): State<App>, session: Session) -> Result<Json<Charters>, Problem> {
    let request = pb::ListChartersRequest { version: 0 };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        label(channel).list_charters(request).await
    })
    .await?;
    Ok(Json(Charters { charters: all(answer.charters) }))
}

/// Publishes the next version of the group's charter; what was signed stays what it was.
#[utoipa::path(post, path = "/v1/groups/{group_id}/charters", tag = "label", request_body = CharterInput, responses((status = 201, body = Charter)))]
async fn publish_charter(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<CharterInput>,
) -> Result<(StatusCode, Json<Charter>), Problem> {
    let request = pb::PublishCharterRequest { request_id, charter: Some(body.into()) };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        label(channel).publish_charter(request).await
    })
    .await?;
    Ok((StatusCode::CREATED, Json(promised(answer.charter, "charter")?.into())))
}

/// A signature of the charter.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignCharter {
    /// `pra_…`, or `rpps:…`.
    #[schema(example = "rpps:10000000001")]
    pub practitioner_id: String,
    /// Which version; absent means the one in force on the day.
    #[schema(example = 1)]
    pub version: Option<i32>,
    /// When, ISO date; not after today.
    #[schema(example = "2026-11-20", format = Date)]
    pub signed_on: String,
    /// Who signed; absent means the practitioner itself.
    pub signed_by: Option<String>,
}

/// Records that a practitioner has signed a version of the charter.
#[utoipa::path(post, path = "/v1/groups/{group_id}/charters/sign", tag = "label", request_body = SignCharter, responses((status = 200, body = Practitioner)))]
async fn sign_charter(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<SignCharter>,
) -> Result<Json<Practitioner>, Problem> {
    let request = pb::SignCharterRequest {
        request_id,
        practitioner_id: body.practitioner_id,
        version: body.version.unwrap_or(0),
        signed_on: body.signed_on,
        signed_by: body.signed_by.unwrap_or_default(),
    };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        label(channel).sign_charter(request).await
    })
    .await?;
    Ok(Json(promised(answer.practitioner, "practitioner")?.into()))
}

/// Which poster.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PosterParams {
    /// Version of the charter; the newest unless given, or the one that the practitioner signed.
    pub version: Option<i32>,
    /// `pra_…` whose signature the poster shows.
    pub practitioner_id: Option<String>,
}

/// The charter as a poster to print: PDF, A3, with a practitioner's signature where one is asked for.
#[utoipa::path(
    get,
    path = "/v1/groups/{group_id}/charters/poster",
    tag = "label",
    params(PosterParams),
    responses((status = 200, description = "The poster.", body = Vec<u8>, content_type = "application/pdf"))
)]
async fn charter_poster(
    State(app): State<App>,
    session: Session,
    Params(params): Params<PosterParams>,
) -> Result<Response, Problem> {
    let signatory = match params.practitioner_id {
        None => None,
        Some(id) => Some(signatory(&app, &session, id).await?),
    };
    let signed = signatory.as_ref().map(|one| one.charter_version);
    let version = params.version.or(signed).unwrap_or(0);
    let request = pb::ListChartersRequest { version };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        label(channel).list_charters(request).await
    })
    .await?;
    let charter = answer.charters.into_iter().next().ok_or_else(|| Failure::not_found("charter", version))?;
    let answer = call(&app.peers.membership, &session.caller, pb::GetGroupRequest {}, |channel, request| async move {
        membership(channel).get_group(request).await
    })
    .await?;
    let group = promised(answer.group, "group")?.name;
    let name = format!("attachment; filename=\"charte-{}.pdf\"", charter.version);
    let signatory = signatory.filter(|one| one.charter_version == charter.version);
    let write = move || poster::write(&group, &charter, signatory.as_ref());
    let content = tokio::task::spawn_blocking(write).await.map_err(Failure::internal)??;
    let headers = [(header::CONTENT_TYPE, "application/pdf".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, content).into_response())
}

/// A practitioner who has signed.
async fn signatory(app: &App, session: &Session, id: String) -> Result<pb::Practitioner, Failure> {
    let request = pb::ListPractitionersRequest { practitioner_id: id.clone(), ..Default::default() };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        bouquet(channel).list_practitioners(request).await
    })
    .await?;
    let found = answer.practitioners.into_iter().find(|one| one.charter_version > 0);
    found.ok_or_else(|| Failure::not_found("signature of the charter by practitioner", id))
}

/// Versions of a label's criteria and levels.
#[derive(Serialize, ToSchema)]
pub struct LabelSchemes {
    /// Newest first, at most 100.
    pub schemes: Vec<LabelScheme>,
}

/// Versions of the label's criteria and levels, newest first.
#[utoipa::path(get, path = "/v1/groups/{group_id}/label-schemes", tag = "label", responses((status = 200, body = LabelSchemes)))]
async fn list_label_schemes(State(app): State<App>, session: Session) -> Result<Json<LabelSchemes>, Problem> {
    let request = pb::ListLabelSchemesRequest {};
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        label(channel).list_label_schemes(request).await
    })
    .await?;
    Ok(Json(LabelSchemes { schemes: all(answer.schemes) }))
}

/// Sets the label's criteria and levels from a day on; audits held before stay what they were.
#[utoipa::path(post, path = "/v1/groups/{group_id}/label-schemes", tag = "label", request_body = LabelSchemeInput, responses((status = 201, body = LabelScheme)))]
async fn set_label_scheme(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<LabelSchemeInput>,
) -> Result<(StatusCode, Json<LabelScheme>), Problem> {
    let request = pb::SetLabelSchemeRequest { request_id, scheme: Some(body.into()) };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        label(channel).set_label_scheme(request).await
    })
    .await?;
    Ok((StatusCode::CREATED, Json(promised(answer.scheme, "scheme")?.into())))
}

/// Records an audit, criterion by criterion; the level follows by rule, and the answer says why.
#[utoipa::path(post, path = "/v1/groups/{group_id}/label-audits", tag = "label", request_body = LabelAuditInput, responses((status = 201, body = LabelAudit)))]
async fn record_label_audit(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<LabelAuditInput>,
) -> Result<(StatusCode, Json<LabelAudit>), Problem> {
    let request = pb::RecordAuditRequest { request_id, audit: Some(body.into()) };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        label(channel).record_audit(request).await
    })
    .await?;
    Ok((StatusCode::CREATED, Json(promised(answer.audit, "audit")?.into())))
}

/// Which audits.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LabelAuditFilter {
    /// Only those of this practitioner, `pra_…`.
    pub practitioner_id: Option<String>,
}

/// A page of audits, by id.
#[derive(Serialize, ToSchema)]
pub struct LabelAuditPage {
    /// This page's rows.
    pub audits: Vec<LabelAudit>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Audits held, with their findings; who acts for a party sees those of practitioners attached to it.
#[utoipa::path(get, path = "/v1/groups/{group_id}/label-audits", tag = "label", params(LabelAuditFilter, PageParams), responses((status = 200, body = LabelAuditPage)))]
async fn list_label_audits(
    State(app): State<App>,
    session: Session,
    paging: Paging<LabelAuditFilter>,
) -> Result<Json<LabelAuditPage>, Problem> {
    let practitioner_id = paging.filter.practitioner_id.clone().unwrap_or_default();
    let request = pb::ListAuditsRequest { practitioner_id, page: paging.page() };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        label(channel).list_audits(request).await
    })
    .await?;
    Ok(Json(LabelAuditPage { audits: all(answer.audits), next_page_token: paging.next(&answer.next_after)? }))
}

/// Until when.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DueFilter {
    /// Audits that fall due until this day, ISO date; today unless given.
    #[param(format = Date)]
    pub until: Option<String>,
}

/// Practitioners whose audit falls due until a day, earliest first.
#[utoipa::path(get, path = "/v1/groups/{group_id}/label-audits/due", tag = "label", params(DueFilter, PageParams), responses((status = 200, body = PractitionerPage)))]
async fn list_label_audits_due(
    State(app): State<App>,
    session: Session,
    paging: Paging<DueFilter>,
) -> Result<Json<PractitionerPage>, Problem> {
    let request =
        pb::ListAuditsDueRequest { until: paging.filter.until.clone().unwrap_or_default(), page: paging.page() };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        label(channel).list_audits_due(request).await
    })
    .await?;
    Ok(Json(PractitionerPage {
        practitioners: all(answer.practitioners),
        next_page_token: paging.next(&answer.next_after)?,
    }))
}
