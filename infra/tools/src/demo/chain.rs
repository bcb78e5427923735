//! From the census to the agreement: one consultation, step by step, each on its date. The dates are the folder's; the clock of
//! the demo is moved to each before its step.
//!
//! census opened and answered → closed, consolidated, drawn up → published → tenders, sealed by their senders → opened →
//! scored, awarded, notified → standstill over, signed → prices in the catalogue

mod answering;
mod awarding;
mod preparing;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{
    api::Api,
    clock::Clock,
    data::{Data, chain::instant},
    setup::{Ids, People},
    tables::Row,
};

/// A step of a consultation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The census opens and members answer it.
    Census,
    /// It is closed, consolidated, and a consultation is drawn up from it.
    Draft,
    /// The consultation is published.
    Publish,
    /// A supplier sends a sealed tender: which line of `tenders.csv`.
    Tender(usize),
    /// Tenders are opened.
    Open,
    /// Tenders are scored, lots awarded and tenderers notified.
    Award,
    /// The standstill is over, the agreement is signed.
    Sign,
}

/// One consultation of the folder and how far it has come.
pub struct Chain<'a> {
    /// The API.
    pub api: &'a Api,
    /// The folder.
    pub data: &'a Data,
    /// Ids.
    pub ids: &'a Ids,
    /// Logins.
    pub people: &'a People,
    /// Its line of `consultations.csv`.
    row: Row<'a>,
    /// Its census's line of `censuses.csv`.
    census: Row<'a>,
    /// The opener's key: made here and kept by nobody but the opener.
    opener: age::x25519::Identity,
    /// `rnd_…` of the census.
    pub round: String,
    /// `snp_…` of its consolidation.
    pub snapshot: String,
    /// What was drawn up from it.
    pub draft: Value,
    /// `cns_…`.
    pub consultation: String,
    /// Tenders as sealed, by key: a tender sent again is the same file.
    sealed: HashMap<String, Vec<u8>>,
    /// `agr_…` once signed.
    pub agreement: String,
    /// What was shown on the way, in French.
    pub notes: Vec<String>,
    /// Counts for the report.
    pub facts: BTreeMap<&'static str, i64>,
}

impl fmt::Debug for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain")
            .field("key", &self.key())
            .field("consultation", &self.consultation)
            .finish_non_exhaustive()
    }
}

fn text<'v>(value: &'v Value, field: &str) -> anyhow::Result<&'v str> {
    value[field].as_str().with_context(|| format!("no `{field}` in {value}"))
}

fn list<'v>(value: &'v Value, field: &str) -> anyhow::Result<&'v [Value]> {
    value[field].as_array().map(Vec::as_slice).with_context(|| format!("no list `{field}` in {value}"))
}

