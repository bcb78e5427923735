//! The rows of a workbook, as text: whole numbers in full, dates as `2026-01-31`, so that codes are what they were typed as.
//! Sheets are streamed cell by cell; only the strings that cells share are in memory, bounded by [`super::archive`].

use std::{
    collections::HashMap,
    fs::File,
    io,
    panic::{self, AssertUnwindSafe},
};

use calamine::{CellErrorType, DataRef, ExcelDateTime, Reader as _, SheetVisible, Xlsx, XlsxError};
use proto::common::v1::RowError;
use rust_xlsxwriter::Worksheet;

use super::{Explained, Origin, Schema, archive, fault, spool::Stored, table::TableWriter};

/// Most rows of a workbook below its header.
pub const ROW_LIMIT: usize = 100_000;
/// Most columns; a cell further to the right is read as one of the last, where it has no header and is a fault.
const COLUMNS: u32 = 256;
/// Rows among which the header is looked for.
const HEADER_WITHIN: u32 = 20;
/// The hidden sheet that says what a prepared workbook is for.
pub const HIDDEN_SHEET: &str = "centrale";
/// The format of prepared workbooks.
const FORMAT: &str = "1";

/// Reads a workbook into a table whose first row is the header, row 0.
///
/// # Errors
/// Within, why it cannot be read, or is not for this round and member.
pub fn unpack(stored: Stored, to: File, schema: &Schema, origin: &Origin) -> io::Result<Result<(), Vec<RowError>>> {
    let about_file = |why: Explained| vec![fault(0, "", "", why)];
    if let Err(why) = archive::check(stored.clone())? {
        return Ok(Err(about_file(why)));
    }
    let mut writer = TableWriter::new(to);
    // calamine computes with what a forged sheet says of its rows, and panics when it overflows.
    let read = panic::catch_unwind(AssertUnwindSafe(|| {
        Xlsx::new(stored).and_then(|mut workbook| read(&mut workbook, &mut writer, schema, origin))
    }));
    match read.unwrap_or(Err(XlsxError::Unexpected("a panic"))) {
        Ok(Ok(())) => writer.finish().map(Ok),
        Ok(Err(why)) => Ok(Err(about_file(why))),
        // What came from our own table is a full disk.
        Err(XlsxError::Io(error)) if error.kind() == io::ErrorKind::StorageFull => Err(error),
        Err(error) => {
            tracing::info!(%error, "a workbook that cannot be read");
            Ok(Err(about_file(archive::damaged())))
        }
    }
}

fn read(
    workbook: &mut Xlsx<Stored>,
    to: &mut TableWriter,
    schema: &Schema,
    origin: &Origin,
) -> Result<Result<(), Explained>, XlsxError> {
    let sheets: Vec<(String, bool)> = workbook
        .sheets_metadata()
        .iter()
        .map(|sheet| (sheet.name.clone(), sheet.visible == SheetVisible::Visible))
        .collect();
    if sheets.iter().any(|(name, _)| name == HIDDEN_SHEET)
        && let Err(why) = check_origin(&said(workbook)?, origin)
    {
        return Ok(Err(why));
    }
    let named = sheets.iter().find(|(name, _)| name == schema.sheet);
    let Some((sheet, _)) = named.or_else(|| sheets.iter().find(|(_, visible)| *visible)) else {
        return Ok(Err(("Le classeur n'a pas de feuille visible.".into(), "Affichez la feuille à lire.".into())));
    };
    copy(workbook, &sheet.clone(), to)
}

/// Copies the rows that have something in them, the first as the header.
fn copy(workbook: &mut Xlsx<Stored>, sheet: &str, to: &mut TableWriter) -> Result<Result<(), Explained>, XlsxError> {
    let mut cells = workbook.worksheet_cells_reader(sheet)?;
    let mut row = Row::default();
    let mut header = None;
    loop {
        let cell = cells.next_cell()?;
        let at = cell.as_ref().map(|cell| cell.get_position());
        if at.is_none_or(|(number, _)| number != row.number) && !row.is_blank() {
            let first = *header.get_or_insert(row.number);
            if row.number < first {
                return Ok(Err(archive::damaged()));
            }
            if first > HEADER_WITHIN {
                break;
            }
            if to.rows() > ROW_LIMIT {
                return Ok(Err((
                    format!("La feuille a plus de {ROW_LIMIT} lignes."),
                    "Envoyez-les en plusieurs classeurs, ou au format CSV.".into(),
                )));
            }
            to.push(i64::from(row.number - first), &row.cells)?;
        }
        let (Some(cell), Some((number, column))) = (cell, at) else { break };
        if number != row.number {
            row = Row { number, cells: Vec::new() };
        }
        row.put(column, text(cell.get_value()));
    }
    Ok(Ok(()))
}

