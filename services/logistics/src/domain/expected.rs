//! What is expected of an article of an order at one destination, and what may happen to it.

use kit::id::{ArticleId, OrderLineId, PartyId, PlanLineId, SiteId};

use super::{
    LogisticsError, Route,
    sharing::{Cause, Share, Sharing, share_out},
};

/// One order line: an article for one delivery point. All figures in base units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedLine {
    /// Order line.
    pub id: OrderLineId,
    /// Member.
    pub party_id: PartyId,
    /// Delivery point.
    pub site_id: SiteId,
    /// Promised by the supplier.
    pub accepted: i64,
    /// Never come.
    pub cancelled: i64,
    /// In deliveries, without what was refused.
    pub allocated: i64,
    /// Certified.
    pub delivered: i64,
}

impl ExpectedLine {
    /// What is to be allocated to it yet.
    #[must_use]
    pub const fn waiting(&self) -> i64 {
        self.accepted - self.cancelled - self.allocated
    }

    /// What the member has neither got nor lost.
    #[must_use]
    pub const fn outstanding(&self) -> i64 {
        self.accepted - self.cancelled - self.delivered
    }

    /// Invariant L1.
    #[must_use]
    pub const fn conserves(&self) -> bool {
        0 <= self.cancelled && 0 <= self.delivered && self.delivered <= self.allocated && 0 <= self.waiting()
    }

    /// Books what the member accepted and refused of a delivery: the refused part is waited for again (L4).
    ///
    /// # Errors
    /// [`LogisticsError::Books`] when so much was never allocated.
    pub fn certify(&mut self, accepted: i64, refused: i64) -> Result<(), LogisticsError> {
        if accepted < 0 || refused < 0 || self.delivered + accepted + refused > self.allocated {
            return Err(LogisticsError::Books(format!(
                "{}: {accepted} accepted and {refused} refused were not allocated",
                self.id
            )));
        }
        self.delivered += accepted;
        self.allocated -= refused;
        Ok(())
    }
}

/// Where an article goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination {
    /// The platform's site, or the delivery point itself.
    pub site_id: SiteId,
    /// By the platform or direct.
    pub route: Route,
    /// Party that operates the platform; none when direct.
    pub operator_party_id: Option<PartyId>,
}

/// One article of one order at one destination, with its order lines in order of id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Line of the pooled order.
    pub pooled_line_id: PlanLineId,
    /// Where it goes first.
    pub destination: Destination,
    /// Article.
    pub article_id: ArticleId,
    /// Base units in a pack.
    pub pack_units: i64,
    /// Whether the platform opens these packs (dégroupage).
    pub opens_packs: bool,
    /// Base units announced and not yet received.
    pub in_transit: i64,
    /// Base units announced, ever.
    pub shipped: i64,
    /// Its order lines.
    pub lines: Vec<ExpectedLine>,
}

impl Item {
    /// Smallest portion that is shared, in base units.
    #[must_use]
    pub const fn step(&self) -> i64 {
        if self.opens_packs { 1 } else { self.pack_units }
    }

    /// Base units that are neither cancelled, nor under way, nor in a delivery.
    #[must_use]
    pub fn open(&self) -> i64 {
        self.waiting() - self.in_transit
    }

    /// The part of [`Item::open`] that can be shipped: all of it where packs are opened, otherwise what fills whole packs of a line.
    #[must_use]
    pub fn shippable(&self) -> i64 {
        let step = self.step();
        self.lines.iter().map(|line| line.waiting() / step * step).sum::<i64>() - self.in_transit
    }

    fn waiting(&self) -> i64 {
        self.lines.iter().map(ExpectedLine::waiting).sum()
    }

    /// Base units announced: they are under way.
    pub fn ship(&mut self, units: i64) {
        self.in_transit += units;
        self.shipped += units;
    }

    /// Base units announced and handed over at once: direct shipments are under way to nobody but their site.
    ///
    /// # Errors
    /// [`LogisticsError::Books`] when more than is waited for.
    pub fn hand_over(&mut self, units: i64) -> Result<Sharing, LogisticsError> {
        self.shipped += units;
        self.share(Cause::Receipt, units, 0, 0)
    }

