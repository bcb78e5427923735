//! Requests through all layers.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, Response, header},
};
use kit::{
    Failure,
    error::CommonError,
    id::{GroupId, NeedId, PartyId, PersonId, RoundId},
    identity::{Caller, Role, Scope},
};
use proto::{
    common::v1::RowError,
    demand::v1::{self as pb, import_needs_request::Part},
    membership::v1::{self as people, GetIssuerKeysResponse, ResolvePersonResponse},
};
use serde_json::{Value, json};
use tonic::Status;
use tower::ServiceExt as _;

use super::stub::{Addresses, Keys, Stub};

const DEMAND: &str = "centrale.demand.v1.DemandService";

/// A group, a requester of one of its members, a supplier, and stubs of membership and demand.
pub(super) struct World {
    pub(super) keys: Keys,
    pub(super) addresses: Addresses,
    group: GroupId,
    pub(super) member: PartyId,
    requester: PersonId,
    supplier: PersonId,
}

impl World {
    pub(super) async fn new() -> Self {
        let keys = Keys::new();
        let (group, member, requester, supplier) = (GroupId::new(), PartyId::new(), PersonId::new(), PersonId::new());
        let jwks = keys.jwks();
        let membership = Stub::new("membership", &keys)
            .unary(
                "centrale.membership.v1.MembershipService/GetIssuerKeys",
                move |_, _: people::GetIssuerKeysRequest| Ok(GetIssuerKeysResponse { jwks_json: jwks.clone() }),
            )
            .unary(
                "centrale.membership.v1.MembershipService/ResolvePerson",
                move |caller: Caller, asked: people::ResolvePersonRequest| {
                    assert_eq!(caller.subject, "service:gateway");
                    let grant = if asked.subject == requester.to_string() {
                        let role = people::Role::MemberRequester.into();
                        people::Grant { role, group_id: group.to_string(), party_id: member.to_string() }
                    } else if asked.subject == supplier.to_string() {
                        let role = people::Role::Supplier.into();
                        people::Grant { role, group_id: String::new(), party_id: PartyId::new().to_string() }
                    } else {
                        return Err(Failure::not_found("person", asked.subject).into());
                    };
                    Ok(ResolvePersonResponse { person_id: asked.subject, name: "Camille".into(), grants: vec![grant] })
                },
            )
            .unary("centrale.membership.v1.MembershipService/ListSites", |_, asked: people::ListSitesRequest| {
                let site = people::Site {
                    party_id: asked.party_id,
                    name: "Hôpital Nord".into(),
                    finess: "060780239".into(),
                    ..Default::default()
                };
                Ok(people::ListSitesResponse { sites: vec![site], next_after: String::new() })
            })
            .unary(
                "centrale.membership.v1.MembershipService/BatchGetParties",
                |_, _: people::BatchGetPartiesRequest| Ok(people::BatchGetPartiesResponse::default()),
            );
        let mut addresses = Addresses::nowhere();
        membership.start(&mut addresses).await;
        Self { keys, addresses, group, member, requester, supplier }
    }

    pub(super) async fn with(mut self, stub: impl FnOnce(Stub) -> Stub) -> Self {
        stub(Stub::new("demand", &self.keys)).start(&mut self.addresses).await;
        self
    }

    pub(super) fn gateway(&self) -> Router {
        self.keys.gateway(&self.addresses)
    }

    pub(super) fn request(&self, method: &str, path: &str) -> axum::http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.keys.token(&self.requester.to_string())))
    }

    pub(super) fn supplier_token(&self) -> String {
        self.keys.token(&self.supplier.to_string())
    }

    pub(super) fn path(&self, rest: &str) -> String {
        format!("/v1/groups/{}/{rest}", self.group)
    }
}

pub(super) async fn json_of(response: Response<Body>) -> Value {
    serde_json::from_slice(&to_bytes(response.into_body(), 10_000_000).await.unwrap()).unwrap()
}

async fn code_of(response: Response<Body>) -> (u16, String) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json", "{status}");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    let body = json_of(response).await;
    assert_eq!(body["status"], status);
    assert!(!body["detail"].as_str().unwrap().is_empty());
    (status, body["code"].as_str().unwrap().to_owned())
}

async fn problem(router: &Router, request: Request<Body>) -> (u16, String) {
    code_of(router.clone().oneshot(request).await.unwrap()).await
}

fn need(id: &str, version: i64) -> pb::Need {
    pb::Need { id: id.to_owned(), version, quantity: 4, units: 120, ..Default::default() }
}

