//! Sites.

use kit::{
    Failure,
    id::{PartyId, SiteId},
};
use proto::membership::v1 as pb;
use rust_decimal::Decimal;

use super::{Fields, MOST_REGISTERED, check_repeats, page_from_proto};
use crate::domain::{Authorisation, Finess, Gln, Key, Page, PartyRef, Position, Site};

/// A site to register, whose party is still a reference.
#[derive(Debug)]
pub struct SiteInput {
    /// The site; its `party_id` is a stand-in.
    pub site: Site,
    /// Whose it is.
    pub party: PartyRef,
}

/// Reads the sites of a request; each gets a new id, for the case that its key is new.
///
/// # Errors
/// `INVALID_INPUT` with the faults of all rows.
pub fn sites_from_proto(sites: &[pb::Site]) -> Result<Vec<SiteInput>, Failure> {
    let mut fields = Fields::new();
    let mut read = Some(Vec::new());
    if fields.count("sites", sites.len(), MOST_REGISTERED) {
        for (index, site) in sites.iter().enumerate() {
            let site = site_from_proto(&mut fields, &format!("sites[{index}]"), site);
            read = read.zip(site).map(|(mut read, site)| {
                read.push(site);
                read
            });
        }
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        check_repeats(&mut fields, "sites", "key", sites.iter().map(|site| some(&site.key)));
        check_repeats(&mut fields, "sites", "finess", sites.iter().map(|site| some(&site.finess)));
        check_repeats(&mut fields, "sites", "gln", sites.iter().map(|site| some(&site.gln)));
    }
    fields.finish(read)
}

fn site_from_proto(fields: &mut Fields, path: &str, site: &pb::Site) -> Option<SiteInput> {
    let at = |field: &str| format!("{path}.{field}");
    if !site.id.is_empty() {
        fields.fault(&at("id"), "must be empty: sites are known by their key");
    }
    let key = fields.parsed(&at("key"), &site.key, Key::parse);
    let party = party_reference(fields, &at("party_id"), &site.party_id);
    let name = fields.text(&at("name"), &site.name, 1, 200);
    let finess = fields.parsed_if_any(&at("finess"), &site.finess, Finess::parse);
    let gln = fields.parsed_if_any(&at("gln"), &site.gln, Gln::parse);
    let address = fields.text(&at("address"), &site.address, 0, 300);
    let postcode = fields.parsed_if_any(&at("postcode"), &site.postcode, parse_postcode).unwrap_or_default();
    let city = fields.text(&at("city"), &site.city, 0, 100);
    let position = position_from_proto(fields, path, site);
    let authorisations = authorisations_from_proto(fields, path, &site.authorisations);
    let party_id = PartyId::from_uuid(uuid::Uuid::nil());
    let site = Site {
        id: SiteId::new(),
        key: key?,
        party_id,
        name,
        finess,
        gln,
        address,
        postcode,
        city,
        position,
        authorisations,
    };
    Some(SiteInput { site, party: party? })
}

/// A party's id or `key:…`.
pub(super) fn party_reference(fields: &mut Fields, field: &str, text: &str) -> Option<PartyRef> {
    let reference = PartyRef::parse(text).filter(|reference| matches!(reference, PartyRef::Id(_) | PartyRef::Key(_)));
    if reference.is_none() {
        fields.fault(field, "must be a party's id (pty_…) or key:… with its key");
    }
    reference
}

fn position_from_proto(fields: &mut Fields, path: &str, site: &pb::Site) -> Option<Position> {
    if site.latitude.is_empty() && site.longitude.is_empty() {
        return None;
    }
    let latitude = fields.parsed(&format!("{path}.latitude"), &site.latitude, |text| parse_degrees(text, 90));
    let longitude = fields.parsed(&format!("{path}.longitude"), &site.longitude, |text| parse_degrees(text, 180));
    latitude.zip(longitude).map(|(latitude, longitude)| Position { latitude, longitude })
}

fn parse_degrees(text: &str, most: i64) -> Result<Decimal, &'static str> {
    let most = Decimal::from(most);
    Decimal::from_str_exact(text)
        .ok()
        .filter(|degrees| degrees.abs() <= most && degrees.normalize().scale() <= 6)
        .ok_or("must be decimal degrees with at most 6 places, latitude and longitude together")
}

fn parse_postcode(text: &str) -> Result<String, &'static str> {
    let fits = text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit());
    if fits { Ok(text.to_owned()) } else { Err("must be 5 digits") }
}

fn authorisations_from_proto(fields: &mut Fields, path: &str, names: &[String]) -> Vec<Authorisation> {
    let mut authorisations = Vec::new();
    for (index, name) in names.iter().enumerate() {
        match authorisation(name) {
            Some(known) if !authorisations.contains(&known) => authorisations.push(known),
            Some(_) => fields.fault(&format!("{path}.authorisations[{index}]"), "is named twice"),
            None => {
                fields.fault(&format!("{path}.authorisations[{index}]"), "must be PUI, STERILE_DEVICES or COLD_CHAIN")
            }
        }
    }
    authorisations.sort_unstable();
    authorisations
}

fn authorisation(name: &str) -> Option<Authorisation> {
    Authorisation::ALL.into_iter().find(|authorisation| authorisation.name() == name)
}

/// Reads which sites are asked for: of one party, or of all the members.
///
/// # Errors
/// `INVALID_INPUT`.
pub fn list_sites_from_proto(
    request: &pb::ListSitesRequest,
    is_service: bool,
) -> Result<(Option<PartyId>, Page<SiteId>), Failure> {
    let mut fields = Fields::new();
    let party = fields
        .parsed_if_any("party_id", &request.party_id, |text| text.parse().map_err(|_| "must be a party's id (pty_…)"));
    let page = page_from_proto(&mut fields, request.page.as_ref(), is_service);
    fields.finish(Some((party, page)))
}

/// A site as people and services read it.
#[must_use]
pub fn site_to_proto(site: &Site) -> pb::Site {
    let degrees = |degrees: Option<Decimal>| degrees.map(|degrees| degrees.normalize().to_string()).unwrap_or_default();
    pb::Site {
        id: site.id.to_string(),
        key: site.key.to_string(),
        party_id: site.party_id.to_string(),
        name: site.name.clone(),
        finess: site.finess.as_ref().map(|finess| finess.as_str().to_owned()).unwrap_or_default(),
        gln: site.gln.as_ref().map(|gln| gln.as_str().to_owned()).unwrap_or_default(),
        address: site.address.clone(),
        postcode: site.postcode.clone(),
        city: site.city.clone(),
        latitude: degrees(site.position.map(|position| position.latitude)),
        longitude: degrees(site.position.map(|position| position.longitude)),
        authorisations: site.authorisations.iter().map(|authorisation| authorisation.name().to_owned()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_are_exact_and_bounded() {
        for (text, valid) in [
            ("48.38968", true),
            ("-4.53268", true),
            ("90", true),
            ("90.000001", false),
            ("1.0000001", false),
            ("1.10000000", true),
            ("x", false),
            ("", false),
        ] {
            assert_eq!(parse_degrees(text, 90).is_ok(), valid, "{text}");
        }
    }
}
