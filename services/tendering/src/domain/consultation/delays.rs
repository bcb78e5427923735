//! Legal days. They are counted from day to day in the consultation's zone; the sending day is day 0.

use chrono::{Days, NaiveDate};

use super::{Finding, dossier::Procedure};
use crate::domain::{
    law::{Law, LegalRule},
    text,
};

fn after(day: NaiveDate, days: i64) -> Option<NaiveDate> {
    day.checked_add_days(Days::new(u64::try_from(days).ok()?))
}

/// The first day that a deadline may have when published on a day; none where the delay is free (procédure adaptée).
/// Open: 35 days, 30 when tenders are electronic (CCP R2161-2, R2161-3).
#[must_use]
pub fn earliest_deadline(
    procedure: Procedure,
    electronic: bool,
    sent_on: NaiveDate,
    law: &Law,
) -> Option<(LegalRule, i64, NaiveDate)> {
    match procedure {
        Procedure::Adapted => None,
        Procedure::Open => {
            let rule = if electronic { LegalRule::OpenProcedureDaysElectronic } else { LegalRule::OpenProcedureDays };
            let days = law.figure(rule, sent_on)?;
            Some((rule, days, after(sent_on, days)?))
        }
    }
}

/// The first day on which the agreement may be signed after rejections are sent on a day, and why (CCP R2182-1): 11 days later
/// when they were sent electronically, 16 otherwise; at once in an adapted procedure and for a single tenderer.
#[must_use]
pub fn signable_on(
    procedure: Procedure,
    electronic: bool,
    tenderers: usize,
    sent_on: NaiveDate,
    law: &Law,
) -> (NaiveDate, Finding) {
    let facts = |first: NaiveDate| {
        [("sent_on", sent_on.to_string()), ("signable_on", first.to_string()), ("tenderers", tenderers.to_string())]
    };
    let none = |rule, why: &str| {
        (sent_on, Finding::new(law, rule, sent_on, format!("Aucun délai de suspension : {why}."), &facts(sent_on)))
    };
    match procedure {
        Procedure::Adapted => none(LegalRule::StandstillNoneAdapted, "procédure adaptée"),
        Procedure::Open if tenderers <= 1 => none(LegalRule::StandstillNoneSingle, "un seul soumissionnaire"),
        Procedure::Open => {
            let (rule, fallback) =
                if electronic { (LegalRule::StandstillElectronic, 11) } else { (LegalRule::StandstillOther, 16) };
            // Without a dated text the delay of the last known one holds: never shorter by an omission in the data.
            let days = law.figure(rule, sent_on).unwrap_or(fallback);
            let first = after(sent_on, days).unwrap_or(NaiveDate::MAX);
            let last = first.pred_opt().unwrap_or(first);
            let text = format!(
                "Rejets envoyés le {} : suspension de {days} jours, qui expire le {} au soir ; signature possible à partir du {}.",
                text::date(sent_on),
                text::date(last),
                text::date(first)
            );
            (first, Finding::new(law, rule, sent_on, text, &facts(first)))
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::domain::law::Provision;

    pub(crate) fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// The figures of migration 0002.
    pub(crate) fn law() -> Law {
        let provision = |rule: LegalRule, from: &str, figure| Provision {
            rule: rule.key().to_owned(),
            valid_from: day(from),
            valid_to: None,
            article: format!("art. {}", rule.key()),
            figure,
        };
        Law(vec![
            provision(LegalRule::OpenProcedureDays, "2019-04-01", Some(35)),
            provision(LegalRule::OpenProcedureDaysElectronic, "2019-04-01", Some(30)),
            provision(LegalRule::StandstillElectronic, "2019-04-01", Some(11)),
            provision(LegalRule::StandstillOther, "2019-04-01", Some(16)),
            provision(LegalRule::FormalProcedureThreshold, "2026-01-01", Some(21_600_000)),
            provision(LegalRule::EnvironmentalCriterion, "2026-08-21", None),
            provision(LegalRule::AgreementLongest, "2019-04-01", Some(48)),
        ])
    }

    #[test]
    fn sent_on_28_december_by_post_the_standstill_expires_on_12_january_in_the_evening() {
        let (first, finding) = signable_on(Procedure::Open, false, 2, day("2026-12-28"), &law());
        assert_eq!(first, day("2027-01-13"));
        assert!(finding.text.contains("16 jours, qui expire le 12/01/2027 au soir"), "{}", finding.text);
        let (first, _) = signable_on(Procedure::Open, true, 2, day("2026-12-28"), &law());
        assert_eq!(first, day("2027-01-08"));
    }

    #[test]
    fn no_standstill_in_an_adapted_procedure_or_for_a_single_tenderer() {
        for (procedure, tenderers, rule) in [
            (Procedure::Adapted, 5, LegalRule::StandstillNoneAdapted),
            (Procedure::Open, 1, LegalRule::StandstillNoneSingle),
        ] {
            let (first, finding) = signable_on(procedure, true, tenderers, day("2026-12-28"), &law());
            assert_eq!((first, finding.rule), (day("2026-12-28"), rule));
        }
    }

    #[test]
    fn an_open_procedure_leaves_35_days_or_30_when_electronic_over_month_and_leap_year() {
        let earliest = |electronic, sent: &str| {
            earliest_deadline(Procedure::Open, electronic, day(sent), &law()).map(|(_, _, first)| first.to_string())
        };
        assert_eq!(earliest(false, "2026-11-21").as_deref(), Some("2026-12-26"));
        assert_eq!(earliest(true, "2026-11-21").as_deref(), Some("2026-12-21"));
        assert_eq!(earliest(true, "2028-01-31").as_deref(), Some("2028-03-01"));
        assert_eq!(earliest_deadline(Procedure::Adapted, true, day("2026-11-21"), &law()), None);
    }
}
