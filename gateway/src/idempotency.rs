//! `Idempotency-Key`: every change names itself, so that it can be sent again without a second effect. The services keep
//! what was answered (`kit::command`); the gateway only gives them a UUID.

use axum::{extract::FromRequestParts, http::request::Parts};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{error::GatewayError, problem::Problem, session::Session};

/// The header.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Longest key.
const LONGEST: usize = 200;

/// The request id of a change, from its `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(pub String);

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let session = Session::of(parts)?;
        let key = parts.headers.get(IDEMPOTENCY_KEY).ok_or(GatewayError::IdempotencyKeyMissing)?;
        let key = key.to_str().map_err(|_| GatewayError::IdempotencyKeyMalformed)?.trim();
        if key.is_empty() || key.len() > LONGEST {
            return Err(GatewayError::IdempotencyKeyMalformed.into());
        }
        Ok(Self(request_id(key, &session.caller.subject, parts.method.as_str(), parts.uri.path())))
    }
}

/// A UUID stays what it is; any other text becomes one, bound to who sends it where.
fn request_id(key: &str, subject: &str, method: &str, path: &str) -> String {
    match Uuid::try_parse(key) {
        Ok(uuid) => uuid.to_string(),
        Err(_) => derived(&["key", subject, method, path, key]),
    }
}

/// A UUID (version 8) from what names a change.
#[must_use]
pub fn derived(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // With its length, so that no two lists of parts read the same.
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_from_the_same_person_to_the_same_place_is_the_same_request() {
        let id = request_id("commande 12", "prs_1", "POST", "/v1/x");
        assert_eq!(id, request_id("commande 12", "prs_1", "POST", "/v1/x"));
        for other in [
            request_id("commande 13", "prs_1", "POST", "/v1/x"),
            request_id("commande 12", "prs_2", "POST", "/v1/x"),
            request_id("commande 12", "prs_1", "PATCH", "/v1/x"),
            request_id("commande 12", "prs_1", "POST", "/v1/y"),
        ] {
            assert_ne!(id, other);
        }
        assert_eq!(Uuid::try_parse(&id).unwrap().get_version_num(), 8);
    }

    #[test]
    fn a_uuid_is_taken_as_it_is() {
        let uuid = "0198c2f0-7a3b-7c11-a2d3-4e5f60718293";
        assert_eq!(request_id(&uuid.to_uppercase(), "prs_1", "POST", "/v1/x"), uuid);
    }

    #[test]
    fn parts_cannot_be_shifted_into_each_other() {
        assert_ne!(derived(&["ab", "c"]), derived(&["a", "bc"]));
    }
}
