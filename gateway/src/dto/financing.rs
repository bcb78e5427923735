//! Whether a group pays for itself: logistics costs, declared savings, balances.

use proto::membership::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::convert::all;

/// What logistics cost the group in a month.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LogisticsCost {
    /// `2026-11`.
    #[schema(example = "2026-11")]
    pub month: String,
    /// What it is, 1 to 200 characters.
    pub label: String,
    /// Cents EUR.
    #[schema(example = 125000)]
    pub amount_cents: i64,
    /// How it is shared among members: EQUAL, SPEND, ORDERS or VOTES.
    pub shared_by: String,
    /// Where the figure comes from, 1 to 300 characters.
    pub source: String,
}

impl From<pb::LogisticsCost> for LogisticsCost {
    fn from(value: pb::LogisticsCost) -> Self {
        Self {
            month: value.month,
            label: value.label,
            amount_cents: value.amount_cents,
            shared_by: value.shared_by,
            source: value.source,
        }
    }
}

/// What logistics cost the group in a month.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogisticsCostInput {
    /// `2026-11`.
    #[schema(example = "2026-11")]
    pub month: String,
    /// What it is, 1 to 200 characters.
    pub label: String,
    /// Cents EUR.
    #[schema(example = 125000)]
    pub amount_cents: i64,
    /// How it is shared among members: EQUAL, SPEND, ORDERS or VOTES.
    pub shared_by: String,
    /// Where the figure comes from, 1 to 300 characters.
    pub source: String,
}

impl From<LogisticsCostInput> for pb::LogisticsCost {
    fn from(value: LogisticsCostInput) -> Self {
        Self {
            month: value.month,
            label: value.label,
            amount_cents: value.amount_cents,
            shared_by: value.shared_by,
            source: value.source,
        }
    }
}

/// A declared saving.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DeclaredSaving {
    /// `dsv_…`.
    pub id: String,
    /// `pty_…`.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// `2026-11`.
    #[schema(example = "2026-11")]
    pub month: String,
    /// AVOIDED_EXAM (examen redondant évité) or OTHER.
    pub kind: String,
    /// What was avoided, 1 to 200 characters.
    pub label: String,
    /// How many, 1 to 1,000,000,000.
    pub quantity: i64,
    /// Cost of one, cents EUR.
    #[schema(example = 125000)]
    pub unit_cents: i64,
    /// What shows it: a register, an extraction with its date; 1 to 1,000 characters.
    pub evidence: String,
    /// quantity × unit_cents.
    pub amount_cents: i64,
    /// ISO date.
    #[schema(example = "2026-03-02", format = Date)]
    pub declared_on: String,
}

impl From<pb::DeclaredSaving> for DeclaredSaving {
    fn from(value: pb::DeclaredSaving) -> Self {
        Self {
            id: value.id,
            party_id: value.party_id,
            month: value.month,
            kind: value.kind,
            label: value.label,
            quantity: value.quantity,
            unit_cents: value.unit_cents,
            evidence: value.evidence,
            amount_cents: value.amount_cents,
            declared_on: value.declared_on,
        }
    }
}

/// A declared saving.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclaredSavingInput {
    /// `pty_…` or `key:…`.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// `2026-11`.
    #[schema(example = "2026-11")]
    pub month: String,
    /// AVOIDED_EXAM (examen redondant évité) or OTHER.
    pub kind: String,
    /// What was avoided, 1 to 200 characters.
    pub label: String,
    /// How many, 1 to 1,000,000,000.
    pub quantity: i64,
    /// Cost of one, cents EUR.
    #[schema(example = 125000)]
    pub unit_cents: i64,
    /// What shows it: a register, an extraction with its date; 1 to 1,000 characters.
    pub evidence: String,
}

impl From<DeclaredSavingInput> for pb::DeclaredSaving {
    fn from(value: DeclaredSavingInput) -> Self {
        Self {
            party_id: value.party_id,
            month: value.month,
            kind: value.kind,
            label: value.label,
            quantity: value.quantity,
            unit_cents: value.unit_cents,
            evidence: value.evidence,
            ..Self::default()
        }
    }
}

/// Saving against cost in a month, of a member or of the group.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MonthBalance {
    /// `2026-11`.
    #[schema(example = "2026-11")]
    pub month: String,
    /// On what was certified as delivered; provisional until invoices are matched, cents EUR.
    #[schema(example = 125000)]
    pub realised_saving_cents: i64,
    /// On what was ordered; provisional, cents EUR.
    #[schema(example = 125000)]
    pub committed_saving_cents: i64,
    /// Contributions before grants, cents EUR.
    #[schema(example = 125000)]
    pub fees_cents: i64,
    /// Grants that paid part of them, cents EUR.
    #[schema(example = 125000)]
    pub grants_cents: i64,
    /// Logistics, cents EUR.
    #[schema(example = 125000)]
    pub logistics_cents: i64,
    /// realised saving − fees − logistics, without grants, cents EUR.
    #[schema(example = 125000)]
    pub balance_cents: i64,
    /// Sum of the balances since the first month of the view, cents EUR.
    #[schema(example = 125000)]
    pub cumulated_cents: i64,
    /// Declared savings: apart, in no sum, cents EUR.
    #[schema(example = 125000)]
    pub declared_cents: i64,
}

impl From<pb::MonthBalance> for MonthBalance {
    fn from(value: pb::MonthBalance) -> Self {
        Self {
            month: value.month,
            realised_saving_cents: value.realised_saving_cents,
            committed_saving_cents: value.committed_saving_cents,
            fees_cents: value.fees_cents,
            grants_cents: value.grants_cents,
            logistics_cents: value.logistics_cents,
            balance_cents: value.balance_cents,
            cumulated_cents: value.cumulated_cents,
            declared_cents: value.declared_cents,
        }
    }
}

/// Saving against cost of a member.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MemberBalance {
    /// `pty_…`.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// Its name.
    pub name: String,
    /// Month by month.
    pub months: Vec<MonthBalance>,
    /// All months together; `month` is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<MonthBalance>,
}

impl From<pb::MemberBalance> for MemberBalance {
    fn from(value: pb::MemberBalance) -> Self {
        Self {
            party_id: value.party_id,
            name: value.name,
            months: all(value.months),
            total: value.total.map(Into::into),
        }
    }
}

/// Declared savings.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeclaredSavingPage {
    /// This page's rows.
    pub savings: Vec<DeclaredSaving>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
