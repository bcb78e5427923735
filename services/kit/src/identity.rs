//! Who calls: a signed statement that travels with every gRPC call (design decision 6). The gateway makes it for people
//! from what membership says; a service makes its own when a process resumes. Every service checks it.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{
    SigningKey,
    pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, spki::der::pem::LineEnding},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tonic::Request;

use crate::{
    clock::technical_now,
    error::{CommonError, Failure},
    id::{GroupId, PartyId, PersonId},
};

/// Metadata key of the statement.
pub const STATEMENT_KEY: &str = "x-centrale-statement";
/// How long a statement lives, in seconds.
const LIFETIME_S: i64 = 60;

/// What a caller may do in its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
    /// Loads reference data and groups.
    Administrator,
    /// Purchasing officer (acheteur).
    PurchasingOfficer,
    /// States the needs of one member.
    MemberRequester,
    /// Certifies receipt for one member.
    MemberReceiver,
    /// Answers for a supplier.
    Supplier,
    /// Works for a logistics platform.
    PlatformOperator,
    /// Reads, changes nothing.
    Auditor,
    /// Another process of Centrale.
    Service,
}

impl Role {
    /// Every role, in the order of the enum.
    pub const ALL: [Self; 8] = [
        Self::Administrator,
        Self::PurchasingOfficer,
        Self::MemberRequester,
        Self::MemberReceiver,
        Self::Supplier,
        Self::PlatformOperator,
        Self::Auditor,
        Self::Service,
    ];

    /// `PURCHASING_OFFICER`, …
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Administrator => "ADMINISTRATOR",
            Self::PurchasingOfficer => "PURCHASING_OFFICER",
            Self::MemberRequester => "MEMBER_REQUESTER",
            Self::MemberReceiver => "MEMBER_RECEIVER",
            Self::Supplier => "SUPPLIER",
            Self::PlatformOperator => "PLATFORM_OPERATOR",
            Self::Auditor => "AUDITOR",
            Self::Service => "SERVICE",
        }
    }
}

/// What a session is about: one group, or one party across its groups, never both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Reads and writes in one group.
    Group(GroupId),
    /// Reads of one party across its groups.
    Party(PartyId),
    /// Deployment-wide reference data only.
    Deployment,
}

/// A checked caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// `prs_…` or `service:demand`.
    pub subject: String,
    /// What the session is about.
    pub scope: Scope,
    /// The party for which a person acts (its employer, its member, its firm).
    pub acts_for: Option<PartyId>,
    /// Its roles in this session.
    pub roles: Vec<Role>,
}

impl Caller {
    /// A service acting on its own in a group.
    #[must_use]
    pub fn service(name: &str, scope: Scope) -> Self {
        Self { subject: format!("service:{name}"), scope, acts_for: None, roles: vec![Role::Service] }
    }

    /// Whether the caller has one of the roles.
    #[must_use]
    pub fn has(&self, roles: &[Role]) -> bool {
        self.roles.iter().any(|role| roles.contains(role))
    }

    /// Refuses a caller without any of the roles.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`.
    pub fn require(&self, roles: &[Role]) -> Result<(), Failure> {
        if self.has(roles) {
            return Ok(());
        }
        let needed = roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ");
        Err(CommonError::RoleNotAllowed { needed }.into())
    }

    /// The session's group.
    ///
    /// # Errors
    /// `WRONG_SESSION` in a party session.
    pub fn group(&self) -> Result<GroupId, Failure> {
        match self.scope {
            Scope::Group(group) => Ok(group),
            Scope::Party(_) | Scope::Deployment => Err(CommonError::WrongSession("a group").into()),
        }
    }

    /// The party for which the caller acts.
    ///
    /// # Errors
    /// `WRONG_SESSION` when it acts for none.
    pub fn party(&self) -> Result<PartyId, Failure> {
        self.acts_for.ok_or_else(|| CommonError::WrongSession("a party to act for").into())
    }

