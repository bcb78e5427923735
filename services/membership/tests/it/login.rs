//! The embedded issuer: logins, tokens, keys, the first administrator.

use std::collections::HashSet;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use kit::{Caller, Role, Scope};
use membership::{
    password::Passwords,
    upkeep::{FirstAdministrator, sweep_failures_once, try_create_administrator},
};
use proto::membership::v1::{
    GetIssuerKeysRequest, IssueTokenRequest, Person, RegisterPeopleRequest, ResolvePersonRequest, Role as PersonRole,
    membership_service_server::MembershipService,
};
use serde_json::Value;
use sqlx::Connection as _;

use crate::support::{ISSUER, World, administrator, gateway, reason, refusal, request_id};

const PASSWORD: &str = "correct horse battery";

fn credentials(login: &str, password: &str) -> IssueTokenRequest {
    IssueTokenRequest { login: login.into(), password: password.into(), audience: "centrale".into() }
}

/// A world with one person; gives its id too.
async fn world() -> (World, String) {
    let world = World::new().await;
    let person = Person {
        login: "camille".into(),
        name: "Camille Exemple".into(),
        password: PASSWORD.into(),
        ..Person::default()
    };
    let request = RegisterPeopleRequest { request_id: request_id(), people: vec![person] };
    let id = world.app.register_people(&administrator(), request).await.unwrap().people[0].id.clone();
    (world, id)
}

async fn keys(world: &World) -> JwkSet {
    let reply = world.app.get_issuer_keys(&gateway(), GetIssuerKeysRequest {}).await.unwrap();
    serde_json::from_str(&reply.jwks_json).unwrap()
}

async fn token(world: &World) -> String {
    world.app.issue_token(&gateway(), credentials("camille", PASSWORD)).await.unwrap().access_token
}

fn kid(token: &str) -> String {
    jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
}

/// As the gateway would, with what is published.
fn verify(token: &str, keys: &JwkSet) -> Value {
    let key = DecodingKey::from_jwk(keys.find(&kid(token)).expect("a published key")).unwrap();
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&["centrale"]);
    validation.set_issuer(&[ISSUER]);
    jsonwebtoken::decode::<Value>(token, &key, &validation).unwrap().claims
}

#[tokio::test]
async fn a_token_is_verified_with_the_published_keys_and_holds_nothing_personal() {
    let (world, id) = world().await;
    let reply = world.app.issue_token(&gateway(), credentials("camille", PASSWORD)).await.unwrap();
    assert_eq!(reply.expires_in_s, 8 * 3_600);
    let claims = verify(&reply.access_token, &keys(&world).await);
    let names: HashSet<&str> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, HashSet::from(["iss", "sub", "aud", "iat", "exp"]));
    assert_eq!(
        (claims["iss"].as_str(), claims["sub"].as_str(), claims["aud"].as_str()),
        (Some(ISSUER), Some(id.as_str()), Some("centrale"))
    );
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 8 * 3_600);
    let published = world.app.get_issuer_keys(&gateway(), GetIssuerKeysRequest {}).await.unwrap().jwks_json;
    let published: Value = serde_json::from_str(&published).unwrap();
    let key = published["keys"][0].as_object().unwrap();
    assert_eq!(
        key.keys().map(String::as_str).collect::<HashSet<_>>(),
        HashSet::from(["kty", "crv", "alg", "use", "kid", "x"])
    );
    assert_eq!(
        (key["kty"].as_str(), key["crv"].as_str(), key["use"].as_str()),
        (Some("OKP"), Some("Ed25519"), Some("sig"))
    );
}

#[tokio::test]
async fn an_unknown_login_is_refused_like_a_wrong_password() {
    let (world, _) = world().await;
    let wrong = world
        .app
        .issue_token(&gateway(), credentials("camille", "wrong horse battery"))
        .await
        .unwrap_err()
        .into_status();
    let unknown = world.app.issue_token(&gateway(), credentials("nobody", PASSWORD)).await.unwrap_err().into_status();
    assert_eq!(wrong.code(), tonic::Code::Unauthenticated);
    assert_eq!(
        (wrong.code(), wrong.message(), wrong.details()),
        (unknown.code(), unknown.message(), unknown.details())
    );
    let (reason, fields) = refusal(world.app.issue_token(&gateway(), IssueTokenRequest::default()).await);
    assert_eq!((reason.as_str(), fields.len()), ("INVALID_INPUT", 3));
}

