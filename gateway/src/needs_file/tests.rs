//! Files as people have them.

use std::{
    collections::BTreeSet,
    io::{Read as _, Seek as _, Write as _},
    sync::Arc,
};

use proptest::prelude::*;
use rust_xlsxwriter::{ExcelDateTime, Format as CellFormat, Workbook, Worksheet};

use super::*;
use crate::sheet::{
    Format, SheetFile, corrections,
    spool::{self, Stored},
    workbook,
};

const HEADER: [&str; 6] = [
    "Site de livraison",
    "Code article",
    "Conditionnement",
    "Quantité",
    "Votre référence",
    "Date souhaitée (facultative)",
];
const GOOD: &str = "3400930000007";

fn open(content: &[u8], format: Format) -> Result<SheetFile, Vec<RowError>> {
    let file = spool::nameless(&std::env::temp_dir()).unwrap();
    (&file).write_all(content).unwrap();
    let destination = Destination { round_id: "rnd_x".into(), party_id: "pty_x".into() };
    SheetFile::open(Stored::new(Arc::new(file)), format, &SCHEMA, destination.origin(), &std::env::temp_dir()).unwrap()
}

fn read(file: &SheetFile) -> Vec<(i64, Row)> {
    let mut rows = file.rows().unwrap();
    let mut found = Vec::new();
    while let Some(next) = rows.next().unwrap() {
        found.push((next.number, row(file.layout(), &next)));
    }
    found
}

fn needs(content: &[u8], format: Format) -> Vec<NeedInput> {
    let asked = read(&open(content, format).unwrap()).into_iter().filter_map(|(number, row)| match row {
        Row::Skipped => None,
        Row::Asked { need, faults } => {
            assert_eq!(faults, [], "row {number}");
            Some(need.unwrap())
        }
    });
    asked.collect()
}

/// Faults as (row, technical column, value).
fn faults(file: &SheetFile) -> Vec<(i64, String, String)> {
    told(file).into_iter().map(|fault| (fault.row, fault.column, fault.value)).collect()
}

fn told(file: &SheetFile) -> Vec<RowError> {
    let all = read(file).into_iter().flat_map(|(_, row)| match row {
        Row::Skipped => Vec::new(),
        Row::Asked { faults, .. } => faults,
    });
    all.collect()
}

fn workbook(fill: impl FnOnce(&mut Worksheet)) -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for (place, name) in (0..).zip(HEADER) {
        sheet.write_string(0, place, name).unwrap();
    }
    fill(sheet);
    workbook.save_to_buffer().unwrap()
}

fn expected() -> NeedInput {
    NeedInput {
        site: "finess:760780239".into(),
        article: GOOD.into(),
        packaging_code: "BOX".into(),
        quantity: 1200,
        reference: "Été, 1".into(),
        needed_by: "2026-01-31".into(),
        commitment: 0,
    }
}

#[test]
fn the_same_needs_are_read_from_every_kind_of_csv() {
    let technical = "site;article;packaging;quantity;reference;needed_by\r\nfiness:760780239;3400930000007;BOX;1200;Été, 1;2026-01-31\r\n";
    let french = "Site de livraison\tCode article\tLibellé\tQTÉ\tConditionnement\tVotre référence\tDate souhaitée\n\
        760780239 — Hôpital\t3400930000007\tx\t1\u{202f}200\tBOX\tÉté, 1\t31/01/2026\n";
    let comma = "sep=,\r\nsite,article,packaging,quantity,reference,needed_by\r\n760780239,3400930000007,BOX,\"1 200,00\",\"Été, 1\",31/01/2026";
    for text in [technical, french, comma] {
        assert_eq!(needs(text.as_bytes(), Format::Csv), [expected()], "{text}");
        assert_eq!(needs(format!("\u{feff}{text}").as_bytes(), Format::Csv), [expected()], "{text}");
    }
    for text in [technical, comma] {
        let (ansi, _, lost) = encoding_rs::WINDOWS_1252.encode(text);
        assert!(!lost && std::str::from_utf8(&ansi).is_err());
        assert_eq!(needs(&ansi, Format::Csv), [expected()], "{text}");
    }
}

