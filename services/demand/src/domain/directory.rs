//! What is known of the articles and sites that a batch or a file of needs names, and how a row is read with it.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use kit::id::{ArticleId, PartyId, SiteId};

use super::{
    conversion::Packaging,
    need::{Commitment, LineKind, NewNeed, RowFault, TypedNeed, check_reference, units_of},
};

/// An article as rows need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownArticle {
    /// Its id.
    pub id: ArticleId,
    /// Its label.
    pub label: String,
    /// Goods or service.
    pub kind: LineKind,
    /// Every packaging in which it may be typed.
    pub packagings: Vec<Packaging>,
}

/// What an article reference names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Named {
    article: u32,
    packaging: Option<u16>,
}

/// Articles and sites by the references asked for; those asked for and not found are remembered too.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    articles: Vec<KnownArticle>,
    by_id: HashMap<ArticleId, u32>,
    article_refs: HashMap<String, Option<Named>>,
    /// References that would be a code of the member's with zeros in front of them.
    near: HashMap<String, String>,
    sites: Vec<(SiteId, PartyId)>,
    site_refs: HashMap<String, Option<u32>>,
}

/// A row read: 20 bytes, so that a million of them fit in memory. Texts stay in the [`Directory`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadRow {
    article: u32,
    site: u32,
    packaging: u16,
    quantity: u32,
    needed_by: Option<NaiveDate>,
    commitment: Option<Commitment>,
}

impl ReadRow {
    /// How firmly it is meant, if the row says so.
    #[must_use]
    pub const fn commitment(&self) -> Option<Commitment> {
        self.commitment
    }
}

/// A read row with its texts, borrowed from the [`Directory`].
#[derive(Debug, Clone, Copy)]
pub struct WholeRow<'a> {
    /// Row, from 1.
    pub row: i64,
    /// Delivery point.
    pub site_id: SiteId,
    /// Article.
    pub article: &'a KnownArticle,
    /// Packaging typed.
    pub packaging: &'a Packaging,
    /// How many of it.
    pub quantity: i64,
    /// Base units.
    pub units: i64,
    /// When it is needed.
    pub needed_by: Option<NaiveDate>,
    /// How firmly it is meant, if the row says so.
    pub commitment: Option<Commitment>,
}

impl Directory {
    /// Number of distinct article references asked for.
    #[must_use]
    pub fn article_refs(&self) -> usize {
        self.article_refs.len()
    }

    /// Number of distinct site references asked for.
    #[must_use]
    pub fn site_refs(&self) -> usize {
        self.site_refs.len()
    }

    /// Distinct article and site references of the rows that are not known yet, without blanks around them.
    #[must_use]
    pub fn unknown(&self, rows: &[&TypedNeed]) -> (Vec<String>, Vec<String>) {
        (
            missing(rows.iter().map(|row| row.article.trim()), |text| self.article_refs.contains_key(text)),
            missing(rows.iter().map(|row| row.site.trim()), |text| self.site_refs.contains_key(text)),
        )
    }

    /// Remembers what an article reference names: an article and, when it is the code of one level, that level.
    /// Answers about how many bytes that takes.
    pub fn add_article(&mut self, reference: &str, found: Option<(KnownArticle, &str)>) -> usize {
        let mut bytes = reference.len() + 64;
        let named = found.and_then(|(article, packaging)| {
            let level = article.packagings.iter().position(|known| known.code == packaging);
            let index = match self.by_id.get(&article.id) {
                Some(&index) => index,
                None => {
                    let index = u32::try_from(self.articles.len()).ok()?;
                    bytes += 128 + article.label.len();
                    bytes += article.packagings.iter().map(packaging_bytes).sum::<usize>();
                    self.by_id.insert(article.id, index);
                    self.articles.push(article);
                    index
                }
            };
            Some(Named { article: index, packaging: level.and_then(|level| u16::try_from(level).ok()) })
        });
        self.article_refs.insert(reference.to_owned(), named);
        bytes
    }

