//! Delegations of signature.

use std::collections::HashMap;

use kit::{
    Caller, Failure, FieldFault, Role,
    command::{Claim, Command},
    db::Tx,
    id::{DelegationId, GroupId, PartyId},
};
use proto::membership::v1 as pb;

use super::{App, is_service, only_own};
use crate::{
    convert::{
        DelegateInput, DelegationInput, delegation_from_proto, delegation_to_proto, list_delegations_from_proto,
        revocation_from_proto,
    },
    domain::{Delegate, Delegation, MembershipError, PartyKind},
    store::{self, delegation::Wanted, member},
};

impl App {
    /// Records a delegation of the party for which the caller acts: a member of the group today, or the one that awards for it.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`; `INVALID_INPUT`, also for a replacement that would allow more than the delegation it
    /// stands in for; `NOT_FOUND` for that one.
    pub async fn record_delegation(
        &self,
        caller: &Caller,
        request: pb::RecordDelegationRequest,
    ) -> Result<pb::RecordDelegationResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let (group, delegator) = (caller.group()?, caller.party()?);
        let input = delegation_from_proto(request.delegation.as_ref())?;
        let method = "centrale.membership.v1.RightsService/RecordDelegation";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let mut faults = Vec::new();
        let today = command.today().await?;
        if !belongs(&mut command, group, delegator).await? {
            let detail = "you act for a party that is no member of the group today and does not award for it";
            faults.push(FieldFault::new("delegation.delegator_party_id", detail));
        }
        let to = delegate(&mut command, &input, delegator, &mut faults).await?;
        let original = match input.stands_in_for {
            // Locked, so that it is not revoked meanwhile.
            Some(id) => Some(found(&mut command, group, id).await?),
            None => None,
        };
        if input.rights.to.is_some_and(|last| last < today) {
            let detail = format!("must be {today} or later: nobody is given a right for days gone by");
            faults.push(FieldFault::new("delegation.valid_to", detail));
        }
        let Some(to) = to else { return Err(Failure::invalid(faults)) };
        let DelegationInput { rights, evidence, stands_in_for, .. } = input;
        let delegation = Delegation {
            id: DelegationId::new(),
            delegator,
            to,
            rights,
            evidence,
            stands_in_for,
            revoked_from: None,
            revoked_reason: String::new(),
        };
        if let Some(original) = &original {
            faults.extend(delegation.faults_in_standing_in(original));
        }
        if !faults.is_empty() {
            return Err(Failure::invalid(faults));
        }
        let now = command.now().await?;
        store::delegation::insert(command.conn(), group, &delegation, &caller.subject, now).await?;
        let shown = delegation_to_proto(&delegation, original.as_ref(), today);
        command
            .append(delegation.id.uuid(), "membership.delegation_recorded.v1", &recorded(&delegation, &shown))
            .await?;
        command.finish(pb::RecordDelegationResponse { delegation: Some(shown) }).await
    }

    /// Ends a delegation from a day on, today at the earliest: what was signed under it stays.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`, `NOT_FOUND`, `DELEGATION_OF_ANOTHER`, `DELEGATION_REVOKED`.
    pub async fn revoke_delegation(
        &self,
        caller: &Caller,
        request: pb::RevokeDelegationRequest,
    ) -> Result<pb::RevokeDelegationResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let group = caller.group()?;
        let (id, from, reason) = revocation_from_proto(&request)?;
        let method = "centrale.membership.v1.RightsService/RevokeDelegation";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let before = found(&mut command, group, id).await?;
        let (delegation, delegator) = (id.to_string(), before.delegator.to_string());
        if caller.acts_for != Some(before.delegator) {
            return Err(MembershipError::DelegationOfAnother { delegation, delegator }.into());
        }
        if let Some(from) = before.revoked_from {
            return Err(MembershipError::DelegationRevoked { delegation, from: from.to_string() }.into());
        }
        let today = command.today().await?;
        let from = from.unwrap_or(today);
        if from < today {
            let detail = format!("must be {today} or later: what was signed under it stays");
            return Err(Failure::invalid_field("from", detail));
        }
        let revoked = Delegation { revoked_from: Some(from), revoked_reason: reason, ..before };
        store::delegation::save_revocation(command.conn(), group, &revoked).await?;
        let event = pb::DelegationRevoked { delegation_id: delegation, revoked_from: from.to_string() };
        command.append(id.uuid(), "membership.delegation_revoked.v1", &event).await?;
        let originals = originals(&mut command, group, std::slice::from_ref(&revoked)).await?;
        let original = revoked.stands_in_for.and_then(|id| originals.get(&id));
        let shown = delegation_to_proto(&revoked, original, today);
        command.finish(pb::RevokeDelegationResponse { delegation: Some(shown) }).await
    }

    /// Delegations of the session's group; who acts for one member sees what it gave or holds, and the person's own.
    ///
    /// # Errors
    /// `WRONG_SESSION`, `INVALID_INPUT`.
    pub async fn list_delegations(
        &self,
        caller: &Caller,
        request: pb::ListDelegationsRequest,
    ) -> Result<pb::ListDelegationsResponse, Failure> {
        let group = caller.group()?;
        let only = only_own(caller)?.map(|party| (party, caller.person()));
        let input = list_delegations_from_proto(&request, is_service(caller))?;
        let mut tx = self.db.begin(caller).await?;
        let on = match input.on {
            Some(on) => on,
            None => tx.today().await?,
        };
        let (delegator, act, page) = (input.delegator, input.act, input.page);
        let wanted = Wanted { delegator, act, in_force_on: input.in_force_only.then_some(on), only, page };
        let mut rows = store::delegation::list(tx.conn(), group, wanted).await?;
        let next_after = page.cut(&mut rows, |row| row.id.to_string());
        let originals = originals(&mut tx, group, &rows).await?;
        let source = store::delegation::source_on(tx.conn(), on).await?;
        tx.rollback().await?;
        let shown = rows.iter().map(|row| {
            let original = row.stands_in_for.and_then(|id| originals.get(&id));
            delegation_to_proto(row, original, on)
        });
        Ok(pb::ListDelegationsResponse { delegations: shown.collect(), next_after, source })
    }
}

