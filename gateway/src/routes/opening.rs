//! What exists on the first day: opening figures, each dated and with its source. All rows or none; the same rows again add
//! nothing; a dry run only reports.

use axum::{
    Json,
    extract::{Request, State},
    response::Response,
};
use kit::Failure;
use proto::{
    demand::v1::{OpeningKind, OpeningRows},
    tendering::v1 as pb,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use self::loading::{
    OpeningFileParams, OpeningParams, ROWS, load_file, load_list, nothing, receive, reported, reported_file,
};
use crate::{
    App,
    body::Body,
    dto::opening::{ConsumptionInput, LotConsumptionInput, MemberCodeInput, OpenOrderInput, OpeningReport},
    idempotency::RequestId,
    import::blocking,
    opening_file,
    opening_import::keep,
    pages::Params,
    problem::Problem,
    session::Session,
    upstream::{call, tendering},
};

mod lists;
mod loading;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(lists::list_member_codes, load_member_codes))
        .routes(routes!(load_member_codes_file))
        .routes(routes!(lists::list_consumption, load_consumption))
        .routes(routes!(load_consumption_file))
        .routes(routes!(lists::list_open_orders, load_open_orders))
        .routes(routes!(load_open_orders_file))
        .routes(routes!(lists::list_lot_consumption, enter_lot_consumption))
        .routes(routes!(enter_lot_consumption_file))
}

/// Loads members' own codes of articles, 1 to 5,000, all or none.
///
/// Afterwards a member may write its own code where an article is asked for: in needs, in files, in consumption. A code names one
/// article and does not change; the same rows again add nothing.
#[utoipa::path(
    post,
    path = "/v1/groups/{group_id}/opening/codes",
    tag = "opening",
    params(OpeningParams),
    request_body = Vec<MemberCodeInput>,
    responses((status = 200, body = OpeningReport))
)]
async fn load_member_codes(
    State(app): State<App>,
    session: Session,
    Params(OpeningParams { dry_run }): Params<OpeningParams>,
    RequestId(request_id): RequestId,
    Body(rows): Body<Vec<MemberCodeInput>>,
) -> Result<Json<OpeningReport>, Problem> {
    let codes = (1..).zip(rows).map(|(number, row)| row.at(number)).collect();
    let rows = OpeningRows { codes, ..OpeningRows::default() };
    load_list(&app, &session, request_id, OpeningKind::Codes, dry_run, rows).await
}

/// Loads members' own codes from a CSV file or an .xlsx workbook, all or none.
///
/// Columns: `member`, `code`, `article`, `label` (optional), by these or French names. At most 64 MiB and 100,000 rows.
#[utoipa::path(
    post,
    path = "/v1/groups/{group_id}/opening/codes/file",
    tag = "opening",
    params(OpeningFileParams),
    request_body(content(
        (String = "text/csv", example = "member;code;article;label\nkey:brest;012345;key:gant-nitrile-m;Gant\n"),
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
    )),
    responses((status = 200, body = OpeningReport))
)]
async fn load_member_codes_file(
    State(app): State<App>,
    session: Session,
    Params(params): Params<OpeningFileParams>,
    request: Request,
) -> Result<Response, Problem> {
    let upload = receive(&app, request, &opening_file::CODES, params).await?;
    load_file(&app, &session, upload, OpeningKind::Codes).await
}

/// Loads what members consumed by month, 1 to 5,000 rows, all or none.
///
/// One row for each member, article, month and site (or none); figures do not change afterwards, the same rows again add nothing.
/// Prepared workbooks show the last twelve months; where no reference price was stated, their average price becomes it.
#[utoipa::path(
    post,
    path = "/v1/groups/{group_id}/opening/consumption",
    tag = "opening",
    params(OpeningParams),
    request_body = Vec<ConsumptionInput>,
    responses((status = 200, body = OpeningReport))
)]
async fn load_consumption(
    State(app): State<App>,
    session: Session,
    Params(OpeningParams { dry_run }): Params<OpeningParams>,
    RequestId(request_id): RequestId,
    Body(rows): Body<Vec<ConsumptionInput>>,
) -> Result<Json<OpeningReport>, Problem> {
    let consumption = (1..).zip(rows).map(|(number, row)| row.at(number)).collect();
    let rows = OpeningRows { consumption, ..OpeningRows::default() };
    load_list(&app, &session, request_id, OpeningKind::Consumption, dry_run, rows).await
}

/// Loads what members consumed from a CSV file or an .xlsx workbook, all or none.
///
/// Columns: `member`, `article` (the member's own code, or one that all share), `month`, `units`, `amount` in euros or
/// `amount_cents` (optional), `site` (optional), `label` (optional), `as_of` and `source` (or once for all rows in the query), by
/// these or French names. At most 64 MiB; 200,000 rows of CSV, 100,000 of a workbook.
#[utoipa::path(
    post,
    path = "/v1/groups/{group_id}/opening/consumption/file",
    tag = "opening",
    params(OpeningFileParams),
    request_body(content(
        (String = "text/csv", example = "member;article;month;units;amount\nkey:brest;012345;10/2026;1200;58,97\n"),
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
    )),
    responses((status = 200, body = OpeningReport))
)]
async fn load_consumption_file(
    State(app): State<App>,
    session: Session,
    Params(params): Params<OpeningFileParams>,
    request: Request,
) -> Result<Response, Problem> {
    let upload = receive(&app, request, &opening_file::CONSUMPTION, params).await?;
    load_file(&app, &session, upload, OpeningKind::Consumption).await
}

