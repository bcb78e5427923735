//! What stands in a cell, and what is wrong with it. A value that a spreadsheet may have spoilt is never guessed: it is an
//! explained fault.

use chrono::NaiveDate;

/// Longest value repeated in an answer, in characters.
const VALUE_SHOWN: usize = 100;
/// What the template puts between a site's reference and its name.
pub const NAME_AFTER: &str = " — ";

/// What is wrong, and what to do.
pub type Explained = (String, String);

/// A value as it is repeated in an answer.
#[must_use]
pub fn shown(value: &str) -> String {
    value.trim_end_matches(['\r', '\n']).chars().take(VALUE_SHOWN).collect()
}

/// Longest own code of a member that consists of digits only; a longer one is taken for a damaged common code.
const OWN_CODE_DIGITS: usize = 10;

/// An article's reference: a bare code of 13 or 14 digits, one with its scheme, or a code of the member's own, which the service
/// looks for.
///
/// # Errors
/// When it is empty or spoilt.
pub fn article(text: &str) -> Result<String, Explained> {
    check_readable(text)?;
    let bare = without_blanks(text);
    let (scheme, code) = text.split_once(':').map_or(("", bare.as_str()), |(scheme, code)| (scheme, code.trim()));
    if !all_digits(code) || !matches!(scheme, "" | "gtin" | "cip13") {
        return Ok(text.to_owned());
    }
    let fits = match scheme {
        "gtin" => matches!(code.len(), 8 | 12 | 13 | 14),
        "cip13" => code.len() == 13,
        _ if code.len() <= OWN_CODE_DIGITS => return Ok(text.to_owned()),
        _ => matches!(code.len(), 13 | 14),
    };
    if !fits {
        return Err(wrong_length(code));
    }
    if !has_check_digit(code) {
        let problem = format!("« {code} » n'est pas un code valide : son chiffre de contrôle est faux.");
        let remedy = "Un chiffre a été perdu ou arrondi par le tableur, ou mal saisi : mettez la colonne au format Texte, puis \
            saisissez le code à nouveau en entier.";
        return Err((problem, remedy.into()));
    }
    Ok(if scheme.is_empty() { bare } else { text.to_owned() })
}

/// A code that is looked for as it stands.
///
/// # Errors
/// When it is empty or spoilt.
pub fn code(text: &str) -> Result<String, Explained> {
    check_readable(text).map(|()| text.to_owned())
}

fn wrong_length(code: &str) -> Explained {
    let problem = format!("« {} » a {} chiffres ; un code CIP13 ou GTIN en a 13 ou 14.", shown(code), code.len());
    let remedy = match code.len() {
        12 | 11 => {
            "Le tableur a sans doute supprimé un zéro en tête : mettez la colonne au format Texte, puis saisissez le code en \
             entier. Un code à vous de cette longueur s'écrit code:… ."
        }
        _ => "Vérifiez le code et saisissez-le en entier dans une colonne au format Texte.",
    };
    (problem, remedy.into())
}

/// A site's reference: what stands before its name. A bare code of 9 is a FINESS, one of 13 digits a GLN.
///
/// # Errors
/// When it is empty or spoilt.
pub fn site(text: &str) -> Result<String, Explained> {
    let text = text.split(NAME_AFTER).next().unwrap_or_default().trim();
    check_readable(text)?;
    let bare = without_blanks(text);
    let finess = text.strip_prefix("finess:").map(str::trim);
    let code = finess.unwrap_or(&bare);
    let corsican = code.len() == 9 && (code.starts_with("2A") || code.starts_with("2B")) && all_digits(&code[2..]);
    if !corsican && !all_digits(code) {
        return Ok(text.to_owned());
    }
    match (code.len(), finess) {
        (9, _) => Ok(format!("finess:{code}")),
        (13, None) if has_check_digit(code) => Ok(format!("gln:{code}")),
        (13, None) => Err((
            format!("« {code} » n'est pas un GLN valide : son chiffre de contrôle est faux."),
            "Vérifiez le code et saisissez-le en entier dans une colonne au format Texte.".into(),
        )),
        (8, _) => Err((
            format!("« {code} » a 8 chiffres ; un numéro FINESS en a 9."),
            "Le tableur a sans doute supprimé le zéro en tête : mettez la colonne au format Texte, puis saisissez le numéro \
             en entier."
                .into(),
        )),
        (12, None) => Err((
            format!("« {code} » a 12 chiffres ; un GLN en a 13."),
            "Le tableur a sans doute supprimé un zéro en tête : saisissez le code en entier dans une colonne au format Texte."
                .into(),
        )),
        (length, _) => Err((
            format!("« {} » a {length} chiffres ; un numéro FINESS en a 9, un GLN 13.", shown(code)),
            "Indiquez le FINESS ou le GLN du site, ou son identifiant (sit_…, key:…).".into(),
        )),
    }
}

