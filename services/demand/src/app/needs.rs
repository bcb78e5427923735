//! Changing, withdrawing and reading needs, and looking up what they name. Stating them is in `stating.rs`.

use std::collections::BTreeSet;

use kit::{
    Caller, Failure, Role, Scope,
    command::{Claim, Command},
    id::{self, GroupId, NeedId, PartyId, RoundId},
};
use proto::demand::v1::{
    ChangeNeedRequest, ChangeNeedResponse, GetNeedRequest, GetNeedResponse, ListNeedsRequest, ListNeedsResponse,
    NeedChanged, WithdrawNeedRequest, WithdrawNeedResponse,
};

use super::{App, opening::own_codes::OwnCodes, references::limited_to, rounds::check_version};
use crate::{
    convert::{self, Fields, need_to_proto},
    domain::{
        directory::Directory,
        need::{Need, TypedNeed, units_of},
        round::Round,
    },
    store::{
        needs::{self, Filter},
        rounds,
    },
};

impl App {
    /// Changes the quantity of a need while its round is open.
    ///
    /// # Errors
    /// `NOT_FOUND`, `INVALID_INPUT`, `VERSION_CHANGED`, `ROUND_CLOSED`, `NEED_WITHDRAWN`.
    pub async fn change_need(
        &self,
        caller: &Caller,
        request: ChangeNeedRequest,
    ) -> Result<ChangeNeedResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer, Role::MemberRequester])?;
        let id = need_id(&request.need_id)?;
        let method = "centrale.demand.v1.DemandService/ChangeNeed";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let need = lock_need(&mut command, caller, id, request.expected_version).await?;
        let units = units_of(1, &need.packaging, request.quantity)
            .map_err(|fault| Failure::invalid_field("quantity", format!("{} {}", fault.problem, fault.remedy)))?;
        let need = need.with_quantity(request.quantity, units)?;
        needs::save(command.conn(), &need).await?;
        let event = NeedChanged { need_id: id.to_string(), units };
        command.append(id.uuid(), "demand.need_changed.v1", &event).await?;
        command.finish(ChangeNeedResponse { need: Some(need_to_proto(&need)) }).await
    }

    /// Withdraws a need while its round is open.
    ///
    /// # Errors
    /// `NOT_FOUND`, `VERSION_CHANGED`, `ROUND_CLOSED`, `NEED_WITHDRAWN`.
    pub async fn withdraw_need(
        &self,
        caller: &Caller,
        request: WithdrawNeedRequest,
    ) -> Result<WithdrawNeedResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer, Role::MemberRequester])?;
        let id = need_id(&request.need_id)?;
        let method = "centrale.demand.v1.DemandService/WithdrawNeed";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let need = lock_need(&mut command, caller, id, request.expected_version).await?.withdraw()?;
        needs::save(command.conn(), &need).await?;
        let event = NeedChanged { need_id: id.to_string(), units: 0 };
        command.append(id.uuid(), "demand.need_withdrawn.v1", &event).await?;
        command.finish(WithdrawNeedResponse { need: Some(need_to_proto(&need)) }).await
    }

    /// One need.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn get_need(&self, caller: &Caller, request: GetNeedRequest) -> Result<GetNeedResponse, Failure> {
        let id = need_id(&request.need_id)?;
        let filter = Filter { scope: caller.scope, round: None, party: limited_to(caller)? };
        let mut tx = self.db.begin(caller).await?;
        let need = needs::find(tx.conn(), filter, id).await?;
        tx.rollback().await?;
        Ok(GetNeedResponse { need: Some(need_to_proto(&need.ok_or_else(|| Failure::not_found("need", id))?)) })
    }

    /// Needs of a group, or of a party across its groups.
    ///
    /// # Errors
    /// `INVALID_INPUT`.
    pub async fn list_needs(&self, caller: &Caller, request: ListNeedsRequest) -> Result<ListNeedsResponse, Failure> {
        let limit = limited_to(caller)?;
        let mut fields = Fields::default();
        let round = fields.optional_id("round_id", &request.round_id);
        let asked: Option<PartyId> = fields.optional_id("party_id", &request.party_id);
        fields.finish()?;
        let wanted = convert::page::<id::Need>(caller, request.page.as_ref())?;
        if limit.is_some() && asked.is_some() && limit != asked {
            // Another member's needs: nothing that this caller may see.
            return Ok(ListNeedsResponse::default());
        }
        let filter = Filter { scope: caller.scope, round, party: limit.or(asked) };
        let mut tx = self.db.begin(caller).await?;
        let found = needs::list(tx.conn(), filter, wanted.after, wanted.size).await?;
        tx.rollback().await?;
        let next_after = convert::next_after(wanted, found.len(), found.last().map(|need| need.id));
        Ok(ListNeedsResponse { needs: found.iter().map(need_to_proto).collect(), next_after })
    }

    /// Adds to a directory what a member's rows name and it does not know yet. Answers about how many bytes that takes.
    pub(crate) async fn look_up(
        &self,
        caller: &Caller,
        party: PartyId,
        directory: &mut Directory,
        rows: &[&TypedNeed],
    ) -> Result<usize, Failure> {
        self.look_up_all(caller, vec![(party, directory, rows)]).await
    }

    /// As [`App::look_up`] for several members, each with a directory of its own: a code may be another article's for another
    /// member. One question to each of catalogue and membership, and one for the own codes.
    pub(crate) async fn look_up_all(
        &self,
        caller: &Caller,
        members: Vec<(PartyId, &mut Directory, &[&TypedNeed])>,
    ) -> Result<usize, Failure> {
        let group = caller.group()?;
        let unknown: Vec<_> = members.iter().map(|(_, directory, rows)| directory.unknown(rows)).collect();
        let named = members.iter().zip(&unknown).map(|((party, ..), (articles, _))| (*party, articles.as_slice()));
        let own = self.own_codes(caller, named).await?;
        let none = OwnCodes::default();
        let own: Vec<&OwnCodes> = members.iter().map(|(party, ..)| own.get(party).unwrap_or(&none)).collect();
        let asked: BTreeSet<String> = own
            .iter()
            .zip(&unknown)
            .flat_map(|(own, (articles, _))| articles.iter().map(|reference| own.reference(reference)))
            .collect();
        let sites: BTreeSet<String> = unknown.iter().flat_map(|(_, sites)| sites.iter().cloned()).collect();
        let (asked, sites): (Vec<String>, Vec<String>) = (asked.into_iter().collect(), sites.into_iter().collect());
        let (articles, sites) = tokio::try_join!(self.find_articles(group, &asked), self.find_sites(group, &sites))?;
        let mut bytes = 0;
        for (((_, directory, _), (article_refs, site_refs)), own) in members.into_iter().zip(&unknown).zip(own) {
            for reference in article_refs {
                if let Some(near) = own.near(reference) {
                    bytes += directory.add_near(reference, near);
                }
                let (found, packaging) = match articles.get(&own.reference(reference)).cloned() {
                    Some(found) => (found.article.map(convert::known_article).transpose()?, found.packaging_code),
                    None => (None, String::new()),
                };
                bytes += directory.add_article(reference, found.map(|article| (article, packaging.as_str())));
            }
            for reference in site_refs {
                let found = sites.get(reference);
                let ids = found.and_then(|site| Some((site.id.parse().ok()?, site.party_id.parse().ok()?)));
                bytes += directory.add_site(reference, ids);
            }
        }
        Ok(bytes)
    }
}

