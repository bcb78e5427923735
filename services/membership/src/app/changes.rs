//! What happens to a member: it leaves, or another establishment takes it over. Asked by demand, which knows what becomes of needs
//! and orders and has shown it.

use kit::{
    Caller, Failure, Role,
    command::{Claim, Command},
    db::Tx,
    id::{GroupId, PartyId},
};
use proto::membership::v1 as pb;

use super::App;
use crate::{
    convert::{change_from_proto, member_to_proto},
    domain::{Change, ChangeKind, Changed, MemberFacts, MembershipError, Party, PartyKind, PartyRef, change},
    store,
};

impl App {
    /// Ends a membership, and hands it on in a merger; with `dry_run` only says what it would do.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT` with every fault, `NOT_FOUND` for a party, `TAKEN_OVER`.
    pub async fn change_member(
        &self,
        caller: &Caller,
        request: pb::ChangeMemberRequest,
    ) -> Result<pb::ChangeMemberResponse, Failure> {
        caller.require(&[Role::Service])?;
        let group = caller.group()?;
        let asked = change_from_proto(request.change.as_ref())?;
        if request.dry_run {
            let mut tx = self.db.begin(caller).await?;
            let (changed, reply) = decide(&mut tx, group, &asked).await?;
            check_succession(&mut tx, &asked, &changed).await?;
            tx.rollback().await?;
            return Ok(reply);
        }
        let method = "centrale.membership.v1.RightsService/ChangeMember";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        store::group::lock(command.conn(), group).await?.ok_or_else(|| Failure::not_found("group", group))?;
        let (changed, reply) = decide(&mut command, group, &asked).await?;
        check_succession(&mut command, &asked, &changed).await?;
        save(&mut command, group, &asked, &changed).await?;
        command.finish(reply).await
    }
}

async fn decide(tx: &mut Tx, group: GroupId, asked: &Change) -> Result<(Changed, pb::ChangeMemberResponse), Failure> {
    let successor = match asked.kind {
        ChangeKind::Merge { successor } => Some(successor),
        ChangeKind::Leave => None,
    };
    let ids: Vec<PartyId> = std::iter::once(asked.party).chain(successor).collect();
    let refs: Vec<PartyRef> = ids.iter().map(|id| PartyRef::Id(*id)).collect();
    let parties = store::party::find_by_refs(tx.conn(), &refs).await?;
    let party = |id: PartyId| parties.get(&PartyRef::Id(id)).ok_or_else(|| Failure::not_found("party", id));
    for id in &ids {
        if party(*id)?.kind != PartyKind::Establishment {
            return Err(Failure::invalid_field("change.successor_party_id", "must be an establishment"));
        }
    }
    let memberships = store::member::list_of_parties(tx.conn(), group, &ids).await?;
    let today = tx.today().await?;
    let changed = change(asked, &memberships, today).map_err(Failure::invalid)?;
    let shown = |member, party: &Party| {
        let facts = MemberFacts {
            member,
            name: party.name.clone(),
            siret: party.siret.clone(),
            buyer_status: party.buyer_status,
            since: member.period.from(),
        };
        member_to_proto(&facts)
    };
    let of_successor = match changed.successor {
        Some((member, _)) => Some(shown(member, party(member.party_id)?)),
        None => None,
    };
    let reply = pb::ChangeMemberResponse {
        member: Some(shown(changed.member, party(asked.party)?)),
        successor: of_successor,
        successor_joins: changed.successor.is_some_and(|(_, joins)| joins),
    };
    Ok((changed, reply))
}

/// In another group the same merger may have been recorded before; another one may not.
async fn check_succession(tx: &mut Tx, asked: &Change, changed: &Changed) -> Result<(), Failure> {
    if let (ChangeKind::Merge { successor }, Some(since)) = (asked.kind, asked.last_day.succ_opt())
        && changed.successor.is_some()
        && store::dated::is_taken_over_otherwise(tx.conn(), asked.party, successor, since).await?
    {
        return Err(MembershipError::TakenOver { party: asked.party.to_string() }.into());
    }
    Ok(())
}

async fn save(command: &mut Command, group: GroupId, asked: &Change, changed: &Changed) -> Result<(), Failure> {
    let mut members = vec![changed.member];
    store::member::delete_all(command.conn(), group, &members).await?;
    members.extend(changed.successor.filter(|(_, joins)| *joins).map(|(member, _)| member));
    store::member::insert_all(command.conn(), group, &members).await?;
    let mut successor_party_id = String::new();
    if let (ChangeKind::Merge { successor }, Some(since)) = (asked.kind, asked.last_day.succ_opt()) {
        let now = command.now().await?;
        store::dated::insert_succession(command.conn(), asked.party, successor, since, &asked.evidence, now).await?;
        successor_party_id = successor.to_string();
    }
    let event = pb::MemberChanged {
        party_id: asked.party.to_string(),
        kind: asked.kind.name().to_owned(),
        last_day: asked.last_day.to_string(),
        successor_party_id,
    };
    command.append(group.uuid(), "membership.member_changed.v1", &event).await
}
