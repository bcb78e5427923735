//! Delegations of signature, and what is dated about a party.

use axum::{Json, extract::State, http::StatusCode};
use proto::membership::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Id;
use crate::{
    App,
    body::Body,
    dto::{
        all,
        membership::BuyerStatus,
        rights::{Act, DatedBuyerStatus, DatedIdentity, Delegation, DelegationInput, DelegationPage},
    },
    idempotency::RequestId,
    pages::{PageParams, Paging, Params},
    problem::Problem,
    session::Session,
    upstream::{call, promised, rights},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_delegations, record_delegation))
        .routes(routes!(revoke_delegation))
        .routes(routes!(list_buyer_statuses))
        .routes(routes!(record_buyer_status))
        .routes(routes!(record_identity))
}

/// Which delegations.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DelegationFilter {
    /// The day for `in_force`, ISO date; today unless given.
    #[param(format = Date)]
    pub on: Option<String>,
    /// Only those given by this party, `pty_…`.
    pub delegator_party_id: Option<String>,
    /// Only those that allow this.
    pub act: Option<Act>,
    /// Only those that hold on the day.
    pub in_force_only: Option<bool>,
}

/// Delegations of signature in the group; people of one member see what it gave or holds, and their own.
#[utoipa::path(get, path = "/v1/groups/{group_id}/delegations", tag = "rights", params(DelegationFilter, PageParams), responses((status = 200, body = DelegationPage)))]
async fn list_delegations(
    State(app): State<App>,
    session: Session,
    paging: Paging<DelegationFilter>,
) -> Result<Json<DelegationPage>, Problem> {
    let filter = &paging.filter;
    let request = pb::ListDelegationsRequest {
        on: filter.on.clone().unwrap_or_default(),
        delegator_party_id: filter.delegator_party_id.clone().unwrap_or_default(),
        act: filter.act.map_or(0, i32::from),
        in_force_only: filter.in_force_only.unwrap_or(false),
        page: paging.page(),
    };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        rights(channel).list_delegations(request).await
    })
    .await?;
    Ok(Json(DelegationPage {
        delegations: all(answer.delegations),
        source: (!answer.source.is_empty()).then_some(answer.source),
        next_page_token: paging.next(&answer.next_after)?,
    }))
}

/// Records a delegation of signature of the party for which the caller acts.
#[utoipa::path(post, path = "/v1/groups/{group_id}/delegations", tag = "rights", request_body = DelegationInput, responses((status = 201, body = Delegation)))]
async fn record_delegation(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<DelegationInput>,
) -> Result<(StatusCode, Json<Delegation>), Problem> {
    let request = pb::RecordDelegationRequest { request_id, delegation: Some(body.into()) };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        rights(channel).record_delegation(request).await
    })
    .await?;
    Ok((StatusCode::CREATED, Json(promised(answer.delegation, "delegation")?.into())))
}

/// Why a delegation ends, and when.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeDelegation {
    /// First day on which it no longer holds, ISO date, today or later; today unless given.
    #[schema(example = "2026-06-01", format = Date)]
    pub from: Option<String>,
    /// Why, 1 to 500 characters.
    #[schema(example = "Départ de l'intéressé", max_length = 500)]
    pub reason: String,
}

/// Ends a delegation from a day on; what was signed under it stays, and a replacement for it ends too.
#[utoipa::path(post, path = "/v1/groups/{group_id}/delegations/{delegation_id}/revoke", tag = "rights", request_body = RevokeDelegation, responses((status = 200, body = Delegation)))]
async fn revoke_delegation(
    State(app): State<App>,
    session: Session,
    Id(delegation_id): Id,
    RequestId(request_id): RequestId,
    Body(body): Body<RevokeDelegation>,
) -> Result<Json<Delegation>, Problem> {
    let (from, reason) = (body.from.unwrap_or_default(), body.reason);
    let request = pb::RevokeDelegationRequest { request_id, delegation_id, from, reason };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        rights(channel).revoke_delegation(request).await
    })
    .await?;
    Ok(Json(promised(answer.delegation, "delegation")?.into()))
}

