//! Marks, ranks, award and the agreement.

use chrono::{Days, Months, NaiveDate};
use kit::{Caller, Failure, FieldFault, Role, command::Claim};
use proto::tendering::v1 as pb;

use super::{
    App, Facts, Moment,
    agreement::enter,
    consultation::{lock, require_awarding, sha256_of},
    opening::find,
};
use crate::{
    convert::{self as convert_agreement, consultation as convert, consultation::Marks},
    domain::{
        TenderingError,
        agreement::{Agreement, Draft, Naming, NewLot, Terms},
        consultation::{
            Consultation, Opened, OpenedTender,
            content::Offer,
            delays,
            dossier::{Dossier, Procedure},
            score::{Candidate, Unrankable, rank},
            state,
        },
    },
    store::{self, consultation::LotResult},
};

/// Prices that one event carries at most: with 50 tiers each it stays below 1 MiB.
const PRICES_PER_EVENT: usize = 500;

impl App {
    /// Stores the officers' marks, computes every figure, and ranks each lot. May be repeated until the award: the last one
    /// holds. Role: purchasing officer of the awarding party.
    ///
    /// # Errors
    /// `CONSULTATION_NOT_NOW`, `NOT_FOUND`, `INVALID_INPUT` for marks that are missing or for nothing.
    pub async fn score_tenders(
        &self,
        caller: &Caller,
        request: pb::ScoreTendersRequest,
    ) -> Result<pb::ScoreTendersResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let facts = self.facts_on_award(caller, convert::consultation_id_from_proto(&request.consultation_id)?).await?;
        self.score_tenders_knowing(caller, &request, &facts).await
    }

    /// The part of [`App::score_tenders`] behind membership's answers.
    ///
    /// # Errors
    /// As [`App::score_tenders`].
    pub async fn score_tenders_knowing(
        &self,
        caller: &Caller,
        request: &pb::ScoreTendersRequest,
        facts: &Facts,
    ) -> Result<pb::ScoreTendersResponse, Failure> {
        const METHOD: &str = "centrale.tendering.v1.ConsultationService/ScoreTenders";
        let id = convert::consultation_id_from_proto(&request.consultation_id)?;
        let marks = convert::marks_from_proto(&request.marks)?;
        let mut command = match self.db.command(caller, METHOD, &request.request_id, request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let before = lock(&mut command, caller, id).await?;
        require_awarding(caller, &before, facts)?;
        let moment = Moment::of(&mut command).await?;
        let stored = moment.step(&before, state::Command::Score)?;
        let opened = store::tender::list_opened(command.conn(), before.group, id).await?;
        let results = evaluate(&before.dossier, &opened, marks)?;
        let after = Consultation { stored, version: before.version + 1, ..before.clone() };
        store::consultation::save(command.conn(), before.version, &after).await?;
        store::consultation::save_results(command.conn(), &after, &results).await?;
        let rankings: Vec<_> = results.iter().map(|result| (result.lot, &result.ranking)).collect();
        let event = pb::TendersScored { consultation_id: id.to_string(), evaluation_sha256: sha256_of(&rankings)? };
        command.append(id.uuid(), "tendering.tenders_scored.v1", &event).await?;
        let results = results.iter().map(convert::ranking_to_proto).collect();
        command.finish(pb::ScoreTendersResponse { consultation: Some(moment.shown(&after)), results }).await
    }

    /// Awards each lot to its best ranked tender, notifies, and starts the standstill where one is due. A lot that nobody
    /// offered stays without holder (lot infructueux). Role: purchasing officer of the awarding party.
    ///
    /// # Errors
    /// `NOTHING_TO_AWARD`, `CONSULTATION_NOT_NOW`, `NOT_FOUND`, `NOT_THE_AWARDING_PARTY` with the article, `ABOVE_DELEGATION`,
    /// `NO_DELEGATION`, and what membership answers.
    pub async fn award_lots(
        &self,
        caller: &Caller,
        request: pb::AwardLotsRequest,
    ) -> Result<pb::AwardLotsResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let facts = self.facts_on_award(caller, convert::consultation_id_from_proto(&request.consultation_id)?).await?;
        self.award_lots_knowing(caller, &request, &facts).await
    }

    /// The part of [`App::award_lots`] behind membership's answers.
    ///
    /// # Errors
    /// As [`App::award_lots`].
    pub async fn award_lots_knowing(
        &self,
        caller: &Caller,
        request: &pb::AwardLotsRequest,
        facts: &Facts,
    ) -> Result<pb::AwardLotsResponse, Failure> {
        const METHOD: &str = "centrale.tendering.v1.ConsultationService/AwardLots";
        let id = convert::consultation_id_from_proto(&request.consultation_id)?;
        let mut command = match self.db.command(caller, METHOD, &request.request_id, request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let before = lock(&mut command, caller, id).await?;
        require_awarding(caller, &before, facts)?;
        let moment = Moment::of(&mut command).await?;
        let stored = moment.step(&before, state::Command::Award)?;
        let mut results = store::consultation::list_results(command.conn(), before.group, id).await?;
        let mut event = pb::LotsAwarded { consultation_id: id.to_string(), ..Default::default() };
        for result in &mut results {
            result.awarded = result.ranking.first().map(|best| (best.tender, best.party));
            if let Some((tender, _)) = result.awarded {
                event.tender_ids.push(tender.to_string());
                event.lot_numbers.push(result.lot);
            }
        }
        if event.tender_ids.is_empty() {
            return Err(TenderingError::NothingToAward { consultation: id }.into());
        }
        // Whoever was in time is a tenderer, whatever was found in its tender.
        let tenderers = store::tender::list_opened(command.conn(), before.group, id).await?.len();
        let procedure = before.dossier.procedure.unwrap_or(Procedure::Open);
        let (signable_on, finding) =
            delays::signable_on(procedure, before.dossier.electronic, tenderers, moment.today, &moment.law);
        event.signable_on = signable_on.to_string();
        let after = Consultation {
            stored,
            version: before.version + 1,
            awarded_at: Some(moment.now),
            signable_on: Some(signable_on),
            ..before.clone()
        };
        store::consultation::save(command.conn(), before.version, &after).await?;
        store::consultation::save_results(command.conn(), &after, &results).await?;
        command.append(id.uuid(), "tendering.lots_awarded.v1", &event).await?;
        let reply = pb::AwardLotsResponse {
            consultation: Some(moment.shown(&after)),
            results: results.iter().map(convert::ranking_to_proto).collect(),
            reasons: vec![convert::finding_to_proto(finding)],
        };
        command.finish(reply).await
    }

    /// Makes one agreement of the awarded lots, each with its holder and maximum, for the buyers named, after the standstill
    /// (C6). Its prices go into the log in the same transaction, from where the catalogue sets them by itself: whatever is
    /// killed in between, an agreement gets its prices, once. Role: purchasing officer of the awarding party.
    ///
    /// # Errors
    /// `STANDSTILL_RUNNING`, `CONSULTATION_NOT_NOW`, `AGREEMENT_EXISTS`, `AGREEMENT_TOO_LONG`, `NOT_THE_AWARDING_PARTY`,
    /// `NOT_FOUND`, faulty input, and what membership answers.
    pub async fn sign_agreement(
        &self,
        caller: &Caller,
        request: pb::SignAgreementRequest,
    ) -> Result<pb::SignAgreementResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let (id, ..) = convert::sign_from_proto(&request)?;
        let facts = self.facts_on_award(caller, id).await?;
        self.sign_agreement_knowing(caller, &request, &facts).await
    }

    /// The part of [`App::sign_agreement`] behind membership's answers, for the day of the facts, which must still be today.
    ///
    /// # Errors
    /// As [`App::sign_agreement`].
    pub async fn sign_agreement_knowing(
        &self,
        caller: &Caller,
        request: &pb::SignAgreementRequest,
        facts: &Facts,
    ) -> Result<pb::SignAgreementResponse, Failure> {
        const METHOD: &str = "centrale.tendering.v1.ConsultationService/SignAgreement";
        let (id, key, number, starts_on) = convert::sign_from_proto(request)?;
        let mut command = match self.db.command(caller, METHOD, &request.request_id, request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let before = lock(&mut command, caller, id).await?;
        facts.check_day(&mut command).await?;
        require_awarding(caller, &before, facts)?;
        let moment = Moment::of(&mut command).await?;
        let stored = moment.step(&before, state::Command::Sign)?;
        let starts_on = starts_on.unwrap_or(moment.today);
        if starts_on < moment.today {
            return Err(Failure::invalid_field("starts_on", format!("must be {} or later", moment.today)));
        }
        let results = store::consultation::list_results(command.conn(), before.group, id).await?;
        let mut draft = draft_of(&before, &results, key, number, starts_on)?;
        if let Some(published_at) = before.published_at {
            draft.terms.published_on = Some(command.day_of(published_at).await?);
        }
        draft.check_duration(&moment.law)?;
        let faults = draft.faults(&moment.law);
        if !faults.is_empty() {
            return Err(Failure::invalid(faults));
        }
        let agreement = enter(&mut command, before.group, draft).await?;
        let opened = store::tender::list_opened(command.conn(), before.group, id).await?;
        let prices = prices_of(&agreement, &results, &opened);
        let version = before.version + 1;
        let after = Consultation { stored, version, agreement: Some(agreement.id), ..before.clone() };
        store::consultation::save(command.conn(), before.version, &after).await?;
        let event = pb::ConsultationSigned { consultation_id: id.to_string(), agreement_id: agreement.id.to_string() };
        command.append(id.uuid(), "tendering.consultation_signed.v1", &event).await?;
        for chunk in prices.chunks(PRICES_PER_EVENT) {
            let (consultation_id, agreement_id) = (event.consultation_id.clone(), event.agreement_id.clone());
            let awarded = pb::PricesAwarded { consultation_id, agreement_id, prices: chunk.to_vec() };
            command.append(id.uuid(), "tendering.prices_awarded.v1", &awarded).await?;
        }
        let reply = pb::SignAgreementResponse {
            consultation: Some(moment.shown(&after)),
            agreement: Some(convert_agreement::agreement_to_proto(&agreement)),
            prices,
        };
        command.finish(reply).await
    }
}

