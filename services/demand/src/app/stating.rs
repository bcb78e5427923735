//! Stating needs. One need is a hot command: those of a group that wait are looked up together and go through one transaction
//! together (`kit::group_commit`), each judged by itself. Many needs at once go through a transaction of their own.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use kit::{
    Caller, Failure,
    group_commit::{Asked, NewEvent},
    id::{GroupId, NeedId, PartyId, RoundId},
};
use proto::demand::v1::{AddNeedsRequest, AddNeedsResponse, NeedsStated};

use prost::Message as _;

use super::{App, references::check_may_state_for};
use crate::{
    convert::{Fields, need_to_proto, row_error, typed_need},
    domain::{
        directory::Directory,
        error::DemandError,
        need::{
            Batch, Need, NewNeed, RowFault, SetDigest, TypedNeed, check_reference, no_census, reference_taken,
            repeated_references,
        },
        round::{NoCensus, Round, RoundKind},
    },
    store::{needs, rounds},
};

const METHOD: &str = "centrale.demand.v1.DemandService/AddNeeds";
/// Most needs in one request.
const BATCH_LIMIT: usize = 1_000;
/// Most needs of a request that shares a transaction with others.
const SHARED_LIMIT: usize = 20;
/// Transactions of a group's needs at once: while one commits, the next looks things up.
pub(super) const AT_ONCE: usize = 2;
/// How often a transaction is tried: again where another replica answered one of its commands meanwhile, or a reference was taken.
const TRIES: usize = 4;

/// A request to state needs, its ids read.
#[derive(Debug, Clone)]
pub struct Stating {
    round_id: RoundId,
    party_id: PartyId,
    /// Makes references for needs that have none.
    source: String,
    typed: Vec<TypedNeed>,
}

/// A request, and what it comes to.
type Judged = Result<AddNeedsResponse, Failure>;

/// How a transaction goes about references that a member may have used before. Most are new, and whether they are is seen when
/// they are written: only where one is not are all looked up, so that it is told with the need that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum References {
    BelievedFree,
    LookedUp,
}

/// What came of one transaction; unless it is done, nothing has happened.
enum Tried {
    Done(Vec<Judged>),
    /// Another replica has answered one of the requests in the middle of it.
    AnsweredElsewhere,
    ReferenceTaken,
}

impl App {
    /// States needs, all or none.
    ///
    /// # Errors
    /// `ROUND_CLOSED`, `ROUND_NOT_OPEN`, `PARTY_NOT_MEMBER`; faults of rows are in the answer.
    pub async fn add_needs(&self, caller: &Caller, request: AddNeedsRequest) -> Result<AddNeedsResponse, Failure> {
        let group = caller.group()?;
        let mut fields = Fields::default();
        let round = fields.id("round_id", &request.round_id);
        let party = fields.id("party_id", &request.party_id);
        let within = (1..=BATCH_LIMIT).contains(&request.needs.len());
        fields.check(within, "needs", format!("must have 1 to {BATCH_LIMIT} needs"));
        fields.finish()?;
        let (Some(round_id), Some(party_id)) = (round, party) else {
            return Err(Failure::internal("ids without fault and without value"));
        };
        check_may_state_for(caller, party_id)?;
        let typed: Vec<TypedNeed> =
            (1..).zip(request.needs.iter().cloned()).map(|(row, input)| typed_need(row, input)).collect();
        let alone = typed.len() > SHARED_LIMIT;
        let stating = Stating { round_id, party_id, source: request.request_id.clone(), typed };
        let asked = Asked::new(caller, &request.request_id, &request, stating)?;
        if alone {
            return only(self.state(group, vec![Arc::new(asked)]).await?);
        }
        let app = self.clone();
        self.stating
            .ask(group, asked, move |asked| {
                let app = app.clone();
                async move { app.state(group, asked).await }
            })
            .await
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
        let asked = Asked::new(caller, &request.request_id, request, ())?;
        only(self.state_together(caller.group()?, &[(&asked, batch)]).await?)
    }

