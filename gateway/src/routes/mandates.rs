//! Who holds which office, and seats of commissions.

use axum::{Json, extract::State, http::StatusCode};
use proto::membership::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Id, governance::OnDay};
use crate::{
    App,
    body::Body,
    dto::{
        all,
        mandates::{
            CommissionSeat, CommissionSeatInput, CommissionSeatPage, Mandate, MandateInput, MandatePage, Office,
            OfficeHolders, OfficeInput,
        },
    },
    idempotency::RequestId,
    pages::{PageParams, Paging, Params},
    problem::Problem,
    session::Session,
    upstream::{call, governance, promised},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_offices, set_offices))
        .routes(routes!(list_mandates, record_mandate))
        .routes(routes!(end_mandate))
        .routes(routes!(list_commission_seats, set_commission_seats))
}

/// Offices with who holds them.
#[derive(Serialize, ToSchema)]
pub struct OfficesOfDay {
    /// By office.
    pub offices: Vec<OfficeHolders>,
}

/// Who holds which office on a day, by which rule, and what is vacant.
#[utoipa::path(get, path = "/v1/groups/{group_id}/offices", tag = "governance", params(OnDay), responses((status = 200, body = OfficesOfDay)))]
async fn list_offices(
    State(app): State<App>,
    session: Session,
    Params(OnDay { on }): Params<OnDay>,
) -> Result<Json<OfficesOfDay>, Problem> {
    let request = pb::ListOfficesRequest { on: on.unwrap_or_default() };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        governance(channel).list_offices(request).await
    })
    .await?;
    Ok(Json(OfficesOfDay { offices: all(answer.offices) }))
}

/// Offices to set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetOffices {
    /// 1 to 100; one with the same office and first day is replaced.
    pub offices: Vec<OfficeInput>,
}

/// Offices.
#[derive(Serialize, ToSchema)]
pub struct Offices {
    /// In the order sent.
    pub offices: Vec<Office>,
}

/// Sets offices with their rules: seats, term, election, alternation between sides.
#[utoipa::path(post, path = "/v1/groups/{group_id}/offices", tag = "governance", request_body = SetOffices, responses((status = 200, body = Offices)))]
async fn set_offices(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<SetOffices>,
) -> Result<Json<Offices>, Problem> {
    let request = pb::SetOfficesRequest { request_id, offices: all(body.offices) };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        governance(channel).set_offices(request).await
    })
    .await?;
    Ok(Json(Offices { offices: all(answer.offices) }))
}

/// All mandates, past ones too, last recorded first.
#[utoipa::path(get, path = "/v1/groups/{group_id}/mandates", tag = "governance", params(PageParams), responses((status = 200, body = MandatePage)))]
async fn list_mandates(State(app): State<App>, session: Session, paging: Paging) -> Result<Json<MandatePage>, Problem> {
    let request = pb::ListMandatesRequest { page: paging.page() };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        governance(channel).list_mandates(request).await
    })
    .await?;
    Ok(Json(MandatePage { mandates: all(answer.mandates), next_page_token: paging.next(&answer.next_after)? }))
}

/// Records a mandate. One that breaks the rule of its office is refused with the rule.
#[utoipa::path(post, path = "/v1/groups/{group_id}/mandates", tag = "governance", request_body = MandateInput, responses((status = 201, body = Mandate)))]
async fn record_mandate(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<MandateInput>,
) -> Result<(StatusCode, Json<Mandate>), Problem> {
    let request = pb::RecordMandateRequest { request_id, mandate: Some(body.into()) };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        governance(channel).record_mandate(request).await
    })
    .await?;
    Ok((StatusCode::CREATED, Json(promised(answer.mandate, "mandate")?.into())))
}

/// The end of a mandate.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MandateEnd {
    /// Its last day, ISO date; a day of the mandate.
    #[schema(example = "2026-11-30", format = Date)]
    pub ended_on: String,
    /// Why, 1 to 500 characters.
    pub reason: String,
}

/// Ends a mandate before its time.
#[utoipa::path(post, path = "/v1/groups/{group_id}/mandates/{mandate_id}/end", tag = "governance", request_body = MandateEnd, responses((status = 200, body = Mandate)))]
async fn end_mandate(
    State(app): State<App>,
    session: Session,
    Id(mandate_id): Id,
    RequestId(request_id): RequestId,
    Body(MandateEnd { ended_on, reason }): Body<MandateEnd>,
) -> Result<Json<Mandate>, Problem> {
    let request = pb::EndMandateRequest { request_id, mandate_id, ended_on, reason };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        governance(channel).end_mandate(request).await
    })
    .await?;
    Ok(Json(promised(answer.mandate, "mandate")?.into()))
}

/// Seats of commissions on a day: directors, presidents of medical commissions, others, by member.
#[utoipa::path(get, path = "/v1/groups/{group_id}/commission-seats", tag = "governance", params(OnDay, PageParams), responses((status = 200, body = CommissionSeatPage)))]
async fn list_commission_seats(
    State(app): State<App>,
    session: Session,
    paging: Paging<OnDay>,
) -> Result<Json<CommissionSeatPage>, Problem> {
    let on = paging.filter.on.clone().unwrap_or_default();
    let request = pb::ListCommissionSeatsRequest { on, page: paging.page() };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        governance(channel).list_commission_seats(request).await
    })
    .await?;
    Ok(Json(CommissionSeatPage { seats: all(answer.seats), next_page_token: paging.next(&answer.next_after)? }))
}

/// Seats to set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetCommissionSeats {
    /// 1 to 1,000; one with the same commission, member, quality and first day is replaced.
    pub seats: Vec<CommissionSeatInput>,
}

/// Seats.
#[derive(Serialize, ToSchema)]
pub struct CommissionSeats {
    /// In the order sent.
    pub seats: Vec<CommissionSeat>,
}

/// Sets seats of commissions, from a day on.
#[utoipa::path(post, path = "/v1/groups/{group_id}/commission-seats", tag = "governance", request_body = SetCommissionSeats, responses((status = 200, body = CommissionSeats)))]
async fn set_commission_seats(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<SetCommissionSeats>,
) -> Result<Json<CommissionSeats>, Problem> {
    let request = pb::SetCommissionSeatsRequest { request_id, seats: all(body.seats) };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        governance(channel).set_commission_seats(request).await
    })
    .await?;
    Ok(Json(CommissionSeats { seats: all(answer.seats) }))
}
