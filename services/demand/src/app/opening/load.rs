//! Taking over opening rows that were read whole: one transaction, one event per chunk.

use kit::{
    Caller, Failure,
    command::{Claim, Command},
    id::{ConsumptionId, GroupId},
};
use proto::demand::v1::{ConsumptionLoaded, LoadOpeningResponse, MemberCodesLoaded, OpeningKind, ReferencePricesSet};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    Faults, Header, Load,
    orders::{new_orders, write_orders},
};
use crate::{
    app::App,
    domain::{
        opening::{NewCode, NewConsumption, clash, codes_digest, consumption_digest},
        opening_orders::NewOrder,
    },
    store::opening::{self as store, CHUNK},
};

const METHOD: &str = "centrale.demand.v1.OpeningService/LoadOpening";

impl Header {
    /// Stands for the body of the request.
    fn hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.sha256);
        hash.update(self.kind.as_str_name());
        hash.update([u8::from(self.dry_run)]);
        hash.finalize().into()
    }
}

impl App {
    /// The answer that the same load had before, if it was taken.
    pub(super) async fn find_opening_reply(
        &self,
        caller: &Caller,
        header: &Header,
    ) -> Result<Option<LoadOpeningResponse>, Failure> {
        match self.db.command_hashed(caller, METHOD, header.request_id, &header.hash()).await? {
            Claim::Replayed(reply) => Ok(Some(again(reply))),
            Claim::Fresh(command) => {
                command.abandon().await?;
                Ok(None)
            }
        }
    }

    /// Takes over rows without faults; a dry run stops before it writes.
    pub(super) async fn take_opening(
        &self,
        caller: &Caller,
        header: &Header,
        load: Load,
    ) -> Result<LoadOpeningResponse, Failure> {
        let group = caller.group()?;
        let mut command = match self.db.command_hashed(caller, METHOD, header.request_id, &header.hash()).await? {
            Claim::Replayed(reply) => return Ok(again(reply)),
            Claim::Fresh(command) => command,
        };
        store::lock(command.conn(), group).await?;
        let mut faults = Faults::default();
        let (codes, old_codes) = new_codes(&mut command, group, load.codes, &mut faults).await?;
        let (consumption, old_rows) = new_consumption(&mut command, group, load.consumption, &mut faults).await?;
        let (orders, old_lines) = new_orders(&mut command, group, load.orders, &mut faults).await?;
        if faults.count > 0 {
            command.abandon().await?;
            return Ok(faults.answer());
        }
        let lines = orders.values().map(|order| order.lines.len()).sum::<usize>();
        let consumed = sums(&consumption)?;
        let mut reply = LoadOpeningResponse {
            added: i64::try_from(codes.len() + consumption.len() + lines).map_err(Failure::internal)?,
            unchanged: old_codes + old_rows + old_lines,
            units: consumed.units + orders.values().map(NewOrder::ordered).sum::<i64>(),
            amount_cents: consumed.amount_cents + orders.values().map(NewOrder::amount_cents).sum::<i64>(),
            ..LoadOpeningResponse::default()
        };
        if header.dry_run {
            command.abandon().await?;
            return Ok(reply);
        }
        match header.kind {
            OpeningKind::Codes => write_codes(&mut command, group, codes).await?,
            OpeningKind::OpenOrders => write_orders(&mut command, caller, &orders).await?,
            OpeningKind::Consumption | OpeningKind::Unspecified => {
                reply.reference_prices = write_consumption(&mut command, group, &consumption).await?;
            }
        }
        command.finish(reply).await
    }
}

/// What a load done before answers: it adds nothing now.
fn again(reply: LoadOpeningResponse) -> LoadOpeningResponse {
    LoadOpeningResponse { unchanged: reply.unchanged + reply.added, ..LoadOpeningResponse::default() }
}

