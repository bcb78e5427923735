//! Every refusal of this service that a caller can act on.

use chrono::{DateTime, NaiveDate, Utc};
use kit::{
    error::{DomainError, ErrorKind, FieldFault},
    id::{AgreementId, ConsultationId, LotId, PartyId, PooledOrderId, ReservationId},
};

use super::{ceiling::Ceiling, consultation::Finding};

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TenderingError {
    /// Somebody else awards in this group.
    #[error("only the awarding party {awarding_party} may do this ({legal_source})")]
    NotTheAwardingParty {
        /// `pty_…` of the party that awards; empty when each member awards for itself.
        awarding_party: String,
        /// Article or convention that says so.
        legal_source: String,
    },
    /// The group has an agreement of this key or number already.
    #[error("agreement {key} ({number}) exists already")]
    AgreementExists {
        /// Natural key.
        key: String,
        /// Legal number.
        number: String,
    },
    /// The agreement lasts longer than the law allows.
    #[error("agreement from {starts_on} to {ends_on} lasts more than {months} months ({legal_source})")]
    DurationTooLong {
        /// First day.
        starts_on: NaiveDate,
        /// Last day.
        ends_on: NaiveDate,
        /// Longest duration, months.
        months: i64,
        /// Article.
        legal_source: String,
    },
    /// A beneficiary has a row from the same first day already.
    #[error("a beneficiary of {agreement} is named from the same day already")]
    BeneficiaryAlreadyNamed {
        /// Which agreement.
        agreement: AgreementId,
    },
    /// The contract notice does not name the buyer.
    #[error("{party} is not named in the notice of {agreement} ({legal_source})")]
    NotNamedInNotice {
        /// Who.
        party: PartyId,
        /// Under which agreement.
        agreement: AgreementId,
        /// When the notice was published, if that is known.
        published_on: Option<NaiveDate>,
        /// Since when it is a member.
        member_since: Option<NaiveDate>,
        /// Article.
        legal_source: String,
    },
    /// More beneficiary rows than an agreement may have.
    #[error("agreement {agreement} would have {count} beneficiary rows, {limit} at most")]
    TooManyBeneficiaries {
        /// Which agreement.
        agreement: AgreementId,
        /// How many it would have.
        count: i64,
        /// How many it may have.
        limit: i64,
    },
    /// A party may not buy from the lot today.
    #[error("party {party} may not buy from lot {lot}: {rule} ({legal_source})")]
    NotEntitled {
        /// Which party.
        party: PartyId,
        /// Which lot.
        lot: LotId,
        /// Rule that decided, e.g. `BENEFICIARY_NOT_NAMED`.
        rule: &'static str,
        /// Its article.
        legal_source: String,
        /// One French sentence with the figures.
        text: String,
    },
    /// The ceiling has less left than is asked.
    #[error("ceiling of lot {} has {} cents left, {requested_cents} requested", .ceiling.lot_id, .ceiling.remaining())]
    CeilingExceeded {
        /// As it stands.
        ceiling: Ceiling,
        /// Cents EUR asked.
        requested_cents: i64,
    },
    /// The pooled order has a live reservation already.
    #[error("order {order} has a reservation already")]
    OrderAlreadyReserved {
        /// Which order.
        order: PooledOrderId,
    },
    /// The reservation has been given back entirely.
    #[error("reservation {reservation} has been released")]
    ReservationReleased {
        /// Which reservation.
        reservation: ReservationId,
    },
    /// More is given back than is held.
    #[error("reservation {reservation} holds {held_cents} cents, {requested_cents} to be released")]
    ReleaseExceedsHeld {
        /// Which reservation.
        reservation: ReservationId,
        /// Cents EUR held.
        held_cents: i64,
        /// Cents EUR to give back.
        requested_cents: i64,
    },
    /// The consultation does not take the command in its state.
    #[error("consultation {consultation} is {state}: {command} is not possible")]
    ConsultationNotNow {
        /// Which.
        consultation: ConsultationId,
        /// State at the moment.
        state: &'static str,
        /// What was asked.
        command: &'static str,
    },
    /// Something that publication needs is lacking.
    #[error("consultation {consultation} cannot be published: {}", .missing.iter().map(|finding| finding.rule.key()).collect::<Vec<_>>().join(", "))]
    PublicationBlocked {
        /// Which.
        consultation: ConsultationId,
        /// Everything that is lacking.
        missing: Vec<Finding>,
    },
    /// Nothing is opened at or before the deadline.
    #[error("consultation {consultation} takes tenders until {deadline}: nothing is opened before")]
    OpeningTooEarly {
        /// Which.
        consultation: ConsultationId,
        /// Last moment to be in time.
        deadline: DateTime<Utc>,
    },
    /// The private key is not the one of the consultation's public key.
    #[error("the key given does not open consultation {consultation}")]
    WrongOpeningKey {
        /// Which.
        consultation: ConsultationId,
    },
    /// The agreement may not be signed yet.
    #[error("consultation {consultation} may be signed from {signable_on} on")]
    StandstillRunning {
        /// Which.
        consultation: ConsultationId,
        /// First day.
        signable_on: NaiveDate,
    },
    /// No lot has an offer.
    #[error("no lot of consultation {consultation} has an offer")]
    NothingToAward {
        /// Which.
        consultation: ConsultationId,
    },
    /// A tender that is not an encrypted age file is not stored: whoever reads the table could read it.
    #[error("the tender is not an age file encrypted to an X25519 key")]
    TenderNotSealed,
    /// Fewer, more or other bytes came than announced.
    #[error("the tender arrived with {received_bytes} bytes of {announced_bytes}, or altered")]
    TenderIncomplete {
        /// Bytes announced.
        announced_bytes: i64,
        /// Bytes received.
        received_bytes: i64,
    },
}

