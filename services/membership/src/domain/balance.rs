//! Whether a group pays for itself: realised saving − fees − logistics, by member and month and for the group.
//!
//! Fees are counted before grants: a grant pays part of them, it does not make the group cheaper. Declared savings stand apart and are in
//! no sum. The cumulated balance runs from the first month of the view.

use std::collections::HashMap;

use kit::id::PartyId;

use super::{
    contribution::{self, Due, Figures, Inputs, SharedBy},
    governance_error::GovernanceError,
    month::Month,
};

/// What logistics cost in a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogisticsCost {
    /// The month.
    pub month: Month,
    /// What it is.
    pub label: String,
    /// Cents.
    pub amount_cents: i64,
    /// How it is shared.
    pub shared_by: SharedBy,
    /// Where the figure comes from.
    pub source: String,
}

/// Saving against cost in a month, or over several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Balance {
    /// Saving on what was certified as delivered, cents.
    pub realised_cents: i64,
    /// Saving on what was ordered, cents.
    pub committed_cents: i64,
    /// Contributions before grants, cents.
    pub fees_cents: i64,
    /// Grants used, cents.
    pub grants_cents: i64,
    /// Logistics, cents.
    pub logistics_cents: i64,
    /// Declared savings, in no sum, cents.
    pub declared_cents: i64,
}

impl Balance {
    /// Realised saving less what the group costs, without grants.
    #[must_use]
    pub const fn balance_cents(&self) -> i64 {
        self.realised_cents - self.fees_cents - self.logistics_cents
    }

    fn add(&mut self, other: &Self) {
        self.realised_cents += other.realised_cents;
        self.committed_cents += other.committed_cents;
        self.fees_cents += other.fees_cents;
        self.grants_cents += other.grants_cents;
        self.logistics_cents += other.logistics_cents;
        self.declared_cents += other.declared_cents;
    }

    /// The sum of several.
    #[must_use]
    pub fn sum<'a>(balances: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut sum = Self::default();
        balances.into_iter().for_each(|balance| sum.add(balance));
        sum
    }
}

/// A member's months.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberBalance {
    /// Who.
    pub party: PartyId,
    /// Its name.
    pub name: String,
    /// In the order of the view's months.
    pub months: Vec<Balance>,
}

/// The view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Its months.
    pub months: Vec<Month>,
    /// Members, in the order of the inputs.
    pub members: Vec<MemberBalance>,
    /// The group's months.
    pub group: Vec<Balance>,
    /// From which month on the group pays for itself until the end of the view.
    pub pays_for_itself_from: Option<Month>,
}

/// Sets savings against costs, month by month.
///
/// # Errors
/// When an amount does not fit.
pub fn compute(
    inputs: &Inputs,
    costs: &[LogisticsCost],
    declared: &HashMap<(PartyId, Month), i64>,
    from: Month,
    to: Month,
) -> Result<View, GovernanceError> {
    let months = from.to(to);
    let mut members: Vec<MemberBalance> = inputs
        .members
        .iter()
        .map(|member| MemberBalance { party: member.party, name: member.name.clone(), months: Vec::new() })
        .collect();
    let mut group = Vec::with_capacity(months.len());
    for month in &months {
        let statement = contribution::compute(inputs, *month, *month)?;
        let mut balances: Vec<Balance> =
            statement.members.iter().map(|due| of_month(due, inputs, declared, *month)).collect();
        // What nobody of that month could be asked for stays with the group.
        let mut unshared = 0;
        for cost in costs.iter().filter(|cost| cost.month == *month) {
            let parts = contribution::share(inputs, cost.amount_cents, cost.shared_by, *month, |member| {
                member.kind_in(*month).is_some()
            })?;
            unshared += cost.amount_cents - parts.iter().sum::<i64>();
            for (balance, part) in balances.iter_mut().zip(parts) {
                balance.logistics_cents += part;
            }
        }
        let mut whole = Balance::sum(&balances);
        whole.logistics_cents += unshared;
        group.push(whole);
        for (member, balance) in members.iter_mut().zip(balances) {
            member.months.push(balance);
        }
    }
    let pays_for_itself_from = pays_from(&months, &group);
    Ok(View { months, members, group, pays_for_itself_from })
}

fn of_month(due: &Due, inputs: &Inputs, declared: &HashMap<(PartyId, Month), i64>, month: Month) -> Balance {
    let figures: Figures = inputs.figures.get(&(due.party, month)).copied().unwrap_or_default();
    Balance {
        realised_cents: figures.realised_cents,
        committed_cents: figures.committed_cents,
        fees_cents: due.fees_cents(),
        grants_cents: due.fees_cents() - due.total_cents(),
        logistics_cents: 0,
        declared_cents: declared.get(&(due.party, month)).copied().unwrap_or_default(),
    }
}

/// The first month from which on the cumulated balance is never negative again. A group that costs nothing has nothing to pay for.
fn pays_from(months: &[Month], group: &[Balance]) -> Option<Month> {
    let whole = Balance::sum(group);
    if whole.fees_cents + whole.logistics_cents == 0 {
        return None;
    }
    let mut cumulated = 0;
    let mut from = None;
    for (month, balance) in months.iter().zip(group) {
        cumulated += balance.balance_cents();
        if cumulated < 0 {
            from = None;
        } else if from.is_none() {
            from = Some(*month);
        }
    }
    from
}

#[cfg(test)]
mod tests;
