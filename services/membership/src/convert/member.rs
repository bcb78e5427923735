//! Members.

use chrono::NaiveDate;
use kit::{Failure, id::PartyId};
use proto::membership::v1 as pb;

use super::{
    Fields, MOST_REGISTERED, check_repeats, fields::date_to_text, page_from_proto, party::status_to_proto,
    site::party_reference,
};
use crate::domain::{GhtStanding, MemberFacts, MemberKind, Page, PartyRef, Period, Predecessor};

/// Parties asked for in one list at most.
const MOST_ASKED: usize = 2_000;

/// A membership to add, whose party is still a reference.
#[derive(Debug)]
pub struct MemberInput {
    /// Who.
    pub party: PartyRef,
    /// How it belongs.
    pub kind: MemberKind,
    /// When.
    pub period: Period,
}

/// Reads the members to add.
///
/// # Errors
/// `INVALID_INPUT` with the faults of all rows.
pub fn members_from_proto(members: &[pb::Member]) -> Result<Vec<MemberInput>, Failure> {
    let mut fields = Fields::new();
    let mut read = Some(Vec::new());
    if fields.count("members", members.len(), MOST_REGISTERED) {
        for (index, member) in members.iter().enumerate() {
            let member = member_from_proto(&mut fields, &format!("members[{index}]"), member);
            read = read.zip(member).map(|(mut read, member)| {
                read.push(member);
                read
            });
        }
        let first_days = members.iter().map(|member| Some((&member.party_id, &member.valid_from)));
        check_repeats(&mut fields, "members", "valid_from", first_days);
    }
    fields.finish(read)
}

fn member_from_proto(fields: &mut Fields, path: &str, member: &pb::Member) -> Option<MemberInput> {
    let at = |field: &str| format!("{path}.{field}");
    let party = party_reference(fields, &at("party_id"), &member.party_id);
    let kind = kind_from_proto(member.kind());
    if kind.is_none() {
        fields.fault(&at("kind"), "must be FULL, ASSOCIATE or PARTNER");
    }
    let from = fields.date(&at("valid_from"), &member.valid_from);
    let to = fields.date_if_any(&at("valid_to"), &member.valid_to);
    let period = from.and_then(|from| {
        let period = Period::new(from, to);
        if period.is_none() {
            fields.fault(&at("valid_to"), "must not be before the first day");
        }
        period
    });
    Some(MemberInput { party: party?, kind: kind?, period: period? })
}

/// Which members are asked for.
#[derive(Debug)]
pub struct ListMembersInput {
    /// On which day; none: today.
    pub on: Option<NaiveDate>,
    /// Only these; empty: all.
    pub parties: Vec<PartyId>,
    /// Which page; without meaning when `parties` is given.
    pub page: Page<PartyId>,
}

/// Reads which members are asked for.
///
/// # Errors
/// `INVALID_INPUT`.
pub fn list_members_from_proto(
    request: &pb::ListMembersRequest,
    is_service: bool,
) -> Result<ListMembersInput, Failure> {
    let mut fields = Fields::new();
    let on = fields.date_if_any("on", &request.on);
    let mut parties = Vec::new();
    if request.party_ids.is_empty() || fields.count("party_ids", request.party_ids.len(), MOST_ASKED) {
        for (index, text) in request.party_ids.iter().enumerate() {
            parties.extend(fields.parsed(&format!("party_ids[{index}]"), text, |text| {
                text.parse::<PartyId>().map_err(|_| "must be a party's id (pty_…)")
            }));
        }
    }
    let page = if request.party_ids.is_empty() { request.page.as_ref() } else { None };
    let page = page_from_proto(&mut fields, page, is_service);
    fields.finish(Some(ListMembersInput { on, parties, page }))
}

/// A member as people and services read it.
#[must_use]
pub fn member_to_proto(facts: &MemberFacts) -> pb::Member {
    pb::Member {
        party_id: facts.member.party_id.to_string(),
        kind: kind_to_proto(facts.member.kind).into(),
        valid_from: facts.member.period.from().to_string(),
        valid_to: date_to_text(facts.member.period.to()),
        name: facts.name.clone(),
        siret: facts.siret.as_ref().map(|siret| siret.as_str().to_owned()).unwrap_or_default(),
        buyer_status: status_to_proto(facts.buyer_status).into(),
        member_since: facts.since.to_string(),
        ght: None,
        predecessors: Vec::new(),
    }
}

/// A member as services read it, which decide with it: with the GHT to which it is a party besides the group, and whom it took over.
#[must_use]
pub fn member_with_standing(
    facts: &MemberFacts,
    ght: Option<&GhtStanding>,
    predecessors: Option<&Vec<Predecessor>>,
) -> pb::Member {
    let ght = ght.map(|standing| pb::GhtStanding {
        support_party_id: standing.support.to_string(),
        support_name: standing.support_name.clone(),
        delegation: standing.delegation.map(|delegation| pb::OrderDelegation {
            valid_from: delegation.from.to_string(),
            valid_to: date_to_text(delegation.to),
            amount_max_cents: delegation.limit_cents,
        }),
    });
    let predecessor =
        |one: &Predecessor| pb::Predecessor { party_id: one.party.to_string(), since: one.since.to_string() };
    let predecessors = predecessors.into_iter().flatten().map(predecessor).collect();
    pb::Member { ght, predecessors, ..member_to_proto(facts) }
}

const fn kind_from_proto(kind: pb::MemberKind) -> Option<MemberKind> {
    match kind {
        pb::MemberKind::Unspecified => None,
        pb::MemberKind::Full => Some(MemberKind::Full),
        pb::MemberKind::Associate => Some(MemberKind::Associate),
        pb::MemberKind::Partner => Some(MemberKind::Partner),
    }
}

const fn kind_to_proto(kind: MemberKind) -> pb::MemberKind {
    match kind {
        MemberKind::Full => pb::MemberKind::Full,
        MemberKind::Associate => pb::MemberKind::Associate,
        MemberKind::Partner => pb::MemberKind::Partner,
    }
}
