//! Charter, audits and levels.

use kit::Role;
use proto::membership::v1::{
    AddPractitionersRequest, AuditOutcome, Charter, Finding, GetPublicLabelRequest, LabelAudit, LabelAxis,
    LabelCriterion, LabelLevel, LabelScheme, ListAuditsDueRequest, ListAuditsRequest, ListChartersRequest,
    ListPractitionersRequest, PlaceKind, Practitioner, PublishCharterRequest, RecordAuditRequest,
    SetLabelSchemeRequest, SignCharterRequest, Verdict,
};

use crate::{
    bouquet::{Gie, practitioner},
    support::{gateway, in_group, reason, refusal, request_id},
};

pub fn charter(valid_from: &str) -> PublishCharterRequest {
    let charter = Charter {
        title: "Charte".into(),
        text: "# Engagements\n\nNous nous engageons.".into(),
        valid_from: valid_from.into(),
        ..Charter::default()
    };
    PublishCharterRequest { request_id: request_id(), charter: Some(charter) }
}

pub fn scheme(valid_from: &str) -> SetLabelSchemeRequest {
    let criterion = |key: &str, axis: LabelAxis| LabelCriterion {
        key: key.into(),
        title: format!("Critère {key}"),
        axis: axis.into(),
        points: 10,
    };
    let level = |level: i32, percent| LabelLevel {
        level,
        name: ["Engagé", "Confirmé", "Exemplaire"][usize::try_from(level - 1).unwrap()].into(),
        territory_percent: percent,
        team_percent: percent,
    };
    let scheme = LabelScheme {
        valid_from: valid_from.into(),
        first_audit_months: 24,
        audit_months: 24,
        retry_months: 12,
        partly_percent: 50,
        criteria: vec![criterion("t", LabelAxis::Territory), criterion("e", LabelAxis::Team)],
        levels: vec![level(1, 50), level(2, 75), level(3, 100)],
        ..LabelScheme::default()
    };
    SetLabelSchemeRequest { request_id: request_id(), scheme: Some(scheme) }
}

fn audit(who: &str, held_on: &str, verdicts: [Verdict; 2]) -> RecordAuditRequest {
    let finding = |(criterion, verdict): (&str, Verdict)| Finding {
        criterion: criterion.into(),
        verdict: verdict.into(),
        evidence: if verdict == Verdict::NotMet { String::new() } else { "Vu sur place".into() },
    };
    let audit = LabelAudit {
        practitioner_id: who.into(),
        held_on: held_on.into(),
        held_by: "Qualité FICTIVE".into(),
        findings: ["t", "e"].into_iter().zip(verdicts).map(finding).collect(),
        ..LabelAudit::default()
    };
    RecordAuditRequest { request_id: request_id(), audit: Some(audit) }
}

fn sign(who: &str, signed_on: &str) -> SignCharterRequest {
    SignCharterRequest {
        request_id: request_id(),
        practitioner_id: who.into(),
        signed_on: signed_on.into(),
        ..SignCharterRequest::default()
    }
}

/// The GIE with a charter, a label, and the charter signed by all.
async fn labelled() -> Gie {
    let gie = Gie::new().await;
    let app = &gie.world.app;
    app.publish_charter(&gie.officer(), charter("2024-01-01")).await.unwrap();
    app.set_label_scheme(&gie.officer(), scheme("2024-01-01")).await.unwrap();
    for id in &gie.practitioners {
        app.sign_charter(&gie.officer(), sign(id, "2024-02-01")).await.unwrap();
    }
    gie
}