#[test]
fn a_letter_cut_by_the_end_of_a_buffer_is_still_utf_8() {
    for pad in 0..4 {
        let filler = "é".repeat(70_000 / 4);
        let mut text = format!("site;article;quantity;reference\n{}", "x".repeat(pad));
        (0..6).for_each(|_| text += &format!(";;;{}\n", &filler[..8_000]));
        text += "s;a;1;né\n";
        let found = needs(text.as_bytes(), Format::Csv);
        assert_eq!(found.last().map(|need| need.reference.as_str()), Some("né"));
    }
}

#[test]
fn what_is_no_csv_is_explained() {
    let why = |content: &[u8]| open(content, Format::Csv).unwrap_err()[0].problem.clone();
    assert!(why(b"PK\x03\x04rest").contains("classeur"));
    assert!(why(b"\xff\xfes\0i\0").contains("UTF-16"));
    assert!(why(b"").contains("en-tête") && why(b";;\n").contains("en-tête"));
    let marked = open(b"\xef\xbb\xbfsite;article;quantity\nH\xf4pital;a;1\n", Format::Csv).unwrap();
    assert!(told(&marked)[0].remedy.contains("UTF-8"));
    let neither = open(b"site;article;quantity\nH\x81pital;a;1\ns;a;2\n", Format::Csv).unwrap();
    assert_eq!(told(&neither).len(), 1);
}

#[test]
fn header_faults_are_told_all_at_once() {
    let faults = open(b"site,sit,quantity,Quantit\xc3\xa9", Format::Csv).unwrap_err();
    let told: Vec<_> = faults.iter().map(|fault| (fault.row, fault.column.as_str())).collect();
    assert_eq!(told, [(0, "sit"), (0, "Quantité"), (0, "article")]);
}

#[test]
fn every_planted_fault_is_found_by_its_column() {
    let one = |line: &str, column: &str, value: &str| {
        let text = format!("site;article;packaging;quantity;reference;needed_by\n{line}");
        let found = faults(&open(text.as_bytes(), Format::Csv).unwrap());
        assert_eq!(found, [(1, column.to_owned(), value.to_owned())], "{line}");
    };
    one("s;a;BOX;12,5;;", "quantity", "12,5");
    one("s;a;BOX;3,40E+12;;", "quantity", "3,40E+12");
    one("s;a;BOX;douze;;", "quantity", "douze");
    one("s;3,40E+12;BOX;1;;", "article", "3,40E+12");
    one("s;400930000007;BOX;1;;", "article", "400930000007");
    one("60780239;a;BOX;1;;", "site", "60780239");
    one("s;;BOX;1;;", "article", "");
    one(";a;BOX;1;;", "site", "");
    one("s;a;BOX;1;;31/02/2026", "needed_by", "31/02/2026");
    one("s;a;BOX;1", "", "s a BOX 1");
    one("s;a;\"BOX;1;;", "", "s;a;\"BOX;1;;");
}

#[test]
fn rows_without_quantity_are_skipped_and_keep_their_numbers() {
    let file = open(b"site;article;quantity;;\n\ns;a;;;\n ; ; \ns;a;2;;\ns;a;3;;x\n", Format::Csv).unwrap();
    let rows = read(&file);
    assert!(matches!(rows[0..3], [(1, Row::Skipped), (2, Row::Skipped), (3, Row::Skipped)]), "{rows:?}");
    assert!(matches!(&rows[3], (4, Row::Asked { need: Some(_), faults }) if faults.is_empty()));
    assert!(told(&file)[0].problem.contains("hors des colonnes"), "a cell without header is not dropped in silence");
}

