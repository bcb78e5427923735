//! Entering and reading agreements.

use std::collections::HashMap;

use kit::{
    Caller, Failure, FieldFault, Role,
    command::Claim,
    db::Tx,
    id::{AgreementId, GroupId, LotId, PartyId},
};
use proto::{membership::v1::PartyKind, tendering::v1 as pb};

use super::{App, Facts, limited_to, require_reader};
use crate::{
    convert,
    domain::{
        TenderingError,
        agreement::{Agreement, Draft, Lot, MOST_BENEFICIARIES, Naming, Terms, check_awarding, naming_faults},
        ceiling::Ceiling,
        law::LegalRule,
    },
    store,
};

/// Lots in one page of agreements at most, so that an answer stays under 2 MiB.
const LOTS_PER_PAGE: i64 = 5_000;

impl App {
    /// Enters an agreement that is already in force. Role: purchasing officer who acts for the group's awarding party.
    ///
    /// # Errors
    /// `NOT_THE_AWARDING_PARTY`, `AGREEMENT_TOO_LONG`, `AGREEMENT_EXISTS`, faulty input, and what membership answers.
    pub async fn enter_agreement(
        &self,
        caller: &Caller,
        request: pb::EnterAgreementRequest,
    ) -> Result<pb::EnterAgreementResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let group = caller.group()?;
        let draft = convert::draft_from_proto(&request)?;
        let facts = self.facts_to_award(caller, draft.terms.awarding_party).await?;
        let faults = draft.faults(&facts.law);
        if !faults.is_empty() {
            return Err(Failure::invalid(faults));
        }
        draft.check_duration(&facts.law)?;
        let worth = draft.lots.iter().map(|lot| lot.maximum_cents).fold(0, i64::saturating_add);
        facts.check_may_award(caller, draft.terms.awarding_party, worth)?;
        let kinds = self.membership.party_kinds(group, &draft.parties()).await?;
        let faults = party_faults(&draft, &kinds);
        if !faults.is_empty() {
            return Err(Failure::invalid(faults));
        }
        self.enter_agreement_knowing(caller, &request, draft).await
    }

    /// The part of [`App::enter_agreement`] behind the checks that need membership.
    ///
    /// # Errors
    /// `AGREEMENT_EXISTS`, and as every command.
    pub async fn enter_agreement_knowing(
        &self,
        caller: &Caller,
        request: &pb::EnterAgreementRequest,
        draft: Draft,
    ) -> Result<pb::EnterAgreementResponse, Failure> {
        const METHOD: &str = "centrale.tendering.v1.TenderingService/EnterAgreement";
        let group = caller.group()?;
        let mut command = match self.db.command(caller, METHOD, &request.request_id, request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let agreement = enter(&mut command, group, draft).await?;
        command.finish(pb::EnterAgreementResponse { agreement: Some(convert::agreement_to_proto(&agreement)) }).await
    }

    /// Adds beneficiaries that the contract notice named, from today on. Role: purchasing officer of the awarding party.
    ///
    /// # Errors
    /// `NOT_THE_AWARDING_PARTY`, `NOT_NAMED_IN_NOTICE`, `BENEFICIARY_ALREADY_NAMED`, `TOO_MANY_BENEFICIARIES`, faulty input, and
    /// what membership answers.
    pub async fn add_beneficiaries(
        &self,
        caller: &Caller,
        request: pb::AddBeneficiariesRequest,
    ) -> Result<pb::AddBeneficiariesResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let (agreement, namings, evidence) = convert::beneficiaries_from_proto(&request)?;
        let facts = self.facts(caller, None, &parties_of(&namings)).await?;
        self.add_beneficiaries_knowing(caller, &request, agreement, (&namings, &evidence), &facts).await
    }

    /// The part of [`App::add_beneficiaries`] behind membership's answers.
    ///
    /// # Errors
    /// As [`App::add_beneficiaries`].
    pub async fn add_beneficiaries_knowing(
        &self,
        caller: &Caller,
        request: &pb::AddBeneficiariesRequest,
        agreement: AgreementId,
        (namings, evidence): (&[Naming], &[String]),
        facts: &Facts,
    ) -> Result<pb::AddBeneficiariesResponse, Failure> {
        const METHOD: &str = "centrale.tendering.v1.TenderingService/AddBeneficiaries";
        let group = caller.group()?;
        let mut command = match self.db.command(caller, METHOD, &request.request_id, request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let terms = store::agreement::lock_terms(command.conn(), group, agreement)
            .await?
            .ok_or_else(|| Failure::not_found("agreement", agreement))?;
        facts.check_day(&mut command).await?;
        check_awarding(&facts.group, caller.acts_for, terms.awarding_party, &facts.law, facts.on)?;
        let mut faults = naming_faults("beneficiaries", namings, &terms, Some(facts.on));
        faults.extend(stranger_faults(namings, facts));
        if !faults.is_empty() {
            return Err(Failure::invalid(faults));
        }
        let in_notice = store::consultation::beneficiaries_of(command.conn(), group, agreement).await?;
        check_named_in_notice(&terms, agreement, namings, evidence, in_notice.as_deref(), facts)?;
        store::agreement::insert_beneficiaries(command.conn(), group, agreement, namings, evidence).await?;
        let (rows, parties) = store::agreement::count_beneficiaries(command.conn(), group, agreement).await?;
        if rows > MOST_BENEFICIARIES {
            return Err(
                TenderingError::TooManyBeneficiaries { agreement, count: rows, limit: MOST_BENEFICIARIES }.into()
            );
        }
        let party_ids = parties_of(namings).iter().map(ToString::to_string).collect();
        let added = pb::BeneficiariesAdded { agreement_id: agreement.to_string(), party_ids };
        command.append(agreement.uuid(), "tendering.beneficiaries_added.v1", &added).await?;
        command.finish(pb::AddBeneficiariesResponse { beneficiary_count: parties }).await
    }

    /// One agreement with its lots and ceilings. In a group's session all of it, but people limited to a member see only that
    /// member among the beneficiaries; in a supplier's session the lots it holds.
    ///
    /// # Errors
    /// `NOT_FOUND`, also for what the session may not see.
    pub async fn get_agreement(
        &self,
        caller: &Caller,
        request: pb::GetAgreementRequest,
    ) -> Result<pb::GetAgreementResponse, Failure> {
        require_reader(caller)?;
        let id = convert::agreement_id_from_proto(&request.agreement_id)?;
        let own = limited_to(caller)?;
        let mut tx = self.db.begin(caller).await?;
        let agreement = store::agreement::find(tx.conn(), id, own).await?;
        tx.rollback().await?;
        let agreement = agreement.ok_or_else(|| Failure::not_found("agreement", id))?;
        Ok(pb::GetAgreementResponse { agreement: Some(convert::agreement_to_proto(&agreement)) })
    }

    /// Agreements of the session's group; in a party's session those that it holds, awarded or is named in. A page ends early
    /// where its lots would pass [`LOTS_PER_PAGE`].
    ///
    /// # Errors
    /// Faulty input.
    pub async fn list_agreements(
        &self,
        caller: &Caller,
        request: pb::ListAgreementsRequest,
    ) -> Result<pb::ListAgreementsResponse, Failure> {
        require_reader(caller)?;
        let input = convert::list_from_proto(caller, &request)?;
        let limit = i64::try_from(input.size).map_err(Failure::internal)? + 1;
        let mut tx = self.db.begin(caller).await?;
        let mut rows = store::agreement::list(tx.conn(), input.in_force_on, input.after, limit).await?;
        let fitting = rows_that_fit(&rows, input.size);
        let more = fitting < rows.len();
        rows.truncate(fitting);
        let ids: Vec<AgreementId> = rows.iter().map(|(agreement, _)| agreement.id).collect();
        let mut lots = store::agreement::list_lots(tx.conn(), &ids).await?;
        tx.rollback().await?;
        let mut response = pb::ListAgreementsResponse::default();
        for (mut agreement, _) in rows {
            agreement.lots = lots.remove(&agreement.id).unwrap_or_default();
            response.group_ids.push(agreement.group.to_string());
            response.agreements.push(convert::agreement_to_proto(&agreement));
        }
        if more {
            response.next_after = ids.last().map(ToString::to_string).unwrap_or_default();
        }
        Ok(response)
    }
}

