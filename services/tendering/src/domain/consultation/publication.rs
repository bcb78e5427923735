//! What publication on a day still lacks in law. Everything at once, each with its rule, source and figures.

use chrono::NaiveDate;

use super::{
    Finding, delays,
    dossier::{CriterionKind, Dossier, PriceFormula, Procedure},
};
use crate::domain::{
    law::{Law, LegalRule},
    text,
};

/// The day of publication and of the deadline, as legal days of the zone.
#[derive(Debug, Clone, Copy)]
pub struct Days {
    /// The day on which it would be published.
    pub today: NaiveDate,
    /// The day of the deadline; none while there is none.
    pub deadline: Option<NaiveDate>,
    /// Whether the deadline's very moment has passed.
    pub deadline_passed: bool,
}

/// What is lacking; nothing when it may be published.
#[must_use]
pub fn missing(dossier: &Dossier, days: &Days, law: &Law) -> Vec<Finding> {
    let mut missing = Missing { law, day: days.today, found: Vec::new() };
    procedure(dossier, &mut missing);
    deadline(dossier, days, &mut missing);
    lots(dossier, &mut missing);
    criteria(dossier, &mut missing);
    comparison(dossier, &mut missing);
    parties(dossier, &mut missing);
    missing.found
}

struct Missing<'a> {
    law: &'a Law,
    day: NaiveDate,
    found: Vec<Finding>,
}

impl Missing<'_> {
    fn add(&mut self, rule: LegalRule, text: impl Into<String>, facts: &[(&str, String)]) {
        self.found.push(Finding::new(self.law, rule, self.day, text.into(), facts));
    }
}

fn procedure(dossier: &Dossier, missing: &mut Missing<'_>) {
    let (proposed, _) = dossier.proposed(missing.law, missing.day);
    match (dossier.procedure, proposed) {
        (Some(Procedure::Adapted), Procedure::Open) => {
            let value = dossier.value_cents();
            let text = format!(
                "La valeur de {} atteint le seuil de procédure formalisée : l'appel d'offres ouvert s'impose.",
                text::euros(value)
            );
            missing.add(LegalRule::FormalProcedureThreshold, text, &[("value_cents", value.to_string())]);
        }
        (Some(Procedure::Adapted), Procedure::Adapted)
        | (Some(Procedure::Open) | None, Procedure::Open | Procedure::Adapted) => {}
    }
}

fn deadline(dossier: &Dossier, days: &Days, missing: &mut Missing<'_>) {
    let Some(deadline) = days.deadline else {
        missing.add(LegalRule::DeadlineNeeded, "La date limite de réception des offres manque.", &[]);
        return;
    };
    if days.deadline_passed {
        let text = format!("La date limite du {} est déjà passée.", text::date(deadline));
        missing.add(LegalRule::DeadlineNeeded, text, &[("deadline_on", deadline.to_string())]);
        return;
    }
    let procedure = dossier.procedure_on(missing.law, missing.day);
    let earliest = delays::earliest_deadline(procedure, dossier.electronic, missing.day, missing.law);
    if let Some((rule, least, earliest)) = earliest
        && deadline < earliest
    {
        let text = format!(
            "Publiée le {}, la consultation laisse au moins {least} jours : date limite le {} au plus tôt, non le {}.",
            text::date(missing.day),
            text::date(earliest),
            text::date(deadline)
        );
        let facts = [
            ("days", least.to_string()),
            ("earliest_deadline_on", earliest.to_string()),
            ("deadline_on", deadline.to_string()),
        ];
        missing.add(rule, text, &facts);
    }
}

fn lots(dossier: &Dossier, missing: &mut Missing<'_>) {
    for lot in &dossier.lots {
        let facts = [("lot", lot.number.to_string())];
        if lot.maximum_cents == 0 {
            let text = format!("Le lot {} n'a pas de maximum.", lot.number);
            missing.add(LegalRule::MaximumCompulsory, text, &facts);
        }
        if lot.basket.is_empty() {
            let text = format!("Le lot {} n'a pas de panier de quantités estimées à comparer.", lot.number);
            missing.add(LegalRule::ComparisonAnnounced, text, &facts);
        }
    }
    let longest = missing.law.figure(LegalRule::AgreementLongest, missing.day);
    let months = i64::from(dossier.duration_months);
    if months == 0 || longest.is_some_and(|longest| months > longest) {
        let limit = longest.map(|longest| longest.to_string()).unwrap_or_default();
        let text = format!("La durée de l'accord-cadre doit être de 1 à {limit} mois ; elle est de {months}.");
        missing.add(
            LegalRule::AgreementLongest,
            text,
            &[("months", months.to_string()), ("longest_months", limit.clone())],
        );
    }
}

