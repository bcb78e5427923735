//! The embedded OpenID Connect issuer: its keys and its tokens.
//!
//! A key signs for [`SIGNS_FOR`]; then whoever first needs one makes its successor, which is published [`PUBLISHED_BEFORE`] it
//! signs. A key stays published until the last token that it signed has expired. So two are valid at once while they change.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use kit::{
    Caller, Failure, Scope,
    db::Db,
    id::PersonId,
    identity::{Signer, generate_key},
};
use serde::Serialize;

use crate::{
    domain::TOKEN_LIFETIME,
    store::{
        self,
        issuer_key::{NewKey, StoredKey},
    },
};

/// How old a key is when its successor is made.
const SIGNS_FOR: TimeDelta = TimeDelta::days(90);
/// How long a successor is published before it signs: longer than anybody keeps a key set without asking again.
const PUBLISHED_BEFORE: TimeDelta = TimeDelta::hours(1);
/// How long a key is published.
const PUBLISHED_FOR: TimeDelta = TimeDelta::days(92);
/// Prefix of key ids, and the name under which kit knows the pair.
const KEY_NAME: &str = "issuer";

/// Issues tokens.
#[derive(Debug, Clone)]
pub struct Issuer {
    db: Db,
    /// Its URL, the claim `iss`.
    url: Arc<str>,
}

/// Claims of an access token: who, for whom, until when; nothing personal, and no rights, which are asked for at each use.
#[derive(Debug, Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: String,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

/// RFC 7517.
#[derive(Debug, Serialize)]
struct JwkSet<'a> {
    keys: Vec<Jwk<'a>>,
}

/// RFC 8037: an Ed25519 public key.
#[derive(Debug, Serialize)]
struct Jwk<'a> {
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    kid: &'a str,
    x: &'a str,
}

impl Issuer {
    /// An issuer of this URL.
    #[must_use]
    pub fn new(db: Db, url: &str) -> Self {
        Self { db, url: url.into() }
    }

    /// The claim `iss` of its tokens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A token for a person, valid from now on for [`TOKEN_LIFETIME`].
    ///
    /// # Errors
    /// When the database is away.
    pub async fn token(&self, person: PersonId, audience: &str) -> Result<String, Failure> {
        let (keys, now) = self.keys().await?;
        let key = signing_key(&keys, now).ok_or_else(|| Failure::internal("the issuer has no key"))?;
        let signer = Signer::from_pem(KEY_NAME, &key.private_pem).map_err(Failure::internal)?;
        let (iat, exp) = (now.timestamp(), (now + TOKEN_LIFETIME).timestamp());
        signer.sign(&Claims { iss: &self.url, sub: person.to_string(), aud: audience, iat, exp })
    }

    /// The public keys as a JWK set, in JSON.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn jwks(&self) -> Result<String, Failure> {
        let (keys, _) = self.keys().await?;
        let keys = keys.iter().map(|key| Jwk {
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            usage: "sig",
            kid: &key.kid,
            x: &key.public_x,
        });
        serde_json::to_string(&JwkSet { keys: keys.collect() }).map_err(Failure::internal)
    }

    /// The valid keys, newest first, and the time. Makes the first one, and the next one when it is due.
    async fn keys(&self) -> Result<(Vec<StoredKey>, DateTime<Utc>), Failure> {
        let mut tx = self.db.begin(&Caller::service("membership", Scope::Deployment)).await?;
        let mut keys = store::issuer_key::list(tx.conn()).await?;
        let newest = keys.valid.first();
        if newest.is_none_or(|key| key.created_at + SIGNS_FOR <= keys.now) {
            let (private_pem, public) = generate_key(KEY_NAME).map_err(Failure::internal)?;
            // Nobody can know the first key before it signs; a successor is awaited.
            let signs_after = if newest.is_some() { PUBLISHED_BEFORE } else { TimeDelta::zero() };
            let key = NewKey {
                kid: &public.kid,
                private_pem: &private_pem,
                public_x: &public.x,
                signs_after,
                expires_after: PUBLISHED_FOR,
            };
            store::issuer_key::insert(tx.conn(), keys.last_generation + 1, key).await?;
            keys = store::issuer_key::list(tx.conn()).await?;
            tx.commit().await?;
        }
        Ok((keys.valid, keys.now))
    }
}

/// The newest key that may sign and outlives the token; without one, the newest, which does.
fn signing_key(newest_first: &[StoredKey], now: DateTime<Utc>) -> Option<&StoredKey> {
    let may_sign = |key: &&StoredKey| key.signs_from <= now && key.expires_at >= now + TOKEN_LIFETIME;
    newest_first.iter().find(may_sign).or(newest_first.first())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(n: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(n * 3_600, 0).unwrap()
    }

    fn key(kid: &str, signs_from: i64, expires_at: i64) -> StoredKey {
        let (signs_from, expires_at) = (hour(signs_from), hour(expires_at));
        StoredKey {
            kid: kid.into(),
            private_pem: String::new(),
            public_x: String::new(),
            created_at: hour(0),
            signs_from,
            expires_at,
        }
    }

    #[test]
    fn a_successor_signs_once_it_was_published_for_a_while() {
        let keys = [key("new", 200, 400), key("old", 100, 250)];
        let signs = |now| signing_key(&keys, hour(now)).unwrap().kid.clone();
        assert_eq!(signs(199), "old");
        assert_eq!(signs(200), "new");
        assert!(signing_key(&[], hour(0)).is_none());
    }

    #[test]
    fn a_token_never_outlives_its_key() {
        // Nobody used the issuer while the old key came of age: its successor signs at once.
        let keys = [key("new", 245, 400), key("old", 100, 250)];
        assert_eq!(signing_key(&keys, hour(242)).unwrap().kid, "old");
        assert_eq!(signing_key(&keys, hour(243)).unwrap().kid, "new");
    }

    #[test]
    fn a_key_stays_published_while_its_successor_takes_over() {
        assert!(SIGNS_FOR + PUBLISHED_BEFORE + TOKEN_LIFETIME < PUBLISHED_FOR);
    }
}
