//! Savings (gains achat): reference price × units − what is paid, per member, losers included (`domain.md` 3.5).

use kit::id::PartyId;

/// Savings of one member over its order lines, net of what was cancelled, cents EUR without VAT. Lines without a reference
/// price are counted and left out of every sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberSavings {
    /// Member.
    pub party: PartyId,
    /// Reference price × net units of the lines that have one.
    pub reference_cents: i64,
    /// Net amount of the same lines.
    pub paid_cents: i64,
    /// Reference price × delivered units of the same lines.
    pub received_reference_cents: i64,
    /// The delivered units' part of the amount of the same lines.
    pub received_paid_cents: i64,
    /// Lines with a reference price.
    pub lines_with_reference: i64,
    /// Lines without one.
    pub lines_without_reference: i64,
}

impl MemberSavings {
    /// On what is ordered; negative for a member that loses.
    #[must_use]
    pub const fn committed_cents(&self) -> i64 {
        self.reference_cents - self.paid_cents
    }

    /// On what was delivered and certified; provisional until invoiced.
    #[must_use]
    pub const fn received_cents(&self) -> i64 {
        self.received_reference_cents - self.received_paid_cents
    }
}

/// The group's savings: gains less losses.
#[must_use]
pub fn total_cents(members: &[MemberSavings]) -> i64 {
    members.iter().map(MemberSavings::committed_cents).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losers_count_against_the_group() {
        let member = |reference_cents, paid_cents| MemberSavings {
            party: PartyId::new(),
            reference_cents,
            paid_cents,
            received_reference_cents: reference_cents / 2,
            received_paid_cents: paid_cents / 2,
            lines_with_reference: 1,
            lines_without_reference: 0,
        };
        let members = [member(1_000, 800), member(1_000, 1_300)];
        assert_eq!(members[1].committed_cents(), -300);
        assert_eq!(members[1].received_cents(), -150);
        assert_eq!(total_cents(&members), -100);
    }
}
