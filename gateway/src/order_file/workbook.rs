//! Writes an order's workbook: the envelope, the articles to ship, the order forms, and one row per article and delivery point.

use kit::french::grouped;
use rust_xlsxwriter::{Color, Format, FormatAlign, FormatBorder, Workbook, Worksheet, XlsxError};

use super::sheet::{Form, Item, Place, Point, Sheet};
use crate::texts::moment;

/// Width in characters of each column of the lines' sheet, with its title.
const LINES: [(&str, f64); 22] = [
    ("Bon de commande", 16.0),
    ("N° d'engagement", 16.0),
    ("Commandeur", 34.0),
    ("Payeur", 34.0),
    ("Membre", 34.0),
    ("Site", 34.0),
    ("FINESS", 12.0),
    ("Adresse du site", 44.0),
    ("Acheminement", 14.0),
    ("Livrer à", 34.0),
    ("Adresse de livraison", 44.0),
    ("Code article", 16.0),
    ("Libellé", 46.0),
    ("Conditionnement", 16.0),
    ("Nombre", 10.0),
    ("Unités commandées", 14.0),
    ("dont annulées depuis", 14.0),
    ("Conversion", 46.0),
    ("Prix unitaire (€ HT)", 14.0),
    ("Montant (€ HT)", 14.0),
    ("TVA (%)", 8.0),
    ("Unité", 12.0),
];

struct Look {
    title: Format,
    bold: Format,
    header: Format,
    text: Format,
    wrapped: Format,
    whole: Format,
    price: Format,
    euros: Format,
    sum: Format,
}

/// Writes the workbook.
///
/// # Errors
/// When it has more in it than a workbook takes.
pub fn write(sheet: &Sheet) -> Result<Vec<u8>, XlsxError> {
    let look = Look {
        title: Format::new().set_bold().set_font_size(14),
        bold: Format::new().set_bold(),
        header: Format::new()
            .set_bold()
            .set_text_wrap()
            .set_align(FormatAlign::VerticalCenter)
            .set_background_color(Color::RGB(0xD9_E2_F3))
            .set_border(FormatBorder::Thin),
        text: Format::new().set_num_format("@"),
        wrapped: Format::new().set_num_format("@").set_text_wrap().set_align(FormatAlign::Top),
        whole: Format::new().set_num_format("#,##0"),
        price: Format::new().set_num_format("0.00####"),
        euros: Format::new().set_num_format("#,##0.00"),
        sum: Format::new().set_num_format("#,##0.00").set_bold(),
    };
    let mut workbook = Workbook::new();
    write_envelope(workbook.add_worksheet(), sheet, &look)?;
    write_articles(workbook.add_worksheet(), sheet, &look)?;
    write_forms(workbook.add_worksheet(), sheet, &look)?;
    write_lines(workbook.add_worksheet(), sheet, &look)?;
    workbook.save_to_buffer()
}

fn write_envelope(page: &mut Worksheet, sheet: &Sheet, look: &Look) -> Result<(), XlsxError> {
    page.set_name("Commande")?.set_column_width(0, 28)?.set_column_width(1, 80)?;
    page.write_string_with_format(0, 0, format!("Commande groupée {}", sheet.number), &look.title)?;
    let platform = sheet.platform.as_ref().map(|place| format!("{}, {}", place.name, place.address));
    let facts = [
        ("Groupement", sheet.group.clone()),
        ("Fournisseur", sheet.supplier.name.clone()),
        ("SIRET du fournisseur", sheet.supplier.siret.clone()),
        ("Accord-cadre", sheet.agreement.clone()),
        ("Lot", sheet.lot.clone()),
        ("Passée le", moment(&sheet.placed_at).unwrap_or_default()),
        ("Plateforme de livraison", platform.unwrap_or_else(|| "aucune : livraison directe".into())),
        ("Bons de commande", grouped(i64::try_from(sheet.forms.len()).unwrap_or(i64::MAX))),
    ];
    let mut row = 2;
    for (name, value) in facts {
        page.write_string_with_format(row, 0, name, &look.bold)?;
        page.write_string_with_format(row, 1, value, &look.wrapped)?;
        row += 1;
    }
    row += 1;
    let left = Format::new().set_num_format("#,##0.00").set_align(FormatAlign::Left);
    let amounts = [
        ("Montant HT (€)", sheet.totals.amount_cents),
        ("TVA (€)", sheet.totals.vat_cents),
        ("Montant TTC (€)", sheet.totals.with_vat_cents()),
        ("Annulé depuis, HT (€)", sheet.cancelled_cents),
    ];
    for (name, cents) in amounts {
        page.write_string_with_format(row, 0, name, &look.bold)?;
        page.write_number_with_format(row, 1, euros(cents), &left)?;
        row += 1;
    }
    Ok(())
}

