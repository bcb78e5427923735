//! What can be refused of a plan or an order, and why.

use kit::{DomainError, ErrorKind, money::ArithmeticError};

/// A refusal about plans and orders.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// The needs are no longer those of the snapshot.
    #[error("snapshot {snapshot} froze {frozen} needs, the round has {found}")]
    SnapshotNotWhole {
        /// Snapshot.
        snapshot: String,
        /// Needs frozen.
        frozen: i64,
        /// Needs found.
        found: i64,
    },
    /// An answer of another service is missing. A bug, or data that changed between two calls.
    #[error("the terms lack {what} {id}")]
    TermsIncomplete {
        /// What is missing.
        what: &'static str,
        /// Of what.
        id: String,
    },
    /// A quantity or amount beyond 64 bits.
    #[error("the quantity or amount of article {article} is too large")]
    QuantityOutOfRange {
        /// Article.
        article: String,
    },
    /// A share that cannot be computed.
    #[error("arithmetic: {0}")]
    Arithmetic(#[from] ArithmeticError),
    /// The plan is not in the state that the command needs.
    #[error("plan {plan} is {state}, {needed} needed")]
    PlanWrongState {
        /// Plan.
        plan: String,
        /// Its state.
        state: String,
        /// The state needed.
        needed: &'static str,
    },
    /// A plan without lines orders nothing.
    #[error("plan {plan} orders nothing: every need is left out")]
    PlanEmpty {
        /// Plan.
        plan: String,
    },
    /// One approved plan per round.
    #[error("another plan of round {round} is approved")]
    AnotherPlanApproved {
        /// Round.
        round: String,
    },
    /// The party pays for nothing in the plan.
    #[error("{party} is not a buyer of plan {plan}")]
    NotABuyer {
        /// Plan.
        plan: String,
        /// Party.
        party: String,
    },
    /// Buyers whose status requires a commitment number have not given one.
    #[error("plan {plan} lacks the commitment numbers of {}", .parties.join(", "))]
    MissingCommitments {
        /// Plan.
        plan: String,
        /// Who.
        parties: Vec<String>,
    },
    /// The order is not in the state that the command needs.
    #[error("pooled order {order} is {state}, PLACED needed")]
    OrderNotPlaced {
        /// Order.
        order: String,
        /// Its state.
        state: String,
    },
    /// Something of an urgent order may not be ordered: nothing of it is.
    #[error("urgent order refused by {rule} ({law}): {text}")]
    UrgentOrderRefused {
        /// Rule.
        rule: String,
        /// Article of law or clause; may be empty.
        law: String,
        /// One French sentence with the figures.
        text: String,
    },
    /// An urgent order from several lots could be half placed.
    #[error("an urgent order is of one lot, this one of {}", .lots.join(", "))]
    UrgentOrderManyLots {
        /// The lots.
        lots: Vec<String>,
    },
    /// An officer enters an answer with the means by which it came; the portal is the supplier's own.
    #[error("{means} is not how this caller answers: {allowed}")]
    WrongMeans {
        /// What came.
        means: String,
        /// What would do.
        allowed: &'static str,
    },
    /// More delivered and cancelled than ordered.
    #[error("order line {line}: {delivered} delivered and {cancelled} cancelled of {ordered} ordered")]
    MoreThanOrdered {
        /// Order line.
        line: String,
        /// Base units ordered.
        ordered: i64,
        /// Base units cancelled after it.
        cancelled: i64,
        /// Base units delivered after it.
        delivered: i64,
    },
}

impl DomainError for OrderError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::PlanWrongState { .. }
            | Self::PlanEmpty { .. }
            | Self::AnotherPlanApproved { .. }
            | Self::MissingCommitments { .. }
            | Self::OrderNotPlaced { .. }
            | Self::UrgentOrderRefused { .. }
            | Self::MoreThanOrdered { .. } => ErrorKind::NotNow,
            Self::NotABuyer { .. } => ErrorKind::NotFound,
            Self::QuantityOutOfRange { .. } | Self::WrongMeans { .. } | Self::UrgentOrderManyLots { .. } => {
                ErrorKind::Invalid
            }
            // The other services changed their answer between two calls: asking again mends it.
            Self::TermsIncomplete { .. } => ErrorKind::Unavailable,
            Self::SnapshotNotWhole { .. } | Self::Arithmetic(_) => ErrorKind::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::SnapshotNotWhole { .. } => "SNAPSHOT_NOT_WHOLE",
            Self::TermsIncomplete { .. } => "TERMS_INCOMPLETE",
            Self::QuantityOutOfRange { .. } => "QUANTITY_OUT_OF_RANGE",
            Self::Arithmetic(_) => "ARITHMETIC",
            Self::PlanWrongState { .. } => "PLAN_WRONG_STATE",
            Self::PlanEmpty { .. } => "PLAN_EMPTY",
            Self::AnotherPlanApproved { .. } => "ANOTHER_PLAN_APPROVED",
            Self::NotABuyer { .. } => "NOT_A_BUYER",
            Self::MissingCommitments { .. } => "MISSING_COMMITMENTS",
            Self::OrderNotPlaced { .. } => "ORDER_NOT_PLACED",
            Self::UrgentOrderRefused { .. } => "URGENT_ORDER_REFUSED",
            Self::UrgentOrderManyLots { .. } => "URGENT_ORDER_MANY_LOTS",
            Self::WrongMeans { .. } => "WRONG_MEANS",
            Self::MoreThanOrdered { .. } => "MORE_THAN_ORDERED",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::SnapshotNotWhole { snapshot, frozen, found } => {
                vec![("snapshot", snapshot.clone()), ("frozen", frozen.to_string()), ("found", found.to_string())]
            }
            Self::TermsIncomplete { what, id } => vec![("what", (*what).to_owned()), ("id", id.clone())],
            Self::QuantityOutOfRange { article } => vec![("article", article.clone())],
            Self::Arithmetic(_) => Vec::new(),
            Self::PlanWrongState { plan, state, needed } => {
                vec![("plan", plan.clone()), ("state", state.clone()), ("needed", (*needed).to_owned())]
            }
            Self::PlanEmpty { plan } => vec![("plan", plan.clone())],
            Self::AnotherPlanApproved { round } => vec![("round", round.clone())],
            Self::NotABuyer { plan, party } => vec![("plan", plan.clone()), ("party", party.clone())],
            Self::MissingCommitments { plan, parties } => vec![
                ("plan", plan.clone()),
                ("count", parties.len().to_string()),
                // Statuses travel in headers: the plan itself has them all.
                ("parties", parties.iter().take(50).cloned().collect::<Vec<_>>().join(", ")),
            ],
            Self::OrderNotPlaced { order, state } => vec![("order", order.clone()), ("state", state.clone())],
            Self::UrgentOrderRefused { rule, law, text } => {
                vec![("rule", rule.clone()), ("source", law.clone()), ("text", text.clone())]
            }
            Self::UrgentOrderManyLots { lots } => vec![("lots", lots.join(", "))],
            Self::WrongMeans { means, allowed } => vec![("means", means.clone()), ("allowed", (*allowed).to_owned())],
            Self::MoreThanOrdered { line, ordered, cancelled, delivered } => vec![
                ("line", line.clone()),
                ("ordered", ordered.to_string()),
                ("cancelled", cancelled.to_string()),
                ("delivered", delivered.to_string()),
            ],
        }
    }
}
