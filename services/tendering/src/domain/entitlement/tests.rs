//! The table of who may buy.

use proptest::prelude::*;

use super::*;
use crate::domain::law::Provision;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn law() -> Law {
    let provision = |rule: &str, from: &str, article: &str| Provision {
        rule: rule.to_owned(),
        valid_from: day(from),
        valid_to: None,
        article: article.to_owned(),
        figure: None,
    };
    Law(vec![
        provision("AGREEMENT_NOT_IN_FORCE", "2019-04-01", "CCP R2162-5"),
        provision("BENEFICIARY_NOT_NAMED", "2019-04-01", "CCP R2162-6 ; CJUE C-216/17"),
        provision("ENTITLED", "2019-04-01", "CCP R2162-6"),
        provision("GCS_MEMBERS_ONLY", "2020-01-01", "CSP L6133-1"),
        provision("STATUS_UNKNOWN_IS_STRICT", "2019-04-01", "CCP L1211-1"),
    ])
}

fn lot() -> LotTerms {
    LotTerms {
        lot_id: LotId::new(),
        lot_number: 2,
        lot_title: "Gants".into(),
        agreement_id: AgreementId::new(),
        agreement_number: "2025-017".into(),
        starts_on: day("2019-06-01"),
        ends_on: day("2027-12-31"),
    }
}

fn group(form: GroupForm) -> GroupFacts {
    GroupFacts { form, awarding_party: None, rules_source: "convention, art. 3".into() }
}

fn member(kind: MemberKind, buyer_status: BuyerStatus) -> MemberFacts {
    MemberFacts { name: "CH de Vire".into(), kind, buyer_status }
}

struct Case {
    on: &'static str,
    form: GroupForm,
    kind: Option<MemberKind>,
    named: Option<(&'static str, Option<&'static str>)>,
    rule: Rule,
    source: &'static str,
    says: &'static str,
}

#[test]
fn the_first_refusal_decides_with_its_source_and_its_dates() {
    use GroupForm::{Charter, GcsMoyens, Ght};
    use MemberKind::{Associate, Full, Partner};
    let always = Some(("2019-06-01", None));
    let case = |on, form, kind, named, rule, source, says| Case { on, form, kind, named, rule, source, says };
    let cases = [
        case("2026-11-21", Ght, Some(Full), always, Rule::Entitled, "CCP R2162-6", "du 01/06/2019 au 31/12/2027"),
        case("2027-12-31", Ght, Some(Full), always, Rule::Entitled, "CCP R2162-6", "Achat permis le 31/12/2027"),
        case(
            "2028-01-01",
            Ght,
            Some(Full),
            always,
            Rule::AgreementNotInForce,
            "CCP R2162-5",
            "du 01/06/2019 au 31/12/2027",
        ),
        case("2019-05-31", Ght, None, None, Rule::AgreementNotInForce, "CCP R2162-5", "2025-017"),
        case(
            "2026-11-21",
            Ght,
            Some(Full),
            None,
            Rule::BeneficiaryNotNamed,
            "CCP R2162-6 ; CJUE C-216/17",
            "CH de Vire",
        ),
        case(
            "2026-11-21",
            Ght,
            Some(Partner),
            None,
            Rule::BeneficiaryNotNamed,
            "CCP R2162-6 ; CJUE C-216/17",
            "ne suffit pas",
        ),
        case("2026-11-21", Ght, Some(Partner), always, Rule::Entitled, "CCP R2162-6", "partenaire du groupement"),
        case(
            "2026-11-21",
            Ght,
            Some(Full),
            Some(("2026-11-22", None)),
            Rule::BeneficiaryNotNamed,
            "CCP R2162-6 ; CJUE C-216/17",
            "que du 22/11/2026 au 31/12/2027",
        ),
        case(
            "2026-11-21",
            Ght,
            Some(Full),
            Some(("2025-01-01", Some("2026-11-20"))),
            Rule::BeneficiaryNotNamed,
            "CCP R2162-6 ; CJUE C-216/17",
            "que du 01/01/2025 au 20/11/2026",
        ),
        case(
            "2026-11-21",
            Ght,
            Some(Full),
            Some(("2025-01-01", Some("2026-11-21"))),
            Rule::Entitled,
            "CCP R2162-6",
            "21/11/2026",
        ),
        case("2026-11-21", GcsMoyens, None, always, Rule::NotAMember, "CSP L6133-1", "depuis le 01/01/2020"),
        case(
            "2026-11-21",
            GcsMoyens,
            Some(Associate),
            always,
            Rule::NotAMember,
            "CSP L6133-1",
            "est associé du groupement",
        ),
        case("2019-12-31", GcsMoyens, Some(Associate), always, Rule::Entitled, "CCP R2162-6", "associé"),
        case("2026-11-21", GcsMoyens, Some(Full), always, Rule::Entitled, "CCP R2162-6", "membre du groupement"),
        case("2026-11-21", Charter, None, always, Rule::NotAMember, "convention, art. 3", "n'est pas membre"),
        case("2026-11-21", Charter, Some(Associate), always, Rule::Entitled, "CCP R2162-6", "associé du groupement"),
    ];
    let (lot, law, party) = (lot(), law(), PartyId::new());
    for (index, case) in cases.iter().enumerate() {
        let (group, member) = (group(case.form), case.kind.map(|kind| member(kind, BuyerStatus::PublicLaw)));
        let namings: Vec<Naming> = case
            .named
            .map(|(from, to)| Naming { party, valid_from: day(from), valid_to: to.map(day) })
            .into_iter()
            .collect();
        let answer = decide(&Question {
            party,
            on: day(case.on),
            lot: &lot,
            namings: &namings,
            member: member.as_ref(),
            group: &group,
            law: &law,
        });
        let reason = &answer.reason;
        assert_eq!((reason.rule, reason.source.as_str()), (case.rule, case.source), "case {index}: {}", reason.text);
        assert_eq!(answer.allowed, case.rule == Rule::Entitled, "case {index}");
        assert!(reason.text.contains(case.says), "case {index}: {}", reason.text);
        assert!(reason.text.contains(&format!("Règle : {}", case.source)), "case {index}: {}", reason.text);
        assert_eq!(reason.facts["on"], case.on, "case {index}");
    }
}

