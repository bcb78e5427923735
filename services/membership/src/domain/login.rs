//! Logins of the embedded issuer: how often one may fail, and how long a token lives.

use chrono::{DateTime, TimeDelta, Utc};

/// Failures within [`FAILURE_WINDOW`] after which a login waits.
pub const FAILURES_ALLOWED: usize = 10;
/// How long a failure counts.
pub const FAILURE_WINDOW: TimeDelta = TimeDelta::minutes(15);
/// How long an access token is valid.
pub const TOKEN_LIFETIME: TimeDelta = TimeDelta::hours(8);

/// How many seconds a login must wait (at least 1), given its last failures, newest first; none when it need not. Times are technical.
#[must_use]
pub fn locked_for(failures: &[DateTime<Utc>], now: DateTime<Utc>) -> Option<i64> {
    // It opens when the oldest of the last ten is forgotten.
    let opens_at = *failures.get(FAILURES_ALLOWED - 1)? + FAILURE_WINDOW;
    if opens_at <= now { None } else { Some((opens_at - now).num_seconds().max(1)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenth_failure_within_the_window_locks_until_the_first_is_forgotten() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let failed = |minutes: &[i64]| minutes.iter().map(|m| now - TimeDelta::minutes(*m)).collect::<Vec<_>>();
        assert_eq!(locked_for(&failed(&[1; 9]), now), None, "nine are allowed");
        assert_eq!(locked_for(&failed(&[1; 10]), now), Some(14 * 60));
        assert_eq!(locked_for(&failed(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 15]), now), None, "the first is forgotten");
        assert_eq!(locked_for(&failed(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 14]), now), Some(60));
        assert_eq!(
            locked_for(&failed(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 14, 14]), now),
            Some(6 * 60),
            "the tenth decides"
        );
    }
}
