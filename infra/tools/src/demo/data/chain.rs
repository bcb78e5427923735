//! The files of consultations, from the census to the signature. A folder without them has none.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::Data;
use crate::demo::tables::{Faults, Row};

/// Every file with its columns; a missing one is empty.
pub(super) const FILES: [(&str, &[&str]); 7] = [
    ("censuses.csv", &["key", "group_key", "title", "opens_on", "closes_on", "period_months"]),
    (
        "census_needs.csv",
        &[
            "census_key",
            "party_key",
            "site_key",
            "article_key",
            "packaging_code",
            "quantity",
            "commitment",
            "reference",
        ],
    ),
    (
        "consultations.csv",
        &[
            "key",
            "census_key",
            "title",
            "duration_months",
            "margin_percent",
            "procedure",
            "published_at",
            "deadline",
            "opened_at",
            "awarded_at",
            "signed_at",
            "agreement_key",
            "agreement_number",
        ],
    ),
    ("criteria.csv", &["consultation_key", "criterion_key", "title", "kind", "weight"]),
    ("tenders.csv", &["key", "consultation_key", "supplier_party_key", "sent_at"]),
    (
        "tender_prices.csv",
        &["tender_key", "article_key", "packaging_code", "order_multiple_packs", "tier_min_units", "unit_price"],
    ),
    ("tender_answers.csv", &["tender_key", "criterion_key", "answer", "mark", "comment"]),
];

/// The steps of a consultation that have a date, in their order.
const DATES: [&str; 5] = ["published_at", "deadline", "opened_at", "awarded_at", "signed_at"];

/// An instant of a folder.
#[must_use]
pub fn instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc())
}

fn moment(row: &Row<'_>, column: &str, faults: &mut Faults) -> Option<DateTime<Utc>> {
    let at = instant(row.text(column));
    if at.is_none() {
        row.fault(column, "instant attendu, comme 2026-11-23T08:00:00Z", faults);
    }
    at
}

impl Data {
    pub(super) fn check_chain(&self, faults: &mut Faults) {
        let censuses = self.table("censuses.csv").keys("key", faults);
        let consultations = self.table("consultations.csv").keys("key", faults);
        let tenders = self.table("tenders.csv").keys("key", faults);
        let keys = |file: &str, column: &str| -> HashSet<String> {
            self.table(file).rows().map(|row| row.text(column).to_owned()).collect()
        };
        let (groups, parties, sites) =
            (keys("groups.csv", "key"), keys("parties.csv", "key"), keys("sites.csv", "key"));
        let articles = keys("articles.csv", "key");
        for (file, column, known, target) in [
            ("censuses.csv", "group_key", &groups, "groups.csv"),
            ("census_needs.csv", "census_key", &censuses, "censuses.csv"),
            ("census_needs.csv", "party_key", &parties, "parties.csv"),
            ("census_needs.csv", "site_key", &sites, "sites.csv"),
            ("census_needs.csv", "article_key", &articles, "articles.csv"),
            ("consultations.csv", "census_key", &censuses, "censuses.csv"),
            ("criteria.csv", "consultation_key", &consultations, "consultations.csv"),
            ("tenders.csv", "consultation_key", &consultations, "consultations.csv"),
            ("tenders.csv", "supplier_party_key", &parties, "parties.csv"),
            ("tender_prices.csv", "tender_key", &tenders, "tenders.csv"),
            ("tender_prices.csv", "article_key", &articles, "articles.csv"),
            ("tender_answers.csv", "tender_key", &tenders, "tenders.csv"),
        ] {
            for row in self.table(file).rows() {
                row.refers(column, known, target, false, faults);
            }
        }
        self.check_chain_values(faults);
        self.check_chain_dates(faults);
        self.check_chain_actors(faults);
        self.check_criteria(faults);
    }

    fn check_chain_values(&self, faults: &mut Faults) {
        for (file, column, least, most) in [
            ("censuses.csv", "period_months", 1, 60),
            ("census_needs.csv", "quantity", 1, 100_000_000),
            ("consultations.csv", "duration_months", 1, 480),
            ("consultations.csv", "margin_percent", 0, 300),
            ("criteria.csv", "weight", 1, 100),
            ("tender_prices.csv", "order_multiple_packs", 1, 1_000_000),
            ("tender_prices.csv", "tier_min_units", 0, i64::MAX),
        ] {
            for row in self.table(file).rows() {
                if !(least..=most).contains(&row.whole(column, faults)) {
                    row.fault(column, &format!("de {least} à {most}"), faults);
                }
            }
        }
        for (file, column, known) in [
            ("census_needs.csv", "commitment", &["INDICATIVE", "MINIMUM", "FIRM"][..]),
            ("consultations.csv", "procedure", &["OPEN", "ADAPTED"]),
            ("criteria.csv", "kind", &["PRICE", "QUALITY", "ENVIRONMENTAL", "SUPPLY_SECURITY"]),
        ] {
            for row in self.table(file).rows().filter(|row| !known.contains(&row.text(column))) {
                row.fault(column, &format!("attendu : {}", known.join(", ")), faults);
            }
        }
        for row in self.table("tender_prices.csv").rows() {
            if kit::money::parse_unit_price(row.text("unit_price")).is_err() {
                row.fault("unit_price", "prix attendu, comme 0.1234 : pas négatif, six décimales au plus", faults);
            }
        }
        let packagings: HashSet<(&str, &str)> =
            self.table("packagings.csv").rows().map(|row| (row.text("article_key"), row.text("code"))).collect();
        for file in ["census_needs.csv", "tender_prices.csv"] {
            for row in self.table(file).rows() {
                if !packagings.contains(&(row.text("article_key"), row.text("packaging_code"))) {
                    row.fault("packaging_code", "conditionnement absent de packagings.csv pour cet article", faults);
                }
            }
        }
    }

