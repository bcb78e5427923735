//! What an announcement does to an order's articles at one destination.
//!
//! As in Peppol's despatch advice, `OutstandingQuantity` is what *will* come later: of an article that the announcement names, what is
//! neither shipped nor outstanding will *never* come and is cancelled (10 ordered, 6 sent, outstanding 3 → 1 cancelled). An article
//! that it does not name is none of this despatch and stays open: forgetting a line never cancels it.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use kit::{
    error::{CommonError, Failure, FieldFault},
    id::{PlanLineId, PooledOrderId, SiteId},
};

use super::{Route, expected::Item, sharing::Sharing};

/// One article and batch announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnouncedLine {
    /// Line of the pooled order.
    pub pooled_line_id: PlanLineId,
    /// Base units, more than 0.
    pub units: i64,
    /// Batch; may be empty.
    pub batch: String,
    /// Expiry.
    pub expires_on: Option<NaiveDate>,
}

/// What a supplier announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// Order.
    pub pooled_order_id: PooledOrderId,
    /// Where it goes.
    pub destination_site_id: SiteId,
    /// The supplier's number.
    pub despatch_number: String,
    /// Articles and batches.
    pub lines: Vec<AnnouncedLine>,
    /// Base units that will come later.
    pub still_to_come: Vec<(PlanLineId, i64)>,
}

/// What became of one article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// Index of the item.
    pub item: usize,
    /// Base units shipped.
    pub shipped: i64,
    /// The cancellation, when something never comes.
    pub cancelled: Option<Sharing>,
    /// For a direct shipment, what each order line gets.
    pub handed_over: Option<Sharing>,
}

/// What one article was announced with, and where in the request.
#[derive(Debug, Default)]
struct Told {
    units: i64,
    lines: Vec<usize>,
    outstanding: i64,
    entry: Option<usize>,
}

/// Applies an announcement to the items of its order and destination.
///
/// # Errors
/// `INVALID_INPUT` with every fault of the announcement; internal when the books were wrong before.
pub fn announce(items: &mut [Item], announcement: &Announcement) -> Result<Vec<Announced>, Failure> {
    let mut faults = Vec::new();
    let told = gather(items, announcement, &mut faults);
    let mut outcome = Vec::new();
    for (index, item) in items.iter_mut().enumerate() {
        let Some(told) = told.get(&index) else { continue };
        let before = faults.len();
        check(item, announcement, told, &mut faults);
        if faults.len() > before {
            continue;
        }
        // Shipped first: what stays under way keeps its whole packs when the rest is cancelled.
        let handed_over = match item.destination.route {
            Route::Platform => {
                item.ship(told.units);
                None
            }
            Route::Direct => Some(item.hand_over(told.units)?).filter(|sharing| sharing.units > 0),
        };
        let cancelled = item.open() - told.outstanding;
        match item.cancel(cancelled)? {
            None => faults.push(FieldFault::new(
                told.entry.map_or_else(
                    || "still_to_come".to_owned(),
                    |entry| format!("still_to_come[{entry}].outstanding_units"),
                ),
                format!(
                    "leaves {cancelled} units of {} cancelled, which breaks a pack of {}",
                    item.pooled_line_id, item.pack_units
                ),
            )),
            Some(sharing) => {
                let cancelled = Some(sharing).filter(|sharing| sharing.units > 0);
                outcome.push(Announced { item: index, shipped: told.units, cancelled, handed_over });
            }
        }
    }
    if faults.is_empty() { Ok(outcome) } else { Err(CommonError::InvalidInput(faults).into()) }
}

/// What the announcement says of each item, by index of the item.
fn gather(items: &[Item], announcement: &Announcement, faults: &mut Vec<FieldFault>) -> BTreeMap<usize, Told> {
    let index: HashMap<PlanLineId, usize> =
        items.iter().enumerate().map(|(index, item)| (item.pooled_line_id, index)).collect();
    let unknown =
        |field: String, id: PlanLineId| FieldFault::new(field, format!("{id} is not expected at this destination"));
    let mut told: BTreeMap<usize, Told> = BTreeMap::new();
    for (at, line) in announcement.lines.iter().enumerate() {
        match index.get(&line.pooled_line_id) {
            None => faults.push(unknown(format!("lines[{at}].pooled_line_id"), line.pooled_line_id)),
            Some(&item) => {
                let told = told.entry(item).or_default();
                told.units += line.units;
                told.lines.push(at);
            }
        }
    }
    for (at, &(id, outstanding)) in announcement.still_to_come.iter().enumerate() {
        match index.get(&id) {
            None => faults.push(unknown(format!("still_to_come[{at}].pooled_line_id"), id)),
            Some(&item) => {
                let told = told.entry(item).or_default();
                (told.outstanding, told.entry) = (outstanding, Some(at));
            }
        }
    }
    told
}

