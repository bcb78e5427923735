//! Design decision 5: every table has a policy, or is on the list of reference data.

use crate::shared::shared;

/// Deployment-wide tables without a group: reference data, registries, operators' own, and the migrations' own.
const REFERENCE: [&str; 23] = [
    "catalogue.article",
    "catalogue.edition",
    "catalogue.identifier",
    "catalogue.packaging",
    "demand.change_rule",
    "logistics.break_bulk",
    "logistics.site",
    "logistics.site_to_fetch",
    "membership.account",
    "membership.buyer_status_change",
    "membership.buying_group",
    "membership.group_form_rule",
    "membership.identity_change",
    "membership.issuer_key",
    "membership.login_failure",
    "membership.party",
    "membership.person",
    "membership.person_identity",
    "membership.role_grant",
    "membership.signature_rule",
    "membership.site",
    "membership.succession",
    "tendering.legal_rule",
];

#[tokio::test]
async fn every_table_has_a_policy_or_is_reference_data() {
    let mut superuser = shared().await.stack.superuser().await;
    let tables: Vec<(String, bool, bool, i64)> = sqlx::query_as(
        "SELECT c.relnamespace::regnamespace || '.' || c.relname, c.relispartition, c.relrowsecurity,
                (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid)
         FROM pg_class c WHERE c.relkind IN ('r', 'p')
           AND c.relnamespace::regnamespace::text IN ('membership', 'catalogue', 'tendering', 'demand', 'logistics') ORDER BY 1",
    )
    .fetch_all(&mut superuser)
    .await
    .unwrap();
    assert!(tables.len() > 60, "only {} tables: is the query right?", tables.len());
    let mut wrong = Vec::new();
    for (table, partition, secured, policies) in tables {
        let reference = REFERENCE.contains(&table.as_str()) || table.ends_with("_migrations");
        // A partition is reached through its parent only: secured, and nobody has a right or a policy on it.
        let fine = if partition {
            secured && policies == 0
        } else if reference {
            !secured
        } else {
            secured && policies > 0
        };
        if !fine {
            wrong.push(format!("{table}: row security {secured}, {policies} policies"));
        }
    }
    assert!(wrong.is_empty(), "neither under a policy nor on the reference list:\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn no_role_of_a_service_passes_by_row_security_or_owns_what_it_uses() {
    let mut superuser = shared().await.stack.superuser().await;
    let strong: Vec<String> = sqlx::query_scalar(
        "SELECT rolname FROM pg_roles WHERE (rolsuper OR rolbypassrls) AND rolname ~ '_(app|worker|owner)$'",
    )
    .fetch_all(&mut superuser)
    .await
    .unwrap();
    assert!(strong.is_empty(), "{strong:?}");
    let owned: Vec<String> =
        sqlx::query_scalar("SELECT relname FROM pg_class WHERE pg_get_userbyid(relowner) ~ '_(app|worker)$'")
            .fetch_all(&mut superuser)
            .await
            .unwrap();
    assert!(owned.is_empty(), "{owned:?}");
}
