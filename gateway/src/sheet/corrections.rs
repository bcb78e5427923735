//! A refused file, given back as a workbook: the same rows with a column that says what is wrong, faulty cells coloured, and
//! the faulty rows again on a sheet of their own. Mended, it can be sent as it is, for the same round and member.

use std::{collections::HashMap, fs::File, io, path::Path};

use proto::common::v1::RowError;
use rust_xlsxwriter::{Color, Format, Workbook, Worksheet, XlsxError};

use super::{FileRow, SheetFile, cell, spool::nameless, workbook::put_origin};

/// The sheet of the faulty rows.
pub const FAULTY_SHEET: &str = "Lignes en erreur";
/// The column that says what is wrong.
pub const FAULTS: &str = "Erreurs";
/// Most rows given back; of a longer file only the faulty ones.
const ROWS: i64 = 100_000;
/// What a spreadsheet takes in one cell, in characters.
const CELL: usize = 32_000;

/// Writes the workbook; memory does not grow with the file.
///
/// # Errors
/// When the disk fails.
pub fn write(file: &SheetFile, faults: &[RowError], fault_count: i64, dir: &Path) -> io::Result<File> {
    let out = nameless(dir)?;
    build(file, faults, fault_count, dir, &out).map_err(|error| match error {
        XlsxError::IoError(error) => error,
        error => io::Error::other(error.to_string()),
    })?;
    Ok(out)
}

fn build(file: &SheetFile, faults: &[RowError], fault_count: i64, dir: &Path, out: &File) -> Result<(), XlsxError> {
    let formats = Formats::new();
    let mut by_row: HashMap<i64, Vec<&RowError>> = HashMap::new();
    for fault in faults {
        by_row.entry(fault.row).or_default().push(fault);
    }
    let mut workbook = Workbook::new();
    workbook.set_tempdir(dir)?;
    let mut all = workbook.new_worksheet_with_constant_memory()?;
    let mut faulty = workbook.new_worksheet_with_constant_memory()?;
    let header = header(file);
    let told = by_row.get(&0).map(|faults| explained(faults)).unwrap_or_default();
    start(&mut all, file.layout().schema().sheet, &header, &formats)?;
    start(&mut faulty, FAULTY_SHEET, &[vec!["Ligne".to_owned()], header.clone()].concat(), &formats)?;
    let mut next = 1;
    if !told.is_empty() || i64::try_from(faults.len()).is_ok_and(|told| told < fault_count) {
        let note = format!("{fault_count} erreur(s) en tout, dont {} indiquées ici. {told}", faults.len());
        faulty.write_string_with_format(next, 0, note.trim(), &formats.fault)?;
        next += 1;
    }
    let mut rows = file.rows()?;
    while let Some(row) = rows.next()? {
        let faults = by_row.get(&row.number).map_or(&[][..], Vec::as_slice);
        if let Ok(place) = u32::try_from(row.number)
            && row.number <= ROWS
        {
            put(&mut all, place, 0, &row, file, faults, &formats)?;
        }
        if !faults.is_empty() && next < 1_000_000 {
            faulty.write_number(next, 0, f64::from(u32::try_from(row.number + 1).unwrap_or(u32::MAX)))?;
            put(&mut faulty, next, 1, &row, file, faults, &formats)?;
            next += 1;
        }
    }
    workbook.push_worksheet(all);
    workbook.push_worksheet(faulty);
    put_origin(workbook.add_worksheet(), &file.origin)?;
    workbook.save_to_writer(out.try_clone()?)
}

/// The header of the file with the column of faults at its end; in place of one that it had already.
fn header(file: &SheetFile) -> Vec<String> {
    let own = file.layout().header();
    let end = fault_column(own);
    let mut header = own.to_vec();
    header.truncate(end);
    header.push(FAULTS.to_owned());
    header
}

/// Where the faults go: over those of an earlier answer, or behind the last column.
fn fault_column(header: &[String]) -> usize {
    let earlier = header.last().is_some_and(|name| super::plain(name) == "erreurs");
    header.len() - usize::from(earlier)
}

struct Formats {
    header: Format,
    text: Format,
    faulty: Format,
    fault: Format,
}

impl Formats {
    fn new() -> Self {
        Self {
            header: Format::new().set_bold().set_background_color(Color::RGB(0xD9_E2_F3)).set_text_wrap(),
            // Text, so that no code is taken for a number when the workbook is opened.
            text: Format::new().set_num_format("@"),
            faulty: Format::new().set_num_format("@").set_background_color(Color::RGB(0xFF_C7_CE)),
            fault: Format::new().set_font_color(Color::RGB(0x9C_00_06)),
        }
    }
}

fn start(sheet: &mut Worksheet, name: &str, header: &[String], formats: &Formats) -> Result<(), XlsxError> {
    sheet.set_name(name)?.set_freeze_panes(1, 0)?;
    for (place, title) in (0_u16..).zip(header) {
        sheet.set_column_width(place, if title == FAULTS { 80 } else { 18 })?;
        sheet.write_string_with_format(0, place, cut(title), &formats.header)?;
    }
    Ok(())
}

/// Writes a row with its faults, `shift` columns to the right.
fn put(
    sheet: &mut Worksheet,
    place: u32,
    shift: u16,
    row: &FileRow,
    file: &SheetFile,
    faults: &[&RowError],
    formats: &Formats,
) -> Result<(), XlsxError> {
    let layout = file.layout();
    let end = fault_column(layout.header());
    let wrong: Vec<Option<usize>> = faults.iter().map(|fault| layout.place(&fault.column)).collect();
    let quantity = layout.place(layout.schema().counted);
    for (index, column) in (0..end).zip(shift..) {
        let text = row.cells.get(index).map_or("", String::as_str);
        // A fault of the whole row colours all of it.
        let is_wrong = wrong.iter().any(|place| place.is_none_or(|place| place == index));
        let number = cell::quantity(text.trim()).ok().flatten().and_then(|number| i32::try_from(number).ok());
        match (is_wrong, number.filter(|_| Some(index) == quantity)) {
            (true, _) => sheet.write_string_with_format(place, column, cut(text), &formats.faulty)?,
            (false, Some(number)) => sheet.write_number(place, column, f64::from(number))?,
            (false, None) if text.is_empty() => continue,
            (false, None) => sheet.write_string_with_format(place, column, cut(text), &formats.text)?,
        };
    }
    if !faults.is_empty() {
        let column = shift.saturating_add(u16::try_from(end).unwrap_or(u16::MAX));
        sheet.write_string_with_format(place, column, cut(&explained(faults)), &formats.fault)?;
    }
    Ok(())
}

/// All faults of a row in words.
fn explained(faults: &[&RowError]) -> String {
    let sentences: Vec<String> = faults.iter().map(|fault| format!("{} {}", fault.problem, fault.remedy)).collect();
    sentences.join(" | ")
}

fn cut(text: &str) -> String {
    text.chars().take(CELL).collect()
}
