//! Censuses: stated with a commitment, frozen with it, drawn up into lots, never planned.

use demand::domain::{
    need::{Batch, Commitment, NewNeed},
    round::{RoundKind, RoundTerms},
};
use kit::{
    Caller,
    id::{ArticleId, GroupId, PartyId, RoundId},
};
use proto::demand::v1::{
    AddNeedsRequest, Commitment as Wire, CreateRoundRequest, ListArticleHistoryRequest, PlanRoundRequest,
    RoundKind as WireKind,
};

use crate::support::{Stage, boxes, officer, request_id};

/// An open census over twelve months.
async fn census(stage: &Stage, officer: &Caller) -> RoundId {
    let now = kit::clock::technical_now();
    let terms = RoundTerms {
        kind: RoundKind::Census { period_months: 12 },
        title: "Recensement".into(),
        opens_at: now - chrono::TimeDelta::minutes(60),
        closes_at: now + chrono::TimeDelta::minutes(60),
        platform_site_id: None,
        agreement_ids: Vec::new(),
    };
    let request = CreateRoundRequest { request_id: request_id(), round: None };
    let round = stage.app.create_checked_round(officer, &request, terms).await.unwrap().round.unwrap();
    assert_eq!((round.kind(), round.period_months), (WireKind::Census, 12));
    round.id.parse().unwrap()
}

fn meant(need: NewNeed, commitment: Commitment) -> NewNeed {
    NewNeed { commitment: Some(commitment), ..need }
}

#[tokio::test]
async fn a_need_of_a_census_is_indicative_unless_said_and_an_order_round_takes_no_commitment() {
    let stage = Stage::new().await;
    let officer = officer(GroupId::new());
    let (round, party, article) = (census(&stage, &officer).await, PartyId::new(), ArticleId::new());
    let needs = vec![boxes(article, 1, "A"), meant(boxes(article, 2, "B"), Commitment::Firm)];
    stage.add(&officer, round, party, needs).await.unwrap();
    let kept: Vec<Wire> = stage.list(&officer).await.iter().map(proto::demand::v1::Need::commitment).collect();
    assert_eq!(kept, [Wire::Indicative, Wire::Firm]);

    let orders = stage.round(&officer).await;
    let needs = vec![boxes(article, 1, "A"), NewNeed { row: 2, ..meant(boxes(article, 2, "B"), Commitment::Minimum) }];
    let request = AddNeedsRequest { request_id: request_id(), ..AddNeedsRequest::default() };
    let batch = Batch { round_id: orders, party_id: party, needs };
    let reply = stage.app.add_resolved(&officer, &request, batch).await.unwrap();
    assert!(reply.needs.is_empty(), "all or none");
    let told: Vec<(i64, &str)> = reply.errors.iter().map(|error| (error.row, error.column.as_str())).collect();
    assert_eq!(told, [(2, "commitment")]);
}

#[tokio::test]
async fn a_census_is_frozen_with_its_commitments_and_never_planned() {
    let stage = Stage::new().await;
    let officer = officer(GroupId::new());
    let round = census(&stage, &officer).await;
    let need = meant(boxes(ArticleId::new(), 4, "A"), Commitment::Minimum);
    stage.add(&officer, round, PartyId::new(), vec![need]).await.unwrap();
    stage.close(&officer, round).await.unwrap();
    let first = stage.consolidate(&officer, round).await.unwrap().snapshot.unwrap();
    let plan = PlanRoundRequest { request_id: request_id(), snapshot_id: first.id.clone() };
    let refused = stage.app.plan_round(&officer, plan).await.unwrap_err();
    assert_eq!(refused.reason(), "CENSUS_NOT_ORDERED");
    assert_eq!(refused.metadata()["source"], "CCP R2162-6 ; R2162-13");

    let mut superuser = stage.test.superuser().await;
    let ordered = sqlx::query("UPDATE round SET state = 'ORDERED'").execute(&mut superuser).await.unwrap_err();
    assert!(ordered.to_string().contains("census_never_ordered"), "Postgres says so too: {ordered}");
    sqlx::query("UPDATE need SET commitment = 'FIRM'").execute(&mut superuser).await.unwrap();
    let second = stage.consolidate(&officer, round).await.unwrap().snapshot.unwrap();
    assert_ne!(first.sha256, second.sha256, "how firmly it was meant is frozen too");
}

#[tokio::test]
async fn what_a_census_estimates_is_not_what_was_asked_for_last() {
    let stage = Stage::new().await;
    let officer = officer(GroupId::new());
    let (party, article) = (PartyId::new(), ArticleId::new());
    let round = census(&stage, &officer).await;
    stage.add(&officer, round, party, vec![boxes(article, 900, "A")]).await.unwrap();
    let next = stage.round_between(&officer, -10, 60).await;
    let request = ListArticleHistoryRequest { round_id: next.to_string(), party_id: party.to_string(), page: None };
    let history = stage.app.list_article_history(&officer, request).await.unwrap().articles;
    assert!(history.is_empty(), "{history:?}");
}
