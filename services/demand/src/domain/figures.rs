//! What a member spent, ordered and saved in a month.

use chrono::NaiveDate;
use kit::id::PartyId;

/// A member's figures of a month, cents EUR without VAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthFigures {
    /// Member.
    pub party: PartyId,
    /// First day of the month.
    pub month: NaiveDate,
    /// Ordered in the month, less what was cancelled since.
    pub spend_cents: i64,
    /// Order forms placed in the month with a line of the member.
    pub orders: i64,
    /// Saving on what was ordered in the month and not cancelled.
    pub committed_cents: i64,
    /// Saving on what was certified as delivered in the month; provisional until invoiced.
    pub realised_cents: i64,
}

/// Reads a month, `2026-11`: its first day.
#[must_use]
pub fn parse_month(text: &str) -> Option<NaiveDate> {
    let shaped = text.len() == 7
        && text.starts_with('2')
        && text.bytes().enumerate().all(|(at, b)| if at == 4 { b == b'-' } else { b.is_ascii_digit() });
    shaped.then(|| format!("{text}-01").parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_have_one_form() {
        assert_eq!(parse_month("2026-11"), "2026-11-01".parse().ok());
        for bad in ["2026-13", "2026-1", "1999-01", "2026-11-01", ""] {
            assert_eq!(parse_month(bad), None, "{bad}");
        }
    }
}
