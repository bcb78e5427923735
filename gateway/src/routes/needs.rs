//! Needs: one, a batch or a file; changed and withdrawn while their round is open.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use kit::Failure;
use proto::{common::v1::RowError, demand::v1 as pb};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncSeekExt as _;
use tokio_util::io::ReaderStream;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Id;
use crate::{
    App,
    body::{Body, FILE_LIMIT, expect_media_type},
    dto::{
        all,
        needs::{Need, NeedInput, NeedPage},
    },
    error::GatewayError,
    etag::{IfMatch, changed, tagged},
    idempotency::{IDEMPOTENCY_KEY, RequestId, derived},
    import::{Order, Outcome, Spool, corrected, import},
    needs_file::Destination,
    needs_template,
    pages::{PageParams, Paging, Params},
    problem::Problem,
    session::Session,
    sheet::{Format, SheetFile},
    upstream::{call, demand, promised},
};

/// The media type of .xlsx workbooks.
const WORKBOOK: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const CSV_OR_WORKBOOK: &str = "text/csv, application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
/// How many faults a file has that comes back with them.
const ERROR_COUNT: HeaderName = HeaderName::from_static("centrale-error-count");

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(add_need))
        .routes(routes!(add_needs))
        .routes(routes!(import_needs))
        .routes(routes!(get_needs_template))
        .routes(routes!(list_needs))
        .routes(routes!(get_need, change_need, withdraw_need))
}

/// Whose needs they are.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MemberParam {
    /// `pty_…` of the member; the party acted for unless given.
    pub party_id: Option<String>,
}

/// States one need.
#[utoipa::path(
    post,
    path = "/v1/groups/{group_id}/rounds/{round_id}/needs",
    tag = "needs",
    params(MemberParam),
    request_body = NeedInput,
    responses((status = 201, body = Need))
)]
async fn add_need(
    State(app): State<App>,
    session: Session,
    Id(round_id): Id,
    Params(MemberParam { party_id }): Params<MemberParam>,
    RequestId(request_id): RequestId,
    Body(need): Body<NeedInput>,
) -> Result<(StatusCode, Json<Need>), Problem> {
    let needs = vec![need.into()];
    let request = pb::AddNeedsRequest { request_id, round_id, party_id: session.party_or(party_id)?, needs };
    let need = add(&app, &session, request).await?.into_iter().next();
    Ok((StatusCode::CREATED, Json(promised(need, "need")?)))
}

/// Needs stated.
#[derive(Serialize, ToSchema)]
pub struct Needs {
    /// In the order sent.
    pub needs: Vec<Need>,
}

/// States 1 to 1,000 needs, all or none.
///
/// Faults are told all at once, by row (1 for the first) and field, as a problem with code `NEEDS_INVALID`.
#[utoipa::path(
    post,
    path = "/v1/groups/{group_id}/rounds/{round_id}/needs/batch",
    tag = "needs",
    params(MemberParam),
    request_body = Vec<NeedInput>,
    responses((status = 200, body = Needs))
)]
async fn add_needs(
    State(app): State<App>,
    session: Session,
    Id(round_id): Id,
    Params(MemberParam { party_id }): Params<MemberParam>,
    RequestId(request_id): RequestId,
    Body(needs): Body<Vec<NeedInput>>,
) -> Result<Json<Needs>, Problem> {
    let request =
        pb::AddNeedsRequest { request_id, round_id, party_id: session.party_or(party_id)?, needs: all(needs) };
    Ok(Json(Needs { needs: add(&app, &session, request).await? }))
}

async fn add(app: &App, session: &Session, request: pb::AddNeedsRequest) -> Result<Vec<Need>, Problem> {
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        demand(channel).add_needs(request).await
    })
    .await?;
    if answer.errors.is_empty() {
        return Ok(all(answer.needs));
    }
    let count = i64::try_from(answer.errors.len()).unwrap_or(i64::MAX);
    Err(rows("NEEDS_INVALID", count, answer.errors))
}

