//! A needs file on its way: onto disk while it is hashed, then line by line to demand in chunks. Memory does not grow with
//! the file, no transaction is open while a client sends, and demand takes all rows or none.

use std::{path::Path, time::Duration};

use axum::body::Body;
use futures::StreamExt as _;
use kit::{Failure, identity::Caller};
use proto::{
    common::v1::RowError,
    demand::v1::{ImportHeader, ImportNeedsRequest, ImportNeedsResponse, ImportRows, import_needs_request::Part},
};
use sha2::{Digest as _, Sha256};
use tokio::{
    fs::File,
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _, BufReader},
    sync::mpsc,
};
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    App,
    body::FILE_LIMIT,
    error::GatewayError,
    idempotency::derived,
    needs_file::{self, LONGEST_LINE, Layout},
    upstream::{demand, unreached},
};

/// Rows in one message.
const CHUNK_ROWS: usize = 1_000;
/// Size of a message after which it is sent with fewer rows, in bytes; messages are 1 MiB at most.
const CHUNK_BYTES: usize = 512 * 1024;
/// Messages read ahead.
const AHEAD: usize = 2;
/// Longest an import may take.
pub const IMPORT_DEADLINE: Duration = Duration::from_secs(600);
/// Times a file is sent when demand cannot be reached.
const ATTEMPTS: u32 = 3;
/// Pause before it is sent again.
const PAUSE: Duration = Duration::from_secs(1);

/// An upload on disk. The file has no name any more: whatever ends this process, it leaves nothing behind.
#[derive(Debug)]
pub struct Spool {
    file: File,
    sha256: String,
}

impl Spool {
    /// Receives a body.
    ///
    /// # Errors
    /// `BODY_TOO_LARGE`, `BODY_INCOMPLETE`, or when the disk is full.
    pub async fn receive(body: Body, dir: &Path) -> Result<Self, Failure> {
        let path = dir.join(format!("centrale-{}.upload", uuid::Uuid::now_v7().simple()));
        let mut options = tokio::fs::OpenOptions::new();
        let mut file =
            options.read(true).write(true).create_new(true).mode(0o600).open(&path).await.map_err(Failure::internal)?;
        tokio::fs::remove_file(&path).await.map_err(Failure::internal)?;
        let mut hash = Sha256::new();
        let mut size = 0;
        let mut chunks = body.into_data_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| GatewayError::BodyIncomplete)?;
            size += chunk.len();
            if size > FILE_LIMIT {
                return Err(GatewayError::BodyTooLarge { limit_bytes: FILE_LIMIT }.into());
            }
            hash.update(&chunk);
            file.write_all(&chunk).await.map_err(Failure::internal)?;
        }
        file.flush().await.map_err(Failure::internal)?;
        Ok(Self { file, sha256: hex::encode(hash.finalize()) })
    }
}

/// What the file is for.
#[derive(Debug, Clone)]
pub struct Destination {
    /// `rnd_…`.
    pub round_id: String,
    /// `pty_…` of the member.
    pub party_id: String,
}

/// Faults found before demand was asked, or its answer.
#[derive(Debug)]
pub enum Outcome {
    /// The file cannot be read as needs at all.
    Unreadable(Vec<RowError>),
    /// What demand says.
    Answered(ImportNeedsResponse),
}

/// Sends a file to demand; again, from its start, when demand cannot be reached.
///
/// # Errors
/// What demand refuses, or a disk that cannot be read.
pub async fn import(
    app: &App,
    caller: &Caller,
    destination: &Destination,
    spool: &mut Spool,
) -> Result<Outcome, Failure> {
    let mut left = ATTEMPTS;
    loop {
        left -= 1;
        match send(app, caller, destination, spool).await {
            Err(Failure::Remote(status)) if unreached(&status) && left > 0 => {
                tracing::warn!(error = status.message(), "sending the file again");
                tokio::time::sleep(PAUSE).await;
            }
            done => return done,
        }
    }
}

