//! Articles read again and again. A copy is believed only after asking catalogue for the edition of the articles, so that a change
//! shows in the next reading, through whichever gateway it was made; readings that wait at the same time share one question.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use kit::{Failure, identity::Caller};
use proto::catalogue::v1::{GetArticleRequest, GetEditionRequest};
use tokio::sync::oneshot;

use crate::{
    App,
    dto::catalogue::Article,
    people::gateway,
    upstream::{call, catalogue, promised},
};

/// Most articles kept: at about 1 KiB each.
const KEPT: usize = 20_000;
/// Longest reference under which one is kept.
const LONGEST: usize = 100;

/// An article as it is answered.
#[derive(Debug)]
pub struct Copy {
    /// Its version.
    pub version: i64,
    /// JSON.
    pub body: Bytes,
}

/// What is kept, and who waits for the edition.
#[derive(Debug, Default)]
pub struct Articles {
    kept: Mutex<Kept>,
    asking: Mutex<Asking>,
}

#[derive(Debug, Default)]
struct Kept {
    edition: i64,
    copies: HashMap<String, Arc<Copy>>,
}

/// Readings that wait for a question that has not been sent yet; whether one is under way.
#[derive(Debug, Default)]
struct Asking {
    waiting: Vec<oneshot::Sender<i64>>,
    busy: bool,
}

/// An article by any reference.
///
/// # Errors
/// What catalogue answers.
pub async fn read(app: &App, caller: &Caller, reference: String) -> Result<Arc<Copy>, Failure> {
    let edition = edition(app).await;
    if let Some(copy) = edition.and_then(|edition| app.articles.find(edition, &reference)) {
        return Ok(copy);
    }
    let request = GetArticleRequest { r#ref: reference.clone() };
    let answer = call(&app.peers.catalogue, caller, request, |channel, request| async move {
        catalogue(channel).get_article(request).await
    })
    .await?;
    let article = Article::from(promised(answer.article, "article")?);
    let body = serde_json::to_vec(&article).map_err(Failure::internal)?.into();
    let copy = Arc::new(Copy { version: article.version, body });
    // Read after the edition was asked for, so it is of that edition or of a later one.
    if let Some(edition) = edition {
        app.articles.keep(edition, reference, copy.clone());
    }
    Ok(copy)
}

/// The edition at some moment after the call; none when catalogue does not say.
async fn edition(app: &App) -> Option<i64> {
    let (sender, answer) = oneshot::channel();
    let idle = {
        let mut asking = app.articles.asking.lock().unwrap_or_else(PoisonError::into_inner);
        asking.waiting.push(sender);
        !std::mem::replace(&mut asking.busy, true)
    };
    if idle {
        tokio::spawn(ask(app.clone()));
    }
    answer.await.ok()
}

/// Asks as long as readings wait.
async fn ask(app: App) {
    loop {
        let waiting = {
            let mut asking = app.articles.asking.lock().unwrap_or_else(PoisonError::into_inner);
            asking.busy = !asking.waiting.is_empty();
            std::mem::take(&mut asking.waiting)
        };
        if waiting.is_empty() {
            return;
        }
        let answer = call(&app.peers.catalogue, &gateway(), GetEditionRequest {}, |channel, request| async move {
            catalogue(channel).get_edition(request).await
        })
        .await;
        match answer {
            Ok(answer) => {
                for one in waiting {
                    // Who asked may have gone.
                    let _ = one.send(answer.edition);
                }
            }
            Err(failure) => tracing::warn!(error = %failure, "edition of the articles not known"),
        }
    }
}

impl Articles {
    fn find(&self, edition: i64, reference: &str) -> Option<Arc<Copy>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        (kept.edition == edition).then(|| kept.copies.get(reference).cloned())?
    }

    fn keep(&self, edition: i64, reference: String, copy: Arc<Copy>) {
        if reference.len() > LONGEST {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.edition < edition {
            *kept = Kept { edition, copies: HashMap::new() };
        }
        if kept.edition == edition && kept.copies.len() < KEPT {
            kept.copies.insert(reference, copy);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(version: i64) -> Arc<Copy> {
        Arc::new(Copy { version, body: Bytes::new() })
    }

    #[test]
    fn a_copy_holds_for_its_edition_only() {
        let articles = Articles::default();
        articles.keep(4, "key:a".into(), copy(1));
        assert!(articles.find(4, "key:a").is_some());
        assert!(articles.find(5, "key:a").is_none(), "changed since");
        articles.keep(5, "key:a".into(), copy(2));
        articles.keep(4, "key:a".into(), copy(1));
        assert_eq!(
            articles.find(5, "key:a").map(|copy| copy.version),
            Some(2),
            "a late reader of before changes nothing"
        );
        assert!(articles.find(4, "key:a").is_none());
    }
}
