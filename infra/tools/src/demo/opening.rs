//! What existed before the first day: `lot_consumption.csv`, `member_codes.csv`, `consumption.csv`, `open_orders.csv`. Checked here
//! beside the other files, then loaded through the API with its source.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::{
    api::Api,
    data::Data,
    setup::{Ids, People},
    tables::{Faults, Row},
};

/// Most rows of one request.
const ROWS: usize = 5_000;

/// Checks the files against the others; their keys were checked before.
pub fn check(data: &Data, faults: &mut Faults) {
    for (file, column) in [
        ("lot_consumption.csv", "lot_number"),
        ("lot_consumption.csv", "amount_cents"),
        ("consumption.csv", "units"),
        ("open_orders.csv", "lot_number"),
        ("open_orders.csv", "ordered_units"),
        ("open_orders.csv", "delivered_units"),
    ] {
        for row in data.table(file).rows() {
            if row.whole(column, faults) < 0 {
                row.fault(column, "ne peut pas être négatif", faults);
            }
        }
    }
    for (file, column) in [
        ("lot_consumption.csv", "as_of"),
        ("consumption.csv", "as_of"),
        ("open_orders.csv", "as_of"),
        ("open_orders.csv", "ordered_on"),
    ] {
        for row in data.table(file).rows() {
            row.date(column, false, faults);
        }
    }
    check_lots(data, faults);
    check_consumption(data, faults);
    check_open_orders(data, faults);
}

/// The members of a lot that is named sum to what it had consumed.
fn check_lots(data: &Data, faults: &mut Faults) {
    let mut sums: HashMap<(&str, &str), i64> = HashMap::new();
    for row in data.table("lot_consumption.csv").rows() {
        let amount: i64 = row.text("amount_cents").parse().unwrap_or(0);
        *sums.entry((row.text("agreement_key"), row.text("lot_number"))).or_default() += amount;
    }
    for row in data.table("lots.csv").rows() {
        if let Some(sum) = sums.remove(&(row.text("agreement_key"), row.text("lot_number")))
            && row.text("consumed_cents").parse() != Ok(sum)
        {
            row.fault("consumed_cents", &format!("lot_consumption.csv donne {sum} pour tous ses membres"), faults);
        }
    }
    for row in data.table("lot_consumption.csv").rows() {
        if sums.contains_key(&(row.text("agreement_key"), row.text("lot_number"))) {
            row.fault("lot_number", "lot absent de lots.csv pour cet accord-cadre", faults);
        }
    }
}

fn check_consumption(data: &Data, faults: &mut Faults) {
    let key = |row: &Row<'_>| ["group_key", "party_key", "code"].map(|column| row.text(column).to_owned());
    let mut codes = HashSet::new();
    for row in data.table("member_codes.csv").rows() {
        if !codes.insert(key(&row)) {
            row.fault("code", "déjà donné à un autre article du même membre", faults);
        }
    }
    let mut seen = HashSet::new();
    for row in data.table("consumption.csv").rows() {
        if !codes.contains(&key(&row)) {
            row.fault("code", "absent de member_codes.csv pour ce membre", faults);
        }
        if !seen.insert((key(&row), row.text("month"))) {
            row.fault("month", "deux lignes pour le même mois et le même code", faults);
        }
        if chrono::NaiveDate::parse_from_str(&format!("{}-01", row.text("month")), "%Y-%m-%d").is_err() {
            row.fault("month", "mois attendu, sous la forme 2026-10", faults);
        }
        if !row.text("amount_cents").is_empty() {
            row.whole("amount_cents", faults);
        }
    }
}

fn check_open_orders(data: &Data, faults: &mut Faults) {
    let sold: HashSet<[&str; 4]> = data
        .table("prices.csv")
        .rows()
        .map(|row| ["agreement_key", "lot_number", "article_key", "packaging_code"].map(|column| row.text(column)))
        .collect();
    for row in data.table("open_orders.csv").rows() {
        let pack = ["agreement_key", "lot_number", "article_key", "packaging_code"].map(|column| row.text(column));
        if !sold.contains(&pack) {
            row.fault("article_key", "sans prix dans ce lot et ce conditionnement (prices.csv)", faults);
        }
        let units = |column| row.text(column).parse::<i64>().unwrap_or(0);
        if units("delivered_units") > units("ordered_units") {
            row.fault("delivered_units", "plus que commandé", faults);
        }
        if kit::money::parse_unit_price(row.text("unit_price")).is_err() {
            row.fault("unit_price", "prix attendu, comme 0.1234 : pas négatif, six décimales au plus", faults);
        }
    }
}