#[tokio::test]
async fn without_a_good_token_nothing_is_reached() {
    let world = World::new().await;
    let router = world.gateway();
    let bare = |token: Option<String>| {
        let mut request = Request::get("/v1/me");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        request.body(Body::empty()).unwrap()
    };
    assert_eq!(problem(&router, bare(None)).await, (401, "TOKEN_MISSING".into()));
    assert_eq!(problem(&router, bare(Some("nonsense".into()))).await, (401, "TOKEN_REFUSED".into()));
    let forged = Keys::new().token(&world.requester.to_string());
    assert_eq!(problem(&router, bare(Some(forged))).await, (401, "TOKEN_REFUSED".into()));
    let stranger = world.keys.token(&PersonId::new().to_string());
    assert_eq!(problem(&router, bare(Some(stranger))).await, (403, "PERSON_NOT_REGISTERED".into()));
}

#[tokio::test]
async fn a_foreign_group_a_missing_role_and_a_wrong_address_are_told_apart() {
    let world = World::new().await;
    let router = world.gateway();
    let get = |path: &str| world.request("GET", path).body(Body::empty()).unwrap();
    let foreign = format!("/v1/groups/{}/needs", GroupId::new());
    assert_eq!(problem(&router, get(&foreign)).await, (404, "NOT_FOUND".into()));
    assert_eq!(problem(&router, get(&world.path("audit/demand/events"))).await, (403, "ROLE_NOT_ALLOWED".into()));
    assert_eq!(problem(&router, get("/v1/nothing")).await, (404, "ROUTE_NOT_FOUND".into()));
    let put = world.request("PUT", &world.path("needs")).body(Body::empty()).unwrap();
    assert_eq!(problem(&router, put).await, (405, "METHOD_NOT_ALLOWED".into()));
    let supplier = Request::get(world.path("needs"))
        .header(header::AUTHORIZATION, format!("Bearer {}", world.keys.token(&world.supplier.to_string())));
    assert_eq!(problem(&router, supplier.body(Body::empty()).unwrap()).await, (404, "NOT_FOUND".into()));
}

#[tokio::test]
async fn a_change_needs_its_key_and_its_version_and_carries_both() {
    let id = NeedId::new();
    let seen: Arc<Mutex<Vec<pb::ChangeNeedRequest>>> = Arc::default();
    let kept = seen.clone();
    let world = World::new().await;
    let (group, member) = (world.group, world.member);
    let world = world
        .with(|stub| {
            stub.unary(&format!("{DEMAND}/ChangeNeed"), move |caller: Caller, asked: pb::ChangeNeedRequest| {
                assert_eq!((caller.scope, caller.acts_for), (Scope::Group(group), Some(member)));
                assert_eq!(caller.roles, [Role::MemberRequester]);
                kept.lock().unwrap().push(asked.clone());
                if asked.expected_version == 3 {
                    return Ok(pb::ChangeNeedResponse { need: Some(need(&asked.need_id, 4)) });
                }
                let stale = CommonError::VersionChanged {
                    what: "need",
                    id: asked.need_id,
                    seen: asked.expected_version,
                    now: 3,
                };
                Err(Failure::from(stale).into())
            })
        })
        .await;
    let router = world.gateway();
    let patch = |key: Option<&str>, version: Option<&str>, body: &str| {
        let mut request = world
            .request("PATCH", &world.path(&format!("needs/{id}")))
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(version) = version {
            request = request.header(header::IF_MATCH, version);
        }
        request.body(Body::from(body.to_owned())).unwrap()
    };
    let good = "{\"quantity\": 6}";
    assert_eq!(problem(&router, patch(None, Some("\"3\""), good)).await, (400, "IDEMPOTENCY_KEY_MISSING".into()));
    assert_eq!(problem(&router, patch(Some("k"), None, good)).await, (428, "IF_MATCH_MISSING".into()));
    assert_eq!(
        problem(&router, patch(Some("k"), Some("\"3\""), "{\"quantity\": \"six\"}")).await,
        (400, "BODY_INVALID".into())
    );
    assert_eq!(problem(&router, patch(Some("k"), Some("\"3\""), "{")).await, (400, "BODY_MALFORMED".into()));
    assert_eq!(problem(&router, patch(Some("k"), Some("\"2\""), good)).await, (409, "VERSION_CHANGED".into()));
    assert_eq!(seen.lock().unwrap().len(), 1, "only the last one got through");
    let answer = router.clone().oneshot(patch(Some("k"), Some("\"3\""), good)).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()[header::ETAG].to_str().unwrap()), (200, "\"4\""));
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0].request_id, seen[1].request_id, "one key, one request id");
    assert_eq!(seen[1].quantity, 6);
}

