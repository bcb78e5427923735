//! Services of a group, practitioners, subscriptions, and members files.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use proto::{common::v1::RowError, membership::v1 as pb};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    App,
    body::{Body, FILE_LIMIT},
    dto::{
        all,
        bouquet::{MembersReport, Practitioner, PractitionerInput, Service, ServiceInput, Subscription, Termination},
    },
    idempotency::RequestId,
    import::{Spool, blocking, open},
    members_file,
    pages::{PageParams, Paging, Params},
    problem::Problem,
    routes::needs::{FaultsAs, accepts_workbook, corrections, format_of},
    session::Session,
    sheet::fault,
    upstream::{LONG, bouquet, call, call_within, promised},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_services, register_services))
        .routes(routes!(list_practitioners, add_practitioners))
        .routes(routes!(list_subscriptions, subscribe))
        .routes(routes!(terminate))
        .routes(routes!(load_members))
}

/// Services to register.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterServices {
    /// 1 to 200.
    pub services: Vec<ServiceInput>,
}

/// Services.
#[derive(Serialize, ToSchema)]
pub struct Services {
    /// In the order sent.
    pub services: Vec<Service>,
}

/// Creates or updates services of the group's bouquet by their key.
#[utoipa::path(post, path = "/v1/groups/{group_id}/services", tag = "bouquet", request_body = RegisterServices, responses((status = 200, body = Services)))]
async fn register_services(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<RegisterServices>,
) -> Result<Json<Services>, Problem> {
    let request = pb::RegisterServicesRequest { request_id, services: all(body.services) };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        bouquet(channel).register_services(request).await
    })
    .await?;
    Ok(Json(Services { services: all(answer.services) }))
}

/// Which services.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ServiceFilter {
    /// Only those offered on this day, ISO date.
    #[param(format = Date)]
    pub on: Option<String>,
}

/// A page of services, by id.
#[derive(Serialize, ToSchema)]
pub struct ServicePage {
    /// This page's rows.
    pub services: Vec<Service>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Services of the group's bouquet, with their partner, price, term and notice.
#[utoipa::path(get, path = "/v1/groups/{group_id}/services", tag = "bouquet", params(ServiceFilter, PageParams), responses((status = 200, body = ServicePage)))]
async fn list_services(
    State(app): State<App>,
    session: Session,
    paging: Paging<ServiceFilter>,
) -> Result<Json<ServicePage>, Problem> {
    let request = pb::ListServicesRequest { on: paging.filter.on.clone().unwrap_or_default(), page: paging.page() };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        bouquet(channel).list_services(request).await
    })
    .await?;
    Ok(Json(ServicePage { services: all(answer.services), next_page_token: paging.next(&answer.next_after)? }))
}

/// Practitioners to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddPractitioners {
    /// 1 to 1,000.
    pub practitioners: Vec<PractitionerInput>,
}

/// Practitioners.
#[derive(Serialize, ToSchema)]
pub struct Practitioners {
    /// In the order sent.
    pub practitioners: Vec<Practitioner>,
}

/// Adds practitioners to the group, or updates those whose RPPS number is known.
///
/// An attachment to a practice or a hospital makes neither a member nor a beneficiary of it.
#[utoipa::path(post, path = "/v1/groups/{group_id}/practitioners", tag = "bouquet", request_body = AddPractitioners, responses((status = 200, body = Practitioners)))]
async fn add_practitioners(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<AddPractitioners>,
) -> Result<Json<Practitioners>, Problem> {
    let request = pb::AddPractitionersRequest { request_id, practitioners: all(body.practitioners) };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        bouquet(channel).add_practitioners(request).await
    })
    .await?;
    Ok(Json(Practitioners { practitioners: all(answer.practitioners) }))
}

/// Which practitioners.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PractitionerFilter {
    /// In the group on this day, ISO date; today unless given.
    #[param(format = Date)]
    pub on: Option<String>,
    /// Only those attached to this party on that day, `pty_…`.
    pub party_id: Option<String>,
    /// Only this one, `pra_…`.
    pub practitioner_id: Option<String>,
}

