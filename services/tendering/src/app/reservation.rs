//! Reserving on a ceiling, confirming, giving back. Events of a ceiling have its lot as aggregate: all three commands lock
//! the ceiling first, so that `remaining_cents` reads in order.

use kit::{
    Caller, Failure, Role,
    command::Claim,
    db::Tx,
    id::{GroupId, PartyId, ReservationId},
};
use proto::tendering::v1 as pb;

use super::{App, Facts};
use crate::{
    convert::{self, WantedReservation},
    domain::{
        TenderingError,
        ceiling::{Ceiling, Reservation},
        entitlement::{LotTerms, Reason},
    },
    store,
};

impl App {
    /// Reserves on a lot's ceiling for one pooled order, after checking everyone who takes a share above 0. Callers: services.
    ///
    /// # Errors
    /// `NOT_ENTITLED` with the first refusal, `CEILING_EXCEEDED` with the figures, `ORDER_ALREADY_RESERVED`, `NOT_FOUND` for
    /// the lot, faulty input, and what membership answers.
    pub async fn reserve(&self, caller: &Caller, request: pb::ReserveRequest) -> Result<pb::ReserveResponse, Failure> {
        caller.require(&[Role::Service])?;
        let wanted = convert::wanted_from_proto(&request)?;
        let facts = self.facts(caller, None, &wanted.parties()).await?;
        self.reserve_knowing(caller, &request, &wanted, &facts).await
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
        const METHOD: &str = "centrale.tendering.v1.TenderingService/Reserve";
        let group = caller.group()?;
        let mut command = match self.db.command(caller, METHOD, &request.request_id, request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let (ceiling, lot) = store::reservation::lock_ceiling(command.conn(), group, wanted.lot)
            .await?
            .ok_or_else(|| Failure::not_found("lot", wanted.lot))?;
        facts.check_day(&mut command).await?;
        let reasons = entitle_shares(&mut command, group, wanted, &lot, facts).await?;
        let (after, reservation) = ceiling.reserve(ReservationId::new(), wanted.order, wanted.amount_cents())?;
        let now = command.now().await?;
        store::reservation::insert(command.conn(), group, &reservation, now).await?;
        let shares =
            wanted.shares.iter().zip(&reasons).map(|(share, reason)| (share.party, share.amount_cents, reason.clone()));
        store::reservation::insert_shares(command.conn(), group, reservation.id, &shares.collect::<Vec<_>>()).await?;
        store::reservation::save_ceiling(command.conn(), group, &ceiling, &after).await?;
        let reserved = pb::CeilingReserved {
            reservation_id: reservation.id.to_string(),
            lot_id: reservation.lot_id.to_string(),
            order_id: reservation.order_id.to_string(),
            amount_cents: reservation.amount_cents,
            remaining_cents: after.remaining(),
        };
        command.append(reservation.lot_id.uuid(), "tendering.ceiling_reserved.v1", &reserved).await?;
        let reasons = reasons.into_iter().flatten().collect();
        let reservation = Some(convert::reservation_to_proto(&reservation, reasons));
        command.finish(pb::ReserveResponse { reservation, remaining_cents: after.remaining() }).await
    }

    /// Turns a reservation into consumption. From RESERVED; a CONFIRMED one stays as it is. Callers: services.
    ///
    /// # Errors
    /// `RESERVATION_RELEASED`, `NOT_FOUND`.
    pub async fn confirm_reservation(
        &self,
        caller: &Caller,
        request: pb::ConfirmReservationRequest,
    ) -> Result<pb::ConfirmReservationResponse, Failure> {
        const METHOD: &str = "centrale.tendering.v1.TenderingService/ConfirmReservation";
        caller.require(&[Role::Service])?;
        let id = convert::reservation_id_from_proto(&request.reservation_id)?;
        let mut command = match self.db.command(caller, METHOD, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let (ceiling, reservation) = lock_both(&mut command, caller, id).await?;
        let reasons = store::reservation::list_reasons(command.conn(), caller.group()?, id).await?;
        let Some((after, confirmed)) = ceiling.confirm(reservation)? else {
            let reservation = Some(convert::reservation_to_proto(&reservation, reasons));
            return command.finish(pb::ConfirmReservationResponse { reservation }).await;
        };
        save_both(&mut command, caller, (&ceiling, &after), (&reservation, &confirmed)).await?;
        let event = pb::ReservationConfirmed { reservation_id: id.to_string(), amount_cents: confirmed.amount_cents };
        command.append(confirmed.lot_id.uuid(), "tendering.reservation_confirmed.v1", &event).await?;
        let reservation = Some(convert::reservation_to_proto(&confirmed, reasons));
        command.finish(pb::ConfirmReservationResponse { reservation }).await
    }

    /// Gives back part or all of a reservation to the ceiling, whether it is held or consumed. Callers: services.
    ///
    /// # Errors
    /// `RELEASE_EXCEEDS_HELD`, `NOT_FOUND`, faulty input.
    pub async fn release_reservation(
        &self,
        caller: &Caller,
        request: pb::ReleaseReservationRequest,
    ) -> Result<pb::ReleaseReservationResponse, Failure> {
        const METHOD: &str = "centrale.tendering.v1.TenderingService/ReleaseReservation";
        caller.require(&[Role::Service])?;
        let (id, amount_cents) = convert::release_from_proto(&request)?;
        let mut command = match self.db.command(caller, METHOD, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let (ceiling, reservation) = lock_both(&mut command, caller, id).await?;
        let (after, left) = ceiling.release(reservation, amount_cents)?;
        save_both(&mut command, caller, (&ceiling, &after), (&reservation, &left)).await?;
        let reasons = store::reservation::list_reasons(command.conn(), caller.group()?, id).await?;
        let event = pb::ReservationReleased { reservation_id: id.to_string(), amount_cents };
        command.append(left.lot_id.uuid(), "tendering.reservation_released.v1", &event).await?;
        let reservation = Some(convert::reservation_to_proto(&left, reasons));
        command.finish(pb::ReleaseReservationResponse { reservation }).await
    }
}

/// The rule that allows each share, none for a share of 0; the first refusal ends it (T4).
async fn entitle_shares(
    tx: &mut Tx,
    group: GroupId,
    wanted: &WantedReservation,
    lot: &LotTerms,
    facts: &Facts,
) -> Result<Vec<Option<Reason>>, Failure> {
    let namings = store::agreement::list_namings(tx.conn(), group, &[lot.agreement_id], &wanted.parties()).await?;
    let mut reasons = Vec::with_capacity(wanted.shares.len());
    for share in &wanted.shares {
        if share.amount_cents == 0 {
            reasons.push(None);
            continue;
        }
        let entitlement = facts.entitlement(share.party, lot, &namings);
        if !entitlement.allowed {
            return Err(refused(share.party, lot, entitlement.reason).into());
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

async fn lock_both(tx: &mut Tx, caller: &Caller, id: ReservationId) -> Result<(Ceiling, Reservation), Failure> {
    let group = caller.group()?;
    let lot = store::reservation::find_lot(tx.conn(), group, id)
        .await?
        .ok_or_else(|| Failure::not_found("reservation", id))?;
    let (ceiling, _) = store::reservation::lock_ceiling(tx.conn(), group, lot)
        .await?
        .ok_or_else(|| Failure::internal(format!("reservation {id} has no ceiling")))?;
    Ok((ceiling, store::reservation::lock(tx.conn(), group, id).await?))
}

/// Saves a ceiling and a reservation, each from as it was locked to as it is now.
async fn save_both(
    tx: &mut Tx,
    caller: &Caller,
    ceiling: (&Ceiling, &Ceiling),
    reservation: (&Reservation, &Reservation),
) -> Result<(), Failure> {
    let group = caller.group()?;
    let now = tx.now().await?;
    store::reservation::save(tx.conn(), group, reservation.0, reservation.1, now).await?;
    store::reservation::save_ceiling(tx.conn(), group, ceiling.0, ceiling.1).await
}
