//! How a group decides: voting rights, decision rules, decisions.

use proto::membership::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    convert::{all, some},
    shared::Reason,
};

/// A member's place in the assembly.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct VotingRight {
    /// `pty_…`.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// College (collège), at most 100 characters; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub college: Option<String>,
    /// Votes, 0 to 1,000,000,000; 0: it does not vote (an associate, say).
    pub votes: i64,
    /// First day, ISO date.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_from: String,
    /// Last day, ISO date; absent while it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_to: Option<String>,
    /// Name of the party.
    pub name: String,
}

impl From<pb::VotingRight> for VotingRight {
    fn from(value: pb::VotingRight) -> Self {
        Self {
            party_id: value.party_id,
            college: some(value.college),
            votes: value.votes,
            valid_from: value.valid_from,
            valid_to: some(value.valid_to),
            name: value.name,
        }
    }
}

/// A member's place in the assembly.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VotingRightInput {
    /// `pty_…` or `key:…`.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// College (collège), at most 100 characters; absent where there are none.
    pub college: Option<String>,
    /// Votes, 0 to 1,000,000,000; 0: it does not vote (an associate, say).
    pub votes: i64,
    /// First day, ISO date.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_from: String,
    /// Last day, ISO date; absent while it lasts.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_to: Option<String>,
}

impl From<VotingRightInput> for pb::VotingRight {
    fn from(value: VotingRightInput) -> Self {
        Self {
            party_id: value.party_id,
            college: value.college.unwrap_or_default(),
            votes: value.votes,
            valid_from: value.valid_from,
            valid_to: value.valid_to.unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// A threshold: a share, reached or passed.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ShareNeeded {
    /// A fraction, e.g. `1/2` or `2/3`: 0 < numerator ≤ denominator ≤ 1,000.
    pub share: String,
    /// Whether it must be passed (more than), not only reached (at least).
    pub strictly: bool,
}

impl From<pb::Threshold> for ShareNeeded {
    fn from(value: pb::Threshold) -> Self {
        Self { share: value.share, strictly: value.strictly }
    }
}

/// A threshold: a share, reached or passed.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShareNeededInput {
    /// A fraction, e.g. `1/2` or `2/3`: 0 < numerator ≤ denominator ≤ 1,000.
    pub share: String,
    /// Whether it must be passed (more than), not only reached (at least).
    #[serde(default)]
    pub strictly: bool,
}

impl From<ShareNeededInput> for pb::Threshold {
    fn from(value: ShareNeededInput) -> Self {
        Self { share: value.share, strictly: value.strictly }
    }
}

/// How the assembly decides on a subject.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DecisionRule {
    /// ELECTION, ADMISSION, POLICY, BUDGET or OTHER.
    pub subject: String,
    /// First day, ISO date.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_from: String,
    /// Last day, ISO date; absent while it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_to: Option<String>,
    /// WEIGHTS: all votes together; EACH_COLLEGE: the majority is needed in every college; COLLEGE_BLOCK: each college gives all its votes to what its own majority chose.
    pub counting: String,
    /// What quorum is counted in: NONE, MEMBERS (present or represented) or VOTES (of those).
    pub quorum_basis: String,
    /// Share of the members or votes that must be there; absent with NONE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quorum: Option<ShareNeeded>,
    /// Whether the quorum is needed on a second call too.
    pub quorum_on_second_call: bool,
    /// What the majority is a share of: CAST (for and against), PRESENT (abstentions too) or ALL (of the assembly).
    pub majority_basis: String,
    /// Share of those votes that must be for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub majority: Option<ShareNeeded>,
    /// Proxies (pouvoirs) that one member may hold, 0 to 100.
    pub most_proxies: i32,
    /// ADMISSION only: whether nobody may be added to the group without an adopted decision.
    pub vote_needed: bool,
    /// The clause that says so, e.g. `Convention constitutive, art. 14`; 1 to 300 characters.
    pub source: String,
}

impl From<pb::DecisionRule> for DecisionRule {
    fn from(value: pb::DecisionRule) -> Self {
        Self {
            subject: value.subject,
            valid_from: value.valid_from,
            valid_to: some(value.valid_to),
            counting: value.counting,
            quorum_basis: value.quorum_basis,
            quorum: value.quorum.map(Into::into),
            quorum_on_second_call: value.quorum_on_second_call,
            majority_basis: value.majority_basis,
            majority: value.majority.map(Into::into),
            most_proxies: value.most_proxies,
            vote_needed: value.vote_needed,
            source: value.source,
        }
    }
}