/// The delegations that some stand in for.
async fn originals(
    tx: &mut Tx,
    group: GroupId,
    of: &[Delegation],
) -> Result<HashMap<DelegationId, Delegation>, Failure> {
    let ids: Vec<DelegationId> = of.iter().filter_map(|one| one.stands_in_for).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    store::delegation::find(tx.conn(), group, &ids).await
}

async fn found(command: &mut Command, group: GroupId, id: DelegationId) -> Result<Delegation, Failure> {
    store::delegation::lock(command.conn(), group, id).await?.ok_or_else(|| Failure::not_found("delegation", id))
}

/// Whether a party is a member of the group today or awards for it.
async fn belongs(command: &mut Command, group: GroupId, party: PartyId) -> Result<bool, Failure> {
    let today = command.today().await?;
    let of = store::group::find(command.conn(), group).await?.ok_or_else(|| Failure::not_found("group", group))?;
    if of.awarding_party_id == party {
        return Ok(true);
    }
    let there = member::list_of_parties(command.conn(), group, &[party]).await?;
    Ok(there.iter().any(|one| one.period.contains(today)))
}

/// To whom it is given: somebody who is there, an establishment if it is a party, and another one than who gives it.
async fn delegate(
    command: &mut Command,
    input: &DelegationInput,
    delegator: PartyId,
    faults: &mut Vec<FieldFault>,
) -> Result<Option<Delegate>, Failure> {
    let mut fault = |field: &str, detail: String| faults.push(FieldFault::new(format!("delegation.{field}"), detail));
    Ok(match &input.to {
        DelegateInput::Party(reference) => {
            match store::party::find_by_refs(command.conn(), [reference]).await?.remove(reference) {
                None => fault("to_party_id", format!("{reference} is no party")),
                Some(party) if party.kind != PartyKind::Establishment => {
                    fault("to_party_id", format!("{} is a {}, not an establishment", party.key, party.kind.name()));
                }
                Some(party) if party.id == delegator => {
                    fault("to_party_id", "is the party that gives it".to_owned());
                }
                Some(party) => return Ok(Some(Delegate::Party(party.id))),
            }
            None
        }
        DelegateInput::Person(id) => {
            if store::person::find(command.conn(), *id).await?.is_none() {
                fault("to_person_id", "there is no such person".to_owned());
                return Ok(None);
            }
            Some(Delegate::Person(*id))
        }
        DelegateInput::Login(login) => {
            let found = store::person::find_ids(command.conn(), &[login.as_str()]).await?.remove(login);
            if found.is_none() {
                fault("to_person_id", "nobody has this login".to_owned());
            }
            found.map(Delegate::Person)
        }
    })
}

fn recorded(delegation: &Delegation, shown: &pb::Delegation) -> pb::DelegationRecorded {
    pb::DelegationRecorded {
        delegation_id: shown.id.clone(),
        delegator_party_id: shown.delegator_party_id.clone(),
        to_party_id: shown.to_party_id.clone(),
        to_person_id: shown.to_person_id.clone(),
        acts: delegation.rights.acts.iter().map(|act| act.name().to_owned()).collect(),
        amount_max_cents: delegation.rights.limit_cents,
        valid_from: shown.valid_from.clone(),
        valid_to: shown.valid_to.clone(),
        stands_in_for: shown.stands_in_for.clone(),
    }
}
