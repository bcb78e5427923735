//! A member leaves, or is taken over: shown first, then done as it was shown.

use axum::{Json, extract::State};
use proto::demand::v1 as pb;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    App,
    body::Body,
    dto::{
        all,
        member_changes::{ConfirmedChange, ConfirmedChangePage, MemberChange, MemberChangePreview},
    },
    idempotency::RequestId,
    pages::{PageParams, Paging},
    problem::Problem,
    session::Session,
    upstream::{call, member_changes, promised},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(preview_change))
        .routes(routes!(confirm_change))
        .routes(routes!(list_changes))
}

/// What would become of a member's needs, plans, orders and shares of ceilings, with the rule of each. Changes nothing.
#[utoipa::path(post, path = "/v1/groups/{group_id}/member-changes/preview", tag = "rights", request_body = MemberChange, responses((status = 200, body = MemberChangePreview)))]
async fn preview_change(
    State(app): State<App>,
    session: Session,
    Body(body): Body<MemberChange>,
) -> Result<Json<MemberChangePreview>, Problem> {
    let request = pb::PreviewMemberChangeRequest { change: Some(body.into()) };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        member_changes(channel).preview_member_change(request).await
    })
    .await?;
    Ok(Json(answer.into()))
}

/// A change to confirm.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmChange {
    /// The change, as it was shown.
    pub change: MemberChange,
    /// What the preview gave.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub digest: String,
}

/// Does a change as it was shown; a situation that has changed since is a conflict.
#[utoipa::path(post, path = "/v1/groups/{group_id}/member-changes/confirm", tag = "rights", request_body = ConfirmChange, responses((status = 200, body = ConfirmedChange)))]
async fn confirm_change(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<ConfirmChange>,
) -> Result<Json<ConfirmedChange>, Problem> {
    let ConfirmChange { change, digest } = body;
    let request = pb::ConfirmMemberChangeRequest { request_id, change: Some(change.into()), digest };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        member_changes(channel).confirm_member_change(request).await
    })
    .await?;
    Ok(Json(promised(answer.change, "change")?.into()))
}

/// Changes of members that were confirmed, with the effects that were shown, the first ones first.
#[utoipa::path(get, path = "/v1/groups/{group_id}/member-changes", tag = "rights", params(PageParams), responses((status = 200, body = ConfirmedChangePage)))]
async fn list_changes(
    State(app): State<App>,
    session: Session,
    paging: Paging,
) -> Result<Json<ConfirmedChangePage>, Problem> {
    let request = pb::ListMemberChangesRequest { page: paging.page() };
    let answer = call(&app.peers.demand, &session.caller, request, |channel, request| async move {
        member_changes(channel).list_member_changes(request).await
    })
    .await?;
    Ok(Json(ConfirmedChangePage { changes: all(answer.changes), next_page_token: paging.next(&answer.next_after)? }))
}
