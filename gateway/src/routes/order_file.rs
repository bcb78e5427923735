//! A pooled order as a file for a supplier without an account: one line per article and delivery point, with everything
//! needed to prepare and ship it.

use std::collections::HashMap;

use kit::{Failure, identity::Caller};
use proto::{
    catalogue::v1::{Article, BatchGetArticlesRequest},
    common::v1::Page,
    demand::v1 as pb,
    membership::v1::{BatchGetPartiesRequest, BatchGetSitesRequest, Site},
};

use crate::{
    App,
    upstream::{call, catalogue, demand, membership, promised},
};

/// Most lines in a file.
const LINES: usize = 50_000;
/// Rows asked for at once.
const PAGE: i32 = 500;
/// References asked for at once.
const REFS: usize = 1_000;

const HEADER: [&str; 27] = [
    "commande",
    "bon_de_commande",
    "engagement",
    "commandeur",
    "payeur",
    "membre",
    "site",
    "finess",
    "adresse",
    "code_postal",
    "ville",
    "acheminement",
    "livrer_a",
    "livrer_adresse",
    "livrer_code_postal",
    "livrer_ville",
    "article",
    "libelle",
    "conditionnement",
    "unites_par_conditionnement",
    "conditionnements",
    "unites",
    "unites_commandees",
    "unites_annulees",
    "conditionnements_de_l_article_a_cette_adresse",
    "prix_unitaire_ht_eur",
    "montant_ht_eur",
];

/// A file to download.
pub struct OrderFile {
    /// Its name, ASCII.
    pub name: String,
    /// UTF-8 with byte order mark.
    pub content: Vec<u8>,
}

/// Everything the file is written from.
struct Source {
    order: pb::PooledOrder,
    lines: Vec<pb::OrderLine>,
    forms: HashMap<String, pb::OrderForm>,
    parties: HashMap<String, String>,
    sites: HashMap<String, Site>,
    articles: HashMap<String, Article>,
    platform_site_id: String,
}

/// Makes the file of an order.
///
/// # Errors
/// What the services refuse.
pub async fn make(app: &App, caller: &Caller, pooled_order_id: String) -> Result<OrderFile, Failure> {
    let source = gather(app, caller, pooled_order_id).await?;
    let number: String =
        source.order.number.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
    Ok(OrderFile { name: format!("commande-{number}.csv"), content: write(&source)? })
}

async fn gather(app: &App, caller: &Caller, pooled_order_id: String) -> Result<Source, Failure> {
    let request = pb::GetPooledOrderRequest { pooled_order_id: pooled_order_id.clone() };
    let answer = call(&app.peers.demand, caller, request, |channel, request| async move {
        demand(channel).get_pooled_order(request).await
    })
    .await?;
    let order = promised(answer.order, "order")?;
    let (lines, forms, platform_site_id) = futures::try_join!(
        order_lines(app, caller, &pooled_order_id),
        order_forms(app, caller, &pooled_order_id),
        platform_of(app, caller, &order.plan_id),
    )?;
    let parties = distinct(
        forms
            .values()
            .flat_map(|form| [&form.orderer_id, &form.payer_id])
            .chain(lines.iter().map(|line| &line.party_id)),
    );
    let sites = distinct(lines.iter().map(|line| &line.site_id).chain([&platform_site_id]));
    let articles = distinct(lines.iter().map(|line| &line.article_id));
    let (parties, sites, articles) = futures::try_join!(
        party_names(app, caller, parties),
        sites_of(app, caller, sites),
        articles_of(app, caller, articles)
    )?;
    Ok(Source { order, lines, forms, parties, sites, articles, platform_site_id })
}

fn distinct<'a>(ids: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut ids: Vec<_> = ids.filter(|id| !id.is_empty()).cloned().collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

