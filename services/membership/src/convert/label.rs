//! Charter, label schemes and audits.

use chrono::NaiveDate;
use kit::{
    Failure,
    id::{LabelAuditId, PractitionerId},
};
use proto::{common::v1 as common, membership::v1 as pb};

use super::{Fields, PractitionerRef, page_from_proto, practitioner::practitioner_reference};
use crate::{
    domain::{Axis, Criterion, Finding, Key, LabelLevel, Outcome, Page, Scheme, Verdict},
    store::{charter::Charter, label::Audit},
};

/// Longest text of a charter, in characters.
const LONGEST_CHARTER: usize = 20_000;
/// Criteria of a scheme at most.
const MOST_CRITERIA: usize = 60;
/// Longest period in months.
const LONGEST_PERIOD: u32 = 120;

/// A version of a charter to publish.
#[derive(Debug)]
pub struct CharterInput {
    /// Title.
    pub title: String,
    /// Text.
    pub text: String,
    /// First day in force.
    pub valid_from: NaiveDate,
}

/// Reads a version of a charter.
///
/// # Errors
/// `INVALID_INPUT`.
pub fn charter_from_proto(charter: Option<&pb::Charter>) -> Result<CharterInput, Failure> {
    let charter = charter.ok_or_else(|| Failure::invalid_field("charter", "must be given"))?;
    let mut fields = Fields::new();
    if charter.version != 0 || !charter.sha256.is_empty() {
        fields.fault("charter.version", "must be empty: versions are numbered by the service");
    }
    let title = fields.text("charter.title", &charter.title, 1, 200);
    let count = charter.text.chars().count();
    if !(1..=LONGEST_CHARTER).contains(&count) {
        fields.fault("charter.text", &format!("must have 1 to {LONGEST_CHARTER} characters, has {count}"));
    } else if charter.text.chars().any(|letter| letter.is_control() && letter != '\n') {
        fields.fault("charter.text", "must not contain control characters but line breaks");
    }
    let valid_from = fields.date("charter.valid_from", &charter.valid_from);
    let text = charter.text.clone();
    fields.finish(valid_from.map(|valid_from| CharterInput { title, text, valid_from }))
}

/// A version of a charter as people read it.
#[must_use]
pub fn charter_to_proto(charter: &Charter) -> pb::Charter {
    pb::Charter {
        version: charter.version,
        title: charter.title.clone(),
        text: charter.text.clone(),
        valid_from: charter.valid_from.to_string(),
        sha256: charter.sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
        signature_count: charter.signature_count,
    }
}

/// A signature.
#[derive(Debug)]
pub struct SignInput {
    /// Who.
    pub practitioner: PractitionerRef,
    /// Which version; none: that in force on the day.
    pub version: Option<i32>,
    /// When.
    pub signed_on: NaiveDate,
    /// Who signed; empty: the practitioner itself.
    pub signed_by: String,
}

/// Reads a signature.
///
/// # Errors
/// `INVALID_INPUT`.
pub fn sign_from_proto(request: &pb::SignCharterRequest) -> Result<SignInput, Failure> {
    let mut fields = Fields::new();
    let practitioner = practitioner_reference(&mut fields, "practitioner_id", &request.practitioner_id);
    if request.version < 0 {
        fields.fault("version", "must be a version, or 0 for the one in force");
    }
    let signed_on = fields.date("signed_on", &request.signed_on);
    let signed_by = fields.text("signed_by", &request.signed_by, 0, 200);
    let version = (request.version != 0).then_some(request.version);
    let read = practitioner.zip(signed_on);
    fields.finish(read.map(|(practitioner, signed_on)| SignInput { practitioner, version, signed_on, signed_by }))
}

