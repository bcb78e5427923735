use std::collections::HashMap;

use kit::id::{Id, LotId};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::{
    buyers::{Actor, FormRules},
    explain,
    need::LineKind,
    packs::PackRule,
    reason::Reason,
    terms::{Agreement, ArticleTerms, Entitlement},
    tiers::{Basis, Tier},
};

/// The same id for the same number, so that failures can be read.
fn id<K>(number: u128) -> Id<K> {
    Id::from_uuid(Uuid::from_u128(number))
}

fn agreement(number: u128, basis: Basis) -> Agreement {
    Agreement { id: id(number), number: format!("AC-{number}"), basis, wholesale: false }
}

fn offer(agreement: usize, lot: u128, article: u128, pack_units: i64) -> Offer {
    Offer {
        agreement,
        lot: id(lot),
        lot_number: i32::try_from(lot).unwrap(),
        supplier: id(9_000 + lot),
        article: id(article),
        packaging_code: "BOX".into(),
        rule: PackRule { pack_units, order_multiple: 1 },
        tiers: vec![
            Tier { min_units: 0, unit_price: Decimal::new(10, 2) },
            Tier { min_units: 1_000, unit_price: Decimal::new(8, 2) },
        ],
        vat_rate: Decimal::new(21, 1),
    }
}

fn need(number: u128, party: u128, site: u128, article: u128, units: i64) -> PlannedNeed {
    PlannedNeed { id: id(number), party: id(party), site: id(site), article: id(article), units }
}

fn refusal(rule: &str) -> Reason {
    Reason::new(rule, "CCP R2162-6", "Refusé.".into(), &[])
}

/// Terms under which everybody may buy everything by the platform.
fn terms(agreements: Vec<Agreement>, offers: Vec<Offer>, needs: &[PlannedNeed]) -> Terms {
    let form = FormRules { orders: Actor::Member, receives: Actor::Member, pays: Actor::Member, awarding: id(1) };
    let lots: Vec<LotId> = offers.iter().map(|offer| offer.lot).collect();
    let mut terms = Terms::new(agreements, offers, form).unwrap();
    for need in needs {
        let article = ArticleTerms {
            label: "Paracétamol".into(),
            unit_label: "comprimé".into(),
            packaging_labels: HashMap::from([("BOX".to_owned(), "boîte".to_owned())]),
            kind: LineKind::Goods,
            requirement: Some(0),
        };
        terms.articles.insert(need.article, article);
        terms.routes.insert((0, need.site), RouteAnswer::Platform);
        for &lot in &lots {
            terms.entitlements.insert((need.party, lot), Entitlement { allowed: true, reason: refusal("BENEFICIARY") });
        }
    }
    terms
}

fn pooled(pack_units: i64, needs: &[PlannedNeed]) -> Terms {
    terms(vec![agreement(1, Basis::PooledOrder)], vec![offer(0, 1, 50, pack_units)], needs)
}

#[test]
fn units_boxes_and_cartons_pool_into_whole_packs_per_delivery_point() {
    let needs = [need(1, 100, 200, 50, 31), need(2, 101, 201, 50, 1_200), need(3, 101, 201, 50, 3)];
    let plan = plan(&pooled(30, &needs), needs.to_vec()).unwrap();
    let line = &plan.lines[0];
    assert_eq!((line.packs, line.units, line.units_needed), (2 + 41, 1_290, 1_234));
    assert_eq!(line.tier_min_units, 1_000, "the pooled quantity reaches the tier, which site 200 alone would not");
    assert_eq!((line.amount_cents, line.first_tier_cents), (10_320, 12_900));
    assert_eq!(line.member_count, 2);
    let units: Vec<i64> = plan.shares.iter().map(|share| share.units).collect();
    assert_eq!(units, [60, 1_227, 3]);
}

#[test]
fn a_platform_that_opens_packs_rounds_once() {
    let needs = [need(1, 100, 200, 50, 31), need(2, 101, 201, 50, 29)];
    let mut terms = pooled(30, &needs);
    terms.break_bulk.insert((id(50), "BOX".into()));
    let opened = plan(&terms, needs.to_vec()).unwrap();
    assert_eq!((opened.lines[0].packs, opened.lines[0].pooled_sites), (2, 2));
    assert_eq!(opened.shares.iter().map(|share| share.units).collect::<Vec<_>>(), [31, 29]);
    terms.routes.insert((0, id(201)), RouteAnswer::Direct);
    let mixed = plan(&terms, needs.to_vec()).unwrap();
    assert_eq!((mixed.lines[0].packs, mixed.lines[0].pooled_sites, mixed.lines[0].separate_sites), (3, 1, 1));
    assert_eq!(mixed.shares[1].route, Route::Direct);
    assert!(!mixed.shares[1].break_bulk);
}

