//! `gcs`: an e-health GCS of 113 members of seven kinds with an elected administrator. It buys services for its own members, was first
//! funded by the regional agency, and is meant to finance itself from the savings (`finance`).
//!
//! Its own files, beside those of a season: `adherents.csv` (the members file), and bodies of requests: `voting_rights.json`,
//! `decision_rules.json`, `offices.json`, `elections.json`, `mandates.json`, `delegation.json`, `contribution_rules.json`, `grants.json`,
//! `logistics_costs.json`, `declared_savings.json`.

mod finance;

use std::{collections::BTreeMap, fs};

use anyhow::{Context as _, ensure};
use kit::french::{euros, grouped};
use serde_json::{Value, json};

use super::{
    Shown, Stage,
    player::{Player, elements, sum},
};
use crate::demo::{
    season::{Season, text, whole},
    setup::ADMIN,
};

const GROUP: &str = "gcs";
const GHT: &str = "gcs-ght";
const AGREEMENT: &str = "gcs-services";
/// Parties to the GHT: one gets its support's delegation, the other does not.
const DELEGATED: &str = "gcs-ch-dolmen";
const NOT_DELEGATED: &str = "gcs-ch-cairn";
/// Named in the agreement; has left the group.
const FORMER: &str = "gcs-ancien";

/// Runs it.
///
/// # Errors
/// When something is refused that should not be, or accepted that should not be.
pub async fn run(stage: &Stage<'_>) -> anyhow::Result<Vec<Shown>> {
    let cast = stage.load().await?;
    let player = Player::new(stage, &cast, GROUP);
    let mut shown = members(&player).await?;
    shown.extend(governance(&player).await?);
    shown.push(own_members(&player).await?);
    shown.extend(delegation(&player).await?);
    shown.extend(Box::pin(purchases(&player)).await?);
    shown.extend(finance::run(&player).await?);
    Ok(shown)
}

/// Those who order are there already; the others come by the members file. Each is of a college with its votes.
async fn members(player: &Player<'_>) -> anyhow::Result<Vec<Shown>> {
    let file = fs::read(player.stage.dir.join("adherents.csv"))?;
    let path = format!("{}/members/file", player.base);
    let report = player.stage.api.try_post_csv(ADMIN, &path, file).await??;
    player.post_file("/voting-rights").await?;
    let members = player.list("/members", "members").await?;
    let rights = player.list("/voting-rights", "rights").await?;
    let mut colleges: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for right in &rights {
        let college = colleges.entry(text(right, "college")?).or_default();
        *college = (college.0 + 1, college.1 + whole(right, "votes")?);
    }
    ensure!(members.len() == 113 && rights.len() == 113, "{} members, {} with votes", members.len(), rights.len());
    let mut counts: Vec<i64> = colleges.values().map(|(members, _)| *members).collect();
    counts.sort_unstable();
    ensure!(counts == [1, 2, 3, 7, 11, 18, 71], "not the seven kinds: {colleges:?}");
    let unknown = members.iter().filter(|member| member["buyer_status"] == "UNKNOWN").count();
    ensure!(unknown > 0, "nobody's status is unknown");
    let kinds: Vec<String> =
        colleges.iter().map(|(college, (members, votes))| format!("{college} {members} ({votes} voix)")).collect();
    Ok(vec![
        Shown::new(
            "Adhérents de sept sortes",
            format!(
                "{} dont {} par fichier ({} lignes déjà connues) : {}",
                members.len(),
                whole(&report, "members_added")?,
                whole(&report, "unchanged")?,
                kinds.join(", ")
            ),
        ),
        Shown::new(
            "Statut d'acheteur",
            format!("{unknown} adhérents de statut inconnu, montrés comme tels et tenus pour pouvoirs adjudicateurs"),
        ),
    ])
}

