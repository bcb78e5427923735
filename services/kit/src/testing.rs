//! Real Postgres for tests: every test has a database of its own, cloned from a migrated template, and works in it as the
//! service's own roles.

use std::{str::FromStr as _, sync::Arc};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, migrate::Migrator, postgres::PgConnectOptions};
use uuid::Uuid;

use crate::{
    client::Peer,
    db::{self, Db},
    doorbell::Doorbell,
    identity::{Caller, Signer, TrustedKeys, Verifier, generate_key},
};

/// A database of one test. Dropped databases stay in the test cluster, which `infra/test` throws away.
#[derive(Debug)]
pub struct TestDb {
    /// As the service sees it.
    pub db: Db,
    superuser: PgConnectOptions,
    app: PgConnectOptions,
    worker: PgConnectOptions,
}

fn cluster() -> PgConnectOptions {
    let url = std::env::var("CENTRALE_TEST_DATABASE_URL")
        .expect("CENTRALE_TEST_DATABASE_URL: the superuser's URL of a test cluster; infra/test sets it");
    PgConnectOptions::from_str(&url).expect("CENTRALE_TEST_DATABASE_URL")
}

impl TestDb {
    /// A fresh database with the service's schema.
    ///
    /// # Panics
    /// When the cluster cannot be used.
    pub async fn new(schema: &'static str, own: &'static Migrator) -> Self {
        let cluster = cluster();
        let mut admin = PgConnection::connect_with(&cluster.clone().database("postgres")).await.expect("test cluster");
        let template = template(&mut admin, &cluster, schema, own).await;
        let name = format!("t_{}", Uuid::now_v7().simple());
        // Two clones of one template at once refuse each other.
        sqlx::query("SELECT pg_advisory_lock(4242)").execute(&mut admin).await.expect("lock");
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")))
            .execute(&mut admin)
            .await
            .expect("clone");
        sqlx::query("SELECT pg_advisory_unlock(4242)").execute(&mut admin).await.expect("unlock");
        let as_role = |kind: &str| cluster.clone().database(&name).username(&format!("{schema}_{kind}"));
        let (app, worker) = (as_role("app"), as_role("worker"));
        Self {
            db: Db::with_options(schema, app.clone(), worker.clone(), 40),
            superuser: cluster.database(&name),
            app,
            worker,
        }
    }

    /// Another process's view of the same database: pools of its own.
    #[must_use]
    pub fn replica(&self) -> Db {
        Db::with_options(self.db.schema(), self.app.clone(), self.worker.clone(), 20)
    }

    /// A connection that may do anything, to tamper or to look.
    ///
    /// # Panics
    /// When the cluster cannot be used.
    pub async fn superuser(&self) -> PgConnection {
        let mut connection = PgConnection::connect_with(&self.superuser).await.expect("superuser");
        sqlx::query(AssertSqlSafe(format!("SET search_path = {}", self.db.schema())))
            .execute(&mut connection)
            .await
            .expect("path");
        connection
    }

    /// A bare connection of the app role, in no group.
    ///
    /// # Panics
    /// When the cluster cannot be used.
    pub async fn app(&self) -> PgConnection {
        PgConnection::connect_with(&self.app).await.expect("app role")
    }
}

async fn template(
    admin: &mut PgConnection,
    cluster: &PgConnectOptions,
    schema: &'static str,
    own: &'static Migrator,
) -> String {
    use sha2::Digest as _;
    let mut hash = sha2::Sha256::new();
    for migration in own.iter().chain(db::foundation().iter()) {
        hash.update(&migration.checksum);
    }
    let name = format!("tpl_{schema}_{}", &hex::encode(hash.finalize())[..12]);
    sqlx::query("SELECT pg_advisory_lock(4242)").execute(&mut *admin).await.expect("lock");
    let there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(&name)
        .fetch_one(&mut *admin)
        .await
        .expect("templates");
    if !there {
        // `centrale` is the bootstrapped, empty database of the test cluster. Built under another name first, so that an
        // interrupted run leaves no half template.
        let building = format!("{name}_building");
        for sql in
            [format!("DROP DATABASE IF EXISTS {building}"), format!("CREATE DATABASE {building} TEMPLATE centrale")]
        {
            sqlx::query(AssertSqlSafe(sql)).execute(&mut *admin).await.expect("template");
        }
        let owner = cluster.clone().database(&building).username(&format!("{schema}_owner"));
        db::migrate_with(owner, schema, own).await.expect("migrations");
        sqlx::query(AssertSqlSafe(format!("ALTER DATABASE {building} RENAME TO {name}")))
            .execute(&mut *admin)
            .await
            .expect("rename");
    }
    sqlx::query("SELECT pg_advisory_unlock(4242)").execute(&mut *admin).await.expect("unlock");
    name
}

/// Keys of all kinds of process, for services that run inside a test.
#[derive(Debug, Clone)]
pub struct TestKeys {
    trusted: TrustedKeys,
    signers: Arc<Vec<Signer>>,
}

impl TestKeys {
    /// New keys.
    ///
    /// # Panics
    /// When keys cannot be made.
    #[must_use]
    pub fn new() -> Self {
        let mut trusted = TrustedKeys::default();
        let mut signers = Vec::new();
        for kind in ["gateway", "membership", "catalogue", "tendering", "demand", "logistics"] {
            let (pem, public) = generate_key(kind).expect("key");
            trusted.keys.push(public);
            signers.push(Signer::from_pem(kind, &pem).expect("key"));
        }
        Self { trusted, signers: Arc::new(signers) }
    }

    /// The signer of a kind of process.
    ///
    /// # Panics
    /// When there is no such kind.
    #[must_use]
    pub fn signer(&self, kind: &str) -> Signer {
        self.signers.iter().find(|signer| signer.issuer() == kind).expect("kind of process").clone()
    }

    /// The verifier of a service.
    ///
    /// # Panics
    /// Never: the keys are ours.
    #[must_use]
    pub fn verifier(&self, audience: &str) -> Verifier {
        Verifier::new(audience, &self.trusted).expect("keys")
    }

    /// A gRPC request from a person, as the gateway would send it.
    ///
    /// # Panics
    /// When signing fails.
    pub fn request<T>(&self, caller: &Caller, audience: &'static str, message: T) -> tonic::Request<T> {
        let kind = caller.subject.strip_prefix("service:").unwrap_or("gateway");
        let peer = Peer::new(audience, "http://127.0.0.1:1", self.signer(kind)).expect("peer");
        peer.request(caller, message).expect("request")
    }
}

impl Default for TestKeys {
    fn default() -> Self {
        Self::new()
    }
}

/// The test Redis.
///
/// # Panics
/// When `CENTRALE_TEST_REDIS_URL` is missing.
#[must_use]
pub fn doorbell() -> Doorbell {
    Doorbell::open(&std::env::var("CENTRALE_TEST_REDIS_URL").expect("CENTRALE_TEST_REDIS_URL: infra/test sets it"))
        .expect("redis url")
}