#[test]
fn the_first_agreement_with_a_price_that_entitles_the_member_wins_whatever_it_costs() {
    let needs = [need(1, 100, 200, 50, 30), need(2, 101, 201, 50, 30), need(3, 102, 202, 50, 30)];
    let mut dear = offer(0, 2, 50, 30);
    dear.tiers = vec![Tier { min_units: 0, unit_price: Decimal::from(5) }];
    let offers = vec![offer(1, 1, 50, 30), dear, offer(0, 3, 50, 30)];
    let agreements = vec![agreement(7, Basis::PooledOrder), agreement(8, Basis::PooledOrder)];
    let mut terms = terms(agreements, offers, &needs);
    let refuse =
        |party, lot| ((id(party), id(lot)), Entitlement { allowed: false, reason: refusal("NOT_A_BENEFICIARY") });
    terms.entitlements.extend([refuse(101, 2), refuse(102, 1), refuse(102, 2), refuse(102, 3)]);
    let plan = plan(&terms, needs.to_vec()).unwrap();
    let lots: Vec<LotId> = plan.lines.iter().map(|line| terms.offers()[line.offer].lot).collect();
    assert_eq!(lots, [id(2), id(3)], "agreement 7 comes first, its lot 2 before its lot 3");
    assert_eq!(plan.exclusions.len(), 1);
    let reason =
        explain::exclusion_reason(&terms, &plan.needs[plan.exclusions[0].need], plan.exclusions[0].why).unwrap();
    assert_eq!(reason.rule, "NOT_A_BENEFICIARY", "the entitlement's own reason");
}

#[test]
fn a_need_without_price_or_route_is_left_out_with_the_rule() {
    let needs = [need(1, 100, 200, 50, 30), need(2, 100, 201, 50, 30), need(3, 100, 200, 51, 30)];
    let mut terms = pooled(30, &needs);
    terms.routes.insert((0, id(201)), RouteAnswer::Refused(refusal("SITE_NOT_AUTHORISED")));
    let plan = plan(&terms, needs.to_vec()).unwrap();
    let rules: Vec<String> = plan
        .exclusions
        .iter()
        .map(|exclusion| explain::exclusion_reason(&terms, &plan.needs[exclusion.need], exclusion.why).unwrap().rule)
        .collect();
    assert_eq!(rules, ["SITE_NOT_AUTHORISED", "NO_PRICE"]);
    assert_eq!(plan.shares.len(), 1);
}

#[test]
fn a_service_goes_straight_to_the_site() {
    let needs = [need(1, 100, 200, 50, 3)];
    let mut terms = pooled(1, &needs);
    terms.articles.get_mut(&id(50)).unwrap().requirement = None;
    terms.routes.clear();
    let plan = plan(&terms, needs.to_vec()).unwrap();
    assert_eq!((plan.shares[0].route, plan.shares[0].units), (Route::Direct, 3));
}

#[test]
fn the_tier_is_read_on_the_basis_that_the_agreement_states() {
    let needs = [need(1, 100, 200, 50, 600), need(2, 100, 201, 50, 600), need(3, 101, 202, 50, 600)];
    let prices = |basis| {
        let terms = terms(vec![agreement(1, basis)], vec![offer(0, 1, 50, 30)], &needs);
        let plan = plan(&terms, needs.to_vec()).unwrap();
        plan.lines.iter().map(|line| (line.scope, line.units, line.tier_min_units)).collect::<Vec<_>>()
    };
    assert_eq!(prices(Basis::PooledOrder), [(Scope::All, 1_800, 1_000)]);
    let (a, b) = (Scope::Buyer(id(100)), Scope::Buyer(id(101)));
    assert_eq!(prices(Basis::OrderForm), [(a, 1_200, 1_000), (b, 600, 0)]);
    assert!(prices(Basis::DeliveryPoint).iter().all(|&(_, units, tier)| (units, tier) == (600, 0)));
}

#[test]
fn a_centrale_that_buys_to_sell_on_is_the_one_buyer() {
    let needs = [need(1, 100, 200, 50, 600), need(2, 101, 201, 50, 600)];
    let mut wholesale = agreement(1, Basis::OrderForm);
    wholesale.wholesale = true;
    let terms = terms(vec![wholesale], vec![offer(0, 1, 50, 30)], &needs);
    let plan = plan(&terms, needs.to_vec()).unwrap();
    assert_eq!(plan.lines.len(), 1);
    assert_eq!((plan.lines[0].scope, plan.lines[0].tier_min_units), (Scope::Buyer(id(1)), 1_000));
}

#[test]
fn what_does_not_fit_or_is_not_answered_is_an_error() {
    let needs = [need(1, 100, 200, 50, i64::MAX), need(2, 100, 200, 50, i64::MAX)];
    let terms = pooled(30, &needs);
    assert!(matches!(plan(&terms, needs.to_vec()), Err(OrderError::QuantityOutOfRange { .. })));
    let stranger = [need(1, 999, 200, 50, 1)];
    assert!(matches!(plan(&terms, stranger.to_vec()), Err(OrderError::TermsIncomplete { .. })));
}

