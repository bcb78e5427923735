//! Why a plan line is as it is, and why a need is left out: the sentences that people read, with their figures.

use kit::{
    french::{euros, grouped},
    id::ArticleId,
};

use super::{
    conversion::counted,
    order_error::OrderError,
    plan::{Line, PlannedNeed, Why},
    reason::{Reason, unit_price},
    terms::{Offer, RouteAnswer, Terms},
    tiers::{Basis, Scope},
};

/// The reasons of a line: its lot, its packs, whether packs are opened, its tier.
///
/// # Errors
/// [`OrderError::TermsIncomplete`] when the line is not of these terms.
pub fn line_reasons(terms: &Terms, line: &Line) -> Result<Vec<Reason>, OrderError> {
    let offer = &terms.offers()[line.offer];
    let article = terms.article(offer.article)?;
    let pack = article.packaging_labels.get(&offer.packaging_code).filter(|label| !label.is_empty());
    let pack = pack.cloned().unwrap_or_else(|| {
        format!("{} de {}", offer.packaging_code, counted(offer.rule.pack_units, &article.unit_label))
    });
    let mut reasons = vec![lot_chosen(terms, offer), whole_packs(line, offer, &article.unit_label, &pack)];
    if line.pooled_sites > 0 {
        reasons.push(break_bulk(line, &pack));
    }
    if offer.rule.order_multiple > 1 {
        reasons.push(order_multiple(line, offer, &pack));
    }
    reasons.push(tier(terms, line, offer, &article.unit_label));
    Ok(reasons)
}

fn lot_chosen(terms: &Terms, offer: &Offer) -> Reason {
    let agreement = &terms.agreements[offer.agreement];
    Reason::new(
        "FIRST_LOT_WITH_PRICE",
        "CCP R2162-6",
        format!(
            "Lot {} de l'accord-cadre {} : premier accord de la campagne, puis premier lot, qui donne un prix à l'article et dont ces membres sont bénéficiaires.",
            offer.lot_number, agreement.number
        ),
        &[
            ("agreement", agreement.number.clone()),
            ("lot_number", offer.lot_number.to_string()),
            ("lot", offer.lot.to_string()),
        ],
    )
}

fn whole_packs(line: &Line, offer: &Offer, unit: &str, pack: &str) -> Reason {
    let sites = line.separate_sites + line.pooled_sites;
    let how = if line.pooled_sites > 0 { "conditionnements entiers" } else { "conditionnements entiers par site" };
    Reason::new(
        "WHOLE_PACKS",
        "",
        format!(
            "Besoin de {} sur {} ; {how} : {} = {}.",
            counted(line.units_needed, unit),
            counted(sites, "site"),
            counted(line.packs, pack),
            counted(line.units, unit),
        ),
        &[
            ("units_needed", line.units_needed.to_string()),
            ("sites", sites.to_string()),
            ("pack_units", offer.rule.pack_units.to_string()),
            ("packs", line.packs.to_string()),
            ("units_ordered", line.units.to_string()),
        ],
    )
}

fn break_bulk(line: &Line, pack: &str) -> Reason {
    Reason::new(
        "BREAK_BULK",
        "",
        format!(
            "La plateforme ouvre ce conditionnement : les besoins de {} sont réunis et arrondis une seule fois, à {}, répartis à l'unité près.",
            counted(line.pooled_sites, "site"),
            counted(line.pooled_packs, pack),
        ),
        &[("sites", line.pooled_sites.to_string()), ("packs", line.pooled_packs.to_string())],
    )
}

