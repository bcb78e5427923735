//! Opening tenders. The private key is here for the time of one call, in memory only: it is not part of what is hashed for
//! repetition, and nothing logs a request.

use std::sync::Arc;

use age::x25519::Identity;
use kit::{Caller, Failure, FieldFault, Role, command::Claim, id::TenderId};
use proto::tendering::v1 as pb;
use sha2::{Digest as _, Sha256};

use super::{
    App, Facts, Moment,
    consultation::{lock, require_awarding},
};
use crate::{
    convert::consultation as convert,
    domain::{
        TenderingError,
        consultation::{Consultation, Opened, OpenedTender, content, dossier::Dossier, state},
    },
    store,
};

impl App {
    /// Opens the last tender in time of each bidder (C3, C4), once, after the deadline. One that was altered by a single bit,
    /// in the database or on its way, is recorded as unreadable. Role: purchasing officer of the awarding party.
    ///
    /// # Errors
    /// `OPENING_TOO_EARLY`, `WRONG_OPENING_KEY`, `CONSULTATION_NOT_NOW`, `NOT_FOUND`, faulty input.
    pub async fn open_tenders(
        &self,
        caller: &Caller,
        request: pb::OpenTendersRequest,
    ) -> Result<pb::OpenTendersResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let facts = self.facts_on_award(caller, convert::consultation_id_from_proto(&request.consultation_id)?).await?;
        self.open_tenders_knowing(caller, request, &facts).await
    }

    /// The part of [`App::open_tenders`] behind membership's answers.
    ///
    /// # Errors
    /// As [`App::open_tenders`].
    pub async fn open_tenders_knowing(
        &self,
        caller: &Caller,
        mut request: pb::OpenTendersRequest,
        facts: &Facts,
    ) -> Result<pb::OpenTendersResponse, Failure> {
        const METHOD: &str = "centrale.tendering.v1.ConsultationService/OpenTenders";
        let identity = std::mem::take(&mut request.identity).trim().parse::<Identity>();
        let identity = identity.map_err(|_| {
            Failure::invalid(vec![FieldFault::new("identity", "must be an age key, AGE-SECRET-KEY-1…")])
        })?;
        let id = convert::consultation_id_from_proto(&request.consultation_id)?;
        let mut command = match self.db.command(caller, METHOD, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let before = lock(&mut command, caller, id).await?;
        require_awarding(caller, &before, facts)?;
        let moment = Moment::of(&mut command).await?;
        let stored = moment.step(&before, state::Command::Open)?;
        if identity.to_public().to_string() != before.dossier.opener_key {
            return Err(TenderingError::WrongOpeningKey { consultation: id }.into());
        }
        let after = Consultation { stored, version: before.version + 1, opened_at: Some(moment.now), ..before.clone() };
        // Saved first: only then do the policies show whose the tenders are, and their bytes.
        store::consultation::save(command.conn(), before.version, &after).await?;
        let (identity, dossier) = (Arc::new(identity), Arc::new(after.dossier.clone()));
        let mut event = pb::TendersOpened { consultation_id: id.to_string(), ..Default::default() };
        for (party, sealed) in store::tender::list_to_open(command.conn(), after.group, id).await? {
            let bytes = store::tender::read_bytes(command.conn(), &sealed).await?;
            let (identity, dossier) = (identity.clone(), dossier.clone());
            let sha256 = sealed.sha256.clone();
            let opening = tokio::task::spawn_blocking(move || open(&bytes, &sha256, &identity, &dossier));
            let found = opening.await.map_err(Failure::internal)?;
            list_for(&mut event, &found).push(sealed.id.to_string());
            let opened = OpenedTender { tender: sealed.id, party, received_at: sealed.received_at, found };
            store::tender::insert_opened(command.conn(), after.group, id, &opened).await?;
        }
        command.append(id.uuid(), "tendering.tenders_opened.v1", &event).await?;
        let count = |ids: &[String]| i64::try_from(ids.len()).map_err(Failure::internal);
        let reply = pb::OpenTendersResponse {
            consultation: Some(moment.shown(&after)),
            opened_count: count(&event.opened_ids)?,
            irregular_count: count(&event.irregular_ids)?,
            unreadable_count: count(&event.unreadable_ids)?,
        };
        command.finish(reply).await
    }
}

fn list_for<'a>(event: &'a mut pb::TendersOpened, found: &Opened) -> &'a mut Vec<String> {
    match found {
        Opened::Complete(_) => &mut event.opened_ids,
        Opened::Irregular(_) => &mut event.irregular_ids,
        Opened::Unreadable(_) => &mut event.unreadable_ids,
    }
}

fn open(bytes: &[u8], sha256: &[u8], identity: &Identity, dossier: &Dossier) -> Opened {
    if Sha256::digest(bytes).as_slice() != sha256 {
        return Opened::Unreadable(
            "Le fichier conservé n'est plus celui qui a été reçu : son empreinte diffère.".to_owned(),
        );
    }
    // age authenticates every piece of the file: a single altered bit is an error here, never another content.
    match age::decrypt(identity, bytes) {
        Ok(content) => content::read(&content, dossier).map_or_else(Opened::Irregular, Opened::Complete),
        Err(_) => Opened::Unreadable(
            "Le fichier a été altéré, ou n'est pas chiffré pour la clé de la consultation : il ne peut pas être ouvert."
                .to_owned(),
        ),
    }
}

/// An opened tender by its id.
pub(super) fn find(opened: &[OpenedTender], id: TenderId) -> Option<&OpenedTender> {
    opened.iter().find(|opened| opened.tender == id)
}
