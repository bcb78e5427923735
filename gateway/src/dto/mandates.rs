//! Who holds which office, and seats of commissions.

use proto::membership::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    convert::{all, some},
    shared::Reason,
};

/// Members that count as one in an alternation.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct OfficeSide {
    /// Name, 1 to 100 characters.
    pub name: String,
    /// `pty_…`. A member is of one side.
    pub party_ids: Vec<String>,
}

impl From<pb::Side> for OfficeSide {
    fn from(value: pb::Side) -> Self {
        Self { name: value.name, party_ids: value.party_ids }
    }
}

/// Members that count as one in an alternation.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfficeSideInput {
    /// Name, 1 to 100 characters.
    pub name: String,
    /// `pty_…` or `key:…`. A member is of one side.
    pub party_ids: Vec<String>,
}

impl From<OfficeSideInput> for pb::Side {
    fn from(value: OfficeSideInput) -> Self {
        Self { name: value.name, party_ids: value.party_ids }
    }
}

/// An office of the group.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Office {
    /// PRESIDENT, VICE_PRESIDENT, ADMINISTRATOR or DEPUTY.
    pub office: String,
    /// First day, ISO date.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_from: String,
    /// Last day, ISO date; absent while it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_to: Option<String>,
    /// How many hold it at once, 1 to 100.
    pub seats: i32,
    /// Longest term in months, 1 to 240; 0: no limit.
    pub term_months: i32,
    /// Whether its holder is elected by the assembly.
    pub elected: bool,
    /// Whether each term goes to another side than the one before. With one seat only.
    pub alternates: bool,
    /// An office whose holder is of another side on every day; may be absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opposed_to: Option<String>,
    /// The sides between which it alternates.
    pub sides: Vec<OfficeSide>,
    /// The clause that says so; 1 to 300 characters.
    pub source: String,
}

impl From<pb::Office> for Office {
    fn from(value: pb::Office) -> Self {
        Self {
            office: value.office,
            valid_from: value.valid_from,
            valid_to: some(value.valid_to),
            seats: value.seats,
            term_months: value.term_months,
            elected: value.elected,
            alternates: value.alternates,
            opposed_to: some(value.opposed_to),
            sides: all(value.sides),
            source: value.source,
        }
    }
}

/// An office of the group.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfficeInput {
    /// PRESIDENT, VICE_PRESIDENT, ADMINISTRATOR or DEPUTY.
    pub office: String,
    /// First day, ISO date.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_from: String,
    /// Last day, ISO date; absent while it lasts.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_to: Option<String>,
    /// How many hold it at once, 1 to 100.
    pub seats: i32,
    /// Longest term in months, 1 to 240; 0: no limit.
    #[serde(default)]
    pub term_months: i32,
    /// Whether its holder is elected by the assembly.
    #[serde(default)]
    pub elected: bool,
    /// Whether each term goes to another side than the one before. With one seat only.
    #[serde(default)]
    pub alternates: bool,
    /// An office whose holder is of another side on every day; may be absent.
    pub opposed_to: Option<String>,
    /// The sides between which it alternates.
    #[serde(default)]
    pub sides: Vec<OfficeSideInput>,
    /// The clause that says so; 1 to 300 characters.
    pub source: String,
}

impl From<OfficeInput> for pb::Office {
    fn from(value: OfficeInput) -> Self {
        Self {
            office: value.office,
            valid_from: value.valid_from,
            valid_to: value.valid_to.unwrap_or_default(),
            seats: value.seats,
            term_months: value.term_months,
            elected: value.elected,
            alternates: value.alternates,
            opposed_to: value.opposed_to.unwrap_or_default(),
            sides: all(value.sides),
            source: value.source,
        }
    }
}

/// A mandate.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Mandate {
    /// `mnd_…`.
    pub id: String,
    /// PRESIDENT, VICE_PRESIDENT, ADMINISTRATOR or DEPUTY.
    pub office: String,
    /// The member for which it is held, `pty_…`.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// Who holds it, 1 to 200 characters. Personal data: never in an event.
    pub holder_name: String,
    /// First day, ISO date.
    #[schema(example = "2026-03-02", format = Date)]
    pub starts_on: String,
    /// Last day as planned, ISO date; absent without a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-02", format = Date)]
    pub ends_on: Option<String>,
    /// `dcs_…` of the election; absent where none is needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "dcs_0198c2f07a3b7c11a2d34e5f60718293")]
    pub decision_id: Option<String>,
    /// Whether it ends the predecessor's term: then it stays on its side, and alternation goes by the term.
    pub completes: bool,
    /// Last day when it ended before its time, ISO date; absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-02", format = Date)]
    pub ended_on: Option<String>,
    /// Why it ended before.
    pub end_reason: String,
    /// The rules that it keeps.
    pub reasons: Vec<Reason>,
    /// Name of the member.
    pub party_name: String,
}

