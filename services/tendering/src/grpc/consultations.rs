//! The gRPC face of consultations: who calls → [`App`] → reply. Nothing else.

use proto::tendering::v1::{self as pb, consultation_service_server::ConsultationService};
use tonic::{Request, Response, Status, Streaming};

use crate::app::App;

#[tonic::async_trait]
impl ConsultationService for App {
    async fn create_consultation(
        &self,
        request: Request<pb::CreateConsultationRequest>,
    ) -> Result<Response<pb::CreateConsultationResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.create_consultation(&caller, request.into_inner()).await?))
    }

    async fn revise_consultation(
        &self,
        request: Request<pb::ReviseConsultationRequest>,
    ) -> Result<Response<pb::ReviseConsultationResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.revise_consultation(&caller, request.into_inner()).await?))
    }

    async fn get_consultation(
        &self,
        request: Request<pb::GetConsultationRequest>,
    ) -> Result<Response<pb::GetConsultationResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.get_consultation(&caller, request.into_inner()).await?))
    }

    async fn list_consultations(
        &self,
        request: Request<pb::ListConsultationsRequest>,
    ) -> Result<Response<pb::ListConsultationsResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_consultations(&caller, request.into_inner()).await?))
    }

    async fn check_publication(
        &self,
        request: Request<pb::CheckPublicationRequest>,
    ) -> Result<Response<pb::CheckPublicationResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.check_publication(&caller, request.into_inner()).await?))
    }

    async fn publish_consultation(
        &self,
        request: Request<pb::PublishConsultationRequest>,
    ) -> Result<Response<pb::PublishConsultationResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.publish_consultation(&caller, request.into_inner()).await?))
    }

    async fn cancel_consultation(
        &self,
        request: Request<pb::CancelConsultationRequest>,
    ) -> Result<Response<pb::CancelConsultationResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.cancel_consultation(&caller, request.into_inner()).await?))
    }

    async fn list_tenders(
        &self,
        request: Request<pb::ListTendersRequest>,
    ) -> Result<Response<pb::ListTendersResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_tenders(&caller, request.into_inner()).await?))
    }

    async fn open_tenders(
        &self,
        request: Request<pb::OpenTendersRequest>,
    ) -> Result<Response<pb::OpenTendersResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.open_tenders(&caller, request.into_inner()).await?))
    }

    async fn score_tenders(
        &self,
        request: Request<pb::ScoreTendersRequest>,
    ) -> Result<Response<pb::ScoreTendersResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.score_tenders(&caller, request.into_inner()).await?))
    }

    async fn award_lots(
        &self,
        request: Request<pb::AwardLotsRequest>,
    ) -> Result<Response<pb::AwardLotsResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.award_lots(&caller, request.into_inner()).await?))
    }

    async fn sign_agreement(
        &self,
        request: Request<pb::SignAgreementRequest>,
    ) -> Result<Response<pb::SignAgreementResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.sign_agreement(&caller, request.into_inner()).await?))
    }

    async fn submit_tender(
        &self,
        request: Request<Streaming<pb::SubmitTenderRequest>>,
    ) -> Result<Response<pb::SubmitTenderResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.submit_tender(&caller, request.into_inner()).await?))
    }
}
