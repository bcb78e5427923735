//! SQL only: a connection in, domain types out. The session's policies choose the group or the party; `mine` narrows a group session
//! to the rows in which the caller's party has a part ([`crate::app::App::mine`]).

pub mod allocations;
pub mod deliveries;
pub mod expected;
pub mod reference;
pub mod shipments;

use sqlx::{Row as _, postgres::PgRow};

/// A column that holds the code of a domain enum.
fn coded<T>(row: &PgRow, column: &str) -> Result<T, sqlx::Error>
where
    T: TryFrom<String>,
    T::Error: std::error::Error + Send + Sync + 'static,
{
    T::try_from(row.try_get(column)?)
        .map_err(|error| sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(error) })
}

/// Rows of a page, at most `limit`, so that their `weight` stays within `budget`; the first row always.
/// Keeps answers with nested rows within the size of a message. The second value says whether rows are left.
pub fn fit<T>(mut rows: Vec<T>, limit: usize, budget: i64, weight: impl Fn(&T) -> i64) -> (Vec<T>, bool) {
    let mut sum = 0;
    let fitting = rows
        .iter()
        .take(limit)
        .take_while(|row| {
            let first = sum == 0;
            sum += weight(row).max(1);
            first || sum <= budget
        })
        .count();
    let more = rows.len() > fitting;
    rows.truncate(fitting);
    (rows, more)
}

/// Nested rows in one page at most.
pub const NESTED_LIMIT: i64 = 10_000;

#[cfg(test)]
mod tests {
    use super::fit;

    #[test]
    fn a_page_ends_at_its_limit_or_its_budget_but_never_before_the_first_row() {
        assert_eq!(fit(vec![5, 5, 5], 2, 100, |w| *w), (vec![5, 5], true));
        assert_eq!(fit(vec![5, 5, 5], 10, 10, |w| *w), (vec![5, 5], true));
        assert_eq!(fit(vec![50, 5], 10, 10, |w| *w), (vec![50], true));
        assert_eq!(fit(vec![5], 10, 10, |w| *w), (vec![5], false));
        assert_eq!(fit(Vec::<i64>::new(), 10, 10, |w| *w), (vec![], false));
    }
}
