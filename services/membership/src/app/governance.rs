//! What the calls of governance share: who may, which parties are named.

use std::collections::HashMap;

use kit::{Caller, Failure, FieldFault, Role, command::Command, id::GroupId};
use sqlx::PgConnection;

use super::registry::refuse;
use crate::{
    convert::rule::no_party,
    domain::{Party, PartyKind, PartyRef, RuleKind},
    store,
};

/// Rows of a kind of rule that a group may have.
const MOST_ROWS: i64 = 1_000;

/// Who reads how a group governs itself: anybody who belongs to it.
pub(super) fn require_reader(caller: &Caller) -> Result<GroupId, Failure> {
    caller.require(&[
        Role::PurchasingOfficer,
        Role::MemberRequester,
        Role::MemberReceiver,
        Role::Auditor,
        Role::Service,
    ])?;
    caller.group()
}

/// Who writes down what the group decided.
pub(super) fn require_writer(caller: &Caller) -> Result<GroupId, Failure> {
    caller.require(&[Role::PurchasingOfficer])?;
    caller.group()
}

/// Locks the group, so that changes of how it governs itself follow each other.
pub(super) async fn lock_group(command: &mut Command, group: GroupId) -> Result<(), Failure> {
    store::group::lock(command.conn(), group).await?.ok_or_else(|| Failure::not_found("group", group))?;
    Ok(())
}

/// Refuses more rows of a kind of rule than a group may have.
pub(super) async fn check_count(command: &mut Command, group: GroupId, kind: RuleKind) -> Result<(), Failure> {
    let count = store::rule::count(command.conn(), group, kind).await?;
    if count > MOST_ROWS {
        return Err(Failure::invalid_field("", format!("a group has at most {MOST_ROWS} rows of these")));
    }
    Ok(())
}

/// The establishments that fields name.
///
/// # Errors
/// `INVALID_INPUT` with every field that names none.
pub(super) async fn establishments(
    conn: &mut PgConnection,
    named: &[(String, &PartyRef)],
) -> Result<HashMap<PartyRef, Party>, Failure> {
    let found = store::party::find_by_refs(conn, named.iter().map(|(_, reference)| *reference)).await?;
    let mut faults = Vec::new();
    for (field, reference) in named {
        match found.get(*reference) {
            None => faults.push(no_party(field, reference)),
            Some(party) if party.kind != PartyKind::Establishment => {
                faults.push(FieldFault::new(field, "must be an establishment"));
            }
            Some(_) => {}
        }
    }
    refuse(faults)?;
    Ok(found)
}

/// One that [`establishments`] has let through.
pub(super) fn known<'a>(found: &'a HashMap<PartyRef, Party>, reference: &PartyRef) -> Result<&'a Party, Failure> {
    found.get(reference).ok_or_else(|| Failure::internal("an unknown party was let through"))
}
