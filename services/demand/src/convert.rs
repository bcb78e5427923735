//! Protobuf to domain and back. Reading collects every fault.

pub mod dispatches;
pub mod lots;
pub mod member_changes;
pub mod orders;
pub mod plans;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use kit::{
    Caller, Failure, FieldFault, Id, Role,
    id::{GroupId, Kind},
};
use proto::{
    catalogue::v1::Article,
    common::v1::{self as common, Page, RowError},
    demand::v1 as wire,
};
use uuid::Uuid;

use crate::{
    domain::{
        conversion::{Level, packagings},
        directory::KnownArticle,
        need::{Commitment, LineKind, Need, RowFault, TypedNeed},
        opening::{TypedCode, TypedConsumption},
        opening_orders::TypedOrder,
        round::{Round, RoundKind, RoundState, RoundTerms},
    },
    store::{rounds::Counts, snapshots::Snapshot},
};

/// Most rows of a page that a person may ask for.
const PAGE_LIMIT: i32 = 500;
/// Most rows of a page that another service may ask for.
const SERVICE_PAGE_LIMIT: i32 = 5_000;
/// Rows of a page when nobody says how many.
const PAGE_DEFAULT: i32 = 50;
/// Most characters of a faulty value that are told back.
const VALUE_LIMIT: usize = 100;

/// Reads fields and keeps what is wrong with them.
#[derive(Debug, Default)]
pub struct Fields {
    faults: Vec<FieldFault>,
}

impl Fields {
    /// Notes a fault.
    pub fn fault(&mut self, field: impl Into<String>, detail: impl Into<String>) {
        self.faults.push(FieldFault::new(field, detail));
    }

    /// Notes several faults.
    pub fn faults(&mut self, faults: Vec<FieldFault>) {
        self.faults.extend(faults);
    }

    /// Notes a fault unless something holds.
    pub fn check(&mut self, holds: bool, field: impl Into<String>, detail: impl Into<String>) {
        if !holds {
            self.fault(field, detail);
        }
    }

    /// An id.
    pub fn id<K: Kind>(&mut self, field: impl Into<String>, text: &str) -> Option<Id<K>> {
        text.parse().map_err(|error: kit::id::IdError| self.fault(field, error.to_string())).ok()
    }

    /// An id that may be missing.
    pub fn optional_id<K: Kind>(&mut self, field: impl Into<String>, text: &str) -> Option<Id<K>> {
        if text.is_empty() { None } else { self.id(field, text) }
    }

    /// A time.
    pub fn time(&mut self, field: impl Into<String>, text: &str) -> Option<DateTime<Utc>> {
        let time = DateTime::parse_from_rfc3339(text).ok().map(|time| time.with_timezone(&Utc));
        self.check(time.is_some(), field, "must be a time such as 2026-12-18T17:00:00Z");
        time
    }

    /// A day.
    pub fn date(&mut self, field: impl Into<String>, text: &str) -> Option<NaiveDate> {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10);
        self.check(date.is_some(), field, "must be a date such as 2026-12-18");
        date
    }

    /// Ends reading.
    ///
    /// # Errors
    /// `INVALID_INPUT` with every fault.
    pub fn finish(self) -> Result<(), Failure> {
        if self.faults.is_empty() { Ok(()) } else { Err(Failure::invalid(self.faults)) }
    }
}

/// Which rows of a list are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// How many.
    pub size: i64,
    /// After which key; nil for the first page.
    pub after: Uuid,
}

/// Reads a page whose keys are ids of one kind.
///
/// # Errors
/// `INVALID_INPUT`.
pub fn page<K: Kind>(caller: &Caller, page: Option<&Page>) -> Result<Wanted, Failure> {
    let limit = if caller.has(&[Role::Service]) { SERVICE_PAGE_LIMIT } else { PAGE_LIMIT };
    let (size, after) = page.map_or((0, ""), |page| (page.size, page.after.as_str()));
    let mut fields = Fields::default();
    fields.check((0..=limit).contains(&size), "page.size", format!("must be 1 to {limit}, or 0 for {PAGE_DEFAULT}"));
    let after = fields.optional_id::<K>("page.after", after).map_or(Uuid::nil(), Id::uuid);
    fields.finish()?;
    Ok(Wanted { size: i64::from(if size == 0 { PAGE_DEFAULT } else { size }), after })
}

/// Key of the next page: that of the last row when the page is full.
pub fn next_after<K: Kind>(wanted: Wanted, rows: usize, last: Option<Id<K>>) -> String {
    let full = usize::try_from(wanted.size).is_ok_and(|size| rows >= size);
    last.filter(|_| full).map(|id| id.to_string()).unwrap_or_default()
}