async fn order_lines(app: &App, caller: &Caller, order: &str) -> Result<Vec<pb::OrderLine>, Failure> {
    let mut lines = Vec::new();
    let mut after = String::new();
    loop {
        let page = Some(Page { size: PAGE, after });
        let request = pb::ListOrderLinesRequest { pooled_order_id: order.to_owned(), party_id: String::new(), page };
        let answer = call(&app.peers.demand, caller, request, |channel, request| async move {
            demand(channel).list_order_lines(request).await
        })
        .await?;
        lines.extend(answer.lines);
        after = answer.next_after;
        if after.is_empty() {
            return Ok(lines);
        }
        if lines.len() >= LINES {
            return Err(Failure::internal(format!("more than {LINES} lines in {order}")));
        }
    }
}

async fn order_forms(app: &App, caller: &Caller, order: &str) -> Result<HashMap<String, pb::OrderForm>, Failure> {
    let mut forms = HashMap::new();
    let mut after = String::new();
    loop {
        let request =
            pb::ListOrderFormsRequest { pooled_order_id: order.to_owned(), page: Some(Page { size: PAGE, after }) };
        let answer = call(&app.peers.demand, caller, request, |channel, request| async move {
            demand(channel).list_order_forms(request).await
        })
        .await?;
        forms.extend(answer.forms.into_iter().map(|form| (form.id.clone(), form)));
        after = answer.next_after;
        if after.is_empty() {
            return Ok(forms);
        }
    }
}

/// Where goods that go through the platform are shipped to: the round says.
async fn platform_of(app: &App, caller: &Caller, plan: &str) -> Result<String, Failure> {
    if plan.is_empty() {
        // Placed before Centrale: delivered straight to the member.
        return Ok(String::new());
    }
    let request = pb::GetPlanRequest { plan_id: plan.to_owned() };
    let answer =
        call(
            &app.peers.demand,
            caller,
            request,
            |channel, request| async move { demand(channel).get_plan(request).await },
        )
        .await?;
    let request = pb::GetRoundRequest { round_id: promised(answer.plan, "plan")?.round_id };
    let answer =
        call(
            &app.peers.demand,
            caller,
            request,
            |channel, request| async move { demand(channel).get_round(request).await },
        )
        .await?;
    Ok(promised(answer.round, "round")?.platform_site_id)
}

async fn party_names(app: &App, caller: &Caller, refs: Vec<String>) -> Result<HashMap<String, String>, Failure> {
    let mut names = HashMap::new();
    for refs in refs.chunks(REFS) {
        let request = BatchGetPartiesRequest { refs: refs.to_vec() };
        let answer = call(&app.peers.membership, caller, request, |channel, request| async move {
            membership(channel).batch_get_parties(request).await
        })
        .await?;
        names.extend(answer.found.into_iter().filter_map(|found| found.party).map(|party| (party.id, party.name)));
    }
    Ok(names)
}

async fn sites_of(app: &App, caller: &Caller, refs: Vec<String>) -> Result<HashMap<String, Site>, Failure> {
    let mut sites = HashMap::new();
    for refs in refs.chunks(REFS) {
        let request = BatchGetSitesRequest { refs: refs.to_vec() };
        let answer = call(&app.peers.membership, caller, request, |channel, request| async move {
            membership(channel).batch_get_sites(request).await
        })
        .await?;
        sites.extend(answer.found.into_iter().filter_map(|found| found.site).map(|site| (site.id.clone(), site)));
    }
    Ok(sites)
}

async fn articles_of(app: &App, caller: &Caller, refs: Vec<String>) -> Result<HashMap<String, Article>, Failure> {
    let mut articles = HashMap::new();
    for refs in refs.chunks(REFS) {
        let request = BatchGetArticlesRequest { refs: refs.to_vec() };
        let answer = call(&app.peers.catalogue, caller, request, |channel, request| async move {
            catalogue(channel).batch_get_articles(request).await
        })
        .await?;
        articles.extend(
            answer.found.into_iter().filter_map(|found| found.article).map(|article| (article.id.clone(), article)),
        );
    }
    Ok(articles)
}

