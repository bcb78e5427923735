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
            Self::LoginRefused => ErrorKind::Unauthenticated,
            Self::LoginLocked { .. } => ErrorKind::Busy,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::GroupKeyTaken { .. } => "GROUP_KEY_TAKEN",
            Self::MembershipOverlaps { .. } => "MEMBERSHIP_OVERLAPS",
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
            Self::LoginRefused => Vec::new(),
            Self::LoginLocked { retry_after_s } => vec![("retry_after_s", retry_after_s.to_string())],
        }
    }
}
