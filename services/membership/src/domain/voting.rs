//! Decisions of the assembly: quorum and majority, computed from the votes that were recorded and explained with their figures.
//!
//! The rule is the group's own (convention constitutive, statutes, charter), dated and with its source. Votes are whole numbers; every
//! comparison of shares is one of products, so nothing is rounded.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kit::{FieldFault, id::PartyId};
use serde::{Deserialize, Serialize};

use super::Reason;

/// What a decision is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Subject {
    /// Electing to an office.
    Election,
    /// Letting somebody join.
    Admission,
    /// A common policy.
    Policy,
    /// The budget, contributions.
    Budget,
    /// Anything else.
    Other,
}

impl Subject {
    /// Every subject.
    pub const ALL: [Self; 5] = [Self::Election, Self::Admission, Self::Policy, Self::Budget, Self::Other];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Election => "ELECTION",
            Self::Admission => "ADMISSION",
            Self::Policy => "POLICY",
            Self::Budget => "BUDGET",
            Self::Other => "OTHER",
        }
    }
}

/// How votes are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Counting {
    /// All votes together.
    Weights,
    /// The majority is needed in every college.
    EachCollege,
    /// Each college gives all its votes to what its own majority chose.
    CollegeBlock,
}

impl Counting {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Weights, Self::EachCollege, Self::CollegeBlock];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Weights => "WEIGHTS",
            Self::EachCollege => "EACH_COLLEGE",
            Self::CollegeBlock => "COLLEGE_BLOCK",
        }
    }
}

/// What a quorum is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum QuorumBasis {
    /// Members present or represented.
    Members,
    /// Their votes.
    Votes,
}

/// What a majority is a share of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MajorityBasis {
    /// Votes for and against (suffrages exprimés).
    Cast,
    /// Abstentions too.
    Present,
    /// Of the whole assembly, absent members too.
    All,
}

impl MajorityBasis {
    /// Every basis.
    pub const ALL: [Self; 3] = [Self::Cast, Self::Present, Self::All];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cast => "CAST",
            Self::Present => "PRESENT",
            Self::All => "ALL",
        }
    }
}

/// A share that must be reached or passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Threshold {
    numerator: i64,
    denominator: i64,
    strictly: bool,
}

impl Threshold {
    /// Reads `2/3`: 0 < numerator ≤ denominator ≤ 1,000. More than all cannot be asked for.
    #[must_use]
    pub fn parse(share: &str, strictly: bool) -> Option<Self> {
        let (numerator, denominator) = share.split_once('/')?;
        let (numerator, denominator) = (numerator.parse().ok()?, denominator.parse().ok()?);
        let fits = 0 < numerator && numerator <= denominator && denominator <= 1_000;
        let possible = !(strictly && numerator == denominator);
        (fits && possible).then_some(Self { numerator, denominator, strictly })
    }

    /// The fraction, as read.
    #[must_use]
    pub fn share(self) -> String {
        format!("{}/{}", self.numerator, self.denominator)
    }

    /// Whether it must be passed.
    #[must_use]
    pub const fn strictly(self) -> bool {
        self.strictly
    }

    /// Whether a part of a whole is enough. Of nothing, nothing is.
    #[must_use]
    pub fn met(self, part: i64, whole: i64) -> bool {
        let (have, need) =
            (i128::from(part) * i128::from(self.denominator), i128::from(whole) * i128::from(self.numerator));
        whole > 0 && if self.strictly { have > need } else { have >= need }
    }

    fn in_words(self) -> String {
        format!("{} {}", if self.strictly { "plus de" } else { "au moins" }, self.share())
    }
}

/// The members or votes that must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quorum {
    /// What is counted.
    pub basis: QuorumBasis,
    /// How much of it.
    pub threshold: Threshold,
    /// Whether a second call needs it too.
    pub on_second_call: bool,
}

/// How the assembly decides on a subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionRule {
    /// How votes are put together.
    pub counting: Counting,
    /// None: whoever comes decides.
    pub quorum: Option<Quorum>,
    /// What the majority is a share of.
    pub majority_basis: MajorityBasis,
    /// That share.
    pub majority: Threshold,
    /// Proxies that one member may hold.
    pub most_proxies: i32,
    /// Of admissions: whether nobody joins without an adopted decision.
    pub vote_needed: bool,
}

/// What a member did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Voted for.
    For,
    /// Voted against.
    Against,
    /// Was there and chose nothing.
    Abstain,
    /// Was neither there nor represented.
    Absent,
}

impl Choice {
    /// Every choice.
    pub const ALL: [Self; 4] = [Self::For, Self::Against, Self::Abstain, Self::Absent];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::For => "FOR",
            Self::Against => "AGAINST",
            Self::Abstain => "ABSTAIN",
            Self::Absent => "ABSENT",
        }
    }
}

