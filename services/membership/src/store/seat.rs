//! Seats of commissions.

use chrono::NaiveDate;
use kit::{
    Failure,
    db::OnConstraint as _,
    id::{GroupId, PartyId, SeatId},
};
use sqlx::PgConnection;

use crate::domain::{Page, governance_error::GovernanceError};

/// A seat of a member in a commission. The words of `quality` are the contract's.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Seat {
    /// Id.
    pub seat_id: SeatId,
    /// Commission.
    pub commission: String,
    /// Member.
    pub party_id: PartyId,
    /// Its name; not needed to set it.
    pub party_name: String,
    /// DIRECTOR, MEDICAL_COMMISSION_PRESIDENT or OTHER.
    pub quality: String,
    /// Who sits. Personal data.
    pub holder_name: String,
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day.
    pub valid_to: Option<NaiveDate>,
}

/// Sets seats; one with the same commission, member, quality and first day is replaced. Lock the group first.
///
/// # Errors
/// `PERIODS_OVERLAP`.
pub async fn replace_all(conn: &mut PgConnection, group: GroupId, seats: &[Seat]) -> Result<(), Failure> {
    let commissions: Vec<&str> = seats.iter().map(|seat| seat.commission.as_str()).collect();
    let parties: Vec<PartyId> = seats.iter().map(|seat| seat.party_id).collect();
    let qualities: Vec<&str> = seats.iter().map(|seat| seat.quality.as_str()).collect();
    let firsts: Vec<NaiveDate> = seats.iter().map(|seat| seat.valid_from).collect();
    sqlx::query(
        "DELETE FROM commission_seat WHERE group_id = $1 AND (commission, party_id, quality, valid_from)
           IN (SELECT * FROM unnest($2::text[], $3::uuid[], $4::text[], $5::date[]))",
    )
    .bind(group)
    .bind(&commissions)
    .bind(&parties)
    .bind(&qualities)
    .bind(&firsts)
    .execute(&mut *conn)
    .await?;
    let overlap = || GovernanceError::PeriodsOverlap { what: "seat", key: String::new() };
    let inserted = sqlx::query(
        "INSERT INTO commission_seat (group_id, commission, party_id, quality, valid_from, seat_id, valid_to, holder_name)
         SELECT $1, * FROM unnest($2::text[], $3::uuid[], $4::text[], $5::date[], $6::uuid[], $7::date[], $8::text[])",
    )
    .bind(group)
    .bind(&commissions)
    .bind(&parties)
    .bind(&qualities)
    .bind(&firsts)
    .bind(seats.iter().map(|seat| seat.seat_id).collect::<Vec<_>>())
    .bind(seats.iter().map(|seat| seat.valid_to).collect::<Vec<_>>())
    .bind(seats.iter().map(|seat| seat.holder_name.as_str()).collect::<Vec<_>>())
    .execute(conn)
    .await;
    inserted.on_constraint("commission_seat_one_a_day", overlap)?;
    Ok(())
}

/// A page of the seats of a day, by id.
///
/// # Errors
/// When the database is away.
pub async fn list_on(
    conn: &mut PgConnection,
    group: GroupId,
    on: NaiveDate,
    page: Page<SeatId>,
) -> Result<Vec<Seat>, Failure> {
    Ok(sqlx::query_as(
        "SELECT s.seat_id, s.commission, s.party_id, p.name AS party_name, s.quality, s.holder_name, s.valid_from, s.valid_to
         FROM commission_seat s JOIN party p USING (party_id)
         WHERE s.group_id = $1 AND s.valid_from <= $2 AND (s.valid_to IS NULL OR s.valid_to >= $2)
           AND ($3::uuid IS NULL OR s.seat_id > $3)
         ORDER BY s.seat_id LIMIT $4",
    )
    .bind(group)
    .bind(on)
    .bind(page.after)
    .bind(page.rows_to_read())
    .fetch_all(conn)
    .await?)
}
