//! Identifiers of the outside world, checked once, when they come in.

use std::fmt;

/// Natural key chosen by who registers a thing: 1 to 100 letters, digits, `.`, `-`, `_`, beginning with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String);

/// Number of an establishment in the French register of companies (SIRET).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Siret(String);

/// Number in the French register of health establishments (FINESS).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Finess(String);

/// GS1 Global Location Number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gln(String);

/// Number of a health professional in the shared register (répertoire partagé des professionnels de santé, RPPS).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rpps(String);

/// La Poste has more post offices than check digits would allow: its SIRETs follow a rule of their own.
const LA_POSTE: &str = "356000000";

impl Key {
    /// Checks the form.
    ///
    /// # Errors
    /// Says what a key looks like.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if begins && text.len() <= 100 && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be 1 to 100 letters, digits, '.', '-' or '_', beginning with a letter or digit")
        }
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Siret {
    /// Checks 14 digits, the check digit of the company's number (SIREN, the first 9) and that of the whole.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let digits = digits(text).filter(|digits| digits.len() == 14).ok_or("must be 14 digits")?;
        let post_office = text.starts_with(LA_POSTE) && digits.iter().sum::<u32>() % 5 == 0;
        if luhn(&digits[..9]) && (luhn(&digits) || post_office) {
            Ok(Self(text.to_owned()))
        } else {
            Err("has a wrong check digit")
        }
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Finess {
    /// Checks the form: 9 characters, digits but for `2A` and `2B` (Corsica) at the beginning. The check digit is left
    /// alone: numbers in real use break it.
    ///
    /// # Errors
    /// Says what the form is.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let corsica = text.strip_prefix("2A").or_else(|| text.strip_prefix("2B"));
        let fits = match corsica {
            Some(rest) => digits(rest).is_some_and(|rest| rest.len() == 7),
            None => digits(text).is_some_and(|digits| digits.len() == 9),
        };
        if fits { Ok(Self(text.to_owned())) } else { Err("must be 9 digits, or 2A or 2B and 7 digits") }
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Gln {
    /// Checks 13 digits and the check digit (GS1, modulo 10).
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let digits = digits(text).filter(|digits| digits.len() == 13).ok_or("must be 13 digits")?;
        if gs1(&digits) { Ok(Self(text.to_owned())) } else { Err("has a wrong check digit") }
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Rpps {
    /// Checks 11 digits. No public text that we know of states a check digit, so none is asked for.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() == 11 && digits(text).is_some() { Ok(Self(text.to_owned())) } else { Err("must be 11 digits") }
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Rpps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn digits(text: &str) -> Option<Vec<u32>> {
    text.chars().map(|c| c.to_digit(10)).collect()
}

/// ISO/IEC 7812 (Luhn): from the right, every second digit doubled, digits of the doubles added.
fn luhn(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| if place % 2 == 0 { *digit } else { digit * 2 / 10 + digit * 2 % 10 })
        .sum();
    sum.is_multiple_of(10)
}

/// GS1 general specifications 7.9: weights 1 and 3 from the right, the check digit having 1.
fn gs1(digits: &[u32]) -> bool {
    let sum: u32 =
        digits.iter().rev().enumerate().map(|(place, digit)| if place % 2 == 0 { *digit } else { digit * 3 }).sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sirets_are_checked_by_luhn_and_la_poste_by_its_own_rule() {
        for (siret, valid) in [
            ("73282932000074", true),
            ("00000001800010", true),
            ("35600000000048", true),  // head office: Luhn
            ("35600000009075", true),  // a post office: digits add up to 35
            ("35600000009076", false), // neither
            ("73282932000075", false),
            ("7328293200007", false),
            ("732829320000740", false),
            ("7328293200007A", false),
            ("", false),
        ] {
            assert_eq!(Siret::parse(siret).is_ok(), valid, "{siret}");
        }
        assert!(!luhn(&digits("35600000009075").unwrap()), "only its own rule lets it in");
    }

    #[test]
    fn a_siret_of_a_wrong_siren_is_refused() {
        // Right as a whole, but its first nine digits are no company's number.
        let whole =
            (0..10).map(|check| format!("7328293210000{check}")).find(|text| luhn(&digits(text).unwrap())).unwrap();
        assert!(!luhn(&digits(&whole[..9]).unwrap()));
        assert!(Siret::parse(&whole).is_err());
    }

    #[test]
    fn finess_numbers_are_checked_by_form_only() {
        for (finess, valid) in [
            ("290004324", true),
            ("2A0000014", true),
            ("2B0000020", true),
            ("2C0000020", false),
            ("29000432", false),
            ("2900043244", false),
            ("2A000001B", false),
            ("2a0000014", false),
        ] {
            assert_eq!(Finess::parse(finess).is_ok(), valid, "{finess}");
        }
    }

    #[test]
    fn glns_are_checked_modulo_ten() {
        for (gln, valid) in
            [("2990000000019", true), ("2990000000026", true), ("2990000000018", false), ("299000000001", false)]
        {
            assert_eq!(Gln::parse(gln).is_ok(), valid, "{gln}");
        }
    }

    #[test]
    fn rpps_numbers_are_checked_by_form_only() {
        for (rpps, valid) in
            [("10000000001", true), ("1000000000", false), ("100000000011", false), ("1000000000A", false)]
        {
            assert_eq!(Rpps::parse(rpps).is_ok(), valid, "{rpps}");
        }
    }

    #[test]
    fn keys_have_a_plain_form() {
        for (key, valid) in
            [("chu-de-rouen", true), ("pf.1_a", true), ("", false), ("-a", false), ("a b", false), ("é", false)]
        {
            assert_eq!(Key::parse(key).is_ok(), valid, "{key}");
        }
        assert!(Key::parse(&"a".repeat(101)).is_err());
    }

    proptest! {
        /// What a check digit is for: one digit mistyped is seen.
        #[test]
        fn one_wrong_digit_is_seen(body in "[0-9]{12}", place in 0_usize..13, wrong in 1_u32..10) {
            let gln = (0..10).map(|check| format!("{body}{check}")).find(|text| Gln::parse(text).is_ok()).unwrap();
            let mut mistyped: Vec<u32> = digits(&gln).unwrap();
            mistyped[place] = (mistyped[place] + wrong) % 10;
            let mistyped: String = mistyped.iter().map(u32::to_string).collect();
            prop_assert!(Gln::parse(&mistyped).is_err());
        }
    }
}
