//! The gRPC face of logistics: who calls → [`App`] → reply. Nothing else.

use proto::logistics::v1::{
    AnnounceShipmentRequest, AnnounceShipmentResponse, CancelOutstandingRequest, CancelOutstandingResponse,
    CertifyDeliveryRequest, CertifyDeliveryResponse, DispatchDeliveryRequest, DispatchDeliveryResponse,
    GetDeliveryRequest, GetDeliveryResponse, ListAllocationsRequest, ListAllocationsResponse, ListBreakBulkRequest,
    ListBreakBulkResponse, ListDeliveriesRequest, ListDeliveriesResponse, ListExpectedRequest, ListExpectedResponse,
    ListRoutesRequest, ListRoutesResponse, ListShipmentsRequest, ListShipmentsResponse, ProveDeliveryRequest,
    ProveDeliveryResponse, ReceiveShipmentRequest, ReceiveShipmentResponse, SetBreakBulkRequest, SetBreakBulkResponse,
    logistics_service_server::LogisticsService,
};
use tonic::{Request, Response, Status};

use crate::app::App;

#[tonic::async_trait]
impl LogisticsService for App {
    async fn set_break_bulk(
        &self,
        request: Request<SetBreakBulkRequest>,
    ) -> Result<Response<SetBreakBulkResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.set_break_bulk(&caller, request.into_inner()).await?))
    }

    async fn list_break_bulk(
        &self,
        request: Request<ListBreakBulkRequest>,
    ) -> Result<Response<ListBreakBulkResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_break_bulk(&caller, request.into_inner()).await?))
    }

    async fn list_routes(&self, request: Request<ListRoutesRequest>) -> Result<Response<ListRoutesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_routes(&caller, request.into_inner()).await?))
    }

    async fn list_expected(
        &self,
        request: Request<ListExpectedRequest>,
    ) -> Result<Response<ListExpectedResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_expected(&caller, request.into_inner()).await?))
    }

    async fn announce_shipment(
        &self,
        request: Request<AnnounceShipmentRequest>,
    ) -> Result<Response<AnnounceShipmentResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.announce_shipment(&caller, request.into_inner()).await?))
    }

    async fn list_shipments(
        &self,
        request: Request<ListShipmentsRequest>,
    ) -> Result<Response<ListShipmentsResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_shipments(&caller, request.into_inner()).await?))
    }

    async fn receive_shipment(
        &self,
        request: Request<ReceiveShipmentRequest>,
    ) -> Result<Response<ReceiveShipmentResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.receive_shipment(&caller, request.into_inner()).await?))
    }

    async fn list_allocations(
        &self,
        request: Request<ListAllocationsRequest>,
    ) -> Result<Response<ListAllocationsResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_allocations(&caller, request.into_inner()).await?))
    }

    async fn list_deliveries(
        &self,
        request: Request<ListDeliveriesRequest>,
    ) -> Result<Response<ListDeliveriesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_deliveries(&caller, request.into_inner()).await?))
    }

    async fn get_delivery(
        &self,
        request: Request<GetDeliveryRequest>,
    ) -> Result<Response<GetDeliveryResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.get_delivery(&caller, request.into_inner()).await?))
    }

    async fn dispatch_delivery(
        &self,
        request: Request<DispatchDeliveryRequest>,
    ) -> Result<Response<DispatchDeliveryResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.dispatch_delivery(&caller, request.into_inner()).await?))
    }

    async fn prove_delivery(
        &self,
        request: Request<ProveDeliveryRequest>,
    ) -> Result<Response<ProveDeliveryResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.prove_delivery(&caller, request.into_inner()).await?))
    }

    async fn certify_delivery(
        &self,
        request: Request<CertifyDeliveryRequest>,
    ) -> Result<Response<CertifyDeliveryResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.certify_delivery(&caller, request.into_inner()).await?))
    }

    async fn cancel_outstanding(
        &self,
        request: Request<CancelOutstandingRequest>,
    ) -> Result<Response<CancelOutstandingResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.cancel_outstanding(&caller, request.into_inner()).await?))
    }
}