/// How the assembly decides on a subject.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionRuleInput {
    /// ELECTION, ADMISSION, POLICY, BUDGET or OTHER.
    pub subject: String,
    /// First day, ISO date.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_from: String,
    /// Last day, ISO date; absent while it lasts.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_to: Option<String>,
    /// WEIGHTS: all votes together; EACH_COLLEGE: the majority is needed in every college; COLLEGE_BLOCK: each college gives all its votes to what its own majority chose.
    pub counting: String,
    /// What quorum is counted in: NONE, MEMBERS (present or represented) or VOTES (of those).
    pub quorum_basis: String,
    /// Share of the members or votes that must be there; absent with NONE.
    pub quorum: Option<ShareNeededInput>,
    /// Whether the quorum is needed on a second call too.
    #[serde(default)]
    pub quorum_on_second_call: bool,
    /// What the majority is a share of: CAST (for and against), PRESENT (abstentions too) or ALL (of the assembly).
    pub majority_basis: String,
    /// Share of those votes that must be for.
    pub majority: ShareNeededInput,
    /// Proxies (pouvoirs) that one member may hold, 0 to 100.
    #[serde(default)]
    pub most_proxies: i32,
    /// ADMISSION only: whether nobody may be added to the group without an adopted decision.
    #[serde(default)]
    pub vote_needed: bool,
    /// The clause that says so, e.g. `Convention constitutive, art. 14`; 1 to 300 characters.
    pub source: String,
}

impl From<DecisionRuleInput> for pb::DecisionRule {
    fn from(value: DecisionRuleInput) -> Self {
        Self {
            subject: value.subject,
            valid_from: value.valid_from,
            valid_to: value.valid_to.unwrap_or_default(),
            counting: value.counting,
            quorum_basis: value.quorum_basis,
            quorum: value.quorum.map(Into::into),
            quorum_on_second_call: value.quorum_on_second_call,
            majority_basis: value.majority_basis,
            majority: Some(value.majority.into()),
            most_proxies: value.most_proxies,
            vote_needed: value.vote_needed,
            source: value.source,
        }
    }
}

/// What a member did in the vote.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Vote {
    /// `pty_…`.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// FOR, AGAINST, ABSTAIN or ABSENT.
    pub choice: String,
    /// `pty_…` of the member that held its proxy; absent when it was there itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub represented_by: Option<String>,
    /// College on that day.
    pub college: String,
    /// Votes on that day.
    pub votes: i64,
    /// Name of the party.
    pub name: String,
}

impl From<pb::Vote> for Vote {
    fn from(value: pb::Vote) -> Self {
        Self {
            party_id: value.party_id,
            choice: value.choice,
            represented_by: some(value.represented_by),
            college: value.college,
            votes: value.votes,
            name: value.name,
        }
    }
}

/// What a member did in the vote.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VoteInput {
    /// `pty_…` or `key:…`.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// FOR, AGAINST, ABSTAIN or ABSENT.
    pub choice: String,
    /// `pty_…` of the member that held its proxy or `key:…`; absent when it was there itself.
    pub represented_by: Option<String>,
}

