//! A delivery to one site: PREPARED → DISPATCHED → DELIVERED → CERTIFIED; a direct one starts DISPATCHED.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use kit::{
    error::{CommonError, Failure, FieldFault},
    id::{ArticleId, DeliveryId, DeliveryLineId, GroupId, OrderLineId, PartyId, PooledOrderId, ShipmentId, SiteId},
};

use super::{
    LogisticsError, Route, UnknownCode,
    batches::{Batch, Portion, assign},
    sharing::Sharing,
};

/// Who handed over what to whom, when. Personal data: never in an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Who signed.
    pub signed_by: String,
    /// As told by the carrier.
    pub handed_over_at: DateTime<Utc>,
    /// Reserves noted; may be empty.
    pub reserves: String,
}

/// State of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryState {
    /// On the dock.
    Prepared,
    /// On the road.
    Dispatched,
    /// Handed over.
    Delivered(Proof),
    /// Receipt certified by the member (service fait).
    Certified(Proof),
}

/// What is done to a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Sends it off.
    Dispatch,
    /// Records the proof.
    Prove(Proof),
    /// Certifies receipt.
    Certify,
}

impl DeliveryState {
    /// As stored and in events.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Prepared => "PREPARED",
            Self::Dispatched => "DISPATCHED",
            Self::Delivered(_) => "DELIVERED",
            Self::Certified(_) => "CERTIFIED",
        }
    }

    /// From the stored columns.
    ///
    /// # Errors
    /// When the code is unknown or its proof is missing.
    pub fn from_stored(code: &str, proof: Option<Proof>) -> Result<Self, UnknownCode> {
        match (code, proof) {
            ("PREPARED", None) => Ok(Self::Prepared),
            ("DISPATCHED", None) => Ok(Self::Dispatched),
            ("DELIVERED", Some(proof)) => Ok(Self::Delivered(proof)),
            ("CERTIFIED", Some(proof)) => Ok(Self::Certified(proof)),
            (code, _) => Err(UnknownCode(code.to_owned())),
        }
    }

    /// The proof, once there is one.
    #[must_use]
    pub const fn proof(&self) -> Option<&Proof> {
        match self {
            Self::Prepared | Self::Dispatched => None,
            Self::Delivered(proof) | Self::Certified(proof) => Some(proof),
        }
    }

    /// The state after a step.
    ///
    /// # Errors
    /// [`LogisticsError::DeliveryWrongState`] when the step does not follow from this state.
    pub fn apply(self, id: DeliveryId, step: Step) -> Result<Self, LogisticsError> {
        let refused =
            |state: &'static str, needed| LogisticsError::DeliveryWrongState { id: id.to_string(), state, needed };
        match (self, step) {
            (Self::Prepared, Step::Dispatch) => Ok(Self::Dispatched),
            (Self::Dispatched, Step::Prove(proof)) => Ok(Self::Delivered(proof)),
            (Self::Delivered(proof), Step::Certify) => Ok(Self::Certified(proof)),
            (state @ (Self::Dispatched | Self::Delivered(_) | Self::Certified(_)), Step::Dispatch) => {
                Err(refused(state.code(), "PREPARED"))
            }
            (state @ (Self::Prepared | Self::Delivered(_) | Self::Certified(_)), Step::Prove(_)) => {
                Err(refused(state.code(), "DISPATCHED"))
            }
            (state @ (Self::Prepared | Self::Dispatched | Self::Certified(_)), Step::Certify) => {
                Err(refused(state.code(), "DELIVERED"))
            }
        }
    }
}

/// A delivery without its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// Group.
    pub group_id: GroupId,
    /// For people.
    pub number: String,
    /// Order.
    pub pooled_order_id: PooledOrderId,
    /// Shipment that its goods came in.
    pub shipment_id: ShipmentId,
    /// Member.
    pub party_id: PartyId,
    /// Delivery point.
    pub site_id: SiteId,
    /// By the platform or direct.
    pub route: Route,
    /// Operator of the platform; none when direct.
    pub operator_party_id: Option<PartyId>,
    /// Supplier of a direct delivery.
    pub direct_supplier_id: Option<PartyId>,
    /// State.
    pub state: DeliveryState,
    /// Base units in all.
    pub units: i64,
    /// Changes at each step.
    pub version: i64,
}