    /// Steps follow each other in time, all before the season begins.
    fn check_chain_dates(&self, faults: &mut Faults) {
        for row in self.table("censuses.csv").rows() {
            if row.date("opens_on", false, faults) > row.date("closes_on", false, faults) {
                row.fault("closes_on", "avant l'ouverture", faults);
            }
        }
        let closes: HashMap<&str, &str> =
            self.table("censuses.csv").rows().map(|row| (row.text("key"), row.text("closes_on"))).collect();
        let today = self.today.as_deref().and_then(instant);
        // From the publication to the opening, by consultation.
        let mut periods: HashMap<&str, [Option<DateTime<Utc>>; 2]> = HashMap::new();
        for row in self.table("consultations.csv").rows() {
            let mut before = closes.get(row.text("census_key")).and_then(|day| instant(&format!("{day}T16:00:00Z")));
            for column in DATES {
                let at = moment(&row, column, faults);
                if at.is_some() && at <= before {
                    row.fault(column, "avant l'étape précédente", faults);
                }
                before = at.or(before);
            }
            match today {
                Some(today) if before.is_some_and(|before| before >= today) => {
                    row.fault("signed_at", "après le jour de today.txt, où la saison commence", faults);
                }
                None => row.fault("key", "une consultation demande un today.txt : l'horloge est déplacée", faults),
                Some(_) => {}
            }
            periods.insert(row.text("key"), ["published_at", "opened_at"].map(|column| instant(row.text(column))));
        }
        for row in self.table("tenders.csv").rows() {
            let at = moment(&row, "sent_at", faults);
            let [from, to] = periods.get(row.text("consultation_key")).copied().unwrap_or_default();
            if at.is_some() && (at < from || (to.is_some() && at >= to)) {
                row.fault("sent_at", "une offre part entre la publication et l'ouverture", faults);
            }
        }
    }

    /// Who tenders has an account, and the agreement made is a new one.
    fn check_chain_actors(&self, faults: &mut Faults) {
        let suppliers: HashSet<&str> = self
            .table("grants.csv")
            .rows()
            .filter(|row| row.text("role") == "SUPPLIER")
            .map(|row| row.text("party_key"))
            .collect();
        for row in self.table("tenders.csv").rows().filter(|row| !suppliers.contains(row.text("supplier_party_key"))) {
            row.fault("supplier_party_key", "aucun compte SUPPLIER dans grants.csv", faults);
        }
        let mut agreements: HashSet<&str> = self.table("agreements.csv").rows().map(|row| row.text("key")).collect();
        for row in self.table("consultations.csv").rows() {
            if !agreements.insert(row.text("agreement_key")) {
                row.fault("agreement_key", "déjà un accord-cadre ; il doit être unique", faults);
            }
        }
        let marked: HashSet<(&str, &str)> = self
            .table("tender_answers.csv")
            .rows()
            .map(|row| (row.text("tender_key"), row.text("criterion_key")))
            .collect();
        let criteria = self.by("criteria.csv", "consultation_key");
        for tender in self.table("tenders.csv").rows() {
            for criterion in criteria.get(tender.text("consultation_key")).into_iter().flatten() {
                let (key, of_price) = (criterion.text("criterion_key"), criterion.text("kind") == "PRICE");
                if !of_price && !marked.contains(&(tender.text("key"), key)) {
                    tender.fault(
                        "key",
                        &format!("aucune réponse au critère « {key} » dans tender_answers.csv"),
                        faults,
                    );
                }
            }
        }
    }

    fn check_criteria(&self, faults: &mut Faults) {
        let criteria = self.by("criteria.csv", "consultation_key");
        for row in self.table("consultations.csv").rows() {
            let own = criteria.get(row.text("key")).map(Vec::as_slice).unwrap_or_default();
            let total: i64 = own.iter().filter_map(|one| one.text("weight").parse::<i64>().ok()).sum();
            if total != 100 {
                row.fault("key", &format!("les poids de ses critères font {total} au lieu de 100"), faults);
            }
            if own.iter().filter(|one| one.text("kind") == "PRICE").count() != 1 {
                row.fault("key", "un critère PRICE et un seul dans criteria.csv", faults);
            }
            if !own.iter().any(|one| one.text("kind") == "ENVIRONMENTAL") {
                row.fault("key", "aucun critère ENVIRONMENTAL dans criteria.csv (CCP R2152-7)", faults);
            }
        }
    }
}
