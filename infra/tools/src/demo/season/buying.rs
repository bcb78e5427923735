//! From needs to answered orders.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use super::{Season, text, whole};
use crate::demo::{setup::Ids, tables::Row};

impl<'a> Season<'a> {
    /// Opens the round and takes every member's needs: a file each, and for the first member one by one and as a batch too.
    ///
    /// # Errors
    /// When something is refused that should not be.
    pub async fn needs(&mut self) -> anyhow::Result<()> {
        let (base, group) = (self.base(), self.group.clone());
        let Some(row) = self.data.table("rounds.csv").rows().find(|row| row.text("group_key") == group) else {
            bail!("{group}: no round")
        };
        let agreements: Vec<&String> =
            row.text("agreement_keys").split('|').map(|key| &self.ids.agreements[key]).collect();
        let platform = row.text("platform_site_key");
        let body = json!({ "title": row.text("title"), "opens_at": format!("{}T00:00:00Z", row.text("opens_on")),
            "closes_at": format!("{}T16:00:00Z", row.text("closes_on")),
            "platform_site_id": if platform.is_empty() { "" } else { &self.ids.sites[platform] }, "agreement_ids": agreements });
        let round = self.api.post(self.officer(), &format!("{base}/rounds"), &format!("round/{group}"), &body).await?;
        text(&round, "id")?.clone_into(&mut self.round);
        let mut by_member: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for row in self.data.table("needs.csv").rows().filter(|row| row.text("group_key") == group) {
            by_member.entry(row.text("party_key")).or_default().push(row);
        }
        let first = by_member.keys().next().copied().unwrap_or_default();
        let mut taken = 0;
        // One member after the other: equal remainders go to the earlier need, so the order of arrival shows in single cents.
        for (&party, rows) in &by_member {
            let lines: Vec<Need<'_>> = rows.iter().map(Need::of).collect();
            // The first member also shows the other two ways in: one line at a time, and a batch.
            let (one, rest) = lines.split_at(if party == first { lines.len().min(1) } else { 0 });
            let (batch, file) = rest.split_at(if party == first { rest.len().min(20) } else { 0 });
            taken += self.send_needs(party, one, batch, file).await?;
        }
        self.facts.insert("need_lines", taken);
        Ok(())
    }

