//! How the GCS finances itself: contributions, a grant that falls to zero, declared savings apart, and from when it pays for itself.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use kit::french::euros;
use serde_json::{Value, json};

use super::super::{
    Shown,
    player::{Player, elements, sum},
};
use crate::demo::season::{text, whole};

/// The first month of the group's own rules.
const FROM: &str = "2026-01";

/// Runs it, after the season.
///
/// # Errors
/// When the figures do not agree.
pub(super) async fn run(player: &Player<'_>) -> anyhow::Result<Vec<Shown>> {
    for path in ["/contribution-rules", "/grants", "/logistics-costs"] {
        player.post_file(path).await?;
    }
    let today = text(&player.stage.api.get(player.officer, "/v1/clock").await?, "now")?.to_owned();
    let year = &today[..4];
    let mut shown = contributions(player, year).await?;
    shown.push(grant(player).await?);
    shown.push(invoices(player, &today).await?);
    shown.push(declared(player).await?);
    shown.extend(view(player, year).await?);
    Ok(shown)
}

/// What members owe for the year of the order, by rule; one of them reaches its cap.
async fn contributions(player: &Player<'_>, year: &str) -> anyhow::Result<Vec<Shown>> {
    let owed = player.get(&format!("/contributions?from_month={year}-01&to_month={year}-12")).await?;
    let rules = player.get("/contribution-rules").await?;
    let mut by_rule: BTreeMap<&str, i64> = BTreeMap::new();
    let mut capped: Option<(&str, &Value)> = None;
    let cap = elements(&rules, "rules")?
        .iter()
        .find(|rule| rule["key"] == "tranches")
        .and_then(|rule| rule["yearly_cap_cents"].as_i64())
        .context("no cap")?;
    for member in elements(&owed, "members")? {
        ensure!(sum(elements(member, "lines")?, "amount_cents") == whole(member, "total_cents")?, "{member}");
        for line in elements(member, "lines")? {
            *by_rule.entry(text(line, "label")?).or_default() += whole(line, "amount_cents")?;
            if line["rule_key"] == "tranches" && line["amount_cents"] == cap {
                capped = Some((text(member, "name")?, line));
            }
        }
    }
    ensure!(by_rule.values().sum::<i64>() == whole(&owed, "total_cents")?, "the lines are not the total: {owed}");
    for key in ["forfait", "depense", "commande", "tranches", "equipe"] {
        ensure!(owed.to_string().contains(&format!("\"rule_key\":\"{key}\"")), "nobody owes under {key}");
    }
    let (name, line) = capped.context("nobody reaches the cap")?;
    let parts: Vec<String> = by_rule.iter().map(|(label, cents)| format!("{label} {}", euros(*cents))).collect();
    Ok(vec![
        Shown::new(
            "Contributions, ligne par ligne",
            format!(
                "{} adhérents, {} : {}",
                elements(&owed, "members")?.len(),
                euros(whole(&owed, "total_cents")?),
                parts.join(", ")
            ),
        ),
        Shown::new("  le plafond", format!("{name} : {}", text(&line["reason"], "text")?)),
    ])
}

/// The grant's steps, down to nothing.
async fn grant(player: &Player<'_>) -> anyhow::Result<Shown> {
    let grants = player.get("/grants").await?;
    let steps = elements(&grants, "steps")?;
    let amounts: Vec<i64> = steps.iter().map(|step| whole(step, "yearly_cents")).collect::<anyhow::Result<_>>()?;
    ensure!(amounts.windows(2).all(|pair| pair[1] < pair[0]) && amounts.last() == Some(&0), "not to zero: {grants}");
    let steps: Vec<String> = steps
        .iter()
        .zip(&amounts)
        .map(|(step, cents)| Ok(format!("dès le {} {}", text(step, "valid_from")?, euros(*cents))))
        .collect::<anyhow::Result<_>>()?;
    Ok(Shown::new("Subvention, jusqu'à zéro", steps.join(", ")))
}

