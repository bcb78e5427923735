//! What becomes of a member's needs, plans, orders and shares of ceilings when it leaves the group or another establishment takes it
//! over. Shown before it is confirmed; [`digest`] is over all that is shown, so that what is done is what was shown.
//!
//! 1. Needs in an open round that closes on the last day at the latest stay; those in a later one are withdrawn: it could not
//!    order them.
//! 2. Shares in a plan that is not placed are placed on the last day at the latest; later no reservation takes them.
//! 3. What is ordered is delivered, received and paid: by the member, or after a merger by its successor.
//! 4. What it consumed of a ceiling stays counted.

use chrono::NaiveDate;
use kit::{
    french::{euros, grouped},
    id::{LotId, PartyId, PlanId, RoundId},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::reason::Reason;

/// A change of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Who.
    pub party: PartyId,
    /// Last day of its membership.
    pub last_day: NaiveDate,
    /// Who takes it over; none when it leaves.
    pub successor: Option<PartyId>,
    /// The decision.
    pub evidence: String,
}

impl Change {
    /// As stored.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        if self.successor.is_some() { "MERGE" } else { "LEAVE" }
    }
}

/// A member's needs in an open round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeedsOfRound {
    /// Which round.
    pub round: RoundId,
    /// Its title.
    pub title: String,
    /// Day on which it closes.
    pub closes_on: NaiveDate,
    /// Active needs of the member.
    pub count: i64,
    /// Base units.
    pub units: i64,
    /// Over the needs' ids and versions.
    pub fingerprint: String,
}

/// A member's shares in a plan that is not placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingPlan {
    /// Which plan.
    pub plan: PlanId,
    /// PROPOSED or APPROVED.
    pub state: String,
    /// Shares.
    pub count: i64,
    /// Base units.
    pub units: i64,
    /// Cents EUR.
    pub amount_cents: i64,
}

/// A member's orders under a lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrdersOfLot {
    /// Which lot.
    pub lot: LotId,
    /// Order lines with units that are neither delivered nor cancelled.
    pub outstanding_lines: i64,
    /// Base units outstanding.
    pub outstanding_units: i64,
    /// What is outstanding at its prices, cents EUR.
    pub outstanding_cents: i64,
    /// Order lines placed.
    pub lines: i64,
    /// What its orders placed here have consumed of the ceiling, cents EUR.
    pub consumed_cents: i64,
}

/// Everything of a member that a change touches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Situation {
    /// By round.
    pub needs: Vec<NeedsOfRound>,
    /// By plan.
    pub plans: Vec<PendingPlan>,
    /// By lot.
    pub orders: Vec<OrdersOfLot>,
}

/// What happens to something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EffectKind {
    /// Needs stay.
    NeedsKept,
    /// Needs are withdrawn.
    NeedsWithdrawn,
    /// A plan is to be placed in time.
    PlanToPlace,
    /// Orders are carried out.
    OrdersKept,
    /// Orders pass to the successor.
    OrdersPassed,
    /// Consumption stays counted.
    CeilingCounted,
}

impl EffectKind {
    /// Key of its rule.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NeedsKept => "NEEDS_KEPT",
            Self::NeedsWithdrawn => "NEEDS_WITHDRAWN",
            Self::PlanToPlace => "PLAN_TO_PLACE",
            Self::OrdersKept => "ORDERS_KEPT",
            Self::OrdersPassed => "ORDERS_PASSED",
            Self::CeilingCounted => "CEILING_COUNTED",
        }
    }
}

/// One effect with its rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// What happens.
    pub kind: EffectKind,
    /// To what: `rnd_…`, `pln_…`, `lot_…`.
    pub subject: String,
    /// Needs, shares or order lines.
    pub count: i64,
    /// Base units.
    pub units: i64,
    /// Cents EUR.
    pub amount_cents: i64,
    /// Why.
    pub reason: Reason,
}

