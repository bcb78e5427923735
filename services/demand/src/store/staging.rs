//! Loading a file: COPY into a temporary table, then INSERT … SELECT under the policies (COPY itself is refused under
//! them). Everything in the transaction of the load.

use futures::{Stream, TryStreamExt as _};
use kit::{
    Failure,
    id::{ArticleId, GroupId, NeedId, PartyId, RoundId, SiteId},
};
use sqlx::PgConnection;

use crate::domain::need::{NewNeed, SetDigest};

/// Bytes sent to Postgres at once.
const PIECE: usize = 1 << 20;
/// Needs that one event stands for at most.
const CHUNK: i64 = 5_000;
/// Columns of the staging table.
const COLUMNS: i16 = 15;

/// Whose needs are staged, and for which round.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The group.
    pub group: GroupId,
    /// The round.
    pub round: RoundId,
    /// The member.
    pub party: PartyId,
}

/// Makes the staging table, and room for statements over a million rows.
pub async fn prepare(conn: &mut PgConnection) -> Result<(), Failure> {
    // Every statement below is over all rows. Needs that came in this transaction, or a moment ago, have no statistics yet: a
    // planner that takes them for a few joins row by row, and 12,000 lines take minutes.
    sqlx::query("SELECT set_config('statement_timeout', '300s', true), set_config('enable_nestloop', 'off', true)")
        .execute(&mut *conn)
        .await?;
    sqlx::query(
        "CREATE TEMP TABLE staged_need (row_number bigint NOT NULL, id uuid NOT NULL, site_id uuid NOT NULL,
           article_id uuid NOT NULL, kind text NOT NULL, packaging_code text NOT NULL, packaging_label text NOT NULL,
           packaging_content text NOT NULL, base_label text NOT NULL, pack_units bigint NOT NULL, quantity bigint NOT NULL,
           units bigint NOT NULL, reference text NOT NULL, needed_by date, commitment text) ON COMMIT DROP",
    )
    .persistent(false)
    .execute(conn)
    .await?;
    Ok(())
}

/// Copies needs into the staging table and gives them ids, rising in their order.
pub async fn copy(conn: &mut PgConnection, needs: impl Iterator<Item = NewNeed>) -> Result<(), Failure> {
    let mut copy = conn.copy_in_raw("COPY staged_need FROM STDIN (FORMAT binary)").await?;
    let mut piece = Vec::with_capacity(PIECE + 4096);
    piece.extend_from_slice(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0");
    for need in needs {
        encode(&mut piece, NeedId::new(), &need)?;
        if piece.len() >= PIECE {
            copy.send(piece.as_slice()).await?;
            piece.clear();
        }
    }
    piece.extend_from_slice(&(-1_i16).to_be_bytes());
    copy.send(piece.as_slice()).await?;
    copy.finish().await?;
    // Row counts for the planner: a fresh table has none.
    sqlx::query("ANALYZE staged_need").persistent(false).execute(conn).await?;
    Ok(())
}

/// A row in Postgres' binary COPY format.
fn encode(to: &mut Vec<u8>, id: NeedId, need: &NewNeed) -> Result<(), Failure> {
    to.extend_from_slice(&COLUMNS.to_be_bytes());
    field(to, &need.row.to_be_bytes())?;
    for id in [id.uuid(), need.site_id.uuid(), need.article_id.uuid()] {
        field(to, id.as_bytes())?;
    }
    let packaging = &need.packaging;
    let texts = [need.kind.name(), &packaging.code, &packaging.label, &packaging.content, &packaging.base_label];
    for text in texts {
        field(to, text.as_bytes())?;
    }
    for number in [packaging.base_units, need.quantity, need.units] {
        field(to, &number.to_be_bytes())?;
    }
    field(to, need.reference.as_bytes())?;
    match need.needed_by {
        Some(day) => field(to, &days_since_2000(day)?.to_be_bytes())?,
        None => null(to),
    }
    match need.commitment {
        Some(commitment) => field(to, commitment.name().as_bytes())?,
        None => null(to),
    }
    Ok(())
}

fn null(to: &mut Vec<u8>) {
    to.extend_from_slice(&(-1_i32).to_be_bytes());
}

fn field(to: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Failure> {
    to.extend_from_slice(&i32::try_from(bytes.len()).map_err(Failure::internal)?.to_be_bytes());
    to.extend_from_slice(bytes);
    Ok(())
}

/// A date as Postgres counts it.
fn days_since_2000(day: chrono::NaiveDate) -> Result<i32, Failure> {
    let epoch = chrono::NaiveDate::from_ymd_opt(2000, 1, 1).ok_or_else(|| Failure::internal("no year 2000"))?;
    i32::try_from(day.signed_duration_since(epoch).num_days()).map_err(Failure::internal)
}

/// A staged row whose reference stands in the round with another content.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Clash {
    /// Row of the file.
    pub row: i64,
    /// Its reference.
    pub reference: String,
    /// The need that has it.
    pub id: NeedId,
    /// Whether that need was withdrawn.
    pub withdrawn: bool,
}

/// How many staged rows clash, and the first of them by row.
pub async fn find_clashes(conn: &mut PgConnection, place: Place, limit: usize) -> Result<(i64, Vec<Clash>), Failure> {
    let mut rows = sqlx::query_as::<_, Clash>(
        "SELECT s.row_number AS row, s.reference, n.id, n.withdrawn FROM staged_need s
         JOIN need n ON n.group_id = $1 AND n.round_id = $2 AND n.party_id = $3 AND n.reference = s.reference
         WHERE n.withdrawn OR (n.site_id, n.article_id, n.packaging_code, n.pack_units, n.quantity, n.needed_by, n.commitment)
           IS DISTINCT FROM (s.site_id, s.article_id, s.packaging_code, s.pack_units, s.quantity, s.needed_by, s.commitment)
         ORDER BY s.row_number",
    )
    .persistent(false)
    .bind(place.group)
    .bind(place.round)
    .bind(place.party)
    .fetch(conn);
    let (mut count, mut first) = (0, Vec::new());
    while let Some(clash) = rows.try_next().await? {
        count += 1;
        if first.len() < limit {
            first.push(clash);
        }
    }
    Ok((count, first))
}

/// Drops staged rows whose reference stands in the round: after [`find_clashes`] found none, or after the needs were brought
/// in line with them, with the same content.
pub async fn drop_unchanged(conn: &mut PgConnection, place: Place) -> Result<i64, Failure> {
    let dropped = sqlx::query(
        "DELETE FROM staged_need s USING need n
         WHERE n.group_id = $1 AND n.round_id = $2 AND n.party_id = $3 AND n.reference = s.reference",
    )
    .persistent(false)
    .bind(place.group)
    .bind(place.round)
    .bind(place.party)
    .execute(conn)
    .await?
    .rows_affected();
    i64::try_from(dropped).map_err(Failure::internal)
}

/// Up to 5,000 staged needs, in order of id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// How many.
    pub count: i64,
    /// Their base units.
    pub units: i64,
    /// Their hash.
    pub sha256: [u8; 32],
}