fn head(page: &mut Worksheet, columns: &[(&str, f64)], look: &Look) -> Result<(), XlsxError> {
    page.set_freeze_panes(1, 0)?.set_repeat_rows(0, 0)?.set_landscape();
    page.set_row_height(0, 32)?;
    for (column, (title, width)) in (0_u16..).zip(columns) {
        page.set_column_width(column, *width)?;
        page.write_string_with_format(0, column, *title, &look.header)?;
    }
    Ok(())
}

fn write_articles(page: &mut Worksheet, sheet: &Sheet, look: &Look) -> Result<(), XlsxError> {
    page.set_name("Articles")?;
    let columns = [
        ("Code article", 16.0),
        ("Libellé", 46.0),
        ("Conditionnement", 16.0),
        ("Nombre", 10.0),
        ("Unités", 14.0),
        ("dont annulées depuis", 14.0),
        ("Conversion", 50.0),
        ("Prix unitaire (€ HT)", 14.0),
        ("Montant (€ HT)", 14.0),
        ("TVA (%)", 8.0),
    ];
    head(page, &columns, look)?;
    for (row, item) in (1_u32..).zip(&sheet.articles) {
        page.write_string_with_format(row, 0, &item.code, &look.text)?;
        page.write_string_with_format(row, 1, &item.label, &look.text)?;
        page.write_string_with_format(row, 2, &item.packaging_code, &look.text)?;
        write_quantities(page, row, 3, item, look)?;
        page.write_string_with_format(row, 6, &item.conversion, &look.text)?;
        write_price(page, row, 7, item, look)?;
    }
    Ok(())
}

/// Packs, units and cancelled units.
fn write_quantities(page: &mut Worksheet, row: u32, column: u16, item: &Item, look: &Look) -> Result<(), XlsxError> {
    if let Some(packs) = item.packs {
        page.write_number_with_format(row, column, whole(packs), &look.whole)?;
    }
    page.write_number_with_format(row, column + 1, whole(item.units), &look.whole)?;
    page.write_number_with_format(row, column + 2, whole(item.cancelled), &look.whole)?;
    Ok(())
}

/// Unit price, amount and VAT rate.
fn write_price(page: &mut Worksheet, row: u32, column: u16, item: &Item, look: &Look) -> Result<(), XlsxError> {
    page.write_number_with_format(row, column, decimal(&item.unit_price), &look.price)?;
    page.write_number_with_format(row, column + 1, euros(item.amount_cents), &look.euros)?;
    page.write_number_with_format(row, column + 2, decimal(&item.vat_rate), &look.price)?;
    Ok(())
}

