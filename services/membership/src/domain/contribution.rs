//! What members contribute: from dated rules and demand's figures to lines that sum, to the cent, to what the rules say.
//!
//! Every rule is computed as what is due since January of the year, caps and rounding included; a period owes the difference between its
//! end and the month before its beginning. So the invoices of a year's quarters sum to the year's. What is due by year (a flat fee, a
//! shared budget, a grant) is cut into twelve months that sum to it; a rule counts in the months on whose first day it is in force.

use std::collections::{BTreeMap, HashMap};

use kit::{
    french::euros,
    id::PartyId,
    money::{percent_of, shares},
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Dated, MemberKind, Period, Reason, governance_error::GovernanceError, month::Month};

/// How something is shared among members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SharedBy {
    /// The same for each.
    Equal,
    /// By what was ordered in the month.
    Spend,
    /// By orders placed in the month.
    Orders,
    /// By votes in the assembly.
    Votes,
}

impl SharedBy {
    /// Every key.
    pub const ALL: [Self; 4] = [Self::Equal, Self::Spend, Self::Orders, Self::Votes];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Equal => "EQUAL",
            Self::Spend => "SPEND",
            Self::Orders => "ORDERS",
            Self::Votes => "VOTES",
        }
    }

    const fn french(self) -> &'static str {
        match self {
            Self::Equal => "par parts égales",
            Self::Spend => "selon les montants commandés",
            Self::Orders => "selon le nombre de commandes",
            Self::Votes => "selon les voix",
        }
    }
}

/// A rate from a yearly spend on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// Cents.
    pub from_cents: i64,
    /// Percent.
    pub rate: Decimal,
}

/// What a contribution is computed from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "basis", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Basis {
    /// A fee by member and year; each month begun as a member counts.
    Flat {
        /// Cents.
        yearly_cents: i64,
    },
    /// A share of what is ordered.
    SpendPercent {
        /// Percent.
        rate: Decimal,
    },
    /// A fee by order form.
    PerOrder {
        /// Cents.
        cents: i64,
    },
    /// A share of what is ordered in the year, by tiers: each rate is for the part within its tier.
    Tiers {
        /// Ascending; the first from 0.
        tiers: Vec<Tier>,
    },
    /// A yearly sum shared among all members, month by month.
    Shared {
        /// Cents.
        yearly_cents: i64,
        /// The key.
        by: SharedBy,
    },
}

/// A rule by which members contribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContributionRule {
    /// What invoices call it.
    pub label: String,
    /// What it is computed from.
    #[serde(flatten)]
    pub basis: Basis,
    /// Most that a member owes in a year.
    pub yearly_cap_cents: Option<i64>,
    /// Kinds of members that owe it; none: all.
    pub kinds: Vec<MemberKind>,
}

/// A step of a grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantStep {
    /// What invoices call it.
    pub label: String,
    /// Who pays it.
    pub funder: String,
    /// Cents by year.
    pub yearly_cents: i64,
}

/// Demand's figures of a member in a month, cents without VAT.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Ordered, less what was cancelled since.
    pub spend_cents: i64,
    /// Order forms placed.
    pub orders: i64,
    /// Saving on what was ordered.
    pub committed_cents: i64,
    /// Saving on what was certified as delivered.
    pub realised_cents: i64,
}

/// A party with its memberships and votes, as far as they matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Belonging {
    /// Who.
    pub party: PartyId,
    /// Its name.
    pub name: String,
    /// Its memberships.
    pub memberships: Vec<(Period, MemberKind)>,
    /// Its votes.
    pub votes: Vec<(Period, i64)>,
}

impl Belonging {
    /// How it belongs in a month; the last way when it changes.
    #[must_use]
    pub fn kind_in(&self, month: Month) -> Option<MemberKind> {
        let there = self.memberships.iter().filter(|(period, _)| month.meets(*period));
        there.max_by_key(|(period, _)| period.from()).map(|(_, kind)| *kind)
    }

    fn votes_in(&self, month: Month) -> i64 {
        let there = self.votes.iter().filter(|(period, _)| month.meets(*period));
        there.max_by_key(|(period, _)| period.from()).map_or(0, |(_, votes)| *votes)
    }
}

