//! The gRPC face of demand: who calls → [`App`] → reply. Nothing else.

mod figures;
mod member_changes;
mod opening;

use proto::demand::v1::{
    AddNeedsRequest, AddNeedsResponse, AnswerOrderRequest, AnswerOrderResponse, ApprovePlanRequest,
    ApprovePlanResponse, ChangeNeedRequest, ChangeNeedResponse, CloseRoundRequest, CloseRoundResponse,
    ConsolidateRoundRequest, ConsolidateRoundResponse, CreateRoundRequest, CreateRoundResponse,
    DraftConsultationRequest, DraftConsultationResponse, GetNeedRequest, GetNeedResponse, GetPlanRequest,
    GetPlanResponse, GetPooledOrderRequest, GetPooledOrderResponse, GetRoundRequest, GetRoundResponse,
    GetSavingsRequest, GetSavingsResponse, ImportNeedsRequest, ImportNeedsResponse, LeaseDispatchesRequest,
    LeaseDispatchesResponse, ListArticleHistoryRequest, ListArticleHistoryResponse, ListBalancesRequest,
    ListBalancesResponse, ListDispatchesRequest, ListDispatchesResponse, ListNeedsRequest, ListNeedsResponse,
    ListOrderFormsRequest, ListOrderFormsResponse, ListOrderLinesRequest, ListOrderLinesResponse,
    ListPlanExclusionsRequest, ListPlanExclusionsResponse, ListPlanLinesRequest, ListPlanLinesResponse,
    ListPlanSharesRequest, ListPlanSharesResponse, ListPooledOrdersRequest, ListPooledOrdersResponse,
    ListRoundsRequest, ListRoundsResponse, ListSnapshotLinesRequest, ListSnapshotLinesResponse, PlaceOrdersRequest,
    PlaceOrdersResponse, PlaceUrgentOrderRequest, PlaceUrgentOrderResponse, PlanRoundRequest, PlanRoundResponse,
    RecordCommitmentRequest, RecordCommitmentResponse, RecordDispatchRequest, RecordDispatchResponse,
    ResendOrderRequest, ResendOrderResponse, SetReferencePricesRequest, SetReferencePricesResponse,
    WithdrawNeedRequest, WithdrawNeedResponse, demand_service_server::DemandService,
};
use tonic::{Request, Response, Status};

use crate::app::App;

