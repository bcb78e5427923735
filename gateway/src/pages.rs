//! Pages by signed keyset cursor. A page token is good only for the list, the filters and the person it was given to.

use axum::{
    extract::{FromRequestParts, Query},
    http::{Uri, request::Parts},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use proto::common::v1::Page;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use utoipa::IntoParams;

use crate::{App, error::GatewayError, problem::Problem, session::Session};

/// Rows on a page unless asked for otherwise.
const DEFAULT_SIZE: i32 = 50;
/// Most rows on a page.
const LARGEST_SIZE: i32 = 500;
/// Longest page token read.
const LONGEST_TOKEN: usize = 2_000;

/// The key that signs page tokens, the same in every replica.
#[derive(Clone)]
pub struct PageKey(Vec<u8>);

impl std::fmt::Debug for PageKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PageKey(…)")
    }
}

/// What a token says. Keys are short: tokens travel in addresses.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    /// Key of the last row seen.
    #[serde(rename = "a")]
    after: String,
    /// The list with its filters, hashed.
    #[serde(rename = "l")]
    list: String,
    /// The person, and for whom it acts.
    #[serde(rename = "s")]
    subject: String,
}

impl PageKey {
    /// From hexadecimal digits.
    ///
    /// # Errors
    /// When they are not, or fewer than 32.
    pub fn from_hex(text: &str) -> Result<Self, String> {
        let key = hex::decode(text.trim()).map_err(|error| format!("not hexadecimal: {error}"))?;
        if key.len() < 16 {
            return Err(format!("{} bytes are too few, 16 at least", key.len()));
        }
        Ok(Self(key))
    }

    fn mac(&self, body: &str) -> Result<Hmac<Sha256>, Problem> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).map_err(kit::Failure::internal)?;
        mac.update(body.as_bytes());
        Ok(mac)
    }

    /// A token for the page after a row.
    ///
    /// # Errors
    /// Only for a key that cannot be used.
    pub fn seal(&self, after: &str, list: &str, subject: &str) -> Result<String, Problem> {
        let claims = Claims { after: after.to_owned(), list: list.to_owned(), subject: subject.to_owned() };
        let body = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims).map_err(kit::Failure::internal)?);
        let signature = URL_SAFE_NO_PAD.encode(self.mac(&body)?.finalize().into_bytes());
        Ok(format!("{body}.{signature}"))
    }

    /// The row after which the page starts.
    ///
    /// # Errors
    /// `PAGE_TOKEN_INVALID` for anything that was not given for this list to this person.
    pub fn open(&self, token: &str, list: &str, subject: &str) -> Result<String, Problem> {
        let refused = |why| Problem::from(GatewayError::PageTokenInvalid(why));
        if token.len() > LONGEST_TOKEN {
            return Err(refused("too long"));
        }
        let (body, signature) = token.split_once('.').ok_or_else(|| refused("no signature"))?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| refused("signature is not base64"))?;
        self.mac(body)?.verify_slice(&signature).map_err(|_| refused("not signed by us"))?;
        let claims: Claims = URL_SAFE_NO_PAD
            .decode(body)
            .ok()
            .and_then(|json| serde_json::from_slice(&json).ok())
            .ok_or_else(|| refused("not readable"))?;
        if claims.list != list {
            return Err(refused("of another list"));
        }
        if claims.subject != subject {
            return Err(refused("of another person"));
        }
        Ok(claims.after)
    }
}

/// Which page of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// Rows wanted, 1 to 500; 50 unless given.
    #[param(minimum = 1, maximum = 500, default = 50)]
    pub page_size: Option<i32>,
    /// `next_page_token` of the page before; with the same filters.
    pub page_token: Option<String>,
}

/// No filters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoFilter {}

/// A list's page and filters, from the query. An unknown parameter is refused: a misspelt filter must not show everything.
#[derive(Debug)]
pub struct Paging<F = NoFilter> {
    /// The list's own filters.
    pub filter: F,
    size: i32,
    after: String,
    list: String,
    subject: String,
    key: PageKey,
}

impl<F> Paging<F> {
    /// The page, as services are asked for it.
    #[must_use]
    pub fn page(&self) -> Option<Page> {
        Some(Page { size: self.size, after: self.after.clone() })
    }

    /// The token of the next page, if there is one.
    ///
    /// # Errors
    /// Only for a key that cannot be used.
    pub fn next(&self, next_after: &str) -> Result<Option<String>, Problem> {
        if next_after.is_empty() {
            return Ok(None);
        }
        self.key.seal(next_after, &self.list, &self.subject).map(Some)
    }
}