#[tokio::test]
async fn an_audit_gives_renews_lowers_and_withdraws_and_each_sets_the_next_due_day() {
    use AuditOutcome::{Given, Lowered, Raised, Renewed, Withdrawn};
    use Verdict::{Met, NotMet, Partly};
    let gie = labelled().await;
    let app = &gie.world.app;
    let who = &gie.practitioners[0];
    let due = ListAuditsDueRequest { until: "2026-02-01".into(), page: None };
    let before = app.list_audits_due(&gie.officer(), due.clone()).await.unwrap().practitioners;
    assert_eq!(before.len(), 3, "two years after joining");
    assert!(before.iter().all(|one| one.audit_due_on == "2026-02-01"));
    let steps = [
        ("2024-06-01", [Met, Partly], Given, 1, "2026-06-01"),
        ("2024-07-01", [Met, Partly], Renewed, 1, "2026-07-01"),
        ("2024-08-01", [Met, Met], Raised, 3, "2026-08-01"),
        ("2024-09-01", [Partly, Met], Lowered, 1, "2025-09-01"),
        ("2024-10-01", [Met, NotMet], Withdrawn, 0, "2025-10-01"),
    ];
    let mut since = Vec::new();
    for (held_on, verdicts, outcome, level, next) in steps {
        let recorded = app.record_audit(&gie.officer(), audit(who, held_on, verdicts)).await.unwrap().audit.unwrap();
        assert_eq!(recorded.outcome(), outcome, "{held_on}");
        assert_eq!((recorded.level_after, recorded.next_due_on.as_str()), (level, next));
        let reason = recorded.reason.unwrap();
        assert!(reason.text.contains("Prochain audit") && reason.rule.starts_with("LABEL_"), "{reason:?}");
        let listed = app.list_practitioners(&gie.requester(0), ListPractitionersRequest::default()).await.unwrap();
        assert_eq!((listed.practitioners[0].level, listed.practitioners[0].audit_due_on.as_str()), (level, next));
        since.push(listed.practitioners[0].level_since.clone());
    }
    assert_eq!(
        since,
        ["2024-06-01", "2024-06-01", "2024-08-01", "2024-09-01", ""],
        "a renewed level began when it was given"
    );
    let held = app.list_audits(&gie.officer(), ListAuditsRequest::default()).await.unwrap().audits;
    assert_eq!(held.len(), 5);
    assert_eq!(held[0].findings.iter().map(|one| one.criterion.as_str()).collect::<Vec<_>>(), ["t", "e"]);
    assert_eq!(app.list_audits(&gie.requester(1), ListAuditsRequest::default()).await.unwrap().audits.len(), 0);
    let due = app.list_audits_due(&gie.officer(), due).await.unwrap().practitioners;
    assert_eq!(due[0].audit_due_on, "2025-10-01", "earliest first");
}

#[tokio::test]
async fn everybody_may_know_who_holds_which_level_and_nothing_else() {
    let gie = labelled().await;
    let app = &gie.world.app;
    use Verdict::{Met, Partly};
    app.record_audit(&gie.officer(), audit(&gie.practitioners[1], "2024-06-01", [Met, Met])).await.unwrap();
    app.record_audit(&gie.officer(), audit(&gie.practitioners[2], "2024-06-01", [Partly, Met])).await.unwrap();
    let asked = |key: &str, size| GetPublicLabelRequest {
        group_key: key.into(),
        page: Some(proto::common::v1::Page { size, after: String::new() }),
    };
    let shown = app.get_public_label(&gateway(), asked("serenice", 1)).await.unwrap();
    assert_eq!((shown.group_name.as_str(), shown.holders[0].name.as_str()), ("Groupe serenice", "Dr 10000000002"));
    assert_eq!((shown.holders[0].level_name.as_str(), shown.holders[0].place.as_str()), ("Exemplaire", "Hôpital b"));
    assert_eq!(shown.counts.iter().map(|one| one.count).collect::<Vec<_>>(), [1, 0, 1]);
    let mut next = asked("serenice", 1);
    next.page.as_mut().unwrap().after = shown.next_after;
    let shown = app.get_public_label(&gateway(), next).await.unwrap();
    assert_eq!((shown.holders[0].name.as_str(), shown.next_after.as_str()), ("Dr 10000000003", ""));
    assert_eq!(reason(app.get_public_label(&gateway(), asked("nobody", 1)).await), "NOT_FOUND");
    for caller in [gie.officer(), in_group(&gie.group, None, Role::Service)] {
        assert_eq!(reason(app.get_public_label(&caller, asked("serenice", 1)).await), "ROLE_NOT_ALLOWED");
    }
}

