//! Opening consumption of lots, in and out.

use chrono::NaiveDate;
use kit::{
    Caller, Failure, Role,
    error::RowFault,
    id::{LotId, PartyId},
};
use proto::tendering::v1 as pb;

use super::input::Faults;
use crate::domain::lot_consumption::{Consumption, TypedRow};

/// Rows at once at most.
const MOST_ROWS: usize = 5_000;
/// Longest source, characters.
const LONGEST_SOURCE: usize = 500;

/// The rows of a request as far as each cell alone can tell, and what is wrong with the others.
///
/// # Errors
/// `INVALID_INPUT` when there are none or too many.
pub fn rows_from_proto(request: &pb::EnterLotConsumptionRequest) -> Result<(Vec<TypedRow>, Vec<RowFault>), Failure> {
    let mut faults = Faults::default();
    // Those that the sender could not read count as rows.
    faults.count("rows", request.rows.len() + request.errors.len(), 1, MOST_ROWS);
    faults.finish(Some(()))?;
    let (mut rows, mut wrong) = (Vec::with_capacity(request.rows.len()), Vec::new());
    for input in &request.rows {
        match typed(input) {
            Ok(row) => rows.push(row),
            Err(faults) => wrong.extend(faults),
        }
    }
    Ok((rows, wrong))
}

fn typed(input: &pb::LotConsumptionInput) -> Result<TypedRow, Vec<RowFault>> {
    let mut faults = Vec::new();
    let mut fault = |column, value: &str, problem: &str, remedy: &str| {
        let (value, problem, remedy) = (value.to_owned(), problem.to_owned(), remedy.to_owned());
        faults.push(RowFault { row: input.row, column, value, problem, remedy });
    };
    // The length keeps out what chrono would forgive, such as 2026-1-5.
    let as_of = NaiveDate::parse_from_str(&input.as_of, "%Y-%m-%d").ok().filter(|_| input.as_of.len() == 10);
    if as_of.is_none() {
        fault("as_of", &input.as_of, "Ce n'est pas une date.", "Écrivez 2026-11-15.");
    }
    let source = input.source.trim();
    if !(1..=LONGEST_SOURCE).contains(&source.chars().count()) {
        fault("source", source, "La source manque ou dépasse 500 caractères.", "Dites d'où vient le chiffre.");
    }
    match as_of {
        Some(as_of) if faults.is_empty() => Ok(TypedRow {
            row: input.row,
            agreement: input.agreement.trim().to_owned(),
            lot_number: input.lot_number,
            party: input.party.trim().to_owned(),
            amount_cents: input.amount_cents,
            as_of,
            source: source.to_owned(),
        }),
        Some(_) | None => Err(faults),
    }
}

/// Which rows, and which page of them.
pub struct ListInput {
    /// Only of this lot.
    pub lot: Option<LotId>,
    /// After these.
    pub after: Option<(LotId, PartyId)>,
    /// Rows wanted.
    pub size: usize,
}

/// A list request.
///
/// # Errors
/// `INVALID_INPUT` with every fault.
pub fn list_from_proto(caller: &Caller, request: &pb::ListLotConsumptionRequest) -> Result<ListInput, Failure> {
    let mut faults = Faults::default();
    let lot = if request.lot_id.is_empty() { None } else { faults.id("lot_id", &request.lot_id) };
    let page = request.page.clone().unwrap_or_default();
    let after = page.after.split_once('/').and_then(|(lot, party)| lot.parse().ok().zip(party.parse().ok()));
    if after.is_none() && !page.after.is_empty() {
        faults.add("page.after", "is no key of this list");
    }
    let most = if caller.has(&[Role::Service]) { 5_000 } else { 500 };
    let size = faults.page_size(page.size, most);
    faults.finish(Some(ListInput { lot, after, size }))
}

pub(crate) fn consumption_to_proto(row: &Consumption) -> pb::MemberConsumption {
    pb::MemberConsumption {
        party_id: row.party.to_string(),
        amount_cents: row.amount_cents,
        as_of: row.as_of.to_string(),
        source: row.source.clone(),
    }
}
