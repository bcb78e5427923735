//! `alliance`: six private non-profit bodies and a for-profit one that is only an associate. Each keeps its independence: it opts in or out
//! purchase by purchase. A shared pharmacy and laboratory; a candidate comes in by a vote.
//!
//! Its own files, beside those of a season: `uncovered.csv` (needs of a site that the shared pharmacy does not serve), and bodies of
//! requests: `voting_rights.json`, `decision_rules.json`, `quality_policy.json`, `admissions.json`, `contribution_rules.json`.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use kit::french::{euros, grouped};
use serde_json::{Value, json};

use super::{
    Shown, Stage,
    player::{Player, elements, sum},
};
use crate::demo::{
    season::{Season, text, whole},
    tables::{Faults, Table},
};

const GROUP: &str = "alliance";
const PHARMACY: &str = "all-pharmacie";
const LABORATORY: &str = "all-labo";
const SUPPORT: &str = "all-support";
/// The only associate.
const ASSOCIATE: &str = "all-clinique";
/// Who opts in, who has opted out, whose site the pharmacy does not cover, who delivers to homes from a depot, who asks to join.
const JOINING: &str = "all-mutualiste";
const LEAVING: &str = "all-cardio";
const UNCOVERED: &str = "all-ssr";
const DEPOT: &str = "all-had";
const CANDIDATE: &str = "all-candidat";

/// Runs it.
///
/// # Errors
/// When something is refused that should not be, or accepted that should not be.
pub async fn run(stage: &Stage<'_>) -> anyhow::Result<Vec<Shown>> {
    let cast = stage.load().await?;
    let player = Player::new(stage, &cast, GROUP);
    let mut shown = opting(&player).await?;
    shown.extend(associate(&player).await?);
    shown.push(status(&player).await?);
    shown.push(quality(&player).await?);
    shown.extend(Box::pin(purchases(&player)).await?);
    shown.extend(fees(&player).await?);
    shown.extend(admission(&player).await?);
    Ok(shown)
}

/// Agreement by agreement, who is in; one comes in, one is out since its last day.
async fn opting(player: &Player<'_>) -> anyhow::Result<Vec<Shown>> {
    let before = player.entitled(JOINING, PHARMACY, "BENEFICIARY_NOT_NAMED", "").await?;
    let path = format!("/agreements/{}/beneficiaries", player.cast.ids.agreements[PHARMACY]);
    let today = today(player).await?;
    let body = json!({ "beneficiaries": [{ "party_id": player.cast.ids.parties[JOINING], "valid_from": today,
        "evidence": "Règlement de consultation FICTIF, article 2 : bénéficiaire potentiel" }] });
    player.post(&path, "opt-in", &body).await?;
    let after = player.entitled(JOINING, PHARMACY, "ENTITLED", "").await?;
    let out = player.entitled(LEAVING, LABORATORY, "BENEFICIARY_NOT_NAMED", "").await?;
    player.entitled(LEAVING, LABORATORY, "ENTITLED", "&on=2026-06-30").await?;
    player.entitled(LEAVING, PHARMACY, "ENTITLED", "").await?;

    let founders: Vec<String> = player
        .list("/members", "members")
        .await?
        .iter()
        .filter(|member| member["kind"] == "FULL")
        .map(|member| Ok(text(member, "party_id")?.to_owned()))
        .collect::<anyhow::Result<_>>()?;
    let mut said = Vec::new();
    for agreement in player.list("/agreements", "agreements").await? {
        let inside = elements(&agreement, "beneficiaries")?.iter().filter(|one| {
            let there = one["valid_to"].as_str().is_none_or(|last| last >= today.as_str());
            there && one["party_id"].as_str().is_some_and(|party| founders.iter().any(|one| one == party))
        });
        said.push(format!("{} : {} sur {}", text(&agreement, "title")?, inside.count(), founders.len()));
    }
    ensure!(said.len() == 3, "agreements: {said:?}");
    Ok(vec![
        Shown::new("Chacun choisit, achat par achat", said.join(" ; ")),
        Shown::new("  avant d'entrer", text(&before["reason"], "text")?),
        Shown::new("  entré", text(&after["reason"], "text")?),
        Shown::new("  sorti", text(&out["reason"], "text")?),
    ])
}

async fn today(player: &Player<'_>) -> anyhow::Result<String> {
    let clock = player.stage.api.get(player.officer, "/v1/clock").await?;
    Ok(text(&clock, "now")?.chars().take(10).collect())
}

