//! Reads single fields and collects what is wrong with them.

use chrono::NaiveDate;
use kit::{Failure, FieldFault};

/// Collects the faults of a request. A reader that finds a fault gives a stand-in, which [`Fields::finish`] never lets out.
#[derive(Debug, Default)]
pub struct Fields {
    faults: Vec<FieldFault>,
}

impl Fields {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a fault.
    pub fn fault(&mut self, field: &str, detail: &str) {
        self.faults.push(FieldFault::new(field, detail));
    }

    /// The value, if nothing was wrong.
    ///
    /// # Errors
    /// `INVALID_INPUT` with every fault. A value that could not be built without a fault being noted is a bug.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Failure> {
        match value {
            Some(value) if self.faults.is_empty() => Ok(value),
            Some(_) => Err(Failure::invalid(self.faults)),
            None if self.faults.is_empty() => Err(Failure::internal("input was refused without a fault")),
            None => Err(Failure::invalid(self.faults)),
        }
    }

    /// Notes when a list is empty or too long. A too long one need not be read.
    pub fn count(&mut self, field: &str, count: usize, most: usize) -> bool {
        let fits = (1..=most).contains(&count);
        if !fits {
            self.fault(field, &format!("must have 1 to {most} entries, has {count}"));
        }
        fits
    }

    /// A text of so many characters, without spaces around and without control characters.
    pub fn text(&mut self, field: &str, text: &str, least: usize, most: usize) -> String {
        let count = text.chars().count();
        if !(least..=most).contains(&count) {
            self.fault(field, &format!("must have {least} to {most} characters, has {count}"));
        } else if text.trim() != text {
            self.fault(field, "must not begin or end with a space");
        } else if text.chars().any(char::is_control) {
            self.fault(field, "must not contain control characters");
        }
        text.to_owned()
    }

    /// A text that `parse` understands.
    pub fn parsed<T>(
        &mut self,
        field: &str,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        parse(text).map_err(|detail| self.fault(field, detail)).ok()
    }

    /// As [`Fields::parsed`]; an empty text is fine and means none.
    pub fn parsed_if_any<T>(
        &mut self,
        field: &str,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        if text.is_empty() { None } else { self.parsed(field, text, parse) }
    }

    /// A day, `2026-11-21`.
    pub fn date(&mut self, field: &str, text: &str) -> Option<NaiveDate> {
        self.parsed(field, text, parse_date)
    }

    /// As [`Fields::date`]; an empty text is fine and means none.
    pub fn date_if_any(&mut self, field: &str, text: &str) -> Option<NaiveDate> {
        self.parsed_if_any(field, text, parse_date)
    }
}

fn parse_date(text: &str) -> Result<NaiveDate, &'static str> {
    // chrono alone would take `2026-1-1`, and signs.
    let shaped = text.len() == 10
        && text.bytes().enumerate().all(|(at, b)| if at == 4 || at == 7 { b == b'-' } else { b.is_ascii_digit() });
    shaped.then(|| text.parse().ok()).flatten().ok_or("must be a day of the form YYYY-MM-DD")
}

/// A day as text; empty for none.
pub(super) fn date_to_text(date: Option<NaiveDate>) -> String {
    date.map(|date| date.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_one_form() {
        for (text, valid) in [
            ("2026-11-21", true),
            ("2024-02-29", true),
            ("2026-02-29", false),
            ("2026-1-1", false),
            ("+026-01-01", false),
            ("21/11/2026", false),
            ("", false),
        ] {
            assert_eq!(parse_date(text).is_ok(), valid, "{text}");
        }
    }

    #[test]
    fn texts_are_counted_in_characters() {
        let mut fields = Fields::new();
        fields.text("name", "éé", 2, 2);
        assert!(fields.faults.is_empty());
        for bad in ["", "aaa", " a", "a\n"] {
            fields.text("name", bad, 1, 2);
        }
        assert_eq!(fields.faults.len(), 4);
    }
}
