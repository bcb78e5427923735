//! The OpenAPI 3.1 document: generated from the handlers by utoipa, completed here with what holds for all routes, so that
//! no handler can forget it: who may call (from the access table), path parameters, the headers of changes, problems.

use axum::{Json, http::header, response::IntoResponse};
use serde_json::{Map, Value, json};
use utoipa::{PartialSchema as _, ToSchema, openapi::OpenApi};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::{
    access::{self, Gate},
    problem::ProblemBody,
};

/// The methods that OpenAPI knows and we use.
const METHODS: [&str; 4] = ["get", "post", "patch", "delete"];
/// POST routes that change nothing, or are idempotent by what they carry.
const WITHOUT_KEY: [&str; 11] = [
    "/oauth2/token",
    "/v1/parties/lookup",
    "/v1/sites/lookup",
    "/v1/groups/{group_id}/entitlements",
    "/v1/groups/{group_id}/member-changes/preview",
    "/v1/groups/{group_id}/members/file",
    "/v1/groups/{group_id}/rounds/{round_id}/needs/file",
    "/v1/groups/{group_id}/opening/codes/file",
    "/v1/groups/{group_id}/opening/consumption/file",
    "/v1/groups/{group_id}/opening/lot-consumption/file",
    "/v1/groups/{group_id}/opening/open-orders/file",
];
/// Reads that answer with an entity tag.
const TAGGED: [&str; 8] = [
    "/v1/articles/{ref}",
    "/v1/groups/{group_id}/rounds/{round_id}",
    "/v1/groups/{group_id}/needs/{need_id}",
    "/v1/groups/{group_id}/plans/{plan_id}",
    "/v1/groups/{group_id}/pooled-orders/{pooled_order_id}",
    "/v1/groups/{group_id}/deliveries/{delivery_id}",
    "/v1/parties/{party_id}/orders/{pooled_order_id}",
    "/v1/parties/{party_id}/deliveries/{delivery_id}",
];
/// Changes that may say on which version they are based; PATCH and DELETE must.
const GUARDED: [&str; 6] = [
    "/v1/groups/{group_id}/consultations/{consultation_id}",
    "/v1/groups/{group_id}/consultations/{consultation_id}/publish",
    "/v1/groups/{group_id}/rounds/{round_id}/close",
    "/v1/groups/{group_id}/plans/{plan_id}/approve",
    "/v1/groups/{group_id}/pooled-orders/{pooled_order_id}/answer",
    "/v1/groups/{group_id}/deliveries/{delivery_id}/certify",
];
/// What path parameters are.
const PATH_PARAMETERS: [(&str, &str); 20] = [
    ("group_id", "`grp_…`."),
    ("party_id", "`pty_…`."),
    ("decision_id", "`dcs_…`."),
    ("mandate_id", "`mnd_…`."),
    ("invoice_id", "`inv_…`."),
    ("delegation_id", "`dlg_…`."),
    ("agreement_id", "`agr_…`."),
    ("consultation_id", "`cns_…`."),
    ("round_id", "`rnd_…`."),
    ("need_id", "`ned_…`."),
    ("snapshot_id", "`snp_…`."),
    ("plan_id", "`pln_…`."),
    ("pooled_order_id", "`por_…`."),
    ("shipment_id", "`shp_…`."),
    ("delivery_id", "`dlv_…`."),
    ("key", "Key of a group, e.g. `serenice`."),
    ("ref", "`art_…`, `key:…`, `gtin:…`, `cip13:…`, or a bare code of 13 or 14 digits."),
    ("code", "As in a problem's `type`, e.g. `version-changed`."),
    ("service", "`membership`, `catalogue`, `tendering`, `demand` or `logistics`."),
    ("rest", "A file of the page."),
];
const TAGS: [(&str, &str); 21] = [
    ("sign-in", "Tokens of the embedded issuer; any OpenID Connect issuer can be trusted beside it."),
    ("me", "Who am I, and where may I work?"),
    ("membership", "Parties, sites, groups, members and people."),
    ("governance", "Votes, decisions with their minutes, offices, mandates and commissions of a group."),
    ("contributions", "What members contribute, their invoices, and whether a group pays for itself."),
    ("rights", "Delegations of signature, buyer statuses, and how a member's standing changes."),
    ("bouquet", "Services that a group offers, its practitioners, their subscriptions, and members files."),
    ("label", "A group's charter and its quality label: criteria, audits, levels."),
    ("catalogue", "Articles with their packaging graph, and prices."),
    ("tendering", "Framework agreements, ceilings and who may buy."),
    ("opening", "What exists on the first day: dated opening figures with their source."),
    ("rounds", "Order rounds and their consolidation."),
    ("needs", "Needs, one by one, in batches and as files."),
    ("plans", "Pooled plans, explained line by line."),
    ("orders", "Pooled orders, order forms, balances and savings."),
    ("logistics", "Shipments, receipts, allocations and deliveries."),
    ("parties", "One party across its groups: a hospital's lists, a supplier's inbox, a platform's day."),
    ("audit", "The event log of every service."),
    ("problems", "What problem documents mean."),
    ("health", "Whether everything runs."),
    ("pages", "Pages for people."),
];
const DESCRIPTION: &str = "Shared procurement for groups of healthcare establishments (centrale d'achat).\n\n\
    **Sign in** with `POST /oauth2/token` and send `Authorization: Bearer …`. Who acts for several parties says for which with \
    `Centrale-Acts-For: pty_…`.\n\n\
    **Amounts** are whole cents of EUR without VAT, unit prices decimals as text with at most 6 places, quantities whole base \
    units. Times are RFC 3339 in UTC, days ISO dates. Absent fields are empty.\n\n\
    **Changes** need an `Idempotency-Key`: the same key and body give the same answer, however often they are sent. `If-Match` \
    with the `ETag` read before refuses a change of what has changed since.\n\n\
    **Lists** have 50 rows a page, 500 at most; `next_page_token` is good only for the same list, filters and person.\n\n\
    **Errors** are problem documents (RFC 9457) in French with a stable `code`, every fault of the input and the figures.\n\n\
    **Limits**: JSON bodies 1 MiB, needs files 64 MiB, minutes 10 MiB; requests end after 30 s, files after 10 min.";

