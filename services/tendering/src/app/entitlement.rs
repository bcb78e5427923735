//! Who may buy what, many questions from few queries.

use std::collections::HashMap;

use kit::{
    Caller, Failure, Role,
    id::{AgreementId, LotId, PartyId},
};
use proto::tendering::v1 as pb;

use super::{App, Facts, limited_to};
use crate::{
    convert,
    domain::{
        agreement::Naming,
        entitlement::{Entitlement, LotTerms, Question, decide},
    },
    store,
};

impl App {
    /// Whether members may buy from lots on a day, with rule, source and facts. People limited to a member ask for it only.
    ///
    /// # Errors
    /// `NOT_FOUND` for a lot that is not the group's or a party that is not the caller's, and what membership answers.
    pub async fn check_entitlements(
        &self,
        caller: &Caller,
        request: pb::CheckEntitlementsRequest,
    ) -> Result<pb::CheckEntitlementsResponse, Failure> {
        caller.require(&[
            Role::PurchasingOfficer,
            Role::Auditor,
            Role::MemberRequester,
            Role::MemberReceiver,
            Role::Service,
        ])?;
        caller.group()?;
        let input = convert::check_from_proto(&request)?;
        if let Some(own) = limited_to(caller)?
            && let Some((other, _)) = input.questions.iter().find(|(party, _)| *party != own)
        {
            return Err(Failure::not_found("party", other));
        }
        let facts = self.facts(caller, input.on, &distinct(input.questions.iter().map(|(party, _)| *party))).await?;
        self.check_entitlements_knowing(caller, &input.questions, &facts).await
    }

    /// The part of [`App::check_entitlements`] behind membership's answers, for the day of the facts.
    ///
    /// # Errors
    /// `NOT_FOUND` for a lot that is not the group's.
    pub async fn check_entitlements_knowing(
        &self,
        caller: &Caller,
        questions: &[(PartyId, LotId)],
        facts: &Facts,
    ) -> Result<pb::CheckEntitlementsResponse, Failure> {
        let group = caller.group()?;
        let lot_ids = distinct(questions.iter().map(|(_, lot)| *lot));
        let parties = distinct(questions.iter().map(|(party, _)| *party));
        let mut tx = self.db.begin(caller).await?;
        let lots = store::agreement::list_lot_terms(tx.conn(), group, &lot_ids).await?;
        let agreements = distinct(lots.values().map(|lot| lot.agreement_id));
        let namings = store::agreement::list_namings(tx.conn(), group, &agreements, &parties).await?;
        tx.rollback().await?;
        let mut entitlements = Vec::with_capacity(questions.len());
        for &(party, lot_id) in questions {
            let lot = lots.get(&lot_id).ok_or_else(|| Failure::not_found("lot", lot_id))?;
            entitlements.push(convert::entitlement_to_proto(party, lot_id, facts.entitlement(party, lot, &namings)));
        }
        Ok(pb::CheckEntitlementsResponse { entitlements })
    }
}

impl Facts {
    /// Whether a party may buy from a lot on the day of the facts.
    pub(super) fn entitlement(
        &self,
        party: PartyId,
        lot: &LotTerms,
        namings: &HashMap<(AgreementId, PartyId), Vec<Naming>>,
    ) -> Entitlement {
        decide(&Question {
            party,
            on: self.on,
            lot,
            namings: namings.get(&(lot.agreement_id, party)).map_or(&[], Vec::as_slice),
            member: self.members.get(&party),
            group: &self.group,
            law: &self.law,
        })
    }
}

fn distinct<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    items.sort_unstable();
    items.dedup();
    items
}
