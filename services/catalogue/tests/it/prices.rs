use std::collections::HashSet;

use kit::{
    Caller, Failure, Role, Scope,
    id::{GroupId, LotId, PartyId},
};
use proto::{catalogue::v1::*, common::v1::Page};

use crate::support::*;

async fn with_articles() -> World {
    let world = world().await;
    let articles =
        vec![tablets("PARA", "Paracétamol", vec![cip13("3400949497294")]), tablets("IBU", "Ibuprofène", vec![])];
    world.register(articles).await.unwrap();
    world
}

async fn list(world: &World, caller: &Caller, on: &str) -> Result<Vec<Price>, Failure> {
    let request = ListPricesRequest { on: on.into(), ..Default::default() };
    Ok(world.app.list_prices(caller, request).await?.prices)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_is_set_shown_with_its_pack_and_vat_and_holds_on_its_days_only() {
    let world = with_articles().await;
    let group = GroupId::new();
    let terms = world.tendering.agreement(group, PartyId::new());
    let sent = vec![terms.price("3400949497294", "02-01", "06-30"), terms.price("key:IBU", "01-01", "12-31")];
    let set = world.set(&officer(group), sent.clone()).await.unwrap();
    let para = world.get("key:PARA").await.unwrap();
    let expected =
        Price { id: set[0].id.clone(), article_id: para.id, pack_units: 30, vat_rate: "2.1".into(), ..sent[0].clone() };
    assert_eq!(set[0], expected);
    for (on, count) in [("2026-01-31", 1), ("2026-02-01", 2), ("2026-06-30", 2), ("2026-07-01", 1), ("2027-01-01", 0)] {
        assert_eq!(list(&world, &officer(group), on).await.unwrap().len(), count, "{on}");
    }
    let on = "2026-03-01".to_owned();
    let of_one =
        ListPricesRequest { on: on.clone(), article_ids: vec![set[0].article_id.clone()], ..Default::default() };
    assert_eq!(world.app.list_prices(&officer(group), of_one).await.unwrap().prices, set[..1]);
    let other = world.tendering.agreement(group, PartyId::new()).agreement.to_string();
    let of_another = ListPricesRequest { on, agreement_ids: vec![other], ..Default::default() };
    assert_eq!(world.app.list_prices(&officer(group), of_another).await.unwrap().prices, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_day_the_prices_of_today_are_listed() {
    let world = with_articles().await;
    let group = GroupId::new();
    let terms = world.tendering.agreement(group, PartyId::new());
    let set = world.set(&officer(group), vec![terms.price("key:IBU", "01-01", "12-31")]).await.unwrap();
    let mut superuser = world.test.superuser().await;
    let today: chrono::NaiveDate =
        sqlx::query_scalar("SELECT (public.business_now() AT TIME ZONE 'Europe/Paris')::date")
            .fetch_one(&mut superuser)
            .await
            .unwrap();
    sqlx::query("UPDATE price SET valid_from = $1, valid_to = $1").bind(today).execute(&mut superuser).await.unwrap();
    assert_eq!(list(&world, &officer(group), "").await.unwrap()[0].id, set[0].id);
    sqlx::query("UPDATE price SET valid_from = $1 + 1, valid_to = $1 + 1")
        .bind(today)
        .execute(&mut superuser)
        .await
        .unwrap();
    assert_eq!(list(&world, &officer(group), "").await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_sees_its_prices_only_and_a_supplier_its_own_across_groups() {
    let world = with_articles().await;
    let (here, there, supplier, rival) = (GroupId::new(), GroupId::new(), PartyId::new(), PartyId::new());
    let mut own = HashSet::new();
    for group in [here, there] {
        let terms = world.tendering.agreement(group, supplier);
        own.insert(
            world.set(&officer(group), vec![terms.price("key:PARA", "01-01", "12-31")]).await.unwrap().remove(0).id,
        );
    }
    let rivals = world.tendering.agreement(here, rival);
    world.set(&officer(here), vec![rivals.price("key:PARA", "01-01", "12-31")]).await.unwrap();
    let on = "2026-05-05";
    let ids = |prices: Vec<Price>| prices.into_iter().map(|price| price.id).collect::<HashSet<_>>();
    assert_eq!(list(&world, &officer(here), on).await.unwrap().len(), 2);
    assert_eq!(list(&world, &officer(there), on).await.unwrap().len(), 1);
    assert_eq!(list(&world, &officer(GroupId::new()), on).await.unwrap(), []);
    let seller = person(Scope::Party(supplier), Role::Supplier);
    assert_eq!(ids(list(&world, &seller, on).await.unwrap()), own);
    assert_eq!(list(&world, &person(Scope::Party(PartyId::new()), Role::Supplier), on).await.unwrap(), []);
    let among_rivals = person(Scope::Group(here), Role::Supplier);
    assert_eq!(list(&world, &among_rivals, on).await.unwrap_err().reason(), "ROLE_NOT_ALLOWED");
    let nowhere = list(&world, &administrator(), on).await.unwrap_err();
    assert_eq!(nowhere.reason(), "WRONG_SESSION");
    // Postgres alone says the same, without the conditions of the query.
    for (caller, count) in [(officer(here), 2), (officer(there), 1), (seller, 2), (administrator(), 0)] {
        let mut tx = world.test.db.begin(&caller).await.unwrap();
        let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM price").fetch_one(tx.conn()).await.unwrap();
        assert_eq!(seen, count);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_period_replaces_and_a_shared_day_is_refused_with_the_other_price() {
    let world = with_articles().await;
    let (group, caller) = (GroupId::new(), officer(GroupId::new()));
    let caller = Caller { scope: Scope::Group(group), ..caller };
    let terms = world.tendering.agreement(group, PartyId::new());
    let first = world.set(&caller, vec![terms.price("key:PARA", "01-01", "06-30")]).await.unwrap().remove(0);
    let mut cheaper = terms.price("cip13:3400949497294", "01-01", "06-30");
    cheaper.tiers = vec![Tier { min_units: 0, unit_price: "0.1".into() }];
    let second = world.set(&caller, vec![cheaper]).await.unwrap().remove(0);
    assert_eq!(second.id, first.id);
    assert_eq!(list(&world, &caller, "2026-03-01").await.unwrap(), std::slice::from_ref(&second));
    let failure = world
        .set(&caller, vec![terms.price("key:PARA", "07-01", "12-31"), terms.price("key:PARA", "06-30", "06-30")])
        .await
        .unwrap_err();
    assert_eq!(failure.reason(), "PRICES_OVERLAP");
    let metadata = failure.metadata();
    assert_eq!(
        (metadata["other"].as_str(), metadata["other_to"].as_str(), metadata["from"].as_str()),
        (first.id.as_str(), "2026-06-30", "2026-06-30")
    );
    assert_eq!(list(&world, &caller, "2026-08-01").await.unwrap(), [], "nothing of the request was set");
    let itself = world
        .set(&caller, vec![terms.price("key:IBU", "01-01", "06-30"), terms.price("key:IBU", "06-01", "07-30")])
        .await
        .unwrap_err();
    assert_eq!((itself.reason().as_str(), itself.metadata()["other"].as_str()), ("PRICES_OVERLAP", "prices[0]"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_prices_that_race_for_a_day_one_wins() {
    let world = with_articles().await;
    let group = GroupId::new();
    let terms = world.tendering.agreement(group, PartyId::new());
    let calls = (1..=10).map(|day| {
        let app = world.app.clone();
        let request = SetPricesRequest {
            request_id: request_id(),
            prices: vec![terms.price("key:PARA", &format!("01-{day:02}"), "12-31")],
        };
        tokio::spawn(async move { app.set_prices(&officer(group), request).await })
    });
    let mut reasons = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        reasons.push(call.await.unwrap().map_or_else(|failure| failure.reason(), |_| "SET".to_owned()));
    }
    reasons.sort();
    assert_eq!(reasons, [vec!["PRICES_OVERLAP"; 9], vec!["SET"]].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_duplicates_set_one_price() {
    let world = with_articles().await;
    let group = GroupId::new();
    let caller = officer(group);
    let terms = world.tendering.agreement(group, PartyId::new());
    let request =
        SetPricesRequest { request_id: request_id(), prices: vec![terms.price("key:PARA", "01-01", "12-31")] };
    let calls = (0..20).map(|_| {
        let (app, caller, request) = (world.app.clone(), caller.clone(), request.clone());
        tokio::spawn(async move { app.set_prices(&caller, request).await.unwrap() })
    });
    let mut replies = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        replies.push(call.await.unwrap());
    }
    assert!(replies.iter().all(|reply| *reply == replies[0]));
    assert_eq!(list(&world, &caller, "2026-01-01").await.unwrap().len(), 1);
    assert_eq!(world.events("catalogue.prices_set.v1").await, 1);
}

fn faulty(failure: Failure) -> Vec<String> {
    let Failure::Domain(error) = failure else { panic!("{failure}") };
    error.fields().into_iter().map(|fault| fault.field).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_must_fit_its_agreement_and_its_article() {
    let world = with_articles().await;
    let group = GroupId::new();
    let terms = world.tendering.agreement(group, PartyId::new());
    let good = || terms.price("key:PARA", "01-01", "12-31");
    let against_terms = vec![
        Price { lot_id: LotId::new().to_string(), ..good() },
        Price { supplier_id: PartyId::new().to_string(), ..good() },
        Price { valid_to: "2027-01-01".into(), ..good() },
    ];
    let fields = faulty(world.set(&officer(group), against_terms).await.unwrap_err());
    assert_eq!(fields, ["prices[0].lot_id", "prices[1].supplier_id", "prices[2].valid_from"]);
    let against_articles = vec![
        Price { article_id: "key:NONE".into(), ..good() },
        Price { packaging_code: "UNIT".into(), ..good() },
        Price { packaging_code: "PALLET".into(), ..good() },
    ];
    let fields = faulty(world.set(&officer(group), against_articles).await.unwrap_err());
    assert_eq!(fields, ["prices[0].article_id", "prices[1].packaging_code", "prices[2].packaging_code"]);
    let malformed = vec![Price {
        agreement_id: "x".into(),
        article_id: "3400949497295".into(),
        order_multiple_packs: 0,
        tiers: vec![Tier { min_units: 0, unit_price: "1.1234567".into() }],
        valid_from: "2026-1-1".into(),
        ..good()
    }];
    let fields = faulty(world.set(&officer(group), malformed).await.unwrap_err());
    let expected = ["agreement_id", "article_id", "order_multiple_packs", "tiers[0].unit_price", "valid_from"];
    assert_eq!(fields, expected.map(|field| format!("prices[0].{field}")));
    assert_eq!(world.events("catalogue.prices_set.v1").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_officer_of_the_agreements_group_sets_prices() {
    let world = with_articles().await;
    let group = GroupId::new();
    let price = || vec![world.tendering.agreement(group, PartyId::new()).price("key:PARA", "01-01", "12-31")];
    assert_eq!(world.set(&officer(GroupId::new()), price()).await.unwrap_err().reason(), "NOT_FOUND");
    for role in Role::ALL.into_iter().filter(|role| *role != Role::PurchasingOfficer) {
        let failure = world.set(&person(Scope::Group(group), role), price()).await.unwrap_err();
        assert_eq!(failure.reason(), "ROLE_NOT_ALLOWED");
    }
    let in_no_group = person(Scope::Party(PartyId::new()), Role::PurchasingOfficer);
    assert_eq!(world.set(&in_no_group, price()).await.unwrap_err().reason(), "WRONG_SESSION");
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_are_read_in_pages_and_services_read_longer_ones() {
    let world = world().await;
    let group = GroupId::new();
    let terms = world.tendering.agreement(group, PartyId::new());
    let articles = (0..600).map(|number| tablets(&format!("K{number}"), "Article", vec![]));
    world.register(articles.collect()).await.unwrap();
    let prices = (0..600).map(|number| terms.price(&format!("key:K{number}"), "01-01", "12-31"));
    let set = world.set(&officer(group), prices.collect()).await.unwrap();
    let page = |size, after: String| ListPricesRequest {
        on: "2026-01-01".into(),
        page: Some(Page { size, after }),
        ..Default::default()
    };
    let mut read = Vec::new();
    let mut after = String::new();
    for expected in [250, 250, 100] {
        let reply = world.app.list_prices(&officer(group), page(250, after)).await.unwrap();
        assert_eq!(reply.prices.len(), expected);
        read.extend(reply.prices);
        after = reply.next_after;
    }
    assert_eq!(after, "");
    let ids = |prices: &[Price]| prices.iter().map(|price| price.id.clone()).collect::<HashSet<_>>();
    assert_eq!((read.len(), ids(&read)), (600, ids(&set)));
    assert_eq!(
        world.app.list_prices(&officer(group), page(501, String::new())).await.unwrap_err().reason(),
        "INVALID_INPUT"
    );
    let demand = Caller::service("demand", Scope::Group(group));
    let reply = world.app.list_prices(&demand, page(5_000, String::new())).await.unwrap();
    assert_eq!((reply.prices.len(), reply.next_after.as_str()), (600, ""));
}
