//! Deliveries to sites.

use std::collections::BTreeMap;

use kit::{
    command::Claim,
    db::Tx,
    error::{CommonError, Failure},
    id::{DeliveryId, OrderLineId},
    identity::{Caller, Role},
};
use proto::logistics::v1::{
    CertifyDeliveryRequest, CertifyDeliveryResponse, DeliveryCertified, DispatchDeliveryRequest,
    DispatchDeliveryResponse, GetDeliveryRequest, GetDeliveryResponse, LineUnits, ListDeliveriesRequest,
    ListDeliveriesResponse, ProveDeliveryRequest, ProveDeliveryResponse,
};

use super::{App, EVENT_CHUNK, line_units, parcels::append_delivery};
use crate::{
    convert::{self, Faults},
    domain::{
        LogisticsError, Route,
        delivery::{Delivery, DeliveryLine, Step, certify},
    },
    store::{self, deliveries, expected},
};

impl App {
    /// A page of deliveries without their lines.
    ///
    /// # Errors
    /// `INVALID_INPUT`.
    pub async fn list_deliveries(
        &self,
        caller: &Caller,
        request: ListDeliveriesRequest,
    ) -> Result<ListDeliveriesResponse, Failure> {
        let mine = Self::mine(caller)?;
        let mut faults = Faults::default();
        let state = convert::delivery_state(&mut faults, request.state);
        let size = convert::page_size(&mut faults, caller, request.page.as_ref());
        let after = faults.optional_id("page.after", convert::after(request.page.as_ref()));
        faults.finish(Some(()))?;
        let mut tx = self.db.begin(caller).await?;
        let limit = i64::try_from(size).map_err(Failure::internal)? + 1;
        let rows = deliveries::list_deliveries(tx.conn(), mine, state, after, limit).await?;
        tx.rollback().await?;
        let (rows, more) = store::fit(rows, size, i64::MAX, |_| 1);
        Ok(ListDeliveriesResponse {
            deliveries: rows.iter().map(|delivery| convert::delivery_to_proto(delivery, &[])).collect(),
            next_after: rows.last().filter(|_| more).map(|last| last.id.to_string()).unwrap_or_default(),
        })
    }

