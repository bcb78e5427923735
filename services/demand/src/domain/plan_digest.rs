//! The hash that proves a plan's rows: SHA-256 over its lines by position, then its shares by need id.
//!
//! A line is `L`, then lot, article, tier party and tier site (16 bytes each, zeros for none), then pack units, packs, units and
//! amount (8 bytes each, big-endian), then the unit price as a decimal text with its length. A share is `S`, then need (16 bytes),
//! then the position of its line, units and amount (8 bytes each), then `P` (platform) or `D` (direct).
//! The audit computes it again from the stored rows.

use kit::id::{ArticleId, LotId, NeedId, PartyId, SiteId};
use rust_decimal::Decimal;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    plan::{Computed, Route},
    terms::Terms,
};

/// The hash in the making.
#[derive(Debug, Default)]
pub struct PlanDigest(Sha256);

/// What the hash covers of a line.
#[derive(Debug, Clone, Copy)]
pub struct DigestLine {
    /// Lot.
    pub lot: LotId,
    /// Article.
    pub article: ArticleId,
    /// Buyer the tier was read for.
    pub tier_party: Option<PartyId>,
    /// Delivery point the tier was read for.
    pub tier_site: Option<SiteId>,
    /// Base units in a pack.
    pub pack_units: i64,
    /// Packs.
    pub packs: i64,
    /// Base units.
    pub units: i64,
    /// EUR per base unit.
    pub unit_price: Decimal,
    /// Cents EUR.
    pub amount_cents: i64,
}

impl PlanDigest {
    /// Adds the next line by position.
    pub fn line(&mut self, line: &DigestLine) {
        self.0.update(b"L");
        let (party, site) =
            (line.tier_party.map_or(Uuid::nil(), PartyId::uuid), line.tier_site.map_or(Uuid::nil(), SiteId::uuid));
        for id in [line.lot.uuid(), line.article.uuid(), party, site] {
            self.0.update(id.as_bytes());
        }
        for number in [line.pack_units, line.packs, line.units, line.amount_cents] {
            self.0.update(number.to_be_bytes());
        }
        let price = line.unit_price.normalize().to_string();
        self.0.update(u64::try_from(price.len()).unwrap_or(u64::MAX).to_be_bytes());
        self.0.update(price);
    }

    /// Adds the next share by need id. `line` is the position of its line, from 1.
    pub fn share(&mut self, need: NeedId, line: i64, units: i64, amount_cents: i64, route: Route) {
        self.0.update(b"S");
        self.0.update(need.uuid().as_bytes());
        for number in [line, units, amount_cents] {
            self.0.update(number.to_be_bytes());
        }
        self.0.update(match route {
            Route::Platform => b"P",
            Route::Direct => b"D",
        });
    }

    /// The hash.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// The hash of a computed plan.
#[must_use]
pub fn digest(terms: &Terms, plan: &Computed) -> [u8; 32] {
    let mut digest = PlanDigest::default();
    for line in &plan.lines {
        let offer = &terms.offers()[line.offer];
        digest.line(&DigestLine {
            lot: offer.lot,
            article: offer.article,
            tier_party: line.scope.party(),
            tier_site: line.scope.site(),
            pack_units: offer.rule.pack_units,
            packs: line.packs,
            units: line.units,
            unit_price: line.unit_price,
            amount_cents: line.amount_cents,
        });
    }
    let mut by_need: Vec<usize> = (0..plan.shares.len()).collect();
    by_need.sort_unstable_by_key(|&index| plan.needs[plan.shares[index].need].id);
    for index in by_need {
        let share = &plan.shares[index];
        let position = i64::try_from(share.line).unwrap_or(i64::MAX).saturating_add(1);
        digest.share(plan.needs[share.need].id, position, share.units, share.amount_cents, share.route);
    }
    digest.finish()
}
