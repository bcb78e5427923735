//! Loads the folder: parties, sites, groups, people, articles, then each group's agreements and prices.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{api::Api, data::Data, tables::Row};

/// Ids that the system gave, by the folder's keys.
#[derive(Debug, Default)]
pub struct Ids {
    /// `pty_…`
    pub parties: HashMap<String, String>,
    /// `sit_…`
    pub sites: HashMap<String, String>,
    /// `grp_…`
    pub groups: BTreeMap<String, String>,
    /// `art_…`
    pub articles: HashMap<String, String>,
    /// `agr_…`
    pub agreements: HashMap<String, String>,
    /// `lot_…` by agreement key and lot number.
    pub lots: HashMap<(String, String), String>,
}

/// Who acts, by role.
#[derive(Debug, Default)]
pub struct People {
    /// Purchasing officer of each group.
    pub officers: HashMap<String, String>,
    /// Auditor of each group.
    pub auditors: HashMap<String, String>,
    /// Requester per group and member.
    pub requesters: HashMap<(String, String), String>,
    /// Receiver per group and member.
    pub receivers: HashMap<(String, String), String>,
    /// Login per supplier firm.
    pub suppliers: HashMap<String, String>,
    /// Login per platform party.
    pub operators: HashMap<String, String>,
}

/// The login that loads the folder.
pub const ADMIN: &str = "admin";

impl People {
    /// Reads the grants.
    #[must_use]
    pub fn read(data: &Data) -> Self {
        let mut people = Self::default();
        for row in data.table("grants.csv").rows() {
            let (login, group, party) =
                (row.text("login").to_owned(), row.text("group_key").to_owned(), row.text("party_key").to_owned());
            match row.text("role") {
                "PURCHASING_OFFICER" => drop(people.officers.insert(group, login)),
                "AUDITOR" => drop(people.auditors.insert(group, login)),
                "MEMBER_REQUESTER" => drop(people.requesters.insert((group, party), login)),
                "MEMBER_RECEIVER" => drop(people.receivers.insert((group, party), login)),
                "SUPPLIER" => drop(people.suppliers.insert(party, login)),
                "PLATFORM_OPERATOR" => drop(people.operators.insert(party, login)),
                _ => {}
            }
        }
        people
    }
}

fn key(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("key:{text}") }
}

fn record(into: &mut HashMap<String, String>, answer: &Value, field: &str) -> anyhow::Result<()> {
    for item in answer[field].as_array().with_context(|| format!("no `{field}` in {answer}"))? {
        let (Some(key), Some(id)) = (item["key"].as_str(), item["id"].as_str()) else {
            anyhow::bail!("no key and id in {item}")
        };
        into.insert(key.to_owned(), id.to_owned());
    }
    Ok(())
}

