//! Logins per address and login name, uses of reply links and reads of what is public per address, counted in Redis. Redis away means no limit here: membership locks an account that
//! is attacked by itself (design decision 1: Redis only makes things fast).

use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;

/// Logins allowed in one window.
const TRIES: i64 = 20;
/// Uses of reply links allowed in one window and from one address; a firm's people may share one.
const LINKS: i64 = 120;
/// Reads of what is public allowed in one window and from one address.
const PUBLIC: i64 = 600;
/// Length of the window, in seconds.
const WINDOW_S: u64 = 60;
/// Longest that Redis may delay a login.
const PATIENCE: Duration = Duration::from_millis(500);

/// Counts logins.
pub struct Limiter {
    client: redis::Client,
    connection: OnceCell<ConnectionManager>,
}

impl Limiter {
    /// A limiter that connects when first needed.
    #[must_use]
    pub fn new(client: redis::Client) -> Self {
        Self { client, connection: OnceCell::new() }
    }

    /// Counts a login, and says whether it is allowed.
    pub async fn allows(&self, address: &str, login: &str) -> bool {
        self.within(key(address, login), TRIES).await
    }

    /// Counts a use of a reply link, and says whether it is allowed.
    pub async fn allows_link(&self, address: &str) -> bool {
        self.within(format!("centrale:links:{address}"), LINKS).await
    }

    /// Counts a read of what is public, and says whether it is allowed.
    pub async fn allows_public(&self, address: &str) -> bool {
        self.within(format!("centrale:public:{address}"), PUBLIC).await
    }

    async fn within(&self, key: String, limit: i64) -> bool {
        match tokio::time::timeout(PATIENCE, self.count(key)).await {
            Ok(Ok(tries)) => tries <= limit,
            Ok(Err(error)) => {
                tracing::warn!(%error, "tries are not counted");
                true
            }
            Err(_) => {
                tracing::warn!("tries are not counted: no answer from Redis");
                true
            }
        }
    }

    async fn count(&self, key: String) -> redis::RedisResult<i64> {
        let connection = self.connection.get_or_try_init(|| async {
            let config = ConnectionManagerConfig::new()
                .set_number_of_retries(1)
                .set_connection_timeout(Some(PATIENCE))
                .set_response_timeout(Some(PATIENCE));
            ConnectionManager::new_with_config(self.client.clone(), config).await
        });
        let mut connection = connection.await?.clone();
        // The window starts with the first try and is not prolonged by others.
        let (tries,): (i64,) = redis::pipe()
            .atomic()
            .cmd("SET")
            .arg(&key)
            .arg(0)
            .arg("EX")
            .arg(WINDOW_S)
            .arg("NX")
            .ignore()
            .cmd("INCR")
            .arg(&key)
            .query_async(&mut connection)
            .await?;
        Ok(tries)
    }
}

/// Hashed: a login name is personal data and may be of any length.
fn key(address: &str, login: &str) -> String {
    let digest = Sha256::digest(format!("{address}\n{}", login.to_lowercase()));
    format!("centrale:logins:{}", hex::encode(&digest[..16]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_redis_every_login_is_allowed() {
        let limiter = Limiter::new(redis::Client::open("redis://127.0.0.1:1").unwrap());
        assert!(limiter.allows("10.0.0.1", "camille").await);
    }

    #[tokio::test]
    async fn the_twenty_first_try_in_a_minute_is_refused_for_that_login_and_address_only() {
        let url = std::env::var("CENTRALE_TEST_REDIS_URL").expect("CENTRALE_TEST_REDIS_URL: infra/test sets it");
        let limiter = Limiter::new(redis::Client::open(url).unwrap());
        let login = uuid::Uuid::now_v7().to_string();
        for _ in 0..TRIES {
            assert!(limiter.allows("10.0.0.1", &login).await);
        }
        assert!(!limiter.allows("10.0.0.1", &login.to_uppercase()).await, "case does not matter");
        assert!(limiter.allows("10.0.0.2", &login).await);
        assert!(limiter.allows("10.0.0.1", "another").await);
    }
}
