//! The gRPC face of membership: who calls → [`App`] → reply. Nothing else.

mod bouquet;
mod contributions;
mod governance;
mod label;
mod rights;

use proto::membership::v1::{
    AddMembersRequest, AddMembersResponse, BatchGetPartiesRequest, BatchGetPartiesResponse, BatchGetSitesRequest,
    BatchGetSitesResponse, CreateGroupRequest, CreateGroupResponse, GetClockRequest, GetClockResponse, GetGroupRequest,
    GetGroupResponse, GetIssuerKeysRequest, GetIssuerKeysResponse, IssueTokenRequest, IssueTokenResponse,
    ListGroupsRequest, ListGroupsResponse, ListMembersRequest, ListMembersResponse, ListSitesRequest,
    ListSitesResponse, RegisterPartiesRequest, RegisterPartiesResponse, RegisterPeopleRequest, RegisterPeopleResponse,
    RegisterSitesRequest, RegisterSitesResponse, ResolvePersonRequest, ResolvePersonResponse,
    membership_service_server::MembershipService,
};
use tonic::{Request, Response, Status};

use crate::app::App;

#[tonic::async_trait]
impl MembershipService for App {
    async fn register_parties(
        &self,
        request: Request<RegisterPartiesRequest>,
    ) -> Result<Response<RegisterPartiesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.register_parties(&caller, request.into_inner()).await?))
    }

    async fn register_sites(
        &self,
        request: Request<RegisterSitesRequest>,
    ) -> Result<Response<RegisterSitesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.register_sites(&caller, request.into_inner()).await?))
    }

    async fn create_group(
        &self,
        request: Request<CreateGroupRequest>,
    ) -> Result<Response<CreateGroupResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.create_group(&caller, request.into_inner()).await?))
    }

    async fn add_members(&self, request: Request<AddMembersRequest>) -> Result<Response<AddMembersResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.add_members(&caller, request.into_inner()).await?))
    }

    async fn register_people(
        &self,
        request: Request<RegisterPeopleRequest>,
    ) -> Result<Response<RegisterPeopleResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.register_people(&caller, request.into_inner()).await?))
    }

    async fn batch_get_parties(
        &self,
        request: Request<BatchGetPartiesRequest>,
    ) -> Result<Response<BatchGetPartiesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.batch_get_parties(&caller, request.into_inner()).await?))
    }

    async fn batch_get_sites(
        &self,
        request: Request<BatchGetSitesRequest>,
    ) -> Result<Response<BatchGetSitesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.batch_get_sites(&caller, request.into_inner()).await?))
    }

    async fn list_groups(&self, request: Request<ListGroupsRequest>) -> Result<Response<ListGroupsResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_groups(&caller, request.into_inner()).await?))
    }

    async fn get_group(&self, request: Request<GetGroupRequest>) -> Result<Response<GetGroupResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.get_group(&caller, request.into_inner()).await?))
    }

    async fn list_members(
        &self,
        request: Request<ListMembersRequest>,
    ) -> Result<Response<ListMembersResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_members(&caller, request.into_inner()).await?))
    }

    async fn list_sites(&self, request: Request<ListSitesRequest>) -> Result<Response<ListSitesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_sites(&caller, request.into_inner()).await?))
    }

    async fn resolve_person(
        &self,
        request: Request<ResolvePersonRequest>,
    ) -> Result<Response<ResolvePersonResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.resolve_person(&caller, request.into_inner()).await?))
    }

    async fn issue_token(&self, request: Request<IssueTokenRequest>) -> Result<Response<IssueTokenResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.issue_token(&caller, request.into_inner()).await?))
    }

    async fn get_issuer_keys(
        &self,
        request: Request<GetIssuerKeysRequest>,
    ) -> Result<Response<GetIssuerKeysResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.get_issuer_keys(&caller, request.into_inner()).await?))
    }

    async fn get_clock(&self, request: Request<GetClockRequest>) -> Result<Response<GetClockResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.get_clock(&caller, request.into_inner()).await?))
    }
}