#[tokio::test]
async fn joining_signs_the_charter_and_a_level_takes_a_signature() {
    let gie = Gie::new().await;
    let app = &gie.world.app;
    app.publish_charter(&gie.officer(), charter("2024-01-01")).await.unwrap();
    app.set_label_scheme(&gie.officer(), scheme("2024-01-01")).await.unwrap();
    let join = |signed_on: &str| AddPractitionersRequest {
        request_id: request_id(),
        practitioners: vec![Practitioner {
            charter_signed_on: signed_on.into(),
            ..practitioner("10000000004", "key:a", PlaceKind::Practice)
        }],
    };
    let (_, fields) = refusal(app.add_practitioners(&gie.officer(), join("")).await);
    assert_eq!(fields, ["practitioners[0].charter_signed_on"]);
    let joined = app.add_practitioners(&gie.officer(), join("2024-02-01")).await.unwrap().practitioners.remove(0);
    assert_eq!((joined.charter_version, joined.charter_signed_by.as_str()), (1, "Dr 10000000004"));
    assert_eq!(joined.audit_due_on, "2026-02-01");
    let unsigned =
        app.record_audit(&gie.officer(), audit(&gie.practitioners[0], "2024-06-01", [Verdict::Met; 2])).await;
    assert_eq!(reason(unsigned), "CHARTER_NOT_SIGNED");
    assert_eq!(
        reason(app.sign_charter(&gie.officer(), sign(&joined.id, "2024-03-01")).await),
        "CHARTER_SIGNED_ALREADY"
    );
    let early = app.sign_charter(&gie.officer(), sign(&gie.practitioners[0], "2023-12-31")).await;
    assert_eq!(reason(early), "NO_CHARTER_ON_DAY");
    // A new version is signed anew; the first signature stays.
    assert_eq!(reason(app.publish_charter(&gie.officer(), charter("2024-01-01")).await), "VERSION_BEGINS_TOO_EARLY");
    app.publish_charter(&gie.officer(), charter("2024-05-01")).await.unwrap();
    let signed = app.sign_charter(&gie.officer(), sign(&joined.id, "2024-05-02")).await.unwrap().practitioner.unwrap();
    assert_eq!(signed.charter_version, 2);
    let charters = app.list_charters(&gie.requester(0), ListChartersRequest::default()).await.unwrap().charters;
    assert_eq!(charters.iter().map(|one| (one.version, one.signature_count)).collect::<Vec<_>>(), [(2, 1), (1, 1)]);
    assert_eq!(charters[0].sha256.len(), 64);
}

#[tokio::test]
async fn an_audit_out_of_place_is_refused_and_says_why() {
    let gie = labelled().await;
    let app = &gie.world.app;
    let who = &gie.practitioners[0];
    let met = [Verdict::Met; 2];
    app.record_audit(&gie.officer(), audit(who, "2024-06-01", met)).await.unwrap();
    assert_eq!(reason(app.record_audit(&gie.officer(), audit(who, "2024-06-01", met)).await), "AUDIT_BEFORE_LAST");
    let early = app.record_audit(&gie.officer(), audit(who, "2024-01-15", met)).await;
    assert_eq!(reason(early), "PRACTITIONER_NOT_IN_GROUP");
    let (_, fields) = refusal(app.record_audit(&gie.officer(), audit(who, "2099-01-01", met)).await);
    assert_eq!(fields, ["audit.held_on"]);
    let mut partial = audit(who, "2024-07-01", met);
    partial.audit.as_mut().unwrap().findings.pop();
    assert_eq!(refusal(app.record_audit(&gie.officer(), partial).await).1, ["audit.findings"]);
    for role in [Role::MemberRequester, Role::MemberReceiver, Role::Auditor, Role::Administrator, Role::Supplier] {
        let caller = in_group(&gie.group, Some(&gie.parties[0]), role);
        assert_eq!(
            reason(app.record_audit(&caller, audit(who, "2024-08-01", met)).await),
            "ROLE_NOT_ALLOWED",
            "{role:?}"
        );
        assert_eq!(reason(app.publish_charter(&caller, charter("2025-01-01")).await), "ROLE_NOT_ALLOWED", "{role:?}");
    }
    // What an audit decided stays what it was: the service itself cannot touch it.
    let mut tx = gie.world.test.db.begin(&gie.officer()).await.unwrap();
    let changed = sqlx::query("UPDATE label_audit SET level_after = 3").execute(tx.conn()).await.unwrap_err();
    assert!(changed.to_string().contains("permission denied"), "{changed}");
}

#[tokio::test]
async fn twenty_identical_audits_are_one() {
    let gie = labelled().await;
    let before = gie.world.count("SELECT count(*) FROM event").await;
    let officer = gie.officer();
    let request = audit(&gie.practitioners[0], "2024-06-01", [Verdict::Met; 2]);
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (app, officer, request) = (gie.world.app.clone(), officer.clone(), request.clone());
            tokio::spawn(async move { app.record_audit(&officer, request).await.unwrap() })
        })
        .collect();
    let mut replies = Vec::new();
    for call in calls {
        replies.push(call.await.unwrap());
    }
    assert!(replies.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(gie.world.count("SELECT count(*) FROM label_audit").await, 1);
    assert_eq!(gie.world.count("SELECT count(*) FROM event").await, before + 1);
}
