//! Writes an order as A4 pages: first the envelope with its order forms and the articles to ship, then each order form from a
//! page of its own, with its delivery points.

use kit::{
    Failure,
    french::{euros, grouped},
};
use rust_decimal::Decimal;

use super::{
    paper::{Column, Paper, Style},
    sheet::{Company, Form, Item, Place, Point, Sheet, Totals},
};
use crate::texts::moment;

const TITLE: Style = Style::of(16.0).bold();
const SECTION: Style = Style::of(11.0).bold();
const POINT: Style = Style::of(9.0).bold();
const NOTE: Style = Style::of(8.0).grey();

const fn left(title: &'static str, width: f32) -> Column {
    Column { title, width, right: false }
}

const fn right(title: &'static str, width: f32) -> Column {
    Column { title, width, right: true }
}

const FORMS: [Column; 6] = [
    left("Bon de commande", 86.0),
    left("Commandeur et payeur", 171.0),
    left("N° d'engagement", 78.0),
    right("Montant HT", 62.0),
    right("TVA", 54.0),
    right("Montant TTC", 64.0),
];
const ITEMS: [Column; 6] = [
    left("Article", 233.0),
    right("Nombre", 48.0),
    right("Unités", 56.0),
    right("Prix unitaire HT", 60.0),
    right("Montant HT", 74.0),
    right("TVA", 44.0),
];
const RATES: [Column; 4] =
    [left("Taux de TVA", 90.0), right("Base HT", 90.0), right("TVA", 90.0), right("Montant TTC", 90.0)];

/// Writes the document.
///
/// # Errors
/// When it cannot be written.
pub fn write(sheet: &Sheet) -> Result<Vec<u8>, Failure> {
    let head = format!("{} · commande groupée {} · {}", sheet.group, sheet.number, sheet.supplier.name);
    let mut paper = Paper::new(head.clone())?;
    envelope(&mut paper, sheet);
    for form in &sheet.forms {
        paper.set_head(format!("{head} · bon de commande {}", form.number));
        paper.break_page();
        order_form(&mut paper, sheet, form);
    }
    paper.finish(&format!("Commande groupée {}", sheet.number))
}

fn envelope(paper: &mut Paper, sheet: &Sheet) {
    paper.paragraph(&format!("Commande groupée {}", sheet.number), TITLE);
    paper.space(8.0);
    let platform = sheet.platform.as_ref().map_or_else(|| "aucune : livraison directe sur site".to_owned(), place);
    paper.facts(&[
        ("Groupement", sheet.group.clone()),
        ("Fournisseur", company(&sheet.supplier)),
        ("Accord-cadre", sheet.agreement.clone()),
        ("Lot", sheet.lot.clone()),
        ("Passée le", moment(&sheet.placed_at).unwrap_or_default()),
        ("Plateforme de livraison", platform),
    ]);
    if sheet.cancelled_cents > 0 {
        paper.space(4.0);
        paper.paragraph(
            &format!(
                "Annulé depuis : {} HT. Les montants ci-dessous sont ceux de la commande.",
                euros(sheet.cancelled_cents)
            ),
            NOTE,
        );
    }
    paper.space(12.0);
    paper.paragraph("Bons de commande", SECTION);
    paper.paragraph(
        "Chaque établissement commande, réceptionne et paie pour lui-même, sauf mention contraire ; facturez chaque bon séparément.",
        NOTE,
    );
    paper.space(4.0);
    let mut table = paper.table(&FORMS);
    for form in &sheet.forms {
        let payer = if form.payer.name == form.orderer.name {
            form.orderer.name.clone()
        } else {
            format!("{}\npayé par {}", form.orderer.name, form.payer.name)
        };
        let totals = &form.totals;
        table.row(&[
            &form.number,
            &payer,
            &form.commitment,
            &euros(totals.amount_cents),
            &euros(totals.vat_cents),
            &euros(totals.with_vat_cents()),
        ]);
    }
    let totals = &sheet.totals;
    table.sum(&[
        "Total",
        "",
        "",
        &euros(totals.amount_cents),
        &euros(totals.vat_cents),
        &euros(totals.with_vat_cents()),
    ]);
    paper.space(14.0);
    paper.keep(90.0);
    paper.paragraph("Articles à expédier, tous acheteurs ensemble", SECTION);
    paper.space(4.0);
    items(paper, &sheet.articles);
}

fn order_form(paper: &mut Paper, sheet: &Sheet, form: &Form) {
    paper.paragraph(&format!("Bon de commande {}", form.number), TITLE);
    paper.space(8.0);
    let receiver = Some(form.receiver.clone()).filter(|receiver| *receiver != form.orderer.name);
    paper.facts(&[
        ("Commandeur", company(&form.orderer)),
        ("Réceptionnaire", receiver.unwrap_or_default()),
        ("Payeur", company(&form.payer)),
        ("N° d'engagement", form.commitment.clone()),
        ("Fournisseur", company(&sheet.supplier)),
        ("Accord-cadre", sheet.agreement.clone()),
        ("Lot", sheet.lot.clone()),
        ("Commande groupée", sheet.number.clone()),
        ("Passée le", moment(&sheet.placed_at).unwrap_or_default()),
    ]);
    for point in &form.points {
        paper.space(12.0);
        paper.keep(110.0);
        delivery_point(paper, sheet, point);
    }
    paper.space(12.0);
    totals(paper, &form.totals);
}

fn delivery_point(paper: &mut Paper, sheet: &Sheet, point: &Point) {
    paper.paragraph(&format!("Pour {}", place(&point.site)), POINT);
    let to = match &sheet.platform {
        Some(platform) if point.by_platform => format!("À livrer à la plateforme : {}", place(platform)),
        Some(_) | None => "À livrer directement à cette adresse.".to_owned(),
    };
    paper.paragraph(&format!("{to} Membre : {}.", point.member), NOTE);
    paper.space(4.0);
    items(paper, &point.lines);
}

fn items(paper: &mut Paper, items: &[Item]) {
    let mut table = paper.table(&ITEMS);
    for item in items {
        let cancelled = if item.cancelled > 0 {
            format!("\ndont annulées depuis : {}", grouped(item.cancelled))
        } else {
            String::new()
        };
        table.row(&[
            &format!("{}\n{} · {}\n{}{cancelled}", item.label, item.code, item.packaging_code, item.conversion),
            &item.packs.map_or_else(|| "—".to_owned(), grouped),
            &grouped(item.units),
            &format!("{}\u{a0}€", item.unit_price.replace('.', ",")),
            &euros(item.amount_cents),
            &rate(&item.vat_rate.parse().unwrap_or_default()),
        ]);
    }
}

fn totals(paper: &mut Paper, totals: &Totals) {
    paper.keep(100.0);
    let mut table = paper.table(&RATES);
    for (percent, (amount, vat)) in &totals.by_rate {
        table.row(&[&rate(percent), &euros(*amount), &euros(*vat), &euros(amount + vat)]);
    }
    table.sum(&["Total", &euros(totals.amount_cents), &euros(totals.vat_cents), &euros(totals.with_vat_cents())]);
}

fn rate(percent: &Decimal) -> String {
    format!("{}\u{a0}%", percent.normalize().to_string().replace('.', ","))
}

fn company(company: &Company) -> String {
    if company.siret.is_empty() { company.name.clone() } else { format!("{} (SIRET {})", company.name, company.siret) }
}

fn place(place: &Place) -> String {
    let finess = if place.finess.is_empty() { String::new() } else { format!(" (FINESS {})", place.finess) };
    format!("{}{finess}, {}", place.name, place.address).trim_end_matches(", ").to_owned()
}
