//! One season of one group, step by step: needs and orders (`buying`), orders by e-mail and urgent ones (`leaving`), shipments and deliveries (`moving`), and the books at its end.

mod buying;
mod leaving;
mod moving;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::{
    api::Api,
    data::Data,
    setup::{Ids, People},
};

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

/// The fields of a balance: ordered is the sum of the others.
const BALANCE: [&str; 4] = ["units_ordered", "units_delivered", "units_cancelled", "units_outstanding"];

pub(crate) fn text<'v>(value: &'v Value, field: &str) -> anyhow::Result<&'v str> {
    value[field].as_str().with_context(|| format!("no `{field}` in {value}"))
}

pub(crate) fn whole(value: &Value, field: &str) -> anyhow::Result<i64> {
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

    pub(super) fn base(&self) -> String {
        format!("/v1/groups/{}", self.ids.groups[&self.group])
    }

    pub(super) fn officer(&self) -> &'a str {
        &self.people.officers[&self.group]
    }

    /// What the balances of orders placed before the season come to: nobody touches them in it.
    async fn opening_units(&self) -> anyhow::Result<[i64; 4]> {
        let (base, officer) = (self.base(), self.officer());
        let orders = self.api.list(officer, &format!("{base}/opening/open-orders"), "orders").await?;
        let mut sums = [0_i64; 4];
        for order in orders {
            let path = format!("{base}/order-lines?pooled_order_id={}", text(&order, "id")?);
            for line in self.api.list(officer, &path, "lines").await? {
                let [ordered, delivered, gone] = [
                    whole(&line, "units_ordered")?,
                    whole(&line, "units_delivered")?,
                    whole(&line, "units_cancelled")?,
                ];
                for (sum, units) in sums.iter_mut().zip([ordered, delivered, gone, ordered - delivered - gone]) {
                    *sum += units;
                }
            }
        }
        Ok(sums)
    }

    /// Waits until demand's books hold what logistics reported, and adds up the season.
    ///
    /// # Errors
    /// When the books do not close.
    pub async fn books(&mut self) -> anyhow::Result<()> {
        let (base, officer) = (self.base(), self.officer());
        let certified = self.facts["certified_units"];
        let cancelled = self.facts["cancelled_by_shipments"] + self.facts["cancelled_by_answers"];
        let opening = self.opening_units().await?;
        let mut sums = [0_i64; 4];
        for _ in 0..600 {
            let balances = self.api.list(officer, &format!("{base}/balances"), "balances").await?;
            for ((sum, field), before) in sums.iter_mut().zip(BALANCE).zip(opening) {
                *sum = balances.iter().map(|balance| whole(balance, field)).sum::<anyhow::Result<i64>>()? - before;
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
        // Urgent orders are of no round of the season.
        let mut orders = self.api.list(officer, &format!("{base}/pooled-orders"), "orders").await?;
        // Those placed before Centrale are not of this season.
        orders.retain(|order| order["opening"].is_null());
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