/// It buys where it is named, and does not vote.
async fn associate(player: &Player<'_>) -> anyhow::Result<Vec<Shown>> {
    for path in ["/decision-rules", "/voting-rights"] {
        player.post_file(path).await?;
    }
    let refused = player.entitled(ASSOCIATE, PHARMACY, "BENEFICIARY_NOT_NAMED", "").await?;
    let allowed = player.entitled(ASSOCIATE, LABORATORY, "ENTITLED", "").await?;
    ensure!(allowed["reason"]["facts"]["member_kind"] == "ASSOCIATE", "not as an associate: {allowed}");
    let mut vote = player.file("quality_policy.json")?;
    vote["votes"]
        .as_array_mut()
        .context("votes")?
        .push(json!({ "party_id": format!("key:{ASSOCIATE}"), "choice": "FOR" }));
    let path = format!("{}/decisions", player.base);
    let Err(no_vote) = player.stage.api.try_post(player.officer, &path, "associate-votes", &vote).await? else {
        anyhow::bail!("the associate voted")
    };
    ensure!(no_vote.problem["errors"].to_string().contains("has no votes"), "{no_vote}");
    Ok(vec![
        Shown::new("L'associé, là où il n'est pas nommé", text(&refused["reason"], "text")?),
        Shown::new("L'associé, là où il l'est", text(&allowed["reason"], "text")?),
        Shown::new(
            "L'associé ne vote pas",
            format!("sa voix est refusée à la délibération ({})", no_vote.problem["code"].as_str().unwrap_or_default()),
        ),
    ])
}

/// Whose status is unknown is shown, and treated as strict.
async fn status(player: &Player<'_>) -> anyhow::Result<Shown> {
    let members = player.list("/members", "members").await?;
    let unknown: Vec<&str> = members
        .iter()
        .filter(|member| member["buyer_status"] == "UNKNOWN")
        .map(|member| text(member, "name"))
        .collect::<anyhow::Result<_>>()?;
    let asked = player.entitled(DEPOT, PHARMACY, "ENTITLED", "").await?;
    let facts = &asked["reason"]["facts"];
    ensure!(
        facts["buyer_status"] == "UNKNOWN" && facts["treated_as"] == "CONTRACTING_AUTHORITY",
        "not treated as strict: {asked}"
    );
    let free = player.entitled(ASSOCIATE, LABORATORY, "ENTITLED", "").await?;
    ensure!(free["reason"]["facts"]["treated_as"] != "CONTRACTING_AUTHORITY", "{free}");
    Ok(Shown::new(
        "Statut d'acheteur inconnu",
        format!("{} : montré, et traité comme {}", unknown.join(", "), text(facts, "treated_as")?),
    ))
}

/// One quality policy, voted by the founders.
async fn quality(player: &Player<'_>) -> anyhow::Result<Shown> {
    let adopted = player.post("/decisions", "quality", &player.file("quality_policy.json")?).await?;
    ensure!(adopted["state"] == "ADOPTED", "{adopted}");
    decision("Politique qualité commune", &adopted)
}

fn decision(what: &str, decision: &Value) -> anyhow::Result<Shown> {
    let texts: Vec<&str> =
        elements(decision, "reasons")?.iter().map(|reason| text(reason, "text")).collect::<anyhow::Result<_>>()?;
    let state = if decision["state"] == "ADOPTED" { "adoptée" } else { "rejetée" };
    Ok(Shown::new(what, format!("{} {state} : {}", text(decision, "number")?, texts.join(" "))))
}

/// One round: the shared pharmacy receives and shares out, the laboratory and support functions are bought together.
async fn purchases(player: &Player<'_>) -> anyhow::Result<Vec<Shown>> {
    let cast = player.cast;
    let mut season = Season::new(player.stage.api, &cast.data, &cast.ids, &cast.people, GROUP);
    season.needs().await?;
    uncovered(player, &season.round).await?;
    season.pool().await?;
    season.order().await?;
    season.answer().await?;
    season.ship().await?;
    season.receive().await?;
    season.deliver().await?;
    season.dispatched().await?;
    season.books().await?;
    let mut shown = vec![pharmacy(player).await?];
    let (count, why) = player.excluded(&season.plan, UNCOVERED, "SITE_LACKS_AUTHORISATION").await?;
    shown.push(Shown::new("  hors de son autorisation", format!("{count} besoin écarté : {why}")));
    for (what, party) in [("  l'associé, non nommé", ASSOCIATE), ("  qui est sorti", LEAVING)] {
        let (count, why) = player.excluded(&season.plan, party, "BENEFICIARY_NOT_NAMED").await?;
        shown.push(Shown::new(what, format!("{count} besoin écarté : {why}")));
    }
    shown.push(laboratory(player).await?);
    shown.push(savings(player, &season).await?);
    Ok(shown)
}

