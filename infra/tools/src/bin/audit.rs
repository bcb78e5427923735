//! `audit [--json]`: proves the books of a deployment. `infra/audit` calls it with the stack's addresses.

use std::process::ExitCode;

use anyhow::Context as _;
use tools::audit::{Config, Findings, run};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let variable = |name: &str| std::env::var(name).with_context(|| format!("{name} is not set"));
    let config = Config {
        database_url: variable("CENTRALE_AUDITOR_DATABASE_URL")?,
        trusted_keys: variable("CENTRALE_TRUSTED_KEYS")?.into(),
        heads_dir: variable("CENTRALE_HEADS_DIR")?.into(),
    };
    let findings = run(&config).await?;
    print(&findings, std::env::args().any(|argument| argument == "--json"));
    Ok(if findings.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[expect(clippy::print_stdout, reason = "what this program is for")]
fn print(findings: &Findings, json: bool) {
    if json {
        let checked: serde_json::Map<String, serde_json::Value> =
            findings.checked.iter().map(|(what, count)| (what.clone(), (*count).into())).collect();
        println!(
            "{}",
            serde_json::json!({ "clean": findings.wrong.is_empty(), "checked": checked, "wrong": findings.wrong })
        );
        return;
    }
    for (what, count) in &findings.checked {
        println!("  {what:<64} {:>12}", kit::french::grouped(*count));
    }
    for wrong in &findings.wrong {
        println!("  ANOMALIE  {wrong}");
    }
    if findings.wrong.is_empty() {
        println!("Les livres sont justes : aucune anomalie.");
    } else {
        println!("{} anomalies.", findings.wrong.len());
    }
}
