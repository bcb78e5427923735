//! Voting rights, decision rules, decisions and admissions.

use kit::{Caller, Failure, Role};
use proto::{
    common::v1::Page,
    membership::v1::{
        AddMembersRequest, AttachMinutesRequest, Decision, DecisionRule, GetDecisionRequest, GetMinutesRequest,
        ListDecisionRulesRequest, ListDecisionsRequest, ListVotingRightsRequest, Member, MemberKind,
        RecordDecisionRequest, RecordDecisionResponse, SetDecisionRulesRequest, SetVotingRightsRequest, Threshold,
        Vote, VotingRight,
    },
};

use crate::support::{World, hospital, in_group, member, reason, refusal, request_id};

pub fn share(share: &str, strictly: bool) -> Option<Threshold> {
    Some(Threshold { share: share.into(), strictly })
}

pub fn rule(subject: &str) -> DecisionRule {
    DecisionRule {
        subject: subject.into(),
        valid_from: "2026-01-01".into(),
        counting: "WEIGHTS".into(),
        quorum_basis: "MEMBERS".into(),
        quorum: share("1/2", false),
        majority_basis: "CAST".into(),
        majority: share("1/2", true),
        most_proxies: 1,
        source: "Convention constitutive FICTIVE, art. 14".into(),
        ..DecisionRule::default()
    }
}

pub fn right(party: &str, college: &str, votes: i64) -> VotingRight {
    VotingRight {
        party_id: party.into(),
        college: college.into(),
        votes,
        valid_from: "2026-01-01".into(),
        ..VotingRight::default()
    }
}

pub fn vote(party: &str, choice: &str) -> Vote {
    Vote { party_id: party.into(), choice: choice.into(), ..Vote::default() }
}

/// On the first day on which the groups of these tests exist.
pub fn motion(subject: &str, votes: Vec<Vote>) -> Decision {
    Decision {
        subject: subject.into(),
        title: "Motion d'essai".into(),
        decided_on: "2026-01-02".into(),
        votes,
        ..Decision::default()
    }
}

pub struct Assembly {
    pub world: World,
    pub group: String,
    pub ids: Vec<String>,
    pub officer: Caller,
}

impl Assembly {
    /// Four members, of which the last has no votes; rules for all subjects.
    pub async fn new() -> Self {
        let world = World::new().await;
        let (group, ids) = world.group_of("g", &["a", "b", "c", "d"]).await;
        let officer = in_group(&group, Some(&ids[0]), Role::PurchasingOfficer);
        let assembly = Self { world, group, ids, officer };
        let rules = ["ELECTION", "POLICY", "BUDGET", "OTHER", "ADMISSION"].map(rule).to_vec();
        let request = SetDecisionRulesRequest { request_id: request_id(), rules };
        assembly.world.app.set_decision_rules(&assembly.officer, request).await.unwrap();
        let rights = vec![
            right("key:a", "publics", 5),
            right("key:b", "publics", 3),
            right("key:c", "privés", 2),
            right("key:d", "", 0),
        ];
        let request = SetVotingRightsRequest { request_id: request_id(), rights };
        assembly.world.app.set_voting_rights(&assembly.officer, request).await.unwrap();
        assembly
    }

    pub async fn record(&self, decision: Decision) -> Result<RecordDecisionResponse, Failure> {
        let request = RecordDecisionRequest { request_id: request_id(), decision: Some(decision) };
        self.world.app.record_decision(&self.officer, request).await
    }

    pub async fn recorded(&self, decision: Decision) -> Decision {
        self.record(decision).await.unwrap().decision.unwrap()
    }
}

