//! Design decision 5: Postgres keeps every row in its group, whatever the code does.

use kit::{Scope, command::Claim, id::GroupId, id::PartyId};
use proto::demand::v1::{CloseRoundRequest, CloseRoundResponse, RoundChanged};
use sqlx::Connection as _;
use uuid::Uuid;

use crate::{foundation, officer};

async fn one_event(test: &kit::testing::TestDb, group: GroupId) {
    let request = CloseRoundRequest { request_id: Uuid::now_v7().to_string(), ..CloseRoundRequest::default() };
    let Claim::Fresh(mut command) = test
        .db
        .command::<CloseRoundResponse>(&officer(group), "test/Close", &request.request_id, &request)
        .await
        .unwrap()
    else {
        panic!("replayed")
    };
    command.append(Uuid::now_v7(), "test.closed.v1", &RoundChanged::default()).await.unwrap();
    command.finish(CloseRoundResponse::default()).await.unwrap();
}

#[tokio::test]
async fn a_group_sees_its_own_rows_and_a_session_without_group_sees_none() {
    let test = foundation().await;
    let (ours, theirs) = (GroupId::new(), GroupId::new());
    one_event(&test, ours).await;
    one_event(&test, theirs).await;
    let mut tx = test.db.begin(&officer(ours)).await.unwrap();
    let groups: Vec<Uuid> = sqlx::query_scalar("SELECT group_id FROM event").fetch_all(tx.conn()).await.unwrap();
    assert_eq!(groups, [ours.uuid()]);
    let mut bare = test.app().await;
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM demand.event").fetch_one(&mut bare).await.unwrap();
    assert_eq!(seen, 0);
}

#[tokio::test]
async fn writing_into_another_group_is_refused_by_postgres() {
    let test = foundation().await;
    let mut tx = test.db.begin(&officer(GroupId::new())).await.unwrap();
    let refused = sqlx::query("INSERT INTO number_counter (group_id, kind, year, last) VALUES ($1, 'X', 2026, 1)")
        .bind(GroupId::new())
        .execute(tx.conn())
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("row-level security"), "{refused}");
}

#[tokio::test]
async fn the_log_cannot_be_changed_by_the_services_own_roles() {
    let test = foundation().await;
    one_event(&test, GroupId::new()).await;
    for sql in [
        "UPDATE event SET payload = ''",
        "DELETE FROM event",
        "TRUNCATE event",
        "DELETE FROM event_stamp",
        "SELECT * FROM event_default",
    ] {
        let mut tx = test.db.begin(&officer(GroupId::new())).await.unwrap();
        let refused = sqlx::query(sql).execute(tx.conn()).await.unwrap_err();
        assert!(refused.to_string().contains("permission denied"), "{sql}: {refused}");
        let mut tx = test.db.begin_worker().await.unwrap();
        let refused = sqlx::query(sql).execute(tx.conn()).await.unwrap_err();
        assert!(refused.to_string().contains("permission denied"), "worker, {sql}: {refused}");
    }
}

#[tokio::test]
async fn another_services_schema_is_closed() {
    let test = foundation().await;
    let mut app = test.app().await;
    let refused = sqlx::query("CREATE TABLE logistics.x ()").execute(&mut app).await.unwrap_err();
    assert!(refused.to_string().contains("permission denied"), "{refused}");
}

#[tokio::test]
async fn a_party_session_reads_rows_of_its_party_across_groups_and_writes_none() {
    let test = foundation().await;
    let mut owner = test.superuser().await;
    // A table as a service would make it.
    for sql in [
        "SET ROLE demand_owner",
        "CREATE TABLE thing (group_id uuid, id uuid, party_id uuid, PRIMARY KEY (group_id, id))",
        "CALL protect('thing')",
        "CALL protect_party('thing', 'party_id')",
        "RESET ROLE",
    ] {
        sqlx::query(sql).execute(&mut owner).await.unwrap();
    }
    let party = PartyId::new();
    for (group, of) in [(GroupId::new(), party), (GroupId::new(), party), (GroupId::new(), PartyId::new())] {
        let mut tx = test.db.begin(&officer(group)).await.unwrap();
        sqlx::query("INSERT INTO thing VALUES ($1, $2, $3)")
            .bind(group)
            .bind(Uuid::now_v7())
            .bind(of)
            .execute(tx.conn())
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
    let mut caller = officer(GroupId::new());
    caller.scope = Scope::Party(party);
    let mut tx = test.db.begin(&caller).await.unwrap();
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM thing").fetch_one(tx.conn()).await.unwrap();
    assert_eq!(seen, 2, "both groups' rows of the party, not the third one's");
    let deleted = sqlx::query("DELETE FROM thing").execute(tx.conn()).await.unwrap().rows_affected();
    assert_eq!(deleted, 0, "the party policy is for reading");
    tx.rollback().await.unwrap();
    owner.close().await.unwrap();
}
