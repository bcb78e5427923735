//! OpenID Connect: whose tokens are believed. The embedded issuer's keys come from membership, those of further issuers
//! from their discovery documents. Keys are cached; an unknown `kid` fetches them again, once a minute at most.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation,
    jwk::{AlgorithmParameters, JwkSet},
};
use kit::{Failure, clock::technical_now};
use proto::membership::v1::GetIssuerKeysRequest;
use serde::{Deserialize, de::DeserializeOwned};
use tokio::{sync::Mutex, time::Instant};

use crate::{
    App,
    error::GatewayError,
    people::gateway,
    problem::Problem,
    upstream::{call, membership},
};

/// Signatures that are believed: asymmetric ones only.
const ALGORITHMS: [Algorithm; 7] = [
    Algorithm::EdDSA,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
];
/// Difference of clocks allowed, in seconds.
const LEEWAY_S: u64 = 30;
/// Least time between two successful fetches for unknown keys.
const REFRESH_EVERY: Duration = Duration::from_secs(60);
/// Least time between two failed ones.
const RETRY_EVERY: Duration = Duration::from_secs(2);
/// Keys are fetched again after so long, so that a withdrawn one is forgotten.
const KEYS_LIVE: Duration = Duration::from_secs(600);
/// How long a token found good is believed without checking its signature again: as long as its person's grants are.
const TOKENS_LIVE: Duration = Duration::from_secs(30);
/// Most tokens remembered.
const TOKENS_KEPT: usize = 10_000;
/// Longest an issuer may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Largest document read from an issuer.
const DOCUMENT_LIMIT: usize = 256 * 1024;

type HttpClient = Client<HttpsConnector<HttpConnector>, Empty<bytes::Bytes>>;

/// The issuers whose tokens are believed.
pub struct Issuers {
    audience: String,
    known: HashMap<String, Issuer>,
    http: Option<HttpClient>,
    /// Tokens found good lately: checking a signature costs more than many a request.
    good: std::sync::Mutex<HashMap<String, Good>>,
}

/// A token found good: since when, and what it says.
#[derive(Clone)]
struct Good {
    since: Instant,
    claims: Claims,
}

struct Issuer {
    source: Source,
    keys: RwLock<Arc<Keys>>,
    /// One fetch at a time: who waits finds the keys of who fetched.
    fetching: Mutex<()>,
}

#[derive(Clone, Copy)]
enum Source {
    Membership,
    Discovery,
}

#[derive(Default)]
struct Keys {
    by_kid: HashMap<String, Key>,
    fetched: Option<Instant>,
    next_try: Option<Instant>,
}

#[derive(Clone)]
struct Key {
    key: DecodingKey,
    algorithm: Option<Algorithm>,
}

/// The claims used; the others are checked by the library.
#[derive(Debug, Clone, Deserialize)]
struct Claims {
    iss: String,
    #[serde(default)]
    sub: String,
    /// Seconds since 1970; some issuers give fractions.
    #[serde(default)]
    exp: f64,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl Issuers {
    /// The embedded issuer and further ones.
    ///
    /// # Errors
    /// When the machine's certificates cannot be read, which only further issuers need.
    pub fn new(audience: &str, embedded: &str, further: &[String]) -> Result<Self, std::io::Error> {
        let mut known = HashMap::from([(embedded.to_owned(), Issuer::new(Source::Membership))]);
        for issuer in further {
            known.entry(issuer.clone()).or_insert_with(|| Issuer::new(Source::Discovery));
        }
        let http = if further.is_empty() { None } else { Some(http_client()?) };
        Ok(Self { audience: audience.to_owned(), known, http, good: std::sync::Mutex::default() })
    }

    /// Checks a token and gives its issuer and subject.
    ///
    /// # Errors
    /// `TOKEN_REFUSED`; or `UNAVAILABLE` when the embedded issuer's keys have never been fetched and cannot be now.
    pub async fn check(&self, app: &App, token: &str) -> Result<(String, String), Problem> {
        if let Some(Claims { iss, sub, .. }) = self.remembered(token, Instant::now(), technical_now().timestamp()) {
            return Ok((iss, sub));
        }
        let header = jsonwebtoken::decode_header(token).map_err(refused)?;
        let claimed: Claims = jsonwebtoken::dangerous::insecure_decode_claims(token).map_err(refused)?;
        let issuer = self.known.get(&claimed.iss).ok_or_else(|| refused("unknown issuer"))?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(refused(format!("algorithm {:?}", header.alg)));
        }
        let key = self.key(app, &claimed.iss, issuer, header.kid.as_deref()).await?;
        if key.algorithm.is_some_and(|algorithm| algorithm != header.alg) {
            return Err(refused("algorithm is not the key's"));
        }
        let claims = verify(token, &key.key, header.alg, &claimed.iss, &self.audience).map_err(refused)?;
        if claims.sub.is_empty() {
            return Err(refused("no subject"));
        }
        self.remember(token, Good { since: Instant::now(), claims: claims.clone() });
        Ok((claims.iss, claims.sub))
    }

