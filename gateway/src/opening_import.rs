//! Opening rows on their way to demand in chunks, from a file or a JSON list. Demand takes all rows or none.

use std::{io, sync::Arc};

use kit::{Failure, identity::Caller};
use proto::{
    common::v1::RowError,
    demand::v1::{
        LoadOpeningRequest, LoadOpeningResponse, OpeningHeader, OpeningKind, OpeningRows, load_opening_request::Part,
    },
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    App,
    import::blocking,
    opening_file::{self, Defaults},
    sheet::SheetFile,
    upstream::{LONG, opening},
};

/// Rows in one message.
const CHUNK_ROWS: usize = 1_000;
/// Messages read ahead.
const AHEAD: usize = 2;

/// Where rows come from.
#[derive(Debug, Clone)]
pub enum Rows {
    /// A list, at most 5,000.
    List(OpeningRows),
    /// A file, with what its rows leave out.
    File(Arc<SheetFile>, Defaults),
}

/// Sends rows; the number of those read comes with demand's answer.
///
/// # Errors
/// What demand refuses, or a disk that cannot be read.
pub async fn load(
    app: &App,
    caller: &Caller,
    header: OpeningHeader,
    rows: Rows,
) -> Result<(LoadOpeningResponse, usize), Failure> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let request = app.peers.demand.request_within(caller, ReceiverStream::new(receiver), LONG)?;
    let mut client = opening(app.peers.demand.channel());
    let answer = client.load_opening(request);
    tokio::pin!(answer);
    // One sender is kept until all rows are on their way: if reading fails in the middle, the call is dropped, which demand
    // sees as a cancellation, and never as the end of a shorter file.
    let reader = {
        let sender = sender.clone();
        blocking(move || forward(header, rows, &sender))
    };
    tokio::pin!(reader);
    let (count, early) = tokio::select! {
        biased;
        count = &mut reader => (count?, None),
        early = &mut answer => {
            let early = early?.into_inner();
            (reader.await?, Some(early))
        }
    };
    drop(sender);
    let answer = match early {
        Some(answer) => answer,
        None => answer.await?.into_inner(),
    };
    Ok((answer, count))
}

/// Sends all rows and counts them. When demand has answered already, the others are only counted.
fn forward(header: OpeningHeader, rows: Rows, sender: &mpsc::Sender<LoadOpeningRequest>) -> io::Result<usize> {
    let kind = header.kind();
    let hand_over = |part: Part| drop(sender.blocking_send(LoadOpeningRequest { part: Some(part) }));
    hand_over(Part::Header(header));
    let mut count = 0;
    match rows {
        Rows::List(list) => {
            let (mut codes, mut consumption) = (list.codes.into_iter(), list.consumption.into_iter());
            let mut orders = list.orders.into_iter();
            loop {
                let rows = OpeningRows {
                    codes: codes.by_ref().take(CHUNK_ROWS).collect(),
                    consumption: consumption.by_ref().take(CHUNK_ROWS).collect(),
                    orders: orders.by_ref().take(CHUNK_ROWS).collect(),
                    errors: Vec::new(),
                };
                let size = rows.codes.len() + rows.consumption.len() + rows.orders.len();
                if size == 0 {
                    break;
                }
                count += size;
                hand_over(Part::Rows(rows));
            }
        }
        Rows::File(file, defaults) => {
            let mut chunk = OpeningRows::default();
            let mut size = 0;
            let mut rows = file.rows()?;
            while let Some(row) = rows.next()? {
                let read = match kind {
                    OpeningKind::Codes => opening_file::code(file.layout(), &row, &defaults)
                        .map(|read| keep(read, &mut chunk.codes, &mut chunk.errors)),
                    OpeningKind::OpenOrders => opening_file::order(file.layout(), &row, &defaults)
                        .map(|read| keep(read, &mut chunk.orders, &mut chunk.errors)),
                    OpeningKind::Consumption | OpeningKind::Unspecified => {
                        opening_file::consumption(file.layout(), &row, &defaults)
                            .map(|read| keep(read, &mut chunk.consumption, &mut chunk.errors))
                    }
                };
                size += usize::from(read.is_some());
                if size == CHUNK_ROWS {
                    count += std::mem::take(&mut size);
                    hand_over(Part::Rows(std::mem::take(&mut chunk)));
                }
            }
            if size > 0 {
                count += size;
                hand_over(Part::Rows(chunk));
            }
        }
    }
    Ok(count)
}

/// Keeps a row read or its faults.
pub fn keep<T>(read: Result<T, Vec<RowError>>, rows: &mut Vec<T>, errors: &mut Vec<RowError>) {
    match read {
        Ok(row) => rows.push(row),
        Err(faults) => errors.extend(faults),
    }
}
