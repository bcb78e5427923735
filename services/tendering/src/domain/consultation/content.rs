//! What is inside a tender, once opened: a JSON document of unit prices and answers.
//!
//! ```json
//! {"lots": [{"lot": 1,
//!            "prices": [{"article_id": "art_…", "unit_price": "0.0412"}],
//!            "answers": {"ENV": "Carton recyclé, …"}}]}
//! ```
//!
//! A bidder may leave lots out, but prices every article of a lot that it offers and answers every criterion but the price.
//! Prices are EUR per base unit without VAT, more than 0, at most 6 places, as text.

use std::collections::{BTreeMap, HashMap};

use kit::{
    id::ArticleId,
    money::{amount_cents, parse_unit_price},
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::dossier::{Dossier, Lot};
use crate::domain::agreement::LARGEST_CENTS;

/// Longest answer to a criterion, characters.
const LONGEST_ANSWER: usize = 20_000;
/// Faults told of one tender at most.
const MOST_FAULTS: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    lots: Vec<DocumentLot>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DocumentLot {
    lot: i32,
    prices: Vec<DocumentPrice>,
    #[serde(default)]
    answers: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DocumentPrice {
    article_id: String,
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
    /// Unit prices, in the basket's order.
    pub prices: Vec<UnitPrice>,
    /// Answers by key of criterion.
    pub answers: BTreeMap<String, String>,
}

/// A unit price as tendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitPrice {
    /// Which article.
    pub article: ArticleId,
    /// EUR per base unit without VAT.
    pub unit_price: Decimal,
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
        let price_cents = if prices.len() == lot.basket.len() { basket_price(lot, &prices, &mut faults) } else { 0 };
        offers.push(Offer { lot: number, price_cents, prices, answers });
    }
    faults.truncate(MOST_FAULTS);
    if !faults.is_empty() {
        return Err(faults);
    }
    offers.sort_by_key(|offer| offer.lot);
    Ok(Content { offers })
}

fn prices(lot: &Lot, offered: &[DocumentPrice], faults: &mut Vec<String>) -> Vec<UnitPrice> {
    let number = lot.number;
    let mut given: HashMap<ArticleId, Decimal> = HashMap::new();
    for price in offered {
        let named: String = price.article_id.chars().take(60).collect();
        let article = price.article_id.parse().ok().filter(|id| lot.basket.iter().any(|line| line.article == *id));
        let Some(article) = article else {
            faults.push(format!("Lot {number} : l'article {named} n'est pas au panier."));
            continue;
        };
        // Plain digits only: what could be read as another figure (1e3, +1) is not guessed.
        let plain = price.unit_price.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let unit_price = match parse_unit_price(&price.unit_price) {
            Ok(unit_price) if plain && unit_price > Decimal::ZERO => unit_price,
            Ok(_) | Err(_) => {
                let shown: String = price.unit_price.chars().take(40).collect();
                faults.push(format!(
                    "Lot {number} : le prix « {shown} » de {named} doit être un nombre supérieur à 0, avec un point et 6 décimales au plus."
                ));
                continue;
            }
        };
        if given.insert(article, unit_price).is_some() {
            faults.push(format!("Lot {number} : l'article {named} a deux prix."));
        }
    }
    let mut prices = Vec::with_capacity(lot.basket.len());
    for line in &lot.basket {
        match given.get(&line.article) {
            Some(unit_price) => prices.push(UnitPrice { article: line.article, unit_price: *unit_price }),
            None => faults.push(format!("Lot {number} : l'article {} n'a pas de prix valable.", line.article)),
        }
    }
    prices
}

/// The price of a lot's basket in cents: each line rounded half up, then summed.
fn basket_price(lot: &Lot, prices: &[UnitPrice], faults: &mut Vec<String>) -> i64 {
    let mut total = 0_i64;
    for (line, price) in lot.basket.iter().zip(prices) {
        let sum = amount_cents(price.unit_price, line.quantity).ok().and_then(|amount| total.checked_add(amount));
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
            "prices": [{"article_id": dossier.lots[0].basket[0].article, "unit_price": price}],
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
        assert_eq!(faults(&json!({"lots": [], "rabais": 1})).len(), 1, "a rebate over several lots has no place");
        assert_eq!(read(b"\xff", &dossier).unwrap_err().len(), 1);
    }
}
