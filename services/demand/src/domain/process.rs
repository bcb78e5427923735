//! Long processes are rows, not call stacks (design decision 3): the steps of one, the request id of each, and how long to wait
//! after a failure. Every step may be begun any number of times.
//!
//! PLACE_ORDER: RESERVE → CONFIRM → ANNOUNCE → done. A refusal at RESERVE refuses the order. A refusal at CONFIRM goes to UNDO,
//! which gives the reservation back and then refuses the order. RELEASE: gives cancelled cents back to the ceiling → done.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// A step of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Reserve on the lot's ceiling.
    Reserve,
    /// Turn the reservation into consumption.
    Confirm,
    /// Mark the order placed and tell everybody.
    Announce,
    /// Give the whole reservation back: the compensation of RESERVE.
    Undo,
    /// Give cancelled cents back.
    Release,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 5] = [Self::Reserve, Self::Confirm, Self::Announce, Self::Undo, Self::Release];

    /// As stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reserve => "RESERVE",
            Self::Confirm => "CONFIRM",
            Self::Announce => "ANNOUNCE",
            Self::Undo => "UNDO",
            Self::Release => "RELEASE",
        }
    }

    /// As read.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == text)
    }
}

/// The request id of a step: the same however often, and by whichever replica, the step is begun.
#[must_use]
pub fn request_id(process: Uuid, step: Step) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(process.as_bytes());
    hash.update(step.name().as_bytes());
    let digest = hash.finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// How long to wait after the `attempts`-th failure in a row: 0.2 s, doubled each time, 30 s at most. It never gives up.
#[must_use]
pub fn backoff(attempts: u32) -> Duration {
    let doubled = 200_u64.saturating_mul(1 << attempts.saturating_sub(1).min(10));
    Duration::from_millis(doubled.min(30_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_depends_on_process_and_step_only() {
        let process = Uuid::now_v7();
        let ids: Vec<Uuid> = Step::ALL.iter().map(|&step| request_id(process, step)).collect();
        for (index, id) in ids.iter().enumerate() {
            assert_eq!(*id, request_id(process, Step::ALL[index]));
            assert!(!ids[..index].contains(id), "every step has its own");
            assert_eq!(id.get_version_num(), 8);
            assert_ne!(*id, request_id(Uuid::now_v7(), Step::ALL[index]));
        }
    }

    #[test]
    fn waiting_doubles_up_to_thirty_seconds() {
        let waits: Vec<u128> = [0, 1, 2, 3, 8, 9, 40].map(|attempts| backoff(attempts).as_millis()).to_vec();
        assert_eq!(waits, [200, 200, 400, 800, 25_600, 30_000, 30_000]);
        assert!(Step::ALL.iter().all(|&step| Step::parse(step.name()) == Some(step)));
    }
}
