//! Prepared workbooks, read back.

use std::sync::Arc;

use calamine::{Data, Reader as _, SheetVisible, Xlsx};
use proto::catalogue::v1::{Identifier, Tier};

use super::*;
use crate::{
    needs_file::{Row, SCHEMA, row},
    sheet::{Format, SheetFile, spool},
};

fn level(code: &str, label: &str, base_units: i64, cip: &str) -> Packaging {
    let identifiers = match cip {
        "" => Vec::new(),
        value => vec![Identifier { scheme: IdentifierScheme::Cip13.into(), value: value.into() }],
    };
    Packaging { code: code.into(), label: label.into(), base_units, identifiers, ..Default::default() }
}

fn article(key: &str, cip: &str) -> Article {
    Article {
        id: format!("art_{key}"),
        key: key.into(),
        label: format!("Paracétamol {key}"),
        base_unit_label: "comprimé".into(),
        packagings: vec![level("UNIT", "comprimé", 1, ""), level("BOX", "boîte", 30, cip)],
        ..Default::default()
    }
}

fn price() -> Price {
    let tiers = vec![Tier { min_units: 0, unit_price: "0.0215".into() }];
    Price { packaging_code: "BOX".into(), tiers, ..Default::default() }
}

fn site(finess: &str) -> Site {
    Site {
        id: "sit_n".into(),
        key: "nord".into(),
        name: "Hôpital Nord".into(),
        city: "Rouen".into(),
        finess: finess.into(),
        ..Default::default()
    }
}

fn template() -> Template {
    let sites = HashMap::from([("sit_n".to_owned(), site_label(&site("060780239")))]);
    let history = ArticleHistory {
        units: 120,
        quantity: 4,
        packaging_code: "BOX".into(),
        round_title: "Campagne 2025".into(),
        site_id: "sit_n".into(),
        reference: "PHARMA-7".into(),
        reference_price: "0.03".into(),
        own_code: "012345".into(),
        consumed_units: 12_480,
        consumed_from: "2024-11".into(),
        consumed_to: "2025-10".into(),
        consumed_price: "0.0312".into(),
        ..Default::default()
    };
    Template {
        destination: Destination { round_id: "rnd_x".into(), party_id: "pty_x".into() },
        round_title: "Campagne 2026".into(),
        closes_at: "2026-03-02T08:00:00Z".into(),
        member: "CH de Rouen".into(),
        sites: sites.values().cloned().collect(),
        lines: vec![
            line(&article("500", "3400930000007"), Some(&price()), Some(&history), &sites),
            line(&article("1000", ""), Some(&price()), None, &sites),
        ],
    }
}

fn opened(content: Vec<u8>, destination: &Destination) -> Result<SheetFile, Vec<proto::common::v1::RowError>> {
    let file = spool::nameless(&std::env::temp_dir()).unwrap();
    std::io::Write::write_all(&mut &file, &content).unwrap();
    let stored = spool::Stored::new(Arc::new(file));
    SheetFile::open(stored, Format::Workbook, &SCHEMA, destination.origin(), &std::env::temp_dir()).unwrap()
}

#[test]
fn a_line_shows_what_the_member_knows_and_asked_for_last() {
    let line = &template().lines[0];
    assert_eq!(line.article, "3400930000007");
    assert_eq!(line.packagings, "UNIT = comprimé ; BOX = boîte (30 × comprimé)");
    assert_eq!(line.last_asked, "4 BOX (Campagne 2025)");
    assert_eq!(line.consumed, "12\u{202f}480 × comprimé (11/2024 à 10/2025)", "with its period");
    assert_eq!(
        (line.own_code.as_str(), line.paid.as_str()),
        ("012345", "0.03"),
        "a stated price goes before an average"
    );
    assert_eq!((line.reference.as_str(), line.packaging.as_str()), ("PHARMA-7", "BOX"));
    assert_eq!(line.site, "060780239 — Hôpital Nord, Rouen");
    assert_eq!(template().lines[1].article, "key:1000", "without a code of its own");
}

#[test]
fn the_workbook_has_its_sheets_and_its_header() {
    let content = workbook::write(&template()).unwrap();
    let mut workbook: Xlsx<_> = calamine::open_workbook_from_rs(std::io::Cursor::new(content)).unwrap();
    let sheets: Vec<_> = workbook.sheets_metadata().iter().map(|sheet| (sheet.name.clone(), sheet.visible)).collect();
    assert_eq!(sheets[0], ("Besoins".into(), SheetVisible::Visible));
    assert_eq!(sheets[1], ("Mode d'emploi".into(), SheetVisible::Visible));
    assert_eq!(sheets[2], ("centrale".into(), SheetVisible::Hidden));
    let cells = workbook.worksheet_range("Besoins").unwrap();
    assert_eq!(cells.get((0, 0)), Some(&Data::String("Code article".into())));
    assert_eq!(cells.get((1, 0)), Some(&Data::String("3400930000007".into())), "a code is text");
    assert_eq!(cells.get((1, 7)), Some(&Data::Float(0.03)));
}

#[test]
fn a_prepared_workbook_is_readable_as_it_is_and_asks_for_nothing() {
    let template = template();
    let file = opened(workbook::write(&template).unwrap(), &template.destination).unwrap();
    let mut rows = file.rows().unwrap();
    let mut count = 0;
    while let Some(read) = rows.next().unwrap() {
        assert_eq!(row(file.layout(), &read), Row::Skipped);
        count += 1;
    }
    assert_eq!(count, 2);
}

#[test]
fn a_workbook_prepared_for_something_else_is_refused() {
    let content = workbook::write(&template()).unwrap();
    for (round, party, word) in [("rnd_y", "pty_x", "campagne"), ("rnd_x", "pty_y", "établissement")] {
        let other = Destination { round_id: round.into(), party_id: party.into() };
        let faults = opened(content.clone(), &other).unwrap_err();
        assert!(faults.len() == 1 && faults[0].problem.contains(word), "{faults:?}");
    }
}
