//! Scenarios: one for each kind of group, run through the public HTTP API on data of its own (`infra/demo-data/groups/NAME`, in
//! the format of the demo's folder and with files of the scenario's own). Several run one after the other in one deployment.
//!
//! A scenario is a module with `pub async fn run(stage: &Stage<'_>) -> anyhow::Result<Vec<Shown>>` and a line in [`SCENARIOS`] and
//! in [`run`]. It fails where something is refused that should not be, or accepted that should not be: what it shows is proved.

pub mod alliance;
pub mod gcs;
pub mod player;
pub mod serenice;

use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf};

use anyhow::bail;
use serde_json::{Value, json};

use super::{
    api::Api,
    clock::Clock,
    data::Data,
    opening,
    season::Season,
    setup::{self, Ids, People},
};

/// Names of the scenarios, in the order in which `all` runs them, with what each kind of group is.
pub const SCENARIOS: [(&str, &str); 3] = [
    ("serenice", "GIE de radiologues"),
    ("gcs", "GCS d'e-santé de 113 adhérents"),
    ("alliance", "alliance de six associations et d'un associé"),
];

/// Where a scenario plays.
pub struct Stage<'a> {
    /// The public API, for all its people.
    pub api: &'a Api,
    /// Its folder.
    pub dir: PathBuf,
    /// Of every account that it makes.
    pub password: &'a str,
    /// The demo's clock, for a scenario that moves it; none where nobody may. Only ever forward: other scenarios have been before.
    pub clock: Option<&'a Clock>,
    /// Tells progress.
    pub say: fn(&str),
}

/// One line of what a scenario showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// What, in a few words.
    pub what: String,
    /// What was seen, with its figures, in French.
    pub said: String,
}

impl Shown {
    /// A line.
    pub fn new(what: impl Into<String>, said: impl Into<String>) -> Self {
        Self { what: what.into(), said: said.into() }
    }
}

/// A folder loaded: its data, who is who, and the ids that the system gave.
pub struct Cast {
    /// The folder.
    pub data: Data,
    /// Ids.
    pub ids: Ids,
    /// Logins by role.
    pub people: People,
}

impl Stage<'_> {
    /// Loads parties, sites, groups, members, people and articles of the folder, then its agreements and prices and what existed
    /// on the first day.
    ///
    /// # Errors
    /// When the folder is at fault or something is refused.
    pub async fn load(&self) -> anyhow::Result<Cast> {
        let data = Data::read(&self.dir)?;
        let people = People::read(&data);
        let mut ids = Ids::default();
        setup::registry(self.api, &data, &mut ids, self.password).await?;
        let groups: Vec<String> = ids.groups.keys().cloned().collect();
        for group in &groups {
            setup::reference_prices(self.api, &data, &ids, &people, group).await?;
            setup::agreements(self.api, &data, &mut ids, &people, group).await?;
            opening::lots(self.api, &data, &ids, &people, group).await?;
            opening::consumption(self.api, &data, &ids, &people, group).await?;
            opening::orders(self.api, &data, &ids, &people, group).await?;
        }
        setup::break_bulk(self.api, &data, &ids, &people).await?;
        Ok(Cast { data, ids, people })
    }

    /// Runs a group's whole season: needs, pooling, orders, answers, shipments, receipts, deliveries, books.
    ///
    /// # Errors
    /// When something is refused that should not be, or the books do not agree.
    pub async fn season<'c>(&'c self, cast: &'c Cast, group: &str) -> anyhow::Result<Season<'c>> {
        let mut season = Season::new(self.api, &cast.data, &cast.ids, &cast.people, group);
        season.needs().await?;
        season.pool().await?;
        season.order().await?;
        season.answer().await?;
        season.ship().await?;
        season.receive().await?;
        season.deliver().await?;
        season.dispatched().await?;
        season.books().await?;
        Ok(season)
    }
}

/// The scenarios that a name asks for.
///
/// # Errors
/// When there is none of that name.
pub fn named(name: &str) -> anyhow::Result<Vec<&'static str>> {
    let names: Vec<&str> =
        SCENARIOS.iter().map(|(known, _)| *known).filter(|known| name == "all" || name == *known).collect();
    if names.is_empty() {
        let known = SCENARIOS.map(|(known, _)| known).join(", ");
        bail!("aucun scénario « {name} » ; il y a : {known}, all");
    }
    Ok(names)
}

/// Runs one scenario.
///
/// # Errors
/// When it does not show what it should.
pub async fn run(name: &str, stage: &Stage<'_>) -> anyhow::Result<Vec<Shown>> {
    match name {
        "serenice" => Box::pin(serenice::run(stage)).await,
        "gcs" => Box::pin(gcs::run(stage)).await,
        "alliance" => Box::pin(alliance::run(stage)).await,
        _ => bail!("aucun scénario « {name} »"),
    }
}

/// What scenarios showed, as people read it.
#[must_use]
pub fn table(told: &[(&str, Vec<Shown>)]) -> String {
    let mut text = String::new();
    for (name, shown) in told {
        let kind = SCENARIOS.iter().find(|(known, _)| known == name).map_or("", |(_, kind)| kind);
        let _ = writeln!(text, "── {name} : {kind}");
        for line in shown {
            let _ = writeln!(text, "  {:<34} {}", line.what, line.said);
        }
    }
    text
}

/// The same for programs: by scenario, what → said.
#[must_use]
pub fn json(told: &[(&str, Vec<Shown>)]) -> Value {
    let scenarios: BTreeMap<&str, Vec<Value>> = told
        .iter()
        .map(|(name, shown)| {
            (*name, shown.iter().map(|line| json!({ "what": line.what, "said": line.said })).collect())
        })
        .collect();
    json!({ "scenarios": scenarios })
}