#[tokio::test]
async fn a_list_is_read_page_by_page_with_a_token_of_its_own() {
    let world = World::new().await;
    let world = world
        .with(|stub| {
            stub.unary(&format!("{DEMAND}/ListNeeds"), |_, asked: pb::ListNeedsRequest| {
                let page = asked.page.unwrap();
                let (id, next) = if page.after.is_empty() { ("ned_1", "ned_1") } else { ("ned_2", "") };
                assert_eq!((page.size, page.after.as_str()), (1, if next.is_empty() { "ned_1" } else { "" }));
                Ok(pb::ListNeedsResponse { needs: vec![need(id, 1)], next_after: next.into() })
            })
        })
        .await;
    let router = world.gateway();
    let get = async |query: &str| {
        let request =
            world.request("GET", &world.path(&format!("needs?page_size=1{query}"))).body(Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap()
    };
    let first = json_of(get("").await).await;
    let token = first["next_page_token"].as_str().unwrap().to_owned();
    assert_eq!(first["needs"][0]["id"], "ned_1");
    let second = json_of(get(&format!("&page_token={token}")).await).await;
    assert_eq!((second["needs"][0]["id"].as_str(), second.get("next_page_token")), (Some("ned_2"), None));
    let other_filter = get(&format!("&round_id=rnd_1&page_token={token}")).await;
    assert_eq!(code_of(other_filter).await, (400, "PAGE_TOKEN_INVALID".into()));
    assert_eq!(code_of(get("&rond_id=rnd_1").await).await, (400, "QUERY_MALFORMED".into()));
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let world = World::new().await;
    let world = world
        .with(|stub| {
            stub.unary(&format!("{DEMAND}/GetNeed"), |_, asked: pb::GetNeedRequest| {
                Ok(pb::GetNeedResponse { need: Some(need(&asked.need_id, 7)) })
            })
        })
        .await;
    let router = world.gateway();
    let path = world.path(&format!("needs/{}", NeedId::new()));
    let answer = router.clone().oneshot(world.request("GET", &path).body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.headers()[header::CACHE_CONTROL].to_str().unwrap()),
        (200, "private, no-cache")
    );
    let tag = answer.headers()[header::ETAG].clone();
    let again = world.request("GET", &path).header(header::IF_NONE_MATCH, tag).body(Body::empty()).unwrap();
    assert_eq!(router.clone().oneshot(again).await.unwrap().status().as_u16(), 304);
}

#[tokio::test]
async fn a_service_that_is_away_is_tried_again_with_the_same_request() {
    let tries = Arc::new(AtomicU32::new(0));
    let counted = tries.clone();
    let world = World::new().await;
    let world = world
        .with(|stub| {
            stub.unary(&format!("{DEMAND}/GetNeed"), move |_, asked: pb::GetNeedRequest| {
                match counted.fetch_add(1, Ordering::Relaxed) {
                    0 => Err(Status::unavailable("starting")),
                    _ => Ok(pb::GetNeedResponse { need: Some(need(&asked.need_id, 7)) }),
                }
            })
        })
        .await;
    let request = world.request("GET", &world.path(&format!("needs/{}", NeedId::new()))).body(Body::empty()).unwrap();
    assert_eq!(world.gateway().oneshot(request).await.unwrap().status().as_u16(), 200);
    assert_eq!(tries.load(Ordering::Relaxed), 2);
}

/// Demand that counts rows, refuses what the gateway found faulty, and finds row 2's article unknown in any file.
pub(super) async fn import(
    _: Caller,
    mut parts: tonic::Streaming<pb::ImportNeedsRequest>,
) -> Result<pb::ImportNeedsResponse, Status> {
    let mut answer = pb::ImportNeedsResponse::default();
    let mut header = None;
    while let Some(part) = parts.message().await? {
        match part.part.unwrap() {
            Part::Header(first) => header = Some(first),
            Part::Rows(rows) => {
                answer.added += i64::try_from(rows.needs.len()).unwrap();
                answer.errors.extend(rows.errors);
                for (need, row) in rows.needs.iter().zip(&rows.row_numbers) {
                    if need.article == "unknown" {
                        let (column, value) = ("article".to_owned(), need.article.clone());
                        answer.errors.push(RowError {
                            row: *row,
                            column,
                            value,
                            problem: "inconnu".into(),
                            remedy: "corrigez".into(),
                        });
                    }
                }
            }
        }
    }
    let header = header.unwrap();
    assert_eq!((header.sha256.len(), header.request_id.len()), (64, 36));
    answer.units = answer.added * 30;
    answer.error_count = i64::try_from(answer.errors.len()).unwrap();
    Ok(answer)
}

