//! What may follow what: one function, every pair decided.

use chrono::{DateTime, NaiveDate, Utc};

/// State as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// Being written.
    Draft,
    /// Published; closed once the deadline has passed.
    Published,
    /// Tenders have been opened.
    Opened,
    /// Tenders are ranked.
    Evaluated,
    /// Awarded; standing still until the day on which it may be signed.
    Awarded,
    /// The agreement is signed.
    Signed,
    /// Ended without award.
    Cancelled,
}

impl Stored {
    /// Every stored state.
    pub const ALL: [Self; 7] =
        [Self::Draft, Self::Published, Self::Opened, Self::Evaluated, Self::Awarded, Self::Signed, Self::Cancelled];

    /// As stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "DRAFT",
            Self::Published => "PUBLISHED",
            Self::Opened => "OPENED",
            Self::Evaluated => "EVALUATED",
            Self::Awarded => "AWARDED",
            Self::Signed => "SIGNED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// State at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Being written.
    Draft,
    /// Takes tenders.
    Published,
    /// The deadline has passed; everything is sealed.
    Closed,
    /// Tenders have been opened.
    Opened,
    /// Tenders are ranked.
    Evaluated,
    /// Awarded and notified; may not be signed yet.
    Standstill,
    /// Awarded; may be signed.
    Awarded,
    /// The agreement is signed.
    Signed,
    /// Ended without award.
    Cancelled,
}

impl State {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 9] = [
        Self::Draft,
        Self::Published,
        Self::Closed,
        Self::Opened,
        Self::Evaluated,
        Self::Standstill,
        Self::Awarded,
        Self::Signed,
        Self::Cancelled,
    ];

    /// For people and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "DRAFT",
            Self::Published => "PUBLISHED",
            Self::Closed => "CLOSED",
            Self::Opened => "OPENED",
            Self::Evaluated => "EVALUATED",
            Self::Standstill => "STANDSTILL",
            Self::Awarded => "AWARDED",
            Self::Signed => "SIGNED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// What can be asked of a consultation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Replace the content.
    Revise,
    /// Publish.
    Publish,
    /// Receive a tender.
    Receive,
    /// Open the tenders.
    Open,
    /// Mark and rank.
    Score,
    /// Award and notify.
    Award,
    /// Make the agreement.
    Sign,
    /// End without award.
    Cancel,
}

impl Command {
    /// Every command.
    pub const ALL: [Self; 8] =
        [Self::Revise, Self::Publish, Self::Receive, Self::Open, Self::Score, Self::Award, Self::Sign, Self::Cancel];

    /// For people and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Revise => "REVISE",
            Self::Publish => "PUBLISH",
            Self::Receive => "RECEIVE",
            Self::Open => "OPEN_TENDERS",
            Self::Score => "SCORE",
            Self::Award => "AWARD",
            Self::Sign => "SIGN",
            Self::Cancel => "CANCEL",
        }
    }
}

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The stored state becomes this one.
    To(Stored),
    /// A tender is in time; the state stays.
    InTime,
    /// A tender is late; it is kept sealed and the state stays.
    Late,
    /// Refused.
    Refused,
}

/// What a command does in a state.
#[must_use]
pub const fn step(state: State, command: Command) -> Step {
    match (command, state) {
        (Command::Revise, State::Draft) => Step::To(Stored::Draft),
        (Command::Publish, State::Draft) => Step::To(Stored::Published),
        (Command::Receive, State::Published) => Step::InTime,
        (
            Command::Receive,
            State::Closed | State::Opened | State::Evaluated | State::Standstill | State::Awarded | State::Signed,
        ) => Step::Late,
        (Command::Open, State::Closed) => Step::To(Stored::Opened),
        (Command::Score, State::Opened | State::Evaluated) => Step::To(Stored::Evaluated),
        (Command::Award, State::Evaluated) => Step::To(Stored::Awarded),
        (Command::Sign, State::Awarded) => Step::To(Stored::Signed),
        (
            Command::Cancel,
            State::Draft
            | State::Published
            | State::Closed
            | State::Opened
            | State::Evaluated
            | State::Standstill
            | State::Awarded,
        ) => Step::To(Stored::Cancelled),
        (
            Command::Revise | Command::Publish,
            State::Published
            | State::Closed
            | State::Opened
            | State::Evaluated
            | State::Standstill
            | State::Awarded
            | State::Signed
            | State::Cancelled,
        )
        | (Command::Receive, State::Draft | State::Cancelled)
        | (
            Command::Open,
            State::Draft
            | State::Published
            | State::Opened
            | State::Evaluated
            | State::Standstill
            | State::Awarded
            | State::Signed
            | State::Cancelled,
        )
        | (
            Command::Score,
            State::Draft
            | State::Published
            | State::Closed
            | State::Standstill
            | State::Awarded
            | State::Signed
            | State::Cancelled,
        )
        | (
            Command::Award,
            State::Draft
            | State::Published
            | State::Closed
            | State::Opened
            | State::Standstill
            | State::Awarded
            | State::Signed
            | State::Cancelled,
        )
        | (
            Command::Sign,
            State::Draft
            | State::Published
            | State::Closed
            | State::Opened
            | State::Evaluated
            | State::Standstill
            | State::Signed
            | State::Cancelled,
        )
        | (Command::Cancel, State::Signed | State::Cancelled) => Step::Refused,
    }
}