#[test]
fn a_refusal_reads_as_a_whole_french_sentence() {
    let (lot, law, group, party) = (lot(), law(), group(GroupForm::Ght), PartyId::new());
    let member = member(MemberKind::Full, BuyerStatus::PublicLaw);
    let question = Question {
        party,
        on: day("2026-11-21"),
        lot: &lot,
        namings: &[],
        member: Some(&member),
        group: &group,
        law: &law,
    };
    assert_eq!(
        decide(&question).reason.text,
        "Achat refusé le 21/11/2026 pour CH de Vire : cet acheteur n'est pas nommé parmi les bénéficiaires de l'accord-cadre \
         2025-017. Appartenir au groupement ne suffit pas : seuls commandent les acheteurs identifiés dans l'avis de marché \
         ou les documents de la consultation. Règle : CCP R2162-6 ; CJUE C-216/17."
    );
}

#[test]
fn an_unknown_status_is_treated_strictly_and_the_answer_says_so() {
    let (lot, law, group, party) = (lot(), law(), group(GroupForm::Charter), PartyId::new());
    let namings = [Naming { party, valid_from: day("2025-01-01"), valid_to: None }];
    let ask = |status| {
        let member = member(MemberKind::Full, status);
        let (namings, member) = (&namings, Some(&member));
        decide(&Question { party, on: day("2026-11-21"), lot: &lot, namings, member, group: &group, law: &law })
    };
    let unknown = ask(BuyerStatus::Unknown);
    assert!(unknown.allowed);
    assert_eq!(unknown.reason.source, "CCP R2162-6 ; CCP L1211-1");
    assert!(unknown.reason.text.contains("traité comme pouvoir adjudicateur (CCP L1211-1)"), "{}", unknown.reason.text);
    assert_eq!(unknown.reason.facts["treated_as"], "CONTRACTING_AUTHORITY");
    for known in [BuyerStatus::PublicLaw, BuyerStatus::PrivateContractingAuthority, BuyerStatus::AssertedNot] {
        assert_eq!(ask(known).reason.source, "CCP R2162-6");
    }
}

proptest! {
    #[test]
    fn nobody_buys_outside_the_agreement_or_unnamed(offset in -4_000_i64..4_000, from in -1_000_i64..1_000, days in 0_i64..500) {
        let (lot, law, group, party) = (lot(), law(), group(GroupForm::Ght), PartyId::new());
        let member = member(MemberKind::Full, BuyerStatus::PublicLaw);
        let valid_from = day("2023-01-01") + chrono::Duration::days(from);
        let valid_to = valid_from + chrono::Duration::days(days);
        let namings = [Naming { party, valid_from, valid_to: Some(valid_to) }];
        let on = day("2023-01-01") + chrono::Duration::days(offset);
        let answer =
            decide(&Question { party, on, lot: &lot, namings: &namings, member: Some(&member), group: &group, law: &law });
        let wanted = lot.starts_on <= on && on <= lot.ends_on && valid_from <= on && on <= valid_to;
        prop_assert_eq!(answer.allowed, wanted);
        prop_assert!(!answer.reason.source.is_empty() || on < day("2019-04-01"));
    }
}
