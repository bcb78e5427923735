//! One inbox for a supplier of two groups, one list for a hospital in two: exactly their own rows, of all their groups.

use std::collections::BTreeSet;

use serde_json::Value;
use sqlx::AssertSqlSafe;
use tools::demo::api::Api;
use uuid::Uuid;

use super::world::{text, world};
use crate::shared::{Shared, shared};

/// A list of a party: its path, the field of its rows, what names a row, and the same from the database (`$1`: the party).
struct List {
    path: &'static str,
    field: &'static str,
    keys: &'static [&'static str],
    sql: &'static str,
}

const fn list(path: &'static str, field: &'static str, keys: &'static [&'static str], sql: &'static str) -> List {
    List { path, field, keys, sql }
}

const ID: &[&str] = &["id"];

/// What a supplier sees.
const OF_A_SUPPLIER: [List; 7] = [
    list("orders", "orders", ID, "SELECT group_id, ARRAY[id] FROM demand.pooled_order WHERE supplier_id = $1 AND state IN ('PLACED', 'ANSWERED')"),
    list(
        "order-forms",
        "forms",
        ID,
        "SELECT f.group_id, ARRAY[f.id] FROM demand.order_form f JOIN demand.pooled_order o ON o.id = f.pooled_order_id
         WHERE o.supplier_id = $1 AND o.state IN ('PLACED', 'ANSWERED')",
    ),
    list(
        "order-lines",
        "lines",
        ID,
        "SELECT l.group_id, ARRAY[l.id] FROM demand.order_line l JOIN demand.pooled_order o ON o.id = l.pooled_order_id
         WHERE o.supplier_id = $1 AND o.state IN ('PLACED', 'ANSWERED')",
    ),
    list(
        "expected",
        "expected",
        &["pooled_line_id", "destination_site_id"],
        "SELECT DISTINCT l.group_id, ARRAY[l.pooled_line_id, CASE l.route WHEN 'DIRECT' THEN l.site_id ELSE o.platform_site_id END]
         FROM demand.order_line l JOIN demand.pooled_order o ON o.id = l.pooled_order_id
         WHERE o.supplier_id = $1 AND o.state = 'ANSWERED'",
    ),
    list("shipments", "shipments", ID, "SELECT group_id, ARRAY[shipment_id] FROM logistics.shipment WHERE supplier_id = $1"),
    list(
        "deliveries",
        "deliveries",
        ID,
        "SELECT d.group_id, ARRAY[d.delivery_id] FROM logistics.delivery d JOIN logistics.shipment s ON s.shipment_id = d.shipment_id
         WHERE s.supplier_id = $1 AND s.operator_party_id IS NULL",
    ),
    list("agreements", "agreements", ID, "SELECT DISTINCT group_id, ARRAY[agreement_id] FROM tendering.lot WHERE holder_id = $1"),
];

/// What a member sees.
const OF_A_MEMBER: [List; 5] = [
    list("needs", "needs", ID, "SELECT group_id, ARRAY[id] FROM demand.need WHERE party_id = $1"),
    list(
        "order-forms",
        "forms",
        ID,
        "SELECT group_id, ARRAY[id] FROM demand.order_form WHERE $1 IN (orderer_id, receiver_id, payer_id)",
    ),
    list("order-lines", "lines", ID, "SELECT group_id, ARRAY[id] FROM demand.order_line WHERE party_id = $1"),
    list(
        "deliveries",
        "deliveries",
        ID,
        "SELECT group_id, ARRAY[delivery_id] FROM logistics.delivery WHERE party_id = $1",
    ),
    list(
        "agreements",
        "agreements",
        ID,
        "SELECT DISTINCT group_id, ARRAY[agreement_id] FROM tendering.beneficiary WHERE party_id = $1
         UNION SELECT group_id, ARRAY[id] FROM tendering.agreement WHERE awarding_party_id = $1",
    ),
];

/// A row: its group and what names it.
type Row = (Uuid, Vec<Uuid>);

fn uuid(value: &Value) -> Uuid {
    value
        .as_str()
        .and_then(|text| Uuid::try_parse(text.split_once('_')?.1).ok())
        .unwrap_or_else(|| panic!("no id: {value}"))
}

/// A client that one person uses.
pub fn api(shared: &Shared, login: &str) -> Api {
    let api = Api::new(shared.stack.var("CENTRALE_URL")).unwrap();
    api.know(login, e2e::Stack::PASSWORD);
    api
}

/// Holds a party's list against the database; gives its rows as the API shows them.
async fn compare(shared: &Shared, api: &Api, login: &str, party: Uuid, list: &List) -> Vec<Value> {
    let rows = api.list(login, &format!("/v1/parties/{}/{}", text("pty", party), list.path), list.field).await.unwrap();
    let shown: BTreeSet<Row> = rows
        .iter()
        .map(|row| (uuid(&row["group_id"]), list.keys.iter().map(|key| uuid(&row[*key])).collect()))
        .collect();
    assert_eq!(shown.len(), rows.len(), "{login} {}: a row twice", list.path);
    let mut superuser = shared.stack.superuser().await;
    let own: Vec<Row> = sqlx::query_as(AssertSqlSafe(list.sql)).bind(party).fetch_all(&mut superuser).await.unwrap();
    assert_eq!(shown, own.into_iter().collect(), "{login} {}", list.path);
    rows
}