    /// One delivery with its lines.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn get_delivery(
        &self,
        caller: &Caller,
        request: GetDeliveryRequest,
    ) -> Result<GetDeliveryResponse, Failure> {
        let mine = Self::mine(caller)?;
        let id: DeliveryId = convert::one_id("delivery_id", &request.delivery_id)?;
        let mut tx = self.db.begin(caller).await?;
        let delivery =
            deliveries::find_delivery(tx.conn(), mine, id).await?.ok_or_else(|| Failure::not_found("delivery", id))?;
        let lines = deliveries::list_lines(tx.conn(), id).await?;
        tx.rollback().await?;
        Ok(GetDeliveryResponse { delivery: Some(convert::delivery_to_proto(&delivery, &lines)) })
    }

    /// Sends a delivery off.
    ///
    /// # Errors
    /// `NOT_FOUND` for another platform's; `DELIVERY_WRONG_STATE`.
    pub async fn dispatch_delivery(
        &self,
        caller: &Caller,
        request: DispatchDeliveryRequest,
    ) -> Result<DispatchDeliveryResponse, Failure> {
        caller.require(&[Role::PlatformOperator])?;
        caller.group()?;
        let operator = caller.party()?;
        let id: DeliveryId = convert::one_id("delivery_id", &request.delivery_id)?;
        let method = "centrale.logistics.v1.LogisticsService/DispatchDelivery";
        let mut command =
            match self.db.command::<DispatchDeliveryResponse>(caller, method, &request.request_id, &request).await? {
                Claim::Replayed(reply) => return Ok(reply),
                Claim::Fresh(command) => command,
            };
        let delivery = deliveries::lock_delivery(command.conn(), id).await?;
        let delivery = delivery
            .filter(|delivery| delivery.operator_party_id == Some(operator))
            .ok_or_else(|| Failure::not_found("delivery", id))?;
        let delivery = take(&mut command, caller, delivery, Step::Dispatch).await?;
        let lines = deliveries::list_lines(command.conn(), id).await?;
        append_delivery(&mut command, "logistics.delivery_dispatched.v1", &delivery).await?;
        command.finish(DispatchDeliveryResponse { delivery: Some(convert::delivery_to_proto(&delivery, &lines)) }).await
    }

    /// Records the proof of delivery. An officer may enter it for a direct delivery of a supplier without an account, as it may announce the
    /// shipment; it never certifies receipt.
    ///
    /// # Errors
    /// `NOT_FOUND` for another's; `DELIVERY_WRONG_STATE`; `INVALID_INPUT`, also for a time in the future.
    pub async fn prove_delivery(
        &self,
        caller: &Caller,
        request: ProveDeliveryRequest,
    ) -> Result<ProveDeliveryResponse, Failure> {
        caller.require(&[Role::PlatformOperator, Role::Supplier, Role::PurchasingOfficer])?;
        caller.group()?;
        let (id, proof) = convert::proof(&request)?;
        let method = "centrale.logistics.v1.LogisticsService/ProveDelivery";
        let mut command =
            match self.db.command::<ProveDeliveryResponse>(caller, method, &request.request_id, &request).await? {
                Claim::Replayed(reply) => return Ok(reply),
                Claim::Fresh(command) => command,
            };
        let delivery = deliveries::lock_delivery(command.conn(), id).await?;
        let delivery = delivery.ok_or_else(|| Failure::not_found("delivery", id))?;
        require_carrier(caller, &delivery)?;
        if proof.handed_over_at > command.now().await? {
            return Err(Failure::invalid_field("proof.handed_over_at", "is in the future"));
        }
        let delivery = take(&mut command, caller, delivery, Step::Prove(proof)).await?;
        let lines = deliveries::list_lines(command.conn(), id).await?;
        append_delivery(&mut command, "logistics.delivery_proven.v1", &delivery).await?;
        command.finish(ProveDeliveryResponse { delivery: Some(convert::delivery_to_proto(&delivery, &lines)) }).await
    }

    /// Certifies receipt line by line (service fait). What is refused is open again with the supplier.
    ///
    /// # Errors
    /// `SEPARATION_OF_DUTIES` for who orders too; `NOT_FOUND` for another member's; `VERSION_CHANGED`; `DELIVERY_WRONG_STATE`; `INVALID_INPUT`.
    pub async fn certify_delivery(
        &self,
        caller: &Caller,
        request: CertifyDeliveryRequest,
    ) -> Result<CertifyDeliveryResponse, Failure> {
        caller.require(&[Role::MemberReceiver])?;
        caller.group()?;
        refuse_who_orders(caller)?;
        let member = caller.party()?;
        let (id, decided) = convert::certification(&request)?;
        let method = "centrale.logistics.v1.LogisticsService/CertifyDelivery";
        let mut command =
            match self.db.command::<CertifyDeliveryResponse>(caller, method, &request.request_id, &request).await? {
                Claim::Replayed(reply) => return Ok(reply),
                Claim::Fresh(command) => command,
            };
        let not_found = || Failure::not_found("delivery", id);
        // Which order to lock; read again once it is locked.
        let found = deliveries::find_delivery(command.conn(), None, id).await?;
        let found = found.filter(|delivery| delivery.party_id == member).ok_or_else(not_found)?;
        expected::lock_order(command.conn(), found.pooled_order_id).await?;
        let delivery = deliveries::lock_delivery(command.conn(), id).await?.ok_or_else(not_found)?;
        if request.expected_version != 0 && request.expected_version != delivery.version {
            let (seen, now) = (request.expected_version, delivery.version);
            return Err(CommonError::VersionChanged { what: "delivery", id: id.to_string(), seen, now }.into());
        }
        let delivery = take(&mut command, caller, delivery, Step::Certify).await?;
        let mut lines = deliveries::list_lines(command.conn(), id).await?;
        certify(&mut lines, &decided)?;
        deliveries::save_certified(command.conn(), &lines).await?;
        let accepted = book(&mut command, &lines).await?;
        append_certified(&mut command, &delivery, &lines, accepted).await?;
        command.finish(CertifyDeliveryResponse { delivery: Some(convert::delivery_to_proto(&delivery, &lines)) }).await
    }
}

