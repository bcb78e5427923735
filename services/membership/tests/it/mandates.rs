//! Offices, mandates and seats.

use kit::{Failure, Role};
use proto::membership::v1::{
    CommissionSeat, Decision, EndMandateRequest, ListCommissionSeatsRequest, ListMandatesRequest, ListOfficesRequest,
    Mandate, Office, RecordMandateRequest, SetCommissionSeatsRequest, SetOfficesRequest, Side,
};

use crate::{
    governance::{Assembly, motion, vote},
    support::{in_group, reason, refusal, request_id},
};

fn office(name: &str, opposed_to: &str, elected: bool) -> Office {
    let side = |name: &str, keys: &[&str]| Side {
        name: name.into(),
        party_ids: keys.iter().map(|key| format!("key:{key}")).collect(),
    };
    Office {
        office: name.into(),
        valid_from: "2026-01-01".into(),
        seats: 1,
        term_months: 12,
        elected,
        alternates: true,
        opposed_to: opposed_to.into(),
        sides: vec![side("CHU", &["a"]), side("Trois autres", &["b", "c", "d"])],
        source: "Charte FICTIVE, art. 5".into(),
        ..Office::default()
    }
}

fn mandate(office: &str, party: &str, from: &str, to: &str) -> Mandate {
    Mandate {
        office: office.into(),
        party_id: format!("key:{party}"),
        holder_name: "Dominique Exemple".into(),
        starts_on: from.into(),
        ends_on: to.into(),
        ..Mandate::default()
    }
}

async fn record(assembly: &Assembly, mandate: Mandate) -> Result<Mandate, Failure> {
    let request = RecordMandateRequest { request_id: request_id(), mandate: Some(mandate) };
    Ok(assembly.world.app.record_mandate(&assembly.officer, request).await?.mandate.unwrap())
}

async fn set(assembly: &Assembly, offices: Vec<Office>) -> Result<(), Failure> {
    let request = SetOfficesRequest { request_id: request_id(), offices };
    assembly.world.app.set_offices(&assembly.officer, request).await.map(|_| ())
}

#[tokio::test]
async fn the_presidency_alternates_and_who_holds_it_is_told_by_day() {
    let assembly = Assembly::new().await;
    let missing = record(&assembly, mandate("PRESIDENT", "a", "2026-01-01", "2026-12-31")).await;
    assert_eq!(reason(missing), "OFFICE_MISSING");
    set(&assembly, vec![office("PRESIDENT", "VICE_PRESIDENT", false), office("VICE_PRESIDENT", "PRESIDENT", false)])
        .await
        .unwrap();
    let first = record(&assembly, mandate("PRESIDENT", "a", "2026-01-01", "2026-12-31")).await.unwrap();
    assert_eq!(first.reasons.iter().filter(|reason| reason.source == "Charte FICTIVE, art. 5").count(), 3);
    let beside = record(&assembly, mandate("VICE_PRESIDENT", "a", "2026-01-01", "2026-12-31")).await;
    assert_eq!(reason(beside), "MANDATE_REFUSED");
    record(&assembly, mandate("VICE_PRESIDENT", "c", "2026-01-01", "2026-12-31")).await.unwrap();
    let again = record(&assembly, mandate("PRESIDENT", "a", "2027-01-01", "2027-12-31")).await.unwrap_err();
    assert!(again.to_string().contains("ALTERNATION"), "{again}");
    record(&assembly, mandate("PRESIDENT", "b", "2027-01-01", "2027-12-31")).await.unwrap();
    let holders = async |on: &str| {
        let request = ListOfficesRequest { on: on.into() };
        let reader = in_group(&assembly.group, Some(&assembly.ids[1]), Role::MemberReceiver);
        let offices = assembly.world.app.list_offices(&reader, request).await.unwrap().offices;
        let told = |office: &proto::membership::v1::OfficeHolders| {
            let held = office.holders.first().map(|holder| holder.party_name.clone()).unwrap_or_default();
            (office.office.as_ref().unwrap().office.clone(), held, office.vacant)
        };
        offices.iter().map(told).collect::<Vec<_>>()
    };
    let row = |office: &str, held: &str, vacant| (office.to_owned(), held.to_owned(), vacant);
    assert_eq!(holders("2025-12-31").await, []);
    assert_eq!(holders("2026-12-31").await, [row("PRESIDENT", "Hôpital a", 0), row("VICE_PRESIDENT", "Hôpital c", 0)]);
    assert_eq!(holders("2027-01-01").await, [row("PRESIDENT", "Hôpital b", 0), row("VICE_PRESIDENT", "", 1)]);
    let names = "SELECT count(*) FROM event WHERE position('Exemple'::bytea IN payload) > 0";
    assert_eq!(assembly.world.count(names).await, 0, "no name of a person is in the log");
}

