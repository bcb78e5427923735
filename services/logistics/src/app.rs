//! What happens, one function per RPC. A command claims its request id, locks the order (every change of an order's figures is serial),
//! decides by the rules of [`crate::domain`], writes, and appends its events last. Nothing calls over the network while a
//! transaction is open.

mod break_bulk;
mod deliveries;
mod expected;
mod parcels;
mod receipts;
mod routes;
mod shipments;

use kit::{
    client::Peer,
    db::{Db, Tx},
    error::Failure,
    id::{OrderLineId, PartyId, PooledOrderId},
    identity::{Caller, Role, Scope, Verifier},
};
use proto::logistics::v1::{LineUnits, UnitsCancelled};
use tonic::{Request, Status};

use crate::domain::sharing::Sharing;

/// The service.
#[derive(Debug, Clone)]
pub struct App {
    db: Db,
    verifier: Verifier,
    membership: Peer,
    catalogue: Peer,
}

/// Who reads what logistics keeps; which rows, [`App::mine`] says.
const READERS: [Role; 7] = [
    Role::PurchasingOfficer,
    Role::MemberRequester,
    Role::MemberReceiver,
    Role::Supplier,
    Role::PlatformOperator,
    Role::Auditor,
    Role::Service,
];

/// Lines in one event at most (design decision 2).
const EVENT_CHUNK: usize = 5_000;

impl App {
    /// The service over its database and the services it asks.
    #[must_use]
    pub const fn new(db: Db, verifier: Verifier, membership: Peer, catalogue: Peer) -> Self {
        Self { db, verifier, membership, catalogue }
    }

    /// Who calls.
    pub(crate) fn caller<T>(&self, request: &Request<T>) -> Result<Caller, Status> {
        Ok(self.verifier.caller(request)?)
    }

    /// The party to whose rows a reader is limited; `None` when the session's policy is the only limit: officers, auditors and
    /// services see their group, and a party session shows the party's rows. Everybody else sees in a group only the rows in which
    /// the party they act for has a part.
    fn mine(caller: &Caller) -> Result<Option<PartyId>, Failure> {
        caller.require(&READERS)?;
        match caller.scope {
            Scope::Party(_) => Ok(None),
            Scope::Group(_) | Scope::Deployment => {
                if caller.has(&[Role::PurchasingOfficer, Role::Auditor, Role::Service]) {
                    Ok(None)
                } else {
                    caller.party().map(Some)
                }
            }
        }
    }
}

/// Tells demand what never comes: sums per order line, at most 5,000 in one event.
async fn append_cancelled(tx: &mut Tx, order: PooledOrderId, sharings: &[Sharing], cause: &str) -> Result<(), Failure> {
    let lines: Vec<LineUnits> = sharings.iter().flat_map(Sharing::given).map(line_units).collect();
    for chunk in lines.chunks(EVENT_CHUNK) {
        let event =
            UnitsCancelled { pooled_order_id: order.to_string(), lines: chunk.to_vec(), cause: cause.to_owned() };
        tx.append(order.uuid(), "logistics.units_cancelled.v1", &event).await?;
    }
    Ok(())
}

fn line_units((line, units): (OrderLineId, i64)) -> LineUnits {
    LineUnits { order_line_id: line.to_string(), units }
}
