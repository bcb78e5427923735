//! Orders leave by e-mail and are answered by the link in it; urgent orders outside the round.

use std::{collections::HashSet, path::PathBuf, time::Duration};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use super::{Season, text, whole};
use crate::catcher;

/// How long a mail may be on its way.
const LOOKS: u32 = 1_200;
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(250);
/// Where the mail catcher keeps mails; not set where mails are really delivered.
const MAILS: &str = "CENTRALE_MAILS_DIR";

impl Season<'_> {
    /// Firms that take orders by e-mail and have no account, and of the others those whose key comes in the second half of the
    /// alphabet, so that both ways are seen.
    pub(super) fn answers_by_link(&self, order: &Value) -> anyhow::Result<bool> {
        if std::env::var_os(MAILS).is_none() {
            return Ok(false);
        }
        let supplier = text(order, "supplier_id")?;
        let Some((key, _)) = self.ids.parties.iter().find(|(_, id)| *id == supplier) else { return Ok(false) };
        let addressed = self.data.table("contacts.csv").rows().any(|row| row.text("party_key") == key);
        Ok(addressed && (!self.people.suppliers.contains_key(key) || key.as_str() >= "h"))
    }

    /// As a person would: opens the link of the mail that came, and sends the form. With `partly`, one pack less of the first
    /// article, and why. Answers the units refused.
    pub(super) async fn answer_by_link(&mut self, order: &Value, partly: bool) -> anyhow::Result<i64> {
        let number = text(order, "number")?;
        let link = self.mailed_link(number).await?;
        let page = self.api.page(&link).await?;
        ensure!(page.contains(number), "the page of {number} does not name it");
        let lines = self
            .api
            .get(self.officer(), &format!("{}/pooled-orders/{}", self.base(), text(order, "id")?))
            .await?["lines"]
            .as_array()
            .cloned()
            .context("lines")?;
        let typed: Vec<String> = (0..lines.len()).map_while(|index| field(&page, &format!("packs{index}"))).collect();
        let first: i64 = typed.first().and_then(|packs| packs.parse().ok()).unwrap_or(0);
        let mut refused = 0;
        let form: Vec<(String, String)> = if partly && first > 1 && typed.len() == lines.len() {
            let mut form = vec![("answer".to_owned(), "lines".to_owned())];
            for (index, packs) in typed.iter().enumerate() {
                form.push((format!("packs{index}"), packs.clone()));
            }
            form[1].1 = (first - 1).to_string();
            // Without its reason the page comes back with what is to be mended, and nothing is lost.
            let mended = self.api.submit(&link, &form).await?;
            ensure!(mended.is_err_and(|page| page.contains("Indiquez le motif")), "{number}: no reason was asked for");
            form.push(("reason0".to_owned(), "Rupture partielle chez le fabricant (FICTIF)".to_owned()));
            refused = 1;
            form
        } else {
            vec![("answer".to_owned(), "all".to_owned())]
        };
        let after = self.api.submit(&link, &form).await?.map_err(|page| anyhow::anyhow!("{number}: {page}"))?;
        ensure!(after.contains("Votre réponse est enregistrée"), "{number}: {after}");
        // A second click changes nothing.
        let again = self.api.submit(&link, &form).await?.map_err(|page| anyhow::anyhow!("{number}: {page}"))?;
        ensure!(again.contains("Votre réponse est enregistrée"), "{number} answered twice: {again}");
        *self.facts.entry("answers_by_link").or_insert(0) += 1;
        if refused == 0 {
            return Ok(0);
        }
        let answered =
            self.api.get(self.officer(), &format!("{}/pooled-orders/{}", self.base(), text(order, "id")?)).await?;
        let lines = answered["lines"].as_array().context("lines")?;
        let units: i64 = lines.iter().map(|line| whole(line, "units_cancelled")).sum::<anyhow::Result<i64>>()?;
        ensure!(units > 0, "{number}: nothing was refused");
        self.notes.push(format!("Commande {number} répondue par le lien du courriel, sans compte : un conditionnement refusé, avec son motif"));
        Ok(units)
    }

    /// Waits for the mail with an order, and reads its link.
    async fn mailed_link(&self, number: &str) -> anyhow::Result<String> {
        let dir = PathBuf::from(std::env::var_os(MAILS).context("no folder of mails")?);
        let group = self.api.get(self.officer(), &self.base()).await?;
        let subject = format!("Commande groupée {number} — {}", text(&group, "name")?);
        for _ in 0..LOOKS {
            let mails = catcher::mails(&dir)?;
            if let Some(mail) = mails.iter().rev().find(|mail| mail.subject == subject) {
                ensure!(mail.files.len() == 2, "{number}: {} files in its mail", mail.files.len());
                return Ok(mail.link().context("no link in the mail")?.to_owned());
            }
            tokio::time::sleep(PAUSE).await;
        }
        bail!("no mail for {number} came into {}", dir.display())
    }

    /// One urgent order that is placed, and one for somebody whom the agreement does not name.
    ///
    /// # Errors
    /// When the first is refused or the second is not.
    pub async fn urgent(&mut self) -> anyhow::Result<()> {
        let base = self.base();
        if let Some((agreement, body)) = self.something_ordered().await? {
            let body = self.urgent_body(&agreement, &body, "Rupture constatée ce matin (démonstration)");
            let key = format!("urgent/{}", self.round);
            let placed = self.api.post(self.officer(), &format!("{base}/urgent-orders"), &key, &body).await?;
            let order = &placed["order"];
            let again = self.api.post(self.officer(), &format!("{base}/urgent-orders"), &key, &body).await?;
            ensure!(again["order"]["id"] == order["id"], "the same urgent order twice: {again}");
            ensure!(order["state"] == "PLACED" || order["state"] == "PLACING", "urgent order: {placed}");
            self.notes.push(format!(
                "Commande urgente {} passée hors campagne : bon {}",
                text(order, "number")?,
                text(&placed["forms"][0], "number")?
            ));
        }
        self.facts.insert("urgent_orders", i64::from(self.notes.iter().any(|note| note.contains("urgente"))));
        let path = format!("{base}/plans/{}/exclusions", self.plan);
        let exclusions = self.api.list(self.officer(), &path, "exclusions").await?;
        let unnamed = exclusions.iter().find(|exclusion| exclusion["reason"]["rule"] == "BENEFICIARY_NOT_NAMED");
        if let Some(exclusion) = unnamed {
            let needs = self.api.get(self.officer(), &format!("{base}/needs/{}", text(exclusion, "need_id")?)).await?;
            let round = self.api.get(self.officer(), &format!("{base}/rounds/{}", self.round)).await?;
            let mut body = self.urgent_body("", &needs, "Tentative pour un membre non nommé (démonstration)");
            body["agreement_ids"] = round["agreement_ids"].clone();
            let key = format!("urgent-refused/{}", self.round);
            match self.api.try_post(self.officer(), &format!("{base}/urgent-orders"), &key, &body).await? {
                Ok(answer) => bail!("an urgent order for somebody not named was placed: {answer}"),
                Err(refusal) => {
                    ensure!(refusal.problem["code"] == "URGENT_ORDER_REFUSED", "{refusal}");
                    let detail = refusal.problem["detail"].as_str().unwrap_or_default();
                    self.notes.push(format!("Même urgente, une commande reste soumise aux règles : {detail}"));
                }
            }
        }
        Ok(())
    }

    /// The first need of the folder whose article and site were ordered in this season, and under which agreement.
    async fn something_ordered(&self) -> anyhow::Result<Option<(String, Value)>> {
        let base = self.base();
        let orders = self.orders().await?;
        let lines = self.api.list(self.officer(), &format!("{base}/order-lines"), "lines").await?;
        for row in self.data.table("needs.csv").rows().filter(|row| row.text("group_key") == self.group) {
            let (site, article) = (&self.ids.sites[row.text("site_key")], &self.ids.articles[row.text("article_key")]);
            let line = lines.iter().find(|line| line["site_id"] == json!(site) && line["article_id"] == json!(article));
            let Some(line) = line else { continue };
            let placed =
                orders.iter().find(|order| order["id"] == line["pooled_order_id"] && order["state"] == "ANSWERED");
            if let Some(order) = placed {
                return Ok(Some((text(order, "agreement_id")?.to_owned(), line.clone())));
            }
        }
        Ok(None)
    }

    /// One pack of what a line or a need is about.
    fn urgent_body(&self, agreement: &str, about: &Value, reason: &str) -> Value {
        json!({ "agreement_ids": [agreement], "party_id": about["party_id"], "reason": reason, "commitment_number": "ENG-2026-URGENT",
            "lines": [{ "site": about["site_id"], "article": about["article_id"], "packaging_code": about["packaging_code"], "quantity": 1,
                "reference": "URGENT-1" }] })
    }

    /// Waits until every order that can leave has left, and counts.
    ///
    /// # Errors
    /// When one still waits after five minutes.
    pub async fn dispatched(&mut self) -> anyhow::Result<()> {
        for _ in 0..LOOKS {
            let dispatches =
                self.api.list(self.officer(), &format!("{}/dispatches", self.base()), "dispatches").await?;
            let states: Vec<&str> = dispatches.iter().filter_map(|dispatch| dispatch["state"].as_str()).collect();
            if !states.contains(&"WAITING") {
                let orders: HashSet<&str> =
                    dispatches.iter().filter_map(|dispatch| dispatch["pooled_order_id"].as_str()).collect();
                ensure!(orders.len() == dispatches.len(), "{}: an order has two dispatches", self.group);
                let sent = states.iter().filter(|state| **state == "SENT").count();
                self.facts.insert("mails_sent", sent.try_into()?);
                return Ok(());
            }
            if std::env::var_os(MAILS).is_none() {
                // Nobody may be there to take them: they wait, which is fine and told.
                self.notes.push(format!("{} commandes attendent leur envoi par courriel", states.len()));
                self.facts.insert("mails_sent", 0);
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        bail!("{}: orders still waiting to be sent", self.group)
    }
}

/// The value of a field of a page.
fn field(page: &str, name: &str) -> Option<String> {
    let (_, after) = page.split_once(&format!("name=\"{name}\""))?;
    let tag = after.split('>').next()?;
    let (_, value) = tag.split_once("value=\"")?;
    value.split('"').next().map(str::to_owned)
}