#[test]
fn faults_are_shown_by_the_name_their_column_has_in_the_file() {
    let file = open("Site;Code article;Quantité (nombre)\ns;a;1\n".as_bytes(), Format::Csv).unwrap();
    assert_eq!(file.layout().shown("quantity".into()), "Quantité (nombre)");
    assert_eq!(file.layout().shown("needed_by".into()), "needed_by");
}

#[test]
fn numbers_and_dates_are_read_from_a_workbook_whether_typed_as_text_or_not() {
    let day = CellFormat::new().set_num_format("dd/mm/yyyy");
    let content = workbook(|sheet| {
        for (row, article, quantity) in [(2, true, true), (4, false, false)] {
            sheet.write_string(row, 0, "760780239 — Hôpital").unwrap();
            sheet.write_string(row, 2, "BOX").unwrap();
            sheet.write_string(row, 4, "Été, 1").unwrap();
            if article { sheet.write_number(row, 1, 3_400_930_000_007.0) } else { sheet.write_string(row, 1, GOOD) }
                .unwrap();
            if quantity { sheet.write_number(row, 3, 1200.0) } else { sheet.write_string(row, 3, "1 200,00") }.unwrap();
        }
        let date = ExcelDateTime::from_ymd(2026, 1, 31).unwrap();
        sheet.write_datetime_with_format(2, 5, date, &day).unwrap();
        sheet.write_string(4, 5, "31/01/2026").unwrap();
        sheet.write_string(5, 1, GOOD).unwrap();
    });
    assert_eq!(needs(&content, Format::Workbook), [expected(), expected()]);
    let numbers: Vec<i64> = read(&open(&content, Format::Workbook).unwrap()).into_iter().map(|row| row.0).collect();
    assert_eq!(numbers, [2, 4, 5], "counted from the header, blank rows too");
}

#[test]
fn codes_spoilt_in_a_workbook_are_explained() {
    let day = CellFormat::new().set_num_format("yyyy-mm-dd");
    let content = workbook(|sheet| {
        let articles: [f64; 4] = [3.4e12, 400_930_000_007.0, 34_009_300_000_010_005.0, 12.5];
        for (row, article) in (1..).zip(articles) {
            sheet.write_string(row, 0, "s").unwrap().write_number(row, 1, article).unwrap();
            sheet.write_number(row, 3, 1).unwrap();
        }
        sheet.write_number(5, 0, 60_780_239).unwrap().write_number(5, 3, 12.5).unwrap();
        sheet.write_datetime_with_format(5, 1, ExcelDateTime::from_ymd(2026, 3, 1).unwrap(), &day).unwrap();
    });
    let found = faults(&open(&content, Format::Workbook).unwrap());
    let cells: Vec<(i64, &str)> = found.iter().map(|(row, column, _)| (*row, column.as_str())).collect();
    assert_eq!(cells, [(1, "article"), (2, "article"), (3, "article"), (5, "site"), (5, "article"), (5, "quantity")]);
    assert_eq!(found[0].2, "3400000000000");
    assert_eq!(found[4].2, "2026-03-01");
}

