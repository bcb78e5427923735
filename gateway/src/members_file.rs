//! A members file: what its columns mean (`sheet.rs` reads the file itself; membership says what is wrong with numbers and what is
//! known already).

use std::io;

use proto::{
    common::v1::RowError,
    membership::v1::{BuyerStatus, MemberKind, MemberRow, Party, PlaceKind, Site},
};

use crate::sheet::{
    Column, FileRow, Layout, Schema, SheetFile,
    cell::{self, Explained},
    fault, plain,
};

/// Rows in one file at most.
pub const MOST_ROWS: usize = 5_000;

const fn column(name: &'static str, also: &'static [&'static str]) -> Column {
    Column { name, also, required: false }
}

/// Practitioners with their establishments, sites and memberships.
pub static SCHEMA: Schema = Schema {
    sheet: "Membres",
    columns: &[
        column("rpps", &["numero rpps", "n rpps"]),
        column("name", &["nom", "praticien", "nom du praticien", "radiologue"]),
        column("email", &["courriel", "mail", "adresse electronique"]),
        column("joined_on", &["adhesion", "date d adhesion", "adhere le"]),
        column("charter_signed_on", &["charte signee le", "signature de la charte", "date de signature de la charte"]),
        column("place", &["lieu", "exercice", "lieu d exercice"]),
        column("establishment", &["etablissement", "cle etablissement", "cle de l etablissement"]),
        column("establishment_name", &["nom de l etablissement", "raison sociale"]),
        column("siret", &["numero siret"]),
        column("finess", &["numero finess"]),
        column("gln", &[]),
        column("buyer_status", &["statut", "statut d acheteur"]),
        column("buyer_status_evidence", &["preuve du statut"]),
        column("buyer_status_on", &["date du statut"]),
        column("site", &["cle du site"]),
        column("site_name", &["nom du site"]),
        column("site_finess", &["finess du site"]),
        column("site_gln", &["gln du site"]),
        column("address", &["adresse"]),
        column("postcode", &["code postal"]),
        column("city", &["ville", "commune"]),
        column("member_kind", &["qualite", "qualite de membre"]),
        column("member_from", &["membre depuis", "membre depuis le"]),
    ],
    passed_over: &["commentaire", "ligne", "erreurs"],
    counted: "",
};

/// The rows of a file, blank ones left out, and what is wrong with them as far as it can be read here.
#[derive(Debug, Default)]
pub struct Read {
    /// Readable rows.
    pub rows: Vec<MemberRow>,
    /// Faults of the others.
    pub errors: Vec<RowError>,
}

/// Reads all rows.
///
/// # Errors
/// When the disk fails.
pub fn read(file: &SheetFile) -> io::Result<Read> {
    let mut read = Read::default();
    let mut rows = file.rows()?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        if row.fault.is_none() && row.cells.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        count += 1;
        if count > MOST_ROWS {
            let problem = "Le fichier a plus de 5 000 lignes.".to_owned();
            read.errors.push(fault(row.number, "", "", (problem, "Envoyez-le en plusieurs parties.".into())));
            break;
        }
        let (row, errors) = row_of(file.layout(), &row);
        if errors.is_empty() {
            read.rows.push(row);
        } else {
            read.errors.extend(errors);
        }
    }
    Ok(read)
}

fn row_of(layout: &Layout, row: &FileRow) -> (MemberRow, Vec<RowError>) {
    let errors: Vec<RowError> = layout.unreadable(row).into_iter().collect();
    let mut cells = Cells { layout, row, errors };
    let establishment = Party {
        key: cells.code("establishment"),
        name: cells.text("establishment_name"),
        siret: cells.number("siret"),
        finess: cells.number("finess"),
        gln: cells.number("gln"),
        buyer_status: cells.read("buyer_status", buyer_status).unwrap_or(BuyerStatus::Unspecified).into(),
        buyer_status_evidence: cells.text("buyer_status_evidence"),
        buyer_status_on: cells.date("buyer_status_on"),
        ..Party::default()
    };
    let site = Site {
        key: cells.code("site"),
        name: cells.text("site_name"),
        finess: cells.number("site_finess"),
        gln: cells.number("site_gln"),
        address: cells.text("address"),
        postcode: cells.number("postcode"),
        city: cells.text("city"),
        ..Site::default()
    };
    let read = MemberRow {
        row: row.number,
        rpps: cells.number("rpps"),
        name: cells.text("name"),
        email: cells.text("email"),
        joined_on: cells.date("joined_on"),
        charter_signed_on: cells.date("charter_signed_on"),
        place: cells.read("place", place).unwrap_or(PlaceKind::Unspecified).into(),
        member_kind: cells.read("member_kind", member_kind).unwrap_or(MemberKind::Unspecified).into(),
        member_from: cells.date("member_from"),
        establishment: Some(establishment),
        site: Some(site),
    };
    (read, cells.errors)
}

struct Cells<'a> {
    layout: &'a Layout,
    row: &'a FileRow,
    errors: Vec<RowError>,
}

