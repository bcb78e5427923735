//! One group never sees another's rows, and Postgres sees to it.

use kit::{
    Caller, Role, Scope,
    id::{GroupId, PartyId},
};
use proto::membership::v1::{GroupForm, ListMembersRequest};
use sqlx::Connection as _;

use crate::support::{World, as_party, in_group, member};

/// Tables without a policy: deployment-wide reference data, which every service of the deployment may ask for through this one.
const REFERENCE_TABLES: [&str; 14] = [
    "account",
    "buyer_status_change",
    "buying_group",
    "group_form_rule",
    "identity_change",
    "issuer_key",
    "login_failure",
    "party",
    "person",
    "person_identity",
    "role_grant",
    "signature_rule",
    "site",
    "succession",
];

#[tokio::test]
async fn a_group_sees_and_changes_its_own_members_only() {
    let world = World::new().await;
    let (one, ids) = world.group_of("one", &["a", "b"]).await;
    let (other, _) = world.group_of("other", &["c", "d", "e"]).await;
    for (group, count) in [(&one, 2), (&other, 3)] {
        for role in [Role::PurchasingOfficer, Role::Auditor, Role::Administrator, Role::Service] {
            let caller = in_group(group, None, role);
            assert_eq!(
                world.app.list_members(&caller, ListMembersRequest::default()).await.unwrap().members.len(),
                count
            );
        }
        let mut tx = world.test.db.begin(&in_group(group, None, Role::Auditor)).await.unwrap();
        let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM member").fetch_one(tx.conn()).await.unwrap();
        assert_eq!(seen, i64::try_from(count).unwrap(), "without a filter");
    }
    let (one, other): (GroupId, GroupId) = (one.parse().unwrap(), other.parse().unwrap());
    let party: PartyId = ids[0].parse().unwrap();
    let mut tx = world.test.db.begin(&Caller::service("membership", Scope::Group(one))).await.unwrap();
    let deleted = sqlx::query("DELETE FROM member WHERE group_id = $1").bind(other).execute(tx.conn()).await.unwrap();
    assert_eq!(deleted.rows_affected(), 0);
    let error =
        sqlx::query("INSERT INTO member (group_id, party_id, valid_from, kind) VALUES ($1, $2, '2026-01-01', 'FULL')")
            .bind(other)
            .bind(party)
            .execute(tx.conn())
            .await
            .unwrap_err();
    assert!(error.to_string().contains("row-level security"), "{error}");
}

#[tokio::test]
async fn a_party_sees_its_memberships_in_all_groups_and_writes_none() {
    let world = World::new().await;
    let (_, ids) = world.group_of("one", &["a", "b"]).await;
    let other = world.group("other", GroupForm::Gie, &ids[1], "").await;
    world.members(&other, vec![member(&ids[0], "2026-01-01", "")]).await;
    let mut tx = world.test.db.begin(&as_party(&ids[0], Role::MemberRequester)).await.unwrap();
    let seen: Vec<PartyId> = sqlx::query_scalar("SELECT party_id FROM member").fetch_all(tx.conn()).await.unwrap();
    let own: PartyId = ids[0].parse().unwrap();
    assert_eq!(seen, [own, own]);
    let changed = sqlx::query("UPDATE member SET kind = 'PARTNER'").execute(tx.conn()).await.unwrap();
    assert_eq!(changed.rows_affected(), 0);
}

#[tokio::test]
async fn without_a_group_nothing_is_seen() {
    let world = World::new().await;
    world.group_of("one", &["a"]).await;
    let mut app = world.test.app().await;
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM membership.member").fetch_one(&mut app).await.unwrap();
    assert_eq!(seen, 0);
    let mut tx = world.test.db.begin_worker().await.unwrap();
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM member").fetch_one(tx.conn()).await.unwrap();
    assert_eq!(seen, 0, "the worker sees all groups in the log only");
}

#[tokio::test]
async fn tables_without_a_policy_are_on_the_list() {
    let world = World::new().await;
    let bare: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'membership'::regnamespace AND relkind IN ('r', 'p')
           AND NOT relrowsecurity AND relname NOT LIKE '\\_%migrations' ORDER BY relname",
    )
    .fetch_all(&mut world.test.superuser().await)
    .await
    .unwrap();
    assert_eq!(bare, REFERENCE_TABLES);
}

#[tokio::test]
async fn secrets_are_for_the_service_alone_and_rules_for_migrations() {
    let world = World::new().await;
    let refused = async |role: &str, sql: &'static str| {
        let mut connection = world.test.superuser().await;
        let mut tx = connection.begin().await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(format!("SET LOCAL ROLE {role}"))).execute(&mut *tx).await.unwrap();
        match sqlx::query(sql).execute(&mut *tx).await {
            Ok(_) => false,
            Err(error) => error.to_string().contains("permission denied"),
        }
    };
    for role in ["membership_worker", "auditor", "demand_app"] {
        for sql in [
            "SELECT * FROM membership.account",
            "SELECT * FROM membership.issuer_key",
            "SELECT * FROM membership.login_failure",
        ] {
            assert!(refused(role, sql).await, "{role}: {sql}");
        }
    }
    for sql in ["SELECT * FROM person", "SELECT * FROM role_grant", "SELECT * FROM person_identity"] {
        assert!(refused("membership_worker", sql).await, "{sql}");
    }
    for sql in [
        "UPDATE issuer_key SET kid = 'x'",
        "DELETE FROM issuer_key",
        "DELETE FROM group_form_rule",
        "UPDATE group_form_rule SET source = ''",
    ] {
        assert!(refused("membership_app", sql).await, "{sql}");
    }
    assert!(!refused("membership_app", "SELECT * FROM account").await, "the service itself can");
}
