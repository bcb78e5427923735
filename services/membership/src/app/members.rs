//! Members of a group, and their sites.

use std::collections::HashMap;

use chrono::NaiveDate;
use kit::{
    Caller, Failure, FieldFault, Role, Scope,
    command::Claim,
    db::Tx,
    error::CommonError,
    id::{GroupId, PartyId},
};
use proto::membership::v1::{
    AddMembersRequest, AddMembersResponse, ListMembersRequest, ListMembersResponse, ListSitesRequest,
    ListSitesResponse, MembersAdded,
};

use super::{App, is_service, only_own, registry::refuse};
use crate::{
    convert::{
        MemberInput, list_members_from_proto, list_sites_from_proto, member_to_proto, member_with_standing,
        members_from_proto, site_to_proto,
    },
    domain::{Member, MemberFacts, MembershipError, Party, PartyKind, PartyRef, find_overlap},
    store::{self, member::Wanted},
};

impl App {
    /// Adds members to the session's group; one that is there with the same first day is updated.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`, `NOT_FOUND` (the group), `MEMBERSHIP_OVERLAPS`, `ADMISSION_NOT_VOTED` where
    /// the group's rules ask for a vote.
    pub async fn add_members(
        &self,
        caller: &Caller,
        request: AddMembersRequest,
    ) -> Result<AddMembersResponse, Failure> {
        caller.require(&[Role::Administrator, Role::PurchasingOfficer])?;
        let group = caller.group()?;
        let inputs = members_from_proto(&request.members)?;
        let method = "centrale.membership.v1.MembershipService/AddMembers";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        store::group::lock(command.conn(), group).await?.ok_or_else(|| Failure::not_found("group", group))?;
        let parties = store::party::find_by_refs(command.conn(), inputs.iter().map(|input| &input.party)).await?;
        let added = with_parties(&inputs, &parties)?;
        let members: Vec<Member> = added.iter().map(|facts| facts.member).collect();
        let ids: Vec<PartyId> = members.iter().map(|member| member.party_id).collect();
        let present = store::member::list_of_parties(command.conn(), group, &ids).await?;
        if let Some((member, other)) = find_overlap(&members, &present) {
            return Err(MembershipError::MembershipOverlaps {
                party: member.party_id.to_string(),
                from: other.period.from().to_string(),
                to: other.period.to().map(|day| day.to_string()).unwrap_or_default(),
            }
            .into());
        }
        super::decisions::check_admissions(&mut command, group, &members, &present).await?;
        store::member::delete_all(command.conn(), group, &members).await?;
        store::member::insert_all(command.conn(), group, &members).await?;
        let event = MembersAdded { party_ids: ids.iter().map(ToString::to_string).collect() };
        command.append(group.uuid(), "membership.members_added.v1", &event).await?;
        command.finish(AddMembersResponse { members: added.iter().map(member_to_proto).collect() }).await
    }

    /// Members of the session's group on a day, with the facts that decide what they may buy. Who acts for one member sees that one.
    ///
    /// # Errors
    /// `WRONG_SESSION`, `INVALID_INPUT`.
    pub async fn list_members(
        &self,
        caller: &Caller,
        request: ListMembersRequest,
    ) -> Result<ListMembersResponse, Failure> {
        let group = caller.group()?;
        let only = only_own(caller)?;
        let input = list_members_from_proto(&request, is_service(caller))?;
        let mut tx = self.db.begin(caller).await?;
        let on = match input.on {
            Some(on) => on,
            None => tx.today().await?,
        };
        if !input.parties.is_empty() {
            let members = store::member::list(tx.conn(), group, Wanted::these(on, only, &input.parties)).await?;
            let members = shown(&mut tx, caller, group, on, &members).await?;
            tx.rollback().await?;
            return Ok(ListMembersResponse { members, next_after: String::new() });
        }
        let mut members = store::member::list(tx.conn(), group, Wanted::page(on, only, input.page)).await?;
        let next_after = input.page.cut(&mut members, |facts| facts.member.party_id.to_string());
        let members = shown(&mut tx, caller, group, on, &members).await?;
        tx.rollback().await?;
        Ok(ListMembersResponse { members, next_after })
    }

    /// Sites of one party, or of the members of the session's group today; in a party session, the party's own.
    ///
    /// # Errors
    /// `WRONG_SESSION`, `INVALID_INPUT`.
    pub async fn list_sites(&self, caller: &Caller, request: ListSitesRequest) -> Result<ListSitesResponse, Failure> {
        let (party, page) = list_sites_from_proto(&request, is_service(caller))?;
        let mut tx = self.db.begin(caller).await?;
        let mut sites = match (party, caller.scope) {
            (Some(party), Scope::Group(_) | Scope::Party(_) | Scope::Deployment) | (None, Scope::Party(party)) => {
                store::site::list_of_party(tx.conn(), party, page).await?
            }
            (None, Scope::Group(group)) => {
                let only = only_own(caller)?;
                let today = tx.today().await?;
                store::site::list_of_members(tx.conn(), group, today, only, page).await?
            }
            (None, Scope::Deployment) => {
                return Err(CommonError::WrongSession("a group, a party, or a party_id").into());
            }
        };
        tx.rollback().await?;
        let next_after = page.cut(&mut sites, |site| site.id.to_string());
        Ok(ListSitesResponse { sites: sites.iter().map(site_to_proto).collect(), next_after })
    }
}

/// Members as the caller reads them: services decide with more than people see.
async fn shown(
    tx: &mut Tx,
    caller: &Caller,
    group: GroupId,
    on: NaiveDate,
    members: &[MemberFacts],
) -> Result<Vec<proto::membership::v1::Member>, Failure> {
    if !is_service(caller) {
        return Ok(members.iter().map(member_to_proto).collect());
    }
    let parties: Vec<PartyId> = members.iter().map(|facts| facts.member.party_id).collect();
    let ghts = store::delegation::ght_standings(tx.conn(), &parties, group, on).await?;
    let predecessors = store::dated::predecessors(tx.conn(), &parties, on).await?;
    let shown = members.iter().map(|facts| {
        let party = facts.member.party_id;
        member_with_standing(facts, ghts.get(&party), predecessors.get(&party))
    });
    Ok(shown.collect())
}

/// The members to add with their parties' facts. Only establishments belong to a group.
fn with_parties(inputs: &[MemberInput], parties: &HashMap<PartyRef, Party>) -> Result<Vec<MemberFacts>, Failure> {
    let mut faults = Vec::new();
    let mut added = Vec::with_capacity(inputs.len());
    // One party may be named in two ways.
    let mut first_days = HashMap::new();
    for (index, input) in inputs.iter().enumerate() {
        let field = format!("members[{index}].party_id");
        let Some(party) = parties.get(&input.party) else {
            faults.push(FieldFault::new(field, format!("{} is no party", input.party)));
            continue;
        };
        if party.kind != PartyKind::Establishment {
            faults.push(FieldFault::new(
                field,
                format!("{} is a {}, only establishments are members", party.key, party.kind.name()),
            ));
        } else if let Some(earlier) = first_days.insert((party.id, input.period.from()), index) {
            faults.push(FieldFault::new(field, format!("is that of members[{earlier}], with the same first day")));
        }
        added.push(MemberFacts {
            member: Member { party_id: party.id, kind: input.kind, period: input.period },
            name: party.name.clone(),
            siret: party.siret.clone(),
            buyer_status: party.buyer_status,
            since: input.period.from(),
        });
    }
    refuse(faults)?;
    Ok(added)
}
