//! Sealed tenders through all layers: spooled, hashed, streamed in pieces.

use axum::{
    body::{Body, Bytes},
    http::{Request, header},
};
use kit::id::ConsultationId;
use proto::tendering::v1::{self as pb, submit_tender_request::Part};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tower::ServiceExt as _;

use super::{
    http::{World, json_of},
    stub::Stub,
};

/// Takes a tender as tendering does, and answers with what came.
async fn receive(
    caller: kit::Caller,
    mut parts: tonic::Streaming<pb::SubmitTenderRequest>,
) -> Result<pb::SubmitTenderResponse, tonic::Status> {
    assert_eq!(caller.roles, [kit::Role::Supplier]);
    let Some(Part::Header(header)) = parts.message().await?.and_then(|message| message.part) else {
        panic!("the header comes first")
    };
    let (mut hash, mut size, mut pieces) = (Sha256::new(), 0, 0);
    while let Some(message) = parts.message().await? {
        let Some(Part::Chunk(chunk)) = message.part else { panic!("one header") };
        assert!(chunk.len() <= 1024 * 1024);
        hash.update(&chunk);
        size += i64::try_from(chunk.len()).unwrap();
        pieces += 1;
    }
    assert_eq!((size, hex::encode(hash.finalize())), (header.size_bytes, header.sha256.clone()));
    let receipt = pb::TenderReceipt {
        consultation_id: header.consultation_id,
        sha256: header.sha256,
        size_bytes: size,
        event_id: format!("{pieces} pieces"),
        ..Default::default()
    };
    Ok(pb::SubmitTenderResponse { receipt: Some(receipt) })
}

#[tokio::test]
async fn a_tender_is_passed_on_in_pieces_with_its_hash_and_a_larger_one_is_refused() {
    let mut world = World::new().await;
    let stub = Stub::new("tendering", &world.keys);
    let method = "centrale.tendering.v1.ConsultationService/SubmitTender";
    stub.client_stream(method, receive).start(&mut world.addresses).await;
    let router = world.gateway();
    let path = world.path(&format!("consultations/{}/tenders", ConsultationId::new()));
    let send = async |kind: &str, pieces: usize, length: usize| {
        let piece = Bytes::from(vec![7_u8; length]);
        let body = futures::stream::iter((0..pieces).map(move |_| Ok::<_, std::io::Error>(piece.clone())));
        let request = Request::post(&path)
            .header(header::AUTHORIZATION, format!("Bearer {}", world.supplier_token()))
            .header("idempotency-key", "k")
            .header(header::CONTENT_TYPE, kind);
        router.clone().oneshot(request.body(Body::from_stream(body)).unwrap()).await.unwrap()
    };
    let answer = send("application/octet-stream", 20, 1024 * 1024).await;
    assert_eq!(answer.status(), 201);
    let receipt = json_of(answer).await;
    assert_eq!((&receipt["size_bytes"], &receipt["event_id"]), (&json!(20 * 1024 * 1024), &json!("40 pieces")));
    assert_eq!(receipt["sha256"], hex::encode(Sha256::digest(vec![7_u8; 20 * 1024 * 1024])));
    let larger = json_of(send("application/octet-stream", 21, 1024 * 1024).await).await;
    assert_eq!(larger["code"], "BODY_TOO_LARGE");
    let other = json_of(send("application/json", 1, 10).await).await;
    assert_eq!(other["code"], "MEDIA_TYPE_NOT_SUPPORTED");
}
