//! An urgent order outside any round, in one call: a round of its own that is closed at once, consolidated, planned, approved
//! and placed, by the same code and with the same checks as any other. Everything up to PLACING is one transaction; then the
//! resumable process of every order goes on ([`super::placing`]), and the call waits for it.

use std::{collections::BTreeSet, time::Duration};

use chrono::TimeDelta;
use kit::{
    Caller, Failure, FieldFault, Role, Scope,
    command::{Claim, Command},
    id::{AgreementId, NeedId, PartyId, PooledOrderId, RoundId, SiteId},
};
use proto::{
    common::v1::RowError,
    demand::v1::{
        CommitmentRecorded, PlaceUrgentOrderRequest, PlaceUrgentOrderResponse, RoundChanged, UrgentOrderPlacing,
    },
};
use tokio::time::Instant;

use super::{
    App, placement, plans,
    plans::{Proposal, changed, payers},
    snapshots::freeze,
    stating::{committed, read_batch, stated, stated_event},
};
use crate::{
    convert::{
        Fields,
        orders::{form_to_proto, order_to_proto, pooled_line_to_proto},
        row_error, typed_need,
    },
    domain::{
        directory::Directory,
        explain,
        need::{NewNeed, TypedNeed},
        order::OrderState,
        order_error::OrderError,
        plan::{self, Computed, PlannedNeed},
        reason::Reason,
        round::{Round, RoundKind, RoundState, RoundTerms},
        terms::Terms,
    },
    store::{needs, orders, plans as plan_store, rounds},
};

/// Most lines in an urgent order.
const LINE_LIMIT: usize = 100;
/// Most characters of the reason.
const REASON_LIMIT: usize = 200;
/// Longest that the call waits for the order to leave PLACING; asked again with the same request id it waits again.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(50);

/// What is asked for, with everything looked up.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The member it is for.
    pub party: PartyId,
    /// Terms of the round made for it; its times are those of the transaction.
    pub terms: RoundTerms,
    /// Its lines.
    pub needs: Vec<NewNeed>,
    /// Ids of the lines.
    pub ids: Vec<NeedId>,
    /// Commitment number; may be empty.
    pub commitment: String,
}

impl Wanted {
    /// The lines as a plan takes them.
    #[must_use]
    pub fn planned(&self) -> Vec<PlannedNeed> {
        let planned = |(id, need): (&NeedId, &NewNeed)| PlannedNeed {
            id: *id,
            party: self.party,
            site: need.site_id,
            article: need.article_id,
            units: need.units,
        };
        self.ids.iter().zip(&self.needs).map(planned).collect()
    }
}

/// An urgent order that is planned.
pub struct Planned {
    /// What is asked for.
    pub wanted: Wanted,
    /// What it was planned on.
    pub terms: Terms,
    /// Its plan.
    pub computed: Computed,
    /// Who pays, and whether a commitment number is required of it.
    pub buyers: Vec<(PartyId, bool)>,
}

/// What [`App::read_urgent`] makes of a request.
enum Read {
    Faults(Vec<RowError>),
    Wanted(Wanted),
}

