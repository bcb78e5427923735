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
    signature::{Signatures, Signing},
};
use proto::tendering::v1::ReserveResponse;
use tokio::sync::Semaphore;
use tonic::{Request, Status};

use self::{catalogue::Catalogue, membership::Membership};
use crate::{
    convert::WantedReservation,
    domain::{
        agreement::{check_awarding, check_beside_a_ght},
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
    /// Rights to award in the name of the party that does, as far as an officer needs them.
    pub award_rights: Signatures,
}

impl Facts {
    /// Refuses whoever may not award for a party at all, or not for so much (cents EUR): its officers within what it delegated, others
    /// with its delegation only.
    ///
    /// # Errors
    /// `NOT_THE_AWARDING_PARTY` with the article, `ABOVE_DELEGATION`, `NO_DELEGATION`.
    fn check_may_award(&self, caller: &Caller, awarding_party: PartyId, amount_cents: i64) -> Result<(), Failure> {
        check_beside_a_ght(&self.group, self.members.get(&awarding_party), &self.law, self.on)?;
        let of_group = self.group.awarding_party.unwrap_or(awarding_party);
        let refused = check_awarding(&self.group, caller.acts_for, awarding_party, &self.law, self.on);
        if refused.is_err() && awarding_party != of_group {
            return Ok(refused?);
        }
        match self.award_rights.sign(caller, awarding_party, amount_cents)? {
            Some(Signing::ByRole | Signing::ByDelegation(_)) => Ok(()),
            None => Ok(refused?),
        }
    }

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
        Ok(Facts { on, law, group, members, award_rights: Signatures::default() })
    }

    /// As [`App::facts`] about the awarding party for today, with the rights to award in a party's name.
    async fn facts_to_award(&self, caller: &Caller, awarding_party: PartyId) -> Result<Facts, Failure> {
        let facts = self.facts(caller, None, &[awarding_party]).await?;
        let award_rights = self.membership.award_rights(caller.group()?, awarding_party, facts.on).await?;
        Ok(Facts { award_rights, ..facts })
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