#[test]
fn every_line_says_why() {
    let needs = [need(1, 100, 200, 50, 700), need(2, 101, 201, 50, 534)];
    let mut terms = pooled(30, &needs);
    terms.break_bulk.insert((id(50), "BOX".into()));
    let plan = plan(&terms, needs.to_vec()).unwrap();
    let reasons = explain::line_reasons(&terms, &plan.lines[0]).unwrap();
    let rules: Vec<&str> = reasons.iter().map(|reason| reason.rule.as_str()).collect();
    assert_eq!(rules, ["FIRST_LOT_WITH_PRICE", "WHOLE_PACKS", "BREAK_BULK", "TIER"]);
    assert_eq!(
        reasons[1].text,
        "Besoin de 1\u{202f}234 comprimés sur 2 sites ; conditionnements entiers : 42 boîtes = 1\u{202f}260 comprimés."
    );
    assert!(reasons[3].text.contains("0,08\u{a0}€"), "{}", reasons[3].text);
    assert_eq!(reasons[3].facts["first_tier_cents"], "12600");
}

/// A round of up to 60 needs over a few articles, members and sites, two lots, break-bulk on one article.
fn rounds() -> impl Strategy<Value = (Terms, Vec<PlannedNeed>)> {
    let needs = prop::collection::vec((0_u128..4, 0_u128..3, 0_u128..3, 1_i64..5_000), 1..60);
    (needs, 1_i64..100, 1_i64..8, 0_usize..3, any::<bool>()).prop_map(|(rows, pack_units, multiple, basis, central)| {
        let needs: Vec<PlannedNeed> = rows
            .iter()
            .zip(1_u128..)
            .map(|(&(party, site, article, units), number)| {
                need(number, 100 + party, 200 + 10 * party + site, 50 + article, units)
            })
            .collect();
        let basis = [Basis::PooledOrder, Basis::OrderForm, Basis::DeliveryPoint][basis];
        let mut second = offer(0, 2, 51, 7);
        second.rule.order_multiple = multiple;
        let mut agreements = vec![agreement(1, basis)];
        agreements[0].wholesale = central;
        let mut terms = terms(agreements, vec![offer(0, 1, 50, pack_units), second], &needs);
        terms.break_bulk.insert((id(51), "BOX".into()));
        terms.routes.insert((0, id(211)), RouteAnswer::Direct);
        terms.routes.insert((0, id(222)), RouteAnswer::Refused(refusal("SITE_NOT_AUTHORISED")));
        terms.entitlements.get_mut(&(id(103), id(1))).into_iter().for_each(|entitlement| entitlement.allowed = false);
        (terms, needs)
    })
}

proptest! {
    #[test]
    fn shares_sum_exactly_and_are_never_below_need((terms, needs) in rounds()) {
        let plan = plan(&terms, needs.clone()).unwrap();
        prop_assert_eq!(plan.shares.len() + plan.exclusions.len(), needs.len(), "P1");
        for (index, line) in plan.lines.iter().enumerate() {
            let offer = &terms.offers()[line.offer];
            let shares: Vec<&Share> = plan.shares.iter().filter(|share| share.line == index).collect();
            prop_assert_eq!(shares.iter().map(|share| share.units).sum::<i64>(), line.units, "P2");
            prop_assert_eq!(line.units, line.packs * offer.rule.pack_units, "P2");
            prop_assert_eq!(line.packs % offer.rule.order_multiple, 0, "P2");
            prop_assert_eq!(shares.iter().map(|share| share.amount_cents).sum::<i64>(), line.amount_cents, "P3");
            prop_assert_eq!(money::amount_cents(line.unit_price, line.units), Ok(line.amount_cents), "P3");
            let mut per_site: HashMap<SiteId, i64> = HashMap::new();
            for share in shares {
                let need = &plan.needs[share.need];
                prop_assert!(share.units >= need.units, "P4");
                if !share.break_bulk {
                    *per_site.entry(need.site).or_default() += share.units;
                }
            }
            prop_assert!(per_site.values().all(|units| units % offer.rule.pack_units == 0), "P4");
        }
    }

    #[test]
    fn the_order_of_the_needs_changes_nothing((terms, needs) in rounds(), seed in any::<u64>()) {
        let expected = plan(&terms, needs.clone()).unwrap();
        let mut shuffled = needs;
        // A fixed shuffle of its own: the rule itself has no randomness.
        let mut state = seed | 1;
        for index in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(index, usize::try_from(state >> 33).unwrap() % (index + 1));
        }
        prop_assert_eq!(plan(&terms, shuffled).unwrap(), expected);
    }
}
