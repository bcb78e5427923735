//! From the supplier's shipment to the certified receipt.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use proto::logistics::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Id;
use crate::{
    App,
    body::Body,
    dto::{
        all,
        deliveries::{CertifiedLine, Delivery, DeliveryPage, DeliveryState, Proof},
        shipments::{
            AllocationPage, BreakBulk, ExpectedPage, ReceivedLine, Shipment, ShipmentLineInput, ShipmentPage,
            StillToCome,
        },
    },
    etag::{IfMatchMaybe, changed, tagged},
    idempotency::RequestId,
    pages::{PageParams, Paging, Params},
    problem::Problem,
    session::Session,
    upstream::{call, logistics, promised},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_break_bulk, set_break_bulk))
        .routes(routes!(list_expected))
        .routes(routes!(list_shipments, announce_shipment))
        .routes(routes!(receive_shipment))
        .routes(routes!(list_allocations))
        .routes(routes!(list_deliveries))
        .routes(routes!(get_delivery))
        .routes(routes!(dispatch_delivery))
        .routes(routes!(prove_delivery))
        .routes(routes!(certify_delivery))
        .routes(routes!(cancel_outstanding))
}

/// Packagings that a platform opens.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BreakBulkEntries {
    /// At most 5,000 when sent; added to those already declared.
    pub entries: Vec<BreakBulk>,
}

/// Declares for which articles and packagings a platform opens packs (dégroupage); refused for medicines and sterile devices.
#[utoipa::path(post, path = "/v1/platform/break-bulk", tag = "logistics", request_body = BreakBulkEntries, responses((status = 200, body = BreakBulkEntries)))]
async fn set_break_bulk(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<BreakBulkEntries>,
) -> Result<Json<BreakBulkEntries>, Problem> {
    let request = pb::SetBreakBulkRequest { request_id, entries: all(body.entries) };
    let answer = call(&app.peers.logistics, &session.caller, request, |channel, request| async move {
        logistics(channel).set_break_bulk(request).await
    })
    .await?;
    Ok(Json(BreakBulkEntries { entries: all(answer.entries) }))
}

/// Which platform.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PlatformParam {
    /// `sit_…` of the platform.
    pub platform_site_id: String,
}

/// Packagings that a platform opens, at most 20,000.
#[utoipa::path(get, path = "/v1/platform/break-bulk", tag = "logistics", params(PlatformParam), responses((status = 200, body = BreakBulkEntries)))]
async fn list_break_bulk(
    State(app): State<App>,
    session: Session,
    Params(PlatformParam { platform_site_id }): Params<PlatformParam>,
) -> Result<Json<BreakBulkEntries>, Problem> {
    let request = pb::ListBreakBulkRequest { platform_site_id };
    let answer = call(&app.peers.logistics, &session.caller, request, |channel, request| async move {
        logistics(channel).list_break_bulk(request).await
    })
    .await?;
    Ok(Json(BreakBulkEntries { entries: all(answer.entries) }))
}

/// Which expectations.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExpectedFilter {
    /// Only of this pooled order, `por_…`.
    pub pooled_order_id: Option<String>,
    /// Only what is still to be shipped.
    #[serde(default)]
    pub open_only: bool,
}

/// What is expected from suppliers per order, article and destination.
#[utoipa::path(get, path = "/v1/groups/{group_id}/expected", tag = "logistics", params(ExpectedFilter, PageParams), responses((status = 200, body = ExpectedPage)))]
async fn list_expected(
    State(app): State<App>,
    session: Session,
    paging: Paging<ExpectedFilter>,
) -> Result<Json<ExpectedPage>, Problem> {
    expected(&app, &session, &paging).await
}

/// What a session expects.
pub(super) async fn expected(
    app: &App,
    session: &Session,
    paging: &Paging<ExpectedFilter>,
) -> Result<Json<ExpectedPage>, Problem> {
    let request = pb::ListExpectedRequest {
        pooled_order_id: paging.filter.pooled_order_id.clone().unwrap_or_default(),
        open_only: paging.filter.open_only,
        page: paging.page(),
    };
    let answer = call(&app.peers.logistics, &session.caller, request, |channel, request| async move {
        logistics(channel).list_expected(request).await
    })
    .await?;
    Ok(Json(ExpectedPage { expected: all(answer.expected), next_page_token: paging.next(&answer.next_after)? }))
}

