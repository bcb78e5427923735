//! What members had consumed of lots before they were entered here.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use kit::{
    Failure,
    id::{AgreementId, GroupId, LotId, PartyId},
};
use sqlx::PgConnection;

use crate::domain::lot_consumption::{Consumption, KnownLot};

/// Lots of the group's agreements by (agreement as written, number), locked until the end of the transaction, so that two
/// entries for one lot come one after the other. Agreements are written by id, key or number.
pub(crate) async fn lock_lots(
    conn: &mut PgConnection,
    group: GroupId,
    agreements: &[String],
) -> Result<HashMap<(String, i32), KnownLot>, Failure> {
    let ids: Vec<AgreementId> = agreements.iter().filter_map(|text| text.parse().ok()).collect();
    let rows: Vec<(AgreementId, String, String, LotId, i32, i64)> = sqlx::query_as(
        "SELECT a.id, a.key, a.number, l.id, l.number, c.opening_cents
         FROM lot l JOIN agreement a ON a.group_id = l.group_id AND a.id = l.agreement_id
         JOIN ceiling c ON c.group_id = l.group_id AND c.lot_id = l.id
         WHERE l.group_id = $1 AND ('key:' || a.key = ANY($2) OR a.number = ANY($2) OR a.id = ANY($3))
         ORDER BY l.id FOR UPDATE OF l",
    )
    .bind(group)
    .bind(agreements)
    .bind(&ids)
    .fetch_all(&mut *conn)
    .await?;
    let lots: Vec<LotId> = rows.iter().map(|row| row.3).collect();
    let entered = of_lots(conn, &lots, None).await?;
    let named = named(conn, group, &rows.iter().map(|row| row.0).collect::<Vec<_>>()).await?;
    let mut found = HashMap::new();
    for (agreement, key, agreement_number, id, number, opening_cents) in rows {
        let lot = KnownLot {
            id,
            agreement,
            agreement_number: agreement_number.clone(),
            number,
            opening_cents,
            named: named.get(&agreement).cloned().unwrap_or_default(),
            entered: entered.get(&id).cloned().unwrap_or_default(),
        };
        for written in [agreement.to_string(), format!("key:{key}"), agreement_number] {
            found.insert((written, number), lot.clone());
        }
    }
    Ok(found)
}

async fn named(
    conn: &mut PgConnection,
    group: GroupId,
    agreements: &[AgreementId],
) -> Result<HashMap<AgreementId, HashSet<PartyId>>, Failure> {
    let rows: Vec<(AgreementId, PartyId)> =
        sqlx::query_as("SELECT agreement_id, party_id FROM beneficiary WHERE group_id = $1 AND agreement_id = ANY($2)")
            .bind(group)
            .bind(agreements)
            .fetch_all(conn)
            .await?;
    let mut named: HashMap<AgreementId, HashSet<PartyId>> = HashMap::new();
    for (agreement, party) in rows {
        named.entry(agreement).or_default().insert(party);
    }
    Ok(named)
}

/// Writes a lot's consumption.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    group: GroupId,
    lot: LotId,
    rows: &[Consumption],
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO lot_consumption (group_id, lot_id, party_id, amount_cents, as_of, source)
         SELECT $1, $2, * FROM unnest($3::uuid[], $4::bigint[], $5::date[], $6::text[])",
    )
    .bind(group)
    .bind(lot)
    .bind(rows.iter().map(|row| row.party).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.amount_cents).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.as_of).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.source.as_str()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Consumption of lots that the session may see, by member; of one member or all.
pub(crate) async fn of_lots(
    conn: &mut PgConnection,
    lots: &[LotId],
    own: Option<PartyId>,
) -> Result<HashMap<LotId, Vec<Consumption>>, Failure> {
    let rows: Vec<(LotId, PartyId, i64, NaiveDate, String)> = sqlx::query_as(
        "SELECT lot_id, party_id, amount_cents, as_of, source FROM lot_consumption
         WHERE lot_id = ANY($1) AND ($2::uuid IS NULL OR party_id = $2) ORDER BY lot_id, party_id",
    )
    .bind(lots)
    .bind(own)
    .fetch_all(conn)
    .await?;
    let mut found: HashMap<LotId, Vec<Consumption>> = HashMap::new();
    for (lot, party, amount_cents, as_of, source) in rows {
        found.entry(lot).or_default().push(Consumption { party, amount_cents, as_of, source });
    }
    Ok(found)
}

/// A row of the list.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Listed {
    pub(crate) lot_id: LotId,
    pub(crate) agreement_id: AgreementId,
    pub(crate) number: i32,
    pub(crate) party_id: PartyId,
    pub(crate) amount_cents: i64,
    pub(crate) as_of: NaiveDate,
    pub(crate) source: String,
}

/// Consumption that the session may see, by lot and member; of one lot or all, of one member or all.
pub(crate) async fn list(
    conn: &mut PgConnection,
    lot: Option<LotId>,
    own: Option<PartyId>,
    after: Option<(LotId, PartyId)>,
    limit: i64,
) -> Result<Vec<Listed>, Failure> {
    let (after_lot, after_party) = after.unzip();
    Ok(sqlx::query_as(
        "SELECT c.lot_id, l.agreement_id, l.number, c.party_id, c.amount_cents, c.as_of, c.source
         FROM lot_consumption c JOIN lot l ON l.group_id = c.group_id AND l.id = c.lot_id
         WHERE ($1::uuid IS NULL OR c.lot_id = $1) AND ($2::uuid IS NULL OR c.party_id = $2)
           AND ($3::uuid IS NULL OR (c.lot_id, c.party_id) > ($3, $4))
         ORDER BY c.lot_id, c.party_id LIMIT $5",
    )
    .bind(lot)
    .bind(own)
    .bind(after_lot)
    .bind(after_party)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}
