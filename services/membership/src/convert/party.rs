//! Parties.

use kit::{Failure, id::PartyId};
use proto::membership::v1 as pb;

use super::{Fields, MOST_REGISTERED, check_repeats, fields::date_to_text, person::parse_email};
use crate::domain::{BuyerStatus, Finess, Gln, Key, Party, PartyKind, Siret};

/// Reads the parties of a request; each gets a new id, for the case that its key is new.
///
/// # Errors
/// `INVALID_INPUT` with the faults of all rows.
pub fn parties_from_proto(parties: &[pb::Party]) -> Result<Vec<Party>, Failure> {
    let mut fields = Fields::new();
    let mut read = Some(Vec::new());
    if fields.count("parties", parties.len(), MOST_REGISTERED) {
        // Every row is read, so that every fault is found; one that cannot be built ends the list.
        for (index, party) in parties.iter().enumerate() {
            let party = party_from_proto(&mut fields, &format!("parties[{index}]"), party);
            read = read.zip(party).map(|(mut read, party)| {
                read.push(party);
                read
            });
        }
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        check_repeats(&mut fields, "parties", "key", parties.iter().map(|party| some(&party.key)));
        check_repeats(&mut fields, "parties", "siret", parties.iter().map(|party| some(&party.siret)));
        check_repeats(&mut fields, "parties", "finess", parties.iter().map(|party| some(&party.finess)));
        check_repeats(&mut fields, "parties", "gln", parties.iter().map(|party| some(&party.gln)));
    }
    fields.finish(read)
}

fn party_from_proto(fields: &mut Fields, path: &str, party: &pb::Party) -> Option<Party> {
    let at = |field: &str| format!("{path}.{field}");
    if !party.id.is_empty() {
        fields.fault(&at("id"), "must be empty: parties are known by their key");
    }
    let key = fields.parsed(&at("key"), &party.key, Key::parse);
    let kind = kind_from_proto(party.kind());
    if kind.is_none() {
        fields.fault(&at("kind"), "must be ESTABLISHMENT, FIRM or PLATFORM");
    }
    let name = fields.text(&at("name"), &party.name, 1, 200);
    let siret = fields.parsed_if_any(&at("siret"), &party.siret, Siret::parse);
    let finess = fields.parsed_if_any(&at("finess"), &party.finess, Finess::parse);
    let gln = fields.parsed_if_any(&at("gln"), &party.gln, Gln::parse);
    let buyer_status = status_from_proto(party.buyer_status());
    let buyer_status_evidence = fields.text(&at("buyer_status_evidence"), &party.buyer_status_evidence, 0, 1_000);
    let buyer_status_on = fields.date_if_any(&at("buyer_status_on"), &party.buyer_status_on);
    let contact_email = fields.parsed_if_any(&at("contact_email"), &party.contact_email, parse_email);
    if contact_email.is_some() && matches!(kind, Some(PartyKind::Establishment | PartyKind::Platform)) {
        fields.fault(&at("contact_email"), "is for firms only");
    }
    match (kind, buyer_status) {
        (Some(PartyKind::Establishment), None) => {
            fields.fault(&at("buyer_status"), "an establishment needs one; UNKNOWN if it is not known")
        }
        (Some(PartyKind::Establishment), Some(BuyerStatus::AssertedNot)) => {
            if buyer_status_evidence.is_empty() {
                fields.fault(&at("buyer_status_evidence"), "ASSERTED_NOT needs evidence");
            }
            if party.buyer_status_on.is_empty() {
                fields.fault(&at("buyer_status_on"), "ASSERTED_NOT needs the day of its evidence");
            }
        }
        (Some(PartyKind::Firm | PartyKind::Platform), Some(_)) => {
            fields.fault(&at("buyer_status"), "is for establishments only")
        }
        (
            Some(PartyKind::Establishment),
            Some(BuyerStatus::PublicLaw | BuyerStatus::PrivateContractingAuthority | BuyerStatus::Unknown),
        )
        | (Some(PartyKind::Firm | PartyKind::Platform), None)
        | (None, _) => {}
    }
    Some(Party {
        id: PartyId::new(),
        key: key?,
        kind: kind?,
        name,
        siret,
        finess,
        gln,
        buyer_status,
        buyer_status_evidence,
        buyer_status_on,
        contact_email,
    })
}

/// A party as people and services read it.
#[must_use]
pub fn party_to_proto(party: &Party) -> pb::Party {
    pb::Party {
        id: party.id.to_string(),
        key: party.key.to_string(),
        kind: kind_to_proto(party.kind).into(),
        name: party.name.clone(),
        siret: party.siret.as_ref().map(|siret| siret.as_str().to_owned()).unwrap_or_default(),
        finess: party.finess.as_ref().map(|finess| finess.as_str().to_owned()).unwrap_or_default(),
        gln: party.gln.as_ref().map(|gln| gln.as_str().to_owned()).unwrap_or_default(),
        buyer_status: status_to_proto(party.buyer_status).into(),
        buyer_status_evidence: party.buyer_status_evidence.clone(),
        buyer_status_on: date_to_text(party.buyer_status_on),
        contact_email: party.contact_email.clone().unwrap_or_default(),
    }
}

const fn kind_from_proto(kind: pb::PartyKind) -> Option<PartyKind> {
    match kind {
        pb::PartyKind::Unspecified => None,
        pb::PartyKind::Establishment => Some(PartyKind::Establishment),
        pb::PartyKind::Firm => Some(PartyKind::Firm),
        pb::PartyKind::Platform => Some(PartyKind::Platform),
    }
}

const fn kind_to_proto(kind: PartyKind) -> pb::PartyKind {
    match kind {
        PartyKind::Establishment => pb::PartyKind::Establishment,
        PartyKind::Firm => pb::PartyKind::Firm,
        PartyKind::Platform => pb::PartyKind::Platform,
    }
}

pub(super) const fn status_from_proto(status: pb::BuyerStatus) -> Option<BuyerStatus> {
    match status {
        pb::BuyerStatus::Unspecified => None,
        pb::BuyerStatus::PublicLaw => Some(BuyerStatus::PublicLaw),
        pb::BuyerStatus::PrivateContractingAuthority => Some(BuyerStatus::PrivateContractingAuthority),
        pb::BuyerStatus::AssertedNot => Some(BuyerStatus::AssertedNot),
        pb::BuyerStatus::Unknown => Some(BuyerStatus::Unknown),
    }
}

pub(super) const fn status_to_proto(status: Option<BuyerStatus>) -> pb::BuyerStatus {
    match status {
        None => pb::BuyerStatus::Unspecified,
        Some(BuyerStatus::PublicLaw) => pb::BuyerStatus::PublicLaw,
        Some(BuyerStatus::PrivateContractingAuthority) => pb::BuyerStatus::PrivateContractingAuthority,
        Some(BuyerStatus::AssertedNot) => pb::BuyerStatus::AssertedNot,
        Some(BuyerStatus::Unknown) => pb::BuyerStatus::Unknown,
    }
}
