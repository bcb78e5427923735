//! Writing a plan: a header, then lines, shares, exclusions and buyers in statements of up to 5,000 rows.

use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use kit::{
    Failure,
    id::{ArticleId, GroupId, NeedId, PartyId, PlanId, PlanLineId, RoundId, SiteId},
};
use sqlx::PgConnection;

use super::plans::Plan;
use crate::domain::{
    explain,
    need::SetDigest,
    plan::{Computed, PlannedNeed, Share},
    terms::Terms,
};

/// Rows in one statement.
const CHUNK: usize = 5_000;

/// The active needs of a round, with the hash of the set as a snapshot takes it.
pub async fn needs(
    conn: &mut PgConnection,
    group: GroupId,
    round: RoundId,
) -> Result<(Vec<PlannedNeed>, [u8; 32]), Failure> {
    let mut rows = sqlx::query_as::<_, (NeedId, PartyId, SiteId, ArticleId, i64)>(
        "SELECT id, party_id, site_id, article_id, units FROM need
         WHERE group_id = $1 AND round_id = $2 AND NOT withdrawn ORDER BY id",
    )
    .bind(group)
    .bind(round)
    .fetch(conn);
    let (mut needs, mut digest) = (Vec::new(), SetDigest::new());
    while let Some((id, party, site, article, units)) = rows.try_next().await? {
        // Of an order round: a census is never planned.
        digest.frozen((id, party, site, article), units, None);
        needs.push(PlannedNeed { id, party, site, article, units });
    }
    Ok((needs, digest.finish()))
}

/// Writes the header of a proposed plan.
pub async fn insert(
    conn: &mut PgConnection,
    group: GroupId,
    plan: &Plan,
    by: &str,
    at: DateTime<Utc>,
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO plan (group_id, id, round_id, snapshot_id, state, platform_site_id, orders_by, receives_by, pays_by,
           awarding_party_id, line_count, share_count, exclusion_count, units_needed, units_ordered, amount_cents, sha256,
           version, proposed_by, proposed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)",
    )
    .bind(group)
    .bind(plan.id)
    .bind(plan.round_id)
    .bind(plan.snapshot_id)
    .bind(plan.state.name())
    .bind(plan.platform_site_id)
    .bind(plan.form.orders.name())
    .bind(plan.form.receives.name())
    .bind(plan.form.pays.name())
    .bind(plan.form.awarding)
    .bind(plan.line_count)
    .bind(plan.share_count)
    .bind(plan.exclusion_count)
    .bind(plan.units_needed)
    .bind(plan.units_ordered)
    .bind(plan.amount_cents)
    .bind(&plan.sha256)
    .bind(plan.version)
    .bind(by)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes the lines. `ids` stand beside the lines.
pub async fn insert_lines(
    conn: &mut PgConnection,
    group: GroupId,
    plan: PlanId,
    terms: &Terms,
    computed: &Computed,
    ids: &[PlanLineId],
) -> Result<(), Failure> {
    for (chunk, (lines, ids)) in computed.lines.chunks(CHUNK).zip(ids.chunks(CHUNK)).enumerate() {
        let first = i64::try_from(chunk * CHUNK).map_err(Failure::internal)?;
        let mut rows = LineRows::default();
        for line in lines {
            rows.push(terms, line)?;
        }
        rows.insert(conn, group, plan, first, ids).await?;
    }
    Ok(())
}

/// Columns of some lines.
#[derive(Default)]
struct LineRows {
    articles: Vec<ArticleId>,
    kinds: Vec<&'static str>,
    agreements: Vec<kit::id::AgreementId>,
    lots: Vec<kit::id::LotId>,
    suppliers: Vec<PartyId>,
    wholesale: Vec<bool>,
    packagings: Vec<String>,
    pack_units: Vec<i64>,
    needed: Vec<i64>,
    packs: Vec<i64>,
    ordered: Vec<i64>,
    tiers: Vec<i64>,
    prices: Vec<rust_decimal::Decimal>,
    amounts: Vec<i64>,
    vat_rates: Vec<rust_decimal::Decimal>,
    tier_parties: Vec<Option<PartyId>>,
    tier_sites: Vec<Option<SiteId>>,
    members: Vec<i64>,
    reasons: Vec<String>,
}

