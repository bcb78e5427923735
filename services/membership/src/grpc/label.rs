//! Charter and label.

use proto::membership::v1::{
    GetPublicLabelRequest, GetPublicLabelResponse, ListAuditsDueRequest, ListAuditsDueResponse, ListAuditsRequest,
    ListAuditsResponse, ListChartersRequest, ListChartersResponse, ListLabelSchemesRequest, ListLabelSchemesResponse,
    PublishCharterRequest, PublishCharterResponse, RecordAuditRequest, RecordAuditResponse, SetLabelSchemeRequest,
    SetLabelSchemeResponse, SignCharterRequest, SignCharterResponse, label_service_server::LabelService,
};
use tonic::{Request, Response, Status};

use crate::app::App;

#[tonic::async_trait]
impl LabelService for App {
    async fn publish_charter(
        &self,
        request: Request<PublishCharterRequest>,
    ) -> Result<Response<PublishCharterResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.publish_charter(&caller, request.into_inner()).await?))
    }

    async fn list_charters(
        &self,
        request: Request<ListChartersRequest>,
    ) -> Result<Response<ListChartersResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_charters(&caller, request.into_inner()).await?))
    }

    async fn sign_charter(
        &self,
        request: Request<SignCharterRequest>,
    ) -> Result<Response<SignCharterResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.sign_charter(&caller, request.into_inner()).await?))
    }

    async fn set_label_scheme(
        &self,
        request: Request<SetLabelSchemeRequest>,
    ) -> Result<Response<SetLabelSchemeResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.set_label_scheme(&caller, request.into_inner()).await?))
    }

    async fn list_label_schemes(
        &self,
        request: Request<ListLabelSchemesRequest>,
    ) -> Result<Response<ListLabelSchemesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_label_schemes(&caller, request.into_inner()).await?))
    }

    async fn record_audit(
        &self,
        request: Request<RecordAuditRequest>,
    ) -> Result<Response<RecordAuditResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.record_audit(&caller, request.into_inner()).await?))
    }

    async fn list_audits(&self, request: Request<ListAuditsRequest>) -> Result<Response<ListAuditsResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_audits(&caller, request.into_inner()).await?))
    }

    async fn list_audits_due(
        &self,
        request: Request<ListAuditsDueRequest>,
    ) -> Result<Response<ListAuditsDueResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_audits_due(&caller, request.into_inner()).await?))
    }

    async fn get_public_label(
        &self,
        request: Request<GetPublicLabelRequest>,
    ) -> Result<Response<GetPublicLabelResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.get_public_label(&caller, request.into_inner()).await?))
    }
}
