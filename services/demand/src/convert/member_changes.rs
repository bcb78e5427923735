//! Changes of members.

use kit::{Failure, id::PartyId};
use proto::{
    demand::v1 as wire,
    membership::v1::{MemberChange, MemberChangeKind},
};

use super::{Fields, plans::reason_to_proto, time_to_proto};
use crate::{
    domain::member_change::{Change, Effect, EffectKind},
    store::member_changes::Confirmed,
};

/// Reads a change.
///
/// # Errors
/// `INVALID_INPUT` with every fault.
pub fn change_from_proto(change: Option<&MemberChange>) -> Result<Change, Failure> {
    let given = change.ok_or_else(|| Failure::invalid_field("change", "must be given"))?;
    let mut fields = Fields::default();
    let party: Option<PartyId> = fields.id("change.party_id", &given.party_id);
    let last_day = fields.date("change.last_day", &given.last_day);
    let successor = match given.kind() {
        MemberChangeKind::Merge => fields.id("change.successor_party_id", &given.successor_party_id),
        MemberChangeKind::Leave => {
            let none = given.successor_party_id.is_empty();
            fields.check(none, "change.successor_party_id", "is for MERGE only");
            None
        }
        MemberChangeKind::Unspecified => {
            fields.fault("change.kind", "must be LEAVE or MERGE");
            None
        }
    };
    let evidence = given.evidence.trim().to_owned();
    let told = (1..=1_000).contains(&evidence.chars().count());
    fields.check(told, "change.evidence", "must have 1 to 1,000 characters");
    fields.finish()?;
    match (party, last_day) {
        (Some(party), Some(last_day)) => Ok(Change { party, last_day, successor, evidence }),
        (_, _) => Err(Failure::internal("a change without fault and without value")),
    }
}

/// A change as membership and people read it.
#[must_use]
pub fn change_to_proto(change: &Change) -> MemberChange {
    let kind = if change.successor.is_some() { MemberChangeKind::Merge } else { MemberChangeKind::Leave };
    MemberChange {
        kind: kind.into(),
        party_id: change.party.to_string(),
        last_day: change.last_day.to_string(),
        successor_party_id: change.successor.map(|party| party.to_string()).unwrap_or_default(),
        evidence: change.evidence.clone(),
    }
}

/// An effect as people read it.
#[must_use]
pub fn effect_to_proto(effect: &Effect) -> wire::ChangeEffect {
    let kind = match effect.kind {
        EffectKind::NeedsKept => wire::ChangeEffectKind::NeedsKept,
        EffectKind::NeedsWithdrawn => wire::ChangeEffectKind::NeedsWithdrawn,
        EffectKind::PlanToPlace => wire::ChangeEffectKind::PlanToPlace,
        EffectKind::OrdersKept => wire::ChangeEffectKind::OrdersKept,
        EffectKind::OrdersPassed => wire::ChangeEffectKind::OrdersPassed,
        EffectKind::CeilingCounted => wire::ChangeEffectKind::CeilingCounted,
    };
    wire::ChangeEffect {
        kind: kind.into(),
        subject_id: effect.subject.clone(),
        count: effect.count,
        units: effect.units,
        amount_cents: effect.amount_cents,
        reason: Some(reason_to_proto(effect.reason.clone())),
    }
}

/// A confirmed change as people read it.
#[must_use]
pub fn confirmed_to_proto(confirmed: &Confirmed) -> wire::ConfirmedChange {
    wire::ConfirmedChange {
        id: confirmed.id.to_string(),
        change: Some(change_to_proto(&confirmed.change)),
        effects: confirmed.effects.iter().map(effect_to_proto).collect(),
        state: confirmed.state.name().to_owned(),
        confirmed_at: time_to_proto(confirmed.confirmed_at),
        digest: hex::encode(&confirmed.digest),
        refusal: confirmed.state.refusal().to_owned(),
    }
}
