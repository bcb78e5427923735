//! Decisions of the assembly: votes recorded, the result computed, minutes kept; and the admissions that rest on them.

use std::collections::HashMap;

use kit::{
    Caller, Failure,
    command::{Claim, Command},
    id::{DecisionId, GroupId, PartyId},
};
use proto::membership::v1 as pb;
use sha2::{Digest as _, Sha256};

use super::{
    App,
    governance::{establishments, known, lock_group, require_reader, require_writer},
    is_service,
};
use crate::{
    convert::{
        Fields, page_from_proto,
        voting::{self as convert, DecisionInput},
    },
    domain::{
        Member, MemberKind, Party, PartyRef, RuleKind,
        governance_error::GovernanceError,
        is_admission, is_voted, parse_named,
        voting::{self, DecisionRule, RecordedVote, Subject},
    },
    store::{self, decision::Decision},
};

/// Largest minutes, in bytes.
const LARGEST_MINUTES: usize = 10 * 1024 * 1024;

impl App {
    /// Records the votes of the assembly, and decides from them by the rule of that day.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`, `DECISION_RULE_MISSING`.
    pub async fn record_decision(
        &self,
        caller: &Caller,
        request: pb::RecordDecisionRequest,
    ) -> Result<pb::RecordDecisionResponse, Failure> {
        let group = require_writer(caller)?;
        let input = convert::decision_from_proto(request.decision.as_ref())?;
        let method = "centrale.membership.v1.GovernanceService/RecordDecision";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        lock_group(&mut command, group).await?;
        let today = command.today().await?;
        if input.motion.on > today {
            return Err(Failure::invalid_field("decision.decided_on", format!("must not be after today, {today}")));
        }
        let parties = establishments(command.conn(), &named(&input)).await?;
        let subject = input.motion.subject.name();
        let rule =
            store::rule::find::<DecisionRule>(command.conn(), group, RuleKind::Decision, subject, input.motion.on)
                .await?
                .ok_or_else(|| GovernanceError::DecisionRuleMissing { subject, on: input.motion.on.to_string() })?;
        let assembly = store::voting::assembly(command.conn(), group, input.motion.on).await?;
        let votes = recorded(&input, &parties)?;
        let ballots = voting::ballots(&rule.body, &assembly, &votes).map_err(Failure::invalid)?;
        let outcome = voting::decide(&rule.body, &rule.source, input.motion.second_call, &ballots);
        let candidate = match &input.candidate {
            Some(reference) => Some(known(&parties, reference)?.id),
            None => None,
        };
        let decision = Decision {
            id: DecisionId::new(),
            number: command.next_number("DEL").await?,
            motion: store::decision::Motion { candidate, ..input.motion },
            outcome,
            minutes: None,
        };
        store::decision::insert(command.conn(), group, &decision, &rule, &ballots).await?;
        let votes = store::decision::votes(command.conn(), group, decision.id).await?;
        let all = decision.outcome.tallies.first().cloned().unwrap_or_default();
        let event = pb::DecisionRecorded {
            decision_id: decision.id.to_string(),
            number: decision.number.clone(),
            subject: subject.to_owned(),
            state: decision.outcome.state.name().to_owned(),
            r#for: all.votes_for,
            against: all.against,
            abstain: all.abstain,
        };
        command.append(group.uuid(), "membership.decision_recorded.v1", &event).await?;
        let decision = Some(convert::decision_to_proto(&decision, &votes));
        command.finish(pb::RecordDecisionResponse { decision }).await
    }

    /// One decision with its votes.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`, `NOT_FOUND`.
    pub async fn get_decision(
        &self,
        caller: &Caller,
        request: pb::GetDecisionRequest,
    ) -> Result<pb::GetDecisionResponse, Failure> {
        let group = require_reader(caller)?;
        let id = convert::decision_id(&request.decision_id)?;
        let mut tx = self.db.begin(caller).await?;
        let decision =
            store::decision::find(tx.conn(), group, id).await?.ok_or_else(|| Failure::not_found("decision", id))?;
        let votes = store::decision::votes(tx.conn(), group, id).await?;
        tx.rollback().await?;
        Ok(pb::GetDecisionResponse { decision: Some(convert::decision_to_proto(&decision, &votes)) })
    }

    /// Decisions without their votes, last recorded first.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`.
    pub async fn list_decisions(
        &self,
        caller: &Caller,
        request: pb::ListDecisionsRequest,
    ) -> Result<pb::ListDecisionsResponse, Failure> {
        let group = require_reader(caller)?;
        let subject = convert::subject_from_proto(&request.subject)?;
        let mut fields = Fields::new();
        let page = page_from_proto(&mut fields, request.page.as_ref(), is_service(caller));
        let page = fields.finish(Some(page))?;
        let mut tx = self.db.begin(caller).await?;
        let mut decisions = store::decision::list(tx.conn(), group, subject, page).await?;
        tx.rollback().await?;
        let next_after = page.cut(&mut decisions, |decision| decision.id.to_string());
        let decisions = decisions.iter().map(|decision| convert::decision_to_proto(decision, &[])).collect();
        Ok(pb::ListDecisionsResponse { decisions, next_after })
    }

