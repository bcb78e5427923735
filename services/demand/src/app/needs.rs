//! Stating, changing, withdrawing and reading needs.

use kit::{
    Caller, Failure, Role, Scope,
    command::{Claim, Command},
    id::{self, GroupId, NeedId, PartyId, RoundId},
};
use proto::demand::v1::{
    AddNeedsRequest, AddNeedsResponse, ChangeNeedRequest, ChangeNeedResponse, GetNeedRequest, GetNeedResponse,
    ListNeedsRequest, ListNeedsResponse, NeedChanged, NeedsStated, WithdrawNeedRequest, WithdrawNeedResponse,
};

use super::{App, references::limited_to, rounds::check_version};
use crate::{
    convert::{self, Fields, need_to_proto, row_error, typed_need},
    domain::{
        directory::Directory,
        need::{
            Need, NewNeed, RowFault, SetDigest, TypedNeed, check_reference, no_census, reference_taken,
            repeated_references, units_of,
        },
        round::{NoCensus, Round, RoundKind},
    },
    store::{
        needs::{self, Filter},
        rounds,
    },
};

/// Most needs in one request.
const BATCH_LIMIT: usize = 1_000;

/// Needs of one member for one round, with everything looked up.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The round.
    pub round_id: RoundId,
    /// The member.
    pub party_id: PartyId,
    /// The needs, with references that differ.
    pub needs: Vec<NewNeed>,
}

impl App {
    /// States needs, all or none.
    ///
    /// # Errors
    /// `ROUND_CLOSED`, `ROUND_NOT_OPEN`, `PARTY_NOT_MEMBER`; faults of rows are in the answer.
    pub async fn add_needs(&self, caller: &Caller, request: AddNeedsRequest) -> Result<AddNeedsResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer, Role::MemberRequester])?;
        let mut fields = Fields::default();
        let round = fields.id("round_id", &request.round_id);
        let party = fields.id("party_id", &request.party_id);
        let within = (1..=BATCH_LIMIT).contains(&request.needs.len());
        fields.check(within, "needs", format!("must have 1 to {BATCH_LIMIT} needs"));
        fields.finish()?;
        let (Some(round_id), Some(party_id)) = (round, party) else {
            return Err(Failure::internal("ids without fault and without value"));
        };
        self.check_states_for(caller, party_id).await?;
        let typed: Vec<TypedNeed> =
            (1..).zip(request.needs.iter().cloned()).map(|(row, input)| typed_need(row, input)).collect();
        let mut directory = Directory::default();
        self.look_up(caller, party_id, &mut directory, &typed).await?;
        match read_batch(&directory, party_id, &request.request_id, &typed) {
            Ok(needs) => self.add_resolved(caller, &request, Batch { round_id, party_id, needs }).await,
            Err(faults) => Ok(refused(faults)),
        }
    }

    /// As [`App::add_needs`], once rows are looked up.
    ///
    /// # Errors
    /// `NOT_FOUND` for the round, `ROUND_CLOSED`, `ROUND_NOT_OPEN`.
    pub async fn add_resolved(
        &self,
        caller: &Caller,
        request: &AddNeedsRequest,
        batch: Batch,
    ) -> Result<AddNeedsResponse, Failure> {
        let group = caller.group()?;
        let Batch { round_id, party_id, needs: new } = batch;
        let method = "centrale.demand.v1.DemandService/AddNeeds";
        let mut command = match self.db.command(caller, method, &request.request_id, request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let round = lock_round(&mut command, group, round_id).await?;
        needs::lock_member(command.conn(), group, round_id, party_id).await?;
        round.check_takes_needs(command.now().await?)?;
        let new = match committed(round.terms.kind, new) {
            Ok(new) => new,
            Err(faults) => {
                command.abandon().await?;
                return Ok(refused(faults));
            }
        };
        let references: Vec<&str> = new.iter().map(|need| need.reference.as_str()).collect();
        let taken = needs::find_references(command.conn(), group, round_id, party_id, &references).await?;
        if !taken.is_empty() {
            command.abandon().await?;
            return Ok(refused(taken_references(&new, &taken)));
        }
        let ids: Vec<NeedId> = new.iter().map(|_| NeedId::new()).collect();
        needs::insert(command.conn(), group, round_id, party_id, &caller.subject, &ids, &new).await?;
        let stated: Vec<Need> =
            ids.into_iter().zip(new).map(|(id, need)| stated(group, round_id, party_id, id, need)).collect();
        command.append(round_id.uuid(), "demand.needs_stated.v1", &stated_event(round_id, party_id, &stated)?).await?;
        let needs = stated.iter().map(need_to_proto).collect();
        command.finish(AddNeedsResponse { needs, errors: Vec::new() }).await
    }

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

    /// Adds to a directory what rows name and it does not know yet. Answers about how many bytes that takes.
    pub(crate) async fn look_up(
        &self,
        caller: &Caller,
        party: PartyId,
        directory: &mut Directory,
        rows: &[TypedNeed],
    ) -> Result<usize, Failure> {
        let group = caller.group()?;
        let (article_refs, site_refs) = directory.unknown(rows);
        let own = self.own_codes(caller, party, &article_refs).await?;
        let asked: Vec<String> = article_refs.iter().map(|reference| own.reference(reference)).collect();
        let (articles, mut sites) =
            tokio::try_join!(self.find_articles(group, &asked), self.find_sites(group, &site_refs))?;
        let mut bytes = 0;
        for (reference, asked) in article_refs.iter().zip(&asked) {
            if let Some(near) = own.near(reference) {
                bytes += directory.add_near(reference, near);
            }
            let (found, packaging) = match articles.get(asked).cloned() {
                Some(found) => (found.article.map(convert::known_article).transpose()?, found.packaging_code),
                None => (None, String::new()),
            };
            bytes += directory.add_article(reference, found.map(|article| (article, packaging.as_str())));
        }
        for reference in &site_refs {
            let found = sites.remove(reference);
            let ids = found.and_then(|site| Some((site.id.parse().ok()?, site.party_id.parse().ok()?)));
            bytes += directory.add_site(reference, ids);
        }
        Ok(bytes)
    }
}

