//! What is inside a tender, once opened: a JSON document of prices and answers.
//!
//! ```json
//! {"lots": [{"lot": 1,
//!            "prices": [{"article_id": "art_…", "packaging_code": "BOX", "order_multiple_packs": 1,
//!                        "tiers": [{"min_units": 0, "unit_price": "0.0412"}, {"min_units": 5000, "unit_price": "0.0380"}]}],
//!            "answers": {"ENV": "Carton recyclé, …"}}]}
//! ```
//!
//! A bidder may leave lots out, but prices every article of a lot that it offers and answers every criterion but the price.
//! Prices are EUR per base unit without VAT, more than 0, at most 6 places, as text. Tiers begin at 0 units, rise in quantity and
//! are never dearer higher; the basket is priced at the tier that the documents name ([`TierComparison`]). Tiers belong to one
//! lot: a rebate that depends on how many lots are won is forbidden (CCP L2151-1) and makes the tender irregular.

use std::collections::{BTreeMap, HashMap};

use kit::{
    id::ArticleId,
    money::{amount_cents, parse_unit_price},
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::dossier::{BasketLine, Dossier, Lot, TierComparison};
use crate::domain::agreement::LARGEST_CENTS;

/// Longest answer to a criterion, characters.
const LONGEST_ANSWER: usize = 20_000;
/// Tiers of one price at most, as in the catalogue.
const MOST_TIERS: usize = 50;
/// Largest multiple of packs, as in the catalogue.
const LARGEST_MULTIPLE: i64 = 1_000_000;
/// Faults told of one tender at most.
const MOST_FAULTS: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    lots: Vec<DocumentLot>,
    /// Named only to be refused with its rule.
    #[serde(default, alias = "remises")]
    rebates: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DocumentLot {
    lot: i32,
    prices: Vec<DocumentPrice>,
    #[serde(default)]
    answers: BTreeMap<String, String>,
    #[serde(default, alias = "remises")]
    rebates: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DocumentPrice {
    article_id: String,
    packaging_code: String,
    #[serde(default = "one")]
    order_multiple_packs: i64,
    tiers: Vec<DocumentTier>,
}

const fn one() -> i64 {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DocumentTier {
    min_units: i64,
    unit_price: String,
}

/// A checked tender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// By number of the lot.
    pub offers: Vec<Offer>,
}

/// An offer for one lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Number of the lot.
    pub lot: i32,
    /// Price of the basket without VAT, cents EUR, above 0.
    pub price_cents: i64,
    /// Prices, in the basket's order.
    pub prices: Vec<Price>,
    /// Answers by key of criterion.
    pub answers: BTreeMap<String, String>,
}

/// A price as tendered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Which article.
    pub article: ArticleId,
    /// Packaging that is sold.
    pub packaging: String,
    /// It is sold by multiples of so many packs.
    pub order_multiple_packs: i64,
    /// From the first unit on, rising in quantity, never in price.
    pub tiers: Vec<Tier>,
}

/// A price from a quantity on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// Base units from which it holds.
    pub min_units: i64,
    /// EUR per base unit without VAT.
    pub unit_price: Decimal,
}

impl Price {
    /// The unit price at which a basket's line is compared.
    #[must_use]
    pub fn compared(&self, comparison: TierComparison, quantity: i64) -> Decimal {
        let reached = match comparison {
            TierComparison::FirstTier => self.tiers.first(),
            TierComparison::BasketQuantity => self.tiers.iter().rev().find(|tier| tier.min_units <= quantity),
        };
        reached.map(|tier| tier.unit_price).unwrap_or_default()
    }
}