    fn remembered(&self, token: &str, now: Instant, seconds: i64) -> Option<Claims> {
        let good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        let found = good.get(token).filter(|good| now.duration_since(good.since) < TOKENS_LIVE)?;
        ((seconds as f64) < found.claims.exp).then(|| found.claims.clone())
    }

    fn remember(&self, token: &str, found: Good) {
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        if good.len() >= TOKENS_KEPT {
            good.retain(|_, good| good.since.elapsed() < TOKENS_LIVE);
            if good.len() >= TOKENS_KEPT {
                good.clear();
            }
        }
        good.insert(token.to_owned(), found);
    }

    async fn key(&self, app: &App, name: &str, issuer: &Issuer, kid: Option<&str>) -> Result<Key, Problem> {
        if let Some(key) = issuer.snapshot().usable(kid, Instant::now()) {
            return Ok(key);
        }
        let _alone = issuer.fetching.lock().await;
        let before = issuer.snapshot();
        if let Some(key) = before.usable(kid, Instant::now()) {
            return Ok(key);
        }
        if before.may_fetch(Instant::now()) {
            let fetched = self.fetch(app, name, issuer.source).await;
            let after = match fetched {
                Ok(by_kid) => {
                    Keys { by_kid, fetched: Some(Instant::now()), next_try: Some(Instant::now() + REFRESH_EVERY) }
                }
                Err(failure) => {
                    tracing::warn!(issuer = name, error = %failure, "issuer's keys not fetched");
                    issuer.put(Keys { next_try: Some(Instant::now() + RETRY_EVERY), ..before.copy() });
                    // Known keys outlive an issuer that is away; without any, say that it is.
                    return before.find(kid).ok_or_else(|| failure.into());
                }
            };
            issuer.put(after);
        }
        issuer.snapshot().find(kid).ok_or_else(|| refused("unknown key"))
    }

    async fn fetch(&self, app: &App, name: &str, source: Source) -> Result<HashMap<String, Key>, Failure> {
        let set: JwkSet = match source {
            Source::Membership => {
                let answer =
                    call(&app.peers.membership, &gateway(), GetIssuerKeysRequest {}, |channel, request| async move {
                        membership(channel).get_issuer_keys(request).await
                    })
                    .await?;
                serde_json::from_str(&answer.jwks_json).map_err(Failure::internal)?
            }
            Source::Discovery => {
                let found: Discovery = self.get(&format!("{name}/.well-known/openid-configuration")).await?;
                if found.issuer.trim_end_matches('/') != name {
                    return Err(unavailable(format!("{name} says that it is {}", found.issuer)));
                }
                self.get(&found.jwks_uri).await?
            }
        };
        Ok(keys_of(&set))
    }

    async fn get<T: DeserializeOwned>(&self, url: &str) -> Result<T, Failure> {
        let client = self.http.as_ref().ok_or_else(|| Failure::internal("no client for further issuers"))?;
        let uri = url.parse().map_err(|error| unavailable(format!("{url}: {error}")))?;
        let document = tokio::time::timeout(PATIENCE, async {
            let response = client.get(uri).await.map_err(|error| unavailable(format!("{url}: {error}")))?;
            if !response.status().is_success() {
                return Err(unavailable(format!("{url}: {}", response.status())));
            }
            let body = Limited::new(response.into_body(), DOCUMENT_LIMIT).collect().await;
            Ok(body.map_err(|error| unavailable(format!("{url}: {error}")))?.to_bytes())
        });
        let document = document.await.map_err(|_| unavailable(format!("{url}: no answer")))??;
        serde_json::from_slice(&document).map_err(|error| unavailable(format!("{url}: {error}")))
    }
}

impl Issuer {
    fn new(source: Source) -> Self {
        Self { source, keys: RwLock::default(), fetching: Mutex::default() }
    }

    fn snapshot(&self) -> Arc<Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, keys: Keys) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }
}

impl Keys {
    /// The key of an id; a token without one means the only key.
    fn find(&self, kid: Option<&str>) -> Option<Key> {
        match kid {
            Some(kid) => self.by_kid.get(kid).cloned(),
            None if self.by_kid.len() == 1 => self.by_kid.values().next().cloned(),
            None => None,
        }
    }

    /// As [`Keys::find`], while the keys are fresh.
    fn usable(&self, kid: Option<&str>, now: Instant) -> Option<Key> {
        self.fetched.filter(|fetched| now.duration_since(*fetched) < KEYS_LIVE).and_then(|_| self.find(kid))
    }

    fn may_fetch(&self, now: Instant) -> bool {
        self.next_try.is_none_or(|at| now >= at)
    }

    fn copy(&self) -> Self {
        Self { by_kid: self.by_kid.clone(), fetched: self.fetched, next_try: self.next_try }
    }
}

fn keys_of(set: &JwkSet) -> HashMap<String, Key> {
    let mut keys = HashMap::new();
    for jwk in &set.keys {
        // A shared secret in a public document is a mistake: whoever reads it could make tokens.
        if matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_) | AlgorithmParameters::Other(_)) {
            continue;
        }
        let Ok(key) = DecodingKey::from_jwk(jwk) else { continue };
        let algorithm = jwk.common.key_algorithm.and_then(|algorithm| algorithm.to_string().parse().ok());
        keys.insert(jwk.common.key_id.clone().unwrap_or_default(), Key { key, algorithm });
    }
    keys
}