/// Loads deployment-wide data.
///
/// # Errors
/// When something is refused.
pub async fn registry(api: &Api, data: &Data, ids: &mut Ids, password: &str) -> anyhow::Result<()> {
    let emails: HashMap<&str, &str> =
        data.table("contacts.csv").rows().map(|row| (row.text("party_key"), row.text("email"))).collect();
    let parties: Vec<Value> = data
        .table("parties.csv")
        .rows()
        .map(|row| {
            json!({ "key": row.text("key"), "kind": row.text("kind"), "name": row.text("name"), "siret": row.text("siret"),
                "finess": row.text("finess"), "gln": row.text("gln"), "buyer_status": none_if_empty(row.text("buyer_status")),
                "buyer_status_evidence": row.text("buyer_status_evidence"), "buyer_status_on": row.text("buyer_status_on"),
                "contact_email": emails.get(row.text("key")).copied().unwrap_or_default() })
        })
        .collect();
    let answer = api.post(ADMIN, "/v1/parties/register", "parties", &json!({ "parties": parties })).await?;
    record(&mut ids.parties, &answer, "parties")?;
    let sites: Vec<Value> = data
        .table("sites.csv")
        .rows()
        .map(|row| {
            let authorisations: Vec<&str> = row.text("authorisations").split('|').filter(|text| !text.is_empty()).collect();
            json!({ "key": row.text("key"), "party_id": key(row.text("party_key")), "name": row.text("name"), "finess": row.text("finess"),
                "gln": row.text("gln"), "address": row.text("address"), "postcode": row.text("postcode"), "city": row.text("city"),
                "latitude": row.text("latitude"), "longitude": row.text("longitude"), "authorisations": authorisations })
        })
        .collect();
    let answer = api.post(ADMIN, "/v1/sites/register", "sites", &json!({ "sites": sites })).await?;
    record(&mut ids.sites, &answer, "sites")?;
    for row in data.table("groups.csv").rows() {
        let body = json!({ "key": row.text("key"), "name": row.text("name"), "form": row.text("form"),
            "awarding_party_id": key(row.text("awarding_party_key")), "platform_site_id": key(row.text("platform_site_key")) });
        let answer = api.post(ADMIN, "/v1/groups", &format!("group/{}", row.text("key")), &body).await?;
        let id = answer["id"].as_str().with_context(|| format!("no id in {answer}"))?;
        ids.groups.insert(row.text("key").to_owned(), id.to_owned());
    }
    for (group, rows) in data.by("members.csv", "group_key") {
        let members: Vec<Value> = rows
            .iter()
            .map(|row| {
                json!({ "party_id": key(row.text("party_key")), "kind": row.text("kind"), "valid_from": row.text("valid_from"),
                    "valid_to": row.text("valid_to") })
            })
            .collect();
        let path = format!("/v1/groups/{}/members/add", ids.groups[group]);
        api.post(ADMIN, &path, &format!("members/{group}"), &json!({ "members": members })).await?;
    }
    people(api, data, password).await?;
    delegations(api, data, ids).await?;
    articles(api, data, ids).await
}

/// Each recorded by the officer of the group, who acts for the party in whose name is signed.
async fn delegations(api: &Api, data: &Data, ids: &Ids) -> anyhow::Result<()> {
    let people = People::read(data);
    for (index, row) in data.table("delegations.csv").rows().enumerate() {
        let group = row.text("group_key");
        let acts: Vec<&str> = row.text("acts").split('|').collect();
        let body = json!({ "to_party_id": ids.parties[row.text("to_party_key")], "acts": acts,
            "amount_max_cents": row.text("amount_max_cents").parse::<i64>().ok(), "valid_from": row.text("valid_from"),
            "valid_to": none_if_empty(row.text("valid_to")), "evidence": row.text("evidence") });
        let path = format!("/v1/groups/{}/delegations", ids.groups[group]);
        api.post(&people.officers[group], &path, &format!("delegation/{index}"), &body).await?;
    }
    Ok(())
}

async fn people(api: &Api, data: &Data, password: &str) -> anyhow::Result<()> {
    let grants = data.by("grants.csv", "login");
    let mut people = Vec::new();
    for row in data.table("people.csv").rows().filter(|row| row.text("login") != ADMIN) {
        let login = row.text("login");
        let grants: Vec<Value> = grants
            .get(login)
            .into_iter()
            .flatten()
            .map(|grant| {
                json!({ "role": grant.text("role"), "group_id": key(grant.text("group_key")), "party_id": key(grant.text("party_key")) })
            })
            .collect();
        people.push(json!({ "login": login, "name": row.text("name"), "email": row.text("email"), "password": password, "grants": grants }));
        api.know(login, password);
    }
    for (index, chunk) in people.chunks(200).enumerate() {
        api.post(ADMIN, "/v1/people/register", &format!("people/{index}"), &json!({ "people": chunk })).await?;
    }
    Ok(())
}

fn none_if_empty(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { Value::String(text.to_owned()) }
}

fn identifiers(row: &Row<'_>) -> Vec<Value> {
    [("CIP13", row.text("cip13")), ("GTIN", row.text("gtin"))]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(scheme, value)| json!({ "scheme": scheme, "value": value }))
        .collect()
}

