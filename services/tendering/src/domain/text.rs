//! Dates and amounts as French readers write them.

use chrono::NaiveDate;

/// `05/02/2027`.
#[must_use]
pub fn date(day: NaiveDate) -> String {
    day.format("%d/%m/%Y").to_string()
}

/// `du 05/02/2027 au 31/12/2027`, `depuis le 05/02/2027`.
#[must_use]
pub fn period(from: NaiveDate, to: Option<NaiveDate>) -> String {
    to.map_or_else(|| format!("depuis le {}", date(from)), |to| format!("du {} au {}", date(from), date(to)))
}

pub use kit::french::euros;

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