/// A member of the assembly with what it did; every member with votes has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ballot {
    /// Who.
    pub party: PartyId,
    /// Its college on that day.
    pub college: String,
    /// Its votes on that day, 1 or more.
    pub votes: i64,
    /// What it did.
    pub choice: Choice,
    /// Who held its proxy.
    pub represented_by: Option<PartyId>,
}

/// Votes counted, of the assembly or of a college.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// College; empty for the assembly.
    pub college: String,
    /// Members that could vote.
    pub members: i64,
    /// Of those present or represented.
    pub members_present: i64,
    /// Votes of all of them.
    pub votes: i64,
    /// Votes of those present or represented.
    pub votes_present: i64,
    /// Votes for.
    pub votes_for: i64,
    /// Votes against.
    pub against: i64,
    /// Abstentions.
    pub abstain: i64,
}

impl Tally {
    fn of<'a>(college: &str, ballots: impl Iterator<Item = &'a Ballot>) -> Self {
        let mut tally = Self { college: college.to_owned(), ..Self::default() };
        for ballot in ballots {
            tally.members += 1;
            tally.votes += ballot.votes;
            match ballot.choice {
                Choice::For => tally.votes_for += ballot.votes,
                Choice::Against => tally.against += ballot.votes,
                Choice::Abstain => tally.abstain += ballot.votes,
                Choice::Absent => continue,
            }
            tally.members_present += 1;
            tally.votes_present += ballot.votes;
        }
        tally
    }

    const fn basis(&self, basis: MajorityBasis) -> i64 {
        match basis {
            MajorityBasis::Cast => self.votes_for + self.against,
            MajorityBasis::Present => self.votes_present,
            MajorityBasis::All => self.votes,
        }
    }
}

/// What became of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Quorum and majority.
    Adopted,
    /// Quorum, no majority.
    Rejected,
    /// Too few were there.
    NoQuorum,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Adopted, Self::Rejected, Self::NoQuorum];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Adopted => "ADOPTED",
            Self::Rejected => "REJECTED",
            Self::NoQuorum => "NO_QUORUM",
        }
    }
}

/// The result with what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What became of it.
    pub state: State,
    /// The assembly first, then each college, by name.
    pub tallies: Vec<Tally>,
    /// Quorum, then majority.
    pub reasons: Vec<Reason>,
}

/// Decides from the ballots of all members with votes.
#[must_use]
pub fn decide(rule: &DecisionRule, source: &str, second_call: bool, ballots: &[Ballot]) -> Outcome {
    let all = Tally::of("", ballots.iter());
    let names: BTreeSet<&str> = ballots.iter().map(|ballot| ballot.college.as_str()).collect();
    let colleges: Vec<Tally> =
        names.into_iter().map(|name| Tally::of(name, ballots.iter().filter(|ballot| ballot.college == name))).collect();
    let (there, quorum) = judge_quorum(rule, source, second_call, &all);
    let mut reasons = vec![quorum];
    let state = if there {
        let (adopted, majority) = judge_majority(rule, source, &all, &colleges);
        reasons.extend(majority);
        if adopted { State::Adopted } else { State::Rejected }
    } else {
        State::NoQuorum
    };
    let mut tallies = vec![all];
    // One college without a name is the assembly itself.
    tallies.extend(colleges.into_iter().filter(|tally| !tally.college.is_empty()));
    Outcome { state, tallies, reasons }
}

fn judge_quorum(rule: &DecisionRule, source: &str, second_call: bool, all: &Tally) -> (bool, Reason) {
    let Some(quorum) = rule.quorum.filter(|quorum| !second_call || quorum.on_second_call) else {
        let why = if second_call && rule.quorum.is_some() { " sur seconde convocation" } else { "" };
        let text = format!(
            "Aucun quorum n'est exigé{why} : {} membres présents ou représentés sur {}.",
            all.members_present, all.members
        );
        let facts = [("present", all.members_present.to_string()), ("members", all.members.to_string())];
        // Whoever comes decides, but somebody must.
        return (all.members_present > 0, Reason::new("QUORUM", source, text, &facts));
    };
    let (part, whole, what) = match quorum.basis {
        QuorumBasis::Members => (all.members_present, all.members, "membres présents ou représentés"),
        QuorumBasis::Votes => (all.votes_present, all.votes, "voix présentes ou représentées"),
    };
    let there = quorum.threshold.met(part, whole);
    let text = format!(
        "Quorum : {part} {what} sur {whole}, il en faut {} : {}.",
        quorum.threshold.in_words(),
        if there { "atteint" } else { "non atteint" }
    );
    let facts = [("present", part.to_string()), ("whole", whole.to_string()), ("needed", quorum.threshold.in_words())];
    (there, Reason::new("QUORUM", source, text, &facts))
}

