//! Practitioners.

use chrono::NaiveDate;
use kit::{
    Failure,
    id::{PartyId, PractitionerId},
};
use proto::membership::v1 as pb;

use super::{Fields, MOST_REGISTERED, check_repeats, fields::date_to_text, page_from_proto, person::parse_email};
use crate::domain::{Page, PartyRef, Period, PlaceKind, Practitioner, Rpps};

/// Places at which one practitioner works at most.
const MOST_ATTACHMENTS: usize = 10;

/// Names a practitioner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PractitionerRef {
    /// `pra_…`
    Id(PractitionerId),
    /// `rpps:…`
    Rpps(Rpps),
}

impl PractitionerRef {
    /// Its id, if it is one.
    #[must_use]
    pub const fn id(&self) -> Option<PractitionerId> {
        match self {
            Self::Id(id) => Some(*id),
            Self::Rpps(_) => None,
        }
    }

    /// Its RPPS number, if it is one.
    #[must_use]
    pub fn rpps(&self) -> Option<&str> {
        match self {
            Self::Id(_) => None,
            Self::Rpps(rpps) => Some(rpps.as_str()),
        }
    }
}

impl std::fmt::Display for PractitionerRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::Rpps(rpps) => write!(f, "rpps:{rpps}"),
        }
    }
}

pub(super) fn practitioner_reference(fields: &mut Fields, field: &str, text: &str) -> Option<PractitionerRef> {
    fields.parsed(field, text, |text| match text.strip_prefix("rpps:") {
        Some(rpps) => Rpps::parse(rpps).map(PractitionerRef::Rpps),
        None => text
            .parse()
            .map(PractitionerRef::Id)
            .map_err(|_| "must be a practitioner's id (pra_…) or rpps:… with its number"),
    })
}

/// Where a practitioner works, whose party is still a reference.
#[derive(Debug, Clone)]
pub struct AttachmentInput {
    /// Where.
    pub party: PartyRef,
    /// What kind of place.
    pub kind: PlaceKind,
    /// When.
    pub period: Period,
}

/// A practitioner to add.
#[derive(Debug)]
pub struct PractitionerInput {
    /// The practitioner, with a new id for the case that its number is new, without attachments.
    pub practitioner: Practitioner,
    /// Where it works.
    pub attachments: Vec<AttachmentInput>,
    /// When it signed the charter, and who signed.
    pub signed: Option<(NaiveDate, String)>,
}

/// Reads the practitioners to add.
///
/// # Errors
/// `INVALID_INPUT` with the faults of all rows.
pub fn practitioners_from_proto(practitioners: &[pb::Practitioner]) -> Result<Vec<PractitionerInput>, Failure> {
    let mut fields = Fields::new();
    let mut read = Some(Vec::new());
    if fields.count("practitioners", practitioners.len(), MOST_REGISTERED) {
        for (index, one) in practitioners.iter().enumerate() {
            let one = practitioner_from_proto(&mut fields, &format!("practitioners[{index}]"), one);
            read = read.zip(one).map(|(mut read, one)| {
                read.push(one);
                read
            });
        }
        check_repeats(&mut fields, "practitioners", "rpps", practitioners.iter().map(|one| Some(&one.rpps)));
    }
    fields.finish(read)
}

fn practitioner_from_proto(fields: &mut Fields, path: &str, one: &pb::Practitioner) -> Option<PractitionerInput> {
    let at = |field: &str| format!("{path}.{field}");
    if !one.id.is_empty() {
        fields.fault(&at("id"), "must be empty: practitioners are known by their RPPS number");
    }
    let rpps = fields.parsed(&at("rpps"), &one.rpps, Rpps::parse);
    let name = fields.text(&at("name"), &one.name, 1, 200);
    let email = fields.parsed_if_any(&at("email"), &one.email, parse_email).unwrap_or_default();
    let joined_on = fields.date(&at("joined_on"), &one.joined_on);
    let left_on = fields.date_if_any(&at("left_on"), &one.left_on);
    let period = period_of(fields, &at("left_on"), joined_on, left_on);
    let signed_on = fields.date_if_any(&at("charter_signed_on"), &one.charter_signed_on);
    let signed_by = fields.text(&at("charter_signed_by"), &one.charter_signed_by, 0, 200);
    let mut attachments = Some(Vec::new());
    if fields.count(&at("attachments"), one.attachments.len(), MOST_ATTACHMENTS) {
        for (index, attachment) in one.attachments.iter().enumerate() {
            let read = attachment_from_proto(fields, &at(&format!("attachments[{index}]")), attachment, joined_on);
            attachments = attachments.zip(read).map(|(mut attachments, read)| {
                attachments.push(read);
                attachments
            });
        }
    }
    let signed = signed_on.map(|day| (day, if signed_by.is_empty() { name.clone() } else { signed_by }));
    Some(PractitionerInput {
        practitioner: Practitioner {
            id: PractitionerId::new(),
            rpps: rpps?,
            name,
            email,
            period: period?,
            attachments: Vec::new(),
            signature: None,
            level: None,
            audit_due_on: None,
        },
        attachments: attachments?,
        signed,
    })
}

