//! What the other services say about a round's needs on the day of its plan. Asked before any transaction (design decision 12),
//! in pages and batches whose sizes are written here.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use kit::{
    Caller, Failure,
    id::{AgreementId, ArticleId, LotId, PartyId, SiteId},
};
use proto::{
    catalogue::v1::{
        BatchGetArticlesRequest, ListPricesRequest, Price, catalogue_service_client::CatalogueServiceClient,
    },
    common::v1::Page,
    logistics::v1::{
        ListBreakBulkRequest, ListRoutesRequest, Requirement, logistics_service_client::LogisticsServiceClient,
    },
    membership::v1::{BatchGetPartiesRequest, GetGroupRequest, membership_service_client::MembershipServiceClient},
    tendering::v1::{
        CheckEntitlementsRequest, EntitlementQuestion, GetAgreementRequest,
        tendering_service_client::TenderingServiceClient,
    },
};

use super::App;
use crate::{
    convert::plans as convert,
    domain::{
        buyers::{BuyerStatus, FormRules},
        need::LineKind,
        plan::PlannedNeed,
        round::RoundTerms,
        terms::{Agreement, Offer, Terms},
    },
};

/// Largest answer taken from another service.
const ANSWER_LIMIT: usize = 64 << 20;
/// Prices in a page.
const PRICE_PAGE: i32 = 5_000;
/// Articles named when asking for prices; a round with more reads the agreements' whole lists.
const NAMED_ARTICLES: usize = 2_000;
/// Articles in one batch.
const ARTICLE_BATCH: usize = 2_000;
/// Sites in one question about routes.
const SITE_BATCH: usize = 500;
/// Requirements in one question about routes, the contract's limit.
const REQUIREMENT_BATCH: usize = 50;
/// Questions about entitlements in one batch.
const QUESTION_BATCH: usize = 5_000;
/// Parties in one batch, the contract's limit.
const PARTY_BATCH: usize = 2_000;

/// Lots and their numbers, by lot.
type LotNumbers = HashMap<LotId, i32>;

impl App {
    /// Everything that planning these needs takes, as the other services answer today.
    ///
    /// # Errors
    /// When one of them is away or its answer does not hold together.
    pub(super) async fn plan_terms(
        &self,
        caller: &Caller,
        round: &RoundTerms,
        needs: &[PlannedNeed],
    ) -> Result<Terms, Failure> {
        let own = Self::own(caller.scope);
        let form = self.form_rules(&own).await?;
        let (agreements, lots) = self.agreements(&own, &round.agreement_ids).await?;
        let articles: BTreeSet<ArticleId> = needs.iter().map(|need| need.article).collect();
        let offers = self.offers(&own, &agreements, &lots, &articles).await?;
        let mut terms = Terms::new(agreements, offers, form)?;
        let requirements = self.articles(&own, &articles, &mut terms).await?;
        let sites: BTreeSet<SiteId> = needs.iter().map(|need| need.site).collect();
        self.routes(&own, round.platform_site_id, &requirements, &sites, &mut terms).await?;
        if let Some(platform) = round.platform_site_id {
            self.break_bulk(&own, platform, &mut terms).await?;
        }
        self.entitlements(&own, needs, &mut terms).await?;
        Ok(terms)
    }

    async fn form_rules(&self, own: &Caller) -> Result<FormRules, Failure> {
        let reply = MembershipServiceClient::new(self.membership.channel())
            .get_group(self.membership.request(own, GetGroupRequest {})?)
            .await?;
        convert::form_rules(reply.into_inner().group)
    }

    async fn agreements(&self, own: &Caller, ids: &[AgreementId]) -> Result<(Vec<Agreement>, LotNumbers), Failure> {
        let mut client = TenderingServiceClient::new(self.tendering.channel()).max_decoding_message_size(ANSWER_LIMIT);
        let (mut agreements, mut lots) = (Vec::with_capacity(ids.len()), LotNumbers::new());
        for id in ids {
            let request = GetAgreementRequest { agreement_id: id.to_string() };
            let reply = client.get_agreement(self.tendering.request(own, request)?).await?.into_inner();
            let (agreement, numbers) = convert::agreement(reply.agreement)?;
            agreements.push(agreement);
            lots.extend(numbers);
        }
        Ok((agreements, lots))
    }

