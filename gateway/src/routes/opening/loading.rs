//! How opening rows are taken and what is answered: the same for a list and a file of every kind.

use std::sync::Arc;

use axum::{
    Json,
    extract::Request,
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

use crate::{
    App,
    body::FILE_LIMIT,
    dto::{all, opening::OpeningReport},
    idempotency::derived,
    import::{Spool, open},
    opening_file::Defaults,
    opening_import::{Rows, load},
    problem::Problem,
    routes::needs::{FaultsAs, accepts_workbook, corrections, format_of},
    session::Session,
    sheet::{Schema, SheetFile, fault},
};

/// Most rows of a JSON list, and of a file about lots.
pub(super) const ROWS: usize = 5_000;

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
pub(super) struct Told {
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
pub(super) fn reported(code: &'static str, dry_run: bool, told: Told) -> Result<Json<OpeningReport>, Problem> {
    let Told { report, errors } = told;
    if report.error_count > 0 && !dry_run {
        return Err(Problem::rows(code, report.error_count, all(errors)));
    }
    Ok(Json(OpeningReport { dry_run, errors: all(errors), ..report }))
}

/// As [`reported`] for a file: columns by the names that they have in it, or the file again with its faults.
pub(super) async fn reported_file(
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
pub(super) struct Upload {
    pub(super) file: Arc<SheetFile>,
    sha256: String,
    pub(super) as_workbook: bool,
    pub(super) dry_run: bool,
    pub(super) defaults: Defaults,
}

/// Receives a file.
pub(super) async fn receive(
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
    pub(super) fn request_id(&self, kind: &str, session: &Session) -> Result<String, Failure> {
        let group = session.caller.group()?.to_string();
        let Defaults { as_of, source } = &self.defaults;
        Ok(derived(&["opening file", kind, &group, &self.sha256, as_of, source, if self.dry_run { "dry" } else { "" }]))
    }
}

pub(super) fn nothing() -> Problem {
    let why =
        ("Le fichier ne contient aucune ligne.".to_owned(), "Ajoutez au moins une ligne sous l'en-tête.".to_owned());
    Problem::rows("OPENING_FILE_INVALID", 1, all(vec![fault(0, "", "", why)]))
}

pub(super) async fn load_file(
    app: &App,
    session: &Session,
    upload: Upload,
    kind: OpeningKind,
) -> Result<Response, Problem> {
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

pub(super) async fn load_list(
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
