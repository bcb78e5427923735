//! Suppliers' shipments.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use kit::{
    command::Claim,
    db::Tx,
    error::Failure,
    id::{GroupId, ShipmentId, ShipmentLineId},
    identity::{Caller, Role},
};
use proto::logistics::v1::{
    AnnounceShipmentRequest, AnnounceShipmentResponse, ListShipmentsRequest, ListShipmentsResponse, ShipmentAnnounced,
};

use super::{
    App, append_cancelled,
    parcels::{append_delivery, insert_parcels},
};
use crate::{
    convert::{self, Faults},
    domain::{
        LogisticsError, Route,
        announce::{Announced, Announcement, announce},
        batches::Batch,
        delivery::{Goods, Parcels, parcels},
        expected::{Destination, Item},
        sharing::Sharing,
        shipment::{Shipment, ShipmentLine, ShipmentState},
    },
    store::{
        self,
        allocations::{self, New, Origin},
        expected::{self, ExpectedOrder, Which},
        shipments,
    },
};

impl App {
    /// Announces a shipment to one destination. A direct one becomes a delivery on the road at once; one without lines only says what
    /// is still to come, and is RECEIVED at once because nothing is under way.
    ///
    /// # Errors
    /// `NOT_FOUND` for another's order; `INVALID_INPUT` with every fault; `DESPATCH_NUMBER_TAKEN`.
    pub async fn announce_shipment(
        &self,
        caller: &Caller,
        request: AnnounceShipmentRequest,
    ) -> Result<AnnounceShipmentResponse, Failure> {
        caller.require(&[Role::Supplier, Role::PurchasingOfficer])?;
        let group = caller.group()?;
        let announcement = convert::announcement(&request)?;
        let method = "centrale.logistics.v1.LogisticsService/AnnounceShipment";
        let mut command =
            match self.db.command::<AnnounceShipmentResponse>(caller, method, &request.request_id, &request).await? {
                Claim::Replayed(reply) => return Ok(reply),
                Claim::Fresh(command) => command,
            };
        let order = expected::lock_order(command.conn(), announcement.pooled_order_id).await?;
        let order = order
            .filter(|order| caller.has(&[Role::PurchasingOfficer]) || caller.acts_for == Some(order.supplier_id))
            .ok_or_else(|| Failure::not_found("pooled order", announcement.pooled_order_id))?;
        let which = Which { destination: Some(announcement.destination_site_id), ..Which::default() };
        let mut items = expected::load_items(command.conn(), order.id, &which).await?;
        let destination = items
            .first()
            .map(|item| item.destination)
            .ok_or_else(|| Failure::invalid_field("destination_site_id", "nothing of this order goes there"))?;
        let outcome = announce(&mut items, &announcement)?;
        let at = command.now().await?;
        let shipment = new_shipment(group, &order, destination, &announcement, at, &caller.subject);
        let lines = new_lines(&shipment, &items, &announcement);
        shipments::insert_shipment(command.conn(), &shipment, &lines).await?;
        let cancelled = save_outcome(&mut command, &shipment, &items, &outcome).await?;
        let deliveries = insert_parcels(&mut command, &shipment, direct_parcels(&items, &lines, &outcome)?).await?;

        let cause = format!("Expédition {} : ni expédié, ni annoncé à venir.", shipment.despatch_number);
        append_cancelled(&mut command, order.id, &cancelled, &cause).await?;
        let event = ShipmentAnnounced {
            shipment_id: shipment.id.to_string(),
            pooled_order_id: order.id.to_string(),
            units: lines.iter().map(|line| line.units).sum(),
        };
        command.append(shipment.id.uuid(), "logistics.shipment_announced.v1", &event).await?;
        for delivery in &deliveries {
            append_delivery(&mut command, "logistics.delivery_dispatched.v1", delivery).await?;
        }
        let reply = AnnounceShipmentResponse {
            shipment: Some(convert::shipment_to_proto(&shipment, &lines)),
            units_cancelled: cancelled.iter().map(|sharing| sharing.units).sum(),
            delivery_id: deliveries.first().map(|delivery| delivery.id.to_string()).unwrap_or_default(),
        };
        command.finish(reply).await
    }

