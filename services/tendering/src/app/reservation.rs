//! Confirming a reservation and giving it back; reserving is in `reserving.rs`. Events of a ceiling have its lot as aggregate: all
//! three commands lock the ceiling first, so that `remaining_cents` reads in order.

use kit::{Caller, Failure, Role, command::Claim, db::Tx, id::ReservationId};
use proto::tendering::v1 as pb;

use super::App;
use crate::{
    convert,
    domain::ceiling::{Ceiling, Reservation},
    store,
};

impl App {
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
