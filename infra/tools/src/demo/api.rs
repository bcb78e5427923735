//! The public HTTP API as the demo's people use it: each with a login, a token and idempotency keys. Calls that meet a
//! process being restarted are tried again with the same key, so that killing anything at any moment changes nothing.

use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow, bail};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use uuid::Uuid;

/// How long a call is tried again while processes are away.
const PATIENCE: Duration = Duration::from_secs(300);
/// A token is asked for again after so long.
const TOKEN_LIFE: Duration = Duration::from_secs(3_000);

/// A client for all the demo's people.
pub struct Api {
    http: reqwest::Client,
    base: String,
    run: Uuid,
    passwords: Mutex<HashMap<String, String>>,
    tokens: Mutex<HashMap<String, (String, Instant)>>,
}

/// An answer that is not a success.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The problem document.
    pub problem: Value,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |key: &str| self.problem.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        write!(
            f,
            "{} {} : {} {}",
            self.status,
            text("code"),
            text("detail"),
            self.problem.get("errors").unwrap_or(&Value::Null)
        )
    }
}

impl std::error::Error for Refusal {}

impl Api {
    /// A client of a gateway.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(base: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(600)).no_proxy().build()?;
        Ok(Self {
            http,
            base: base.trim_end_matches('/').to_owned(),
            run: Uuid::now_v7(),
            passwords: Mutex::default(),
            tokens: Mutex::default(),
        })
    }

    /// The whole address of a path, for people to open.
    #[must_use]
    pub fn link(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Makes a login known.
    ///
    /// # Panics
    /// Never: nobody panics while holding the lock.
    #[expect(clippy::unwrap_used, reason = "nobody panics while holding the lock")]
    pub fn know(&self, login: &str, password: &str) {
        self.passwords.lock().unwrap().insert(login.to_owned(), password.to_owned());
    }

    /// A bearer token of a login.
    ///
    /// # Errors
    /// When the login is not known or refused.
    ///
    /// # Panics
    /// Never: nobody panics while holding the locks.
    #[expect(clippy::unwrap_used, reason = "nobody panics while holding the locks")]
    pub async fn token(&self, login: &str) -> anyhow::Result<String> {
        if let Some((token, since)) = self.tokens.lock().unwrap().get(login)
            && since.elapsed() < TOKEN_LIFE
        {
            return Ok(token.clone());
        }
        let password =
            self.passwords.lock().unwrap().get(login).cloned().ok_or_else(|| anyhow!("no such login: {login}"))?;
        let body = format!("grant_type=password&username={}&password={}", encode(login), encode(&password));
        let answer = self
            .patiently(|| {
                self.http
                    .post(format!("{}/oauth2/token", self.base))
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(body.clone())
            })
            .await?
            .map_err(|refusal| anyhow!("login {login}: {refusal}"))?;
        let token = answer["access_token"].as_str().context("no access token")?.to_owned();
        self.tokens.lock().unwrap().insert(login.to_owned(), (token.clone(), Instant::now()));
        Ok(token)
    }

    /// Sends until somebody answers.
    async fn patiently<F>(&self, request: F) -> anyhow::Result<Result<Value, Refusal>>
    where
        F: Fn() -> reqwest::RequestBuilder,
    {
        let started = Instant::now();
        let mut pause = Duration::from_millis(100);
        loop {
            let why = match request().send().await {
                Ok(response) => {
                    let status = response.status();
                    let again = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
                    match response.text().await {
                        Ok(text) if !again => {
                            let value: Value = if text.is_empty() {
                                Value::Null
                            } else {
                                serde_json::from_str(&text).unwrap_or(Value::String(text))
                            };
                            return Ok(if status.is_success() {
                                Ok(value)
                            } else {
                                Err(Refusal { status: status.as_u16(), problem: value })
                            });
                        }
                        Ok(text) => format!("{status}: {text}"),
                        Err(error) => error.to_string(),
                    }
                }
                Err(error) => error.to_string(),
            };
            if started.elapsed() > PATIENCE {
                bail!("no answer after {} s: {why}", PATIENCE.as_secs());
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    async fn call(
        &self,
        method: Method,
        login: &str,
        path: &str,
        key: Option<&str>,
        content: Option<(&str, Vec<u8>)>,
    ) -> anyhow::Result<Result<Value, Refusal>> {
        let token = self.token(login).await?;
        let key = key.map(|key| format!("{}/{key}", self.run));
        self.patiently(|| {
            let mut request = self.http.request(method.clone(), format!("{}{path}", self.base)).bearer_auth(&token);
            if let Some(key) = &key {
                request = request.header("idempotency-key", key);
            }
            if let Some((kind, bytes)) = &content {
                request = request.header("content-type", *kind).body(bytes.clone());
            }
            request
        })
        .await
        .with_context(|| format!("{method} {path} ({login})"))
    }

    /// A change. `key` names it within this run.
    ///
    /// # Errors
    /// When it is refused or nobody answers.
    pub async fn post(&self, login: &str, path: &str, key: &str, body: &Value) -> anyhow::Result<Value> {
        self.try_post(login, path, key, body).await?.with_context(|| format!("POST {path} ({login})"))
    }

    /// A change that may be refused.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn try_post(
        &self,
        login: &str,
        path: &str,
        key: &str,
        body: &Value,
    ) -> anyhow::Result<Result<Value, Refusal>> {
        let bytes = serde_json::to_vec(body)?;
        self.call(Method::POST, login, path, Some(key), Some(("application/json", bytes))).await
    }

    /// Sends a file, named within this run.
    ///
    /// # Errors
    /// When it is refused or nobody answers.
    pub async fn post_file(
        &self,
        login: &str,
        path: &str,
        key: &str,
        kind: &str,
        file: Vec<u8>,
    ) -> anyhow::Result<Value> {
        self.call(Method::POST, login, path, Some(key), Some((kind, file)))
            .await?
            .with_context(|| format!("POST {path} ({login})"))
    }

    /// Sends a CSV file.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn try_post_csv(&self, login: &str, path: &str, file: Vec<u8>) -> anyhow::Result<Result<Value, Refusal>> {
        self.call(Method::POST, login, path, None, Some(("text/csv", file))).await
    }

    /// A reading.
    ///
    /// # Errors
    /// When it is refused or nobody answers.
    pub async fn get(&self, login: &str, path: &str) -> anyhow::Result<Value> {
        self.try_get(login, path).await?.with_context(|| format!("GET {path} ({login})"))
    }

    /// A reading that may be refused.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn try_get(&self, login: &str, path: &str) -> anyhow::Result<Result<Value, Refusal>> {
        self.call(Method::GET, login, path, None, None).await
    }

    /// A page for people, by its whole address; no login.
    ///
    /// # Errors
    /// When it is refused or nobody answers.
    pub async fn page(&self, address: &str) -> anyhow::Result<String> {
        self.patiently(|| self.http.get(address)).await?.map(shown).with_context(|| format!("GET {address}"))
    }

    /// Sends a form of such a page; answers the page that comes next, or the one with what is to be mended.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn submit(&self, address: &str, form: &[(String, String)]) -> anyhow::Result<Result<String, String>> {
        let pairs: Vec<String> =
            form.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        let answer = self
            .patiently(|| {
                let request = self.http.post(address).header("content-type", "application/x-www-form-urlencoded");
                request.body(pairs.join("&"))
            })
            .await?;
        Ok(answer.map(shown).map_err(|refusal| shown(refusal.problem)))
    }

    /// All pages of a list.
    ///
    /// # Errors
    /// When a page is refused or nobody answers.
    pub async fn list(&self, login: &str, path: &str, field: &str) -> anyhow::Result<Vec<Value>> {
        let mut rows = Vec::new();
        let mut token = String::new();
        loop {
            let join = if path.contains('?') { '&' } else { '?' };
            let mut page = self.get(login, &format!("{path}{join}page_size=500{token}")).await?;
            match page.get_mut(field).map(Value::take) {
                Some(Value::Array(items)) => rows.extend(items),
                _ => bail!("GET {path}: no list `{field}` in {page}"),
            }
            match page.get("next_page_token").and_then(Value::as_str) {
                Some(next) if !next.is_empty() => token = format!("&page_token={next}"),
                _ => return Ok(rows),
            }
        }
    }
}

/// A page that came where JSON might have.
fn shown(value: Value) -> String {
    match value {
        Value::String(page) => page,
        other => other.to_string(),
    }
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
