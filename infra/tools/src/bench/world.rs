//! The data: establishments, articles, prices and needs made from a seed, entered through the public API. Names, firms and
//! prices are fictitious and say so.

use std::fmt::Write as _;

use anyhow::Context as _;
use chrono::{Days, NaiveDate};
use serde_json::{Value, json};

use super::Size;
use crate::demo::{api::Api, setup::ADMIN};

/// The seed of everything made at random.
pub const SEED: u64 = 20_261_121;
/// Suppliers, each the holder of one lot.
pub const LOTS: usize = 40;
/// The login that works in the groups.
pub const OFFICER: &str = "bench.officer";
/// Rows in one registration.
const BATCH: usize = 500;

/// Pseudo-random numbers (SplitMix64): the same everywhere for the same seed.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A series of its own for each `stream` of the seed.
    #[must_use]
    pub const fn new(stream: u64) -> Self {
        Self(SEED ^ stream.wrapping_mul(0xD134_2543_DE82_EF95))
    }

    /// The next number below `limit`.
    pub const fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// A group with what it buys under one agreement.
#[derive(Debug, Clone)]
pub struct Group {
    /// `grp_…`
    pub id: String,
    /// `agr_…`
    pub agreement: String,
    /// `lot_…`, one per supplier.
    pub lots: Vec<String>,
    /// Its members, by index into [`World::parties`].
    pub members: usize,
    /// Its articles, by index into [`World::articles`].
    pub articles: usize,
}

/// What was entered.
pub struct World {
    /// The public API.
    pub api: Api,
    /// How large it is.
    pub size: Size,
    /// `pty_…` of establishments; each has one site.
    pub parties: Vec<String>,
    /// `art_…`
    pub articles: Vec<String>,
    suppliers: Vec<String>,
}

/// A need of the generator.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// Index of the establishment.
    pub party: usize,
    /// Index of the article.
    pub article: usize,
    /// Base units.
    pub quantity: u64,
}

impl Line {
    /// `key:…` of the site.
    #[must_use]
    pub fn site(&self) -> String {
        format!("key:bs{:04}", self.party)
    }

    /// As a JSON need.
    #[must_use]
    pub fn json(&self, reference: &str) -> Value {
        json!({ "site": self.site(), "article": format!("key:b{:05}", self.article), "packaging_code": "UNIT",
            "quantity": self.quantity, "reference": reference })
    }
}

/// A CSV file of needs.
#[must_use]
pub fn csv(lines: &[Line]) -> Vec<u8> {
    let mut text = String::with_capacity(48 * lines.len() + 64);
    text.push_str("site;article;packaging;quantity;reference\r\n");
    for (number, line) in lines.iter().enumerate() {
        let Line { party, article, quantity } = line;
        let _ = write!(text, "key:bs{party:04};key:b{article:05};UNIT;{quantity};R{number:07}\r\n");
    }
    text.into_bytes()
}

/// Needs of so many establishments, `count` in all, each article at most once for each as long as there are enough.
#[must_use]
pub fn lines(establishments: usize, articles: usize, count: usize, stream: u64) -> Vec<Line> {
    let mut random = Random::new(stream);
    let mut lines = Vec::with_capacity(count);
    for party in 0..establishments {
        let share = count / establishments + usize::from(party < count % establishments);
        let start = usize::try_from(random.below(articles as u64)).unwrap_or(0);
        for nth in 0..share {
            // A stride that shares no factor with the number of articles meets each once before any twice.
            let article = (start + nth * 7_919) % articles;
            lines.push(Line { party, article, quantity: 1 + random.below(49) });
        }
    }
    lines
}

/// Base units in the box of an article, and its price in millionths of a euro per unit.
fn terms(article: usize) -> (u64, u64) {
    let mut random = Random::new(1_000_000 + article as u64);
    ([10, 20, 30, 50, 100][usize::try_from(random.below(5)).unwrap_or(0)], 10_000 + random.below(2_000_000))
}

/// Unit prices of an article from its three quantities on.
fn tiers(article: usize) -> Value {
    let (_, millionths) = terms(article);
    let price = |percent: u64| {
        let millionths = millionths * percent / 100;
        format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000)
    };
    json!([
        { "min_units": 0, "unit_price": price(100) }, { "min_units": 500, "unit_price": price(95) },
        { "min_units": 1_500, "unit_price": price(88) },
    ])
}

fn today() -> NaiveDate {
    kit::clock::technical_now().date_naive()
}

