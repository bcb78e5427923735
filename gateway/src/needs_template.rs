//! The workbook that a member fills in: its articles, its own references, what it asked for last and paid before. What is
//! shown is gathered here; `workbook.rs` writes it.

mod workbook;

use std::collections::HashMap;

use chrono::DateTime;
use kit::{Failure, french::grouped, identity::Caller};
use proto::{
    catalogue::v1::{Article, BatchGetArticlesRequest, IdentifierScheme, ListPricesRequest, Packaging, Price},
    common::v1::Page,
    demand::v1::{self as pb, ArticleHistory},
    membership::v1::{BatchGetPartiesRequest, ListSitesRequest, Site},
};

use crate::{
    App,
    needs_file::Destination,
    sheet::cell::NAME_AFTER,
    upstream::{call, catalogue, demand, membership, promised},
};

/// Rows asked for at once.
const PAGE: i32 = 500;
/// Articles asked for at once.
const REFS: usize = 1_000;
/// Agreements whose prices are asked for at once.
const AGREEMENTS: usize = 100;
/// Most articles in a workbook.
const ARTICLES: usize = 20_000;

/// Everything a workbook is written from.
struct Template {
    destination: Destination,
    round_title: String,
    /// ISO time.
    closes_at: String,
    member: String,
    /// As they are written in the workbook.
    sites: Vec<String>,
    lines: Vec<Line>,
}

/// One orderable article.
struct Line {
    article: String,
    label: String,
    own_code: String,
    reference: String,
    packagings: String,
    packaging_codes: Vec<String>,
    packaging: String,
    last_asked: String,
    consumed: String,
    paid: String,
    price: String,
    site: String,
}

/// Makes the workbook of a member for a round.
///
/// # Errors
/// What the services refuse, `NOT_FOUND` for the round.
pub async fn make(app: &App, caller: &Caller, destination: Destination) -> Result<Vec<u8>, Failure> {
    let template = gather(app, caller, destination).await?;
    let turn = app.workbooks.clone().acquire_owned().await.map_err(Failure::internal)?;
    let written = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        workbook::write(&template)
    });
    written.await.map_err(Failure::internal)?.map_err(Failure::internal)
}

async fn gather(app: &App, caller: &Caller, destination: Destination) -> Result<Template, Failure> {
    // First, because it says whether the caller may ask for this member at all.
    let history = history(app, caller, &destination).await?;
    let request = pb::GetRoundRequest { round_id: destination.round_id.clone() };
    let answer =
        call(
            &app.peers.demand,
            caller,
            request,
            |channel, request| async move { demand(channel).get_round(request).await },
        )
        .await?;
    let round = promised(answer.round, "round")?;
    let (prices, sites, member) = futures::try_join!(
        prices(app, caller, &round),
        sites(app, caller, &destination.party_id),
        member(app, caller, &destination.party_id),
    )?;
    // A census is under no agreement: its workbook names what the member knows.
    let of_census = round.kind() == pb::RoundKind::Census;
    let wanted = if of_census { history.keys().cloned().collect() } else { prices.keys().cloned().collect() };
    let articles = articles(app, caller, wanted).await?;
    let labels: HashMap<String, String> = sites.iter().map(|site| (site.id.clone(), site_label(site))).collect();
    let only_site = if sites.len() == 1 { sites.first().map(site_label) } else { None };
    let mut lines: Vec<Line> = articles
        .iter()
        .map(|article| line(article, prices.get(&article.id), history.get(&article.id), &labels))
        .collect();
    for line in &mut lines {
        if let (true, Some(site)) = (line.site.is_empty(), &only_site) {
            line.site.clone_from(site);
        }
    }
    lines.sort_by(|one, other| (&one.label, &one.article).cmp(&(&other.label, &other.article)));
    let mut sites: Vec<String> = labels.into_values().collect();
    sites.sort_unstable();
    Ok(Template { destination, round_title: round.title, closes_at: round.closes_at, member, sites, lines })
}

