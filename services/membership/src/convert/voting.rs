//! Voting rights, decision rules, decisions.

use chrono::NaiveDate;
use kit::{Failure, id::DecisionId};
use proto::membership::v1 as pb;

use super::{
    Fields, MOST_REGISTERED,
    fields::date_to_text,
    rule::{named, named_if_any, period, reason_to_proto, within},
    site::party_reference,
};
use crate::{
    domain::{
        Dated, MemberKind, PartyRef, Period,
        mandate::Office,
        voting::{
            Ballot, Choice, Counting, DecisionRule, MajorityBasis, Quorum, QuorumBasis, Subject, Tally, Threshold,
        },
    },
    store::{
        decision::{Decision, Motion},
        voting::Right,
    },
};

/// Rules set in one call at most.
pub(super) const MOST_RULES: usize = 100;
/// Votes of one decision at most.
const MOST_VOTES: usize = 5_000;
/// Longest text of a resolution, in characters.
const LONGEST_RESOLUTION: usize = 5_000;

/// A voting right to set, whose party is still a reference.
#[derive(Debug)]
pub struct RightInput {
    /// Who.
    pub party: PartyRef,
    /// College.
    pub college: String,
    /// Votes.
    pub votes: i64,
    /// When.
    pub period: Period,
}

/// Reads voting rights.
///
/// # Errors
/// `INVALID_INPUT` with the faults of all rows.
pub fn rights_from_proto(rights: &[pb::VotingRight]) -> Result<Vec<RightInput>, Failure> {
    let mut fields = Fields::new();
    let mut read = Vec::new();
    if fields.count("rights", rights.len(), MOST_REGISTERED) {
        for (index, right) in rights.iter().enumerate() {
            let path = format!("rights[{index}]");
            let party = party_reference(&mut fields, &format!("{path}.party_id"), &right.party_id);
            let college = fields.text(&format!("{path}.college"), &right.college, 0, 100);
            let votes = within(&mut fields, &format!("{path}.votes"), right.votes, 0, 1_000_000_000);
            let period = period(&mut fields, &path, &right.valid_from, &right.valid_to);
            let right = party.zip(period).map(|(party, period)| RightInput { party, college, votes, period });
            read.extend(right);
        }
    }
    fields.finish(Some(read))
}

/// A voting right as people and services read it.
#[must_use]
pub fn right_to_proto(right: &Right) -> pb::VotingRight {
    pb::VotingRight {
        party_id: right.party.to_string(),
        college: right.college.clone(),
        votes: right.votes,
        valid_from: right.period.from().to_string(),
        valid_to: date_to_text(right.period.to()),
        name: right.name.clone(),
    }
}

fn threshold(fields: &mut Fields, field: &str, threshold: Option<&pb::Threshold>) -> Option<Threshold> {
    let read = threshold.and_then(|threshold| Threshold::parse(&threshold.share, threshold.strictly));
    if read.is_none() {
        fields.fault(field, "must be a share such as 1/2, denominator 1000 at most, and less than 1/1 when strictly");
    }
    read
}

/// Reads decision rules.
///
/// # Errors
/// `INVALID_INPUT` with the faults of all rows.
pub fn decision_rules_from_proto(rules: &[pb::DecisionRule]) -> Result<Vec<Dated<DecisionRule>>, Failure> {
    let mut fields = Fields::new();
    let mut read = Vec::new();
    if fields.count("rules", rules.len(), MOST_RULES) {
        for (index, rule) in rules.iter().enumerate() {
            read.extend(decision_rule(&mut fields, &format!("rules[{index}]"), rule));
        }
    }
    fields.finish(Some(read))
}

fn decision_rule(fields: &mut Fields, path: &str, rule: &pb::DecisionRule) -> Option<Dated<DecisionRule>> {
    let at = |field: &str| format!("{path}.{field}");
    let subject = named(fields, &at("subject"), &rule.subject, (&Subject::ALL, Subject::name));
    let period = period(fields, path, &rule.valid_from, &rule.valid_to);
    let counting = named(fields, &at("counting"), &rule.counting, (&Counting::ALL, Counting::name));
    let basis = match rule.quorum_basis.as_str() {
        "NONE" => None,
        "MEMBERS" => Some(QuorumBasis::Members),
        "VOTES" => Some(QuorumBasis::Votes),
        _ => {
            fields.fault(&at("quorum_basis"), "must be NONE, MEMBERS or VOTES");
            None
        }
    };
    let quorum = basis.and_then(|basis| {
        let threshold = threshold(fields, &at("quorum"), rule.quorum.as_ref())?;
        Some(Quorum { basis, threshold, on_second_call: rule.quorum_on_second_call })
    });
    let majority_basis =
        named(fields, &at("majority_basis"), &rule.majority_basis, (&MajorityBasis::ALL, MajorityBasis::name));
    let majority = threshold(fields, &at("majority"), rule.majority.as_ref());
    within(fields, &at("most_proxies"), rule.most_proxies.into(), 0, 100);
    if rule.vote_needed && subject.is_some_and(|subject| subject != Subject::Admission) {
        fields.fault(&at("vote_needed"), "is for ADMISSION only");
    }
    let source = fields.text(&at("source"), &rule.source, 1, 300);
    Some(Dated {
        key: subject?.name().to_owned(),
        period: period?,
        source,
        body: DecisionRule {
            counting: counting?,
            quorum,
            majority_basis: majority_basis?,
            majority: majority?,
            most_proxies: rule.most_proxies,
            vote_needed: rule.vote_needed,
        },
    })
}

