//! Bearer tokens: the header, and the embedded issuer's face towards clients of RFC 6749.

use axum::http::{HeaderMap, header};

use crate::error::GatewayError;

/// Longest token read.
const LONGEST_TOKEN: usize = 8_192;

/// The token of an `Authorization: Bearer` header.
///
/// # Errors
/// `TOKEN_MISSING`, or `TOKEN_REFUSED` for one that no issuer would make.
pub fn bearer(headers: &HeaderMap) -> Result<&str, GatewayError> {
    let value = headers.get(header::AUTHORIZATION).ok_or(GatewayError::TokenMissing)?;
    let text = value.to_str().map_err(|_| GatewayError::TokenRefused("not text".into()))?;
    let (scheme, token) = text.split_once(' ').ok_or(GatewayError::TokenMissing)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(GatewayError::TokenMissing);
    }
    let token = token.trim();
    if token.is_empty() || token.len() > LONGEST_TOKEN {
        return Err(GatewayError::TokenRefused(format!("{} characters", token.len())));
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn with(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn only_bearer_tokens_are_read() {
        assert_eq!(bearer(&with("Bearer abc")), Ok("abc"));
        assert_eq!(bearer(&with("bearer  abc ")), Ok("abc"));
        assert_eq!(bearer(&with("Basic abc")), Err(GatewayError::TokenMissing));
        assert_eq!(bearer(&HeaderMap::new()), Err(GatewayError::TokenMissing));
        assert!(matches!(bearer(&with("Bearer ")), Err(GatewayError::TokenRefused(_))));
        assert!(matches!(bearer(&with(&format!("Bearer {}", "a".repeat(9_000)))), Err(GatewayError::TokenRefused(_))));
    }
}