    /// Remembers which of the member's own codes a reference would be with zeros in front of it. Answers about how many bytes
    /// that takes.
    pub fn add_near(&mut self, reference: &str, code: &str) -> usize {
        self.near.insert(reference.to_owned(), code.to_owned());
        reference.len() + code.len() + 96
    }

    /// Remembers what a site reference names. Answers about how many bytes that takes.
    pub fn add_site(&mut self, reference: &str, found: Option<(SiteId, PartyId)>) -> usize {
        let index = found.and_then(|site| {
            let index = u32::try_from(self.sites.len()).ok()?;
            self.sites.push(site);
            Some(index)
        });
        self.site_refs.insert(reference.to_owned(), index);
        reference.len() + 96
    }

    /// Reads a row typed for a member.
    ///
    /// # Errors
    /// Every fault of the row.
    pub fn read(&self, member: PartyId, typed: &TypedNeed) -> Result<ReadRow, Vec<RowFault>> {
        let site = self.site(member, typed);
        let packaging = self.packaging(typed);
        let quantity = packaging.as_ref().map(|&(_, _, packaging)| units_of(typed.row, packaging, typed.quantity));
        let needed_by = needed_by(typed);
        let reference = check_reference(typed.row, &typed.reference);
        if let (Ok(site), Ok((article, level, _)), Ok(Ok(_)), Ok(needed_by), Ok(_)) =
            (&site, &packaging, &quantity, &needed_by, &reference)
            && let Ok(quantity) = u32::try_from(typed.quantity)
        {
            return Ok(ReadRow {
                article: *article,
                site: *site,
                packaging: *level,
                quantity,
                needed_by: *needed_by,
                commitment: typed.commitment,
            });
        }
        let faults = [
            site.err(),
            packaging.as_ref().err().cloned(),
            quantity.ok().and_then(Result::err),
            reference.err(),
            needed_by.err(),
        ];
        Err(faults.into_iter().flatten().collect())
    }