    /// Prices in force today for the articles of the needs.
    async fn offers(
        &self,
        own: &Caller,
        agreements: &[Agreement],
        lots: &LotNumbers,
        articles: &BTreeSet<ArticleId>,
    ) -> Result<Vec<Offer>, Failure> {
        let mut client = CatalogueServiceClient::new(self.catalogue.channel()).max_decoding_message_size(ANSWER_LIMIT);
        let named = if articles.len() <= NAMED_ARTICLES {
            articles.iter().map(ToString::to_string).collect()
        } else {
            Vec::new()
        };
        let mut request = ListPricesRequest {
            on: String::new(),
            agreement_ids: agreements.iter().map(|agreement| agreement.id.to_string()).collect(),
            article_ids: named,
            page: Some(Page { size: PRICE_PAGE, after: String::new() }),
        };
        let mut offers = Vec::new();
        loop {
            let reply = client.list_prices(self.catalogue.request(own, request.clone())?).await?.into_inner();
            for price in reply.prices {
                offers.extend(offer(price, agreements, lots, articles)?);
            }
            if reply.next_after.is_empty() {
                return Ok(offers);
            }
            request.page = Some(Page { size: PRICE_PAGE, after: reply.next_after });
        }
    }

    /// Fills in the articles; their distinct transport requirements, to which they refer by index.
    async fn articles(
        &self,
        own: &Caller,
        articles: &BTreeSet<ArticleId>,
        terms: &mut Terms,
    ) -> Result<Vec<Requirement>, Failure> {
        let mut client = CatalogueServiceClient::new(self.catalogue.channel()).max_decoding_message_size(ANSWER_LIMIT);
        let mut requirements: BTreeMap<(String, String), u16> = BTreeMap::new();
        let refs: Vec<String> = articles.iter().map(ToString::to_string).collect();
        for refs in refs.chunks(ARTICLE_BATCH) {
            let request = BatchGetArticlesRequest { refs: refs.to_vec() };
            let reply = client.batch_get_articles(self.catalogue.request(own, request)?).await?.into_inner();
            for found in reply.found {
                let Some(article) = found.article else { continue };
                let (id, mut known) = convert::article(&article)?;
                if known.kind == LineKind::Goods {
                    let next = u16::try_from(requirements.len()).map_err(Failure::internal)?;
                    let key = (article.required_authorisation, article.storage_class);
                    known.requirement = Some(*requirements.entry(key).or_insert(next));
                }
                terms.articles.insert(id, known);
            }
        }
        let mut by_index: Vec<((String, String), u16)> = requirements.into_iter().collect();
        by_index.sort_by_key(|requirement| requirement.1);
        let requirement = |((authorisation, storage_class), _)| Requirement { authorisation, storage_class };
        Ok(by_index.into_iter().map(requirement).collect())
    }

    async fn routes(
        &self,
        own: &Caller,
        platform: Option<SiteId>,
        requirements: &[Requirement],
        sites: &BTreeSet<SiteId>,
        terms: &mut Terms,
    ) -> Result<(), Failure> {
        let mut client = LogisticsServiceClient::new(self.logistics.channel()).max_decoding_message_size(ANSWER_LIMIT);
        let sites: Vec<String> = sites.iter().map(ToString::to_string).collect();
        for (batch, requirements) in requirements.chunks(REQUIREMENT_BATCH).enumerate() {
            for sites in sites.chunks(SITE_BATCH) {
                let request = ListRoutesRequest {
                    platform_site_id: platform.map(|id| id.to_string()).unwrap_or_default(),
                    requirements: requirements.to_vec(),
                    site_ids: sites.to_vec(),
                };
                let reply = client.list_routes(self.logistics.request(own, request)?).await?.into_inner();
                for route in reply.routes {
                    let (requirement, site, answer) = convert::route(route)?;
                    let requirement = requirement + batch * REQUIREMENT_BATCH;
                    terms.routes.insert((u16::try_from(requirement).map_err(Failure::internal)?, site), answer);
                }
            }
        }
        Ok(())
    }

