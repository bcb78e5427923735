//! A consultation from its draft to the agreement.
//!
//! | Nr | Invariant | Kept by |
//! |---|---|---|
//! | C1 | nothing lacking in law is published; what was published does not change | [`publication`], [`state`], hash in the event |
//! | C2 | a tender is in time when its complete receipt is at or before the deadline, to the microsecond | [`state`], taken under a lock that opening waits for |
//! | C3 | before opening nobody reads whose a tender is or a byte of it; a late one is never opened | policies `opened_rows` |
//! | C4 | of each bidder the last tender in time is opened, once | `opened_tender_once` |
//! | C5 | the cheapest offer has all the points of the price, a dearer one never more than a cheaper one, none less than 0 | [`score`] |
//! | C6 | nothing is signed before the standstill is over | [`state`], [`delays`] |
//!
//! [`state`] is the one place that says what may follow what.

pub mod content;
pub mod delays;
pub mod dossier;
pub mod publication;
pub mod score;
pub mod state;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use kit::id::{AgreementId, ConsultationId, GroupId, PartyId, TenderId};

use self::{content::Content, dossier::Dossier, state::State};
use super::law::{Law, LegalRule};

/// A rule applied, with its article and the figures used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which rule.
    pub rule: LegalRule,
    /// Its article on the day.
    pub source: String,
    /// One French sentence with the figures.
    pub text: String,
    /// The figures, by name.
    pub facts: BTreeMap<String, String>,
}

impl Finding {
    fn new(law: &Law, rule: LegalRule, day: NaiveDate, text: String, facts: &[(&str, String)]) -> Self {
        let facts = facts.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        Self { rule, source: law.article(rule, day).to_owned(), text, facts }
    }
}

/// A consultation as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consultation {
    /// Its id.
    pub id: ConsultationId,
    /// Its group.
    pub group: GroupId,
    /// Legal number.
    pub number: String,
    /// As stored: what time alone has done since is told by [`Consultation::state`].
    pub stored: state::Stored,
    /// Version, from 1.
    pub version: i64,
    /// Its documents.
    pub dossier: Dossier,
    /// When published.
    pub published_at: Option<DateTime<Utc>>,
    /// When opened.
    pub opened_at: Option<DateTime<Utc>>,
    /// When awarded and notified.
    pub awarded_at: Option<DateTime<Utc>>,
    /// First day on which it may be signed.
    pub signable_on: Option<NaiveDate>,
    /// The agreement made of it.
    pub agreement: Option<AgreementId>,
}

impl Consultation {
    /// Where it stands at a moment, which falls on `today` in its zone.
    #[must_use]
    pub fn state(&self, now: DateTime<Utc>, today: NaiveDate) -> State {
        state::at(self.stored, self.dossier.deadline, self.signable_on, now, today)
    }
}

/// What opening found in a tender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// Complete.
    Complete(Content),
    /// Its content is faulty; French sentences.
    Irregular(Vec<String>),
    /// It could not be opened; French sentence.
    Unreadable(String),
}

/// A tender that was opened, with its bidder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedTender {
    /// Which.
    pub tender: TenderId,
    /// Whose.
    pub party: PartyId,
    /// When it was received.
    pub received_at: DateTime<Utc>,
    /// What was found.
    pub found: Opened,
}
