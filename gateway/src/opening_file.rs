//! Files of what exists on the first day: what their columns mean (`sheet.rs` reads the files themselves).

use proto::{common::v1::RowError, demand::v1 as demand, tendering::v1 as tendering};

use crate::sheet::{
    Column, FileRow, Layout, Schema,
    cell::{self, Explained},
    fault,
};

const MEMBER: Column =
    Column { name: "member", also: &["membre", "etablissement", "adherent", "finess", "siret"], required: true };
const AS_OF: Column =
    Column { name: "as_of", also: &["arrete au", "date d arrete", "date arrete", "etat au"], required: false };
const SOURCE: Column = Column { name: "source", also: &["origine", "provenance"], required: false };
const LABEL: Column = Column { name: "label", also: &["libelle", "designation", "libelle article"], required: false };
const AMOUNT: Column = Column {
    name: "amount",
    also: &["montant", "montant ht", "valeur", "consomme", "montant consomme"],
    required: false,
};
const AMOUNT_CENTS: Column = Column { name: "amount_cents", also: &["montant en centimes"], required: false };
const AGREEMENT: Column =
    Column { name: "agreement", also: &["accord cadre", "marche", "contrat", "numero de marche"], required: true };
const LOT_NUMBER: Column =
    Column { name: "lot_number", also: &["lot", "numero de lot", "numero du lot"], required: true };
const PASSED_OVER: &[&str] = &["commentaire", "ligne", "erreurs", "nom", "nom de l etablissement"];

/// Members' own codes of articles.
pub static CODES: Schema = Schema {
    sheet: "Codes",
    columns: &[
        MEMBER,
        Column {
            name: "code",
            also: &["votre code", "code interne", "code propre", "code etablissement"],
            required: true,
        },
        Column { name: "article", also: &["code article", "code commun", "cip13", "cip", "gtin"], required: true },
        LABEL,
    ],
    passed_over: PASSED_OVER,
    counted: "",
};

/// Consumption by month.
pub static CONSUMPTION: Schema = Schema {
    sheet: "Consommation",
    columns: &[
        MEMBER,
        Column {
            name: "article",
            also: &["code article", "code", "votre code", "code interne", "cip13", "cip", "gtin", "code produit"],
            required: true,
        },
        Column { name: "month", also: &["mois", "periode"], required: true },
        Column {
            name: "units",
            also: &["unites", "quantite", "qte", "quantite consommee", "consommation"],
            required: true,
        },
        AMOUNT,
        AMOUNT_CENTS,
        Column {
            name: "site",
            also: &["site de livraison", "point de livraison", "lieu de livraison"],
            required: false,
        },
        LABEL,
        AS_OF,
        SOURCE,
    ],
    passed_over: PASSED_OVER,
    counted: "units",
};

/// Orders placed before and not delivered yet.
pub static OPEN_ORDERS: Schema = Schema {
    sheet: "Commandes en cours",
    columns: &[
        MEMBER,
        Column {
            name: "site",
            also: &["site de livraison", "point de livraison", "lieu de livraison"],
            required: true,
        },
        AGREEMENT,
        LOT_NUMBER,
        Column {
            name: "article",
            also: &["code article", "code", "votre code", "code interne", "cip13", "cip", "gtin", "code produit"],
            required: true,
        },
        LABEL,
        Column { name: "packaging", also: &["conditionnement"], required: false },
        Column {
            name: "ordered_units",
            also: &["unites commandees", "quantite commandee", "commande"],
            required: true,
        },
        Column { name: "delivered_units", also: &["unites livrees", "quantite livree", "deja livre"], required: false },
        Column { name: "unit_price", also: &["prix unitaire", "prix unitaire ht", "prix"], required: true },
        Column { name: "ordered_on", also: &["date de commande", "commande le"], required: true },
        Column {
            name: "number",
            also: &["numero", "numero de commande", "n de commande", "bon de commande"],
            required: true,
        },
        Column { name: "supplier", also: &["fournisseur", "titulaire"], required: false },
        AS_OF,
        SOURCE,
    ],
    passed_over: PASSED_OVER,
    counted: "ordered_units",
};

/// What members had consumed of lots.
pub static LOTS: Schema = Schema {
    sheet: "Lots",
    columns: &[AGREEMENT, LOT_NUMBER, MEMBER, AMOUNT, AMOUNT_CENTS, AS_OF, SOURCE],
    passed_over: PASSED_OVER,
    counted: "",
};

