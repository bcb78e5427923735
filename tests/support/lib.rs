//! Whole stacks for end-to-end tests: real processes, a Postgres and a Redis of their own, started by `infra/up`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "test support")]

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
    time::Duration,
};

use serde_json::Value;
use sqlx::{Connection as _, PgConnection};
use tokio::process::Command;

/// The processes of a stack that a test may kill.
pub const PROCESSES: [&str; 8] =
    ["postgres", "redis", "membership", "catalogue", "tendering", "demand", "logistics", "gateway"];

/// The clone.
#[must_use]
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn binary(name: &str) -> PathBuf {
    std::env::var_os("CENTRALE_TEST_BIN_DIR").map_or_else(|| root().join("target/debug"), PathBuf::from).join(name)
}

/// The folder of the small season.
#[must_use]
pub fn small_season() -> PathBuf {
    root().join("tests/season")
}

/// A running stack.
#[derive(Debug)]
pub struct Stack {
    dir: PathBuf,
    env: HashMap<String, String>,
    given: Vec<(String, String)>,
    /// Left running by [`Drop`] when false (the shared one is stopped by `infra/test`).
    stop: bool,
}

/// How a season ended.
#[derive(Debug)]
pub struct Ended {
    /// Of the driver.
    pub status: ExitStatus,
    /// What it printed.
    pub output: String,
    /// Its figures, without seconds.
    pub figures: Value,
}

impl Stack {
    /// Starts a stack from nothing, with these variables for its processes.
    pub async fn start(name: &str, given: &[(&str, &str)]) -> Self {
        let stacks =
            std::env::var_os("CENTRALE_TEST_RUN_DIR").map_or_else(|| root().join(".run/test-stacks"), PathBuf::from);
        let dir = stacks.join(name);
        let given = given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let mut stack = Self { dir, env: HashMap::new(), given, stop: true };
        stack.script("infra/down", &["--wipe"]).await;
        let started = stack.up().await;
        assert!(started.status.success(), "infra/up: {}{}", text(&started.stdout), text(&started.stderr));
        stack.read_env();
        let today = std::fs::read_to_string(small_season().join("today.txt")).unwrap();
        let mut superuser = stack.superuser().await;
        sqlx::query("UPDATE public.demo_clock SET clock_offset = $1::text::timestamptz - clock_timestamp()")
            .bind(today.trim())
            .execute(&mut superuser)
            .await
            .unwrap();
        stack
    }

    /// Keeps it running after the test: others use it.
    #[must_use]
    pub fn shared(mut self) -> Self {
        self.stop = false;
        self
    }

    /// `infra/up`: what runs is left alone, what was killed starts again.
    pub async fn up(&self) -> Output {
        self.script("infra/up", &["--no-build", "--demo-clock"]).await
    }

