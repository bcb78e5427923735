//! What Postgres refuses by itself, whatever the code above it does.

use kit::id::{GroupId, PartyId};
use sqlx::{AssertSqlSafe, Connection as _};

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_the_rules_forbid_do_not_enter() {
    let world = world().await;
    let group = GroupId::new();
    world
        .register(vec![
            tablets("PARA", "Paracétamol", vec![cip13("3400949497294")]),
            tablets("IBU", "Ibuprofène", vec![]),
        ])
        .await
        .unwrap();
    let terms = world.tendering.agreement(group, PartyId::new());
    world.set(&officer(group), vec![terms.price("key:PARA", "01-01", "12-31")]).await.unwrap();
    let mut superuser = world.test.superuser().await;
    for (constraint, sql) in [
        ("packaging_one_base", "INSERT INTO packaging SELECT article_id, 'MORE', 9, 'x', NULL, NULL, 1, true FROM packaging LIMIT 1"),
        ("packaging_not_in_itself", "UPDATE packaging SET contains_code = 'BOX' WHERE code = 'BOX'"),
        ("packaging_contents_complete", "UPDATE packaging SET contains_count = NULL WHERE code = 'BOX'"),
        ("packaging_base_is_one_unit", "UPDATE packaging SET base_units = 2 WHERE code = 'UNIT'"),
        ("packaging_contains_count_check", "UPDATE packaging SET contains_count = 0 WHERE code = 'BOX'"),
        ("identifier_pkey", "INSERT INTO identifier SELECT '03400949497294', id, 'BOX', '{GTIN}' FROM article WHERE key = 'IBU'"),
        ("identifier_schemes_check", "UPDATE identifier SET schemes = '{EAN}'"),
        ("article_key", "UPDATE article SET key = 'X'"),
        ("article_vat_rate_check", "UPDATE article SET vat_rate = 101"),
        ("price_one_a_day", "INSERT INTO price SELECT group_id, gen_random_uuid(), agreement_id, lot_id, supplier_id, article_id,
            packaging_code, pack_units, order_multiple_packs, tier_min_units, tier_unit_prices, '2026-12-31', '2027-01-31', set_at FROM price"),
        ("price_period", "UPDATE price SET valid_to = '2025-12-31'"),
        ("price_tiers", "UPDATE price SET tier_unit_prices = '{1}'"),
        ("price_tier_min_units_check", "UPDATE price SET tier_min_units = '{1,2}'"),
        ("price_article_id_packaging_code_fkey", "UPDATE price SET packaging_code = 'PALLET'"),
    ] {
        let mut tx = superuser.begin().await.unwrap();
        let error = sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await.unwrap_err();
        assert_eq!(error.as_database_error().and_then(|error| error.constraint()), Some(constraint), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_has_a_policy_but_the_reference_tables() {
    let world = world().await;
    let mut superuser = world.test.superuser().await;
    let open: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'catalogue'::regnamespace AND relkind IN ('r', 'p')
         AND NOT relrowsecurity AND relname NOT LIKE '%migrations' ORDER BY relname",
    )
    .fetch_all(&mut superuser)
    .await
    .unwrap();
    assert_eq!(open, ["article", "edition", "identifier", "packaging"]);
}