#[tonic::async_trait]
impl DemandService for App {
    async fn create_round(
        &self,
        request: Request<CreateRoundRequest>,
    ) -> Result<Response<CreateRoundResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.create_round(&caller, request.into_inner()).await?))
    }

    async fn get_round(&self, request: Request<GetRoundRequest>) -> Result<Response<GetRoundResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.get_round(&caller, request.into_inner()).await?))
    }

    async fn list_rounds(&self, request: Request<ListRoundsRequest>) -> Result<Response<ListRoundsResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_rounds(&caller, request.into_inner()).await?))
    }

    async fn close_round(&self, request: Request<CloseRoundRequest>) -> Result<Response<CloseRoundResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.close_round(&caller, request.into_inner()).await?))
    }

    async fn add_needs(&self, request: Request<AddNeedsRequest>) -> Result<Response<AddNeedsResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.add_needs(&caller, request.into_inner()).await?))
    }

    async fn import_needs(
        &self,
        request: Request<tonic::Streaming<ImportNeedsRequest>>,
    ) -> Result<Response<ImportNeedsResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.import_needs(&caller, request.into_inner()).await?))
    }

    async fn list_article_history(
        &self,
        request: Request<ListArticleHistoryRequest>,
    ) -> Result<Response<ListArticleHistoryResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_article_history(&caller, request.into_inner()).await?))
    }

    async fn change_need(&self, request: Request<ChangeNeedRequest>) -> Result<Response<ChangeNeedResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.change_need(&caller, request.into_inner()).await?))
    }

    async fn withdraw_need(
        &self,
        request: Request<WithdrawNeedRequest>,
    ) -> Result<Response<WithdrawNeedResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.withdraw_need(&caller, request.into_inner()).await?))
    }

    async fn get_need(&self, request: Request<GetNeedRequest>) -> Result<Response<GetNeedResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.get_need(&caller, request.into_inner()).await?))
    }

    async fn list_needs(&self, request: Request<ListNeedsRequest>) -> Result<Response<ListNeedsResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_needs(&caller, request.into_inner()).await?))
    }

    async fn set_reference_prices(
        &self,
        request: Request<SetReferencePricesRequest>,
    ) -> Result<Response<SetReferencePricesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.set_reference_prices(&caller, request.into_inner()).await?))
    }

    async fn consolidate_round(
        &self,
        request: Request<ConsolidateRoundRequest>,
    ) -> Result<Response<ConsolidateRoundResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.consolidate_round(&caller, request.into_inner()).await?))
    }

    async fn list_snapshot_lines(
        &self,
        request: Request<ListSnapshotLinesRequest>,
    ) -> Result<Response<ListSnapshotLinesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_snapshot_lines(&caller, request.into_inner()).await?))
    }

    async fn draft_consultation(
        &self,
        request: Request<DraftConsultationRequest>,
    ) -> Result<Response<DraftConsultationResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.draft_consultation(&caller, request.into_inner()).await?))
    }

    async fn plan_round(&self, request: Request<PlanRoundRequest>) -> Result<Response<PlanRoundResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.plan_round(&caller, request.into_inner()).await?))
    }

    async fn get_plan(&self, request: Request<GetPlanRequest>) -> Result<Response<GetPlanResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.get_plan(&caller, request.into_inner()).await?))
    }

    async fn list_plan_lines(
        &self,
        request: Request<ListPlanLinesRequest>,
    ) -> Result<Response<ListPlanLinesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_plan_lines(&caller, request.into_inner()).await?))
    }

    async fn list_plan_shares(
        &self,
        request: Request<ListPlanSharesRequest>,
    ) -> Result<Response<ListPlanSharesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_plan_shares(&caller, request.into_inner()).await?))
    }

    async fn list_plan_exclusions(
        &self,
        request: Request<ListPlanExclusionsRequest>,
    ) -> Result<Response<ListPlanExclusionsResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_plan_exclusions(&caller, request.into_inner()).await?))
    }

    async fn approve_plan(
        &self,
        request: Request<ApprovePlanRequest>,
    ) -> Result<Response<ApprovePlanResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.approve_plan(&caller, request.into_inner()).await?))
    }

    async fn record_commitment(
        &self,
        request: Request<RecordCommitmentRequest>,
    ) -> Result<Response<RecordCommitmentResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.record_commitment(&caller, request.into_inner()).await?))
    }

    async fn place_orders(
        &self,
        request: Request<PlaceOrdersRequest>,
    ) -> Result<Response<PlaceOrdersResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.place_orders(&caller, request.into_inner()).await?))
    }

    async fn place_urgent_order(
        &self,
        request: Request<PlaceUrgentOrderRequest>,
    ) -> Result<Response<PlaceUrgentOrderResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.place_urgent_order(&caller, request.into_inner()).await?))
    }

    async fn list_pooled_orders(
        &self,
        request: Request<ListPooledOrdersRequest>,
    ) -> Result<Response<ListPooledOrdersResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_pooled_orders(&caller, request.into_inner()).await?))
    }

    async fn get_pooled_order(
        &self,
        request: Request<GetPooledOrderRequest>,
    ) -> Result<Response<GetPooledOrderResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.get_pooled_order(&caller, request.into_inner()).await?))
    }

    async fn list_order_forms(
        &self,
        request: Request<ListOrderFormsRequest>,
    ) -> Result<Response<ListOrderFormsResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_order_forms(&caller, request.into_inner()).await?))
    }

    async fn list_order_lines(
        &self,
        request: Request<ListOrderLinesRequest>,
    ) -> Result<Response<ListOrderLinesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_order_lines(&caller, request.into_inner()).await?))
    }

    async fn answer_order(
        &self,
        request: Request<AnswerOrderRequest>,
    ) -> Result<Response<AnswerOrderResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.answer_order(&caller, request.into_inner()).await?))
    }

    async fn lease_dispatches(
        &self,
        request: Request<LeaseDispatchesRequest>,
    ) -> Result<Response<LeaseDispatchesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.lease_dispatches(&caller, request.into_inner()).await?))
    }

    async fn record_dispatch(
        &self,
        request: Request<RecordDispatchRequest>,
    ) -> Result<Response<RecordDispatchResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.record_dispatch(&caller, request.into_inner()).await?))
    }

    async fn list_dispatches(
        &self,
        request: Request<ListDispatchesRequest>,
    ) -> Result<Response<ListDispatchesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_dispatches(&caller, request.into_inner()).await?))
    }

    async fn resend_order(
        &self,
        request: Request<ResendOrderRequest>,
    ) -> Result<Response<ResendOrderResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.resend_order(&caller, request.into_inner()).await?))
    }

    async fn list_balances(
        &self,
        request: Request<ListBalancesRequest>,
    ) -> Result<Response<ListBalancesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_balances(&caller, request.into_inner()).await?))
    }

    async fn get_savings(&self, request: Request<GetSavingsRequest>) -> Result<Response<GetSavingsResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.get_savings(&caller, request.into_inner()).await?))
    }
}
