//! Writing, publishing and reading consultations.

use std::collections::HashMap;

use kit::{
    Caller, Failure, FieldFault, Role, Scope,
    command::{Claim, Command},
    db::Tx,
    error::CommonError,
    id::{ConsultationId, PartyId},
};
use proto::{membership::v1::PartyKind, tendering::v1 as pb};
use sha2::{Digest as _, Sha256};

use super::{App, Facts, Moment};
use crate::{
    convert::consultation::{self as convert, Audience},
    domain::{
        TenderingError,
        consultation::{
            Consultation, delays,
            dossier::Dossier,
            publication::{self, Days},
            state::{self, State, Step, Stored},
        },
    },
    store,
};

impl App {
    /// Starts a consultation as a draft. Role: purchasing officer who acts for the group's awarding party.
    ///
    /// # Errors
    /// `NOT_THE_AWARDING_PARTY`, faulty input, and what membership and catalogue answer.
    pub async fn create_consultation(
        &self,
        caller: &Caller,
        request: pb::CreateConsultationRequest,
    ) -> Result<pb::CreateConsultationResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let dossier = convert::dossier_from_proto(request.consultation.as_ref())?;
        let facts = self.facts_to_award(caller, dossier.awarding_party).await?;
        self.check_parties(caller, &dossier).await?;
        let dossier = self.catalogue.with_packagings(caller.group()?, dossier).await?;
        self.create_consultation_knowing(caller, &request, dossier, &facts).await
    }

    /// The part of [`App::create_consultation`] behind the checks that need other services.
    ///
    /// # Errors
    /// `NOT_THE_AWARDING_PARTY`, and as every command.
    pub async fn create_consultation_knowing(
        &self,
        caller: &Caller,
        request: &pb::CreateConsultationRequest,
        dossier: Dossier,
        facts: &Facts,
    ) -> Result<pb::CreateConsultationResponse, Failure> {
        const METHOD: &str = "centrale.tendering.v1.ConsultationService/CreateConsultation";
        let group = caller.group()?;
        facts.check_may_award(caller, dossier.awarding_party, dossier.value_cents())?;
        let mut command = match self.db.command(caller, METHOD, &request.request_id, request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let number = command.next_number("CONS").await?;
        let moment = Moment::of(&mut command).await?;
        let draft = Consultation {
            id: ConsultationId::new(),
            group,
            number,
            stored: Stored::Draft,
            version: 1,
            dossier,
            published_at: None,
            opened_at: None,
            awarded_at: None,
            signable_on: None,
            agreement: None,
        };
        store::consultation::insert(command.conn(), &draft, moment.now).await?;
        let created = pb::ConsultationCreated { consultation_id: draft.id.to_string(), number: draft.number.clone() };
        command.append(draft.id.uuid(), "tendering.consultation_created.v1", &created).await?;
        command.finish(pb::CreateConsultationResponse { consultation: Some(moment.shown(&draft)) }).await
    }

    /// Replaces the content of a draft. Role: purchasing officer of the awarding party.
    ///
    /// # Errors
    /// `CONSULTATION_NOT_NOW`, `VERSION_CHANGED`, `NOT_THE_AWARDING_PARTY`, `NOT_FOUND`, faulty input, and what membership
    /// answers.
    pub async fn revise_consultation(
        &self,
        caller: &Caller,
        request: pb::ReviseConsultationRequest,
    ) -> Result<pb::ReviseConsultationResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let dossier = convert::dossier_from_proto(request.consultation.as_ref())?;
        let facts = self.facts_to_award(caller, dossier.awarding_party).await?;
        self.check_parties(caller, &dossier).await?;
        let dossier = self.catalogue.with_packagings(caller.group()?, dossier).await?;
        self.revise_consultation_knowing(caller, &request, dossier, &facts).await
    }

    /// The part of [`App::revise_consultation`] behind the checks that need other services.
    ///
    /// # Errors
    /// As [`App::revise_consultation`].
    pub async fn revise_consultation_knowing(
        &self,
        caller: &Caller,
        request: &pb::ReviseConsultationRequest,
        dossier: Dossier,
        facts: &Facts,
    ) -> Result<pb::ReviseConsultationResponse, Failure> {
        const METHOD: &str = "centrale.tendering.v1.ConsultationService/ReviseConsultation";
        let id = convert::consultation_id_from_proto(&request.consultation_id)?;
        facts.check_may_award(caller, dossier.awarding_party, dossier.value_cents())?;
        let mut command = match self.db.command(caller, METHOD, &request.request_id, request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let before = lock(&mut command, caller, id).await?;
        let moment = Moment::of(&mut command).await?;
        check_version(&before, request.expected_version)?;
        let stored = moment.step(&before, state::Command::Revise)?;
        let after = Consultation { stored, dossier, version: before.version + 1, ..before.clone() };
        store::consultation::save(command.conn(), before.version, &after).await?;
        let revised = pb::ConsultationRevised { consultation_id: id.to_string(), version: after.version };
        command.append(id.uuid(), "tendering.consultation_revised.v1", &revised).await?;
        command.finish(pb::ReviseConsultationResponse { consultation: Some(moment.shown(&after)) }).await
    }

    /// Parties that are not there or are firms cannot award or buy.
    async fn check_parties(&self, caller: &Caller, dossier: &Dossier) -> Result<(), Failure> {
        let mut parties = dossier.beneficiaries.clone();
        parties.push(dossier.awarding_party);
        parties.sort_unstable();
        parties.dedup();
        let kinds = self.membership.party_kinds(caller.group()?, &parties).await?;
        let faults = buyer_faults(dossier, &kinds);
        if faults.is_empty() { Ok(()) } else { Err(Failure::invalid(faults)) }
    }

    /// What publication today still lacks. Role: purchasing officer, auditor.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn check_publication(
        &self,
        caller: &Caller,
        request: pb::CheckPublicationRequest,
    ) -> Result<pb::CheckPublicationResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer, Role::Auditor, Role::Service])?;
        caller.group()?;
        let id = convert::consultation_id_from_proto(&request.consultation_id)?;
        let mut tx = self.db.begin(caller).await?;
        let found = store::consultation::find(tx.conn(), id).await?;
        let consultation = found.ok_or_else(|| Failure::not_found("consultation", id))?;
        let moment = Moment::of(&mut tx).await?;
        let days = moment.days(&mut tx, &consultation.dossier).await?;
        tx.rollback().await?;
        let dossier = &consultation.dossier;
        let missing = publication::missing(dossier, &days, &moment.law);
        let procedure = dossier.procedure_on(&moment.law, moment.today);
        let earliest = delays::earliest_deadline(procedure, dossier.electronic, moment.today, &moment.law);
        Ok(pb::CheckPublicationResponse {
            missing: missing.into_iter().map(convert::finding_to_proto).collect(),
            earliest_deadline_on: earliest.map(|(_, _, day)| day.to_string()).unwrap_or_default(),
        })
    }

    /// Publishes when nothing is lacking (C1). Role: purchasing officer of the awarding party.
    ///
    /// # Errors
    /// `PUBLICATION_BLOCKED` with everything that is lacking, `CONSULTATION_NOT_NOW`, `VERSION_CHANGED`, `NOT_FOUND`,
    /// `NOT_THE_AWARDING_PARTY`, `ABOVE_DELEGATION`, `NO_DELEGATION`, and what membership answers.
    pub async fn publish_consultation(
        &self,
        caller: &Caller,
        request: pb::PublishConsultationRequest,
    ) -> Result<pb::PublishConsultationResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let facts = self.facts_on_award(caller, convert::consultation_id_from_proto(&request.consultation_id)?).await?;
        self.publish_consultation_knowing(caller, &request, &facts).await
    }

    /// The part of [`App::publish_consultation`] behind membership's answers.
    ///
    /// # Errors
    /// As [`App::publish_consultation`].
    pub async fn publish_consultation_knowing(
        &self,
        caller: &Caller,
        request: &pb::PublishConsultationRequest,
        facts: &Facts,
    ) -> Result<pb::PublishConsultationResponse, Failure> {
        const METHOD: &str = "centrale.tendering.v1.ConsultationService/PublishConsultation";
        let id = convert::consultation_id_from_proto(&request.consultation_id)?;
        let mut command = match self.db.command(caller, METHOD, &request.request_id, request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let before = lock(&mut command, caller, id).await?;
        require_awarding(caller, &before, facts)?;
        let moment = Moment::of(&mut command).await?;
        check_version(&before, request.expected_version)?;
        let stored = moment.step(&before, state::Command::Publish)?;
        let days = moment.days(&mut command, &before.dossier).await?;
        let missing = publication::missing(&before.dossier, &days, &moment.law);
        if !missing.is_empty() {
            return Err(TenderingError::PublicationBlocked { consultation: id, missing }.into());
        }
        let procedure = before.dossier.procedure_on(&moment.law, moment.today);
        let dossier = Dossier { procedure: Some(procedure), ..before.dossier.clone() };
        let version = before.version + 1;
        let after = Consultation { stored, dossier, version, published_at: Some(moment.now), ..before.clone() };
        store::consultation::save(command.conn(), before.version, &after).await?;
        let published = pb::ConsultationPublished {
            consultation_id: id.to_string(),
            deadline: after.dossier.deadline.map(|deadline| deadline.to_rfc3339()).unwrap_or_default(),
            procedure: procedure.name().to_owned(),
            dossier_sha256: sha256_of(&after.dossier)?,
        };
        command.append(id.uuid(), "tendering.consultation_published.v1", &published).await?;
        command.finish(pb::PublishConsultationResponse { consultation: Some(moment.shown(&after)) }).await
    }

    /// Ends a consultation without award. Role: purchasing officer of the awarding party.
    ///
    /// # Errors
    /// `CONSULTATION_NOT_NOW`, `NOT_FOUND`, faulty input.
    pub async fn cancel_consultation(
        &self,
        caller: &Caller,
        request: pb::CancelConsultationRequest,
    ) -> Result<pb::CancelConsultationResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let facts = self.facts_on_award(caller, convert::consultation_id_from_proto(&request.consultation_id)?).await?;
        self.cancel_consultation_knowing(caller, &request, &facts).await
    }

    /// The part of [`App::cancel_consultation`] behind membership's answers.
    ///
    /// # Errors
    /// As [`App::cancel_consultation`].
    pub async fn cancel_consultation_knowing(
        &self,
        caller: &Caller,
        request: &pb::CancelConsultationRequest,
        facts: &Facts,
    ) -> Result<pb::CancelConsultationResponse, Failure> {
        const METHOD: &str = "centrale.tendering.v1.ConsultationService/CancelConsultation";
        let id = convert::consultation_id_from_proto(&request.consultation_id)?;
        let reason = request.reason.trim();
        if reason.is_empty() || reason.chars().count() > 1_000 {
            return Err(Failure::invalid_field("reason", "must have 1 to 1,000 characters"));
        }
        let mut command = match self.db.command(caller, METHOD, &request.request_id, request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let before = lock(&mut command, caller, id).await?;
        require_awarding(caller, &before, facts)?;
        let moment = Moment::of(&mut command).await?;
        let stored = moment.step(&before, state::Command::Cancel)?;
        let after = Consultation { stored, version: before.version + 1, ..before.clone() };
        store::consultation::save(command.conn(), before.version, &after).await?;
        store::consultation::save_cancel_reason(command.conn(), &after, reason).await?;
        let cancelled = pb::ConsultationCancelled { consultation_id: id.to_string(), reason: reason.to_owned() };
        command.append(id.uuid(), "tendering.consultation_cancelled.v1", &cancelled).await?;
        command.finish(pb::CancelConsultationResponse { consultation: Some(moment.shown(&after)) }).await
    }

    /// One consultation. For its group with its evaluation, which requesters and receivers do not see; for anybody else as
    /// published.
    ///
    /// # Errors
    /// `NOT_FOUND`, also for what the session may not see.
    pub async fn get_consultation(
        &self,
        caller: &Caller,
        request: pb::GetConsultationRequest,
    ) -> Result<pb::GetConsultationResponse, Failure> {
        let audience = audience(caller)?;
        let id = convert::consultation_id_from_proto(&request.consultation_id)?;
        let mut tx = self.db.begin(caller).await?;
        let found = store::consultation::find(tx.conn(), id).await?;
        let consultation = found.ok_or_else(|| Failure::not_found("consultation", id))?;
        let moment = Moment::of(&mut tx).await?;
        let judges = caller.has(&[Role::PurchasingOfficer, Role::Auditor, Role::Service]);
        let results = match audience {
            Audience::Group if judges => store::consultation::list_results(tx.conn(), consultation.group, id).await?,
            Audience::Group | Audience::Public => Vec::new(),
        };
        tx.rollback().await?;
        Ok(pb::GetConsultationResponse {
            consultation: Some(moment.shown_to(&consultation, audience)),
            results: results.iter().map(convert::ranking_to_proto).collect(),
        })
    }

    /// Consultations of the session's group; in a session of a party or of the deployment, all that were published.
    ///
    /// # Errors
    /// Faulty input.
    pub async fn list_consultations(
        &self,
        caller: &Caller,
        request: pb::ListConsultationsRequest,
    ) -> Result<pb::ListConsultationsResponse, Failure> {
        let audience = audience(caller)?;
        let (after, size) = convert::consultation_list_from_proto(caller, &request)?;
        let limit = i64::try_from(size).map_err(Failure::internal)? + 1;
        let mut tx = self.db.begin(caller).await?;
        let moment = Moment::of(&mut tx).await?;
        let open_at = request.open_only.then_some(moment.now);
        let mut rows = store::consultation::list(tx.conn(), open_at, after, limit).await?;
        tx.rollback().await?;
        let more = rows.len() > size;
        rows.truncate(size);
        let last = rows.last().filter(|_| more);
        Ok(pb::ListConsultationsResponse {
            next_after: last.map(|consultation| consultation.id.to_string()).unwrap_or_default(),
            // Baskets may have thousands of lines: they are in the answer to one consultation.
            consultations: rows
                .iter()
                .map(|consultation| {
                    let mut shown = moment.shown_to(consultation, audience);
                    shown.lots.iter_mut().for_each(|lot| lot.basket.clear());
                    shown
                })
                .collect(),
        })
    }
}

