//! Registering and finding articles.

use std::collections::HashSet;

use kit::{
    Caller, Failure, Role, Scope,
    command::{Claim, parse_request_id},
    error::CommonError,
    id::ArticleId,
};
use proto::catalogue::v1::{
    ArticlesRegistered, BatchGetArticlesRequest, BatchGetArticlesResponse, GetArticleRequest, GetArticleResponse,
    GetEditionResponse, ListArticlesRequest, ListArticlesResponse, RegisterArticlesRequest, RegisterArticlesResponse,
};

use super::App;
use crate::{
    convert,
    domain::{
        article::{self, Article, Registration, StoredArticle},
        reference::Reference,
    },
    store::articles::{self as store, Found, Lookup},
};

/// References of one call at most.
const REFS_LIMIT: usize = 20_000;
/// Characters of a search at most.
const QUERY_LIMIT: usize = 200;

impl App {
    /// Creates or updates articles by key. A version rises only when something changed.
    ///
    /// # Errors
    /// `IDENTIFIER_TAKEN`, `IDENTIFIER_MOVED`, `PACKAGING_CHANGED`, `INVALID_INPUT`; nothing is registered then.
    pub async fn register_articles(
        &self,
        caller: &Caller,
        request: RegisterArticlesRequest,
    ) -> Result<RegisterArticlesResponse, Failure> {
        caller.require(&[Role::Administrator])?;
        if caller.scope != Scope::Deployment {
            return Err(CommonError::WrongSession("the deployment").into());
        }
        let request_id = parse_request_id(&request.request_id)?;
        let wanted = convert::articles_to_register(&request)?;
        const METHOD: &str = "centrale.catalogue.v1.CatalogueService/RegisterArticles";
        let mut command = match self.db.command(caller, METHOD, &request.request_id, &request).await? {
            Claim::Replayed(reply) => return Ok(reply),
            Claim::Fresh(command) => command,
        };
        store::lock(command.conn()).await?;
        let keys: Vec<Reference> = wanted.iter().map(|article| Reference::Key(article.key.clone())).collect();
        let found = store::find(command.conn(), &Lookup::new(&keys)).await?;
        let owners = store::code_owners(command.conn(), &wanted).await?;
        article::check_codes(&wanted, &owners)?;
        let registered = register(&found, &keys, wanted)?;
        let touched: Vec<&StoredArticle> =
            registered.iter().filter(|(what, _)| *what != Registration::Unchanged).map(|(_, stored)| stored).collect();
        if !touched.is_empty() {
            store::save(command.conn(), &touched).await?;
            let article_ids = touched.iter().map(|stored| stored.id.to_string()).collect();
            // A bulk command is one aggregate: its request.
            command.append(request_id, "catalogue.articles_registered.v1", &ArticlesRegistered { article_ids }).await?;
        }
        let articles = registered.iter().map(|(_, stored)| convert::article_to_proto(stored)).collect();
        command.finish(RegisterArticlesResponse { articles }).await
    }

    /// One article by any reference.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn get_article(
        &self,
        caller: &Caller,
        request: GetArticleRequest,
    ) -> Result<GetArticleResponse, Failure> {
        let missing = || Failure::not_found("article", request.r#ref.chars().take(100).collect::<String>());
        let reference = Reference::parse(&request.r#ref).ok_or_else(missing)?;
        let found = self.find(caller, std::slice::from_ref(&reference)).await?;
        let (stored, _) = found.get(&reference).ok_or_else(missing)?;
        Ok(GetArticleResponse { article: Some(convert::article_to_proto(stored)) })
    }

    /// The edition of the articles.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn get_edition(&self, caller: &Caller) -> Result<GetEditionResponse, Failure> {
        let mut tx = self.db.begin(caller).await?;
        let edition = store::edition(tx.conn()).await?;
        tx.rollback().await?;
        Ok(GetEditionResponse { edition })
    }

    /// Articles by up to 20,000 references, in the order asked, the same reference once; unknown and malformed ones are left
    /// out, so that one wrong cell does not hide the others of a file.
    ///
    /// # Errors
    /// `INVALID_INPUT` without a reference or with too many.
    pub async fn batch_get_articles(
        &self,
        caller: &Caller,
        request: BatchGetArticlesRequest,
    ) -> Result<BatchGetArticlesResponse, Failure> {
        if request.refs.is_empty() || request.refs.len() > REFS_LIMIT {
            return Err(Failure::invalid_field(
                "refs",
                format!("must be 1 to {REFS_LIMIT}, got {}", request.refs.len()),
            ));
        }
        let mut seen = HashSet::with_capacity(request.refs.len());
        let (mut texts, mut references) = (Vec::new(), Vec::new());
        for text in &request.refs {
            if seen.insert(text.as_str())
                && let Some(reference) = Reference::parse(text)
            {
                texts.push(text.as_str());
                references.push(reference);
            }
        }
        let found = self.find(caller, &references).await?;
        let rows = texts.into_iter().zip(&references);
        let rows =
            rows.filter_map(|(text, reference)| found.get(reference).map(|(stored, level)| (text, stored, level)));
        Ok(BatchGetArticlesResponse { found: convert::found_to_proto(rows) })
    }

    /// A page of the catalogue, or of what a search finds in it.
    ///
    /// # Errors
    /// `INVALID_INPUT`.
    pub async fn list_articles(
        &self,
        caller: &Caller,
        request: ListArticlesRequest,
    ) -> Result<ListArticlesResponse, Failure> {
        let query = request.query.trim();
        if query.chars().count() > QUERY_LIMIT {
            return Err(Failure::invalid_field("query", format!("must have {QUERY_LIMIT} characters at most")));
        }
        let page = convert::page(caller, request.page.as_ref())?;
        let mut tx = self.db.begin(caller).await?;
        // One more tells whether there is a next page.
        let count = i64::try_from(page.size + 1).map_err(Failure::internal)?;
        let mut articles = store::search(tx.conn(), query, page.after, count).await?;
        tx.rollback().await?;
        let next_after = convert::cut(&mut articles, page.size, |stored| stored.id);
        Ok(ListArticlesResponse { articles: articles.iter().map(convert::article_to_proto).collect(), next_after })
    }

    async fn find(&self, caller: &Caller, references: &[Reference]) -> Result<Found, Failure> {
        let mut tx = self.db.begin(caller).await?;
        let found = store::find(tx.conn(), &Lookup::new(references)).await?;
        tx.rollback().await?;
        Ok(found)
    }
}

/// What each article becomes, in the order sent.
fn register(
    found: &Found,
    keys: &[Reference],
    wanted: Vec<Article>,
) -> Result<Vec<(Registration, StoredArticle)>, Failure> {
    let mut registered = Vec::with_capacity(wanted.len());
    for (key, article) in keys.iter().zip(wanted) {
        let stored = found.get(key).map(|(stored, _)| stored);
        let what = article::registration(stored, &article)?;
        let (id, before) = stored.map_or_else(|| (ArticleId::new(), 0), |stored| (stored.id, stored.version));
        let version = match what {
            Registration::Created | Registration::Changed => before + 1,
            Registration::Unchanged => before,
        };
        registered.push((what, StoredArticle { id, version, article }));
    }
    Ok(registered)
}
