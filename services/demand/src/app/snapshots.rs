//! Freezing a closed round's needs, and reading what was frozen.

use std::collections::HashMap;

use kit::{
    Caller, Failure, Role,
    command::{Claim, Command},
    id::{self, GroupId},
};
use proto::demand::v1::{
    ConsolidateRoundRequest, ConsolidateRoundResponse, ListSnapshotLinesRequest, ListSnapshotLinesResponse,
    PackagingCount, RoundConsolidated, SnapshotLine,
};

use super::{App, rounds::round_id};
use crate::{
    convert::{self, snapshot_to_proto},
    domain::{error::DemandError, round::Round},
    store::{
        rounds,
        snapshots::{self, Snapshot},
    },
};

impl App {
    /// Freezes the needs of a closed round. The same needs again give the snapshot that is there.
    ///
    /// # Errors
    /// `NOT_FOUND`, `ROUND_WRONG_STATE`, `ROUND_EMPTY`.
    pub async fn consolidate_round(
        &self,
        caller: &Caller,
        request: ConsolidateRoundRequest,
    ) -> Result<ConsolidateRoundResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let group = caller.group()?;
        let id = round_id(&request.round_id)?;
        let method = "centrale.demand.v1.DemandService/ConsolidateRound";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let round = rounds::lock(command.conn(), group, id).await?.ok_or_else(|| Failure::not_found("round", id))?;
        round.check_may_be_consolidated()?;
        let snapshot = freeze(&mut command, group, &round).await?;
        command.finish(ConsolidateRoundResponse { snapshot: Some(snapshot_to_proto(&snapshot)) }).await
    }

    /// Needs of a snapshot per article. Totals over all members: those limited to one do not see them.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn list_snapshot_lines(
        &self,
        caller: &Caller,
        request: ListSnapshotLinesRequest,
    ) -> Result<ListSnapshotLinesResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer, Role::Auditor, Role::Service])?;
        let group = caller.group()?;
        let id: id::SnapshotId = request
            .snapshot_id
            .parse()
            .map_err(|error: id::IdError| Failure::invalid_field("snapshot_id", error.to_string()))?;
        let wanted = convert::page::<id::Article>(caller, request.page.as_ref())?;
        let mut tx = self.db.begin(caller).await?;
        let snapshot =
            snapshots::find(tx.conn(), group, id).await?.ok_or_else(|| Failure::not_found("snapshot", id))?;
        let (lines, typed) = snapshots::lines(tx.conn(), group, snapshot.round_id, wanted.after, wanted.size).await?;
        tx.rollback().await?;
        let mut packagings: HashMap<id::ArticleId, Vec<PackagingCount>> = HashMap::new();
        for (article, packaging_code, quantity, units) in typed {
            packagings.entry(article).or_default().push(PackagingCount { packaging_code, quantity, units });
        }
        let next_after = convert::next_after(wanted, lines.len(), lines.last().map(|line| line.0));
        let lines = lines.into_iter().map(|(article, units, need_count, member_count)| SnapshotLine {
            article_id: article.to_string(),
            units,
            need_count,
            member_count,
            typed: packagings.remove(&article).unwrap_or_default(),
        });
        Ok(ListSnapshotLinesResponse { lines: lines.collect(), next_after })
    }
}

/// Freezes the needs of a locked round, or finds the snapshot that has them already.
pub(super) async fn freeze(command: &mut Command, group: GroupId, round: &Round) -> Result<Snapshot, Failure> {
    let id = round.id;
    let measured = snapshots::measure(command.conn(), group, id).await?;
    if measured.need_count == 0 {
        return Err(DemandError::RoundEmpty { title: round.terms.title.clone() }.into());
    }
    let latest = snapshots::find_latest(command.conn(), group, id).await?;
    let version = latest.as_ref().map_or(1, |latest| latest.version + 1);
    if let Some(latest) = latest.filter(|latest| latest.sha256 == measured.sha256) {
        return Ok(latest);
    }
    let snapshot = Snapshot {
        id: id::SnapshotId::new(),
        round_id: id,
        version,
        sha256: measured.sha256.to_vec(),
        need_count: measured.need_count,
        units: measured.units,
        article_count: i64::try_from(measured.article_count).map_err(Failure::internal)?,
        member_count: i64::try_from(measured.member_count).map_err(Failure::internal)?,
        taken_at: command.now().await?,
    };
    snapshots::insert(command.conn(), group, &snapshot).await?;
    let event = RoundConsolidated {
        round_id: id.to_string(),
        snapshot_id: snapshot.id.to_string(),
        sha256: snapshot.sha256.clone().into(),
        need_count: snapshot.need_count,
        units: snapshot.units,
    };
    command.append(id.uuid(), "demand.round_consolidated.v1", &event).await?;
    Ok(snapshot)
}
