//! What suppliers do: they read the documents, price every article of the lots that they offer, and seal that for the opener.

use std::collections::BTreeMap;

use age::secrecy::ExposeSecret as _;
use anyhow::Context as _;
use serde_json::{Value, json};

use super::{Chain, list};
use crate::demo::tables::Row;

impl<'a> Chain<'a> {
    /// A supplier sends its tender of a line of `tenders.csv`.
    ///
    /// # Errors
    /// As [`Chain::step`].
    pub async fn tendered(&mut self, index: usize) -> anyhow::Result<Value> {
        let tender = self.data.table("tenders.csv").rows().nth(index).context("no such tender")?;
        let (key, supplier) = (tender.text("key"), tender.text("supplier_party_key"));
        let login = &self.people.suppliers[supplier];
        let file = match self.sealed.get(key) {
            Some(file) => file.clone(),
            None => {
                let file = self.seal(login, &tender).await?;
                self.sealed.insert(key.to_owned(), file.clone());
                self.facts.entry("tenders_received").and_modify(|count| *count += 1).or_insert(1);
                file
            }
        };
        let path = format!("{}/tenders", self.consultation_path());
        self.api.post_file(login, &path, &self.named(&format!("tender/{key}")), "application/octet-stream", file).await
    }

    /// The tender as its sender writes it from the published documents, encrypted to the key that they name.
    async fn seal(&self, login: &str, tender: &Row<'a>) -> anyhow::Result<Vec<u8>> {
        let seen = self.api.get(login, &format!("/v1/consultations/{}", self.consultation)).await?;
        let published = &seen["consultation"];
        let prices = self.prices(tender.text("key"));
        let answers: BTreeMap<&str, &str> =
            self.answers(tender).map(|row| (row.text("criterion_key"), row.text("answer"))).collect();
        let mut lots = Vec::new();
        for lot in list(published, "lots")? {
            let basket = list(lot, "basket")?;
            let offered: Option<Vec<&Value>> =
                basket.iter().map(|line| prices.get(line["article_id"].as_str().unwrap_or_default())).collect();
            // A lot is offered when each of its articles has a price.
            if let Some(offered) = offered {
                lots.push(json!({ "lot": lot["number"], "prices": offered, "answers": answers }));
            }
        }
        let key = published["opener_key"].as_str().unwrap_or_default();
        let recipient = key.parse::<age::x25519::Recipient>().map_err(|error| anyhow::anyhow!("{key}: {error}"))?;
        Ok(age::encrypt(&recipient, json!({ "lots": lots }).to_string().as_bytes())?)
    }

    /// Prices of a tender by `art_…`: lines with the same article are tiers of one price.
    fn prices(&self, tender: &str) -> BTreeMap<&'a str, Value> {
        let mut prices: BTreeMap<&str, Value> = BTreeMap::new();
        for row in self.data.table("tender_prices.csv").rows().filter(|row| row.text("tender_key") == tender) {
            let article = self.ids.articles[row.text("article_key")].as_str();
            let whole = |column| row.text(column).parse::<i64>().unwrap_or_default();
            let tier = json!({ "min_units": whole("tier_min_units"), "unit_price": row.text("unit_price") });
            let price = prices.entry(article).or_insert_with(|| {
                json!({ "article_id": article, "packaging_code": row.text("packaging_code"),
                    "order_multiple_packs": whole("order_multiple_packs"), "tiers": [] })
            });
            if let Some(tiers) = price["tiers"].as_array_mut() {
                tiers.push(tier);
            }
        }
        prices
    }

    /// The lines of `tender_answers.csv` of a tender.
    pub(super) fn answers(&self, tender: &Row<'a>) -> impl Iterator<Item = Row<'a>> {
        let key = tender.text("key");
        self.data.table("tender_answers.csv").rows().filter(move |row| row.text("tender_key") == key)
    }

    /// The opener's private key, as it is given to open.
    pub(super) fn identity(&self) -> Value {
        json!({ "identity": self.opener.to_string().expose_secret() })
    }
}