/// Enters an agreement in an open transaction: as opening data, or made of a consultation.
pub(super) async fn enter(tx: &mut Tx, group: GroupId, draft: Draft) -> Result<Agreement, Failure> {
    let agreement = with_ids(group, draft);
    let now = tx.now().await?;
    store::agreement::insert(tx.conn(), &agreement, now).await?;
    let entered = pb::AgreementEntered {
        agreement_id: agreement.id.to_string(),
        lot_ids: agreement.lots.iter().map(|lot| lot.id.to_string()).collect(),
        ceilings: agreement
            .lots
            .iter()
            .map(|lot| pb::EnteredCeiling {
                maximum_cents: lot.ceiling.maximum_cents,
                opening_consumed_cents: lot.ceiling.opening_cents,
            })
            .collect(),
    };
    tx.append(agreement.id.uuid(), "tendering.agreement_entered.v1", &entered).await?;
    Ok(agreement)
}

/// How many of the rows make a page: `size` at most, and at least one however many lots it has.
fn rows_that_fit(rows: &[(Agreement, i64)], size: usize) -> usize {
    let mut lots = 0;
    let fitting = rows.iter().take(size).take_while(|(_, count)| {
        let first = lots == 0;
        lots += count;
        first || lots <= LOTS_PER_PAGE
    });
    fitting.count()
}