fn write(source: &Source) -> Result<Vec<u8>, Failure> {
    let mut writer = csv::WriterBuilder::new()
        .delimiter(b';')
        .terminator(csv::Terminator::CRLF)
        .from_writer(b"\xef\xbb\xbf".to_vec());
    writer.write_record(HEADER).map_err(Failure::internal)?;
    // Where a platform opens packs, only all of its lines together make whole ones: that is what the supplier puts on the pallet.
    let mut to_send: HashMap<(&str, &str), i64> = HashMap::new();
    for line in &source.lines {
        *to_send.entry((&line.pooled_line_id, destination(source, line))).or_default() += net_units(line);
    }
    for line in &source.lines {
        let to_send = to_send[&(line.pooled_line_id.as_str(), destination(source, line))];
        writer.write_record(record(source, line, to_send)).map_err(Failure::internal)?;
    }
    writer.into_inner().map_err(Failure::internal)
}

/// What was cancelled meanwhile must not be shipped.
const fn net_units(line: &pb::OrderLine) -> i64 {
    line.units_ordered - line.units_cancelled
}

/// `sit_…` that the supplier ships to.
fn destination<'a>(source: &'a Source, line: &'a pb::OrderLine) -> &'a str {
    if line.route() == pb::Route::Platform { &source.platform_site_id } else { &line.site_id }
}

fn record(source: &Source, line: &pb::OrderLine, to_send: i64) -> [String; 27] {
    let form = source.forms.get(&line.order_form_id);
    let party =
        |id: Option<&String>| id.and_then(|id| source.parties.get(id)).map(|name| text(name)).unwrap_or_default();
    let site = source.sites.get(&line.site_id);
    let platform = line.route() == pb::Route::Platform;
    let destination = if platform { source.sites.get(&source.platform_site_id) } else { site };
    let of = |site: Option<&Site>, field: fn(&Site) -> &String| site.map(|site| text(field(site))).unwrap_or_default();
    let article = source.articles.get(&line.article_id);
    let units = net_units(line);
    let packs = |units: i64| match line.pack_units {
        pack if pack > 0 && units % pack == 0 => (units / pack).to_string(),
        _ => String::new(),
    };
    [
        text(&source.order.number),
        form.map(|form| text(&form.number)).unwrap_or_default(),
        form.map(|form| text(&form.commitment_number)).unwrap_or_default(),
        party(form.map(|form| &form.orderer_id)),
        party(form.map(|form| &form.payer_id)),
        party(Some(&line.party_id)),
        of(site, |site| &site.name),
        of(site, |site| &site.finess),
        of(site, |site| &site.address),
        of(site, |site| &site.postcode),
        of(site, |site| &site.city),
        if platform { "PLATEFORME" } else { "DIRECT" }.to_owned(),
        of(destination, |site| &site.name),
        of(destination, |site| &site.address),
        of(destination, |site| &site.postcode),
        of(destination, |site| &site.city),
        article.map_or_else(|| text(&line.article_id), |article| text(code(article, &line.packaging_code))),
        article.map(|article| text(&article.label)).unwrap_or_default(),
        text(&line.packaging_code),
        line.pack_units.to_string(),
        packs(units),
        units.to_string(),
        line.units_ordered.to_string(),
        line.units_cancelled.to_string(),
        packs(to_send),
        line.unit_price.replace('.', ","),
        euros(line.amount_cents - line.cancelled_cents),
    ]
}

/// The identifier that a supplier knows: that of the packaging ordered, any of the article's, or our key.
fn code<'a>(article: &'a Article, packaging: &str) -> &'a str {
    let of_packaging = article.packagings.iter().find(|level| level.code == packaging);
    let any = article.packagings.iter().flat_map(|level| &level.identifiers);
    of_packaging
        .and_then(|level| level.identifiers.first())
        .or_else(|| any.clone().next())
        .map_or(article.key.as_str(), |identifier| identifier.value.as_str())
}

