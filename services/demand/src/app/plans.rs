//! Computing a pooled plan, and reading it.

use std::collections::BTreeSet;

use kit::{
    Caller, Failure, Role,
    command::{Claim, Command},
    db::Tx,
    id::{self, GroupId, PartyId, PlanId, PlanLineId, SnapshotId},
    identity::Scope,
};
use proto::demand::v1::{
    GetPlanRequest, GetPlanResponse, ListPlanExclusionsRequest, ListPlanExclusionsResponse, ListPlanLinesRequest,
    ListPlanLinesResponse, ListPlanSharesRequest, ListPlanSharesResponse, PlanChanged, PlanRoundRequest,
    PlanRoundResponse,
};

use super::{App, references::limited_to};
use crate::{
    convert::{
        self, Fields,
        plans::{exclusion_to_proto, line_to_proto, plan_to_proto, share_to_proto},
    },
    domain::{
        order_error::OrderError,
        plan::{self, Computed, PlannedNeed},
        plan_digest,
        plan_state::PlanState,
        round::Round,
        terms::Terms,
    },
    store::{
        plan_rows,
        plans::{self, Plan, SharesWanted},
        rounds, snapshots,
    },
};

/// A computed plan, ready to be kept.
pub struct Proposal {
    /// The snapshot it was computed from.
    pub snapshot_id: SnapshotId,
    /// What it was computed on.
    pub terms: Terms,
    /// The plan.
    pub computed: Computed,
    /// Who pays, and whether a commitment number is required of it.
    pub buyers: Vec<(PartyId, bool)>,
}

