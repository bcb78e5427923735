//! A file of needs: what its columns mean (`sheet.rs` reads the file itself).
//!
//! Columns: `site`, `article`, `packaging` (optional), `quantity`, `reference` (optional), `needed_by` (optional), `commitment`
//! (optional, of a census); those that a prepared workbook shows beside them are passed over. A row without quantity asks for nothing.

use proto::{
    common::v1::RowError,
    demand::v1::{self as pb, NeedInput},
};

use crate::sheet::{
    Column, FileRow, Layout, Origin, Schema,
    cell::{self, Explained},
    fault,
};

/// The sheet of a prepared workbook that holds the needs.
pub const SHEET: &str = "Besoins";

const fn column(name: &'static str, also: &'static [&'static str], required: bool) -> Column {
    Column { name, also, required }
}

/// What a file of needs consists of.
pub static SCHEMA: Schema = Schema {
    sheet: SHEET,
    columns: &[
        column("site", &["site de livraison", "finess", "point de livraison", "lieu de livraison"], true),
        column("article", &["code article", "code", "cip13", "cip", "gtin", "code produit"], true),
        column("packaging", &["conditionnement"], false),
        column("quantity", &["quantite", "qte", "quantite demandee"], true),
        column("reference", &["votre reference", "reference de ligne", "votre code", "code interne"], false),
        column("needed_by", &["date souhaitee", "date de livraison", "besoin pour le", "souhaite pour le"], false),
        column("commitment", &["engagement", "niveau d engagement"], false),
    ],
    passed_over: &[
        "libelle",
        "designation",
        "libelle article",
        "conditionnements possibles",
        "derniere quantite demandee",
        "votre code article",
        "consommation sur un an",
        "dernier prix paye",
        "prix du marche",
        "nom du site",
        "commentaire",
        "ligne",
        "erreurs",
    ],
    counted: "quantity",
};
const SITE: usize = 0;
const ARTICLE: usize = 1;
const PACKAGING: usize = 2;
const QUANTITY: usize = 3;
const REFERENCE: usize = 4;
const NEEDED_BY: usize = 5;
const COMMITMENT: usize = 6;

/// What a file is for.
#[derive(Debug, Clone)]
pub struct Destination {
    /// `rnd_…`.
    pub round_id: String,
    /// `pty_…` of the member.
    pub party_id: String,
}

impl Destination {
    /// As a prepared workbook says it.
    #[must_use]
    pub fn origin(&self) -> Origin {
        vec![
            ("round_id", self.round_id.clone(), "Ce classeur a été préparé pour une autre campagne."),
            ("party_id", self.party_id.clone(), "Ce classeur a été préparé pour un autre établissement."),
        ]
    }
}

/// A row read.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    /// It asks for nothing: blank, or without a quantity.
    Skipped,
    /// It asks for something.
    Asked {
        /// What can be sent on: also rows with a fault in a cell that has a stand-in, so that their other cells are checked
        /// too.
        need: Option<NeedInput>,
        /// What is wrong with it, by technical column.
        faults: Vec<RowError>,
    },
}

/// Reads a row below the header.
#[must_use]
pub fn row(layout: &Layout, row: &FileRow) -> Row {
    if let Some(told) = layout.unreadable(row) {
        return Row::Asked { need: None, faults: vec![told] };
    }
    if layout.cell(row, QUANTITY).is_empty() { Row::Skipped } else { typed(layout, row) }
}

fn typed(layout: &Layout, row: &FileRow) -> Row {
    let cell = |column: usize| layout.cell(row, column);
    let mut faults = Vec::new();
    let mut checked = |column: usize, read: Result<String, Explained>| {
        read.map_err(|why| faults.push(fault(row.number, SCHEMA.columns[column].name, cell(column), why))).ok()
    };
    // A row whose site or article cannot be asked for is not sent on; other faulty cells get a stand-in.
    let site = checked(SITE, cell::site(cell(SITE)));
    let article = checked(ARTICLE, cell::article(cell(ARTICLE)));
    let quantity = cell::quantity(cell(QUANTITY)).map(|quantity| quantity.unwrap_or(1).to_string());
    let quantity = checked(QUANTITY, quantity).and_then(|text| text.parse().ok()).unwrap_or(1);
    let reference = checked(REFERENCE, cell::reference(cell(REFERENCE))).unwrap_or_default();
    let needed_by = checked(NEEDED_BY, cell::date(cell(NEEDED_BY))).unwrap_or_default();
    let commitment = checked(COMMITMENT, cell::commitment(cell(COMMITMENT)).map(str::to_owned));
    let commitment = commitment.and_then(|name| pb::Commitment::from_str_name(&name)).unwrap_or_default().into();
    let packaging_code = cell(PACKAGING).to_owned();
    let need = site.zip(article).map(|(site, article)| NeedInput {
        site,
        article,
        packaging_code,
        quantity,
        reference,
        needed_by,
        commitment,
    });
    Row::Asked { need, faults }
}

/// A file that asks for nothing.
#[must_use]
pub fn no_rows() -> RowError {
    let remedy = "Indiquez une quantité sur au moins une ligne sous l'en-tête.";
    fault(0, "", "", ("Le fichier ne contient aucun besoin.".into(), remedy.into()))
}

#[cfg(test)]
mod tests;
