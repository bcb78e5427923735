//! A member leaves, or is taken over: shown first, then done as it was shown.
//!
//! Confirming is a process of two steps in two services. First, in one transaction here: the situation is read again under the locks
//! of the open rounds, compared with what was shown, needs are withdrawn and the change is kept as CONFIRMED. Then membership is
//! told, with the change's own id as request id, and the change is DONE. Whoever dies in between, a worker goes on, or the same
//! request.

use std::time::Duration;

use kit::{
    Caller, Failure, Role, Scope,
    command::Claim,
    db::Tx,
    id::{self, GroupId, MemberChangeId, RoundId},
};
use prost::Message as _;
use proto::{
    demand::v1::{
        ConfirmMemberChangeRequest, ConfirmMemberChangeResponse, ConfirmedChange, ListMemberChangesRequest,
        ListMemberChangesResponse, MemberChangeConfirmed, PreviewMemberChangeRequest, PreviewMemberChangeResponse,
    },
    membership::v1::{ChangeMemberRequest, ChangeMemberResponse, rights_service_client::RightsServiceClient},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::App;
use crate::{
    convert::{
        self,
        member_changes::{change_from_proto, change_to_proto, confirmed_to_proto, effect_to_proto},
    },
    domain::{
        error::DemandError,
        member_change::{Change, Effect, EffectKind, Situation, digest, effects},
    },
    store::member_changes::{self as store, ChangeState, Confirmed},
};

/// How often the worker looks for changes that membership has not been told.
const LOOK: Duration = Duration::from_secs(10);
/// Changes that it carries on at each look.
const AT_ONCE: i64 = 100;

/// Carries on, until stopped, what whoever confirmed could not: its process died, or membership was away.
pub async fn run(app: App, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        if let Err(error) = app.carry_changes_on().await {
            tracing::warn!(%error, "changes of members not carried on, trying again");
        }
    }
}

/// What a change would do, as it is shown.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Effects on what demand keeps.
    pub effects: Vec<Effect>,
    /// What they were computed from.
    pub situation: Situation,
    /// Of all of it.
    pub digest: [u8; 32],
}

