//! Files of needs, from the moment they are read.

use std::sync::Arc;

use demand::{
    app::import::{FileHeader, Mode, file::NeedsFile},
    domain::{
        directory::KnownArticle,
        need::{Commitment, LineKind, TypedNeed},
    },
};
use kit::{
    Caller, Failure,
    id::{ArticleId, GroupId, PartyId, RoundId, SiteId},
};
use proto::demand::v1::{
    Commitment as Wire, GetRoundRequest, ImportHeader, ImportNeedsRequest, ImportNeedsResponse, ImportRows,
    import_needs_request::Part,
};
use uuid::Uuid;

use crate::support::{Stage, officer, request_id, requester, tablets};

/// A member that sends files, always of the same article to the same site.
struct Member {
    party: PartyId,
    article: KnownArticle,
    site: SiteId,
}

impl Member {
    fn new() -> Self {
        let article = KnownArticle {
            id: ArticleId::new(),
            label: "Paracétamol".into(),
            kind: LineKind::Goods,
            packagings: tablets(),
        };
        Self { party: PartyId::new(), article, site: SiteId::new() }
    }

    /// Rows of (reference, boxes).
    fn file(&self, rows: &[(&str, i64)]) -> NeedsFile {
        let mut file = NeedsFile::new(self.party);
        file.directory().add_article("key:para", Some((self.article.clone(), "BOX")));
        file.directory().add_site("key:site", Some((self.site, self.party)));
        let typed: Vec<TypedNeed> = (1..)
            .zip(rows)
            .map(|(row, &(reference, quantity))| TypedNeed {
                row,
                site: "key:site".into(),
                article: "key:para".into(),
                quantity,
                reference: reference.into(),
                needed_by: if row % 2 == 0 { "2027-01-25".into() } else { String::new() },
                ..TypedNeed::default()
            })
            .collect();
        for typed in typed.chunks(1_000) {
            file.add(typed, 0).unwrap();
        }
        file
    }

    fn header(&self, round_id: RoundId, content: u8) -> FileHeader {
        FileHeader {
            request_id: Uuid::now_v7(),
            round_id,
            party_id: self.party,
            sha256: [content; 32],
            mode: Mode::Add,
        }
    }

    fn replacing(&self, round_id: RoundId, content: u8) -> FileHeader {
        FileHeader { mode: Mode::Replace, ..self.header(round_id, content) }
    }
}

async fn counts(stage: &Stage, officer: &Caller, round: RoundId) -> i64 {
    let request = GetRoundRequest { round_id: round.to_string() };
    stage.app.get_round(officer, request).await.unwrap().round.unwrap().need_count
}

#[tokio::test]
async fn the_same_file_twice_adds_once_and_answers_the_same() {
    let stage = Stage::new().await;
    let officer = officer(GroupId::new());
    let (round, member) = (stage.round(&officer).await, Member::new());
    let header = member.header(round, 1);
    let rows = [("A", 1), ("B", 2), ("", 3)];
    let first = stage.app.load_file(&officer, &header, member.file(&rows)).await.unwrap();
    assert_eq!((first.added, first.unchanged, first.units, first.replayed), (3, 0, 180, false));
    let second = stage.app.load_file(&officer, &header, member.file(&rows)).await.unwrap();
    assert_eq!(second, ImportNeedsResponse { replayed: true, ..first });
    assert_eq!(counts(&stage, &officer, round).await, 3);
    let needs = stage.list(&officer).await;
    assert_eq!(needs[1].needed_by, "2027-01-25");
    assert_eq!(needs[1].conversion, "2 boîtes × 30 comprimés = 60 comprimés");
    assert_eq!(needs[2].reference, "010101010101-3", "made from the file and the row");
}

#[tokio::test]
async fn a_file_sent_again_through_the_stream_is_answered_before_its_rows_are_read() {
    let stage = Stage::new().await;
    let officer = officer(GroupId::new());
    let (round, member) = (stage.round(&officer).await, Member::new());
    let header = member.header(round, 1);
    let first = stage.app.load_file(&officer, &header, member.file(&[("A", 1)])).await.unwrap();
    let part = Part::Header(ImportHeader {
        request_id: header.request_id.to_string(),
        round_id: round.to_string(),
        party_id: member.party.to_string(),
        sha256: "01".repeat(32),
        mode: 0,
    });
    // No peer is there: rows could not be looked up.
    let stream = tokio_stream::iter([Ok(ImportNeedsRequest { part: Some(part) })]);
    let again = stage.app.import_needs(&officer, stream).await.unwrap();
    assert_eq!(again, ImportNeedsResponse { replayed: true, ..first });
}

