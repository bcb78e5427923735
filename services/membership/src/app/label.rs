//! A group's quality label: its criteria and levels, audits, and who holds which level.

use chrono::NaiveDate;
use kit::{Caller, Failure, Role, Scope, command::Claim, id::LabelAuditId};
use proto::membership::v1::{
    GetPublicLabelRequest, GetPublicLabelResponse, LabelAudited, LabelCount, LabelHolder, LabelSchemeSet,
    ListAuditsDueRequest, ListAuditsDueResponse, ListAuditsRequest, ListAuditsResponse, ListLabelSchemesRequest,
    ListLabelSchemesResponse, RecordAuditRequest, RecordAuditResponse, SetLabelSchemeRequest, SetLabelSchemeResponse,
};

use super::{App, is_service, only_own, practitioners::locked, registry::refuse, require_gateway};
use crate::{
    convert::{
        AuditInput, DueKey, Fields, audit_from_proto, audit_to_proto, due_from_proto, list_audits_from_proto,
        outcome_to_proto, page_from_proto, practitioner_to_proto, scheme_from_proto, scheme_to_proto,
    },
    domain::{self, Key, MembershipError, Practitioner, Scheme, check_findings, check_scheme},
    store::{self, label::Audit},
};

/// Versions in a list at most.
const MOST_VERSIONS: i64 = 100;

impl App {
    /// Sets the next version of the label's criteria and levels.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`, `NOT_FOUND` (the group), `VERSION_BEGINS_TOO_EARLY`.
    pub async fn set_label_scheme(
        &self,
        caller: &Caller,
        request: SetLabelSchemeRequest,
    ) -> Result<SetLabelSchemeResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let group = caller.group()?;
        let mut scheme = scheme_from_proto(request.scheme.as_ref())?;
        refuse(check_scheme(&scheme))?;
        let method = "centrale.membership.v1.LabelService/SetLabelScheme";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        store::group::lock(command.conn(), group).await?.ok_or_else(|| Failure::not_found("group", group))?;
        let last = store::label::schemes(command.conn(), group, 1).await?.pop();
        scheme.version = last.as_ref().map_or(1, |last| last.version + 1);
        if let Some(last) = last
            && scheme.valid_from <= last.valid_from
        {
            let valid_from = last.valid_from.to_string();
            return Err(MembershipError::VersionBeginsTooEarly { version: last.version, valid_from }.into());
        }
        store::label::insert_scheme(command.conn(), group, &scheme).await?;
        let event = LabelSchemeSet { version: scheme.version };
        command.append(group.uuid(), "membership.label_scheme_set.v1", &event).await?;
        command.finish(SetLabelSchemeResponse { scheme: Some(scheme_to_proto(&scheme)) }).await
    }

    /// Versions of the label's criteria and levels, newest first.
    ///
    /// # Errors
    /// `WRONG_SESSION`.
    pub async fn list_label_schemes(
        &self,
        caller: &Caller,
        _request: ListLabelSchemesRequest,
    ) -> Result<ListLabelSchemesResponse, Failure> {
        let group = caller.group()?;
        let mut tx = self.db.begin(caller).await?;
        let schemes = store::label::schemes(tx.conn(), group, MOST_VERSIONS).await?;
        tx.rollback().await?;
        Ok(ListLabelSchemesResponse { schemes: schemes.iter().map(scheme_to_proto).collect() })
    }

    /// Records an audit; the level follows by rule.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`, `NOT_FOUND`, `NO_LABEL_ON_DAY`, `CHARTER_NOT_SIGNED`,
    /// `PRACTITIONER_NOT_IN_GROUP`, `AUDIT_BEFORE_LAST`.
    pub async fn record_audit(
        &self,
        caller: &Caller,
        request: RecordAuditRequest,
    ) -> Result<RecordAuditResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer])?;
        let group = caller.group()?;
        let input = audit_from_proto(request.audit.as_ref())?;
        let method = "centrale.membership.v1.LabelService/RecordAudit";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let today = command.today().await?;
        let practitioner = locked(command.conn(), caller, today, &input.practitioner).await?;
        if input.held_on > today {
            return Err(Failure::invalid_field("audit.held_on", "must not be after today"));
        }
        let last = store::label::last_held_on(command.conn(), group, practitioner.id).await?;
        let signatures = store::charter::signatures_of(command.conn(), group, practitioner.id).await?;
        let signed = signatures.iter().any(|signature| signature.signed_on <= input.held_on);
        may_audit(&practitioner, input.held_on, last, signed)?;
        let schemes = store::label::schemes(command.conn(), group, MOST_VERSIONS).await?;
        let scheme = schemes
            .iter()
            .find(|scheme| scheme.valid_from <= input.held_on)
            .ok_or_else(|| MembershipError::NoLabelOnDay { on: input.held_on.to_string() })?;
        refuse(check_findings(scheme, &input.findings))?;
        let audit = decided(&practitioner, scheme, input);
        store::label::insert_audit(command.conn(), group, &audit).await?;
        let event = LabelAudited {
            audit_id: audit.id.to_string(),
            practitioner_id: practitioner.id.to_string(),
            territory_percent: audit.territory_percent,
            team_percent: audit.team_percent,
            level_before: audit.level_before,
            level_after: audit.level_after,
            outcome: outcome_to_proto(audit.outcome).into(),
        };
        command.append(practitioner.id.uuid(), "membership.label_audited.v1", &event).await?;
        command.finish(RecordAuditResponse { audit: Some(audit_to_proto(&audit)) }).await
    }

    /// Audits held. Who acts for a party sees those of practitioners attached to it today.
    ///
    /// # Errors
    /// `WRONG_SESSION`, `INVALID_INPUT`.
    pub async fn list_audits(
        &self,
        caller: &Caller,
        request: ListAuditsRequest,
    ) -> Result<ListAuditsResponse, Failure> {
        let group = caller.group()?;
        let only = only_own(caller)?;
        let (practitioner, page) = list_audits_from_proto(&request, is_service(caller))?;
        let mut tx = self.db.begin(caller).await?;
        let today = tx.today().await?;
        let only = only.map(|party| (party, today));
        let mut audits = store::label::list_audits(tx.conn(), group, practitioner, only, page).await?;
        tx.rollback().await?;
        let next_after = page.cut(&mut audits, |audit| audit.id.to_string());
        Ok(ListAuditsResponse { audits: audits.iter().map(audit_to_proto).collect(), next_after })
    }

    /// Practitioners whose audit falls due until a day, earliest first.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`.
    pub async fn list_audits_due(
        &self,
        caller: &Caller,
        request: ListAuditsDueRequest,
    ) -> Result<ListAuditsDueResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer, Role::Auditor, Role::Service])?;
        let group = caller.group()?;
        let (until, page) = due_from_proto(&request, is_service(caller))?;
        let mut tx = self.db.begin(caller).await?;
        let until = match until {
            Some(until) => until,
            None => tx.today().await?,
        };
        let after = page.after.map(|DueKey(day, id)| (day, id));
        let mut due = store::practitioner::list_due(tx.conn(), group, until, after, page.rows_to_read()).await?;
        tx.rollback().await?;
        let next_after = page.cut(&mut due, |one| {
            format!("{}|{}", one.audit_due_on.map(|day| day.to_string()).unwrap_or_default(), one.id)
        });
        Ok(ListAuditsDueResponse { practitioners: due.iter().map(practitioner_to_proto).collect(), next_after })
    }

    /// Who holds which level of a group's label, for everybody.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED` for anybody but the gateway, `INVALID_INPUT`, `NOT_FOUND`.
    pub async fn get_public_label(
        &self,
        caller: &Caller,
        request: GetPublicLabelRequest,
    ) -> Result<GetPublicLabelResponse, Failure> {
        require_gateway(caller)?;
        let mut fields = Fields::new();
        let page = page_from_proto(&mut fields, request.page.as_ref(), false);
        let page = fields.finish(Some(page))?;
        let secret = || Failure::not_found("group", &request.group_key);
        let key = Key::parse(&request.group_key).map_err(|_| secret())?;
        let mut tx = self.db.begin(&Caller::service("membership", Scope::Deployment)).await?;
        let ids = store::group::find_ids(tx.conn(), &[], &[key.as_str()]).await?;
        let group = ids.into_values().next().ok_or_else(secret)?;
        // What is public of this group: read in it, as everything of a group is.
        tx.enter(group).await?;
        let named = store::group::find(tx.conn(), group).await?.ok_or_else(secret)?;
        let today = tx.today().await?;
        let mut holders = store::label::holders(tx.conn(), group, today, page).await?;
        let counts = store::label::counts(tx.conn(), group, today).await?;
        tx.rollback().await?;
        let next_after = page.cut(&mut holders, |holder| holder.practitioner_id.to_string());
        let holders = holders.into_iter().map(|holder| LabelHolder {
            name: holder.name,
            place: holder.place,
            level: holder.level,
            level_name: holder.level_name,
            since: holder.since.to_string(),
            audit_overdue: holder.audit_overdue,
        });
        Ok(GetPublicLabelResponse {
            group_name: named.name,
            holders: holders.collect(),
            next_after,
            counts: counts.into_iter().map(|(level, name, count)| LabelCount { level, name, count }).collect(),
        })
    }
}