/// Offers for a lot among the tenders that are complete.
fn offers(opened: &[OpenedTender], lot: i32) -> impl Iterator<Item = (&OpenedTender, &Offer)> {
    opened.iter().filter_map(move |tender| match &tender.found {
        Opened::Complete(content) => content.offers.iter().find(|offer| offer.lot == lot).map(|offer| (tender, offer)),
        Opened::Irregular(_) | Opened::Unreadable(_) => None,
    })
}

/// Ranks every lot with the marks given; every mark must be for an offer, and none may lack.
fn evaluate(dossier: &Dossier, opened: &[OpenedTender], mut marks: Marks) -> Result<Vec<LotResult>, Failure> {
    let mut faults = Vec::new();
    let mut results = Vec::with_capacity(dossier.lots.len());
    for lot in &dossier.lots {
        let mut candidates = Vec::new();
        for (tender, offer) in offers(opened, lot.number) {
            let given = marks.remove(&(tender.tender, lot.number)).unwrap_or_default();
            let lacking = dossier.marked_criteria().filter(|criterion| !given.contains_key(&criterion.key));
            for criterion in lacking {
                let detail = format!("{} of {} for lot {} is not marked", criterion.key, tender.tender, lot.number);
                faults.push(FieldFault::new("marks", detail));
            }
            for key in given.keys().filter(|key| !dossier.marked_criteria().any(|one| one.key == **key)) {
                let detail = format!("{key} of {} for lot {} is not to be marked", tender.tender, lot.number);
                faults.push(FieldFault::new("marks", detail));
            }
            candidates.push(Candidate {
                tender: tender.tender,
                party: tender.party,
                received_at: tender.received_at,
                price_cents: offer.price_cents,
                marks: given,
            });
        }
        if faults.is_empty() {
            let ranking = rank(dossier, &candidates).map_err(unrankable)?;
            results.push(LotResult { lot: lot.number, ranking, awarded: None });
        }
    }
    for (tender, lot) in marks.keys() {
        faults.push(FieldFault::new("marks", format!("{tender} has no offer for lot {lot}")));
    }
    if faults.is_empty() { Ok(results) } else { Err(Failure::invalid(faults)) }
}