fn rows(code: &'static str, count: i64, errors: Vec<RowError>) -> Problem {
    Problem::rows(code, count, all(errors))
}

/// What becomes of the member's needs of the round that a file does not name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileMode {
    /// They stay; the file adds to them.
    #[default]
    Add,
    /// "Replace my lines": they are withdrawn. Afterwards the member's needs are those of the file.
    Replace,
}

/// How the faults of a refused file are told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FaultsAs {
    /// As a problem document.
    #[default]
    Problem,
    /// As the same file with its faults, an .xlsx workbook.
    Workbook,
}

/// What is done with a file.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FileParams {
    /// `pty_…` of the member; the party acted for unless given.
    pub party_id: Option<String>,
    /// `add` (unless given) or `replace`.
    #[serde(default)]
    #[param(inline)]
    pub mode: FileMode,
    /// `problem` (unless given) or `workbook`; asking for a workbook with `Accept` does the same.
    #[serde(default)]
    #[param(inline)]
    pub errors: FaultsAs,
}

/// What became of a file.
#[derive(Serialize, ToSchema)]
pub struct ImportedNeeds {
    /// Rows added now.
    #[schema(example = 1250)]
    pub added: i64,
    /// Needs that have another content now; only when lines are replaced.
    #[schema(example = 0)]
    pub changed: i64,
    /// Needs withdrawn now because the file does not name them; only when lines are replaced.
    #[schema(example = 0)]
    pub withdrawn: i64,
    /// Rows already there, the same: left as they were.
    #[schema(example = 0)]
    pub unchanged: i64,
    /// Rows of the file without a quantity: they ask for nothing.
    #[schema(example = 34)]
    pub skipped: i64,
    /// Base units added now.
    #[schema(example = 98400)]
    pub units: i64,
    /// Whether the same request had been done before: then it changed nothing now.
    #[schema(example = false)]
    pub replayed: bool,
}

