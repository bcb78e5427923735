//! Writes the prepared workbook: the sheet to fill in, instructions, and a hidden sheet that says what it is for.

use rust_xlsxwriter::{
    Color, DataValidation, DataValidationRule, Format, FormatAlign, FormatBorder, Formula, Workbook, Worksheet,
    XlsxError,
};

use super::{Line, Template};
use crate::{
    needs_file::SHEET,
    sheet::workbook::{HIDDEN_SHEET, ROW_LIMIT, put_origin},
    texts::moment,
};

/// Longest list of packagings that a spreadsheet takes as a choice, in characters.
const LIST: usize = 255;
/// Rows below the prepared ones that can be filled in too, with the same choices.
const SPARE: u32 = 200;

/// A column: its title and its width in characters.
const COLUMNS: [(&str, f64); 13] = [
    ("Code article", 16.0),
    ("Libellé", 46.0),
    ("Votre code article", 16.0),
    ("Votre référence", 18.0),
    ("Conditionnements possibles", 44.0),
    ("Consommation sur un an", 30.0),
    ("Dernière quantité demandée", 26.0),
    ("Dernier prix payé (€ HT par unité)", 14.0),
    ("Prix du marché (€ HT par unité)", 14.0),
    ("Site de livraison", 40.0),
    ("Conditionnement", 16.0),
    ("Quantité", 12.0),
    ("Date souhaitée", 14.0),
];
const CODE: u16 = 0;
const LABEL: u16 = 1;
const OWN_CODE: u16 = 2;
const REFERENCE: u16 = 3;
const PACKAGINGS: u16 = 4;
const CONSUMED: u16 = 5;
const ASKED: u16 = 6;
const PAID: u16 = 7;
const PRICE: u16 = 8;
const SITE: u16 = 9;
const PACKAGING: u16 = 10;
const QUANTITY: u16 = 11;
const DATE: u16 = 12;

/// Writes the workbook.
///
/// # Errors
/// When it has more in it than a workbook takes.
pub fn write(template: &Template) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    write_needs(workbook.add_worksheet(), template)?;
    write_instructions(workbook.add_worksheet(), template)?;
    write_origin(workbook.add_worksheet(), template)?;
    workbook.save_to_buffer()
}

/// The sheet is not protected: a row is copied to ask for the same article for another site.
fn write_needs(sheet: &mut Worksheet, template: &Template) -> Result<(), XlsxError> {
    let known = Format::new().set_num_format("@").set_background_color(Color::RGB(0xF2_F2_F2));
    let price = Format::new().set_num_format("0.00####").set_background_color(Color::RGB(0xF2_F2_F2));
    let text = Format::new().set_num_format("@");
    let asked = Format::new()
        .set_num_format("#,##0")
        .set_background_color(Color::RGB(0xFF_F2_CC))
        .set_border(FormatBorder::Thin);
    let day = Format::new().set_num_format("dd/mm/yyyy");
    sheet.set_name(SHEET)?.set_freeze_panes(1, 2)?;
    let header = Format::new()
        .set_bold()
        .set_text_wrap()
        .set_align(FormatAlign::VerticalCenter)
        .set_background_color(Color::RGB(0xD9_E2_F3))
        .set_border(FormatBorder::Thin);
    sheet.set_row_height(0, 48)?;
    for (column, (title, width)) in (0_u16..).zip(COLUMNS) {
        sheet.set_column_width(column, width)?;
        sheet.write_string_with_format(0, column, title, &header)?;
    }
    // Whatever is typed into these columns stays what was typed, zeros in front included.
    for column in [CODE, OWN_CODE, REFERENCE, SITE, PACKAGING] {
        sheet.set_column_format(column, &text)?;
    }
    sheet.set_column_format(QUANTITY, &Format::new().set_num_format("#,##0"))?;
    sheet.set_column_format(DATE, &day)?;
    let mut row = 0;
    for line in &template.lines {
        row += 1;
        let texts = [
            (CODE, &line.article, &known),
            (LABEL, &line.label, &known),
            (OWN_CODE, &line.own_code, &known),
            (CONSUMED, &line.consumed, &known),
            (REFERENCE, &line.reference, &text),
            (PACKAGINGS, &line.packagings, &known),
            (ASKED, &line.last_asked, &known),
            (SITE, &line.site, &text),
            (PACKAGING, &line.packaging, &text),
        ];
        for (column, value, format) in texts {
            sheet.write_string_with_format(row, column, value, format)?;
        }
        write_price(sheet, row, PAID, &line.paid, &price)?;
        write_price(sheet, row, PRICE, &line.price, &price)?;
        sheet.write_blank(row, QUANTITY, &asked)?;
    }
    add_choices(sheet, template, row)
}

/// Unit prices have at most 6 places: the number a spreadsheet keeps shows the same digits.
fn write_price(sheet: &mut Worksheet, row: u32, column: u16, price: &str, format: &Format) -> Result<(), XlsxError> {
    match price.parse::<f64>() {
        Ok(number) => sheet.write_number_with_format(row, column, number, format)?,
        Err(_) => sheet.write_blank(row, column, format)?,
    };
    Ok(())
}

