//! What happens: one function per call, by noun.

mod bouquet;
mod changes;
mod charter;
mod clock;
mod contributions;
mod dated;
mod decisions;
mod delegations;
mod finance;
mod governance;
mod groups;
mod label;
mod login;
mod mandates;
mod members;
mod members_load;
mod people;
mod practitioners;
mod registry;
mod voting;

use kit::{Caller, Failure, Role, Scope, db::Db, error::CommonError, id::PartyId, identity::Verifier};
use tonic::{Request, Status};

use crate::{issuer::Issuer, password::Passwords};

/// The service.
#[derive(Debug, Clone)]
pub struct App {
    db: Db,
    verifier: Verifier,
    issuer: Issuer,
    passwords: Passwords,
}

impl App {
    /// The service on a database; `issuer_url` names its embedded issuer.
    #[must_use]
    pub fn new(db: Db, verifier: Verifier, issuer_url: &str) -> Self {
        Self { issuer: Issuer::new(db.clone(), issuer_url), db, verifier, passwords: Passwords::new() }
    }

    /// Who calls.
    ///
    /// # Errors
    /// `NOT_AUTHENTICATED`.
    pub fn caller<T>(&self, request: &Request<T>) -> Result<Caller, Status> {
        Ok(self.verifier.caller(request)?)
    }
}

/// Refuses who may not change the deployment's registry. It is an administrator's, outside any group.
fn require_registrar(caller: &Caller) -> Result<(), Failure> {
    caller.require(&[Role::Administrator])?;
    match caller.scope {
        Scope::Deployment => Ok(()),
        Scope::Group(_) | Scope::Party(_) => Err(CommonError::WrongSession("the deployment").into()),
    }
}

/// Refuses all but the gateway: who may ask what anybody may do, or try passwords, could become anybody.
fn require_gateway(caller: &Caller) -> Result<(), Failure> {
    caller.require(&[Role::Service])?;
    if caller.subject == "service:gateway" {
        Ok(())
    } else {
        Err(CommonError::RoleNotAllowed { needed: "service:gateway".to_owned() }.into())
    }
}

/// Whether the caller is another service, which may read longer pages.
fn is_service(caller: &Caller) -> bool {
    caller.has(&[Role::Service])
}

/// The one party whose rows the caller may see in its group; none: all of them. Who acts for one member, for a supplier or for a
/// platform sees its own.
fn only_own(caller: &Caller) -> Result<Option<PartyId>, Failure> {
    if caller.has(&[Role::PurchasingOfficer, Role::Auditor, Role::Administrator, Role::Service]) {
        return Ok(None);
    }
    caller.party().map(Some)
}