    /// Carries out requests of one group together.
    async fn state(&self, group: GroupId, asked: Vec<Arc<Asked<Stating>>>) -> Result<Vec<Judged>, Failure> {
        let Some(first) = asked.first() else { return Ok(Vec::new()) };
        let mut rows: BTreeMap<PartyId, Vec<&TypedNeed>> = BTreeMap::new();
        for asked in &asked {
            rows.entry(asked.what.party_id).or_default().extend(&asked.what.typed);
        }
        let parties: Vec<PartyId> = rows.keys().copied().collect();
        let mut directories: BTreeMap<PartyId, Directory> =
            parties.iter().map(|party| (*party, Directory::default())).collect();
        let wanted = directories.iter_mut().zip(rows.values());
        let wanted = wanted.map(|((party, directory), rows)| (*party, directory, rows.as_slice())).collect();
        let (members, _) =
            tokio::try_join!(self.find_members(group, &parties), self.look_up_all(&first.caller, wanted))?;
        let mut judged: Vec<Option<Judged>> = Vec::with_capacity(asked.len());
        let mut ready = Vec::with_capacity(asked.len());
        for asked in &asked {
            match read(&directories, &members, &asked.what) {
                Ok(batch) => {
                    ready.push((&**asked, batch));
                    judged.push(None);
                }
                Err(answer) => judged.push(Some(answer)),
            }
        }
        let mut done =
            if ready.is_empty() { Vec::new() } else { self.state_together(group, &ready).await? }.into_iter();
        let missing = || Err(Failure::internal("a command without answer"));
        Ok(judged.into_iter().map(|judged| judged.or_else(|| done.next()).unwrap_or_else(missing)).collect())
    }

    /// Carries out several requests, once rows are looked up, in one transaction.
    ///
    /// # Errors
    /// When none could be carried out; what each comes to is in the answers.
    pub async fn state_together<T>(
        &self,
        group: GroupId,
        ready: &[(&Asked<T>, Batch)],
    ) -> Result<Vec<Judged>, Failure> {
        let mut references = References::BelievedFree;
        for _ in 0..TRIES {
            match self.try_to_state(group, ready, references).await? {
                Tried::Done(judged) => return Ok(judged),
                Tried::AnsweredElsewhere => {}
                Tried::ReferenceTaken => references = References::LookedUp,
            }
        }
        Err(kit::error::CommonError::Unavailable("request ids are being answered elsewhere".to_owned()).into())
    }

    /// One transaction: the locks, what was answered before, the rules, the rows, the events.
    async fn try_to_state<T>(
        &self,
        group: GroupId,
        ready: &[(&Asked<T>, Batch)],
        references: References,
    ) -> Result<Tried, Failure> {
        let mut tx = self.db.shared(group, METHOD).await?;
        let mut open = HashMap::new();
        for id in ready.iter().map(|(_, batch)| batch.round_id).collect::<BTreeSet<_>>() {
            open.insert(id, rounds::lock_shared(tx.conn(), group, id).await?);
        }
        let members: BTreeSet<_> = ready.iter().map(|(_, batch)| (batch.round_id, batch.party_id)).collect();
        needs::lock_members(tx.conn(), group, members).await?;
        let asked: Vec<&Asked<T>> = ready.iter().map(|(asked, _)| *asked).collect();
        let answered = tx.answered::<T, AddNeedsResponse>(&asked).await?;
        let now = tx.now().await?;
        let mut taken = match references {
            References::BelievedFree => needs::Taken::new(),
            References::LookedUp => {
                needs::find_references(tx.conn(), group, ready.iter().map(|(_, batch)| batch)).await?
            }
        };
        let mut judged: Vec<Judged> = Vec::with_capacity(ready.len());
        let (mut stated, mut events, mut done) = (Vec::new(), Vec::new(), Vec::new());
        for ((asked, batch), answered) in ready.iter().zip(answered) {
            if let Some(answered) = answered {
                judged.push(answered);
                continue;
            }
            let round = open.get(&batch.round_id).and_then(Option::as_ref);
            match judge(group, round, batch, now, &mut taken) {
                Ok(needs) => {
                    let event = stated_event(batch.round_id, batch.party_id, &needs)?;
                    events.push(NewEvent {
                        asked,
                        aggregate: batch.round_id.uuid(),
                        kind: "demand.needs_stated.v1",
                        payload: event.encode_to_vec(),
                    });
                    done.push((judged.len(), *asked));
                    judged.push(Ok(AddNeedsResponse {
                        needs: needs.iter().map(need_to_proto).collect(),
                        errors: Vec::new(),
                    }));
                    stated.extend(needs.into_iter().map(|need| (need, asked.caller.subject.as_str())));
                }
                Err(answer) => judged.push(answer),
            }
        }
        if !stated.is_empty() {
            if !needs::insert(tx.conn(), group, &stated).await? {
                return tx.abandon().await.map(|()| Tried::ReferenceTaken);
            }
            tx.append_all(&events).await?;
        }
        let replies: Vec<(&Asked<T>, &AddNeedsResponse)> =
            done.iter().filter_map(|&(index, asked)| Some((asked, judged.get(index)?.as_ref().ok()?))).collect();
        Ok(if tx.finish(&replies).await? { Tried::Done(judged) } else { Tried::AnsweredElsewhere })
    }
}

