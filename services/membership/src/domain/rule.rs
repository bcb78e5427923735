//! Rules that a group gave itself: dated data with their source (design decision 9).

use chrono::NaiveDate;

use super::Period;

/// Looks a name of a contract or the database up among a closed list.
#[must_use]
pub fn parse_named<T: Copy>(all: &[T], name: impl Fn(T) -> &'static str, text: &str) -> Option<T> {
    all.iter().copied().find(|one| name(*one) == text)
}

/// What a rule of a group is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleKind {
    /// How the assembly decides on a subject.
    Decision,
    /// What holds for an office.
    Office,
    /// By what members contribute.
    Contribution,
    /// A step of a grant.
    Grant,
}

impl RuleKind {
    /// Its name in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Decision => "DECISION",
            Self::Office => "OFFICE",
            Self::Contribution => "CONTRIBUTION",
            Self::Grant => "GRANT",
        }
    }
}

/// A rule in force between two days, both included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dated<T> {
    /// What it is about: a subject, an office, a key chosen by the group.
    pub key: String,
    /// When it is in force.
    pub period: Period,
    /// The clause or decision that says so.
    pub source: String,
    /// What it says.
    pub body: T,
}

impl<T> Dated<T> {
    /// Whether it is in force on a day.
    #[must_use]
    pub fn holds_on(&self, day: NaiveDate) -> bool {
        self.period.contains(day)
    }
}
