//! The baselines' own tables: a schema made anew, of the same columns, keys and indexes as the services' tables. Check
//! constraints, policies and triggers are rules of ours and are left out; foreign keys are keys and are kept.

use std::str::FromStr as _;

use anyhow::ensure;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};

/// Where the baselines write.
#[derive(Debug, Clone)]
pub struct Scratch {
    options: PgConnectOptions,
}

impl Scratch {
    /// Makes the schema `bench` in a database, given its superuser's URL.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn make(url: &str) -> anyhow::Result<Self> {
        let scratch = Self { options: PgConnectOptions::from_str(url)?.options([("search_path", "bench,public")]) };
        let mut conn = scratch.connect().await?;
        sqlx::raw_sql(
            "DROP SCHEMA IF EXISTS bench CASCADE;
             CREATE SCHEMA bench;
             CREATE TABLE round (LIKE demand.round INCLUDING ALL EXCLUDING CONSTRAINTS);
             CREATE TABLE need (LIKE demand.need INCLUDING ALL EXCLUDING CONSTRAINTS);
             ALTER TABLE need ADD FOREIGN KEY (group_id, round_id) REFERENCES round (group_id, id);
             CREATE TABLE snapshot (LIKE demand.snapshot INCLUDING ALL EXCLUDING CONSTRAINTS);
             CREATE TABLE plan (LIKE demand.plan INCLUDING ALL EXCLUDING CONSTRAINTS);
             CREATE TABLE plan_line (LIKE demand.plan_line INCLUDING ALL EXCLUDING CONSTRAINTS);
             ALTER TABLE plan_line ADD FOREIGN KEY (group_id, plan_id) REFERENCES plan (group_id, id);
             CREATE TABLE plan_share (LIKE demand.plan_share INCLUDING ALL EXCLUDING CONSTRAINTS);
             ALTER TABLE plan_share ADD FOREIGN KEY (group_id, plan_line_id) REFERENCES plan_line (group_id, id);
             ALTER TABLE plan_share ADD FOREIGN KEY (group_id, need_id) REFERENCES demand.need (group_id, id);
             CREATE TABLE ceiling (LIKE tendering.ceiling INCLUDING ALL EXCLUDING CONSTRAINTS)",
        )
        .execute(&mut conn)
        .await?;
        Ok(scratch)
    }

    /// A connection of its own.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn connect(&self) -> anyhow::Result<PgConnection> {
        Ok(PgConnection::connect_with(&self.options).await?)
    }

    /// So many connections.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn connections(&self, count: usize) -> anyhow::Result<Vec<PgConnection>> {
        let mut connections = Vec::with_capacity(count);
        for _ in 0..count {
            connections.push(self.connect().await?);
        }
        Ok(connections)
    }

    /// Copies the header rows that foreign keys of the baseline point at.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn copy_rounds(&self) -> anyhow::Result<()> {
        let mut conn = self.connect().await?;
        sqlx::raw_sql("INSERT INTO round SELECT * FROM demand.round ON CONFLICT DO NOTHING").execute(&mut conn).await?;
        Ok(())
    }

    /// Compares all columns of rows of ours with the baseline's: count and a hash that does not depend on their order.
    ///
    /// # Errors
    /// When they differ.
    pub async fn compare(&self, table: &str, condition: &str) -> anyhow::Result<String> {
        let mut conn = self.connect().await?;
        let mut both = Vec::new();
        for schema in ["demand", "bench"] {
            let sql = format!(
                "SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM {schema}.{table} t WHERE {condition}"
            );
            let found: (i64, String) = sqlx::query_as(AssertSqlSafe(sql)).fetch_one(&mut conn).await?;
            both.push(found);
        }
        let [ours, baseline] = both.as_slice() else { anyhow::bail!("two schemas") };
        ensure!(
            ours == baseline,
            "{table}: ours {ours:?}, baseline {baseline:?}: the baseline did not write the same rows"
        );
        Ok(format!("{} rows of {table}, hash {}", ours.0, ours.1))
    }

    /// The version of the server.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn version(&self) -> anyhow::Result<String> {
        Ok(sqlx::query_scalar("SHOW server_version").fetch_one(&mut self.connect().await?).await?)
    }

    /// Lets the server write what it holds and learn what its tables hold, as it does by itself within a minute, so that no run
    /// pays for another's.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn settle(&self) -> anyhow::Result<()> {
        let mut conn = self.connect().await?;
        sqlx::raw_sql("ANALYZE; CHECKPOINT").execute(&mut conn).await?;
        Ok(())
    }
}
