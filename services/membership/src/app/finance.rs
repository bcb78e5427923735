//! Logistics costs, declared savings, and whether the group pays for itself.

use kit::{Caller, Failure, Role, command::Claim, error::CommonError, id::DeclaredSavingId};
use proto::membership::v1 as pb;

use super::{
    App,
    contributions::read_inputs,
    governance::{establishments, known, lock_group, require_reader, require_writer},
    is_service, only_own,
};
use crate::{
    convert::{Fields, contribution as convert, page_from_proto, rule::reason_to_proto},
    domain::{
        Reason,
        balance::{self, MemberBalance},
    },
    store::{self, finance::Saving},
};

/// Rows of logistics costs in one answer at most.
const MOST_COSTS: i64 = 5_000;

impl App {
    /// Enters what logistics cost by month.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`.
    pub async fn set_logistics_costs(
        &self,
        caller: &Caller,
        request: pb::SetLogisticsCostsRequest,
    ) -> Result<pb::SetLogisticsCostsResponse, Failure> {
        let group = require_writer(caller)?;
        let costs = convert::costs_from_proto(&request.costs)?;
        let method = "centrale.membership.v1.ContributionService/SetLogisticsCosts";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        lock_group(&mut command, group).await?;
        store::finance::set_costs(command.conn(), group, &costs).await?;
        let event = pb::LogisticsCostsSet {
            count: i64::try_from(costs.len()).unwrap_or(i64::MAX),
            total_cents: costs.iter().map(|cost| cost.amount_cents).sum(),
        };
        command.append(group.uuid(), "membership.logistics_costs_set.v1", &event).await?;
        command
            .finish(pb::SetLogisticsCostsResponse { costs: costs.iter().map(convert::cost_to_proto).collect() })
            .await
    }

    /// Logistics costs between two months.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`.
    pub async fn list_logistics_costs(
        &self,
        caller: &Caller,
        request: pb::ListLogisticsCostsRequest,
    ) -> Result<pb::ListLogisticsCostsResponse, Failure> {
        let group = require_reader(caller)?;
        let months = convert::bounds_from_proto(&request.from_month, &request.to_month)?;
        let mut tx = self.db.begin(caller).await?;
        let costs = store::finance::costs(tx.conn(), group, months, MOST_COSTS).await?;
        tx.rollback().await?;
        Ok(pb::ListLogisticsCostsResponse { costs: costs.iter().map(convert::cost_to_proto).collect() })
    }