/// The staged needs in chunks, hashed.
pub async fn chunks(conn: &mut PgConnection) -> Result<Vec<Chunk>, Failure> {
    let rows = sqlx::query_as("SELECT id, site_id, article_id, units FROM staged_need ORDER BY id")
        .persistent(false)
        .fetch(conn);
    chunked(rows).await
}

/// Cuts needs (id, site, article, units), in order of id, into hashed chunks.
pub async fn chunked(
    mut rows: impl Stream<Item = Result<(NeedId, SiteId, ArticleId, i64), sqlx::Error>> + Unpin,
) -> Result<Vec<Chunk>, Failure> {
    let mut chunks = Vec::new();
    let (mut digest, mut count, mut units) = (SetDigest::new(), 0, 0_i64);
    while let Some((id, site, article, need_units)) = rows.try_next().await? {
        digest.stated(id, site, article, need_units);
        count += 1;
        // 5,000 needs of at most 10¹² units.
        units = units.saturating_add(need_units);
        if count == CHUNK {
            let sha256 = std::mem::take(&mut digest).finish();
            chunks.push(Chunk { count, units, sha256 });
            (count, units) = (0, 0);
        }
    }
    if count > 0 {
        chunks.push(Chunk { count, units, sha256: digest.finish() });
    }
    Ok(chunks)
}

/// Takes the staged needs over and says how many they are.
pub async fn insert(conn: &mut PgConnection, place: Place, subject: &str) -> Result<i64, Failure> {
    let inserted = sqlx::query(
        "INSERT INTO need (group_id, round_id, party_id, created_by, id, site_id, article_id, kind, packaging_code,
           packaging_label, packaging_content, base_label, pack_units, quantity, units, reference, needed_by, commitment)
         SELECT $1, $2, $3, $4, id, site_id, article_id, kind, packaging_code, packaging_label, packaging_content,
           base_label, pack_units, quantity, units, reference, needed_by, commitment FROM staged_need ORDER BY id",
    )
    .persistent(false)
    .bind(place.group)
    .bind(place.round)
    .bind(place.party)
    .bind(subject)
    .execute(conn)
    .await?
    .rows_affected();
    i64::try_from(inserted).map_err(Failure::internal)
}
