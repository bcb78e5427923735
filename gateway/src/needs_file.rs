//! A file of needs, from text to typed rows. Every fault is told by row and column, with its remedy.
//!
//! Format: UTF-8 (a byte order mark is allowed), first line the header, one need per line, `,` or `;` between cells as the
//! header has it, cells with a separator in double quotes, any line ending. Columns in any order: `site`, `article`,
//! `packaging` (optional), `quantity`, `reference` (optional), `needed_by` (optional). A cell holds no line break, so a
//! line is a row and memory is bounded by [`LONGEST_LINE`].

use chrono::NaiveDate;
use proto::{common::v1::RowError, demand::v1::NeedInput};

/// Longest line, in bytes.
pub const LONGEST_LINE: usize = 16 * 1024;
/// Longest value repeated in an answer, in characters.
const VALUE_SHOWN: usize = 100;
/// The columns, in the order of [`Column`].
const NAMES: [&str; 6] = ["site", "article", "packaging", "quantity", "reference", "needed_by"];
const REQUIRED: [Column; 3] = [Column::Site, Column::Article, Column::Quantity];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Site = 0,
    Article = 1,
    Packaging = 2,
    Quantity = 3,
    Reference = 4,
    NeededBy = 5,
}

impl Column {
    const fn name(self) -> &'static str {
        NAMES[self as usize]
    }
}

/// What the header says about the lines below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    separator: u8,
    /// Place of each column of [`NAMES`].
    places: [Option<usize>; 6],
    width: usize,
}

/// A row as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What can be sent on: also rows with a fault in a cell that has a stand-in, so that their other cells are checked too.
    pub need: Option<NeedInput>,
    /// What is wrong with it.
    pub faults: Vec<RowError>,
}

/// Reads the header line.
///
/// # Errors
/// With every column that is missing, unknown or there twice.
pub fn layout(line: &[u8]) -> Result<Layout, Vec<RowError>> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let text = std::str::from_utf8(line).map_err(|_| vec![not_utf8(0, line)])?;
    if text.trim().is_empty() {
        return Err(vec![fault(
            0,
            "",
            text,
            "Le fichier n'a pas de ligne d'en-tête.".into(),
            format!("Commencez par une ligne avec les colonnes {}.", NAMES.join(", ")),
        )]);
    }
    let separator = if text.matches(';').count() > text.matches(',').count() { b';' } else { b',' };
    let cells = cells(text, separator).map_err(|why| vec![unreadable(0, text, &why)])?;
    let mut layout = Layout { separator, places: [None; 6], width: cells.len() };
    let mut faults = Vec::new();
    for (place, cell) in cells.iter().enumerate() {
        let name = cell.trim().to_lowercase();
        match NAMES.iter().position(|known| *known == name) {
            Some(index) if layout.places[index].is_none() => layout.places[index] = Some(place),
            Some(_) => faults.push(fault(
                0,
                &name,
                cell,
                format!("La colonne « {name} » est présente deux fois."),
                "Gardez-en une seule.".into(),
            )),
            None => faults.push(fault(
                0,
                &name,
                cell,
                format!("La colonne « {} » est inconnue.", shown(cell)),
                format!("Colonnes admises : {}. Supprimez ou renommez celle-ci.", NAMES.join(", ")),
            )),
        }
    }
    for column in REQUIRED {
        if layout.places[column as usize].is_none() {
            faults.push(fault(
                0,
                column.name(),
                "",
                format!("La colonne « {} » manque.", column.name()),
                "Ajoutez-la à la ligne d'en-tête ; le séparateur est la virgule ou le point-virgule.".into(),
            ));
        }
    }
    if faults.is_empty() { Ok(layout) } else { Err(faults) }
}