impl App {
    /// Orders for one member, from one lot, now.
    ///
    /// # Errors
    /// `URGENT_ORDER_REFUSED` with the rule and its source when anything of it may not be ordered: then nothing is;
    /// `URGENT_ORDER_MANY_LOTS`, `MISSING_COMMITMENTS`, `PARTY_NOT_MEMBER`, `INVALID_INPUT`; faults of lines are in the answer.
    pub async fn place_urgent_order(
        &self,
        caller: &Caller,
        request: PlaceUrgentOrderRequest,
    ) -> Result<PlaceUrgentOrderResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        // First whether it was done before: what has changed since must not turn an answer into a refusal.
        match self.claim(caller, &request).await? {
            Claim::Replayed(placing) => return self.settled(caller, &placing).await,
            Claim::Fresh(command) => command.abandon().await?,
        }
        let wanted = match self.read_urgent(caller, &request).await? {
            Read::Wanted(wanted) => wanted,
            Read::Faults(errors) => {
                return Ok(PlaceUrgentOrderResponse { errors, ..PlaceUrgentOrderResponse::default() });
            }
        };
        let needs = wanted.planned();
        let terms = self.plan_terms(caller, &wanted.terms, &needs).await?;
        let computed = plan::plan(&terms, needs)?;
        let buyers = self.commitments_required(caller, &payers(&terms, &computed)).await?;
        self.place_planned_urgent_order(caller, &request, Planned { wanted, terms, computed, buyers }).await
    }

    /// As [`App::place_urgent_order`], once everything is known.
    ///
    /// # Errors
    /// `URGENT_ORDER_REFUSED`, `URGENT_ORDER_MANY_LOTS`, `MISSING_COMMITMENTS`.
    pub async fn place_planned_urgent_order(
        &self,
        caller: &Caller,
        request: &PlaceUrgentOrderRequest,
        planned: Planned,
    ) -> Result<PlaceUrgentOrderResponse, Failure> {
        check_whole(&planned.terms, &planned.computed)?;
        let placing = match self.claim(caller, request).await? {
            Claim::Replayed(placing) => placing,
            Claim::Fresh(command) => carry_out(command, caller, planned).await?,
        };
        self.settled(caller, &placing).await
    }

    async fn claim(
        &self,
        caller: &Caller,
        request: &PlaceUrgentOrderRequest,
    ) -> Result<Claim<UrgentOrderPlacing>, Failure> {
        let method = "centrale.demand.v1.DemandService/PlaceUrgentOrder";
        self.db.command(caller, method, &request.request_id, request).await
    }

    /// Reads a request and looks up what it names.
    async fn read_urgent(&self, caller: &Caller, request: &PlaceUrgentOrderRequest) -> Result<Read, Failure> {
        let group = caller.group()?;
        let mut fields = Fields::default();
        let party: Option<PartyId> = fields.id("party_id", &request.party_id);
        let platform: Option<SiteId> = fields.optional_id("platform_site_id", &request.platform_site_id);
        let ids = request.agreement_ids.iter().enumerate();
        let agreements: Vec<AgreementId> =
            ids.filter_map(|(index, id)| fields.id(format!("agreement_ids[{index}]"), id)).collect();
        let reason = request.reason.trim().to_owned();
        let told = (1..=REASON_LIMIT).contains(&reason.chars().count());
        fields.check(told, "reason", format!("must have 1 to {REASON_LIMIT} characters"));
        let within = (1..=LINE_LIMIT).contains(&request.lines.len());
        fields.check(within, "lines", format!("must have 1 to {LINE_LIMIT} lines"));
        fields.check(
            request.commitment_number.chars().count() <= 50,
            "commitment_number",
            "must have at most 50 characters",
        );
        fields.finish()?;
        let party = party.ok_or_else(|| Failure::internal("an id without fault and without value"))?;
        self.check_states_for(caller, party).await?;
        let known = self.find_agreements(group, &agreements).await?;
        let mut faults: Vec<FieldFault> = agreements
            .iter()
            .enumerate()
            .filter(|(_, id)| !known.contains(id))
            .map(|(index, id)| {
                FieldFault::new(format!("agreement_ids[{index}]"), format!("{id} is not an agreement of the group"))
            })
            .collect();
        if let Some(site) = platform
            && self.find_site(group, site).await?.is_none()
        {
            faults.push(FieldFault::new("platform_site_id", format!("there is no site {site}")));
        }
        let typed: Vec<TypedNeed> =
            (1..).zip(request.lines.iter().cloned()).map(|(row, input)| typed_need(row, input)).collect();
        let mut directory = Directory::default();
        self.look_up(caller, party, &mut directory, &typed.iter().collect::<Vec<_>>()).await?;
        let read = read_batch(&directory, party, &request.request_id, &typed);
        let needs = match read.and_then(|needs| committed(RoundKind::Urgent, &needs)) {
            Ok(needs) => needs,
            Err(errors) => {
                return Ok(Read::Faults(errors.into_iter().map(row_error).collect()));
            }
        };
        let terms = RoundTerms {
            kind: RoundKind::Urgent,
            title: reason,
            opens_at: chrono::DateTime::UNIX_EPOCH,
            closes_at: chrono::DateTime::UNIX_EPOCH + TimeDelta::microseconds(1),
            platform_site_id: platform,
            agreement_ids: agreements,
        };
        // The title of a round is its reason; its times are those of the transaction.
        faults.extend(terms.faults());
        if !faults.is_empty() {
            return Err(Failure::invalid(faults));
        }
        let ids = needs.iter().map(|_| NeedId::new()).collect();
        let commitment = request.commitment_number.trim().to_owned();
        Ok(Read::Wanted(Wanted { party, terms, needs, ids, commitment }))
    }

    /// The order once it has left PLACING, or as it is when that takes too long.
    async fn settled(
        &self,
        caller: &Caller,
        placing: &UrgentOrderPlacing,
    ) -> Result<PlaceUrgentOrderResponse, Failure> {
        let group = caller.group()?;
        let id: PooledOrderId = placing.pooled_order_id.parse().map_err(Failure::internal)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut tx = self.db.begin(&Caller { scope: Scope::Group(group), ..caller.clone() }).await?;
            let order = orders::find(tx.conn(), id).await?.ok_or_else(|| Failure::not_found("pooled order", id))?;
            match order.state {
                OrderState::Placing if Instant::now() < deadline => {
                    tx.rollback().await?;
                    tokio::time::sleep(LOOK).await;
                }
                OrderState::Refused => return Err(refused_by(&order)?.into()),
                OrderState::Placing | OrderState::Placed | OrderState::Answered => {
                    let forms = orders::forms(tx.conn(), Some(id), None, uuid::Uuid::nil(), 500).await?;
                    let lines = orders::pooled_lines(tx.conn(), group, id).await?;
                    tx.rollback().await?;
                    return Ok(PlaceUrgentOrderResponse {
                        order: Some(order_to_proto(order)?),
                        forms: forms.into_iter().map(form_to_proto).collect::<Result<_, _>>()?,
                        lines: lines.into_iter().map(pooled_line_to_proto).collect(),
                        round_id: placing.round_id.clone(),
                        errors: Vec::new(),
                    });
                }
            }
        }
    }
}

