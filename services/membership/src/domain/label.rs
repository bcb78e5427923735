//! The quality label: three levels by involvement in territory and team. What is asked and what each level takes is the group's data;
//! how an audit makes a level is here.
//!
//! 1. Each criterion is on one axis and has points. Met gives all of them, partly met the scheme's share, not met none.
//! 2. An axis is at the percent of its points that the audit gave, without rounding.
//! 3. The level after is the highest whose two thresholds are both reached; none when the first level's are not.
//! 4. The level before does not count: the audit gives, renews, raises, lowers or withdraws.
//! 5. The next audit falls due after the scheme's period; after a lowered, withdrawn or refused level, after its shorter one.

use chrono::{Months, NaiveDate};
use kit::FieldFault;

/// What a criterion is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// Involvement in the territory.
    Territory,
    /// Involvement in the team.
    Team,
}

impl Axis {
    /// Both axes.
    pub const ALL: [Self; 2] = [Self::Territory, Self::Team];

    /// Its name in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Territory => "TERRITORY",
            Self::Team => "TEAM",
        }
    }
}

/// A criterion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Criterion {
    /// Key, unique in its scheme.
    pub key: String,
    /// What is asked.
    pub title: String,
    /// What it is about.
    pub axis: Axis,
    /// Its points, 1 to 1,000.
    pub points: i32,
}

/// A level and what it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelLevel {
    /// 1 to 3.
    pub level: i32,
    /// French name.
    pub name: String,
    /// Percent of the points on territory.
    pub territory_percent: i32,
    /// Percent of the points on team.
    pub team_percent: i32,
}

/// A version of criteria and levels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme {
    /// 1, 2, 3…
    pub version: i32,
    /// First day in force.
    pub valid_from: NaiveDate,
    /// Months from joining to the first audit.
    pub first_audit_months: u32,
    /// Months to the next audit after a level was given, renewed or raised.
    pub audit_months: u32,
    /// Months to the next audit otherwise.
    pub retry_months: u32,
    /// Percent of its points that a criterion gives when it is partly met.
    pub partly_percent: i32,
    /// In their order.
    pub criteria: Vec<Criterion>,
    /// From level 1.
    pub levels: Vec<LabelLevel>,
}

/// How far a criterion is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Met.
    Met,
    /// Partly.
    Partly,
    /// Not met.
    NotMet,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 3] = [Self::Met, Self::Partly, Self::NotMet];

    /// Its name in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Met => "MET",
            Self::Partly => "PARTLY",
            Self::NotMet => "NOT_MET",
        }
    }
}

/// What an audit found about one criterion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Key of the criterion.
    pub criterion: String,
    /// How far it is met.
    pub verdict: Verdict,
    /// What shows it.
    pub evidence: String,
}

/// What an audit did to the level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A first level, or one after it was withdrawn.
    Given,
    /// The same level again.
    Renewed,
    /// A higher one.
    Raised,
    /// A lower one.
    Lowered,
    /// None any more.
    Withdrawn,
    /// None, as before.
    NotGiven,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 6] =
        [Self::Given, Self::Renewed, Self::Raised, Self::Lowered, Self::Withdrawn, Self::NotGiven];

    /// Its name in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Given => "GIVEN",
            Self::Renewed => "RENEWED",
            Self::Raised => "RAISED",
            Self::Lowered => "LOWERED",
            Self::Withdrawn => "WITHDRAWN",
            Self::NotGiven => "NOT_GIVEN",
        }
    }

    /// Of a level before and after; 0 for none.
    #[must_use]
    pub const fn of(before: i32, after: i32) -> Self {
        match (before > 0, after > 0) {
            (false, false) => Self::NotGiven,
            (false, true) => Self::Given,
            (true, false) => Self::Withdrawn,
            (true, true) if after > before => Self::Raised,
            (true, true) if after < before => Self::Lowered,
            (true, true) => Self::Renewed,
        }
    }

    const fn french(self) -> &'static str {
        match self {
            Self::Given => "niveau attribué",
            Self::Renewed => "niveau renouvelé",
            Self::Raised => "niveau relevé",
            Self::Lowered => "niveau abaissé",
            Self::Withdrawn => "label retiré",
            Self::NotGiven => "label non attribué",
        }
    }

    /// Whether the level stands or is better than before.
    const fn is_good(self) -> bool {
        match self {
            Self::Given | Self::Renewed | Self::Raised => true,
            Self::Lowered | Self::Withdrawn | Self::NotGiven => false,
        }
    }
}

