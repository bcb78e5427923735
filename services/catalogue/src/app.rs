//! What happens: one function per call of the contract.

mod articles;
mod prices;

pub(crate) use prices::find_articles;

use kit::{Caller, client::Peer, db::Db, identity::Verifier};
use tonic::{Request, Status};

/// The catalogue. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    db: Db,
    verifier: Verifier,
    tendering: Peer,
}

impl App {
    /// Over a database, with the service that knows agreements.
    #[must_use]
    pub const fn new(db: Db, verifier: Verifier, tendering: Peer) -> Self {
        Self { db, verifier, tendering }
    }

    /// Who calls.
    ///
    /// # Errors
    /// `NOT_AUTHENTICATED`.
    pub(crate) fn caller<T>(&self, request: &Request<T>) -> Result<Caller, Status> {
        Ok(self.verifier.caller(request)?)
    }
}
