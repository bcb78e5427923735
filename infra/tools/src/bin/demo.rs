//! `demo --url URL --data DIR [--json FILE] [--pause]`: loads a folder, runs its season and tells its story.
//! `demo --url URL --groups DIR --group NAME|all [--json FILE]`: runs the scenarios of kinds of group, each from its folder in DIR.
//! `infra/demo` calls both.

use std::{
    io::BufRead as _,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context as _, bail};
use futures::future::try_join_all;
use tools::demo::{
    api::Api,
    chain::{self, Chain, Outcome},
    clock::Clock,
    data::{Data, chain::instant},
    opening,
    report::{self, Seconds},
    scenario::{self, Stage},
    season::Season,
    setup::{self, ADMIN, Ids, People},
    story,
};

struct Arguments {
    url: String,
    data: PathBuf,
    json: Option<PathBuf>,
    check: bool,
    pause: bool,
    /// Scenarios to run instead of the folder's season, and where their folders are.
    scenarios: Option<(Vec<&'static str>, PathBuf)>,
}

fn arguments() -> anyhow::Result<Arguments> {
    let (mut url, mut data, mut json, mut check, mut pause) = (None, None, None, false, false);
    let (mut group, mut groups) = (None, None);
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        let mut value = || given.next().with_context(|| format!("{name} needs a value"));
        match name.as_str() {
            "--url" => url = Some(value()?),
            "--data" => data = Some(PathBuf::from(value()?)),
            "--group" => group = Some(value()?),
            "--groups" => groups = Some(PathBuf::from(value()?)),
            "--json" => json = Some(PathBuf::from(value()?)),
            "--check" => check = true,
            "--pause" => pause = true,
            _ => bail!("unknown argument {name}"),
        }
    }
    let url = if check { url.unwrap_or_default() } else { url.context("--url is missing")? };
    let scenarios = match group {
        Some(group) => Some((scenario::named(&group)?, groups.context("--groups is missing")?)),
        None => None,
    };
    let data = if scenarios.is_some() { data.unwrap_or_default() } else { data.context("--data is missing")? };
    Ok(Arguments { url, data, json, check, pause, scenarios })
}

/// Tells progress on standard output.
#[expect(clippy::print_stdout, reason = "what this program is for")]
fn say(text: &str) {
    println!("{text}");
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    match run().await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("ÉCHEC : {error:#}"));
            std::process::ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    let arguments = arguments()?;
    if let Some((names, dir)) = &arguments.scenarios {
        return scenarios(&arguments, names, dir).await;
    }
    let data = Data::read(&arguments.data)?;
    if arguments.check {
        say("Le dossier de données est complet et cohérent.");
        return Ok(());
    }
    let password = std::env::var("CENTRALE_DEMO_PASSWORD").context("CENTRALE_DEMO_PASSWORD is not set")?;
    let api = Api::new(&arguments.url)?;
    api.know(
        ADMIN,
        &std::env::var("CENTRALE_BOOTSTRAP_ADMIN_PASSWORD").context("CENTRALE_BOOTSTRAP_ADMIN_PASSWORD is not set")?,
    );
    let people = People::read(&data);
    let mut seconds = Seconds::new();
    let mut clock = Instant::now();
    let mut stage = |name: &'static str, label: &str| {
        let took = clock.elapsed();
        clock = Instant::now();
        seconds.push((name, took));
        say(&format!(
            "  {label:<58} {:>6} ms",
            kit::french::grouped(i64::try_from(took.as_millis()).unwrap_or(i64::MAX))
        ));
    };

    let mut ids = Ids::default();
    if let Some(begins) = chain::begins(&data) {
        movable()?.set(begins).await?;
    }
    setup::registry(&api, &data, &mut ids, &password).await?;
    let groups: Vec<String> = ids.groups.keys().cloned().collect();
    for group in &groups {
        setup::reference_prices(&api, &data, &ids, &people, group).await?;
    }
    stage("registry", "Établissements, personnes, articles, prix de l'an dernier");
    let outcome = consultations(&api, &data, &ids, &people).await?;
    ids.agreements.extend(outcome.agreements.iter().cloned());
    stage("consultations", "Du recensement à l'accord-cadre signé");
    for group in &groups {
        setup::agreements(&api, &data, &mut ids, &people, group).await?;
        opening::lots(&api, &data, &ids, &people, group).await?;
        opening::consumption(&api, &data, &ids, &people, group).await?;
        opening::orders(&api, &data, &ids, &people, group).await?;
    }
    setup::break_bulk(&api, &data, &ids, &people).await?;
    stage("agreements", "Accords-cadres, prix, consommations, commandes en cours");

    let mut seasons: Vec<Season<'_>> =
        groups.iter().map(|group| Season::new(&api, &data, &ids, &people, group)).collect();
    try_join_all(seasons.iter_mut().map(Season::needs)).await?;
    stage("needs", "Besoins : à l'unité, par lot, par fichier");
    try_join_all(seasons.iter_mut().map(Season::pool)).await?;
    stage("pool", "Clôture, consolidation, plan groupé");
    try_join_all(seasons.iter_mut().map(Season::order)).await?;
    stage("order", "Approbation, engagements, commandes groupées");
    try_join_all(seasons.iter_mut().map(Season::answer)).await?;
    stage("answer", "Réponses des fournisseurs");
    try_join_all(seasons.iter_mut().map(Season::ship)).await?;
    stage("ship", "Expéditions annoncées");
    try_join_all(seasons.iter_mut().map(Season::receive)).await?;
    stage("receive", "Réceptions sur plateforme et répartition");
    try_join_all(seasons.iter_mut().map(Season::deliver)).await?;
    stage("deliver", "Livraisons, preuves, service fait");
    try_join_all(seasons.iter_mut().map(Season::urgent)).await?;
    stage("urgent", "Commandes urgentes, hors campagne");
    try_join_all(seasons.iter_mut().map(Season::dispatched)).await?;
    stage("dispatches", "Commandes parties par courriel");
    try_join_all(seasons.iter_mut().map(Season::books)).await?;
    stage("books", "Comptes rapprochés");

    tell(&story::tell(&seasons).await?, arguments.pause);
    finish(&arguments, &data, &seasons, &outcome, &seconds)
}

