//! Ceilings and reservations: the counter of a lot and what each pooled order holds of it always change together (T1, T2).

use kit::id::{LotId, PooledOrderId, ReservationId};

use super::TenderingError;

/// The ceiling of a lot (CCP R2162-4), cents EUR without VAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceiling {
    /// Which lot.
    pub lot_id: LotId,
    /// At most.
    pub maximum_cents: i64,
    /// Consumed before the agreement was entered here.
    pub opening_cents: i64,
    /// Consumed by orders placed here.
    pub consumed_cents: i64,
    /// Held for orders being placed.
    pub reserved_cents: i64,
}

/// Where a reservation is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReservationState {
    /// Held.
    Reserved,
    /// Counted as consumed.
    Confirmed,
    /// Wholly given back.
    Released,
}

impl ReservationState {
    /// As stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reserved => "RESERVED",
            Self::Confirmed => "CONFIRMED",
            Self::Released => "RELEASED",
        }
    }
}

/// What a pooled order holds of a ceiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    /// Its id.
    pub id: ReservationId,
    /// On which lot's ceiling.
    pub lot_id: LotId,
    /// For which order.
    pub order_id: PooledOrderId,
    /// Cents EUR held or consumed now; 0 exactly when released.
    pub amount_cents: i64,
    /// State.
    pub state: ReservationState,
}

impl Ceiling {
    /// What is left: maximum − opening − consumed − reserved.
    #[must_use]
    pub const fn remaining(&self) -> i64 {
        self.maximum_cents - self.opening_cents - self.consumed_cents - self.reserved_cents
    }

    /// Holds `amount_cents` (above 0) for an order.
    ///
    /// # Errors
    /// `CEILING_EXCEEDED` with the figures when less is left. No override: beyond the maximum only a recorded modification or
    /// a new procedure helps.
    pub fn reserve(
        self,
        id: ReservationId,
        order_id: PooledOrderId,
        amount_cents: i64,
    ) -> Result<(Self, Reservation), TenderingError> {
        if amount_cents > self.remaining() {
            return Err(TenderingError::CeilingExceeded { ceiling: self, requested_cents: amount_cents });
        }
        let after = Self { reserved_cents: self.reserved_cents + amount_cents, ..self };
        let state = ReservationState::Reserved;
        Ok((after, Reservation { id, lot_id: self.lot_id, order_id, amount_cents, state }))
    }

    /// Turns a reservation into consumption. None when that has been done already: nothing changes.
    ///
    /// # Errors
    /// `RESERVATION_RELEASED`.
    pub fn confirm(self, reservation: Reservation) -> Result<Option<(Self, Reservation)>, TenderingError> {
        match reservation.state {
            ReservationState::Reserved => {
                let after = Self {
                    reserved_cents: self.reserved_cents - reservation.amount_cents,
                    consumed_cents: self.consumed_cents + reservation.amount_cents,
                    ..self
                };
                Ok(Some((after, Reservation { state: ReservationState::Confirmed, ..reservation })))
            }
            ReservationState::Confirmed => Ok(None),
            ReservationState::Released => Err(TenderingError::ReservationReleased { reservation: reservation.id }),
        }
    }

    /// Gives back `amount_cents` (above 0) of a reservation to the ceiling.
    ///
    /// # Errors
    /// `RELEASE_EXCEEDS_HELD`, also for one that has been released.
    pub fn release(self, reservation: Reservation, amount_cents: i64) -> Result<(Self, Reservation), TenderingError> {
        if amount_cents > reservation.amount_cents {
            return Err(TenderingError::ReleaseExceedsHeld {
                reservation: reservation.id,
                held_cents: reservation.amount_cents,
                requested_cents: amount_cents,
            });
        }
        let after = match reservation.state {
            ReservationState::Reserved => Self { reserved_cents: self.reserved_cents - amount_cents, ..self },
            ReservationState::Confirmed => Self { consumed_cents: self.consumed_cents - amount_cents, ..self },
            // Holds nothing, so that only an amount of 0 comes here.
            ReservationState::Released => self,
        };
        let left = reservation.amount_cents - amount_cents;
        let state = if left == 0 { ReservationState::Released } else { reservation.state };
        Ok((after, Reservation { amount_cents: left, state, ..reservation }))
    }
}

#[cfg(test)]
mod tests {
    use kit::error::DomainError as _;
    use proptest::prelude::*;

    use super::*;

