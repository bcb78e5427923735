//! How an order leaves by e-mail: the states of its dispatch, and how long to wait after a failure.
//!
//! | from | what happens | to |
//! |---|---|---|
//! | WAITING | a mail server takes it | SENT |
//! | WAITING | the supplier has no address | NO_ADDRESS |
//! | WAITING | a mail server refuses it for good | FAILED |
//! | WAITING | any other failure | WAITING, later |
//! | any | an officer asks to send it again | WAITING, now |

use std::time::Duration;

/// State of a dispatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DispatchState {
    /// To be sent.
    Waiting,
    /// A mail server took it.
    Sent,
    /// The supplier has no e-mail address: its order goes as a file, and an officer enters its answer.
    NoAddress,
    /// A mail server refused it for good.
    Failed,
}

impl DispatchState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Sent, Self::NoAddress, Self::Failed];

    /// As stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::Sent => "SENT",
            Self::NoAddress => "NO_ADDRESS",
            Self::Failed => "FAILED",
        }
    }

    /// As read.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == text)
    }
}

/// How long to wait after the `attempts`-th failure in a row: 2 s, doubled each time, 15 minutes at most. It never gives up.
#[must_use]
pub fn backoff(attempts: u32) -> Duration {
    let doubled = 2_u64.saturating_mul(1 << attempts.saturating_sub(1).min(10));
    Duration::from_secs(doubled.min(900))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_doubles_up_to_a_quarter_of_an_hour() {
        let waits: Vec<u64> = [0, 1, 2, 3, 9, 10, 40].map(|attempts| backoff(attempts).as_secs()).to_vec();
        assert_eq!(waits, [2, 2, 4, 8, 512, 900, 900]);
        assert!(DispatchState::ALL.iter().all(|&state| DispatchState::parse(state.name()) == Some(state)));
    }
}
