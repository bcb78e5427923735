//! Contribution rules, grants, invoices, costs, declared savings and the view of self-financing.

use kit::Role;
use proto::membership::v1::{
    ComputeContributionsRequest, ComputeSelfFinancingRequest, ContributionRule, DeclareSavingRequest, DeclaredSaving,
    GetInvoiceRequest, GrantStep, IssueInvoicesRequest, IssueInvoicesResponse, ListContributionRulesRequest,
    ListDeclaredSavingsRequest, ListGrantsRequest, ListInvoicesRequest, ListLogisticsCostsRequest, LogisticsCost,
    MonthFigures, SetContributionRulesRequest, SetGrantsRequest, SetLogisticsCostsRequest,
};

use crate::{
    governance::Assembly,
    support::{in_group, reason, refusal, request_id},
};

fn rule(key: &str, basis: &str, amount_cents: i64) -> ContributionRule {
    ContributionRule {
        key: key.into(),
        label: format!("Contribution {key}"),
        valid_from: "2026-01-01".into(),
        basis: basis.into(),
        amount_cents,
        source: "AG FICTIVE du 10/12/2025, résolution 3".into(),
        ..ContributionRule::default()
    }
}

fn step(from: &str, to: &str, yearly_cents: i64) -> GrantStep {
    GrantStep {
        key: "ars".into(),
        label: "Subvention".into(),
        funder: "ARS FICTIVE".into(),
        valid_from: from.into(),
        valid_to: to.into(),
        yearly_cents,
        source: "CPOM FICTIF".into(),
    }
}

fn figures(party: &str, month: &str, spend: i64, realised: i64) -> MonthFigures {
    MonthFigures {
        party_id: party.into(),
        month: month.into(),
        spend_cents: spend,
        orders: 2,
        committed_saving_cents: realised + 10,
        realised_saving_cents: realised,
    }
}

/// A flat fee, half a percent of spend and a shared budget; a grant that falls to zero in February.
async fn financed() -> (Assembly, Vec<MonthFigures>) {
    let assembly = Assembly::new().await;
    let percent = ContributionRule { rate: "0.5".into(), ..rule("depense", "SPEND_PERCENT", 0) };
    let shared = ContributionRule { shared_by: "VOTES".into(), ..rule("equipe", "SHARED", 1_200_000) };
    let flat = ContributionRule { member_kinds: vec!["FULL".into()], ..rule("socle", "FLAT", 12_000) };
    let request = SetContributionRulesRequest { request_id: request_id(), rules: vec![percent, shared, flat] };
    assembly.world.app.set_contribution_rules(&assembly.officer, request).await.unwrap();
    let steps = vec![step("2026-01-01", "2026-01-31", 600_000), step("2026-02-01", "", 0)];
    let request = SetGrantsRequest { request_id: request_id(), steps };
    assembly.world.app.set_grants(&assembly.officer, request).await.unwrap();
    let figures = vec![
        figures(&assembly.ids[0], "2026-01", 1_000_001, 60_000),
        figures(&assembly.ids[1], "2026-01", 500_000, 30_000),
        figures(&assembly.ids[0], "2026-02", 2_000_000, 300_000),
    ];
    (assembly, figures)
}

async fn issue(
    assembly: &Assembly,
    request_id: &str,
    (from, to): (&str, &str),
    figures: &[MonthFigures],
) -> Result<IssueInvoicesResponse, kit::Failure> {
    let request = IssueInvoicesRequest {
        request_id: request_id.into(),
        from_month: from.into(),
        to_month: to.into(),
        figures: figures.to_vec(),
    };
    assembly.world.app.issue_invoices(&assembly.officer, request).await
}

