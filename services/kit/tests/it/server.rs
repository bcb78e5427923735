//! Design decision 16: health and reflection on every service, and a graceful stop.

use std::time::Duration;

use kit::{
    client::Peer,
    events::EventLog,
    identity::{Caller, Scope},
    testing::TestKeys,
};
use proto::events::v1::{ListEventsRequest, event_log_service_client::EventLogServiceClient};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::foundation;

struct Running {
    peer: Peer,
    stop: CancellationToken,
    served: tokio::task::JoinHandle<Result<(), tonic::transport::Error>>,
}

async fn running(ready: bool) -> Running {
    let (test, keys) = (foundation().await, TestKeys::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let mut routes = tonic::service::RoutesBuilder::default();
    routes.add_service(EventLog::server(test.db.clone(), keys.verifier("demand")));
    let served =
        tokio::spawn(kit::server::serve(listener, routes.routes(), move || async move { ready }, stop.clone()));
    Running { peer: Peer::new("demand", &url, keys.signer("logistics")).unwrap(), stop, served }
}

async fn health(peer: &Peer) -> ServingStatus {
    let mut client = HealthClient::new(peer.channel());
    let answer = client.check(HealthCheckRequest::default()).await.unwrap();
    answer.into_inner().status()
}

#[tokio::test]
async fn health_tells_whether_the_service_can_work() {
    for (ready, expected) in [(true, ServingStatus::Serving), (false, ServingStatus::NotServing)] {
        let running = running(ready).await;
        let mut seen = health(&running.peer).await;
        for _ in 0..50 {
            if seen == expected {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            seen = health(&running.peer).await;
        }
        assert_eq!(seen, expected);
        running.stop.cancel();
    }
}

#[tokio::test]
async fn reflection_lists_the_contracts() {
    let running = running(true).await;
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = ServerReflectionClient::new(running.peer.channel())
        .server_reflection_info(futures::stream::iter([request]))
        .await
        .unwrap()
        .into_inner();
    let Some(MessageResponse::ListServicesResponse(list)) = answers.message().await.unwrap().unwrap().message_response
    else {
        panic!("no list")
    };
    let names: Vec<String> = list.service.into_iter().map(|service| service.name).collect();
    for name in ["centrale.demand.v1.DemandService", "centrale.events.v1.EventLogService", "grpc.health.v1.Health"] {
        assert!(names.iter().any(|known| known == name), "{name} is not in {names:?}");
    }
    running.stop.cancel();
}

#[tokio::test]
async fn a_stop_lets_a_running_call_end_and_takes_no_new_one() {
    let running = running(true).await;
    let caller = Caller::service("logistics", Scope::Deployment);
    let ask = |wait_ms| running.peer.request(&caller, ListEventsRequest { after: 0, limit: 1, wait_ms }).unwrap();
    let mut client = EventLogServiceClient::new(running.peer.channel());
    client.list_events(ask(0)).await.unwrap();
    // A call that waits for events is under way when the stop comes.
    let slow = tokio::spawn({
        let (mut client, request) = (client.clone(), ask(1_500));
        async move { client.list_events(request).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    running.stop.cancel();
    assert!(slow.await.unwrap().is_ok(), "the running call must end as it would have");
    tokio::time::timeout(Duration::from_secs(5), running.served).await.expect("stopped in time").unwrap().unwrap();
    assert!(client.list_events(ask(0)).await.is_err(), "a stopped service answers nothing");
}