/// What contributions are computed from.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// The rules, all periods.
    pub rules: Vec<Dated<ContributionRule>>,
    /// The grants' steps, all periods.
    pub grants: Vec<Dated<GrantStep>>,
    /// Members, in the order in which they are told; ties of shares go to the earlier.
    pub members: Vec<Belonging>,
    /// Demand's figures.
    pub figures: HashMap<(PartyId, Month), Figures>,
}

/// A line of what a member owes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Key of the rule or grant.
    pub key: String,
    /// Its label.
    pub label: String,
    /// Cents; negative for a grant.
    pub amount_cents: i64,
    /// How it was computed.
    pub reason: Reason,
}

/// What a member owes for a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Who.
    pub party: PartyId,
    /// Its name.
    pub name: String,
    /// Rules first, then grants; nothing that is zero.
    pub lines: Vec<Line>,
}

impl Due {
    /// The sum of its lines.
    #[must_use]
    pub fn total_cents(&self) -> i64 {
        self.lines.iter().map(|line| line.amount_cents).sum()
    }

    /// What rules ask, before grants.
    #[must_use]
    pub fn fees_cents(&self) -> i64 {
        self.lines.iter().map(|line| line.amount_cents.max(0)).sum()
    }
}

/// What all members owe for a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// In the order of the members; those that owe nothing have no lines.
    pub members: Vec<Due>,
    /// Granted for the period, cents.
    pub granted_cents: i64,
    /// Of that, more than members owed.
    pub unused_cents: i64,
}

/// What members owe from one month to another of the same year.
///
/// # Errors
/// When an amount does not fit.
pub fn compute(inputs: &Inputs, from: Month, to: Month) -> Result<Statement, GovernanceError> {
    let mut members: Vec<Due> = inputs
        .members
        .iter()
        .map(|member| Due { party: member.party, name: member.name.clone(), lines: Vec::new() })
        .collect();
    for rule in &inputs.rules {
        let before = from.january().to(from).into_iter().filter(|month| *month < from).collect::<Vec<_>>();
        let until = from.january().to(to);
        let due_before = due(inputs, rule, &before)?;
        let due_until = due(inputs, rule, &until)?;
        for (index, due) in members.iter_mut().enumerate() {
            let amount_cents = due_until[index] - due_before[index];
            if amount_cents == 0 {
                continue;
            }
            let told = Told { from, to, due: due_until[index], before: due_before[index] };
            let reason = explain(inputs, rule, &inputs.members[index], &told);
            due.lines.push(Line { key: rule.key.clone(), label: rule.body.label.clone(), amount_cents, reason });
        }
    }
    let (granted_cents, unused_cents) = grant(inputs, &mut members, from, to)?;
    Ok(Statement { members, granted_cents, unused_cents })
}

/// Twelve months that sum to a year's amount.
fn twelfths(yearly_cents: i64) -> Result<Vec<i64>, GovernanceError> {
    Ok(shares(yearly_cents, &[1; 12])?)
}

/// Whether a member owes under a rule in a month.
fn owes(rule: &Dated<ContributionRule>, member: &Belonging, month: Month) -> bool {
    rule.holds_on(month.first_day())
        && member.kind_in(month).is_some_and(|kind| rule.body.kinds.is_empty() || rule.body.kinds.contains(&kind))
}

/// What each member owes under a rule over months of one year, its first months first.
fn due(inputs: &Inputs, rule: &Dated<ContributionRule>, months: &[Month]) -> Result<Vec<i64>, GovernanceError> {
    if let Basis::Shared { yearly_cents, by } = rule.body.basis {
        return due_shared(inputs, rule, (yearly_cents, by), months);
    }
    let mut all = Vec::with_capacity(inputs.members.len());
    for member in &inputs.members {
        let (spend, orders, owing) = measured(inputs, rule, member, months);
        let gross = match &rule.body.basis {
            Basis::Flat { yearly_cents } => {
                let twelfths = twelfths(*yearly_cents)?;
                owing.iter().map(|month| twelfths[month.index()]).sum()
            }
            Basis::SpendPercent { rate } => percent_of(*rate, spend)?,
            Basis::PerOrder { cents } => cents.checked_mul(orders).ok_or(GovernanceError::ContributionOutOfRange)?,
            Basis::Tiers { tiers } => {
                let mut sum = 0;
                for (part, rate) in within(tiers, spend) {
                    sum += percent_of(rate, part)?;
                }
                sum
            }
            Basis::Shared { .. } => 0,
        };
        all.push(rule.body.yearly_cap_cents.map_or(gross, |cap| gross.min(cap)));
    }
    Ok(all)
}