/// Sends the members' own codes of a group and what they consumed, as a hospital would extract them: a file with own codes.
///
/// # Errors
/// When something is refused.
pub async fn consumption(api: &Api, data: &Data, ids: &Ids, people: &People, group: &str) -> anyhow::Result<()> {
    let officer = &people.officers[group];
    let base = format!("/v1/groups/{}/opening", ids.groups[group]);
    for (file, path, columns) in [
        ("member_codes.csv", "codes", &["party_key", "code", "article_key", "label"][..]),
        (
            "consumption.csv",
            "consumption",
            &["party_key", "code", "month", "units", "amount_cents", "as_of", "source"][..],
        ),
    ] {
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record(columns.iter().map(|column| match (path, *column) {
            (_, "party_key") => "member",
            (_, "article_key") | ("consumption", "code") => "article",
            (_, other) => other,
        }))?;
        let mut count = 0;
        for row in data.table(file).rows().filter(|row| row.text("group_key") == group) {
            count += 1;
            csv.write_record(columns.iter().map(|column| match *column {
                "party_key" | "article_key" => format!("key:{}", row.text(column)),
                column => row.text(column).to_owned(),
            }))?;
        }
        if count > 0 {
            let file = csv.into_inner().map_err(|error| anyhow::anyhow!("{error}"))?;
            api.try_post_csv(officer, &format!("{base}/{path}/file"), file).await??;
        }
    }
    Ok(())
}

/// Enters what a group's members had on order.
///
/// # Errors
/// When something is refused.
pub async fn orders(api: &Api, data: &Data, ids: &Ids, people: &People, group: &str) -> anyhow::Result<()> {
    let officer = &people.officers[group];
    let whole = |row: &Row<'_>, column: &str| row.text(column).parse::<i64>().unwrap_or(0);
    let rows: Vec<Value> = data
        .table("open_orders.csv")
        .rows()
        .filter(|row| row.text("group_key") == group)
        .map(|row| {
            json!({ "member": format!("key:{}", row.text("party_key")), "site": format!("key:{}", row.text("site_key")),
                "agreement": format!("key:{}", row.text("agreement_key")), "lot_number": whole(&row, "lot_number"),
                "article": format!("key:{}", row.text("article_key")), "packaging_code": row.text("packaging_code"),
                "ordered_units": whole(&row, "ordered_units"), "delivered_units": whole(&row, "delivered_units"),
                "unit_price": row.text("unit_price"), "ordered_on": row.text("ordered_on"), "number": row.text("number"),
                "as_of": row.text("as_of"), "source": row.text("source") })
        })
        .collect();
    let path = format!("/v1/groups/{}/opening/open-orders", ids.groups[group]);
    for (index, rows) in rows.chunks(ROWS).enumerate() {
        api.post(officer, &path, &format!("open-orders/{group}/{index}"), &json!(rows)).await?;
    }
    Ok(())
}

/// Enters what a group's lots had consumed, member by member.
///
/// # Errors
/// When something is refused.
pub async fn lots(api: &Api, data: &Data, ids: &Ids, people: &People, group: &str) -> anyhow::Result<()> {
    let officer = &people.officers[group];
    let of_group: HashSet<&str> = data
        .table("agreements.csv")
        .rows()
        .filter(|row| row.text("group_key") == group)
        .map(|row| row.text("key"))
        .collect();
    let rows: Vec<Value> = data
        .table("lot_consumption.csv")
        .rows()
        .filter(|row| of_group.contains(row.text("agreement_key")))
        .map(|row| {
            json!({ "agreement": format!("key:{}", row.text("agreement_key")),
                "lot_number": row.text("lot_number").parse::<i64>().unwrap_or(0),
                "member": format!("key:{}", row.text("party_key")),
                "amount_cents": row.text("amount_cents").parse::<i64>().unwrap_or(0), "as_of": row.text("as_of"),
                "source": row.text("source") })
        })
        .collect();
    let path = format!("/v1/groups/{}/opening/lot-consumption", ids.groups[group]);
    for (index, rows) in rows.chunks(ROWS).enumerate() {
        api.post(officer, &path, &format!("lot-consumption/{group}/{index}"), &json!(rows)).await?;
    }
    Ok(())
}
