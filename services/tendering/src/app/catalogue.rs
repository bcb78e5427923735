//! What the catalogue is asked, as this service in the group. Never while a transaction is open.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use kit::{
    Caller, Failure, FieldFault, Scope,
    client::Peer,
    id::{ArticleId, GroupId, LotId},
};
use proto::{
    catalogue::v1::{
        BatchGetArticlesRequest, ListPricesRequest, Price, catalogue_service_client::CatalogueServiceClient,
    },
    common::v1::Page,
};

use crate::domain::{consultation::dossier::Dossier, entitlement::LotTerms};

/// Articles that the catalogue takes in one call.
const ARTICLES_PER_CALL: usize = 20_000;
/// Prices in one page, the contract's limit.
const PRICES_PER_PAGE: i32 = 5_000;
/// Largest answer taken: 20,000 articles with their packagings.
const LARGEST_ANSWER: usize = 64 << 20;

#[derive(Debug, Clone)]
pub(super) struct Catalogue {
    peer: Peer,
}

impl Catalogue {
    pub(super) const fn new(peer: Peer) -> Self {
        Self { peer }
    }

    /// Packagings in which each article is sold; unknown articles are left out.
    async fn sold(
        &self,
        group: GroupId,
        articles: &BTreeSet<ArticleId>,
    ) -> Result<HashMap<ArticleId, Vec<String>>, Failure> {
        let refs: Vec<String> = articles.iter().map(ToString::to_string).collect();
        let mut client = CatalogueServiceClient::new(self.peer.channel()).max_decoding_message_size(LARGEST_ANSWER);
        let mut sold = HashMap::with_capacity(refs.len());
        for refs in refs.chunks(ARTICLES_PER_CALL) {
            let itself = Caller::service("tendering", Scope::Group(group));
            let request = self.peer.request(&itself, BatchGetArticlesRequest { refs: refs.to_vec() })?;
            let found = client.batch_get_articles(request).await?.into_inner().found;
            for article in found.into_iter().filter_map(|found| found.article) {
                let id = article.id.parse().map_err(Failure::internal)?;
                let orderable = article.packagings.into_iter().filter(|level| level.orderable);
                sold.insert(id, orderable.map(|level| level.code).collect());
            }
        }
        Ok(sold)
    }

    /// Lots of the group that price an article, or one of those that a lot prices, on a day; each with how many of them. The lot's own
    /// prices are read on a day of its agreement, so that one that has ended is known for what it had. At most one page of prices of
    /// each: what is named by it is what is most like.
    pub(super) async fn lots_alike(
        &self,
        group: GroupId,
        lot: &LotTerms,
        article: Option<ArticleId>,
        on: NaiveDate,
    ) -> Result<HashMap<LotId, usize>, Failure> {
        let articles: Vec<String> = match article {
            Some(article) => vec![article.to_string()],
            None => {
                let in_force = on.clamp(lot.starts_on, lot.ends_on);
                let own = self.prices(group, in_force, vec![lot.agreement_id.to_string()], Vec::new()).await?;
                let of_lot: BTreeSet<String> = own
                    .into_iter()
                    .filter(|price| price.lot_id == lot.lot_id.to_string())
                    .map(|p| p.article_id)
                    .collect();
                of_lot.into_iter().collect()
            }
        };
        if articles.is_empty() {
            return Ok(HashMap::new());
        }
        let mut alike: HashMap<LotId, BTreeSet<String>> = HashMap::new();
        for price in self.prices(group, on, Vec::new(), articles).await? {
            let lot = price.lot_id.parse().map_err(Failure::internal)?;
            alike.entry(lot).or_default().insert(price.article_id);
        }
        Ok(alike.into_iter().map(|(lot, articles)| (lot, articles.len())).collect())
    }

    async fn prices(
        &self,
        group: GroupId,
        on: NaiveDate,
        agreement_ids: Vec<String>,
        article_ids: Vec<String>,
    ) -> Result<Vec<Price>, Failure> {
        let mut client = CatalogueServiceClient::new(self.peer.channel()).max_decoding_message_size(LARGEST_ANSWER);
        let itself = Caller::service("tendering", Scope::Group(group));
        let page = Some(Page { size: PRICES_PER_PAGE, after: String::new() });
        let asked = ListPricesRequest { on: on.to_string(), agreement_ids, article_ids, page };
        Ok(client.list_prices(self.peer.request(&itself, asked)?).await?.into_inner().prices)
    }

    /// The documents with the packagings in which each article of a basket may be offered: those named, or else all in which
    /// it is sold. What is not sold could not be ordered once it is awarded.
    ///
    /// # Errors
    /// `INVALID_INPUT` with every article that is not there and every packaging that is not sold.
    pub(super) async fn with_packagings(&self, group: GroupId, mut dossier: Dossier) -> Result<Dossier, Failure> {
        let lines = dossier.lots.iter().flat_map(|lot| &lot.basket);
        let articles: BTreeSet<ArticleId> = lines.map(|line| line.article).collect();
        if articles.is_empty() {
            return Ok(dossier);
        }
        let sold = self.sold(group, &articles).await?;
        let mut faults = Vec::new();
        for (lot, line, basket) in dossier.lots.iter_mut().enumerate().flat_map(|(lot, content)| {
            content.basket.iter_mut().enumerate().map(move |(line, basket)| (lot, line, basket))
        }) {
            let mut fault = |field: &str, detail: String| {
                faults.push(FieldFault::new(format!("consultation.lots[{lot}].basket[{line}].{field}"), detail));
            };
            match sold.get(&basket.article) {
                None => fault("article_id", "names no article of the catalogue".to_owned()),
                Some(sold) if sold.is_empty() => fault("article_id", "is sold in no packaging".to_owned()),
                Some(sold) if basket.packagings.is_empty() => basket.packagings.clone_from(sold),
                Some(sold) => {
                    for code in basket.packagings.iter().filter(|code| !sold.contains(code)) {
                        fault("packaging_codes", format!("{code} is not sold"));
                    }
                }
            }
        }
        if faults.is_empty() { Ok(dossier) } else { Err(Failure::invalid(faults)) }
    }
}
