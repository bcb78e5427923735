//! Order rounds (campagnes de commande): when they take needs and how they go from state to state.

use std::fmt;

use chrono::{DateTime, Utc};
use kit::{
    FieldFault,
    id::{AgreementId, RoundId, SiteId},
};

use super::{error::DemandError, need::Commitment};

/// Longest title, characters.
pub const TITLE_LIMIT: usize = 200;
/// Most agreements that a round tries.
pub const AGREEMENT_LIMIT: usize = 50;

/// Longest period for which a census takes needs, months.
pub const PERIOD_LIMIT: i32 = 60;

/// What the needs of a round are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoundKind {
    /// An order round (campagne de commande): needs of weeks, ordered under its agreements.
    Order,
    /// A census (recensement): estimates for years, from which a consultation is drawn up. It names no agreement and never
    /// becomes an order by itself (CCP R2162-6, R2162-13: what is ordered, is ordered under an agreement by the buyers it names).
    Census {
        /// Months that the needs are stated for, 1 to [`PERIOD_LIMIT`].
        period_months: i32,
    },
    /// Made for one urgent order, closed at once; its title says why it could not wait. It obeys the rules of an order round.
    Urgent,
}

impl RoundKind {
    /// `ORDER`, `CENSUS` or `URGENT`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Order => "ORDER",
            Self::Census { .. } => "CENSUS",
            Self::Urgent => "URGENT",
        }
    }

    /// The kind of a name with its period.
    #[must_use]
    pub fn from_name(name: &str, period_months: Option<i32>) -> Option<Self> {
        match (name, period_months) {
            ("ORDER", None) => Some(Self::Order),
            ("URGENT", None) => Some(Self::Urgent),
            ("CENSUS", Some(period_months)) => Some(Self::Census { period_months }),
            (_, _) => None,
        }
    }

    /// The period of a census, months.
    #[must_use]
    pub const fn period_months(self) -> Option<i32> {
        match self {
            Self::Order | Self::Urgent => None,
            Self::Census { period_months } => Some(period_months),
        }
    }

    /// How firmly a need is meant that says this about it: in a census indicative unless said, elsewhere nothing may be said.
    ///
    /// # Errors
    /// When something is said outside a census.
    pub fn commitment(self, said: Option<Commitment>) -> Result<Option<Commitment>, NoCensus> {
        match (self, said) {
            (Self::Order | Self::Urgent, None) => Ok(None),
            (Self::Order | Self::Urgent, Some(_)) => Err(NoCensus),
            (Self::Census { .. }, said) => Ok(Some(said.unwrap_or(Commitment::Indicative))),
        }
    }
}

/// A level of commitment was given for a need of a round that is no census.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoCensus;

/// State of a round: OPEN → CLOSED → ORDERED.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoundState {
    /// Takes needs until it is closed or its closing time has passed.
    Open,
    /// Takes no more needs.
    Closed,
    /// Its orders have been placed.
    Ordered,
}

impl RoundState {
    /// Every state, in order.
    pub const ALL: [Self; 3] = [Self::Open, Self::Closed, Self::Ordered];

    /// `OPEN`, …
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Closed => "CLOSED",
            Self::Ordered => "ORDERED",
        }
    }

    /// The state of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

impl fmt::Display for RoundState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What an officer decides when opening a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundTerms {
    /// What its needs are for.
    pub kind: RoundKind,
    /// Title, 1 to [`TITLE_LIMIT`] characters.
    pub title: String,
    /// From when it takes needs.
    pub opens_at: DateTime<Utc>,
    /// Until when; a need at this instant is in time.
    pub closes_at: DateTime<Utc>,
    /// Site of the logistics platform; none means direct delivery everywhere.
    pub platform_site_id: Option<SiteId>,
    /// In the order in which they are tried.
    pub agreement_ids: Vec<AgreementId>,
}

