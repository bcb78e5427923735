//! Reference prices.

use chrono::NaiveDate;
use kit::{
    Failure,
    id::{ArticleId, GroupId, PartyId},
};
use rust_decimal::Decimal;
use sqlx::PgConnection;

/// What a member paid before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferencePrice {
    /// The member.
    pub party_id: PartyId,
    /// What it bought.
    pub article_id: ArticleId,
    /// EUR without VAT per base unit.
    pub unit_price: Decimal,
    /// When it paid that.
    pub dated_on: NaiveDate,
    /// What shows it.
    pub evidence: String,
}

/// Writes prices in place of the present ones. Each member and article once, sorted by them, so that two batches that
/// meet take their rows in the same order.
pub async fn save(conn: &mut PgConnection, group: GroupId, prices: &[ReferencePrice]) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO reference_price (group_id, party_id, article_id, unit_price, dated_on, evidence)
         SELECT $1, new.* FROM unnest($2::uuid[], $3::uuid[], $4::numeric[], $5::date[], $6::text[]) AS new
         ON CONFLICT (group_id, party_id, article_id) DO UPDATE
         SET unit_price = excluded.unit_price, dated_on = excluded.dated_on, evidence = excluded.evidence",
    )
    .bind(group)
    .bind(prices.iter().map(|price| price.party_id).collect::<Vec<_>>())
    .bind(prices.iter().map(|price| price.article_id).collect::<Vec<_>>())
    .bind(prices.iter().map(|price| price.unit_price).collect::<Vec<_>>())
    .bind(prices.iter().map(|price| price.dated_on).collect::<Vec<_>>())
    .bind(prices.iter().map(|price| price.evidence.as_str()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}
