//! Offices, who holds them, and the seats of commissions.

use kit::{
    Caller, Failure, FieldFault,
    command::Claim,
    id::{MandateId, SeatId},
};
use proto::membership::v1 as pb;

use super::{
    App,
    governance::{check_count, establishments, known, lock_group, require_reader, require_writer},
    is_service,
    registry::refuse,
};
use crate::{
    convert::{Fields, mandate as convert, page_from_proto},
    domain::{
        Dated, RuleKind,
        governance_error::GovernanceError,
        mandate::{self, Mandate, OfficeRule, Side},
    },
    store::{self, member::Wanted, seat::Seat},
};

impl App {
    /// Sets offices with their rules.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`, `PERIODS_OVERLAP`.
    pub async fn set_offices(
        &self,
        caller: &Caller,
        request: pb::SetOfficesRequest,
    ) -> Result<pb::SetOfficesResponse, Failure> {
        let group = require_writer(caller)?;
        let inputs = convert::offices_from_proto(&request.offices)?;
        let method = "centrale.membership.v1.GovernanceService/SetOffices";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        lock_group(&mut command, group).await?;
        let mut named = Vec::new();
        for (office, input) in inputs.iter().enumerate() {
            for (side, (_, parties)) in input.sides.iter().enumerate() {
                for (index, party) in parties.iter().enumerate() {
                    named.push((format!("offices[{office}].sides[{side}].party_ids[{index}]"), party));
                }
            }
        }
        let parties = establishments(command.conn(), &named).await?;
        let mut rules: Vec<Dated<OfficeRule>> = Vec::with_capacity(inputs.len());
        let mut faults = Vec::new();
        for (office, input) in inputs.into_iter().enumerate() {
            let mut sides: Vec<Side> = Vec::new();
            for (at, (name, members)) in input.sides.into_iter().enumerate() {
                let mut side = Side { name, parties: Vec::new() };
                for (index, member) in members.iter().enumerate() {
                    let party = known(&parties, member)?.id;
                    if side.parties.contains(&party) || sides.iter().any(|side| side.parties.contains(&party)) {
                        let field = format!("offices[{office}].sides[{at}].party_ids[{index}]");
                        faults.push(FieldFault::new(field, "is of a side already"));
                    }
                    side.parties.push(party);
                }
                sides.push(side);
            }
            rules.push(Dated { body: OfficeRule { sides, ..input.rule.body }, ..input.rule });
        }
        refuse(faults)?;
        store::rule::replace_all(command.conn(), group, RuleKind::Office, &rules).await?;
        check_count(&mut command, group, RuleKind::Office).await?;
        let event = pb::GroupRulesSet {
            kind: RuleKind::Office.name().to_owned(),
            keys: rules.iter().map(|rule| rule.key.clone()).collect(),
        };
        command.append(group.uuid(), "membership.group_rules_set.v1", &event).await?;
        command.finish(pb::SetOfficesResponse { offices: rules.iter().map(convert::office_to_proto).collect() }).await
    }

    /// Who holds which office on a day.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`.
    pub async fn list_offices(
        &self,
        caller: &Caller,
        request: pb::ListOfficesRequest,
    ) -> Result<pb::ListOfficesResponse, Failure> {
        let group = require_reader(caller)?;
        let mut fields = Fields::new();
        let on = fields.date_if_any("on", &request.on);
        let on = fields.finish(Some(on))?;
        let mut tx = self.db.begin(caller).await?;
        let on = match on {
            Some(on) => on,
            None => tx.today().await?,
        };
        let rules = store::rule::list::<OfficeRule>(tx.conn(), group, RuleKind::Office, (Some(on), Some(on))).await?;
        let mandates = store::mandate::list_on(tx.conn(), group, on).await?;
        tx.rollback().await?;
        let office = |rule: &Dated<OfficeRule>| {
            let holders: Vec<pb::Mandate> = mandates
                .iter()
                .filter(|mandate| mandate.office.name() == rule.key)
                .map(convert::mandate_to_proto)
                .collect();
            let held = i32::try_from(holders.len()).unwrap_or(i32::MAX);
            let vacant = (rule.body.seats - held).max(0);
            pb::OfficeHolders { office: Some(convert::office_to_proto(rule)), holders, vacant }
        };
        Ok(pb::ListOfficesResponse { offices: rules.iter().map(office).collect() })
    }