impl RoundTerms {
    /// Every fault in the terms by themselves.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldFault> {
        let mut faults = Vec::new();
        if self.title.is_empty() || self.title.chars().count() > TITLE_LIMIT {
            faults.push(FieldFault::new("round.title", format!("must have 1 to {TITLE_LIMIT} characters")));
        }
        if self.closes_at <= self.opens_at {
            faults.push(FieldFault::new("round.closes_at", "must be later than opens_at"));
        }
        match self.kind {
            RoundKind::Order | RoundKind::Urgent => {
                if self.agreement_ids.is_empty() || self.agreement_ids.len() > AGREEMENT_LIMIT {
                    let detail = format!("must name 1 to {AGREEMENT_LIMIT} agreements");
                    faults.push(FieldFault::new("round.agreement_ids", detail));
                }
            }
            RoundKind::Census { period_months } => faults.extend(self.census_faults(period_months)),
        }
        for (index, id) in self.agreement_ids.iter().enumerate() {
            if self.agreement_ids.iter().take(index).any(|earlier| earlier == id) {
                faults.push(FieldFault::new(format!("round.agreement_ids[{index}]"), format!("{id} is named twice")));
            }
        }
        faults
    }

    fn census_faults(&self, period_months: i32) -> Vec<FieldFault> {
        let mut faults = Vec::new();
        if !(1..=PERIOD_LIMIT).contains(&period_months) {
            faults.push(FieldFault::new("round.period_months", format!("must be from 1 to {PERIOD_LIMIT}")));
        }
        if !self.agreement_ids.is_empty() {
            faults.push(FieldFault::new("round.agreement_ids", "must be empty: a census is under no agreement"));
        }
        if self.platform_site_id.is_some() {
            faults.push(FieldFault::new("round.platform_site_id", "must be empty: nothing of a census is delivered"));
        }
        faults
    }
}

/// A round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    /// Its id.
    pub id: RoundId,
    /// What was decided when it was opened.
    pub terms: RoundTerms,
    /// Its state.
    pub state: RoundState,
    /// Changes at each change.
    pub version: i64,
}

impl Round {
    /// Whether needs may be stated, changed and withdrawn at `now`. The closing instant itself is in time.
    ///
    /// # Errors
    /// [`DemandError::RoundClosed`] or [`DemandError::RoundNotOpen`].
    pub fn check_takes_needs(&self, now: DateTime<Utc>) -> Result<(), DemandError> {
        let terms = &self.terms;
        let closed = || DemandError::RoundClosed { title: terms.title.clone(), closes_at: terms.closes_at };
        match self.state {
            RoundState::Closed | RoundState::Ordered => Err(closed()),
            RoundState::Open if now > terms.closes_at => Err(closed()),
            RoundState::Open if now < terms.opens_at => {
                Err(DemandError::RoundNotOpen { title: terms.title.clone(), opens_at: terms.opens_at })
            }
            RoundState::Open => Ok(()),
        }
    }

    /// Closes the round, whatever the time. From OPEN.
    ///
    /// # Errors
    /// [`DemandError::RoundWrongState`].
    pub fn close(self) -> Result<Self, DemandError> {
        self.step(RoundState::Open, RoundState::Closed)
    }

    /// Marks that the round's orders are placed. From CLOSED; never a census.
    ///
    /// # Errors
    /// [`DemandError::RoundWrongState`], [`DemandError::CensusNotOrdered`].
    pub fn order(self) -> Result<Self, DemandError> {
        self.check_may_be_planned()?;
        self.step(RoundState::Closed, RoundState::Ordered)
    }

    /// Whether the round's needs may be frozen. From CLOSED.
    ///
    /// # Errors
    /// [`DemandError::RoundWrongState`].
    pub fn check_may_be_consolidated(&self) -> Result<(), DemandError> {
        self.check_state(RoundState::Closed)
    }

    /// Whether what would be ordered may be computed. From CLOSED; never a census.
    ///
    /// # Errors
    /// [`DemandError::RoundWrongState`], [`DemandError::CensusNotOrdered`].
    pub fn check_may_be_planned(&self) -> Result<(), DemandError> {
        match self.terms.kind {
            RoundKind::Order | RoundKind::Urgent => self.check_may_be_consolidated(),
            RoundKind::Census { .. } => Err(DemandError::CensusNotOrdered { title: self.terms.title.clone() }),
        }
    }

    fn step(self, from: RoundState, to: RoundState) -> Result<Self, DemandError> {
        self.check_state(from)?;
        Ok(Self { state: to, version: self.version + 1, ..self })
    }

