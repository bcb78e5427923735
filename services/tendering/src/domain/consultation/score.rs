//! Points and ranks. Everything is computed in whole numbers and rounded once, half up, to the places announced; no figure
//! depends on the order in which offers come.

use std::{
    cmp::{Ordering, Reverse},
    collections::HashMap,
};

use chrono::{DateTime, Utc};
use kit::id::{PartyId, TenderId};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::dossier::{Criterion, CriterionKind, Dossier, PriceFormula, TieRule};
use crate::domain::text;

/// The best mark that an officer gives.
pub const BEST_MARK: i64 = 10;

/// A mark given by an officer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// 0 to [`BEST_MARK`], in hundredths.
    pub hundredths: i64,
    /// Why.
    pub comment: String,
}

/// An offer for a lot, to be ranked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Which tender.
    pub tender: TenderId,
    /// Whose.
    pub party: PartyId,
    /// When it was received.
    pub received_at: DateTime<Utc>,
    /// Price of the basket, cents EUR, above 0.
    pub price_cents: i64,
    /// Marks by key of criterion.
    pub marks: HashMap<String, Mark>,
}

/// Points on one criterion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Points {
    /// Key of the criterion.
    pub criterion: String,
    /// Its weight.
    pub weight: u32,
    /// The officer's mark; none for the price.
    pub mark: Option<Decimal>,
    /// The officer's comment, or the calculation.
    pub comment: String,
    /// Points, 0 to the weight.
    pub points: Decimal,
}

/// An offer with its rank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ranked {
    /// From 1.
    pub rank: i32,
    /// Which tender.
    pub tender: TenderId,
    /// Whose.
    pub party: PartyId,
    /// Price of the basket, cents EUR.
    pub price_cents: i64,
    /// In the order announced.
    pub points: Vec<Points>,
    /// Their sum.
    pub total: Decimal,
    /// Whether another has the same sum and the tie rule decided.
    pub tie: bool,
}

/// Why offers cannot be ranked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unrankable {
    /// A mark is missing: tender and criterion.
    MarkMissing(TenderId, String),
    /// The documents have no lawful formula or no tie rule: they could not have been published.
    NotPublishable,
    /// A price is not above 0, or figures do not fit.
    OutOfRange,
}

/// `numerator ÷ denominator` with `places` places, rounded half up once.
fn quotient(numerator: i128, denominator: i128, places: u32) -> Option<Decimal> {
    if numerator < 0 || denominator <= 0 {
        return None;
    }
    let scaled = numerator.checked_mul(10_i128.checked_pow(places)?)?.checked_mul(2)?.checked_add(denominator)?;
    Decimal::try_from_i128_with_scale(scaled / denominator.checked_mul(2)?, places).ok()
}

/// Points of a price. The lowest price has the whole weight, a dearer one less or as much, none less than 0.
#[must_use]
pub fn price_points(
    formula: PriceFormula,
    weight: u32,
    lowest_cents: i64,
    price_cents: i64,
    places: u32,
) -> Option<Decimal> {
    if lowest_cents < 1 || price_cents < lowest_cents {
        return None;
    }
    let (weight, lowest, price) = (i128::from(weight), i128::from(lowest_cents), i128::from(price_cents));
    match formula {
        PriceFormula::PminOverP => quotient(weight * lowest, price, places),
        PriceFormula::Linear => quotient(weight * (2 * lowest - price).max(0), lowest, places),
        PriceFormula::Flattened | PriceFormula::MinMax | PriceFormula::UnitPriceSum => None,
    }
}

/// Ranks the offers of a lot, best first. Each has its marks for every criterion but the price.
///
/// # Errors
/// What keeps it from ranking.
pub fn rank(dossier: &Dossier, candidates: &[Candidate]) -> Result<Vec<Ranked>, Unrankable> {
    let (Some(formula), Some(tie_rule)) = (dossier.formula, dossier.tie_rule) else {
        return Err(Unrankable::NotPublishable);
    };
    let Some(lowest) = candidates.iter().map(|candidate| candidate.price_cents).min() else { return Ok(Vec::new()) };
    let mut ranked = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let points = dossier
            .criteria
            .iter()
            .map(|criterion| points(dossier, formula, criterion, lowest, candidate))
            .collect::<Result<Vec<_>, _>>()?;
        let total: Decimal = points.iter().map(|points| points.points).sum();
        let row = Ranked {
            rank: 0,
            tender: candidate.tender,
            party: candidate.party,
            price_cents: candidate.price_cents,
            points,
            total,
            tie: false,
        };
        ranked.push((row, candidate.received_at));
    }
    ranked.sort_by(|(a, a_at), (b, b_at)| {
        b.total
            .cmp(&a.total)
            .then_with(|| by_rule(dossier, tie_rule, a, b))
            .then_with(|| a_at.cmp(b_at))
            .then_with(|| a.tender.cmp(&b.tender))
    });
    let totals: Vec<Decimal> = ranked.iter().map(|(row, _)| row.total).collect();
    let mut rows: Vec<Ranked> = ranked.into_iter().map(|(row, _)| row).collect();
    for (rank, row) in (1..).zip(&mut rows) {
        row.rank = rank;
        row.tie = totals.iter().filter(|total| **total == row.total).count() > 1;
    }
    Ok(rows)
}

