//! Loading a file that was read whole: one transaction.

use kit::{
    Caller, Failure,
    command::{Claim, Command},
};
use proto::{
    common::v1::RowError,
    demand::v1::{ImportNeedsResponse, NeedsReplaced, NeedsStated},
};
use sha2::{Digest as _, Sha256};

use super::{
    FileHeader, Mode,
    file::{ERROR_LIMIT, NeedsFile},
};
use crate::{
    app::{App, needs::lock_round, stating::made_reference},
    convert::row_error,
    domain::{
        directory::WholeRow,
        need::{RowFault, reference_taken},
    },
    store::{
        needs::lock_member,
        replacing,
        staging::{self, Chunk, Clash, Place},
    },
};

const METHOD: &str = "centrale.demand.v1.DemandService/ImportNeeds";

impl App {
    /// The answer that the same file had before, if it was taken.
    ///
    /// # Errors
    /// `REQUEST_ID_REUSED`.
    pub(super) async fn find_reply(
        &self,
        caller: &Caller,
        header: &FileHeader,
    ) -> Result<Option<ImportNeedsResponse>, Failure> {
        match self.db.command_hashed(caller, METHOD, header.request_id, &header.hash()).await? {
            Claim::Replayed(reply) => Ok(Some(ImportNeedsResponse { replayed: true, ..reply })),
            Claim::Fresh(command) => {
                command.abandon().await?;
                Ok(None)
            }
        }
    }

    /// States the needs of a file that was read whole, or replaces the member's by them; all or nothing.
    ///
    /// # Errors
    /// `NOT_FOUND` for the round, `ROUND_CLOSED`, `ROUND_NOT_OPEN`, `REQUEST_ID_REUSED`.
    pub async fn load_file(
        &self,
        caller: &Caller,
        header: &FileHeader,
        file: NeedsFile,
    ) -> Result<ImportNeedsResponse, Failure> {
        // Sorting a million references is too long to keep other calls waiting.
        let file = match tokio::task::spawn_blocking(move || file.check()).await.map_err(Failure::internal)? {
            Ok(file) => file,
            Err((error_count, errors)) => return Ok(refused(error_count, errors)),
        };
        let group = caller.group()?;
        let mut command = match self.db.command_hashed(caller, METHOD, header.request_id, &header.hash()).await? {
            Claim::Replayed(reply) => return Ok(ImportNeedsResponse { replayed: true, ..reply }),
            Claim::Fresh(command) => command,
        };
        let round = lock_round(&mut command, group, header.round_id).await?;
        lock_member(command.conn(), group, header.round_id, header.party_id).await?;
        round.check_takes_needs(command.now().await?)?;
        let kind = round.terms.kind;
        let (error_count, errors) = file.commitment_faults(kind);
        if error_count > 0 {
            command.abandon().await?;
            return Ok(refused(error_count, errors));
        }
        let source = hex::encode(header.sha256);
        staging::prepare(command.conn()).await?;
        let needs = file.needs(|row| made_reference(&source, row)).map(|(row, reference)| {
            let commitment = kind.commitment(row.commitment).ok().flatten();
            (WholeRow { commitment, ..row }, reference)
        });
        let staged = staging::copy(command.conn(), needs).await?;
        drop(file);
        let place = Place { group, round: header.round_id, party: header.party_id };
        if !staging::has_needs(command.conn(), place).await? {
            // The member's first needs, as nearly always: nothing to compare with, and nobody can add any under the lock.
            return take_over(command, caller, place, ImportNeedsResponse::default(), staged).await;
        }
        staging::analyze(command.conn()).await?;
        let reply = match header.mode {
            Mode::Add => {
                let (error_count, clashes) = staging::find_clashes(command.conn(), place, ERROR_LIMIT).await?;
                if error_count > 0 {
                    command.abandon().await?;
                    return Ok(refused(error_count, clashes.into_iter().map(clash_error).collect()));
                }
                ImportNeedsResponse::default()
            }
            Mode::Replace => replace(&mut command, place, &made_reference(&source, 0)).await?,
        };
        let unchanged = reply.unchanged + staging::drop_unchanged(command.conn(), place).await?;
        let left = staging::chunks(command.conn()).await?;
        take_over(command, caller, place, ImportNeedsResponse { unchanged, ..reply }, left).await
    }
}

