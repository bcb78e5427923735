//! The story: six steps that follow one establishment and one article through its season, in French. Prices, units and
//! savings are read from the API after the season has run; what a member would have paid at its own price is that price × its units.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, bail};
use kit::{
    french::{euros, grouped},
    money::amount_cents,
};
use rust_decimal::Decimal;
use serde_json::Value;

use super::season::{Season, text, whole};

/// A step: its title and its sentences.
pub struct Step {
    /// What it shows.
    pub title: String,
    /// Sentences with their figures.
    pub lines: Vec<String>,
}

/// Whom and what the story follows.
struct Scene<'a> {
    season: &'a Season<'a>,
    /// The pooled line of the article.
    line: Value,
    /// All members' order lines of it.
    parts: Vec<Value>,
    /// The receipt that came shortest, as it was shared.
    sharing: Option<Value>,
    /// What never comes, as it was shared.
    cancelled: Vec<Value>,
    article: String,
    member: String,
    /// What the member paid before, EUR per base unit, with day and evidence.
    before: Before,
    /// What each member paid before, EUR per base unit, by `pty_…`.
    all_before: BTreeMap<String, Decimal>,
    /// Names by `pty_…`.
    names: HashMap<String, String>,
}

/// Members named in one sentence at most.
const NAMED: usize = 3;

/// A price paid before, its day and its evidence.
type Before = (Decimal, String, String);