fn criteria(dossier: &Dossier, missing: &mut Missing<'_>) {
    let total: u32 = dossier.criteria.iter().map(|criterion| criterion.weight).sum();
    if total != 100 {
        let text = format!("Les pondérations des critères font {total} au lieu de 100.");
        missing.add(LegalRule::CriteriaWeighted, text, &[("total", total.to_string())]);
    }
    let count = |kind| dossier.criteria.iter().filter(|criterion| criterion.kind == kind).count();
    let prices = count(CriterionKind::Price);
    if prices != 1 {
        let text = format!("Il faut un critère de prix et un seul ; il y en a {prices}.");
        missing.add(LegalRule::CriteriaWeighted, text, &[("price_criteria", prices.to_string())]);
    }
    // The rule is dated: before its first day there is nothing to lack.
    let in_force = missing.law.on(LegalRule::EnvironmentalCriterion, missing.day).is_some();
    if in_force && count(CriterionKind::Environmental) == 0 {
        missing.add(LegalRule::EnvironmentalCriterion, "Aucun critère ne porte sur l'environnement.", &[]);
    }
}

fn comparison(dossier: &Dossier, missing: &mut Missing<'_>) {
    match dossier.formula {
        None => missing.add(LegalRule::ComparisonAnnounced, "La formule de notation du prix manque.", &[]),
        Some(PriceFormula::PminOverP | PriceFormula::Linear) => {}
        Some(PriceFormula::Flattened) => missing.add(
            LegalRule::FormulaFlattened,
            "La formule 10/3 × (7 − P/P0) écrase les écarts de prix : jugée illégale.",
            &[],
        ),
        Some(PriceFormula::MinMax) => missing.add(
            LegalRule::FormulaMinMax,
            "Tous les points au moins cher et zéro au plus cher : la pondération annoncée n'est plus respectée.",
            &[],
        ),
        Some(PriceFormula::UnitPriceSum) => missing.add(
            LegalRule::FormulaUnitPriceSum,
            "Additionner des prix unitaires ne compare pas les offres : choisissez une formule sur le panier.",
            &[],
        ),
    }
    if dossier.tie_rule.is_none() {
        missing.add(LegalRule::TieRuleAnnounced, "La règle de départage des ex æquo manque.", &[]);
    }
    if dossier.basis.is_none() {
        missing.add(LegalRule::ComparisonAnnounced, "La base de comparaison (hors taxes) manque.", &[]);
    }
}