#[tokio::test]
async fn ten_failures_lock_a_login_that_exists_and_one_that_does_not() {
    let (world, _) = world().await;
    for login in ["camille", "nobody"] {
        for _ in 0..10 {
            assert_eq!(
                reason(world.app.issue_token(&gateway(), credentials(login, "wrong horse battery")).await),
                "LOGIN_REFUSED"
            );
        }
        let failure = world.app.issue_token(&gateway(), credentials(login, PASSWORD)).await.unwrap_err();
        assert_eq!(failure.reason(), "LOGIN_LOCKED", "{login}, even with the right password");
        let wait: i64 = failure.metadata()["retry_after_s"].parse().unwrap();
        assert!((840..=900).contains(&wait), "{wait}");
        assert_eq!(failure.into_status().code(), tonic::Code::ResourceExhausted);
    }
    assert_eq!(world.count("SELECT count(*) FROM login_failure").await, 20, "a locked login is not tried");
    world.tamper("UPDATE login_failure SET failed_at = failed_at - interval '16 minutes'").await;
    token(&world).await;
    assert_eq!(sweep_failures_once(&world.test.db).await.unwrap(), 20);
    assert_eq!(world.count("SELECT count(*) FROM login_failure").await, 0);
}

#[tokio::test]
async fn many_tries_at_once_pass_the_lock_by_no_more_than_the_cores_of_a_process() {
    let (world, _) = world().await;
    let calls: Vec<_> = (0..60)
        .map(|_| {
            let app = world.app.clone();
            tokio::spawn(async move {
                app.issue_token(&gateway(), credentials("camille", "wrong horse battery")).await.unwrap_err().reason()
            })
        })
        .collect();
    let mut tried = 0;
    for call in calls {
        if call.await.unwrap() == "LOGIN_REFUSED" {
            tried += 1;
        }
    }
    let cores = std::thread::available_parallelism().unwrap().get();
    assert!((10..10 + cores).contains(&tried), "{tried} tries");
}

#[tokio::test]
async fn right_logins_at_once_do_not_lock() {
    let (world, id) = world().await;
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let app = world.app.clone();
            tokio::spawn(async move {
                app.issue_token(&gateway(), credentials("camille", PASSWORD)).await.unwrap().access_token
            })
        })
        .collect();
    let keys = keys(&world).await;
    for call in calls {
        assert_eq!(verify(&call.await.unwrap(), &keys)["sub"], id.as_str());
    }
}

#[tokio::test]
async fn a_new_password_opens_a_locked_login() {
    let (world, _) = world().await;
    for _ in 0..10 {
        assert_eq!(
            reason(world.app.issue_token(&gateway(), credentials("camille", "wrong horse battery")).await),
            "LOGIN_REFUSED"
        );
    }
    let person = Person {
        login: "Camille".into(),
        name: "Camille".into(),
        password: "quite another secret".into(),
        ..Person::default()
    };
    let request = RegisterPeopleRequest { request_id: request_id(), people: vec![person] };
    world.app.register_people(&administrator(), request).await.unwrap();
    world.app.issue_token(&gateway(), credentials("camille", "quite another secret")).await.unwrap();
}

#[tokio::test]
async fn only_the_gateway_asks_for_tokens_keys_and_people() {
    let (world, id) = world().await;
    for caller in [administrator(), Caller::service("demand", Scope::Deployment)] {
        assert_eq!(reason(world.app.issue_token(&caller, credentials("camille", PASSWORD)).await), "ROLE_NOT_ALLOWED");
        assert_eq!(reason(world.app.get_issuer_keys(&caller, GetIssuerKeysRequest {}).await), "ROLE_NOT_ALLOWED");
        let request = ResolvePersonRequest { issuer: ISSUER.into(), subject: id.clone() };
        assert_eq!(reason(world.app.resolve_person(&caller, request).await), "ROLE_NOT_ALLOWED");
    }
    // Through gRPC, with statements: none, one that a service makes for a person, and the gateway's own.
    let bare = tonic::Request::new(credentials("camille", PASSWORD));
    assert_eq!(
        MembershipService::issue_token(&world.app, bare).await.unwrap_err().code(),
        tonic::Code::Unauthenticated
    );
    let request = world.keys.request(
        &Caller::service("demand", Scope::Deployment),
        "membership",
        credentials("camille", PASSWORD),
    );
    assert_eq!(
        MembershipService::issue_token(&world.app, request).await.unwrap_err().code(),
        tonic::Code::PermissionDenied
    );
    let request = world.keys.request(&gateway(), "demand", credentials("camille", PASSWORD));
    assert_eq!(
        MembershipService::issue_token(&world.app, request).await.unwrap_err().code(),
        tonic::Code::Unauthenticated
    );
    let request = world.keys.request(&gateway(), "membership", credentials("camille", PASSWORD));
    MembershipService::issue_token(&world.app, request).await.unwrap();
}