    /// A page of shipments with their lines; it ends early when they have many.
    ///
    /// # Errors
    /// `INVALID_INPUT`.
    pub async fn list_shipments(
        &self,
        caller: &Caller,
        request: ListShipmentsRequest,
    ) -> Result<ListShipmentsResponse, Failure> {
        let mine = Self::mine(caller)?;
        let mut faults = Faults::default();
        let order = faults.optional_id("pooled_order_id", &request.pooled_order_id);
        let size = convert::page_size(&mut faults, caller, request.page.as_ref());
        let after = faults.optional_id("page.after", convert::after(request.page.as_ref()));
        faults.finish(Some(()))?;
        let mut tx = self.db.begin(caller).await?;
        let limit = i64::try_from(size).map_err(Failure::internal)? + 1;
        let rows = shipments::list_shipments(tx.conn(), mine, order, after, limit).await?;
        let (rows, more) = store::fit(rows, size, store::NESTED_LIMIT, |row| i64::from(row.1));
        let ids: Vec<ShipmentId> = rows.iter().map(|row| row.0.id).collect();
        let mut lines: HashMap<ShipmentId, Vec<ShipmentLine>> = HashMap::new();
        for (shipment, line) in shipments::list_lines(tx.conn(), &ids).await? {
            lines.entry(shipment).or_default().push(line);
        }
        tx.rollback().await?;
        let with_lines =
            |row: &(Shipment, i32)| convert::shipment_to_proto(&row.0, lines.get(&row.0.id).map_or(&[], Vec::as_slice));
        Ok(ListShipmentsResponse {
            shipments: rows.iter().map(with_lines).collect(),
            next_after: ids.last().filter(|_| more).map(ShipmentId::to_string).unwrap_or_default(),
        })
    }
}

fn new_shipment(
    group_id: GroupId,
    order: &ExpectedOrder,
    destination: Destination,
    announcement: &Announcement,
    announced_at: DateTime<Utc>,
    by: &str,
) -> Shipment {
    let state = match destination.route {
        Route::Platform if !announcement.lines.is_empty() => ShipmentState::Announced,
        Route::Platform | Route::Direct => ShipmentState::Received,
    };
    Shipment {
        id: ShipmentId::new(),
        group_id,
        pooled_order_id: order.id,
        supplier_id: order.supplier_id,
        operator_party_id: destination.operator_party_id,
        destination_site_id: destination.site_id,
        route: destination.route,
        despatch_number: announcement.despatch_number.clone(),
        state,
        announced_at,
        announced_by: by.to_owned(),
    }
}

/// Lines with their ids. Nobody counts a direct shipment before its site does: it is recorded as handed over whole.
fn new_lines(shipment: &Shipment, items: &[Item], announcement: &Announcement) -> Vec<ShipmentLine> {
    let articles: HashMap<_, _> = items.iter().map(|item| (item.pooled_line_id, item.article_id)).collect();
    let line = |line: &crate::domain::announce::AnnouncedLine| {
        Some(ShipmentLine {
            id: ShipmentLineId::new(),
            pooled_line_id: line.pooled_line_id,
            article_id: *articles.get(&line.pooled_line_id)?,
            units: line.units,
            batch: line.batch.clone(),
            expires_on: line.expires_on,
            received: match shipment.route {
                Route::Platform => 0,
                Route::Direct => line.units,
            },
            damaged: 0,
        })
    };
    announcement.lines.iter().filter_map(line).collect()
}

/// Writes the items that changed and how they were shared; gives back the cancellations.
async fn save_outcome(
    tx: &mut Tx,
    shipment: &Shipment,
    items: &[Item],
    outcome: &[Announced],
) -> Result<Vec<Sharing>, Failure> {
    let changed: Vec<&Announced> =
        outcome.iter().filter(|announced| announced.shipped > 0 || announced.cancelled.is_some()).collect();
    expected::save_items(
        tx.conn(),
        shipment.pooled_order_id,
        &changed.iter().map(|announced| &items[announced.item]).collect::<Vec<_>>(),
    )
    .await?;
    let mut allocations = Vec::new();
    for announced in &changed {
        let destination = items[announced.item].destination;
        // Goods for one line only are not shared: nothing to compute again.
        let handed_over = announced.handed_over.iter().filter(|sharing| sharing.shares.len() > 1);
        allocations.extend(handed_over.chain(&announced.cancelled).map(|sharing| New::of(destination, sharing)));
    }
    let origin = Origin::of(shipment, shipment.announced_at);
    allocations::insert_allocations(tx.conn(), &origin, &allocations).await?;
    Ok(changed.iter().filter_map(|announced| announced.cancelled.clone()).collect())
}

/// What a direct shipment brings to its site.
fn direct_parcels(items: &[Item], lines: &[ShipmentLine], outcome: &[Announced]) -> Result<Parcels, LogisticsError> {
    let mut goods = Vec::new();
    for announced in outcome {
        let item = &items[announced.item];
        if let Some(sharing) = &announced.handed_over {
            let batches = lines
                .iter()
                .filter(|line| line.pooled_line_id == item.pooled_line_id)
                .map(|line| Batch {
                    shipment_line_id: line.id,
                    batch: line.batch.clone(),
                    expires_on: line.expires_on,
                    units: line.units,
                })
                .collect();
            goods.push(Goods { article_id: item.article_id, sharing, batches });
        }
    }
    parcels(goods)
}