/// The state at a moment that falls on `today`. A deadline belongs to the time before it: what comes at that very microsecond is
/// in time, and nothing is opened then.
#[must_use]
pub fn at(
    stored: Stored,
    deadline: Option<DateTime<Utc>>,
    signable_on: Option<NaiveDate>,
    now: DateTime<Utc>,
    today: NaiveDate,
) -> State {
    match stored {
        Stored::Draft => State::Draft,
        Stored::Published if deadline.is_some_and(|deadline| now > deadline) => State::Closed,
        Stored::Published => State::Published,
        Stored::Opened => State::Opened,
        Stored::Evaluated => State::Evaluated,
        Stored::Awarded if signable_on.is_some_and(|first| today < first) => State::Standstill,
        Stored::Awarded => State::Awarded,
        Stored::Signed => State::Signed,
        Stored::Cancelled => State::Cancelled,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn every_command_in_every_state_is_decided() {
        let mut table = String::from("state     ");
        for command in Command::ALL {
            let _ = write!(table, " {:<12}", command.name());
        }
        for state in State::ALL {
            let _ = write!(table, "\n{:<10}", state.name());
            for command in Command::ALL {
                let shown = match step(state, command) {
                    Step::To(stored) => stored.name(),
                    Step::InTime => "in time",
                    Step::Late => "late",
                    Step::Refused => "-",
                };
                let _ = write!(table, " {shown:<12}");
            }
        }
        let lines: Vec<&str> = table.lines().map(str::trim_end).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        state      REVISE       PUBLISH      RECEIVE      OPEN_TENDERS SCORE        AWARD        SIGN         CANCEL
        DRAFT      DRAFT        PUBLISHED    -            -            -            -            -            CANCELLED
        PUBLISHED  -            -            in time      -            -            -            -            CANCELLED
        CLOSED     -            -            late         OPENED       -            -            -            CANCELLED
        OPENED     -            -            late         -            EVALUATED    -            -            CANCELLED
        EVALUATED  -            -            late         -            EVALUATED    AWARDED      -            CANCELLED
        STANDSTILL -            -            late         -            -            -            -            CANCELLED
        AWARDED    -            -            late         -            -            -            SIGNED       CANCELLED
        SIGNED     -            -            late         -            -            -            -            -
        CANCELLED  -            -            -            -            -            -            -            -
        ");
    }

    #[test]
    fn time_closes_a_microsecond_after_the_deadline_and_ends_a_standstill_at_midnight() {
        let deadline: DateTime<Utc> = "2026-12-31T11:00:00Z".parse().unwrap();
        let today: NaiveDate = "2026-12-31".parse().unwrap();
        let state = |now: DateTime<Utc>| at(Stored::Published, Some(deadline), None, now, today);
        assert_eq!(state(deadline), State::Published);
        assert_eq!(state(deadline + chrono::Duration::microseconds(1)), State::Closed);
        let state = |today: &str| {
            at(Stored::Awarded, Some(deadline), "2027-01-13".parse().ok(), deadline, today.parse().unwrap())
        };
        assert_eq!((state("2027-01-12"), state("2027-01-13")), (State::Standstill, State::Awarded));
    }
}