fn period_of(fields: &mut Fields, field: &str, from: Option<NaiveDate>, to: Option<NaiveDate>) -> Option<Period> {
    let period = Period::new(from?, to);
    if period.is_none() {
        fields.fault(field, "must not be before the first day");
    }
    period
}

fn attachment_from_proto(
    fields: &mut Fields,
    path: &str,
    attachment: &pb::Attachment,
    joined_on: Option<NaiveDate>,
) -> Option<AttachmentInput> {
    let at = |field: &str| format!("{path}.{field}");
    let party = fields.parsed(&at("party_id"), &attachment.party_id, |text| {
        PartyRef::parse(text).ok_or("must be a party's id (pty_…), or key:…, siret:… or finess:… with a valid value")
    });
    let kind = place_from_proto(attachment.kind());
    if kind.is_none() {
        fields.fault(&at("kind"), "must be PRACTICE or HOSPITAL");
    }
    let from = fields.date_if_any(&at("valid_from"), &attachment.valid_from).or(joined_on);
    let to = fields.date_if_any(&at("valid_to"), &attachment.valid_to);
    let period = period_of(fields, &at("valid_to"), from, to);
    Some(AttachmentInput { party: party?, kind: kind?, period: period? })
}

/// Which practitioners are asked for.
#[derive(Debug)]
pub struct ListPractitionersInput {
    /// In the group on which day; none: today.
    pub on: Option<NaiveDate>,
    /// Only those attached to this party on that day.
    pub party: Option<PartyId>,
    /// Only this one.
    pub id: Option<PractitionerId>,
    /// Which page.
    pub page: Page<PractitionerId>,
}

/// Reads which practitioners are asked for.
///
/// # Errors
/// `INVALID_INPUT`.
pub fn list_practitioners_from_proto(
    request: &pb::ListPractitionersRequest,
    is_service: bool,
) -> Result<ListPractitionersInput, Failure> {
    let mut fields = Fields::new();
    let on = fields.date_if_any("on", &request.on);
    let party = fields
        .parsed_if_any("party_id", &request.party_id, |text| text.parse().map_err(|_| "must be a party's id (pty_…)"));
    let id = fields.parsed_if_any("practitioner_id", &request.practitioner_id, |text| {
        text.parse().map_err(|_| "must be a practitioner's id (pra_…)")
    });
    let page = page_from_proto(&mut fields, request.page.as_ref(), is_service);
    fields.finish(Some(ListPractitionersInput { on, party, id, page }))
}

/// A practitioner as people read it.
#[must_use]
pub fn practitioner_to_proto(one: &Practitioner) -> pb::Practitioner {
    let (level, level_name, level_since) =
        one.level.clone().map_or((0, String::new(), None), |(level, name, since)| (level, name, Some(since)));
    let attachment = |attachment: &crate::domain::Attachment| pb::Attachment {
        party_id: attachment.party_id.to_string(),
        kind: place_to_proto(attachment.kind).into(),
        valid_from: attachment.period.from().to_string(),
        valid_to: date_to_text(attachment.period.to()),
        party_name: attachment.party_name.clone(),
    };
    let signature = one.signature.as_ref();
    pb::Practitioner {
        id: one.id.to_string(),
        rpps: one.rpps.to_string(),
        name: one.name.clone(),
        email: one.email.clone(),
        joined_on: one.period.from().to_string(),
        left_on: date_to_text(one.period.to()),
        attachments: one.attachments.iter().map(attachment).collect(),
        charter_signed_on: date_to_text(signature.map(|signature| signature.signed_on)),
        charter_signed_by: signature.map(|signature| signature.signed_by.clone()).unwrap_or_default(),
        charter_version: signature.map_or(0, |signature| signature.version),
        level,
        level_name,
        level_since: date_to_text(level_since),
        audit_due_on: date_to_text(one.audit_due_on),
    }
}

pub(super) const fn place_from_proto(kind: pb::PlaceKind) -> Option<PlaceKind> {
    match kind {
        pb::PlaceKind::Unspecified => None,
        pb::PlaceKind::Practice => Some(PlaceKind::Practice),
        pb::PlaceKind::Hospital => Some(PlaceKind::Hospital),
    }
}

const fn place_to_proto(kind: PlaceKind) -> pb::PlaceKind {
    match kind {
        PlaceKind::Practice => pb::PlaceKind::Practice,
        PlaceKind::Hospital => pb::PlaceKind::Hospital,
    }
}
