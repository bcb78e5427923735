//! Rounds, snapshots and reference prices.

use demand::app::reference_prices::read_prices;
use kit::{
    Role, Scope,
    id::{ArticleId, GroupId, PartyId},
};
use proto::demand::v1::{
    CloseRoundRequest, ConsolidateRoundResponse, GetRoundRequest, ListRoundsRequest, ListSnapshotLinesRequest,
    ReferencePrice, RoundState, SetReferencePricesRequest, WithdrawNeedRequest,
};

use crate::support::{Stage, boxes, officer, person, request_id, requester, typed};

#[tokio::test]
async fn a_round_counts_its_active_needs_and_the_members_that_answered() {
    let stage = Stage::new().await;
    let officer = officer(GroupId::new());
    let round = stage.round(&officer).await;
    let (one, other, article) = (PartyId::new(), PartyId::new(), ArticleId::new());
    stage.add(&officer, round, one, vec![boxes(article, 1, "A"), boxes(article, 2, "B")]).await.unwrap();
    let gone = stage.add(&officer, round, other, vec![boxes(article, 3, "A")]).await.unwrap().needs.remove(0);
    let get = || stage.app.get_round(&officer, GetRoundRequest { round_id: round.to_string() });
    let counted = get().await.unwrap().round.unwrap();
    assert_eq!((counted.need_count, counted.member_count), (3, 2));
    let request = WithdrawNeedRequest { request_id: request_id(), need_id: gone.id, expected_version: 1 };
    stage.app.withdraw_need(&officer, request).await.unwrap();
    let counted = get().await.unwrap().round.unwrap();
    assert_eq!((counted.need_count, counted.member_count), (2, 1));
    let listed = stage.app.list_rounds(&officer, ListRoundsRequest::default()).await.unwrap().rounds;
    assert_eq!(listed, [counted]);
}

#[tokio::test]
async fn a_round_closes_once_at_the_version_seen_and_by_an_officer() {
    let stage = Stage::new().await;
    let group = GroupId::new();
    let officer = officer(group);
    let round = stage.round(&officer).await;
    let close = |expected_version| CloseRoundRequest {
        request_id: request_id(),
        round_id: round.to_string(),
        expected_version,
    };
    let stale = stage.app.close_round(&officer, close(7)).await.unwrap_err();
    assert_eq!((stale.reason().as_str(), stale.metadata()["now"].as_str()), ("VERSION_CHANGED", "1"));
    let refused = stage.app.close_round(&requester(group, PartyId::new()), close(0)).await.unwrap_err();
    assert_eq!(refused.reason(), "ROLE_NOT_ALLOWED");
    let request = close(1);
    let closed = stage.app.close_round(&officer, request.clone()).await.unwrap();
    assert_eq!(closed.round.as_ref().unwrap().state(), RoundState::Closed);
    assert_eq!(stage.app.close_round(&officer, request).await.unwrap(), closed, "the same request, the same answer");
    let again = stage.app.close_round(&officer, close(0)).await.unwrap_err();
    assert_eq!(again.reason(), "ROUND_WRONG_STATE");
    assert_eq!(again.metadata()["needed"], "OPEN");
    assert_eq!(stage.events("demand.round_closed.v1").await, 1);
}

#[tokio::test]
async fn another_groups_round_is_not_there() {
    let stage = Stage::new().await;
    let (mine, theirs) = (officer(GroupId::new()), officer(GroupId::new()));
    let round = stage.round(&theirs).await;
    let request = GetRoundRequest { round_id: round.to_string() };
    assert_eq!(stage.app.get_round(&mine, request).await.unwrap_err().reason(), "NOT_FOUND");
    assert_eq!(stage.close(&mine, round).await.unwrap_err().reason(), "NOT_FOUND");
    assert_eq!(stage.consolidate(&mine, round).await.unwrap_err().reason(), "NOT_FOUND");
    let added = stage.add(&mine, round, PartyId::new(), vec![boxes(ArticleId::new(), 1, "A")]).await;
    assert_eq!(added.unwrap_err().reason(), "NOT_FOUND");
    assert!(stage.app.list_rounds(&mine, ListRoundsRequest::default()).await.unwrap().rounds.is_empty());
}