/// Round, needs, snapshot, plan, approval, commitment and pooled order, all or nothing.
async fn carry_out(mut command: Command, caller: &Caller, planned: Planned) -> Result<UrgentOrderPlacing, Failure> {
    let Planned { wanted, terms, computed, buyers } = planned;
    let group = caller.group()?;
    let now = command.now().await?;
    let times = RoundTerms { opens_at: now - TimeDelta::microseconds(1), closes_at: now, ..wanted.terms };
    let round = Round { id: RoundId::new(), terms: times, state: RoundState::Closed, version: 1 };
    rounds::insert(command.conn(), group, &round).await?;
    let event = RoundChanged { round_id: round.id.to_string(), state: round.state.name().to_owned() };
    command.append(round.id.uuid(), "demand.round_created.v1", &event).await?;
    let of_round: Vec<_> = wanted
        .ids
        .into_iter()
        .zip(wanted.needs)
        .map(|(id, need)| stated(group, round.id, wanted.party, id, need))
        .collect();
    let rows: Vec<_> = of_round.iter().map(|need| (need.clone(), caller.subject.as_str())).collect();
    needs::insert(command.conn(), group, &rows).await?;
    command
        .append(round.id.uuid(), "demand.needs_stated.v1", &stated_event(round.id, wanted.party, &of_round)?)
        .await?;
    let snapshot = freeze(&mut command, group, &round).await?;
    let payer = buyers.first().map(|(party, _)| *party);
    let proposal = Proposal { snapshot_id: snapshot.id, terms, computed, buyers };
    let mut plan = plans::keep(&mut command, group, &caller.subject, &round, proposal).await?;
    plan.state = plan.state.approve(&plan.id, plan.line_count)?;
    plan.version += 1;
    plan_store::save_approval(command.conn(), group, &plan, &caller.subject, now).await?;
    command.append(plan.id.uuid(), "demand.plan_approved.v1", &changed(&plan)).await?;
    if let Some(payer) = payer.filter(|_| !wanted.commitment.is_empty()) {
        plan_store::save_commitment(command.conn(), group, plan.id, payer, &wanted.commitment, &caller.subject).await?;
        let event = CommitmentRecorded { plan_id: plan.id.to_string(), party_id: payer.to_string() };
        command.append(plan.id.uuid(), "demand.commitment_recorded.v1", &event).await?;
    }
    let made = placement::place(&mut command, group, &caller.subject, plan).await?;
    let [order] = made.as_slice() else {
        return Err(Failure::internal(format!("an urgent order of one lot made {} orders", made.len())));
    };
    let placing = UrgentOrderPlacing { round_id: round.id.to_string(), pooled_order_id: order.to_string() };
    command.finish(placing).await
}

/// Whether all of it can be ordered, from one lot: one order is placed or refused as a whole, two could be half done.
fn check_whole(terms: &Terms, computed: &Computed) -> Result<(), OrderError> {
    if let Some(exclusion) = computed.exclusions.first() {
        let why = explain::exclusion_reason(terms, &computed.needs[exclusion.need], exclusion.why)?;
        return Err(refused(why));
    }
    let lots: BTreeSet<_> = computed.lines.iter().map(|line| terms.offers()[line.offer].lot).collect();
    if lots.len() > 1 {
        let lots = lots.iter().map(ToString::to_string).collect();
        return Err(OrderError::UrgentOrderManyLots { lots });
    }
    Ok(())
}

fn refused_by(order: &orders::Order) -> Result<OrderError, Failure> {
    let reasons: Vec<Reason> = serde_json::from_str(&order.row.reasons).map_err(Failure::internal)?;
    Ok(refused(reasons.into_iter().next().unwrap_or_default()))
}

fn refused(reason: Reason) -> OrderError {
    OrderError::UrgentOrderRefused { rule: reason.rule, law: reason.source, text: reason.text }
}
