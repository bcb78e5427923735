//! Parties, sites, groups, members and people.

use axum::{Json, extract::State, http::StatusCode};
use proto::membership::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    App,
    body::Body,
    dto::{
        all,
        groups::{Group, GroupInput, Member, MemberInput, MemberPage, Person, PersonInput},
        membership::{Party, PartyInput, Site, SiteInput, SitePage},
    },
    idempotency::RequestId,
    pages::{PageParams, Paging},
    problem::Problem,
    session::Session,
    upstream::{call, membership, promised},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(register_parties))
        .routes(routes!(lookup_parties))
        .routes(routes!(register_sites))
        .routes(routes!(lookup_sites))
        .routes(routes!(register_people))
        .routes(routes!(create_group))
        .routes(routes!(get_group))
        .routes(routes!(list_members))
        .routes(routes!(add_members))
        .routes(routes!(list_sites))
}

/// Parties to register.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterParties {
    /// 1 to 1,000; one whose `key` is known is updated.
    pub parties: Vec<PartyInput>,
}

/// Parties.
#[derive(Serialize, ToSchema)]
pub struct Parties {
    /// In the order sent; of a lookup those found, with the reference asked for.
    pub parties: Vec<Party>,
}

/// Creates or updates parties of the registry by their key.
#[utoipa::path(post, path = "/v1/parties/register", tag = "membership", request_body = RegisterParties, responses((status = 200, body = Parties)))]
async fn register_parties(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<RegisterParties>,
) -> Result<Json<Parties>, Problem> {
    let request = pb::RegisterPartiesRequest { request_id, parties: all(body.parties) };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        membership(channel).register_parties(request).await
    })
    .await?;
    Ok(Json(Parties { parties: all(answer.parties) }))
}

/// References to look up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// 1 to 2,000 references: ids, or `key:…`, `siret:…`, `finess:…`, `gln:…` as the registry knows them.
    pub refs: Vec<String>,
}

/// A party with the reference that found it.
#[derive(Serialize, ToSchema)]
pub struct FoundParty {
    /// As asked.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The party.
    pub party: Party,
}

/// Parties found.
#[derive(Serialize, ToSchema)]
pub struct FoundParties {
    /// Unknown references are left out.
    pub found: Vec<FoundParty>,
}

/// Finds parties by id or reference. Changes nothing.
#[utoipa::path(post, path = "/v1/parties/lookup", tag = "membership", request_body = Lookup, responses((status = 200, body = FoundParties)))]
async fn lookup_parties(
    State(app): State<App>,
    session: Session,
    Body(body): Body<Lookup>,
) -> Result<Json<FoundParties>, Problem> {
    let request = pb::BatchGetPartiesRequest { refs: body.refs };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        membership(channel).batch_get_parties(request).await
    })
    .await?;
    let found = answer
        .found
        .into_iter()
        .filter_map(|found| Some(FoundParty { reference: found.r#ref, party: found.party?.into() }));
    Ok(Json(FoundParties { found: found.collect() }))
}

/// Sites to register.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterSites {
    /// 1 to 1,000; one whose `key` is known is updated.
    pub sites: Vec<SiteInput>,
}

/// Sites.
#[derive(Serialize, ToSchema)]
pub struct Sites {
    /// In the order sent.
    pub sites: Vec<Site>,
}

/// Creates or updates sites by their key.
#[utoipa::path(post, path = "/v1/sites/register", tag = "membership", request_body = RegisterSites, responses((status = 200, body = Sites)))]
async fn register_sites(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<RegisterSites>,
) -> Result<Json<Sites>, Problem> {
    let request = pb::RegisterSitesRequest { request_id, sites: all(body.sites) };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        membership(channel).register_sites(request).await
    })
    .await?;
    Ok(Json(Sites { sites: all(answer.sites) }))
}

/// A site with the reference that found it.
#[derive(Serialize, ToSchema)]
pub struct FoundSite {
    /// As asked.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The site.
    pub site: Site,
}

/// Sites found.
#[derive(Serialize, ToSchema)]
pub struct FoundSites {
    /// Unknown references are left out.
    pub found: Vec<FoundSite>,
}

