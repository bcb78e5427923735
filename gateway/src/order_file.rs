//! A pooled order as a file for its supplier: CSV for a program, a workbook or a PDF for people. What they show is gathered
//! once (`gather.rs`) and laid out once (`sheet.rs`); each form only writes it.
//!
//! Limits: 50,000 order lines in a CSV or a workbook, 10,000 in a PDF (some 400 pages). One workbook or PDF is made at a
//! time, so that its memory is bounded for one.

mod csv;
pub mod gather;
pub mod paper;
mod pdf;
pub mod sheet;
#[cfg(test)]
pub mod tests;
mod workbook;

use gather::Source;
use kit::{Failure, identity::Caller};
use serde::Deserialize;
use sheet::Sheet;
use utoipa::ToSchema;

use crate::App;

/// Most order lines in a PDF.
pub const PDF_LINES: usize = 10_000;

/// The form of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One line per article and delivery point, UTF-8 with byte order mark, `;` between cells, decimal comma.
    #[default]
    Csv,
    /// Workbook: the envelope, the articles to ship, one sheet of order lines.
    Xlsx,
    /// A4 pages: the envelope, then each order form from a page of its own.
    Pdf,
}

impl Format {
    /// Media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Pdf => "application/pdf",
        }
    }

    const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
            Self::Pdf => "pdf",
        }
    }
}

/// A file to download or to send.
pub struct OrderFile {
    /// Its name, ASCII.
    pub name: String,
    /// Its form.
    pub format: Format,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// Makes the file of an order that the caller may see.
///
/// # Errors
/// What the services refuse; `INVALID_INPUT` for a PDF of more lines than it holds.
pub async fn make(app: &App, caller: &Caller, pooled_order_id: &str, format: Format) -> Result<OrderFile, Failure> {
    let source = gather::gather(app, caller, pooled_order_id).await?;
    Ok(written(app, source, &[format]).await?.remove(0))
}

/// Writes what was gathered in several forms, away from the threads that serve requests.
///
/// # Errors
/// `INVALID_INPUT` for a PDF of more lines than it holds.
pub async fn written(app: &App, source: Source, formats: &[Format]) -> Result<Vec<OrderFile>, Failure> {
    let _turn = app.workbooks.acquire().await.map_err(Failure::internal)?;
    let formats = formats.to_vec();
    let write = move || formats.into_iter().map(|format| write(&source, format)).collect();
    tokio::task::spawn_blocking(write).await.map_err(Failure::internal)?
}

fn write(source: &Source, format: Format) -> Result<OrderFile, Failure> {
    let content = match format {
        Format::Csv => csv::write(source)?,
        Format::Xlsx => workbook::write(&Sheet::of(source)?).map_err(Failure::internal)?,
        Format::Pdf => {
            if source.lines.len() > PDF_LINES {
                return Err(too_long(source.lines.len()));
            }
            pdf::write(&Sheet::of(source)?)?
        }
    };
    Ok(OrderFile { name: name(&source.order.number, format), format, content })
}

fn name(number: &str, format: Format) -> String {
    let number: String =
        number.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
    format!("commande-{number}.{}", format.extension())
}

fn too_long(lines: usize) -> Failure {
    let told = format!("a PDF holds at most {PDF_LINES} order lines, this order has {lines}: ask for xlsx or csv");
    Failure::invalid_field("format", told)
}