/// One article and batch of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryLine {
    /// Its id.
    pub id: DeliveryLineId,
    /// Order line.
    pub order_line_id: OrderLineId,
    /// Article.
    pub article_id: ArticleId,
    /// Base units.
    pub units: i64,
    /// Batch; may be empty.
    pub batch: String,
    /// Expiry.
    pub expires_on: Option<NaiveDate>,
    /// Base units accepted.
    pub accepted: i64,
    /// Base units refused.
    pub refused: i64,
}

/// Goods of one article that were shared out.
#[derive(Debug)]
pub struct Goods<'a> {
    /// Article.
    pub article_id: ArticleId,
    /// Who gets how much.
    pub sharing: &'a Sharing,
    /// What there is, by batch.
    pub batches: Vec<Batch>,
}

/// What goes to each site: one delivery per site, its lines by article, order line and batch.
pub type Parcels = BTreeMap<(SiteId, PartyId), Vec<(ArticleId, Portion)>>;

/// Sorts shared goods into one parcel per site. Batches go out by expiry in the order of the sites.
///
/// # Errors
/// [`LogisticsError::Books`] when batches and shares do not sum to the same.
pub fn parcels(goods: Vec<Goods<'_>>) -> Result<Parcels, LogisticsError> {
    let mut parcels = Parcels::new();
    for Goods { article_id, sharing, batches } in goods {
        let mut shares: Vec<_> = sharing.shares.iter().filter(|share| share.units > 0).collect();
        shares.sort_by_key(|share| (share.site_id, share.order_line_id));
        let places: HashMap<OrderLineId, (SiteId, PartyId)> =
            shares.iter().map(|share| (share.order_line_id, (share.site_id, share.party_id))).collect();
        let wants: Vec<(OrderLineId, i64)> = shares.iter().map(|share| (share.order_line_id, share.units)).collect();
        for portion in assign(batches, &wants)? {
            if let Some(&place) = places.get(&portion.order_line_id) {
                parcels.entry(place).or_default().push((article_id, portion));
            }
        }
    }
    Ok(parcels)
}

/// Enters into the lines what the member accepted. No decision at all accepts everything; otherwise every line once.
///
/// # Errors
/// `INVALID_INPUT` with every fault.
pub fn certify(lines: &mut [DeliveryLine], decided: &[(DeliveryLineId, i64)]) -> Result<(), Failure> {
    let mut faults = Vec::new();
    let mut accepted: HashMap<DeliveryLineId, (usize, i64)> = HashMap::new();
    for (at, &(id, units)) in decided.iter().enumerate() {
        let field = format!("lines[{at}].delivery_line_id");
        if !lines.iter().any(|line| line.id == id) {
            faults.push(FieldFault::new(field, format!("{id} is not a line of this delivery")));
        } else if accepted.insert(id, (at, units)).is_some() {
            faults.push(FieldFault::new(field, format!("{id} is certified twice")));
        }
    }
    for line in lines {
        let units = match accepted.get(&line.id) {
            None if decided.is_empty() => line.units,
            None => {
                faults.push(FieldFault::new("lines", format!("{} is not certified", line.id)));
                continue;
            }
            Some(&(at, units)) if units < 0 || units > line.units => {
                let text = format!("{units} is not between 0 and the {} delivered", line.units);
                faults.push(FieldFault::new(format!("lines[{at}].units_accepted"), text));
                continue;
            }
            Some(&(_, units)) => units,
        };
        (line.accepted, line.refused) = (units, line.units - units);
    }
    if faults.is_empty() { Ok(()) } else { Err(CommonError::InvalidInput(faults).into()) }
}

#[cfg(test)]
mod tests {
    use kit::id::ShipmentLineId;

    use super::*;
    use crate::domain::{Route, expected::tests::item};

    fn proof() -> Proof {
        Proof { signed_by: "A. Test".into(), handed_over_at: DateTime::UNIX_EPOCH, reserves: String::new() }
    }

