//! Parties and sites of the deployment.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use kit::{
    Caller, Failure, FieldFault,
    command::{Claim, parse_request_id},
    id::PartyId,
};
use proto::membership::v1::{
    BatchGetPartiesRequest, BatchGetPartiesResponse, BatchGetSitesRequest, BatchGetSitesResponse, FoundParty,
    FoundSite, PartiesRegistered, RegisterPartiesRequest, RegisterPartiesResponse, RegisterSitesRequest,
    RegisterSitesResponse, SitesRegistered,
};
use sqlx::PgConnection;

use super::{App, require_registrar};
use crate::{
    convert::{SiteInput, parties_from_proto, party_to_proto, site_to_proto, sites_from_proto},
    domain::{Key, Party, PartyRef, Site, SiteRef, check_parties, check_sites},
    store,
};

/// References to parties in one call at most.
const MOST_PARTY_REFS: usize = 2_000;
/// References to sites in one call at most.
const MOST_SITE_REFS: usize = 5_000;

impl App {
    /// Creates or updates parties by key.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`; `INVALID_INPUT` with the faults of all rows, among them a key that is registered as
    /// another kind and a number that another party has.
    pub async fn register_parties(
        &self,
        caller: &Caller,
        request: RegisterPartiesRequest,
    ) -> Result<RegisterPartiesResponse, Failure> {
        require_registrar(caller)?;
        let mut parties = parties_from_proto(&request.parties)?;
        let method = "centrale.membership.v1.MembershipService/RegisterParties";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        store::party::lock_registry(command.conn()).await?;
        let present =
            store::party::list_alike(command.conn(), &parties.iter().map(Into::into).collect::<Vec<_>>()).await?;
        refuse(check_parties(&parties, &present))?;
        refuse(rewritten(command.conn(), &parties, &present).await?)?;
        let ids: HashMap<&Key, PartyId> = present.iter().map(|party| (&party.key, party.id)).collect();
        for party in &mut parties {
            party.id = ids.get(&party.key).copied().unwrap_or(party.id);
        }
        store::party::save_all(command.conn(), &parties).await?;
        let event = PartiesRegistered { party_ids: parties.iter().map(|party| party.id.to_string()).collect() };
        command.append(parse_request_id(&request.request_id)?, "membership.parties_registered.v1", &event).await?;
        command.finish(RegisterPartiesResponse { parties: parties.iter().map(party_to_proto).collect() }).await
    }

    /// Creates or updates sites by key.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`; `INVALID_INPUT` with the faults of all rows, among them an unknown party, a site of
    /// another party, and a number that another site has.
    pub async fn register_sites(
        &self,
        caller: &Caller,
        request: RegisterSitesRequest,
    ) -> Result<RegisterSitesResponse, Failure> {
        require_registrar(caller)?;
        let inputs = sites_from_proto(&request.sites)?;
        let method = "centrale.membership.v1.MembershipService/RegisterSites";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        store::site::lock_registry(command.conn()).await?;
        let parties = store::party::find_by_refs(command.conn(), inputs.iter().map(|input| &input.party)).await?;
        let mut sites = with_parties(inputs, &parties)?;
        let present =
            store::site::list_alike(command.conn(), &sites.iter().map(Into::into).collect::<Vec<_>>()).await?;
        refuse(check_sites(&sites, &present))?;
        let ids: HashMap<&Key, _> = present.iter().map(|site| (&site.key, site.id)).collect();
        for site in &mut sites {
            site.id = ids.get(&site.key).copied().unwrap_or(site.id);
        }
        store::site::save_all(command.conn(), &sites).await?;
        let event = SitesRegistered { site_ids: sites.iter().map(|site| site.id.to_string()).collect() };
        command.append(parse_request_id(&request.request_id)?, "membership.sites_registered.v1", &event).await?;
        command.finish(RegisterSitesResponse { sites: sites.iter().map(site_to_proto).collect() }).await
    }

