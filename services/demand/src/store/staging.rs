//! Loading a file: COPY into a temporary table, then INSERT … SELECT under the policies (COPY itself is refused under
//! them). Everything in the transaction of the load.

use std::borrow::Cow;

use futures::{Stream, TryStreamExt as _};
use kit::{
    Failure,
    id::{ArticleId, GroupId, NeedId, PartyId, RoundId, SiteId},
};
use sqlx::PgConnection;

use crate::domain::{directory::WholeRow, need::SetDigest};

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

/// Copies needs into the staging table and gives them ids, rising in their order. Answers their chunks.
pub async fn copy<'a>(
    conn: &mut PgConnection,
    needs: impl Iterator<Item = (WholeRow<'a>, Cow<'a, str>)>,
) -> Result<Vec<Chunk>, Failure> {
    let mut copy = conn.copy_in_raw("COPY staged_need FROM STDIN (FORMAT binary)").await?;
    let mut piece = Vec::with_capacity(PIECE + 4096);
    piece.extend_from_slice(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0");
    let mut chunks = Chunks::default();
    for (row, reference) in needs {
        let id = NeedId::new();
        chunks.add(id, row.site_id, row.article.id, row.units);
        encode(&mut piece, id, &row, &reference)?;
        if piece.len() >= PIECE {
            copy.send(piece.as_slice()).await?;
            piece.clear();
        }
    }
    piece.extend_from_slice(&(-1_i16).to_be_bytes());
    copy.send(piece.as_slice()).await?;
    copy.finish().await?;
    Ok(chunks.finish())
}

/// Row counts for the planner before the staged rows are compared with others: a fresh table has none.
pub async fn analyze(conn: &mut PgConnection) -> Result<(), Failure> {
    sqlx::query("ANALYZE staged_need").persistent(false).execute(conn).await?;
    Ok(())
}

/// Whether the member has stated anything in the round. If not, staged rows can be compared with nothing.
pub async fn has_needs(conn: &mut PgConnection, place: Place) -> Result<bool, Failure> {
    let sql = "SELECT EXISTS (SELECT FROM need WHERE group_id = $1 AND round_id = $2 AND party_id = $3)";
    Ok(sqlx::query_scalar(sql).bind(place.group).bind(place.round).bind(place.party).fetch_one(conn).await?)
}

/// A row in Postgres' binary COPY format.
fn encode(to: &mut Vec<u8>, id: NeedId, need: &WholeRow<'_>, reference: &str) -> Result<(), Failure> {
    to.extend_from_slice(&COLUMNS.to_be_bytes());
    field(to, &need.row.to_be_bytes())?;
    for id in [id.uuid(), need.site_id.uuid(), need.article.id.uuid()] {
        field(to, id.as_bytes())?;
    }
    let packaging = need.packaging;
    let texts =
        [need.article.kind.name(), &packaging.code, &packaging.label, &packaging.content, &packaging.base_label];
    for text in texts {
        field(to, text.as_bytes())?;
    }
    for number in [packaging.base_units, need.quantity, need.units] {
        field(to, &number.to_be_bytes())?;
    }
    field(to, reference.as_bytes())?;
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
    let mut chunks = Chunks::default();
    while let Some((id, site, article, units)) = rows.try_next().await? {
        chunks.add(id, site, article, units);
    }
    Ok(chunks.finish())
}

/// Chunks in the making.
#[derive(Default)]
struct Chunks {
    done: Vec<Chunk>,
    digest: SetDigest,
    count: i64,
    units: i64,
}

impl Chunks {
    fn add(&mut self, id: NeedId, site: SiteId, article: ArticleId, units: i64) {
        self.digest.stated(id, site, article, units);
        self.count += 1;
        // 5,000 needs of at most 10¹² units.
        self.units = self.units.saturating_add(units);
        if self.count == CHUNK {
            self.close();
        }
    }

    fn close(&mut self) {
        let sha256 = std::mem::take(&mut self.digest).finish();
        let (count, units) = (std::mem::take(&mut self.count), std::mem::take(&mut self.units));
        self.done.push(Chunk { count, units, sha256 });
    }

    fn finish(mut self) -> Vec<Chunk> {
        if self.count > 0 {
            self.close();
        }
        self.done
    }
}

/// Takes the staged needs over and says how many they are. They lie in the order of their ids: to sort them would cost more than
/// it saves.
pub async fn insert(conn: &mut PgConnection, place: Place, subject: &str) -> Result<i64, Failure> {
    let inserted = sqlx::query(
        "INSERT INTO need (group_id, round_id, party_id, created_by, id, site_id, article_id, kind, packaging_code,
           packaging_label, packaging_content, base_label, pack_units, quantity, units, reference, needed_by, commitment)
         SELECT $1, $2, $3, $4, id, site_id, article_id, kind, packaging_code, packaging_label, packaging_content,
           base_label, pack_units, quantity, units, reference, needed_by, commitment FROM staged_need",
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