fn line(
    article: &Article,
    price: Option<&Price>,
    history: Option<&ArticleHistory>,
    sites: &HashMap<String, String>,
) -> Line {
    let sold = article.packagings.iter().find(|packaging| packaging.orderable).map(|packaging| &packaging.code);
    let ordered = price.map(|price| &price.packaging_code).or(sold).cloned().unwrap_or_default();
    let base = &article.base_unit_label;
    let described = |packaging: &Packaging| match packaging.base_units {
        1 => format!("{} = {}", packaging.code, packaging.label),
        units => format!("{} = {} ({units} × {base})", packaging.code, packaging.label),
    };
    let codes: Vec<String> = article.packagings.iter().map(|packaging| packaging.code.clone()).collect();
    let last = history.map(|history| history.packaging_code.clone()).filter(|code| codes.contains(code));
    let asked = |history: &ArticleHistory| match (history.units, history.quantity) {
        (0, _) => String::new(),
        (units, 0) => format!("{units} × {base} ({})", history.round_title),
        (_, quantity) => format!("{quantity} {} ({})", history.packaging_code, history.round_title),
    };
    Line {
        article: code(article, &ordered),
        label: article.label.clone(),
        reference: history.map(|history| history.reference.clone()).unwrap_or_default(),
        packagings: article.packagings.iter().map(described).collect::<Vec<_>>().join(" ; "),
        packaging_codes: codes,
        packaging: last.unwrap_or(ordered),
        last_asked: history.map(asked).unwrap_or_default(),
        consumed: history.map(|history| consumed(history, base)).unwrap_or_default(),
        own_code: history.map(|history| history.own_code.clone()).unwrap_or_default(),
        paid: history.map(paid).unwrap_or_default(),
        price: price.and_then(|price| price.tiers.first()).map(|tier| tier.unit_price.clone()).unwrap_or_default(),
        site: history.and_then(|history| sites.get(&history.site_id)).cloned().unwrap_or_default(),
    }
}

/// What was consumed in the last twelve months known, with that period.
fn consumed(history: &ArticleHistory, base: &str) -> String {
    let (from, to) = (&history.consumed_from, &history.consumed_to);
    if from.is_empty() {
        return String::new();
    }
    format!("{} × {base} ({} à {})", grouped(history.consumed_units), month(from), month(to))
}

/// `2026-01` as `01/2026`.
fn month(text: &str) -> String {
    text.split_once('-').map_or_else(|| text.to_owned(), |(year, month)| format!("{month}/{year}"))
}

/// What was paid: as stated, or else on average in the months of [`consumed`].
fn paid(history: &ArticleHistory) -> String {
    if history.reference_price.is_empty() { history.consumed_price.clone() } else { history.reference_price.clone() }
}

/// The code that people know an article by: that of the packaging ordered, of any other, or its key.
fn code(article: &Article, packaging: &str) -> String {
    let ordered = article.packagings.iter().filter(|level| level.code == packaging);
    let others = article.packagings.iter().filter(|level| level.code != packaging);
    let known = [IdentifierScheme::Cip13, IdentifierScheme::Gtin];
    ordered
        .chain(others)
        .flat_map(|level| known.iter().flat_map(|scheme| level.identifiers.iter().filter(|id| id.scheme() == *scheme)))
        .map(|identifier| identifier.value.clone())
        .next()
        .unwrap_or_else(|| format!("key:{}", article.key))
}

fn site_label(site: &Site) -> String {
    let reference = match (site.finess.as_str(), site.gln.as_str()) {
        ("", "") => format!("key:{}", site.key),
        ("", gln) => gln.to_owned(),
        (finess, _) => finess.to_owned(),
    };
    let comma = if site.city.is_empty() { "" } else { ", " };
    format!("{reference}{NAME_AFTER}{}{comma}{}", site.name, site.city)
}

