//! Groups that buy together, and what their legal form says.

use kit::id::{GroupId, PartyId, SiteId};

use super::Key;

/// Legal form (forme juridique). What follows from it is dated data with its source: [`FormRules`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupForm {
    /// Groupement hospitalier de territoire (CSP L6132-1).
    Ght,
    /// Groupement de coopération sanitaire de moyens (CSP L6133-1).
    GcsMoyens,
    /// Groupement d'intérêt public that is a central purchasing body (CCP L2113-2).
    GipCentrale,
    /// Groupement d'intérêt économique (C. com. L251-1).
    Gie,
    /// Groupement de commandes (CCP L2113-6).
    GroupementCommandes,
    /// Charter without legal personality.
    Charter,
    /// Alliance.
    Alliance,
}

impl GroupForm {
    /// Every form.
    pub const ALL: [Self; 7] = [
        Self::Ght,
        Self::GcsMoyens,
        Self::GipCentrale,
        Self::Gie,
        Self::GroupementCommandes,
        Self::Charter,
        Self::Alliance,
    ];

    /// Its name in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ght => "GHT",
            Self::GcsMoyens => "GCS_MOYENS",
            Self::GipCentrale => "GIP_CENTRALE",
            Self::Gie => "GIE",
            Self::GroupementCommandes => "GROUPEMENT_COMMANDES",
            Self::Charter => "CHARTER",
            Self::Alliance => "ALLIANCE",
        }
    }
}

/// Who does what in a form, on a day. The words are those of the contract's `FormRules`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormRules {
    /// Whether the group is a legal person.
    pub legal_person: bool,
    /// SUPPORT, GROUP, COORDINATOR, LEAD_MEMBER or EACH_MEMBER.
    pub awards: String,
    /// MEMBER, GROUP or COORDINATOR.
    pub orders: String,
    /// MEMBER or GROUP.
    pub receives: String,
    /// MEMBER or GROUP.
    pub pays: String,
    /// Whether an order needs the support establishment's delegation of signature.
    pub ordering_needs_delegation: bool,
    /// The text that says so.
    pub source: String,
}

/// A group of establishments that buy together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Id.
    pub id: GroupId,
    /// Natural key.
    pub key: Key,
    /// Name.
    pub name: String,
    /// Legal form.
    pub form: GroupForm,
    /// Who awards: support establishment, coordinator, or the group's own legal person.
    pub awarding_party_id: PartyId,
    /// The platform's site that serves the group.
    pub platform_site_id: Option<SiteId>,
}
