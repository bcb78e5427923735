//! Files of rows as people's spreadsheets have them, from bytes to cells. Every fault is told by row and column, with its remedy;
//! nothing is guessed. What the columns mean is their reader's business: a [`Schema`] names them.
//!
//! - `spool.rs`: the upload on disk, without a name;
//! - `text.rs`: CSV, UTF-8 or Windows-1252, cells between `;`, `,` or tabs, streamed line by line;
//! - `archive.rs`, `workbook.rs`, `table.rs`: a workbook is checked for what it unpacks to, then copied to disk as text, so
//!   that its memory is given back before anything is sent;
//! - `cell.rs`: what one cell says; `corrections.rs`: the file again, with its faults.
//!
//! The first line is the header; its columns stand in any order, by their technical or French names.

mod archive;
pub mod cell;
pub mod corrections;
pub mod spool;
mod table;
mod text;
pub mod workbook;

use std::{io, path::Path};

use cell::{Explained, shown};
use proto::common::v1::RowError;
use spool::Stored;
use table::TableReader;
use text::TextFile;

/// A column that a kind of file has.
#[derive(Debug, PartialEq, Eq)]
pub struct Column {
    /// Its technical name.
    pub name: &'static str,
    /// Further names as [`plain`] writes them.
    pub also: &'static [&'static str],
    /// Whether a file without it is refused.
    pub required: bool,
}

/// What a kind of file consists of.
#[derive(Debug, PartialEq, Eq)]
pub struct Schema {
    /// The sheet of a workbook that holds the rows, when it has one of this name.
    pub sheet: &'static str,
    /// The columns that are read.
    pub columns: &'static [Column],
    /// Columns that tell something to people and are not read.
    pub passed_over: &'static [&'static str],
    /// A column of whole numbers, given back as numbers.
    pub counted: &'static str,
}

/// What a workbook was prepared for, as its hidden sheet says: key, value, and what is said when it is another.
pub type Origin = Vec<(&'static str, String, &'static str)>;

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
pub struct SheetFile {
    origin: Origin,
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

impl SheetFile {
    /// Opens a file; a workbook is copied to a table in `dir`. Takes as long as reading it once.
    ///
    /// # Errors
    /// Within, every reason why its rows cannot be read.
    pub fn open(
        stored: Stored,
        format: Format,
        schema: &'static Schema,
        origin: Origin,
        dir: &Path,
    ) -> io::Result<Result<Self, Vec<RowError>>> {
        let rows = match format {
            Format::Csv => Source::Csv(stored),
            Format::Workbook => {
                let table = spool::nameless(dir)?;
                if let Err(faults) = workbook::unpack(stored, table.try_clone()?, schema, &origin)? {
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
        Ok(header.and_then(|header| layout(schema, &header)).map(|layout| Self { origin, layout, rows }))
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
    schema: &'static Schema,
    /// Place of each of its columns.
    places: Vec<Option<usize>>,
    /// Its cells as they stand in the file.
    header: Vec<String>,
}

impl Layout {
    /// The cells of the header.
    #[must_use]
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// What the file consists of.
    #[must_use]
    pub const fn schema(&self) -> &'static Schema {
        self.schema
    }

    /// Where a column stands, by its technical name.
    #[must_use]
    pub fn place(&self, column: &str) -> Option<usize> {
        let index = self.schema.columns.iter().position(|known| known.name == column)?;
        self.places[index]
    }

    /// The name that a column has in the file, for one that may have been told by its technical name.
    #[must_use]
    pub fn shown(&self, column: String) -> String {
        self.place(&column).and_then(|place| self.header.get(place)).map_or(column, |name| name.trim().to_owned())
    }

    /// What stands in a row in a column of the schema.
    #[must_use]
    pub fn cell<'a>(&self, row: &'a FileRow, column: usize) -> &'a str {
        self.places[column].and_then(|place| row.cells.get(place)).map_or("", |cell| cell.trim())
    }

    /// Why a row cannot be read at all: it is no row, or something stands outside the columns.
    #[must_use]
    pub fn unreadable(&self, row: &FileRow) -> Option<RowError> {
        if let Some(why) = &row.fault {
            return Some(fault(row.number, "", &row.cells.join(" "), why.clone()));
        }
        let nameless = |place: usize| self.header.get(place).is_none_or(|name| name.trim().is_empty());
        let stray = row.cells.iter().enumerate().find(|(place, text)| !text.trim().is_empty() && nameless(*place));
        stray.map(|(_, text)| {
            let problem = format!("« {} » se trouve hors des colonnes de l'en-tête.", shown(text.trim()));
            let remedy = "Effacez cette cellule, ou donnez un nom à sa colonne.";
            fault(row.number, "", text, (problem, remedy.into()))
        })
    }
}

/// Reads the header.
fn layout(schema: &'static Schema, header: &[String]) -> Result<Layout, Vec<RowError>> {
    let names = || schema.columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
    if header.iter().all(|cell| cell.trim().is_empty()) {
        let remedy = format!("Commencez par une ligne avec les colonnes {}.", names());
        return Err(vec![fault(0, "", "", ("Le fichier n'a pas de ligne d'en-tête.".into(), remedy))]);
    }
    let mut layout = Layout { schema, places: vec![None; schema.columns.len()], header: header.to_vec() };
    let mut faults = Vec::new();
    for (place, cell) in header.iter().enumerate() {
        let name = plain(cell);
        if name.is_empty() || schema.passed_over.contains(&name.as_str()) {
            continue;
        }
        let known = |column: &Column| column.name.replace('_', " ") == name || column.also.contains(&name.as_str());
        match schema.columns.iter().position(known) {
            Some(index) if layout.places[index].is_none() => layout.places[index] = Some(place),
            Some(_) => {
                let problem = format!("La colonne « {} » est présente deux fois.", shown(cell.trim()));
                faults.push(fault(0, cell.trim(), cell, (problem, "Gardez-en une seule.".into())));
            }
            None => {
                let problem = format!("La colonne « {} » est inconnue.", shown(cell));
                let remedy = format!("Colonnes admises : {}. Supprimez ou renommez celle-ci.", names());
                faults.push(fault(0, cell.trim(), cell, (problem, remedy)));
            }
        }
    }
    for (column, place) in schema.columns.iter().zip(&layout.places) {
        if column.required && place.is_none() {
            let problem = format!("La colonne « {} » manque.", column.name);
            let remedy =
                "Ajoutez-la à la ligne d'en-tête ; le séparateur est la virgule, le point-virgule ou la tabulation.";
            faults.push(fault(0, column.name, "", (problem, remedy.into())));
        }
    }
    if faults.is_empty() { Ok(layout) } else { Err(faults) }
}

/// A header in small letters without accents, without what stands in brackets, words one space apart.
pub fn plain(cell: &str) -> String {
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

/// A fault of a cell.
#[must_use]
pub fn fault(row: i64, column: &str, value: &str, (problem, remedy): Explained) -> RowError {
    RowError { row, column: shown(column), value: shown(value), problem, remedy }
}