/// What rows say that leave it out: the whole file was drawn up on one day and comes from one place.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    /// ISO date.
    pub as_of: String,
    /// Where it comes from.
    pub source: String,
}

/// A row being read, cell by cell.
struct Reader<'a> {
    layout: &'a Layout,
    row: &'a FileRow,
    faults: Vec<RowError>,
}

impl<'a> Reader<'a> {
    /// None for a blank row.
    fn new(layout: &'a Layout, row: &'a FileRow) -> Option<Self> {
        let faults: Vec<RowError> = layout.unreadable(row).into_iter().collect();
        let blank = faults.is_empty() && row.cells.iter().all(|cell| cell.trim().is_empty());
        (!blank).then_some(Self { layout, row, faults })
    }

    fn text(&self, column: &str) -> &'a str {
        self.layout.place(column).and_then(|place| self.row.cells.get(place)).map_or("", |cell| cell.trim())
    }

    fn read<T: Default>(&mut self, column: &str, read: impl FnOnce(&str) -> Result<T, Explained>) -> T {
        let text = self.text(column);
        read(text).unwrap_or_else(|why| {
            self.faults.push(fault(self.row.number, column, text, why));
            T::default()
        })
    }

    /// A whole number that must be there.
    fn whole(&mut self, column: &str) -> i64 {
        let missing = || ("La cellule est vide.".to_owned(), "Indiquez un nombre entier.".to_owned());
        self.read(column, |text| cell::quantity(text)?.ok_or_else(missing))
    }

    /// An amount in euros or in cents.
    fn amount(&mut self) -> Option<i64> {
        let (euros, cents) = (self.text("amount"), self.text("amount_cents"));
        if !euros.is_empty() && !cents.is_empty() {
            let why = ("Le montant est donné deux fois.".into(), "Gardez les euros ou les centimes.".into());
            self.faults.push(fault(self.row.number, "amount", euros, why));
        }
        if !cents.is_empty() {
            return Some(self.whole("amount_cents"));
        }
        (!euros.is_empty()).then(|| self.read("amount", cell::cents))
    }

    fn as_of(&mut self, defaults: &Defaults) -> String {
        let day = self.read("as_of", cell::date);
        if day.is_empty() { defaults.as_of.clone() } else { day }
    }

    fn source(&mut self, defaults: &Defaults) -> String {
        let source = self.text("source");
        if source.is_empty() { defaults.source.clone() } else { source.to_owned() }
    }

    fn finish<T>(self, row: T) -> Option<Result<T, Vec<RowError>>> {
        Some(if self.faults.is_empty() { Ok(row) } else { Err(self.faults) })
    }
}

/// Reads a row of own codes; none for a blank one.
#[must_use]
pub fn code(layout: &Layout, row: &FileRow, _: &Defaults) -> Option<Result<demand::MemberCodeInput, Vec<RowError>>> {
    let mut reader = Reader::new(layout, row)?;
    let input = demand::MemberCodeInput {
        row: row.number,
        party: reader.read("member", cell::party),
        code: reader.read("code", cell::code),
        article: reader.read("article", cell::code),
        label: reader.text("label").to_owned(),
    };
    reader.finish(input)
}

/// Reads a row of consumption; none for a blank one.
#[must_use]
pub fn consumption(
    layout: &Layout,
    row: &FileRow,
    defaults: &Defaults,
) -> Option<Result<demand::ConsumptionInput, Vec<RowError>>> {
    let mut reader = Reader::new(layout, row)?;
    let input = demand::ConsumptionInput {
        row: row.number,
        party: reader.read("member", cell::party),
        site: reader.read("site", |text| if text.is_empty() { Ok(String::new()) } else { cell::site(text) }),
        article: reader.read("article", cell::code),
        label: reader.text("label").to_owned(),
        month: reader.read("month", cell::month),
        units: reader.whole("units"),
        amount_cents: reader.amount(),
        as_of: reader.as_of(defaults),
        source: reader.source(defaults),
    };
    reader.finish(input)
}

