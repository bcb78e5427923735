//! What is true of agreements, entitlements and ceilings.
//!
//! | Nr | Invariant | Kept by |
//! |---|---|---|
//! | T1 | 0 ≤ opening + consumed + reserved ≤ maximum, for every lot at every moment | [`ceiling`], constraint `ceiling_not_passed` |
//! | T2 | reserved is the sum of the lot's RESERVED reservations, consumed of its CONFIRMED ones | [`ceiling`]: both change together |
//! | T3 | a pooled order holds at most one reservation that is not RELEASED | index `reservation_active_order` |
//! | T4 | nothing is reserved for a party that is not entitled on the business day; the rule is stored with its share | [`entitlement`] |
//! | T5 | an agreement is entered and its beneficiaries are added by the awarding party only | [`agreement`] |
//! | T6 | what members had consumed of a lot sums to its opening consumption, or none of it is known | [`lot_consumption`]: a lot's members are entered at once |
//!
//! Life of a reservation: RESERVED → CONFIRMED; from both, giving back the last cent → RELEASED.
//! Consultations and their invariants C1 to C6: [`consultation`].

pub mod agreement;
pub mod ceiling;
pub mod consultation;
pub mod entitlement;
pub mod error;
pub mod law;
pub mod lot_consumption;
pub mod text;

pub use error::TenderingError;
