//! Members files: all rows or none, told by row and column, the same rows again change nothing.

use kit::{Role, Scope};
use proto::membership::v1::{
    BuyerStatus, ListPractitionersRequest, LoadMembersRequest, MemberKind, MemberRow, Party, PlaceKind, Site,
};

use crate::{
    bouquet::Gie,
    support::{in_group, reason, request_id},
};

/// A radiologist of practice `p…`, three to a practice.
fn row(number: i64) -> MemberRow {
    let practice = format!("p{}", number / 3);
    MemberRow {
        row: number,
        rpps: format!("2{number:010}"),
        name: format!("Dr Fictif {number}"),
        joined_on: "2026-01-05".into(),
        place: PlaceKind::Practice.into(),
        establishment: Some(Party {
            key: practice.clone(),
            name: format!("Cabinet FICTIF {practice}"),
            buyer_status: BuyerStatus::Unknown.into(),
            ..Party::default()
        }),
        site: Some(Site {
            key: format!("{practice}-1"),
            name: "Cabinet".into(),
            postcode: "29000".into(),
            ..Site::default()
        }),
        member_kind: MemberKind::Full.into(),
        member_from: "2026-01-05".into(),
        ..MemberRow::default()
    }
}

fn load(rows: Vec<MemberRow>) -> LoadMembersRequest {
    LoadMembersRequest { request_id: request_id(), rows, dry_run: false, errors: Vec::new() }
}

#[tokio::test]
async fn a_thousand_radiologists_join_by_file_and_the_same_file_twice_changes_nothing() {
    let gie = Gie::new().await;
    let app = &gie.world.app;
    let administrator = in_group(&gie.group, None, Role::Administrator);
    let rows: Vec<MemberRow> = (1..=1_000).map(row).collect();
    let dry = LoadMembersRequest { dry_run: true, ..load(rows.clone()) };
    let shown = app.load_members(&administrator, dry).await.unwrap();
    assert_eq!((shown.practitioners_added, shown.parties_added, shown.sites_added), (1_000, 334, 334));
    assert_eq!(gie.world.count("SELECT count(*) FROM practitioner").await, 3, "a dry run changes nothing");
    let done = app.load_members(&administrator, load(rows.clone())).await.unwrap();
    assert_eq!(done, shown);
    assert_eq!((done.members_added, done.attachments_added), (334, 1_000));
    let events = gie.world.count("SELECT count(*) FROM event").await;
    let again = app.load_members(&administrator, load(rows)).await.unwrap();
    assert_eq!(
        (again.practitioners_added, again.parties_added, again.members_added, again.unchanged),
        (0, 0, 0, 1_000)
    );
    assert_eq!(gie.world.count("SELECT count(*) FROM event").await, events, "nothing happened, nothing is told");
    assert_eq!(gie.world.count("SELECT count(*) FROM practitioner").await, 1_003);
    assert_eq!(gie.world.count("SELECT count(*) FROM member").await, 336);
}

#[tokio::test]
async fn every_fault_of_a_file_is_told_at_once_and_nothing_is_loaded() {
    let gie = Gie::new().await;
    let app = &gie.world.app;
    let administrator = in_group(&gie.group, None, Role::Administrator);
    let mut rows: Vec<MemberRow> = (1..=6).map(row).collect();
    rows[0].rpps = "123".into();
    rows[1].establishment.as_mut().unwrap().siret = "12345678901234".into();
    rows[2].site.as_mut().unwrap().gln = "2990000000018".into();
    rows[3].joined_on = String::new();
    rows[4].place = 0;
    rows[5] = MemberRow { row: 6, ..MemberRow::default() };
    let earlier = proto::common::v1::RowError { row: 2, column: "member_kind".into(), ..Default::default() };
    let refused =
        app.load_members(&administrator, LoadMembersRequest { errors: vec![earlier], ..load(rows) }).await.unwrap();
    let columns: Vec<(i64, &str)> = refused.errors.iter().map(|error| (error.row, error.column.as_str())).collect();
    assert_eq!(
        columns,
        [(1, "rpps"), (2, "member_kind"), (2, "siret"), (3, "site_gln"), (4, "joined_on"), (5, "place"), (6, "")]
    );
    assert_eq!(refused.error_count, 7);
    assert!(refused.errors.iter().skip(2).all(|error| !error.problem.is_empty() && !error.remedy.is_empty()));
    assert_eq!(gie.world.count("SELECT count(*) FROM practitioner").await, 3);
    let empty = app.load_members(&administrator, load(Vec::new())).await;
    assert_eq!(reason(empty), "INVALID_INPUT");
    let endless = app.load_members(&administrator, load(vec![row(1); 5_001])).await;
    assert_eq!(reason(endless), "INVALID_INPUT");
}

#[tokio::test]
async fn an_officer_loads_radiologists_of_registered_establishments_only() {
    let gie = Gie::new().await;
    let app = &gie.world.app;
    let refused = app.load_members(&gie.officer(), load(vec![row(1)])).await.unwrap();
    assert_eq!(refused.errors[0].column, "establishment");
    let known = MemberRow {
        establishment: Some(Party { key: "h".into(), ..Party::default() }),
        site: None,
        place: PlaceKind::Hospital.into(),
        member_kind: MemberKind::Unspecified.into(),
        member_from: String::new(),
        ..row(1)
    };
    let done = app.load_members(&gie.officer(), load(vec![known])).await.unwrap();
    assert_eq!((done.practitioners_added, done.parties_added, done.members_added, done.error_count), (1, 0, 0, 0));
    let at_h = ListPractitionersRequest { party_id: gie.parties[2].clone(), ..Default::default() };
    assert_eq!(app.list_practitioners(&gie.officer(), at_h).await.unwrap().practitioners.len(), 2);
    for role in [Role::MemberRequester, Role::MemberReceiver, Role::Auditor, Role::Supplier] {
        let caller = in_group(&gie.group, Some(&gie.parties[0]), role);
        assert_eq!(reason(app.load_members(&caller, load(vec![row(1)])).await), "ROLE_NOT_ALLOWED", "{role:?}");
    }
    let nowhere = kit::Caller { scope: Scope::Deployment, ..in_group(&gie.group, None, Role::Administrator) };
    assert_eq!(reason(app.load_members(&nowhere, load(vec![row(1)])).await), "WRONG_SESSION");
}

#[tokio::test]
async fn two_files_at_once_make_one_practice() {
    let gie = Gie::new().await;
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let (app, caller) = (gie.world.replica(), in_group(&gie.group, None, Role::Administrator));
            tokio::spawn(async move { app.load_members(&caller, load((1..=30).map(row).collect())).await.unwrap() })
        })
        .collect();
    let mut added = 0;
    for call in calls {
        let done = call.await.unwrap();
        assert_eq!(done.error_count, 0, "{:?}", done.errors.first());
        added += done.practitioners_added;
    }
    assert_eq!(added, 30);
}
