//! One season of one group: needs, pooling, orders, answers, shipments, receipts, deliveries.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Context as _, bail, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};

use super::{
    api::Api,
    data::Data,
    setup::{Ids, People},
};

/// Requests of one stage under way at once.
const AT_ONCE: usize = 6;

/// A group and how far it has come.
pub struct Season<'a> {
    /// The API.
    pub api: &'a Api,
    /// The folder.
    pub data: &'a Data,
    /// Ids.
    pub ids: &'a Ids,
    /// Logins.
    pub people: &'a People,
    /// The group's key.
    pub group: String,
    /// `rnd_…`
    pub round: String,
    /// `pln_…`
    pub plan: String,
    /// What was shown on the way, in French.
    pub notes: Vec<String>,
    /// Counts for the report.
    pub facts: BTreeMap<&'static str, i64>,
}

fn text<'v>(value: &'v Value, field: &str) -> anyhow::Result<&'v str> {
    value[field].as_str().with_context(|| format!("no `{field}` in {value}"))
}

fn whole(value: &Value, field: &str) -> anyhow::Result<i64> {
    value[field].as_i64().with_context(|| format!("no `{field}` in {value}"))
}

impl<'a> Season<'a> {
    /// A group at the start of its season.
    #[must_use]
    pub fn new(api: &'a Api, data: &'a Data, ids: &'a Ids, people: &'a People, group: &str) -> Self {
        Self {
            api,
            data,
            ids,
            people,
            group: group.to_owned(),
            round: String::new(),
            plan: String::new(),
            notes: Vec::new(),
            facts: BTreeMap::new(),
        }
    }

    fn base(&self) -> String {
        format!("/v1/groups/{}", self.ids.groups[&self.group])
    }

