//! Articles, packagings and identifiers: reference tables of the deployment.

use std::collections::{HashMap, HashSet};

use kit::{Failure, db::corrupt, id::ArticleId};
use rust_decimal::Decimal;
use sqlx::{PgConnection, QueryBuilder};

use super::rows::{self, ArticleRow, LevelRow};
use crate::domain::{
    article::{Article, StoredArticle},
    identifier::Code,
    reference::Reference,
};

const SELECT_ARTICLE: &str = "SELECT id, key, label, kind, base_unit, base_unit_label, cpv, atc, storage_class,
  required_authorisation, medicine, sterile_device, vat_rate, version FROM article ";

/// Articles wanted, by any of their names.
#[derive(Debug, Default)]
pub(crate) struct Lookup {
    ids: Vec<ArticleId>,
    keys: Vec<String>,
    codes: Vec<String>,
}

impl Lookup {
    /// What the references name; the same name once.
    pub(crate) fn new<'a>(references: impl IntoIterator<Item = &'a Reference>) -> Self {
        let mut lookup = Self::default();
        for reference in references.into_iter().collect::<HashSet<_>>() {
            match reference {
                Reference::Id(id) => lookup.ids.push(*id),
                Reference::Key(key) => lookup.keys.push(key.clone()),
                Reference::Code(code) => lookup.codes.push(code.to_string()),
            }
        }
        lookup
    }
}

/// Found articles by each of their names.
#[derive(Debug)]
pub(crate) struct Found {
    by_id: HashMap<ArticleId, StoredArticle>,
    ids: HashMap<String, ArticleId>,
    levels: HashMap<Code, (ArticleId, String)>,
}

impl Found {
    fn new(articles: Vec<StoredArticle>) -> Self {
        let mut found =
            Self { by_id: HashMap::with_capacity(articles.len()), ids: HashMap::new(), levels: HashMap::new() };
        for stored in articles {
            found.ids.insert(stored.article.key.clone(), stored.id);
            for (code, level) in stored.article.packaging.codes() {
                found.levels.insert(code, (stored.id, level.code.clone()));
            }
            found.by_id.insert(stored.id, stored);
        }
        found
    }

    /// The article that a reference names, with the level when it is the code of one.
    pub(crate) fn get(&self, reference: &Reference) -> Option<(&StoredArticle, Option<&str>)> {
        let (id, level) = match reference {
            Reference::Id(id) => (*id, None),
            Reference::Key(key) => (*self.ids.get(key)?, None),
            Reference::Code(code) => self.levels.get(code).map(|(id, level)| (*id, Some(level.as_str())))?,
        };
        self.by_id.get(&id).map(|stored| (stored, level))
    }
}

/// Finds articles in two statements, however many are wanted.
pub(crate) async fn find(conn: &mut PgConnection, lookup: &Lookup) -> Result<Found, Failure> {
    let mut query = QueryBuilder::new(SELECT_ARTICLE);
    query.push("WHERE id IN (SELECT unnest(").push_bind(&lookup.ids).push(")");
    query.push(" UNION SELECT id FROM article WHERE key = ANY(").push_bind(&lookup.keys).push(")");
    query.push(" UNION SELECT article_id FROM identifier WHERE code14 = ANY(").push_bind(&lookup.codes).push("))");
    let articles: Vec<ArticleRow> = query.build_query_as().fetch_all(&mut *conn).await?;
    Ok(Found::new(with_levels(conn, articles).await?))
}

async fn with_levels(conn: &mut PgConnection, articles: Vec<ArticleRow>) -> Result<Vec<StoredArticle>, Failure> {
    if articles.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<ArticleId> = articles.iter().map(|row| row.id).collect();
    let levels: Vec<LevelRow> = sqlx::query_as(
        "SELECT p.article_id, p.code, p.label, p.contains_code, p.contains_count, p.base_units, p.orderable,
                coalesce(array_agg(i.code14) FILTER (WHERE i.code14 IS NOT NULL), '{}') AS codes,
                coalesce(array_agg(scheme) FILTER (WHERE i.code14 IS NOT NULL), '{}') AS schemes
         FROM packaging p
         LEFT JOIN identifier i ON i.article_id = p.article_id AND i.packaging_code = p.code
         LEFT JOIN LATERAL unnest(i.schemes) AS scheme ON true
         WHERE p.article_id = ANY($1)
         GROUP BY p.article_id, p.code
         ORDER BY p.article_id, p.position",
    )
    .bind(&ids)
    .fetch_all(conn)
    .await?;
    rows::assemble(articles, levels)
}

