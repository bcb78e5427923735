//! The registry of groups.

use std::collections::HashMap;

use kit::{
    Failure,
    db::{OnConstraint as _, corrupt},
    id::{GroupId, PartyId, PersonId, SiteId},
};
use sqlx::PgConnection;

use super::named;
use crate::domain::{Group, GroupForm, Key, MembershipError, Page};

#[derive(sqlx::FromRow)]
struct Row {
    group_id: GroupId,
    key: String,
    name: String,
    form: String,
    awarding_party_id: PartyId,
    platform_site_id: Option<SiteId>,
}

impl TryFrom<Row> for Group {
    type Error = Failure;

    fn try_from(row: Row) -> Result<Self, Failure> {
        let bad = |column: &str| corrupt("buying_group", column, row.group_id);
        Ok(Self {
            id: row.group_id,
            key: Key::parse(&row.key).map_err(|_| bad("key"))?,
            form: named(&GroupForm::ALL, GroupForm::name, &row.form).ok_or_else(|| bad("form"))?,
            name: row.name,
            awarding_party_id: row.awarding_party_id,
            platform_site_id: row.platform_site_id,
        })
    }
}

/// Inserts a new group.
///
/// # Errors
/// `GROUP_KEY_TAKEN`.
pub async fn insert(conn: &mut PgConnection, group: &Group) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO buying_group (group_id, key, name, form, awarding_party_id, platform_site_id) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(group.id)
    .bind(group.key.as_str())
    .bind(&group.name)
    .bind(group.form.name())
    .bind(group.awarding_party_id)
    .bind(group.platform_site_id)
    .execute(conn)
    .await
    .on_constraint("buying_group_key_unique", || MembershipError::GroupKeyTaken { key: group.key.to_string() })?;
    Ok(())
}

/// One group.
///
/// # Errors
/// When the database is away.
pub async fn find(conn: &mut PgConnection, group: GroupId) -> Result<Option<Group>, Failure> {
    let row: Option<Row> =
        sqlx::query_as("SELECT * FROM buying_group WHERE group_id = $1").bind(group).fetch_optional(conn).await?;
    row.map(Group::try_from).transpose()
}

/// One group, locked: changes of its members wait for each other.
///
/// # Errors
/// When another change takes too long, or the database is away.
pub async fn lock(conn: &mut PgConnection, group: GroupId) -> Result<Option<Group>, Failure> {
    // NO KEY: rows that only refer to the group need not wait.
    let row: Option<Row> = sqlx::query_as("SELECT * FROM buying_group WHERE group_id = $1 FOR NO KEY UPDATE")
        .bind(group)
        .fetch_optional(conn)
        .await?;
    row.map(Group::try_from).transpose()
}

/// Ids of groups by id and by key; those that are not there are left out.
///
/// # Errors
/// When the database is away.
pub async fn find_ids(
    conn: &mut PgConnection,
    ids: &[GroupId],
    keys: &[&str],
) -> Result<HashMap<String, GroupId>, Failure> {
    let rows: Vec<(GroupId, String)> =
        sqlx::query_as("SELECT group_id, key FROM buying_group WHERE group_id = ANY ($1) OR key = ANY ($2)")
            .bind(ids)
            .bind(keys)
            .fetch_all(conn)
            .await?;
    Ok(rows.into_iter().flat_map(|(id, key)| [(id.to_string(), id), (format!("key:{key}"), id)]).collect())
}

/// Whose groups are listed.
#[derive(Debug, Clone, Copy)]
pub enum Seen {
    /// All of the deployment.
    All,
    /// Those of a person's grants, and those that its party belongs to, awards for, or serves with a platform.
    Of {
        /// The person.
        person: Option<PersonId>,
        /// Its party.
        party: Option<PartyId>,
    },
}

/// A page of groups by name. Memberships are seen as far as the session's policies go.
///
/// # Errors
/// When the database is away.
pub async fn list(conn: &mut PgConnection, seen: Seen, page: Page<GroupId>) -> Result<Vec<Group>, Failure> {
    let (all, person, party) = match seen {
        Seen::All => (true, None, None),
        Seen::Of { person, party } => (false, person, party),
    };
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT g.* FROM buying_group g
         WHERE ($1 OR g.group_id IN (SELECT r.group_id FROM role_grant r WHERE r.person_id = $2)
             OR g.group_id IN (SELECT m.group_id FROM member m WHERE m.party_id = $3)
             OR g.awarding_party_id = $3
             OR g.platform_site_id IN (SELECT s.site_id FROM site s WHERE s.party_id = $3))
           AND ($4::uuid IS NULL OR (g.name, g.group_id) > (SELECT a.name, a.group_id FROM buying_group a WHERE a.group_id = $4))
         ORDER BY g.name, g.group_id LIMIT $5",
    )
    .bind(all)
    .bind(person)
    .bind(party)
    .bind(page.after)
    .bind(page.rows_to_read())
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Group::try_from).collect()
}
