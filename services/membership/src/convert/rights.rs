//! Delegations, and what is dated about a party.

use chrono::NaiveDate;
use kit::{
    Failure,
    id::{DelegationId, PartyId, PersonId},
};
use proto::membership::v1 as pb;

use super::{
    Fields,
    fields::date_to_text,
    page_from_proto, parse_login,
    party::{status_from_proto, status_to_proto},
    site::party_reference,
};
use crate::domain::{
    Act, BuyerStatus, Change, ChangeKind, DatedIdentity, DatedStatus, Delegate, Delegation, Page, PartyRef, Rights,
    Siret,
};

/// Longest evidence, in characters.
const EVIDENCE: usize = 1_000;
/// Longest reason, in characters.
const REASON: usize = 500;
/// Largest limit: 10 thousand billion euros in cents.
const LARGEST_CENTS: i64 = 1_000_000_000_000_000;

/// To whom a delegation is given, as it was named.
#[derive(Debug)]
pub enum DelegateInput {
    /// A party.
    Party(PartyRef),
    /// A person by id.
    Person(PersonId),
    /// A person by login.
    Login(String),
}

/// A delegation to record.
#[derive(Debug)]
pub struct DelegationInput {
    /// To whom.
    pub to: DelegateInput,
    /// What it allows.
    pub rights: Rights,
    /// The decision.
    pub evidence: String,
    /// Whose absence.
    pub stands_in_for: Option<DelegationId>,
}

/// Reads a delegation to record.
///
/// # Errors
/// `INVALID_INPUT` with every fault.
pub fn delegation_from_proto(delegation: Option<&pb::Delegation>) -> Result<DelegationInput, Failure> {
    let given = delegation.ok_or_else(|| Failure::invalid_field("delegation", "must be given"))?;
    let mut fields = Fields::new();
    if !given.id.is_empty() || !given.delegator_party_id.is_empty() || !given.revoked_from.is_empty() {
        fields.fault(
            "delegation.id",
            "id, delegator_party_id and revoked_from are given by the service: leave them empty",
        );
    }
    let to = match (given.to_party_id.as_str(), given.to_person_id.as_str()) {
        ("", "") => {
            fields.fault("delegation.to_party_id", "name a party or a person to whom it is given");
            None
        }
        (party, "") => party_reference(&mut fields, "delegation.to_party_id", party).map(DelegateInput::Party),
        ("", person) => fields.parsed("delegation.to_person_id", person, |text| match text.strip_prefix("login:") {
            Some(login) => parse_login(login).map(DelegateInput::Login),
            None => text
                .parse()
                .map(DelegateInput::Person)
                .map_err(|_| "must be a person's id (prs_…) or login:… with its login"),
        }),
        (_, _) => {
            fields.fault("delegation.to_person_id", "must be empty when it is given to a party");
            None
        }
    };
    let mut acts: Vec<Act> = Vec::new();
    for (index, act) in given.acts().enumerate() {
        match act_from_proto(act) {
            Some(act) if !acts.contains(&act) => acts.push(act),
            Some(_) => fields.fault(&format!("delegation.acts[{index}]"), "is there twice"),
            None => fields.fault(&format!("delegation.acts[{index}]"), "must be AWARD or ORDER"),
        }
    }
    if given.acts.is_empty() {
        fields.fault("delegation.acts", "must have AWARD, ORDER or both");
    }
    acts.sort_unstable();
    if given.amount_max_cents.is_some_and(|cents| !(1..=LARGEST_CENTS).contains(&cents)) {
        fields.fault(
            "delegation.amount_max_cents",
            &format!("must be from 1 to {LARGEST_CENTS} cents, or absent for no limit"),
        );
    }
    let from = fields.date("delegation.valid_from", &given.valid_from);
    let until = fields.date_if_any("delegation.valid_to", &given.valid_to);
    if from.zip(until).is_some_and(|(from, until)| until < from) {
        fields.fault("delegation.valid_to", "must not be before the first day");
    }
    let evidence = fields.text("delegation.evidence", &given.evidence, 1, EVIDENCE);
    let stands_in_for = fields.parsed_if_any("delegation.stands_in_for", &given.stands_in_for, delegation_id);
    let read = to.zip(from).map(|(to, from)| DelegationInput {
        to,
        rights: Rights { acts, limit_cents: given.amount_max_cents, from, to: until },
        evidence,
        stands_in_for,
    });
    fields.finish(read)
}