/// Reads a line below the header; a blank one is no row.
#[must_use]
pub fn row(layout: &Layout, number: i64, line: &[u8]) -> Option<Row> {
    let Ok(text) = std::str::from_utf8(line) else {
        return Some(Row { need: None, faults: vec![not_utf8(number, line)] });
    };
    let blank = char::from(layout.separator);
    if text.chars().all(|letter| letter.is_whitespace() || letter == blank) {
        return None;
    }
    let cells = match cells(text, layout.separator) {
        Ok(cells) => cells,
        Err(why) => return Some(Row { need: None, faults: vec![unreadable(number, text, &why)] }),
    };
    if cells.len() != layout.width {
        let problem = format!("La ligne a {} cellules, l'en-tête en a {}.", cells.len(), layout.width);
        let remedy =
            "Mettez entre guillemets une cellule qui contient le séparateur ; laissez vides les cellules sans valeur.";
        return Some(Row { need: None, faults: vec![fault(number, "", text, problem, remedy.into())] });
    }
    Some(typed(layout, number, &cells))
}

/// A line that was too long to be read.
#[must_use]
pub fn too_long(number: i64, start: &[u8]) -> Row {
    let problem = format!("La ligne dépasse {LONGEST_LINE} octets.");
    let remedy = "Vérifiez qu'un guillemet n'est pas resté ouvert et que chaque besoin tient sur une ligne.";
    Row { need: None, faults: vec![fault(number, "", &String::from_utf8_lossy(start), problem, remedy.into())] }
}

/// A file without any row.
#[must_use]
pub fn no_rows() -> RowError {
    fault(0, "", "", "Le fichier ne contient aucun besoin.".into(), "Ajoutez au moins une ligne sous l'en-tête.".into())
}

fn typed(layout: &Layout, number: i64, cells: &[String]) -> Row {
    let cell = |column: Column| {
        layout.places[column as usize].and_then(|place| cells.get(place)).map_or("", |cell| cell.trim())
    };
    let mut faults = Vec::new();
    // A row whose site or article cannot be asked for is not sent on; other faulty cells get a stand-in.
    let mut sendable = true;
    for column in [Column::Site, Column::Article] {
        if let Some((problem, remedy)) = bad_reference(cell(column)) {
            faults.push(fault(number, column.name(), cell(column), problem, remedy));
            sendable = false;
        }
    }
    let quantity = quantity(cell(Column::Quantity)).unwrap_or_else(|(problem, remedy)| {
        faults.push(fault(number, Column::Quantity.name(), cell(Column::Quantity), problem, remedy));
        1
    });
    let needed_by = match date(cell(Column::NeededBy)) {
        Ok(date) => date,
        Err((problem, remedy)) => {
            faults.push(fault(number, Column::NeededBy.name(), cell(Column::NeededBy), problem, remedy));
            String::new()
        }
    };
    let need = NeedInput {
        site: cell(Column::Site).to_owned(),
        article: cell(Column::Article).to_owned(),
        packaging_code: cell(Column::Packaging).to_owned(),
        quantity,
        reference: cell(Column::Reference).to_owned(),
        needed_by,
    };
    Row { need: sendable.then_some(need), faults }
}

/// What is wrong, and what to do.
type Explained = (String, String);

fn bad_reference(text: &str) -> Option<Explained> {
    if text.is_empty() {
        return Some(("La cellule est vide.".into(), "Indiquez une référence.".into()));
    }
    if is_scientific(text) {
        return Some((
            format!(
                "« {} » : le tableur a remplacé un code par un nombre arrondi, ses derniers chiffres sont perdus.",
                shown(text)
            ),
            "Mettez la colonne au format Texte, puis saisissez le code à nouveau avec tous ses chiffres.".into(),
        ));
    }
    None
}

fn quantity(text: &str) -> Result<i64, Explained> {
    if text.is_empty() {
        return Err(("La quantité est vide.".into(), "Indiquez un nombre entier de conditionnements.".into()));
    }
    if let Ok(quantity) = text.parse() {
        return Ok(quantity);
    }
    if is_scientific(text) {
        return Err((
            format!("« {} » : le tableur affiche ce nombre en notation scientifique.", shown(text)),
            "Mettez la colonne au format Nombre sans décimale et vérifiez la valeur.".into(),
        ));
    }
    let digits: String = text.chars().filter(|letter| !matches!(letter, ' ' | '\u{a0}' | '\u{202f}')).collect();
    if digits != text && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err((
            format!("« {} » contient des espaces.", shown(text)),
            format!("Écrivez {digits}, sans séparateur de milliers."),
        ));
    }
    let decimal = digits.split_once([',', '.']).is_some_and(|(whole, part)| {
        !whole.is_empty() && !part.is_empty() && (whole.to_owned() + part).bytes().all(|byte| byte.is_ascii_digit())
    });
    if decimal {
        return Err((
            format!("« {} » n'est pas un nombre entier.", shown(text)),
            "Comptez en conditionnements entiers, ou choisissez un conditionnement plus petit.".into(),
        ));
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err((format!("« {} » est trop grand.", shown(text)), "La quantité va de 1 à 100 000 000.".into()));
    }
    Err((format!("« {} » n'est pas un nombre.", shown(text)), "Indiquez seulement des chiffres, sans unité.".into()))
}