fn write_forms(page: &mut Worksheet, sheet: &Sheet, look: &Look) -> Result<(), XlsxError> {
    page.set_name("Bons de commande")?;
    let columns = [
        ("Bon de commande", 16.0),
        ("N° d'engagement", 16.0),
        ("Commandeur", 40.0),
        ("SIRET du commandeur", 18.0),
        ("Réceptionnaire", 40.0),
        ("Payeur", 40.0),
        ("SIRET du payeur", 18.0),
        ("Montant (€ HT)", 14.0),
        ("TVA (€)", 14.0),
        ("Montant (€ TTC)", 14.0),
        ("TVA par taux", 50.0),
    ];
    head(page, &columns, look)?;
    let mut row = 1;
    for form in &sheet.forms {
        let texts = [
            &form.number,
            &form.commitment,
            &form.orderer.name,
            &form.orderer.siret,
            &form.receiver,
            &form.payer.name,
            &form.payer.siret,
        ];
        for (column, text) in (0_u16..).zip(texts) {
            page.write_string_with_format(row, column, text, &look.text)?;
        }
        let cents = [form.totals.amount_cents, form.totals.vat_cents, form.totals.with_vat_cents()];
        for (column, cents) in (7_u16..).zip(cents) {
            page.write_number_with_format(row, column, euros(cents), &look.euros)?;
        }
        let rate = |(rate, (amount, vat)): (&rust_decimal::Decimal, &(i64, i64))| {
            let rate = rate.to_string().replace('.', ",");
            format!("{rate} % de {} : {}", kit::french::euros(*amount), kit::french::euros(*vat))
        };
        let rates: Vec<String> = form.totals.by_rate.iter().map(rate).collect();
        page.write_string_with_format(row, 10, rates.join(" ; "), &look.text)?;
        row += 1;
    }
    page.write_string_with_format(row, 0, "Total", &look.bold)?;
    let cents = [sheet.totals.amount_cents, sheet.totals.vat_cents, sheet.totals.with_vat_cents()];
    for (column, cents) in (7_u16..).zip(cents) {
        page.write_number_with_format(row, column, euros(cents), &look.sum)?;
    }
    Ok(())
}

fn write_lines(page: &mut Worksheet, sheet: &Sheet, look: &Look) -> Result<(), XlsxError> {
    page.set_name("Lignes")?;
    head(page, &LINES, look)?;
    let mut row = 1;
    for form in &sheet.forms {
        for point in &form.points {
            for item in &point.lines {
                write_line(page, row, sheet.platform.as_ref(), (form, point, item), look)?;
                row += 1;
            }
        }
    }
    Ok(())
}

fn write_line(
    page: &mut Worksheet,
    row: u32,
    platform: Option<&Place>,
    (form, point, item): (&Form, &Point, &Item),
    look: &Look,
) -> Result<(), XlsxError> {
    let to = platform.filter(|_| point.by_platform).unwrap_or(&point.site);
    let texts = [
        form.number.as_str(),
        &form.commitment,
        &form.orderer.name,
        &form.payer.name,
        &point.member,
        &point.site.name,
        &point.site.finess,
        &point.site.address,
        if point.by_platform { "PLATEFORME" } else { "DIRECT" },
        &to.name,
        &to.address,
        &item.code,
        &item.label,
        &item.packaging_code,
    ];
    for (column, text) in (0_u16..).zip(texts) {
        page.write_string_with_format(row, column, text, &look.text)?;
    }
    write_quantities(page, row, 14, item, look)?;
    page.write_string_with_format(row, 17, &item.conversion, &look.text)?;
    write_price(page, row, 18, item, look)?;
    page.write_string_with_format(row, 21, &item.unit, &look.text)?;
    Ok(())
}

/// A workbook keeps numbers as doubles; below 2^53 they show the same digits.
#[allow(clippy::cast_precision_loss, reason = "for people to read; the figures themselves are elsewhere")]
fn whole(number: i64) -> f64 {
    number as f64
}

#[allow(clippy::float_arithmetic, reason = "as above: cents become the euros that a cell shows")]
fn euros(cents: i64) -> f64 {
    whole(cents) / 100.0
}

/// A decimal of at most 6 places, which a double shows with the same digits.
fn decimal(text: &str) -> f64 {
    text.parse().unwrap_or_default()
}
