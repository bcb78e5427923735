//! Prices that tendering's log awards.

use catalogue::events::Awards;
use kit::{
    Failure,
    events::Effect as _,
    id::{AgreementId, ConsultationId, GroupId, LotId, PartyId},
};
use prost::Message as _;
use proto::{
    catalogue::v1::{ListPricesRequest, Price},
    events::v1::Event,
    tendering::v1::{AwardedPrice, OfferedTier, PricesAwarded},
};

use crate::support::*;

/// Applies an event as the reader does: as the worker, in the event's group.
async fn apply(world: &World, group: GroupId, awarded: &PricesAwarded) -> Result<(), Failure> {
    let event = Event {
        position: 1,
        event_id: request_id(),
        group_id: group.uuid().to_string(),
        aggregate_id: request_id(),
        kind: Awards.kinds()[0].to_owned(),
        payload: awarded.encode_to_vec().into(),
        ..Default::default()
    };
    let mut tx = world.test.db.begin_worker().await.unwrap();
    tx.enter(group).await.unwrap();
    match Awards.apply(&mut tx, &event).await {
        Ok(()) => tx.commit().await,
        Err(failure) => {
            tx.rollback().await.unwrap();
            Err(failure)
        }
    }
}

fn awarded(article: &str, packaging: &str) -> PricesAwarded {
    let tier = |min_units, unit_price: &str| OfferedTier { min_units, unit_price: unit_price.into() };
    let price = AwardedPrice {
        lot_id: LotId::new().to_string(),
        article_id: article.to_owned(),
        unit_price: "0.12".into(),
        supplier_id: PartyId::new().to_string(),
        packaging_code: packaging.into(),
        order_multiple_packs: 3,
        tiers: vec![tier(0, "0.12"), tier(900, "0.1")],
        valid_from: "2026-11-17".into(),
        valid_to: "2029-11-16".into(),
    };
    PricesAwarded {
        consultation_id: ConsultationId::new().to_string(),
        agreement_id: AgreementId::new().to_string(),
        prices: vec![price],
    }
}

async fn listed(world: &World, group: GroupId) -> Vec<Price> {
    let request = ListPricesRequest { on: "2027-01-01".into(), ..Default::default() };
    world.app.list_prices(&officer(group), request).await.unwrap().prices
}

#[tokio::test(flavor = "multi_thread")]
async fn an_awarded_price_is_set_as_tendered_once_however_often_it_is_told() {
    let world = world().await;
    let article = world.register(vec![tablets("PARA", "Paracétamol", vec![])]).await.unwrap().remove(0);
    let (group, event) = (GroupId::new(), awarded(&article.id, "BOX"));
    for _ in 0..2 {
        apply(&world, group, &event).await.unwrap();
        let prices = listed(&world, group).await;
        let (price, sent) = (&prices[0], &event.prices[0]);
        assert_eq!(prices.len(), 1);
        assert_eq!(
            (&price.lot_id, &price.supplier_id, &price.agreement_id),
            (&sent.lot_id, &sent.supplier_id, &event.agreement_id)
        );
        assert_eq!((price.pack_units, price.order_multiple_packs, price.vat_rate.as_str()), (30, 3, "2.1"));
        let tiers: Vec<(i64, &str)> =
            price.tiers.iter().map(|tier| (tier.min_units, tier.unit_price.as_str())).collect();
        assert_eq!(tiers, [(0, "0.12"), (900, "0.1")]);
    }
    assert!(listed(&world, GroupId::new()).await.is_empty());
    assert_eq!(world.events("catalogue.prices_set.v1").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_cannot_stand_sets_nothing() {
    let world = world().await;
    let article = world.register(vec![tablets("PARA", "Paracétamol", vec![])]).await.unwrap().remove(0);
    let group = GroupId::new();
    for faulty in [awarded(&article.id, "UNIT"), awarded(&kit::id::ArticleId::new().to_string(), "BOX")] {
        let refused = apply(&world, group, &faulty).await.unwrap_err();
        assert_eq!(refused.reason(), "INVALID_INPUT");
    }
    assert!(listed(&world, group).await.is_empty());
}