#[test]
fn two_thousand_planted_faults_come_back_each_in_its_cell() {
    let columns = ["site", "article", "quantity", "needed_by"];
    let mut planted = BTreeSet::new();
    let content = workbook(|sheet| {
        for row in 1..=3_000_u32 {
            let bad = (row % 3 != 0).then(|| columns[(row % 4) as usize]);
            let cell = |column: &str, wrong: &'static str, right: &'static str| {
                if bad == Some(column) { wrong } else { right }
            };
            sheet.write_string(row, 0, cell("site", "60780239", "760780239")).unwrap();
            sheet.write_string(row, 1, cell("article", "3,40E+12", GOOD)).unwrap();
            sheet.write_string(row, 3, cell("quantity", "12,5", "12")).unwrap();
            sheet.write_string(row, 5, cell("needed_by", "demain", "31/01/2026")).unwrap();
            planted.extend(bad.map(|column| (i64::from(row), column.to_owned())));
        }
    });
    assert_eq!(planted.len(), 2_000);
    let file = open(&content, Format::Workbook).unwrap();
    let errors = told(&file);
    let found: BTreeSet<_> = errors.iter().map(|fault| (fault.row, fault.column.clone())).collect();
    assert_eq!(found, planted);

    let mut returned = corrections::write(&file, &errors, 2_000, &std::env::temp_dir()).unwrap();
    returned.rewind().unwrap();
    let mut bytes = Vec::new();
    returned.read_to_end(&mut bytes).unwrap();
    check_returned(&bytes, &planted);
    // Sent back unchanged, it has the same faults in the same cells.
    let again = told(&open(&bytes, Format::Workbook).unwrap());
    assert_eq!(again, errors);
    // It says for which round and member it is.
    assert!(part(&bytes, "xl/worksheets/sheet3.xml").contains("sheetProtection"));
    let file = spool::nameless(&std::env::temp_dir()).unwrap();
    (&file).write_all(&bytes).unwrap();
    let other = Destination { round_id: "rnd_y".into(), party_id: "pty_x".into() };
    let stored = Stored::new(Arc::new(file));
    let refused =
        SheetFile::open(stored, Format::Workbook, &SCHEMA, other.origin(), &std::env::temp_dir()).unwrap().unwrap_err();
    assert!(refused[0].problem.contains("autre campagne"), "{refused:?}");
}

fn check_returned(bytes: &[u8], planted: &BTreeSet<(i64, String)>) {
    use calamine::{Data, Reader as _, Xlsx};
    let mut workbook: Xlsx<_> = calamine::open_workbook_from_rs(std::io::Cursor::new(bytes)).unwrap();
    let all = workbook.worksheet_range("Besoins").unwrap();
    assert_eq!(all.get((0, 6)), Some(&Data::String("Erreurs".into())));
    let told = (1..=3_000_u32).filter(|row| matches!(all.get((*row as usize, 6)), Some(Data::String(_)))).count();
    assert_eq!(told, planted.len());
    let faulty = workbook.worksheet_range("Lignes en erreur").unwrap();
    assert_eq!(faulty.height(), planted.len() + 1);
    for (place, row) in (1..).zip(planted.iter().map(|(row, _)| *row).collect::<BTreeSet<_>>()) {
        let line = faulty.get((place, 0)).and_then(calamine::DataType::as_i64);
        assert_eq!(line, Some(row + 1), "the row as the spreadsheet numbers it");
    }
    // Every faulty cell is coloured, no other one: its style differs from that of the good cells.
    let sheet = part(bytes, "xl/worksheets/sheet1.xml");
    let styled = |cell: &str| {
        let at = sheet.find(&format!("r=\"{cell}\"")).unwrap();
        sheet[at..].split('"').nth(3).unwrap().to_owned()
    };
    let good = styled("A3");
    for (row, column) in planted.iter().take(200) {
        let letter = match column.as_str() {
            "site" => "A",
            "article" => "B",
            "quantity" => "D",
            _ => "F",
        };
        assert_ne!(styled(&format!("{letter}{}", row + 1)), good, "{letter}{}", row + 1);
    }
}

fn part(bytes: &[u8], name: &str) -> String {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut text = String::new();
    archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

/// A workbook with one of its parts written by hand.
fn forged(name: &str, content: &dyn Fn(&mut dyn std::io::Write)) -> Vec<u8> {
    let original = workbook(|sheet| {
        sheet.write_string(1, 0, "s").unwrap();
    });
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(original)).unwrap();
    let mut out = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).unwrap();
        out.start_file(part.name().to_owned(), options).unwrap();
        if part.name() == name {
            content(&mut out);
        } else {
            std::io::copy(&mut part, &mut out).unwrap();
        }
    }
    out.finish().unwrap().into_inner()
}

