//! Members' own codes and what they consumed before: written by chunk, each with the event that tells of it.

use std::collections::HashMap;

use chrono::NaiveDate;
use kit::{
    Failure,
    id::{ArticleId, ConsumptionId, GroupId, PartyId, SiteId},
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::opening::{NewCode, NewConsumption};

/// Rows in one statement, and told by one event at most.
pub const CHUNK: usize = 5_000;

/// Lets one load of opening data of a group at a time through, so that what two loads tell of the same meets before it clashes; and
/// gives statements over many rows their time.
pub async fn lock(conn: &mut PgConnection, group: GroupId) -> Result<(), Failure> {
    sqlx::query("SELECT set_config('statement_timeout', '300s', true)").execute(&mut *conn).await?;
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
        .bind(format!("{group}/opening"))
        .execute(conn)
        .await?;
    Ok(())
}

/// A code found: whose, as it stands, and its article.
#[derive(Debug, sqlx::FromRow)]
pub struct FoundCode {
    /// Whose.
    pub party_id: PartyId,
    /// As it stands.
    pub code: String,
    /// Of which article.
    pub article_id: ArticleId,
}

/// Codes of members that are what was asked for, or would be without the zeros in front of them.
pub async fn find_codes(
    conn: &mut PgConnection,
    group: GroupId,
    asked: &[(PartyId, &str)],
) -> Result<Vec<FoundCode>, Failure> {
    Ok(sqlx::query_as(
        "SELECT DISTINCT m.party_id, m.code, m.article_id
         FROM unnest($2::uuid[], $3::text[]) AS asked (party_id, code)
         JOIN member_code m ON m.group_id = $1 AND m.party_id = asked.party_id
           AND ltrim(m.code, '0') = ltrim(asked.code, '0')",
    )
    .bind(group)
    .bind(asked.iter().map(|(party, _)| *party).collect::<Vec<_>>())
    .bind(asked.iter().map(|(_, code)| *code).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?)
}

/// The articles that codes of members have now.
pub async fn present_codes(
    conn: &mut PgConnection,
    group: GroupId,
    codes: &[NewCode],
) -> Result<HashMap<(PartyId, String), ArticleId>, Failure> {
    let rows: Vec<FoundCode> = sqlx::query_as(
        "SELECT m.party_id, m.code, m.article_id FROM member_code m
         JOIN unnest($2::uuid[], $3::text[]) AS n (party_id, code) ON m.party_id = n.party_id AND m.code = n.code
         WHERE m.group_id = $1",
    )
    .bind(group)
    .bind(codes.iter().map(|row| row.party).collect::<Vec<_>>())
    .bind(codes.iter().map(|row| row.code.as_str()).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| ((row.party_id, row.code), row.article_id)).collect())
}

/// Writes codes that are not there.
pub async fn insert_codes(
    conn: &mut PgConnection,
    group: GroupId,
    event: Uuid,
    codes: &[NewCode],
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO member_code (group_id, event_id, party_id, code, article_id)
         SELECT $1, $2, * FROM unnest($3::uuid[], $4::text[], $5::uuid[])",
    )
    .bind(group)
    .bind(event)
    .bind(codes.iter().map(|row| row.party).collect::<Vec<_>>())
    .bind(codes.iter().map(|row| row.code.as_str()).collect::<Vec<_>>())
    .bind(codes.iter().map(|row| row.article).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Codes that the session may see, by member and code; of one member or all.
pub async fn list_codes(
    conn: &mut PgConnection,
    party: Option<PartyId>,
    after: Option<(PartyId, String)>,
    limit: i64,
) -> Result<Vec<FoundCode>, Failure> {
    let (after_party, after_code) = after.unzip();
    Ok(sqlx::query_as(
        "SELECT party_id, code, article_id FROM member_code
         WHERE ($1::uuid IS NULL OR party_id = $1) AND ($2::uuid IS NULL OR (party_id, code) > ($2, $3))
         ORDER BY party_id, code LIMIT $4",
    )
    .bind(party)
    .bind(after_party)
    .bind(after_code)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// What was paid and used of each of some rows, where there is such a row: by place among them.
pub async fn present_consumption(
    conn: &mut PgConnection,
    group: GroupId,
    rows: &[NewConsumption],
) -> Result<HashMap<usize, (i64, Option<i64>)>, Failure> {
    let found: Vec<(i64, i64, Option<i64>)> = sqlx::query_as(
        "SELECT n.place, c.units, c.amount_cents
         FROM unnest($2::uuid[], $3::uuid[], $4::date[], $5::uuid[]) WITH ORDINALITY
           AS n (party_id, article_id, month, site_id, place)
         JOIN consumption c ON c.group_id = $1 AND c.party_id = n.party_id AND c.article_id = n.article_id
           AND c.month = n.month AND c.site_id IS NOT DISTINCT FROM n.site_id",
    )
    .bind(group)
    .bind(rows.iter().map(|row| row.party).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.article).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.month).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.site).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    let placed = |(place, units, cents): (i64, i64, Option<i64>)| {
        // Counted from 1.
        let place = usize::try_from(place - 1).map_err(Failure::internal)?;
        Ok((place, (units, cents)))
    };
    found.into_iter().map(placed).collect()
}

/// Writes consumption that is not there.
pub async fn insert_consumption(
    conn: &mut PgConnection,
    group: GroupId,
    event: Uuid,
    ids: &[ConsumptionId],
    rows: &[NewConsumption],
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO consumption (group_id, event_id, id, party_id, site_id, article_id, month, units, amount_cents, as_of, source)
         SELECT $1, $2, * FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::date[], $8::bigint[], $9::bigint[],
           $10::date[], $11::text[])",
    )
    .bind(group)
    .bind(event)
    .bind(ids)
    .bind(rows.iter().map(|row| row.party).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.site).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.article).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.month).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.units).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.amount_cents).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.as_of).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| &*row.source).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes the average price of the last twelve months known as a reference price where none was stated, for members whose
