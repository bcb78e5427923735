//! The registry of groups.

use kit::{
    Caller, Failure, FieldFault, Role, Scope,
    command::Claim,
    id::{GroupId, PartyId, SiteId},
};
use proto::membership::v1::{
    CreateGroupRequest, CreateGroupResponse, GetGroupRequest, GetGroupResponse, GroupCreated, ListGroupsRequest,
    ListGroupsResponse,
};
use sqlx::PgConnection;

use super::{App, is_service, registry::refuse, require_registrar};
use crate::{
    convert::{Fields, GroupInput, group_from_proto, group_to_proto, page_from_proto},
    domain::{Group, PartyKind, PartyRef},
    store::{self, group::Seen},
};

impl App {
    /// Creates a group.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`, `GROUP_KEY_TAKEN`.
    pub async fn create_group(
        &self,
        caller: &Caller,
        request: CreateGroupRequest,
    ) -> Result<CreateGroupResponse, Failure> {
        require_registrar(caller)?;
        let input = group_from_proto(request.group.as_ref())?;
        let method = "centrale.membership.v1.MembershipService/CreateGroup";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let (awarding_party_id, platform_site_id) = resolve(command.conn(), &input).await?;
        let group = Group {
            id: GroupId::new(),
            key: input.key,
            name: input.name,
            form: input.form,
            awarding_party_id,
            platform_site_id,
        };
        store::group::insert(command.conn(), &group).await?;
        let today = command.today().await?;
        let rules = store::form_rule::list_on(command.conn(), today).await?;
        let event = GroupCreated { group_id: group.id.to_string() };
        command.append(group.id.uuid(), "membership.group_created.v1", &event).await?;
        command.finish(CreateGroupResponse { group: Some(group_to_proto(&group, rules.of(group.form))) }).await
    }

    /// The groups that the caller may see: all for an administrator or a service, otherwise those of its grants, and those that
    /// its party belongs to, awards for, or serves with a platform.
    ///
    /// # Errors
    /// `INVALID_INPUT`.
    pub async fn list_groups(
        &self,
        caller: &Caller,
        request: ListGroupsRequest,
    ) -> Result<ListGroupsResponse, Failure> {
        let mut fields = Fields::new();
        let page = page_from_proto(&mut fields, request.page.as_ref(), is_service(caller));
        let page = fields.finish(Some(page))?;
        let party = match caller.scope {
            Scope::Party(party) => Some(party),
            Scope::Group(_) | Scope::Deployment => caller.acts_for,
        };
        let seen = if caller.has(&[Role::Administrator, Role::Service]) {
            Seen::All
        } else {
            Seen::Of { person: caller.person(), party }
        };
        // As the party: only so are its memberships of other groups in sight.
        let reader = Caller { scope: party.map_or(caller.scope, Scope::Party), ..caller.clone() };
        let mut tx = self.db.begin(&reader).await?;
        let mut groups = store::group::list(tx.conn(), seen, page).await?;
        let today = tx.today().await?;
        let rules = store::form_rule::list_on(tx.conn(), today).await?;
        tx.rollback().await?;
        let next_after = page.cut(&mut groups, |group| group.id.to_string());
        let groups = groups.iter().map(|group| group_to_proto(group, rules.of(group.form))).collect();
        Ok(ListGroupsResponse { groups, next_after })
    }

    /// The session's group with the rules of its form today.
    ///
    /// # Errors
    /// `WRONG_SESSION`, `NOT_FOUND`.
    pub async fn get_group(&self, caller: &Caller, _request: GetGroupRequest) -> Result<GetGroupResponse, Failure> {
        let id = caller.group()?;
        let mut tx = self.db.begin(caller).await?;
        let group = store::group::find(tx.conn(), id).await?.ok_or_else(|| Failure::not_found("group", id))?;
        let today = tx.today().await?;
        let rules = store::form_rule::list_on(tx.conn(), today).await?;
        tx.rollback().await?;
        Ok(GetGroupResponse { group: Some(group_to_proto(&group, rules.of(group.form))) })
    }
}

/// The ids of the awarding party and of the platform's site, which must be what they are named for.
async fn resolve(conn: &mut PgConnection, input: &GroupInput) -> Result<(PartyId, Option<SiteId>), Failure> {
    let mut faults = Vec::new();
    let awarding = store::party::find_by_refs(conn, [&input.awarding_party]).await?.remove(&input.awarding_party);
    match &awarding {
        Some(party) if party.kind == PartyKind::Establishment => {}
        Some(_) => faults.push(FieldFault::new("group.awarding_party_id", "must be an establishment")),
        None => {
            faults.push(FieldFault::new("group.awarding_party_id", format!("{} is no party", input.awarding_party)))
        }
    }
    let mut platform_site = None;
    if let Some(reference) = &input.platform_site {
        match store::site::find_by_refs(conn, [reference]).await?.remove(reference) {
            Some(site) => {
                let owner = PartyRef::Id(site.party_id);
                let of_platform = store::party::find_by_refs(conn, [&owner])
                    .await?
                    .get(&owner)
                    .is_some_and(|party| party.kind == PartyKind::Platform);
                if !of_platform {
                    faults.push(FieldFault::new("group.platform_site_id", "must be a platform's site"));
                }
                platform_site = Some(site.id);
            }
            None => faults.push(FieldFault::new("group.platform_site_id", format!("{reference} is no site"))),
        }
    }
    refuse(faults)?;
    let awarding = awarding.ok_or_else(|| Failure::internal("an unknown awarding party was let through"))?;
    Ok((awarding.id, platform_site))
}
