use std::{collections::HashMap, io::Cursor};

use calamine::{Data, Reader as _, Xlsx};
use proto::{
    catalogue::v1::{Article, Identifier, Packaging},
    demand::v1 as pb,
    membership::v1::{Party, Site},
    tendering::v1::{Agreement, Lot},
};

use super::{gather::Source, sheet::Sheet, *};

const MEMBERS: usize = 3;

/// An order of several buyers: `articles` each, tablets by the carton at 2.1 %, gloves at 20 %, one through the platform.
pub fn source(articles: usize) -> Source {
    let mut source = Source {
        order: pb::PooledOrder {
            id: "por_1".into(),
            group_id: "grp_1".into(),
            number: "CG-2026-0001".into(),
            lot_id: "lot_1".into(),
            supplier_id: "pty_s".into(),
            placed_at: "2026-11-25T10:00:00Z".into(),
            platform_site_id: "sit_9".into(),
            ..Default::default()
        },
        group: "GHT FICTIF de l'Élorn".into(),
        agreement: Agreement {
            number: "FICTIF-2026-101".into(),
            title: "Médicaments".into(),
            lots: vec![Lot {
                id: "lot_1".into(), number: 3, title: "Gélules et œillets".into(), ..Default::default()
            }],
            ..Default::default()
        },
        ..Default::default()
    };
    source.parties.insert("pty_s".into(), party("pty_s", "Laboratoire FICTIF du Ponant"));
    source.sites.insert("sit_9".into(), site("sit_9", "Plateforme FICTIVE"));
    for index in 0..articles {
        let article = article(index);
        let (mut packs, mut amount) = (0, 0);
        for member in 0..MEMBERS {
            let line = line(index, member, &article);
            packs += line.units_ordered / line.pack_units;
            amount += line.amount_cents;
            source.lines.push(line);
        }
        source.pooled.push(pb::PooledOrderLine {
            id: format!("pll_{index}"),
            article_id: article.id.clone(),
            packaging_code: "CARTON".into(),
            pack_units: 300,
            packs,
            units_ordered: packs * 300,
            unit_price: "0.0842".into(),
            amount_cents: amount,
            vat_rate: article.vat_rate.clone(),
            ..Default::default()
        });
        source.articles.insert(article.id.clone(), article);
    }
    for member in 0..MEMBERS {
        add_form(&mut source, member);
    }
    source
}

fn party(id: &str, name: &str) -> Party {
    Party { id: id.into(), name: name.into(), siret: "00012345600012".into(), ..Default::default() }
}

fn site(id: &str, name: &str) -> Site {
    let (address, postcode, city) = ("1 rue de l'Échantillon".into(), "29200".into(), "Brest".into());
    Site { id: id.into(), name: name.into(), address, postcode, city, ..Default::default() }
}

fn article(index: usize) -> Article {
    let level = |code: &str, label: &str, contains: &str, count: i64| Packaging {
        code: code.into(),
        label: label.into(),
        contains_code: contains.into(),
        contains_count: count,
        identifiers: vec![Identifier { value: format!("{code}-{index:04}"), ..Default::default() }],
        ..Default::default()
    };
    Article {
        id: format!("art_{index}"),
        key: format!("article-{index}"),
        label: format!("Paracétamol {index} mg, comprimé"),
        base_unit_label: "comprimé".into(),
        vat_rate: if index.is_multiple_of(2) { "2.1" } else { "20" }.into(),
        packagings: vec![
            level("UNIT", "comprimé", "", 0),
            level("BOX", "boîte", "UNIT", 30),
            level("CARTON", "carton", "BOX", 10),
        ],
        ..Default::default()
    }
}

fn line(index: usize, member: usize, article: &Article) -> pb::OrderLine {
    let units = 300 * i64::try_from(index % 7 + member + 1).unwrap();
    let route = if member == 0 { pb::Route::Platform } else { pb::Route::Direct };
    pb::OrderLine {
        id: format!("orl_{index}_{member}"),
        order_form_id: format!("orf_{member}"),
        pooled_line_id: format!("pll_{index}"),
        party_id: format!("pty_{member}"),
        site_id: format!("sit_{member}"),
        route: route.into(),
        article_id: article.id.clone(),
        packaging_code: "CARTON".into(),
        pack_units: 300,
        units_ordered: units,
        unit_price: "0.0842".into(),
        amount_cents: units * 842 / 100,
        ..Default::default()
    }
}

