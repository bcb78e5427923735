//! What other services' logs do here.
//!
//! An effect must not call over the network, but an expected line needs the party that operates its platform. So membership's
//! `sites_registered` only notes which sites to fetch; [`SiteKeeper`] fetches them; and an order that names a platform not fetched yet
//! is parked by the reader and tried again.

use std::{collections::HashSet, time::Duration};

use kit::{
    client::Peer,
    db::{Db, Tx},
    error::{CommonError, Failure},
    events::Effect,
    id::{Id, PartyId, SiteId},
    identity::{Caller, Scope},
};
use prost::Message;
use proto::{
    demand::v1::{AcceptedLine, OrderAnswered},
    events::v1::Event,
    membership::v1::{BatchGetSitesRequest, SitesRegistered, membership_service_client::MembershipServiceClient},
};
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{
        Route,
        expected::{Destination, ExpectedLine},
    },
    store::{
        expected::{ExpectedOrder, NewLine, expect},
        reference::{self, Site},
    },
};

/// What a supplier accepts is expected from now on (`demand.order_answered.v1`).
#[derive(Debug, Clone, Copy)]
pub struct Orders;

#[tonic::async_trait]
impl Effect for Orders {
    fn kinds(&self) -> &'static [&'static str] {
        &["demand.order_answered.v1"]
    }

    async fn apply(&self, tx: &mut Tx, event: &Event) -> Result<(), Failure> {
        let answer: OrderAnswered = decode(event)?;
        let group = parse_uuid(&event.group_id)?;
        let platform = match answer.lines.iter().any(|line| line.route == Route::Platform.code()) {
            true => Some(platform(tx, parse(&answer.platform_site_id)?).await?),
            false => None,
        };
        let lines = answer
            .lines
            .iter()
            .filter(|line| line.units > 0)
            .map(|line| new_line(line, platform))
            .collect::<Result<Vec<NewLine>, Failure>>()?;
        if lines.is_empty() {
            return Ok(());
        }
        let order = ExpectedOrder {
            id: parse(&answer.pooled_order_id)?,
            number: answer.number,
            supplier_id: parse(&answer.supplier_id)?,
            operator_party_id: platform.map(|platform| platform.1),
        };
        expect(tx.conn(), group, &order, &lines).await
    }
}

/// The platform's site and the party that operates it.
async fn platform(tx: &mut Tx, site: SiteId) -> Result<(SiteId, PartyId), Failure> {
    let operator = reference::find_site_party(tx.conn(), site).await?;
    let unknown = || CommonError::Unavailable(format!("platform {site} is not fetched from membership yet"));
    Ok((site, operator.ok_or_else(unknown)?))
}

fn new_line(line: &AcceptedLine, platform: Option<(SiteId, PartyId)>) -> Result<NewLine, Failure> {
    let site_id: SiteId = parse(&line.site_id)?;
    let route = Route::try_from(line.route.clone()).map_err(Failure::internal)?;
    let destination = match (route, platform) {
        (Route::Platform, Some((site_id, operator))) => {
            Destination { site_id, route, operator_party_id: Some(operator) }
        }
        (Route::Platform, None) => return Err(Failure::internal(format!("{} passes no platform", line.order_line_id))),
        (Route::Direct, _) => Destination { site_id, route, operator_party_id: None },
    };
    Ok(NewLine {
        pooled_line_id: parse(&line.pooled_line_id)?,
        destination,
        article_id: parse(&line.article_id)?,
        packaging_code: line.packaging_code.clone(),
        pack_units: line.pack_units,
        line: ExpectedLine {
            id: parse(&line.order_line_id)?,
            party_id: parse(&line.party_id)?,
            site_id,
            accepted: line.units,
            cancelled: 0,
            allocated: 0,
            delivered: 0,
        },
    })
}

/// Notes which sites to fetch (`membership.sites_registered.v1`).
#[derive(Debug, Clone, Copy)]
pub struct Sites;