fn delegation_id(text: &str) -> Result<DelegationId, &'static str> {
    text.parse().map_err(|_| "must be a delegation's id (dlg_…)")
}

/// Reads a revocation: which, from which day (none: today), why.
///
/// # Errors
/// `INVALID_INPUT` with every fault.
pub fn revocation_from_proto(
    request: &pb::RevokeDelegationRequest,
) -> Result<(DelegationId, Option<NaiveDate>, String), Failure> {
    let mut fields = Fields::new();
    let id = fields.parsed("delegation_id", &request.delegation_id, delegation_id);
    let from = fields.date_if_any("from", &request.from);
    let reason = fields.text("reason", &request.reason, 1, REASON);
    fields.finish(id.map(|id| (id, from, reason)))
}

/// Which delegations are asked for.
#[derive(Debug)]
pub struct ListDelegationsInput {
    /// On which day; none: today.
    pub on: Option<NaiveDate>,
    /// Given by whom.
    pub delegator: Option<PartyId>,
    /// Allowing what.
    pub act: Option<Act>,
    /// Whether only those that hold.
    pub in_force_only: bool,
    /// Which page.
    pub page: Page<DelegationId>,
}

/// Reads which delegations are asked for.
///
/// # Errors
/// `INVALID_INPUT`.
pub fn list_delegations_from_proto(
    request: &pb::ListDelegationsRequest,
    is_service: bool,
) -> Result<ListDelegationsInput, Failure> {
    let mut fields = Fields::new();
    let on = fields.date_if_any("on", &request.on);
    let delegator = fields.parsed_if_any("delegator_party_id", &request.delegator_party_id, |text| {
        text.parse::<PartyId>().map_err(|_| "must be a party's id (pty_…)")
    });
    let page = page_from_proto(&mut fields, request.page.as_ref(), is_service);
    let act = act_from_proto(request.act());
    fields.finish(Some(ListDelegationsInput { on, delegator, act, in_force_only: request.in_force_only, page }))
}

/// A delegation as people and services read it, on a day.
#[must_use]
pub fn delegation_to_proto(delegation: &Delegation, original: Option<&Delegation>, on: NaiveDate) -> pb::Delegation {
    let effective = delegation.effective(original).filter(|rights| rights.hold(on));
    let (to_party_id, to_person_id) = match delegation.to {
        Delegate::Party(party) => (party.to_string(), String::new()),
        Delegate::Person(person) => (String::new(), person.to_string()),
    };
    pb::Delegation {
        id: delegation.id.to_string(),
        delegator_party_id: delegation.delegator.to_string(),
        to_party_id,
        to_person_id,
        acts: delegation.rights.acts.iter().map(|act| act_to_proto(*act).into()).collect(),
        amount_max_cents: delegation.rights.limit_cents,
        valid_from: delegation.rights.from.to_string(),
        valid_to: date_to_text(delegation.rights.to),
        evidence: delegation.evidence.clone(),
        stands_in_for: delegation.stands_in_for.map(|id| id.to_string()).unwrap_or_default(),
        revoked_from: date_to_text(delegation.revoked_from),
        revoked_reason: delegation.revoked_reason.clone(),
        in_force: effective.is_some(),
        effective_max_cents: effective.and_then(|rights| rights.limit_cents),
    }
}

const fn act_from_proto(act: pb::Act) -> Option<Act> {
    match act {
        pb::Act::Unspecified => None,
        pb::Act::Award => Some(Act::Award),
        pb::Act::Order => Some(Act::Order),
    }
}

const fn act_to_proto(act: Act) -> pb::Act {
    match act {
        Act::Award => pb::Act::Award,
        Act::Order => pb::Act::Order,
    }
}

