//! Setting and listing prices.

use std::collections::{BTreeSet, HashMap};

use kit::{
    Caller, Failure, Role, Scope,
    command::{Claim, parse_request_id},
    error::CommonError,
    id::{AgreementId, GroupId, PriceId},
};
use proto::{
    catalogue::v1::{ListPricesRequest, ListPricesResponse, PricesSet, SetPricesRequest, SetPricesResponse},
    tendering::v1::{GetAgreementRequest, tendering_service_client::TenderingServiceClient},
};
use rust_decimal::Decimal;

use super::App;
use crate::{
    MESSAGE_LIMIT,
    convert::{self, AskedPrice, Faults},
    domain::price::{self, AgreementTerms, Price},
    store::{
        articles::{self, Found, Lookup},
        prices as store,
    },
};

impl App {
    /// Sets prices of articles under lots of the group's agreements. The same lot, article and period again replaces.
    ///
    /// # Errors
    /// `PRICES_OVERLAP` when two would both apply, `NOT_FOUND` for an agreement that is not the group's, `INVALID_INPUT`;
    /// nothing is set then.
    pub async fn set_prices(&self, caller: &Caller, request: SetPricesRequest) -> Result<SetPricesResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let group = caller.group()?;
        let request_id = parse_request_id(&request.request_id)?;
        let asked = convert::prices_to_set(&request)?;
        let terms = self.agreement_terms(group, &asked).await?;
        check_terms(&terms, &asked)?;
        const METHOD: &str = "centrale.catalogue.v1.CatalogueService/SetPrices";
        let mut command = match self.db.command(caller, METHOD, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        store::lock_book(command.conn(), group).await?;
        let found = articles::find(command.conn(), &Lookup::new(asked.iter().map(|price| &price.article))).await?;
        let (prices, vat_rates) = find_articles(&found, asked)?;
        let stored = store::slots(command.conn(), group, &prices).await?;
        let places = price::place(&stored, &prices)?;
        let ids = places.into_iter().map(Option::unwrap_or_default);
        let prices: Vec<(PriceId, Price)> = ids.zip(prices).collect();
        let now = command.now().await?;
        store::save(command.conn(), group, &prices, now).await?;
        let price_ids = prices.iter().map(|(id, _)| id.to_string()).collect();
        // A bulk command is one aggregate: its request.
        command.append(request_id, "catalogue.prices_set.v1", &PricesSet { price_ids }).await?;
        let shown = prices.iter().zip(vat_rates).map(|((id, price), vat)| convert::price_to_proto(*id, price, vat));
        let reply = SetPricesResponse { prices: shown.collect() };
        command.finish(reply).await
    }

    /// Prices in force on a day: the group's, or in a party's session those at which it sells.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED` for a supplier in a group's session, where it would see its rivals' prices.
    pub async fn list_prices(
        &self,
        caller: &Caller,
        request: ListPricesRequest,
    ) -> Result<ListPricesResponse, Failure> {
        match caller.scope {
            Scope::Group(_) => caller.require(&[
                Role::PurchasingOfficer,
                Role::MemberRequester,
                Role::MemberReceiver,
                Role::Auditor,
                Role::Service,
            ])?,
            Scope::Party(_) => {}
            Scope::Deployment => return Err(CommonError::WrongSession("a group or a party").into()),
        }
        let filter = convert::price_filter(&request)?;
        let page = convert::page(caller, request.page.as_ref())?;
        let mut tx = self.db.begin(caller).await?;
        let on = match filter.on {
            Some(on) => on,
            None => tx.today().await?,
        };
        // One more tells whether there is a next page.
        let count = i64::try_from(page.size + 1).map_err(Failure::internal)?;
        let mut prices = store::list(tx.conn(), caller.scope, &filter, on, page.after, count).await?;
        tx.rollback().await?;
        let next_after = convert::cut(&mut prices, page.size, |listed| listed.id);
        let shown = prices.iter().map(|listed| convert::price_to_proto(listed.id, &listed.price, listed.vat_rate));
        Ok(ListPricesResponse { prices: shown.collect(), next_after })
    }

    /// What tendering says about the agreements of the prices, one call for each.
    async fn agreement_terms(
        &self,
        group: GroupId,
        asked: &[AskedPrice],
    ) -> Result<HashMap<AgreementId, AgreementTerms>, Failure> {
        let itself = Caller::service("catalogue", Scope::Group(group));
        let mut client = TenderingServiceClient::new(self.tendering.channel()).max_decoding_message_size(MESSAGE_LIMIT);
        let mut terms = HashMap::new();
        for agreement in asked.iter().map(|price| price.offer.agreement).collect::<BTreeSet<_>>() {
            let message = GetAgreementRequest { agreement_id: agreement.to_string() };
            let reply = client.get_agreement(self.tendering.request(&itself, message)?).await?.into_inner();
            let answer = reply.agreement.ok_or_else(|| Failure::internal("tendering answered without an agreement"))?;
            terms.insert(agreement, convert::agreement_terms(&answer)?);
        }
        Ok(terms)
    }
}

/// Refuses prices that do not fit their agreements, with every fault.
fn check_terms(terms: &HashMap<AgreementId, AgreementTerms>, asked: &[AskedPrice]) -> Result<(), Failure> {
    let mut faults = Faults::default();
    for (index, AskedPrice { offer, .. }) in asked.iter().enumerate() {
        for error in terms.get(&offer.agreement).map(|terms| terms.check(offer)).unwrap_or_default() {
            let field = match error {
                price::TermsError::ForeignLot { .. } => "lot_id",
                price::TermsError::NotHolder { .. } => "supplier_id",
                price::TermsError::OutsidePeriod { .. } => "valid_from",
            };
            faults.add(format!("prices[{index}].{field}"), error);
        }
    }
    faults.check()
}

/// The prices with their articles, packs and VAT rates; refuses with every fault.
pub(crate) fn find_articles(found: &Found, asked: Vec<AskedPrice>) -> Result<(Vec<Price>, Vec<Decimal>), Failure> {
    let mut faults = Faults::default();
    let (mut prices, mut vat_rates) = (Vec::with_capacity(asked.len()), Vec::with_capacity(asked.len()));
    for (index, AskedPrice { article, offer }) in asked.into_iter().enumerate() {
        let Some((stored, _)) = found.get(&article) else {
            faults.add(format!("prices[{index}].article_id"), "names no article of the catalogue");
            continue;
        };
        let field = format!("prices[{index}].packaging_code");
        match stored.article.packaging.level(&offer.packaging_code) {
            None => faults.add(field, format!("{} has no packaging {}", stored.article.key, offer.packaging_code)),
            Some((level, _)) if !level.orderable => {
                faults.add(field, format!("{} is not ordered by {}", stored.article.key, offer.packaging_code));
            }
            Some((_, pack_units)) if pack_units.checked_mul(offer.order_multiple_packs).is_none() => {
                faults
                    .add(format!("prices[{index}].order_multiple_packs"), "holds more base units than can be counted");
            }
            Some((_, pack_units)) => {
                prices.push(Price { article: stored.id, pack_units, offer });
                vat_rates.push(stored.article.vat_rate);
            }
        }
    }
    faults.check()?;
    Ok((prices, vat_rates))
}