#[tokio::test]
async fn a_stream_without_header_and_a_header_for_another_member_are_refused() {
    let stage = Stage::new().await;
    let group = GroupId::new();
    let send = |part| tokio_stream::iter([Ok(ImportNeedsRequest { part: Some(part) })]);
    let officer = officer(group);
    let refused = stage.app.import_needs(&officer, send(Part::Rows(ImportRows::default()))).await.unwrap_err();
    assert!(refused.to_string().contains("header"), "{refused}");
    let header = ImportHeader {
        request_id: request_id(),
        round_id: RoundId::new().to_string(),
        party_id: PartyId::new().to_string(),
        sha256: "00".repeat(32),
        mode: 0,
    };
    let caller = requester(group, PartyId::new());
    let refused = stage.app.import_needs(&caller, send(Part::Header(header))).await.unwrap_err();
    assert_eq!(refused.reason(), "ROLE_NOT_ALLOWED");
}

#[tokio::test]
async fn a_corrected_file_leaves_what_is_there_and_adds_the_rest() {
    let stage = Stage::new().await;
    let officer = officer(GroupId::new());
    let (round, member) = (stage.round(&officer).await, Member::new());
    let load = |content, rows: &[(&str, i64)]| {
        let (header, file) = (member.header(round, content), member.file(rows));
        let (stage, officer) = (&stage, &officer);
        async move { stage.app.load_file(officer, &header, file).await.unwrap() }
    };
    load(1, &[("A", 1), ("B", 2)]).await;
    let second = load(2, &[("A", 1), ("B", 2), ("C", 3)]).await;
    assert_eq!((second.added, second.unchanged, second.units), (1, 2, 90));
    let clash = load(3, &[("A", 1), ("B", 5), ("D", 1)]).await;
    assert_eq!((clash.added, clash.unchanged, clash.error_count), (0, 0, 1));
    assert_eq!((clash.errors[0].row, clash.errors[0].value.as_str()), (2, "B"));
    assert!(clash.errors[0].problem.contains("autre contenu"), "{}", clash.errors[0].problem);
    assert_eq!(counts(&stage, &officer, round).await, 3);
    // Nothing was claimed: the same request, mended, goes through.
    let header = member.header(round, 4);
    let refused = stage.app.load_file(&officer, &header, member.file(&[("A", 9)])).await.unwrap();
    assert_eq!(refused.error_count, 1);
    let mended = stage.app.load_file(&officer, &header, member.file(&[("A", 1)])).await.unwrap();
    assert_eq!((mended.unchanged, mended.replayed), (1, false));
}

#[tokio::test]
async fn a_file_with_a_fault_adds_nothing() {
    let stage = Stage::new().await;
    let officer = officer(GroupId::new());
    let (round, member) = (stage.round(&officer).await, Member::new());
    let file = member.file(&[("A", 1), ("B", 0), ("A", 2)]);
    let reply = stage.app.load_file(&officer, &member.header(round, 1), file).await.unwrap();
    assert_eq!((reply.added, reply.error_count), (0, 2));
    let told: Vec<(i64, &str)> = reply.errors.iter().map(|error| (error.row, error.column.as_str())).collect();
    assert_eq!(told, [(2, "quantity"), (3, "reference")]);
    assert_eq!(counts(&stage, &officer, round).await, 0);
    assert_eq!(stage.events("demand.needs_stated.v1").await, 0);
}

#[tokio::test]
async fn twelve_thousand_rows_are_three_events() {
    let stage = Stage::new().await;
    let officer = officer(GroupId::new());
    let (round, member) = (stage.round(&officer).await, Member::new());
    let rows = vec![("", 1); 12_000];
    let reply = stage.app.load_file(&officer, &member.header(round, 1), member.file(&rows)).await.unwrap();
    assert_eq!((reply.added, reply.units), (12_000, 360_000));
    assert_eq!(stage.events("demand.needs_stated.v1").await, 3);
    assert_eq!(counts(&stage, &officer, round).await, 12_000);
}

