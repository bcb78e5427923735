//! What can be wrong about rounds and needs.

use chrono::{DateTime, SecondsFormat, Utc};
use kit::{DomainError, ErrorKind, FieldFault};

use super::round::RoundState;

/// Errors of rounds, needs and snapshots.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DemandError {
    /// The round takes no more needs: somebody closed it or its closing time has passed.
    #[error("round {title:?} takes no more needs, it was to close at {closes_at}")]
    RoundClosed {
        /// Its title.
        title: String,
        /// Its closing time.
        closes_at: DateTime<Utc>,
    },
    /// The round takes no needs yet.
    #[error("round {title:?} takes needs from {opens_at} on")]
    RoundNotOpen {
        /// Its title.
        title: String,
        /// When it opens.
        opens_at: DateTime<Utc>,
    },
    /// The step is not possible in the round's state.
    #[error("round {title:?} is {state} and would have to be {needed}")]
    RoundWrongState {
        /// Its title.
        title: String,
        /// Its state.
        state: RoundState,
        /// The state from which the step is possible.
        needed: RoundState,
    },
    /// A census never becomes an order by itself.
    #[error("round {title:?} is a census: it is neither planned nor ordered")]
    CensusNotOrdered {
        /// Its title.
        title: String,
    },
    /// A consultation is drafted from a census only.
    #[error("round {title:?} is no census")]
    NotACensus {
        /// Its title.
        title: String,
    },
    /// The census has more articles than a consultation may have.
    #[error("the census has {articles} articles, a consultation at most {limit}")]
    DraftTooLarge {
        /// Articles of the census.
        articles: i64,
        /// Most of a consultation.
        limit: usize,
    },
    /// A round without an active need cannot be consolidated.
    #[error("round {title:?} has no needs")]
    RoundEmpty {
        /// Its title.
        title: String,
    },
    /// The need was withdrawn.
    #[error("need {reference:?} was withdrawn")]
    NeedWithdrawn {
        /// The member's reference.
        reference: String,
    },
    /// The party is not a member of the group today.
    #[error("party {party} is not a member of the group today")]
    PartyNotMember {
        /// `pty_…`.
        party: String,
    },
    /// The file has more rows than one import may have.
    #[error("file too long: at most {limit} {what}")]
    FileTooLong {
        /// Most of them.
        limit: usize,
        /// Of what: `rows`, `articles`, `sites`.
        what: &'static str,
    },
    /// What was shown before confirming is no longer so.
    #[error("the situation has changed since it was shown: {seen} seen, {now} now")]
    SituationChanged {
        /// Digest of what was shown.
        seen: String,
        /// Digest now.
        now: String,
    },
    /// Nothing came from the sender for too long.
    #[error("nothing was received for {seconds} s")]
    ImportStalled {
        /// How long, seconds.
        seconds: u64,
    },
    /// Other files take all the memory there is for files.
    #[error("too many files are being imported at once")]
    ImportBusy,
}

impl DomainError for DemandError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::RoundClosed { .. }
            | Self::RoundNotOpen { .. }
            | Self::RoundWrongState { .. }
            | Self::CensusNotOrdered { .. }
            | Self::NotACensus { .. }
            | Self::DraftTooLarge { .. }
            | Self::RoundEmpty { .. }
            | Self::NeedWithdrawn { .. }
            | Self::SituationChanged { .. }
            | Self::PartyNotMember { .. } => ErrorKind::NotNow,
            Self::FileTooLong { .. } => ErrorKind::Invalid,
            Self::ImportStalled { .. } => ErrorKind::TimedOut,
            Self::ImportBusy => ErrorKind::Busy,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::RoundClosed { .. } => "ROUND_CLOSED",
            Self::RoundNotOpen { .. } => "ROUND_NOT_OPEN",
            Self::RoundWrongState { .. } => "ROUND_WRONG_STATE",
            Self::CensusNotOrdered { .. } => "CENSUS_NOT_ORDERED",
            Self::NotACensus { .. } => "NOT_A_CENSUS",
            Self::DraftTooLarge { .. } => "DRAFT_TOO_LARGE",
            Self::RoundEmpty { .. } => "ROUND_EMPTY",
            Self::NeedWithdrawn { .. } => "NEED_WITHDRAWN",
            Self::PartyNotMember { .. } => "PARTY_NOT_MEMBER",
            Self::SituationChanged { .. } => "SITUATION_CHANGED",
            Self::FileTooLong { .. } => "FILE_TOO_LONG",
            Self::ImportStalled { .. } => "IMPORT_STALLED",
            Self::ImportBusy => "IMPORT_BUSY",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        let time = |at: &DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        match self {
            Self::RoundClosed { title, closes_at } => vec![("title", title.clone()), ("closes_at", time(closes_at))],
            Self::RoundNotOpen { title, opens_at } => vec![("title", title.clone()), ("opens_at", time(opens_at))],
            Self::RoundWrongState { title, state, needed } => {
                vec![("title", title.clone()), ("state", state.to_string()), ("needed", needed.to_string())]
            }
            Self::CensusNotOrdered { title } => {
                vec![("title", title.clone()), ("source", "CCP R2162-6 ; R2162-13".to_owned())]
            }
            Self::DraftTooLarge { articles, limit } => {
                vec![("articles", articles.to_string()), ("limit", limit.to_string())]
            }
            Self::NotACensus { title } | Self::RoundEmpty { title } => vec![("title", title.clone())],
            Self::NeedWithdrawn { reference } => vec![("reference", reference.clone())],
            Self::PartyNotMember { party } => vec![("party", party.clone())],
            Self::SituationChanged { seen, now } => vec![("seen", seen.clone()), ("now", now.clone())],
            Self::FileTooLong { limit, what } => vec![("limit", limit.to_string()), ("what", (*what).to_owned())],
            Self::ImportStalled { seconds } => vec![("seconds", seconds.to_string())],
            Self::ImportBusy => Vec::new(),
        }
    }

    fn fields(&self) -> Vec<FieldFault> {
        match self {
            Self::PartyNotMember { party } => {
                vec![FieldFault::new("party_id", format!("{party} must be a member of the group today"))]
            }
            Self::RoundClosed { .. }
            | Self::RoundNotOpen { .. }
            | Self::RoundWrongState { .. }
            | Self::CensusNotOrdered { .. }
            | Self::NotACensus { .. }
            | Self::DraftTooLarge { .. }
            | Self::RoundEmpty { .. }
            | Self::NeedWithdrawn { .. }
            | Self::SituationChanged { .. }
            | Self::FileTooLong { .. }
            | Self::ImportStalled { .. }
            | Self::ImportBusy => Vec::new(),
        }
    }
}
