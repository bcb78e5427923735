//! From the census to the agreement, disturbed and watched.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    time::Duration,
};

use e2e::{Stack, small_season};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection};
use tools::demo::{
    api::Api,
    chain::{Chain, Step},
    clock::Clock,
    data::Data,
    setup::{self, ADMIN, Ids, People},
};

/// A price that stands nowhere else, and a word that nobody else says.
const SECRET_PRICE: &str = "7391.284613";
const SECRET_ANSWER: &str = "REPONSE-QUE-PERSONNE-NE-LIT-AVANT-L-HEURE";

/// A stack on which the small season's people, articles and last year's prices are loaded.
struct Loaded {
    api: Api,
    data: Data,
    ids: Ids,
    people: People,
    clock: Clock,
}

impl Loaded {
    async fn on(stack: &Stack) -> Self {
        let data = Data::read(&small_season()).unwrap();
        let api = Api::new(stack.var("CENTRALE_URL")).unwrap();
        api.know(ADMIN, stack.var("CENTRALE_BOOTSTRAP_ADMIN_PASSWORD"));
        let clock = Clock::new(stack.var("CENTRALE_SUPERUSER_DATABASE_URL").to_owned());
        clock.set(tools::demo::chain::begins(&data).unwrap()).await.unwrap();
        let people = People::read(&data);
        let mut ids = Ids::default();
        setup::registry(&api, &data, &mut ids, Stack::PASSWORD).await.unwrap();
        for group in ids.groups.keys() {
            setup::reference_prices(&api, &data, &ids, &people, group).await.unwrap();
        }
        Self { api, data, ids, people, clock }
    }

    fn chains(&self) -> Vec<Chain<'_>> {
        Chain::all(&self.api, &self.data, &self.ids, &self.people).unwrap()
    }
}

#[tokio::test]
async fn killing_tendering_catalogue_and_demand_at_every_step_and_doing_every_step_twice_changes_nothing() {
    let stack = Stack::start("chain", &[]).await;
    let loaded = Loaded::on(&stack).await;
    let mut chains = loaded.chains();
    let mut steps: Vec<_> = Vec::new();
    for (index, chain) in chains.iter().enumerate() {
        steps.extend(chain.timeline().into_iter().map(|(at, step)| (at, index, step)));
    }
    steps.sort();
    let mut prices = 0;
    for (at, index, step) in steps {
        loaded.clock.set(at).await.unwrap();
        let chain = &mut chains[index];
        // Before the step, and again while it is on its way.
        let killing = async {
            for pause in [0, 150, 300] {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                for process in ["tendering", "catalogue", "demand"] {
                    stack.kill(process).await;
                }
            }
        };
        let (first, ()) = tokio::join!(chain.step(step), killing);
        let first = first.unwrap_or_else(|error| panic!("{step:?}: {error:#}\n{}", stack.log("gateway")));
        let again = chain.step(step).await.unwrap_or_else(|error| panic!("{step:?} again: {error:#}"));
        // A file of needs says that it was loaded before; everything else answers to the letter.
        if step != Step::Census {
            assert_eq!(again, first, "{step:?}");
        }
        if step == Step::Sign {
            prices += first["prices"].as_array().unwrap().len();
        }
    }
    for chain in &chains {
        assert_eq!((chain.facts["consultations"], chain.facts["lots_awarded"] > 0), (1, true), "{chain:?}");
    }
    let mut superuser = stack.superuser().await;
    for (what, sql, expected) in [
        ("prices in the catalogue", "SELECT count(*) FROM catalogue.price", prices),
        ("agreements", "SELECT count(*) FROM tendering.agreement", chains.len()),
        (
            "events of signatures",
            "SELECT count(*) FROM tendering.event WHERE kind = 'tendering.consultation_signed.v1'",
            chains.len(),
        ),
        (
            "events of set prices",
            "SELECT count(*) FROM catalogue.event WHERE kind = 'catalogue.prices_set.v1'",
            chains.len(),
        ),
        ("tenders", "SELECT count(*) FROM tendering.tender", loaded.data.table("tenders.csv").rows().count()),
        ("needs", "SELECT count(*) FROM demand.need", loaded.data.table("census_needs.csv").rows().count()),
    ] {
        let found: i64 = sqlx::query_scalar(sql).fetch_one(&mut superuser).await.unwrap();
        assert_eq!(usize::try_from(found).unwrap(), expected, "{what}");
    }
    let (clean, said) = stack.audit().await;
    assert!(clean, "{said}");
}

/// Every row of every table of every service as text; bytes as hexadecimal digits, and as the characters that they are.
async fn dump(superuser: &mut PgConnection) -> String {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT relnamespace::regnamespace || '.' || relname FROM pg_class WHERE relkind = 'r'
           AND relnamespace::regnamespace::text IN ('membership', 'catalogue', 'tendering', 'demand', 'logistics', 'public')",
    )
    .fetch_all(&mut *superuser)
    .await
    .unwrap();
    assert!(tables.len() > 70, "{tables:?}");
    let mut dump = String::new();
    for format in ["hex", "escape"] {
        sqlx::query("SELECT set_config('bytea_output', $1, false)")
            .bind(format)
            .execute(&mut *superuser)
            .await
            .unwrap();
        for table in &tables {
            let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("SELECT t::text FROM {table} t")))
                .fetch_all(&mut *superuser)
                .await
                .unwrap();
            dump.extend(rows.into_iter().flat_map(|row| [row, "\n".to_owned()]));
        }
    }
    dump
}

