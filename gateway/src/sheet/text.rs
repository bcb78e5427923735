//! A CSV file line by line: UTF-8 or Windows-1252, cells between `;`, `,` or tabs. Memory is bounded by [`LONGEST_LINE`].

use std::{
    borrow::Cow,
    io::{self, BufRead as _, BufReader, Read as _, Seek as _},
};

use encoding_rs::WINDOWS_1252;
use proto::common::v1::RowError;

use super::{Explained, FileRow, cell::shown, fault, spool::Stored};

/// Longest line, in bytes.
pub const LONGEST_LINE: usize = 16 * 1024;
/// Bytes read at once.
const BUFFER: usize = 64 * 1024;
/// What a UTF-8 file may begin with.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// How the bytes of a file are letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    /// What spreadsheets in France write as "CSV (séparateur : point-virgule)".
    Windows1252,
}

/// A CSV file whose header has been read.
#[derive(Debug)]
pub struct TextFile {
    reader: BufReader<Stored>,
    encoding: Encoding,
    separator: u8,
    header: Vec<String>,
    number: i64,
}

impl TextFile {
    /// Finds out the encoding and the separator, and reads the header.
    ///
    /// # Errors
    /// Within, why the file cannot be read.
    pub fn open(stored: Stored) -> io::Result<Result<Self, Vec<RowError>>> {
        let mut reader = BufReader::with_capacity(BUFFER, stored);
        let encoding = match encoding(&mut reader)? {
            Ok(encoding) => encoding,
            Err(why) => return Ok(Err(vec![about_file(why)])),
        };
        reader.rewind()?;
        let mut file = Self { reader, encoding, separator: b',', header: Vec::new(), number: 0 };
        let mut first = file.line()?.unwrap_or_default();
        if first.bytes.starts_with(MARK) {
            first.bytes.drain(..MARK.len());
        }
        let declared = declared_separator(&first.bytes);
        if declared.is_some() {
            first = file.line()?.unwrap_or_default();
        }
        let text = match decode(encoding, &first.bytes) {
            Ok(text) if !first.too_long => text,
            Ok(text) => return Ok(Err(vec![line_fault(0, &text, too_long())])),
            Err(why) => return Ok(Err(vec![line_fault(0, &String::from_utf8_lossy(&first.bytes), why)])),
        };
        file.separator = declared.unwrap_or_else(|| most_frequent(&text));
        match cells(&text, file.separator) {
            Ok(header) => file.header = header,
            Err(why) => return Ok(Err(vec![line_fault(0, &text, why)])),
        }
        Ok(Ok(file))
    }

    /// The cells of the header.
    #[must_use]
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The next line below the header.
    pub fn next(&mut self) -> io::Result<Option<FileRow>> {
        let Some(Line { bytes, too_long: cut }) = self.line()? else { return Ok(None) };
        self.number += 1;
        let broken = |text: &str, why| FileRow { number: self.number, cells: vec![shown(text)], fault: Some(why) };
        let text = match decode(self.encoding, &bytes) {
            Ok(text) if cut => return Ok(Some(broken(&text, too_long()))),
            Ok(text) => text,
            Err(why) => return Ok(Some(broken(&String::from_utf8_lossy(&bytes), why))),
        };
        let mut cells = match cells(&text, self.separator) {
            Ok(cells) => cells,
            Err(why) => return Ok(Some(broken(&text, why))),
        };
        let blank = cells.iter().all(|cell| cell.trim().is_empty());
        while cells.len() > self.header.len() && cells.last().is_some_and(|cell| cell.trim().is_empty()) {
            cells.pop();
        }
        let mut fault = None;
        if !blank && cells.len() != self.header.len() {
            let problem = format!("La ligne a {} cellules, l'en-tête en a {}.", cells.len(), self.header.len());
            let remedy = "Mettez entre guillemets une cellule qui contient le séparateur ; laissez vides les cellules sans valeur.";
            fault = Some((problem, remedy.to_owned()));
        }
        Ok(Some(FileRow { number: self.number, cells, fault }))
    }

    /// The next line with its ending, or its first [`LONGEST_LINE`] bytes.
    fn line(&mut self) -> io::Result<Option<Line>> {
        let limit = u64::try_from(LONGEST_LINE).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        (&mut self.reader).take(limit).read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let too_long = bytes.len() >= LONGEST_LINE && bytes.last() != Some(&b'\n');
        if too_long {
            self.reader.skip_until(b'\n')?;
        }
        Ok(Some(Line { bytes, too_long }))
    }
}

#[derive(Debug, Default)]
struct Line {
    bytes: Vec<u8>,
    too_long: bool,
}

