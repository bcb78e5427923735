//! Receipts at the platform, and how things were shared.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kit::{
    command::Claim,
    error::Failure,
    id::{PlanLineId, ReceiptId},
    identity::{Caller, Role},
};
use proto::logistics::v1::{
    ListAllocationsRequest, ListAllocationsResponse, ReceiveShipmentRequest, ReceiveShipmentResponse, ShipmentReceived,
};

use super::{
    App,
    parcels::{append_delivery, insert_parcels},
};
use crate::{
    convert::{self, Faults},
    domain::{
        delivery::{Goods, parcels},
        receive::receive,
        shipment::ShipmentLine,
    },
    store::{
        allocations::{self, New, Origin},
        expected::{self, Which},
        shipments::{self, Receipt},
    },
};

impl App {
    /// Records what arrived at the platform, shares it out and prepares one delivery per site.
    ///
    /// # Errors
    /// `NOT_FOUND` for another platform's shipment; `SHIPMENT_WRONG_STATE`; `INVALID_INPUT` with every fault.
    pub async fn receive_shipment(
        &self,
        caller: &Caller,
        request: ReceiveShipmentRequest,
    ) -> Result<ReceiveShipmentResponse, Failure> {
        caller.require(&[Role::PlatformOperator])?;
        caller.group()?;
        let operator = caller.party()?;
        let (id, counted) = convert::receipt(&request)?;
        let method = "centrale.logistics.v1.LogisticsService/ReceiveShipment";
        let mut command =
            match self.db.command::<ReceiveShipmentResponse>(caller, method, &request.request_id, &request).await? {
                Claim::Replayed(reply) => return Ok(reply),
                Claim::Fresh(command) => command,
            };
        let not_found = || Failure::not_found("shipment", id);
        // Which order to lock; read again once it is locked.
        let found = shipments::find_shipment(command.conn(), id).await?;
        let found = found.filter(|shipment| shipment.operator_party_id == Some(operator)).ok_or_else(not_found)?;
        expected::lock_order(command.conn(), found.pooled_order_id).await?;
        let shipment = shipments::lock_shipment(command.conn(), id).await?.ok_or_else(not_found)?.receive()?;
        let mut lines: Vec<_> =
            shipments::list_lines(command.conn(), &[id]).await?.into_iter().map(|line| line.1).collect();
        let pooled: BTreeSet<PlanLineId> = lines.iter().map(|line| line.pooled_line_id).collect();
        let which =
            Which { destination: Some(shipment.destination_site_id), pooled_lines: Some(pooled.into_iter().collect()) };
        let mut items = expected::load_items(command.conn(), shipment.pooled_order_id, &which).await?;
        let arrived = receive(&mut items, &mut lines, &counted)?;

        let receipt = new_receipt(&lines, command.now().await?, &caller.subject);
        shipments::insert_receipt(command.conn(), &shipment, operator, &receipt, &lines).await?;
        expected::save_items(command.conn(), shipment.pooled_order_id, &items.iter().collect::<Vec<_>>()).await?;
        let arrived: Vec<_> = arrived.into_iter().filter(|arrived| arrived.sharing.units > 0).collect();
        let allocations: Vec<_> =
            arrived.iter().map(|arrived| New::of(items[arrived.item].destination, &arrived.sharing)).collect();
        allocations::insert_allocations(command.conn(), &Origin::of(&shipment, receipt.at), &allocations).await?;
        let goods = arrived
            .iter()
            .map(|arrived| Goods {
                article_id: items[arrived.item].article_id,
                sharing: &arrived.sharing,
                batches: arrived.batches.clone(),
            })
            .collect();
        let deliveries = insert_parcels(&mut command, &shipment, parcels(goods)?).await?;

        let event = ShipmentReceived {
            receipt_id: receipt.id.to_string(),
            shipment_id: id.to_string(),
            units_received: receipt.received,
            units_damaged: receipt.damaged,
            units_missing: receipt.missing,
        };
        command.append(id.uuid(), "logistics.shipment_received.v1", &event).await?;
        for delivery in &deliveries {
            append_delivery(&mut command, "logistics.delivery_prepared.v1", delivery).await?;
        }
        let reply = ReceiveShipmentResponse {
            receipt_id: receipt.id.to_string(),
            shipment: Some(convert::shipment_to_proto(&shipment, &lines)),
            delivery_ids: deliveries.iter().map(|delivery| delivery.id.to_string()).collect(),
        };
        command.finish(reply).await
    }

    /// A page of allocations with their shares; it ends early when they have many.
    ///
    /// # Errors
    /// `INVALID_INPUT`.
    pub async fn list_allocations(
        &self,
        caller: &Caller,
        request: ListAllocationsRequest,
    ) -> Result<ListAllocationsResponse, Failure> {
        let mine = Self::mine(caller)?;
        let mut faults = Faults::default();
        let order = faults.optional_id("pooled_order_id", &request.pooled_order_id);
        let size = convert::page_size(&mut faults, caller, request.page.as_ref());
        let after = faults.optional_id("page.after", convert::after(request.page.as_ref()));
        faults.finish(Some(()))?;
        let mut tx = self.db.begin(caller).await?;
        let (found, more) = allocations::list_allocations(tx.conn(), mine, order, after, size).await?;
        tx.rollback().await?;
        let next_after = found.last().filter(|_| more).map(|last| last.id.to_string()).unwrap_or_default();
        Ok(ListAllocationsResponse {
            allocations: found.into_iter().map(convert::allocation_to_proto).collect(),
            next_after,
        })
    }
}

/// A receipt with the sums of its lines.
fn new_receipt(lines: &[ShipmentLine], at: DateTime<Utc>, by: &str) -> Receipt {
    let (shipped, received, damaged) =
        lines.iter().fold((0, 0, 0), |sum, line| (sum.0 + line.units, sum.1 + line.received, sum.2 + line.damaged));
    Receipt { id: ReceiptId::new(), at, by: by.to_owned(), received, damaged, missing: shipped - received - damaged }
}