/// Locks a round so that nobody closes it. Whether it takes needs is judged after all locks, at the time they are held.
pub(crate) async fn lock_round(command: &mut Command, group: GroupId, id: RoundId) -> Result<Round, Failure> {
    rounds::lock_shared(command.conn(), group, id).await?.ok_or_else(|| Failure::not_found("round", id))
}

/// Locks a need that the caller may change: its open round first, in the order in which closing and adding lock.
async fn lock_need(command: &mut Command, caller: &Caller, id: NeedId, seen: i64) -> Result<Need, Failure> {
    let group = caller.group()?;
    let not_found = || Failure::not_found("need", id);
    // Another member's need is not there for a requester.
    let party = if caller.has(&[Role::PurchasingOfficer]) { None } else { Some(caller.party()?) };
    let filter = Filter { scope: Scope::Group(group), round: None, party };
    let round_id = needs::find(command.conn(), filter, id).await?.ok_or_else(not_found)?.round_id;
    let round = lock_round(command, group, round_id).await?;
    let need = needs::lock(command.conn(), filter, id).await?.ok_or_else(not_found)?;
    check_version("need", id, seen, need.version)?;
    round.check_takes_needs(command.now().await?)?;
    Ok(need)
}

fn need_id(text: &str) -> Result<NeedId, Failure> {
    text.parse().map_err(|error: id::IdError| Failure::invalid_field("need_id", error.to_string()))
}
