//! Agreements, lots, beneficiaries.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use kit::{
    Failure,
    db::{OnConstraint as _, corrupt},
    id::{AgreementId, GroupId, LotId, PartyId},
};
use sqlx::PgConnection;

use super::lot_consumption;
use crate::domain::{
    TenderingError,
    agreement::{Agreement, Lot, Naming, PurchasingRole, Terms, TierBasis},
    ceiling::Ceiling,
    entitlement::LotTerms,
};

#[derive(sqlx::FromRow)]
struct AgreementRow {
    group_id: GroupId,
    id: AgreementId,
    key: String,
    number: String,
    title: String,
    role: String,
    tier_basis: String,
    starts_on: NaiveDate,
    ends_on: NaiveDate,
    awarding_party_id: PartyId,
    source: String,
    published_on: Option<NaiveDate>,
    lot_count: i64,
}

impl TryFrom<AgreementRow> for Agreement {
    type Error = Failure;

    fn try_from(row: AgreementRow) -> Result<Self, Failure> {
        let role = match row.role.as_str() {
            "WHOLESALER" => PurchasingRole::Wholesaler,
            "INTERMEDIARY" => PurchasingRole::Intermediary,
            _ => return Err(corrupt("agreement", "role", row.id)),
        };
        let tier_basis = match row.tier_basis.as_str() {
            "POOLED_ORDER" => TierBasis::PooledOrder,
            "ORDER_FORM" => TierBasis::OrderForm,
            "DELIVERY_POINT" => TierBasis::DeliveryPoint,
            _ => return Err(corrupt("agreement", "tier_basis", row.id)),
        };
        let terms = Terms {
            key: row.key,
            number: row.number,
            title: row.title,
            role,
            tier_basis,
            starts_on: row.starts_on,
            ends_on: row.ends_on,
            awarding_party: row.awarding_party_id,
            source: row.source,
            published_on: row.published_on,
        };
        Ok(Self { id: row.id, group: row.group_id, terms, lots: Vec::new(), beneficiaries: Vec::new() })
    }
}

#[derive(sqlx::FromRow)]
struct LotRow {
    id: LotId,
    agreement_id: AgreementId,
    number: i32,
    title: String,
    holder_id: PartyId,
    minimum_cents: i64,
    maximum_cents: i64,
    opening_cents: i64,
    consumed_cents: i64,
    reserved_cents: i64,
}

impl From<LotRow> for Lot {
    fn from(row: LotRow) -> Self {
        let ceiling = Ceiling {
            lot_id: row.id,
            maximum_cents: row.maximum_cents,
            opening_cents: row.opening_cents,
            consumed_cents: row.consumed_cents,
            reserved_cents: row.reserved_cents,
        };
        let (id, number, title, holder) = (row.id, row.number, row.title, row.holder_id);
        Self { id, number, title, holder, minimum_cents: row.minimum_cents, ceiling, consumption: Vec::new() }
    }
}

/// Inserts an agreement with everything that belongs to it.
pub(crate) async fn insert(conn: &mut PgConnection, agreement: &Agreement, now: DateTime<Utc>) -> Result<(), Failure> {
    let terms = &agreement.terms;
    let exists = || TenderingError::AgreementExists { key: terms.key.clone(), number: terms.number.clone() };
    let inserted = sqlx::query(
        "INSERT INTO agreement (group_id, id, key, number, title, role, tier_basis, starts_on, ends_on, awarding_party_id,
                                source, entered_at, published_on)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         ON CONFLICT DO NOTHING",
    )
    .bind(agreement.group)
    .bind(agreement.id)
    .bind(&terms.key)
    .bind(&terms.number)
    .bind(&terms.title)
    .bind(terms.role.name())
    .bind(terms.tier_basis.name())
    .bind(terms.starts_on)
    .bind(terms.ends_on)
    .bind(terms.awarding_party)
    .bind(&terms.source)
    .bind(now)
    .bind(terms.published_on)
    .execute(&mut *conn)
    .await?;
    if inserted.rows_affected() == 0 {
        return Err(exists().into());
    }
    insert_lots(conn, agreement).await?;
    let mut holders: Vec<PartyId> = agreement.lots.iter().map(|lot| lot.holder).collect();
    holders.sort_unstable();
    holders.dedup();
    insert_parties(conn, agreement.group, agreement.id, "HOLDER", &holders).await?;
    insert_parties(conn, agreement.group, agreement.id, "AWARDING", &[terms.awarding_party]).await?;
    let entered = vec![String::new(); agreement.beneficiaries.len()];
    insert_beneficiaries(conn, agreement.group, agreement.id, &agreement.beneficiaries, &entered).await
}

