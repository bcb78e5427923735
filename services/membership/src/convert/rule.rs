//! What dated rules and rows have in common.

use kit::FieldFault;
use proto::common::v1 as common;

use super::Fields;
use crate::domain::{Period, Reason, month::Month, parse_named};

/// Days from the first to the last.
pub(super) fn period(fields: &mut Fields, path: &str, from: &str, to: &str) -> Option<Period> {
    let first = fields.date(&format!("{path}.valid_from"), from);
    let last = fields.date_if_any(&format!("{path}.valid_to"), to);
    let period = first.and_then(|first| Period::new(first, last));
    if first.is_some() && period.is_none() {
        fields.fault(&format!("{path}.valid_to"), "must not be before the first day");
    }
    period
}

/// A name of a closed list; `told` lists them.
pub(super) fn named<T: Copy>(
    fields: &mut Fields,
    field: &str,
    text: &str,
    (all, name): (&[T], fn(T) -> &'static str),
) -> Option<T> {
    let found = parse_named(all, name, text);
    if found.is_none() {
        let names: Vec<&str> = all.iter().map(|one| name(*one)).collect();
        fields.fault(field, &format!("must be one of {}", names.join(", ")));
    }
    found
}

/// As [`named`]; an empty text is fine and means none.
pub(super) fn named_if_any<T: Copy>(
    fields: &mut Fields,
    field: &str,
    text: &str,
    list: (&[T], fn(T) -> &'static str),
) -> Option<T> {
    if text.is_empty() { None } else { named(fields, field, text, list) }
}

/// A number within bounds.
pub(super) fn within(fields: &mut Fields, field: &str, number: i64, least: i64, most: i64) -> i64 {
    if !(least..=most).contains(&number) {
        fields.fault(field, &format!("must be {least} to {most}"));
    }
    number
}

/// A month, `2026-11`.
pub(super) fn month(fields: &mut Fields, field: &str, text: &str) -> Option<Month> {
    fields.parsed(field, text, |text| Month::parse(text).ok_or("must be a month of the form YYYY-MM"))
}

/// A reason as people and services read it.
#[must_use]
pub fn reason_to_proto(reason: &Reason) -> common::Reason {
    common::Reason {
        rule: reason.rule.clone(),
        source: reason.source.clone(),
        text: reason.text.clone(),
        facts: reason.facts.clone().into_iter().collect(),
    }
}

/// A fault about a party that is not in the registry.
#[must_use]
pub fn no_party(field: &str, reference: impl std::fmt::Display) -> FieldFault {
    FieldFault::new(field, format!("{reference} is no party"))
}
