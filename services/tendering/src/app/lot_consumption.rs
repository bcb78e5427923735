//! Entering and reading what members had consumed of lots before they were entered here.

use std::collections::HashMap;

use kit::{Caller, Failure, Role, command::Claim, error::RowFault, id::PartyId};
use proto::{common::v1::RowError, tendering::v1 as pb};

use super::{App, limited_to, require_reader};
use crate::{
    convert,
    domain::lot_consumption::{Consumption, Entry, TypedRow, judge},
    store,
};

const METHOD: &str = "centrale.tendering.v1.TenderingService/EnterLotConsumption";

impl App {
    /// Enters opening consumption by member, all rows or none; a dry run only says what would happen. Role: purchasing officer.
    ///
    /// # Errors
    /// Faulty input, and what membership answers; faults of rows are in the answer.
    pub async fn enter_lot_consumption(
        &self,
        caller: &Caller,
        request: pb::EnterLotConsumptionRequest,
    ) -> Result<pb::EnterLotConsumptionResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let (rows, wrong) = convert::lot_consumption_from_proto(&request)?;
        let mut refs: Vec<String> = rows.iter().map(|row| row.party.clone()).filter(|text| !text.is_empty()).collect();
        refs.sort_unstable();
        refs.dedup();
        let parties = self.membership.parties_by_ref(caller.group()?, &refs).await?;
        self.enter_lot_consumption_knowing(caller, &request, &rows, wrong, &parties).await
    }

    /// The part of [`App::enter_lot_consumption`] behind membership's answer.
    ///
    /// # Errors
    /// As every command.
    pub async fn enter_lot_consumption_knowing(
        &self,
        caller: &Caller,
        request: &pb::EnterLotConsumptionRequest,
        rows: &[TypedRow],
        wrong: Vec<RowFault>,
        parties: &HashMap<String, PartyId>,
    ) -> Result<pb::EnterLotConsumptionResponse, Failure> {
        let group = caller.group()?;
        let mut command = match self.db.command(caller, METHOD, &request.request_id, request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let mut agreements: Vec<String> = rows.iter().map(|row| row.agreement.clone()).collect();
        agreements.sort_unstable();
        agreements.dedup();
        let lots = store::lot_consumption::lock_lots(command.conn(), group, &agreements).await?;
        let today = command.today().await?;
        let unread = wrong.into_iter().map(RowError::from).chain(request.errors.iter().cloned());
        let (entry, errors) = match judge(rows, today, &lots, parties) {
            Ok(entry) => (entry, unread.collect::<Vec<_>>()),
            Err(faults) => (Entry::default(), unread.chain(faults.into_iter().map(RowError::from)).collect()),
        };
        let all = || entry.new.values().flatten();
        let reply = pb::EnterLotConsumptionResponse {
            added: i64::try_from(all().count()).map_err(Failure::internal)?,
            unchanged: entry.unchanged,
            amount_cents: all().map(|row| row.amount_cents).sum(),
            errors: Vec::new(),
        };
        if request.dry_run || !errors.is_empty() {
            command.abandon().await?;
            let mut errors = errors;
            errors.sort_by_key(|error| error.row);
            return Ok(if errors.is_empty() {
                reply
            } else {
                pb::EnterLotConsumptionResponse { errors, ..pb::EnterLotConsumptionResponse::default() }
            });
        }
        for (lot, rows) in &entry.new {
            store::lot_consumption::insert(command.conn(), group, *lot, rows).await?;
            let event =
                pb::LotConsumptionEntered { lot_id: lot.to_string(), members: rows.iter().map(entered).collect() };
            command.append(lot.uuid(), "tendering.lot_consumption_entered.v1", &event).await?;
        }
        command.finish(reply).await
    }

    /// Opening consumption by member: of the group, or for people limited to a member its own.
    ///
    /// # Errors
    /// Faulty input.
    pub async fn list_lot_consumption(
        &self,
        caller: &Caller,
        request: pb::ListLotConsumptionRequest,
    ) -> Result<pb::ListLotConsumptionResponse, Failure> {
        require_reader(caller)?;
        let input = convert::lot_consumption_list_from_proto(caller, &request)?;
        let own = limited_to(caller)?;
        let limit = i64::try_from(input.size).map_err(Failure::internal)? + 1;
        let mut tx = self.db.begin(caller).await?;
        let mut rows = store::lot_consumption::list(tx.conn(), input.lot, own, input.after, limit).await?;
        tx.rollback().await?;
        let more = rows.len() > input.size;
        rows.truncate(input.size);
        let last = rows.last().filter(|_| more).map(|row| format!("{}/{}", row.lot_id, row.party_id));
        let listed = |row: store::lot_consumption::Listed| pb::LotConsumption {
            lot_id: row.lot_id.to_string(),
            agreement_id: row.agreement_id.to_string(),
            lot_number: row.number,
            consumption: Some(convert::consumption_to_proto(&Consumption {
                party: row.party_id,
                amount_cents: row.amount_cents,
                as_of: row.as_of,
                source: row.source,
            })),
        };
        Ok(pb::ListLotConsumptionResponse {
            rows: rows.into_iter().map(listed).collect(),
            next_after: last.unwrap_or_default(),
        })
    }
}

fn entered(row: &Consumption) -> pb::EnteredConsumption {
    pb::EnteredConsumption { party_id: row.party.to_string(), amount_cents: row.amount_cents }
}