/// With totals computed here on their own: by rate, rounded half up once.
fn add_form(source: &mut Source, member: usize) {
    let id = format!("orf_{member}");
    let at = |even: bool| -> i64 {
        let of_rate = |line: &&pb::OrderLine| {
            line.order_form_id == id && (source.articles[&line.article_id].vat_rate == "2.1") == even
        };
        source.lines.iter().filter(of_rate).map(|line| line.amount_cents).sum()
    };
    let (low, high) = (at(true), at(false));
    let form = pb::OrderForm {
        id: id.clone(),
        number: format!("BC-2026-000{member}"),
        orderer_id: format!("pty_{member}"),
        receiver_id: format!("pty_{member}"),
        payer_id: format!("pty_{member}"),
        commitment_number: format!("ENG-{member}"),
        amount_cents: low + high,
        vat_cents: (low * 21 + 500) / 1_000 + (high * 20 + 50) / 100,
        ..Default::default()
    };
    source.order.amount_cents += form.amount_cents;
    source.forms.insert(id, form);
    source.parties.insert(format!("pty_{member}"), party(&format!("pty_{member}"), &format!("Hôpital n° {member}")));
    source.sites.insert(format!("sit_{member}"), site(&format!("sit_{member}"), &format!("Pharmacie {member}")));
}

/// The text of each page, without spaces of any kind.
pub fn text_of(pdf: &[u8]) -> Vec<String> {
    let document = lopdf::Document::load_mem(pdf).unwrap();
    let pages = document.get_pages();
    pages.keys().map(|page| squeezed(&document.extract_text(&[*page]).unwrap())).collect()
}

pub fn squeezed(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_whitespace()).collect()
}

#[test]
fn the_pdf_says_in_selectable_text_what_the_order_says() {
    let source = source(4);
    let sheet = Sheet::of(&source).unwrap();
    assert_eq!(sheet.totals.amount_cents, source.order.amount_cents);
    let pages = text_of(&pdf::write(&sheet).unwrap());
    assert_eq!(pages.len(), 1 + MEMBERS, "the envelope, and each form from a page of its own");
    let front = &pages[0];
    let vat: i64 = source.forms.values().map(|form| form.vat_cents).sum();
    for expected in [
        "Commande groupée CG-2026-0001".to_owned(),
        "GHT FICTIF de l'Élorn".to_owned(),
        "3 — Gélules et œillets".to_owned(),
        kit::french::euros(source.order.amount_cents),
        kit::french::euros(vat),
        kit::french::euros(source.order.amount_cents + vat),
    ] {
        assert!(front.contains(&squeezed(&expected)), "{expected} is not in {front}");
    }
    for (page, form) in pages[1..].iter().zip(&sheet.forms) {
        for expected in [
            form.number.clone(),
            form.commitment.clone(),
            form.orderer.name.clone(),
            kit::french::euros(form.totals.amount_cents),
            kit::french::euros(form.totals.vat_cents),
            kit::french::euros(form.totals.with_vat_cents()),
            form.points[0].lines[0].conversion.clone(),
            "1 rue de l'Échantillon, 29200 Brest".to_owned(),
        ] {
            assert!(page.contains(&squeezed(&expected)), "{expected} is not in {page}");
        }
    }
    assert!(pages[1].contains(&squeezed("À livrer à la plateforme : Plateforme FICTIVE")));
    assert!(pages[2].contains(&squeezed("À livrer directement à cette adresse")));
    assert!(pages[3].contains("page4/4"));
}

#[test]
fn a_long_form_goes_on_under_a_repeated_header() {
    let source = source(120);
    let pages = text_of(&pdf::write(&Sheet::of(&source).unwrap()).unwrap());
    assert!(pages.len() > 8, "{}", pages.len());
    let last = pages.len();
    for (index, page) in pages.iter().enumerate() {
        assert!(page.contains(&format!("page{}/{last}", index + 1)), "page {index}: {page}");
    }
    let with_lines = pages.iter().filter(|page| page.contains("comprimé(") || page.contains("mg,comprimé"));
    for page in with_lines {
        assert!(page.contains("PrixunitaireHT"), "no header on {page}");
    }
    let all = pages.concat();
    for index in 0..120 {
        let code = format!("CARTON-{index:04}");
        assert_eq!(all.matches(&code).count(), 1 + MEMBERS, "{code}: once on the envelope and once for each buyer");
    }
}