/// Tells the story of the most telling line of all seasons; none when no member has a reference price for anything ordered.
///
/// # Errors
/// When something cannot be read.
pub async fn tell(seasons: &[Season<'_>]) -> anyhow::Result<Vec<Step>> {
    let mut best = None;
    for season in seasons {
        if let Some((weight, scene)) = most_telling(season).await?
            && best.as_ref().is_none_or(|(most, _)| weight > *most)
        {
            best = Some((weight, scene));
        }
    }
    match best {
        Some((_, scene)) => scene.steps().await,
        None => Ok(Vec::new()),
    }
}

/// What makes a line worth telling, the first first: it came short, it reached a tier that the member alone does not reach,
/// somebody loses by it, and how much of what it paid before the member saves.
type Weight = (bool, bool, bool, Decimal);

/// The most telling line and member of a season, none when nobody ordered what it has a reference price for.
async fn most_telling<'a>(season: &'a Season<'a>) -> anyhow::Result<Option<(Weight, Scene<'a>)>> {
    let (base, officer) = (season.base(), season.officer());
    let lines = season.api.list(officer, &format!("{base}/plans/{}/lines", season.plan), "lines").await?;
    let parts = season.api.list(officer, &format!("{base}/order-lines"), "lines").await?;
    let allocations = season.api.list(officer, &format!("{base}/allocations"), "allocations").await?;
    let names: HashMap<String, String> = season
        .data
        .table("parties.csv")
        .rows()
        .map(|row| (season.ids.parties[row.text("key")].clone(), row.text("name").to_owned()))
        .collect();
    let mut before: BTreeMap<(&str, &str), Before> = BTreeMap::new();
    for row in season.data.table("reference_prices.csv").rows().filter(|row| row.text("group_key") == season.group) {
        let key =
            (season.ids.parties[row.text("party_key")].as_str(), season.ids.articles[row.text("article_key")].as_str());
        let price: Decimal = row.text("unit_price").parse().context("reference price")?;
        before.insert(key, (price, row.text("dated_on").to_owned(), row.text("evidence").to_owned()));
    }
    let mut found: Option<(Weight, Scene<'a>)> = None;
    for line in lines {
        let id = text(&line, "id")?;
        let of_line: Vec<Value> = parts.iter().filter(|part| part["pooled_line_id"] == id).cloned().collect();
        let sharing = allocations
            .iter()
            .filter(|one| one["cause"] == "RECEIPT" && one["pooled_line_id"] == id && shortage(one) > 0)
            .max_by_key(|one| shortage(one));
        let mut members: BTreeMap<&str, i64> = BTreeMap::new();
        for part in &of_line {
            *members.entry(text(part, "party_id")?).or_default() += whole(part, "units_ordered")?;
        }
        let pooled: Decimal = text(&line, "unit_price")?.parse().context("unit price")?;
        let article = text(&line, "article_id")?;
        let losers = members.keys().any(|&one| before.get(&(one, article)).is_some_and(|(paid, ..)| *paid < pooled));
        for (&member, &units) in &members {
            let Some(reference) = before.get(&(member, article)) else { continue };
            let saved = (reference.0 - pooled).checked_div(reference.0).unwrap_or_default();
            let weight =
                (sharing.is_some(), units < whole(&line, "tier_min_units")?, losers && saved > Decimal::ZERO, saved);
            if found.as_ref().is_some_and(|(most, _)| *most >= weight) {
                continue;
            }
            let scene = Scene {
                season,
                line: line.clone(),
                parts: of_line.clone(),
                sharing: sharing.cloned(),
                cancelled: allocations
                    .iter()
                    .filter(|one| one["cause"] == "CANCELLATION" && one["pooled_line_id"] == id)
                    .cloned()
                    .collect(),
                article: label(season, article)?,
                member: member.to_owned(),
                before: reference.clone(),
                all_before: members
                    .keys()
                    .filter_map(|&one| Some((one.to_owned(), before.get(&(one, article))?.0)))
                    .collect(),
                names: names.clone(),
            };
            found = Some((weight, scene));
        }
    }
    Ok(found)
}

/// Units that were waited for and did not come, of an allocation.
fn shortage(allocation: &Value) -> i64 {
    let sum = |field: &str| -> i64 {
        allocation["shares"].as_array().into_iter().flatten().filter_map(|share| share[field].as_i64()).sum()
    };
    sum("weight_units") - sum("units")
}

fn label(season: &Season<'_>, id: &str) -> anyhow::Result<String> {
    let key = season.ids.articles.iter().find(|(_, one)| *one == id).context("unknown article")?.0;
    let row = season.data.table("articles.csv").rows().find(|row| row.text("key") == key).context("unknown article")?;
    Ok(row.text("label").to_owned())
}

/// `0,0627 €`.
fn price(value: Decimal) -> String {
    format!("{} €", value.normalize()).replace('.', ",")
}

impl Scene<'_> {
    async fn steps(self) -> anyhow::Result<Vec<Step>> {
        Ok(vec![
            self.alone()?,
            self.together().await?,
            self.refused().await?,
            self.short()?,
            self.arrived().await?,
            self.gained().await?,
        ])
    }

    fn name(&self, party: &str) -> String {
        self.names.get(party).cloned().unwrap_or_else(|| party.to_owned())
    }

    fn link(&self, path: &str) -> String {
        self.season.api.link(&format!("{}{path}", self.season.base()))
    }

    fn own(&self) -> impl Iterator<Item = &Value> {
        self.parts.iter().filter(|part| part["party_id"] == self.member.as_str())
    }

    fn own_units(&self, field: &str) -> anyhow::Result<i64> {
        self.own().map(|part| whole(part, field)).sum()
    }

    fn alone(&self) -> anyhow::Result<Step> {
        let (paid, on, evidence) = &self.before;
        let units = self.own_units("units_ordered")?;
        Ok(Step {
            title: "L'an dernier, seul".to_owned(),
            lines: vec![
                format!("{} achetait seul « {} ».", self.name(&self.member), self.article),
                format!(
                    "Prix A : {} l'unité HT ({evidence}, {on}). Ses {} unités de cette saison lui auraient coûté {}.",
                    price(*paid),
                    grouped(units),
                    euros(amount_cents(*paid, units)?)
                ),
            ],
        })
    }

    async fn together(&self) -> anyhow::Result<Step> {
        let pooled: Decimal = text(&self.line, "unit_price")?.parse().context("unit price")?;
        let (units, tier) = (whole(&self.line, "units_ordered")?, whole(&self.line, "tier_min_units")?);
        let mut lines = vec![format!(
            "Prix B : {} l'unité HT, car {} membres commandent ensemble {} unités.",
            price(pooled),
            whole(&self.line, "member_count")?,
            grouped(units)
        )];
        if let Some(alone) = self.tier_alone().await?
            && alone > pooled
        {
            lines.push(format!(
                "Au même contrat mais seul, ses {} unités seraient payées {} : le palier commence à {} unités.",
                grouped(self.own_units("units_ordered")?),
                price(alone),
                grouped(tier)
            ));
            lines.push(format!("Le palier tombe grâce à : {}.", self.who_reaches(tier)?));
        }
        lines.push(format!("Chaque choix expliqué : {}", self.link(&format!("/plans/{}/lines", self.season.plan))));
        Ok(Step { title: "Cette année, ensemble".to_owned(), lines })
    }

    /// The price that the member would pay under the same lot for its own units.
    async fn tier_alone(&self) -> anyhow::Result<Option<Decimal>> {
        let article = text(&self.line, "article_id")?;
        let path = format!("{}/prices?article_id={article}", self.season.base());
        let prices = self.season.api.list(self.season.officer(), &path, "prices").await?;
        let units = self.own_units("units_ordered")?;
        let Some(found) = prices.iter().find(|one| one["lot_id"] == self.line["lot_id"]) else { return Ok(None) };
        let mut reached = None;
        for tier in found["tiers"].as_array().context("tiers")? {
            if whole(tier, "min_units")? <= units || reached.is_none() {
                reached = Some(text(tier, "unit_price")?.parse().context("tier")?);
            }
        }
        Ok(reached)
    }

    /// The members that together reach a quantity, the largest first.
    fn who_reaches(&self, tier: i64) -> anyhow::Result<String> {
        let mut members: BTreeMap<&str, i64> = BTreeMap::new();
        for part in &self.parts {
            *members.entry(text(part, "party_id")?).or_default() += whole(part, "units_ordered")?;
        }
        let mut largest: Vec<(&str, i64)> = members.into_iter().collect();
        largest.sort_by_key(|&(_, units)| std::cmp::Reverse(units));
        let mut sum = 0;
        let mut told = Vec::new();
        for (member, units) in largest {
            if sum >= tier {
                break;
            }
            sum += units;
            told.push(format!("{} ({})", self.name(member), grouped(units)));
        }
        let others = told.len().saturating_sub(NAMED);
        told.truncate(NAMED);
        if others > 0 {
            told.push(format!("{others} autres"));
        }
        Ok(format!("{} : ensemble {} unités", told.join(", "), grouped(sum)))
    }

    async fn refused(&self) -> anyhow::Result<Step> {
        let season = self.season;
        let orders = season.orders().await?;
        let mut lines = Vec::new();
        if let Some(order) = orders.iter().find(|order| order["state"] == "REFUSED") {
            let reason = order["reasons"].as_array().and_then(|all| all.last()).context("a refusal without reason")?;
            lines.push(format!("Commande {} : {}", text(order, "number")?, text(reason, "text")?));
            lines.push(format!("Règle {}, source : {}.", text(reason, "rule")?, text(reason, "source")?));
        } else if let Some(left_out) = self.left_out().await? {
            let reason = &left_out["reason"];
            lines.push(text(reason, "text")?.to_owned());
            lines.push(format!("Règle {}, source : {}.", text(reason, "rule")?, text(reason, "source")?));
        } else {
            lines.push("Aucune commande n'a été refusée dans ce groupement cette saison.".to_owned());
        }
        Ok(Step { title: "Une commande refusée, avec sa règle".to_owned(), lines })
    }

    async fn left_out(&self) -> anyhow::Result<Option<Value>> {
        let season = self.season;
        let path = format!("{}/plans/{}/exclusions", season.base(), season.plan);
        Ok(season.api.list(season.officer(), &path, "exclusions").await?.into_iter().next())
    }

    fn short(&self) -> anyhow::Result<Step> {
        let title = "Une livraison incomplète, partagée par la règle".to_owned();
        let Some(sharing) = &self.sharing else {
            return Ok(Step { title, lines: vec!["Tout ce qui était attendu est arrivé en une fois.".to_owned()] });
        };
        let shares = sharing["shares"].as_array().context("shares")?;
        let waited: i64 = shares.iter().map(|share| whole(share, "weight_units")).sum::<anyhow::Result<_>>()?;
        let mut lines = vec![format!(
            "{} expédie {} unités quand {} sont attendues à la plateforme.",
            self.name(text(&self.line, "supplier_id")?),
            grouped(whole(sharing, "units")?),
            grouped(waited)
        )];
        if let Some(rule) = sharing["rule"].as_object() {
            lines.push(rule.get("text").and_then(Value::as_str).unwrap_or_default().to_owned());
        }
        let never: i64 = self.cancelled.iter().map(|one| whole(one, "units")).sum::<anyhow::Result<_>>()?;
        if never > 0 {
            lines.push(format!(
                "{} unités ne viendront jamais : annulées par la même règle, et rendues au plafond du lot.",
                grouped(never)
            ));
        }
        let mut own = (0, 0);
        for share in shares.iter().filter(|share| share["party_id"] == self.member.as_str()) {
            own.0 += whole(share, "weight_units")?;
            own.1 += whole(share, "units")?;
        }
        lines.push(format!(
            "{} attendait {} unités, en reçoit {} d'abord. Tout membre peut refaire ce calcul : {} ({}).",
            self.name(&self.member),
            grouped(own.0),
            grouped(own.1),
            self.link("/allocations"),
            text(sharing, "id")?
        ));
        Ok(Step { title, lines })
    }

    async fn arrived(&self) -> anyhow::Result<Step> {
        let season = self.season;
        let [ordered, delivered, cancelled, outstanding] =
            ["units_ordered", "units_delivered", "units_cancelled", "units_outstanding"]
                .map(|field| self.own_units(field));
        let mut lines = vec![format!(
            "Commandé {} = livré et certifié {} + reste dû {} + annulé {}.",
            grouped(ordered?),
            grouped(delivered?),
            grouped(outstanding?),
            grouped(cancelled?)
        )];
        let own: Vec<&str> = self.own().filter_map(|part| part["id"].as_str()).collect();
        let path = format!("{}/deliveries", season.base());
        let order = self.own().next().map_or(Value::Null, |part| part["pooled_order_id"].clone());
        for delivery in season.api.list(season.officer(), &path, "deliveries").await? {
            // An order goes to the platform or straight to the sites: a delivery from the platform may hold several orders.
            let direct_of_another = delivery["pooled_order_id"].is_string() && delivery["pooled_order_id"] != order;
            if delivery["party_id"] != self.member.as_str() || direct_of_another {
                continue;
            }
            let whole_delivery =
                season.api.get(season.officer(), &format!("{path}/{}", text(&delivery, "id")?)).await?;
            let of_line = |line: &&Value| line["order_line_id"].as_str().is_some_and(|id| own.contains(&id));
            let lines_of = whole_delivery["lines"].as_array().context("lines")?;
            let units: i64 = lines_of.iter().filter(of_line).filter_map(|line| line["units"].as_i64()).sum();
            if units > 0 {
                lines.push(format!(
                    "Livraison {} : {} unités, remises à {}, service fait certifié par qui n'a pas commandé.",
                    text(&delivery, "number")?,
                    grouped(units),
                    whole_delivery["proof"]["signed_by"].as_str().unwrap_or("—")
                ));
            }
        }
        let forms = season.api.list(season.officer(), &format!("{}/order-forms", season.base()), "forms").await?;
        let own_form = self.own().next().and_then(|part| part["order_form_id"].as_str()).unwrap_or_default();
        if let Some(form) = forms.iter().find(|form| form["id"] == own_form) {
            lines.push(format!(
                "Bon de commande {}, engagement {}. Fichiers de la commande : {}",
                text(form, "number")?,
                form["commitment_number"].as_str().unwrap_or("non requis"),
                self.link(&format!("/pooled-orders/{}/file", text(form, "pooled_order_id")?))
            ));
        }
        Ok(Step { title: "Ce qui est arrivé".to_owned(), lines })
    }

    /// Members that paid less before than the pooled price.
    fn losing_on_article(&self) -> anyhow::Result<String> {
        let mut losing = Vec::new();
        for (party, before) in &self.all_before {
            let (mut units, mut paid) = (0, 0);
            for part in self.parts.iter().filter(|part| part["party_id"] == party.as_str()) {
                units += whole(part, "units_ordered")?;
                paid += whole(part, "amount_cents")?;
            }
            let gain = amount_cents(*before, units)? - paid;
            if gain < 0 {
                losing.push(format!("{} ({})", self.name(party), euros(gain)));
            }
        }
        Ok(match losing.len() {
            0 => "Sur cet article, aucun membre ne payait moins avant.".to_owned(),
            _ => format!("Sur cet article, ceux qui payaient moins avant y perdent : {}.", losing.join(", ")),
        })
    }

    async fn gained(&self) -> anyhow::Result<Step> {
        let season = self.season;
        let savings =
            season.api.get(season.officer(), &format!("{}/savings?round_id={}", season.base(), season.round)).await?;
        let members = savings["members"].as_array().context("members")?;
        let Some(own) = members.iter().find(|one| one["party_id"] == self.member.as_str()) else {
            bail!("{} has no savings line", self.member)
        };
        let units = self.own_units("units_ordered")?;
        let paid: i64 = self.own().map(|part| whole(part, "amount_cents")).sum::<anyhow::Result<_>>()?;
        let alone = amount_cents(self.before.0, units)?;
        let mut lines = vec![
            format!(
                "Sur cet article : {} au prix A, {} au prix B, soit {}.",
                euros(alone),
                euros(paid),
                euros(alone - paid)
            ),
            format!(
                "Sur la saison : {} pour {}, {} pour le groupement (HT, commandé, provisoire jusqu'à la facture).",
                euros(whole(own, "savings_cents")?),
                self.name(&self.member),
                euros(whole(&savings, "savings_cents")?)
            ),
        ];
        lines.push(self.losing_on_article()?);
        let mut losing = Vec::new();
        for member in members {
            let gain = whole(member, "savings_cents")?;
            if gain < 0 {
                losing.push(format!("{} ({})", self.name(text(member, "party_id")?), euros(gain)));
            }
        }
        lines.push(match losing.len() {
            0 => "Sur la saison entière, aucun membre n'y perd.".to_owned(),
            _ => format!("Sur la saison entière, y perdent : {}.", losing.join(", ")),
        });
        Ok(Step { title: "Les euros : les siens, ceux du groupement".to_owned(), lines })
    }
}