/// A decision rule as people and services read it.
#[must_use]
pub fn decision_rule_to_proto(rule: &Dated<DecisionRule>) -> pb::DecisionRule {
    let share = |threshold: Threshold| pb::Threshold { share: threshold.share(), strictly: threshold.strictly() };
    let basis = match rule.body.quorum.map(|quorum| quorum.basis) {
        None => "NONE",
        Some(QuorumBasis::Members) => "MEMBERS",
        Some(QuorumBasis::Votes) => "VOTES",
    };
    pb::DecisionRule {
        subject: rule.key.clone(),
        valid_from: rule.period.from().to_string(),
        valid_to: date_to_text(rule.period.to()),
        counting: rule.body.counting.name().to_owned(),
        quorum_basis: basis.to_owned(),
        quorum: rule.body.quorum.map(|quorum| share(quorum.threshold)),
        quorum_on_second_call: rule.body.quorum.is_some_and(|quorum| quorum.on_second_call),
        majority_basis: rule.body.majority_basis.name().to_owned(),
        majority: Some(share(rule.body.majority)),
        most_proxies: rule.body.most_proxies,
        vote_needed: rule.body.vote_needed,
        source: rule.source.clone(),
    }
}

/// A vote to record, whose parties are still references.
#[derive(Debug)]
pub struct VoteInput {
    /// Who.
    pub party: PartyRef,
    /// What it did.
    pub choice: Choice,
    /// Who held its proxy.
    pub represented_by: Option<PartyRef>,
}

/// A decision to record, whose parties are still references.
#[derive(Debug)]
pub struct DecisionInput {
    /// What is decided about, without the candidate.
    pub motion: Motion,
    /// Of an election or an admission.
    pub candidate: Option<PartyRef>,
    /// What was voted.
    pub votes: Vec<VoteInput>,
}

/// Reads a decision to record.
///
/// # Errors
/// `INVALID_INPUT` with every fault.
pub fn decision_from_proto(decision: Option<&pb::Decision>) -> Result<DecisionInput, Failure> {
    let decision = decision.ok_or_else(|| Failure::invalid_field("decision", "must be given"))?;
    let mut fields = Fields::new();
    let given = !decision.id.is_empty() || !decision.number.is_empty() || !decision.state.is_empty();
    if given {
        fields.fault("decision", "its id, number and state are given by the service");
    }
    let subject = named(&mut fields, "decision.subject", &decision.subject, (&Subject::ALL, Subject::name));
    let title = fields.text("decision.title", &decision.title, 1, 300);
    if decision.resolution.chars().count() > LONGEST_RESOLUTION {
        fields.fault("decision.resolution", "must have 5000 characters at most");
    }
    let on = fields.date("decision.decided_on", &decision.decided_on);
    let (office, candidate, admission) = about(&mut fields, subject, decision, on);
    let mut votes = Vec::new();
    if fields.count("decision.votes", decision.votes.len(), MOST_VOTES) {
        for (index, vote) in decision.votes.iter().enumerate() {
            votes.extend(vote_from_proto(&mut fields, &format!("decision.votes[{index}]"), vote));
        }
    }
    let motion = subject.zip(on).map(|(subject, on)| Motion {
        subject,
        title,
        resolution: decision.resolution.clone(),
        on,
        second_call: decision.second_call,
        office,
        candidate: None,
        admission,
    });
    fields.finish(motion.map(|motion| DecisionInput { motion, candidate, votes }))
}

fn vote_from_proto(fields: &mut Fields, path: &str, vote: &pb::Vote) -> Option<VoteInput> {
    let party = party_reference(fields, &format!("{path}.party_id"), &vote.party_id);
    let choice = named(fields, &format!("{path}.choice"), &vote.choice, (&Choice::ALL, Choice::name));
    let holder = &vote.represented_by;
    let represented_by = if holder.is_empty() {
        None
    } else {
        Some(party_reference(fields, &format!("{path}.represented_by"), holder)?)
    };
    Some(VoteInput { party: party?, choice: choice?, represented_by })
}

