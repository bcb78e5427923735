//! By which route goods may reach a site.
//!
//! 1. A site that lacks the article's required authorisation is **refused**: medicines and sterile devices may only be held by a hospital
//!    pharmacy (pharmacie à usage intérieur, CSP L5126-1), or a place authorised for sterile devices.
//! 2. Goods between 2 and 8 °C are refused by a site that has neither a cold chain nor a PUI: a pharmacy receives cold. Nothing more is asked
//!    of a site for cold goods.
//! 3. Goods go **by the platform** when there is one that holds the required authorisation (CSP L5126-1) and, for cold or frozen goods,
//!    a cold chain (ANSM, good distribution practice, 20 February 2014, chapter 9).
//! 4. Otherwise they go **direct**, with the reason why not by the platform.

use std::collections::BTreeSet;

use super::Reason;

/// What a place may receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Authorisation {
    /// Hospital pharmacy (pharmacie à usage intérieur).
    Pui,
    /// Sterile devices (dispositifs médicaux stériles).
    SterileDevices,
}

impl Authorisation {
    /// As membership and catalogue write it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Pui => "PUI",
            Self::SterileDevices => "STERILE_DEVICES",
        }
    }

    /// From its code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Pui, Self::SterileDevices].into_iter().find(|authorisation| authorisation.code() == code)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Pui => "de pharmacie à usage intérieur (PUI)",
            Self::SterileDevices => "de recevoir des dispositifs médicaux stériles",
        }
    }
}

/// How goods must be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StorageClass {
    /// No condition.
    Ambient,
    /// Between 2 and 8 °C.
    Cold,
    /// Frozen.
    Frozen,
    /// Flammable.
    Flammable,
}

impl StorageClass {
    const fn code(self) -> &'static str {
        match self {
            Self::Ambient => "AMBIENT",
            Self::Cold => "COLD_2_8",
            Self::Frozen => "FROZEN",
            Self::Flammable => "FLAMMABLE",
        }
    }

    /// From its code in the catalogue.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Ambient, Self::Cold, Self::Frozen, Self::Flammable].into_iter().find(|class| class.code() == code)
    }

    const fn needs_cold_chain(self) -> bool {
        match self {
            Self::Cold | Self::Frozen => true,
            Self::Ambient | Self::Flammable => false,
        }
    }
}

/// What goods require of the places they pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requirement {
    /// Authorisation, if any.
    pub authorisation: Option<Authorisation>,
    /// Storage.
    pub storage: StorageClass,
}

/// What a place holds, as membership says it: `PUI`, `STERILE_DEVICES`, `COLD_CHAIN`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holdings(BTreeSet<String>);

impl Holdings {
    /// From membership's codes.
    #[must_use]
    pub fn new(codes: impl IntoIterator<Item = String>) -> Self {
        Self(codes.into_iter().collect())
    }

    fn has(&self, authorisation: Authorisation) -> bool {
        self.0.contains(authorisation.code())
    }

    fn has_cold_chain(&self) -> bool {
        self.0.contains("COLD_CHAIN")
    }
}

/// How goods reach a site, if at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Through the platform.
    Platform,
    /// Straight to the site.
    Direct,
    /// Not at all.
    Refused,
}

const PHARMACY_LAW: &str = "CSP L5126-1";
const COLD_PRACTICE: &str = "ANSM, bonnes pratiques de distribution en gros, 20 février 2014, chapitre 9";

/// Decides the route of goods to a site, with the rule.
#[must_use]
pub fn route(goods: Requirement, platform: Option<&Holdings>, site: &Holdings) -> (Verdict, Reason) {
    if let Some(lacked) = goods.authorisation.filter(|needed| !site.has(*needed)) {
        let text = format!("Le site n'a pas l'autorisation {}, exigée pour recevoir cet article.", lacked.name());
        return (Verdict::Refused, reason("SITE_LACKS_AUTHORISATION", PHARMACY_LAW, text, lacked.code()));
    }
    if goods.storage == StorageClass::Cold && !site.has_cold_chain() && !site.has(Authorisation::Pui) {
        let text =
            "Le site n'a ni chaîne du froid ni PUI : il ne peut pas recevoir un article entre 2 et 8 °C.".to_owned();
        return (Verdict::Refused, reason("SITE_LACKS_COLD_CHAIN", COLD_PRACTICE, text, "COLD_CHAIN"));
    }
    let Some(platform) = platform else {
        let text = "Aucune plateforme : livraison directe au site.".to_owned();
        return (Verdict::Direct, reason("NO_PLATFORM", "", text, ""));
    };
    if let Some(lacked) = goods.authorisation.filter(|needed| !platform.has(*needed)) {
        let text =
            format!("La plateforme n'a pas l'autorisation {} : livraison directe au site, qui l'a.", lacked.name());
        return (Verdict::Direct, reason("PLATFORM_LACKS_AUTHORISATION", PHARMACY_LAW, text, lacked.code()));
    }
    if goods.storage.needs_cold_chain() && !platform.has_cold_chain() {
        let text = "La plateforme n'a pas de chaîne du froid : livraison directe au site.".to_owned();
        return (Verdict::Direct, reason("PLATFORM_LACKS_COLD_CHAIN", COLD_PRACTICE, text, "COLD_CHAIN"));
    }
    let source = if goods.authorisation.is_some() { PHARMACY_LAW } else { "" };
    let text = "Par la plateforme, qui a les autorisations exigées.".to_owned();
    (
        Verdict::Platform,
        reason("PLATFORM_AUTHORISED", source, text, goods.authorisation.map_or("", Authorisation::code)),
    )
}