#[tokio::test]
async fn files_racing_with_the_closing_of_their_round_are_wholly_in_or_wholly_refused() {
    let stage = Arc::new(Stage::new().await);
    let officer = officer(GroupId::new());
    let round = stage.round(&officer).await;
    let members: Vec<Arc<Member>> = (0..12).map(|_| Arc::new(Member::new())).collect();
    let rows = vec![("", 1); 2_000];
    let early = Member::new();
    stage.app.load_file(&officer, &early.header(round, 1), early.file(&rows)).await.unwrap();
    let mut loads = Vec::new();
    for (index, member) in members.iter().enumerate() {
        let (stage, officer, member) = (stage.clone(), officer.clone(), member.clone());
        loads.push(tokio::spawn(async move {
            // Some before the closing, some around it, some after.
            tokio::time::sleep(std::time::Duration::from_millis(40 * index as u64)).await;
            let rows = vec![("", 1); 2_000];
            stage.app.load_file(&officer, &member.header(round, 1), member.file(&rows)).await
        }));
    }
    tokio::time::sleep(std::time::Duration::from_millis(180)).await;
    let closed = stage.close(&officer, round).await.unwrap().round.unwrap();
    let snapshot = stage.consolidate(&officer, round).await.unwrap().snapshot.unwrap();
    let late = Member::new();
    let refused = stage.app.load_file(&officer, &late.header(round, 1), late.file(&rows)).await.unwrap_err();
    assert_eq!(refused.reason(), "ROUND_CLOSED");
    let mut added = 2_000;
    for load in loads {
        match load.await.unwrap() {
            Ok(reply) => {
                assert_eq!(reply.added, 2_000);
                added += reply.added;
            }
            Err(refused) => assert_eq!(refused.reason(), "ROUND_CLOSED"),
        }
    }
    assert_eq!(closed.need_count, added, "what the closing answered is what is there for ever");
    assert_eq!(snapshot.need_count, added);
    assert_eq!(counts(&stage, &officer, round).await, added);
}

#[tokio::test]
async fn two_groups_load_files_apart() {
    let stage = Stage::new().await;
    let (one, two) = (officer(GroupId::new()), officer(GroupId::new()));
    let (round, member) = (stage.round(&one).await, Member::new());
    let refused: Result<_, Failure> =
        stage.app.load_file(&two, &member.header(round, 1), member.file(&[("A", 1)])).await;
    assert_eq!(refused.unwrap_err().reason(), "NOT_FOUND");
    stage.app.load_file(&one, &member.header(round, 1), member.file(&[("A", 1)])).await.unwrap();
    assert!(stage.list(&two).await.is_empty());
    assert_eq!(stage.list(&one).await.len(), 1);
}

/// Active needs as (reference, quantity), by reference.
async fn lines(stage: &Stage, caller: &Caller) -> Vec<(String, i64)> {
    let needs = stage.list(caller).await.into_iter().filter(|need| !need.withdrawn);
    let mut lines: Vec<(String, i64)> = needs.map(|need| (need.reference, need.quantity)).collect();
    lines.sort();
    lines
}

fn counted(reply: &ImportNeedsResponse) -> (i64, i64, i64, i64) {
    (reply.added, reply.changed, reply.withdrawn, reply.unchanged)
}