/// The proof comes from who carried the goods: the platform's operator, or for a direct delivery the supplier, for which an
/// officer may stand in.
fn require_carrier(caller: &Caller, delivery: &Delivery) -> Result<(), Failure> {
    let acts_for = |party| caller.acts_for.is_some() && caller.acts_for == party;
    let carries = match delivery.route {
        Route::Platform => caller.has(&[Role::PlatformOperator]) && acts_for(delivery.operator_party_id),
        Route::Direct => {
            caller.has(&[Role::PurchasingOfficer])
                || (caller.has(&[Role::Supplier]) && acts_for(delivery.direct_supplier_id))
        }
    };
    if carries {
        return Ok(());
    }
    // An officer sees the group's deliveries, so it is told what is wrong; to others the delivery does not exist.
    if caller.has(&[Role::PurchasingOfficer]) {
        caller.require(&[Role::PlatformOperator])?;
    }
    Err(Failure::not_found("delivery", delivery.id))
}

fn refuse_who_orders(caller: &Caller) -> Result<(), LogisticsError> {
    let ordering = [Role::MemberRequester, Role::PurchasingOfficer].into_iter().find(|role| caller.has(&[*role]));
    match ordering {
        Some(role) => Err(LogisticsError::SeparationOfDuties { role: role.name() }),
        None => Ok(()),
    }
}

/// Takes a step and stores the state after it.
async fn take(tx: &mut Tx, caller: &Caller, delivery: Delivery, step: Step) -> Result<Delivery, Failure> {
    let at = tx.now().await?;
    let state = delivery.state.apply(delivery.id, step)?;
    let delivery = Delivery { state, version: delivery.version + 1, ..delivery };
    deliveries::save_state(tx.conn(), &delivery, at, &caller.subject).await?;
    Ok(delivery)
}

/// Books what was accepted and refused on the order lines; what was accepted of each.
async fn book(tx: &mut Tx, lines: &[DeliveryLine]) -> Result<Vec<LineUnits>, Failure> {
    let mut sums: BTreeMap<OrderLineId, (i64, i64)> = BTreeMap::new();
    for line in lines {
        let sum = sums.entry(line.order_line_id).or_default();
        *sum = (sum.0 + line.accepted, sum.1 + line.refused);
    }
    let ids: Vec<OrderLineId> = sums.keys().copied().collect();
    let mut booked = expected::load_lines(tx.conn(), &ids).await?;
    for line in &mut booked {
        let (accepted, refused) = sums.get(&line.id).copied().unwrap_or_default();
        line.certify(accepted, refused)?;
    }
    expected::save_lines(tx.conn(), &booked.iter().collect::<Vec<_>>()).await?;
    Ok(sums.into_iter().filter(|(_, sum)| sum.0 > 0).map(|(id, sum)| line_units((id, sum.0))).collect())
}

/// Tells demand what was accepted, at most 5,000 order lines in one event; what was refused is in the first.
async fn append_certified(
    tx: &mut Tx,
    delivery: &Delivery,
    lines: &[DeliveryLine],
    accepted: Vec<LineUnits>,
) -> Result<(), Failure> {
    let mut units_refused = lines.iter().map(|line| line.refused).sum();
    let mut chunks = accepted.chunks(EVENT_CHUNK);
    let mut chunk = chunks.next().unwrap_or_default();
    loop {
        let event = DeliveryCertified {
            delivery_id: delivery.id.to_string(),
            pooled_order_id: delivery.pooled_order_id.to_string(),
            accepted: chunk.to_vec(),
            units_refused,
        };
        tx.append(delivery.id.uuid(), "logistics.delivery_certified.v1", &event).await?;
        units_refused = 0;
        match chunks.next() {
            Some(next) => chunk = next,
            None => return Ok(()),
        }
    }
}
