//! What membership answers, as facts.

use std::collections::HashMap;

use chrono::NaiveDate;
use kit::{Failure, id::PartyId};
use proto::membership::v1 as pb;

use crate::domain::entitlement::{
    BuyerStatus, GhtFacts, GroupFacts, GroupForm, MemberFacts, MemberKind, OrderDelegation,
};

fn strange(what: &str) -> Failure {
    Failure::internal(format!("membership answered with an impossible {what}"))
}

/// The session's group.
pub(crate) fn group_from_proto(response: pb::GetGroupResponse) -> Result<GroupFacts, Failure> {
    let group = response.group.ok_or_else(|| strange("group"))?;
    let form = match group.form() {
        pb::GroupForm::Ght => GroupForm::Ght,
        pb::GroupForm::GcsMoyens => GroupForm::GcsMoyens,
        pb::GroupForm::GipCentrale => GroupForm::GipCentrale,
        pb::GroupForm::Gie => GroupForm::Gie,
        pb::GroupForm::GroupementCommandes => GroupForm::GroupementCommandes,
        pb::GroupForm::Charter => GroupForm::Charter,
        pb::GroupForm::Alliance => GroupForm::Alliance,
        pb::GroupForm::Unspecified => return Err(strange("form of group")),
    };
    // Without a competence of the group each member awards for itself, or by mandate.
    let by_each = group.rules.as_ref().is_some_and(|rules| rules.awards == "EACH_MEMBER");
    let awarding_party = if by_each || group.awarding_party_id.is_empty() {
        None
    } else {
        Some(group.awarding_party_id.parse().map_err(|_| strange("awarding party"))?)
    };
    Ok(GroupFacts { form, awarding_party, rules_source: group.rules.map(|rules| rules.source).unwrap_or_default() })
}

/// Members of a day.
pub(crate) fn members_from_proto(response: pb::ListMembersResponse) -> Result<HashMap<PartyId, MemberFacts>, Failure> {
    let mut members = HashMap::with_capacity(response.members.len());
    for member in response.members {
        let party: PartyId = member.party_id.parse().map_err(|_| strange("party"))?;
        let kind = match member.kind() {
            pb::MemberKind::Full => MemberKind::Full,
            pb::MemberKind::Associate => MemberKind::Associate,
            pb::MemberKind::Partner => MemberKind::Partner,
            pb::MemberKind::Unspecified => return Err(strange("kind of member")),
        };
        let buyer_status = match member.buyer_status() {
            pb::BuyerStatus::PublicLaw => BuyerStatus::PublicLaw,
            pb::BuyerStatus::PrivateContractingAuthority => BuyerStatus::PrivateContractingAuthority,
            pb::BuyerStatus::AssertedNot => BuyerStatus::AssertedNot,
            // What is not said is not known, and what is not known is treated strictly.
            pb::BuyerStatus::Unknown | pb::BuyerStatus::Unspecified => BuyerStatus::Unknown,
        };
        let since = if member.member_since.is_empty() { None } else { Some(day(&member.member_since)?) };
        let ght = member.ght.map(ght_from_proto).transpose()?;
        let mut predecessors = Vec::with_capacity(member.predecessors.len());
        for one in member.predecessors {
            predecessors.push((one.party_id.parse().map_err(|_| strange("predecessor"))?, day(&one.since)?));
        }
        members.insert(party, MemberFacts { name: member.name, kind, buyer_status, since, ght, predecessors });
    }
    Ok(members)
}

fn day(text: &str) -> Result<NaiveDate, Failure> {
    text.parse().map_err(|_| strange("day"))
}

fn ght_from_proto(standing: pb::GhtStanding) -> Result<GhtFacts, Failure> {
    let delegation = match standing.delegation {
        Some(given) => Some(OrderDelegation {
            from: day(&given.valid_from)?,
            to: if given.valid_to.is_empty() { None } else { Some(day(&given.valid_to)?) },
            limit_cents: given.amount_max_cents,
        }),
        None => None,
    };
    let support = standing.support_party_id.parse().map_err(|_| strange("support establishment"))?;
    Ok(GhtFacts { support, support_name: standing.support_name, delegation })
}

/// The parties found, by the reference that found each.
pub(crate) fn parties_by_ref(response: pb::BatchGetPartiesResponse) -> Result<HashMap<String, PartyId>, Failure> {
    let found = response.found.into_iter().filter_map(|found| Some((found.r#ref, found.party?)));
    found.map(|(reference, party)| Ok((reference, party.id.parse().map_err(|_| strange("party"))?))).collect()
}

/// Kinds of the parties found.
pub(crate) fn party_kinds_from_proto(
    response: pb::BatchGetPartiesResponse,
) -> Result<HashMap<PartyId, pb::PartyKind>, Failure> {
    let mut kinds = HashMap::with_capacity(response.found.len());
    for party in response.found.into_iter().filter_map(|found| found.party) {
        kinds.insert(party.id.parse().map_err(|_| strange("party"))?, party.kind());
    }
    Ok(kinds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_that_is_not_said_is_unknown_and_an_impossible_answer_is_ours_to_report() {
        let party = PartyId::new();
        let member = |kind: pb::MemberKind| {
            let member = pb::Member { party_id: party.to_string(), kind: kind.into(), ..Default::default() };
            members_from_proto(pb::ListMembersResponse { members: vec![member], next_after: String::new() })
        };
        let facts = member(pb::MemberKind::Associate).unwrap();
        assert_eq!((facts[&party].kind, facts[&party].buyer_status), (MemberKind::Associate, BuyerStatus::Unknown));
        assert_eq!(member(pb::MemberKind::Unspecified).unwrap_err().reason(), "INTERNAL");
        let group = pb::Group { form: pb::GroupForm::Alliance.into(), ..Default::default() };
        let facts = group_from_proto(pb::GetGroupResponse { group: Some(group) }).unwrap();
        assert_eq!((facts.form, facts.awarding_party), (GroupForm::Alliance, None));
        assert_eq!(group_from_proto(pb::GetGroupResponse { group: None }).unwrap_err().reason(), "INTERNAL");
    }
}
