//! SQL only: a connection of the caller's transaction in, domain types out. The group's rows are kept apart by the policies;
//! `group_id` stands in the statements that write and lock so that they use the keys.

pub(crate) mod agreement;
pub(crate) mod consultation;
pub(crate) mod law;
pub(crate) mod lot_consumption;
pub(crate) mod reservation;
pub(crate) mod tender;
