//! Opening, scoring, awarding, signing.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context as _, bail, ensure};
use kit::french::euros;
use serde_json::{Value, json};

use super::{Chain, list, text};
use crate::demo::tables::Row;

impl<'a> Chain<'a> {
    /// Opens the tenders with the opener's key.
    ///
    /// # Errors
    /// As [`Chain::step`].
    pub async fn opened(&mut self) -> anyhow::Result<Value> {
        let (path, officer) = (self.consultation_path(), self.officer());
        let body = self.identity();
        let opened = self.api.post(officer, &format!("{path}/open"), &self.named("open"), &body).await?;
        let tenders = self.api.list(officer, &format!("{path}/tenders"), "tenders").await?;
        let count = |state: &str| tenders.iter().filter(|tender| tender["state"] == state).count();
        let (late, replaced) = (count("LATE"), count("REPLACED"));
        self.note(format!(
            "{} offres reçues : {} ouvertes, {replaced} remplacée(s), {late} hors délai gardée(s) scellée(s)",
            tenders.len(),
            count("OPENED")
        ));
        Ok(opened)
    }

    /// Scores the tenders with the officers' marks, shows every figure, awards, and shows that nothing is signed yet.
    ///
    /// # Errors
    /// As [`Chain::step`].
    pub async fn awarded(&mut self) -> anyhow::Result<Value> {
        let (path, officer) = (self.consultation_path(), self.officer());
        let marks = json!({ "marks": self.marks().await? });
        let scored = self.api.post(officer, &format!("{path}/score"), &self.named("score"), &marks).await?;
        let names: HashMap<&str, &str> =
            self.data.table("parties.csv").rows().map(|row| (row.text("key"), row.text("name"))).collect();
        let keys: HashMap<&str, &str> = self.ids.parties.iter().map(|(key, id)| (id.as_str(), key.as_str())).collect();
        for result in list(&scored, "results")? {
            let mut told = format!("Lot {} :", result["lot_number"]);
            for offer in list(result, "ranking")? {
                let party = text(offer, "party_id")?;
                let name = keys.get(party).and_then(|key| names.get(key)).copied().unwrap_or(party);
                let price = euros(offer["price_cents"].as_i64().unwrap_or_default());
                told.push_str(&format!(
                    " {}. {name}, {} points, panier {price} ;",
                    offer["rank"],
                    text(offer, "total")?
                ));
            }
            self.note(told.trim_end_matches(" ;").to_owned());
        }
        let awarded = self.api.post(officer, &format!("{path}/award"), &self.named("award"), &json!({})).await?;
        let lots = list(&awarded, "results")?.iter().filter(|lot| lot["awarded_to"].is_string()).count();
        self.facts.insert("lots_awarded", i64::try_from(lots)?);
        // None is due where there was one tenderer, or in an adapted procedure (CCP R2182-1, R2182-2).
        if awarded["consultation"]["state"] == "STANDSTILL" {
            let (sign, key) = (format!("{path}/sign"), self.named("sign early"));
            match self.api.try_post(officer, &sign, &key, &self.signature()).await? {
                Ok(signed) => bail!("signed during the standstill: {signed}"),
                Err(refusal) => {
                    ensure!(refusal.problem["code"] == "STANDSTILL_RUNNING", "{refusal}");
                    self.note(format!(
                        "Signature refusée : {}",
                        refusal.problem["detail"].as_str().unwrap_or_default()
                    ));
                }
            }
        }
        Ok(awarded)
    }

    /// The officers' marks: one for each offer and each criterion but the price, from `tender_answers.csv`.
    async fn marks(&self) -> anyhow::Result<Vec<Value>> {
        let path = format!("{}/tenders", self.consultation_path());
        let tenders = self.api.list(self.officer(), &path, "tenders").await?;
        let mut marks = Vec::new();
        for tender in tenders.iter().filter(|tender| tender["state"] == "OPENED") {
            let row = self.last_in_time(text(tender, "party_id")?).context("an opened tender that nobody sent")?;
            for offer in list(tender, "offers")? {
                for answer in self.answers(&row) {
                    marks.push(json!({ "tender_id": tender["receipt"]["tender_id"], "lot_number": offer["lot_number"],
                        "criterion_key": answer.text("criterion_key"), "mark": answer.text("mark"),
                        "comment": answer.text("comment") }));
                }
            }
        }
        Ok(marks)
    }

    /// The line of the tender that is opened of a bidder: its last one at or before the deadline.
    fn last_in_time(&self, party: &str) -> Option<Row<'a>> {
        let deadline = self.row.text("deadline");
        let of_bidder = |row: &Row<'a>| {
            row.text("consultation_key") == self.key()
                && self.ids.parties[row.text("supplier_party_key")] == party
                && row.text("sent_at") <= deadline
        };
        self.data.table("tenders.csv").rows().filter(of_bidder).max_by_key(|row| row.text("sent_at"))
    }

    fn signature(&self) -> Value {
        json!({ "key": self.row.text("agreement_key"), "number": self.row.text("agreement_number") })
    }

    /// Signs the agreement, and waits until the catalogue has its prices.
    ///
    /// # Errors
    /// As [`Chain::step`].
    pub async fn signed(&mut self) -> anyhow::Result<Value> {
        let (base, path, officer) = (self.base(), self.consultation_path(), self.officer());
        let signed = self.api.post(officer, &format!("{path}/sign"), &self.named("sign"), &self.signature()).await?;
        text(&signed["agreement"], "id")?.clone_into(&mut self.agreement);
        let awarded = list(&signed, "prices")?.len();
        let on = text(&signed["agreement"], "starts_on")?;
        let listed = format!("{base}/prices?agreement_id={}&on={on}", self.agreement);
        for _ in 0..600 {
            let there = self.api.list(officer, &listed, "prices").await?.len();
            ensure!(there <= awarded, "{there} prices in the catalogue, {awarded} awarded");
            if there == awarded {
                self.note(format!("{awarded} prix attribués sont au catalogue, sans autre saisie"));
                return Ok(signed);
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        bail!("the catalogue has not got the awarded prices")
    }
}
