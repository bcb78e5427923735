//! Price tiers: on which quantity they are read, and which one a quantity reaches.

use kit::id::{PartyId, SiteId};
use rust_decimal::Decimal;

/// On which quantity an agreement reads its tiers. The group's price applies on this basis only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The pooled order of all members.
    PooledOrder,
    /// Each buyer's own order form.
    OrderForm,
    /// What goes to each delivery point.
    DeliveryPoint,
}

/// What one tier is read for; each scope of an article is a plan line of its own. In the order of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Everybody.
    All,
    /// One buyer.
    Buyer(PartyId),
    /// One buyer's delivery point.
    Point(PartyId, SiteId),
}

impl Scope {
    /// The scope of what `buyer` orders for `site`.
    #[must_use]
    pub const fn of(basis: Basis, buyer: PartyId, site: SiteId) -> Self {
        match basis {
            Basis::PooledOrder => Self::All,
            Basis::OrderForm => Self::Buyer(buyer),
            Basis::DeliveryPoint => Self::Point(buyer, site),
        }
    }

    /// The buyer it is read for, if it is one.
    #[must_use]
    pub const fn party(self) -> Option<PartyId> {
        match self {
            Self::All => None,
            Self::Buyer(party) | Self::Point(party, _) => Some(party),
        }
    }

    /// The delivery point it is read for, if it is one.
    #[must_use]
    pub const fn site(self) -> Option<SiteId> {
        match self {
            Self::All | Self::Buyer(_) => None,
            Self::Point(_, site) => Some(site),
        }
    }
}

/// A price from a quantity on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// Base units from which it holds.
    pub min_units: i64,
    /// EUR without VAT per base unit.
    pub unit_price: Decimal,
}

/// The tier that a quantity reaches: the last one whose minimum is not above it. Tiers are in rising order.
#[must_use]
pub fn reached(tiers: &[Tier], units: i64) -> Option<&Tier> {
    tiers.iter().take_while(|tier| tier.min_units <= units).last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_holds_from_its_minimum_on() {
        let tier = |min_units, price: i64| Tier { min_units, unit_price: Decimal::new(price, 2) };
        let tiers = [tier(0, 100), tier(1_000, 90), tier(5_000, 80)];
        let cases = [(0, 100), (999, 100), (1_000, 90), (4_999, 90), (5_000, 80), (i64::MAX, 80)];
        for (units, price) in cases {
            assert_eq!(reached(&tiers, units).unwrap().unit_price, Decimal::new(price, 2), "{units}");
        }
        assert_eq!(reached(&tiers[1..], 10), None);
    }
}
