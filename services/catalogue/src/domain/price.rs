//! C6 to C8: prices.

use std::collections::HashMap;

use chrono::NaiveDate;
use kit::id::{AgreementId, ArticleId, LotId, PartyId, PriceId};
use rust_decimal::Decimal;

use super::CatalogueError;

/// Tiers of one price at most.
pub const TIERS_LIMIT: usize = 50;
/// Most packs that an order may have to be a multiple of.
pub const MULTIPLE_LIMIT: i64 = 1_000_000;

/// A price from a quantity on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// Base units from which it holds.
    pub min_units: i64,
    /// EUR without VAT per base unit, at most 6 places.
    pub unit_price: Decimal,
}

/// The tiers of a price, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tiers(Vec<Tier>);

/// What can be wrong with tiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TierError {
    /// None, or more than [`TIERS_LIMIT`].
    #[error("a price has 1 to {TIERS_LIMIT} tiers, got {0}")]
    TierCount(usize),
    /// The first does not start at 0.
    #[error("the first tier starts at 0 units, not at {0}")]
    NotFromZero(i64),
    /// Does not start above the one before.
    #[error("must be more than the {before} units of the tier before, is {got}")]
    NotRising {
        /// Units of the tier before.
        before: i64,
        /// Units of this one.
        got: i64,
    },
    /// Costs more than the one before: whoever buys more would pay more for each.
    #[error("must not be more than the {before} of the tier before, is {got}")]
    PriceRises {
        /// Price of the tier before.
        before: Decimal,
        /// Price of this one.
        got: Decimal,
    },
}

impl Tiers {
    /// Checks tiers in rising order of quantity.
    ///
    /// # Errors
    /// Every fault with the index of its tier.
    pub fn new(tiers: Vec<Tier>) -> Result<Self, Vec<(usize, TierError)>> {
        if tiers.is_empty() || tiers.len() > TIERS_LIMIT {
            return Err(vec![(0, TierError::TierCount(tiers.len()))]);
        }
        let mut faults = Vec::new();
        if tiers[0].min_units != 0 {
            faults.push((0, TierError::NotFromZero(tiers[0].min_units)));
        }
        for (index, pair) in tiers.windows(2).enumerate() {
            let (before, this) = (pair[0], pair[1]);
            if this.min_units <= before.min_units {
                faults.push((index + 1, TierError::NotRising { before: before.min_units, got: this.min_units }));
            }
            if this.unit_price > before.unit_price {
                faults.push((index + 1, TierError::PriceRises { before: before.unit_price, got: this.unit_price }));
            }
        }
        if faults.is_empty() { Ok(Self(tiers)) } else { Err(faults) }
    }

    /// In rising order of quantity.
    #[must_use]
    pub fn as_slice(&self) -> &[Tier] {
        &self.0
    }
}

/// Days on which something holds, first and last included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    from: NaiveDate,
    to: NaiveDate,
}

impl Period {
    /// From a first to a last day; none when the last lies before the first.
    #[must_use]
    pub fn new(from: NaiveDate, to: NaiveDate) -> Option<Self> {
        (from <= to).then_some(Self { from, to })
    }

    /// First day.
    #[must_use]
    pub const fn from(self) -> NaiveDate {
        self.from
    }

    /// Last day.
    #[must_use]
    pub const fn to(self) -> NaiveDate {
        self.to
    }

    /// Whether they share a day.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }

    /// Whether every day lies in the other.
    #[must_use]
    pub fn within(self, other: Self) -> bool {
        other.from <= self.from && self.to <= other.to
    }
}

/// What a lot's holder asks for something, whatever article it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The agreement.
    pub agreement: AgreementId,
    /// The lot.
    pub lot: LotId,
    /// The holder that sells.
    pub supplier: PartyId,
    /// Level in which the supplier takes orders.
    pub packaging_code: String,
    /// Orders are a multiple of so many packs, 1 to [`MULTIPLE_LIMIT`].
    pub order_multiple_packs: i64,
    /// Prices by quantity.
    pub tiers: Tiers,
    /// When it holds.
    pub period: Period,
}

/// An offer for an article of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// The article.
    pub article: ArticleId,
    /// Base units in the packaging.
    pub pack_units: i64,
    /// The offer.
    pub offer: Offer,
}

