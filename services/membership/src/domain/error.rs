//! What can go wrong beyond the input's form.

use kit::{DomainError, ErrorKind};

/// Refusals of membership.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MembershipError {
    /// A group with this key exists.
    #[error("group {key} exists already")]
    GroupKeyTaken {
        /// The key.
        key: String,
    },
    /// A party would belong to a group in two ways on one day.
    #[error("party {party} belongs to the group from {from} to {to} already")]
    MembershipOverlaps {
        /// The party's id.
        party: String,
        /// First day of the membership in the way.
        from: String,
        /// Its last day; empty while it lasts.
        to: String,
    },
    /// Only the party that gave a delegation ends it.
    #[error("delegation {delegation} was given by {delegator}")]
    DelegationOfAnother {
        /// Which.
        delegation: String,
        /// Who gave it.
        delegator: String,
    },
    /// A delegation is revoked once.
    #[error("delegation {delegation} is revoked from {from} on already")]
    DelegationRevoked {
        /// Which.
        delegation: String,
        /// First day on which it no longer holds.
        from: String,
    },
    /// History is added to at its end.
    #[error("party {party} has a {what} from {latest} on: {given} is not later")]
    NotLater {
        /// Which party.
        party: String,
        /// `buyer status` or `identity`.
        what: &'static str,
        /// First day of the latest one.
        latest: String,
        /// First day that was given.
        given: String,
    },
    /// A party is taken over once.
    #[error("party {party} was taken over already")]
    TakenOver {
        /// Which party.
        party: String,
    },
    /// A practitioner would be subscribed twice to a service on one day.
    #[error("practitioner {practitioner} is subscribed to service {service} from {from} to {to} already")]
    SubscriptionOverlaps {
        /// The practitioner's id.
        practitioner: String,
        /// The service's key.
        service: String,
        /// First day of the subscription in the way.
        from: String,
        /// Its last day; empty while it lasts.
        to: String,
    },
    /// The service is not offered on the day.
    #[error("service {service} is offered from {from} to {to}, not on {on}")]
    ServiceNotOffered {
        /// The service's key.
        service: String,
        /// First day.
        from: String,
        /// Last day; empty while it is offered.
        to: String,
        /// The day asked for.
        on: String,
    },
    /// The practitioner is not in the group on the day.
    #[error("practitioner {practitioner} is in the group from {from} to {to}, not on {on}")]
    PractitionerNotInGroup {
        /// The practitioner's id.
        practitioner: String,
        /// First day.
        from: String,
        /// Last day; empty while it stays.
        to: String,
        /// The day asked for.
        on: String,
    },
    /// Notice was given before.
    #[error("notice of subscription {subscription} was given on {given_on}, it ends on {ends_on}")]
    NoticeGivenAlready {
        /// The subscription's id.
        subscription: String,
        /// When.
        given_on: String,
        /// Its last day.
        ends_on: String,
    },
    /// The practitioner has signed this version before.
    #[error("practitioner {practitioner} has signed version {version} of the charter on {signed_on}")]
    CharterSignedAlready {
        /// The practitioner's id.
        practitioner: String,
        /// The version.
        version: i32,
        /// When.
        signed_on: String,
    },
    /// No version of the charter was in force on the day.
    #[error("the group had no charter in force on {on}")]
    NoCharterOnDay {
        /// The day.
        on: String,
    },
    /// A label takes a signed charter.
    #[error("practitioner {practitioner} has not signed the charter by {on}")]
    CharterNotSigned {
        /// The practitioner's id.
        practitioner: String,
        /// The day.
        on: String,
    },
    /// No version of the label's criteria was in force on the day.
    #[error("the group had no label criteria in force on {on}")]
    NoLabelOnDay {
        /// The day.
        on: String,
    },
    /// A version must come into force after the one before.
    #[error("version {version} is in force from {valid_from}, the next one must begin later")]
    VersionBeginsTooEarly {
        /// The version there is.
        version: i32,
        /// Its first day.
        valid_from: String,
    },
    /// An audit must be later than the one before.
    #[error("practitioner {practitioner} was audited on {last_on}, the next audit must be later")]
    AuditBeforeLast {
        /// The practitioner's id.
        practitioner: String,
        /// The audit before.
        last_on: String,
    },
    /// Login and password do not go together. Never says which is wrong.
    #[error("login or password is wrong")]
    LoginRefused,
    /// Too many failures lately, whether or not the login exists.
    #[error("too many failed logins, wait {retry_after_s} s")]
    LoginLocked {
        /// Seconds until the next try.
        retry_after_s: i64,
    },
}