/// RFC 3339, UTC.
#[must_use]
pub fn time_to_proto(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// What an officer decides about a new round.
pub fn round_terms(fields: &mut Fields, round: &wire::Round) -> Option<RoundTerms> {
    let opens_at = fields.time("round.opens_at", &round.opens_at);
    let closes_at = fields.time("round.closes_at", &round.closes_at);
    let platform_site_id = fields.optional_id("round.platform_site_id", &round.platform_site_id);
    let ids = round.agreement_ids.iter().enumerate();
    let agreement_ids =
        ids.filter_map(|(index, id)| fields.id(format!("round.agreement_ids[{index}]"), id)).collect::<Vec<_>>();
    let title = round.title.trim().to_owned();
    let kind = match wire::RoundKind::try_from(round.kind) {
        Ok(wire::RoundKind::Unspecified | wire::RoundKind::Order) => {
            fields.check(round.period_months == 0, "round.period_months", "is for a census only");
            Some(RoundKind::Order)
        }
        Ok(wire::RoundKind::Census) => Some(RoundKind::Census { period_months: round.period_months }),
        Ok(wire::RoundKind::Urgent) => {
            fields.fault("round.kind", "an urgent order makes its round by itself");
            None
        }
        Err(_) => {
            fields.fault("round.kind", "must be ORDER or CENSUS");
            None
        }
    };
    let terms =
        RoundTerms { kind: kind?, title, opens_at: opens_at?, closes_at: closes_at?, platform_site_id, agreement_ids };
    fields.faults(terms.faults());
    Some(terms)
}

/// A round with its counts.
#[must_use]
pub fn round_to_proto(group: GroupId, round: Round, counts: Counts) -> wire::Round {
    let state = match round.state {
        RoundState::Open => wire::RoundState::Open,
        RoundState::Closed => wire::RoundState::Closed,
        RoundState::Ordered => wire::RoundState::Ordered,
    };
    wire::Round {
        id: round.id.to_string(),
        title: round.terms.title,
        opens_at: time_to_proto(round.terms.opens_at),
        closes_at: time_to_proto(round.terms.closes_at),
        platform_site_id: round.terms.platform_site_id.map(|id| id.to_string()).unwrap_or_default(),
        agreement_ids: round.terms.agreement_ids.iter().map(ToString::to_string).collect(),
        state: state.into(),
        need_count: counts.needs,
        member_count: counts.members,
        version: round.version,
        group_id: group.to_string(),
        kind: match round.terms.kind {
            RoundKind::Order => wire::RoundKind::Order,
            RoundKind::Census { .. } => wire::RoundKind::Census,
            RoundKind::Urgent => wire::RoundKind::Urgent,
        }
        .into(),
        period_months: round.terms.kind.period_months().unwrap_or_default(),
    }
}

/// A row of a batch or a file. A level of commitment of a later version is none that is known here.
#[must_use]
pub fn typed_need(row: i64, input: wire::NeedInput) -> TypedNeed {
    let commitment = match wire::Commitment::try_from(input.commitment) {
        Ok(wire::Commitment::Indicative) => Some(Commitment::Indicative),
        Ok(wire::Commitment::Minimum) => Some(Commitment::Minimum),
        Ok(wire::Commitment::Firm) => Some(Commitment::Firm),
        Ok(wire::Commitment::Unspecified) | Err(_) => None,
    };
    TypedNeed {
        row,
        site: input.site,
        article: input.article,
        packaging: input.packaging_code,
        quantity: input.quantity,
        reference: input.reference,
        needed_by: input.needed_by,
        commitment,
    }
}

/// A need.
#[must_use]
pub fn need_to_proto(need: &Need) -> wire::Need {
    let kind = match need.kind {
        LineKind::Goods => common::LineKind::Goods,
        LineKind::Service => common::LineKind::Service,
    };
    wire::Need {
        id: need.id.to_string(),
        round_id: need.round_id.to_string(),
        group_id: need.group_id.to_string(),
        party_id: need.party_id.to_string(),
        site_id: need.site_id.to_string(),
        article_id: need.article_id.to_string(),
        packaging_code: need.packaging.code.clone(),
        quantity: need.quantity,
        units: need.units,
        conversion: need.conversion(),
        reference: need.reference.clone(),
        needed_by: need.needed_by.map(|day| day.to_string()).unwrap_or_default(),
        withdrawn: need.withdrawn,
        version: need.version,
        kind: kind.into(),
        commitment: match need.commitment {
            None => wire::Commitment::Unspecified,
            Some(Commitment::Indicative) => wire::Commitment::Indicative,
            Some(Commitment::Minimum) => wire::Commitment::Minimum,
            Some(Commitment::Firm) => wire::Commitment::Firm,
        }
        .into(),
    }
}

/// A row of own codes.
#[must_use]
pub fn typed_code(input: wire::MemberCodeInput) -> TypedCode {
    let wire::MemberCodeInput { row, party, code, article, label } = input;
    let trimmed = |text: String| text.trim().to_owned();
    TypedCode { row, party: trimmed(party), code: trimmed(code), article: trimmed(article), label: trimmed(label) }
}

/// A row of consumption.
#[must_use]
pub fn typed_consumption(input: wire::ConsumptionInput) -> TypedConsumption {
    let trimmed = |text: String| text.trim().to_owned();
    TypedConsumption {
        row: input.row,
        party: trimmed(input.party),
        site: trimmed(input.site),
        article: trimmed(input.article),
        label: trimmed(input.label),
        month: trimmed(input.month),
        units: input.units,
        amount_cents: input.amount_cents,
        as_of: trimmed(input.as_of),
        source: trimmed(input.source),
    }
}

/// A row of an order placed before Centrale.
#[must_use]
pub fn typed_open_order(input: wire::OpenOrderInput) -> TypedOrder {
    let trimmed = |text: String| text.trim().to_owned();
    TypedOrder {
        row: input.row,
        party: trimmed(input.party),
        site: trimmed(input.site),
        agreement: trimmed(input.agreement),
        lot_number: input.lot_number,
        supplier: trimmed(input.supplier),
        article: trimmed(input.article),
        label: trimmed(input.label),
        packaging: trimmed(input.packaging_code),
        ordered: input.ordered_units,
        delivered: input.delivered_units,
        unit_price: trimmed(input.unit_price),
        ordered_on: trimmed(input.ordered_on),
        number: trimmed(input.number),
        as_of: trimmed(input.as_of),
        source: trimmed(input.source),
    }
}

/// A fault of a row.
#[must_use]
pub fn row_error(fault: RowFault) -> RowError {
    fault.into()
}

/// At most 100 characters of a value.
#[must_use]
pub fn cut(value: &str) -> String {
    value.chars().take(VALUE_LIMIT).collect()
}

/// A snapshot.
#[must_use]
pub fn snapshot_to_proto(snapshot: &Snapshot) -> wire::Snapshot {
    wire::Snapshot {
        id: snapshot.id.to_string(),
        round_id: snapshot.round_id.to_string(),
        version: snapshot.version,
        sha256: hex::encode(&snapshot.sha256),
        need_count: snapshot.need_count,
        units: snapshot.units,
        article_count: snapshot.article_count,
        member_count: snapshot.member_count,
        taken_at: time_to_proto(snapshot.taken_at),
    }
}

/// An article of catalogue with its conversions.
///
/// # Errors
/// Internal when catalogue's answer does not hold together.
pub fn known_article(article: Article) -> Result<KnownArticle, Failure> {
    let wrong =
        |what: &dyn std::fmt::Display| Failure::internal(format!("article {} of catalogue: {what}", article.id));
    let kind = match common::LineKind::try_from(article.kind) {
        Ok(common::LineKind::Goods) => LineKind::Goods,
        Ok(common::LineKind::Service) => LineKind::Service,
        Ok(common::LineKind::Unspecified) | Err(_) => return Err(wrong(&"no kind")),
    };
    let levels: Vec<Level> = article
        .packagings
        .iter()
        .map(|level| Level {
            code: level.code.clone(),
            label: level.label.clone(),
            contains: (!level.contains_code.is_empty()).then(|| (level.contains_code.clone(), level.contains_count)),
        })
        .collect();
    let packagings = packagings(&levels, &article.base_unit_label).map_err(|error| wrong(&error))?;
    let id = article.id.parse().map_err(|error| wrong(&error))?;
    Ok(KnownArticle { id, label: article.label, kind, packagings })
}

#[cfg(test)]
mod tests {
    use kit::{Scope, id};

    use super::*;

    #[test]
    fn a_page_is_limited_and_its_key_is_an_id_of_the_list() {
        let person = |roles: &[Role]| Caller {
            subject: "x".into(),
            scope: Scope::Deployment,
            acts_for: None,
            roles: roles.to_vec(),
        };
        let read = |caller: &Caller, size, after: &str| {
            page::<id::Need>(caller, Some(&Page { size, after: after.to_owned() }))
        };
        let officer = person(&[Role::PurchasingOfficer]);
        assert_eq!(page::<id::Need>(&officer, None).unwrap(), Wanted { size: 50, after: Uuid::nil() });
        assert_eq!(read(&officer, 500, "").unwrap().size, 500);
        assert!(read(&officer, 501, "").is_err());
        assert!(read(&officer, -1, "").is_err());
        assert_eq!(read(&person(&[Role::Service]), 5_000, "").unwrap().size, 5_000);
        let key = id::NeedId::new();
        assert_eq!(read(&officer, 1, &key.to_string()).unwrap().after, key.uuid());
        assert!(read(&officer, 1, &id::PlanId::new().to_string()).is_err());
        let wanted = Wanted { size: 2, after: Uuid::nil() };
        assert_eq!(next_after(wanted, 2, Some(key)), key.to_string());
        assert_eq!(next_after(wanted, 1, Some(key)), "");
    }

    #[test]
    fn all_faults_of_a_round_come_at_once() {
        let mut fields = Fields::default();
        let round = wire::Round {
            opens_at: "demain".into(),
            closes_at: "2026-12-18".into(),
            agreement_ids: vec!["x".into()],
            ..wire::Round::default()
        };
        assert_eq!(round_terms(&mut fields, &round), None);
        let fields: Vec<&str> = fields.faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["round.opens_at", "round.closes_at", "round.agreement_ids[0]"]);
    }
}
