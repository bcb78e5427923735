//! What exists on the first day.

use proto::demand::v1::{
    ListConsumptionRequest, ListConsumptionResponse, ListMemberCodesRequest, ListMemberCodesResponse,
    LoadOpeningRequest, LoadOpeningResponse, opening_service_server::OpeningService,
};
use tonic::{Request, Response, Status};

use crate::app::App;

#[tonic::async_trait]
impl OpeningService for App {
    async fn load_opening(
        &self,
        request: Request<tonic::Streaming<LoadOpeningRequest>>,
    ) -> Result<Response<LoadOpeningResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.load_opening(&caller, request.into_inner()).await?))
    }

    async fn list_member_codes(
        &self,
        request: Request<ListMemberCodesRequest>,
    ) -> Result<Response<ListMemberCodesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_member_codes(&caller, request.into_inner()).await?))
    }

    async fn list_consumption(
        &self,
        request: Request<ListConsumptionRequest>,
    ) -> Result<Response<ListConsumptionResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_consumption(&caller, request.into_inner()).await?))
    }
}
