//! Under which contract.

use proto::tendering::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    convert::{all, some},
    opening::MemberConsumption,
    shared::Reason,
};

/// The two roles of a central purchasing body (CCP L2113-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PurchasingRole {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// Role 1, grossiste: the centrale buys, stocks and sells on.
    Wholesaler,
    /// Role 2, intermédiaire: the centrale awards, each member orders and pays.
    Intermediary,
}

impl From<i32> for PurchasingRole {
    fn from(value: i32) -> Self {
        match pb::PurchasingRole::try_from(value) {
            Ok(pb::PurchasingRole::Wholesaler) => Self::Wholesaler,
            Ok(pb::PurchasingRole::Intermediary) => Self::Intermediary,
            Ok(pb::PurchasingRole::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<PurchasingRole> for i32 {
    fn from(value: PurchasingRole) -> Self {
        let value = match value {
            PurchasingRole::Unspecified => pb::PurchasingRole::Unspecified,
            PurchasingRole::Wholesaler => pb::PurchasingRole::Wholesaler,
            PurchasingRole::Intermediary => pb::PurchasingRole::Intermediary,
        };
        value.into()
    }
}

/// On which quantity a price tier is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TierBasis {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// The pooled order of all members.
    PooledOrder,
    /// Each buyer's own order form.
    OrderForm,
    /// What goes to each delivery point.
    DeliveryPoint,
}

impl From<i32> for TierBasis {
    fn from(value: i32) -> Self {
        match pb::TierBasis::try_from(value) {
            Ok(pb::TierBasis::PooledOrder) => Self::PooledOrder,
            Ok(pb::TierBasis::OrderForm) => Self::OrderForm,
            Ok(pb::TierBasis::DeliveryPoint) => Self::DeliveryPoint,
            Ok(pb::TierBasis::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<TierBasis> for i32 {
    fn from(value: TierBasis) -> Self {
        let value = match value {
            TierBasis::Unspecified => pb::TierBasis::Unspecified,
            TierBasis::PooledOrder => pb::TierBasis::PooledOrder,
            TierBasis::OrderForm => pb::TierBasis::OrderForm,
            TierBasis::DeliveryPoint => pb::TierBasis::DeliveryPoint,
        };
        value.into()
    }
}

/// A lot with its single holder and its ceiling.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Lot {
    /// `lot_…`.
    #[schema(example = "lot_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// Number in the agreement, from 1.
    pub number: i32,
    /// Title.
    pub title: String,
    /// `pty_…` of the holder (titulaire).
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub holder_id: String,
    /// Ceiling without VAT, cents EUR (CCP R2162-4).
    pub maximum_cents: i64,
    /// Guaranteed minimum without VAT, cents EUR; 0 for none.
    pub minimum_cents: i64,
    /// Consumed before it was entered here, cents EUR.
    pub opening_consumed_cents: i64,
    /// Consumed by orders placed here, cents EUR.
    pub consumed_cents: i64,
    /// Held for orders being placed, cents EUR.
    pub reserved_cents: i64,
    /// maximum − opening − consumed − reserved.
    pub remaining_cents: i64,
    /// What each member had consumed of `opening_consumed_cents`, once it was entered; in lists left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub opening_by_member: Vec<MemberConsumption>,
}

impl From<pb::Lot> for Lot {
    fn from(value: pb::Lot) -> Self {
        Self {
            id: value.id,
            number: value.number,
            title: value.title,
            holder_id: value.holder_id,
            maximum_cents: value.maximum_cents,
            minimum_cents: value.minimum_cents,
            opening_consumed_cents: value.opening_consumed_cents,
            consumed_cents: value.consumed_cents,
            reserved_cents: value.reserved_cents,
            remaining_cents: value.remaining_cents,
            opening_by_member: all(value.opening_by_member),
        }
    }
}

/// A lot with its single holder and its ceiling.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LotInput {
    /// Number in the agreement, from 1.
    pub number: i32,
    /// Title.
    pub title: String,
    /// `pty_…` of the holder (titulaire).
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub holder_id: String,
    /// Ceiling without VAT, cents EUR (CCP R2162-4).
    pub maximum_cents: i64,
    /// Guaranteed minimum without VAT, cents EUR; 0 for none.
    #[serde(default)]
    pub minimum_cents: i64,
    /// Consumed before it was entered here, cents EUR.
    #[serde(default)]
    pub opening_consumed_cents: i64,
}

impl From<LotInput> for pb::Lot {
    fn from(value: LotInput) -> Self {
        Self {
            number: value.number,
            title: value.title,
            holder_id: value.holder_id,
            maximum_cents: value.maximum_cents,
            minimum_cents: value.minimum_cents,
            opening_consumed_cents: value.opening_consumed_cents,
            ..Self::default()
        }
    }
}

/// A buyer named in the contract notice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Beneficiary {
    /// `pty_…`.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// First day, ISO date.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_from: String,
    /// Last day, ISO date; absent for the agreement's end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_to: Option<String>,
    /// Where the contract notice names it, at most 1,000 characters; on input only, for a buyer added later that joined after the
    /// notice was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "RC, article 2, liste des bénéficiaires potentiels", max_length = 1_000)]
    pub evidence: Option<String>,
}

impl From<pb::Beneficiary> for Beneficiary {
    fn from(value: pb::Beneficiary) -> Self {
        let (valid_to, evidence) = (some(value.valid_to), some(value.evidence));
        Self { party_id: value.party_id, valid_from: value.valid_from, valid_to, evidence }
    }
}

impl From<Beneficiary> for pb::Beneficiary {
    fn from(value: Beneficiary) -> Self {
        Self {
            party_id: value.party_id,
            valid_from: value.valid_from,
            valid_to: value.valid_to.unwrap_or_default(),
            evidence: value.evidence.unwrap_or_default(),
        }
    }
}

/// A framework agreement (accord-cadre).
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Agreement {
    /// `agr_…`.
    #[schema(example = "agr_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// `grp_…` of the group whose agreement it is.
    #[schema(example = "grp_0198c2f07a3b7c11a2d34e5f60718293")]
    pub group_id: String,
    /// Natural key in the group.
    pub key: String,
    /// Legal number.
    pub number: String,
    /// Title.
    pub title: String,
    /// Role 1 or 2.
    pub role: PurchasingRole,
    /// On which quantity tiers are read.
    pub tier_basis: TierBasis,
    /// First day, ISO date.
    #[schema(example = "2026-03-02", format = Date)]
    pub starts_on: String,
    /// Last day, ISO date; at most 4 years after the first (CCP L2125-1).
    #[schema(example = "2026-03-02", format = Date)]
    pub ends_on: String,
    /// `pty_…` of the party that awarded.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub awarding_party_id: String,
    /// Where the opening data comes from.
    pub source: String,
    /// 1 to 500 lots.
    pub lots: Vec<Lot>,
    /// Named buyers; in lists left empty.
    pub beneficiaries: Vec<Beneficiary>,
    /// Day on which the contract notice was published, ISO date; absent when it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2025-11-03", format = Date)]
    pub published_on: Option<String>,
}

impl Agreement {
    /// An agreement with the group it belongs to, which its own message does not name.
    #[must_use]
    pub fn of(group_id: String, value: pb::Agreement) -> Self {
        Self {
            id: value.id,
            group_id,
            key: value.key,
            number: value.number,
            title: value.title,
            role: value.role.into(),
            tier_basis: value.tier_basis.into(),
            starts_on: value.starts_on,
            ends_on: value.ends_on,
            awarding_party_id: value.awarding_party_id,
            source: value.source,
            lots: all(value.lots),
            beneficiaries: all(value.beneficiaries),
            published_on: some(value.published_on),
        }
    }
}

/// A framework agreement (accord-cadre).
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgreementInput {
    /// Natural key in the group.
    pub key: String,
    /// Legal number.
    pub number: String,
    /// Title.
    pub title: String,
    /// Role 1 or 2.
    pub role: PurchasingRole,
    /// On which quantity tiers are read.
    pub tier_basis: TierBasis,
    /// First day, ISO date.
    #[schema(example = "2026-03-02", format = Date)]
    pub starts_on: String,
    /// Last day, ISO date; at most 4 years after the first (CCP L2125-1).
    #[schema(example = "2026-03-02", format = Date)]
    pub ends_on: String,
    /// `pty_…` of the party that awarded.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub awarding_party_id: String,
    /// Where the opening data comes from.
    pub source: String,
    /// 1 to 500 lots.
    #[serde(default)]
    pub lots: Vec<LotInput>,
    /// Named buyers; in lists left empty.
    #[serde(default)]
    pub beneficiaries: Vec<Beneficiary>,
    /// Day on which the contract notice was published, ISO date; absent when it is not known. A member that joined later orders on it
    /// only if the notice names it (CCP R2162-6).
    #[schema(example = "2025-11-03", format = Date)]
    pub published_on: Option<String>,
}

impl From<AgreementInput> for pb::Agreement {
    fn from(value: AgreementInput) -> Self {
        Self {
            key: value.key,
            number: value.number,
            title: value.title,
            role: value.role.into(),
            tier_basis: value.tier_basis.into(),
            starts_on: value.starts_on,
            ends_on: value.ends_on,
            awarding_party_id: value.awarding_party_id,
            source: value.source,
            lots: all(value.lots),
            beneficiaries: all(value.beneficiaries),
            published_on: value.published_on.unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// One question: may this member buy from this lot?
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EntitlementQuestion {
    /// `pty_…` of the member.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// `lot_…`.
    #[schema(example = "lot_0198c2f07a3b7c11a2d34e5f60718293")]
    pub lot_id: String,
    /// `art_…` that it wants to buy, for the nearest alternative; absent: whatever the lot has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "art_0198c2f07a3b7c11a2d34e5f60718293")]
    pub article_id: Option<String>,
    /// How much it wants to buy for, without VAT, cents EUR; absent for any amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 125_000, minimum = 0)]
    pub amount_cents: Option<i64>,
}

impl From<pb::EntitlementQuestion> for EntitlementQuestion {
    fn from(value: pb::EntitlementQuestion) -> Self {
        let (article_id, amount_cents) = (some(value.article_id), value.amount_cents);
        Self { party_id: value.party_id, lot_id: value.lot_id, article_id, amount_cents }
    }
}

impl From<EntitlementQuestion> for pb::EntitlementQuestion {
    fn from(value: EntitlementQuestion) -> Self {
        Self {
            party_id: value.party_id,
            lot_id: value.lot_id,
            article_id: value.article_id.unwrap_or_default(),
            amount_cents: value.amount_cents,
        }
    }
}

/// What would help after a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AlternativeKind {
    /// Not known to this version of the gateway.
    Unspecified,
    /// Buy from another lot, today.
    OtherLot,
    /// Wait until a day.
    Wait,
    /// Get the support establishment's delegation, or a wider one.
    GetDelegation,
    /// Be named in the next contract notice.
    BeNamed,
    /// Join the group.
    Join,
    /// Award a new contract.
    NewProcedure,
}

impl From<i32> for AlternativeKind {
    fn from(value: i32) -> Self {
        match pb::AlternativeKind::try_from(value) {
            Ok(pb::AlternativeKind::OtherLot) => Self::OtherLot,
            Ok(pb::AlternativeKind::Wait) => Self::Wait,
            Ok(pb::AlternativeKind::GetDelegation) => Self::GetDelegation,
            Ok(pb::AlternativeKind::BeNamed) => Self::BeNamed,
            Ok(pb::AlternativeKind::Join) => Self::Join,
            Ok(pb::AlternativeKind::NewProcedure) => Self::NewProcedure,
            Ok(pb::AlternativeKind::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

/// The nearest lawful way to buy the same thing.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Alternative {
    /// What would help.
    pub kind: AlternativeKind,
    /// `OTHER_LOT`: `lot_…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "lot_0198c2f07a3b7c11a2d34e5f60718293")]
    pub lot_id: Option<String>,
    /// `OTHER_LOT`: `agr_…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "agr_0198c2f07a3b7c11a2d34e5f60718293")]
    pub agreement_id: Option<String>,
    /// `WAIT`: ISO date.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2027-01-01", format = Date)]
    pub from: Option<String>,
    /// One sentence in French.
    pub text: String,
}

impl From<pb::Alternative> for Alternative {
    fn from(value: pb::Alternative) -> Self {
        Self {
            kind: value.kind.into(),
            lot_id: some(value.lot_id),
            agreement_id: some(value.agreement_id),
            from: some(value.from),
            text: value.text,
        }
    }
}

/// The answer to one question.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Entitlement {
    /// As asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub question: Option<EntitlementQuestion>,
    /// Yes or no.
    pub allowed: bool,
    /// The rule that decided, with its source and the facts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What would help, when the answer is no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alternative: Option<Alternative>,
}

impl From<pb::Entitlement> for Entitlement {
    fn from(value: pb::Entitlement) -> Self {
        Self {
            question: value.question.map(Into::into),
            allowed: value.allowed,
            reason: value.reason.map(Into::into),
            alternative: value.alternative.map(Into::into),
        }
    }
}

/// Agreements, by id; beneficiaries are left out.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgreementPage {
    /// This page's rows.
    pub agreements: Vec<Agreement>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
