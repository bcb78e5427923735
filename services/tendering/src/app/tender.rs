//! Receiving tenders, and what is known of them.
//!
//! Nothing that is written before opening says whose a tender is, but the one table that the policies hide: the event's actor
//! and the claimed request are the service's own.

use std::{collections::HashMap, time::Duration};

use kit::{
    Caller, Failure, Role, Scope,
    command::Claim,
    error::CommonError,
    id::{PartyId, TenderId},
};
use proto::tendering::v1::{self as pb, submit_tender_request::Part};
use sha2::{Digest as _, Sha256};
use tokio_stream::{Stream, StreamExt as _};
use tonic::Status;
use uuid::Uuid;

use super::{App, Moment};
use crate::{
    convert::consultation::{self as convert, TenderUpload},
    domain::{
        TenderingError,
        consultation::{
            OpenedTender,
            state::{self, State, Step},
        },
    },
    store::{self, tender::Sealed},
};

/// Memory that tenders on their way may take together, KiB: six of the largest, hundreds of usual ones. Others wait their turn.
pub(super) const MEMORY_KIB: usize = 128 * 1024;
/// Longest wait for the next chunk.
const PATIENCE: Duration = Duration::from_secs(60);
/// Largest chunk.
const CHUNK_BYTES: usize = 1024 * 1024;

impl App {
    /// Receives a sealed tender: header, then chunks. Role: supplier, for the firm it acts for.
    ///
    /// # Errors
    /// `TENDER_INCOMPLETE`, `TENDER_NOT_SEALED`, `CONSULTATION_NOT_NOW`, `NOT_FOUND`, faulty input.
    pub async fn submit_tender(
        &self,
        caller: &Caller,
        mut parts: impl Stream<Item = Result<pb::SubmitTenderRequest, Status>> + Unpin,
    ) -> Result<pb::SubmitTenderResponse, Failure> {
        caller.require(&[Role::Supplier])?;
        let upload = match next(&mut parts).await? {
            Some(Part::Header(header)) => convert::upload_from_proto(&header)?,
            Some(Part::Chunk(_)) | None => return Err(Failure::invalid_field("header", "must come first")),
        };
        let size = usize::try_from(upload.size_bytes).map_err(Failure::internal)?;
        let kib = u32::try_from(size.div_ceil(1024)).map_err(Failure::internal)?;
        let _memory = self.tender_memory.acquire_many(kib).await.map_err(Failure::internal)?;
        let mut bytes = Vec::with_capacity(size);
        while let Some(part) = next(&mut parts).await? {
            let Part::Chunk(chunk) = part else {
                return Err(Failure::invalid_field("header", "must come once"));
            };
            if chunk.len() > CHUNK_BYTES {
                return Err(Failure::invalid_field("chunk", format!("must have {CHUNK_BYTES} bytes at most")));
            }
            bytes.extend_from_slice(&chunk);
            if bytes.len() > size {
                return Err(incomplete(&upload, bytes.len()));
            }
        }
        self.receive_tender(caller, &upload, &bytes).await
    }

    /// The part of [`App::submit_tender`] behind the stream: takes the time, once everything is here, and keeps the file.
    ///
    /// # Errors
    /// As [`App::submit_tender`].
    pub async fn receive_tender(
        &self,
        caller: &Caller,
        upload: &TenderUpload,
        bytes: &[u8],
    ) -> Result<pb::SubmitTenderResponse, Failure> {
        const METHOD: &str = "centrale.tendering.v1.ConsultationService/SubmitTender";
        caller.require(&[Role::Supplier])?;
        let (group, party) = (caller.group()?, caller.party()?);
        let sha256: [u8; 32] = Sha256::digest(bytes).into();
        if usize::try_from(upload.size_bytes).ok() != Some(bytes.len()) || sha256 != upload.sha256 {
            return Err(incomplete(upload, bytes.len()));
        }
        check_sealed(bytes)?;
        let request_id = anonymous(caller, party, upload.request_id);
        let hash: [u8; 32] =
            Sha256::new().chain_update(upload.consultation.uuid().as_bytes()).chain_update(sha256).finalize().into();
        let itself = Caller::service("tendering", Scope::Group(group));
        let mut command = match self.db.command_hashed(&itself, METHOD, request_id, &hash).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let id = upload.consultation;
        let locked = store::consultation::lock_for_tender(command.conn(), group, id).await?;
        let consultation = locked.ok_or_else(|| Failure::not_found("consultation", id))?;
        let moment = Moment::of(&mut command).await?;
        let state = consultation.state(moment.now, moment.today);
        let late = match state::step(state, state::Command::Receive) {
            Step::InTime => false,
            Step::Late => true,
            // A draft is nobody's business yet.
            Step::To(_) | Step::Refused if state == State::Draft => {
                return Err(Failure::not_found("consultation", id));
            }
            Step::To(_) | Step::Refused => {
                return Err(super::consultation::refusal(&consultation, state, state::Command::Receive).into());
            }
        };
        let tender = Sealed {
            group_id: group,
            id: TenderId::new(),
            consultation_id: id,
            sha256: sha256.to_vec(),
            size_bytes: upload.size_bytes,
            received_at: moment.now,
            late,
            event_id: Uuid::now_v7(),
        };
        store::tender::insert(command.conn(), &tender, party, bytes).await?;
        let receipt = convert::receipt_to_proto(&tender);
        let received = pb::TenderReceived {
            tender_id: receipt.tender_id.clone(),
            consultation_id: receipt.consultation_id.clone(),
            sha256: receipt.sha256.clone(),
            received_at: receipt.received_at.clone(),
            late,
        };
        // A tender is an aggregate of its own: many are received at once.
        command.append_as(tender.event_id, tender.id.uuid(), "tendering.tender_received.v1", &received).await?;
        command.finish(pb::SubmitTenderResponse { receipt: Some(receipt) }).await
    }

