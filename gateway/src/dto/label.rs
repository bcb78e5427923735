//! A group's charter and its quality label.

use proto::membership::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{convert::all, shared::Reason};

/// A version of a group's charter.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Charter {
    /// 1, 2, 3…
    #[schema(example = 1)]
    pub version: i32,
    /// Title.
    #[schema(example = "Charte des radiologues engagés")]
    pub title: String,
    /// Text; an empty line parts paragraphs, `# ` begins a heading.
    pub text: String,
    /// First day in force, ISO date.
    #[schema(example = "2026-01-01", format = Date)]
    pub valid_from: String,
    /// SHA-256 of title and text, hexadecimal.
    pub sha256: String,
    /// Signatures of this version.
    pub signature_count: i64,
}

impl From<pb::Charter> for Charter {
    fn from(value: pb::Charter) -> Self {
        let pb::Charter { version, title, text, valid_from, sha256, signature_count } = value;
        Self { version, title, text, valid_from, sha256, signature_count }
    }
}

/// A version of a charter to publish.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CharterInput {
    /// Title, 1 to 200 characters.
    #[schema(example = "Charte des radiologues engagés")]
    pub title: String,
    /// Text, 1 to 20,000 characters; an empty line parts paragraphs, `# ` begins a heading.
    #[schema(example = "# Territoire\n\nNous participons à la permanence des soins.")]
    pub text: String,
    /// First day in force, ISO date; after that of the version before.
    #[schema(example = "2026-01-01", format = Date)]
    pub valid_from: String,
}

impl From<CharterInput> for pb::Charter {
    fn from(value: CharterInput) -> Self {
        Self { title: value.title, text: value.text, valid_from: value.valid_from, ..Self::default() }
    }
}

/// What a criterion is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LabelAxis {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// Involvement in the territory.
    Territory,
    /// Involvement in the team.
    Team,
}

impl From<i32> for LabelAxis {
    fn from(value: i32) -> Self {
        match pb::LabelAxis::try_from(value) {
            Ok(pb::LabelAxis::Territory) => Self::Territory,
            Ok(pb::LabelAxis::Team) => Self::Team,
            Ok(pb::LabelAxis::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<LabelAxis> for i32 {
    fn from(value: LabelAxis) -> Self {
        let value = match value {
            LabelAxis::Unspecified => pb::LabelAxis::Unspecified,
            LabelAxis::Territory => pb::LabelAxis::Territory,
            LabelAxis::Team => pb::LabelAxis::Team,
        };
        value.into()
    }
}

/// A criterion of the label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelCriterion {
    /// Key.
    #[schema(example = "permanence-des-soins")]
    pub key: String,
    /// What is asked, 1 to 300 characters.
    #[schema(example = "Participe à la permanence des soins du territoire")]
    pub title: String,
    /// What it is about.
    pub axis: LabelAxis,
    /// Its points, 1 to 1,000.
    #[schema(example = 20)]
    pub points: i32,
}

impl From<pb::LabelCriterion> for LabelCriterion {
    fn from(value: pb::LabelCriterion) -> Self {
        Self { key: value.key, title: value.title, axis: value.axis.into(), points: value.points }
    }
}

impl From<LabelCriterion> for pb::LabelCriterion {
    fn from(value: LabelCriterion) -> Self {
        Self { key: value.key, title: value.title, axis: value.axis.into(), points: value.points }
    }
}

/// A level of the label and what it takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelLevel {
    /// 1 to 3, 3 the highest.
    #[schema(example = 2)]
    pub level: i32,
    /// French name.
    #[schema(example = "Confirmé")]
    pub name: String,
    /// Percent of the points on territory, 0 to 100.
    #[schema(example = 60)]
    pub territory_percent: i32,
    /// Percent of the points on team, 0 to 100.
    #[schema(example = 60)]
    pub team_percent: i32,
}

impl From<pb::LabelLevel> for LabelLevel {
    fn from(value: pb::LabelLevel) -> Self {
        let pb::LabelLevel { level, name, territory_percent, team_percent } = value;
        Self { level, name, territory_percent, team_percent }
    }
}

impl From<LabelLevel> for pb::LabelLevel {
    fn from(value: LabelLevel) -> Self {
        let LabelLevel { level, name, territory_percent, team_percent } = value;
        Self { level, name, territory_percent, team_percent }
    }
}

/// A version of the label's criteria and levels.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LabelScheme {
    /// 1, 2, 3…
    #[schema(example = 1)]
    pub version: i32,
    /// First day in force, ISO date.
    #[schema(example = "2026-01-01", format = Date)]
    pub valid_from: String,
    /// Months from joining to the first audit.
    #[schema(example = 24)]
    pub first_audit_months: i32,
    /// Months to the next audit after a level was given, renewed or raised.
    #[schema(example = 24)]
    pub audit_months: i32,
    /// Months to the next audit otherwise.
    #[schema(example = 12)]
    pub retry_months: i32,
    /// Percent of its points that a criterion gives when it is partly met.
    #[schema(example = 50)]
    pub partly_percent: i32,
    /// In their order.
    pub criteria: Vec<LabelCriterion>,
    /// From level 1.
    pub levels: Vec<LabelLevel>,
}

impl From<pb::LabelScheme> for LabelScheme {
    fn from(value: pb::LabelScheme) -> Self {
        Self {
            version: value.version,
            valid_from: value.valid_from,
            first_audit_months: value.first_audit_months,
            audit_months: value.audit_months,
            retry_months: value.retry_months,
            partly_percent: value.partly_percent,
            criteria: all(value.criteria),
            levels: all(value.levels),
        }
    }
}

/// The next version of criteria and levels.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelSchemeInput {
    /// First day in force, ISO date; after that of the version before.
    #[schema(example = "2026-01-01", format = Date)]
    pub valid_from: String,
    /// Months from joining to the first audit, 1 to 120.
    #[schema(example = 24)]
    pub first_audit_months: i32,
    /// Months to the next audit after a level was given, renewed or raised, 1 to 120.
    #[schema(example = 24)]
    pub audit_months: i32,
    /// Months to the next audit otherwise, 1 to 120.
    #[schema(example = 12)]
    pub retry_months: i32,
    /// Percent of its points that a criterion gives when it is partly met, 0 to 100.
    #[schema(example = 50)]
    pub partly_percent: i32,
    /// 2 to 60, some on each axis.
    pub criteria: Vec<LabelCriterion>,
    /// The three levels, from 1; none asks for less than the one below.
    pub levels: Vec<LabelLevel>,
}

