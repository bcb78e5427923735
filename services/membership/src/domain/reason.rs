//! Why something is decided, refused or computed as it is (design decision 9).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A rule with its source and the figures it used. Stored with what it decided.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Stable key of the rule, e.g. `QUORUM`.
    pub rule: String,
    /// The article or the clause; empty for our own conventions.
    pub source: String,
    /// One sentence in French with the figures.
    pub text: String,
    /// The figures used, by key.
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