fn parties(dossier: &Dossier, missing: &mut Missing<'_>) {
    if dossier.opener_key.is_empty() {
        missing.add(LegalRule::TenderSecrecy, "La clé publique de la personne qui ouvrira les offres manque.", &[]);
    }
    if dossier.beneficiaries.is_empty() {
        missing.add(LegalRule::BuyersNamed, "Aucun acheteur bénéficiaire n'est nommé.", &[]);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use kit::id::{ArticleId, PartyId};

    use super::{
        super::{
            delays::tests::{day, law},
            dossier::{BasketLine, ComparisonBasis, Criterion, Lot, TieRule, TierComparison, ZONE},
        },
        *,
    };
    use crate::domain::agreement::{PurchasingRole, TierBasis};

    pub(crate) fn complete() -> Dossier {
        let criterion = |key: &str, kind, weight| Criterion { key: key.into(), title: key.into(), kind, weight };
        Dossier {
            title: "Gants".into(),
            awarding_party: PartyId::new(),
            role: PurchasingRole::Intermediary,
            procedure: Some(Procedure::Open),
            electronic: true,
            zone: ZONE.into(),
            deadline: Some("2026-12-21T11:00:00Z".parse().unwrap()),
            opener_key: "age1".into(),
            lots: vec![Lot {
                number: 1,
                title: "Nitrile".into(),
                estimated_cents: 20_000_000,
                maximum_cents: 30_000_000,
                basket: vec![BasketLine { article: ArticleId::new(), quantity: 1_000, packagings: vec!["BOX".into()] }],
            }],
            criteria: vec![
                criterion("PRIX", CriterionKind::Price, 60),
                criterion("QUAL", CriterionKind::Quality, 30),
                criterion("ENV", CriterionKind::Environmental, 10),
            ],
            formula: Some(PriceFormula::PminOverP),
            points_places: 2,
            tie_rule: Some(TieRule::LowestPrice),
            basis: Some(ComparisonBasis::WithoutVat),
            beneficiaries: vec![PartyId::new()],
            duration_months: 48,
            tier_comparison: TierComparison::FirstTier,
            tier_basis: TierBasis::PooledOrder,
            census: None,
        }
    }

    fn days(today: &str, deadline: &str) -> Days {
        Days { today: day(today), deadline: Some(day(deadline)), deadline_passed: false }
    }

    fn rules(dossier: &Dossier, days: &Days) -> Vec<LegalRule> {
        missing(dossier, days, &law()).into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn a_complete_dossier_lacks_nothing_and_each_thing_taken_away_is_named() {
        let on = days("2026-11-21", "2026-12-21");
        assert_eq!(rules(&complete(), &on), []);
        type Change = fn(&mut Dossier);
        let changes: [(Change, LegalRule); 12] = [
            (|d| d.procedure = Some(Procedure::Adapted), LegalRule::FormalProcedureThreshold),
            (|d| d.lots[0].maximum_cents = 0, LegalRule::MaximumCompulsory),
            (|d| d.lots[0].basket.clear(), LegalRule::ComparisonAnnounced),
            (|d| d.criteria[1].weight = 29, LegalRule::CriteriaWeighted),
            (|d| d.criteria[2].kind = CriterionKind::Quality, LegalRule::EnvironmentalCriterion),
            (|d| d.formula = None, LegalRule::ComparisonAnnounced),
            (|d| d.formula = Some(PriceFormula::Flattened), LegalRule::FormulaFlattened),
            (|d| d.formula = Some(PriceFormula::MinMax), LegalRule::FormulaMinMax),
            (|d| d.tie_rule = None, LegalRule::TieRuleAnnounced),
            (|d| d.opener_key.clear(), LegalRule::TenderSecrecy),
            (|d| d.beneficiaries.clear(), LegalRule::BuyersNamed),
            (|d| d.duration_months = 49, LegalRule::AgreementLongest),
        ];
        for (change, rule) in changes {
            let mut dossier = complete();
            change(&mut dossier);
            // Without a maximum the value falls to the estimate, below the threshold: nothing else is lacking then.
            assert_eq!(rules(&dossier, &on), [rule]);
        }
        let mut nothing_decided = Days { deadline: None, ..on };
        assert_eq!(rules(&complete(), &nothing_decided), [LegalRule::DeadlineNeeded]);
        nothing_decided = Days { deadline_passed: true, ..on };
        assert_eq!(rules(&complete(), &nothing_decided), [LegalRule::DeadlineNeeded]);
    }

    #[test]
    fn the_delay_holds_to_the_day_and_is_free_in_an_adapted_procedure() {
        let late = days("2026-11-22", "2026-12-21");
        assert_eq!(rules(&complete(), &late), [LegalRule::OpenProcedureDaysElectronic]);
        let paper = Dossier { electronic: false, ..complete() };
        assert_eq!(rules(&paper, &days("2026-11-21", "2026-12-25")), [LegalRule::OpenProcedureDays]);
        assert_eq!(rules(&paper, &days("2026-11-21", "2026-12-26")), []);
        let mut adapted = Dossier { procedure: None, ..complete() };
        adapted.lots[0].estimated_cents = 1;
        adapted.lots[0].maximum_cents = 21_599_999;
        assert_eq!(rules(&adapted, &days("2026-11-21", "2026-11-22")), []);
        adapted.lots[0].maximum_cents += 1;
        assert_eq!(
            rules(&adapted, &days("2026-11-21", "2026-11-22")),
            [LegalRule::OpenProcedureDaysElectronic],
            "at the threshold the procedure is formal"
        );
    }

    #[test]
    fn the_environmental_criterion_is_compulsory_from_its_first_day_only() {
        let mut dossier = complete();
        dossier.criteria[2].kind = CriterionKind::Quality;
        assert_eq!(rules(&dossier, &days("2026-08-20", "2026-12-21")), []);
        assert_eq!(rules(&dossier, &days("2026-08-21", "2026-12-21")), [LegalRule::EnvironmentalCriterion]);
    }
}