/// Reads a row of an order; none for a blank one.
#[must_use]
pub fn order(
    layout: &Layout,
    row: &FileRow,
    defaults: &Defaults,
) -> Option<Result<demand::OpenOrderInput, Vec<RowError>>> {
    let mut reader = Reader::new(layout, row)?;
    let input = demand::OpenOrderInput {
        row: row.number,
        party: reader.read("member", cell::party),
        site: reader.read("site", cell::site),
        agreement: reader.read("agreement", cell::code),
        lot_number: i32::try_from(reader.whole("lot_number")).unwrap_or_default(),
        supplier: reader.read("supplier", |text| if text.is_empty() { Ok(String::new()) } else { cell::party(text) }),
        article: reader.read("article", cell::code),
        label: reader.text("label").to_owned(),
        packaging_code: reader.text("packaging").to_owned(),
        ordered_units: reader.whole("ordered_units"),
        delivered_units: reader.read("delivered_units", |text| Ok(cell::quantity(text)?.unwrap_or(0))),
        unit_price: reader.read("unit_price", |text| cell::decimal(text, 6)),
        ordered_on: reader.read("ordered_on", cell::date),
        number: reader.read("number", cell::code),
        as_of: reader.as_of(defaults),
        source: reader.source(defaults),
    };
    reader.finish(input)
}

/// Reads a row of lot consumption; none for a blank one.
#[must_use]
pub fn lot(
    layout: &Layout,
    row: &FileRow,
    defaults: &Defaults,
) -> Option<Result<tendering::LotConsumptionInput, Vec<RowError>>> {
    let mut reader = Reader::new(layout, row)?;
    let amount = reader.amount();
    if amount.is_none() {
        let why = ("Le montant manque.".into(), "Indiquez le montant hors taxes, 0 s'il n'y a rien.".into());
        reader.faults.push(fault(row.number, "amount", "", why));
    }
    let input = tendering::LotConsumptionInput {
        row: row.number,
        agreement: reader.read("agreement", cell::code),
        lot_number: i32::try_from(reader.whole("lot_number")).unwrap_or_default(),
        party: reader.read("member", cell::party),
        amount_cents: amount.unwrap_or_default(),
        as_of: reader.as_of(defaults),
        source: reader.source(defaults),
    };
    reader.finish(input)
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, sync::Arc};

    use super::*;
    use crate::sheet::{Format, SheetFile, spool};

    fn open(text: &str, schema: &'static Schema) -> SheetFile {
        let file = spool::nameless(&std::env::temp_dir()).unwrap();
        (&file).write_all(text.as_bytes()).unwrap();
        let stored = spool::Stored::new(Arc::new(file));
        SheetFile::open(stored, Format::Csv, schema, Vec::new(), &std::env::temp_dir()).unwrap().unwrap()
    }

    #[test]
    fn consumption_is_read_as_a_hospital_extracts_it() {
        let text = "Établissement;Code interne;Libellé;Mois;Quantité;Montant HT;Arrêté au\n\
            290000017;012345;Gant nitrile M;10/2026;1 200;58,97 €;15/11/2026\n\
            ;;;;;;\n\
            290000017;3,40E+12;Gant;2026-10-01;12,5;abc;\n";
        let file = open(text, &CONSUMPTION);
        let defaults = Defaults { as_of: "2026-11-16".into(), source: "GEF".into() };
        let mut rows = file.rows().unwrap();
        let good = consumption(file.layout(), &rows.next().unwrap().unwrap(), &defaults).unwrap().unwrap();
        assert_eq!((good.party.as_str(), good.article.as_str()), ("finess:290000017", "012345"));
        assert_eq!((good.month.as_str(), good.units, good.amount_cents), ("2026-10", 1_200, Some(5_897)));
        assert_eq!((good.as_of.as_str(), good.source.as_str()), ("2026-11-15", "GEF"));
        assert!(consumption(file.layout(), &rows.next().unwrap().unwrap(), &defaults).is_none(), "a blank row");
        let bad = consumption(file.layout(), &rows.next().unwrap().unwrap(), &defaults).unwrap().unwrap_err();
        let columns: Vec<&str> = bad.iter().map(|fault| fault.column.as_str()).collect();
        assert_eq!(columns, ["article", "units", "amount"]);
    }

    #[test]
    fn lots_need_an_amount_in_euros_or_in_cents() {
        let text = "Accord-cadre;Lot;Membre;Montant;amount_cents\nAC-1;2;key:brest;1 234,50;\nAC-1;2;key:brest;;\nAC-1;2;key:brest;1;100\n";
        let file = open(text, &LOTS);
        let mut rows = file.rows().unwrap();
        let mut next = || lot(file.layout(), &rows.next().unwrap().unwrap(), &Defaults::default()).unwrap();
        assert_eq!(next().unwrap().amount_cents, 123_450);
        assert!(next().unwrap_err()[0].problem.contains("manque"));
        assert!(next().unwrap_err()[0].problem.contains("deux fois"));
    }
}
