//! The data folder, as `infra/demo-data/README.md` describes it. Everything is checked before anything is loaded.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::Path,
};

use anyhow::bail;

use super::tables::{Faults, Table};

pub mod chain;

/// A folder that holds together.
#[derive(Debug)]
pub struct Data {
    /// Files by name.
    pub tables: HashMap<&'static str, Table>,
    /// Business day on which the story begins, if the folder says so.
    pub today: Option<String>,
}

/// Every file with its columns. `shipments.csv`, `damages.csv`, `break_bulk.csv` may be empty but for their header.
const FILES: [(&str, &[&str]); 18] = [
    (
        "parties.csv",
        &["key", "kind", "name", "siret", "finess", "gln", "buyer_status", "buyer_status_evidence", "buyer_status_on"],
    ),
    (
        "sites.csv",
        &[
            "key",
            "party_key",
            "name",
            "finess",
            "gln",
            "address",
            "postcode",
            "city",
            "latitude",
            "longitude",
            "authorisations",
        ],
    ),
    ("groups.csv", &["key", "name", "form", "awarding_party_key", "platform_site_key"]),
    ("members.csv", &["group_key", "party_key", "kind", "valid_from", "valid_to"]),
    ("people.csv", &["login", "name", "email"]),
    ("grants.csv", &["login", "role", "group_key", "party_key"]),
    (
        "articles.csv",
        &[
            "key",
            "label",
            "kind",
            "base_unit",
            "base_unit_label",
            "cpv",
            "atc",
            "storage_class",
            "required_authorisation",
            "medicine",
            "sterile_device",
            "vat_rate",
            "cip13",
            "gtin",
        ],
    ),
    (
        "packagings.csv",
        &["article_key", "code", "label", "contains_code", "contains_count", "gtin", "cip13", "orderable"],
    ),
    (
        "agreements.csv",
        &[
            "key",
            "group_key",
            "number",
            "title",
            "role",
            "tier_basis",
            "starts_on",
            "ends_on",
            "awarding_party_key",
            "source",
        ],
    ),
    (
        "lots.csv",
        &[
            "agreement_key",
            "lot_number",
            "title",
            "holder_party_key",
            "maximum_cents",
            "minimum_cents",
            "consumed_cents",
        ],
    ),
    ("beneficiaries.csv", &["agreement_key", "party_key", "valid_from", "valid_to"]),
    (
        "prices.csv",
        &[
            "agreement_key",
            "lot_number",
            "article_key",
            "packaging_code",
            "tier_min_units",
            "unit_price",
            "order_multiple_packs",
            "valid_from",
            "valid_to",
        ],
    ),
    ("reference_prices.csv", &["group_key", "party_key", "article_key", "unit_price", "dated_on", "evidence"]),
    ("break_bulk.csv", &["platform_site_key", "article_key", "packaging_code"]),
    ("rounds.csv", &["group_key", "key", "title", "opens_on", "closes_on", "platform_site_key", "agreement_keys"]),
    (
        "needs.csv",
        &[
            "group_key",
            "round_key",
            "party_key",
            "site_key",
            "article_key",
            "packaging_code",
            "quantity",
            "reference",
            "needed_by",
        ],
    ),
    ("shipments.csv", &["supplier_party_key", "article_key", "shipped_percent", "outstanding_percent"]),
    ("damages.csv", &["platform_site_key", "article_key", "damaged_percent"]),
];

/// Files that a folder may do without.
const OPTIONAL_FILES: [(&str, &[&str]); 2] = [
    ("contacts.csv", &["party_key", "email"]),
    (
        "delegations.csv",
        &[
            "group_key",
            "delegator_party_key",
            "to_party_key",
            "acts",
            "amount_max_cents",
            "valid_from",
            "valid_to",
            "evidence",
        ],
    ),
];
/// What existed before the first day. A folder may do without these files.
const OPENING: [(&str, &[&str]); 4] = [
    ("lot_consumption.csv", &["agreement_key", "lot_number", "party_key", "amount_cents", "as_of", "source"]),
    ("member_codes.csv", &["group_key", "party_key", "code", "article_key", "label"]),
    ("consumption.csv", &["group_key", "party_key", "code", "month", "units", "amount_cents", "as_of", "source"]),
    (
        "open_orders.csv",
        &[
            "group_key",
            "party_key",
            "site_key",
            "agreement_key",
            "lot_number",
            "article_key",
            "packaging_code",
            "ordered_units",
            "delivered_units",
            "unit_price",
            "ordered_on",
            "number",
            "as_of",
            "source",
        ],
    ),
];