    /// Tenders of a consultation for officers and auditors of its group: before opening how many, when, and their hashes. In a
    /// party's session its own receipts.
    ///
    /// # Errors
    /// `NOT_FOUND` for a consultation that is not the group's, faulty input.
    pub async fn list_tenders(
        &self,
        caller: &Caller,
        request: pb::ListTendersRequest,
    ) -> Result<pb::ListTendersResponse, Failure> {
        let own = match caller.scope {
            Scope::Group(_) => {
                caller.require(&[Role::PurchasingOfficer, Role::Auditor, Role::Service])?;
                None
            }
            Scope::Party(party) => {
                caller.require(&[Role::Supplier])?;
                Some(party)
            }
            Scope::Deployment => return Err(CommonError::WrongSession("a group or a party").into()),
        };
        let (id, after, size) = convert::tender_list_from_proto(caller, &request)?;
        if own.is_none() && id.is_none() {
            return Err(Failure::invalid_field("consultation_id", "must be there"));
        }
        let limit = i64::try_from(size).map_err(Failure::internal)? + 1;
        let mut tx = self.db.begin(caller).await?;
        let mut opened: HashMap<TenderId, OpenedTender> = HashMap::new();
        let mut dossier = None;
        let mut received_count = 0;
        if let Some(id) = id {
            let found = store::consultation::find(tx.conn(), id).await?;
            let consultation = found.ok_or_else(|| Failure::not_found("consultation", id))?;
            received_count = store::tender::count(tx.conn(), id).await?;
            if own.is_none() && consultation.opened_at.is_some() {
                let all = store::tender::list_opened(tx.conn(), consultation.group, id).await?;
                opened = all.into_iter().map(|tender| (tender.tender, tender)).collect();
                dossier = Some(consultation.dossier);
            }
        }
        let mut rows = store::tender::list(tx.conn(), id, after, limit).await?;
        tx.rollback().await?;
        let more = rows.len() > size;
        rows.truncate(size);
        let last = rows.last().filter(|_| more);
        Ok(pb::ListTendersResponse {
            received_count,
            next_after: last.map(|row| row.sealed.id.to_string()).unwrap_or_default(),
            tenders: rows
                .iter()
                .map(|row| {
                    let found = opened.get(&row.sealed.id).zip(dossier.as_ref());
                    convert::tender_to_proto(row, found, own)
                })
                .collect(),
        })
    }
}

/// The next part of the stream.
async fn next(
    parts: &mut (impl Stream<Item = Result<pb::SubmitTenderRequest, Status>> + Unpin),
) -> Result<Option<Part>, Failure> {
    let stalled = |_| CommonError::Unavailable(format!("no part of the tender came for {} s", PATIENCE.as_secs()));
    match tokio::time::timeout(PATIENCE, parts.next()).await.map_err(stalled)? {
        Some(message) => {
            let part = message?.part;
            Ok(Some(part.ok_or_else(|| Failure::invalid_field("part", "must be a header or a chunk"))?))
        }
        None => Ok(None),
    }
}

fn incomplete(upload: &TenderUpload, received: usize) -> Failure {
    let received_bytes = i64::try_from(received).unwrap_or(i64::MAX);
    TenderingError::TenderIncomplete { announced_bytes: upload.size_bytes, received_bytes }.into()
}

/// Refuses what is not encrypted to a key: a file in clear would be readable in the table, one under a password by guessing.
fn check_sealed(bytes: &[u8]) -> Result<(), TenderingError> {
    match age::Decryptor::new_buffered(bytes) {
        Ok(sealed) if !sealed.is_scrypt() => Ok(()),
        Ok(_) | Err(_) => Err(TenderingError::TenderNotSealed),
    }
}

/// The request id under which a tender is claimed: bound to its sender without naming it.
fn anonymous(caller: &Caller, party: PartyId, request_id: Uuid) -> Uuid {
    let digest = Sha256::new()
        .chain_update(party.uuid().as_bytes())
        .chain_update(request_id.as_bytes())
        .chain_update(caller.subject.as_bytes())
        .finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