async fn history(
    app: &App,
    caller: &Caller,
    Destination { round_id, party_id }: &Destination,
) -> Result<HashMap<String, ArticleHistory>, Failure> {
    let mut found = HashMap::new();
    let mut after = String::new();
    loop {
        let page = Some(Page { size: PAGE, after });
        let request = pb::ListArticleHistoryRequest { round_id: round_id.clone(), party_id: party_id.clone(), page };
        let answer = call(&app.peers.demand, caller, request, |channel, request| async move {
            demand(channel).list_article_history(request).await
        })
        .await?;
        found.extend(answer.articles.into_iter().map(|history| (history.article_id.clone(), history)));
        after = answer.next_after;
        if after.is_empty() {
            return Ok(found);
        }
    }
}

/// The price of each article under the first of the round's agreements that has one, on the day the round closes.
async fn prices(app: &App, caller: &Caller, round: &pb::Round) -> Result<HashMap<String, Price>, Failure> {
    let on = DateTime::parse_from_rfc3339(&round.closes_at)
        .map(|closes| closes.format("%Y-%m-%d").to_string())
        .map_err(Failure::internal)?;
    let mut found: HashMap<String, Price> = HashMap::new();
    let rank = |price: &Price| round.agreement_ids.iter().position(|id| *id == price.agreement_id);
    for agreements in round.agreement_ids.chunks(AGREEMENTS) {
        let mut after = String::new();
        loop {
            let page = Some(Page { size: PAGE, after });
            let (on, agreement_ids) = (on.clone(), agreements.to_vec());
            let request = ListPricesRequest { on, agreement_ids, article_ids: Vec::new(), page };
            let answer = call(&app.peers.catalogue, caller, request, |channel, request| async move {
                catalogue(channel).list_prices(request).await
            })
            .await?;
            for price in answer.prices {
                let known = found.get(&price.article_id);
                if known.is_none_or(|known| rank(&price) < rank(known)) {
                    found.insert(price.article_id.clone(), price);
                }
            }
            after = answer.next_after;
            if after.is_empty() {
                break;
            }
            if found.len() > ARTICLES {
                return Err(Failure::internal(format!("more than {ARTICLES} articles in a round")));
            }
        }
    }
    Ok(found)
}

async fn articles(app: &App, caller: &Caller, refs: Vec<String>) -> Result<Vec<Article>, Failure> {
    let mut articles = Vec::with_capacity(refs.len());
    for refs in refs.chunks(REFS) {
        let request = BatchGetArticlesRequest { refs: refs.to_vec() };
        let answer = call(&app.peers.catalogue, caller, request, |channel, request| async move {
            catalogue(channel).batch_get_articles(request).await
        })
        .await?;
        articles.extend(answer.found.into_iter().filter_map(|found| found.article));
    }
    Ok(articles)
}

async fn sites(app: &App, caller: &Caller, party: &str) -> Result<Vec<Site>, Failure> {
    let mut sites = Vec::new();
    let mut after = String::new();
    loop {
        let request = ListSitesRequest { party_id: party.to_owned(), page: Some(Page { size: PAGE, after }) };
        let answer = call(&app.peers.membership, caller, request, |channel, request| async move {
            membership(channel).list_sites(request).await
        })
        .await?;
        sites.extend(answer.sites);
        after = answer.next_after;
        if after.is_empty() {
            return Ok(sites);
        }
    }
}

async fn member(app: &App, caller: &Caller, party: &str) -> Result<String, Failure> {
    let request = BatchGetPartiesRequest { refs: vec![party.to_owned()] };
    let answer = call(&app.peers.membership, caller, request, |channel, request| async move {
        membership(channel).batch_get_parties(request).await
    })
    .await?;
    Ok(answer.found.into_iter().filter_map(|found| found.party).map(|party| party.name).next().unwrap_or_default())
}

#[cfg(test)]
mod tests;