/// How a text may stand somewhere.
fn traces() -> Vec<String> {
    [SECRET_PRICE, SECRET_ANSWER].iter().flat_map(|text| [(*text).to_owned(), hex::encode(text)]).collect()
}

/// Files below a folder that hold one of the texts.
fn files_with(dir: &Path, texts: &[String], read: &mut usize, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            files_with(&path, texts, read, found);
        } else if let Ok(bytes) = std::fs::read(&path) {
            *read += 1;
            let holds = |text: &String| bytes.windows(text.len()).any(|window| window == text.as_bytes());
            if texts.iter().any(holds) {
                found.push(path);
            }
        }
    }
}

/// A tender of everything in a consultation at the secret price, sealed for its opener.
async fn secret_tender(loaded: &Loaded, login: &str, consultation: &str) -> Vec<u8> {
    let seen = loaded.api.get(login, &format!("/v1/consultations/{consultation}")).await.unwrap();
    let lots: Vec<Value> = seen["consultation"]["lots"]
        .as_array()
        .unwrap()
        .iter()
        .map(|lot| {
            let price = |line: &Value| {
                json!({ "article_id": line["article_id"], "packaging_code": line["packaging_codes"][0],
                    "tiers": [{ "min_units": 0, "unit_price": SECRET_PRICE }] })
            };
            let prices: Vec<Value> = lot["basket"].as_array().unwrap().iter().map(price).collect();
            json!({ "lot": lot["number"], "prices": prices, "answers": { "QUAL": SECRET_ANSWER, "ENV": SECRET_ANSWER } })
        })
        .collect();
    let opener: age::x25519::Recipient = seen["consultation"]["opener_key"].as_str().unwrap().parse().unwrap();
    age::encrypt(&opener, json!({ "lots": lots }).to_string().as_bytes()).unwrap()
}

/// What every person of the folder is shown on every route about consultations and the log.
async fn routes_show(loaded: &Loaded, consultation: &str) -> Vec<(String, String)> {
    let mut shown = Vec::new();
    let logins: HashSet<&str> = loaded.data.table("grants.csv").rows().map(|row| row.text("login")).collect();
    let mut paths = vec!["/v1/consultations".to_owned(), format!("/v1/consultations/{consultation}")];
    for group in loaded.ids.groups.values() {
        let base = format!("/v1/groups/{group}");
        paths
            .extend(["consultations", "prices", "agreements", "events", "rounds"].map(|list| format!("{base}/{list}")));
        let here = format!("{base}/consultations/{consultation}");
        paths.extend(["", "/tenders", "/publication"].map(|rest| format!("{here}{rest}")));
    }
    paths.extend(
        loaded
            .ids
            .parties
            .values()
            .flat_map(|party| ["tenders", "agreements"].map(|list| format!("/v1/parties/{party}/{list}"))),
    );
    for login in logins {
        for path in &paths {
            if let Ok(answer) = loaded.api.try_get(login, path).await.unwrap() {
                shown.push((format!("{login} {path}"), answer.to_string()));
            }
        }
    }
    shown
}