#[tokio::test]
async fn a_decision_is_computed_from_the_votes_and_kept_with_its_rule() {
    let assembly = Assembly::new().await;
    let proxy = Vote { represented_by: "key:a".into(), ..vote("key:b", "FOR") };
    let told = assembly.recorded(motion("POLICY", vec![vote("key:a", "FOR"), proxy, vote("key:c", "AGAINST")])).await;
    assert_eq!((told.state.as_str(), told.number.split('-').next()), ("ADOPTED", Some("DEL")));
    assert_eq!(
        told.reasons[1].text,
        "Majorité : 8 voix pour, 2 contre, 0 abstentions ; il faut plus de 1/2 des 10 voix exprimées : atteinte."
    );
    assert_eq!(told.reasons[1].source, "Convention constitutive FICTIVE, art. 14");
    assert_eq!((told.votes.len(), told.tallies.len()), (3, 3), "who has no votes is not asked");
    // A later rule or right changes nothing of what was decided.
    let all = DecisionRule { majority: share("1/1", false), ..rule("POLICY") };
    let request = SetDecisionRulesRequest { request_id: request_id(), rules: vec![all] };
    assembly.world.app.set_decision_rules(&assembly.officer, request).await.unwrap();
    let request = GetDecisionRequest { decision_id: told.id.clone() };
    let reader = in_group(&assembly.group, Some(&assembly.ids[1]), Role::MemberRequester);
    let read = assembly.world.app.get_decision(&reader, request).await.unwrap().decision.unwrap();
    assert_eq!(read, told);
    let again =
        assembly.recorded(motion("POLICY", vec![vote("key:a", "FOR"), vote("key:b", "FOR"), vote("key:c", "AGAINST")]));
    assert_eq!(again.await.state, "REJECTED", "unanimity since");
    let few = assembly.recorded(motion("BUDGET", vec![vote("key:a", "FOR")])).await;
    assert_eq!((few.state.as_str(), few.reasons.len()), ("NO_QUORUM", 1), "one member of three");
}

#[tokio::test]
async fn faults_of_a_decision_are_told_by_field() {
    let assembly = Assembly::new().await;
    let bad = Decision {
        office: "PRESIDENT".into(),
        decided_on: "2026-1-1".into(),
        votes: vec![vote("a", "YES")],
        ..motion("POLICY", Vec::new())
    };
    let (_, fields) = refusal(assembly.record(bad).await);
    assert_eq!(
        fields,
        ["decision.decided_on", "decision.office", "decision.votes[0].party_id", "decision.votes[0].choice"]
    );
    let (_, fields) =
        refusal(assembly.record(motion("POLICY", vec![vote("key:a", "FOR"), vote("key:d", "FOR")])).await);
    assert_eq!(fields, ["decision.votes[1].party_id"], "it has no votes");
    let (_, fields) = refusal(assembly.record(motion("POLICY", vec![vote("key:nobody", "FOR")])).await);
    assert_eq!(fields, ["decision.votes[0].party_id"]);
    let tomorrow = Decision { decided_on: "2999-01-01".into(), ..motion("POLICY", vec![vote("key:a", "FOR")]) };
    let (_, fields) = refusal(assembly.record(tomorrow).await);
    assert_eq!(fields, ["decision.decided_on"]);
    let before = Decision { decided_on: "2025-12-31".into(), ..motion("POLICY", vec![vote("key:a", "FOR")]) };
    assert_eq!(reason(assembly.record(before).await), "DECISION_RULE_MISSING");
    assert_eq!(assembly.world.count("SELECT count(*) FROM decision").await, 0);
}

#[tokio::test]
async fn twenty_identical_decisions_are_one() {
    let assembly = Assembly::new().await;
    let decision = motion("POLICY", vec![vote("key:a", "FOR"), vote("key:b", "FOR")]);
    let request = RecordDecisionRequest { request_id: request_id(), decision: Some(decision) };
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (app, officer, request) = (assembly.world.app.clone(), assembly.officer.clone(), request.clone());
            tokio::spawn(async move { app.record_decision(&officer, request).await.unwrap() })
        })
        .collect();
    let mut replies = Vec::new();
    for call in calls {
        replies.push(call.await.unwrap());
    }
    assert!(replies.iter().all(|reply| *reply == replies[0]));
    assert_eq!(assembly.world.count("SELECT count(*) FROM decision").await, 1);
    let events = "SELECT count(*) FROM event WHERE kind = 'membership.decision_recorded.v1'";
    assert_eq!(assembly.world.count(events).await, 1);
}

