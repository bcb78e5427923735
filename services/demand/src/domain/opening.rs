//! What exists on the first day: members' own codes of articles and what they consumed before. Every row is dated and says where
//! it comes from; what may be wrong with it is told by column.

use std::sync::Arc;

use chrono::{Datelike as _, NaiveDate};
use kit::{
    error::RowFault,
    id::{ArticleId, ConsumptionId, PartyId, SiteId},
};
use sha2::{Digest as _, Sha256};

/// Longest own code, characters.
pub const CODE_LIMIT: usize = 60;
/// Longest source, characters.
pub const SOURCE_LIMIT: usize = 200;
/// Most base units of a row, as of a need.
const UNITS_LIMIT: i64 = 1_000_000_000_000;
/// Largest amount, cents EUR.
const CENTS_LIMIT: i64 = 1_000_000_000_000_000;

/// A row of own codes as typed.
#[derive(Debug, Clone, Default)]
pub struct TypedCode {
    /// Row, from 1.
    pub row: i64,
    /// Reference of the member.
    pub party: String,
    /// The code.
    pub code: String,
    /// Reference of the article.
    pub article: String,
    /// What the member calls it.
    pub label: String,
}

/// A row of consumption as typed.
#[derive(Debug, Clone, Default)]
pub struct TypedConsumption {
    /// Row, from 1.
    pub row: i64,
    /// Reference of the member.
    pub party: String,
    /// Reference of its site; empty when it is not told by site.
    pub site: String,
    /// Own code or reference of the article.
    pub article: String,
    /// What the member calls it.
    pub label: String,
    /// `2026-01`.
    pub month: String,
    /// Base units.
    pub units: i64,
    /// Cents EUR without VAT.
    pub amount_cents: Option<i64>,
    /// ISO date.
    pub as_of: String,
    /// Where it comes from.
    pub source: String,
}

/// What a row names, looked up.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The member, when the party is one today.
    pub member: Option<PartyId>,
    /// Whether there is such a party at all.
    pub party_exists: bool,
    /// The site with its owner.
    pub site: Option<(SiteId, PartyId)>,
    /// The article.
    pub article: Option<ArticleId>,
    /// What is nearest to it when there is none.
    pub near: Option<String>,
}

/// An own code to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCode {
    /// Row, from 1.
    pub row: i64,
    /// Whose.
    pub party: PartyId,
    /// The code.
    pub code: String,
    /// Of which article.
    pub article: ArticleId,
}

/// Consumption to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewConsumption {
    /// Row, from 1.
    pub row: i64,
    /// Whose.
    pub party: PartyId,
    /// Where.
    pub site: Option<SiteId>,
    /// Of what.
    pub article: ArticleId,
    /// First day of the month.
    pub month: NaiveDate,
    /// Base units.
    pub units: i64,
    /// Cents EUR without VAT.
    pub amount_cents: Option<i64>,
    /// Drawn up on.
    pub as_of: NaiveDate,
    /// Where it comes from.
    pub source: Arc<str>,
}

/// Which consumption a row tells: there is one row for it.
pub type ConsumptionKey = (PartyId, ArticleId, NaiveDate, Option<SiteId>);

impl NewConsumption {
    /// Which consumption it tells.
    #[must_use]
    pub const fn key(&self) -> ConsumptionKey {
        (self.party, self.article, self.month, self.site)
    }
}

/// Collects the faults of a row.
pub(super) struct Faults {
    row: i64,
    pub(super) found: Vec<RowFault>,
}

impl Faults {
    pub(super) const fn of(row: i64) -> Self {
        Self { row, found: Vec::new() }
    }

    pub(super) fn add(
        &mut self,
        column: &'static str,
        value: &str,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let (value, problem, remedy) = (value.to_owned(), problem.into(), remedy.into());
        self.found.push(RowFault { row: self.row, column, value, problem, remedy });
    }

    pub(super) fn member(&mut self, party: &str, known: &Known) -> Option<PartyId> {
        if known.member.is_none() {
            let problem = match (party.is_empty(), known.party_exists) {
                (true, _) => "L'établissement manque.".to_owned(),
                (false, true) => format!("« {party} » n'est pas membre du groupement aujourd'hui."),
                (false, false) => format!("L'établissement « {party} » est inconnu."),
            };
            self.add("member", party, problem, "Indiquez un membre du groupement : finess:…, siret:…, key:… ou pty_….");
        }
        known.member
    }

    pub(super) fn article(&mut self, reference: &str, known: &Known) -> Option<ArticleId> {
        if known.article.is_none() {
            let problem = if reference.is_empty() {
                "L'article manque.".to_owned()
            } else {
                format!("« {reference} » ne correspond à aucun article commun.")
            };
            let near = known.near.as_ref().map(|near| format!(" Le plus proche : {near}.")).unwrap_or_default();
            let remedy = format!("Indiquez un code propre connu, un code CIP13 ou GTIN, ou key:….{near}");
            self.add("article", reference, problem, remedy);
        }
        known.article
    }
}