    async fn script(&self, script: &str, arguments: &[&str]) -> Output {
        // To files: a supervised process keeps whatever it inherited, and a pipe would never end.
        std::fs::create_dir_all(&self.dir).unwrap();
        let (out, err) = (self.dir.join("script.out"), self.dir.join("script.err"));
        let status = Command::new(root().join(script))
            .args(arguments)
            .env("CENTRALE_RUN_DIR", &self.dir)
            .envs(self.given.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&out).unwrap())
            .stderr(std::fs::File::create(&err).unwrap())
            .status()
            .await
            .unwrap();
        Output { status, stdout: std::fs::read(out).unwrap(), stderr: std::fs::read(err).unwrap() }
    }

    fn read_env(&mut self) {
        let file = std::fs::read_to_string(self.dir.join("env")).unwrap();
        self.env = file
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.trim_matches('\'').to_owned()))
            .collect();
    }

    /// Its folder: data, logs, keys.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A variable of the stack, e.g. `CENTRALE_URL`.
    #[must_use]
    pub fn var(&self, key: &str) -> &str {
        self.env.get(key).unwrap_or_else(|| panic!("no {key} in {}/env", self.dir.display()))
    }

    /// The private key of a process.
    #[must_use]
    pub fn key(&self, process: &str) -> PathBuf {
        self.dir.join(format!("keys/{process}.key.pem"))
    }

    /// A connection that may do anything.
    pub async fn superuser(&self) -> PgConnection {
        for _ in 0..100 {
            if let Ok(connection) = PgConnection::connect(self.var("CENTRALE_SUPERUSER_DATABASE_URL")).await {
                return connection;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("no superuser connection")
    }

    /// The process id of one of [`PROCESSES`]; none while it is being started again.
    #[must_use]
    pub fn pid(&self, process: &str) -> Option<u32> {
        std::fs::read_to_string(self.dir.join(format!("pids/{process}.pid"))).ok()?.trim().parse().ok()
    }

    /// `kill -9`.
    pub async fn kill(&self, process: &str) {
        if let Some(pid) = self.pid(process) {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).stderr(Stdio::null()).status().await;
        }
    }

    /// A command of Redis.
    pub async fn redis(&self, command: &str) -> anyhow::Result<()> {
        let client = redis::Client::open(self.var("CENTRALE_REDIS_URL"))?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        redis::cmd(command).query_async::<()>(&mut connection).await?;
        Ok(())
    }

    /// The password of every account of a season.
    pub const PASSWORD: &str = "mot-de-passe-d-essai";

    /// Runs a season through the public API, as `infra/demo` does.
    pub async fn season(&self, data: &Path) -> Ended {
        self.season_with(data, Some(self.var("CENTRALE_MAILS_DIR"))).await
    }

    /// A season whose mails are not to be found: nobody answers by a link.
    pub async fn season_without_mails(&self, data: &Path) -> Ended {
        self.season_with(data, None).await
    }

    async fn season_with(&self, data: &Path, mails: Option<&str>) -> Ended {
        let json = self.dir.join("season.json");
        let mut command = Command::new(binary("demo"));
        if let Some(mails) = mails {
            command.env("CENTRALE_MAILS_DIR", mails);
        }
        let output = command
            .args(["--url", self.var("CENTRALE_URL"), "--data"])
            .arg(data)
            .arg("--json")
            .arg(&json)
            .env("CENTRALE_DEMO_PASSWORD", Self::PASSWORD)
            .env("CENTRALE_BOOTSTRAP_ADMIN_PASSWORD", self.var("CENTRALE_BOOTSTRAP_ADMIN_PASSWORD"))
            .env("CENTRALE_SUPERUSER_DATABASE_URL", self.var("CENTRALE_SUPERUSER_DATABASE_URL"))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        let mut figures: Value =
            std::fs::read_to_string(&json).ok().and_then(|file| serde_json::from_str(&file).ok()).unwrap_or_default();
        if let Some(object) = figures.as_object_mut() {
            object.remove("seconds");
        }
        Ended { status: output.status, output: text(&output.stdout) + &text(&output.stderr), figures }
    }

    /// Runs the scenario of a kind of group, as `infra/demo --group` does, on the day of the demo's data.
    pub async fn scenario(&self, name: &str) -> Ended {
        let today = std::fs::read_to_string(root().join("infra/demo-data/today.txt")).unwrap();
        let mut superuser = self.superuser().await;
        sqlx::query("UPDATE public.demo_clock SET clock_offset = $1::text::timestamptz - clock_timestamp()")
            .bind(today.trim())
            .execute(&mut superuser)
            .await
            .unwrap();
        let json = self.dir.join("scenario.json");
        let output = Command::new(binary("demo"))
            .args(["--url", self.var("CENTRALE_URL"), "--group", name, "--groups"])
            .arg(root().join("infra/demo-data/groups"))
            .arg("--json")
            .arg(&json)
            .env("CENTRALE_DEMO_PASSWORD", Self::PASSWORD)
            .env("CENTRALE_BOOTSTRAP_ADMIN_PASSWORD", self.var("CENTRALE_BOOTSTRAP_ADMIN_PASSWORD"))
            .env("CENTRALE_SUPERUSER_DATABASE_URL", self.var("CENTRALE_SUPERUSER_DATABASE_URL"))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        let figures =
            std::fs::read_to_string(&json).ok().and_then(|file| serde_json::from_str(&file).ok()).unwrap_or_default();
        Ended { status: output.status, output: text(&output.stdout) + &text(&output.stderr), figures }
    }

    /// Runs the audit: whether it is clean, and what it said.
    pub async fn audit(&self) -> (bool, String) {
        let output = Command::new(binary("audit"))
            .env("CENTRALE_AUDITOR_DATABASE_URL", self.var("CENTRALE_AUDITOR_DATABASE_URL"))
            .env("CENTRALE_TRUSTED_KEYS", self.dir.join("keys/trusted.json"))
            .env("CENTRALE_HEADS_DIR", self.dir.join("heads"))
            .output()
            .await
            .unwrap();
        (output.status.success(), text(&output.stdout) + &text(&output.stderr))
    }

    /// The end of a process's log.
    #[must_use]
    pub fn log(&self, process: &str) -> String {
        let log = std::fs::read_to_string(self.dir.join(format!("log/{process}.log"))).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The figures that the small season must end with, whatever happens on the way.
#[must_use]
pub fn expected_figures() -> Value {
    serde_json::from_str(&std::fs::read_to_string(small_season().join("expected.json")).unwrap()).unwrap()
}

impl Drop for Stack {
    fn drop(&mut self) {
        if self.stop {
            // A failed test's stack is stopped but its logs stay.
            let wipe = if std::thread::panicking() { &[][..] } else { &["--wipe"][..] };
            let _ = std::process::Command::new(root().join("infra/down"))
                .args(wipe)
                .env("CENTRALE_RUN_DIR", &self.dir)
                .stdout(Stdio::null())
                .status();
        }
    }
}
