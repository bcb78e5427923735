//! Contribution rules, grants, figures, invoices, costs, savings and balances.

use std::collections::HashMap;

use kit::{
    Failure,
    id::{InvoiceId, PartyId},
};
use proto::membership::v1 as pb;
use rust_decimal::Decimal;

use super::{
    Fields,
    fields::date_to_text,
    rule::{month, named, period, reason_to_proto, within},
    site::party_reference,
    voting::MOST_RULES,
};
use crate::{
    domain::{
        Dated, MemberKind, PartyRef,
        balance::{Balance, LogisticsCost},
        contribution::{Basis, ContributionRule, Due, Figures, GrantStep, Line, SharedBy, Tier},
        month::Month,
    },
    store::{finance::Saving, invoice::Invoice},
};

/// Most cents of one amount: 10 thousand million euros.
const MOST_CENTS: i64 = 1_000_000_000_000;
/// Tiers of a rule at most.
const MOST_TIERS: usize = 20;
/// Costs entered in one call at most.
const MOST_COSTS: usize = 500;
/// Months of a view at most.
const MOST_MONTHS: usize = 36;

fn key(fields: &mut Fields, field: &str, text: &str) -> String {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if !(1..=60).contains(&text.len()) || !text.bytes().all(fits) {
        fields.fault(field, "must have 1 to 60 letters, digits, '.', '_' or '-'");
    }
    text.to_owned()
}

fn rate(fields: &mut Fields, field: &str, text: &str) -> Decimal {
    match kit::money::parse_unit_price(text) {
        Ok(rate) if rate <= Decimal::ONE_HUNDRED => rate,
        Ok(_) => {
            fields.fault(field, "must be 100 at most");
            Decimal::ZERO
        }
        Err(detail) => {
            fields.fault(field, &detail);
            Decimal::ZERO
        }
    }
}

/// Reads contribution rules.
///
/// # Errors
/// `INVALID_INPUT` with the faults of all rows.
pub fn rules_from_proto(rules: &[pb::ContributionRule]) -> Result<Vec<Dated<ContributionRule>>, Failure> {
    let mut fields = Fields::new();
    let mut read = Vec::new();
    if fields.count("rules", rules.len(), MOST_RULES) {
        for (index, rule) in rules.iter().enumerate() {
            read.extend(rule_from_proto(&mut fields, &format!("rules[{index}]"), rule));
        }
    }
    fields.finish(Some(read))
}

fn rule_from_proto(fields: &mut Fields, path: &str, rule: &pb::ContributionRule) -> Option<Dated<ContributionRule>> {
    let at = |field: &str| format!("{path}.{field}");
    let key = key(fields, &at("key"), &rule.key);
    let label = fields.text(&at("label"), &rule.label, 1, 200);
    let period = period(fields, path, &rule.valid_from, &rule.valid_to);
    let amount = within(fields, &at("amount_cents"), rule.amount_cents, 0, MOST_CENTS);
    let cap = within(fields, &at("yearly_cap_cents"), rule.yearly_cap_cents, 0, MOST_CENTS);
    let basis = match rule.basis.as_str() {
        "FLAT" => Some(Basis::Flat { yearly_cents: amount }),
        "SPEND_PERCENT" => Some(Basis::SpendPercent { rate: rate(fields, &at("rate"), &rule.rate) }),
        "PER_ORDER" => Some(Basis::PerOrder { cents: amount }),
        "TIERS" => Some(Basis::Tiers { tiers: tiers(fields, path, &rule.tiers) }),
        "SHARED" => {
            let by = named(fields, &at("shared_by"), &rule.shared_by, (&SharedBy::ALL, SharedBy::name));
            if cap > 0 {
                fields.fault(&at("yearly_cap_cents"), "a shared sum has no cap: it would not sum");
            }
            by.map(|by| Basis::Shared { yearly_cents: amount, by })
        }
        _ => {
            fields.fault(&at("basis"), "must be FLAT, SPEND_PERCENT, PER_ORDER, TIERS or SHARED");
            None
        }
    };
    let mut kinds = Vec::new();
    for (index, kind) in rule.member_kinds.iter().enumerate() {
        let field = format!("{path}.member_kinds[{index}]");
        kinds.extend(named(fields, &field, kind, (&MemberKind::ALL, MemberKind::name)));
    }
    let source = fields.text(&at("source"), &rule.source, 1, 300);
    let yearly_cap_cents = Some(cap).filter(|cap| *cap > 0);
    let body = ContributionRule { label, basis: basis?, yearly_cap_cents, kinds };
    Some(Dated { key, period: period?, source, body })
}

