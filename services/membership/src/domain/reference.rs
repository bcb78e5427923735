//! Ways to name a party or a site: by id, by key, or by a number of the outside world.

use std::fmt;

use kit::id::{PartyId, SiteId};

use super::{Finess, Gln, Key, Siret};

/// Names a party.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PartyRef {
    /// `pty_…`
    Id(PartyId),
    /// `key:…`
    Key(Key),
    /// `siret:…`
    Siret(Siret),
    /// `finess:…`
    Finess(Finess),
}

impl PartyRef {
    /// Reads a reference; a text that has no such form names nothing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None => text.parse().ok().map(Self::Id),
            Some(("key", key)) => Key::parse(key).ok().map(Self::Key),
            Some(("siret", siret)) => Siret::parse(siret).ok().map(Self::Siret),
            Some(("finess", finess)) => Finess::parse(finess).ok().map(Self::Finess),
            Some(_) => None,
        }
    }
}

impl fmt::Display for PartyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::Key(key) => write!(f, "key:{key}"),
            Self::Siret(siret) => write!(f, "siret:{}", siret.as_str()),
            Self::Finess(finess) => write!(f, "finess:{}", finess.as_str()),
        }
    }
}

/// Names a site.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SiteRef {
    /// `sit_…`
    Id(SiteId),
    /// `key:…`
    Key(Key),
    /// `finess:…`, the site's own number (numéro géographique).
    Finess(Finess),
    /// `gln:…`
    Gln(Gln),
}

impl SiteRef {
    /// Reads a reference; a text that has no such form names nothing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None => text.parse().ok().map(Self::Id),
            Some(("key", key)) => Key::parse(key).ok().map(Self::Key),
            Some(("finess", finess)) => Finess::parse(finess).ok().map(Self::Finess),
            Some(("gln", gln)) => Gln::parse(gln).ok().map(Self::Gln),
            Some(_) => None,
        }
    }
}

impl fmt::Display for SiteRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::Key(key) => write!(f, "key:{key}"),
            Self::Finess(finess) => write!(f, "finess:{}", finess.as_str()),
            Self::Gln(gln) => write!(f, "gln:{}", gln.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_read_as_they_are_written() {
        let id = PartyId::new().to_string();
        for text in [id.as_str(), "key:brest", "siret:73282932000074", "finess:290004324"] {
            assert_eq!(PartyRef::parse(text).unwrap().to_string(), text);
        }
        let id = SiteId::new().to_string();
        for text in [id.as_str(), "key:brest-1", "gln:2990000000019", "finess:2A0000014"] {
            assert_eq!(SiteRef::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_reference_names_nothing() {
        for text in
            ["", "brest", "key:", "gln:2990000000019", "finess:1", "name:x", "sit_00000000000000000000000000000000"]
        {
            assert_eq!(PartyRef::parse(text), None, "{text}");
        }
        assert_eq!(SiteRef::parse("siret:73282932000074"), None);
    }
}
