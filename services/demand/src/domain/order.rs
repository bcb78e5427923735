//! Pooled orders and the books of their lines.
//!
//! | from | command | to |
//! |---|---|---|
//! | PLACING | reserved, confirmed, announced | PLACED |
//! | PLACING | refused by the ceiling or the beneficiary check | REFUSED |
//! | PLACED | the supplier's answer | ANSWERED |
//!
//! O1. Ordered = delivered + cancelled + outstanding, none of them below 0, for every line at every moment.
//! O2. The cents cancelled of a line are what its amount loses when it is computed on the units that are left.

use kit::money::proportion;

use super::order_error::OrderError;

/// State of a pooled order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderState {
    /// The process is reserving on the ceiling.
    Placing,
    /// Reserved, confirmed and announced to the supplier.
    Placed,
    /// The supplier has answered every line.
    Answered,
    /// The ceiling or the beneficiary check refused it.
    Refused,
}

impl OrderState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Placing, Self::Placed, Self::Answered, Self::Refused];

    /// As stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Placing => "PLACING",
            Self::Placed => "PLACED",
            Self::Answered => "ANSWERED",
            Self::Refused => "REFUSED",
        }
    }

    /// As read.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == text)
    }

    /// Takes a supplier's answer.
    ///
    /// # Errors
    /// [`OrderError::OrderNotPlaced`] in any other state than PLACED.
    pub fn answer(self, order: &impl ToString) -> Result<Self, OrderError> {
        match self {
            Self::Placed => Ok(Self::Answered),
            Self::Placing | Self::Answered | Self::Refused => {
                Err(OrderError::OrderNotPlaced { order: order.to_string(), state: self.name().to_owned() })
            }
        }
    }
}

/// How an answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// The supplier itself.
    Portal,
    /// Told an officer.
    Phone,
    /// Wrote to an officer.
    Email,
    /// Sent a file.
    File,
    /// The supplier itself, by the signed link in its order's e-mail.
    EmailLink,
}

impl Means {
    /// Reads the means; `by_supplier` tells whether the supplier itself calls.
    ///
    /// # Errors
    /// [`OrderError::WrongMeans`]: the portal is the supplier's own, the others are an officer's.
    pub fn parse(text: &str, by_supplier: bool) -> Result<Self, OrderError> {
        let allowed: &[Self] =
            if by_supplier { &[Self::Portal, Self::EmailLink] } else { &[Self::Phone, Self::Email, Self::File] };
        allowed.iter().copied().find(|means| means.name() == text).ok_or_else(|| OrderError::WrongMeans {
            means: text.chars().take(20).collect(),
            allowed: if by_supplier { "PORTAL, EMAIL_LINK" } else { "PHONE, EMAIL, FILE" },
        })
    }

    /// As stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portal => "PORTAL",
            Self::Phone => "PHONE",
            Self::Email => "EMAIL",
            Self::File => "FILE",
            Self::EmailLink => "EMAIL_LINK",
        }
    }
}

/// What became of one order line, in base units and cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Books {
    /// Ordered; above 0.
    pub ordered: i64,
    /// Never comes.
    pub cancelled: i64,
    /// Delivered and certified.
    pub delivered: i64,
    /// Cents of all that was ordered.
    pub amount_cents: i64,
    /// Cents of what never comes.
    pub cancelled_cents: i64,
}

impl Books {
    /// A line as it was ordered.
    #[must_use]
    pub const fn ordered(units: i64, amount_cents: i64) -> Self {
        Self { ordered: units, cancelled: 0, delivered: 0, amount_cents, cancelled_cents: 0 }
    }

    /// What may still come.
    #[must_use]
    pub const fn outstanding(&self) -> i64 {
        self.ordered - self.cancelled - self.delivered
    }