impl App {
    /// Computes the plan of a snapshot on today's agreements, prices, entitlements and routes.
    ///
    /// # Errors
    /// `NOT_FOUND`; `ROUND_WRONG_STATE` once its orders are placed; `QUANTITY_OUT_OF_RANGE`.
    pub async fn plan_round(&self, caller: &Caller, request: PlanRoundRequest) -> Result<PlanRoundResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let mut fields = Fields::default();
        let snapshot_id = fields.id("snapshot_id", &request.snapshot_id);
        fields.finish()?;
        let Some(snapshot_id) = snapshot_id else {
            return Err(Failure::internal("an id without fault and without value"));
        };
        let (round, needs) = self.frozen_needs(caller, snapshot_id).await?;
        let terms = self.plan_terms(caller, &round.terms, &needs).await?;
        // Seconds of pure computation for a million needs: not on a thread that serves calls.
        let (terms, computed) =
            tokio::task::spawn_blocking(move || plan::plan(&terms, needs).map(|plan| (terms, plan)))
                .await
                .map_err(Failure::internal)??;
        let buyers = self.commitments_required(caller, &payers(&terms, &computed)).await?;
        self.propose(caller, &request, Proposal { snapshot_id, terms, computed, buyers }).await
    }

    /// The needs of a snapshot, proved to be those that were frozen.
    async fn frozen_needs(&self, caller: &Caller, id: SnapshotId) -> Result<(Round, Vec<PlannedNeed>), Failure> {
        let group = caller.group()?;
        let mut tx = self.db.begin(caller).await?;
        let snapshot =
            snapshots::find(tx.conn(), group, id).await?.ok_or_else(|| Failure::not_found("snapshot", id))?;
        let round = rounds::find(tx.conn(), group, snapshot.round_id).await?;
        let round = round.ok_or_else(|| Failure::not_found("round", snapshot.round_id))?;
        round.check_may_be_planned()?;
        let (needs, sha256) = plan_rows::needs(tx.conn(), group, round.id).await?;
        tx.rollback().await?;
        if snapshot.sha256 != sha256 {
            let found = i64::try_from(needs.len()).map_err(Failure::internal)?;
            let error = OrderError::SnapshotNotWhole { snapshot: id.to_string(), frozen: snapshot.need_count, found };
            return Err(error.into());
        }
        Ok((round, needs))
    }

    /// Keeps a computed plan. What [`App::plan_round`] does once everything is known.
    ///
    /// # Errors
    /// `NOT_FOUND`, `ROUND_WRONG_STATE`.
    pub async fn propose(
        &self,
        caller: &Caller,
        request: &PlanRoundRequest,
        proposal: Proposal,
    ) -> Result<PlanRoundResponse, Failure> {
        let group = caller.group()?;
        let method = "centrale.demand.v1.DemandService/PlanRound";
        let mut command = match self.db.command(caller, method, &request.request_id, request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let snapshot_id = proposal.snapshot_id;
        let snapshot = snapshots::find(command.conn(), group, snapshot_id).await?;
        let round_id = snapshot.ok_or_else(|| Failure::not_found("snapshot", snapshot_id))?.round_id;
        let round = rounds::lock_shared(command.conn(), group, round_id).await?;
        let round = round.ok_or_else(|| Failure::not_found("round", round_id))?;
        round.check_may_be_planned()?;
        let plan = keep(&mut command, group, &caller.subject, &round, proposal).await?;
        let missing = plans::missing_commitments(command.conn(), group, plan.id).await?;
        command.finish(PlanRoundResponse { plan: Some(plan_to_proto(&plan, &missing)) }).await
    }

    /// One plan.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn get_plan(&self, caller: &Caller, request: GetPlanRequest) -> Result<GetPlanResponse, Failure> {
        limited_to(caller)?;
        let group = caller.group()?;
        let id = plan_id(&request.plan_id)?;
        let mut tx = self.db.begin(caller).await?;
        let plan = plans::find(tx.conn(), group, id).await?.ok_or_else(|| Failure::not_found("plan", id))?;
        let missing = plans::missing_commitments(tx.conn(), group, id).await?;
        tx.rollback().await?;
        Ok(GetPlanResponse { plan: Some(plan_to_proto(&plan, &missing)) })
    }

    /// Lines of a plan; those limited to a member see the lines that it shares.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn list_plan_lines(
        &self,
        caller: &Caller,
        request: ListPlanLinesRequest,
    ) -> Result<ListPlanLinesResponse, Failure> {
        let only = limited_to(caller)?;
        let group = caller.group()?;
        let id = plan_id(&request.plan_id)?;
        let wanted = convert::page::<id::PlanLine>(caller, request.page.as_ref())?;
        let mut tx = self.db.begin(caller).await?;
        plans::find(tx.conn(), group, id).await?.ok_or_else(|| Failure::not_found("plan", id))?;
        let lines = plans::lines(tx.conn(), group, id, only, wanted.after, wanted.size).await?;
        tx.rollback().await?;
        let next_after = convert::next_after(wanted, lines.len(), lines.last().map(|line| line.id));
        let lines = lines.into_iter().map(line_to_proto).collect::<Result<_, _>>()?;
        Ok(ListPlanLinesResponse { lines, next_after })
    }

    /// Shares of a plan; those limited to a member see its own, a party sees its own in any group.
    ///
    /// # Errors
    /// `INVALID_INPUT`, `NOT_FOUND`.
    pub async fn list_plan_shares(
        &self,
        caller: &Caller,
        request: ListPlanSharesRequest,
    ) -> Result<ListPlanSharesResponse, Failure> {
        let limit = limited_to(caller)?;
        let plan = plan_id(&request.plan_id)?;
        let mut fields = Fields::default();
        let asked: Option<PartyId> = fields.optional_id("party_id", &request.party_id);
        let line: Option<PlanLineId> = fields.optional_id("plan_line_id", &request.plan_line_id);
        fields.finish()?;
        let wanted = convert::page::<id::Need>(caller, request.page.as_ref())?;
        if contradict(limit, asked) {
            return Ok(ListPlanSharesResponse::default());
        }
        let mut tx = self.db.begin(caller).await?;
        require_plan(&mut tx, caller, plan).await?;
        let filter = SharesWanted { plan, party: limit.or(asked), line };
        let shares = plans::shares(tx.conn(), filter, wanted.after, wanted.size).await?;
        tx.rollback().await?;
        let next_after = convert::next_after(wanted, shares.len(), shares.last().map(|share| share.need_id));
        Ok(ListPlanSharesResponse { shares: shares.iter().map(share_to_proto).collect(), next_after })
    }

    /// Needs that a plan leaves out; visibility as [`App::list_plan_shares`].
    ///
    /// # Errors
    /// `INVALID_INPUT`, `NOT_FOUND`.
    pub async fn list_plan_exclusions(
        &self,
        caller: &Caller,
        request: ListPlanExclusionsRequest,
    ) -> Result<ListPlanExclusionsResponse, Failure> {
        let only = limited_to(caller)?;
        let plan = plan_id(&request.plan_id)?;
        let wanted = convert::page::<id::Need>(caller, request.page.as_ref())?;
        let mut tx = self.db.begin(caller).await?;
        require_plan(&mut tx, caller, plan).await?;
        let found = plans::exclusions(tx.conn(), plan, only, wanted.after, wanted.size).await?;
        tx.rollback().await?;
        let next_after = convert::next_after(wanted, found.len(), found.last().map(|exclusion| exclusion.need_id));
        let exclusions = found.iter().map(exclusion_to_proto).collect::<Result<_, _>>()?;
        Ok(ListPlanExclusionsResponse { exclusions, next_after })
    }
}