    /// The person, if it is one.
    #[must_use]
    pub fn person(&self) -> Option<PersonId> {
        self.subject.parse().ok()
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Statement {
    iss: String,
    aud: String,
    sub: String,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<GroupId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    party: Option<PartyId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acts_for: Option<PartyId>,
    roles: Vec<Role>,
}

/// A key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Which file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file does not hold what it should.
    #[error("{0}")]
    Malformed(String),
}

/// One public key that is trusted, with who may use it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TrustedKey {
    /// Key id.
    pub kid: String,
    /// Kind of process: `gateway`, `demand`, …
    pub issuer: String,
    /// Ed25519 public key, base64url.
    pub x: String,
}

/// The trusted keys of a deployment; several per issuer while keys change.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TrustedKeys {
    /// The keys.
    pub keys: Vec<TrustedKey>,
}

/// A new private key as PEM, with its public half.
///
/// # Errors
/// When the key cannot be written as PEM.
pub fn generate_key(issuer: &str) -> Result<(String, TrustedKey), KeyError> {
    let key = SigningKey::generate(&mut rand::rngs::OsRng);
    let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|error| KeyError::Malformed(error.to_string()))?;
    Ok((pem.to_string(), public_half(issuer, &key)))
}

fn public_half(issuer: &str, key: &SigningKey) -> TrustedKey {
    let public = key.verifying_key().to_bytes();
    let digest = hex::encode(Sha256::digest(public));
    TrustedKey {
        kid: format!("{issuer}-{}", &digest[..12]),
        issuer: issuer.to_owned(),
        x: URL_SAFE_NO_PAD.encode(public),
    }
}

/// Signs statements for one kind of process.
#[derive(Clone)]
pub struct Signer {
    issuer: Arc<str>,
    kid: Arc<str>,
    key: EncodingKey,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", self.kid)
    }
}

impl Signer {
    /// Reads the private key of a kind of process.
    ///
    /// # Errors
    /// When the file cannot be read or holds no Ed25519 key in PKCS#8 PEM.
    pub fn read(issuer: &str, path: &Path) -> Result<Self, KeyError> {
        let pem = std::fs::read_to_string(path)
            .map_err(|source| KeyError::Unreadable { path: path.display().to_string(), source })?;
        Self::from_pem(issuer, &pem)
    }

    /// From a private key in PKCS#8 PEM.
    ///
    /// # Errors
    /// When it is not an Ed25519 key.
    pub fn from_pem(issuer: &str, pem: &str) -> Result<Self, KeyError> {
        let malformed =
            |error: &dyn std::fmt::Display| KeyError::Malformed(format!("private key of {issuer}: {error}"));
        let key = SigningKey::from_pkcs8_pem(pem).map_err(|error| malformed(&error))?;
        let kid = public_half(issuer, &key).kid;
        let der = key.to_pkcs8_der().map_err(|error| malformed(&error))?;
        Ok(Self { issuer: issuer.into(), kid: kid.into(), key: EncodingKey::from_ed_der(der.as_bytes()) })
    }

    /// The kind of process it signs for.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// A statement about a caller for one service.
    ///
    /// # Errors
    /// When signing fails.
    pub fn state(&self, caller: &Caller, audience: &str) -> Result<String, Failure> {
        let now = technical_now().timestamp();
        let (group, party) = match caller.scope {
            Scope::Group(group) => (Some(group), None),
            Scope::Party(party) => (None, Some(party)),
            Scope::Deployment => (None, None),
        };
        self.sign(&Statement {
            iss: self.issuer.to_string(),
            aud: audience.to_owned(),
            sub: caller.subject.clone(),
            iat: now,
            exp: now + LIFETIME_S,
            group,
            party,
            acts_for: caller.acts_for,
            roles: caller.roles.clone(),
        })
    }

