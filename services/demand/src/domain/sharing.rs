//! Sharing what a supplier refuses of a pooled line over the delivery points behind it.

use kit::money::{shares, shares_in_steps};

use super::order_error::OrderError;

/// An order line as far as sharing goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Base units ordered.
    pub units: i64,
    /// Whether the platform opens packs for it.
    pub break_bulk: bool,
}

/// Base units refused per order line, for `refused` base units (whole packs) of their pooled line. `parts` stand in order of
/// order line id. Whole packs go in proportion to what was ordered, by largest remainder, ties by order line id; the lines whose
/// packs the platform opens count as one, last, and share theirs by the unit.
///
/// # Errors
/// When `refused` is not whole packs, or more than was ordered.
pub fn share_refusal(pack_units: i64, refused: i64, parts: &[Part]) -> Result<Vec<i64>, OrderError> {
    let pool: Vec<i64> = parts.iter().filter(|part| part.break_bulk).map(|part| part.units).collect();
    let mut weights: Vec<i64> = parts.iter().filter(|part| !part.break_bulk).map(|part| part.units).collect();
    weights.push(pool.iter().sum());
    let mut separate = shares_in_steps(refused, pack_units, &weights)?;
    let pooled = separate.pop().unwrap_or(0);
    let (mut separate, mut pooled) = (separate.into_iter(), shares(pooled, &pool)?.into_iter());
    let refused: Vec<i64> =
        parts.iter().map(|part| if part.break_bulk { pooled.next() } else { separate.next() }.unwrap_or(0)).collect();
    for (part, &refused) in parts.iter().zip(&refused) {
        if refused > part.units {
            return Err(OrderError::MoreThanOrdered {
                line: String::new(),
                ordered: part.units,
                cancelled: refused,
                delivered: 0,
            });
        }
    }
    Ok(refused)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(units: i64) -> Part {
        Part { units, break_bulk: false }
    }
    fn opened(units: i64) -> Part {
        Part { units, break_bulk: true }
    }

    #[test]
    fn refused_packs_go_in_proportion_and_ties_to_the_earlier_line() {
        assert_eq!(share_refusal(30, 60, &[whole(60), whole(60), whole(60)]), Ok(vec![30, 30, 0]));
        assert_eq!(share_refusal(30, 180, &[whole(60), whole(60), whole(60)]), Ok(vec![60, 60, 60]));
    }

    #[test]
    fn opened_packs_are_refused_by_the_unit() {
        assert_eq!(share_refusal(30, 30, &[opened(13), opened(17)]), Ok(vec![13, 17]));
        assert_eq!(share_refusal(30, 30, &[opened(20), opened(40)]), Ok(vec![10, 20]));
        assert_eq!(share_refusal(30, 30, &[opened(20), whole(60), opened(10)]), Ok(vec![0, 30, 0]));
    }

    #[test]
    fn a_cut_pack_and_too_many_packs_are_refused() {
        assert!(share_refusal(30, 31, &[whole(60)]).is_err());
        assert!(share_refusal(30, 90, &[whole(60)]).is_err());
    }

    proptest! {
        #[test]
        fn refusals_sum_exactly_and_nobody_is_refused_more_than_it_ordered(
            pack_units in 1_i64..50,
            packs in prop::collection::vec(1_i64..40, 1..20),
            opened_units in prop::collection::vec(1_i64..200, 0..8),
            part in 0_i64..=100,
        ) {
            let mut parts: Vec<Part> = packs.iter().map(|packs| whole(packs * pack_units)).collect();
            let mut pool = opened_units.clone();
            if let Some(last) = pool.last_mut() {
                // The pool as a whole is whole packs.
                *last += (pack_units - opened_units.iter().sum::<i64>() % pack_units) % pack_units;
            }
            parts.extend(pool.iter().map(|&units| opened(units)));
            let total: i64 = parts.iter().map(|part| part.units).sum();
            let refused = total / pack_units * part / 100 * pack_units;
            let result = share_refusal(pack_units, refused, &parts).unwrap();
            prop_assert_eq!(result.iter().sum::<i64>(), refused);
            for (&refused, part) in result.iter().zip(&parts) {
                prop_assert!((0..=part.units).contains(&refused));
                prop_assert!(part.break_bulk || refused % pack_units == 0);
            }
        }
    }
}
