//! The table of who may buy.

use proptest::prelude::*;

use super::{
    alternative::{Alternative, AlternativeKind, Candidate, nearest},
    *,
};
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
        provision("JOINED_AFTER_PUBLICATION", "2019-04-01", "CCP R2162-6 ; Rép. min."),
        provision("GHT_DELEGATION", "2018-01-01", "CSP L6132-3"),
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
        published_on: None,
    }
}

fn group(form: GroupForm) -> GroupFacts {
    GroupFacts { form, awarding_party: None, rules_source: "convention, art. 3".into() }
}

fn member(kind: MemberKind, buyer_status: BuyerStatus) -> MemberFacts {
    let (since, ght, predecessors) = (Some(day("2015-01-01")), None, Vec::new());
    MemberFacts { name: "CH de Vire".into(), kind, buyer_status, since, ght, predecessors }
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
            amount_cents: None,
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
        amount_cents: None,
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
        let (namings, member, amount_cents) = (&namings, Some(&member), None);
        decide(&Question {
            party,
            on: day("2026-11-21"),
            lot: &lot,
            amount_cents,
            namings,
            member,
            group: &group,
            law: &law,
        })
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

/// A question on 21 November 2026 with what a case changes.
struct Asking {
    party: PartyId,
    lot: LotTerms,
    amount_cents: Option<i64>,
    namings: Vec<Naming>,
    member: Option<MemberFacts>,
    group: GroupFacts,
    law: Law,
}

impl Asking {
    /// Of a named public member.
    fn of(form: GroupForm) -> Self {
        let party = PartyId::new();
        Self {
            party,
            lot: lot(),
            amount_cents: None,
            namings: vec![Naming { party, valid_from: day("2019-06-01"), valid_to: None }],
            member: Some(member(MemberKind::Full, BuyerStatus::PublicLaw)),
            group: group(form),
            law: law(),
        }
    }

    fn question(&self) -> Question<'_> {
        Question {
            party: self.party,
            on: day("2026-11-21"),
            lot: &self.lot,
            amount_cents: self.amount_cents,
            namings: &self.namings,
            member: self.member.as_ref(),
            group: &self.group,
            law: &self.law,
        }
    }

    fn answer(&self) -> Reason {
        decide(&self.question()).reason
    }

    fn nearest(&self, candidates: &[Candidate<'_>]) -> Alternative {
        nearest(&self.question(), self.answer().rule, candidates).unwrap()
    }

    fn in_ght(mut self, limit: Option<Option<i64>>) -> Self {
        let delegation = limit.map(|limit_cents| OrderDelegation { from: day("2026-01-01"), to: None, limit_cents });
        self.member.as_mut().unwrap().ght = Some(GhtFacts { support: PartyId::new(), support_name: "CHU de Rennes".into(), delegation });
        self
    }
}

#[test]
fn who_joined_after_publication_is_refused_with_both_days_unless_it_was_named() {
    let mut asking = Asking::of(GroupForm::GroupementCommandes);
    asking.lot.published_on = Some(day("2026-02-01"));
    asking.member.as_mut().unwrap().since = Some(day("2026-02-02"));
    assert_eq!(asking.answer().rule, Rule::Entitled, "named before it joined: C-216/17");
    asking.namings.clear();
    let refused = asking.answer();
    assert_eq!((refused.rule, refused.source.as_str()), (Rule::JoinedAfterPublication, "CCP R2162-6 ; Rép. min."));
    assert!(
        refused.text.contains("membre depuis le 02/02/2026") && refused.text.contains("le 01/02/2026"),
        "{}",
        refused.text
    );
    assert_eq!(
        (refused.facts["member_since"].as_str(), refused.facts["published_on"].as_str()),
        ("2026-02-02", "2026-02-01")
    );
    // On the day of publication it was there: then it is simply not named.
    asking.member.as_mut().unwrap().since = Some(day("2026-02-01"));
    assert_eq!(asking.answer().rule, Rule::BeneficiaryNotNamed);
}

#[test]
fn a_party_to_a_ght_orders_elsewhere_with_its_supports_delegation_up_to_its_amount() {
    let asking = |limit| Asking::of(GroupForm::GcsMoyens).in_ght(limit);
    let missing = asking(None).answer();
    assert_eq!((missing.rule, missing.source.as_str()), (Rule::GhtDelegationMissing, "CSP L6132-3"));
    assert!(missing.text.contains("CHU de Rennes"), "{}", missing.text);
    let allowed = asking(Some(None)).answer();
    assert_eq!((allowed.rule, allowed.source.as_str()), (Rule::Entitled, "CCP R2162-6 ; CSP L6132-3"));
    assert!(allowed.text.contains("sans limite de montant"), "{}", allowed.text);
    let of = |amount| Asking { amount_cents: Some(amount), ..asking(Some(Some(1_000_000))) }.answer();
    assert_eq!(of(1_000_000).rule, Rule::Entitled);
    let above = of(1_000_001);
    assert_eq!(above.rule, Rule::GhtDelegationExceeded);
    assert!(above.text.contains("soit 0,01\u{a0}€ de plus"), "{}", above.text);
    assert_eq!((above.facts["ght_limit_cents"].as_str(), above.facts["amount_cents"].as_str()), ("1000000", "1000001"));
    // An unknown status is treated as a public one; one that is asserted not to be cannot be a party to a GHT.
    let with = |status| {
        let mut asking = asking(None);
        asking.member.as_mut().unwrap().buyer_status = status;
        asking.answer().rule
    };
    assert_eq!(with(BuyerStatus::Unknown), Rule::GhtDelegationMissing);
    assert_eq!(with(BuyerStatus::AssertedNot), Rule::Entitled);
}

#[test]
fn a_successor_stands_in_the_place_of_whom_it_took_over_from_the_day_on() {
    let (heir, taken) = (PartyId::new(), PartyId::new());
    let mut facts = member(MemberKind::Full, BuyerStatus::PublicLaw);
    facts.predecessors = vec![(taken, day("2026-07-01"))];
    let named = |from, to: Option<&str>| vec![Naming { party: taken, valid_from: day(from), valid_to: to.map(day) }];
    let of = |namings: &[Naming]| namings_of(heir, Some(&facts), |party| if party == taken { namings } else { &[] });
    assert_eq!(
        of(&named("2026-01-01", None)),
        [Naming { party: taken, valid_from: day("2026-07-01"), valid_to: None }]
    );
    assert_eq!(of(&named("2026-01-01", Some("2026-06-30"))), [], "it had ended before");
    let mut asking = Asking::of(GroupForm::GroupementCommandes);
    asking.namings = of(&named("2026-01-01", None));
    let answer = asking.answer();
    assert_eq!((answer.rule, &answer.facts["named_as"]), (Rule::Entitled, &taken.to_string()));
    assert!(answer.text.contains("qu'il a repris"), "{}", answer.text);
}

#[test]
fn after_a_refusal_the_nearest_alternative_is_another_lot_or_what_must_be_done() {
    let mut asking = Asking::of(GroupForm::GroupementCommandes);
    assert_eq!(nearest(&asking.question(), Rule::Entitled, &[]), None);
    asking.namings.clear();
    assert_eq!(asking.nearest(&[]).kind, AlternativeKind::BeNamed);
    let (small, large) = (lot(), lot());
    let candidates = [
        Candidate { lot: &small, shared: 1 },
        Candidate { lot: &large, shared: 7 },
        Candidate { lot: &asking.lot, shared: 9 },
    ];
    let best = asking.nearest(&candidates);
    assert_eq!((best.kind, best.lot), (AlternativeKind::OtherLot, Some(large.lot_id)), "never the lot that refused");
    asking.namings = vec![Naming { party: asking.party, valid_from: day("2027-01-01"), valid_to: None }];
    let wait = asking.nearest(&[]);
    assert_eq!((wait.kind, wait.from), (AlternativeKind::Wait, Some(day("2027-01-01"))));
    asking.lot.ends_on = day("2026-11-20");
    assert_eq!(asking.nearest(&[]).kind, AlternativeKind::NewProcedure);
    asking.lot.starts_on = day("2026-11-22");
    asking.lot.ends_on = day("2027-11-22");
    assert_eq!(asking.nearest(&[]).from, Some(day("2026-11-22")));
    let outsider = Asking { member: None, ..Asking::of(GroupForm::Charter) };
    assert_eq!(outsider.nearest(&[]).kind, AlternativeKind::Join);
    let to_delegate = Asking { amount_cents: Some(5_000), ..Asking::of(GroupForm::Gie).in_ght(None) };
    let ask = to_delegate.nearest(&[]);
    assert_eq!(ask.kind, AlternativeKind::GetDelegation);
    assert!(ask.text.contains("CHU de Rennes") && ask.text.contains("50,00"), "{}", ask.text);
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
        let (namings, member) = (&namings, Some(&member));
        let answer = decide(&Question { party, on, lot: &lot, amount_cents: None, namings, member, group: &group, law: &law });
        let wanted = lot.starts_on <= on && on <= lot.ends_on && valid_from <= on && on <= valid_to;
        prop_assert_eq!(answer.allowed, wanted);
        prop_assert!(!answer.reason.source.is_empty() || on < day("2019-04-01"));
    }
}