impl Data {
    /// Reads and checks a folder.
    ///
    /// # Errors
    /// With every fault by file, line and column.
    pub fn read(dir: &Path) -> anyhow::Result<Self> {
        let mut faults = Faults::default();
        let mut tables: HashMap<_, _> =
            FILES.iter().map(|(file, columns)| (*file, Table::read(dir, file, columns, &mut faults))).collect();
        for (file, columns) in OPENING {
            let there = dir.join(file).exists();
            let table = if there { Table::read(dir, file, columns, &mut faults) } else { Table::none(file) };
            tables.insert(file, table);
        }
        let optional = chain::FILES.iter().chain(&OPTIONAL_FILES).map(|(file, columns)| {
            let there = dir.join(file).exists();
            (*file, if there { Table::read(dir, file, columns, &mut faults) } else { Table::none(file) })
        });
        tables.extend(optional);
        let today = std::fs::read_to_string(dir.join("today.txt")).ok().map(|text| text.trim().to_owned());
        let data = Self { tables, today };
        if data.tables.values().all(|table| table.usable) {
            data.check(&mut faults);
        }
        if faults.0.is_empty() {
            return Ok(data);
        }
        let count = faults.0.len();
        let shown = faults.0.iter().take(200).cloned().collect::<Vec<_>>().join("\n  ");
        bail!("{} : {count} anomalies, rien n'a été chargé\n  {shown}", dir.display())
    }

    /// A file.
    ///
    /// # Panics
    /// Never: every file of the list is read.
    #[must_use]
    pub fn table(&self, file: &str) -> &Table {
        &self.tables[file]
    }