impl Moment {
    /// The stored state that a command leads to.
    pub(super) fn step(&self, consultation: &Consultation, command: state::Command) -> Result<Stored, Failure> {
        let state = consultation.state(self.now, self.today);
        match state::step(state, command) {
            Step::To(stored) => Ok(stored),
            Step::InTime | Step::Late | Step::Refused => Err(refusal(consultation, state, command).into()),
        }
    }

    pub(super) fn shown(&self, consultation: &Consultation) -> pb::Consultation {
        self.shown_to(consultation, Audience::Group)
    }

    fn shown_to(&self, consultation: &Consultation, audience: Audience) -> pb::Consultation {
        convert::consultation_to_proto(consultation, audience, &self.law, self.now, self.today)
    }

    async fn days(&self, tx: &mut Tx, dossier: &Dossier) -> Result<Days, Failure> {
        let deadline = match dossier.deadline {
            Some(deadline) => Some(tx.day_of(deadline).await?),
            None => None,
        };
        let deadline_passed = dossier.deadline.is_some_and(|deadline| deadline <= self.now);
        Ok(Days { today: self.today, deadline, deadline_passed })
    }
}

/// Why a command is refused in a state: with the date where only time is lacking.
pub(super) fn refusal(consultation: &Consultation, state: State, command: state::Command) -> TenderingError {
    let id = consultation.id;
    match (command, state, consultation.dossier.deadline, consultation.signable_on) {
        (state::Command::Open, State::Published, Some(deadline), _) => {
            TenderingError::OpeningTooEarly { consultation: id, deadline }
        }
        (state::Command::Sign, State::Standstill, _, Some(signable_on)) => {
            TenderingError::StandstillRunning { consultation: id, signable_on }
        }
        (_, _, _, _) => {
            TenderingError::ConsultationNotNow { consultation: id, state: state.name(), command: command.name() }
        }
    }
}

