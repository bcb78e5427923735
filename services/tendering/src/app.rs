//! What happens: one function per RPC. Facts that membership must say are fetched before the transaction; the part behind
//! them is a function of its own (`…_knowing`), which takes them as arguments.

mod agreement;
mod award;
mod catalogue;
mod consultation;
mod entitlement;
mod lot_consumption;
mod membership;
mod opening;
mod reservation;
mod reserving;
mod tender;

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, NaiveDate, Utc};
use kit::{
    Caller, Failure, Role, Scope,
    client::Peer,
    db::{Db, Tx},
    error::CommonError,
    group_commit::Lanes,
    id::{GroupId, LotId, PartyId},
    identity::Verifier,
};
use proto::tendering::v1::ReserveResponse;
use tokio::sync::Semaphore;
use tonic::{Request, Status};

use self::{catalogue::Catalogue, membership::Membership};
use crate::{
    convert::WantedReservation,
    domain::{
        entitlement::{GroupFacts, MemberFacts},
        law::Law,
    },
    store,
};

/// The service.
#[derive(Debug, Clone)]
pub struct App {
    db: Db,
    verifier: Verifier,
    membership: Membership,
    catalogue: Catalogue,
    /// Memory that tenders on their way may take, in KiB.
    tender_memory: Arc<Semaphore>,
    reserving: Lanes<(GroupId, LotId), WantedReservation, ReserveResponse>,
}

/// The moment of a transaction, after its locks: business time, the legal day on which it falls, the texts of law.
struct Moment {
    now: DateTime<Utc>,
    today: NaiveDate,
    law: Law,
}

impl Moment {
    async fn of(tx: &mut Tx) -> Result<Self, Failure> {
        let now = tx.now().await?;
        let today = tx.today().await?;
        Ok(Self { now, today, law: store::law::load(tx.conn()).await? })
    }
}

/// What a decision rests on besides the service's own rows, for one day.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Which day.
    pub on: NaiveDate,
    /// The texts of law.
    pub law: Law,
    /// The group.
    pub group: GroupFacts,
    /// Those of the parties asked about that are members on the day.
    pub members: HashMap<PartyId, MemberFacts>,
}

impl Facts {
    /// Midnight may have passed between the facts and the locks: then the caller tries again with the same request id.
    async fn check_day(&self, tx: &mut Tx) -> Result<(), Failure> {
        let today = tx.today().await?;
        if today == self.on {
            return Ok(());
        }
        Err(CommonError::Unavailable(format!("facts are of {}, today is {today}", self.on)).into())
    }
}

impl App {
    /// The service on its database, with the peers that say who is who and what is what.
    #[must_use]
    pub fn new(db: Db, verifier: Verifier, membership: Peer, catalogue: Peer) -> Self {
        let tender_memory = Arc::new(Semaphore::new(tender::MEMORY_KIB));
        Self {
            db,
            verifier,
            membership: Membership::new(membership),
            catalogue: Catalogue::new(catalogue),
            tender_memory,
            reserving: Lanes::new(1),
        }
    }

    pub(crate) fn caller<T>(&self, request: &Request<T>) -> Result<Caller, Status> {
        Ok(self.verifier.caller(request)?)
    }

    /// The business day and the texts of law.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn today(&self, caller: &Caller) -> Result<(NaiveDate, Law), Failure> {
        let mut tx = self.db.begin(caller).await?;
        let today = tx.today().await?;
        let law = store::law::load(tx.conn()).await?;
        tx.rollback().await?;
        Ok((today, law))
    }

    /// Asks membership about the group and some parties, for a day or for today.
    async fn facts(&self, caller: &Caller, on: Option<NaiveDate>, parties: &[PartyId]) -> Result<Facts, Failure> {
        let group_id = caller.group()?;
        let (today, law) = self.today(caller).await?;
        let on = on.unwrap_or(today);
        let group = self.membership.group(group_id).await?;
        let members = self.membership.members(group_id, on, parties).await?;
        Ok(Facts { on, law, group, members })
    }
}

/// Who reads: people of the group and services in a group's session, a party's people in its own.
fn require_reader(caller: &Caller) -> Result<(), Failure> {
    const OF_GROUP: [Role; 5] =
        [Role::PurchasingOfficer, Role::Auditor, Role::MemberRequester, Role::MemberReceiver, Role::Service];
    match caller.scope {
        Scope::Group(_) => caller.require(&OF_GROUP),
        Scope::Party(_) if caller.has(&[Role::Supplier]) => Ok(()),
        Scope::Party(_) => caller.require(&OF_GROUP),
        Scope::Deployment => Err(CommonError::WrongSession("a group or a party").into()),
    }
}

/// The party to which a caller in a group's session is limited; none for those who see the whole group.
fn limited_to(caller: &Caller) -> Result<Option<PartyId>, Failure> {
    match caller.scope {
        Scope::Group(_) if !caller.has(&[Role::PurchasingOfficer, Role::Auditor, Role::Service]) => {
            caller.party().map(Some)
        }
        Scope::Group(_) | Scope::Party(_) | Scope::Deployment => Ok(None),
    }
}