fn add_choices(sheet: &mut Worksheet, template: &Template, last: u32) -> Result<(), XlsxError> {
    let end = last + SPARE;
    if !template.sites.is_empty() {
        let list = Formula::new(format!("={HIDDEN_SHEET}!$D$1:$D${}", template.sites.len()));
        let site = DataValidation::new()
            .allow_list_formula(list)
            .set_error_title("Site inconnu")?
            .set_error_message("Choisissez un site de la liste.")?;
        sheet.add_data_validation(1, SITE, end, SITE, &site)?;
    }
    let quantity = DataValidation::new()
        .allow_whole_number(DataValidationRule::Between(1, 100_000_000))
        .set_error_title("Quantité")?
        .set_error_message(
            "Nombre entier de conditionnements, de 1 à 100 000 000. Laissez vide pour ne rien demander.",
        )?;
    sheet.add_data_validation(1, QUANTITY, end, QUANTITY, &quantity)?;
    let mut start = 0;
    for same in template.lines.chunk_by(|one, other| one.packaging_codes == other.packaging_codes) {
        let count = u32::try_from(same.len()).unwrap_or(u32::MAX);
        add_packagings(sheet, start + 1, start + count, same)?;
        start += count;
    }
    Ok(())
}

/// Lets one of the packagings be chosen, which are the same for these rows.
fn add_packagings(sheet: &mut Worksheet, first: u32, last: u32, lines: &[Line]) -> Result<(), XlsxError> {
    let Some(codes) = lines.first().map(|line| &line.packaging_codes) else { return Ok(()) };
    let length: usize = codes.iter().map(|code| code.chars().count() + 1).sum();
    if codes.is_empty() || length > LIST || codes.iter().any(|code| code.contains(',')) {
        return Ok(());
    }
    let choice = DataValidation::new()
        .allow_list_strings(codes)?
        .set_error_title("Conditionnement inconnu")?
        .set_error_message("Choisissez un conditionnement de la liste.")?;
    sheet.add_data_validation(first, PACKAGING, last, PACKAGING, &choice)?;
    Ok(())
}

fn write_instructions(sheet: &mut Worksheet, template: &Template) -> Result<(), XlsxError> {
    let title = Format::new().set_bold().set_font_size(14);
    let text = Format::new().set_text_wrap().set_align(FormatAlign::Top);
    sheet.set_name("Mode d'emploi")?.set_column_width(0, 110)?;
    sheet.write_string_with_format(0, 0, format!("Vos besoins pour « {} »", template.round_title), &title)?;
    let closes = moment(&template.closes_at).unwrap_or_else(|| template.closes_at.clone());
    let lines = [
        format!("Établissement : {}", template.member),
        format!("Réponse attendue au plus tard le {closes}."),
        String::new(),
        format!("1. Dans la feuille « {SHEET} », saisissez vos quantités dans la colonne « Quantité » : un nombre entier du \
            conditionnement choisi dans la colonne voisine. Une ligne sans quantité ne demande rien."),
        "2. Vérifiez le site de livraison : choisissez-le dans la liste. Pour livrer le même article à un autre site, \
            copiez la ligne entière, changez le site, et donnez-lui une autre référence ou laissez celle-ci vide."
            .into(),
        "3. « Votre référence » est à vous : votre code interne, par exemple. Elle doit être différente à chaque ligne ; elle \
            permet de retrouver la ligne quand vous renvoyez le classeur corrigé."
            .into(),
        "4. « Date souhaitée » est facultative : 31/03/2026 par exemple.".into(),
        "5. Les colonnes grises vous informent ; elles ne sont pas relues, sauf le code de l'article. Une ligne ajoutée au \
            bas a besoin d'un code (CIP13, GTIN, key:… ou le vôtre), d'un site, d'un conditionnement et d'une quantité."
            .into(),
        "6. Les codes sont du texte. S'ils s'affichent comme 3,40E+12 ou perdent leur zéro en tête, mettez la colonne au \
            format Texte et saisissez-les à nouveau : un code abîmé est refusé, jamais deviné."
            .into(),
        "7. Enregistrez au format .xlsx et envoyez le classeur. « Ajouter » garde ce que vous avez déjà demandé ; « Remplacer \
            mes lignes » retire ce que le classeur ne demande plus."
            .into(),
        "8. S'il y a une erreur, rien n'est enregistré et le classeur vous est rendu : la colonne « Erreurs » dit ligne par \
            ligne ce qui ne va pas et comment le corriger. Corrigez et renvoyez-le tel quel."
            .into(),
        format!("Limites : 64 Mio et {ROW_LIMIT} lignes par classeur."),
    ];
    for (row, line) in (1_u32..).zip(lines) {
        sheet.write_string_with_format(row, 0, line, &text)?;
    }
    // Read, not written: nothing to lose by protecting it.
    sheet.protect();
    Ok(())
}

/// What the workbook is for, and beside it the sites to choose from.
fn write_origin(sheet: &mut Worksheet, template: &Template) -> Result<(), XlsxError> {
    put_origin(sheet, &template.destination.origin())?;
    for (row, site) in (0_u32..).zip(&template.sites) {
        sheet.write_string(row, 3, site)?;
    }
    Ok(())
}
