//! Which code may know what (`style.md`: dependency direction), read from the sources.

use std::{
    fs,
    path::{Path, PathBuf},
};

use e2e::root;

const SERVICES: [&str; 5] = ["membership", "catalogue", "tendering", "demand", "logistics"];

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
}

fn files(dirs: &[PathBuf]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for dir in dirs {
        if dir.is_file() { found.push(dir.clone()) } else { sources(dir, &mut found) }
    }
    assert!(!found.is_empty(), "no sources in {dirs:?}");
    found.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// The code of a file without its inline tests.
fn code(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

#[test]
fn rules_are_pure_without_transport_storage_time_or_chance() {
    for service in SERVICES {
        let src = root().join("services").join(service).join("src");
        for (path, text) in files(&[src.join("domain"), src.join("domain.rs")]) {
            for word in [
                "sqlx",
                "tonic",
                "prost",
                "proto::",
                "tokio",
                "async fn",
                "technical_now",
                "rand::",
                "Id::new(",
                "now_v7",
            ] {
                assert!(!code(&text).contains(word), "{} uses {word}", path.display());
            }
            let wild = code(&text).lines().find(|line| line.trim_start().starts_with("_ =>"));
            assert!(wild.is_none(), "{} has a wildcard arm: decide every case", path.display());
        }
    }
}

#[test]
fn a_service_knows_no_other_service_and_the_gateway_knows_no_database() {
    for service in SERVICES {
        let manifest = fs::read_to_string(root().join("services").join(service).join("Cargo.toml")).unwrap();
        for other in SERVICES.iter().filter(|other| **other != service) {
            assert!(!manifest.lines().any(|line| line.starts_with(*other)), "{service} depends on {other}");
        }
    }
    let gateway = fs::read_to_string(root().join("gateway/Cargo.toml")).unwrap();
    assert!(!gateway.contains("sqlx"), "the gateway reads no database");
    let kit = fs::read_to_string(root().join("services/kit/Cargo.toml")).unwrap();
    for service in SERVICES {
        assert!(!kit.lines().any(|line| line.starts_with(service)), "kit depends on {service}");
    }
}

#[test]
fn sql_stands_in_stores_only() {
    for service in SERVICES {
        let src = root().join("services").join(service).join("src");
        for (path, text) in files(&[src.join("app"), src.join("app.rs"), src.join("grpc.rs")]) {
            for word in ["sqlx::query", "SELECT ", "INSERT INTO"] {
                assert!(!code(&text).contains(word), "{} holds SQL ({word})", path.display());
            }
        }
    }
}

#[test]
fn one_function_picks_the_grpc_code_and_one_the_http_status() {
    let dirs: Vec<PathBuf> = SERVICES.iter().map(|service| root().join("services").join(service).join("src")).collect();
    for (path, text) in files(&dirs) {
        for word in [
            "Status::new(",
            "Status::invalid_argument",
            "Status::not_found",
            "Status::internal",
            "Status::permission_denied",
        ] {
            assert!(!code(&text).contains(word), "{} picks a gRPC code ({word})", path.display());
        }
    }
}

#[test]
fn files_stay_small_enough_to_know_by_heart() {
    let mut dirs: Vec<PathBuf> =
        ["services", "gateway", "infra/tools", "proto/src", "tests"].iter().map(|dir| root().join(dir)).collect();
    dirs.push(root().join("proto/build.rs"));
    for (path, text) in files(&dirs) {
        let lines = text.lines().count();
        assert!(lines <= 700, "{} has {lines} lines", path.display());
    }
}