#[tokio::test]
async fn a_needs_file_is_streamed_and_a_bad_one_answers_with_every_fault_by_row_and_column() {
    let world = World::new().await;
    let world = world.with(|stub| stub.client_stream(&format!("{DEMAND}/ImportNeeds"), import)).await;
    let router = world.gateway();
    let path = world.path(&format!("rounds/{}/needs/file", RoundId::new()));
    let send = async |kind: &str, file: String| {
        let request = world.request("POST", &path).header(header::CONTENT_TYPE, kind).body(Body::from(file)).unwrap();
        router.clone().oneshot(request).await.unwrap()
    };
    let mut good = "site;article;packaging;quantity\n".to_owned();
    (0..12_345).for_each(|_| good += "s;a;BOX;2\r\n");
    let answer = json_of(send("text/csv", good).await).await;
    assert_eq!(
        answer,
        json!({"added": 12_345, "changed": 0, "withdrawn": 0, "unchanged": 0, "skipped": 0, "units": 370_350, "replayed": false})
    );

    let bad = "site;article;quantity\ns;a;12,5\ns;unknown;1\ns;3,40E+12;2\n;a;1\n";
    let answer = send("text/csv; charset=utf-8", bad.into()).await;
    assert_eq!(answer.status().as_u16(), 422);
    let body = json_of(answer).await;
    assert_eq!((body["code"].as_str(), body["error_count"].as_i64()), (Some("NEEDS_FILE_INVALID"), Some(4)));
    let mut told: Vec<_> = body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| (fault["row"].as_i64().unwrap(), fault["column"].as_str().unwrap()))
        .collect();
    told.sort_unstable();
    assert_eq!(told, [(1, "quantity"), (2, "article"), (3, "article"), (4, "site")]);

    assert_eq!(code_of(send("text/csv", "sit;article\n".into()).await).await, (422, "NEEDS_FILE_INVALID".into()));
    assert_eq!(
        code_of(send("text/csv", "site;article;quantity\n\n".into()).await).await,
        (422, "NEEDS_FILE_INVALID".into())
    );
    assert_eq!(code_of(send("application/json", "[]".into()).await).await, (415, "MEDIA_TYPE_NOT_SUPPORTED".into()));
}

#[tokio::test]
async fn faults_of_a_batch_are_told_by_row_and_field() {
    let world = World::new().await;
    let world = world
        .with(|stub| {
            stub.unary(&format!("{DEMAND}/AddNeeds"), |_, asked: pb::AddNeedsRequest| {
                assert_eq!(asked.needs.len(), 2);
                let error = RowError { row: 2, column: "site".into(), problem: "inconnu".into(), ..Default::default() };
                Ok(pb::AddNeedsResponse { needs: Vec::new(), errors: vec![error] })
            })
        })
        .await;
    let body =
        json!([{"site": "a", "article": "b", "quantity": 1}, {"site": "x", "article": "b", "quantity": 1}]).to_string();
    let request = world
        .request("POST", &world.path(&format!("rounds/{}/needs/batch", RoundId::new())))
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", "batch 1")
        .body(Body::from(body))
        .unwrap();
    let answer = world.gateway().oneshot(request).await.unwrap();
    assert_eq!(answer.status().as_u16(), 422);
    let body = json_of(answer).await;
    assert_eq!((body["errors"][0]["row"].as_i64(), body["errors"][0]["column"].as_str()), (Some(2), Some("site")));
}

#[tokio::test]
async fn a_json_body_over_one_mebibyte_is_refused() {
    let world = World::new().await;
    let request = world
        .request("POST", &world.path(&format!("rounds/{}/needs/batch", RoundId::new())))
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", "batch 1")
        .body(Body::from(vec![b' '; 1024 * 1024 + 1]))
        .unwrap();
    assert_eq!(problem(&world.gateway(), request).await, (413, "BODY_TOO_LARGE".into()));
}

#[tokio::test]
async fn public_pages_are_there_and_readiness_names_what_is_missing() {
    let world = World::new().await;
    let router = world.gateway();
    let get = async |path: &str| router.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    for (path, kind) in [
        ("/", "text/html"),
        ("/docs/", "text/html"),
        ("/openapi.json", "application/json"),
        ("/health/live", "application/json"),
        ("/problems/version-changed", "application/json"),
        ("/.well-known/openid-configuration", "application/json"),
        ("/oauth2/jwks", "application/jwk-set+json"),
    ] {
        let answer = get(path).await;
        assert_eq!(answer.status().as_u16(), 200, "{path}");
        assert!(answer.headers()[header::CONTENT_TYPE].to_str().unwrap().starts_with(kind), "{path}");
        assert!(answer.headers().contains_key(header::CONTENT_SECURITY_POLICY), "{path}");
    }
    let answer = get("/health/ready").await;
    assert_eq!(answer.headers()[header::RETRY_AFTER], "2");
    let body = json_of(answer).await;
    assert_eq!((body["code"].as_str(), body["status"].as_i64()), (Some("SERVICES_NOT_READY"), Some(503)));
    assert!(body["figures"]["services"].as_str().unwrap().contains("demand"));
    assert_eq!(code_of(get("/problems/nothing").await).await, (404, "ROUTE_NOT_FOUND".into()));
}
