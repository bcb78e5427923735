//! Files of needs. While the client sends, rows are read into a compact [`NeedsFile`] and no transaction is open; then one
//! transaction claims the request, locks the round, stages the rows with COPY and takes them over, all or none.

pub mod file;
mod load;

use std::{sync::Arc, time::Duration};

use kit::{
    Caller, Failure, Role,
    command::parse_request_id,
    id::{PartyId, RoundId},
};
use proto::demand::v1::{
    ImportHeader, ImportMode, ImportNeedsRequest, ImportNeedsResponse, ImportRows, import_needs_request::Part,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_stream::{Stream, StreamExt as _};
use tonic::Status;
use uuid::Uuid;

use self::file::NeedsFile;
use super::{App, references::check_may_state_for};
use crate::{
    convert::{Fields, typed_need},
    domain::{error::DemandError, need::TypedNeed},
    store::rounds,
};

/// Most rows in one message.
const CHUNK_LIMIT: usize = 1_000;
/// Longest wait for the next message.
const PATIENCE: Duration = Duration::from_secs(60);

/// What becomes of the member's needs of the round that a file does not name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// They stay.
    #[default]
    Add,
    /// They are withdrawn: afterwards the member's needs are those of the file.
    Replace,
}

impl Mode {
    fn read(number: i32) -> Option<Self> {
        match ImportMode::try_from(number) {
            Ok(ImportMode::Unspecified | ImportMode::Add) => Some(Self::Add),
            Ok(ImportMode::Replace) => Some(Self::Replace),
            Err(_) => None,
        }
    }
}

/// What a file is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHeader {
    /// Made by the sender from file, round, member and mode.
    pub request_id: Uuid,
    /// The round.
    pub round_id: RoundId,
    /// The member.
    pub party_id: PartyId,
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
    /// Whether it adds to the member's needs or replaces them.
    pub mode: Mode,
}

impl FileHeader {
    /// Reads a header.
    ///
    /// # Errors
    /// `INVALID_INPUT` with every fault.
    pub fn read(header: &ImportHeader) -> Result<Self, Failure> {
        let mut fields = Fields::default();
        let request_id = parse_request_id(&header.request_id).ok();
        fields.check(request_id.is_some(), "request_id", "must be a UUID made from file, round and member");
        let round_id = fields.id("round_id", &header.round_id);
        let party_id = fields.id("party_id", &header.party_id);
        let sha256 = hex::decode(&header.sha256).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        fields.check(sha256.is_some(), "sha256", "must be 64 hexadecimal digits");
        let mode = Mode::read(header.mode);
        fields.check(mode.is_some(), "mode", "must be ADD or REPLACE");
        fields.finish()?;
        match (request_id, round_id, party_id, sha256, mode) {
            (Some(request_id), Some(round_id), Some(party_id), Some(sha256), Some(mode)) => {
                Ok(Self { request_id, round_id, party_id, sha256, mode })
            }
            (_, _, _, _, _) => Err(Failure::internal("a header without fault and without value")),
        }
    }
}

