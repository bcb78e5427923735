//! C1: product codes and their check digits.
//!
//! CIP13 names a presentation (the box), UCD13 its smallest dispensing unit; both begin with 3400, and 34008 tells the UCD
//! (arrêté of 30 December 2021). GTIN is the international code of 8, 12, 13 or 14 digits.

use std::fmt;

/// A product code as 14 digits, its check digit right. Codes that differ only by leading zeros are the same code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(u64);

/// A scheme of product identifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Global Trade Item Number.
    Gtin,
    /// Code identifiant de présentation.
    Cip13,
    /// Unité commune de dispensation.
    Ucd13,
}

/// A code under the scheme in which it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier {
    code: Code,
    scheme: Scheme,
}

/// Why a text is no product code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// Something else than digits.
    #[error("must consist of digits only")]
    NotDigits,
    /// A length that the scheme does not have.
    #[error("must have {wanted} digits, has {got}")]
    WrongLength {
        /// Lengths of the scheme.
        wanted: &'static str,
        /// Digits given.
        got: usize,
    },
    /// The last digit does not fit the others (GS1 modulo 10).
    #[error("check digit must be {wanted}, is {got}")]
    WrongCheckDigit {
        /// The digit that would fit.
        wanted: u64,
        /// The digit given.
        got: u64,
    },
    /// CIP13 that does not start with 3400, or does with 34008.
    #[error("a CIP13 starts with 3400 but not with 34008 (that is a UCD13)")]
    NotCip13,
    /// UCD13 that does not start with 34008.
    #[error("a UCD13 starts with 34008")]
    NotUcd13,
}

impl Code {
    /// A code of 8, 12, 13 or 14 digits.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(IdentifierError::NotDigits);
        }
        if ![8, 12, 13, 14].contains(&text.len()) {
            return Err(IdentifierError::WrongLength { wanted: "8, 12, 13 or 14", got: text.len() });
        }
        let number = text.parse().map_err(|_| IdentifierError::NotDigits)?;
        let (got, wanted) = (number % 10, check_digit(number / 10));
        if got == wanted { Ok(Self(number)) } else { Err(IdentifierError::WrongCheckDigit { wanted, got }) }
    }

    /// The code without the zeros that fill it up, as people type its start.
    #[must_use]
    pub fn digits(self) -> String {
        self.0.to_string()
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:014}", self.0)
    }
}

/// The GS1 check digit of the digits before it: from the right, weights 3, 1, 3, 1, …
fn check_digit(mut number: u64) -> u64 {
    let (mut sum, mut weight) = (0, 3);
    while number > 0 {
        sum += number % 10 * weight;
        weight = 4 - weight;
        number /= 10;
    }
    (10 - sum % 10) % 10
}

impl Scheme {
    /// `GTIN`, `CIP13` or `UCD13`, as stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gtin => "GTIN",
            Self::Cip13 => "CIP13",
            Self::Ucd13 => "UCD13",
        }
    }

    /// The scheme of a stored name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Gtin, Self::Cip13, Self::Ucd13].into_iter().find(|scheme| scheme.name() == name)
    }
}

