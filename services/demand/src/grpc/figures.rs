//! What members spend, order and save by month.

use proto::demand::v1::{ListMonthFiguresRequest, ListMonthFiguresResponse, figures_service_server::FiguresService};
use tonic::{Request, Response, Status};

use crate::app::App;

#[tonic::async_trait]
impl FiguresService for App {
    async fn list_month_figures(
        &self,
        request: Request<ListMonthFiguresRequest>,
    ) -> Result<Response<ListMonthFiguresResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_month_figures(&caller, request.into_inner()).await?))
    }
}
