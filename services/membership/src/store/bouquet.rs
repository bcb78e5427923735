//! Services of a group and subscriptions to them. The policies keep a session in its group.

use chrono::NaiveDate;
use kit::{
    Failure,
    db::{corrupt, one_row},
    id::{GroupId, PartyId, PractitionerId, ServiceId, SubscriptionId},
};
use sqlx::PgConnection;

use super::named;
use crate::domain::{Key, Page, PriceUnit, Service, ServiceTerms, Subscription};

#[derive(sqlx::FromRow)]
struct ServiceRow {
    service_id: ServiceId,
    key: String,
    name: String,
    provider_id: PartyId,
    provider_name: String,
    price_unit: String,
    price_cents: i64,
    term_months: i32,
    notice_months: i32,
    offered_from: NaiveDate,
    offered_to: Option<NaiveDate>,
    subscriber_count: i64,
}

impl TryFrom<ServiceRow> for Service {
    type Error = Failure;

    fn try_from(row: ServiceRow) -> Result<Self, Failure> {
        let bad = |column: &str| corrupt("service", column, row.service_id);
        Ok(Self {
            id: row.service_id,
            key: Key::parse(&row.key).map_err(|_| bad("key"))?,
            terms: ServiceTerms {
                price_unit: price_unit(&row.price_unit).ok_or_else(|| bad("price_unit"))?,
                price_cents: row.price_cents,
                term_months: u32::try_from(row.term_months).map_err(|_| bad("term_months"))?,
                notice_months: u32::try_from(row.notice_months).map_err(|_| bad("notice_months"))?,
            },
            name: row.name,
            provider_id: row.provider_id,
            provider_name: row.provider_name,
            offered_from: row.offered_from,
            offered_to: row.offered_to,
            subscriber_count: row.subscriber_count,
        })
    }
}

fn price_unit(name: &str) -> Option<PriceUnit> {
    named(&PriceUnit::ALL, PriceUnit::name, name)
}

/// A service with the subscriptions that run on a day, `$2`.
const SERVICES: &str =
    "SELECT s.service_id, s.key, s.name, s.provider_id, p.name AS provider_name, s.price_unit, s.price_cents,
    s.term_months, s.notice_months, s.offered_from, s.offered_to,
    (SELECT count(*) FROM subscription u WHERE u.group_id = s.group_id AND u.service_id = s.service_id
       AND u.starts_on <= $2 AND (u.ends_on IS NULL OR u.ends_on >= $2)) AS subscriber_count
  FROM service s JOIN party p ON p.party_id = s.provider_id";

/// A page of services, all or those offered on a day.
///
/// # Errors
/// When the database is away.
pub async fn list_services(
    conn: &mut PgConnection,
    group: GroupId,
    today: NaiveDate,
    on: Option<NaiveDate>,
    page: Page<ServiceId>,
) -> Result<Vec<Service>, Failure> {
    let sql = format!(
        "{SERVICES} WHERE s.group_id = $1 AND ($3::date IS NULL OR (s.offered_from <= $3 AND (s.offered_to IS NULL OR s.offered_to >= $3)))
           AND ($4::uuid IS NULL OR s.service_id > $4) ORDER BY s.service_id LIMIT $5"
    );
    let rows: Vec<ServiceRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(group)
        .bind(today)
        .bind(on)
        .bind(page.after)
        .bind(page.rows_to_read())
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(Service::try_from).collect()
}

/// Services by key.
///
/// # Errors
/// When the database is away.
pub async fn services_by_key(
    conn: &mut PgConnection,
    group: GroupId,
    today: NaiveDate,
    keys: &[&str],
) -> Result<Vec<Service>, Failure> {
    let sql = format!("{SERVICES} WHERE s.group_id = $1 AND s.key = ANY ($3)");
    let rows: Vec<ServiceRow> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(group).bind(today).bind(keys).fetch_all(conn).await?;
    rows.into_iter().map(Service::try_from).collect()
}

/// One service, by id or key.
///
/// # Errors
/// When the database is away.
pub async fn find_service(
    conn: &mut PgConnection,
    group: GroupId,
    today: NaiveDate,
    id: Option<ServiceId>,
    key: Option<&str>,
) -> Result<Option<Service>, Failure> {
    let sql = format!("{SERVICES} WHERE s.group_id = $1 AND (s.service_id = $3 OR s.key = $4)");
    let row: Option<ServiceRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(group)
        .bind(today)
        .bind(id)
        .bind(key)
        .fetch_optional(conn)
        .await?;
    row.map(Service::try_from).transpose()
}