    async fn break_bulk(&self, own: &Caller, platform: SiteId, terms: &mut Terms) -> Result<(), Failure> {
        let request = ListBreakBulkRequest { platform_site_id: platform.to_string() };
        let reply = LogisticsServiceClient::new(self.logistics.channel())
            .max_decoding_message_size(ANSWER_LIMIT)
            .list_break_bulk(self.logistics.request(own, request)?)
            .await?;
        for entry in reply.into_inner().entries {
            terms.break_bulk.insert((entry.article_id.parse().map_err(Failure::internal)?, entry.packaging_code));
        }
        Ok(())
    }

    /// Asks for every member and every lot that has a price for something the member needs.
    async fn entitlements(&self, own: &Caller, needs: &[PlannedNeed], terms: &mut Terms) -> Result<(), Failure> {
        let mut pairs: BTreeSet<(PartyId, LotId)> = BTreeSet::new();
        let mut asked: HashSet<(PartyId, ArticleId)> = HashSet::new();
        for need in needs {
            if asked.insert((need.party, need.article)) {
                let offers = &terms.offers()[terms.offers_of(need.article)];
                pairs.extend(offers.iter().map(|offer| (need.party, offer.lot)));
            }
        }
        let mut client = TenderingServiceClient::new(self.tendering.channel()).max_decoding_message_size(ANSWER_LIMIT);
        let pairs: Vec<(PartyId, LotId)> = pairs.into_iter().collect();
        for pairs in pairs.chunks(QUESTION_BATCH) {
            let question = |&(party, lot): &(PartyId, LotId)| EntitlementQuestion {
                party_id: party.to_string(),
                lot_id: lot.to_string(),
                ..EntitlementQuestion::default()
            };
            let request =
                CheckEntitlementsRequest { questions: pairs.iter().map(question).collect(), on: String::new() };
            let reply = client.check_entitlements(self.tendering.request(own, request)?).await?.into_inner();
            if reply.entitlements.len() != pairs.len() {
                return Err(Failure::internal("tendering answered another number of questions"));
            }
            terms
                .entitlements
                .extend(pairs.iter().copied().zip(reply.entitlements.into_iter().map(convert::entitlement)));
        }
        Ok(())
    }

    /// Whether each payer's status requires a commitment number.
    pub(super) async fn commitments_required(
        &self,
        caller: &Caller,
        payers: &BTreeSet<PartyId>,
    ) -> Result<Vec<(PartyId, bool)>, Failure> {
        let own = Self::own(caller.scope);
        let mut client =
            MembershipServiceClient::new(self.membership.channel()).max_decoding_message_size(ANSWER_LIMIT);
        // A party that membership does not know is treated strictly.
        let mut required: BTreeMap<PartyId, bool> =
            payers.iter().map(|&party| (party, BuyerStatus::Unknown.needs_commitment())).collect();
        let refs: Vec<String> = payers.iter().map(ToString::to_string).collect();
        for refs in refs.chunks(PARTY_BATCH) {
            let request = BatchGetPartiesRequest { refs: refs.to_vec() };
            let reply = client.batch_get_parties(self.membership.request(&own, request)?).await?.into_inner();
            for party in reply.found.into_iter().filter_map(|found| found.party) {
                let id: PartyId = party.id.parse().map_err(Failure::internal)?;
                required.insert(id, convert::buyer_status(party.buyer_status()).needs_commitment());
            }
        }
        Ok(required.into_iter().collect())
    }
}

/// A price as an offer, when its article is needed.
fn offer(
    price: Price,
    agreements: &[Agreement],
    lots: &LotNumbers,
    articles: &BTreeSet<ArticleId>,
) -> Result<Option<Offer>, Failure> {
    let offer = convert::offer(price, agreements, lots)?;
    Ok(articles.contains(&offer.article).then_some(offer))
}
