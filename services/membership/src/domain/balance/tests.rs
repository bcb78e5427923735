use proptest::prelude::*;

use super::*;
use crate::domain::contribution::{
    Basis,
    tests::{inputs, member, month, rule, step},
};

fn saves(inputs: &mut Inputs, at: usize, when: &str, realised_cents: i64, spend_cents: i64) {
    let key = (inputs.members[at].party, month(when));
    inputs.figures.insert(key, Figures { realised_cents, spend_cents, ..Figures::default() });
}

fn cost(when: &str, amount_cents: i64, shared_by: SharedBy) -> LogisticsCost {
    LogisticsCost { month: month(when), label: "Plateforme".into(), amount_cents, shared_by, source: "Essai".into() }
}

#[test]
fn the_group_pays_for_itself_from_the_month_after_which_the_sum_is_never_negative() {
    let mut all = inputs(vec![member("a")], vec![rule("flat", Basis::Flat { yearly_cents: 12_000 })]);
    for (when, cents) in [("2026-01", 1_500), ("2026-02", 200), ("2026-03", 1_000), ("2026-04", 1_500)] {
        saves(&mut all, 0, when, cents, 1);
    }
    let view = |all: &Inputs, to: &str| compute(all, &[], &HashMap::new(), month("2026-01"), month(to)).unwrap();
    // Cumulated: 500, -300, -300, 200.
    assert_eq!(view(&all, "2026-01").pays_for_itself_from, Some(month("2026-01")));
    assert_eq!(view(&all, "2026-03").pays_for_itself_from, None);
    assert_eq!(view(&all, "2026-04").pays_for_itself_from, Some(month("2026-04")));
    all.grants = vec![step("2026-01-01", "2026-12-31", 12_000)];
    let helped = view(&all, "2026-03");
    assert_eq!(helped.pays_for_itself_from, None, "a grant makes nothing cheaper");
    assert_eq!((helped.group[0].fees_cents, helped.group[0].grants_cents), (1_000, 1_000));
    all.rules.clear();
    assert_eq!(view(&all, "2026-04").pays_for_itself_from, None, "it costs nothing");
}

#[test]
fn declared_savings_are_in_no_sum() {
    let all = inputs(vec![member("a")], vec![rule("flat", Basis::Flat { yearly_cents: 12_000 })]);
    let declared = HashMap::from([((all.members[0].party, month("2026-01")), 99_000)]);
    let view = compute(&all, &[], &declared, month("2026-01"), month("2026-01")).unwrap();
    assert_eq!((view.group[0].declared_cents, view.group[0].balance_cents()), (99_000, -1_000));
}

proptest! {
    #[test]
    fn members_sum_to_the_group(
        savings in prop::collection::vec((-100_000_i64..100_000, 0_i64..100_000), 1..8),
        logistics in 0_i64..1_000_000,
        by in prop::sample::select(SharedBy::ALL.to_vec()),
        yearly in 0_i64..1_000_000,
    ) {
        let members = (0..savings.len()).map(|at| member(&at.to_string())).collect();
        let mut all = inputs(members, vec![rule("shared", Basis::Shared { yearly_cents: yearly, by: SharedBy::Votes })]);
        for (at, (realised, spend)) in savings.iter().enumerate() {
            saves(&mut all, at, "2026-05", *realised, *spend);
        }
        let costs = [cost("2026-05", logistics, by), cost("2026-06", logistics, by)];
        let view = compute(&all, &costs, &HashMap::new(), month("2026-05"), month("2026-06")).unwrap();
        let sum = Balance::sum(view.members.iter().flat_map(|member| &member.months));
        prop_assert_eq!(sum, Balance::sum(&view.group));
        prop_assert_eq!(sum.logistics_cents, 2 * logistics);
        prop_assert_eq!(sum.realised_cents, savings.iter().map(|saving| saving.0).sum::<i64>());
    }
}