/// `3,40E+12`: what spreadsheets make of long codes.
fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return false };
    let exponent = exponent.trim_start_matches(['+', '-']);
    !exponent.is_empty()
        && exponent.bytes().all(|byte| byte.is_ascii_digit())
        && mantissa.bytes().any(|byte| byte.is_ascii_digit())
        && mantissa.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b',' | b'.' | b'-'))
}

fn date(text: &str) -> Result<String, Explained> {
    if text.is_empty() {
        return Ok(String::new());
    }
    if text.len() == 10 && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok() {
        return Ok(text.to_owned());
    }
    let problem = format!("« {} » n'est pas une date de la forme AAAA-MM-JJ.", shown(text));
    let remedy = NaiveDate::parse_from_str(text, "%d/%m/%Y").map_or_else(
        |_| "Écrivez par exemple 2026-03-31.".to_owned(),
        |date| format!("Écrivez {}.", date.format("%Y-%m-%d")),
    );
    Err((problem, remedy))
}

/// The cells of one line.
fn cells(text: &str, separator: u8) -> Result<Vec<String>, String> {
    if text.bytes().filter(|byte| *byte == b'"').count() % 2 == 1 {
        return Err("Un guillemet ouvert n'est pas fermé.".into());
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
        Err(error) => Err(format!("La ligne n'est pas lisible : {error}.")),
    }
}

fn unreadable(row: i64, text: &str, why: &str) -> RowError {
    let remedy =
        "Une cellule entre guillemets commence et finit par un guillemet ; un guillemet dans une cellule se double.";
    fault(row, "", text, why.to_owned(), remedy.into())
}

fn not_utf8(row: i64, line: &[u8]) -> RowError {
    let remedy = "Enregistrez le fichier au format « CSV UTF-8 » dans le tableur.";
    fault(row, "", &String::from_utf8_lossy(line), "Le texte n'est pas en UTF-8.".into(), remedy.into())
}

fn fault(row: i64, column: &str, value: &str, problem: String, remedy: String) -> RowError {
    RowError { row, column: shown(column), value: shown(value), problem, remedy }
}

