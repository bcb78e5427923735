//! Routes of goods to sites.

use std::collections::{BTreeSet, HashMap};

use kit::{error::Failure, id::SiteId, identity::Caller};
use proto::logistics::v1::{ListRoutesRequest, ListRoutesResponse, SiteRoute};

use super::App;
use crate::{
    convert::{self, Faults},
    domain::routes::{Holdings, route},
    events::get_sites,
    store::reference,
};

impl App {
    /// By which route goods may reach sites.
    ///
    /// # Errors
    /// `INVALID_INPUT` with every fault, unknown sites included.
    pub async fn list_routes(
        &self,
        caller: &Caller,
        request: ListRoutesRequest,
    ) -> Result<ListRoutesResponse, Failure> {
        let asked = convert::routes(&request)?;
        let known = self.holdings(caller, asked.sites.iter().chain(&asked.platform)).await?;
        let mut faults = Faults::default();
        if asked.platform.is_some_and(|platform| !known.contains_key(&platform)) {
            faults.add("platform_site_id", "is not a known site");
        }
        for (at, site) in asked.sites.iter().enumerate() {
            if !known.contains_key(site) {
                faults.add(format!("site_ids[{at}]"), "is not a known site");
            }
        }
        faults.finish(Some(()))?;
        let platform = asked.platform.and_then(|platform| known.get(&platform));
        let mut routes = Vec::with_capacity(asked.requirements.len() * asked.sites.len());
        for (requirement, goods) in (0_i32..).zip(&asked.requirements) {
            for site in &asked.sites {
                if let Some(holdings) = known.get(site) {
                    let (verdict, reason) = route(*goods, platform, holdings);
                    routes.push(SiteRoute {
                        requirement,
                        site_id: site.to_string(),
                        route: convert::verdict_to_proto(verdict),
                        reason: Some(convert::reason_to_proto(reason)),
                    });
                }
            }
        }
        Ok(ListRoutesResponse { routes })
    }

    /// What sites hold: from our projection, and from membership those that it lacks.
    async fn holdings<'a>(
        &self,
        caller: &Caller,
        ids: impl Iterator<Item = &'a SiteId>,
    ) -> Result<HashMap<SiteId, Holdings>, Failure> {
        let ids: Vec<SiteId> = ids.copied().collect::<BTreeSet<_>>().into_iter().collect();
        let mut tx = self.db.begin(caller).await?;
        let mut known = reference::find_holdings(tx.conn(), &ids).await?;
        tx.rollback().await?;
        let missing: Vec<SiteId> = ids.into_iter().filter(|id| !known.contains_key(id)).collect();
        if !missing.is_empty() {
            let fetched = get_sites(&self.membership, &missing).await?;
            known.extend(fetched.into_iter().map(|site| (site.id, Holdings::new(site.authorisations))));
        }
        Ok(known)
    }
}