/// Spend and orders of a member in those of the months in which it owes under a rule, and those months.
fn measured(
    inputs: &Inputs,
    rule: &Dated<ContributionRule>,
    member: &Belonging,
    months: &[Month],
) -> (i64, i64, Vec<Month>) {
    let owing: Vec<Month> = months.iter().copied().filter(|month| owes(rule, member, *month)).collect();
    let (mut spend, mut orders) = (0, 0);
    for month in &owing {
        let figures = inputs.figures.get(&(member.party, *month)).copied().unwrap_or_default();
        spend += figures.spend_cents.max(0);
        orders += figures.orders.max(0);
    }
    (spend, orders, owing)
}

/// The parts of a spend within each tier, with its rate.
fn within(tiers: &[Tier], spend: i64) -> Vec<(i64, Decimal)> {
    let ends = tiers.iter().skip(1).map(|tier| tier.from_cents).chain([i64::MAX]);
    let part = |(tier, end): (&Tier, i64)| ((spend.min(end) - tier.from_cents).max(0), tier.rate);
    tiers.iter().zip(ends).map(part).filter(|(part, _)| *part > 0).collect()
}

fn due_shared(
    inputs: &Inputs,
    rule: &Dated<ContributionRule>,
    (yearly_cents, by): (i64, SharedBy),
    months: &[Month],
) -> Result<Vec<i64>, GovernanceError> {
    let twelfths = twelfths(yearly_cents)?;
    let mut all = vec![0; inputs.members.len()];
    for month in months.iter().filter(|month| rule.holds_on(month.first_day())) {
        let parts = share(inputs, twelfths[month.index()], by, *month, |member| owes(rule, member, *month))?;
        for (sum, part) in all.iter_mut().zip(parts) {
            *sum += part;
        }
    }
    Ok(all)
}

/// Shares an amount of a month among members, by largest remainder. When the key is zero for everybody, by equal parts; among nobody,
/// nothing is shared.
///
/// # Errors
/// When it does not fit.
pub fn share(
    inputs: &Inputs,
    amount_cents: i64,
    by: SharedBy,
    month: Month,
    takes_part: impl Fn(&Belonging) -> bool,
) -> Result<Vec<i64>, GovernanceError> {
    let taking: Vec<bool> = inputs.members.iter().map(&takes_part).collect();
    let weight = |member: &Belonging| {
        let figures = inputs.figures.get(&(member.party, month)).copied().unwrap_or_default();
        match by {
            SharedBy::Equal => 1,
            SharedBy::Spend => figures.spend_cents.max(0),
            SharedBy::Orders => figures.orders.max(0),
            SharedBy::Votes => member.votes_in(month),
        }
    };
    let mut weights: Vec<i64> =
        inputs.members.iter().zip(&taking).map(|(member, takes)| if *takes { weight(member) } else { 0 }).collect();
    if weights.iter().all(|weight| *weight == 0) {
        weights = taking.iter().map(|takes| i64::from(*takes)).collect();
    }
    if weights.iter().all(|weight| *weight == 0) {
        return Ok(vec![0; weights.len()]);
    }
    Ok(shares(amount_cents, &weights)?)
}

