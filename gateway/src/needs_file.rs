//! A file of needs, from bytes to typed rows. Every fault is told by row and column, with its remedy; nothing is guessed.
//!
//! - `spool.rs`: the upload on disk, without a name;
//! - `text.rs`: CSV, UTF-8 or Windows-1252, cells between `;`, `,` or tabs, streamed line by line;
//! - `archive.rs`, `workbook.rs`, `table.rs`: a workbook is checked for what it unpacks to, then copied to disk as text, so
//!   that its memory is given back before anything is sent;
//! - `cell.rs`: what one cell says; `corrections.rs`: the file again, with its faults.
//!
//! The first line is the header. Columns in any order, by their technical or French names: `site`, `article`, `packaging`
//! (optional), `quantity`, `reference` (optional), `needed_by` (optional), `commitment` (optional, of a census); those that a
//! prepared workbook shows beside them are passed over. A row without quantity asks for nothing.

mod archive;
mod cell;
pub mod corrections;
pub mod spool;
mod table;
mod text;
pub mod workbook;

use std::{io, path::Path};

pub use cell::NAME_AFTER;
use cell::{Explained, shown};
use proto::{
    common::v1::RowError,
    demand::v1::{self as pb, NeedInput},
};
use spool::Stored;
use table::TableReader;
use text::TextFile;

/// The columns, in the order of [`Column`].
const NAMES: [&str; 7] = ["site", "article", "packaging", "quantity", "reference", "needed_by", "commitment"];
const REQUIRED: [Column; 3] = [Column::Site, Column::Article, Column::Quantity];
/// Further names of the columns as [`plain`] writes them, in the order of [`Column`].
const ALSO: [&[&str]; 7] = [
    &["site de livraison", "finess", "point de livraison", "lieu de livraison"],
    &["code article", "code", "cip13", "cip", "gtin", "code produit"],
    &["conditionnement"],
    &["quantite", "qte", "quantite demandee"],
    &["votre reference", "reference de ligne", "votre code", "code interne"],
    &["date souhaitee", "date de livraison", "besoin pour le", "souhaite pour le"],
    &["engagement", "niveau d engagement"],
];
/// Columns that tell something and ask for nothing.
const PASSED_OVER: [&str; 11] = [
    "libelle",
    "designation",
    "libelle article",
    "conditionnements possibles",
    "derniere quantite demandee",
    "dernier prix paye",
    "prix du marche",
    "nom du site",
    "commentaire",
    "ligne",
    "erreurs",
];

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Site = 0,
    Article = 1,
    Packaging = 2,
    Quantity = 3,
    Reference = 4,
    NeededBy = 5,
    Commitment = 6,
}

impl Column {
    const fn name(self) -> &'static str {
        NAMES[self as usize]
    }
}

/// What a file is for.
#[derive(Debug, Clone)]
pub struct Destination {
    /// `rnd_…`.
    pub round_id: String,
    /// `pty_…` of the member.
    pub party_id: String,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text, cells between separators.
    Csv,
    /// An .xlsx workbook.
    Workbook,
}

/// A row below the header as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// From 1; blank rows count.
    pub number: i64,
    /// Its cells.
    pub cells: Vec<String>,
    /// Why it cannot be taken as a row.
    pub fault: Option<Explained>,
}

/// A file whose header makes sense.
#[derive(Debug)]
pub struct NeedsFile {
    destination: Destination,
    layout: Layout,
    rows: Source,
}

#[derive(Debug)]
enum Source {
    Csv(Stored),
    Table(Stored),
}

/// The rows of a file, from the first.
#[derive(Debug)]
pub enum Rows {
    /// Of a CSV file.
    Csv(TextFile),
    /// Of a workbook.
    Table(TableReader),
}

