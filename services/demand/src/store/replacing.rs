//! Replacing a member's needs of a round by staged ones ([`super::staging`]), in the transaction of the load. Needs are
//! found by reference. Every step is one statement over all rows and answers with hashed chunks for the log.

use kit::Failure;
use sqlx::PgConnection;

use super::staging::{Chunk, Place, chunked};

/// Locks the member's needs of the round, so that nobody changes one between two steps.
pub async fn lock_needs(conn: &mut PgConnection, place: Place) -> Result<(), Failure> {
    sqlx::query(
        "SELECT count(*) FROM (SELECT id FROM need WHERE group_id = $1 AND round_id = $2 AND party_id = $3
           ORDER BY id FOR UPDATE) AS locked",
    )
    .persistent(false)
    .bind(place.group)
    .bind(place.round)
    .bind(place.party)
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives staged rows that have no reference of their own that of an active need with the same site, article, packaging and
/// date, which no other row names: in the order of the file, oldest need first, same quantity before others. What they were
/// given when they were staged is `made_prefix` and their row number.
pub async fn pair_unnamed(conn: &mut PgConnection, place: Place, made_prefix: &str) -> Result<(), Failure> {
    // Twice: first pairs that agree in quantity too, so that swapped rows change nothing; then whatever is left.
    for same_quantity in [true, false] {
        sqlx::query(
            "WITH free AS (
               SELECT n.reference, n.site_id, n.article_id, n.packaging_code, coalesce(n.needed_by, 'infinity') AS day,
                 CASE WHEN $5 THEN n.quantity ELSE 0 END AS quantity, row_number() OVER (PARTITION BY n.site_id,
                 n.article_id, n.packaging_code, n.needed_by, CASE WHEN $5 THEN n.quantity ELSE 0 END ORDER BY n.id) AS place
               FROM need n WHERE n.group_id = $1 AND n.round_id = $2 AND n.party_id = $3 AND NOT n.withdrawn
                 AND NOT EXISTS (SELECT FROM staged_need s WHERE s.reference = n.reference)),
             unnamed AS (
               SELECT s.row_number, s.site_id, s.article_id, s.packaging_code, coalesce(s.needed_by, 'infinity') AS day,
                 CASE WHEN $5 THEN s.quantity ELSE 0 END AS quantity, row_number() OVER (PARTITION BY s.site_id,
                 s.article_id, s.packaging_code, s.needed_by, CASE WHEN $5 THEN s.quantity ELSE 0 END
                 ORDER BY s.row_number) AS place
               FROM staged_need s WHERE s.reference = $4 || s.row_number
                 AND NOT EXISTS (SELECT FROM need n WHERE n.group_id = $1 AND n.round_id = $2 AND n.party_id = $3
                   AND n.reference = s.reference AND NOT n.withdrawn))
             UPDATE staged_need s SET reference = free.reference
             FROM unnamed JOIN free USING (site_id, article_id, packaging_code, day, quantity, place)
             WHERE s.row_number = unnamed.row_number",
        )
        .persistent(false)
        .bind(place.group)
        .bind(place.round)
        .bind(place.party)
        .bind(made_prefix)
        .bind(same_quantity)
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Withdraws the active needs that no staged row names.
pub async fn withdraw_missing(conn: &mut PgConnection, place: Place) -> Result<Vec<Chunk>, Failure> {
    let rows = sqlx::query_as(
        "WITH gone AS (
           UPDATE need n SET withdrawn = true, version = version + 1
           WHERE n.group_id = $1 AND n.round_id = $2 AND n.party_id = $3 AND NOT n.withdrawn
             AND NOT EXISTS (SELECT FROM staged_need s WHERE s.reference = n.reference)
           RETURNING n.id, n.site_id, n.article_id, n.units)
         SELECT id, site_id, article_id, units FROM gone ORDER BY id",
    )
    .persistent(false)
    .bind(place.group)
    .bind(place.round)
    .bind(place.party)
    .fetch(conn);
    chunked(rows).await
}

/// Gives active needs the content of the staged rows with their references, where it differs.
pub async fn change(conn: &mut PgConnection, place: Place) -> Result<Vec<Chunk>, Failure> {
    give_content(conn, place, false).await
}

/// States withdrawn needs anew that staged rows name, with the content of those.
pub async fn revive(conn: &mut PgConnection, place: Place) -> Result<Vec<Chunk>, Failure> {
    give_content(conn, place, true).await
}

async fn give_content(conn: &mut PgConnection, place: Place, withdrawn: bool) -> Result<Vec<Chunk>, Failure> {
    let rows = sqlx::query_as(
        "WITH given AS (
           UPDATE need n SET site_id = s.site_id, article_id = s.article_id, kind = s.kind,
             packaging_code = s.packaging_code, packaging_label = s.packaging_label,
             packaging_content = s.packaging_content, base_label = s.base_label, pack_units = s.pack_units,
             quantity = s.quantity, units = s.units, needed_by = s.needed_by, commitment = s.commitment, version = n.version + 1, withdrawn = false
           FROM staged_need s
           WHERE n.group_id = $1 AND n.round_id = $2 AND n.party_id = $3 AND n.reference = s.reference AND n.withdrawn = $4
             AND (n.withdrawn OR (n.site_id, n.article_id, n.packaging_code, n.pack_units, n.quantity, n.needed_by,
                n.commitment) IS DISTINCT FROM (s.site_id, s.article_id, s.packaging_code, s.pack_units, s.quantity,
                s.needed_by, s.commitment))
           RETURNING n.id, n.site_id, n.article_id, n.units)
         SELECT id, site_id, article_id, units FROM given ORDER BY id",
    )
    .persistent(false)
    .bind(place.group)
    .bind(place.round)
    .bind(place.party)
    .bind(withdrawn)
    .fetch(conn);
    chunked(rows).await
}