#[tokio::test]
async fn minutes_are_a_pdf_attached_once_and_read_back_as_they_came() {
    let assembly = Assembly::new().await;
    let decision = assembly.recorded(motion("OTHER", vec![vote("key:a", "FOR"), vote("key:b", "FOR")])).await;
    let attach = async |content: Vec<u8>| {
        let request = AttachMinutesRequest {
            request_id: request_id(),
            decision_id: decision.id.clone(),
            content: content.into(),
        };
        assembly.world.app.attach_minutes(&assembly.officer, request).await
    };
    let read = || GetMinutesRequest { decision_id: decision.id.clone() };
    let auditor = in_group(&assembly.group, None, Role::Auditor);
    assert_eq!(reason(assembly.world.app.get_minutes(&auditor, read()).await), "NOT_FOUND");
    let (_, fields) = refusal(attach(b"proces-verbal".to_vec()).await);
    assert_eq!(fields, ["content"]);
    let (_, fields) = refusal(attach([b"%PDF-".to_vec(), vec![0; 10 << 20]].concat()).await);
    assert_eq!(fields, ["content"], "more than 10 MiB");
    // Of several pieces.
    let pdf = [b"%PDF-1.7\n".to_vec(), (0..3 << 20).map(|at: u32| at.to_le_bytes()[1]).collect()].concat();
    let attached = attach(pdf.clone()).await.unwrap().decision.unwrap();
    assert_eq!(attached.minutes_sha256.len(), 64);
    let minutes = assembly.world.app.get_minutes(&auditor, read()).await.unwrap();
    assert!(minutes.content == pdf, "as it came");
    assert_eq!((minutes.sha256, minutes.number), (attached.minutes_sha256, decision.number.clone()));
    assert_eq!(reason(attach(pdf).await), "MINUTES_ATTACHED");
    let denied = sqlx::query("UPDATE membership.decision SET state = 'REJECTED'")
        .execute(&mut assembly.world.test.app().await)
        .await
        .unwrap_err();
    assert!(denied.to_string().contains("permission denied"), "{denied}");
}

#[tokio::test]
async fn where_a_vote_is_needed_nobody_is_added_without_one() {
    let assembly = Assembly::new().await;
    let world = &assembly.world;
    let newcomers = world.parties(vec![hospital("e"), hospital("f")]).await;
    let add = async |members: Vec<Member>| {
        let request = AddMembersRequest { request_id: request_id(), members };
        world.app.add_members(&assembly.officer, request).await
    };
    let of = |from: &str| member(&newcomers[0], from, "");
    let needed = DecisionRule { vote_needed: true, ..rule("ADMISSION") };
    let request = SetDecisionRulesRequest { request_id: request_id(), rules: vec![needed] };
    world.app.set_decision_rules(&assembly.officer, request).await.unwrap();
    assert_eq!(reason(add(vec![of("2026-03-01")]).await), "ADMISSION_NOT_VOTED");
    // A present member goes on as before.
    add(vec![member("key:b", "2026-01-01", "2030-12-31")]).await.unwrap();
    let admission = |votes| Decision {
        candidate_party_id: newcomers[0].clone(),
        candidate_kind: "FULL".into(),
        effect_from: "2026-03-01".into(),
        ..motion("ADMISSION", votes)
    };
    let refused = assembly.recorded(admission(vec![vote("key:a", "AGAINST"), vote("key:b", "FOR")])).await;
    assert_eq!(refused.state, "REJECTED");
    assert_eq!(reason(add(vec![of("2026-03-01")]).await), "ADMISSION_NOT_VOTED");
    let adopted = assembly.recorded(admission(vec![vote("key:a", "FOR"), vote("key:b", "FOR")])).await;
    assert_eq!((adopted.state.as_str(), adopted.candidate_kind.as_str()), ("ADOPTED", "FULL"));
    assert_eq!(reason(add(vec![of("2026-02-28")]).await), "ADMISSION_NOT_VOTED", "before its effect");
    let associate = Member { kind: MemberKind::Associate.into(), ..of("2026-03-01") };
    assert_eq!(reason(add(vec![associate]).await), "ADMISSION_NOT_VOTED", "as a full member only");
    let both = vec![of("2026-03-01"), member(&newcomers[1], "2026-03-01", "")];
    assert_eq!(reason(add(both).await), "ADMISSION_NOT_VOTED", "one of the two was not voted");
    add(vec![of("2026-03-01")]).await.unwrap();
}