/// Of which order.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ShipmentFilter {
    /// Only of this pooled order, `por_…`.
    pub pooled_order_id: Option<String>,
}

/// Shipments of the group.
#[utoipa::path(get, path = "/v1/groups/{group_id}/shipments", tag = "logistics", params(ShipmentFilter, PageParams), responses((status = 200, body = ShipmentPage)))]
async fn list_shipments(
    State(app): State<App>,
    session: Session,
    paging: Paging<ShipmentFilter>,
) -> Result<Json<ShipmentPage>, Problem> {
    shipments(&app, &session, &paging).await
}

/// Shipments that a session sees.
pub(super) async fn shipments(
    app: &App,
    session: &Session,
    paging: &Paging<ShipmentFilter>,
) -> Result<Json<ShipmentPage>, Problem> {
    let pooled_order_id = paging.filter.pooled_order_id.clone().unwrap_or_default();
    let request = pb::ListShipmentsRequest { pooled_order_id, page: paging.page() };
    let answer = call(&app.peers.logistics, &session.caller, request, |channel, request| async move {
        logistics(channel).list_shipments(request).await
    })
    .await?;
    Ok(Json(ShipmentPage { shipments: all(answer.shipments), next_page_token: paging.next(&answer.next_after)? }))
}

/// A shipment to announce.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShipmentAnnouncement {
    /// `por_…`.
    #[schema(example = "por_0198c2f07a3b7c11a2d34e5f60718293")]
    pub pooled_order_id: String,
    /// `sit_…` of the platform or of the site itself.
    #[schema(example = "sit_0198c2f07a3b7c11a2d34e5f60718293")]
    pub destination_site_id: String,
    /// The supplier's number of the despatch, 1 to 50 characters, unique for the supplier.
    #[schema(example = "EXP-2026-0098")]
    pub despatch_number: String,
    /// 0 to 5,000; one per article and batch.
    #[serde(default)]
    pub lines: Vec<ShipmentLineInput>,
    /// For every article of the order at this destination that is not wholly shipped; missing ones are cancelled.
    #[serde(default)]
    pub still_to_come: Vec<StillToCome>,
}

/// An announced shipment.
#[derive(Serialize, ToSchema)]
pub struct AnnouncedShipment {
    /// The shipment.
    pub shipment: Shipment,
    /// Base units that never come, cancelled by it.
    pub units_cancelled: i64,
    /// `dlv_…` of the delivery made from a direct shipment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_id: Option<String>,
}

/// Announces a shipment to one destination; what is neither shipped nor still to come is cancelled.
#[utoipa::path(post, path = "/v1/groups/{group_id}/shipments", tag = "logistics", request_body = ShipmentAnnouncement, responses((status = 201, body = AnnouncedShipment)))]
async fn announce_shipment(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<ShipmentAnnouncement>,
) -> Result<(StatusCode, Json<AnnouncedShipment>), Problem> {
    let request = pb::AnnounceShipmentRequest {
        request_id,
        pooled_order_id: body.pooled_order_id,
        destination_site_id: body.destination_site_id,
        despatch_number: body.despatch_number,
        lines: all(body.lines),
        still_to_come: all(body.still_to_come),
    };
    let answer = call(&app.peers.logistics, &session.caller, request, |channel, request| async move {
        logistics(channel).announce_shipment(request).await
    })
    .await?;
    let announced = AnnouncedShipment {
        shipment: promised(answer.shipment, "shipment")?.into(),
        units_cancelled: answer.units_cancelled,
        delivery_id: Some(answer.delivery_id).filter(|id| !id.is_empty()),
    };
    Ok((StatusCode::CREATED, Json(announced)))
}

/// What arrived.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceivedLines {
    /// Every line once; none at all means that all arrived in good order.
    #[serde(default)]
    pub lines: Vec<ReceivedLine>,
}

/// A receipt.
#[derive(Serialize, ToSchema)]
pub struct Receipt {
    /// `rcp_…`.
    #[schema(example = "rcp_0198c2f07a3b7c11a2d34e5f60718293")]
    pub receipt_id: String,
    /// The shipment.
    pub shipment: Shipment,
    /// `dlv_…` of the deliveries prepared from it, one per site.
    pub delivery_ids: Vec<String>,
}

