//! Offices, mandates, seats of commissions.

use kit::{
    Failure,
    id::{DecisionId, MandateId},
};
use proto::membership::v1 as pb;

use super::{
    Fields, MOST_REGISTERED,
    fields::date_to_text,
    rule::{named, named_if_any, period, reason_to_proto, within},
    site::party_reference,
    voting::MOST_RULES,
};
use crate::{
    domain::{
        Dated, PartyRef, Period,
        mandate::{Mandate, Office, OfficeRule},
    },
    store::seat::Seat,
};

/// Sides of an office at most, and members of one.
const MOST_SIDES: usize = 20;

/// An office to set, whose sides' members are still references.
#[derive(Debug)]
pub struct OfficeInput {
    /// The rule, its sides empty.
    pub rule: Dated<OfficeRule>,
    /// Name and members of each side.
    pub sides: Vec<(String, Vec<PartyRef>)>,
}

/// Reads offices.
///
/// # Errors
/// `INVALID_INPUT` with the faults of all rows.
pub fn offices_from_proto(offices: &[pb::Office]) -> Result<Vec<OfficeInput>, Failure> {
    let mut fields = Fields::new();
    let mut read = Vec::new();
    if fields.count("offices", offices.len(), MOST_RULES) {
        for (index, office) in offices.iter().enumerate() {
            read.extend(office_from_proto(&mut fields, &format!("offices[{index}]"), office));
        }
    }
    fields.finish(Some(read))
}

fn office_from_proto(fields: &mut Fields, path: &str, office: &pb::Office) -> Option<OfficeInput> {
    let at = |field: &str| format!("{path}.{field}");
    let kind = named(fields, &at("office"), &office.office, (&Office::ALL, Office::name));
    let period = period(fields, path, &office.valid_from, &office.valid_to);
    within(fields, &at("seats"), office.seats.into(), 1, 100);
    within(fields, &at("term_months"), office.term_months.into(), 0, 240);
    let opposed_to = named_if_any(fields, &at("opposed_to"), &office.opposed_to, (&Office::ALL, Office::name));
    if opposed_to.is_some() && opposed_to == kind {
        fields.fault(&at("opposed_to"), "must be another office");
    }
    if office.alternates && office.seats != 1 {
        fields.fault(&at("seats"), "must be 1 for an office that alternates");
    }
    if (office.alternates || opposed_to.is_some()) && office.sides.len() < 2 {
        fields.fault(&at("sides"), "must be 2 or more for an office that alternates or is opposed to another");
    }
    if office.sides.len() > MOST_SIDES {
        fields.fault(&at("sides"), "must be 20 at most");
    }
    let mut sides = Vec::new();
    for (index, side) in office.sides.iter().enumerate().take(MOST_SIDES) {
        let path = format!("{path}.sides[{index}]");
        let name = fields.text(&format!("{path}.name"), &side.name, 1, 100);
        let mut parties = Vec::new();
        if fields.count(&format!("{path}.party_ids"), side.party_ids.len(), MOST_REGISTERED) {
            for (index, party) in side.party_ids.iter().enumerate() {
                parties.extend(party_reference(fields, &format!("{path}.party_ids[{index}]"), party));
            }
        }
        sides.push((name, parties));
    }
    let source = fields.text(&at("source"), &office.source, 1, 300);
    let body = OfficeRule {
        seats: office.seats,
        term_months: u32::try_from(office.term_months).ok().filter(|months| *months > 0),
        elected: office.elected,
        alternates: office.alternates,
        opposed_to,
        sides: Vec::new(),
    };
    let rule = Dated { key: kind?.name().to_owned(), period: period?, source, body };
    Some(OfficeInput { rule, sides })
}

/// An office as people and services read it.
#[must_use]
pub fn office_to_proto(rule: &Dated<OfficeRule>) -> pb::Office {
    let side = |side: &crate::domain::mandate::Side| pb::Side {
        name: side.name.clone(),
        party_ids: side.parties.iter().map(ToString::to_string).collect(),
    };
    pb::Office {
        office: rule.key.clone(),
        valid_from: rule.period.from().to_string(),
        valid_to: date_to_text(rule.period.to()),
        seats: rule.body.seats,
        term_months: rule.body.term_months.and_then(|months| i32::try_from(months).ok()).unwrap_or_default(),
        elected: rule.body.elected,
        alternates: rule.body.alternates,
        opposed_to: rule.body.opposed_to.map(Office::name).unwrap_or_default().to_owned(),
        sides: rule.body.sides.iter().map(side).collect(),
        source: rule.source.clone(),
    }
}

/// A mandate to record, whose member is still a reference.
#[derive(Debug)]
pub struct MandateInput {
    /// Which office.
    pub office: Office,
    /// For whom.
    pub party: PartyRef,
    /// Who.
    pub holder: String,
    /// First and last day.
    pub period: Period,
    /// The election.
    pub decision: Option<DecisionId>,
    /// Whether it ends the predecessor's term.
    pub completes: bool,
}