/// Reads a row of own codes.
///
/// # Errors
/// Every fault of the row.
pub fn code(typed: &TypedCode, known: &Known) -> Result<NewCode, Vec<RowFault>> {
    let mut faults = Faults::of(typed.row);
    let party = faults.member(&typed.party, known);
    let article = faults.article(&typed.article, known);
    if !(1..=CODE_LIMIT).contains(&typed.code.chars().count()) {
        let problem = format!("Le code propre manque ou dépasse {CODE_LIMIT} caractères.");
        faults.add("code", &typed.code, problem, "Indiquez le code comme dans votre logiciel, zéros en tête compris.");
    }
    match (party, article) {
        (Some(party), Some(article)) if faults.found.is_empty() => {
            Ok(NewCode { row: typed.row, party, code: typed.code.clone(), article })
        }
        (_, _) => Err(faults.found),
    }
}

/// Reads a row of consumption.
///
/// # Errors
/// Every fault of the row.
pub fn consumption(
    typed: &TypedConsumption,
    known: &Known,
    today: NaiveDate,
    source: &Arc<str>,
) -> Result<NewConsumption, Vec<RowFault>> {
    let mut faults = Faults::of(typed.row);
    let party = faults.member(&typed.party, known);
    let article = faults.article(&typed.article, known);
    let site = match (typed.site.is_empty(), known.site) {
        (true, _) => None,
        (false, Some((site, owner))) if party.is_none_or(|party| party == owner) => Some(site),
        (false, _) => {
            let problem = format!("« {} » n'est pas un site de ce membre.", typed.site);
            faults.add(
                "site",
                &typed.site,
                problem,
                "Indiquez finess:…, gln:…, key:… ou sit_…, ou laissez la cellule vide.",
            );
            None
        }
    };
    let as_of = day(&typed.as_of);
    if as_of.is_none_or(|day| day > today) {
        let problem = format!("« {} » n'est pas une date d'arrêté passée.", typed.as_of);
        faults.add("as_of", &typed.as_of, problem, "Écrivez le jour où les chiffres ont été arrêtés : 2026-11-15.");
    }
    let month = day(&format!("{}-01", typed.month));
    if month.is_none_or(|month| as_of.is_some_and(|as_of| month > as_of)) {
        let problem = format!("« {} » n'est pas un mois antérieur à la date d'arrêté.", typed.month);
        faults.add("month", &typed.month, problem, "Écrivez 2026-10.");
    }
    if !(0..=UNITS_LIMIT).contains(&typed.units) {
        let value = typed.units.to_string();
        faults.add(
            "units",
            &value,
            "La quantité est négative ou trop grande.",
            "Comptez en unités de base, 0 ou plus.",
        );
    }
    if let Some(cents) = typed.amount_cents.filter(|cents| !(0..=CENTS_LIMIT).contains(cents)) {
        let remedy = "Indiquez le montant hors taxes, 0 ou plus, ou laissez la cellule vide.";
        faults.add("amount", &cents.to_string(), "Le montant est négatif ou trop grand.", remedy);
    }
    if !(1..=SOURCE_LIMIT).contains(&typed.source.chars().count()) {
        let problem = format!("La source manque ou dépasse {SOURCE_LIMIT} caractères.");
        faults.add("source", &typed.source, problem, "Dites d'où viennent les chiffres.");
    }
    match (party, article, month, as_of) {
        (Some(party), Some(article), Some(month), Some(as_of)) if faults.found.is_empty() => Ok(NewConsumption {
            row: typed.row,
            party,
            site,
            article,
            month,
            units: typed.units,
            amount_cents: typed.amount_cents,
            as_of,
            source: source.clone(),
        }),
        (_, _, _, _) => Err(faults.found),
    }
}

/// A row that tells again what another one told.
#[must_use]
pub fn repeated(row: i64, column: &'static str, first: i64) -> RowFault {
    RowFault {
        row,
        column,
        value: String::new(),
        problem: format!(
            "La ligne {first} dit déjà la même chose : même membre, même article, même mois et même site, ou même code."
        ),
        remedy: "Gardez une seule ligne ; additionnez les quantités s'il y en avait deux.".to_owned(),
    }
}

/// A row that contradicts what was loaded before.
#[must_use]
pub fn clash(row: i64, column: &'static str, value: String, there: &str) -> RowFault {
    RowFault {
        row,
        column,
        value,
        problem: format!("C'est déjà chargé avec un autre contenu : {there}."),
        remedy: "Une donnée d'ouverture ne change plus : retirez la ligne, ou corrigez-la pour qu'elle soit la même."
            .to_owned(),
    }
}

/// An ISO day. The length keeps out what chrono would forgive, such as 2026-1-5.
pub(super) fn day(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10)
}

/// Codes that a damaged one may have been, by identifier: without the zeros that a spreadsheet drops. Only numbers that have their
/// check digit.
#[must_use]
pub fn variants(reference: &str) -> Vec<String> {
    let digits: String = reference.chars().filter(|letter| !letter.is_whitespace()).collect();
    if digits.len() < 8 || digits.len() > 14 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Vec::new();
    }
    let padded = [13, 14].map(|length| format!("{digits:0>length$}"));
    padded.into_iter().filter(|code| *code != digits && has_check_digit(code)).collect()
}

