//! Practitioners of a group.

use std::collections::HashMap;

use chrono::NaiveDate;
use kit::{Caller, Failure, FieldFault, Role, command::Claim, id::PartyId};
use proto::membership::v1::{
    AddPractitionersRequest, AddPractitionersResponse, ListPractitionersRequest, ListPractitionersResponse,
    PractitionersAdded,
};
use sqlx::PgConnection;

use super::{App, is_service, only_own, registry::refuse};
use crate::{
    convert::{
        ListPractitionersInput, PractitionerInput, PractitionerRef, list_practitioners_from_proto,
        practitioner_to_proto, practitioners_from_proto,
    },
    domain::{
        Attachment, MembershipError, Party, PartyKind, PartyRef, Practitioner, Signature, find_attachment_overlap,
        months_after,
    },
    store::{self, practitioner::Wanted},
};

impl App {
    /// Adds practitioners to the session's group; one whose RPPS number is known is updated, and its attachments are replaced.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `NOT_FOUND` (the group); `INVALID_INPUT` with the faults of all rows.
    pub async fn add_practitioners(
        &self,
        caller: &Caller,
        request: AddPractitionersRequest,
    ) -> Result<AddPractitionersResponse, Failure> {
        caller.require(&[Role::Administrator, Role::PurchasingOfficer])?;
        let group = caller.group()?;
        let inputs = practitioners_from_proto(&request.practitioners)?;
        let method = "centrale.membership.v1.BouquetService/AddPractitioners";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        store::group::lock(command.conn(), group).await?.ok_or_else(|| Failure::not_found("group", group))?;
        let today = command.today().await?;
        let refs: Vec<&PartyRef> = inputs.iter().flat_map(|input| &input.attachments).map(|one| &one.party).collect();
        let parties = store::party::find_by_refs(command.conn(), refs).await?;
        let numbers: Vec<String> = inputs.iter().map(|input| input.practitioner.rpps.to_string()).collect();
        let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
        let present = store::practitioner::find_by_rpps(command.conn(), group, &numbers).await?;
        let charters = store::charter::versions(command.conn(), group).await?;
        let first_audit =
            store::label::schemes(command.conn(), group, 1).await?.first().map(|one| one.first_audit_months);
        let there = There { parties, present, charters, first_audit, today };
        let practitioners = there.resolve(inputs)?;
        let ids: Vec<_> = practitioners.iter().map(|one| one.id).collect();
        store::practitioner::save_all(command.conn(), group, &practitioners).await?;
        store::practitioner::detach_all(command.conn(), group, &ids).await?;
        let attachments: Vec<_> = practitioners
            .iter()
            .flat_map(|one| one.attachments.iter().map(|attachment| (one.id, attachment)))
            .collect();
        store::practitioner::attach_all(command.conn(), group, &attachments).await?;
        let signatures: Vec<_> =
            practitioners.iter().filter_map(|one| Some((one.id, one.signature.as_ref()?))).collect();
        store::charter::sign_all(command.conn(), group, &signatures).await?;
        // Read again: with what those who were there hold.
        let mut saved = store::practitioner::find_by_rpps(command.conn(), group, &numbers).await?;
        saved.sort_by_key(|one| ids.iter().position(|id| *id == one.id));
        let event = PractitionersAdded { practitioner_ids: ids.iter().map(ToString::to_string).collect() };
        command.append(group.uuid(), "membership.practitioners_added.v1", &event).await?;
        command
            .finish(AddPractitionersResponse { practitioners: saved.iter().map(practitioner_to_proto).collect() })
            .await
    }

    /// Practitioners of the session's group on a day. Who acts for a party sees those attached to it.
    ///
    /// # Errors
    /// `WRONG_SESSION`, `INVALID_INPUT`.
    pub async fn list_practitioners(
        &self,
        caller: &Caller,
        request: ListPractitionersRequest,
    ) -> Result<ListPractitionersResponse, Failure> {
        let group = caller.group()?;
        let only = only_own(caller)?;
        let ListPractitionersInput { on, party, id, page } =
            list_practitioners_from_proto(&request, is_service(caller))?;
        let mut tx = self.db.begin(caller).await?;
        let on = match on {
            Some(on) => on,
            None => tx.today().await?,
        };
        let mut practitioners =
            store::practitioner::list(tx.conn(), group, Wanted { on, party, id, only, page }).await?;
        tx.rollback().await?;
        let next_after = page.cut(&mut practitioners, |one| one.id.to_string());
        Ok(ListPractitionersResponse {
            practitioners: practitioners.iter().map(practitioner_to_proto).collect(),
            next_after,
        })
    }
}