fn with_ids(group: GroupId, draft: Draft) -> Agreement {
    let lots = draft.lots.into_iter().map(|lot| {
        let id = LotId::new();
        let ceiling = Ceiling {
            lot_id: id,
            maximum_cents: lot.maximum_cents,
            opening_cents: lot.opening_cents,
            consumed_cents: 0,
            reserved_cents: 0,
        };
        let (number, title, holder) = (lot.number, lot.title, lot.holder);
        Lot { id, number, title, holder, minimum_cents: lot.minimum_cents, ceiling, consumption: Vec::new() }
    });
    let mut lots: Vec<Lot> = lots.collect();
    lots.sort_by_key(|lot| lot.number);
    Agreement { id: AgreementId::new(), group, terms: draft.terms, lots, beneficiaries: draft.beneficiaries }
}

/// Parties that are not there, or are not what they must be: holders are firms, buyers are not.
fn party_faults(draft: &Draft, kinds: &HashMap<PartyId, PartyKind>) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    let mut check = |field: String, party: PartyId, firm: bool| match kinds.get(&party) {
        None => faults.push(FieldFault::new(field, "no such party")),
        Some(kind) if (*kind == PartyKind::Firm) != firm => {
            let detail = if firm { "must be a firm" } else { "must not be a firm" };
            faults.push(FieldFault::new(field, detail));
        }
        Some(_) => {}
    };
    check("agreement.awarding_party_id".to_owned(), draft.terms.awarding_party, false);
    for (index, lot) in draft.lots.iter().enumerate() {
        check(format!("agreement.lots[{index}].holder_id"), lot.holder, true);
    }
    for (index, naming) in draft.beneficiaries.iter().enumerate() {
        check(format!("agreement.beneficiaries[{index}].party_id"), naming.party, false);
    }
    faults
}

