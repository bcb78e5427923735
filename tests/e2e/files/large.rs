//! A hundred thousand lines.

use std::collections::BTreeSet;

use calamine::{Data, Reader as _, Xlsx};
use sqlx::Row as _;

use super::{Files, WORKBOOK, files, json_of};

/// Lines of a file.
const LINES: i64 = 100_000;
/// Memory that is enough for each of our processes, KiB.
const ENOUGH_KIB: u64 = 256 * 1024;
/// Our processes.
const OURS: [&str; 6] = ["membership", "catalogue", "tendering", "demand", "logistics", "gateway"];

const ARTICLES: [&str; 4] = ["key:gant-nitrile-m", "key:sha-500", "key:aiguille-23", "key:compresse-10"];

/// The most that a process ever had in memory, KiB.
fn peak_kib(files: &Files, process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", files.stack.pid(process).unwrap())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The cells of a line of a member: site, article, packaging, quantity, reference.
fn cells(member: &str, articles: &[String], line: i64) -> [String; 5] {
    let article = &articles[usize::try_from(line).unwrap() % articles.len()];
    [
        format!("key:{member}-1"),
        article.clone(),
        "UNIT".to_owned(),
        (line % 9 + 1).to_string(),
        format!("{member}-{line:06}"),
    ]
}

fn csv(member: &str, articles: &[String]) -> Vec<u8> {
    let mut text = "Site de livraison;Code article;Conditionnement;Quantité;Votre référence\r\n".to_owned();
    for line in 1..=LINES {
        text += &cells(member, articles, line).join(";");
        text += "\r\n";
    }
    text.into_bytes()
}

fn workbook(member: &str, articles: &[String]) -> Vec<u8> {
    let mut workbook = rust_xlsxwriter::Workbook::new();
    let mut sheet = workbook.new_worksheet_with_constant_memory().unwrap();
    for (column, title) in
        (0..).zip(["Site de livraison", "Code article", "Conditionnement", "Quantité", "Votre référence"])
    {
        sheet.write_string(0, column, title).unwrap();
    }
    for line in 1..=LINES {
        let row = u32::try_from(line).unwrap();
        for (column, cell) in (0..).zip(cells(member, articles, line)) {
            sheet.write_string(row, column, cell).unwrap();
        }
    }
    workbook.push_worksheet(sheet);
    workbook.save_to_buffer().unwrap()
}

/// Articles of the catalogue that the files ask for.
async fn articles(files: &Files) -> Vec<String> {
    let mut known: Vec<String> = files.ids.articles.keys().map(|key| format!("key:{key}")).collect();
    known.sort_unstable();
    let wanted: Vec<String> = ARTICLES.iter().map(|key| (*key).to_owned()).filter(|key| known.contains(key)).collect();
    if wanted.len() > 1 { wanted } else { known.into_iter().take(4).collect() }
}

fn needs_path(files: &Files, round: &str) -> String {
    format!("{}/rounds/{round}/needs/file", files.base)
}

#[tokio::test]
async fn two_files_of_100_000_lines_at_once_do_not_mix_are_complete_and_fit_in_256_mib() {
    let files = files().await;
    let articles = articles(files).await;
    let round = files.another_round("Deux grands fichiers").await;
    let path = needs_path(files, &round);
    let (brest, quimper) = (csv("brest", &articles), workbook("quimper", &articles));
    let ((one, told), (other, also)) = tokio::join!(
        files.send("demandeur.brest", &path, "text/csv", brest.clone()),
        files.send("demandeur.quimper", &path, WORKBOOK, quimper.clone()),
    );
    for (status, told) in [(one, &told), (other, &also)] {
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(told));
        assert_eq!(json_of(told)["added"], LINES);
    }
    let mut superuser = files.stack.superuser().await;
    let rows = sqlx::query(
        "SELECT p.key, count(*) AS lines, count(DISTINCT n.reference) AS refs, sum(n.quantity)::bigint AS quantity,
           count(*) FILTER (WHERE n.reference NOT LIKE p.key || '-%' OR s.key <> p.key || '-1') AS strange
         FROM demand.need n JOIN membership.party p ON p.party_id = n.party_id JOIN membership.site s ON s.site_id = n.site_id
         WHERE n.round_id = $1 GROUP BY p.key ORDER BY p.key",
    )
    .bind(round.parse::<kit::id::RoundId>().unwrap())
    .fetch_all(&mut superuser)
    .await
    .unwrap();
    let quantity: i64 = (1..=LINES).map(|line| line % 9 + 1).sum();
    let seen: Vec<(String, i64, i64, i64, i64)> = rows
        .iter()
        .map(|row| (row.get("key"), row.get("lines"), row.get("refs"), row.get("quantity"), row.get("strange")))
        .collect();
    let complete = |member: &str| (member.to_owned(), LINES, LINES, quantity, 0);
    assert_eq!(seen, [complete("brest"), complete("quimper")]);

    for (login, kind, file) in [("demandeur.brest", "text/csv", brest), ("demandeur.quimper", WORKBOOK, quimper)] {
        let (status, told) = files.send(login, &path, kind, file).await;
        let again = json_of(&told);
        assert_eq!((status, &again["replayed"]), (200, &true.into()), "{again}");
    }
    let lines: i64 = sqlx::query_scalar("SELECT count(*) FROM demand.need WHERE round_id = $1")
        .bind(round.parse::<kit::id::RoundId>().unwrap())
        .fetch_one(&mut superuser)
        .await
        .unwrap();
    assert_eq!(lines, 2 * LINES, "the same files again add nothing");
    let peaks: Vec<(&str, u64)> = OURS.iter().map(|process| (*process, peak_kib(files, process))).collect();
    assert!(peaks.iter().all(|(_, peak)| *peak < ENOUGH_KIB), "KiB at most {ENOUGH_KIB}: {peaks:?}");
}

