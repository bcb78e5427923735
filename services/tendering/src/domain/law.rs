//! Rules of law as dated data (design decision 9): the code names a rule, the data gives its article and its figure on a day.

use chrono::NaiveDate;

/// A rule that the service applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegalRule {
    /// Orders only while the agreement is in force.
    AgreementNotInForce,
    /// Orders only by buyers named in the contract notice.
    BeneficiaryNotNamed,
    /// A named buyer may order.
    Entitled,
    /// Who joins after publication does not order, unless it was named.
    JoinedAfterPublication,
    /// A party to a GHT orders elsewhere with its support's delegation only.
    GhtDelegation,
    /// A GCS de moyens serves its members only.
    GcsMembersOnly,
    /// In a GHT the support establishment awards.
    GhtSupportAwards,
    /// An unknown buyer status is treated as a contracting authority's.
    StatusUnknownIsStrict,
    /// Longest agreement, in months.
    AgreementLongest,
    /// An agreement has a maximum.
    MaximumCompulsory,
    /// Value from which a formal procedure is needed, cents EUR.
    FormalProcedureThreshold,
    /// The value of a need is that of all its lots.
    NeedValue,
    /// Least days for tenders in an open procedure.
    OpenProcedureDays,
    /// The same when tenders are electronic.
    OpenProcedureDaysElectronic,
    /// Criteria and weights are announced.
    CriteriaWeighted,
    /// At least one environmental criterion.
    EnvironmentalCriterion,
    /// Ties are broken by an announced rule.
    TieRuleAnnounced,
    /// How tenders are compared is announced.
    ComparisonAnnounced,
    /// Nobody learns of a tender before the deadline.
    TenderSecrecy,
    /// There is a deadline.
    DeadlineNeeded,
    /// Buyers are named.
    BuyersNamed,
    /// A formula that flattens price gaps is illegal.
    FormulaFlattened,
    /// A formula that gives all or nothing is illegal.
    FormulaMinMax,
    /// Sums of unit prices compare nothing.
    FormulaUnitPriceSum,
    /// Days of standstill after electronic notification.
    StandstillElectronic,
    /// Days of standstill after any other notification.
    StandstillOther,
    /// No standstill in an adapted procedure.
    StandstillNoneAdapted,
    /// No standstill for a single tenderer.
    StandstillNoneSingle,
}

impl LegalRule {
    /// Key in the table `legal_rule`.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::AgreementNotInForce => "AGREEMENT_NOT_IN_FORCE",
            Self::BeneficiaryNotNamed => "BENEFICIARY_NOT_NAMED",
            Self::Entitled => "ENTITLED",
            Self::JoinedAfterPublication => "JOINED_AFTER_PUBLICATION",
            Self::GhtDelegation => "GHT_DELEGATION",
            Self::GcsMembersOnly => "GCS_MEMBERS_ONLY",
            Self::GhtSupportAwards => "GHT_SUPPORT_AWARDS",
            Self::StatusUnknownIsStrict => "STATUS_UNKNOWN_IS_STRICT",
            Self::AgreementLongest => "AGREEMENT_LONGEST",
            Self::MaximumCompulsory => "MAXIMUM_COMPULSORY",
            Self::FormalProcedureThreshold => "FORMAL_PROCEDURE_THRESHOLD",
            Self::NeedValue => "NEED_VALUE",
            Self::OpenProcedureDays => "OPEN_PROCEDURE_DAYS",
            Self::OpenProcedureDaysElectronic => "OPEN_PROCEDURE_DAYS_ELECTRONIC",
            Self::CriteriaWeighted => "CRITERIA_WEIGHTED",
            Self::EnvironmentalCriterion => "ENVIRONMENTAL_CRITERION",
            Self::TieRuleAnnounced => "TIE_RULE_ANNOUNCED",
            Self::ComparisonAnnounced => "COMPARISON_ANNOUNCED",
            Self::TenderSecrecy => "TENDER_SECRECY",
            Self::DeadlineNeeded => "DEADLINE_NEEDED",
            Self::BuyersNamed => "BUYERS_NAMED",
            Self::FormulaFlattened => "FORMULA_FLATTENED",
            Self::FormulaMinMax => "FORMULA_MIN_MAX",
            Self::FormulaUnitPriceSum => "FORMULA_UNIT_PRICE_SUM",
            Self::StandstillElectronic => "STANDSTILL_ELECTRONIC",
            Self::StandstillOther => "STANDSTILL_OTHER",
            Self::StandstillNoneAdapted => "STANDSTILL_NONE_ADAPTED",
            Self::StandstillNoneSingle => "STANDSTILL_NONE_SINGLE",
        }
    }
}

/// One dated text of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provision {
    /// Key of the rule.
    pub rule: String,
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day; none while it is in force.
    pub valid_to: Option<NaiveDate>,
    /// Article, e.g. `CCP R2162-6`.
    pub article: String,
    /// The figure that it gives, in the unit of the rule.
    pub figure: Option<i64>,
}

/// All provisions known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Law(pub Vec<Provision>);

impl Law {
    /// The text of a rule in force on a day.
    #[must_use]
    pub fn on(&self, rule: LegalRule, day: NaiveDate) -> Option<&Provision> {
        self.0.iter().find(|p| p.rule == rule.key() && p.valid_from <= day && p.valid_to.is_none_or(|last| day <= last))
    }

    /// The article of a rule on a day; empty when no text was in force.
    #[must_use]
    pub fn article(&self, rule: LegalRule, day: NaiveDate) -> &str {
        self.on(rule, day).map_or("", |provision| &provision.article)
    }

    /// The figure of a rule on a day; none when no text was in force, or it gives none.
    #[must_use]
    pub fn figure(&self, rule: LegalRule, day: NaiveDate) -> Option<i64> {
        self.on(rule, day)?.figure
    }
}