/// Refuses an audit of somebody who was not in the group, had not signed, or was audited later.
fn may_audit(
    practitioner: &Practitioner,
    held_on: NaiveDate,
    last: Option<NaiveDate>,
    signed: bool,
) -> Result<(), MembershipError> {
    let (id, period) = (practitioner.id.to_string(), practitioner.period);
    if held_on < period.from() || period.to().is_some_and(|to| to < held_on) {
        return Err(MembershipError::PractitionerNotInGroup {
            practitioner: id,
            from: period.from().to_string(),
            to: period.to().map(|day| day.to_string()).unwrap_or_default(),
            on: held_on.to_string(),
        });
    }
    if !signed {
        return Err(MembershipError::CharterNotSigned { practitioner: id, on: held_on.to_string() });
    }
    match last {
        Some(last) if held_on <= last => {
            Err(MembershipError::AuditBeforeLast { practitioner: id, last_on: last.to_string() })
        }
        Some(_) | None => Ok(()),
    }
}

/// The audit with what the rule makes of it.
fn decided(practitioner: &Practitioner, scheme: &Scheme, input: AuditInput) -> Audit {
    let before = practitioner.level.as_ref();
    let level_before = before.map_or(0, |(level, ..)| *level);
    let decision = domain::audit(scheme, &input.findings, level_before, input.held_on);
    // A level that is renewed has been held since it was given.
    let since = before.filter(|_| decision.level == level_before).map_or(input.held_on, |(_, _, since)| *since);
    Audit {
        id: LabelAuditId::new(),
        practitioner_id: practitioner.id,
        version: scheme.version,
        held_on: input.held_on,
        held_by: input.held_by,
        due_on: practitioner.audit_due_on.unwrap_or(input.held_on),
        next_due_on: decision.next_due_on,
        territory_percent: decision.territory_percent,
        team_percent: decision.team_percent,
        level_before,
        level_after: decision.level,
        outcome: decision.outcome,
        level_since: since,
        reason: decision.text,
        findings: input.findings,
    }
}
