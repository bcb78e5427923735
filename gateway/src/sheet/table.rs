//! The rows of a workbook on disk, as text: a workbook is read once and given back to the system before anything is sent.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Write as _},
};

use super::{FileRow, spool::Stored};

/// Bytes written and read at once.
const BUFFER: usize = 64 * 1024;

/// Rows being written.
pub struct TableWriter {
    csv: csv::Writer<BufWriter<File>>,
    rows: usize,
}

impl TableWriter {
    /// An empty table in a file.
    #[must_use]
    pub fn new(file: File) -> Self {
        Self {
            csv: csv::WriterBuilder::new().flexible(true).from_writer(BufWriter::with_capacity(BUFFER, file)),
            rows: 0,
        }
    }

    /// Adds a row.
    pub fn push(&mut self, number: i64, cells: &[String]) -> io::Result<()> {
        self.csv.write_field(number.to_string())?;
        self.csv.write_record(cells)?;
        self.rows += 1;
        Ok(())
    }

    /// How many rows it has.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Ends writing.
    pub fn finish(self) -> io::Result<()> {
        let mut file = self.csv.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
        file.flush()
    }
}

/// Rows being read.
#[derive(Debug)]
pub struct TableReader(csv::Reader<BufReader<Stored>>);

impl TableReader {
    /// From the first row.
    #[must_use]
    pub fn new(stored: Stored) -> Self {
        let reader = BufReader::with_capacity(BUFFER, stored);
        Self(csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(reader))
    }

    /// The next row.
    pub fn next(&mut self) -> io::Result<Option<FileRow>> {
        let mut record = csv::StringRecord::new();
        if !self.0.read_record(&mut record)? {
            return Ok(None);
        }
        let mut cells = record.iter();
        let number = cells.next().and_then(|number| number.parse().ok());
        let number = number.ok_or_else(|| io::Error::other("a row of a table has no number"))?;
        Ok(Some(FileRow { number, cells: cells.map(str::to_owned).collect(), fault: None }))
    }
}