#[tokio::test]
async fn an_elected_office_needs_its_election_and_a_mandate_may_end_early() {
    let assembly = Assembly::new().await;
    set(&assembly, vec![office("ADMINISTRATOR", "", true)]).await.unwrap();
    let bare = mandate("ADMINISTRATOR", "a", "2026-02-01", "2027-01-31");
    assert_eq!(reason(record(&assembly, bare.clone()).await), "MANDATE_REFUSED");
    let election = |choice: &str| Decision {
        office: "ADMINISTRATOR".into(),
        candidate_party_id: "key:a".into(),
        ..motion("ELECTION", vec![vote("key:a", choice), vote("key:b", choice), vote("key:c", "AGAINST")])
    };
    let lost = assembly.recorded(election("AGAINST")).await;
    let refused = record(&assembly, Mandate { decision_id: lost.id, ..bare.clone() }).await;
    assert_eq!(reason(refused), "MANDATE_REFUSED");
    let won = assembly.recorded(election("FOR")).await;
    let held = record(&assembly, Mandate { decision_id: won.id.clone(), ..bare.clone() }).await.unwrap();
    assert_eq!(held.decision_id, won.id);
    let end = async |on: &str| {
        let request = EndMandateRequest {
            request_id: request_id(),
            mandate_id: held.id.clone(),
            ended_on: on.into(),
            reason: "Démission.".into(),
        };
        assembly.world.app.end_mandate(&assembly.officer, request).await
    };
    let (_, fields) = refusal(end("2027-02-01").await);
    assert_eq!(fields, ["ended_on"]);
    assert_eq!(end("2026-05-31").await.unwrap().mandate.unwrap().ended_on, "2026-05-31");
    assert_eq!(reason(end("2026-06-30").await), "MANDATE_ENDED");
    let listed = assembly.world.app.list_mandates(&assembly.officer, ListMandatesRequest::default()).await.unwrap();
    assert_eq!((listed.mandates.len(), listed.mandates[0].end_reason.as_str()), (1, "Démission."));
    let request = ListOfficesRequest { on: "2026-06-01".into() };
    let offices = assembly.world.app.list_offices(&assembly.officer, request).await.unwrap().offices;
    assert_eq!((offices[0].holders.len(), offices[0].vacant), (0, 1));
}

#[tokio::test]
async fn faults_of_offices_are_told_by_field() {
    let assembly = Assembly::new().await;
    let mut bad = office("PRESIDENT", "PRESIDENT", false);
    bad.seats = 2;
    bad.sides.truncate(1);
    let (_, fields) = refusal(set(&assembly, vec![bad]).await);
    assert_eq!(fields, ["offices[0].opposed_to", "offices[0].seats", "offices[0].sides"]);
    let mut twice = office("PRESIDENT", "", false);
    twice.sides[1].party_ids[0] = "key:a".into();
    let (_, fields) = refusal(set(&assembly, vec![twice]).await);
    assert_eq!(fields, ["offices[0].sides[1].party_ids[0]"]);
    set(&assembly, vec![office("PRESIDENT", "", false)]).await.unwrap();
    let stranger = assembly.world.parties(vec![crate::support::hospital("z")]).await;
    let mut foreign = mandate("PRESIDENT", "a", "2026-01-01", "2026-12-31");
    foreign.party_id = stranger[0].clone();
    let (_, fields) = refusal(record(&assembly, foreign).await);
    assert_eq!(fields, ["mandate.party_id"], "no member");
}

#[tokio::test]
async fn a_commission_has_its_directors_and_presidents_of_medical_commissions() {
    let assembly = Assembly::new().await;
    let seat = |party: &str, quality: &str, holder: &str| CommissionSeat {
        commission: "Commission de coordination".into(),
        party_id: format!("key:{party}"),
        quality: quality.into(),
        holder_name: holder.into(),
        valid_from: "2026-01-01".into(),
        ..CommissionSeat::default()
    };
    let set = async |seats| {
        let request = SetCommissionSeatsRequest { request_id: request_id(), seats };
        assembly.world.app.set_commission_seats(&assembly.officer, request).await
    };
    let all = ["a", "b", "c", "d"].iter().flat_map(|key| {
        [seat(key, "DIRECTOR", "Alix Exemple"), seat(key, "MEDICAL_COMMISSION_PRESIDENT", "Camille Exemple")]
    });
    set(all.collect()).await.unwrap();
    set(vec![seat("a", "DIRECTOR", "Sacha Exemple")]).await.unwrap();
    let request = ListCommissionSeatsRequest { on: "2026-06-01".into(), page: None };
    let seats = assembly.world.app.list_commission_seats(&assembly.officer, request).await.unwrap().seats;
    assert_eq!(seats.len(), 8, "the same seat is replaced");
    assert!(seats.iter().any(|seat| seat.holder_name == "Sacha Exemple" && seat.party_name == "Hôpital a"));
    let later = CommissionSeat { valid_from: "2026-02-01".into(), ..seat("b", "DIRECTOR", "Lou Exemple") };
    assert_eq!(reason(set(vec![later]).await), "PERIODS_OVERLAP");
    let (_, fields) = refusal(set(vec![seat("b", "BOSS", " ")]).await);
    assert_eq!(fields, ["seats[0].quality", "seats[0].holder_name"]);
}