fn check(item: &Item, announcement: &Announcement, told: &Told, faults: &mut Vec<FieldFault>) {
    for &at in &told.lines {
        let units = announcement.lines[at].units;
        if units % item.pack_units != 0 {
            faults.push(FieldFault::new(
                format!("lines[{at}].units"),
                format!("{units} is not a whole number of packs of {} units", item.pack_units),
            ));
        }
    }
    if told.units > item.shippable()
        && let Some(at) = told.lines.first()
    {
        faults.push(FieldFault::new(
            format!("lines[{at}].units"),
            format!(
                "{} units of {} shipped, but only {} are open in whole packs",
                told.units,
                item.pooled_line_id,
                item.shippable()
            ),
        ));
    }
    let left = item.open() - told.units;
    if told.outstanding > left.max(0)
        && let Some(at) = told.entry
    {
        faults.push(FieldFault::new(
            format!("still_to_come[{at}].outstanding_units"),
            format!("{} units cannot be outstanding: {} are left after this shipment", told.outstanding, left.max(0)),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::expected::tests::item;

    fn announcement(lines: &[(PlanLineId, i64)], still_to_come: &[(PlanLineId, i64)]) -> Announcement {
        Announcement {
            pooled_order_id: PooledOrderId::new(),
            destination_site_id: SiteId::new(),
            despatch_number: "D1".into(),
            lines: lines
                .iter()
                .map(|&(pooled_line_id, units)| AnnouncedLine {
                    pooled_line_id,
                    units,
                    batch: String::new(),
                    expires_on: None,
                })
                .collect(),
            still_to_come: still_to_come.to_vec(),
        }
    }

    fn faults(result: Result<Vec<Announced>, Failure>) -> Vec<String> {
        match result {
            Err(Failure::Domain(error)) => error.fields().into_iter().map(|fault| fault.field).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn ten_ordered_six_sent_three_outstanding_cancels_one() {
        let mut items = [item(1, false, Route::Platform, &[10])];
        let id = items[0].pooled_line_id;
        let outcome = announce(&mut items, &announcement(&[(id, 6)], &[(id, 3)])).unwrap();
        assert_eq!(outcome[0].cancelled.as_ref().unwrap().units, 1);
        assert_eq!((items[0].open(), items[0].in_transit), (3, 6));
    }

    #[test]
    fn an_article_that_is_not_named_stays_open_and_one_named_with_nothing_to_come_is_cancelled() {
        let items = || [item(10, false, Route::Platform, &[20, 30]), item(5, false, Route::Platform, &[5])];
        let mut forgotten = items();
        let named = forgotten[0].pooled_line_id;
        let outcome = announce(&mut forgotten, &announcement(&[(named, 20), (named, 30)], &[])).unwrap();
        assert_eq!((outcome.len(), outcome[0].item), (1, 0));
        assert_eq!((forgotten[0].open(), forgotten[1].open()), (0, 5));
        let mut given_up = items();
        let (named, never) = (given_up[0].pooled_line_id, given_up[1].pooled_line_id);
        let outcome = announce(&mut given_up, &announcement(&[(named, 50)], &[(never, 0)])).unwrap();
        assert_eq!(outcome[1].cancelled.as_ref().unwrap().units, 5);
        assert_eq!((given_up[0].open(), given_up[1].open()), (0, 0));
    }

    #[test]
    fn a_direct_shipment_is_handed_over_at_once() {
        let mut items = [item(10, false, Route::Direct, &[20])];
        let id = items[0].pooled_line_id;
        let outcome = announce(&mut items, &announcement(&[(id, 10)], &[(id, 10)])).unwrap();
        assert_eq!(outcome[0].handed_over.as_ref().unwrap().units, 10);
        assert_eq!((items[0].in_transit, items[0].lines[0].allocated), (0, 10));
    }

    #[test]
    fn every_fault_is_told_at_once_by_its_place() {
        let mut items = [
            item(10, false, Route::Platform, &[20]),
            item(10, false, Route::Platform, &[20]),
            item(10, false, Route::Platform, &[20]),
        ];
        let [a, b, c] = [0, 1, 2].map(|index: usize| items[index].pooled_line_id);
        let stranger = PlanLineId::new();
        let wrong = announcement(&[(stranger, 1), (a, 15), (b, 30)], &[(stranger, 1), (c, 21)]);
        assert_eq!(
            faults(announce(&mut items, &wrong)),
            [
                "lines[0].pooled_line_id",
                "still_to_come[0].pooled_line_id",
                "lines[1].units",
                "lines[2].units",
                "still_to_come[1].outstanding_units"
            ]
        );
        let breaks = announcement(&[(a, 20), (b, 20), (c, 10)], &[(c, 5)]);
        let mut items = items.clone();
        assert_eq!(faults(announce(&mut items, &breaks)), ["still_to_come[0].outstanding_units"]);
    }
}