/// What tendering says about an agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreementTerms {
    /// When it is in force.
    pub period: Period,
    /// The holder of each lot.
    pub holders: HashMap<LotId, PartyId>,
}

/// How an offer can fail to stand under its agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    /// The lot is another agreement's.
    #[error("{lot} is no lot of {agreement}")]
    ForeignLot {
        /// Lot as sent.
        lot: LotId,
        /// Agreement as sent.
        agreement: AgreementId,
    },
    /// Somebody else holds the lot.
    #[error("{supplier} does not hold {lot}")]
    NotHolder {
        /// Supplier as sent.
        supplier: PartyId,
        /// Lot as sent.
        lot: LotId,
    },
    /// Some day lies outside the agreement.
    #[error("the price must hold within the agreement, from {from} to {to}")]
    OutsidePeriod {
        /// First day of the agreement.
        from: NaiveDate,
        /// Last day of the agreement.
        to: NaiveDate,
    },
}

impl AgreementTerms {
    /// C7: everything by which an offer does not fit.
    #[must_use]
    pub fn check(&self, offer: &Offer) -> Vec<TermsError> {
        let mut faults = Vec::new();
        match self.holders.get(&offer.lot) {
            None => faults.push(TermsError::ForeignLot { lot: offer.lot, agreement: offer.agreement }),
            Some(holder) if *holder != offer.supplier => {
                faults.push(TermsError::NotHolder { supplier: offer.supplier, lot: offer.lot });
            }
            Some(_) => {}
        }
        if !offer.period.within(self.period) {
            faults.push(TermsError::OutsidePeriod { from: self.period.from, to: self.period.to });
        }
        faults
    }
}

/// Which prices are asked for.
#[derive(Debug, Clone)]
pub struct Filter {
    /// On which day; none means today.
    pub on: Option<NaiveDate>,
    /// Only these agreements; empty means all.
    pub agreements: Vec<AgreementId>,
    /// Only these articles; empty means all.
    pub articles: Vec<ArticleId>,
}

/// When a stored price applies, and to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Its id.
    pub id: PriceId,
    /// The lot.
    pub lot: LotId,
    /// The article.
    pub article: ArticleId,
    /// When.
    pub period: Period,
}

