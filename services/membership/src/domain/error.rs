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
            Self::GroupKeyTaken { .. } | Self::MembershipOverlaps { .. } => ErrorKind::AlreadyExists,
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
            Self::LoginRefused => Vec::new(),
            Self::LoginLocked { retry_after_s } => vec![("retry_after_s", retry_after_s.to_string())],
        }
    }
}