/// The fields that only elections and admissions have.
fn about(
    fields: &mut Fields,
    subject: Option<Subject>,
    decision: &pb::Decision,
    on: Option<NaiveDate>,
) -> (Option<Office>, Option<PartyRef>, Option<(MemberKind, NaiveDate)>) {
    let (elects, admits) = (subject == Some(Subject::Election), subject == Some(Subject::Admission));
    let mut only = |holds: bool, field: &str, text: &str, whose: &str| {
        if !holds && !text.is_empty() {
            fields.fault(&format!("decision.{field}"), &format!("is for {whose} only"));
        }
        holds
    };
    let has_office = only(elects, "office", &decision.office, "ELECTION");
    let has_candidate =
        only(elects || admits, "candidate_party_id", &decision.candidate_party_id, "ELECTION and ADMISSION");
    let has_kind = only(admits, "candidate_kind", &decision.candidate_kind, "ADMISSION");
    let has_effect = only(admits, "effect_from", &decision.effect_from, "ADMISSION");
    let office =
        has_office.then(|| named(fields, "decision.office", &decision.office, (&Office::ALL, Office::name))).flatten();
    let candidate = has_candidate
        .then(|| party_reference(fields, "decision.candidate_party_id", &decision.candidate_party_id))
        .flatten();
    let kinds = (&MemberKind::ALL[..], MemberKind::name as fn(MemberKind) -> &'static str);
    let kind = has_kind.then(|| named(fields, "decision.candidate_kind", &decision.candidate_kind, kinds)).flatten();
    let effect = has_effect.then(|| fields.date("decision.effect_from", &decision.effect_from)).flatten();
    if effect.zip(on).is_some_and(|(effect, on)| effect < on) {
        fields.fault("decision.effect_from", "must not be before the decision");
    }
    (office, candidate, kind.zip(effect))
}

/// A subject to filter by.
///
/// # Errors
/// `INVALID_INPUT`.
pub fn subject_from_proto(text: &str) -> Result<Option<Subject>, Failure> {
    let mut fields = Fields::new();
    let subject = named_if_any(&mut fields, "subject", text, (&Subject::ALL, Subject::name));
    fields.finish(Some(subject))
}

/// A decision's id.
///
/// # Errors
/// `INVALID_INPUT`.
pub fn decision_id(text: &str) -> Result<DecisionId, Failure> {
    text.parse().map_err(|_| Failure::invalid_field("decision_id", "must be a decision's id (dcs_…)"))
}

/// A decision as people and services read it, with its votes if they are given.
#[must_use]
pub fn decision_to_proto(decision: &Decision, votes: &[(Ballot, String)]) -> pb::Decision {
    let motion = &decision.motion;
    pb::Decision {
        id: decision.id.to_string(),
        number: decision.number.clone(),
        subject: motion.subject.name().to_owned(),
        title: motion.title.clone(),
        resolution: motion.resolution.clone(),
        decided_on: motion.on.to_string(),
        second_call: motion.second_call,
        office: motion.office.map(Office::name).unwrap_or_default().to_owned(),
        candidate_party_id: motion.candidate.map(|party| party.to_string()).unwrap_or_default(),
        candidate_kind: motion.admission.map(|(kind, _)| kind.name()).unwrap_or_default().to_owned(),
        effect_from: date_to_text(motion.admission.map(|(_, from)| from)),
        state: decision.outcome.state.name().to_owned(),
        reasons: decision.outcome.reasons.iter().map(reason_to_proto).collect(),
        tallies: decision.outcome.tallies.iter().map(tally_to_proto).collect(),
        votes: votes.iter().map(vote_to_proto).collect(),
        minutes_sha256: decision.minutes.as_deref().map(hex).unwrap_or_default(),
    }
}

/// Bytes as hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn tally_to_proto(tally: &Tally) -> pb::Tally {
    pb::Tally {
        college: tally.college.clone(),
        members: tally.members,
        members_present: tally.members_present,
        votes: tally.votes,
        votes_present: tally.votes_present,
        r#for: tally.votes_for,
        against: tally.against,
        abstain: tally.abstain,
    }
}

fn vote_to_proto((ballot, name): &(Ballot, String)) -> pb::Vote {
    pb::Vote {
        party_id: ballot.party.to_string(),
        choice: ballot.choice.name().to_owned(),
        represented_by: ballot.represented_by.map(|party| party.to_string()).unwrap_or_default(),
        college: ballot.college.clone(),
        votes: ballot.votes,
        name: name.clone(),
    }
}
