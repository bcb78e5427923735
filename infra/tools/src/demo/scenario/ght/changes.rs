//! A member leaves, another is taken over: shown first, then done as it was shown.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::{Group, Shown};
use crate::demo::{
    scenario::play::later,
    season::{text, whole},
};

/// Shows a leaving in one group and a merger in another.
pub(super) async fn run(leaving: &Group<'_>, merging: &Group<'_>) -> anyhow::Result<Vec<Shown>> {
    let mut shown = leave(leaving).await?;
    shown.push(merge(merging).await?);
    Ok(shown)
}

/// What an answer says of its effects.
fn effects(shown: &Value) -> anyhow::Result<String> {
    let effects: Vec<String> = shown["effects"]
        .as_array()
        .context("effects")?
        .iter()
        .map(|effect| {
            ensure!(effect["reason"]["source"].is_string(), "an effect without its source: {effect}");
            Ok(format!("{} {}", text(effect, "kind")?, whole(effect, "count")?))
        })
        .collect::<anyhow::Result<_>>()?;
    Ok(effects.join(", "))
}

async fn leave(group: &Group<'_>) -> anyhow::Result<Vec<Shown>> {
    let (director, member) = (group.seat("directeur"), group.last()?);
    let (party, today) = (group.party(member), director.today().await?);
    let (last_day, after) = (later(today, 30)?, later(today, 31)?);
    let round = json!({ "title": "Commande FICTIVE suivante", "opens_at": format!("{today}T00:00:00Z"),
        "closes_at": format!("{}T16:00:00Z", later(today, 25)?), "agreement_ids": [group.agreement()] });
    let round = director.post("/rounds", "round/next", &round).await?;
    let needs = format!("/rounds/{}/needs?party_id={party}", text(&round, "id")?);
    let need = |reference: &str| {
        json!({ "site": group.site(member), "article": group.article(), "packaging_code": "BOX", "quantity": 2, "reference": reference })
    };
    director.post(&needs, "need/1", &need("DEPART-1")).await?;
    let change = json!({ "kind": "LEAVE", "party_id": party, "last_day": last_day, "evidence": "Délibération FICTIVE" });
    let before = director.post("/member-changes/preview", "leave/preview", &change).await?;
    // Something happens between what was shown and what is confirmed.
    director.post(&needs, "need/2", &need("DEPART-2")).await?;
    let stale = json!({ "change": change, "digest": before["digest"] });
    let changed = director.refused("/member-changes/confirm", "leave/stale", &stale, "SITUATION_CHANGED").await?;
    let shown = director.post("/member-changes/preview", "leave/preview/again", &change).await?;
    let confirm = json!({ "change": change, "digest": shown["digest"] });
    let done = director.post("/member-changes/confirm", "leave/confirm", &confirm).await?;
    ensure!(done["state"] == "DONE" && done["effects"] == shown["effects"], "not as it was shown: {done}");
    let ask = async |on| director.get(&format!("/entitlements?party_id={party}&lot_id={}&on={on}", group.lot())).await;
    let last = ask(last_day).await?;
    ensure!(last["allowed"] == true, "no right on its last day: {last}");
    let gone = ask(after).await?;
    ensure!(gone["allowed"] == false && gone["reason"]["rule"] == "NOT_A_MEMBER", "still there: {gone}");
    Ok(vec![
        Shown::new(
            "Départ montré, puis confirmé",
            format!("{} ; entre-temps un besoin de plus : {} ; puis fait comme montré", effects(&shown)?, text(&changed.problem, "code")?),
        ),
        Shown::new("Le lendemain de son dernier jour", text(&gone["reason"], "text")?),
    ])
}

async fn merge(group: &Group<'_>) -> anyhow::Result<Shown> {
    let (director, member, heir) = (group.seat("directeur"), group.last()?, group.party("ght-fusion"));
    let today = director.today().await?;
    let (last_day, after) = (later(today, 30)?, later(today, 31)?);
    let change = json!({ "kind": "MERGE", "party_id": group.party(member), "last_day": last_day, "successor_party_id": heir,
        "evidence": "Arrêté FICTIF de fusion" });
    let shown = director.post("/member-changes/preview", "merge/preview", &change).await?;
    ensure!(shown["successor_joins"] == true, "the successor does not join: {shown}");
    let confirm = json!({ "change": change, "digest": shown["digest"] });
    let done = director.post("/member-changes/confirm", "merge/confirm", &confirm).await?;
    ensure!(done["state"] == "DONE" && done["effects"] == shown["effects"], "not as it was shown: {done}");
    let ask = async |party: &str, on| {
        director.get(&format!("/entitlements?party_id={party}&lot_id={}&on={on}", group.lot())).await
    };
    let before = ask(heir, last_day).await?;
    ensure!(before["allowed"] == false, "the successor may buy before: {before}");
    let now = ask(heir, after).await?;
    ensure!(now["allowed"] == true && now["reason"]["facts"]["named_as"] == group.party(member), "not in its place: {now}");
    let old = ask(group.party(member), after).await?;
    ensure!(old["allowed"] == false, "who was taken over may still buy: {old}");
    Ok(Shown::new(
        "Fusion montrée, puis confirmée",
        format!("{} ; membre à compter du {} : {}", effects(&shown)?, text(&shown["successor"], "valid_from")?, text(&now["reason"], "text")?),
    ))
}
