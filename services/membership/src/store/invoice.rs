//! Invoices of contributions: inserted once, never changed.

use chrono::NaiveDate;
use kit::{
    Failure,
    db::{OnConstraint as _, corrupt},
    id::{GroupId, InvoiceId, PartyId},
};
use sqlx::{PgConnection, types::Json};

use crate::domain::{Page, Reason, contribution::Line, governance_error::GovernanceError, month::Month};

/// An invoice with its lines, or without in lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    /// Id.
    pub id: InvoiceId,
    /// Legal number.
    pub number: String,
    /// Who owes.
    pub party: PartyId,
    /// Its name.
    pub party_name: String,
    /// First month.
    pub from: Month,
    /// Last month.
    pub to: Month,
    /// When it was issued.
    pub issued_on: NaiveDate,
    /// Cents without VAT.
    pub total_cents: i64,
    /// Lines.
    pub lines: Vec<Line>,
}

/// Inserts an invoice with its lines.
///
/// # Errors
/// `PERIOD_INVOICED`.
pub async fn insert(conn: &mut PgConnection, group: GroupId, invoice: &Invoice) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO contribution_invoice (group_id, invoice_id, number, party_id, from_month, to_month, issued_on, total_cents)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(group)
    .bind(invoice.id)
    .bind(&invoice.number)
    .bind(invoice.party)
    .bind(invoice.from.first_day())
    .bind(invoice.to.first_day())
    .bind(invoice.issued_on)
    .bind(invoice.total_cents)
    .execute(&mut *conn)
    .await
    .on_constraint("contribution_invoice_months_once", || GovernanceError::PeriodInvoiced {
        party: invoice.party_name.clone(),
        from: invoice.from.to_string(),
        to: invoice.to.to_string(),
    })?;
    for (ordinal, line) in (1_i32..).zip(&invoice.lines) {
        sqlx::query(
            "INSERT INTO contribution_invoice_line (group_id, invoice_id, ordinal, rule_key, label, amount_cents, reason)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(group)
        .bind(invoice.id)
        .bind(ordinal)
        .bind(&line.key)
        .bind(&line.label)
        .bind(line.amount_cents)
        .bind(Json(&line.reason))
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Row {
    invoice_id: InvoiceId,
    number: String,
    party_id: PartyId,
    party_name: String,
    from_month: NaiveDate,
    to_month: NaiveDate,
    issued_on: NaiveDate,
    total_cents: i64,
}

impl From<Row> for Invoice {
    fn from(row: Row) -> Self {
        Self {
            id: row.invoice_id,
            number: row.number,
            party: row.party_id,
            party_name: row.party_name,
            from: Month::of(row.from_month),
            to: Month::of(row.to_month),
            issued_on: row.issued_on,
            total_cents: row.total_cents,
            lines: Vec::new(),
        }
    }
}

/// A page of invoices without lines, last issued first; of one member or all.
///
/// # Errors
/// When the database is away.
pub async fn list(
    conn: &mut PgConnection,
    group: GroupId,
    only: Option<PartyId>,
    page: Page<InvoiceId>,
) -> Result<Vec<Invoice>, Failure> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT i.invoice_id, i.number, i.party_id, p.name AS party_name, i.from_month, i.to_month, i.issued_on, i.total_cents
         FROM contribution_invoice i JOIN party p USING (party_id)
         WHERE i.group_id = $1 AND ($2::uuid IS NULL OR i.party_id = $2) AND ($3::uuid IS NULL OR i.invoice_id < $3)
         ORDER BY i.invoice_id DESC LIMIT $4",
    )
    .bind(group)
    .bind(only)
    .bind(page.after)
    .bind(page.rows_to_read())
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Invoice::from).collect())
}

#[derive(sqlx::FromRow)]
struct LineRow {
    rule_key: String,
    label: String,
    amount_cents: i64,
    reason: Json<Reason>,
}

/// One invoice with its lines; of one member or any.
///
/// # Errors
/// When the database is away, or the lines do not sum to the invoice.
pub async fn find(
    conn: &mut PgConnection,
    group: GroupId,
    only: Option<PartyId>,
    id: InvoiceId,
) -> Result<Option<Invoice>, Failure> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT i.invoice_id, i.number, i.party_id, p.name AS party_name, i.from_month, i.to_month, i.issued_on, i.total_cents
         FROM contribution_invoice i JOIN party p USING (party_id)
         WHERE i.group_id = $1 AND i.invoice_id = $3 AND ($2::uuid IS NULL OR i.party_id = $2)",
    )
    .bind(group)
    .bind(only)
    .bind(id)
    .fetch_optional(&mut *conn)
    .await?;
    let Some(mut invoice) = row.map(Invoice::from) else { return Ok(None) };
    let lines: Vec<LineRow> = sqlx::query_as(
        "SELECT rule_key, label, amount_cents, reason FROM contribution_invoice_line
         WHERE group_id = $1 AND invoice_id = $2 ORDER BY ordinal",
    )
    .bind(group)
    .bind(id)
    .fetch_all(conn)
    .await?;
    if lines.iter().map(|line| line.amount_cents).sum::<i64>() != invoice.total_cents {
        return Err(corrupt("contribution_invoice", "total_cents", id));
    }
    invoice.lines = lines
        .into_iter()
        .map(|line| Line {
            key: line.rule_key,
            label: line.label,
            amount_cents: line.amount_cents,
            reason: line.reason.0,
        })
        .collect();
    Ok(Some(invoice))
}