/// Reads a tender against the documents of its consultation.
///
/// # Errors
/// What is wrong with it, in French, at most 100 sentences.
pub fn read(bytes: &[u8], dossier: &Dossier) -> Result<Content, Vec<String>> {
    let document: Document = serde_json::from_slice(bytes).map_err(|error| {
        vec![format!(
            "Le fichier n'est pas le document JSON attendu (ligne {}, colonne {}).",
            error.line(),
            error.column()
        )]
    })?;
    let mut faults = Vec::new();
    if document.rebates.is_some() || document.lots.iter().any(|lot| lot.rebates.is_some()) {
        faults.push(
            "Une remise qui dépend des lots obtenus est interdite (CCP L2151-1) : chaque lot s'offre pour lui-même, par paliers de quantité."
                .to_owned(),
        );
    }
    if document.lots.is_empty() {
        faults.push("L'offre ne porte sur aucun lot.".to_owned());
    }
    let mut offers: Vec<Offer> = Vec::new();
    for offered in document.lots {
        let number = offered.lot;
        let Some(lot) = dossier.lot(number) else {
            faults.push(format!("Le lot {number} n'existe pas."));
            continue;
        };
        if offers.iter().any(|offer| offer.lot == number) {
            faults.push(format!("Le lot {number} est offert deux fois."));
            continue;
        }
        let answers = answers(dossier, number, offered.answers, &mut faults);
        let prices = prices(lot, &offered.prices, &mut faults);
        let price_cents = if prices.len() == lot.basket.len() {
            basket_price(lot, dossier.tier_comparison, &prices, &mut faults)
        } else {
            0
        };
        offers.push(Offer { lot: number, price_cents, prices, answers });
    }
    faults.truncate(MOST_FAULTS);
    if !faults.is_empty() {
        return Err(faults);
    }
    offers.sort_by_key(|offer| offer.lot);
    Ok(Content { offers })
}

fn prices(lot: &Lot, offered: &[DocumentPrice], faults: &mut Vec<String>) -> Vec<Price> {
    let number = lot.number;
    let mut given: HashMap<ArticleId, Price> = HashMap::new();
    for price in offered {
        let named: String = price.article_id.chars().take(60).collect();
        let line = price.article_id.parse().ok().and_then(|id| lot.basket.iter().find(|line| line.article == id));
        let Some(line) = line else {
            faults.push(format!("Lot {number} : l'article {named} n'est pas au panier."));
            continue;
        };
        let mut wrong = Vec::new();
        let read = read_price(line, price, &mut wrong);
        faults.extend(wrong.iter().map(|fault| format!("Lot {number}, article {named} : {fault}")));
        if wrong.is_empty() && given.insert(line.article, read).is_some() {
            faults.push(format!("Lot {number} : l'article {named} a deux prix."));
        }
    }
    let mut prices = Vec::with_capacity(lot.basket.len());
    for line in &lot.basket {
        match given.remove(&line.article) {
            Some(price) => prices.push(price),
            None => faults.push(format!("Lot {number} : l'article {} n'a pas de prix valable.", line.article)),
        }
    }
    prices
}

/// A price of a line of the basket; what is wrong with it is told.
fn read_price(line: &BasketLine, price: &DocumentPrice, faults: &mut Vec<String>) -> Price {
    // Documents published before packagings were named admit any.
    if !line.packagings.is_empty() && !line.packagings.contains(&price.packaging_code) {
        let shown: String = price.packaging_code.chars().take(40).collect();
        let admitted = line.packagings.join(", ");
        faults.push(format!("le conditionnement « {shown} » n'est pas admis ; admis : {admitted}."));
    }
    if !(1..=LARGEST_MULTIPLE).contains(&price.order_multiple_packs) {
        faults.push(format!("le multiple de commande doit être de 1 à {LARGEST_MULTIPLE} conditionnements."));
    }
    if price.tiers.is_empty() || price.tiers.len() > MOST_TIERS {
        faults.push(format!("il faut de 1 à {MOST_TIERS} paliers."));
    }
    let mut tiers: Vec<Tier> = Vec::with_capacity(price.tiers.len());
    for tier in price.tiers.iter().take(MOST_TIERS) {
        let Some(unit_price) = unit_price(&tier.unit_price) else {
            let shown: String = tier.unit_price.chars().take(40).collect();
            faults.push(format!(
                "le prix « {shown} » doit être un nombre supérieur à 0, avec un point et 6 décimales au plus."
            ));
            continue;
        };
        match tiers.last() {
            None if tier.min_units != 0 => faults.push("le premier palier doit commencer à 0 unité.".to_owned()),
            Some(before) if tier.min_units <= before.min_units => {
                faults.push(format!("le palier à partir de {} unités ne suit pas le précédent.", tier.min_units));
            }
            Some(before) if unit_price > before.unit_price => {
                faults.push(format!("le palier à partir de {} unités est plus cher que le précédent.", tier.min_units));
            }
            None | Some(_) => {}
        }
        tiers.push(Tier { min_units: tier.min_units, unit_price });
    }
    Price {
        article: line.article,
        packaging: price.packaging_code.clone(),
        order_multiple_packs: price.order_multiple_packs,
        tiers,
    }
}

