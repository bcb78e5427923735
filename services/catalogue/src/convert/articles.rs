//! Articles on the wire.

use std::collections::{HashMap, HashSet};

use kit::{Failure, money::parse_unit_price};
use proto::{
    catalogue::v1::{
        Article as ProtoArticle, FoundArticle, Identifier as ProtoIdentifier, IdentifierScheme,
        Packaging as ProtoPackaging, RegisterArticlesRequest,
    },
    common::v1::LineKind,
};
use rust_decimal::Decimal;

use super::{Faults, text};
use crate::domain::{
    article::{Article, Authorisation, Kind, StorageClass, StoredArticle},
    identifier::{Identifier, Scheme},
    packaging::{Contents, GraphError, Level, Packaging},
};

/// Articles of one call at most.
const ARTICLES_LIMIT: usize = 1_000;
/// Identifiers of one level at most.
const IDENTIFIERS_LIMIT: usize = 20;

/// The articles of a request, of distinct keys.
pub(crate) fn articles_to_register(request: &RegisterArticlesRequest) -> Result<Vec<Article>, Failure> {
    let mut faults = Faults::default();
    if request.articles.is_empty() || request.articles.len() > ARTICLES_LIMIT {
        faults.add("articles", format!("must be 1 to {ARTICLES_LIMIT}, got {}", request.articles.len()));
        return faults.finish(None);
    }
    let mut keys = HashSet::new();
    let mut articles = Vec::with_capacity(request.articles.len());
    for (index, sent) in request.articles.iter().enumerate() {
        let path = format!("articles[{index}]");
        if !keys.insert(sent.key.as_str()) {
            faults.add(format!("{path}.key"), format!("{:?} is given twice", sent.key));
        }
        articles.push(article(&mut faults, &path, sent));
    }
    faults.finish(articles.into_iter().collect())
}

fn article(faults: &mut Faults, path: &str, sent: &ProtoArticle) -> Option<Article> {
    let at = |field: &str| format!("{path}.{field}");
    let key = text(faults, at("key"), &sent.key, 100);
    let label = text(faults, at("label"), &sent.label, 300);
    let kind = faults.keep(at("kind"), kind(sent.kind));
    let base_unit = faults.keep(at("base_unit"), base_unit(&sent.base_unit));
    let base_unit_label = text(faults, at("base_unit_label"), &sent.base_unit_label, 60);
    let cpv = faults.keep(at("cpv"), cpv(&sent.cpv));
    let atc = faults.keep(at("atc"), atc(&sent.atc));
    let storage = StorageClass::ALL.into_iter().find(|class| class.name() == sent.storage_class);
    let storage_class =
        faults.keep(at("storage_class"), storage.ok_or("must be AMBIENT, COLD_2_8, FROZEN or FLAMMABLE"));
    let authorisation = Authorisation::ALL.into_iter().find(|one| one.name() == sent.required_authorisation);
    let required_authorisation =
        faults.keep(at("required_authorisation"), authorisation.ok_or("must be empty, PUI or STERILE_DEVICES"));
    let vat_rate = faults.keep(at("vat_rate"), vat_rate(&sent.vat_rate));
    let packaging = packaging(faults, path, &sent.packagings);
    Some(Article {
        key: key?,
        label: label?,
        kind: kind?,
        base_unit: base_unit?,
        base_unit_label: base_unit_label?,
        cpv: cpv?,
        atc: atc?,
        storage_class: storage_class?,
        required_authorisation: required_authorisation?,
        medicine: sent.medicine,
        sterile_device: sent.sterile_device,
        vat_rate: vat_rate?,
        packaging: packaging?,
    })
}

fn kind(value: i32) -> Result<Kind, &'static str> {
    match LineKind::try_from(value) {
        Ok(LineKind::Goods) => Ok(Kind::Goods),
        Ok(LineKind::Service) => Ok(Kind::Service),
        Ok(LineKind::Unspecified) | Err(_) => Err("must be LINE_KIND_GOODS or LINE_KIND_SERVICE"),
    }
}

fn base_unit(code: &str) -> Result<String, &'static str> {
    let fits =
        matches!(code.len(), 2 | 3) && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if fits { Ok(code.to_owned()) } else { Err("must be a code of UN/ECE Recommendation 20 such as C62 or MLT") }
}

/// CPV: 8 digits, with or without the check digit after a dash.
fn cpv(code: &str) -> Result<String, &'static str> {
    let (digits, check) = code.split_once('-').unwrap_or((code, "0"));
    let numeric = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = code.is_empty() || numeric(digits, 8) && numeric(check, 1);
    if fits { Ok(code.to_owned()) } else { Err("must be empty or a CPV code such as 33600000-6") }
}

