//! Requests.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use kit::{
    Caller, Failure, Role,
    command::parse_request_id,
    id::{ConsultationId, Id, Kind, TenderId},
};
use proto::{common::v1 as common, tendering::v1 as pb};
use uuid::Uuid;

use crate::{
    convert::input::Faults,
    domain::{
        agreement::{MOST_BENEFICIARIES_AT_ONCE, MOST_LOTS, PurchasingRole, TierBasis},
        consultation::{
            dossier::{
                BasketLine, Census, ComparisonBasis, Criterion, CriterionKind, Dossier, Lot, MOST_BASKET_LINES,
                MOST_CRITERIA, PriceFormula, Procedure, TieRule, TierComparison, ZONE,
            },
            score::{BEST_MARK, Mark},
        },
    },
};

/// Packagings in which an article may be offered at most.
const MOST_PACKAGINGS: usize = 20;
/// Marks sent at once at most.
const MOST_MARKS: usize = 20_000;
/// Longest agreement that a draft may name, months: what the law allows is judged at publication.
const LONGEST_MONTHS: i32 = 480;
/// Largest tender.
pub const LARGEST_TENDER_BYTES: i64 = 20 * 1024 * 1024;

/// The content of a draft, as far as it can be judged without the law.
///
/// # Errors
/// `INVALID_INPUT` with every fault.
pub fn dossier_from_proto(consultation: Option<&pb::Consultation>) -> Result<Dossier, Failure> {
    let consultation = consultation.ok_or_else(|| Failure::invalid_field("consultation", "must be there"))?;
    let mut faults = Faults::default();
    given_by_the_service(&mut faults, consultation);
    let title = faults.text("consultation.title", &consultation.title, 300);
    let awarding_party = faults.id("consultation.awarding_party_id", &consultation.awarding_party_id);
    let role = role_from_proto(&mut faults, consultation.role);
    if consultation.zone != ZONE {
        faults.add("consultation.zone", format!("must be {ZONE}"));
    }
    let deadline = optional_moment(&mut faults, "consultation.deadline", &consultation.deadline);
    if !consultation.opener_key.is_empty() && consultation.opener_key.parse::<age::x25519::Recipient>().is_err() {
        faults.add("consultation.opener_key", "must be an age X25519 recipient, age1…");
    }
    faults.count("consultation.lots", consultation.lots.len(), 1, MOST_LOTS);
    let mut lots: Vec<Lot> =
        consultation.lots.iter().enumerate().map(|(index, lot)| lot_from_proto(&mut faults, index, lot)).collect();
    lots.sort_by_key(|lot| lot.number);
    faults.count("consultation.criteria", consultation.criteria.len(), 0, MOST_CRITERIA);
    let criteria = consultation.criteria.iter().enumerate();
    let criteria = criteria.filter_map(|(index, one)| criterion_from_proto(&mut faults, index, one)).collect();
    let points_places = u32::try_from(consultation.points_places).ok().filter(|places| *places <= 6);
    if points_places.is_none() {
        faults.add("consultation.points_places", "must be from 0 to 6");
    }
    let ids = &consultation.beneficiary_ids;
    faults.count("consultation.beneficiary_ids", ids.len(), 0, MOST_BENEFICIARIES_AT_ONCE);
    let beneficiaries = ids
        .iter()
        .enumerate()
        .filter_map(|(index, id)| faults.id(format!("consultation.beneficiary_ids[{index}]"), id))
        .collect();
    if !(0..=LONGEST_MONTHS).contains(&consultation.duration_months) {
        faults.add("consultation.duration_months", format!("must be from 0 to {LONGEST_MONTHS}"));
    }
    let choices = choices_from_proto(&mut faults, consultation);
    let census = census_from_proto(&mut faults, consultation.census.as_ref());
    let dossier = awarding_party.zip(role).map(|(awarding_party, role)| Dossier {
        title,
        awarding_party,
        role,
        procedure: choices.procedure,
        electronic: consultation.electronic,
        zone: consultation.zone.clone(),
        deadline,
        opener_key: consultation.opener_key.clone(),
        lots,
        criteria,
        formula: choices.formula,
        points_places: points_places.unwrap_or_default(),
        tie_rule: choices.tie_rule,
        basis: choices.basis,
        beneficiaries,
        duration_months: u32::try_from(consultation.duration_months).unwrap_or_default(),
        tier_comparison: choices.tier_comparison,
        tier_basis: choices.tier_basis,
        census,
    });
    let dossier = faults.finish(dossier)?;
    let faults = dossier.faults();
    if faults.is_empty() { Ok(dossier) } else { Err(Failure::invalid(faults)) }
}

