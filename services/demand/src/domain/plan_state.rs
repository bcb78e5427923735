//! Life of a plan: PROPOSED → APPROVED → PLACED.

use super::order_error::OrderError;

/// State of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanState {
    /// Computed.
    Proposed,
    /// Approved by a purchasing officer.
    Approved,
    /// Its orders are placed or being placed.
    Placed,
}

impl PlanState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Proposed, Self::Approved, Self::Placed];

    /// As stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proposed => "PROPOSED",
            Self::Approved => "APPROVED",
            Self::Placed => "PLACED",
        }
    }

    /// As read.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == text)
    }

    /// Approves a plan that orders something.
    ///
    /// # Errors
    /// [`OrderError::PlanWrongState`] unless it is PROPOSED, [`OrderError::PlanEmpty`] when it has no line.
    pub fn approve(self, plan: &impl ToString, line_count: i64) -> Result<Self, OrderError> {
        self.require(plan, Self::Proposed)?;
        if line_count == 0 {
            return Err(OrderError::PlanEmpty { plan: plan.to_string() });
        }
        Ok(Self::Approved)
    }

    /// Starts placing its orders, once every commitment needed is there.
    ///
    /// # Errors
    /// [`OrderError::PlanWrongState`] unless it is APPROVED, [`OrderError::MissingCommitments`] naming who has given none.
    pub fn place(self, plan: &impl ToString, missing: &[impl ToString]) -> Result<Self, OrderError> {
        self.require(plan, Self::Approved)?;
        if missing.is_empty() {
            return Ok(Self::Placed);
        }
        let parties = missing.iter().map(ToString::to_string).collect();
        Err(OrderError::MissingCommitments { plan: plan.to_string(), parties })
    }

    /// Refuses any other state.
    ///
    /// # Errors
    /// [`OrderError::PlanWrongState`].
    pub fn require(self, plan: &impl ToString, needed: Self) -> Result<(), OrderError> {
        if self == needed {
            return Ok(());
        }
        Err(OrderError::PlanWrongState { plan: plan.to_string(), state: self.name().to_owned(), needed: needed.name() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_goes_one_way() {
        let none: [&str; 0] = [];
        let table: Vec<_> = PlanState::ALL
            .iter()
            .map(|state| (state.name(), state.approve(&"p", 1).is_ok(), state.place(&"p", &none).is_ok()))
            .collect();
        assert_eq!(table, [("PROPOSED", true, false), ("APPROVED", false, true), ("PLACED", false, false)]);
        assert_eq!(PlanState::Proposed.approve(&"p", 0), Err(OrderError::PlanEmpty { plan: "p".into() }));
        let missing = PlanState::Approved.place(&"p", &["pty_1"]);
        assert_eq!(missing, Err(OrderError::MissingCommitments { plan: "p".into(), parties: vec!["pty_1".into()] }));
    }
}