impl NeedsFile {
    /// Opens a file; a workbook is copied to a table in `dir`. Takes as long as reading it once.
    ///
    /// # Errors
    /// Within, every reason why its rows cannot be read.
    pub fn open(
        stored: Stored,
        format: Format,
        destination: &Destination,
        dir: &Path,
    ) -> io::Result<Result<Self, Vec<RowError>>> {
        let rows = match format {
            Format::Csv => Source::Csv(stored),
            Format::Workbook => {
                let table = spool::nameless(dir)?;
                if let Err(faults) = workbook::unpack(stored, table.try_clone()?, destination)? {
                    return Ok(Err(faults));
                }
                Source::Table(Stored::new(table.into()))
            }
        };
        let header = match &rows {
            Source::Csv(stored) => TextFile::open(stored.clone())?.map(|file| file.header().to_vec()),
            Source::Table(stored) => {
                Ok(TableReader::new(stored.clone()).next()?.map(|row| row.cells).unwrap_or_default())
            }
        };
        Ok(header.and_then(|header| layout(&header)).map(|layout| Self {
            destination: destination.clone(),
            layout,
            rows,
        }))
    }

    /// What its header says.
    #[must_use]
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Reads its rows from the first.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn rows(&self) -> io::Result<Rows> {
        match &self.rows {
            Source::Csv(stored) => {
                let file = TextFile::open(stored.clone())?;
                Ok(Rows::Csv(file.map_err(|_| io::Error::other("a file read before cannot be read again"))?))
            }
            Source::Table(stored) => {
                let mut table = TableReader::new(stored.clone());
                table.next()?;
                Ok(Rows::Table(table))
            }
        }
    }
}

impl Rows {
    /// The next row.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn next(&mut self) -> io::Result<Option<FileRow>> {
        match self {
            Self::Csv(file) => file.next(),
            Self::Table(table) => table.next(),
        }
    }
}

/// What the header says about the rows below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Place of each column of [`NAMES`].
    places: [Option<usize>; 7],
    /// Its cells as they stand in the file.
    header: Vec<String>,
}

impl Layout {
    /// The cells of the header.
    #[must_use]
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// Where the column of a fault stands, by its technical name.
    #[must_use]
    pub fn place(&self, column: &str) -> Option<usize> {
        let index = NAMES.iter().position(|name| *name == column)?;
        self.places[index]
    }

    /// The name that a column has in the file, for one that may have been told by its technical name.
    #[must_use]
    pub fn shown(&self, column: String) -> String {
        self.place(&column).and_then(|place| self.header.get(place)).map_or(column, |name| name.trim().to_owned())
    }
}

/// A row read.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    /// It asks for nothing: blank, or without a quantity.
    Skipped,
    /// It asks for something.
    Asked {
        /// What can be sent on: also rows with a fault in a cell that has a stand-in, so that their other cells are checked
        /// too.
        need: Option<NeedInput>,
        /// What is wrong with it, by technical column.
        faults: Vec<RowError>,
    },
}

/// Reads the header.
fn layout(header: &[String]) -> Result<Layout, Vec<RowError>> {
    if header.iter().all(|cell| cell.trim().is_empty()) {
        let remedy = format!("Commencez par une ligne avec les colonnes {}.", NAMES.join(", "));
        return Err(vec![fault(0, "", "", ("Le fichier n'a pas de ligne d'en-tête.".into(), remedy))]);
    }
    let mut layout = Layout { places: [None; 7], header: header.to_vec() };
    let mut faults = Vec::new();
    for (place, cell) in header.iter().enumerate() {
        let name = plain(cell);
        if name.is_empty() || PASSED_OVER.contains(&name.as_str()) {
            continue;
        }
        let known = |index: &usize| NAMES[*index].replace('_', " ") == name || ALSO[*index].contains(&name.as_str());
        match (0..NAMES.len()).find(known) {
            Some(index) if layout.places[index].is_none() => layout.places[index] = Some(place),
            Some(_) => {
                let problem = format!("La colonne « {} » est présente deux fois.", shown(cell.trim()));
                faults.push(fault(0, cell.trim(), cell, (problem, "Gardez-en une seule.".into())));
            }
            None => {
                let problem = format!("La colonne « {} » est inconnue.", shown(cell));
                let remedy = format!("Colonnes admises : {}. Supprimez ou renommez celle-ci.", NAMES.join(", "));
                faults.push(fault(0, cell.trim(), cell, (problem, remedy)));
            }
        }
    }
    for column in REQUIRED {
        if layout.places[column as usize].is_none() {
            let problem = format!("La colonne « {} » manque.", column.name());
            let remedy =
                "Ajoutez-la à la ligne d'en-tête ; le séparateur est la virgule, le point-virgule ou la tabulation.";
            faults.push(fault(0, column.name(), "", (problem, remedy.into())));
        }
    }
    if faults.is_empty() { Ok(layout) } else { Err(faults) }
}