fn given_by_the_service(faults: &mut Faults, consultation: &pb::Consultation) {
    let texts = [
        ("id", &consultation.id),
        ("group_id", &consultation.group_id),
        ("number", &consultation.number),
        ("published_at", &consultation.published_at),
        ("opened_at", &consultation.opened_at),
        ("awarded_at", &consultation.awarded_at),
        ("signable_on", &consultation.signable_on),
        ("agreement_id", &consultation.agreement_id),
    ];
    for (field, text) in texts {
        faults.not_on_input(format!("consultation.{field}"), !text.is_empty());
    }
    let figures = [
        ("state", consultation.state != 0),
        ("version", consultation.version != 0),
        ("proposed_procedure", consultation.proposed_procedure != 0),
        ("procedure_reasons", !consultation.procedure_reasons.is_empty()),
    ];
    for (field, is_there) in figures {
        faults.not_on_input(format!("consultation.{field}"), is_there);
    }
}

fn role_from_proto(faults: &mut Faults, role: i32) -> Option<PurchasingRole> {
    match pb::PurchasingRole::try_from(role) {
        Ok(pb::PurchasingRole::Wholesaler) => Some(PurchasingRole::Wholesaler),
        Ok(pb::PurchasingRole::Intermediary) => Some(PurchasingRole::Intermediary),
        Ok(pb::PurchasingRole::Unspecified) | Err(_) => {
            faults.add("consultation.role", "must be PURCHASING_ROLE_WHOLESALER or PURCHASING_ROLE_INTERMEDIARY");
            None
        }
    }
}

/// What may be left open in a draft.
struct Choices {
    procedure: Option<Procedure>,
    formula: Option<PriceFormula>,
    tie_rule: Option<TieRule>,
    basis: Option<ComparisonBasis>,
    tier_comparison: TierComparison,
    tier_basis: TierBasis,
}

fn choices_from_proto(faults: &mut Faults, consultation: &pb::Consultation) -> Choices {
    let mut unknown = |field: &str| faults.add(format!("consultation.{field}"), "is not a known value");
    let procedure = match pb::Procedure::try_from(consultation.procedure) {
        Ok(pb::Procedure::Open) => Some(Procedure::Open),
        Ok(pb::Procedure::Adapted) => Some(Procedure::Adapted),
        Ok(pb::Procedure::Unspecified) => None,
        Err(_) => {
            unknown("procedure");
            None
        }
    };
    let formula = match pb::PriceFormula::try_from(consultation.price_formula) {
        Ok(pb::PriceFormula::PminOverP) => Some(PriceFormula::PminOverP),
        Ok(pb::PriceFormula::Linear) => Some(PriceFormula::Linear),
        Ok(pb::PriceFormula::Flattened) => Some(PriceFormula::Flattened),
        Ok(pb::PriceFormula::MinMax) => Some(PriceFormula::MinMax),
        Ok(pb::PriceFormula::UnitPriceSum) => Some(PriceFormula::UnitPriceSum),
        Ok(pb::PriceFormula::Unspecified) => None,
        Err(_) => {
            unknown("price_formula");
            None
        }
    };
    let tie_rule = match pb::TieRule::try_from(consultation.tie_rule) {
        Ok(pb::TieRule::LowestPrice) => Some(TieRule::LowestPrice),
        Ok(pb::TieRule::BestEnvironment) => Some(TieRule::BestEnvironment),
        Ok(pb::TieRule::Unspecified) => None,
        Err(_) => {
            unknown("tie_rule");
            None
        }
    };
    let basis = match pb::ComparisonBasis::try_from(consultation.comparison_basis) {
        Ok(pb::ComparisonBasis::WithoutVat) => Some(ComparisonBasis::WithoutVat),
        Ok(pb::ComparisonBasis::Unspecified) => None,
        Err(_) => {
            unknown("comparison_basis");
            None
        }
    };
    let tier_comparison = match pb::TierComparison::try_from(consultation.tier_comparison) {
        Ok(pb::TierComparison::Unspecified | pb::TierComparison::FirstTier) => TierComparison::FirstTier,
        Ok(pb::TierComparison::BasketQuantity) => TierComparison::BasketQuantity,
        Err(_) => {
            unknown("tier_comparison");
            TierComparison::default()
        }
    };
    let tier_basis = match pb::TierBasis::try_from(consultation.tier_basis) {
        Ok(pb::TierBasis::Unspecified | pb::TierBasis::PooledOrder) => TierBasis::PooledOrder,
        Ok(pb::TierBasis::OrderForm) => TierBasis::OrderForm,
        Ok(pb::TierBasis::DeliveryPoint) => TierBasis::DeliveryPoint,
        Err(_) => {
            unknown("tier_basis");
            TierBasis::default()
        }
    };
    Choices { procedure, formula, tie_rule, basis, tier_comparison, tier_basis }
}