/// The complete document.
#[must_use]
pub fn document(generated: &OpenApi, public_url: &str) -> Value {
    let mut document = serde_json::to_value(generated).unwrap_or_default();
    document["info"] = json!({
        "title": "Centrale",
        "version": env!("CARGO_PKG_VERSION"),
        "description": DESCRIPTION,
        "license": { "name": "EUPL-1.2", "identifier": "EUPL-1.2" },
    });
    document["servers"] = json!([{ "url": public_url }]);
    document["tags"] = TAGS.iter().map(|(name, text)| json!({ "name": name, "description": text })).collect();
    document["security"] = json!([{ "bearer": [] }]);
    complete_components(&mut document["components"]);
    if let Some(paths) = document["paths"].as_object_mut() {
        for (path, item) in paths {
            for method in METHODS {
                if let Some(operation) = item.get_mut(method).and_then(Value::as_object_mut) {
                    complete(path, method, operation);
                }
            }
        }
    }
    document
}

fn complete_components(components: &mut Value) {
    let mut schemas = Vec::new();
    ProblemBody::schemas(&mut schemas);
    for (name, schema) in schemas {
        components["schemas"][name] = serde_json::to_value(schema).unwrap_or_default();
    }
    components["schemas"]["Problem"] = serde_json::to_value(ProblemBody::schema()).unwrap_or_default();
    components["responses"]["Problem"] = json!({
        "description": "A problem document (RFC 9457), in French; `code` is stable.",
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
    });
    components["securitySchemes"] = json!({
        "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
    });
    components["headers"]["ETag"] = json!({
        "description": "Version, for `If-Match` and `If-None-Match`.",
        "schema": { "type": "string", "examples": ["\"7\""] },
    });
}

fn complete(path: &str, method: &str, operation: &mut Map<String, Value>) {
    let gate = access::gate(&method.to_uppercase(), path).unwrap_or(Gate::Public);
    let described = match operation.get("description").and_then(Value::as_str) {
        Some(text) if !text.is_empty() => format!("{text}\n\n{}", gate.described()),
        Some(_) | None => gate.described(),
    };
    operation.insert("description".into(), described.into());
    if gate == Gate::Public {
        operation.insert("security".into(), json!([]));
    }
    add_parameters(path, method, gate, operation);
    add_responses(path, method, operation);
}

fn add_parameters(path: &str, method: &str, gate: Gate, operation: &mut Map<String, Value>) {
    let mut parameters: Vec<Value> = path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| {
            let described = PATH_PARAMETERS.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text);
            json!({ "name": name, "in": "path", "required": true, "description": described, "schema": { "type": "string" } })
        })
        .collect();
    if let Some(Value::Array(own)) = operation.remove("parameters") {
        parameters.extend(own);
    }
    let mut header = |name: &str, required: bool, text: &str| {
        parameters.push(json!({
            "name": name, "in": "header", "required": required, "description": text, "schema": { "type": "string" },
        }));
    };
    if method != "get" && !WITHOUT_KEY.contains(&path) {
        header("Idempotency-Key", true, "Names this change: a UUID, or any text of 1 to 200 characters.");
    }
    if matches!(method, "patch" | "delete") {
        header("If-Match", true, "`ETag` read before, or `*` for any version.");
    } else if method == "post" && GUARDED.contains(&path) {
        header("If-Match", false, "`ETag` read before; the change is refused when it has changed since.");
    } else if method == "get" && TAGGED.contains(&path) {
        header("If-None-Match", false, "`ETag` read before; 304 when it has not changed.");
    }
    if gate != Gate::Public {
        header("Centrale-Acts-For", false, "`pty_…` for which a person with several parties acts.");
    }
    if !parameters.is_empty() {
        operation.insert("parameters".into(), parameters.into());
    }
}

fn add_responses(path: &str, method: &str, operation: &mut Map<String, Value>) {
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    let tagged = (method == "get" && TAGGED.contains(&path))
        || matches!(method, "patch" | "delete")
        || (method == "post" && GUARDED.contains(&path));
    for (status, response) in responses.iter_mut() {
        if response["description"].as_str().is_none_or(str::is_empty) {
            response["description"] = match status.as_str() {
                "201" => "Created.",
                "202" => "Taken in hand.",
                _ => "Done.",
            }
            .into();
        }
        if tagged && status == "200" {
            response["headers"]["ETag"] = json!({ "$ref": "#/components/headers/ETag" });
        }
    }
    if method == "get" && TAGGED.contains(&path) {
        responses.insert("304".into(), json!({ "description": "Not changed." }));
    }
    responses.insert("default".into(), json!({ "$ref": "#/components/responses/Problem" }));
}

/// Answers with the document.
pub fn answer(document: &Value) -> impl IntoResponse + use<> {
    ([(header::CACHE_CONTROL, "public, max-age=300")], Json(document.clone()))
}

/// The readable page under `/docs`.
#[must_use]
pub fn page() -> SwaggerUi {
    SwaggerUi::new("/docs").config(Config::from("/openapi.json").doc_expansion("none").display_request_duration(true))
}