/// A page of practitioners, by id.
#[derive(Serialize, ToSchema)]
pub struct PractitionerPage {
    /// This page's rows.
    pub practitioners: Vec<Practitioner>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Practitioners of the group; who acts for a party sees those attached to it.
#[utoipa::path(get, path = "/v1/groups/{group_id}/practitioners", tag = "bouquet", params(PractitionerFilter, PageParams), responses((status = 200, body = PractitionerPage)))]
async fn list_practitioners(
    State(app): State<App>,
    session: Session,
    paging: Paging<PractitionerFilter>,
) -> Result<Json<PractitionerPage>, Problem> {
    let filter = &paging.filter;
    let request = pb::ListPractitionersRequest {
        on: filter.on.clone().unwrap_or_default(),
        party_id: filter.party_id.clone().unwrap_or_default(),
        practitioner_id: filter.practitioner_id.clone().unwrap_or_default(),
        page: paging.page(),
    };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        bouquet(channel).list_practitioners(request).await
    })
    .await?;
    Ok(Json(PractitionerPage {
        practitioners: all(answer.practitioners),
        next_page_token: paging.next(&answer.next_after)?,
    }))
}

/// A subscription.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Subscribe {
    /// `pra_…`, or `rpps:…`.
    #[schema(example = "rpps:10000000001")]
    pub practitioner_id: String,
    /// `svc_…`, or `key:…`.
    #[schema(example = "key:teleradiologie")]
    pub service_id: String,
    /// First day, ISO date.
    #[schema(example = "2027-01-01", format = Date)]
    pub starts_on: String,
}

/// Subscribes a practitioner to a service, on the terms that it has today.
#[utoipa::path(post, path = "/v1/groups/{group_id}/subscriptions", tag = "bouquet", request_body = Subscribe, responses((status = 201, body = Subscription)))]
async fn subscribe(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<Subscribe>,
) -> Result<(StatusCode, Json<Subscription>), Problem> {
    let Subscribe { practitioner_id, service_id, starts_on } = body;
    let request = pb::SubscribeRequest { request_id, practitioner_id, service_id, starts_on };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        bouquet(channel).subscribe(request).await
    })
    .await?;
    Ok((StatusCode::CREATED, Json(promised(answer.subscription, "subscription")?.into())))
}

/// Notice of a subscription.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Terminate {
    /// `sbs_…`.
    #[schema(example = "sbs_0198c2f07a3b7c11a2d34e5f60718293")]
    pub subscription_id: String,
    /// Day on which notice was given, ISO date; absent means today; not after today.
    #[schema(example = "2026-11-20", format = Date)]
    pub given_on: Option<String>,
    /// Only says when it would end, and changes nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// Gives notice of a subscription: it ends when its term and its notice allow, and the answer says why then.
#[utoipa::path(post, path = "/v1/groups/{group_id}/subscriptions/terminate", tag = "bouquet", request_body = Terminate, responses((status = 200, body = Termination)))]
async fn terminate(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<Terminate>,
) -> Result<Json<Termination>, Problem> {
    let Terminate { subscription_id, given_on, dry_run } = body;
    let request = pb::TerminateRequest { request_id, subscription_id, given_on: given_on.unwrap_or_default(), dry_run };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        bouquet(channel).terminate(request).await
    })
    .await?;
    let subscription = promised(answer.subscription, "subscription")?.into();
    Ok(Json(Termination { dry_run, subscription, reason: promised(answer.reason, "reason")?.into() }))
}

/// Which subscriptions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SubscriptionFilter {
    /// Only those of this practitioner, `pra_…`.
    pub practitioner_id: Option<String>,
    /// Only those to this service, `svc_…`.
    pub service_id: Option<String>,
    /// Only those that run on this day, ISO date.
    #[param(format = Date)]
    pub on: Option<String>,
}

/// A page of subscriptions, by id.
#[derive(Serialize, ToSchema)]
pub struct SubscriptionPage {
    /// This page's rows.
    pub subscriptions: Vec<Subscription>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Subscriptions, by practitioner or by service; who acts for a party sees those of practitioners attached to it.
#[utoipa::path(get, path = "/v1/groups/{group_id}/subscriptions", tag = "bouquet", params(SubscriptionFilter, PageParams), responses((status = 200, body = SubscriptionPage)))]
async fn list_subscriptions(
    State(app): State<App>,
    session: Session,
    paging: Paging<SubscriptionFilter>,
) -> Result<Json<SubscriptionPage>, Problem> {
    let filter = &paging.filter;
    let request = pb::ListSubscriptionsRequest {
        practitioner_id: filter.practitioner_id.clone().unwrap_or_default(),
        service_id: filter.service_id.clone().unwrap_or_default(),
        on: filter.on.clone().unwrap_or_default(),
        page: paging.page(),
    };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        bouquet(channel).list_subscriptions(request).await
    })
    .await?;
    Ok(Json(SubscriptionPage {
        subscriptions: all(answer.subscriptions),
        next_page_token: paging.next(&answer.next_after)?,
    }))
}