fn tiers(fields: &mut Fields, path: &str, tiers: &[pb::ContributionTier]) -> Vec<Tier> {
    let mut read: Vec<Tier> = Vec::new();
    if !fields.count(&format!("{path}.tiers"), tiers.len(), MOST_TIERS) {
        return read;
    }
    for (index, tier) in tiers.iter().enumerate() {
        let path = format!("{path}.tiers[{index}]");
        let from_cents = within(fields, &format!("{path}.from_cents"), tier.from_cents, 0, MOST_CENTS);
        let ascends = read.last().map_or(from_cents == 0, |last| from_cents > last.from_cents);
        if !ascends {
            fields.fault(&format!("{path}.from_cents"), "must be 0 for the first tier, and ascend");
        }
        read.push(Tier { from_cents, rate: rate(fields, &format!("{path}.rate"), &tier.rate) });
    }
    read
}

/// A contribution rule as people and services read it.
#[must_use]
pub fn rule_to_proto(rule: &Dated<ContributionRule>) -> pb::ContributionRule {
    let mut told = pb::ContributionRule {
        key: rule.key.clone(),
        label: rule.body.label.clone(),
        valid_from: rule.period.from().to_string(),
        valid_to: date_to_text(rule.period.to()),
        yearly_cap_cents: rule.body.yearly_cap_cents.unwrap_or_default(),
        member_kinds: rule.body.kinds.iter().map(|kind| kind.name().to_owned()).collect(),
        source: rule.source.clone(),
        ..pb::ContributionRule::default()
    };
    let text = |rate: &Decimal| rate.normalize().to_string();
    let basis = match &rule.body.basis {
        Basis::Flat { yearly_cents } => {
            told.amount_cents = *yearly_cents;
            "FLAT"
        }
        Basis::SpendPercent { rate } => {
            told.rate = text(rate);
            "SPEND_PERCENT"
        }
        Basis::PerOrder { cents } => {
            told.amount_cents = *cents;
            "PER_ORDER"
        }
        Basis::Tiers { tiers } => {
            let tier = |tier: &Tier| pb::ContributionTier { from_cents: tier.from_cents, rate: text(&tier.rate) };
            told.tiers = tiers.iter().map(tier).collect();
            "TIERS"
        }
        Basis::Shared { yearly_cents, by } => {
            told.amount_cents = *yearly_cents;
            told.shared_by = by.name().to_owned();
            "SHARED"
        }
    };
    told.basis = basis.to_owned();
    told
}

/// Reads the steps of grants.
///
/// # Errors
/// `INVALID_INPUT` with the faults of all rows.
pub fn grants_from_proto(steps: &[pb::GrantStep]) -> Result<Vec<Dated<GrantStep>>, Failure> {
    let mut fields = Fields::new();
    let mut read = Vec::new();
    if fields.count("steps", steps.len(), MOST_RULES) {
        for (index, step) in steps.iter().enumerate() {
            let path = format!("steps[{index}]");
            let at = |field: &str| format!("{path}.{field}");
            let key = key(&mut fields, &at("key"), &step.key);
            let label = fields.text(&at("label"), &step.label, 1, 200);
            let funder = fields.text(&at("funder"), &step.funder, 1, 200);
            let yearly_cents = within(&mut fields, &at("yearly_cents"), step.yearly_cents, 0, MOST_CENTS);
            let source = fields.text(&at("source"), &step.source, 1, 300);
            let period = period(&mut fields, &path, &step.valid_from, &step.valid_to);
            let body = GrantStep { label, funder, yearly_cents };
            read.extend(period.map(|period| Dated { key, period, source, body }));
        }
    }
    fields.finish(Some(read))
}

/// A step as people and services read it.
#[must_use]
pub fn grant_to_proto(step: &Dated<GrantStep>) -> pb::GrantStep {
    pb::GrantStep {
        key: step.key.clone(),
        label: step.body.label.clone(),
        funder: step.body.funder.clone(),
        valid_from: step.period.from().to_string(),
        valid_to: date_to_text(step.period.to()),
        yearly_cents: step.body.yearly_cents,
        source: step.source.clone(),
    }
}