/// States the needs of a CSV file or an .xlsx workbook, all or none.
///
/// At most 64 MiB; 1,000,000 rows of CSV, 100,000 of a workbook. CSV is UTF-8 or Windows-1252 with `;`, `,` or tabs between
/// cells. First line the header, by these names or the French ones of the prepared workbook: `site`, `article`, `packaging`
/// (optional), `quantity`, `reference` (optional), `needed_by` (optional, 2026-01-31 or 31/01/2026). Rows without a quantity
/// are passed over. A bad file changes nothing and answers with a problem `NEEDS_FILE_INVALID`: the number of faults and the
/// first 1,000 by row and column; with `errors=workbook` with the file itself, an .xlsx workbook in which every faulty row
/// says what is wrong and faulty cells are coloured, and the header `Centrale-Error-Count`.
///
/// With `mode=add` the same file for the same round and member adds nothing again. With `mode=replace` the member's needs of
/// the round are afterwards those of the file: a line is found again by its reference, or without one by its site, article,
/// packaging and date; those changed are changed, those missing withdrawn, all or nothing. An `Idempotency-Key` is not
/// needed; with one, the same replacement sent again is not done again.
#[utoipa::path(
    post,
    path = "/v1/groups/{group_id}/rounds/{round_id}/needs/file",
    tag = "needs",
    params(FileParams),
    request_body(content(
        (String = "text/csv", example = "site;article;packaging;quantity\nfiness:760780239;3400930000007;BOX;12\n"),
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
    )),
    responses(
        (status = 200, body = ImportedNeeds),
        (
            status = 422,
            description = "Refused; with `errors=workbook` the file with its faults.",
            content(
                (crate::problem::ProblemBody = "application/problem+json"),
                (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
            )
        )
    )
)]
async fn import_needs(
    State(app): State<App>,
    session: Session,
    Id(round_id): Id,
    Params(FileParams { party_id, mode, errors }): Params<FileParams>,
    request: Request,
) -> Result<Response, Problem> {
    let headers = request.headers();
    let format = format_of(headers)?;
    let as_workbook = errors == FaultsAs::Workbook || accepts_workbook(headers);
    let key = headers.get(IDEMPOTENCY_KEY).map(|key| String::from_utf8_lossy(key.as_bytes()).into_owned());
    let order = Order {
        destination: Destination { round_id, party_id: session.party_or(party_id)? },
        format,
        mode: match mode {
            FileMode::Add => pb::ImportMode::Add,
            FileMode::Replace => pb::ImportMode::Replace,
        },
        // Without a name of its own every replacement is another: an earlier file may be put in force again.
        key: key.map_or_else(
            || uuid::Uuid::now_v7().to_string(),
            |key| derived(&["needs file", &session.caller.subject, &key]),
        ),
    };
    let spool = Spool::receive(request.into_body(), &app.spool_dir, FILE_LIMIT).await?;
    match import(&app, &session.caller, &order, &spool).await? {
        Outcome::Unreadable(faults) => {
            let count = i64::try_from(faults.len()).unwrap_or(i64::MAX);
            Err(rows("NEEDS_FILE_INVALID", count, faults))
        }
        Outcome::Answered { answer, file, .. } if answer.error_count > 0 && as_workbook => {
            corrections(&app, file, answer.errors, answer.error_count, "besoins-erreurs.xlsx").await
        }
        Outcome::Answered { answer, file, .. } if answer.error_count > 0 => {
            let told =
                answer.errors.into_iter().map(|fault| RowError { column: file.layout().shown(fault.column), ..fault });
            Err(rows("NEEDS_FILE_INVALID", answer.error_count, told.collect()))
        }
        Outcome::Answered { answer, skipped, .. } => {
            let pb::ImportNeedsResponse { added, unchanged, units, replayed, changed, withdrawn, .. } = answer;
            Ok(Json(ImportedNeeds { added, changed, withdrawn, unchanged, skipped, units, replayed }).into_response())
        }
    }
}

pub(super) fn format_of(headers: &HeaderMap) -> Result<Format, GatewayError> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if given.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(WORKBOOK) {
        return Ok(Format::Workbook);
    }
    match expect_media_type(headers, "text/csv") {
        Ok(()) => Ok(Format::Csv),
        Err(_) => Err(GatewayError::MediaTypeNotSupported(CSV_OR_WORKBOOK)),
    }
}

pub(super) fn accepts_workbook(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|value| value.split(','))
        .any(|kind| kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(WORKBOOK))
}

/// Answers with the file and its faults.
pub(super) async fn corrections(
    app: &App,
    file: Arc<SheetFile>,
    errors: Vec<RowError>,
    count: i64,
    name: &str,
) -> Result<Response, Problem> {
    let mut workbook = tokio::fs::File::from_std(corrected(app, file, errors, count).await?);
    workbook.rewind().await.map_err(Failure::internal)?;
    let headers = [
        (header::CONTENT_TYPE, WORKBOOK.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (ERROR_COUNT, count.to_string()),
    ];
    let body = axum::body::Body::from_stream(ReaderStream::new(workbook));
    Ok((StatusCode::UNPROCESSABLE_ENTITY, headers, body).into_response())
}

/// A workbook for a member to fill in off line.
///
/// One row for each article with a price under the round's agreements on its closing day, in a census for each that the
/// member asked for or paid before: code, label, the member's own
/// reference, packagings, what it asked for last and paid before, its site, an empty quantity. Sent back as it is, rows
/// without a quantity ask for nothing.
#[utoipa::path(
    get,
    path = "/v1/groups/{group_id}/rounds/{round_id}/needs/template",
    tag = "needs",
    params(MemberParam),
    responses((
        status = 200,
        description = "The workbook.",
        body = Vec<u8>,
        content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    ))
)]
async fn get_needs_template(
    State(app): State<App>,
    session: Session,
    Id(round_id): Id,
    Params(MemberParam { party_id }): Params<MemberParam>,
) -> Result<Response, Problem> {
    let destination = Destination { round_id, party_id: session.party_or(party_id)? };
    let content = needs_template::make(&app, &session.caller, destination).await?;
    let headers = [
        (header::CONTENT_TYPE, WORKBOOK.to_owned()),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"besoins.xlsx\"".to_owned()),
    ];
    Ok((headers, content).into_response())
}

