//! Delegations of signature, and what is dated about a party.

use proto::membership::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{convert::some, membership::BuyerStatus};

/// What a delegation allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Act {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// Publish, open, award, notify and sign contracts.
    Award,
    /// Approve plans and place orders; given by a GHT's support to a party: order outside the GHT's own contracts.
    Order,
}

impl From<i32> for Act {
    fn from(value: i32) -> Self {
        match pb::Act::try_from(value) {
            Ok(pb::Act::Award) => Self::Award,
            Ok(pb::Act::Order) => Self::Order,
            Ok(pb::Act::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<Act> for i32 {
    fn from(value: Act) -> Self {
        let value = match value {
            Act::Unspecified => pb::Act::Unspecified,
            Act::Award => pb::Act::Award,
            Act::Order => pb::Act::Order,
        };
        value.into()
    }
}

/// A delegation of signature (délégation de signature).
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Delegation {
    /// `dlg_…`.
    #[schema(example = "dlg_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// `pty_…` in whose name is signed.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub delegator_party_id: String,
    /// `pty_…` to whose officers it is given; absent when it is given to a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718294")]
    pub to_party_id: Option<String>,
    /// `prs_…` to whom it is given; absent when it is given to a party.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "prs_0198c2f07a3b7c11a2d34e5f60718295")]
    pub to_person_id: Option<String>,
    /// What it allows.
    pub acts: Vec<Act>,
    /// Largest amount of one act without VAT, cents EUR; absent for no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 4_000_000)]
    pub amount_max_cents: Option<i64>,
    /// First day, ISO date.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_from: String,
    /// Last day, ISO date; absent until it is revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-12-31", format = Date)]
    pub valid_to: Option<String>,
    /// The decision that gives it, and where it is published.
    pub evidence: String,
    /// `dlg_…` of the delegation whose holder is absent; absent for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "dlg_0198c2f07a3b7c11a2d34e5f60718296")]
    pub stands_in_for: Option<String>,
    /// First day on which it no longer holds, ISO date; absent while nobody has revoked it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-06-01", format = Date)]
    pub revoked_from: Option<String>,
    /// Why it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_reason: Option<String>,
    /// Whether it holds on the day of the list.
    pub in_force: bool,
    /// What it allows that day: its own limit, or the lower one of the delegation that it stands in for; absent for no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 4_000_000)]
    pub effective_max_cents: Option<i64>,
}

impl From<pb::Delegation> for Delegation {
    fn from(value: pb::Delegation) -> Self {
        Self {
            id: value.id,
            delegator_party_id: value.delegator_party_id,
            to_party_id: some(value.to_party_id),
            to_person_id: some(value.to_person_id),
            acts: value.acts.into_iter().map(Act::from).collect(),
            amount_max_cents: value.amount_max_cents,
            valid_from: value.valid_from,
            valid_to: some(value.valid_to),
            evidence: value.evidence,
            stands_in_for: some(value.stands_in_for),
            revoked_from: some(value.revoked_from),
            revoked_reason: some(value.revoked_reason),
            in_force: value.in_force,
            effective_max_cents: value.effective_max_cents,
        }
    }
}

/// A delegation of signature of the party for which the caller acts.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DelegationInput {
    /// `pty_…` or `key:…` to whose officers it is given; absent when it is given to a person.
    #[schema(example = "key:ch-morlaix")]
    pub to_party_id: Option<String>,
    /// `prs_…` or `login:…` to whom it is given; absent when it is given to a party.
    #[schema(example = "login:acheteur.adjoint")]
    pub to_person_id: Option<String>,
    /// 1 or 2, each once.
    pub acts: Vec<Act>,
    /// Largest amount of one act without VAT, cents EUR, 1 or more; absent for no limit.
    #[schema(example = 4_000_000, minimum = 1)]
    pub amount_max_cents: Option<i64>,
    /// First day, ISO date.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_from: String,
    /// Last day, ISO date, today or later; absent until it is revoked. A replacement's is never absent.
    #[schema(example = "2026-12-31", format = Date)]
    pub valid_to: Option<String>,
    /// The decision that gives it, and where it is published; 1 to 1,000 characters, no personal data.
    #[schema(
        example = "Décision 2026-31 du directeur, recueil des actes administratifs du 2 mars 2026",
        max_length = 1_000
    )]
    pub evidence: String,
    /// `dlg_…` of the delegation whose holder is absent; it may not allow more than that one.
    #[schema(example = "dlg_0198c2f07a3b7c11a2d34e5f60718296")]
    pub stands_in_for: Option<String>,
}

impl From<DelegationInput> for pb::Delegation {
    fn from(value: DelegationInput) -> Self {
        Self {
            to_party_id: value.to_party_id.unwrap_or_default(),
            to_person_id: value.to_person_id.unwrap_or_default(),
            acts: value.acts.into_iter().map(i32::from).collect(),
            amount_max_cents: value.amount_max_cents,
            valid_from: value.valid_from,
            valid_to: value.valid_to.unwrap_or_default(),
            evidence: value.evidence,
            stands_in_for: value.stands_in_for.unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// A page of delegations, by id.
#[derive(Debug, Serialize, ToSchema)]
pub struct DelegationPage {
    /// This page's rows.
    pub delegations: Vec<Delegation>,
    /// The text of law on delegating a signature on the day.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "CSP L6143-7 et D6143-33 à D6143-35")]
    pub source: Option<String>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// A buyer status from a day on.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DatedBuyerStatus {
    /// First day, ISO date; absent for what was entered with the party without a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_from: Option<String>,
    /// The status; `UNKNOWN` is treated as that of a contracting authority.
    pub status: BuyerStatus,
    /// What it rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

impl From<pb::DatedBuyerStatus> for DatedBuyerStatus {
    fn from(value: pb::DatedBuyerStatus) -> Self {
        let (valid_from, evidence) = (some(value.valid_from), some(value.evidence));
        Self { valid_from, status: value.status.into(), evidence }
    }
}

/// SIRET and name from a day on.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DatedIdentity {
    /// First day, ISO date; absent for what was entered with the party.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_from: Option<String>,
    /// SIRET.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "26760168000017")]
    pub siret: Option<String>,
    /// Name.
    pub name: String,
    /// What it rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

impl From<pb::DatedIdentity> for DatedIdentity {
    fn from(value: pb::DatedIdentity) -> Self {
        let (valid_from, siret, evidence) = (some(value.valid_from), some(value.siret), some(value.evidence));
        Self { valid_from, siret, name: value.name, evidence }
    }
}