#[tonic::async_trait]
impl Effect for Sites {
    fn kinds(&self) -> &'static [&'static str] {
        &["membership.sites_registered.v1"]
    }

    async fn apply(&self, tx: &mut Tx, event: &Event) -> Result<(), Failure> {
        let registered: SitesRegistered = decode(event)?;
        let ids = registered.site_ids.iter().map(|id| parse(id)).collect::<Result<Vec<SiteId>, Failure>>()?;
        Ok(reference::note_sites(tx.conn(), &ids, event.position).await?)
    }
}

/// Keeps the projection of membership's sites.
#[derive(Debug, Clone)]
pub struct SiteKeeper {
    /// Our database.
    pub db: Db,
    /// Whom to ask.
    pub membership: Peer,
}

/// How long the keeper sleeps when there is nothing to fetch.
const POLL: Duration = Duration::from_millis(300);
/// How long it waits after a failure.
const BACK_OFF: Duration = Duration::from_secs(1);
/// Sites fetched in one call.
const FETCH_BATCH: i64 = 1_000;
/// Largest answer of membership about sites, in bytes.
pub(crate) const LARGEST_SITES: usize = 16 << 20;

impl SiteKeeper {
    /// Fetches until stopped. Any replica may run one: what another has fetched meanwhile is not written again.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let pause = match self.fetch_once().await {
                Ok(0) => POLL,
                Ok(_) => Duration::ZERO,
                Err(error) => {
                    tracing::warn!(%error, "sites not fetched, trying again");
                    BACK_OFF
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Fetches what is to be fetched now, at most 1,000 sites; how many there were.
    ///
    /// # Errors
    /// When membership or the database is away.
    pub async fn fetch_once(&self) -> Result<usize, Failure> {
        let caller = Caller::service(self.db.schema(), Scope::Deployment);
        let mut tx = self.db.begin(&caller).await?;
        let asked = reference::sites_to_fetch(tx.conn(), FETCH_BATCH).await?;
        tx.rollback().await?;
        if asked.is_empty() {
            return Ok(0);
        }
        let ids: Vec<SiteId> = asked.iter().map(|(id, _)| *id).collect();
        let sites = get_sites(&self.membership, &ids).await?;
        let mut tx = self.db.begin(&caller).await?;
        save_fetched(&mut tx, &asked, sites).await?;
        tx.commit().await?;
        Ok(asked.len())
    }
}

/// Writes fetched sites, but for those that changed again after they were asked for, or that another replica has written.
///
/// # Errors
/// When the database is away.
pub async fn save_fetched(tx: &mut Tx, asked: &[(SiteId, i64)], mut sites: Vec<Site>) -> Result<(), Failure> {
    let still = reference::lock_sites_to_fetch(tx.conn(), asked).await?;
    let wanted: HashSet<SiteId> = still.iter().copied().collect();
    sites.retain(|site| wanted.contains(&site.id));
    Ok(reference::save_sites(tx.conn(), &sites, &still).await?)
}

/// Sites by id from membership; unknown ones are left out.
pub(crate) async fn get_sites(membership: &Peer, ids: &[SiteId]) -> Result<Vec<Site>, Failure> {
    let caller = Caller::service("logistics", Scope::Deployment);
    let request = BatchGetSitesRequest { refs: ids.iter().map(SiteId::to_string).collect() };
    let found = MembershipServiceClient::new(membership.channel())
        .max_decoding_message_size(LARGEST_SITES)
        .batch_get_sites(membership.request(&caller, request)?)
        .await?
        .into_inner()
        .found;
    found
        .into_iter()
        .filter_map(|found| found.site)
        .map(|site| {
            Ok(Site { id: parse(&site.id)?, party_id: parse(&site.party_id)?, authorisations: site.authorisations })
        })
        .collect()
}

fn decode<M: Message + Default>(event: &Event) -> Result<M, Failure> {
    let bad = |error| Failure::internal(format!("{} at {}: {error}", event.kind, event.position));
    M::decode(event.payload.as_ref()).map_err(bad)
}

/// An id that another service wrote: a wrong one is a bug there.
fn parse<K: kit::id::Kind>(text: &str) -> Result<Id<K>, Failure> {
    text.parse().map_err(Failure::internal)
}

fn parse_uuid<K>(text: &str) -> Result<Id<K>, Failure> {
    uuid::Uuid::try_parse(text).map(Id::from_uuid).map_err(Failure::internal)
}
