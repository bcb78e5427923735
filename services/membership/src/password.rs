//! Slow hashes of passwords (argon2id), off the runtime's threads and no more at once than there are cores: each takes
//! 19 MiB, and 2,000 people log in at a deadline.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, LazyLock, Mutex, PoisonError, mpsc},
};

use argon2::{
    Algorithm, Argon2, Block, Params, PasswordHash, PasswordVerifier as _, Version,
    password_hash::phc::{Output, ParamsString, Salt},
};
use kit::{Failure, config::Secret};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

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
        Self { turns: Arc::new(Semaphore::new(cores())) }
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
        off_the_runtime(move |hasher| hasher.hash(password.reveal().as_bytes())).await
    }

    /// Whether a password is the one behind a stored hash. Takes as long without a stored hash, and is false then.
    ///
    /// # Errors
    /// When the stored hash is malformed.
    pub async fn verify(&self, password: Secret, stored: Option<String>) -> Result<bool, Failure> {
        off_the_runtime(move |hasher| {
            let fits = hasher.verify(password.reveal().as_bytes(), stored.as_deref().unwrap_or(NOBODYS_HASH))?;
            Ok(fits && stored.is_some())
        })
        .await
    }

    /// Stands for secrets where equality is all that matters, as slow to guess as a password's hash.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn digest(&self, secrets: Secret, salt: [u8; 16]) -> Result<[u8; 32], Failure> {
        off_the_runtime(move |hasher| hasher.digest(secrets.reveal().as_bytes(), &salt)).await
    }
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// A hasher with its memory. Allocated anew for each hash, 19 MiB aligned to 64 bytes never fit where the last ones were, and the
/// allocator kept more than half a gigabyte once a group's people were registered.
struct Hasher {
    argon2: Argon2<'static>,
    memory: Vec<Block>,
}

impl Hasher {
    fn new() -> Result<Self, AnyError> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None)?;
        let memory = vec![Block::default(); params.block_count()];
        Ok(Self { argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params), memory })
    }

    fn digest(&mut self, secret: &[u8], salt: &[u8]) -> Result<[u8; 32], AnyError> {
        let mut digest = [0; 32];
        self.argon2.hash_password_into_with_memory(secret, salt, &mut digest, &mut self.memory)?;
        Ok(digest)
    }

    fn hash(&mut self, password: &[u8]) -> Result<String, AnyError> {
        let salt = Salt::generate();
        let digest = self.digest(password, &salt)?;
        let hash = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(self.argon2.params())?,
            salt: Some(salt),
            hash: Some(Output::new(&digest)?),
        };
        Ok(hash.to_string())
    }

    fn verify(&mut self, password: &[u8], stored: &str) -> Result<bool, AnyError> {
        let hash = PasswordHash::new(stored)?;
        let ours = hash.algorithm == Algorithm::Argon2id.ident()
            && hash.version == Some(Version::V0x13.into())
            && hash.params == ParamsString::try_from(self.argon2.params())?;
        match (hash.salt, hash.hash) {
            // Outputs are compared in constant time.
            (Some(salt), Some(expected)) if ours => Ok(Output::new(&self.digest(password, &salt)?)? == expected),
            // Made with other figures, of which it says which.
            (_, _) => Ok(self.argon2.verify_password(password, &hash).is_ok()),
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

type Job = Box<dyn FnOnce(&mut Hasher) + Send>;

/// Threads that only hash, as many as there are turns, each with its memory.
static HASHERS: LazyLock<mpsc::Sender<Job>> = LazyLock::new(|| {
    let (sender, receiver) = mpsc::channel::<Job>();
    let receiver = Arc::new(Mutex::new(receiver));
    for _ in 0..cores() {
        let receiver = Arc::clone(&receiver);
        std::thread::spawn(move || {
            let Ok(mut hasher) = Hasher::new() else { return };
            loop {
                let next = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(job) = next else { return };
                // Whoever waits for it is told by its channel.
                drop(catch_unwind(AssertUnwindSafe(|| job(&mut hasher))));
            }
        });
    }
    sender
});

async fn off_the_runtime<R: Send + 'static>(
    work: impl FnOnce(&mut Hasher) -> Result<R, AnyError> + Send + 'static,
) -> Result<R, Failure> {
    let (done, result) = oneshot::channel();
    // Nobody waits any more for what cannot be sent.
    let job: Job = Box::new(move |hasher| drop(done.send(work(hasher))));
    HASHERS.send(job).map_err(|_| Failure::internal("no thread hashes passwords"))?;
    result.await.map_err(Failure::internal)?.map_err(Failure::internal)
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