impl DomainError for MembershipError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::GroupKeyTaken { .. }
            | Self::MembershipOverlaps { .. }
            | Self::SubscriptionOverlaps { .. }
            | Self::NoticeGivenAlready { .. }
            | Self::CharterSignedAlready { .. } => ErrorKind::AlreadyExists,
            Self::ServiceNotOffered { .. }
            | Self::PractitionerNotInGroup { .. }
            | Self::NoCharterOnDay { .. }
            | Self::CharterNotSigned { .. }
            | Self::NoLabelOnDay { .. }
            | Self::VersionBeginsTooEarly { .. }
            | Self::AuditBeforeLast { .. } => ErrorKind::NotNow,
            Self::DelegationOfAnother { .. } => ErrorKind::Denied,
            Self::DelegationRevoked { .. } | Self::NotLater { .. } | Self::TakenOver { .. } => ErrorKind::NotNow,
            Self::LoginRefused => ErrorKind::Unauthenticated,
            Self::LoginLocked { .. } => ErrorKind::Busy,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::GroupKeyTaken { .. } => "GROUP_KEY_TAKEN",
            Self::MembershipOverlaps { .. } => "MEMBERSHIP_OVERLAPS",
            Self::DelegationOfAnother { .. } => "DELEGATION_OF_ANOTHER",
            Self::DelegationRevoked { .. } => "DELEGATION_REVOKED",
            Self::NotLater { .. } => "NOT_LATER",
            Self::TakenOver { .. } => "TAKEN_OVER",
            Self::SubscriptionOverlaps { .. } => "SUBSCRIPTION_OVERLAPS",
            Self::ServiceNotOffered { .. } => "SERVICE_NOT_OFFERED",
            Self::PractitionerNotInGroup { .. } => "PRACTITIONER_NOT_IN_GROUP",
            Self::NoticeGivenAlready { .. } => "NOTICE_GIVEN_ALREADY",
            Self::CharterSignedAlready { .. } => "CHARTER_SIGNED_ALREADY",
            Self::NoCharterOnDay { .. } => "NO_CHARTER_ON_DAY",
            Self::CharterNotSigned { .. } => "CHARTER_NOT_SIGNED",
            Self::NoLabelOnDay { .. } => "NO_LABEL_ON_DAY",
            Self::VersionBeginsTooEarly { .. } => "VERSION_BEGINS_TOO_EARLY",
            Self::AuditBeforeLast { .. } => "AUDIT_BEFORE_LAST",
            Self::LoginRefused => "LOGIN_REFUSED",
            Self::LoginLocked { .. } => "LOGIN_LOCKED",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::GroupKeyTaken { key } => vec![("key", key.clone())],
            Self::MembershipOverlaps { party, from, to } => {
                vec![("party", party.clone()), ("from", from.clone()), ("to", to.clone())]
            }
            Self::DelegationOfAnother { delegation, delegator } => {
                vec![("delegation", delegation.clone()), ("delegator", delegator.clone())]
            }
            Self::DelegationRevoked { delegation, from } => {
                vec![("delegation", delegation.clone()), ("from", from.clone())]
            }
            Self::NotLater { party, what, latest, given } => vec![
                ("party", party.clone()),
                ("what", (*what).to_owned()),
                ("latest", latest.clone()),
                ("given", given.clone()),
            ],
            Self::TakenOver { party } => vec![("party", party.clone())],
            Self::SubscriptionOverlaps { practitioner, service, from, to } => vec![
                ("practitioner", practitioner.clone()),
                ("service", service.clone()),
                ("from", from.clone()),
                ("to", to.clone()),
            ],
            Self::ServiceNotOffered { service, from, to, on } => {
                vec![("service", service.clone()), ("from", from.clone()), ("to", to.clone()), ("on", on.clone())]
            }
            Self::PractitionerNotInGroup { practitioner, from, to, on } => vec![
                ("practitioner", practitioner.clone()),
                ("from", from.clone()),
                ("to", to.clone()),
                ("on", on.clone()),
            ],
            Self::NoticeGivenAlready { subscription, given_on, ends_on } => vec![
                ("subscription", subscription.clone()),
                ("given_on", given_on.clone()),
                ("ends_on", ends_on.clone()),
            ],
            Self::CharterSignedAlready { practitioner, version, signed_on } => vec![
                ("practitioner", practitioner.clone()),
                ("version", version.to_string()),
                ("signed_on", signed_on.clone()),
            ],
            Self::NoCharterOnDay { on } | Self::NoLabelOnDay { on } => vec![("on", on.clone())],
            Self::CharterNotSigned { practitioner, on } => {
                vec![("practitioner", practitioner.clone()), ("on", on.clone())]
            }
            Self::VersionBeginsTooEarly { version, valid_from } => {
                vec![("version", version.to_string()), ("valid_from", valid_from.clone())]
            }
            Self::AuditBeforeLast { practitioner, last_on } => {
                vec![("practitioner", practitioner.clone()), ("last_on", last_on.clone())]
            }
            Self::LoginRefused => Vec::new(),
            Self::LoginLocked { retry_after_s } => vec![("retry_after_s", retry_after_s.to_string())],
        }
    }
}
