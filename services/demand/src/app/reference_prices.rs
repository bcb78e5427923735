//! What members paid before, the baseline of savings.

use std::collections::BTreeMap;

use kit::{Caller, Failure, Role, command::Claim, id::PartyId, money::parse_unit_price};
use proto::demand::v1::{ReferencePricesSet, SetReferencePricesRequest, SetReferencePricesResponse};

use super::App;
use crate::{
    convert::Fields,
    store::reference_prices::{self, ReferencePrice},
};

/// Most prices in one request.
const PRICE_LIMIT: usize = 5_000;
/// Longest evidence, characters.
const EVIDENCE_LIMIT: usize = 500;

impl App {
    /// Enters what members paid before.
    ///
    /// # Errors
    /// `INVALID_INPUT`, also for an unknown article or a party that is not a member today.
    pub async fn set_reference_prices(
        &self,
        caller: &Caller,
        request: SetReferencePricesRequest,
    ) -> Result<SetReferencePricesResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let group = caller.group()?;
        let prices = read_prices(&request)?;
        let mut parties: Vec<PartyId> = prices.iter().map(|price| price.party_id).collect();
        parties.sort_unstable();
        parties.dedup();
        let mut articles: Vec<String> = prices.iter().map(|price| price.article_id.to_string()).collect();
        articles.sort_unstable();
        articles.dedup();
        let (members, found) =
            tokio::try_join!(self.find_members(group, &parties), self.find_articles(group, &articles))?;
        let mut fields = Fields::default();
        for (index, price) in prices.iter().enumerate() {
            let party = price.party_id;
            let detail = format!("{party} is not a member of the group today");
            fields.check(members.contains(&party), format!("prices[{index}].party_id"), detail);
            let article = price.article_id.to_string();
            let known = found.contains_key(&article);
            fields.check(known, format!("prices[{index}].article_id"), format!("there is no article {article}"));
        }
        fields.finish()?;
        self.set_checked_reference_prices(caller, &request, prices).await
    }

    /// As [`App::set_reference_prices`], once members and articles are known to exist.
    ///
    /// # Errors
    /// `REQUEST_ID_REUSED`.
    pub async fn set_checked_reference_prices(
        &self,
        caller: &Caller,
        request: &SetReferencePricesRequest,
        prices: Vec<ReferencePrice>,
    ) -> Result<SetReferencePricesResponse, Failure> {
        let group = caller.group()?;
        let method = "centrale.demand.v1.DemandService/SetReferencePrices";
        let mut command = match self.db.command(caller, method, &request.request_id, request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        // The later of two for the same member and article stays.
        let last: BTreeMap<_, ReferencePrice> =
            prices.into_iter().map(|price| ((price.party_id, price.article_id), price)).collect();
        let prices: Vec<ReferencePrice> = last.into_values().collect();
        reference_prices::save(command.conn(), group, &prices).await?;
        let count = i64::try_from(prices.len()).map_err(Failure::internal)?;
        command.append(group.uuid(), "demand.reference_prices_set.v1", &ReferencePricesSet { count }).await?;
        command.finish(SetReferencePricesResponse { count }).await
    }
}

/// Reads the prices of a request.
///
/// # Errors
/// `INVALID_INPUT` with every fault.
pub fn read_prices(request: &SetReferencePricesRequest) -> Result<Vec<ReferencePrice>, Failure> {
    let mut fields = Fields::default();
    let within = (1..=PRICE_LIMIT).contains(&request.prices.len());
    fields.check(within, "prices", format!("must have 1 to {PRICE_LIMIT} prices"));
    let mut prices = Vec::with_capacity(request.prices.len().min(PRICE_LIMIT));
    for (index, price) in request.prices.iter().take(PRICE_LIMIT).enumerate() {
        let field = |name: &str| format!("prices[{index}].{name}");
        let party_id = fields.id(field("party_id"), &price.party_id);
        let article_id = fields.id(field("article_id"), &price.article_id);
        let unit_price = parse_unit_price(&price.unit_price).map_err(|d| fields.fault(field("unit_price"), d)).ok();
        let dated_on = fields.date(field("dated_on"), &price.dated_on);
        let evidence = price.evidence.trim();
        let told = (1..=EVIDENCE_LIMIT).contains(&evidence.chars().count());
        fields.check(told, field("evidence"), format!("must say in 1 to {EVIDENCE_LIMIT} characters what shows it"));
        if let (Some(party_id), Some(article_id), Some(unit_price), Some(dated_on)) =
            (party_id, article_id, unit_price, dated_on)
        {
            let evidence = evidence.to_owned();
            prices.push(ReferencePrice { party_id, article_id, unit_price, dated_on, evidence });
        }
    }
    fields.finish()?;
    Ok(prices)
}
