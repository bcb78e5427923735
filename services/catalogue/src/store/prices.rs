//! Prices: group rows, which their supplier also sees across its groups.

use chrono::{DateTime, NaiveDate, Utc};
use kit::{
    Failure, Scope,
    db::corrupt,
    id::{AgreementId, ArticleId, GroupId, LotId, PartyId, PriceId},
};
use rust_decimal::Decimal;
use sqlx::{PgConnection, QueryBuilder};

use crate::domain::price::{Filter, Offer, Period, Price, Slot, Tier, Tiers};

/// Locks the group's price book; its first lock makes it.
pub(crate) async fn lock_book(conn: &mut PgConnection, group: GroupId) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO price_book AS book (group_id, version) VALUES ($1, 1)
         ON CONFLICT (group_id) DO UPDATE SET version = book.version + 1",
    )
    .bind(group)
    .execute(conn)
    .await?;
    Ok(())
}

/// When the group's prices of the same articles under the same lots apply.
pub(crate) async fn slots(conn: &mut PgConnection, group: GroupId, prices: &[Price]) -> Result<Vec<Slot>, Failure> {
    let rows: Vec<(PriceId, LotId, ArticleId, NaiveDate, NaiveDate)> = sqlx::query_as(
        "SELECT id, lot_id, article_id, valid_from, valid_to FROM price
         WHERE group_id = $1 AND (lot_id, article_id) IN (SELECT * FROM unnest($2::uuid[], $3::uuid[]))",
    )
    .bind(group)
    .bind(prices.iter().map(|price| price.offer.lot).collect::<Vec<_>>())
    .bind(prices.iter().map(|price| price.article).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|(id, lot, article, from, to)| {
            let period = Period::new(from, to).ok_or_else(|| corrupt("price", "valid_to", id))?;
            Ok(Slot { id, lot, article, period })
        })
        .collect()
}

/// Inserts prices, or replaces those of the same id. Call it under [`lock_book`].
pub(crate) async fn save(
    conn: &mut PgConnection,
    group: GroupId,
    prices: &[(PriceId, Price)],
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let (mut tier_ids, mut min_units, mut unit_prices) = (Vec::new(), Vec::new(), Vec::new());
    for (id, price) in prices {
        for tier in price.offer.tiers.as_slice() {
            tier_ids.push(*id);
            min_units.push(tier.min_units);
            unit_prices.push(tier.unit_price);
        }
    }
    let offers = || prices.iter().map(|(_, price)| &price.offer);
    let written = sqlx::query(
        "WITH tiers AS (
           SELECT id, array_agg(min_units ORDER BY min_units) AS min_units, array_agg(unit_price ORDER BY min_units) AS unit_prices
           FROM unnest($13::uuid[], $14::bigint[], $15::numeric[]) AS tier (id, min_units, unit_price) GROUP BY id)
         INSERT INTO price (group_id, id, agreement_id, lot_id, supplier_id, article_id, packaging_code, pack_units,
                            order_multiple_packs, valid_from, valid_to, set_at, tier_min_units, tier_unit_prices)
         SELECT $1, sent.*, $12, tiers.min_units, tiers.unit_prices
         FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::bigint[], $9::bigint[],
                     $10::date[], $11::date[]) AS sent (id, agreement_id, lot_id, supplier_id, article_id, packaging_code,
                     pack_units, order_multiple_packs, valid_from, valid_to)
         JOIN tiers ON tiers.id = sent.id
         ON CONFLICT (group_id, id) DO UPDATE SET agreement_id = excluded.agreement_id, supplier_id = excluded.supplier_id,
           packaging_code = excluded.packaging_code, pack_units = excluded.pack_units,
           order_multiple_packs = excluded.order_multiple_packs, set_at = excluded.set_at,
           tier_min_units = excluded.tier_min_units, tier_unit_prices = excluded.tier_unit_prices",
    )
    .bind(group)
    .bind(prices.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind(offers().map(|offer| offer.agreement).collect::<Vec<_>>())
    .bind(offers().map(|offer| offer.lot).collect::<Vec<_>>())
    .bind(offers().map(|offer| offer.supplier).collect::<Vec<_>>())
    .bind(prices.iter().map(|(_, price)| price.article).collect::<Vec<_>>())
    .bind(offers().map(|offer| offer.packaging_code.as_str()).collect::<Vec<_>>())
    .bind(prices.iter().map(|(_, price)| price.pack_units).collect::<Vec<_>>())
    .bind(offers().map(|offer| offer.order_multiple_packs).collect::<Vec<_>>())
    .bind(offers().map(|offer| offer.period.from()).collect::<Vec<_>>())
    .bind(offers().map(|offer| offer.period.to()).collect::<Vec<_>>())
    .bind(now)
    .bind(tier_ids)
    .bind(min_units)
    .bind(unit_prices)
    .execute(conn)
    .await?
    .rows_affected();
    if usize::try_from(written).ok() == Some(prices.len()) {
        Ok(())
    } else {
        Err(Failure::internal(format!("{written} prices written instead of {}", prices.len())))
    }
}

