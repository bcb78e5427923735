//! Parties: establishments, firms, operators of platforms.

use std::collections::HashMap;

use chrono::NaiveDate;
use kit::{FieldFault, id::PartyId};

use super::{Finess, Gln, Key, PartyRef, Siret};

/// What a party is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartyKind {
    /// Hospital, clinic, care home, practice; also a group's own legal person.
    Establishment,
    /// Supplier (fournisseur).
    Firm,
    /// Operator of a logistics platform.
    Platform,
}

impl PartyKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Establishment, Self::Firm, Self::Platform];

    /// Its name in the database and in texts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Establishment => "ESTABLISHMENT",
            Self::Firm => "FIRM",
            Self::Platform => "PLATFORM",
        }
    }
}

/// Whether an establishment is bound by the Code de la commande publique (CCP L1211-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuyerStatus {
    /// Public-law body.
    PublicLaw,
    /// Private body that is a contracting authority (pouvoir adjudicateur).
    PrivateContractingAuthority,
    /// Declares, with evidence, that it is not one.
    AssertedNot,
    /// Not known: treated as a contracting authority.
    Unknown,
}

impl BuyerStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::PublicLaw, Self::PrivateContractingAuthority, Self::AssertedNot, Self::Unknown];

    /// Its name in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PublicLaw => "PUBLIC_LAW",
            Self::PrivateContractingAuthority => "PRIVATE_CONTRACTING_AUTHORITY",
            Self::AssertedNot => "ASSERTED_NOT",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// A legal or operating entity of the deployment-wide registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// Id; that of the row once stored.
    pub id: PartyId,
    /// Natural key.
    pub key: Key,
    /// What it is; never changes.
    pub kind: PartyKind,
    /// Name as people know it.
    pub name: String,
    /// Number in the register of companies.
    pub siret: Option<Siret>,
    /// Number in the register of health establishments.
    pub finess: Option<Finess>,
    /// GS1 location number.
    pub gln: Option<Gln>,
    /// Establishments only, and all of them.
    pub buyer_status: Option<BuyerStatus>,
    /// What the status rests on.
    pub buyer_status_evidence: String,
    /// Since when.
    pub buyer_status_on: Option<NaiveDate>,
    /// Firms only: where orders are sent by e-mail.
    pub contact_email: Option<String>,
}

impl Party {
    /// Every reference that names it.
    #[must_use]
    pub fn refs(&self) -> Vec<PartyRef> {
        let mut refs = vec![PartyRef::Id(self.id), PartyRef::Key(self.key.clone())];
        refs.extend(self.siret.clone().map(PartyRef::Siret));
        refs.extend(self.finess.clone().map(PartyRef::Finess));
        refs
    }

    /// The numbers that name one party only, with their field's name.
    fn numbers(&self) -> Vec<(&'static str, &str)> {
        let mut numbers = Vec::new();
        numbers.extend(self.siret.as_ref().map(|siret| ("siret", siret.as_str())));
        numbers.extend(self.finess.as_ref().map(|finess| ("finess", finess.as_str())));
        numbers.extend(self.gln.as_ref().map(|gln| ("gln", gln.as_str())));
        numbers
    }
}

/// Faults of parties against those that are there already: a key keeps its kind, a number names one party.
#[must_use]
pub fn check_parties(parties: &[Party], present: &[Party]) -> Vec<FieldFault> {
    let by_key: HashMap<&Key, &Party> = present.iter().map(|party| (&party.key, party)).collect();
    let holders: HashMap<(&str, &str), &Key> =
        present.iter().flat_map(|party| party.numbers().into_iter().map(|number| (number, &party.key))).collect();
    let mut faults = Vec::new();
    for (index, party) in parties.iter().enumerate() {
        if let Some(known) = by_key.get(&party.key)
            && known.kind != party.kind
        {
            let detail = format!("{} is registered as {}", party.key, known.kind.name());
            faults.push(FieldFault::new(format!("parties[{index}].kind"), detail));
        }
        for (field, number) in party.numbers() {
            if let Some(holder) = holders.get(&(field, number))
                && **holder != party.key
            {
                let detail = format!("{number} is that of {holder}");
                faults.push(FieldFault::new(format!("parties[{index}].{field}"), detail));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(key: &str, kind: PartyKind, siret: Option<&str>) -> Party {
        Party {
            id: PartyId::new(),
            key: Key::parse(key).unwrap(),
            kind,
            name: key.to_owned(),
            siret: siret.map(|siret| Siret::parse(siret).unwrap()),
            finess: None,
            gln: None,
            buyer_status: None,
            buyer_status_evidence: String::new(),
            buyer_status_on: None,
            contact_email: None,
        }
    }

    #[test]
    fn a_key_keeps_its_kind_and_a_number_its_holder() {
        let present = [party("a", PartyKind::Firm, Some("73282932000074"))];
        assert_eq!(check_parties(&[party("a", PartyKind::Firm, Some("73282932000074"))], &present), []);
        assert_eq!(check_parties(&[party("a", PartyKind::Firm, None)], &present), []);
        let faults = check_parties(
            &[
                party("c", PartyKind::Firm, None),
                party("a", PartyKind::Platform, None),
                party("b", PartyKind::Firm, Some("73282932000074")),
            ],
            &present,
        );
        assert_eq!(
            faults,
            [
                FieldFault::new("parties[1].kind", "a is registered as FIRM"),
                FieldFault::new("parties[2].siret", "73282932000074 is that of a"),
            ]
        );
    }
}
