//! A folder with faults is refused as a whole, each fault by file, line and column.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::{fs, path::PathBuf};

use tools::demo::data::Data;

fn season() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/season")
}

/// A copy of the small season, with one file changed.
fn changed(name: &str, file: &str, change: impl FnOnce(String) -> String) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    for entry in fs::read_dir(season()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), dir.join(entry.file_name())).unwrap();
    }
    let text = change(fs::read_to_string(dir.join(file)).unwrap());
    fs::write(dir.join(file), text).unwrap();
    dir
}

#[test]
fn the_folders_of_the_demo_and_of_the_tests_hold_together() {
    Data::read(&season()).unwrap();
    let demo = Data::read(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../demo-data")).unwrap();
    assert!(demo.table("needs.csv").rows().count() > 10_000);
    assert!(demo.table("articles.csv").rows().filter(|row| row.text("medicine") == "false").count() >= 200);
}

#[test]
fn lines_ended_as_windows_does_are_read() {
    let dir = changed("crlf", "needs.csv", |text| text.replace('\n', "\r\n"));
    Data::read(&dir).unwrap();
    let dir = changed("crlf-fault", "needs.csv", |text| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines[4] = lines[4].replacen("2027-", "le ", 1);
        lines.join("\r\n")
    });
    let said = Data::read(&dir).unwrap_err().to_string();
    assert!(said.contains("needs.csv, ligne 5, colonne « round_key »"), "{said}");
}

#[test]
fn every_fault_is_told_at_once_by_file_line_and_column() {
    let dir = changed("faults", "needs.csv", |text| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines[1] = lines[1].replacen("BOX", "SACHET", 1).replacen("UNIT", "SACHET", 1).replacen("CARTON", "SACHET", 1);
        let cells: Vec<String> = lines[2].split(',').map(str::to_owned).collect();
        let mut broken = cells.clone();
        broken[6] = "douze".to_owned();
        broken[3] = "site-inconnu".to_owned();
        broken[8] = "31/12/2026".to_owned();
        lines[2] = broken.join(",");
        lines[3].push_str(",de trop");
        lines.join("\n")
    });
    let said = Data::read(&dir).unwrap_err().to_string();
    for expected in [
        "needs.csv, ligne 2, colonne « packaging_code », valeur « SACHET »",
        "needs.csv, ligne 3, colonne « quantity », valeur « douze »",
        "needs.csv, ligne 3, colonne « site_key », valeur « site-inconnu » : absent de sites.csv",
        "needs.csv, ligne 3, colonne « needed_by », valeur « 31/12/2026 »",
        "needs.csv, ligne 4 : 10 cellules au lieu de 9",
    ] {
        assert!(said.contains(expected), "« {expected} » is not in\n{said}");
    }
}

#[test]
fn a_missing_file_and_a_missing_column_are_named() {
    let dir = changed("missing", "lots.csv", |text| text.replacen("maximum_cents", "maximum", 1));
    fs::remove_file(dir.join("rounds.csv")).unwrap();
    let said = Data::read(&dir).unwrap_err().to_string();
    assert!(said.contains("rounds.csv : fichier illisible"), "{said}");
    assert!(said.contains("lots.csv, ligne 1 : colonnes manquantes : « maximum_cents »"), "{said}");
}

#[test]
fn a_season_that_nobody_could_act_in_is_refused_before_it_starts() {
    for (role, file, expected) in [
        ("PURCHASING_OFFICER", "grants.csv", "aucun PURCHASING_OFFICER pour le groupe"),
        ("MEMBER_REQUESTER", "grants.csv", "aucun MEMBER_REQUESTER pour"),
        ("MEMBER_RECEIVER", "grants.csv", "aucun MEMBER_RECEIVER pour"),
        ("PLATFORM_OPERATOR", "grants.csv", "aucun PLATFORM_OPERATOR pour"),
    ] {
        let dir = changed(role, file, |text| {
            text.lines().filter(|line| !line.contains(role)).map(|line| format!("{line}\n")).collect()
        });
        let said = Data::read(&dir).unwrap_err().to_string();
        assert!(said.contains(expected), "{role}: {said}");
    }
    let dir = changed("today", "today.txt", |_| "pas une date".to_owned());
    assert!(Data::read(&dir).unwrap_err().to_string().contains("today.txt"));
    let dir = changed("zero", "needs.csv", |text| {
        let mut lines: Vec<Vec<String>> =
            text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect();
        lines[1][6] = "0".to_owned();
        lines.iter().map(|cells| cells.join(",") + "\n").collect()
    });
    assert!(Data::read(&dir).unwrap_err().to_string().contains("needs.csv, ligne 2, colonne « quantity »"));
    let dir = changed("twice", "prices.csv", |text| {
        let second = text.lines().nth(1).unwrap().to_owned();
        text + &second + "\n"
    });
    assert!(Data::read(&dir).unwrap_err().to_string().contains("deux fois le même palier"));
}