    /// Books units that never come. The line keeps its unit price: a tier lost re-prices future orders only (`domain.md` 6.8).
    ///
    /// # Errors
    /// [`OrderError::MoreThanOrdered`].
    pub fn cancel(self, line: &impl ToString, units: i64) -> Result<Self, OrderError> {
        let after = self.checked(line, self.cancelled.saturating_add(units), self.delivered)?;
        let kept = proportion(self.amount_cents, after.ordered - after.cancelled, after.ordered)?;
        Ok(Self { cancelled_cents: self.amount_cents - kept, ..after })
    }

    /// Books units certified as delivered.
    ///
    /// # Errors
    /// [`OrderError::MoreThanOrdered`].
    pub fn deliver(self, line: &impl ToString, units: i64) -> Result<Self, OrderError> {
        self.checked(line, self.cancelled, self.delivered.saturating_add(units))
    }

    fn checked(self, line: &impl ToString, cancelled: i64, delivered: i64) -> Result<Self, OrderError> {
        let within = cancelled >= self.cancelled
            && delivered >= self.delivered
            && cancelled.checked_add(delivered).is_some_and(|gone| gone <= self.ordered);
        if within {
            return Ok(Self { cancelled, delivered, ..self });
        }
        Err(OrderError::MoreThanOrdered { line: line.to_string(), ordered: self.ordered, cancelled, delivered })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_placed_order_takes_an_answer() {
        let table: Vec<_> =
            OrderState::ALL.iter().map(|state| (state.name(), state.answer(&"por_1").is_ok())).collect();
        assert_eq!(table, [("PLACING", false), ("PLACED", true), ("ANSWERED", false), ("REFUSED", false)]);
        assert_eq!(OrderState::parse("PLACED"), Some(OrderState::Placed));
        assert_eq!(OrderState::parse("GONE"), None);
    }

    #[test]
    fn the_portal_is_the_suppliers_own() {
        assert_eq!(Means::parse("PORTAL", true), Ok(Means::Portal));
        assert_eq!(Means::parse("EMAIL", false), Ok(Means::Email));
        assert!(Means::parse("PORTAL", false).is_err());
        assert!(Means::parse("PHONE", true).is_err());
        assert!(Means::parse("", true).is_err());
    }

    #[test]
    fn cancelling_gives_back_what_the_amount_loses() {
        let line = Books::ordered(3, 100);
        let one = line.cancel(&"orl_1", 1).unwrap();
        assert_eq!(one.cancelled_cents, 33, "two thirds of 100 are 67");
        assert_eq!(one.cancel(&"orl_1", 1).unwrap().cancelled_cents, 67, "one third is 33");
        assert_eq!(one.cancel(&"orl_1", 2).unwrap().cancelled_cents, 100);
        assert!(one.cancel(&"orl_1", 3).is_err());
        assert!(one.deliver(&"orl_1", 3).is_err());
        assert!(one.deliver(&"orl_1", -1).is_err());
        assert!(one.cancel(&"orl_1", i64::MAX).is_err());
    }

    proptest! {
        #[test]
        fn ordered_is_delivered_cancelled_and_outstanding_after_any_history(
            ordered in 1_i64..1_000_000,
            amount_cents in 0_i64..1_000_000_000,
            history in prop::collection::vec((any::<bool>(), 0_i64..400_000), 0..30),
        ) {
            let mut books = Books::ordered(ordered, amount_cents);
            for (cancel, units) in history {
                let after = if cancel { books.cancel(&"l", units) } else { books.deliver(&"l", units) };
                match after {
                    Ok(after) => {
                        prop_assert!(units <= books.outstanding());
                        books = after;
                    }
                    Err(_) => prop_assert!(units > books.outstanding()),
                }
                prop_assert_eq!(books.ordered, books.delivered + books.cancelled + books.outstanding());
                prop_assert!(books.outstanding() >= 0);
                prop_assert!((0..=amount_cents).contains(&books.cancelled_cents));
            }
            let rest = books.outstanding();
            let closed = books.cancel(&"l", rest).unwrap();
            prop_assert_eq!(closed.outstanding(), 0);
            if closed.delivered == 0 {
                prop_assert_eq!(closed.cancelled_cents, amount_cents);
            }
        }
    }
}
