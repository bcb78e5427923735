//! Rules of law by legal form. Written by migrations only.

use chrono::NaiveDate;
use kit::Failure;
use sqlx::PgConnection;

use crate::domain::{FormRules, GroupForm};

#[derive(sqlx::FromRow)]
struct Row {
    form: String,
    legal_person: bool,
    awards: String,
    orders: String,
    receives: String,
    pays: String,
    ordering_needs_delegation: bool,
    source: String,
}

/// The rules of every form on a day.
#[derive(Debug)]
pub struct RulesOfDay(Vec<(String, FormRules)>);

impl RulesOfDay {
    /// The rules of a form; none when the law knew none on that day.
    #[must_use]
    pub fn of(&self, form: GroupForm) -> Option<&FormRules> {
        self.0.iter().find(|(name, _)| name == form.name()).map(|(_, rules)| rules)
    }
}

/// The rules in force on a day: at most one for each form.
///
/// # Errors
/// When the database is away.
pub async fn list_on(conn: &mut PgConnection, on: NaiveDate) -> Result<RulesOfDay, Failure> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT form, legal_person, awards, orders, receives, pays, ordering_needs_delegation, source FROM group_form_rule
         WHERE valid_from <= $1 AND (valid_to IS NULL OR valid_to >= $1)",
    )
    .bind(on)
    .fetch_all(conn)
    .await?;
    let rules = |row: Row| {
        let Row { form, legal_person, awards, orders, receives, pays, ordering_needs_delegation, source } = row;
        (form, FormRules { legal_person, awards, orders, receives, pays, ordering_needs_delegation, source })
    };
    Ok(RulesOfDay(rows.into_iter().map(rules).collect()))
}
