//! What happens when demand is asked for something: one function per RPC.

pub mod answers;
pub mod balances;
mod cancellations;
pub mod dispatches;
pub mod figures;
pub mod history;
pub mod import;
pub mod logistics_events;
mod lots;
pub mod member_changes;
pub mod needs;
pub mod opening;
pub mod orders;
mod placement;
pub mod placing;
pub mod placing_steps;
mod plan_approval;
mod plan_terms;
pub mod plans;
pub mod reference_prices;
pub mod references;
pub mod rounds;
pub mod savings;
mod signing;
pub mod snapshots;
pub mod stating;
pub mod urgent;

use std::sync::Arc;

use kit::{
    Caller,
    client::Peer,
    db::Db,
    group_commit::Lanes,
    id::GroupId,
    identity::{Scope, Verifier},
};
use proto::demand::v1::AddNeedsResponse;
use tokio::sync::Semaphore;
use tonic::{Request, Status};

use self::stating::Stating;

/// Memory that all files being imported at once may take in one process, in KiB: four of a million rows.
const IMPORT_MEMORY_KIB: usize = 512 * 1024;

/// The service.
#[derive(Debug, Clone)]
pub struct App {
    pub(crate) db: Db,
    pub(crate) verifier: Verifier,
    pub(crate) membership: Peer,
    pub(crate) catalogue: Peer,
    pub(crate) tendering: Peer,
    pub(crate) logistics: Peer,
    pub(crate) import_memory: Arc<Semaphore>,
    pub(crate) stating: Lanes<GroupId, Stating, AddNeedsResponse>,
}

impl App {
    /// What a fresh process may spend on files.
    pub(crate) fn import_memory() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(IMPORT_MEMORY_KIB))
    }

    /// A service on a database with peers that may be anywhere.
    #[must_use]
    pub fn new(db: Db, verifier: Verifier, [membership, catalogue, tendering, logistics]: [Peer; 4]) -> Self {
        Self {
            db,
            verifier,
            membership,
            catalogue,
            tendering,
            logistics,
            import_memory: Self::import_memory(),
            stating: Lanes::new(stating::AT_ONCE),
        }
    }

    /// Who calls, checked.
    ///
    /// # Errors
    /// `NOT_AUTHENTICATED`.
    #[allow(clippy::result_large_err, reason = "tonic's own error type, at the edge")]
    pub(crate) fn caller<T>(&self, request: &Request<T>) -> Result<Caller, Status> {
        Ok(self.verifier.caller(request)?)
    }

    /// Demand itself asking another service within the caller's group.
    pub(crate) fn own(scope: Scope) -> Caller {
        Caller::service("demand", scope)
    }
}
