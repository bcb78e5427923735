//! Stating, changing, withdrawing and reading needs.

use std::sync::Arc;

use demand::domain::{
    conversion::UNITS_LIMIT,
    need::Batch,
    round::{RoundKind, RoundTerms},
};
use kit::{
    Role, Scope,
    id::{AgreementId, ArticleId, GroupId, PartyId, RoundId},
};
use proto::{
    common::v1::Page,
    demand::v1::{
        AddNeedsRequest, ChangeNeedRequest, CreateRoundRequest, GetNeedRequest, ListNeedsRequest, Need,
        WithdrawNeedRequest,
    },
};

use crate::support::{Stage, boxes, officer, person, request_id, requester, typed};

async fn one_need(stage: &Stage, group: GroupId, party: PartyId) -> (RoundId, Need) {
    let officer = officer(group);
    let round = stage.round(&officer).await;
    let reply = stage.add(&officer, round, party, vec![typed(ArticleId::new(), 2, 4, "BRE-1")]).await.unwrap();
    (round, reply.needs[0].clone())
}

fn change(need: &Need, quantity: i64, expected_version: i64) -> ChangeNeedRequest {
    ChangeNeedRequest { request_id: request_id(), need_id: need.id.clone(), quantity, expected_version }
}

fn withdraw(need: &Need) -> WithdrawNeedRequest {
    WithdrawNeedRequest { request_id: request_id(), need_id: need.id.clone(), expected_version: 0 }
}

#[tokio::test]
async fn a_need_is_stored_with_its_conversion_and_read_back_the_same() {
    let stage = Stage::new().await;
    let group = GroupId::new();
    let (_, need) = one_need(&stage, group, PartyId::new()).await;
    assert_eq!(need.conversion, "4 cartons × 10 boîtes × 30 comprimés = 1\u{202f}200 comprimés");
    assert_eq!((need.units, need.version), (1_200, 1));
    let read = stage.app.get_need(&officer(group), GetNeedRequest { need_id: need.id.clone() }).await.unwrap();
    assert_eq!(read.need, Some(need));
}

#[tokio::test]
async fn twenty_times_the_same_request_have_one_effect_and_one_answer() {
    let stage = Arc::new(Stage::new().await);
    let officer = officer(GroupId::new());
    let round_id = stage.round(&officer).await;
    let request = AddNeedsRequest { request_id: request_id(), ..AddNeedsRequest::default() };
    let needs = vec![boxes(ArticleId::new(), 4, "A"), boxes(ArticleId::new(), 5, "B")];
    let batch = Batch { round_id, party_id: PartyId::new(), needs };
    let calls = (0..20).map(|_| {
        let (stage, officer, request, batch) = (stage.clone(), officer.clone(), request.clone(), batch.clone());
        tokio::spawn(async move { stage.app.add_resolved(&officer, &request, batch).await.unwrap() })
    });
    let mut replies = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        replies.push(call.await.unwrap());
    }
    assert!(replies.iter().all(|reply| reply == &replies[0]));
    assert_eq!(replies[0].needs.len(), 2);
    assert_eq!(stage.list(&officer).await, replies[0].needs);
    assert_eq!(stage.events("demand.needs_stated.v1").await, 1);
}