/// Reads a scheme; its version is a stand-in.
///
/// # Errors
/// `INVALID_INPUT` with every fault of form.
pub fn scheme_from_proto(scheme: Option<&pb::LabelScheme>) -> Result<Scheme, Failure> {
    let scheme = scheme.ok_or_else(|| Failure::invalid_field("scheme", "must be given"))?;
    let mut fields = Fields::new();
    if scheme.version != 0 {
        fields.fault("scheme.version", "must be empty: versions are numbered by the service");
    }
    let valid_from = fields.date("scheme.valid_from", &scheme.valid_from);
    let mut months = |field: &str, months: i32| {
        let read = u32::try_from(months).ok().filter(|months| (1..=LONGEST_PERIOD).contains(months));
        if read.is_none() {
            fields.fault(field, &format!("must be 1 to {LONGEST_PERIOD} months"));
        }
        read
    };
    let first_audit_months = months("scheme.first_audit_months", scheme.first_audit_months);
    let audit_months = months("scheme.audit_months", scheme.audit_months);
    let retry_months = months("scheme.retry_months", scheme.retry_months);
    percent(&mut fields, "scheme.partly_percent", scheme.partly_percent);
    let mut criteria = Some(Vec::new());
    if fields.count("scheme.criteria", scheme.criteria.len(), MOST_CRITERIA) {
        for (index, criterion) in scheme.criteria.iter().enumerate() {
            let read = criterion_from_proto(&mut fields, &format!("scheme.criteria[{index}]"), criterion);
            criteria = criteria.zip(read).map(|(mut criteria, read)| {
                criteria.push(read);
                criteria
            });
        }
    }
    let mut levels = Vec::new();
    for (index, level) in scheme.levels.iter().enumerate().take(4) {
        let at = |field: &str| format!("scheme.levels[{index}].{field}");
        let name = fields.text(&at("name"), &level.name, 1, 100);
        percent(&mut fields, &at("territory_percent"), level.territory_percent);
        percent(&mut fields, &at("team_percent"), level.team_percent);
        levels.push(LabelLevel {
            level: level.level,
            name,
            territory_percent: level.territory_percent,
            team_percent: level.team_percent,
        });
    }
    let periods = first_audit_months.zip(audit_months).zip(retry_months);
    let read = valid_from.zip(periods).zip(criteria);
    fields.finish(read.map(|((valid_from, ((first_audit_months, audit_months), retry_months)), criteria)| Scheme {
        version: 0,
        valid_from,
        first_audit_months,
        audit_months,
        retry_months,
        partly_percent: scheme.partly_percent,
        criteria,
        levels,
    }))
}

fn percent(fields: &mut Fields, field: &str, percent: i32) {
    if !(0..=100).contains(&percent) {
        fields.fault(field, "must be 0 to 100 percent");
    }
}

fn criterion_from_proto(fields: &mut Fields, path: &str, criterion: &pb::LabelCriterion) -> Option<Criterion> {
    let at = |field: &str| format!("{path}.{field}");
    let key = fields.parsed(&at("key"), &criterion.key, Key::parse);
    let title = fields.text(&at("title"), &criterion.title, 1, 300);
    let axis = match criterion.axis() {
        pb::LabelAxis::Territory => Some(Axis::Territory),
        pb::LabelAxis::Team => Some(Axis::Team),
        pb::LabelAxis::Unspecified => None,
    };
    if axis.is_none() {
        fields.fault(&at("axis"), "must be TERRITORY or TEAM");
    }
    if !(1..=1_000).contains(&criterion.points) {
        fields.fault(&at("points"), "must be 1 to 1,000");
    }
    Some(Criterion { key: key?.to_string(), title, axis: axis?, points: criterion.points })
}

/// A scheme as people read it.
#[must_use]
pub fn scheme_to_proto(scheme: &Scheme) -> pb::LabelScheme {
    let months = |months: u32| i32::try_from(months).unwrap_or(i32::MAX);
    let criterion = |criterion: &Criterion| pb::LabelCriterion {
        key: criterion.key.clone(),
        title: criterion.title.clone(),
        axis: match criterion.axis {
            Axis::Territory => pb::LabelAxis::Territory,
            Axis::Team => pb::LabelAxis::Team,
        }
        .into(),
        points: criterion.points,
    };
    let level = |level: &LabelLevel| pb::LabelLevel {
        level: level.level,
        name: level.name.clone(),
        territory_percent: level.territory_percent,
        team_percent: level.team_percent,
    };
    pb::LabelScheme {
        version: scheme.version,
        valid_from: scheme.valid_from.to_string(),
        first_audit_months: months(scheme.first_audit_months),
        audit_months: months(scheme.audit_months),
        retry_months: months(scheme.retry_months),
        partly_percent: scheme.partly_percent,
        criteria: scheme.criteria.iter().map(criterion).collect(),
        levels: scheme.levels.iter().map(level).collect(),
    }
}

/// An audit to record.
#[derive(Debug)]
pub struct AuditInput {
    /// Whose.
    pub practitioner: PractitionerRef,
    /// When.
    pub held_on: NaiveDate,
    /// By whom.
    pub held_by: String,
    /// By criterion.
    pub findings: Vec<Finding>,
}

