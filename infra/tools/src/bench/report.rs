//! Figures, the table, the JSON.

use std::{fmt::Write as _, time::Duration};

use serde_json::{Map, Value, json};

/// One measurement: ours beside its baseline, the same work in each run.
#[derive(Debug, Clone)]
pub struct Ratio {
    /// `import_ratio`, …
    pub key: &'static str,
    /// What is counted, e.g. `needs`.
    pub unit: &'static str,
    /// How many of them one run does.
    pub amount: u64,
    /// Ratio of speeds aimed at.
    pub aim: f64,
    /// What each run of ours took.
    pub ours: Vec<Duration>,
    /// What each run of the baseline took.
    pub baseline: Vec<Duration>,
    /// What was compared at the end.
    pub checked: String,
}

impl Ratio {
    /// Ours / baseline, as speeds, of the medians.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        seconds(&self.baseline) / seconds(&self.ours)
    }

    /// How many times as long ours took as in a smaller measurement.
    #[must_use]
    pub fn grown_from(&self, smaller: &Self) -> f64 {
        seconds(&self.ours) / seconds(&smaller.ours)
    }

    fn rate(&self, runs: &[Duration]) -> f64 {
        self.amount as f64 / seconds(runs)
    }

    fn json(&self) -> Value {
        let each = |runs: &[Duration]| runs.iter().map(|run| rounded(run.as_secs_f64(), 1_000.0)).collect::<Vec<_>>();
        json!({
            "ratio": rounded(self.ratio(), 1_000.0), "aim": self.aim, "met": self.ratio() >= self.aim, "unit": self.unit,
            "amount": self.amount, "ours_per_s": self.rate(&self.ours).round(), "baseline_per_s": self.rate(&self.baseline).round(),
            "ours_s": each(&self.ours), "baseline_s": each(&self.baseline), "checked": self.checked,
        })
    }
}

/// A figure without a baseline.
#[derive(Debug, Clone)]
pub struct Figure {
    /// `page_ms`, …
    pub key: &'static str,
    /// The figure.
    pub value: f64,
    /// What it is aimed at, and whether more is better.
    pub aim: Aim,
    /// How it came about.
    pub how: String,
}

/// What a figure is aimed at.
#[derive(Debug, Clone, Copy)]
pub enum Aim {
    /// So much or more.
    AtLeast(f64),
    /// So much or less.
    AtMost(f64),
}

impl Aim {
    fn met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(aim) => value >= aim,
            Self::AtMost(aim) => value <= aim,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtLeast(aim) => format!("≥ {aim}"),
            Self::AtMost(aim) => format!("≤ {aim}"),
        }
    }
}

/// Everything measured.
#[derive(Debug, Default)]
pub struct Report {
    /// Beside baselines.
    pub ratios: Vec<Ratio>,
    /// Alone.
    pub figures: Vec<Figure>,
    /// Peak memory of each process, MiB.
    pub peaks: Vec<(&'static str, u64)>,
    /// Processor time of the load generator, by key.
    pub generator: Vec<(&'static str, Duration)>,
}

impl Report {
    /// For people, and for a README.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = String::from("| key | ours | baseline | ratio | aim | |\n|---|---|---|---|---|---|\n");
        for ratio in &self.ratios {
            let rate = |runs: &[Duration]| format!("{}/s ({:.2} s)", whole(ratio.rate(runs)), seconds(runs));
            let _ = writeln!(
                text,
                "| {} ({} {}) | {} | {} | **{:.2}** | {} | {} |",
                ratio.key,
                kit::french::grouped(i64::try_from(ratio.amount).unwrap_or(i64::MAX)),
                ratio.unit,
                rate(&ratio.ours),
                rate(&ratio.baseline),
                ratio.ratio(),
                ratio.aim,
                verdict(ratio.ratio() >= ratio.aim),
            );
        }
        for figure in &self.figures {
            let _ = writeln!(
                text,
                "| {} | {} | {} | | {} | {} |",
                figure.key,
                shown(figure.value),
                figure.how,
                figure.aim.text(),
                verdict(figure.aim.met(figure.value))
            );
        }
        for (name, mib) in &self.peaks {
            let large = matches!(*name, "gateway" | "demand");
            let (aim, met) = if large { ("< 256", verdict(*mib < 256)) } else { ("", "") };
            let _ = writeln!(text, "| peak_rss_mib {name} | {mib} | | | {aim} | {met} |");
        }
        for (key, cpu) in &self.generator {
            let _ = writeln!(text, "| generator_cpu_s {key} | {:.1} | | | | |", cpu.as_secs_f64());
        }
        text
    }

    /// For programs.
    #[must_use]
    pub fn json(&self, machine: &Value, quick: bool, seed: u64) -> Value {
        let mut results = Map::new();
        for ratio in &self.ratios {
            results.insert(ratio.key.to_owned(), ratio.json());
        }
        for figure in &self.figures {
            let Figure { key, value, aim, how } = figure;
            results.insert(
                (*key).to_owned(),
                json!({ "value": rounded(*value, 100.0), "aim": aim.text(), "met": aim.met(*value), "how": how }),
            );
        }
        let peaks: Map<String, Value> = self.peaks.iter().map(|(name, mib)| ((*name).to_owned(), json!(mib))).collect();
        results.insert("peak_rss_mib".to_owned(), Value::Object(peaks));
        let generator: Map<String, Value> =
            self.generator.iter().map(|(key, cpu)| ((*key).to_owned(), json!(cpu.as_secs_f64()))).collect();
        results.insert("generator_cpu_s".to_owned(), Value::Object(generator));
        json!({ "machine": machine, "quick": quick, "seed": seed, "results": results })
    }
}

const fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "missed" }
}

fn whole(value: f64) -> String {
    // Rates of this program are far below 2⁵³.
    kit::french::grouped(format!("{value:.0}").parse().unwrap_or(0))
}

fn shown(value: f64) -> String {
    if value >= 1_000.0 { whole(value) } else { format!("{value:.2}") }
}

fn rounded(value: f64, to: f64) -> f64 {
    (value * to).round() / to
}

/// The median, in seconds.
#[must_use]
pub fn seconds(runs: &[Duration]) -> f64 {
    let mut sorted = runs.to_vec();
    sorted.sort_unstable();
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => sorted[length / 2].as_secs_f64(),
        length => (sorted[length / 2 - 1] + sorted[length / 2]).as_secs_f64() / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_of_the_medians_and_above_one_when_ours_is_faster() {
        let runs = |seconds: &[u64]| seconds.iter().copied().map(Duration::from_secs).collect();
        let ratio = Ratio {
            key: "import_ratio",
            unit: "needs",
            amount: 100,
            aim: 0.6,
            ours: runs(&[4, 100, 2]),
            baseline: runs(&[3, 1, 2]),
            checked: String::new(),
        };
        assert!((ratio.ratio() - 0.5).abs() < 1e-9);
        let report = Report { ratios: vec![ratio], ..Report::default() };
        assert!(
            report
                .table()
                .contains("| import_ratio (100 needs) | 25/s (4.00 s) | 50/s (2.00 s) | **0.50** | 0.6 | missed |")
        );
        assert_eq!(report.json(&Value::Null, true, 1)["results"]["import_ratio"]["met"], false);
    }
}
