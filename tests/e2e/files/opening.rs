//! What exists on the first day, sent as hospitals have it.

use calamine::{Data, Reader as _, Xlsx};
use serde_json::{Value, json};

use super::{Files, OFFICER, files, json_of};

async fn count(files: &Files, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&mut files.stack.superuser().await).await.unwrap()
}

/// An own code of a member that begins with a zero, and its article.
async fn own_code(files: &Files, member: &str) -> (String, String) {
    sqlx::query_as(
        "SELECT m.code, a.key FROM demand.member_code m JOIN catalogue.article a ON a.id = m.article_id
         JOIN membership.party p ON p.party_id = m.party_id JOIN membership.buying_group g ON g.group_id = m.group_id
         WHERE p.key = $1 AND g.key = 'ght' AND m.code LIKE '0%' ORDER BY m.code LIMIT 1",
    )
    .bind(member)
    .fetch_one(&mut files.stack.superuser().await)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_dry_run_says_what_matches_no_shared_article_and_changes_nothing() {
    let files = files().await;
    let (code, _) = own_code(files, "brest").await;
    let spoilt = code.trim_start_matches('0');
    let text = format!(
        "Membre;Code interne;Libellé;Mois;Quantité;Montant HT\n\
         key:brest;{code};Connu;01/2024;120;58,97\n\
         key:brest;{spoilt};Sans ses zéros;01/2024;1 200;\n\
         key:brest;INCONNU-7;Gant maison;01/2024;12;\n\
         key:brest;3,40E+12;Code perdu;01/2024;12;\n"
    );
    let before = count(files, "demand.consumption").await;
    let path = format!("{}/opening/consumption/file?as_of=2026-11-15&source=GEF%20FICTIVE", files.base);
    let (status, told) =
        files.send(OFFICER, &format!("{path}&dry_run=true"), "text/csv", text.clone().into_bytes()).await;
    let told = json_of(&told);
    assert_eq!(
        (status, &told["dry_run"], &told["error_count"], &told["unmatched_count"]),
        (200, &json!(true), &json!(3), &json!(2))
    );
    let unmatched = told["unmatched"].as_array().unwrap();
    assert_eq!(
        (&unmatched[0]["row"], &unmatched[0]["code"], &unmatched[0]["label"]),
        (&json!(2), &json!(spoilt), &json!("Sans ses zéros"))
    );
    assert!(unmatched[0]["suggestion"].as_str().unwrap().contains(&code), "{}", unmatched[0]);
    assert!(unmatched[1]["searched"].as_str().unwrap().contains("codes propres"));
    assert!(told["errors"][2]["problem"].as_str().unwrap().contains("arrondi"), "{}", told["errors"]);
    let (status, refused) = files.send(OFFICER, &path, "text/csv", text.into_bytes()).await;
    assert_eq!((status, json_of(&refused)["code"].as_str().unwrap()), (422, "OPENING_FILE_INVALID"));
    assert_eq!(count(files, "demand.consumption").await, before, "nothing was changed");
}

#[tokio::test]
async fn consumption_is_loaded_once_in_whole_and_gives_the_price_that_nobody_stated() {
    let files = files().await;
    let (_, key) = own_code(files, "quimper").await;
    let article = &files.ids.articles[&key];
    let row = |month: &str, units: i64, cents: i64| {
        json!({ "member": "key:morlaix", "article": format!("key:{key}"), "site": "key:morlaix-1", "month": month, "units": units,
            "amount_cents": cents, "as_of": "2026-11-15", "source": "GEF FICTIVE" })
    };
    let path = format!("{}/opening/consumption", files.base);
    let rows = json!([row("2023-01", 100, 1_000), row("2023-02", 300, 2_000)]);
    let told = files.api.post(OFFICER, &path, "json-1", &rows).await.unwrap();
    assert_eq!(
        (&told["added"], &told["units"], &told["amount_cents"]),
        (&json!(2), &json!(400), &json!(3_000)),
        "{told}"
    );
    let again = files.api.post(OFFICER, &path, "json-2", &rows).await.unwrap();
    assert_eq!((&again["added"], &again["unchanged"]), (&json!(0), &json!(2)), "another key, the same rows: {again}");
    let other = json!([row("2023-03", 1, 1), row("2023-01", 101, 1_000)]);
    let refused = files.api.try_post(OFFICER, &path, "json-3", &other).await.unwrap().unwrap_err();
    assert_eq!((refused.status, &refused.problem["errors"][0]["row"]), (422, &json!(2)), "{}", refused.problem);
    let months: Vec<Value> = files.api.list(OFFICER, &path, "rows").await.unwrap();
    assert!(!months.iter().any(|row| row["month"] == "2023-03"), "all or nothing");
    assert_eq!(
        months.iter().filter(|row| row["article_id"] == *article && row["month"].as_str() < Some("2024")).count(),
        2
    );
}

#[tokio::test]
async fn a_prepared_workbook_shows_own_codes_and_a_year_of_consumption_and_own_codes_are_taken_back() {
    let files = files().await;
    let (code, key) = own_code(files, "brest").await;
    let round = files.another_round("Codes propres").await;
    let path = format!("{}/rounds/{round}/needs", files.base);
    let content = files.read("demandeur.brest", &format!("{path}/template")).await;
    let mut workbook: Xlsx<_> = calamine::open_workbook_from_rs(std::io::Cursor::new(content)).unwrap();
    let sheet = workbook.worksheet_range("Besoins").unwrap();
    let titles: Vec<String> = sheet.rows().next().unwrap().iter().map(ToString::to_string).collect();
    let place = |title: &str| titles.iter().position(|known| known == title).unwrap();
    let line = sheet.rows().find(|row| row[place("Votre code article")] == Data::String(code.clone())).unwrap();
    let consumed = line[place("Consommation sur un an")].to_string();
    assert!(consumed.contains("11/2025 à 10/2026"), "with its period: {consumed}");

    let file = format!("Site;Code;Conditionnement;Quantité\nkey:brest-1;{code};UNIT;7\n");
    let (status, told) = files.send("demandeur.brest", &format!("{path}/file"), "text/csv", file.into_bytes()).await;
    assert_eq!((status, &json_of(&told)["added"]), (200, &json!(1)), "{}", String::from_utf8_lossy(&told));
    let needs =
        files.api.list("demandeur.brest", &format!("{}/needs?round_id={round}", files.base), "needs").await.unwrap();
    assert_eq!(needs[0]["article_id"], files.ids.articles[&key].as_str());

    let spoilt = code.trim_start_matches('0');
    let file = format!("Site;Code;Conditionnement;Quantité\nkey:brest-1;{spoilt};UNIT;7\n");
    let (status, told) = files.send("demandeur.brest", &format!("{path}/file"), "text/csv", file.into_bytes()).await;
    let told = json_of(&told);
    assert_eq!((status, &told["errors"][0]["column"]), (422, &json!("Code")));
    assert!(told["errors"][0]["problem"].as_str().unwrap().contains(&code), "explained, not guessed: {told}");
}

#[tokio::test]
async fn an_open_order_is_shipped_delivered_and_certified_like_any_other_and_never_reserved_again() {
    let files = files().await;
    let orders = files.api.list(OFFICER, &format!("{}/opening/open-orders", files.base), "orders").await.unwrap();
    let order = orders.iter().find(|order| order["number"] == "BRE-2026-0005").unwrap();
    assert_eq!(
        (&order["opening"]["ordered_on"], order.get("plan_id")),
        (&json!("2026-10-19"), None),
        "its own number, no plan"
    );
    let id = order["id"].as_str().unwrap();
    let expected = async || {
        let path = format!("{}/expected?pooled_order_id={id}", files.base);
        files.api.list(OFFICER, &path, "expected").await.unwrap()
    };
    let mut waiting = expected().await;
    for _ in 0..200 {
        if !waiting.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        waiting = expected().await;
    }
    assert_eq!(waiting[0]["units_open"], 624, "1 248 ordered, 624 had come: {waiting:?}");
    let shipment = json!({ "pooled_order_id": id, "destination_site_id": waiting[0]["destination_site_id"], "despatch_number": "EXP-OUV-1",
        "lines": [{ "pooled_line_id": waiting[0]["pooled_line_id"], "units": 624, "batch": "LOT-FICTIF", "expires_on": "2028-06-30" }],
        "still_to_come": [] });
    files.api.post(OFFICER, &format!("{}/shipments", files.base), "ship-opening", &shipment).await.unwrap();
    let deliveries = files.api.list(OFFICER, &format!("{}/deliveries", files.base), "deliveries").await.unwrap();
    let delivery = deliveries.iter().find(|delivery| delivery["pooled_order_id"] == id).unwrap();
    let path = format!("{}/deliveries/{}", files.base, delivery["id"].as_str().unwrap());
    let at = files.api.get(OFFICER, "/v1/clock").await.unwrap()["now"].clone();
    if delivery["state"] == "PREPARED" {
        files.api.post(OFFICER, &format!("{path}/dispatch"), "dispatch-opening", &json!({})).await.unwrap();
    }
    let proof = json!({ "signed_by": "Alix Exemple", "handed_over_at": at, "reserves": "" });
    files.api.post(OFFICER, &format!("{path}/prove"), "prove-opening", &proof).await.unwrap();
    files
        .api
        .post("receveur.brest", &format!("{path}/certify"), "certify-opening", &json!({ "lines": [] }))
        .await
        .unwrap();
    let line = async || {
        let path = format!("{}/order-lines?pooled_order_id={id}", files.base);
        files.api.list(OFFICER, &path, "lines").await.unwrap().remove(0)
    };
    let mut delivered = line().await;
    for _ in 0..200 {
        if delivered["units_delivered"] == 1_248 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        delivered = line().await;
    }
    assert_eq!(delivered["units_delivered"], 1_248, "what had come and what came: {delivered}");
    assert_eq!(
        count(files, "tendering.reservation").await,
        0,
        "its amount is in the lot's opening consumption already"
    );
    let more = json!([{ "member": "key:brest", "site": "key:brest-1", "agreement": "key:ght-med", "lot_number": 3,
        "article": "key:m-amoxicilline-acide-3533547", "packaging_code": "BOX", "ordered_units": 24_000_000, "unit_price": "9999",
        "ordered_on": "2026-10-19", "number": "BRE-TROP", "as_of": "2026-11-15", "source": "GEF FICTIVE" }]);
    let refused = files
        .api
        .try_post(OFFICER, &format!("{}/opening/open-orders", files.base), "too-much", &more)
        .await
        .unwrap()
        .unwrap_err();
    assert!(
        refused.problem["errors"][0]["problem"].as_str().unwrap().contains("déjà consommés"),
        "{}",
        refused.problem
    );
    // Other tests write meanwhile: what is being written is no finding once it is done.
    let (mut clean, mut said) = files.stack.audit().await;
    for _ in 0..20 {
        if clean {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        (clean, said) = files.stack.audit().await;
    }
    assert!(clean, "{said}");
}