#[tokio::test]
async fn a_request_id_with_another_body_is_refused() {
    let stage = Stage::new().await;
    let officer = officer(GroupId::new());
    let round_id = stage.round(&officer).await;
    let batch = || Batch { round_id, party_id: PartyId::new(), needs: vec![boxes(ArticleId::new(), 4, "A")] };
    let mut request = AddNeedsRequest { request_id: request_id(), ..AddNeedsRequest::default() };
    stage.app.add_resolved(&officer, &request, batch()).await.unwrap();
    request.party_id = "other".into();
    let refused = stage.app.add_resolved(&officer, &request, batch()).await.unwrap_err();
    assert_eq!(refused.reason(), "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn a_reference_taken_in_the_round_is_told_and_nothing_is_added() {
    let stage = Stage::new().await;
    let officer = officer(GroupId::new());
    let (round, party, article) = (stage.round(&officer).await, PartyId::new(), ArticleId::new());
    let there = stage.add(&officer, round, party, vec![boxes(article, 1, "A")]).await.unwrap().needs.remove(0);
    let again = stage.add(&officer, round, party, vec![boxes(article, 1, "A"), boxes(article, 1, "B")]).await.unwrap();
    assert!(again.needs.is_empty());
    assert_eq!((again.errors.len(), again.errors[0].column.as_str()), (1, "reference"));
    assert!(again.errors[0].problem.contains(&there.id), "{}", again.errors[0].problem);
    assert_eq!(stage.list(&officer).await.len(), 1);
    // The reference is the member's own, and the round's.
    assert_eq!(stage.add(&officer, round, PartyId::new(), vec![boxes(article, 1, "A")]).await.unwrap().needs.len(), 1);
    let next = stage.round(&officer).await;
    assert_eq!(stage.add(&officer, next, party, vec![boxes(article, 1, "A")]).await.unwrap().needs.len(), 1);
}

#[tokio::test]
async fn of_two_batches_at_once_with_the_same_reference_one_is_told_of_the_other() {
    let stage = Arc::new(Stage::new().await);
    let officer = officer(GroupId::new());
    let (round, party) = (stage.round(&officer).await, PartyId::new());
    let calls = (0..8).map(|_| {
        let (stage, officer) = (stage.clone(), officer.clone());
        tokio::spawn(
            async move { stage.add(&officer, round, party, vec![boxes(ArticleId::new(), 1, "A")]).await.unwrap() },
        )
    });
    let (mut added, mut told) = (0, 0);
    for call in calls.collect::<Vec<_>>() {
        let reply = call.await.unwrap();
        added += reply.needs.len();
        told += reply.errors.len();
    }
    assert_eq!((added, told), (1, 7));
}

#[tokio::test]
async fn a_round_closes_in_the_midst_of_a_crowd_that_never_stops() {
    let stage = Arc::new(Stage::new().await);
    let officer = officer(GroupId::new());
    let round = stage.round(&officer).await;
    let crowd: Vec<_> = (0..12)
        .map(|_| {
            let (stage, officer) = (stage.clone(), officer.clone());
            tokio::spawn(async move {
                let mut added = 0;
                loop {
                    let needs = vec![boxes(ArticleId::new(), 1, "A")];
                    match stage.add(&officer, round, PartyId::new(), needs).await {
                        Ok(reply) => added += reply.needs.len(),
                        Err(refused) => {
                            assert_eq!(refused.reason(), "ROUND_CLOSED");
                            return added;
                        }
                    }
                }
            })
        })
        .collect();
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let closing = tokio::time::timeout(std::time::Duration::from_secs(4), stage.close(&officer, round));
    let counted = closing.await.expect("closed in time").unwrap().round.unwrap().need_count;
    let mut added = 0;
    for one in crowd {
        added += one.await.unwrap();
    }
    assert!(added > 0);
    assert_eq!(usize::try_from(counted).unwrap(), added);
}

#[tokio::test]
async fn needs_come_too_early_too_late_and_after_closing() {
    let stage = Stage::new().await;
    let officer = officer(GroupId::new());
    let add = |round| stage.add(&officer, round, PartyId::new(), vec![boxes(ArticleId::new(), 1, "A")]);
    let past = stage.round(&officer).await;
    // Its closing time passes.
    let mut superuser = stage.test.superuser().await;
    sqlx::query("UPDATE round SET closes_at = clock_timestamp()").execute(&mut superuser).await.unwrap();
    let late = add(past).await.unwrap_err();
    assert_eq!((late.reason().as_str(), late.metadata()["title"].as_str()), ("ROUND_CLOSED", "Campagne de janvier"));
    assert!(late.metadata().contains_key("closes_at"));
    let early = add(stage.round_between(&officer, 1, 60).await).await.unwrap_err();
    assert_eq!(early.reason(), "ROUND_NOT_OPEN");
    let closed = stage.round(&officer).await;
    stage.close(&officer, closed).await.unwrap();
    assert_eq!(add(closed).await.unwrap_err().reason(), "ROUND_CLOSED");
    assert!(stage.list(&officer).await.is_empty());
}

#[tokio::test]
async fn a_round_that_is_over_already_cannot_be_opened() {
    let stage = Stage::new().await;
    let now = kit::clock::technical_now();
    let terms = RoundTerms {
        kind: RoundKind::Order,
        title: "Campagne passée".into(),
        opens_at: now - chrono::TimeDelta::minutes(60),
        closes_at: now - chrono::TimeDelta::minutes(1),
        platform_site_id: None,
        agreement_ids: vec![AgreementId::new()],
    };
    let request = CreateRoundRequest { request_id: request_id(), round: None };
    let refused = stage.app.create_checked_round(&officer(GroupId::new()), &request, terms).await.unwrap_err();
    assert_eq!(refused.reason(), "INVALID_INPUT");
    assert!(refused.to_string().contains("round.closes_at"), "{refused}");
}

#[tokio::test]
async fn a_need_at_the_closing_instant_itself_is_in_time() {
    let stage = Stage::new().await;
    let officer = officer(GroupId::new());
    let round = stage.round(&officer).await;
    // Business time stands still at the closing time, then a microsecond after it.
    let mut superuser = stage.test.superuser().await;
    let stop_at = |after: &str| {
        sqlx::AssertSqlSafe(format!(
            "CREATE OR REPLACE FUNCTION public.business_now() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE
             RETURN '2030-01-01T12:00:00Z'::timestamptz + interval '{after}'"
        ))
    };
    sqlx::query("UPDATE round SET closes_at = '2030-01-01T12:00:00Z'").execute(&mut superuser).await.unwrap();
    sqlx::query(stop_at("0")).execute(&mut superuser).await.unwrap();
    let add = |reference| stage.add(&officer, round, PartyId::new(), vec![boxes(ArticleId::new(), 1, reference)]);
    assert_eq!(add("A").await.unwrap().needs.len(), 1);
    sqlx::query(stop_at("1 microsecond")).execute(&mut superuser).await.unwrap();
    assert_eq!(add("B").await.unwrap_err().reason(), "ROUND_CLOSED");
}

#[tokio::test]
async fn a_need_changes_at_the_version_seen_and_not_after_it_was_withdrawn() {
    let stage = Stage::new().await;
    let (group, party) = (GroupId::new(), PartyId::new());
    let (round, need) = one_need(&stage, group, party).await;
    let caller = requester(group, party);
    let changed = stage.app.change_need(&caller, change(&need, 2, 1)).await.unwrap().need.unwrap();
    assert_eq!((changed.quantity, changed.units, changed.version), (2, 600, 2));
    assert_eq!(changed.conversion, "2 cartons × 10 boîtes × 30 comprimés = 600 comprimés");
    let stale = stage.app.change_need(&caller, change(&need, 3, 1)).await.unwrap_err();
    assert_eq!(stale.reason(), "VERSION_CHANGED");
    for quantity in [0, 100_000_001] {
        let refused = stage.app.change_need(&caller, change(&need, quantity, 0)).await.unwrap_err();
        assert_eq!(refused.reason(), "INVALID_INPUT");
    }
    let withdrawn = stage.app.withdraw_need(&caller, withdraw(&need)).await.unwrap().need.unwrap();
    assert!(withdrawn.withdrawn);
    assert_eq!(stage.app.withdraw_need(&caller, withdraw(&need)).await.unwrap_err().reason(), "NEED_WITHDRAWN");
    assert_eq!(stage.app.change_need(&caller, change(&need, 3, 0)).await.unwrap_err().reason(), "NEED_WITHDRAWN");
    stage.close(&officer(group), round).await.unwrap();
    assert_eq!(stage.app.change_need(&caller, change(&need, 3, 0)).await.unwrap_err().reason(), "ROUND_CLOSED");
    assert_eq!(stage.app.withdraw_need(&caller, withdraw(&need)).await.unwrap_err().reason(), "ROUND_CLOSED");
    assert_eq!(stage.events("demand.need_changed.v1").await, 1);
    assert_eq!(stage.events("demand.need_withdrawn.v1").await, 1);
}

#[tokio::test]
async fn a_requester_sees_and_changes_its_members_needs_only() {
    let stage = Stage::new().await;
    let (group, mine, other) = (GroupId::new(), PartyId::new(), PartyId::new());
    let (_, need) = one_need(&stage, group, mine).await;
    let (_, others) = one_need(&stage, group, other).await;
    let caller = requester(group, mine);
    assert_eq!(stage.list(&caller).await, [need]);
    let request = ListNeedsRequest { party_id: other.to_string(), ..ListNeedsRequest::default() };
    assert!(stage.app.list_needs(&caller, request).await.unwrap().needs.is_empty());
    let get = GetNeedRequest { need_id: others.id.clone() };
    assert_eq!(stage.app.get_need(&caller, get).await.unwrap_err().reason(), "NOT_FOUND");
    assert_eq!(stage.app.change_need(&caller, change(&others, 1, 0)).await.unwrap_err().reason(), "NOT_FOUND");
    assert_eq!(stage.app.withdraw_need(&caller, withdraw(&others)).await.unwrap_err().reason(), "NOT_FOUND");
    assert_eq!(stage.list(&officer(group)).await.len(), 2);
}

#[tokio::test]
async fn two_groups_are_apart_and_a_partys_session_reads_across_them_and_writes_in_none() {
    let stage = Stage::new().await;
    let (one, two, party) = (GroupId::new(), GroupId::new(), PartyId::new());
    let (_, first) = one_need(&stage, one, party).await;
    let (round, second) = one_need(&stage, two, party).await;
    let (_, foreign) = one_need(&stage, two, PartyId::new()).await;
    assert_eq!(stage.list(&officer(one)).await, std::slice::from_ref(&first));
    let get = |need: &Need| GetNeedRequest { need_id: need.id.clone() };
    assert_eq!(stage.app.get_need(&officer(one), get(&second)).await.unwrap_err().reason(), "NOT_FOUND");
    let refused = stage.app.change_need(&officer(one), change(&second, 1, 0)).await.unwrap_err();
    assert_eq!(refused.reason(), "NOT_FOUND");

    let across = person(Scope::Party(party), Role::MemberRequester, Some(party));
    assert_eq!(stage.list(&across).await, [first, second.clone()]);
    let request = ListNeedsRequest { round_id: round.to_string(), ..ListNeedsRequest::default() };
    assert_eq!(stage.app.list_needs(&across, request).await.unwrap().needs, std::slice::from_ref(&second));
    assert_eq!(stage.app.get_need(&across, get(&foreign)).await.unwrap_err().reason(), "NOT_FOUND");
    let refused = stage.app.change_need(&across, change(&second, 1, 0)).await.unwrap_err();
    assert_eq!(refused.reason(), "WRONG_SESSION");
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_double() {
    let stage = Stage::new().await;
    let officer = officer(GroupId::new());
    let round = stage.round(&officer).await;
    let needs = (0..7).map(|n| boxes(ArticleId::new(), 1, &format!("R{n}"))).collect();
    let all = stage.add(&officer, round, PartyId::new(), needs).await.unwrap().needs;
    let (mut read, mut after) = (Vec::new(), String::new());
    loop {
        let page = Some(Page { size: 3, after });
        let request = ListNeedsRequest { round_id: round.to_string(), page, ..ListNeedsRequest::default() };
        let reply = stage.app.list_needs(&officer, request).await.unwrap();
        read.extend(reply.needs);
        after = reply.next_after;
        if after.is_empty() {
            break;
        }
    }
    assert_eq!(read, all);
}

#[tokio::test]
async fn the_database_itself_refuses_what_a_need_must_not_be() {
    let stage = Stage::new().await;
    let group = GroupId::new();
    one_need(&stage, group, PartyId::new()).await;
    let mut superuser = stage.test.superuser().await;
    let too_many = format!("UPDATE need SET units = {0}, quantity = 1, pack_units = {0}", UNITS_LIMIT + 1);
    for (sql, constraint) in [
        ("UPDATE need SET units = units + 1", "need_units_follow"),
        ("UPDATE need SET quantity = 0, units = 0", "need_quantity_check"),
        ("UPDATE need SET kind = 'WORKS'", "need_kind_check"),
        ("UPDATE need SET reference = ''", "need_reference_check"),
        ("UPDATE round SET state = 'DRAFT'", "round_state_check"),
        ("UPDATE round SET closes_at = opens_at", "round_check"),
        (too_many.as_str(), "need_units_check"),
    ] {
        let error = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut superuser).await.unwrap_err();
        assert_eq!(error.as_database_error().and_then(|error| error.constraint()), Some(constraint), "{sql}");
    }
    for sql in ["CREATE TEMP TABLE twin AS SELECT * FROM need", "UPDATE twin SET id = gen_random_uuid()"] {
        sqlx::query(sql).execute(&mut superuser).await.unwrap();
    }
    let error = sqlx::query("INSERT INTO need SELECT * FROM twin").execute(&mut superuser).await.unwrap_err();
    assert_eq!(error.as_database_error().and_then(|error| error.constraint()), Some("need_reference_once"));
}

#[tokio::test]
async fn every_table_of_a_group_is_under_a_policy() {
    let stage = Stage::new().await;
    let mut superuser = stage.test.superuser().await;
    let bare: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'demand'::regnamespace AND relkind IN ('r', 'p')
           AND NOT relrowsecurity AND relname NOT LIKE '%\\_migrations'",
    )
    .fetch_all(&mut superuser)
    .await
    .unwrap();
    assert_eq!(bare, Vec::<String>::new());
}