/// consumption was loaded by these events. Answers how many.
pub async fn add_reference_prices(conn: &mut PgConnection, group: GroupId, events: &[Uuid]) -> Result<i64, Failure> {
    let added = sqlx::query(
        "INSERT INTO reference_price (group_id, party_id, article_id, unit_price, dated_on, evidence)
         SELECT $1, c.party_id, c.article_id, round(sum(c.amount_cents) / 100 / sum(c.units), 6), max(c.as_of),
           format('Consommation %s à %s : %s', to_char(min(c.month), 'MM/YYYY'), to_char(max(c.month), 'MM/YYYY'), min(c.source))
         FROM consumption c
         JOIN (SELECT party_id, article_id, max(month) AS last FROM consumption
               WHERE group_id = $1 AND event_id = ANY($2) AND amount_cents IS NOT NULL GROUP BY party_id, article_id) l
           ON l.party_id = c.party_id AND l.article_id = c.article_id
         WHERE c.group_id = $1 AND c.amount_cents IS NOT NULL AND c.month > l.last - interval '12 months'
         GROUP BY c.party_id, c.article_id HAVING sum(c.units) > 0
         ON CONFLICT (group_id, party_id, article_id) DO NOTHING",
    )
    .bind(group)
    .bind(events)
    .execute(conn)
    .await?;
    i64::try_from(added.rows_affected()).map_err(Failure::internal)
}

/// A row of the list of consumption.
#[derive(Debug, sqlx::FromRow)]
pub struct Listed {
    /// Its id.
    pub id: ConsumptionId,
    /// Whose.
    pub party_id: PartyId,
    /// Where.
    pub site_id: Option<SiteId>,
    /// Of what.
    pub article_id: ArticleId,
    /// First day of the month.
    pub month: NaiveDate,
    /// Base units.
    pub units: i64,
    /// Cents EUR.
    pub amount_cents: Option<i64>,
    /// Drawn up on.
    pub as_of: NaiveDate,
    /// Where it comes from.
    pub source: String,
}

/// Consumption that the session may see, by id; of one member or all.
pub async fn list_consumption(
    conn: &mut PgConnection,
    party: Option<PartyId>,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Listed>, Failure> {
    Ok(sqlx::query_as(
        "SELECT id, party_id, site_id, article_id, month, units, amount_cents, as_of, source FROM consumption
         WHERE ($1::uuid IS NULL OR party_id = $1) AND id > $2 ORDER BY id LIMIT $3",
    )
    .bind(party)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}