    fn officer(&self) -> &'a str {
        &self.people.officers[&self.group]
    }

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

    fn supplier_login(&self, supplier_id: &str) -> Option<&'a str> {
        let key = self.ids.parties.iter().find(|(_, id)| *id == supplier_id)?.0;
        self.people.suppliers.get(key).map(String::as_str)
    }

    /// Suppliers confirm; for one without an account an officer takes the order's file and enters what came by e-mail.
    ///
    /// # Errors
    /// When something is refused that should not be.
    pub async fn answer(&mut self) -> anyhow::Result<()> {
        let base = self.base();
        for order in self.orders().await?.iter().filter(|order| order["state"] == "PLACED") {
            let id = text(order, "id")?;
            let path = format!("{base}/pooled-orders/{id}");
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
        self.facts.insert(
            "suppliers_without_account",
            self.notes.iter().filter(|note| note.contains("en fichier")).count().try_into()?,
        );
        Ok(())
    }

    /// Suppliers announce shipments, short where `shipments.csv` says so.
    ///
    /// # Errors
    /// When something is refused that should not be.
    pub async fn ship(&mut self) -> anyhow::Result<()> {
        let base = self.base();
        let orders = self.orders().await?;
        let accepted: BTreeSet<&str> = orders
            .iter()
            .filter(|order| order["state"] == "ANSWERED")
            .filter_map(|order| order["id"].as_str())
            .collect();
        let mut destinations: BTreeMap<(String, String), Vec<Value>> = BTreeMap::new();
        for _ in 0..600 {
            destinations.clear();
            for line in self.api.list(self.officer(), &format!("{base}/expected"), "expected").await? {
                let key = (text(&line, "pooled_order_id")?.to_owned(), text(&line, "destination_site_id")?.to_owned());
                destinations.entry(key).or_default().push(line);
            }
            // Logistics hears of the answers through demand's log; large ones come in several chunks.
            let heard: i64 =
                destinations.values().flatten().map(|line| line["units_accepted"].as_i64().unwrap_or(0)).sum();
            let there: BTreeSet<&str> = destinations.keys().map(|(order, _)| order.as_str()).collect();
            let wanted: i64 = orders
                .iter()
                .filter(|order| order["state"] == "ANSWERED")
                .filter_map(|order| order["units_ordered"].as_i64())
                .sum();
            if there.len() == accepted.len() && heard == wanted {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(250)).await;
        }
        let exceptions = self.exceptions();
        let this = &*self;
        let cancelled: Vec<i64> =
            stream::iter(destinations.iter().enumerate().map(|(index, ((order, destination), lines))| {
                let exceptions = &exceptions;
                async move {
                    let supplier = text(&lines[0], "supplier_id")?;
                    let login = this.supplier_login(supplier).unwrap_or_else(|| this.officer());
                    let body = shipment(order, destination, index, &this.group, lines, exceptions)?;
                    let path = format!("{}/shipments", this.base());
                    let answer = this.api.post(login, &path, &format!("ship/{order}/{destination}"), &body).await?;
                    whole(&answer, "units_cancelled")
                }
            }))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        self.facts.insert("shipments", cancelled.len().try_into()?);
        self.facts.insert("cancelled_by_shipments", cancelled.iter().sum());
        Ok(())
    }

    /// Shipped and outstanding percent by supplier and article id.
    fn exceptions(&self) -> HashMap<(String, String), (i64, i64)> {
        self.data
            .table("shipments.csv")
            .rows()
            .map(|row| {
                let percent = |column| row.text(column).parse().unwrap_or(0);
                let key = (
                    self.ids.parties[row.text("supplier_party_key")].clone(),
                    self.ids.articles[row.text("article_key")].clone(),
                );
                (key, (percent("shipped_percent"), percent("outstanding_percent")))
            })
            .collect()
    }

    /// The platform receives what was announced to it, with the damage that `damages.csv` tells.
    ///
    /// # Errors
    /// When something is refused that should not be.
    pub async fn receive(&mut self) -> anyhow::Result<()> {
        let base = self.base();
        let shipments = self.api.list(self.officer(), &format!("{base}/shipments"), "shipments").await?;
        let operator_of: HashMap<&str, &str> =
            self.data.table("sites.csv").rows().map(|row| (row.text("key"), row.text("party_key"))).collect();
        let site_key: HashMap<&str, &str> =
            self.ids.sites.iter().map(|(key, id)| (id.as_str(), key.as_str())).collect();
        let damages: HashMap<(String, String), i64> = self
            .data
            .table("damages.csv")
            .rows()
            .map(|row| {
                let key = (
                    self.ids.sites[row.text("platform_site_key")].clone(),
                    self.ids.articles[row.text("article_key")].clone(),
                );
                (key, row.text("damaged_percent").parse().unwrap_or(0))
            })
            .collect();
        let mut damaged_units = 0;
        for shipment in shipments.iter().filter(|shipment| shipment["state"] == "ANNOUNCED") {
            let (id, site) = (text(shipment, "id")?, text(shipment, "destination_site_id")?);
            let login = &self.people.operators[operator_of[site_key[site]]];
            let mut lines = Vec::new();
            for line in shipment["lines"].as_array().context("lines")? {
                let units = whole(line, "units")?;
                let percent =
                    damages.get(&(site.to_owned(), text(line, "article_id")?.to_owned())).copied().unwrap_or(0);
                // At least one unit of what the folder calls damaged.
                let damaged = if percent > 0 { (units * percent / 100).max(1).min(units) } else { 0 };
                damaged_units += damaged;
                lines.push(json!({ "shipment_line_id": text(line, "id")?, "units_received": units - damaged, "units_damaged": damaged }));
            }
            self.api
                .post(
                    login,
                    &format!("{base}/shipments/{id}/receive"),
                    &format!("receive/{id}"),
                    &json!({ "lines": lines }),
                )
                .await?;
        }
        self.facts.insert("damaged_units", damaged_units);
        Ok(())
    }

    /// Deliveries leave, are handed over with proof, and are certified by someone who did not order.
    ///
    /// # Errors
    /// When something is refused that should not be.
    pub async fn deliver(&mut self) -> anyhow::Result<()> {
        let base = self.base();
        let deliveries = self.api.list(self.officer(), &format!("{base}/deliveries"), "deliveries").await?;
        let site_party: HashMap<&String, &str> = self
            .data
            .table("sites.csv")
            .rows()
            .map(|row| (&self.ids.sites[row.text("key")], row.text("party_key")))
            .collect();
        let platform = self
            .data
            .table("rounds.csv")
            .rows()
            .find(|row| row.text("group_key") == self.group)
            .map_or("", |row| row.text("platform_site_key"));
        let operator = self.ids.sites.get(platform).map(|site| &self.people.operators[site_party[site]]);
        let suppliers: HashMap<String, String> = self
            .orders()
            .await?
            .iter()
            .filter_map(|order| Some((order["id"].as_str()?.to_owned(), order["supplier_id"].as_str()?.to_owned())))
            .collect();
        let this = &*self;
        let certified: Vec<i64> = stream::iter(deliveries.iter().map(|delivery| {
            let (base, suppliers, site_party) = (&base, &suppliers, &site_party);
            async move {
                let id = text(delivery, "id")?;
                let path = format!("{base}/deliveries/{id}");
                let direct = delivery["route"] == "DIRECT";
                let carrier = if direct {
                    this.supplier_login(&suppliers[text(delivery, "pooled_order_id")?]).unwrap_or_else(|| this.officer())
                } else {
                    operator.context("a platform delivery without platform")?
                };
                if delivery["state"] == "PREPARED" {
                    this.api.post(carrier, &format!("{path}/dispatch"), &format!("dispatch/{id}"), &json!({})).await?;
                }
                let proof = json!({ "signed_by": "Alix Exemple (réception)", "handed_over_at": text(&this.clock().await?, "now")?, "reserves": "" });
                this.api.post(carrier, &format!("{path}/prove"), &format!("prove/{id}"), &proof).await?;
                let member = site_party[&text(delivery, "site_id")?.to_owned()];
                let receiver = &this.people.receivers[&(this.group.clone(), member.to_owned())];
                this.api.post(receiver, &format!("{path}/certify"), &format!("certify/{id}"), &json!({ "lines": [] })).await?;
                whole(delivery, "units")
            }
        }))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
        self.facts.insert("deliveries", certified.len().try_into()?);
        self.facts.insert("certified_units", certified.iter().sum());
        Ok(())
    }

    async fn clock(&self) -> anyhow::Result<Value> {
        self.api.get(self.officer(), "/v1/clock").await
    }

    /// Waits until demand's books hold what logistics reported, and adds up the season.
    ///
    /// # Errors
    /// When the books do not close.
    pub async fn books(&mut self) -> anyhow::Result<()> {
        let (base, officer) = (self.base(), self.officer());
        let certified = self.facts["certified_units"];
        let cancelled = self.facts["cancelled_by_shipments"];
        let mut sums = [0_i64; 4];
        for _ in 0..600 {
            let balances = self.api.list(officer, &format!("{base}/balances"), "balances").await?;
            for (sum, field) in
                sums.iter_mut().zip(["units_ordered", "units_delivered", "units_cancelled", "units_outstanding"])
            {
                *sum = balances.iter().map(|balance| whole(balance, field)).sum::<anyhow::Result<i64>>()?;
            }
            if sums[1] == certified && sums[2] == cancelled {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(250)).await;
        }
        let [ordered, delivered, gone, outstanding] = sums;
        ensure!(delivered == certified && gone == cancelled, "{}: books do not follow logistics: {sums:?}", self.group);
        ensure!(ordered == delivered + gone + outstanding, "{}: units lost: {sums:?}", self.group);
        for (fact, value) in [
            ("units_ordered", ordered),
            ("units_delivered", delivered),
            ("units_cancelled", gone),
            ("units_outstanding", outstanding),
        ] {
            self.facts.insert(fact, value);
        }
        let orders = self.orders().await?;
        let placed: Vec<&Value> =
            orders.iter().filter(|order| order["state"] == "ANSWERED" || order["state"] == "PLACED").collect();
        let placed_ids: BTreeSet<&str> = placed.iter().filter_map(|order| order["id"].as_str()).collect();
        let amount: i64 = placed.iter().map(|order| whole(order, "amount_cents")).sum::<anyhow::Result<i64>>()?;
        let forms = self.api.list(officer, &format!("{base}/order-forms"), "forms").await?;
        let forms = forms
            .iter()
            .filter(|form| form["pooled_order_id"].as_str().is_some_and(|id| placed_ids.contains(id)))
            .count();
        let lines = self.api.list(officer, &format!("{base}/order-lines"), "lines").await?;
        let shares: i64 = lines
            .iter()
            .filter(|line| line["pooled_order_id"].as_str().is_some_and(|id| placed_ids.contains(id)))
            .map(|line| whole(line, "amount_cents"))
            .sum::<anyhow::Result<i64>>()?;
        let savings = self.api.get(officer, &format!("{base}/savings?round_id={}", self.round)).await?;
        for (fact, value) in [
            ("pooled_orders", i64::try_from(placed.len())?),
            ("orders_refused", i64::try_from(orders.len() - placed.len())?),
            ("order_forms", i64::try_from(forms)?),
            ("amount_ordered_cents", amount),
            ("sum_of_shares_cents", shares),
            ("savings_cents", whole(&savings, "savings_cents")?),
        ] {
            self.facts.insert(fact, value);
        }
        let losers = savings["members"]
            .as_array()
            .context("members")?
            .iter()
            .filter(|member| member["savings_cents"].as_i64().unwrap_or(0) < 0)
            .count();
        self.facts.insert("members_losing", losers.try_into()?);
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
    fn of(row: &super::tables::Row<'a>) -> Self {
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

/// One shipment of everything open at a destination, whole packs.
fn shipment(
    order: &str,
    destination: &str,
    index: usize,
    group: &str,
    lines: &[Value],
    exceptions: &HashMap<(String, String), (i64, i64)>,
) -> anyhow::Result<Value> {
    let (mut shipped_lines, mut later) = (Vec::new(), Vec::new());
    for line in lines {
        let (open, pack) = (whole(line, "units_open")?, whole(line, "pack_units")?.max(1));
        let key = (text(line, "supplier_id")?.to_owned(), text(line, "article_id")?.to_owned());
        let (shipped_percent, outstanding_percent) = exceptions.get(&key).copied().unwrap_or((100, 0));
        let packs = |percent: i64| open / pack * percent / 100 * pack;
        let shipped = packs(shipped_percent);
        let outstanding =
            if shipped_percent + outstanding_percent == 100 { open - shipped } else { packs(outstanding_percent) };
        if shipped > 0 {
            shipped_lines.push(json!({ "pooled_line_id": text(line, "pooled_line_id")?, "units": shipped, "batch": format!("LOT-FICTIF-{index:04}"),
                "expires_on": "2028-06-30" }));
        }
        if outstanding > 0 {
            later.push(json!({ "pooled_line_id": text(line, "pooled_line_id")?, "outstanding_units": outstanding }));
        }
    }
    Ok(
        json!({ "pooled_order_id": order, "destination_site_id": destination, "despatch_number": format!("EXP-{group}-{index:04}"),
        "lines": shipped_lines, "still_to_come": later }),
    )
}
