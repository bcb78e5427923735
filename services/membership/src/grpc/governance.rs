//! How a group governs itself.

use proto::membership::v1::{self as pb, governance_service_server::GovernanceService};
use tonic::{Request, Response, Status};

use crate::app::App;

#[tonic::async_trait]
impl GovernanceService for App {
    async fn set_voting_rights(
        &self,
        request: Request<pb::SetVotingRightsRequest>,
    ) -> Result<Response<pb::SetVotingRightsResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.set_voting_rights(&caller, request.into_inner()).await?))
    }

    async fn list_voting_rights(
        &self,
        request: Request<pb::ListVotingRightsRequest>,
    ) -> Result<Response<pb::ListVotingRightsResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_voting_rights(&caller, request.into_inner()).await?))
    }

    async fn set_decision_rules(
        &self,
        request: Request<pb::SetDecisionRulesRequest>,
    ) -> Result<Response<pb::SetDecisionRulesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.set_decision_rules(&caller, request.into_inner()).await?))
    }

    async fn list_decision_rules(
        &self,
        request: Request<pb::ListDecisionRulesRequest>,
    ) -> Result<Response<pb::ListDecisionRulesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_decision_rules(&caller, request.into_inner()).await?))
    }

    async fn record_decision(
        &self,
        request: Request<pb::RecordDecisionRequest>,
    ) -> Result<Response<pb::RecordDecisionResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.record_decision(&caller, request.into_inner()).await?))
    }

    async fn get_decision(
        &self,
        request: Request<pb::GetDecisionRequest>,
    ) -> Result<Response<pb::GetDecisionResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.get_decision(&caller, request.into_inner()).await?))
    }

    async fn list_decisions(
        &self,
        request: Request<pb::ListDecisionsRequest>,
    ) -> Result<Response<pb::ListDecisionsResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_decisions(&caller, request.into_inner()).await?))
    }

    async fn attach_minutes(
        &self,
        request: Request<pb::AttachMinutesRequest>,
    ) -> Result<Response<pb::AttachMinutesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.attach_minutes(&caller, request.into_inner()).await?))
    }

    async fn get_minutes(
        &self,
        request: Request<pb::GetMinutesRequest>,
    ) -> Result<Response<pb::GetMinutesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.get_minutes(&caller, request.into_inner()).await?))
    }

    async fn set_offices(
        &self,
        request: Request<pb::SetOfficesRequest>,
    ) -> Result<Response<pb::SetOfficesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.set_offices(&caller, request.into_inner()).await?))
    }

    async fn list_offices(
        &self,
        request: Request<pb::ListOfficesRequest>,
    ) -> Result<Response<pb::ListOfficesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_offices(&caller, request.into_inner()).await?))
    }

    async fn record_mandate(
        &self,
        request: Request<pb::RecordMandateRequest>,
    ) -> Result<Response<pb::RecordMandateResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.record_mandate(&caller, request.into_inner()).await?))
    }

    async fn end_mandate(
        &self,
        request: Request<pb::EndMandateRequest>,
    ) -> Result<Response<pb::EndMandateResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.end_mandate(&caller, request.into_inner()).await?))
    }

    async fn list_mandates(
        &self,
        request: Request<pb::ListMandatesRequest>,
    ) -> Result<Response<pb::ListMandatesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_mandates(&caller, request.into_inner()).await?))
    }

    async fn set_commission_seats(
        &self,
        request: Request<pb::SetCommissionSeatsRequest>,
    ) -> Result<Response<pb::SetCommissionSeatsResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.set_commission_seats(&caller, request.into_inner()).await?))
    }

    async fn list_commission_seats(
        &self,
        request: Request<pb::ListCommissionSeatsRequest>,
    ) -> Result<Response<pb::ListCommissionSeatsResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_commission_seats(&caller, request.into_inner()).await?))
    }
}
