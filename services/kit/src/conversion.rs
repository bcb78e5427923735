//! From what a member types to base units: through the article's packaging graph, with integers, and shown in words.

use std::fmt::Write as _;

use crate::french::grouped;

/// Most base units in one need. A million needs of that size still sum within 64 bits.
pub const UNITS_LIMIT: i64 = 1_000_000_000_000;

/// One level of an article's packaging, as catalogue has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// Code, unique in the article, e.g. `BOX`.
    pub code: String,
    /// What people call one of it, e.g. `boîte`.
    pub label: String,
    /// Code of the level it holds and how many of it; none for the base.
    pub contains: Option<(String, i64)>,
}

/// A packaging graph that gives no conversion.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("packaging {code}: {what}")]
pub struct GraphError {
    /// The level.
    pub code: String,
    /// What is wrong with it.
    pub what: &'static str,
}

/// More base units than one need may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {UNITS_LIMIT} base units")]
pub struct TooMany;

/// A packaging in which a quantity can be typed, with what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packaging {
    /// Code, e.g. `CARTON`.
    pub code: String,
    /// One of it, e.g. `carton`.
    pub label: String,
    /// What it holds, e.g. `10 boîtes × 30 comprimés`; empty for the base unit.
    pub content: String,
    /// One base unit, e.g. `comprimé`.
    pub base_label: String,
    /// Base units in one, 1 or more.
    pub base_units: i64,
}

impl Packaging {
    /// Base units in so many of it.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn units(&self, quantity: i64) -> Result<i64, TooMany> {
        quantity.checked_mul(self.base_units).filter(|&units| units <= UNITS_LIMIT).ok_or(TooMany)
    }

    /// The conversion in words: `4 cartons × 10 boîtes × 30 comprimés = 1 200 comprimés`.
    #[must_use]
    pub fn in_words(&self, quantity: i64, units: i64) -> String {
        let result = counted(units, &self.base_label);
        if self.content.is_empty() {
            return result;
        }
        format!("{} × {} = {result}", counted(quantity, &self.label), self.content)
    }
}

/// Every packaging in which an article can be typed.
///
/// # Errors
/// When a level leads nowhere, in circles, or to more than [`UNITS_LIMIT`] base units.
pub fn packagings(levels: &[Level], base_label: &str) -> Result<Vec<Packaging>, GraphError> {
    levels.iter().map(|level| packaging(levels, level, base_label)).collect()
}

fn packaging(levels: &[Level], top: &Level, base_label: &str) -> Result<Packaging, GraphError> {
    let wrong = |what| GraphError { code: top.code.clone(), what };
    let mut level = top;
    let mut base_units = 1_i64;
    let mut content = String::new();
    // A chain longer than there are levels runs in a circle.
    for _ in levels {
        let Some((inner_code, count)) = &level.contains else {
            let label = if content.is_empty() { base_label } else { short(&top.label) };
            return Ok(Packaging {
                code: top.code.clone(),
                label: label.to_owned(),
                content,
                base_label: base_label.to_owned(),
                base_units,
            });
        };
        let inner =
            levels.iter().find(|inner| inner.code == *inner_code).ok_or_else(|| wrong("holds an unknown level"))?;
        base_units = Some(*count)
            .filter(|&count| count >= 1)
            .and_then(|count| base_units.checked_mul(count))
            .filter(|&units| units <= UNITS_LIMIT)
            .ok_or_else(|| wrong("holds an impossible number"))?;
        if !content.is_empty() {
            content.push_str(" × ");
        }
        let inner_label = if inner.contains.is_none() { base_label } else { short(&inner.label) };
        content.push_str(&counted(*count, inner_label));
        level = inner;
    }
    Err(wrong("holds itself"))
}

/// A label without its content, which the chain tells already: `carton de 10 boîtes` → `carton`.
fn short(label: &str) -> &str {
    label
        .match_indices(" de ")
        .find(|(at, separator)| label[at + separator.len()..].starts_with(|next: char| next.is_ascii_digit()))
        .map_or(label, |(at, _)| &label[..at])
}

/// A number with its noun: `1 200 comprimés`.
#[must_use]
pub fn counted(count: i64, label: &str) -> String {
    format!("{} {}", grouped(count), plural(label, count))
}

