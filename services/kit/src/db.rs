//! The only door to the database: [`Db::begin`] opens a transaction that belongs to the caller's group or party, and
//! Postgres keeps it there (row-level security, design decision 5).

use std::{borrow::Cow, str::FromStr as _, time::Duration};

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{
    Connection as _, PgConnection, PgPool, Postgres, Transaction,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{
    error::{CommonError, DomainError, Failure, FieldFault},
    id::{GroupId, NO_GROUP},
    identity::{Caller, Scope},
};

static FOUNDATION: Migrator = sqlx::migrate!("./migrations");
/// The migrations that every service's schema has.
pub(crate) fn foundation() -> &'static Migrator {
    &FOUNDATION
}

const FOUNDATION_TABLE: &str = "_foundation_migrations";
const OWN_TABLE: &str = "_migrations";

/// A service's two ways in: the app role under the policies, and the worker role that sees all groups in the event,
/// cursor and process tables only.
#[derive(Debug, Clone)]
pub struct Db {
    app: PgPool,
    worker: PgPool,
    schema: &'static str,
    /// Told after each commit that appended an event.
    pub(crate) appended: std::sync::Arc<tokio::sync::Notify>,
}

/// Where the database is.
#[derive(Debug, Clone)]
pub struct DbConfig {
    /// URL of the app role.
    pub url: String,
    /// URL of the worker role.
    pub worker_url: String,
    /// Connections of the app role at most.
    pub max_connections: u32,
}

fn options(options: PgConnectOptions, schema: &str) -> PgConnectOptions {
    // Every connection sees its own service's schema, and `public` for the clock and extensions.
    options.application_name(schema).options([("search_path", format!("{schema},public"))])
}

impl Db {
    /// Opens both pools; connections are made when needed.
    ///
    /// # Errors
    /// When a URL is malformed.
    pub fn open(schema: &'static str, config: &DbConfig) -> Result<Self, sqlx::Error> {
        let (app, worker) = (PgConnectOptions::from_str(&config.url)?, PgConnectOptions::from_str(&config.worker_url)?);
        Ok(Self::with_options(schema, app, worker, config.max_connections))
    }

    pub(crate) fn with_options(
        schema: &'static str,
        app: PgConnectOptions,
        worker: PgConnectOptions,
        max_connections: u32,
    ) -> Self {
        let pool = |max| PgPoolOptions::new().max_connections(max).acquire_timeout(Duration::from_secs(5));
        Self {
            app: pool(max_connections).connect_lazy_with(options(app, schema)),
            worker: pool(8).connect_lazy_with(options(worker, schema)),
            schema,
            appended: std::sync::Arc::default(),
        }
    }

    /// The service's schema, which is its name.
    #[must_use]
    pub const fn schema(&self) -> &'static str {
        self.schema
    }

    /// A transaction of the app role in the caller's group or party.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn begin(&self, caller: &Caller) -> Result<Tx, Failure> {
        let mut inner = self.app.begin().await?;
        let (group, party) = match caller.scope {
            Scope::Group(group) => (group.uuid().to_string(), String::new()),
            Scope::Party(party) => (String::new(), party.uuid().to_string()),
            Scope::Deployment => (NO_GROUP.uuid().to_string(), String::new()),
        };
        sqlx::query("SELECT set_config('app.group_id', $1, true), set_config('app.party_id', $2, true)")
            .bind(group)
            .bind(party)
            .execute(&mut *inner)
            .await?;
        Ok(Tx::new(inner, self, caller.subject.clone(), caller.group().ok()))
    }

    /// A transaction of the worker role. It sees all groups in the event, cursor and process tables; it must call
    /// [`Tx::enter`] before it touches anything else.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn begin_worker(&self) -> Result<Tx, Failure> {
        let inner = self.worker.begin().await?;
        Ok(Tx::new(inner, self, format!("service:{}", self.schema), None))
    }

    /// Whether the database answers and has the migrations that this binary was built with.
    ///
    /// # Errors
    /// Says what is missing.
    pub async fn check_version(&self, own: &'static Migrator) -> Result<(), Failure> {
        let mut connection = self.app.acquire().await?;
        for (table, migrator) in [(FOUNDATION_TABLE, &FOUNDATION), (OWN_TABLE, own)] {
            let wanted = migrator.iter().map(|migration| migration.version).max().unwrap_or(0);
            let sql = format!("SELECT coalesce(max(version), 0) FROM {table} WHERE success");
            let there: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&mut *connection).await?;
            if there < wanted {
                let text = format!(
                    "schema {} is at {table} {there}, this binary needs {wanted}: run `{} migrate`",
                    self.schema, self.schema
                );
                return Err(CommonError::Unavailable(text).into());
            }
        }
        Ok(())
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT 1").execute(&self.app).await.map(|_| ())
    }

    /// Closes both pools.
    pub async fn close(&self) {
        self.app.close().await;
        self.worker.close().await;
    }
}

