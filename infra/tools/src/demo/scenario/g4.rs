//! `g4`: four public hospitals under a charter, parties to one GHT. The GHT's support awards; the charter governs policy and steering by
//! offices that alternate, commission seats and decisions; everything is delivered through one platform of the territory.

use anyhow::{Context as _, ensure};
use kit::french::{euros, grouped};
use serde_json::{Value, json};

use super::{
    Cast, Shown, Stage,
    play::{Seat, distinct},
};
use crate::demo::season::{text, whole};

const CHARTER: &str = "g4";
const GHT: &str = "g4-ght";
/// The university hospital, which is the support establishment too, and the three others.
const UNIVERSITY: &str = "g4-amiens";
const OTHERS: [&str; 3] = ["g4-beauvais", "g4-abbeville", "g4-doullens"];
const ALL: [&str; 4] = ["g4-amiens", "g4-beauvais", "g4-abbeville", "g4-doullens"];
const FOUNDED: &str = "2026-01-01";
const COMMISSION: &str = "Commission médico-économique FICTIVE";

/// Runs it.
///
/// # Errors
/// When something is refused that should not be, or accepted that should not be.
pub async fn run(stage: &Stage<'_>) -> anyhow::Result<Vec<Shown>> {
    let cast = stage.load().await?;
    let secretary = Seat::new(stage, &cast, format!("acheteur.{UNIVERSITY}"), CHARTER);
    let mut shown = awarding(stage, &cast).await?;
    shown.push(policy(&secretary).await?);
    shown.extend(presidency(&secretary).await?);
    shown.push(commission(&secretary).await?);
    shown.extend(platform(stage, &cast, &secretary).await?);
    Ok(shown)
}

fn party(key: &str) -> String {
    format!("key:{key}")
}

/// Each of the three tries to award for itself, in the GHT and under the charter.
async fn awarding(stage: &Stage<'_>, cast: &Cast) -> anyhow::Result<Vec<Shown>> {
    let mut sources = Vec::new();
    for (index, member) in OTHERS.iter().enumerate() {
        for group in [GHT, CHARTER] {
            let officer = Seat::new(stage, cast, format!("acheteur.{member}"), group);
            let own = Seat::consultation(&cast.ids.parties[*member], 10_000_000);
            let key = format!("award/{index}");
            let refusal = officer.refused("/consultations", &key, &own, "NOT_THE_AWARDING_PARTY").await?;
            let source = text(&refusal.problem["figures"], "source")?.to_owned();
            ensure!(source.contains("L6132-3"), "refusé sans l'article : {refusal}");
            sources.push(source);
        }
    }
    let support = Seat::new(stage, cast, format!("acheteur.{UNIVERSITY}"), GHT);
    let own = Seat::consultation(&cast.ids.parties[UNIVERSITY], 10_000_000);
    let drafted = support.post("/consultations", "award/support", &own).await?;
    let lot = cast.ids.lots.iter().find(|((_, number), _)| number == "1").context("no lot")?.1;
    let path = format!("/entitlements?party_id={}&lot_id={lot}", cast.ids.parties[OTHERS[0]]);
    let orders = support.get(&path).await?;
    ensure!(orders["allowed"] == true, "a party may not order under its GHT's contract: {orders}");
    Ok(vec![
        Shown::new(
            "Un membre passe un marché",
            format!("{} essais refusés, dans le GHT comme sous la charte ({})", sources.len(), sources[0]),
        ),
        Shown::new(
            "Le support passe pour les quatre",
            format!(
                "consultation {}, accord-cadre du GHT ; un membre y commande : {}",
                text(&drafted, "state")?,
                text(&orders["reason"], "text")?
            ),
        ),
    ])
}

fn votes(choices: [&str; 4]) -> Vec<Value> {
    ALL.iter().zip(choices).map(|(key, choice)| json!({ "party_id": party(key), "choice": choice })).collect()
}