#[tokio::test]
async fn what_is_computed_is_what_is_invoiced_and_stays() {
    let (assembly, figures) = financed().await;
    let app = &assembly.world.app;
    let compute = ComputeContributionsRequest {
        from_month: "2026-01".into(),
        to_month: "2026-01".into(),
        figures: figures.clone(),
    };
    let told = app.compute_contributions(&assembly.officer, compute.clone()).await.unwrap();
    // Four flat months of 10.00 €, 50.00 and 25.00 € of spend, 1,000.00 € by 5, 3 and 2 votes of 10; 500.00 € granted.
    assert_eq!(told.total_cents, 4 * 1_000 + 5_000 + 2_500 + 100_000 - 50_000);
    assert_eq!((told.granted_cents, told.grant_unused_cents, told.members.len()), (50_000, 0, 4));
    let of_a = &told.members[0];
    let lines: Vec<(&str, i64)> = of_a.lines.iter().map(|line| (line.rule_key.as_str(), line.amount_cents)).collect();
    assert_eq!(lines[..3], [("depense", 5_000), ("equipe", 50_000), ("socle", 1_000)]);
    assert_eq!((lines[3].0, of_a.total_cents), ("ars", lines.iter().map(|line| line.1).sum::<i64>()));
    let text = of_a.lines[0].reason.as_ref().unwrap().text.replace(['\u{a0}', '\u{202f}'], " ");
    assert_eq!(text, "0,5 % de 10 000,01 € commandés de 2026-01 à 2026-01.");

    let key = request_id();
    let issued = issue(&assembly, &key, ("2026-01", "2026-01"), &figures).await.unwrap();
    assert_eq!(issued.invoices.len(), 4);
    assert!(issued.invoices[0].number.starts_with("COT-") && issued.invoices[0].number.ends_with("-0001"));
    for (invoice, due) in issued.invoices.iter().zip(&told.members) {
        assert_eq!((&invoice.lines, invoice.total_cents), (&due.lines, due.total_cents));
    }
    assert_eq!(issue(&assembly, &key, ("2026-01", "2026-01"), &[]).await.unwrap(), issued, "sent again, other figures");
    let again = issue(&assembly, &request_id(), ("2026-01", "2026-02"), &figures).await;
    assert_eq!(reason(again), "PERIOD_INVOICED");
    let numbers = "SELECT last FROM number_counter WHERE kind = 'COT'";
    assert_eq!(assembly.world.count(numbers).await, 4, "a refusal takes no number");

    let own = in_group(&assembly.group, Some(&assembly.ids[1]), Role::MemberRequester);
    let listed = app.list_invoices(&own, ListInvoicesRequest::default()).await.unwrap().invoices;
    assert_eq!((listed.len(), &listed[0].party_id), (1, &assembly.ids[1]));
    let read = async |id: &str| app.get_invoice(&own, GetInvoiceRequest { invoice_id: id.into() }).await;
    assert_eq!(read(&listed[0].id).await.unwrap().invoice.unwrap(), issued.invoices[1]);
    assert_eq!(reason(read(&issued.invoices[0].id).await), "NOT_FOUND", "another member's");
    let narrowed = app.compute_contributions(&own, compute).await.unwrap();
    assert_eq!((narrowed.members.len(), narrowed.granted_cents), (1, 0));
    for sql in [
        "UPDATE membership.contribution_invoice SET total_cents = 0",
        "DELETE FROM membership.contribution_invoice_line",
    ] {
        let denied =
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut assembly.world.test.app().await).await.unwrap_err();
        assert!(denied.to_string().contains("permission denied"), "{denied}");
    }
}

#[tokio::test]
async fn months_that_are_not_over_and_months_without_rules_are_not_invoiced() {
    let (assembly, figures) = financed().await;
    let open = issue(&assembly, &request_id(), ("2999-01", "2999-01"), &figures).await;
    assert_eq!(reason(open), "PERIOD_NOT_OVER");
    let before = issue(&assembly, &request_id(), ("2025-01", "2025-03"), &[]).await;
    assert_eq!(reason(before), "NOTHING_TO_INVOICE");
    let (_, fields) = refusal(issue(&assembly, &request_id(), ("2025-12", "2026-01"), &[]).await);
    assert_eq!(fields, ["to_month"], "of one year");
    assert_eq!(assembly.world.count("SELECT count(*) FROM contribution_invoice").await, 0);
}

#[tokio::test]
async fn twenty_identical_issues_invoice_once() {
    let (assembly, figures) = financed().await;
    let request = IssueInvoicesRequest {
        request_id: request_id(),
        from_month: "2026-01".into(),
        to_month: "2026-01".into(),
        figures,
    };
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (app, officer, request) = (assembly.world.app.clone(), assembly.officer.clone(), request.clone());
            tokio::spawn(async move { app.issue_invoices(&officer, request).await.unwrap() })
        })
        .collect();
    let mut replies = Vec::new();
    for call in calls {
        replies.push(call.await.unwrap());
    }
    assert!(replies.iter().all(|reply| *reply == replies[0]));
    assert_eq!(assembly.world.count("SELECT count(*) FROM contribution_invoice").await, 4);
}