/// Brings a schema up to date, as its owner: first what every service has, then its own.
///
/// # Errors
/// When a migration fails.
pub async fn migrate(owner_url: &str, schema: &'static str, own: &'static Migrator) -> Result<(), Failure> {
    migrate_with(PgConnectOptions::from_str(owner_url)?, schema, own).await
}

pub(crate) async fn migrate_with(
    owner: PgConnectOptions,
    schema: &'static str,
    own: &'static Migrator,
) -> Result<(), Failure> {
    let mut connection = PgConnection::connect_with(&options(owner, schema)).await?;
    for (table, migrator) in [(FOUNDATION_TABLE, &FOUNDATION), (OWN_TABLE, own)] {
        let mut migrator = Migrator { migrations: Cow::Borrowed(&migrator.migrations), ..Migrator::DEFAULT };
        migrator.dangerous_set_table_name(table);
        migrator.run_direct(None, &mut connection, false).await.map_err(Failure::internal)?;
    }
    connection.close().await?;
    Ok(())
}

/// An open transaction in a group or of a party.
pub struct Tx {
    inner: Transaction<'static, Postgres>,
    now: Option<DateTime<Utc>>,
    pub(crate) actor: String,
    pub(crate) group: Option<GroupId>,
    pub(crate) appended: bool,
    notify: std::sync::Arc<tokio::sync::Notify>,
    /// From begin to end, in the trace of whoever began it.
    _span: tracing::Span,
}

impl Tx {
    fn new(inner: Transaction<'static, Postgres>, db: &Db, actor: String, group: Option<GroupId>) -> Self {
        let _span = tracing::info_span!("db.transaction", db.schema = db.schema);
        Self { inner, now: None, actor, group, appended: false, notify: db.appended.clone(), _span }
    }

    /// The connection, for SQL in `store`.
    pub fn conn(&mut self) -> &mut PgConnection {
        &mut self.inner
    }

    /// Business time: taken once, so call it after the locks (design decision 8).
    ///
    /// # Errors
    /// When the database is away.
    pub async fn now(&mut self) -> Result<DateTime<Utc>, Failure> {
        if let Some(now) = self.now {
            return Ok(now);
        }
        let now = sqlx::query_scalar("SELECT public.business_now()").fetch_one(&mut *self.inner).await?;
        self.now = Some(now);
        Ok(now)
    }