/// Whose statuses.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BuyerStatusFilter {
    /// `pty_…`.
    pub party_id: String,
}

/// Buyer statuses of an establishment.
#[derive(Serialize, ToSchema)]
pub struct BuyerStatuses {
    /// The latest first.
    pub statuses: Vec<DatedBuyerStatus>,
}

/// Every buyer status that an establishment has had, with its evidence and first day.
#[utoipa::path(get, path = "/v1/groups/{group_id}/buyer-statuses", tag = "rights", params(BuyerStatusFilter), responses((status = 200, body = BuyerStatuses)))]
async fn list_buyer_statuses(
    State(app): State<App>,
    session: Session,
    Params(BuyerStatusFilter { party_id }): Params<BuyerStatusFilter>,
) -> Result<Json<BuyerStatuses>, Problem> {
    let request = pb::ListBuyerStatusesRequest { party_id };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        rights(channel).list_buyer_statuses(request).await
    })
    .await?;
    Ok(Json(BuyerStatuses { statuses: all(answer.statuses) }))
}

/// A buyer status to record.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordBuyerStatus {
    /// `pty_…` or `key:…` of an establishment.
    #[schema(example = "key:clinique-de-l-anse")]
    pub party_id: String,
    /// First day, ISO date; later than those recorded before.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_from: String,
    /// The status.
    pub status: BuyerStatus,
    /// What it rests on, 1 to 1,000 characters.
    #[schema(example = "Avis juridique du 12 février 2026, financement public à 62 %", max_length = 1_000)]
    pub evidence: String,
}

/// Records a buyer status from a day on; what was before stays.
#[utoipa::path(post, path = "/v1/buyer-statuses", tag = "rights", request_body = RecordBuyerStatus, responses((status = 200, body = BuyerStatuses)))]
async fn record_buyer_status(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<RecordBuyerStatus>,
) -> Result<Json<BuyerStatuses>, Problem> {
    let RecordBuyerStatus { party_id, valid_from, status, evidence } = body;
    let request = pb::RecordBuyerStatusRequest { request_id, party_id, valid_from, status: status.into(), evidence };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        rights(channel).record_buyer_status(request).await
    })
    .await?;
    Ok(Json(BuyerStatuses { statuses: all(answer.statuses) }))
}

/// Another SIRET or name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordIdentity {
    /// `pty_…` or `key:…` of an establishment.
    #[schema(example = "key:ch-morlaix")]
    pub party_id: String,
    /// First day, ISO date; later than those recorded before.
    #[schema(example = "2027-01-01", format = Date)]
    pub valid_from: String,
    /// SIRET from that day on: 14 digits with a valid check digit.
    #[schema(example = "26760168000017")]
    pub siret: String,
    /// Name from that day on; absent keeps it.
    pub name: Option<String>,
    /// What it rests on, 1 to 1,000 characters.
    #[schema(example = "Arrêté de l'ARS du 14 décembre 2026", max_length = 1_000)]
    pub evidence: String,
}

/// Identities of an establishment.
#[derive(Serialize, ToSchema)]
pub struct Identities {
    /// The latest first.
    pub identities: Vec<DatedIdentity>,
}

/// Records another SIRET, or name, of an establishment from a day on; the one before goes on naming it.
#[utoipa::path(post, path = "/v1/identities", tag = "rights", request_body = RecordIdentity, responses((status = 200, body = Identities)))]
async fn record_identity(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<RecordIdentity>,
) -> Result<Json<Identities>, Problem> {
    let RecordIdentity { party_id, valid_from, siret, name, evidence } = body;
    let name = name.unwrap_or_default();
    let request = pb::RecordIdentityRequest { request_id, party_id, valid_from, siret, name, evidence };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        rights(channel).record_identity(request).await
    })
    .await?;
    Ok(Json(Identities { identities: all(answer.identities) }))
}