#[tokio::test]
async fn a_closed_round_is_consolidated_to_the_same_snapshot_each_time() {
    let stage = Stage::new().await;
    let officer = officer(GroupId::new());
    let round = stage.round(&officer).await;
    let (article, other, party) = (ArticleId::new(), ArticleId::new(), PartyId::new());
    let open = stage.consolidate(&officer, round).await.unwrap_err();
    assert_eq!((open.reason().as_str(), open.metadata()["state"].as_str()), ("ROUND_WRONG_STATE", "OPEN"));
    stage.add(&officer, round, party, vec![boxes(article, 4, "A"), typed(article, 2, 1, "B")]).await.unwrap();
    stage.add(&officer, round, PartyId::new(), vec![boxes(article, 6, "A"), boxes(other, 1, "B")]).await.unwrap();
    stage.close(&officer, round).await.unwrap();
    let first = stage.consolidate(&officer, round).await.unwrap().snapshot.unwrap();
    assert_eq!((first.version, first.need_count, first.article_count, first.member_count), (1, 4, 2, 2));
    assert_eq!(first.units, 120 + 300 + 180 + 30);
    let ConsolidateRoundResponse { snapshot: again } = stage.consolidate(&officer, round).await.unwrap();
    assert_eq!(again.as_ref(), Some(&first));
    assert_eq!(stage.events("demand.round_consolidated.v1").await, 1);

    let request = ListSnapshotLinesRequest { snapshot_id: first.id, page: None };
    let lines = stage.app.list_snapshot_lines(&officer, request.clone()).await.unwrap().lines;
    let line = lines.iter().find(|line| line.article_id == article.to_string()).unwrap();
    assert_eq!((line.units, line.need_count, line.member_count), (600, 3, 2));
    let typed: Vec<(&str, i64, i64)> =
        line.typed.iter().map(|typed| (typed.packaging_code.as_str(), typed.quantity, typed.units)).collect();
    assert_eq!(typed, [("BOX", 10, 300), ("CARTON", 1, 300)]);
    let requester = requester(officer.group().unwrap(), party);
    let refused = stage.app.list_snapshot_lines(&requester, request).await.unwrap_err();
    assert_eq!(refused.reason(), "ROLE_NOT_ALLOWED", "totals over all members are not one member's to see");
}

#[tokio::test]
async fn the_hash_of_a_snapshot_shows_a_need_changed_behind_its_back() {
    let stage = Stage::new().await;
    let officer = officer(GroupId::new());
    let round = stage.round(&officer).await;
    stage.add(&officer, round, PartyId::new(), vec![boxes(ArticleId::new(), 4, "A")]).await.unwrap();
    stage.close(&officer, round).await.unwrap();
    let first = stage.consolidate(&officer, round).await.unwrap().snapshot.unwrap();
    let mut superuser = stage.test.superuser().await;
    sqlx::query("UPDATE need SET quantity = 5, units = 150").execute(&mut superuser).await.unwrap();
    let second = stage.consolidate(&officer, round).await.unwrap().snapshot.unwrap();
    assert_ne!(first.sha256, second.sha256);
    assert_eq!((second.version, second.units), (2, 150));
}

#[tokio::test]
async fn a_round_without_needs_is_not_consolidated() {
    let stage = Stage::new().await;
    let officer = officer(GroupId::new());
    let round = stage.round(&officer).await;
    stage.close(&officer, round).await.unwrap();
    assert_eq!(stage.consolidate(&officer, round).await.unwrap_err().reason(), "ROUND_EMPTY");
}

fn price(party: PartyId, article: ArticleId, unit_price: &str) -> ReferencePrice {
    ReferencePrice {
        party_id: party.to_string(),
        article_id: article.to_string(),
        unit_price: unit_price.into(),
        dated_on: "2025-02-15".into(),
        evidence: "Bordereau".into(),
    }
}

#[tokio::test]
async fn a_later_reference_price_replaces_an_earlier_one() {
    let stage = Stage::new().await;
    let officer = officer(GroupId::new());
    let (party, article) = (PartyId::new(), ArticleId::new());
    for (prices, count) in [(vec!["0.0724"], 1), (vec!["0.08", "0.081234"], 1)] {
        let prices = prices.into_iter().map(|text| price(party, article, text)).collect();
        let request = SetReferencePricesRequest { request_id: request_id(), prices };
        let checked = read_prices(&request).unwrap();
        let reply = stage.app.set_checked_reference_prices(&officer, &request, checked).await.unwrap();
        assert_eq!(reply.count, count);
    }
    let mut superuser = stage.test.superuser().await;
    let stored: Vec<String> =
        sqlx::query_scalar("SELECT unit_price::text FROM reference_price").fetch_all(&mut superuser).await.unwrap();
    assert_eq!(stored, ["0.081234"]);
    assert_eq!(stage.events("demand.reference_prices_set.v1").await, 2);
}

#[test]
fn every_faulty_reference_price_is_told() {
    let mut prices =
        vec![price(PartyId::new(), ArticleId::new(), "0.1234567"), price(PartyId::new(), ArticleId::new(), "-1")];
    prices[1].dated_on = "15/02/2025".into();
    prices[1].evidence = " ".into();
    let refused = read_prices(&SetReferencePricesRequest { request_id: request_id(), prices }).unwrap_err();
    let text = refused.to_string();
    for field in ["prices[0].unit_price", "prices[1].unit_price", "prices[1].dated_on", "prices[1].evidence"] {
        assert!(text.contains(field), "{field} in {text}");
    }
}

#[tokio::test]
async fn rounds_are_the_groups_and_a_party_session_reads_none() {
    let stage = Stage::new().await;
    let party = PartyId::new();
    let caller = person(Scope::Party(party), Role::MemberRequester, Some(party));
    let refused = stage.app.list_rounds(&caller, ListRoundsRequest::default()).await.unwrap_err();
    assert_eq!(refused.reason(), "WRONG_SESSION");
}