/// A text cell that no spreadsheet takes for a formula.
fn text(value: &str) -> String {
    if value.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{value}") } else { value.to_owned() }
}

fn euros(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{},{:02}", cents.unsigned_abs() / 100, cents.unsigned_abs() % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Source {
        let site = |id: &str, name: &str| Site {
            id: id.into(),
            name: name.into(),
            city: "Rouen".into(),
            ..Default::default()
        };
        let line = |id: &str, route: pb::Route, cancelled: i64| pb::OrderLine {
            id: id.into(),
            order_form_id: "orf_1".into(),
            party_id: "pty_1".into(),
            site_id: "sit_1".into(),
            route: route.into(),
            article_id: "art_1".into(),
            packaging_code: "BOX".into(),
            pack_units: 30,
            units_ordered: 120,
            units_cancelled: cancelled,
            unit_price: "0.0842".into(),
            amount_cents: 1_010,
            cancelled_cents: if cancelled > 0 { 253 } else { 0 },
            ..Default::default()
        };
        let form = pb::OrderForm {
            id: "orf_1".into(),
            number: "BC-2026-0001".into(),
            orderer_id: "pty_1".into(),
            ..Default::default()
        };
        Source {
            order: pb::PooledOrder { number: "CG-2026-0001".into(), ..Default::default() },
            lines: vec![line("orl_1", pb::Route::Platform, 0), line("orl_2", pb::Route::Direct, 30)],
            forms: HashMap::from([("orf_1".into(), form)]),
            parties: HashMap::from([("pty_1".into(), "CHU; de Rouen".into())]),
            sites: HashMap::from([
                ("sit_1".into(), site("sit_1", "PUI")),
                ("sit_9".into(), site("sit_9", "Plateforme")),
            ]),
            articles: HashMap::from([(
                "art_1".into(),
                Article {
                    id: "art_1".into(),
                    key: "paracetamol".into(),
                    label: "=HYPERLINK(\"x\")".into(),
                    ..Default::default()
                },
            )]),
            platform_site_id: "sit_9".into(),
        }
    }

    #[test]
    fn the_file_tells_what_goes_where_without_what_was_cancelled() {
        let content = write(&source()).unwrap();
        let text = String::from_utf8(content).unwrap();
        let body = text.strip_prefix('\u{feff}').expect("byte order mark");
        let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(body.as_bytes());
        let header = reader.headers().unwrap().clone();
        let rows: Vec<HashMap<String, String>> = reader
            .records()
            .map(|row| header.iter().map(str::to_owned).zip(row.unwrap().iter().map(str::to_owned)).collect())
            .collect();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0]["livrer_a"].as_str(), rows[0]["acheminement"].as_str()), ("Plateforme", "PLATEFORME"));
        assert_eq!((rows[1]["livrer_a"].as_str(), rows[1]["acheminement"].as_str()), ("PUI", "DIRECT"));
        assert_eq!((rows[0]["conditionnements"].as_str(), rows[1]["conditionnements"].as_str()), ("4", "3"));
        let whole = "conditionnements_de_l_article_a_cette_adresse";
        assert_eq!((rows[0][whole].as_str(), rows[1][whole].as_str()), ("4", "3"), "one address each");
        assert_eq!((rows[1]["unites_commandees"].as_str(), rows[1]["unites_annulees"].as_str()), ("120", "30"));
        assert_eq!((rows[0]["montant_ht_eur"].as_str(), rows[1]["montant_ht_eur"].as_str()), ("10,10", "7,57"));
        assert_eq!((rows[0]["prix_unitaire_ht_eur"].as_str(), rows[0]["membre"].as_str()), ("0,0842", "CHU; de Rouen"));
        assert!(rows[0]["libelle"].starts_with("'="), "no formula");
    }
}
