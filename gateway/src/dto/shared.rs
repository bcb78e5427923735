//! What several areas share.

use std::collections::BTreeMap;

use proto::common::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::convert::some;

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LineKind {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// Goods, counted in base units, received.
    Goods,
    /// A service per period, act or amount, certified as done instead of received.
    Service,
}

impl From<i32> for LineKind {
    fn from(value: i32) -> Self {
        match pb::LineKind::try_from(value) {
            Ok(pb::LineKind::Goods) => Self::Goods,
            Ok(pb::LineKind::Service) => Self::Service,
            Ok(pb::LineKind::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<LineKind> for i32 {
    fn from(value: LineKind) -> Self {
        let value = match value {
            LineKind::Unspecified => pb::LineKind::Unspecified,
            LineKind::Goods => pb::LineKind::Goods,
            LineKind::Service => pb::LineKind::Service,
        };
        value.into()
    }
}

/// Why something is allowed, refused or computed as it is.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Reason {
    /// Stable key of the rule, e.g. `BENEFICIARY_NOT_NAMED`.
    #[schema(example = "BENEFICIARY_NOT_NAMED")]
    pub rule: String,
    /// The article of law or the clause that the rule comes from, e.g. `CCP R2162-6`; absent for our own conventions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "CCP R2162-6")]
    pub source: Option<String>,
    /// One sentence in French with the figures used.
    pub text: String,
    /// The figures and names used, by key, so that other languages can be written from `rule` and them.
    pub facts: BTreeMap<String, String>,
}

impl From<pb::Reason> for Reason {
    fn from(value: pb::Reason) -> Self {
        Self {
            rule: value.rule,
            source: some(value.source),
            text: value.text,
            facts: value.facts.into_iter().collect(),
        }
    }
}
