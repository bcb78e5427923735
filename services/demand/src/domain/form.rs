//! The order forms inside a pooled order: one per buyer, with its amount and its VAT.

use std::collections::BTreeMap;

use kit::money::{ArithmeticError, percent_of};
use rust_decimal::Decimal;

/// What stands on one order form, per VAT rate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormTotals {
    by_rate: BTreeMap<Decimal, i64>,
}

impl FormTotals {
    /// Adds cents without VAT at a rate in percent.
    ///
    /// # Errors
    /// When the sum does not fit 64 bits.
    pub fn add(&mut self, rate: Decimal, cents: i64) -> Result<(), ArithmeticError> {
        let total = self.by_rate.entry(rate.normalize()).or_default();
        *total = total.checked_add(cents).ok_or(ArithmeticError::OutOfRange)?;
        Ok(())
    }

    /// Cents without VAT.
    ///
    /// # Errors
    /// When the sum does not fit 64 bits.
    pub fn amount_cents(&self) -> Result<i64, ArithmeticError> {
        self.by_rate.values().try_fold(0_i64, |sum, &cents| sum.checked_add(cents)).ok_or(ArithmeticError::OutOfRange)
    }

    /// VAT in cents: per rate on the form's total at that rate, rounded half up, never line by line.
    ///
    /// # Errors
    /// When it does not fit 64 bits.
    pub fn vat_cents(&self) -> Result<i64, ArithmeticError> {
        self.by_rate.iter().try_fold(0_i64, |sum, (&rate, &cents)| {
            sum.checked_add(percent_of(rate, cents)?).ok_or(ArithmeticError::OutOfRange)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vat_is_rounded_once_per_rate() {
        let mut totals = FormTotals::default();
        for _ in 0..10 {
            totals.add(Decimal::new(21, 1), 12).unwrap();
        }
        totals.add(Decimal::new(200, 1), 1_000).unwrap();
        totals.add(Decimal::from(20), 5).unwrap();
        assert_eq!(totals.amount_cents(), Ok(1_125));
        assert_eq!(totals.vat_cents(), Ok(3 + 201), "2.52 and 201; line by line the first would be 0");
    }
}
