//! A party across its groups: one list for a hospital in several groups, one inbox for a supplier or a platform. Each row
//! says its group; changes are made in that group.

use axum::{Json, extract::State, http::HeaderMap, response::Response};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Id,
    logistics::{self, DeliveryFilter, ExpectedFilter, ShipmentFilter},
    needs::{self, NeedFilter},
    orders::{self, FileParams, OrderFilter, OrderLineFilter, PooledOrderFilter, PooledOrderWithLines},
    tendering::{self, AgreementFilter},
};
use crate::{
    App,
    dto::{
        deliveries::{Delivery, DeliveryPage},
        needs::NeedPage,
        orders::{OrderFormPage, OrderLinePage, PooledOrderPage},
        shipments::{ExpectedPage, ShipmentPage},
        tendering::AgreementPage,
    },
    pages::{PageParams, Paging, Params},
    problem::Problem,
    session::Session,
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_party_agreements))
        .routes(routes!(list_party_needs))
        .routes(routes!(list_party_orders))
        .routes(routes!(get_party_order))
        .routes(routes!(download_party_order))
        .routes(routes!(list_party_order_forms))
        .routes(routes!(list_party_order_lines))
        .routes(routes!(list_party_expected))
        .routes(routes!(list_party_shipments))
        .routes(routes!(list_party_deliveries))
        .routes(routes!(get_party_delivery))
}

/// Agreements that a supplier holds, across groups.
#[utoipa::path(get, path = "/v1/parties/{party_id}/agreements", tag = "parties", params(AgreementFilter, PageParams), responses((status = 200, body = AgreementPage)))]
async fn list_party_agreements(
    State(app): State<App>,
    session: Session,
    paging: Paging<AgreementFilter>,
) -> Result<Json<AgreementPage>, Problem> {
    tendering::agreements(&app, &session, &paging).await
}

/// Needs of a member across its groups.
#[utoipa::path(get, path = "/v1/parties/{party_id}/needs", tag = "parties", params(NeedFilter, PageParams), responses((status = 200, body = NeedPage)))]
async fn list_party_needs(
    State(app): State<App>,
    session: Session,
    paging: Paging<NeedFilter>,
) -> Result<Json<NeedPage>, Problem> {
    needs::needs(&app, &session, &paging).await
}

/// Pooled orders of a supplier across groups.
#[utoipa::path(get, path = "/v1/parties/{party_id}/orders", tag = "parties", params(PooledOrderFilter, PageParams), responses((status = 200, body = PooledOrderPage)))]
async fn list_party_orders(
    State(app): State<App>,
    session: Session,
    paging: Paging<PooledOrderFilter>,
) -> Result<Json<PooledOrderPage>, Problem> {
    orders::pooled_orders(&app, &session, &paging).await
}

/// One pooled order of a supplier, with its lines.
#[utoipa::path(get, path = "/v1/parties/{party_id}/orders/{pooled_order_id}", tag = "parties", responses((status = 200, body = PooledOrderWithLines)))]
async fn get_party_order(
    State(app): State<App>,
    session: Session,
    Id(pooled_order_id): Id,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    orders::pooled_order(&app, &session, pooled_order_id, &headers).await
}

/// One pooled order of a supplier as a file, with its order forms and delivery points.
#[utoipa::path(
    get,
    path = "/v1/parties/{party_id}/orders/{pooled_order_id}/file",
    tag = "parties",
    params(FileParams),
    responses((status = 200, description = "The file.", content(
        (String = "text/csv"), (Vec<u8> = "application/pdf"),
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))))
)]
async fn download_party_order(
    State(app): State<App>,
    session: Session,
    Id(pooled_order_id): Id,
    Params(FileParams { format }): Params<FileParams>,
) -> Result<Response, Problem> {
    orders::order_as_file(&app, &session, &pooled_order_id, format).await
}

/// Order forms of a member across its groups.
#[utoipa::path(get, path = "/v1/parties/{party_id}/order-forms", tag = "parties", params(OrderFilter, PageParams), responses((status = 200, body = OrderFormPage)))]
async fn list_party_order_forms(
    State(app): State<App>,
    session: Session,
    paging: Paging<OrderFilter>,
) -> Result<Json<OrderFormPage>, Problem> {
    orders::order_forms(&app, &session, &paging).await
}

/// Order lines of a member or a supplier across groups.
#[utoipa::path(get, path = "/v1/parties/{party_id}/order-lines", tag = "parties", params(OrderLineFilter, PageParams), responses((status = 200, body = OrderLinePage)))]
async fn list_party_order_lines(
    State(app): State<App>,
    session: Session,
    paging: Paging<OrderLineFilter>,
) -> Result<Json<OrderLinePage>, Problem> {
    orders::order_lines(&app, &session, &paging).await
}

/// What a supplier must ship, or a platform expects, across groups.
#[utoipa::path(get, path = "/v1/parties/{party_id}/expected", tag = "parties", params(ExpectedFilter, PageParams), responses((status = 200, body = ExpectedPage)))]
async fn list_party_expected(
    State(app): State<App>,
    session: Session,
    paging: Paging<ExpectedFilter>,
) -> Result<Json<ExpectedPage>, Problem> {
    logistics::expected(&app, &session, &paging).await
}

/// Shipments of a supplier or to a platform, across groups.
#[utoipa::path(get, path = "/v1/parties/{party_id}/shipments", tag = "parties", params(ShipmentFilter, PageParams), responses((status = 200, body = ShipmentPage)))]
async fn list_party_shipments(
    State(app): State<App>,
    session: Session,
    paging: Paging<ShipmentFilter>,
) -> Result<Json<ShipmentPage>, Problem> {
    logistics::shipments(&app, &session, &paging).await
}

/// Deliveries to a member or from a platform, across groups.
#[utoipa::path(get, path = "/v1/parties/{party_id}/deliveries", tag = "parties", params(DeliveryFilter, PageParams), responses((status = 200, body = DeliveryPage)))]
async fn list_party_deliveries(
    State(app): State<App>,
    session: Session,
    paging: Paging<DeliveryFilter>,
) -> Result<Json<DeliveryPage>, Problem> {
    logistics::deliveries(&app, &session, &paging).await
}

/// One delivery of a party, with its lines.
#[utoipa::path(get, path = "/v1/parties/{party_id}/deliveries/{delivery_id}", tag = "parties", responses((status = 200, body = Delivery)))]
async fn get_party_delivery(
    State(app): State<App>,
    session: Session,
    Id(delivery_id): Id,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    logistics::delivery(&app, &session, delivery_id, &headers).await
}