/// The effects of a change, with the source of each rule on the day.
#[must_use]
pub fn effects(change: &Change, situation: &Situation, source: impl Fn(EffectKind) -> String) -> Vec<Effect> {
    let last = date(change.last_day);
    let effect = |kind: EffectKind, subject: String, (count, units, amount_cents): (i64, i64, i64), text: String| {
        let facts = [
            ("party", change.party.to_string()),
            ("last_day", change.last_day.to_string()),
            ("count", count.to_string()),
            ("units", units.to_string()),
            ("amount_cents", amount_cents.to_string()),
        ];
        let reason = Reason::new(kind.name(), &source(kind), text, &facts);
        Effect { kind, subject, count, units, amount_cents, reason }
    };
    let mut effects = Vec::new();
    for needs in &situation.needs {
        let (count, closes) = (grouped(needs.count), date(needs.closes_on));
        let (kind, text) = if needs.closes_on <= change.last_day {
            let text = format!(
                "{count} besoin(s) de la campagne « {} » restent : elle se clôt le {closes}, au plus tard le dernier jour, {last}.",
                needs.title
            );
            (EffectKind::NeedsKept, text)
        } else {
            let text = format!(
                "{count} besoin(s) de la campagne « {} » sont retirés : elle se clôt le {closes}, après le dernier jour, {last}, et \
                 seul un membre commande.",
                needs.title
            );
            (EffectKind::NeedsWithdrawn, text)
        };
        effects.push(effect(kind, needs.round.to_string(), (needs.count, needs.units, 0), text));
    }
    for plan in &situation.plans {
        let text = format!(
            "{} part(s) de {} dans un plan qui n'est pas passé : il doit l'être au plus tard le {last} ; après, la réservation est refusée.",
            grouped(plan.count),
            euros(plan.amount_cents)
        );
        let figures = (plan.count, plan.units, plan.amount_cents);
        effects.push(effect(EffectKind::PlanToPlace, plan.plan.to_string(), figures, text));
    }
    for orders in situation.orders.iter().filter(|orders| orders.outstanding_lines > 0) {
        let (lines, amount) = (grouped(orders.outstanding_lines), euros(orders.outstanding_cents));
        let (kind, text) = match change.successor {
            None => {
                let text = format!(
                    "{lines} ligne(s) commandées et non livrées, {amount} : livrées, reçues et payées par ce membre."
                );
                (EffectKind::OrdersKept, text)
            }
            Some(_) => {
                let text = format!(
                    "{lines} ligne(s) commandées et non livrées, {amount} : elles passent à l'établissement qui le reprend."
                );
                (EffectKind::OrdersPassed, text)
            }
        };
        let figures = (orders.outstanding_lines, orders.outstanding_units, orders.outstanding_cents);
        effects.push(effect(kind, orders.lot.to_string(), figures, text));
    }
    for orders in situation.orders.iter().filter(|orders| orders.consumed_cents > 0) {
        let text = format!(
            "{} consommés sur le maximum du lot restent décomptés : le maximum vaut pour tous les membres, le départ ne rend rien.",
            euros(orders.consumed_cents)
        );
        let figures = (orders.lines, 0, orders.consumed_cents);
        effects.push(effect(EffectKind::CeilingCounted, orders.lot.to_string(), figures, text));
    }
    effects
}

/// SHA-256 of the change, of what membership would do, and of everything shown.
#[must_use]
pub fn digest(change: &Change, memberships: &str, situation: &Situation) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut add = |fields: &[&str]| {
        for field in fields {
            // With its length, so that no two lists of fields read the same.
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field.as_bytes());
        }
    };
    let successor = change.successor.map(|party| party.to_string()).unwrap_or_default();
    add(&["change", &change.party.to_string(), &change.last_day.to_string(), &successor, &change.evidence]);
    add(&["memberships", memberships]);
    for needs in &situation.needs {
        add(&["needs", &needs.round.to_string(), &needs.closes_on.to_string(), &needs.fingerprint]);
    }
    for plan in &situation.plans {
        let figures = format!("{} {} {}", plan.count, plan.units, plan.amount_cents);
        add(&["plan", &plan.plan.to_string(), &plan.state, &figures]);
    }
    for orders in &situation.orders {
        let figures = format!(
            "{} {} {} {} {}",
            orders.outstanding_lines,
            orders.outstanding_units,
            orders.outstanding_cents,
            orders.lines,
            orders.consumed_cents
        );
        add(&["orders", &orders.lot.to_string(), &figures]);
    }
    hash.finalize().into()
}