/// Takes each grant, in the order of keys, off what members still owe, in proportion. Gives what was granted and what was not used.
fn grant(inputs: &Inputs, members: &mut [Due], from: Month, to: Month) -> Result<(i64, i64), GovernanceError> {
    let mut by_key: BTreeMap<&str, Vec<&Dated<GrantStep>>> = BTreeMap::new();
    for step in &inputs.grants {
        by_key.entry(&step.key).or_default().push(step);
    }
    let (mut granted, mut unused) = (0, 0);
    for (key, steps) in by_key {
        let mut total = 0;
        let mut last = None;
        for month in from.to(to) {
            if let Some(step) = steps.iter().find(|step| step.holds_on(month.first_day())) {
                total += twelfths(step.body.yearly_cents)?[month.index()];
                last = Some(*step);
            }
        }
        let Some(step) = last else { continue };
        let owed: Vec<i64> = members.iter().map(Due::total_cents).collect();
        let whole: i64 = owed.iter().sum();
        let used = total.min(whole);
        granted += total;
        unused += total - used;
        if used == 0 {
            continue;
        }
        for ((due, part), owed) in members.iter_mut().zip(shares(used, &owed)?).zip(owed) {
            if part == 0 {
                continue;
            }
            let text = format!(
                "{} de {} : {} pour la période, répartis au prorata des contributions dues ({} sur {}).",
                step.body.label,
                step.body.funder,
                euros(used),
                euros(owed),
                euros(whole)
            );
            let facts = [
                ("granted_cents", total.to_string()),
                ("used_cents", used.to_string()),
                ("owed_cents", owed.to_string()),
                ("whole_cents", whole.to_string()),
                ("yearly_cents", step.body.yearly_cents.to_string()),
            ];
            due.lines.push(Line {
                key: key.to_owned(),
                label: step.body.label.clone(),
                amount_cents: -part,
                reason: Reason::new("GRANT", &step.source, text, &facts),
            });
        }
    }
    Ok((granted, unused))
}

/// What a line is about.
struct Told {
    from: Month,
    to: Month,
    due: i64,
    before: i64,
}

fn percent(rate: Decimal) -> String {
    format!("{}\u{a0}%", rate.normalize().to_string().replace('.', ","))
}

fn explain(inputs: &Inputs, rule: &Dated<ContributionRule>, member: &Belonging, told: &Told) -> Reason {
    let period = told.from.to(told.to);
    let (spend, orders, owing) = measured(inputs, rule, member, &period);
    let (year_spend, _, _) = measured(inputs, rule, member, &told.from.january().to(told.to));
    let between = format!("de {} à {}", told.from, told.to);
    let (key, mut text) = match &rule.body.basis {
        Basis::Flat { yearly_cents } => {
            ("FLAT", format!("Forfait de {} par an, {} mois sur 12.", euros(*yearly_cents), owing.len()))
        }
        Basis::SpendPercent { rate } => {
            ("SPEND_PERCENT", format!("{} de {} commandés {between}.", percent(*rate), euros(spend)))
        }
        Basis::PerOrder { cents } => {
            ("PER_ORDER", format!("{orders} bons de commande {between}, à {} chacun.", euros(*cents)))
        }
        Basis::Tiers { tiers } => {
            let parts = within(tiers, year_spend);
            let parts: Vec<String> =
                parts.iter().map(|(part, rate)| format!("{} de {}", percent(*rate), euros(*part))).collect();
            ("TIERS", format!("Tranches sur {} commandés depuis janvier : {}.", euros(year_spend), parts.join(" + ")))
        }
        Basis::Shared { yearly_cents, by } => (
            "SHARED",
            format!("Part de {} par an, partagés {} chaque mois {between}.", euros(*yearly_cents), by.french()),
        ),
    };
    let capped = rule.body.yearly_cap_cents.filter(|cap| told.due == *cap);
    if let Some(cap) = capped {
        text.push_str(&format!(" Plafond de {} par an atteint.", euros(cap)));
    }
    if told.before != 0 {
        text.push_str(&format!(
            " Dû depuis janvier : {}, dont {} pour les mois précédents.",
            euros(told.due),
            euros(told.before)
        ));
    }
    let facts = [
        ("from", told.from.to_string()),
        ("to", told.to.to_string()),
        ("spend_cents", spend.to_string()),
        ("year_spend_cents", year_spend.to_string()),
        ("orders", orders.to_string()),
        ("months", owing.len().to_string()),
        ("due_cents", told.due.to_string()),
        ("before_cents", told.before.to_string()),
    ];
    Reason::new(key, &rule.source, text, &facts)
}

#[cfg(test)]
pub(crate) mod tests;