    /// Records a mandate that keeps the rule of its office.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`, `OFFICE_MISSING`, `MANDATE_REFUSED` with the rule, `NOT_FOUND` (the decision).
    pub async fn record_mandate(
        &self,
        caller: &Caller,
        request: pb::RecordMandateRequest,
    ) -> Result<pb::RecordMandateResponse, Failure> {
        let group = require_writer(caller)?;
        let input = convert::mandate_from_proto(request.mandate.as_ref())?;
        let method = "centrale.membership.v1.GovernanceService/RecordMandate";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        lock_group(&mut command, group).await?;
        let named = [("mandate.party_id".to_owned(), &input.party)];
        let parties = establishments(command.conn(), &named).await?;
        let party = known(&parties, &input.party)?;
        let from = input.period.from();
        let these = [party.id];
        let members = store::member::list(command.conn(), group, Wanted::these(from, None, &these)).await?;
        if members.is_empty() {
            let detail = format!("{} is no member of the group on {from}", party.key);
            return Err(Failure::invalid_field("mandate.party_id", detail));
        }
        let office = input.office;
        let rule = store::rule::find::<OfficeRule>(command.conn(), group, RuleKind::Office, office.name(), from)
            .await?
            .ok_or_else(|| GovernanceError::OfficeMissing { office: office.name(), on: from.to_string() })?;
        let election = match input.decision {
            Some(id) => {
                let decision = store::decision::find(command.conn(), group, id).await?;
                let decision = decision.ok_or_else(|| Failure::not_found("decision", id))?;
                Some(store::decision::as_election(&decision))
            }
            None => None,
        };
        let mut mandate = Mandate {
            id: MandateId::new(),
            office,
            party: party.id,
            party_name: party.name.clone(),
            holder: input.holder,
            period: input.period,
            ended_on: None,
            end_reason: String::new(),
            decision: input.decision,
            completes: input.completes,
            reasons: Vec::new(),
        };
        let same = store::mandate::of_offices(command.conn(), group, &[office]).await?;
        let opposed: Vec<_> = rule.body.opposed_to.into_iter().collect();
        let opposed = store::mandate::of_offices(command.conn(), group, &opposed).await?;
        mandate.reasons = mandate::check(&rule, &mandate, &same, &opposed, election.as_ref())?;
        store::mandate::insert(command.conn(), group, &mandate).await?;
        command.append(group.uuid(), "membership.mandate_recorded.v1", &changed(&mandate)).await?;
        command.finish(pb::RecordMandateResponse { mandate: Some(convert::mandate_to_proto(&mandate)) }).await
    }

    /// Ends a mandate before its time.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`, `NOT_FOUND`, `MANDATE_ENDED`.
    pub async fn end_mandate(
        &self,
        caller: &Caller,
        request: pb::EndMandateRequest,
    ) -> Result<pb::EndMandateResponse, Failure> {
        let group = require_writer(caller)?;
        let id = convert::mandate_id(&request.mandate_id)?;
        let mut fields = Fields::new();
        let on = fields.date("ended_on", &request.ended_on);
        let reason = fields.text("reason", &request.reason, 1, 500);
        let on = fields.finish(on)?;
        let method = "centrale.membership.v1.GovernanceService/EndMandate";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        lock_group(&mut command, group).await?;
        let mut mandate =
            store::mandate::find(command.conn(), group, id).await?.ok_or_else(|| Failure::not_found("mandate", id))?;
        if let Some(ended) = mandate.ended_on {
            return Err(GovernanceError::MandateEnded { id: id.to_string(), on: ended.to_string() }.into());
        }
        if !mandate.period.contains(on) {
            return Err(Failure::invalid_field("ended_on", "must be a day of the mandate"));
        }
        store::mandate::end(command.conn(), group, id, (on, &reason)).await?;
        mandate.ended_on = Some(on);
        mandate.end_reason = reason;
        command.append(group.uuid(), "membership.mandate_ended.v1", &changed(&mandate)).await?;
        command.finish(pb::EndMandateResponse { mandate: Some(convert::mandate_to_proto(&mandate)) }).await
    }

