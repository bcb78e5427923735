//! Why something is computed, allowed or refused as it is (design decision 9), and how its amounts read in French.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use kit::french::{euros, grouped};

/// A rule with its source and the figures it used. Stored with what it decided.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Stable key of the rule, e.g. `NO_PRICE`.
    pub rule: String,
    /// The article of law or the clause; empty for our own conventions.
    pub source: String,
    /// One sentence in French with the figures.
    pub text: String,
    /// The figures and names used, by key.
    pub facts: BTreeMap<String, String>,
}

impl Reason {
    /// A reason with its facts.
    #[must_use]
    pub fn new(rule: &str, source: &str, text: String, facts: &[(&str, String)]) -> Self {
        let facts = facts.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        Self { rule: rule.to_owned(), source: source.to_owned(), text, facts }
    }
}

/// One reason per rule and source, in the order in which they first came, with how many there were: an order of a thousand
/// buyers is allowed a thousand times by the same rule.
#[must_use]
pub fn summarised(reasons: Vec<Reason>) -> Vec<Reason> {
    let mut kept: Vec<(Reason, i64)> = Vec::new();
    for reason in reasons {
        match kept.iter_mut().find(|(first, _)| first.rule == reason.rule && first.source == reason.source) {
            Some((_, times)) => *times += 1,
            None => kept.push((reason, 1)),
        }
    }
    let summary = |(reason, times): (Reason, i64)| {
        if times == 1 {
            return reason;
        }
        let facts = BTreeMap::from([("buyers".to_owned(), times.to_string())]);
        Reason { text: format!("{} acheteurs, dont : {}", grouped(times), reason.text), facts, ..reason }
    };
    kept.into_iter().map(summary).collect()
}

/// Why tendering refused an order, from the reason and the variables of its error.
#[must_use]
pub fn of_refusal(rule: &str, facts: BTreeMap<String, String>) -> Reason {
    let fact = |key: &str| facts.get(key).map(String::as_str).unwrap_or_default();
    let cents = |key: &str| euros(fact(key).parse().unwrap_or_default());
    let (rule, source, text) = if rule == "CEILING_EXCEEDED" {
        let text = format!(
            "La commande de {} dépasse ce qui reste du maximum du lot : {} sur {}.",
            cents("requested_cents"),
            cents("remaining_cents"),
            cents("maximum_cents")
        );
        (rule, "CCP R2162-4", text)
    } else if rule == "NOT_ENTITLED" {
        (fact("rule"), fact("source"), fact("text").to_owned())
    } else {
        (rule, fact("source"), format!("Refus de la réservation : {rule}."))
    };
    Reason { rule: rule.to_owned(), source: source.to_owned(), text, facts: facts.clone() }
}

/// A unit price, e.g. `0,1234 €`.
#[must_use]
pub fn unit_price(price: Decimal) -> String {
    format!("{}\u{a0}€", price.normalize().to_string().replace('.', ","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(text: &str) -> Reason {
        Reason::new("BENEFICIARY_NAMED", "CCP R2162-6", text.to_owned(), &[])
    }

    #[test]
    fn the_same_rule_is_told_once_with_its_number() {
        assert_eq!(summarised(vec![allowed("A.")]), [allowed("A.")]);
        let both = summarised(vec![allowed("A."), allowed("B.")]);
        assert_eq!((both.len(), both[0].text.as_str()), (1, "2 acheteurs, dont : A."));
        assert_eq!(both[0].facts["buyers"], "2");
    }

    #[test]
    fn a_refusal_keeps_its_figures() {
        let facts = [("requested_cents", "200"), ("remaining_cents", "150"), ("maximum_cents", "100000")];
        let facts: BTreeMap<String, String> =
            facts.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        let reason = of_refusal("CEILING_EXCEEDED", facts);
        assert_eq!(reason.source, "CCP R2162-4");
        assert!(reason.text.contains("2,00\u{a0}€") && reason.text.contains("1,50\u{a0}€"), "{}", reason.text);
        assert_eq!(reason.facts["remaining_cents"], "150");
        let facts = BTreeMap::from([("rule".to_owned(), "BENEFICIARY_NOT_NAMED".to_owned())]);
        assert_eq!(of_refusal("NOT_ENTITLED", facts).rule, "BENEFICIARY_NOT_NAMED");
    }

    #[test]
    fn a_unit_price_reads_as_in_french() {
        assert_eq!(unit_price("0.1200".parse().unwrap()), "0,12\u{a0}€");
    }
}
