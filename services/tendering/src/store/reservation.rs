//! Ceilings and reservations. Lock order everywhere: the lot's ceiling, then the reservation.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use kit::{
    Failure,
    db::{OnConstraint as _, corrupt, one_row},
    id::{GroupId, LotId, PartyId, PooledOrderId, ReservationId},
};
use sqlx::PgConnection;

use super::agreement::LotTermsRow;
use crate::domain::{
    TenderingError,
    ceiling::{Ceiling, Reservation, ReservationState},
    entitlement::{LotTerms, Reason},
};

#[derive(sqlx::FromRow)]
struct CeilingRow {
    ceiling_lot_id: LotId,
    maximum_cents: i64,
    opening_cents: i64,
    consumed_cents: i64,
    reserved_cents: i64,
    #[sqlx(flatten)]
    terms: LotTermsRow,
}

/// The ceiling of a lot of the group, locked until the end of the transaction, with the lot's terms.
pub(crate) async fn lock_ceiling(
    conn: &mut PgConnection,
    group: GroupId,
    lot: LotId,
) -> Result<Option<(Ceiling, LotTerms)>, Failure> {
    let row: Option<CeilingRow> = sqlx::query_as(
        "SELECT c.lot_id AS ceiling_lot_id, c.maximum_cents, c.opening_cents, c.consumed_cents, c.reserved_cents,
                l.id AS lot_id, l.number AS lot_number, l.title AS lot_title, a.id AS agreement_id,
                a.number AS agreement_number, a.starts_on, a.ends_on, a.published_on
         FROM ceiling c
         JOIN lot l ON l.group_id = c.group_id AND l.id = c.lot_id
         JOIN agreement a ON a.group_id = l.group_id AND a.id = l.agreement_id
         WHERE c.group_id = $1 AND c.lot_id = $2 FOR UPDATE OF c",
    )
    .bind(group)
    .bind(lot)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let ceiling = Ceiling {
            lot_id: row.ceiling_lot_id,
            maximum_cents: row.maximum_cents,
            opening_cents: row.opening_cents,
            consumed_cents: row.consumed_cents,
            reserved_cents: row.reserved_cents,
        };
        (ceiling, row.terms.into())
    }))
}

/// Saves the counters of a locked ceiling that stood at `before`.
pub(crate) async fn save_ceiling(
    conn: &mut PgConnection,
    group: GroupId,
    before: &Ceiling,
    after: &Ceiling,
) -> Result<(), Failure> {
    let saved = sqlx::query(
        "UPDATE ceiling SET consumed_cents = $3, reserved_cents = $4
         WHERE group_id = $1 AND lot_id = $2 AND consumed_cents = $5 AND reserved_cents = $6",
    )
    .bind(group)
    .bind(after.lot_id)
    .bind(after.consumed_cents)
    .bind(after.reserved_cents)
    .bind(before.consumed_cents)
    .bind(before.reserved_cents)
    .execute(conn)
    .await?;
    one_row(&saved, "ceiling")
}

/// Which of the orders hold a reservation of the group that is not released.
pub(crate) async fn find_reserved(
    conn: &mut PgConnection,
    group: GroupId,
    orders: &[PooledOrderId],
) -> Result<HashSet<PooledOrderId>, Failure> {
    let found: Vec<PooledOrderId> = sqlx::query_scalar(
        "SELECT order_id FROM reservation WHERE group_id = $1 AND order_id = ANY ($2) AND state <> 'RELEASED'",
    )
    .bind(group)
    .bind(orders)
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().collect())
}

/// Inserts new reservations. An order that another lot's transaction reserves for meanwhile is found by the index.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    group: GroupId,
    reservations: &[Reservation],
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let inserted = sqlx::query(
        "INSERT INTO reservation (group_id, id, lot_id, order_id, initial_cents, amount_cents, state, reserved_at, changed_at)
         SELECT $1, r.id, r.lot_id, r.order_id, r.cents, r.cents, r.state, $2, $2
         FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::bigint[], $7::text[]) AS r (id, lot_id, order_id, cents, state)",
    )
    .bind(group)
    .bind(now)
    .bind(reservations.iter().map(|reservation| reservation.id).collect::<Vec<_>>())
    .bind(reservations.iter().map(|reservation| reservation.lot_id).collect::<Vec<_>>())
    .bind(reservations.iter().map(|reservation| reservation.order_id).collect::<Vec<_>>())
    .bind(reservations.iter().map(|reservation| reservation.amount_cents).collect::<Vec<_>>())
    .bind(reservations.iter().map(|reservation| reservation.state.name()).collect::<Vec<_>>())
    .execute(conn)
    .await;
    match reservations {
        // Alone, it is known whose it was.
        [only] => inserted.on_constraint("reservation_active_order", || TenderingError::OrderAlreadyReserved {
            order: only.order_id,
        })?,
        _ => inserted?,
    };
    Ok(())
}

