//! The gRPC face of tendering: who calls → [`App`] → reply. Nothing else.

mod consultations;

use proto::tendering::v1::{
    AddBeneficiariesRequest, AddBeneficiariesResponse, CheckEntitlementsRequest, CheckEntitlementsResponse,
    ConfirmReservationRequest, ConfirmReservationResponse, EnterAgreementRequest, EnterAgreementResponse,
    EnterLotConsumptionRequest, EnterLotConsumptionResponse, GetAgreementRequest, GetAgreementResponse,
    ListAgreementsRequest, ListAgreementsResponse, ListLotConsumptionRequest, ListLotConsumptionResponse,
    ReleaseReservationRequest, ReleaseReservationResponse, ReserveRequest, ReserveResponse,
    tendering_service_server::TenderingService,
};
use tonic::{Request, Response, Status};

use crate::app::App;

#[tonic::async_trait]
impl TenderingService for App {
    async fn enter_agreement(
        &self,
        request: Request<EnterAgreementRequest>,
    ) -> Result<Response<EnterAgreementResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.enter_agreement(&caller, request.into_inner()).await?))
    }

    async fn get_agreement(
        &self,
        request: Request<GetAgreementRequest>,
    ) -> Result<Response<GetAgreementResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.get_agreement(&caller, request.into_inner()).await?))
    }

    async fn list_agreements(
        &self,
        request: Request<ListAgreementsRequest>,
    ) -> Result<Response<ListAgreementsResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_agreements(&caller, request.into_inner()).await?))
    }

    async fn add_beneficiaries(
        &self,
        request: Request<AddBeneficiariesRequest>,
    ) -> Result<Response<AddBeneficiariesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.add_beneficiaries(&caller, request.into_inner()).await?))
    }

    async fn enter_lot_consumption(
        &self,
        request: Request<EnterLotConsumptionRequest>,
    ) -> Result<Response<EnterLotConsumptionResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.enter_lot_consumption(&caller, request.into_inner()).await?))
    }

    async fn list_lot_consumption(
        &self,
        request: Request<ListLotConsumptionRequest>,
    ) -> Result<Response<ListLotConsumptionResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_lot_consumption(&caller, request.into_inner()).await?))
    }

    async fn check_entitlements(
        &self,
        request: Request<CheckEntitlementsRequest>,
    ) -> Result<Response<CheckEntitlementsResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.check_entitlements(&caller, request.into_inner()).await?))
    }

    async fn reserve(&self, request: Request<ReserveRequest>) -> Result<Response<ReserveResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.reserve(&caller, request.into_inner()).await?))
    }

    async fn confirm_reservation(
        &self,
        request: Request<ConfirmReservationRequest>,
    ) -> Result<Response<ConfirmReservationResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.confirm_reservation(&caller, request.into_inner()).await?))
    }

    async fn release_reservation(
        &self,
        request: Request<ReleaseReservationRequest>,
    ) -> Result<Response<ReleaseReservationResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.release_reservation(&caller, request.into_inner()).await?))
    }
}
