//! The OpenAPI document against the access table and the rules of OpenAPI 3.1.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

use super::stub;
use crate::access::{self, Gate, TABLE};

fn document() -> Value {
    let config = stub::config(&stub::Addresses::nowhere());
    crate::router(config).unwrap().1
}

fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            found.push((method.to_uppercase(), path.clone(), operation));
        }
    }
    found
}

#[test]
fn every_documented_route_has_a_row_and_every_row_is_documented() {
    let document = document();
    let documented: BTreeSet<_> = operations(&document).into_iter().map(|(method, path, _)| (method, path)).collect();
    for (method, path) in &documented {
        assert!(access::gate(method, path).is_some(), "no row for {method} {path}");
    }
    let pages = ["/", "/docs", "/docs/", "/docs/{*rest}", "/openapi.json", "/r/{token}", "/label/{key}"];
    for row in TABLE.iter().filter(|row| !pages.contains(&row.path)) {
        assert!(
            documented.contains(&(row.method.to_owned(), row.path.to_owned())),
            "{} {} is no route",
            row.method,
            row.path
        );
    }
}

#[test]
fn every_operation_says_what_it_does_what_it_answers_and_how_it_fails() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    let mut ids = HashSet::new();
    for (method, path, operation) in operations(&document) {
        let here = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{here}: operationId twice");
        assert!(operation["summary"].as_str().is_some_and(|text| text.len() > 5), "{here}: summary");
        assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{here}: one tag");
        let tag = &operation["tags"][0];
        assert!(
            document["tags"].as_array().unwrap().iter().any(|known| known["name"] == *tag),
            "{here}: unknown tag {tag}"
        );
        let responses = operation["responses"].as_object().unwrap();
        assert_eq!(responses["default"]["$ref"], "#/components/responses/Problem", "{here}");
        let (_, success) = responses.iter().find(|(status, _)| status.starts_with('2')).expect(&here);
        assert!(success["content"].as_object().is_some_and(|content| !content.is_empty()), "{here}: what it answers");
        assert!(!success["description"].as_str().unwrap().is_empty(), "{here}: description of the answer");
    }
}

#[test]
fn parameters_are_declared_and_changes_ask_for_their_headers() {
    let document = document();
    for (method, path, operation) in operations(&document) {
        let here = format!("{method} {path}");
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let named = |place: &str, name: &str| {
            parameters.iter().filter(|p| p["in"] == place && p["name"] == name).collect::<Vec<_>>()
        };
        for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            let found = named("path", name);
            assert_eq!(found.len(), 1, "{here}: {name}");
            assert!(found[0]["description"].as_str().is_some_and(|text| !text.is_empty()), "{here}: {name}");
        }
        let all = parameters.iter().map(|p| (p["in"].to_string(), p["name"].to_string())).collect::<HashSet<_>>();
        assert_eq!(all.len(), parameters.len(), "{here}: a parameter twice");
        if matches!(method.as_str(), "PATCH" | "DELETE") {
            assert_eq!(named("header", "If-Match")[0]["required"], true, "{here}");
            assert_eq!(named("header", "Idempotency-Key")[0]["required"], true, "{here}");
        }
        let public = access::gate(&method, &path) == Some(Gate::Public);
        assert_eq!(operation["security"] == serde_json::json!([]), public, "{here}: security");
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_explains_its_fields() {
    let document = document();
    check_references(&document, &document);
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            // That of a reference that may be absent stands inside.
            let described = |value: &Value| value["description"].as_str().is_some_and(|text| !text.is_empty());
            let described =
                described(property) || property["oneOf"].as_array().is_some_and(|any| any.iter().any(described));
            assert!(described, "{name}.{field} is not described");
        }
    }
}

fn check_references(document: &Value, value: &Value) {
    match value {
        Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                let pointer = reference.strip_prefix('#').expect("local reference");
                assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
            }
            fields.values().for_each(|field| check_references(document, field));
        }
        Value::Array(items) => items.iter().for_each(|item| check_references(document, item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