    /// A read row with its texts.
    #[must_use]
    pub fn whole(&self, row: i64, read: &ReadRow) -> Option<WholeRow<'_>> {
        let article = self.articles.get(usize::try_from(read.article).ok()?)?;
        let packaging = article.packagings.get(usize::from(read.packaging))?;
        let (site_id, _) = *self.sites.get(usize::try_from(read.site).ok()?)?;
        let quantity = i64::from(read.quantity);
        let units = packaging.units(quantity).ok()?;
        let &ReadRow { needed_by, commitment, .. } = read;
        Some(WholeRow { row, site_id, article, packaging, quantity, units, needed_by, commitment })
    }

    /// A read row as a need of its own.
    #[must_use]
    pub fn need(&self, row: i64, read: &ReadRow, reference: &str) -> Option<NewNeed> {
        let whole = self.whole(row, read)?;
        Some(NewNeed {
            row,
            site_id: whole.site_id,
            article_id: whole.article.id,
            kind: whole.article.kind,
            packaging: whole.packaging.clone(),
            quantity: whole.quantity,
            units: whole.units,
            reference: reference.to_owned(),
            needed_by: whole.needed_by,
            commitment: whole.commitment,
        })
    }

    fn site(&self, member: PartyId, typed: &TypedNeed) -> Result<u32, RowFault> {
        let reference = typed.site.trim();
        let fault = |problem, remedy: &str| RowFault {
            row: typed.row,
            column: "site",
            value: reference.to_owned(),
            problem,
            remedy: remedy.to_owned(),
        };
        let unknown = || {
            let problem = if reference.is_empty() {
                "Le site de livraison manque.".to_owned()
            } else {
                format!("Le site « {reference} » est inconnu.")
            };
            fault(problem, "Indiquez un site du membre par son identifiant (sit_…), finess:…, gln:… ou key:….")
        };
        let index = self.site_refs.get(reference).copied().flatten().ok_or_else(unknown)?;
        match usize::try_from(index).ok().and_then(|index| self.sites.get(index)) {
            Some((_, party)) if *party == member => Ok(index),
            Some(_) => Err(fault(
                format!("Le site « {reference} » n'appartient pas au membre pour lequel le besoin est exprimé."),
                "Choisissez un site de ce membre.",
            )),
            None => Err(unknown()),
        }
    }

    fn unknown_article(&self, row: i64, reference: &str) -> RowFault {
        let digits = !reference.is_empty() && reference.bytes().all(|byte| byte.is_ascii_digit());
        let (problem, remedy) = if reference.is_empty() {
            ("L'article manque.".to_owned(), None)
        } else if let Some(code) = self.near.get(reference) {
            let remedy = "Le tableur a sans doute supprimé les zéros en tête : mettez la colonne au format Texte, puis saisissez le \
                code en entier.";
            (format!("« {reference} » n'est pas un de vos codes ; « {code} » en est un."), Some(remedy))
        } else if digits {
            let length = reference.len();
            let problem = format!(
                "« {reference} » n'est ni un de vos codes ni un code commun : il a {length} chiffres, un code CIP13 ou GTIN en a 13 ou 14."
            );
            (problem, None)
        } else {
            (format!("L'article « {reference} » est inconnu au catalogue et n'est pas un de vos codes."), None)
        };
        let usual =
            "Indiquez un code CIP13 ou GTIN valide, un de vos codes, ou un identifiant du catalogue (art_…, key:…).";
        let (value, remedy) = (reference.to_owned(), remedy.unwrap_or(usual).to_owned());
        RowFault { row, column: "article", value, problem, remedy }
    }

    fn packaging(&self, typed: &TypedNeed) -> Result<(u32, u16, &Packaging), RowFault> {
        let reference = typed.article.trim();
        let unknown = || self.unknown_article(typed.row, reference);
        let named = self.article_refs.get(reference).copied().flatten().ok_or_else(unknown)?;
        let article =
            usize::try_from(named.article).ok().and_then(|index| self.articles.get(index)).ok_or_else(unknown)?;
        let code = typed.packaging.trim();
        let level = if code.is_empty() {
            named.packaging
        } else {
            let position = article.packagings.iter().position(|packaging| packaging.code == code);
            position.and_then(|position| u16::try_from(position).ok())
        };
        level
            .and_then(|level| {
                article.packagings.get(usize::from(level)).map(|packaging| (named.article, level, packaging))
            })
            .ok_or_else(|| packaging_fault(typed.row, article, code))
    }
}

fn missing<'a>(texts: impl Iterator<Item = &'a str>, known: impl Fn(&str) -> bool) -> Vec<String> {
    let unknown: BTreeSet<&str> = texts.filter(|text| !text.is_empty() && !known(text)).collect();
    unknown.into_iter().map(str::to_owned).collect()
}

fn packaging_fault(row: i64, article: &KnownArticle, code: &str) -> RowFault {
    let there: Vec<String> =
        article.packagings.iter().map(|packaging| format!("{} ({})", packaging.code, packaging.label)).collect();
    RowFault {
        row,
        column: "packaging",
        value: code.to_owned(),
        problem: if code.is_empty() {
            format!("Le conditionnement manque : le code de « {} » n'en désigne aucun.", article.label)
        } else {
            format!("L'article « {} » n'a pas de conditionnement « {code} ».", article.label)
        },
        remedy: format!("Choisissez parmi : {}.", there.join(", ")),
    }
}

fn needed_by(typed: &TypedNeed) -> Result<Option<NaiveDate>, RowFault> {
    let text = typed.needed_by.trim();
    if text.is_empty() {
        return Ok(None);
    }
    // Four digits of year: chrono alone would take "20260-1-1".
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10).map(Some).ok_or_else(|| RowFault {
        row: typed.row,
        column: "needed_by",
        value: text.to_owned(),
        problem: format!("« {text} » n'est pas une date."),
        remedy: "Écrivez la date sous la forme AAAA-MM-JJ, par exemple 2027-01-25.".to_owned(),
    })
}