/// How a members file is taken.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MembersFileParams {
    /// Only reports what would happen, and changes nothing.
    #[serde(default)]
    pub dry_run: bool,
    /// `problem` (unless given) or `workbook`; asking for a workbook with `Accept` does the same.
    #[serde(default)]
    #[param(inline)]
    pub errors: FaultsAs,
}

/// Loads practitioners with their establishments, sites and memberships from a CSV file or an .xlsx workbook, all rows or none.
///
/// Columns, by these or French names: `rpps`, `name`, `email`, `joined_on`, `charter_signed_on`, `place` (CABINET or HOPITAL);
/// `establishment` (key), `establishment_name`, `siret`, `finess`, `gln`, `buyer_status`, `buyer_status_evidence`, `buyer_status_on`;
/// `site` (key), `site_name`, `site_finess`, `site_gln`, `address`, `postcode`, `city`; `member_kind` (MEMBRE, ASSOCIE, PARTENAIRE) and
/// `member_from` where the establishment itself becomes a member. SIRET and GLN are checked by their check digits, FINESS and RPPS by
/// their form. What is there already is not changed: the same file again changes nothing. New establishments and sites need an
/// administrator. At most 5,000 rows and 64 MiB.
#[utoipa::path(
    post,
    path = "/v1/groups/{group_id}/members/file",
    tag = "bouquet",
    params(MembersFileParams),
    request_body(content(
        (String = "text/csv", example = "rpps;nom;adhesion;lieu;etablissement;siret\n10000000001;Dr Camille Exemple;05/01/2026;CABINET;cab-port;73282932000074\n"),
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
    )),
    responses((status = 200, body = MembersReport))
)]
async fn load_members(
    State(app): State<App>,
    session: Session,
    Params(params): Params<MembersFileParams>,
    request: Request,
) -> Result<Response, Problem> {
    let format = format_of(request.headers())?;
    let as_workbook = params.errors == FaultsAs::Workbook || accepts_workbook(request.headers());
    let spool = Spool::receive(request.into_body(), &app.spool_dir, FILE_LIMIT).await?;
    let file = match open(&app, &spool, format, &members_file::SCHEMA, Vec::new()).await? {
        Ok(file) => Arc::new(file),
        Err(faults) => return Err(refused(faults)),
    };
    let reading = file.clone();
    let members_file::Read { rows, errors } = blocking(move || members_file::read(&reading)).await?;
    if rows.is_empty() && errors.is_empty() {
        let why = ("Le fichier ne contient aucune ligne.".to_owned(), "Ajoutez-en sous l'en-tête.".to_owned());
        return Err(refused(vec![fault(0, "", "", why)]));
    }
    // Each upload is judged anew against what there is: what it has loaded before is then unchanged.
    let request_id = Uuid::now_v7().to_string();
    let request = pb::LoadMembersRequest { request_id, rows, dry_run: params.dry_run, errors };
    let answer = call_within(LONG, &app.peers.membership, &session.caller, request, |channel, request| async move {
        bouquet(channel).load_members(request).await
    })
    .await?;
    if answer.error_count > 0 && as_workbook {
        return corrections(&app, file, answer.errors, answer.error_count, "membres-erreurs.xlsx").await;
    }
    let errors: Vec<RowError> = answer
        .errors
        .into_iter()
        .map(|error| RowError { column: file.layout().shown(error.column), ..error })
        .collect();
    if answer.error_count > 0 && !params.dry_run {
        return Err(Problem::rows("MEMBERS_FILE_INVALID", answer.error_count, all(errors)));
    }
    let report = MembersReport {
        dry_run: params.dry_run,
        practitioners_added: answer.practitioners_added,
        parties_added: answer.parties_added,
        sites_added: answer.sites_added,
        members_added: answer.members_added,
        attachments_added: answer.attachments_added,
        unchanged: answer.unchanged,
        error_count: answer.error_count,
        errors: all(errors),
    };
    Ok(Json(report).into_response())
}

fn refused(faults: Vec<RowError>) -> Problem {
    let count = i64::try_from(faults.len()).unwrap_or(i64::MAX);
    Problem::rows("MEMBERS_FILE_INVALID", count, all(faults))
}
