//! Who orders, receives and pays: from the group's legal form (`domain.md` 1.1) and the agreement's role (CCP L2113-2).

use kit::id::PartyId;

/// Who does something in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// The member whose need it is.
    Member,
    /// The party that awards for the group: its own legal person, the coordinator or the support establishment.
    Awarding,
}

impl Actor {
    /// As stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Member => "MEMBER",
            Self::Awarding => "AWARDING",
        }
    }

    /// Reads `MEMBER`, `GROUP`, `COORDINATOR` (membership's rules of the form) or `AWARDING` (as stored).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "MEMBER" {
            return Some(Self::Member);
        }
        ["AWARDING", "GROUP", "COORDINATOR"].contains(&text).then_some(Self::Awarding)
    }
}

/// What the group's legal form says on the day of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormRules {
    /// Who orders.
    pub orders: Actor,
    /// Who receives.
    pub receives: Actor,
    /// Who pays.
    pub pays: Actor,
    /// The party that awards.
    pub awarding: PartyId,
}

/// The three parties of an order form. Needs with the same three share a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Buyer {
    /// Who orders.
    pub orderer: PartyId,
    /// Who receives.
    pub receiver: PartyId,
    /// Who pays.
    pub payer: PartyId,
}

impl FormRules {
    /// Who buys what `member` needs. Under role 1 of a central purchasing body (grossiste) the centrale buys, stocks and sells on,
    /// whatever the form says.
    #[must_use]
    pub fn buyer(&self, wholesale: bool, member: PartyId) -> Buyer {
        let of = |actor| match actor {
            Actor::Member if !wholesale => member,
            Actor::Member | Actor::Awarding => self.awarding,
        };
        Buyer { orderer: of(self.orders), receiver: of(self.receives), payer: of(self.pays) }
    }
}

/// Whether a party is bound by the Code de la commande publique, as membership tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuyerStatus {
    /// Public-law body.
    PublicLaw,
    /// Private contracting authority.
    PrivateContractingAuthority,
    /// Declares with evidence that it is no contracting authority.
    AssertedNot,
    /// Not known, or never stated.
    Unknown,
}

impl BuyerStatus {
    /// Whether no order may leave without a commitment number (numéro d'engagement): public accounts keep commitments per chapter
    /// (`domain.md` 3.4). Private bodies keep none; an unknown status is treated strictly.
    #[must_use]
    pub const fn needs_commitment(self) -> bool {
        match self {
            Self::PublicLaw | Self::Unknown => true,
            Self::PrivateContractingAuthority | Self::AssertedNot => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_and_role_decide_who_buys() {
        let (awarding, member) = (PartyId::new(), PartyId::new());
        let by_members = FormRules { orders: Actor::Member, receives: Actor::Member, pays: Actor::Member, awarding };
        let own = Buyer { orderer: member, receiver: member, payer: member };
        let central = Buyer { orderer: awarding, receiver: awarding, payer: awarding };
        assert_eq!(by_members.buyer(false, member), own);
        assert_eq!(by_members.buyer(true, member), central, "role 1");
        let ordered_by_coordinator = FormRules { orders: Actor::Awarding, ..by_members };
        assert_eq!(ordered_by_coordinator.buyer(false, member), Buyer { orderer: awarding, ..own });
    }

    #[test]
    fn actors_read_as_membership_writes_them() {
        for (text, actor) in [
            ("MEMBER", Some(Actor::Member)),
            ("GROUP", Some(Actor::Awarding)),
            ("COORDINATOR", Some(Actor::Awarding)),
            ("NOBODY", None),
        ] {
            assert_eq!(Actor::parse(text), actor);
        }
    }
}
