//! What a change of a member touches, and changes as they were confirmed.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use kit::{
    Failure,
    db::corrupt,
    id::{GroupId, LotId, MemberChangeId, PartyId, PlanId, RoundId},
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::domain::member_change::{Change, Effect, NeedsOfRound, OrdersOfLot, PendingPlan, Situation};

/// Holds every open round of a group, in the order in which others lock them: no need is stated or changed meanwhile.
///
/// # Errors
/// When the database is away.
pub async fn lock_open_rounds(conn: &mut PgConnection, group: GroupId) -> Result<(), Failure> {
    sqlx::query("SELECT FROM round WHERE group_id = $1 AND state = 'OPEN' ORDER BY id FOR UPDATE")
        .bind(group)
        .execute(conn)
        .await?;
    Ok(())
}

/// Everything of a member that a change touches.
///
/// # Errors
/// When the database is away.
pub async fn situation(conn: &mut PgConnection, group: GroupId, party: PartyId) -> Result<Situation, Failure> {
    let needs: Vec<(RoundId, String, NaiveDate, i64, i64, String)> = sqlx::query_as(
        "SELECT r.id, r.title, (r.closes_at AT TIME ZONE 'Europe/Paris')::date, count(*), sum(n.units)::bigint,
           encode(sha256(convert_to(string_agg(n.id::text || ':' || n.version, ',' ORDER BY n.id), 'UTF8')), 'hex')
         FROM round r JOIN need n ON n.group_id = r.group_id AND n.round_id = r.id
         WHERE r.group_id = $1 AND r.state = 'OPEN' AND n.party_id = $2 AND NOT n.withdrawn
         GROUP BY r.id, r.title, r.closes_at ORDER BY r.id",
    )
    .bind(group)
    .bind(party)
    .fetch_all(&mut *conn)
    .await?;
    let plans: Vec<(PlanId, String, i64, i64, i64)> = sqlx::query_as(
        "SELECT p.id, p.state, count(*), sum(s.units)::bigint, sum(s.amount_cents)::bigint
         FROM plan p JOIN plan_share s ON s.group_id = p.group_id AND s.plan_id = p.id
         WHERE p.group_id = $1 AND p.state IN ('PROPOSED', 'APPROVED') AND s.party_id = $2 GROUP BY p.id, p.state ORDER BY p.id",
    )
    .bind(group)
    .bind(party)
    .fetch_all(&mut *conn)
    .await?;
    let orders: Vec<(LotId, i64, i64, i64, i64, i64)> = sqlx::query_as(
        "SELECT o.lot_id, count(*) FILTER (WHERE l.units_ordered > l.units_cancelled + l.units_delivered),
           sum(l.units_ordered - l.units_cancelled - l.units_delivered)::bigint,
           sum(round(l.unit_price * (l.units_ordered - l.units_cancelled - l.units_delivered) * 100))::bigint,
           count(*), coalesce(sum(l.amount_cents - l.cancelled_cents) FILTER (WHERE o.reservation_id IS NOT NULL), 0)::bigint
         FROM order_line l JOIN pooled_order o ON o.group_id = l.group_id AND o.id = l.pooled_order_id
         WHERE l.group_id = $1 AND l.party_id = $2 AND o.state IN ('PLACING', 'PLACED', 'ANSWERED') GROUP BY o.lot_id ORDER BY o.lot_id",
    )
    .bind(group)
    .bind(party)
    .fetch_all(conn)
    .await?;
    let of_round = |(round, title, closes_on, count, units, fingerprint)| NeedsOfRound {
        round,
        title,
        closes_on,
        count,
        units,
        fingerprint,
    };
    let pending = |(plan, state, count, units, amount_cents)| PendingPlan { plan, state, count, units, amount_cents };
    let of_lot = |(lot, outstanding_lines, outstanding_units, outstanding_cents, lines, consumed_cents)| OrdersOfLot {
        lot,
        outstanding_lines,
        outstanding_units,
        outstanding_cents,
        lines,
        consumed_cents,
    };
    Ok(Situation {
        needs: needs.into_iter().map(of_round).collect(),
        plans: plans.into_iter().map(pending).collect(),
        orders: orders.into_iter().map(of_lot).collect(),
    })
}

/// The source of each effect's rule on a day.
///
/// # Errors
/// When the database is away.
pub async fn sources_on(conn: &mut PgConnection, on: NaiveDate) -> Result<HashMap<String, String>, Failure> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT effect, source FROM change_rule WHERE valid_from <= $1 AND (valid_to IS NULL OR valid_to >= $1)",
    )
    .bind(on)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().collect())
}

/// Withdraws a member's active needs in some rounds, which are locked; how many.
///
/// # Errors
/// When the database is away.
pub async fn withdraw(
    conn: &mut PgConnection,
    group: GroupId,
    party: PartyId,
    rounds: &[RoundId],
) -> Result<i64, Failure> {
    let withdrawn = sqlx::query(
        "UPDATE need SET withdrawn = true, version = version + 1
         WHERE group_id = $1 AND party_id = $2 AND round_id = ANY ($3) AND NOT withdrawn",
    )
    .bind(group)
    .bind(party)
    .bind(rounds)
    .execute(conn)
    .await?;
    i64::try_from(withdrawn.rows_affected()).map_err(Failure::internal)
}