/// A party's reference: what stands before its name. A bare code of 9 is a FINESS, one of 14 digits a SIRET.
///
/// # Errors
/// When it is empty or spoilt.
pub fn party(text: &str) -> Result<String, Explained> {
    let text = text.split(NAME_AFTER).next().unwrap_or_default().trim();
    check_readable(text)?;
    let bare = without_blanks(text);
    let corsican = bare.len() == 9 && (bare.starts_with("2A") || bare.starts_with("2B")) && all_digits(&bare[2..]);
    match bare.len() {
        _ if !corsican && !all_digits(&bare) => Ok(text.to_owned()),
        9 => Ok(format!("finess:{bare}")),
        14 => Ok(format!("siret:{bare}")),
        length => Err((
            format!("« {} » a {length} chiffres ; un numéro FINESS en a 9, un SIRET 14.", shown(&bare)),
            "Le tableur a peut-être supprimé un zéro en tête : saisissez le numéro en entier dans une colonne au format Texte."
                .into(),
        )),
    }
}

/// The member's own reference of a line.
///
/// # Errors
/// When a spreadsheet has certainly rounded it.
pub fn reference(text: &str) -> Result<String, Explained> {
    if is_scientific(text) && text.contains('+') {
        return Err(spoilt(text));
    }
    check_no_error(text)?;
    Ok(text.to_owned())
}

/// How firmly a need of a census is meant, as the contract names it; unspecified for a blank cell.
///
/// # Errors
/// When it is none of the three levels.
pub fn commitment(text: &str) -> Result<&'static str, Explained> {
    match text.to_uppercase().as_str() {
        "" => Ok("COMMITMENT_UNSPECIFIED"),
        "INDICATIVE" | "INDICATIF" => Ok("COMMITMENT_INDICATIVE"),
        "MINIMUM" => Ok("COMMITMENT_MINIMUM"),
        "FIRM" | "FERME" => Ok("COMMITMENT_FIRM"),
        _ => Err((
            format!("« {} » n'est pas un niveau d'engagement.", shown(text)),
            "Choisissez INDICATIVE (indicatif), MINIMUM ou FIRM (ferme), ou laissez la cellule vide.".into(),
        )),
    }
}

/// A quantity; `None` for a blank one.
///
/// # Errors
/// When it is no whole number, or could be read in two ways.
pub fn quantity(text: &str) -> Result<Option<i64>, Explained> {
    if text.is_empty() {
        return Ok(None);
    }
    check_no_error(text)?;
    if is_scientific(text) {
        return Err((
            format!("« {} » : le tableur affiche ce nombre en notation scientifique.", shown(text)),
            "Mettez la colonne au format Nombre sans décimale et vérifiez la valeur.".into(),
        ));
    }
    let (whole, decimals) = text.split_once([',', '.']).unwrap_or((text, ""));
    let digits = ungrouped(whole);
    let Some(digits) = digits.filter(|_| decimals.is_empty() || all_digits(decimals)) else {
        return Err((
            format!("« {} » n'est pas un nombre.", shown(text)),
            "Indiquez seulement des chiffres, sans unité.".into(),
        ));
    };
    if decimals.len() == 3 {
        return Err((
            format!("« {} » peut se lire de deux façons : le séparateur marque-t-il les milliers ?", shown(text)),
            format!("Écrivez {digits} ou {digits}{decimals}, sans séparateur."),
        ));
    }
    if decimals.bytes().any(|digit| digit != b'0') {
        return Err((
            format!("« {} » n'est pas un nombre entier.", shown(text)),
            "Comptez en conditionnements entiers, ou choisissez un conditionnement plus petit.".into(),
        ));
    }
    digits
        .parse()
        .map(Some)
        .map_err(|_| (format!("« {} » est trop grand.", shown(text)), "La quantité va de 1 à 100 000 000.".into()))
}