    /// Lines of a file grouped by one column, in the order of the file.
    pub fn by<'a>(&'a self, file: &str, column: &str) -> BTreeMap<&'a str, Vec<super::tables::Row<'a>>> {
        let mut groups: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for row in self.table(file).rows() {
            groups.entry(row.text(column)).or_default().push(row);
        }
        groups
    }

    fn check(&self, faults: &mut Faults) {
        let parties = self.table("parties.csv").keys("key", faults);
        let sites = self.table("sites.csv").keys("key", faults);
        let groups = self.table("groups.csv").keys("key", faults);
        let people = self.table("people.csv").keys("login", faults);
        let articles = self.table("articles.csv").keys("key", faults);
        let agreements = self.table("agreements.csv").keys("key", faults);
        let rounds = self.table("rounds.csv").keys("key", faults);
        for (file, column, keys, target, optional) in [
            ("sites.csv", "party_key", &parties, "parties.csv", false),
            ("contacts.csv", "party_key", &parties, "parties.csv", false),
            ("delegations.csv", "group_key", &groups, "groups.csv", false),
            ("delegations.csv", "delegator_party_key", &parties, "parties.csv", false),
            ("delegations.csv", "to_party_key", &parties, "parties.csv", false),
            ("groups.csv", "awarding_party_key", &parties, "parties.csv", false),
            ("groups.csv", "platform_site_key", &sites, "sites.csv", true),
            ("members.csv", "group_key", &groups, "groups.csv", false),
            ("members.csv", "party_key", &parties, "parties.csv", false),
            ("grants.csv", "login", &people, "people.csv", false),
            ("grants.csv", "group_key", &groups, "groups.csv", true),
            ("grants.csv", "party_key", &parties, "parties.csv", true),
            ("packagings.csv", "article_key", &articles, "articles.csv", false),
            ("agreements.csv", "group_key", &groups, "groups.csv", false),
            ("agreements.csv", "awarding_party_key", &parties, "parties.csv", false),
            ("lots.csv", "agreement_key", &agreements, "agreements.csv", false),
            ("lots.csv", "holder_party_key", &parties, "parties.csv", false),
            ("beneficiaries.csv", "agreement_key", &agreements, "agreements.csv", false),
            ("beneficiaries.csv", "party_key", &parties, "parties.csv", false),
            ("prices.csv", "agreement_key", &agreements, "agreements.csv", false),
            ("prices.csv", "article_key", &articles, "articles.csv", false),
            ("reference_prices.csv", "group_key", &groups, "groups.csv", false),
            ("reference_prices.csv", "party_key", &parties, "parties.csv", false),
            ("reference_prices.csv", "article_key", &articles, "articles.csv", false),
            ("break_bulk.csv", "platform_site_key", &sites, "sites.csv", false),
            ("break_bulk.csv", "article_key", &articles, "articles.csv", false),
            ("rounds.csv", "group_key", &groups, "groups.csv", false),
            ("rounds.csv", "platform_site_key", &sites, "sites.csv", true),
            ("needs.csv", "group_key", &groups, "groups.csv", false),
            ("needs.csv", "round_key", &rounds, "rounds.csv", false),
            ("needs.csv", "party_key", &parties, "parties.csv", false),
            ("needs.csv", "site_key", &sites, "sites.csv", false),
            ("needs.csv", "article_key", &articles, "articles.csv", false),
            ("shipments.csv", "supplier_party_key", &parties, "parties.csv", false),
            ("shipments.csv", "article_key", &articles, "articles.csv", false),
            ("damages.csv", "platform_site_key", &sites, "sites.csv", false),
            ("damages.csv", "article_key", &articles, "articles.csv", false),
            ("lot_consumption.csv", "agreement_key", &agreements, "agreements.csv", false),
            ("lot_consumption.csv", "party_key", &parties, "parties.csv", false),
            ("member_codes.csv", "group_key", &groups, "groups.csv", false),
            ("member_codes.csv", "party_key", &parties, "parties.csv", false),
            ("member_codes.csv", "article_key", &articles, "articles.csv", false),
            ("consumption.csv", "group_key", &groups, "groups.csv", false),
            ("consumption.csv", "party_key", &parties, "parties.csv", false),
            ("open_orders.csv", "group_key", &groups, "groups.csv", false),
            ("open_orders.csv", "party_key", &parties, "parties.csv", false),
            ("open_orders.csv", "site_key", &sites, "sites.csv", false),
            ("open_orders.csv", "agreement_key", &agreements, "agreements.csv", false),
            ("open_orders.csv", "article_key", &articles, "articles.csv", false),
        ] {
            for row in self.table(file).rows() {
                row.refers(column, keys, target, optional, faults);
            }
        }
        self.check_values(faults);
        self.check_packagings(faults);
        self.check_actors(faults);
        super::opening::check(self, faults);
        self.check_chain(faults);
    }

    /// Somebody must be there for every step of the season.
    fn check_actors(&self, faults: &mut Faults) {
        let granted: HashSet<(&str, &str, &str)> = self
            .table("grants.csv")
            .rows()
            .map(|row| (row.text("role"), row.text("group_key"), row.text("party_key")))
            .collect();
        let mut need = |role: &str, group: &str, party: &str| {
            let there = granted.iter().any(|&(r, g, p)| r == role && g == group && (party.is_empty() || p == party));
            if !there {
                let whom = if party.is_empty() {
                    format!("le groupe « {group} »")
                } else {
                    format!("« {party} » (groupe « {group} »)")
                };
                faults.0.push(format!("grants.csv : aucun {role} pour {whom}"));
            }
        };
        for row in self.table("groups.csv").rows() {
            need("PURCHASING_OFFICER", row.text("key"), "");
        }
        for row in self.table("members.csv").rows() {
            need("MEMBER_REQUESTER", row.text("group_key"), row.text("party_key"));
            need("MEMBER_RECEIVER", row.text("group_key"), row.text("party_key"));
        }
        let operator_of: HashMap<&str, &str> =
            self.table("sites.csv").rows().map(|row| (row.text("key"), row.text("party_key"))).collect();
        let platforms: HashSet<&str> = ["groups.csv", "rounds.csv", "break_bulk.csv"]
            .iter()
            .flat_map(|file| self.table(file).rows().map(|row| row.text("platform_site_key")))
            .filter_map(|site| operator_of.get(site).copied())
            .collect();
        for platform in platforms {
            need("PLATFORM_OPERATOR", "", platform);
        }
        if let Some(today) = &self.today
            && chrono::DateTime::parse_from_rfc3339(today).is_err()
        {
            faults.0.push(format!("today.txt, valeur « {today} » : instant attendu, comme 2026-11-23T08:00:00Z"));
        }
    }

    fn check_values(&self, faults: &mut Faults) {
        for (file, column, optional) in [
            ("members.csv", "valid_from", false),
            ("members.csv", "valid_to", true),
            ("delegations.csv", "valid_from", false),
            ("delegations.csv", "valid_to", true),
            ("agreements.csv", "starts_on", false),
            ("agreements.csv", "ends_on", false),
            ("beneficiaries.csv", "valid_from", false),
            ("beneficiaries.csv", "valid_to", true),
            ("prices.csv", "valid_from", false),
            ("prices.csv", "valid_to", false),
            ("reference_prices.csv", "dated_on", false),
            ("rounds.csv", "opens_on", false),
            ("rounds.csv", "closes_on", false),
            ("needs.csv", "needed_by", true),
        ] {
            for row in self.table(file).rows() {
                row.date(column, optional, faults);
            }
        }
        for (file, column) in [
            ("lots.csv", "lot_number"),
            ("lots.csv", "maximum_cents"),
            ("lots.csv", "minimum_cents"),
            ("lots.csv", "consumed_cents"),
            ("prices.csv", "lot_number"),
            ("prices.csv", "tier_min_units"),
            ("prices.csv", "order_multiple_packs"),
            ("needs.csv", "quantity"),
            ("shipments.csv", "shipped_percent"),
            ("shipments.csv", "outstanding_percent"),
            ("damages.csv", "damaged_percent"),
        ] {
            for row in self.table(file).rows() {
                if row.whole(column, faults) < 0 {
                    row.fault(column, "ne peut pas être négatif", faults);
                }
            }
        }
        for row in self.table("needs.csv").rows() {
            if row.text("quantity").parse() == Ok(0_i64) {
                row.fault("quantity", "au moins 1", faults);
            }
        }
        let mut tiers = HashSet::new();
        for row in self.table("prices.csv").rows() {
            let columns =
                ["agreement_key", "lot_number", "article_key", "packaging_code", "tier_min_units", "valid_from"];
            if !tiers.insert(columns.map(|column| row.text(column))) {
                row.fault("tier_min_units", "deux fois le même palier du même prix", faults);
            }
        }
        for (file, column) in [("prices.csv", "unit_price"), ("reference_prices.csv", "unit_price")] {
            for row in self.table(file).rows() {
                if kit::money::parse_unit_price(row.text(column)).is_err() {
                    row.fault(column, "prix attendu, comme 0.1234 : pas négatif, six décimales au plus", faults);
                }
            }
        }
        for row in self.table("articles.csv").rows() {
            row.flag("medicine", faults);
            row.flag("sterile_device", faults);
        }
        for row in self.table("packagings.csv").rows() {
            row.flag("orderable", faults);
        }
    }

    fn check_packagings(&self, faults: &mut Faults) {
        let mut codes: HashSet<(String, String)> = HashSet::new();
        for row in self.table("packagings.csv").rows() {
            if !codes.insert((row.text("article_key").to_owned(), row.text("code").to_owned())) {
                row.fault("code", "deux fois pour le même article", faults);
            }
        }
        for file in ["prices.csv", "needs.csv", "break_bulk.csv"] {
            for row in self.table(file).rows() {
                let pair = (row.text("article_key").to_owned(), row.text("packaging_code").to_owned());
                if !codes.contains(&pair) {
                    row.fault("packaging_code", "conditionnement absent de packagings.csv pour cet article", faults);
                }
            }
        }
        let lots: HashSet<(&str, &str)> =
            self.table("lots.csv").rows().map(|row| (row.text("agreement_key"), row.text("lot_number"))).collect();
        for row in self.table("prices.csv").rows() {
            if !lots.contains(&(row.text("agreement_key"), row.text("lot_number"))) {
                row.fault("lot_number", "lot absent de lots.csv pour cet accord-cadre", faults);
            }
        }
    }
}
