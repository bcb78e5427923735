//! The clock of a demo: business time that its superuser moves, and that nobody else can.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use sqlx::{Connection as _, PgConnection};

/// How long moving is tried again while Postgres is away.
const PATIENCE: Duration = Duration::from_secs(300);

/// A clock that can be moved: only a cluster created for a demo has one.
#[derive(Debug, Clone)]
pub struct Clock {
    superuser_url: String,
}

impl Clock {
    /// The clock of a database, as its superuser.
    #[must_use]
    pub const fn new(superuser_url: String) -> Self {
        Self { superuser_url }
    }

    /// Sets the clock; it runs on from there.
    ///
    /// # Errors
    /// When the database has no such clock, or stays away.
    pub async fn set(&self, at: DateTime<Utc>) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            match self.try_set(at).await {
                Ok(()) => return Ok(()),
                Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42P01") => {
                    anyhow::bail!("cette base n'a pas d'horloge de démonstration (infra/up --demo-clock)");
                }
                Err(error) if started.elapsed() > PATIENCE => return Err(error).context("the clock cannot be moved"),
                Err(_) => tokio::time::sleep(Duration::from_millis(300)).await,
            }
        }
    }

    async fn try_set(&self, at: DateTime<Utc>) -> Result<(), sqlx::Error> {
        let mut superuser = PgConnection::connect(&self.superuser_url).await?;
        sqlx::query("UPDATE public.demo_clock SET clock_offset = $1 - clock_timestamp()")
            .bind(at)
            .execute(&mut superuser)
            .await?;
        superuser.close().await
    }
}
