//! Lots of a consultation, drawn up from a census.
//!
//! - **One lot for each CPV class** (the first four digits of the code): homogeneous supplies are bought together and lots are
//!   separate by default (CCP L2113-10, R2121-6). Articles without a code make the last lot.
//! - **Quantity** of an article: units stated × duration of the agreement ÷ period of the census, rounded half up, 1 at least.
//! - **Reference price** of an article: what the members that state it paid before, weighted by what each states; members
//!   without a price of their own take no part in the mean. Rounded half up to 6 places.
//! - **Estimate** of a lot: quantity × reference price, each line rounded half up to the cent. An article that nobody has paid
//!   counts for nothing, and is named: it needs a price before the estimate can be relied on (CCP R2121-1).
//! - **Maximum** of a lot: its estimate plus the margin stated, rounded up to the cent (CCP R2162-4).

use std::collections::BTreeMap;

use kit::{
    french::grouped,
    id::ArticleId,
    money::{ArithmeticError, amount_cents},
};
use rust_decimal::{Decimal, RoundingStrategy};

/// Digits of a CPV code that make a class.
const CLASS_DIGITS: usize = 4;
/// Places of a unit price.
const PRICE_PLACES: u32 = 6;
/// Longest duration asked for, months. What the law allows (CCP L2125-1) is judged by whoever publishes.
pub const DURATION_LIMIT: i32 = 480;
/// Largest margin, percent.
pub const MARGIN_LIMIT: i32 = 300;
/// Articles of one consultation at most: a lot's basket has no more lines.
pub const ARTICLE_LIMIT: usize = 5_000;

/// What a census asks for of an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Which.
    pub article: ArticleId,
    /// Base units stated by all members.
    pub units: i64,
    /// Of these, at least to be ordered.
    pub minimum_units: i64,
    /// Of these, firm.
    pub firm_units: i64,
    /// Of these, stated by members that have paid it before.
    pub priced_units: i64,
    /// Σ units × price paid before, over those members, EUR without VAT.
    pub paid: Decimal,
}

impl Asked {
    /// EUR without VAT per base unit that the members paid before; none when none of them did.
    #[must_use]
    pub fn reference_price(&self) -> Option<Decimal> {
        let mean = self.paid.checked_div(Decimal::from(self.priced_units))?;
        Some(mean.round_dp_with_strategy(PRICE_PLACES, RoundingStrategy::MidpointAwayFromZero).normalize())
    }
}

/// What the catalogue says of an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Label.
    pub label: String,
    /// CPV code without check digit; may be empty.
    pub cpv: String,
    /// Packagings in which suppliers sell it.
    pub packagings: Vec<String>,
}

/// For what lots are drawn up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Period of the census, months, 1 or more.
    pub period_months: i32,
    /// Duration of the agreement, months, 1 to [`DURATION_LIMIT`].
    pub duration_months: i32,
    /// What the maximum is above the estimate, percent, 0 to [`MARGIN_LIMIT`].
    pub margin_percent: i32,
}

/// An article of a lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What the census asks for.
    pub asked: Asked,
    /// What it is.
    pub described: Described,
    /// Base units over the whole duration.
    pub quantity: i64,
    /// EUR without VAT per base unit; none when nobody paid it before.
    pub reference_price: Option<Decimal>,
    /// Estimated value, cents EUR; 0 without a reference price.
    pub value_cents: i64,
}

/// A lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lot {
    /// Number, from 1.
    pub number: i32,
    /// CPV class, 4 digits; empty for articles without a code.
    pub cpv_class: String,
    /// Title in French.
    pub title: String,
    /// Estimated value over the whole duration, cents EUR without VAT.
    pub estimated_cents: i64,
    /// Estimate plus margin, cents EUR without VAT.
    pub maximum_cents: i64,
    /// By label.
    pub lines: Vec<Line>,
}