impl LineRows {
    fn push(&mut self, terms: &Terms, line: &crate::domain::plan::Line) -> Result<(), Failure> {
        let offer = &terms.offers()[line.offer];
        let agreement = &terms.agreements[offer.agreement];
        self.articles.push(offer.article);
        self.kinds.push(terms.article(offer.article)?.kind.name());
        self.agreements.push(agreement.id);
        self.lots.push(offer.lot);
        self.suppliers.push(offer.supplier);
        self.wholesale.push(agreement.wholesale);
        self.packagings.push(offer.packaging_code.clone());
        self.pack_units.push(offer.rule.pack_units);
        self.needed.push(line.units_needed);
        self.packs.push(line.packs);
        self.ordered.push(line.units);
        self.tiers.push(line.tier_min_units);
        self.prices.push(line.unit_price);
        self.amounts.push(line.amount_cents);
        self.vat_rates.push(offer.vat_rate);
        self.tier_parties.push(line.scope.party());
        self.tier_sites.push(line.scope.site());
        self.members.push(line.member_count);
        self.reasons.push(serde_json::to_string(&explain::line_reasons(terms, line)?).map_err(Failure::internal)?);
        Ok(())
    }

    async fn insert(
        self,
        conn: &mut PgConnection,
        group: GroupId,
        plan: PlanId,
        first: i64,
        ids: &[PlanLineId],
    ) -> Result<(), Failure> {
        sqlx::query(
            "INSERT INTO plan_line (group_id, plan_id, position, id, article_id, kind, agreement_id, lot_id, supplier_id, wholesale,
               packaging_code, pack_units, units_needed, packs, units_ordered, tier_min_units, unit_price, amount_cents, vat_rate,
               tier_party_id, tier_site_id, member_count, reasons)
             SELECT $1, $2, $3 + r.nth, r.id, r.article, r.kind, r.agreement, r.lot, r.supplier, r.wholesale, r.packaging,
               r.pack_units, r.needed, r.packs, r.ordered, r.tier, r.price, r.amount, r.vat, r.tier_party, r.tier_site,
               r.members, r.reasons::jsonb
             FROM unnest($4::uuid[], $5::uuid[], $6::text[], $7::uuid[], $8::uuid[], $9::uuid[], $10::boolean[], $11::text[],
               $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::numeric[], $18::bigint[],
               $19::numeric[], $20::uuid[], $21::uuid[], $22::bigint[], $23::text[]) WITH ORDINALITY
               AS r (id, article, kind, agreement, lot, supplier, wholesale, packaging, pack_units, needed, packs, ordered, tier,
                     price, amount, vat, tier_party, tier_site, members, reasons, nth)",
        )
        .bind(group)
        .bind(plan)
        .bind(first)
        .bind(ids)
        .bind(self.articles)
        .bind(self.kinds)
        .bind(self.agreements)
        .bind(self.lots)
        .bind(self.suppliers)
        .bind(self.wholesale)
        .bind(self.packagings)
        .bind(self.pack_units)
        .bind(self.needed)
        .bind(self.packs)
        .bind(self.ordered)
        .bind(self.tiers)
        .bind(self.prices)
        .bind(self.amounts)
        .bind(self.vat_rates)
        .bind(self.tier_parties)
        .bind(self.tier_sites)
        .bind(self.members)
        .bind(self.reasons)
        .execute(conn)
        .await?;
        Ok(())
    }
}