#[tokio::test]
async fn replicas_that_start_at_once_share_one_key() {
    let (world, _) = world().await;
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let app = world.replica();
            tokio::spawn(
                async move { app.get_issuer_keys(&gateway(), GetIssuerKeysRequest {}).await.unwrap().jwks_json },
            )
        })
        .collect();
    let mut published = HashSet::new();
    for call in calls {
        published.insert(call.await.unwrap());
    }
    assert_eq!(published.len(), 1, "{published:?}");
    assert_eq!(world.count("SELECT count(*) FROM issuer_key").await, 1);
}

#[tokio::test]
async fn a_key_of_age_gets_one_successor_and_both_are_valid() {
    let (world, _) = world().await;
    let old = token(&world).await;
    world
        .tamper(
            "UPDATE issuer_key SET created_at = created_at - interval '90 days', signs_from = signs_from - interval '90 days',
               expires_at = expires_at - interval '90 days'",
        )
        .await;
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let app = world.replica();
            tokio::spawn(async move { app.get_issuer_keys(&gateway(), GetIssuerKeysRequest {}).await.unwrap() })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    let published = keys(&world).await;
    assert_eq!(published.keys.len(), 2);
    let meanwhile = token(&world).await;
    assert_eq!(kid(&meanwhile), kid(&old), "the successor is not known everywhere yet");
    world.tamper("UPDATE issuer_key SET signs_from = signs_from - interval '2 hours' WHERE generation = 2").await;
    let new = token(&world).await;
    assert_ne!(kid(&new), kid(&old));
    for token in [old.as_str(), &meanwhile, &new] {
        verify(token, &published);
    }
    world.tamper("UPDATE issuer_key SET expires_at = clock_timestamp() WHERE generation = 1").await;
    assert_eq!(keys(&world).await.keys.len(), 1, "an expired key is no longer published");
}

#[tokio::test]
async fn an_issuer_whose_keys_have_all_expired_makes_a_new_one() {
    let (world, _) = world().await;
    let old = token(&world).await;
    world
        .tamper("UPDATE issuer_key SET signs_from = signs_from - interval '200 days', expires_at = clock_timestamp()")
        .await;
    let new = token(&world).await;
    assert_ne!(kid(&new), kid(&old));
    verify(&new, &keys(&world).await);
}

#[tokio::test]
async fn the_first_administrator_is_made_once_whoever_tries() {
    let world = World::new().await;
    let first = FirstAdministrator::new("Admin", PASSWORD).unwrap();
    // Nobody can write until all have come as far as that.
    let mut superuser = world.test.superuser().await;
    let mut gate = superuser.begin().await.unwrap();
    sqlx::query("LOCK TABLE person IN SHARE ROW EXCLUSIVE MODE").execute(&mut *gate).await.unwrap();
    let calls: Vec<_> = (0..5)
        .map(|_| {
            let (db, first) = (world.test.replica(), first.clone());
            tokio::spawn(async move { try_create_administrator(&db, &Passwords::new(), &first).await.unwrap() })
        })
        .collect();
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    gate.rollback().await.unwrap();
    let mut made = 0;
    for call in calls {
        made += usize::from(call.await.unwrap());
    }
    assert_eq!(made, 1);
    assert_eq!(world.count("SELECT count(*) FROM event").await, 1);
    let token = world.app.issue_token(&gateway(), credentials("admin", PASSWORD)).await.unwrap().access_token;
    let subject = verify(&token, &keys(&world).await)["sub"].as_str().unwrap().to_owned();
    let request = ResolvePersonRequest { issuer: ISSUER.into(), subject };
    let grants = world.app.resolve_person(&gateway(), request).await.unwrap().grants;
    assert_eq!(grants.len(), 1);
    assert_eq!(grants[0].role(), PersonRole::Administrator);

    let later = FirstAdministrator::new("admin", "another long secret").unwrap();
    assert!(!try_create_administrator(&world.test.db, &Passwords::new(), &later).await.unwrap());
    world.app.issue_token(&gateway(), credentials("admin", PASSWORD)).await.expect("its password is its own affair");
    assert!(FirstAdministrator::new("admin", "short").is_err());
    assert!(!administrator().has(&[Role::Service]));
}