#[derive(Default)]
struct Row {
    number: u32,
    cells: Vec<String>,
}

impl Row {
    fn is_blank(&self) -> bool {
        self.cells.iter().all(|cell| cell.trim().is_empty())
    }

    fn put(&mut self, column: u32, text: String) {
        if text.is_empty() {
            return;
        }
        let place = column.min(COLUMNS - 1) as usize;
        if self.cells.len() <= place {
            self.cells.resize(place + 1, String::new());
        }
        self.cells[place] = text;
    }
}

/// What the hidden sheet of a prepared workbook says, by its first column.
fn said(workbook: &mut Xlsx<Stored>) -> Result<HashMap<String, String>, XlsxError> {
    let mut cells = workbook.worksheet_cells_reader(HIDDEN_SHEET)?;
    let mut said = HashMap::new();
    let mut key = (u32::MAX, String::new());
    while let Some(cell) = cells.next_cell()? {
        match cell.get_position() {
            (row, _) if row > 10 => break,
            (row, 0) => key = (row, text(cell.get_value())),
            (row, 1) if row == key.0 => drop(said.insert(std::mem::take(&mut key.1), text(cell.get_value()))),
            _ => {}
        }
    }
    Ok(said)
}

/// Writes the hidden sheet that says what a workbook is for.
///
/// # Errors
/// When the disk fails.
pub fn put_origin(sheet: &mut Worksheet, origin: &Origin) -> Result<(), rust_xlsxwriter::XlsxError> {
    sheet.set_name(HIDDEN_SHEET)?;
    sheet.write_string(0, 0, "format")?.write_string(0, 1, FORMAT)?;
    for (row, (key, value, _)) in (1_u32..).zip(origin) {
        sheet.write_string(row, 0, *key)?.write_string(row, 1, value)?;
    }
    sheet.set_hidden(true).protect();
    Ok(())
}

/// Refuses a workbook that was prepared for something else.
fn check_origin(said: &HashMap<String, String>, origin: &Origin) -> Result<(), Explained> {
    let differs = |key: &str, ours: &str| said.get(key).is_some_and(|theirs| theirs != ours);
    let remedy = "Téléchargez le classeur préparé et reportez-y vos lignes.";
    if differs("format", FORMAT) {
        return Err(("Ce classeur a un format que cette version ne connaît pas.".into(), remedy.into()));
    }
    match origin.iter().find(|(key, value, _)| differs(key, value)) {
        Some((_, _, problem)) => Err(((*problem).into(), remedy.into())),
        None => Ok(()),
    }
}

/// What a cell says.
fn text(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Int(number) => number.to_string(),
        // All digits of the number, never an exponent; a whole one without decimals.
        DataRef::Float(number) => number.to_string(),
        DataRef::String(text) => visible(text),
        DataRef::SharedString(text) => visible(text),
        DataRef::Bool(true) => "VRAI".into(),
        DataRef::Bool(false) => "FAUX".into(),
        DataRef::DateTime(moment) => date(moment),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::Error(error) => failed(error).into(),
        DataRef::Empty => String::new(),
    }
}

/// A cell on one line.
fn visible(text: &str) -> String {
    text.trim().replace(['\r', '\n'], " ")
}

fn date(moment: &ExcelDateTime) -> String {
    // Days up to the year 9999; anything else is no date.
    if !(0.0..2_958_466.0).contains(&moment.as_f64()) {
        return moment.as_f64().to_string();
    }
    let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
    if moment.is_duration() {
        return format!("{hour}:{minute:02}:{second:02}");
    }
    let day = format!("{year:04}-{month:02}-{day:02}");
    if (hour, minute, second) == (0, 0, 0) { day } else { format!("{day} {hour:02}:{minute:02}:{second:02}") }
}

const fn failed(error: &CellErrorType) -> &'static str {
    match error {
        CellErrorType::Div0 => "#DIV/0!",
        CellErrorType::NA => "#N/A",
        CellErrorType::Name => "#NOM?",
        CellErrorType::Null => "#NUL!",
        CellErrorType::Num => "#NOMBRE!",
        CellErrorType::Ref => "#REF!",
        CellErrorType::Value => "#VALEUR!",
        CellErrorType::GettingData => "#GETTING_DATA",
    }
}