/// Records what arrived at the platform and shares it out to delivery points by the stated rule.
#[utoipa::path(post, path = "/v1/groups/{group_id}/shipments/{shipment_id}/receive", tag = "logistics", request_body = ReceivedLines, responses((status = 200, body = Receipt)))]
async fn receive_shipment(
    State(app): State<App>,
    session: Session,
    Id(shipment_id): Id,
    RequestId(request_id): RequestId,
    Body(body): Body<ReceivedLines>,
) -> Result<Json<Receipt>, Problem> {
    let request = pb::ReceiveShipmentRequest { request_id, shipment_id, lines: all(body.lines) };
    let answer = call(&app.peers.logistics, &session.caller, request, |channel, request| async move {
        logistics(channel).receive_shipment(request).await
    })
    .await?;
    Ok(Json(Receipt {
        receipt_id: answer.receipt_id,
        shipment: promised(answer.shipment, "shipment")?.into(),
        delivery_ids: answer.delivery_ids,
    }))
}

/// How receipts and cancellations were shared, replayable.
#[utoipa::path(get, path = "/v1/groups/{group_id}/allocations", tag = "logistics", params(ShipmentFilter, PageParams), responses((status = 200, body = AllocationPage)))]
async fn list_allocations(
    State(app): State<App>,
    session: Session,
    paging: Paging<ShipmentFilter>,
) -> Result<Json<AllocationPage>, Problem> {
    let pooled_order_id = paging.filter.pooled_order_id.clone().unwrap_or_default();
    let request = pb::ListAllocationsRequest { pooled_order_id, page: paging.page() };
    let answer = call(&app.peers.logistics, &session.caller, request, |channel, request| async move {
        logistics(channel).list_allocations(request).await
    })
    .await?;
    Ok(Json(AllocationPage { allocations: all(answer.allocations), next_page_token: paging.next(&answer.next_after)? }))
}

/// Which deliveries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeliveryFilter {
    /// Only those in this state.
    pub state: Option<DeliveryState>,
}

/// Deliveries of the group; requesters and receivers see their member's.
#[utoipa::path(get, path = "/v1/groups/{group_id}/deliveries", tag = "logistics", params(DeliveryFilter, PageParams), responses((status = 200, body = DeliveryPage)))]
async fn list_deliveries(
    State(app): State<App>,
    session: Session,
    paging: Paging<DeliveryFilter>,
) -> Result<Json<DeliveryPage>, Problem> {
    deliveries(&app, &session, &paging).await
}

/// Deliveries that a session sees.
pub(super) async fn deliveries(
    app: &App,
    session: &Session,
    paging: &Paging<DeliveryFilter>,
) -> Result<Json<DeliveryPage>, Problem> {
    let request = pb::ListDeliveriesRequest { state: paging.filter.state.map_or(0, i32::from), page: paging.page() };
    let answer = call(&app.peers.logistics, &session.caller, request, |channel, request| async move {
        logistics(channel).list_deliveries(request).await
    })
    .await?;
    Ok(Json(DeliveryPage { deliveries: all(answer.deliveries), next_page_token: paging.next(&answer.next_after)? }))
}

/// One delivery with its lines.
#[utoipa::path(get, path = "/v1/groups/{group_id}/deliveries/{delivery_id}", tag = "logistics", responses((status = 200, body = Delivery)))]
async fn get_delivery(
    State(app): State<App>,
    session: Session,
    Id(delivery_id): Id,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    delivery(&app, &session, delivery_id, &headers).await
}

/// A delivery that a session sees.
pub(super) async fn delivery(
    app: &App,
    session: &Session,
    delivery_id: String,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let answer = call(
        &app.peers.logistics,
        &session.caller,
        pb::GetDeliveryRequest { delivery_id },
        |channel, request| async move { logistics(channel).get_delivery(request).await },
    )
    .await?;
    let delivery = Delivery::from(promised(answer.delivery, "delivery")?);
    Ok(tagged(headers, delivery.version, delivery))
}