async fn insert_lots(conn: &mut PgConnection, agreement: &Agreement) -> Result<(), Failure> {
    let lots = &agreement.lots;
    let ids: Vec<LotId> = lots.iter().map(|lot| lot.id).collect();
    sqlx::query(
        "INSERT INTO lot (group_id, agreement_id, id, number, title, holder_id, minimum_cents)
         SELECT $1, $2, * FROM unnest($3::uuid[], $4::integer[], $5::text[], $6::uuid[], $7::bigint[])",
    )
    .bind(agreement.group)
    .bind(agreement.id)
    .bind(&ids)
    .bind(lots.iter().map(|lot| lot.number).collect::<Vec<_>>())
    .bind(lots.iter().map(|lot| lot.title.clone()).collect::<Vec<_>>())
    .bind(lots.iter().map(|lot| lot.holder).collect::<Vec<_>>())
    .bind(lots.iter().map(|lot| lot.minimum_cents).collect::<Vec<_>>())
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO ceiling (group_id, lot_id, maximum_cents, opening_cents)
         SELECT $1, * FROM unnest($2::uuid[], $3::bigint[], $4::bigint[])",
    )
    .bind(agreement.group)
    .bind(&ids)
    .bind(lots.iter().map(|lot| lot.ceiling.maximum_cents).collect::<Vec<_>>())
    .bind(lots.iter().map(|lot| lot.ceiling.opening_cents).collect::<Vec<_>>())
    .execute(&mut *conn)
    .await?;
    Ok(())
}

async fn insert_parties(
    conn: &mut PgConnection,
    group: GroupId,
    agreement: AgreementId,
    role: &str,
    parties: &[PartyId],
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO agreement_party (group_id, agreement_id, party_id, role)
         SELECT $1, $2, party_id, $4 FROM unnest($3::uuid[]) party_id ON CONFLICT DO NOTHING",
    )
    .bind(group)
    .bind(agreement)
    .bind(parties)
    .bind(role)
    .execute(conn)
    .await?;
    Ok(())
}

/// Names beneficiaries, each with where the notice names it; empty for those entered with their agreement.
pub(crate) async fn insert_beneficiaries(
    conn: &mut PgConnection,
    group: GroupId,
    agreement: AgreementId,
    namings: &[Naming],
    evidence: &[String],
) -> Result<(), Failure> {
    let parties: Vec<PartyId> = namings.iter().map(|naming| naming.party).collect();
    sqlx::query(
        "INSERT INTO beneficiary (group_id, agreement_id, party_id, valid_from, valid_to, evidence)
         SELECT $1, $2, * FROM unnest($3::uuid[], $4::date[], $5::date[], $6::text[])",
    )
    .bind(group)
    .bind(agreement)
    .bind(&parties)
    .bind(namings.iter().map(|naming| naming.valid_from).collect::<Vec<_>>())
    .bind(namings.iter().map(|naming| naming.valid_to).collect::<Vec<_>>())
    .bind(evidence)
    .execute(&mut *conn)
    .await
    .on_constraint("beneficiary_once", || TenderingError::BeneficiaryAlreadyNamed { agreement })?;
    insert_parties(conn, group, agreement, "BENEFICIARY", &parties).await
}

/// Rows and distinct parties named under an agreement.
pub(crate) async fn count_beneficiaries(
    conn: &mut PgConnection,
    group: GroupId,
    agreement: AgreementId,
) -> Result<(i64, i64), Failure> {
    Ok(sqlx::query_as(
        "SELECT count(*), count(DISTINCT party_id) FROM beneficiary WHERE group_id = $1 AND agreement_id = $2",
    )
    .bind(group)
    .bind(agreement)
    .fetch_one(conn)
    .await?)
}

/// The terms of an agreement of the group, locked until the end of the transaction.
pub(crate) async fn lock_terms(
    conn: &mut PgConnection,
    group: GroupId,
    id: AgreementId,
) -> Result<Option<Terms>, Failure> {
    let row: Option<AgreementRow> =
        sqlx::query_as("SELECT *, 0::bigint AS lot_count FROM agreement WHERE group_id = $1 AND id = $2 FOR UPDATE")
            .bind(group)
            .bind(id)
            .fetch_optional(conn)
            .await?;
    row.map(|row| Agreement::try_from(row).map(|agreement| agreement.terms)).transpose()
}

/// One agreement that the session may see, with its lots and beneficiaries; of the latter only `own` when given.
pub(crate) async fn find(
    conn: &mut PgConnection,
    id: AgreementId,
    own: Option<PartyId>,
) -> Result<Option<Agreement>, Failure> {
    let row: Option<AgreementRow> = sqlx::query_as("SELECT *, 0::bigint AS lot_count FROM agreement WHERE id = $1")
        .bind(id)
        .fetch_optional(&mut *conn)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let mut agreement = Agreement::try_from(row)?;
    agreement.lots = list_lots(conn, &[id]).await?.remove(&id).unwrap_or_default();
    let lots: Vec<LotId> = agreement.lots.iter().map(|lot| lot.id).collect();
    let mut consumption = lot_consumption::of_lots(conn, &lots, own).await?;
    for lot in &mut agreement.lots {
        lot.consumption = consumption.remove(&lot.id).unwrap_or_default();
    }
    let rows: Vec<(PartyId, NaiveDate, Option<NaiveDate>)> = sqlx::query_as(
        "SELECT party_id, valid_from, valid_to FROM beneficiary
         WHERE agreement_id = $1 AND ($2::uuid IS NULL OR party_id = $2) ORDER BY party_id, valid_from",
    )
    .bind(id)
    .bind(own)
    .fetch_all(conn)
    .await?;
    agreement.beneficiaries =
        rows.into_iter().map(|(party, valid_from, valid_to)| Naming { party, valid_from, valid_to }).collect();
    Ok(Some(agreement))
}