/// Brings the member's needs of the round in line with the staged ones, all but those that were never there.
/// `made` is the reference that row 0 would have been given.
async fn replace(command: &mut Command, place: Place, made: &str) -> Result<ImportNeedsResponse, Failure> {
    replacing::lock_needs(command.conn(), place).await?;
    replacing::pair_unnamed(command.conn(), place, made.trim_end_matches('0')).await?;
    let withdrawn = replacing::withdraw_missing(command.conn(), place).await?;
    let changed = replacing::change(command.conn(), place).await?;
    let (withdrawn, _) = append_chunks(command, place, Fate::Withdrawn, withdrawn).await?;
    let (changed, _) = append_chunks(command, place, Fate::Changed, changed).await?;
    let revived = replacing::revive(command.conn(), place).await?;
    let (added, units) = append_chunks(command, place, Fate::Stated, revived).await?;
    // Revived needs have the staged content now; they are counted as added, not as unchanged.
    let unchanged = staging::drop_unchanged(command.conn(), place).await? - changed - added;
    Ok(ImportNeedsResponse { added, unchanged, changed, withdrawn, units, ..ImportNeedsResponse::default() })
}

/// Takes the staged needs over, which are not there yet. `reply` says what was done before.
async fn take_over(
    mut command: Command,
    caller: &Caller,
    place: Place,
    reply: ImportNeedsResponse,
    chunks: Vec<Chunk>,
) -> Result<ImportNeedsResponse, Failure> {
    let added = staging::insert(command.conn(), place, &caller.subject).await?;
    let (_, units) = append_chunks(&mut command, place, Fate::Stated, chunks).await?;
    let reply = ImportNeedsResponse {
        added: reply.added + added,
        units: reply.units.checked_add(units).ok_or_else(too_many_units)?,
        ..reply
    };
    command.finish(reply).await
}

/// What became of needs.
#[derive(Clone, Copy)]
enum Fate {
    Stated,
    Changed,
    Withdrawn,
}

/// Appends one event for each chunk; answers how many needs and base units they are.
async fn append_chunks(
    command: &mut Command,
    place: Place,
    fate: Fate,
    chunks: Vec<Chunk>,
) -> Result<(i64, i64), Failure> {
    let (mut needs, mut all_units) = (0, 0_i64);
    for Chunk { count, units, sha256 } in chunks {
        needs += count;
        all_units = all_units.checked_add(units).ok_or_else(too_many_units)?;
        let (round_id, party_id) = (place.round.to_string(), place.party.to_string());
        let sha256 = sha256.to_vec().into();
        let aggregate = place.round.uuid();
        match fate {
            Fate::Stated => {
                let event = NeedsStated { round_id, party_id, count, units, sha256 };
                command.append(aggregate, "demand.needs_stated.v1", &event).await?;
            }
            Fate::Changed => {
                let event = NeedsReplaced { round_id, party_id, count, units, sha256 };
                command.append(aggregate, "demand.needs_changed.v1", &event).await?;
            }
            Fate::Withdrawn => {
                let event = NeedsReplaced { round_id, party_id, count, units, sha256 };
                command.append(aggregate, "demand.needs_withdrawn.v1", &event).await?;
            }
        }
    }
    Ok((needs, all_units))
}

fn too_many_units() -> Failure {
    Failure::internal("units of a file exceed 64 bits")
}

impl FileHeader {
    /// Stands for the body of the request.
    fn hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.sha256);
        hash.update(self.round_id.uuid().as_bytes());
        hash.update(self.party_id.uuid().as_bytes());
        match self.mode {
            // As before there were modes, so that answers kept from then are found.
            Mode::Add => {}
            Mode::Replace => hash.update(b"replace"),
        }
        hash.finalize().into()
    }
}

const fn refused(error_count: i64, errors: Vec<RowError>) -> ImportNeedsResponse {
    ImportNeedsResponse {
        added: 0,
        unchanged: 0,
        error_count,
        errors,
        replayed: false,
        units: 0,
        changed: 0,
        withdrawn: 0,
    }
}

fn clash_error(clash: Clash) -> RowError {
    let Clash { row, reference, id, withdrawn } = clash;
    if withdrawn {
        return row_error(RowFault {
            row,
            column: "reference",
            problem: format!("La référence « {reference} » est celle d'un besoin retiré de la campagne (besoin {id})."),
            value: reference,
            remedy: "Donnez une autre référence à la ligne.".to_owned(),
        });
    }
    row_error(reference_taken(row, &reference, &format!("dans la campagne avec un autre contenu (besoin {id})")))
}
