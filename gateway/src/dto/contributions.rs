//! What members contribute: rules, grants, what is due, invoices.

use proto::membership::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    convert::{all, some},
    shared::Reason,
};

/// A rate from an amount on.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ContributionTier {
    /// From which yearly spend on, cents EUR; the first is 0, they ascend.
    #[schema(example = 125000)]
    pub from_cents: i64,
    /// Percent of the part within the tier, decimal with at most 6 places.
    pub rate: String,
}

impl From<pb::ContributionTier> for ContributionTier {
    fn from(value: pb::ContributionTier) -> Self {
        Self { from_cents: value.from_cents, rate: value.rate }
    }
}

/// A rate from an amount on.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContributionTierInput {
    /// From which yearly spend on, cents EUR; the first is 0, they ascend.
    #[schema(example = 125000)]
    pub from_cents: i64,
    /// Percent of the part within the tier, decimal with at most 6 places.
    pub rate: String,
}

impl From<ContributionTierInput> for pb::ContributionTier {
    fn from(value: ContributionTierInput) -> Self {
        Self { from_cents: value.from_cents, rate: value.rate }
    }
}

/// A rule by which members contribute.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ContributionRule {
    /// Key chosen by the group, 1 to 60 letters, digits, `.`, `_` or `-`.
    pub key: String,
    /// What invoices call it, 1 to 200 characters.
    pub label: String,
    /// First day, ISO date. A month counts when the rule is in force on its first day.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_from: String,
    /// Last day, ISO date; absent while it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_to: Option<String>,
    /// FLAT, SPEND_PERCENT, PER_ORDER, TIERS or SHARED.
    pub basis: String,
    /// FLAT: by member and year; SHARED: by year, for all; PER_ORDER: by order. Cents EUR.
    #[schema(example = 125000)]
    pub amount_cents: i64,
    /// SPEND_PERCENT: percent of what is ordered, decimal with at most 6 places.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// TIERS: 1 to 20.
    pub tiers: Vec<ContributionTier>,
    /// SHARED: EQUAL, SPEND, ORDERS or VOTES.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared_by: Option<String>,
    /// Most that a member owes under this rule in a year, cents EUR; 0: no cap. Not with SHARED.
    #[schema(example = 125000)]
    pub yearly_cap_cents: i64,
    /// Kinds of members that owe it: FULL, ASSOCIATE, PARTNER; absent: all.
    pub member_kinds: Vec<String>,
    /// The clause or decision that says so; 1 to 300 characters.
    pub source: String,
}

impl From<pb::ContributionRule> for ContributionRule {
    fn from(value: pb::ContributionRule) -> Self {
        Self {
            key: value.key,
            label: value.label,
            valid_from: value.valid_from,
            valid_to: some(value.valid_to),
            basis: value.basis,
            amount_cents: value.amount_cents,
            rate: some(value.rate),
            tiers: all(value.tiers),
            shared_by: some(value.shared_by),
            yearly_cap_cents: value.yearly_cap_cents,
            member_kinds: value.member_kinds,
            source: value.source,
        }
    }
}

/// A rule by which members contribute.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContributionRuleInput {
    /// Key chosen by the group, 1 to 60 letters, digits, `.`, `_` or `-`.
    pub key: String,
    /// What invoices call it, 1 to 200 characters.
    pub label: String,
    /// First day, ISO date. A month counts when the rule is in force on its first day.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_from: String,
    /// Last day, ISO date; absent while it lasts.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_to: Option<String>,
    /// FLAT, SPEND_PERCENT, PER_ORDER, TIERS or SHARED.
    pub basis: String,
    /// FLAT: by member and year; SHARED: by year, for all; PER_ORDER: by order. Cents EUR.
    #[serde(default)]
    #[schema(example = 125000)]
    pub amount_cents: i64,
    /// SPEND_PERCENT: percent of what is ordered, decimal with at most 6 places.
    pub rate: Option<String>,
    /// TIERS: 1 to 20.
    #[serde(default)]
    pub tiers: Vec<ContributionTierInput>,
    /// SHARED: EQUAL, SPEND, ORDERS or VOTES.
    pub shared_by: Option<String>,
    /// Most that a member owes under this rule in a year, cents EUR; 0: no cap. Not with SHARED.
    #[serde(default)]
    #[schema(example = 125000)]
    pub yearly_cap_cents: i64,
    /// Kinds of members that owe it: FULL, ASSOCIATE, PARTNER; absent: all.
    #[serde(default)]
    pub member_kinds: Vec<String>,
    /// The clause or decision that says so; 1 to 300 characters.
    pub source: String,
}

