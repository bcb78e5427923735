//! `bench [--quick] [--json FILE] [KEY…]`: measures a running stack against baselines. `infra/bench` starts the stack and calls it.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Context as _, bail, ensure};
use tools::{
    bench::{
        Size, import, machine, peer, pool, read,
        report::{Aim, Figure, Report},
        reserve,
        scratch::Scratch,
        world::{Group, SEED, World},
        write,
    },
    demo::{api::Api, setup::ADMIN},
};

/// What can be measured.
const KEYS: [&str; 10] = [
    "import_ratio",
    "pool_ratio",
    "read_ratio",
    "write_ratio",
    "reserve_ratio",
    "peer_case_lines_per_s",
    "page_ms",
    "growth",
    "peak_rss_mib",
    "generator_cpu_s",
];
/// The key of the large group.
const LARGE: &str = "large";

struct Arguments {
    quick: bool,
    json: Option<PathBuf>,
    keys: Vec<String>,
}

impl Arguments {
    fn wanted(&self, key: &str) -> bool {
        self.keys.is_empty() || self.keys.iter().any(|wanted| wanted == key)
    }
}

fn arguments() -> anyhow::Result<Arguments> {
    let mut read = Arguments { quick: false, json: None, keys: Vec::new() };
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        match name.as_str() {
            "--quick" => read.quick = true,
            "--json" => read.json = Some(given.next().context("--json needs a file")?.into()),
            key if KEYS.contains(&key) => read.keys.push(key.to_owned()),
            _ => bail!("unknown argument {name}; keys: {}", KEYS.join(" ")),
        }
    }
    Ok(read)
}

/// Tells progress on standard error, so that standard output is the table alone.
#[expect(clippy::print_stderr, reason = "what this program is for")]
fn say(text: &str) {
    eprintln!("{text}");
}

fn variable(name: &str) -> anyhow::Result<String> {
    std::env::var(name).with_context(|| format!("{name} is not set"))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, url] = given.as_slice()
        && flag == "--serve-baseline"
    {
        return read::serve_baseline(url).await;
    }
    run(arguments()?).await
}

/// The stack that is measured.
struct Stack {
    url: String,
    gateway: SocketAddr,
    database: String,
    tendering: String,
    run_dir: PathBuf,
}