/// Reads a buyer status to record: whose, from when, which, on what it rests.
///
/// # Errors
/// `INVALID_INPUT` with every fault.
pub fn status_to_record(
    request: &pb::RecordBuyerStatusRequest,
) -> Result<(PartyRef, NaiveDate, BuyerStatus, String), Failure> {
    let mut fields = Fields::new();
    let party = party_reference(&mut fields, "party_id", &request.party_id);
    let from = fields.date("valid_from", &request.valid_from);
    let status = status_from_proto(request.status());
    if status.is_none() {
        fields.fault("status", "must be PUBLIC_LAW, PRIVATE_CONTRACTING_AUTHORITY, ASSERTED_NOT or UNKNOWN");
    }
    let evidence = fields.text("evidence", &request.evidence, 1, EVIDENCE);
    let read = party.zip(from).zip(status).map(|((party, from), status)| (party, from, status, evidence));
    fields.finish(read)
}

/// A status as people read it.
#[must_use]
pub fn dated_status_to_proto(dated: &DatedStatus) -> pb::DatedBuyerStatus {
    pb::DatedBuyerStatus {
        valid_from: date_to_text(dated.valid_from),
        status: status_to_proto(Some(dated.status)).into(),
        evidence: dated.evidence.clone(),
    }
}

/// An identity to record.
#[derive(Debug)]
pub struct IdentityInput {
    /// Whose.
    pub party: PartyRef,
    /// From when.
    pub from: NaiveDate,
    /// SIRET.
    pub siret: Siret,
    /// Name; empty keeps it.
    pub name: String,
    /// On what it rests.
    pub evidence: String,
}

/// Reads an identity to record.
///
/// # Errors
/// `INVALID_INPUT` with every fault.
pub fn identity_to_record(request: &pb::RecordIdentityRequest) -> Result<IdentityInput, Failure> {
    let mut fields = Fields::new();
    let party = party_reference(&mut fields, "party_id", &request.party_id);
    let from = fields.date("valid_from", &request.valid_from);
    let siret = fields.parsed("siret", &request.siret, Siret::parse);
    let name = fields.text("name", &request.name, 0, 200);
    let evidence = fields.text("evidence", &request.evidence, 1, EVIDENCE);
    let read =
        party.zip(from).zip(siret).map(|((party, from), siret)| IdentityInput { party, from, siret, name, evidence });
    fields.finish(read)
}

/// An identity as people read it.
#[must_use]
pub fn dated_identity_to_proto(dated: &DatedIdentity) -> pb::DatedIdentity {
    pb::DatedIdentity {
        valid_from: date_to_text(dated.valid_from),
        siret: dated.siret.as_ref().map(|siret| siret.as_str().to_owned()).unwrap_or_default(),
        name: dated.name.clone(),
        evidence: dated.evidence.clone(),
    }
}

/// Reads a change of a member.
///
/// # Errors
/// `INVALID_INPUT` with every fault.
pub fn change_from_proto(change: Option<&pb::MemberChange>) -> Result<Change, Failure> {
    let given = change.ok_or_else(|| Failure::invalid_field("change", "must be given"))?;
    let mut fields = Fields::new();
    let party_id = |text: &str| text.parse::<PartyId>().map_err(|_| "must be a party's id (pty_…)");
    let party = fields.parsed("change.party_id", &given.party_id, party_id);
    let last_day = fields.date("change.last_day", &given.last_day);
    let evidence = fields.text("change.evidence", &given.evidence, 1, EVIDENCE);
    let kind = match given.kind() {
        pb::MemberChangeKind::Unspecified => {
            fields.fault("change.kind", "must be LEAVE or MERGE");
            None
        }
        pb::MemberChangeKind::Leave => {
            if !given.successor_party_id.is_empty() {
                fields.fault("change.successor_party_id", "is for MERGE only");
            }
            Some(ChangeKind::Leave)
        }
        pb::MemberChangeKind::Merge => fields
            .parsed("change.successor_party_id", &given.successor_party_id, party_id)
            .map(|successor| ChangeKind::Merge { successor }),
    };
    let read =
        kind.zip(party).zip(last_day).map(|((kind, party), last_day)| Change { kind, party, last_day, evidence });
    fields.finish(read)
}