/// Inserts services or updates those whose id is there.
///
/// # Errors
/// When the database is away.
pub async fn save_services(conn: &mut PgConnection, group: GroupId, services: &[Service]) -> Result<(), Failure> {
    let months = |months: u32| i32::try_from(months).unwrap_or(i32::MAX);
    sqlx::query(
        "INSERT INTO service (group_id, service_id, key, name, provider_id, price_unit, price_cents, term_months, notice_months,
           offered_from, offered_to)
         SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::bigint[], $8::integer[], $9::integer[],
           $10::date[], $11::date[])
         ON CONFLICT (group_id, service_id) DO UPDATE SET name = excluded.name, provider_id = excluded.provider_id,
           price_unit = excluded.price_unit, price_cents = excluded.price_cents, term_months = excluded.term_months,
           notice_months = excluded.notice_months, offered_from = excluded.offered_from, offered_to = excluded.offered_to",
    )
    .bind(group)
    .bind(services.iter().map(|one| one.id).collect::<Vec<_>>())
    .bind(services.iter().map(|one| one.key.as_str()).collect::<Vec<_>>())
    .bind(services.iter().map(|one| one.name.as_str()).collect::<Vec<_>>())
    .bind(services.iter().map(|one| one.provider_id).collect::<Vec<_>>())
    .bind(services.iter().map(|one| one.terms.price_unit.name()).collect::<Vec<_>>())
    .bind(services.iter().map(|one| one.terms.price_cents).collect::<Vec<_>>())
    .bind(services.iter().map(|one| months(one.terms.term_months)).collect::<Vec<_>>())
    .bind(services.iter().map(|one| months(one.terms.notice_months)).collect::<Vec<_>>())
    .bind(services.iter().map(|one| one.offered_from).collect::<Vec<_>>())
    .bind(services.iter().map(|one| one.offered_to).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct SubscriptionRow {
    subscription_id: SubscriptionId,
    service_id: ServiceId,
    service_key: String,
    service_name: String,
    practitioner_id: PractitionerId,
    practitioner_name: String,
    starts_on: NaiveDate,
    term_ends_on: Option<NaiveDate>,
    notice_given_on: Option<NaiveDate>,
    ends_on: Option<NaiveDate>,
    price_unit: String,
    price_cents: i64,
    notice_months: i32,
}

impl TryFrom<SubscriptionRow> for Subscription {
    type Error = Failure;

    fn try_from(row: SubscriptionRow) -> Result<Self, Failure> {
        let bad = |column: &str| corrupt("subscription", column, row.subscription_id);
        Ok(Self {
            id: row.subscription_id,
            price_unit: price_unit(&row.price_unit).ok_or_else(|| bad("price_unit"))?,
            notice_months: u32::try_from(row.notice_months).map_err(|_| bad("notice_months"))?,
            service_id: row.service_id,
            service_key: row.service_key,
            service_name: row.service_name,
            practitioner_id: row.practitioner_id,
            practitioner_name: row.practitioner_name,
            starts_on: row.starts_on,
            term_ends_on: row.term_ends_on,
            ending: row.notice_given_on.zip(row.ends_on),
            price_cents: row.price_cents,
        })
    }
}

const SUBSCRIPTIONS: &str = "SELECT u.subscription_id, u.service_id, s.key AS service_key, s.name AS service_name, u.practitioner_id,
    p.name AS practitioner_name, u.starts_on, u.term_ends_on, u.notice_given_on, u.ends_on, u.price_unit, u.price_cents,
    u.notice_months
  FROM subscription u JOIN service s USING (group_id, service_id) JOIN practitioner p USING (group_id, practitioner_id)";

/// Which subscriptions are listed.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Only those of this practitioner.
    pub practitioner: Option<PractitionerId>,
    /// Only those to this service.
    pub service: Option<ServiceId>,
    /// Only those that run on this day.
    pub on: Option<NaiveDate>,
    /// The one party whose practitioners' the caller may see; none: all.
    pub only: Option<PartyId>,
    /// Today, on which those practitioners are attached to it.
    pub today: NaiveDate,
    /// Which page.
    pub page: Page<SubscriptionId>,
}

