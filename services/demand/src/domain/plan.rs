//! The pooled plan: which lot serves each need, how many whole packs, at which tier, and each need's exact part of the units
//! and the cents. A pure function of the needs and the terms: the order in which they come changes nothing.
//!
//! P1. Every need has exactly one share or exactly one exclusion.
//! P2. A line's units are whole packs, a multiple of the supplier's, and the sum of its shares' units.
//! P3. A line's amount is its price × its units, rounded half up, and the sum of its shares' amounts.
//! P4. No share is below its need; without break-bulk the shares of a delivery point make whole packs.
//!
//! Made for 1,000,000 needs of 900 sites and 20,000 articles: one sort, then one pass, article by article.

use kit::{
    id::{ArticleId, NeedId, PartyId, SiteId},
    money::{self, shares},
};
use rust_decimal::Decimal;

use super::{
    order_error::OrderError,
    packs::{self, Packs},
    terms::{Offer, RouteAnswer, Terms},
    tiers::{self, Scope},
};

/// A need of the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedNeed {
    /// Which one.
    pub id: NeedId,
    /// Member.
    pub party: PartyId,
    /// Delivery point.
    pub site: SiteId,
    /// Article.
    pub article: ArticleId,
    /// Base units; 1 or more.
    pub units: i64,
}

/// How goods reach a delivery point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Through the platform.
    Platform,
    /// Straight to the site.
    Direct,
}

impl Route {
    /// As stored and as logistics reads it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Platform => "PLATFORM",
            Self::Direct => "DIRECT",
        }
    }
}

/// One article at one price for one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Index into [`Terms::offers`].
    pub offer: usize,
    /// For whom its tier was read.
    pub scope: Scope,
    /// Base units needed.
    pub units_needed: i64,
    /// Packs ordered.
    pub packs: i64,
    /// Base units ordered.
    pub units: i64,
    /// Base units from which the tier holds.
    pub tier_min_units: i64,
    /// EUR without VAT per base unit.
    pub unit_price: Decimal,
    /// Cents EUR without VAT.
    pub amount_cents: i64,
    /// Cents EUR at the first tier.
    pub first_tier_cents: i64,
    /// Members that share it.
    pub member_count: i64,
    /// Delivery points with whole packs.
    pub separate_sites: i64,
    /// Delivery points whose packs the platform opens.
    pub pooled_sites: i64,
    /// Packs of the break-bulk pool.
    pub pooled_packs: i64,
    /// Packs before they were raised to the supplier's multiple.
    pub packs_before_multiple: i64,
}

/// What one need gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Index into [`Computed::needs`].
    pub need: usize,
    /// Index into [`Computed::lines`].
    pub line: usize,
    /// How it gets there.
    pub route: Route,
    /// Whether the platform opens packs for it.
    pub break_bulk: bool,
    /// Base units it gets.
    pub units: i64,
    /// Its part of the line's amount in cents.
    pub amount_cents: i64,
}

/// Why a need is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// No price in force under the round's agreements.
    NoPrice,
    /// The member may not buy from any lot with a price; the index of the first one's offer.
    NotEntitled(usize),
    /// No route to the site for the article's requirement.
    NoRoute(u16),
}

/// A need left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exclusion {
    /// Index into [`Computed::needs`].
    pub need: usize,
    /// Why.
    pub why: Why,
}

/// A computed plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Computed {
    /// The needs, by article, site and id.
    pub needs: Vec<PlannedNeed>,
    /// By agreement, lot number, article and scope.
    pub lines: Vec<Line>,
    /// In the order of the needs.
    pub shares: Vec<Share>,
    /// In the order of the needs.
    pub exclusions: Vec<Exclusion>,
}

/// A need with the offer that serves it.
#[derive(Debug, Clone, Copy)]
struct Chosen {
    need: usize,
    offer: usize,
    scope: Scope,
    route: Route,
    break_bulk: bool,
}

