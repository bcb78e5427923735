use proptest::prelude::*;

use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

struct World {
    chu: PartyId,
    others: [PartyId; 3],
    rule: Dated<OfficeRule>,
}

impl World {
    fn new() -> Self {
        let (chu, others) = (PartyId::new(), [PartyId::new(), PartyId::new(), PartyId::new()]);
        let sides = vec![
            Side { name: "CHU".into(), parties: vec![chu] },
            Side { name: "Trois autres".into(), parties: others.to_vec() },
        ];
        let body = OfficeRule {
            seats: 1,
            term_months: Some(36),
            elected: false,
            alternates: true,
            opposed_to: Some(Office::VicePresident),
            sides,
        };
        let period = Period::new(day("2020-01-01"), None).unwrap();
        Self { chu, others, rule: Dated { key: "PRESIDENT".into(), period, source: "Charte, art. 5".into(), body } }
    }

    fn mandate(&self, office: Office, party: PartyId, from: &str, to: &str) -> Mandate {
        Mandate {
            id: MandateId::new(),
            office,
            party,
            party_name: if party == self.chu { "CHU" } else { "CH" }.into(),
            holder: "Dominique Exemple".into(),
            period: Period::new(day(from), Some(day(to))).unwrap(),
            ended_on: None,
            end_reason: String::new(),
            decision: None,
            completes: false,
            reasons: Vec::new(),
        }
    }

    fn president(&self, party: PartyId, from: &str, to: &str) -> Mandate {
        self.mandate(Office::President, party, from, to)
    }

    fn broken(&self, new: &Mandate, same: &[Mandate], opposed: &[Mandate]) -> &'static str {
        match check(&self.rule, new, same, opposed, None) {
            Ok(_) => "",
            Err(GovernanceError::MandateRefused { rule, .. }) => rule,
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn the_presidency_alternates_at_each_term() {
    let world = World::new();
    let first = world.president(world.chu, "2023-01-01", "2025-12-31");
    assert_eq!(world.broken(&first, &[], &[]), "");
    let again = world.president(world.chu, "2026-01-01", "2028-12-31");
    assert_eq!(world.broken(&again, std::slice::from_ref(&first), &[]), "ALTERNATION");
    let other = world.president(world.others[1], "2026-01-01", "2028-12-31");
    let reasons = check(&world.rule, &other, std::slice::from_ref(&first), &[], None).unwrap();
    assert!(reasons.iter().any(|reason| reason.text == "Alternance : « Trois autres » après « CHU » (CHU)."));
    assert_eq!(reasons[0].source, "Charte, art. 5");
    // Between two terms of one side comes one of the other.
    let later = world.president(world.chu, "2029-01-01", "2031-12-31");
    assert_eq!(world.broken(&later, &[first.clone(), other], &[]), "");
    let before = world.president(world.chu, "2026-01-01", "2028-12-31");
    assert_eq!(world.broken(&before, &[later], &[]), "ALTERNATION", "the following term counts too");
    let stranger = world.president(PartyId::new(), "2026-01-01", "2028-12-31");
    assert_eq!(world.broken(&stranger, &[first], &[]), "ALTERNATION", "of no side");
}

#[test]
fn who_ends_a_term_stays_on_its_side_and_within_it() {
    let world = World::new();
    let ended = Mandate {
        ended_on: Some(day("2024-06-30")),
        end_reason: "Démission.".into(),
        ..world.president(world.others[0], "2023-01-01", "2025-12-31")
    };
    let completing = |party, to| Mandate { completes: true, ..world.president(party, "2024-07-01", to) };
    let same = [ended];
    assert_eq!(world.broken(&completing(world.others[2], "2025-12-31"), &same, &[]), "");
    assert_eq!(world.broken(&completing(world.chu, "2025-12-31"), &same, &[]), "ALTERNATION");
    assert_eq!(world.broken(&completing(world.others[2], "2026-12-31"), &same, &[]), "ALTERNATION");
    assert_eq!(world.broken(&completing(world.others[2], "2025-12-31"), &[], &[]), "ALTERNATION", "nothing to end");
}

#[test]
fn seats_terms_and_the_opposed_office_are_kept() {
    let world = World::new();
    let first = world.president(world.chu, "2023-01-01", "2025-12-31");
    let same = std::slice::from_ref(&first);
    assert_eq!(world.broken(&world.president(world.others[0], "2025-12-31", "2026-12-31"), same, &[]), "SEATS");
    assert_eq!(world.broken(&world.president(world.others[0], "2026-01-01", "2029-01-01"), same, &[]), "TERM");
    let vice = world.mandate(Office::VicePresident, world.others[1], "2026-01-01", "2028-12-31");
    let next = world.president(world.others[0], "2026-01-01", "2028-12-31");
    assert_eq!(world.broken(&next, same, std::slice::from_ref(&vice)), "OPPOSED_OFFICE");
    let vice = world.mandate(Office::VicePresident, world.chu, "2026-01-01", "2028-12-31");
    assert_eq!(world.broken(&next, same, &[vice]), "");
}

#[test]
fn an_elected_office_needs_its_own_adopted_election() {
    let mut world = World::new();
    world.rule.body.elected = true;
    let new = world.president(world.chu, "2026-01-01", "2028-12-31");
    let election = Election {
        subject: Subject::Election,
        office: Some(Office::President),
        candidate: Some(world.chu),
        state: State::Adopted,
        on: day("2025-12-10"),
        number: "DEL-2025-0004".into(),
    };
    let told = |election: Option<&Election>| check(&world.rule, &new, &[], &[], election);
    assert!(told(Some(&election)).unwrap()[0].text.contains("DEL-2025-0004"));
    let wrong = [
        Election { subject: Subject::Policy, office: None, ..election.clone() },
        Election { office: Some(Office::Deputy), ..election.clone() },
        Election { candidate: Some(world.others[0]), ..election.clone() },
        Election { state: State::Rejected, ..election.clone() },
        Election { on: day("2026-01-02"), ..election },
    ];
    for wrong in wrong.iter().map(Some).chain([None]) {
        assert!(matches!(told(wrong), Err(GovernanceError::MandateRefused { rule: "ELECTION", .. })), "{wrong:?}");
    }
}

proptest! {
    #[test]
    fn whatever_is_accepted_alternates(picks in prop::collection::vec(0_usize..4, 1..12)) {
        let world = World::new();
        let mut held: Vec<Mandate> = Vec::new();
        for (year, pick) in (2020..).zip(picks) {
            let party = if pick == 3 { world.chu } else { world.others[pick] };
            let new = world.president(party, &format!("{year}-01-01"), &format!("{year}-12-31"));
            if check(&world.rule, &new, &held, &[], None).is_ok() {
                held.push(new);
            }
        }
        for pair in held.windows(2) {
            prop_assert_ne!(pair[0].party == world.chu, pair[1].party == world.chu);
        }
    }
}