    /// The legal day of business time. Agreements, memberships and prices begin and end at midnight in Paris, not in UTC.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn today(&mut self) -> Result<NaiveDate, Failure> {
        let now = self.now().await?;
        self.day_of(now).await
    }

    /// The legal day on which a moment falls.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn day_of(&mut self, moment: DateTime<Utc>) -> Result<NaiveDate, Failure> {
        let sql = "SELECT ($1 AT TIME ZONE 'Europe/Paris')::date";
        Ok(sqlx::query_scalar(sql).bind(moment).fetch_one(&mut *self.inner).await?)
    }

    /// Puts a worker's transaction into a group.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn enter(&mut self, group: GroupId) -> Result<(), Failure> {
        sqlx::query("SELECT set_config('app.group_id', $1, true)")
            .bind(group.uuid().to_string())
            .execute(&mut *self.inner)
            .await?;
        self.group = Some(group);
        Ok(())
    }

    /// The next legal number of a kind in the group for the year of business time, e.g. `BC-2026-0001`. The row stays locked
    /// until commit, so numbers have no gaps.
    ///
    /// # Errors
    /// When the database is away or the transaction has no group.
    pub async fn next_number(&mut self, kind: &str) -> Result<String, Failure> {
        Ok(self.next_numbers(kind, 1).await?.remove(0))
    }

    /// As [`Tx::next_number`], several at once.
    ///
    /// # Errors
    /// When the database is away or the transaction has no group.
    pub async fn next_numbers(&mut self, kind: &str, count: i64) -> Result<Vec<String>, Failure> {
        use chrono::Datelike as _;
        let group = self.group.ok_or_else(|| Failure::internal("a number needs a group"))?;
        let year = self.now().await?.year();
        let last: i64 = sqlx::query_scalar(
            "INSERT INTO number_counter AS c (group_id, kind, year, last) VALUES ($1, $2, $3, $4)
             ON CONFLICT (group_id, kind, year) DO UPDATE SET last = c.last + $4 RETURNING last",
        )
        .bind(group)
        .bind(kind)
        .bind(year)
        .bind(count)
        .fetch_one(&mut *self.inner)
        .await?;
        Ok((last - count + 1..=last).map(|number| format!("{kind}-{year}-{number:04}")).collect())
    }

    /// Commits and wakes the stamper.
    ///
    /// # Errors
    /// When the commit fails; then nothing has happened.
    pub async fn commit(self) -> Result<(), Failure> {
        self.inner.commit().await?;
        if self.appended {
            self.notify.notify_one();
        }
        Ok(())
    }

    /// Undoes everything.
    ///
    /// # Errors
    /// When the database is away; then too nothing has happened.
    pub async fn rollback(self) -> Result<(), Failure> {
        Ok(self.inner.rollback().await?)
    }
}

/// What a database error means when no service gave it a meaning of its own.
pub(crate) fn meaning(error: sqlx::Error) -> CommonError {
    use sqlx::Error;
    match &error {
        Error::Database(database) => match database.code().as_deref() {
            // Text that Postgres cannot keep: it came from the caller, whatever the field.
            Some("22021") => {
                CommonError::InvalidInput(vec![FieldFault::new("", "a text contains the character U+0000")])
            }
            // Serialisation failure, deadlock, lock not available, cancelled by a timeout, shutting down.
            Some("40001" | "40P01" | "55P03" | "57014" | "57P01" | "57P02" | "57P03" | "53300") => {
                CommonError::Unavailable(database.message().to_owned())
            }
            _ => CommonError::Internal(error.to_string()),
        },
        Error::Io(_) | Error::PoolTimedOut | Error::PoolClosed | Error::WorkerCrashed | Error::Protocol(_) => {
            CommonError::Unavailable(error.to_string())
        }
        _ => CommonError::Internal(error.to_string()),
    }
}

/// Gives the violation of a named constraint its domain meaning.
pub trait OnConstraint<T> {
    /// When the error is the violation of `name`, it becomes `error`.
    ///
    /// # Errors
    /// The domain error, or the database's.
    fn on_constraint<E: DomainError>(self, name: &str, error: impl FnOnce() -> E) -> Result<T, Failure>;
}

impl<T> OnConstraint<T> for Result<T, sqlx::Error> {
    fn on_constraint<E: DomainError>(self, name: &str, error: impl FnOnce() -> E) -> Result<T, Failure> {
        self.map_err(|database| {
            let violated = database.as_database_error().and_then(|d| d.constraint()).is_some_and(|c| c == name);
            if violated { error().into() } else { database.into() }
        })
    }
}

/// A row that does not mean anything in the domain.
pub fn corrupt(table: &str, column: &str, id: impl std::fmt::Display) -> Failure {
    Failure::internal(format!("row {id} of {table}: impossible {column}"))
}

/// Checks that a guarded write changed exactly one row.
///
/// # Errors
/// Internal when it did not: the row was locked before.
pub fn one_row(result: &sqlx::postgres::PgQueryResult, what: &str) -> Result<(), Failure> {
    if result.rows_affected() == 1 {
        Ok(())
    } else {
        Err(Failure::internal(format!("{what}: {} rows changed instead of 1", result.rows_affected())))
    }
}
