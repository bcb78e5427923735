//! What scenarios of groups with officers of several parties have in common: one person, one group, and what must be refused.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail, ensure};
use chrono::{Days, NaiveDate};
use serde_json::{Value, json};

use super::{Cast, Stage};
use crate::demo::{api::Refusal, season::text};

/// One person in one group.
pub(super) struct Seat<'a> {
    pub stage: &'a Stage<'a>,
    pub login: String,
    /// `/v1/groups/grp_…`.
    pub base: String,
}

impl<'a> Seat<'a> {
    pub(super) fn new(stage: &'a Stage<'a>, cast: &Cast, login: impl Into<String>, group: &str) -> Self {
        Self { stage, login: login.into(), base: format!("/v1/groups/{}", cast.ids.groups[group]) }
    }

    pub(super) async fn post(&self, path: &str, key: &str, body: &Value) -> anyhow::Result<Value> {
        self.stage.api.post(&self.login, &format!("{}{path}", self.base), &self.key(key), body).await
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.stage.api.get(&self.login, &format!("{}{path}", self.base)).await
    }

    pub(super) async fn list(&self, path: &str, field: &str) -> anyhow::Result<Vec<Value>> {
        self.stage.api.list(&self.login, &format!("{}{path}", self.base), field).await
    }

    /// What must be refused, with the code with which it must be.
    pub(super) async fn refused(&self, path: &str, key: &str, body: &Value, code: &str) -> anyhow::Result<Refusal> {
        let whole = format!("{}{path}", self.base);
        match self.stage.api.try_post(&self.login, &whole, &self.key(key), body).await? {
            Ok(answer) => bail!("{} : {path} devait être refusé ({code}) : {answer}", self.login),
            Err(refusal) => {
                ensure!(refusal.problem["code"] == code, "{} : {path} : {refusal}, {code} attendu", self.login);
                Ok(refusal)
            }
        }
    }

    fn key(&self, key: &str) -> String {
        format!("{}/{}/{key}", self.base, self.login)
    }

    /// The business day.
    pub(super) async fn today(&self) -> anyhow::Result<NaiveDate> {
        let now = self.stage.api.get(&self.login, "/v1/clock").await?;
        let day = text(&now, "now")?.get(..10).context("an instant")?.parse()?;
        Ok(day)
    }

    /// An urgent order of a party for its first site, placed without a round.
    pub(super) fn urgent(agreement: &str, party: &str, site: &str, article: &str, boxes: i64) -> Value {
        json!({ "agreement_ids": [agreement], "party_id": party, "reason": "Essai FICTIF de délégation", "commitment_number": "ENG-FICTIF-1",
            "lines": [{ "site": site, "article": article, "packaging_code": "BOX", "quantity": boxes }] })
    }

    /// A consultation that a party would award, over this amount at most.
    pub(super) fn consultation(awarding: &str, maximum_cents: i64) -> Value {
        json!({ "title": "Consultation FICTIVE d'un membre", "awarding_party_id": awarding, "role": "INTERMEDIARY", "electronic": true,
            "zone": "Europe/Paris", "lots": [{ "number": 1, "title": "Lot FICTIF", "maximum_cents": maximum_cents }] })
    }
}

/// So many days later.
pub(super) fn later(day: NaiveDate, days: u64) -> anyhow::Result<NaiveDate> {
    day.checked_add_days(Days::new(days)).context("the end of time")
}

/// Those of an answer's list that differ in a field.
pub(super) fn distinct<'v>(rows: &'v [Value], field: &str) -> BTreeSet<&'v str> {
    rows.iter().filter_map(|row| row[field].as_str()).collect()
}