impl From<ContributionRuleInput> for pb::ContributionRule {
    fn from(value: ContributionRuleInput) -> Self {
        Self {
            key: value.key,
            label: value.label,
            valid_from: value.valid_from,
            valid_to: value.valid_to.unwrap_or_default(),
            basis: value.basis,
            amount_cents: value.amount_cents,
            rate: value.rate.unwrap_or_default(),
            tiers: all(value.tiers),
            shared_by: value.shared_by.unwrap_or_default(),
            yearly_cap_cents: value.yearly_cap_cents,
            member_kinds: value.member_kinds,
            source: value.source,
        }
    }
}

/// A step of a grant that pays part of members' contributions.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct GrantStep {
    /// Key of the grant, chosen by the group.
    pub key: String,
    /// What invoices call it, 1 to 200 characters.
    pub label: String,
    /// Who pays it, e.g. `ARS Bretagne`; 1 to 200 characters.
    pub funder: String,
    /// First day of the step, ISO date.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_from: String,
    /// Last day of the step, ISO date; absent while it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_to: Option<String>,
    /// By year, cents EUR; 0: it has ended.
    #[schema(example = 125000)]
    pub yearly_cents: i64,
    /// The agreement that grants it; 1 to 300 characters.
    pub source: String,
}

impl From<pb::GrantStep> for GrantStep {
    fn from(value: pb::GrantStep) -> Self {
        Self {
            key: value.key,
            label: value.label,
            funder: value.funder,
            valid_from: value.valid_from,
            valid_to: some(value.valid_to),
            yearly_cents: value.yearly_cents,
            source: value.source,
        }
    }
}

/// A step of a grant that pays part of members' contributions.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantStepInput {
    /// Key of the grant, chosen by the group.
    pub key: String,
    /// What invoices call it, 1 to 200 characters.
    pub label: String,
    /// Who pays it, e.g. `ARS Bretagne`; 1 to 200 characters.
    pub funder: String,
    /// First day of the step, ISO date.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_from: String,
    /// Last day of the step, ISO date; absent while it lasts.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_to: Option<String>,
    /// By year, cents EUR; 0: it has ended.
    #[schema(example = 125000)]
    pub yearly_cents: i64,
    /// The agreement that grants it; 1 to 300 characters.
    pub source: String,
}

impl From<GrantStepInput> for pb::GrantStep {
    fn from(value: GrantStepInput) -> Self {
        Self {
            key: value.key,
            label: value.label,
            funder: value.funder,
            valid_from: value.valid_from,
            valid_to: value.valid_to.unwrap_or_default(),
            yearly_cents: value.yearly_cents,
            source: value.source,
        }
    }
}

/// A line of what a member owes.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ContributionLine {
    /// Key of the rule or grant.
    pub rule_key: String,
    /// Its label.
    pub label: String,
    /// Cents EUR; negative for a grant.
    #[schema(example = 125000)]
    pub amount_cents: i64,
    /// How it was computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

impl From<pb::ContributionLine> for ContributionLine {
    fn from(value: pb::ContributionLine) -> Self {
        Self {
            rule_key: value.rule_key,
            label: value.label,
            amount_cents: value.amount_cents,
            reason: value.reason.map(Into::into),
        }
    }
}

/// What a member owes for a period.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MemberContribution {
    /// `pty_…`.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// Its name.
    pub name: String,
    /// Rules first, then grants.
    pub lines: Vec<ContributionLine>,
    /// Their sum, cents EUR.
    #[schema(example = 125000)]
    pub total_cents: i64,
}

impl From<pb::MemberContribution> for MemberContribution {
    fn from(value: pb::MemberContribution) -> Self {
        Self { party_id: value.party_id, name: value.name, lines: all(value.lines), total_cents: value.total_cents }
    }
}

/// An invoice of contributions.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ContributionInvoice {
    /// `inv_…`.
    pub id: String,
    /// Legal number, e.g. `COT-2026-0001`.
    pub number: String,
    /// `pty_…`.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// Name of the member.
    pub party_name: String,
    /// First month, `2026-01`.
    #[schema(example = "2026-01")]
    pub from_month: String,
    /// Last month, `2026-03`.
    #[schema(example = "2026-03")]
    pub to_month: String,
    /// ISO date.
    #[schema(example = "2026-03-02", format = Date)]
    pub issued_on: String,
    /// Without VAT, cents EUR: the sum of the lines.
    #[schema(example = 125000)]
    pub total_cents: i64,
    /// Not in lists.
    pub lines: Vec<ContributionLine>,
}

impl From<pb::ContributionInvoice> for ContributionInvoice {
    fn from(value: pb::ContributionInvoice) -> Self {
        Self {
            id: value.id,
            number: value.number,
            party_id: value.party_id,
            party_name: value.party_name,
            from_month: value.from_month,
            to_month: value.to_month,
            issued_on: value.issued_on,
            total_cents: value.total_cents,
            lines: all(value.lines),
        }
    }
}

/// Invoices without lines, last issued first.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContributionInvoicePage {
    /// This page's rows.
    pub invoices: Vec<ContributionInvoice>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