/// A unit price above 0 in plain digits: what could be read as another figure (1e3, +1) is not guessed.
fn unit_price(text: &str) -> Option<Decimal> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    parse_unit_price(text).ok().filter(|price| plain && *price > Decimal::ZERO)
}

/// The price of a lot's basket in cents: each line at the tier compared, rounded half up, then summed.
fn basket_price(lot: &Lot, comparison: TierComparison, prices: &[Price], faults: &mut Vec<String>) -> i64 {
    let mut total = 0_i64;
    for (line, price) in lot.basket.iter().zip(prices) {
        let compared = price.compared(comparison, line.quantity);
        let sum = amount_cents(compared, line.quantity).ok().and_then(|amount| total.checked_add(amount));
        match sum {
            Some(sum) if sum <= LARGEST_CENTS => total = sum,
            Some(_) | None => {
                faults.push(format!("Lot {} : le prix du panier est trop grand.", lot.number));
                return 0;
            }
        }
    }
    if total == 0 {
        faults.push(format!("Lot {} : le prix du panier est nul une fois arrondi au centime.", lot.number));
    }
    total
}

fn answers(
    dossier: &Dossier,
    number: i32,
    given: BTreeMap<String, String>,
    faults: &mut Vec<String>,
) -> BTreeMap<String, String> {
    for criterion in dossier.marked_criteria() {
        match given.get(&criterion.key).map(|answer| answer.trim().chars().count()) {
            None | Some(0) => {
                faults.push(format!("Lot {number} : le critère {} est sans réponse.", criterion.key));
            }
            Some(length) if length > LONGEST_ANSWER => faults.push(format!(
                "Lot {number} : la réponse au critère {} dépasse {LONGEST_ANSWER} caractères.",
                criterion.key
            )),
            Some(_) => {}
        }
    }
    for key in given.keys() {
        if !dossier.marked_criteria().any(|criterion| criterion.key == *key) {
            let key: String = key.chars().take(60).collect();
            faults.push(format!("Lot {number} : le critère « {key} » n'est pas à renseigner."));
        }
    }
    given
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::publication::tests::complete, *};

    fn offered(dossier: &Dossier, price: &str) -> serde_json::Value {
        json!({"lots": [{"lot": 1,
            "prices": [{"article_id": dossier.lots[0].basket[0].article, "packaging_code": "BOX",
                "tiers": [{"min_units": 0, "unit_price": price}]}],
            "answers": {"QUAL": "EN 455", "ENV": "Carton recyclé"}}]})
    }

    #[test]
    fn a_complete_tender_is_read_with_the_exact_price_of_its_basket() {
        let dossier = complete();
        let content = read(offered(&dossier, "0.123455").to_string().as_bytes(), &dossier).unwrap();
        assert_eq!(content.offers[0].price_cents, 12_346, "1,000 × 0.123455 = 123.455, rounded half up");
        let text = serde_json::to_string(&content).unwrap();
        assert_eq!(serde_json::from_str::<Content>(&text).unwrap(), content);
    }

    #[test]
    fn every_fault_is_told_in_a_sentence() {
        let dossier = complete();
        let faults = |document: &serde_json::Value| read(document.to_string().as_bytes(), &dossier).unwrap_err();
        for price in ["0", "-1", "0,12", "1e3", "", "0.1234567", "NaN"] {
            let found = faults(&offered(&dossier, price));
            assert!(found[0].contains(&format!("« {price} »")), "{price}: {found:?}");
        }
        let mut unanswered = offered(&dossier, "1");
        unanswered["lots"][0]["answers"] = json!({"ENV": " ", "PRIX": "x"});
        assert_eq!(
            faults(&unanswered),
            [
                "Lot 1 : le critère QUAL est sans réponse.",
                "Lot 1 : le critère ENV est sans réponse.",
                "Lot 1 : le critère « PRIX » n'est pas à renseigner.",
            ]
        );
        let mut twice = offered(&dossier, "1");
        twice["lots"] = json!([twice["lots"][0], twice["lots"][0], {"lot": 9, "prices": []}]);
        assert_eq!(faults(&twice), ["Le lot 1 est offert deux fois.", "Le lot 9 n'existe pas."]);
        assert_eq!(
            faults(&offered(&dossier, "0.000001")),
            ["Lot 1 : le prix du panier est nul une fois arrondi au centime."]
        );
        assert_eq!(faults(&json!({"lots": []})), ["L'offre ne porte sur aucun lot."]);
        assert_eq!(faults(&json!({"lots": [], "prime": 1})).len(), 1, "what is not known is not passed over");
        assert_eq!(read(b"\xff", &dossier).unwrap_err().len(), 1);
    }

    #[test]
    fn tiers_rise_in_quantity_and_never_in_price_in_a_packaging_that_is_admitted() {
        let dossier = complete();
        let with = |packaging: &str, multiple: i64, tiers: &[(i64, &str)]| {
            let mut document = offered(&dossier, "1");
            let price = &mut document["lots"][0]["prices"][0];
            price["packaging_code"] = json!(packaging);
            price["order_multiple_packs"] = json!(multiple);
            let tier =
                |&(min_units, unit_price): &(i64, &str)| json!({"min_units": min_units, "unit_price": unit_price});
            price["tiers"] = tiers.iter().map(tier).collect();
            read(document.to_string().as_bytes(), &dossier)
        };
        let content = with("BOX", 4, &[(0, "2"), (1_000, "1.5"), (1_001, "1.5")]).unwrap();
        assert_eq!((content.offers[0].prices[0].order_multiple_packs, content.offers[0].price_cents), (4, 200_000));
        let told = |faults: Vec<String>| faults.into_iter().map(|fault| fault.split(" : ").nth(1).unwrap().to_owned());
        for (packaging, multiple, tiers, expected) in [
            ("PALLET", 1, &[(0, "2")][..], "le conditionnement « PALLET » n'est pas admis ; admis"),
            ("BOX", 0, &[(0, "2")], "le multiple de commande doit être de 1 à 1000000 conditionnements."),
            ("BOX", 1, &[], "il faut de 1 à 50 paliers."),
            ("BOX", 1, &[(1, "2")], "le premier palier doit commencer à 0 unité."),
            ("BOX", 1, &[(0, "2"), (0, "1")], "le palier à partir de 0 unités ne suit pas le précédent."),
            ("BOX", 1, &[(0, "1"), (9, "2")], "le palier à partir de 9 unités est plus cher que le précédent."),
        ] {
            let faults: Vec<String> = told(with(packaging, multiple, tiers).unwrap_err()).collect();
            assert_eq!(faults[0], expected);
        }
    }

    #[test]
    fn the_basket_is_compared_at_the_first_tier_unless_the_documents_say_otherwise() {
        let mut dossier = complete();
        let mut document = offered(&dossier, "1");
        let tier = |min_units: i64, unit_price: &str| json!({"min_units": min_units, "unit_price": unit_price});
        document["lots"][0]["prices"][0]["tiers"] = json!([tier(0, "2"), tier(1_000, "1.5"), tier(1_001, "1")]);
        let price = |dossier: &Dossier| read(document.to_string().as_bytes(), dossier).unwrap().offers[0].price_cents;
        assert_eq!(price(&dossier), 200_000, "1,000 units at the price of the first unit");
        dossier.tier_comparison = TierComparison::BasketQuantity;
        assert_eq!(price(&dossier), 150_000, "the tier that 1,000 units reach, and not the next");
    }

    #[test]
    fn a_rebate_that_depends_on_the_lots_won_is_refused_with_its_rule() {
        let dossier = complete();
        let rebates = json!([{"lots": 2, "percent": "5"}]);
        let mut of_tender = offered(&dossier, "1");
        of_tender["rebates"] = rebates.clone();
        let mut of_lot = offered(&dossier, "1");
        of_lot["lots"][0]["remises"] = rebates;
        for document in [of_tender, of_lot] {
            let faults = read(document.to_string().as_bytes(), &dossier).unwrap_err();
            assert!(faults.len() == 1 && faults[0].contains("CCP L2151-1"), "{faults:?}");
        }
    }
}