#[tokio::test]
async fn postgres_itself_keeps_groups_apart_and_a_partys_session_from_writing() {
    let stage = Stage::new().await;
    let (one, two, party) = (GroupId::new(), GroupId::new(), PartyId::new());
    one_need(&stage, one, party).await;
    one_need(&stage, two, party).await;
    one_need(&stage, two, PartyId::new()).await;
    let across = person(Scope::Party(party), Role::MemberRequester, Some(party));
    // Session, needs seen and rounds seen by SQL that names no group, needs that it can write.
    for (caller, needs, rounds, writes) in [(officer(one), 1, 1, 1), (officer(two), 2, 2, 2), (across, 2, 0, 0)] {
        let mut tx = stage.test.db.begin(&caller).await.unwrap();
        let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM need").fetch_one(tx.conn()).await.unwrap();
        assert_eq!(seen, needs, "{caller:?}");
        let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM round").fetch_one(tx.conn()).await.unwrap();
        assert_eq!(seen, rounds, "{caller:?}");
        let written = sqlx::query("UPDATE need SET withdrawn = true").execute(tx.conn()).await.unwrap();
        assert_eq!(written.rows_affected(), writes, "{caller:?}");
        tx.rollback().await.unwrap();
    }
    let mut tx = stage.test.db.begin(&officer(one)).await.unwrap();
    let moved = sqlx::query("UPDATE need SET group_id = $1").bind(two).execute(tx.conn()).await.unwrap_err();
    assert!(moved.to_string().contains("row-level security"), "{moved}");
}
