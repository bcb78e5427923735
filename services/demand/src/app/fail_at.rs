//! For crash tests: the process exits as if killed when it reaches a point, once per point.
//!
//! `CENTRALE_FAIL_AT=demand:STEP:POINT,…` with STEP a name of [`Step`], POINT `before` (nothing done yet), `called` (tendering has
//! answered, nothing is stored) or `after` (the step is stored). `CENTRALE_FAIL_ONCE` names a folder where a point that was
//! reached leaves a file, so that the process started again passes it. Without the variables none of it happens.

use std::path::PathBuf;

use kit::config::Env;

use crate::domain::process::Step;

/// Exit code of a process that was killed.
const KILLED: i32 = 137;

/// Where the process is to die.
#[derive(Debug, Clone, Default)]
pub struct FailAt {
    points: Vec<String>,
    once: Option<PathBuf>,
}

impl FailAt {
    /// Reads the two variables.
    #[must_use]
    pub fn read(env: &Env) -> Self {
        let points = env.optional("CENTRALE_FAIL_AT").unwrap_or_default();
        Self {
            points: points.split(',').filter(|point| point.starts_with("demand:")).map(str::to_owned).collect(),
            once: env.optional("CENTRALE_FAIL_ONCE").map(PathBuf::from),
        }
    }

    /// Dies here if this is one of the points.
    pub fn reached(&self, step: Step, point: &str) {
        if self.points.is_empty() {
            return;
        }
        let here = format!("demand:{}:{point}", step.name());
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