/// What an audit decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Percent of the points on territory, rounded down for people; thresholds are compared exactly.
    pub territory_percent: i32,
    /// Percent of the points on team, likewise.
    pub team_percent: i32,
    /// Level after; 0 for none.
    pub level: i32,
    /// What became of it.
    pub outcome: Outcome,
    /// When the next audit falls due.
    pub next_due_on: NaiveDate,
    /// French, with the figures used.
    pub text: String,
}

/// A day so many months later; the last day of a shorter month. The day itself past the calendar.
#[must_use]
pub fn months_after(day: NaiveDate, months: u32) -> NaiveDate {
    day.checked_add_months(Months::new(months)).unwrap_or(day)
}

/// Hundredths of points that the findings give on an axis, and the axis's points.
fn reached(scheme: &Scheme, findings: &[Finding], axis: Axis) -> (i64, i64) {
    let (mut given, mut all) = (0, 0);
    for criterion in scheme.criteria.iter().filter(|criterion| criterion.axis == axis) {
        let points = i64::from(criterion.points);
        all += points;
        let verdict = findings.iter().find(|finding| finding.criterion == criterion.key).map(|finding| finding.verdict);
        given += match verdict {
            Some(Verdict::Met) => points * 100,
            Some(Verdict::Partly) => points * i64::from(scheme.partly_percent),
            Some(Verdict::NotMet) | None => 0,
        };
    }
    (given, all)
}

/// Decides what an audit does to a level. `before` is the level held, 0 for none.
#[must_use]
pub fn audit(scheme: &Scheme, findings: &[Finding], before: i32, held_on: NaiveDate) -> Decision {
    let (territory, team) = (reached(scheme, findings, Axis::Territory), reached(scheme, findings, Axis::Team));
    let meets = |(given, all): (i64, i64), percent: i32| given >= i64::from(percent) * all;
    let highest = scheme
        .levels
        .iter()
        .filter(|level| meets(territory, level.territory_percent) && meets(team, level.team_percent))
        .max_by_key(|level| level.level);
    let after = highest.map_or(0, |level| level.level);
    let outcome = Outcome::of(before, after);
    let next_due_on = months_after(held_on, if outcome.is_good() { scheme.audit_months } else { scheme.retry_months });
    let percent = |(given, all): (i64, i64)| i32::try_from(given / all.max(1)).unwrap_or(100);
    let name = |wanted: i32| {
        let named = scheme.levels.iter().find(|level| level.level == wanted);
        named.map_or_else(|| "aucun".to_owned(), |level| format!("{} ({})", level.level, level.name))
    };
    let next = scheme.levels.iter().filter(|level| level.level > after).min_by_key(|level| level.level);
    let above = next.map_or_else(String::new, |level| {
        format!(" ; le niveau {} demande {} % et {} %", name(level.level), level.territory_percent, level.team_percent)
    });
    let text = format!(
        "Territoire {} %, équipe {} % (version {} des critères, critère en partie rempli compté à {} %) : niveau {}{above}. Avant : {}. \
         Résultat : {}. Prochain audit le {}.",
        percent(territory),
        percent(team),
        scheme.version,
        scheme.partly_percent,
        name(after),
        name(before),
        outcome.french(),
        next_due_on.format("%d/%m/%Y")
    );
    Decision {
        territory_percent: percent(territory),
        team_percent: percent(team),
        level: after,
        outcome,
        next_due_on,
        text,
    }
}

