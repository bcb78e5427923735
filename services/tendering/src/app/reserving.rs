//! Reserving on a ceiling, a hot command: those that wait for one lot go through one transaction together
//! (`kit::group_commit`), each judged by itself in the order in which it came, and the ceiling is written once, last.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use kit::{
    Caller, Failure, Role,
    error::CommonError,
    group_commit::{Asked, NewEvent},
    id::{AgreementId, GroupId, LotId, PartyId, PooledOrderId, ReservationId},
};
use prost::Message as _;
use proto::tendering::v1 as pb;

use super::{App, Facts};
use crate::{
    convert::{self, WantedReservation},
    domain::{
        TenderingError,
        agreement::Naming,
        ceiling::{Ceiling, Reservation},
        entitlement::{LotTerms, Reason},
    },
    store::{self, reservation::NewShare},
};

const METHOD: &str = "centrale.tendering.v1.TenderingService/Reserve";
/// Most shares of a reservation that shares a transaction with others.
const SHARED_LIMIT: usize = 50;
/// How often a transaction is tried again because another replica answered one of its commands meanwhile.
const TRIES: usize = 3;

/// Since when and until when each party is named under each agreement.
type Namings = HashMap<(AgreementId, PartyId), Vec<Naming>>;
/// What a command comes to.
type Judged = Result<pb::ReserveResponse, Failure>;

impl App {
    /// Reserves on a lot's ceiling for one pooled order, after checking everyone who takes a share above 0. Callers: services.
    ///
    /// # Errors
    /// `NOT_ENTITLED` with the first refusal, `CEILING_EXCEEDED` with the figures, `ORDER_ALREADY_RESERVED`, `NOT_FOUND` for
    /// the lot, faulty input, and what membership answers.
    pub async fn reserve(&self, caller: &Caller, request: pb::ReserveRequest) -> Result<pb::ReserveResponse, Failure> {
        caller.require(&[Role::Service])?;
        let wanted = convert::wanted_from_proto(&request)?;
        let (group, lot) = (caller.group()?, wanted.lot);
        let alone = wanted.shares.len() > SHARED_LIMIT;
        let asked = Asked::new(caller, &request.request_id, &request, wanted)?;
        if alone {
            return only(self.reserve_for_lot(group, lot, vec![Arc::new(asked)]).await?);
        }
        let app = self.clone();
        self.reserving
            .ask((group, lot), asked, move |asked| {
                let app = app.clone();
                async move { app.reserve_for_lot(group, lot, asked).await }
            })
            .await
    }

    /// The part of [`App::reserve`] behind membership's answers, for the day of the facts, which must still be today.
    ///
    /// # Errors
    /// As [`App::reserve`].
    pub async fn reserve_knowing(
        &self,
        caller: &Caller,
        request: &pb::ReserveRequest,
        wanted: &WantedReservation,
        facts: &Facts,
    ) -> Result<pb::ReserveResponse, Failure> {
        let asked = Asked::new(caller, &request.request_id, request, wanted.clone())?;
        only(self.reserve_together(caller.group()?, wanted.lot, &[Arc::new(asked)], facts).await?)
    }

    async fn reserve_for_lot(
        &self,
        group: GroupId,
        lot: LotId,
        asked: Vec<Arc<Asked<WantedReservation>>>,
    ) -> Result<Vec<Judged>, Failure> {
        let Some(first) = asked.first() else { return Ok(Vec::new()) };
        let facts = self.facts(&first.caller, None, &parties(&asked)).await?;
        self.reserve_together(group, lot, &asked, &facts).await
    }

    /// Carries out several reservations on one ceiling, behind membership's answers about all their parties.
    ///
    /// # Errors
    /// When none could be carried out; what each comes to is in the answers.
    pub async fn reserve_together(
        &self,
        group: GroupId,
        lot: LotId,
        asked: &[Arc<Asked<WantedReservation>>],
        facts: &Facts,
    ) -> Result<Vec<Judged>, Failure> {
        for _ in 0..TRIES {
            if let Some(judged) = self.try_to_reserve(group, lot, asked, facts).await? {
                return Ok(judged);
            }
        }
        Err(CommonError::Unavailable("request ids are being answered elsewhere".to_owned()).into())
    }