    #[test]
    fn the_life_of_a_delivery() {
        let states = [
            DeliveryState::Prepared,
            DeliveryState::Dispatched,
            DeliveryState::Delivered(proof()),
            DeliveryState::Certified(proof()),
        ];
        let mut table = String::new();
        for state in states {
            for (name, step) in
                [("dispatch", Step::Dispatch), ("prove", Step::Prove(proof())), ("certify", Step::Certify)]
            {
                let after = match state.clone().apply(DeliveryId::new(), step) {
                    Ok(after) => after.code().to_owned(),
                    Err(LogisticsError::DeliveryWrongState { needed, .. }) => format!("refused, not {needed}"),
                    Err(error) => panic!("{error}"),
                };
                table.push_str(&format!("{} {name}: {after}\n", state.code()));
            }
        }
        assert_eq!(
            table,
            "PREPARED dispatch: DISPATCHED\nPREPARED prove: refused, not DISPATCHED\nPREPARED certify: refused, not DELIVERED\n\
             DISPATCHED dispatch: refused, not PREPARED\nDISPATCHED prove: DELIVERED\nDISPATCHED certify: refused, not DELIVERED\n\
             DELIVERED dispatch: refused, not PREPARED\nDELIVERED prove: refused, not DISPATCHED\nDELIVERED certify: CERTIFIED\n\
             CERTIFIED dispatch: refused, not PREPARED\nCERTIFIED prove: refused, not DISPATCHED\nCERTIFIED certify: refused, not DELIVERED\n"
        );
    }

    #[test]
    fn goods_go_into_one_parcel_per_site_by_expiry_in_the_order_of_the_sites() {
        let mut goods = item(10, false, Route::Platform, &[20, 10]);
        goods.ship(30);
        let sharing = goods.receive(30, 30, 0).unwrap();
        let batch = |name: &str, day: &str, units| Batch {
            shipment_line_id: ShipmentLineId::new(),
            batch: name.into(),
            expires_on: Some(day.parse().unwrap()),
            units,
        };
        let batches = vec![batch("late", "2028-01-01", 20), batch("early", "2027-01-01", 10)];
        let parcels = parcels(vec![Goods { article_id: goods.article_id, sharing: &sharing, batches }]).unwrap();
        let mut sites: Vec<_> = goods.lines.iter().map(|line| line.site_id).collect();
        sites.sort();
        assert_eq!(parcels.keys().map(|key| key.0).collect::<Vec<_>>(), sites);
        let first = &parcels.values().next().unwrap()[0].1.from;
        assert_eq!((first.batch.as_str(), first.units), ("early", 10));
    }

    #[test]
    fn certification_needs_every_line_once_within_what_was_delivered() {
        let line = |units| DeliveryLine {
            id: DeliveryLineId::new(),
            order_line_id: OrderLineId::new(),
            article_id: ArticleId::new(),
            units,
            batch: String::new(),
            expires_on: None,
            accepted: 0,
            refused: 0,
        };
        let mut lines = [line(10), line(5)];
        let [a, b] = [lines[0].id, lines[1].id];
        let stranger = DeliveryLineId::new();
        let Err(Failure::Domain(error)) = certify(&mut lines, &[(a, 11), (a, 1), (stranger, 0)]) else {
            panic!("accepted")
        };
        let fields: Vec<_> = error.fields().into_iter().map(|fault| fault.field).collect();
        assert_eq!(fields, ["lines[1].delivery_line_id", "lines[2].delivery_line_id", "lines"]);
        let Err(Failure::Domain(error)) = certify(&mut lines, &[(a, 11), (b, -1)]) else { panic!("accepted") };
        assert_eq!(error.fields().len(), 2);
        certify(&mut lines, &[(a, 7), (b, 5)]).unwrap();
        assert_eq!((lines[0].accepted, lines[0].refused, lines[1].refused), (7, 3, 0));
        certify(&mut lines, &[]).unwrap();
        assert_eq!((lines[0].accepted, lines[0].refused), (10, 0));
    }
}