/// A unit price or an amount: plain digits with a point, from what spreadsheets write in France or elsewhere (`1 234,50 €`).
///
/// # Errors
/// When it is no number, or could be read in two ways.
pub fn decimal(text: &str, places: usize) -> Result<String, Explained> {
    check_no_error(text)?;
    let bare = text.trim_end_matches(['€', ' ', '\u{a0}', '\u{202f}']);
    let (whole, decimals) = bare.split_once([',', '.']).unwrap_or((bare, ""));
    let digits = ungrouped(whole).filter(|_| decimals.is_empty() || all_digits(decimals));
    let Some(digits) = digits.filter(|digits| !digits.starts_with('-')) else {
        return Err((
            format!("« {} » n'est pas un montant.", shown(text)),
            "Indiquez un nombre positif, avec une virgule ou un point : 1234,50.".into(),
        ));
    };
    if decimals.len() > places && decimals[places..].bytes().any(|digit| digit != b'0') {
        let problem = format!("« {} » a plus de {places} décimales.", shown(text));
        return Err((problem, "Arrondissez-le vous-même : rien n'est arrondi ici.".into()));
    }
    let decimals = decimals.get(..places).unwrap_or(decimals);
    Ok(if decimals.is_empty() { digits } else { format!("{digits}.{decimals}") })
}

/// An amount in euros, as cents.
///
/// # Errors
/// As [`decimal`], or when it is too large.
pub fn cents(text: &str) -> Result<i64, Explained> {
    let number = decimal(text, 2)?;
    let (whole, decimals) = number.split_once('.').unwrap_or((&number, ""));
    let too_large = || (format!("« {} » est trop grand.", shown(text)), "Vérifiez le montant.".to_owned());
    format!("{whole}{decimals:0<2}").parse().map_err(|_| too_large())
}

/// A month as `2026-01`, from that, `01/2026` or any of its days; empty for an empty cell.
///
/// # Errors
/// When it is no month.
pub fn month(text: &str) -> Result<String, Explained> {
    let parts: Vec<&str> = text.split(['-', '/']).collect();
    let written = match parts[..] {
        [year, month] if year.len() == 4 && month.len() == 2 => format!("{year}-{month}-01"),
        [month, year] if year.len() == 4 && matches!(month.len(), 1 | 2) => format!("{year}-{month:0>2}-01"),
        _ => text.to_owned(),
    };
    match date(&written) {
        Ok(day) => Ok(day.get(..7).unwrap_or_default().to_owned()),
        Err(_) => Err((
            format!("« {} » n'est pas un mois.", shown(text)),
            "Écrivez le mois et l'année, par exemple 10/2026 ou 2026-10.".into(),
        )),
    }
}

/// Digits without the spaces between groups of three.
fn ungrouped(text: &str) -> Option<String> {
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let groups: Vec<&str> = text.split([' ', '\u{a0}', '\u{202f}', '\u{2009}']).collect();
    let grouped =
        groups.len() == 1 || (matches!(groups[0].len(), 1..=3) && groups[1..].iter().all(|group| group.len() == 3));
    let digits = groups.concat();
    (grouped && all_digits(&digits)).then(|| format!("{sign}{digits}"))
}

/// A day as `2026-01-31`, from that or from `31/01/2026`; empty for an empty cell.
///
/// # Errors
/// When it is no day.
pub fn date(text: &str) -> Result<String, Explained> {
    if text.is_empty() {
        return Ok(String::new());
    }
    check_no_error(text)?;
    let day = text.strip_suffix("00:00:00").map_or(text, |day| day.trim_end_matches(['T', ' ']));
    let iso = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok().filter(|_| day.len() == 10);
    let parts: Vec<&str> = day.split('/').collect();
    let french = NaiveDate::parse_from_str(day, "%d/%m/%Y").ok().filter(|_| parts.len() == 3 && parts[2].len() == 4);
    if let Some(day) = iso.or(french) {
        return Ok(day.format("%Y-%m-%d").to_string());
    }
    let number = all_digits(text) && (4..=6).contains(&text.len());
    let problem = if number {
        format!("« {text} » est le numéro d'un jour : la date a perdu son format dans le tableur.")
    } else {
        format!("« {} » n'est pas une date.", shown(text))
    };
    Err((problem, "Écrivez le jour, le mois et l'année, par exemple 31/03/2026 ou 2026-03-31.".into()))
}