    /// Parties by reference; each reference that names one is answered once, the others are left out.
    ///
    /// # Errors
    /// `INVALID_INPUT` when there are too many.
    pub async fn batch_get_parties(
        &self,
        caller: &Caller,
        request: BatchGetPartiesRequest,
    ) -> Result<BatchGetPartiesResponse, Failure> {
        let asked = read_refs(&request.refs, MOST_PARTY_REFS, PartyRef::parse)?;
        let mut tx = self.db.begin(caller).await?;
        let mut parties = store::party::find_by_refs(tx.conn(), asked.iter().map(|(_, reference)| reference)).await?;
        let today = tx.today().await?;
        bring_up_to(tx.conn(), &mut parties, today).await?;
        tx.rollback().await?;
        let found = asked.into_iter().filter_map(|(text, reference)| {
            let party = party_to_proto(parties.get(&reference)?);
            Some(FoundParty { r#ref: text.to_owned(), party: Some(party) })
        });
        Ok(BatchGetPartiesResponse { found: found.collect() })
    }

    /// Sites by reference; each reference that names one is answered once, the others are left out.
    ///
    /// # Errors
    /// `INVALID_INPUT` when there are too many.
    pub async fn batch_get_sites(
        &self,
        caller: &Caller,
        request: BatchGetSitesRequest,
    ) -> Result<BatchGetSitesResponse, Failure> {
        let asked = read_refs(&request.refs, MOST_SITE_REFS, SiteRef::parse)?;
        let mut tx = self.db.begin(caller).await?;
        let sites = store::site::find_by_refs(tx.conn(), asked.iter().map(|(_, reference)| reference)).await?;
        tx.rollback().await?;
        let found = asked.into_iter().filter_map(|(text, reference)| {
            let site = site_to_proto(sites.get(&reference)?);
            Some(FoundSite { r#ref: text.to_owned(), site: Some(site) })
        });
        Ok(BatchGetSitesResponse { found: found.collect() })
    }
}

/// Parties as they are on a day, whatever they were entered with.
async fn bring_up_to(
    conn: &mut PgConnection,
    parties: &mut HashMap<PartyRef, Party>,
    on: NaiveDate,
) -> Result<(), Failure> {
    let ids: Vec<PartyId> = parties.values().map(|party| party.id).collect();
    let statuses = store::dated::statuses_on(conn, &ids, on).await?;
    let identities = store::dated::identities_on(conn, &ids, on).await?;
    for party in parties.values_mut() {
        if let Some(dated) = statuses.get(&party.id) {
            party.buyer_status = Some(dated.status);
            party.buyer_status_evidence.clone_from(&dated.evidence);
            party.buyer_status_on = dated.valid_from;
        }
        if let Some(dated) = identities.get(&party.id) {
            party.name.clone_from(&dated.name);
            party.siret.clone_from(&dated.siret);
        }
    }
    Ok(())
}

/// Faults of parties that would be entered anew with what has a history: that is added to, with its evidence and its day.
async fn rewritten(conn: &mut PgConnection, parties: &[Party], present: &[Party]) -> Result<Vec<FieldFault>, Failure> {
    let known: HashMap<&Key, &Party> = present.iter().map(|party| (&party.key, party)).collect();
    let ids: Vec<PartyId> = present.iter().map(|party| party.id).collect();
    let statuses = store::dated::statuses_on(conn, &ids, NaiveDate::MAX).await?;
    let identities = store::dated::identities_on(conn, &ids, NaiveDate::MAX).await?;
    let mut faults = Vec::new();
    for (index, party) in parties.iter().enumerate() {
        let Some(before) = known.get(&party.key) else { continue };
        if statuses.contains_key(&before.id) && before.buyer_status != party.buyer_status {
            let detail = "has a history: record another status with its evidence and first day";
            faults.push(FieldFault::new(format!("parties[{index}].buyer_status"), detail));
        }
        if identities.contains_key(&before.id) && before.siret != party.siret {
            let detail = "has a history: record another SIRET with its evidence and first day";
            faults.push(FieldFault::new(format!("parties[{index}].siret"), detail));
        }
    }
    Ok(faults)
}

/// Refuses when there are faults.
pub(super) fn refuse(faults: Vec<FieldFault>) -> Result<(), Failure> {
    if faults.is_empty() { Ok(()) } else { Err(Failure::invalid(faults)) }
}

/// The distinct references of a request that have the form of one. The others name nothing, like unknown ones: a caller hands on
/// what a file said, and tells its reader by what is missing in the answer.
fn read_refs<R>(texts: &[String], most: usize, parse: impl Fn(&str) -> Option<R>) -> Result<Vec<(&str, R)>, Failure> {
    if !(1..=most).contains(&texts.len()) {
        return Err(Failure::invalid_field("refs", format!("must have 1 to {most} entries, has {}", texts.len())));
    }
    let mut seen = HashSet::new();
    let distinct = texts.iter().map(String::as_str).filter(|text| seen.insert(*text));
    Ok(distinct.filter_map(|text| Some((text, parse(text)?))).collect())
}

fn with_parties(inputs: Vec<SiteInput>, parties: &HashMap<PartyRef, Party>) -> Result<Vec<Site>, Failure> {
    let mut faults = Vec::new();
    let mut sites = Vec::with_capacity(inputs.len());
    for (index, SiteInput { site, party }) in inputs.into_iter().enumerate() {
        match parties.get(&party) {
            Some(party) => sites.push(Site { party_id: party.id, ..site }),
            None => faults.push(FieldFault::new(format!("sites[{index}].party_id"), format!("{party} is no party"))),
        }
    }
    refuse(faults)?;
    Ok(sites)
}