/// Writes the shares, one per need.
pub async fn insert_shares(
    conn: &mut PgConnection,
    group: GroupId,
    plan: PlanId,
    computed: &Computed,
    ids: &[PlanLineId],
) -> Result<(), Failure> {
    let need = |share: &Share| computed.needs[share.need];
    // In the order of the needs' ids: two of the table's indexes and the needs that its foreign key looks up lie in that order.
    let mut by_need: Vec<&Share> = computed.shares.iter().collect();
    by_need.sort_unstable_by_key(|share| need(share).id);
    for shares in by_need.chunks(CHUNK) {
        sqlx::query(
            "INSERT INTO plan_share (group_id, plan_id, need_id, plan_line_id, party_id, site_id, route, break_bulk, units_needed,
               units, amount_cents)
             SELECT $1, $2, r.* FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::boolean[],
               $9::bigint[], $10::bigint[], $11::bigint[]) AS r",
        )
        .bind(group)
        .bind(plan)
        .bind(shares.iter().map(|share| need(share).id).collect::<Vec<_>>())
        .bind(shares.iter().map(|share| ids[share.line]).collect::<Vec<_>>())
        .bind(shares.iter().map(|share| need(share).party).collect::<Vec<_>>())
        .bind(shares.iter().map(|share| need(share).site).collect::<Vec<_>>())
        .bind(shares.iter().map(|share| share.route.name()).collect::<Vec<_>>())
        .bind(shares.iter().map(|share| share.break_bulk).collect::<Vec<_>>())
        .bind(shares.iter().map(|share| need(share).units).collect::<Vec<_>>())
        .bind(shares.iter().map(|share| share.units).collect::<Vec<_>>())
        .bind(shares.iter().map(|share| share.amount_cents).collect::<Vec<_>>())
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Writes the needs left out, each with its reason.
pub async fn insert_exclusions(
    conn: &mut PgConnection,
    group: GroupId,
    plan: PlanId,
    terms: &Terms,
    computed: &Computed,
) -> Result<(), Failure> {
    for exclusions in computed.exclusions.chunks(CHUNK) {
        let needs: Vec<PlannedNeed> = exclusions.iter().map(|exclusion| computed.needs[exclusion.need]).collect();
        let mut reasons = Vec::with_capacity(needs.len());
        for (need, exclusion) in needs.iter().zip(exclusions) {
            let reason = explain::exclusion_reason(terms, need, exclusion.why)?;
            reasons.push(serde_json::to_string(&reason).map_err(Failure::internal)?);
        }
        sqlx::query(
            "INSERT INTO plan_exclusion (group_id, plan_id, need_id, party_id, article_id, site_id, units, reason)
             SELECT $1, $2, r.need, r.party, r.article, r.site, r.units, r.reason::jsonb
             FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::bigint[], $8::text[])
               AS r (need, party, article, site, units, reason)",
        )
        .bind(group)
        .bind(plan)
        .bind(needs.iter().map(|need| need.id).collect::<Vec<_>>())
        .bind(needs.iter().map(|need| need.party).collect::<Vec<_>>())
        .bind(needs.iter().map(|need| need.article).collect::<Vec<_>>())
        .bind(needs.iter().map(|need| need.site).collect::<Vec<_>>())
        .bind(needs.iter().map(|need| need.units).collect::<Vec<_>>())
        .bind(reasons)
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Writes who pays, and whether its status requires a commitment number.
pub async fn insert_buyers(
    conn: &mut PgConnection,
    group: GroupId,
    plan: PlanId,
    buyers: &[(PartyId, bool)],
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO plan_buyer (group_id, plan_id, party_id, commitment_required)
         SELECT $1, $2, r.* FROM unnest($3::uuid[], $4::boolean[]) AS r",
    )
    .bind(group)
    .bind(plan)
    .bind(buyers.iter().map(|buyer| buyer.0).collect::<Vec<_>>())
    .bind(buyers.iter().map(|buyer| buyer.1).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}