impl<'a> Chain<'a> {
    /// Every consultation of the folder, at its start.
    ///
    /// # Errors
    /// When a consultation names no census.
    pub fn all(api: &'a Api, data: &'a Data, ids: &'a Ids, people: &'a People) -> anyhow::Result<Vec<Self>> {
        let chain = |row: Row<'a>| {
            let key = row.text("census_key");
            let census = data.table("censuses.csv").rows().find(|census| census.text("key") == key);
            Ok(Self {
                api,
                data,
                ids,
                people,
                row,
                census: census.with_context(|| format!("no census {key}"))?,
                opener: age::x25519::Identity::generate(),
                round: String::new(),
                snapshot: String::new(),
                draft: Value::Null,
                consultation: String::new(),
                sealed: HashMap::new(),
                agreement: String::new(),
                notes: Vec::new(),
                facts: BTreeMap::new(),
            })
        };
        data.table("consultations.csv").rows().map(chain).collect()
    }

    /// Its key in the folder.
    #[must_use]
    pub fn key(&self) -> &'a str {
        self.row.text("key")
    }

    /// The key of its group.
    #[must_use]
    pub fn group(&self) -> &'a str {
        self.census.text("group_key")
    }

    /// The key of the agreement that it makes.
    #[must_use]
    pub fn agreement_key(&self) -> &'a str {
        self.row.text("agreement_key")
    }

    fn base(&self) -> String {
        format!("/v1/groups/{}", self.ids.groups[self.group()])
    }

    fn officer(&self) -> &'a str {
        &self.people.officers[self.group()]
    }

    /// The name of a change within this run.
    fn named(&self, change: &str) -> String {
        format!("{change}/{}", self.key())
    }

    fn consultation_path(&self) -> String {
        format!("{}/consultations/{}", self.base(), self.consultation)
    }

    /// Its steps, each with its instant, in order of time.
    #[must_use]
    pub fn timeline(&self) -> Vec<(DateTime<Utc>, Step)> {
        let at = |column| instant(self.row.text(column));
        let mut steps = vec![
            (instant(&format!("{}T08:00:00Z", self.census.text("opens_on"))), Step::Census),
            (instant(&format!("{}T16:00:00Z", self.census.text("closes_on"))), Step::Draft),
            (at("published_at"), Step::Publish),
            (at("opened_at"), Step::Open),
            (at("awarded_at"), Step::Award),
            (at("signed_at"), Step::Sign),
        ];
        let tenders = self.data.table("tenders.csv").rows().enumerate();
        let own = tenders.filter(|(_, tender)| tender.text("consultation_key") == self.key());
        steps.extend(own.map(|(index, tender)| (instant(tender.text("sent_at")), Step::Tender(index))));
        let mut steps: Vec<_> = steps.into_iter().filter_map(|(at, step)| Some((at?, step))).collect();
        steps.sort();
        steps
    }

    /// Does a step; done again it answers the same and changes nothing. The answer is the last one of the API.
    ///
    /// # Errors
    /// When something is refused that should not be, or accepted that should not be.
    pub async fn step(&mut self, step: Step) -> anyhow::Result<Value> {
        match step {
            Step::Census => self.census_answered().await,
            Step::Draft => self.drawn_up().await,
            Step::Publish => self.published().await,
            Step::Tender(index) => self.tendered(index).await,
            Step::Open => self.opened().await,
            Step::Award => self.awarded().await,
            Step::Sign => self.signed().await,
        }
    }

    /// What a step that was done is called, in French.
    #[must_use]
    pub fn told(&self, step: Step, answer: &Value) -> String {
        let shown = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
        let what = match step {
            Step::Census => format!("recensement ouvert et renseigné : {}", self.census.text("title")),
            Step::Draft => {
                "recensement clos, consolidé ; consultation préparée à partir de la consolidation".to_owned()
            }
            Step::Publish => format!(
                "consultation {} publiée, remise des offres jusqu'au {}",
                shown("number"),
                french(&shown("deadline"))
            ),
            Step::Tender(_) if answer["state"] == "LATE" => {
                "offre reçue hors délai : gardée scellée, jamais ouverte".to_owned()
            }
            Step::Tender(_) => {
                let sha256: String = shown("sha256").chars().take(12).collect();
                format!("offre scellée reçue, empreinte {sha256}…")
            }
            Step::Open => format!("offres ouvertes : {}", answer["opened_count"]),
            Step::Award => {
                format!(
                    "lots attribués et notifiés ; signature possible le {}",
                    french(answer["consultation"]["signable_on"].as_str().unwrap_or_default())
                )
            }
            Step::Sign => {
                format!("accord-cadre {} signé, ses prix sont au catalogue", self.row.text("agreement_number"))
            }
        };
        format!("[{}] {what}", self.group())
    }
}

/// A day, or an instant in UTC, as people write it.
fn french(text: &str) -> String {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return at.to_utc().format("%d/%m/%Y à %H:%M UTC").to_string();
    }
    text.parse::<chrono::NaiveDate>().map_or_else(|_| text.to_owned(), |day| day.format("%d/%m/%Y").to_string())
}

/// What consultations left behind.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Agreements made: the folder's key and `agr_…`.
    pub agreements: Vec<(String, String)>,
    /// What was shown on the way: the group's key and a sentence.
    pub notes: Vec<(String, String)>,
    /// Counts by the group's key.
    pub facts: BTreeMap<String, BTreeMap<&'static str, i64>>,
}

/// When the first census of a folder opens; none without consultations.
#[must_use]
pub fn begins(data: &Data) -> Option<DateTime<Utc>> {
    let opens = data.table("censuses.csv").rows();
    opens.filter_map(|row| instant(&format!("{}T07:00:00Z", row.text("opens_on")))).min()
}

/// Runs all consultations in order of time, moving the clock to each step's date and telling it.
///
/// # Errors
/// As [`Chain::step`], and when the clock cannot be moved.
pub async fn run(mut chains: Vec<Chain<'_>>, clock: &Clock, mut say: impl FnMut(&str)) -> anyhow::Result<Outcome> {
    let mut steps: Vec<(DateTime<Utc>, usize, Step)> = Vec::new();
    for (index, chain) in chains.iter().enumerate() {
        steps.extend(chain.timeline().into_iter().map(|(at, step)| (at, index, step)));
    }
    steps.sort();
    for (at, index, step) in steps {
        clock.set(at).await?;
        let chain = &mut chains[index];
        let answer = chain.step(step).await.with_context(|| format!("{}, {step:?}", chain.key()))?;
        say(&format!("  {}  {}", at.format("%d/%m/%Y %H:%M:%S UTC"), chain.told(step, &answer)));
    }
    let mut outcome = Outcome::default();
    for chain in chains {
        let group = chain.group().to_owned();
        outcome.agreements.push((chain.agreement_key().to_owned(), chain.agreement));
        outcome.notes.extend(chain.notes.into_iter().map(|note| (group.clone(), note)));
        let facts = outcome.facts.entry(group).or_default();
        for (fact, count) in chain.facts {
            *facts.entry(fact).or_insert(0) += count;
        }
    }
    Ok(outcome)
}
