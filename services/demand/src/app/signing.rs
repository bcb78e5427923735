//! Whether an officer may order for so much: within what the party for which it acts has delegated (`kit::signature`).

use kit::{
    Caller, Failure,
    signature::{self, Signatures},
};
use proto::membership::v1::Act;

use super::App;

impl App {
    /// The rights to order in the name of the party for which the caller acts. Asked before the transaction.
    ///
    /// # Errors
    /// What membership answers.
    pub(crate) async fn order_rights(&self, caller: &Caller) -> Result<Signatures, Failure> {
        let group = caller.group()?;
        let Some(party) = caller.acts_for else { return Ok(Signatures::default()) };
        signature::ask(&self.membership, "demand", group, party, Act::Order, None).await
    }
}

/// Refuses an officer whose delegation does not reach so far (cents EUR without VAT).
///
/// # Errors
/// `ABOVE_DELEGATION` with the figures, `NO_DELEGATION`.
pub(crate) fn check_may_order(caller: &Caller, rights: &Signatures, amount_cents: i64) -> Result<(), Failure> {
    if let Some(party) = caller.acts_for {
        rights.sign(caller, party, amount_cents)?;
    }
    Ok(())
}
