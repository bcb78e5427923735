//! What the scenarios of groups with an assembly share: what the group's officer does, and bodies of requests from the folder's own files.

use std::fs;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use super::{Cast, Stage};
use crate::demo::season::text;

/// The officer of a group on a stage.
pub struct Player<'a> {
    /// The stage.
    pub stage: &'a Stage<'a>,
    /// The folder, loaded.
    pub cast: &'a Cast,
    /// The officer's login.
    pub officer: &'a str,
    /// `/v1/groups/grp_…`
    pub base: String,
}

impl<'a> Player<'a> {
    /// The officer of one of the folder's groups.
    #[must_use]
    pub fn new(stage: &'a Stage<'a>, cast: &'a Cast, group: &str) -> Self {
        let base = format!("/v1/groups/{}", cast.ids.groups[group]);
        Self { stage, cast, officer: &cast.people.officers[group], base }
    }

    /// A change of the group.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn post(&self, path: &str, key: &str, body: &Value) -> anyhow::Result<Value> {
        self.stage.api.post(self.officer, &format!("{}{path}", self.base), key, body).await
    }

    /// A change whose body is the file of the same name: `/decision-rules` and `decision_rules.json`.
    ///
    /// # Errors
    /// When it is refused, or the file is not there.
    pub async fn post_file(&self, path: &str) -> anyhow::Result<Value> {
        let name = path.trim_start_matches('/').replace('-', "_");
        self.post(path, path, &self.file(&format!("{name}.json"))?).await
    }

    /// A JSON file of the folder.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn file(&self, name: &str) -> anyhow::Result<Value> {
        let bytes = fs::read(self.stage.dir.join(name)).with_context(|| name.to_owned())?;
        serde_json::from_slice(&bytes).with_context(|| name.to_owned())
    }

    /// The elements of a JSON file that is a list.
    ///
    /// # Errors
    /// When it cannot be read or is none.
    pub fn list_of(&self, name: &str) -> anyhow::Result<Vec<Value>> {
        let Value::Array(list) = self.file(name)? else { bail!("{name}: not a list") };
        Ok(list)
    }

    /// A reading of the group.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.stage.api.get(self.officer, &format!("{}{path}", self.base)).await
    }

    /// All pages of a list of the group.
    ///
    /// # Errors
    /// When one is refused.
    pub async fn list(&self, path: &str, field: &str) -> anyhow::Result<Vec<Value>> {
        self.stage.api.list(self.officer, &format!("{}{path}", self.base), field).await
    }

    /// What the refusal of a change says: it must come, and with this code.
    ///
    /// # Errors
    /// When it is accepted, or refused for another reason.
    pub async fn refused(&self, path: &str, key: &str, body: &Value, code: &str) -> anyhow::Result<String> {
        let path = format!("{}{path}", self.base);
        let Err(refusal) = self.stage.api.try_post(self.officer, &path, key, body).await? else {
            bail!("{path}: accepted {body}, not {code}")
        };
        ensure!(refusal.problem["code"] == code, "{path}: not {code}: {refusal}");
        Ok(text(&refusal.problem, "detail")?.to_owned())
    }

    /// Whether a party may buy from a lot: yes or no as expected, by this rule; with what `more` adds to the question.
    ///
    /// # Errors
    /// When the answer is another.
    pub async fn entitled(&self, party: &str, agreement: &str, rule: &str, more: &str) -> anyhow::Result<Value> {
        let lot = &self.cast.ids.lots[&(agreement.to_owned(), "1".to_owned())];
        let party = &self.cast.ids.parties[party];
        let answer = self.get(&format!("/entitlements?party_id={party}&lot_id={lot}{more}")).await?;
        let allowed = rule == "ENTITLED";
        ensure!(answer["reason"]["rule"] == rule && answer["allowed"] == allowed, "not {rule}: {answer}");
        Ok(answer)
    }

    /// Needs of a round's plan that a party is not served, with the rule of the first.
    ///
    /// # Errors
    /// When there is none by this rule.
    pub async fn excluded(&self, plan: &str, party: &str, rule: &str) -> anyhow::Result<(usize, String)> {
        let exclusions = self.list(&format!("/plans/{plan}/exclusions"), "exclusions").await?;
        let id = &self.cast.ids.parties[party];
        let of_party: Vec<&Value> =
            exclusions.iter().filter(|one| one["party_id"] == *id && one["reason"]["rule"] == rule).collect();
        let first = of_party.first().with_context(|| format!("{party} is not excluded by {rule}: {exclusions:?}"))?;
        Ok((of_party.len(), text(&first["reason"], "text")?.to_owned()))
    }
}

/// The sum of a field over rows.
#[must_use]
pub fn sum<'v>(rows: impl IntoIterator<Item = &'v Value>, field: &str) -> i64 {
    rows.into_iter().filter_map(|row| row[field].as_i64()).sum()
}

/// The elements of a list in an answer.
///
/// # Errors
/// When there is none.
pub fn elements<'v>(value: &'v Value, field: &str) -> anyhow::Result<&'v [Value]> {
    value[field].as_array().map(Vec::as_slice).with_context(|| format!("no list `{field}` in {value}"))
}