/// GS1's check digit: weights 3 and 1 by turns from the right, the sum with it a multiple of ten.
fn has_check_digit(code: &str) -> bool {
    let weighted = code.bytes().rev().zip([1_u32, 3].into_iter().cycle());
    weighted.map(|(digit, weight)| u32::from(digit.saturating_sub(b'0')) * weight).sum::<u32>().is_multiple_of(10)
}

/// The hash of a chunk of codes, fed by member and code.
#[must_use]
pub fn codes_digest<'a>(rows: impl Iterator<Item = (PartyId, ArticleId, &'a str)>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for (party, article, code) in rows {
        hash.update(party.uuid().as_bytes());
        hash.update(article.uuid().as_bytes());
        hash.update(code.as_bytes());
        hash.update(u64::try_from(code.len()).unwrap_or(u64::MAX).to_be_bytes());
    }
    hash.finalize().into()
}

/// The hash of a chunk of consumption, fed in order of id. Numbers are 8 bytes, big-endian; ids 16 bytes.
#[must_use]
pub fn consumption_digest<'a>(rows: impl Iterator<Item = (ConsumptionId, &'a NewConsumption)>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for (id, row) in rows {
        hash.update(id.uuid().as_bytes());
        hash.update(row.party.uuid().as_bytes());
        hash.update(row.site.map_or([0; 16], |site| *site.uuid().as_bytes()));
        hash.update(row.article.uuid().as_bytes());
        // 719 163 days from the year 1 to 1970.
        hash.update(i64::from(row.month.num_days_from_ce() - 719_163).to_be_bytes());
        hash.update(row.units.to_be_bytes());
        hash.update(row.amount_cents.unwrap_or(-1).to_be_bytes());
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        Known { member: Some(PartyId::new()), party_exists: true, article: Some(ArticleId::new()), ..Known::default() }
    }

    fn row() -> TypedConsumption {
        TypedConsumption {
            row: 3,
            party: "key:brest".into(),
            article: "012345".into(),
            month: "2026-10".into(),
            units: 120,
            amount_cents: Some(900),
            as_of: "2026-11-15".into(),
            source: "GEF".into(),
            ..TypedConsumption::default()
        }
    }

    fn told(typed: &TypedConsumption, known: &Known) -> Vec<&'static str> {
        let today = NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();
        consumption(typed, known, today, &Arc::from("GEF")).unwrap_err().into_iter().map(|fault| fault.column).collect()
    }

    #[test]
    fn consumption_is_of_a_member_an_article_and_a_month_that_is_over() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();
        let read = consumption(&row(), &known(), today, &Arc::from("GEF")).unwrap();
        assert_eq!((read.month.to_string().as_str(), read.units, read.site), ("2026-10-01", 120, None));
        assert_eq!(told(&TypedConsumption { month: "2026-12".into(), ..row() }, &known()), ["month"]);
        assert_eq!(told(&TypedConsumption { month: "10/2026".into(), ..row() }, &known()), ["month"]);
        assert_eq!(told(&TypedConsumption { as_of: "2026-11-22".into(), ..row() }, &known()), ["as_of"]);
        let bad = TypedConsumption { units: -1, amount_cents: Some(-1), source: String::new(), ..row() };
        assert_eq!(told(&bad, &Known::default()), ["member", "article", "units", "amount", "source"]);
        let foreign = Known { site: Some((SiteId::new(), PartyId::new())), ..known() };
        assert_eq!(told(&TypedConsumption { site: "key:x".into(), ..row() }, &foreign), ["site"]);
    }

    #[test]
    fn a_code_of_one_member_names_one_article_and_may_begin_with_zeros() {
        let typed = TypedCode { row: 1, party: "key:brest".into(), code: "000123".into(), ..TypedCode::default() };
        assert_eq!(code(&typed, &known()).unwrap().code, "000123");
        let long = TypedCode { code: "x".repeat(61), ..typed };
        assert_eq!(code(&long, &known()).unwrap_err()[0].column, "code");
    }

    #[test]
    fn a_code_that_lost_its_zeros_is_suggested_only_with_a_right_check_digit() {
        assert_eq!(variants("96385074"), ["0000096385074", "00000096385074"]);
        assert_eq!(variants("3400930000007"), ["03400930000007"]);
        assert!(variants("3400930000001").is_empty() && variants("12").is_empty() && variants("abcdefghij").is_empty());
    }

    #[test]
    fn digests_tell_every_figure_apart() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();
        let row = consumption(&row(), &known(), today, &Arc::from("GEF")).unwrap();
        let id = ConsumptionId::new();
        let digest = |row: &NewConsumption| consumption_digest(std::iter::once((id, row)));
        for other in [
            NewConsumption { units: 121, ..row.clone() },
            NewConsumption { amount_cents: None, ..row.clone() },
            NewConsumption { site: Some(SiteId::new()), ..row.clone() },
            NewConsumption { month: today, ..row.clone() },
        ] {
            assert_ne!(digest(&other), digest(&row));
        }
    }
}