/// A header in small letters without accents, without what stands in brackets, words one space apart.
fn plain(cell: &str) -> String {
    let outside = cell.split('(').next().unwrap_or_default();
    let letters = outside.chars().flat_map(char::to_lowercase).map(|letter| match letter {
        'à' | 'â' | 'ä' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'î' | 'ï' => 'i',
        'ô' | 'ö' => 'o',
        'ù' | 'û' | 'ü' => 'u',
        'ç' => 'c',
        letter if letter.is_alphanumeric() => letter,
        _ => ' ',
    });
    letters.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Reads a row below the header.
#[must_use]
pub fn row(layout: &Layout, row: &FileRow) -> Row {
    if let Some(why) = &row.fault {
        let told = fault(row.number, "", &row.cells.join(" "), why.clone());
        return Row::Asked { need: None, faults: vec![told] };
    }
    let cell = |place: usize| row.cells.get(place).map_or("", |cell| cell.trim());
    let quantity = layout.places[Column::Quantity as usize].map_or("", cell);
    let stray = row.cells.iter().enumerate().find(|(place, text)| {
        !text.trim().is_empty() && layout.header.get(*place).is_none_or(|name| name.trim().is_empty())
    });
    if let Some((_, text)) = stray {
        let problem = format!("« {} » se trouve hors des colonnes de l'en-tête.", shown(text.trim()));
        let told =
            fault(row.number, "", text, (problem, "Effacez cette cellule, ou donnez un nom à sa colonne.".into()));
        return Row::Asked { need: None, faults: vec![told] };
    }
    if quantity.is_empty() { Row::Skipped } else { typed(layout, row) }
}

fn typed(layout: &Layout, row: &FileRow) -> Row {
    let cell = |column: Column| {
        layout.places[column as usize].and_then(|place| row.cells.get(place)).map_or("", |cell| cell.trim())
    };
    let mut faults = Vec::new();
    let mut checked = |column: Column, read: Result<String, Explained>| {
        read.map_err(|why| faults.push(fault(row.number, column.name(), cell(column), why))).ok()
    };
    // A row whose site or article cannot be asked for is not sent on; other faulty cells get a stand-in.
    let site = checked(Column::Site, cell::site(cell(Column::Site)));
    let article = checked(Column::Article, cell::article(cell(Column::Article)));
    let quantity = cell::quantity(cell(Column::Quantity)).map(|quantity| quantity.unwrap_or(1).to_string());
    let quantity = checked(Column::Quantity, quantity).and_then(|text| text.parse().ok()).unwrap_or(1);
    let reference = checked(Column::Reference, cell::reference(cell(Column::Reference))).unwrap_or_default();
    let needed_by = checked(Column::NeededBy, cell::date(cell(Column::NeededBy))).unwrap_or_default();
    let commitment = checked(Column::Commitment, cell::commitment(cell(Column::Commitment)).map(str::to_owned));
    let commitment = commitment.and_then(|name| pb::Commitment::from_str_name(&name)).unwrap_or_default().into();
    let packaging_code = cell(Column::Packaging).to_owned();
    let need = site.zip(article).map(|(site, article)| NeedInput {
        site,
        article,
        packaging_code,
        quantity,
        reference,
        needed_by,
        commitment,
    });
    Row::Asked { need, faults }
}

/// A file that asks for nothing.
#[must_use]
pub fn no_rows() -> RowError {
    let remedy = "Indiquez une quantité sur au moins une ligne sous l'en-tête.";
    fault(0, "", "", ("Le fichier ne contient aucun besoin.".into(), remedy.into()))
}

fn fault(row: i64, column: &str, value: &str, (problem, remedy): Explained) -> RowError {
    RowError { row, column: shown(column), value: shown(value), problem, remedy }
}

#[cfg(test)]
mod tests;
