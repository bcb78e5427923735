use chrono::NaiveDate;
use proptest::prelude::*;

use super::*;

pub fn month(text: &str) -> Month {
    Month::parse(text).unwrap()
}

pub fn since(text: &str) -> Period {
    Period::new(text.parse().unwrap(), None).unwrap()
}

pub fn member(name: &str) -> Belonging {
    Belonging {
        party: PartyId::new(),
        name: name.into(),
        memberships: vec![(since("2020-01-01"), MemberKind::Full)],
        votes: vec![(since("2020-01-01"), 1)],
    }
}

pub fn rule(key: &str, basis: Basis) -> Dated<ContributionRule> {
    let body = ContributionRule { label: key.to_uppercase(), basis, yearly_cap_cents: None, kinds: Vec::new() };
    Dated { key: key.into(), period: since("2020-01-01"), source: "AG FICTIVE, art. 3".into(), body }
}

pub fn step(from: &str, to: &str, yearly_cents: i64) -> Dated<GrantStep> {
    let to: NaiveDate = to.parse().unwrap();
    let period = Period::new(from.parse().unwrap(), Some(to)).unwrap();
    let body = GrantStep { label: "Subvention".into(), funder: "ARS FICTIVE".into(), yearly_cents };
    Dated { key: "ars".into(), period, source: "CPOM FICTIF".into(), body }
}

pub fn inputs(members: Vec<Belonging>, rules: Vec<Dated<ContributionRule>>) -> Inputs {
    Inputs { rules, grants: Vec::new(), members, figures: HashMap::new() }
}

pub fn spend(inputs: &mut Inputs, member: usize, at: &str, spend_cents: i64, orders: i64) {
    let key = (inputs.members[member].party, month(at));
    inputs.figures.insert(key, Figures { spend_cents, orders, ..Figures::default() });
}

