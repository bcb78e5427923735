//! Buyer status, SIRET and name of an establishment, by their first day.

use chrono::NaiveDate;
use kit::{
    Caller, Failure, FieldFault,
    command::{Claim, Command},
    id::PartyId,
};
use proto::membership::v1 as pb;

use super::{App, require_registrar};
use crate::{
    convert::{dated_identity_to_proto, dated_status_to_proto, identity_to_record, status_to_record},
    domain::{DatedIdentity, DatedStatus, MembershipError, Party, PartyKind, PartyRef, follows},
    store,
};

impl App {
    /// Records a buyer status from a day on. What held before stays, and answers about days before use it.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`, `NOT_LATER`.
    pub async fn record_buyer_status(
        &self,
        caller: &Caller,
        request: pb::RecordBuyerStatusRequest,
    ) -> Result<pb::RecordBuyerStatusResponse, Failure> {
        require_registrar(caller)?;
        let (reference, from, status, evidence) = status_to_record(&request)?;
        let method = "centrale.membership.v1.RightsService/RecordBuyerStatus";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        store::party::lock_registry(command.conn()).await?;
        let party = establishment(&mut command, &reference).await?;
        let history = statuses(&mut command, &party).await?;
        check_later(&party, "buyer status", from, history.first().and_then(|latest| latest.valid_from))?;
        let dated = DatedStatus { valid_from: Some(from), status, evidence };
        let now = command.now().await?;
        store::dated::insert_status(command.conn(), party.id, from, &dated, now).await?;
        let (party_id, valid_from) = (party.id.to_string(), from.to_string());
        let event = pb::BuyerStatusRecorded { party_id, valid_from, status: status.name().to_owned() };
        command.append(party.id.uuid(), "membership.buyer_status_recorded.v1", &event).await?;
        let statuses = std::iter::once(&dated).chain(&history).map(dated_status_to_proto).collect();
        command.finish(pb::RecordBuyerStatusResponse { statuses }).await
    }

    /// Every buyer status that an establishment has had, the latest first.
    ///
    /// # Errors
    /// `INVALID_INPUT`, `NOT_FOUND`.
    pub async fn list_buyer_statuses(
        &self,
        caller: &Caller,
        request: pb::ListBuyerStatusesRequest,
    ) -> Result<pb::ListBuyerStatusesResponse, Failure> {
        let id: PartyId =
            request.party_id.parse().map_err(|_| Failure::invalid_field("party_id", "must be a party's id (pty_…)"))?;
        let mut tx = self.db.begin(caller).await?;
        let reference = PartyRef::Id(id);
        let party = store::party::find_by_refs(tx.conn(), [&reference]).await?.remove(&reference);
        let party = party.ok_or_else(|| Failure::not_found("party", id))?;
        let mut history = store::dated::list_statuses(tx.conn(), id).await?;
        tx.rollback().await?;
        history.extend(entered_status(&party));
        Ok(pb::ListBuyerStatusesResponse { statuses: history.iter().map(dated_status_to_proto).collect() })
    }

    /// Records another SIRET, or name, of an establishment from a day on.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`, also for a SIRET that another party has or had, `NOT_LATER`.
    pub async fn record_identity(
        &self,
        caller: &Caller,
        request: pb::RecordIdentityRequest,
    ) -> Result<pb::RecordIdentityResponse, Failure> {
        require_registrar(caller)?;
        let input = identity_to_record(&request)?;
        let method = "centrale.membership.v1.RightsService/RecordIdentity";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        store::party::lock_registry(command.conn()).await?;
        let party = establishment(&mut command, &input.party).await?;
        let mut history = store::dated::list_identities(command.conn(), party.id).await?;
        check_later(&party, "identity", input.from, history.first().and_then(|latest| latest.valid_from))?;
        if store::dated::holder_of_siret(command.conn(), &input.siret).await?.is_some() {
            return Err(Failure::invalid_field("siret", "is or was that of a party already"));
        }
        history.push(DatedIdentity {
            valid_from: None,
            siret: party.siret.clone(),
            name: party.name.clone(),
            evidence: String::new(),
        });
        let name = if input.name.is_empty() {
            history.first().map_or_else(|| party.name.clone(), |latest| latest.name.clone())
        } else {
            input.name
        };
        let (siret, from) = (input.siret, input.from);
        let dated =
            DatedIdentity { valid_from: Some(from), siret: Some(siret.clone()), name, evidence: input.evidence };
        let now = command.now().await?;
        store::dated::insert_identity(command.conn(), party.id, from, &siret, &dated, now).await?;
        let event = pb::IdentityRecorded { party_id: party.id.to_string(), valid_from: from.to_string() };
        command.append(party.id.uuid(), "membership.identity_recorded.v1", &event).await?;
        let identities = std::iter::once(&dated).chain(&history).map(dated_identity_to_proto).collect();
        command.finish(pb::RecordIdentityResponse { identities }).await
    }
}

/// What the party was entered with.
fn entered_status(party: &Party) -> Option<DatedStatus> {
    party.buyer_status.map(|status| DatedStatus {
        valid_from: party.buyer_status_on,
        status,
        evidence: party.buyer_status_evidence.clone(),
    })
}

async fn statuses(command: &mut Command, party: &Party) -> Result<Vec<DatedStatus>, Failure> {
    let mut history = store::dated::list_statuses(command.conn(), party.id).await?;
    history.extend(entered_status(party));
    Ok(history)
}

async fn establishment(command: &mut Command, reference: &PartyRef) -> Result<Party, Failure> {
    let found = store::party::find_by_refs(command.conn(), [reference]).await?.remove(reference);
    match found {
        Some(party) if party.kind == PartyKind::Establishment => Ok(party),
        Some(_) => Err(Failure::invalid(vec![FieldFault::new("party_id", "must be an establishment")])),
        None => Err(Failure::invalid(vec![FieldFault::new("party_id", format!("{reference} is no party"))])),
    }
}

fn check_later(
    party: &Party,
    what: &'static str,
    given: NaiveDate,
    latest: Option<NaiveDate>,
) -> Result<(), MembershipError> {
    match latest {
        Some(latest) if !follows(given, Some(latest)) => Err(MembershipError::NotLater {
            party: party.id.to_string(),
            what,
            latest: latest.to_string(),
            given: given.to_string(),
        }),
        Some(_) | None => Ok(()),
    }
}