fn ids(answer: &Value, field: &str) -> anyhow::Result<Vec<String>> {
    let rows = answer[field].as_array().with_context(|| format!("no `{field}` in {answer}"))?;
    rows.iter().map(|row| Ok(row["id"].as_str().context("no id")?.to_owned())).collect()
}

/// A text field of an answer.
///
/// # Errors
/// When it is not there.
pub fn text(answer: &Value, field: &str) -> anyhow::Result<String> {
    Ok(answer[field].as_str().with_context(|| format!("no `{field}` in {answer}"))?.to_owned())
}

impl World {
    /// Registers firms, establishments, sites and articles.
    ///
    /// # Errors
    /// When something is refused.
    pub async fn enter(api: Api, size: Size) -> anyhow::Result<Self> {
        let mut world = Self { api, size, parties: Vec::new(), articles: Vec::new(), suppliers: Vec::new() };
        let firms: Vec<Value> = (0..LOTS)
            .map(|n| json!({ "key": format!("bf{n:02}"), "kind": "FIRM", "name": format!("Fournisseur FICTIF {n:02}"), "buyer_status_evidence": "" }))
            .collect();
        world.suppliers = world.register("parties", &firms).await?;
        let establishments: Vec<Value> = (0..size.establishments)
            .map(|n| {
                json!({ "key": format!("be{n:04}"), "kind": "ESTABLISHMENT", "name": format!("Clinique FICTIVE {n:04}"),
                    "buyer_status": "ASSERTED_NOT", "buyer_status_evidence": "Déclaration FICTIVE", "buyer_status_on": "2026-01-01" })
            })
            .collect();
        world.parties = world.register("parties", &establishments).await?;
        let sites: Vec<Value> = (0..size.establishments)
            .map(|n| {
                json!({ "key": format!("bs{n:04}"), "party_id": format!("key:be{n:04}"), "name": format!("Site FICTIF {n:04}"),
                    "address": "1 RUE FICTIVE", "postcode": "35000", "city": "RENNES", "authorisations": [] })
            })
            .collect();
        world.register("sites", &sites).await?;
        let articles: Vec<Value> = (0..size.articles).map(|n| article(n, "")).collect();
        world.articles = world.register("articles", &articles).await?;
        Ok(world)
    }

    async fn register(&self, kind: &str, rows: &[Value]) -> anyhow::Result<Vec<String>> {
        let mut given = Vec::with_capacity(rows.len());
        for (index, chunk) in rows.chunks(BATCH).enumerate() {
            let key =
                format!("{kind}/{index}/{}", chunk.first().and_then(|row| row["key"].as_str()).unwrap_or_default());
            let answer = self.api.post(ADMIN, &format!("/v1/{kind}/register"), &key, &json!({ kind: chunk })).await?;
            given.extend(ids(&answer, kind)?);
        }
        Ok(given)
    }

