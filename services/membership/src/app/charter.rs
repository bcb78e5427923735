//! A group's charter: its versions, and who signed them.

use kit::{Caller, Failure, Role, command::Claim};
use proto::membership::v1::{
    CharterPublished, CharterSigned, ListChartersRequest, ListChartersResponse, PublishCharterRequest,
    PublishCharterResponse, SignCharterRequest, SignCharterResponse,
};
use sha2::{Digest as _, Sha256};

use super::{
    App,
    practitioners::{in_force, locked},
};
use crate::{
    convert::{charter_from_proto, charter_to_proto, practitioner_to_proto, sign_from_proto},
    domain::{MembershipError, Signature},
    store::{self, charter::Charter},
};

/// Versions in a list at most.
const MOST_VERSIONS: i64 = 100;

impl App {
    /// Publishes the next version of the session's group's charter.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`, `NOT_FOUND` (the group), `VERSION_BEGINS_TOO_EARLY`.
    pub async fn publish_charter(
        &self,
        caller: &Caller,
        request: PublishCharterRequest,
    ) -> Result<PublishCharterResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let group = caller.group()?;
        let input = charter_from_proto(request.charter.as_ref())?;
        let method = "centrale.membership.v1.LabelService/PublishCharter";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        store::group::lock(command.conn(), group).await?.ok_or_else(|| Failure::not_found("group", group))?;
        let last = store::charter::versions(command.conn(), group).await?.pop();
        if let Some((version, valid_from)) = last
            && input.valid_from <= valid_from
        {
            return Err(MembershipError::VersionBeginsTooEarly { version, valid_from: valid_from.to_string() }.into());
        }
        let charter = Charter {
            version: last.map_or(1, |(version, _)| version + 1),
            sha256: Sha256::digest(format!("{}\n\n{}", input.title, input.text)).to_vec(),
            title: input.title,
            text: input.text,
            valid_from: input.valid_from,
            signature_count: 0,
        };
        store::charter::insert(command.conn(), group, &charter).await?;
        let shown = charter_to_proto(&charter);
        let event = CharterPublished { version: charter.version, sha256: shown.sha256.clone() };
        command.append(group.uuid(), "membership.charter_published.v1", &event).await?;
        command.finish(PublishCharterResponse { charter: Some(shown) }).await
    }

    /// Versions of the session's group's charter, newest first.
    ///
    /// # Errors
    /// `WRONG_SESSION`.
    pub async fn list_charters(
        &self,
        caller: &Caller,
        request: ListChartersRequest,
    ) -> Result<ListChartersResponse, Failure> {
        let group = caller.group()?;
        let version = (request.version != 0).then_some(request.version);
        let mut tx = self.db.begin(caller).await?;
        let charters = store::charter::list(tx.conn(), group, version, MOST_VERSIONS).await?;
        tx.rollback().await?;
        Ok(ListChartersResponse { charters: charters.iter().map(charter_to_proto).collect() })
    }

    /// Records a practitioner's signature of a version.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`, `NOT_FOUND`, `NO_CHARTER_ON_DAY`, `CHARTER_SIGNED_ALREADY`.
    pub async fn sign_charter(
        &self,
        caller: &Caller,
        request: SignCharterRequest,
    ) -> Result<SignCharterResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let group = caller.group()?;
        let input = sign_from_proto(&request)?;
        let method = "centrale.membership.v1.LabelService/SignCharter";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let today = command.today().await?;
        let mut practitioner = locked(command.conn(), caller, today, &input.practitioner).await?;
        if input.signed_on > today {
            return Err(Failure::invalid_field("signed_on", "must not be after today"));
        }
        let charters = store::charter::versions(command.conn(), group).await?;
        let version = match input.version {
            None => in_force(&charters, input.signed_on)
                .ok_or_else(|| MembershipError::NoCharterOnDay { on: input.signed_on.to_string() })?,
            Some(version) => charters
                .iter()
                .map(|(known, _)| *known)
                .find(|known| *known == version)
                .ok_or_else(|| Failure::not_found("charter", version))?,
        };
        let before = store::charter::signatures_of(command.conn(), group, practitioner.id).await?;
        if let Some(before) = before.iter().find(|one| one.version == version) {
            return Err(MembershipError::CharterSignedAlready {
                practitioner: practitioner.id.to_string(),
                version,
                signed_on: before.signed_on.to_string(),
            }
            .into());
        }
        let signed_by = if input.signed_by.is_empty() { practitioner.name.clone() } else { input.signed_by };
        let signature = Signature { version, signed_on: input.signed_on, signed_by };
        store::charter::sign_all(command.conn(), group, &[(practitioner.id, &signature)]).await?;
        let event = CharterSigned {
            practitioner_id: practitioner.id.to_string(),
            version,
            signed_on: signature.signed_on.to_string(),
        };
        if practitioner.signature.as_ref().is_none_or(|latest| latest.version < version) {
            practitioner.signature = Some(signature);
        }
        command.append(practitioner.id.uuid(), "membership.charter_signed.v1", &event).await?;
        command.finish(SignCharterResponse { practitioner: Some(practitioner_to_proto(&practitioner)) }).await
    }
}
