//! Needs: one, a batch or a file; changed and withdrawn while their round is open.

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use proto::{common::v1::RowError, demand::v1 as pb};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Id;
use crate::{
    App,
    body::{Body, expect_media_type},
    dto::{
        all,
        needs::{Need, NeedInput, NeedPage},
    },
    etag::{IfMatch, changed, tagged},
    idempotency::RequestId,
    import::{Destination, Outcome, Spool, import},
    pages::{PageParams, Paging, Params},
    problem::Problem,
    session::Session,
    upstream::{call, demand, promised},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(add_need))
        .routes(routes!(add_needs))
        .routes(routes!(import_needs))
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

/// What became of a file.
#[derive(Serialize, ToSchema)]
pub struct ImportedNeeds {
    /// Rows added now.
    #[schema(example = 1250)]
    pub added: i64,
    /// Rows already there, the same: left as they were.
    #[schema(example = 0)]
    pub unchanged: i64,
    /// Base units added now.
    #[schema(example = 98400)]
    pub units: i64,
    /// Whether the same file had been taken before: then it changed nothing now.
    #[schema(example = false)]
    pub replayed: bool,
}

/// States the needs of a CSV file, all or none.
///
/// UTF-8, at most 64 MiB, `,` or `;` between cells, first line the header: `site`, `article`, `packaging` (optional), `quantity`,
/// `reference` (optional), `needed_by` (optional). A bad file changes nothing and answers with a problem `NEEDS_FILE_INVALID`:
/// the number of faults and the first 1,000 by row and column. The same file for the same round and member adds nothing
/// again; an `Idempotency-Key` is not needed.
#[utoipa::path(
    post,
    path = "/v1/groups/{group_id}/rounds/{round_id}/needs/file",
    tag = "needs",
    params(MemberParam),
    request_body(content = String, content_type = "text/csv", example = "site;article;packaging;quantity\nfiness:760780239;3400930000001;BOX;12\n"),
    responses((status = 200, body = ImportedNeeds))
)]
async fn import_needs(
    State(app): State<App>,
    session: Session,
    Id(round_id): Id,
    Params(MemberParam { party_id }): Params<MemberParam>,
    request: Request,
) -> Result<Json<ImportedNeeds>, Problem> {
    expect_media_type(request.headers(), "text/csv")?;
    let destination = Destination { round_id, party_id: session.party_or(party_id)? };
    let mut spool = Spool::receive(request.into_body(), &app.spool_dir).await?;
    match import(&app, &session.caller, &destination, &mut spool).await? {
        Outcome::Unreadable(faults) => {
            let count = i64::try_from(faults.len()).unwrap_or(i64::MAX);
            Err(rows("NEEDS_FILE_INVALID", count, faults))
        }
        Outcome::Answered(answer) if answer.error_count > 0 => {
            Err(rows("NEEDS_FILE_INVALID", answer.error_count, answer.errors))
        }
        Outcome::Answered(pb::ImportNeedsResponse { added, unchanged, units, replayed, .. }) => {
            Ok(Json(ImportedNeeds { added, unchanged, units, replayed }))
        }
    }
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
