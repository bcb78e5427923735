//! The shape of every service process: `S migrate` as the owner, or `S` to serve.
//!
//! Order of a start: configuration → telemetry → database version → stamper and readers → serve. Order of a stop: no new
//! calls, running ones end, background work ends, heads are exported, telemetry is flushed.

use std::{future::Future, path::PathBuf, process::ExitCode};

use sqlx::migrate::Migrator;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::{
    client::Peer,
    config::Env,
    db::{self, Db, DbConfig},
    doorbell::Doorbell,
    events::{EventLog, Stamper},
    identity::{Signer, Verifier},
    server,
    telemetry::Telemetry,
};

/// What every service is given.
#[derive(Debug, Clone)]
pub struct Foundation {
    /// Its database.
    pub db: Db,
    /// Signs its own statements.
    pub signer: Signer,
    /// Checks statements made for it.
    pub verifier: Verifier,
    /// Rings and hears bells.
    pub doorbell: Doorbell,
}

impl Foundation {
    /// Another service at a URL.
    ///
    /// # Errors
    /// When the URL is malformed.
    pub fn peer(&self, audience: &'static str, url: &str) -> Result<Peer, tonic::transport::Error> {
        Peer::new(audience, url, self.signer.clone())
    }
}

/// What a service adds: its gRPC routes and its background work.
#[derive(Default)]
pub struct Parts {
    /// gRPC services.
    pub routes: tonic::service::RoutesBuilder,
    /// Work that runs until stopped: readers, processes.
    pub background: Vec<Background>,
}

/// Work that runs until it is told to stop.
pub type Background = Box<dyn FnOnce(CancellationToken) -> futures::future::BoxFuture<'static, ()> + Send>;

impl Parts {
    /// Adds background work.
    pub fn spawn<F, W>(&mut self, work: W)
    where
        W: FnOnce(CancellationToken) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        self.background.push(Box::new(move |stop| Box::pin(work(stop))));
    }
}

/// Runs a service process to its end. `build` reads the service's own variables and makes its parts.
pub fn main<B>(name: &'static str, migrations: &'static Migrator, build: B) -> ExitCode
where
    B: FnOnce(&Foundation, &mut Env) -> Result<Parts, String>,
{
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(name, &error),
    };
    runtime.block_on(async {
        let outcome = if std::env::args().nth(1).as_deref() == Some("migrate") {
            migrate(name, migrations).await
        } else {
            run(name, migrations, build).await
        };
        match outcome {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(name, &error),
        }
    })
}

fn failed(name: &str, error: &dyn std::fmt::Display) -> ExitCode {
    // Telemetry may not have started: standard error is all there is.
    #[expect(clippy::print_stderr, reason = "last words of a process")]
    {
        eprintln!("{name}: {error}");
    }
    ExitCode::FAILURE
}

async fn migrate(name: &'static str, migrations: &'static Migrator) -> Result<(), String> {
    let mut env = Env::new();
    let url = env.required("CENTRALE_DATABASE_URL");
    env.finish().map_err(|error| error.to_string())?;
    db::migrate(&url, name, migrations).await.map_err(|error| error.to_string())
}

async fn run<B>(name: &'static str, migrations: &'static Migrator, build: B) -> Result<(), String>
where
    B: FnOnce(&Foundation, &mut Env) -> Result<Parts, String>,
{
    let mut env = Env::new();
    let listen = env.required("CENTRALE_LISTEN");
    let config = DbConfig {
        url: env.required("CENTRALE_DATABASE_URL"),
        worker_url: env.required("CENTRALE_WORKER_DATABASE_URL"),
        max_connections: env.parsed("CENTRALE_DATABASE_CONNECTIONS", 32),
    };
    let redis = env.required("CENTRALE_REDIS_URL");
    let signing_key = env.required("CENTRALE_SIGNING_KEY");
    let trusted_keys = env.required("CENTRALE_TRUSTED_KEYS");
    let heads_dir = env.optional("CENTRALE_HEADS_DIR").map(PathBuf::from);
    let db = Db::open(name, &config);
    let signer = Signer::read(name, signing_key.as_ref());
    let verifier = Verifier::read(name, trusted_keys.as_ref());
    let doorbell = Doorbell::open(&redis);
    let (parts, foundation) = match (db, signer, verifier, doorbell) {
        (Ok(db), Ok(signer), Ok(verifier), Ok(doorbell)) => {
            let foundation = Foundation { db, signer, verifier, doorbell };
            let parts = build(&foundation, &mut env);
            env.finish().map_err(|error| error.to_string())?;
            (parts?, foundation)
        }
        (db, signer, verifier, doorbell) => {
            let faults = [
                ("CENTRALE_DATABASE_URL", db.err().map(|error| error.to_string())),
                ("CENTRALE_SIGNING_KEY", signer.err().map(|error| error.to_string())),
                ("CENTRALE_TRUSTED_KEYS", verifier.err().map(|error| error.to_string())),
                ("CENTRALE_REDIS_URL", doorbell.err().map(|error| error.to_string())),
            ];
            for (variable, fault) in faults {
                if let Some(fault) = fault {
                    env.fault(variable, fault);
                }
            }
            env.finish().map_err(|error| error.to_string())?;
            return Err("configuration".to_owned());
        }
    };
    let telemetry = Telemetry::start(name).map_err(|error| error.to_string())?;
    let outcome = serve(name, migrations, &listen, foundation, heads_dir, parts).await;
    telemetry.flush();
    outcome
}

async fn serve(
    name: &'static str,
    migrations: &'static Migrator,
    listen: &str,
    foundation: Foundation,
    heads_dir: Option<PathBuf>,
    mut parts: Parts,
) -> Result<(), String> {
    let Foundation { db, signer, verifier, doorbell } = foundation;
    db.check_version(migrations).await.map_err(|error| error.to_string())?;
    let listener = TcpListener::bind(listen).await.map_err(|error| format!("CENTRALE_LISTEN {listen}: {error}"))?;
    let stop = server::stop_on_signal();
    let background_stop = CancellationToken::new();
    let mut background = JoinSet::new();
    background.spawn(Stamper::new(db.clone(), doorbell, signer, heads_dir).run(background_stop.clone()));
    for work in parts.background {
        background.spawn(work(background_stop.clone()));
    }
    parts.routes.add_service(EventLog::server(db.clone(), verifier));
    let routes: Routes = parts.routes.routes();
    let probe = db.clone();
    tracing::info!(service = name, listen, "serving");
    let served = server::serve(
        listener,
        routes,
        move || {
            let db = probe.clone();
            async move { db.check_version(migrations).await.is_ok() }
        },
        stop.clone(),
    )
    .await;
    stop.cancel();
    background_stop.cancel();
    while background.join_next().await.is_some() {}
    db.close().await;
    tracing::info!(service = name, "stopped");
    served.map_err(|error| error.to_string())
}
