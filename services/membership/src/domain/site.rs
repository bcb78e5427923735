//! Sites: places where goods are received.

use std::collections::HashMap;

use kit::{
    FieldFault,
    id::{PartyId, SiteId},
};
use rust_decimal::Decimal;

use super::{Finess, Gln, Key, SiteRef};

/// What a site may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Authorisation {
    /// Hospital pharmacy (pharmacie à usage intérieur).
    Pui,
    /// Sterile devices.
    SterileDevices,
    /// Cold chain.
    ColdChain,
}

impl Authorisation {
    /// Every authorisation.
    pub const ALL: [Self; 3] = [Self::Pui, Self::SterileDevices, Self::ColdChain];

    /// Its name everywhere.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pui => "PUI",
            Self::SterileDevices => "STERILE_DEVICES",
            Self::ColdChain => "COLD_CHAIN",
        }
    }
}

/// Where a site is: decimal degrees, WGS 84, at most 6 places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// -90 to 90.
    pub latitude: Decimal,
    /// -180 to 180.
    pub longitude: Decimal,
}

/// A place where goods are received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Id; that of the row once stored.
    pub id: SiteId,
    /// Natural key.
    pub key: Key,
    /// Whose it is; never changes.
    pub party_id: PartyId,
    /// Name.
    pub name: String,
    /// The site's own number (numéro géographique).
    pub finess: Option<Finess>,
    /// GS1 location number.
    pub gln: Option<Gln>,
    /// Street and number.
    pub address: String,
    /// 5 digits, or empty.
    pub postcode: String,
    /// Town.
    pub city: String,
    /// Where it is.
    pub position: Option<Position>,
    /// In the order of the enum, each once.
    pub authorisations: Vec<Authorisation>,
}

impl Site {
    /// Every reference that names it.
    #[must_use]
    pub fn refs(&self) -> Vec<SiteRef> {
        let mut refs = vec![SiteRef::Id(self.id), SiteRef::Key(self.key.clone())];
        refs.extend(self.finess.clone().map(SiteRef::Finess));
        refs.extend(self.gln.clone().map(SiteRef::Gln));
        refs
    }

    fn numbers(&self) -> Vec<(&'static str, &str)> {
        let mut numbers = Vec::new();
        numbers.extend(self.finess.as_ref().map(|finess| ("finess", finess.as_str())));
        numbers.extend(self.gln.as_ref().map(|gln| ("gln", gln.as_str())));
        numbers
    }
}

/// Faults of sites against those that are there already: a site keeps its party (orders and deliveries name both), a
/// number names one site.
#[must_use]
pub fn check_sites(sites: &[Site], present: &[Site]) -> Vec<FieldFault> {
    let by_key: HashMap<&Key, &Site> = present.iter().map(|site| (&site.key, site)).collect();
    let holders: HashMap<(&str, &str), &Key> =
        present.iter().flat_map(|site| site.numbers().into_iter().map(|number| (number, &site.key))).collect();
    let mut faults = Vec::new();
    for (index, site) in sites.iter().enumerate() {
        if let Some(known) = by_key.get(&site.key)
            && known.party_id != site.party_id
        {
            let detail = format!("{} is a site of {}", site.key, known.party_id);
            faults.push(FieldFault::new(format!("sites[{index}].party_id"), detail));
        }
        for (field, number) in site.numbers() {
            if let Some(holder) = holders.get(&(field, number))
                && **holder != site.key
            {
                let detail = format!("{number} is that of {holder}");
                faults.push(FieldFault::new(format!("sites[{index}].{field}"), detail));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(key: &str, party_id: PartyId, gln: Option<&str>) -> Site {
        Site {
            id: SiteId::new(),
            key: Key::parse(key).unwrap(),
            party_id,
            name: key.to_owned(),
            finess: None,
            gln: gln.map(|gln| Gln::parse(gln).unwrap()),
            address: String::new(),
            postcode: String::new(),
            city: String::new(),
            position: None,
            authorisations: Vec::new(),
        }
    }

    #[test]
    fn a_site_keeps_its_party_and_a_number_its_site() {
        let (one, other) = (PartyId::new(), PartyId::new());
        let present = [site("a", one, Some("2990000000019"))];
        assert_eq!(check_sites(&[site("a", one, None), site("b", other, None)], &present), []);
        let faults = check_sites(&[site("a", other, None), site("b", other, Some("2990000000019"))], &present);
        assert_eq!(
            faults,
            [
                FieldFault::new("sites[0].party_id", format!("a is a site of {one}")),
                FieldFault::new("sites[1].gln", "2990000000019 is that of a"),
            ]
        );
    }
}
