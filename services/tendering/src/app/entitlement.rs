//! Who may buy what, many questions from few queries.

use std::collections::{BTreeMap, HashMap};

use kit::{
    Caller, Failure, Role,
    id::{AgreementId, ArticleId, LotId, PartyId},
};
use proto::tendering::v1 as pb;

use super::{App, Facts, limited_to};
use crate::{
    convert::{self, AskedEntitlement},
    domain::{
        agreement::Naming,
        entitlement::{
            Entitlement, LotTerms, Question,
            alternative::{Candidate, nearest},
            decide, namings_of,
        },
    },
    store,
};

/// Lots for which other lots are looked for in one call; what must be done is told for all.
const MOST_LOOKED_FOR: usize = 20;

/// Since when and until when each party is named under each agreement.
type Namings = HashMap<(AgreementId, PartyId), Vec<Naming>>;

impl App {
    /// Whether members may buy from lots on a day, with rule, source, facts, and after a refusal the nearest alternative (services
    /// ask by the thousand and are not told). People limited to a member ask for it only.
    ///
    /// # Errors
    /// `NOT_FOUND` for a lot that is not the group's or a party that is not the caller's, and what membership and catalogue answer.
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
            && let Some(other) = input.questions.iter().find(|asked| asked.party != own)
        {
            return Err(Failure::not_found("party", other.party));
        }
        let facts = self.facts(caller, input.on, &distinct(input.questions.iter().map(|asked| asked.party))).await?;
        let mut answer = self.check_entitlements_knowing(caller, &input.questions, &facts).await?;
        if !caller.has(&[Role::Service]) {
            self.add_alternatives(caller, &input.questions, &facts, &mut answer).await?;
        }
        Ok(answer)
    }

    /// The part of [`App::check_entitlements`] behind membership's answers, for the day of the facts, without alternatives.
    ///
    /// # Errors
    /// `NOT_FOUND` for a lot that is not the group's.
    pub async fn check_entitlements_knowing(
        &self,
        caller: &Caller,
        questions: &[AskedEntitlement],
        facts: &Facts,
    ) -> Result<pb::CheckEntitlementsResponse, Failure> {
        let lot_ids = distinct(questions.iter().map(|asked| asked.lot));
        let parties = distinct(questions.iter().map(|asked| asked.party));
        let (lots, namings) = self.terms_and_namings(caller, &lot_ids, &parties, facts).await?;
        let mut entitlements = Vec::with_capacity(questions.len());
        for asked in questions {
            let lot = lots.get(&asked.lot).ok_or_else(|| Failure::not_found("lot", asked.lot))?;
            let entitlement = facts.entitlement(asked.party, asked.amount_cents, lot, &namings);
            entitlements.push(convert::entitlement_to_proto(asked, entitlement));
        }
        Ok(pb::CheckEntitlementsResponse { entitlements })
    }

    async fn terms_and_namings(
        &self,
        caller: &Caller,
        lots: &[LotId],
        parties: &[PartyId],
        facts: &Facts,
    ) -> Result<(HashMap<LotId, LotTerms>, Namings), Failure> {
        let group = caller.group()?;
        let mut tx = self.db.begin(caller).await?;
        let lots = store::agreement::list_lot_terms(tx.conn(), group, lots).await?;
        let agreements = distinct(lots.values().map(|lot| lot.agreement_id));
        let parties = facts.with_predecessors(parties);
        let namings = store::agreement::list_namings(tx.conn(), group, &agreements, &parties).await?;
        tx.rollback().await?;
        Ok((lots, namings))
    }

    /// Adds the nearest alternative to each refusal.
    async fn add_alternatives(
        &self,
        caller: &Caller,
        questions: &[AskedEntitlement],
        facts: &Facts,
        answer: &mut pb::CheckEntitlementsResponse,
    ) -> Result<(), Failure> {
        let group = caller.group()?;
        let refused: Vec<&AskedEntitlement> = questions
            .iter()
            .zip(&answer.entitlements)
            .filter(|(_, entitlement)| !entitlement.allowed)
            .map(|(asked, _)| asked)
            .collect();
        let wanted = distinct(refused.iter().map(|asked| (asked.lot, asked.article)));
        let parties = distinct(refused.iter().map(|asked| asked.party));
        let own = distinct(wanted.iter().map(|(lot, _)| *lot));
        let (own, _) = self.terms_and_namings(caller, &own, &parties, facts).await?;
        let mut alike: BTreeMap<(LotId, Option<ArticleId>), HashMap<LotId, usize>> = BTreeMap::new();
        for (lot, article) in wanted.into_iter().take(MOST_LOOKED_FOR) {
            if let Some(terms) = own.get(&lot) {
                alike.insert((lot, article), self.catalogue.lots_alike(group, terms, article, facts.on).await?);
            }
        }
        let others = distinct(alike.values().flat_map(HashMap::keys).copied().chain(own.keys().copied()));
        let (lots, namings) = self.terms_and_namings(caller, &others, &parties, facts).await?;
        for (asked, entitlement) in questions.iter().zip(&mut answer.entitlements).filter(|(_, one)| !one.allowed) {
            let Some(lot) = lots.get(&asked.lot) else { continue };
            let allowed = |(id, shared): (&LotId, &usize)| {
                let lot = lots.get(id)?;
                let allowed = facts.entitlement(asked.party, asked.amount_cents, lot, &namings).allowed;
                allowed.then_some(Candidate { lot, shared: *shared })
            };
            let candidates: Vec<Candidate<'_>> =
                alike.get(&(asked.lot, asked.article)).into_iter().flatten().filter_map(allowed).collect();
            let of_party = facts.namings(asked.party, lot, &namings);
            let question = facts.question(asked.party, asked.amount_cents, lot, &of_party);
            let nearest = nearest(&question, decide(&question).reason.rule, &candidates);
            entitlement.alternative = nearest.map(convert::alternative_to_proto);
        }
        Ok(())
    }
}

impl Facts {
    /// Whether a party may buy from a lot, for an amount or for any, on the day of the facts.
    pub(super) fn entitlement(
        &self,
        party: PartyId,
        amount_cents: Option<i64>,
        lot: &LotTerms,
        namings: &Namings,
    ) -> Entitlement {
        decide(&self.question(party, amount_cents, lot, &self.namings(party, lot, namings)))
    }

    fn question<'a>(
        &'a self,
        party: PartyId,
        amount_cents: Option<i64>,
        lot: &'a LotTerms,
        namings: &'a [Naming],
    ) -> Question<'a> {
        let (member, group, law) = (self.members.get(&party), &self.group, &self.law);
        Question { party, on: self.on, lot, amount_cents, namings, member, group, law }
    }

    /// How a party is named under a lot's agreement, by itself and through those that it took over.
    fn namings(&self, party: PartyId, lot: &LotTerms, namings: &Namings) -> Vec<Naming> {
        let named = |party| namings.get(&(lot.agreement_id, party)).map_or(&[][..], Vec::as_slice);
        namings_of(party, self.members.get(&party), named)
    }

    /// Parties and those that they took over: all in whose name one of them may be named.
    pub(super) fn with_predecessors(&self, parties: &[PartyId]) -> Vec<PartyId> {
        let taken = parties.iter().filter_map(|party| self.members.get(party)).flat_map(|member| &member.predecessors);
        distinct(parties.iter().copied().chain(taken.map(|(party, _)| *party)))
    }
}

fn distinct<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    items.sort_unstable();
    items.dedup();
    items
}
