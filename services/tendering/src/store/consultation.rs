//! Consultations and how their lots were evaluated.

use chrono::{DateTime, NaiveDate, Utc};
use kit::{
    Failure,
    db::{corrupt, one_row},
    id::{AgreementId, ConsultationId, GroupId, PartyId, TenderId},
};
use sqlx::{PgConnection, types::Json};

use crate::domain::consultation::{Consultation, dossier::Dossier, score::Ranked, state::Stored};

#[derive(sqlx::FromRow)]
struct ConsultationRow {
    group_id: GroupId,
    id: ConsultationId,
    number: String,
    state: String,
    version: i64,
    dossier: Json<Dossier>,
    published_at: Option<DateTime<Utc>>,
    opened_at: Option<DateTime<Utc>>,
    awarded_at: Option<DateTime<Utc>>,
    signable_on: Option<NaiveDate>,
    agreement_id: Option<AgreementId>,
}

impl TryFrom<ConsultationRow> for Consultation {
    type Error = Failure;

    fn try_from(row: ConsultationRow) -> Result<Self, Failure> {
        let stored = Stored::ALL.into_iter().find(|stored| stored.name() == row.state);
        Ok(Self {
            id: row.id,
            group: row.group_id,
            number: row.number,
            stored: stored.ok_or_else(|| corrupt("consultation", "state", row.id))?,
            version: row.version,
            dossier: row.dossier.0,
            published_at: row.published_at,
            opened_at: row.opened_at,
            awarded_at: row.awarded_at,
            signable_on: row.signable_on,
            agreement: row.agreement_id,
        })
    }
}

/// Inserts a draft.
pub(crate) async fn insert(conn: &mut PgConnection, draft: &Consultation, now: DateTime<Utc>) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO consultation (group_id, id, number, state, version, dossier, deadline, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(draft.group)
    .bind(draft.id)
    .bind(&draft.number)
    .bind(draft.stored.name())
    .bind(draft.version)
    .bind(Json(&draft.dossier))
    .bind(draft.dossier.deadline)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// Saves a locked consultation that was at `version`.
pub(crate) async fn save(conn: &mut PgConnection, version: i64, after: &Consultation) -> Result<(), Failure> {
    let saved = sqlx::query(
        "UPDATE consultation SET state = $4, version = $5, dossier = $6, deadline = $7, published_at = $8, opened_at = $9,
                awarded_at = $10, signable_on = $11, agreement_id = $12
         WHERE group_id = $1 AND id = $2 AND version = $3",
    )
    .bind(after.group)
    .bind(after.id)
    .bind(version)
    .bind(after.stored.name())
    .bind(after.version)
    .bind(Json(&after.dossier))
    .bind(after.dossier.deadline)
    .bind(after.published_at)
    .bind(after.opened_at)
    .bind(after.awarded_at)
    .bind(after.signable_on)
    .bind(after.agreement)
    .execute(conn)
    .await?;
    one_row(&saved, "consultation")
}

/// Whom the published documents of an agreement name; none when it was not made of a consultation here.
pub(crate) async fn beneficiaries_of(
    conn: &mut PgConnection,
    group: GroupId,
    agreement: AgreementId,
) -> Result<Option<Vec<PartyId>>, Failure> {
    let dossier: Option<Json<Dossier>> =
        sqlx::query_scalar("SELECT dossier FROM consultation WHERE group_id = $1 AND agreement_id = $2")
            .bind(group)
            .bind(agreement)
            .fetch_optional(conn)
            .await?;
    Ok(dossier.map(|dossier| dossier.0.beneficiaries))
}

/// Keeps why a consultation was cancelled.
pub(crate) async fn save_cancel_reason(
    conn: &mut PgConnection,
    consultation: &Consultation,
    reason: &str,
) -> Result<(), Failure> {
    let saved = sqlx::query("UPDATE consultation SET cancel_reason = $3 WHERE group_id = $1 AND id = $2")
        .bind(consultation.group)
        .bind(consultation.id)
        .bind(reason)
        .execute(conn)
        .await?;
    one_row(&saved, "consultation")
}

/// A consultation of the group, locked against every other command until the end of the transaction.
pub(crate) async fn lock(
    conn: &mut PgConnection,
    group: GroupId,
    id: ConsultationId,
) -> Result<Option<Consultation>, Failure> {
    let row: Option<ConsultationRow> =
        sqlx::query_as("SELECT * FROM consultation WHERE group_id = $1 AND id = $2 FOR UPDATE")
            .bind(group)
            .bind(id)
            .fetch_optional(conn)
            .await?;
    row.map(Consultation::try_from).transpose()
}

/// A consultation of the group, locked against change but not against other tenders: opening waits for every tender on its
/// way, and tenders do not wait for each other.
pub(crate) async fn lock_for_tender(
    conn: &mut PgConnection,
    group: GroupId,
    id: ConsultationId,
) -> Result<Option<Consultation>, Failure> {
    let row: Option<ConsultationRow> =
        sqlx::query_as("SELECT * FROM consultation WHERE group_id = $1 AND id = $2 FOR SHARE")
            .bind(group)
            .bind(id)
            .fetch_optional(conn)
            .await?;
    row.map(Consultation::try_from).transpose()
}

/// One consultation that the session may see.
pub(crate) async fn find(conn: &mut PgConnection, id: ConsultationId) -> Result<Option<Consultation>, Failure> {
    let row: Option<ConsultationRow> =
        sqlx::query_as("SELECT * FROM consultation WHERE id = $1").bind(id).fetch_optional(conn).await?;
    row.map(Consultation::try_from).transpose()
}

/// Consultations that the session may see, by id: at most `limit` after `after`; only those that take tenders at `open_at`.
pub(crate) async fn list(
    conn: &mut PgConnection,
    open_at: Option<DateTime<Utc>>,
    after: Option<ConsultationId>,
    limit: i64,
) -> Result<Vec<Consultation>, Failure> {
    let rows: Vec<ConsultationRow> = sqlx::query_as(
        "SELECT * FROM consultation
         WHERE ($1::timestamptz IS NULL OR (state = 'PUBLISHED' AND deadline >= $1)) AND ($2::uuid IS NULL OR id > $2)
         ORDER BY id LIMIT $3",
    )
    .bind(open_at)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Consultation::try_from).collect()
}

