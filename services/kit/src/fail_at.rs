//! For crash tests: the process exits as if killed when it reaches a point, once per point.
//!
//! `CENTRALE_FAIL_AT=PROCESS:STEP:POINT,…`, e.g. `demand:RESERVE:called`; the process that has the point says which there are.
//! `CENTRALE_FAIL_ONCE` names a folder where a point that was reached leaves a file, so that the process started again passes
//! it. Without the variables none of it happens.

use std::path::PathBuf;

use crate::config::Env;

/// Exit code of a process that was killed.
const KILLED: i32 = 137;

/// Where the process is to die.
#[derive(Debug, Clone, Default)]
pub struct FailAt {
    process: &'static str,
    points: Vec<String>,
    once: Option<PathBuf>,
}

impl FailAt {
    /// Reads the two variables for a process.
    #[must_use]
    pub fn read(process: &'static str, env: &Env) -> Self {
        let points = env.optional("CENTRALE_FAIL_AT").unwrap_or_default();
        let own = format!("{process}:");
        Self {
            process,
            points: points.split(',').filter(|point| point.starts_with(&own)).map(str::to_owned).collect(),
            once: env.optional("CENTRALE_FAIL_ONCE").map(PathBuf::from),
        }
    }

    /// Dies here if this is one of the points.
    pub fn reached(&self, step: &str, point: &str) {
        if self.points.is_empty() {
            return;
        }
        let here = format!("{}:{step}:{point}", self.process);
        if !self.points.contains(&here) {
            return;
        }
        if let Some(folder) = &self.once {
            // Made only if it is not there: of several workers at the same point one dies for all.
            let marker = folder.join(here.replace(':', "-"));
            if std::fs::OpenOptions::new().write(true).create_new(true).open(marker).is_err() {
                return;
            }
        }
        tracing::error!(point = here, "CENTRALE_FAIL_AT: dying here");
        std::process::exit(KILLED);
    }
}