impl<F: DeserializeOwned> FromRequestParts<App> for Paging<F> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let session = Session::of(parts)?;
        let (page, filters) = split_query(parts.uri.query().unwrap_or_default());
        let PageParams { page_size, page_token } = query(&page)?;
        let filter = query(&filters)?;
        let size = page_size.unwrap_or(DEFAULT_SIZE);
        if !(1..=LARGEST_SIZE).contains(&size) {
            return Err(GatewayError::QueryMalformed(format!("page_size : 1 à {LARGEST_SIZE}, pas {size}")).into());
        }
        let list = list_of(parts.uri.path(), &filters);
        let subject = session.page_subject();
        let after = match page_token.as_deref() {
            None | Some("") => String::new(),
            Some(token) => app.page_key.open(token, &list, &subject)?,
        };
        Ok(Self { filter, size, after, list, subject, key: app.page_key.clone() })
    }
}

/// Parameters outside any list.
#[derive(Debug)]
pub struct Params<F>(pub F);

impl<F: DeserializeOwned> FromRequestParts<App> for Params<F> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn query<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    let malformed = |error: &dyn std::fmt::Display| Problem::from(GatewayError::QueryMalformed(error.to_string()));
    let uri: Uri = format!("/?{text}").parse().map_err(|error| malformed(&error))?;
    Query::<T>::try_from_uri(&uri).map(|Query(value)| value).map_err(|error| malformed(&error.body_text()))
}

/// The parameters of the page, and the filters in a fixed order.
fn split_query(text: &str) -> (String, String) {
    let (page, mut filters): (Vec<&str>, Vec<&str>) = text
        .split('&')
        .filter(|pair| !pair.is_empty())
        .partition(|pair| pair.starts_with("page_size=") || pair.starts_with("page_token="));
    filters.sort_unstable();
    (page.join("&"), filters.join("&"))
}

fn list_of(path: &str, filters: &str) -> String {
    hex::encode(&Sha256::digest(format!("{path}?{filters}"))[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> PageKey {
        PageKey::from_hex(&"ab".repeat(32)).unwrap()
    }

    #[test]
    fn a_token_opens_only_for_its_list_filters_and_person() {
        let key = key();
        let list = list_of("/v1/groups/grp_1/needs", "round_id=rnd_1");
        let token = key.seal("ned_7", &list, "prs_1|pty_1").unwrap();
        assert_eq!(key.open(&token, &list, "prs_1|pty_1").unwrap(), "ned_7");
        let refused = [
            key.open(&token, &list_of("/v1/groups/grp_2/needs", "round_id=rnd_1"), "prs_1|pty_1"),
            key.open(&token, &list_of("/v1/groups/grp_1/needs", "round_id=rnd_2"), "prs_1|pty_1"),
            key.open(&token, &list, "prs_2|pty_1"),
            PageKey::from_hex(&"cd".repeat(32)).unwrap().open(&token, &list, "prs_1|pty_1"),
        ];
        for refusal in refused {
            assert_eq!(refusal.unwrap_err().code(), "PAGE_TOKEN_INVALID");
        }
    }

    #[test]
    fn a_tampered_token_is_refused_wherever_it_was_touched() {
        let key = key();
        let token = key.seal("ned_7", "list", "prs_1").unwrap();
        for index in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
            let touched = String::from_utf8(bytes).unwrap();
            assert!(key.open(&touched, "list", "prs_1").is_err(), "byte {index}");
        }
        for text in ["", ".", "x", "e30.", &"a".repeat(3_000)] {
            assert!(key.open(text, "list", "prs_1").is_err(), "{text:.10}");
        }
    }

    #[test]
    fn the_order_of_filters_does_not_matter_and_page_parameters_are_none() {
        assert_eq!(
            split_query("b=2&page_size=3&a=1&page_token=x"),
            ("page_size=3&page_token=x".into(), "a=1&b=2".into())
        );
        assert_eq!(split_query("a=1&b=2").1, split_query("b=2&a=1").1);
    }

    #[test]
    fn an_unknown_parameter_is_refused() {
        assert!(query::<NoFilter>("").is_ok());
        assert_eq!(query::<NoFilter>("rond_id=1").unwrap_err().code(), "QUERY_MALFORMED");
    }

    #[test]
    fn a_short_or_odd_key_is_refused() {
        assert!(PageKey::from_hex("abcd").is_err());
        assert!(PageKey::from_hex(&"zz".repeat(32)).is_err());
    }
}
