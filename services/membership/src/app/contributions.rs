//! What members contribute: rules, grants, what is due, invoices.

use kit::{
    Caller, Failure,
    command::{Claim, parse_request_id},
    id::{GroupId, InvoiceId},
};
use proto::membership::v1 as pb;
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;

use super::{
    App,
    governance::{check_count, lock_group, require_reader, require_writer},
    is_service, only_own,
};
use crate::{
    convert::{Fields, contribution as convert, page_from_proto},
    domain::{
        RuleKind,
        contribution::{self, ContributionRule, Due, GrantStep, Inputs},
        governance_error::GovernanceError,
        month::Month,
    },
    store::{self, invoice::Invoice},
};

impl App {
    /// Sets contribution rules.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`, `PERIODS_OVERLAP`.
    pub async fn set_contribution_rules(
        &self,
        caller: &Caller,
        request: pb::SetContributionRulesRequest,
    ) -> Result<pb::SetContributionRulesResponse, Failure> {
        let group = require_writer(caller)?;
        let rules = convert::rules_from_proto(&request.rules)?;
        let method = "centrale.membership.v1.ContributionService/SetContributionRules";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        lock_group(&mut command, group).await?;
        store::rule::replace_all(command.conn(), group, RuleKind::Contribution, &rules).await?;
        check_count(&mut command, group, RuleKind::Contribution).await?;
        let event = pb::GroupRulesSet {
            kind: RuleKind::Contribution.name().to_owned(),
            keys: rules.iter().map(|rule| rule.key.clone()).collect(),
        };
        command.append(group.uuid(), "membership.group_rules_set.v1", &event).await?;
        let rules = rules.iter().map(convert::rule_to_proto).collect();
        command.finish(pb::SetContributionRulesResponse { rules }).await
    }

    /// Contribution rules of a day.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`.
    pub async fn list_contribution_rules(
        &self,
        caller: &Caller,
        request: pb::ListContributionRulesRequest,
    ) -> Result<pb::ListContributionRulesResponse, Failure> {
        let group = require_reader(caller)?;
        let mut fields = Fields::new();
        let on = fields.date_if_any("on", &request.on);
        let on = fields.finish(Some(on))?;
        let mut tx = self.db.begin(caller).await?;
        let on = match on {
            Some(on) => on,
            None => tx.today().await?,
        };
        let days = (Some(on), Some(on));
        let rules = store::rule::list::<ContributionRule>(tx.conn(), group, RuleKind::Contribution, days).await?;
        tx.rollback().await?;
        Ok(pb::ListContributionRulesResponse { rules: rules.iter().map(convert::rule_to_proto).collect() })
    }

    /// Sets the steps of grants.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`, `PERIODS_OVERLAP`.
    pub async fn set_grants(
        &self,
        caller: &Caller,
        request: pb::SetGrantsRequest,
    ) -> Result<pb::SetGrantsResponse, Failure> {
        let group = require_writer(caller)?;
        let steps = convert::grants_from_proto(&request.steps)?;
        let method = "centrale.membership.v1.ContributionService/SetGrants";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        lock_group(&mut command, group).await?;
        store::rule::replace_all(command.conn(), group, RuleKind::Grant, &steps).await?;
        check_count(&mut command, group, RuleKind::Grant).await?;
        let event = pb::GroupRulesSet {
            kind: RuleKind::Grant.name().to_owned(),
            keys: steps.iter().map(|step| step.key.clone()).collect(),
        };
        command.append(group.uuid(), "membership.group_rules_set.v1", &event).await?;
        command.finish(pb::SetGrantsResponse { steps: steps.iter().map(convert::grant_to_proto).collect() }).await
    }

    /// All steps of all grants.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`.
    pub async fn list_grants(
        &self,
        caller: &Caller,
        _: pb::ListGrantsRequest,
    ) -> Result<pb::ListGrantsResponse, Failure> {
        let group = require_reader(caller)?;
        let mut tx = self.db.begin(caller).await?;
        let steps = store::rule::list::<GrantStep>(tx.conn(), group, RuleKind::Grant, (None, None)).await?;
        tx.rollback().await?;
        Ok(pb::ListGrantsResponse { steps: steps.iter().map(convert::grant_to_proto).collect() })
    }

    /// What members owe for a period; who acts for one member sees that one.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`, `CONTRIBUTION_OUT_OF_RANGE`.
    pub async fn compute_contributions(
        &self,
        caller: &Caller,
        request: pb::ComputeContributionsRequest,
    ) -> Result<pb::ComputeContributionsResponse, Failure> {
        let group = require_reader(caller)?;
        let only = only_own(caller)?;
        let (from, to) = convert::period_from_proto(&request.from_month, &request.to_month)?;
        let mut tx = self.db.begin(caller).await?;
        let mut inputs = read_inputs(tx.conn(), group, from, to).await?;
        tx.rollback().await?;
        inputs.figures = convert::figures_from_proto(&request.figures)?;
        let statement = contribution::compute(&inputs, from, to)?;
        let shown = |due: &&Due| !due.lines.is_empty() && only.is_none_or(|own| own == due.party);
        let members: Vec<pb::MemberContribution> =
            statement.members.iter().filter(shown).map(convert::due_to_proto).collect();
        let for_all = |cents: i64| if only.is_none() { cents } else { 0 };
        Ok(pb::ComputeContributionsResponse {
            total_cents: members.iter().map(|member| member.total_cents).sum(),
            granted_cents: for_all(statement.granted_cents),
            grant_unused_cents: for_all(statement.unused_cents),
            members,
        })
    }

