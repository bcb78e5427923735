//! Reads CSV files with every fault by file, line and column.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    str::FromStr,
};

/// Everything found wrong, in order.
#[derive(Debug, Default)]
pub struct Faults(pub Vec<String>);

/// One file.
#[derive(Debug)]
pub struct Table {
    /// File name.
    pub file: &'static str,
    /// Whether it was there with all its columns: otherwise every line, and every reference to it, would be at fault.
    pub usable: bool,
    columns: HashMap<String, usize>,
    rows: Vec<(u64, Vec<String>)>,
}

/// One line of a file.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    table: &'a Table,
    line: u64,
    cells: &'a [String],
}

impl Table {
    /// Reads a file with these columns; `optional` ones may be missing.
    #[must_use]
    pub fn read(dir: &Path, file: &'static str, needed: &[&str], faults: &mut Faults) -> Self {
        let mut table = Self { file, usable: false, columns: HashMap::new(), rows: Vec::new() };
        // Lines end as Unix or as Windows has it; counted as a spreadsheet counts them.
        let text = match std::fs::read(dir.join(file)).map(String::from_utf8) {
            Ok(Ok(text)) => text.replace("\r\n", "\n"),
            Ok(Err(_)) => {
                faults.0.push(format!("{file} : fichier illisible ; il doit être en UTF-8"));
                return table;
            }
            Err(error) => {
                faults
                    .0
                    .push(format!("{file} : fichier illisible ({error}) ; il doit être dans le dossier de données"));
                return table;
            }
        };
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        match reader.headers() {
            Ok(headers) => {
                for (index, name) in headers.iter().enumerate() {
                    table.columns.insert(name.trim_start_matches('\u{feff}').trim().to_owned(), index);
                }
            }
            Err(error) => faults.0.push(format!("{file}, ligne 1 : {error}")),
        }
        let missing: Vec<&&str> = needed.iter().filter(|name| !table.columns.contains_key(**name)).collect();
        if !missing.is_empty() {
            let names = missing.iter().map(|name| format!("« {name} »")).collect::<Vec<_>>().join(", ");
            let hint = if text.lines().next().is_some_and(|line| line.contains(';')) {
                " ; séparez les cellules par des virgules"
            } else {
                ""
            };
            faults.0.push(format!("{file}, ligne 1 : colonnes manquantes : {names}{hint}"));
            return table;
        }
        table.usable = true;
        let width = table.columns.len();
        for record in reader.records() {
            match record {
                Ok(record) => {
                    let line = record.position().map_or(0, csv::Position::line);
                    if record.len() == width {
                        table.rows.push((line, record.iter().map(|cell| cell.trim().to_owned()).collect()));
                    } else {
                        faults.0.push(format!("{file}, ligne {line} : {} cellules au lieu de {width}", record.len()));
                    }
                }
                Err(error) => faults.0.push(format!("{file} : {error}")),
            }
        }
        table
    }

    /// A file that need not be there.
    #[must_use]
    pub fn none(file: &'static str) -> Self {
        Self { file, usable: true, columns: HashMap::new(), rows: Vec::new() }
    }

    /// The lines.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|(line, cells)| Row { table: self, line: *line, cells })
    }

    /// The values of a key column; says which are doubled.
    pub fn keys(&self, column: &str, faults: &mut Faults) -> HashSet<String> {
        let mut keys = HashSet::new();
        for row in self.rows() {
            let key = row.text(column);
            if key.is_empty() {
                row.fault(column, "valeur manquante", faults);
            } else if !keys.insert(key.to_owned()) {
                row.fault(column, "déjà utilisé plus haut ; il doit être unique", faults);
            }
        }
        keys
    }
}

impl<'a> Row<'a> {
    /// A cell; empty when the column is missing.
    #[must_use]
    pub fn text(&self, column: &str) -> &'a str {
        self.table.columns.get(column).and_then(|&index| self.cells.get(index)).map_or("", String::as_str)
    }

    /// Says that a cell is wrong.
    pub fn fault(&self, column: &str, what: &str, faults: &mut Faults) {
        faults.0.push(format!(
            "{}, ligne {}, colonne « {column} », valeur « {} » : {what}",
            self.table.file,
            self.line,
            self.text(column)
        ));
    }

    /// A cell that must parse.
    pub fn parsed<T: FromStr + Default>(&self, column: &str, what: &str, faults: &mut Faults) -> T {
        self.text(column).parse().unwrap_or_else(|_| {
            self.fault(column, what, faults);
            T::default()
        })
    }

    /// A whole number.
    pub fn whole(&self, column: &str, faults: &mut Faults) -> i64 {
        self.parsed(column, "nombre entier attendu", faults)
    }

    /// `true` or `false`.
    pub fn flag(&self, column: &str, faults: &mut Faults) -> bool {
        self.parsed(column, "true ou false attendu", faults)
    }

    /// A date; empty is allowed when `optional`.
    pub fn date(&self, column: &str, optional: bool, faults: &mut Faults) -> &'a str {
        let text = self.text(column);
        if !(optional && text.is_empty()) && text.parse::<chrono::NaiveDate>().is_err() {
            self.fault(column, "date attendue, sous la forme 2026-12-31", faults);
        }
        text
    }

    /// A key of another file; empty is allowed when `optional`.
    pub fn refers(
        &self,
        column: &str,
        keys: &HashSet<String>,
        file: &str,
        optional: bool,
        faults: &mut Faults,
    ) -> &'a str {
        let text = self.text(column);
        let left_out = optional && text.is_empty();
        if !left_out && !keys.contains(text) {
            self.fault(column, &format!("absent de {file}"), faults);
        }
        text
    }
}
