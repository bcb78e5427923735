//! Design decision 16: one trace through requests and events.

use kit::{id::GroupId, telemetry::Telemetry};
use proto::demand::v1::RoundChanged;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::{foundation, officer};

#[tokio::test]
async fn an_event_carries_the_trace_of_the_request_that_caused_it() {
    Telemetry::start("kit-test").unwrap();
    let test = foundation().await;
    let span = tracing::info_span!("request");
    kit::telemetry::continue_trace(&span, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    async {
        let mut tx = test.db.begin(&officer(GroupId::new())).await.unwrap();
        tx.append(Uuid::now_v7(), "test.happened.v1", &RoundChanged::default()).await.unwrap();
        tx.commit().await.unwrap();
    }
    .instrument(span)
    .await;
    let trace: String =
        sqlx::query_scalar("SELECT trace_parent FROM event").fetch_one(&mut test.superuser().await).await.unwrap();
    assert!(trace.starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "{trace}");
    assert!(!trace.contains("b7ad6b7169203331"), "our span, not the caller's");
}