/// One voice each; the common purchasing policy is adopted where there is a quorum.
async fn policy(secretary: &Seat<'_>) -> anyhow::Result<Shown> {
    let rule = |subject: &str| {
        json!({ "subject": subject, "valid_from": FOUNDED, "counting": "WEIGHTS", "quorum_basis": "MEMBERS", "quorum": { "share": "3/4" },
            "majority_basis": "CAST", "majority": { "share": "1/2", "strictly": true }, "most_proxies": 1, "source": "Charte FICTIVE, art. 6" })
    };
    let rules = ["POLICY", "ELECTION"].map(rule);
    secretary.post("/decision-rules", "rules", &json!({ "rules": rules })).await?;
    let rights: Vec<Value> = ALL
        .iter()
        .map(|key| json!({ "party_id": party(key), "college": "Établissements", "votes": 1, "valid_from": FOUNDED }))
        .collect();
    secretary.post("/voting-rights", "rights", &json!({ "rights": rights })).await?;
    let decision = |choices, second: bool| {
        json!({ "subject": "POLICY", "title": "Politique d'achat commune FICTIVE", "decided_on": "2026-11-20", "second_call": second,
            "resolution": "Références communes, équivalents et niveaux d'approbation s'appliquent aux quatre établissements.",
            "votes": votes(choices) })
    };
    let few = secretary.post("/decisions", "policy/few", &decision(["FOR", "FOR", "ABSENT", "ABSENT"], false)).await?;
    ensure!(few["state"] == "NO_QUORUM", "two of four decided: {few}");
    let adopted =
        secretary.post("/decisions", "policy", &decision(["FOR", "FOR", "FOR", "ABSTAIN"], false)).await?;
    ensure!(adopted["state"] == "ADOPTED", "the policy is not adopted: {adopted}");
    Ok(Shown::new(
        "Politique d'achat commune",
        format!(
            "{} adoptée, {} voix pour ; à deux sur quatre : {}",
            text(&adopted, "number")?,
            whole(&adopted["tallies"][0], "for")?,
            text(&few["reasons"][0], "text")?
        ),
    ))
}

/// Presidency and vice-presidency go to the two sides in turn.
async fn presidency(secretary: &Seat<'_>) -> anyhow::Result<Vec<Shown>> {
    let sides = json!([{ "name": "Centre hospitalier universitaire", "party_ids": [party(UNIVERSITY)] },
        { "name": "Les trois autres", "party_ids": OTHERS.map(party) }]);
    let office = |name: &str, against: &str| {
        json!({ "office": name, "valid_from": FOUNDED, "seats": 1, "term_months": 12, "elected": true, "alternates": true,
            "opposed_to": against, "sides": sides, "source": "Charte FICTIVE, art. 4" })
    };
    let offices = [office("PRESIDENT", "VICE_PRESIDENT"), office("VICE_PRESIDENT", "PRESIDENT")];
    secretary.post("/offices", "offices", &json!({ "offices": offices })).await?;
    let mandate = async |office: &str, key: &str, year: i32| -> anyhow::Result<Value> {
        let election = json!({ "subject": "ELECTION", "title": "Élection FICTIVE", "decided_on": "2026-11-20", "office": office,
            "candidate_party_id": party(key), "votes": votes(["FOR"; 4]) });
        let elected = secretary.post("/decisions", &format!("elect/{office}/{key}/{year}"), &election).await?;
        Ok(json!({ "office": office, "party_id": party(key), "holder_name": "Dominique Exemple (FICTIF)",
            "starts_on": format!("{year}-01-01"), "ends_on": format!("{year}-12-31"), "decision_id": elected["id"] }))
    };
    let first = mandate("PRESIDENT", UNIVERSITY, 2027).await?;
    secretary.post("/mandates", "president/2027", &first).await?;
    let again = mandate("PRESIDENT", UNIVERSITY, 2028).await?;
    let broken = secretary.refused("/mandates", "president/again", &again, "MANDATE_REFUSED").await?;
    ensure!(broken.problem["figures"]["rule"] == "ALTERNATION", "not for its alternation: {broken}");
    let beside = mandate("VICE_PRESIDENT", UNIVERSITY, 2027).await?;
    let same_side = secretary.refused("/mandates", "vice/same-side", &beside, "MANDATE_REFUSED").await?;
    ensure!(same_side.problem["figures"]["rule"] == "OPPOSED_OFFICE", "not for its side: {same_side}");
    for (office, key, year) in [
        ("VICE_PRESIDENT", OTHERS[0], 2027),
        ("PRESIDENT", OTHERS[1], 2028),
        ("VICE_PRESIDENT", UNIVERSITY, 2028),
        ("PRESIDENT", UNIVERSITY, 2029),
    ] {
        let next = mandate(office, key, year).await?;
        secretary.post("/mandates", &format!("{office}/{year}"), &next).await?;
    }
    let mut turns = Vec::new();
    for year in [2027, 2028, 2029] {
        let held = secretary.get(&format!("/offices?on={year}-06-01")).await?;
        let presidents = held["offices"].as_array().context("offices")?.iter().find(|one| one["office"]["office"] == "PRESIDENT");
        let holder = &presidents.context("no president")?["holders"][0];
        turns.push(format!("{year} {}", text(holder, "party_name")?));
    }
    Ok(vec![
        Shown::new("Présidence alternée", turns.join(", ")),
        Shown::new("Mandat contraire à l'alternance", text(&broken.problem, "detail")?),
        Shown::new("Vice-présidence du même côté", text(&same_side.problem, "detail")?),
    ])
}