    fn ceiling(maximum_cents: i64, opening_cents: i64) -> Ceiling {
        Ceiling { lot_id: LotId::new(), maximum_cents, opening_cents, consumed_cents: 0, reserved_cents: 0 }
    }

    fn reserve(ceiling: Ceiling, amount: i64) -> Result<(Ceiling, Reservation), TenderingError> {
        ceiling.reserve(ReservationId::new(), PooledOrderId::new(), amount)
    }

    #[test]
    fn the_last_cent_can_be_reserved_and_one_more_is_refused_with_the_figures() {
        let (full, _) = reserve(ceiling(1_000, 400), 600).unwrap();
        assert_eq!(full.remaining(), 0);
        let refusal = reserve(full, 1).unwrap_err();
        assert_eq!(refusal.reason(), "CEILING_EXCEEDED");
        for (key, value) in [
            ("lot", full.lot_id.to_string().as_str()),
            ("maximum_cents", "1000"),
            ("opening_cents", "400"),
            ("consumed_cents", "0"),
            ("reserved_cents", "600"),
            ("remaining_cents", "0"),
            ("requested_cents", "1"),
        ] {
            assert!(refusal.metadata().contains(&(key, value.to_owned())), "{key} {value}");
        }
    }

    #[test]
    fn each_state_decides_each_command() {
        let (held, reserved) = reserve(ceiling(1_000, 0), 600).unwrap();
        let (consumed, confirmed) = held.confirm(reserved).unwrap().unwrap();
        assert_eq!((consumed.reserved_cents, consumed.consumed_cents), (0, 600));
        assert_eq!(consumed.confirm(confirmed), Ok(None), "already done");
        let (less, confirmed) = consumed.release(confirmed, 200).unwrap();
        assert_eq!(
            (less.consumed_cents, confirmed.amount_cents, confirmed.state),
            (400, 400, ReservationState::Confirmed)
        );
        let (none, released) = less.release(confirmed, 400).unwrap();
        assert_eq!((none.remaining(), released.state), (1_000, ReservationState::Released));
        assert_eq!(none.confirm(released).unwrap_err().reason(), "RESERVATION_RELEASED");
        assert_eq!(none.release(released, 1).unwrap_err().reason(), "RELEASE_EXCEEDS_HELD");
        let (back, released) = held.release(reserved, 600).unwrap();
        assert_eq!((back.reserved_cents, released.state), (0, ReservationState::Released));
        assert_eq!(held.release(reserved, 601).unwrap_err().reason(), "RELEASE_EXCEEDS_HELD");
    }

    #[derive(Debug, Clone)]
    enum Step {
        Reserve(i64),
        Confirm(usize),
        Release(usize, i64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (1_i64..400).prop_map(Step::Reserve),
            any::<usize>().prop_map(Step::Confirm),
            (any::<usize>(), 1_i64..400).prop_map(|(which, amount)| Step::Release(which, amount)),
        ]
    }

    proptest! {
        #[test]
        fn any_sequence_keeps_the_ceiling_and_equals_the_live_reservations(
            maximum in 1_i64..2_000,
            opening_share in 0_i64..=100,
            steps in prop::collection::vec(step(), 1..80),
        ) {
            let mut now = ceiling(maximum, maximum * opening_share / 100);
            let mut all: Vec<Reservation> = Vec::new();
            for step in steps {
                match step {
                    Step::Reserve(amount) => match reserve(now, amount) {
                        Ok((after, reservation)) => { now = after; all.push(reservation); }
                        Err(_) => prop_assert!(amount > now.remaining(), "refused though it fits"),
                    },
                    Step::Confirm(which) if !all.is_empty() => {
                        let index = which % all.len();
                        if let Ok(Some((after, reservation))) = now.confirm(all[index]) { now = after; all[index] = reservation; }
                    }
                    Step::Release(which, amount) if !all.is_empty() => {
                        let index = which % all.len();
                        if let Ok((after, reservation)) = now.release(all[index], amount) { now = after; all[index] = reservation; }
                    }
                    Step::Confirm(_) | Step::Release(..) => {}
                }
                let sum = |state| all.iter().filter(|r| r.state == state).map(|r| r.amount_cents).sum::<i64>();
                prop_assert_eq!(now.reserved_cents, sum(ReservationState::Reserved));
                prop_assert_eq!(now.consumed_cents, sum(ReservationState::Confirmed));
                prop_assert_eq!(sum(ReservationState::Released), 0);
                prop_assert!(now.opening_cents + now.consumed_cents + now.reserved_cents >= 0);
                prop_assert!(now.remaining() >= 0);
            }
        }
    }
}
