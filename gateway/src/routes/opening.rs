//! What exists on the first day: opening figures, each dated and with its source. All rows or none; the same rows again add
//! nothing; a dry run only reports.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use kit::Failure;
use proto::{
    common::v1::RowError,
    demand::v1::{self as demand, OpeningHeader, OpeningKind, OpeningRows},
    tendering::v1 as pb,
};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::needs::{FaultsAs, accepts_workbook, corrections, format_of};
use crate::{
    App,
    body::{Body, FILE_LIMIT},
    dto::{
        all,
        opening::{
            ConsumptionInput, ConsumptionPage, LotConsumptionInput, LotConsumptionPage, MemberCodeInput,
            MemberCodePage, OpenOrderInput, OpeningReport,
        },
        orders::PooledOrderPage,
    },
    idempotency::{RequestId, derived},
    import::{Spool, blocking, open},
    opening_file::{self, Defaults},
    opening_import::{Rows, keep, load},
    pages::{PageParams, Paging, Params},
    problem::Problem,
    session::Session,
    sheet::{Schema, SheetFile, fault},
    upstream::{call, demand as demand_client, opening, tendering},
};

/// Most rows of a JSON list, and of a file about lots.
const ROWS: usize = 5_000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_member_codes, load_member_codes))
        .routes(routes!(load_member_codes_file))
        .routes(routes!(list_consumption, load_consumption))
        .routes(routes!(load_consumption_file))
        .routes(routes!(list_open_orders, load_open_orders))
        .routes(routes!(load_open_orders_file))
        .routes(routes!(list_lot_consumption, enter_lot_consumption))
        .routes(routes!(enter_lot_consumption_file))
}

/// How opening rows are taken.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OpeningParams {
    /// Only reports what would happen, faults and rows that match nothing included, and changes nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// How a file of opening rows is taken.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OpeningFileParams {
    /// Only reports what would happen, faults and rows that match nothing included, and changes nothing.
    #[serde(default)]
    pub dry_run: bool,
    /// Day on which the figures were drawn up, for rows that do not say it, ISO date.
    #[serde(default)]
    pub as_of: String,
    /// Where they come from, for rows that do not say it.
    #[serde(default)]
    pub source: String,
    /// `problem` (unless given) or `workbook`; asking for a workbook with `Accept` does the same.
    #[serde(default)]
    #[param(inline)]
    pub errors: FaultsAs,
}

/// What became of rows.
struct Told {
    report: OpeningReport,
    errors: Vec<RowError>,
}

impl From<demand::LoadOpeningResponse> for Told {
    fn from(answer: demand::LoadOpeningResponse) -> Self {
        let report = OpeningReport {
            dry_run: false,
            added: answer.added,
            unchanged: answer.unchanged,
            units: answer.units,
            amount_cents: answer.amount_cents,
            reference_prices: answer.reference_prices,
            unmatched_count: answer.unmatched_count,
            unmatched: all(answer.unmatched),
            error_count: answer.error_count,
            errors: Vec::new(),
        };
        Self { report, errors: answer.errors }
    }
}

impl From<pb::EnterLotConsumptionResponse> for Told {
    fn from(answer: pb::EnterLotConsumptionResponse) -> Self {
        let pb::EnterLotConsumptionResponse { added, unchanged, amount_cents, errors } = answer;
        let error_count = i64::try_from(errors.len()).unwrap_or(i64::MAX);
        let answer = demand::LoadOpeningResponse {
            added,
            unchanged,
            amount_cents,
            error_count,
            errors,
            ..demand::LoadOpeningResponse::default()
        };
        answer.into()
    }
}

/// The report; a problem when rows are at fault and more than a report was asked for.
fn reported(code: &'static str, dry_run: bool, told: Told) -> Result<Json<OpeningReport>, Problem> {
    let Told { report, errors } = told;
    if report.error_count > 0 && !dry_run {
        return Err(Problem::rows(code, report.error_count, all(errors)));
    }
    Ok(Json(OpeningReport { dry_run, errors: all(errors), ..report }))
}