/// Runs scenarios one after the other in one deployment and prints what each showed.
async fn scenarios(arguments: &Arguments, names: &[&'static str], dir: &Path) -> anyhow::Result<()> {
    for name in names {
        Data::read(&dir.join(name))?;
    }
    if arguments.check {
        say("Les dossiers des scénarios sont complets et cohérents.");
        return Ok(());
    }
    let password = std::env::var("CENTRALE_DEMO_PASSWORD").context("CENTRALE_DEMO_PASSWORD is not set")?;
    let admin =
        std::env::var("CENTRALE_BOOTSTRAP_ADMIN_PASSWORD").context("CENTRALE_BOOTSTRAP_ADMIN_PASSWORD is not set")?;
    let clock = std::env::var("CENTRALE_SUPERUSER_DATABASE_URL").ok().map(Clock::new);
    let mut told = Vec::new();
    for name in names {
        say(&format!("  {name}"));
        // One for each: what is named alike in two scenarios is not the same request.
        let api = Api::new(&arguments.url)?;
        api.know(ADMIN, &admin);
        let stage = Stage { api: &api, dir: dir.join(name), password: &password, clock: clock.as_ref(), say };
        let shown = scenario::run(name, &stage).await.with_context(|| format!("scénario {name}"))?;
        told.push((*name, shown));
    }
    say("");
    say(&scenario::table(&told));
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_string_pretty(&scenario::json(&told))? + "\n")
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// One screen; with `pause`, a step at a time.
fn tell(steps: &[story::Step], pause: bool) {
    say("");
    for (index, step) in steps.iter().enumerate() {
        say(&format!("── {} / {}  {}", index + 1, steps.len(), step.title));
        for line in &step.lines {
            say(&format!("   {line}"));
        }
        if pause {
            say("   (Entrée pour continuer)");
            // The end of the input is as good as a line: a pipe is not waited for.
            let _ = std::io::stdin().lock().read_line(&mut String::new());
        }
    }
}

/// The clock, which a folder with consultations moves.
fn movable() -> anyhow::Result<Clock> {
    let url = std::env::var("CENTRALE_SUPERUSER_DATABASE_URL")
        .context("CENTRALE_SUPERUSER_DATABASE_URL is not set: a folder with consultations moves the demo's clock")?;
    Ok(Clock::new(url))
}

/// Runs the folder's consultations on their dates, then goes to the day on which its season begins.
async fn consultations(api: &Api, data: &Data, ids: &Ids, people: &People) -> anyhow::Result<Outcome> {
    let chains = Chain::all(api, data, ids, people)?;
    if chains.is_empty() {
        return Ok(Outcome::default());
    }
    let clock = movable()?;
    let outcome = chain::run(chains, &clock, say).await?;
    let today = data.today.as_deref().and_then(instant).context("no today.txt")?;
    clock.set(today).await?;
    say(&format!("  {}  la saison commence", today.format("%d/%m/%Y %H:%M:%S UTC")));
    Ok(outcome)
}

fn finish(
    arguments: &Arguments,
    data: &Data,
    seasons: &[Season<'_>],
    outcome: &Outcome,
    seconds: &Seconds,
) -> anyhow::Result<()> {
    let groups: Vec<_> = seasons
        .iter()
        .map(|season| {
            let mut facts = season.facts.clone();
            let members = data.table("members.csv").rows().filter(|row| row.text("group_key") == season.group).count();
            facts.insert("members", i64::try_from(members).unwrap_or(i64::MAX));
            facts.extend(outcome.facts.get(&season.group).into_iter().flatten());
            (season.group.clone(), facts)
        })
        .collect();
    let mut totals = report::totals(&groups);
    let count = |file: &str| i64::try_from(data.table(file).rows().count()).unwrap_or(i64::MAX);
    let members: std::collections::BTreeSet<&str> =
        data.table("members.csv").rows().map(|row| row.text("party_key")).collect();
    // One hospital in two groups is one establishment.
    totals.insert("members", i64::try_from(members.len()).unwrap_or(i64::MAX));
    totals.insert("sites", count("sites.csv"));
    totals.insert("articles", count("articles.csv"));
    say("");
    for (group, note) in &outcome.notes {
        say(&format!("  [{group}] {note}"));
    }
    for season in seasons {
        for note in &season.notes {
            say(&format!("  [{}] {note}", season.group));
        }
    }
    say("");
    say(&report::table(&groups, &totals));
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_string_pretty(&report::json(&totals, seconds))? + "\n")
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    anyhow::ensure!(
        totals["amount_ordered_cents"] == totals["sum_of_shares_cents"],
        "the shares do not add up to the orders"
    );
    Ok(())
}
