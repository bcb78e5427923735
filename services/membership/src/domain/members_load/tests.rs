//! What a members file adds, and what is wrong with it.

use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn establishment(key: &str, siret: &str) -> PartyRow {
    PartyRow {
        fresh: PartyId::new(),
        key: (!key.is_empty()).then(|| Key::parse(key).unwrap()),
        name: format!("Cabinet {key}"),
        siret: (!siret.is_empty()).then(|| Siret::parse(siret).unwrap()),
        finess: None,
        gln: None,
        status: BuyerStatus::Unknown,
        evidence: String::new(),
        status_on: None,
        member: Some((MemberKind::Full, day("2026-01-01"))),
    }
}

fn row(number: i64, rpps: &str, party: PartyRow) -> Row {
    let practitioner = PractitionerRow {
        fresh: PractitionerId::new(),
        rpps: Rpps::parse(rpps).unwrap(),
        name: format!("Dr {rpps}"),
        email: String::new(),
        joined_on: day("2026-02-01"),
        signed_on: None,
        place: PlaceKind::Practice,
    };
    let site = SiteRow {
        fresh: SiteId::new(),
        key: party.key.as_ref().map(|key| Key::parse(&format!("{key}-1")).unwrap()),
        name: "Site".into(),
        finess: None,
        gln: None,
        address: String::new(),
        postcode: String::new(),
        city: String::new(),
    };
    Row { number, practitioner: Some(practitioner), party: Some(party), site: Some(site) }
}

fn plan(rows: &[Row], known: &Known) -> MembersLoad {
    MembersLoad::plan(rows, known, Registrar::Yes, day("2026-11-20"))
}

/// What there is once a load is done.
fn after(load: MembersLoad, known: Known) -> Known {
    Known {
        parties: [known.parties, load.parties].concat(),
        sites: [known.sites, load.sites].concat(),
        practitioners: [known.practitioners, load.practitioners].concat(),
        members: [known.members, load.members].concat(),
        ..known
    }
}

fn columns(load: &MembersLoad) -> Vec<(i64, &'static str)> {
    load.faults.iter().map(|fault| (fault.row, fault.column)).collect()
}

const A: &str = "73282932000074";

#[test]
fn two_radiologists_of_one_practice_make_one_practice_and_the_same_file_twice_changes_nothing() {
    let rows = [row(1, "10000000001", establishment("a", A)), row(2, "10000000002", establishment("a", A))];
    let load = plan(&rows, &Known::default());
    assert!(load.faults.is_empty(), "{:?}", load.faults);
    assert_eq!((load.parties.len(), load.sites.len(), load.practitioners.len(), load.members.len()), (1, 1, 2, 1));
    assert_eq!(load.practitioners[1].attachments[0].party_id, load.parties[0].id);
    let again = plan(&rows, &after(load, Known::default()));
    assert!(again.faults.is_empty(), "{:?}", again.faults);
    assert_eq!((again.parties.len(), again.practitioners.len(), again.members.len(), again.unchanged), (0, 0, 0, 2));
}

#[test]
fn a_file_may_name_a_registered_establishment_by_its_number_alone() {
    let known = after(plan(&[row(1, "10000000001", establishment("a", A))], &Known::default()), Known::default());
    let mut other = row(1, "10000000002", PartyRow { member: None, ..establishment("", A) });
    other.site = None;
    let load = MembersLoad::plan(&[other], &known, Registrar::No, day("2026-11-20"));
    assert!(load.faults.is_empty(), "{:?}", load.faults);
    assert_eq!(load.practitioners[0].attachments[0].party_id, known.parties[0].id);
}

#[test]
fn an_officer_adds_nothing_to_the_registry() {
    let load = MembersLoad::plan(
        &[row(1, "10000000001", establishment("a", A))],
        &Known::default(),
        Registrar::No,
        day("2026-11-20"),
    );
    assert_eq!(columns(&load), [(1, "establishment")]);
}

#[test]
fn the_registry_is_not_contradicted() {
    let known = after(plan(&[row(1, "10000000001", establishment("a", A))], &Known::default()), Known::default());
    let other_key = row(1, "10000000002", establishment("b", A));
    let other_number = row(2, "10000000003", establishment("a", "00000001800010"));
    let load = plan(&[other_key, other_number], &known);
    assert_eq!(columns(&load), [(1, "establishment"), (2, "siret")]);
    assert!(load.faults[1].problem.contains(A), "{}", load.faults[1].problem);
    let two = after(plan(&[row(1, "10000000009", establishment("b", "00000001800010"))], &Known::default()), known);
    let both = plan(&[row(1, "10000000002", establishment("a", "00000001800010"))], &two);
    assert!(both.faults[0].problem.contains("« a » et « b »"), "{:?}", both.faults);
}

#[test]
fn one_rpps_number_is_one_person_who_may_work_at_several_places() {
    let rows = [row(1, "10000000001", establishment("a", A)), row(2, "10000000001", establishment("b", ""))];
    let load = plan(&rows, &Known::default());
    assert!(load.faults.is_empty(), "{:?}", load.faults);
    assert_eq!((load.practitioners.len(), load.practitioners[0].attachments.len()), (1, 2));
    let mut renamed = row(1, "10000000001", establishment("a", A));
    renamed.practitioner.as_mut().unwrap().name = "Dr Autre".into();
    let load = plan(&[renamed], &after(load, Known::default()));
    assert_eq!(columns(&load), [(1, "name")]);
}

#[test]
fn joining_signs_the_charter_where_there_is_one() {
    let known = Known { charters: vec![(1, day("2024-01-01")), (2, day("2026-06-01"))], ..Known::default() };
    let signed = |on: Option<&str>| {
        let mut row = row(1, "10000000001", establishment("a", A));
        row.practitioner.as_mut().unwrap().signed_on = on.map(day);
        plan(&[row], &known)
    };
    assert_eq!(columns(&signed(None)), [(1, "charter_signed_on")]);
    assert_eq!(columns(&signed(Some("2023-12-31"))), [(1, "charter_signed_on")]);
    assert_eq!(columns(&signed(Some("2026-11-21"))), [(1, "charter_signed_on")], "after today");
    let version = |on: &str| signed(Some(on)).practitioners[0].signature.as_ref().unwrap().version;
    assert_eq!((version("2026-02-01"), version("2026-07-01")), (1, 2));
}

#[test]
fn the_first_audit_falls_due_after_the_groups_period() {
    let known = Known { first_audit_months: Some(24), ..Known::default() };
    let load = plan(&[row(1, "10000000001", establishment("a", A))], &known);
    assert_eq!(load.practitioners[0].audit_due_on, Some(day("2028-02-01")));
}

#[test]
fn a_status_that_frees_takes_evidence_and_a_practitioner_takes_a_place() {
    let mut free = row(1, "10000000001", establishment("a", A));
    free.party.as_mut().unwrap().status = BuyerStatus::AssertedNot;
    let mut nowhere = row(2, "10000000002", establishment("b", ""));
    (nowhere.party, nowhere.site) = (None, None);
    assert_eq!(columns(&plan(&[free, nowhere], &Known::default())), [(1, "buyer_status"), (2, "establishment")]);
}

#[test]
fn an_attachment_alone_makes_no_member() {
    let hospital = PartyRow { member: None, ..establishment("hopital", A) };
    let mut attached = row(1, "10000000001", hospital);
    attached.practitioner.as_mut().unwrap().place = PlaceKind::Hospital;
    let load = plan(&[attached], &Known::default());
    assert_eq!((load.practitioners.len(), load.parties.len(), load.members.len()), (1, 1, 0));
}