async fn uncovered(player: &Player<'_>, round: &str) -> anyhow::Result<()> {
    let mut faults = Faults::default();
    let columns = ["party_key", "site_key", "article_key", "packaging_code", "quantity", "reference", "needed_by"];
    let table = Table::read(&player.stage.dir, "uncovered.csv", &columns, &mut faults);
    ensure!(faults.0.is_empty(), "{}", faults.0.join("\n"));
    for row in table.rows() {
        let need = json!({ "site": format!("key:{}", row.text("site_key")), "article": format!("key:{}", row.text("article_key")),
            "packaging_code": row.text("packaging_code"), "quantity": row.text("quantity").parse::<i64>()?,
            "reference": row.text("reference"), "needed_by": row.text("needed_by") });
        let party = &player.cast.ids.parties[row.text("party_key")];
        let path = format!("{}/rounds/{round}/needs?party_id={party}", player.base);
        let login = &player.cast.people.requesters[&(GROUP.to_owned(), row.text("party_key").to_owned())];
        player.stage.api.post(login, &path, row.text("reference"), &need).await?;
    }
    Ok(())
}

/// Order lines under an agreement, and what they are for each member.
async fn lines(player: &Player<'_>, agreement: &str) -> anyhow::Result<Vec<Value>> {
    let id = &player.cast.ids.agreements[agreement];
    let orders = player.list("/pooled-orders", "orders").await?;
    let mut lines = Vec::new();
    for order in orders.iter().filter(|order| order["agreement_id"] == *id) {
        lines.extend(player.list(&format!("/order-lines?pooled_order_id={}", text(order, "id")?), "lines").await?);
    }
    ensure!(!lines.is_empty(), "nothing was ordered under {agreement}");
    Ok(lines)
}

/// What the pharmacy received went to the members that it covers, among them a depot for home care.
async fn pharmacy(player: &Player<'_>) -> anyhow::Result<Shown> {
    let lines = lines(player, PHARMACY).await?;
    ensure!(lines.iter().all(|line| line["route"] == "PLATFORM"), "not all by the pharmacy");
    ensure!(lines.iter().all(|line| line["units_delivered"] == line["units_ordered"]), "not all delivered: {lines:?}");
    let mut by_member: BTreeMap<&str, i64> = BTreeMap::new();
    for line in &lines {
        *by_member.entry(text(line, "party_id")?).or_default() += whole(line, "units_delivered")?;
    }
    let depot = by_member.get(player.cast.ids.parties[DEPOT].as_str()).context("nothing went to the depot")?;
    ensure!(!by_member.contains_key(player.cast.ids.parties[UNCOVERED].as_str()), "who is not covered was served");
    let platform = player
        .list("/deliveries", "deliveries")
        .await?
        .iter()
        .filter(|delivery| delivery["route"] == "PLATFORM")
        .count();
    Ok(Shown::new(
        "Pharmacie partagée",
        format!(
            "{}, {} unités reçues par la pharmacie et réparties entre {} membres ({platform} livraisons) ; {} au dépôt de l'hospitalisation à domicile",
            euros(sum(&lines, "amount_cents")),
            grouped(by_member.values().sum()),
            by_member.len(),
            grouped(*depot)
        ),
    ))
}

/// Names of members by id.
async fn names(player: &Player<'_>) -> anyhow::Result<BTreeMap<String, String>> {
    let members = player.list("/members", "members").await?;
    members.iter().map(|member| Ok((text(member, "party_id")?.to_owned(), text(member, "name")?.to_owned()))).collect()
}

/// Reagents and analyser, each member its part.
async fn laboratory(player: &Player<'_>) -> anyhow::Result<Shown> {
    let lines = lines(player, LABORATORY).await?;
    let names = names(player).await?;
    let mut by_member: BTreeMap<&str, i64> = BTreeMap::new();
    for line in &lines {
        let name = names.get(text(line, "party_id")?).context("a buyer that is no member")?;
        *by_member.entry(name).or_default() += whole(line, "amount_cents")?;
    }
    let parts: Vec<String> = by_member.iter().map(|(name, cents)| format!("{name} {}", euros(*cents))).collect();
    Ok(Shown::new("Laboratoire, réactifs et automate", parts.join(", ")))
}

