//! Dates and amounts as French readers write them.

use chrono::NaiveDate;

/// `05/02/2027`.
#[must_use]
pub fn date(day: NaiveDate) -> String {
    day.format("%d/%m/%Y").to_string()
}

/// Cents EUR as `12 345,67 €`, with narrow no-break spaces between thousands.
#[must_use]
pub fn euros(cents: i64) -> String {
    let magnitude = cents.unsigned_abs();
    let whole = (magnitude / 100).to_string();
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{grouped},{:02}\u{a0}€", magnitude % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_dates_read_as_in_french() {
        assert_eq!(euros(1_234_567), "12\u{202f}345,67\u{a0}€");
        assert_eq!(euros(5), "0,05\u{a0}€");
        assert_eq!(euros(-100_000), "-1\u{202f}000,00\u{a0}€");
        assert_eq!(date(NaiveDate::from_ymd_opt(2027, 2, 5).unwrap()), "05/02/2027");
    }
}