fn verify(
    token: &str,
    key: &DecodingKey,
    algorithm: Algorithm,
    issuer: &str,
    audience: &str,
) -> Result<Claims, jsonwebtoken::errors::Error> {
    let mut validation = Validation::new(algorithm);
    validation.set_audience(&[audience]);
    validation.set_issuer(&[issuer]);
    validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    validation.validate_nbf = true;
    validation.leeway = LEEWAY_S;
    Ok(jsonwebtoken::decode::<Claims>(token, key, &validation)?.claims)
}

fn http_client() -> Result<HttpClient, std::io::Error> {
    let connector = HttpsConnectorBuilder::new().with_native_roots()?.https_or_http().enable_http1().build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

fn refused(why: impl std::fmt::Display) -> Problem {
    tracing::info!(%why, "token refused");
    GatewayError::TokenRefused(why.to_string()).into()
}

fn unavailable(why: String) -> Failure {
    kit::error::CommonError::Unavailable(why).into()
}

#[cfg(test)]
mod tests {
    use kit::identity::{Signer, generate_key};
    use serde_json::json;

    use super::*;

    struct TestIssuer {
        signer: Signer,
        keys: HashMap<String, Key>,
        kid: String,
    }

    fn issuer() -> TestIssuer {
        let (pem, public) = generate_key("membership").unwrap();
        let set = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": public.x, "kid": public.kid, "alg": "EdDSA", "use": "sig"}]});
        let keys = keys_of(&serde_json::from_value(set).unwrap());
        TestIssuer { signer: Signer::from_pem("membership", &pem).unwrap(), keys, kid: public.kid }
    }

    fn checked(issuer: &TestIssuer, claims: &serde_json::Value) -> Result<Claims, jsonwebtoken::errors::Error> {
        let token = issuer.signer.sign(claims).unwrap();
        verify(&token, &issuer.keys[&issuer.kid].key, Algorithm::EdDSA, "https://c.example", "centrale")
    }

    #[test]
    fn a_token_is_believed_only_from_its_issuer_for_us_and_in_time() {
        let issuer = issuer();
        let now = technical_now().timestamp();
        let good = json!({"iss": "https://c.example", "sub": "prs_1", "aud": "centrale", "exp": now + 60});
        assert_eq!(checked(&issuer, &good).unwrap().sub, "prs_1");
        for (claim, value) in [
            ("iss", json!("https://other.example")),
            ("aud", json!("another")),
            ("exp", json!(now - 60)),
            ("nbf", json!(now + 120)),
        ] {
            let mut bad = good.clone();
            bad[claim] = value;
            assert!(checked(&issuer, &bad).is_err(), "{claim}");
        }
        for claim in ["sub", "aud", "exp", "iss"] {
            let mut bad = good.clone();
            bad.as_object_mut().unwrap().remove(claim);
            assert!(checked(&issuer, &bad).is_err(), "without {claim}");
        }
        let stranger = self::issuer();
        let token = stranger.signer.sign(&good).unwrap();
        assert!(
            verify(&token, &issuer.keys[&issuer.kid].key, Algorithm::EdDSA, "https://c.example", "centrale").is_err()
        );
    }

    #[test]
    fn a_good_token_is_remembered_for_half_a_minute_and_never_past_its_end() {
        let issuers = Issuers::new("centrale", "https://c.example", &[]).unwrap();
        let now = Instant::now();
        let claims = Claims { iss: "https://c.example".into(), sub: "prs_1".into(), exp: 1_000.0 };
        issuers.remember("token", Good { since: now, claims });
        assert!(issuers.remembered("token", now, 999).is_some());
        assert!(issuers.remembered("token", now, 1_000).is_none());
        assert!(issuers.remembered("token", now + TOKENS_LIVE, 999).is_none());
        assert!(issuers.remembered("another", now, 999).is_none());
    }

    #[test]
    fn a_shared_secret_is_no_key() {
        let set = json!({"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "a", "alg": "HS256"}]});
        assert!(keys_of(&serde_json::from_value(set).unwrap()).is_empty());
        assert!(!ALGORITHMS.contains(&Algorithm::HS256));
    }

    #[test]
    fn keys_are_fetched_again_once_a_minute_at_most_and_grow_old() {
        let now = Instant::now();
        let keys = Keys { by_kid: issuer().keys, fetched: Some(now), next_try: Some(now + REFRESH_EVERY) };
        assert!(keys.usable(None, now).is_some(), "a token without kid means the only key");
        assert!(keys.usable(Some("another"), now).is_none());
        assert!(!keys.may_fetch(now + Duration::from_secs(59)));
        assert!(keys.may_fetch(now + Duration::from_secs(60)));
        assert!(keys.usable(None, now + KEYS_LIVE).is_none());
        assert!(keys.find(None).is_some(), "old keys serve only while the issuer is away");
        assert!(Keys::default().may_fetch(now));
    }
}