#[tokio::test]
async fn before_opening_no_route_log_event_row_or_backup_shows_a_price_or_whose_a_tender_is() {
    let stack = Stack::start("sealed", &[("RUST_LOG", "debug")]).await;
    let loaded = Loaded::on(&stack).await;
    let mut chain = loaded.chains().into_iter().find(|chain| chain.group() == "ght").unwrap();
    let timeline = chain.timeline();
    for (at, step) in timeline.iter().filter(|(_, step)| *step < Step::Tender(0)) {
        loaded.clock.set(*at).await.unwrap();
        chain.step(*step).await.unwrap();
    }
    let (login, group) = ("fournisseur.hermine", &loaded.ids.groups["ght"]);
    let tender = secret_tender(&loaded, login, &chain.consultation).await;
    let path = format!("/v1/groups/{group}/consultations/{}/tenders", chain.consultation);
    let receipt = loaded.api.post_file(login, &path, "secret", "application/octet-stream", tender).await.unwrap();
    assert_eq!(receipt["state"], "SEALED");

    let mut superuser = stack.superuser().await;
    let rows = dump(&mut superuser).await;
    for trace in traces() {
        assert!(!rows.contains(&trace), "a row shows {trace}");
    }
    let (bidder, tender_id) = (&loaded.ids.parties["hermine"], receipt["tender_id"].as_str().unwrap());
    let shown = routes_show(&loaded, &chain.consultation).await;
    assert!(shown.len() > 100, "only {} answers", shown.len());
    for (who, answer) in &shown {
        assert!(!traces().iter().any(|trace| answer.contains(trace)), "{who} is shown a secret: {answer}");
        let own = who.starts_with(login);
        assert!(
            own || !(answer.contains(tender_id) && answer.contains(bidder.as_str())),
            "{who} is shown whose it is: {answer}"
        );
    }
    assert!(
        shown.iter().any(|(who, answer)| who.starts_with("acheteur.ght") && answer.contains(tender_id)),
        "the officer sees that there is one"
    );

    // Whatever a copy of the machine holds: data files and their journal, logs, Redis, exports.
    sqlx::query("CHECKPOINT").execute(&mut superuser).await.unwrap();
    let (mut read, mut found) = (0, Vec::new());
    files_with(stack.dir(), &traces(), &mut read, &mut found);
    assert!(read > 1_000 && found.is_empty(), "{read} files read; secrets in {found:?}");
    let (mut read, mut found) = (0, Vec::new());
    files_with(stack.dir(), &[tender_id.to_owned()], &mut read, &mut found);
    assert!(!found.is_empty(), "what is there is found: the receipt's number");
    let backup =
        tokio::process::Command::new("pg_dump").arg(stack.var("CENTRALE_SUPERUSER_DATABASE_URL")).output().await;
    if let Ok(backup) = backup
        && backup.status.success()
    {
        let text = String::from_utf8_lossy(&backup.stdout);
        assert!(text.contains("tender_chunk") && !traces().iter().any(|trace| text.contains(trace)));
    }

    // The test can find what it looks for: once opened, the price and its bidder are there.
    let opening = timeline.iter().find(|(_, step)| *step == Step::Open).unwrap().0;
    loaded.clock.set(opening).await.unwrap();
    let opened = chain.step(Step::Open).await.unwrap();
    assert_eq!(opened["opened_count"], 1, "{opened}");
    assert!(dump(&mut superuser).await.contains(SECRET_PRICE));
    let listed = loaded.api.get("acheteur.ght", &path).await.unwrap();
    assert!(listed.to_string().contains(SECRET_PRICE) && listed.to_string().contains(bidder.as_str()));
}

#[tokio::test]
async fn over_http_an_altered_tender_is_refused_at_opening_and_the_last_in_time_of_a_bidder_counts() {
    let stack = Stack::start("tenders", &[]).await;
    let loaded = Loaded::on(&stack).await;
    let mut chain = loaded.chains().into_iter().find(|chain| chain.group() == "ght").unwrap();
    let timeline = chain.timeline();
    for (at, step) in timeline.iter().filter(|(_, step)| *step < Step::Tender(0)) {
        loaded.clock.set(*at).await.unwrap();
        chain.step(*step).await.unwrap();
    }
    let path = format!("/v1/groups/{}/consultations/{}/tenders", loaded.ids.groups["ght"], chain.consultation);
    let send = async |login: &str, key: &str, file: Vec<u8>| {
        loaded.api.post_file(login, &path, key, "application/octet-stream", file).await
    };
    let good = secret_tender(&loaded, "fournisseur.ponant", &chain.consultation).await;
    let mut altered = good.clone();
    let last = altered.len() - 1;
    altered[last] ^= 1;
    send("fournisseur.aubepine", "altered", altered).await.unwrap();
    let first = send("fournisseur.ponant", "first", good.clone()).await.unwrap();
    let second = send("fournisseur.ponant", "second", good.clone()).await.unwrap();
    assert_eq!(send("fournisseur.ponant", "second", good.clone()).await.unwrap(), second, "the same answer");
    let clear = send("fournisseur.ponant", "clear", b"{\"lots\":[]}".to_vec()).await.unwrap_err();
    assert!(format!("{clear:#}").contains("TENDER_NOT_SEALED"), "{clear:#}");
    let large = send("fournisseur.ponant", "large", vec![0; 20 * 1024 * 1024 + 1]).await.unwrap_err();
    assert!(format!("{large:#}").contains("BODY_TOO_LARGE"), "{large:#}");

    let deadline: chrono::DateTime<chrono::Utc> = "2026-10-27T11:00:00Z".parse().unwrap();
    loaded.clock.set(deadline + chrono::TimeDelta::seconds(1)).await.unwrap();
    let late = send("fournisseur.hermine", "late", good).await.unwrap();
    assert_eq!(late["state"], "LATE");
    loaded.clock.set(timeline.iter().find(|(_, step)| *step == Step::Open).unwrap().0).await.unwrap();
    let opened = chain.step(Step::Open).await.unwrap();
    assert_eq!((&opened["opened_count"], &opened["unreadable_count"]), (&json!(1), &json!(1)), "{opened}");
    let listed = loaded.api.list("acheteur.ght", &path, "tenders").await.unwrap();
    let state = |receipt: &Value| {
        let of = |tender: &&Value| tender["receipt"]["tender_id"] == receipt["tender_id"];
        listed.iter().find(of).unwrap()["state"].clone()
    };
    assert_eq!((state(&first), state(&second), state(&late)), (json!("REPLACED"), json!("OPENED"), json!("LATE")));
    let (clean, said) = stack.audit().await;
    assert!(clean, "{said}");
}
