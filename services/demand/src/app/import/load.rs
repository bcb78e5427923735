//! Loading a file that was read whole: one transaction.

use kit::{
    Caller, Failure,
    command::{Claim, Command},
    id::GroupId,
};
use proto::{
    common::v1::RowError,
    demand::v1::{ImportNeedsResponse, NeedsStated},
};
use sha2::{Digest as _, Sha256};

use super::{
    FileHeader,
    file::{ERROR_LIMIT, NeedsFile},
};
use crate::{
    app::{
        App,
        needs::{lock_round, made_reference},
    },
    convert::row_error,
    domain::need::{RowFault, reference_taken},
    store::{
        needs::lock_member,
        staging::{self, Clash},
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

    /// States the needs of a file that was read whole, all or none.
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
        let source = hex::encode(header.sha256);
        staging::prepare(command.conn()).await?;
        staging::copy(command.conn(), file.needs(|row| made_reference(&source, row))).await?;
        drop(file);
        let (error_count, clashes) =
            staging::find_clashes(command.conn(), group, header.round_id, header.party_id, ERROR_LIMIT).await?;
        if error_count > 0 {
            command.abandon().await?;
            return Ok(refused(error_count, clashes.into_iter().map(clash_error).collect()));
        }
        take_over(command, caller, group, header).await
    }
}

/// Takes the staged needs over that are not there yet.
async fn take_over(
    mut command: Command,
    caller: &Caller,
    group: GroupId,
    header: &FileHeader,
) -> Result<ImportNeedsResponse, Failure> {
    let (round, party) = (header.round_id, header.party_id);
    let unchanged = staging::drop_unchanged(command.conn(), group, round, party).await?;
    let chunks = staging::chunks(command.conn()).await?;
    let added = staging::insert(command.conn(), group, round, party, &caller.subject).await?;
    let mut units = 0_i64;
    for chunk in chunks {
        units = units.checked_add(chunk.units).ok_or_else(|| Failure::internal("units of a file exceed 64 bits"))?;
        let event = NeedsStated {
            round_id: round.to_string(),
            party_id: party.to_string(),
            count: chunk.count,
            units: chunk.units,
            sha256: chunk.sha256.to_vec().into(),
        };
        command.append(round.uuid(), "demand.needs_stated.v1", &event).await?;
    }
    let reply = ImportNeedsResponse { added, unchanged, error_count: 0, errors: Vec::new(), replayed: false, units };
    command.finish(reply).await
}

impl FileHeader {
    /// Stands for the body of the request.
    fn hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.sha256);
        hash.update(self.round_id.uuid().as_bytes());
        hash.update(self.party_id.uuid().as_bytes());
        hash.finalize().into()
    }
}

const fn refused(error_count: i64, errors: Vec<RowError>) -> ImportNeedsResponse {
    ImportNeedsResponse { added: 0, unchanged: 0, error_count, errors, replayed: false, units: 0 }
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
