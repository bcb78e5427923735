//! A needs file on its way: onto disk while it is hashed, then row by row to demand in chunks. Memory does not grow with
//! the file, no transaction is open while a client sends, and demand takes all rows or none. Reading files is blocking work
//! on threads of its own; one workbook at a time, because of what its strings take of memory.

use std::{fs::File, io, path::Path, sync::Arc, time::Duration};

use axum::body::Body;
use futures::StreamExt as _;
use kit::{Failure, identity::Caller};
use proto::{
    common::v1::RowError,
    demand::v1::{
        ImportHeader, ImportMode, ImportNeedsRequest, ImportNeedsResponse, ImportRows, import_needs_request::Part,
    },
};
use sha2::{Digest as _, Sha256};
use tokio::{io::AsyncWriteExt as _, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    App,
    error::GatewayError,
    idempotency::derived,
    needs_file::{self, Destination, Row},
    sheet::{
        Format, Origin, Schema, SheetFile, corrections,
        spool::{Stored, nameless},
    },
    upstream::{LONG, demand, unreached},
};

/// Rows in one message.
const CHUNK_ROWS: usize = 1_000;
/// Size of a message after which it is sent with fewer rows, in bytes; messages are 1 MiB at most.
const CHUNK_BYTES: usize = 512 * 1024;
/// Messages read ahead.
const AHEAD: usize = 2;
/// Times a file is sent when demand cannot be reached.
const ATTEMPTS: u32 = 3;
/// Pause before it is sent again.
const PAUSE: Duration = Duration::from_secs(1);

/// An upload on disk.
#[derive(Debug)]
pub struct Spool {
    /// The file.
    pub file: Arc<File>,
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// Bytes.
    pub size: usize,
}

impl Spool {
    /// SHA-256 of its content, hex.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Receives a body of at most `limit_bytes`.
    ///
    /// # Errors
    /// `BODY_TOO_LARGE`, `BODY_INCOMPLETE`, or when the disk is full.
    pub async fn receive(body: Body, dir: &Path, limit_bytes: usize) -> Result<Self, Failure> {
        let dir = dir.to_owned();
        let file = blocking(move || nameless(&dir)).await?;
        let mut file = tokio::fs::File::from_std(file);
        let mut hash = Sha256::new();
        let mut size = 0;
        let mut chunks = body.into_data_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| GatewayError::BodyIncomplete)?;
            size += chunk.len();
            if size > limit_bytes {
                return Err(GatewayError::BodyTooLarge { limit_bytes }.into());
            }
            hash.update(&chunk);
            file.write_all(&chunk).await.map_err(Failure::internal)?;
        }
        file.flush().await.map_err(Failure::internal)?;
        Ok(Self { file: Arc::new(file.into_std().await), sha256: hex::encode(hash.finalize()), size })
    }
}

/// What is to be done with a file.
#[derive(Debug, Clone)]
pub struct Order {
    /// The round and the member.
    pub destination: Destination,
    /// How the file is written.
    pub format: Format,
    /// Whether it adds to the member's needs or replaces them.
    pub mode: ImportMode,
    /// The client's name for a replacement, so that sending it again is no other one.
    pub key: String,
}

/// Faults found before demand was asked, or its answer.
#[derive(Debug)]
pub enum Outcome {
    /// The file cannot be read as needs at all.
    Unreadable(Vec<RowError>),
    /// What demand says; faults by technical column.
    Answered {
        /// Its answer.
        answer: ImportNeedsResponse,
        /// Rows that ask for nothing: without a quantity.
        skipped: i64,
        /// The file.
        file: Arc<SheetFile>,
    },
}

/// Sends a file to demand; again, from its start, when demand cannot be reached.
///
/// # Errors
/// What demand refuses, or a disk that cannot be read.
pub async fn import(app: &App, caller: &Caller, order: &Order, spool: &Spool) -> Result<Outcome, Failure> {
    let file = match open(app, spool, order.format, &needs_file::SCHEMA, order.destination.origin()).await? {
        Ok(file) => Arc::new(file),
        Err(faults) => return Ok(Outcome::Unreadable(faults)),
    };
    let header = header(order, &spool.sha256);
    let mut left = ATTEMPTS;
    loop {
        left -= 1;
        match send(app, caller, header.clone(), file.clone()).await {
            Err(Failure::Remote(status)) if unreached(&status) && left > 0 => {
                tracing::warn!(error = status.message(), "sending the file again");
                tokio::time::sleep(PAUSE).await;
            }
            done => return done,
        }
    }
}

/// The file again with its faults, as a workbook.
///
/// # Errors
/// When the disk fails.
pub async fn corrected(
    app: &App,
    file: Arc<SheetFile>,
    errors: Vec<RowError>,
    error_count: i64,
) -> Result<File, Failure> {
    let turn = app.workbooks.clone().acquire_owned().await.map_err(Failure::internal)?;
    let dir = app.spool_dir.clone();
    blocking(move || {
        let _turn = turn;
        corrections::write(&file, &errors, error_count, &dir)
    })
    .await
}