impl App {
    /// Says what a change would do, with the rule of each effect. Changes nothing.
    ///
    /// # Errors
    /// `INVALID_INPUT`, `NOT_FOUND`, `TAKEN_OVER`, as membership answers.
    pub async fn preview_member_change(
        &self,
        caller: &Caller,
        request: PreviewMemberChangeRequest,
    ) -> Result<PreviewMemberChangeResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let group = caller.group()?;
        let change = change_from_proto(request.change.as_ref())?;
        let memberships = self.ask_membership(group, &change, Uuid::nil(), true).await?;
        let mut tx = self.db.begin(caller).await?;
        let shown = show(&mut tx, group, &change, &memberships).await?;
        tx.rollback().await?;
        Ok(PreviewMemberChangeResponse {
            effects: shown.effects.iter().map(effect_to_proto).collect(),
            member: memberships.member,
            successor: memberships.successor,
            successor_joins: memberships.successor_joins,
            digest: hex::encode(shown.digest),
        })
    }

    /// Does a change, if the situation is still the one that was shown.
    ///
    /// # Errors
    /// `SITUATION_CHANGED`: look at the preview again; and as [`App::preview_member_change`].
    pub async fn confirm_member_change(
        &self,
        caller: &Caller,
        request: ConfirmMemberChangeRequest,
    ) -> Result<ConfirmMemberChangeResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let group = caller.group()?;
        let change = change_from_proto(request.change.as_ref())?;
        // First whether it was confirmed before: what it has done must not turn an answer into a conflict.
        match self.claim_change(caller, &request).await? {
            Claim::Replayed(reply) => return self.finish_change(caller, reply).await,
            Claim::Fresh(command) => command.abandon().await?,
        }
        let memberships = self.ask_membership(group, &change, Uuid::nil(), true).await?;
        let reply = self.confirm_member_change_knowing(caller, &request, &change, &memberships).await?;
        self.finish_change(caller, reply).await
    }

    /// The first step of [`App::confirm_member_change`], behind what membership would do.
    ///
    /// # Errors
    /// `SITUATION_CHANGED`.
    pub async fn confirm_member_change_knowing(
        &self,
        caller: &Caller,
        request: &ConfirmMemberChangeRequest,
        change: &Change,
        memberships: &ChangeMemberResponse,
    ) -> Result<ConfirmMemberChangeResponse, Failure> {
        let group = caller.group()?;
        let mut command = match self.claim_change(caller, request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        store::lock_open_rounds(command.conn(), group).await?;
        let shown = show(&mut command, group, change, memberships).await?;
        let now = hex::encode(shown.digest);
        if request.digest != now {
            return Err(DemandError::SituationChanged { seen: request.digest.chars().take(64).collect(), now }.into());
        }
        let later = shown.effects.iter().filter(|effect| effect.kind == EffectKind::NeedsWithdrawn);
        let rounds: Vec<RoundId> = later.filter_map(|effect| effect.subject.parse().ok()).collect();
        let withdrawn = store::withdraw(command.conn(), group, change.party, &rounds).await?;
        let confirmed = Confirmed {
            id: MemberChangeId::new(),
            change: change.clone(),
            effects: shown.effects,
            digest: shown.digest.to_vec(),
            state: ChangeState::Confirmed,
            confirmed_at: command.now().await?,
        };
        store::insert(command.conn(), group, &confirmed, &caller.subject).await?;
        let event = MemberChangeConfirmed {
            change_id: confirmed.id.to_string(),
            party_id: change.party.to_string(),
            kind: change.kind().to_owned(),
            last_day: change.last_day.to_string(),
            needs_withdrawn: withdrawn,
            digest: now,
        };
        command.append(confirmed.id.uuid(), "demand.member_change_confirmed.v1", &event).await?;
        command.finish(ConfirmMemberChangeResponse { change: Some(confirmed_to_proto(&confirmed)) }).await
    }

    /// Changes that were confirmed, the first ones first.
    ///
    /// # Errors
    /// `INVALID_INPUT`.
    pub async fn list_member_changes(
        &self,
        caller: &Caller,
        request: ListMemberChangesRequest,
    ) -> Result<ListMemberChangesResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer, Role::Auditor])?;
        let group = caller.group()?;
        let wanted = convert::page::<id::MemberChange>(caller, request.page.as_ref())?;
        let mut tx = self.db.begin(caller).await?;
        let found = store::list(tx.conn(), group, wanted.after, wanted.size).await?;
        tx.rollback().await?;
        let next_after = convert::next_after(wanted, found.len(), found.last().map(|change| change.id));
        Ok(ListMemberChangesResponse { changes: found.iter().map(confirmed_to_proto).collect(), next_after })
    }

    async fn claim_change(
        &self,
        caller: &Caller,
        request: &ConfirmMemberChangeRequest,
    ) -> Result<Claim<ConfirmMemberChangeResponse>, Failure> {
        let method = "centrale.demand.v1.MemberChangeService/ConfirmMemberChange";
        self.db.command(caller, method, &request.request_id, request).await
    }

    /// The confirmed change once membership has been told.
    async fn finish_change(
        &self,
        caller: &Caller,
        reply: ConfirmMemberChangeResponse,
    ) -> Result<ConfirmMemberChangeResponse, Failure> {
        let shown: ConfirmedChange = reply.change.ok_or_else(|| Failure::internal("a reply without its change"))?;
        let id: MemberChangeId = shown.id.parse().map_err(Failure::internal)?;
        let finished = self.tell_membership(caller.group()?, id).await?;
        Ok(ConfirmMemberChangeResponse { change: Some(confirmed_to_proto(&finished)) })
    }

    /// Tells membership of a confirmed change unless it has been told, and notes what it came to.
    async fn tell_membership(&self, group: GroupId, id: MemberChangeId) -> Result<Confirmed, Failure> {
        let own = Self::own(Scope::Group(group));
        let mut tx = self.db.begin(&own).await?;
        let confirmed = store::find(tx.conn(), group, id).await?;
        tx.rollback().await?;
        let confirmed = confirmed.ok_or_else(|| Failure::internal(format!("{id} was confirmed and is not there")))?;
        if confirmed.state != ChangeState::Confirmed {
            return Ok(confirmed);
        }
        let state = match self.ask_membership(group, &confirmed.change, id.uuid(), false).await {
            Ok(_) => ChangeState::Done,
            Err(failure) if failure.is_transient() || failure.reason() == "INTERNAL" => return Err(failure),
            Err(failure) => ChangeState::Refused(format!("{} {failure}", failure.reason()).chars().take(500).collect()),
        };
        let mut tx = self.db.begin(&own).await?;
        store::save_state(tx.conn(), group, id, &state).await?;
        tx.commit().await?;
        Ok(Confirmed { state, ..confirmed })
    }

    async fn carry_changes_on(&self) -> Result<(), Failure> {
        let mut tx = self.db.begin_worker().await?;
        let waiting = store::list_waiting(tx.conn(), AT_ONCE).await?;
        tx.rollback().await?;
        for (group, id) in waiting {
            self.tell_membership(group, id).await?;
        }
        Ok(())
    }

    async fn ask_membership(
        &self,
        group: GroupId,
        change: &Change,
        request_id: Uuid,
        dry_run: bool,
    ) -> Result<ChangeMemberResponse, Failure> {
        let request_id = request_id.to_string();
        let request = ChangeMemberRequest { request_id, change: Some(change_to_proto(change)), dry_run };
        let request = self.membership.request(&Self::own(Scope::Group(group)), request)?;
        Ok(RightsServiceClient::new(self.membership.channel()).change_member(request).await?.into_inner())
    }
}

async fn show(
    tx: &mut Tx,
    group: GroupId,
    change: &Change,
    memberships: &ChangeMemberResponse,
) -> Result<Shown, Failure> {
    let situation = store::situation(tx.conn(), group, change.party).await?;
    let today = tx.today().await?;
    let sources = store::sources_on(tx.conn(), today).await?;
    let source = |kind: EffectKind| sources.get(kind.name()).cloned().unwrap_or_default();
    let effects = effects(change, &situation, source);
    let digest = digest(change, &hex::encode(memberships.encode_to_vec()), &situation);
    Ok(Shown { effects, situation, digest })
}
