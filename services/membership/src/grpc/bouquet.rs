//! Services, practitioners, subscriptions and members files.

use proto::membership::v1::{
    AddPractitionersRequest, AddPractitionersResponse, ListPractitionersRequest, ListPractitionersResponse,
    ListServicesRequest, ListServicesResponse, ListSubscriptionsRequest, ListSubscriptionsResponse, LoadMembersRequest,
    LoadMembersResponse, RegisterServicesRequest, RegisterServicesResponse, SubscribeRequest, SubscribeResponse,
    TerminateRequest, TerminateResponse, bouquet_service_server::BouquetService,
};
use tonic::{Request, Response, Status};

use crate::app::App;

#[tonic::async_trait]
impl BouquetService for App {
    async fn register_services(
        &self,
        request: Request<RegisterServicesRequest>,
    ) -> Result<Response<RegisterServicesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.register_services(&caller, request.into_inner()).await?))
    }

    async fn list_services(
        &self,
        request: Request<ListServicesRequest>,
    ) -> Result<Response<ListServicesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_services(&caller, request.into_inner()).await?))
    }

    async fn add_practitioners(
        &self,
        request: Request<AddPractitionersRequest>,
    ) -> Result<Response<AddPractitionersResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.add_practitioners(&caller, request.into_inner()).await?))
    }

    async fn list_practitioners(
        &self,
        request: Request<ListPractitionersRequest>,
    ) -> Result<Response<ListPractitionersResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_practitioners(&caller, request.into_inner()).await?))
    }

    async fn subscribe(&self, request: Request<SubscribeRequest>) -> Result<Response<SubscribeResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.subscribe(&caller, request.into_inner()).await?))
    }

    async fn terminate(&self, request: Request<TerminateRequest>) -> Result<Response<TerminateResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.terminate(&caller, request.into_inner()).await?))
    }

    async fn list_subscriptions(
        &self,
        request: Request<ListSubscriptionsRequest>,
    ) -> Result<Response<ListSubscriptionsResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_subscriptions(&caller, request.into_inner()).await?))
    }

    async fn load_members(
        &self,
        request: Request<LoadMembersRequest>,
    ) -> Result<Response<LoadMembersResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.load_members(&caller, request.into_inner()).await?))
    }
}