/// Draws up the lots. Their order, and that of their lines, does not depend on the order of what is asked for.
///
/// # Errors
/// When an amount does not fit.
pub fn draw_up(asked: Vec<(Asked, Described)>, span: Span) -> Result<Vec<Lot>, ArithmeticError> {
    // Articles without a code sort last: no digit is above `~`.
    let mut classes: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    for (asked, described) in asked {
        let class: String = described.cpv.chars().take(CLASS_DIGITS).collect();
        let key = if class.is_empty() { "~".to_owned() } else { class };
        classes.entry(key).or_default().push(line(asked, described, span)?);
    }
    let mut lots = Vec::with_capacity(classes.len());
    for (number, (class, mut lines)) in (1..).zip(classes) {
        lines.sort_by(|one, other| {
            (&one.described.label, one.asked.article).cmp(&(&other.described.label, other.asked.article))
        });
        let estimated_cents = lines
            .iter()
            .try_fold(0_i64, |sum, line| sum.checked_add(line.value_cents))
            .ok_or(ArithmeticError::OutOfRange)?;
        let cpv_class = if class == "~" { String::new() } else { class };
        let title = title(&cpv_class, &lines);
        let maximum_cents = with_margin(estimated_cents, span.margin_percent)?;
        lots.push(Lot { number, cpv_class, title, estimated_cents, maximum_cents, lines });
    }
    Ok(lots)
}

fn line(asked: Asked, described: Described, span: Span) -> Result<Line, ArithmeticError> {
    let quantity = scaled(asked.units, span)?;
    let reference_price = asked.reference_price();
    let value_cents = match reference_price {
        Some(price) => amount_cents(price, quantity)?,
        None => 0,
    };
    Ok(Line { asked, described, quantity, reference_price, value_cents })
}

/// Units stated for the census's period, for the agreement's duration: rounded half up, 1 at least.
fn scaled(units: i64, span: Span) -> Result<i64, ArithmeticError> {
    if units < 0 || span.period_months < 1 || span.duration_months < 1 {
        return Err(ArithmeticError::Negative);
    }
    let (period, duration) = (i128::from(span.period_months), i128::from(span.duration_months));
    let quantity = (2 * i128::from(units) * duration + period) / (2 * period);
    i64::try_from(quantity.max(1)).map_err(|_| ArithmeticError::OutOfRange)
}

/// An amount plus a margin, rounded up to the cent.
fn with_margin(cents: i64, percent: i32) -> Result<i64, ArithmeticError> {
    let product = i128::from(cents) * (100 + i128::from(percent));
    i64::try_from((product + 99) / 100).map_err(|_| ArithmeticError::OutOfRange)
}