/// Computes the plan of a snapshot's needs.
///
/// # Errors
/// [`OrderError::TermsIncomplete`] when the terms do not answer for a need, [`OrderError::QuantityOutOfRange`] when an
/// article's quantity or amount does not fit 64 bits.
pub fn plan(terms: &Terms, mut needs: Vec<PlannedNeed>) -> Result<Computed, OrderError> {
    needs.sort_unstable_by_key(|need| (need.article, need.site, need.id));
    let rank = line_order(terms);
    let mut exclusions = Vec::new();
    let mut lines: Vec<Line> = Vec::new();
    let mut shares: Vec<Share> = Vec::with_capacity(needs.len());
    // Article by article: what is chosen for a million needs never stands in memory at once.
    let mut chosen = Vec::new();
    let mut first = 0;
    for same in needs.chunk_by(|a, b| a.article == b.article) {
        chosen.clear();
        for (index, need) in (first..).zip(same) {
            match choose(terms, index, need)? {
                Ok(choice) => chosen.push(choice),
                Err(why) => exclusions.push(Exclusion { need: index, why }),
            }
        }
        first += same.len();
        // Indexes follow (site, id) inside an article, so the last key keeps that order.
        chosen.sort_unstable_by_key(|choice| (rank[choice.offer], choice.scope, choice.need));
        let of_article = shares.len();
        for members in chosen.chunk_by(|a, b| (a.offer, a.scope) == (b.offer, b.scope)) {
            let line = plan_line(terms, &needs, members, lines.len(), &mut shares)?;
            lines.push(line);
        }
        shares[of_article..].sort_unstable_by_key(|share| share.need);
    }
    put_in_order(&rank, &mut lines, &mut shares);
    Ok(Computed { needs, lines, shares, exclusions })
}

/// Puts lines that were made article by article into the order of a plan.
fn put_in_order(rank: &[usize], lines: &mut Vec<Line>, shares: &mut [Share]) {
    let mut made: Vec<(usize, Line)> = std::mem::take(lines).into_iter().enumerate().collect();
    made.sort_by_key(|(_, line)| (rank[line.offer], line.scope));
    let mut place = vec![0; made.len()];
    for (position, (index, line)) in made.into_iter().enumerate() {
        place[index] = position;
        lines.push(line);
    }
    for share in shares {
        share.line = place[share.line];
    }
}

/// Lot and route of one need. Lot: the first agreement of the round's list, then the lowest lot number, that has a price for
/// the article and entitles the member. Never by cost: a lot's holder was chosen by the award.
fn choose(terms: &Terms, index: usize, need: &PlannedNeed) -> Result<Result<Chosen, Why>, OrderError> {
    let candidates = terms.offers_of(need.article);
    if candidates.is_empty() {
        return Ok(Err(Why::NoPrice));
    }
    let article = terms.article(need.article)?;
    let mut allowed = None;
    for candidate in candidates.clone() {
        let lot = terms.offers()[candidate].lot;
        let entitlement = terms.entitlements.get(&(need.party, lot)).ok_or_else(|| OrderError::TermsIncomplete {
            what: "entitlement on lot",
            id: format!("{lot} of {}", need.party),
        })?;
        if entitlement.allowed {
            allowed = Some(candidate);
            break;
        }
    }
    let Some(offer) = allowed else { return Ok(Err(Why::NotEntitled(candidates.start))) };
    let route = match article.requirement {
        None => Route::Direct,
        Some(requirement) => match terms.routes.get(&(requirement, need.site)) {
            Some(RouteAnswer::Platform) => Route::Platform,
            Some(RouteAnswer::Direct) => Route::Direct,
            Some(RouteAnswer::Refused(_)) => return Ok(Err(Why::NoRoute(requirement))),
            None => return Err(OrderError::TermsIncomplete { what: "route to site", id: need.site.to_string() }),
        },
    };
    let found = &terms.offers()[offer];
    let agreement = &terms.agreements[found.agreement];
    let buyer = terms.form.buyer(agreement.wholesale, need.party).orderer;
    let break_bulk =
        route == Route::Platform && terms.break_bulk.contains(&(need.article, found.packaging_code.clone()));
    Ok(Ok(Chosen { need: index, offer, scope: Scope::of(agreement.basis, buyer, need.site), route, break_bulk }))
}

/// The place of each offer in the order of lines: by agreement, lot number, article.
fn line_order(terms: &Terms) -> Vec<usize> {
    let offers = terms.offers();
    let mut order: Vec<usize> = (0..offers.len()).collect();
    // Stable, and the offers stand by article already.
    order.sort_by_key(|&index| (offers[index].agreement, offers[index].lot_number, offers[index].lot));
    let mut rank = vec![0; offers.len()];
    for (place, index) in order.into_iter().enumerate() {
        rank[index] = place;
    }
    rank
}