async fn articles(api: &Api, data: &Data, ids: &mut Ids) -> anyhow::Result<()> {
    let packagings = data.by("packagings.csv", "article_key");
    let mut articles = Vec::new();
    for row in data.table("articles.csv").rows() {
        let levels: Vec<Value> = packagings
            .get(row.text("key"))
            .into_iter()
            .flatten()
            .map(|level| {
                let count: i64 = level.text("contains_count").parse().unwrap_or(0);
                json!({ "code": level.text("code"), "label": level.text("label"), "contains_code": level.text("contains_code"),
                    "contains_count": count, "orderable": level.text("orderable") == "true", "identifiers": identifiers(level) })
            })
            .collect();
        articles.push(json!({ "key": row.text("key"), "label": row.text("label"), "kind": row.text("kind"), "base_unit": row.text("base_unit"),
            "base_unit_label": row.text("base_unit_label"), "cpv": row.text("cpv"), "atc": row.text("atc"),
            "storage_class": row.text("storage_class"), "required_authorisation": row.text("required_authorisation"),
            "medicine": row.text("medicine") == "true", "sterile_device": row.text("sterile_device") == "true",
            "vat_rate": row.text("vat_rate"), "packagings": levels }));
    }
    for (index, chunk) in articles.chunks(500).enumerate() {
        let answer = api
            .post(ADMIN, "/v1/articles/register", &format!("articles/{index}"), &json!({ "articles": chunk }))
            .await?;
        record(&mut ids.articles, &answer, "articles")?;
    }
    Ok(())
}

/// Enters a group's agreements and prices.
///
/// # Errors
/// When something is refused.
pub async fn agreements(api: &Api, data: &Data, ids: &mut Ids, people: &People, group: &str) -> anyhow::Result<()> {
    let officer = &people.officers[group];
    let base = format!("/v1/groups/{}", ids.groups[group]);
    let (lots, beneficiaries) = (data.by("lots.csv", "agreement_key"), data.by("beneficiaries.csv", "agreement_key"));
    for row in data.table("agreements.csv").rows().filter(|row| row.text("group_key") == group) {
        let agreement = row.text("key");
        let whole = |row: &Row<'_>, column: &str| row.text(column).parse::<i64>().unwrap_or(0);
        let lots: Vec<Value> = lots
            .get(agreement)
            .into_iter()
            .flatten()
            .map(|lot| {
                json!({ "number": whole(lot, "lot_number"), "title": lot.text("title"), "holder_id": ids.parties[lot.text("holder_party_key")],
                    "maximum_cents": whole(lot, "maximum_cents"), "minimum_cents": whole(lot, "minimum_cents"),
                    "opening_consumed_cents": whole(lot, "consumed_cents") })
            })
            .collect();
        let named: Vec<Value> = beneficiaries
            .get(agreement)
            .into_iter()
            .flatten()
            .map(|row| {
                json!({ "party_id": ids.parties[row.text("party_key")], "valid_from": row.text("valid_from"), "valid_to": row.text("valid_to") })
            })
            .collect();
        let body = json!({ "key": agreement, "number": row.text("number"), "title": row.text("title"), "role": row.text("role"),
            "tier_basis": row.text("tier_basis"), "starts_on": row.text("starts_on"), "ends_on": row.text("ends_on"),
            "awarding_party_id": ids.parties[row.text("awarding_party_key")], "source": row.text("source"), "lots": lots,
            "beneficiaries": named });
        let answer = api.post(officer, &format!("{base}/agreements"), &format!("agreement/{agreement}"), &body).await?;
        ids.agreements.insert(agreement.to_owned(), answer["id"].as_str().context("no agreement id")?.to_owned());
        for lot in answer["lots"].as_array().context("no lots")? {
            let id = lot["id"].as_str().context("no lot id")?.to_owned();
            ids.lots.insert((agreement.to_owned(), lot["number"].to_string()), id);
        }
        prices(api, data, ids, officer, &base, agreement).await?;
    }
    Ok(())
}