/// A lot as evaluated, with the tender that it was awarded to.
#[derive(Debug, Clone)]
pub(crate) struct LotResult {
    pub(crate) lot: i32,
    pub(crate) ranking: Vec<Ranked>,
    pub(crate) awarded: Option<(TenderId, PartyId)>,
}

/// Writes the evaluation of lots in place of an earlier one.
pub(crate) async fn save_results(
    conn: &mut PgConnection,
    consultation: &Consultation,
    results: &[LotResult],
) -> Result<(), Failure> {
    for result in results {
        sqlx::query(
            "INSERT INTO lot_result (group_id, consultation_id, lot_number, ranking, awarded_tender_id, awarded_party_id)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (group_id, consultation_id, lot_number) DO UPDATE
             SET ranking = EXCLUDED.ranking, awarded_tender_id = EXCLUDED.awarded_tender_id,
                 awarded_party_id = EXCLUDED.awarded_party_id",
        )
        .bind(consultation.group)
        .bind(consultation.id)
        .bind(result.lot)
        .bind(Json(&result.ranking))
        .bind(result.awarded.map(|(tender, _)| tender))
        .bind(result.awarded.map(|(_, party)| party))
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// The evaluation of a consultation of the group, by lot.
pub(crate) async fn list_results(
    conn: &mut PgConnection,
    group: GroupId,
    id: ConsultationId,
) -> Result<Vec<LotResult>, Failure> {
    type Row = (i32, Json<Vec<Ranked>>, Option<TenderId>, Option<PartyId>);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT lot_number, ranking, awarded_tender_id, awarded_party_id FROM lot_result
         WHERE group_id = $1 AND consultation_id = $2 ORDER BY lot_number",
    )
    .bind(group)
    .bind(id)
    .fetch_all(conn)
    .await?;
    let result =
        |(lot, ranking, tender, party): Row| LotResult { lot, ranking: ranking.0, awarded: Option::zip(tender, party) };
    Ok(rows.into_iter().map(result).collect())
}