fn points(
    dossier: &Dossier,
    formula: PriceFormula,
    criterion: &Criterion,
    lowest: i64,
    candidate: &Candidate,
) -> Result<Points, Unrankable> {
    let places = dossier.points_places;
    let (mark, comment, points) = match criterion.kind {
        CriterionKind::Price => {
            let points = price_points(formula, criterion.weight, lowest, candidate.price_cents, places);
            (None, calculation(formula, criterion.weight, lowest, candidate.price_cents), points)
        }
        CriterionKind::Quality | CriterionKind::Environmental | CriterionKind::SupplySecurity => {
            let mark = candidate
                .marks
                .get(&criterion.key)
                .ok_or_else(|| Unrankable::MarkMissing(candidate.tender, criterion.key.clone()))?;
            let numerator = i128::from(criterion.weight) * i128::from(mark.hundredths);
            let points = quotient(numerator, i128::from(BEST_MARK) * 100, places);
            (Some(Decimal::new(mark.hundredths, 2)), mark.comment.clone(), points)
        }
    };
    let points = points.ok_or(Unrankable::OutOfRange)?;
    Ok(Points { criterion: criterion.key.clone(), weight: criterion.weight, mark, comment, points })
}

fn calculation(formula: PriceFormula, weight: u32, lowest: i64, price: i64) -> String {
    let (lowest, price) = (text::euros(lowest), text::euros(price));
    match formula {
        PriceFormula::PminOverP => format!("{weight} × {lowest} ÷ {price}"),
        PriceFormula::Linear => format!("{weight} × (1 − ({price} − {lowest}) ÷ {lowest}), 0 au moins"),
        PriceFormula::Flattened | PriceFormula::MinMax | PriceFormula::UnitPriceSum => String::new(),
    }
}

fn by_rule(dossier: &Dossier, rule: TieRule, a: &Ranked, b: &Ranked) -> Ordering {
    match rule {
        TieRule::LowestPrice => a.price_cents.cmp(&b.price_cents),
        TieRule::BestEnvironment => Reverse(environment(dossier, a)).cmp(&Reverse(environment(dossier, b))),
    }
}