    /// Ends the way of `shipped` base units, of which `good` are shared out; `spoiled` more were good in packs that damage broke.
    /// The rest is open again (L4).
    ///
    /// # Errors
    /// [`LogisticsError::Books`] when so much was not under way.
    pub fn receive(&mut self, shipped: i64, good: i64, spoiled: i64) -> Result<Sharing, LogisticsError> {
        if good > shipped || shipped > self.in_transit {
            return Err(LogisticsError::Books(format!("{}: {shipped} units were not under way", self.pooled_line_id)));
        }
        self.in_transit -= shipped;
        self.share(Cause::Receipt, good, 0, spoiled)
    }

    /// Takes back `units` that never come; `None` when that would break a pack that the platform does not open, or is more
    /// than what is open.
    ///
    /// # Errors
    /// [`LogisticsError::Books`] when an invariant was already broken.
    pub fn cancel(&mut self, units: i64) -> Result<Option<Sharing>, LogisticsError> {
        match self.split(units) {
            None => Ok(None),
            Some((whole, broken)) => self.share(Cause::Cancellation, whole, broken, 0).map(Some),
        }
    }

    /// Parts `units` to cancel into whole packs and broken ones, with as few broken ones as possible.
    fn split(&self, units: i64) -> Option<(i64, i64)> {
        let (step, whole_open) = (self.step(), self.shippable());
        if units < 0 || whole_open < 0 {
            return None;
        }
        let loose = units % step;
        let above = (units - loose - whole_open).max(0);
        // `whole_open` and `units − loose` are multiples of the step, so `above` is one too.
        let broken = loose + above;
        let broken_open = self.open() - whole_open;
        (broken <= broken_open).then_some((units - broken, broken))
    }

