//! What other services' logs do here: once, whoever reads and however often.

use std::sync::Arc;

use kit::{
    client::Peer,
    events::{Effect as _, Reader},
    id::{NO_GROUP, PartyId, SiteId},
    identity::{Caller, Scope},
    testing::{TestKeys, doorbell},
};
use logistics::{
    events::{Orders, Sites, save_fetched},
    store::reference::{Site, find_holdings, find_site_party, sites_to_fetch},
};
use proto::{
    demand::v1::OrderAnswered,
    events::v1::{
        Event, ListEventsRequest, ListEventsResponse,
        event_log_service_server::{EventLogService, EventLogServiceServer},
    },
    membership::v1::SitesRegistered,
};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use crate::support::{World, event};

/// A log that only serves what it was given.
#[derive(Clone)]
struct Log(Arc<Vec<Event>>);

#[tonic::async_trait]
impl EventLogService for Log {
    async fn list_events(&self, request: Request<ListEventsRequest>) -> Result<Response<ListEventsResponse>, Status> {
        let after = request.into_inner().after;
        let events = self.0.iter().filter(|event| event.position > after).cloned().collect();
        Ok(Response::new(ListEventsResponse { events }))
    }
}

async fn serve(events: Vec<Event>) -> Peer {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let log = EventLogServiceServer::new(Log(Arc::new(events)));
    tokio::spawn(
        tonic::transport::Server::builder().add_service(log).serve_with_incoming(TcpListenerStream::new(listener)),
    );
    Peer::new("demand", &url, TestKeys::new().signer("logistics")).unwrap()
}

fn reader(world: &World, source: &Peer) -> Arc<Reader<Orders>> {
    Arc::new(Reader { db: world.test.replica(), source: source.clone(), doorbell: doorbell(), effect: Orders })
}

#[tokio::test]
async fn an_answer_applied_twice_is_expected_once() {
    let world = World::new().await;
    world.apply(&world.answered()).await.unwrap();
    assert_eq!(
        world.count("SELECT count(*) FROM expected_line").await,
        3,
        "a line of which nothing is accepted is not expected"
    );
    let expected = world.expected(world.by_platform).await;
    assert_eq!(
        (expected.units_accepted, expected.units_open, expected.order_number.as_str()),
        (100, 100, "CG-2026-0001")
    );
    assert_eq!(expected.destination_site_id, world.platform.to_string());
    assert_eq!(world.expected(world.direct).await.destination_site_id, world.a.site.to_string());
}

#[tokio::test]
async fn the_same_line_with_other_figures_is_an_error() {
    let world = World::new().await;
    let mut changed = world.answered();
    let mut answer: OrderAnswered = prost::Message::decode(changed.payload.as_ref()).unwrap();
    answer.lines[0].units = 50;
    changed.payload = prost::Message::encode_to_vec(&answer).into();
    assert!(world.apply(&changed).await.is_err());
    assert_eq!(world.figures(world.line_a).await, (60, 0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_that_read_one_log_apply_it_once() {
    let world = World::without_order().await;
    world.save_platform().await;
    let other = event(world.group, 2, "demand.order_placed.v1", world.order.uuid(), &OrderAnswered::default());
    let source = serve(vec![world.answered(), other]).await;
    let mut set = tokio::task::JoinSet::new();
    for reader in [reader(&world, &source), reader(&world, &source)] {
        set.spawn(async move {
            for _ in 0..5 {
                reader.step().await.unwrap();
            }
        });
    }
    set.join_all().await;
    assert_eq!(world.count("SELECT count(*) FROM expected_line").await, 3);
    assert_eq!(world.count("SELECT position FROM reader_cursor").await, 2);
    assert_eq!(world.count("SELECT count(*) FROM reader_parked").await, 0);
}

#[tokio::test]
async fn an_order_whose_platform_is_not_known_yet_waits_and_comes_in_later() {
    let world = World::without_order().await;
    let source = serve(vec![world.answered()]).await;
    let reader = reader(&world, &source);
    // The first step only makes the cursor's row.
    while reader.step().await.unwrap() {}
    reader.step().await.unwrap();
    assert_eq!(world.count("SELECT count(*) FROM reader_parked").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM expected_line").await, 0);
    world.save_platform().await;
    reader.retry_parked().await.unwrap();
    assert_eq!(world.count("SELECT count(*) FROM reader_parked").await, 0);
    assert_eq!(world.count("SELECT count(*) FROM expected_line").await, 3);
}

#[tokio::test]
async fn a_registered_site_is_fetched_and_an_old_answer_never_overwrites_a_newer_one() {
    let world = World::without_order().await;
    let (site, party) = (SiteId::new(), PartyId::new());
    let registered = SitesRegistered { site_ids: vec![site.to_string(), site.to_string()] };
    let note = |position| event(NO_GROUP, position, "membership.sites_registered.v1", site.uuid(), &registered);
    let caller = Caller::service("logistics", Scope::Deployment);
    let fetched = |codes: &[&str]| {
        vec![Site { id: site, party_id: party, authorisations: codes.iter().map(|&c| c.to_owned()).collect() }]
    };

    let mut tx = world.test.db.begin_worker().await.unwrap();
    Sites.apply(&mut tx, &note(7)).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = world.test.db.begin(&caller).await.unwrap();
    let asked = sites_to_fetch(tx.conn(), 10).await.unwrap();
    assert_eq!(asked, [(site, 7)]);
    tx.rollback().await.unwrap();

    // It changes again while we ask: the answer may be old.
    let mut tx = world.test.db.begin_worker().await.unwrap();
    Sites.apply(&mut tx, &note(9)).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = world.test.db.begin(&caller).await.unwrap();
    save_fetched(&mut tx, &asked, fetched(&["OLD"])).await.unwrap();
    assert_eq!(find_site_party(tx.conn(), site).await.unwrap(), None);
    save_fetched(&mut tx, &[(site, 9)], fetched(&["PUI"])).await.unwrap();
    assert_eq!(find_site_party(tx.conn(), site).await.unwrap(), Some(party));
    assert!(sites_to_fetch(tx.conn(), 10).await.unwrap().is_empty());
    save_fetched(&mut tx, &[(site, 9)], fetched(&["OLD"])).await.unwrap();
    let known = find_holdings(tx.conn(), &[site]).await.unwrap();
    assert_eq!(
        known[&site],
        logistics::domain::routes::Holdings::new(["PUI".to_owned()]),
        "another replica's late answer"
    );
    tx.commit().await.unwrap();
}