fn only(judged: Vec<Judged>) -> Judged {
    judged.into_iter().next().unwrap_or_else(|| Err(Failure::internal("a command without answer")))
}

/// Reads a request with what was looked up; what it is answered when it cannot be taken.
fn read(
    directories: &BTreeMap<PartyId, Directory>,
    members: &HashSet<PartyId>,
    stating: &Stating,
) -> Result<Batch, Judged> {
    let &Stating { round_id, party_id, ref source, ref typed } = stating;
    let known = directories.get(&party_id).filter(|_| members.contains(&party_id));
    let Some(directory) = known else {
        return Err(Err(DemandError::PartyNotMember { party: party_id.to_string() }.into()));
    };
    let needs = read_batch(directory, party_id, source, typed).map_err(|faults| Ok(refused(faults)))?;
    Ok(Batch { round_id, party_id, needs })
}

/// The rules under the locks; the needs as they will stand, or the answer.
fn judge(
    group: GroupId,
    round: Option<&Round>,
    batch: &Batch,
    now: chrono::DateTime<chrono::Utc>,
    taken: &mut needs::Taken,
) -> Result<Vec<Need>, Judged> {
    let &Batch { round_id, party_id, needs: ref new } = batch;
    let round = round.ok_or_else(|| Err(Failure::not_found("round", round_id)))?;
    round.check_takes_needs(now).map_err(|error| Err(error.into()))?;
    let new = committed(round.terms.kind, new).map_err(|faults| Ok(refused(faults)))?;
    let of_member = taken.entry((round_id, party_id)).or_default();
    let faults = taken_references(&new, of_member);
    if !faults.is_empty() {
        return Err(Ok(refused(faults)));
    }
    let needs: Vec<Need> = new.into_iter().map(|need| stated(group, round_id, party_id, NeedId::new(), need)).collect();
    // The next request of the same transaction meets these as it would meet committed ones.
    of_member.extend(needs.iter().map(|need| (need.reference.clone(), need.id)));
    Ok(needs)
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

fn taken_references(new: &[NewNeed], taken: &HashMap<String, NeedId>) -> Vec<RowFault> {
    new.iter()
        .filter_map(|need| {
            let id = taken.get(&need.reference)?;
            Some(reference_taken(need.row, &need.reference, &format!("dans la campagne (besoin {id})")))
        })
        .collect()
}

/// The needs as their round keeps them: how firmly they are meant in a census, nothing of that elsewhere.
pub(super) fn committed(kind: RoundKind, new: &[NewNeed]) -> Result<Vec<NewNeed>, Vec<RowFault>> {
    let (mut needs, mut faults) = (Vec::with_capacity(new.len()), Vec::new());
    for need in new {
        match (kind.commitment(need.commitment), need.commitment) {
            (Ok(commitment), _) => needs.push(NewNeed { commitment, ..need.clone() }),
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
