//! What exists on the first day: dated opening figures with their source.

use proto::{demand::v1 as demand, tendering::v1 as tendering};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::convert::some;
use crate::problem::CellFault;

/// What became of opening rows, or would become of them.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpeningReport {
    /// Whether nothing was changed because only a report was asked for.
    pub dry_run: bool,
    /// Rows entered now, or that would be.
    #[schema(example = 120)]
    pub added: i64,
    /// Rows that were there already, the same.
    #[schema(example = 0)]
    pub unchanged: i64,
    /// Base units of the rows added; only of consumption.
    #[schema(example = 0)]
    pub units: i64,
    /// Cents EUR without VAT of the rows added.
    #[schema(example = 5542890)]
    pub amount_cents: i64,
    /// Reference prices taken from consumption because none was stated.
    #[schema(example = 0)]
    pub reference_prices: i64,
    /// Rows that match no shared article, in all; each is among the faults too.
    pub unmatched_count: i64,
    /// The first 1,000 of them, by row.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unmatched: Vec<UnmatchedRow>,
    /// Faults found by a dry run; otherwise there are none, or the answer is a problem with them.
    pub error_count: i64,
    /// The first of them, by row.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<CellFault>,
}

/// A row that matches no shared article.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct UnmatchedRow {
    /// Row, 1 for the first after the header.
    #[schema(example = 17)]
    pub row: i64,
    /// The code as given.
    #[schema(example = "12345")]
    pub code: String,
    /// What the member calls it.
    pub label: String,
    /// Among what it was looked for.
    pub searched: String,
    /// The nearest that there is by identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

impl From<demand::UnmatchedRow> for UnmatchedRow {
    fn from(value: demand::UnmatchedRow) -> Self {
        let demand::UnmatchedRow { row, code, label, searched, suggestion } = value;
        Self { row, code, label, searched, suggestion: some(suggestion) }
    }
}

/// A member's own code of an article.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberCodeInput {
    /// A member of the group: `finess:…`, `siret:…`, `key:…` or `pty_…`.
    #[schema(example = "key:brest")]
    pub member: String,
    /// Its code, 1 to 60 characters; zeros in front belong to it.
    #[schema(example = "012345")]
    pub code: String,
    /// The shared article: `art_…`, `key:…`, `gtin:…`, `cip13:…` or a bare code of 13 or 14 digits.
    #[schema(example = "key:gant-nitrile-m")]
    pub article: String,
    /// What the member calls it; only shown in reports.
    #[serde(default)]
    pub label: String,
}

impl MemberCodeInput {
    /// As a row of a list.
    #[must_use]
    pub fn at(self, row: i64) -> demand::MemberCodeInput {
        let Self { member: party, code, article, label } = self;
        demand::MemberCodeInput { row, party, code, article, label }
    }
}

/// What a member consumed of an article in a month.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsumptionInput {
    /// A member of the group: `finess:…`, `siret:…`, `key:…` or `pty_…`.
    #[schema(example = "key:brest")]
    pub member: String,
    /// One of its sites; absent when it is not told by site.
    #[serde(default)]
    pub site: String,
    /// Its own code of the article, or one that all share.
    #[schema(example = "012345")]
    pub article: String,
    /// What the member calls it; only shown in reports.
    #[serde(default)]
    pub label: String,
    /// Month.
    #[schema(example = "2026-10")]
    pub month: String,
    /// Base units, 0 or more.
    #[schema(example = 1200)]
    pub units: i64,
    /// What was paid for them, cents EUR without VAT; absent when not known.
    #[serde(default)]
    pub amount_cents: Option<i64>,
    /// Day on which the figures were drawn up, ISO date, today at the latest.
    #[schema(example = "2026-11-15", format = Date)]
    pub as_of: String,
    /// Where they come from, 1 to 200 characters.
    pub source: String,
}

impl ConsumptionInput {
    /// As a row of a list.
    #[must_use]
    pub fn at(self, row: i64) -> demand::ConsumptionInput {
        let Self { member: party, site, article, label, month, units, amount_cents, as_of, source } = self;
        demand::ConsumptionInput { row, party, site, article, label, month, units, amount_cents, as_of, source }
    }
}

/// One article of an order that a member placed before Centrale.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenOrderInput {
    /// A member of the group: `finess:…`, `siret:…`, `key:…` or `pty_…`.
    #[schema(example = "key:brest")]
    pub member: String,
    /// The site of it that waits for the goods.
    #[schema(example = "key:brest-1")]
    pub site: String,
    /// Agreement of the group: its number, `key:…` or `agr_…`.
    #[schema(example = "key:ght-dms")]
    pub agreement: String,
    /// Number of the lot in it; its holder is the supplier.
    #[schema(example = 1)]
    pub lot_number: i32,
    /// The supplier, to be checked against the lot's holder.
    #[serde(default)]
    pub supplier: String,
    /// Its own code of the article, or one that all share.
    #[schema(example = "012345")]
    pub article: String,
    /// What the member calls it; only shown in reports.
    #[serde(default)]
    pub label: String,
    /// The pack that was ordered; absent when the article's reference is the code of one.
    #[serde(default)]
    #[schema(example = "BOX")]
    pub packaging_code: String,
    /// Base units ordered, whole packs.
    #[schema(example = 1000)]
    pub ordered_units: i64,
    /// Base units that came already, whole packs.
    #[serde(default)]
    pub delivered_units: i64,
    /// EUR without VAT per base unit.
    #[schema(example = "0.0731")]
    pub unit_price: String,
    /// Day of the order, ISO date.
    #[schema(example = "2026-10-24", format = Date)]
    pub ordered_on: String,
    /// The member's own number of the order, 1 to 60 characters.
    #[schema(example = "BRE-2026-0001")]
    pub number: String,
    /// Day on which this was drawn up, ISO date, today at the latest.
    #[schema(example = "2026-11-15", format = Date)]
    pub as_of: String,
    /// Where it comes from, 1 to 200 characters.
    pub source: String,
}

