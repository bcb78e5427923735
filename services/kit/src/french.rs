//! Figures as French readers write them.

/// A whole number with narrow no-break spaces between thousands: `1 234 567`.
#[must_use]
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    if number < 0 {
        text.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// Cents EUR: `12 345,67 €`.
#[must_use]
pub fn euros(cents: i64) -> String {
    // The sign would be lost with whole euros of zero.
    let sign = if (-99..0).contains(&cents) { "-" } else { "" };
    format!("{sign}{},{:02}\u{a0}€", grouped(cents / 100), (cents % 100).unsigned_abs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn grouping_keeps_the_number(number in any::<i64>()) {
            prop_assert_eq!(grouped(number).replace('\u{202f}', "").parse::<i64>(), Ok(number));
        }
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(grouped(-1_000), "-1\u{202f}000");
    }

    #[test]
    fn amounts_keep_their_sign_and_their_cents() {
        assert_eq!(euros(1_234_567), "12\u{202f}345,67\u{a0}€");
        assert_eq!(euros(5), "0,05\u{a0}€");
        assert_eq!(euros(-5), "-0,05\u{a0}€");
        assert_eq!(euros(-100), "-1,00\u{a0}€");
        assert_eq!(euros(-100_000), "-1\u{202f}000,00\u{a0}€");
    }
}
