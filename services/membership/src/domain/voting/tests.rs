use proptest::prelude::*;

use super::*;

fn threshold(share: &str, strictly: bool) -> Threshold {
    Threshold::parse(share, strictly).unwrap()
}

fn simple(counting: Counting) -> DecisionRule {
    DecisionRule {
        counting,
        quorum: Some(Quorum { basis: QuorumBasis::Votes, threshold: threshold("1/2", false), on_second_call: false }),
        majority_basis: MajorityBasis::Cast,
        majority: threshold("1/2", true),
        most_proxies: 1,
        vote_needed: false,
    }
}

fn ballot(college: &str, votes: i64, choice: Choice) -> Ballot {
    Ballot { party: PartyId::new(), college: college.into(), votes, choice, represented_by: None }
}

fn state(rule: &DecisionRule, ballots: &[Ballot]) -> State {
    decide(rule, "art. 12", false, ballots).state
}

#[test]
fn half_is_not_more_than_half() {
    let rule = simple(Counting::Weights);
    let even = [ballot("", 5, Choice::For), ballot("", 5, Choice::Against)];
    assert_eq!(state(&rule, &even), State::Rejected);
    let one_more = [ballot("", 6, Choice::For), ballot("", 5, Choice::Against), ballot("", 9, Choice::Abstain)];
    let outcome = decide(&rule, "art. 12", false, &one_more);
    assert_eq!(outcome.state, State::Adopted, "abstentions are not cast");
    assert_eq!(
        outcome.reasons[1].text,
        "Majorité : 6 voix pour, 5 contre, 9 abstentions ; il faut plus de 1/2 des 11 voix exprimées : atteinte."
    );
    let present = DecisionRule { majority_basis: MajorityBasis::Present, ..rule };
    assert_eq!(state(&present, &one_more), State::Rejected, "6 of 20");
}

#[test]
fn two_thirds_and_unanimity_are_reached_exactly() {
    let two_thirds = DecisionRule { majority: threshold("2/3", false), ..simple(Counting::Weights) };
    assert_eq!(state(&two_thirds, &[ballot("", 2, Choice::For), ballot("", 1, Choice::Against)]), State::Adopted);
    assert_eq!(state(&two_thirds, &[ballot("", 199, Choice::For), ballot("", 100, Choice::Against)]), State::Rejected);
    let all = DecisionRule {
        majority: threshold("1/1", false),
        majority_basis: MajorityBasis::All,
        ..simple(Counting::Weights)
    };
    assert_eq!(state(&all, &[ballot("", 9, Choice::For), ballot("", 1, Choice::Absent)]), State::Rejected);
    assert_eq!(state(&all, &[ballot("", 9, Choice::For), ballot("", 1, Choice::For)]), State::Adopted);
}

#[test]
fn without_quorum_nothing_is_decided_until_the_second_call() {
    let rule = simple(Counting::Weights);
    let few = [ballot("", 4, Choice::For), ballot("", 6, Choice::Absent)];
    let outcome = decide(&rule, "art. 12", false, &few);
    assert_eq!(outcome.state, State::NoQuorum);
    assert_eq!(
        outcome.reasons[0].text,
        "Quorum : 4 voix présentes ou représentées sur 10, il en faut au moins 1/2 : non atteint."
    );
    assert_eq!(outcome.reasons.len(), 1, "the majority is not judged");
    assert_eq!(decide(&rule, "art. 12", true, &few).state, State::Adopted);
    let strict = DecisionRule { quorum: rule.quorum.map(|quorum| Quorum { on_second_call: true, ..quorum }), ..rule };
    assert_eq!(decide(&strict, "art. 12", true, &few).state, State::NoQuorum);
    let nobody = [ballot("", 4, Choice::Absent)];
    assert_eq!(decide(&DecisionRule { quorum: None, ..strict }, "", false, &nobody).state, State::NoQuorum);
}

#[test]
fn every_college_must_agree_or_each_votes_as_one() {
    let votes = [
        ballot("publics", 3, Choice::For),
        ballot("publics", 2, Choice::Against),
        ballot("privés", 1, Choice::For),
        ballot("privés", 2, Choice::Against),
    ];
    assert_eq!(state(&simple(Counting::Weights), &votes), State::Rejected, "4 for, 4 against");
    let each = decide(&simple(Counting::EachCollege), "", false, &votes);
    assert_eq!((each.state, each.reasons.len()), (State::Rejected, 3), "the private college is against");
    assert!(each.reasons[1].text.contains("privés") && each.reasons[1].text.ends_with("non atteinte."));
    assert_eq!(state(&simple(Counting::CollegeBlock), &votes), State::Adopted, "5 votes in a block against 3");
    assert_eq!(each.tallies.len(), 3);
    assert_eq!((each.tallies[0].votes_for, each.tallies[2].votes_for), (4, 3));
}

