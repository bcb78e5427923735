//! Wakes readers in other processes when a log has grown. Redis only rings: a lost ring costs one polling interval
//! (design decision 1).

use std::{sync::Arc, time::Duration};

use futures::StreamExt as _;
use redis::AsyncCommands as _;
use tokio::sync::{Notify, OnceCell};
use tokio_util::sync::CancellationToken;

/// Rings and hears bells over Redis.
#[derive(Clone)]
pub struct Doorbell {
    client: redis::Client,
    ring: Arc<OnceCell<redis::aio::ConnectionManager>>,
}

impl std::fmt::Debug for Doorbell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Doorbell")
    }
}

fn channel(service: &str) -> String {
    format!("centrale:log:{service}")
}

impl Doorbell {
    /// Opens a client; connections are made when needed.
    ///
    /// # Errors
    /// When the URL is malformed.
    pub fn open(url: &str) -> Result<Self, redis::RedisError> {
        Ok(Self { client: redis::Client::open(url)?, ring: Arc::default() })
    }

    /// Says that a service's log has grown. Failure is silent: readers poll.
    pub async fn ring(&self, service: &str) {
        let manager = self
            .ring
            .get_or_try_init(|| async {
                let config = redis::aio::ConnectionManagerConfig::new()
                    .set_number_of_retries(1)
                    .set_connection_timeout(Some(Duration::from_millis(500)))
                    .set_response_timeout(Some(Duration::from_millis(500)));
                redis::aio::ConnectionManager::new_with_config(self.client.clone(), config).await
            })
            .await;
        if let Ok(manager) = manager {
            let rung: redis::RedisResult<()> = manager.clone().publish(channel(service), "").await;
            if let Err(error) = rung {
                tracing::debug!(%error, "doorbell not rung");
            }
        }
    }

    /// Listens for a service's bell until stopped; each ring wakes `heard`.
    pub async fn listen(self, service: String, heard: Arc<Notify>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                result = self.listen_once(&service, &heard) => {
                    if let Err(error) = result {
                        tracing::debug!(%error, service, "doorbell away");
                    }
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
    }

    async fn listen_once(&self, service: &str, heard: &Notify) -> redis::RedisResult<()> {
        let mut pubsub = self.client.get_async_pubsub().await?;
        pubsub.subscribe(channel(service)).await?;
        let mut messages = pubsub.into_on_message();
        while messages.next().await.is_some() {
            heard.notify_one();
        }
        Ok(())
    }
}