#[tokio::test]
async fn a_file_that_replaces_leaves_exactly_its_lines() {
    let stage = Stage::new().await;
    let officer = officer(GroupId::new());
    let (round, member, neighbour) = (stage.round(&officer).await, Member::new(), Member::new());
    stage.app.load_file(&officer, &neighbour.header(round, 9), neighbour.file(&[("A", 7)])).await.unwrap();
    stage
        .app
        .load_file(&officer, &member.header(round, 1), member.file(&[("A", 1), ("B", 2), ("C", 3)]))
        .await
        .unwrap();
    let replace = |content, rows: &[(&str, i64)]| {
        let (header, file) = (member.replacing(round, content), member.file(rows));
        let (stage, officer) = (&stage, &officer);
        async move { stage.app.load_file(officer, &header, file).await.unwrap() }
    };
    let second = replace(2, &[("A", 1), ("D", 4), ("C", 30)]).await;
    assert_eq!((counted(&second), second.units), ((1, 1, 1, 1), 120));
    let mine =
        |lines: Vec<(String, i64)>| lines.into_iter().filter(|line| *line != ("A".to_owned(), 7)).collect::<Vec<_>>();
    let left = lines(&stage, &officer).await;
    assert!(left.contains(&("A".to_owned(), 7)), "another member's line stays");
    assert_eq!(mine(left), [("A".to_owned(), 1), ("C".to_owned(), 30), ("D".to_owned(), 4)]);
    let kinds = ["demand.needs_stated.v1", "demand.needs_changed.v1", "demand.needs_withdrawn.v1"];
    let mut events = Vec::new();
    for kind in kinds {
        events.push(stage.events(kind).await);
    }
    assert_eq!(events, [3, 1, 1]);

    // The same again changes nothing; an earlier state can be put in force again, withdrawn lines too.
    assert_eq!(counted(&replace(2, &[("A", 1), ("D", 4), ("C", 30)]).await), (0, 0, 0, 3));
    let back = replace(1, &[("A", 1), ("B", 2), ("C", 3)]).await;
    assert_eq!(counted(&back), (1, 1, 1, 1));
    let left = mine(lines(&stage, &officer).await);
    assert_eq!(left, [("A".to_owned(), 1), ("B".to_owned(), 2), ("C".to_owned(), 3)]);
}

#[tokio::test]
async fn lines_without_reference_are_found_again_by_what_they_ask_for() {
    let stage = Stage::new().await;
    let officer = officer(GroupId::new());
    let (round, member) = (stage.round(&officer).await, Member::new());
    let replace = |content, rows: &[(&str, i64)]| {
        let (header, file) = (member.replacing(round, content), member.file(rows));
        let (stage, officer) = (&stage, &officer);
        async move { stage.app.load_file(officer, &header, file).await.unwrap() }
    };
    // Rows differ in date by turns, see `Member::file`.
    assert_eq!(counted(&replace(1, &[("", 1), ("", 2), ("", 3)]).await), (3, 0, 0, 0));
    let ids = |needs: Vec<proto::demand::v1::Need>| needs.into_iter().map(|need| need.id).collect::<Vec<_>>();
    let before = ids(stage.list(&officer).await);
    assert_eq!(counted(&replace(2, &[("", 3), ("", 20), ("", 1)]).await), (0, 1, 0, 2), "rows 1 and 3 only swapped");
    assert_eq!(ids(stage.list(&officer).await), before, "the same needs");
    assert_eq!(counted(&replace(3, &[("", 5)]).await), (0, 1, 2, 0));
}

#[tokio::test]
async fn a_faulty_file_replaces_nothing_and_a_replacement_is_not_the_same_request_as_an_addition() {
    let stage = Stage::new().await;
    let officer = officer(GroupId::new());
    let (round, member) = (stage.round(&officer).await, Member::new());
    let header = member.header(round, 1);
    stage.app.load_file(&officer, &header, member.file(&[("A", 1), ("B", 2)])).await.unwrap();
    let refused = stage.app.load_file(&officer, &member.replacing(round, 2), member.file(&[("A", 0)])).await.unwrap();
    assert_eq!((refused.error_count, counted(&refused)), (1, (0, 0, 0, 0)));
    assert_eq!(lines(&stage, &officer).await.len(), 2);
    let same_id = FileHeader { mode: Mode::Replace, ..header };
    let reused = stage.app.load_file(&officer, &same_id, member.file(&[("A", 1), ("B", 2)])).await.unwrap_err();
    assert_eq!(reused.reason(), "REQUEST_ID_REUSED");

    // A replayed replacement answers what it answered and does nothing again.
    let header = member.replacing(round, 3);
    let first = stage.app.load_file(&officer, &header, member.file(&[("A", 5)])).await.unwrap();
    assert_eq!(counted(&first), (0, 1, 1, 0));
    let again = stage.app.load_file(&officer, &header, member.file(&[("A", 5)])).await.unwrap();
    assert_eq!(again, ImportNeedsResponse { replayed: true, ..first });

    stage.close(&officer, round).await.unwrap();
    let late = stage.app.load_file(&officer, &member.replacing(round, 4), member.file(&[("A", 6)])).await.unwrap_err();
    assert_eq!(late.reason(), "ROUND_CLOSED");
    assert_eq!(lines(&stage, &officer).await, [("A".to_owned(), 5)]);
}