/// Opens a file, a workbook when its turn comes.
///
/// # Errors
/// When the disk fails; within, why its rows cannot be read.
pub async fn open(
    app: &App,
    spool: &Spool,
    format: Format,
    schema: &'static Schema,
    origin: Origin,
) -> Result<Result<SheetFile, Vec<RowError>>, Failure> {
    let stored = Stored::new(spool.file.clone());
    let dir = app.spool_dir.clone();
    let turn = match format {
        Format::Csv => None,
        Format::Workbook => Some(app.workbooks.clone().acquire_owned().await.map_err(Failure::internal)?),
    };
    blocking(move || {
        let _turn = turn;
        SheetFile::open(stored, format, schema, origin, &dir)
    })
    .await
}

/// Runs blocking work on a thread of its own.
///
/// # Errors
/// When the disk fails.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(Failure::internal)?.map_err(Failure::internal)
}

fn header(order: &Order, sha256: &str) -> ImportHeader {
    let Order { destination: Destination { round_id, party_id }, mode, key, .. } = order;
    let mut names = vec!["needs file", sha256, round_id, party_id];
    if *mode == ImportMode::Replace {
        names.extend(["replace", key]);
    }
    ImportHeader {
        request_id: derived(&names),
        round_id: round_id.clone(),
        party_id: party_id.clone(),
        sha256: sha256.to_owned(),
        mode: (*mode).into(),
    }
}

async fn send(app: &App, caller: &Caller, header: ImportHeader, file: Arc<SheetFile>) -> Result<Outcome, Failure> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let request = app.peers.demand.request_within(caller, ReceiverStream::new(receiver), LONG)?;
    let mut client = demand(app.peers.demand.channel());
    let answer = client.import_needs(request);
    tokio::pin!(answer);
    // One sender is kept until all rows are on their way: if reading fails in the middle, the call is dropped, which demand
    // sees as a cancellation, and never as the end of a shorter file.
    let reader = {
        let (file, sender) = (file.clone(), sender.clone());
        blocking(move || forward(&file, header, &sender))
    };
    let (read, early) = {
        tokio::pin!(reader);
        tokio::select! {
            biased;
            read = &mut reader => (read?, None),
            early = &mut answer => {
                let answer = early?.into_inner();
                (reader.await?, Some(answer))
            }
        }
    };
    if read.asked == 0 && early.is_none() && !read.cut_short {
        return Ok(Outcome::Unreadable(vec![needs_file::no_rows()]));
    }
    drop(sender);
    let answer = match early {
        Some(answer) => answer,
        None => answer.await?.into_inner(),
    };
    Ok(Outcome::Answered { answer, skipped: read.skipped, file })
}

/// How many rows were read.
#[derive(Debug, Default)]
struct Read {
    /// That ask for something, faulty ones too.
    asked: i64,
    /// That ask for nothing though something stands in them.
    skipped: i64,
    /// Whether demand answered before it had them all.
    cut_short: bool,
}

/// Sends all rows and counts them. When demand has answered already, the others are only counted.
fn forward(file: &SheetFile, header: ImportHeader, sender: &mpsc::Sender<ImportNeedsRequest>) -> io::Result<Read> {
    let mut read = Read::default();
    let hand_over = |part: Part, read: &mut Read| {
        if !read.cut_short && sender.blocking_send(ImportNeedsRequest { part: Some(part) }).is_err() {
            read.cut_short = true;
        }
    };
    hand_over(Part::Header(header), &mut read);
    let mut chunk = Chunk::default();
    let mut rows = file.rows()?;
    while let Some(row) = rows.next()? {
        let (need, faults) = match needs_file::row(file.layout(), &row) {
            Row::Asked { need, faults } => (need, faults),
            Row::Skipped => {
                read.skipped += i64::from(row.cells.iter().any(|cell| !cell.trim().is_empty()));
                continue;
            }
        };
        read.asked += 1;
        chunk.push(row.number, need, faults);
        if chunk.is_full() {
            hand_over(Part::Rows(std::mem::take(&mut chunk).rows), &mut read);
        }
    }
    if chunk.count > 0 {
        hand_over(Part::Rows(chunk.rows), &mut read);
    }
    Ok(read)
}

/// Rows gathered for one message.
#[derive(Default)]
struct Chunk {
    rows: ImportRows,
    count: usize,
    bytes: usize,
}

impl Chunk {
    fn push(&mut self, number: i64, need: Option<proto::demand::v1::NeedInput>, faults: Vec<RowError>) {
        self.count += 1;
        for fault in faults {
            self.bytes += 64 + fault.column.len() + fault.value.len() + fault.problem.len() + fault.remedy.len();
            self.rows.errors.push(fault);
        }
        match need {
            Some(need) => {
                if self.rows.needs.is_empty() {
                    self.rows.first_row = number;
                }
                self.bytes +=
                    64 + need.site.len() + need.article.len() + need.packaging_code.len() + need.reference.len();
                self.rows.needs.push(need);
                // Always given: blank and faulty lines leave gaps.
                self.rows.row_numbers.push(number);
            }
            None => self.rows.faulty_rows += 1,
        }
    }

    const fn is_full(&self) -> bool {
        self.count >= CHUNK_ROWS || self.bytes >= CHUNK_BYTES
    }
}

#[cfg(test)]
mod tests;