/// As [`reported`] for a file: columns by the names that they have in it, or the file again with its faults.
async fn reported_file(
    app: &App,
    file: Arc<SheetFile>,
    dry_run: bool,
    as_workbook: bool,
    told: Told,
) -> Result<Response, Problem> {
    if told.report.error_count > 0 && as_workbook {
        return corrections(app, file, told.errors, told.report.error_count, "ouverture-erreurs.xlsx").await;
    }
    let shown = |fault: RowError| RowError { column: file.layout().shown(fault.column), ..fault };
    let told = Told { errors: told.errors.into_iter().map(shown).collect(), ..told };
    Ok(reported("OPENING_FILE_INVALID", dry_run, told)?.into_response())
}

/// An upload that was read as far as its header.
struct Upload {
    file: Arc<SheetFile>,
    sha256: String,
    as_workbook: bool,
    dry_run: bool,
    defaults: Defaults,
}

/// Receives a file.
async fn receive(
    app: &App,
    request: Request,
    schema: &'static Schema,
    params: OpeningFileParams,
) -> Result<Upload, Problem> {
    let format = format_of(request.headers())?;
    let as_workbook = params.errors == FaultsAs::Workbook || accepts_workbook(request.headers());
    let spool = Spool::receive(request.into_body(), &app.spool_dir, FILE_LIMIT).await?;
    match open(app, &spool, format, schema, Vec::new()).await? {
        Ok(file) => Ok(Upload {
            file: Arc::new(file),
            sha256: spool.sha256().to_owned(),
            as_workbook,
            dry_run: params.dry_run,
            defaults: Defaults { as_of: params.as_of, source: params.source },
        }),
        Err(faults) => {
            let count = i64::try_from(faults.len()).unwrap_or(i64::MAX);
            Err(Problem::rows("OPENING_FILE_INVALID", count, all(faults)))
        }
    }
}

impl Upload {
    /// Names the load by what is loaded where: the same file twice adds nothing.
    fn request_id(&self, kind: &str, session: &Session) -> Result<String, Failure> {
        let group = session.caller.group()?.to_string();
        let Defaults { as_of, source } = &self.defaults;
        Ok(derived(&["opening file", kind, &group, &self.sha256, as_of, source, if self.dry_run { "dry" } else { "" }]))
    }
}

fn nothing() -> Problem {
    let why =
        ("Le fichier ne contient aucune ligne.".to_owned(), "Ajoutez au moins une ligne sous l'en-tête.".to_owned());
    Problem::rows("OPENING_FILE_INVALID", 1, all(vec![fault(0, "", "", why)]))
}

async fn load_file(app: &App, session: &Session, upload: Upload, kind: OpeningKind) -> Result<Response, Problem> {
    let header = OpeningHeader {
        request_id: upload.request_id(kind.as_str_name(), session)?,
        // With what its rows leave out: the same file of another day is another load.
        sha256: hashed(&[&upload.sha256, &upload.defaults.as_of, &upload.defaults.source]),
        kind: kind.into(),
        dry_run: upload.dry_run,
    };
    let rows = Rows::File(upload.file.clone(), upload.defaults);
    let (answer, count) = load(app, &session.caller, header, rows).await?;
    if count == 0 {
        return Err(nothing());
    }
    reported_file(app, upload.file, upload.dry_run, upload.as_workbook, answer.into()).await
}

async fn load_list(
    app: &App,
    session: &Session,
    request_id: String,
    kind: OpeningKind,
    dry_run: bool,
    rows: OpeningRows,
) -> Result<Json<OpeningReport>, Problem> {
    let count = rows.codes.len() + rows.consumption.len() + rows.orders.len();
    if !(1..=ROWS).contains(&count) {
        return Err(Failure::invalid_field("", format!("must have 1 to {ROWS} rows")).into());
    }
    let sha256 = hex::encode(Sha256::digest(prost::Message::encode_to_vec(&rows)));
    let header = OpeningHeader { request_id, sha256, kind: kind.into(), dry_run };
    let (answer, _) = load(app, &session.caller, header, Rows::List(rows)).await?;
    reported("OPENING_INVALID", dry_run, answer.into())
}