/// A French label for a count, plural from 2 on: its first word takes an s unless it ends in s, x or z. A written `(s)`
/// is settled by the number before it in the label, or by the count: `flacon(s) de 1 gélule(s)` → `flacons de 1 gélule`.
#[must_use]
pub fn plural(label: &str, count: i64) -> String {
    let mut text = String::with_capacity(label.len() + 1);
    let mut nearest = count;
    for (index, word) in label.split(' ').enumerate() {
        if index > 0 {
            text.push(' ');
        }
        // The whole part decides: French is singular below 2.
        if let Some(number) = word.split(',').next().and_then(|whole| whole.parse().ok()) {
            nearest = number;
        }
        let many = nearest.unsigned_abs() >= 2;
        if let Some(stem) = word.strip_suffix("(s)") {
            let _ = write!(text, "{stem}{}", if many { "s" } else { "" });
        } else if index == 0 && many && word.ends_with(|last: char| last.is_alphabetic() && !"sxzSXZ".contains(last)) {
            let _ = write!(text, "{word}s");
        } else {
            text.push_str(word);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn level(code: &str, label: &str, contains: Option<(&str, i64)>) -> Level {
        Level {
            code: code.into(),
            label: label.into(),
            contains: contains.map(|(code, count)| (code.to_owned(), count)),
        }
    }

    fn tablets() -> Vec<Level> {
        vec![
            level("CARTON", "carton", Some(("BOX", 10))),
            level("UNIT", "unité", None),
            level("BOX", "boîte", Some(("UNIT", 30))),
        ]
    }

    #[test]
    fn a_conversion_is_shown_step_by_step() {
        let all = packagings(&tablets(), "comprimé").unwrap();
        let words = |code: &str, quantity: i64| {
            let packaging = all.iter().find(|packaging| packaging.code == code).unwrap();
            packaging.in_words(quantity, packaging.units(quantity).unwrap())
        };
        assert_eq!(words("CARTON", 4), "4 cartons × 10 boîtes × 30 comprimés = 1\u{202f}200 comprimés");
        assert_eq!(words("BOX", 1), "1 boîte × 30 comprimés = 30 comprimés");
        assert_eq!(words("UNIT", 1), "1 comprimé");
        assert_eq!(words("UNIT", 1_234_567), "1\u{202f}234\u{202f}567 comprimés");
    }

    #[test]
    fn labels_take_the_plural_of_their_first_word() {
        let table = [
            ("carton", 2, "cartons"),
            ("carton", 1, "carton"),
            ("bois", 3, "bois"),
            ("tuyau x", 2, "tuyaus x"),
            ("boîte de 30 comprimés", 2, "boîtes de 30 comprimés"),
            ("flacon(s) PEHD de 100 gélule(s)", 1, "flacon PEHD de 100 gélules"),
            ("flacon(s) de 1 gélule(s)", 2, "flacons de 1 gélule"),
            ("ampoule(s) de 1,5 ml", 2, "ampoules de 1,5 ml"),
            ("", 2, ""),
        ];
        for (label, count, wanted) in table {
            assert_eq!(plural(label, count), wanted);
        }
    }

    #[test]
    fn a_graph_that_gives_no_conversion_is_refused() {
        let circle = [level("A", "a", Some(("B", 2))), level("B", "b", Some(("A", 2)))];
        assert_eq!(packagings(&circle, "u").unwrap_err().what, "holds itself");
        let nowhere = [level("A", "a", Some(("B", 2)))];
        assert_eq!(packagings(&nowhere, "u").unwrap_err().what, "holds an unknown level");
        let huge = [
            level("A", "a", Some(("B", 1_000_000))),
            level("B", "b", Some(("C", 1_000_000))),
            level("C", "c", Some(("U", 2))),
            level("U", "u", None),
        ];
        assert_eq!(packagings(&huge, "u").unwrap_err().code, "A");
        let nothing = [level("A", "a", Some(("U", 0))), level("U", "u", None)];
        assert_eq!(packagings(&nothing, "u").unwrap_err().what, "holds an impossible number");
    }

    #[test]
    fn a_need_stops_at_the_limit() {
        let unit = &packagings(&tablets(), "comprimé").unwrap()[1];
        assert_eq!(unit.units(UNITS_LIMIT), Ok(UNITS_LIMIT));
        assert_eq!(unit.units(UNITS_LIMIT + 1), Err(TooMany));
        assert_eq!(packagings(&tablets(), "comprimé").unwrap()[0].units(i64::MAX), Err(TooMany));
    }

    proptest! {
        #[test]
        fn units_are_the_product_of_the_chain_in_any_order_of_levels(
            counts in prop::collection::vec(1_i64..1000, 1..5),
            quantity in 1_i64..1_000_000,
            turn in 0_usize..5,
        ) {
            let mut levels = vec![level("L0", "u", None)];
            for (index, &count) in counts.iter().enumerate() {
                levels.push(level(&format!("L{}", index + 1), "niveau", Some((&format!("L{index}"), count))));
            }
            let top = format!("L{}", counts.len());
            let turn = turn % levels.len();
            levels.rotate_left(turn);
            let product = counts.iter().map(|&count| i128::from(count)).product::<i128>();
            let Ok(all) = packagings(&levels, "u") else {
                prop_assert!(product > i128::from(UNITS_LIMIT));
                return Ok(());
            };
            let packaging = all.iter().find(|packaging| packaging.code == top).unwrap();
            prop_assert_eq!(i128::from(packaging.base_units), product);
            let exact = product * i128::from(quantity);
            match packaging.units(quantity) {
                Ok(units) => {
                    prop_assert_eq!(i128::from(units), exact);
                    // The figures shown multiply to the figure shown.
                    let words = packaging.in_words(quantity, units).replace('\u{202f}', "");
                    let (factors, result) = words.split_once(" = ").unwrap();
                    let figure = |text: &str| text.split(' ').next().unwrap().parse::<i128>().unwrap();
                    prop_assert_eq!(factors.split(" × ").map(figure).product::<i128>(), figure(result));
                }
                Err(TooMany) => prop_assert!(exact > i128::from(UNITS_LIMIT)),
            }
        }
    }
}
