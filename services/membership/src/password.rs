//! Slow hashes of passwords (argon2id), off the runtime's threads and no more at once than there are cores: each takes
//! 19 MiB, and 2,000 people log in at a deadline.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher as _, PasswordVerifier as _, Version};
use kit::{Failure, config::Secret};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Memory of one hash.
const MEMORY_KIB: u32 = 19_456;
/// Passes over the memory.
const PASSES: u32 = 2;
/// Lanes.
const LANES: u32 = 1;

/// What an unknown login's password is compared with, so that it takes as long as a known one's.
const NOBODYS_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5bm9ib2Q$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hands out turns to hash.
#[derive(Debug, Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
}

/// A turn: whoever holds it may hash one password after the other.
#[derive(Debug)]
pub struct Turn {
    _permit: OwnedSemaphorePermit,
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

impl Passwords {
    /// As many turns as cores.
    #[must_use]
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { turns: Arc::new(Semaphore::new(cores)) }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// Never: turns are not closed.
    pub async fn turn(&self) -> Result<Turn, Failure> {
        let permit = Arc::clone(&self.turns).acquire_owned().await.map_err(Failure::internal)?;
        Ok(Turn { _permit: permit })
    }

    /// Hashes passwords, each with a salt of its own, in their order; on all cores when nobody else needs them.
    ///
    /// # Errors
    /// When a hash cannot be made.
    pub async fn hash_all(&self, passwords: Vec<Secret>) -> Result<Vec<String>, Failure> {
        let running: Vec<_> = passwords
            .into_iter()
            .map(|password| {
                let passwords = self.clone();
                tokio::spawn(async move { passwords.turn().await?.hash(password).await })
            })
            .collect();
        let mut hashes = Vec::with_capacity(running.len());
        for hash in running {
            hashes.push(hash.await.map_err(Failure::internal)??);
        }
        Ok(hashes)
    }
}

impl Turn {
    async fn hash(&self, password: Secret) -> Result<String, Failure> {
        off_the_runtime(move |argon2| Ok(argon2.hash_password(password.reveal().as_bytes())?.to_string())).await
    }

    /// Whether a password is the one behind a stored hash. Takes as long without a stored hash, and is false then.
    ///
    /// # Errors
    /// When the stored hash is malformed.
    pub async fn verify(&self, password: Secret, stored: Option<String>) -> Result<bool, Failure> {
        off_the_runtime(move |argon2| {
            let hash = PasswordHash::new(stored.as_deref().unwrap_or(NOBODYS_HASH))?;
            let fits = argon2.verify_password(password.reveal().as_bytes(), &hash).is_ok();
            Ok(fits && stored.is_some())
        })
        .await
    }

    /// Stands for secrets where equality is all that matters, as slow to guess as a password's hash.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn digest(&self, secrets: Secret, salt: [u8; 16]) -> Result<[u8; 32], Failure> {
        off_the_runtime(move |argon2| {
            let mut digest = [0; 32];
            argon2.hash_password_into(secrets.reveal().as_bytes(), &salt, &mut digest)?;
            Ok(digest)
        })
        .await
    }
}

async fn off_the_runtime<R: Send + 'static>(
    work: impl FnOnce(Argon2<'static>) -> Result<R, Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
) -> Result<R, Failure> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(Failure::internal)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    tokio::task::spawn_blocking(move || work(argon2)).await.map_err(Failure::internal)?.map_err(Failure::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::from(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only_and_no_hash_at_all_never() {
        let passwords = Passwords::new();
        let hashes = passwords.hash_all(vec![secret("correct horse"), secret("correct horse")]).await.unwrap();
        assert_ne!(hashes[0], hashes[1], "each has its own salt");
        assert!(hashes[0].starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hashes[0]);
        let turn = passwords.turn().await.unwrap();
        assert!(turn.verify(secret("correct horse"), Some(hashes[1].clone())).await.unwrap());
        assert!(!turn.verify(secret("wrong horse!"), Some(hashes[1].clone())).await.unwrap());
        assert!(!turn.verify(secret("correct horse"), None).await.unwrap());
        assert!(turn.verify(secret("x"), Some("no hash".into())).await.is_err());
    }

    #[test]
    fn nobodys_hash_costs_what_others_cost() {
        let hash = PasswordHash::new(NOBODYS_HASH).unwrap();
        let params = Params::try_from(&hash).unwrap();
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (MEMORY_KIB, PASSES, LANES));
        assert_eq!(hash.hash.unwrap().len(), 32);
    }

    #[tokio::test]
    async fn a_digest_follows_secret_and_salt() {
        let turn = Passwords::new().turn().await.unwrap();
        let one = turn.digest(secret("a"), [1; 16]).await.unwrap();
        assert_eq!(turn.digest(secret("a"), [1; 16]).await.unwrap(), one);
        assert_ne!(turn.digest(secret("b"), [1; 16]).await.unwrap(), one);
        assert_ne!(turn.digest(secret("a"), [2; 16]).await.unwrap(), one);
    }
}
