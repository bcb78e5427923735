//! Plans: reading them, and their states. Their rows are written by [`super::plan_rows`].

use chrono::{DateTime, Utc};
use kit::{
    Failure,
    db::{OnConstraint as _, corrupt, one_row},
    id::{AgreementId, ArticleId, GroupId, LotId, NeedId, PartyId, PlanId, PlanLineId, RoundId, SiteId, SnapshotId},
};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{
    buyers::{Actor, FormRules},
    order_error::OrderError,
    plan_state::PlanState,
};

/// A plan without its rows.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Its id.
    pub id: PlanId,
    /// Round.
    pub round_id: RoundId,
    /// Snapshot.
    pub snapshot_id: SnapshotId,
    /// State.
    pub state: PlanState,
    /// Platform through which PLATFORM routes go.
    pub platform_site_id: Option<SiteId>,
    /// Who orders, receives and pays.
    pub form: FormRules,
    /// Lines.
    pub line_count: i64,
    /// Shares.
    pub share_count: i64,
    /// Needs left out.
    pub exclusion_count: i64,
    /// Base units needed.
    pub units_needed: i64,
    /// Base units ordered.
    pub units_ordered: i64,
    /// Cents EUR without VAT.
    pub amount_cents: i64,
    /// Over lines and shares.
    pub sha256: Vec<u8>,
    /// Changes at each change.
    pub version: i64,
}

#[derive(sqlx::FromRow)]
struct PlanRow {
    id: PlanId,
    round_id: RoundId,
    snapshot_id: SnapshotId,
    state: String,
    platform_site_id: Option<SiteId>,
    orders_by: String,
    receives_by: String,
    pays_by: String,
    awarding_party_id: PartyId,
    line_count: i64,
    share_count: i64,
    exclusion_count: i64,
    units_needed: i64,
    units_ordered: i64,
    amount_cents: i64,
    sha256: Vec<u8>,
    version: i64,
}

impl TryFrom<PlanRow> for Plan {
    type Error = Failure;

    fn try_from(row: PlanRow) -> Result<Self, Failure> {
        let actor = |text: &str, column| Actor::parse(text).ok_or_else(|| corrupt("plan", column, row.id));
        Ok(Self {
            id: row.id,
            round_id: row.round_id,
            snapshot_id: row.snapshot_id,
            state: PlanState::parse(&row.state).ok_or_else(|| corrupt("plan", "state", row.id))?,
            platform_site_id: row.platform_site_id,
            form: FormRules {
                orders: actor(&row.orders_by, "orders_by")?,
                receives: actor(&row.receives_by, "receives_by")?,
                pays: actor(&row.pays_by, "pays_by")?,
                awarding: row.awarding_party_id,
            },
            line_count: row.line_count,
            share_count: row.share_count,
            exclusion_count: row.exclusion_count,
            units_needed: row.units_needed,
            units_ordered: row.units_ordered,
            amount_cents: row.amount_cents,
            sha256: row.sha256,
            version: row.version,
        })
    }
}

/// A plan.
pub async fn find(conn: &mut PgConnection, group: GroupId, id: PlanId) -> Result<Option<Plan>, Failure> {
    let row: Option<PlanRow> = sqlx::query_as(
        "SELECT id, round_id, snapshot_id, state, platform_site_id, orders_by, receives_by, pays_by, awarding_party_id,
           line_count, share_count, exclusion_count, units_needed, units_ordered, amount_cents, sha256, version
         FROM plan WHERE group_id = $1 AND id = $2",
    )
    .bind(group)
    .bind(id)
    .fetch_optional(conn)
    .await?;
    row.map(Plan::try_from).transpose()
}

/// A plan that nobody can change until the transaction ends.
pub async fn lock(conn: &mut PgConnection, group: GroupId, id: PlanId) -> Result<Option<Plan>, Failure> {
    sqlx::query("SELECT FROM plan WHERE group_id = $1 AND id = $2 FOR UPDATE")
        .bind(group)
        .bind(id)
        .execute(&mut *conn)
        .await?;
    find(conn, group, id).await
}

