//! Who am I, and where may I work?

use std::collections::HashMap;

use axum::{Json, extract::State};
use kit::Failure;
use proto::membership::v1::{self as pb, BatchGetPartiesRequest, ListGroupsRequest};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    App,
    dto::{
        all,
        groups::{GroupPage, Role},
    },
    pages::{PageParams, Paging},
    problem::Problem,
    session::Session,
    upstream::{call, membership},
};

/// Most groups looked through for their names.
const GROUPS: usize = 5_000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(me)).routes(routes!(my_groups)).routes(routes!(list_groups))
}

/// A person and what it may do.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// `prs_…`.
    #[schema(example = "prs_0198c2f07a3b7c11a2d34e5f60718293")]
    pub person_id: String,
    /// Name.
    pub name: String,
    /// Everything the person may do; a change is seen after 30 s at most.
    pub grants: Vec<MyGrant>,
}

/// A role with its reach.
#[derive(Debug, Serialize, ToSchema)]
pub struct MyGrant {
    /// What.
    pub role: Role,
    /// `grp_…`; absent for roles that reach across groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_id: Option<String>,
    /// Name of the group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_name: Option<String>,
    /// `pty_…` for whom the person acts; absent for an administrator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub party_id: Option<String>,
    /// Name of the party.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub party_name: Option<String>,
}

/// Who I am and what I may do.
#[utoipa::path(get, path = "/v1/me", tag = "me", responses((status = 200, body = Me)))]
async fn me(State(app): State<App>, session: Session) -> Result<Json<Me>, Problem> {
    let (groups, parties) = futures::try_join!(group_names(&app, &session), party_names(&app, &session))?;
    let grants = session.person.grants.iter().map(|grant| {
        let (group_id, party_id) = (grant.group.map(|id| id.to_string()), grant.party.map(|id| id.to_string()));
        MyGrant {
            role: Role::from(grant.role),
            group_name: group_id.as_ref().and_then(|id| groups.get(id).cloned()),
            party_name: party_id.as_ref().and_then(|id| parties.get(id).cloned()),
            group_id,
            party_id,
        }
    });
    Ok(Json(Me {
        person_id: session.person.id.to_string(),
        name: session.person.name.clone(),
        grants: grants.collect(),
    }))
}

async fn group_names(app: &App, session: &Session) -> Result<HashMap<String, String>, Failure> {
    let mut names = HashMap::new();
    if session.person.grants.iter().all(|grant| grant.group.is_none()) {
        return Ok(names);
    }
    let mut after = String::new();
    while names.len() < GROUPS {
        let request = ListGroupsRequest { page: Some(proto::common::v1::Page { size: 500, after }) };
        let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
            membership(channel).list_groups(request).await
        })
        .await?;
        names.extend(answer.groups.into_iter().map(|group| (group.id, group.name)));
        after = answer.next_after;
        if after.is_empty() {
            break;
        }
    }
    Ok(names)
}

async fn party_names(app: &App, session: &Session) -> Result<HashMap<String, String>, Failure> {
    let mut refs: Vec<_> =
        session.person.grants.iter().filter_map(|grant| grant.party).map(|party| party.to_string()).collect();
    refs.sort_unstable();
    refs.dedup();
    if refs.is_empty() {
        return Ok(HashMap::new());
    }
    let answer =
        call(&app.peers.membership, &session.caller, BatchGetPartiesRequest { refs }, |channel, request| async move {
            membership(channel).batch_get_parties(request).await
        })
        .await?;
    Ok(answer.found.into_iter().filter_map(|found| found.party).map(|pb::Party { id, name, .. }| (id, name)).collect())
}

/// Groups that I may see.
#[utoipa::path(get, path = "/v1/me/groups", tag = "me", params(PageParams), responses((status = 200, body = GroupPage)))]
async fn my_groups(State(app): State<App>, session: Session, paging: Paging) -> Result<Json<GroupPage>, Problem> {
    groups(&app, &session, &paging).await
}

/// Groups that I may see; all of them for an administrator.
#[utoipa::path(get, path = "/v1/groups", tag = "membership", params(PageParams), responses((status = 200, body = GroupPage)))]
async fn list_groups(State(app): State<App>, session: Session, paging: Paging) -> Result<Json<GroupPage>, Problem> {
    groups(&app, &session, &paging).await
}

async fn groups(app: &App, session: &Session, paging: &Paging) -> Result<Json<GroupPage>, Problem> {
    let request = ListGroupsRequest { page: paging.page() };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        membership(channel).list_groups(request).await
    })
    .await?;
    Ok(Json(GroupPage { groups: all(answer.groups), next_page_token: paging.next(&answer.next_after)? }))
}