    /// Changes an article's label through the API.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn relabel(&self, index: usize, suffix: &str) -> anyhow::Result<()> {
        let body = json!({ "articles": [article(index, suffix)] });
        self.api.post(ADMIN, "/v1/articles/register", &format!("relabel/{index}/{suffix}"), &body).await?;
        Ok(())
    }

    /// A group of the first establishments that buys the first articles under an agreement with one lot per supplier.
    ///
    /// # Errors
    /// When something is refused.
    pub async fn group(&self, key: &str, members: usize, articles: usize) -> anyhow::Result<Group> {
        let body = json!({ "key": key, "name": format!("GIE FICTIF {key}"), "form": "GIE", "awarding_party_id": self.parties[0] });
        let group = text(&self.api.post(ADMIN, "/v1/groups", &format!("group/{key}"), &body).await?, "id")?;
        let rows: Vec<Value> = self.parties[..members]
            .iter()
            .map(|id| json!({ "party_id": id, "kind": "FULL", "valid_from": "2026-01-01", "valid_to": null }))
            .collect();
        for (index, chunk) in rows.chunks(BATCH).enumerate() {
            let path = format!("/v1/groups/{group}/members/add");
            self.api.post(ADMIN, &path, &format!("members/{key}/{index}"), &json!({ "members": chunk })).await?;
        }
        self.officer(&group, key).await?;
        let (agreement, lots) = self.agreement(&group, key, members).await?;
        let group = Group { id: group, agreement, lots, members, articles };
        self.prices(&group, key).await?;
        Ok(group)
    }

    /// One officer per group, named after it, so that every session is in one group.
    async fn officer(&self, group: &str, key: &str) -> anyhow::Result<()> {
        let login = officer(key);
        let password = format!("mot de passe FICTIF {key}");
        self.api.know(&login, &password);
        let person = json!({ "login": login, "name": "Camille FICTIF", "email": format!("{login}@example.org"), "password": password,
            "grants": [{ "role": "PURCHASING_OFFICER", "group_id": group, "party_id": self.parties[0] }] });
        self.api.post(ADMIN, "/v1/people/register", &format!("people/{key}"), &json!({ "people": [person] })).await?;
        Ok(())
    }

    async fn agreement(&self, group: &str, key: &str, members: usize) -> anyhow::Result<(String, Vec<String>)> {
        let lots: Vec<Value> = (0..LOTS)
            .map(|n| {
                json!({ "number": n + 1, "title": format!("Lot FICTIF {n:02}"), "holder_id": self.suppliers[n],
                    "maximum_cents": 900_000_000_000_000_i64, "minimum_cents": 0, "opening_consumed_cents": 0 })
            })
            .collect();
        let named: Vec<Value> = self.parties[..members]
            .iter()
            .map(|id| json!({ "party_id": id, "valid_from": "2026-01-01", "valid_to": null }))
            .collect();
        let body = json!({ "key": key, "number": format!("FICTIF-{key}"), "title": "Accord-cadre FICTIF", "role": "INTERMEDIARY",
            "tier_basis": "POOLED_ORDER", "starts_on": "2026-01-01", "ends_on": "2029-12-31", "awarding_party_id": self.parties[0],
            "source": "Données FICTIVES d'infra/bench", "lots": lots, "beneficiaries": named });
        let path = format!("/v1/groups/{group}/agreements");
        let answer = self.api.post(&officer(key), &path, &format!("agreement/{key}"), &body).await?;
        Ok((text(&answer, "id")?, ids(&answer, "lots")?))
    }

    async fn prices(&self, group: &Group, key: &str) -> anyhow::Result<()> {
        let prices: Vec<Value> = (0..group.articles)
            .map(|n| {
                json!({ "agreement_id": group.agreement, "lot_id": group.lots[n % LOTS], "supplier_id": self.suppliers[n % LOTS],
                    "article_id": self.articles[n], "packaging_code": "BOX", "order_multiple_packs": 1, "tiers": tiers(n),
                    "valid_from": "2026-01-01", "valid_to": "2029-12-31" })
            })
            .collect();
        for (index, chunk) in prices.chunks(BATCH).enumerate() {
            let path = format!("/v1/groups/{}/prices", group.id);
            self.api.post(&officer(key), &path, &format!("prices/{key}/{index}"), &json!({ "prices": chunk })).await?;
        }
        Ok(())
    }

    /// Opens a round of a group with direct delivery.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn round(&self, group: &Group, key: &str, title: &str) -> anyhow::Result<String> {
        let opens = today() - Days::new(1);
        let closes = today() + Days::new(30);
        let body = json!({ "title": format!("Campagne FICTIVE {title}"), "opens_at": format!("{opens}T00:00:00Z"),
            "closes_at": format!("{closes}T16:00:00Z"), "platform_site_id": "", "agreement_ids": [group.agreement] });
        let path = format!("/v1/groups/{}/rounds", group.id);
        text(&self.api.post(&officer(key), &path, &format!("round/{key}/{title}"), &body).await?, "id")
    }
}

/// The login of a group's officer.
#[must_use]
pub fn officer(key: &str) -> String {
    format!("{OFFICER}.{key}")
}

fn article(n: usize, suffix: &str) -> Value {
    let (pack, _) = terms(n);
    json!({ "key": format!("b{n:05}"), "label": format!("Article FICTIF {n:05}{suffix}"), "kind": "GOODS", "base_unit": "C62",
        "base_unit_label": "unité", "cpv": "", "atc": "", "storage_class": "AMBIENT", "required_authorisation": "", "medicine": false,
        "sterile_device": false, "vat_rate": "20",
        "packagings": [
            { "code": "UNIT", "label": "unité", "contains_code": "", "contains_count": 0, "orderable": false, "identifiers": [] },
            { "code": "BOX", "label": format!("boîte de {pack}"), "contains_code": "UNIT", "contains_count": pack, "orderable": true,
              "identifiers": [] },
        ] })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_needs_and_no_article_twice_for_one_establishment() {
        let made = lines(9, 200, 1_000, 1);
        assert_eq!(made.len(), 1_000);
        assert_eq!(csv(&made), csv(&lines(9, 200, 1_000, 1)));
        let distinct: HashSet<(usize, usize)> = made.iter().map(|line| (line.party, line.article)).collect();
        assert_eq!(distinct.len(), 1_000);
        assert!(made.iter().all(|line| (1..50).contains(&line.quantity)));
    }
}
