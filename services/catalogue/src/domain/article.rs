//! C2 and C5: articles, and what registering one means.

use std::collections::HashMap;

use kit::id::ArticleId;
use rust_decimal::Decimal;

use super::{CatalogueError, identifier::Code, packaging::Packaging};

/// What a line about the article counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Received in base units.
    Goods,
    /// Certified as done.
    Service,
}

/// How it must be stored and carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageClass {
    /// Room temperature.
    Ambient,
    /// 2 to 8 °C.
    Cold2To8,
    /// Frozen.
    Frozen,
    /// Flammable.
    Flammable,
}

/// What a site must hold to receive it (CSP L5126-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authorisation {
    /// Nothing.
    None,
    /// A hospital pharmacy (pharmacie à usage intérieur).
    Pui,
    /// The right to keep sterile devices.
    SterileDevices,
}

impl Kind {
    /// Every value.
    pub const ALL: [Self; 2] = [Self::Goods, Self::Service];
    /// As stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Goods => "GOODS",
            Self::Service => "SERVICE",
        }
    }
}

impl StorageClass {
    /// Every value.
    pub const ALL: [Self; 4] = [Self::Ambient, Self::Cold2To8, Self::Frozen, Self::Flammable];
    /// As shown and stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ambient => "AMBIENT",
            Self::Cold2To8 => "COLD_2_8",
            Self::Frozen => "FROZEN",
            Self::Flammable => "FLAMMABLE",
        }
    }
}

impl Authorisation {
    /// Every value.
    pub const ALL: [Self; 3] = [Self::None, Self::Pui, Self::SterileDevices];
    /// As shown and stored; empty for none.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Pui => "PUI",
            Self::SterileDevices => "STERILE_DEVICES",
        }
    }
}

/// A product or service that can be bought, as its registrar states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Article {
    /// Natural key, unique in the deployment.
    pub key: String,
    /// French label.
    pub label: String,
    /// Goods or service.
    pub kind: Kind,
    /// UN/ECE Recommendation 20 code of the base unit.
    pub base_unit: String,
    /// French singular of the base unit.
    pub base_unit_label: String,
    /// CPV code or empty.
    pub cpv: String,
    /// ATC code or empty.
    pub atc: String,
    /// Storage.
    pub storage_class: StorageClass,
    /// What a receiving site must hold.
    pub required_authorisation: Authorisation,
    /// Whether it is a medicine.
    pub medicine: bool,
    /// Whether it is a sterile device.
    pub sterile_device: bool,
    /// Percent, 0 to 100, at most 6 places.
    pub vat_rate: Decimal,
    /// Its levels.
    pub packaging: Packaging,
}

/// An article that is in the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredArticle {
    /// Its id.
    pub id: ArticleId,
    /// Rises with each change, from 1.
    pub version: i64,
    /// What it says.
    pub article: Article,
}

/// What registering an article does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// It is new.
    Created,
    /// Something in it changes: its version rises.
    Changed,
    /// It says what it already said.
    Unchanged,
}

/// What registering an article does to the one of the same key.
///
/// # Errors
/// [`CatalogueError::PackagingChanged`] when a conversion would change, [`CatalogueError::IdentifierMoved`].
pub fn registration(stored: Option<&StoredArticle>, wanted: &Article) -> Result<Registration, CatalogueError> {
    let Some(stored) = stored else { return Ok(Registration::Created) };
    let then = &stored.article;
    if then == wanted {
        return Ok(Registration::Unchanged);
    }
    if then.base_unit != wanted.base_unit {
        // Another base unit is another conversion of every quantity ever stated.
        return Err(CatalogueError::PackagingChanged {
            article: wanted.key.clone(),
            packaging: String::new(),
            was: then.base_unit.clone(),
            wanted: wanted.base_unit.clone(),
        });
    }
    then.packaging.check_successor(&wanted.packaging, &wanted.key)?;
    Ok(Registration::Changed)
}

/// C2: no code of a batch of articles (of distinct keys) names another article, of the batch or of the catalogue. `owners`
/// gives the key of the article that has each code now; an article of the batch may have given its code away.
///
/// # Errors
/// [`CatalogueError::IdentifierTaken`] for the first that does.
pub fn check_codes(batch: &[Article], owners: &HashMap<Code, String>) -> Result<(), CatalogueError> {
    let mut claimed: HashMap<Code, &str> = HashMap::new();
    let keys: std::collections::HashSet<&str> = batch.iter().map(|article| article.key.as_str()).collect();
    for article in batch {
        for (code, _) in article.packaging.codes() {
            let in_batch = claimed.insert(code, &article.key).filter(|other| *other != article.key);
            let in_catalogue = owners.get(&code).map(String::as_str).filter(|owner| !keys.contains(owner));
            if let Some(other) = in_batch.or(in_catalogue) {
                return Err(CatalogueError::IdentifierTaken {
                    code,
                    article: article.key.clone(),
                    other: other.to_owned(),
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            identifier::{Identifier, Scheme},
            packaging::Level,
        },
        *,
    };

    fn article(key: &str, codes: &[&str]) -> Article {
        let identifiers = codes.iter().map(|code| Identifier::parse(Scheme::Gtin, code).unwrap()).collect();
        let unit = Level { code: "UNIT".into(), label: "unité".into(), contains: None, orderable: true, identifiers };
        Article {
            key: key.to_owned(),
            label: "Gants".into(),
            kind: Kind::Goods,
            base_unit: "C62".into(),
            base_unit_label: "gant".into(),
            cpv: String::new(),
            atc: String::new(),
            storage_class: StorageClass::Ambient,
            required_authorisation: Authorisation::None,
            medicine: false,
            sterile_device: false,
            vat_rate: Decimal::from(20),
            packaging: Packaging::new(vec![unit]).unwrap(),
        }
    }

    #[test]
    fn only_a_difference_is_a_change_and_the_base_unit_stays() {
        let stored = StoredArticle { id: ArticleId::new(), version: 1, article: article("A", &[]) };
        let registered = |wanted: &Article| registration(Some(&stored), wanted);
        assert_eq!(registration(None, &stored.article), Ok(Registration::Created));
        assert_eq!(registered(&stored.article.clone()), Ok(Registration::Unchanged));
        assert_eq!(
            registered(&Article { label: "Gants nitrile".into(), ..stored.article.clone() }),
            Ok(Registration::Changed)
        );
        let other_unit = Article { base_unit: "PR".into(), ..stored.article.clone() };
        assert!(matches!(registered(&other_unit), Err(CatalogueError::PackagingChanged { .. })));
    }

    #[test]
    fn a_code_names_one_article_unless_it_was_given_away_in_the_same_batch() {
        let code = "96385074";
        let owners = HashMap::from([(Code::parse(code).unwrap(), "A".to_owned())]);
        let taken = |other: &str| {
            Err(CatalogueError::IdentifierTaken {
                code: Code::parse(code).unwrap(),
                article: "B".into(),
                other: other.to_owned(),
            })
        };
        assert_eq!(check_codes(&[article("A", &[code])], &owners), Ok(()));
        assert_eq!(check_codes(&[article("B", &[code])], &owners), taken("A"));
        assert_eq!(check_codes(&[article("A", &[]), article("B", &[code])], &owners), Ok(()));
        assert_eq!(check_codes(&[article("A", &[code]), article("B", &[code])], &HashMap::new()), taken("A"));
    }
}
