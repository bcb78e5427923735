//! Whole packs. Rounding is per delivery point, then consolidated (`domain.md` 3.2): a box is not cut between two hospitals,
//! except on a platform that declares it opens boxes of that article (dégroupage), whose delivery points count as one.

use kit::money::{ArithmeticError, shares};

/// How a supplier takes orders of an article.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackRule {
    /// Base units in the pack ordered; 1 or more.
    pub pack_units: i64,
    /// Orders are a multiple of so many packs; 1 or more.
    pub order_multiple: i64,
}

/// Packs of one plan line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packs {
    /// Per delivery point that gets whole packs, in the order given.
    pub separate: Vec<i64>,
    /// Of the break-bulk pool.
    pub pool: i64,
    /// In all before the multiple.
    pub before_multiple: i64,
    /// In all: a multiple of the supplier's.
    pub total: i64,
}

/// Packs for the needs of a line: `separate` holds the base units needed per delivery point, by site id, and `pool` those of the
/// delivery points whose packs the platform opens. The total is raised to the supplier's multiple; extra packs go in proportion
/// to need by largest remainder. On a tie the smaller site id comes first and the pool, which counts as one, last.
///
/// # Errors
/// When the quantities do not fit 64 bits.
pub fn packs(rule: PackRule, separate: &[i64], pool: i64) -> Result<Packs, ArithmeticError> {
    let mut weights = separate.to_vec();
    weights.push(pool);
    let mut counts: Vec<i64> = Vec::with_capacity(weights.len());
    for &units in &weights {
        counts.push(whole(units, rule.pack_units)?);
    }
    let before_multiple = sum(&counts)?;
    let total = whole(before_multiple, rule.order_multiple)?
        .checked_mul(rule.order_multiple)
        .ok_or(ArithmeticError::OutOfRange)?;
    for (count, extra) in counts.iter_mut().zip(shares(total - before_multiple, &weights)?) {
        *count += extra;
    }
    let pool = counts.pop().unwrap_or(0);
    Ok(Packs { separate: counts, pool, before_multiple, total })
}

/// How many whole portions hold `units`.
fn whole(units: i64, portion: i64) -> Result<i64, ArithmeticError> {
    if portion < 1 {
        return Err(ArithmeticError::NotWhole { total: units, step: portion });
    }
    if units < 0 {
        return Err(ArithmeticError::Negative);
    }
    Ok(units / portion + i64::from(units % portion > 0))
}

/// The sum, if it fits.
///
/// # Errors
/// When it does not.
pub fn sum(numbers: &[i64]) -> Result<i64, ArithmeticError> {
    numbers.iter().try_fold(0_i64, |total, &number| total.checked_add(number)).ok_or(ArithmeticError::OutOfRange)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOXES_OF_30: PackRule = PackRule { pack_units: 30, order_multiple: 1 };

    #[test]
    fn packs_are_rounded_per_delivery_point() {
        let result = packs(BOXES_OF_30, &[31, 29, 60], 0).unwrap();
        assert_eq!(result.separate, [2, 1, 2], "rounding after summing would give 4");
        assert_eq!(result.total, 5);
    }

    #[test]
    fn a_pool_is_rounded_once() {
        let result = packs(BOXES_OF_30, &[31], 31 + 29 + 60).unwrap();
        assert_eq!((result.separate.as_slice(), result.pool, result.total), ([2].as_slice(), 4, 6));
    }

    #[test]
    fn the_multiple_raises_the_total_in_proportion_to_need() {
        let rule = PackRule { pack_units: 30, order_multiple: 10 };
        let result = packs(rule, &[300, 30, 30], 0).unwrap();
        assert_eq!((result.before_multiple, result.total), (12, 20));
        assert_eq!(result.separate, [17, 2, 1], "8 more: 6.67, 0.67 and 0.67; the tie goes to the smaller site");
    }

    #[test]
    fn quantities_that_do_not_fit_are_refused() {
        assert_eq!(packs(BOXES_OF_30, &[i64::MAX, i64::MAX], 0).map(|_| ()), Ok(()));
        let single = PackRule { pack_units: 1, order_multiple: 1 };
        assert_eq!(packs(single, &[i64::MAX, i64::MAX], 0), Err(ArithmeticError::OutOfRange));
        assert!(packs(PackRule { pack_units: 0, order_multiple: 1 }, &[1], 0).is_err());
    }

    proptest! {
        #[test]
        fn packs_are_whole_and_never_below_need(
            separate in prop::collection::vec(1_i64..10_000, 0..40),
            pool in 0_i64..100_000,
            pack_units in 1_i64..500,
            order_multiple in 1_i64..20,
        ) {
            let rule = PackRule { pack_units, order_multiple };
            let result = packs(rule, &separate, pool).unwrap();
            prop_assert_eq!(result.total, result.separate.iter().sum::<i64>() + result.pool);
            prop_assert_eq!(result.total % order_multiple, 0);
            prop_assert!(result.total - result.before_multiple < order_multiple);
            for (&packs, &units) in result.separate.iter().zip(&separate) {
                prop_assert!(packs * pack_units >= units);
            }
            prop_assert!(result.pool * pack_units >= pool);
            prop_assert_eq!(result.pool == 0, pool == 0);
        }
    }
}