    /// Signs any claims as a compact JWS (EdDSA).
    ///
    /// # Errors
    /// When signing fails.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, Failure> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.kid.to_string());
        jsonwebtoken::encode(&header, claims, &self.key).map_err(Failure::internal)
    }
}

/// Checks statements made for one service.
#[derive(Clone)]
pub struct Verifier {
    audience: Arc<str>,
    keys: Arc<HashMap<String, (String, DecodingKey)>>,
    /// Statements checked lately, by their text: one person's page makes many calls with one statement.
    seen: Arc<Mutex<HashMap<String, (Caller, i64)>>>,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Verifier({})", self.audience)
    }
}

/// Most statements remembered at once.
const SEEN_LIMIT: usize = 10_000;

impl Verifier {
    /// Reads the trusted keys.
    ///
    /// # Errors
    /// When the file cannot be read or holds no key.
    pub fn read(audience: &str, path: &Path) -> Result<Self, KeyError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| KeyError::Unreadable { path: path.display().to_string(), source })?;
        let keys =
            serde_json::from_str(&text).map_err(|error| KeyError::Malformed(format!("{}: {error}", path.display())))?;
        Self::new(audience, &keys)
    }

    /// From trusted keys.
    ///
    /// # Errors
    /// When a key is not an Ed25519 public key.
    pub fn new(audience: &str, trusted: &TrustedKeys) -> Result<Self, KeyError> {
        let mut keys = HashMap::new();
        for key in &trusted.keys {
            let decoding = DecodingKey::from_ed_components(&key.x)
                .map_err(|error| KeyError::Malformed(format!("public key {}: {error}", key.kid)))?;
            keys.insert(key.kid.clone(), (key.issuer.clone(), decoding));
        }
        Ok(Self { audience: audience.into(), keys: Arc::new(keys), seen: Arc::default() })
    }

    /// The caller of a request.
    ///
    /// # Errors
    /// `NOT_AUTHENTICATED` without a valid statement for this service.
    pub fn caller<T>(&self, request: &Request<T>) -> Result<Caller, Failure> {
        let refused = |why: &str| Failure::from(CommonError::NotAuthenticated(why.to_owned()));
        let token = request.metadata().get(STATEMENT_KEY).ok_or_else(|| refused("no statement"))?;
        let token = token.to_str().map_err(|_| refused("statement is not text"))?;
        self.check(token)
    }

    /// Checks one statement.
    ///
    /// # Errors
    /// `NOT_AUTHENTICATED`.
    pub fn check(&self, token: &str) -> Result<Caller, Failure> {
        let now = technical_now().timestamp();
        {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((caller, expires)) = seen.get(token)
                && *expires > now
            {
                return Ok(caller.clone());
            }
        }
        let (caller, expires) = self.check_afresh(token)?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= SEEN_LIMIT {
            seen.retain(|_, (_, expires)| *expires > now);
            if seen.len() >= SEEN_LIMIT {
                seen.clear();
            }
        }
        seen.insert(token.to_owned(), (caller.clone(), expires));
        Ok(caller)
    }

    fn check_afresh(&self, token: &str) -> Result<(Caller, i64), Failure> {
        let refused = |why: String| Failure::from(CommonError::NotAuthenticated(why));
        let header = jsonwebtoken::decode_header(token).map_err(|error| refused(error.to_string()))?;
        let kid = header.kid.ok_or_else(|| refused("no key id".into()))?;
        let (issuer, key) = self.keys.get(&kid).ok_or_else(|| refused(format!("unknown key {kid}")))?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[&self.audience]);
        validation.set_issuer(&[issuer]);
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        validation.leeway = 5;
        let statement = jsonwebtoken::decode::<Statement>(token, key, &validation)
            .map_err(|error| refused(error.to_string()))?
            .claims;
        if statement.exp - statement.iat > LIFETIME_S {
            return Err(refused("statement lives too long".into()));
        }
        // Only the gateway speaks for people; a service speaks for itself.
        let own = format!("service:{issuer}");
        let is_own = statement.sub == own && statement.roles == [Role::Service];
        if !is_own && (issuer != "gateway" || statement.roles.contains(&Role::Service)) {
            return Err(refused(format!("{issuer} may not speak for {}", statement.sub)));
        }
        let scope = match (statement.group, statement.party) {
            (Some(group), None) => Scope::Group(group),
            (None, Some(party)) => Scope::Party(party),
            (None, None) => Scope::Deployment,
            (Some(_), Some(_)) => return Err(refused("a session is about a group or a party, not both".into())),
        };
        let caller = Caller { subject: statement.sub, scope, acts_for: statement.acts_for, roles: statement.roles };
        Ok((caller, statement.exp))
    }

    /// Checks a compact JWS made by [`Signer::sign`] and gives issuer and claims. Expiry is not asked for.
    ///
    /// # Errors
    /// `NOT_AUTHENTICATED` when the signature is not by a trusted key.
    pub fn open<T: for<'de> Deserialize<'de> + Clone>(&self, token: &str) -> Result<(String, T), Failure> {
        let refused = |why: String| Failure::from(CommonError::NotAuthenticated(why));
        let header = jsonwebtoken::decode_header(token).map_err(|error| refused(error.to_string()))?;
        let kid = header.kid.ok_or_else(|| refused("no key id".into()))?;
        let (issuer, key) = self.keys.get(&kid).ok_or_else(|| refused(format!("unknown key {kid}")))?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let claims =
            jsonwebtoken::decode::<T>(token, key, &validation).map_err(|error| refused(error.to_string()))?.claims;
        Ok((issuer.clone(), claims))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(issuer: &str) -> (Signer, TrustedKey) {
        let (pem, public) = generate_key(issuer).unwrap();
        (Signer::from_pem(issuer, &pem).unwrap(), public)
    }

    fn officer() -> Caller {
        Caller {
            subject: PersonId::new().to_string(),
            scope: Scope::Group(GroupId::new()),
            acts_for: Some(PartyId::new()),
            roles: vec![Role::PurchasingOfficer],
        }
    }

    #[test]
    fn a_statement_round_trips_and_is_only_for_its_audience() {
        let (signer, public) = pair("gateway");
        let keys = TrustedKeys { keys: vec![public] };
        let caller = officer();
        let token = signer.state(&caller, "demand").unwrap();
        assert_eq!(Verifier::new("demand", &keys).unwrap().check(&token).unwrap(), caller);
        assert!(Verifier::new("logistics", &keys).unwrap().check(&token).is_err());
        let mut forged = token.clone();
        forged.replace_range(
            token.len() - 6..token.len() - 5,
            if token.as_bytes()[token.len() - 6] == b'A' { "B" } else { "A" },
        );
        assert!(Verifier::new("demand", &keys).unwrap().check(&forged).is_err());
    }

    #[test]
    fn a_service_cannot_speak_for_a_person_nor_an_unknown_key_for_anyone() {
        let (demand, public) = pair("demand");
        let verifier = Verifier::new("tendering", &TrustedKeys { keys: vec![public] }).unwrap();
        assert!(verifier.check(&demand.state(&officer(), "tendering").unwrap()).is_err());
        let itself = Caller::service("demand", Scope::Group(GroupId::new()));
        assert_eq!(verifier.check(&demand.state(&itself, "tendering").unwrap()).unwrap(), itself);
        let (stranger, _) = pair("gateway");
        assert!(verifier.check(&stranger.state(&officer(), "tendering").unwrap()).is_err());
    }

    #[test]
    fn two_keys_of_one_issuer_are_valid_at_once() {
        let ((old, old_public), (new, new_public)) = (pair("gateway"), pair("gateway"));
        let verifier = Verifier::new("demand", &TrustedKeys { keys: vec![old_public, new_public] }).unwrap();
        for signer in [old, new] {
            verifier.check(&signer.state(&officer(), "demand").unwrap()).unwrap();
        }
    }
}