/// A page of subscriptions, by id.
///
/// # Errors
/// When the database is away.
pub async fn list_subscriptions(
    conn: &mut PgConnection,
    group: GroupId,
    wanted: Wanted,
) -> Result<Vec<Subscription>, Failure> {
    let sql = format!(
        "{SUBSCRIPTIONS} WHERE u.group_id = $1 AND ($2::uuid IS NULL OR u.practitioner_id = $2)
           AND ($3::uuid IS NULL OR u.service_id = $3)
           AND ($4::date IS NULL OR (u.starts_on <= $4 AND (u.ends_on IS NULL OR u.ends_on >= $4)))
           AND ($5::uuid IS NULL OR EXISTS (SELECT FROM practitioner_attachment a
             WHERE a.group_id = u.group_id AND a.practitioner_id = u.practitioner_id AND a.party_id = $5
               AND a.valid_from <= $6 AND (a.valid_to IS NULL OR a.valid_to >= $6)))
           AND ($7::uuid IS NULL OR u.subscription_id > $7)
         ORDER BY u.subscription_id LIMIT $8"
    );
    let rows: Vec<SubscriptionRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(group)
        .bind(wanted.practitioner)
        .bind(wanted.service)
        .bind(wanted.on)
        .bind(wanted.only)
        .bind(wanted.today)
        .bind(wanted.page.after)
        .bind(wanted.page.rows_to_read())
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(Subscription::try_from).collect()
}

/// One subscription, locked.
///
/// # Errors
/// When another change takes too long, or the database is away.
pub async fn lock_subscription(
    conn: &mut PgConnection,
    group: GroupId,
    id: SubscriptionId,
) -> Result<Option<Subscription>, Failure> {
    let sql = format!("{SUBSCRIPTIONS} WHERE u.group_id = $1 AND u.subscription_id = $2 FOR NO KEY UPDATE OF u");
    let row: Option<SubscriptionRow> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(group).bind(id).fetch_optional(conn).await?;
    row.map(Subscription::try_from).transpose()
}

/// A subscription to the service that shares a day with those from a day on. Lock the practitioner first.
///
/// # Errors
/// When the database is away.
pub async fn find_running(
    conn: &mut PgConnection,
    group: GroupId,
    practitioner: PractitionerId,
    service: ServiceId,
    from: NaiveDate,
) -> Result<Option<Subscription>, Failure> {
    let sql = format!(
        "{SUBSCRIPTIONS} WHERE u.group_id = $1 AND u.practitioner_id = $2 AND u.service_id = $3
           AND (u.ends_on IS NULL OR u.ends_on >= $4) ORDER BY u.starts_on LIMIT 1"
    );
    let row: Option<SubscriptionRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(group)
        .bind(practitioner)
        .bind(service)
        .bind(from)
        .fetch_optional(conn)
        .await?;
    row.map(Subscription::try_from).transpose()
}

/// Inserts a subscription.
///
/// # Errors
/// When the database is away.
pub async fn insert_subscription(
    conn: &mut PgConnection,
    group: GroupId,
    subscription: &Subscription,
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO subscription (group_id, subscription_id, service_id, practitioner_id, starts_on, term_ends_on, price_unit,
           price_cents, notice_months)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(group)
    .bind(subscription.id)
    .bind(subscription.service_id)
    .bind(subscription.practitioner_id)
    .bind(subscription.starts_on)
    .bind(subscription.term_ends_on)
    .bind(subscription.price_unit.name())
    .bind(subscription.price_cents)
    .bind(i32::try_from(subscription.notice_months).unwrap_or(i32::MAX))
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends a subscription that runs on.
///
/// # Errors
/// When the database is away.
pub async fn end_subscription(
    conn: &mut PgConnection,
    group: GroupId,
    id: SubscriptionId,
    given_on: NaiveDate,
    ends_on: NaiveDate,
) -> Result<(), Failure> {
    let result = sqlx::query(
        "UPDATE subscription SET notice_given_on = $3, ends_on = $4
         WHERE group_id = $1 AND subscription_id = $2 AND ends_on IS NULL",
    )
    .bind(group)
    .bind(id)
    .bind(given_on)
    .bind(ends_on)
    .execute(conn)
    .await?;
    one_row(&result, "subscription")
}
