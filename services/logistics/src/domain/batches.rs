//! Which batch goes to whom: first expired, first out (FEFO), in the order of the sites.

use chrono::NaiveDate;
use kit::id::{OrderLineId, ShipmentLineId};

use super::LogisticsError;

/// What arrived of one batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Line of the shipment it came in.
    pub shipment_line_id: ShipmentLineId,
    /// Batch number; may be empty.
    pub batch: String,
    /// Expiry; goods without one are given last.
    pub expires_on: Option<NaiveDate>,
    /// Base units.
    pub units: i64,
}

/// A part of a batch for one order line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portion {
    /// Order line.
    pub order_line_id: OrderLineId,
    /// The batch, with the units of this portion.
    pub from: Batch,
}

/// Gives batches to lines: the batch that expires first goes to the line named first, and so on.
/// `wants` is in the order of the sites and sums to the same as `batches`.
///
/// # Errors
/// [`LogisticsError::Books`] when the sums differ.
pub fn assign(mut batches: Vec<Batch>, wants: &[(OrderLineId, i64)]) -> Result<Vec<Portion>, LogisticsError> {
    let (there, wanted): (i64, i64) =
        (batches.iter().map(|batch| batch.units).sum(), wants.iter().map(|want| want.1).sum());
    if there != wanted {
        return Err(LogisticsError::Books(format!("{there} units of batches for {wanted} units shared out")));
    }
    batches.sort_by_key(|batch| (batch.expires_on.is_none(), batch.expires_on, batch.shipment_line_id));
    let mut batches = batches.into_iter().filter(|batch| batch.units > 0);
    let mut current = batches.next();
    let mut portions = Vec::new();
    for &(order_line_id, units) in wants {
        let mut left = units;
        while left > 0 {
            let Some(batch) = current.as_mut() else { break };
            let units = left.min(batch.units);
            portions.push(Portion { order_line_id, from: Batch { units, ..batch.clone() } });
            left -= units;
            batch.units -= units;
            if batch.units == 0 {
                current = batches.next();
            }
        }
    }
    Ok(portions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(name: &str, expires_on: Option<&str>, units: i64) -> Batch {
        Batch {
            shipment_line_id: ShipmentLineId::new(),
            batch: name.into(),
            expires_on: expires_on.map(|day| day.parse().unwrap()),
            units,
        }
    }

    #[test]
    fn the_earliest_expiry_goes_out_first_and_a_batch_may_be_split() {
        let (first, second) = (OrderLineId::new(), OrderLineId::new());
        let batches = vec![
            batch("none", None, 5),
            batch("late", Some("2028-01-01"), 10),
            batch("gone", None, 0),
            batch("early", Some("2027-01-01"), 10),
        ];
        let portions = assign(batches, &[(first, 15), (second, 10)]).unwrap();
        let seen: Vec<_> = portions.iter().map(|p| (p.order_line_id, p.from.batch.as_str(), p.from.units)).collect();
        assert_eq!(seen, [(first, "early", 10), (first, "late", 5), (second, "late", 5), (second, "none", 5)]);
    }

    #[test]
    fn sums_that_differ_are_an_error() {
        assert!(assign(vec![batch("a", None, 5)], &[(OrderLineId::new(), 6)]).is_err());
    }
}