async fn send(app: &App, caller: &Caller, destination: &Destination, spool: &mut Spool) -> Result<Outcome, Failure> {
    spool.file.rewind().await.map_err(Failure::internal)?;
    let mut lines = Lines::new(&mut spool.file);
    let first = lines.next().await.map_err(Failure::internal)?.unwrap_or_default();
    let layout = match needs_file::layout(&first.bytes) {
        Ok(layout) => layout,
        Err(faults) => return Ok(Outcome::Unreadable(faults)),
    };
    let (sender, receiver) = mpsc::channel(AHEAD);
    let request = app.peers.demand.request_within(caller, ReceiverStream::new(receiver), IMPORT_DEADLINE)?;
    let mut client = demand(app.peers.demand.channel());
    let answer = client.import_needs(request);
    tokio::pin!(answer);
    let header = ImportHeader {
        request_id: derived(&["needs file", &spool.sha256, &destination.round_id, &destination.party_id]),
        round_id: destination.round_id.clone(),
        party_id: destination.party_id.clone(),
        sha256: spool.sha256.clone(),
    };
    // The sender lives until all rows are on their way: if reading fails in the middle, the call is dropped, which demand
    // sees as a cancellation, and never as the end of a shorter file.
    let read = {
        let reading = forward(&mut lines, &layout, header, &sender);
        tokio::pin!(reading);
        tokio::select! {
            biased;
            read = &mut reading => read?,
            early = &mut answer => return Ok(Outcome::Answered(early?.into_inner())),
        }
    };
    if read == 0 {
        return Ok(Outcome::Unreadable(vec![needs_file::no_rows()]));
    }
    drop(sender);
    Ok(Outcome::Answered(answer.await?.into_inner()))
}

