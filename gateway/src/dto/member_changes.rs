//! What becomes of a member's needs, plans and orders when it leaves or is taken over.

use proto::{demand::v1 as demand, membership::v1 as membership};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    convert::{all, some},
    groups::Member,
    shared::Reason,
};

/// What happens to a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MemberChangeKind {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// It leaves the group.
    Leave,
    /// Another establishment takes it over (fusion): what it was named for passes to that one.
    Merge,
}

impl From<i32> for MemberChangeKind {
    fn from(value: i32) -> Self {
        match membership::MemberChangeKind::try_from(value) {
            Ok(membership::MemberChangeKind::Leave) => Self::Leave,
            Ok(membership::MemberChangeKind::Merge) => Self::Merge,
            Ok(membership::MemberChangeKind::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<MemberChangeKind> for i32 {
    fn from(value: MemberChangeKind) -> Self {
        let value = match value {
            MemberChangeKind::Unspecified => membership::MemberChangeKind::Unspecified,
            MemberChangeKind::Leave => membership::MemberChangeKind::Leave,
            MemberChangeKind::Merge => membership::MemberChangeKind::Merge,
        };
        value.into()
    }
}

/// A change of a member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberChange {
    /// What happens.
    pub kind: MemberChangeKind,
    /// `pty_…` of the member.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// Last day of the membership, ISO date, today or later.
    #[schema(example = "2026-12-31", format = Date)]
    pub last_day: String,
    /// `MERGE`: `pty_…` of the establishment that takes it over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718294")]
    pub successor_party_id: Option<String>,
    /// The decision: deliberation, order, decree; 1 to 1,000 characters, no personal data.
    #[schema(example = "Délibération 2026-31 de l'assemblée du 3 décembre 2026", max_length = 1_000)]
    pub evidence: String,
}

impl From<membership::MemberChange> for MemberChange {
    fn from(value: membership::MemberChange) -> Self {
        Self {
            kind: value.kind.into(),
            party_id: value.party_id,
            last_day: value.last_day,
            successor_party_id: some(value.successor_party_id),
            evidence: value.evidence,
        }
    }
}

impl From<MemberChange> for membership::MemberChange {
    fn from(value: MemberChange) -> Self {
        Self {
            kind: value.kind.into(),
            party_id: value.party_id,
            last_day: value.last_day,
            successor_party_id: value.successor_party_id.unwrap_or_default(),
            evidence: value.evidence,
        }
    }
}

/// What happens to something of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ChangeEffectKind {
    /// Not known to this version of the gateway.
    Unspecified,
    /// Needs in an open round that closes on the last day at the latest: they stay.
    NeedsKept,
    /// Needs in an open round that closes later: withdrawn when the change is confirmed.
    NeedsWithdrawn,
    /// Shares in a plan that is not placed: to be placed on the last day at the latest.
    PlanToPlace,
    /// Order lines outstanding under a lot: delivered, received and paid as ordered.
    OrdersKept,
    /// Order lines outstanding under a lot: they pass to the successor.
    OrdersPassed,
    /// What it has consumed of a lot's ceiling: it stays counted.
    CeilingCounted,
}

impl From<i32> for ChangeEffectKind {
    fn from(value: i32) -> Self {
        match demand::ChangeEffectKind::try_from(value) {
            Ok(demand::ChangeEffectKind::NeedsKept) => Self::NeedsKept,
            Ok(demand::ChangeEffectKind::NeedsWithdrawn) => Self::NeedsWithdrawn,
            Ok(demand::ChangeEffectKind::PlanToPlace) => Self::PlanToPlace,
            Ok(demand::ChangeEffectKind::OrdersKept) => Self::OrdersKept,
            Ok(demand::ChangeEffectKind::OrdersPassed) => Self::OrdersPassed,
            Ok(demand::ChangeEffectKind::CeilingCounted) => Self::CeilingCounted,
            Ok(demand::ChangeEffectKind::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

/// One effect of a change, with its rule.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ChangeEffect {
    /// What happens.
    pub kind: ChangeEffectKind,
    /// Of what: `rnd_…`, `pln_…` or `lot_…`.
    #[schema(example = "rnd_0198c2f07a3b7c11a2d34e5f60718293")]
    pub subject_id: String,
    /// Needs, shares or order lines.
    pub count: i64,
    /// Base units, those outstanding for orders; 0 for ceilings.
    pub units: i64,
    /// Cents EUR without VAT; 0 for needs.
    pub amount_cents: i64,
    /// Why, with the figures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

impl From<demand::ChangeEffect> for ChangeEffect {
    fn from(value: demand::ChangeEffect) -> Self {
        Self {
            kind: value.kind.into(),
            subject_id: value.subject_id,
            count: value.count,
            units: value.units,
            amount_cents: value.amount_cents,
            reason: value.reason.map(Into::into),
        }
    }
}

/// What a change would do.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MemberChangePreview {
    /// On needs, plans, orders and ceilings.
    pub effects: Vec<ChangeEffect>,
    /// The member's membership, ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<Member>,
    /// `MERGE`: the successor's membership from the next day on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub successor: Option<Member>,
    /// Whether the successor becomes a member by this.
    pub successor_joins: bool,
    /// SHA-256 of the change and of everything shown, hexadecimal: give it back to confirm.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub digest: String,
}

impl From<demand::PreviewMemberChangeResponse> for MemberChangePreview {
    fn from(value: demand::PreviewMemberChangeResponse) -> Self {
        Self {
            effects: all(value.effects),
            member: value.member.map(Into::into),
            successor: value.successor.map(Into::into),
            successor_joins: value.successor_joins,
            digest: value.digest,
        }
    }
}

/// A confirmed change.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ConfirmedChange {
    /// `mch_…`.
    #[schema(example = "mch_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// As it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<MemberChange>,
    /// As it was shown.
    pub effects: Vec<ChangeEffect>,
    /// `CONFIRMED` until the membership has changed, then `DONE`; `REFUSED` when it would not: something there changed since the preview.
    #[schema(example = "DONE")]
    pub state: String,
    /// RFC 3339, business time.
    #[schema(example = "2026-11-26T09:30:00Z", format = DateTime)]
    pub confirmed_at: String,
    /// SHA-256 of what was shown, hexadecimal.
    pub digest: String,
    /// `REFUSED`: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
}

impl From<demand::ConfirmedChange> for ConfirmedChange {
    fn from(value: demand::ConfirmedChange) -> Self {
        Self {
            id: value.id,
            change: value.change.map(Into::into),
            effects: all(value.effects),
            state: value.state,
            confirmed_at: value.confirmed_at,
            digest: value.digest,
            refusal: some(value.refusal),
        }
    }
}

/// Confirmed changes, by id.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConfirmedChangePage {
    /// This page's rows.
    pub changes: Vec<ConfirmedChange>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