impl Identifier {
    /// A code under a scheme.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(scheme: Scheme, text: &str) -> Result<Self, IdentifierError> {
        let is_ucd = text.starts_with("34008");
        match scheme {
            Scheme::Gtin => {}
            Scheme::Cip13 | Scheme::Ucd13 if text.len() != 13 => {
                return Err(IdentifierError::WrongLength { wanted: "13", got: text.chars().count() });
            }
            Scheme::Cip13 if is_ucd || !text.starts_with("3400") => return Err(IdentifierError::NotCip13),
            Scheme::Ucd13 if !is_ucd => return Err(IdentifierError::NotUcd13),
            Scheme::Cip13 | Scheme::Ucd13 => {}
        }
        Ok(Self { code: Code::parse(text)?, scheme })
    }

    /// The code.
    #[must_use]
    pub const fn code(self) -> Code {
        self.code
    }

    /// The scheme.
    #[must_use]
    pub const fn scheme(self) -> Scheme {
        self.scheme
    }

    /// The digits as the scheme writes them: 14 for a GTIN, 13 for the French ones.
    #[must_use]
    pub fn value(self) -> String {
        match self.scheme {
            Scheme::Gtin => self.code.to_string(),
            Scheme::Cip13 | Scheme::Ucd13 => self.code.digits(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn real_codes_are_read() {
        let cip = Identifier::parse(Scheme::Cip13, "3400949497294").unwrap();
        let gtin = Identifier::parse(Scheme::Gtin, "03400949497294").unwrap();
        assert_eq!(cip.code(), gtin.code(), "0 and the CIP13 is the GTIN-14");
        assert_eq!((cip.value().as_str(), gtin.value().as_str()), ("3400949497294", "03400949497294"));
        assert_eq!(Identifier::parse(Scheme::Gtin, "3400949497294").unwrap(), gtin);
        assert_eq!(Code::parse("96385074").unwrap().to_string(), "00000096385074", "GTIN-8");
        assert_eq!(Code::parse("036000291452").unwrap().to_string(), "00036000291452", "GTIN-12");
        assert_eq!(Identifier::parse(Scheme::Ucd13, "3400890000000").unwrap().value(), "3400890000000");
    }

    #[test]
    fn wrong_codes_are_refused_with_the_reason() {
        let parse = |scheme, text| Identifier::parse(scheme, text).unwrap_err();
        assert_eq!(parse(Scheme::Cip13, "3400890000000"), IdentifierError::NotCip13);
        assert_eq!(parse(Scheme::Cip13, "5901234123457"), IdentifierError::NotCip13);
        assert_eq!(parse(Scheme::Ucd13, "3400949497294"), IdentifierError::NotUcd13);
        assert_eq!(parse(Scheme::Cip13, "03400949497294"), IdentifierError::WrongLength { wanted: "13", got: 14 });
        assert_eq!(
            parse(Scheme::Gtin, "123456789"),
            IdentifierError::WrongLength { wanted: "8, 12, 13 or 14", got: 9 }
        );
        assert_eq!(parse(Scheme::Gtin, "340094949729a"), IdentifierError::NotDigits);
        assert_eq!(parse(Scheme::Gtin, "3400949497295"), IdentifierError::WrongCheckDigit { wanted: 4, got: 5 });
    }

    proptest! {
        #[test]
        fn the_completed_code_is_read_at_every_length_and_one_wrong_digit_is_seen(
            body in 0_u64..10_000_000_000_000, length in prop::sample::select(vec![8_usize, 12, 13, 14]),
            place in 0_usize..14, shift in 1_u8..10,
        ) {
            let body = body % 10_u64.pow(u32::try_from(length - 1).unwrap());
            let text = format!("{body:0width$}{}", check_digit(body), width = length - 1);
            let code = Code::parse(&text).unwrap();
            prop_assert_eq!(code.to_string(), format!("{text:0>14}"));
            let mut wrong = text.into_bytes();
            let place = place % length;
            wrong[place] = b'0' + (wrong[place] - b'0' + shift) % 10;
            let wrong_result = Code::parse(std::str::from_utf8(&wrong).unwrap());
            prop_assert!(matches!(wrong_result, Err(IdentifierError::WrongCheckDigit { .. })), "expected a wrong check digit");
        }

        #[test]
        fn a_french_code_is_a_cip13_or_a_ucd13_never_both_and_always_a_gtin(rest in 0_u64..100_000_000) {
            let body = 340_000_000_000 + rest;
            let text = format!("{body}{}", check_digit(body));
            let cip = Identifier::parse(Scheme::Cip13, &text);
            let ucd = Identifier::parse(Scheme::Ucd13, &text);
            prop_assert!(cip.is_ok() != ucd.is_ok());
            let gtin = Identifier::parse(Scheme::Gtin, &format!("0{text}")).unwrap();
            prop_assert_eq!(cip.or(ucd).unwrap().code(), gtin.code());
        }
    }
}
