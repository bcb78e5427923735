//! Changes of members.

use proto::demand::v1::{
    ConfirmMemberChangeRequest, ConfirmMemberChangeResponse, ListMemberChangesRequest, ListMemberChangesResponse,
    PreviewMemberChangeRequest, PreviewMemberChangeResponse, member_change_service_server::MemberChangeService,
};
use tonic::{Request, Response, Status};

use crate::app::App;

#[tonic::async_trait]
impl MemberChangeService for App {
    async fn preview_member_change(
        &self,
        request: Request<PreviewMemberChangeRequest>,
    ) -> Result<Response<PreviewMemberChangeResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.preview_member_change(&caller, request.into_inner()).await?))
    }

    async fn confirm_member_change(
        &self,
        request: Request<ConfirmMemberChangeRequest>,
    ) -> Result<Response<ConfirmMemberChangeResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.confirm_member_change(&caller, request.into_inner()).await?))
    }

    async fn list_member_changes(
        &self,
        request: Request<ListMemberChangesRequest>,
    ) -> Result<Response<ListMemberChangesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_member_changes(&caller, request.into_inner()).await?))
    }
}
