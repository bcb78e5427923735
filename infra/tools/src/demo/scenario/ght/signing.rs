//! Delegations of signature with amount and dates, and a replacement within the one it stands in for.

use anyhow::ensure;
use kit::french::euros;
use serde_json::{Value, json};

use super::{Group, Seat, Shown};
use crate::demo::{
    scenario::play::later,
    season::{text, whole},
};

/// Boxes that the director may order, and that the deputy may in its place.
const DIRECTOR: i64 = 6;
const DEPUTY: i64 = 2;

/// Shows it in one group, after its round: from the first delegation on, its support's officers sign within theirs only.
pub(super) async fn run(group: &Group<'_>) -> anyhow::Result<Vec<Shown>> {
    let (director, deputy) = (group.seat("directeur"), group.seat("adjoint"));
    let order =
        |boxes| Seat::urgent(group.agreement(), group.party(group.support()), group.site(group.support()), group.article(), boxes);
    // What so many boxes come to, from orders placed while nobody has a delegation.
    let cents = async |boxes: i64| -> anyhow::Result<i64> {
        let placed = director.post("/urgent-orders", &format!("urgent/by-role/{boxes}"), &order(boxes)).await?;
        whole(&placed["order"], "amount_cents")
    };
    let (limit, lent) = (cents(DIRECTOR).await?, cents(DEPUTY).await?);
    let today = director.today().await?;
    let until = later(today, 200)?;
    let give = |to: &str, most: i64| {
        json!({ "to_person_id": format!("login:{to}"), "acts": ["ORDER"], "amount_max_cents": most, "valid_from": today,
            "valid_to": until, "evidence": "Décision FICTIVE 2026-2 du directeur" })
    };
    let given = director.post("/delegations", "delegation", &give(&director.login, limit)).await?;
    let within = director.post("/urgent-orders", "urgent/within", &order(DIRECTOR)).await?;
    ensure!(whole(&within["order"], "amount_cents")? == limit, "not the amount of the delegation: {within}");
    let above = director.refused("/urgent-orders", "urgent/above", &order(DIRECTOR + 1), "ABOVE_DELEGATION").await?;
    let figures = &above.problem["figures"];
    ensure!(text(figures, "limit_cents")? == limit.to_string(), "another limit: {above}");
    let none = deputy.refused("/urgent-orders", "urgent/none", &order(1), "NO_DELEGATION").await?;

    let mut replacement = give(&deputy.login, limit + 1);
    replacement["stands_in_for"] = given["id"].clone();
    let wider = director.refused("/delegations", "replacement/wider", &replacement, "INVALID_INPUT").await?;
    ensure!(wider.problem["errors"].to_string().contains("amount_max_cents"), "not for its amount: {wider}");
    replacement["amount_max_cents"] = json!(limit);
    replacement["valid_to"] = json!(later(until, 1)?);
    let longer = director.refused("/delegations", "replacement/longer", &replacement, "INVALID_INPUT").await?;
    ensure!(longer.problem["errors"].to_string().contains("valid_to"), "not for its last day: {longer}");
    replacement["amount_max_cents"] = json!(lent);
    replacement["valid_to"] = json!(until);
    let standing: Value = director.post("/delegations", "replacement", &replacement).await?;
    deputy.post("/urgent-orders", "urgent/deputy", &order(DEPUTY)).await?;
    deputy.refused("/urgent-orders", "urgent/deputy/above", &order(DEPUTY + 1), "ABOVE_DELEGATION").await?;
    let amount: i64 = text(figures, "amount_cents")?.parse()?;
    Ok(vec![
        Shown::new(
            "Délégation de signature",
            format!(
                "jusqu'à {} et au {} : {} passe, {} est refusé ({}) ; sans délégation : {}",
                euros(limit),
                text(&given, "valid_to")?,
                euros(whole(&within["order"], "amount_cents")?),
                euros(amount),
                text(figures, "source")?,
                text(&none.problem, "code")?
            ),
        ),
        Shown::new(
            "Remplacement",
            format!(
                "plus large ou plus long : refusé ; {} pour l'adjoint, au-delà : refusé",
                euros(whole(&standing, "amount_max_cents")?)
            ),
        ),
    ])
}