/// Articles whose label has a word beginning with each word of the query, or one of whose codes begins with it; all when
/// it is empty. By id, after `after`, `count` at most.
pub(crate) async fn search(
    conn: &mut PgConnection,
    query: &str,
    after: ArticleId,
    count: i64,
) -> Result<Vec<StoredArticle>, Failure> {
    let mut sql = QueryBuilder::new(SELECT_ARTICLE);
    sql.push("WHERE id > ").push_bind(after);
    if let Some(start) = code_start(query) {
        // A range instead of LIKE: it uses the index whatever the plan. `:` comes after `9`.
        sql.push(" AND id IN (SELECT article_id FROM identifier WHERE ltrim(code14, '0') ~>=~ ").push_bind(start);
        sql.push(" AND ltrim(code14, '0') ~<~ ").push_bind(format!("{start}:"));
        sql.push(" UNION SELECT id FROM article WHERE words @@ search_query(").push_bind(query).push("))");
    } else if !query.is_empty() {
        sql.push(" AND words @@ search_query(").push_bind(query).push(")");
    }
    sql.push(" ORDER BY id LIMIT ").push_bind(count);
    // Planned anew each time: common words are best found by walking the ids, rare ones by the index of words.
    let rows: Vec<ArticleRow> = sql.build_query_as().persistent(false).fetch_all(&mut *conn).await?;
    with_levels(conn, rows).await
}

/// The start of a code that a query may be, without the zeros that fill codes up.
fn code_start(query: &str) -> Option<&str> {
    let is_code = query.len() >= 3 && query.bytes().all(|byte| byte.is_ascii_digit());
    Some(query.trim_start_matches('0')).filter(|start| is_code && !start.is_empty())
}

/// Registrations are rare and in bulk: they go one after the other, so that codes are compared with all there are. Readers
/// and prices do not wait.
pub(crate) async fn lock(conn: &mut PgConnection) -> Result<(), Failure> {
    sqlx::query("LOCK TABLE article IN SHARE ROW EXCLUSIVE MODE").execute(conn).await?;
    Ok(())
}

/// The key of the article that has each code, for the codes that are taken.
pub(crate) async fn code_owners(
    conn: &mut PgConnection,
    articles: &[Article],
) -> Result<HashMap<Code, String>, Failure> {
    let codes: Vec<String> =
        articles.iter().flat_map(|article| article.packaging.codes()).map(|(code, _)| code.to_string()).collect();
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT i.code14, a.key FROM identifier i JOIN article a ON a.id = i.article_id WHERE i.code14 = ANY($1)",
    )
    .bind(codes)
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|(code, key)| {
            Code::parse(&code).map(|parsed| (parsed, key)).map_err(|_| corrupt("identifier", "code14", code))
        })
        .collect()
}

/// Writes articles with the versions they carry, their levels and their codes. Call it under [`lock`].
pub(crate) async fn save(conn: &mut PgConnection, articles: &[&StoredArticle]) -> Result<(), Failure> {
    save_articles(conn, articles).await?;
    // Before the new codes: a code may go from one article of the batch to another.
    sqlx::query("DELETE FROM identifier WHERE article_id = ANY($1)")
        .bind(articles.iter().map(|stored| stored.id).collect::<Vec<_>>())
        .execute(&mut *conn)
        .await?;
    save_levels(conn, articles).await?;
    save_codes(conn, articles).await?;
    sqlx::query("UPDATE edition SET edition = edition + 1").execute(conn).await?;
    Ok(())
}

/// The edition of the articles.
pub(crate) async fn edition(conn: &mut PgConnection) -> Result<i64, Failure> {
    Ok(sqlx::query_scalar("SELECT edition FROM edition").fetch_one(conn).await?)
}

