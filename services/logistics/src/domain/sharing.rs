//! The sharing-out: one rule for goods that arrive and for goods that never come.
//!
//! In proportion to what each order line still waits for, in whole portions (the pack, or one base unit where the platform opens
//! packs), by largest remainder, equal remainders in the order of the order lines' ids. Packs that are already broken, because part of
//! one was refused, can only be cancelled: they are shared by themselves, in proportion to each line's broken part.
//! Nobody is given more than it waits for.

use kit::{
    id::{OrderLineId, PartyId, PlanLineId, SiteId},
    money::{ArithmeticError, shares, shares_in_steps},
};

use super::{Reason, UnknownCode, units_text};

/// What was shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Goods that arrived.
    Receipt,
    /// Goods that never come.
    Cancellation,
}

impl Cause {
    /// As stored.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Receipt => "RECEIPT",
            Self::Cancellation => "CANCELLATION",
        }
    }
}

impl TryFrom<String> for Cause {
    type Error = UnknownCode;

    fn try_from(code: String) -> Result<Self, UnknownCode> {
        [Self::Receipt, Self::Cancellation].into_iter().find(|cause| cause.code() == code).ok_or(UnknownCode(code))
    }
}

/// Key of the rule, stored with every allocation.
pub const RULE: &str = "PRO_RATA_WAITING";

/// One line's part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Order line.
    pub order_line_id: OrderLineId,
    /// Member.
    pub party_id: PartyId,
    /// Delivery point.
    pub site_id: SiteId,
    /// Base units it was waiting for.
    pub weight: i64,
    /// Base units it got.
    pub units: i64,
}

/// One sharing-out of an article at a destination, with everything needed to compute it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sharing {
    /// Line of the pooled order.
    pub pooled_line_id: PlanLineId,
    /// What was shared.
    pub cause: Cause,
    /// Base units shared, the sum of the shares.
    pub units: i64,
    /// Smallest portion in base units.
    pub step: i64,
    /// Base units in good order that were set aside because damage broke their pack.
    pub spoiled: i64,
    /// By order line, those that got nothing included.
    pub shares: Vec<Share>,
}

impl Sharing {
    /// What each line got, without those that got nothing.
    pub fn given(&self) -> impl Iterator<Item = (OrderLineId, i64)> + '_ {
        self.shares.iter().filter(|share| share.units > 0).map(|share| (share.order_line_id, share.units))
    }

    /// The rule with its figures.
    #[must_use]
    pub fn reason(&self) -> Reason {
        let waiting: i64 = self.shares.iter().map(|share| share.weight).sum();
        let what = match self.cause {
            Cause::Receipt => "arrivées en bon état",
            Cause::Cancellation => "qui ne viendront pas",
        };
        let portion = if self.step == 1 {
            "à l'unité".to_owned()
        } else {
            format!("par conditionnements entiers de {}", units_text(self.step))
        };
        let mut text = format!(
            "Quantité partagée : {} ({what}), au prorata de ce que chaque ligne de commande attendait encore (en tout {}), {portion}, \
             au plus fort reste ; à égalité, dans l'ordre des lignes de commande.",
            units_text(self.units),
            units_text(waiting),
        );
        if self.cause == Cause::Cancellation && self.step > 1 {
            text.push_str(" Un conditionnement déjà entamé par un refus ne revient qu'à la ligne qui l'a entamé.");
        }
        if self.spoiled > 0 {
            text.push_str(&format!(
                " Un conditionnement entamé par une avarie compte en entier comme avarié : {} en bon état mises de côté.",
                units_text(self.spoiled)
            ));
        }
        let facts = vec![
            ("units", self.units.to_string()),
            ("waiting_units", waiting.to_string()),
            ("step_units", self.step.to_string()),
            ("spoiled_units", self.spoiled.to_string()),
            ("lines", self.shares.len().to_string()),
        ];
        Reason { rule: RULE, source: "", text, facts }
    }
}

/// Shares `whole` base units in portions of `step`, and `broken` ones among the broken packs of `waits`.
/// `whole` is a multiple of `step` and at most the whole packs waited for; `broken` at most their broken parts: then nobody gets
/// more than it waits for.
///
/// # Errors
/// When the quantities are not of that kind.
pub fn share_out(whole: i64, broken: i64, step: i64, waits: &[i64]) -> Result<Vec<i64>, ArithmeticError> {
    if step < 1 || waits.iter().any(|&wait| wait < 0) {
        return Err(ArithmeticError::Negative);
    }
    let packs: Vec<i64> = waits.iter().map(|wait| wait / step).collect();
    let loose: Vec<i64> = waits.iter().map(|wait| wait % step).collect();
    if whole / step > packs.iter().sum() || broken > loose.iter().sum() {
        return Err(ArithmeticError::OutOfRange);
    }
    let in_packs = shares_in_steps(whole, step, &packs)?;
    let in_pieces = shares(broken, &loose)?;
    Ok(in_packs.into_iter().zip(in_pieces).map(|(packs, pieces)| packs + pieces).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn goods_are_shared_in_whole_packs_by_largest_remainder_ties_to_the_earlier_line() {
        assert_eq!(share_out(30, 0, 10, &[20, 20, 20]), Ok(vec![10, 10, 10]));
        assert_eq!(share_out(20, 0, 10, &[20, 20, 20]), Ok(vec![10, 10, 0]));
        assert_eq!(share_out(70, 0, 10, &[80, 20]), Ok(vec![60, 10]), "5.6 and 1.4 packs");
        assert_eq!(share_out(7, 0, 1, &[4, 6]), Ok(vec![3, 4]), "2.8 and 4.2 units where packs are opened");
    }

    #[test]
    fn broken_packs_are_shared_by_themselves() {
        assert_eq!(share_out(10, 3, 10, &[3, 10, 20]), Ok(vec![3, 0, 10]));
    }

    #[test]
    fn more_than_is_waited_for_or_half_a_pack_is_an_error() {
        assert!(share_out(30, 0, 10, &[20]).is_err());
        assert!(share_out(0, 1, 10, &[20]).is_err());
        assert!(share_out(5, 0, 10, &[20]).is_err());
    }

    proptest! {
        #[test]
        fn nobody_gets_more_than_it_waits_for_and_shares_sum_to_the_total(
            step in 1_i64..60,
            waits in prop::collection::vec(0_i64..2_000, 1..30),
            of_whole in 0_i64..=100,
            of_broken in 0_i64..=100,
        ) {
            let whole = waits.iter().map(|wait| wait / step).sum::<i64>() * of_whole / 100 * step;
            let broken = waits.iter().map(|wait| wait % step).sum::<i64>() * of_broken / 100;
            let given = share_out(whole, broken, step, &waits).unwrap();
            prop_assert_eq!(given.iter().sum::<i64>(), whole + broken);
            for (units, wait) in given.iter().zip(&waits) {
                prop_assert!(*units >= 0 && units <= wait);
            }
        }
    }
}
