//! Whole months, written `2026-11`.

use std::fmt;

use chrono::{Datelike as _, Months, NaiveDate};

use super::Period;

/// A month of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(NaiveDate);

impl Month {
    /// The month of a day.
    #[must_use]
    pub fn of(day: NaiveDate) -> Self {
        Self(day.with_day(1).unwrap_or(day))
    }

    /// Reads `2026-11`, between 2000 and 2999.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let shaped = text.len() == 7
            && text.starts_with('2')
            && text.bytes().enumerate().all(|(at, b)| if at == 4 { b == b'-' } else { b.is_ascii_digit() });
        shaped.then(|| format!("{text}-01").parse().ok()).flatten().map(Self)
    }

    /// Its first day.
    #[must_use]
    pub const fn first_day(self) -> NaiveDate {
        self.0
    }

    /// Its last day.
    #[must_use]
    pub fn last_day(self) -> NaiveDate {
        self.next().0.pred_opt().unwrap_or(self.0)
    }

    /// The next one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.checked_add_months(Months::new(1)).unwrap_or(self.0))
    }

    /// 0 for January, 11 for December.
    #[must_use]
    pub fn index(self) -> usize {
        usize::try_from(self.0.month0()).unwrap_or_default()
    }

    /// Its year.
    #[must_use]
    pub fn year(self) -> i32 {
        self.0.year()
    }

    /// January of its year.
    #[must_use]
    pub fn january(self) -> Self {
        Self(self.0.with_month(1).unwrap_or(self.0))
    }

    /// Whether a period has a day in it.
    #[must_use]
    pub fn meets(self, period: Period) -> bool {
        period.from() <= self.last_day() && period.to().is_none_or(|to| self.0 <= to)
    }

    /// From this month to another, both included.
    #[must_use]
    pub fn to(self, last: Self) -> Vec<Self> {
        let mut months = Vec::new();
        let mut month = self;
        while month <= last && months.len() < 1_200 {
            months.push(month);
            month = month.next();
        }
        months
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_have_one_form_and_follow_each_other() {
        let november = Month::parse("2026-11").unwrap();
        assert_eq!(november.to_string(), "2026-11");
        assert_eq!(november.last_day().to_string(), "2026-11-30");
        assert_eq!((november.index(), november.year(), november.january().to_string().as_str()), (10, 2026, "2026-01"));
        let months: Vec<String> =
            november.to(Month::parse("2027-02").unwrap()).iter().map(ToString::to_string).collect();
        assert_eq!(months, ["2026-11", "2026-12", "2027-01", "2027-02"]);
        for bad in ["2026-13", "2026-1", "26-11", "1999-12", "2026-11-01", ""] {
            assert_eq!(Month::parse(bad), None, "{bad}");
        }
    }
}
