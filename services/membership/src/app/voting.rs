//! Who votes with how many votes, and by which rules the assembly decides.

use kit::{Caller, Failure, command::Claim};
use proto::membership::v1 as pb;

use super::{
    App,
    governance::{check_count, establishments, known, lock_group, require_reader, require_writer},
    is_service,
};
use crate::{
    convert::{Fields, page_from_proto, voting as convert},
    domain::{RuleKind, voting::DecisionRule},
    store::{self, voting::Right},
};

impl App {
    /// Sets members' colleges and votes.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`, `PERIODS_OVERLAP`.
    pub async fn set_voting_rights(
        &self,
        caller: &Caller,
        request: pb::SetVotingRightsRequest,
    ) -> Result<pb::SetVotingRightsResponse, Failure> {
        let group = require_writer(caller)?;
        let inputs = convert::rights_from_proto(&request.rights)?;
        let method = "centrale.membership.v1.GovernanceService/SetVotingRights";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        lock_group(&mut command, group).await?;
        let named: Vec<_> = (0..)
            .zip(&inputs)
            .map(|(index, input): (usize, _)| (format!("rights[{index}].party_id"), &input.party))
            .collect();
        let parties = establishments(command.conn(), &named).await?;
        let mut rights = Vec::with_capacity(inputs.len());
        for input in &inputs {
            let party = known(&parties, &input.party)?;
            rights.push(Right {
                party: party.id,
                name: party.name.clone(),
                college: input.college.clone(),
                votes: input.votes,
                period: input.period,
            });
        }
        store::voting::replace_all(command.conn(), group, &rights).await?;
        let event = pb::VotingRightsSet { party_ids: rights.iter().map(|right| right.party.to_string()).collect() };
        command.append(group.uuid(), "membership.voting_rights_set.v1", &event).await?;
        command
            .finish(pb::SetVotingRightsResponse { rights: rights.iter().map(convert::right_to_proto).collect() })
            .await
    }

    /// Voting rights of a day.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`.
    pub async fn list_voting_rights(
        &self,
        caller: &Caller,
        request: pb::ListVotingRightsRequest,
    ) -> Result<pb::ListVotingRightsResponse, Failure> {
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
        let mut rights = store::voting::list_on(tx.conn(), group, on, page).await?;
        tx.rollback().await?;
        let next_after = page.cut(&mut rights, |right| right.party.to_string());
        Ok(pb::ListVotingRightsResponse { rights: rights.iter().map(convert::right_to_proto).collect(), next_after })
    }

    /// Sets quorum and majority by subject.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`, `PERIODS_OVERLAP`.
    pub async fn set_decision_rules(
        &self,
        caller: &Caller,
        request: pb::SetDecisionRulesRequest,
    ) -> Result<pb::SetDecisionRulesResponse, Failure> {
        let group = require_writer(caller)?;
        let rules = convert::decision_rules_from_proto(&request.rules)?;
        let method = "centrale.membership.v1.GovernanceService/SetDecisionRules";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        lock_group(&mut command, group).await?;
        store::rule::replace_all(command.conn(), group, RuleKind::Decision, &rules).await?;
        check_count(&mut command, group, RuleKind::Decision).await?;
        let event = pb::GroupRulesSet {
            kind: RuleKind::Decision.name().to_owned(),
            keys: rules.iter().map(|rule| rule.key.clone()).collect(),
        };
        command.append(group.uuid(), "membership.group_rules_set.v1", &event).await?;
        let rules = rules.iter().map(convert::decision_rule_to_proto).collect();
        command.finish(pb::SetDecisionRulesResponse { rules }).await
    }

    /// Decision rules of a day.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`.
    pub async fn list_decision_rules(
        &self,
        caller: &Caller,
        request: pb::ListDecisionRulesRequest,
    ) -> Result<pb::ListDecisionRulesResponse, Failure> {
        let group = require_reader(caller)?;
        let mut fields = Fields::new();
        let on = fields.date_if_any("on", &request.on);
        let on = fields.finish(Some(on))?;
        let mut tx = self.db.begin(caller).await?;
        let on = match on {
            Some(on) => on,
            None => tx.today().await?,
        };
        let rules =
            store::rule::list::<DecisionRule>(tx.conn(), group, RuleKind::Decision, (Some(on), Some(on))).await?;
        tx.rollback().await?;
        Ok(pb::ListDecisionRulesResponse { rules: rules.iter().map(convert::decision_rule_to_proto).collect() })
    }
}