#[test]
fn what_existed_before_may_be_missing_but_must_agree_with_the_rest() {
    let dir = changed("no-opening", "lots.csv", |text| text);
    for file in ["lot_consumption.csv", "member_codes.csv", "consumption.csv", "open_orders.csv"] {
        fs::remove_file(dir.join(file)).unwrap();
    }
    assert_eq!(Data::read(&dir).unwrap().table("consumption.csv").rows().count(), 0);

    let dir = changed("opening-faults", "lot_consumption.csv", |text| text.replacen("42709005", "42709006", 1));
    let edit = |file: &str, from: &str, to: &str| {
        let text = fs::read_to_string(dir.join(file)).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        fs::write(dir.join(file), text.replacen(from, to, 1)).unwrap();
    };
    edit("consumption.csv", "2026-01", "2026-13");
    edit("open_orders.csv", "1248,624", "1248,1249");
    let said = Data::read(&dir).unwrap_err().to_string();
    for expected in [
        "lots.csv, ligne 2, colonne « consumed_cents »",
        "consumption.csv, ligne 2, colonne « month », valeur « 2026-13 »",
        "colonne « delivered_units », valeur « 1249 » : plus que commandé",
    ] {
        assert!(said.contains(expected), "« {expected} » is not in\n{said}");
    }
}

#[test]
fn consultations_hold_together_from_the_census_to_the_signature() {
    let demo = Data::read(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../demo-data")).unwrap();
    assert_eq!(demo.table("tenders.csv").rows().count(), 5);
    for (file, was, is, expected) in [
        ("census_needs.csv", "FIRM", "FERME", "attendu : INDICATIVE, MINIMUM, FIRM"),
        ("census_needs.csv", "tunique-l", "tunique-xxl", "absent de articles.csv"),
        ("consultations.csv", "2026-10-28T08:00:00Z", "2026-10-20T08:00:00Z", "avant l'étape précédente"),
        ("consultations.csv", "2026-11-17T09:00:00Z", "2026-12-17T09:00:00Z", "où la saison commence"),
        ("consultations.csv", "ght-lin,", "ght-dms,", "déjà un accord-cadre"),
        ("criteria.csv", "PRICE,60", "PRICE,50", "font 90 au lieu de 100"),
        ("criteria.csv", "ENVIRONMENTAL", "QUALITY", "CCP R2152-7"),
        (
            "tenders.csv",
            "hermine,2026-10-12T14:20:00Z",
            "hermine,2026-08-12T14:20:00Z",
            "entre la publication et l'ouverture",
        ),
        ("tenders.csv", "ght-linge,hermine", "ght-linge,brest", "aucun compte SUPPLIER"),
        ("tender_prices.csv", "1.52", "1,52", "cellules au lieu de"),
        ("tender_prices.csv", "BOX,1,0,1.52", "PALLET,1,0,1.52", "conditionnement absent"),
        ("tender_answers.csv", "hermine-1,ENV", "hermine-2,ENV", "aucune réponse au critère « ENV »"),
    ] {
        let name = format!("chain-{}", expected.chars().filter(char::is_ascii_alphanumeric).collect::<String>());
        let dir = changed(&name, file, |text| text.replacen(was, is, 1));
        let said = Data::read(&dir).unwrap_err().to_string();
        assert!(said.contains(expected), "« {expected} » is not in\n{said}");
    }
    let dir = changed("no-chain", "rounds.csv", |text| text.replace("|ght-lin", ""));
    for file in ["censuses", "census_needs", "consultations", "criteria", "tenders", "tender_prices", "tender_answers"]
    {
        fs::remove_file(dir.join(format!("{file}.csv"))).unwrap();
    }
    assert_eq!(Data::read(&dir).unwrap().table("consultations.csv").rows().count(), 0, "a folder may do without");
}