/// Codes that are not there yet, and how many are there already, the same.
async fn new_codes(
    command: &mut Command,
    group: GroupId,
    codes: Vec<NewCode>,
    faults: &mut Faults,
) -> Result<(Vec<NewCode>, i64), Failure> {
    let (mut new, mut unchanged) = (Vec::new(), 0);
    for chunk in codes.chunks(CHUNK) {
        let present = store::present_codes(command.conn(), group, chunk).await?;
        for code in chunk {
            match present.get(&(code.party, code.code.clone())) {
                None => new.push(code.clone()),
                Some(article) if *article == code.article => unchanged += 1,
                Some(article) => faults.add(vec![clash(code.row, "code", code.code.clone(), &article.to_string())]),
            }
        }
    }
    Ok((new, unchanged))
}

/// Consumption that is not there yet, and how many rows are there already, the same.
async fn new_consumption(
    command: &mut Command,
    group: GroupId,
    rows: Vec<NewConsumption>,
    faults: &mut Faults,
) -> Result<(Vec<NewConsumption>, i64), Failure> {
    let (mut new, mut unchanged) = (Vec::new(), 0);
    for chunk in rows.chunks(CHUNK) {
        let present = store::present_consumption(command.conn(), group, chunk).await?;
        for (place, row) in chunk.iter().enumerate() {
            match present.get(&place) {
                None => new.push(row.clone()),
                Some(&(units, cents)) if units == row.units && cents == row.amount_cents => unchanged += 1,
                Some((units, cents)) => {
                    let there = match cents {
                        Some(cents) => format!("{units} unités, {}", kit::french::euros(*cents)),
                        None => format!("{units} unités"),
                    };
                    faults.add(vec![clash(row.row, "units", row.units.to_string(), &there)]);
                }
            }
        }
    }
    Ok((new, unchanged))
}

fn sums(rows: &[NewConsumption]) -> Result<LoadOpeningResponse, Failure> {
    let add = |sum: Option<i64>, figure: i64| sum.and_then(|sum| sum.checked_add(figure));
    let units = rows.iter().map(|row| row.units).fold(Some(0), add);
    let cents = rows.iter().map(|row| row.amount_cents.unwrap_or(0)).fold(Some(0), add);
    match units.zip(cents) {
        Some((units, amount_cents)) => {
            Ok(LoadOpeningResponse { units, amount_cents, ..LoadOpeningResponse::default() })
        }
        None => Err(Failure::internal("sums of a load exceed 64 bits")),
    }
}

async fn write_codes(command: &mut Command, group: GroupId, mut codes: Vec<NewCode>) -> Result<(), Failure> {
    codes.sort_by(|one, other| (one.party, &one.code).cmp(&(other.party, &other.code)));
    for chunk in codes.chunks(CHUNK) {
        let event = Uuid::now_v7();
        store::insert_codes(command.conn(), group, event, chunk).await?;
        let digest = codes_digest(chunk.iter().map(|row| (row.party, row.article, row.code.as_str())));
        let loaded = MemberCodesLoaded {
            count: i64::try_from(chunk.len()).map_err(Failure::internal)?,
            sha256: digest.to_vec().into(),
        };
        command.append_as(event, group.uuid(), "demand.member_codes_loaded.v1", &loaded).await?;
    }
    Ok(())
}

/// Writes consumption, and the reference prices that follow from it where none was stated; answers how many of those.
async fn write_consumption(command: &mut Command, group: GroupId, rows: &[NewConsumption]) -> Result<i64, Failure> {
    let mut events = Vec::new();
    for chunk in rows.chunks(CHUNK) {
        let event = Uuid::now_v7();
        let ids: Vec<ConsumptionId> = chunk.iter().map(|_| ConsumptionId::new()).collect();
        store::insert_consumption(command.conn(), group, event, &ids, chunk).await?;
        let LoadOpeningResponse { units, amount_cents, .. } = sums(chunk)?;
        let loaded = ConsumptionLoaded {
            count: i64::try_from(chunk.len()).map_err(Failure::internal)?,
            units,
            amount_cents,
            sha256: consumption_digest(ids.iter().copied().zip(chunk)).to_vec().into(),
        };
        command.append_as(event, group.uuid(), "demand.consumption_loaded.v1", &loaded).await?;
        events.push(event);
    }
    let count = store::add_reference_prices(command.conn(), group, &events).await?;
    if count > 0 {
        command.append(group.uuid(), "demand.reference_prices_set.v1", &ReferencePricesSet { count }).await?;
    }
    Ok(count)
}