fn totals(inputs: &Inputs, from: &str, to: &str) -> Vec<i64> {
    let statement = compute(inputs, month(from), month(to)).unwrap();
    statement.members.iter().map(Due::total_cents).collect()
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn a_flat_fee_is_due_for_each_month_begun_and_sums_to_the_year() {
    let mut late = member("b");
    late.memberships = vec![(since("2026-11-15"), MemberKind::Full)];
    let inputs = inputs(vec![member("a"), late], vec![rule("flat", Basis::Flat { yearly_cents: 100_000 })]);
    assert_eq!(totals(&inputs, "2026-01", "2026-12"), [100_000, 16_666], "two months of twelve");
    let quarters = [("2026-01", "2026-03"), ("2026-04", "2026-06"), ("2026-07", "2026-09"), ("2026-10", "2026-12")];
    let sum: i64 = quarters.iter().map(|(from, to)| totals(&inputs, from, to)[0]).sum();
    assert_eq!(sum, 100_000);
    let line = &compute(&inputs, month("2026-01"), month("2026-03")).unwrap().members[0].lines[0];
    assert_eq!(line.reason.text.replace(['\u{a0}', '\u{202f}'], " "), "Forfait de 1 000,00 € par an, 3 mois sur 12.");
}

#[test]
fn tiers_and_caps_go_by_the_year() {
    let tiers = vec![Tier { from_cents: 0, rate: decimal("1") }, Tier { from_cents: 10_000_000, rate: decimal("0.5") }];
    let mut inputs = inputs(vec![member("a")], vec![rule("tiers", Basis::Tiers { tiers })]);
    spend(&mut inputs, 0, "2026-02", 8_000_000, 3);
    spend(&mut inputs, 0, "2026-05", 6_000_000, 2);
    assert_eq!(totals(&inputs, "2026-01", "2026-03"), [80_000]);
    assert_eq!(totals(&inputs, "2026-04", "2026-06"), [20_000 + 20_000], "2 M at 1 %, 4 M at 0.5 %");
    inputs.rules[0].body.yearly_cap_cents = Some(100_000);
    assert_eq!(totals(&inputs, "2026-04", "2026-06"), [20_000]);
    let text = compute(&inputs, month("2026-04"), month("2026-06")).unwrap().members[0].lines[0].reason.text.clone();
    assert!(text.contains("Plafond de 1\u{202f}000,00\u{a0}€ par an atteint"), "{text}");
}

#[test]
fn only_the_kinds_named_owe_and_a_rule_counts_in_its_months() {
    let mut associate = member("b");
    associate.memberships = vec![(since("2020-01-01"), MemberKind::Associate)];
    let mut fee = rule("order", Basis::PerOrder { cents: 250 });
    fee.body.kinds = vec![MemberKind::Full];
    fee.period = Period::new("2026-02-01".parse().unwrap(), Some("2026-02-28".parse().unwrap())).unwrap();
    let mut inputs = inputs(vec![member("a"), associate], vec![fee]);
    for at in ["2026-01", "2026-02", "2026-03"] {
        spend(&mut inputs, 0, at, 1_000, 4);
        spend(&mut inputs, 1, at, 1_000, 4);
    }
    assert_eq!(totals(&inputs, "2026-01", "2026-03"), [1_000, 0]);
}

#[test]
fn a_grant_falls_by_dated_steps_and_never_pays_more_than_is_owed() {
    let mut inputs = inputs(vec![member("a"), member("b")], vec![rule("flat", Basis::Flat { yearly_cents: 120_000 })]);
    inputs.grants = vec![
        step("2025-01-01", "2025-12-31", 300_000),
        step("2026-01-01", "2026-12-31", 60_000),
        step("2027-01-01", "2027-12-31", 0),
    ];
    let statement = compute(&inputs, month("2025-01"), month("2025-12")).unwrap();
    assert_eq!((statement.granted_cents, statement.unused_cents), (300_000, 60_000));
    assert!(statement.members.iter().all(|due| due.total_cents() == 0 && due.fees_cents() == 120_000));
    assert_eq!(totals(&inputs, "2026-01", "2026-12"), [90_000, 90_000]);
    assert_eq!(totals(&inputs, "2027-01", "2027-12"), [120_000, 120_000]);
}

fn figures() -> impl Strategy<Value = Vec<(i64, i64)>> {
    prop::collection::vec((0_i64..1_000_000_000, 0_i64..50), 12)
}

fn keys() -> impl Strategy<Value = SharedBy> {
    prop::sample::select(SharedBy::ALL.to_vec())
}

proptest! {
    /// What is shared sums to the year's amount, whatever the key; the parts of a year sum to the year, line by line, capped or not;
    /// what is paid is what is owed less the grant that was used.
    #[test]
    fn lines_sum_to_what_the_rules_say(
        of_members in prop::collection::vec(figures(), 1..6),
        yearly in 0_i64..10_000_000,
        by in keys(),
        thousandths in 0_i64..20_000,
        cap in prop::option::of(0_i64..5_000_000),
        granted in 0_i64..20_000_000,
        cut in 1_usize..12,
    ) {
        let members: Vec<Belonging> = (0..of_members.len()).map(|at| member(&at.to_string())).collect();
        let rate = Decimal::new(thousandths, 3);
        let mut percent = rule("percent", Basis::SpendPercent { rate });
        percent.body.yearly_cap_cents = cap;
        let mut all = inputs(members, vec![rule("shared", Basis::Shared { yearly_cents: yearly, by }), percent]);
        for (at, months) in of_members.iter().enumerate() {
            for (number, (cents, orders)) in (1..).zip(months) {
                spend(&mut all, at, &format!("2026-{number:02}"), *cents, *orders);
            }
        }
        let year = compute(&all, month("2026-01"), month("2026-12")).unwrap();
        let line = |due: &Due, key: &str| due.lines.iter().filter(|line| line.key == key).map(|line| line.amount_cents).sum::<i64>();
        prop_assert_eq!(year.members.iter().map(|due| line(due, "shared")).sum::<i64>(), yearly);
        for (due, months) in year.members.iter().zip(&of_members) {
            let spent: i64 = months.iter().map(|(cents, _)| cents).sum();
            let asked = percent_of(rate, spent).unwrap();
            prop_assert_eq!(line(due, "percent"), cap.map_or(asked, |cap| asked.min(cap)));
        }
        let (end, start) = (format!("2026-{cut:02}"), format!("2026-{:02}", cut + 1));
        let first = compute(&all, month("2026-01"), month(&end)).unwrap();
        let second = compute(&all, month(&start), month("2026-12")).unwrap();
        for ((one, two), whole) in first.members.iter().zip(&second.members).zip(&year.members) {
            for key in ["shared", "percent"] {
                prop_assert_eq!(line(one, key) + line(two, key), line(whole, key));
            }
        }
        all.grants = vec![step("2026-01-01", "2026-12-31", granted)];
        let helped = compute(&all, month("2026-01"), month("2026-12")).unwrap();
        prop_assert_eq!(helped.granted_cents, granted);
        let owed: i64 = year.members.iter().map(Due::total_cents).sum();
        let paid: i64 = helped.members.iter().map(Due::total_cents).sum();
        prop_assert_eq!(owed - paid, granted - helped.unused_cents);
        prop_assert!(helped.members.iter().all(|due| due.total_cents() >= 0));
        prop_assert_eq!(helped.unused_cents, (granted - owed).max(0));
    }
}