fn check_readable(text: &str) -> Result<(), Explained> {
    if text.is_empty() {
        return Err(("La cellule est vide.".into(), "Indiquez une référence.".into()));
    }
    check_no_error(text)?;
    if is_scientific(text) {
        return Err(spoilt(text));
    }
    if text.len() == 10 && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok() {
        return Err((
            format!("« {text} » : le tableur a remplacé le code par une date."),
            "Mettez la colonne au format Texte, puis saisissez le code à nouveau.".into(),
        ));
    }
    Ok(())
}

fn spoilt(text: &str) -> Explained {
    (
        format!(
            "« {} » : le tableur a remplacé un code par un nombre arrondi, ses derniers chiffres sont perdus.",
            shown(text)
        ),
        "Mettez la colonne au format Texte, puis saisissez le code à nouveau avec tous ses chiffres.".into(),
    )
}

/// `#N/A` and the like: a formula that failed.
fn check_no_error(text: &str) -> Result<(), Explained> {
    const FAILED: [&str; 12] = [
        "#N/A",
        "#REF!",
        "#VALUE!",
        "#VALEUR!",
        "#DIV/0!",
        "#NAME?",
        "#NOM?",
        "#NUM!",
        "#NOMBRE!",
        "#NULL!",
        "#NUL!",
        "#GETTING_DATA",
    ];
    if !FAILED.contains(&text) {
        return Ok(());
    }
    Err((
        format!("« {text} » : la formule de la cellule a échoué."),
        "Remplacez la formule par sa valeur (collage spécial « Valeurs »).".into(),
    ))
}

/// `3,40E+12`: what spreadsheets make of long codes.
fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return false };
    let exponent = exponent.trim_start_matches(['+', '-']);
    all_digits(exponent)
        && mantissa.bytes().any(|byte| byte.is_ascii_digit())
        && mantissa.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b',' | b'.' | b'-'))
}