fn judge_majority(rule: &DecisionRule, source: &str, all: &Tally, colleges: &[Tally]) -> (bool, Vec<Reason>) {
    match rule.counting {
        Counting::Weights => {
            let (met, reason) = majority_of(rule, source, all, "Majorité");
            (met, vec![reason])
        }
        Counting::EachCollege => {
            let judged = colleges
                .iter()
                .map(|tally| majority_of(rule, source, tally, &format!("Majorité du collège « {} »", tally.college)));
            let (met, reasons): (Vec<bool>, Vec<Reason>) = judged.unzip();
            (!met.is_empty() && met.iter().all(|met| *met), reasons)
        }
        Counting::CollegeBlock => {
            let blocks = blocks(colleges);
            let (met, reason) = majority_of(rule, source, &blocks, "Majorité des collèges, chacun votant en bloc");
            (met, vec![reason])
        }
    }
}

/// Each college gives all its votes to what its own majority chose; an even one abstains, an empty one is absent.
fn blocks(colleges: &[Tally]) -> Tally {
    let mut whole = Tally::default();
    for college in colleges {
        whole.members += 1;
        whole.votes += college.votes;
        if college.members_present == 0 {
            continue;
        }
        whole.members_present += 1;
        whole.votes_present += college.votes;
        match college.votes_for.cmp(&college.against) {
            std::cmp::Ordering::Greater => whole.votes_for += college.votes,
            std::cmp::Ordering::Less => whole.against += college.votes,
            std::cmp::Ordering::Equal => whole.abstain += college.votes,
        }
    }
    whole
}

fn majority_of(rule: &DecisionRule, source: &str, tally: &Tally, what: &str) -> (bool, Reason) {
    let whole = tally.basis(rule.majority_basis);
    let met = rule.majority.met(tally.votes_for, whole);
    let of = match rule.majority_basis {
        MajorityBasis::Cast => "exprimées",
        MajorityBasis::Present => "présentes ou représentées",
        MajorityBasis::All => "de l'assemblée",
    };
    let text = format!(
        "{what} : {} voix pour, {} contre, {} abstentions ; il faut {} des {whole} voix {of} : {}.",
        tally.votes_for,
        tally.against,
        tally.abstain,
        rule.majority.in_words(),
        if met { "atteinte" } else { "non atteinte" }
    );
    let facts = [
        ("for", tally.votes_for.to_string()),
        ("against", tally.against.to_string()),
        ("abstain", tally.abstain.to_string()),
        ("whole", whole.to_string()),
        ("needed", rule.majority.in_words()),
        ("college", tally.college.clone()),
    ];
    (met, Reason::new("MAJORITY", source, text, &facts))
}

/// What a member did, as recorded; the assembly's other members were absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedVote {
    /// Who.
    pub party: PartyId,
    /// What it did.
    pub choice: Choice,
    /// Who held its proxy.
    pub represented_by: Option<PartyId>,
}

/// The ballots of all members with votes (`rights`: college and votes by member), from what was recorded.
///
/// # Errors
/// Every fault, by vote: who has no votes, who voted twice, proxies that do not hold or are too many.
pub fn ballots(
    rule: &DecisionRule,
    rights: &BTreeMap<PartyId, (String, i64)>,
    votes: &[RecordedVote],
) -> Result<Vec<Ballot>, Vec<FieldFault>> {
    let mut faults = Vec::new();
    let mut by_party: HashMap<PartyId, &RecordedVote> = HashMap::new();
    let mut fault = |index: usize, field: &str, detail: String| {
        faults.push(FieldFault::new(format!("decision.votes[{index}].{field}"), detail));
    };
    for (index, vote) in votes.iter().enumerate() {
        if rights.get(&vote.party).is_none_or(|(_, votes)| *votes == 0) {
            fault(index, "party_id", "has no votes in the assembly on that day".to_owned());
        }
        if by_party.insert(vote.party, vote).is_some() {
            fault(index, "party_id", "has voted already".to_owned());
        }
    }
    let mut held: HashMap<PartyId, i32> = HashMap::new();
    for (index, vote) in votes.iter().enumerate() {
        let Some(holder) = vote.represented_by else { continue };
        let there =
            by_party.get(&holder).is_some_and(|own| own.choice != Choice::Absent && own.represented_by.is_none());
        if vote.choice == Choice::Absent {
            fault(index, "represented_by", "an absent member is not represented".to_owned());
        } else if holder == vote.party || !there {
            fault(index, "represented_by", "must be another member that is present itself".to_owned());
        }
        let count = held.entry(holder).or_default();
        *count += 1;
        if *count > rule.most_proxies {
            fault(index, "represented_by", format!("holds more than {} proxies", rule.most_proxies));
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let ballot = |(party, (college, votes)): (&PartyId, &(String, i64))| {
        let vote = by_party.get(party);
        Ballot {
            party: *party,
            college: college.clone(),
            votes: *votes,
            choice: vote.map_or(Choice::Absent, |vote| vote.choice),
            represented_by: vote.and_then(|vote| vote.represented_by),
        }
    };
    Ok(rights.iter().filter(|(_, (_, votes))| *votes > 0).map(ballot).collect())
}

#[cfg(test)]
mod tests;
