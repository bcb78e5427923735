//! Tenders: sealed as received, and what opening found.

use chrono::{DateTime, Utc};
use kit::{
    Failure,
    db::corrupt,
    id::{ConsultationId, GroupId, PartyId, TenderId},
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::domain::consultation::{Opened, OpenedTender, content::Content};

/// Bytes of a file in one row at most.
const CHUNK_BYTES: usize = 1024 * 1024;

/// A tender as received.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct Sealed {
    pub(crate) group_id: GroupId,
    pub(crate) id: TenderId,
    pub(crate) consultation_id: ConsultationId,
    pub(crate) sha256: Vec<u8>,
    pub(crate) size_bytes: i64,
    pub(crate) received_at: DateTime<Utc>,
    pub(crate) late: bool,
    pub(crate) event_id: Uuid,
}

/// Keeps a sealed tender with its bidder and its bytes.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    tender: &Sealed,
    party: PartyId,
    bytes: &[u8],
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO tender (group_id, id, consultation_id, sha256, size_bytes, received_at, late, event_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(tender.group_id)
    .bind(tender.id)
    .bind(tender.consultation_id)
    .bind(&tender.sha256)
    .bind(tender.size_bytes)
    .bind(tender.received_at)
    .bind(tender.late)
    .bind(tender.event_id)
    .execute(&mut *conn)
    .await?;
    sqlx::query("INSERT INTO tender_party (group_id, tender_id, consultation_id, party_id) VALUES ($1, $2, $3, $4)")
        .bind(tender.group_id)
        .bind(tender.id)
        .bind(tender.consultation_id)
        .bind(party)
        .execute(&mut *conn)
        .await?;
    for (ordinal, chunk) in (0_i32..).zip(bytes.chunks(CHUNK_BYTES)) {
        sqlx::query("INSERT INTO tender_chunk (group_id, tender_id, ordinal, bytes) VALUES ($1, $2, $3, $4)")
            .bind(tender.group_id)
            .bind(tender.id)
            .bind(ordinal)
            .bind(chunk)
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

/// The last tender in time of each bidder, by id. Empty before opening: the policies hide whose tenders are.
pub(crate) async fn list_to_open(
    conn: &mut PgConnection,
    group: GroupId,
    consultation: ConsultationId,
) -> Result<Vec<(PartyId, Sealed)>, Failure> {
    #[derive(sqlx::FromRow)]
    struct Row {
        party_id: PartyId,
        #[sqlx(flatten)]
        sealed: Sealed,
    }
    let mut rows: Vec<Row> = sqlx::query_as(
        "SELECT DISTINCT ON (p.party_id) p.party_id, t.*
         FROM tender t JOIN tender_party p ON p.group_id = t.group_id AND p.tender_id = t.id
         WHERE t.group_id = $1 AND t.consultation_id = $2 AND NOT t.late
         ORDER BY p.party_id, t.received_at DESC, t.id DESC",
    )
    .bind(group)
    .bind(consultation)
    .fetch_all(conn)
    .await?;
    rows.sort_by_key(|row| row.sealed.id);
    Ok(rows.into_iter().map(|row| (row.party_id, row.sealed)).collect())
}

/// The bytes of a tender, after opening.
pub(crate) async fn read_bytes(conn: &mut PgConnection, tender: &Sealed) -> Result<Vec<u8>, Failure> {
    let chunks: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT bytes FROM tender_chunk WHERE group_id = $1 AND tender_id = $2 ORDER BY ordinal")
            .bind(tender.group_id)
            .bind(tender.id)
            .fetch_all(conn)
            .await?;
    Ok(chunks.concat())
}

/// Keeps what opening found.
pub(crate) async fn insert_opened(
    conn: &mut PgConnection,
    group: GroupId,
    consultation: ConsultationId,
    opened: &OpenedTender,
) -> Result<(), Failure> {
    let (outcome, faults, content) = match &opened.found {
        Opened::Complete(content) => ("OPENED", Vec::new(), Some(Json(content))),
        Opened::Irregular(faults) => ("IRREGULAR", faults.clone(), None),
        Opened::Unreadable(fault) => ("UNREADABLE", vec![fault.clone()], None),
    };
    sqlx::query(
        "INSERT INTO opened_tender (group_id, tender_id, consultation_id, party_id, outcome, faults, content)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(group)
    .bind(opened.tender)
    .bind(consultation)
    .bind(opened.party)
    .bind(outcome)
    .bind(faults)
    .bind(content)
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct OpenedRow {
    tender_id: TenderId,
    party_id: PartyId,
    received_at: DateTime<Utc>,
    outcome: String,
    faults: Vec<String>,
    content: Option<Json<Content>>,
}

impl TryFrom<OpenedRow> for OpenedTender {
    type Error = Failure;

    fn try_from(row: OpenedRow) -> Result<Self, Failure> {
        let found = match (row.outcome.as_str(), row.content) {
            ("OPENED", Some(content)) => Opened::Complete(content.0),
            ("IRREGULAR", None) => Opened::Irregular(row.faults),
            ("UNREADABLE", None) => Opened::Unreadable(row.faults.concat()),
            _ => return Err(corrupt("opened_tender", "outcome", row.tender_id)),
        };
        Ok(Self { tender: row.tender_id, party: row.party_id, received_at: row.received_at, found })
    }
}

/// What opening found in the tenders of a consultation of the group, by id.
pub(crate) async fn list_opened(
    conn: &mut PgConnection,
    group: GroupId,
    consultation: ConsultationId,
) -> Result<Vec<OpenedTender>, Failure> {
    let rows: Vec<OpenedRow> = sqlx::query_as(
        "SELECT o.tender_id, o.party_id, t.received_at, o.outcome, o.faults, o.content
         FROM opened_tender o JOIN tender t ON t.group_id = o.group_id AND t.id = o.tender_id
         WHERE o.group_id = $1 AND o.consultation_id = $2 ORDER BY o.tender_id",
    )
    .bind(group)
    .bind(consultation)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(OpenedTender::try_from).collect()
}

/// A received tender as the session may see it: the bidder is hidden from the group before opening.
#[derive(sqlx::FromRow)]
pub(crate) struct Received {
    #[sqlx(flatten)]
    pub(crate) sealed: Sealed,
    pub(crate) party_id: Option<PartyId>,
    /// Whether its consultation has been opened.
    pub(crate) opened: bool,
}

/// Tenders that the session may see, by id: at most `limit` after `after`.
pub(crate) async fn list(
    conn: &mut PgConnection,
    consultation: Option<ConsultationId>,
    after: Option<TenderId>,
    limit: i64,
) -> Result<Vec<Received>, Failure> {
    Ok(sqlx::query_as(
        "SELECT t.*, p.party_id, coalesce(c.opened_at IS NOT NULL, false) AS opened
         FROM tender t
         JOIN consultation c ON c.group_id = t.group_id AND c.id = t.consultation_id
         LEFT JOIN tender_party p ON p.group_id = t.group_id AND p.tender_id = t.id
         WHERE ($1::uuid IS NULL OR t.consultation_id = $1) AND ($2::uuid IS NULL OR t.id > $2)
         ORDER BY t.id LIMIT $3",
    )
    .bind(consultation)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// How many tenders of a consultation the session may see.
pub(crate) async fn count(conn: &mut PgConnection, consultation: ConsultationId) -> Result<i64, Failure> {
    Ok(sqlx::query_scalar("SELECT count(*) FROM tender WHERE consultation_id = $1")
        .bind(consultation)
        .fetch_one(conn)
        .await?)
}