    /// Issues an invoice to each member that owes something for months that are over. Demand's figures are not part of what makes two
    /// requests the same: the first answer stays.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`, `PERIOD_NOT_OVER`, `PERIOD_INVOICED`, `NOTHING_TO_INVOICE`.
    pub async fn issue_invoices(
        &self,
        caller: &Caller,
        request: pb::IssueInvoicesRequest,
    ) -> Result<pb::IssueInvoicesResponse, Failure> {
        let group = require_writer(caller)?;
        let (from, to) = convert::period_from_proto(&request.from_month, &request.to_month)?;
        let figures = convert::figures_from_proto(&request.figures)?;
        let method = "centrale.membership.v1.ContributionService/IssueInvoices";
        let hash: [u8; 32] = Sha256::digest(format!("{from} {to}")).into();
        let request_id = parse_request_id(&request.request_id)?;
        let mut command = match self.db.command_hashed(caller, method, request_id, &hash).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        lock_group(&mut command, group).await?;
        let today = command.today().await?;
        if to.last_day() >= today {
            return Err(GovernanceError::PeriodNotOver { month: to.to_string() }.into());
        }
        let mut inputs = read_inputs(command.conn(), group, from, to).await?;
        inputs.figures = figures;
        let statement = contribution::compute(&inputs, from, to)?;
        let owing: Vec<Due> = statement.members.into_iter().filter(|due| !due.lines.is_empty()).collect();
        if owing.is_empty() {
            return Err(GovernanceError::NothingToInvoice { from: from.to_string(), to: to.to_string() }.into());
        }
        let count = i64::try_from(owing.len()).map_err(Failure::internal)?;
        let numbers = command.next_numbers("COT", count).await?;
        let mut invoices = Vec::with_capacity(owing.len());
        for (due, number) in owing.into_iter().zip(numbers) {
            let invoice = Invoice {
                id: InvoiceId::new(),
                number,
                party: due.party,
                total_cents: due.total_cents(),
                party_name: due.name,
                from,
                to,
                issued_on: today,
                lines: due.lines,
            };
            store::invoice::insert(command.conn(), group, &invoice).await?;
            invoices.push(invoice);
        }
        let event = pb::ContributionsInvoiced {
            invoice_ids: invoices.iter().map(|invoice| invoice.id.to_string()).collect(),
            from_month: from.to_string(),
            to_month: to.to_string(),
            total_cents: invoices.iter().map(|invoice| invoice.total_cents).sum(),
        };
        command.append(group.uuid(), "membership.contributions_invoiced.v1", &event).await?;
        let invoices = invoices.iter().map(convert::invoice_to_proto).collect();
        command.finish(pb::IssueInvoicesResponse { invoices }).await
    }

    /// Invoices without lines, last issued first; who acts for one member sees that one's.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`.
    pub async fn list_invoices(
        &self,
        caller: &Caller,
        request: pb::ListInvoicesRequest,
    ) -> Result<pb::ListInvoicesResponse, Failure> {
        let group = require_reader(caller)?;
        let only = only_own(caller)?;
        let mut fields = Fields::new();
        let page = page_from_proto(&mut fields, request.page.as_ref(), is_service(caller));
        let page = fields.finish(Some(page))?;
        let mut tx = self.db.begin(caller).await?;
        let mut invoices = store::invoice::list(tx.conn(), group, only, page).await?;
        tx.rollback().await?;
        let next_after = page.cut(&mut invoices, |invoice| invoice.id.to_string());
        Ok(pb::ListInvoicesResponse { invoices: invoices.iter().map(convert::invoice_to_proto).collect(), next_after })
    }

    /// One invoice with its lines; who acts for one member sees that one's.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`, `NOT_FOUND`.
    pub async fn get_invoice(
        &self,
        caller: &Caller,
        request: pb::GetInvoiceRequest,
    ) -> Result<pb::GetInvoiceResponse, Failure> {
        let group = require_reader(caller)?;
        let only = only_own(caller)?;
        let id = convert::invoice_id(&request.invoice_id)?;
        let mut tx = self.db.begin(caller).await?;
        let invoice = store::invoice::find(tx.conn(), group, only, id).await?;
        tx.rollback().await?;
        let invoice = invoice.ok_or_else(|| Failure::not_found("contribution invoice", id))?;
        Ok(pb::GetInvoiceResponse { invoice: Some(convert::invoice_to_proto(&invoice)) })
    }
}

/// Rules, grants and members as far as some months and the year before them need, without figures.
pub(super) async fn read_inputs(
    conn: &mut PgConnection,
    group: GroupId,
    from: Month,
    to: Month,
) -> Result<Inputs, Failure> {
    let from = from.january();
    let days = (Some(from.first_day()), Some(to.last_day()));
    Ok(Inputs {
        rules: store::rule::list(&mut *conn, group, RuleKind::Contribution, days).await?,
        grants: store::rule::list(&mut *conn, group, RuleKind::Grant, days).await?,
        members: store::finance::members(conn, group, from, to).await?,
        figures: std::collections::HashMap::new(),
    })
}
