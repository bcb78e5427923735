//! Dated rules of law and the business day.

use chrono::NaiveDate;
use kit::Failure;
use sqlx::PgConnection;

use crate::domain::law::{Law, Provision};

#[derive(sqlx::FromRow)]
struct ProvisionRow {
    rule: String,
    valid_from: NaiveDate,
    valid_to: Option<NaiveDate>,
    article: String,
    figure: Option<i64>,
}

impl From<ProvisionRow> for Provision {
    fn from(row: ProvisionRow) -> Self {
        let ProvisionRow { rule, valid_from, valid_to, article, figure } = row;
        Self { rule, valid_from, valid_to, article, figure }
    }
}

/// All provisions: a handful of rows.
pub(crate) async fn load(conn: &mut PgConnection) -> Result<Law, Failure> {
    let rows: Vec<ProvisionRow> =
        sqlx::query_as("SELECT rule, valid_from, valid_to, article, figure FROM legal_rule ORDER BY rule, valid_from")
            .fetch_all(conn)
            .await?;
    Ok(Law(rows.into_iter().map(Provision::from).collect()))
}
