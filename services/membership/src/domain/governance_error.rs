//! What can go wrong when a group governs and finances itself, beyond the input's form.

use kit::{DomainError, ErrorKind};

/// Refusals.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GovernanceError {
    /// Two rows of one key would hold on one day.
    #[error("{what} {key} would be set twice on one day")]
    PeriodsOverlap {
        /// `rule`, `voting right` or `seat`.
        what: &'static str,
        /// What it is about; empty when only the database knows.
        key: String,
    },
    /// No rule says how to decide.
    #[error("no decision rule for {subject} on {on}")]
    DecisionRuleMissing {
        /// The subject.
        subject: &'static str,
        /// The day.
        on: String,
    },
    /// A member is to be added whose admission was not voted.
    #[error("admission of {party} from {from} was not voted: {source_text}")]
    AdmissionNotVoted {
        /// The party's id.
        party: String,
        /// First day of its membership.
        from: String,
        /// How it would belong.
        kind: &'static str,
        /// The clause that asks for a vote.
        source_text: String,
    },
    /// Minutes are attached once.
    #[error("decision {number} has its minutes already")]
    MinutesAttached {
        /// Number of the decision.
        number: String,
    },
    /// No rule says what the office is.
    #[error("office {office} does not exist on {on}")]
    OfficeMissing {
        /// The office.
        office: &'static str,
        /// The day.
        on: String,
    },
    /// A mandate that breaks the rule of its office.
    #[error("mandate refused: {rule}: {why}")]
    MandateRefused {
        /// Key of the rule.
        rule: &'static str,
        /// The clause.
        source_text: String,
        /// What is against it, in French.
        why: String,
    },
    /// A mandate that is over.
    #[error("mandate {id} has ended on {on}")]
    MandateEnded {
        /// The mandate.
        id: String,
        /// Its last day.
        on: String,
    },
    /// Part of the period was invoiced.
    #[error("{party} was invoiced for a month between {from} and {to} already")]
    PeriodInvoiced {
        /// A member that was.
        party: String,
        /// First month asked for.
        from: String,
        /// Last month asked for.
        to: String,
    },
    /// Months that are not over.
    #[error("month {month} is not over")]
    PeriodNotOver {
        /// The last month asked for.
        month: String,
    },
    /// Nobody owes anything.
    #[error("nothing to invoice from {from} to {to}")]
    NothingToInvoice {
        /// First month.
        from: String,
        /// Last month.
        to: String,
    },
    /// The same saving twice.
    #[error("saving {label} of {month} was declared already")]
    SavingDeclared {
        /// Its label.
        label: String,
        /// Its month.
        month: String,
    },
    /// A figure does not fit.
    #[error("a contribution is out of range")]
    ContributionOutOfRange,
}

impl DomainError for GovernanceError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::PeriodsOverlap { .. }
            | Self::MinutesAttached { .. }
            | Self::PeriodInvoiced { .. }
            | Self::SavingDeclared { .. } => ErrorKind::AlreadyExists,
            Self::DecisionRuleMissing { .. }
            | Self::AdmissionNotVoted { .. }
            | Self::OfficeMissing { .. }
            | Self::MandateRefused { .. }
            | Self::MandateEnded { .. }
            | Self::PeriodNotOver { .. }
            | Self::NothingToInvoice { .. } => ErrorKind::NotNow,
            Self::ContributionOutOfRange => ErrorKind::Invalid,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::PeriodsOverlap { .. } => "PERIODS_OVERLAP",
            Self::DecisionRuleMissing { .. } => "DECISION_RULE_MISSING",
            Self::AdmissionNotVoted { .. } => "ADMISSION_NOT_VOTED",
            Self::MinutesAttached { .. } => "MINUTES_ATTACHED",
            Self::OfficeMissing { .. } => "OFFICE_MISSING",
            Self::MandateRefused { .. } => "MANDATE_REFUSED",
            Self::MandateEnded { .. } => "MANDATE_ENDED",
            Self::PeriodInvoiced { .. } => "PERIOD_INVOICED",
            Self::PeriodNotOver { .. } => "PERIOD_NOT_OVER",
            Self::NothingToInvoice { .. } => "NOTHING_TO_INVOICE",
            Self::SavingDeclared { .. } => "SAVING_DECLARED",
            Self::ContributionOutOfRange => "CONTRIBUTION_OUT_OF_RANGE",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::PeriodsOverlap { what, key } => vec![("what", (*what).to_owned()), ("key", key.clone())],
            Self::DecisionRuleMissing { subject, on } => {
                vec![("subject", (*subject).to_owned()), ("on", on.clone())]
            }
            Self::AdmissionNotVoted { party, from, kind, source_text } => vec![
                ("party", party.clone()),
                ("from", from.clone()),
                ("member_kind", (*kind).to_owned()),
                ("rule", "ADMISSION_VOTE".to_owned()),
                ("source", source_text.clone()),
            ],
            Self::MinutesAttached { number } => vec![("number", number.clone())],
            Self::OfficeMissing { office, on } => vec![("office", (*office).to_owned()), ("on", on.clone())],
            Self::MandateRefused { rule, source_text, why } => {
                vec![("rule", (*rule).to_owned()), ("source", source_text.clone()), ("why", why.clone())]
            }
            Self::MandateEnded { id, on } => vec![("id", id.clone()), ("on", on.clone())],
            Self::PeriodInvoiced { party, from, to } => {
                vec![("party", party.clone()), ("from", from.clone()), ("to", to.clone())]
            }
            Self::PeriodNotOver { month } => vec![("month", month.clone())],
            Self::NothingToInvoice { from, to } => vec![("from", from.clone()), ("to", to.clone())],
            Self::SavingDeclared { label, month } => vec![("label", label.clone()), ("month", month.clone())],
            Self::ContributionOutOfRange => Vec::new(),
        }
    }
}

impl From<kit::money::ArithmeticError> for GovernanceError {
    fn from(_: kit::money::ArithmeticError) -> Self {
        Self::ContributionOutOfRange
    }
}