#[test]
fn proxies_are_held_by_who_is_there_and_not_too_many() {
    let ids: Vec<PartyId> = (0..4).map(|_| PartyId::new()).collect();
    let rights: BTreeMap<_, _> =
        ids.iter().map(|id| (*id, (String::new(), if *id == ids[3] { 0 } else { 1 }))).collect();
    let vote = |at: usize, choice, holder: Option<usize>| RecordedVote {
        party: ids[at],
        choice,
        represented_by: holder.map(|at| ids[at]),
    };
    let rule = simple(Counting::Weights);
    let fields = |votes: &[RecordedVote]| {
        ballots(&rule, &rights, votes).unwrap_err().into_iter().map(|fault| fault.field).collect::<Vec<_>>()
    };
    let fine = ballots(&rule, &rights, &[vote(0, Choice::For, None), vote(1, Choice::For, Some(0))]).unwrap();
    assert_eq!(fine.len(), 3, "who has no votes has no ballot");
    assert_eq!(fine.iter().find(|ballot| ballot.party == ids[2]).unwrap().choice, Choice::Absent);
    assert_eq!(fields(&[vote(3, Choice::For, None)]), ["decision.votes[0].party_id"]);
    assert_eq!(fields(&[vote(0, Choice::For, None), vote(0, Choice::For, None)]), ["decision.votes[1].party_id"]);
    let held = "decision.votes[1].represented_by";
    assert_eq!(fields(&[vote(0, Choice::Absent, None), vote(1, Choice::For, Some(0))]), [held]);
    assert_eq!(fields(&[vote(0, Choice::For, None), vote(1, Choice::For, Some(1))]), [held]);
    assert_eq!(fields(&[vote(0, Choice::For, None), vote(1, Choice::Absent, Some(0))]), [held]);
    let two = [vote(0, Choice::For, None), vote(1, Choice::For, Some(0)), vote(2, Choice::For, Some(0))];
    assert_eq!(fields(&two), ["decision.votes[2].represented_by"]);
}

#[test]
fn thresholds_are_possible_fractions() {
    for (text, strictly, fits) in [
        ("1/2", true, true),
        ("1/1", false, true),
        ("1/1", true, false),
        ("3/2", false, false),
        ("0/2", false, false),
        ("1/1001", false, false),
        ("½", false, false),
        ("1", false, false),
    ] {
        assert_eq!(Threshold::parse(text, strictly).is_some(), fits, "{text}");
    }
}

fn choices() -> impl Strategy<Value = Choice> {
    prop::sample::select(Choice::ALL.to_vec())
}

proptest! {
    #[test]
    fn turning_a_vote_to_for_never_turns_adopted_into_rejected(
        cast in prop::collection::vec((choices(), 1_i64..1_000, 0_usize..3), 1..20),
        turned in any::<prop::sample::Index>(),
        counting in prop::sample::select(Counting::ALL.to_vec()),
        basis in prop::sample::select(MajorityBasis::ALL.to_vec()),
    ) {
        let rule = DecisionRule { majority_basis: basis, ..simple(counting) };
        let mut votes: Vec<Ballot> =
            cast.iter().map(|(choice, votes, college)| ballot(&college.to_string(), *votes, *choice)).collect();
        let before = state(&rule, &votes);
        let at = turned.index(votes.len());
        votes[at].choice = Choice::For;
        let after = state(&rule, &votes);
        prop_assert!(before != State::Adopted || after == State::Adopted, "{:?} then {:?}", before, after);
    }

    #[test]
    fn what_is_counted_is_what_was_cast(cast in prop::collection::vec((choices(), 1_i64..1_000, 0_usize..3), 1..30)) {
        let votes: Vec<Ballot> =
            cast.iter().map(|(choice, votes, college)| ballot(&format!("c{college}"), *votes, *choice)).collect();
        let outcome = decide(&simple(Counting::Weights), "", false, &votes);
        let (all, colleges) = outcome.tallies.split_first().unwrap();
        prop_assert_eq!(all.votes, votes.iter().map(|ballot| ballot.votes).sum::<i64>());
        prop_assert_eq!(all.votes_present, all.votes_for + all.against + all.abstain);
        prop_assert_eq!(all.votes_for, colleges.iter().map(|tally| tally.votes_for).sum::<i64>());
        prop_assert_eq!(all.members_present, colleges.iter().map(|tally| tally.members_present).sum::<i64>());
    }
}
