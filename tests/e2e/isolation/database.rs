//! What Postgres itself shows to the services' roles, whatever their code does.

use e2e::Stack;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use uuid::Uuid;

use super::world::{SCHEMAS, world};
use crate::shared::shared;

const SERVICES: [&str; 5] = ["membership", "catalogue", "tendering", "demand", "logistics"];

/// A table under a policy.
struct Table {
    name: String,
    grouped: bool,
    /// Whether the background worker sees all of it.
    workers: bool,
}

async fn as_role(stack: &Stack, role: &str) -> PgConnection {
    let url = stack.var("CENTRALE_SUPERUSER_DATABASE_URL").replace("user=postgres", &format!("user={role}"));
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let user: String = sqlx::query_scalar("SELECT current_user::text").fetch_one(&mut connection).await.unwrap();
    assert_eq!(user, role);
    connection
}

async fn tables(superuser: &mut PgConnection, service: &str) -> Vec<Table> {
    let rows: Vec<(String, bool, bool)> = sqlx::query_as(
        "SELECT c.relnamespace::regnamespace || '.' || c.relname,
           EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'group_id'),
           EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'worker_rows')
         FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relrowsecurity AND NOT c.relispartition AND c.relnamespace::regnamespace::text = $1",
    )
    .bind(service)
    .fetch_all(superuser)
    .await
    .unwrap();
    assert!(rows.len() >= 8, "{service}: only {} tables", rows.len());
    rows.into_iter().map(|(name, grouped, workers)| Table { name, grouped, workers }).collect()
}

async fn count(connection: &mut PgConnection, table: &str, condition: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table} WHERE {condition}");
    sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(connection)
        .await
        .unwrap_or_else(|error| panic!("{table}: {error}"))
}

async fn may_read(connection: &mut PgConnection, table: &str) -> bool {
    let sql = "SELECT has_table_privilege($1, 'SELECT')";
    sqlx::query_scalar(sql).bind(table).fetch_one(connection).await.unwrap()
}

async fn enter(connection: &mut PgConnection, setting: &str, value: &str) {
    sqlx::query("SELECT set_config($1, $2, false)").bind(setting).bind(value).execute(connection).await.unwrap();
}