/// The consultation of the caller's group, locked.
pub(super) async fn lock(command: &mut Command, caller: &Caller, id: ConsultationId) -> Result<Consultation, Failure> {
    let locked = store::consultation::lock(command.conn(), caller.group()?, id).await?;
    locked.ok_or_else(|| Failure::not_found("consultation", id))
}

impl App {
    /// What awarding in the name of a consultation's party rests on: nothing more than its role for an officer of a party that has
    /// delegated to nobody. Asked before the transaction.
    ///
    /// # Errors
    /// `NOT_FOUND`, and what membership answers.
    pub(super) async fn facts_on_award(&self, caller: &Caller, id: ConsultationId) -> Result<Facts, Failure> {
        caller.group()?;
        let mut tx = self.db.begin(caller).await?;
        let found = store::consultation::find(tx.conn(), id).await?;
        tx.rollback().await?;
        let consultation = found.ok_or_else(|| Failure::not_found("consultation", id))?;
        self.facts_to_award(caller, consultation.dossier.awarding_party).await
    }
}

/// Refuses whoever may not award a consultation: in a GHT a member's own officer, with the article.
pub(super) fn require_awarding(caller: &Caller, consultation: &Consultation, facts: &Facts) -> Result<(), Failure> {
    let dossier = &consultation.dossier;
    facts.check_may_award(caller, dossier.awarding_party, dossier.value_cents())
}

