//! Approving a plan and recording its buyers' commitments.

use kit::{Caller, Failure, Role, command::Claim, signature::Signatures};
use proto::demand::v1::{
    ApprovePlanRequest, ApprovePlanResponse, CommitmentRecorded, RecordCommitmentRequest, RecordCommitmentResponse,
};

use super::{
    App,
    plans::{changed, plan_id},
    references::check_may_state_for,
    rounds::check_version,
    signing::check_may_order,
};
use crate::{
    convert::{Fields, plans::plan_to_proto},
    domain::{order_error::OrderError, plan_state::PlanState},
    store::plans,
};

/// Most characters of a commitment number.
const COMMITMENT_LIMIT: usize = 50;

impl App {
    /// Approves a plan, within what the officer may sign.
    ///
    /// # Errors
    /// `NOT_FOUND`, `VERSION_CHANGED`, `PLAN_WRONG_STATE`, `PLAN_EMPTY`, `ANOTHER_PLAN_APPROVED`, `ABOVE_DELEGATION` with the
    /// figures, `NO_DELEGATION`, and what membership answers.
    pub async fn approve_plan(
        &self,
        caller: &Caller,
        request: ApprovePlanRequest,
    ) -> Result<ApprovePlanResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let rights = self.order_rights(caller).await?;
        self.approve_plan_knowing(caller, &request, &rights).await
    }

    /// The part of [`App::approve_plan`] behind membership's answer.
    ///
    /// # Errors
    /// As [`App::approve_plan`].
    pub async fn approve_plan_knowing(
        &self,
        caller: &Caller,
        request: &ApprovePlanRequest,
        rights: &Signatures,
    ) -> Result<ApprovePlanResponse, Failure> {
        let group = caller.group()?;
        let id = plan_id(&request.plan_id)?;
        let method = "centrale.demand.v1.DemandService/ApprovePlan";
        let mut command = match self.db.command(caller, method, &request.request_id, request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let mut plan = plans::lock(command.conn(), group, id).await?.ok_or_else(|| Failure::not_found("plan", id))?;
        check_version("plan", id, request.expected_version, plan.version)?;
        check_may_order(caller, rights, plan.amount_cents)?;
        plan.state = plan.state.approve(&id, plan.line_count)?;
        plan.version += 1;
        let now = command.now().await?;
        plans::save_approval(command.conn(), group, &plan, &caller.subject, now).await?;
        command.append(id.uuid(), "demand.plan_approved.v1", &changed(&plan)).await?;
        let missing = plans::missing_commitments(command.conn(), group, id).await?;
        command.finish(ApprovePlanResponse { plan: Some(plan_to_proto(&plan, &missing)) }).await
    }

    /// Records a buyer's commitment number (numéro d'engagement); a later one replaces it until orders are placed.
    ///
    /// # Errors
    /// `NOT_FOUND`, `PLAN_WRONG_STATE`, `NOT_A_BUYER`.
    pub async fn record_commitment(
        &self,
        caller: &Caller,
        request: RecordCommitmentRequest,
    ) -> Result<RecordCommitmentResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer, Role::MemberRequester])?;
        let group = caller.group()?;
        let mut fields = Fields::default();
        let (plan, party) = (fields.id("plan_id", &request.plan_id), fields.id("party_id", &request.party_id));
        let number = request.commitment_number.trim();
        let within = (1..=COMMITMENT_LIMIT).contains(&number.chars().count());
        fields.check(within, "commitment_number", format!("must have 1 to {COMMITMENT_LIMIT} characters"));
        fields.finish()?;
        let (Some(id), Some(party)) = (plan, party) else {
            return Err(Failure::internal("ids without fault and without value"));
        };
        check_may_state_for(caller, party)?;
        let method = "centrale.demand.v1.DemandService/RecordCommitment";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let plan = plans::lock(command.conn(), group, id).await?.ok_or_else(|| Failure::not_found("plan", id))?;
        plan.state.require(&id, PlanState::Approved)?;
        if !plans::save_commitment(command.conn(), group, id, party, number, &caller.subject).await? {
            return Err(OrderError::NotABuyer { plan: id.to_string(), party: party.to_string() }.into());
        }
        let event = CommitmentRecorded { plan_id: id.to_string(), party_id: party.to_string() };
        command.append(id.uuid(), "demand.commitment_recorded.v1", &event).await?;
        let missing = plans::missing_commitments(command.conn(), group, id).await?;
        command.finish(RecordCommitmentResponse { plan: Some(plan_to_proto(&plan, &missing)) }).await
    }
}