fn order_multiple(line: &Line, offer: &Offer, pack: &str) -> Reason {
    let multiple = offer.rule.order_multiple;
    let text = if line.packs == line.packs_before_multiple {
        format!(
            "Le fournisseur livre par multiples de {} : {} en est un.",
            grouped(multiple),
            counted(line.packs, pack)
        )
    } else {
        format!(
            "Le fournisseur livre par multiples de {} : {} portés à {}, le supplément allant aux sites au prorata du besoin.",
            grouped(multiple),
            counted(line.packs_before_multiple, pack),
            grouped(line.packs),
        )
    };
    let facts = [
        ("order_multiple_packs", multiple.to_string()),
        ("packs_before", line.packs_before_multiple.to_string()),
        ("packs", line.packs.to_string()),
    ];
    Reason::new("ORDER_MULTIPLE", "", text, &facts)
}

fn tier(terms: &Terms, line: &Line, offer: &Offer, unit: &str) -> Reason {
    let agreement = &terms.agreements[offer.agreement];
    let read_on = match line.scope {
        Scope::All => "la commande groupée",
        Scope::Buyer(_) => "le bon de commande de l'acheteur",
        Scope::Point(..) => "le point de livraison",
    };
    let reached = if line.tier_min_units == 0 {
        "premier palier".to_owned()
    } else {
        format!(
            "palier à partir de {} ; au premier palier ({}), elle aurait coûté {}",
            counted(line.tier_min_units, unit),
            unit_price(offer.tiers[0].unit_price),
            euros(line.first_tier_cents)
        )
    };
    let basis = match agreement.basis {
        Basis::PooledOrder => "POOLED_ORDER",
        Basis::OrderForm => "ORDER_FORM",
        Basis::DeliveryPoint => "DELIVERY_POINT",
    };
    Reason::new(
        "TIER",
        "",
        format!(
            "Palier lu sur {read_on}, comme l'accord-cadre {} le prévoit : {} à {}, soit {} ; {reached}.",
            agreement.number,
            counted(line.units, unit),
            unit_price(line.unit_price),
            euros(line.amount_cents),
        ),
        &[
            ("basis", basis.to_owned()),
            ("units", line.units.to_string()),
            ("tier_min_units", line.tier_min_units.to_string()),
            ("unit_price", line.unit_price.normalize().to_string()),
            ("amount_cents", line.amount_cents.to_string()),
            ("first_tier_unit_price", offer.tiers[0].unit_price.normalize().to_string()),
            ("first_tier_cents", line.first_tier_cents.to_string()),
        ],
    )
}

/// Why a need is left out.
///
/// # Errors
/// [`OrderError::TermsIncomplete`] when the exclusion is not of these terms.
pub fn exclusion_reason(terms: &Terms, need: &PlannedNeed, why: Why) -> Result<Reason, OrderError> {
    match why {
        Why::NoPrice => Ok(no_price(terms, need.article)),
        Why::NotEntitled(offer) => {
            let lot = terms.offers()[offer].lot;
            let entitlement = terms.entitlements.get(&(need.party, lot));
            entitlement
                .map(|entitlement| entitlement.reason.clone())
                .ok_or_else(|| OrderError::TermsIncomplete { what: "entitlement on lot", id: lot.to_string() })
        }
        Why::NoRoute(requirement) => match terms.routes.get(&(requirement, need.site)) {
            Some(RouteAnswer::Refused(reason)) => Ok(reason.clone()),
            Some(RouteAnswer::Platform | RouteAnswer::Direct) | None => {
                Err(OrderError::TermsIncomplete { what: "refused route to site", id: need.site.to_string() })
            }
        },
    }
}

fn no_price(terms: &Terms, article: ArticleId) -> Reason {
    let label = terms.articles.get(&article).map_or_else(|| article.to_string(), |article| article.label.clone());
    let numbers = terms.agreements.iter().map(|agreement| agreement.number.as_str()).collect::<Vec<_>>().join(", ");
    Reason::new(
        "NO_PRICE",
        "CCP R2162-13",
        format!("Aucun prix en vigueur pour « {label} » dans les accords-cadres de la campagne ({numbers})."),
        &[("article", label.clone()), ("agreements", numbers.clone())],
    )
}