async fn prices(api: &Api, data: &Data, ids: &Ids, officer: &str, base: &str, agreement: &str) -> anyhow::Result<()> {
    let holders: HashMap<(&str, &str), &str> = data
        .table("lots.csv")
        .rows()
        .map(|row| ((row.text("agreement_key"), row.text("lot_number")), row.text("holder_party_key")))
        .collect();
    // Lines with the same lot, article, pack and period are tiers of one price.
    let mut prices: Vec<(String, Value)> = Vec::new();
    for row in data.table("prices.csv").rows().filter(|row| row.text("agreement_key") == agreement) {
        let tier = json!({ "min_units": row.text("tier_min_units").parse::<i64>().unwrap_or(0), "unit_price": row.text("unit_price") });
        let identity = ["lot_number", "article_key", "packaging_code", "valid_from", "valid_to"]
            .map(|column| row.text(column))
            .join("|");
        if let Some((_, price)) = prices.iter_mut().find(|(known, _)| *known == identity) {
            if let Some(tiers) = price["tiers"].as_array_mut() {
                tiers.push(tier);
            }
            continue;
        }
        let lot = row.text("lot_number");
        prices.push((
            identity,
            json!({ "agreement_id": ids.agreements[agreement], "lot_id": ids.lots[&(agreement.to_owned(), lot.to_owned())],
                "supplier_id": ids.parties[holders[&(agreement, lot)]], "article_id": ids.articles[row.text("article_key")],
                "packaging_code": row.text("packaging_code"),
                "order_multiple_packs": row.text("order_multiple_packs").parse::<i64>().unwrap_or(1), "tiers": [tier],
                "valid_from": row.text("valid_from"), "valid_to": row.text("valid_to") }),
        ));
    }
    let prices: Vec<Value> = prices.into_iter().map(|(_, price)| price).collect();
    for (index, chunk) in prices.chunks(500).enumerate() {
        api.post(
            officer,
            &format!("{base}/prices"),
            &format!("prices/{agreement}/{index}"),
            &json!({ "prices": chunk }),
        )
        .await?;
    }
    Ok(())
}

/// Enters what a group's members paid before.
///
/// # Errors
/// When something is refused.
pub async fn reference_prices(api: &Api, data: &Data, ids: &Ids, people: &People, group: &str) -> anyhow::Result<()> {
    let officer = &people.officers[group];
    let base = format!("/v1/groups/{}", ids.groups[group]);
    let prices: Vec<Value> = data
        .table("reference_prices.csv")
        .rows()
        .filter(|row| row.text("group_key") == group)
        .map(|row| {
            json!({ "party_id": ids.parties[row.text("party_key")], "article_id": ids.articles[row.text("article_key")],
                "unit_price": row.text("unit_price"), "dated_on": row.text("dated_on"), "evidence": row.text("evidence") })
        })
        .collect();
    for (index, chunk) in prices.chunks(1_000).enumerate() {
        let key = format!("reference/{group}/{index}");
        api.post(officer, &format!("{base}/reference-prices"), &key, &json!({ "prices": chunk })).await?;
    }
    Ok(())
}

/// Declares which packs the platforms open.
///
/// # Errors
/// When something is refused.
pub async fn break_bulk(api: &Api, data: &Data, ids: &Ids, people: &People) -> anyhow::Result<()> {
    let operator_of: HashMap<&str, &str> =
        data.table("sites.csv").rows().map(|row| (row.text("key"), row.text("party_key"))).collect();
    for (site, rows) in data.by("break_bulk.csv", "platform_site_key") {
        let entries: Vec<Value> = rows
            .iter()
            .map(|row| {
                json!({ "platform_site_id": ids.sites[site], "article_id": ids.articles[row.text("article_key")],
                    "packaging_code": row.text("packaging_code") })
            })
            .collect();
        let login = &people.operators[operator_of[site]];
        api.post(login, "/v1/platform/break-bulk", &format!("break-bulk/{site}"), &json!({ "entries": entries }))
            .await?;
    }
    Ok(())
}
