//! Everything that an order's files are written from, fetched as whoever asks for them: a caller that may not see the order
//! gets nothing.

use std::collections::HashMap;

use kit::{
    Failure,
    id::GroupId,
    identity::{Caller, Scope},
};
use proto::{
    catalogue::v1::{Article, BatchGetArticlesRequest},
    common::v1::Page,
    demand::v1 as pb,
    membership::v1::{BatchGetPartiesRequest, BatchGetSitesRequest, GetGroupRequest, Party, Site},
    tendering::v1::{Agreement, GetAgreementRequest},
};

use crate::{
    App,
    upstream::{call, catalogue, demand, membership, promised, tendering},
};

/// Most order lines in a file.
const LINES: usize = 50_000;
/// Rows asked for at once.
const PAGE: i32 = 500;
/// References asked for at once.
const REFS: usize = 1_000;

/// A pooled order with all that it names.
#[derive(Debug, Default)]
pub struct Source {
    /// The envelope.
    pub order: pb::PooledOrder,
    /// What all buyers take together, by article.
    pub pooled: Vec<pb::PooledOrderLine>,
    /// By id.
    pub lines: Vec<pb::OrderLine>,
    /// By `orf_…`.
    pub forms: HashMap<String, pb::OrderForm>,
    /// By `pty_…`.
    pub parties: HashMap<String, Party>,
    /// By `sit_…`.
    pub sites: HashMap<String, Site>,
    /// By `art_…`.
    pub articles: HashMap<String, Article>,
    /// Name of the group.
    pub group: String,
    /// Under which it is ordered.
    pub agreement: Agreement,
}

/// Fetches an order.
///
/// # Errors
/// What the services refuse.
pub async fn gather(app: &App, caller: &Caller, pooled_order_id: &str) -> Result<Source, Failure> {
    let request = pb::GetPooledOrderRequest { pooled_order_id: pooled_order_id.to_owned() };
    let answer = call(&app.peers.demand, caller, request, |channel, request| async move {
        demand(channel).get_pooled_order(request).await
    })
    .await?;
    let order = promised(answer.order, "order")?;
    let (lines, forms, (group, agreement)) = futures::try_join!(
        order_lines(app, caller, pooled_order_id),
        order_forms(app, caller, pooled_order_id),
        frame(app, &order),
    )?;
    let of_forms = forms.values().flat_map(|form| [&form.orderer_id, &form.receiver_id, &form.payer_id]);
    let parties = distinct(of_forms.chain(lines.iter().map(|line| &line.party_id)).chain([&order.supplier_id]));
    let sites = distinct(lines.iter().map(|line| &line.site_id).chain([&order.platform_site_id]));
    let articles =
        distinct(lines.iter().map(|line| &line.article_id).chain(answer.lines.iter().map(|line| &line.article_id)));
    let (parties, sites, articles) = futures::try_join!(
        parties_of(app, caller, parties),
        sites_of(app, caller, sites),
        articles_of(app, caller, articles)
    )?;
    Ok(Source { order, pooled: answer.lines, lines, forms, parties, sites, articles, group, agreement })
}

/// Name of the order's group and its agreement. A supplier reads neither by itself; it may know them for an order it sees, so
/// the gateway asks in its own name.
async fn frame(app: &App, order: &pb::PooledOrder) -> Result<(String, Agreement), Failure> {
    let group: GroupId = order.group_id.parse().map_err(Failure::internal)?;
    let own = Caller::service("gateway", Scope::Group(group));
    let named = async {
        let answer = call(&app.peers.membership, &own, GetGroupRequest {}, |channel, request| async move {
            membership(channel).get_group(request).await
        })
        .await?;
        Ok::<_, Failure>(promised(answer.group, "group")?.name)
    };
    let agreed = async {
        let request = GetAgreementRequest { agreement_id: order.agreement_id.clone() };
        let answer = call(&app.peers.tendering, &own, request, |channel, request| async move {
            tendering(channel).get_agreement(request).await
        })
        .await?;
        promised(answer.agreement, "agreement")
    };
    futures::try_join!(named, agreed)
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

async fn parties_of(app: &App, caller: &Caller, refs: Vec<String>) -> Result<HashMap<String, Party>, Failure> {
    let mut parties = HashMap::new();
    for refs in refs.chunks(REFS) {
        let request = BatchGetPartiesRequest { refs: refs.to_vec() };
        let answer = call(&app.peers.membership, caller, request, |channel, request| async move {
            membership(channel).batch_get_parties(request).await
        })
        .await?;
        parties.extend(answer.found.into_iter().filter_map(|found| found.party).map(|party| (party.id.clone(), party)));
    }
    Ok(parties)
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