/// Marks have been checked and unlawful documents are not published: what is left is ours to report.
fn unrankable(why: Unrankable) -> Failure {
    Failure::internal(format!("offers cannot be ranked: {why:?}"))
}

/// The agreement of the awarded lots.
fn draft_of(
    consultation: &Consultation,
    results: &[LotResult],
    key: String,
    number: String,
    starts_on: NaiveDate,
) -> Result<Draft, Failure> {
    let dossier = &consultation.dossier;
    let ends_on = starts_on
        .checked_add_months(Months::new(dossier.duration_months))
        .and_then(|after| after.checked_sub_days(Days::new(1)))
        .ok_or_else(|| Failure::invalid_field("starts_on", "is too far away"))?;
    let terms = Terms {
        key,
        number,
        title: dossier.title.clone(),
        role: dossier.role,
        tier_basis: dossier.tier_basis,
        starts_on,
        ends_on,
        awarding_party: dossier.awarding_party,
        source: format!("consultation {}", consultation.number),
        published_on: None,
    };
    let lot = |result: &LotResult| {
        let (lot, (_, holder)) = dossier.lot(result.lot).zip(result.awarded)?;
        Some(NewLot {
            number: lot.number,
            title: lot.title.clone(),
            holder,
            maximum_cents: lot.maximum_cents,
            minimum_cents: 0,
            opening_cents: 0,
        })
    };
    let named = |party: &kit::id::PartyId| Naming { party: *party, valid_from: starts_on, valid_to: None };
    Ok(Draft {
        terms,
        lots: results.iter().filter_map(lot).collect(),
        beneficiaries: dossier.beneficiaries.iter().map(named).collect(),
    })
}