fn lot_from_proto(faults: &mut Faults, index: usize, lot: &pb::ConsultationLot) -> Lot {
    let path = |field: &str| format!("consultation.lots[{index}].{field}");
    if lot.number < 1 {
        faults.add(path("number"), "must be 1 or more");
    }
    let title = faults.text(path("title"), &lot.title, 300);
    faults.cents(path("estimated_cents"), lot.estimated_cents);
    faults.cents(path("maximum_cents"), lot.maximum_cents);
    faults.count(&path("basket"), lot.basket.len(), 0, MOST_BASKET_LINES);
    let mut basket = Vec::with_capacity(lot.basket.len());
    for (line, entry) in lot.basket.iter().enumerate() {
        if !(1..=1_000_000_000_000).contains(&entry.quantity) {
            faults.add(path(&format!("basket[{line}].quantity")), "must be from 1 to 1,000,000,000,000 base units");
        }
        if let Some(article) = faults.id(path(&format!("basket[{line}].article_id")), &entry.article_id) {
            let packagings = packagings_from_proto(faults, &path(&format!("basket[{line}].packaging_codes")), entry);
            basket.push(BasketLine { article, quantity: entry.quantity, packagings });
        }
    }
    Lot { number: lot.number, title, estimated_cents: lot.estimated_cents, maximum_cents: lot.maximum_cents, basket }
}

fn packagings_from_proto(faults: &mut Faults, field: &str, line: &pb::BasketLine) -> Vec<String> {
    faults.count(field, line.packaging_codes.len(), 0, MOST_PACKAGINGS);
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let mut codes: Vec<String> = Vec::with_capacity(line.packaging_codes.len());
    for code in &line.packaging_codes {
        if code.is_empty() || code.len() > 20 || !code.bytes().all(plain) {
            faults.add(field, "must be codes of 1 to 20 capitals, digits or _");
        } else if codes.contains(code) {
            faults.add(field, format!("{code} is there twice"));
        } else {
            codes.push(code.clone());
        }
    }
    codes
}

fn census_from_proto(faults: &mut Faults, census: Option<&pb::CensusSource>) -> Option<Census> {
    let census = census?;
    let snapshot = faults.id("consultation.census.snapshot_id", &census.snapshot_id);
    let sha256 = hex::decode(&census.sha256).ok().filter(|bytes| bytes.len() == 32).map(hex::encode);
    if sha256.is_none() {
        faults.add("consultation.census.sha256", "must be 64 hexadecimal digits");
    }
    snapshot.zip(sha256).map(|(snapshot, sha256)| Census { snapshot, sha256 })
}