/// Reads the rows of a request.
///
/// # Errors
/// Every fault of every row.
pub fn read_batch(
    directory: &Directory,
    party: PartyId,
    request_id: &str,
    typed: &[TypedNeed],
) -> Result<Vec<NewNeed>, Vec<RowFault>> {
    let mut faults = repeated_references(typed.iter().map(|need| (need.row, need.reference.trim())));
    let mut needs = Vec::with_capacity(typed.len());
    for need in typed {
        match directory.read(party, need) {
            Ok(read) => {
                let reference = check_reference(need.row, &need.reference).unwrap_or_default();
                let made = made_reference(request_id, need.row);
                needs.extend(directory.need(need.row, &read, if reference.is_empty() { &made } else { reference }));
            }
            Err(more) => faults.extend(more),
        }
    }
    faults.sort_by_key(|fault| fault.row);
    if faults.is_empty() { Ok(needs) } else { Err(faults) }
}

/// A reference for a row that has none: the end of the request's id, and the row. Asking again makes the same.
pub(crate) fn made_reference(source: &str, row: i64) -> String {
    let digits: Vec<char> = source.chars().filter(char::is_ascii_hexdigit).collect();
    let end: String = digits.iter().skip(digits.len().saturating_sub(12)).collect();
    format!("{end}-{row}")
}

fn refused(faults: Vec<RowFault>) -> AddNeedsResponse {
    AddNeedsResponse { needs: Vec::new(), errors: faults.into_iter().map(row_error).collect() }
}

fn taken_references(new: &[NewNeed], taken: &[(String, NeedId)]) -> Vec<RowFault> {
    let found = |need: &NewNeed| taken.iter().find(|(reference, _)| *reference == need.reference);
    new.iter()
        .filter_map(|need| {
            let (reference, id) = found(need)?;
            Some(reference_taken(need.row, reference, &format!("dans la campagne (besoin {id})")))
        })
        .collect()
}