/// Reads an audit.
///
/// # Errors
/// `INVALID_INPUT` with every fault of form.
pub fn audit_from_proto(audit: Option<&pb::LabelAudit>) -> Result<AuditInput, Failure> {
    let audit = audit.ok_or_else(|| Failure::invalid_field("audit", "must be given"))?;
    let mut fields = Fields::new();
    if !audit.id.is_empty() {
        fields.fault("audit.id", "must be empty: it is given by the service");
    }
    let practitioner = practitioner_reference(&mut fields, "audit.practitioner_id", &audit.practitioner_id);
    let held_on = fields.date("audit.held_on", &audit.held_on);
    let held_by = fields.text("audit.held_by", &audit.held_by, 1, 200);
    let mut findings = Some(Vec::new());
    if fields.count("audit.findings", audit.findings.len(), MOST_CRITERIA) {
        for (index, finding) in audit.findings.iter().enumerate() {
            let at = |field: &str| format!("audit.findings[{index}].{field}");
            let verdict = match finding.verdict() {
                pb::Verdict::Met => Some(Verdict::Met),
                pb::Verdict::Partly => Some(Verdict::Partly),
                pb::Verdict::NotMet => Some(Verdict::NotMet),
                pb::Verdict::Unspecified => None,
            };
            if verdict.is_none() {
                fields.fault(&at("verdict"), "must be MET, PARTLY or NOT_MET");
            }
            let evidence = fields.text(&at("evidence"), &finding.evidence, 0, 1_000);
            let criterion = finding.criterion.clone();
            findings = findings.zip(verdict).map(|(mut findings, verdict)| {
                findings.push(Finding { criterion, verdict, evidence });
                findings
            });
        }
    }
    let read = practitioner.zip(held_on).zip(findings);
    fields.finish(read.map(|((practitioner, held_on), findings)| AuditInput {
        practitioner,
        held_on,
        held_by,
        findings,
    }))
}

/// An audit as people read it.
#[must_use]
pub fn audit_to_proto(audit: &Audit) -> pb::LabelAudit {
    let finding = |finding: &Finding| pb::Finding {
        criterion: finding.criterion.clone(),
        verdict: match finding.verdict {
            Verdict::Met => pb::Verdict::Met,
            Verdict::Partly => pb::Verdict::Partly,
            Verdict::NotMet => pb::Verdict::NotMet,
        }
        .into(),
        evidence: finding.evidence.clone(),
    };
    let facts = [
        ("territory_percent", audit.territory_percent.to_string()),
        ("team_percent", audit.team_percent.to_string()),
        ("level_before", audit.level_before.to_string()),
        ("level_after", audit.level_after.to_string()),
        ("scheme_version", audit.version.to_string()),
        ("next_due_on", audit.next_due_on.to_string()),
    ];
    pb::LabelAudit {
        id: audit.id.to_string(),
        practitioner_id: audit.practitioner_id.to_string(),
        held_on: audit.held_on.to_string(),
        held_by: audit.held_by.clone(),
        findings: audit.findings.iter().map(finding).collect(),
        scheme_version: audit.version,
        territory_percent: audit.territory_percent,
        team_percent: audit.team_percent,
        level_before: audit.level_before,
        level_after: audit.level_after,
        outcome: outcome_to_proto(audit.outcome).into(),
        due_on: audit.due_on.to_string(),
        next_due_on: audit.next_due_on.to_string(),
        reason: Some(common::Reason {
            rule: format!("LABEL_{}", audit.outcome.name()),
            source: String::new(),
            text: audit.reason.clone(),
            facts: facts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        }),
    }
}

/// An outcome in the contract.
#[must_use]
pub const fn outcome_to_proto(outcome: Outcome) -> pb::AuditOutcome {
    match outcome {
        Outcome::Given => pb::AuditOutcome::Given,
        Outcome::Renewed => pb::AuditOutcome::Renewed,
        Outcome::Raised => pb::AuditOutcome::Raised,
        Outcome::Lowered => pb::AuditOutcome::Lowered,
        Outcome::Withdrawn => pb::AuditOutcome::Withdrawn,
        Outcome::NotGiven => pb::AuditOutcome::NotGiven,
    }
}

/// Reads which audits are asked for.
///
/// # Errors
/// `INVALID_INPUT`.
pub fn list_audits_from_proto(
    request: &pb::ListAuditsRequest,
    is_service: bool,
) -> Result<(Option<PractitionerId>, Page<LabelAuditId>), Failure> {
    let mut fields = Fields::new();
    let practitioner = fields.parsed_if_any("practitioner_id", &request.practitioner_id, |text| {
        text.parse().map_err(|_| "must be a practitioner's id (pra_…)")
    });
    let page = page_from_proto(&mut fields, request.page.as_ref(), is_service);
    fields.finish(Some((practitioner, page)))
}

/// The last one seen of a list by due day: `2026-11-20|pra_…`.
#[derive(Debug, Clone, Copy)]
pub struct DueKey(pub NaiveDate, pub PractitionerId);

impl std::str::FromStr for DueKey {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (day, id) = text.split_once('|').ok_or(())?;
        Ok(Self(day.parse().map_err(|_| ())?, id.parse().map_err(|_| ())?))
    }
}

/// Reads whose due audits are asked for: until which day (none: today), which page.
///
/// # Errors
/// `INVALID_INPUT`.
pub fn due_from_proto(
    request: &pb::ListAuditsDueRequest,
    is_service: bool,
) -> Result<(Option<NaiveDate>, Page<DueKey>), Failure> {
    let mut fields = Fields::new();
    let until = fields.date_if_any("until", &request.until);
    let page = page_from_proto(&mut fields, request.page.as_ref(), is_service);
    fields.finish(Some((until, page)))
}