/// GS1's check digit: weights 3 and 1 by turns from the right, the sum with it a multiple of ten.
fn has_check_digit(code: &str) -> bool {
    let weighted = code.bytes().rev().zip([1_u32, 3].into_iter().cycle());
    let sum: u32 = weighted.map(|(digit, weight)| u32::from(digit.saturating_sub(b'0')) * weight).sum();
    sum.is_multiple_of(10)
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn without_blanks(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_whitespace()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault<T: std::fmt::Debug>(read: Result<T, Explained>) -> String {
        let (problem, remedy) = read.unwrap_err();
        assert!(!remedy.is_empty());
        problem
    }

    #[test]
    fn whole_numbers_are_read_however_they_are_written() {
        let same =
            ["1200", "1 200", "1\u{a0}200", "1\u{202f}200", "1200,0", "1200.00", "1 200,00", "1200,", "1200,0000"];
        for text in same {
            assert_eq!(quantity(text), Ok(Some(1200)), "{text}");
        }
        assert_eq!(quantity(""), Ok(None));
        assert_eq!(quantity("-3"), Ok(Some(-3)), "the range is the service's to check");
        assert_eq!(quantity("12,00"), Ok(Some(12)));
    }

    #[test]
    fn a_quantity_that_is_not_whole_or_not_certain_is_a_fault() {
        assert!(fault(quantity("12,5")).contains("entier") && fault(quantity("12.5")).contains("entier"));
        assert!(fault(quantity("1.200")).contains("deux façons") && fault(quantity("1,200")).contains("deux façons"));
        assert!(fault(quantity("3,40E+12")).contains("scientifique"));
        assert!(fault(quantity("99999999999999999999")).contains("trop grand"));
        assert!(fault(quantity("#N/A")).contains("formule"));
        for text in ["douze", "12 boîtes", "1 20", "12 3456", ",5", "1.200,00", "--3", "2026-01-31", "VRAI"] {
            assert!(fault(quantity(text)).contains("pas un nombre"), "{text}");
        }
    }

    #[test]
    fn days_are_read_in_french_and_in_iso() {
        for text in ["2026-01-31", "31/01/2026", "2026-01-31T00:00:00", "2026-01-31 00:00:00"] {
            assert_eq!(date(text).as_deref(), Ok("2026-01-31"), "{text}");
        }
        assert_eq!(date("1/2/2026").as_deref(), Ok("2026-02-01"));
        assert_eq!(date("").as_deref(), Ok(""));
        for text in ["31/02/2026", "01/31/2026", "31/01/26", "demain", "2026-02-30", "2026-1-3", "31/01", "é"] {
            assert!(fault(date(text)).contains("pas une date"), "{text}");
        }
        assert!(fault(date("46053")).contains("numéro d'un jour"));
    }

    #[test]
    fn spoilt_codes_are_explained_and_never_guessed() {
        assert_eq!(article("3400930000007").as_deref(), Ok("3400930000007"));
        assert_eq!(article("3 400 930 000 007").as_deref(), Ok("3400930000007"));
        assert_eq!(article("03400930000007").as_deref(), Ok("03400930000007"));
        for text in [
            "key:gants",
            "art_0198c2f07a3b7c11a2d34e5f60718293",
            "gtin:96385074",
            "REF-2E4",
            "a",
            "0012345",
            "code:123456789012",
        ] {
            assert_eq!(article(text).as_deref(), Ok(text));
        }
        assert!(fault(article("3,40E+12")).contains("arrondi"));
        assert!(fault(article("3400000000000")).contains("chiffre de contrôle"), "3,40E+12 written out");
        assert!(fault(article("3400930000001")).contains("chiffre de contrôle"));
        assert!(fault(article("400930000007")).contains("12 chiffres"));
        assert!(fault(article("cip13:340093000000")).contains("12 chiffres"));
        assert!(fault(article("34009300000010000")).contains("17 chiffres"));
        assert!(fault(article("2026-03-01")).contains("date"));
        assert!(fault(article("")).contains("vide") && fault(article("#REF!")).contains("formule"));
    }

    #[test]
    fn a_site_is_its_finess_gln_or_identifier_with_or_without_its_name() {
        for (text, read) in [
            ("760780239", "finess:760780239"),
            ("760780239 — Hôpital Nord — Rouen", "finess:760780239"),
            ("finess:760780239", "finess:760780239"),
            ("2A0000012", "finess:2A0000012"),
            ("3012345678902", "gln:3012345678902"),
            ("key:nord", "key:nord"),
            ("sit_x", "sit_x"),
        ] {
            assert_eq!(site(text).as_deref(), Ok(read), "{text}");
        }
        assert!(fault(site("60780239")).contains("FINESS en a 9"));
        assert!(fault(site("finess:60780239")).contains("FINESS en a 9"));
        assert!(fault(site("3012345678901")).contains("chiffre de contrôle"));
        assert!(fault(site("7,6E+08")).contains("arrondi") && fault(site(" — Nord")).contains("vide"));
        assert!(fault(site("26760230900019")).contains("14 chiffres"));
    }

    #[test]
    fn amounts_and_months_are_read_as_people_write_them() {
        for text in ["1234,5", "1 234,50 €", "1234.50", "1\u{202f}234,500"] {
            assert_eq!(cents(text), Ok(123_450), "{text}");
        }
        assert_eq!((cents("0,07"), cents("12")), (Ok(7), Ok(1_200)));
        assert_eq!(decimal("0,0731", 6).as_deref(), Ok("0.0731"));
        assert!(fault(cents("1,234")).contains("décimales") && fault(cents("-3")).contains("pas un montant"));
        assert!(
            fault(cents("douze")).contains("pas un montant") && fault(cents("1.234,50")).contains("pas un montant")
        );
        for text in ["2026-01", "01/2026", "1/2026", "2026-01-31", "31/01/2026"] {
            assert_eq!(month(text).as_deref(), Ok("2026-01"), "{text}");
        }
        for text in ["2026", "13/2026", "janvier", "2026-1", "46053"] {
            assert!(fault(month(text)).contains("pas un mois"), "{text}");
        }
    }

    #[test]
    fn words_with_an_e_are_not_scientific_numbers() {
        for text in ["3E8 x", "gtin:3E1", "E12", "12E", "REF-2E4"] {
            assert!(!is_scientific(text), "{text}");
        }
        assert!(is_scientific("3.4E+12") && is_scientific("3,40e12") && is_scientific("1E5"));
        assert!(reference("2E4").is_ok() && reference("3,40E+12").is_err());
    }
}
