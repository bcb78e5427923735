//! What happened, as a table in French and as JSON.

use std::{collections::BTreeMap, fmt::Write as _};

use kit::french::{euros, grouped};
use serde_json::{Map, Value};

/// Seconds of each stage, in order.
pub type Seconds = Vec<(&'static str, std::time::Duration)>;

/// Facts of all groups added up.
#[must_use]
pub fn totals(groups: &[(String, BTreeMap<&'static str, i64>)]) -> BTreeMap<&'static str, i64> {
    let mut totals = BTreeMap::new();
    for (_, facts) in groups {
        for (&fact, &value) in facts {
            *totals.entry(fact).or_insert(0) += value;
        }
    }
    totals
}

const ROWS: [(&str, &str, bool); 25] = [
    ("members", "Établissements membres", false),
    ("sites", "Sites", false),
    ("articles", "Articles", false),
    ("consultations", "Consultations publiées", false),
    ("tenders_received", "Offres reçues, hors délai comprises", false),
    ("lots_awarded", "Lots attribués", false),
    ("need_lines", "Lignes de besoin", false),
    ("units_needed", "Unités demandées", false),
    ("exclusions", "Besoins écartés (avec la règle)", false),
    ("pooled_orders", "Commandes groupées passées", false),
    ("orders_refused", "Commandes groupées refusées", false),
    ("order_forms", "Bons de commande", false),
    ("mails_sent", "Commandes parties par courriel", false),
    ("answers_by_link", "Réponses par le lien du courriel", false),
    ("urgent_orders", "Commandes urgentes passées", false),
    ("units_ordered", "Unités commandées", false),
    ("units_delivered", "Unités livrées et certifiées", false),
    ("units_outstanding", "Unités restant dues", false),
    ("units_cancelled", "Unités annulées", false),
    ("damaged_units", "Unités abîmées à la réception", false),
    ("deliveries", "Livraisons", false),
    ("amount_ordered_cents", "Montant commandé HT", true),
    ("sum_of_shares_cents", "Somme des parts HT", true),
    ("savings_cents", "Gain sur les prix de l'an dernier HT", true),
    ("members_losing", "Membres dont le gain est négatif", false),
];

/// The table of all groups.
#[must_use]
pub fn table(groups: &[(String, BTreeMap<&'static str, i64>)], totals: &BTreeMap<&'static str, i64>) -> String {
    let mut text = String::new();
    let cell = |facts: &BTreeMap<&'static str, i64>, key: &str, money: bool| match facts.get(key) {
        Some(&value) if money => euros(value),
        Some(&value) => grouped(value),
        None => "—".to_owned(),
    };
    let _ = write!(text, "{:<38}", "");
    for (name, _) in groups {
        let _ = write!(text, "{name:>20}");
    }
    let _ = writeln!(text, "{:>20}", "Ensemble");
    for (key, label, money) in ROWS {
        let _ = write!(text, "{label:<38}");
        for (_, facts) in groups {
            let _ = write!(text, "{:>20}", cell(facts, key, money));
        }
        let _ = writeln!(text, "{:>20}", cell(totals, key, money));
    }
    text
}

/// The JSON of `--json`.
#[must_use]
pub fn json(totals: &BTreeMap<&'static str, i64>, seconds: &Seconds) -> Value {
    let mut object: Map<String, Value> =
        totals.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect();
    let stages: Map<String, Value> = seconds
        .iter()
        .map(|(stage, duration)| {
            let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
            ((*stage).to_owned(), serde_json::Number::from_f64(f64_seconds(millis)).map_or(Value::Null, Value::Number))
        })
        .collect();
    object.insert("seconds".to_owned(), Value::Object(stages));
    Value::Object(object)
}

#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "a duration for people, not an amount")]
fn f64_seconds(millis: u64) -> f64 {
    millis as f64 / 1_000.0
}