fn hashed(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
        hash.update([0]);
    }
    hex::encode(hash.finalize())
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

/// Orders placed before Centrale; requesters and receivers see their member's.
#[utoipa::path(get, path = "/v1/groups/{group_id}/opening/open-orders", tag = "opening", params(PageParams), responses((status = 200, body = PooledOrderPage)))]
async fn list_open_orders(
    State(app): State<App>,
    session: Session,
    paging: Paging,
) -> Result<Json<PooledOrderPage>, Problem> {
    let request = demand::ListPooledOrdersRequest { plan_id: String::new(), page: paging.page(), opening_only: true };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        demand_client(channel).list_pooled_orders(request).await
    })
    .await?;
    Ok(Json(PooledOrderPage { orders: all(answer.orders), next_page_token: paging.next(&answer.next_after)? }))
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

/// Which rows.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LotFilter {
    /// Only of this lot, `lot_…`.
    pub lot_id: Option<String>,
}

/// Which rows.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MemberFilter {
    /// Only of this member, `pty_…`.
    pub party_id: Option<String>,
}

/// Members' own codes of articles; requesters and receivers see their member's.
#[utoipa::path(get, path = "/v1/groups/{group_id}/opening/codes", tag = "opening", params(MemberFilter, PageParams), responses((status = 200, body = MemberCodePage)))]
async fn list_member_codes(
    State(app): State<App>,
    session: Session,
    paging: Paging<MemberFilter>,
) -> Result<Json<MemberCodePage>, Problem> {
    let party_id = paging.filter.party_id.clone().unwrap_or_default();
    let request = demand::ListMemberCodesRequest { party_id, page: paging.page() };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        opening(channel).list_member_codes(request).await
    })
    .await?;
    Ok(Json(MemberCodePage { rows: all(answer.rows), next_page_token: paging.next(&answer.next_after)? }))
}

/// What members consumed before, by month; requesters and receivers see their member's.
#[utoipa::path(get, path = "/v1/groups/{group_id}/opening/consumption", tag = "opening", params(MemberFilter, PageParams), responses((status = 200, body = ConsumptionPage)))]
async fn list_consumption(
    State(app): State<App>,
    session: Session,
    paging: Paging<MemberFilter>,
) -> Result<Json<ConsumptionPage>, Problem> {
    let party_id = paging.filter.party_id.clone().unwrap_or_default();
    let request = demand::ListConsumptionRequest { party_id, page: paging.page() };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        opening(channel).list_consumption(request).await
    })
    .await?;
    Ok(Json(ConsumptionPage { rows: all(answer.rows), next_page_token: paging.next(&answer.next_after)? }))
}

/// What members had consumed of lots before they were entered here; requesters and receivers see their member's.
#[utoipa::path(get, path = "/v1/groups/{group_id}/opening/lot-consumption", tag = "opening", params(LotFilter, PageParams), responses((status = 200, body = LotConsumptionPage)))]
async fn list_lot_consumption(
    State(app): State<App>,
    session: Session,
    paging: Paging<LotFilter>,
) -> Result<Json<LotConsumptionPage>, Problem> {
    let request =
        pb::ListLotConsumptionRequest { lot_id: paging.filter.lot_id.clone().unwrap_or_default(), page: paging.page() };
    let answer = call(&app.peers.tendering, &session.caller, request, |channel, request| async move {
        tendering(channel).list_lot_consumption(request).await
    })
    .await?;
    Ok(Json(LotConsumptionPage { rows: all(answer.rows), next_page_token: paging.next(&answer.next_after)? }))
}