/// ATC: letter, 2 digits, letter, letter, 2 digits; a whole number of levels.
fn atc(code: &str) -> Result<String, &'static str> {
    let whole_levels = matches!(code.len(), 0 | 1 | 3 | 4 | 5 | 7);
    let shaped = code.bytes().enumerate().all(|(place, byte)| match place {
        0 | 3 | 4 => byte.is_ascii_uppercase(),
        _ => byte.is_ascii_digit(),
    });
    if whole_levels && shaped { Ok(code.to_owned()) } else { Err("must be empty or an ATC code such as N02BE01") }
}

fn vat_rate(rate: &str) -> Result<Decimal, String> {
    let value = parse_unit_price(rate)?;
    if value > Decimal::ONE_HUNDRED { Err(format!("{rate:?} is more than 100 percent")) } else { Ok(value) }
}

fn packaging(faults: &mut Faults, path: &str, sent: &[ProtoPackaging]) -> Option<Packaging> {
    let levels: Option<Vec<Level>> = sent
        .iter()
        .enumerate()
        .map(|(index, sent)| level(faults, &format!("{path}.packagings[{index}]"), sent))
        // Not stopping at the first level with a fault.
        .collect::<Vec<_>>()
        .into_iter()
        .collect();
    match Packaging::new(levels?) {
        Ok(packaging) => Some(packaging),
        Err(found) => {
            for fault in found {
                let level = fault.level.map(|index| format!("[{index}]")).unwrap_or_default();
                let field = match fault.error {
                    GraphError::DuplicateCode(_) => ".code",
                    GraphError::Count(_) | GraphError::Overflow => ".contains_count",
                    GraphError::UnknownContents(_) | GraphError::SecondBase(_) | GraphError::Cycle => ".contains_code",
                    GraphError::DuplicateIdentifier { .. } => ".identifiers",
                    GraphError::LevelCount(_) | GraphError::NoBase => "",
                };
                faults.add(format!("{path}.packagings{level}{field}"), fault.error);
            }
            None
        }
    }
}

