//! What a receipt at the platform does: what is usable of each line, and how it is shared.

use std::collections::{BTreeMap, HashMap};

use kit::{
    error::{CommonError, Failure, FieldFault},
    id::{PlanLineId, ShipmentLineId},
};

use super::{batches::Batch, expected::Item, sharing::Sharing, shipment::ShipmentLine};

/// What arrived of a line, as counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Line of the shipment.
    pub shipment_line_id: ShipmentLineId,
    /// Base units in good order.
    pub received: i64,
    /// Base units damaged.
    pub damaged: i64,
}

/// What arrived of one article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// Index of the item.
    pub item: usize,
    /// Base units that were under way.
    pub shipped: i64,
    /// How what is usable was shared; its sum may be 0.
    pub sharing: Sharing,
    /// The usable goods by batch.
    pub batches: Vec<Batch>,
}

/// Applies what was counted to the shipment's lines and to the items. No count at all: everything arrived in good order.
/// A line's figures are then what was *recorded*: where the platform does not open packs, the good part of a pack
/// broken by damage is recorded as damaged.
///
/// # Errors
/// `INVALID_INPUT` with every fault; internal when the books were wrong before.
pub fn receive(items: &mut [Item], lines: &mut [ShipmentLine], counted: &[Counted]) -> Result<Vec<Arrived>, Failure> {
    let index: HashMap<PlanLineId, usize> =
        items.iter().enumerate().map(|(index, item)| (item.pooled_line_id, index)).collect();
    let mut faults = Vec::new();
    count(lines, counted, &mut faults);
    let mut arrived: BTreeMap<usize, (i64, i64, Vec<Batch>)> = BTreeMap::new();
    for line in lines.iter_mut() {
        let item = *index
            .get(&line.pooled_line_id)
            .ok_or_else(|| Failure::internal(format!("{} was shipped but is not expected", line.pooled_line_id)))?;
        let broken = line.received % items[item].step();
        if broken > 0 && line.damaged == 0 {
            faults.push(FieldFault::new(
                field(counted, line.id),
                format!(
                    "{} is not a whole number of packs of {} units, and nothing is damaged",
                    line.received, items[item].pack_units
                ),
            ));
        }
        line.received -= broken;
        line.damaged += broken;
        let of_item = arrived.entry(item).or_default();
        of_item.0 += line.units;
        of_item.1 += broken;
        of_item.2.push(Batch {
            shipment_line_id: line.id,
            batch: line.batch.clone(),
            expires_on: line.expires_on,
            units: line.received,
        });
    }
    if !faults.is_empty() {
        return Err(CommonError::InvalidInput(faults).into());
    }
    arrived
        .into_iter()
        .map(|(item, (shipped, spoiled, batches))| {
            let good = batches.iter().map(|batch| batch.units).sum();
            let sharing = items[item].receive(shipped, good, spoiled)?;
            Ok(Arrived { item, shipped, sharing, batches })
        })
        .collect()
}

fn field(counted: &[Counted], id: ShipmentLineId) -> String {
    let at = counted.iter().position(|count| count.shipment_line_id == id);
    at.map_or_else(|| "lines".to_owned(), |at| format!("lines[{at}].units_received"))
}

/// Enters the count into the lines.
fn count(lines: &mut [ShipmentLine], counted: &[Counted], faults: &mut Vec<FieldFault>) {
    let mut counts: HashMap<ShipmentLineId, Counted> = HashMap::new();
    for (at, count) in counted.iter().enumerate() {
        let field = || format!("lines[{at}].shipment_line_id");
        if !lines.iter().any(|line| line.id == count.shipment_line_id) {
            faults.push(FieldFault::new(field(), format!("{} is not a line of this shipment", count.shipment_line_id)));
        } else if counts.insert(count.shipment_line_id, *count).is_some() {
            faults.push(FieldFault::new(field(), format!("{} is counted twice", count.shipment_line_id)));
        }
    }
    for line in lines {
        match counts.get(&line.id) {
            None if counted.is_empty() => (line.received, line.damaged) = (line.units, 0),
            None => faults.push(FieldFault::new("lines", format!("{} is not counted", line.id))),
            Some(count) if count.received + count.damaged > line.units => faults.push(FieldFault::new(
                field(counted, line.id),
                format!(
                    "{} good and {} damaged are more than the {} shipped",
                    count.received, count.damaged, line.units
                ),
            )),
            Some(count) => (line.received, line.damaged) = (count.received, count.damaged),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Route, expected::tests::item};

    fn line(item: &Item, units: i64) -> ShipmentLine {
        ShipmentLine {
            id: ShipmentLineId::new(),
            pooled_line_id: item.pooled_line_id,
            article_id: item.article_id,
            units,
            batch: "A".into(),
            expires_on: None,
            received: 0,
            damaged: 0,
        }
    }

    fn counted(line: &ShipmentLine, received: i64, damaged: i64) -> Counted {
        Counted { shipment_line_id: line.id, received, damaged }
    }

    fn under_way(pack: i64, opens: bool, accepted: &[i64], units: i64) -> (Vec<Item>, Vec<ShipmentLine>) {
        let mut item = item(pack, opens, Route::Platform, accepted);
        item.ship(units);
        let lines = vec![line(&item, units)];
        (vec![item], lines)
    }

    #[test]
    fn no_count_means_that_all_arrived_in_good_order() {
        let (mut items, mut lines) = under_way(10, false, &[20, 30], 50);
        let arrived = receive(&mut items, &mut lines, &[]).unwrap();
        assert_eq!((arrived[0].sharing.units, lines[0].received, items[0].in_transit), (50, 50, 0));
    }

    #[test]
    fn damage_that_breaks_a_pack_takes_the_whole_pack_unless_the_platform_opens_it() {
        let (mut items, mut lines) = under_way(10, false, &[100], 100);
        let count = [counted(&lines[0], 93, 7)];
        let arrived = receive(&mut items, &mut lines, &count).unwrap();
        assert_eq!((lines[0].received, lines[0].damaged, arrived[0].sharing.spoiled), (90, 10, 3));
        assert!(arrived[0].sharing.reason().text.contains("3 unités en bon état mises de côté"));

        let (mut items, mut lines) = under_way(10, true, &[100], 100);
        let count = [counted(&lines[0], 93, 7)];
        let arrived = receive(&mut items, &mut lines, &count).unwrap();
        assert_eq!((lines[0].received, arrived[0].sharing.step, items[0].open()), (93, 1, 7));
    }

    #[test]
    fn a_broken_pack_without_damage_more_than_shipped_and_wrong_lines_are_faults() {
        let (items, lines) = under_way(10, false, &[100], 100);
        let told = |counts: &[Counted]| match receive(&mut items.clone(), &mut lines.clone(), counts) {
            Err(Failure::Domain(error)) => error.fields().into_iter().map(|fault| fault.field).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        let stranger = Counted { shipment_line_id: ShipmentLineId::new(), received: 1, damaged: 0 };
        assert_eq!(told(&[counted(&lines[0], 93, 0)]), ["lines[0].units_received"]);
        assert_eq!(told(&[counted(&lines[0], 100, 10)]), ["lines[0].units_received"]);
        assert_eq!(told(&[counted(&lines[0], 10, 0), counted(&lines[0], 10, 0)]), ["lines[1].shipment_line_id"]);
        assert_eq!(told(&[stranger]), ["lines[0].shipment_line_id", "lines"]);
    }
}