/// Too few come to elect the administrator; the second call elects it, and only that gives a mandate.
async fn governance(player: &Player<'_>) -> anyhow::Result<Vec<Shown>> {
    player.post_file("/decision-rules").await?;
    player.post_file("/offices").await?;
    let mut elections = Vec::new();
    for (index, election) in player.list_of("elections.json")?.iter().enumerate() {
        elections.push(player.post("/decisions", &format!("election/{index}"), election).await?);
    }
    let [failed, elected, deputy] = &elections[..] else { anyhow::bail!("{} elections", elections.len()) };
    for (decision, state) in [(failed, "NO_QUORUM"), (elected, "ADOPTED"), (deputy, "ADOPTED")] {
        ensure!(decision["state"] == state, "not {state}: {decision}");
    }
    let mandates = player.list_of("mandates.json")?;
    let of = |index: usize, decision: &Value| {
        let mut mandate = mandates.get(index).cloned().context("mandates.json")?;
        mandate["decision_id"] = decision["id"].clone();
        anyhow::Ok(mandate)
    };
    let refused = player.refused("/mandates", "mandate/no-quorum", &of(0, failed)?, "MANDATE_REFUSED").await?;
    player.post("/mandates", "mandate/administrator", &of(0, elected)?).await?;
    player.post("/mandates", "mandate/deputy", &of(1, deputy)?).await?;
    let mut long = of(0, elected)?;
    (long["starts_on"], long["ends_on"]) = (json!("2029-07-01"), json!("2034-06-30"));
    let too_long = player.refused("/mandates", "mandate/long", &long, "MANDATE_REFUSED").await?;
    let offices = player.get("/offices").await?;
    let mut holders = Vec::new();
    for office in elements(&offices, "offices")? {
        ensure!(office["vacant"] == 0, "vacant: {office}");
        for mandate in elements(office, "holders")? {
            let [name, from, to] = ["holder_name", "starts_on", "ends_on"].map(|field| text(mandate, field));
            let office = if mandate["office"] == "ADMINISTRATOR" { "administrateur" } else { "suppléant" };
            holders.push(format!("{office} {} ({}), du {} au {}", name?, text(mandate, "party_name")?, from?, to?));
        }
    }
    Ok(vec![
        Shown::new("Assemblée sans quorum", reasons(failed)?),
        Shown::new("Élection, voix pondérées", reasons(elected)?),
        Shown::new("Élection du suppléant", reasons(deputy)?),
        Shown::new("Mandat sans élection valable", refused),
        Shown::new("Mandat trop long", too_long),
        Shown::new("Mandats en cours", holders.join(" ; ")),
    ])
}

/// Number and reasons of a decision.
fn reasons(decision: &Value) -> anyhow::Result<String> {
    let texts: Vec<&str> =
        elements(decision, "reasons")?.iter().map(|reason| text(reason, "text")).collect::<anyhow::Result<_>>()?;
    Ok(format!("{} : {}", text(decision, "number")?, texts.join(" ")))
}

/// A GCS of means buys for its own members only: who left is refused although the agreement names it.
async fn own_members(player: &Player<'_>) -> anyhow::Result<Shown> {
    let refused = player.entitled(FORMER, AGREEMENT, "NOT_A_MEMBER", "").await?;
    ensure!(text(&refused["reason"], "source")?.contains("L6133"), "not the article: {refused}");
    let then = player.entitled(FORMER, AGREEMENT, "ENTITLED", "&on=2025-12-31").await?;
    ensure!(then["allowed"] == true, "{then}");
    Ok(Shown::new("Pour ses seuls membres", text(&refused["reason"], "text")?))
}