#[tokio::test]
async fn a_session_without_a_group_sees_no_row_and_one_in_a_group_sees_exactly_its_own() {
    let stack = &shared().await.stack;
    // Nobody writes while rows are counted.
    world(stack).await;
    let mut superuser = stack.superuser().await;
    let groups: Vec<Uuid> =
        sqlx::query_scalar("SELECT group_id FROM membership.buying_group").fetch_all(&mut superuser).await.unwrap();
    assert_eq!(groups.len(), 2);
    let (mut wrong, mut full) = (Vec::new(), 0);
    for service in SERVICES {
        let tables = tables(&mut superuser, service).await;
        for kind in ["app", "worker"] {
            let mut session = as_role(stack, &format!("{service}_{kind}")).await;
            for table in tables.iter().filter(|table| kind == "app" || !table.workers) {
                // Stricter than a policy: a role that has no right on the table sees nothing of it. The app may read all of its own.
                if !may_read(&mut session, &table.name).await {
                    assert_eq!(kind, "worker", "{service}_app may not read {}", table.name);
                    continue;
                }
                enter(&mut session, "app.group_id", "").await;
                let seen = count(&mut session, &table.name, "true").await;
                if seen > 0 {
                    wrong.push(format!("{service}_{kind} without a group sees {seen} rows of {}", table.name));
                }
                for group in groups.iter().filter(|_| table.grouped) {
                    enter(&mut session, "app.group_id", &group.to_string()).await;
                    let of_others = count(&mut session, &table.name, &format!("group_id <> '{group}'")).await;
                    let own = count(&mut session, &table.name, "true").await;
                    // A late tender is never read, not even by its group (CCP R2151-5).
                    let shown = match table.name.as_str() {
                        "tendering.tender_chunk" => "tender_id IN (SELECT id FROM tendering.tender WHERE NOT late)",
                        _ => "true",
                    };
                    let condition = format!("group_id = '{group}' AND {shown}");
                    let there = count(&mut superuser, &table.name, &condition).await;
                    full += usize::from(there > 0);
                    if of_others > 0 || own != there {
                        wrong.push(format!(
                            "{service}_{kind} in {group} sees {own} of {there} rows of {}, and {of_others} of others",
                            table.name
                        ));
                    }
                }
            }
        }
    }
    assert!(full > 100, "only {full} tables have rows: was there a season?");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_session_of_a_party_sees_no_row_without_the_party_in_it_and_changes_none() {
    let stack = &shared().await.stack;
    let world = world(stack).await;
    let mut wrong = Vec::new();
    // Tables whose rows say whose they are; lots, ceilings and plans say it through others and are tested through the API.
    let named = [
        ("demand", "need", "party_id = $1"),
        ("demand", "reference_price", "party_id = $1"),
        ("demand", "plan_share", "party_id = $1"),
        ("demand", "pooled_order", "supplier_id = $1 AND state IN ('PLACED', 'ANSWERED')"),
        (
            "demand",
            "pooled_line",
            "supplier_id = $1 AND pooled_order_id IN (SELECT id FROM demand.pooled_order WHERE state IN ('PLACED', 'ANSWERED'))",
        ),
        (
            "demand",
            "order_form",
            "$1 IN (orderer_id, receiver_id, payer_id) OR (supplier_id = $1 AND state IN ('PLACED', 'ANSWERED'))",
        ),
        ("demand", "order_line", "party_id = $1 OR (supplier_id = $1 AND placed)"),
        ("catalogue", "price", "supplier_id = $1"),
        ("logistics", "expected_item", "$1 IN (supplier_id, operator_party_id)"),
        ("logistics", "shipment", "$1 IN (supplier_id, operator_party_id)"),
        ("logistics", "shipment_line", "$1 IN (supplier_id, operator_party_id)"),
        ("logistics", "receipt", "operator_party_id = $1"),
        ("logistics", "delivery", "$1 IN (party_id, operator_party_id, direct_supplier_id)"),
        ("logistics", "delivery_line", "$1 IN (party_id, operator_party_id, direct_supplier_id)"),
        ("membership", "member", "party_id = $1"),
        ("membership", "contribution_invoice", "party_id = $1"),
        ("membership", "declared_saving", "party_id = $1"),
        ("membership", "delegation", "$1 IN (delegator_party_id, to_party_id)"),
        ("tendering", "agreement_party", "party_id = $1"),
    ];
    let mut superuser = stack.superuser().await;
    for (service, table, condition) in named {
        let mut session = as_role(stack, &format!("{service}_app")).await;
        let mut most = 0;
        for (key, party) in &world.parties {
            enter(&mut session, "app.party_id", &party.to_string()).await;
            let condition = condition.replace("$1", &format!("'{party}'"));
            let table = format!("{service}.{table}");
            let (own, seen) =
                (count(&mut superuser, &table, &condition).await, count(&mut session, &table, "true").await);
            let of_others = count(&mut session, &table, &format!("NOT coalesce({condition}, false)")).await;
            most = most.max(seen);
            if own != seen || of_others > 0 {
                wrong.push(format!("{key} sees {seen} of {own} rows of {table}, and {of_others} of others"));
            }
        }
        assert!(most > 0, "{table}: nobody sees a row");
        // Party sessions read: a change names one group. Where the role may change the table at all, no row is there to be.
        let sql = format!("UPDATE {service}.{table} SET group_id = group_id");
        if let Ok(changed) = sqlx::query(AssertSqlSafe(sql)).execute(&mut session).await {
            assert_eq!(changed.rows_affected(), 0, "{service}.{table} is changed in a party session");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_role_reaches_its_own_schema_only_and_no_partition() {
    let stack = &shared().await.stack;
    let mut superuser = stack.superuser().await;
    let reached: Vec<(String, String)> = sqlx::query_as(AssertSqlSafe(format!(
        "SELECT r.rolname::text, c.relnamespace::regnamespace || '.' || c.relname FROM pg_class c, pg_roles r
         WHERE c.relkind IN ('r', 'p') AND c.relnamespace::regnamespace::text IN {SCHEMAS} AND r.rolname ~ '_(app|worker)$'
           AND (NOT starts_with(r.rolname, c.relnamespace::regnamespace::text) OR c.relispartition)
           AND (has_any_column_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE') OR has_table_privilege(r.oid, c.oid, 'DELETE, TRUNCATE'))"
    )))
    .fetch_all(&mut superuser)
    .await
    .unwrap();
    assert!(reached.is_empty(), "{reached:?}");
    let mut demand = as_role(stack, "demand_app").await;
    let refused = sqlx::query("SELECT FROM logistics.delivery").execute(&mut demand).await.unwrap_err().to_string();
    assert!(refused.contains("permission denied"), "{refused}");
}