/// Agreements that the session may see, by id, each with the number of its lots: at most `limit` after `after`.
pub(crate) async fn list(
    conn: &mut PgConnection,
    in_force_on: Option<NaiveDate>,
    after: Option<AgreementId>,
    limit: i64,
) -> Result<Vec<(Agreement, i64)>, Failure> {
    let rows: Vec<AgreementRow> = sqlx::query_as(
        "SELECT a.*, (SELECT count(*) FROM lot l WHERE l.group_id = a.group_id AND l.agreement_id = a.id) AS lot_count
         FROM agreement a
         WHERE ($1::date IS NULL OR $1 BETWEEN a.starts_on AND a.ends_on) AND ($2::uuid IS NULL OR a.id > $2)
         ORDER BY a.id LIMIT $3",
    )
    .bind(in_force_on)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let count = row.lot_count;
            Ok((Agreement::try_from(row)?, count))
        })
        .collect()
}

/// The lots of agreements that the session may see, by number.
pub(crate) async fn list_lots(
    conn: &mut PgConnection,
    agreements: &[AgreementId],
) -> Result<HashMap<AgreementId, Vec<Lot>>, Failure> {
    let rows: Vec<LotRow> = sqlx::query_as(
        "SELECT l.id, l.agreement_id, l.number, l.title, l.holder_id, l.minimum_cents,
                c.maximum_cents, c.opening_cents, c.consumed_cents, c.reserved_cents
         FROM lot l JOIN ceiling c ON c.group_id = l.group_id AND c.lot_id = l.id
         WHERE l.agreement_id = ANY($1) ORDER BY l.agreement_id, l.number",
    )
    .bind(agreements)
    .fetch_all(conn)
    .await?;
    let mut lots: HashMap<AgreementId, Vec<Lot>> = HashMap::new();
    for row in rows {
        lots.entry(row.agreement_id).or_default().push(row.into());
    }
    Ok(lots)
}

#[derive(sqlx::FromRow)]
pub(super) struct LotTermsRow {
    lot_id: LotId,
    lot_number: i32,
    lot_title: String,
    agreement_id: AgreementId,
    agreement_number: String,
    starts_on: NaiveDate,
    ends_on: NaiveDate,
    published_on: Option<NaiveDate>,
}

impl From<LotTermsRow> for LotTerms {
    fn from(row: LotTermsRow) -> Self {
        Self {
            lot_id: row.lot_id,
            lot_number: row.lot_number,
            lot_title: row.lot_title,
            agreement_id: row.agreement_id,
            agreement_number: row.agreement_number,
            starts_on: row.starts_on,
            ends_on: row.ends_on,
            published_on: row.published_on,
        }
    }
}

/// Lots of the group with what decides on their validity.
pub(crate) async fn list_lot_terms(
    conn: &mut PgConnection,
    group: GroupId,
    lots: &[LotId],
) -> Result<HashMap<LotId, LotTerms>, Failure> {
    let rows: Vec<LotTermsRow> = sqlx::query_as(
        "SELECT l.id AS lot_id, l.number AS lot_number, l.title AS lot_title, a.id AS agreement_id,
                a.number AS agreement_number, a.starts_on, a.ends_on, a.published_on
         FROM lot l JOIN agreement a ON a.group_id = l.group_id AND a.id = l.agreement_id
         WHERE l.group_id = $1 AND l.id = ANY($2)",
    )
    .bind(group)
    .bind(lots)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.lot_id, row.into())).collect())
}

/// How parties are named under agreements of the group.
pub(crate) async fn list_namings(
    conn: &mut PgConnection,
    group: GroupId,
    agreements: &[AgreementId],
    parties: &[PartyId],
) -> Result<HashMap<(AgreementId, PartyId), Vec<Naming>>, Failure> {
    let rows: Vec<(AgreementId, PartyId, NaiveDate, Option<NaiveDate>)> = sqlx::query_as(
        "SELECT agreement_id, party_id, valid_from, valid_to FROM beneficiary
         WHERE group_id = $1 AND agreement_id = ANY($2) AND party_id = ANY($3) ORDER BY agreement_id, party_id, valid_from",
    )
    .bind(group)
    .bind(agreements)
    .bind(parties)
    .fetch_all(conn)
    .await?;
    let mut namings: HashMap<(AgreementId, PartyId), Vec<Naming>> = HashMap::new();
    for (agreement, party, valid_from, valid_to) in rows {
        namings.entry((agreement, party)).or_default().push(Naming { party, valid_from, valid_to });
    }
    Ok(namings)
}