/// Refuses a buyer that the notice does not name: of an agreement made here the published documents say whom they name; of one that
/// was entered, a buyer that joined after the notice needs to be shown where it is named (CCP R2162-6, CJUE C-216/17).
fn check_named_in_notice(
    terms: &Terms,
    agreement: AgreementId,
    namings: &[Naming],
    evidence: &[String],
    in_notice: Option<&[PartyId]>,
    facts: &Facts,
) -> Result<(), TenderingError> {
    for (naming, evidence) in namings.iter().zip(evidence) {
        let since = facts.members.get(&naming.party).and_then(|member| member.since);
        let named = match (in_notice, terms.published_on, since) {
            (Some(named), _, _) => named.contains(&naming.party),
            (None, Some(published), Some(since)) => since <= published || !evidence.is_empty(),
            (None, _, _) => true,
        };
        if !named {
            return Err(TenderingError::NotNamedInNotice {
                party: naming.party,
                agreement,
                published_on: terms.published_on,
                member_since: since,
                legal_source: facts.law.article(LegalRule::JoinedAfterPublication, facts.on).to_owned(),
            });
        }
    }
    Ok(())
}

fn stranger_faults(namings: &[Naming], facts: &Facts) -> Vec<FieldFault> {
    let strangers = namings.iter().enumerate().filter(|(_, naming)| !facts.members.contains_key(&naming.party));
    strangers
        .map(|(index, _)| {
            FieldFault::new(format!("beneficiaries[{index}].party_id"), "is not a member of the group today")
        })
        .collect()
}

fn parties_of(namings: &[Naming]) -> Vec<PartyId> {
    let mut parties: Vec<PartyId> = namings.iter().map(|naming| naming.party).collect();
    parties.sort_unstable();
    parties.dedup();
    parties
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::agreement::{NewLot, PurchasingRole, TierBasis};

    fn draft(awarding_party: PartyId, holder: PartyId, buyers: &[PartyId]) -> Draft {
        let day = chrono::NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();
        let text = || "x".to_owned();
        let terms = Terms {
            key: text(),
            number: text(),
            title: text(),
            role: PurchasingRole::Intermediary,
            tier_basis: TierBasis::OrderForm,
            starts_on: day,
            ends_on: day,
            awarding_party,
            source: text(),
            published_on: None,
        };
        let lot = NewLot { number: 1, title: text(), holder, maximum_cents: 1, minimum_cents: 0, opening_cents: 0 };
        let named = |party: &PartyId| Naming { party: *party, valid_from: day, valid_to: None };
        Draft { terms, lots: vec![lot], beneficiaries: buyers.iter().map(named).collect() }
    }

    #[test]
    fn holders_are_firms_buyers_are_not_and_nobody_is_unknown() {
        let (support, firm, hospital, unknown) = (PartyId::new(), PartyId::new(), PartyId::new(), PartyId::new());
        let kinds = HashMap::from([
            (support, PartyKind::Establishment),
            (firm, PartyKind::Firm),
            (hospital, PartyKind::Establishment),
        ]);
        assert_eq!(party_faults(&draft(support, firm, &[hospital]), &kinds), []);
        let fields = |draft: &Draft| -> Vec<String> {
            party_faults(draft, &kinds).into_iter().map(|fault| format!("{}: {}", fault.field, fault.detail)).collect()
        };
        assert_eq!(
            fields(&draft(firm, hospital, &[hospital, firm, unknown])),
            [
                "agreement.awarding_party_id: must not be a firm",
                "agreement.lots[0].holder_id: must be a firm",
                "agreement.beneficiaries[1].party_id: must not be a firm",
                "agreement.beneficiaries[2].party_id: no such party",
            ]
        );
    }

    #[test]
    fn a_page_ends_before_its_lots_pass_the_limit_but_has_one_agreement_at_least() {
        let party = PartyId::new();
        let rows = |counts: &[i64]| -> Vec<(Agreement, i64)> {
            counts.iter().map(|count| (with_ids(GroupId::new(), draft(party, party, &[])), *count)).collect()
        };
        assert_eq!(rows_that_fit(&rows(&[1, 1, 1]), 2), 2);
        assert_eq!(rows_that_fit(&rows(&[1, 1]), 2), 2);
        assert_eq!(rows_that_fit(&rows(&[LOTS_PER_PAGE - 1, 1, 1]), 50), 2);
        assert_eq!(rows_that_fit(&rows(&[LOTS_PER_PAGE + 1, 1]), 50), 1);
        assert_eq!(rows_that_fit(&[], 50), 0);
    }
}