fn shown(value: &str) -> String {
    value.trim_end_matches(['\r', '\n']).chars().take(VALUE_SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Layout {
        layout(text.as_bytes()).unwrap()
    }

    fn faults_of(line: &str) -> Vec<(String, String)> {
        let layout = header("site;article;packaging;quantity;reference;needed_by");
        let row = row(&layout, 7, line.as_bytes()).unwrap();
        assert!(row.faults.iter().all(|fault| fault.row == 7 && !fault.problem.is_empty() && !fault.remedy.is_empty()));
        row.faults.into_iter().map(|fault| (fault.column, fault.value)).collect()
    }

    #[test]
    fn a_good_row_is_typed_whatever_the_separator_order_and_line_ending() {
        let expected = NeedInput {
            site: "finess:760780239".into(),
            article: "3400930000001".into(),
            packaging_code: "BOX".into(),
            quantity: 12,
            reference: "A, B".into(),
            needed_by: "2026-03-31".into(),
        };
        let cases = [
            (
                "site,article,packaging,quantity,reference,needed_by",
                "finess:760780239,3400930000001,BOX,12,\"A, B\",2026-03-31\r\n",
            ),
            (
                "\u{feff}Site ; Quantity;article;needed_by;reference;packaging\r\n",
                "finess:760780239; 12 ;3400930000001;2026-03-31;A, B;BOX",
            ),
        ];
        for (head, line) in cases {
            let row = row(&header(head), 1, line.as_bytes()).unwrap();
            assert_eq!((row.need, row.faults), (Some(expected.clone()), Vec::new()), "{head}");
        }
        let short = row(&header("site,article,quantity"), 1, b"a,b,3").unwrap().need.unwrap();
        assert_eq!((short.packaging_code, short.needed_by, short.quantity), (String::new(), String::new(), 3));
    }

    #[test]
    fn header_faults_are_told_all_at_once() {
        let faults = layout("site,sit,quantity,quantity".as_bytes()).unwrap_err();
        let told: Vec<_> = faults.iter().map(|fault| (fault.row, fault.column.as_str())).collect();
        assert_eq!(told, [(0, "sit"), (0, "quantity"), (0, "article")]);
        assert!(layout(b"").is_err() && layout(b"\xff\xfe").is_err() && layout(b"\"site,article").is_err());
    }

    #[test]
    fn every_planted_fault_is_found_by_its_column() {
        let one = |line: &str, column: &str, value: &str| {
            assert_eq!(faults_of(line), [(column.to_owned(), value.to_owned())], "{line}")
        };
        one("s;a;BOX;12,5;;", "quantity", "12,5");
        one("s;a;BOX;12.5;;", "quantity", "12.5");
        one("s;a;BOX;3,40E+12;;", "quantity", "3,40E+12");
        one("s;a;BOX;1 200;;", "quantity", "1 200");
        one("s;a;BOX;douze;;", "quantity", "douze");
        one("s;a;BOX;12 boîtes;;", "quantity", "12 boîtes");
        one("s;a;BOX;;;", "quantity", "");
        one("s;a;BOX;99999999999999999999;;", "quantity", "99999999999999999999");
        one("s;3,40E+12;BOX;1;;", "article", "3,40E+12");
        one("s;;BOX;1;;", "article", "");
        one(";a;BOX;1;;", "site", "");
        one("s;a;BOX;1;;31/03/2026", "needed_by", "31/03/2026");
        one("s;a;BOX;1;;2026-02-30", "needed_by", "2026-02-30");
        one("s;a;BOX;1", "", "s;a;BOX;1");
        one("s;a;\"BOX;1;;", "", "s;a;\"BOX;1;;");
    }

    #[test]
    fn several_faults_of_a_row_are_all_told_and_its_other_cells_are_still_checked() {
        let layout = header("site,article,quantity,needed_by");
        let row = row(&layout, 3, b"s,a,12;5,demain").unwrap();
        assert_eq!(row.faults.iter().map(|fault| fault.column.as_str()).collect::<Vec<_>>(), ["quantity", "needed_by"]);
        assert!(row.need.is_some(), "site and article go on to be looked up");
    }

    #[test]
    fn remedies_give_the_mended_value_where_it_is_known() {
        assert!(quantity("1\u{a0}200").unwrap_err().1.contains("1200"));
        assert!(date("31/03/2026").unwrap_err().1.contains("2026-03-31"));
        assert!(quantity("-3") == Ok(-3), "the range is the service's to check");
    }

    #[test]
    fn blank_lines_are_no_rows_and_other_encodings_are_explained() {
        let layout = header("site;article;quantity");
        assert_eq!(row(&layout, 1, b"\r\n"), None);
        assert_eq!(row(&layout, 1, b" ; ;\n"), None);
        let latin = row(&layout, 4, b"H\xf4pital;a;1").unwrap();
        assert!(latin.need.is_none() && latin.faults[0].remedy.contains("UTF-8"));
        assert!(too_long(5, b"abc").faults[0].problem.contains("16384"));
    }

    #[test]
    fn words_with_an_e_are_not_scientific_numbers() {
        for text in ["3E8 x", "gtin:3E1", "E12", "12E", "REF-2E4"] {
            assert!(!is_scientific(text), "{text}");
        }
        assert!(is_scientific("3.4E+12") && is_scientific("3,40e12") && is_scientific("1E5"));
    }
}