/// One line from the needs that share it, in order of site and id; appends their shares.
fn plan_line(
    terms: &Terms,
    needs: &[PlannedNeed],
    members: &[Chosen],
    line: usize,
    shares: &mut Vec<Share>,
) -> Result<Line, OrderError> {
    let (offer, scope) = (members[0].offer, members[0].scope);
    let found = &terms.offers()[offer];
    let out_of_range = |_| OrderError::QuantityOutOfRange { article: found.article.to_string() };
    let points = Points::of(needs, members).map_err(out_of_range)?;
    let packs = packs::packs(found.rule, &points.separate_units, points.pool_units).map_err(out_of_range)?;
    let units = packs
        .total
        .checked_mul(found.rule.pack_units)
        .ok_or_else(|| OrderError::QuantityOutOfRange { article: found.article.to_string() })?;
    let price = price(found, units)?;
    let amount_cents = money::amount_cents(price.unit_price, units).map_err(out_of_range)?;
    let first_tier_cents = money::amount_cents(found.tiers[0].unit_price, units).map_err(out_of_range)?;
    let first = shares.len();
    share_units(needs, &points, &packs, found, line, shares)?;
    share_cents(needs, amount_cents, &mut shares[first..])?;
    let mut parties: Vec<PartyId> = members.iter().map(|member| needs[member.need].party).collect();
    parties.sort_unstable();
    parties.dedup();
    Ok(Line {
        offer,
        scope,
        units_needed: points.units_needed,
        packs: packs.total,
        units,
        tier_min_units: price.min_units,
        unit_price: price.unit_price,
        amount_cents,
        first_tier_cents,
        member_count: count(parties.len()),
        separate_sites: count(points.separate.len()),
        pooled_sites: points.pooled_sites,
        pooled_packs: packs.pool,
        packs_before_multiple: packs.before_multiple,
    })
}

fn price(offer: &Offer, units: i64) -> Result<tiers::Tier, OrderError> {
    tiers::reached(&offer.tiers, units)
        .copied()
        .ok_or_else(|| OrderError::TermsIncomplete { what: "tier from 0 of article", id: offer.article.to_string() })
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The delivery points of a line.
struct Points<'a> {
    /// Delivery points that get whole packs, by site: their needs by id.
    separate: Vec<&'a [Chosen]>,
    /// Base units needed by each of them.
    separate_units: Vec<i64>,
    /// Needs of all delivery points whose packs the platform opens, by id.
    pool: Vec<Chosen>,
    /// Base units needed by them.
    pool_units: i64,
    /// How many delivery points that is.
    pooled_sites: i64,
    /// Base units needed by all.
    units_needed: i64,
}

impl<'a> Points<'a> {
    fn of(needs: &[PlannedNeed], members: &'a [Chosen]) -> Result<Self, money::ArithmeticError> {
        let units_of = |members: &[Chosen]| {
            let units: Vec<i64> = members.iter().map(|member| needs[member.need].units).collect();
            packs::sum(&units)
        };
        let (mut separate, mut separate_units, mut pool, mut pooled_sites) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for point in members.chunk_by(|a, b| needs[a.need].site == needs[b.need].site) {
            // One article, one site: one route, so a delivery point is wholly in the pool or wholly out of it.
            if point[0].break_bulk {
                pool.extend_from_slice(point);
                pooled_sites += 1;
            } else {
                separate.push(point);
                separate_units.push(units_of(point)?);
            }
        }
        pool.sort_unstable_by_key(|member| needs[member.need].id);
        Ok(Self {
            separate,
            separate_units,
            pool_units: units_of(&pool)?,
            pool,
            pooled_sites,
            units_needed: units_of(members)?,
        })
    }
}

/// Shares the packs of each delivery point, and of the pool, to its needs by largest remainder, ties by need id.
fn share_units(
    needs: &[PlannedNeed],
    points: &Points<'_>,
    packs: &Packs,
    offer: &Offer,
    line: usize,
    all: &mut Vec<Share>,
) -> Result<(), OrderError> {
    let pool = (points.pool.as_slice(), packs.pool);
    for (members, packs) in points.separate.iter().copied().zip(packs.separate.iter().copied()).chain([pool]) {
        let weights: Vec<i64> = members.iter().map(|member| needs[member.need].units).collect();
        // The packs fitted above as a total, so these do.
        let units = shares(packs * offer.rule.pack_units, &weights)?;
        all.extend(members.iter().zip(units).map(|(member, units)| Share {
            need: member.need,
            line,
            route: member.route,
            break_bulk: member.break_bulk,
            units,
            amount_cents: 0,
        }));
    }
    Ok(())
}

/// Shares a line's cents over the units its needs get, by largest remainder, ties by need id.
fn share_cents(needs: &[PlannedNeed], amount_cents: i64, line: &mut [Share]) -> Result<(), OrderError> {
    line.sort_unstable_by_key(|share| needs[share.need].id);
    let weights: Vec<i64> = line.iter().map(|share| share.units).collect();
    for (share, cents) in line.iter_mut().zip(shares(amount_cents, &weights)?) {
        share.amount_cents = cents;
    }
    Ok(())
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