/// Reads a mandate to record.
///
/// # Errors
/// `INVALID_INPUT` with every fault.
pub fn mandate_from_proto(mandate: Option<&pb::Mandate>) -> Result<MandateInput, Failure> {
    let mandate = mandate.ok_or_else(|| Failure::invalid_field("mandate", "must be given"))?;
    let mut fields = Fields::new();
    let office = named(&mut fields, "mandate.office", &mandate.office, (&Office::ALL, Office::name));
    let party = party_reference(&mut fields, "mandate.party_id", &mandate.party_id);
    let holder = fields.text("mandate.holder_name", &mandate.holder_name, 1, 200);
    let from = fields.date("mandate.starts_on", &mandate.starts_on);
    let to = fields.date_if_any("mandate.ends_on", &mandate.ends_on);
    let period = from.and_then(|from| Period::new(from, to));
    if from.is_some() && period.is_none() {
        fields.fault("mandate.ends_on", "must not be before the first day");
    }
    let decision = fields.parsed_if_any("mandate.decision_id", &mandate.decision_id, |text| {
        text.parse::<DecisionId>().map_err(|_| "must be a decision's id (dcs_…)")
    });
    let read = office.zip(party).zip(period).map(|((office, party), period)| MandateInput {
        office,
        party,
        holder,
        period,
        decision,
        completes: mandate.completes,
    });
    fields.finish(read)
}

/// A mandate's id.
///
/// # Errors
/// `INVALID_INPUT`.
pub fn mandate_id(text: &str) -> Result<MandateId, Failure> {
    text.parse().map_err(|_| Failure::invalid_field("mandate_id", "must be a mandate's id (mnd_…)"))
}

/// A mandate as people and services read it.
#[must_use]
pub fn mandate_to_proto(mandate: &Mandate) -> pb::Mandate {
    pb::Mandate {
        id: mandate.id.to_string(),
        office: mandate.office.name().to_owned(),
        party_id: mandate.party.to_string(),
        holder_name: mandate.holder.clone(),
        starts_on: mandate.period.from().to_string(),
        ends_on: date_to_text(mandate.period.to()),
        decision_id: mandate.decision.map(|decision| decision.to_string()).unwrap_or_default(),
        completes: mandate.completes,
        ended_on: date_to_text(mandate.ended_on),
        end_reason: mandate.end_reason.clone(),
        reasons: mandate.reasons.iter().map(reason_to_proto).collect(),
        party_name: mandate.party_name.clone(),
    }
}

/// A seat to set, whose member is still a reference.
#[derive(Debug)]
pub struct SeatInput {
    /// Commission.
    pub commission: String,
    /// Member.
    pub party: PartyRef,
    /// Quality.
    pub quality: String,
    /// Who sits.
    pub holder: String,
    /// When.
    pub period: Period,
}

/// Reads seats.
///
/// # Errors
/// `INVALID_INPUT` with the faults of all rows.
pub fn seats_from_proto(seats: &[pb::CommissionSeat]) -> Result<Vec<SeatInput>, Failure> {
    const QUALITIES: [&str; 3] = ["DIRECTOR", "MEDICAL_COMMISSION_PRESIDENT", "OTHER"];
    let mut fields = Fields::new();
    let mut read = Vec::new();
    if fields.count("seats", seats.len(), MOST_REGISTERED) {
        for (index, seat) in seats.iter().enumerate() {
            let path = format!("seats[{index}]");
            let commission = fields.text(&format!("{path}.commission"), &seat.commission, 1, 100);
            let party = party_reference(&mut fields, &format!("{path}.party_id"), &seat.party_id);
            if !QUALITIES.contains(&seat.quality.as_str()) {
                fields.fault(&format!("{path}.quality"), "must be DIRECTOR, MEDICAL_COMMISSION_PRESIDENT or OTHER");
            }
            let holder = fields.text(&format!("{path}.holder_name"), &seat.holder_name, 1, 200);
            let period = period(&mut fields, &path, &seat.valid_from, &seat.valid_to);
            let quality = seat.quality.clone();
            read.extend(party.zip(period).map(|(party, period)| SeatInput {
                commission,
                party,
                quality,
                holder,
                period,
            }));
        }
    }
    fields.finish(Some(read))
}

/// A seat as people and services read it.
#[must_use]
pub fn seat_to_proto(seat: &Seat) -> pb::CommissionSeat {
    pb::CommissionSeat {
        id: seat.seat_id.to_string(),
        commission: seat.commission.clone(),
        party_id: seat.party_id.to_string(),
        quality: seat.quality.clone(),
        holder_name: seat.holder_name.clone(),
        valid_from: seat.valid_from.to_string(),
        valid_to: date_to_text(seat.valid_to),
        party_name: seat.party_name.clone(),
    }
}
