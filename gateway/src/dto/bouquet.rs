//! Services of a group, its practitioners, and subscriptions.

use proto::membership::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    convert::{all, some},
    shared::Reason,
};
use crate::problem::CellFault;

/// What a price is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PriceUnit {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// Per month and subscription.
    Month,
    /// Per act.
    Act,
    /// Per user and month.
    UserMonth,
}

impl From<i32> for PriceUnit {
    fn from(value: i32) -> Self {
        match pb::PriceUnit::try_from(value) {
            Ok(pb::PriceUnit::Month) => Self::Month,
            Ok(pb::PriceUnit::Act) => Self::Act,
            Ok(pb::PriceUnit::UserMonth) => Self::UserMonth,
            Ok(pb::PriceUnit::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<PriceUnit> for i32 {
    fn from(value: PriceUnit) -> Self {
        let value = match value {
            PriceUnit::Unspecified => pb::PriceUnit::Unspecified,
            PriceUnit::Month => pb::PriceUnit::Month,
            PriceUnit::Act => pb::PriceUnit::Act,
            PriceUnit::UserMonth => pb::PriceUnit::UserMonth,
        };
        value.into()
    }
}

/// A service of a group's bouquet.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Service {
    /// `svc_…`.
    #[schema(example = "svc_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// Natural key in the group.
    #[schema(example = "teleradiologie")]
    pub key: String,
    /// French name.
    #[schema(example = "Téléradiologie, relecture de nuit")]
    pub name: String,
    /// `pty_…` of the partner that provides it.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub provider_id: String,
    /// Its name.
    pub provider_name: String,
    /// What the price is for.
    pub price_unit: PriceUnit,
    /// Cents EUR without VAT.
    #[schema(example = 4900)]
    pub price_cents: i64,
    /// Months to which a subscription binds at first.
    #[schema(example = 12)]
    pub term_months: i32,
    /// Months of notice.
    #[schema(example = 3)]
    pub notice_months: i32,
    /// First day on which it can be subscribed to, ISO date.
    #[schema(example = "2026-01-01", format = Date)]
    pub offered_from: String,
    /// Last such day, ISO date; absent while it is offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2027-12-31", format = Date)]
    pub offered_to: Option<String>,
    /// Subscriptions that run today.
    pub subscriber_count: i64,
}

impl From<pb::Service> for Service {
    fn from(value: pb::Service) -> Self {
        Self {
            id: value.id,
            key: value.key,
            name: value.name,
            provider_id: value.provider_id,
            provider_name: value.provider_name,
            price_unit: value.price_unit.into(),
            price_cents: value.price_cents,
            term_months: value.term_months,
            notice_months: value.notice_months,
            offered_from: value.offered_from,
            offered_to: some(value.offered_to),
            subscriber_count: value.subscriber_count,
        }
    }
}

/// A service to register.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceInput {
    /// Natural key in the group; a known one is updated, and running subscriptions keep what was agreed.
    #[schema(example = "teleradiologie")]
    pub key: String,
    /// French name, 1 to 200 characters.
    #[schema(example = "Téléradiologie, relecture de nuit")]
    pub name: String,
    /// `pty_…` of the partner that provides it, or `key:…`.
    #[schema(example = "key:telerad-fictif")]
    pub provider_id: String,
    /// What the price is for.
    pub price_unit: PriceUnit,
    /// Cents EUR without VAT, 0 to 100,000,000.
    #[schema(example = 4900)]
    pub price_cents: i64,
    /// Months to which a subscription binds at first, 0 to 120.
    #[serde(default)]
    #[schema(example = 12)]
    pub term_months: i32,
    /// Months of notice, 0 to 24.
    #[serde(default)]
    #[schema(example = 3)]
    pub notice_months: i32,
    /// First day on which it can be subscribed to, ISO date.
    #[schema(example = "2026-01-01", format = Date)]
    pub offered_from: String,
    /// Last such day, ISO date; absent while it is offered.
    #[schema(example = "2027-12-31", format = Date)]
    pub offered_to: Option<String>,
}

impl From<ServiceInput> for pb::Service {
    fn from(value: ServiceInput) -> Self {
        Self {
            key: value.key,
            name: value.name,
            provider_id: value.provider_id,
            price_unit: value.price_unit.into(),
            price_cents: value.price_cents,
            term_months: value.term_months,
            notice_months: value.notice_months,
            offered_from: value.offered_from,
            offered_to: value.offered_to.unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// Where a practitioner works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PlaceKind {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// A practice (cabinet).
    Practice,
    /// A hospital, public or private.
    Hospital,
}

impl From<i32> for PlaceKind {
    fn from(value: i32) -> Self {
        match pb::PlaceKind::try_from(value) {
            Ok(pb::PlaceKind::Practice) => Self::Practice,
            Ok(pb::PlaceKind::Hospital) => Self::Hospital,
            Ok(pb::PlaceKind::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<PlaceKind> for i32 {
    fn from(value: PlaceKind) -> Self {
        let value = match value {
            PlaceKind::Unspecified => pb::PlaceKind::Unspecified,
            PlaceKind::Practice => pb::PlaceKind::Practice,
            PlaceKind::Hospital => pb::PlaceKind::Hospital,
        };
        value.into()
    }
}

/// Where a practitioner works. It makes neither a member nor a beneficiary of the party.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// `pty_…`; on input `key:…`, `siret:…` or `finess:…` is accepted.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// What kind of place.
    pub kind: PlaceKind,
    /// First day, ISO date; on input absent means the day of joining.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_from: Option<String>,
    /// Last day, ISO date; absent while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2027-03-01", format = Date)]
    pub valid_to: Option<String>,
    /// Name of the party; never on input.
    #[serde(default, skip_deserializing)]
    pub party_name: String,
}

impl From<pb::Attachment> for Attachment {
    fn from(value: pb::Attachment) -> Self {
        Self {
            party_id: value.party_id,
            kind: value.kind.into(),
            valid_from: some(value.valid_from),
            valid_to: some(value.valid_to),
            party_name: value.party_name,
        }
    }
}

impl From<Attachment> for pb::Attachment {
    fn from(value: Attachment) -> Self {
        Self {
            party_id: value.party_id,
            kind: value.kind.into(),
            valid_from: value.valid_from.unwrap_or_default(),
            valid_to: value.valid_to.unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// A practitioner who belongs to a group.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Practitioner {
    /// `pra_…`.
    #[schema(example = "pra_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// RPPS number.
    #[schema(example = "10000000001")]
    pub rpps: String,
    /// Name.
    #[schema(example = "Dr Camille Exemple")]
    pub name: String,
    /// Address for notices; may be empty.
    pub email: String,
    /// First day in the group, ISO date.
    #[schema(example = "2026-03-02", format = Date)]
    pub joined_on: String,
    /// Last day, ISO date; absent while it stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2027-03-01", format = Date)]
    pub left_on: Option<String>,
    /// Where it works.
    pub attachments: Vec<Attachment>,
    /// Day of its latest signature of the charter, ISO date; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-02", format = Date)]
    pub charter_signed_on: Option<String>,
    /// Who signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charter_signed_by: Option<String>,
    /// Version signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 1)]
    pub charter_version: Option<i32>,
    /// Level of the label held, 1 to 3; absent for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 2)]
    pub level: Option<i32>,
    /// French name of the level.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Confirmé")]
    pub level_name: Option<String>,
    /// Since when, ISO date.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-02", format = Date)]
    pub level_since: Option<String>,
    /// When the next audit falls due, ISO date; absent where the group has no label.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2028-03-02", format = Date)]
    pub audit_due_on: Option<String>,
}

impl From<pb::Practitioner> for Practitioner {
    fn from(value: pb::Practitioner) -> Self {
        Self {
            id: value.id,
            rpps: value.rpps,
            name: value.name,
            email: value.email,
            joined_on: value.joined_on,
            left_on: some(value.left_on),
            attachments: all(value.attachments),
            charter_signed_on: some(value.charter_signed_on),
            charter_signed_by: some(value.charter_signed_by),
            charter_version: (value.charter_version > 0).then_some(value.charter_version),
            level: (value.level > 0).then_some(value.level),
            level_name: some(value.level_name),
            level_since: some(value.level_since),
            audit_due_on: some(value.audit_due_on),
        }
    }
}

/// A practitioner to add.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PractitionerInput {
    /// RPPS number, 11 digits; a known one is updated, and its attachments are replaced.
    #[schema(example = "10000000001")]
    pub rpps: String,
    /// Name, 1 to 200 characters.
    #[schema(example = "Dr Camille Exemple")]
    pub name: String,
    /// Address for notices; may be absent.
    #[serde(default)]
    pub email: String,
    /// First day in the group, ISO date; does not change.
    #[schema(example = "2026-03-02", format = Date)]
    pub joined_on: String,
    /// Last day, ISO date; absent while it stays.
    #[schema(example = "2027-03-01", format = Date)]
    pub left_on: Option<String>,
    /// Where it works: 1 to 10.
    pub attachments: Vec<Attachment>,
    /// Day on which it signed the charter, ISO date; needed where the group has one in force on the day of joining.
    #[schema(example = "2026-03-02", format = Date)]
    pub charter_signed_on: Option<String>,
    /// Who signed; absent means the practitioner itself.
    pub charter_signed_by: Option<String>,
}

impl From<PractitionerInput> for pb::Practitioner {
    fn from(value: PractitionerInput) -> Self {
        Self {
            rpps: value.rpps,
            name: value.name,
            email: value.email,
            joined_on: value.joined_on,
            left_on: value.left_on.unwrap_or_default(),
            attachments: all(value.attachments),
            charter_signed_on: value.charter_signed_on.unwrap_or_default(),
            charter_signed_by: value.charter_signed_by.unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// What a practitioner subscribed to, with what was agreed.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Subscription {
    /// `sbs_…`.
    #[schema(example = "sbs_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// `svc_…`.
    #[schema(example = "svc_0198c2f07a3b7c11a2d34e5f60718293")]
    pub service_id: String,
    /// Key of the service.
    pub service_key: String,
    /// Name of the service.
    pub service_name: String,
    /// `pra_…`.
    #[schema(example = "pra_0198c2f07a3b7c11a2d34e5f60718293")]
    pub practitioner_id: String,
    /// Name of the practitioner.
    pub practitioner_name: String,
    /// First day, ISO date.
    #[schema(example = "2026-03-02", format = Date)]
    pub starts_on: String,
    /// Last day to which it was bound from the start, ISO date; absent without a term.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2027-03-01", format = Date)]
    pub term_ends_on: Option<String>,
    /// Last day, ISO date; absent until notice is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2027-03-01", format = Date)]
    pub ends_on: Option<String>,
    /// Day on which notice was given, ISO date; absent until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-11-02", format = Date)]
    pub notice_given_on: Option<String>,
    /// What the price is for.
    pub price_unit: PriceUnit,
    /// As agreed, cents EUR without VAT.
    #[schema(example = 4900)]
    pub price_cents: i64,
    /// As agreed, in months.
    #[schema(example = 3)]
    pub notice_months: i32,
}

impl From<pb::Subscription> for Subscription {
    fn from(value: pb::Subscription) -> Self {
        Self {
            id: value.id,
            service_id: value.service_id,
            service_key: value.service_key,
            service_name: value.service_name,
            practitioner_id: value.practitioner_id,
            practitioner_name: value.practitioner_name,
            starts_on: value.starts_on,
            term_ends_on: some(value.term_ends_on),
            ends_on: some(value.ends_on),
            notice_given_on: some(value.notice_given_on),
            price_unit: value.price_unit.into(),
            price_cents: value.price_cents,
            notice_months: value.notice_months,
        }
    }
}

/// A subscription whose notice was given, or would be.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Termination {
    /// Whether nothing was changed because only the day was asked for.
    pub dry_run: bool,
    /// The subscription with its last day.
    pub subscription: Subscription,
    /// Why then.
    pub reason: Reason,
}

/// What became of a members file, or would become of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct MembersReport {
    /// Whether nothing was changed because only a report was asked for.
    pub dry_run: bool,
    /// Practitioners that were new.
    #[schema(example = 920)]
    pub practitioners_added: i64,
    /// Establishments that were new to the registry.
    #[schema(example = 230)]
    pub parties_added: i64,
    /// Sites that were new to the registry.
    #[schema(example = 230)]
    pub sites_added: i64,
    /// Memberships of establishments that were new.
    #[schema(example = 230)]
    pub members_added: i64,
    /// Attachments of practitioners that were new.
    #[schema(example = 920)]
    pub attachments_added: i64,
    /// Rows that said nothing new.
    #[schema(example = 0)]
    pub unchanged: i64,
    /// Faults found by a dry run; otherwise there are none, or the answer is a problem with them.
    pub error_count: i64,
    /// The first of them, by row.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<CellFault>,
}