/// Writes the approval of a locked plan; `plan.version` is the one after the change.
pub async fn save_approval(
    conn: &mut PgConnection,
    group: GroupId,
    plan: &Plan,
    by: &str,
    at: DateTime<Utc>,
) -> Result<(), Failure> {
    let result = sqlx::query(
        "UPDATE plan SET state = $3, version = $4, approved_by = $5, approved_at = $6
         WHERE group_id = $1 AND id = $2 AND version = $4 - 1",
    )
    .bind(group)
    .bind(plan.id)
    .bind(plan.state.name())
    .bind(plan.version)
    .bind(by)
    .bind(at)
    .execute(conn)
    .await
    .on_constraint("plan_approved_once_per_round", || OrderError::AnotherPlanApproved {
        round: plan.round_id.to_string(),
    })?;
    one_row(&result, "plan")
}

/// Writes the state of a locked plan; `plan.version` is the one after the change.
pub async fn save_state(conn: &mut PgConnection, group: GroupId, plan: &Plan) -> Result<(), Failure> {
    let result =
        sqlx::query("UPDATE plan SET state = $3, version = $4 WHERE group_id = $1 AND id = $2 AND version = $4 - 1")
            .bind(group)
            .bind(plan.id)
            .bind(plan.state.name())
            .bind(plan.version)
            .execute(conn)
            .await?;
    one_row(&result, "plan")
}

/// Buyers that must still give a commitment number, by id.
pub async fn missing_commitments(
    conn: &mut PgConnection,
    group: GroupId,
    plan: PlanId,
) -> Result<Vec<PartyId>, Failure> {
    Ok(sqlx::query_scalar(
        "SELECT party_id FROM plan_buyer
         WHERE group_id = $1 AND plan_id = $2 AND commitment_required AND commitment_number IS NULL ORDER BY party_id",
    )
    .bind(group)
    .bind(plan)
    .fetch_all(conn)
    .await?)
}

/// Commitment numbers given so far, by buyer.
pub async fn commitments(
    conn: &mut PgConnection,
    group: GroupId,
    plan: PlanId,
) -> Result<Vec<(PartyId, String)>, Failure> {
    Ok(sqlx::query_as(
        "SELECT party_id, commitment_number FROM plan_buyer
         WHERE group_id = $1 AND plan_id = $2 AND commitment_number IS NOT NULL",
    )
    .bind(group)
    .bind(plan)
    .fetch_all(conn)
    .await?)
}

/// Records a buyer's commitment number; whether it is a buyer of the plan.
pub async fn save_commitment(
    conn: &mut PgConnection,
    group: GroupId,
    plan: PlanId,
    party: PartyId,
    number: &str,
    by: &str,
) -> Result<bool, Failure> {
    let result = sqlx::query(
        "UPDATE plan_buyer SET commitment_number = $4, recorded_by = $5 WHERE group_id = $1 AND plan_id = $2 AND party_id = $3",
    )
    .bind(group)
    .bind(plan)
    .bind(party)
    .bind(number)
    .bind(by)
    .execute(conn)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// A plan line as people see it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Line {
    /// Its id.
    pub id: PlanLineId,
    /// Article.
    pub article_id: ArticleId,
    /// Agreement.
    pub agreement_id: AgreementId,
    /// Lot.
    pub lot_id: LotId,
    /// Supplier.
    pub supplier_id: PartyId,
    /// Pack.
    pub packaging_code: String,
    /// Base units in it.
    pub pack_units: i64,
    /// Base units needed.
    pub units_needed: i64,
    /// Packs ordered.
    pub packs: i64,
    /// Base units ordered.
    pub units_ordered: i64,
    /// Base units from which the tier holds.
    pub tier_min_units: i64,
    /// EUR per base unit.
    pub unit_price: Decimal,
    /// Cents EUR.
    pub amount_cents: i64,
    /// Buyer the tier was read for.
    pub tier_party_id: Option<PartyId>,
    /// Delivery point the tier was read for.
    pub tier_site_id: Option<SiteId>,
    /// Members that share it.
    pub member_count: i64,
    /// Reasons, JSON.
    pub reasons: String,
}