/// Reads the months of an invoice: of one year.
///
/// # Errors
/// `INVALID_INPUT`.
pub fn period_from_proto(from: &str, to: &str) -> Result<(Month, Month), Failure> {
    let mut fields = Fields::new();
    let months = month(&mut fields, "from_month", from).zip(month(&mut fields, "to_month", to));
    if months.is_some_and(|(from, to)| to < from || from.year() != to.year()) {
        fields.fault("to_month", "must not be before from_month, and of the same year");
    }
    fields.finish(months)
}

/// Reads the months of a view.
///
/// # Errors
/// `INVALID_INPUT`.
pub fn view_from_proto(from: &str, to: &str) -> Result<(Month, Month), Failure> {
    let mut fields = Fields::new();
    let months = month(&mut fields, "from_month", from).zip(month(&mut fields, "to_month", to));
    if months.is_some_and(|(from, to)| to < from || from.to(to).len() > MOST_MONTHS) {
        fields.fault("to_month", "must not be before from_month, 36 months at most");
    }
    fields.finish(months)
}

/// Reads the months of a list, both optional.
///
/// # Errors
/// `INVALID_INPUT`.
pub fn bounds_from_proto(from: &str, to: &str) -> Result<(Option<Month>, Option<Month>), Failure> {
    let mut fields = Fields::new();
    let from = if from.is_empty() { None } else { month(&mut fields, "from_month", from) };
    let to = if to.is_empty() { None } else { month(&mut fields, "to_month", to) };
    fields.finish(Some((from, to)))
}

/// Reads demand's figures.
///
/// # Errors
/// `INVALID_INPUT`.
pub fn figures_from_proto(figures: &[pb::MonthFigures]) -> Result<HashMap<(PartyId, Month), Figures>, Failure> {
    let mut fields = Fields::new();
    let mut read = HashMap::with_capacity(figures.len());
    for (index, row) in figures.iter().enumerate() {
        let party = fields.parsed(&format!("figures[{index}].party_id"), &row.party_id, |text| {
            text.parse::<PartyId>().map_err(|_| "must be a party's id (pty_…)")
        });
        let month = month(&mut fields, &format!("figures[{index}].month"), &row.month);
        if let Some(key) = party.zip(month) {
            let figures = Figures {
                spend_cents: row.spend_cents,
                orders: row.orders,
                committed_cents: row.committed_saving_cents,
                realised_cents: row.realised_saving_cents,
            };
            read.insert(key, figures);
        }
    }
    fields.finish(Some(read))
}

fn line_to_proto(line: &Line) -> pb::ContributionLine {
    pb::ContributionLine {
        rule_key: line.key.clone(),
        label: line.label.clone(),
        amount_cents: line.amount_cents,
        reason: Some(reason_to_proto(&line.reason)),
    }
}

/// What a member owes, as people and services read it.
#[must_use]
pub fn due_to_proto(due: &Due) -> pb::MemberContribution {
    pb::MemberContribution {
        party_id: due.party.to_string(),
        name: due.name.clone(),
        lines: due.lines.iter().map(line_to_proto).collect(),
        total_cents: due.total_cents(),
    }
}

/// An invoice's id.
///
/// # Errors
/// `INVALID_INPUT`.
pub fn invoice_id(text: &str) -> Result<InvoiceId, Failure> {
    text.parse().map_err(|_| Failure::invalid_field("invoice_id", "must be an invoice's id (inv_…)"))
}

/// An invoice as people and services read it.
#[must_use]
pub fn invoice_to_proto(invoice: &Invoice) -> pb::ContributionInvoice {
    pb::ContributionInvoice {
        id: invoice.id.to_string(),
        number: invoice.number.clone(),
        party_id: invoice.party.to_string(),
        party_name: invoice.party_name.clone(),
        from_month: invoice.from.to_string(),
        to_month: invoice.to.to_string(),
        issued_on: invoice.issued_on.to_string(),
        total_cents: invoice.total_cents,
        lines: invoice.lines.iter().map(line_to_proto).collect(),
    }
}