/// A practitioner that the caller may act upon, locked: an officer any of the group, who acts for a party one that is attached to it
/// today. Of another one nothing is told.
pub(super) async fn locked(
    conn: &mut PgConnection,
    caller: &Caller,
    today: NaiveDate,
    reference: &PractitionerRef,
) -> Result<Practitioner, Failure> {
    let group = caller.group()?;
    let secret = || Failure::not_found("practitioner", reference);
    let found = store::practitioner::lock(conn, group, reference.id(), reference.rpps()).await?.ok_or_else(secret)?;
    match only_own(caller)? {
        None => Ok(found),
        Some(party) if is_attached(&found, party, today) => Ok(found),
        Some(_) => Err(secret()),
    }
}

/// Whether a practitioner works at a party on a day.
pub(super) fn is_attached(practitioner: &Practitioner, party: PartyId, day: NaiveDate) -> bool {
    let covers = |one: &Attachment| one.period.from() <= day && one.period.to().is_none_or(|to| day <= to);
    practitioner.attachments.iter().any(|one| one.party_id == party && covers(one))
}

/// What there is.
struct There {
    parties: HashMap<PartyRef, Party>,
    present: Vec<Practitioner>,
    charters: Vec<(i32, NaiveDate)>,
    first_audit: Option<u32>,
    today: NaiveDate,
}

impl There {
    /// The practitioners with their parties and signatures; `signature` only where there is a new one.
    fn resolve(&self, inputs: Vec<PractitionerInput>) -> Result<Vec<Practitioner>, Failure> {
        let mut faults = Vec::new();
        let mut resolved = Vec::with_capacity(inputs.len());
        for (index, PractitionerInput { mut practitioner, attachments, signed }) in inputs.into_iter().enumerate() {
            let at = |field: &str| format!("practitioners[{index}].{field}");
            for (place, one) in attachments.into_iter().enumerate() {
                let field = at(&format!("attachments[{place}].party_id"));
                match self.parties.get(&one.party) {
                    Some(party) if party.kind == PartyKind::Establishment => {
                        practitioner.attachments.push(Attachment {
                            party_id: party.id,
                            kind: one.kind,
                            period: one.period,
                            party_name: party.name.clone(),
                        })
                    }
                    Some(party) => {
                        faults.push(FieldFault::new(
                            field,
                            format!("{} is a {}, no practice or hospital", party.key, party.kind.name()),
                        ));
                    }
                    None => faults.push(FieldFault::new(field, format!("{} is no party", one.party))),
                }
            }
            if let Some((one, other)) = find_attachment_overlap(&practitioner.attachments) {
                let detail = format!("shares a day with attachments[{other}] at the same party");
                faults.push(FieldFault::new(at(&format!("attachments[{one}].valid_from")), detail));
            }
            if let Some(known) = self.present.iter().find(|known| known.rpps == practitioner.rpps) {
                practitioner.id = known.id;
                if known.period.from() != practitioner.period.from() {
                    let detail = format!("is {} and does not change", known.period.from());
                    faults.push(FieldFault::new(at("joined_on"), detail));
                }
                let stored = known.signature.as_ref().map(|signature| signature.signed_on);
                if signed.as_ref().is_some_and(|(day, _)| Some(*day) != stored) {
                    faults.push(FieldFault::new(
                        at("charter_signed_on"),
                        "of a known practitioner is signed by SignCharter",
                    ));
                }
            } else {
                match self.signature(practitioner.period.from(), signed) {
                    Ok(signature) => practitioner.signature = signature,
                    Err(detail) => faults.push(FieldFault::new(at("charter_signed_on"), detail)),
                }
                practitioner.audit_due_on =
                    self.first_audit.map(|months| months_after(practitioner.period.from(), months));
            }
            resolved.push(practitioner);
        }
        refuse(faults)?;
        Ok(resolved)
    }

    /// The signature with which somebody joins.
    fn signature(
        &self,
        joined_on: NaiveDate,
        signed: Option<(NaiveDate, String)>,
    ) -> Result<Option<Signature>, String> {
        match signed {
            None => match in_force(&self.charters, joined_on) {
                None => Ok(None),
                Some(version) => Err(format!("version {version} of the charter is in force: joining signs it")),
            },
            Some((day, _)) if day > self.today => Err("must not be after today".to_owned()),
            Some((signed_on, signed_by)) => match in_force(&self.charters, signed_on) {
                Some(version) => Ok(Some(Signature { version, signed_on, signed_by })),
                None => Err(MembershipError::NoCharterOnDay { on: signed_on.to_string() }.to_string()),
            },
        }
    }
}

/// The version of the charter in force on a day.
pub(super) fn in_force(charters: &[(i32, NaiveDate)], day: NaiveDate) -> Option<i32> {
    charters.iter().rev().find(|(_, from)| *from <= day).map(|(version, _)| *version)
}
