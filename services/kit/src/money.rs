//! Exact arithmetic: cents, unit prices and shares (design decision 7).

use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};

/// A figure that cannot be computed exactly in the types used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ArithmeticError {
    /// The result does not fit.
    #[error("amount out of range")]
    OutOfRange,
    /// Shares of something among nobody, or among weights that are all zero.
    #[error("nothing to share among: all weights are zero")]
    NoWeights,
    /// A negative weight or total.
    #[error("negative quantity")]
    Negative,
    /// A total that is not a whole number of portions.
    #[error("{total} is not a multiple of the portion {step}")]
    NotWhole {
        /// What was to be shared.
        total: i64,
        /// The smallest portion.
        step: i64,
    },
}

/// Price × quantity in cents, rounded half up.
///
/// # Errors
/// When the amount does not fit 64 bits.
pub fn amount_cents(unit_price: Decimal, units: i64) -> Result<i64, ArithmeticError> {
    unit_price
        .checked_mul(Decimal::from(units))
        .and_then(|euros| euros.checked_mul(Decimal::ONE_HUNDRED))
        .map(|cents| cents.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero))
        .and_then(|cents| cents.to_i64())
        .ok_or(ArithmeticError::OutOfRange)
}

/// A rate in percent of an amount in cents, rounded half up.
///
/// # Errors
/// When the amount does not fit 64 bits.
pub fn percent_of(rate: Decimal, cents: i64) -> Result<i64, ArithmeticError> {
    rate.checked_mul(Decimal::from(cents))
        .and_then(|product| product.checked_div(Decimal::ONE_HUNDRED))
        .map(|value| value.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero))
        .and_then(|value| value.to_i64())
        .ok_or(ArithmeticError::OutOfRange)
}

/// `total × part / whole`, rounded half up. `0 ≤ part ≤ whole`, `whole > 0`.
///
/// # Errors
/// [`ArithmeticError::NoWeights`] when `whole` is zero, [`ArithmeticError::Negative`] when anything is negative.
pub fn proportion(total: i64, part: i64, whole: i64) -> Result<i64, ArithmeticError> {
    if total < 0 || part < 0 || whole < 0 {
        return Err(ArithmeticError::Negative);
    }
    if whole == 0 {
        return Err(ArithmeticError::NoWeights);
    }
    let (product, whole) = (i128::from(total) * i128::from(part), i128::from(whole));
    i64::try_from((2 * product + whole) / (2 * whole)).map_err(|_| ArithmeticError::OutOfRange)
}

/// Shares `total` in proportion to `weights` by largest remainder, so that the shares sum to the total exactly.
/// Equal remainders go to the earlier weight: put the weights in a fixed order first.
///
/// # Errors
/// When a weight or the total is negative, or all weights are zero while the total is not.
pub fn shares(total: i64, weights: &[i64]) -> Result<Vec<i64>, ArithmeticError> {
    if total < 0 || weights.iter().any(|&weight| weight < 0) {
        return Err(ArithmeticError::Negative);
    }
    if total == 0 {
        return Ok(vec![0; weights.len()]);
    }
    let whole: i128 = weights.iter().map(|&weight| i128::from(weight)).sum();
    if whole == 0 {
        return Err(ArithmeticError::NoWeights);
    }
    let mut shares = Vec::with_capacity(weights.len());
    let mut remainders = Vec::with_capacity(weights.len());
    let mut given = 0;
    for (index, &weight) in weights.iter().enumerate() {
        let product = i128::from(total) * i128::from(weight);
        // At most `total`, because the weight is at most the whole.
        let share = i64::try_from(product / whole).map_err(|_| ArithmeticError::OutOfRange)?;
        given += share;
        shares.push(share);
        remainders.push((product % whole, index));
    }
    let left = usize::try_from(total - given).map_err(|_| ArithmeticError::OutOfRange)?;
    if left > 0 {
        remainders.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        for &(_, index) in remainders.iter().take(left) {
            shares[index] += 1;
        }
    }
    Ok(shares)
}

/// Shares `total` in portions of `step`, in proportion to `weights`, nobody above its weight rounded up to a portion.
/// `total` must be a multiple of `step`.
///
/// # Errors
/// As [`shares`], and [`ArithmeticError::NotWhole`].
pub fn shares_in_steps(total: i64, step: i64, weights: &[i64]) -> Result<Vec<i64>, ArithmeticError> {
    if step < 1 || total % step != 0 {
        return Err(ArithmeticError::NotWhole { total, step });
    }
    Ok(shares(total / step, weights)?.into_iter().map(|portions| portions * step).collect())
}

/// A unit price as text: at most 6 places, not negative, below 10¹².
///
/// # Errors
/// Says what is wrong with it.
pub fn parse_unit_price(text: &str) -> Result<Decimal, String> {
    let price: Decimal = text.trim().parse().map_err(|_| format!("{text:?} is not a decimal number such as 0.1234"))?;
    if price.is_sign_negative() && !price.is_zero() {
        return Err(format!("{text:?} is negative"));
    }
    if price.normalize().scale() > 6 {
        return Err(format!("{text:?} has more than 6 decimal places"));
    }
    if price >= Decimal::from(1_000_000_000_000_i64) {
        return Err(format!("{text:?} is too large"));
    }
    Ok(price.normalize())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_round_half_up() {
        let price = |text: &str| text.parse::<Decimal>().unwrap();
        assert_eq!(amount_cents(price("0.125"), 1), Ok(13));
        assert_eq!(amount_cents(price("0.124999"), 1), Ok(12));
        assert_eq!(amount_cents(price("0.005"), 1), Ok(1));
        assert_eq!(amount_cents(price("1.234567"), 1_000_000), Ok(123_456_700));
        assert_eq!(amount_cents(price("999999999999"), i64::MAX), Err(ArithmeticError::OutOfRange));
        assert_eq!(percent_of(price("5.5"), 1000), Ok(55));
        assert_eq!(proportion(100, 1, 8), Ok(13), "12.5 rounds up");
    }

    #[test]
    fn equal_remainders_go_to_the_earlier_weight() {
        assert_eq!(shares(10, &[1, 1, 1]), Ok(vec![4, 3, 3]));
        assert_eq!(shares_in_steps(100, 50, &[1, 1, 1]), Ok(vec![50, 50, 0]));
        assert_eq!(shares(5, &[0, 0]), Err(ArithmeticError::NoWeights));
        assert!(matches!(shares_in_steps(10, 3, &[1]), Err(ArithmeticError::NotWhole { .. })));
    }

    proptest! {
        #[test]
        fn shares_sum_to_the_total_and_differ_from_the_exact_part_by_less_than_one(
            total in 0_i64..=i64::MAX / 2,
            weights in prop::collection::vec(0_i64..1_000_000_000_000, 1..50),
        ) {
            prop_assume!(weights.iter().any(|&weight| weight > 0));
            let result = shares(total, &weights).unwrap();
            prop_assert_eq!(result.iter().map(|&s| i128::from(s)).sum::<i128>(), i128::from(total));
            let whole: i128 = weights.iter().map(|&w| i128::from(w)).sum();
            for (&share, &weight) in result.iter().zip(&weights) {
                let difference = i128::from(share) * whole - i128::from(total) * i128::from(weight);
                prop_assert!(difference.abs() < whole);
            }
        }
    }
}
