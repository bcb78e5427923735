//! What tendering's log does here: the prices of a signed agreement are set by themselves.

use kit::{Failure, db::Tx, events::Effect, id::GroupId};
use prost::Message as _;
use proto::{catalogue::v1::PricesSet, events::v1::Event, tendering::v1::PricesAwarded};
use uuid::Uuid;

use crate::{
    app::find_articles,
    convert,
    domain::price,
    store::{
        articles::{self, Lookup},
        prices as store,
    },
};

/// Sets awarded prices (`tendering.prices_awarded.v1`). The cursor moves in the same transaction, so each is set once, whatever
/// is killed; one that cannot stand (its article is gone, another price holds on its days) parks and waits for people.
#[derive(Debug, Clone, Copy)]
pub struct Awards;

#[tonic::async_trait]
impl Effect for Awards {
    fn kinds(&self) -> &'static [&'static str] {
        &["tendering.prices_awarded.v1"]
    }

    async fn apply(&self, tx: &mut Tx, event: &Event) -> Result<(), Failure> {
        let group = GroupId::from_uuid(event.group_id.parse().map_err(Failure::internal)?);
        let awarded = PricesAwarded::decode(event.payload.clone()).map_err(Failure::internal)?;
        let asked = convert::awarded_prices(&awarded)?;
        store::lock_book(tx.conn(), group).await?;
        let found = articles::find(tx.conn(), &Lookup::new(asked.iter().map(|price| &price.article))).await?;
        let (prices, _) = find_articles(&found, asked)?;
        let stored = store::slots(tx.conn(), group, &prices).await?;
        let ids = price::place(&stored, &prices)?.into_iter().map(Option::unwrap_or_default);
        let prices: Vec<_> = ids.zip(prices).collect();
        let now = tx.now().await?;
        store::save(tx.conn(), group, &prices, now).await?;
        let price_ids = prices.iter().map(|(id, _)| id.to_string()).collect();
        // As for a request that sets prices, the aggregate is what asked for it.
        let cause: Uuid = event.event_id.parse().map_err(Failure::internal)?;
        tx.append(cause, "catalogue.prices_set.v1", &PricesSet { price_ids }).await
    }
}
