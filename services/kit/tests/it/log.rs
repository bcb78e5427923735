//! Design decision 2: gapless positions after commit, a chain, readers whose effects happen exactly once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kit::{
    Failure,
    client::Peer,
    db::{Db, Tx},
    error::CommonError,
    events::{CHAIN_START, Effect, EventLog, Reader, Stamper, StoredEvent, chain_link},
    id::GroupId,
    testing::{TestDb, TestKeys, doorbell},
};
use proto::{demand::v1::RoundChanged, events::v1::Event};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{NO_MIGRATIONS, foundation, officer};

async fn append(tx: &mut Tx, aggregate: Uuid, text: &str) {
    let event = RoundChanged { round_id: text.to_owned(), state: String::new() };
    tx.append(aggregate, "test.happened.v1", &event).await.unwrap();
}

async fn append_and_commit(db: &Db, group: GroupId, aggregate: Uuid, text: &str) {
    let mut tx = db.begin(&officer(group)).await.unwrap();
    append(&mut tx, aggregate, text).await;
    tx.commit().await.unwrap();
}

fn stamper(db: &Db, keys: &TestKeys) -> Stamper {
    Stamper::new(db.clone(), doorbell(), keys.signer("demand"), None)
}

async fn positions(test: &TestDb) -> Vec<i64> {
    sqlx::query_scalar("SELECT position FROM event_stamp ORDER BY position")
        .fetch_all(&mut test.superuser().await)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_slow_transaction_gets_its_position_after_its_commit_and_nothing_is_lost() {
    let (test, keys) = (foundation().await, TestKeys::new());
    let group = GroupId::new();
    let mut slow = test.db.begin(&officer(group)).await.unwrap();
    append(&mut slow, Uuid::now_v7(), "slow").await;
    append_and_commit(&test.db, group, Uuid::now_v7(), "fast").await;
    assert_eq!(stamper(&test.db, &keys).stamp_once().await.unwrap(), 1, "the open one is not there yet");
    slow.commit().await.unwrap();
    assert_eq!(stamper(&test.db, &keys).stamp_once().await.unwrap(), 1);
    assert_eq!(positions(&test).await, [1, 2]);
    let kinds: Vec<String> =
        sqlx::query_scalar("SELECT convert_from(substr(e.payload, 3), 'UTF8') FROM event_stamp s JOIN event e USING (event_id) ORDER BY s.position")
            .fetch_all(&mut test.superuser().await)
            .await
            .unwrap();
    assert_eq!(kinds, ["fast", "slow"]);
}

#[tokio::test]
async fn two_stampers_give_each_event_one_position_without_gaps() {
    let (test, keys) = (foundation().await, TestKeys::new());
    let (stop, group) = (CancellationToken::new(), GroupId::new());
    let one = tokio::spawn(stamper(&test.db, &keys).run(stop.clone()));
    let two = tokio::spawn(stamper(&test.replica(), &keys).run(stop.clone()));
    let writers = (0..8).map(|_| async {
        for _ in 0..25 {
            append_and_commit(&test.db, group, Uuid::now_v7(), "x").await;
        }
    });
    futures::future::join_all(writers).await;
    for _ in 0..100 {
        if positions(&test).await.len() == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stop.cancel();
    let _ = tokio::join!(one, two);
    assert_eq!(positions(&test).await, (1..=200).collect::<Vec<i64>>());
}

#[tokio::test]
async fn the_chain_covers_every_column_of_every_event_in_order() {
    let (test, keys) = (foundation().await, TestKeys::new());
    let groups = [GroupId::new(), GroupId::new()];
    for n in 0..6 {
        append_and_commit(&test.db, groups[n % 2], Uuid::now_v7(), &format!("event {n}")).await;
    }
    stamper(&test.db, &keys).stamp_once().await.unwrap();
    for group in groups {
        let mut link = CHAIN_START.to_vec();
        let events: Vec<StoredEvent> = sqlx::query_as(
            "SELECT e.group_id, e.event_id, e.recorded_at, e.aggregate_id, e.kind, e.payload, e.trace_parent, e.actor
             FROM event_stamp s JOIN event e USING (event_id) WHERE s.group_id = $1 ORDER BY position",
        )
        .bind(group)
        .fetch_all(&mut test.superuser().await)
        .await
        .unwrap();
        for event in &events {
            link = chain_link(&link, event).to_vec();
        }
        let head: Vec<u8> = sqlx::query_scalar("SELECT chain FROM chain_head WHERE group_id = $1")
            .bind(group)
            .fetch_one(&mut test.superuser().await)
            .await
            .unwrap();
        assert_eq!(link, head);
        let mut changed = events[0].clone();
        changed.payload.push(0);
        assert_ne!(chain_link(&CHAIN_START, &changed), chain_link(&CHAIN_START, &events[0]));
        let mut changed = events[0].clone();
        changed.actor.push('x');
        assert_ne!(chain_link(&CHAIN_START, &changed), chain_link(&CHAIN_START, &events[0]));
    }
}

/// Counts events per text in a table, fails on one text while told to.
struct Count {
    refuse: Arc<AtomicBool>,
}

#[tonic::async_trait]
impl Effect for Count {
    fn kinds(&self) -> &'static [&'static str] {
        &["test.happened.v1"]
    }

    async fn apply(&self, tx: &mut Tx, event: &Event) -> Result<(), Failure> {
        let payload: RoundChanged = prost::Message::decode(event.payload.clone()).map_err(Failure::internal)?;
        if payload.round_id == "poison" && self.refuse.load(Ordering::SeqCst) {
            return Err(CommonError::Unavailable("refused by the test".to_owned()).into());
        }
        let group = event.group_id.parse::<Uuid>().map_err(Failure::internal)?;
        sqlx::query("INSERT INTO applied (group_id, text, position) VALUES ($1, $2, $3)")
            .bind(group)
            .bind(payload.round_id)
            .bind(event.position)
            .execute(tx.conn())
            .await?;
        Ok(())
    }
}

struct Pair {
    source: TestDb,
    sink: TestDb,
    keys: TestKeys,
    url: String,
    stop: CancellationToken,
    refuse: Arc<AtomicBool>,
}

/// A service `demand` with a log served over gRPC, and a service `logistics` that reads it.
async fn pair() -> Pair {
    let (source, sink, keys) = (foundation().await, TestDb::new("logistics", &NO_MIGRATIONS).await, TestKeys::new());
    let mut owner = sink.superuser().await;
    for sql in [
        "SET ROLE logistics_owner",
        "CREATE TABLE applied (group_id uuid NOT NULL, text text NOT NULL, position bigint NOT NULL, nth bigint GENERATED ALWAYS AS IDENTITY)",
        "CALL protect('applied')",
        "RESET ROLE",
    ] {
        sqlx::query(sql).execute(&mut owner).await.unwrap();
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let mut routes = tonic::service::RoutesBuilder::default();
    routes.add_service(EventLog::server(source.db.clone(), keys.verifier("demand")));
    tokio::spawn(kit::server::serve(listener, routes.routes(), || async { true }, stop.clone()));
    tokio::spawn(stamper(&source.db, &keys).run(stop.clone()));
    Pair { source, sink, keys, url, stop, refuse: Arc::new(AtomicBool::new(false)) }
}

impl Pair {
    fn reader(&self) -> Reader<Count> {
        Reader {
            db: self.sink.replica(),
            source: Peer::new("demand", &self.url, self.keys.signer("logistics")).unwrap(),
            doorbell: doorbell(),
            effect: Count { refuse: self.refuse.clone() },
        }
    }

    async fn applied(&self) -> Vec<String> {
        sqlx::query_scalar("SELECT text FROM applied ORDER BY nth")
            .fetch_all(&mut self.sink.superuser().await)
            .await
            .unwrap()
    }

    async fn wait_for(&self, count: usize) {
        for _ in 0..100 {
            if self.applied().await.len() >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("only {} of {count} events applied", self.applied().await.len());
    }
}

#[tokio::test]
async fn two_replicas_of_a_reader_apply_every_event_once() {
    let pair = pair().await;
    let readers: Vec<_> = (0..2).map(|_| tokio::spawn(pair.reader().run(pair.stop.clone()))).collect();
    let group = GroupId::new();
    for n in 0..150 {
        append_and_commit(&pair.source.db, group, Uuid::now_v7(), &n.to_string()).await;
    }
    pair.wait_for(150).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    pair.stop.cancel();
    for reader in readers {
        reader.await.unwrap();
    }
    let mut applied: Vec<u32> = pair.applied().await.iter().map(|text| text.parse().unwrap()).collect();
    applied.sort_unstable();
    assert_eq!(applied, (0..150).collect::<Vec<u32>>());
}

#[tokio::test]
async fn a_failing_event_parks_its_aggregate_in_order_and_no_other() {
    let pair = pair().await;
    pair.refuse.store(true, Ordering::SeqCst);
    let (group, sick, well) = (GroupId::new(), Uuid::now_v7(), Uuid::now_v7());
    for (aggregate, text) in [(sick, "poison"), (well, "other 1"), (sick, "after poison"), (well, "other 2")] {
        append_and_commit(&pair.source.db, group, aggregate, text).await;
    }
    let reader = tokio::spawn(pair.reader().run(pair.stop.clone()));
    pair.wait_for(2).await;
    assert_eq!(pair.applied().await, ["other 1", "other 2"]);
    pair.refuse.store(false, Ordering::SeqCst);
    pair.wait_for(4).await;
    pair.stop.cancel();
    reader.await.unwrap();
    assert_eq!(pair.applied().await[2..], ["poison", "after poison"]);
    let parked: i64 = sqlx::query_scalar("SELECT count(*) FROM reader_parked")
        .fetch_one(&mut pair.sink.superuser().await)
        .await
        .unwrap();
    assert_eq!(parked, 0);
}

#[tokio::test]
async fn the_log_is_served_to_services_and_auditors_only() {
    use proto::events::v1::{ListEventsRequest, event_log_service_client::EventLogServiceClient};
    let pair = pair().await;
    let (ours, theirs) = (GroupId::new(), GroupId::new());
    append_and_commit(&pair.source.db, ours, Uuid::now_v7(), "ours").await;
    append_and_commit(&pair.source.db, theirs, Uuid::now_v7(), "theirs").await;
    let peer = Peer::new("demand", &pair.url, pair.keys.signer("gateway")).unwrap();
    let mut client = EventLogServiceClient::new(peer.channel());
    let ask = |wait_ms| ListEventsRequest { after: 0, limit: 10, wait_ms };
    let refused = client.list_events(peer.request(&officer(ours), ask(0)).unwrap()).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::PermissionDenied);
    let nobody = client.list_events(tonic::Request::new(ask(0))).await.unwrap_err();
    assert_eq!(nobody.code(), tonic::Code::Unauthenticated);
    let mut auditor = officer(ours);
    auditor.roles = vec![kit::Role::Auditor];
    let seen = client.list_events(peer.request(&auditor, ask(5_000)).unwrap()).await.unwrap().into_inner().events;
    assert_eq!(seen.len(), 1, "an auditor reads its own group's events");
    assert_eq!(seen[0].group_id, ours.uuid().to_string());
    pair.stop.cancel();
}
