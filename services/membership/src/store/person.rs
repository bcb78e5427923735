//! People and their grants. Personal data.

use std::collections::HashMap;

use kit::{
    Failure,
    db::corrupt,
    id::{GroupId, PartyId, PersonId},
};
use sqlx::PgConnection;

use super::named;
use crate::domain::{Grant, GrantRole, Person};

/// Lets one registration of people at a time go on; readers do not notice.
///
/// # Errors
/// When another registration takes too long, or the database is away.
pub async fn lock_registry(conn: &mut PgConnection) -> Result<(), Failure> {
    sqlx::query("LOCK TABLE person IN SHARE ROW EXCLUSIVE MODE").execute(conn).await?;
    Ok(())
}

/// Ids by login.
///
/// # Errors
/// When the database is away.
pub async fn find_ids(conn: &mut PgConnection, logins: &[&str]) -> Result<HashMap<String, PersonId>, Failure> {
    let rows: Vec<(String, PersonId)> = sqlx::query_as("SELECT login, person_id FROM person WHERE login = ANY ($1)")
        .bind(logins)
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().collect())
}

/// Inserts people or updates those whose id is there.
///
/// # Errors
/// When the database is away.
pub async fn save_all(conn: &mut PgConnection, people: &[Person]) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO person (person_id, login, name, email) SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
         ON CONFLICT (person_id) DO UPDATE SET name = excluded.name, email = excluded.email",
    )
    .bind(people.iter().map(|person| person.id).collect::<Vec<_>>())
    .bind(people.iter().map(|person| person.login.as_str()).collect::<Vec<_>>())
    .bind(people.iter().map(|person| person.name.as_str()).collect::<Vec<_>>())
    .bind(people.iter().map(|person| person.email.as_str()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives people these grants and takes all others from them.
///
/// # Errors
/// When the database is away.
pub async fn replace_grants(
    conn: &mut PgConnection,
    people: &[PersonId],
    grants: &[(PersonId, Grant)],
) -> Result<(), Failure> {
    sqlx::query("DELETE FROM role_grant WHERE person_id = ANY ($1)").bind(people).execute(&mut *conn).await?;
    sqlx::query(
        "INSERT INTO role_grant (person_id, role, group_id, party_id) SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[])",
    )
    .bind(grants.iter().map(|(person, _)| *person).collect::<Vec<_>>())
    .bind(grants.iter().map(|(_, grant)| grant.role.name()).collect::<Vec<_>>())
    .bind(grants.iter().map(|(_, grant)| grant.group_id).collect::<Vec<_>>())
    .bind(grants.iter().map(|(_, grant)| grant.party_id).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Row {
    person_id: PersonId,
    login: String,
    name: String,
    email: String,
}

impl From<Row> for Person {
    fn from(row: Row) -> Self {
        Self { id: row.person_id, login: row.login, name: row.name, email: row.email }
    }
}

/// A person by id.
///
/// # Errors
/// When the database is away.
pub async fn find(conn: &mut PgConnection, person: PersonId) -> Result<Option<Person>, Failure> {
    let row: Option<Row> =
        sqlx::query_as("SELECT * FROM person WHERE person_id = $1").bind(person).fetch_optional(conn).await?;
    Ok(row.map(Person::from))
}

/// A person by what another issuer calls it.
///
/// # Errors
/// When the database is away.
pub async fn find_by_identity(conn: &mut PgConnection, issuer: &str, subject: &str) -> Result<Option<Person>, Failure> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT p.* FROM person_identity i JOIN person p USING (person_id) WHERE i.issuer = $1 AND i.subject = $2",
    )
    .bind(issuer)
    .bind(subject)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Person::from))
}

/// Everything that a person may do.
///
/// # Errors
/// When the database is away.
pub async fn list_grants(conn: &mut PgConnection, person: PersonId) -> Result<Vec<Grant>, Failure> {
    let rows: Vec<(String, Option<GroupId>, Option<PartyId>)> = sqlx::query_as(
        "SELECT role, group_id, party_id FROM role_grant WHERE person_id = $1 ORDER BY role, group_id, party_id",
    )
    .bind(person)
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|(role, group_id, party_id)| {
            let role =
                named(&GrantRole::ALL, GrantRole::name, &role).ok_or_else(|| corrupt("role_grant", "role", person))?;
            Ok(Grant { role, group_id, party_id })
        })
        .collect()
}