/// Writes a computed plan of a locked round, PROPOSED.
pub(super) async fn keep(
    command: &mut Command,
    group: GroupId,
    by: &str,
    round: &Round,
    proposal: Proposal,
) -> Result<Plan, Failure> {
    let Proposal { snapshot_id, terms, computed, buyers } = proposal;
    let plan = header(round, snapshot_id, &terms, &computed)?;
    let now = command.now().await?;
    plan_rows::insert(command.conn(), group, &plan, by, now).await?;
    let ids: Vec<PlanLineId> = computed.lines.iter().map(|_| PlanLineId::new()).collect();
    plan_rows::insert_lines(command.conn(), group, plan.id, &terms, &computed, &ids).await?;
    plan_rows::insert_shares(command.conn(), group, plan.id, &computed, &ids).await?;
    plan_rows::insert_exclusions(command.conn(), group, plan.id, &terms, &computed).await?;
    plan_rows::insert_buyers(command.conn(), group, plan.id, &buyers).await?;
    command.append(plan.id.uuid(), "demand.plan_proposed.v1", &changed(&plan)).await?;
    Ok(plan)
}

/// A plan that is not the session's group's is not there, rather than a plan without rows. A party's session sees its own rows of
/// plans that it does not see themselves.
async fn require_plan(tx: &mut Tx, caller: &Caller, id: PlanId) -> Result<(), Failure> {
    if let Scope::Group(group) = caller.scope {
        plans::find(tx.conn(), group, id).await?.ok_or_else(|| Failure::not_found("plan", id))?;
    }
    Ok(())
}

/// Whether a caller limited to one member asks for another's rows: nothing that it may see.
pub(super) fn contradict(limit: Option<PartyId>, asked: Option<PartyId>) -> bool {
    limit.is_some() && asked.is_some() && limit != asked
}

pub(super) fn plan_id(text: &str) -> Result<PlanId, Failure> {
    text.parse().map_err(|error: id::IdError| Failure::invalid_field("plan_id", error.to_string()))
}

/// The event that says what became of a plan.
pub(super) fn changed(plan: &Plan) -> PlanChanged {
    PlanChanged {
        plan_id: plan.id.to_string(),
        state: plan.state.name().to_owned(),
        sha256: plan.sha256.clone().into(),
        units_ordered: plan.units_ordered,
        amount_cents: plan.amount_cents,
    }
}

/// Everybody who pays for a share.
pub(super) fn payers(terms: &Terms, computed: &Computed) -> BTreeSet<PartyId> {
    let payer = |share: &plan::Share| {
        let offer = &terms.offers()[computed.lines[share.line].offer];
        terms.form.buyer(terms.agreements[offer.agreement].wholesale, computed.needs[share.need].party).payer
    };
    computed.shares.iter().map(payer).collect()
}

fn header(round: &Round, snapshot_id: SnapshotId, terms: &Terms, computed: &Computed) -> Result<Plan, Failure> {
    let count = |rows: usize| i64::try_from(rows).map_err(Failure::internal);
    let sum = |figure: fn(&plan::Line) -> i64| {
        let total = computed.lines.iter().try_fold(0_i64, |total, line| total.checked_add(figure(line)));
        total.ok_or_else(|| Failure::from(OrderError::QuantityOutOfRange { article: round.id.to_string() }))
    };
    Ok(Plan {
        id: PlanId::new(),
        round_id: round.id,
        snapshot_id,
        state: PlanState::Proposed,
        platform_site_id: round.terms.platform_site_id,
        form: terms.form,
        line_count: count(computed.lines.len())?,
        share_count: count(computed.shares.len())?,
        exclusion_count: count(computed.exclusions.len())?,
        units_needed: sum(|line| line.units_needed)?,
        units_ordered: sum(|line| line.units)?,
        amount_cents: sum(|line| line.amount_cents)?,
        sha256: plan_digest::digest(terms, computed).to_vec(),
        version: 1,
    })
}