fn criterion_from_proto(faults: &mut Faults, index: usize, criterion: &pb::Criterion) -> Option<Criterion> {
    let path = |field: &str| format!("consultation.criteria[{index}].{field}");
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if criterion.key.is_empty() || criterion.key.len() > 30 || !criterion.key.bytes().all(plain) {
        faults.add(path("key"), "must be 1 to 30 capitals, digits or _");
    }
    let title = faults.text(path("title"), &criterion.title, 300);
    let weight = u32::try_from(criterion.weight).ok().filter(|weight| (1..=100).contains(weight));
    if weight.is_none() {
        faults.add(path("weight"), "must be from 1 to 100");
    }
    let kind = match pb::CriterionKind::try_from(criterion.kind) {
        Ok(pb::CriterionKind::Price) => Some(CriterionKind::Price),
        Ok(pb::CriterionKind::Quality) => Some(CriterionKind::Quality),
        Ok(pb::CriterionKind::Environmental) => Some(CriterionKind::Environmental),
        Ok(pb::CriterionKind::SupplySecurity) => Some(CriterionKind::SupplySecurity),
        Ok(pb::CriterionKind::Unspecified) | Err(_) => {
            faults.add(path("kind"), "must be a kind of criterion");
            None
        }
    };
    Some(Criterion { key: criterion.key.clone(), title, kind: kind?, weight: weight? })
}

fn optional_moment(faults: &mut Faults, field: &str, text: &str) -> Option<DateTime<Utc>> {
    if text.is_empty() {
        return None;
    }
    let parsed = DateTime::parse_from_rfc3339(text).map(|moment| moment.to_utc()).ok();
    // Postgres keeps microseconds: a deadline with more would be another one than the one announced.
    let exact = parsed.filter(|moment| moment.timestamp_subsec_nanos().is_multiple_of(1_000));
    if exact.is_none() {
        faults.add(field, "must be a time such as 2026-12-21T12:00:00+01:00, to the microsecond at most");
    }
    exact
}

/// The id of a consultation.
///
/// # Errors
/// `INVALID_INPUT`.
pub fn consultation_id_from_proto(text: &str) -> Result<ConsultationId, Failure> {
    let mut faults = Faults::default();
    let id = faults.id("consultation_id", text);
    faults.finish(id)
}

fn page_from_proto<K: Kind>(
    faults: &mut Faults,
    caller: &Caller,
    page: Option<&common::Page>,
) -> (Option<Id<K>>, usize) {
    let page = page.cloned().unwrap_or_default();
    let after = if page.after.is_empty() { None } else { faults.id("page.after", &page.after) };
    let most = if caller.has(&[Role::Service]) { 5_000 } else { 500 };
    let size = match usize::try_from(page.size) {
        Ok(0) => 50,
        Ok(size) if size <= most => size,
        Ok(_) | Err(_) => {
            faults.add("page.size", format!("must be from 0 to {most}"));
            0
        }
    };
    (after, size)
}

/// Which page of consultations: after which, how many.
pub(crate) fn consultation_list_from_proto(
    caller: &Caller,
    request: &pb::ListConsultationsRequest,
) -> Result<(Option<ConsultationId>, usize), Failure> {
    let mut faults = Faults::default();
    let page = page_from_proto(&mut faults, caller, request.page.as_ref());
    faults.finish(Some(page))
}

/// Tenders of which consultation, after which, how many.
pub(crate) fn tender_list_from_proto(
    caller: &Caller,
    request: &pb::ListTendersRequest,
) -> Result<(Option<ConsultationId>, Option<TenderId>, usize), Failure> {
    let mut faults = Faults::default();
    let id = &request.consultation_id;
    let consultation = if id.is_empty() { None } else { faults.id("consultation_id", id) };
    let (after, size) = page_from_proto(&mut faults, caller, request.page.as_ref());
    faults.finish(Some((consultation, after, size)))
}

/// A tender announced by its header.
#[derive(Debug, Clone)]
pub struct TenderUpload {
    /// Chosen by the sender.
    pub request_id: Uuid,
    /// For which consultation.
    pub consultation: ConsultationId,
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
    /// Its size, 1 to [`LARGEST_TENDER_BYTES`].
    pub size_bytes: i64,
}