/// Sends all rows and counts them.
async fn forward(
    lines: &mut Lines<'_>,
    layout: &Layout,
    header: ImportHeader,
    sender: &mpsc::Sender<ImportNeedsRequest>,
) -> Result<i64, Failure> {
    let hand_over = async |part: Part| {
        // Demand has answered already when nobody takes it: the other branch has the answer.
        if sender.send(ImportNeedsRequest { part: Some(part) }).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    hand_over(Part::Header(header)).await;
    let mut number = 0;
    let mut rows = 0;
    let mut chunk = Chunk::default();
    while let Some(line) = lines.next().await.map_err(Failure::internal)? {
        number += 1;
        let row = if line.too_long {
            Some(needs_file::too_long(number, &line.bytes))
        } else {
            needs_file::row(layout, number, &line.bytes)
        };
        let Some(row) = row else { continue };
        rows += 1;
        chunk.push(number, row);
        if chunk.is_full() {
            hand_over(Part::Rows(std::mem::take(&mut chunk).rows)).await;
        }
    }
    if chunk.count > 0 {
        hand_over(Part::Rows(chunk.rows)).await;
    }
    Ok(rows)
}

/// Rows gathered for one message.
#[derive(Default)]
struct Chunk {
    rows: ImportRows,
    count: usize,
    bytes: usize,
}

impl Chunk {
    fn push(&mut self, number: i64, row: needs_file::Row) {
        self.count += 1;
        for fault in row.faults {
            self.bytes += 64 + fault.column.len() + fault.value.len() + fault.problem.len() + fault.remedy.len();
            self.rows.errors.push(fault);
        }
        match row.need {
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

/// Lines of bounded length.
struct Lines<'a> {
    reader: BufReader<&'a mut File>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Line {
    bytes: Vec<u8>,
    too_long: bool,
}

impl<'a> Lines<'a> {
    fn new(file: &'a mut File) -> Self {
        Self { reader: BufReader::with_capacity(64 * 1024, file) }
    }

    /// The next line with its ending, or its first [`LONGEST_LINE`] bytes.
    async fn next(&mut self) -> std::io::Result<Option<Line>> {
        let limit = u64::try_from(LONGEST_LINE).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        (&mut self.reader).take(limit).read_until(b'\n', &mut bytes).await?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let mut too_long = false;
        if bytes.len() >= LONGEST_LINE && bytes.last() != Some(&b'\n') {
            too_long = true;
            self.skip_line().await?;
        }
        Ok(Some(Line { bytes, too_long }))
    }

    async fn skip_line(&mut self) -> std::io::Result<()> {
        loop {
            let buffer = self.reader.fill_buf().await?;
            if buffer.is_empty() {
                return Ok(());
            }
            if let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
                self.reader.consume(end + 1);
                return Ok(());
            }
            let all = buffer.len();
            self.reader.consume(all);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn spooled(text: &str) -> Spool {
        Spool::receive(Body::from(text.to_owned()), &std::env::temp_dir()).await.unwrap()
    }

    async fn sent(text: &str) -> (i64, Vec<ImportNeedsRequest>) {
        let mut spool = spooled(text).await;
        spool.file.rewind().await.unwrap();
        let mut lines = Lines::new(&mut spool.file);
        let layout = needs_file::layout(&lines.next().await.unwrap().unwrap().bytes).unwrap();
        let (sender, mut receiver) = mpsc::channel(10_000);
        let rows = forward(&mut lines, &layout, ImportHeader::default(), &sender).await.unwrap();
        drop(sender);
        let mut messages = Vec::new();
        while let Some(message) = receiver.recv().await {
            messages.push(message);
        }
        (rows, messages)
    }

    fn rows(message: &ImportNeedsRequest) -> &ImportRows {
        let Some(Part::Rows(rows)) = &message.part else { panic!("rows expected") };
        rows
    }

    #[tokio::test]
    async fn rows_go_in_chunks_of_a_thousand_and_keep_their_numbers() {
        let mut text = "site,article,quantity\n".to_owned();
        for number in 1..=2_500 {
            text += &match number {
                17 => "\n".to_owned(),
                1_200 => "s,,1\n".to_owned(),
                _ => format!("s,a,{number}\n"),
            };
        }
        let (count, messages) = sent(&text).await;
        assert_eq!(count, 2_499);
        assert!(matches!(messages[0].part, Some(Part::Header(_))));
        let sizes: Vec<_> = messages[1..].iter().map(|message| rows(message).needs.len()).collect();
        assert_eq!(sizes, [1_000, 999, 499]);
        for message in &messages[1..] {
            let rows = rows(message);
            for (need, number) in rows.needs.iter().zip(&rows.row_numbers) {
                assert_eq!(need.quantity, *number);
            }
        }
        let faulty = rows(&messages[2]);
        assert_eq!((faulty.faulty_rows, faulty.errors.len(), faulty.errors[0].row), (1, 1, 1_200));
    }

    #[tokio::test]
    async fn messages_stay_small_when_every_cell_is_wrong() {
        let mut text = "site,article,quantity,needed_by\n".to_owned();
        for _ in 0..2_000 {
            text += &format!(",{0},{0},{0}\n", "x".repeat(200));
        }
        let (_, messages) = sent(&text).await;
        for message in &messages {
            assert!(prost::Message::encoded_len(message) < 1024 * 1024);
        }
    }

    #[tokio::test]
    async fn a_line_without_end_is_cut_and_the_next_one_read() {
        let text = format!("site,article,quantity\ns,{},1\ns,a,2", "x".repeat(200_000));
        let (count, messages) = sent(&text).await;
        let rows = rows(&messages[1]);
        assert_eq!((count, rows.errors[0].row, rows.needs[0].quantity, rows.row_numbers[0]), (2, 1, 2, 2));
    }

    #[tokio::test]
    async fn a_spooled_file_has_a_hash_and_no_name() {
        let dir = std::env::temp_dir().join(format!("centrale-test-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&dir).unwrap();
        let spool = Spool::receive(Body::from("abc"), &dir).await.unwrap();
        assert_eq!(spool.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0);
        std::fs::remove_dir(&dir).unwrap();
    }

    #[tokio::test]
    async fn a_file_over_the_limit_is_refused_while_it_is_sent() {
        let chunk = bytes::Bytes::from(vec![b'x'; 1024 * 1024]);
        let body =
            Body::from_stream(futures::stream::iter((0..65).map(move |_| Ok::<_, std::io::Error>(chunk.clone()))));
        let refused = Spool::receive(body, &std::env::temp_dir()).await.unwrap_err();
        assert_eq!(refused.reason(), "BODY_TOO_LARGE");
    }
}