fn reason(rule: &'static str, source: &'static str, text: String, authorisation: &str) -> Reason {
    let facts = if authorisation.is_empty() { Vec::new() } else { vec![("authorisation", authorisation.to_owned())] };
    Reason { rule, source, text, facts }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_routes() {
        let holdings = |codes: &str| Holdings::new(codes.split_whitespace().map(str::to_owned));
        let full = "PUI STERILE_DEVICES COLD_CHAIN";
        let (pui, sterile) = (Some(Authorisation::Pui), Some(Authorisation::SterileDevices));
        let table = [
            // authorisation, storage, platform, site, verdict, rule
            (None, StorageClass::Ambient, Some(""), "", Verdict::Platform, "PLATFORM_AUTHORISED"),
            (None, StorageClass::Flammable, Some(""), "", Verdict::Platform, "PLATFORM_AUTHORISED"),
            (None, StorageClass::Ambient, None, "", Verdict::Direct, "NO_PLATFORM"),
            (pui, StorageClass::Ambient, Some(full), "", Verdict::Refused, "SITE_LACKS_AUTHORISATION"),
            (pui, StorageClass::Ambient, Some(full), "PUI", Verdict::Platform, "PLATFORM_AUTHORISED"),
            (pui, StorageClass::Ambient, Some("COLD_CHAIN"), "PUI", Verdict::Direct, "PLATFORM_LACKS_AUTHORISATION"),
            (pui, StorageClass::Ambient, None, "", Verdict::Refused, "SITE_LACKS_AUTHORISATION"),
            (sterile, StorageClass::Ambient, Some(full), "PUI", Verdict::Refused, "SITE_LACKS_AUTHORISATION"),
            (
                sterile,
                StorageClass::Ambient,
                Some("PUI"),
                "STERILE_DEVICES",
                Verdict::Direct,
                "PLATFORM_LACKS_AUTHORISATION",
            ),
            (pui, StorageClass::Cold, Some("PUI"), "PUI", Verdict::Direct, "PLATFORM_LACKS_COLD_CHAIN"),
            (pui, StorageClass::Cold, Some(full), "PUI", Verdict::Platform, "PLATFORM_AUTHORISED"),
            (None, StorageClass::Cold, Some(full), "", Verdict::Refused, "SITE_LACKS_COLD_CHAIN"),
            (None, StorageClass::Cold, None, "COLD_CHAIN", Verdict::Direct, "NO_PLATFORM"),
            (None, StorageClass::Frozen, Some(full), "", Verdict::Platform, "PLATFORM_AUTHORISED"),
            (None, StorageClass::Frozen, Some("PUI"), "", Verdict::Direct, "PLATFORM_LACKS_COLD_CHAIN"),
        ];
        for (authorisation, storage, platform, site, verdict, rule) in table {
            let goods = Requirement { authorisation, storage };
            let (seen, reason) = route(goods, platform.map(&holdings).as_ref(), &holdings(site));
            assert_eq!((seen, reason.rule), (verdict, rule), "{goods:?} by {platform:?} to {site:?}");
            assert!(!reason.text.is_empty());
        }
    }

    #[test]
    fn a_refusal_names_the_law_and_what_the_site_lacks() {
        let goods = Requirement { authorisation: Some(Authorisation::SterileDevices), storage: StorageClass::Ambient };
        let (_, reason) = route(goods, None, &Holdings::default());
        assert_eq!(reason.source, "CSP L5126-1");
        assert_eq!(reason.facts, [("authorisation", "STERILE_DEVICES".to_owned())]);
        assert!(reason.text.contains("dispositifs médicaux stériles"));
    }
}