    async fn send_needs(
        &self,
        party: &str,
        one: &[Need<'_>],
        batch: &[Need<'_>],
        file: &[Need<'_>],
    ) -> anyhow::Result<i64> {
        let (base, ids) = (self.base(), self.ids);
        let login = &self.people.requesters[&(self.group.clone(), party.to_owned())];
        let id = &ids.parties[party];
        let round = &self.round;
        let mut lines = 0;
        for need in one {
            let key = format!("need/{round}/{}", need.reference);
            self.api.post(login, &format!("{base}/rounds/{round}/needs?party_id={id}"), &key, &need.json(ids)).await?;
            lines += 1;
        }
        if !batch.is_empty() {
            let needs: Vec<Value> = batch.iter().map(|need| need.json(ids)).collect();
            let path = format!("{base}/rounds/{round}/needs/batch?party_id={id}");
            self.api.post(login, &path, &format!("batch/{round}/{party}"), &Value::Array(needs)).await?;
            lines += i64::try_from(batch.len())?;
        }
        if !file.is_empty() {
            let mut csv = String::from("site;article;packaging;quantity;reference;needed_by\r\n");
            for need in file {
                let cells = [&ids.sites[need.site], &ids.articles[need.article]];
                csv.push_str(&format!(
                    "{};{};{};{};{};{}\r\n",
                    cells[0], cells[1], need.packaging, need.quantity, need.reference, need.needed_by
                ));
            }
            let path = format!("{base}/rounds/{round}/needs/file?party_id={id}");
            let answer = self.api.try_post_csv(login, &path, csv.clone().into_bytes()).await??;
            lines += whole(&answer, "added")? + whole(&answer, "unchanged")?;
            ensure!(
                whole(&answer, "added")? == i64::try_from(file.len())? || answer["replayed"] == true,
                "{party}: {answer}"
            );
            let again = self.api.try_post_csv(login, &path, csv.into_bytes()).await??;
            ensure!(again["replayed"] == true, "the same file twice must add nothing: {again}");
        }
        Ok(lines)
    }

    /// Closes the round, shows that it takes no more, consolidates and plans.
    ///
    /// # Errors
    /// When something is refused that should not be, or accepted that should not be.
    pub async fn pool(&mut self) -> anyhow::Result<()> {
        let (base, officer, round) = (self.base(), self.officer(), self.round.clone());
        self.api.post(officer, &format!("{base}/rounds/{round}/close"), &format!("close/{round}"), &json!({})).await?;
        let late =
            self.data.table("needs.csv").rows().find(|row| row.text("group_key") == self.group).context("no needs")?;
        let (need, party) = (Need::of(&late), late.text("party_key"));
        let mut body = need.json(self.ids);
        body["reference"] = json!("TARDIF-1");
        let login = &self.people.requesters[&(self.group.clone(), party.to_owned())];
        let path = format!("{base}/rounds/{round}/needs?party_id={}", self.ids.parties[party]);
        match self.api.try_post(login, &path, &format!("late/{round}"), &body).await? {
            Ok(answer) => bail!("a closed round took a need: {answer}"),
            Err(refusal) => self
                .notes
                .push(format!("Besoin tardif refusé : {}", refusal.problem["detail"].as_str().unwrap_or_default())),
        }
        let snapshot = self
            .api
            .post(officer, &format!("{base}/rounds/{round}/consolidate"), &format!("consolidate/{round}"), &json!({}))
            .await?;
        self.facts.insert("units_needed", whole(&snapshot, "units")?);
        let plan = self
            .api
            .post(
                officer,
                &format!("{base}/snapshots/{}/plan", text(&snapshot, "id")?),
                &format!("plan/{round}"),
                &json!({}),
            )
            .await?;
        text(&plan, "id")?.clone_into(&mut self.plan);
        for (fact, field) in
            [("plan_lines", "line_count"), ("exclusions", "exclusion_count"), ("plan_units", "units_ordered")]
        {
            self.facts.insert(fact, whole(&plan, field)?);
        }
        self.explain().await?;
        let mut rules: BTreeMap<String, (usize, String)> = BTreeMap::new();
        for exclusion in self.api.list(officer, &format!("{base}/plans/{}/exclusions", self.plan), "exclusions").await?
        {
            let reason = &exclusion["reason"];
            let entry = rules.entry(text(reason, "rule")?.to_owned()).or_default();
            entry.0 += 1;
            entry.1 = format!("{} ({})", text(reason, "text")?, text(reason, "source")?);
        }
        for (rule, (count, example)) in rules {
            self.notes.push(format!("{count} besoins écartés, règle {rule} : {example}"));
        }
        Ok(())
    }

    /// Shows how one article that many members asked for, in different packagings, became whole packs at the pooled price.
    async fn explain(&mut self) -> anyhow::Result<()> {
        let lines =
            self.api.list(self.officer(), &format!("{}/plans/{}/lines", self.base(), self.plan), "lines").await?;
        let Some(widest) =
            lines.iter().max_by_key(|line| (line["member_count"].as_i64(), line["units_ordered"].as_i64()))
        else {
            return Ok(());
        };
        for reason in widest["reasons"].as_array().context("reasons")? {
            if reason["rule"] != "FIRST_LOT_WITH_PRICE" {
                self.notes.push(format!("Pour exemple : {}", text(reason, "text")?));
            }
        }
        Ok(())
    }

    /// Approves the plan, records commitment numbers, places the orders and waits until all are placed or refused.
    ///
    /// # Errors
    /// When something is refused that should not be.
    pub async fn order(&mut self) -> anyhow::Result<()> {
        let (base, officer) = (self.base(), self.officer());
        let path = format!("{base}/plans/{}", self.plan);
        self.api.post(officer, &format!("{path}/approve"), &format!("approve/{}", self.plan), &json!({})).await?;
        let plan = self.api.get(officer, &path).await?;
        let parties: HashMap<&String, &String> = self.ids.parties.iter().map(|(key, id)| (id, key)).collect();
        for (index, party) in plan["missing_commitments"].as_array().context("missing_commitments")?.iter().enumerate()
        {
            let id = party.as_str().context("party id")?.to_owned();
            let member = parties.get(&id).context("unknown buyer")?;
            let login =
                self.people.requesters.get(&(self.group.clone(), (*member).clone())).map_or(officer, String::as_str);
            let body = json!({ "party_id": id, "commitment_number": format!("ENG-2026-{:05}", 1_000 + index) });
            self.api.post(login, &format!("{path}/commitments"), &format!("commit/{}/{id}", self.plan), &body).await?;
        }
        self.api.post(officer, &format!("{path}/place"), &format!("place/{}", self.plan), &json!({})).await?;
        for _ in 0..1_200 {
            let orders = self.orders().await?;
            if !orders.is_empty() && orders.iter().all(|order| order["state"] != "PLACING") {
                for order in orders.iter().filter(|order| order["state"] == "REFUSED") {
                    let reason =
                        order["reasons"].as_array().and_then(|reasons| reasons.last()).cloned().unwrap_or_default();
                    let number = text(order, "number")?;
                    self.notes.push(format!(
                        "Commande {number} refusée : {} ({})",
                        text(&reason, "text")?,
                        text(&reason, "source")?
                    ));
                }
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(250)).await;
        }
        bail!("{}: orders still being placed after 5 minutes", self.group)
    }

    /// The group's pooled orders of this season's plan.
    ///
    /// # Errors
    /// When the list cannot be read.
    pub async fn orders(&self) -> anyhow::Result<Vec<Value>> {
        self.api.list(self.officer(), &format!("{}/pooled-orders?plan_id={}", self.base(), self.plan), "orders").await
    }

    pub(super) fn supplier_login(&self, supplier_id: &str) -> Option<&'a str> {
        let key = self.ids.parties.iter().find(|(_, id)| *id == supplier_id)?.0;
        self.people.suppliers.get(key).map(String::as_str)
    }

    /// Suppliers confirm: on the portal, or by the link in the e-mail; for one without either an officer takes the order's file and enters what came by e-mail.
    ///
    /// # Errors
    /// When something is refused that should not be.
    pub async fn answer(&mut self) -> anyhow::Result<()> {
        let base = self.base();
        let mut cancelled = 0;
        for order in self.orders().await?.iter().filter(|order| order["state"] == "PLACED") {
            let id = text(order, "id")?;
            let path = format!("{base}/pooled-orders/{id}");
            if self.answers_by_link(order)? {
                cancelled += self.answer_by_link(order, cancelled == 0).await?;
                continue;
            }
            let (login, means) = match self.supplier_login(text(order, "supplier_id")?) {
                Some(login) => (login, "PORTAL"),
                None => {
                    let file = self.api.get(self.officer(), &format!("{path}/file")).await?;
                    ensure!(file.as_str().is_some_and(|file| file.lines().count() > 1), "empty order file");
                    self.notes.push(format!(
                        "Commande {} envoyée en fichier, réponse saisie par l'acheteur (courriel)",
                        text(order, "number")?
                    ));
                    (self.officer(), "EMAIL")
                }
            };
            self.api
                .post(
                    login,
                    &format!("{path}/answer"),
                    &format!("answer/{id}"),
                    &json!({ "lines": [], "means": means }),
                )
                .await?;
        }
        self.facts.insert("cancelled_by_answers", cancelled);
        self.facts.insert(
            "suppliers_without_account",
            self.notes.iter().filter(|note| note.contains("en fichier")).count().try_into()?,
        );
        Ok(())
    }
}

/// A line of `needs.csv`.
struct Need<'a> {
    site: &'a str,
    article: &'a str,
    packaging: &'a str,
    quantity: i64,
    reference: &'a str,
    needed_by: &'a str,
}

impl<'a> Need<'a> {
    fn of(row: &Row<'a>) -> Self {
        Self {
            site: row.text("site_key"),
            article: row.text("article_key"),
            packaging: row.text("packaging_code"),
            quantity: row.text("quantity").parse().unwrap_or(0),
            reference: row.text("reference"),
            needed_by: row.text("needed_by"),
        }
    }

    fn json(&self, ids: &Ids) -> Value {
        json!({ "site": ids.sites[self.site], "article": ids.articles[self.article], "packaging_code": self.packaging, "quantity": self.quantity,
            "reference": self.reference, "needed_by": self.needed_by })
    }
}