#[test]
fn bombs_are_refused_before_they_are_opened() {
    let strings = "xl/sharedStrings.xml";
    let many = |out: &mut dyn std::io::Write| (0..60).for_each(|_| out.write_all(&vec![b'<'; 1 << 20]).unwrap());
    let long = |out: &mut dyn std::io::Write| (0..2).for_each(|_| out.write_all(&vec![b'a'; 1 << 20]).unwrap());
    let announced =
        |out: &mut dyn std::io::Write| out.write_all(b"<sst uniqueCount = '99999999999999'></sst>").unwrap();
    let cell = |out: &mut dyn std::io::Write| {
        out.write_all(b"<worksheet><sheetData><row><c t=\"inlineStr\"><is>").unwrap();
        (0..900_000).for_each(|_| out.write_all(b"<t>aaaaaaaaaaaaa</t>").unwrap());
    };
    for (name, content) in [
        (strings, &many as &dyn Fn(&mut dyn std::io::Write)),
        (strings, &long),
        (strings, &announced),
        ("xl/worksheets/sheet1.xml", &cell),
    ] {
        let refused = open(&forged(name, content), Format::Workbook).unwrap_err();
        assert!(refused[0].problem.contains("décompressé"), "{refused:?}");
    }
    let unlike = open(b"site;article;quantity\n", Format::Workbook).unwrap_err();
    assert!(unlike[0].problem.contains("pas un classeur"));
    let old = open(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Format::Workbook).unwrap_err();
    assert!(old[0].problem.contains("mot de passe"));
}

#[test]
fn a_workbook_has_at_most_a_hundred_thousand_rows() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet_with_constant_memory().unwrap();
    for (place, name) in (0..).zip(HEADER) {
        sheet.write_string(0, place, name).unwrap();
    }
    let rows = u32::try_from(workbook::ROW_LIMIT).unwrap();
    for row in 1..=rows + 1 {
        sheet.write_string(row, 1, GOOD).unwrap();
        sheet.write_string(row, 4, format!("REFERENCE-{row}")).unwrap();
    }
    let content = book.save_to_buffer().unwrap();
    let refused = open(&content, Format::Workbook).unwrap_err();
    assert!(refused[0].problem.contains("100000 lignes"), "{refused:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_reader_of_csv_panic(content in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        for head in [&b""[..], b"site;article;quantity;needed_by\n", b"\xef\xbb\xbfsite,article,quantity\n"] {
            if let Ok(file) = open(&[head, &content].concat(), Format::Csv) {
                read(&file);
            }
        }
    }

    #[test]
    fn no_text_makes_a_cell_panic(text in ".{0,30}", digits in "[0-9eE+,. /:#-]{0,20}") {
        for text in [text, digits] {
            drop((cell::site(&text), cell::article(&text), cell::quantity(&text), cell::date(&text), cell::reference(&text)));
        }
    }

    #[test]
    fn no_damage_to_a_workbook_makes_its_reader_panic(
        at in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
        whole in any::<bool>(),
    ) {
        let mut content = workbook(|sheet| {
            sheet.write_string(1, 1, GOOD).unwrap().write_number(1, 3, 2).unwrap();
        });
        for (place, byte) in at {
            let place = place.index(content.len());
            content[place] = byte;
        }
        if !whole {
            content.truncate(cut.index(content.len()));
        }
        if let Ok(file) = open(&content, Format::Workbook) {
            read(&file);
        }
    }

    #[test]
    fn no_sheet_makes_the_reader_panic(xml in "(<(/?(row|c|v|is|t|f|sheetData|worksheet)( (r|t|s)=\"([A-Z]{0,4}[0-9]{0,9}|s|str|b|e|d|n|inlineStr)\"){0,2}/?)>|[a-z0-9.&;#-]{0,6}){0,40}") {
        let sheet = format!("<worksheet><sheetData>{xml}</sheetData></worksheet>");
        let content = forged("xl/worksheets/sheet1.xml", &|out| out.write_all(sheet.as_bytes()).unwrap());
        if let Ok(file) = open(&content, Format::Workbook) {
            read(&file);
        }
    }
}