    async fn try_to_reserve(
        &self,
        group: GroupId,
        lot: LotId,
        asked: &[Arc<Asked<WantedReservation>>],
        facts: &Facts,
    ) -> Result<Option<Vec<Judged>>, Failure> {
        let mut tx = self.db.shared(group, METHOD).await?;
        let ceiling = store::reservation::lock_ceiling(tx.conn(), group, lot).await?;
        let each: Vec<&Asked<WantedReservation>> = asked.iter().map(|asked| &**asked).collect();
        let answered = tx.answered::<_, pb::ReserveResponse>(&each).await?;
        let Some((before, terms)) = ceiling else {
            tx.finish::<WantedReservation, pb::ReserveResponse>(&[]).await?;
            let missing = |answered: Option<Judged>| answered.unwrap_or_else(|| Err(Failure::not_found("lot", lot)));
            return Ok(Some(answered.into_iter().map(missing).collect()));
        };
        facts.check_day(&mut tx).await?;
        let now = tx.now().await?;
        let orders: Vec<PooledOrderId> = asked.iter().map(|asked| asked.what.order).collect();
        let mut reserved = store::reservation::find_reserved(tx.conn(), group, &orders).await?;
        let namings = store::agreement::list_namings(
            tx.conn(),
            group,
            &[terms.agreement_id],
            &facts.with_predecessors(&parties(asked)),
        )
        .await?;
        let mut judged: Vec<Judged> = Vec::with_capacity(asked.len());
        let (mut after, mut rows, mut shares, mut events, mut done) =
            (before, Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (asked, answered) in each.into_iter().zip(answered) {
            if let Some(answered) = answered {
                judged.push(answered);
                continue;
            }
            match judge(&asked.what, after, &terms, facts, &namings, &reserved) {
                Ok((ceiling, reservation, reasons)) => {
                    after = ceiling;
                    reserved.insert(reservation.order_id);
                    shares.extend(asked.what.shares.iter().zip(&reasons).zip(1..).map(|((share, reason), ordinal)| {
                        NewShare {
                            reservation: reservation.id,
                            party: share.party,
                            ordinal,
                            amount_cents: share.amount_cents,
                            reason: reason.clone(),
                        }
                    }));
                    events.push(NewEvent {
                        asked,
                        aggregate: lot.uuid(),
                        kind: "tendering.ceiling_reserved.v1",
                        payload: reserved_event(&reservation, after.remaining()).encode_to_vec(),
                    });
                    done.push((judged.len(), asked));
                    let reasons = reasons.into_iter().flatten().collect();
                    let remaining_cents = after.remaining();
                    let shown = Some(convert::reservation_to_proto(&reservation, reasons));
                    judged.push(Ok(pb::ReserveResponse { reservation: shown, remaining_cents }));
                    rows.push(reservation);
                }
                Err(refusal) => judged.push(Err(refusal)),
            }
        }
        if !rows.is_empty() {
            store::reservation::insert(tx.conn(), group, &rows, now).await?;
            store::reservation::insert_shares(tx.conn(), group, &shares).await?;
            tx.append_all(&events).await?;
            store::reservation::save_ceiling(tx.conn(), group, &before, &after).await?;
        }
        let replies: Vec<(&Asked<WantedReservation>, &pb::ReserveResponse)> =
            done.iter().filter_map(|&(index, asked)| Some((asked, judged.get(index)?.as_ref().ok()?))).collect();
        Ok(tx.finish(&replies).await?.then_some(judged))
    }
}

fn only(judged: Vec<Judged>) -> Judged {
    judged.into_iter().next().unwrap_or_else(|| Err(Failure::internal("a command without answer")))
}

/// Everyone who takes a share of one of the reservations.
fn parties(asked: &[Arc<Asked<WantedReservation>>]) -> Vec<PartyId> {
    let distinct: BTreeSet<PartyId> = asked.iter().flat_map(|asked| asked.what.parties()).collect();
    distinct.into_iter().collect()
}

/// One reservation on the ceiling as the ones before it left it; with the rule that allows each share.
fn judge(
    wanted: &WantedReservation,
    ceiling: Ceiling,
    lot: &LotTerms,
    facts: &Facts,
    namings: &Namings,
    reserved: &HashSet<PooledOrderId>,
) -> Result<(Ceiling, Reservation, Vec<Option<Reason>>), Failure> {
    let reasons = entitle_shares(wanted, lot, facts, namings)?;
    if reserved.contains(&wanted.order) {
        return Err(TenderingError::OrderAlreadyReserved { order: wanted.order }.into());
    }
    let (after, reservation) = ceiling.reserve(ReservationId::new(), wanted.order, wanted.amount_cents())?;
    Ok((after, reservation, reasons))
}

/// The rule that allows each share, none for a share of 0; the first refusal ends it (T4).
fn entitle_shares(
    wanted: &WantedReservation,
    lot: &LotTerms,
    facts: &Facts,
    namings: &Namings,
) -> Result<Vec<Option<Reason>>, TenderingError> {
    let mut reasons = Vec::with_capacity(wanted.shares.len());
    for share in &wanted.shares {
        if share.amount_cents == 0 {
            reasons.push(None);
            continue;
        }
        let entitlement = facts.entitlement(share.party, Some(share.amount_cents), lot, namings);
        if !entitlement.allowed {
            return Err(refused(share.party, lot, entitlement.reason));
        }
        reasons.push(Some(entitlement.reason));
    }
    Ok(reasons)
}

fn refused(party: PartyId, lot: &LotTerms, reason: Reason) -> TenderingError {
    TenderingError::NotEntitled {
        party,
        lot: lot.lot_id,
        rule: reason.rule.name(),
        legal_source: reason.source,
        text: reason.text,
    }
}

fn reserved_event(reservation: &Reservation, remaining_cents: i64) -> pb::CeilingReserved {
    pb::CeilingReserved {
        reservation_id: reservation.id.to_string(),
        lot_id: reservation.lot_id.to_string(),
        order_id: reservation.order_id.to_string(),
        amount_cents: reservation.amount_cents,
        remaining_cents,
    }
}