/// A public member orders with the delegation of its GHT's support: refused, recorded, allowed up to its amount.
async fn delegation(player: &Player<'_>) -> anyhow::Result<Vec<Shown>> {
    let refused = player.entitled(DELEGATED, AGREEMENT, "GHT_DELEGATION_MISSING", "").await?;
    let order = json!({ "agreement_ids": [player.cast.ids.agreements[AGREEMENT]], "party_id": player.cast.ids.parties[DELEGATED],
        "reason": "Essai du scénario", "commitment_number": "ENG-FICTIF-1", "lines": [{ "site": format!("key:{DELEGATED}-1"),
            "article": "key:gcs-avis-acte", "packaging_code": "BOX", "quantity": 1, "reference": "GHT-1" }] });
    let early = player.refused("/urgent-orders", "ght/early", &order, "URGENT_ORDER_REFUSED").await?;
    ensure!(early.contains("L6132-3"), "not the article: {early}");

    let support = Player::new(player.stage, player.cast, GHT);
    let given = support.post("/delegations", "ght/delegation", &player.file("delegation.json")?).await?;
    let limit = whole(&given, "amount_max_cents")?;
    let allowed = player.entitled(DELEGATED, AGREEMENT, "ENTITLED", &format!("&amount_cents={limit}")).await?;
    let above = format!("&amount_cents={}", limit + 1);
    let exceeded = player.entitled(DELEGATED, AGREEMENT, "GHT_DELEGATION_EXCEEDED", &above).await?;
    let placed = player.post("/urgent-orders", "ght/placed", &order).await?;
    let path = format!("/pooled-orders/{}", text(&placed["order"], "id")?);
    let kept = player.get(&path).await?["order"]["reasons"].to_string();
    ensure!(kept.contains("L6132-3"), "the answer is not stored with the order: {kept}");
    Ok(vec![
        Shown::new("Membre public d'un GHT, avant", text(&refused["reason"], "text")?),
        Shown::new("  ce qu'il faut faire", text(&refused["alternative"], "text")?),
        Shown::new("  délégation enregistrée", text(&allowed["reason"], "text")?),
        Shown::new("  au-dessus de son montant", text(&exceeded["reason"], "text")?),
        Shown::new(
            "  commande passée avec elle",
            format!(
                "{}, {} ; la réponse et son article restent avec la commande",
                text(&placed["order"], "number")?,
                euros(whole(&placed["order"], "amount_cents")?)
            ),
        ),
    ])
}

/// Services by act, user and month, in one round; they go to who uses them.
async fn purchases(player: &Player<'_>) -> anyhow::Result<Vec<Shown>> {
    let season = Box::pin(player.stage.season(player.cast, GROUP)).await?;
    let facts = &season.facts;
    ensure!(facts["amount_ordered_cents"] == facts["sum_of_shares_cents"], "the shares do not add up");
    let lines = player.list("/order-lines", "lines").await?;
    ensure!(!lines.is_empty() && lines.iter().all(|line| line["kind"] == "SERVICE"), "not services only");
    let (units, amounts) = by_unit(player, &season).await?;
    let public: Vec<&Value> =
        lines.iter().filter(|line| line["party_id"] == player.cast.ids.parties[DELEGATED]).collect();
    let (count, why) = player.excluded(&season.plan, NOT_DELEGATED, "GHT_DELEGATION_MISSING").await?;
    Ok(vec![
        Shown::new(
            "Services achetés ensemble",
            format!(
                "{} lignes de besoin, {} commandes, {} bons de commande : {}, gain {}",
                facts["need_lines"],
                facts["pooled_orders"],
                facts["order_forms"],
                euros(facts["amount_ordered_cents"]),
                euros(facts["savings_cents"])
            ),
        ),
        Shown::new("À l'acte, à l'utilisateur, au mois", join(&units, &amounts)),
        Shown::new(
            "Service fait",
            format!("{} unités certifiées par qui n'a pas commandé", grouped(facts["certified_units"])),
        ),
        Shown::new(
            "Membres publics dans la commande",
            format!("avec délégation {} ; sans, {count} besoins écartés : {why}", euros(sum(public, "amount_cents"))),
        ),
    ])
}

type ByUnit = BTreeMap<String, i64>;

/// Units and cents of the plan by what is counted.
async fn by_unit(player: &Player<'_>, season: &Season<'_>) -> anyhow::Result<(ByUnit, ByUnit)> {
    let (mut units, mut amounts) = (ByUnit::new(), ByUnit::new());
    let labels: BTreeMap<&str, &str> = player
        .cast
        .data
        .table("articles.csv")
        .rows()
        .map(|row| (player.cast.ids.articles[row.text("key")].as_str(), row.text("base_unit_label")))
        .collect();
    for line in player.list(&format!("/plans/{}/lines", season.plan), "lines").await? {
        let label = labels.get(text(&line, "article_id")?).context("an article of nobody")?;
        *units.entry((*label).to_owned()).or_default() += whole(&line, "units_ordered")?;
        *amounts.entry((*label).to_owned()).or_default() += whole(&line, "amount_cents")?;
    }
    ensure!(units.len() == 3, "not acts, users and months: {units:?}");
    Ok((units, amounts))
}

fn join(units: &ByUnit, amounts: &ByUnit) -> String {
    let parts = units.iter().zip(amounts.values());
    let parts: Vec<String> =
        parts.map(|((label, units), amount)| format!("{} × {label} : {}", grouped(*units), euros(*amount))).collect();
    parts.join(" ; ")
}