fn date(day: NaiveDate) -> String {
    day.format("%d/%m/%Y").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn leaving(last_day: &str) -> Change {
        Change { party: PartyId::new(), last_day: day(last_day), successor: None, evidence: "délibération".into() }
    }

    fn situation() -> Situation {
        let needs = |closes_on: &str| NeedsOfRound {
            round: RoundId::new(),
            title: "Janvier".into(),
            closes_on: day(closes_on),
            count: 3,
            units: 90,
            fingerprint: closes_on.into(),
        };
        let plan =
            PendingPlan { plan: PlanId::new(), state: "APPROVED".into(), count: 2, units: 60, amount_cents: 1_200 };
        let orders = |outstanding_lines, consumed_cents| OrdersOfLot {
            lot: LotId::new(),
            outstanding_lines,
            outstanding_units: outstanding_lines * 30,
            outstanding_cents: outstanding_lines * 500,
            lines: 4,
            consumed_cents,
        };
        Situation {
            needs: vec![needs("2026-12-31"), needs("2027-01-01")],
            plans: vec![plan],
            orders: vec![orders(1, 2_000), orders(0, 0)],
        }
    }

    #[test]
    fn each_thing_of_the_member_has_its_effect_by_its_rule() {
        use EffectKind::{CeilingCounted, NeedsKept, NeedsWithdrawn, OrdersKept, OrdersPassed, PlanToPlace};
        let kinds = |change: &Change| -> Vec<EffectKind> {
            effects(change, &situation(), |kind| format!("source {}", kind.name()))
                .into_iter()
                .map(|one| one.kind)
                .collect()
        };
        assert_eq!(kinds(&leaving("2026-12-31")), [NeedsKept, NeedsWithdrawn, PlanToPlace, OrdersKept, CeilingCounted]);
        let merged = Change { successor: Some(PartyId::new()), ..leaving("2027-01-01") };
        assert_eq!(kinds(&merged), [NeedsKept, NeedsKept, PlanToPlace, OrdersPassed, CeilingCounted]);
        let all = effects(&leaving("2026-12-31"), &situation(), |kind| format!("source {}", kind.name()));
        assert_eq!(all[1].reason.source, "source NEEDS_WITHDRAWN");
        assert!(all[1].reason.text.contains("01/01/2027, après le dernier jour, 31/12/2026"), "{}", all[1].reason.text);
        assert!(all[3].reason.text.contains("5,00"), "{}", all[3].reason.text);
    }

    #[test]
    fn the_digest_changes_with_everything_that_is_shown_and_with_nothing_else() {
        let (change, shown) = (leaving("2026-12-31"), situation());
        let before = digest(&change, "m", &shown);
        assert_eq!(digest(&change, "m", &shown), before);
        let mut others = vec![
            digest(&Change { last_day: day("2026-12-30"), ..change.clone() }, "m", &shown),
            digest(&Change { evidence: "autre".into(), ..change.clone() }, "m", &shown),
            digest(&Change { successor: Some(PartyId::new()), ..change.clone() }, "m", &shown),
            digest(&change, "n", &shown),
        ];
        let changed = |alter: fn(&mut Situation)| {
            let mut situation = shown.clone();
            alter(&mut situation);
            digest(&change, "m", &situation)
        };
        others.push(changed(|situation| situation.needs[0].fingerprint.push('x')));
        others.push(changed(|situation| situation.needs.truncate(1)));
        others.push(changed(|situation| situation.plans[0].state = "PROPOSED".into()));
        others.push(changed(|situation| situation.orders[0].outstanding_units += 1));
        others.push(changed(|situation| situation.orders[0].consumed_cents += 1));
        others.push(before);
        let count = others.len();
        others.sort_unstable();
        others.dedup();
        assert_eq!(others.len(), count, "each of them is another one");
    }
}
