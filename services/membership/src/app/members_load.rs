//! A members file: practitioners with their establishments, sites and memberships, all rows or none.

use std::collections::BTreeSet;

use kit::{Caller, Failure, Role, command::Claim, error::RowFault, id::GroupId};
use proto::membership::v1::{LoadMembersRequest, LoadMembersResponse, MembersLoaded};
use sqlx::PgConnection;

use super::App;
use crate::{
    convert::rows_from_proto,
    domain::{Known, Member, MembersLoad, Party, Registrar, Row, Site},
    store,
};

/// Faults told in one answer at most.
const MOST_FAULTS: usize = 10_000;

impl App {
    /// Loads rows into the session's group and, by an administrator, into the registry.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `NOT_FOUND` (the group), `INVALID_INPUT` when there are too many rows. Faults of rows are in
    /// the answer.
    pub async fn load_members(
        &self,
        caller: &Caller,
        request: LoadMembersRequest,
    ) -> Result<LoadMembersResponse, Failure> {
        caller.require(&[Role::Administrator, Role::PurchasingOfficer])?;
        let group = caller.group()?;
        let (rows, mut faults) = rows_from_proto(&request.rows, request.errors.len())?;
        let method = "centrale.membership.v1.BouquetService/LoadMembers";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        store::group::lock(command.conn(), group).await?.ok_or_else(|| Failure::not_found("group", group))?;
        let registrar = if caller.has(&[Role::Administrator]) { Registrar::Yes } else { Registrar::No };
        if registrar == Registrar::Yes {
            // In the order in which registrations take them.
            store::party::lock_registry(command.conn()).await?;
            store::site::lock_registry(command.conn()).await?;
        }
        let today = command.today().await?;
        let known = known(command.conn(), group, &rows).await?;
        let load = MembersLoad::plan(&rows, &known, registrar, today);
        faults.extend(load.faults.iter().cloned());
        let reply = counted(&load);
        if !faults.is_empty() || !request.errors.is_empty() {
            command.abandon().await?;
            return Ok(faulty(faults, request.errors));
        }
        if request.dry_run {
            command.abandon().await?;
            return Ok(reply);
        }
        save(command.conn(), group, &load).await?;
        let added = reply.practitioners_added + reply.parties_added + reply.sites_added + reply.members_added;
        if added + reply.attachments_added > 0 {
            command.append(group.uuid(), "membership.members_loaded.v1", &event(&load)).await?;
        }
        command.finish(reply).await
    }
}

/// Everything there is that rows may be about.
async fn known(conn: &mut PgConnection, group: GroupId, rows: &[Row]) -> Result<Known, Failure> {
    let parties = store::party::list_alike(conn, &asked_parties(rows)).await?;
    let sites = store::site::list_alike(conn, &asked_sites(rows)).await?;
    let numbers: Vec<&str> = rows.iter().filter_map(|row| Some(row.practitioner.as_ref()?.rpps.as_str())).collect();
    let practitioners = store::practitioner::find_by_rpps(conn, group, &numbers).await?;
    let ids: Vec<_> = parties.iter().map(|party| party.id).collect();
    Ok(Known {
        members: store::member::list_of_parties(conn, group, &ids).await?,
        charters: store::charter::versions(conn, group).await?,
        first_audit_months: store::label::schemes(conn, group, 1).await?.first().map(|one| one.first_audit_months),
        parties,
        sites,
        practitioners,
    })
}

/// Parties with the rows' keys and numbers, to look for. One without a key looks for nothing by it.
fn asked_parties(rows: &[Row]) -> Vec<store::party::Alike<'_>> {
    let asked = rows.iter().filter_map(|row| row.party.as_ref());
    asked
        .map(|row| store::party::Alike {
            key: row.key.as_ref(),
            siret: row.siret.as_ref(),
            finess: row.finess.as_ref(),
            gln: row.gln.as_ref(),
        })
        .collect()
}

fn asked_sites(rows: &[Row]) -> Vec<store::site::Alike<'_>> {
    let asked = rows.iter().filter_map(|row| row.site.as_ref());
    asked
        .map(|row| store::site::Alike { key: row.key.as_ref(), finess: row.finess.as_ref(), gln: row.gln.as_ref() })
        .collect()
}

async fn save(conn: &mut PgConnection, group: GroupId, load: &MembersLoad) -> Result<(), Failure> {
    store::party::save_all(conn, &load.parties).await?;
    store::site::save_all(conn, &load.sites).await?;
    store::member::insert_all(conn, group, &load.members).await?;
    store::practitioner::save_all(conn, group, &load.practitioners).await?;
    let of_new =
        load.practitioners.iter().flat_map(|one| one.attachments.iter().map(|attachment| (one.id, attachment)));
    let attachments: Vec<_> = of_new.chain(load.attachments.iter().map(|(id, attachment)| (*id, attachment))).collect();
    store::practitioner::attach_all(conn, group, &attachments).await?;
    let signatures: Vec<_> =
        load.practitioners.iter().filter_map(|one| Some((one.id, one.signature.as_ref()?))).collect();
    store::charter::sign_all(conn, group, &signatures).await
}

fn counted(load: &MembersLoad) -> LoadMembersResponse {
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let of_new: usize = load.practitioners.iter().map(|one| one.attachments.len()).sum();
    LoadMembersResponse {
        practitioners_added: count(load.practitioners.len()),
        parties_added: count(load.parties.len()),
        sites_added: count(load.sites.len()),
        members_added: count(load.members.len()),
        attachments_added: count(of_new + load.attachments.len()),
        unchanged: load.unchanged,
        errors: Vec::new(),
        error_count: 0,
    }
}

/// All faults by row, those found before this call too.
fn faulty(faults: Vec<RowFault>, before: Vec<proto::common::v1::RowError>) -> LoadMembersResponse {
    let mut errors: Vec<proto::common::v1::RowError> = before;
    errors.extend(faults.into_iter().map(proto::common::v1::RowError::from));
    errors.sort_by_key(|error| error.row);
    let error_count = i64::try_from(errors.len()).unwrap_or(i64::MAX);
    errors.truncate(MOST_FAULTS);
    LoadMembersResponse { errors, error_count, ..LoadMembersResponse::default() }
}

fn event(load: &MembersLoad) -> MembersLoaded {
    let parties = |parties: &[Party]| parties.iter().map(|party| party.id.to_string()).collect();
    let sites = |sites: &[Site]| sites.iter().map(|site| site.id.to_string()).collect();
    let members = |members: &[Member]| members.iter().map(|member| member.party_id.to_string()).collect();
    let practitioners: BTreeSet<String> = load
        .practitioners
        .iter()
        .map(|one| one.id.to_string())
        .chain(load.attachments.iter().map(|(id, _)| id.to_string()))
        .collect();
    MembersLoaded {
        practitioner_ids: practitioners.into_iter().collect(),
        party_ids: parties(&load.parties),
        site_ids: sites(&load.sites),
        member_party_ids: members(&load.members),
    }
}
