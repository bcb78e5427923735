//! The gRPC face of catalogue: who calls → [`App`] → reply. Nothing else.

use proto::catalogue::v1::{
    BatchGetArticlesRequest, BatchGetArticlesResponse, GetArticleRequest, GetArticleResponse, GetEditionRequest,
    GetEditionResponse, ListArticlesRequest, ListArticlesResponse, ListPricesRequest, ListPricesResponse,
    RegisterArticlesRequest, RegisterArticlesResponse, SetPricesRequest, SetPricesResponse,
    catalogue_service_server::CatalogueService,
};
use tonic::{Request, Response, Status};

use crate::app::App;

#[tonic::async_trait]
impl CatalogueService for App {
    async fn register_articles(
        &self,
        request: Request<RegisterArticlesRequest>,
    ) -> Result<Response<RegisterArticlesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.register_articles(&caller, request.into_inner()).await?))
    }

    async fn get_article(&self, request: Request<GetArticleRequest>) -> Result<Response<GetArticleResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.get_article(&caller, request.into_inner()).await?))
    }

    async fn get_edition(&self, request: Request<GetEditionRequest>) -> Result<Response<GetEditionResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.get_edition(&caller).await?))
    }

    async fn batch_get_articles(
        &self,
        request: Request<BatchGetArticlesRequest>,
    ) -> Result<Response<BatchGetArticlesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.batch_get_articles(&caller, request.into_inner()).await?))
    }

    async fn list_articles(
        &self,
        request: Request<ListArticlesRequest>,
    ) -> Result<Response<ListArticlesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_articles(&caller, request.into_inner()).await?))
    }

    async fn set_prices(&self, request: Request<SetPricesRequest>) -> Result<Response<SetPricesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.set_prices(&caller, request.into_inner()).await?))
    }

    async fn list_prices(&self, request: Request<ListPricesRequest>) -> Result<Response<ListPricesResponse>, Status> {
        let caller = self.caller(&request)?;
        Ok(Response::new(self.list_prices(&caller, request.into_inner()).await?))
    }
}