/// Lines of a plan by id; with `only`, those that this member shares.
pub async fn lines(
    conn: &mut PgConnection,
    group: GroupId,
    plan: PlanId,
    only: Option<PartyId>,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Line>, Failure> {
    Ok(sqlx::query_as(
        "SELECT id, article_id, agreement_id, lot_id, supplier_id, packaging_code, pack_units, units_needed, packs, units_ordered,
           tier_min_units, unit_price, amount_cents, tier_party_id, tier_site_id, member_count, reasons::text AS reasons
         FROM plan_line l WHERE group_id = $1 AND plan_id = $2 AND id > $3
           AND ($5::uuid IS NULL OR EXISTS (
             SELECT FROM plan_share s WHERE s.group_id = $1 AND s.plan_line_id = l.id AND s.party_id = $5))
         ORDER BY id LIMIT $4",
    )
    .bind(group)
    .bind(plan)
    .bind(after)
    .bind(limit)
    .bind(only)
    .fetch_all(conn)
    .await?)
}

/// What one need gets.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Share {
    /// Need.
    pub need_id: NeedId,
    /// Line.
    pub plan_line_id: PlanLineId,
    /// Member.
    pub party_id: PartyId,
    /// Delivery point.
    pub site_id: SiteId,
    /// PLATFORM or DIRECT.
    pub route: String,
    /// Base units needed.
    pub units_needed: i64,
    /// Base units it gets.
    pub units: i64,
    /// Its part of the line's amount.
    pub amount_cents: i64,
}

/// Which shares are wanted.
#[derive(Debug, Clone, Copy)]
pub struct SharesWanted {
    /// Plan.
    pub plan: PlanId,
    /// Only this member's.
    pub party: Option<PartyId>,
    /// Only this line's.
    pub line: Option<PlanLineId>,
}

/// Shares of a plan by need id, as far as the policies let them through.
pub async fn shares(conn: &mut PgConnection, of: SharesWanted, after: Uuid, limit: i64) -> Result<Vec<Share>, Failure> {
    Ok(sqlx::query_as(
        "SELECT need_id, plan_line_id, party_id, site_id, route, units_needed, units, amount_cents FROM plan_share
         WHERE plan_id = $1 AND ($2::uuid IS NULL OR party_id = $2) AND ($3::uuid IS NULL OR plan_line_id = $3)
           AND need_id > $4 ORDER BY need_id LIMIT $5",
    )
    .bind(of.plan)
    .bind(of.party)
    .bind(of.line)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// A need left out.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Exclusion {
    /// Need.
    pub need_id: NeedId,
    /// Member.
    pub party_id: PartyId,
    /// Article.
    pub article_id: ArticleId,
    /// Delivery point.
    pub site_id: SiteId,
    /// Base units.
    pub units: i64,
    /// Reason, JSON.
    pub reason: String,
}

/// Needs that a plan leaves out, by need id, as far as the policies let them through.
pub async fn exclusions(
    conn: &mut PgConnection,
    plan: PlanId,
    party: Option<PartyId>,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Exclusion>, Failure> {
    Ok(sqlx::query_as(
        "SELECT need_id, party_id, article_id, site_id, units, reason::text AS reason FROM plan_exclusion
         WHERE plan_id = $1 AND ($2::uuid IS NULL OR party_id = $2) AND need_id > $3 ORDER BY need_id LIMIT $4",
    )
    .bind(plan)
    .bind(party)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}