/// Loads orders placed before and not delivered yet, 1 to 5,000 rows, all or none.
///
/// Rows of one member, number and lot are one pooled order of that member, under its own number, delivered straight to its site: what
/// is outstanding can be shipped, delivered, certified or given up as of any other order. Its amount is part of the lot's opening
/// consumption: nothing is reserved again, more than was consumed is refused, and what is given up stays consumed.
#[utoipa::path(
    post,
    path = "/v1/groups/{group_id}/opening/open-orders",
    tag = "opening",
    params(OpeningParams),
    request_body = Vec<OpenOrderInput>,
    responses((status = 200, body = OpeningReport))
)]
async fn load_open_orders(
    State(app): State<App>,
    session: Session,
    Params(OpeningParams { dry_run }): Params<OpeningParams>,
    RequestId(request_id): RequestId,
    Body(rows): Body<Vec<OpenOrderInput>>,
) -> Result<Json<OpeningReport>, Problem> {
    let orders = (1..).zip(rows).map(|(number, row)| row.at(number)).collect();
    let rows = OpeningRows { orders, ..OpeningRows::default() };
    load_list(&app, &session, request_id, OpeningKind::OpenOrders, dry_run, rows).await
}

/// Loads orders placed before and not delivered yet from a CSV file or an .xlsx workbook, all or none.
///
/// Columns: `member`, `site`, `agreement`, `lot_number`, `article`, `packaging` (optional where the code names it), `ordered_units`,
/// `delivered_units` (optional), `unit_price`, `ordered_on`, `number`, `supplier` (optional), `label` (optional), `as_of` and `source`
/// (or once for all rows in the query), by these or French names. At most 64 MiB and 5,000 rows.
#[utoipa::path(
    post,
    path = "/v1/groups/{group_id}/opening/open-orders/file",
    tag = "opening",
    params(OpeningFileParams),
    request_body(content(
        (String = "text/csv", example = "member;site;agreement;lot;article;ordered_units;unit_price;ordered_on;number\n"),
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
    )),
    responses((status = 200, body = OpeningReport))
)]
async fn load_open_orders_file(
    State(app): State<App>,
    session: Session,
    Params(params): Params<OpeningFileParams>,
    request: Request,
) -> Result<Response, Problem> {
    let upload = receive(&app, request, &opening_file::OPEN_ORDERS, params).await?;
    load_file(&app, &session, upload, OpeningKind::OpenOrders).await
}

/// Enters what each member had consumed of lots before they were entered here, 1 to 5,000 rows, all or none.
///
/// A lot's members are entered at once, and sum to its `opening_consumed_cents`; afterwards the agreement shows them. Faults are
/// told all at once, by row (1 for the first) and field, as a problem with code `OPENING_INVALID`.
#[utoipa::path(
    post,
    path = "/v1/groups/{group_id}/opening/lot-consumption",
    tag = "opening",
    params(OpeningParams),
    request_body = Vec<LotConsumptionInput>,
    responses((status = 200, body = OpeningReport))
)]
async fn enter_lot_consumption(
    State(app): State<App>,
    session: Session,
    Params(OpeningParams { dry_run }): Params<OpeningParams>,
    RequestId(request_id): RequestId,
    Body(rows): Body<Vec<LotConsumptionInput>>,
) -> Result<Json<OpeningReport>, Problem> {
    let rows = (1..).zip(rows).map(|(number, row)| row.at(number)).collect();
    let request = pb::EnterLotConsumptionRequest { request_id, rows, dry_run, errors: Vec::new() };
    let answer = enter_lots(&app, &session, request).await?;
    reported("OPENING_INVALID", dry_run, answer.into())
}

async fn enter_lots(
    app: &App,
    session: &Session,
    request: pb::EnterLotConsumptionRequest,
) -> Result<pb::EnterLotConsumptionResponse, Failure> {
    call(&app.peers.tendering, &session.caller, request, |channel, request| async move {
        tendering(channel).enter_lot_consumption(request).await
    })
    .await
}

/// Enters what each member had consumed of lots from a CSV file or an .xlsx workbook, all or none.
///
/// Columns: `agreement`, `lot_number`, `member`, `amount` in euros or `amount_cents`, `as_of` and `source` (or once for all rows in
/// the query), by these or French names. At most 64 MiB and 5,000 rows.
#[utoipa::path(
    post,
    path = "/v1/groups/{group_id}/opening/lot-consumption/file",
    tag = "opening",
    params(OpeningFileParams),
    request_body(content(
        (String = "text/csv", example = "agreement;lot_number;member;amount\nkey:ght-med;1;key:brest;427090,05\n"),
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
    )),
    responses((status = 200, body = OpeningReport))
)]
async fn enter_lot_consumption_file(
    State(app): State<App>,
    session: Session,
    Params(params): Params<OpeningFileParams>,
    request: Request,
) -> Result<Response, Problem> {
    let upload = receive(&app, request, &opening_file::LOTS, params).await?;
    let request_id = upload.request_id("lots", &session)?;
    let (file, defaults) = (upload.file.clone(), upload.defaults.clone());
    let (rows, errors) = blocking(move || {
        let (mut read, mut errors) = (Vec::new(), Vec::new());
        let mut rows = file.rows()?;
        // One more than there may be, so that tendering says that there are too many.
        while let Some(row) = rows.next()?.filter(|_| read.len() + errors.len() <= ROWS) {
            if let Some(row) = opening_file::lot(file.layout(), &row, &defaults) {
                keep(row, &mut read, &mut errors);
            }
        }
        Ok((read, errors))
    })
    .await?;
    if rows.is_empty() && errors.is_empty() {
        return Err(nothing());
    }
    let request = pb::EnterLotConsumptionRequest { request_id, rows, dry_run: upload.dry_run, errors };
    let answer = enter_lots(&app, &session, request).await?;
    reported_file(&app, upload.file, upload.dry_run, upload.as_workbook, answer.into()).await
}