impl App {
    /// States the needs of a file, all or none; or replaces the member's needs of the round by them, all or nothing.
    ///
    /// # Errors
    /// `INVALID_INPUT`, `ROUND_CLOSED`, `ROUND_NOT_OPEN`, `PARTY_NOT_MEMBER`, `FILE_TOO_LONG`, `IMPORT_STALLED`,
    /// `IMPORT_BUSY`; faults of rows are in the answer.
    pub async fn import_needs(
        &self,
        caller: &Caller,
        mut parts: impl Stream<Item = Result<ImportNeedsRequest, Status>> + Unpin,
    ) -> Result<ImportNeedsResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer, Role::MemberRequester])?;
        let header = match next(&mut parts).await? {
            Some(Part::Header(header)) => FileHeader::read(&header)?,
            Some(Part::Rows(_)) | None => return Err(Failure::invalid_field("header", "must come first")),
        };
        check_may_state_for(caller, header.party_id)?;
        if let Some(reply) = self.find_reply(caller, &header).await? {
            return Ok(reply);
        }
        self.check_states_for(caller, header.party_id).await?;
        self.check_round_takes_needs(caller, header.round_id).await?;
        let mut file = NeedsFile::new(header.party_id);
        let mut memory = Memory::new(self.import_memory.clone());
        while let Some(part) = next(&mut parts).await? {
            let Part::Rows(rows) = part else {
                return Err(Failure::invalid_field("header", "must come once"));
            };
            self.read_rows(caller, &mut file, rows).await?;
            memory.cover(file.bytes())?;
        }
        self.load_file(caller, &header, file).await
    }

    /// Refuses a file for a round that takes no needs before it is sent. Judged again, under lock, when it is loaded.
    async fn check_round_takes_needs(&self, caller: &Caller, id: RoundId) -> Result<(), Failure> {
        let group = caller.group()?;
        let mut tx = self.db.begin(caller).await?;
        let round = rounds::find(tx.conn(), group, id).await?.ok_or_else(|| Failure::not_found("round", id))?;
        let now = tx.now().await?;
        tx.rollback().await?;
        Ok(round.check_takes_needs(now)?)
    }

    async fn read_rows(&self, caller: &Caller, file: &mut NeedsFile, rows: ImportRows) -> Result<(), Failure> {
        let ImportRows { needs, first_row, errors, faulty_rows, row_numbers } = rows;
        let mut fields = Fields::default();
        fields.check(needs.len() <= CHUNK_LIMIT, "rows.needs", format!("must have at most {CHUNK_LIMIT} rows"));
        let numbered = row_numbers.is_empty() || row_numbers.len() == needs.len();
        fields.check(numbered, "rows.row_numbers", "must have one for each of needs, or none");
        fields.check(
            first_row >= 1 || !row_numbers.is_empty() || needs.is_empty(),
            "rows.first_row",
            "must be at least 1",
        );
        fields.check(faulty_rows >= 0, "rows.faulty_rows", "must not be negative");
        fields.finish()?;
        file.add_faults(errors, faulty_rows);
        let typed: Vec<TypedNeed> = if row_numbers.is_empty() {
            (first_row..).zip(needs).map(|(row, need)| typed_need(row, need)).collect()
        } else {
            row_numbers.into_iter().zip(needs).map(|(row, need)| typed_need(row, need)).collect()
        };
        let party = file.party();
        let bytes = self.look_up(caller, party, file.directory(), &typed.iter().collect::<Vec<_>>()).await?;
        Ok(file.add(&typed, bytes)?)
    }
}

/// The next part of the stream.
async fn next(
    parts: &mut (impl Stream<Item = Result<ImportNeedsRequest, Status>> + Unpin),
) -> Result<Option<Part>, Failure> {
    let missing = || Failure::invalid_field("part", "must be a header or rows");
    part(parts).await?.map(|message| message.part.ok_or_else(missing)).transpose()
}

/// The next message of a stream; nobody is waited for without end.
pub(super) async fn part<M>(parts: &mut (impl Stream<Item = Result<M, Status>> + Unpin)) -> Result<Option<M>, Failure> {
    let stalled = |_| DemandError::ImportStalled { seconds: PATIENCE.as_secs() };
    tokio::time::timeout(PATIENCE, parts.next()).await.map_err(stalled)?.transpose().map_err(Failure::from)
}

/// What one file takes of the memory that all files may take.
struct Memory {
    all: Arc<Semaphore>,
    taken: Option<OwnedSemaphorePermit>,
}

impl Memory {
    const fn new(all: Arc<Semaphore>) -> Self {
        Self { all, taken: None }
    }

    /// Takes what is missing for so many bytes. Never waits: files that wait for each other would wait for ever.
    fn cover(&mut self, bytes: usize) -> Result<(), DemandError> {
        let kib = bytes.div_ceil(1024);
        let missing = kib.saturating_sub(self.taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits));
        let missing = u32::try_from(missing).map_err(|_| DemandError::ImportBusy)?;
        let more = self.all.clone().try_acquire_many_owned(missing).map_err(|_| DemandError::ImportBusy)?;
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            None => self.taken = Some(more),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_take_memory_as_they_grow_and_give_it_back() {
        let all = Arc::new(Semaphore::new(10));
        let mut one = Memory::new(all.clone());
        one.cover(4 * 1024).unwrap();
        one.cover(3 * 1024).unwrap();
        assert_eq!(all.available_permits(), 6, "it never shrinks");
        let mut other = Memory::new(all.clone());
        assert_eq!(other.cover(6 * 1024 + 1), Err(DemandError::ImportBusy));
        drop(one);
        other.cover(10 * 1024).unwrap();
        assert_eq!(all.available_permits(), 0);
    }

    #[test]
    fn a_header_tells_all_its_faults() {
        let header = ImportHeader {
            request_id: "x".into(),
            round_id: "y".into(),
            party_id: "z".into(),
            sha256: "é".into(),
            mode: 7,
        };
        let status = FileHeader::read(&header).unwrap_err().into_status();
        use tonic_types::StatusExt as _;
        let violations = status.get_details_bad_request().unwrap().field_violations;
        let fields: Vec<&str> = violations.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["request_id", "round_id", "party_id", "sha256", "mode"]);
    }
}
