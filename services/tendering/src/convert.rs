//! Proto ↔ domain. What comes in is parsed into types that cannot be wrong, and every faulty field is told at once.

pub mod consultation;
mod input;
mod lot_consumption;
mod membership;
mod output;

pub use input::{
    AskedEntitlement, CheckInput, ListInput, WantedReservation, WantedShare, agreement_id_from_proto,
    beneficiaries_from_proto, check_from_proto, draft_from_proto, list_from_proto, release_from_proto,
    reservation_id_from_proto, wanted_from_proto,
};
pub(crate) use lot_consumption::consumption_to_proto;
pub use lot_consumption::{
    ListInput as LotConsumptionList, list_from_proto as lot_consumption_list_from_proto,
    rows_from_proto as lot_consumption_from_proto,
};
pub(crate) use membership::{group_from_proto, members_from_proto, parties_by_ref, party_kinds_from_proto};
pub(crate) use output::{agreement_to_proto, alternative_to_proto, entitlement_to_proto, reservation_to_proto};
