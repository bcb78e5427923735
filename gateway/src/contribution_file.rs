//! What members contribute as a file: CSV for a program, a workbook for people. One row for each line, with how it was computed.

use kit::Failure;
use proto::membership::v1::ContributionLine;
use rust_xlsxwriter::{Color, Format, FormatAlign, FormatBorder, Workbook, XlsxError};
use serde::Deserialize;
use utoipa::ToSchema;

/// The form of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// UTF-8 with byte order mark, `;` between cells, decimal comma.
    #[default]
    Csv,
    /// Workbook.
    Xlsx,
}

impl Form {
    /// Media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }

    /// Of its name.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }
}

/// A column: its technical title, its title for people, its width in characters.
const COLUMNS: [(&str, &str, f64); 10] = [
    ("facture", "Facture", 16.0),
    ("emise_le", "Émise le", 12.0),
    ("membre", "Membre", 40.0),
    ("de", "De", 10.0),
    ("a", "À", 10.0),
    ("regle", "Règle", 16.0),
    ("libelle", "Libellé", 34.0),
    ("montant_ht_eur", "Montant (€ HT)", 14.0),
    ("calcul", "Calcul", 80.0),
    ("source", "Source", 40.0),
];
/// Which of them is the amount.
const AMOUNT: usize = 7;

/// A line of what a member owes.
#[derive(Debug)]
pub struct Row {
    texts: [String; 10],
    amount_cents: i64,
}

impl Row {
    /// Of a line; number and day of the invoice are empty for what is not invoiced.
    #[must_use]
    pub fn new(number: &str, member: &str, (from, to): (&str, &str), issued_on: &str, line: ContributionLine) -> Self {
        let reason = line.reason.unwrap_or_default();
        let texts = [
            number.to_owned(),
            issued_on.to_owned(),
            member.to_owned(),
            from.to_owned(),
            to.to_owned(),
            line.rule_key,
            line.label,
            euros(line.amount_cents),
            reason.text,
            reason.source,
        ];
        Self { texts, amount_cents: line.amount_cents }
    }
}

/// Writes the file.
///
/// # Errors
/// When there is no memory for it.
pub fn write(rows: &[Row], form: Form) -> Result<Vec<u8>, Failure> {
    match form {
        Form::Csv => csv(rows),
        Form::Xlsx => workbook(rows).map_err(Failure::internal),
    }
}

fn csv(rows: &[Row]) -> Result<Vec<u8>, Failure> {
    let mut writer = csv::WriterBuilder::new()
        .delimiter(b';')
        .terminator(csv::Terminator::CRLF)
        .from_writer(b"\xef\xbb\xbf".to_vec());
    writer.write_record(COLUMNS.map(|column| column.0)).map_err(Failure::internal)?;
    for row in rows {
        let cell = |(column, text): (usize, &String)| if column == AMOUNT { text.clone() } else { harmless(text) };
        writer.write_record(row.texts.iter().enumerate().map(cell)).map_err(Failure::internal)?;
    }
    writer.into_inner().map_err(Failure::internal)
}

fn workbook(rows: &[Row]) -> Result<Vec<u8>, XlsxError> {
    let header = Format::new()
        .set_bold()
        .set_text_wrap()
        .set_align(FormatAlign::VerticalCenter)
        .set_background_color(Color::RGB(0xD9_E2_F3))
        .set_border(FormatBorder::Thin);
    let text = Format::new().set_num_format("@").set_text_wrap().set_align(FormatAlign::Top);
    let amount = Format::new().set_num_format("#,##0.00").set_align(FormatAlign::Top);
    let sum = Format::new().set_num_format("#,##0.00").set_bold();
    let bold = Format::new().set_bold();
    let mut workbook = Workbook::new();
    let page = workbook.add_worksheet();
    page.set_name("Contributions")?.set_freeze_panes(1, 0)?.set_repeat_rows(0, 0)?.set_landscape();
    for (column, (_, title, width)) in (0_u16..).zip(COLUMNS) {
        page.set_column_width(column, width)?;
        page.write_string_with_format(0, column, title, &header)?;
    }
    let mut at = 1;
    for row in rows {
        for (column, cell) in (0_u16..).zip(&row.texts) {
            if usize::from(column) == AMOUNT {
                page.write_number_with_format(at, column, in_euros(row.amount_cents), &amount)?;
            } else {
                page.write_string_with_format(at, column, cell, &text)?;
            }
        }
        at += 1;
    }
    let total: i64 = rows.iter().map(|row| row.amount_cents).sum();
    page.write_string_with_format(at, 6, "Total", &bold)?;
    page.write_number_with_format(at, 7, in_euros(total), &sum)?;
    workbook.save_to_buffer()
}

/// A text cell that no spreadsheet takes for a formula.
fn harmless(value: &str) -> String {
    if value.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{value}") } else { value.to_owned() }
}

fn euros(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{},{:02}", cents.unsigned_abs() / 100, cents.unsigned_abs() % 100)
}

#[allow(clippy::cast_precision_loss, clippy::float_arithmetic, reason = "cents become the euros that a cell shows")]
fn in_euros(cents: i64) -> f64 {
    cents as f64 / 100.0
}

#[cfg(test)]
mod tests {
    use calamine::{Data, Reader as _, Xlsx};
    use proto::common::v1::Reason;

    use super::*;

    fn rows() -> Vec<Row> {
        let line = |label: &str, amount_cents| ContributionLine {
            rule_key: "socle".into(),
            label: label.into(),
            amount_cents,
            reason: Some(Reason { text: "Forfait ; 3 mois.".into(), source: "AG".into(), ..Reason::default() }),
        };
        let row = |line| Row::new("COT-2026-0001", "Hôpital", ("2026-01", "2026-03"), "2026-04-02", line);
        vec![row(line("=SOMME(A1)", 123_456)), row(line("Subvention", -5))]
    }

    #[test]
    fn a_csv_has_a_row_for_each_line_and_no_formula() {
        let file = String::from_utf8(write(&rows(), Form::Csv).unwrap()).unwrap();
        let lines: Vec<&str> = file.trim_start_matches('\u{feff}').lines().collect();
        assert_eq!(lines[0], "facture;emise_le;membre;de;a;regle;libelle;montant_ht_eur;calcul;source");
        assert_eq!(
            lines[1],
            "COT-2026-0001;2026-04-02;Hôpital;2026-01;2026-03;socle;'=SOMME(A1);1234,56;\"Forfait ; 3 mois.\";AG"
        );
        assert!(lines[2].contains(";-0,05;"), "{}", lines[2]);
    }

    #[test]
    fn a_workbook_has_the_amounts_as_numbers_and_their_sum() {
        let content = write(&rows(), Form::Xlsx).unwrap();
        let mut workbook: Xlsx<_> = calamine::open_workbook_from_rs(std::io::Cursor::new(content)).unwrap();
        let sheet = workbook.worksheet_range("Contributions").unwrap();
        let amounts: Vec<&Data> = sheet.rows().map(|row| &row[AMOUNT]).collect();
        assert_eq!(amounts[1..], [&Data::Float(1234.56), &Data::Float(-0.05), &Data::Float(1234.51)]);
    }
}
