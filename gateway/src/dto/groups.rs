//! Groups, members and people.

use proto::membership::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    convert::{all, some},
    membership::BuyerStatus,
};

/// Legal form of a group (forme juridique); what follows from it is in `FormRules`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum GroupForm {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// Groupement hospitalier de territoire.
    Ght,
    /// Groupement de coopération sanitaire de moyens.
    GcsMoyens,
    /// Groupement d'intérêt public acting as central purchasing body.
    GipCentrale,
    /// Groupement d'intérêt économique.
    Gie,
    /// Groupement de commandes.
    GroupementCommandes,
    /// Charter without legal personality.
    Charter,
    /// Alliance.
    Alliance,
}

impl From<i32> for GroupForm {
    fn from(value: i32) -> Self {
        match pb::GroupForm::try_from(value) {
            Ok(pb::GroupForm::Ght) => Self::Ght,
            Ok(pb::GroupForm::GcsMoyens) => Self::GcsMoyens,
            Ok(pb::GroupForm::GipCentrale) => Self::GipCentrale,
            Ok(pb::GroupForm::Gie) => Self::Gie,
            Ok(pb::GroupForm::GroupementCommandes) => Self::GroupementCommandes,
            Ok(pb::GroupForm::Charter) => Self::Charter,
            Ok(pb::GroupForm::Alliance) => Self::Alliance,
            Ok(pb::GroupForm::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<GroupForm> for i32 {
    fn from(value: GroupForm) -> Self {
        let value = match value {
            GroupForm::Unspecified => pb::GroupForm::Unspecified,
            GroupForm::Ght => pb::GroupForm::Ght,
            GroupForm::GcsMoyens => pb::GroupForm::GcsMoyens,
            GroupForm::GipCentrale => pb::GroupForm::GipCentrale,
            GroupForm::Gie => pb::GroupForm::Gie,
            GroupForm::GroupementCommandes => pb::GroupForm::GroupementCommandes,
            GroupForm::Charter => pb::GroupForm::Charter,
            GroupForm::Alliance => pb::GroupForm::Alliance,
        };
        value.into()
    }
}

/// Who does what, as the legal form has it on a date.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FormRules {
    /// Whether the group is a legal person.
    pub legal_person: bool,
    /// Who awards: SUPPORT, GROUP, COORDINATOR, LEAD_MEMBER or EACH_MEMBER.
    pub awards: String,
    /// Who orders: MEMBER, GROUP or COORDINATOR.
    pub orders: String,
    /// Who receives: MEMBER or GROUP.
    pub receives: String,
    /// Who pays: MEMBER or GROUP.
    pub pays: String,
    /// Whether an order needs the support establishment's delegation of signature.
    pub ordering_needs_delegation: bool,
    /// The text that says so, e.g. `CSP R6132-16`.
    #[schema(example = "CSP R6132-16")]
    pub source: String,
}

impl From<pb::FormRules> for FormRules {
    fn from(value: pb::FormRules) -> Self {
        Self {
            legal_person: value.legal_person,
            awards: value.awards,
            orders: value.orders,
            receives: value.receives,
            pays: value.pays,
            ordering_needs_delegation: value.ordering_needs_delegation,
            source: value.source,
        }
    }
}

/// A group of establishments that buy together.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Group {
    /// `grp_…`.
    #[schema(example = "grp_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// Natural key, unique.
    pub key: String,
    /// Name.
    pub name: String,
    /// Legal form.
    pub form: GroupForm,
    /// `pty_…` of the party that awards (support establishment, coordinator); on input `key:…` is accepted.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub awarding_party_id: String,
    /// `sit_…` of the platform's site that serves the group; may be absent; on input `key:…` is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "sit_0198c2f07a3b7c11a2d34e5f60718293")]
    pub platform_site_id: Option<String>,
    /// Rules of the form on the day of reading.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<FormRules>,
}

impl From<pb::Group> for Group {
    fn from(value: pb::Group) -> Self {
        Self {
            id: value.id,
            key: value.key,
            name: value.name,
            form: value.form.into(),
            awarding_party_id: value.awarding_party_id,
            platform_site_id: some(value.platform_site_id),
            rules: value.rules.map(Into::into),
        }
    }
}

/// A group of establishments that buy together.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupInput {
    /// Natural key, unique.
    pub key: String,
    /// Name.
    pub name: String,
    /// Legal form.
    pub form: GroupForm,
    /// `pty_…` of the party that awards (support establishment, coordinator); on input `key:…` is accepted.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub awarding_party_id: String,
    /// `sit_…` of the platform's site that serves the group; may be absent; on input `key:…` is accepted.
    #[schema(example = "sit_0198c2f07a3b7c11a2d34e5f60718293")]
    pub platform_site_id: Option<String>,
}

impl From<GroupInput> for pb::Group {
    fn from(value: GroupInput) -> Self {
        Self {
            key: value.key,
            name: value.name,
            form: value.form.into(),
            awarding_party_id: value.awarding_party_id,
            platform_site_id: value.platform_site_id.unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// How a party belongs to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MemberKind {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// Full member.
    Full,
    /// Associate: rights as its convention says.
    Associate,
    /// Partner of a GHT (CSP L6132-7).
    Partner,
}

impl From<i32> for MemberKind {
    fn from(value: i32) -> Self {
        match pb::MemberKind::try_from(value) {
            Ok(pb::MemberKind::Full) => Self::Full,
            Ok(pb::MemberKind::Associate) => Self::Associate,
            Ok(pb::MemberKind::Partner) => Self::Partner,
            Ok(pb::MemberKind::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<MemberKind> for i32 {
    fn from(value: MemberKind) -> Self {
        let value = match value {
            MemberKind::Unspecified => pb::MemberKind::Unspecified,
            MemberKind::Full => pb::MemberKind::Full,
            MemberKind::Associate => pb::MemberKind::Associate,
            MemberKind::Partner => pb::MemberKind::Partner,
        };
        value.into()
    }
}

/// A party's membership with the facts used by rules.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Member {
    /// `pty_…`; on input `key:…` is accepted.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// How it belongs.
    pub kind: MemberKind,
    /// First day, ISO date.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_from: String,
    /// Last day, ISO date; absent while it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_to: Option<String>,
    /// Name of the party.
    pub name: String,
    /// SIRET of the party.
    #[schema(example = "26760168000017")]
    pub siret: String,
    /// Buyer status of the party on the day of the list; `UNKNOWN` is treated as that of a contracting authority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buyer_status: Option<BuyerStatus>,
    /// Since when it has belonged without a gap, in whatever way, ISO date.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-02", format = Date)]
    pub member_since: Option<String>,
}

impl From<pb::Member> for Member {
    fn from(value: pb::Member) -> Self {
        Self {
            party_id: value.party_id,
            kind: value.kind.into(),
            valid_from: value.valid_from,
            valid_to: some(value.valid_to),
            name: value.name,
            siret: value.siret,
            buyer_status: BuyerStatus::known(value.buyer_status),
            member_since: some(value.member_since),
        }
    }
}

/// A party's membership with the facts used by rules.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberInput {
    /// `pty_…`; on input `key:…` is accepted.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// How it belongs.
    pub kind: MemberKind,
    /// First day, ISO date.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_from: String,
    /// Last day, ISO date; absent while it lasts.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_to: Option<String>,
}

impl From<MemberInput> for pb::Member {
    fn from(value: MemberInput) -> Self {
        Self {
            party_id: value.party_id,
            kind: value.kind.into(),
            valid_from: value.valid_from,
            valid_to: value.valid_to.unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// A person's role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// Loads reference data and groups of the deployment. Sees no group's rows.
    Administrator,
    /// Purchasing officer (acheteur) of a group.
    PurchasingOfficer,
    /// States the needs of one member.
    MemberRequester,
    /// Certifies receipt for one member; never who ordered.
    MemberReceiver,
    /// Answers for a supplier.
    Supplier,
    /// Works for a logistics platform.
    PlatformOperator,
    /// Reads everything of a group, changes nothing.
    Auditor,
}

impl From<i32> for Role {
    fn from(value: i32) -> Self {
        match pb::Role::try_from(value) {
            Ok(pb::Role::Administrator) => Self::Administrator,
            Ok(pb::Role::PurchasingOfficer) => Self::PurchasingOfficer,
            Ok(pb::Role::MemberRequester) => Self::MemberRequester,
            Ok(pb::Role::MemberReceiver) => Self::MemberReceiver,
            Ok(pb::Role::Supplier) => Self::Supplier,
            Ok(pb::Role::PlatformOperator) => Self::PlatformOperator,
            Ok(pb::Role::Auditor) => Self::Auditor,
            Ok(pb::Role::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<Role> for i32 {
    fn from(value: Role) -> Self {
        let value = match value {
            Role::Unspecified => pb::Role::Unspecified,
            Role::Administrator => pb::Role::Administrator,
            Role::PurchasingOfficer => pb::Role::PurchasingOfficer,
            Role::MemberRequester => pb::Role::MemberRequester,
            Role::MemberReceiver => pb::Role::MemberReceiver,
            Role::Supplier => pb::Role::Supplier,
            Role::PlatformOperator => pb::Role::PlatformOperator,
            Role::Auditor => pb::Role::Auditor,
        };
        value.into()
    }
}

/// A role with its reach.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// What.
    pub role: Role,
    /// `grp_…` (on input `key:…`); absent for roles that reach across groups (administrator, supplier, platform operator).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "grp_0198c2f07a3b7c11a2d34e5f60718293")]
    pub group_id: Option<String>,
    /// `pty_…` for whom the person acts (on input `key:…`); absent for an administrator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: Option<String>,
}

impl From<pb::Grant> for Grant {
    fn from(value: pb::Grant) -> Self {
        Self { role: value.role.into(), group_id: some(value.group_id), party_id: some(value.party_id) }
    }
}

impl From<Grant> for pb::Grant {
    fn from(value: Grant) -> Self {
        Self {
            role: value.role.into(),
            group_id: value.group_id.unwrap_or_default(),
            party_id: value.party_id.unwrap_or_default(),
        }
    }
}

/// A person with an account. Personal data: never in an event.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Person {
    /// `prs_…`.
    #[schema(example = "prs_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// Unique login, 3 to 100 characters.
    #[schema(example = "acheteuse")]
    pub login: String,
    /// Name.
    pub name: String,
    /// Address for notices.
    pub email: String,
    /// Everything the person may do; replaces the present grants.
    pub grants: Vec<Grant>,
}

impl From<pb::Person> for Person {
    fn from(value: pb::Person) -> Self {
        Self { id: value.id, login: value.login, name: value.name, email: value.email, grants: all(value.grants) }
    }
}

/// A person with an account. Personal data: never in an event.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonInput {
    /// Unique login, 3 to 100 characters.
    #[schema(example = "acheteuse")]
    pub login: String,
    /// Name.
    pub name: String,
    /// Address for notices.
    pub email: String,
    /// Password for the embedded issuer, 12 characters at least; absent keeps the present one.
    pub password: Option<String>,
    /// Everything the person may do; replaces the present grants.
    #[serde(default)]
    pub grants: Vec<Grant>,
}

impl From<PersonInput> for pb::Person {
    fn from(value: PersonInput) -> Self {
        Self {
            login: value.login,
            name: value.name,
            email: value.email,
            password: value.password.unwrap_or_default(),
            grants: all(value.grants),
            ..Self::default()
        }
    }
}

/// Groups, by name.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupPage {
    /// This page's rows.
    pub groups: Vec<Group>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Members, by party id.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberPage {
    /// This page's rows.
    pub members: Vec<Member>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

impl From<kit::Role> for Role {
    fn from(role: kit::Role) -> Self {
        match role {
            kit::Role::Administrator => Self::Administrator,
            kit::Role::PurchasingOfficer => Self::PurchasingOfficer,
            kit::Role::MemberRequester => Self::MemberRequester,
            kit::Role::MemberReceiver => Self::MemberReceiver,
            kit::Role::Supplier => Self::Supplier,
            kit::Role::PlatformOperator => Self::PlatformOperator,
            kit::Role::Auditor => Self::Auditor,
            // Processes have no account.
            kit::Role::Service => Self::Unspecified,
        }
    }
}