#[derive(sqlx::FromRow)]
struct PriceRow {
    id: PriceId,
    agreement_id: AgreementId,
    lot_id: LotId,
    supplier_id: PartyId,
    article_id: ArticleId,
    packaging_code: String,
    pack_units: i64,
    order_multiple_packs: i64,
    tier_min_units: Vec<i64>,
    tier_unit_prices: Vec<Decimal>,
    valid_from: NaiveDate,
    valid_to: NaiveDate,
    vat_rate: Decimal,
}

/// A price of the catalogue with the VAT rate of its article in percent.
pub(crate) struct ListedPrice {
    /// Its id.
    pub(crate) id: PriceId,
    /// What it says.
    pub(crate) price: Price,
    /// Percent.
    pub(crate) vat_rate: Decimal,
}

/// Prices in force on a day that the session may see, by id.
pub(crate) async fn list(
    conn: &mut PgConnection,
    scope: Scope,
    filter: &Filter,
    on: NaiveDate,
    after: PriceId,
    count: i64,
) -> Result<Vec<ListedPrice>, Failure> {
    let mut query = QueryBuilder::new(
        "SELECT p.id, p.agreement_id, p.lot_id, p.supplier_id, p.article_id, p.packaging_code, p.pack_units,
                p.order_multiple_packs, p.tier_min_units, p.tier_unit_prices, p.valid_from, p.valid_to, a.vat_rate
         FROM price p JOIN article a ON a.id = p.article_id WHERE ",
    );
    // The policies say the same; said again it chooses the index, which their OR would hide.
    match scope {
        Scope::Group(group) => query.push("p.group_id = ").push_bind(group),
        Scope::Party(party) => query.push("p.supplier_id = ").push_bind(party),
        Scope::Deployment => query.push("false"),
    };
    query.push(" AND p.id > ").push_bind(after);
    query.push(" AND p.valid_from <= ").push_bind(on).push(" AND p.valid_to >= ").push_bind(on);
    if !filter.agreements.is_empty() {
        query.push(" AND p.agreement_id = ANY(").push_bind(&filter.agreements).push(")");
    }
    if !filter.articles.is_empty() {
        query.push(" AND p.article_id = ANY(").push_bind(&filter.articles).push(")");
    }
    query.push(" ORDER BY p.id LIMIT ").push_bind(count);
    let rows: Vec<PriceRow> = query.build_query_as().fetch_all(conn).await?;
    rows.into_iter().map(listed).collect()
}

fn listed(row: PriceRow) -> Result<ListedPrice, Failure> {
    let wrong = |column| corrupt("price", column, row.id);
    let tiers = row.tier_min_units.into_iter().zip(row.tier_unit_prices);
    let tiers = tiers.map(|(min_units, unit_price)| Tier { min_units, unit_price }).collect();
    let offer = Offer {
        agreement: row.agreement_id,
        lot: row.lot_id,
        supplier: row.supplier_id,
        packaging_code: row.packaging_code,
        order_multiple_packs: row.order_multiple_packs,
        tiers: Tiers::new(tiers).map_err(|_| wrong("tier_min_units"))?,
        period: Period::new(row.valid_from, row.valid_to).ok_or_else(|| wrong("valid_to"))?,
    };
    let price = Price { article: row.article_id, pack_units: row.pack_units, offer };
    Ok(ListedPrice { id: row.id, price, vat_rate: row.vat_rate })
}