impl From<LabelSchemeInput> for pb::LabelScheme {
    fn from(value: LabelSchemeInput) -> Self {
        Self {
            version: 0,
            valid_from: value.valid_from,
            first_audit_months: value.first_audit_months,
            audit_months: value.audit_months,
            retry_months: value.retry_months,
            partly_percent: value.partly_percent,
            criteria: all(value.criteria),
            levels: all(value.levels),
        }
    }
}

/// How far a criterion is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// Not said, or not known to this version of the gateway.
    Unspecified,
    /// Met.
    Met,
    /// Partly.
    Partly,
    /// Not met.
    NotMet,
}

impl From<i32> for Verdict {
    fn from(value: i32) -> Self {
        match pb::Verdict::try_from(value) {
            Ok(pb::Verdict::Met) => Self::Met,
            Ok(pb::Verdict::Partly) => Self::Partly,
            Ok(pb::Verdict::NotMet) => Self::NotMet,
            Ok(pb::Verdict::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

impl From<Verdict> for i32 {
    fn from(value: Verdict) -> Self {
        let value = match value {
            Verdict::Unspecified => pb::Verdict::Unspecified,
            Verdict::Met => pb::Verdict::Met,
            Verdict::Partly => pb::Verdict::Partly,
            Verdict::NotMet => pb::Verdict::NotMet,
        };
        value.into()
    }
}

/// What an audit found about one criterion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Key of the criterion.
    #[schema(example = "permanence-des-soins")]
    pub criterion: String,
    /// How far it is met.
    pub verdict: Verdict,
    /// What shows it, at most 1,000 characters; needed unless not met.
    #[serde(default)]
    #[schema(example = "Tableau de garde 2026, 14 nuits")]
    pub evidence: String,
}

impl From<pb::Finding> for Finding {
    fn from(value: pb::Finding) -> Self {
        Self { criterion: value.criterion, verdict: value.verdict.into(), evidence: value.evidence }
    }
}

impl From<Finding> for pb::Finding {
    fn from(value: Finding) -> Self {
        Self { criterion: value.criterion, verdict: value.verdict.into(), evidence: value.evidence }
    }
}

/// What an audit did to the level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuditOutcome {
    /// Not known to this version of the gateway.
    Unspecified,
    /// A first level, or one after it was withdrawn.
    Given,
    /// The same level again.
    Renewed,
    /// A higher one.
    Raised,
    /// A lower one.
    Lowered,
    /// None any more.
    Withdrawn,
    /// None, as before.
    NotGiven,
}

impl From<i32> for AuditOutcome {
    fn from(value: i32) -> Self {
        match pb::AuditOutcome::try_from(value) {
            Ok(pb::AuditOutcome::Given) => Self::Given,
            Ok(pb::AuditOutcome::Renewed) => Self::Renewed,
            Ok(pb::AuditOutcome::Raised) => Self::Raised,
            Ok(pb::AuditOutcome::Lowered) => Self::Lowered,
            Ok(pb::AuditOutcome::Withdrawn) => Self::Withdrawn,
            Ok(pb::AuditOutcome::NotGiven) => Self::NotGiven,
            Ok(pb::AuditOutcome::Unspecified) | Err(_) => Self::Unspecified,
        }
    }
}

/// An audit held.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LabelAudit {
    /// `lau_…`.
    #[schema(example = "lau_0198c2f07a3b7c11a2d34e5f60718293")]
    pub id: String,
    /// `pra_…`.
    #[schema(example = "pra_0198c2f07a3b7c11a2d34e5f60718293")]
    pub practitioner_id: String,
    /// When it was held, ISO date.
    #[schema(example = "2026-11-20", format = Date)]
    pub held_on: String,
    /// Who held it.
    pub held_by: String,
    /// When it had fallen due, ISO date.
    #[schema(example = "2026-11-01", format = Date)]
    pub due_on: String,
    /// Version of the criteria.
    pub scheme_version: i32,
    /// One for each criterion.
    pub findings: Vec<Finding>,
    /// Percent of the points on territory, rounded down.
    #[schema(example = 70)]
    pub territory_percent: i32,
    /// Percent of the points on team, rounded down.
    #[schema(example = 85)]
    pub team_percent: i32,
    /// Level before; absent for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 1)]
    pub level_before: Option<i32>,
    /// Level after; absent for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 2)]
    pub level_after: Option<i32>,
    /// What became of the level.
    pub outcome: AuditOutcome,
    /// When the next audit falls due, ISO date.
    #[schema(example = "2028-11-20", format = Date)]
    pub next_due_on: String,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

impl From<pb::LabelAudit> for LabelAudit {
    fn from(value: pb::LabelAudit) -> Self {
        Self {
            id: value.id,
            practitioner_id: value.practitioner_id,
            held_on: value.held_on,
            held_by: value.held_by,
            due_on: value.due_on,
            scheme_version: value.scheme_version,
            findings: all(value.findings),
            territory_percent: value.territory_percent,
            team_percent: value.team_percent,
            level_before: (value.level_before > 0).then_some(value.level_before),
            level_after: (value.level_after > 0).then_some(value.level_after),
            outcome: value.outcome.into(),
            next_due_on: value.next_due_on,
            reason: value.reason.map(Into::into),
        }
    }
}

/// An audit to record.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelAuditInput {
    /// `pra_…`, or `rpps:…`.
    #[schema(example = "pra_0198c2f07a3b7c11a2d34e5f60718293")]
    pub practitioner_id: String,
    /// When it was held, ISO date; not after today, after the audit before.
    #[schema(example = "2026-11-20", format = Date)]
    pub held_on: String,
    /// Who held it, 1 to 200 characters.
    #[schema(example = "Commission qualité")]
    pub held_by: String,
    /// One for each criterion in force on that day.
    pub findings: Vec<Finding>,
}

impl From<LabelAuditInput> for pb::LabelAudit {
    fn from(value: LabelAuditInput) -> Self {
        Self {
            practitioner_id: value.practitioner_id,
            held_on: value.held_on,
            held_by: value.held_by,
            findings: all(value.findings),
            ..Self::default()
        }
    }
}

/// Somebody who holds a level.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LabelHolder {
    /// Name.
    #[schema(example = "Dr Camille Exemple")]
    pub name: String,
    /// Where: name of the establishment; several are joined by commas.
    #[schema(example = "Cabinet FICTIF du Port")]
    pub place: String,
    /// 1 to 3.
    #[schema(example = 2)]
    pub level: i32,
    /// Name of the level.
    #[schema(example = "Confirmé")]
    pub level_name: String,
    /// Since when, ISO date.
    #[schema(example = "2026-03-02", format = Date)]
    pub since: String,
    /// Whether its next audit is overdue.
    pub audit_overdue: bool,
}

impl From<pb::LabelHolder> for LabelHolder {
    fn from(value: pb::LabelHolder) -> Self {
        let pb::LabelHolder { name, place, level, level_name, since, audit_overdue } = value;
        Self { name, place, level, level_name, since, audit_overdue }
    }
}

/// How many hold a level.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LabelCount {
    /// 1 to 3.
    #[schema(example = 2)]
    pub level: i32,
    /// Name of the level.
    #[schema(example = "Confirmé")]
    pub name: String,
    /// How many.
    #[schema(example = 17)]
    pub count: i64,
}

impl From<pb::LabelCount> for LabelCount {
    fn from(value: pb::LabelCount) -> Self {
        let pb::LabelCount { level, name, count } = value;
        Self { level, name, count }
    }
}

/// Who holds which level of a group's label.
#[derive(Debug, Serialize, ToSchema)]
pub struct PublicLabel {
    /// Name of the group.
    pub group_name: String,
    /// How many hold each level, from level 1; none where the group has no label.
    pub counts: Vec<LabelCount>,
    /// This page's rows: highest level first, then by name.
    pub holders: Vec<LabelHolder>,
    /// Give it back as `page_token` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