async fn save_articles(conn: &mut PgConnection, articles: &[&StoredArticle]) -> Result<(), Failure> {
    let texts =
        |field: fn(&Article) -> &str| articles.iter().map(|stored| field(&stored.article)).collect::<Vec<&str>>();
    let flags =
        |field: fn(&Article) -> bool| articles.iter().map(|stored| field(&stored.article)).collect::<Vec<bool>>();
    let written = sqlx::query(
        "INSERT INTO article AS a (id, version, key, label, kind, base_unit, base_unit_label, cpv, atc, storage_class,
                                   required_authorisation, medicine, sterile_device, vat_rate)
         SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                              $9::text[], $10::text[], $11::text[], $12::boolean[], $13::boolean[], $14::numeric[])
         ON CONFLICT (id) DO UPDATE SET version = excluded.version, label = excluded.label, kind = excluded.kind,
           base_unit_label = excluded.base_unit_label, cpv = excluded.cpv, atc = excluded.atc,
           storage_class = excluded.storage_class, required_authorisation = excluded.required_authorisation,
           medicine = excluded.medicine, sterile_device = excluded.sterile_device, vat_rate = excluded.vat_rate
         WHERE a.version = excluded.version - 1",
    )
    .bind(articles.iter().map(|stored| stored.id).collect::<Vec<_>>())
    .bind(articles.iter().map(|stored| stored.version).collect::<Vec<_>>())
    .bind(texts(|article| &article.key))
    .bind(texts(|article| &article.label))
    .bind(texts(|article| article.kind.name()))
    .bind(texts(|article| &article.base_unit))
    .bind(texts(|article| &article.base_unit_label))
    .bind(texts(|article| &article.cpv))
    .bind(texts(|article| &article.atc))
    .bind(texts(|article| article.storage_class.name()))
    .bind(texts(|article| article.required_authorisation.name()))
    .bind(flags(|article| article.medicine))
    .bind(flags(|article| article.sterile_device))
    .bind(articles.iter().map(|stored| stored.article.vat_rate).collect::<Vec<Decimal>>())
    .execute(conn)
    .await?
    .rows_affected();
    if usize::try_from(written).ok() == Some(articles.len()) {
        Ok(())
    } else {
        Err(Failure::internal(format!("{written} articles written instead of {}", articles.len())))
    }
}

/// Inserts new levels; of old ones only what may change (C4).
async fn save_levels(conn: &mut PgConnection, articles: &[&StoredArticle]) -> Result<(), Failure> {
    let (mut ids, mut codes, mut positions, mut labels) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut held, mut counts, mut units, mut orderable) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for stored in articles {
        for ((level, base_units), position) in stored.article.packaging.levels().zip(0_i32..) {
            ids.push(stored.id);
            codes.push(level.code.as_str());
            positions.push(position);
            labels.push(level.label.as_str());
            held.push(level.contains.as_ref().map(|contents| contents.code.as_str()));
            counts.push(level.contains.as_ref().map(|contents| contents.count));
            units.push(base_units);
            orderable.push(level.orderable);
        }
    }
    sqlx::query(
        "INSERT INTO packaging (article_id, code, position, label, contains_code, contains_count, base_units, orderable)
         SELECT * FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::boolean[])
         ON CONFLICT (article_id, code) DO UPDATE
         SET position = excluded.position, label = excluded.label, orderable = excluded.orderable",
    )
    .bind(ids)
    .bind(codes)
    .bind(positions)
    .bind(labels)
    .bind(held)
    .bind(counts)
    .bind(units)
    .bind(orderable)
    .execute(conn)
    .await?;
    Ok(())
}

async fn save_codes(conn: &mut PgConnection, articles: &[&StoredArticle]) -> Result<(), Failure> {
    let (mut codes, mut schemes, mut ids, mut levels) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for stored in articles {
        for (level, _) in stored.article.packaging.levels() {
            for identifier in &level.identifiers {
                codes.push(identifier.code().to_string());
                schemes.push(identifier.scheme().name());
                ids.push(stored.id);
                levels.push(level.code.as_str());
            }
        }
    }
    sqlx::query(
        "INSERT INTO identifier (code14, article_id, packaging_code, schemes)
         SELECT code14, article_id, level, array_agg(scheme)
         FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[]) AS given (code14, scheme, article_id, level)
         GROUP BY code14, article_id, level",
    )
    .bind(codes)
    .bind(schemes)
    .bind(ids)
    .bind(levels)
    .execute(conn)
    .await?;
    Ok(())
}
