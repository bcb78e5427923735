//! Deliveries made from shared goods.

use kit::{
    db::Tx,
    error::Failure,
    id::{DeliveryId, DeliveryLineId},
};
use proto::logistics::v1::DeliveryChanged;

use crate::{
    domain::{
        Route,
        delivery::{Delivery, DeliveryLine, DeliveryState, Parcels},
        shipment::Shipment,
    },
    store::deliveries,
};

/// Stores one delivery per parcel, numbered `BL-year-number`: PREPARED at the platform, or DISPATCHED by the supplier.
pub(super) async fn insert_parcels(
    tx: &mut Tx,
    shipment: &Shipment,
    parcels: Parcels,
) -> Result<Vec<Delivery>, Failure> {
    if parcels.is_empty() {
        return Ok(Vec::new());
    }
    let count = i64::try_from(parcels.len()).map_err(Failure::internal)?;
    let numbers = tx.next_numbers("BL", count).await?;
    let at = tx.now().await?;
    let (state, direct_supplier_id) = match shipment.route {
        Route::Platform => (DeliveryState::Prepared, None),
        Route::Direct => (DeliveryState::Dispatched, Some(shipment.supplier_id)),
    };
    let mut made = Vec::with_capacity(numbers.len());
    for (number, ((site_id, party_id), portions)) in numbers.into_iter().zip(parcels) {
        let delivery = Delivery {
            id: DeliveryId::new(),
            group_id: shipment.group_id,
            number,
            pooled_order_id: shipment.pooled_order_id,
            shipment_id: shipment.id,
            party_id,
            site_id,
            route: shipment.route,
            operator_party_id: shipment.operator_party_id,
            direct_supplier_id,
            state: state.clone(),
            units: portions.iter().map(|(_, portion)| portion.from.units).sum(),
            version: 1,
        };
        let line = |(article_id, portion): (_, crate::domain::batches::Portion)| {
            let line = DeliveryLine {
                id: DeliveryLineId::new(),
                order_line_id: portion.order_line_id,
                article_id,
                units: portion.from.units,
                batch: portion.from.batch,
                expires_on: portion.from.expires_on,
                accepted: 0,
                refused: 0,
            };
            (line, portion.from.shipment_line_id)
        };
        let lines: Vec<_> = portions.into_iter().map(line).collect();
        deliveries::insert_delivery(tx.conn(), &delivery, at, &lines).await?;
        made.push(delivery);
    }
    Ok(made)
}

/// Tells that a delivery is in its state now.
pub(super) async fn append_delivery(tx: &mut Tx, kind: &str, delivery: &Delivery) -> Result<(), Failure> {
    let event = DeliveryChanged {
        delivery_id: delivery.id.to_string(),
        state: delivery.state.code().to_owned(),
        units: delivery.units,
    };
    tx.append(delivery.id.uuid(), kind, &event).await
}