/// Reads the whole file once: what is UTF-8 to the end is UTF-8. A file that says so by its mark is held to it.
fn encoding(reader: &mut BufReader<Stored>) -> io::Result<Result<Encoding, Explained>> {
    let start = reader.fill_buf()?;
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"\xd0\xcf\x11\xe0") {
        let remedy = "Envoyez-le avec le type d'un classeur .xlsx, ou enregistrez-le au format CSV.";
        return Ok(Err(("Ce fichier est un classeur, pas un fichier CSV.".into(), remedy.into())));
    }
    if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
        let remedy = "Enregistrez le fichier au format « CSV UTF-8 » dans le tableur.";
        return Ok(Err(("Le texte est en UTF-16 (« texte Unicode »).".into(), remedy.into())));
    }
    if start.starts_with(MARK) {
        return Ok(Ok(Encoding::Utf8));
    }
    let mut pending: Vec<u8> = Vec::new();
    loop {
        let buffer = reader.fill_buf()?;
        let read = buffer.len();
        if read == 0 {
            return Ok(Ok(if pending.is_empty() { Encoding::Utf8 } else { Encoding::Windows1252 }));
        }
        pending.extend_from_slice(buffer);
        reader.consume(read);
        match std::str::from_utf8(&pending) {
            Ok(_) => pending.clear(),
            // A letter may go on in the next buffer.
            Err(error) if error.error_len().is_none() => drop(pending.drain(..error.valid_up_to())),
            Err(_) => return Ok(Ok(Encoding::Windows1252)),
        }
    }
}

fn decode(encoding: Encoding, bytes: &[u8]) -> Result<Cow<'_, str>, Explained> {
    let remedy = || "Enregistrez le fichier au format « CSV UTF-8 » dans le tableur.".to_owned();
    match encoding {
        Encoding::Utf8 => {
            std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| ("Le texte n'est pas en UTF-8.".into(), remedy()))
        }
        Encoding::Windows1252 => {
            // The five bytes that stand for no letter.
            if bytes.iter().any(|byte| matches!(byte, 0x81 | 0x8d | 0x8f | 0x90 | 0x9d)) {
                return Err(("Le texte n'est ni en UTF-8 ni en Windows-1252.".into(), remedy()));
            }
            Ok(WINDOWS_1252.decode_without_bom_handling(bytes).0)
        }
    }
}

/// `sep=;`: how a first line may tell Excel the separator.
fn declared_separator(line: &[u8]) -> Option<u8> {
    match line.trim_ascii_end().strip_prefix(b"sep=")? {
        [separator @ (b';' | b',')] => Some(*separator),
        // A tab ends like the line.
        [] => Some(b'\t'),
        _ => None,
    }
}

fn most_frequent(header: &str) -> u8 {
    let count = |separator: u8| header.bytes().filter(|byte| *byte == separator).count();
    // The last of equals wins.
    [b'\t', b';', b','].into_iter().max_by_key(|separator| count(*separator)).unwrap_or(b',')
}

/// The cells of one line.
fn cells(text: &str, separator: u8) -> Result<Vec<String>, Explained> {
    // Nearly every line: without quotes, cells are what stands between separators. A reader for each line costs five times that.
    if !text.contains('"') {
        let line = text.trim_end_matches(['\r', '\n']);
        return Ok(if line.is_empty() {
            Vec::new()
        } else {
            line.split(char::from(separator)).map(str::to_owned).collect()
        });
    }
    let remedy =
        "Une cellule entre guillemets commence et finit par un guillemet ; un guillemet dans une cellule se double.";
    if text.bytes().filter(|byte| *byte == b'"').count() % 2 == 1 {
        return Err(("Un guillemet ouvert n'est pas fermé.".into(), remedy.into()));
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .buffer_capacity(1024)
        .from_reader(text.as_bytes());
    let mut record = csv::StringRecord::new();
    match reader.read_record(&mut record) {
        Ok(_) => Ok(record.iter().map(str::to_owned).collect()),
        Err(error) => Err((format!("La ligne n'est pas lisible : {error}."), remedy.into())),
    }
}

fn too_long() -> Explained {
    let remedy = "Vérifiez qu'un guillemet n'est pas resté ouvert et que chaque ligne du tableau tient sur une ligne.";
    (format!("La ligne dépasse {LONGEST_LINE} octets."), remedy.into())
}

fn line_fault(row: i64, text: &str, why: Explained) -> RowError {
    fault(row, "", text, why)
}

fn about_file(why: Explained) -> RowError {
    fault(0, "", "", why)
}