/// Reads logistics costs.
///
/// # Errors
/// `INVALID_INPUT` with the faults of all rows.
pub fn costs_from_proto(costs: &[pb::LogisticsCost]) -> Result<Vec<LogisticsCost>, Failure> {
    let mut fields = Fields::new();
    let mut read = Vec::new();
    if fields.count("costs", costs.len(), MOST_COSTS) {
        let keys = costs.iter().map(|cost| Some((&cost.month, &cost.label)));
        super::check_repeats(&mut fields, "costs", "label", keys);
        for (index, cost) in costs.iter().enumerate() {
            let at = |field: &str| format!("costs[{index}].{field}");
            let month = month(&mut fields, &at("month"), &cost.month);
            let label = fields.text(&at("label"), &cost.label, 1, 200);
            let amount_cents = within(&mut fields, &at("amount_cents"), cost.amount_cents, 0, MOST_CENTS);
            let shared_by = named(&mut fields, &at("shared_by"), &cost.shared_by, (&SharedBy::ALL, SharedBy::name));
            let source = fields.text(&at("source"), &cost.source, 1, 300);
            read.extend(month.zip(shared_by).map(|(month, shared_by)| LogisticsCost {
                month,
                label,
                amount_cents,
                shared_by,
                source,
            }));
        }
    }
    fields.finish(Some(read))
}

/// A logistics cost as people and services read it.
#[must_use]
pub fn cost_to_proto(cost: &LogisticsCost) -> pb::LogisticsCost {
    pb::LogisticsCost {
        month: cost.month.to_string(),
        label: cost.label.clone(),
        amount_cents: cost.amount_cents,
        shared_by: cost.shared_by.name().to_owned(),
        source: cost.source.clone(),
    }
}

/// A saving to declare, whose party is still a reference.
#[derive(Debug)]
pub struct SavingInput {
    /// Who saved.
    pub party: PartyRef,
    /// When.
    pub month: Month,
    /// Cents.
    pub amount_cents: i64,
}

/// Reads a saving to declare.
///
/// # Errors
/// `INVALID_INPUT` with every fault.
pub fn saving_from_proto(saving: Option<&pb::DeclaredSaving>) -> Result<SavingInput, Failure> {
    let saving = saving.ok_or_else(|| Failure::invalid_field("saving", "must be given"))?;
    let mut fields = Fields::new();
    let party = party_reference(&mut fields, "saving.party_id", &saving.party_id);
    let month = month(&mut fields, "saving.month", &saving.month);
    if !["AVOIDED_EXAM", "OTHER"].contains(&saving.kind.as_str()) {
        fields.fault("saving.kind", "must be AVOIDED_EXAM or OTHER");
    }
    fields.text("saving.label", &saving.label, 1, 200);
    fields.text("saving.evidence", &saving.evidence, 1, 1_000);
    let quantity = within(&mut fields, "saving.quantity", saving.quantity, 1, 1_000_000_000);
    let unit_cents = within(&mut fields, "saving.unit_cents", saving.unit_cents, 1, 100_000_000);
    let amount = quantity.checked_mul(unit_cents).unwrap_or_default();
    fields.finish(party.zip(month).map(|(party, month)| SavingInput { party, month, amount_cents: amount }))
}

/// A declared saving as people and services read it.
#[must_use]
pub fn saving_to_proto(saving: &Saving) -> pb::DeclaredSaving {
    pb::DeclaredSaving {
        id: saving.saving_id.to_string(),
        party_id: saving.party_id.to_string(),
        month: Month::of(saving.month).to_string(),
        kind: saving.kind.clone(),
        label: saving.label.clone(),
        quantity: saving.quantity,
        unit_cents: saving.unit_cents,
        evidence: saving.evidence.clone(),
        amount_cents: saving.amount_cents,
        declared_on: saving.declared_on.to_string(),
    }
}

/// Months with their running sum, as people and services read them.
#[must_use]
pub fn balances_to_proto(months: &[Month], balances: &[Balance]) -> Vec<pb::MonthBalance> {
    let mut cumulated = 0;
    let told = |(month, balance): (&Month, &Balance)| {
        cumulated += balance.balance_cents();
        balance_to_proto(month.to_string(), balance, cumulated)
    };
    months.iter().zip(balances).map(told).collect()
}

/// All months together.
#[must_use]
pub fn total_to_proto(balances: &[Balance]) -> pb::MonthBalance {
    let sum = Balance::sum(balances);
    balance_to_proto(String::new(), &sum, sum.balance_cents())
}

fn balance_to_proto(month: String, balance: &Balance, cumulated_cents: i64) -> pb::MonthBalance {
    pb::MonthBalance {
        month,
        realised_saving_cents: balance.realised_cents,
        committed_saving_cents: balance.committed_cents,
        fees_cents: balance.fees_cents,
        grants_cents: balance.grants_cents,
        logistics_cents: balance.logistics_cents,
        balance_cents: balance.balance_cents(),
        cumulated_cents,
        declared_cents: balance.declared_cents,
    }
}