/// Sends a delivery off.
#[utoipa::path(post, path = "/v1/groups/{group_id}/deliveries/{delivery_id}/dispatch", tag = "logistics", responses((status = 200, body = Delivery)))]
async fn dispatch_delivery(
    State(app): State<App>,
    session: Session,
    Id(delivery_id): Id,
    RequestId(request_id): RequestId,
) -> Result<Response, Problem> {
    let request = pb::DispatchDeliveryRequest { request_id, delivery_id };
    let answer = call(&app.peers.logistics, &session.caller, request, |channel, request| async move {
        logistics(channel).dispatch_delivery(request).await
    })
    .await?;
    let delivery = Delivery::from(promised(answer.delivery, "delivery")?);
    Ok(changed(delivery.version, delivery))
}

/// Records the proof of delivery.
#[utoipa::path(post, path = "/v1/groups/{group_id}/deliveries/{delivery_id}/prove", tag = "logistics", request_body = Proof, responses((status = 200, body = Delivery)))]
async fn prove_delivery(
    State(app): State<App>,
    session: Session,
    Id(delivery_id): Id,
    RequestId(request_id): RequestId,
    Body(proof): Body<Proof>,
) -> Result<Response, Problem> {
    let request = pb::ProveDeliveryRequest { request_id, delivery_id, proof: Some(proof.into()) };
    let answer = call(&app.peers.logistics, &session.caller, request, |channel, request| async move {
        logistics(channel).prove_delivery(request).await
    })
    .await?;
    let delivery = Delivery::from(promised(answer.delivery, "delivery")?);
    Ok(changed(delivery.version, delivery))
}

/// What the member accepted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CertifiedLines {
    /// Every line once; none at all accepts everything.
    #[serde(default)]
    pub lines: Vec<CertifiedLine>,
}

/// Certifies receipt line by line (service fait); never by who ordered it.
#[utoipa::path(post, path = "/v1/groups/{group_id}/deliveries/{delivery_id}/certify", tag = "logistics", request_body = CertifiedLines, responses((status = 200, body = Delivery)))]
async fn certify_delivery(
    State(app): State<App>,
    session: Session,
    Id(delivery_id): Id,
    RequestId(request_id): RequestId,
    IfMatchMaybe(expected_version): IfMatchMaybe,
    Body(body): Body<CertifiedLines>,
) -> Result<Response, Problem> {
    let request = pb::CertifyDeliveryRequest { request_id, delivery_id, lines: all(body.lines), expected_version };
    let answer = call(&app.peers.logistics, &session.caller, request, |channel, request| async move {
        logistics(channel).certify_delivery(request).await
    })
    .await?;
    let delivery = Delivery::from(promised(answer.delivery, "delivery")?);
    Ok(changed(delivery.version, delivery))
}

/// What never comes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Cancellation {
    /// `pll_…` of the order's line.
    #[schema(example = "pll_0198c2f07a3b7c11a2d34e5f60718293")]
    pub pooled_line_id: String,
    /// Why, 1 to 500 characters.
    #[schema(example = "Rupture confirmée par le fournisseur le 12 mars.")]
    pub cause: String,
}

/// What was cancelled.
#[derive(Serialize, ToSchema)]
pub struct CancelledUnits {
    /// Base units.
    pub units_cancelled: i64,
}

/// Declares that what is still outstanding of an order's article never comes.
#[utoipa::path(post, path = "/v1/groups/{group_id}/pooled-orders/{pooled_order_id}/cancel-outstanding", tag = "logistics", request_body = Cancellation, responses((status = 200, body = CancelledUnits)))]
async fn cancel_outstanding(
    State(app): State<App>,
    session: Session,
    Id(pooled_order_id): Id,
    RequestId(request_id): RequestId,
    Body(Cancellation { pooled_line_id, cause }): Body<Cancellation>,
) -> Result<Json<CancelledUnits>, Problem> {
    let request = pb::CancelOutstandingRequest { request_id, pooled_order_id, pooled_line_id, cause };
    let answer = call(&app.peers.logistics, &session.caller, request, |channel, request| async move {
        logistics(channel).cancel_outstanding(request).await
    })
    .await?;
    Ok(Json(CancelledUnits { units_cancelled: answer.units_cancelled }))
}