impl Cells<'_> {
    fn text(&self, column: &str) -> String {
        let cell = self.layout.place(column).and_then(|place| self.row.cells.get(place));
        cell.map_or("", |cell| cell.trim()).to_owned()
    }

    /// A cell that is read unless it is empty.
    fn read<T>(&mut self, column: &str, read: impl FnOnce(&str) -> Result<T, Explained>) -> Option<T> {
        let text = self.text(column);
        if text.is_empty() {
            return None;
        }
        match read(&text) {
            Ok(value) => Some(value),
            Err(why) => {
                self.errors.push(fault(self.row.number, column, &text, why));
                None
            }
        }
    }

    /// A code that a spreadsheet may have spoilt.
    fn code(&mut self, column: &str) -> String {
        self.read(column, cell::code).unwrap_or_default()
    }

    /// A number of the outside world, without the spaces that people put into it.
    fn number(&mut self, column: &str) -> String {
        self.code(column).split_whitespace().collect()
    }

    fn date(&mut self, column: &str) -> String {
        self.read(column, cell::date).unwrap_or_default()
    }
}

fn place(text: &str) -> Result<PlaceKind, Explained> {
    match plain(text).as_str() {
        "practice" | "cabinet" => Ok(PlaceKind::Practice),
        "hospital" | "hopital" => Ok(PlaceKind::Hospital),
        _ => Err((format!("« {text} » n'est pas un lieu d'exercice."), "Indiquez CABINET ou HOPITAL.".into())),
    }
}

fn member_kind(text: &str) -> Result<MemberKind, Explained> {
    match plain(text).as_str() {
        "full" | "membre" => Ok(MemberKind::Full),
        "associate" | "associe" => Ok(MemberKind::Associate),
        "partner" | "partenaire" => Ok(MemberKind::Partner),
        _ => Err((format!("« {text} » n'est pas une qualité."), "Indiquez MEMBRE, ASSOCIE ou PARTENAIRE.".into())),
    }
}

fn buyer_status(text: &str) -> Result<BuyerStatus, Explained> {
    match plain(text).as_str() {
        "public law" => Ok(BuyerStatus::PublicLaw),
        "private contracting authority" => Ok(BuyerStatus::PrivateContractingAuthority),
        "asserted not" => Ok(BuyerStatus::AssertedNot),
        "unknown" => Ok(BuyerStatus::Unknown),
        _ => Err((
            format!("« {text} » n'est pas un statut d'acheteur (CCP L1211-1)."),
            "Indiquez PUBLIC_LAW, PRIVATE_CONTRACTING_AUTHORITY, ASSERTED_NOT ou UNKNOWN.".into(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, sync::Arc};

    use super::*;
    use crate::sheet::{Format, spool};

    fn open(text: &[u8]) -> Read {
        let file = spool::nameless(&std::env::temp_dir()).unwrap();
        (&file).write_all(text).unwrap();
        let stored = spool::Stored::new(Arc::new(file));
        let file = SheetFile::open(stored, Format::Csv, &SCHEMA, Vec::new(), &std::env::temp_dir()).unwrap().unwrap();
        read(&file).unwrap()
    }

    #[test]
    fn a_file_is_read_as_a_secretary_fills_it_in() {
        // Windows-1252, French headers, spaces in numbers, a blank row.
        let text = "RPPS;Nom;Date d'adhésion;Lieu d'exercice;Établissement;SIRET;Statut d'acheteur;Qualité;Membre depuis\r\n\
            10 000 000 001;Dr Élodie Fictive;05/01/2026;Cabinet;cab-1;732 829 320 00074;ASSERTED_NOT;Membre;05/01/2026\r\n\
            ;;;;;;;;\r\n\
            1,00E+10;Dr B;2026-13-01;garage;cab-1;;voisin;chef;\r\n";
        let (bytes, _, _) = encoding_rs::WINDOWS_1252.encode(text);
        let read = open(&bytes);
        let [row] = read.rows.as_slice() else { panic!("{read:?}") };
        assert_eq!(
            (row.rpps.as_str(), row.name.as_str(), row.joined_on.as_str()),
            ("10000000001", "Dr Élodie Fictive", "2026-01-05")
        );
        let establishment = row.establishment.as_ref().unwrap();
        assert_eq!(
            (establishment.siret.as_str(), establishment.buyer_status()),
            ("73282932000074", BuyerStatus::AssertedNot)
        );
        assert_eq!((row.place(), row.member_kind(), row.row), (PlaceKind::Practice, MemberKind::Full, 1));
        let mut columns: Vec<(i64, &str)> =
            read.errors.iter().map(|error| (error.row, error.column.as_str())).collect();
        columns.sort_unstable();
        assert_eq!(columns, [(3, "buyer_status"), (3, "joined_on"), (3, "member_kind"), (3, "place"), (3, "rpps")]);
    }

    #[test]
    fn a_file_that_is_too_long_is_told_so() {
        let mut text = String::from("rpps;nom\n");
        for number in 0..5_001 {
            text.push_str(&format!("{number:011};Dr\n"));
        }
        let read = open(text.as_bytes());
        assert_eq!((read.rows.len(), read.errors.len()), (5_000, 1));
        assert_eq!(read.errors[0].row, 5_001);
    }
}