/// The needs as their round keeps them: how firmly they are meant in a census, nothing of that elsewhere.
pub(super) fn committed(kind: RoundKind, new: Vec<NewNeed>) -> Result<Vec<NewNeed>, Vec<RowFault>> {
    let (mut needs, mut faults) = (Vec::with_capacity(new.len()), Vec::new());
    for need in new {
        match (kind.commitment(need.commitment), need.commitment) {
            (Ok(commitment), _) => needs.push(NewNeed { commitment, ..need }),
            (Err(NoCensus), Some(said)) => faults.push(no_census(need.row, said)),
            (Err(NoCensus), None) => {}
        }
    }
    if faults.is_empty() { Ok(needs) } else { Err(faults) }
}

pub(super) fn stated(group_id: GroupId, round_id: RoundId, party_id: PartyId, id: NeedId, new: NewNeed) -> Need {
    Need {
        id,
        group_id,
        round_id,
        party_id,
        site_id: new.site_id,
        article_id: new.article_id,
        kind: new.kind,
        packaging: new.packaging,
        quantity: new.quantity,
        units: new.units,
        reference: new.reference,
        needed_by: new.needed_by,
        commitment: new.commitment,
        withdrawn: false,
        version: 1,
    }
}

pub(super) fn stated_event(round: RoundId, party: PartyId, needs: &[Need]) -> Result<NeedsStated, Failure> {
    let mut digest = SetDigest::new();
    for need in needs {
        digest.stated(need.id, need.site_id, need.article_id, need.units);
    }
    Ok(NeedsStated {
        round_id: round.to_string(),
        party_id: party.to_string(),
        count: i64::try_from(needs.len()).map_err(Failure::internal)?,
        units: needs.iter().map(|need| need.units).sum(),
        sha256: digest.finish().to_vec().into(),
    })
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

#[cfg(test)]
mod tests {
    use kit::id::{ArticleId, SiteId};

    use super::*;
    use crate::domain::{
        conversion::{Level, packagings},
        directory::KnownArticle,
        need::LineKind,
    };

    fn row(row: i64, quantity: i64, reference: &str) -> TypedNeed {
        TypedNeed {
            row,
            site: "key:s".into(),
            article: "key:a".into(),
            packaging: "UNIT".into(),
            quantity,
            reference: reference.into(),
            ..TypedNeed::default()
        }
    }

    #[test]
    fn a_batch_is_read_whole_or_every_fault_is_told_by_row() {
        let party = PartyId::new();
        let mut directory = Directory::default();
        let levels = [Level { code: "UNIT".into(), label: "acte".into(), contains: None }];
        let packagings = packagings(&levels, "acte").unwrap();
        let article = KnownArticle { id: ArticleId::new(), label: "IRM".into(), kind: LineKind::Service, packagings };
        directory.add_article("key:a", Some((article, "")));
        directory.add_site("key:s", Some((SiteId::new(), party)));
        let request = "01938f6e-0000-7000-8000-0123456789ab";

        let needs = read_batch(&directory, party, request, &[row(1, 5, " A "), row(2, 6, "")]).unwrap();
        let read: Vec<(&str, i64)> = needs.iter().map(|need| (need.reference.as_str(), need.units)).collect();
        assert_eq!(read, [("A", 5), ("0123456789ab-2", 6)]);
        assert_eq!(needs[0].kind, LineKind::Service, "copied from the article");

        let rows = [row(1, 5, "A"), row(2, 0, "B"), row(3, 5, " A")];
        let faults = read_batch(&directory, party, request, &rows).unwrap_err();
        let told: Vec<(i64, &str)> = faults.iter().map(|fault| (fault.row, fault.column)).collect();
        assert_eq!(told, [(2, "quantity"), (3, "reference")]);
    }
}