/// Directors and presidents of medical commissions sit in the commission.
async fn commission(secretary: &Seat<'_>) -> anyhow::Result<Shown> {
    let seats: Vec<Value> = ALL
        .iter()
        .flat_map(|key| {
            ["DIRECTOR", "MEDICAL_COMMISSION_PRESIDENT"].map(|quality| {
                json!({ "commission": COMMISSION, "party_id": party(key), "quality": quality, "holder_name": "Alix Exemple (FICTIF)",
                    "valid_from": FOUNDED })
            })
        })
        .collect();
    secretary.post("/commission-seats", "seats", &json!({ "seats": seats })).await?;
    let held = secretary.list("/commission-seats", "seats").await?;
    let of = |quality: &str| held.iter().filter(|seat| seat["quality"] == quality).count();
    let (directors, doctors) = (of("DIRECTOR"), of("MEDICAL_COMMISSION_PRESIDENT"));
    ensure!((directors, doctors) == (ALL.len(), ALL.len()), "{directors} directors, {doctors} presidents: {held:?}");
    Ok(Shown::new(
        "Commission médico-économique",
        format!(
            "{directors} directeurs et {doctors} présidents de CME, de {} établissements",
            distinct(&held, "party_id").len()
        ),
    ))
}

/// The GHT's round, all of it through the one platform; the charter's group has no order of its own.
async fn platform(stage: &Stage<'_>, cast: &Cast, secretary: &Seat<'_>) -> anyhow::Result<Vec<Shown>> {
    let season = Box::pin(stage.season(cast, GHT)).await?;
    let support = Seat::new(stage, cast, format!("acheteur.{UNIVERSITY}"), GHT);
    let deliveries = support.list("/deliveries", "deliveries").await?;
    ensure!(!deliveries.is_empty() && deliveries.iter().all(|one| one["route"] == "PLATFORM"), "a delivery went beside the platform");
    let shipments = support.list("/shipments", "shipments").await?;
    let hub = &cast.ids.sites["g4-plateforme-1"];
    ensure!(shipments.iter().all(|one| one["destination_site_id"] == hub.as_str()), "a shipment went beside the platform");
    let forms = support.list("/order-forms", "forms").await?;
    let served = distinct(&deliveries, "party_id").len();
    ensure!(served == ALL.len() && distinct(&forms, "orderer_id").len() == ALL.len(), "not all four ordered and received");
    let beside = secretary.list("/order-forms", "forms").await?;
    ensure!(beside.is_empty(), "the charter's group has orders: {beside:?}");
    let facts = &season.facts;
    ensure!(facts["amount_ordered_cents"] == facts["sum_of_shares_cents"], "the shares do not add up");
    Ok(vec![
        Shown::new(
            "Commande groupée du GHT",
            format!(
                "{} commandes, {} bons de commande au nom de chacun : {}, gain {} ; {} sous la charte",
                facts["pooled_orders"],
                facts["order_forms"],
                euros(facts["amount_ordered_cents"]),
                euros(facts["savings_cents"]),
                beside.len()
            ),
        ),
        Shown::new(
            "Une plateforme pour les quatre",
            format!(
                "{} arrivages, {} livraisons à {served} établissements, toutes par elle ; {} unités certifiées",
                shipments.len(),
                deliveries.len(),
                grouped(facts["certified_units"])
            ),
        ),
    ])
}