/// Who takes how much of a new reservation.
#[derive(Debug, Clone)]
pub(crate) struct NewShare {
    /// Of which.
    pub(crate) reservation: ReservationId,
    /// Who.
    pub(crate) party: PartyId,
    /// Place in the request, from 1.
    pub(crate) ordinal: i32,
    /// Cents EUR.
    pub(crate) amount_cents: i64,
    /// The rule that allowed it, none for a share of 0.
    pub(crate) reason: Option<Reason>,
}

/// Inserts who takes how much of new reservations.
pub(crate) async fn insert_shares(conn: &mut PgConnection, group: GroupId, shares: &[NewShare]) -> Result<(), Failure> {
    let mut reasons = Vec::with_capacity(shares.len());
    for share in shares {
        reasons.push(share.reason.as_ref().map(serde_json::to_string).transpose().map_err(Failure::internal)?);
    }
    sqlx::query(
        "INSERT INTO reservation_share (group_id, reservation_id, party_id, ordinal, amount_cents, reason)
         SELECT $1, s.reservation_id, s.party_id, s.ordinal, s.amount_cents, s.reason::jsonb
         FROM unnest($2::uuid[], $3::uuid[], $4::integer[], $5::bigint[], $6::text[])
           AS s (reservation_id, party_id, ordinal, amount_cents, reason)",
    )
    .bind(group)
    .bind(shares.iter().map(|share| share.reservation).collect::<Vec<_>>())
    .bind(shares.iter().map(|share| share.party).collect::<Vec<_>>())
    .bind(shares.iter().map(|share| share.ordinal).collect::<Vec<_>>())
    .bind(shares.iter().map(|share| share.amount_cents).collect::<Vec<_>>())
    .bind(reasons)
    .execute(conn)
    .await?;
    Ok(())
}

/// The lot of a reservation of the group, so that its ceiling can be locked first.
pub(crate) async fn find_lot(
    conn: &mut PgConnection,
    group: GroupId,
    id: ReservationId,
) -> Result<Option<LotId>, Failure> {
    Ok(sqlx::query_scalar("SELECT lot_id FROM reservation WHERE group_id = $1 AND id = $2")
        .bind(group)
        .bind(id)
        .fetch_optional(conn)
        .await?)
}

/// A reservation, locked until the end of the transaction. Its lot's ceiling is locked already.
pub(crate) async fn lock(conn: &mut PgConnection, group: GroupId, id: ReservationId) -> Result<Reservation, Failure> {
    let (lot_id, order_id, amount_cents, state): (LotId, PooledOrderId, i64, String) = sqlx::query_as(
        "SELECT lot_id, order_id, amount_cents, state FROM reservation WHERE group_id = $1 AND id = $2 FOR UPDATE",
    )
    .bind(group)
    .bind(id)
    .fetch_one(conn)
    .await?;
    let state = match state.as_str() {
        "RESERVED" => ReservationState::Reserved,
        "CONFIRMED" => ReservationState::Confirmed,
        "RELEASED" => ReservationState::Released,
        _ => return Err(corrupt("reservation", "state", id)),
    };
    Ok(Reservation { id, lot_id, order_id, amount_cents, state })
}

/// Saves a locked reservation that stood at `before`.
pub(crate) async fn save(
    conn: &mut PgConnection,
    group: GroupId,
    before: &Reservation,
    after: &Reservation,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let saved = sqlx::query(
        "UPDATE reservation SET amount_cents = $3, state = $4, changed_at = $5
         WHERE group_id = $1 AND id = $2 AND amount_cents = $6 AND state = $7",
    )
    .bind(group)
    .bind(after.id)
    .bind(after.amount_cents)
    .bind(after.state.name())
    .bind(now)
    .bind(before.amount_cents)
    .bind(before.state.name())
    .execute(conn)
    .await?;
    one_row(&saved, "reservation")
}

/// The rules stored with a reservation, in the order of its shares.
pub(crate) async fn list_reasons(
    conn: &mut PgConnection,
    group: GroupId,
    id: ReservationId,
) -> Result<Vec<Reason>, Failure> {
    let texts: Vec<String> = sqlx::query_scalar(
        "SELECT reason::text FROM reservation_share
         WHERE group_id = $1 AND reservation_id = $2 AND reason IS NOT NULL ORDER BY ordinal",
    )
    .bind(group)
    .bind(id)
    .fetch_all(conn)
    .await?;
    texts
        .iter()
        .map(|text| serde_json::from_str(text).map_err(|_| corrupt("reservation_share", "reason", id)))
        .collect()
}
