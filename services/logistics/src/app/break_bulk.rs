//! Packagings that platforms open.

use std::collections::{BTreeSet, HashMap};

use kit::{
    command::Claim,
    error::{CommonError, Failure},
    id::{PartyId, SiteId},
    identity::{Caller, Role, Scope},
};
use proto::{
    catalogue::v1::{BatchGetArticlesRequest, catalogue_service_client::CatalogueServiceClient},
    logistics::v1::{
        BreakBulkSet, ListBreakBulkRequest, ListBreakBulkResponse, SetBreakBulkRequest, SetBreakBulkResponse,
    },
};

use super::App;
use crate::{
    convert,
    domain::{
        LogisticsError,
        break_bulk::{Article, Asked, BreakBulk, LIMIT, judge},
    },
    events::get_sites,
    store::reference,
};

/// Largest answer of the catalogue about 5,000 articles, in bytes.
const LARGEST_ARTICLES: usize = 64 << 20;

impl App {
    /// Declares packagings that the caller's platforms open; added to those already declared. A deployment session writes it: a platform
    /// serves several groups and opens a pack for all of them.
    ///
    /// # Errors
    /// `BREAK_BULK_REFUSED` with every fault; `BREAK_BULK_LIMIT`; `WRONG_SESSION` in a group's or party's session.
    pub async fn set_break_bulk(
        &self,
        caller: &Caller,
        request: SetBreakBulkRequest,
    ) -> Result<SetBreakBulkResponse, Failure> {
        caller.require(&[Role::PlatformOperator])?;
        let operator = caller.party()?;
        if caller.scope != Scope::Deployment {
            return Err(CommonError::WrongSession("the deployment").into());
        }
        let asked = convert::break_bulk(&request)?;
        let sites = self.site_parties(&asked).await?;
        let articles = self.articles(&asked).await?;
        let entries = judge(&asked, operator, |site| sites.get(&site).copied(), |reference| articles.get(reference))?;
        self.declare_break_bulk(caller, operator, &request, &entries).await
    }

    /// The command behind [`App::set_break_bulk`], once membership and catalogue have answered and every entry is judged.
    ///
    /// # Errors
    /// `BREAK_BULK_LIMIT`.
    pub async fn declare_break_bulk(
        &self,
        caller: &Caller,
        operator: PartyId,
        request: &SetBreakBulkRequest,
        entries: &[BreakBulk],
    ) -> Result<SetBreakBulkResponse, Failure> {
        let method = "centrale.logistics.v1.LogisticsService/SetBreakBulk";
        let mut command =
            match self.db.command::<SetBreakBulkResponse>(caller, method, &request.request_id, request).await? {
                Claim::Replayed(reply) => return Ok(reply),
                Claim::Fresh(command) => command,
            };
        let platforms: BTreeSet<SiteId> = entries.iter().map(|entry| entry.platform_site_id).collect();
        for platform in &platforms {
            reference::lock_platform(command.conn(), *platform).await?;
        }
        reference::insert_break_bulk(command.conn(), operator, entries).await?;
        for platform in &platforms {
            let count = reference::count_break_bulk(command.conn(), *platform).await?;
            if count > LIMIT {
                return Err(LogisticsError::BreakBulkLimit { count, limit: LIMIT }.into());
            }
        }
        for platform in &platforms {
            let count = entries.iter().filter(|entry| entry.platform_site_id == *platform).count();
            let event = BreakBulkSet {
                platform_site_id: platform.to_string(),
                count: i64::try_from(count).map_err(Failure::internal)?,
            };
            command.append(platform.uuid(), "logistics.break_bulk_set.v1", &event).await?;
        }
        let reply = SetBreakBulkResponse { entries: entries.iter().map(convert::break_bulk_to_proto).collect() };
        command.finish(reply).await
    }

    /// All packagings that a platform opens.
    ///
    /// # Errors
    /// `INVALID_INPUT`.
    pub async fn list_break_bulk(
        &self,
        caller: &Caller,
        request: ListBreakBulkRequest,
    ) -> Result<ListBreakBulkResponse, Failure> {
        let site: SiteId = convert::one_id("platform_site_id", &request.platform_site_id)?;
        let mut tx = self.db.begin(caller).await?;
        let entries = reference::list_break_bulk(tx.conn(), site).await?;
        tx.rollback().await?;
        Ok(ListBreakBulkResponse { entries: entries.iter().map(convert::break_bulk_to_proto).collect() })
    }

    /// Who operates the sites named.
    async fn site_parties(&self, asked: &[Asked]) -> Result<HashMap<SiteId, PartyId>, Failure> {
        let ids: Vec<SiteId> =
            asked.iter().map(|asked| asked.platform_site_id).collect::<BTreeSet<_>>().into_iter().collect();
        let sites = get_sites(&self.membership, &ids).await?;
        Ok(sites.into_iter().map(|site| (site.id, site.party_id)).collect())
    }

    /// The articles named, by reference.
    async fn articles(&self, asked: &[Asked]) -> Result<HashMap<String, Article>, Failure> {
        let refs: Vec<String> =
            asked.iter().map(|asked| asked.article_ref.clone()).collect::<BTreeSet<_>>().into_iter().collect();
        let service = Caller::service("logistics", Scope::Deployment);
        let found = CatalogueServiceClient::new(self.catalogue.channel())
            .max_decoding_message_size(LARGEST_ARTICLES)
            .batch_get_articles(self.catalogue.request(&service, BatchGetArticlesRequest { refs })?)
            .await?
            .into_inner()
            .found;
        let mut articles = HashMap::with_capacity(found.len());
        for found in found {
            if let Some(article) = found.article {
                let packagings = article
                    .packagings
                    .into_iter()
                    .map(|packaging| (packaging.code, !packaging.contains_code.is_empty()));
                articles.insert(
                    found.r#ref,
                    Article {
                        id: article.id.parse().map_err(Failure::internal)?,
                        medicine: article.medicine,
                        sterile_device: article.sterile_device,
                        packagings: packagings.collect(),
                    },
                );
            }
        }
        Ok(articles)
    }
}