/// Prices as tendered, for the lots of the agreement.
fn prices_of(agreement: &Agreement, results: &[LotResult], opened: &[OpenedTender]) -> Vec<pb::AwardedPrice> {
    let mut prices = Vec::new();
    for lot in &agreement.lots {
        let awarded = results.iter().find(|result| result.lot == lot.number).and_then(|result| result.awarded);
        let Some(Opened::Complete(content)) =
            awarded.and_then(|(tender, _)| find(opened, tender)).map(|tender| &tender.found)
        else {
            continue;
        };
        let offer = content.offers.iter().filter(|offer| offer.lot == lot.number);
        prices.extend(offer.flat_map(|offer| &offer.prices).map(|price| pb::AwardedPrice {
            lot_id: lot.id.to_string(),
            article_id: price.article.to_string(),
            unit_price: price.tiers.first().map(|tier| tier.unit_price.to_string()).unwrap_or_default(),
            supplier_id: lot.holder.to_string(),
            packaging_code: price.packaging.clone(),
            order_multiple_packs: price.order_multiple_packs,
            tiers: price.tiers.iter().map(convert::tier_to_proto).collect(),
            valid_from: agreement.terms.starts_on.to_string(),
            valid_to: agreement.terms.ends_on.to_string(),
        }));
    }
    prices
}