impl OpenOrderInput {
    /// As a row of a list.
    #[must_use]
    pub fn at(self, row: i64) -> demand::OpenOrderInput {
        demand::OpenOrderInput {
            row,
            party: self.member,
            site: self.site,
            agreement: self.agreement,
            lot_number: self.lot_number,
            supplier: self.supplier,
            article: self.article,
            label: self.label,
            packaging_code: self.packaging_code,
            ordered_units: self.ordered_units,
            delivered_units: self.delivered_units,
            unit_price: self.unit_price,
            ordered_on: self.ordered_on,
            number: self.number,
            as_of: self.as_of,
            source: self.source,
        }
    }
}

/// A member's own code.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberCode {
    /// `pty_…`.
    pub party_id: String,
    /// Its code.
    pub code: String,
    /// `art_…`.
    pub article_id: String,
}

impl From<demand::MemberCode> for MemberCode {
    fn from(value: demand::MemberCode) -> Self {
        let demand::MemberCode { party_id, code, article_id } = value;
        Self { party_id, code, article_id }
    }
}

/// Members' own codes, by member and code.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberCodePage {
    /// This page's rows.
    pub rows: Vec<MemberCode>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// What a member consumed of an article in a month.
#[derive(Debug, Serialize, ToSchema)]
pub struct Consumption {
    /// `pty_…`.
    pub party_id: String,
    /// `sit_…`; absent when it is not told by site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site_id: Option<String>,
    /// `art_…`.
    pub article_id: String,
    /// Month.
    #[schema(example = "2026-10")]
    pub month: String,
    /// Base units.
    pub units: i64,
    /// Cents EUR without VAT; absent when not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount_cents: Option<i64>,
    /// ISO date.
    pub as_of: String,
    /// Where it comes from.
    pub source: String,
}

impl From<demand::Consumption> for Consumption {
    fn from(value: demand::Consumption) -> Self {
        let demand::Consumption { party_id, site_id, article_id, month, units, amount_cents, as_of, source } = value;
        Self { party_id, site_id: some(site_id), article_id, month, units, amount_cents, as_of, source }
    }
}

/// Consumption, in the order in which it was loaded.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConsumptionPage {
    /// This page's rows.
    pub rows: Vec<Consumption>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// What one member had consumed of a lot before it was entered here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MemberConsumption {
    /// `pty_…`.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// Cents EUR without VAT.
    pub amount_cents: i64,
    /// Up to which day, ISO date.
    #[schema(example = "2026-11-15", format = Date)]
    pub as_of: String,
    /// Where the figure comes from.
    pub source: String,
}

impl From<tendering::MemberConsumption> for MemberConsumption {
    fn from(value: tendering::MemberConsumption) -> Self {
        let tendering::MemberConsumption { party_id, amount_cents, as_of, source } = value;
        Self { party_id, amount_cents, as_of, source }
    }
}

/// What one member had consumed of a lot.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LotConsumptionInput {
    /// Agreement of the group: its number, `key:…` or `agr_…`.
    #[schema(example = "key:ght-med")]
    pub agreement: String,
    /// Number of the lot in it.
    #[schema(example = 1)]
    pub lot_number: i32,
    /// A buyer named in it: `finess:…`, `siret:…`, `key:…` or `pty_…`.
    #[schema(example = "key:brest")]
    pub member: String,
    /// Cents EUR without VAT, 0 or more.
    #[schema(example = 5542890)]
    pub amount_cents: i64,
    /// Up to which day, ISO date, today at the latest.
    #[schema(example = "2026-11-15", format = Date)]
    pub as_of: String,
    /// Where the figure comes from, 1 to 500 characters.
    pub source: String,
}

impl LotConsumptionInput {
    /// As a row of a list.
    #[must_use]
    pub fn at(self, row: i64) -> tendering::LotConsumptionInput {
        let Self { agreement, lot_number, member: party, amount_cents, as_of, source } = self;
        tendering::LotConsumptionInput { row, agreement, lot_number, party, amount_cents, as_of, source }
    }
}

/// Opening consumption of a lot by one member.
#[derive(Debug, Serialize, ToSchema)]
pub struct LotConsumption {
    /// `lot_…`.
    pub lot_id: String,
    /// `agr_…`.
    pub agreement_id: String,
    /// Number of the lot in it.
    pub lot_number: i32,
    /// Whose, and how much.
    #[serde(flatten)]
    pub consumption: MemberConsumption,
}

impl From<tendering::LotConsumption> for LotConsumption {
    fn from(value: tendering::LotConsumption) -> Self {
        Self {
            lot_id: value.lot_id,
            agreement_id: value.agreement_id,
            lot_number: value.lot_number,
            consumption: value.consumption.unwrap_or_default().into(),
        }
    }
}

/// Opening consumption of lots, by lot and member.
#[derive(Debug, Serialize, ToSchema)]
pub struct LotConsumptionPage {
    /// This page's rows.
    pub rows: Vec<LotConsumption>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
