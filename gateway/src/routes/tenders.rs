//! Sealed tenders: received, and what is known of them.

use std::{fs::File, io::Read as _, sync::Arc};

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};
use proto::tendering::v1::{self as pb, submit_tender_request::Part};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Id;
use crate::{
    App,
    body::expect_media_type,
    dto::{
        all,
        tenders::{Tender, TenderPage, TenderReceipt},
    },
    idempotency::RequestId,
    import::Spool,
    pages::{PageParams, Paging},
    problem::Problem,
    session::Session,
    sheet::spool::Stored,
    upstream::{call, consultations, promised},
};

/// Largest tender.
const TENDER_LIMIT: usize = 20 * 1024 * 1024;
/// Bytes in one message.
const CHUNK: usize = 512 * 1024;
/// Messages read ahead.
const AHEAD: usize = 2;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list_tenders, submit_tender)).routes(routes!(list_receipts))
}

/// Receives a sealed tender and answers with its receipt.
///
/// An `age` file of at most 20 MiB, encrypted to the consultation's key by its sender: nothing of it can be read here before
/// the opening. It is in time when its last byte is here at or before the deadline; later it is kept sealed and never opened.
#[utoipa::path(post, path = "/v1/groups/{group_id}/consultations/{consultation_id}/tenders", tag = "tendering", request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses((status = 201, body = TenderReceipt)))]
async fn submit_tender(
    State(app): State<App>,
    session: Session,
    Id(consultation_id): Id,
    RequestId(request_id): RequestId,
    request: Request,
) -> Result<(StatusCode, Json<TenderReceipt>), Problem> {
    expect_media_type(request.headers(), "application/octet-stream")?;
    // Onto disk while it is hashed: what a slow sender holds up is no memory.
    let spool = Spool::receive(request.into_body(), &app.spool_dir, TENDER_LIMIT).await?;
    let header = pb::TenderHeader {
        request_id,
        consultation_id,
        sha256: spool.sha256,
        size_bytes: i64::try_from(spool.size).unwrap_or(i64::MAX),
    };
    let upload = (header, spool.file);
    let answer = call(&app.peers.tendering, &session.caller, upload, |channel, request| async move {
        consultations(channel).submit_tender(request.map(|(header, file)| parts(header, file))).await
    })
    .await?;
    Ok((StatusCode::CREATED, Json(promised(answer.receipt, "receipt")?.into())))
}

/// The header, then the file piece by piece, a few ahead. When the disk fails the file ends early, which the header tells.
fn parts(header: pb::TenderHeader, file: Arc<File>) -> ReceiverStream<pb::SubmitTenderRequest> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let send = |part| sender.blocking_send(pb::SubmitTenderRequest { part: Some(part) }).is_ok();
        let mut stored = Stored::new(file);
        let mut going = send(Part::Header(header));
        while going {
            let mut piece = vec![0; CHUNK];
            going = match stored.read(&mut piece) {
                Ok(0) => false,
                Ok(read) => {
                    piece.truncate(read);
                    send(Part::Chunk(piece.into()))
                }
                Err(error) => {
                    tracing::error!(%error, "a spooled tender cannot be read");
                    false
                }
            };
        }
    });
    ReceiverStream::new(receiver)
}

/// Which receipts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReceiptFilter {
    /// Only of this consultation, `cns_…`.
    pub consultation_id: Option<String>,
}

/// Tenders of a consultation: before opening only how many, when and their hashes.
#[utoipa::path(get, path = "/v1/groups/{group_id}/consultations/{consultation_id}/tenders", tag = "tendering", params(PageParams), responses((status = 200, body = TenderPage)))]
async fn list_tenders(
    State(app): State<App>,
    session: Session,
    Id(consultation_id): Id,
    paging: Paging,
) -> Result<Json<TenderPage>, Problem> {
    let request = pb::ListTendersRequest { consultation_id, page: paging.page() };
    let answer = call(&app.peers.tendering, &session.caller, request, |channel, request| async move {
        consultations(channel).list_tenders(request).await
    })
    .await?;
    let next_page_token = paging.next(&answer.next_after)?;
    let tenders: Vec<Tender> = all(answer.tenders);
    Ok(Json(TenderPage { received_count: answer.received_count, tenders, next_page_token }))
}

/// Receipts of a supplier's own tenders, across groups.
#[utoipa::path(get, path = "/v1/parties/{party_id}/tenders", tag = "parties", params(ReceiptFilter, PageParams), responses((status = 200, body = TenderPage)))]
async fn list_receipts(
    State(app): State<App>,
    session: Session,
    paging: Paging<ReceiptFilter>,
) -> Result<Json<TenderPage>, Problem> {
    let consultation_id = paging.filter.consultation_id.clone().unwrap_or_default();
    let request = pb::ListTendersRequest { consultation_id, page: paging.page() };
    let answer = call(&app.peers.tendering, &session.caller, request, |channel, request| async move {
        consultations(channel).list_tenders(request).await
    })
    .await?;
    let next_page_token = paging.next(&answer.next_after)?;
    let tenders: Vec<Tender> = all(answer.tenders);
    Ok(Json(TenderPage { received_count: answer.received_count, tenders, next_page_token }))
}