#[tokio::test]
async fn a_replacement_of_twelve_thousand_lines_is_told_in_chunks() {
    let stage = Stage::new().await;
    let officer = officer(GroupId::new());
    let (round, member) = (stage.round(&officer).await, Member::new());
    let rows = |quantity| vec![("", quantity); 12_000];
    stage.app.load_file(&officer, &member.header(round, 1), member.file(&rows(1))).await.unwrap();
    let reply = stage.app.load_file(&officer, &member.replacing(round, 2), member.file(&rows(2))).await.unwrap();
    assert_eq!(counted(&reply), (0, 12_000, 0, 0));
    assert_eq!(stage.events("demand.needs_changed.v1").await, 3);
}

#[tokio::test]
async fn the_history_of_a_member_is_its_last_earlier_round_by_article() {
    let stage = Stage::new().await;
    let group = GroupId::new();
    let officer = officer(group);
    let member = Member::new();
    let old = stage.round_between(&officer, -300, 60).await;
    let last = stage.round_between(&officer, -200, 60).await;
    let now = stage.round_between(&officer, -100, 60).await;
    stage.app.load_file(&officer, &member.header(old, 1), member.file(&[("OLD", 9)])).await.unwrap();
    stage.app.load_file(&officer, &member.header(last, 1), member.file(&[("MINE", 4)])).await.unwrap();
    stage.app.load_file(&officer, &member.header(now, 1), member.file(&[("NOW", 5)])).await.unwrap();
    let ask = |round: RoundId, party: PartyId| proto::demand::v1::ListArticleHistoryRequest {
        round_id: round.to_string(),
        party_id: party.to_string(),
        page: None,
    };
    let caller = requester(group, member.party);
    let told = stage.app.list_article_history(&caller, ask(now, member.party)).await.unwrap().articles;
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].round_id.clone(), told[0].quantity, told[0].units), (last.to_string(), 4, 120));
    assert_eq!((told[0].packaging_code.as_str(), told[0].reference.as_str()), ("BOX", "MINE"));
    assert_eq!((told[0].site_id.clone(), told[0].reference_price.as_str()), (member.site.to_string(), ""));
    let first = stage.app.list_article_history(&caller, ask(old, member.party)).await.unwrap();
    assert!(first.articles.is_empty(), "nothing came before it");
    let refused = stage.app.list_article_history(&caller, ask(now, PartyId::new())).await.unwrap_err();
    assert_eq!(refused.reason(), "ROLE_NOT_ALLOWED");
}

#[tokio::test]
async fn a_file_says_how_firmly_needs_are_meant_in_a_census_only() {
    let stage = Stage::new().await;
    let officer = officer(GroupId::new());
    let (round, member) = (stage.round(&officer).await, Member::new());
    let with = |commitment| {
        let mut file = NeedsFile::new(member.party);
        file.directory().add_article("key:para", Some((member.article.clone(), "BOX")));
        file.directory().add_site("key:site", Some((member.site, member.party)));
        let typed = TypedNeed {
            row: 3,
            site: "key:site".into(),
            article: "key:para".into(),
            quantity: 2,
            reference: "A".into(),
            commitment,
            ..TypedNeed::default()
        };
        file.add(&[typed], 0).unwrap();
        file
    };
    let refused = stage.app.load_file(&officer, &member.header(round, 1), with(Some(Commitment::Firm))).await.unwrap();
    let told: Vec<(i64, &str)> = refused.errors.iter().map(|error| (error.row, error.column.as_str())).collect();
    assert_eq!((refused.added, refused.error_count, told), (0, 1, vec![(3, "commitment")]));

    let mut superuser = stage.test.superuser().await;
    sqlx::query("UPDATE round SET kind = 'CENSUS', period_months = 12, agreement_ids = '{}'")
        .execute(&mut superuser)
        .await
        .unwrap();
    stage.app.load_file(&officer, &member.header(round, 2), with(Some(Commitment::Firm))).await.unwrap();
    assert_eq!(stage.list(&officer).await[0].commitment(), Wire::Firm);
    let replaced = stage.app.load_file(&officer, &member.replacing(round, 3), with(None)).await.unwrap();
    assert_eq!((replaced.changed, replaced.unchanged), (1, 0), "a changed commitment is a change");
    assert_eq!(stage.list(&officer).await[0].commitment(), Wire::Indicative);
}
