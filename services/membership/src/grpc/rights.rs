//! Rights, and what changes about members.

use proto::membership::v1::{self as pb, rights_service_server::RightsService};
use tonic::{Request, Response, Status};

use crate::app::App;

#[tonic::async_trait]
impl RightsService for App {
    async fn record_delegation(
        &self,
        request: Request<pb::RecordDelegationRequest>,
    ) -> Result<Response<pb::RecordDelegationResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.record_delegation(&caller, request.into_inner()).await?))
    }

    async fn revoke_delegation(
        &self,
        request: Request<pb::RevokeDelegationRequest>,
    ) -> Result<Response<pb::RevokeDelegationResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.revoke_delegation(&caller, request.into_inner()).await?))
    }

    async fn list_delegations(
        &self,
        request: Request<pb::ListDelegationsRequest>,
    ) -> Result<Response<pb::ListDelegationsResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_delegations(&caller, request.into_inner()).await?))
    }

    async fn record_buyer_status(
        &self,
        request: Request<pb::RecordBuyerStatusRequest>,
    ) -> Result<Response<pb::RecordBuyerStatusResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.record_buyer_status(&caller, request.into_inner()).await?))
    }

    async fn list_buyer_statuses(
        &self,
        request: Request<pb::ListBuyerStatusesRequest>,
    ) -> Result<Response<pb::ListBuyerStatusesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_buyer_statuses(&caller, request.into_inner()).await?))
    }

    async fn change_member(
        &self,
        request: Request<pb::ChangeMemberRequest>,
    ) -> Result<Response<pb::ChangeMemberResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.change_member(&caller, request.into_inner()).await?))
    }

    async fn record_identity(
        &self,
        request: Request<pb::RecordIdentityRequest>,
    ) -> Result<Response<pb::RecordIdentityResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.record_identity(&caller, request.into_inner()).await?))
    }
}
