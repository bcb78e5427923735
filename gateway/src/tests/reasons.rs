//! Every reason that a service can give has a French text, and every figure of a text is one that somebody gives.

use std::{collections::BTreeSet, path::Path};

use crate::texts::FRENCH;

fn sources(dir: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(std::fs::read_to_string(&path).unwrap());
        }
    }
}

fn all_sources() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = Vec::new();
    sources(&root.join("services"), &mut found);
    sources(&root.join("gateway/src"), &mut found);
    found
}

/// The texts in capitals within the bodies of `fn reason(&self) -> &'static str`.
fn reasons(source: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for body in source.split("fn reason(&self) -> &'static str").skip(1) {
        // The body ends where the next function or the block begins.
        let body = body.split("\n    }\n").next().unwrap_or_default();
        for text in body.split('"').skip(1).step_by(2) {
            if text.len() > 2
                && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
            {
                found.insert(text.to_owned());
            }
        }
    }
    found
}

#[test]
fn every_reason_has_a_french_text() {
    let mut known: BTreeSet<_> = all_sources().iter().flat_map(|source| reasons(source)).collect();
    assert!(known.contains("CEILING_EXCEEDED") && known.contains("IF_MATCH_MISSING"), "the sources are read");
    // Given by the transport or by batches.
    known.extend(
        ["TIMED_OUT", "BUSY", "NEEDS_INVALID", "NEEDS_FILE_INVALID", "OPENING_INVALID", "OPENING_FILE_INVALID"]
            .map(str::to_owned),
    );
    let missing: Vec<_> = known.iter().filter(|reason| !FRENCH.problems.contains_key(*reason)).collect();
    assert!(missing.is_empty(), "gateway/texts/fr.json lacks {missing:?}");
    let unused: Vec<_> = FRENCH.problems.keys().filter(|reason| !known.contains(*reason)).collect();
    assert!(unused.is_empty(), "gateway/texts/fr.json has texts that nobody gives: {unused:?}");
}

#[test]
fn every_figure_of_a_text_is_given_by_somebody() {
    let sources = all_sources().join("\n");
    for (reason, text) in &FRENCH.problems {
        for figure in text.detail.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
            assert!(sources.contains(&format!("(\"{figure}\"")), "{reason}: nobody gives {{{figure}}}");
        }
    }
}
