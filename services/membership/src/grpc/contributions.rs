//! How a group finances itself.

use proto::membership::v1::{self as pb, contribution_service_server::ContributionService};
use tonic::{Request, Response, Status};

use crate::app::App;

#[tonic::async_trait]
impl ContributionService for App {
    async fn set_contribution_rules(
        &self,
        request: Request<pb::SetContributionRulesRequest>,
    ) -> Result<Response<pb::SetContributionRulesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.set_contribution_rules(&caller, request.into_inner()).await?))
    }

    async fn list_contribution_rules(
        &self,
        request: Request<pb::ListContributionRulesRequest>,
    ) -> Result<Response<pb::ListContributionRulesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_contribution_rules(&caller, request.into_inner()).await?))
    }

    async fn set_grants(
        &self,
        request: Request<pb::SetGrantsRequest>,
    ) -> Result<Response<pb::SetGrantsResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.set_grants(&caller, request.into_inner()).await?))
    }

    async fn list_grants(
        &self,
        request: Request<pb::ListGrantsRequest>,
    ) -> Result<Response<pb::ListGrantsResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_grants(&caller, request.into_inner()).await?))
    }

    async fn compute_contributions(
        &self,
        request: Request<pb::ComputeContributionsRequest>,
    ) -> Result<Response<pb::ComputeContributionsResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.compute_contributions(&caller, request.into_inner()).await?))
    }

    async fn issue_invoices(
        &self,
        request: Request<pb::IssueInvoicesRequest>,
    ) -> Result<Response<pb::IssueInvoicesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.issue_invoices(&caller, request.into_inner()).await?))
    }

    async fn list_invoices(
        &self,
        request: Request<pb::ListInvoicesRequest>,
    ) -> Result<Response<pb::ListInvoicesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_invoices(&caller, request.into_inner()).await?))
    }

    async fn get_invoice(
        &self,
        request: Request<pb::GetInvoiceRequest>,
    ) -> Result<Response<pb::GetInvoiceResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.get_invoice(&caller, request.into_inner()).await?))
    }

    async fn set_logistics_costs(
        &self,
        request: Request<pb::SetLogisticsCostsRequest>,
    ) -> Result<Response<pb::SetLogisticsCostsResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.set_logistics_costs(&caller, request.into_inner()).await?))
    }

    async fn list_logistics_costs(
        &self,
        request: Request<pb::ListLogisticsCostsRequest>,
    ) -> Result<Response<pb::ListLogisticsCostsResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_logistics_costs(&caller, request.into_inner()).await?))
    }

    async fn declare_saving(
        &self,
        request: Request<pb::DeclareSavingRequest>,
    ) -> Result<Response<pb::DeclareSavingResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.declare_saving(&caller, request.into_inner()).await?))
    }

    async fn list_declared_savings(
        &self,
        request: Request<pb::ListDeclaredSavingsRequest>,
    ) -> Result<Response<pb::ListDeclaredSavingsResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_declared_savings(&caller, request.into_inner()).await?))
    }

    async fn compute_self_financing(
        &self,
        request: Request<pb::ComputeSelfFinancingRequest>,
    ) -> Result<Response<pb::ComputeSelfFinancingResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.compute_self_financing(&caller, request.into_inner()).await?))
    }
}