fn packaging_bytes(packaging: &Packaging) -> usize {
    104 + packaging.code.len() + packaging.label.len() + packaging.content.len() + packaging.base_label.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::conversion::{Level, packagings};

    fn paracetamol() -> KnownArticle {
        let level = |code: &str, label: &str, contains: Option<(&str, i64)>| Level {
            code: code.into(),
            label: label.into(),
            contains: contains.map(|(code, count)| (code.to_owned(), count)),
        };
        let levels = [level("UNIT", "unité", None), level("BOX", "boîte", Some(("UNIT", 30)))];
        KnownArticle {
            id: ArticleId::new(),
            label: "Paracétamol 1 g".into(),
            kind: LineKind::Goods,
            packagings: packagings(&levels, "comprimé").unwrap(),
        }
    }

    fn directory(member: PartyId) -> Directory {
        let mut directory = Directory::default();
        let article = paracetamol();
        directory.add_article("3400955003144", Some((article.clone(), "BOX")));
        directory.add_article("key:para", Some((article, "")));
        directory.add_article("key:none", None);
        directory.add_site("key:mine", Some((SiteId::new(), member)));
        directory.add_site("key:theirs", Some((SiteId::new(), PartyId::new())));
        directory
    }

    fn row(article: &str, packaging: &str) -> TypedNeed {
        TypedNeed {
            row: 2,
            site: "key:mine".into(),
            article: article.into(),
            packaging: packaging.into(),
            quantity: 4,
            ..TypedNeed::default()
        }
    }

    #[test]
    fn a_read_row_is_small() {
        assert_eq!(size_of::<ReadRow>(), 20);
    }

    #[test]
    fn the_code_of_a_level_stands_for_the_packaging_and_a_typed_one_goes_before_it() {
        let member = PartyId::new();
        let directory = directory(member);
        let read = |typed: &TypedNeed| {
            let read = directory.read(member, typed).unwrap();
            let need = directory.need(2, &read, "A").unwrap();
            (need.packaging.code, need.units)
        };
        assert_eq!(read(&row("3400955003144", "")), ("BOX".to_owned(), 120));
        assert_eq!(read(&row("3400955003144", "UNIT")), ("UNIT".to_owned(), 4));
        assert_eq!(read(&row(" key:para ", " BOX ")), ("BOX".to_owned(), 120));
    }

    #[test]
    fn every_fault_of_a_row_is_told_with_its_remedy() {
        let member = PartyId::new();
        let directory = directory(member);
        let bad = TypedNeed {
            row: 9,
            site: "key:theirs".into(),
            article: "key:para".into(),
            packaging: "PALLET".into(),
            quantity: 4,
            reference: "x".repeat(61),
            needed_by: "25/01/2027".into(),
            commitment: None,
        };
        let faults = directory.read(member, &bad).unwrap_err();
        let columns: Vec<&str> = faults.iter().map(|fault| fault.column).collect();
        assert_eq!(columns, ["site", "packaging", "reference", "needed_by"]);
        assert_eq!(faults[1].remedy, "Choisissez parmi : UNIT (comprimé), BOX (boîte).");
        assert!(faults.iter().all(|fault| fault.row == 9));

        let faults = directory.read(member, &TypedNeed { quantity: 0, ..row("key:para", "") }).unwrap_err();
        assert_eq!(faults[0].column, "packaging", "a reference without a level needs one");
        let faults = directory.read(member, &TypedNeed { quantity: 0, ..row("key:para", "BOX") }).unwrap_err();
        assert_eq!(faults[0].column, "quantity");
        assert_eq!(directory.read(member, &row("key:none", "BOX")).unwrap_err()[0].column, "article");
    }

    #[test]
    fn references_are_asked_for_once() {
        let directory = directory(PartyId::new());
        let rows = [row("key:para", ""), row("key:new", ""), row(" key:new", ""), row("", "")];
        let (articles, sites) = directory.unknown(&rows.iter().collect::<Vec<_>>());
        assert_eq!(articles, ["key:new"]);
        assert_eq!(sites, Vec::<String>::new());
        assert_eq!((directory.article_refs(), directory.site_refs()), (3, 2));
    }
}