#[tokio::test]
async fn rules_and_grants_are_read_back_and_their_faults_told() {
    let (assembly, _) = financed().await;
    let app = &assembly.world.app;
    let request = ListContributionRulesRequest { on: "2026-05-01".into() };
    let rules = app.list_contribution_rules(&assembly.officer, request).await.unwrap().rules;
    let keys: Vec<&str> = rules.iter().map(|rule| rule.key.as_str()).collect();
    assert_eq!(keys, ["depense", "equipe", "socle"]);
    assert_eq!((rules[0].rate.as_str(), rules[1].shared_by.as_str(), rules[2].amount_cents), ("0.5", "VOTES", 12_000));
    let steps = app.list_grants(&assembly.officer, ListGrantsRequest {}).await.unwrap().steps;
    assert_eq!(steps.iter().map(|step| step.yearly_cents).collect::<Vec<_>>(), [600_000, 0]);
    let bad = vec![
        ContributionRule { rate: "100.5".into(), ..rule("a b", "SPEND_PERCENT", 0) },
        ContributionRule { shared_by: "EQUAL".into(), yearly_cap_cents: 1, ..rule("x", "SHARED", -1) },
        rule("t", "TIERS", 0),
    ];
    let request = SetContributionRulesRequest { request_id: request_id(), rules: bad };
    let (_, fields) = refusal(app.set_contribution_rules(&assembly.officer, request).await);
    assert_eq!(
        fields,
        ["rules[0].key", "rules[0].rate", "rules[1].amount_cents", "rules[1].yearly_cap_cents", "rules[2].tiers"]
    );
}

#[tokio::test]
async fn the_view_sets_savings_against_costs_and_keeps_declared_ones_apart() {
    let (assembly, figures) = financed().await;
    let app = &assembly.world.app;
    let cost = |month: &str, cents| LogisticsCost {
        month: month.into(),
        label: "Plateforme".into(),
        amount_cents: cents,
        shared_by: "SPEND".into(),
        source: "Comptabilité FICTIVE".into(),
    };
    let request = SetLogisticsCostsRequest {
        request_id: request_id(),
        costs: vec![cost("2026-01", 30_000), cost("2026-02", 6_000)],
    };
    app.set_logistics_costs(&assembly.officer, request).await.unwrap();
    let costs = app.list_logistics_costs(&assembly.officer, ListLogisticsCostsRequest::default()).await.unwrap().costs;
    assert_eq!(costs.len(), 2);
    let saving = DeclaredSaving {
        party_id: assembly.ids[1].clone(),
        month: "2026-01".into(),
        kind: "AVOIDED_EXAM".into(),
        label: "IRM redondantes évitées".into(),
        quantity: 12,
        unit_cents: 15_000,
        evidence: "Registre FICTIF de partage d'images, extraction du 05/02/2026".into(),
        ..DeclaredSaving::default()
    };
    let declare = async |role: Role, party: &str| {
        let caller = in_group(&assembly.group, Some(party), role);
        let request = DeclareSavingRequest { request_id: request_id(), saving: Some(saving.clone()) };
        app.declare_saving(&caller, request).await
    };
    assert_eq!(reason(declare(Role::MemberRequester, &assembly.ids[0]).await), "ROLE_NOT_ALLOWED", "another member's");
    let declared = declare(Role::MemberRequester, &assembly.ids[1]).await.unwrap().saving.unwrap();
    assert_eq!(declared.amount_cents, 180_000);
    assert_eq!(reason(declare(Role::PurchasingOfficer, &assembly.ids[0]).await), "SAVING_DECLARED");
    let own = in_group(&assembly.group, Some(&assembly.ids[1]), Role::MemberReceiver);
    let other = in_group(&assembly.group, Some(&assembly.ids[0]), Role::MemberReceiver);
    for (caller, count) in [(&own, 1), (&other, 0)] {
        let listed = app.list_declared_savings(caller, ListDeclaredSavingsRequest::default()).await.unwrap().savings;
        assert_eq!(listed.len(), count);
    }

    let request = ComputeSelfFinancingRequest { from_month: "2026-01".into(), to_month: "2026-02".into(), figures };
    let view = app.compute_self_financing(&assembly.officer, request.clone()).await.unwrap();
    let months: Vec<_> = view
        .months
        .iter()
        .map(|month| {
            (
                month.realised_saving_cents,
                month.fees_cents,
                month.grants_cents,
                month.logistics_cents,
                month.cumulated_cents,
            )
        })
        .collect();
    let fees = [4_000 + 7_500 + 100_000, 4_000 + 10_000 + 100_000];
    let first = 90_000 - fees[0] - 30_000;
    assert_eq!(
        months,
        [(90_000, fees[0], 50_000, 30_000, first), (300_000, fees[1], 0, 6_000, first + 300_000 - fees[1] - 6_000)]
    );
    assert_eq!(view.pays_for_itself_from, "2026-02");
    let total = view.total.unwrap();
    assert_eq!((total.declared_cents, total.balance_cents), (180_000, months[1].4), "declared savings are in no sum");
    let members: i64 = view.members.iter().map(|member| member.total.as_ref().unwrap().balance_cents).sum();
    assert_eq!(members, total.balance_cents);
    let narrowed = app.compute_self_financing(&own, request).await.unwrap();
    assert_eq!((narrowed.members.len(), narrowed.months.len(), narrowed.total), (1, 0, None));
    assert_eq!(narrowed.pays_for_itself_from, "");
}