/// Faults of findings against the criteria: each criterion once and no other; what is met, even partly, has evidence.
#[must_use]
pub fn check_findings(scheme: &Scheme, findings: &[Finding]) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    for (index, finding) in findings.iter().enumerate() {
        let field = |name: &str| format!("audit.findings[{index}].{name}");
        if !scheme.criteria.iter().any(|criterion| criterion.key == finding.criterion) {
            let detail = format!("{} is no criterion of version {}", finding.criterion, scheme.version);
            faults.push(FieldFault::new(field("criterion"), detail));
        } else if let Some(earlier) = findings[..index].iter().position(|other| other.criterion == finding.criterion) {
            faults.push(FieldFault::new(field("criterion"), format!("is that of audit.findings[{earlier}]")));
        }
        if finding.verdict != Verdict::NotMet && finding.evidence.is_empty() {
            faults.push(FieldFault::new(field("evidence"), "must say what shows it, unless the criterion is not met"));
        }
    }
    for criterion in &scheme.criteria {
        if !findings.iter().any(|finding| finding.criterion == criterion.key) {
            faults.push(FieldFault::new("audit.findings", format!("nothing is said of {}", criterion.key)));
        }
    }
    faults
}

/// Faults of a scheme: some criteria on each axis, keys once, three levels that do not ask for less than the one below.
#[must_use]
pub fn check_scheme(scheme: &Scheme) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    for (index, criterion) in scheme.criteria.iter().enumerate() {
        if let Some(earlier) = scheme.criteria[..index].iter().position(|other| other.key == criterion.key) {
            let detail = format!("is that of scheme.criteria[{earlier}]");
            faults.push(FieldFault::new(format!("scheme.criteria[{index}].key"), detail));
        }
    }
    for axis in Axis::ALL {
        if !scheme.criteria.iter().any(|criterion| criterion.axis == axis) {
            faults.push(FieldFault::new("scheme.criteria", format!("none is on {}", axis.name())));
        }
    }
    let levels: Vec<i32> = scheme.levels.iter().map(|level| level.level).collect();
    if levels != [1, 2, 3] {
        faults.push(FieldFault::new("scheme.levels", "must be levels 1, 2 and 3, in this order"));
    }
    for (index, pair) in scheme.levels.windows(2).enumerate() {
        let field = |name: &str| format!("scheme.levels[{}].{name}", index + 1);
        let detail = "must be at least that of the level below";
        if pair[1].territory_percent < pair[0].territory_percent {
            faults.push(FieldFault::new(field("territory_percent"), detail));
        }
        if pair[1].team_percent < pair[0].team_percent {
            faults.push(FieldFault::new(field("team_percent"), detail));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scheme() -> Scheme {
        let criterion = |key: &str, axis, points| Criterion { key: key.into(), title: key.into(), axis, points };
        let level = |level, territory_percent, team_percent| LabelLevel {
            level,
            name: format!("N{level}"),
            territory_percent,
            team_percent,
        };
        Scheme {
            version: 1,
            valid_from: "2024-01-01".parse().unwrap(),
            first_audit_months: 24,
            audit_months: 24,
            retry_months: 12,
            partly_percent: 50,
            criteria: vec![
                criterion("t1", Axis::Territory, 40),
                criterion("t2", Axis::Territory, 60),
                criterion("e1", Axis::Team, 30),
                criterion("e2", Axis::Team, 3),
            ],
            levels: vec![level(1, 40, 40), level(2, 70, 60), level(3, 90, 90)],
        }
    }

    fn findings(verdicts: [Verdict; 4]) -> Vec<Finding> {
        let found = |(key, verdict): (&str, Verdict)| Finding { criterion: key.into(), verdict, evidence: "x".into() };
        ["t1", "t2", "e1", "e2"].into_iter().zip(verdicts).map(found).collect()
    }

    fn held(verdicts: [Verdict; 4], before: i32) -> Decision {
        audit(&scheme(), &findings(verdicts), before, "2026-11-20".parse().unwrap())
    }

    use Verdict::{Met, NotMet, Partly};

    #[test]
    fn every_step_of_the_levels_is_decided() {
        let table = [
            // 100 %, 100 %
            ([Met, Met, Met, Met], 0, 3, Outcome::Given),
            ([Met, Met, Met, Met], 3, 3, Outcome::Renewed),
            ([Met, Met, Met, Met], 1, 3, Outcome::Raised),
            // 70 %, 100 %: both thresholds of level 2, exactly on one
            ([Met, Partly, Met, Met], 3, 2, Outcome::Lowered),
            // 40 %, 50 %: level 1, exactly on the first
            ([Met, NotMet, Partly, Partly], 2, 1, Outcome::Lowered),
            // 40 %, 9 %: one axis is not enough
            ([Met, NotMet, NotMet, Met], 2, 0, Outcome::Withdrawn),
            ([NotMet, NotMet, NotMet, NotMet], 0, 0, Outcome::NotGiven),
        ];
        for (verdicts, before, after, outcome) in table {
            let decision = held(verdicts, before);
            assert_eq!((decision.level, decision.outcome), (after, outcome), "{verdicts:?} before {before}");
            let due = if outcome.is_good() { "2028-11-20" } else { "2027-11-20" };
            assert_eq!(decision.next_due_on.to_string(), due);
        }
    }

    #[test]
    fn thresholds_are_compared_exactly_and_percents_shown_rounded_down() {
        // 30 of 33 points are 90.909 %.
        let decision = held([Met, Met, Met, NotMet], 0);
        assert_eq!((decision.team_percent, decision.level), (90, 3));
        // 28.5 of 33 would be 86.4 %; 30 + 1.5 of 33 are 95 %.
        let mut strict = scheme();
        strict.levels[2].team_percent = 91;
        let decision = audit(&strict, &findings([Met, Met, Met, NotMet]), 0, "2026-11-20".parse().unwrap());
        assert_eq!(decision.level, 2, "90.909 % is not 91 %");
    }

    #[test]
    fn the_decision_says_its_figures() {
        let decision = held([Met, Partly, Met, Met], 3);
        for part in
            ["Territoire 70 %", "équipe 100 %", "niveau 2 (N2)", "demande 90 % et 90 %", "abaissé", "20/11/2027"]
        {
            assert!(decision.text.contains(part), "{part}: {}", decision.text);
        }
    }

    #[test]
    fn an_audit_says_something_of_each_criterion_once_and_shows_what_is_met() {
        assert_eq!(check_findings(&scheme(), &findings([Met, Met, NotMet, Partly])), []);
        let mut faulty = findings([Met, Met, NotMet, Partly]);
        faulty[0].evidence.clear();
        faulty[1].criterion = "t1".into();
        faulty[2].criterion = "zz".into();
        let faults: Vec<String> = check_findings(&scheme(), &faulty)
            .into_iter()
            .map(|fault| format!("{} {}", fault.field, fault.detail))
            .collect();
        assert_eq!(faults.len(), 5, "{faults:?}");
        assert!(faults[3].contains("t2") && faults[4].contains("e1"), "{faults:?}");
    }

    #[test]
    fn a_scheme_has_both_axes_and_levels_that_rise() {
        assert_eq!(check_scheme(&scheme()), []);
        let mut faulty = scheme();
        faulty.criteria.truncate(2);
        faulty.criteria[1].key = "t1".into();
        faulty.levels[1].team_percent = 10;
        let fields: Vec<String> = check_scheme(&faulty).into_iter().map(|fault| fault.field).collect();
        assert_eq!(fields, ["scheme.criteria[1].key", "scheme.criteria", "scheme.levels[1].team_percent"]);
        faulty.levels.pop();
        assert!(check_scheme(&faulty).iter().any(|fault| fault.field == "scheme.levels"));
    }

    proptest! {
        /// Doing better never costs a level, and the level does not depend on the order of findings nor on the level before.
        #[test]
        fn better_findings_never_give_a_lower_level(verdicts in prop::array::uniform4(0_usize..3), better in 0_usize..4, before in 0_i32..4) {
            let read = |index: usize| Verdict::ALL[index];
            let one = verdicts.map(read);
            let mut up = one;
            up[better] = Met;
            let (low, high) = (held(one, before), held(up, before));
            prop_assert!(high.level >= low.level);
            let mut turned = findings(one);
            turned.reverse();
            let day = "2026-11-20".parse().unwrap();
            prop_assert_eq!(&audit(&scheme(), &turned, before, day), &low);
            prop_assert_eq!(audit(&scheme(), &turned, 0, day).level, low.level);
            prop_assert_eq!(low.outcome, Outcome::of(before, low.level));
        }
    }
}