fn environment(dossier: &Dossier, row: &Ranked) -> Decimal {
    let of_environment = dossier.criteria.iter().zip(&row.points);
    of_environment
        .filter(|(criterion, _)| criterion.kind == CriterionKind::Environmental)
        .map(|(_, points)| points.points)
        .sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::publication::tests::complete, *};

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn candidate(price_cents: i64, quality: i64, environment: i64, second: i64) -> Candidate {
        let mark = |hundredths| Mark { hundredths, comment: "vu".into() };
        Candidate {
            tender: TenderId::new(),
            party: PartyId::new(),
            received_at: DateTime::from_timestamp(second, 0).unwrap(),
            price_cents,
            marks: HashMap::from([("QUAL".to_owned(), mark(quality)), ("ENV".to_owned(), mark(environment))]),
        }
    }

    #[test]
    fn every_figure_of_a_ranking_can_be_checked_by_hand() {
        let (cheap, dear) = (candidate(100_000, 500, 400, 1), candidate(150_000, 1_000, 925, 2));
        let ranked = rank(&complete(), &[dear.clone(), cheap.clone()]).unwrap();
        let shown: Vec<(i32, TenderId, Vec<Decimal>, Decimal)> = ranked
            .iter()
            .map(|row| (row.rank, row.tender, row.points.iter().map(|p| p.points).collect(), row.total))
            .collect();
        // 60 × 1000 ÷ 1500 = 40; 30 × 10 ÷ 10; 10 × 9.25 ÷ 10.
        assert_eq!(
            shown,
            [
                (1, dear.tender, vec![decimal("40.00"), decimal("30.00"), decimal("9.25")], decimal("79.25")),
                (2, cheap.tender, vec![decimal("60.00"), decimal("15.00"), decimal("4.00")], decimal("79.00")),
            ]
        );
        assert_eq!(ranked[0].points[0].comment, "60 × 1\u{202f}000,00\u{a0}€ ÷ 1\u{202f}500,00\u{a0}€");
    }

    #[test]
    fn points_round_half_up_once() {
        let points = |formula, lowest, price| price_points(formula, 60, lowest, price, 2).unwrap();
        assert_eq!(points(PriceFormula::PminOverP, 1, 3), decimal("20.00"));
        assert_eq!(points(PriceFormula::PminOverP, 2, 7), decimal("17.14"));
        // 60 × 1001 ÷ 16000 = 3.75375
        assert_eq!(points(PriceFormula::PminOverP, 1_001, 16_000), decimal("3.75"));
        // 60 × 3 ÷ 32 = 5.625
        assert_eq!(points(PriceFormula::PminOverP, 3, 32), decimal("5.63"));
        assert_eq!(points(PriceFormula::Linear, 100, 150), decimal("30.00"));
        assert_eq!(points(PriceFormula::Linear, 100, 200), decimal("0.00"));
        assert_eq!(points(PriceFormula::Linear, 100, 999), decimal("0.00"));
        assert_eq!(price_points(PriceFormula::MinMax, 60, 1, 2, 2), None);
    }

    #[test]
    fn ties_go_by_the_announced_rule_then_by_receipt() {
        let mut dossier = complete();
        // 60 + 0 + 10 against 30 + 30 + 10: equal sums at different prices.
        let (cheap, dear) = (candidate(100, 0, 1_000, 9), candidate(200, 1_000, 1_000, 1));
        let order = |dossier: &Dossier, candidates: &[Candidate]| -> Vec<TenderId> {
            let ranked = rank(dossier, candidates).unwrap();
            assert!(ranked.iter().all(|row| row.tie));
            ranked.into_iter().map(|row| row.tender).collect()
        };
        assert_eq!(order(&dossier, &[dear.clone(), cheap.clone()]), [cheap.tender, dear.tender]);
        dossier.tie_rule = Some(TieRule::BestEnvironment);
        // Equal environment too: the one received first.
        assert_eq!(order(&dossier, &[cheap.clone(), dear.clone()]), [dear.tender, cheap.tender]);
        let (green, grey) = (candidate(100, 0, 1_000, 9), candidate(100, 333, 1, 1));
        let green_first = rank(&dossier, &[grey, green.clone()]).unwrap();
        assert_eq!(green_first[0].tender, green.tender);
    }

    #[test]
    fn a_missing_mark_is_told() {
        let mut unmarked = candidate(100, 0, 0, 1);
        unmarked.marks.remove("ENV");
        assert_eq!(
            rank(&complete(), std::slice::from_ref(&unmarked)),
            Err(Unrankable::MarkMissing(unmarked.tender, "ENV".into()))
        );
    }

    fn lawful() -> impl Strategy<Value = PriceFormula> {
        prop_oneof![Just(PriceFormula::PminOverP), Just(PriceFormula::Linear)]
    }

    proptest! {
        #[test]
        fn the_best_price_has_the_best_points_and_none_has_less_than_nothing(
            formula in lawful(), weight in 1_u32..=100, places in 0_u32..=6,
            prices in prop::collection::vec(1_i64..=1_000_000_000_000_000, 1..20),
        ) {
            let lowest = *prices.iter().min().unwrap();
            let full = Decimal::from(weight);
            prop_assert_eq!(price_points(formula, weight, lowest, lowest, places), Some(full));
            let mut sorted = prices;
            sorted.sort_unstable();
            let points: Vec<Decimal> =
                sorted.iter().map(|price| price_points(formula, weight, lowest, *price, places).unwrap()).collect();
            prop_assert!(points.is_sorted_by(|dearer, cheaper| dearer >= cheaper), "a dearer price never has more");
            prop_assert!(points.iter().all(|points| *points >= Decimal::ZERO && *points <= full));
        }

        #[test]
        fn a_ranking_does_not_depend_on_the_order_of_the_offers(
            formula in lawful(),
            offers in prop::collection::vec((1_i64..=2_000, 0_i64..=1_000, 0_i64..=1_000, 0_i64..=3), 1..12),
            seed in any::<u64>(),
        ) {
            let dossier = Dossier { formula: Some(formula), ..complete() };
            let mut candidates: Vec<Candidate> =
                offers.into_iter().map(|(price, quality, env, at)| candidate(price, quality, env, at)).collect();
            let first = rank(&dossier, &candidates).unwrap();
            let shift = usize::try_from(seed % 12).unwrap() % candidates.len();
            candidates.rotate_left(shift);
            candidates.reverse();
            prop_assert_eq!(rank(&dossier, &candidates).unwrap(), first.clone());
            prop_assert!(first.is_sorted_by(|better, worse| better.total >= worse.total));
            prop_assert_eq!(first.iter().map(|row| row.rank).collect::<Vec<_>>(), (1..).take(first.len()).collect::<Vec<i32>>());
        }
    }
}