    fn check_state(&self, needed: RoundState) -> Result<(), DemandError> {
        if self.state == needed {
            return Ok(());
        }
        Err(DemandError::RoundWrongState { title: self.terms.title.clone(), state: self.state, needed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn round(state: RoundState) -> Round {
        Round {
            id: RoundId::new(),
            terms: RoundTerms {
                kind: RoundKind::Order,
                title: "Janvier".into(),
                opens_at: at("2026-11-16T00:00:00Z"),
                closes_at: at("2026-12-18T17:00:00Z"),
                platform_site_id: None,
                agreement_ids: vec![AgreementId::new()],
            },
            state,
            version: 1,
        }
    }

    #[test]
    fn a_need_at_the_closing_instant_is_in_time_and_one_a_microsecond_later_is_not() {
        let open = round(RoundState::Open);
        assert_eq!(open.check_takes_needs(at("2026-11-16T00:00:00Z")), Ok(()));
        assert_eq!(open.check_takes_needs(at("2026-12-18T17:00:00Z")), Ok(()));
        let late = open.check_takes_needs(at("2026-12-18T17:00:00.000001Z"));
        assert!(matches!(late, Err(DemandError::RoundClosed { .. })));
        let early = open.check_takes_needs(at("2026-11-15T23:59:59.999999Z"));
        assert!(matches!(early, Err(DemandError::RoundNotOpen { .. })));
    }

    #[test]
    fn a_closed_round_takes_nothing_even_before_its_closing_time() {
        for state in [RoundState::Closed, RoundState::Ordered] {
            let refused = round(state).check_takes_needs(at("2026-12-01T00:00:00Z"));
            assert!(matches!(refused, Err(DemandError::RoundClosed { .. })), "{state}");
        }
    }

    #[test]
    fn every_step_is_possible_from_one_state_only() {
        // state, close, order, consolidate
        let table = [
            (RoundState::Open, true, false, false),
            (RoundState::Closed, false, true, true),
            (RoundState::Ordered, false, false, false),
        ];
        for (state, close, order, consolidate) in table {
            assert_eq!(round(state).close().is_ok(), close, "close {state}");
            assert_eq!(round(state).order().is_ok(), order, "order {state}");
            assert_eq!(round(state).check_may_be_consolidated().is_ok(), consolidate, "consolidate {state}");
        }
        let closed = round(RoundState::Open).close().unwrap();
        assert_eq!((closed.state, closed.version), (RoundState::Closed, 2));
    }

    #[test]
    fn all_faults_of_the_terms_are_told_at_once() {
        let mut terms = round(RoundState::Open).terms;
        assert_eq!(terms.faults(), vec![]);
        terms.title = "x".repeat(TITLE_LIMIT + 1);
        terms.closes_at = terms.opens_at;
        terms.agreement_ids = vec![terms.agreement_ids[0]; 2];
        let fields: Vec<String> = terms.faults().into_iter().map(|fault| fault.field).collect();
        assert_eq!(fields, ["round.title", "round.closes_at", "round.agreement_ids[1]"]);
        terms.agreement_ids.clear();
        assert_eq!(terms.faults()[2].field, "round.agreement_ids");
    }

    #[test]
    fn a_census_is_consolidated_and_never_planned_nor_ordered() {
        let mut census = round(RoundState::Closed);
        census.terms.kind = RoundKind::Census { period_months: 12 };
        assert_eq!(census.check_may_be_consolidated(), Ok(()));
        let refused = Err(DemandError::CensusNotOrdered { title: "Janvier".into() });
        assert_eq!(census.check_may_be_planned(), refused);
        assert_eq!(census.order(), refused.map(|()| unreachable!()));
    }

    #[test]
    fn a_census_names_a_period_and_no_agreement() {
        let mut terms = round(RoundState::Open).terms;
        terms.platform_site_id = Some(SiteId::new());
        for period_months in [0, PERIOD_LIMIT + 1] {
            terms.kind = RoundKind::Census { period_months };
            let fields: Vec<String> = terms.faults().into_iter().map(|fault| fault.field).collect();
            assert_eq!(fields, ["round.period_months", "round.agreement_ids", "round.platform_site_id"]);
        }
        terms.kind = RoundKind::Census { period_months: PERIOD_LIMIT };
        terms.agreement_ids.clear();
        terms.platform_site_id = None;
        assert_eq!(terms.faults(), []);
    }

    #[test]
    fn a_commitment_is_said_in_a_census_only_and_indicative_unless_said() {
        let census = RoundKind::Census { period_months: 12 };
        assert_eq!(census.commitment(None), Ok(Some(Commitment::Indicative)));
        assert_eq!(census.commitment(Some(Commitment::Firm)), Ok(Some(Commitment::Firm)));
        assert_eq!(RoundKind::Order.commitment(None), Ok(None));
        assert_eq!(RoundKind::Order.commitment(Some(Commitment::Firm)), Err(NoCensus));
        for kind in [census, RoundKind::Order] {
            assert_eq!(RoundKind::from_name(kind.name(), kind.period_months()), Some(kind));
        }
        assert_eq!(RoundKind::from_name("CENSUS", None), None);
    }
}
