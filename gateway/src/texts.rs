//! French texts of problems, keyed by reason, so that another language is another file. A text may use every figure of the
//! problem as `{figure}`.

use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use chrono::{DateTime, NaiveDate};
use kit::french::{euros, grouped};
use serde::Deserialize;

/// The texts of one language.
#[derive(Debug, Default, Deserialize)]
pub struct Texts {
    /// By reason.
    pub problems: BTreeMap<String, Text>,
    /// French words for values that figures carry: kinds of things, roles, states.
    pub words: HashMap<String, String>,
    /// What is said when a reason has no text.
    pub fallback: Text,
}

/// What is told about one reason.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Text {
    /// The same for every occurrence.
    pub title: String,
    /// This occurrence, with figures.
    pub detail: String,
    /// What to do about it.
    pub remedy: String,
}

/// The French texts. An unreadable file leaves them empty; a test reads it.
pub static FRENCH: LazyLock<Texts> =
    LazyLock::new(|| serde_json::from_str(include_str!("../texts/fr.json")).unwrap_or_default());

impl Texts {
    /// The text of a reason, or the general one.
    #[must_use]
    pub fn of(&self, reason: &str) -> &Text {
        self.problems.get(reason).unwrap_or(&self.fallback)
    }

    /// Puts figures into a text: cents as euros, known words in French, anything else as it is.
    #[must_use]
    pub fn fill(&self, template: &str, figures: &BTreeMap<String, String>) -> String {
        let mut text = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            text.push_str(before);
            let Some((key, after)) = after.split_once('}') else {
                text.push('{');
                rest = after;
                continue;
            };
            text.push_str(&figures.get(key).map_or_else(|| "—".to_owned(), |value| self.shown(key, value)));
            rest = after;
        }
        text.push_str(rest);
        text
    }

    fn shown(&self, key: &str, value: &str) -> String {
        if key.ends_with("_cents")
            && let Ok(cents) = value.parse::<i64>()
        {
            return euros(cents);
        }
        if let Ok(number) = value.parse()
            && (key.contains("units") || key.ends_with("_count") || key.ends_with("_bytes"))
        {
            return grouped(number);
        }
        if let Some(moment) = moment(value) {
            return moment;
        }
        value.split(", ").map(|word| self.words.get(word).map_or(word, String::as_str)).collect::<Vec<_>>().join(", ")
    }
}

/// A time or a day as people write it; `None` for anything else.
#[must_use]
pub fn moment(value: &str) -> Option<String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(value) {
        return Some(time.to_utc().format("%d/%m/%Y à %H:%M UTC").to_string());
    }
    let day = NaiveDate::parse_from_str(value, "%Y-%m-%d").ok().filter(|_| value.len() == 10)?;
    Some(day.format("%d/%m/%Y").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_french_file_is_readable_and_complete_in_itself() {
        let texts: Texts = serde_json::from_str(include_str!("../texts/fr.json")).unwrap();
        for (reason, text) in &texts.problems {
            assert!(!text.title.is_empty() && !text.detail.is_empty() && !text.remedy.is_empty(), "{reason}");
            assert_eq!(text.detail.matches('{').count(), text.detail.matches('}').count(), "{reason}");
        }
    }

    #[test]
    fn days_and_times_are_written_as_people_write_them() {
        assert_eq!(moment("2026-03-02").as_deref(), Some("02/03/2026"));
        assert_eq!(moment("2026-03-02T08:00:00Z").as_deref(), Some("02/03/2026 à 08:00 UTC"));
        assert_eq!(moment("2026"), None);
    }

    #[test]
    fn figures_take_their_places_and_missing_ones_are_marked() {
        let figures = BTreeMap::from([
            ("remaining_cents".to_owned(), "5000".to_owned()),
            ("needed".to_owned(), "PURCHASING_OFFICER, AUDITOR".to_owned()),
            ("units".to_owned(), "1200".to_owned()),
        ]);
        let filled = FRENCH.fill("reste {remaining_cents} ; {needed} ; {units} ; {other} ; {", &figures);
        assert_eq!(filled.replace(['\u{a0}', '\u{202f}'], " "), "reste 50,00 € ; acheteur, auditeur ; 1 200 ; — ; {");
    }
}