/// How far a confirmed change has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeState {
    /// Membership is being told.
    Confirmed,
    /// Membership has changed.
    Done,
    /// Membership would not, and why.
    Refused(String),
}

impl ChangeState {
    /// As stored.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Confirmed => "CONFIRMED",
            Self::Done => "DONE",
            Self::Refused(_) => "REFUSED",
        }
    }

    /// Why membership refused; empty when it did not.
    #[must_use]
    pub fn refusal(&self) -> &str {
        match self {
            Self::Confirmed | Self::Done => "",
            Self::Refused(why) => why,
        }
    }
}

/// A change as it was confirmed.
#[derive(Debug, Clone)]
pub struct Confirmed {
    /// Its id.
    pub id: MemberChangeId,
    /// The change.
    pub change: Change,
    /// As shown.
    pub effects: Vec<Effect>,
    /// Of what was shown.
    pub digest: Vec<u8>,
    /// Whether membership has changed.
    pub state: ChangeState,
    /// When.
    pub confirmed_at: DateTime<Utc>,
}

/// Keeps a confirmed change.
///
/// # Errors
/// When the database is away.
pub async fn insert(conn: &mut PgConnection, group: GroupId, confirmed: &Confirmed, by: &str) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO member_change (group_id, id, kind, party_id, last_day, successor_party_id, evidence, effects, digest, state,
           confirmed_at, confirmed_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'CONFIRMED', $10, $11)",
    )
    .bind(group)
    .bind(confirmed.id)
    .bind(confirmed.change.kind())
    .bind(confirmed.change.party)
    .bind(confirmed.change.last_day)
    .bind(confirmed.change.successor)
    .bind(&confirmed.change.evidence)
    .bind(Json(&confirmed.effects))
    .bind(&confirmed.digest)
    .bind(confirmed.confirmed_at)
    .bind(by)
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes what membership came to. One that is no longer CONFIRMED stays as it is: another replica was faster.
///
/// # Errors
/// When the database is away.
pub async fn save_state(
    conn: &mut PgConnection,
    group: GroupId,
    id: MemberChangeId,
    state: &ChangeState,
) -> Result<(), Failure> {
    sqlx::query(
        "UPDATE member_change SET state = $3, refusal = $4 WHERE group_id = $1 AND id = $2 AND state = 'CONFIRMED'",
    )
    .bind(group)
    .bind(id)
    .bind(state.name())
    .bind(state.refusal())
    .execute(conn)
    .await?;
    Ok(())
}

/// Changes of all groups that membership has not been told, or that nobody knows of, for the background worker.
///
/// # Errors
/// When the database is away.
pub async fn list_waiting(conn: &mut PgConnection, limit: i64) -> Result<Vec<(GroupId, MemberChangeId)>, Failure> {
    Ok(sqlx::query_as("SELECT group_id, id FROM member_change WHERE state = 'CONFIRMED' ORDER BY id LIMIT $1")
        .bind(limit)
        .fetch_all(conn)
        .await?)
}

#[derive(sqlx::FromRow)]
struct Row {
    id: MemberChangeId,
    party_id: PartyId,
    last_day: NaiveDate,
    successor_party_id: Option<PartyId>,
    evidence: String,
    effects: Json<Vec<Effect>>,
    digest: Vec<u8>,
    state: String,
    refusal: String,
    confirmed_at: DateTime<Utc>,
}

impl TryFrom<Row> for Confirmed {
    type Error = Failure;

    fn try_from(row: Row) -> Result<Self, Failure> {
        let state = match row.state.as_str() {
            "CONFIRMED" => ChangeState::Confirmed,
            "DONE" => ChangeState::Done,
            "REFUSED" => ChangeState::Refused(row.refusal),
            _ => return Err(corrupt("member_change", "state", row.id)),
        };
        let (party, last_day, successor) = (row.party_id, row.last_day, row.successor_party_id);
        let change = Change { party, last_day, successor, evidence: row.evidence };
        let (id, confirmed_at) = (row.id, row.confirmed_at);
        Ok(Self { id, change, effects: row.effects.0, digest: row.digest, state, confirmed_at })
    }
}

const SELECT: &str = "SELECT id, party_id, last_day, successor_party_id, evidence, effects, digest, state, refusal, confirmed_at FROM member_change";

/// A confirmed change.
///
/// # Errors
/// When the database is away.
pub async fn find(conn: &mut PgConnection, group: GroupId, id: MemberChangeId) -> Result<Option<Confirmed>, Failure> {
    let sql = format!("{SELECT} WHERE group_id = $1 AND id = $2");
    let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(group).bind(id).fetch_optional(conn).await?;
    row.map(Confirmed::try_from).transpose()
}

/// A page of confirmed changes by id.
///
/// # Errors
/// When the database is away.
pub async fn list(conn: &mut PgConnection, group: GroupId, after: Uuid, limit: i64) -> Result<Vec<Confirmed>, Failure> {
    let sql = format!("{SELECT} WHERE group_id = $1 AND id > $2 ORDER BY id LIMIT $3");
    let rows: Vec<Row> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(group).bind(after).bind(limit).fetch_all(conn).await?;
    rows.into_iter().map(Confirmed::try_from).collect()
}