fn level(faults: &mut Faults, path: &str, sent: &ProtoPackaging) -> Option<Level> {
    let shaped = |code: &str| {
        (1..=20).contains(&code.len())
            && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let code = if shaped(&sent.code) { Ok(sent.code.clone()) } else { Err("must be 1 to 20 of A-Z, 0-9 and _") };
    let code = faults.keep(format!("{path}.code"), code);
    let label = text(faults, format!("{path}.label"), &sent.label, 200);
    if sent.contains_code.is_empty() && sent.contains_count != 0 {
        faults.add(format!("{path}.contains_count"), "must be 0 for the base level, or give contains_code");
    }
    let contains = (!sent.contains_code.is_empty())
        .then(|| Contents { code: sent.contains_code.clone(), count: sent.contains_count });
    if sent.identifiers.len() > IDENTIFIERS_LIMIT {
        faults.add(
            format!("{path}.identifiers"),
            format!("must be {IDENTIFIERS_LIMIT} at most, got {}", sent.identifiers.len()),
        );
        return None;
    }
    let mut identifiers = Vec::with_capacity(sent.identifiers.len());
    for (index, sent) in sent.identifiers.iter().enumerate() {
        identifiers.extend(identifier(faults, &format!("{path}.identifiers[{index}]"), sent));
    }
    Some(Level { code: code?, label: label?, contains, orderable: sent.orderable, identifiers })
}

fn identifier(faults: &mut Faults, path: &str, sent: &ProtoIdentifier) -> Option<Identifier> {
    let scheme = match IdentifierScheme::try_from(sent.scheme) {
        Ok(IdentifierScheme::Gtin) => Scheme::Gtin,
        Ok(IdentifierScheme::Cip13) => Scheme::Cip13,
        Ok(IdentifierScheme::Ucd13) => Scheme::Ucd13,
        Ok(IdentifierScheme::Unspecified) | Err(_) => {
            faults.add(format!("{path}.scheme"), "must be IDENTIFIER_SCHEME_GTIN, _CIP13 or _UCD13");
            return None;
        }
    };
    faults.keep(format!("{path}.value"), Identifier::parse(scheme, &sent.value))
}

/// An article of the catalogue.
pub(crate) fn article_to_proto(stored: &StoredArticle) -> ProtoArticle {
    let article = &stored.article;
    let kind = match article.kind {
        Kind::Goods => LineKind::Goods,
        Kind::Service => LineKind::Service,
    };
    ProtoArticle {
        id: stored.id.to_string(),
        key: article.key.clone(),
        label: article.label.clone(),
        kind: kind.into(),
        base_unit: article.base_unit.clone(),
        base_unit_label: article.base_unit_label.clone(),
        cpv: article.cpv.clone(),
        atc: article.atc.clone(),
        storage_class: article.storage_class.name().to_owned(),
        required_authorisation: article.required_authorisation.name().to_owned(),
        medicine: article.medicine,
        sterile_device: article.sterile_device,
        vat_rate: article.vat_rate.normalize().to_string(),
        packagings: article.packaging.levels().map(|(level, units)| level_to_proto(level, units)).collect(),
        version: stored.version,
    }
}

fn level_to_proto(level: &Level, base_units: i64) -> ProtoPackaging {
    let (contains_code, contains_count) =
        level.contains.as_ref().map_or((String::new(), 0), |contents| (contents.code.clone(), contents.count));
    let identifiers = level.identifiers.iter().map(|identifier| {
        let scheme = match identifier.scheme() {
            Scheme::Gtin => IdentifierScheme::Gtin,
            Scheme::Cip13 => IdentifierScheme::Cip13,
            Scheme::Ucd13 => IdentifierScheme::Ucd13,
        };
        ProtoIdentifier { scheme: scheme.into(), value: identifier.value() }
    });
    ProtoPackaging {
        code: level.code.clone(),
        label: level.label.clone(),
        contains_code,
        contains_count,
        base_units,
        orderable: level.orderable,
        identifiers: identifiers.collect(),
    }
}

/// The articles that references found, in the order asked, with the packaging that each names.
pub(crate) fn found_to_proto<'a>(
    found: impl Iterator<Item = (&'a str, &'a StoredArticle, Option<&'a str>)>,
) -> Vec<FoundArticle> {
    let mut made: HashMap<_, ProtoArticle> = HashMap::new();
    found
        .map(|(reference, article, packaging)| FoundArticle {
            r#ref: reference.to_owned(),
            article: Some(made.entry(article.id).or_insert_with(|| article_to_proto(article)).clone()),
            packaging_code: packaging.unwrap_or_default().to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gloves() -> ProtoArticle {
        ProtoArticle {
            key: "GANTS".into(),
            label: "Gants nitrile".into(),
            kind: LineKind::Goods.into(),
            base_unit: "C62".into(),
            base_unit_label: "gant".into(),
            storage_class: "AMBIENT".into(),
            vat_rate: "20".into(),
            packagings: vec![ProtoPackaging { code: "UNIT".into(), label: "gant".into(), ..Default::default() }],
            ..Default::default()
        }
    }

    #[test]
    fn all_faults_are_found_at_once_with_their_paths() {
        let bad = ProtoArticle {
            label: " x".into(),
            kind: 0,
            base_unit: "comprimé".into(),
            cpv: "336".into(),
            atc: "N02B1".into(),
            storage_class: "HOT".into(),
            required_authorisation: "ANY".into(),
            vat_rate: "101".into(),
            packagings: vec![ProtoPackaging {
                code: "unit".into(),
                contains_count: 3,
                identifiers: vec![ProtoIdentifier { scheme: 1, value: "12345678".into() }, ProtoIdentifier::default()],
                ..Default::default()
            }],
            ..gloves()
        };
        let request = RegisterArticlesRequest { request_id: String::new(), articles: vec![gloves(), bad] };
        let Failure::Domain(error) = articles_to_register(&request).unwrap_err() else { panic!("a domain error") };
        let fields: Vec<String> = error.fields().into_iter().map(|fault| fault.field).collect();
        let expected = [
            "key",
            "label",
            "kind",
            "base_unit",
            "cpv",
            "atc",
            "storage_class",
            "required_authorisation",
            "vat_rate",
            "packagings[0].code",
            "packagings[0].label",
            "packagings[0].contains_count",
            "packagings[0].identifiers[0].value",
            "packagings[0].identifiers[1].scheme",
        ];
        assert_eq!(fields, expected.map(|field| format!("articles[1].{field}")));
    }

    #[test]
    fn codes_of_classifications_have_their_shape() {
        for good in ["", "33600000", "33600000-6"] {
            assert!(cpv(good).is_ok(), "{good}");
        }
        for bad in ["3360000", "33600000-", "33600000-66", "3360000a", "-6"] {
            assert!(cpv(bad).is_err(), "{bad}");
        }
        for good in ["", "N", "N02", "N02B", "N02BE", "N02BE01"] {
            assert!(atc(good).is_ok(), "{good}");
        }
        for bad in ["N0", "n02", "N02BE0", "N02BE012", "02N", "N02é"] {
            assert!(atc(bad).is_err(), "{bad}");
        }
    }
}