/// The header of a tender.
///
/// # Errors
/// `INVALID_INPUT` with every fault.
pub fn upload_from_proto(header: &pb::TenderHeader) -> Result<TenderUpload, Failure> {
    let request_id = parse_request_id(&header.request_id)?;
    let mut faults = Faults::default();
    let consultation = faults.id("header.consultation_id", &header.consultation_id);
    let sha256 = hex::decode(&header.sha256).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    if sha256.is_none() {
        faults.add("header.sha256", "must be 64 hexadecimal digits");
    }
    let size_bytes = header.size_bytes;
    if !(1..=LARGEST_TENDER_BYTES).contains(&size_bytes) {
        faults.add("header.size_bytes", format!("must be from 1 to {LARGEST_TENDER_BYTES}"));
    }
    let upload = consultation.zip(sha256);
    faults.finish(upload.map(|(consultation, sha256)| TenderUpload { request_id, consultation, sha256, size_bytes }))
}

/// Marks by tender, lot and key of criterion.
pub type Marks = HashMap<(TenderId, i32), HashMap<String, Mark>>;

/// The officers' marks.
///
/// # Errors
/// `INVALID_INPUT` with every fault.
pub fn marks_from_proto(marks: &[pb::Mark]) -> Result<Marks, Failure> {
    let mut faults = Faults::default();
    faults.count("marks", marks.len(), 0, MOST_MARKS);
    let mut seen = HashSet::new();
    let mut found = Marks::new();
    for (index, mark) in marks.iter().enumerate() {
        let path = |field: &str| format!("marks[{index}].{field}");
        let hundredths = hundredths(&mark.mark);
        if hundredths.is_none() {
            faults.add(path("mark"), format!("must be from 0 to {BEST_MARK} with 2 places at most, such as 7.5"));
        }
        let comment = faults.text(path("comment"), &mark.comment, 5_000);
        let tender: Option<TenderId> = faults.id(path("tender_id"), &mark.tender_id);
        if !seen.insert((&mark.tender_id, mark.lot_number, &mark.criterion_key)) {
            faults.add(path("criterion_key"), "is marked twice");
        }
        if let Some((tender, hundredths)) = tender.zip(hundredths) {
            let of_offer = found.entry((tender, mark.lot_number)).or_default();
            of_offer.insert(mark.criterion_key.clone(), Mark { hundredths, comment });
        }
    }
    faults.finish(Some(found))
}

fn hundredths(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.len() <= 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let fraction: i64 = format!("{fraction:0<2}").parse().ok()?;
    Some(whole.parse::<i64>().ok()? * 100 + fraction).filter(|hundredths| *hundredths <= BEST_MARK * 100)
}

/// How the agreement is called and when it begins; none for today.
///
/// # Errors
/// `INVALID_INPUT` with every fault.
pub fn sign_from_proto(
    request: &pb::SignAgreementRequest,
) -> Result<(ConsultationId, String, String, Option<NaiveDate>), Failure> {
    let mut faults = Faults::default();
    let id = faults.id("consultation_id", &request.consultation_id);
    let key = faults.text("key", &request.key, 100);
    let number = faults.text("number", &request.number, 100);
    let starts_on = faults.optional_date("starts_on", &request.starts_on);
    faults.finish(id.map(|id| (id, key, number, starts_on)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_have_two_places_at_most_and_are_at_most_ten() {
        for (text, expected) in [("0", Some(0)), ("7.5", Some(750)), ("10.00", Some(1_000)), ("9.99", Some(999))] {
            assert_eq!(hundredths(text), expected, "{text}");
        }
        for text in ["", "10.01", "11", "7,5", "7.555", "-1", "+1", ".5", "5.", "1e1", "007"] {
            assert_eq!(hundredths(text), None, "{text}");
        }
    }

    #[test]
    fn a_deadline_keeps_its_microseconds_and_no_more() {
        let mut faults = Faults::default();
        let moment = optional_moment(&mut faults, "d", "2026-12-21T12:00:00.000001+01:00").unwrap();
        assert_eq!(moment.to_rfc3339(), "2026-12-21T11:00:00.000001+00:00");
        assert!(optional_moment(&mut faults, "d", "2026-12-21T12:00:00.0000001Z").is_none());
        assert!(optional_moment(&mut faults, "d", "2026-12-21").is_none());
    }
}