    /// Declares a saving that no order shows. A requester does so for its own member.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`, `SAVING_DECLARED`.
    pub async fn declare_saving(
        &self,
        caller: &Caller,
        request: pb::DeclareSavingRequest,
    ) -> Result<pb::DeclareSavingResponse, Failure> {
        caller.require(&[Role::PurchasingOfficer, Role::MemberRequester])?;
        let group = caller.group()?;
        let only = only_own(caller)?;
        let input = convert::saving_from_proto(request.saving.as_ref())?;
        let method = "centrale.membership.v1.ContributionService/DeclareSaving";
        let mut command = match self.db.command(caller, method, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        let named = [("saving.party_id".to_owned(), &input.party)];
        let parties = establishments(command.conn(), &named).await?;
        let party = known(&parties, &input.party)?;
        if only.is_some_and(|own| own != party.id) {
            return Err(CommonError::RoleNotAllowed { needed: "PURCHASING_OFFICER".to_owned() }.into());
        }
        let members = store::finance::members(command.conn(), group, input.month, input.month).await?;
        if !members.iter().any(|member| member.party == party.id) {
            let detail = format!("{} is no member of the group in {}", party.key, input.month);
            return Err(Failure::invalid_field("saving.party_id", detail));
        }
        let today = command.today().await?;
        if input.month.first_day() > today {
            return Err(Failure::invalid_field("saving.month", "must not be to come"));
        }
        let declared = request.saving.clone().unwrap_or_default();
        let saving = Saving {
            saving_id: DeclaredSavingId::new(),
            party_id: party.id,
            month: input.month.first_day(),
            kind: declared.kind,
            label: declared.label,
            quantity: declared.quantity,
            unit_cents: declared.unit_cents,
            amount_cents: input.amount_cents,
            evidence: declared.evidence,
            declared_on: today,
        };
        store::finance::insert_saving(command.conn(), group, &saving).await?;
        let event = pb::SavingDeclared {
            saving_id: saving.saving_id.to_string(),
            party_id: saving.party_id.to_string(),
            amount_cents: saving.amount_cents,
        };
        command.append(saving.saving_id.uuid(), "membership.saving_declared.v1", &event).await?;
        command.finish(pb::DeclareSavingResponse { saving: Some(convert::saving_to_proto(&saving)) }).await
    }

    /// Declared savings; who acts for one member sees that one's.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`.
    pub async fn list_declared_savings(
        &self,
        caller: &Caller,
        request: pb::ListDeclaredSavingsRequest,
    ) -> Result<pb::ListDeclaredSavingsResponse, Failure> {
        let group = require_reader(caller)?;
        let only = only_own(caller)?;
        let mut fields = Fields::new();
        let page = page_from_proto(&mut fields, request.page.as_ref(), is_service(caller));
        let page = fields.finish(Some(page))?;
        let mut tx = self.db.begin(caller).await?;
        let mut savings = store::finance::savings(tx.conn(), group, only, page).await?;
        tx.rollback().await?;
        let next_after = page.cut(&mut savings, |saving| saving.saving_id.to_string());
        let savings = savings.iter().map(convert::saving_to_proto).collect();
        Ok(pb::ListDeclaredSavingsResponse { savings, next_after })
    }

    /// Saving − fees − logistics, by member and month; the group's months and from when it pays for itself for who sees all members.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, `WRONG_SESSION`, `INVALID_INPUT`, `CONTRIBUTION_OUT_OF_RANGE`.
    pub async fn compute_self_financing(
        &self,
        caller: &Caller,
        request: pb::ComputeSelfFinancingRequest,
    ) -> Result<pb::ComputeSelfFinancingResponse, Failure> {
        let group = require_reader(caller)?;
        let only = only_own(caller)?;
        let (from, to) = convert::view_from_proto(&request.from_month, &request.to_month)?;
        let mut tx = self.db.begin(caller).await?;
        let mut inputs = read_inputs(tx.conn(), group, from, to).await?;
        let costs = store::finance::costs(tx.conn(), group, (Some(from), Some(to)), MOST_COSTS).await?;
        let declared = store::finance::declared(tx.conn(), group, from, to).await?;
        tx.rollback().await?;
        inputs.figures = convert::figures_from_proto(&request.figures)?;
        let view = balance::compute(&inputs, &costs, &declared, from, to)?;
        let member = |member: &MemberBalance| pb::MemberBalance {
            party_id: member.party.to_string(),
            name: member.name.clone(),
            months: convert::balances_to_proto(&view.months, &member.months),
            total: Some(convert::total_to_proto(&member.months)),
        };
        let members =
            view.members.iter().filter(|member| only.is_none_or(|own| own == member.party)).map(member).collect();
        let all = only.is_none();
        Ok(pb::ComputeSelfFinancingResponse {
            members,
            months: if all { convert::balances_to_proto(&view.months, &view.group) } else { Vec::new() },
            total: all.then(|| convert::total_to_proto(&view.group)),
            pays_for_itself_from: view
                .pays_for_itself_from
                .filter(|_| all)
                .map(|month| month.to_string())
                .unwrap_or_default(),
            notes: notes().iter().map(reason_to_proto).collect(),
        })
    }
}

/// What the figures of the view are and are not.
fn notes() -> [Reason; 3] {
    let note = |rule: &str, source: &str, text: &str| Reason::new(rule, source, text.to_owned(), &[]);
    [
        note(
            "REALISED",
            "Note DGOS PF1/2019/183",
            "Économie réalisée : (prix de référence − prix payé) sur les unités livrées et certifiées du mois ; provisoire tant que les factures des fournisseurs ne sont pas rapprochées. L'économie engagée porte sur ce qui est commandé et n'entre dans aucun solde.",
        ),
        note(
            "BALANCE",
            "",
            "Solde : économie réalisée − contributions avant subventions − logistique. Une subvention paie une part des contributions ; elle ne rend pas le groupement moins cher.",
        ),
        note(
            "DECLARED",
            "",
            "Les économies déclarées (examens évités…) reposent sur leur justificatif ; elles sont montrées à part et n'entrent dans aucun solde.",
        ),
    ]
}