impl From<pb::Mandate> for Mandate {
    fn from(value: pb::Mandate) -> Self {
        Self {
            id: value.id,
            office: value.office,
            party_id: value.party_id,
            holder_name: value.holder_name,
            starts_on: value.starts_on,
            ends_on: some(value.ends_on),
            decision_id: some(value.decision_id),
            completes: value.completes,
            ended_on: some(value.ended_on),
            end_reason: value.end_reason,
            reasons: all(value.reasons),
            party_name: value.party_name,
        }
    }
}

/// A mandate.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MandateInput {
    /// PRESIDENT, VICE_PRESIDENT, ADMINISTRATOR or DEPUTY.
    pub office: String,
    /// The member for which it is held, `pty_…` or `key:…`.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// Who holds it, 1 to 200 characters. Personal data: never in an event.
    pub holder_name: String,
    /// First day, ISO date.
    #[schema(example = "2026-03-02", format = Date)]
    pub starts_on: String,
    /// Last day as planned, ISO date; absent without a limit.
    #[schema(example = "2026-03-02", format = Date)]
    pub ends_on: Option<String>,
    /// `dcs_…` of the election; absent where none is needed.
    #[schema(example = "dcs_0198c2f07a3b7c11a2d34e5f60718293")]
    pub decision_id: Option<String>,
    /// Whether it ends the predecessor's term: then it stays on its side, and alternation goes by the term.
    #[serde(default)]
    pub completes: bool,
}

impl From<MandateInput> for pb::Mandate {
    fn from(value: MandateInput) -> Self {
        Self {
            office: value.office,
            party_id: value.party_id,
            holder_name: value.holder_name,
            starts_on: value.starts_on,
            ends_on: value.ends_on.unwrap_or_default(),
            decision_id: value.decision_id.unwrap_or_default(),
            completes: value.completes,
            ..Self::default()
        }
    }
}

/// An office with who holds it on a day.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct OfficeHolders {
    /// The rule of the office.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub office: Option<Office>,
    /// Mandates that run on that day.
    pub holders: Vec<Mandate>,
    /// Seats that nobody holds.
    pub vacant: i32,
}

impl From<pb::OfficeHolders> for OfficeHolders {
    fn from(value: pb::OfficeHolders) -> Self {
        Self { office: value.office.map(Into::into), holders: all(value.holders), vacant: value.vacant }
    }
}

/// A seat in a commission.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CommissionSeat {
    /// `set_…`.
    pub id: String,
    /// Name of the commission, 1 to 100 characters.
    pub commission: String,
    /// The member, `pty_…`.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// DIRECTOR, MEDICAL_COMMISSION_PRESIDENT or OTHER.
    pub quality: String,
    /// Who sits, 1 to 200 characters. Personal data: never in an event.
    pub holder_name: String,
    /// First day, ISO date.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_from: String,
    /// Last day, ISO date; absent while it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_to: Option<String>,
    /// Name of the member.
    pub party_name: String,
}

impl From<pb::CommissionSeat> for CommissionSeat {
    fn from(value: pb::CommissionSeat) -> Self {
        Self {
            id: value.id,
            commission: value.commission,
            party_id: value.party_id,
            quality: value.quality,
            holder_name: value.holder_name,
            valid_from: value.valid_from,
            valid_to: some(value.valid_to),
            party_name: value.party_name,
        }
    }
}

/// A seat in a commission.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CommissionSeatInput {
    /// Name of the commission, 1 to 100 characters.
    pub commission: String,
    /// The member, `pty_…` or `key:…`.
    #[schema(example = "pty_0198c2f07a3b7c11a2d34e5f60718293")]
    pub party_id: String,
    /// DIRECTOR, MEDICAL_COMMISSION_PRESIDENT or OTHER.
    pub quality: String,
    /// Who sits, 1 to 200 characters. Personal data: never in an event.
    pub holder_name: String,
    /// First day, ISO date.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_from: String,
    /// Last day, ISO date; absent while it lasts.
    #[schema(example = "2026-03-02", format = Date)]
    pub valid_to: Option<String>,
}

impl From<CommissionSeatInput> for pb::CommissionSeat {
    fn from(value: CommissionSeatInput) -> Self {
        Self {
            commission: value.commission,
            party_id: value.party_id,
            quality: value.quality,
            holder_name: value.holder_name,
            valid_from: value.valid_from,
            valid_to: value.valid_to.unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// Mandates, last recorded first.
#[derive(Debug, Serialize, ToSchema)]
pub struct MandatePage {
    /// This page's rows.
    pub mandates: Vec<Mandate>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Seats of a day.
#[derive(Debug, Serialize, ToSchema)]
pub struct CommissionSeatPage {
    /// This page's rows.
    pub seats: Vec<CommissionSeat>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