#[tokio::test]
async fn rights_and_rules_hold_on_their_days_and_once_a_day() {
    let assembly = Assembly::new().await;
    let app = &assembly.world.app;
    let later = VotingRight { valid_from: "2026-07-01".into(), ..right("key:a", "publics", 9) };
    let set = async |rights: Vec<VotingRight>| {
        app.set_voting_rights(&assembly.officer, SetVotingRightsRequest { request_id: request_id(), rights }).await
    };
    assert_eq!(reason(set(vec![later.clone()]).await), "PERIODS_OVERLAP");
    let ended = VotingRight { valid_to: "2026-06-30".into(), ..right("key:a", "publics", 5) };
    set(vec![later, ended]).await.unwrap();
    let votes = async |on: &str| {
        let request = ListVotingRightsRequest { on: on.into(), page: None };
        let rights = app.list_voting_rights(&assembly.officer, request).await.unwrap().rights;
        rights.into_iter().find(|right| right.name == "Hôpital a").map(|right| right.votes)
    };
    assert_eq!(
        (votes("2026-06-30").await, votes("2026-07-01").await, votes("2025-12-31").await),
        (Some(5), Some(9), None)
    );
    let mut page = Page { size: 3, after: String::new() };
    let mut seen = 0;
    loop {
        let request = ListVotingRightsRequest { on: "2026-06-30".into(), page: Some(page.clone()) };
        let answer = app.list_voting_rights(&assembly.officer, request).await.unwrap();
        seen += answer.rights.len();
        page.after = answer.next_after;
        if page.after.is_empty() {
            break;
        }
    }
    assert_eq!(seen, 4);
    let request = ListDecisionRulesRequest { on: "2026-06-30".into() };
    let rules = app.list_decision_rules(&assembly.officer, request).await.unwrap().rules;
    assert_eq!(rules.len(), 5);
    assert_eq!(rules.iter().find(|told| told.subject == "POLICY"), Some(&rule("POLICY")));
    let overlapping = DecisionRule { valid_from: "2026-02-01".into(), ..rule("POLICY") };
    let request = SetDecisionRulesRequest { request_id: request_id(), rules: vec![overlapping] };
    assert_eq!(reason(app.set_decision_rules(&assembly.officer, request).await), "PERIODS_OVERLAP");
    let bad = DecisionRule { quorum: None, majority: share("3/2", false), vote_needed: true, ..rule("POLICY") };
    let request = SetDecisionRulesRequest { request_id: request_id(), rules: vec![bad] };
    let (_, fields) = refusal(app.set_decision_rules(&assembly.officer, request).await);
    assert_eq!(fields, ["rules[0].quorum", "rules[0].majority", "rules[0].vote_needed"]);
}

#[tokio::test]
async fn only_officers_write_and_only_the_group_reads() {
    let assembly = Assembly::new().await;
    let app = &assembly.world.app;
    let decision = assembly.recorded(motion("OTHER", vec![vote("key:a", "FOR"), vote("key:b", "FOR")])).await;
    for role in [Role::MemberRequester, Role::MemberReceiver, Role::Auditor, Role::Administrator, Role::Supplier] {
        let caller = in_group(&assembly.group, Some(&assembly.ids[0]), role);
        let request = RecordDecisionRequest {
            request_id: request_id(),
            decision: Some(motion("OTHER", vec![vote("key:a", "FOR")])),
        };
        assert_eq!(reason(app.record_decision(&caller, request).await), "ROLE_NOT_ALLOWED", "{role:?}");
    }
    let supplier = in_group(&assembly.group, Some(&assembly.ids[0]), Role::Supplier);
    assert_eq!(reason(app.list_decisions(&supplier, ListDecisionsRequest::default()).await), "ROLE_NOT_ALLOWED");
    let (other, ids) = assembly.world.group_of("other", &["x"]).await;
    let stranger = in_group(&other, Some(&ids[0]), Role::PurchasingOfficer);
    let request = GetDecisionRequest { decision_id: decision.id.clone() };
    assert_eq!(reason(app.get_decision(&stranger, request).await), "NOT_FOUND");
    let listed = app.list_decisions(&stranger, ListDecisionsRequest::default()).await.unwrap().decisions;
    assert!(listed.is_empty());
    let request = ListDecisionsRequest { subject: "OTHER".into(), page: None };
    let listed = app.list_decisions(&assembly.officer, request).await.unwrap().decisions;
    assert_eq!((listed.len(), listed[0].votes.len()), (1, 0), "lists have no votes");
}