    /// Attaches the minutes of a decision, once: a PDF, kept by its SHA-256.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`, `NOT_FOUND`, `MINUTES_ATTACHED`.
    pub async fn attach_minutes(
        &self,
        caller: &Caller,
        request: pb::AttachMinutesRequest,
    ) -> Result<pb::AttachMinutesResponse, Failure> {
        let group = require_writer(caller)?;
        let id = convert::decision_id(&request.decision_id)?;
        if !(1..=LARGEST_MINUTES).contains(&request.content.len()) {
            return Err(Failure::invalid_field("content", format!("must have 1 to {LARGEST_MINUTES} bytes")));
        }
        if !request.content.starts_with(b"%PDF-") {
            return Err(Failure::invalid_field("content", "must be a PDF file"));
        }
        let method = "centrale.membership.v1.GovernanceService/AttachMinutes";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let mut decision = store::decision::lock(command.conn(), group, id)
            .await?
            .ok_or_else(|| Failure::not_found("decision", id))?;
        if decision.minutes.is_some() {
            return Err(GovernanceError::MinutesAttached { number: decision.number }.into());
        }
        let sha256: [u8; 32] = Sha256::digest(&request.content).into();
        store::document::keep(command.conn(), group, &sha256, &request.content).await?;
        store::decision::attach_minutes(command.conn(), group, id, &sha256).await?;
        let event = pb::MinutesAttached { decision_id: id.to_string(), sha256: sha256.to_vec().into() };
        command.append(group.uuid(), "membership.minutes_attached.v1", &event).await?;
        decision.minutes = Some(sha256.to_vec());
        let decision = Some(convert::decision_to_proto(&decision, &[]));
        command.finish(pb::AttachMinutesResponse { decision }).await
    }

    /// The minutes of a decision, checked against their name.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`, `NOT_FOUND`.
    pub async fn get_minutes(
        &self,
        caller: &Caller,
        request: pb::GetMinutesRequest,
    ) -> Result<pb::GetMinutesResponse, Failure> {
        let group = require_reader(caller)?;
        let id = convert::decision_id(&request.decision_id)?;
        let mut tx = self.db.begin(caller).await?;
        let decision =
            store::decision::find(tx.conn(), group, id).await?.ok_or_else(|| Failure::not_found("decision", id))?;
        let sha256 = decision.minutes.ok_or_else(|| Failure::not_found("minutes", id))?;
        let content = store::document::read(tx.conn(), group, &sha256).await?;
        tx.rollback().await?;
        if Sha256::digest(&content).as_slice() != sha256 {
            return Err(Failure::internal(format!("the minutes of {id} are not what they were")));
        }
        Ok(pb::GetMinutesResponse { content: content.into(), sha256: convert::hex(&sha256), number: decision.number })
    }
}

/// The parties that a decision names, each with its field.
fn named(input: &DecisionInput) -> Vec<(String, &PartyRef)> {
    let mut named = Vec::new();
    named.extend(input.candidate.as_ref().map(|reference| ("decision.candidate_party_id".to_owned(), reference)));
    for (index, vote) in input.votes.iter().enumerate() {
        named.push((format!("decision.votes[{index}].party_id"), &vote.party));
        if let Some(holder) = &vote.represented_by {
            named.push((format!("decision.votes[{index}].represented_by"), holder));
        }
    }
    named
}

fn recorded(input: &DecisionInput, parties: &HashMap<PartyRef, Party>) -> Result<Vec<RecordedVote>, Failure> {
    let mut votes = Vec::with_capacity(input.votes.len());
    for vote in &input.votes {
        let represented_by = match &vote.represented_by {
            Some(reference) => Some(known(parties, reference)?.id),
            None => None,
        };
        votes.push(RecordedVote { party: known(parties, &vote.party)?.id, choice: vote.choice, represented_by });
    }
    Ok(votes)
}

/// Refuses to add who was not voted in, where the group's rule of today asks for a vote.
pub(super) async fn check_admissions(
    command: &mut Command,
    group: GroupId,
    members: &[Member],
    present: &[Member],
) -> Result<(), Failure> {
    let today = command.today().await?;
    let subject = Subject::Admission.name();
    let rule = store::rule::find::<DecisionRule>(command.conn(), group, RuleKind::Decision, subject, today).await?;
    let Some(rule) = rule.filter(|rule| rule.body.vote_needed) else { return Ok(()) };
    let newcomers: Vec<&Member> = members.iter().filter(|member| is_admission(member, present)).collect();
    if newcomers.is_empty() {
        return Ok(());
    }
    let parties: Vec<PartyId> = newcomers.iter().map(|member| member.party_id).collect();
    let mut admissions = Vec::new();
    for (party, kind, from) in store::decision::admissions(command.conn(), group, &parties).await? {
        let kind = parse_named(&MemberKind::ALL, MemberKind::name, &kind);
        admissions.extend(kind.map(|kind| (party, kind, from)));
    }
    match newcomers.into_iter().find(|member| !is_voted(member, present, &admissions)) {
        Some(member) => Err(GovernanceError::AdmissionNotVoted {
            party: member.party_id.to_string(),
            from: member.period.from().to_string(),
            kind: member.kind.name(),
            source_text: rule.source,
        }
        .into()),
        None => Ok(()),
    }
}