fn title(class: &str, lines: &[Line]) -> String {
    let first = lines.first().map(|line| line.described.label.as_str()).unwrap_or_default();
    let of = if class.is_empty() { "Sans code CPV".to_owned() } else { format!("Classe CPV {class}") };
    match i64::try_from(lines.len()).unwrap_or(i64::MAX) - 1 {
        others if others < 1 => format!("{of} : {first}"),
        1 => format!("{of} : {first} et un autre article"),
        others => format!("{of} : {first} et {} autres articles", grouped(others)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked(units: i64, priced_units: i64, paid: &str) -> Asked {
        let paid = paid.parse().unwrap();
        Asked { article: ArticleId::new(), units, minimum_units: 0, firm_units: 0, priced_units, paid }
    }

    fn described(label: &str, cpv: &str) -> Described {
        Described { label: label.into(), cpv: cpv.into(), packagings: vec!["BOX".into()] }
    }

    const SPAN: Span = Span { period_months: 12, duration_months: 48, margin_percent: 20 };

    #[test]
    fn one_lot_for_each_cpv_class_and_the_last_for_articles_without_a_code() {
        let lots = draw_up(
            vec![
                (asked(10, 0, "0"), described("Sans code", "")),
                (asked(10, 10, "5"), described("Stylo", "30192121")),
                (asked(10, 10, "5"), described("Papier", "30197630")),
                (asked(10, 10, "5"), described("Agrafes", "30199230")),
                (asked(10, 10, "5"), described("Essuie-mains", "33763000")),
            ],
            SPAN,
        )
        .unwrap();
        let shown: Vec<(i32, &str, &str)> =
            lots.iter().map(|lot| (lot.number, lot.cpv_class.as_str(), lot.title.as_str())).collect();
        assert_eq!(
            shown,
            [
                (1, "3019", "Classe CPV 3019 : Agrafes et 2 autres articles"),
                (2, "3376", "Classe CPV 3376 : Essuie-mains"),
                (3, "", "Sans code CPV : Sans code"),
            ]
        );
    }

    #[test]
    fn an_estimate_is_the_weighted_price_for_the_whole_duration_and_the_maximum_is_above_it() {
        // 300 units at 0.10 and 100 at 0.20: 0.125 in the mean; the 100 units of a member that never paid it count too.
        let lots = draw_up(vec![(asked(500, 400, "50"), described("Gant", "18424300"))], SPAN).unwrap();
        let line = &lots[0].lines[0];
        assert_eq!((line.quantity, line.reference_price), (2_000, Some("0.125".parse().unwrap())));
        assert_eq!((lots[0].estimated_cents, lots[0].maximum_cents), (25_000, 30_000));
        let odd = Span { period_months: 5, duration_months: 7, margin_percent: 1 };
        let lots = draw_up(vec![(asked(3, 3, "0.5"), described("Gant", "18424300"))], odd).unwrap();
        assert_eq!(lots[0].lines[0].quantity, 4, "4.2 rounded");
        assert_eq!(lots[0].lines[0].reference_price, Some("0.166667".parse().unwrap()));
        assert_eq!((lots[0].estimated_cents, lots[0].maximum_cents), (67, 68), "a maximum is rounded up");
    }

    #[test]
    fn an_article_that_nobody_paid_is_named_and_counts_for_nothing() {
        let lots = draw_up(vec![(asked(500, 0, "0"), described("Gant", "18424300"))], SPAN).unwrap();
        assert_eq!((lots[0].lines[0].reference_price, lots[0].estimated_cents), (None, 0));
        assert_eq!(
            draw_up(vec![(asked(i64::MAX, 0, "0"), described("Gant", ""))], SPAN),
            Err(ArithmeticError::OutOfRange)
        );
    }

    proptest! {
        #[test]
        fn lots_hold_every_article_once_whatever_the_order_and_their_values_add_up(
            units in prop::collection::vec((1_i64..1_000_000, 0_usize..4, 1_u32..100_000), 1..40),
            duration_months in 1..=48_i32, margin_percent in 0..=100_i32,
        ) {
            const CPV: [&str; 4] = ["", "30192121", "33763000", "33760000"];
            let span = Span { period_months: 12, duration_months, margin_percent };
            let list: Vec<(Asked, Described)> = units.iter().map(|&(units, cpv, price)| {
                let paid = Decimal::from(units) * Decimal::new(i64::from(price), 4);
                let asked = Asked { paid, ..asked(units, units, "0") };
                (asked, described("x", CPV[cpv]))
            }).collect();
            let mut turned = list.clone();
            turned.reverse();
            let lots = draw_up(list.clone(), span).unwrap();
            prop_assert_eq!(&lots, &draw_up(turned, span).unwrap());
            prop_assert_eq!(lots.iter().map(|lot| lot.lines.len()).sum::<usize>(), list.len());
            for lot in &lots {
                prop_assert_eq!(lot.estimated_cents, lot.lines.iter().map(|line| line.value_cents).sum::<i64>());
                prop_assert!(lot.maximum_cents >= lot.estimated_cents);
                prop_assert!(i128::from(lot.maximum_cents) * 100 < i128::from(lot.estimated_cents) * (100 + i128::from(margin_percent)) + 100);
            }
        }
    }
}