    fn share(&mut self, cause: Cause, whole: i64, broken: i64, spoiled: i64) -> Result<Sharing, LogisticsError> {
        let waits: Vec<i64> = self.lines.iter().map(ExpectedLine::waiting).collect();
        let given = share_out(whole, broken, self.step(), &waits)?;
        let mut shares = Vec::with_capacity(given.len());
        for (line, (units, weight)) in self.lines.iter_mut().zip(given.into_iter().zip(waits)) {
            match cause {
                Cause::Receipt => line.allocated += units,
                Cause::Cancellation => line.cancelled += units,
            }
            shares.push(Share {
                order_line_id: line.id,
                party_id: line.party_id,
                site_id: line.site_id,
                weight,
                units,
            });
        }
        Ok(Sharing {
            pooled_line_id: self.pooled_line_id,
            cause,
            units: whole + broken,
            step: self.step(),
            spoiled,
            shares,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn item(pack_units: i64, opens_packs: bool, route: Route, accepted: &[i64]) -> Item {
        let operator_party_id = match route {
            Route::Platform => Some(PartyId::new()),
            Route::Direct => None,
        };
        Item {
            pooled_line_id: PlanLineId::new(),
            destination: Destination { site_id: SiteId::new(), route, operator_party_id },
            article_id: ArticleId::new(),
            pack_units,
            opens_packs,
            in_transit: 0,
            shipped: 0,
            lines: accepted
                .iter()
                .map(|&accepted| ExpectedLine {
                    id: OrderLineId::new(),
                    party_id: PartyId::new(),
                    site_id: SiteId::new(),
                    accepted,
                    cancelled: 0,
                    allocated: 0,
                    delivered: 0,
                })
                .collect(),
        }
    }

    #[test]
    fn damaged_and_missing_goods_are_open_again() {
        let mut item = item(10, false, Route::Platform, &[50, 50]);
        item.ship(100);
        assert_eq!(item.open(), 0);
        item.receive(100, 70, 0).unwrap();
        assert_eq!((item.open(), item.shippable(), item.shipped), (30, 30, 100));
    }

    #[test]
    fn refused_pieces_of_a_pack_can_be_cancelled_but_not_shipped() {
        let mut item = item(10, false, Route::Platform, &[20]);
        item.ship(20);
        item.receive(20, 20, 0).unwrap();
        item.lines[0].certify(17, 3).unwrap();
        assert_eq!((item.open(), item.shippable()), (3, 0));
        assert_eq!(item.cancel(3).unwrap().unwrap().units, 3);
        assert_eq!((item.open(), item.lines[0].outstanding()), (0, 0));
    }

    #[test]
    fn a_cancellation_never_breaks_a_pack_that_stays_closed() {
        let mut closed = item(10, false, Route::Platform, &[20, 20]);
        assert_eq!(closed.cancel(5).unwrap(), None);
        assert_eq!(closed.cancel(50).unwrap(), None, "more than is open");
        let mut opened = item(10, true, Route::Platform, &[20, 20]);
        assert_eq!(opened.cancel(5).unwrap().unwrap().given().map(|given| given.1).collect::<Vec<_>>(), [3, 2]);
    }

    #[test]
    fn what_was_not_allocated_cannot_be_certified() {
        let mut item = item(1, false, Route::Direct, &[5]);
        item.hand_over(3).unwrap();
        assert!(item.lines[0].certify(3, 1).is_err());
        assert!(item.lines[0].certify(2, 1).is_ok());
    }

    /// One thing that may happen, its size in percent of what is possible.
    #[derive(Debug, Clone)]
    enum Step {
        Ship(i64),
        Receive { good: i64, lost: i64 },
        Cancel(i64),
        Certify { line: usize, accepted: i64, refused: i64 },
    }

    fn step() -> impl Strategy<Value = Step> {
        let percent = || 0_i64..=100;
        prop_oneof![
            percent().prop_map(Step::Ship),
            (percent(), percent()).prop_map(|(good, lost)| Step::Receive { good, lost }),
            percent().prop_map(Step::Cancel),
            (0_usize..20, percent(), percent()).prop_map(|(line, accepted, refused)| Step::Certify {
                line,
                accepted,
                refused
            }),
        ]
    }

    fn happen(item: &mut Item, step: &Step) {
        let packs = |units: i64, percent: i64, pack: i64| units / pack * percent / 100 * pack;
        match *step {
            Step::Ship(percent) => {
                let units = packs(item.shippable(), percent, item.pack_units);
                match item.destination.route {
                    Route::Platform => item.ship(units),
                    Route::Direct => {
                        item.hand_over(units).unwrap();
                    }
                }
            }
            Step::Receive { good, lost } => {
                let shipped = packs(item.in_transit, good.max(lost), item.pack_units);
                item.receive(shipped, packs(shipped, good.min(lost), item.step()), 0).unwrap();
            }
            Step::Cancel(percent) => {
                let (open, units) = (item.open(), item.open() * percent / 100);
                let taken = item.cancel(units).unwrap().map_or(0, |sharing| sharing.units);
                assert_eq!(item.open(), open - taken);
                assert!(taken == units || taken == 0);
            }
            Step::Certify { line, accepted, refused } => {
                let index = line % item.lines.len();
                let line = &mut item.lines[index];
                let waiting = line.allocated - line.delivered;
                let accepted = waiting * accepted / 100;
                line.certify(accepted, (waiting - accepted) * refused / 100).unwrap();
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_happens_accepted_is_delivered_cancelled_or_outstanding(
            pack in 1_i64..25,
            opens in any::<bool>(),
            direct in any::<bool>(),
            packs in prop::collection::vec(1_i64..40, 1..8),
            history in prop::collection::vec(step(), 0..60),
        ) {
            let route = if direct { Route::Direct } else { Route::Platform };
            let accepted: Vec<i64> = packs.iter().map(|packs| packs * pack).collect();
            let mut item = item(pack, opens && !direct, route, &accepted);
            for step in &history {
                happen(&mut item, step);
                prop_assert!(item.open() >= 0 && item.shippable() >= 0 && item.in_transit >= 0);
                for line in &item.lines {
                    prop_assert!(line.conserves(), "{line:?}");
                    prop_assert_eq!(line.accepted, line.delivered + line.cancelled + line.outstanding());
                    prop_assert!(line.outstanding() >= 0);
                }
            }
            // Everything that is open can be given up, and everything under way can still be received.
            let open = item.open();
            prop_assert_eq!(item.cancel(open).unwrap().map(|sharing| sharing.units), Some(open));
            let under_way = item.in_transit;
            item.receive(under_way, under_way, 0).unwrap();
            prop_assert!(item.lines.iter().all(|line| line.conserves() && line.waiting() == 0));
        }
    }
}
