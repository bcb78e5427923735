//! Opening, reading and closing order rounds.

use kit::{Caller, Failure, Role, command::Claim, error::CommonError, id};
use proto::demand::v1::{
    CloseRoundRequest, CloseRoundResponse, CreateRoundRequest, CreateRoundResponse, GetRoundRequest, GetRoundResponse,
    ListRoundsRequest, ListRoundsResponse, RoundChanged,
};

use super::App;
use crate::{
    convert::{self, Fields, round_to_proto},
    domain::round::{Round, RoundState, RoundTerms},
    store::rounds::{self, Counts},
};

/// Who reads rounds: everybody who works in the group.
const READERS: &[Role] =
    &[Role::PurchasingOfficer, Role::Auditor, Role::MemberRequester, Role::MemberReceiver, Role::Service];

impl App {
    /// Opens an order round.
    ///
    /// # Errors
    /// `INVALID_INPUT`, also for an agreement that is not the group's or a site that does not exist.
    pub async fn create_round(
        &self,
        caller: &Caller,
        request: CreateRoundRequest,
    ) -> Result<CreateRoundResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let group = caller.group()?;
        let mut fields = Fields::default();
        let terms = convert::round_terms(&mut fields, &request.round.clone().unwrap_or_default());
        fields.finish()?;
        let terms = terms.ok_or_else(|| Failure::internal("terms without fault and without value"))?;
        let agreements = self.find_agreements(group, &terms.agreement_ids).await?;
        let mut fields = Fields::default();
        for (index, id) in terms.agreement_ids.iter().enumerate() {
            let field = format!("round.agreement_ids[{index}]");
            fields.check(agreements.contains(id), field, format!("{id} is not an agreement of the group"));
        }
        if let Some(site) = terms.platform_site_id {
            let found = self.find_site(group, site).await?;
            fields.check(found.is_some(), "round.platform_site_id", format!("there is no site {site}"));
        }
        fields.finish()?;
        self.create_checked_round(caller, &request, terms).await
    }

    /// As [`App::create_round`], once agreements and site are known to exist.
    ///
    /// # Errors
    /// `REQUEST_ID_REUSED`.
    pub async fn create_checked_round(
        &self,
        caller: &Caller,
        request: &CreateRoundRequest,
        terms: RoundTerms,
    ) -> Result<CreateRoundResponse, Failure> {
        let method = "centrale.demand.v1.DemandService/CreateRound";
        let mut command = match self.db.command(caller, method, &request.request_id, request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let group = caller.group()?;
        if terms.closes_at <= command.now().await? {
            return Err(Failure::invalid_field("round.closes_at", "must be in the future"));
        }
        let round = Round { id: id::RoundId::new(), terms, state: RoundState::Open, version: 1 };
        rounds::insert(command.conn(), group, &round).await?;
        let event = RoundChanged { round_id: round.id.to_string(), state: round.state.name().to_owned() };
        command.append(round.id.uuid(), "demand.round_created.v1", &event).await?;
        let round = round_to_proto(group, round, Counts::default());
        command.finish(CreateRoundResponse { round: Some(round) }).await
    }

    /// One round with its counts.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn get_round(&self, caller: &Caller, request: GetRoundRequest) -> Result<GetRoundResponse, Failure> {
        caller.require(READERS)?;
        let group = caller.group()?;
        let id = round_id(&request.round_id)?;
        let mut tx = self.db.begin(caller).await?;
        let round = rounds::find(tx.conn(), group, id).await?.ok_or_else(|| Failure::not_found("round", id))?;
        let counts = rounds::counts(tx.conn(), group, &[id]).await?.remove(&id).unwrap_or_default();
        tx.rollback().await?;
        Ok(GetRoundResponse { round: Some(round_to_proto(group, round, counts)) })
    }

    /// Rounds of the session's group.
    ///
    /// # Errors
    /// `INVALID_INPUT` for a malformed page.
    pub async fn list_rounds(
        &self,
        caller: &Caller,
        request: ListRoundsRequest,
    ) -> Result<ListRoundsResponse, Failure> {
        caller.require(READERS)?;
        let group = caller.group()?;
        let wanted = convert::page::<id::Round>(caller, request.page.as_ref())?;
        let mut tx = self.db.begin(caller).await?;
        let found = rounds::list(tx.conn(), group, wanted.after, wanted.size).await?;
        let ids: Vec<id::RoundId> = found.iter().map(|round| round.id).collect();
        let counts = rounds::counts(tx.conn(), group, &ids).await?;
        tx.rollback().await?;
        let next_after = convert::next_after(wanted, ids.len(), ids.last().copied());
        let rounds = found.into_iter().map(|round| {
            let counts = counts.get(&round.id).copied().unwrap_or_default();
            round_to_proto(group, round, counts)
        });
        Ok(ListRoundsResponse { rounds: rounds.collect(), next_after })
    }

    /// Closes a round; it takes no more needs.
    ///
    /// # Errors
    /// `NOT_FOUND`, `VERSION_CHANGED`, `ROUND_WRONG_STATE`.
    pub async fn close_round(
        &self,
        caller: &Caller,
        request: CloseRoundRequest,
    ) -> Result<CloseRoundResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let group = caller.group()?;
        let id = round_id(&request.round_id)?;
        let method = "centrale.demand.v1.DemandService/CloseRound";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        rounds::wait_for_loads(command.conn()).await?;
        let round = rounds::lock(command.conn(), group, id).await?.ok_or_else(|| Failure::not_found("round", id))?;
        check_version("round", id, request.expected_version, round.version)?;
        let round = round.close()?;
        rounds::save_state(command.conn(), group, &round).await?;
        let counts = rounds::counts(command.conn(), group, &[id]).await?.remove(&id).unwrap_or_default();
        let event = RoundChanged { round_id: id.to_string(), state: round.state.name().to_owned() };
        command.append(id.uuid(), "demand.round_closed.v1", &event).await?;
        command.finish(CloseRoundResponse { round: Some(round_to_proto(group, round, counts)) }).await
    }
}

/// Reads a round's id.
pub(crate) fn round_id(text: &str) -> Result<id::RoundId, Failure> {
    text.parse().map_err(|error: id::IdError| Failure::invalid_field("round_id", error.to_string()))
}

/// Refuses a caller that has seen another version; 0 is any.
pub(crate) fn check_version(
    what: &'static str,
    id: impl std::fmt::Display,
    seen: i64,
    now: i64,
) -> Result<(), Failure> {
    if seen == 0 || seen == now {
        return Ok(());
    }
    Err(CommonError::VersionChanged { what, id: id.to_string(), seen, now }.into())
}
