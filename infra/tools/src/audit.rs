//! The audit: reads all the services' books as the role `auditor` and proves them against each other. Reads only.
//!
//! What it proves, in the order of its report:
//! 1. **Logs** (`chains`): positions without gaps, every event stamped once and unchanged, every group's chain recomputed from its
//!    first event and met by its head and by every head exported and signed outside the database.
//! 2. **Books** (`books`): shares equal totals, units ordered = delivered + cancelled + outstanding, demand and logistics agree
//!    line by line, reservations equal orders, no ceiling passed, the logs' figures equal the tables'.
//! 3. **Opening** (`opening`): what was entered as existing on the first day is what the log says, member by member and lot by lot.
//! 3. **Consultations** (`consultations`): the census as frozen, tenders kept as received, lots and prices as awarded.
//! 4. **Governing** (`governing`): decisions and invoices as the log says, minutes as received, units by day as in the books.
//! 4. **Leaving** (`leaving`): each placed order is on its way to its supplier once, each mail recorded once, each line answered once.
//! 5. **Once** (`once`): no effect missing or twice, nothing parked, nothing half done.

pub mod books;
pub mod chains;
pub mod consultations;
pub mod governing;
pub mod leaving;
pub mod once;
pub mod opening;

use sqlx::{Connection as _, PgConnection};

/// The services with a log.
pub const SERVICES: [&str; 5] = ["membership", "catalogue", "tendering", "demand", "logistics"];

/// What was found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Checks made, with how many things each looked at.
    pub checked: Vec<(String, i64)>,
    /// What is wrong.
    pub wrong: Vec<String>,
}

impl Findings {
    /// Notes a check that was made.
    pub fn checked(&mut self, what: impl Into<String>, count: i64) {
        self.checked.push((what.into(), count));
    }

    /// Notes a fault.
    pub fn wrong(&mut self, what: impl Into<String>) {
        self.wrong.push(what.into());
    }

    /// Notes the faults that a query lists, one text per row, and how many things it looked at.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn query(
        &mut self,
        connection: &mut PgConnection,
        what: &str,
        count: &'static str,
        faults: &'static str,
    ) -> anyhow::Result<()> {
        let looked: i64 = sqlx::query_scalar(count).fetch_one(&mut *connection).await?;
        let found: Vec<String> = sqlx::query_scalar(faults).fetch_all(&mut *connection).await?;
        self.checked(what, looked);
        let total = found.len();
        for fault in found.into_iter().take(20) {
            self.wrong(format!("{what} : {fault}"));
        }
        if total > 20 {
            self.wrong(format!("{what} : et {} autres", total - 20));
        }
        Ok(())
    }
}

/// Where to look.
#[derive(Debug)]
pub struct Config {
    /// URL of the role `auditor`.
    pub database_url: String,
    /// The deployment's public keys.
    pub trusted_keys: std::path::PathBuf,
    /// Where the services export their signed heads.
    pub heads_dir: std::path::PathBuf,
}

/// Proves the books.
///
/// # Errors
/// When the database is away.
pub async fn run(config: &Config) -> anyhow::Result<Findings> {
    let mut connection = PgConnection::connect(&config.database_url).await?;
    let mut findings = Findings::default();
    once::wait_until_quiet(&mut connection).await?;
    // One view of everything, however long it takes.
    let mut view = connection.begin().await?;
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").execute(&mut *view).await?;
    for service in SERVICES {
        chains::check(&mut view, service, config, &mut findings).await?;
    }
    books::check(&mut view, &mut findings).await?;
    opening::check(&mut view, &mut findings).await?;
    consultations::check(&mut view, &mut findings).await?;
    governing::check(&mut view, &mut findings).await?;
    leaving::check(&mut view, &mut findings).await?;
    once::check(&mut view, &mut findings).await?;
    view.rollback().await?;
    connection.close().await?;
    Ok(findings)
}