/// Finds sites by id or reference. Changes nothing.
#[utoipa::path(post, path = "/v1/sites/lookup", tag = "membership", request_body = Lookup, responses((status = 200, body = FoundSites)))]
async fn lookup_sites(
    State(app): State<App>,
    session: Session,
    Body(body): Body<Lookup>,
) -> Result<Json<FoundSites>, Problem> {
    let request = pb::BatchGetSitesRequest { refs: body.refs };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        membership(channel).batch_get_sites(request).await
    })
    .await?;
    let found = answer
        .found
        .into_iter()
        .filter_map(|found| Some(FoundSite { reference: found.r#ref, site: found.site?.into() }));
    Ok(Json(FoundSites { found: found.collect() }))
}

/// People to register.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterPeople {
    /// 1 to 200; one whose `login` is known is updated.
    pub people: Vec<PersonInput>,
}

/// People.
#[derive(Serialize, ToSchema)]
pub struct People {
    /// In the order sent, without passwords.
    pub people: Vec<Person>,
}

/// Creates or updates people with their account and grants, by their login.
#[utoipa::path(post, path = "/v1/people/register", tag = "membership", request_body = RegisterPeople, responses((status = 200, body = People)))]
async fn register_people(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<RegisterPeople>,
) -> Result<Json<People>, Problem> {
    let request = pb::RegisterPeopleRequest { request_id, people: all(body.people) };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        membership(channel).register_people(request).await
    })
    .await?;
    Ok(Json(People { people: all(answer.people) }))
}

/// Creates a group.
#[utoipa::path(post, path = "/v1/groups", tag = "membership", request_body = GroupInput, responses((status = 201, body = Group)))]
async fn create_group(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<GroupInput>,
) -> Result<(StatusCode, Json<Group>), Problem> {
    let request = pb::CreateGroupRequest { request_id, group: Some(body.into()) };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        membership(channel).create_group(request).await
    })
    .await?;
    Ok((StatusCode::CREATED, Json(promised(answer.group, "group")?.into())))
}

/// A group with its legal form and the rules that follow from it.
#[utoipa::path(get, path = "/v1/groups/{group_id}", tag = "membership", responses((status = 200, body = Group)))]
async fn get_group(State(app): State<App>, session: Session) -> Result<Json<Group>, Problem> {
    let answer = call(&app.peers.membership, &session.caller, pb::GetGroupRequest {}, |channel, request| async move {
        membership(channel).get_group(request).await
    })
    .await?;
    Ok(Json(promised(answer.group, "group")?.into()))
}

/// Which members.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MemberFilter {
    /// Members on this day, ISO date; today unless given.
    #[param(format = Date)]
    pub on: Option<String>,
}

/// Members of the group on a day, with the facts that decide what they may buy.
#[utoipa::path(get, path = "/v1/groups/{group_id}/members", tag = "membership", params(MemberFilter, PageParams), responses((status = 200, body = MemberPage)))]
async fn list_members(
    State(app): State<App>,
    session: Session,
    paging: Paging<MemberFilter>,
) -> Result<Json<MemberPage>, Problem> {
    let on = paging.filter.on.clone().unwrap_or_default();
    let request = pb::ListMembersRequest { on, party_ids: Vec::new(), page: paging.page() };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        membership(channel).list_members(request).await
    })
    .await?;
    Ok(Json(MemberPage { members: all(answer.members), next_page_token: paging.next(&answer.next_after)? }))
}

/// Members to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddMembers {
    /// 1 to 1,000; one already there with the same first day is updated.
    pub members: Vec<MemberInput>,
}

/// Members.
#[derive(Serialize, ToSchema)]
pub struct Members {
    /// In the order sent.
    pub members: Vec<Member>,
}

/// Adds members to the group.
#[utoipa::path(post, path = "/v1/groups/{group_id}/members/add", tag = "membership", request_body = AddMembers, responses((status = 200, body = Members)))]
async fn add_members(
    State(app): State<App>,
    session: Session,
    RequestId(request_id): RequestId,
    Body(body): Body<AddMembers>,
) -> Result<Json<Members>, Problem> {
    let request = pb::AddMembersRequest { request_id, members: all(body.members) };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        membership(channel).add_members(request).await
    })
    .await?;
    Ok(Json(Members { members: all(answer.members) }))
}

/// Which sites.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SiteFilter {
    /// Only those of this party, `pty_…`.
    pub party_id: Option<String>,
}

/// Sites of the group's members.
#[utoipa::path(get, path = "/v1/groups/{group_id}/sites", tag = "membership", params(SiteFilter, PageParams), responses((status = 200, body = SitePage)))]
async fn list_sites(
    State(app): State<App>,
    session: Session,
    paging: Paging<SiteFilter>,
) -> Result<Json<SitePage>, Problem> {
    let request =
        pb::ListSitesRequest { party_id: paging.filter.party_id.clone().unwrap_or_default(), page: paging.page() };
    let answer = call(&app.peers.membership, &session.caller, request, |channel, request| async move {
        membership(channel).list_sites(request).await
    })
    .await?;
    Ok(Json(SitePage { sites: all(answer.sites), next_page_token: paging.next(&answer.next_after)? }))
}