/// Which needs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NeedFilter {
    /// Only of this round, `rnd_…`.
    pub round_id: Option<String>,
    /// Only of this member, `pty_…`.
    pub party_id: Option<String>,
}

/// Needs of the group; requesters and receivers see their member's.
#[utoipa::path(get, path = "/v1/groups/{group_id}/needs", tag = "needs", params(NeedFilter, PageParams), responses((status = 200, body = NeedPage)))]
async fn list_needs(
    State(app): State<App>,
    session: Session,
    paging: Paging<NeedFilter>,
) -> Result<Json<NeedPage>, Problem> {
    needs(&app, &session, &paging).await
}

/// Needs that a session sees.
pub(super) async fn needs(
    app: &App,
    session: &Session,
    paging: &Paging<NeedFilter>,
) -> Result<Json<NeedPage>, Problem> {
    let request = pb::ListNeedsRequest {
        round_id: paging.filter.round_id.clone().unwrap_or_default(),
        party_id: paging.filter.party_id.clone().unwrap_or_default(),
        page: paging.page(),
    };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        demand(channel).list_needs(request).await
    })
    .await?;
    Ok(Json(NeedPage { needs: all(answer.needs), next_page_token: paging.next(&answer.next_after)? }))
}

/// One need with its conversion to base units.
#[utoipa::path(get, path = "/v1/groups/{group_id}/needs/{need_id}", tag = "needs", responses((status = 200, body = Need)))]
async fn get_need(
    State(app): State<App>,
    session: Session,
    Id(need_id): Id,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let answer =
        call(&app.peers.demand, &session.caller, pb::GetNeedRequest { need_id }, |channel, request| async move {
            demand(channel).get_need(request).await
        })
        .await?;
    let need = Need::from(promised(answer.need, "need")?);
    Ok(tagged(&headers, need.version, need))
}

/// What changes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NeedChange {
    /// New quantity in its packaging, 1 to 100,000,000.
    #[schema(example = 6)]
    pub quantity: i64,
}

/// Changes the quantity of a need while its round is open.
#[utoipa::path(patch, path = "/v1/groups/{group_id}/needs/{need_id}", tag = "needs", request_body = NeedChange, responses((status = 200, body = Need)))]
async fn change_need(
    State(app): State<App>,
    session: Session,
    Id(need_id): Id,
    RequestId(request_id): RequestId,
    IfMatch(expected_version): IfMatch,
    Body(NeedChange { quantity }): Body<NeedChange>,
) -> Result<Response, Problem> {
    let request = pb::ChangeNeedRequest { request_id, need_id, quantity, expected_version };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        demand(channel).change_need(request).await
    })
    .await?;
    let need = Need::from(promised(answer.need, "need")?);
    Ok(changed(need.version, need))
}

/// Withdraws a need while its round is open; it stays to be read, as withdrawn.
#[utoipa::path(delete, path = "/v1/groups/{group_id}/needs/{need_id}", tag = "needs", responses((status = 200, body = Need)))]
async fn withdraw_need(
    State(app): State<App>,
    session: Session,
    Id(need_id): Id,
    RequestId(request_id): RequestId,
    IfMatch(expected_version): IfMatch,
) -> Result<Response, Problem> {
    let request = pb::WithdrawNeedRequest { request_id, need_id, expected_version };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        demand(channel).withdraw_need(request).await
    })
    .await?;
    let need = Need::from(promised(answer.need, "need")?);
    Ok(changed(need.version, need))
}
