//! Memory and processor time of processes, and what machine this is: read from `/proc`.

use std::{path::Path, time::Duration};

use serde_json::{Value, json};

/// Clock ticks per second in `/proc/PID/stat`; the kernel's constant for programs.
const TICKS_PER_SECOND: u64 = 100;

/// Largest resident memory that a process has had, in MiB.
#[must_use]
pub fn peak_rss_mib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib / 1024)
}

/// Processor time of this process so far.
#[must_use]
pub fn own_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in brackets may hold spaces: count from behind it.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis((ticks(11) + ticks(12)) * 1_000 / TICKS_PER_SECOND)
}

/// Peak memory of every process of the stack in MiB, by name.
#[must_use]
pub fn peaks(run_dir: &Path) -> Vec<(&'static str, u64)> {
    ["gateway", "membership", "catalogue", "tendering", "demand", "logistics"]
        .into_iter()
        .filter_map(|name| {
            let pid = std::fs::read_to_string(run_dir.join(format!("pids/{name}.pid"))).ok()?;
            Some((name, peak_rss_mib(pid.trim().parse().ok()?)?))
        })
        .collect()
}

/// What the figures were measured on.
#[must_use]
pub fn describe(postgres: &str) -> Value {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split(':').nth(1)?.trim().to_owned())
    };
    let cpu = field(&read("/proc/cpuinfo"), "model name");
    let memory = field(&read("/proc/meminfo"), "MemTotal")
        .and_then(|text| text.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()))
        .map(|kib| kib / 1024);
    let load = read("/proc/loadavg").split_whitespace().next().unwrap_or_default().to_owned();
    json!({
        "cores": std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
        "processor": cpu, "memory_mib": memory, "postgres": postgres, "load_before": load,
    })
}