impl From<VoteInput> for pb::Vote {
    fn from(value: VoteInput) -> Self {
        Self {
            party_id: value.party_id,
            choice: value.choice,
            represented_by: value.represented_by.unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// Votes counted, of the assembly or of one college.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Tally {
    /// College; absent for the whole assembly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub college: Option<String>,
    /// Members that could vote.
    pub members: i64,
    /// Of those present or represented.
    pub members_present: i64,
    /// Votes of all of them.
    pub votes: i64,
    /// Votes of those present or represented.
    pub votes_present: i64,
    /// Votes for.
    pub r#for: i64,
    /// Votes against.
    pub against: i64,
    /// Abstentions.
    pub abstain: i64,
}

impl From<pb::Tally> for Tally {
    fn from(value: pb::Tally) -> Self {
        Self {
            college: some(value.college),
            members: value.members,
            members_present: value.members_present,
            votes: value.votes,
            votes_present: value.votes_present,
            r#for: value.r#for,
            against: value.against,
            abstain: value.abstain,
        }
    }
}

/// A decision of the assembly.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Decision {
    /// `dcs_…`.
    pub id: String,
    /// Legal number, e.g. `DEL-2026-0001`.
    pub number: String,
    /// ELECTION, ADMISSION, POLICY, BUDGET or OTHER.
    pub subject: String,
    /// 1 to 300 characters.
    pub title: String,
    /// The text that was voted, at most 5,000 characters.
    pub resolution: String,
    /// The day of the assembly, ISO date; not after today.
    #[schema(example = "2026-03-02", format = Date)]
    pub decided_on: String,
    /// Whether the assembly was called a second time for want of quorum.
    pub second_call: bool,
    /// ELECTION: PRESIDENT, VICE_PRESIDENT, ADMINISTRATOR or DEPUTY; otherwise absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub office: Option<String>,
    /// ELECTION: the member whose representative is elected; ADMISSION: who asks to join. `pty_…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub candidate_party_id: Option<String>,
    /// ADMISSION: how it would belong; otherwise absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate_kind: Option<String>,
    /// ADMISSION: from which day on, ISO date; otherwise absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-02", format = Date)]
    pub effect_from: Option<String>,
    /// ADOPTED, REJECTED or NO_QUORUM.
    pub state: String,
    /// Why: quorum and majority with their figures.
    pub reasons: Vec<Reason>,
    /// The assembly first, then each college.
    pub tallies: Vec<Tally>,
    /// Votes of members that have any, one each; those left out were absent. Not in lists.
    pub votes: Vec<Vote>,
    /// SHA-256 of the minutes, hexadecimal; absent while there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minutes_sha256: Option<String>,
}

impl From<pb::Decision> for Decision {
    fn from(value: pb::Decision) -> Self {
        Self {
            id: value.id,
            number: value.number,
            subject: value.subject,
            title: value.title,
            resolution: value.resolution,
            decided_on: value.decided_on,
            second_call: value.second_call,
            office: some(value.office),
            candidate_party_id: some(value.candidate_party_id),
            candidate_kind: some(value.candidate_kind),
            effect_from: some(value.effect_from),
            state: value.state,
            reasons: all(value.reasons),
            tallies: all(value.tallies),
            votes: all(value.votes),
            minutes_sha256: some(value.minutes_sha256),
        }
    }
}

/// A decision of the assembly.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionInput {
    /// ELECTION, ADMISSION, POLICY, BUDGET or OTHER.
    pub subject: String,
    /// 1 to 300 characters.
    pub title: String,
    /// The text that was voted, at most 5,000 characters.
    #[serde(default)]
    pub resolution: String,
    /// The day of the assembly, ISO date; not after today.
    #[schema(example = "2026-03-02", format = Date)]
    pub decided_on: String,
    /// Whether the assembly was called a second time for want of quorum.
    #[serde(default)]
    pub second_call: bool,
    /// ELECTION: PRESIDENT, VICE_PRESIDENT, ADMINISTRATOR or DEPUTY; otherwise absent.
    pub office: Option<String>,
    /// ELECTION: the member whose representative is elected; ADMISSION: who asks to join. `pty_…` or `key:…`.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub candidate_party_id: Option<String>,
    /// ADMISSION: how it would belong; otherwise absent.
    pub candidate_kind: Option<String>,
    /// ADMISSION: from which day on, ISO date; otherwise absent.
    #[schema(example = "2026-03-02", format = Date)]
    pub effect_from: Option<String>,
    /// Votes of members that have any, one each; those left out were absent. Not in lists.
    pub votes: Vec<VoteInput>,
}

impl From<DecisionInput> for pb::Decision {
    fn from(value: DecisionInput) -> Self {
        Self {
            subject: value.subject,
            title: value.title,
            resolution: value.resolution,
            decided_on: value.decided_on,
            second_call: value.second_call,
            office: value.office.unwrap_or_default(),
            candidate_party_id: value.candidate_party_id.unwrap_or_default(),
            candidate_kind: value.candidate_kind.unwrap_or_default(),
            effect_from: value.effect_from.unwrap_or_default(),
            votes: all(value.votes),
            ..Self::default()
        }
    }
}

/// Voting rights of a day, by party.
#[derive(Debug, Serialize, ToSchema)]
pub struct VotingRightPage {
    /// This page's rows.
    pub rights: Vec<VotingRight>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Decisions without votes, last recorded first.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecisionPage {
    /// This page's rows.
    pub decisions: Vec<Decision>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