    /// All mandates, last recorded first.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`.
    pub async fn list_mandates(
        &self,
        caller: &Caller,
        request: pb::ListMandatesRequest,
    ) -> Result<pb::ListMandatesResponse, Failure> {
        let group = require_reader(caller)?;
        let mut fields = Fields::new();
        let page = page_from_proto(&mut fields, request.page.as_ref(), is_service(caller));
        let page = fields.finish(Some(page))?;
        let mut tx = self.db.begin(caller).await?;
        let mut mandates = store::mandate::list(tx.conn(), group, page).await?;
        tx.rollback().await?;
        let next_after = page.cut(&mut mandates, |mandate| mandate.id.to_string());
        Ok(pb::ListMandatesResponse { mandates: mandates.iter().map(convert::mandate_to_proto).collect(), next_after })
    }

    /// Sets the seats of commissions.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`, `PERIODS_OVERLAP`.
    pub async fn set_commission_seats(
        &self,
        caller: &Caller,
        request: pb::SetCommissionSeatsRequest,
    ) -> Result<pb::SetCommissionSeatsResponse, Failure> {
        let group = require_writer(caller)?;
        let inputs = convert::seats_from_proto(&request.seats)?;
        let method = "centrale.membership.v1.GovernanceService/SetCommissionSeats";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        lock_group(&mut command, group).await?;
        let named: Vec<_> = inputs
            .iter()
            .enumerate()
            .map(|(index, input)| (format!("seats[{index}].party_id"), &input.party))
            .collect();
        let parties = establishments(command.conn(), &named).await?;
        let mut seats = Vec::with_capacity(inputs.len());
        for input in inputs {
            let party = known(&parties, &input.party)?;
            seats.push(Seat {
                seat_id: SeatId::new(),
                commission: input.commission,
                party_id: party.id,
                party_name: party.name.clone(),
                quality: input.quality,
                holder_name: input.holder,
                valid_from: input.period.from(),
                valid_to: input.period.to(),
            });
        }
        store::seat::replace_all(command.conn(), group, &seats).await?;
        let event = pb::CommissionSeatsSet { seat_ids: seats.iter().map(|seat| seat.seat_id.to_string()).collect() };
        command.append(group.uuid(), "membership.commission_seats_set.v1", &event).await?;
        command
            .finish(pb::SetCommissionSeatsResponse { seats: seats.iter().map(convert::seat_to_proto).collect() })
            .await
    }

    /// Seats of a day.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`.
    pub async fn list_commission_seats(
        &self,
        caller: &Caller,
        request: pb::ListCommissionSeatsRequest,
    ) -> Result<pb::ListCommissionSeatsResponse, Failure> {
        let group = require_reader(caller)?;
        let mut fields = Fields::new();
        let on = fields.date_if_any("on", &request.on);
        let page = page_from_proto(&mut fields, request.page.as_ref(), is_service(caller));
        let page = fields.finish(Some(page))?;
        let mut tx = self.db.begin(caller).await?;
        let on = match on {
            Some(on) => on,
            None => tx.today().await?,
        };
        let mut seats = store::seat::list_on(tx.conn(), group, on, page).await?;
        tx.rollback().await?;
        let next_after = page.cut(&mut seats, |seat| seat.seat_id.to_string());
        Ok(pb::ListCommissionSeatsResponse { seats: seats.iter().map(convert::seat_to_proto).collect(), next_after })
    }
}

fn changed(mandate: &Mandate) -> pb::MandateChanged {
    let last = mandate.runs().to();
    pb::MandateChanged {
        mandate_id: mandate.id.to_string(),
        office: mandate.office.name().to_owned(),
        party_id: mandate.party.to_string(),
        starts_on: mandate.period.from().to_string(),
        ends_on: last.map(|day| day.to_string()).unwrap_or_default(),
    }
}
