//! Rows of articles as domain types. A row that means nothing there is an internal error that names it.

use std::collections::HashMap;

use kit::{Failure, db::corrupt, id::ArticleId};
use rust_decimal::Decimal;

use crate::domain::{
    article::{Article, Authorisation, Kind, StorageClass, StoredArticle},
    identifier::{Identifier, Scheme},
    packaging::{Contents, Level, Packaging},
};

#[derive(sqlx::FromRow)]
pub(super) struct ArticleRow {
    pub(super) id: ArticleId,
    key: String,
    label: String,
    kind: String,
    base_unit: String,
    base_unit_label: String,
    cpv: String,
    atc: String,
    storage_class: String,
    required_authorisation: String,
    medicine: bool,
    sterile_device: bool,
    vat_rate: Decimal,
    version: i64,
}

#[derive(sqlx::FromRow)]
pub(super) struct LevelRow {
    article_id: ArticleId,
    code: String,
    label: String,
    contains_code: Option<String>,
    contains_count: Option<i64>,
    base_units: i64,
    orderable: bool,
    /// One element per code and scheme, in two arrays of one length.
    codes: Vec<String>,
    schemes: Vec<String>,
}

/// Puts articles and their levels together, in the order of the articles.
pub(super) fn assemble(articles: Vec<ArticleRow>, levels: Vec<LevelRow>) -> Result<Vec<StoredArticle>, Failure> {
    let mut by_article: HashMap<ArticleId, Vec<LevelRow>> = HashMap::with_capacity(articles.len());
    for level in levels {
        by_article.entry(level.article_id).or_default().push(level);
    }
    articles.into_iter().map(|row| article(&mut by_article, row)).collect()
}

fn article(levels: &mut HashMap<ArticleId, Vec<LevelRow>>, row: ArticleRow) -> Result<StoredArticle, Failure> {
    let wrong = |column| corrupt("article", column, row.id);
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == row.kind).ok_or_else(|| wrong("kind"))?;
    let storage = StorageClass::ALL.into_iter().find(|class| class.name() == row.storage_class);
    let authorisation = Authorisation::ALL.into_iter().find(|one| one.name() == row.required_authorisation);
    let packaging = packaging(row.id, levels.remove(&row.id).unwrap_or_default())?;
    Ok(StoredArticle {
        id: row.id,
        version: row.version,
        article: Article {
            storage_class: storage.ok_or_else(|| wrong("storage_class"))?,
            required_authorisation: authorisation.ok_or_else(|| wrong("required_authorisation"))?,
            key: row.key,
            label: row.label,
            kind,
            base_unit: row.base_unit,
            base_unit_label: row.base_unit_label,
            cpv: row.cpv,
            atc: row.atc,
            medicine: row.medicine,
            sterile_device: row.sterile_device,
            vat_rate: row.vat_rate.normalize(),
            packaging,
        },
    })
}

fn packaging(article: ArticleId, rows: Vec<LevelRow>) -> Result<Packaging, Failure> {
    let stored: Vec<i64> = rows.iter().map(|row| row.base_units).collect();
    let levels = rows.into_iter().map(level).collect::<Result<_, _>>()?;
    let packaging = Packaging::new(levels).map_err(|_| corrupt("packaging", "graph", article))?;
    // Other services have stored conversions made with these figures.
    if packaging.levels().map(|(_, units)| units).ne(stored) {
        return Err(corrupt("packaging", "base_units", article));
    }
    Ok(packaging)
}

fn level(row: LevelRow) -> Result<Level, Failure> {
    let mut identifiers = Vec::with_capacity(row.codes.len());
    for (code, scheme) in row.codes.iter().zip(&row.schemes) {
        let wrong = || corrupt("identifier", "code14", code);
        let scheme = Scheme::from_name(scheme).ok_or_else(wrong)?;
        // The French schemes have 13 digits, kept behind a zero.
        let digits = match scheme {
            Scheme::Gtin => code.as_str(),
            Scheme::Cip13 | Scheme::Ucd13 => code.strip_prefix('0').ok_or_else(wrong)?,
        };
        identifiers.push(Identifier::parse(scheme, digits).map_err(|_| wrong())?);
    }
    Ok(Level {
        code: row.code,
        label: row.label,
        contains: row.contains_code.zip(row.contains_count).map(|(code, count)| Contents { code, count }),
        orderable: row.orderable,
        identifiers,
    })
}