fn check_version(consultation: &Consultation, expected: i64) -> Result<(), Failure> {
    if expected == 0 || expected == consultation.version {
        return Ok(());
    }
    let (id, now) = (consultation.id.to_string(), consultation.version);
    Err(CommonError::VersionChanged { what: "consultation", id, seen: expected, now }.into())
}

/// SHA-256 of something as stored, hexadecimal.
pub(super) fn sha256_of(document: &impl serde::Serialize) -> Result<String, Failure> {
    Ok(hex::encode(Sha256::digest(serde_json::to_vec(document).map_err(Failure::internal)?)))
}

fn audience(caller: &Caller) -> Result<Audience, Failure> {
    match caller.scope {
        Scope::Group(_) => {
            super::require_reader(caller)?;
            Ok(Audience::Group)
        }
        Scope::Party(_) | Scope::Deployment => Ok(Audience::Public),
    }
}

fn buyer_faults(dossier: &Dossier, kinds: &HashMap<PartyId, PartyKind>) -> Vec<FieldFault> {
    let awarding = std::iter::once(("consultation.awarding_party_id".to_owned(), dossier.awarding_party));
    let buyers = dossier.beneficiaries.iter().enumerate();
    let buyers = buyers.map(|(index, party)| (format!("consultation.beneficiary_ids[{index}]"), *party));
    awarding
        .chain(buyers)
        .filter_map(|(field, party)| match kinds.get(&party) {
            None => Some(FieldFault::new(field, "no such party")),
            Some(PartyKind::Firm) => Some(FieldFault::new(field, "must not be a firm")),
            Some(_) => None,
        })
        .collect()
}
