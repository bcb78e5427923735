//! Files of a group by their SHA-256 (design decision 13).

use kit::{Failure, id::GroupId};
use sqlx::PgConnection;

/// Bytes in one row at most.
const CHUNK_BYTES: usize = 1024 * 1024;

/// Keeps a PDF, unless the group has it already.
///
/// # Errors
/// When the database is away.
pub async fn keep(conn: &mut PgConnection, group: GroupId, sha256: &[u8], bytes: &[u8]) -> Result<(), Failure> {
    let kept = sqlx::query(
        "INSERT INTO document (group_id, sha256, media_type, size_bytes) VALUES ($1, $2, 'application/pdf', $3) ON CONFLICT DO NOTHING",
    )
    .bind(group)
    .bind(sha256)
    .bind(i64::try_from(bytes.len()).map_err(Failure::internal)?)
    .execute(&mut *conn)
    .await?;
    if kept.rows_affected() == 0 {
        return Ok(());
    }
    for (ordinal, chunk) in (0_i32..).zip(bytes.chunks(CHUNK_BYTES)) {
        sqlx::query("INSERT INTO document_chunk (group_id, sha256, ordinal, bytes) VALUES ($1, $2, $3, $4)")
            .bind(group)
            .bind(sha256)
            .bind(ordinal)
            .bind(chunk)
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

/// The bytes of a file.
///
/// # Errors
/// When the database is away.
pub async fn read(conn: &mut PgConnection, group: GroupId, sha256: &[u8]) -> Result<Vec<u8>, Failure> {
    let chunks: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT bytes FROM document_chunk WHERE group_id = $1 AND sha256 = $2 ORDER BY ordinal")
            .bind(group)
            .bind(sha256)
            .fetch_all(conn)
            .await?;
    Ok(chunks.concat())
}