/// Savings of the round, and of the member that buys support functions only.
async fn savings(player: &Player<'_>, season: &Season<'_>) -> anyhow::Result<Shown> {
    let support = lines(player, SUPPORT).await?;
    let savings = player.get(&format!("/savings?round_id={}", season.round)).await?;
    let id = &player.cast.ids.parties[UNCOVERED];
    let own = elements(&savings, "members")?.iter().find(|member| member["party_id"] == *id).context("its savings")?;
    let bought = sum(support.iter().filter(|line| line["party_id"] == *id), "amount_cents");
    ensure!(bought == whole(own, "paid_cents")?, "it bought something else: {own}");
    ensure!(whole(own, "savings_cents")? > 0, "no saving: {own}");
    let names = names(player).await?;
    let name = names.get(id).context("its name")?;
    Ok(Shown::new(
        "Gain sur les fonctions support",
        format!(
            "{} commandés ; {}, qui n'achète que cela, y gagne {} sur {} ; toute la commande {}, gain {}",
            euros(sum(&support, "amount_cents")),
            name,
            euros(whole(own, "savings_cents")?),
            euros(whole(own, "reference_cents")?),
            euros(season.facts["amount_ordered_cents"]),
            euros(whole(&savings, "savings_cents")?)
        ),
    ))
}

/// Founders and the associate contribute by different rules.
async fn fees(player: &Player<'_>) -> anyhow::Result<Vec<Shown>> {
    player.post_file("/contribution-rules").await?;
    let today = today(player).await?;
    let year = &today[..4];
    let owed = player.get(&format!("/contributions?from_month={year}-01&to_month={year}-12")).await?;
    let associate = &player.cast.ids.parties[ASSOCIATE];
    let mut founders = (0, 0);
    let mut own = None;
    for member in elements(&owed, "members")? {
        let keys: Vec<&str> =
            elements(member, "lines")?.iter().map(|line| text(line, "rule_key")).collect::<anyhow::Result<_>>()?;
        if member["party_id"] == *associate {
            ensure!(keys == ["associe", "service"], "the associate owes under {keys:?}");
            own = Some(member);
        } else {
            ensure!(keys == ["fondateur"], "a founder owes under {keys:?}");
            founders = (founders.0 + 1, founders.1 + whole(member, "total_cents")?);
        }
    }
    let own = own.context("the associate owes nothing")?;
    let parts: Vec<String> = elements(own, "lines")?
        .iter()
        .map(|line| Ok(format!("{} {}", text(line, "label")?, euros(whole(line, "amount_cents")?))))
        .collect::<anyhow::Result<_>>()?;
    Ok(vec![Shown::new(
        "Contributions selon la qualité",
        format!("{} fondateurs {} ; l'associé {}", founders.0, euros(founders.1), parts.join(" + ")),
    )])
}

/// Nobody joins without a vote; who joined is named in no contract that was awarded before.
async fn admission(player: &Player<'_>) -> anyhow::Result<Vec<Shown>> {
    let newcomer = json!({ "members": [{ "party_id": player.cast.ids.parties[CANDIDATE], "kind": "FULL", "valid_from": "2026-11-01" }] });
    let early = player.refused("/members/add", "admission/early", &newcomer, "ADMISSION_NOT_VOTED").await?;
    let mut voted = Vec::new();
    for (index, admission) in player.list_of("admissions.json")?.iter().enumerate() {
        voted.push(player.post("/decisions", &format!("admission/{index}"), admission).await?);
    }
    let [lost, won] = &voted[..] else { anyhow::bail!("{} admissions", voted.len()) };
    ensure!(lost["state"] == "REJECTED" && won["state"] == "ADOPTED", "{voted:?}");
    let added = player.post("/members/add", "admission/voted", &newcomer).await?;
    ensure!(elements(&added, "members")?.len() == 1, "{added}");
    let members = player.list("/members", "members").await?;
    let late = player.entitled(CANDIDATE, PHARMACY, "BENEFICIARY_NOT_NAMED", "").await?;
    Ok(vec![
        Shown::new("Candidature, avant le vote", early),
        decision("  premier vote", lost)?,
        decision("  second vote", won)?,
        Shown::new("  entrée", format!("{} membres ; {}", members.len(), text(&late["reason"], "text")?)),
        Shown::new("  ce qu'elle peut faire", text(&late["alternative"], "text")?),
    ])
}