/// A line spoilt in one cell: the technical name of its column, and what stands there.
fn spoilt(line: i64, cells: &mut [String; 6]) -> (&'static str, String) {
    let (place, column, value) = match line % 7 {
        0 => (1, "Code article", "3,40E+12".to_owned()),
        1 => (1, "Code article", "400930000007".to_owned()),
        2 => (3, "Quantité", "12,5".to_owned()),
        3 => (5, "Date souhaitée", "31/02/2027".to_owned()),
        4 => (0, "Site de livraison", "60780239".to_owned()),
        5 => (2, "Conditionnement", format!("SAC{line}")),
        _ => (1, "Code article", format!("key:inconnu-{line}")),
    };
    cells[place].clone_from(&value);
    (column, value)
}

#[tokio::test]
async fn every_one_of_2_000_planted_errors_is_reported_by_cell() {
    let files = files().await;
    let articles = articles(files).await;
    let round = files.another_round("Deux mille erreurs").await;
    let header = "Site de livraison;Code article;Conditionnement;Quantité;Votre référence;Date souhaitée";
    let mut text = format!("{header}\n");
    let mut planted: BTreeSet<(i64, String, String)> = BTreeSet::new();
    for line in 1..=LINES {
        let [site, article, packaging, quantity, reference] = cells("morlaix", &articles, line);
        let mut cells = [site, article, packaging, quantity, reference, "31/01/2027".to_owned()];
        if line % 50 == 0 {
            let (column, value) = spoilt(line / 50, &mut cells);
            planted.insert((line, column.to_owned(), value));
        }
        text += &cells.join(";");
        text.push('\n');
    }
    assert_eq!(planted.len(), 2_000);
    let path = needs_path(files, &round);
    let (status, told) = files.send("demandeur.morlaix", &path, "text/csv", text.clone().into_bytes()).await;
    let told = json_of(&told);
    assert_eq!((status, &told["error_count"]), (422, &2_000.into()), "{}", told["detail"]);
    let errors = told["errors"].as_array().unwrap();
    let field = |error: &serde_json::Value, name: &str| error[name].as_str().unwrap().to_owned();
    let in_answer: BTreeSet<(i64, String, String)> = errors
        .iter()
        .map(|error| (error["row"].as_i64().unwrap(), field(error, "column"), field(error, "value")))
        .collect();
    assert!(errors.iter().all(|error| !field(error, "problem").is_empty() && !field(error, "remedy").is_empty()));
    let first: BTreeSet<_> = planted.iter().take(1_000).cloned().collect();
    assert_eq!(in_answer, first, "the first thousand are in the answer");

    let path = format!("{path}?errors=workbook");
    let (status, workbook) = files.send("demandeur.morlaix", &path, "text/csv", text.into_bytes()).await;
    assert_eq!(status, 422);
    let mut workbook: Xlsx<_> = calamine::open_workbook_from_rs(std::io::Cursor::new(workbook)).unwrap();
    let faulty = workbook.worksheet_range("Lignes en erreur").unwrap();
    let titles: Vec<String> = faulty.rows().next().unwrap().iter().map(ToString::to_string).collect();
    let mut in_file = BTreeSet::new();
    for row in faulty.rows().skip(1) {
        // As the spreadsheet counts lines: the header is its first.
        let Data::Float(number) = row[0] else { panic!("{row:?}") };
        let line = format!("{number}").parse::<i64>().unwrap() - 1;
        let (line, column, value) = planted.iter().find(|planted| planted.0 == line).unwrap().clone();
        let place = titles.iter().position(|title| *title == column).unwrap();
        assert_eq!(row[place].to_string(), value, "the cell as it was");
        let said = row.last().unwrap().to_string();
        assert!(said.contains(&value), "{value} is not told in {said}");
        in_file.insert((line, column, value));
    }
    assert_eq!(in_file, planted, "all are in the file");
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM demand.need WHERE round_id = $1")
        .bind(round.parse::<kit::id::RoundId>().unwrap())
        .fetch_one(&mut files.stack.superuser().await)
        .await
        .unwrap();
    assert_eq!(kept, 0, "a refused file changes nothing");
    let peaks: Vec<(&str, u64)> = OURS.iter().map(|process| (*process, peak_kib(files, process))).collect();
    assert!(peaks.iter().all(|(_, peak)| *peak < ENOUGH_KIB), "KiB at most {ENOUGH_KIB}: {peaks:?}");
}