fn groups(rows: &[Value]) -> BTreeSet<Uuid> {
    rows.iter().map(|row| uuid(&row["group_id"])).collect()
}

#[tokio::test]
async fn a_supplier_has_one_inbox_with_exactly_its_own_rows_of_all_its_groups() {
    let shared = shared().await;
    let world = world(&shared.stack).await;
    let both: BTreeSet<Uuid> = world.groups.values().copied().collect();
    for (key, party) in &world.parties {
        let login = format!("fournisseur.{key}");
        if !world.people.iter().any(|person| person.login == login) {
            continue;
        }
        let api = api(shared, &login);
        for list in &OF_A_SUPPLIER {
            let rows = compare(shared, &api, &login, *party, list).await;
            for row in rows.iter().filter(|row| row.get("supplier_id").is_some()) {
                assert_eq!(uuid(&row["supplier_id"]), *party, "{login} {}: {row}", list.path);
            }
            for lot in rows.iter().filter_map(|row| row["lots"].as_array()).flatten() {
                assert_eq!(uuid(&lot["holder_id"]), *party, "{login}: the lot of a rival: {lot}");
            }
            if key == "ponant" && list.path != "deliveries" {
                assert_eq!(groups(&rows), both, "{login} {}", list.path);
            }
        }
        assert_eq!(world.person(&login).grants.len(), 1, "{login}: one account, one grant");
    }
}

#[tokio::test]
async fn a_supplier_finds_no_other_suppliers_order_shipment_or_delivery_by_its_id() {
    let shared = shared().await;
    let world = world(&shared.stack).await;
    let suppliers: Vec<_> = world.people.iter().filter(|person| person.login.starts_with("fournisseur.")).collect();
    assert_eq!(suppliers.len(), 9);
    for person in suppliers {
        let api = api(shared, &person.login);
        let own = person.grants[0].party.unwrap();
        for (key, party) in world.parties.iter().filter(|(_, party)| **party != own) {
            let refused = api
                .try_get(&person.login, &format!("/v1/parties/{}/orders", text("pty", *party)))
                .await
                .unwrap()
                .unwrap_err();
            assert_eq!(refused.status, 404, "{} at {key}", person.login);
        }
        for (parameter, path) in [("pooled_order_id", "orders"), ("delivery_id", "deliveries")] {
            for thing in &world.things[parameter] {
                let answer = api
                    .try_get(&person.login, &format!("/v1/parties/{}/{path}/{}", text("pty", own), thing.id))
                    .await
                    .unwrap();
                let status = answer.map_or_else(|refused| refused.status, |_| 200);
                assert_eq!(
                    status,
                    if thing.supplier == Some(own) { 200 } else { 404 },
                    "{} {}",
                    person.login,
                    thing.id
                );
            }
        }
    }
}

#[tokio::test]
async fn a_hospital_in_two_groups_has_its_needs_and_orders_of_both_in_one_list() {
    let shared = shared().await;
    let world = world(&shared.stack).await;
    let both: BTreeSet<Uuid> = world.groups.values().copied().collect();
    let members = ["brest", "quimper", "morlaix", "saint-brieuc", "ploermel"];
    for key in members {
        for login in [format!("demandeur.{key}"), format!("receveur.{key}")] {
            let api = api(shared, &login);
            for list in &OF_A_MEMBER {
                let rows = compare(shared, &api, &login, world.parties[key], list).await;
                assert!(!rows.is_empty(), "{login} {}", list.path);
                if key == "morlaix" {
                    assert_eq!(groups(&rows), both, "{login} {}", list.path);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_supplier_has_the_receipts_of_its_own_tenders_of_all_groups_and_no_rivals() {
    let shared = shared().await;
    let world = world(&shared.stack).await;
    let mut both = BTreeSet::new();
    for (key, party) in &world.parties {
        let login = format!("fournisseur.{key}");
        if !world.people.iter().any(|person| person.login == login) {
            continue;
        }
        let api = api(shared, &login);
        let path = format!("/v1/parties/{}/tenders", text("pty", *party));
        let rows = api.list(&login, &path, "tenders").await.unwrap();
        let shown: BTreeSet<Row> = rows
            .iter()
            .map(|row| (uuid(&row["receipt"]["group_id"]), vec![uuid(&row["receipt"]["tender_id"])]))
            .collect();
        let own: Vec<Row> =
            sqlx::query_as("SELECT group_id, ARRAY[tender_id] FROM tendering.tender_party WHERE party_id = $1")
                .bind(party)
                .fetch_all(&mut shared.stack.superuser().await)
                .await
                .unwrap();
        assert_eq!(shown, own.into_iter().collect(), "{login}");
        assert!(rows.iter().all(|row| uuid(&row["party_id"]) == *party), "{login}: {rows:?}");
        if key == "ponant" {
            both.extend(shown.into_iter().map(|(group, _)| group));
        }
    }
    assert_eq!(both, world.groups.values().copied().collect(), "ponant tendered in both groups");
}