impl Stack {
    fn read() -> anyhow::Result<Self> {
        let url = variable("CENTRALE_URL")?;
        Ok(Self {
            gateway: url.trim_start_matches("http://").parse().context("CENTRALE_URL")?,
            url,
            database: variable("CENTRALE_SUPERUSER_DATABASE_URL")?,
            tendering: variable("CENTRALE_TENDERING_URL")?,
            run_dir: variable("CENTRALE_RUN_DIR")?.into(),
        })
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let size = if arguments.quick { Size::QUICK } else { Size::FULL };
    let stack = Stack::read()?;
    let api = Api::new(&stack.url)?;
    api.know(ADMIN, &variable("CENTRALE_BOOTSTRAP_ADMIN_PASSWORD")?);
    let scratch = Scratch::make(&stack.database).await?;
    let machine = machine::describe(&scratch.version().await?);
    say(&format!("machine: {machine}"));
    let world = World::enter(api, size).await?;
    say(&format!("entered {} establishments and {} articles", size.establishments, size.articles));
    let large = world.group(LARGE, size.establishments, size.articles).await?;
    say("entered the large group with its agreement and prices");

    let mut report = Report::default();
    let bench = Bench { arguments: &arguments, stack: &stack, world: &world, scratch: &scratch, large: &large };
    bench.reading_and_writing(&mut report).await?;
    bench.peer_case(&mut report).await?;
    bench.files_and_plans(&mut report).await?;
    if arguments.wanted("peak_rss_mib") {
        report.peaks = machine::peaks(&stack.run_dir);
    }
    print(&report.table());
    if let Some(path) = &arguments.json {
        let json = report.json(&machine, arguments.quick, SEED);
        std::fs::write(path, serde_json::to_string_pretty(&json)? + "\n")
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    ensure!(!report.table().is_empty(), "nothing measured");
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what this program is for")]
fn print(table: &str) {
    println!("{table}");
}

struct Bench<'a> {
    arguments: &'a Arguments,
    stack: &'a Stack,
    world: &'a World,
    scratch: &'a Scratch,
    large: &'a Group,
}

impl Bench<'_> {
    fn wanted(&self, key: &str) -> bool {
        self.arguments.wanted(key)
    }

    async fn reading_and_writing(&self, report: &mut Report) -> anyhow::Result<()> {
        let Self { stack, world, scratch, large, .. } = *self;
        if self.wanted("read_ratio") {
            let cpu = machine::own_cpu();
            report.ratios.push(read::measure(world, LARGE, stack.gateway, &stack.database).await?);
            self.told(report, "read_ratio", cpu);
        }
        if self.wanted("write_ratio") {
            let cpu = machine::own_cpu();
            report.ratios.push(write::measure(world, scratch, large, LARGE, stack.gateway).await?);
            self.told(report, "write_ratio", cpu);
        }
        if self.wanted("reserve_ratio") {
            let cpu = machine::own_cpu();
            let key = stack.run_dir.join("keys/demand.key.pem");
            report.ratios.push(reserve::measure(world, scratch, large, &stack.tendering, &key).await?);
            self.told(report, "reserve_ratio", cpu);
        }
        Ok(())
    }

    async fn peer_case(&self, report: &mut Report) -> anyhow::Result<()> {
        if !self.wanted("peer_case_lines_per_s") && !self.wanted("page_ms") {
            return Ok(());
        }
        let group = self.world.group(peer::KEY, peer::ESTABLISHMENTS, peer::ARTICLES).await?;
        let cpu = machine::own_cpu();
        report.figures.extend(peer::measure(self.world, self.scratch, &group).await?);
        self.told(report, "peer_case_lines_per_s", cpu);
        Ok(())
    }

    /// The two large ones, and how they grow from a tenth.
    async fn files_and_plans(&self, report: &mut Report) -> anyhow::Result<()> {
        let Self { world, scratch, large, .. } = *self;
        let (growth, needs) = (self.wanted("growth"), world.size.needs);
        let mut grown = Vec::new();
        if growth || self.wanted("import_ratio") {
            let cpu = machine::own_cpu();
            let tenth = if growth {
                Some(import::measure(world, scratch, large, LARGE, needs / 10, &self.stack.run_dir).await?)
            } else {
                None
            };
            let whole = import::measure(world, scratch, large, LARGE, needs, &self.stack.run_dir).await?;
            grown.extend(tenth.map(|tenth| ("import", whole.grown_from(&tenth))));
            report.ratios.push(whole);
            self.told(report, "import_ratio", cpu);
        }
        if growth || self.wanted("pool_ratio") {
            let cpu = machine::own_cpu();
            let tenth = if growth {
                let filled = pool::fill(world, large, LARGE, "pool tenth", needs / 10).await?;
                Some(pool::measure(world, scratch, large, LARGE, &filled).await?.0)
            } else {
                None
            };
            let filled = pool::fill(world, large, LARGE, "pool", needs).await?;
            let (whole, _) = pool::measure(world, scratch, large, LARGE, &filled).await?;
            grown.extend(tenth.map(|tenth| ("pool", whole.grown_from(&tenth))));
            report.ratios.push(whole);
            self.told(report, "pool_ratio", cpu);
        }
        let worst = grown.iter().map(|(_, ratio)| *ratio).fold(0.0, f64::max);
        if growth {
            let each: Vec<String> = grown.iter().map(|(what, ratio)| format!("{what} {ratio:.2}")).collect();
            let how = format!("times for ten times the lines: {}", each.join(", "));
            report.figures.push(Figure { key: "growth", value: worst, aim: Aim::AtMost(11.0), how });
        }
        Ok(())
    }

    fn told(&self, report: &mut Report, key: &'static str, before: std::time::Duration) {
        say(&format!("measured {key}"));
        if self.wanted("generator_cpu_s") {
            report.generator.push((key, machine::own_cpu().saturating_sub(before)));
        }
    }
}