#[test]
fn lines_that_do_not_add_up_to_their_form_make_no_document() {
    let mut source = source(2);
    source.lines[0].amount_cents += 1;
    assert!(Sheet::of(&source).is_err());
}

#[test]
fn a_pdf_has_a_limit_that_is_said() {
    let mut long = source(1);
    let line = long.lines[0].clone();
    long.lines.resize(PDF_LINES + 1, line);
    let refused = super::write(&long, Format::Pdf).err().unwrap();
    assert_eq!(refused.reason(), "INVALID_INPUT");
}

#[test]
fn the_workbook_reads_back_with_the_orders_figures() {
    let source = source(4);
    let bytes = workbook::write(&Sheet::of(&source).unwrap()).unwrap();
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).unwrap();
    assert_eq!(book.sheet_names(), ["Commande", "Articles", "Bons de commande", "Lignes"]);
    let lines = book.worksheet_range("Lignes").unwrap();
    let column = |title: &str| {
        lines.rows().next().unwrap().iter().position(|cell| *cell == Data::String(title.to_owned())).unwrap()
    };
    let (amount, units) = (column("Montant (€ HT)"), column("Unités commandées"));
    let cents = |cell: &Data| match cell {
        Data::Float(euros) => format!("{euros:.2}").replace('.', "").parse::<i64>().unwrap(),
        other => panic!("{other:?} is no amount"),
    };
    let rows: Vec<_> = lines.rows().skip(1).collect();
    assert_eq!(rows.len(), source.lines.len());
    assert_eq!(rows.iter().map(|row| cents(&row[amount])).sum::<i64>(), source.order.amount_cents);
    let ordered: i64 = source.lines.iter().map(|line| line.units_ordered).sum();
    let written = rows.iter().map(|row| row[units].to_string().parse::<i64>().unwrap()).sum::<i64>();
    assert_eq!(written, ordered);
    let forms = book.worksheet_range("Bons de commande").unwrap();
    for (row, form) in forms.rows().skip(1).zip(&Sheet::of(&source).unwrap().forms) {
        assert_eq!((row[0].to_string(), row[1].to_string()), (form.number.clone(), form.commitment.clone()));
        assert_eq!((cents(&row[7]), cents(&row[8])), (form.totals.amount_cents, form.totals.vat_cents));
    }
}

#[test]
fn the_csv_tells_what_goes_where_without_what_was_cancelled() {
    let mut source = source(1);
    source.lines[1].units_cancelled = 300;
    source.lines[1].cancelled_cents = 2_526;
    source.articles.get_mut("art_0").unwrap().label = "=HYPERLINK(\"x\")".into();
    source.parties.get_mut("pty_0").unwrap().name = "CHU; de Rouen".into();
    let content = csv::write(&source).unwrap();
    let text = String::from_utf8(content).unwrap();
    let body = text.strip_prefix('\u{feff}').expect("byte order mark");
    let mut reader = ::csv::ReaderBuilder::new().delimiter(b';').from_reader(body.as_bytes());
    let header = reader.headers().unwrap().clone();
    let rows: Vec<HashMap<String, String>> = reader
        .records()
        .map(|row| header.iter().map(str::to_owned).zip(row.unwrap().iter().map(str::to_owned)).collect())
        .collect();
    assert_eq!(rows.len(), MEMBERS);
    let pair = |row: usize, one: &str, other: &str| (rows[row][one].clone(), rows[row][other].clone());
    assert_eq!(pair(0, "livrer_a", "acheminement"), ("Plateforme FICTIVE".into(), "PLATEFORME".into()));
    assert_eq!(pair(1, "livrer_a", "acheminement"), ("Pharmacie 1".into(), "DIRECT".into()));
    assert_eq!(pair(1, "unites_commandees", "unites_annulees"), ("600".into(), "300".into()));
    let whole = "conditionnements_de_l_article_a_cette_adresse";
    assert_eq!(pair(1, "conditionnements", whole), ("1".into(), "1".into()), "one address each");
    assert_eq!(pair(0, "montant_ht_eur", "prix_unitaire_ht_eur"), ("25,26".into(), "0,0842".into()));
    assert_eq!(rows[1]["montant_ht_eur"], "25,26");
    assert_eq!(rows[0]["membre"], "CHU; de Rouen");
    assert!(rows[0]["libelle"].starts_with("'="), "no formula");
}