/// C8: for each price wanted, the stored one that it replaces (same lot, article and period), or none when it is new.
///
/// # Errors
/// [`CatalogueError::PricesOverlap`] when two would both apply on a day.
pub fn place(stored: &[Slot], wanted: &[Price]) -> Result<Vec<Option<PriceId>>, CatalogueError> {
    let mut by_article: HashMap<(LotId, ArticleId), Vec<Slot>> = HashMap::new();
    for &slot in stored {
        by_article.entry((slot.lot, slot.article)).or_default().push(slot);
    }
    let mut earlier: HashMap<(LotId, ArticleId), Vec<(usize, Period)>> = HashMap::new();
    let mut places = Vec::with_capacity(wanted.len());
    for (index, price) in wanted.iter().enumerate() {
        let (key, period) = ((price.offer.lot, price.article), price.offer.period);
        let clash = |other: String, with: Period| CatalogueError::PricesOverlap {
            article: price.article,
            lot: price.offer.lot,
            from: period.from,
            to: period.to,
            other,
            other_from: with.from,
            other_to: with.to,
        };
        let sent = earlier.entry(key).or_default();
        if let Some((other, with)) = sent.iter().find(|(_, with)| period.overlaps(*with)) {
            return Err(clash(format!("prices[{other}]"), *with));
        }
        sent.push((index, period));
        let mut replaced = None;
        for slot in by_article.get(&key).into_iter().flatten() {
            if slot.period == period {
                replaced = Some(slot.id);
            } else if slot.period.overlaps(period) {
                return Err(clash(slot.id.to_string(), slot.period));
            }
        }
        places.push(replaced);
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tiers(list: &[(i64, &str)]) -> Result<Tiers, Vec<(usize, TierError)>> {
        Tiers::new(
            list.iter().map(|&(min_units, price)| Tier { min_units, unit_price: price.parse().unwrap() }).collect(),
        )
    }

    fn day(offset: u64) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + chrono::Days::new(offset)
    }

    fn period(from: u64, to: u64) -> Period {
        Period::new(day(from), day(to)).unwrap()
    }

    fn price(lot: LotId, article: ArticleId, period: Period) -> Price {
        let offer = Offer {
            agreement: AgreementId::new(),
            lot,
            supplier: PartyId::new(),
            packaging_code: "BOX".into(),
            order_multiple_packs: 1,
            tiers: tiers(&[(0, "1.5")]).unwrap(),
            period,
        };
        Price { article, pack_units: 30, offer }
    }

    #[test]
    fn tiers_start_at_zero_rise_in_quantity_and_never_in_price() {
        assert!(tiers(&[(0, "1.5"), (100, "1.5"), (1000, "1.2")]).is_ok());
        assert_eq!(tiers(&[]), Err(vec![(0, TierError::TierCount(0))]));
        assert_eq!(tiers(&[(1, "1.5")]), Err(vec![(0, TierError::NotFromZero(1))]));
        let faults = tiers(&[(0, "1"), (0, "1"), (5, "2")]).unwrap_err();
        assert_eq!(faults[0], (1, TierError::NotRising { before: 0, got: 0 }));
        assert_eq!(faults[1], (2, TierError::PriceRises { before: Decimal::ONE, got: Decimal::TWO }));
    }

    #[test]
    fn an_offer_must_fit_its_agreement() {
        let offer = price(LotId::new(), ArticleId::new(), period(0, 10)).offer;
        let terms =
            |supplier, to| AgreementTerms { period: period(0, to), holders: HashMap::from([(offer.lot, supplier)]) };
        assert_eq!(terms(offer.supplier, 10).check(&offer), []);
        let (from, to) = (day(0), day(9));
        assert_eq!(terms(offer.supplier, 9).check(&offer), [TermsError::OutsidePeriod { from, to }]);
        let not_holder = TermsError::NotHolder { supplier: offer.supplier, lot: offer.lot };
        assert_eq!(terms(PartyId::new(), 10).check(&offer), [not_holder]);
        let none = AgreementTerms { period: period(0, 10), holders: HashMap::new() };
        assert_eq!(none.check(&offer), [TermsError::ForeignLot { lot: offer.lot, agreement: offer.agreement }]);
    }

    #[test]
    fn the_same_period_replaces_and_a_shared_day_clashes() {
        let (lot, article) = (LotId::new(), ArticleId::new());
        let stored = [Slot { id: PriceId::new(), lot, article, period: period(0, 10) }];
        let at = |from, to| vec![price(lot, article, period(from, to))];
        assert_eq!(place(&stored, &at(0, 10)), Ok(vec![Some(stored[0].id)]));
        assert_eq!(place(&stored, &at(11, 20)), Ok(vec![None]));
        let error = place(&stored, &at(10, 20)).unwrap_err();
        assert!(
            matches!(&error, CatalogueError::PricesOverlap { other, .. } if *other == stored[0].id.to_string()),
            "{error}"
        );
        assert_eq!(place(&stored, &[price(LotId::new(), article, period(0, 5))]), Ok(vec![None]), "another lot");
        let twice = [at(11, 20), at(11, 20)].concat();
        assert!(place(&stored, &twice).unwrap_err().to_string().contains("prices[0]"));
    }

    proptest! {
        #[test]
        fn accepted_prices_never_share_a_day(
            old in prop::collection::vec((0_u64..40, 0_u64..10), 0..6),
            new in prop::collection::vec((0_u64..40, 0_u64..10), 1..6),
        ) {
            let (lot, article) = (LotId::new(), ArticleId::new());
            let mut stored: Vec<Slot> = Vec::new();
            for (from, length) in old {
                let period = period(from, from + length);
                if stored.iter().all(|slot| !slot.period.overlaps(period)) {
                    stored.push(Slot { id: PriceId::new(), lot, article, period });
                }
            }
            let wanted: Vec<Price> = new.iter().map(|&(from, length)| price(lot, article, period(from, from + length))).collect();
            let Ok(places) = place(&stored, &wanted) else { return Ok(()) };
            let kept = stored.iter().filter(|slot| !places.contains(&Some(slot.id))).map(|slot| slot.period);
            let after: Vec<Period> = kept.chain(wanted.iter().map(|price| price.offer.period)).collect();
            for offset in 0..60 {
                let on = period(offset, offset);
                prop_assert!(after.iter().filter(|period| period.overlaps(on)).count() <= 1);
            }
        }
    }
}