/// Invoices of the months that are over, exported.
async fn invoices(player: &Player<'_>, today: &str) -> anyhow::Result<Shown> {
    let month: u32 = today[5..7].parse()?;
    let last = if today.starts_with("2026") { month.saturating_sub(1).max(1) } else { 12 };
    let period = json!({ "from_month": FROM, "to_month": format!("2026-{last:02}") });
    let issued = player.post("/contribution-invoices", "invoices", &period).await?;
    let invoices = elements(&issued, "invoices")?;
    for invoice in invoices {
        ensure!(sum(elements(invoice, "lines")?, "amount_cents") == whole(invoice, "total_cents")?, "{invoice}");
    }
    let again = player.refused("/contribution-invoices", "invoices/again", &period, "PERIOD_INVOICED").await?;
    let first = invoices.first().context("no invoice")?;
    let csv = player.get(&format!("/contribution-invoices/{}/file", text(first, "id")?)).await?;
    let rows = csv.as_str().map_or(0, |csv| csv.lines().count());
    ensure!(rows == 1 + elements(first, "lines")?.len(), "not the invoice's lines: {csv}");
    Ok(Shown::new(
        "Factures, figées et exportées",
        format!(
            "{} de {FROM} à 2026-{last:02}, {} au total ; de nouveau : {again}",
            invoices.len(),
            euros(sum(invoices, "total_cents"))
        ),
    ))
}

/// Members declare exams that they did not repeat.
async fn declared(player: &Player<'_>) -> anyhow::Result<Shown> {
    let path = format!("{}/declared-savings", player.base);
    let mut said = Vec::new();
    for (index, saving) in player.list_of("declared_savings.json")?.iter().enumerate() {
        let login = text(saving, "party_id")?.replace("key:", "demandeur.");
        let answer = player.stage.api.post(&login, &path, &format!("declared/{index}"), saving).await?;
        said.push(format!(
            "{} {} ({}), pièce : {}",
            whole(&answer, "quantity")?,
            text(&answer, "label")?,
            euros(whole(&answer, "amount_cents")?),
            text(&answer, "evidence")?
        ));
    }
    Ok(Shown::new("Gains déclarés, à part", said.join(" ; ")))
}

/// Saving − fees − logistics, by member and for the group.
async fn view(player: &Player<'_>, year: &str) -> anyhow::Result<Vec<Shown>> {
    let path = format!("/self-financing?from_month={FROM}&to_month={year}-12");
    let view = player.get(&path).await?;
    let total = &view["total"];
    let [realised, fees, logistics, grants, balance, declared] =
        ["realised_saving_cents", "fees_cents", "logistics_cents", "grants_cents", "balance_cents", "declared_cents"]
            .map(|field| whole(total, field));
    let (realised, fees, logistics, grants, balance) = (realised?, fees?, logistics?, grants?, balance?);
    let declared = declared?;
    ensure!(balance == realised - fees - logistics, "declared savings or grants are in the balance: {total}");
    let entered = sum(&player.list("/declared-savings", "savings").await?, "amount_cents");
    ensure!(declared == entered && declared > 0, "declared: {declared}, not {entered}");
    let from = view["pays_for_itself_from"].as_str().with_context(|| format!("does not pay for itself: {total}"))?;
    let months = elements(&view, "months")?;
    let before = months.iter().take_while(|month| month["month"].as_str() < Some(from)).last();
    let members = elements(&view, "members")?;
    let of_members: i64 = members.iter().filter_map(|one| one["total"]["balance_cents"].as_i64()).sum();
    ensure!(of_members == balance, "members come to {of_members}, the group to {balance}");
    let gaining = members.iter().filter(|one| one["total"]["balance_cents"].as_i64() > Some(0)).count();
    let own = player.stage.api.get("demandeur.gcs-clinique-01", &format!("{}{path}", player.base)).await?;
    ensure!(elements(&own, "members")?.len() == 1 && own.get("total").is_none(), "a member sees others: {own}");
    let mut shown = vec![
        Shown::new(
            "Autofinancement",
            format!(
                "gain réalisé {} − contributions {} − logistique {} = {} ; hors subvention ({}) et hors gains déclarés ({})",
                euros(realised),
                euros(fees),
                euros(logistics),
                euros(balance),
                euros(grants),
                euros(declared)
            ),
        ),
        Shown::new(
            "  adhérent par adhérent",
            format!("{gaining} sur {} y gagnent déjà ; chacun ne voit que lui", members.len()),
        ),
    ];
    let cumulated = before.map(|month| whole(month, "cumulated_cents")).transpose()?;
    ensure!(cumulated.is_none_or(|cents| cents < 0), "it paid for itself before {from}");
    let until = cumulated.map_or_else(String::new, |cents| format!(" ; le mois d'avant, cumul {}", euros(cents)));
    shown.push(Shown::new("  le groupement se paie", format!("à partir de {from}{until}")));
    Ok(shown)
}
