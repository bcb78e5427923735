//! From shipments to certified deliveries.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::Context as _;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};

use super::{Season, text, whole};

/// Requests of one stage under way at once.
const AT_ONCE: usize = 6;

impl Season<'_> {
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
                // What was on order before the season stays as it is.
                if !accepted.contains(text(&line, "pooled_order_id")?) {
                    continue;
                }
                let key = (text(&line, "pooled_order_id")?.to_owned(), text(&line, "destination_site_id")?.to_owned());
                destinations.entry(key).or_default().push(line);
            }
            // Logistics hears of the answers through demand's log; large ones come in several chunks.
            let heard: i64 =
                destinations.values().flatten().map(|line| line["units_accepted"].as_i64().unwrap_or(0)).sum();
            let there: BTreeSet<&str> = destinations.keys().map(|(order, _)| order.as_str()).collect();
            let ordered: i64 = orders
                .iter()
                .filter(|order| order["state"] == "ANSWERED")
                .filter_map(|order| order["units_ordered"].as_i64())
                .sum();
            let wanted = ordered - self.facts["cancelled_by_answers"];
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
        // Named even when nothing more will come: that is what cancels the rest.
        if shipped < open {
            later.push(json!({ "pooled_line_id": text(line, "pooled_line_id")?, "outstanding_units": outstanding }));
        }
    }
    Ok(
        json!({ "pooled_order_id": order, "destination_site_id": destination, "despatch_number": format!("EXP-{group}-{index:04}"),
        "lines": shipped_lines, "still_to_come": later }),
    )
}