impl DomainError for TenderingError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotTheAwardingParty { .. } | Self::NotEntitled { .. } | Self::NotNamedInNotice { .. } => {
                ErrorKind::Denied
            }
            Self::AgreementExists { .. } | Self::BeneficiaryAlreadyNamed { .. } | Self::OrderAlreadyReserved { .. } => {
                ErrorKind::AlreadyExists
            }
            Self::DurationTooLong { .. } | Self::TooManyBeneficiaries { .. } => ErrorKind::Invalid,
            Self::WrongOpeningKey { .. } | Self::TenderNotSealed | Self::TenderIncomplete { .. } => ErrorKind::Invalid,
            Self::CeilingExceeded { .. }
            | Self::ReservationReleased { .. }
            | Self::ReleaseExceedsHeld { .. }
            | Self::ConsultationNotNow { .. }
            | Self::PublicationBlocked { .. }
            | Self::OpeningTooEarly { .. }
            | Self::StandstillRunning { .. }
            | Self::NothingToAward { .. } => ErrorKind::NotNow,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NotTheAwardingParty { .. } => "NOT_THE_AWARDING_PARTY",
            Self::AgreementExists { .. } => "AGREEMENT_EXISTS",
            Self::DurationTooLong { .. } => "AGREEMENT_TOO_LONG",
            Self::BeneficiaryAlreadyNamed { .. } => "BENEFICIARY_ALREADY_NAMED",
            Self::NotNamedInNotice { .. } => "NOT_NAMED_IN_NOTICE",
            Self::TooManyBeneficiaries { .. } => "TOO_MANY_BENEFICIARIES",
            Self::NotEntitled { .. } => "NOT_ENTITLED",
            Self::CeilingExceeded { .. } => "CEILING_EXCEEDED",
            Self::OrderAlreadyReserved { .. } => "ORDER_ALREADY_RESERVED",
            Self::ReservationReleased { .. } => "RESERVATION_RELEASED",
            Self::ReleaseExceedsHeld { .. } => "RELEASE_EXCEEDS_HELD",
            Self::ConsultationNotNow { .. } => "CONSULTATION_NOT_NOW",
            Self::PublicationBlocked { .. } => "PUBLICATION_BLOCKED",
            Self::OpeningTooEarly { .. } => "OPENING_TOO_EARLY",
            Self::WrongOpeningKey { .. } => "WRONG_OPENING_KEY",
            Self::StandstillRunning { .. } => "STANDSTILL_RUNNING",
            Self::NothingToAward { .. } => "NOTHING_TO_AWARD",
            Self::TenderNotSealed => "TENDER_NOT_SEALED",
            Self::TenderIncomplete { .. } => "TENDER_INCOMPLETE",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::NotTheAwardingParty { awarding_party, legal_source } => {
                vec![("awarding_party", awarding_party.clone()), ("source", legal_source.clone())]
            }
            Self::AgreementExists { key, number } => vec![("key", key.clone()), ("number", number.clone())],
            Self::DurationTooLong { starts_on, ends_on, months, legal_source } => vec![
                ("starts_on", starts_on.to_string()),
                ("ends_on", ends_on.to_string()),
                ("months", months.to_string()),
                ("source", legal_source.clone()),
            ],
            Self::BeneficiaryAlreadyNamed { agreement } => vec![("agreement", agreement.to_string())],
            Self::NotNamedInNotice { party, agreement, published_on, member_since, legal_source } => {
                let day = |day: &Option<NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
                vec![
                    ("party", party.to_string()),
                    ("agreement", agreement.to_string()),
                    ("published_on", day(published_on)),
                    ("member_since", day(member_since)),
                    ("source", legal_source.clone()),
                ]
            }
            Self::TooManyBeneficiaries { agreement, count, limit } => {
                vec![("agreement", agreement.to_string()), ("count", count.to_string()), ("limit", limit.to_string())]
            }
            Self::NotEntitled { party, lot, rule, legal_source, text } => vec![
                ("party", party.to_string()),
                ("lot", lot.to_string()),
                ("rule", (*rule).to_owned()),
                ("source", legal_source.clone()),
                ("text", text.clone()),
            ],
            Self::CeilingExceeded { ceiling, requested_cents } => vec![
                ("lot", ceiling.lot_id.to_string()),
                ("maximum_cents", ceiling.maximum_cents.to_string()),
                ("opening_cents", ceiling.opening_cents.to_string()),
                ("consumed_cents", ceiling.consumed_cents.to_string()),
                ("reserved_cents", ceiling.reserved_cents.to_string()),
                ("remaining_cents", ceiling.remaining().to_string()),
                ("requested_cents", requested_cents.to_string()),
            ],
            Self::OrderAlreadyReserved { order } => vec![("order", order.to_string())],
            Self::ReservationReleased { reservation } => vec![("reservation", reservation.to_string())],
            Self::ReleaseExceedsHeld { reservation, held_cents, requested_cents } => vec![
                ("reservation", reservation.to_string()),
                ("held_cents", held_cents.to_string()),
                ("requested_cents", requested_cents.to_string()),
            ],
            Self::ConsultationNotNow { consultation, state, command } => vec![
                ("consultation", consultation.to_string()),
                ("state", (*state).to_owned()),
                ("command", (*command).to_owned()),
            ],
            Self::PublicationBlocked { consultation, missing } => {
                vec![("consultation", consultation.to_string()), ("count", missing.len().to_string())]
            }
            Self::OpeningTooEarly { consultation, deadline } => {
                vec![("consultation", consultation.to_string()), ("deadline", deadline.to_rfc3339())]
            }
            Self::StandstillRunning { consultation, signable_on } => {
                vec![("consultation", consultation.to_string()), ("signable_on", signable_on.to_string())]
            }
            Self::WrongOpeningKey { consultation } | Self::NothingToAward { consultation } => {
                vec![("consultation", consultation.to_string())]
            }
            Self::TenderNotSealed => Vec::new(),
            Self::TenderIncomplete { announced_bytes, received_bytes } => {
                vec![("announced_bytes", announced_bytes.to_string()), ("received_bytes", received_bytes.to_string())]
            }
        }
    }

    /// What is lacking, by rule, for whoever publishes.
    fn fields(&self) -> Vec<FieldFault> {
        match self {
            Self::PublicationBlocked { missing, .. } => missing
                .iter()
                .map(|finding| FieldFault::new(finding.rule.key(), format!("{} ({})", finding.text, finding.source)))
                .collect(),
            Self::NotTheAwardingParty { .. }
            | Self::AgreementExists { .. }
            | Self::DurationTooLong { .. }
            | Self::BeneficiaryAlreadyNamed { .. }
            | Self::TooManyBeneficiaries { .. }
            | Self::NotNamedInNotice { .. }
            | Self::NotEntitled { .. }
            | Self::CeilingExceeded { .. }
            | Self::OrderAlreadyReserved { .. }
            | Self::ReservationReleased { .. }
            | Self::ReleaseExceedsHeld { .. }
            | Self::ConsultationNotNow { .. }
            | Self::OpeningTooEarly { .. }
            | Self::WrongOpeningKey { .. }
            | Self::StandstillRunning { .. }
            | Self::NothingToAward { .. }
            | Self::TenderNotSealed
            | Self::TenderIncomplete { .. } => Vec::new(),
        }
    }
}
